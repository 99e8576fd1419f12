"""A comparison's picture and page: each difference with its interval, and names as text."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from coexsim.analysis.compare import Comparison
from coexsim.analysis.compare_words import changes
from coexsim.experiment.own import NOTES
from coexsim.report.differences import difference_rows, plot_differences, say_difference, write_comparison
from tests.analysis.test_compare import compared
from tests.report.test_html import EVIL, Page


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Comparison:
    """Half a second more in B."""
    return compared(monkeypatch, 0.5, 0.1)


def test_each_difference_has_its_interval(found: Comparison) -> None:
    """Mean and p95 of the one flow, at the figures of the table, with bars from low to high."""
    axes: Any = plot_differences(found).axes[0]
    rows = {row["figure"]: row for row in found.delays.reset_index().to_dict("records")}
    points = [
        float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() in ("o", "s") and len(line.get_xdata())
    ]
    bars = [bar.get_segments()[0][:, 0].tolist() for bar in axes.collections]

    assert points == pytest.approx([rows["mean"]["difference"], rows["p95"]["difference"]])
    assert bars == [pytest.approx([rows[name]["low"], rows[name]["high"]]) for name in ("mean", "p95")]


def test_nothing_to_compare_is_said(found: Comparison) -> None:
    """No flow arrived in both."""
    picture = plot_differences(replace(found, delays=found.delays.iloc[:0]))

    assert "arrived in both" in picture.axes[0].texts[0].get_text()


def test_folder_has_tables_picture_and_page(found: Comparison, tmp_path: Path) -> None:
    """The page has the answer, the picture as a vector, every difference; a title with markup in it is shown as it is."""
    page = Page(write_comparison(replace(found, a=EVIL), tmp_path, "Counted: SMTP mail.").read_text(encoding="utf-8"))

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        NOTES, "delays.csv", "differences.png", "outcomes.csv", "report.html", "servers.csv", "totals.csv",
    ]  # fmt: skip
    assert page.open == []
    assert EVIL in page.text
    assert found.headline in page.text
    assert re.search(
        r"95 % of hosted → hosted mail arrives within \S+ m?s in B, \S+ m?s in A, the largest change of any flow",
        page.text,
    )
    assert "Delay: 4 of 4 figures differ" in page.text
    assert "Counted: SMTP mail." in page.text
    assert page.tags.count("svg") == 1
    assert not {"script", "link", "img"} & set(page.tags)
    assert pd.read_csv(tmp_path / "delays.csv")["figure"].tolist() == ["mean", "p50", "p95", "p99"]


def test_what_expired_is_told_before_what_arrived_sooner() -> None:
    """Less mail that waits is sooner there: first that a thousand more expired, then that the delays are of the rest."""
    delay = {"a": 90.0, "b": 2.0, "difference": -88.0, "low": -90.0, "high": -86.0, "shown": "less"}
    lost = {"a": 0.0, "b": 1000.0, "difference": 1000.0, "low": 990.0, "high": 1010.0, "shown": "more"}
    tables = {
        "delays": pd.DataFrame([delay], index=pd.MultiIndex.from_tuples([("hosted->hosted", "p95")])),
        "outcomes": pd.DataFrame([lost], index=pd.MultiIndex.from_tuples([("hosted->hosted", "expired")])),
    }

    first, second = changes(tables)
    assert first.startswith("hosted → hosted, expired: 1,000 in B, 0 in A")
    assert second.startswith("of what arrived in both 95 % of hosted → hosted mail arrives within 2 s in B")
    none = tables["outcomes"].assign(shown="the same")
    assert changes(tables | {"outcomes": none}) == [second.removeprefix("of what arrived in both ")]


def test_differences_have_a_sign() -> None:
    """More, less, nothing."""
    assert [say_difference(value) for value in (0.5, -0.03, 0.0)] == ["+500 ms", "-30 ms", "0 s"]


def test_shares_differ_by_points() -> None:
    """5 % after 6 % is a point less; "-1 %" could be a hundredth of it. What is no share keeps its unit."""
    row = {"a": 0.06, "b": 0.05, "difference": -0.01, "low": -0.012, "high": -0.008, "shown": "less"}
    table = pd.DataFrame([row], index=pd.MultiIndex.from_tuples([("onprem", "cores", "share in use")]))

    assert difference_rows(table, "servers") == [
        ("onprem cores, share in use", "6 %", "5 %", "-1 points", "-1.2 points to -0.8 points", "less")
    ]
