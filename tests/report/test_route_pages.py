"""trace, check, diff, explain and import as pages: what the terminal says, in one file; names with markup stay text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from coexsim.cli import run
from coexsim.errors import Problem
from coexsim.report.route_pages import write_check
from coexsim.scenario.load import changed, load_scenario
from tests.report.test_html import EVIL, Page

FLOWS, DIRECT = "scenarios/article/flows.yaml", "scenarios/modern/article-direct.yaml"


def page_of(folder: Path) -> Page:
    """The page, every tag closed, with nothing that could be asked of anywhere."""
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert "default-src 'none'" in text
    assert "http://" not in text.replace("http://www.w3.org/", "")
    return page


def test_a_trace_is_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each hop with rule and reason, the picture beside it, and the same sentence as the terminal's."""
    assert run(["trace", FLOWS, "iUser1", "iUser2", "--quiet", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out.strip()
    page = page_of(tmp_path)

    assert said in page.text
    assert page.head == "Delivered at inotes-inbound, by way of inotes-outbound, onprem and smart-host"
    assert "person-without-mail-file" in page.text
    assert "Person record for iUser2@corporate.com found, and the mail file is here" in page.text
    assert (tmp_path / "route.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("words", "head"),
    [
        (["someuser@otherdomain.com", "nobody@corporate.com"], "Bounced by onprem, by way of external"),
        (["iUser1", "iUser2", "dUser1", "nobody@corporate.com"], "2 of 3 recipients get the message"),
        (["dUser1", "dUser2"], "Delivered at onprem"),
    ],
)
def test_the_head_of_a_trace_is_what_became_of_the_message(tmp_path: Path, words: list[str], head: str) -> None:
    """Where it ended, and what it passed before."""
    assert run(["trace", FLOWS, *words, "--quiet", "--out", str(tmp_path)]) == 0
    assert page_of(tmp_path).head == head


def test_a_check_is_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What held and failed, and each finding with its place."""
    assert run(["check", "scenarios/article", "--json", "--out", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    page = page_of(tmp_path)

    assert f"{found['answer']}." in page.text
    assert "all 8 expectations held" in page.text
    assert "MX-NO-ADDRESS" in page.text


def test_a_diff_is_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each class of mail that goes another way."""
    assert run(["diff", FLOWS, DIRECT, "--quiet", "--out", str(tmp_path)]) == 1
    page = page_of(tmp_path)
    assert capsys.readouterr().out.strip() in page.text
    assert "inotes-outbound > inotes-inbound: delivered" in page.text


def test_an_explanation_is_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Routes, the busiest limit by theory, and the figures from memory first; the same sentence as the terminal's."""
    assert run(["explain", "scenarios/load/corporate-20k.yaml", "--quiet", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out.strip()
    page = page_of(tmp_path)

    assert said in page.text
    assert "8 of 11 ways of mail end in a mailbox or at the other domain" in page.text
    assert "By theory onprem's processor cores are the busiest: 66 % in the busiest hour" in page.text
    assert (tmp_path / "topology.png").stat().st_size > 5000


def test_only_a_scenario_is_explained_on_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A finding's code has no picture and no table: --out with it is bad usage."""
    assert run(["explain", "LOOP", "--out", str(tmp_path)]) == 2
    assert "a page is made of a scenario's file" in capsys.readouterr().err


def test_an_import_is_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each key with its line; what is not modelled and matters comes first."""
    words = ["import", "postfix", "scenarios/import/postfix", "--out", str(tmp_path / "new.yaml")]
    assert run([*words, "--report", str(tmp_path), "--quiet"]) == 0
    assert "14 keys from postfix" in capsys.readouterr().out
    page = page_of(tmp_path)

    assert "14 keys from postfix." in page.text
    assert "2 settings that could change an answer are left out" in page.text
    assert page.text.index("smtpd_milters") < page.text.index("compatibility_level")
    assert "transport:2" in page.text


def test_names_with_markup_stay_text(tmp_path: Path) -> None:
    """In titles and names of messages."""
    from coexsim.analysis.explain import explain
    from coexsim.audit.check import check
    from coexsim.intake.configs.found import FoundKey, Unused, Where
    from coexsim.intake.configs.write import Imported
    from coexsim.mail.trace import trace
    from coexsim.report.explain_page import write_explanation, write_import
    from coexsim.report.route_pages import write_check, write_trace

    scenario = changed(load_scenario(FLOWS), {"title": EVIL, "messages.0.name": EVIL})
    write_trace(trace(scenario, "iUser1", "iUser2"), scenario, tmp_path / "a", [(EVIL, EVIL)], [EVIL])
    write_check([check(scenario)], tmp_path / "b", EVIL)
    write_explanation(explain(scenario), scenario, tmp_path / "c", EVIL)
    key = FoundKey(("servers", EVIL), EVIL, None, EVIL)
    write_import(
        Imported("", (key,), (Unused(EVIL, EVIL, Where(EVIL, 1), EVIL),), (), {EVIL: 1}), tmp_path / "d", [EVIL], EVIL
    )
    for each in ("a", "b", "c", "d"):
        assert EVIL in page_of(tmp_path / each).text


def test_a_folder_that_cannot_be_is_told_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before any answer, with exit code 2."""
    (tmp_path / "file").write_text("x")
    for words in (["trace", FLOWS, "iUser1", "iUser2"], ["check", FLOWS], ["diff", FLOWS, DIRECT], ["explain", FLOWS]):
        assert run([*words, "--out", str(tmp_path / "file")]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "there is a file in its place" in said.err


def test_a_column_that_says_nothing_is_left_out(tmp_path: Path) -> None:
    """Where every expectation held there is no column for why one failed; where one failed there is."""
    assert run(["check", FLOWS, "--quiet", "--out", str(tmp_path / "held")]) == 0
    assert "why it failed" not in page_of(tmp_path / "held").text
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        f"extends: {Path(FLOWS).absolute()}\nmessages: [{{name: no, from: iUser1, to: iUser2, expect: {{outcome: bounced}}}}]\n"
    )
    assert run(["check", str(wrong), "--quiet", "--out", str(tmp_path / "failed")]) == 1
    assert "why it failed" in page_of(tmp_path / "failed").text


def test_a_value_has_one_unit(tmp_path: Path) -> None:
    """``5 s`` and ``8 KB``, neither ``5 s s`` nor ``8 KB bytes``."""
    assert run(["explain", "scenarios/load/corporate-20k.yaml", "--quiet", "--out", str(tmp_path)]) == 0
    text = page_of(tmp_path).text
    assert not re.search(r"\d+ (s s|KB bytes|MB bytes|min s|h s|days s)\b|/day 1/s", text)


def test_a_file_that_cannot_be_read_is_said_on_the_page(tmp_path: Path) -> None:
    """The page of a check of nothing else said that no error is found."""
    broken = Problem("gone.yaml", 3, "servers.onprem.kind", "'exchnge' is no product")
    page = write_check([], tmp_path / "a", "1 file: 1 cannot be read", [broken]).read_text(encoding="utf-8")

    assert "<h1>1 file cannot be read</h1>" in page
    assert "gone.yaml:3" in page
    assert "is no product" in page
    assert "No error" not in page
