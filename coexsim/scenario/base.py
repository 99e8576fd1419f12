"""The part of a scenario that most servers share: how long work takes."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from coexsim.scenario.part import Spec
from coexsim.scenario.quantities import DURATION, Number, Seconds, Share, check_weights


class Slow(Spec):
    """A rare, much longer piece of work, such as a network test that times out."""

    share: Share = Field(description="share of the messages that meet it")
    shortest: Seconds = Field(description="the extra time is uniform between these two [s]")
    longest: Seconds = Field(description="the most extra time of a slow message; see `shortest` [s]")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.longest < self.shortest:
            raise ValueError("longest is less than shortest")
        return self


class Work(Spec):
    """Time a worker spends on one message: ``fixed + per_MB * size``, varied by `law` with that mean, plus `slow`.

    A plain duration is constant work. `values` (with `weights`) is an empirical law: `fixed` and `per_MB` are then left out.
    """

    short_form: ClassVar[dict[str, Any]] = DURATION

    fixed: Seconds = Field(default=0.0, description="mean time of a message of no size [s]")
    per_MB: Seconds = Field(default=0.0, description="time per 10^6 bytes of the message [s]")  # noqa: N815 - the unit's own spelling
    law: Literal["constant", "exponential", "hyperexponential", "gamma", "lognormal", "empirical"] = Field(
        default="constant", description="how times vary about their mean"
    )
    cv: Number = Field(
        default=0.0, ge=0, description="coefficient of variation of gamma, lognormal and hyperexponential work"
    )
    values: tuple[Seconds, ...] = Field(default=(), description="times of the empirical law [s]")
    weights: tuple[Number, ...] = Field(default=(), description="weights of `values`; left out: all alike")
    slow: Slow | None = Field(default=None, description="a rare, much longer piece of work")

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Any) -> Any:
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return {"fixed": value}
        if isinstance(value, dict) and value.get("cv") and "law" not in value:
            return {**value, "law": "lognormal"}
        if isinstance(value, dict) and value.get("values") and "law" not in value:
            return {**value, "law": "empirical"}
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.law == "hyperexponential" and self.cv <= 1:
            raise ValueError("hyperexponential work needs a coefficient of variation above 1, for example 'cv: 2'")
        if self.law in ("gamma", "lognormal") and self.cv <= 0:
            raise ValueError(f"{self.law} work needs its coefficient of variation, for example 'cv: 1.2'")
        if self.law == "empirical" and not self.values:
            raise ValueError("empirical work needs its values, for example 'values: [20 ms, 80 ms]'")
        if self.weights and len(self.weights) != len(self.values):
            raise ValueError(f"{len(self.values)} values but {len(self.weights)} weights")
        if self.weights:
            if min(self.weights) < 0:
                raise ValueError("weights must not be negative")
            check_weights(self.weights)
        return self

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
