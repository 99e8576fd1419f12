"""The tables of a run: columns, units and dtypes, the same for one run or many, also when a table is empty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from coexsim.experiment.columns import CELLS, SCHEMA, Column


def columns_of(table: str, there: Iterable[str]) -> dict[str, Column]:
    """The columns of a table that has the columns `there`: those of the schema, and those of a streamed run where it has them."""
    return SCHEMA[table] | ({} if set(CELLS).isdisjoint(there) else CELLS)


def frame(table: str, columns: dict[str, object]) -> pd.DataFrame:
    """A table of these columns, which are not copied, with the dtypes of the schema. Missing ones are an error, as are unknown ones."""
    schema = columns_of(table, columns)
    if set(columns) != set(schema):
        raise KeyError(f"{table}: columns {sorted(set(columns) ^ set(schema))} are missing or unknown")
    data: dict[str, object] = {}
    for name, column in schema.items():
        values = columns[name]
        if column.dtype == "category":
            data[name] = _in_words(values if isinstance(values, pd.Categorical) else pd.Categorical(list(values)))  # type: ignore[call-overload]
        else:
            data[name] = np.asarray(values, dtype=column.dtype)
    return pd.DataFrame(data, copy=False)


def _in_words(values: pd.Categorical) -> pd.Categorical:
    """The same with text for categories; none at all would have another type, and could not be joined with some."""
    if len(values.categories):
        return values
    return values.set_categories(words_index([]))


def words_index(words: Sequence[str]) -> pd.Index[str]:
    """Categories: text, also where there are none."""
    return pd.Index(list(words), dtype="str")


def empty(table: str) -> pd.DataFrame:
    """The table with no rows."""
    return frame(table, {name: [] for name in SCHEMA[table]})


def concat(table: str, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Several frames of one table below each other, categories joined, dtypes kept."""
    if not frames:
        return empty(table)
    if len(frames) == 1:
        return frames[0]
    columns: dict[str, object] = {}
    for name, column in columns_of(table, map(str, frames[0])).items():
        parts = [f[name] for f in frames]
        if column.dtype == "category":
            columns[name] = _below_each_other([p.array for p in parts])
        else:
            columns[name] = np.concatenate([p.to_numpy() for p in parts])
    return frame(table, columns)


def _below_each_other(parts: list[pd.Categorical]) -> pd.Categorical:
    """Values in words, joined; parts that know the same words, as replications mostly do, keep their codes."""
    words = parts[0].categories
    if all(part.categories.equals(words) for part in parts[1:]):
        codes = np.concatenate([part.codes for part in parts])
        return pd.Categorical.from_codes(codes, words, validate=False)
    joined: pd.Categorical = pd.api.types.union_categoricals(parts, sort_categories=True)
    return joined
