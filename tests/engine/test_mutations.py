"""A fault in the kernel is seen: each of these is put into its source, which then runs interpreted on a small world."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from coexsim.engine import cache
from coexsim.engine.arrays import Arrays
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario
from tests.engine.both import assert_same, compiled, reference
from tests.sim.loaded import loaded
from tests.sim.test_fallback import AWAY
from tests.sim.worlds import LIMITS, NARROW, OTHER_TRAFFIC, WORK

SOURCE = "\n".join(Path(cache.__file__).with_name(f"{name}.py").read_text(encoding="utf-8") for name in cache.KERNEL)
SHORT = {"run": {"length": "25 s", "drain": "2 h"}}
BUSY = loaded("domino", WORK, LIMITS, NARROW, SHORT)
OUTAGE = loaded(
    "domino", WORK, LIMITS, {"events": [{"at": "5 s", "for": "12 s", "down": "inotes-inbound"}]},
    {"servers": {"onprem": {"retry": {"first": "4 s", "expire_after": "9 s"}}}}, SHORT,
)  # fmt: skip
CUT = loaded("domino", WORK, NARROW, {"events": [{"at": "9 s", "for": "6 s", "down": "office-internet"}]}, SHORT)
CROWD = loaded("domino", LIMITS, NARROW, {"load": {"streams": [{"from": "internet", "to": "onprem", "rate": "5/s"}]}}, {
    "events": [{"at": "9 s", "for": "6 s", "down": "office-internet"}]}, SHORT,
)  # fmt: skip
TRAFFIC = loaded("domino", WORK, OTHER_TRAFFIC, SHORT, {"events": None, "run": {"start": "Mon 09:00:20"}})

AWAY_FOR_A_WHILE = scenario_from_text(AWAY).change({
    "servers.fb2": {"kind": "postfix", "site": "office", "host": "fb2.smallco.net", "virtual_mailbox_domains": [], "relay_for": ["mx"]},
    "servers.mx.smtp_fallback_relay": ["[fb.smallco.net]", "[fb2.smallco.net]"],
    "load.streams": [{"from": "onprem", "to": "internet", "rate": "30/min", "recipients": {1: 1, 3: 1}}], "run.length": "60 s",
    "servers.world": {"kind": "external", "site": "internet", "domain": "elsewhere.org", "capacity": {"queue_length": 1}},
    "events": [{"at": "Mon 09:00:10", "for": "20 s", "down": ["world", "fb"]}],
})  # fmt: skip

TWO_FAMILIES = loaded("domino", WORK, SHORT, {
    "servers": {"onprem": {"greylisting": {"delay": "5 s"}}, "external": {"ipv6": "broken"}},
    "dns": {"corporate.com": "@ IN MX 5 mail\nmail IN A 192.0.2.10\n@ IN MX 20 six\nsix IN AAAA 2001:db8::10\nmail IN AAAA 2001:db8::10"},
})  # fmt: skip
TOO_OFTEN = loaded("postfix", WORK, SHORT, {
    "servers": {"onprem": {"smtpd_client_connection_rate_limit": 3, "anvil_rate_time_unit": "4 s"}, "external": {"resolvers": 3}},
})  # fmt: skip
OUTBOX = loaded("domino", WORK, SHORT, {
    "servers": {"inotes-inbound": {"limits": {"mailbox_sends_per_minute": 2}}}, "directory": {"population": {"hosted": 1}},
})  # fmt: skip
QUEUE_OF_CLIENTS = loaded("domino", WORK, SHORT, {
    "servers": {
        "onprem": {"capacity": {"smtp_connections": 2, "connections_per_client": 1, "when_full": "wait"}, "service": {"accept": "600 ms"}},
        "external": {"resolvers": 4},
    },
})  # fmt: skip

MUTATIONS: dict[str, tuple[str, str, Scenario]] = {
    "a thread is not given back": ("    po.used -= 1\n    given = ", "    given = ", BUSY),
    "the last to ask is the first to be served": (
        "        copies[key.tail].next = c\n", "        co.next = key.head\n        key.head = c\n        c = key.tail\n", BUSY,
    ),
    "a key of which another waits keeps its turn": (
        "        while after >= 0 and copies[keys[after].head].waiter < copies[key.head].waiter:\n",
        "        while after < -1:\n", QUEUE_OF_CLIENTS,
    ),
    "work starts before a worker is free": ("start = formulas.fifo_start_s(now, free[st.first])", "start = now", BUSY),
    "a link shares its bandwidth with one too few": (
        "link.share, link.since, now, link.bytes_per_s, link.count)\n        link.since",
        "link.share, link.since, now, link.bytes_per_s, link.count + 1)\n        link.since", BUSY,
    ),
    "other traffic changes nothing": ("    link.bytes_per_s = change.bytes_per_s\n", "", TRAFFIC),
    "what was sent before other traffic changed is counted by what it leaves": (
        "        link.since = now\n    link.bytes_per_s = change", "    link.bytes_per_s = change", TRAFFIC,
    ),
    "what is under way ends as if other traffic had not changed": (
        "    if link.carries:\n        push_now(w, BEGINS, (CARRY << SHIFT) | change.link)\n", "", TRAFFIC,
    ),
    "other traffic changes on another link": ("link = row(w, \"links\", change.link)", "link = row(w, \"links\", 0)", TRAFFIC),
    "no slow start": ("trips += formulas.slow_start_round_trips(co.size)", "trips += 0", BUSY),
    "bytes are counted on one link too many": ("co.wan += co.size * pa.wan", "co.wan += co.size * (pa.wan + 1)", BUSY),
    "a message leaves its queue without its bytes": ("    sv.queued_bytes -= co.size\n", "", BUSY),
    "a hop is not counted": ("co.hops += 1\n", "co.hops += 0\n", BUSY),
    "mail is tried again too late": ("co.next_s = next_s\n", "co.next_s = next_s + 1.0\n", OUTAGE),
    "later failures of a destination are ignored": ("d.marked = now", "d.marked = now + 1000.0", OUTAGE),
    "the last to follow at this moment comes first": (
        "        heap[heap.shape[0] - 1 - ints[LAST_BEGINS + order]].order = place\n",
        "        e.order = ints[FIRST_BEGINS + order]\n        ints[FIRST_BEGINS + order] = place\n", CUT,
    ),
    "what breaks comes in the wrong order": (
        "place_for(under_way, i, 0.0, 0, seq)]\n        x.time = 0.0\n        x.order = 0\n        x.seq = seq",
        "place_for(under_way, i, 0.0, 0, -seq)]\n        x.time = 0.0\n        x.order = 0\n        x.seq = -seq", CROWD,
    ),
    "a down server is talked to": (
        "if not to.listens or is_down(w, to.downtime, now):", "if not to.listens:", OUTAGE,
    ),
    "one fallback relay is passed over": (
        "return sv.fallbacks_end - sv.fallbacks", "return sv.fallbacks_end - sv.fallbacks - 1", AWAY_FOR_A_WHILE,
    ),
    "the same fallback relay is tried each time": (".fallbacks + co.fallback]", ".fallbacks]", AWAY_FOR_A_WHILE),
    "an address out of reach is not known to be one of a server that has answered": (
        "server = OUT_OF_REACH - server", "server = -1", TWO_FAMILIES,
    ),
    "all senders of a client are counted together": ("sv.first_sender + co.number % sv.senders", "sv.first_sender", TOO_OFTEN),
    "mail leaves the Outbox before its turn": ("at = up_at(w, downtime, sent_s)", "at = up_at(w, downtime, now)", OUTBOX),
    "a connection is counted twice": ("rate.window_s, rate.most, 1\n", "rate.window_s, rate.most, 2\n", TOO_OFTEN),
}  # fmt: skip


def interpreted(source: str) -> ModuleType:
    """All modules of the kernel as one, with nothing compiled."""
    module = ModuleType("coexsim.engine.kernel")
    plain = (
        source.replace("@compiled_now\n", "")
        .replace("@compiled\n", "")
        .replace("@part_of_its_caller\n", "")
        .replace("from __future__ import annotations\n", "")
    )
    ours = "|".join((*cache.KERNEL, "compiling", "shared"))
    plain = re.sub(rf"from coexsim\.engine\.({ours}) import (\([^)]*\)|[^\n]*)\n", "", plain)
    plain = "from __future__ import annotations\n" + plain
    exec(compile(plain, "kernel.py", "exec"), module.__dict__)
    return module


class Row:
    """One element of a structured array, with its fields as attributes and plain numbers as their values."""

    __slots__ = ("_array", "_place")

    def __init__(self, array: Any, at: Any) -> None:
        object.__setattr__(self, "_array", array)
        object.__setattr__(self, "_place", at)

    def __getattr__(self, name: str) -> Any:
        return self._array[name][self._place].item()

    def __setattr__(self, name: str, value: Any) -> None:
        self._array[name][self._place] = value


class View:
    """An array as compiled code sees it: whole numbers of any size, fields as attributes."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape = array.shape
        self.has_fields = array.dtype.names is not None

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, at: Any) -> Any:
        if self.has_fields:
            return Row(self.array, at) if self.array.ndim == 1 else View(self.array[at])
        return self.array[at] if isinstance(at, slice) else self._element(at)

    def _element(self, at: Any) -> Any:
        value = self.array[at]
        return value.item() if value.ndim == 0 else View(value)

    def __setitem__(self, at: Any, value: Any) -> None:
        self.array[at] = value._array[value._place] if isinstance(value, Row) else value


