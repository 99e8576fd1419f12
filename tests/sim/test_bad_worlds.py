"""Bad worlds end well: a clear result or a clear error, in bounded time and memory, whatever is asked for."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest

from coexsim.errors import ScenarioError
from coexsim.experiment.results import Results
from tests.sim.loaded import loaded, run_world
from tests.sim.setups import setup
from tests.sim.worlds import LIMITS, NARROW, WORK


def test_an_unstable_load_is_stopped_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times what the cores can do, for a year: stopped at the most messages that memory allows; the rest is in transit."""
    monkeypatch.setattr("coexsim.sim.world.MOST_MESSAGES_AT_ONCE", 4_000)
    slow = {"servers": {"onprem": {"service": {"scan": "1 s"}, "capacity": {"cores": 1}}}, "run": {"length": "6 h"}}
    world, results = run_world(loaded("domino", slow))

    assert world.stopped_early is not None
    assert "not stable" in world.stopped_early
    assert 1_500 < results.outcomes()["in transit"].sum() < 10_000
    assert results.provenance["stopped_early"] == world.stopped_early


@pytest.mark.parametrize("what", ["cores", "smtp_connections", "transfer_threads", "delivery_threads", "queue_length"])
def test_zero_capacity_is_an_error_that_names_the_place(what: str) -> None:
    """A machine without cores is no machine; without a bound it is left out."""
    with pytest.raises(ScenarioError, match=rf"servers\.onprem\.capacity\.{what}"):
        setup("domino", {"servers": {"onprem": {"capacity": {what: 0}}}})


LOOP: dict[str, Any] = {
    "servers": {
        "onprem": {"smart_host_rule": "not-in-directory"},
        "inotes-inbound": {
            "unknown_recipients": "relay",
            "smart_host": "mail.corporate.com",
            "people_elsewhere": "relay",
        },
    }
}


def test_a_loop_under_load() -> None:
    """Mail for nobody goes round until Domino's 25 hops are passed, and bounces; all other mail arrives."""
    begin_s = process_time()
    _, results = run_world(loaded("domino", WORK, LOOP))
    unknown = results.measured[results.measured["flow"] == "internet->unknown"]

    assert len(unknown) > 50
    assert (unknown["outcome"] == "bounced").all()
    assert unknown["hops"].between(23, 26).all()
    assert results.outcomes()["delivered"].drop("internet->unknown").sum() > 1000
    assert process_time() - begin_s < 20


@pytest.mark.parametrize("each", [None, 500])
def test_a_mailing_to_a_million(each: int | None) -> None:
    """One message to 400,000 people here and 600,000 there, or two thousand messages of 500: every recipient is counted."""
    mailing: dict[str, Any] = {"at": "00:01", "from": "onprem", "to": "everybody", "size": "1 MB"}
    if each:
        mailing["recipients_per_copy"] = each
    keys = {
        "directory": {"population": {"onprem": 400_000, "hosted": 600_000}},
        "load": {"streams": [], "bulk": [mailing]},
        "run": {"length": "2 h"},
    }
    begin_s = process_time()
    _, results = run_world(loaded("domino", WORK, LIMITS, keys))

    assert results.outcomes()["delivered"].to_dict() == {"onprem->hosted": 600_000, "onprem->onprem": 400_000}
    assert len(results.mail) <= (2_001 if each else 2)
    assert process_time() - begin_s < 30


def week_down(**keys: Any) -> Results:
    down = ["onprem", "inotes-inbound", "inotes-outbound", "external", "office-hosted", "office-internet", "dns"]
    events = {"events": [{"at": "2 min", "for": "7 d", "down": down}], "run": {"length": "5 min", **keys}}
    return run_world(loaded("domino", WORK, LIMITS, NARROW, events))[1]


def test_everything_down_for_a_week() -> None:
    """What Domino had waits past its day and expires at the end of it; others, and the users themselves, keep theirs longer."""
    outcomes = week_down(drain="20 d").outcomes()

    assert outcomes["in transit"].sum() == 0
    assert outcomes["delivered"].sum() > 500
    assert outcomes["sent"].sum() == outcomes[["delivered", "bounced", "expired", "discarded"]].sum().sum()


def test_everything_down_for_longer_than_we_look() -> None:
    """Mail that has not met its end when we stop looking is in transit, wherever it is."""
    results = week_down(drain="3 d")
    waiting = results.measured[results.measured["outcome"] == "in transit"]

    assert len(waiting) > 300
    assert set(waiting["by"]) >= {"client", "onprem"}
    assert waiting["delay_s"].isna().all()


def test_a_server_that_never_comes_back() -> None:
    """It is no hang: what is in it, or waits for it, is in transit."""
    _, results = run_world(
        loaded("domino", WORK, LIMITS, {"events": [{"at": "2 min", "down": "onprem"}], "run": {"drain": "1 h"}})
    )

    assert results.outcomes()["in transit"].sum() > 500
