"""The one shape of every answer for programs (``--json``); `answer.schema.json` beside this file describes it.

``format`` is ``coexsim/1``. ``verb`` and ``answer`` (a sentence) say what was asked and found, ``exit_code`` how the command ends.
``verdicts`` are objectives with estimates and intervals, ``figures`` numbers with units, ``provenance`` what they came from. What a verb
says besides stands under keys of its own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

from coexsim import __version__
from coexsim.text import encodable

FORMAT = "coexsim/1"


def envelope(
    verb: str, answer: str, exit_code: int, *, verdicts: Iterable[Mapping[str, Any]] = (), figures: Iterable[Mapping[str, Any]] = (),
    provenance: Mapping[str, Any] | None = None, **details: Any,
) -> dict[str, Any]:  # fmt: skip
    """An answer for programs."""
    return {
        "format": FORMAT,
        "verb": verb,
        "answer": answer,
        "exit_code": exit_code,
        "verdicts": list(verdicts),
        "figures": list(figures),
        "provenance": {"coexsim": __version__, **(provenance or {})},
        **details,
    }


def figure(
    name: str, of: str, value: float | None, unit: str, low: float | None = None, high: float | None = None
) -> dict[str, Any]:
    """A number: what it is, of which flow, server or limit, its unit, and the ends of its 95 % interval where it has one."""
    return {"name": name, "of": of, "value": value, "unit": unit, "low": low, "high": high}


def print_json(data: object) -> None:
    """Print data as JSON in ASCII: any encoding can say it, and a terminal shows it as it is."""
    print(json.dumps(ready(data), indent=2, allow_nan=False))


def ready(value: Any) -> Any:
    """`value` in what JSON has: numbers that are none become null, endless ones words."""
    if isinstance(value, Mapping):
        return {str(key): ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [ready(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return encodable(str(value))
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) else None if math.isnan(number) else "inf" if number > 0 else "-inf"
    return ready(value.item()) if hasattr(value, "item") else encodable(str(value))
