"""Service times from a log: what mail takes at each server, by stage, with its law and its dependence on size.

Postfix's ``delays=a/b/c/d`` are rounded to its delay resolution; times between the queue ids of two servers are known to the microsecond.
So a hop is measured from the arrival in one queue to the arrival in the next, and the rounded stages divide it only where they are larger
than the rounding. Deferred mail is left out: its waiting is the retry schedule's, not the server's.

A content filter behind the queue (Postfix's FILTER_README) hands mail back to the server that gave it: the hop from the queue before the
filter to the one behind it is scan, as that before the queue manager is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake.figures import MeasuredFigure, cannot_say, mean, quantile, spread
from coexsim.intake.fit_tries import UNSAID, source_name
from coexsim.intake.logs.book import LogBook

Floats = NDArray[np.float64]
TOPIC = "service"
SAME_SOURCE = 1.25  # sources whose medians before the queue manager differ by no more are pooled
COARSE_S = 0.5  # a log with such steps and longer ones tells no work that takes less
RESOLVED_STEPS = 2.0  # a stage whose mean is so many steps of the rounding long is told apart
FEW = 30  # fewer times give no law: their means are skewed
TENTHS, T_OF_NINE, JACKKNIFE_MOST = 10, 2.262, 20_000
STAGES = {
    "before_s": "a: receipt and scan",
    "queue_s": "b: in the queue manager",
    "connect_s": "c: connection set-up",
    "transfer_s": "d: transmission",
}
_ENDS = np.unique(
    np.round(np.concatenate([np.linspace(0, 0.9, 19), np.linspace(0.9, 0.99, 10), np.linspace(0.99, 1, 6)]), 6)
)


@dataclass
class Law:
    """How long a piece of work takes: ``values`` with ``weights``, plus ``per_mb_s`` for each 10^6 bytes."""

    messages: int
    per_mb_s: float
    values_s: list[float]
    weights: list[float]
    mean_s: float  # of the part that does not depend on size
    cv: float
    halves: tuple[float, float, float] = (nan, nan, nan)  # half the 95 % interval of mean_s, cv and per_mb_s

    def to_data(self) -> dict[str, object]:
        """As `service:` of a scenario has it."""
        data: dict[str, object] = {
            "law": "empirical",
            "values": [f"{1000 * v:.4g} ms" for v in self.values_s],
            "weights": self.weights,
        }
        if self.per_mb_s:
            data["per_MB"] = f"{1000 * self.per_mb_s:.4g} ms"
        return data


@dataclass
class MeasuredWork:
    """What was measured at one server."""

    accept: Law | None = None  # from a queue before it to its own
    scan: Law | None = (
        None  # before the queue manager, where the log tells it apart, and in a filter that hands mail back
    )
    is_filtered: bool = False  # mail goes through such a filter
    receipt_s: tuple[float, float] | None = (
        None  # mean before the queue manager, of the nearest source and of all others
    )
    deliver: Law | None = None  # from its queue into a mail file
    remarks: list[str] = field(default_factory=list)


def fit_law(times_s: Floats, sizes: NDArray[np.int64], step_s: float) -> Law | None:
    """The law of work that takes these times; `step_s` is the rounding of the times. None: too few."""
    law = _law(times_s, sizes, step_s)
    if law is not None:
        law.halves = _halves(times_s, sizes, step_s)
    return law


def _halves(times_s: Floats, sizes: NDArray[np.int64], step_s: float) -> tuple[float, float, float]:
    """Half the 95 % intervals of mean, cv and share by size: a jackknife that leaves out a tenth at a time (Quenouille 1956).

    Work need not grow in a line with size: the share by size is known no better than two ways to draw the line agree.
    """
    some = np.arange(len(times_s))
    if len(some) > JACKKNIFE_MOST:
        some = np.linspace(0, len(times_s) - 1, JACKKNIFE_MOST).astype(np.int64)
    rows = []
    for tenth in range(TENTHS):
        kept = some[some % TENTHS != tenth]
        known = kept[sizes[kept] >= 0]
        law = _law(times_s[kept], sizes[kept], step_s, FEW * (TENTHS - 1) // TENTHS)
        if law is None:
            return nan, nan, nan
        rows.append((law.mean_s, law.cv, _slope(times_s[known], sizes[known] / 1e6, step_s)))
    found = np.array(rows)
    error = np.sqrt((TENTHS - 1) * found.var(axis=0) * len(some) / len(times_s))
    mean_s, cv, per_mb_s = (T_OF_NINE * error).tolist()
    known = sizes >= 0
    mega = sizes[known] / 1e6
    through_medians = _slope(times_s[known], mega, step_s)
    if not isfinite(through_medians):
        return mean_s, cv, per_mb_s
    apart = abs(through_medians - float(np.polyfit(mega, times_s[known], 1)[0]))
    return max(mean_s, apart * float(mega.mean())), cv, max(per_mb_s, apart)


def _law(times_s: Floats, sizes: NDArray[np.int64], step_s: float, least: int = FEW) -> Law | None:
    if len(times_s) < least:
        return None
    known = sizes >= 0
    raw = _slope(times_s[known], sizes[known] / 1e6, step_s)
    slope = raw if raw > 0 else 0.0
    if slope:  # what a message of unknown size takes may be its size's
        times_s, sizes = times_s[known], sizes[known]
    mega = np.maximum(sizes, 0) / 1e6
    filled = spread(times_s, step_s) if step_s else times_s
    rest = np.sort(np.maximum(filled - slope * (np.repeat(mega, len(filled) // len(mega))), 0.0))
    places = np.round(_ENDS * len(rest)).astype(int)
    values, weights = [], []
    for low, high in zip(places[:-1].tolist(), places[1:].tolist(), strict=True):
        if high > low:
            values.append(float(rest[low:high].mean()))
            weights.append(round((high - low) / len(rest), 6))
    middle = float(rest.mean())
    return Law(len(times_s), slope, values, weights, middle, float(rest.std() / middle) if middle else 0.0)


def _slope(times_s: Floats, mega: Floats, step_s: float) -> float:
    """Seconds for each 10^6 bytes: a line through the medians of classes of size, each weighted by how well it is known.

    Not a number: too few.
    """
    if len(mega) < FEW:
        return nan
    classes = np.floor(np.log2(np.maximum(mega, 1e-4)) * 2)
    x, y, w = [], [], []
    for each in np.unique(classes):
        part = classes == each
        if part.sum() >= 5:
            values = spread(times_s[part], step_s) if step_s else times_s[part]
            x.append(float(mega[part].mean()))
            y.append(float(np.median(values)))
            w.append(float(np.sqrt(part.sum()) / max(np.median(values), step_s, 1e-6)))
    if len(x) < 3:
        return nan
    return float(np.polyfit(x, y, 1, w=w)[0])


def server_work(
    book: LogBook, tries: pd.DataFrame, round_trips_s: dict[tuple[int, int], float]
) -> dict[int, MeasuredWork]:
    """The laws of each logged server. `round_trips_s`: what a session between two servers takes on the line alone, by the scenario."""
    found = {server: MeasuredWork() for server in range(len(book.servers))}
    step = np.array([book.resolution_s.get(server, 0.0) for server in found] or [0.0])
    before, queued = tries["before_s"].to_numpy(np.float64), tries["queue_s"].to_numpy(np.float64)
    server = tries["server"].to_numpy()
    waited = np.where(
        np.nan_to_num(queued) >= RESOLVED_STEPS * step[server], np.nan_to_num(queued), 0.0
    )  # a queue, to be simulated
    scanned = np.zeros(len(tries))
    for number, work in found.items():
        own = (server == number) & np.isfinite(before)
        filtered = own & (tries["next_server"].to_numpy() == number) & (tries["hop_s"].to_numpy() > 0)
        work.is_filtered = bool(filtered.sum() >= FEW)
        if work.is_filtered or (own.sum() >= FEW and before[own].mean() >= RESOLVED_STEPS * step[number]):
            scanned[own] = before[own]
            _scan(work, tries[own], waited[own], filtered[own], number, float(step[number]))
        elif own.any():
            work.remarks.append(
                f"receipt and scan take less than the log shows (steps of {1000 * step[number]:g} ms): counted with delivery and transfer"
            )
    local = tries["is_local"].to_numpy()
    for number, work in found.items():
        mine = local & (server == number)
        times = np.maximum(tries["delay_s"].to_numpy(np.float64)[mine] - scanned[mine] - waited[mine], 0.0)
        work.deliver = fit_law(times, tries["size_bytes"].to_numpy()[mine], float(step[number]))
        into = (tries["next_server"].to_numpy() == number) & (server != number) & (tries["hop_s"].to_numpy() > 0)
        line = np.array([round_trips_s.get((int(a), number), 0.0) for a in server[into]])
        times = np.maximum(tries["hop_s"].to_numpy()[into] - scanned[into] - waited[into] - line, 1e-5)
        work.accept = fit_law(times, tries["size_bytes"].to_numpy()[into], 0.0)
        if step[number] >= COARSE_S:
            _leave_out_what_is_too_short(work, float(step[number]))
    return found


def _scan(
    work: MeasuredWork, tries: pd.DataFrame, waited: Floats, filtered: NDArray[np.bool_], number: int, step_s: float
) -> None:
    """Set the law of receipt and scan at a server, by the first delivery of each visit; what a filter hands back is no new mail."""
    before, source = tries["before_s"].to_numpy(np.float64), tries["source"].to_numpy()
    sizes, first = tries["size_bytes"].to_numpy(), ~tries["visit"].duplicated().to_numpy()
    if work.is_filtered:
        first &= source != number
    nearest = _nearest(source, before, first)
    if nearest.sum() < first.sum():
        work.receipt_s = float(before[nearest].mean()), float(before[first & ~nearest].mean())
        work.remarks.append(
            f"receipt and scan by the {int(nearest.sum())} messages of the nearest source; what others take longer is their lines'"
        )
    if not work.is_filtered:
        work.scan = fit_law(before[nearest], sizes[nearest], step_s)
        return
    in_filter = np.where(filtered, tries["hop_s"].to_numpy() - waited - before, 0.0)
    receipt = np.where(nearest, before, before[nearest].mean())
    work.scan = fit_law(np.maximum(receipt + in_filter, 0.0)[first], sizes[first], 0.0)
    work.remarks.append(
        f"scan: {int((filtered & first).sum())} of {int(first.sum())} messages go through a filter that hands them back"
    )


def _leave_out_what_is_too_short(work: MeasuredWork, step_s: float) -> None:
    for name in ("accept", "deliver"):
        law = getattr(work, name)
        if law is not None and law.mean_s < RESOLVED_STEPS * step_s:
            setattr(work, name, None)
            work.remarks.append(
                f"{name}: the log has times in steps of {step_s:g} s, work that takes less cannot be told"
            )


def _nearest(source: NDArray[np.int64], before_s: Floats, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of these rows those of the source with the smallest median, and of others that are no longer than its resolution apart."""
    each, counts = np.unique(source[rows & (source != UNSAID)], return_counts=True)
    enough = each[counts >= FEW]
    if not len(enough):
        return rows
    medians = {number: float(np.median(before_s[rows & (source == number)])) for number in enough.tolist()}
    least = min(medians.values())
    alike = [number for number, median in medians.items() if median <= SAME_SOURCE * least]
    found: NDArray[np.bool_] = rows & np.isin(source, alike)
    return found


