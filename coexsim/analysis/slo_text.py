"""Objectives as planners write them: ``p95(delay, hosted->hosted) < 60 s``, read with errors that point at the place.

==========================================  ==================================================================
``p95(delay, hosted->hosted) < 60 s``       from being handed in to the mail file; any percentile, or ``mean``;
                                            a side may be ``*``; without a flow: all mail; what expired is later
                                            than any limit
``mean(wait, onprem.cores) < 1 s``          waiting of a visit at one stage of a server; also p50, p95, p99
``mean(wait) < 10 s``                       all waiting of a message, at every stage of every server
                                            (``mean(wait, onprem)``: at one server)
``utilisation(onprem.cores) < 70 %``        busy share in the busiest hour: the 60 minutes in a row with most
                                            work; also of a link, by its name
``share(bounced) < 0.1 %``                  recipients whose mail ended so; also delivered, expired, discarded,
                                            in transit; a flow may follow
``share(rejected, onprem) < 0.1 %``         connections and messages turned away at a limit (421, 452)
``backlog(onprem) < 5000``                  most messages in the server's queue at the end of any minute
``queue_disk(onprem) < 50 GB``              most bytes in its queue
``drain(outage 1) < 2 h``                   from the end of an outage until the 15-minute mean of the slowest queue
                                            is back at its usual level for that hour; by number, or by ``name``;
                                            ``drain(outage)``: the slowest of all outages
``bounced(valid recipients) = 0``           recipients that exist; also expired, discarded; also with a flow
==========================================  ==================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Literal, NoReturn

from coexsim import units
from coexsim.errors import ObjectiveError, UnitError, did_you_mean
from coexsim.mail.directory import SIDES
from coexsim.scenario.model import Event, Scenario

Kind = Literal["quantile", "mean", "utilisation", "share", "backlog", "queue_disk", "drain", "count"]
Unit = Literal["s", "share", "count", "bytes"]

STAGES = ("connections", "cores", "delivery", "transfer")
STAGE_OF_CAPACITY = {"smtp_connections": "connections", "delivery_threads": "delivery", "transfer_threads": "transfer"}
WAIT_QUANTILES = (0.5, 0.95, 0.99)
COUNTED = ("bounced", "expired", "discarded")
SHARED = ("delivered", *COUNTED, "in transit", "rejected")
VALID = "valid recipients"
BUSIEST_HOUR = "busiest hour"
FUNCTIONS = ("mean", "p50", "p95", "p99", "utilisation", "share", "backlog", "queue_disk", "drain", *COUNTED)
OPERATORS = ("<=", ">=", "==", "<", ">", "=")


@dataclass(frozen=True)
class Objective:
    """What must hold, in base units, and where it is written. What does not belong to its kind is None."""

    text: str
    kind: Kind
    op: Literal["<", "<=", ">", ">=", "="]
    limit: float
    unit: Unit
    what: str = ""
    """``delay`` or ``wait``; or an outcome."""
    probability: float | None = None
    server: str | None = None
    stage: str | None = None
    ways: tuple[str, ...] = ()
    """Of a link its directions, or the one that is asked for, as tables name them."""
    flow: tuple[str, str] | None = None
    valid_only: bool = False
    outage: int | None = None
    busiest_hour: bool = False
    """Of a utilisation: in the busiest hour, not over the window."""
    file: str = ""
    line: int = 0

    @property
    def where(self) -> str:
        """``file:line``, or nothing."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def is_upper(self) -> bool:
        """Is it a limit that must not be exceeded."""
        return self.op in ("<", "<=", "=")

    @property
    def most(self) -> float:
        """The most that it can be: 1 of a share; the least is 0 of all that is measured."""
        return 1.0 if self.unit == "share" else inf

    def holds(self, value: float) -> bool:
        """Is this value as it must be."""
        return {
            "<": value < self.limit,
            "<=": value <= self.limit,
            ">": value > self.limit,
            ">=": value >= self.limit,
            "=": value == self.limit,
        }[self.op]

    @property
    def places(self) -> tuple[str | None, ...]:
        """What tables call the server or link that it is about: of a link both directions."""
        return self.ways or (self.server,)

    def say(self, value: float) -> str:
        """A value of this objective for people."""
        if value != value:
            return "-"
        if value in (float("inf"), float("-inf")):
            return "never" if self.unit == "s" and value > 0 else "no end"
        if self.unit == "s":
            return units.say_duration(value)
        if self.unit == "bytes":
            return units.say_bytes(value)
        if self.unit == "share":
            return f"{100 * value:.3g} %"
        return f"{value:,.4g}" if value % 1 and abs(value) < 1000 else f"{value:,.0f}"


