"""Sweeps with answers: objectives at every point, numbers as numbers, and where an answer changes."""

from __future__ import annotations

from math import nan
from pathlib import Path

import pandas as pd
import pytest

from coexsim.analysis.slo import evaluate
from coexsim.analysis.slo_measure import measure
from coexsim.analysis.slo_text import read_objectives
from coexsim.analysis.swept import (
    answer_of_sweep,
    crossings,
    keys_of,
    measured_objectives,
    samples_of,
    sweep,
    sweep_judged,
    sweep_verdicts,
    swept_objectives,
    told,
    unchanged,
    verdicts,
    with_numbers,
)
from coexsim.experiment.replicate import replicate
from coexsim.experiment.run import simulate
from coexsim.report.sweep_page import plot_sweep, rows_of, write_sweep
from coexsim.scenario.model import Scenario
from tests.analysis.station import station
from tests.report.test_html import Page

LIMIT = "utilisation(onprem.cores) < 70 %"


SPAN = "from the least to the most"


def _span(points: pd.DataFrame) -> str:
    """``25.1 % to 100 %``, from the points of a sweep over cores."""
    return " to ".join(f"{100 * each:.3g} %" for each in (points["estimate"].min(), points["estimate"].max()))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """1,200 mails an hour of 6 s are the work of two cores: of four half is busy, of eight a quarter."""
    return station(LIMIT, per_hour=1200, hours=1, warm_up=0.1, law="cv: 0")


@pytest.fixture(scope="module")
def points(scenario: Scenario) -> pd.DataFrame:
    key = "servers.onprem.capacity.cores"
    return swept_objectives(sweep_judged(scenario, {key: [1, 4, 8]}, replications=3, jobs=1))


def test_objectives_are_judged_at_every_point(points: pd.DataFrame) -> None:
    """One core is always busy, of four half, of eight a quarter: Erlang's offered load over the cores."""
    assert points["answer"].tolist() == ["missed", "met", "met"]
    assert points["estimate"].tolist()[1:] == pytest.approx([0.5, 0.25], rel=0.1)
    assert (points["low"] <= points["estimate"]).all()
    assert (points["limit"] == 0.7).all()


def test_a_sweep_and_its_points_have_the_verdicts_of_a_run(scenario: Scenario, points: pd.DataFrame) -> None:
    """From Python: those of the whole grid are the table of the command, those of a run at one of its values the row of that value."""
    key = "servers.onprem.capacity.cores"
    swept = sweep_verdicts(scenario, {key: [1, 4, 8]}, replications=3, jobs=1)
    pd.testing.assert_frame_equal(swept, points)

    there = scenario.change({key: 4})
    found = verdicts(replicate(there, 3, jobs=1), there)
    pd.testing.assert_frame_equal(
        found[points.columns[1:]], swept[swept[key] == 4].drop(columns=key).reset_index(drop=True)
    )
    other = verdicts(replicate(there, 3, jobs=1), there, ["utilisation(onprem.cores) < 40 %"])
    assert (other["answer"].tolist(), other["limit"].tolist()) == (["missed"], [0.4])


def test_where_the_answer_changes_is_said(points: pd.DataFrame) -> None:
    """Between one core and four; what we cannot say of is not taken for an answer."""
    [change] = crossings(points, "servers.onprem.capacity.cores")
    assert (change.before, change.at, change.after, change.by) == ("missed", 1.0, "met", 4.0)
    assert str(change) == f"{LIMIT}: missed up to 1, met from 4 on"
    unsure = points.assign(answer=["missed", "cannot say", "cannot say"])
    assert answer_of_sweep(points) == answer_of_sweep(unsure) == "met"
    assert answer_of_sweep(points.assign(answer="cannot say")) == "cannot say"
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
    found = measured_objectives(simulate(scenario), scenario).figures
    assert [figure.what for figure in found] == [
        "objective",
        "objective, low",
        "objective, high",
        "objective, not stable",
    ]
    assert {figure.where for figure in found} == {LIMIT}


EVERY_KIND = (
    LIMIT,
    "p95(delay) < 12 s",
    "mean(delay) < 7 s",
    "utilisation(onprem.cores, busiest hour) < 52 %",
    "share(bounced) < 1 %",
    "bounced(valid recipients) = 0",
    "backlog(onprem) < 12",
    "p99(wait, onprem.cores) < 2 s",
)


@pytest.mark.parametrize("replications", [1, 3])
def test_a_point_is_judged_as_a_run_of_the_same_seeds(replications: int, tmp_path: Path) -> None:
    """Every kind of objective, one run and several: the same estimate, interval and answer, also when read from stored runs."""
    scenario = station(*EVERY_KIND, per_hour=1200, hours=1, warm_up=0.1, law="cv: 0")
    key = "servers.onprem.capacity.cores"
    grid = {key: [4, 8]}
    sweep_judged(scenario, grid, replications=replications, jobs=1, folder=tmp_path)
    points = swept_objectives(sweep_judged(scenario, grid, replications=replications, jobs=1, folder=tmp_path))

    for cores in (4, 8):
        chosen = scenario.change({key: cores})
        verdicts = evaluate(None, replicate(chosen, replications, jobs=1), chosen)
        rows = points[points[key] == cores]
        assert rows["objective"].tolist() == [verdict.objective.text for verdict in verdicts]
        assert rows["answer"].tolist() == [verdict.answer for verdict in verdicts]
        for column, wanted in (
            ("estimate", [verdict.estimate for verdict in verdicts]),
            ("low", [verdict.interval.low for verdict in verdicts]),
            ("high", [verdict.interval.high for verdict in verdicts]),
        ):
            assert rows[column].tolist() == pytest.approx(wanted, rel=1e-12, nan_ok=True), column
    assert len(set(points["answer"])) > 1


