"""How the engine's functions are compiled: each once, and rows of its arrays as the arrays have them."""

from __future__ import annotations

from typing import Any, cast

import numba
import numpy as np
import pytest

from coexsim.engine import cache, compiling, shared
from coexsim.engine.layout import ARRAYS

Ahead = compiling.Ahead


def test_a_function_is_compiled_once_for_all_constants() -> None:
    """Numba takes each constant for a type of its own; a function that was compiled ahead is taken as it is."""
    functions: Ahead = []

    def more(w: Any, by: int, twice: bool) -> int:
        return w + by * (2 if twice else 1)  # type: ignore[no-any-return]

    added = compiling.compiled(more, functions)
    compiling.compile_ahead(functions)

    def in_all(w: int) -> int:
        return added(w, 3, False) + added(w, 4, True) + added(w, w, w > 0)

    compiled = cast("Any", numba.njit(**compiling.INNER)(in_all))

    assert compiled(5) == 8 + 13 + 15
    assert len(cast("Any", added).signatures) == 1


def test_steps_of_the_loop_are_compiled_ahead() -> None:
    """Each is called with numbers alone: which copy, when, and what about it."""
    cache.load_kernel()
    from coexsim.engine import failure_steps, host_steps, server_steps, session_steps, transfer_steps

    functions: Ahead = []
    for module in (failure_steps, host_steps, server_steps, session_steps, transfer_steps):
        for found in vars(module).values():
            if getattr(found, "__module__", None) == module.__name__ and list(found.py_func.__annotations__)[:2] == [
                "w",
                "c",
            ]:
                compiling.compiled(found.py_func, functions)

    assert len(functions) > 30
    assert all(types[:2] == (numba.int64, numba.int64) for _, types in functions)


@pytest.mark.parametrize("at", [0, 2, -1])
def test_a_row_is_the_one_of_the_array(at: int) -> None:
    """By its number, and from the end as arrays count."""

    def of_array(w: int, k: int) -> float:
        return float(shared.shared(w, "keys")[k].success)

    def of_row(w: int, k: int) -> float:
        return float(shared.row(w, "keys", k).success)

    keys = np.zeros(3, ARRAYS["keys"].dtype)
    keys["success"] = [1.0, 2.0, 3.0]
    addresses = shared.new_addresses()
    shared.note_address(addresses, "keys", keys)

    for function in (of_array, of_row):
        assert cast("Any", numba.njit(function))(addresses.ctypes.data, at) == keys[at]["success"]
