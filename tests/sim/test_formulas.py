"""The arithmetic of the simulation: its values, and that a compiler makes the same bits of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import floor, inf
from types import FunctionType
from typing import Any

import numba
import numpy as np
import pytest

from coexsim.mail import dsn, retry
from coexsim.sim import formulas
from coexsim.sim.formulas import (
    back_pressure_s,
    contended_session_s,
    finish_s,
    next_down_s,
    next_up_s,
    rate_window,
    slow_start_round_trips,
    window_after_failure,
    window_after_success,
)

DOWN_S, UP_S = [10.0, 40.0, 90.0], [20.0, 45.0, inf]
TIMES_S = [0.0, 9.99, 10.0, 19.0, 20.0, 42.5, 45.0, 90.0, 1e6]
GAPS_S = [np.array([300.0]), np.array([60.0, 60.0, 300.0])]
BOOLS = [True, False]

CASES: dict[Callable[..., Any], list[tuple[Any, ...]]] = {
    formulas.slow_start_round_trips: [(n,) for n in (0, 1, 14_600, 14_601, 29_200, 29_201, 75_000, 1_000_000, 10**9)],
    formulas.session_round_trips: list(product(BOOLS, BOOLS, [500, 80_000], [1, 20], BOOLS, BOOLS)),
    formulas.session_s: [(5, 0.04, 0.003, 0.001, 0.0), (9, 0.1, 0.003, 0.3, 10.0)],
    formulas.contended_session_s: list(product([0.0031, 0.2], [-17, 1, 2, 3_000_000], [1, 2, 40])),
    formulas.fifo_start_s: [(1.0, -inf), (1.0, 2.0), (2.0, 2.0)],
    formulas.back_pressure_s: list(product([0, 66, 67, 80, 100, 120], [100.0, inf])),
    formulas.link_share_bytes: [(0.0, 1.0, 1.7, 1e6, 3), (77.7, 0.1, 0.4, 12_500.0, 7)],
    formulas.link_left_s: [(1e6, 12.3, 1e6, 3), (1.0, 1.0, 5.0, 1), (1.0, 2.0, 5.0, 1)],
    formulas.interval_at: [(np.array(DOWN_S), t) for t in TIMES_S],
    formulas.next_up_s: [(np.array(DOWN_S), np.array(UP_S), t) for t in TIMES_S],
    formulas.next_down_s: [(np.array(DOWN_S), np.array(UP_S), t) for t in TIMES_S],
    formulas.finish_s: [(np.array(DOWN_S), np.array(UP_S), t, w) for t, w in product(TIMES_S, [0.0, 0.7, 31.1])],
    formulas.down_between: [(np.array(DOWN_S), np.array(UP_S), a, b) for a, b in product(TIMES_S, TIMES_S)],
    formulas.rate_window: list(product([0.0], [0, 29, 30], [1.0, 60.0, 61.0], [60.0], [30], [1, 5])),
    formulas.rate_turn_s: list(product([-inf, 0.0, 120.0], [0, 29, 30], [1.0, 60.0, 61.0], [60.0], [1, 30])),
    formulas.window_after_success: list(product([1, 5, 19, 20], [0.0, 0.9], [0.0, 0.3], [1, 6, 20], [5], [20], [1.0, 0.2])),
    formulas.window_after_failure: list(product([1, 5, 20], [0.4], [0.0, 0.3], [0.0, 0.9], [1.0, 0.1], [0.0, 1.0])),
    formulas.has_room: list(product([0, 9, 10], [0, 900], [100, 101], [10, inf], [1000.0, inf])),
    formulas.share_of_bytes: list(product([0.0, 3333.3, 40_960.0], [1, 3, 7], [7])),
    formulas.bytes_with_more: [(3333.3, 7, -6), (3333.3, 1, 5), (40_960.0, 2, 0)],
    formulas.window_by_queue: [(1,), (20,)],
    formulas.window_reopened: list(product([0, 7], [0.5], [0.1], [0.2], [0, 3], [5])),
    formulas.window_forgotten: list(product([0, 7], [0.5], [0.1], [0.2], [5])),
    retry.queue_run_phase_s: [(7.5, 300.0, 3, 7), (0.0, 0.0, 0, 1)],
    retry.next_of: list(product([77.7], [inf, 90.0], BOOLS, [inf, 900.0, 0.0], [80.0])),
    dsn.notice_bytes: [(n,) for n in (1, 50_000, 50_001)],
    retry.next_attempt_s: list(product(GAPS_S, [1.0, 1.5, 2.0], [4000.0], BOOLS, [0.0, 300.0], [0.0, 7.5], BOOLS,
                                 [77.7, 5000.0], [1, 9, 400], [3.3])),
    retry.after_failure: list(product([86_400.0], [inf, 14_400.0], BOOLS, [600.0, 20_000.0, 90_000.0], [1000.0, 95_000.0], [5.5])),
}  # fmt: skip


@pytest.fixture(scope="module")
def compiled() -> dict[str, Callable[..., Any]]:
    """All formulas, compiled as they are in the order in which they are written, each calling the compiled ones before it."""
    names: dict[str, Any] = {"inf": inf, "floor": floor} | {
        name: value for name, value in vars(formulas).items() if name.isupper()
    }
    for function in CASES:
        if function.__module__ == formulas.__name__:
            names[function.__name__] = numba.njit(FunctionType(function.__code__, names, function.__name__))
        else:
            names[function.__name__] = numba.njit(function)
    return names


@pytest.mark.parametrize("function", CASES, ids=lambda function: function.__name__)
def test_compiled_gives_the_same_bits(function: Callable[..., Any], compiled: dict[str, Callable[..., Any]]) -> None:
    """Numba compiles every formula as it is, and the compiled one says the same to the last bit."""
    for arguments in CASES[function]:
        assert compiled[function.__name__](*arguments) == function(*arguments), arguments


def test_a_rate_counts_in_windows() -> None:
    """Thirty of forty in the first minute; the window after it begins with the first that comes then; a part may be within."""
    began_s, count, allowed = 0.0, 0, []
    for i in range(40):
        began_s, count, within = rate_window(began_s, count, float(i), 60.0, 30, 1)
        allowed.append(within)

    assert allowed == [1] * 30 + [0] * 10
    assert rate_window(began_s, count, 60.0, 60.0, 30, 1) == (60.0, 1, 1)
    assert rate_window(60.0, 28, 61.0, 60.0, 30, 5) == (60.0, 30, 2)


def test_every_formula_is_tried() -> None:
    """A formula that is new in the module must be among those that are compiled here."""
    written = {f for f in vars(formulas).values() if callable(f) and getattr(f, "__module__", "") == formulas.__name__}

    assert written == {f for f in CASES if f.__module__ == formulas.__name__}


def test_slow_start_as_measured() -> None:
    """RFC 6928's ten segments; 75 KB were seen to take about 2.4 more round trips, 1 MB about 6."""
    assert [slow_start_round_trips(n) for n in (14_600, 14_601, 75_000, 1_000_000)] == [0, 1, 2, 6]


