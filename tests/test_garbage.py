"""A command spends no time on Python's search for objects that hold each other."""

from __future__ import annotations

import subprocess
import sys

COUNTED = """
import atexit, gc, sys
from coexsim.cli import main
searches = []
gc.callbacks.append(lambda phase, info: searches.append(info["generation"]) if phase == "start" else None)
atexit.register(lambda: print(len(searches), gc.get_freeze_count(), file=sys.stderr))
main(["check", "scenarios/article/as-printed.yaml"])
"""


def test_a_command_hardly_looks_for_cycles() -> None:
    """Not while it runs, where each 700 objects began a search, nor through all that is loaded when it ends."""
    done = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True, check=False)

    assert done.returncode in (0, 1), done.stderr
    searches, frozen = map(int, done.stderr.split()[-2:])
    assert searches <= 5
    assert frozen > 10_000
