"""A run that goes on after its length is stopped, with a reason, where all attempts are in vain, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from coexsim.scenario.load import changed
from coexsim.scenario.model import Scenario
from coexsim.sim import draining
from coexsim.sim.clock import BEFORE_ALL, At, Clock
from coexsim.sim.downtime import DowntimeSchedule
from coexsim.sim.draining import Drain, last_change_s, looks_until
from coexsim.units import moment
from tests.engine.both import assert_same, compiled, reference
from tests.sim.loaded import loaded

EVERY_SECOND = {"first": "1 s", "factor": 1, "longest": "1 s", "expire_after": "5 d"}
SENDERS = ("onprem", "inotes-outbound", "external")
DENSE: dict[str, Any] = {
    "servers": {name: {"retry": {"like": "exim", **EVERY_SECOND}} for name in SENDERS},
    "events": [{"at": "4 min", "down": "inotes-inbound"}],
    "run": {"length": "5 min"},
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of this module are as in use, a hundredth of them."""
    monkeypatch.setattr(draining, "LEAST_IN_VAIN", 10_000)
    monkeypatch.setattr(draining, "IN_VAIN_EACH", 40)


def dense(**more: Any) -> Scenario:
    """A hosted service that goes down for good, and senders that try every second."""
    return changed(loaded("domino", DENSE), more)


def test_attempts_in_vain_are_stopped_by_both_engines_at_one_moment() -> None:
    """The tables are the same, and say why; what is under way is in transit, so that nothing is lost."""
    one, other = reference(dense()), compiled(dense())
    why = one.provenance["stopped_early"]

    assert_same(one, other)
    assert "came to nothing" in str(why)
    assert "nothing in the scenario changes any more" in str(why)
    left = one.outcomes()["in transit"].sum()
    assert left > 100
    assert one.outcomes()["expired"].sum() == 0
    assert one.conservation() is not None


def test_what_comes_back_is_waited_for() -> None:
    """The same outage with an end, hours after attempts in vain would have been stopped: all mail arrives."""
    spec = dense(events=[{"at": "4 min", "for": "2 h", "down": "inotes-inbound"}])
    results = compiled(spec)

    assert results.provenance["stopped_early"] is None
    assert results.outcomes()["in transit"].sum() == 0
    assert results.outcomes()["delivered"].sum() > 1_000


def test_mail_that_ends_one_by_one_is_waited_for() -> None:
    """One connection, refused when taken, and senders that try every second: many attempts for each message, but messages get on."""
    narrow = {"servers": {"onprem": {
        "capacity": {"smtp_connections": 1, "when_full": "refuse"}, "service": {"accept": "300 ms"},
    }}}  # fmt: skip
    results = compiled(loaded("domino", DENSE, narrow, {"events": []}))

    assert int(results.mail["attempts"].sum()) > 2 * draining.LEAST_IN_VAIN
    assert results.provenance["stopped_early"] is None
    assert results.outcomes()["in transit"].sum() == 0


@pytest.mark.parametrize(("delay", "stops"), [("20 min", False), ("9 d", True)])
def test_a_greylist_that_ends_is_waited_for(delay: str, stops: bool) -> None:
    """The end of its delay is a change, where the run lasts so long."""
    grey = {"servers": {"inotes-inbound": {"greylisting": {"delay": delay}}}}
    results = compiled(loaded("domino", DENSE, grey, {"events": [], "run": {"length": "30 s", "drain": "2 d"}}))

    assert (results.provenance["stopped_early"] is not None) == stops
    assert (results.outcomes()["in transit"].sum() > 0) == stops


@pytest.mark.parametrize(
    ("change", "stops"),
    [((9_999, 0, 1), False), ((10_000, 0, 1), True), ((10_000, 0, 251), False), ((30_000, 20_001, 1), False)],
)
def test_when_attempts_are_in_vain(change: tuple[int, int, int], stops: bool) -> None:
    """So many since anything moved, and so many for each message under way."""
    assert (Drain(0.0, -1.0, moment("Mon 09:00")).look(*change) is not None) == stops


def test_nothing_is_in_vain_before_the_last_change() -> None:
    """An outage that ends at 100 s: the look at 60 s stops nothing, that at 180 s does."""
    drain = Drain(0.0, 100.0, moment("Mon 09:00"))

    assert drain.next_s == 60.0
    assert drain.look(10_000, 0, 1) is None
    assert drain.next_s == 180.0
    assert drain.look(20_000, 0, 1) is not None


def test_looks_follow_the_attempts() -> None:
    """Few attempts double the step, many halve it, between a second and six hours."""
    drain = Drain(0.0, float("inf"), moment("Mon 09:00"))
    at_s = []
    for _ in range(12):
        at_s.append(drain.next_s)
        drain.look(0, 0, 1)
    assert at_s[:3] == [60.0, 180.0, 420.0]
    assert drain.next_s - at_s[-1] == 21_600.0
    for number in range(1, 20):
        before_s = drain.next_s
        drain.look(200_000 * number, 0, 1)
    assert drain.next_s - before_s == 1.0


def test_last_change() -> None:
    """Outages count with beginning and end, greylists from the run's end on; what comes after the limit does not count."""
    down = DowntimeSchedule([(50.0, 70.0), (400.0, float("inf"))])

    assert last_change_s([10.0], [down], [], 100.0, 300.0) == 70.0
    assert last_change_s([10.0], [down], [90.0], 100.0, 300.0) == 190.0
    assert last_change_s([10.0], [down], [], 100.0, 500.0) == 400.0
    assert last_change_s([], [], [250.0], 100.0, 300.0) == float("-inf")


def test_looks_are_taken_before_anything_else_happens_at_their_moment() -> None:
    """An event at a look's very moment comes after it; the looks end with what is waited for."""
    env = Clock()
    seen: list[object] = []

    def work() -> Any:
        yield env.timeout(60.0)
        seen.append("work")

    env.process(work())
    over = env.event() | At(env, 61.0, BEFORE_ALL + 1)
    drain = Drain(0.0, float("inf"), moment("Mon 09:00"))
    for at_s, looks in looks_until(env, over, drain, 1000.0):
        seen.append(at_s)
        looks.look(0, 0, 1)

    assert seen == [60.0, "work"]
    assert env.now == 61.0
