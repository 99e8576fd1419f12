"""What a simulation gave: tidy tables, the same for one run or a hundred, and where they came from."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.cards import card
from coexsim.errors import ConservationError, NoDataError
from coexsim.experiment.columns import SCHEMA
from coexsim.experiment.delay_table import delay_table
from coexsim.experiment.schema import columns_of, concat, empty, words_index
from coexsim.experiment.second_copies import delivered_twice, one_outcome_each
from coexsim.experiment.store import finish_sets, json_bytes, read_table, table_bytes, write_set
from coexsim.pictures import Pictures
from coexsim.sim.binned import FEWEST_PARTS
from coexsim.sim.mail_row import TABLE_OUTCOMES
from coexsim.sim.message import SECOND_COPY
from coexsim.text import say_flow
from coexsim.units import say_duration

T = TypeVar("T")
QUANTILES = {"p50_s": 0.5, "p95_s": 0.95, "p99_s": 0.99}
SUMMARY = "summary.json"


@dataclass(frozen=True, repr=False)
class Results:
    """The tables of one or more replications; `experiment.schema` says their columns and units.

    Mail born in the measured window `window_s` counts, named messages of the scenario included; what it became
    is in `mail` whenever that was. Everything here counts recipients: a message to three people is three.
    """

    mail: pd.DataFrame
    stages: pd.DataFrame
    timeline: pd.DataFrame
    dns: pd.DataFrame = field(default_factory=lambda: empty("dns"))
    visits: pd.DataFrame = field(default_factory=lambda: empty("visits"))
    messages: pd.DataFrame = field(default_factory=lambda: empty("messages"))
    provenance: dict[str, Any] = field(default_factory=dict)
    window_s: tuple[float, float] = (0.0, float("inf"))
    length_s: float = float("inf")
    _found: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    plot: ClassVar[Any] = Pictures("results")
    """Pictures as methods: ``results.plot.utilisation()``, ``backlog``, ``delay``."""

    def __repr__(self) -> str:
        return f"<Results: {self._headline}>"

    def _repr_html_(self) -> str:
        """For notebooks: what became of the mail and how long it took, flow by flow."""
        counts = self.outcomes().reset_index()
        try:
            delays = self.delays().reset_index()
        except NoDataError:
            delays = counts[[]].assign(flow=[], p50_s=[], p95_s=[])
        within = {str(row["flow"]): row for row in delays.to_dict("records")}
        rows = [
            (
                say_flow(str(row["flow"])),
                f"{row['sent']:,}",
                f"{row['delivered']:,}",
                *self._percentiles(within.get(str(row["flow"]))),
            )
            for row in counts.to_dict("records")
        ]
        title = str(self.provenance.get("title") or "Results")
        return card(title, [self._headline], ["flow", "sent", "delivered", "p50", "p95"], rows)

    @staticmethod
    def _percentiles(row: Mapping[Any, Any] | None) -> tuple[str, str]:
        return ("-", "-") if row is None else (say_duration(row["p50_s"]), say_duration(row["p95_s"]))

    @property
    def _headline(self) -> str:
        runs = max(len(self.replications), 1)
        counts = self.outcomes()
        sent, delivered = int(counts["sent"].sum()), int(counts["delivered"].sum())
        return f"{runs} replication{'s' if runs > 1 else ''}; {sent:,} recipients, {delivered:,} delivered"

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by name."""
        return {name: getattr(self, name) for name in SCHEMA}

    @property
    def replications(self) -> tuple[int, ...]:
        """The numbers of the replications, in order."""
        return tuple(sorted(set(self.provenance.get("replications", ()))))

    @property
    def measured(self) -> pd.DataFrame:
        """The rows of `mail` that count: born in the measured window, no notice, one outcome a recipient.

        Of mail that came twice, since the 250 for its first copy was lost, the copy that came first counts.
        """
        if self.is_streamed:  # copies of one message cannot be told from others': the first ones count
            return self._measured[(self._measured["stream"] != SECOND_COPY).to_numpy()]
        return one_outcome_each(self._measured)

    @property
    def is_streamed(self) -> bool:
        """Whether rows of `mail` are cells that stand for many: quantiles of delay are then right to 1 %."""
        return "rows" in self.mail

    @property
    def parts_of_window(self) -> int | None:
        """In how many parts of the window births of a streamed run are told apart, in each replication; None: one by one."""
        return int(self.provenance.get("parts_of_window", FEWEST_PARTS)) if self.is_streamed else None

    @property
    def measured_messages(self) -> int:
        """How many messages of the measured window there are rows of, each once a replication, however many parts it had."""
        if self.is_streamed:
            return sum(int(self.provenance["measured_mails"][str(number)]) for number in self.replications)
        return len(self.felt(["replication", "mail"]).drop_duplicates())

    @property
    def _measured(self) -> pd.DataFrame:
        return self.mail[self.mail["measured"] & (self.mail["kind"] == "mail")]

    @property
    def wan_bytes(self) -> float:
        """Bytes that the mail of the window put on links between sites, second copies included."""
        return float(self.mail["wan_bytes"].to_numpy()[self.once("felt", self._counts)].sum())

    def delays(self, by: str | Sequence[str] = "flow") -> pd.DataFrame:
        """How long delivered mail took, as its recipients felt it: a copy for three counts three times.

        Mail that expired never arrives and is in no figure but `expired`; mail still under way is in `outcomes()`. Where
        several alternatives are in the tables, they stay apart: `alternative` is then the first of `by`.

        Returns one row for each value of `by`:

        ==================  ====  =========================================================================
        recipients          1     recipients that mail was delivered to, all replications together
        mean_s              s     mean of all replications' mail together, as objectives are judged by
        p50_s p95_s p99_s   s     quantile of it
        mean_low_s ...      s     lower end of its 95 % interval: never below 0; NaN with one replication
        mean_high_s ...     s     upper end; of a quantile infinite where so few replications know none
        expired             1     share of the recipients who were sent such mail, whose mail expired
        ==================  ====  =========================================================================

        Intervals: of a mean `skewed_interval` (a ratio over replications, symmetric in the logarithm below), of a quantile
        `pooled_share_half` (Woodruff 1952).
        Raises `NoDataError` when nothing was delivered in the window.
        """
        return self._once("delays", self._keys(by), self._find_delays)

    def _find_delays(self, keys: list[str]) -> pd.DataFrame:
        mail = self.felt([*keys, "replication", "outcome", "recipients", "delay_s"])
        done = mail[(mail["outcome"] == "delivered").to_numpy()]
        if done.empty:
            raise NoDataError("nothing was delivered in the measured window")
        counts = self._once("outcomes", keys, self._find_outcomes)
        table = delay_table(done, keys, QUANTILES)
        shares = counts["expired"] / counts["sent"]
        return table.assign(expired=shares.reindex(table.index.set_names(shares.index.names)).to_numpy())

    def outcomes(self, by: str | Sequence[str] = "flow") -> pd.DataFrame:
        """Recipients by what became of their mail, `sent` being the sum; one row for each value of `by`.

        `delivered_twice` is how many of the delivered got their mail a second time, since its 250 was lost; in a streamed run: how many
        second copies were delivered.
        """
        return self._once("outcomes", self._keys(by), self._find_outcomes)

    def _find_outcomes(self, keys: list[str]) -> pd.DataFrame:
        mail = self.felt([*keys, "outcome", "recipients"])
        counts = mail.groupby([*keys, "outcome"], observed=True)["recipients"].sum().unstack("outcome")
        counts = counts.reindex(columns=list(TABLE_OUTCOMES)).fillna(0).astype(np.int64)
        counts.columns = pd.Index(TABLE_OUTCOMES)
        counts.insert(0, "sent", counts.sum(axis=1))
        counts = _plain_index(counts)
        twice = _plain_index(self._twice(keys).to_frame("n"))["n"] if self._has_doubles else counts["sent"][:0]
        counts["delivered_twice"] = twice.reindex(counts.index).fillna(0).astype(np.int64)
        return counts

    def _twice(self, keys: list[str]) -> pd.Series[int]:
        if not self.is_streamed:
            return delivered_twice(self._measured, keys)
        mail = self._measured
        second = mail[((mail["stream"] == SECOND_COPY) & (mail["outcome"] == "delivered")).to_numpy()]
        return second.groupby(keys, observed=True)["recipients"].sum()

    def conservation(self) -> pd.DataFrame:
        """The accounting of every run and kind of mail: sent = delivered + bounced + expired + discarded + in transit.

        Every row has one outcome, and a delay just if it met its end. Where the run noted what it sent, the
        sum must be that. A second copy of mail whose 250 was lost is sent once more and has an outcome of its own:
        so many of `sent` are `second_copies`. Raises `ConservationError` for mail that was lost or made up.
        """
        return self._once("conservation", ["alternative", "replication", "kind"], self._find_conservation)

    def _find_conservation(self, keys: list[str]) -> pd.DataFrame:
        mail = self.mail
        if mail["outcome"].isna().any():
            raise ConservationError(f"{int(mail['outcome'].isna().sum())} rows have no outcome")
        under_way = mail["outcome"] == "in transit"
        odd = mail["delay_s"].isna() != under_way
        if odd.any():
            raise ConservationError(f"{int(odd.sum())} rows are in transit with a delay, or ended without one")
        if (mail["recipients"] < 1).any() or (mail["delay_s"] < 0).any():
            raise ConservationError("a row stands for nobody, or ended before it was born")
        books = mail.groupby([*keys, "outcome"], observed=True)["recipients"].sum().unstack("outcome")
        books = books.reindex(columns=list(TABLE_OUTCOMES)).fillna(0).astype(np.int64)
        books.columns = pd.Index(TABLE_OUTCOMES)
        books.insert(0, "sent", books.sum(axis=1))
        second = mail[mail["stream"] == SECOND_COPY].groupby(keys, observed=True)["recipients"].sum()
        books["second_copies"] = second.reindex(books.index).fillna(0).astype(np.int64)
        books = _plain_index(books)
        noted = self.provenance.get("sent")
        if noted is not None and int(noted) != int(books["sent"].sum()):
            raise ConservationError(f"{noted} recipients were sent mail, {int(books['sent'].sum())} have an outcome")
        return books

    def save(self, folder: str | Path) -> Path:
        """Write the tables as Parquet and what they came from as ``summary.json``. Same results: same bytes.

        They replace those of an earlier run all at once, or not at all. Raises `OutputError`.
        """
        folder = Path(folder)
        files: dict[str, Callable[[], bytes]] = {
            f"{name}.parquet": partial(_table_bytes, name, table) for name, table in self.tables.items()
        }
        write_set(folder, files | {SUMMARY: lambda: json_bytes(self._summary())})
        return folder

    def _summary(self) -> dict[str, Any]:
        summary = {"provenance": self.provenance, "window_s": list(self.window_s), "length_s": self.length_s}
        try:
            summary["delays"] = self.delays().reset_index().to_dict("records")
        except NoDataError:
            summary["delays"] = []
        summary["outcomes"] = self.outcomes().reset_index().to_dict("records")
        return summary

    def _once(self, what: str, keys: list[str], find: Callable[[list[str]], pd.DataFrame]) -> pd.DataFrame:
        """A table of figures, worked out when it is first asked for."""
        return self.once((what, tuple(keys)), lambda: find(keys)).copy()

    def once(self, key: Hashable, find: Callable[[], T]) -> T:
        """What these tables say of something, worked out when it is first asked for by this name. It must not be changed."""
        if key not in self._found:
            self._found[key] = find()
        found: T = self._found[key]
        return found

    @property
    def _has_doubles(self) -> bool:
        return SECOND_COPY in self.mail["stream"].cat.categories and bool((self.mail["stream"] == SECOND_COPY).any())

    def felt(self, columns: list[str], flows: NDArray[np.bool_] | None = None) -> pd.DataFrame:
        """These columns of `measured`, without copying the others of a long table; of some `flows` only, by category."""
        if self.is_streamed:
            columns = [*columns, "rows", "squares"]
        if self._has_doubles:
            rows = self.measured
            return rows[columns] if flows is None else rows[columns][flows[rows["flow"].cat.codes.to_numpy()]]
        felt = self.once("felt", self._counts)
        return self.mail[columns][felt if flows is None else felt & flows[self.mail["flow"].cat.codes.to_numpy()]]

    def _counts(self) -> NDArray[np.bool_]:
        """Which rows of `mail` count."""
        return np.asarray(self.mail["measured"] & (self.mail["kind"] == "mail"), dtype=np.bool_)

    def _keys(self, by: str | Sequence[str]) -> list[str]:
        keys = [by] if isinstance(by, str) else list(by)
        several = len(self.mail["alternative"].cat.categories) > 1 and self.mail["alternative"].nunique() > 1
        return ["alternative", *keys] if several and "alternative" not in keys else keys


