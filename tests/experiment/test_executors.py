"""One process, many processes or Dask: the same tables, and nothing lost when something stops."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import sleep
from typing import Any

import pandas as pd
import pytest

from coexsim.errors import CoexsimError
from coexsim.experiment import executors
from coexsim.experiment import run as run_module
from coexsim.experiment.estimate import expected_work
from coexsim.experiment.executors import open_executor, processes, run_all
from coexsim.experiment.replicate import replicate
from coexsim.experiment.results import Results, join
from coexsim.experiment.run import simulate
from tests.analysis.station import station
from tests.experiment import workers

SEED = 7
EXPECTED = [workers.fake_run(None, SEED, number) for number in range(6)]
# Dask's own sockets and loops are closed by its own clock
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Executor]:
    """A Dask cluster of two worker processes, begun once: each loads all that a run needs."""
    pytest.importorskip("distributed")
    with open_executor(2, dask="local") as started:
        assert started is not None
        yield started


def gathered(executor: Executor | None, run: Callable[..., Results], first: Any = None) -> Results:
    done = dict(run_all(executor, run, [(first, SEED, number) for number in range(6)]))
    return join([done[index] for index in sorted(done)])


def test_processes_give_what_one_process_gives() -> None:
    """Also when they are ready in another order."""
    with open_executor(2) as pool:
        elsewhere = gathered(pool, workers.slow_run)

    assert elsewhere.mail.equals(gathered(None, workers.fake_run).mail)
    assert elsewhere.provenance["replications"] == list(range(6))


@pytest.mark.parametrize("jobs", [2, 3])
def test_the_caller_is_one_of_the_processes(jobs: int) -> None:
    """It takes its share, so that so many are at work as were asked for."""
    with open_executor(jobs) as pool:
        at = [pid for _, pid in run_all(pool, workers.where, [(number,) for number in range(60)])]

    assert len(at) == 60
    assert len(set(at)) == jobs
    assert os.getpid() in at


def test_an_interrupt_of_the_caller_s_own_share_leaves_what_others_have_done(tmp_path: Path) -> None:
    """It is told before the interrupt is."""
    calls = [(str(tmp_path / "mark"), os.getpid())] * 2
    with open_executor(2) as pool:
        found = run_all(pool, workers.interrupted, calls)
        index, pid = next(found)
        with pytest.raises(KeyboardInterrupt):
            next(found)

    assert index == 0
    assert pid != os.getpid()


def test_nobody_at_the_dask_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback of Dask's."""
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "ANSWER_WITHIN", "0.3s")
    silent = "tcp://127.0.0.1:9"
    with pytest.raises(CoexsimError, match=f"no Dask scheduler answers at '{silent}'"), open_executor(1, dask=silent):
        pass


def test_dask_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(CoexsimError, match=r"coexsim\[dask\]"), open_executor(1, dask="local"):
        pass


def test_a_killed_process_is_said(tmp_path: Path) -> None:
    """A pool of processes does not mend itself."""
    with pytest.raises(CoexsimError, match="a worker process died"), open_executor(2) as pool:
        gathered(pool, workers.killing_run, str(tmp_path))


@pytest.mark.parametrize("guard", ["", 'if __name__ == "__main__":'])
def test_a_script_that_starts_runs_anew_in_its_workers_is_told_so(guard: str, tmp_path: Path) -> None:
    """With the one error that says what to write, and no traceback of a worker's; under the guard it runs."""
    script = tmp_path / "mine.py"
    work = "with open_executor(2) as pool:\n    print(sum(n for _, n in run_all(pool, abs, [(-1,), (-2,)])))"
    body = "\n".join(f"    {line}" for line in work.split("\n")) if guard else work
    script.write_text(f"from coexsim.experiment.executors import open_executor, run_all\n{guard}\n{body}\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)

    if guard:
        assert done.stdout.split() == ["3"]
        return
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert (
        f"each imports {script} first, which must not start runs then; put what it does under if __name__ =="
        in done.stderr
    )


def test_no_jobs_are_refused() -> None:
    """Nor fewer."""
    with pytest.raises(CoexsimError, match="0 jobs"), open_executor(0):
        pass


def test_replications_are_joined_in_their_order_on_any_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are ready in another order."""
    monkeypatch.setattr(run_module, "run_one", workers.slow_run)
    seen: list[tuple[int, int]] = []
    scenario = station(hours=2)

    with ThreadPoolExecutor(6) as threads:
        results = replicate(scenario, 6, seed=SEED, executor=threads, progress=lambda *step: seen.append(step))

    assert results.mail.equals(join(EXPECTED).mail)
    assert seen == [(n, 6) for n in range(1, 7)]


def test_the_engine_of_replications_does_not_depend_on_how_many_processes_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What six of them are worth is what counts: the provenance says which engine it was, and is the same everywhere."""
    scenario = station(hours=2)
    asked: dict[int, set[object]] = {}

    def run(jobs: int) -> Callable[..., Results]:
        def one(of: object, seed: int, number: int, _: str, __: bool, engine: str, ___: bool) -> Results:
            asked.setdefault(jobs, set()).add(engine)
            return workers.fake_run(of, seed, number)

        return one

    monkeypatch.setattr("coexsim.engine.cache.is_compiled", lambda: True)
    monkeypatch.setattr("coexsim.engine.choice.REFERENCE_MAILS_PER_S", 3 * expected_work(scenario))
    for jobs in (1, 6):
        monkeypatch.setattr(run_module, "run_one", run(jobs))
        with ThreadPoolExecutor(jobs) as threads:
            replicate(scenario, 6, seed=SEED, executor=threads, jobs=jobs)

    assert asked == {1: {"compiled"}, 6: {"compiled"}}


def test_replication_17_is_the_same_alone_and_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number says what it is, not its place."""
    monkeypatch.setattr(run_module, "run_one", workers.fake_run)
    scenario = station(hours=2)

    alone = replicate(scenario, 1, seed=SEED, first=17, jobs=1)
    many = replicate(scenario, 18, seed=SEED, jobs=1)

    assert workers.delays(alone) == many.mail.loc[many.mail["replication"] == 17, "delay_s"].tolist()


def test_ctrl_c_leaves_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says that it is not all; before the first is done, there is nothing to leave."""
    scenario = station(hours=2)

    def run(scenario: object, seed: int, replication: int, *_: object) -> Results:
        if replication == 3:
            raise KeyboardInterrupt
        return workers.fake_run(scenario, seed, replication)

    monkeypatch.setattr(run_module, "run_one", run)

    results = replicate(scenario, 6, seed=SEED, jobs=1)

    assert results.replications == (0, 1, 2)
    assert results.provenance["interrupted"]
    assert results.mail.equals(join(EXPECTED[:3]).mail)
    with pytest.raises(KeyboardInterrupt):
        replicate(scenario, 2, seed=SEED, jobs=1, first=3)


def test_an_interrupt_ends_the_workers_at_once() -> None:
    """Not only after the runs that are under way."""
    pids = set()

    def work(pool: Executor | None) -> None:
        assert pool is not None
        pids.add(pool.submit(os.getpid).result())
        pool.submit(sleep, 60)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), open_executor(2) as pool:
        work(pool)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.slow
