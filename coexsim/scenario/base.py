"""The kinds of value that parts of a scenario are made of, and the part that most servers share: work."""

from typing import Annotated, Literal

from coexsim import units
from coexsim.scenario.spec import Spec, field
from coexsim.scenario.values import Before, Like

ADDRESS = r"[^@\s<>]+@[^@\s<>]+"


def _switch(value: object) -> object:
    return {"enabled": True, "disabled": False}.get(value, value) if isinstance(value, str) else value


def _names(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Seconds = Annotated[float, Before(units.duration_s)]
SizeBytes = Annotated[int, Before(units.size_bytes)]
BytesPerS = Annotated[float, Before(units.bandwidth_bytes_per_s)]
PerS = Annotated[float, Before(units.rate_per_s)]
Share = Annotated[float, Before(units.share)]
At = Annotated[units.Moment, Before(units.moment)]
Window = Annotated[tuple[units.Moment, units.Moment], Before(units.window)]
Switch = Annotated[bool, Before(_switch)]
Names = Annotated[tuple[str, ...], Before(_names)]
Address = Annotated[str, Like(ADDRESS, "an address such as 'name@corporate.com'")]
Domain = Annotated[str, Like(r"[A-Za-z0-9.-]+\.[A-Za-z0-9-]+", "a domain such as 'corporate.com'")]
EnhancedCode = Annotated[str, Like(r"none|\d\.\d{1,3}\.\d{1,3}", "an enhanced status code such as '5.1.1'")]
Reason = Annotated[str, Like(r"(?s:.+)", "some text")]


class Slow(Spec):
    """A rare, much longer piece of work, such as a network test that times out."""

    share: Share = field(description="share of the messages that meet it")
    shortest: Seconds = field(description="the extra time is uniform between these two [s]")
    longest: Seconds

    def _check(self) -> None:
        if self.longest < self.shortest:
            raise ValueError("longest is less than shortest")


class Work(Spec):
    """Time a worker spends on one message: ``fixed + per_MB * size``, varied by `law` with that mean, plus `slow`.

    A plain duration is constant work. `values` (with `weights`) is an empirical law: `fixed` and `per_MB` are then left out.
    """

    fixed: Seconds = 0.0
    per_MB: Seconds = field(default=0.0, description="time per 10^6 bytes of the message [s]")  # noqa: N815 - the unit's own spelling
    law: Literal["constant", "exponential", "gamma", "lognormal", "empirical"] = "constant"
    cv: float = field(default=0.0, ge=0, description="coefficient of variation of gamma and lognormal work")
    values: tuple[Seconds, ...] = ()
    weights: tuple[float, ...] = ()
    slow: Slow | None = None

    @classmethod
    def _long_form(cls, value: object) -> object:
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return {"fixed": value}
        if isinstance(value, dict) and value.get("cv") and "law" not in value:
            return {**value, "law": "lognormal"}
        if isinstance(value, dict) and value.get("values") and "law" not in value:
            return {**value, "law": "empirical"}
        return value

    def _check(self) -> None:
        if self.law in ("gamma", "lognormal") and self.cv <= 0:
            raise ValueError(f"{self.law} work needs its coefficient of variation, for example 'cv: 1.2'")
        if self.law == "empirical" and not self.values:
            raise ValueError("empirical work needs its values, for example 'values: [20 ms, 80 ms]'")
        if self.weights and len(self.weights) != len(self.values):
            raise ValueError(f"{len(self.values)} values but {len(self.weights)} weights")
        if self.weights and (min(self.weights) < 0 or sum(self.weights) <= 0):
            raise ValueError("weights must not be negative, nor all of them zero")

    @property
    def mean_law_s(self) -> float:
        """Mean of the work of a message of no size, without the rare slow part [s]."""
        if self.law != "empirical":
            return self.fixed
        weights = self.weights or (1.0,) * len(self.values)
        return sum(w * v for w, v in zip(weights, self.values, strict=True)) / sum(weights)

    def mean_s(self, size_bytes: float) -> float:
        """Mean work of a message of that size [s]."""
        slow = self.slow.share * (self.slow.shortest + self.slow.longest) / 2 if self.slow else 0.0
        return self.mean_law_s + self.per_MB * size_bytes / 1e6 + slow
