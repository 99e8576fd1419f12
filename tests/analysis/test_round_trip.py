"""The price of the round trip: the same mail both ways, each message against itself, with the closed form beside it."""

from __future__ import annotations

import numpy as np
import pytest

from coexsim.analysis.round_trip import direct, paired, round_trip
from coexsim.errors import NoDataError
from coexsim.experiment.run import simulate
from coexsim.rng import stream
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario
from tests.analysis.small import SMALL, small
from tests.experiment.made_up import made_up
from tests.report.made_up_price import made_up_price

MAIL_BYTES = 20_000
SHARE = 0.6


def busy() -> Scenario:
    """2000 people, 60 % hosted, an hour of steady mail of one size to one recipient each."""
    text = SMALL.replace("onprem: 80, hosted: 120", "onprem: 800, hosted: 1200").replace("length: 2 h", "length: 1 h")
    text = "\n".join(line for line in text.splitlines() if "down:" not in line).replace("events:", "")
    load = "load: {sent_per_mailbox: 400/day, received_to_sent: 1.5, internal_share: 0.6, recipients: 1, sizes: 20 KB}"
    return scenario_from_text(f"{text}\n{load}\n", "round-trip.yaml")


@pytest.mark.theory
def test_each_message_passes_one_server_more_and_crosses_the_wan_twice() -> None:
    """Over the on-premises server it is two transactions instead of one, and twice its bytes between office and hosted.

    With uniform mixing the square of the hosted share of internal mail makes the round trip (derived).
    """
    found = round_trip(busy(), jobs=1)

    assert found.extra_hops == 1.0
    assert found.wan_bytes == 2 * MAIL_BYTES * found.messages
    assert found.closed_form == pytest.approx(SHARE**2)
    assert found.share_of_internal == pytest.approx(SHARE**2, abs=0.03)
    assert 0 < found.work_share < 1
    assert (found.extra_s > 0).all()
    assert found.interval.holds(found.mean_extra_s)


@pytest.mark.theory
def test_the_extra_time_of_an_idle_system_is_what_its_parts_come_to() -> None:
    """One more session over 40 ms (5 round trips, and one for slow start), its bytes on the link twice, and 60 ms of scan.

    The direct session stays inside the hosted site and costs no round trip.
    """
    found = round_trip(busy(), jobs=1)

    trips = 5 + 1  # 20 KB are more than the first window of 14.6 KB
    expected_s = 2 * trips * 0.040 + 2 * MAIL_BYTES / 12.5e6 + 0.060
    assert found.quantiles_s["p50_s"] == pytest.approx(expected_s, rel=0.03)


def test_several_replications_have_student_s_interval() -> None:
    """And the pairs of each stay with it."""
    found = round_trip(busy(), replications=3, jobs=1)

    assert sorted(set(found.extra_s.index.get_level_values("replication"))) == [0, 1, 2]
    means = found.extra_s.groupby("replication").mean()
    assert found.interval.mean == pytest.approx(float(means.mean()))
    assert found.interval.known


def test_only_what_arrived_both_ways_is_compared() -> None:
    """A message that bounced one way is no pair."""
    rng = stream(1, 0, "x")
    one = made_up(rng.exponential(1.0, 50) + 1)
    outcome = ["bounced"] * 10 + ["delivered"] * 40
    other = made_up(one.mail["delay_s"].to_numpy() - 0.5, outcome=outcome)

    found = paired(small(), one, other)

    assert found.messages == 40
    assert found.mean_extra_s == pytest.approx(0.5)
    assert np.allclose(found.extra_s, 0.5)


def test_nothing_to_compare_is_said() -> None:
    """No mail between hosted people, or no hosted-outbound server."""
    one = made_up([1.0], flow="onprem->onprem")
    with pytest.raises(NoDataError, match="hosted->hosted"):
        paired(small(), one, one)
    text = SMALL.replace("  inotes-outbound: {kind: hosted-outbound, site: hosted}\n", "")
    with pytest.raises(NoDataError, match="no round trip"):
        direct(scenario_from_text(text))


def test_results_that_are_there_already_are_used() -> None:
    """The same answer with and without."""
    scenario = busy()
    via = simulate(scenario)

    assert round_trip(scenario, via, jobs=1).mean_extra_s == round_trip(scenario, jobs=1).mean_extra_s


def test_percentiles_of_few_messages_are_marked() -> None:
    """Of 444 messages 22 lie beyond p95, but 4.4 beyond p99; of 9 hardly any lies beyond anything."""
    price = made_up_price()

    assert price._replace(messages=444).uncertain == ("p99_s",)
    assert price._replace(messages=1000).uncertain == ()
    assert price._replace(messages=9).uncertain == ("p50_s", "p95_s", "p99_s")