def test_an_interrupt_while_a_worker_hands_over_its_result_is_the_end(tmp_path: Path) -> None:
    """Killed in the middle of it, the worker would leave a thread of its caller waiting for the rest, and the caller for the thread."""
    script = tmp_path / "parent.py"
    script.write_text("""
import sys, time
from pathlib import Path
from coexsim.experiment.executors import open_executor
from tests.experiment import workers
if __name__ == "__main__":
    with open_executor(2) as pool:
        pool.submit(workers.large, sys.argv[1])
        while not Path(sys.argv[1]).exists():
            time.sleep(0.001)
        time.sleep(float(sys.argv[2]))
        raise KeyboardInterrupt
""")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for number, delay_s in enumerate((0.02, 0.04, 0.06, 0.08, 0.1)):
        command = [sys.executable, str(script), str(tmp_path / str(number)), str(delay_s)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)
        assert done.stderr.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [2, 3])
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes under /proc")
def test_workers_end_with_a_parent_that_is_killed(jobs: int, tmp_path: Path) -> None:
    """Nobody tells them, and they would wait for work, or to hand it over, for good."""
    script = tmp_path / "parent.py"
    script.write_text(f"""
import os, time
from coexsim.experiment.executors import open_executor
if __name__ == "__main__":
    with open_executor({jobs}) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 60)
        time.sleep(60)
""")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    os.kill(worker, 0)
    parent.kill()
    parent.communicate()

    for _ in range(100):
        if not is_running(worker):
            return
        sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker goes on")


def is_running(pid: int) -> bool:
    """Whether a process is there, and more than the note of its end that nobody has read."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_a_simulation_gives_the_same_tables_wherever_it_runs(cluster: Executor) -> None:
    """Every table of a real scenario, from this process, from two others and from a Dask cluster."""
    scenario = station(hours=2)
    here = replicate(scenario, 3, jobs=1)
    elsewhere = [replicate(scenario, 3, jobs=2), replicate(scenario, 3, executor=cluster)]

    for other in elsewhere:
        for name, table in here.tables.items():
            pd.testing.assert_frame_equal(table, other.tables[name])
        assert other.provenance == here.provenance
    alone = simulate(scenario, replication=2)
    assert alone.mail["delay_s"].tolist() == here.mail.loc[here.mail["replication"] == 2, "delay_s"].tolist()


@pytest.mark.slow
def test_dask_gives_the_same_also_when_a_worker_is_killed(cluster: Executor, tmp_path: Path) -> None:
    """A real cluster of worker processes; the scheduler gives the dead worker's runs to the others."""
    elsewhere = gathered(cluster, workers.killing_run, str(tmp_path))

    assert (tmp_path / "killed").exists()
    assert elsewhere.mail.equals(join(EXPECTED).mail)


def test_a_request_to_end_waits_until_a_worker_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """One half begun would not be ended, and tells of it in a traceback when its parent has gone."""
    begun: list[str] = []
    real = BaseProcess.start

    def start(self: BaseProcess) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        real(self)
        begun.append(self.name)

    def submit_one() -> None:
        with monkeypatch.context() as patch, processes(2) as pool:
            patch.setattr(BaseProcess, "start", start)
            pool.submit(abs, -1)

    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with pytest.raises(SystemExit):
            submit_one()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert len(begun) == 1
    assert not [child for child in multiprocessing.active_children() if child.name in begun]
