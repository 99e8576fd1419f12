"""How long the quick commands take from the shell. Run by `make bench`; wall-clock time, so on a machine that does nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest

pytestmark = pytest.mark.bench
RUNS = 7
MOST_STARTS = 20  # so many times as long as Python takes to do nothing
COEXSIM = str(Path(sys.executable).with_name("coexsim"))
COMMANDS = {
    "--help": [COEXSIM, "--help"],
    "trace": [COEXSIM, "trace", "scenarios/article/environment.yaml", "iUser1@corporate.com", "iUser2@corporate.com"],
    "check": [COEXSIM, "check", "scenarios/article"],
}


def took_ms(command: list[str]) -> float:
    begin = perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return 1000 * (perf_counter() - begin)


def test_quick_commands_answer_at_once() -> None:
    """Help, a trace and a check of the article's folder: medians within 20 times a bare Python's start, taken in turn."""
    commands = {"python -c pass": [sys.executable, "-c", "pass"], **COMMANDS}
    for command in commands.values():
        took_ms(command)
    runs: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            runs[name].append(took_ms(command))
    bare_ms = median(runs["python -c pass"])
    print(f"\nfrom the shell, {RUNS} runs in turn")
    for name, times_ms in runs.items():
        times = median(times_ms) / bare_ms
        print(
            f"  {name:<16} median {median(times_ms):.0f} ms, {min(times_ms):.0f} to {max(times_ms):.0f}; {times:.1f} times a bare start"
        )

    assert all(median(runs[name]) < MOST_STARTS * bare_ms for name in COMMANDS)
