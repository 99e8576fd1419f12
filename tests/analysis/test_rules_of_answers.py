"""Rules of answers that a tired hand breaks without a sound: which runs are pooled, which minutes count, what is tried, and the words."""

from __future__ import annotations

from datetime import date, timedelta
from math import inf, nan
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coexsim.analysis.growth import read_day
from coexsim.analysis.outage import OutageFacts
from coexsim.analysis.outage_answer import LONGEST_S, follow
from coexsim.analysis.outage_changes import possible_changes
from coexsim.analysis.outage_headline import headline
from coexsim.analysis.outlook import outlook
from coexsim.analysis.sized import Sizing, Tried
from coexsim.analysis.slo import judge
from coexsim.analysis.slo_mail import BLOCKS
from coexsim.analysis.slo_measure import Sample, measure
from coexsim.analysis.slo_text import parse_objective
from coexsim.analysis.swept import told
from coexsim.experiment.results import Results
from coexsim.scenario.load import changed
from coexsim.scenario.model import Candidate, Scenario
from coexsim.units import Moment
from tests.analysis.small import small
from tests.analysis.station import station
from tests.experiment.made_up import made_up

SCENARIO = small()
HOUR_S, DAY_S = 3600.0, 86400.0


def measured(text: str, run: Results) -> Sample:
    return measure(parse_objective(text, SCENARIO), run, SCENARIO)


# --- verdicts -----------------------------------------------------------------------------------------------------


def test_two_runs_have_the_interval_of_their_pooled_percentile() -> None:
    """1, 4, 9, ... 100^2 s in one run, 6^2 to 105^2 s in the other.

    Pooled, half of the 200 do not exceed 53^2 s: 53 of the first run and 48 of the second. Of two shares Student's half interval is
    12.706 (one degree of freedom) times half their difference, 0.025: 0.318. So the ends are the values that 18.2 % and 81.8 % do not
    exceed, 21^2 and 85^2 s (2v - 5 values do not exceed v^2: 37 and 165 of 200).
    """
    runs = [made_up(np.arange(first, first + 100) ** 2.0, i) for i, first in enumerate((1, 6))]
    verdict = judge(parse_objective("p50(delay) < 9 h", SCENARIO), [measured("p50(delay) < 9 h", run) for run in runs])

    assert (verdict.estimate, verdict.interval.low, verdict.interval.high) == (53.0**2, 21.0**2, 85.0**2)


def test_only_runs_that_all_have_a_weight_are_pooled() -> None:
    """Means of 2 and 4 s, of which one does not say of how many: the mean of the two, 3 s e^(12.706 / 3) at the most."""
    samples = [Sample(2.0, 40, total=200.0, weight=100.0), Sample(4.0, 40)]
    verdict = judge(parse_objective("mean(delay) < 1 h", SCENARIO), samples)

    assert verdict.interval.high == pytest.approx(3 * np.exp(12.706 / 3), rel=1e-4)


def test_recipients_at_the_percentile_are_among_those_up_to_it() -> None:
    """1 s for everybody in every other block of the window, elsewhere for one of five, 60 s for the others: p50 is 1 s, as 60 % take that.

    The blocks differ by far, so 60 s is left possible. Those who take less than 1 s would be none, in all blocks alike.
    """
    number = np.arange(50 * BLOCKS)
    slow = (number // 50 % 2 == 1) & (number % 5 > 0)
    run = made_up(np.where(slow, 60.0, 1.0), born_s=HOUR_S * number / len(number))
    found = measured("p50(delay) < 30 s", run)

    assert (found.value, found.low, found.high) == (1.0, 1.0, 60.0)


def test_the_busiest_hour_has_the_interval_of_its_five_minutes() -> None:
    """Five minutes at 40 %, five at 60 %, and so on for an hour: 50 % +- 2.201 (11 degrees of freedom) times the error of twelve means.

    Their standard deviation is 0.1 sqrt(12/11), so the error is 0.1 / sqrt(11); in the logit it is four times that: 1 / (50 % of 50 %).
    """
    busy = np.repeat(np.tile([0.4, 0.6], 6), 5)
    run = made_up([1.0], stages=[{"workers": 1.0}], timeline={("onprem", "cores"): {"busy": busy, "arrivals": 1.0}})
    found = measured("utilisation(onprem.cores, busiest hour) < 90 %", run)

    assert found.value == pytest.approx(0.5)
    assert np.log(found.high / (1 - found.high)) == pytest.approx(4 * 2.201 * 0.1 / np.sqrt(11), rel=1e-3)


def test_only_minutes_of_the_window_count() -> None:
    """20 % busy for half an hour, which is measured; 90 % after it."""
    busy = np.repeat([0.2, 0.9], 30)
    run = made_up([1.0], stages=[{"workers": 1.0}], timeline={("onprem", "cores"): {"busy": busy, "arrivals": 1.0}})
    run = Results(**run.tables, provenance=run.provenance, window_s=(0.0, 1800.0), length_s=HOUR_S)

    assert measured("utilisation(onprem.cores) < 70 %", run).value == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("value", "said"), [(12345.0, "12,345"), (12344.0, "12,344"), (2.5, "2.5"), (12345.25, "12,345")]
)
def test_whole_numbers_are_told_to_the_last_digit(value: float, said: str) -> None:
    """Odd or even; others with four digits, and thousands whole."""
    assert parse_objective("backlog(onprem) < 90", SCENARIO).say(value) == said


# --- sweeps, outlooks, machines -----------------------------------------------------------------------------------


def swept(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["cores", "threads", "objective", "answer"])


