"""What a log shows of sessions, concurrency, retries and outages."""

from __future__ import annotations

from math import inf, nan
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake import figures as fig
from coexsim.intake.figures import MeasuredFigure
from coexsim.intake.logs.book import DEFERRED, SENT
from coexsim.intake.logs.join import Joined, ip_of, name_of

Floats = NDArray[np.float64]
UNREACHABLE = ("4.4.1", "4.4.2", "4.3.2")
OUTAGE_TRIES = 3  # so many failures in a row, with no success, are an outage
OUTAGE_S = 5.0
FEW_GAPS = 10


class HostOutage(NamedTuple):
    """A time during which a host could not be reached."""

    host: str
    server: int  # number of the logged server; -1: not logged
    from_s: float
    to_s: float
    failures: int


def session_figures(joined: Joined, names: dict[int, str], *, is_whole: bool = True) -> list[MeasuredFigure]:
    """Messages a session, its length, sessions at once, and connections used again. Where lines are missing, the most is a bound."""
    sessions = joined.book.sessions.frame()
    rows: list[MeasuredFigure] = []
    if not len(sessions):
        return [fig.cannot_say("sessions", "messages a session", "1", "this kind of log has no lines about sessions")]
    begun = len(rows)
    for server, name in names.items():
        part = sessions[sessions["server"] == server]
        if not len(part):
            continue
        rows.append(fig.mean("sessions", f"{name}, messages a session", part["messages"].to_numpy(), "1"))
        most = most_at_once(part["from_s"].to_numpy(), part["to_s"].to_numpy() + 1.0)
        whole = "times are whole seconds: at most so many" if np.all(part["from_s"] % 1 == 0) else ""
        rows.append(
            MeasuredFigure(
                "sessions", f"{name}, sessions at once, most", float(most), nan, nan, "1", len(part), nan, whole
            )
        )
    went = joined.deliveries
    remote = went[(~went["is_local"]) & (went["status"] == SENT)]
    if len(remote):
        each = remote.drop_duplicates(["row", "next_id"])
        rows.append(
            fig.share(
                "sessions",
                "transfers over a connection that was used before",
                int((each["reuse"] > 1).sum()),
                len(each),
            )
        )
        rows += _at_once(joined, each, names)
    return rows if is_whole else [*rows[:begun], *map(_at_least, rows[begun:])]


def _at_least(figure: MeasuredFigure) -> MeasuredFigure:
    """The most that was at once, where lines are missing: no less than what is seen."""
    if not figure.name.endswith(", most"):
        return figure
    return fig.cannot_say(
        "sessions", figure.name, figure.unit, "lines are missing: it may have been more", figure.value, inf
    )


def _at_once(joined: Joined, transfers: pd.DataFrame, names: dict[int, str]) -> list[MeasuredFigure]:
    """Transfers of one server to one host at once."""
    visits, hosts = joined.visits, joined.book.hosts
    row = transfers["row"].to_numpy()
    end_s = visits["arrived_s"].to_numpy()[row] + transfers["delay_s"].to_numpy(np.float64)
    taken_s = transfers["connect_s"].to_numpy(np.float64) + transfers["transfer_s"].to_numpy(np.float64)
    server, relay = visits["server"].to_numpy()[row], transfers["relay"].to_numpy()
    rows = []
    for key in np.unique(np.stack([server, relay], axis=1), axis=0).tolist():
        mine = (server == key[0]) & (relay == key[1]) & np.isfinite(taken_s)
        if mine.sum() >= FEW_GAPS:
            most = most_at_once(end_s[mine] - taken_s[mine], end_s[mine] + 1e-6)
            name = name_of(hosts[key[1]]) or hosts[key[1]]
            rows.append(
                MeasuredFigure(
                    "sessions",
                    f"{names[key[0]]} to {name}, transfers at once, most",
                    float(most),
                    nan,
                    nan,
                    "1",
                    int(mine.sum()),
                )
            )
    return rows


def most_at_once(from_s: Floats, to_s: Floats) -> int:
    """The greatest number of intervals that overlap."""
    if not len(from_s):
        return 0
    times = np.concatenate([from_s, to_s])
    steps = np.concatenate([np.ones(len(from_s)), -np.ones(len(to_s))])
    order = np.lexsort((-steps, times))
    return int(np.cumsum(steps[order]).max())


