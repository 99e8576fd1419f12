"""Values as people list them: ``8..64 step 8``, ``0..100% step 10%``, ``2, 4, 8``, ``10 ms, 40 ms``."""

from __future__ import annotations

import re
from decimal import Decimal

from coexsim.errors import CoexsimError

_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*(\S*?)\s*\.\.\s*({_NUMBER})\s*(.*?)\s*(?:step\s+({_NUMBER})\s*(.*?))?\s*")
MOST = 10_000


class RangeError(CoexsimError, ValueError):
    """A range of values that cannot be read."""


def read_values(text: object) -> list[object]:
    """The values of a range or a list, as a scenario file would have them: numbers, or words with their unit.

    Both ends belong to a range. Without a step it goes by 1, percentages by 10 %. Raises `RangeError`.
    """
    if not isinstance(text, str):
        return list(text) if isinstance(text, (list, tuple)) else [text]
    if ".." in text:
        return _range(text)
    values = [_plain(word.strip()) for word in text.split(",")]
    if "" in values:
        raise RangeError(f"{text!r} lists an empty value")
    return values


def _plain(word: str) -> object:
    if re.fullmatch(r"-?\d+", word):
        return int(word)
    return float(word) if re.fullmatch(_NUMBER, word) else word


def _range(text: str) -> list[object]:
    match = _RANGE.fullmatch(text)
    if not match:
        raise RangeError(f"{text!r} is no range; write for example '8..64 step 8' or '0..100% step 10%'")
    low, low_unit, high, unit, step, step_unit = match.groups()
    if low_unit not in ("", unit) or (step and step_unit not in ("", unit)):
        raise RangeError(f"{text!r} mixes units; write one unit for both ends and the step")
    if step is None:
        if unit not in ("", "%"):
            raise RangeError(f"{text!r} needs a step, for example '{text.strip()} step ...'")
        step = "10" if unit == "%" else "1"
    first, last, by = Decimal(low), Decimal(high), Decimal(step)
    if by <= 0 or last < first:
        raise RangeError(f"{text!r} leads nowhere: the first is the smaller, the step is above zero")
    if (last - first) / by > MOST:
        raise RangeError(f"{text!r} has more than {MOST} values")
    values = [first + by * n for n in range(int((last - first) / by) + 1)]
    if values[-1] != last:
        values.append(last)
    return [_plain(format(value.normalize(), "f")) if not unit else f"{value.normalize():f} {unit}" for value in values]
