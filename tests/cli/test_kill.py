"""kill -9 at any moment, two sweeps at once, a disk of 2 MB: the same tables as ever, or none, and the next run is not disturbed.

The short form runs with the other tests. COEXSIM_KILLS=100 (`make kill`) is the long one: so many random moments of a run with
replications and of a sweep, and a fifth of it pairs of sweeps in one folder. Its seed is printed.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from coexsim.cli import run
from coexsim.cli.runs import Runs
from coexsim.errors import NoDataError
from coexsim.experiment.own import NOTES
from coexsim.experiment.results import Results, load_results
from coexsim.scenario.model import Scenario
from coexsim.sim.mail_log import MailLog
from tests.analysis.small import SMALL

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("COEXSIM_KILLS", "2"))
FEW = SMALL.replace("{onprem: 80, hosted: 120}", "{onprem: 8, hosted: 12}").replace("length: 2 h", "length: 10 min")
FORK = multiprocessing.get_context(
    "fork"
)  # the child has all that it imports already, so that the moments are those of its work
COMMANDS: dict[str, list[str]] = {
    "run": ["run", "--no-pictures", "--no-round-trip", "--replications", "2"],
    "sweep": ["sweep", "servers.onprem.capacity.cores=2..4"],
}


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """Twenty mailboxes for ten minutes."""
    path = tmp_path / "few.yaml"
    path.write_text(FEW[: FEW.index("events:")] + "load: {profile: office-worker}\n")
    return path


def words(verb: str, scenario: Path, out: Path) -> list[str]:
    """A command of that verb."""
    first, *rest = COMMANDS[verb]
    return [first, str(scenario), *rest, "--jobs", "1", "--out", str(out)]


def in_a_process(command: list[str], before: Callable[[], None] = lambda: None) -> multiprocessing.process.BaseProcess:
    """The command in a child of this process, silent."""

    def work() -> None:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        before()
        os.kill(os.getpid(), signal.SIGKILL) if run(command) else None

    process = FORK.Process(target=work)
    process.start()
    return process


def files_of(folder: Path) -> dict[str, bytes]:
    """All whole files in a folder and below it, by their path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".tmp" not in path.as_posix() and path.name != NOTES
    }


def is_whole_or_none(verb: str, folder: Path, whole: dict[str, bytes]) -> bool:
    """Whoever reads the results after a kill finds those of a whole run, or finds none; each file of a sweep is whole."""
    if verb == "sweep":
        return (files_of(folder) if folder.is_dir() else {}).items() <= whole.items()
    try:
        load_results(folder)  # puts files in their places that a killed process had written whole
    except NoDataError:
        return True
    found = files_of(folder)
    return {name: found[name] for name in whole if name != "summary.json"} == {
        name: data for name, data in whole.items() if name != "summary.json"
    }


