"""Two set-ups under the same mail: what differs, message by message, and what cannot be told apart.

Both meet the same mail, replication by replication, so what chance does to both falls out of the differences. A difference
is told only where its 95 % interval does not hold zero; all else is "no difference shown". Differences are B minus A. Where
the mail itself differs (another load), all mail of one is held against all mail of the other, replication by replication.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from math import nan
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.analysis.compare_words import BUSY, DIFFERENT, SHARE, WAIT, counts_of, say_headline, say_value
from coexsim.audit.diff import RouteDiff, diff_routes
from coexsim.cards import card
from coexsim.engine.choice import Engine
from coexsim.errors import NoDataError
from coexsim.experiment.engines import engines_for
from coexsim.experiment.executors import cpu_count, open_executor, run_all
from coexsim.experiment.figures import busy_shares, busy_workers
from coexsim.experiment.results import Results, weighted_quantiles
from coexsim.experiment.run import run_one
from coexsim.pictures import Pictures
from coexsim.scenario.given import require_scenario
from coexsim.scenario.model import Scenario
from coexsim.sim.mail_row import TABLE_OUTCOMES
from coexsim.stats import Interval, mean_interval
from coexsim.text import say_flow

BLOCKS = 20
"""With one replication the interval comes from so many stretches of its window (batch means)."""
ROUNDING = 1e-9
"""Differences below this (of the larger figure, or of 1) are the last digits of sums: no difference at all."""
SAME, UNSHOWN, UNKNOWN = "the same", "no difference shown", "cannot say"
TOO_SMALL = "too small to matter"
SMALL_S, SMALL_SHARE = 0.01, 0.005
"""Differences surely below 10 ms or 0.5 % of the larger figure are too small to matter; of recipients none is."""
FIGURES = ("mean", "p50", "p95", "p99")
Key = tuple[str, ...]
Floats = NDArray[np.float64]


class Pair(NamedTuple):
    """One figure of both in one replication. `blocks`: the difference, stretch by stretch."""

    a: float
    b: float
    blocks: tuple[float, ...] = ()


class PairedRun(NamedTuple):
    """One replication of both: figures by kind and key, how much mail was paired, and whether it was the same mail."""

    delays: dict[Key, Pair]
    outcomes: dict[Key, Pair]
    servers: dict[Key, Pair]
    totals: dict[Key, Pair]
    messages: int
    unpaired: int
    same_mail: bool
    engines: frozenset[str] = frozenset()


@dataclass(frozen=True, repr=False)
class Comparison:
    """What differs between two scenarios, over all replications.

    The tables have one row a figure: ``a, b, difference, low, high, shown``; `shown` is "more", "less", "the same", "no
    difference shown", "too small to matter" or "cannot say". `delays` by flow and figure (mean, p50, p95, p99) in seconds, of mail that
    arrived both ways; `outcomes` by flow and outcome in recipients; `servers` by server, stage and figure: share of the limit in use in the
    busiest hour (where either has no limit the workers busy at once), mean wait in seconds; `totals`: WAN bytes, hops.
    """

    a: str
    b: str
    delays: pd.DataFrame
    outcomes: pd.DataFrame
    servers: pd.DataFrame
    totals: pd.DataFrame
    routes: RouteDiff
    replications: int
    messages: int
    """Messages that were compared with themselves."""
    unpaired: int
    """Messages of a flow that arrived in only one of the two, or that are not the same mail."""
    same_mail: bool
    """False where what differs is the mail itself (another load): then no message is compared with itself."""
    engine: str = ""
    """Which engine ran them, or both; figures are the same by both."""

    plot: ClassVar[Any] = Pictures("comparison")
    """Pictures as methods: ``differences``."""

    def __repr__(self) -> str:
        return f"<Comparison: {self.headline}>"

    def _repr_html_(self) -> str:
        """For notebooks: the answer, and the delays that differ."""
        table = self.delays.reset_index()
        rows = [
            (
                say_flow(row["flow"]),
                row["figure"],
                *(say_value(row[name], "delays", (row["figure"],)) for name in ("a", "b", "difference")),
                row["shown"],
            )
            for row in table[table["shown"].isin(DIFFERENT)].to_dict("records")
        ]
        named = "" if (self.a, self.b) == ("A", "B") else f"A: {self.a}; B: {self.b}; "
        lines = [f"{named}{self.replications} replications, {self.messages:,} messages compared."]
        return card(self.headline, lines, ["flow", "figure", "A", "B", "B - A", "shown"], rows)

    @property
    def headline(self) -> str:
        """What differs, in a line with figures."""
        return say_headline(self.tables, len(self.routes.changes))

    def largest_delay(self, figure: str) -> dict[Any, Any] | None:
        """The row of `delays` whose figure (such as p95) is shown to differ most; None: none is."""
        table = self.delays.reset_index()
        rows = table[(table["figure"] == figure) & table["shown"].isin(DIFFERENT)].to_dict("records")
        return max(rows, key=lambda row: abs(row["difference"]), default=None)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by name."""
        return {"delays": self.delays, "outcomes": self.outcomes, "servers": self.servers, "totals": self.totals}

    @property
    def differs(self) -> bool:
        """Is any difference shown, in routes or figures."""
        return self.routes.changed or any(number for number, _ in self.shown.values())

    @property
    def shown(self) -> dict[str, tuple[int, int]]:
        """Of delays, outcomes, servers and totals: how many figures show a difference, of how many."""
        return counts_of(self.tables)


