"""The kernel's rows, each the end of one copy, spread over the flows of its recipients: rows of the ``mail`` table."""

from __future__ import annotations

import math
from typing import Any, cast

import numba
import numpy as np
from numba import njit
from numpy.typing import NDArray

from coexsim.engine.compiling import OPTIONS
from coexsim.engine.layout import ROW
from coexsim.sim import formulas
from coexsim.sim.mail_row import DELIVERED, DTYPES, IN_TRANSIT

FLOWS = np.dtype([("first", "i8"), ("count", "i8")])
"""By end and version of the directory: where its flows begin, and how many there are; a count of -1 is not known yet."""
FLOW = np.dtype([("flow", "i8"), ("recipients", "i8")])
END = np.dtype([(name, "i8") for name in ("recipients", "outcome", "kind", "code", "by", "late_by")])
"""What becomes of some recipients, words by number. `late_by`: who has them where the drain ends before."""
MAIL = np.dtype(list(DTYPES.items()), align=True)
"""A row of ``mail`` in the making."""


def unknown(rows: Any, changes_s: Any, flows_of: Any) -> int:
    """The first row with flows that are not known, or how many rows there are."""
    for number in range(len(rows)):
        if flows_of[rows[number].end, version_of(changes_s, rows[number].born)].count < 0:
            return number
    return len(rows)


def version_of(changes_s: Any, born_s: float) -> int:
    """How many changes of the directory came before a birth."""
    version = 0
    while version < len(changes_s) and changes_s[version] <= born_s:
        version += 1
    return version


def count(rows: Any, changes_s: Any, flows_of: Any, ends: Any, limit_s: float, ended: Any) -> int:
    """How many rows of ``mail`` there will be; recipients are counted by outcome."""
    total = 0
    for number in range(len(rows)):
        row = rows[number]
        end = ends[row.end]
        outcome = IN_TRANSIT if end.outcome == DELIVERED and row.at > limit_s else end.outcome
        ended[outcome] += end.recipients
        total += flows_of[row.end, version_of(changes_s, row.born)].count
    return total


def spread(rows: Any, changes_s: Any, flows_of: Any, flows: Any, ends: Any, limit_s: float, mail_rows: Any) -> int:
    """Write the rows of ``mail``, as ``Recorder.end`` does, where there is room for all."""
    at = 0
    for number in range(len(rows)):
        row = rows[number]
        end = ends[row.end]
        late = end.outcome == DELIVERED and row.at > limit_s
        became = IN_TRANSIT if late else end.outcome
        found = flows_of[row.end, version_of(changes_s, row.born)]
        for one in range(found.first, found.first + found.count):
            share = flows[one].recipients
            to = mail_rows[at]
            to.mail = row.number
            to.kind = end.kind
            to.stream = row.stream
            to.flow = flows[one].flow
            to.recipients = share
            to.size_bytes = row.size
            to.born_s = row.born
            to.delay_s = math.nan if became == IN_TRANSIT else row.at - row.born
            to.outcome = became
            to.code = end.code
            to.by = end.late_by if late else end.by
            to.hops = row.hops
            to.wan_bytes = int(np.rint(formulas.share_of_bytes(row.wan, share, row.count)))
            to.attempts = row.attempts
            to.measured = row.measured != 0
            at += 1
    return at


_F8, _I8, _typeof = numba.float64, numba.int64, cast("Any", numba.typeof)
_ROWS, _CHANGES = _typeof(np.empty(0, ROW)), _F8[::1]
_FLOWS_OF, _FLOWS, _ENDS = _typeof(np.empty((0, 0), FLOWS)), _typeof(np.empty(0, FLOW)), _typeof(np.empty(0, END))
_MAIL = _typeof(np.empty(0, MAIL))
version_of = cast("Any", njit(_I8(_CHANGES, _F8), **OPTIONS)(version_of))
_unknown = cast("Any", njit(_I8(_ROWS, _CHANGES, _FLOWS_OF), **OPTIONS)(unknown))
_count = cast("Any", njit(_I8(_ROWS, _CHANGES, _FLOWS_OF, _ENDS, _F8, _I8[::1]), **OPTIONS)(count))
_spread = cast("Any", njit(_I8(_ROWS, _CHANGES, _FLOWS_OF, _FLOWS, _ENDS, _F8, _MAIL), **OPTIONS)(spread))


def first_unknown(rows: NDArray[Any], changes_s: NDArray[np.float64], flows_of: NDArray[Any]) -> int:
    """The first row with flows that are not known, or how many rows there are."""
    return int(_unknown(rows, changes_s, flows_of))


def count_rows(
    rows: NDArray[Any], changes_s: NDArray[np.float64], flows_of: NDArray[Any], ends: NDArray[Any], limit_s: float, ended: NDArray[np.int64]
) -> int:  # fmt: skip
    """How many rows of ``mail`` these rows of the kernel are; `ended` counts their recipients by outcome."""
    return int(_count(rows, changes_s, flows_of, ends, limit_s, ended))


def spread_rows(
    rows: NDArray[Any], changes_s: NDArray[np.float64], flows_of: NDArray[Any], flows: NDArray[Any], ends: NDArray[Any], limit_s: float,
    mail_rows: NDArray[Any],
) -> None:  # fmt: skip
    """Write the rows of ``mail`` into `mail_rows`, which has room for all."""
    _spread(rows, changes_s, flows_of, flows, ends, limit_s, mail_rows)
