"""What a server has of each resource, how much of it is in use in the busiest hour, and what theory says it needs."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, nan

import pandas as pd

from coexsim.analysis.assess import Assessment
from coexsim.analysis.candidates import IN_CAPACITY, say_resource
from coexsim.analysis.loads import Loads, StationLoad, station_loads
from coexsim.analysis.peak import peak_of
from coexsim.analysis.slo_text import STAGE_OF_CAPACITY, Objective
from coexsim.analysis.theory import workers_needed
from coexsim.scenario.model import Scenario
from coexsim.sim.world import World

KEEP_UP = "to keep up in the "
"""Why so much of a resource is needed that no objective is about; `peak_of` says in which time, and ends the sentence."""
FULL = 0.99
"""A line that is busier than this carries less than is asked of it."""
COLUMNS = ["resource", "has", "busy", "needed", "why"]


def resource_table(
    scenario: Scenario, server: str, assessment: Assessment, objectives: Sequence[Objective] = (), loads: Loads | None = None
) -> pd.DataFrame:  # fmt: skip
    """One row for each resource of a server, the scarcest first.

    ========  ===============================================================================================
    resource  cores, smtp_connections, transfer_threads, delivery_threads, queue_disk, or a link of its site
    has       what there is (threads, bytes, bytes per second); infinite: no limit
    busy      the share of it in use in the busiest hour, mean over replications; of the disk, the most in any of them
    needed    the least that theory finds enough for the objectives on this resource, or to keep up; of the disk what
              was used; of a line what was in use, mean over replications, over the share that an objective on it allows;
              NaN: no answer
    why       what `needed` rests on
    ========  ===============================================================================================
    """
    loads = station_loads(scenario) if loads is None else loads
    busy = assessment.busy()
    capacity, peak = scenario.servers[server].capacity, peak_of(scenario)
    rows = []
    for resource in IN_CAPACITY:
        has = getattr(capacity, resource)
        has = inf if has is None else float(has)
        if resource == "queue_disk":
            roles = {name for name, spec in scenario.servers.items() if server in (name, spec.runs_on)}
            most = max(sum(run.most_queued_bytes.get(role, 0.0) for role in roles) for run in assessment.runs)
            rows.append((resource, has, most / has if isfinite(has) else nan, most, "the most that waited in any run"))
            continue
        stage = STAGE_OF_CAPACITY.get(resource, resource)
        load = loads.of(server, stage)
        needed, why = _needed(load, objectives, peak) if load else (nan, "nothing comes there, or takes time")
        rows.append((resource, has, busy.get((server, stage), nan), needed, why))
    site, world = scenario.servers[server].site, World(scenario, scenario.run.seed, 0)
    links = {link.name: link for ends, link in world.network.links.items() if site in ends}
    for load in loads.stations:
        if load.stage == "link" and load.server in links:
            link, share = links[load.server], busy.get((load.server, "link"), nan)
            has = link.bandwidth or inf
            other = link.most_background(*world.measured_s)
            used = has * share
            if not share < FULL or has == inf:  # what a full line would carry, had it room, only theory knows
                used = load.mail_share(load.busiest_per_s) * has + other
            allowed, why = _allowed_share(
                load, objectives, KEEP_UP + peak + (", with the other traffic" if other else "")
            )
            rows.append((load.server, has, share, used / allowed, why))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values("busy", ascending=False, na_position="last", ignore_index=True, kind="stable")


def _allowed_share(load: StationLoad, objectives: Sequence[Objective], why: str) -> tuple[float, str]:
    """How much of a line may be in use in its busiest hour by the objectives on it; all of it where there is none."""
    allowed = 1.0
    for each in objectives:
        if each.kind == "utilisation" and each.is_upper and load.server in each.places:
            grown = 1.0 if each.busiest_hour else load.busiest_per_s / load.rate_per_s
            if 0 < each.limit * grown < allowed:
                allowed, why = each.limit * grown, each.text
    return allowed, why


def shortfalls(scenario: Scenario, server: str, objectives: Sequence[Objective]) -> list[str]:
    """Of which resources a server has less than theory finds enough, in words: what to try where no machine holds."""
    loads = station_loads(scenario)
    found = []
    for resource in IN_CAPACITY:
        has = getattr(scenario.servers[server].capacity, resource)
        load = loads.of(server, STAGE_OF_CAPACITY.get(resource, resource))
        if has is None or load is None:
            continue
        needed, why = _needed(load, objectives, peak_of(scenario))
        if needed > has:
            found.append(
                f"{say_resource(resource, needed)} {why if why.startswith(KEEP_UP) else f'for {why}'}, not {has:g}"
            )
    return found


def _needed(load: StationLoad, objectives: Sequence[Objective], peak: str) -> tuple[float, str]:
    """The least workers, by the busiest hour's load and the objectives on this very station."""
    asks: dict[str, float] = {"utilisation": 1.0}
    why = KEEP_UP + peak
    for each in objectives:
        if (each.server, each.stage) != (load.server, load.stage) or not each.is_upper:
            continue
        if each.kind == "utilisation":
            grown = 1.0 if each.busiest_hour else load.busiest_per_s / load.rate_per_s
            asks["utilisation"], why = min(asks["utilisation"], each.limit * grown), each.text
        elif each.kind == "mean":
            asks["mean_wait_s"], why = each.limit, each.text
        elif each.kind == "quantile" and each.probability:
            asks |= {"quantile_wait_s": each.limit, "quantile": each.probability}
            why = each.text
    try:
        return float(workers_needed(load.busiest_per_s, load.service_s, service_cv2=load.service_cv2, **asks)), why
    except ValueError:
        return nan, "no number is enough"
