"""How our pictures look, and how they are saved: one palette, one size, clock times, the same bytes for the same data."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from math import isfinite
from pathlib import Path
from textwrap import fill
from typing import Any, ParamSpec, cast

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from coexsim.errors import UsageError
from coexsim.experiment.store import make_folder
from coexsim.experiment.whole import write_whole
from coexsim.report.breaks import unbroken
from coexsim.text import seen
from coexsim.units import DAY_S, Moment, say_duration, say_time

P = ParamSpec("P")

# Okabe and Ito 2008, "Color Universal Design": told apart by people with any colour vision, and in print.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
DARK_RED, DARK_PURPLE = "#A84300", "#8F3D72"
"""Of words, which need more contrast than lines and areas do."""
DASHES = ((0, (3.0, 2.0)), (0, (1.0, 1.0)), (0, (5.0, 1.0, 1.0, 1.0)), (0, (5.0, 1.0)))
"""One for each limit that is drawn, so that the legend tells them apart."""
LINES = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY)
INK, GREY, PALE, PAPER = "#222222", "#6B6B6B", "#D9D9D9", "#F3F3F3"
_PAGE_COLOURS = {
    "#222222": "--ink", "#6b6b6b": "--soft", "#d9d9d9": "--line", "#f3f3f3": "--panel", "#ffffff": "--paper",
    "#eaf2f8": "--window", "#fbe3d6": "--outage", "#000000": "--ink", "#0072b2": "--accent", "#a84300": "--missed", "#8f3d72": "--notice",
}  # fmt: skip
"""What follows the reader's theme, by the variables of ``page.css``; lines and points keep their colours."""
DPI = 150
WIDTH_IN = 10.0
TITLE_LINE_IN, TITLE_CHARACTERS = 0.24, 84
_FIXED = {
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "figure.facecolor": "white",
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "path.simplify": True,
}
_COARSE_S = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36000.0, 86400.0, 432000.0)
_FINE_S = (
    *(factor * 10.0**power for power in range(-6, 1) for factor in (1, 2, 5)),
    10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 43200.0, 86400.0, 172800.0, 432000.0,
)  # fmt: skip
_STEPS_S = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400, 172800, 604800)


_finding: ContextVar[str] = ContextVar("finding", default="")
"""What a picture shows, while it is drawn: its title, in place of what it is of."""
_part: ContextVar[SubFigure | None] = ContextVar("part", default=None)
"""The part of another figure that is drawn in, while it is."""


class Picture(Figure):
    """A figure that belongs to no window and no global list; a notebook shows it when it ends a cell."""

    def _repr_png_(self) -> bytes:
        return png(self)


@contextmanager
def _own_style() -> Iterator[None]:
    """Our style; letters of scripts that the font lacks are boxes in a PNG, and text in a page: no word about it on standard error."""
    style: Any = {name: value for name, value in mpl.rcParamsDefault.items() if not name.startswith("backend")}
    with mpl.rc_context(style | _FIXED), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        yield


def _show_names(figure: Figure) -> None:
    """Names that others gave, as a terminal shows them: what they hide is an escape."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            for labels in (axis.get_major_formatter(), axis.get_minor_formatter()):
                if isinstance(labels, FuncFormatter):  # as labels that are given make it
                    labels.func = partial(_shown_label, labels.func)
    for text in figure.findobj(Text):
        if (shown := seen(text.get_text())) != text.get_text():
            text.set_text(shown)


def _shown_label(label: Callable[..., str], *place: Any) -> str:
    return seen(label(*place))


def styled(plot: Callable[P, Picture]) -> Callable[P, Picture]:
    """Draw in our style whatever the user's matplotlib settings are, and leave those as they were."""

    @wraps(plot)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> Picture:
        with _own_style():
            return plot(*args, **kwargs)

    return in_style


