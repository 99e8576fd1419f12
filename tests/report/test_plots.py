"""Pictures show the figures of the tables, say when there is nothing to show, and are the same bytes for the same data."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, StepPatch

from coexsim.experiment.results import Results, join
from coexsim.mail.trace import trace
from coexsim.report import plots
from coexsim.report.style import DARK_RED, clock_ticks, duration_ticks, new_picture, png, png_and_svg, svg
from coexsim.scenario.load import load_scenario
from coexsim.scenario.model import Scenario
from coexsim.units import moment
from tests.analysis.small import small
from tests.experiment.made_up import made_up
from tests.report.made_up_price import made_up_price

ARTICLE = Path(__file__).parents[2] / "scenarios" / "article" / "flows.yaml"
BUSY = np.arange(60) / 20  # 0 to 2.95 of 4 cores
CORES = {"server": "onprem", "stage": "cores", "workers": 4.0}
CONNECTIONS = {"server": "inotes-inbound", "stage": "connections", "workers": float("inf")}


def a_run(replication: int = 0, more: float = 0.0) -> Results:
    """One hour: an on-prem server that gets busier, an inbound one with no limit, two queues on one machine."""
    return made_up(
        [1.0, 2.0, 3.0, 4.0, 100.0],
        replication,
        flow=["hosted->hosted"] * 4 + ["internet->onprem"],
        stages=[CORES, CONNECTIONS],
        timeline={
            ("onprem", "cores"): {"busy": BUSY + more, "arrivals": 1},
            ("inotes-inbound", "connections"): {"busy": 7.0, "arrivals": 1},
            ("office to hosted", "link"): {"busy": 0.3},
            ("hosted to office", "link"): {"busy": 0.001},
            ("onprem", "queue"): {"backlog": np.arange(60)},
            ("smart-host", "queue"): {"backlog": 100},
            ("inotes-inbound", "queue"): {"backlog": 0},
        },
        provenance={
            "scenario": {"servers": {"onprem": {}, "smart-host": {"runs_on": "onprem"}}, "run": {"start": "Mon 09:00"}}
        },
    )


@pytest.fixture(scope="module")
def article() -> Scenario:
    return load_scenario(ARTICLE)


def panel(figure: Figure, title: str) -> Axes:
    """The panel with this title."""
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


def curves(axes: Axes) -> dict[str, np.ndarray]:
    """The values of the step curves of a panel, by their label up to the colon."""
    steps = [
        patch for patch in axes.patches if isinstance(patch, StepPatch) and not str(patch.get_label()).startswith("_")
    ]
    return {str(step.get_label()).split(":")[0]: data_of(step)[0] for step in steps}


def data_of(step: StepPatch) -> tuple[np.ndarray, np.ndarray]:
    """Values and baseline of a step curve."""
    values, _, baseline = step.get_data()
    return np.asarray(values), np.asarray(baseline)


def words(figure: Figure) -> str:
    """All that is written in a figure."""
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    extra = [figure.get_suptitle(), " ".join(figure.get_supxlabel().split())]
    labels = [label for axes in figure.axes for label in axes.get_legend_handles_labels()[1]]
    return "\n".join([*texts, *extra, *labels])


# --- delay --------------------------------------------------------------------------------------------------------


def test_figures_stand_beside_the_marks_however_long_both_are() -> None:
    """A wide range of delays leaves room for figures as long as ``606 ms,  10.7 min,  13.3 min``: none covers a mark."""
    slow = np.concatenate([np.full(90, 0.606), np.full(8, 642.0), np.full(2, 798.0)])
    delays = np.concatenate([slow, np.full(100, 0.05)])
    flows = ["hosted->hosted"] * 100 + ["hosted->internet"] * 100
    figure = plots.plot_delay_by_flow(made_up(delays, flow=flows), small("p99.9(delay) < 30 s"))
    figure.canvas.draw()
    axes = figure.axes[0]
    marks = [line for line in axes.lines if line.get_marker() not in ("None", "", None)]
    right = max(axes.transData.transform((float(np.max(line.get_xdata())), 0.0))[0] for line in marks)
    [text] = [text for text in axes.texts if "min" in text.get_text()]

    assert text.get_text() == "606 ms,  10.7 min,  13.3 min"
    assert text.get_window_extent().x0 > right + 8  # half a mark, in pixels


def test_limits_come_last_in_the_legend_and_are_told_apart() -> None:
    """Two objectives on delay have two patterns of dashes, after the marks."""
    scenario = small("p95(delay) < 60 s", "mean(delay, hosted->hosted) < 9 s")
    axes = plots.plot_delay_by_flow(made_up([1.0, 2.0, 3.0]), scenario).axes[0]
    legend = axes.get_legend()
    assert legend is not None

    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[:3] == ["p50", "p95", "p99"]
    assert labels[3:] == ["objective: p95 < 60 s", "objective: mean < 9 s"]
    dashes = {str(lines.get_linestyle()) for lines in axes.collections if isinstance(lines, LineCollection)}
    assert len(dashes) >= 3, "the grey bars, and two kinds of dashes"


# --- over time ----------------------------------------------------------------------------------------------------


def test_utilisation_is_busy_over_workers() -> None:
    """The curve of a stage is the table's busy workers over its places, minute by minute in a run of an hour."""
    figure = plots.plot_utilisation(a_run())

    np.testing.assert_allclose(curves(panel(figure, "onprem"))["processor cores (4)"], BUSY / 4)


