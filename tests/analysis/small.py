"""A small scenario for tests of analysis, as text that a test may change."""

from __future__ import annotations

from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario

HYBRID = (
    "init", "exchange-hybrid-centralised", "--domain", "corp.example", "--onprem", "90", "--hosted", "9", "--uplink", "9Mbit/s",
    "--cores", "2", "--quiet",
)  # fmt: skip
"""A command that writes a scenario."""

SMALL = """\
coexsim: 1
title: small
domain: corporate.com
sites: [office, hosted, internet]
links:
  - {between: [office, hosted], round_trip: 40 ms, bandwidth: 100 Mbit/s}
  - {between: [office, internet], round_trip: 30 ms, bandwidth: 100 Mbit/s}
dns:
  corporate.com: |
    @       1h IN MX 10 domino.corporate.com.
    domino  1h IN A  192.0.2.10
servers:
  onprem:
    kind: domino
    site: office
    host: domino.corporate.com
    smtp_listener_task: enabled
    smtp_outside_local_domain: enabled
    global_domain: [corporate.com]
    smart_host: smtp.inotes.example
    capacity: {cores: 4, smtp_connections: 100, transfer_threads: 18, delivery_threads: 6, queue_disk: 50 GB}
    service: {scan: 60 ms}
  smart-host: {kind: relay, runs_on: onprem}
  inotes-inbound: {kind: hosted-inbound, site: hosted, host: smtp.inotes.example}
  inotes-outbound: {kind: hosted-outbound, site: hosted}
  external: {kind: external, site: internet, domain: otherdomain.com}
directory:
  master: onprem
  replica: {at: inotes-inbound}
  population: {onprem: 80, hosted: 120}
run: {start: Mon 09:00, length: 2 h}
events:
  - {at: 10:00, for: 30 min, down: inotes-inbound}
  - {at: 10:45, for: 5 min, down: office-hosted}
"""


def small(*objectives: str, more: str = "") -> Scenario:
    """The small scenario with objectives."""
    lines = "".join(f"  - {text}\n" for text in objectives)
    return scenario_from_text(SMALL + more + (f"objectives:\n{lines}" if objectives else ""), "small.yaml")