def _by_source(part: pd.DataFrame, name: str, name_of: dict[int, str]) -> list[MeasuredFigure]:
    """Stage a of each source of a server that has several."""
    firsts = part[np.isfinite(part["before_s"].to_numpy(np.float64))].drop_duplicates("visit")
    firsts = firsts[firsts["source"] != UNSAID]
    words = firsts["source"].map(lambda source: source_name(int(source), name_of))
    groups = [(word, rows) for word, rows in firsts.groupby(words) if len(rows) >= FEW]
    if len(groups) < 2:
        return []
    return [
        mean(TOPIC, f"{name}, a: receipt and scan, from {word}, mean", rows["before_s"].to_numpy(np.float64), "s")
        for word, rows in groups
    ]


def service_figures(
    book: LogBook,
    tries: pd.DataFrame,
    works: dict[int, MeasuredWork],
    name_of: dict[int, str],
    *,
    is_whole: bool = True,
) -> list[MeasuredFigure]:
    """Figures of every stage of every server. Where lines are missing (not `is_whole`), how much work varies cannot be said."""
    found: list[MeasuredFigure] = []
    for number, work in works.items():
        name, part = name_of[number], tries[tries["server"] == number]
        step = book.resolution_s.get(number, 0.0)
        for column, words in STAGES.items():
            values = part[column].to_numpy(np.float64)
            values = values[np.isfinite(values)]
            if len(values):
                small = f"below the log's steps of {1000 * step:g} ms" if values.mean() < step else ""
                found.append(mean(TOPIC, f"{name}, {words}, mean", values, "s", remark=small))
                found.append(quantile(TOPIC, f"{name}, {words}, p95", values, 0.95, "s", step=step))
            else:
                found.append(
                    cannot_say(TOPIC, f"{name}, {words}, mean", "s", "this kind of log does not tell stages apart")
                )
        found += _by_source(part, name, name_of)
        for label, law in (
            ("from the queue before it into its own", work.accept),
            ("scan", work.scan),
            ("from its queue into a mail file", work.deliver),
        ):
            if law is not None:
                for words, value, half, unit in zip(
                    ("mean of the part without size", "coefficient of variation", "per MB"),
                    (law.mean_s, law.cv, law.per_mb_s), law.halves, ("s", "1", "s/MB"), strict=True,
                ):  # fmt: skip
                    if words == "coefficient of variation" and not is_whole:
                        why = "lines are missing: few long ones make most of it, and of them some may be"
                        found.append(cannot_say(TOPIC, f"{name}, {label}, {words}", unit, why))
                        continue
                    low, high = max(value - half, 0.0), value + half
                    if unit == "s/MB" and not isfinite(half):
                        found.append(
                            cannot_say(TOPIC, f"{name}, {label}, {words}", unit, "too few messages of different sizes")
                        )
                        continue
                    found.append(
                        MeasuredFigure(TOPIC, f"{name}, {label}, {words}", value, low, high, unit, law.messages)
                    )
    return found
