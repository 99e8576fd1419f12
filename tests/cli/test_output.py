"""Results are never lost, and never half there: folders that cannot be written, disks that fill up, results of an earlier run."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from coexsim.cli import run
from coexsim.cli.folder import CANNOT_WRITE, PAGES, TABLES, Keeping, results_folder
from coexsim.errors import OutputError, UsageError
from coexsim.experiment import own, store
from coexsim.experiment.results import load_results
from coexsim.experiment.store import write_set
from coexsim.experiment.whole import write_whole
from tests.analysis.small import SMALL

ROOT = Path(__file__).parents[2]


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A small scenario with some load."""
    path = tmp_path / "small.yaml"
    few = SMALL.replace("{onprem: 80, hosted: 120}", "{onprem: 8, hosted: 12}").replace("length: 2 h", "length: 20 min")
    path.write_text(few[: few.index("events:")] + "load: {profile: office-worker}\n")
    return path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path, leave_bytes: int) -> None:
    """Leave so much room on a disk."""
    room = os.statvfs(disk)
    (disk / "full").write_bytes(b"x" * (room.f_bavail * room.f_frsize - leave_bytes))


# --- before the run -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["run", "outage", "size", "sweep"])
def test_a_folder_that_cannot_be_is_told_before_the_run(
    verb: str, scenario: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in its place: exit code 2 at once, from each command that writes."""
    (scenario.parent / "file").touch()
    if verb == "size":
        with scenario.open("a", encoding="utf-8") as file:
            file.write('objectives: ["p95(delay) < 60 s"]\nsize: {server: onprem, ranges: {cores: 1..2}}\n')
    more = {"outage": ["--server", "onprem", "--at", "10 min", "--for", "1 min"], "sweep": ["load.growth=1,2"]}.get(
        verb, []
    )
    for name in (  # the modules of analysis first: what they import is not to be the stand-in, as they stay imported
        "coexsim.analysis.outage_answer.simulate",
        "coexsim.analysis.swept.sweep",
        "coexsim.analysis.sizing.size",
        "coexsim.experiment.run.simulate",
        "coexsim.experiment.replicate.replicate",
    ):
        monkeypatch.setattr(name, lambda *_, **__: pytest.fail("it ran"))

    for out in ("file", "file/below"):
        assert run([verb, str(scenario), *more, "--out", str(scenario.parent / out)]) == 2
        said = capsys.readouterr().err
        assert "is no folder: there is a file in its place" in said
        assert "simulated in" not in said


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a" * 300, "File name too long"), ("a\0b", "cannot have a folder of the name"),
        ("a\ud800b", "cannot have a folder of the name"), ("/proc/coexsim", "cannot be written"),
    ],
)  # fmt: skip
def test_names_that_a_file_system_cannot_have(name: str, told: str, tmp_path: Path) -> None:
    """Too long, no text, forbidden."""
    with pytest.raises(UsageError, match=told):
        results_folder(tmp_path / name, Path("x.yaml"), verb="run")


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT])
def test_a_folder_that_takes_no_file_is_told_before_the_run(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read-only, no permission, full: a file is written for a trial."""

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UsageError, match=os.strerror(number)):
        results_folder(tmp_path / "out", Path("x.yaml"), verb="run")


def test_a_full_disk_is_told_before_the_run(disk: Path) -> None:
    """A real one."""
    fill(disk, 0)
    with pytest.raises(UsageError, match="No space left on device"):
        results_folder(disk, Path("x.yaml"), verb="run")
    assert [path.name for path in disk.iterdir()] == ["full"]


