"""Load, queues, transfers and attempts of servers, predicted beside measured: one comparison a figure."""

from __future__ import annotations

from math import nan

import numpy as np
import pandas as pd

from coexsim.answers import CANNOT_SAY, MET, MISSED, Answer
from coexsim.experiment.results import Results
from coexsim.intake.fit import Fit
from coexsim.intake.fit_ways import roles_of
from coexsim.intake.validate_measure import measured_servers, predicted_servers, to_other_servers
from coexsim.intake.validate_rows import FEWEST, ValidatedFigure
from coexsim.scenario.model import Scenario
from coexsim.units import say_duration


def server_rows(
    results: Results, given: Scenario, found: Fit, tolerance: float
) -> tuple[pd.DataFrame, list[ValidatedFigure]]:
    """Messages a minute from other servers, the longest queue, and busy transfers."""
    real, guess = measured_servers(found, given), predicted_servers(results)
    both = real.merge(guess, on=["server", "minute", "what"], how="left").fillna({"predicted": 0.0})
    rows: list[ValidatedFigure] = []
    for server, part in both.groupby("server"):
        come = part[part["what"] == "arrivals"]
        total, predicted = float(come["measured"].sum()), float(come["predicted"].sum())
        if total >= FEWEST and len(come):
            minutes = len(come)
            spread = 2 * np.sqrt(total) / minutes
            verdict: Answer = MET if abs(predicted - total) <= tolerance * total else MISSED
            name = f"{server}: messages from other servers"
            rows.append(
                ValidatedFigure(
                    "servers",
                    name,
                    predicted / minutes,
                    total / minutes,
                    total / minutes - spread,
                    total / minutes + spread,
                    "1/min",
                    int(total),
                    verdict,
                )
            )
        queue = part[part["what"] == "queue"]
        if len(queue) and queue["measured"].isna().all():
            name, guess_most = (
                f"{server}: most messages in the queue at the end of a minute",
                float(queue["predicted"].max()),
            )
            rows.append(
                ValidatedFigure(
                    "servers",
                    name,
                    guess_most,
                    nan,
                    nan,
                    nan,
                    "1",
                    0,
                    CANNOT_SAY,
                    "not in this log: it has no times of delivery",
                )
            )
        elif len(queue):
            rows.append(_queue_row(str(server), queue, tolerance))
    rows += _busy_rows(results, found, tolerance)
    return both, rows


def _queue_row(server: str, queue: pd.DataFrame, tolerance: float) -> ValidatedFigure:
    """The longest queue at a minute's end; small queues are chance."""
    most, guess = float(queue["measured"].max()), float(queue["predicted"].max())
    name = f"{server}: most messages in the queue at the end of a minute"
    if max(most, guess) < 10:
        return ValidatedFigure(
            "servers",
            name,
            guess,
            most,
            nan,
            nan,
            "1",
            int(most),
            MET if guess == most else CANNOT_SAY,
            "" if guess == most else "fewer than ten",
        )
    verdict: Answer = MET if abs(guess - most) <= tolerance * most else MISSED
    return ValidatedFigure("servers", name, guess, most, nan, nan, "1", int(most), verdict)


def _busy_rows(results: Results, found: Fit, tolerance: float) -> list[ValidatedFigure]:
    """Transfers under way, mean over the time of the log: set-up and transmission (c and d), as far as the log's steps let it be known."""
    joined = found.journeys.joined
    went = joined.deliveries
    length_s = found.period_s[1] - found.period_s[0]
    server = joined.visits["server"].to_numpy()[went["row"].to_numpy()]
    each = went.assign(server=server)[to_other_servers(joined)].drop_duplicates(["row", "relay", "at_s"])
    stages = results.stages[results.stages["stage"] == "transfer"].groupby("server", observed=True)["mean_busy"].mean()
    rows = []
    for number, name in found.names.items():
        part = each[each["server"] == number]
        taken = part["connect_s"].to_numpy(np.float64) + part["transfer_s"].to_numpy(np.float64)
        taken = taken[np.isfinite(taken)]
        if len(taken) < FEWEST or name not in stages.index or length_s <= 0:
            continue
        busy, guess, step = (
            float(taken.sum()) / length_s,
            float(stages[name]),
            joined.book.resolution_s.get(number, 0.0),
        )
        # c and d are rounded each: a transfer may have taken so much less or more.
        low = float(np.maximum(taken - step, 0.0).sum()) / length_s
        high = float((taken + step).sum()) / length_s
        row = ValidatedFigure(
            "servers", f"{name}: transfers under way, mean", guess, busy, low, high, "1", len(taken), MET
        )
        if row.off > tolerance and low <= guess <= high:
            known = f"the log, whose times have steps of {say_duration(step)}, knows it only to {low:.2g} to {high:.2g}"
            row = row._replace(verdict=CANNOT_SAY, remark=known)
        elif row.off > tolerance:
            row = row._replace(verdict=MISSED)
        rows.append(row)
    return rows


def retry_rows(results: Results, given: Scenario, found: Fit, tolerance: float) -> list[ValidatedFigure]:
    """Attempts a copy; where servers that send have no log, the attempts of those that have one."""
    tried = results.stages[results.stages["stage"] == "transfer"].groupby("server", observed=True)["visits"].sum()
    tried = tried[tried > 0] / max(len(results.replications), 1)
    if not set(map(str, tried.index)) <= set(found.names.values()):
        return _attempt_rows(tried, given, found, tolerance)
    copies = found.journeys.copies
    mine = copies["message"].isin(found.replayed.index).to_numpy() & np.isin(copies["outcome"].to_numpy(), (0, 1))
    local = np.where(copies["outcome"].to_numpy()[mine] == 0, 1, 0)
    real = float((copies["attempts"].to_numpy()[mine] - local).sum())
    done = results.measured[results.measured["outcome"] == "delivered"]
    guess = float((done["attempts"].to_numpy() * done["recipients"].to_numpy()).sum()) / max(
        len(results.replications), 1
    )
    n = int(mine.sum())
    if not n:
        return []
    row = ValidatedFigure(
        "retries", "attempts between servers for each delivered copy", guess / n, real / n, nan, nan, "1", n, MET
    )
    return [row if row.off <= tolerance or guess == real else row._replace(verdict=MISSED)]


def _attempt_rows(tried: pd.Series, given: Scenario, found: Fit, tolerance: float) -> list[ValidatedFigure]:
    """Attempts of each logged server to hand mail on, however many recipients had part in one. `tried`: predicted, by server."""
    joined = found.journeys.joined
    went = joined.deliveries
    server = joined.visits["server"].to_numpy()[went["row"].to_numpy()]
    each = went.assign(server=server)[to_other_servers(joined) & went["was_tried"].to_numpy()]
    counts = each.drop_duplicates(["row", "relay", "at_s"]).groupby("server").size()
    rows = []
    for number, name in found.names.items():
        real = float(counts.get(number, 0))
        guess = sum(float(tried.get(role, 0.0)) for role in roles_of(found, given, name))
        if real:
            row = ValidatedFigure(
                "retries",
                f"{name}: attempts to hand mail on",
                guess,
                real,
                nan,
                nan,
                "1",
                int(real),
                MET,
                "other servers have no log",
            )
            rows.append(row if row.off <= tolerance else row._replace(verdict=MISSED))
    return rows
