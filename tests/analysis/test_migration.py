"""The migration curve: as people move, the closed forms are met."""

from __future__ import annotations

import pytest

from coexsim.analysis.migration import curve
from coexsim.experiment.sweep import HOSTED_SHARE, sweep
from coexsim.scenario.load import scenario_from_text
from tests.analysis.small import SMALL
from tests.theory import mail_rates

LOAD = """\
load:
  sent_per_mailbox: 400/day
  received_to_sent: 1.5
  internal_share: 0.6
  recipients: 1
  sizes: 20 KB
"""


@pytest.mark.theory
def test_round_trips_are_the_square_of_the_hosted_share_and_the_load_is_the_closed_form() -> None:
    """Shares of 0, 50 and 100 % of 2000 people; what the on-premises server takes on is what it receives and what its own send."""
    text = SMALL.replace("onprem: 80, hosted: 120", "onprem: 800, hosted: 1200").replace("length: 2 h", "length: 1 h")
    text = "\n".join(line for line in text.splitlines() if "down:" not in line).replace("events:", "")
    scenario = scenario_from_text(text + "\n" + LOAD, "migration.yaml")

    found = curve(sweep(scenario, {HOSTED_SHARE: "0..100% step 50%"}, jobs=1), scenario)

    assert found["hosted_share"].tolist() == [0.0, 0.5, 1.0]
    assert found["round_trip_by_theory"].tolist() == [0.0, 0.25, 1.0]
    for measured, theory in zip(found["round_trip_share"], found["round_trip_by_theory"], strict=True):
        assert measured == pytest.approx(theory, abs=0.03)
    sent_per_s = 2000 * 400 / 86400
    internal, outside_in = 0.6 * 1.5 * sent_per_s, 0.4 * 1.5 * sent_per_s
    for share, work in zip(found["hosted_share"], found["work_per_s"], strict=True):
        by_smtp = mail_rates(share, internal, outside_in, 0.0).received_per_s
        own = sent_per_s * (1 - share)  # handed in at the server itself, for whomever
        assert work == pytest.approx(by_smtp + own, rel=0.05)
    assert (found["cores_needed"] >= found["busy_cores"] / 0.7 - 1e-9).all()


@pytest.mark.theory
def test_a_server_that_cannot_keep_up_needs_what_is_asked_of_it() -> None:
    """1.2 messages/s of 5 s each are 6 erlangs; two cores are 100 % busy, whatever comes, yet 9 are needed at 70 %."""
    text = (
        SMALL.replace("cores: 4", "cores: 2").replace("scan: 60 ms", "scan: 5 s").replace("length: 2 h", "length: 1 h")
    )
    text = "\n".join(line for line in text.splitlines() if "down:" not in line).replace("events:", "")
    load = "load: {streams: [{from: internet, to: onprem, rate: 1.2/s, arrivals: constant, sizes: 20 KB}]}\n"

    scenario = scenario_from_text(f"{text}\n{load}", "full.yaml")
    found = curve(sweep(scenario, {HOSTED_SHARE: [0]}, jobs=1), scenario).iloc[0]

    assert found["busy_cores"] == pytest.approx(2, abs=0.01)
    assert not found["keeps_up"]
    assert found["cores_needed"] == 9
