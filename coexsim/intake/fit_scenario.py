"""Write what was measured as a scenario: a whole one worked out from the logs, or one that extends a scenario that was given."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from coexsim.intake.fit_service import MeasuredWork
from coexsim.intake.fit_set_up import server_names
from coexsim.intake.logs.sides import HOSTED, INTERNET, ONPREM
from coexsim.intake.set_up_seen import LoggedSetUp
from coexsim.scenario.model import Scenario
from coexsim.sim.formulas import session_round_trips

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./ +-]*|\d+(?:\.\d+)? (?:ms|s|B|KB|MB|%)")
_RESERVED = frozenset(("true", "false", "null", "yes", "no", "on", "off", "~"))


def scenario_names(known: LoggedSetUp, scenario: Scenario | None) -> dict[int, str]:
    """The name of each logged server: that in the scenario that is given, else by what it does, such as onprem or hosted-inbound."""
    if scenario is not None:
        return _given_names(known, scenario)
    return server_names(known)


def _given_names(known: LoggedSetUp, scenario: Scenario) -> dict[int, str]:
    """Servers of the scenario by host name, address or name; those that fit none, by their side; else the log's own name."""
    by_word: dict[str, str] = {}
    for name, server in scenario.servers.items():
        for word in (name, server.host or "", server.address or ""):
            if word:
                by_word.setdefault(word.casefold(), name)
    for name, server in scenario.servers.items():
        if server.host:
            by_word.setdefault(server.host.casefold().partition(".")[0], name)
    sides = known.sides
    homes = scenario.home_server | {f"{side} entry": name for side, name in scenario.submission_server.items()}
    names: dict[int, str] = {}
    for number in range(len(known.book.servers)):
        words = sorted(known.hosts.get(number, ()), key=lambda word: (-len(word), word))
        fits = next((by_word[word] for word in words if word in by_word), None)
        if (
            fits is None
            and len(sides.servers)
            and list(sides.servers.values()).count(sides.servers.get(number, -1)) == 1
        ):
            fits = homes.get(
                {ONPREM: "onprem", HOSTED: "hosted", INTERNET: "internet entry"}.get(sides.servers[number], "")
            )
        names[number] = fits if fits is not None and fits not in names.values() else known.book.servers[number]
    return names


def round_trips(scenario: Scenario | None, names: dict[int, str]) -> dict[tuple[int, int], float]:
    """What a new session between two logged servers takes on the scenario's lines [s]."""
    if scenario is None:
        return {}
    lines = {frozenset(link.between): link.round_trip for link in scenario.links}
    found = {}
    for a, first in names.items():
        for b, second in names.items():
            one, other = scenario.servers.get(first), scenario.servers.get(second)
            if one is None or other is None or one.site is None or other.site is None or one.site == other.site:
                continue
            trips = session_round_trips(
                one.smtp.tls, one.smtp.pipelining, size_bytes=0, recipients=1, reused=False, body=True
            )
            found[a, b] = trips * lines.get(frozenset((one.site, other.site)), 0.0)
    return found


def measured_servers(
    works: dict[int, MeasuredWork], names: dict[int, str], known: Mapping[str, Any], neighbours: Mapping[str, MeasuredWork]
) -> dict[str, Any]:  # fmt: skip
    """`servers:` with the service times that were measured, for servers that the scenario has; of `neighbours` there is no log.

    What a session costs beside its round trips is in the time to accept, which was measured: it is not counted again.
    """
    servers: dict[str, Any] = {}
    for name, work in [*((names.get(number, ""), work) for number, work in works.items()), *neighbours.items()]:
        if name not in known:
            continue
        service = {
            key: law.to_data() for key in ("accept", "scan", "deliver") if (law := getattr(work, key)) is not None
        }
        if service:
            servers[name] = {"service": service}
    if any("accept" in server["service"] for server in servers.values()):
        for name in known:
            servers.setdefault(name, {"service": {}})["smtp"] = {"session": "0 s"}
    return {name: {key: part for key, part in server.items() if part} for name, server in servers.items()}


# --- YAML -----------------------------------------------------------------------------------------------------------------


def yaml_text(data: Mapping[str, Any], remarks: Mapping[str, str], head: str) -> str:
    """A scenario as YAML, with a remark behind each key that has one (by path, such as ``load.sizes``)."""
    lines = [f"# {line}" for line in head.splitlines()]
    lines += _block(data, remarks, "", 0)
    return "\n".join(lines) + "\n"


def _block(data: Mapping[str, Any], remarks: Mapping[str, str], above: str, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for key, value in data.items():
        path = f"{above}{key}"
        remark = f"  # {remarks[path]}" if path in remarks else ""
        if (
            isinstance(value, Mapping)
            and value
            and (depth < 2 or any(isinstance(v, (Mapping, list)) and len(v) > 4 for v in value.values()))
        ):
            yield f"{pad}{_scalar(key)}:{remark}"
            yield from _block(value, remarks, f"{path}.", depth + 1)
        elif isinstance(value, str) and "\n" in value:
            yield f"{pad}{_scalar(key)}: |{remark}"
            yield from (f"{pad}  {line}" for line in value.rstrip("\n").split("\n"))
        else:
            yield f"{pad}{_scalar(key)}: {_flow(value)}{remark}"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    text = str(value)
    return (
        text
        if _PLAIN.fullmatch(text) and text.casefold() not in _RESERVED and text == text.strip()
        else json.dumps(text)
    )


__all__ = ["measured_servers", "round_trips", "scenario_names", "yaml_text"]