def compare(
    a: Scenario, b: Scenario, *, replications: int | None = None, seed: int | None = None, executor: Executor | None = None,
    jobs: int | None = None, progress: Callable[[int, int], None] | None = None, engine: Engine = "auto",
) -> Comparison:  # fmt: skip
    """Run the same mail through two scenarios and pair what came of it.

    Seed and number of replications are those of `a` unless given; `engine` is auto, compiled or reference, which give the same.
    Raises `NoDataError` where nothing arrived both ways.
    """
    require_scenario(a, b)
    seed = a.run.seed if seed is None else seed
    count = replications or a.run.replications
    done: dict[int, PairedRun] = {}
    with ExitStack() as stack:
        if executor is None:
            executor = stack.enter_context(open_executor(min(count, cpu_count() if jobs is None else jobs)))
        of_a, of_b = engines_for([(a, count), (b, count)], engine)
        for index, run in run_all(
            executor, compare_one, [(a, b, seed, number, (of_a, of_b)) for number in range(count)]
        ):
            done[index] = run
            if progress:
                progress(len(done), count)
    runs = [done[index] for index in sorted(done)]
    return Comparison(
        _name(a, b, 0), _name(a, b, 1),
        _table([run.delays for run in runs], ["flow", "figure"], SMALL_SHARE, SMALL_S),
        _table([run.outcomes for run in runs], ["flow", "outcome"]),
        _table([run.servers for run in runs], ["server", "stage", "figure"], SMALL_SHARE, SMALL_S),
        _table([run.totals for run in runs], ["figure"], SMALL_SHARE),
        diff_routes(a, b), len(runs), sum(run.messages for run in runs), sum(run.unpaired for run in runs),
        all(run.same_mail for run in runs), " and ".join(sorted({name for run in runs for name in run.engines})),
    )  # fmt: skip


def compare_one(
    a: Scenario, b: Scenario, seed: int, replication: int, engines: tuple[Engine, Engine] = ("auto", "auto")
) -> PairedRun:
    """One replication of both, and what is kept of it. Picklable in and out."""
    one, other = (
        run_one(each, seed, replication, name, engine=engine)
        for each, name, engine in ((a, "A", engines[0]), (b, "B", engines[1]))
    )
    return paired(one, other)


