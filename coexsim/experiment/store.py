"""Files that are there whole or not at all: Parquet tables and JSON, the same bytes for the same data."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name and rename it: a reader never sees half of it, not even after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """A table as Parquet; words become dictionary columns, also where there are none."""
    columns = {str(name): _arrow(values) for name, values in table.items()}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    write_whole(path, sink.getvalue().to_pybytes())


def _arrow(values: pd.Series[Any]) -> pa.Array:
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes = values.cat.codes.to_numpy().astype(np.int32)
        words = pa.array([str(word) for word in values.cat.categories], type=pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), words)
    return pa.array(values, from_pandas=False)


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
    """Sorted keys, one line a key."""
    write_whole(path, (json.dumps(plain(value), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def content_hash(value: Any) -> str:
    """SHA-256 of the data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(plain(value), sort_keys=True, ensure_ascii=False).encode()).hexdigest()
