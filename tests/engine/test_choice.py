"""Which engine runs: said in one place, with a reason, and nothing breaks where there is no compiler."""

from __future__ import annotations

import sys
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import Any, cast

import pytest

from coexsim.engine import cache, choice
from coexsim.engine.choice import choose, not_covered
from coexsim.errors import CoexsimError
from coexsim.experiment.run import simulate
from coexsim.scenario.machine import SmtpSession
from coexsim.scenario.model import Link, NameServers
from coexsim.scenario.part import Spec
from tests.sim.loaded import loaded
from tests.sim.worlds import WORK, WORLDS

SHORT = loaded("domino", WORK, {"run": {"length": "20 s"}})


@pytest.fixture
def is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "is_compiled", lambda: True)


@pytest.mark.usefixtures("is_compiled")
def test_auto_takes_the_reference_for_short_runs() -> None:
    """Loading the kernel takes about a second: a run that is over by then is the reference's."""
    assert choose(SHORT, "auto", 100).engine == "reference"
    assert choose(SHORT, "auto", 1_000_000) == ("compiled", "longer run")


def test_auto_does_not_compile_for_a_short_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling takes longer than loading, and so does the run that is worth it."""
    monkeypatch.setattr(cache, "is_compiled", lambda: False)

    assert choose(SHORT, "auto", 100_000).engine == "reference"
    assert choose(SHORT, "auto", 2_000_000).engine == "compiled"


@pytest.mark.usefixtures("is_compiled")
def test_what_is_not_covered_runs_by_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the key; asked for by name, the compiled engine says that it cannot."""
    monkeypatch.setitem(cast("dict[Any, Any]", choice.COVERED), SmtpSession, ("tls", "pipelining", "connect_timeout"))
    scenario = loaded("domino", {"servers": {"onprem": {"smtp": {"reuse": "5 s"}}}})

    assert not_covered(scenario) == "servers.onprem.smtp.reuse"
    assert choose(scenario, "auto", 1e6) == ("reference", "the compiled engine does not know servers.onprem.smtp.reuse")
    with pytest.raises(CoexsimError, match=r"servers\.onprem\.smtp\.reuse; use --engine reference"):
        choose(scenario, "compiled", 1e6)


@pytest.mark.parametrize("name", WORLDS)
def test_worlds_of_the_tests_are_covered(name: str) -> None:
    """What the simulation's own tests use is known to the kernel."""
    assert not_covered(loaded("domino", *WORLDS[name])) is None


@pytest.mark.parametrize("part", choice.COVERED)
def test_keys_that_are_covered_exist(part: type[Spec]) -> None:
    """A key that is renamed is renamed in `COVERED` too."""
    assert set(choice.COVERED[part]) <= set(part.model_fields)


def test_a_new_key_of_links_or_name_servers_runs_by_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that the kernel does not know must not be left out in silence; here one that it knows stands for a new one."""
    covered = cast("dict[Any, Any]", choice.COVERED)
    scenario = loaded("domino", {"name_servers": {"answer": "7 ms"}})

    assert not_covered(scenario) is None
    with monkeypatch.context() as patch:
        patch.setitem(covered, Link, ("between", "bandwidth", "up", "down", "name"))
        assert not_covered(scenario) == "links[0].round_trip"
    with monkeypatch.context() as patch:
        patch.setitem(covered, NameServers, ("site", "timeout"))
        assert not_covered(scenario) == "name_servers.answer"


def test_without_numba_everything_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Numba cannot be imported, auto takes the reference and says so."""
    modules: dict[str, Any] = sys.modules  # None stands for what cannot be imported
    monkeypatch.setitem(modules, "numba", None)

    assert choose(SHORT, "auto", 1e7) == ("reference", "Numba cannot be imported")
    with pytest.raises(CoexsimError, match="Numba cannot be imported"):
        choose(SHORT, "compiled", 1e7)


