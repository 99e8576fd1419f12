"""What a server has of each resource, how much of it is in use in the busiest hour, and how much of it is enough.

Theory proposes how much would be enough; what is told was simulated, all of it at once (`enough.find_enough`). What is in use on average is
never enough: mail comes in bunches, and who finds no free connection is turned away for minutes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from math import inf, isfinite, nan

import numpy as np
import pandas as pd

from coexsim.analysis.assess import Assessment
from coexsim.analysis.candidates import IN_CAPACITY, say_amount, say_resource
from coexsim.analysis.loads import Loads, StationLoad, station_loads
from coexsim.analysis.peak import peak_of
from coexsim.analysis.slo_text import STAGE_OF_CAPACITY, Objective
from coexsim.analysis.theory import workers_needed
from coexsim.scenario.model import Scenario
from coexsim.sim.world import World
from coexsim.units import say_bytes

KEEP_UP = "to keep up in the "
"""Why so much of a resource is needed that no objective is about; `peak_of` says in which time, and ends the sentence."""
FULL = 0.99
"""A line that is busier than this carries less than is asked of it."""
SELDOM = 0.999
"""Of those who come in the busiest hour so many find a free connection or thread at once, where no objective is about it."""
ROOM = 0.7
"""How busy a line may be in the busiest hour where no objective says it."""
COLUMNS = ["resource", "has", "busy", "needed", "why"]
LESS_FAILS = "a machine with less fails"
ON_THE_DISK = "{most} waited at the most; what an outage needs is told by 'coexsim outage'"


def resource_table(
    scenario: Scenario, server: str, assessment: Assessment, objectives: Sequence[Objective] = (), loads: Loads | None = None,
    times: float | None = 1.0, tried: Collection[str] = (),
) -> pd.DataFrame:  # fmt: skip
    """One row for each resource of a server, the scarcest first.

    ========  ===============================================================================================
    resource  cores, smtp_connections, transfer_threads, delivery_threads, queue_disk, or a link of its site
    has       what there is (threads, bytes, bytes per second); infinite: no limit
    busy      the share of it in use in the busiest hour, mean over replications; of the disk, the most in any of them
    needed    `times` what theory proposes for the objectives on this resource, or to keep up, no more than there is; of a
              line what was in use, mean over replications, over the share that may be; NaN: no answer, as of the disk
    why       what `needed` rests on
    ========  ===============================================================================================

    With `times` None nothing was shown to be enough. Of the resources that were `tried` as machines, and less fails, all is needed.
    """
    loads = station_loads(scenario) if loads is None else loads
    rows = [_disk_or_workers(name, scenario, server, assessment, objectives, loads) for name in IN_CAPACITY]
    rows += _lines(scenario, server, assessment, objectives, loads)
    table = pd.DataFrame(rows, columns=COLUMNS)
    whole = table["resource"].isin(IN_CAPACITY)
    asked = table["needed"] * (nan if times is None else times)
    least = table["resource"].isin(tried)
    asked, table["why"] = asked.mask(least, table["has"]), table["why"].mask(least, LESS_FAILS)
    table["needed"] = asked.where(~whole, np.ceil(asked)).clip(upper=table["has"])
    return table.sort_values("busy", ascending=False, na_position="last", ignore_index=True, kind="stable")


def _disk_or_workers(
    resource: str, scenario: Scenario, server: str, assessment: Assessment, objectives: Sequence[Objective], loads: Loads
) -> tuple[str, float, float, float, str]:  # fmt: skip
    has = getattr(scenario.servers[server].capacity, resource)
    has = inf if has is None else float(has)
    if resource == "queue_disk":
        roles = {name for name, spec in scenario.servers.items() if server in (name, spec.runs_on)}
        most = max(sum(run.most_queued_bytes.get(role, 0.0) for role in roles) for run in assessment.runs)
        return resource, has, most / has if isfinite(has) else nan, nan, ON_THE_DISK.format(most=say_bytes(most))
    stage = STAGE_OF_CAPACITY.get(resource, resource)
    load = loads.of(server, stage)
    needed, why = _needed(load, objectives, peak_of(scenario)) if load else (nan, "nothing comes there, or takes time")
    return resource, has, assessment.busy().get((server, stage), nan), needed, why


def _lines(
    scenario: Scenario, server: str, assessment: Assessment, objectives: Sequence[Objective], loads: Loads
) -> Iterator[tuple[str, float, float, float, str]]:
    """The lines of the server's site, direction by direction."""
    busy, peak = assessment.busy(), peak_of(scenario)
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
            allowed, why = _allowed_share(load, objectives, KEEP_UP + peak, other=bool(other))
            yield load.server, has, share, used / allowed if isfinite(has) else nan, why


def _allowed_share(
    load: StationLoad, objectives: Sequence[Objective], keep_up: str, *, other: bool = False, room: float = ROOM
) -> tuple[float, str]:
    """How much of a line may be in use in its busiest hour by the objectives on it; `room` where there is none."""
    allowed, why = inf, ""
    for each in objectives:
        if each.kind == "utilisation" and each.is_upper and load.server in each.places:
            grown = 1.0 if each.busiest_hour else load.busiest_per_s / load.rate_per_s
            if 0 < each.limit * grown < allowed:
                allowed, why = each.limit * grown, each.text
    if allowed < inf:
        return min(allowed, 1.0), why
    return room, f"{keep_up} at {100 * room:.0f} % in use{', with the other traffic' if other else ''}"


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


def line_shortfalls(scenario: Scenario, objectives: Sequence[Objective]) -> list[str]:
    """Which lines have less than theory finds enough for mail and other traffic, in words: no machine makes up for them."""
    world, peak = World(scenario, scenario.run.seed, 0), peak_of(scenario)
    links = {link.name: link for link in world.network.links.values()}
    found = []
    for load in station_loads(scenario).stations:
        link = links.get(load.server) if load.stage == "link" else None
        if link is None or not link.bandwidth or not load.rate_per_s:
            continue
        used = load.mail_share(load.busiest_per_s) * link.bandwidth + link.most_background(*world.measured_s)
        allowed, why = _allowed_share(load, objectives, KEEP_UP + peak, room=1.0)
        if used > allowed * link.bandwidth:
            needed, has = (say_amount("uplink", value) for value in (used / allowed, link.bandwidth))
            found.append(
                f"{load.server} has {has}, and needs {needed} {why if why.startswith(KEEP_UP) else f'for {why}'}"
            )
    return found


def _needed(load: StationLoad, objectives: Sequence[Objective], peak: str) -> tuple[float, str]:
    """The least workers, by the busiest hour's load and the objectives on this very station."""
    asks: dict[str, float] = {"utilisation": 1.0}
    why = KEEP_UP + peak
    if load.stage != "cores":
        asks |= {"quantile_wait_s": 0.0, "quantile": SELDOM}
        why = f"that 1 of {1 / (1 - SELDOM):,.0f} finds none free in the {peak}"
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
