"""The compiled kernel is kept in the folder that its sources name, whoever imported Numba first."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread
from time import monotonic
from types import ModuleType

import pytest

from coexsim.engine import cache
from coexsim.engine.cache import folder, load_kernel
from coexsim.errors import CoexsimError


@pytest.mark.parametrize("first", ["numba", "coexsim.engine.births"])
def test_the_kernel_is_kept_in_its_folder_whatever_was_imported_before(first: str) -> None:
    """In another folder it would be compiled again, and a stale one found after a change of the sources."""
    kept = folder()
    assert kept is not None
    load_kernel()
    code = f"import {first}\nfrom coexsim.engine.cache import load_kernel\nprint(load_kernel().run.stats.cache_path)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert told.stdout.startswith(str(kept)), told.stdout
    assert told.stderr == "", "it was compiled again"


def test_of_processes_that_begin_at_once_one_compiles(tmp_path: Path) -> None:
    """The others wait for it, and take what it keeps."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    code = "import sys\nfrom coexsim.engine import cache\ncache._folders = lambda: (cache.Path(sys.argv[1]),)\ncache.load_kernel()"
    command = [sys.executable, "-c", code, str(tmp_path)]
    both = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate()[1] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sorted(said.count("compiling the engine") for said in told) == [0, 1], told
    assert len(list(tmp_path.rglob("kernel.run-*.nbi"))) == 1


def test_who_compiles_and_is_killed_makes_way(tmp_path: Path) -> None:
    """What it held up is held up no longer."""
    code = """
import sys, time
from pathlib import Path
from coexsim.engine.cache import alone
with alone(Path(sys.argv[1])):
    print("here", flush=True)
    time.sleep(60)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "here\n"
    got_in: list[float] = []

    def go_in() -> None:
        with cache.alone(tmp_path):
            got_in.append(monotonic())

    waiter = Thread(target=go_in, daemon=True)
    waiter.start()
    waiter.join(0.3)
    assert got_in == []
    holder.kill()
    holder.communicate()
    waiter.join(20)
    assert len(got_in) == 1


def test_where_no_folder_can_be_written_nothing_is_left(tmp_path: Path) -> None:
    """It is compiled for this run alone, and says so; the folder that Numba needs meanwhile goes."""
    (tmp_path / "file").write_text("")
    code = """
import sys
from coexsim.engine import cache
cache._folders = lambda: (cache.Path(sys.argv[1]) / "kernel",)
print(cache.load_kernel().run.signatures)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", code, str(tmp_path / "file")]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    assert "for this run, as no folder for it can be written" in told.stderr
    assert told.stdout.startswith("[(int64")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


LOADED = """
import sys
from coexsim.engine import cache
theirs, mine = map(cache.Path, sys.argv[1:3])
cache._folders, cache.folder = (lambda: (theirs, mine)), (lambda: mine if mine.is_dir() else None)
print(cache.is_compiled(), cache.load_kernel().run.signatures)
"""


@pytest.mark.parametrize("own", [True, False], ids=["into one's own folder", "for this run"])
def test_what_an_administrator_compiled_is_taken_by_who_may_only_read_it(own: bool, tmp_path: Path) -> None:
    """It is copied, and nothing is compiled: into one's own cache, or where there is none into a temporary folder, which goes."""
    load_kernel()
    kept = folder()
    assert kept is not None
    mine, temporary = tmp_path / "mine", tmp_path / "temporary"
    temporary.mkdir()
    if own:
        mine.mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", LOADED, str(kept), str(mine)]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    assert told.stdout.startswith("True [(int64")
    assert told.stderr == ""
    assert list(temporary.iterdir()) == []
    assert any(mine.rglob("kernel.run-*.nbc")) == own


def test_a_full_disk_is_no_reason_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be kept is compiled for the run, in the temporary folder; where that is full too it is said what would do."""

    def import_into(place: str) -> ModuleType:
        if Path(place) in full or full == {None}:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return sys

    full: set[Path | None] = {tmp_path}
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    monkeypatch.setattr(cache, "_folders", lambda: (tmp_path,))
    monkeypatch.setattr(cache, "_imported", import_into)

    assert load_kernel.__wrapped__() is sys
    assert f"for this run, as it cannot be kept in {tmp_path} (No space left on device)" in capsys.readouterr().err
    full = {None}
    with pytest.raises(CoexsimError, match=r"cannot be compiled \(No space left.*use --engine reference"):
        load_kernel.__wrapped__()
