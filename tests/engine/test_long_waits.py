"""What takes very many attempts, fails very often, or still waits at the end of a run is the same by both engines."""

from __future__ import annotations

from coexsim.scenario.model import Scenario
from tests.engine.both import assert_engines_agree, assert_same, compiled, reference
from tests.sim.loaded import loaded

EVERY_SECOND = {"like": "rfc5321", "first": "1 s", "factor": 1, "longest": "1 s", "expire_after": "5 d"}


def tried_every_second(drain: str) -> Scenario:
    """Three messages whose next hop is away, one every 20 s from the first second on, until the end of the run."""
    stream = {"from": "onprem", "to": "hosted", "rate": "0.05/s", "arrivals": "constant", "recipients": {1: 1}}
    retry = {name: {"retry": EVERY_SECOND} for name in ("onprem", "inotes-outbound", "external")}
    return loaded(
        "domino",
        {
            "load": {"streams": [stream], "sizes": {"2 KB": 1}},
            "servers": retry,
            "run": {"length": "41 s", "drain": drain},
            "events": [{"at": "0 s", "for": "30 h", "down": ["inotes-inbound"]}],
        },
    )


def test_attempts_are_counted_beyond_what_two_bytes_hold() -> None:
    """One every 1.04 s, a second after the round trip of 40 ms in which it was refused; 32,767 is the most of a number of two bytes."""
    scenario = tried_every_second("10 h")
    one, other = reference(scenario), compiled(scenario)

    assert_same(one, other)
    assert (one.mail["outcome"] == "in transit").all()
    assert one.mail["attempts"].between(34_550, 34_655).all()


def test_a_link_may_fail_every_few_seconds_for_days() -> None:
    """Some 28,000 outages of it: what is up between two of them is found from the one before."""
    events = [{"mtbf": "5 s", "mttr": "1 s", "down": ["office-hosted"]}]

    assert_engines_agree(loaded("domino", {"run": {"length": "30 s", "drain": "2 d"}, "events": events}))


def test_who_waits_at_the_end_is_recorded_in_turn() -> None:
    """For a thread, with mail to several destinations, and without a limit on each: sums are the same to the last bit."""
    streams = [
        {"from": "onprem", "to": to, "rate": "30/s", "recipients": {1: 1}} for to in ("hosted", "internet", "onprem")
    ]
    for seed in range(1, 9):
        scenario = loaded(
            "domino",
            {
                "load": {"streams": streams, "sizes": {"2 KB": 1, "1 MB": 1}},
                "servers": {"onprem": {"capacity": {"transfer_threads": 2}}},
                "run": {"length": "70 s", "drain": "0 s"},
            },
        )
        for keep_visits in (True, False):
            assert_engines_agree(scenario, seed=seed, keep_visits=keep_visits)