def read_objectives(scenario: Scenario) -> list[Objective]:
    """The objectives of a scenario. Raises `ObjectiveError` with everything that cannot be read, not only the first."""
    found, wrong = [], []
    pieces = _split_at_comma(scenario.objectives)
    for index, text in enumerate(scenario.objectives):
        if index in pieces:
            if pieces[index]:
                wrong.append(_say_split(pieces[index], scenario.source.where(("objectives", index))))
            continue
        try:
            found.append(parse_objective(text, scenario, scenario.source.where(("objectives", index))))
        except ObjectiveError as error:
            wrong.append(str(error))
    if wrong:
        raise ObjectiveError("\n".join(wrong))
    return found


def objectives_of(scenario: Scenario, given: Iterable[Objective | str] | None = None) -> tuple[Objective, ...]:
    """Those that are given, as texts too; without any those of the scenario. Raises `ObjectiveError`."""
    if given is None:
        return tuple(read_objectives(scenario))
    return tuple(parse_objective(each, scenario) if isinstance(each, str) else each for each in given)


def _split_at_comma(objectives: Sequence[str]) -> dict[int, str]:
    """Objectives that YAML split in a list in brackets: whole at the place of the first piece, empty at that of the second."""
    found: dict[int, str] = {}
    for index, (one, other) in enumerate(pairwise(objectives)):
        if one.count("(") > one.count(")") and other.count(")") > other.count("("):
            found |= {index: f"{one.strip()}, {other.strip()}", index + 1: ""}
    return found


def _say_split(whole: str, where: tuple[str, int]) -> str:
    return (
        f"{_say_place(where)}in a list in brackets a comma ends an objective: put one that has a comma in quotes, or on a line of its own"
        f"\n    - {whole}"
    )


def _say_place(where: tuple[str, int]) -> str:
    return f"{where[0]}:{where[1]}: " if where[1] else f"{where[0]}: " if where[0] else ""


def parse_objective(text: str, scenario: Scenario, where: tuple[str, int] = ("", 0)) -> Objective:
    """One objective; names of servers, links and outages are the scenario's. Raises `ObjectiveError`."""
    return _ObjectiveReader(text, scenario, where).objective()


def outages_of(scenario: Scenario) -> list[Event]:
    """The outages at known times, in the order written: outage 1, outage 2, ...; a DNS zone that fails is one."""
    return [event for event in scenario.events if event.failing and event.at is not None]


