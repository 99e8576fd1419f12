"""Two set-ups under the same mail: differences that are there are shown, and none that is not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from coexsim.analysis import compare as compare_module
from coexsim.analysis.compare import (
    SAME,
    TOO_SMALL,
    UNKNOWN,
    UNSHOWN,
    Comparison,
    Key,
    Pair,
    PairedRun,
    compare,
    paired,
)
from coexsim.errors import NoDataError
from coexsim.experiment.results import Results
from coexsim.rng import stream
from coexsim.scenario.load import changed
from tests.analysis.small import small
from tests.analysis.station import station
from tests.experiment.made_up import made_up


def both_of(shift_s: float, noise_s: float, seed: int = 0, **columns: Any) -> tuple[Results, Results]:
    """Delays of 10 s on the mean in A; the same and `shift_s` more in B, give or take."""
    rng = stream(seed, 0, "delays")
    one = rng.exponential(10.0, 400) + 5 * noise_s
    other = one + shift_s + noise_s * rng.standard_normal(400)
    born = np.linspace(0, 3599, 400)
    return made_up(one, born_s=born, **columns), made_up(other, born_s=born, **columns)


def compared(monkeypatch: pytest.MonkeyPatch, shift_s: float, noise_s: float, runs: int = 5) -> Comparison:
    def one(a: object, b: object, seed: int, replication: int, _: object) -> PairedRun:
        return paired(*both_of(shift_s, noise_s, replication))

    monkeypatch.setattr(compare_module, "compare_one", one)
    return compare(small(), small(), replications=runs, jobs=1)


def test_a_small_difference_shows_because_the_mail_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.1 s in delays of 10 s that vary by 10 s: unpaired, 400 of them would not tell it from nothing."""
    found = compared(monkeypatch, 0.1, 0.1).delays.reset_index().to_dict("records")[0]

    assert (found["figure"], found["shown"]) == ("mean", "more")
    assert found["low"] <= 0.1 <= found["high"]
    assert compared(monkeypatch, -0.1, 0.1).delays.loc[("hosted->hosted", "mean"), "shown"] == "less"


@pytest.mark.parametrize("runs", [1, 5])
def test_one_replication_has_its_stretches_of_time(monkeypatch: pytest.MonkeyPatch, runs: int) -> None:
    """For means; of percentiles one run cannot say."""
    found = compared(monkeypatch, 0.1, 0.1, runs).delays

    assert found.loc[("hosted->hosted", "mean"), "shown"] == "more"
    assert (found.loc[("hosted->hosted", "p95"), "shown"] == UNKNOWN) == (runs == 1)


