"""When a queue is back to normal, on curves whose answer is seen at a glance."""

from __future__ import annotations

from math import inf

import numpy as np

from coexsim.analysis.drain import minutes_to_drain


def test_back_at_the_level_of_the_hour_before() -> None:
    """5 wait, then 500 from minute 60 to 100; the outage ends at 90: ten minutes and the one whose end is the first with 5."""
    backlog = np.full(180, 5.0)
    backlog[60:100] = 500.0

    assert minutes_to_drain(backlog, [(60, 90)], 0) == 11.0


def test_one_calm_minute_is_not_normal() -> None:
    """A single minute with an empty queue, as between two tries: the 15-minute mean is not fooled."""
    backlog = np.full(180, 5.0)
    backlog[60:120] = 500.0
    backlog[95] = 0.0

    assert minutes_to_drain(backlog, [(60, 90)], 0) == 31.0


def test_a_usual_level_that_flutters_is_reached() -> None:
    """0 to 10 wait by turns: the highest 15-minute mean before is the measure, not the highest or lowest minute."""
    rng = np.random.default_rng(1)
    backlog = rng.integers(0, 11, 240).astype(float)
    backlog[60:100] = 5000.0

    assert minutes_to_drain(backlog, [(60, 90)], 0) == 11.0


def test_without_history_the_level_at_which_it_comes_to_rest() -> None:
    """50,000 wait as the run begins, 23 minutes later some 40 as ever after."""
    rng = np.random.default_rng(2)
    backlog = 40 + rng.normal(0, 3, 120)
    backlog[:23] += np.linspace(50_000, 2_000, 23)

    assert 20 <= minutes_to_drain(backlog, [(0, 0)], 0) <= 24


def test_a_queue_that_still_falls_at_the_end_has_not_come_to_rest() -> None:
    """Nobody saw it."""
    assert minutes_to_drain(np.linspace(50_000, 10_000, 120), [(0, 0)], 0) == inf
    assert minutes_to_drain(np.linspace(50_000, 40_000, 1200), [(0, 0)], 0) == inf


def test_the_usual_level_of_that_hour_of_day() -> None:
    """Yesterday 100 waited from noon on and 5 before; the outage ends at noon: 100 is normal then, though 5 were before it."""
    day = np.where(np.arange(1440) < 720, 5.0, 100.0)
    backlog = np.tile(day, 2)
    backlog[1440 + 660 : 1440 + 740] = 900.0

    assert minutes_to_drain(backlog, [(1440 + 660, 1440 + 720)], 0) == 21.0


def test_the_backlog_of_an_earlier_outage_is_not_the_usual() -> None:
    """Two outages within an hour: the second is over when no more wait than before the first."""
    backlog = np.full(240, 5.0)
    backlog[60:150] = 500.0

    assert minutes_to_drain(backlog, [(60, 90), (100, 120)], 1) == 31.0


def test_the_next_outage_does_not_count_for_this_one() -> None:
    """Drained at minute 92; the next begins at 105, within the 15 minutes."""
    backlog = np.full(120, 5.0)
    backlog[60:92] = 500.0
    backlog[105:115] = 500.0

    assert minutes_to_drain(backlog, [(60, 90), (105, 110)], 0) == 3.0


def test_a_queue_that_the_outage_did_not_lift_is_normal_at_once() -> None:
    """With five minutes seen before: one of 0 to 4 throughout is normal at once; one that grows to 26,000 is when it is empty."""
    rng = np.random.default_rng(3)
    calm = rng.integers(0, 5, 180).astype(float)
    lifted = calm.copy()
    lifted[5:67] += np.linspace(0, 26_000, 62)
    lifted[67:90] += np.linspace(26_000, 0, 23)

    assert minutes_to_drain(calm, [(5, 67)], 0) == 0.0
    assert 20 <= minutes_to_drain(lifted, [(5, 67)], 0) <= 24
    assert minutes_to_drain(lifted[:80], [(5, 67)], 0) == inf