def _plain_index(table: pd.DataFrame) -> pd.DataFrame:
    """Sorted, and with words instead of categories in the index."""
    keys = [str(name) for name in table.index.names]
    rows = table.reset_index()
    for key in keys:
        if isinstance(rows[key].dtype, pd.CategoricalDtype):
            rows[key] = rows[key].astype(str)
    return rows.set_index(keys).sort_index()


def weighted_quantiles(
    values: NDArray[np.float64], weights: NDArray[Any], probabilities: Sequence[float]
) -> list[float]:
    """For each probability the least of `values` that at least that share of the weight does not exceed."""
    order = np.argsort(values)  # equal values may stand in any order: what is found is a value
    return quantiles_of(values[order], np.cumsum(weights[order]), probabilities)


def quantiles_of(ascending: NDArray[np.float64], reached: NDArray[Any], probabilities: Sequence[float]) -> list[float]:
    """`weighted_quantiles` of values in ascending order, and the weight of all up to each."""
    places = np.searchsorted(reached, np.asarray(probabilities) * reached[-1] * (1 - 1e-12))
    return [float(ascending[place]) for place in places]


def _table_bytes(name: str, table: pd.DataFrame) -> bytes:
    return table_bytes(tidy(name, table))


def tidy(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows with categories in their fixed order and none that is not used: equal tables are equal bytes."""
    columns: dict[str, Any] = {}
    for name, column in columns_of(table, map(str, frame)).items():
        values = frame[name]
        if column.dtype == "category":
            words = list(TABLE_OUTCOMES) if name == "outcome" else sorted(map(str, _words_used(values)))
            wanted = words_index(words)
            if values.cat.categories.dtype != wanted.dtype or not values.cat.categories.equals(wanted):
                values = values.cat.set_categories(wanted)
        columns[name] = values.array
    return pd.DataFrame(columns, copy=False)


def _words_used(values: pd.Series[Any]) -> pd.Index[Any]:
    """The categories that a row of the column has. (`remove_unused_categories` would sort all rows to find them.)"""
    used = np.zeros(len(values.cat.categories) + 1, bool)
    used[values.cat.codes.to_numpy()] = True  # the last of them is for rows without one, whose code is -1
    return values.cat.categories[used[:-1]]


def join(parts: Sequence[Results]) -> Results:
    """Several replications or alternatives as one; rows stay in the order of `parts`. Raises `NoDataError` for none."""
    if not parts:
        raise NoDataError("there are no runs to join")
    if len(parts) == 1:
        return parts[0]
    tables: dict[str, Any] = {name: tidy(name, concat(name, [part.tables[name] for part in parts])) for name in SCHEMA}
    first = parts[0]
    return Results(**tables, provenance=_joined_provenance(parts), window_s=first.window_s, length_s=first.length_s)


def _joined_provenance(parts: Sequence[Results]) -> dict[str, Any]:
    """What all say alike stays; replications are listed, counts added; scenarios that differ stand by alternative."""
    all_of = [part.provenance for part in parts]
    joined = {key: value for key, value in all_of[0].items() if all(p.get(key) == value for p in all_of)}
    joined["replications"] = list(dict.fromkeys(n for p in all_of for n in p.get("replications", ())))
    if all("measured_mails" in p for p in all_of):
        joined["measured_mails"] = {number: count for p in all_of for number, count in p["measured_mails"].items()}
    if all("parts_of_window" in p for p in all_of):
        joined["parts_of_window"] = min(p["parts_of_window"] for p in all_of)
    for key in ("second_copies", "sent"):
        if all(key in p for p in all_of):
            joined[key] = sum(p[key] for p in all_of)
    joined["stopped_early"] = (
        "; ".join(dict.fromkeys(p["stopped_early"] for p in all_of if p.get("stopped_early"))) or None
    )
    if "sha256" not in joined and any("sha256" in p for p in all_of):
        names = [str(part.mail["alternative"].iloc[0]) if len(part.mail) else "" for part in parts]
        own = ("title", "file", "scenario", "sha256", "alternatives")
        joined["alternatives"] = {
            name or str(p.get("title", "")): {key: p[key] for key in own if key in p}
            for name, p in zip(names, all_of, strict=True)
        }
    return joined


def load_results(folder: str | Path) -> Results:
    """Read what `Results.save` wrote. Raises `NoDataError` where there are no results."""
    folder = Path(folder)
    finish_sets(folder)
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        tables = {name: tidy(name, read_table(folder / f"{name}.parquet")) for name in SCHEMA}
    except (OSError, ValueError, KeyError) as error:
        raise NoDataError(f"{folder} holds no results: {error}") from None
    window_s = summary["window_s"]
    return Results(
        **tables,
        provenance=summary["provenance"],
        window_s=(float(window_s[0]), float(window_s[1])),
        length_s=float(summary["length_s"]),
    )
