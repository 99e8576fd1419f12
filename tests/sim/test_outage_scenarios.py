"""The shipped outage scenarios: what waits where, how old the oldest message gets, when it has drained, and that nothing is lost."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest

from coexsim.analysis.slo import evaluate
from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.scenario.load import load_scenario

pytestmark = pytest.mark.slow
FILES = ("hosted-down", "onprem-down", "wan-cut")
NOON, END = 240, 480  # minutes from 8 o'clock: the outage


@cache
def run(name: str) -> Results:
    return simulate(load_scenario(f"scenarios/outage/{name}.yaml"))


def backlog(name: str, server: str) -> pd.Series[float]:
    """Messages in the server's queue by minute."""
    timeline = run(name).timeline
    return timeline[(timeline["server"] == server) & (timeline["stage"] == "queue")].set_index("minute")["backlog"]


@pytest.mark.parametrize("name", FILES)
def test_objectives_are_met(name: str) -> None:
    """Backlog, disk, drain, delays and expiries as the scenario says. (One replication lets no verdict say more than that.)"""
    verdicts = evaluate(None, run(name), load_scenario(f"scenarios/outage/{name}.yaml"))

    assert len(verdicts) >= 6
    assert [str(v) for v in verdicts if not v.objective.holds(v.estimate)] == []


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_lost(name: str) -> None:
    """Nobody's mail expires or is still under way: Domino gives up after a day, all others later."""
    outcomes = run(name).outcomes().sum()

    assert outcomes["expired"] == outcomes["in transit"] == outcomes["discarded"] == 0
    assert run(name).provenance["stopped_early"] is None


@pytest.mark.parametrize("name", FILES)
def test_the_oldest_message(name: str) -> None:
    """It was on its way at noon or born later, and waited out the four hours; then for its turn, for less than two hours more."""
    mail = run(name).measured
    oldest = mail.sort_values("delay_s").iloc[-1]

    assert 12 * 3600 - 60 < oldest["born_s"] + 8 * 3600 < 16 * 3600
    assert 4 * 3600 < oldest["delay_s"] < 6 * 3600


def test_where_mail_waits_while_the_hosted_side_is_down() -> None:
    """At the smart host: about 90 a minute, and nowhere else; gone within the hour after Domino's next attempt."""
    waiting = backlog("hosted-down", "smart-host")

    assert waiting[NOON - 1] < 10
    assert waiting[END] == pytest.approx(90 * 240, rel=0.1)
    assert waiting[END + 75 :].max() < 10
    for server in ("onprem", "external", "inotes-outbound"):
        assert backlog("hosted-down", server).max() < 100


def test_where_mail_waits_while_the_onpremises_side_is_down() -> None:
    """At its senders, then at the server, which works it off in the order in which it comes."""
    assert backlog("onprem-down", "onprem")[NOON + 5 : END - 5].max() <= 3
    assert backlog("onprem-down", "external")[END - 5] > 15_000
    assert backlog("onprem-down", "inotes-outbound")[END - 5] > 12_000
    assert backlog("onprem-down", "onprem")[END + 30] > 15_000
    assert backlog("onprem-down", "onprem")[END + 180 :].max() < 50


def test_where_mail_waits_while_the_office_is_cut_off() -> None:
    """On both sides; inside the office it goes on."""
    mail = run("wan-cut").measured
    inside = mail[(mail["flow"] == "onprem->onprem") & mail["born_s"].between(NOON * 60, END * 60 - 60)]

    assert inside["delay_s"].quantile(0.95) < 60
    assert backlog("wan-cut", "smart-host")[END - 5] > 4_000
    assert backlog("wan-cut", "external")[END - 5] > 15_000
