"""What a log shows of sessions, concurrency, retries and outages."""

from __future__ import annotations

from math import inf, isfinite, nan
from typing import NamedTuple

import numpy as np
import pandas as pd

from coexsim.intake import figures as fig
from coexsim.intake.figures import MeasuredFigure
from coexsim.intake.logs.book import DEFERRED, SENT, LogBook
from coexsim.intake.logs.join import Joined, ip_of, name_of
from coexsim.intake.logs.tallies import Floats, Ints, Overlap

UNREACHABLE = ("4.4.1", "4.4.2", "4.3.2")
OUTAGE_TRIES = 3  # so many failures in a row, with no success, are an outage
OUTAGE_S = 5.0
FEW_GAPS = 10
# Queue runs that must be seen, and how sharply: 0 is not at all, 1 all at one time.
FEWEST_RUNS, LONGEST_RUN_S, SHARP = 4, 3600, 0.4
GAP_COLUMNS = ["server", "row", "gap_s", "at_s", "age_s", "number"]


class HostOutage(NamedTuple):
    """A time during which a host could not be reached."""

    host: str
    server: int  # number of the logged server; -1: not logged
    from_s: float
    to_s: float
    failures: int


class TrafficSeen:
    """Transfers, retries and failures to reach a host, a part after the other."""

    def __init__(self) -> None:
        self._transfers = self._again = self._tried = self._deferred = 0
        self._at_once: dict[tuple[int, int], Overlap] = {}  # server and host
        self._gaps: list[pd.DataFrame] = []

    def add(self, joined: Joined) -> None:
        """Take what a part shows."""
        went = joined.deliveries
        remote = went[(~went["is_local"]) & (went["status"] == SENT)]
        each = remote.drop_duplicates(["row", "next_id"])
        self._transfers += len(each)
        self._again += int((each["reuse"] > 1).sum())
        tried = went["was_tried"].to_numpy()
        self._tried += int(tried.sum())
        self._deferred += int((went["status"].to_numpy()[tried] == DEFERRED).sum())
        if len(gaps := retry_gaps(joined)):
            self._gaps.append(gaps)
        visits, row = joined.visits, each["row"].to_numpy()
        end_s = visits["arrived_s"].to_numpy()[row] + each["delay_s"].to_numpy(np.float64)
        taken_s = each["connect_s"].to_numpy(np.float64) + each["transfer_s"].to_numpy(np.float64)
        keys = visits["server"].to_numpy(np.int64)[row] << 32 | np.maximum(each["relay"].to_numpy(np.int64), 0)
        keys[~np.isfinite(taken_s) | (each["relay"].to_numpy() < 0)] = -1
        order = np.argsort(keys, kind="stable")
        for key in np.unique(keys[keys >= 0]).tolist():
            mine = order[np.searchsorted(keys[order], key) : np.searchsorted(keys[order], key, "right")]
            overlap = self._at_once.setdefault((key >> 32, key & 0xFFFFFFFF), Overlap())
            overlap.add(end_s[mine] - taken_s[mine], end_s[mine] + 1e-6)

    @property
    def gaps(self) -> pd.DataFrame:
        """One row for each attempt after a failed one: server, row, gap_s, at_s, age_s, number."""
        return pd.concat(self._gaps, ignore_index=True) if self._gaps else pd.DataFrame(columns=GAP_COLUMNS)

    def session_figures(self, book: LogBook, names: dict[int, str], *, is_whole: bool = True) -> list[MeasuredFigure]:
        """Messages a session, sessions at once, and connections used again. Where lines are missing, the most is a bound."""
        by_server = book.sessions.by_server()
        if not by_server:
            why = "this kind of log has no lines about sessions"
            return [fig.cannot_say("sessions", "messages a session", "1", why)]
        rows: list[MeasuredFigure] = []
        for server, name in names.items():
            if (seen := by_server.get(server)) is None:
                continue
            rows.append(fig.mean_of("sessions", f"{name}, messages a session", seen.messages, "1"))
            rows.append(_most(f"{name}, sessions at once, most", seen.at_once, is_whole=seen.is_whole))
        if self._transfers:
            words = "transfers over a connection that was used before"
            rows.append(fig.share("sessions", words, self._again, self._transfers))
            for (server, host), overlap in sorted(self._at_once.items()):
                if overlap.n >= FEW_GAPS:
                    to = name_of(book.hosts[host]) or book.hosts[host]
                    rows.append(_most(f"{names[server]} to {to}, transfers at once, most", overlap))
        return rows if is_whole else [*map(_at_least, rows)]

    def retry_figures(self, names: dict[int, str]) -> list[MeasuredFigure]:
        """How often mail was deferred, and the gaps between attempts."""
        rows = [fig.share("retries", "attempts that were deferred", self._deferred, self._tried)]
        gaps = self.gaps
        if not len(gaps):
            why = "no message was tried again in these logs"
            return [*rows, fig.cannot_say("retries", "gap between attempts", "s", why)]
        for server, name in names.items():
            part = gaps[gaps["server"] == server]
            if len(part):
                first = part[part["number"] == 1]["gap_s"].to_numpy()
                every = part["gap_s"].to_numpy()
                rows.append(
                    fig.quantile("retries", f"{name}, gap to the second attempt, median", first, 0.5, "s", step=1.0)
                )
                rows.append(fig.quantile("retries", f"{name}, gap between attempts, p95", every, 0.95, "s", step=1.0))
        return rows


