"""The measured scenario as text: each key with a remark that says what it rests on."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from coexsim.intake.fit_complete import Complete
from coexsim.intake.fit_counts import SENDER_SIDES
from coexsim.intake.fit_load import DAY_S, LoadSeen
from coexsim.intake.fit_neighbours import REMARK as NEIGHBOURS
from coexsim.intake.fit_neighbours import neighbour_works
from coexsim.intake.fit_scenario import measured_servers, yaml_text
from coexsim.intake.fit_service import MeasuredWork
from coexsim.intake.fit_set_up import directory_of, left_out, set_up
from coexsim.intake.fit_sizes import SizeFit
from coexsim.intake.fit_traffic import HostOutage, RetryGaps
from coexsim.intake.logs.join import name_of
from coexsim.intake.logs.sides import HOSTED, INTERNET, ONPREM, UNKNOWN, UNKNOWN_AT_HOSTED, UNKNOWN_DOMAIN, Sides
from coexsim.intake.set_up_seen import LOCALLY, LoggedSetUp
from coexsim.mail.message import fold
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import PostfixServer

OFFICE_DAYS = 0.8  # a log of so many days has a day's curve
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def scenario_text(
    known: LoggedSetUp, names: dict[int, str], tries: pd.DataFrame, load: LoadSeen, sizes: SizeFit | None, works: dict[int, MeasuredWork],
    retries: Mapping[str, RetryGaps], outages: Sequence[HostOutage], complete: Complete,
    given: Scenario | None, folder: str | Path | None,
) -> str:  # fmt: skip
    """The scenario; it extends `given`, if that came from a file, seen from `folder`."""
    remarks: dict[str, str] = {}
    data: dict[str, Any] = {}
    period_s, zone_s, sides = load.period_s, load.zone_s, known.sides
    if given is None:
        data = set_up(known, names)
        scenario_servers: Mapping[str, Any] = data["servers"]
        head = "Worked out from mail logs: the set-up as far as they show it, and what they measure.\n"
        remarks["links"] = "what the lines take is in the measured times"
        remarks["servers"] = "worked out from the logs: set beside your configuration what it says of them"
    else:
        scenario_servers = given.servers
        head = "What mail logs measure, over the scenario that it extends.\n"
        if Path(given.source.file).is_file():
            data["extends"] = os.path.relpath(given.source.file, folder or ".")
    head += f"{load.messages} messages from {_when(period_s[0] + zone_s)} to {_when(period_s[1] + zone_s)}"
    if complete.lost_share > 0.002:
        head += f"; the log lacks about {100 * complete.lost_share:.1f} % of its lines"
    if given is None and (others := left_out(known, names, scenario_servers)):
        head += (
            f".\nNot in it: {', '.join(others)}, where people hand mail in whose mail files are elsewhere; "
            "such a set-up is not worked out from logs, give it with --scenario"
        )
    if complete.unlogged:
        head += f".\nNot to be trusted as it stands: {complete.why}"
    neighbours = neighbour_works(known, names, tries, scenario_servers, given)
    servers = measured_servers(works, names, scenario_servers, neighbours)
    if given is not None:
        _clear(servers, given.source.raw.get("servers", {}))
    for name, more in _retries(retries, scenario_servers, given).items():
        servers.setdefault(name, {}).update(more)
    for name, server in servers.items():
        if "service" in server:
            by_itself = "measured; a law by its values, from queue to queue"
            remarks[f"servers.{name}.service"] = NEIGHBOURS if name in neighbours else by_itself
        if "smtp" in server:
            remarks[f"servers.{name}.smtp"] = "what a session costs is in the measured times to accept"
    if given is None:
        for name, more in servers.items():
            data["servers"][name] = data["servers"][name] | more
        data["directory"] = directory_of(scenario_servers, _population(sides))
        remarks["directory.population"] = "addresses seen in the logs"
    else:
        data["servers"] = servers
        if not given.directory.population:
            data["directory"] = _directory(known, names, given, remarks)
            for name, more in _ways(known, names, given).items():
                servers.setdefault(name, {}).update(more)
                remarks |= dict.fromkeys(
                    (f"servers.{name}.{key}" for key in more), "where it sent mail; for mailboxes without a name"
                )
    if measured := _load(load, sides, sizes, given, remarks):
        data["load"] = measured
    begin_s = float(np.floor(period_s[0])) + zone_s
    data["run"] = {"start": start_text(begin_s), "length": f"{ceil(period_s[1] - period_s[0]) + 1} s"}
    if down := outage_events(outages, names, scenario_servers, zone_s):
        data["events"] = down
        remarks["events"] = "outages that the logs show"
    return yaml_text(data, remarks, head)


def _retries(
    retries: Mapping[str, RetryGaps], known: Mapping[str, Any], given: Scenario | None
) -> dict[str, dict[str, Any]]:
    """The gaps between attempts, where the given scenario says none of its own."""
    said = {} if given is None else given.source.raw.get("servers") or {}
    found: dict[str, dict[str, Any]] = {}
    for name, gaps in retries.items():
        if name not in known:
            continue
        server = known[name]
        kind = server["kind"] if isinstance(server, dict) else server.kind
        own = set(said.get(name) or ())
        if kind == "postfix" and own.isdisjoint((*gaps.as_postfix(), "retry")):
            found[name] = dict(gaps.as_postfix())
        elif kind != "postfix" and "retry" not in own:
            found[name] = {"retry": gaps.as_plan()}
    return found


def _when(at_s: float) -> str:
    when = datetime.fromtimestamp(at_s, UTC)
    return f"{DAYS[when.weekday()]} {when:%Y-%m-%d %H:%M:%S}"


def start_text(at_s: float) -> str:
    """A time as `run.start` has it, to the second: ``Tue 17:32:42``."""
    when = datetime.fromtimestamp(round(at_s), UTC)
    return f"{DAYS[when.weekday()]} {when:%H:%M:%S}"


def outage_events(
    outages: Sequence[HostOutage], names: Mapping[int, str], known: Mapping[str, Any], zone_s: float
) -> list[dict[str, str]]:
    """Outages of servers that the scenario has, as `events:`."""
    events = []
    for outage in outages:
        name = names.get(outage.server, "")
        if outage.server < 0:
            hosts = {
                each: (server.get("host") if isinstance(server, dict) else server.host)
                for each, server in known.items()
            }
            name = next((each for each, host in hosts.items() if host == outage.host), "")
        if name in known:
            length = max(1, round(outage.to_s - outage.from_s))
            events.append({"at": start_text(outage.from_s + zone_s), "for": f"{length} s", "down": name})
    return events


def _clear(servers: dict[str, Any], written: Mapping[str, Any]) -> None:
    """Take away what the given scenario says of work that was measured: laws do not add up."""
    for name, server in servers.items():
        below = (written.get(name) or {}).get("service") or {}
        for stage, work in server.get("service", {}).items():
            if isinstance(below.get(stage), Mapping):
                for key in below[stage]:
                    work.setdefault(key, None)


def _ways(known: LoggedSetUp, names: Mapping[int, str], given: Scenario) -> dict[str, dict[str, Any]]:
    """Where each Postfix of the scenario sent most mail of people of a side, as far as its own keys do not say so of people in general.

    A transport table lists people by name; mailboxes without one go the way that the log shows: by `smart_host`, or by an entry of their
    own where the table has one for the whole domain.
    """
    found: dict[str, dict[str, Any]] = {}
    for number, name in sorted(names.items()):
        server = given.servers.get(name)
        if not isinstance(server, PostfixServer):
            continue
        table = {fold(pattern): to for pattern, to in server.transport.items()}
        whole = next((table[pattern] for pattern in (fold(given.domain), "*") if pattern in table), None)
        for side, word in ((ONPREM, "onprem"), (HOSTED, "hosted")):
            hosts: Counter[str] = Counter()
            for code, n in known.seen.ways_of(number, side).items():
                hosts["" if code == LOCALLY else name_of(known.book.hosts[code])] += n
            host = hosts.most_common(1)[0][0] if hosts else ""
            if whole is not None and hosts and (host or "virtual:") not in whole:
                to = f"smtp:[{host}]" if host else "virtual:"
                found.setdefault(name, {}).setdefault("transport", {})[f"{word}-mailbox@{given.domain}"] = to
            elif whole is None and host and side == HOSTED and not server.smart_host:
                found.setdefault(name, {})["smart_host"] = f"[{host}]"
    return found


def _directory(
    known: LoggedSetUp, names: Mapping[int, str], given: Scenario, remarks: dict[str, str]
) -> dict[str, Any]:
    """Mailboxes without a name, of the sides for which the given scenario has a server; on-premises ones where the log shows mail files."""
    homes = given.home_server
    found: dict[str, Any] = {"population": {side: n for side, n in _population(known.sides).items() if side in homes}}
    files = Counter({
        names[home]: known.seen.mail_files[home]
        for home, side in known.homes.items()
        if isinstance(home, int) and side == ONPREM and names[home] in given.servers
    })  # fmt: skip
    if files and homes.get("onprem") not in files:
        found["master"] = max(sorted(files), key=files.__getitem__)
        remarks["directory.master"] = f"mail files are there by the log, not at {homes.get('onprem', 'another server')}"
    return found


def _population(sides: Sides) -> dict[str, int]:
    return {"onprem": max(1, int((sides.homes == ONPREM).sum())), "hosted": max(1, int((sides.homes == HOSTED).sum()))}


def _load(
    load: LoadSeen, sides: Sides, sizes: SizeFit | None, given: Scenario | None, remarks: dict[str, str]
) -> dict[str, Any]:
    """`load:`, as an office with a day's curve where the log is long enough, else as steady streams; empty: no side sent two messages."""
    office = load.length_s >= OFFICE_DAYS * DAY_S
    data: dict[str, Any] = _office(load, sides, given) if office else {"streams": _streams(load)}
    if not office and not data["streams"]:
        return {}
    if sizes is not None:
        remarks["load.sizes"] = f"measured, {sizes.moments.n} messages"
        if sizes.law is not None and sizes.is_law_good:
            data["sizes"] = _with_units(sizes.law)
        else:
            data["sizes"] = {f"{size} B": n for size, n in sizes.table.items()}
            remarks["load.sizes"] += "; as a table: no law of the profile's kind fits"
    remarks["load"] = (
        f"measured, {load.messages} messages in {load.length_s:.0f} s; replay.parquet has the same mail, and would add to it: "
        "who replays that takes these rates out"
    )
    if given is not None:
        for key in given.source.raw.get("load") or {}:
            data.setdefault(key, None)
    return data


