"""Pictures as methods of answers: each is that of its function, and given an axes of somebody's figure it is drawn in its place."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import coexsim as cx
from coexsim.errors import ScenarioError, UsageError
from coexsim.report import pictures, plots, style
from coexsim.report.headings import headings
from coexsim.report.html import write_report
from coexsim.report.pictures import ResultsPictures
from coexsim.report.style import Picture, png
from coexsim.report.summary import summarise
from coexsim.scenario.load import changed
from coexsim.scenario.model import Scenario
from coexsim.scenario.read import copy_of
from tests.analysis.small import small
from tests.report.test_html import a_run


@pytest.fixture(scope="module")
def run() -> tuple[cx.Results, Scenario]:
    """A small run, and a scenario that could be its own."""
    return a_run(), small("p95(delay) < 60 s", more="load: {streams: [{from: onprem, to: hosted, rate: 6/min}]}\n")


def test_methods_give_the_pictures_of_the_functions(run: tuple[cx.Results, Scenario]) -> None:
    """Byte for byte but for the title, with and without the scenario."""
    results, scenario = run

    assert untitled(results.plot.utilisation(scenario)) == untitled(plots.plot_utilisation(results, scenario))
    assert untitled(results.plot.delay()) == untitled(plots.plot_delay_by_flow(results))
    assert untitled(scenario.plot.topology()) == untitled(plots.plot_topology(scenario))
    route = cx.trace(scenario, "someuser@otherdomain.com", "nobody@corporate.com")
    assert png(route.plot.way(scenario)) == png(plots.plot_route(route, scenario))


def untitled(picture: Picture) -> bytes:
    """The picture as bytes, with one title for all."""
    picture.suptitle("one for all", x=0.012, ha="left")
    return png(picture)


def test_titles_say_the_finding(run: tuple[cx.Results, Scenario]) -> None:
    """As the page's headings do; a long one has a second line and room for it; what is drawn next has its own title again."""
    results, scenario = run
    said = headings(summarise(results, scenario), scenario)

    assert results.plot.utilisation(scenario).get_suptitle() == said["utilisation"]
    assert results.plot.backlog(scenario).get_suptitle() == said["backlog"]
    assert " ".join(results.plot.delay(scenario).get_suptitle().split()) == said["delay-by-flow"]
    assert scenario.plot.topology().get_suptitle() == said["topology"]
    longer = style.drawn(None, lambda: plots.plot_topology(scenario), "word " * 30)
    assert longer.get_suptitle().count("\n") == 1
    assert isinstance(longer, Picture)
    assert longer.get_figheight() > plots.plot_topology(scenario).get_figheight()
    assert plots.plot_topology(scenario).get_suptitle() != said["topology"]


@pytest.mark.parametrize("name", ["utilisation", "backlog", "delay"])
def test_each_draws_in_place_of_an_axes(run: tuple[cx.Results, Scenario], name: str) -> None:
    """Of two columns the second becomes the picture; the first, and the figure, stay the caller's."""
    results, scenario = run
    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    part = getattr(results.plot, name)(scenario, ax=right)

    assert figure.subfigs == [part]
    assert left in figure.axes
    assert right not in figure.axes
    assert part.axes
    assert len(png(figure)) > 10_000
    assert isinstance(getattr(results.plot, name)(scenario), Picture)


def test_an_axes_must_have_a_place(run: tuple[cx.Results, Scenario]) -> None:
    """One that stands by its own coordinates has none that a picture could take."""
    with pytest.raises(UsageError, match="one of a grid"):
        run[0].plot.delay(ax=Figure().add_axes((0.0, 0.0, 1.0, 1.0)))
    with pytest.raises(UsageError, match="one of a grid"):
        ResultsPictures(run[0]).backlog(ax=Figure().add_axes((0.0, 0.0, 1.0, 1.0)))


def test_every_picture_is_a_method() -> None:
    """Of what it shows; none is forgotten."""
    text = Path(pictures.__file__).read_text(encoding="utf-8")
    for name in plots.__all__:
        assert not name.startswith("plot_") or f"plots.{name}(" in text, name


def test_a_scenario_changes_by_its_keys(run: tuple[cx.Results, Scenario]) -> None:
    """Another one is made; a key that is none is told with what was probably meant, and one without a text has no keys."""
    _, scenario = run
    other = scenario.change({"servers.onprem.capacity.cores": 3, "title": "three cores"})

    assert (other.servers["onprem"].capacity.cores, other.title) == (3, "three cores")
    assert scenario.title != other.title
    assert other.change({"title": scenario.title, "servers.onprem.capacity.cores": 5}).title == scenario.title
    with pytest.raises(ScenarioError, match="cores"):
        scenario.change({"servers.onprem.capacity.coers": 3})
    with pytest.raises(ScenarioError, match="no file or text"):
        Scenario.from_data(copy_of(scenario.source.raw)).change({"title": "x"})