def test_no_difference_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise alone, and nothing at all, are two things."""
    assert compared(monkeypatch, 0.0, 1.0).delays.loc[("hosted->hosted", "mean"), "shown"] == UNSHOWN
    assert compared(monkeypatch, 0.0, 0.0).delays.loc[("hosted->hosted", "mean"), "shown"] == SAME
    assert not compared(monkeypatch, 0.0, 0.0).differs


def test_false_alarms_are_as_rare_as_the_level_says() -> None:
    """Over 300 comparisons of nothing but noise, some 5 % show a difference: 2 to 9 % here."""
    alarms = 0
    for n in range(300):
        rng = stream(5, n, "noise")
        runs: list[dict[Key, Pair]] = [{("x",): Pair(1.0, 1.0 + rng.standard_normal())} for _ in range(5)]
        alarms += compare_module._table(runs, ["figure"])["shown"].iloc[0] in ("more", "less")

    assert 6 <= alarms <= 27


def test_messages_are_compared_only_with_themselves() -> None:
    """What arrived in one alone is counted apart; copies of one message are one."""
    one, other = both_of(0.0, 0.0)
    lost = other.mail["outcome"].astype(str).where(other.mail["mail"] >= 40, "bounced")
    other = replace(other, mail=other.mail.assign(outcome=lost.astype("category")))

    found = paired(one, other)

    assert (found.messages, found.unpaired, found.same_mail) == (360, 40, True)
    assert found.outcomes["hosted->hosted", "bounced"][:2] == (0.0, 40.0)


def test_other_mail_is_noticed() -> None:
    """Births that differ are another load."""
    one, other = both_of(0.0, 0.0)
    later = replace(other, mail=other.mail.assign(born_s=other.mail["born_s"] + 1))

    assert not paired(one, later).same_mail
    with pytest.raises(NoDataError, match="nothing to compare"):
        paired(one, made_up([float("nan")] * 400))


def test_the_last_digits_of_sums_are_no_difference() -> None:
    """Another order of adding up changes a sum by some 1e-16 of it: no interval, however narrow, makes that "less"."""
    runs: list[dict[Key, Pair]] = [{("x",): Pair(0.05, 0.05 - 1.7e-13, (-1.7e-13, -1.6e-13))} for _ in range(4)]

    for count in (1, 4):
        found = compare_module._table(runs[:count], ["figure"]).iloc[0]
        assert (found["shown"], found["difference"], found["low"], found["high"]) == (SAME, 0.0, 0.0, 0.0)
    small: list[dict[Key, Pair]] = [{("x",): Pair(0.05, 0.05 - 1e-6)} for _ in range(4)]
    assert compare_module._table(small, ["figure"])["shown"].iloc[0] == "less"


def test_mail_that_is_not_the_same_is_compared_as_a_whole() -> None:
    """Twice the load: message 17 of one is not that of the other, and all of the second lot counts, not its first half."""
    rng = stream(3, 0, "delays")
    early, late = rng.exponential(1.0, 200), 10 + rng.exponential(1.0, 200)
    one = made_up(early, born_s=np.linspace(0, 3599, 200))
    other = made_up(np.concatenate([early, late]), born_s=np.linspace(0, 3599, 400))

    found = paired(one, other)

    assert not found.same_mail
    assert (found.messages, found.unpaired) == (0, 600)
    pair = found.delays["hosted->hosted", "mean"]
    assert (pair.a, pair.b) == pytest.approx((early.mean(), np.concatenate([early, late]).mean()))


@pytest.mark.theory
def test_more_cores_wait_less_and_nothing_else_changes() -> None:
    """M/M/5 against M/M/7 under the same mail: no message is later, routes and outcomes are the same."""
    five, seven = station(cores=5, hours=4), station(cores=7, hours=4)
    found = compare(five, seven, replications=3, jobs=1)

    assert found.delays.loc[("internet->onprem", "mean"), "shown"] == "less"
    assert found.servers.loc[("onprem", "cores", "mean wait"), "shown"] == "less"
    share = found.servers.xs("share in use", level="figure").xs("cores", level="stage").iloc[0]
    assert 5 * share["a"] == pytest.approx(7 * share["b"], rel=0.02), "the same work on more cores"
    said = f"onprem cores, share in use: {100 * share['b']:.3g} % in B, {100 * share['a']:.3g} % in A: "
    assert said in found.headline
    assert re.search(r"\d percentage points( \([\d.]+ to [\d.]+\))? less", found.headline), "no share of a share"
    assert set(found.outcomes["shown"]) == {SAME}
    assert set(found.totals["shown"]) == {SAME}
    assert not found.routes.changed
    assert (found.unpaired, found.same_mail) == (0, True)
    assert found.differs


def test_a_scenario_differs_in_nothing_from_itself() -> None:
    """Not in the last bit."""
    scenario = station(hours=2)
    found = compare(scenario, changed(scenario, {"title": "again"}), replications=2, jobs=1)

    assert not found.differs
    assert (found.a, found.b) == ("one station", "again")
    assert "A: one station; B: again; 2 replications" in found._repr_html_()
    unnamed = replace(found, a="A", b="B")._repr_html_()
    assert "A: A" not in unnamed
    assert "2 replications" in unnamed
    for table in (found.delays, found.outcomes, found.servers, found.totals):
        assert set(table["shown"]) <= {SAME}


def test_a_difference_that_nobody_notices_is_too_small_to_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """5 ms more in delays of 10 s, sure to the tenth of a millisecond: shown, but below 10 ms and half a per cent."""
    found = compared(monkeypatch, 0.005, 0.0001).delays.reset_index().to_dict("records")[0]

    assert 0 < found["low"] <= found["high"] < 0.01
    assert found["shown"] == TOO_SMALL
