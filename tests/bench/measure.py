"""One measurement in a process of its own: ``python -m tests.bench.measure WHAT MESSAGES`` prints a line of JSON.

Seconds are of the processor, so that what else the machine does at the time counts less. Peak memory is that of the process, above
what it needed before the run.
"""

from __future__ import annotations

import gc
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, NamedTuple

from coexsim.engine.choice import Engine

if TYPE_CHECKING:
    import pandas as pd

SEVEN = Path(__file__).with_name("seven-classes.yaml")
YARDSTICK = "cef34bd"  # the last commit with one engine alone: a loop of generators written for speed
LOADED_DAY = "scenarios/load/corporate-20k.yaml"


class Measurement(NamedTuple):
    """What a run took."""

    messages: int
    rows: int
    seconds: float
    peak_bytes: int

    @property
    def per_s(self) -> float:
        """Messages per second, bounces not counted."""
        return self.messages / self.seconds


def in_own_process(what: str, messages: int, tree: Path | None = None) -> Measurement:
    """Measure in a fresh process, with the sources of another tree where one is given."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.measure", what, str(messages)], capture_output=True, text=True, check=True,
        cwd=tree, env=None if tree is None else os.environ | {"PYTHONPATH": str(tree)},
    )  # fmt: skip
    return Measurement(*json.loads(done.stdout))


def naive(messages: int) -> tuple[int, int]:
    """The plain SimPy program."""
    from tests.bench.naive_seven import run

    rows = run(messages)
    return messages, len(rows)


def earlier(folder: Path) -> Path | None:
    """The sources of the yardstick, put into a folder; None where the repository does not hold that commit."""
    archive = subprocess.run(["git", "archive", YARDSTICK], capture_output=True, check=False)
    if archive.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def mail_of(file: str | Path, messages: int, engine: Engine = "compiled", *, stream: bool = False) -> pd.DataFrame:
    """The `mail` table of a scenario over a length that gives about so many messages of its load (0: as it is)."""
    from coexsim.experiment.engines import ran
    from coexsim.experiment.run import results_of
    from coexsim.scenario.load import changed, load_scenario

    scenario = load_scenario(file)
    if messages:
        assert scenario.load is not None
        rate_per_s = sum(stream.rate for stream in scenario.load.streams)
        scenario = changed(scenario, {"run.length": f"{messages / rate_per_s} s"})
    world, _ = ran(scenario, scenario.run.seed, 0, engine=engine, stream=stream)
    return results_of(world).mail


def coexsim(file: str | Path, messages: int, engine: Engine = "compiled", *, stream: bool = False) -> tuple[int, int]:
    """A run of a scenario, as `mail_of` makes it: its messages, and its rows."""
    mail = mail_of(file, messages, engine, stream=stream)
    if stream:
        return int(mail["rows"][mail["kind"] == "mail"].sum()), int(mail["rows"].sum())
    return int((mail["kind"] == "mail").sum()), len(mail)


WHAT: dict[str, Callable[[int], tuple[int, int]]] = {
    "naive": naive,
    "seven": partial(coexsim, SEVEN),
    "seven, streamed": partial(coexsim, SEVEN, stream=True),
    "seven, reference": partial(coexsim, SEVEN, engine="reference"),
    "loaded day": partial(coexsim, LOADED_DAY),
    "loaded day, reference": partial(coexsim, LOADED_DAY, engine="reference"),
}


def main(what: str, messages: int) -> None:
    """Run it and print what it took."""
    WHAT["naive" if what == "naive" else "seven"](1000)  # imports, first calls
    gc.collect()
    before = peak_bytes()
    begin_s = process_time()
    count, rows = WHAT[what](messages)
    seconds = process_time() - begin_s
    print(json.dumps([count, rows, seconds, peak_bytes() - before]))


def peak_bytes() -> int:
    """The most memory that this process ever had. (`getrusage` would count the parent's before it became this one.)"""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    words = status.read_text().split()
    return 1024 * int(words[words.index("VmHWM:") + 1])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