def retry_gaps(joined: Joined) -> pd.DataFrame:
    """One row for each attempt after a failed one: server, host, gap_s, age_s (of the message), number (1: the first retry)."""
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
    table = pd.DataFrame({
        "server": joined.visits["server"].to_numpy()[row], "row": row, "gap_s": at_s[again] - at_s[again - 1], "at_s": at_s[again],
        "age_s": at_s[again] - joined.visits["arrived_s"].to_numpy()[row], "number": again - starts[again],
    })  # fmt: skip
    return table.drop_duplicates(["row", "at_s"])


def retry_figures(joined: Joined, gaps: pd.DataFrame, names: dict[int, str]) -> list[MeasuredFigure]:
    """How often mail was deferred, and the gaps between attempts."""
    went = joined.deliveries
    tried = went[went["was_tried"]]
    rows = [fig.share("retries", "attempts that were deferred", int((tried["status"] == DEFERRED).sum()), len(tried))]
    if not len(gaps):
        return [
            *rows,
            fig.cannot_say("retries", "gap between attempts", "s", "no message was tried again in these logs"),
        ]
    for server, name in names.items():
        part = gaps[gaps["server"] == server]
        if len(part):
            first = part[part["number"] == 1]["gap_s"].to_numpy()
            rows.append(
                fig.quantile("retries", f"{name}, gap to the second attempt, median", first, 0.5, "s", step=1.0)
            )
            rows.append(
                fig.quantile(
                    "retries", f"{name}, gap between attempts, p95", part["gap_s"].to_numpy(), 0.95, "s", step=1.0
                )
            )
    return rows


def retry_settings(gaps: pd.DataFrame, server: int) -> dict[str, str] | None:
    """Postfix's retry settings as far as its gaps show them; None: too few were seen.

    Mail is tried again at queue runs: the times of attempts lie a queue run, or several, apart.
    """
    part = gaps[gaps["server"] == server]
    if len(part) < FEW_GAPS:
        return None
    times = np.sort(part["at_s"].to_numpy())
    runs = times[np.r_[True, np.diff(times) > 1.5]]
    apart = np.diff(runs)
    apart = apart[apart >= 1.5]
    shortest, longest = float(np.quantile(part["gap_s"], 0.05)), float(part["gap_s"].max())
    run_s = float(np.median(apart[apart <= 1.5 * apart.min()])) if len(apart) >= 3 else shortest
    run_s = min(max(round(run_s), 1), round(shortest) or 1)
    return {
        "queue_run_delay": f"{run_s} s",
        "minimal_backoff_time": f"{max(run_s, round(shortest / run_s) * run_s)} s",
        "maximal_backoff_time": f"{max(run_s, round(longest / run_s) * run_s)} s",
    }


def outages(joined: Joined) -> list[HostOutage]:
    """Hosts that could not be reached for a while: failures in a row to connect, with no success between them, from any server."""
    went, book = joined.deliveries, joined.book
    codes = np.array([text in UNREACHABLE for text in book.codes.texts] + [False])
    failed = (went["status"].to_numpy() == DEFERRED) & codes[went["code"].to_numpy()] & ~went["is_local"].to_numpy()
    worked = (went["status"].to_numpy() == SENT) & ~went["is_local"].to_numpy()
    known = joined.host_servers()
    key = np.where(known >= 0, known, -2 - np.arange(len(known)))
    key[-1] = -1
    target = key[went["relay"].to_numpy()]
    found: list[HostOutage] = []
    for number in np.unique(target[failed]).tolist():
        if number == -1:
            continue
        bad, good = (
            np.sort(went["at_s"].to_numpy()[failed & (target == number)]),
            np.sort(went["at_s"].to_numpy()[worked & (target == number)]),
        )
        group = np.searchsorted(good, bad)
        for each in np.unique(group).tolist():
            run = bad[group == each]
            back_s = float(good[each]) if each < len(good) else float(run[-1])
            if len(run) < OUTAGE_TRIES or back_s - run[0] < OUTAGE_S:
                continue
            from_s, to_s = _known_times(joined, number, float(run[0]), back_s)
            text = (
                book.servers[number]
                if number >= 0
                else name_of(book.hosts[-2 - number]) or ip_of(book.hosts[-2 - number])
            )
            found.append(HostOutage(text, max(number, -1), from_s, to_s, len(run)))
    return sorted(found, key=lambda each: each.from_s)


def _known_times(joined: Joined, server: int, from_s: float, to_s: float) -> tuple[float, float]:
    """Where the server's own log says when it stopped and started, those times."""
    stops = [at_s for number, at_s in joined.book.stops if number == server and from_s - 60.0 <= at_s <= from_s + 1.0]
    starts = [at_s for number, at_s in joined.book.starts if number == server and from_s < at_s <= to_s + 1.0]
    return (max(stops) if stops else from_s), (min(starts) if starts else to_s)
