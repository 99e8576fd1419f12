"""``python -m tests.fuzz``: thousands of cases in processes of their own, each with a time limit; seeds and counts are printed.

A case that fails is told with its seed: ``python -m tests.fuzz --kind damaged --first SEED --count 1`` repeats it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
import time
from collections import Counter
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from coexsim.engine.cache import load_kernel
from tests.fuzz.worker import CASES, CPU_LIMIT_S, work

KINDS = tuple(CASES)
WALL_LIMIT_S = (
    3600.0  # of a case that waits for ever; its processor time is limited by the worker, whatever else the machine does
)


class Worker(NamedTuple):
    """A process that works on one case at a time."""

    process: BaseProcess
    pipe: Connection


def main() -> int:
    """Run the cases; exit code 1 if any failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--kind", choices=KINDS, action="append", help="which cases; both unless given")
    parser.add_argument(
        "--count", type=int, help="cases of each kind; by default 200000 damaged scenarios and 3000 worlds"
    )
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so long")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    asked = parser.parse_args()
    failed = 0
    load_kernel()  # compiled before the first case, whose processor time is limited
    for kind in asked.kind or KINDS:
        count = asked.count or (200_000 if kind == "damaged" else 3_000)
        failed += _all(kind, range(asked.first, asked.first + count), asked.jobs, time.monotonic() + asked.minutes * 60)
    return int(failed > 0)


def _all(kind: str, seeds: range, jobs: int, until_s: float) -> int:
    counts: Counter[str] = Counter()
    todo = iter(seeds)
    begun: dict[Worker, tuple[int, float]] = {}
    idle = [_worker(kind) for _ in range(jobs)]
    worst_s, worst_seed, told_s = 0.0, -1, time.monotonic()
    while True:
        while idle and time.monotonic() < until_s and (seed := next(todo, None)) is not None:
            worker = idle.pop()
            worker.pipe.send(seed)
            begun[worker] = (seed, time.monotonic())
        if not begun:
            break
        ready = set(wait([worker.pipe for worker in begun], timeout=0.5))
        for worker in list(begun):
            seed, at_s = begun[worker]
            took_s = time.monotonic() - at_s
            if worker.pipe in ready:
                fault = _answer(worker, kind)
            elif took_s > WALL_LIMIT_S:
                fault = f"took more than {WALL_LIMIT_S:.0f} s"
            else:
                continue
            del begun[worker]
            worst_s, worst_seed = max((worst_s, worst_seed), (took_s, seed))
            counts["failed" if fault else "passed"] += 1
            if fault:
                print(f"{kind} {seed}: {fault}", flush=True)
            if (fault and not worker.process.is_alive()) or took_s > WALL_LIMIT_S:
                worker.process.kill()
                worker = _worker(kind)
            idle.append(worker)
        if time.monotonic() > told_s + 60:
            told_s = time.monotonic()
            print(f"{kind}: {dict(counts)}", file=sys.stderr, flush=True)
    for worker in idle:
        worker.process.kill()
    print(f"{kind}: {counts['passed'] + counts['failed']} cases from seed {seeds.start}, {counts['failed']} failed; "
          f"the slowest took {worst_s:.1f} s (seed {worst_seed})", flush=True)  # fmt: skip
    return counts["failed"]


def _answer(worker: Worker, kind: str) -> str | None:
    try:
        answer: str | None = worker.pipe.recv()
    except (EOFError, ConnectionError):
        worker.process.join(1)
        if worker.process.exitcode == -signal.SIGPROF:
            return f"took more than {CPU_LIMIT_S[kind]} s of processor time"
        return f"the process died ({worker.process.exitcode})"
    return answer


def _worker(kind: str) -> Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(kind, theirs), daemon=True)
    process.start()
    theirs.close()
    return Worker(process, ours)


if __name__ == "__main__":
    sys.exit(main())
