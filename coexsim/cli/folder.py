"""The folder that a command writes its results into: looked at before the work begins, and what could be kept is said."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from coexsim.cli.streams import say_aside
from coexsim.errors import OutputError, UsageError
from coexsim.experiment.own import why_not_own
from coexsim.experiment.whole import own_name

if TYPE_CHECKING:
    from concurrent.futures import Future

REPORTS = Path("reports")
CANNOT_WRITE = 74
"""Exit code where results could not be written (EX_IOERR of BSD's sysexits.h)."""
PAGES: dict[str, tuple[str, ...]] = {
    "run": (
        "report.html", "delay-by-flow.png", "utilisation.png", "backlog.png", "topology.png", "round-trip.png",
    ),
    "size": ("report.html", "sizing.png"),
    "sweep": ("report.html", "sweep.png", "sweep-[0-9].png", "objectives.csv", "migration.csv"),
    "compare": ("report.html", "differences.png"),
    "fit": ("fit.html", "rates.png", "sizes.png"),
    "validate": ("validation.html", "load.png", "qq.png"),
}  # fmt: skip
"""What each verb writes besides its tables only where it is asked, or has something to show. An outage is a run."""
TABLES: dict[str, tuple[str, ...]] = {
    "run": (
        "mail.parquet", "stages.parquet", "timeline.parquet", "messages.parquet", "dns.parquet", "visits.parquet", "summary.json",
    ),
    "size": ("sizing.parquet", "sizing.json"),
    "sweep": ("sweep.parquet",),
    "compare": ("delays.csv", "outcomes.csv", "servers.csv", "totals.csv"),
    "fit": ("fitted.yaml", "replay.parquet", "fit.json"),
    "validate": ("validation.json",),
    "explore": ("explore.html", "explore.parquet"),
    "trace": ("report.html", "route.png"),
    "explain": ("report.html", "topology.png"),
    "check": ("report.html",),
    "diff": ("report.html",),
    "import": ("report.html",),
}  # fmt: skip
"""What each verb writes always, or always into the folder that it is given."""
PROBE = b"coexsim" * 600  # more than a file system keeps beside a file's name


def results_folder(out: Path | None, scenario: Path, suffix: str = "", *, verb: str, more: Sequence[str] = ()) -> Path:
    """The folder for results: `out`, or one under reports/ with the scenario's name. It is made, and a file is written for a trial.

    Raises `UsageError` where what this verb writes, or the files `more`, could not be written there, or would take the place of files
    that are not coexsim's own.
    """
    folder = out if out is not None else REPORTS / f"{_name(scenario)}{suffix}"
    trial = folder / own_name("trial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with open(os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
                file.write(PROBE)
                file.flush()
                os.fsync(file.fileno())
        finally:
            trial.unlink(missing_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"--out: {folder} is no folder: there is a file in its place") from None
    except OSError as error:
        raise UsageError(f"--out: results cannot be written into {folder}: {error.strerror}") from None
    except ValueError:  # UnicodeEncodeError among them
        raise UsageError(f"--out: the file system cannot have a folder of the name {str(folder)!r}") from None
    for name in (*TABLES.get(verb, ()), *PAGES.get(verb, ()), *more):
        for path in _named(folder, name):
            if why := why_not_own(path):
                raise UsageError(
                    f"--out: {path} stays as it is: {why}; move it away, or choose another folder with --out"
                )
    return folder


def _named(folder: Path, name: str) -> list[Path]:
    """The file of that name, or those whose names match it."""
    return list(folder.glob(name)) if "[" in name else [folder / name]


def drop_pages(folder: Path, verb: str) -> None:
    """Remove the page and the pictures of an earlier answer of this verb: they would stand beside the tables of the new one.

    What is not our own stays.
    """
    for name in PAGES[verb]:
        for path in _named(folder, name):
            if not why_not_own(path):
                path.unlink(missing_ok=True)


def _name(scenario: Path) -> str:
    """The scenario's name for a folder: its file's, without the ending, and never one that leads elsewhere."""
    return scenario.stem.lstrip(".") or "scenario"


class Keeping:
    """Writes one thing after the other; after the first that cannot be written no more. What was found is told all the same.

    ::

        keeping = Keeping()
        with keeping:
            results.save(folder)
        ...                              # print
        return keeping.exit_code(0)      # 74 where something could not be written, and why on standard error
    """

    def __init__(self) -> None:
        self._problem = ""
        self._under_way: Future[None] | None = None

    @property
    def failed(self) -> bool:
        """Could something not be written; what is under way is waited for."""
        if self._under_way is not None:
            under_way, self._under_way = self._under_way, None
            under_way.result()
        return bool(self._problem)

    def write(self, *writes: Callable[[], object]) -> None:
        """Call these in turn, unless something could not be written before."""
        if not self.failed:
            self._write(writes)

    def begin(self, *writes: Callable[[], object]) -> None:
        """As `write`, but goes on at once: whatever is asked of this next waits for them, as does the end of the program."""
        from concurrent.futures import ThreadPoolExecutor

        if not self.failed:
            writer = ThreadPoolExecutor(1)
            self._under_way = writer.submit(self._write, writes)
            writer.shutdown(wait=False)

    def _write(self, writes: Sequence[Callable[[], object]]) -> None:
        for write in writes:
            if not self._problem:
                with self:
                    write()

    def __enter__(self) -> None:
        """What is written inside may fail."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Note why something could not be written."""
        if isinstance(error, OutputError):
            self._problem = self._problem or str(error)
        elif isinstance(error, OSError):
            self._problem = self._problem or f"{error.filename or 'a result'} cannot be written: {error.strerror}"
        return isinstance(error, OutputError | OSError)

    def exit_code(self, answer: int) -> int:
        """That of the answer, or 74 where something could not be written, which is said on standard error."""
        if not self.failed:
            return answer
        say_aside(f"coexsim: {self._problem}")
        return CANNOT_WRITE
