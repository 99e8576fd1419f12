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


@pytest.mark.parametrize("kind", ["postfix", "exchange", "domino", "directory", "dns"])
@pytest.mark.parametrize(
    "domain", ["a\u202eb.org", "a\x1b[31m.org", "a\udcff.org", "a..org", "[a, b]", "x" * 64 + ".org", ""]
)
def test_what_is_no_domain_is_refused_where_it_was_said(
    kind: str, domain: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not far from there, as a key of the scenario or in a record of a zone."""
    file = tmp_path / "given"
    file.write_text("mydomain = corporate.com\n", encoding="utf-8")
    assert run(["import", kind, str(file), "--domain", domain]) == 2
    assert "--domain: expected a domain such as 'corporate.com'" in capsys.readouterr().err


def test_an_import_writes_through_links_that_were_named_and_no_others(given: Path) -> None:
    """A link that is given as the file stays a link; one with the name of a file in the making is not written through."""
    folder = given.parent
    kept = folder / "kept"
    kept.write_text("keep", encoding="utf-8")
    (folder / ".own.yaml.new").symlink_to(kept)
    (folder / "link.yaml").symlink_to("own.yaml")
    assert run(["import", "postfix", str(given), "--out", str(folder / "link.yaml")]) == 0
    assert (folder / "link.yaml").is_symlink()
    (folder / "own.yaml").chmod(0o600)
    before = (folder / "own.yaml").read_text(encoding="utf-8")
    (given / "main.cf").write_text(MAIN + "message_size_limit = 5000000\n", encoding="utf-8")
    assert run(["import", "postfix", str(given), "--into", str(folder / "link.yaml")]) == 0
    assert (folder / "link.yaml").is_symlink()
    assert (folder / "own.yaml").read_text(encoding="utf-8") != before
    assert (folder / "own.yaml").stat().st_mode & 0o777 == 0o600
    assert kept.read_text(encoding="utf-8") == "keep"
    assert not list(folder.glob(".coexsim.*"))


def test_a_name_too_long_for_the_disk_is_told(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is the user's, not a bug of ours."""
    assert run(["import", "postfix", str(given), "--out", str(given.parent / ("o" * 300 + ".yaml"))]) == 2
    assert run(["import", "postfix", str(given), "--out", str(given.parent / "gone" / "o.yaml")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_file_of_people_that_no_import_made_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file with everybody by name is written beside the scenario, and nothing of the user's is there replaced."""
    rows = "".join(f"u{number}@corporate.com,u{number}\n" for number in range(2_001))
    (tmp_path / "staff.csv").write_text("mail,name\n" + rows, encoding="utf-8")
    mine = tmp_path / "own.people.yaml"
    mine.write_text("mine: true\n", encoding="utf-8")
    words = ["import", "directory", str(tmp_path / "staff.csv"), "--out", str(tmp_path / "own.yaml")]
    assert run(words) == 2
    assert "no import made it" in capsys.readouterr().err
    assert mine.read_text(encoding="utf-8") == "mine: true\n"
    assert not (tmp_path / "own.yaml").exists()
    mine.unlink()
    assert run(words) == run(words) == 0
    assert mine.exists()