def paired(a: Results, b: Results) -> PairedRun:
    """Pair two runs of the same mail. Raises `NoDataError` where nothing arrived both ways."""
    one, other = _arrived(a), _arrived(b)
    both = one.add_suffix("_a").join(other.add_suffix("_b"), how="inner")
    if both.empty:
        raise NoDataError("no message arrived in both: there is nothing to compare")
    same = bool(np.array_equal(both["born_s_a"], both["born_s_b"]) and np.array_equal(both["size_a"], both["size_b"]))
    totals: dict[Key, Pair] = {
        ("WAN bytes",): Pair(a.wan_bytes, b.wan_bytes),
        ("SMTP transactions",): Pair(float(a.measured["hops"].sum()), float(b.measured["hops"].sum())),
    }
    messages = len(both) if same else 0
    delays = _delays(both, a.window_s) if same else _unpaired_delays(one, other)
    return PairedRun(
        delays, _outcomes(a, b), _servers(a, b), totals, messages, len(one) + len(other) - 2 * messages, same,
        frozenset(str(each.provenance["engine"]) for each in (a, b) if "engine" in each.provenance),
    )  # fmt: skip


def _arrived(results: Results) -> pd.DataFrame:
    """Delivered mail by message and flow: when its last copy was there, for how many."""
    mail = results.measured
    mail = mail[mail["outcome"] == "delivered"]
    groups = mail.groupby(["mail", "flow"], observed=True, sort=True)
    return groups.agg(
        delay_s=("delay_s", "max"),
        recipients=("recipients", "sum"),
        born_s=("born_s", "min"),
        size=("size_bytes", "min"),
    )


def _delays(both: pd.DataFrame, window_s: tuple[float, float]) -> dict[Key, Pair]:
    """Mean and percentiles by flow, each message counting for its recipients as `Results.delays` does."""
    found: dict[Key, Pair] = {}
    begin_s, end_s = window_s
    for flow, part in both.groupby(level="flow", observed=True):
        weights = part["recipients_a"].to_numpy(dtype=np.float64)
        one, other = part["delay_s_a"].to_numpy(), part["delay_s_b"].to_numpy()
        at = (part["born_s_a"].to_numpy() - begin_s) / (end_s - begin_s) * BLOCKS
        block = np.clip(at, 0, BLOCKS - 1).astype(np.int64)
        blocks = {"mean": _block_means((other - one) * weights, weights, block)}
        figures = [_figures(values, weights) for values in (one, other)]
        found |= {
            (str(flow), name): Pair(figures[0][name], figures[1][name], blocks.get(name, ())) for name in figures[0]
        }
    return found


def _unpaired_delays(one: pd.DataFrame, other: pd.DataFrame) -> dict[Key, Pair]:
    """The same figures of mail that is not the same: all of one against all of the other."""
    both = [
        {
            flow: _figures(part["delay_s"].to_numpy(), part["recipients"].to_numpy(dtype=np.float64))
            for flow, part in arrived.groupby(level="flow", observed=True)
        }
        for arrived in (one, other)
    ]
    flows = [flow for flow in both[0] if flow in both[1]]
    return {(str(flow), name): Pair(both[0][flow][name], both[1][flow][name]) for flow in flows for name in FIGURES}


def _figures(delay_s: Floats, weights: Floats) -> dict[str, float]:
    """Mean and percentiles, each message counting for its recipients."""
    quantiles = weighted_quantiles(delay_s, weights, [0.5, 0.95, 0.99])
    return dict(zip(FIGURES, (float(np.average(delay_s, weights=weights)), *map(float, quantiles)), strict=True))


def _block_means(values: Floats, weights: Floats, block: NDArray[np.int64]) -> tuple[float, ...]:
    top, bottom = np.bincount(block, values, BLOCKS), np.bincount(block, weights, BLOCKS)
    used = bottom > 0
    return tuple((top[used] / bottom[used]).tolist())


