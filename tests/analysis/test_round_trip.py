"""The round trip's price is what the two ways differ by, message by message."""

from __future__ import annotations

import numpy as np
import pytest

from coexsim.analysis.round_trip import direct, paired, round_trip
from coexsim.errors import NoDataError
from coexsim.experiment.run import simulate
from coexsim.scenario.load import changed, load_scenario, scenario_from_text
from coexsim.scenario.model import Scenario

PLAIN = """
extends: scenarios/article/environment.yaml
servers:
  onprem: {service: {scan: {fixed: 100 ms}}}
directory: {population: {onprem: 400, hosted: 600}}
load:
  sizes: 4 KB
  streams:
    - {from: hosted, to: {onprem: 40, hosted: 60}, rate: 2/s}
    - {from: onprem, to: {onprem: 40, hosted: 60}, rate: 1/s}
run: {length: 30 min}
"""


@pytest.fixture(scope="module")
def plain() -> Scenario:
    """Little load, constant scan: what a message takes can be worked out by hand."""
    return scenario_from_text(PLAIN, "plain.yaml")


def test_the_extra_delay_is_the_extra_leg_and_the_work_on_the_way(plain: Scenario) -> None:
    """Without waits: two sessions of 5 round trips of 40 ms and a scan of 100 ms, against one session inside the hosted site (0 s).

    4 KB cross a 100 Mbit/s link in 0.32 ms; round trips counted on Postfix 3.7.11; DNS is asked once an hour.
    """
    price = round_trip(plain)

    by_hand_s = 2 * 5 * 0.040 + 0.100 + 2 * 4000 / 12.5e6
    assert price.quantiles_s["p50_s"] == pytest.approx(by_hand_s, rel=1e-9)
    assert price.extra_hops == 1.0
    assert price.interval.holds(price.mean_extra_s)
    assert price.mean_extra_s != pytest.approx(1.1 * by_hand_s, rel=0.05)


def test_bytes_and_work_are_those_of_the_pairs(plain: Scenario) -> None:
    """Every message between hosted users crosses the WAN twice, and takes one scan of the on-premises server's time."""
    via, straight = simulate(plain), simulate(direct(plain))
    price = paired(plain, via, straight)

    assert price.wan_bytes == price.messages * 2 * 4000
    flows = via.measured.groupby("flow", observed=True).size()
    assert price.work_share == pytest.approx(flows["hosted->hosted"] / flows.sum(), abs=0.002)


def test_the_share_of_internal_mail_is_the_hosted_share_squared(plain: Scenario) -> None:
    """Uniform mixing: h^2 (closed form), here 0.36 with two thirds of the mail from hosted people: 0.4 by the streams' rates."""
    price = round_trip(plain)

    n = price.messages / price.share_of_internal
    assert price.closed_form == pytest.approx(0.36)
    assert abs(price.share_of_internal - 0.4) < 4 * np.sqrt(0.4 * 0.6 / n)


def test_both_ways_have_the_same_mail(plain: Scenario) -> None:
    """Common random numbers: births and sizes are equal, bit for bit."""
    via, straight = (
        s.mail[["mail", "born_s", "size_bytes", "flow"]] for s in (simulate(plain), simulate(direct(plain)))
    )

    assert via.equals(straight)


def test_without_a_round_trip_there_is_no_price() -> None:
    """No hosted outbound server, or no mail between hosted users: said, not guessed."""
    nobody = changed(load_scenario("scenarios/article/environment.yaml"), {"run.length": "1 min"})
    with pytest.raises(NoDataError, match="delivered both ways"):
        round_trip(nobody)
