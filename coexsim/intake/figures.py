"""A figure from a log: value, interval, how many messages it rests on, and what a shipped profile would have assumed."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, inf, isfinite, isnan, nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coexsim.intake.logs.tallies import ValueMoments
from coexsim.stats import half_width, quantile_interval, skewed_interval
from coexsim.units import say_bytes, say_duration

LEVEL = 0.95
RATES = {"1/s": "a second", "1/min": "a minute", "1/h": "an hour", "1/day": "a day"}
Floats = NDArray[np.float64]


class MeasuredFigure(NamedTuple):
    """One measured figure. A value that is not a number means that the log cannot say it; `remark` says why."""

    topic: str
    name: str
    value: float
    low: float
    high: float
    unit: str
    messages: int
    assumed: float = nan  # by the profile
    remark: str = ""
    is_share: bool = False
    """A share of 1, which people read as a percentage."""

    def say_value(self, value: float) -> str:
        """A value of this figure for people: ``8.4 a second``, ``10.2 KB``, ``4.02 %``."""
        return say_value(value, "share" if self.is_share else self.unit)

    def say_interval(self) -> str:
        """From where to where it may be: a number of messages is whole, and what has no upper end is told by its lower one."""
        low, high = self.low, self.high
        if not isfinite(low):
            return ""
        if not isfinite(high):
            return f"at least {self.say_value(low)}"
        if self.topic == "counts" and self.unit == "1" and not self.is_share:
            low, high = floor(low), ceil(high)
            if low == high:
                return "exact"
        once = RATES.get(self.unit, "")  # of a rate the unit stands at the second number only
        return f"{self.say_value(low).removesuffix(once).rstrip()} to {self.say_value(high)}"

    def say(self) -> str:
        """The figure as a line: ``messages handed in: 20.3 a second (19.4 to 21.2 a second)``."""
        value = self.say_value(self.value) if isfinite(self.value) else "cannot say"
        interval = self.say_interval()
        return f"{self.name}: {value}" + f" ({interval})" * bool(interval) + f"; {self.remark}" * bool(self.remark)


def say_value(value: float, unit: str) -> str:
    """A value in its unit for people: ``8.4 a second``, ``10.2 KB``, ``11.2 ms per MB``; a share as ``4.02 %``; ``-`` for none."""
    if not isfinite(value):
        return "-"
    if unit == "share":
        return f"{100 * value:.3g} %"
    if unit in ("s", "s/MB"):
        return say_duration(value) + (" per MB" if unit == "s/MB" else "")
    if unit == "B":
        return say_bytes(value)
    text = f"{value:,.0f}" if abs(value) >= 1000 or (value == round(value) and abs(value) >= 100) else f"{value:.4g}"
    return text if unit == "1" else f"{text} {RATES.get(unit, unit)}"


def count_interval(count: int) -> tuple[float, float]:
    """The exact 95 % interval for the mean of a Poisson count (Garwood 1936): chi-square quantiles."""
    from scipy.special import chdtri

    tail = (1 - LEVEL) / 2
    low = 0.0 if count == 0 else float(chdtri(2 * count, 1 - tail)) / 2
    return low, float(chdtri(2 * count + 2, tail)) / 2


def rate(
    topic: str, name: str, count: int, length_s: float, unit_s: float = 1.0, **more: float | str
) -> MeasuredFigure:
    """Messages per unit of time, with the interval of a Poisson count."""
    unit = {1.0: "1/s", 60.0: "1/min", 3600.0: "1/h", 86400.0: "1/day"}[unit_s]
    if length_s <= 0 or not count:
        return MeasuredFigure(topic, name, nan, nan, nan, unit, count, remark="fewer than two messages")
    low, high = count_interval(count)
    scale = unit_s / length_s
    return MeasuredFigure(topic, name, count * scale, low * scale, high * scale, unit, count, **more)  # type: ignore[arg-type]


def share(topic: str, name: str, part: int, whole: int, assumed: float = nan, remark: str = "") -> MeasuredFigure:
    """A share with Wilson's 95 % interval (Wilson 1927)."""
    if whole <= 0:
        return MeasuredFigure(topic, name, nan, nan, nan, "1", 0, assumed, remark or "nothing to take a share of", True)
    z, p = 1.959963984540054, part / whole
    middle, half = (
        (p + z * z / (2 * whole)) / (1 + z * z / whole),
        z * sqrt(p * (1 - p) / whole + z * z / (4 * whole**2)) / (1 + z * z / whole),
    )
    low, high = (middle - half if part else 0.0), (middle + half if part < whole else 1.0)
    return MeasuredFigure(topic, name, p, low, high, "1", whole, assumed, remark, True)


