"""The yardstick in C: ``cimba_seven.c``, built with an installed Cimba (https://github.com/ambonvik/cimba) where there is one.

CIMBA_HOME names the folder that Cimba was installed into (``meson install`` with that prefix); CC the compiler, if it is not ``cc``.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.bench.measure import Measurement

SOURCE = Path(__file__).with_name("cimba_seven.c")
HOME = "CIMBA_HOME"


class CimbaRun(NamedTuple):
    """What a run of the program took, and what it found."""

    took: Measurement
    wait_s: dict[str, float]
    """The mean wait for a worker, by station."""
    delay_s: dict[str, float]
    """The mean delay, by flow."""


def build(folder: Path) -> Path | None:
    """The program, in a folder; None where no Cimba is named. Raises `subprocess.CalledProcessError` where it cannot be built."""
    home = os.environ.get(HOME)
    if not home:
        return None
    library = next(Path(home).rglob("libcimba.so")).parent
    program = folder / "cimba_seven"
    subprocess.run(
        [
            os.environ.get("CC", "cc"), "-std=gnu2x", "-O3", "-I", Path(home) / "include", SOURCE, "-o", program,
            "-L", library, f"-Wl,-rpath,{library}", "-lcimba", "-lm",
        ],
        check=True,
    )  # fmt: skip
    return program


def run(program: Path, way: str, messages: int, seed: int = 1) -> CimbaRun:
    """Run it: `way` is "workers" (a process for each) or "processes" (one for each message)."""
    done = subprocess.run([program, way, str(messages), str(seed)], capture_output=True, text=True, check=True)
    *took, wait_s, delay_s = json.loads(done.stdout)
    return CimbaRun(Measurement(*took), wait_s, delay_s)