def _most(name: str, overlap: Overlap, *, is_whole: bool = False) -> MeasuredFigure:
    said = "times are whole seconds: at most so many" if is_whole else ""
    if overlap.step_s:
        said = f"times taken in steps of {overlap.step_s:g} s, since there are so many: at most so many at once"
    return MeasuredFigure("sessions", name, float(overlap.most), nan, nan, "1", overlap.n, nan, said)


def _at_least(figure: MeasuredFigure) -> MeasuredFigure:
    """The most that was at once, where lines are missing: no less than what is seen."""
    if not figure.name.endswith(", most"):
        return figure
    if "sessions at once" in figure.name:
        why = "lines are missing: of few sessions both begin and end are known"
        return fig.cannot_say("sessions", figure.name, figure.unit, why)
    return fig.cannot_say(
        "sessions", figure.name, figure.unit, "lines are missing: it may have been more", figure.value, inf
    )


def retry_gaps(joined: Joined) -> pd.DataFrame:
    """One row for each attempt after a failed one: server, row, gap_s, at_s, age_s (of the message), number (1: the first retry)."""
    went = joined.deliveries
    keys = went["row"].to_numpy() * (1 << 31) + went["to"].to_numpy()
    order = np.lexsort((went["at_s"].to_numpy(), keys))
    keys, at_s, status = keys[order], went["at_s"].to_numpy()[order], went["status"].to_numpy()[order]
    again = np.flatnonzero((keys[1:] == keys[:-1]) & (status[:-1] == DEFERRED)) + 1
    starts = (
        np.maximum.accumulate(np.where(np.r_[True, keys[1:] != keys[:-1]], np.arange(len(keys)), 0))
        if len(keys)
        else keys
    )
    row = went["row"].to_numpy()[order][again]
    begun_s = at_s[again] - np.nan_to_num(
        went["connect_s"].to_numpy(np.float64)[order][again]
    )  # a host that is down is waited for
    table = pd.DataFrame({
        "server": joined.visits["server"].to_numpy()[row], "row": row, "gap_s": begun_s - at_s[again - 1], "at_s": begun_s,
        "age_s": begun_s - joined.visits["arrived_s"].to_numpy()[row], "number": again - starts[again],
    })  # fmt: skip
    return table.drop_duplicates(["row", "at_s"])


class RetryGaps(NamedTuple):
    """When a Postfix was seen to try mail again: at queue runs, after `shortest_s` at the least and `longest_s` at the most.

    `longest_s` is None where no mail waited so long that the greatest gap would show.
    """

    run_s: int
    shortest_s: int
    longest_s: int | None

    def as_postfix(self) -> dict[str, str]:
        """In the words of main.cf."""
        said = {
            "queue_run_delay": self.run_s,
            "minimal_backoff_time": self.shortest_s,
            "maximal_backoff_time": self.longest_s,
        }
        return {name: f"{value} s" for name, value in said.items() if value is not None}

    def as_plan(self) -> dict[str, str]:
        """As the `retry` of a server of whatever kind whose log is a Postfix's."""
        said = {"first": self.shortest_s, "longest": self.longest_s, "queue_run": self.run_s}
        return {"like": "postfix"} | {name: f"{value} s" for name, value in said.items() if value is not None}


def retry_settings(gaps: pd.DataFrame, server: int) -> RetryGaps | None:
    """Postfix's retry settings as far as its gaps show them; None: too few were seen.

    Mail that has waited a while is due again after as long, no sooner than `minimal_backoff_time` and no later than
    `maximal_backoff_time`, and goes at the next queue run (qmgr_active.c). So a gap is longer than that by up to a queue run.
    """
    part = gaps[gaps["server"] == server]
    if len(part) < FEW_GAPS:
        return None
    gap_s, age_s = part["gap_s"].to_numpy(), part["age_s"].to_numpy()
    shortest_s = max(round(float(np.quantile(gap_s, 0.05))), 1)
    run_s = _queue_run_s(part["at_s"].to_numpy()) or shortest_s
    capped = gap_s[age_s - gap_s > gap_s + run_s]  # it had waited longer than it was then put off
    longest_s = round(float(np.quantile(capped, 0.05))) if len(capped) >= FEW_GAPS else None
    return RetryGaps(run_s, shortest_s, None if longest_s is None else max(longest_s, shortest_s))


