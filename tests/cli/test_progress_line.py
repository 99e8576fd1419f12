"""How far a long command is: on standard error within five seconds, whatever the work does; nothing with --quiet."""

from __future__ import annotations

import io
import re
import time
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest

from coexsim.cli import checking, progress_line, run
from coexsim.cli.progress_line import RunTeller, Teller, progress_bar
from tests.analysis.small import SMALL, small
from tests.intake.log_lab import LOGS

OBJECTIVES = "objectives: [p95(delay) < 10 h]\n"
SIZE = "size: {server: onprem, candidates: [{name: one, cores: 4, cost: 1}, {name: two, cores: 8, cost: 2}], replications: 2}\n"


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """Twenty mailboxes for ten minutes."""
    few = SMALL.replace("{onprem: 80, hosted: 120}", "{onprem: 8, hosted: 12}").replace("length: 2 h", "length: 10 min")
    path = tmp_path / "few.yaml"
    path.write_text(few[: few.index("events:")] + "load: {profile: office-worker}\n" + OBJECTIVES + SIZE)
    return path


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines come as soon as there is something to wait for."""
    monkeypatch.setattr(progress_line, "FIRST_LINES_S", (0.001,))


COMMANDS = {
    "run": ["run", "{s}", "--no-pictures", "--no-round-trip"],
    "replications": ["run", "{s}", "--no-pictures", "--no-round-trip", "-n", "2"],
    "outage": ["outage", "{s}", "--server", "inotes-inbound", "--at", "09:02", "--for", "2 min", "--no-pictures"],
    "sweep": ["sweep", "{s}", "servers.onprem.capacity.cores=2,4"],
    "size": ["size", "{s}", "--no-pictures"],
    "compare": ["compare", "{s}", "{s}", "-n", "2"],
    "explore": ["explore", "{s}", "--vary", "growth=1,2"],
}


def test_the_first_line_comes_within_five_seconds() -> None:
    """The bound that is said."""
    assert progress_line.FIRST_LINES_S[0] <= 5.0


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.usefixtures("at_once")
def test_every_long_command_says_how_far_it_is(
    name: str, quiet: bool, scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, not on standard output; not at all with --quiet."""
    words = [word.format(s=scenario) for word in COMMANDS[name]]
    assert run([*words, "--jobs", "1", "--out", str(tmp_path / "out"), *(["-q"] if quiet else [])]) in (0, 1, 3)
    said = capsys.readouterr()

    assert bool(re.search(r" after \d+ s", said.err)) == (not quiet)
    assert not re.search(r" after \d+ s", said.out)


def test_a_size_says_that_it_looks_at_days_to_come(
    scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went on under the words of what was done before."""
    monkeypatch.setattr(progress_line, "FIRST_LINES_S", tuple(number / 50 for number in range(1, 5000)))
    easy = "objectives: [bounced(valid recipients) < 1000]\n"
    scenario.write_text(scenario.read_text().replace(OBJECTIVES, easy).replace("10 min", "30 min"))
    asked = ["--growth", "8%/year", "--plan", "2027-06-01=70%", "--from", "2027-01-04", "--years", "1"]
    words = ["size", str(scenario), *asked, "--no-headroom", "--no-pictures", "--jobs", "1"]
    assert run([*words, "--out", str(tmp_path / "out")]) in (0, 1, 3)

    assert re.search(r"until when it holds: day by day, \d+ runs so far", capsys.readouterr().err)


@pytest.mark.parametrize("quiet", [False, True])
def test_pictures_and_page_are_a_step_of_their_own(
    quiet: bool, scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may take longer than the run. Each step of them says how far it is, the first nothing, the last the page."""
    told: list[tuple[float, str]] = []
    tell = Teller.__call__

    def noted(teller: Teller, done: float, words: str = "", *, of: float | None = None) -> None:
        tell(teller, done, words, of=of)
        if "pictures and page" in teller.line():
            told.append((done, words))

    monkeypatch.setattr(Teller, "__call__", noted)
    monkeypatch.setattr(progress_line, "FIRST_LINES_S", (0.0,))
    run(["run", str(scenario), "--no-round-trip", "--out", str(tmp_path / "out"), *(["-q"] if quiet else [])])

    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], told[-1][1]) == (0, "the page")
    assert 0.5 < shares[-1] < 1
    assert ("pictures and page" in capsys.readouterr().err) == (not quiet)


