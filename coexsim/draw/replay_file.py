"""The file of a replay: which columns it must have, under which names, and what is missing from it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from coexsim.draw.mail_book import wrong
from coexsim.errors import did_you_mean
from coexsim.scenario.files import UnreadableError, require_regular
from coexsim.scenario.load_profile import ReplaySpec

REPLAY_COLUMNS = {
    "born_s": ("time_s", "at_s", "epoch_s", "arrived_s"),
    "sender": ("from", "mail_from", "sender_address", "return_path"),
    "recipients": ("to", "recipient", "rcpt_to", "recipient_address"),
    "size_bytes": ("size", "bytes", "total_bytes", "message_size"),
}  # each column, and the names that other tools give it
_PART_BYTES = 1 << 20
TEXT_COLUMNS = {name: str for column in ("sender", "recipients") for name in (column, *REPLAY_COLUMNS[column])}


def check_columns(spec: ReplaySpec, folder: Path) -> None:
    """Read the names of a replay's columns alone: a run needs them. Raises `ScenarioError`."""
    our_names(_columns(replay_path(spec, folder), spec.file), spec.file)


def count_rows(spec: ReplaySpec, folder: Path) -> int:
    """How many messages a replay has, about: rows of Parquet, lines of CSV below the first. Raises `ScenarioError`.

    A file that has not changed is read once: the estimate and the choice of the engine ask several times.
    """
    path = replay_path(spec, folder)
    try:
        now = path.stat()
        return _rows_of(path.resolve(), now.st_mtime_ns, now.st_size)
    except (OSError, ValueError) as error:
        raise why_unreadable(error, spec.file) from None


@lru_cache(maxsize=8)
def _rows_of(path: Path, _changed_ns: int, _size_bytes: int) -> int:
    if is_parquet(path):
        import pyarrow.parquet as pq

        return int(pq.read_metadata(path).num_rows)
    with path.open("rb") as lines:
        return max(sum(part.count(b"\n") for part in iter(lambda: lines.read(_PART_BYTES), b"")) - 1, 0)


def replay_path(spec: ReplaySpec, folder: Path) -> Path:
    """The file that is replayed. Raises `ScenarioError` where it is not one."""
    file = folder / spec.file
    try:
        require_regular(file)
    except UnreadableError as error:
        raise wrong("load.replay", f"{spec.file} cannot be read: {error.why}") from None
    return file


def is_parquet(file: Path) -> bool:
    """What is not Parquet by its name is read as CSV."""
    return file.suffix.casefold() == ".parquet"


def our_names(columns: Sequence[str], file: str) -> dict[str, str]:
    """Our name of each column that is needed. Raises `ScenarioError`, which says what is missing and which column looks like it."""
    folded = {name.strip().casefold().replace("-", "_").replace(" ", "_"): name for name in columns}
    names = {}
    missing = []
    for column, others in REPLAY_COLUMNS.items():
        found = next((folded[name] for name in (column, *others) if name in folded), None)
        if found is None:
            missing.append(f"{column!r} (or {', '.join(others)}){did_you_mean(column, columns)}")
        else:
            names[found] = column
    if missing:
        raise wrong("load.replay", f"{file} has no column {'; no column '.join(missing)}; it has: {', '.join(columns)}")
    return names


def why_unreadable(error: Exception, file: str) -> Exception:
    """What to raise for a table that cannot be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).strip().split("\n")[0]
    return wrong("load.replay", f"{file} cannot be read: {reason}")


def _columns(path: Path, file: str) -> list[str]:
    try:
        if is_parquet(path):
            import pyarrow.parquet as pq

            return [str(name) for name in pq.read_schema(path).names]
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return next((row for row in csv.reader(lines, skipinitialspace=True) if row), [])
    except (OSError, ValueError, csv.Error) as error:  # ValueError: no UTF-8, no Parquet
        raise why_unreadable(error, file) from None
