"""One fuzz case: a damaged scenario through a command, or a random world through a run. A fault is a sentence; None is a pass."""

from __future__ import annotations

import atexit
import contextlib
import io
import random
import shutil
import tempfile
from functools import lru_cache
from itertools import count
from pathlib import Path

from coexsim.cli import run
from coexsim.engine.choice import not_covered
from coexsim.experiment.run import simulate
from tests.engine.random_worlds import random_world
from tests.fuzz.damage import FOLDER, damaged

COMMANDS = ("check", "trace", "diff", "check", "trace", "diff", "explain")  # explain draws mail: it takes longer
PEOPLE = (
    "iUser1",
    "dUser1@corporate.com",
    "iUser2@corporate.com",
    "someuser@otherdomain.com",
    "nonexistent@corporate.com",
    "",
)


def damaged_scenario(seed: int) -> str | None:
    """A damaged scenario through `check`, `trace`, `explain` or `diff`: exit code 0 to 3, no traceback, nothing that we call our bug."""
    path, text = damaged(seed)
    rnd = random.Random(f"command {seed}")
    original = _copies() / path.relative_to(FOLDER)
    file = original.with_name("damaged.yaml")  # beside the original, so that `extends` still finds its base
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    return _command(COMMANDS[seed % len(COMMANDS)], str(file), str(original), rnd)


@lru_cache(maxsize=1)
def _copies() -> Path:
    """A copy of all scenarios, one a process."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(shutil.copytree(FOLDER, folder / "scenarios"))


def _command(name: str, file: str, original: str, rnd: random.Random) -> str | None:
    arguments = {
        "check": [file],
        "trace": [
            file,
            rnd.choice(PEOPLE),
            rnd.choice(PEOPLE),
            *rnd.choice(([], ["--json"], ["--dsn"], ["--at", "3 h"])),
        ],
        "explain": [file],
        "diff": [original, file],
    }[name]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([name, *arguments])
    said = out.getvalue() + err.getvalue()
    if code not in (0, 1, 2, 3):
        return f"{name}: exit code {code}: {_last_line(err.getvalue())}"
    if "Traceback (most recent call last)" in said:
        return f"{name}: a traceback: {_last_line(said)}"
    if code == 2 and not err.getvalue().strip():
        return f"{name}: exit code 2 without a word"
    if any(sign in said for sign in ("\x1b]", "\x00", "\u202e")):
        return f"{name}: control characters reach the terminal"
    return None


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().split("\n") if not line.startswith("Please report")]
    return lines[-1][:300] if lines else "nothing was said"


def world(seed: int) -> str | None:
    """A random world, run with its own accounting: it ends, and every recipient has one outcome (asserted by the run itself)."""
    scenario = next(found for number in count(1000 * seed) if (found := random_world(number)) is not None)
    by_reference = seed % 10 == 0 or not_covered(scenario) is not None
    mail = simulate(scenario, seed=seed, engine="reference" if by_reference else "compiled").mail
    return None if len(mail) else "nothing was sent"
