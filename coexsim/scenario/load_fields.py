"""The kinds of field a load is made of: curves of the day and week, numbers of recipients, message sizes."""

import math
import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from coexsim.scenario.faults import shown
from coexsim.scenario.part import Spec
from coexsim.scenario.profiles import is_fields, of_profile
from coexsim.scenario.quantities import SIZE, Number, Share, SizeBytes, Written, check_weights
from coexsim.units import size_bytes

HOURS, DAYS = 24, 7
MOST_RECIPIENTS = 100_000  # of one message


def _curve(length: int, key: str) -> Callable[[object], object]:
    def check(value: object) -> object:
        if isinstance(value, str):
            value = of_profile(key, value)
        if not isinstance(value, (list, tuple)) or len(value) != length:
            found = f"{len(value)} numbers" if isinstance(value, (list, tuple)) else repr(value)
            each = "hour of the day" if length == HOURS else "day from Monday on"
            raise ValueError(f"expected {length} numbers, one for each {each}, found {found}")
        numbers = [read_weight(number) for number in value]
        if sum(numbers) <= 0:
            raise ValueError("at least one of the numbers must be more than 0")
        return tuple(numbers)

    return check


def read_weight(value: object) -> float:
    """A number of 0 or more. Raises `ValueError`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"{value!r} is not a number of 0 or more")
    return float(value)


def read_weights(table: dict[Any, Any]) -> list[float]:
    """The weights of a table, not all of them zero. Raises `ValueError`."""
    weights = [read_weight(value) for value in table.values()]
    check_weights(weights)
    return weights


def _recipients(value: object) -> object:
    """``specmail2001``, ``3``, ``constant 3`` or ``{1: 85.73, 2: 1.66}`` as a table of weights."""
    if isinstance(value, str) and (match := re.fullmatch(r"(?:constant\s+)?([0-9]{1,9})", value.strip())):
        value = int(match.group(1))
    if isinstance(value, str):
        value = of_profile("recipients", value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = {value: 1.0}
    if not isinstance(value, dict):
        raise ValueError(
            f"{value!r} is not a number of recipients; write 'specmail2001', 'constant 2' or a table such as {{1: 80, 5: 20}}"
        )
    counts = [_count(key) for key in value]
    return dict(sorted(zip(counts, read_weights(value), strict=True)))


def _count(key: object) -> int:
    written = key if isinstance(key, str) else shown(key)
    count = int(written) if re.fullmatch(r"[0-9]{1,9}", written) else 0
    if not 1 <= count <= MOST_RECIPIENTS:
        raise ValueError(f"{shown(key)} is not a number of recipients: 1, 2, 3, ... up to {MOST_RECIPIENTS:,}")
    return count


def _weights(length: int, key: str) -> dict[str, Any]:
    numbers = {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": length, "maxItems": length}
    return {"anyOf": [numbers, {"x-profiles": key}]}


DayCurve = Annotated[
    tuple[float, ...],
    BeforeValidator(_curve(HOURS, "day_curve")),
    Written("24 numbers, or the name of a profile", "1", "office-worker", _weights(HOURS, "day_curve")),
]
WeekCurve = Annotated[
    tuple[float, ...],
    BeforeValidator(_curve(DAYS, "week_curve")),
    Written("7 numbers, or the name of a profile", "1", "[1, 1, 1, 1, 1, 0.2, 0.2]", _weights(DAYS, "week_curve")),
]
Recipients = Annotated[
    dict[int, float],
    BeforeValidator(_recipients),
    Written(
        "a number, a table of numbers with weights, or the name of a profile",
        "1",
        "{1: 80, 5: 20}",
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MOST_RECIPIENTS},
                {"type": "string", "pattern": r"^\s*((constant\s+)?[0-9]{1,9})\s*$"},
                {"x-profiles": "recipients"},
                {"type": "object", "patternProperties": {"^[0-9]{1,9}$": {"type": "number", "minimum": 0}}, "additionalProperties": False},
            ]
        },
    ),
]  # fmt: skip


def mean_recipients(table: dict[int, float]) -> float:
    """Mean of a table of recipients per message."""
    return sum(n * weight for n, weight in table.items()) / sum(table.values())


class Lognormal(Spec):
    """A lognormal law."""

    median: SizeBytes = Field(gt=0, description="half of the messages are smaller")
    sigma: Number = Field(gt=0, description="standard deviation of the logarithm")


class Body(Spec):
    """The bulk of the messages."""

    lognormal: Lognormal = Field(description="law of the bulk of the messages")


class Pareto(Spec):
    """A Pareto law: P(size > x) falls as ``x ** -alpha``."""

    alpha: Number = Field(gt=0, description="how quickly large messages become rare; less: more of them")
    start: SizeBytes = Field(gt=0, alias="from", description="smallest size in the tail")


class Tail(Spec):
    """The large messages."""

    pareto: Pareto = Field(description="law of the large messages")


class SizeSpec(Spec):
    """How large messages are on the wire: attachments in base64 are 1.37 times the file (4/3 for the code, 78/76 for line ends).

    One of: a constant (``75 KB``), a table of sizes with weights, or a `body`, perhaps with a `tail`. The tail holds all messages larger
    than its ``from``: `tail_share` of all, by default as many as the body would put there. Nothing is larger than `limit`.
    """

    short_form: ClassVar[dict[str, Any]] = {
        "anyOf": [
            SIZE,
            {"x-profiles": "sizes"},
            {"type": "object", "patternProperties": {SIZE["pattern"]: {"type": "number", "minimum": 0}}, "additionalProperties": False},
        ]
    }  # fmt: skip

    constant: SizeBytes | None = Field(default=None, ge=1, description="all messages have this size")
    table: dict[SizeBytes, Number] = Field(
        default_factory=dict, description="sizes, each with its weight among the messages"
    )
    body: Body | None = Field(default=None, description="the bulk of the messages")
    tail: Tail | None = Field(default=None, description="the large messages")
    tail_share: Share | None = Field(
        default=None, description="share of the messages in the tail; default: as many as the body would put there"
    )
    limit: SizeBytes | None = Field(default=None, description="laws are cut off here; not for a constant or a table")

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Any) -> Any:
        if isinstance(value, str) and re.match(r"[a-z]", value.strip()):
            value = of_profile("sizes", value.strip())
        if isinstance(value, (str, int, float)):
            return {"constant": value}
        if isinstance(value, dict) and value and not is_fields(value):
            keys = [size_bytes(key) for key in value]
            if len(set(keys)) < len(keys):
                raise ValueError("a size stands twice in the table")
            if min(keys) < 1:
                raise ValueError("a message has at least one byte")
            weights = read_weights(value)
            return {"table": dict(zip(value, weights, strict=True))}
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        forms = [name for name in ("constant", "table", "body") if getattr(self, name)]
        if len(forms) != 1:
            raise ValueError(
                "sizes are one of: a constant ('75 KB'), a table ({1 KB: 60, 1 MB: 40}), or a 'body' with perhaps a 'tail'"
            )
        if not self.body and (self.tail or self.tail_share is not None or self.limit is not None):
            raise ValueError("'tail', 'tail_share' and 'limit' go with 'body'")
        if self.tail_share is not None and not self.tail:
            raise ValueError("'tail_share' needs a 'tail'")
        if self.tail and self.limit is not None and self.limit <= self.tail.pareto.start:
            raise ValueError("the limit lies below the beginning of the tail")
        if self.tail and self.limit is None and self.tail.pareto.alpha <= 1:
            raise ValueError("a tail with alpha of 1 or less has no finite mean; give a 'limit'")
        if self.body and self.body_below(self.body_end) < 1e-9:
            raise ValueError("the body lies wholly above the beginning of the tail, or the limit")
        return self

    @property
    def share_in_body(self) -> float:
        """Share of the messages in the body."""
        if not self.tail:
            return 1.0
        return self.body_below(self.tail.pareto.start) if self.tail_share is None else 1.0 - self.tail_share

    @property
    def body_end(self) -> float:
        """The body is cut off here [bytes]."""
        return float(self.tail.pareto.start) if self.tail else math.inf if self.limit is None else float(self.limit)

    def body_below(self, size: float) -> float:
        """Share of the uncut body law below `size`."""
        assert self.body is not None
        law = self.body.lognormal
        return 1.0 if size == math.inf else _normal_below(math.log(size / law.median) / law.sigma)

    @property
    def mean_bytes(self) -> float:
        """Mean size."""
        if self.constant is not None:
            return float(self.constant)
        if self.table:
            return sum(size * weight for size, weight in self.table.items()) / sum(self.table.values())
        assert self.body is not None
        law, end = self.body.lognormal, self.body_end
        below = 1.0 if end == math.inf else _normal_below(math.log(end / law.median) / law.sigma - law.sigma)
        body = law.median * math.exp(law.sigma**2 / 2) * below / self.body_below(end)
        if not self.tail:
            return body
        return self.share_in_body * body + (1 - self.share_in_body) * _pareto_mean(self.tail.pareto, self.limit)


def _normal_below(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _pareto_mean(law: Pareto, limit: int | None) -> float:
    if limit is None:
        return law.alpha * law.start / (law.alpha - 1)
    reach = limit / law.start
    grown = math.log(reach) if law.alpha == 1 else (math.pow(reach, 1 - law.alpha) - 1) / (1 - law.alpha)
    return law.start * law.alpha * grown / (1 - math.pow(reach, -law.alpha))
