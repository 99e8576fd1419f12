"""The command import: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coexsim.cli import run
from coexsim.scenario.load import load_scenario

MAIN = """\
myhostname = mail.corporate.com
virtual_mailbox_domains = corporate.com
virtual_mailbox_maps = hash:/etc/postfix/box
content_filter = x
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
"""


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """The files of a Postfix server in a folder."""
    folder = tmp_path / "postfix"
    folder.mkdir()
    (folder / "main.cf").write_text(MAIN, encoding="utf-8")
    (folder / "box").write_text("ann@corporate.com x\n", encoding="utf-8")
    return folder


def test_without_a_file_to_write_the_scenario_is_printed(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole, so that it can go into a pipe."""
    assert run(["import", "postfix", str(given)]) == 0
    said = capsys.readouterr().out

    assert "host: mail.corporate.com  # main.cf:1\n" in said
    assert "main.cf:4: content_filter = x" in said


def test_a_new_scenario_is_written_and_what_is_not_modelled_is_told(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second time over the first, but never over a file that no import made."""
    out = tmp_path / "mine.yaml"
    assert run(["import", "postfix", str(given), "--out", str(out)]) == 0
    said = capsys.readouterr().out

    assert load_scenario(out).servers["onprem"].host == "mail.corporate.com"
    assert "Not modelled:\n  main.cf:4: content_filter = x\n      all mail goes through this filter" in said
    first = out.read_bytes()
    assert run(["import", "postfix", str(given), "--out", str(out)]) == 0
    assert out.read_bytes() == first
    out.write_text("coexsim: 1\n", encoding="utf-8")
    assert run(["import", "postfix", str(given), "--out", str(out)]) == 2
    assert out.read_text(encoding="utf-8") == "coexsim: 1\n"


def test_a_scenario_that_is_there_gets_what_was_found(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it said otherwise is told."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "coexsim: 1\ndomain: corporate.com\nservers:\n  a: {kind: postfix, host: old.corporate.com}  # mine\n",
        encoding="utf-8",
    )

    assert run(["import", "postfix", str(given), "--into", str(mine), "--server", "a"]) == 0
    assert "changed  servers.a.host: old.corporate.com is now mail.corporate.com" in capsys.readouterr().out
    assert "# mine" in mine.read_text(encoding="utf-8")
    assert load_scenario(mine).servers["a"].host == "mail.corporate.com"


def test_next_hops_that_no_server_has_yet_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Until they are imported or written too, mail to them waits: said at once, not by a check later."""
    main = tmp_path / "main.cf"
    main.write_text(
        "myhostname = mail.corporate.com\nvirtual_mailbox_domains = corporate.com\nrelayhost = [smart.example]\n",
        encoding="utf-8",
    )
    out = tmp_path / "mine.yaml"
    assert run(["import", "postfix", str(main), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert run(["import", "postfix", str(main), "--out", str(out), "--json"]) == 0
    codes = [one["code"] for one in json.loads(capsys.readouterr().out)["open"]]
    assert run(["import", "postfix", str(main), "--out", str(out), "--quiet"]) == 0

    assert f"Still open in {out}, to be written or imported" in said
    assert "servers.onprem.relayhost: smart.example has no address" in said
    assert "SMART-HOST-NO-ADDRESS" in codes
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_programs_get_the_same(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys with their places, what is not modelled, the text itself."""
    assert run(["import", "postfix", str(given), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)

    assert {
        "path": ["servers", "onprem", "host"],
        "value": "mail.corporate.com",
        "file": "main.cf",
        "line": 1,
        "note": "",
    } in said["keys"]
    assert [one["what"] for one in said["not_modelled"] if one["matters"]] == ["content_filter"]
    assert said["scenario"].startswith("# Made by 'coexsim import postfix'")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sendmail", "x"], "there is no import of 'sendmail'; there are postfix"),
        (["postfix"], "no file was given"),
        (["exchange"], "see --how"),
        (["postfix", "gone.cf"], "gone.cf: there is no such file"),
        (["postfix", "x", "--out", "a", "--into", "b"], "give one of them"),
        (["dns", "--how"], "--how is there for exchange"),
    ],
)
def test_what_cannot_be_done_is_told(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and what would do."""
    assert run(["import", *words]) == 2
    assert told in capsys.readouterr().err


def test_what_makes_no_usable_scenario_is_told_at_its_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the line of the file that was read, not of a scenario that was never written."""
    (tmp_path / "main.cf").write_text(
        "myhostname = mail_.$$.corporate.com\nvirtual_mailbox_domains = corporate.com\n", encoding="utf-8"
    )

    assert run(["import", "postfix", str(tmp_path / "main.cf")]) == 2
    assert "main.cf:1: servers.onprem.host: this makes no usable scenario: " in capsys.readouterr().err
