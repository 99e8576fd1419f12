"""ARCHITECTURE.md names every file that a message passes: one is followed, by `trace` and by both engines."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import coexsim
from coexsim.engine.cache import KERNEL
from coexsim.experiment.run import simulate
from coexsim.mail.trace import trace
from coexsim.scenario.load import load_scenario

PACKAGE = Path(coexsim.__file__).parent
WALK = (PACKAGE / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROOMS = ("mail", "sim", "engine")


def files_passed(act: Callable[[], object]) -> set[str]:
    """The files of the rooms that decide and take time whose functions are called, such as ``mail/dns.py``."""
    passed: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            passed.add(frame.f_code.co_filename)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(before)
    ours = (Path(name).relative_to(PACKAGE) for name in passed if name.startswith(f"{PACKAGE}/"))
    return {path.as_posix() for path in ours if path.parts[0] in ROOMS}


def not_named(files: set[str], walk: str = WALK) -> set[str]:
    """Those that the text does not name; the files of products are named by their room."""
    named = set(re.findall(r"`(\w+(?:/\w+)*\.py)`", walk))
    return {name for name in files - named if not (name.startswith("mail/products/") and "`mail/products`" in walk)}


def test_the_page_names_every_file_that_a_trace_passes() -> None:
    """A message between hosted people, one that is too large, and one to an unknown address."""
    scenario = load_scenario("scenarios/article/environment.yaml")

    def act() -> None:
        trace(scenario, "iUser1", "iUser2")
        trace(scenario, "iUser1", "dUser1", size_bytes=40_000_000)
        trace(scenario, "someuser@otherdomain.com", "nonexistent@corporate.com")

    passed = files_passed(act)
    assert not_named(passed) == set()
    assert {"mail/trace_driver.py", "mail/dialogue.py", "mail/delivery.py", "mail/dsn.py"} <= passed
    assert not_named(passed, WALK.replace("`mail/dsn.py`", "")) == {"mail/dsn.py"}


def test_the_page_names_every_file_that_the_simulation_passes() -> None:
    """The article's eight flows in the reference engine."""
    scenario = load_scenario("scenarios/article/flows.yaml")

    passed = files_passed(lambda: simulate(scenario, engine="reference"))

    assert not_named(passed) == set()
    assert {"sim/journey.py", "sim/transfer.py", "sim/session.py", "mail/delivery.py"} <= passed
    assert not_named(passed, WALK.replace("`sim/build.py`", "")) == {"sim/build.py"}


def test_the_page_names_every_file_that_the_compiled_engine_passes() -> None:
    """The same flows; what is compiled is not seen to be called, but the kernel is all of its modules."""
    scenario = load_scenario("scenarios/article/flows.yaml")

    passed = files_passed(lambda: simulate(scenario, engine="compiled")) | {f"engine/{name}.py" for name in KERNEL}

    assert not_named(passed) == set()
    assert {"engine/drive.py", "engine/births.py", "engine/rows.py", "engine/finish.py"} <= passed
    assert not_named(passed, WALK.replace("`engine/host_steps.py`", "")) == {"engine/host_steps.py"}


def test_the_page_names_every_file_of_the_reference() -> None:
    """Those too that only some runs pass."""
    files = {f"sim/{file.name}" for file in (PACKAGE / "sim").glob("*.py") if file.name != "__init__.py"}

    assert len(files) > 25
    assert not_named(files) == set()
    assert not_named(files, WALK.replace("`sim/binned.py`", "")) == {"sim/binned.py"}