def mean(topic: str, name: str, values: ArrayLike, unit: str, assumed: float = nan, remark: str = "") -> MeasuredFigure:
    """A mean of times, with that part of Student's interval that is not below zero: it holds the true mean as often as all of it.

    Not symmetric in the logarithm, as `mean_of` is: times are rounded, and where most are logged as 0 their mean may be 0.
    """
    sample = np.asarray(values, np.float64)
    if not sample.size:
        return MeasuredFigure(topic, name, nan, nan, nan, unit, 0, assumed, remark or "no message says it")
    value = float(sample.mean())
    half = half_width(sample, LEVEL)
    low = value - half if isnan(half) else max(value - half, 0.0)
    return MeasuredFigure(topic, name, value, low, value + half, unit, sample.size, assumed, remark)


def mean_of(
    topic: str, name: str, found: ValueMoments, unit: str, assumed: float = nan, remark: str = "", *, least: float = 0.0
) -> MeasuredFigure:
    """A mean of what is never below `least`, from the moments of the values.

    The interval is Student's in the logarithm of what lies above `least`: few huge values make such a mean, and an
    interval symmetric in the value itself would reach below what there can be.
    """
    from scipy.special import stdtrit

    if not found.n:
        return MeasuredFigure(topic, name, nan, nan, nan, unit, 0, assumed, remark or "no message says it")
    half = nan
    if found.n > 1:
        half = float(stdtrit(found.n - 1, (1 + LEVEL) / 2)) * found.deviation / sqrt(found.n)
    above = skewed_interval(found.mean - least, half, LEVEL)
    return MeasuredFigure(
        topic, name, found.mean, least + above.low, least + above.high, unit, found.n, assumed, remark
    )


def quantile(
    topic: str, name: str, values: ArrayLike, probability: float, unit: str, *, step: float = 0.0, assumed: float = nan, remark: str = ""
) -> MeasuredFigure:  # fmt: skip
    """A quantile with the interval that order statistics give; `step` is the resolution of the values, which widens it.

    Of so few values that none is expected beyond it, such as the 95th percentile of four, only its bounds are known.
    """
    sample = np.asarray(values, np.float64)
    if not sample.size:
        return MeasuredFigure(topic, name, nan, nan, nan, unit, 0, assumed, remark or "no message says it")
    found = quantile_interval(sample, probability, LEVEL)
    low = found.low - step / 2 if isfinite(found.low) else float(sample.min())
    high = found.high + step / 2 if isfinite(found.high) else inf
    value = smooth_quantile(sample, probability, step)
    if sample.size * min(probability, 1 - probability) < 1 - 1e-9:
        value, remark = nan, remark or f"{sample.size} {'is' if sample.size == 1 else 'are'} too few to say it"
    return MeasuredFigure(topic, name, value, max(low, 0.0), high, unit, sample.size, assumed, remark)


def smooth_quantile(values: Floats, probability: float, step: float) -> float:
    """A quantile of values that were rounded to `step`: each stands for the interval that rounds to it, evenly filled."""
    if not step:
        return float(np.quantile(values, probability))
    return float(np.quantile(spread(values, step), probability))


def spread(values: Floats, step: float | Floats, parts: int = 10) -> Floats:
    """Each value as `parts` values over the interval that is rounded to it, none below zero."""
    offsets = (np.arange(parts) + 0.5) / parts - 0.5
    width = np.broadcast_to(np.asarray(step, np.float64), values.shape)
    low = np.maximum(values - width / 2, 0.0)
    high = values + width / 2
    found: Floats = (low[:, None] + (high - low)[:, None] * (offsets + 0.5)[None, :]).ravel()
    return found


def cannot_say(topic: str, name: str, unit: str, why: str, low: float = nan, high: float = nan) -> MeasuredFigure:
    """A figure that the log does not hold."""
    return MeasuredFigure(topic, name, nan, low, high, unit, 0, nan, why)


def table_of(figures: Sequence[MeasuredFigure]) -> list[dict[str, object]]:
    """The figures as plain data; what is not a finite number is None."""
    rows = []
    for figure in figures:
        row = figure._asdict()
        rows.append(
            {key: (None if isinstance(value, float) and not isfinite(value) else value) for key, value in row.items()}
        )
    return rows