class _ObjectiveReader:
    """Reads one line from left to right; `_fail` points at a piece of it."""

    def __init__(self, text: str, scenario: Scenario, where: tuple[str, int]) -> None:
        self.text = re.sub(r"\s*\n\s*", " ", text)  # a line may be written over several
        self.scenario = scenario
        self.where = where

    def _fail(self, begin: int, end: int, text: str) -> NoReturn:
        marks = " " * begin + "^" * max(end - begin, 1)
        raise ObjectiveError(f"{_say_place(self.where)}{text}\n    {self.text}\n    {marks}")

    def objective(self) -> Objective:
        head = re.match(r"\s*([A-Za-z_][\w.]*)", self.text)
        if head is None:
            self._fail(0, 1, "an objective begins with what is measured, such as 'p95(delay) < 60 s'")
        name, begin = head[1], head.start(1)
        opening = re.compile(r"\s*\(").match(self.text, head.end())
        if opening is None:
            self._fail(head.end(), head.end() + 1, f"'(' should follow {name!r}: {name}({self._example(name)})")
        closing = self.text.find(")", opening.end())
        if closing < 0:
            self._fail(len(self.text), len(self.text) + 1, "')' is missing")
        arguments = self._arguments(opening.end(), closing)
        parts = self._function(name, begin, arguments, (opening.start(), closing + 1))
        return self._compared(parts, closing + 1)

    def _example(self, name: str) -> str:
        return {"utilisation": "onprem.cores", "drain": "outage", "share": "bounced", "mean": "delay"}.get(name, "...")

    def _arguments(self, begin: int, end: int) -> list[tuple[str, int, int]]:
        """The words between the parentheses, each with its place."""
        found = []
        for piece in re.finditer(r"[^,]+", self.text[begin:end]):
            word = piece[0].strip()
            at = begin + piece.start() + len(piece[0]) - len(piece[0].lstrip())
            found.append((word, at, at + len(word)))
        return found

    def _function(
        self, name: str, begin: int, arguments: list[tuple[str, int, int]], inside: tuple[int, int]
    ) -> dict[str, object]:
        most = 1 if name in ("backlog", "queue_disk", "drain", *COUNTED) else 2
        if len(arguments) > most:
            _, at, end = arguments[most]
            self._fail(at, end, f"{name} takes {'one thing' if most == 1 else 'two things'} in its parentheses")
        quantile = re.fullmatch(r"p(\d{1,2}(?:\.\d+)?)", name)
        readers: dict[str, Callable[[list[tuple[str, int, int]]], dict[str, object]]] = {
            "utilisation": lambda a: (
                {"kind": "utilisation", "unit": "share"} | self._station(*a[0]) | self._when(a[1:])
            ),
            "backlog": lambda a: {"kind": "backlog", "unit": "count", "server": self._server(*a[0])},
            "queue_disk": lambda a: {"kind": "queue_disk", "unit": "bytes", "server": self._server(*a[0])},
            "drain": lambda a: {"kind": "drain", "unit": "s", "outage": self._outage(*a[0])},
            "share": self._share,
            "mean": lambda a: {"kind": "mean"} | self._timed(a, None, begin),
        }
        for word in COUNTED:
            readers[word] = lambda a, word=word: {"kind": "count", "unit": "count", "what": word} | self._whose(a)  # type: ignore[misc]
        if quantile and 0 < float(quantile[1]) < 100:
            probability = round(float(quantile[1]) / 100, 6)
            readers[name] = lambda a: (
                {"kind": "quantile", "probability": probability} | self._timed(a, probability, begin)
            )
        if name not in readers:
            self._fail(begin, begin + len(name), f"{name!r} cannot be measured" + _known(name, FUNCTIONS))
        if not arguments and name not in COUNTED:
            self._fail(*inside, f"{name}() says nothing of what; write for example {name}({self._example(name)})")
        return readers[name](arguments)

    def _when(self, arguments: list[tuple[str, int, int]]) -> dict[str, object]:
        """Nothing, or ``busiest hour``."""
        for word, at, end in arguments:
            if word != BUSIEST_HOUR:
                self._fail(
                    at, end, f"{word!r} is no part of the time; write {BUSIEST_HOUR!r}, or nothing: the whole window"
                )
        return {"busiest_hour": bool(arguments)}

    def _timed(self, arguments: list[tuple[str, int, int]], probability: float | None, begin: int) -> dict[str, object]:
        """``delay`` with a flow, or ``wait`` with a stage or server."""
        word, at, end = arguments[0]
        scope = arguments[1] if len(arguments) > 1 else None
        if word == "delay":
            return {"unit": "s", "what": "delay"} | ({"flow": self._flow(*scope)} if scope else {})
        if word != "wait":
            self._fail(at, end, f"{word!r} is no time that is measured" + _known(word, ("delay", "wait")))
        station = self._station(*scope, or_server=True) if scope else {}
        if probability is not None and not station.get("stage"):
            where = scope or arguments[0]
            self._fail(
                where[1],
                where[2],
                "a percentile of waits is known for one stage: write server.stage, such as onprem.cores",
            )
        if probability is not None and probability not in WAIT_QUANTILES:
            self._fail(begin, at - 1, "of waits p50, p95 and p99 are known")
        return {"unit": "s", "what": "wait"} | station

    def _share(self, arguments: list[tuple[str, int, int]]) -> dict[str, object]:
        word, at, end = arguments[0]
        if word not in SHARED:
            self._fail(at, end, f"{word!r} is no outcome" + _known(word, SHARED))
        parts: dict[str, object] = {"kind": "share", "unit": "share", "what": word}
        if word == "rejected":
            return parts | ({"server": self._server(*arguments[1])} if len(arguments) > 1 else {})
        return parts | self._whose(arguments[1:])

    def _whose(self, arguments: list[tuple[str, int, int]]) -> dict[str, object]:
        if not arguments:
            return {}
        word, at, end = arguments[0]
        return {"valid_only": True} if " ".join(word.split()) == VALID else {"flow": self._flow(word, at, end)}

    def _flow(self, word: str, at: int, end: int) -> tuple[str, str]:
        sides = [side.strip() for side in word.split("->")]
        if len(sides) != 2:
            self._fail(at, end, f"{word!r} is no flow; write for example hosted->hosted" + did_you_mean(word, (VALID,)))
        for side in sides:
            if side not in (*SIDES, "*"):
                place = at + word.index(side)
                self._fail(place, place + len(side), f"{side!r} is no side" + _known(side, (*SIDES, "*")))
        return sides[0], sides[1]

    def _server(self, word: str, at: int, end: int) -> str:
        if word not in self.scenario.servers:
            self._fail(at, end, f"no server is called {word!r}" + _known(word, tuple(self.scenario.servers)))
        return word

    def _station(self, word: str, at: int, end: int, *, or_server: bool = False) -> dict[str, object]:
        """``onprem.cores``; a link; or only a server, where that will do."""
        links = self.scenario.ways_of_links
        each_way = {way: (way,) for ways in links.values() for way in ways}
        if word in links or word in each_way:
            return {"server": word, "stage": "link", "ways": (each_way | links)[word]}
        if or_server and word in self.scenario.servers:
            return {"server": word}
        name, dot, stage = word.rpartition(".")
        if not dot:
            known = [*(f"{server}.{s}" for server in self.scenario.servers for s in STAGES), *links]
            hint = did_you_mean(word, known) or self._stations(word, links)
            self._fail(at, end, f"{word!r} is no stage of a server, nor a link{hint}")
        self._server(name, at, at + len(name))
        stage = STAGE_OF_CAPACITY.get(stage, stage)
        if stage not in STAGES:
            self._fail(end - len(stage), end, f"a server has no stage {stage!r}" + _known(stage, STAGES))
        machine = self.scenario.servers[name].runs_on
        return {"server": machine if machine and stage == "cores" else name, "stage": stage}

    def _stations(self, word: str, links: Iterable[str]) -> str:
        if word in self.scenario.servers or not links:
            return f"; write for example {word if word in self.scenario.servers else next(iter(self.scenario.servers), 'onprem')}.cores"
        return f"; links: {', '.join(links)}"

    def _outage(self, word: str, at: int, end: int) -> int | None:
        known = len(outages_of(self.scenario))
        match = re.fullmatch(r"outages?(?:\s+(\d+))?", word)
        names = [event.name or "" for event in outages_of(self.scenario)]
        if word in names:
            return names.index(word)
        if match is None:
            hint = did_you_mean(word, [name for name in names if name])
            self._fail(
                at,
                end,
                f"{word!r} is no outage; write 'outage 1', its name, or 'outage' for the slowest to drain{hint}",
            )
        if not known:
            self._fail(
                at,
                end,
                "this scenario has no outage at a known time: add one under 'events' with 'at', 'for' and 'down'",
            )
        if match[1] is None:
            return None
        if not 1 <= int(match[1]) <= known:
            self._fail(at, end, f"there is no outage {match[1]}: this scenario has {known}")
        return int(match[1]) - 1

    def _compared(self, parts: dict[str, object], begin: int) -> Objective:
        """The rest of the line: how it is compared, and with what."""
        rest = re.compile(r"\s*(<=|>=|==|<|>|=)?\s*(.*?)\s*$").match(self.text, begin)
        assert rest is not None
        op, limit = rest[1], rest[2]
        if op is None:
            self._fail(begin, max(len(self.text), begin + 1), "a comparison should follow: <, <=, >, >= or =")
        unit = str(parts["unit"])
        if op in ("=", "==") and unit not in ("count", "share"):
            self._fail(rest.start(1), rest.end(1), "nothing measured is ever exactly that; write < or <=")
        try:
            value = _limit(limit, unit)
        except UnitError as error:
            self._fail(rest.start(2), max(rest.end(2), rest.start(2) + 1), str(error))
        parts |= {"op": "=" if op == "==" else op, "limit": value}
        return Objective(text=self.text.strip(), file=self.where[0], line=self.where[1], **parts)  # type: ignore[arg-type]


def _limit(text: str, unit: str) -> float:
    if not text:
        raise UnitError("a limit is missing")
    if unit == "s":
        return units.duration_s(text)
    if unit == "bytes":
        return float(units.size_bytes(text))
    if unit == "share":
        return units.share(text)
    if not re.fullmatch(r"\d[\d,_]*(\.\d+)?", text):
        raise UnitError(f"{text!r} is no number of messages; write for example 5000")
    return float(text.replace(",", "").replace("_", ""))


def _known(word: str, known: tuple[str, ...]) -> str:
    return did_you_mean(word, known) or f"; known: {', '.join(known)}"
