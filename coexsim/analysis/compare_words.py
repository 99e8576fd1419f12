"""A comparison in words: what a figure is of, its value in its unit, and the answer in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from coexsim.text import joined, say_flow
from coexsim.units import say_bytes, say_duration

DIFFERENT = ("more", "less")
SHARE, BUSY, WAIT = "share in use", "busy at once", "mean wait"
ON_AVERAGE = {"p50": "half of {flow} mail arrives within", "p95": "95 % of {flow} mail arrives within",
              "p99": "99 % of {flow} mail arrives within", "mean": "{flow} mail takes on average"}  # fmt: skip
TELLING = {
    "delays": ("p95", "mean", "p50", "p99"),
    "outcomes": ("expired", "bounced", "discarded", "in transit", "delivered"),
    "servers": (SHARE, WAIT, BUSY),
    "totals": ("WAN bytes", "SMTP transactions"),
}
"""Of a table's figures the one that is told, the first that differs."""


def unit_of(table: str, key: Sequence[object]) -> str:
    """What a figure is measured in (s, B or 1), by the name of its table in `Comparison.tables` and the key of its row."""
    name = str(key[-1])
    return "s" if table == "delays" or name == WAIT else "B" if name.endswith("bytes") else "1"


def say_value(value: float, table: str, key: Sequence[object]) -> str:
    """``-30 ms``, ``1.2 MB``, ``4,515``, a share as ``12 %``; ``-`` where nothing was measured."""
    if value != value:
        return "-"
    unit, sign = unit_of(table, key), "-" if value < 0 else ""
    if key[-1] == SHARE:
        return f"{100 * value:.3g} %"
    if unit in ("s", "B"):
        return sign + (say_duration if unit == "s" else say_bytes)(abs(value))
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def say_headline(tables: Mapping[str, pd.DataFrame], routes: int) -> str:
    """What differs, with figures: of each table the largest change, before, after and its interval, then how many differ.

    `tables` are those of a `Comparison`, `routes` the classes of mail that go another way.
    """
    shown = counts_of(tables)
    counts = [f"of {name} {number} of {most}" for name, (number, most) in shown.items() if number]
    if not counts and not routes:
        return f"No difference is shown between A and B{_widest(tables)}."
    number, most = (sum(each) for each in zip(*shown.values(), strict=True))
    told = f"{number} of {most} figures differ{'s' * (number == 1)} ({joined(counts)})"
    parts = [*changes(tables), told if counts else ""]
    if routes:
        parts.append(f"{'1 class of mail goes' if routes == 1 else f'{routes} classes of mail go'} another way")
    return f"B differs from A: {'; '.join(filter(None, parts))}."


def counts_of(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[int, int]]:
    """Of each table: how many figures show a difference, of how many."""
    return {name: (int(table["shown"].isin(DIFFERENT).sum()), len(table)) for name, table in tables.items()}


def changes(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Of each table in which a difference is shown the largest, in words: what expired first, as no delay tells of it."""
    told = {name: said for name, table in tables.items() if (said := _change(name, table))}
    lost = largest("outcomes", tables["outcomes"]) if "outcomes" in told else None
    if lost is not None and lost["key"][-1] == "expired":
        delays = {"delays": f"of what arrived in both {told['delays']}"} if "delays" in told else {}
        told = (
            {"outcomes": told["outcomes"]}
            | delays
            | {name: said for name, said in told.items() if name not in ("delays", "outcomes")}
        )
    return list(told.values())


def _change(name: str, table: pd.DataFrame) -> str:
    """``95 % of hosted → hosted mail arrives within 1.2 s in B, 2.9 s in A: 1.7 s (1.6 s to 1.8 s) less``; empty where nothing differs."""
    row = largest(name, table)
    return "" if row is None else f"{_both(name, row)}: {_by(name, row)}"


def largest(name: str, table: pd.DataFrame) -> dict[Any, Any] | None:
    """The row with the largest difference that is shown, of the most telling figure that differs; None: none does."""
    return _most(name, [row for row in _rows(table) if row["shown"] in DIFFERENT])


def _most(name: str, rows: Sequence[dict[Any, Any]]) -> dict[Any, Any] | None:
    figure = next((each for each in TELLING[name] if any(row["key"][-1] == each for row in rows)), None)
    return max((row for row in rows if row["key"][-1] == figure), key=lambda row: abs(row["difference"]), default=None)


def _widest(tables: Mapping[str, pd.DataFrame]) -> str:
    """What is known of the delay that changes most, where no change is shown: ``: ... 862 ms in A, 851 ms in B (-62 ms to 38 ms)``."""
    if all((table["shown"] == "the same").all() for table in tables.values()):
        return ": every figure is the same"
    row = _most("delays", [row for row in _rows(tables["delays"]) if row["low"] == row["low"]])
    if row is None:
        return ""
    low, high = (say_value(row[end], "delays", row["key"]) for end in ("low", "high"))
    return f": {_both('delays', row)} (difference {low} to {high})"


def _both(name: str, row: dict[Any, Any]) -> str:
    key = row["key"]
    one, other = (say_value(row[which], name, key) for which in ("a", "b"))
    if name == "delays":
        return f"{ON_AVERAGE[key[-1]].format(flow=say_flow(key[0]))} {other} in B, {one} in A"
    return f"{say_of(key)}: {other} in B, {one} in A"


def _by(name: str, row: dict[Any, Any]) -> str:
    ends = sorted(abs(row[end]) for end in ("low", "high"))
    size, low, high = (say_value(each, name, row["key"]) for each in (abs(row["difference"]), *ends))
    if row["key"][-1] == SHARE:  # "1 % less" could be a hundredth of what it was
        size, low, high = (
            f"{size.removesuffix(' %')} percentage points",
            low.removesuffix(" %"),
            high.removesuffix(" %"),
        )
    between = f" ({low} to {high})" if row["low"] != row["high"] else ""
    word = "later" if name == "delays" and row["difference"] > 0 else "sooner" if name == "delays" else row["shown"]
    return f"{size}{between} {word}"


def _rows(table: pd.DataFrame) -> list[dict[Any, Any]]:
    keys = [index if isinstance(index, tuple) else (index,) for index in table.index]
    return [row | {"key": key} for key, row in zip(keys, table.to_dict("records"), strict=True)]


def say_of(key: Sequence[object]) -> str:
    """``onprem cores, share in use``; of a link ``office to cloud, share in use``; ``hosted → hosted, p95``."""
    *where, figure = (say_flow(str(each)) for each in key)
    if where[1:] == ["link"]:
        where = where[:1]
    return f"{' '.join(where)}, {figure}" if where else figure