def _outcomes(a: Results, b: Results) -> dict[Key, Pair]:
    one, other = a.outcomes(), b.outcomes()
    flows = sorted({str(flow) for flow in [*one.index, *other.index]})
    return {
        (flow, outcome): Pair(float(one[outcome].get(flow, 0)), float(other[outcome].get(flow, 0)))
        for flow in flows for outcome in TABLE_OUTCOMES
    }  # fmt: skip


def _servers(a: Results, b: Results) -> dict[Key, Pair]:
    """Of each station the share of its limit that is in use, or the busy workers where either has none; and the mean wait."""
    shares, workers = [busy_shares(a), busy_shares(b)], [busy_workers(a), busy_workers(b)]
    found: dict[Key, Pair] = {}
    for station in sorted({*workers[0], *workers[1]}):
        limited = all(station in share or station not in busy for share, busy in zip(shares, workers, strict=True))
        one, other = (each.get(station, 0.0) for each in (shares if limited else workers))
        found[(*station, SHARE if limited else BUSY)] = Pair(one, other)
    waits = [_mean_waits(results) for results in (a, b)]
    for station in sorted({*waits[0]} & {*waits[1]}):
        found[(*station, WAIT)] = Pair(waits[0][station], waits[1][station])
    return dict(sorted(found.items()))


def _mean_waits(results: Results) -> dict[tuple[str, str], float]:
    stages = results.stages[results.stages["visits"] > 0]
    return {
        (str(server), str(stage)): wait_s
        for server, stage, wait_s in zip(stages["server"], stages["stage"], stages["mean_wait_s"].tolist(), strict=True)
    }


# --- over replications --------------------------------------------------------------------------------------------


def _table(
    runs: Sequence[dict[Key, Pair]], names: list[str], small_share: float = 0.0, small: float = 0.0
) -> pd.DataFrame:
    """One row a figure; a figure that some replication lacks counts as unknown there.

    Differences surely below `small_share` of the larger figure, or below `small`, are too small to matter.
    """
    keys = list(dict.fromkeys(key for run in runs for key in run))
    rows = []
    for key in keys:
        pairs = [run.get(key, Pair(nan, nan)) for run in runs]
        one, other = np.array([pair.a for pair in pairs]), np.array([pair.b for pair in pairs])
        differences = _without_rounding(other - one, one, other)
        blocks = np.array(pairs[0].blocks)
        interval = mean_interval(differences if len(pairs) > 1 else _without_rounding(blocks, one, other))
        shown = _shown(differences, interval, max(small, small_share * max(abs(one.mean()), abs(other.mean()))))
        rows.append((*key, one.mean(), other.mean(), differences.mean(), interval.low, interval.high, shown))
    columns = [*names, "a", "b", "difference", "low", "high", "shown"]
    return pd.DataFrame(rows, columns=columns).set_index(names)


def _without_rounding(differences: Floats, one: Floats, other: Floats) -> Floats:
    """The differences; those that are nothing but rounding are 0."""
    scale = max(1.0, np.nanmax(np.abs([one, other]), initial=0.0))
    return np.where(np.abs(differences) <= ROUNDING * scale, 0.0, differences)


def _shown(differences: Floats, interval: Interval, small: float) -> str:
    """What the interval shows; nothing different in any replication is the same."""
    if not np.isnan(differences).any() and not differences.any():
        return SAME
    if not interval.known:
        return UNKNOWN
    if interval.low <= 0 <= interval.high:
        return UNSHOWN
    if -small < interval.low and interval.high < small:
        return TOO_SMALL
    if interval.low > 0:
        return "more"
    return "less"


def _name(a: Scenario, b: Scenario, which: int) -> str:
    """By title, else by file, else by letter, whatever tells them apart."""
    titles, files = (a.title, b.title), (a.source.file, b.source.file)
    for names in (titles, files):
        if names[0] != names[1] and all(names):
            return names[which]
    return "AB"[which]
