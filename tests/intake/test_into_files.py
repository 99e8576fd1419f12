"""An import into a file that is there, on a disk as disks are: the file has all that was imported, or is as it was, to the byte."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from coexsim.cli import run
from coexsim.errors import InputError, OutputError
from coexsim.experiment.whole import write_all_whole
from coexsim.intake.configs.importing import KINDS, Kind, import_setup
from coexsim.scenario.load import load_scenario
from tests.intake.fuzz_imports import whole_files
from tests.intake.test_into import THERE

MAIN = "myhostname = mail.corporate.com\nvirtual_mailbox_domains = corporate.com\nmessage_size_limit = 20000000\n"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A scenario, with main.cf in a folder beside it."""
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "main.cf").write_text(MAIN, encoding="utf-8")
    file = tmp_path / "mine.yaml"
    file.write_text(THERE, encoding="utf-8")
    return file


def words(mine: Path, into: Path | None = None) -> list[str]:
    return ["import", "postfix", str(mine.parent / "given"), "--into", str(into or mine), "--quiet"]


def all_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_line_ends_stay_as_they_were(mine: Path) -> None:
    """A file from Windows stays one; the new lines end as the others do."""
    mine.write_bytes(THERE.replace("\n", "\r\n").encode())

    assert run(words(mine)) == 0
    text = mine.read_bytes()
    assert text.count(b"\n") == text.count(b"\r\n") > THERE.count("\n")
    assert b"message_size_limit: 20000000 B   # we agreed on this  # main.cf:3; was 10 MB\r\n" in text
    assert run(words(mine)) == 0
    assert mine.read_bytes() == text


