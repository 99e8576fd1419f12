"""Where runs happen: in this process, in local processes, or on a Dask cluster; all by `concurrent.futures.Executor`."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from threading import Thread
from time import monotonic, sleep
from typing import Any, TypeVar

from coexsim.errors import CoexsimError
from coexsim.progress import in_notebook

T = TypeVar("T")

RETRIES = 2  # how often a task that fails on a Dask worker is tried again; if its worker dies, the scheduler moves it
ANSWER_WITHIN = "10s"
_REQUESTS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
PRELOAD = "coexsim.experiment.preload"
"""What a worker process imports before its first run."""
HANDING_OVER_S = 10.0
"""Within this time what came of a call is handed over: 400 MB took 1.6 s."""


def cpu_count() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def open_executor(jobs: int | None = None, dask: str | None = None) -> Iterator[Executor | None]:
    """An executor for the time of a `with`; None stands for this very process (``jobs=1``).

    `jobs` local processes by default, as many as there are processors; this one counts, as it takes its share of `run_all`. `dask` is
    the address of a Dask scheduler, or ``local`` for a cluster of `jobs` worker processes of its own. A process begins by importing the
    script that it was called from: a script that comes here keeps its own work under ``if __name__ == "__main__":``.

    Raises `CoexsimError` where Dask is not installed or nobody answers at the address.
    """
    jobs = cpu_count() if jobs is None else jobs
    if jobs < 1:
        raise CoexsimError(f"{jobs} jobs cannot do any work; give 1 or more")
    if dask is not None:
        with _dask_executor(jobs, dask) as executor:
            yield executor
    elif jobs == 1:
        yield None
    else:
        with processes(jobs - 1) as pool:
            yield pool


@contextmanager
def processes(jobs: int) -> Iterator[Executor]:
    """A pool of that many processes on this machine beside this one, for the time of a `with`.

    One alone is made at once and loads what it needs while the caller goes on. Several are copies of one process that has loaded it,
    where the system can do that safely (Linux): it begins to load now, and the first call waits for it.
    """
    others = set(multiprocessing.active_children())
    copied = jobs > 1 and sys.platform == "linux"
    context = multiprocessing.get_context("forkserver" if copied else "spawn")
    pool = _Pool(jobs, context)
    try:
        if copied:
            context.set_forkserver_preload([PRELOAD])
            forkserver.ensure_running()
        else:
            for _ in range(jobs):
                pool.submit(import_module, PRELOAD)
    except RuntimeError:
        # None can be started by a worker that still imports its caller's script, which starts runs anew.
        if multiprocessing.current_process().name == "MainProcess":
            raise
        raise SystemExit(1) from None  # without a word: `result_of` says why in the caller
    try:
        yield pool
    except BaseException:
        _stop(pool, [child for child in multiprocessing.active_children() if child not in others])
        raise
    pool.shutdown(wait=False)  # nothing is under way; its processes end while the caller goes on


class _Pool(ProcessPoolExecutor):
    """A pool whose processes begin while calls are submitted: one half begun is not known to who ends them, and would tell of it."""

    def __init__(self, workers: int, context: BaseContext) -> None:
        super().__init__(workers, mp_context=context, initializer=_follow_parent)
        self.workers = workers

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """As the class above; a request to end that comes meanwhile waits until it is done."""
        with _uninterrupted():
            return super().submit(_stoppable, fn, *args, **kwargs)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in _REQUESTS}
    ours = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in ours:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _follow_parent() -> None:
    """A worker leaves interrupts to its parent, and ends when that is gone, however it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _end_at(0.0)


