"""How functions of the engine are compiled: when they are first called from one that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba import njit
from numba.extending import register_jitable

from coexsim.mail import dsn, retry
from coexsim.sim import formulas

INNER: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_rewrites": True}
"""For all functions. What Numba would rewrite, expressions over whole arrays, the engine has none of; looking for them takes a while."""
OPTIONS: dict[str, Any] = {"cache": True, **INNER}
"""For functions that Python calls. They are kept with all that they call, so that what only compiled code calls is not kept by itself."""
NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""For functions that only compiled code calls: what Python or C would call them by is a quarter of the time to compile."""

for function in (
    formulas.slow_start_round_trips, formulas.session_s, formulas.contended_session_s, formulas.fifo_start_s,
    formulas.back_pressure_s, formulas.has_room, formulas.link_share_bytes, formulas.link_left_s,
    formulas.share_of_bytes, formulas.bytes_with_more,
    formulas.interval_at, formulas.next_up_s, formulas.next_down_s, formulas.finish_s, formulas.down_between,
    retry.next_attempt_s, retry.next_of, retry.queue_run_phase_s, retry.after_failure, retry.after_freezing, retry.suspended_until_s,
    dsn.notice_bytes,
    formulas.rate_window, formulas.rate_turn_s, formulas.window_after_success, formulas.window_after_failure,
    formulas.window_by_queue, formulas.window_reopened, formulas.window_forgotten,
):  # fmt: skip
    register_jitable(**INNER, **NO_WRAPPERS)(function)

F = TypeVar("F", bound=Callable[..., Any])
Ahead = list[tuple[Any, tuple[Any, ...]]]

_TYPES = {"int": numba.int64, "float": numba.float64, "bool": numba.boolean}
_AHEAD: Ahead = []  # what takes nothing but plain numbers, and the table of arrays


def compiled(function: F, ahead: Ahead = _AHEAD) -> F:
    """A function that is compiled when it is first called from one that is, or by ``compile_ahead``. Python itself cannot call it."""
    made = cast("Any", njit(**INNER, **NO_WRAPPERS)(function))
    named = {name: kind for name, kind in function.__annotations__.items() if name != "return"}
    types = tuple(numba.int64 if name == "w" else _TYPES.get(kind) for name, kind in named.items())
    if None not in types:
        ahead.append((made, types))
    return cast("F", made)


def compile_ahead(ahead: Ahead = _AHEAD) -> None:
    """Compile functions for numbers of the types that they are written with, once.

    Otherwise Numba compiles a function for each constant that it is called with.
    """
    while ahead:
        function, types = ahead.pop(0)
        function.compile(types)
        function.disable_compile()


def part_of_its_caller(function: F) -> F:
    """A function whose lines are compiled within its one caller.

    Compiled by itself it would take all that it calls through the compiler once more. Not for a step, which the loop calls: each of those
    has so much to take in that the loop would take minutes.
    """
    return cast("F", njit(inline="always", **INNER, **NO_WRAPPERS)(function))


def compiled_now(function: F) -> F:
    """The loop, compiled when this module is loaded, for the address of the table of arrays."""
    return cast("F", njit(numba.int64(numba.int64, numba.float64, numba.int64), **OPTIONS)(function))
