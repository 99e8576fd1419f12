"""Pictures of what the round trip costs: the same mail over the on-premises server and directly."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from coexsim.analysis.round_trip import RoundTrip
from coexsim.report.style import (
    BLUE,
    DASHES,
    INK,
    RED,
    Picture,
    duration_axis,
    new_picture,
    nothing_to_draw,
    styled,
)
from coexsim.units import say_bytes, say_duration

Floats = NDArray[np.float64]


@styled
def plot_round_trip(price: RoundTrip) -> Picture:
    """What the round trip costs mail between hosted users, message by message.

    Left: how long each way takes. Right: how much longer a message takes than the same message delivered directly.
    """
    title = "What the round trip costs mail between hosted users"
    if not len(price.extra_s):
        return nothing_to_draw(title, "No mail between hosted users was delivered both ways.")
    picture = new_picture(5.2, title, _small_print(price))
    left, right = picture.subplots(1, 2, width_ratios=[1.15, 1])
    ways: tuple[tuple[pd.Series, str, str, str], ...] = (
        (price.direct_s, "directly", BLUE, "--"),
        (price.via_s, f"over {price.server}", RED, "-"),
    )
    for values, words, colour, dash in ways:
        _share_within(
            left,
            values.to_numpy(),
            f"{words}: p50 {say_duration(_round(float(values.median())))}",
            colour,
            dash,
        )
    both = np.concatenate([price.direct_s.to_numpy(), price.via_s.to_numpy()])
    duration_axis(left.xaxis, *_ends(both), most=6)
    left.set_xlabel("delay to the mailbox, logarithmic scale")
    left.set_title("The same mail, either way", pad=44)
    left.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.99))
    _extra(right, price)
    return picture


def _share_within(axes: Axes, values_s: Floats, label: str, colour: str, dash: str) -> None:
    """The share of messages that have arrived by then."""
    shares = np.linspace(0, 1, 2001)
    reached_s = np.quantile(np.maximum(values_s, 1e-4), shares, method="inverted_cdf")
    axes.plot(reached_s, shares, color=colour, linestyle=dash, linewidth=2.2, label=label)
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("share of messages that have arrived")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    axes.grid(visible=True, axis="both")


def _extra(axes: Axes, price: RoundTrip) -> None:
    """How many messages take how much longer, with what 50, 95 and 99 % do not exceed."""
    extra_s = price.extra_s.to_numpy()
    low, high = _ends(extra_s[extra_s > 0] if (extra_s > 0).any() else np.array([1e-3]))
    edges = np.geomspace(low, high, 41)
    counts, _ = np.histogram(np.clip(extra_s, low, high), edges)
    axes.stairs(counts / len(extra_s), edges, fill=True, color=RED, alpha=0.35)
    axes.stairs(counts / len(extra_s), edges, color=RED, linewidth=1.2)
    top = float(counts.max() / len(extra_s))
    axes.set_ylim(0, 1.08 * top)
    duration_axis(axes.xaxis, low, high, most=6)
    for name, dashes in zip(
        ("p50", "p95", "p99"), DASHES, strict=False
    ):  # in an outage they stand side by side: the legend tells them
        value = price.quantiles_s[f"{name}_s"]
        axes.axvline(value, color=INK, linestyle=dashes, linewidth=1.5, label=f"{name}: {say_duration(_round(value))}")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.99), ncols=2, columnspacing=1.2)
    axes.set_title("How much longer a message takes", pad=44)
    axes.set_xlabel("extra delay, logarithmic scale")
    axes.set_ylabel("share of messages")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))


def _ends(values_s: Floats) -> tuple[float, float]:
    """Ends of an axis that leave out the last few in ten thousand on either side."""
    low, high = np.quantile(np.maximum(values_s, 1e-4), [0.001, 0.999])
    return float(low) / 1.4, float(high) * 1.6


def _round(value_s: float) -> float:
    return float(f"{value_s:.3g}")


def _small_print(price: RoundTrip) -> str:
    mean = f"mean {say_duration(_round(price.mean_extra_s))} more"
    if price.interval.known:
        mean += f" (95 % interval {say_duration(_round(price.interval.low))} to {say_duration(_round(price.interval.high))})"
    hops = f"{price.extra_hops:.2g} more SMTP transaction{'s' if price.extra_hops > 1.5 else ''} a message"
    wan = f"{say_bytes(price.wan_bytes)} more between sites ({100 * price.wan_share:.0f} % of all)"
    work = f"it takes {100 * price.work_share:.0f} % of {price.server}'s core time"
    return f"{price.messages:,} messages, each against itself: {mean}; {hops}; {wan}; {work}."