@pytest.mark.parametrize("quiet", [False, True])
def test_a_long_check_says_which_file_it_is_at(
    scenario: Path, quiet: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error; of several files, how many are done. The check waits until a line was said of its file."""
    said_so = Event()
    line = Teller.line

    def noted(teller: Teller) -> str:
        if teller.words:
            said_so.set()
        return line(teller)

    monkeypatch.setattr(Teller, "line", noted)
    monkeypatch.setattr(progress_line, "FIRST_LINES_S", tuple(n / 1000 for n in range(1, 30_000)))
    monkeypatch.setattr(checking, "_read_what_a_run_reads", lambda _: quiet or said_so.wait(30))
    assert run(["check", str(scenario), str(scenario.parent), *(["-q"] if quiet else [])]) in (0, 1)
    said = capsys.readouterr()

    assert (f"check: {scenario}" in said.err) == (not quiet)
    assert not re.search(r" after \d+ s", said.out)


@pytest.mark.usefixtures("at_once")
def test_fit_and_validate_say_how_far_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the others."""
    logs = list(map(str, LOGS))
    assert run(["fit", *logs, "--no-pictures", "--out", str(tmp_path)]) in (0, 3)
    assert "fit: " in capsys.readouterr().err
    fitted = str(tmp_path / "fitted.yaml")
    assert run(["validate", fitted, *logs, "-n", "1", "--no-pictures", "--out", str(tmp_path)]) in (0, 1, 3)
    assert "validate: " in capsys.readouterr().err
    assert run(["fit", logs[0], "--no-pictures", "-q", "--out", str(tmp_path)]) in (0, 3)
    assert capsys.readouterr().err == ""


def test_no_more_than_ten_seconds_pass_without_a_line_in_the_first_two_minutes() -> None:
    """Whoever waits sees that something is done."""
    times_s = (0.0, *progress_line.FIRST_LINES_S)
    assert max(later - sooner for sooner, later in pairwise(times_s)) <= 10.0
    assert times_s[-1] >= 120.0


def test_an_outage_says_which_of_its_runs_is_made(
    scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail without it, the outage itself, then the other limits."""
    begun: list[str] = []
    monkeypatch.setattr(Teller, "begin", lambda _, what: begun.append(what))
    words = [word.format(s=scenario) for word in COMMANDS["outage"]]
    run([*words, "--jobs", "1", "--out", str(tmp_path / "out")])

    assert list(dict.fromkeys(begun)) == [
        "outage: the same mail without the outage", "outage: the outage", "outage: other limits",
    ]  # fmt: skip


def test_a_line_comes_though_the_work_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Work that tells nothing is told of; work that is done before the first line is not."""
    monkeypatch.setattr(progress_line, "FIRST_LINES_S", (0.05, 0.1))
    with progress_bar("working"):
        time.sleep(0.5)
    assert capsys.readouterr().err == "working: after 0 s\n" * 2
    monkeypatch.setattr(progress_line, "FIRST_LINES_S", (30.0,))
    with progress_bar("working"):
        pass
    assert capsys.readouterr().err == ""


def test_what_a_line_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated time of the whole, recipients, the share, how long it took and what is left; after the run's end no share is guessed."""
    clock = iter((0.0, 10.0, 10.0, 0.0, 8.0, 8.0, 20.0, 20.0, 30.0, 0.0, 1.0))
    monkeypatch.setattr(progress_line, "monotonic", lambda: next(clock))
    teller = Teller("runs", 0.0)
    teller(1, "1 of 5 runs", of=5)
    assert teller.line() == "runs: 1 of 5 runs, 20 % after 10 s, about 40 s left"
    assert teller.short_line() == "20 % after 10 s, about 40 s left: 1 of 5 runs: runs", "a terminal cuts off the end"
    one = RunTeller("small", small(), is_followed=False)
    one.run(1800.0, 1234, 99)
    assert one.line() == "small: Mon 09:30 simulated of 2 h, 1,234 recipients so far, 25 % after 8 s, about 24 s left"
    one.run(10800.0, 1234, 75_000)
    assert one.line() == (
        "small: Mon 12:00 simulated (60 min after its end), 1,234 recipients so far, 75,000 attempts came to nothing, 100 % after 8 s"
    )
    one.begin("other limits")
    assert one.line() == "other limits: after 20 s"
    one(1, "1 of 2 runs", of=2)
    assert one.line() == "other limits: 1 of 2 runs, 50 % after 30 s, about 10 s left", "of what this took, not of all"
    soon = Teller("runs", 4)
    soon(1)
    assert soon.line() == "runs: 25 % after 1 s"


def test_work_goes_on_where_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed standard error ends no run."""
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(progress_line, "FIRST_LINES_S", (0.0, 0.01))
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with progress_bar("working"):
        monkeypatch.setattr("sys.stderr", closed)
        time.sleep(0.2)