def _with_units(law: dict[str, Any]) -> dict[str, Any]:
    body = law["body"]["lognormal"]
    data: dict[str, Any] = {"body": {"lognormal": {"median": f"{body['median']} B", "sigma": body["sigma"]}}}
    if "tail" in law:
        pareto = law["tail"]["pareto"]
        data |= {
            "tail": {"pareto": {"alpha": pareto["alpha"], "from": f"{pareto['from']} B"}},
            "tail_share": law["tail_share"],
        }
    return data | {"limit": f"{law['limit']} B"}


def _weights(load: LoadSeen, sender: int) -> dict[str, float]:
    """Where the copies of a side's messages went."""
    counts = {name: load.copies((sender,), (number,)) for number, name in enumerate(SENDER_SIDES)}
    counts["unknown"] = load.copies((sender,), (UNKNOWN, UNKNOWN_AT_HOSTED))
    counts["internet"] += load.copies((sender,), (UNKNOWN_DOMAIN,))
    return {name: float(n) for name, n in counts.items() if n}


def _streams(load: LoadSeen) -> list[dict[str, Any]]:
    streams = []
    for number, side in enumerate(SENDER_SIDES):
        weights, messages = _weights(load, number), load.of_side(number)
        if messages >= 2 and load.length_s > 0 and weights:
            rate = f"{messages / load.length_s:.6g}/s"
            streams.append(
                {
                    "name": f"from {side}",
                    "from": side,
                    "to": weights,
                    "rate": rate,
                    "recipients": load.recipient_table(number),
                }
            )
    return streams


