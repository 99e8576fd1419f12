"""The answer to a sizing question says what holds, when, and up to which growth; a question that is none names the lines to add."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from coexsim.analysis.headroom import Headroom
from coexsim.analysis.size_words import require_question, say_holds, say_measured
from coexsim.analysis.slo_text import parse_objective
from coexsim.cli import run
from coexsim.errors import ScenarioError
from coexsim.scenario.load import load_scenario
from coexsim.units import Moment
from tests.analysis.small import HYBRID, small

TEXTS = ["utilisation(onprem.cores) < 70 %", "p95(delay) < 60 s"]


def said(headroom: Headroom | None = None, *, cost: float | None = 2.0, unsure: bool = False, count: int = 2) -> str:
    scenario = small()
    objectives = [parse_objective(text, scenario) for text in TEXTS[:count]]
    measured = say_measured(600.0, 2400.0, Moment(0, 8 * 3600.0 + 3000.0))
    return say_holds("four cores", "onprem", objectives, measured, headroom, cost=cost, unsure=unsure)


def test_the_answer_says_what_holds_when_and_up_to_which_growth() -> None:
    """All three, and the price."""
    assert said(Headroom(1.554, 1.63, "", "")) == (
        "The cheapest machine with which onprem meets both objectives from Mon 09:00 to 09:30 and with up to 1.55 times that load "
        "is four cores (cost 2): utilisation(onprem.cores) < 70 %; p95(delay) < 60 s"
    )


def test_no_growth_is_claimed_that_was_not_shown() -> None:
    """Not looked at, or looked at in vain."""
    assert "load" not in said(None)
    assert "but was not shown to with more load" in said(Headroom(1.0, inf, "", ""))


def test_without_prices_or_certainty_it_is_not_called_the_cheapest() -> None:
    """What could be left out is said, too."""
    assert said(cost=None, count=1) == (
        "To meet the objective from Mon 09:00 to 09:30 onprem needs four cores, and with less does not: utilisation(onprem.cores) < 70 %"
    )
    for cost in (2.0, None):
        assert said(cost=cost, unsure=True).startswith("With four cores")
        assert "cheapest" not in said(cost=cost, unsure=True)


def test_a_question_that_is_none_leaves_no_folder_and_names_lines_that_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines that the error shows make a question, put at the file's end."""
    monkeypatch.chdir(tmp_path)
    assert run([*HYBRID]) == 0
    text = Path("scenario.yaml").read_text(encoding="utf-8").split("objectives:")[0]
    Path("scenario.yaml").write_text(text, encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()

    assert run(["size", "scenario.yaml"]) == 2
    error = capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
    assert "scenario.yaml:" in error
    lines = [line.split("the line: ")[1] for line in error.splitlines()]
    Path("scenario.yaml").write_text(text + "\n".join(lines) + "\n", encoding="utf-8")
    require_question(load_scenario(Path("scenario.yaml")))


def test_candidates_that_are_missing_are_told() -> None:
    """And the server is the one that was named."""
    with pytest.raises(ScenarioError, match="no machines to choose from") as caught:
        require_question(small(*TEXTS, more="size: {server: onprem}\n"))
    assert "{server: onprem, candidates: [" in str(caught.value)
