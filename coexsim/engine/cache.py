"""Where the compiled kernel is kept between runs, and whether it can be had.

Numba looks at the file of a function only, not at what it calls in others: so the folder is named by a hash of all sources that are
compiled, and a changed source means another folder.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import parent_process
from pathlib import Path
from shutil import copytree, ignore_patterns
from types import ModuleType

from coexsim.errors import CoexsimError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

PACKAGE = Path(__file__).parents[1]
KERNEL = (
    "steps", "event_heap", "downtimes", "stations", "pools", "copies", "fair_links", "asking", "lookup_steps", "entry_steps",
    "server_steps", "host_steps", "transfer_steps", "session_steps", "interruptions", "failure_steps", "next_event", "kernel",
)  # fmt: skip
"""The modules that the kernel's code stands in; a later one calls what is in those before it."""
SOURCES = (
    *(f"engine/{name}.py" for name in ("layout", "shared", "compiling", *KERNEL, "folding", "spreading")),
    "sim/formulas.py", "sim/buckets.py", "sim/clock.py", "sim/mail_row.py", "sim/recorder.py", "mail/retry.py", "mail/dsn.py",
)  # fmt: skip
FOLDER = "NUMBA_CACHE_DIR"


@cache
def fingerprint() -> str:
    """What tells the compiled code of these sources from that of others."""
    found = hashlib.sha256()
    for name in SOURCES:
        found.update((PACKAGE / name).read_bytes())
    return found.hexdigest()[:16]


def _folders() -> tuple[Path, ...]:
    """Where compiled code may be kept: where Numba is told to keep its own, beside the sources, or in the user's own cache."""
    caches = os.environ.get("XDG_CACHE_HOME")
    users = Path(caches) if caches else Path(os.path.expanduser("~")) / ".cache"
    asked_for = (Path(os.environ[FOLDER]) / "coexsim",) if os.environ.get(FOLDER) else ()
    places = (*asked_for, PACKAGE / "engine" / "__pycache__", users / "coexsim")
    return tuple(place / f"kernel-{fingerprint()}" for place in places)


@cache
def folder() -> Path | None:
    """The first of the folders that can be written; None where none can."""
    for candidate in _folders():
        try:
            candidate.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=candidate):
                return candidate
        except OSError:
            continue
    return None


def is_compiled() -> bool:
    """Whether the kernel was compiled before, and is kept, if only where others may write."""
    return _ready() is not None


def _ready() -> Path | None:
    """The first folder that holds the kernel: the one that can be written, else one that can be read."""
    kept = folder()
    places = (*([] if kept is None else [kept]), *_folders())
    return next((place for place in places if _holds_kernel(place)), None)


def _holds_kernel(place: Path) -> bool:
    try:
        return any(place.rglob("kernel.run-*.nbc"))
    except OSError:  # it may not be looked into
        return False


def unavailable() -> str | None:
    """Why there is no compiled engine on this machine; None where there is one."""
    loaded: ModuleType | None = sys.modules.get("numba")
    if loaded is None and "numba" in sys.modules:
        return "Numba cannot be imported"
    if loaded is not None:
        return None
    return None if find_spec("numba") is not None else "Numba is not installed"


def not_importable() -> str | None:
    """Why Numba, which is installed, cannot be imported or may not compile; None where it can. It takes a moment: not for short runs."""
    try:
        numba = import_module("numba")
    except (ImportError, OSError) as error:  # OSError: the library of LLVM is missing, or is another machine's
        return f"Numba cannot be imported: {error}"
    return "NUMBA_DISABLE_JIT forbids Numba to compile" if numba.config.DISABLE_JIT else None