def _office(load: LoadSeen, sides: Sides, given: Scenario | None) -> dict[str, Any]:
    """What a mailbox sends and receives on a day of factor 1."""
    day, week = load.curves()
    begin_s, end_s = load.period_s
    population = given.directory.population if given is not None and given.directory.population else _population(sides)
    boxes = sum(population.values())
    days = load.length_s / DAY_S
    if week is not None:
        hours = np.arange(begin_s + load.zone_s, end_s + load.zone_s, 3600.0)
        days = float(np.array(week)[((hours // DAY_S + 3) % 7).astype(int)].sum()) / 24
    people, own = (ONPREM, HOSTED), (ONPREM, HOSTED)
    inside, received = load.copies(people, own), load.copies((INTERNET,), own)
    data: dict[str, Any] = {"day_curve": day}
    if week is not None:
        data["week_curve"] = week
    data |= {
        "sent_per_mailbox": f"{max(load.of_side(ONPREM) + load.of_side(HOSTED), 1) / boxes / days:.5g}/day",
        "internal_share": round(inside / max(inside + received, 1), 4),
        "internet_received_per_mailbox": f"{received / boxes / days:.5g}/day",
        "recipients": load.recipient_table(*people) or {1: 1},
    }
    if load.of_side(INTERNET):
        data["internet_recipients"] = load.recipient_table(INTERNET)
    if unknown := load.copies((INTERNET,), (UNKNOWN, UNKNOWN_AT_HOSTED)):
        rate = f"{unknown / load.length_s:.6g}/s"
        data["streams"] = [{"name": "to unknown", "from": "internet", "to": "unknown", "rate": rate}]
    return data
