"""The figures of a scenario that were taken from somewhere: what they are, where from, and how to write another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel

from coexsim.errors import UsageError
from coexsim.scenario.describe import FROM_MEMORY, find_keys, sources_in
from coexsim.scenario.load_profile import over_profile
from coexsim.scenario.model import Scenario
from coexsim.scenario.product_work import source_of_work
from coexsim.scenario.servers import ExternalServer
from coexsim.scenario.written import unit_of, value_text

LONGEST = 90
LONGEST_LINE = 600


class Assumption(NamedTuple):
    """One figure, or a group of them: its place in the scenario file, its value and unit, its source, and a line that says another."""

    path: str
    value: str
    unit: str
    source: str
    line: str

    @property
    def said(self) -> str:
        """``5 s``, ``8 KB``; a value that is written with a unit needs no other."""
        return f"{self.value} {self.unit}".strip() if re.fullmatch(r"[\d.,]+", self.value) else self.value

    @property
    def is_from_memory(self) -> bool:
        """Is it a default that nobody has measured: one to put an own number in place of."""
        return FROM_MEMORY in self.source.casefold()


def assumptions(scenario: Scenario) -> list[Assumption]:
    """Every figure for which a source is given: of the scenario, its load profile, and the defaults that are in force.

    Those from memory come first.
    """
    found = [*_with_sources(scenario), *_defaults(scenario), *_work(scenario)]
    return sorted(found, key=lambda each: not each.is_from_memory)


def _with_sources(scenario: Scenario) -> Iterator[Assumption]:
    raw = scenario.source.raw
    for path, source in scenario.sources.items():
        yield _assumption(path, raw, source)
    if scenario.load is not None:
        written = raw.get("load") or {}
        load = over_profile(written) if "profile" in written else written
        for path, source in scenario.load.sources.items():
            yield _assumption(f"load.{path}", {"load": load}, source)


def _assumption(path: str, data: Any, source: str) -> Assumption:
    """A figure with its line: what is written there now, to be changed. A list is replaced by another list, so all of it is said."""
    keys = path.split(".")
    written: Any = data
    for depth, key in enumerate(keys):
        if not isinstance(written, dict):  # inside a list
            keys = keys[:depth]
            break
        written = written.get(key)
    return Assumption(path, _say(_at(data, path)), _unit(path), source, _line(keys, _in_flow_style(written)))


def _in_flow_style(value: Any) -> str:
    """A value as YAML in one line; ``...`` for one that is not there, or too long to be written in a line."""
    if value is None:
        return "..."
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=inf)
    line = str(text).removesuffix("\n").removesuffix("\n...")
    return line if len(line) <= LONGEST_LINE else "..."


def _defaults(scenario: Scenario) -> Iterator[Assumption]:
    """The numbers with a source that nobody has written."""
    parts: list[tuple[str, BaseModel]] = [(f"servers.{name}", server) for name, server in scenario.servers.items()]
    for path, part in [("name_servers", scenario.name_servers), *parts]:
        for name, field in type(part).model_fields.items():
            value = getattr(part, name)
            sources = sources_in(field.description or "")
            if (
                name in part.model_fields_set
                or not sources
                or isinstance(value, bool)
                or not isinstance(value, (int, float))
            ):
                continue
            said = value_text(value, unit_of(field))
            key = f"{path}.{field.alias or name}"
            source = f"default; {field.description}"
            yield Assumption(key, said, unit_of(field), source, _line(key.split("."), said))


def _work(scenario: Scenario) -> Iterator[Assumption]:
    """How long work takes at servers with cores of which nobody says it, and how many senders the Internet is."""
    for name, server in scenario.servers.items():
        if server.works_by_default:
            work = server.work.queue_write
            said = f"{{fixed: {value_text(work.fixed, 's')}, per_MB: {value_text(work.per_MB, 's')}}}"
            path = f"servers.{name}.service.queue_write"
            yield Assumption(path, said, "", source_of_work(server.kind), _line(path.split("."), said))
        if isinstance(server, ExternalServer) and server.resolvers is None and server.senders > 1:
            path, said = f"servers.{name}.resolvers", str(server.senders)
            yield Assumption(
                path, said, "", "default; the Internet is many senders; from memory", _line(path.split("."), said)
            )


def _unit(path: str) -> str:
    try:
        return unit_of(find_keys(path)[0].field)
    except UsageError:  # a path to something inside a value, such as a part of a law
        return ""


def _line(keys: list[str], value: str) -> str:
    """``servers: {onprem: {capacity: {cores: 8}}}``."""
    return f"{keys[0]}: " + "".join(f"{{{key}: " for key in keys[1:]) + value + "}" * (len(keys) - 1)


def _at(node: Any, path: str) -> Any:
    """What is written at a dotted path; of a list without a number, what each of its entries says."""
    for key in path.split("."):
        is_position = key.isascii() and key.isdecimal()
        if isinstance(node, list) and not is_position:
            node = list(dict.fromkeys(str(entry[key]) for entry in node if isinstance(entry, dict) and key in entry))
        elif isinstance(node, list):
            node = node[int(key)] if len(key) < 10 and int(key) < len(node) else None
        else:
            node = node.get(key) if isinstance(node, dict) else None
    return node


def _say(value: Any) -> str:
    """A value as a file would have it, in one line; long lists only by their length."""
    if value is None:
        return ""
    if isinstance(value, dict):
        words = ", ".join(
            f"{key} {f'({_say(item)})' if isinstance(item, dict) else _say(item)}" for key, item in value.items()
        )
        return words if len(words) <= LONGEST else f"{len(value)} entries"
    if isinstance(value, list):
        words = ", ".join(map(_say, value))
        return words if len(words) <= LONGEST else f"{len(value)} values"
    return str(value)