class Views:
    """``shared`` of interpreted code: the arrays of the run that was begun last, by name."""

    def __init__(self) -> None:
        self._arrays: Any = None
        self._shown: dict[str, View] = {}

    def begin(self, room: int) -> Arrays:
        arrays = self._arrays = Arrays(room)
        self._shown = {}
        return arrays

    def __call__(self, _: Any, name: str) -> View:
        array, known = self._arrays[name], self._shown.get(name)
        if known is None or known.array is not array:
            known = self._shown[name] = View(array)
        return known


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a scenario with the kernel of some source, interpreted."""
    cache.load_kernel()
    from coexsim.engine import drive

    def run(source: str, scenario: Scenario) -> Any:
        loop, views = interpreted(source), Views()
        loop.__dict__["shared"] = views
        loop.__dict__["row"] = lambda w, name, at: views(w, name)[at]
        monkeypatch.setattr(drive, "Arrays", views.begin)
        monkeypatch.setattr(drive, "kernel", loop)
        return compiled(scenario)

    return run


@pytest.mark.parametrize(
    "scenario", [BUSY, OUTAGE, CUT, TRAFFIC, AWAY_FOR_A_WHILE], ids=["busy", "outage", "cut", "traffic", "away"]
)
def test_interpreted_kernel_gives_the_same(runs: Any, scenario: Scenario) -> None:
    """As it is, the interpreted kernel gives the reference's tables: what the mutations change is not the interpretation."""
    assert_same(reference(scenario), runs(SOURCE, scenario))


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_fault_is_seen(runs: Any, name: str) -> None:
    """The tables differ, or the run fails."""
    right, wrong, scenario = MUTATIONS[name]
    assert SOURCE.count(right) >= 1, "the kernel has changed: find the place anew"
    expected = reference(scenario)

    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever shows it
        assert_same(expected, runs(SOURCE.replace(right, wrong), scenario))


def test_all_steps_are_named_once() -> None:
    """Steps are numbered without a gap, so that a step that is added has its number."""
    found = re.search(r"\n\((\s+POSTED.*?)\) = range\((\d+)\)", SOURCE, re.S)
    assert found is not None
    assert len([name for name in found[1].replace("\n", " ").split(",") if name.strip()]) == int(found[2])
