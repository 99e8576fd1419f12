"""Scenarios to begin with: each kind reads, holds and runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import coexsim
from coexsim.audit.check import check
from coexsim.cli import run
from coexsim.errors import ScenarioError, UsageError
from coexsim.scenario.init import KINDS, scenario_text
from coexsim.scenario.load import changed, scenario_from_text


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_passes_check_and_runs(kind: str) -> None:
    """All its messages end as they should, nothing is found that is an error or a warning, and a quarter of an hour delivers mail."""
    scenario = scenario_from_text(scenario_text(kind, "acme.com", 60, 40, "50 Mbit/s"))
    report = check(scenario)

    assert report.expectations
    assert [each for each in report.expectations if not each.held] == []
    assert [finding for finding in report.findings if finding.severity != "note"] == []
    short = changed(scenario, {"run": {"start": "Mon 10:00", "length": "15 min", "drain": "1 h"}})
    assert (coexsim.simulate(short).mail["outcome"] == "delivered").any()


def test_figures_are_put_in() -> None:
    """Domain, mailboxes and line."""
    scenario = scenario_from_text(scenario_text("article", "acme.com", 300, 200, "20 Mbit/s"))

    assert scenario.domain == "acme.com"
    assert scenario.directory.population == {"onprem": 300, "hosted": 200}
    assert scenario.links[0].bandwidth == 20e6 / 8


def test_what_does_not_fit_is_said() -> None:
    """A kind that there is not, a domain that is none."""
    with pytest.raises(UsageError, match="did you mean 'article'"):
        scenario_text("artcle", "acme.com", 1, 1, "1 Mbit/s")
    with pytest.raises(ScenarioError, match="domain"):
        scenario_text("article", "acme", 1, 1, "1 Mbit/s")
    with pytest.raises(ScenarioError, match="bandwidth"):
        scenario_text("article", "acme.com", 1, 1, "fast")


def test_init_writes_a_file_and_its_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written over; what is not given is asked for on a terminal only."""
    file = tmp_path / "mine.yaml"
    words = [
        "init",
        "article",
        "--domain",
        "acme.com",
        "--onprem",
        "3",
        "--hosted",
        "2",
        "--uplink",
        "1 Mbit/s",
        "--out",
        str(file),
    ]

    assert run(words) == 0
    assert file.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=coexsim.schema.json\n")
    assert (tmp_path / "coexsim.schema.json").exists()
    assert run(["check", str(file)]) == 0
    assert run(words) == 2
    assert "is there already" in capsys.readouterr().err
    assert run(["init", "article", "--out", str(tmp_path / "other.yaml")]) == 2
    assert "needs --domain" in capsys.readouterr().err