def new_picture(height_in: float = 5.6, title: str = "", below: str = "") -> Picture:
    """An empty picture as wide as a slide, with a title in the planner's words and a line of small print below it."""
    part = _part.get()
    title = _finding.get() or title
    across = 1.0
    if part is None:
        title = fill(title, TITLE_CHARACTERS)
        height_in += TITLE_LINE_IN * title.count("\n")
        picture = Picture(figsize=(WIDTH_IN, height_in), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1))
        FigureCanvasAgg(picture)
    else:  # of another figure; it has all that is drawn with
        picture = cast(Picture, part)
        across = min(part.bbox.width / part.get_dpi() / WIDTH_IN, 1.0)
    if title:
        words = title if part is None else fill(title, max(int(80 * across), 12))
        picture.suptitle(words, x=0.012, ha="left", fontsize=14 if part is None else 12, fontweight="bold")
    if below:
        width = max(int(125 * across), 30)
        lines = "\n".join(fill(line, width) for line in below.split("\n"))
        picture.supxlabel(lines, x=0.012, ha="left", fontsize=9, color=GREY)
    return picture


def drawn(ax: Axes | None, draw: Callable[[], Picture], finding: str = "") -> Picture | SubFigure:
    """What `draw` draws: a picture of its own, or in place of `ax`, of a figure of somebody's; its title says the `finding`.

    Raises `UsageError`.
    """
    said = _finding.set(finding)
    try:
        return _drawn(ax, draw)
    finally:
        _finding.reset(said)


def _drawn(ax: Axes | None, draw: Callable[[], Picture]) -> Picture | SubFigure:
    if ax is None:
        return draw()
    place, figure = ax.get_subplotspec(), ax.figure
    if place is None or figure is None:
        raise UsageError("ax must be one of a grid, as plt.subplots or figure.add_subplot make it")
    ax.remove()
    part = figure.add_subfigure(place)
    token = _part.set(part)
    try:
        draw()
    finally:
        _part.reset(token)
    return part


def nothing_to_draw(title: str, why: str) -> Picture:
    """A picture that says why there is none."""
    picture = new_picture(1.7, title)
    axes = picture.add_subplot()
    axes.axis("off")
    axes.text(0.5, 0.5, why, ha="center", va="center", fontsize=12, color=GREY, wrap=True)
    return picture


def png(figure: Figure) -> bytes:
    """The picture as PNG: no time stamp, no version, so that the same picture is the same bytes.

    By the canvas itself: `savefig` draws a picture twice, the first time for its layout.
    """
    target = io.BytesIO()
    _show_names(figure)
    with _own_style(), _canvas(figure, FigureCanvasAgg) as canvas:
        canvas.print_png(target, metadata={"Software": None})
    return target.getvalue()


@contextmanager
def _canvas(figure: Figure, kind: Callable[[Figure], Any]) -> Iterator[Any]:
    """A canvas of some kind to draw a figure on; afterwards it has its own again."""
    own, dpi = figure.canvas, figure.dpi
    figure.set_dpi(DPI)
    try:
        yield kind(figure)
    finally:
        figure.set_canvas(own)
        figure.set_dpi(dpi)


def png_and_svg(figure: Figure, name: str, heading: str) -> tuple[bytes, str]:
    """The picture for a file, with the finding as its title, and for a page, which says it above the picture."""
    lines = fill(unbroken(heading), TITLE_CHARACTERS).split("\n")
    if len(lines) > 1:
        figure.set_figheight(figure.get_figheight() + TITLE_LINE_IN * (len(lines) - 1))
    with _own_style():
        title = figure.suptitle("\n".join(lines), x=0.012, ha="left", fontsize=14, fontweight="bold")
        fix_layout(figure)
        for_file = png(figure)
        below = title.get_window_extent().y0 / figure.bbox.height
    title.set_text("")
    return for_file, svg(figure, name, below)


