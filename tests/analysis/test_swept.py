"""Sweeps with answers: objectives at every point, numbers as numbers, and where an answer changes."""

from __future__ import annotations

from math import nan
from pathlib import Path

import pandas as pd
import pytest

from coexsim.analysis.swept import crossings, objective_figures, sweep, swept_objectives, with_numbers
from coexsim.experiment.run import simulate
from coexsim.report.sweep_page import plot_sweep, rows_of, write_sweep
from coexsim.scenario.model import Scenario
from tests.analysis.station import station
from tests.report.test_html import Page

LIMIT = "utilisation(onprem.cores) < 70 %"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """1,200 mails an hour of 6 s are the work of two cores: of four half is busy, of eight a quarter."""
    return station(LIMIT, per_hour=1200, hours=1, warm_up=0.1, law="cv: 0")


@pytest.fixture(scope="module")
def points(scenario: Scenario) -> pd.DataFrame:
    key = "servers.onprem.capacity.cores"
    return swept_objectives(sweep(scenario, {key: [1, 4, 8]}, replications=3, jobs=1), scenario, [key])


def test_objectives_are_judged_at_every_point(points: pd.DataFrame) -> None:
    """One core is always busy, of four half, of eight a quarter: Erlang's offered load over the cores."""
    assert points["answer"].tolist() == ["missed", "met", "met"]
    assert points["estimate"].tolist()[1:] == pytest.approx([0.5, 0.25], rel=0.1)
    assert (points["low"] <= points["estimate"]).all()
    assert (points["limit"] == 0.7).all()


def test_where_the_answer_changes_is_said(points: pd.DataFrame) -> None:
    """Between one core and four; what we cannot say of is not taken for an answer."""
    [change] = crossings(points, "servers.onprem.capacity.cores")
    assert (change.before, change.at, change.after, change.by) == ("missed", 1.0, "met", 4.0)
    assert str(change) == f"{LIMIT}: missed up to 1, met from 4 on"
    unsure = points.assign(answer=["missed", "cannot say", "cannot say"])
    assert crossings(unsure, "servers.onprem.capacity.cores") == []


def test_keys_with_one_unit_become_numbers() -> None:
    """The unit goes into the column's name; words and mixed units stay as they are."""
    table = pd.DataFrame(
        {"share": ["0 %", "50 %"], "width": ["10 Mbit/s", "1 Gbit/s"], "mode": ["by-mx", "direct"], "n": [1, 2]}
    )
    found = with_numbers(table, [str(name) for name in table])
    assert list(found) == ["share [%]", "width", "mode", "n"]
    assert found["share [%]"].tolist() == [0.0, 50.0]
    assert found["n"].tolist() == [1.0, 2.0]


def test_a_run_says_its_own_interval_and_whether_it_was_stable(scenario: Scenario) -> None:
    """Of an objective four figures; a text that nobody wrote is not among them."""
    found = objective_figures(simulate(scenario), scenario)
    assert [figure.what for figure in found] == [
        "objective",
        "objective, low",
        "objective, high",
        "objective, not stable",
    ]
    assert {figure.where for figure in found} == {LIMIT}


def test_picture_marks_limit_and_change(points: pd.DataFrame) -> None:
    """One panel: the limit as a line at 70 %, and a shade from one core to four."""
    [axes] = plot_sweep(points).axes
    labels = axes.get_legend_handles_labels()[1]
    assert {"limit", "the answer\nchanges here", "95 % interval"} <= set(labels)
    spans = [patch for patch in axes.patches if patch.get_label() == "the answer\nchanges here"]
    assert [spans[0].get_x(), spans[0].get_x() + spans[0].get_width()] == [1.0, 4.0]  # type: ignore[attr-defined]


def test_page_has_answer_picture_and_table(points: pd.DataFrame, scenario: Scenario, tmp_path: Path) -> None:
    """Nothing else is needed to read it; a figure that is not known is a dash."""
    page = Page(
        write_sweep(points.assign(low=[nan, *points["low"][1:]]), scenario, tmp_path, ["It changes."]).read_text(
            encoding="utf-8"
        )
    )
    assert page.open == []
    assert "It changes." in page.text
    assert page.tags.count("svg") == 1
    assert not {"script", "link", "img"} & set(page.tags)
    heads, rows = rows_of(points)
    assert heads == ["servers.onprem.capacity.cores", LIMIT]
    assert rows[1][1].startswith("met: 5") or rows[1][1].startswith("met: 4")
    assert (tmp_path / "sweep.png").stat().st_size > 5000
