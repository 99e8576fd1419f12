"""How functions of the engine are compiled: when they are first called from one that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba import njit
from numba.extending import register_jitable

from coexsim.mail import retry
from coexsim.sim import formulas

INNER: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
OPTIONS: dict[str, Any] = {"cache": True, **INNER}
"""For functions that Python calls. They are kept with all that they call, so that what only compiled code calls is not kept by itself."""
NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""For functions that only compiled code calls: what Python or C would call them by is a quarter of the time to compile."""

for function in (
    formulas.slow_start_round_trips, formulas.session_s, formulas.contended_session_s, formulas.fifo_start_s,
    formulas.back_pressure_s, formulas.link_share_bytes, formulas.link_left_s,
    formulas.interval_at, formulas.next_up_s, formulas.next_down_s, formulas.finish_s, formulas.down_between,
    retry.next_attempt_s, retry.after_failure, retry.after_freezing, retry.suspended_until_s,
    formulas.window_after_success, formulas.window_after_failure,
):  # fmt: skip
    register_jitable(**NO_WRAPPERS)(function)

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """A function that is compiled when it is first called from one that is. Python itself cannot call it."""
    return cast("F", njit(**INNER, **NO_WRAPPERS)(function))


def part_of_its_caller(function: F) -> F:
    """A function whose lines are compiled within its one caller: for a table of branches, whose every branch is a function of its own.

    Compiled by itself it would take all its branches through the compiler once more.
    """
    return cast("F", njit(inline="always", **INNER, **NO_WRAPPERS)(function))


def compiled_now(function: F) -> F:
    """The loop, compiled when this module is loaded, for the address of the table of arrays."""
    return cast("F", njit(numba.int64(numba.int64, numba.float64, numba.int64), **OPTIONS)(function))