def test_a_sample_comes_back_from_its_text_as_it_was(scenario: Scenario) -> None:
    """Sketches, series and numbers that are none too: what is judged from a stored run is what was measured."""
    asked = scenario.change({"objectives": list(EVERY_KIND)})
    results = simulate(asked)
    measured = [measure(objective, results, asked) for objective in read_objectives(asked)]

    assert repr(samples_of(measured_objectives(results, asked).text)) == repr(measured)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["met", "met", "met"], "Nothing changes: every objective is met at every value."),
        (["missed", "missed", "missed"], "Nothing changes: every objective is missed at every value."),
        (
            ["cannot say", "met", "met"],
            f"No answer is shown to change: {LIMIT}: met at 2 of 3 values, cannot say at 1 of 3 values (1).",
        ),
        (
            ["cannot say"] * 3,
            f"At no value can an objective be answered: {LIMIT}: {SPAN}. Add replications, or measure a longer window.",
        ),
    ],
)
def test_it_is_said_where_nothing_changes(points: pd.DataFrame, answers: list[str], said: str) -> None:
    """A reader of the answer alone learns that the swept key does not matter to the objectives."""
    assert unchanged(points.assign(answer=answers)) == said.replace(SPAN, _span(points))


def test_a_sweep_in_python_has_numbers_for_keys() -> None:
    """With the unit in the name of the column, so that a picture needs no reading of words."""
    table = sweep(
        station(per_hour=60, hours=1, warm_up=0),
        {"servers.onprem.capacity.cores": "1, 2", "load.streams.0.sizes": "10 KB, 20 KB"},
        jobs=1,
    )

    assert table["servers.onprem.capacity.cores"].unique().tolist() == [1, 2]
    assert table["load.streams.0.sizes [KB]"].unique().tolist() == [10.0, 20.0]


def test_values_in_any_order_give_the_same_answer(points: pd.DataFrame) -> None:
    """Given as 8, 1, 4 they are told as 1, 4, 8; words, which have no order, as where they are and not as up to where."""
    key = "servers.onprem.capacity.cores"
    mixed = points.iloc[[2, 0, 1]].reset_index(drop=True)
    words = points.assign(**{key: ["small", "large", "huge"]})

    assert told(mixed) == told(points)
    assert told(words) == [f"Objective {LIMIT}: missed at small, met at large."]


def test_the_few_points_with_another_answer_are_named(points: pd.DataFrame) -> None:
    """With the unit of the key; several keys with their names; of more than three how many they are."""
    key = str(points.columns[0])
    share = points.rename(columns={key: "hosted_share [%]"}).assign(answer=["cannot say", "met", "met"])
    several = share.copy()
    several.insert(1, "growth", [1.5, 2.0, 2.5])
    many = pd.concat([share.assign(**{"hosted_share [%]": share["hosted_share [%]"] + 10 * n}) for n in range(4)])

    assert told(share)[0].endswith("met at 2 of 3 values, cannot say at 1 of 3 values (1 %).")
    whole = several.assign(objective="b", answer=["met", "met", "cannot say"])
    assert told(pd.concat([several.assign(answer="met"), whole]))[0].endswith(
        "cannot say at hosted_share [%] 8 with growth 2.5."
    )
    assert told(share.iloc[:2])[0].endswith("met at 1 of 2 values, cannot say at 1 of 2 values (1 %).")
    assert told(many)[0].endswith("met at 8 of 12 values, cannot say at 4 of 12 values.")


def test_every_objective_is_told(points: pd.DataFrame) -> None:
    """Beside one whose answer changes also the one that is the same all along, and the one of which we cannot say."""
    key = str(points.columns[0])
    others = [
        points.assign(objective="b", answer="met"),
        points.assign(objective="c", answer=["cannot say", "met", "met"]),
    ]
    said = told(pd.concat([points, *others], ignore_index=True))

    assert said[0].startswith(f"Objective {LIMIT}: missed up to ")
    assert said[1:] == ["Objective b: met at every point.", "Objective c: met at 2 of 3, cannot say at 1 of 3 (1)."]
    both = pd.concat([points, *others], ignore_index=True)
    both.insert(1, "other", [1.0, 2.0, 3.0] * 3)
    assert [each.split(":")[0] for each in told(both)] == [f"Objective {LIMIT}", "Objective c", "Objective b"]
    assert key == "servers.onprem.capacity.cores"


def test_over_two_keys_it_is_said_where_the_answer_is_another(
    points: pd.DataFrame, scenario: Scenario, tmp_path: Path
) -> None:
    """Three values of one key by two of another: missed at one point only, which is named; the page has a picture for each value."""
    other = "hosted_share [%]"
    both = pd.concat([points.assign(answer="met"), points.assign(answer=["missed", "met", "met"])], ignore_index=True)
    both.insert(1, other, [25.0] * 3 + [50.0] * 3)
    first = points.iloc[0]["servers.onprem.capacity.cores"]

    assert keys_of(both) == ["servers.onprem.capacity.cores", other]
    assert told(both) == [
        f"Objective {LIMIT}: met at 5 of 6 points, missed at servers.onprem.capacity.cores {first:g} with {other} 50."
    ]
    assert told(both.assign(answer="met")) == ["Nothing changes: every objective is met at every value."]
    page = Page(write_sweep(both, scenario, tmp_path, told(both)).read_text(encoding="utf-8"))
    assert told(both)[0] in page.text
    assert page.tags.count("svg") == 2
    assert f"{other} 50: {LIMIT}: missed up to {first:g}, met from" in page.text
    assert {"sweep-1.png", "sweep-2.png"} <= {path.name for path in tmp_path.iterdir()}


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