def test_what_has_no_limit_or_does_not_matter_is_left_out() -> None:
    """A stage without limit has no share, and a link that hardly anything crosses is no news."""
    figure = plots.plot_utilisation(a_run())

    assert [axes.get_title(loc="left") for axes in figure.axes] == ["onprem", "Links between sites"]
    assert list(curves(panel(figure, "Links between sites"))) == ["office to hosted"]


def test_with_replications_the_line_is_their_mean_and_the_band_spans_them() -> None:
    """Two runs, 0.4 cores apart: the mean lies 0.2 above the lower one, the band is 0.4 wide."""
    figure = plots.plot_utilisation(join([a_run(0), a_run(1, more=0.4)]))
    axes = panel(figure, "onprem")
    band = next(p for p in axes.patches if isinstance(p, StepPatch) and data_of(p)[1].ndim == 1)

    np.testing.assert_allclose(curves(axes)["processor cores (4)"], (BUSY + 0.2) / 4)
    np.testing.assert_allclose(np.subtract(*data_of(band)), 0.1)
    assert "2 replications" in words(figure)


def test_limits_outages_and_the_measured_window_are_drawn() -> None:
    """The scenario's limit on utilisation is a dashed line at its height; its outages are named."""
    scenario = small("utilisation(onprem.cores) < 70 %")
    figure = plots.plot_utilisation(replace(a_run(), window_s=(600.0, 1800.0)), scenario)
    axes = panel(figure, "onprem")
    limit = next(line for line in axes.lines if str(line.get_label()).startswith("objective"))

    assert set(np.asarray(limit.get_ydata()).tolist()) == {0.7}
    assert "inotes-inbound is down" in axes.get_legend_handles_labels()[1]
    assert "Mon 09:10 to 09:30" in words(figure)


def test_backlog_adds_the_roles_of_one_machine() -> None:
    """Onprem and the smart host that runs on it are one queue: 100 more than the minute's number."""
    figure = plots.plot_backlog(a_run())

    assert list(curves(figure.axes[0])) == ["onprem (with smart-host)"]
    np.testing.assert_allclose(curves(figure.axes[0])["onprem (with smart-host)"], np.arange(60) + 100)


@pytest.mark.parametrize(
    ("begin_s", "end_s", "start", "labels"),
    [
        (
            0,
            86400,
            "Mon 00:00",
            ["00:00\nMon", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "00:00\nTue"],
        ),
        (0, 7200, "Tue 08:45", ["08:45\nTue", "09:00", "09:15", "09:30", "09:45", "10:00", "10:15", "10:30", "10:45"]),
        (0, 600, "Sun 23:58", ["23:58\nSun", "00:00\nMon", "00:02", "00:04", "00:06", "00:08"]),
    ],
)
def test_time_axes_have_round_clock_times(begin_s: float, end_s: float, start: str, labels: list[str]) -> None:
    """Whatever the run starts at, ticks are on the round hour or minute, the weekday with each new day."""
    assert clock_ticks(begin_s, end_s, moment(start))[1] == labels