def _stoppable(fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """What a worker does of a call: it may be ended at any time meanwhile, but not at once while it hands over what came of it.

    Whoever reads the other end of the pipe would wait for the rest for ever.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        return fn(*args, **kwargs)
    finally:
        signal.signal(signal.SIGTERM, partial(_end_later, monotonic() + HANDING_OVER_S))


def _end_later(time_s: float, _number: int, _frame: object) -> None:
    Thread(target=_end_at, args=(time_s,), daemon=True).start()


def _end_at(time_s: float) -> None:
    sleep(max(time_s - monotonic(), 0.0))
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def _stop(pool: ProcessPoolExecutor, workers: Sequence[BaseProcess]) -> None:
    """End a pool now, without waiting for the runs that are under way."""
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join()


@contextmanager
def _dask_executor(jobs: int, dask: str) -> Iterator[Executor]:
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise CoexsimError("runs on Dask need its package: pip install 'coexsim[dask]'") from None
    with contextlib.ExitStack() as stack:
        if dask == "local":
            cluster = distributed.LocalCluster(
                n_workers=jobs, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
            )
            client = stack.enter_context(distributed.Client(stack.enter_context(cluster)))
        else:
            try:
                client = stack.enter_context(distributed.Client(dask, timeout=ANSWER_WITHIN))
            except (OSError, ValueError) as error:
                raise CoexsimError(f"no Dask scheduler answers at {dask!r}: {error}") from None
        _check_workers(client)
        yield client.get_executor(retries=RETRIES)


def _check_workers(client: Any) -> None:
    """All workers have the coexsim that we have: others would give other tables."""
    from coexsim import __version__

    try:
        found = client.run(_version_there)
    except Exception as error:
        raise CoexsimError(f"the Dask workers cannot load coexsim; install it there: {error}") from None
    for address, there in found.items():
        if there != __version__:
            raise CoexsimError(
                f"the Dask worker {address} has coexsim {there}, this is {__version__}; install one for all"
            )


def _version_there() -> str:
    from coexsim import __version__

    return __version__


def run_all(
    executor: Executor | None, function: Callable[..., T], calls: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[int, T]]:
    """Call `function` with each of the argument tuples; yields (index of the call, result) as they become ready.

    Arguments are positional, so that any executor can take them. Beside processes of this machine the caller does a share itself.
    When it stops (Ctrl-C), what is done was yielded, and what has not begun is cancelled. Raises `CoexsimError` where a worker
    process died.
    """
    with in_notebook(f"{len(calls)} runs", len(calls)) as tell:
        for done, found in enumerate(_each(executor, function, calls), start=1):
            if tell:
                tell(done)
            yield found


def _each(
    executor: Executor | None, function: Callable[..., T], calls: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[int, T]]:
    if executor is None:
        for index, call in enumerate(calls):
            yield index, function(*call)
        return
    if isinstance(executor, _Pool):
        yield from _shared(executor, function, calls)
        return
    waiting = {executor.submit(function, *call): index for index, call in enumerate(calls)}
    try:
        for future in as_completed(list(waiting)):
            yield waiting.pop(future), result_of(future)
    finally:
        for future in waiting:
            future.cancel()


def _shared(pool: _Pool, function: Callable[..., T], calls: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, T]]:
    """Who is free takes the next call: each process of the pool, watched by a thread that hands it the next one, and the caller.

    (A pool's own queue holds more calls than it has processes, which nobody could take back.)
    """
    left = deque(range(len(calls)))
    done: SimpleQueue[tuple[int, Future[T]]] = SimpleQueue()

    def watch(index: int, future: Future[T]) -> None:
        while True:
            wait([future])
            done.put((index, future))
            if future.cancelled() or future.exception() is not None or (following := _next(left)) is None:
                return
            index, future = following, _begun(pool, function, calls[following])

    to_come = len(calls)
    try:
        while len(calls) - len(left) < pool.workers and (index := _next(left)) is not None:
            Thread(target=watch, args=(index, pool.submit(function, *calls[index])), daemon=True).start()
        while to_come:
            if (mine := _next(left)) is not None:
                try:
                    found = function(*calls[mine])
                except KeyboardInterrupt:
                    while not done.empty():
                        yield _result(*done.get())
                    raise
                to_come -= 1
                yield mine, found
            while to_come and (mine is None or not done.empty()):
                to_come -= 1
                yield _result(*done.get())
    finally:
        left.clear()


def _next(left: deque[int]) -> int | None:
    """The next call that nobody has taken."""
    try:
        return left.popleft()
    except IndexError:
        return None


def _begun(pool: _Pool, function: Callable[..., T], call: tuple[Any, ...]) -> Future[T]:
    """A call that was handed over; failed where the pool has ended."""
    try:
        return pool.submit(function, *call)
    except RuntimeError as error:
        failed: Future[T] = Future()
        failed.set_exception(error)
        return failed


def _result(index: int, future: Future[T]) -> tuple[int, T]:
    return index, result_of(future)


def result_of(future: Future[T]) -> T:
    """The result of a call, waited for. Raises `CoexsimError` where its worker process died."""
    try:
        return future.result()
    except BrokenProcessPool:
        raise CoexsimError(_say_died()) from None


def _say_died() -> str:
    """Why a worker may have died: of a script's it is most often that it imports the script, which starts runs anew."""
    memory = "for want of memory, then try again with fewer jobs"
    main = sys.modules.get("__main__")
    script = getattr(main, "__file__", None)
    if script is None or getattr(main, "__spec__", None) is not None:
        return f"a worker process died: perhaps {memory}"
    return (
        f"the worker processes ended: each imports {script} first, which must not start runs then; put what it does under "
        f'if __name__ == "__main__": (or ask for jobs=1). Where it does so already, they died perhaps {memory}'
    )
