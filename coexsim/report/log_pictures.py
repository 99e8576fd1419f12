"""Pictures of what logs say, and of prediction beside measurement."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from coexsim.answers import MET, MISSED
from coexsim.intake.fit import Fit
from coexsim.intake.fit_counts import SENDER_SIDES
from coexsim.intake.fit_sizes import law_shares
from coexsim.intake.validate import Validation
from coexsim.report.style import BLUE, GREY, LINES, ORANGE, RED, Picture, new_picture, nothing_to_draw, styled
from coexsim.text import say_flow
from coexsim.units import say_bytes, say_duration

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FEWEST = 10
WIDTHS_S = (1.0, 5.0, 10.0, 60.0, 300.0, 600.0, 3600.0, 6 * 3600.0)


def say_sizes(fit: Fit) -> str:
    """The finding of `plot_sizes`."""
    if fit.sizes is None:
        return "How large messages are: not known"
    half, most = (say_bytes(float(np.quantile(fit.sizes.sizes, p))) for p in (0.5, 0.99))
    return f"Half of the messages are larger than {half}, one in a hundred larger than {most}"


def say_rates(fit: Fit) -> str:
    """The finding of `plot_rates`."""
    born_s, counts, _, width_s, ends = _bars(fit)
    heights = np.histogram(born_s, ends, weights=counts)[0]
    at, all_ = int(heights.argmax()), int(counts.sum())
    when = f"{say_duration(ends[at])} after the first one" if at else "at the beginning of the log"
    width = {1.0: "second", 60.0: "minute", 3600.0: "hour", 86400.0: "day"}.get(width_s, say_duration(width_s))
    was = "was" if heights[at] == 1 else "were"
    return f"{heights[at]:,.0f} of {all_:,} messages {was} handed in during the busiest {width}, {when}"


def _bars(fit: Fit) -> tuple[Floats, Ints, Ints, float, Floats]:
    """Times from the first message [s], how many came then, from which side; how wide a bar is, where each begins [s]."""
    load = fit.load
    keys, counts = load.slots.values()
    first_s = np.floor(load.period_s[0] / load.slot_s) * load.slot_s
    born_s = np.maximum((keys >> 2) * load.slot_s - first_s, 0.0)
    length_s = max(float(born_s.max()), 1.0)
    width_s = next((width for width in WIDTHS_S if length_s / width <= 120), 86400.0)
    return born_s, counts, keys & 3, width_s, np.arange(0, length_s + 2 * width_s, width_s)


def say_delays(validation: Validation) -> str:
    """The finding of `plot_qq`: what became of the comparisons of delays."""
    judged = [each.verdict for each in validation.comparisons if each.unit == "s" and each.name.startswith("p")]
    if not judged:
        return "Delays: nothing to compare"
    met, missed = judged.count(MET), judged.count(MISSED)
    are = "is" if missed == 1 else "are"
    unsure = f"; the log cannot say of {len(judged) - met - missed}" if len(judged) > met + missed else ""
    within = f"{met} of {len(judged)} percentiles are predicted within {100 * validation.tolerance:g} %"
    return f"Delays: {within}, {missed} {are} not{unsure}"


def say_load(validation: Validation) -> str:
    """The finding of `plot_load`: the server whose messages the scenario predicts worst."""
    come = validation.servers[validation.servers["what"] == "arrivals"]
    sums = come.groupby("server")[["predicted", "measured"]].sum()
    sums = sums[sums["measured"] >= FEWEST]
    if sums.empty:
        return "Messages from other servers: too few to compare"
    off = (sums["predicted"] / sums["measured"] - 1).abs()
    worst = str(off.idxmax())
    if off.max() < 0.005:
        return "Every server is given as many messages as in the log"
    more = "more" if sums["predicted"][worst] > sums["measured"][worst] else "fewer"
    percent = 100 * float(off.max())
    much = f"{percent:.2g}" if percent < 100 else f"{percent:,.0f}"
    return f"No server is given a number of messages further from the log than {worst}: {much} % {more}"


@styled
def plot_sizes(fit: Fit) -> Picture:
    """Share of messages larger than a size: those of the log, the law, and the table."""
    title = say_sizes(fit)
    if fit.sizes is None:
        return nothing_to_draw(title, "the logs say no sizes")
    known = fit.sizes.sizes
    picture = new_picture(4.8, title, f"{len(known):,} messages; both axes are logarithmic.")
    axes = picture.add_subplot()
    share = 1 - np.arange(len(known)) / len(known)
    axes.step(known, share, color=BLUE, label="the log", where="post")
    if fit.sizes.law is not None:
        grid = np.geomspace(known[0], known[-1], 400)
        beyond = np.maximum(1 - law_shares(fit.sizes.law, grid), 0.2 / len(known))
        axes.plot(grid, beyond, color=RED, label="lognormal body, Pareto tail", lw=1.6)
    table = np.array(list(fit.sizes.table))
    weight = np.array(list(fit.sizes.table.values()))
    axes.plot(table, 1 - (np.cumsum(weight) - weight / 2) / weight.sum(), ".", color=ORANGE, label="the table", ms=5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(0.5 / len(known), 1.3)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: say_bytes(size)))
    axes.set_ylabel("share that is larger")
    axes.legend()
    return picture


@styled
def plot_rates(fit: Fit) -> Picture:
    """Messages handed in over the time of the log, by side."""
    picture = new_picture(4.2, say_rates(fit), "By the sender's side.")
    axes = picture.add_subplot()
    born_s, counts, sides, width_s, ends = _bars(fit)
    below = np.zeros(len(ends) - 1)
    for number, side in enumerate(SENDER_SIDES):
        mine = sides == number
        heights = np.histogram(born_s[mine], ends, weights=counts[mine])[0]
        axes.bar(ends[:-1], heights, width_s, bottom=below, align="edge", color=LINES[number], label=side)
        below = below + heights
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at_s, _: say_duration(at_s)))
    axes.set_xlabel("from the first message")
    axes.set_ylabel(f"messages in {say_duration(width_s)}")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02))  # bars fill the picture
    return picture


@styled
def plot_qq(validation: Validation) -> Picture:
    """Quantiles of delay, predicted over measured, one panel a flow; on the line they are alike."""
    flows = [
        flow
        for flow, delays in sorted(validation.measured.items())
        if delays.copies >= FEWEST and flow in validation.predicted
    ]
    title = say_delays(validation)
    if not flows:
        return nothing_to_draw(title, "no flow has ten copies in both")
    columns = min(4, len(flows))
    rows = -(-len(flows) // columns)
    note = f"Quantiles of delay, 2 % to 99 %, predicted over measured. Grey: within {100 * validation.tolerance:g} %. Dots: p50 and p95."
    picture = new_picture(0.6 + 2.6 * rows, title, note)
    shares = np.concatenate([np.linspace(0.02, 0.9, 45), np.linspace(0.91, 0.99, 9)])
    for place, flow in enumerate(flows, start=1):
        axes = picture.add_subplot(rows, columns, place)
        real = np.quantile(validation.measured[flow].filled, shares)
        guess = np.quantile(validation.predicted[flow], shares)
        low, high = max(min(real.min(), guess.min()), 1e-4), max(real.max(), guess.max()) * 1.1
        line = np.array([low, high])
        axes.fill_between(
            line, line * (1 - validation.tolerance), line * (1 + validation.tolerance), color=GREY, alpha=0.25, lw=0
        )
        axes.plot(real, guess, color=BLUE, lw=1.6)
        for p in (0.5, 0.95):
            x, y = np.quantile(validation.measured[flow].filled, p), np.quantile(validation.predicted[flow], p)
            axes.plot(x, y, "o", color=RED, ms=5)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(FixedLocator(_ticks(low, high)))
            axis.set_major_formatter(FuncFormatter(lambda s, _: say_duration(s)))
            axis.set_minor_locator(NullLocator())
        axes.tick_params(labelsize=8)
        axes.set_title(say_flow(flow))
    return picture


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers of a logarithmic axis: three or so, however short or long it is."""
    for steps in ((1,), (1, 3), (1, 2, 5), range(1, 10)):
        first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
        found = [step * 10.0**n for n in range(first, last + 1) for step in steps if low <= step * 10.0**n <= high]
        if len(found) >= 3:
            break
    return found[:: max(1, -(-len(found) // 3))]


@styled
def plot_load(validation: Validation) -> Picture:
    """Messages a minute from other servers, predicted and measured, by server."""
    come = validation.servers[validation.servers["what"] == "arrivals"]
    servers = [name for name, part in come.groupby("server") if part["measured"].sum() >= FEWEST]
    title = say_load(validation)
    if not servers:
        return nothing_to_draw(title, "no server took ten messages from another one")
    picture = new_picture(0.8 + 1.7 * len(servers), title, "Messages a minute from other servers.")
    for place, server in enumerate(servers, start=1):
        axes = picture.add_subplot(len(servers), 1, place)
        part = come[come["server"] == server].sort_values("minute")
        axes.step(part["minute"], part["measured"], where="mid", color=BLUE, label="measured")
        axes.step(part["minute"], part["predicted"], where="mid", color=RED, label="predicted", ls="--")
        axes.set_ylim(bottom=0)
        axes.set_title(str(server))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if place == 1:
            axes.legend(ncols=2)
    axes.set_xlabel("minute of the log")
    return picture
