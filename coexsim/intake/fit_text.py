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

from coexsim.intake.fit_counts import SENDER_SIDES, Complete
from coexsim.intake.fit_load import DAY_S, curves, recipient_table
from coexsim.intake.fit_scenario import measured_servers, set_up, yaml_text
from coexsim.intake.fit_service import MeasuredWork
from coexsim.intake.fit_sizes import SizeFit
from coexsim.intake.fit_traffic import HostOutage
from coexsim.intake.logs.book import SENT
from coexsim.intake.logs.join import name_of
from coexsim.intake.logs.journeys import Journeys
from coexsim.intake.logs.sides import HOSTED, ONPREM, UNKNOWN, Sides
from coexsim.scenario.model import Scenario

OFFICE_DAYS = 0.8  # a log of so many days has a day's curve
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def scenario_text(
    found: Journeys, sides: Sides, names: dict[int, str], mail: pd.DataFrame, sizes: SizeFit | None, works: dict[int, MeasuredWork],
    retries: Mapping[str, Mapping[str, str]], outages: Sequence[HostOutage], period_s: tuple[float, float], zone_s: float,
    complete: Complete, given: Scenario | None, folder: str | Path | None,
) -> str:  # fmt: skip
    """The scenario; it extends `given`, if that came from a file, seen from `folder`."""
    remarks: dict[str, str] = {}
    data: dict[str, Any] = {}
    if given is None:
        data = set_up(found, sides, names)
        known: Mapping[str, Any] = data["servers"]
        head = "Worked out from mail logs: the set-up as far as they show it, and what they measure.\n"
        remarks["servers"] = "worked out from the logs: set beside your configuration what it says of them"
    else:
        known = given.servers
        head = "What mail logs measure, over the scenario that it extends.\n"
        if Path(given.source.file).is_file():
            data["extends"] = os.path.relpath(given.source.file, folder or ".")
    head += f"{len(mail)} messages from {_when(period_s[0] + zone_s)} to {_when(period_s[1] + zone_s)}"
    if complete.lost_share > 0.002:
        head += f"; the log lacks about {complete.lost_share:.1%} of its lines"
    servers = measured_servers(works, names, known)
    if given is not None:
        _clear(servers, given.source.raw.get("servers", {}))
    for name, settings in retries.items():
        kind = known[name]["kind"] if given is None and name in known else getattr(known.get(name), "kind", "")
        if kind == "postfix" and given is None:
            servers.setdefault(name, {}).update(settings)
    for name, server in servers.items():
        if "service" in server:
            remarks[f"servers.{name}.service"] = "measured; a law by its values, from queue to queue"
        if "smtp" in server:
            remarks[f"servers.{name}.smtp"] = "what a session costs is in the measured times to accept"
    if given is None:
        for name, more in servers.items():
            data["servers"][name] = data["servers"][name] | more
        data["directory"] = {"master": "onprem", "replica": {"at": "hosted-inbound"}, "population": _population(sides)}
        remarks["directory.population"] = "addresses seen in the logs"
    else:
        data["servers"] = servers
        if not given.directory.population:
            data["directory"] = {"population": _population(sides)}
            if (way := _way_to_hosted(found, sides, given)) is not None:
                servers.setdefault(way[0], {})["smart_host"] = way[1]
                remarks[f"servers.{way[0]}.smart_host"] = (
                    "where it sent mail of hosted people; for mailboxes without a name"
                )
    data["load"] = _load(mail, found, sides, sizes, period_s, zone_s, given, remarks)
    begin_s = float(np.floor(period_s[0])) + zone_s
    data["run"] = {"start": start_text(begin_s), "length": f"{ceil(period_s[1] - period_s[0]) + 1} s"}
    if down := outage_events(outages, names, known, zone_s):
        data["events"] = down
        remarks["events"] = "outages that the logs show"
    return yaml_text(data, remarks, head)


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


def _way_to_hosted(found: Journeys, sides: Sides, given: Scenario) -> tuple[str, str] | None:
    """The on-premises Postfix that says no smart host, and the host to which it handed most mail of hosted people; None: there is none.

    A transport table lists people by name; mailboxes without one go the way that the log shows.
    """
    name = given.home_server.get("onprem", "")
    server = given.servers.get(name)
    if server is None or server.kind != "postfix" or getattr(server, "smart_host", None):
        return None
    joined = found.joined
    numbers = {number for number, side in sides.servers.items() if side == ONPREM}
    went = joined.deliveries
    ours = np.isin(joined.visits["server"].to_numpy()[went["row"].to_numpy()], sorted(numbers))
    theirs = sides.homes[went["to"].to_numpy()] == HOSTED
    relays = went["relay"].to_numpy()[
        ours & theirs & ~went["is_local"].to_numpy() & (went["status"] == SENT).to_numpy()
    ]
    hosts = Counter(name_of(joined.book.hosts[code]) for code in relays.tolist())
    hosts.pop("", None)
    return (name, f"[{hosts.most_common(1)[0][0]}]") if hosts else None