def test_over_one_key_a_change_is_told_over_two_where_it_is_another() -> None:
    """One key has an order, in which the answer changes; of two the points are named that differ from most."""
    text = "p95(delay) < 60 s"
    one = swept((1.0, 5, text, "missed"), (2.0, 5, text, "met"), (4.0, 5, text, "met")).drop(columns="threads")
    two = swept((1.0, 5, text, "missed"), (2.0, 5, text, "met"), (4.0, 5, text, "met"))

    assert told(one) == [f"Objective {text}: missed up to 1, met from 2 on."]
    assert told(two) == [f"Objective {text}: met at 2 of 3 points, missed at cores 1 with threads 5."]


@pytest.mark.parametrize("start", [None, date(2031, 3, 14)])
def test_an_outlook_begins_today_or_on_the_day_that_is_said(start: date | None) -> None:
    """Work for two cores on a machine of one is too small by theory: nothing is run."""
    scenario = station("utilisation(onprem.cores) < 70 %", per_hour=1200, cores=1, hours=1, warm_up=0.1)
    today = read_day("today")
    found = outlook(scenario, start=start)

    assert found.start - (start or today) <= timedelta(days=0 if start else 1)  # midnight may pass meanwhile
    assert found.looks[0].day == found.start == found.breaks_by


@pytest.mark.parametrize(
    ("status", "finding"),
    [
        ("cannot say", "Cannot say: no machine was shown to be enough for onprem"),
        ("fails", "None of the machines is enough for onprem"),
    ],
)
def test_no_machine_was_shown_to_be_enough_or_none_is(status: Any, finding: str) -> None:
    """Where one of them may do, and where all fail; the headline begins alike."""
    asked, tried = parse_objective("p95(delay) < 60 s", SCENARIO), Tried(Candidate(name="a"), status, "", {})
    found = Sizing("onprem", (asked,), (tried,), None, None)

    assert found.finding == finding
    assert found.headline.startswith(f"{finding} to meet ")


# --- outages ------------------------------------------------------------------------------------------------------

FACTS = OutageFacts(
    "inotes-inbound", HOUR_S, 2 * HOUR_S, pd.DataFrame(columns=["server", "most_bytes"]), "", 0.0, 0.0, (), 0, 0, 0, nan, 0, DAY_S
)  # fmt: skip


def said_of(*normal_s: float) -> str:
    queues = (pd.DataFrame({"server": ["onprem"], "most_bytes": [1e6], "drain_s": [each]}) for each in normal_s)
    return headline([FACTS._replace(backlog=each) for each in queues], Moment(0, 0.0)).split(";")[0]


def test_normal_again_is_from_the_first_of_the_runs_to_the_last() -> None:
    """The outage is over at 2:00; queues are back after 10 and 40 minutes, at once, or in a run not at all."""
    assert (
        said_of(600.0, 2400.0) == "In each of 2 runs normal again Mon 02:10 to 02:40, 10 min to 40 min after the return"
    )
    assert said_of(0.0, 600.0) == "In each of 2 runs normal again Mon 02:00 to 02:10, 0 s to 10 min after the return"
    assert said_of(2400.0, 2400.0) == "In each of 2 runs normal again Mon 02:40, 40 min after the return"
    assert said_of(2400.0) == "Normal again Mon 02:40, 40 min after the return"
    assert said_of(0.0) == "Normal again at once, Mon 02:00"
    assert said_of(60.0) == "Normal again Mon 02:01, 60 s after the return"
    assert said_of(0.0, inf).startswith("Of 2 runs not normal again in 1 of them by ")


def keys_tried(scenario: Scenario, down: str, *queued: str) -> list[str]:
    event: Any = SimpleNamespace(down=(down,))
    facts = FACTS._replace(backlog=pd.DataFrame({"server": queued}))
    return [key for change in possible_changes(scenario, event, facts) for key in change.keys]


def test_limits_are_tried_where_mail_waits_and_at_who_was_down() -> None:
    """The two of one's own servers that keep most try again sooner; of who was down connections and cores are doubled.

    Where a link was cut or the service was down, it is the server at home that takes what waited.
    """
    relay = {"kind": "relay", "site": "office", "capacity": {"cores": 2}}
    relays = {f"servers.{name}": relay | {"host": f"{name}.corporate.com"} for name in ("relay1", "relay2")}
    scenario = changed(SCENARIO, relays)
    tried = keys_tried(scenario, "relay1", "external", "onprem", "relay2", "relay1")

    assert [key for key in tried if key.endswith(".retry")] == [
        "servers.onprem.retry",
        "servers.relay2.retry",
        "servers.external.retry",
    ]
    assert [key for key in tried if key.startswith("servers.relay1.")] == ["servers.relay1.capacity.cores"]
    assert "servers.onprem.capacity.cores" not in tried
    for down in ("office-hosted", "inotes-inbound"):
        assert "servers.onprem.capacity.cores" in keys_tried(scenario, down, "relay2")


def test_mail_that_never_arrives_is_followed_for_a_fortnight() -> None:
    """From the return, Wednesday noon, 4 h, 8 h, ... are looked at, each twice as long: 256 h are less than 14 days, 512 h are enough."""
    scenario = changed(
        SCENARIO, {"run.length": "64 h", "run.start": "Mon 00:00", "events": [{"at": "Mon 10:00", "for": "50 h", "down": "inotes-inbound"}]}
    )  # fmt: skip
    lengths: list[float] = []
    run = made_up([nan])  # a mail that is in transit at every end

    def simulated(spec: Scenario, _: str) -> Results:
        lengths.append(spec.run.length / HOUR_S - 60)
        return run

    follow(scenario, scenario.events[0], simulated=simulated, try_limits=False)

    assert sorted(set(lengths)) == [4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]
    assert LONGEST_S == 14 * DAY_S