def test_an_import_that_finds_nothing_new_says_so(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And leaves the file alone."""
    assert run(words(mine)) == 0
    assert "nothing is new" not in capsys.readouterr().out
    mine.chmod(0o640)
    before = mine.stat()
    assert run(words(mine)) == 0
    assert capsys.readouterr().out.endswith("; nothing is new\n")
    assert (mine.stat().st_ino, mine.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_comments_within_a_value_that_changes_are_kept(mine: Path) -> None:
    """Of a list over several lines within braces, as of one that stands in a block."""
    mine.write_text(
        "coexsim: 1\ndomain: corporate.com\nservers:\n  onprem: {kind: postfix, virtual_mailbox_domains: [old.example,\n"
        "    older.example,  # until spring\n    ], hopcount_limit: 20}  # ours\n",
        encoding="utf-8",
    )

    assert run(words(mine)) == 0
    text = mine.read_text(encoding="utf-8")
    assert "# until spring" in text
    assert "# ours" in text
    onprem: Any = load_scenario(mine).servers["onprem"]
    assert (list(onprem.virtual_mailbox_domains), onprem.hopcount_limit) == (["corporate.com"], 20)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("servers:\n  onprem: &one {kind: postfix}\n  other: *one\n", 5),
        ("servers:\n  other: &one {kind: postfix}\n  onprem: *one\n", 4),
    ],
)
def test_what_two_keys_share_is_not_changed_for_one_of_them(mine: Path, text: str, line: int) -> None:
    """With & and *: the file stays, the place and the cure are told."""
    mine.write_text(f"coexsim: 1\ndomain: corporate.com\n{text}", encoding="utf-8")

    with pytest.raises(
        InputError, match=rf"mine\.yaml:{line}: servers\.other\S*: import cannot change this .* & and \*"
    ):
        import_setup(mine.parent / "given", kind="postfix", into=mine)


def test_a_read_only_file_stays(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Though its folder would let it be replaced."""
    mine.chmod(0o444)

    assert run(words(mine)) == 2
    assert "is read-only" in capsys.readouterr().err
    assert mine.read_text(encoding="utf-8") == THERE


def test_a_folder_and_what_is_not_there_are_no_targets(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is a link to nothing, or one that leads to itself."""
    for name, to in (("folder", None), ("gone", None), ("dangling", "nowhere"), ("circle", "circle")):
        into = mine.with_name(name)
        if name == "folder":
            into.mkdir()
        elif to:
            into.symlink_to(to)
        before = all_in(mine.parent)
        assert run(words(mine, into)) == 2
        said = capsys.readouterr().err
        assert name in said
        assert "cannot be read" in said
        assert all_in(mine.parent) == before


@pytest.mark.parametrize("fails_at", ["write", "fsync", "replace"])
def test_a_disk_without_room_leaves_the_file(
    mine: Path, fails_at: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether the data, its way to the disk or the name in the folder has no room; nothing is left over."""
    before = all_in(mine.parent)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if fails_at == "replace":
        monkeypatch.setattr(Path, "replace", full)
    elif fails_at == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(os, "open", full)
    assert run(words(mine)) == 2
    monkeypatch.undo()
    assert "No space left on device" in capsys.readouterr().err
    assert all_in(mine.parent) == before


def test_files_that_belong_together_are_written_together(tmp_path: Path) -> None:
    """Where the second has no room, the first is not replaced either."""
    first = tmp_path / "a.yaml"
    first.write_bytes(b"old")

    with pytest.raises(OutputError, match=r"cannot be written"):
        write_all_whole({first: b"new", tmp_path / "gone" / "b.yaml": b"new"})
    assert all_in(tmp_path) == {str(first): b"old"}


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    mine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second import, or an editor, that was quicker."""
    from coexsim.intake.configs import importing

    asked = importing.import_setup

    def slow(*given: Any, **options: Any) -> Any:
        found = asked(*given, **options)
        mine.write_text(THERE + "# saved meanwhile\n", encoding="utf-8")
        return found

    monkeypatch.setattr(importing, "import_setup", slow)
    assert run(words(mine)) == 2
    assert "changed by somebody else meanwhile" in capsys.readouterr().err
    assert mine.read_text(encoding="utf-8").endswith("# saved meanwhile\n")


def test_files_that_are_extended_are_not_written(mine: Path) -> None:
    """The import goes into the file that was named, over what it takes from others."""
    plan = mine.with_name("plan.yaml")
    plan.write_text("extends: mine.yaml\n# my plan\n", encoding="utf-8")

    assert run(words(mine, plan)) == 0
    assert mine.read_text(encoding="utf-8") == THERE
    assert plan.read_text(encoding="utf-8").startswith("extends: mine.yaml\n")
    assert "\n# my plan\n" in plan.read_text(encoding="utf-8")
    assert load_scenario(plan).servers["onprem"].host == "mail.corporate.com"


def test_what_stands_behind_half_a_list_of_what_is_not_modelled_stays(mine: Path) -> None:
    """The list that an import leaves at the end was cut off, and the writer went on below it: nothing of that is the list's."""
    (mine.parent / "given" / "main.cf").write_text(MAIN + "smtpd_milters = inet:127.0.0.1:8891\n", encoding="utf-8")
    assert run(words(mine)) == 0
    whole = mine.read_text(encoding="utf-8")
    cut, begin, _ = whole.partition("# --- not modelled")
    mine.write_text(
        f"{cut}{begin}, from postfix of onprem: main.cf:\n#   main\nrun: {{seed: 7}}\n# mine\n", encoding="utf-8"
    )

    for _ in range(2):
        assert run(words(mine)) == 0
        assert "run: {seed: 7}\n# mine\n" in mine.read_text(encoding="utf-8")
        assert mine.read_text(encoding="utf-8").count("smtpd_milters") == 1


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", KINDS)
def test_imports_follow_each_other_in_any_order(first: Kind, second: Kind, tmp_path: Path) -> None:
    """What a zone or a list of people leaves open is no hindrance; of two products under one name it is told what to do."""
    files = {kind: sets[0] for kind, sets in whole_files().items()}
    for kind in {first, second}:
        (tmp_path / kind).mkdir()
        for name, content in files[kind].items():
            (tmp_path / kind / name).write_bytes(content)
    mine = tmp_path / "mine.yaml"
    mine.write_text(import_setup(tmp_path / first, kind=first, domain="corporate.com").text, encoding="utf-8")

    if len({first, second} & {"postfix", "exchange", "domino"}) < 2:
        mine.write_text(import_setup(tmp_path / second, kind=second, into=mine).text, encoding="utf-8")
        assert load_scenario(mine).domain == "corporate.com"
    else:
        told = rf"mine\.yaml:\d+: servers\.onprem\.kind: onprem is a server of kind {first} there, .* of {second}: .* --server"
        with pytest.raises(InputError, match=told):
            import_setup(tmp_path / second, kind=second, into=mine)