def test_an_outage_that_begins_with_the_run_leaves_queues_it_did_not_lift_out() -> None:
    """0 to 4 wait at a sender throughout two hours, of which the first is the outage: normal at once, also when one minute has 5."""
    calm = np.random.default_rng(4).integers(0, 5, 120).astype(float)
    calm[59] = 5.0

    assert minutes_to_drain(calm, [(0, 60)], 0) == 0.0


def test_a_queue_that_waits_for_another_try_is_not_normal() -> None:
    """500 came during the outage and stay until a try that nobody saw: not normal, though it changes no more; nor while it grows."""
    waiting = np.concatenate((np.linspace(0.0, 500.0, 60), np.full(120, 500.0)))

    assert minutes_to_drain(waiting, [(0, 60)], 0) == inf
    assert minutes_to_drain(np.arange(180).astype(float) * 3.0, [(0, 60)], 0) == inf


def test_without_history_a_lifted_queue_rests_above_a_tenth_of_its_peak() -> None:
    """40 wait as a rule and 200 at the return; half an hour later 40 again: that is when it is back, the run being two hours longer."""
    backlog = np.random.default_rng(5).poisson(40, 210).astype(float)
    backlog[:60] += np.linspace(0, 160, 60)
    backlog[60:90] += np.linspace(160, 0, 30)

    assert 22 <= minutes_to_drain(backlog, [(0, 60)], 0) <= 30


def test_chance_alone_is_not_an_outages_doing() -> None:
    """An hour with one message at three minutes' ends, then as much an outage later: normal at once. With ten at each minute, not."""
    few = np.zeros(240)
    few[[5, 25, 45]] = 1.0
    few[80:200:10] = 1.0
    ten = few.copy()
    ten[80:120] = 10.0

    assert minutes_to_drain(few, [(60, 75)], 0) == 0.0
    assert 30 <= minutes_to_drain(ten, [(60, 75)], 0) <= 46


def test_normal_is_what_the_queue_is_without_the_outage() -> None:
    """Ten wait where two did since the load has grown: with or without the outage, so that is normal. The hour before does not know.

    500 more wait from minute 60 to 100, the outage ends at 90: the first minute without them ends at 101.
    """
    undisturbed = np.repeat([2.0, 10.0], [80, 160])
    backlog = undisturbed.copy()
    backlog[60:100] += 500.0

    assert minutes_to_drain(backlog, [(60, 90)], 0) == inf
    assert minutes_to_drain(backlog, [(60, 90)], 0, undisturbed) == 11.0
    assert minutes_to_drain(backlog, [(60, 90)], 0, np.full(240, 2.0)) == inf


def test_without_the_outage_is_known_from_the_first_minute_on() -> None:
    """The outage begins with the run: a queue of 0 to 4 throughout is normal at once, one of 50,000 when it is as it would have been."""
    rng = np.random.default_rng(4)
    usual = rng.integers(0, 5, 180).astype(float)
    lifted = usual.copy()
    lifted[:23] += np.linspace(50_000, 2_000, 23)

    assert minutes_to_drain(usual, [(0, 0)], 0, usual) == 0.0
    assert 20 <= minutes_to_drain(lifted, [(0, 0)], 0, usual) <= 24


def test_a_queue_that_is_lifted_anew_by_what_others_kept_is_not_back() -> None:
    """Empty four minutes after the return, then 7,000 at once as others try again, who kept it: back when those are gone too."""
    backlog = np.full(240, 2.0)
    backlog[60:94] = 1800.0
    backlog[120:130] = np.linspace(7000.0, 2000.0, 10)
    quiet = np.full(240, 2.0)

    assert minutes_to_drain(backlog, [(60, 90)], 0, quiet) == 41.0
    assert minutes_to_drain(np.where(np.arange(240) < 100, backlog, 2.0), [(60, 90)], 0, quiet) == 5.0
    assert minutes_to_drain(backlog, [(60, 90), (110, 115)], 0, quiet) == 5.0
