"""One fuzz case: a damaged scenario through a command, or a random world through a run. A fault is a sentence; None is a pass."""

from __future__ import annotations

import atexit
import contextlib
import io
import random
import re
import shutil
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from pathlib import Path

from coexsim.cli import run
from coexsim.engine.choice import not_covered
from tests.engine.both import assert_same, compiled, reference
from tests.engine.random_worlds import random_world
from tests.fuzz.damage import FOLDERS, ROOT, damaged

COMMANDS = ("check", "trace", "diff", "check", "trace", "diff", "explain")  # explain draws mail: it takes longer
PEOPLE = (
    "iUser1",
    "dUser1@corporate.com",
    "iUser2@corporate.com",
    "someuser@otherdomain.com",
    "nonexistent@corporate.com",
    "",
)
ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+\w")  # the scenario's own people, beside those of the article
TRACES: tuple[list[str], ...] = (
    [], ["--json"], ["--dsn"], ["--at", "3 h"], ["--size", "26 MB"], ["--via-mx", "--from-outside"], ["--down", "onprem"],
    ["--undeclared-size", "--size", "1 GB"],
)  # fmt: skip
FORMATS = tuple(["--format", name] for name in ("json", "junit", "github", "sarif", "markdown"))


def damaged_scenario(seed: int) -> str | None:
    """A damaged scenario through `check`, `trace`, `explain` or `diff`: exit code 0 to 3, no traceback, nothing that we call our bug."""
    path, text = damaged(seed)
    rnd = random.Random(f"command {seed}")
    original = _copies() / path.relative_to(ROOT)
    file = original.with_name("damaged.yaml")  # beside the original, so that `extends` still finds its base
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    people = (*PEOPLE, *ADDRESS.findall(text))
    return _command(COMMANDS[seed % len(COMMANDS)], str(file), str(original), people, rnd)


@lru_cache(maxsize=1)
def _copies() -> Path:
    """A copy of all scenarios at the places they have here, one a process."""
    copies = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, copies, ignore_errors=True)
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copies / folder)
    return copies


def _command(name: str, file: str, original: str, people: Sequence[str], rnd: random.Random) -> str | None:
    formats = rnd.choice((*([] for _ in range(4)), *FORMATS))
    arguments = {
        "check": [file, *formats, *rnd.choice(([], ["--strict"]))],
        "trace": [file, rnd.choice(people), rnd.choice(people), *rnd.choice(TRACES)],
        "explain": [file, *rnd.choice(([], ["--json"]))],
        "diff": [original, file, *formats],
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
    """A random world by both engines: it ends, their tables are the same, and every recipient has one outcome."""
    scenario = next(found for number in count(1000 * seed) if (found := random_world(number)) is not None)
    results = reference(scenario, seed=seed)
    if len(results.mail) == 0:
        return "nothing was sent"
    if not_covered(scenario) is None:
        assert_same(results, compiled(scenario, seed=seed))
    counted = int(results.mail["recipients"].sum())
    results.conservation()
    if counted != results.provenance["sent"]:
        return f"{results.provenance['sent']} recipients were sent mail, {counted} stand in the table"
    return None
