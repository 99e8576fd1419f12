"""One station as a scenario: Poisson mail to one server whose cores are the only thing that takes time."""

from __future__ import annotations

from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario

STATION = """\
coexsim: 1
title: one station
domain: corporate.com
sites: [office]
dns:
  corporate.com: |
    @   1h IN MX 10 mx.corporate.com.
    mx  1h IN A  192.0.2.10
servers:
  onprem:
    kind: domino
    site: office
    host: mx.corporate.com
    smtp_listener_task: enabled
    global_domain: [corporate.com]
    capacity: {cores: %(cores)d}
    service: {scan: {fixed: %(service_s)s s, %(law)s}}
  external: {kind: external, site: office, domain: otherdomain.com}
directory:
  master: onprem
  population: {onprem: 100}
load:
  streams:
    - {from: internet, to: onprem, rate: %(per_hour)s/h, sizes: 10 KB}
run: {length: %(hours)s h, warm_up: %(warm_up)s h}
objectives:
%(objectives)s
%(more)s
"""


def station(
    *objectives: str, per_hour: float = 2376, service_s: float = 6, cores: int = 5, law: str = "law: exponential",
    hours: float = 10, warm_up: float = 1, size: str = "",
) -> Scenario:  # fmt: skip
    """The station with objectives and what `size:` says."""
    lines = "".join(f"  - {text}\n" for text in objectives) or "  []"
    more = f"size: {{server: onprem, {size}}}" if size else ""
    values = {
        "cores": cores, "service_s": service_s, "law": law, "per_hour": per_hour, "hours": hours, "warm_up": warm_up,
        "objectives": lines, "more": more,
    }  # fmt: skip
    return scenario_from_text(STATION % values, "station.yaml")
