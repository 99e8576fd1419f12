"""Values as people list them: ``8..64 step 8``, ``0..100% step 10%``, ``2, 4, 8``, ``10 ms, 40 ms``."""

from __future__ import annotations

import re
from decimal import Decimal

from coexsim.errors import CoexsimError

_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*(\S*?)\s*\.\.\s*({_NUMBER})\s*(.*?)\s*(?:step\s+({_NUMBER})\s*(.*?))?\s*")
MOST = 10_000
LONGEST = 300
"""Digits of a whole number that is read as one; more is refused as what it is, text, by the key that it is for."""


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
    words = [word.strip() for word in text.split(",")]
    if len(words) > MOST:
        raise RangeError(f"{len(words)} values are listed, which is more than {MOST}")
    if "" in words:
        raise RangeError(f"{text!r} lists an empty value")
    parted = next((word for word in words if any(word.count(a) != word.count(b) for a, b in ("[]", "{}"))), None)
    if parted is not None:
        raise RangeError(
            f"{parted!r} has a bracket without the other: commas part the values, and none of them is a list"
        )
    return [_plain(word) for word in words]


def _plain(word: str) -> object:
    if re.fullmatch(rf"-?\d{{1,{LONGEST}}}", word):
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
