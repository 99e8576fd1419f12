"""Closed times against a clock that ticks once a second, and random ones against their means."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexsim.scenario.load import scenario_from_text
from coexsim.sim.build import build_downtimes
from coexsim.sim.downtime import DowntimeSchedule, random_downtime
from tests.analysis.small import SMALL
from tests.theory_check import assert_mean_is_and_not_a_tenth_more

HORIZON = 60
closed_times = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)).map(lambda c: (c[0], c[0] + c[1])))
moments = st.integers(0, 50)


def closed_seconds(closed: list[tuple[int, int]]) -> list[bool]:
    """For each whole second, whether any of the intervals covers it: the slow truth."""
    return [any(from_s <= second < to_s for from_s, to_s in closed) for second in range(HORIZON)]


@given(closed_times)
def test_intervals_are_sorted_and_apart(closed: list[tuple[int, int]]) -> None:
    """Whatever overlaps or touches is one interval, and what lasts no time is none."""
    intervals = list(DowntimeSchedule(closed))

    assert all(from_s < to_s for from_s, to_s in intervals)
    assert all(one[1] < other[0] for one, other in pairwise(intervals))
    assert bool(intervals) is bool(DowntimeSchedule(closed)) is any(closed_seconds(closed))


@given(closed_times, moments)
def test_next_open_and_next_closed_are_the_first_such_second(closed: list[tuple[int, int]], now: int) -> None:
    """Open and closed are half-open intervals: closed from `from_s` on, open again at `to_s`."""
    downtime, is_closed = DowntimeSchedule(closed), closed_seconds(closed)

    assert downtime.is_up(now) is not is_closed[now]
    assert downtime.next_up(now) == next(t for t in range(now, HORIZON) if not is_closed[t])
    assert downtime.next_down(now) == next((t for t in range(now, HORIZON) if is_closed[t]), inf)


@given(closed_times, moments, st.integers(0, 20))
def test_work_stands_still_while_closed(closed: list[tuple[int, int]], start: int, work: int) -> None:
    """Work ends once as many open seconds have passed as it takes, and then at once."""
    downtime = DowntimeSchedule(closed)
    far = [*closed_seconds(closed), *[False] * 100]
    now, left = start, work
    while left or far[now]:
        if left and not far[now]:
            left -= 1
        now += 1
        if not left and work:
            break  # done just when a closed time begins is done

    assert downtime.finish(start, work) == now


@given(closed_times, moments, st.integers(0, 9))
def test_down_between_sees_any_closed_second(closed: list[tuple[int, int]], start: int, length: int) -> None:
    """What takes no time is hit as well, while closed; what ends as the closed time begins is not."""
    is_closed = closed_seconds(closed)

    seconds = is_closed[start : start + max(length, 1)]
    assert DowntimeSchedule(closed).down_between(start, start + length) is any(seconds)


def test_closed_for_good() -> None:
    """Nothing that is begun before the end of service, and not done by then, is ever done."""
    downtime = DowntimeSchedule([(10, inf)])

    assert downtime.finish(4, 6) == 10
    assert downtime.finish(4, 7) == inf
    assert downtime.next_up(10) == inf
    assert downtime.finish(inf, 1) == inf


def test_an_end_before_the_beginning_is_an_error() -> None:
    """A closed time from 5 to 3 is a slip, not an empty one."""
    with pytest.raises(ValueError, match="cannot end before it begins"):
        DowntimeSchedule([(5, 3)])


def test_random_downtime_have_the_means_asked_for() -> None:
    """The long-run share of closed time is mttr / (mtbf + mttr) (Ross 2019, sec. 7.5.1)."""
    shares = []
    for seed in range(30):
        outages = random_downtime(np.random.default_rng(seed), mtbf_s=900, mttr_s=100, until_s=1e6)
        assert list(DowntimeSchedule(outages)) == outages
        shares.append(sum(to_s - from_s for from_s, to_s in outages) / 1e6)

    assert_mean_is_and_not_a_tenth_more(0.1, shares, rel=0.05)


def test_two_laws_of_failure_draw_for_themselves() -> None:
    """A thing that fails often for a moment and, by another event, rarely for long: with the same law twice, not the same times twice."""
    law = "{down: inotes-inbound, mtbf: 10 min, mttr: 1 min}"
    text = SMALL.partition("events:")[0] + f"events: [{law}%s]\n"
    once, twice = (
        list(build_downtimes(scenario_from_text(text % more, "small.yaml"), 1, 0, 1e5)["inotes-inbound"])
        for more in ("", f", {law}")
    )

    assert len(twice) > 1.5 * len(once)
    assert {from_s for from_s, _ in once} & {from_s for from_s, _ in twice}  # the first law's times are as they were


def test_random_downtime_need_times_above_zero() -> None:
    """No time to failure at all would never come to an end."""
    with pytest.raises(ValueError, match="above zero"):
        random_downtime(np.random.default_rng(1), mtbf_s=0, mttr_s=1, until_s=10)
