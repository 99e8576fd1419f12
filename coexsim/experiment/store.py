"""Files that are there whole or not at all: Parquet tables and JSON, the same bytes for the same data.

What is being written stands beside its place under a name of its own, made anew each time: two processes that write into one folder
neither read nor remove each other's unfinished files, and a symbolic link in the folder is replaced, never followed.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.api.types import is_numeric_dtype

from coexsim.errors import OutputError
from coexsim.experiment.own import note, require_own, write_own
from coexsim.experiment.whole import OWN, own_name, reason, write_whole
from coexsim.text import encodable, visible

LEFT_OVER_S = 86400.0
"""Unfinished files older than this are those of a process that was killed."""
FINISHED = ".set"  # how the name of a hidden folder ends whose files are all written


def write_set(folder: Path, files: Mapping[str, Callable[[], bytes]]) -> None:
    """Write files that belong together: they replace those of an earlier run all at once, or not at all.

    A file system replaces one file at a time. So the files are first written whole into a hidden folder, which then gets the name of a
    finished set in one step; from there on `finish_sets` moves them to their places, here or, after a kill, when the folder is next
    written or read. The last of them stands for the set: it goes first and comes last, so that whoever finds it finds the whole set.
    If they cannot all be written, the earlier ones stay, and what was written whole is kept in a folder ``incomplete-1`` beside them.

    Raises `OutputError`, which says what was kept, and where.
    """
    make_folder(folder)
    remove_left_overs(folder)
    finish_sets(folder)
    require_own(folder / name for name in files)
    staging = folder / own_name("set")
    written: list[str] = []
    try:
        staging.mkdir()
        for name, make in files.items():
            data = make()
            write_whole(staging / name, data)
            note(folder / name, hashlib.sha256(data).hexdigest())
            written.append(name)
        staging = staging.rename(staging.with_suffix(FINISHED))
        _move(staging, list(files))
    except (OSError, OutputError) as error:
        why = reason(error.__cause__ or error)
        raise OutputError(
            f"{folder}: the results cannot be written: {why}; {_keep(folder, staging, written)}"
        ) from error
    except BaseException:
        if staging.suffix != FINISHED:
            shutil.rmtree(staging, ignore_errors=True)
        raise


def finish_sets(folder: Path) -> None:
    """Move to their places the files of a set that was written whole when its process was killed; nothing where it cannot be done."""
    with suppress(OSError):
        for whole in sorted(folder.glob(f"{OWN}*{FINISHED}"), key=lambda path: path.lstat().st_mtime_ns):
            if whole.is_dir() and not whole.is_symlink():
                _move(whole, [file.name for file in sorted(whole.iterdir(), key=lambda file: file.lstat().st_mtime_ns)])


def _move(whole: Path, names: Sequence[str]) -> None:
    """Put the files of a set beside it, the last one last; another process may be at the same."""
    if names:
        (whole.parent / names[-1]).unlink(missing_ok=True)
    for name in names:
        with suppress(FileNotFoundError):
            (whole / name).replace(whole.parent / name)
    with suppress(FileNotFoundError):
        whole.rmdir()


def _keep(folder: Path, staging: Path, written: list[str]) -> str:
    """Give what was written whole a name to be found by; says what, and where."""
    kept = [name for name in written if (staging / name).exists()]
    if not kept:
        shutil.rmtree(staging, ignore_errors=True)
        return "nothing of them is kept"
    place = staging
    for number in range(1, 1000):
        with suppress(OSError):
            place = staging.rename(folder / f"incomplete-{number}")
            break
    return f"kept whole in {place}{os.sep}: {', '.join(kept)}"


def make_folder(folder: Path) -> None:
    """The folder and those above it. Raises `OutputError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise OutputError(f"{folder} cannot be made: {reason(error)}") from error


def remove_left_overs(folder: Path) -> None:
    """Remove unfinished files of processes that were killed: those of others that are at work are younger."""
    for left_over in folder.glob(f"{OWN}*.tmp"):
        with suppress(OSError):
            if time.time() - left_over.lstat().st_mtime > LEFT_OVER_S:
                if left_over.is_dir() and not left_over.is_symlink():
                    shutil.rmtree(left_over, ignore_errors=True)
                else:
                    left_over.unlink()


def write_table(table: pd.DataFrame, path: Path) -> None:
    """A table as Parquet, a file of our own. Raises `OutputError`."""
    write_own(path, table_bytes(table))


def table_bytes(table: pd.DataFrame) -> bytes:
    """A table as Parquet; words become dictionary columns, also where there are none."""
    return tables_bytes([table])


def tables_bytes(tables: Iterable[pd.DataFrame]) -> bytes:
    """Tables with the same columns as one Parquet file, a row group each: one of them is in memory at a time. There is at least one.

    Times, sizes and numbers of mails are not collected in dictionaries first: too few of a column are the same.
    """
    sink = pa.BufferOutputStream()
    writer: pq.ParquetWriter | None = None
    for table in tables:
        part = pa.table({str(name): _arrow(values) for name, values in table.items()})
        repeated = [of.name for of in part.schema if not (pa.types.is_floating(of.type) or pa.types.is_int64(of.type))]
        writer = writer or pq.ParquetWriter(sink, part.schema, compression="zstd", use_dictionary=repeated)
        writer.write_table(part)
    if writer is not None:
        writer.close()
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _arrow(values: pd.Series[Any]) -> pa.Array:
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes = values.cat.codes.to_numpy().astype(np.int32)
        words = pa.array([encodable(str(word)) for word in values.cat.categories], type=pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), words)
    return pa.array(values, from_pandas=False)


def csv_bytes(table: pd.DataFrame, *, index: bool = True) -> bytes:
    """A table as CSV. A word that spreadsheets would take for a formula stands behind an apostrophe; hidden characters are shown."""
    words = table.reset_index() if index else table
    kept = words.rename(columns=_cell).apply(
        lambda values: values.map(_cell) if not is_numeric_dtype(values.dtype) else values
    )
    return encodable(kept.to_csv(index=False, lineterminator="\n")).encode()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return f"'{visible(value)}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else visible(value)


def read_table(path: Path) -> pd.DataFrame:
    """What `write_table` wrote; dictionary columns become categories."""
    table: pd.DataFrame = pq.read_table(path).to_pandas()
    return table


def plain(value: Any) -> Any:
    """`value` in what JSON has; numbers that are none become null or words, so that any reader can read them."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if math.isfinite(number):
            return number
        return None if math.isnan(number) else ("inf" if number > 0 else "-inf")
    return value if value is None or isinstance(value, str) else str(value)


def write_json(value: Any, path: Path) -> None:
    """Data as JSON, a file of our own. Raises `OutputError`."""
    write_own(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """Data as JSON: sorted keys, one line a key."""
    return encodable(json.dumps(plain(value), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def content_hash(value: Any) -> str:
    """SHA-256 of the data, whatever the order of its keys."""
    return hashlib.sha256(encodable(json.dumps(plain(value), sort_keys=True, ensure_ascii=False)).encode()).hexdigest()