def test_back_pressure_steps() -> None:
    """Nothing below two thirds of the limit, then 10 s, 5 s more a step, at most 55 s [MS-BP]."""
    assert [back_pressure_s(n, 300.0) for n in (199, 200, 212, 290, 300, 1000)] == [0, 10, 15, 55, 55, 55]


def test_downtime() -> None:
    """A moment at which downtime ends is up; work stands still meanwhile, and what is done as it begins is done."""
    assert [next_up_s(DOWN_S, UP_S, t) for t in (5.0, 10.0, 20.0, 95.0)] == [5.0, 20.0, 20.0, inf]
    assert [next_down_s(DOWN_S, UP_S, t) for t in (5.0, 10.0, 20.0, 95.0)] == [10.0, 10.0, 40.0, 95.0]
    assert [finish_s(DOWN_S, UP_S, s, w) for s, w in ((5, 5), (5, 6), (5, 30), (60, 31))] == [10, 21, 50, inf]


def test_concurrency_grows_by_one_a_cohort_and_dies_with_one() -> None:
    """SCHEDULER_README: feedback of 1 grows by 1 at each success; three failures in a row kill a destination with 5.

    qmgr_queue.c (since Postfix 2.5): a failure is told by half of its feedback more, so that the first one after a rise takes two
    sessions, and the following ones take one each.
    """
    window, success, failure = 5, 0.0, 0.0
    for busy in (5, 6, 7):
        window, success, failure = window_after_success(window, success, failure, busy, 5, 20, 1.0)
    assert window == 8
    assert window_after_success(20, 0.0, 0.0, 20, 5, 20, 1.0)[0] == 20
    assert window_after_success(9, 0.0, 0.0, 3, 5, 20, 1.0)[0] == 9  # more than 5 of it lie idle

    window, success, failure, cohorts, seen = 5, 0.0, 0.0, 0.0, []
    while window:
        window, success, failure, cohorts = window_after_failure(window, success, failure, cohorts, 1.0, 1.0)
        seen.append(window)
    assert seen == [3, 2, 0]  # 1/5 + 1/3 + 1/2 > 1


def test_failures_of_a_part_of_a_session_take_one_at_the_beginning_of_each_round() -> None:
    """SCHEDULER_README: with feedback of 1/4 a session is taken at the beginning of four failures ("reverse hysteresis"), at first one
    failure earlier, by half of the feedback (qmgr_queue.c).
    """
    window, success, failure, cohorts, seen = 20, 0.0, 0.0, 0.0, []
    for _ in range(8):
        window, success, failure, cohorts = window_after_failure(window, success, failure, cohorts, 0.25, 0.0)
        seen.append(window)
    assert seen == [19, 19, 19, 18, 18, 18, 18, 17]


def test_what_a_contended_session_costs_varies_about_its_mean_as_measured() -> None:
    """Between 2.4 and 5.6 ms with a mean of 3.1 ms (measured, Postfix 3.7.11), whatever numbers the messages have."""
    for attempts in (1, 2, 7):
        costs_ms = np.array([1000 * contended_session_s(0.0031, number, attempts) for number in range(500, 3500)])

        assert costs_ms.mean() == pytest.approx(3.1, rel=0.003)
        assert 2.38 < costs_ms.min() < 2.45
        assert 5.1 < costs_ms.max() < 5.6