def test_provenance_says_which_engine_it_was() -> None:
    """The engine stands in the provenance, and the tables are the same."""
    one, other = (simulate(SHORT, engine=engine) for engine in ("reference", "compiled"))

    assert (one.provenance["engine"], other.provenance["engine"]) == ("reference", "compiled")
    assert one.mail.equals(other.mail)
    more = [dict(each.provenance["versions"]).keys() for each in (one, other)]
    assert more[1] - more[0] == {"numba", "llvmlite"}


@pytest.mark.parametrize("name", [*cache.KERNEL, "compiling", "spreading"])
def test_the_cache_is_named_by_all_sources_that_are_compiled(name: str) -> None:
    """Every module of ours that a compiled one imports functions or constants from is in the hash."""
    source = (cache.PACKAGE / "engine" / f"{name}.py").read_text(encoding="utf-8")
    assert f"engine/{name}.py" in cache.SOURCES

    for line in source.splitlines():
        if line.startswith("from coexsim.") and " import " in line:
            module, names = line.removeprefix("from coexsim.").split(" import ")
            path = Path(module.replace(".", "/"))
            files = [path.with_suffix(".py")] if (cache.PACKAGE / path.with_suffix(".py")).exists() else [
                path / f"{name.strip()}.py" for name in names.split(",")
            ]  # fmt: skip
            assert {str(file) for file in files} <= set(cache.SOURCES)


def test_a_folder_that_cannot_be_written_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user's own cache serves then; where none can be written there is none."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.delenv(cache.FOLDER, raising=False)
    monkeypatch.setattr(cache, "_folders", lambda: (blocked / "kernel", tmp_path / "cache" / "kernel"))
    cache.folder.cache_clear()
    try:
        assert cache.folder() == tmp_path / "cache" / "kernel"
        monkeypatch.setattr(cache, "_folders", lambda: (blocked / "kernel",))
        cache.folder.cache_clear()
        assert cache.folder() is None
        assert not cache.is_compiled()
    finally:
        cache.folder.cache_clear()


def test_code_of_other_sources_is_not_taken_where_numba_is_told_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Such a folder outlives an installation: in it, too, each state of the sources has a folder of its own."""
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))
    found = []
    for state in ("one", "other"):
        monkeypatch.setattr(cache, "fingerprint", lambda state=state: state)
        cache.folder.cache_clear()
        found.append(cache.folder())
    cache.folder.cache_clear()

    assert found == [tmp_path / "coexsim" / "kernel-one", tmp_path / "coexsim" / "kernel-other"]


def test_what_is_kept_and_cannot_be_read_is_compiled_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files that a crash has cut short: they are removed, others in the folder are not; a mistake in a source is not taken for it."""
    kept, other = tmp_path / "engine" / "kernel.run-1.nbc", tmp_path / "notes.txt"
    kept.parent.mkdir()
    kept.touch()
    other.touch()
    loaded: list[bool] = []

    def load(place: str) -> ModuleType:
        loaded.append(kept.exists())
        if kept.exists():
            raise UnpicklingError("pickle data was truncated")
        assert place == str(tmp_path)
        return sys

    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    monkeypatch.setattr(cache, "_imported", load)

    assert cache.load_kernel.__wrapped__() is sys
    assert loaded == [True, True, False], "once more where no other process is about it"
    assert other.exists()
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"coexsim: what is kept of the engine in {tmp_path} cannot be read"
    assert second.startswith("coexsim: compiling the engine")


def test_numba_whose_libraries_are_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of the kernel is not to blame then, and stays."""

    def without_libraries(name: str) -> ModuleType:
        raise OSError(f"{name}: libLLVM.so: cannot open shared object file")

    monkeypatch.setattr(cache, "import_module", without_libraries)
    assert cache.not_importable() == "Numba cannot be imported: numba: libLLVM.so: cannot open shared object file"
    with pytest.raises(CoexsimError, match=r"libLLVM\.so"):
        choose(SHORT, "compiled", 1e7)


@pytest.mark.usefixtures("is_compiled")
def test_numba_that_may_not_compile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """``NUMBA_DISABLE_JIT`` in the environment: auto takes the reference."""
    from numba import config

    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    assert choose(SHORT, "auto", 1e7) == ("reference", "NUMBA_DISABLE_JIT forbids Numba to compile")