def svg(figure: Figure, name: str, below: float = 1.0) -> str:
    """The picture as an SVG element for a page: text stays text, and colours of ink and paper are the page's own.

    `name` keeps the marks that pictures refer to apart where several stand on one page. `below` is the share of the height that is
    shown; what is above it is cut off. Same picture: same text.
    """
    target = io.StringIO()
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": name}
    _show_names(figure)
    with _own_style(), mpl.rc_context(settings), _canvas(figure, FigureCanvasSVG) as canvas:
        canvas.print_svg(target, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = target.getvalue()
    text = text[text.index("<svg") :]
    if below < 1.0:
        text = re.sub(r'viewBox="0 0 (\S+) (\S+)"', lambda box: _lower_part(box, below), text, count=1)
    for colour, variable in _PAGE_COLOURS.items():
        text = re.sub(f"{colour}(?![0-9a-f])", f"var({variable})", text, flags=re.IGNORECASE)
    ids = set(re.findall(r'id="([^"]+)"', text))
    text = re.sub(
        r'(id="|href="#|url\(#)([^")]+)(?=["\)])',
        lambda found: f"{found[1]}{name}-{found[2]}" if found[2] in ids else found[0],
        text,
    )
    return re.sub(
        r'(<svg [^>]*?)width="[^"]*" height="[^"]*"|(<svg [^>]*?)height="[^"]*" width="[^"]*"', r"\1\2", text, count=1
    )


def _lower_part(box: re.Match[str], below: float) -> str:
    height = float(box[2])
    return f'viewBox="0 {height * (1 - below):.2f} {box[1]} {height * below:.2f}"'


def fix_layout(figure: Figure) -> Figure:
    """Lay a finished picture out once, for all files that it is written to: finding the layout takes longer than drawing."""
    _show_names(figure)
    with _own_style():
        layout = figure.get_layout_engine()
        if layout is not None:
            layout.execute(figure)
    figure.set_layout_engine("none")
    return figure


def save(figure: Figure, path: str | Path) -> Path:
    """Write a picture as PNG; its folder is made. Returns the path."""
    path = Path(path)
    make_folder(path.parent)
    write_whole(path, png(figure))
    return path


# --- axes ---------------------------------------------------------------------------------------------------------


def clock_ticks(begin_s: float, end_s: float, start: Moment, most: int = 9) -> tuple[list[float], list[str]]:
    """Round clock times from `begin_s` to `end_s`, the weekday with the first and with each new day."""
    offset_s = (start.day or 0) * DAY_S + start.second
    step_s = next((step for step in _STEPS_S if (end_s - begin_s) / step <= most), _STEPS_S[-1])
    first = np.ceil((begin_s + offset_s) / step_s) * step_s - offset_s
    ticks = [float(t) for t in np.arange(first, end_s + 1e-6, step_s)]
    labels: list[str] = []
    day = ""
    for tick in ticks:
        words = say_time(tick, start)
        labels.append(words.replace(" ", "\n") if words[:3] != day else words[4:])
        day = words[:3]
    return ticks, [label if "\n" not in label else "\n".join(reversed(label.split("\n"))) for label in labels]


def clock_axis(axes: Axes, begin_s: float, end_s: float, start: Moment) -> None:
    """Time on the x axis as ``10:00``, with the weekday below the first tick of each day."""
    ticks, labels = clock_ticks(begin_s, end_s, start)
    axes.set_xlim(begin_s, end_s)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FixedFormatter(labels))


def share_axis(axes: Axes, highest: float) -> None:
    """Shares on the y axis, in per cent; to 100 % where anything comes near it."""
    axes.set_ylim(0, 1.05 if highest > 0.4 else max(1.25 * highest, 0.01))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))


def duration_ticks(low_s: float, high_s: float, most: int = 8) -> list[float]:
    """Durations that people would name between two ends: 1, 2 and 5 of a unit, or fewer where the span is wide."""
    for ladder in (_FINE_S, _COARSE_S, _COARSE_S[::2]):
        ticks = [tick for tick in ladder if low_s <= tick <= high_s]
        if len(ticks) <= most:
            return ticks
    return ticks


def duration_axis(axis: Axis, low_s: float, high_s: float, most: int = 8) -> None:
    """Durations on a logarithmic axis, as people say them."""
    axes = axis.axes
    if axis is axes.xaxis:
        axes.set(xscale="log", xlim=(low_s, high_s))
    else:
        axes.set(yscale="log", ylim=(low_s, high_s))
    ticks = duration_ticks(low_s, high_s, most)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FixedFormatter([_say_tick(tick) for tick in ticks]))


def _say_tick(seconds: float) -> str:
    for scale, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= scale:
            return f"{seconds / scale:g} {unit}"
    return say_duration(seconds)


def count_axis(axes: Axes, highest: float) -> None:
    """Numbers of things on the y axis: whole, with thousands marked, and never an axis of nothing."""
    axes.set_ylim(0, max(1.12 * highest, 1.0) if isfinite(highest) else 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