@pytest.mark.parametrize("verb", COMMANDS)
def test_killed_at_random_moments(
    verb: str, scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run with replications and a sweep; each kill is followed by another beginning in the same folder, the last one to the end."""
    assert run(words(verb, scenario, tmp_path / "whole")) == 0
    began_s = time.perf_counter()
    in_a_process(words(verb, scenario, tmp_path / "timed")).join()
    took_s = time.perf_counter() - began_s
    whole = files_of(tmp_path / "whole")
    seed = random.SystemRandom().randrange(10**6) if "COEXSIM_KILLS" in os.environ else 7
    moments, killed = random.Random(seed), 0
    for number in range(KILLS):
        if number % 5 == 0:  # a sweep goes on where it was: begin anew, or there is nothing left to be killed at
            shutil.rmtree(tmp_path / "killed", ignore_errors=True)
        process = in_a_process(words(verb, scenario, tmp_path / "killed"))
        process.join(moments.uniform(0, took_s))
        killed += process.is_alive()
        process.kill()
        process.join()
        assert is_whole_or_none(verb, tmp_path / "killed", whole), f"seed {seed}"
    assert run(words(verb, scenario, tmp_path / "killed")) == 0
    assert files_of(tmp_path / "killed") == whole, f"seed {seed}"
    with capsys.disabled():
        if "COEXSIM_KILLS" in os.environ:
            print(f"\n{verb}: {killed} of {KILLS} killed at work, seed {seed}")


@pytest.fixture
def simulated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of `coexsim run` is made once for each seed: processes that begin later have it, and only write."""
    simulated = Runs.results
    kept: dict[int | None, Results] = {}

    def once(runs: Runs, spec: Scenario, name: str, mail_log: MailLog | None = None) -> Results:
        if runs.seed not in kept:
            kept[runs.seed] = simulated(runs, spec, name, mail_log)
        return kept[runs.seed]

    monkeypatch.setattr(Runs, "results", once)


@pytest.mark.usefixtures("simulated_once")
@pytest.mark.parametrize("verb", COMMANDS)
def test_killed_at_each_step_of_writing(verb: str, scenario: Path, tmp_path: Path) -> None:
    """Before the first, second ... file is renamed into its place, over the results of an earlier run with another seed."""
    assert run(words(verb, scenario, tmp_path / "whole")) == 0
    assert run([*words(verb, scenario, tmp_path / "earlier"), "--seed", "2"]) == 0
    whole, earlier = (files_of(tmp_path / name) for name in ("whole", "earlier"))
    steps = 0
    for step in count():
        folder = tmp_path / f"killed-{step}"
        shutil.copytree(tmp_path / "earlier", folder)

        def die(step: int = step) -> None:
            calls, real = count(), Path.replace

            def replace(self: Path, target: Path) -> Path:
                if next(calls) == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(self, target)

            Path.replace = replace  # type: ignore[method-assign, assignment]

        process = in_a_process(words(verb, scenario, folder), die)
        process.join()
        if verb == "sweep":
            assert files_of(folder).items() <= whole.items() | earlier.items()
        else:
            load_results(folder)  # there are results at every step: the new ones or the earlier ones
            assert is_whole_or_none(verb, folder, whole) or is_whole_or_none(verb, folder, earlier)
        if process.exitcode == 0:
            break
        steps += 1
    assert steps >= (4 if verb == "sweep" else 12)


@pytest.mark.parametrize("pair", range(max(KILLS // 5, 1)))
def test_two_sweeps_at_once(pair: int, scenario: Path, tmp_path: Path) -> None:
    """In one folder, begun within moments of each other: both end well, and the tables are those of one alone."""
    del pair
    assert run(words("sweep", scenario, tmp_path / "whole")) == 0
    both = [in_a_process(words("sweep", scenario, tmp_path / "both")) for _ in range(2)]
    for process in both:
        process.join()

    assert [process.exitcode for process in both] == [0, 0]
    assert files_of(tmp_path / "both") == files_of(tmp_path / "whole")


def test_the_comparison_can_say_no(scenario: Path, tmp_path: Path) -> None:
    """A table of another run among those of this one is found, as is half a file of a sweep."""
    for verb in COMMANDS:
        assert run(words(verb, scenario, tmp_path / verb)) == 0
        whole = files_of(tmp_path / verb)
        name = next(name for name in whole if name.endswith(".parquet" if verb == "run" else ".json"))
        assert is_whole_or_none(verb, tmp_path / verb, whole)
        assert not is_whole_or_none(verb, tmp_path / verb, whole | {name: b""})


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="processes have no groups there")
@pytest.mark.parametrize("request_", ["SIGTERM", "SIGHUP"])
def test_a_request_to_end_ends_the_workers_too(request_: str, tmp_path: Path) -> None:
    """SIGTERM of `timeout` and CI servers, SIGHUP of a closed terminal: the shell's code for it, and none of its processes lives on."""
    number = signal.Signals[request_]
    path = tmp_path / "some.yaml"
    path.write_text(SMALL[: SMALL.index("events:")] + "load: {profile: office-worker}\n")
    work = ["sweep", str(path), "servers.onprem.capacity.cores=2..200", "--jobs", "2", "--out", str(tmp_path / "out")]
    before = signal.signal(number, signal.SIG_DFL)  # under nohup it would be ignored there too
    process = subprocess.Popen(
        [sys.executable, "-m", "coexsim", *work],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    signal.signal(number, before)
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.readline(), "it is at work when it says how far it is"
        process.send_signal(number)
        code = process.wait(60)

    assert code == 128 + number
    deadline_s = time.monotonic() + 20
    while not _is_gone(process.pid) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert _is_gone(process.pid)


def _is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False
