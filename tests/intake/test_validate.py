"""Prediction beside measurement, on the lab's log; and that the comparison can say no."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coexsim.cli import run
from coexsim.intake.validate import Validation, validate
from coexsim.scenario.load import changed, load_scenario
from tests.intake.log_lab import LOGS, lab_fit
from tests.report.test_html import Page


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's fit, written."""
    return lab_fit().save(tmp_path_factory.mktemp("fit"))


@pytest.fixture(scope="module")
def validation(folder: Path) -> Validation:
    """The fitted scenario under the log's own mail."""
    return validate(folder / "fitted.yaml", LOGS)


def test_delays_are_within_ten_percent_or_the_reason_is_said(validation: Validation) -> None:
    """p50 and p95 of eight flows: most within 10 %, none missed; what cannot be said has a reason."""
    delays = [c for c in validation.comparisons if c.topic == "delay"]

    assert len(delays) == 16
    assert [c.say() for c in delays if c.verdict == "missed"] == []
    assert sum(c.verdict == "met" for c in delays) >= 9
    assert all(c.remark for c in delays if c.verdict == "cannot say")
    assert any("without these copies the log has" in c.remark and c.remark.endswith("as predicted") for c in delays)


def test_copies_and_load_of_servers_are_predicted(validation: Validation) -> None:
    """The same mail ends the same way: copies delivered and failed are equal; messages a minute within 10 %."""
    by_name = {c.name: c for c in validation.comparisons}

    assert by_name["copies delivered"].predicted == by_name["copies delivered"].measured == 2971
    assert by_name["copies bounced or refused"].predicted == by_name["copies bounced or refused"].measured == 160
    assert by_name["onprem: messages from other servers"].verdict == "met"
    assert validation.verdict == "met"


def test_a_wrong_scenario_is_missed(folder: Path) -> None:
    """With 50 ms more at the on-premises server every flow that passes it is missed."""
    slow = changed(load_scenario(folder / "fitted.yaml"), {"servers.onprem.service.scan": "50 ms"})
    found = validate(slow, LOGS, replications=1)

    assert found.verdict == "missed"
    missed = {c.name for c in found.comparisons if c.verdict == "missed"}
    assert {"p50 hosted->hosted", "p50 hosted->onprem", "p50 onprem->hosted"} <= missed
    assert "p50 hosted->internet" not in missed
    assert any("missed" in sentence and "off by" in sentence for sentence in found.sentences())
    [p50] = [c for c in found.comparisons if c.name == "p50 hosted->hosted"]
    assert p50.remark.startswith("it takes less than the scenario says, most of it at onprem: work and waiting there")


def test_without_a_server_s_log_nothing_is_judged(folder: Path) -> None:
    """What the missing log would have said is not known: every comparison is open and names the server."""
    found = validate(folder / "fitted.yaml", [log for log in LOGS if "onprem" not in log.name], replications=1)

    assert found.verdict == "cannot say"
    assert {c.verdict for c in found.comparisons} == {"cannot say"}
    assert all("domino.corporate.com" in c.remark for c in found.comparisons)


def test_commands(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shell: fit writes scenario, mail, figures and page; validate says each comparison and its exit code."""
    assert run(["fit", *map(str, LOGS), "--out", str(tmp_path / "fit")]) == 0
    out = capsys.readouterr().out
    assert "onprem.log.gz: postfix, 14,429 lines" in out
    names = {file.name for file in (tmp_path / "fit").iterdir()}
    assert {"fitted.yaml", "replay.parquet", "fit.json", "fit.html", "sizes.png", "rates.png"} <= names
    assert json.loads((tmp_path / "fit/fit.json").read_text())["figures"][0]["value"] == 2000

    code = run(
        [
            "validate",
            str(tmp_path / "fit/fitted.yaml"),
            *map(str, LOGS),
            "-n",
            "1",
            "--tolerance",
            "0.001",
            "--out",
            str(tmp_path / "v"),
        ]
    )
    out = capsys.readouterr().out
    assert code == 1
    assert "missed" in out
    for file, finding in (
        ("fit/fit.html", "2,000 messages in 98.5 s; most recipients, 15 %, are onprem ones of hosted senders"),
        ("fit/fit.html", "of 2,000 messages were handed in during the busiest second, "),
        ("fit/fit.html", "Half of the messages are larger than 10.2 KB, one in a hundred larger than 400 KB"),
        ("v/validation.html", "percentiles are predicted within 0.1 %, "),
    ):
        text = (tmp_path / file).read_text(encoding="utf-8")
        page = Page(text)
        assert page.open == []
        assert page.addresses == [address for address in page.addresses if address.startswith("#")]
        assert page.tags.count("svg") == 2
        assert "default-src 'none'" in text
        assert finding in page.text