@pytest.mark.parametrize(("low_s", "high_s"), [(1e-4, 1e6), (0.1, 3.0), (5.0, 7200.0), (0.29, 0.31)])
def test_duration_axes_have_few_ticks_that_people_name(low_s: float, high_s: float) -> None:
    """Never more ticks than there is room for, none outside, and never 100 s for 1 min 40."""
    ticks = duration_ticks(low_s, high_s, most=8)

    assert len(ticks) <= 8
    assert all(low_s <= tick <= high_s for tick in ticks)
    assert 100.0 not in ticks


# --- delay and its price ------------------------------------------------------------------------------------------


def test_delay_points_are_the_figures_of_the_table() -> None:
    """Half, 95 % and 99 % of each flow stand where `Results.delays` says, the flow with the longest p95 on top."""
    results = a_run()
    figure = plots.plot_delay_by_flow(results)
    table = results.delays().sort_values("p95_s")
    points = {str(line.get_label()): np.asarray(line.get_xdata()) for line in figure.axes[0].lines}

    for label, column in (("p50", "p50_s"), ("p95", "p95_s"), ("p99", "p99_s")):
        np.testing.assert_allclose(points[label], table[column])
    assert [tick.get_text().splitlines()[0] for tick in figure.axes[0].get_yticklabels()] == [
        "hosted → hosted",
        "internet → onprem",
    ]


def test_delay_limits_stand_at_the_flows_they_hold_for() -> None:
    """``* -> onprem`` holds for one of the two flows: one mark, at 60 s."""
    figure = plots.plot_delay_by_flow(a_run(), small("p95(delay, *->onprem) < 60 s"))
    marks = [
        c
        for c in figure.axes[0].collections
        if isinstance(c, LineCollection) and str(c.get_label()).startswith("objective")
    ]

    assert len(marks) == 1
    [segment] = marks[0].get_segments()
    np.testing.assert_allclose(np.asarray(segment)[:, 0], 60.0)


def test_delay_has_whiskers_only_with_replications() -> None:
    """One run gives no interval, and the picture says so."""
    one, two = plots.plot_delay_by_flow(a_run()), plots.plot_delay_by_flow(join([a_run(0), a_run(1)]))

    assert not one.axes[0].containers
    assert "no intervals" in words(one)
    assert len(two.axes[0].containers) == 3


def test_mail_that_takes_no_time_has_a_place() -> None:
    """A delay of 0 s cannot stand on a logarithmic axis; it stands at its left edge, and is said in words."""
    figure = plots.plot_delay_by_flow(made_up([0.0, 0.0]))

    assert "0 s,  0 s,  0 s" in words(figure)


def test_round_trip_shows_both_ways_and_the_extra_delay() -> None:
    """Either way's curve has its median at half; the bars of the extra delay add up to all messages."""
    price = made_up_price()
    figure = plots.plot_round_trip(price)
    left, right = figure.axes
    for line, values in zip(left.lines, (price.direct_s, price.via_s), strict=True):
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        np.testing.assert_allclose(np.interp(0.5, y, x), np.quantile(values, 0.5, method="inverted_cdf"))
    bars = next(patch for patch in right.patches if isinstance(patch, StepPatch))

    assert float(data_of(bars)[0].sum()) == pytest.approx(1)
    assert "2 GB more between sites (25 % of all)" in words(figure)
    legend = right.get_legend()
    assert legend is not None
    assert [text.get_text()[:5] for text in legend.get_texts()] == [
        "p50: ",
        "p95: ",
        "p99: ",
    ]  # they cannot overlap there


@pytest.mark.parametrize(("high", "told"), [(0.45, True), (0.4, False), (np.nan, False), (np.inf, False)])
def test_a_legend_tells_of_an_interval_only_where_one_is_drawn(high: float, told: bool) -> None:
    """One run that cannot say has none, an interval without an end is not drawn."""
    frame = pd.DataFrame(
        {
            "candidate": ["4-core VM", "8-core VM"],
            "objective": "utilisation(onprem.cores) < 70 %",
            "limit": 0.7,
            "estimate": 0.4,
            "low": 0.4 if high == 0.4 else high if np.isnan(high) else 0.35,
            "high": high,
            "answer": "cannot say",
        }
    )
    [axes] = plots.plot_sizing_curve(frame).axes

    assert ("95 % interval" in axes.get_legend_handles_labels()[1]) is told