def _population(sides: Sides) -> dict[str, int]:
    return {"onprem": max(1, int((sides.homes == ONPREM).sum())), "hosted": max(1, int((sides.homes == HOSTED).sum()))}


def _load(
    mail: pd.DataFrame, found: Journeys, sides: Sides, sizes: SizeFit | None, period_s: tuple[float, float], zone_s: float,
    given: Scenario | None, remarks: dict[str, str],
) -> dict[str, Any]:  # fmt: skip
    """`load:`, as an office with a day's curve where the log is long enough, else as steady streams."""
    length_s = period_s[1] - period_s[0]
    office = length_s >= OFFICE_DAYS * DAY_S
    load: dict[str, Any] = _office(mail, found, sides, period_s, zone_s, given) if office else {}
    if not office:
        load["streams"] = _streams(mail, found, sides, length_s)
    if sizes is not None:
        remarks["load.sizes"] = f"measured, {len(sizes.sizes)} messages"
        if sizes.law is not None and sizes.is_law_good:
            load["sizes"] = _with_units(sizes.law)
        else:
            load["sizes"] = {f"{size} B": n for size, n in sizes.table.items()}
            remarks["load.sizes"] += "; as a table: no law of the profile's kind fits"
    remarks["load"] = f"measured, {len(mail)} messages in {length_s:.0f} s"
    if given is not None:
        for key in given.source.raw.get("load") or {}:
            load.setdefault(key, None)
    return load


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


def _weights(found: Journeys, sides: Sides, part: pd.DataFrame) -> dict[str, float]:
    """Where the copies of these messages went."""
    side = sides.copy_side[found.copies["message"].isin(part.index).to_numpy()]
    counts = {name: int((side == number).sum()) for number, name in enumerate(SENDER_SIDES)}
    counts["unknown"] = int(((side == UNKNOWN) | (side == UNKNOWN + 1)).sum())
    counts["internet"] += int((side == UNKNOWN + 2).sum())
    return {name: float(n) for name, n in counts.items() if n}


def _streams(mail: pd.DataFrame, found: Journeys, sides: Sides, length_s: float) -> list[dict[str, Any]]:
    streams = []
    for number, side in enumerate(SENDER_SIDES):
        part = mail[mail["side"] == number]
        weights = _weights(found, sides, part)
        if len(part) >= 2 and length_s > 0 and weights:
            rate = f"{len(part) / length_s:.6g}/s"
            streams.append(
                {
                    "name": f"from {side}",
                    "from": side,
                    "to": weights,
                    "rate": rate,
                    "recipients": recipient_table(mail, number),
                }
            )
    return streams


def _office(
    mail: pd.DataFrame, found: Journeys, sides: Sides, period_s: tuple[float, float], zone_s: float, given: Scenario | None
) -> dict[str, Any]:  # fmt: skip
    """What a mailbox sends and receives on a day of factor 1."""
    day, week = curves(mail, zone_s)
    population = given.directory.population if given is not None and given.directory.population else _population(sides)
    boxes = sum(population.values())
    days = (period_s[1] - period_s[0]) / DAY_S
    if week is not None:
        hours = np.arange(period_s[0] + zone_s, period_s[1] + zone_s, 3600.0)
        days = float(np.array(week)[((hours // DAY_S + 3) % 7).astype(int)].sum()) / 24
    people, outside = mail[mail["side"] <= HOSTED], mail[mail["side"] == 2]
    of_people = found.copies["message"].isin(people.index).to_numpy()
    of_outside = found.copies["message"].isin(outside.index).to_numpy()
    inside = int((of_people & (sides.copy_side <= HOSTED)).sum())
    received = int((of_outside & (sides.copy_side <= HOSTED)).sum())
    load: dict[str, Any] = {"day_curve": day}
    if week is not None:
        load["week_curve"] = week
    load |= {
        "sent_per_mailbox": f"{max(len(people), 1) / boxes / days:.5g}/day",
        "internal_share": round(inside / max(inside + received, 1), 4),
        "internet_received_per_mailbox": f"{received / boxes / days:.5g}/day",
        "recipients": recipient_table(people) or {1: 1},
    }
    if len(outside):
        load["internet_recipients"] = recipient_table(outside)
    unknown = int((of_outside & ((sides.copy_side == UNKNOWN) | (sides.copy_side == UNKNOWN + 1))).sum())
    if unknown:
        rate = f"{unknown / (period_s[1] - period_s[0]):.6g}/s"
        load["streams"] = [{"name": "to unknown", "from": "internet", "to": "unknown", "rate": rate}]
    return load