@pytest.mark.parametrize(
    ("file", "folder"), [("a/mine.yaml", "mine"), ("..yaml", "scenario"), ("a/...yaml", "scenario"), (".hidden.yaml", "hidden")]
)  # fmt: skip
def test_no_scenario_names_a_folder_elsewhere(
    file: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is one below reports/, whatever the file is called."""
    monkeypatch.chdir(tmp_path)

    assert results_folder(None, Path(file), verb="run") == Path("reports") / folder
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["reports", f"reports/{folder}"]


# --- after it -----------------------------------------------------------------------------------------------------------------


def test_a_disk_that_fills_up_keeps_what_is_whole(
    disk: Path, scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer is told, the exit code is 74, and what is kept is said, whole, and elsewhere than an earlier run's results."""
    out = disk / "out"
    assert run(["run", str(scenario), "--out", str(out), "--no-pictures", "--no-round-trip", "--jobs", "1"]) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    fill(disk, 5 * 4096)
    answer = capsys.readouterr().out.replace(f"Tables: {out}/\n", "")
    code = run(["run", str(scenario), "--out", str(out), "--no-pictures", "--no-round-trip", "--jobs", "1"])
    said = capsys.readouterr()

    assert code == CANNOT_WRITE
    assert said.out == answer
    assert "No space left on device; kept whole in" in said.err
    kept = out / "incomplete-1"
    assert {path.name: path.read_bytes() for path in out.iterdir() if path != kept} == before
    names = sorted(path.name for path in kept.iterdir())
    assert names
    assert all((kept / name).read_bytes() == before[name] for name in names)
    assert all(name in said.err for name in names)


def test_standard_output_that_fails_keeps_the_results(scenario: Path) -> None:
    """`run | head -2` and `run >&-`: same exit code, same tables as ever; `run > /dev/full`: 74, as nobody has the answer, same tables."""
    out = scenario.parent
    words = ["run", str(scenario), "--no-pictures", "--no-round-trip", "--jobs", "1", "--out"]
    assert run([*words, str(out / "whole")]) == 0
    command = f'"{sys.executable}" -m coexsim {shlex.join(words)}'
    lines = [
        f"{command} {out}/head | head -2; exit ${{PIPESTATUS[0]}}",
        f"{command} {out}/closed >&-",
    ]
    if Path("/dev/full").exists():
        lines.append(f"{command} {out}/full > /dev/full")
    for line in lines:
        done = subprocess.run(
            ["bash", "-c", line], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == (74 if "/dev/full" in line else 0), line
        assert "Traceback" not in done.stderr
        assert "bug" not in done.stderr
    tables = [{path.name: path.read_bytes() for path in (out / name).iterdir()} for name in ("whole", "head", "closed")]
    assert len(tables[0]) > 5
    assert tables[0] == tables[1] == tables[2]


def test_what_is_printed_comes_after_what_is_written(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Even where saying the answer fails, which is our bug, the tables are there."""
    monkeypatch.setattr("coexsim.report.answer.straight_answer", lambda *_: 1 / 0)
    out = scenario.parent / "out"

    assert run(["run", str(scenario), "--out", str(out), "--no-pictures", "--no-round-trip", "--jobs", "1"]) == 70
    assert not capsys.readouterr().out
    assert len(load_results(out).mail)


# --- sets of files ------------------------------------------------------------------------------------------------------------


def test_a_set_replaces_a_set_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At whichever file the disk is full, the earlier set stays as it was; what was written is elsewhere, and said."""
    write_set(tmp_path, {name: lambda: b"old" for name in ("a", "b", "c")})
    real = os.fsync
    for most in range(3):
        calls = iter(range(100))

        def full(handle: int, most: int = most, calls: Iterator[int] = calls) -> None:
            if next(calls) >= most:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(handle)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(OutputError, match="No space left") as caught:
                write_set(tmp_path, {name: lambda: b"new" for name in ("a", "b", "c")})
        assert [(tmp_path / name).read_bytes() for name in ("a", "b", "c")] == [b"old"] * 3
        kept = tmp_path / f"incomplete-{most}"
        assert (most == 0) == ("nothing of them is kept" in str(caught.value))
        assert most == 0 or sorted(path.name for path in kept.iterdir()) == ["a", "b"][:most]
    assert [path.name for path in tmp_path.glob(".*")] == [own.NOTES]
    write_set(tmp_path, {name: lambda: b"new" for name in ("a", "b", "c")})
    assert [(tmp_path / name).read_bytes() for name in ("a", "b", "c")] == [b"new"] * 3


LOADED = (
    "load: {profile: office-worker}\nobjectives: [p95(delay) < 60 s]\n"
    "size: {server: onprem, candidates: [{name: one, cores: 1, cost: 1}, {name: two, cores: 2, cost: 2}]}\n"
)


@pytest.mark.parametrize(
    "command",
    [
        "run FILE", "size FILE --no-headroom", "sweep FILE load.growth=1,2", "compare FILE FILE --replications 2",
        "outage FILE --server onprem --at 5min --for 2min",
    ],
)  # fmt: skip
def test_no_page_of_an_earlier_answer_stays_beside_new_tables(
    command: str, scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With another seed and without pictures: the page and the pictures of the first go, what is not ours stays."""
    text = scenario.read_text().split("load:")[0]
    scenario.write_text(text + LOADED)
    out = tmp_path / "out"
    words = [*command.replace("FILE", str(scenario)).split(), "--out", str(out), "--jobs", "1", "--quiet"]
    run(words)
    made = {path.name for path in out.iterdir() if path.suffix in (".html", ".png")}
    (out / "notes.png").write_bytes(b"mine")

    run([*words, "--seed", "7", "--no-pictures"])

    assert "report.html" in made
    assert {path.name for path in out.iterdir() if path.suffix in (".html", ".png")} == {"notes.png"}


def test_what_others_left_in_the_folder_stays(scenario: Path, tmp_path: Path) -> None:
    """A picture of another tool, hidden folders that are called like half a set, notes that are years old."""
    out = tmp_path / "out"
    others = ("sweep-2019-holiday.png", ".photos.set/notes.txt", ".mywork.tmp/draft.txt", "notes.txt")
    for name in others:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("mine")
        os.utime((out / name).parent, (0, 0))

    assert run(["run", str(scenario), "--out", str(out), "--no-pictures", "--quiet"]) in (0, 3)

    assert {name: (out / name).read_text() for name in others} == dict.fromkeys(others, "mine")
    assert (out / "mail.parquet").exists()


# --- files that are not coexsim's own -----------------------------------------------------------------------------------------

NAMES = [
    (verb, name.replace("[0-9]", "3"))
    for verb in {**TABLES, **PAGES}
    for name in (*TABLES.get(verb, ()), *PAGES.get(verb, ()))
]


@pytest.mark.parametrize(("verb", "name"), NAMES)
def test_a_file_that_coexsim_did_not_write_is_not_replaced(verb: str, name: str, tmp_path: Path) -> None:
    """Each name of each verb: a file of somebody else, a link, and one of our own that was changed since are told; our own is not."""
    file = tmp_path / name
    file.write_text("mine")
    with pytest.raises(UsageError, match=f"{name} stays as it is: it was not written by coexsim"):
        results_folder(tmp_path, Path("x.yaml"), verb=verb)
    with pytest.raises(OutputError, match="was not written by coexsim"):
        own.write_own(file, b"ours")
    with pytest.raises(OutputError, match="was not written by coexsim"):
        write_set(tmp_path, {"other": lambda: b"", name: lambda: b"ours"})
    assert file.read_text() == "mine"

    file.unlink()
    own.write_own(file, b"ours")
    own.write_own(file, b"ours again")
    assert results_folder(tmp_path, Path("x.yaml"), verb=verb) == tmp_path
    file.write_bytes(b"ours, with a remark of mine")
    with pytest.raises(UsageError, match=f"{name} stays as it is: it was changed since coexsim wrote it"):
        results_folder(tmp_path, Path("x.yaml"), verb=verb)

    elsewhere = file.rename(tmp_path / "elsewhere")
    file.symlink_to(elsewhere)
    with pytest.raises(UsageError, match="it was not written by coexsim"):
        results_folder(tmp_path, Path("x.yaml"), verb=verb)


@pytest.mark.parametrize(
    "command",
    [
        "run FILE --visits --write-log exchange", "size FILE --no-headroom", "sweep FILE hosted_share=0,50%",
        "sweep FILE load.growth=1,2 servers.onprem.capacity.cores=1,2", "compare FILE FILE --replications 2",
        "explore FILE --vary growth=1,2",
        "trace FILE a@elsewhere.org b@elsewhere.org", "check FILE", "diff FILE FILE", "explain FILE", "fit LOGS", "validate FILE LOGS",
        "import directory PEOPLE",
    ],
)  # fmt: skip
def test_every_file_that_a_verb_writes_is_looked_at_before_it_begins(
    command: str, scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that is in the folder afterwards has a name that is known of the verb; one of them changed, and the verb does not begin."""
    scenario.write_text(scenario.read_text().split("load:")[0] + LOADED)
    people = tmp_path / "people.csv"
    people.write_text("mail,mailSystem\nann@corporate.com,here\n")
    logs = ROOT / "tests" / "intake" / "postfix-lab"
    out = tmp_path / "out"
    words = command.replace("FILE", str(scenario)).replace("LOGS", str(logs)).replace("PEOPLE", str(people)).split()
    where = "--report" if words[0] == "import" else "--out"
    limited = ["--jobs", "1"] if words[0] in ("run", "size", "sweep", "compare", "explore") else []
    again = [*words, where, str(out), *limited, "--json"]
    run(again)
    capsys.readouterr()
    known = {*TABLES.get(words[0], ()), *PAGES.get(words[0], ())}
    made = [path for path in out.rglob("*") if path.is_file() and path.name != own.NOTES and path.parent.name != "runs"]
    logged = [path for path in made if path.parent.name == "logs"]
    assert made
    assert not [path for path in made if path not in logged and not any(path.match(name) for name in known)]
    assert bool(logged) == ("--write-log" in words)

    for path in made:
        before = path.read_bytes()
        path.write_bytes(before + b"mine")
        assert run(again) == 2
        assert "was changed since coexsim wrote it" in capsys.readouterr().err
        assert path.read_bytes() == before + b"mine"
        path.write_bytes(before)


def test_a_killed_replacement_is_finished_by_who_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between two files, the one that stands for the set is not there; the next reader or writer moves the rest to its place."""
    names = ("a", "b", "summary.json")
    write_set(tmp_path, {name: lambda: b"old" for name in names})
    real = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if target == tmp_path / "b":
            raise KeyboardInterrupt
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write_set(tmp_path, {name: lambda: b"new" for name in names})
    assert not (tmp_path / "summary.json").exists()

    store.finish_sets(tmp_path)
    assert [(tmp_path / name).read_bytes() for name in names] == [b"new"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([own.NOTES, *names])


def test_a_set_killed_before_it_was_whole_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between writing and naming: what was there stays, and the unfinished files are nobody's results."""
    write_set(tmp_path, {name: lambda: b"old" for name in ("a", "summary.json")})

    def killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            write_set(tmp_path, {name: lambda: b"new" for name in ("a", "summary.json")})
    store.finish_sets(tmp_path)
    assert [(tmp_path / name).read_bytes() for name in ("a", "summary.json")] == [b"old"] * 2


def test_links_are_replaced_not_followed(tmp_path: Path) -> None:
    """A link in the folder to a file elsewhere: the file elsewhere stays."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.json").symlink_to(elsewhere)
    write_whole(tmp_path / "out" / "a.json", b"{}")

    assert elsewhere.read_text() == "mine"
    assert not (tmp_path / "out" / "a.json").is_symlink()


def test_left_overs_go_when_they_are_old(tmp_path: Path) -> None:
    """Unfinished files of another process that is at work stay, those of one that was killed yesterday go."""
    for name, age_s in (
        (".coexsim-young.1-ab.tmp", 60),
        (".coexsim-old.1-ab.tmp", 2 * store.LEFT_OVER_S),
        (".mine.tmp", 2 * store.LEFT_OVER_S),
    ):
        (tmp_path / name).touch()
        before_s = (tmp_path / name).stat().st_mtime - age_s
        os.utime(tmp_path / name, (before_s, before_s))
    store.remove_left_overs(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [".coexsim-young.1-ab.tmp", ".mine.tmp"]


def test_keeping_stops_at_the_first_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said once; what comes after is not tried; the exit code is that of the answer where all was kept."""
    keeping, tried = Keeping(), []

    def fail() -> None:
        raise OutputError("x cannot be written")

    assert keeping.exit_code(3) == 3
    keeping.write(lambda: tried.append(1), fail, lambda: tried.append(2))
    assert tried == [1]
    assert keeping.exit_code(3) == CANNOT_WRITE
    assert capsys.readouterr().err == "coexsim: x cannot be written\n"
    with pytest.raises(ZeroDivisionError):
        keeping.__class__().write(lambda: 1 / 0)


def test_what_is_written_meanwhile_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    """By what is written next, and by whoever asks what became of it; a mistake of ours is not swallowed."""
    keeping, tried = Keeping(), []
    go_on = Event()

    def slow() -> None:
        assert go_on.wait(10)
        tried.append("slow")

    keeping.begin(slow)
    assert not tried
    go_on.set()
    keeping.write(lambda: tried.append("next"))
    assert tried == ["slow", "next"]

    def fail() -> None:
        raise OutputError("x cannot be written")

    keeping.begin(fail, lambda: tried.append("never"))
    assert keeping.exit_code(0) == CANNOT_WRITE
    assert tried == ["slow", "next"]
    assert capsys.readouterr().err == "coexsim: x cannot be written\n"
    other = Keeping()
    other.begin(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        other.write()