def test_sizing_curve_shows_estimates_band_theory_and_limit() -> None:
    """A machine that was not simulated has only what theory says of it."""
    frame = pd.DataFrame(
        {
            "candidate": ["2-core VM", "4-core VM", "8-core VM"],
            "objective": "utilisation(onprem.cores) < 70 %",
            "limit": 0.7,
            "estimate": [np.nan, 0.8, 0.4],
            "low": [np.nan, 0.75, 0.35],
            "high": [np.nan, 0.85, 0.45],
            "answer": ["", "missed", "met"],
            "theory": [1.6, 0.8, 0.4],
        }
    )
    axes = plots.plot_sizing_curve(frame).axes[0]
    lines = {str(line.get_label()): np.asarray(line.get_ydata()) for line in axes.lines}

    np.testing.assert_allclose(lines["simulation"], [0.8, 0.4])
    np.testing.assert_allclose(lines["theory"], [1.6, 0.8, 0.4])
    np.testing.assert_allclose(lines["met"], [0.4])
    np.testing.assert_allclose(lines["limit"], [0.7, 0.7])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["2-core VM", "4-core VM", "8-core VM"]


# --- maps ---------------------------------------------------------------------------------------------------------


def arrows(figure: Figure) -> list[FancyArrowPatch]:
    """The arrows of a map, in order."""
    return [patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]


def test_route_numbers_the_steps_and_marks_the_way_back(article: Scenario) -> None:
    """Flow 3 leaves the hosted site in step 1 and comes back in step 3: that arrow is in the other colour."""
    figure = plots.plot_route(trace(article, "iUser1@corporate.com", "iUser2@corporate.com"), article)
    said = words(figure)

    assert [to_hex(arrow.get_edgecolor()).upper() == DARK_RED.upper() for arrow in arrows(figure)] == [
        False,
        False,
        True,
    ]
    assert [number for number in "123" if f"{number}  " in said] == ["1", "2", "3"]
    assert "the round trip" in figure.get_suptitle()


def test_route_within_one_server_and_notices(article: Scenario) -> None:
    """Flow 6 goes nowhere; flow 8 has a message that goes back, which is no round trip."""
    flow_6 = plots.plot_route(trace(article, "dUser1@corporate.com", "dUser2@corporate.com"), article)
    flow_8 = plots.plot_route(trace(article, "someuser@otherdomain.com", "nonexistent@corporate.com"), article)

    assert arrows(flow_6) == []
    assert len(arrows(flow_8)) == 2
    assert "round trip" not in flow_8.get_suptitle()
    assert "bounced 5.1.1" in words(flow_8)


def test_topology_says_round_trip_and_bandwidth_of_every_link(article: Scenario) -> None:
    """Each link once, each server by name."""
    said = words(plots.plot_topology(article))

    assert said.count("Mbit/s") + said.count("Gbit/s") == len(article.links)
    assert all(name in said for name in article.servers)


# --- all of them --------------------------------------------------------------------------------------------------

NOTHING = made_up()
DRAWN: dict[str, Callable[[], Figure]] = {
    "utilisation": lambda: plots.plot_utilisation(a_run()),
    "backlog": lambda: plots.plot_backlog(a_run()),
    "delay": lambda: plots.plot_delay_by_flow(join([a_run(0), a_run(1, more=0.4)])),
    "round trip": lambda: plots.plot_round_trip(made_up_price()),
    "topology": lambda: plots.plot_topology(small()),
    "route": lambda: plots.plot_route(trace(load_scenario(ARTICLE), "iUser1", "iUser2"), load_scenario(ARTICLE)),
}