@cache
def load_kernel() -> ModuleType:
    """The kernel, compiled if it was not before, or if what is kept of it is damaged. Raises ImportError where Numba cannot be imported.

    Of several processes that find nothing one compiles; the others wait for it and take what it keeps. What somebody else has compiled,
    and only they may write, is copied. Raises `CoexsimError` where it has to be compiled and no disk has room for it.
    """
    if why := not_importable():
        raise ImportError(why)
    kept = folder()
    if kept is None:
        return _made_for_now("no folder for it can be written")
    if _holds_kernel(kept):
        with suppress(_DamagedError):
            return _kept(kept)
    try:
        with alone(kept):
            _take_over(kept)
            return _made(kept, "once for this installation")
    except OSError as error:
        return _made_for_now(f"it cannot be kept in {kept} ({error.strerror})")


def _made_for_now(why: str) -> ModuleType:
    """The kernel for this process alone. Raises `CoexsimError` where the system's temporary folder has no room either."""
    try:
        with tempfile.TemporaryDirectory(prefix="coexsim-kernel-") as place:
            with suppress(OSError):
                _take_over(Path(place))
            return _made(Path(place), f"for this run, as {why}")
    except OSError as error:
        raise CoexsimError(
            f"the engine cannot be compiled ({error.strerror}), and {why}; use --engine reference"
        ) from None


def _take_over(place: Path) -> None:
    """Copy the kernel from where it can only be read, if it is there. Raises `OSError`, and leaves no part of it then."""
    ready = _ready()
    if ready is None or ready == place:
        return
    try:
        copytree(ready, place, ignore=ignore_patterns("compiling"), dirs_exist_ok=True)
    except OSError:
        _clear(place)
        raise


def _clear(place: Path) -> None:
    for file in place.rglob("*.nb[ci]"):
        file.unlink(missing_ok=True)


def _made(place: Path, how_often: str) -> ModuleType:
    """The kernel that is kept in a folder, or else is compiled there."""
    if _holds_kernel(place):
        try:
            return _kept(place)
        except _DamagedError:
            print(f"coexsim: what is kept of the engine in {place} cannot be read", file=sys.stderr)
            _clear(place)
    return _compiled(str(place), how_often)


class _DamagedError(Exception):
    """What is kept of the kernel cannot be read."""


def _kept(kept: Path) -> ModuleType:
    """The kernel as it was compiled before. Raises `_DamagedError`; a mistake in a source is found when it is compiled anew."""
    try:
        return _imported(str(kept))
    except ImportError:
        raise
    except Exception as error:
        raise _DamagedError from error


def _compiled(place: str, how_often: str) -> ModuleType:
    """The kernel, compiled. The process that a user sees says so."""
    if parent_process() is None:
        print(f"coexsim: compiling the engine, {how_often} (a quarter of a minute) ...", file=sys.stderr)
    return _imported(place)


@contextmanager
def alone(kept: Path) -> Iterator[None]:
    """Wait until no other process compiles into the folder `kept`, and hold the others up meanwhile.

    The lock is the system's: a process that ends, however it does, makes way for the next.
    """
    if fcntl is None:
        yield
        return
    with (kept / "compiling").open("w") as file:
        with suppress(OSError):  # a file system without locks: each compiles for itself
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compile_steps() -> None:
    """Compile what the loop calls before it is compiled itself."""
    from coexsim.engine.compiling import compile_ahead

    for name in KERNEL[:-1]:
        import_module(f"coexsim.engine.{name}")
    compile_ahead()


def _imported(place: str) -> ModuleType:
    """The modules of compiled code, which Numba keeps in a folder."""
    from numba import config

    before = config.CACHE_DIR  # type: ignore[attr-defined]  # made from the environment when Numba is imported
    config.CACHE_DIR = place  # type: ignore[attr-defined]
    collects = gc.isenabled()
    gc.disable()  # a tenth of the time to compile, for 100 MB that are given back after it
    try:
        if not _holds_kernel(Path(place)):
            _compile_steps()
        from coexsim.engine import folding, kernel, spreading  # noqa: F401 - compiled when they are imported
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]
        if collects:
            gc.enable()
    return kernel