class Handle:
    """What IPython gives for a thing that is shown."""

    def __init__(self, shown: list[str]) -> None:
        self._shown = shown

    def update(self, thing: str) -> None:
        """Something else is shown in its place."""
        self._shown.append(thing)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A kernel runs this, it seems; what it shows."""
    shown: list[str] = []

    def display(thing: str, display_id: bool) -> Handle:
        assert display_id
        shown.append(thing)
        return Handle(shown)

    shell = types.SimpleNamespace(kernel=object())
    python: Any = types.ModuleType("IPython")
    python.get_ipython = lambda: shell
    pages: Any = types.ModuleType("IPython.display")
    pages.display, pages.HTML = display, str
    monkeypatch.setitem(sys.modules, "IPython", python)
    monkeypatch.setitem(sys.modules, "IPython.display", pages)
    monkeypatch.setattr("coexsim.progress.WAITS_S", 0.0)
    monkeypatch.setattr("coexsim.progress.EVERY_S", 0.0)
    return shown


def test_a_notebook_shows_how_far_a_run_is(run: tuple[cx.Results, Scenario], notebook: list[str]) -> None:
    """In per cent of the run's length, as text; nothing is left at the end. Many runs are one line, not one each."""
    _, scenario = run
    cx.simulate(scenario.change({"title": "<b>bold</b>"}))
    assert any("&lt;b&gt;bold&lt;/b&gt;: " in each and " % after " in each for each in notebook)
    assert notebook[-1] == ""

    notebook.clear()
    cx.replicate(scenario, 2, jobs=1)
    assert "2 runs: 50 %" in notebook[0]
    assert notebook[-1] == ""


def test_a_script_is_told_nothing(run: tuple[cx.Results, Scenario], capsys: pytest.CaptureFixture[str]) -> None:
    """There is no kernel here."""
    cx.simulate(run[1])
    assert capsys.readouterr() == ("", "")


HIDING = "a\x1b[31mred\x07 \u202etxt.exe \u5317\u4eac \U0001f600"
SHOWN = "a\\x1b[31mred\\x07 \\u202etxt.exe \u5317\u4eac \U0001f600"


def test_names_hide_nothing_in_pictures_and_pages(
    run: tuple[cx.Results, Scenario], tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    """Titles, names of servers and labels of axes: escapes as the terminal has them; no warning of a letter that the font lacks."""
    results, scenario = run
    machines = {server.runs_on for server in scenario.servers.values()}
    servers = {name if name in machines else f"{name}{HIDING}": server for name, server in scenario.servers.items()}
    named = scenario.replaced(title=HIDING, servers=servers)
    drawing = style.svg(plots.plot_topology(named), "topology")
    assert drawing.count(SHOWN) == 1 + len(servers) - len(machines - {None})
    assert "\x1b" not in drawing
    assert "\u202e" not in drawing

    figure = style.new_picture()
    figure.add_subplot().set_yticks([0, 1], labels=[HIDING, "plain"])
    assert png(figure)
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == [SHOWN, "plain"]

    text = write_report(results, scenario.replaced(title=HIDING), tmp_path).read_text(encoding="utf-8")
    assert SHOWN in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert not [each for each in recwarn if "missing from font" in str(each.message)]


def test_the_office_line_is_in_the_picture(run: tuple[cx.Results, Scenario]) -> None:
    """Its bandwidth stands in the site's box, and no link that passes it says that it has no limit; without it the link does."""
    _, scenario = run
    bare = {"links": [{"between": list(link.between), "round_trip": "40 ms"} for link in scenario.links], "uplinks": {}}
    site = scenario.links[0].between[0]
    free = words_of(plots.plot_topology(changed(scenario, bare)))
    lined = changed(scenario, bare | {"uplinks": {site: {"up": "10 Mbit/s", "down": "20 Mbit/s"}}})
    both = words_of(plots.plot_topology(lined))
    same = words_of(plots.plot_topology(changed(lined, {"uplinks": {site: {"up": "10 Mbit/s", "down": "10 Mbit/s"}}})))

    touching = sum(site in link.between for link in scenario.links)
    assert touching
    assert sum("no limit" in each for each in free) - sum("no limit" in each for each in both) == touching
    assert "line 20 Mbit/s down, 10 Mbit/s up" in both
    assert "line 10 Mbit/s" in same
    assert not [each for each in free if each.startswith("line ")]


def words_of(picture: Picture) -> list[str]:
    """All texts of a picture."""
    return [text.get_text() for text in picture.findobj(Text)]