@pytest.mark.parametrize(
    ("draw", "text"),
    [
        (lambda: plots.plot_utilisation(NOTHING), "no server can be busy"),
        (lambda: plots.plot_backlog(NOTHING), "No mail waited"),
        (lambda: plots.plot_delay_by_flow(NOTHING), "Nothing was delivered"),
        (lambda: plots.plot_delay_by_flow(made_up([np.nan])), "Nothing was delivered"),
        (lambda: plots.plot_round_trip(made_up_price(0)), "No mail between hosted users"),
        (lambda: plots.plot_sizing_curve(pd.DataFrame()), "No machine was tried"),
    ],
)
def test_nothing_to_draw_is_said(draw: Callable[[], Figure], text: str) -> None:
    """No data gives a figure that says so, never an exception."""
    assert text in words(draw())


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_data_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    """Whatever the user's own matplotlib settings are, which stay as they were."""
    first = plots.save(DRAWN[name](), tmp_path / "a" / "first.png").read_bytes()
    with mpl.rc_context({"font.size": 30, "axes.grid": False, "savefig.dpi": 20}):
        before = dict(mpl.rcParams)
        second = png(DRAWN[name]())
        assert dict(mpl.rcParams) == before

    assert first == second
    assert first.startswith(b"\x89PNG")
    assert b"Software" not in first


def test_other_data_gives_other_bytes() -> None:
    """The comparison above can fail."""
    assert png(plots.plot_backlog(a_run())) != png(
        plots.plot_backlog(made_up([1.0], timeline={("onprem", "queue"): {"backlog": 3}}))
    )


def test_pyplot_is_not_loaded() -> None:
    """Figures belong to no window and no global list."""
    code = "import sys, coexsim.report.plots; sys.exit('matplotlib.pyplot' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode == 0


@pytest.mark.parametrize(
    "names",
    [
        [f"{n} cores, 2 transfer threads, 4 SMTP connections, 1 Mbit/s uplink, 50 MB queue disk" for n in range(2, 9)],
        [f"{n} cores" for n in range(2, 65)],
        ["small", "medium", "large with a rather long name that a vendor gave it", "huge"],
    ],
    ids=["several resources", "a long range", "a long name"],
)
def test_names_of_machines_do_not_run_into_each_other(names: list[str]) -> None:
    """However long they are and however many: each is broken into lines that end before the next begins."""
    rows = [(name, "p95(delay) < 60 s", 60.0, 5.0, 4.0, 6.0, "met", float("nan")) for name in names]
    columns = ["candidate", "objective", "limit", "estimate", "low", "high", "answer", "theory"]
    figure = plots.plot_sizing_curve(pd.DataFrame(rows, columns=columns))
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in figure.axes[-1].get_xticklabels() if label.get_text()]

    assert len(boxes) >= min(len(names), 10)
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


def test_the_interval_of_a_single_machine_is_drawn() -> None:
    """Where only one machine was simulated a band has no width: its ends are a line."""
    row = ("m", "p95(delay) < 60 s", 60.0, 5.0, 4.0, 6.0, "met")
    columns = ["candidate", "objective", "limit", "estimate", "low", "high", "answer"]
    axes = plots.plot_sizing_curve(pd.DataFrame([row], columns=columns)).axes[0]
    lines = [each for each in axes.collections if isinstance(each, LineCollection)]

    assert [segment[:, 1].tolist() for each in lines for segment in each.get_segments()] == [[4.0, 6.0]]


class _Counted(Line2D):
    """A line that counts how often it is drawn."""

    times = 0

    def draw(self, renderer: RendererBase) -> None:
        """Once more."""
        self.times += 1
        super().draw(renderer)


def test_a_picture_is_drawn_once_for_each_file() -> None:
    """Its layout is found without drawing it a third time."""
    picture = new_picture(title="of a line")
    line = picture.add_subplot().add_line(_Counted([0, 1], [0, 1]))

    png_and_svg(picture, "line", "It rises")

    assert isinstance(line, _Counted)
    assert line.times == 2


def test_marks_of_a_picture_stay_apart_on_its_page() -> None:
    """Each gets the picture's name once, also one that begins with that name."""
    picture = new_picture()
    axes = picture.add_subplot()
    for gid in ("edge", "way-edge"):
        axes.plot([0, 1], [0, 1], gid=gid)

    marks = re.findall(r'id="([^"]+)"', svg(picture, "way"))

    assert {"way-edge", "way-way-edge"} <= set(marks)
    assert len(marks) == len(set(marks))