def _queue_run_s(times_s: Floats) -> int | None:
    """The period in which attempts come, by how sharply their phases agree; None: none is seen."""
    span_s = float(np.ptp(times_s))
    periods = np.arange(2, min(int(span_s / FEWEST_RUNS), LONGEST_RUN_S) + 1)
    if not len(periods):
        return None
    sharp = np.array([abs(np.exp(2j * np.pi * times_s / period).mean()) for period in periods])
    if sharp.max() < SHARP:
        return None
    return int(periods[np.flatnonzero(sharp >= 0.98 * sharp.max())[-1]])


class OutagesSeen:
    """Hosts that could not be reached for a while: failures in a row to connect, with no success between them, from any server.

    First `look` through all parts for failures, then `add` the successes of each part.
    """

    def __init__(self, book: LogBook, hosts: Ints) -> None:
        self._book = book
        codes = [text in UNREACHABLE for text in book.codes.texts]
        self._codes = np.array([*codes, False])
        key = np.where(hosts >= 0, hosts, -2 - np.arange(len(hosts)))
        key[-1] = -1
        self._target = key
        self._parts: dict[int, list[Floats]] = {}  # target: times of failures, and how long each took
        self._bad: dict[int, Floats] = {}  # target: when it could not be reached, sorted
        self._waited: dict[int, Floats] = {}  # how long it was waited for then: an attempt fails when that is over
        self._good: dict[int, Floats] = {}  # target: the first success between two failures

    def look(self, joined: Joined) -> None:
        """Take the failures of a part."""
        went = joined.deliveries
        failed = (went["status"].to_numpy() == DEFERRED) & ~went["is_local"].to_numpy()
        failed &= self._codes[went["code"].to_numpy()]
        target, at_s = self._target[went["relay"].to_numpy()[failed]], went["at_s"].to_numpy()[failed]
        waited_s = np.nan_to_num(went["connect_s"].to_numpy(np.float64)[failed])
        for number in np.unique(target[target != -1]).tolist():
            mine = target == number
            self._parts.setdefault(number, []).append(np.stack([at_s[mine], waited_s[mine]]))

    def add(self, joined: Joined) -> None:
        """Take the successes of a part."""
        if not self._bad:
            for number, parts in self._parts.items():
                at_s, waited_s = np.concatenate(parts, axis=1)
                order = np.argsort(at_s, kind="stable")
                self._bad[number], self._waited[number] = at_s[order], waited_s[order]
            self._good = {number: np.full(len(bad) + 1, inf) for number, bad in self._bad.items()}
        went = joined.deliveries
        worked = (went["status"].to_numpy() == SENT) & ~went["is_local"].to_numpy()
        target, at_s = self._target[went["relay"].to_numpy()[worked]], went["at_s"].to_numpy()[worked]
        for number, bad in self._bad.items():
            mine = at_s[target == number]
            np.minimum.at(self._good[number], np.searchsorted(bad, mine, "right"), mine)

    def outages(self) -> list[HostOutage]:
        """The outages in the order of time."""
        found: list[HostOutage] = []
        for number, bad in sorted(self._bad.items()):
            good = self._good[number]
            ends = np.flatnonzero(np.isfinite(good[1:]) | (np.arange(len(bad)) == len(bad) - 1))
            begin = 0
            for end in ends.tolist():
                run, back_s = bad[begin : end + 1], float(good[end + 1])
                begun_s = float(run[0] - self._waited[number][begin])
                begin = end + 1
                back_s = back_s if isfinite(back_s) else float(run[-1])
                if len(run) < OUTAGE_TRIES or back_s - begun_s < OUTAGE_S:
                    continue
                from_s, to_s = _known_times(self._book, number, begun_s, back_s)
                found.append(HostOutage(self._name(number), max(number, -1), from_s, to_s, len(run)))
        return sorted(found, key=lambda each: each.from_s)

    def _name(self, number: int) -> str:
        if number >= 0:
            return self._book.servers[number]
        host = self._book.hosts[-2 - number]
        return name_of(host) or ip_of(host)


def _known_times(book: LogBook, server: int, from_s: float, to_s: float) -> tuple[float, float]:
    """Where the server's own log says when it stopped and started, those times."""
    stops = [at_s for number, at_s in book.stops if number == server and from_s - 60.0 <= at_s <= from_s + 1.0]
    starts = [at_s for number, at_s in book.starts if number == server and from_s < at_s <= to_s + 1.0]
    return (max(stops) if stops else from_s), (min(starts) if starts else to_s)
