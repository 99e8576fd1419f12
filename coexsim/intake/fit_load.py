"""The load in a log: rates by side and hour, growth, shares of the flows, recipients, sizes."""

from __future__ import annotations

from math import nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake import figures as fig
from coexsim.intake.figures import MeasuredFigure
from coexsim.intake.fit_counts import SENDER_SIDES, Complete
from coexsim.intake.fit_sizes import QUANTILES, SizeFit
from coexsim.intake.logs.journeys import Journeys
from coexsim.intake.logs.sides import (
    NULL_SENDER,
    SIDE_OF_KIND,
    Sides,
)
from coexsim.scenario.load_profile import LoadSpec, mean_recipients

DAY_S, HOUR_S = 86400.0, 3600.0
WEEKS_FOR_GROWTH = 3


def mail_of(found: Journeys, sides: Sides) -> pd.DataFrame:
    """The messages that people and the Internet sent: no notices; with `side`."""
    messages = found.messages
    side = sides.senders[messages["sender"].to_numpy()]
    found_mail: pd.DataFrame = messages.assign(side=side)
    kept: pd.DataFrame = found_mail[~messages["is_notice"] & (side != NULL_SENDER) & (messages["sender"] >= 0)]
    return kept


def period_of(mail: pd.DataFrame) -> tuple[float, float]:
    """From when to when mail was handed in: the first and the last message, and the mean gap after it."""
    if len(mail) < 2:
        return (float(mail["arrived_s"].min()), float(mail["arrived_s"].min())) if len(mail) else (nan, nan)
    first, last = float(mail["arrived_s"].min()), float(mail["arrived_s"].max())
    return first, last + (last - first) / (len(mail) - 1)


def rate_figures(mail: pd.DataFrame, complete: Complete, zone_s: float) -> list[MeasuredFigure]:
    """Messages a second by side, the peak hour and minute, growth."""
    begin_s, end_s = period_of(mail)
    length_s = end_s - begin_s
    found: list[MeasuredFigure] = []
    if not complete.counts_hold:
        low, high = fig.count_interval(complete.sure)[0] / length_s, fig.count_interval(complete.most)[1] / length_s
        why = f"the log lacks about {complete.lost_share:.0%} of its lines: messages cannot be counted, only bounded"
        return [fig.cannot_say("rates", "messages handed in", "1/s", why, low, high)]
    found.append(fig.rate("rates", "messages handed in", len(mail), length_s))
    for number, side in enumerate(SENDER_SIDES):
        found.append(fig.rate("rates", f"messages handed in, {side}", int((mail["side"] == number).sum()), length_s))
    times_s = np.sort(mail["arrived_s"].to_numpy()) + zone_s
    for name, unit_s in (("busiest minute", 60.0), ("peak hour", HOUR_S)):
        if length_s >= unit_s:
            found.append(_peak(name, times_s, unit_s))
        else:
            found.append(fig.cannot_say("rates", name, "1/h", f"the log covers {length_s:.3g} s"))
    found.append(_growth(times_s))
    return found


def _peak(name: str, times_s: NDArray[np.float64], unit_s: float) -> MeasuredFigure:
    slots, counts = np.unique(np.floor(times_s / unit_s), return_counts=True)
    best = int(counts.argmax())
    low, high = fig.count_interval(int(counts[best]))
    when = pd.Timestamp(slots[best] * unit_s, unit="s").strftime("%a %d %b %H:%M")
    return MeasuredFigure(
        "rates",
        name,
        float(counts[best]),
        low,
        high,
        "1/h" if unit_s == HOUR_S else "1/min",
        int(counts[best]),
        nan,
        when,
    )


def _growth(times_s: NDArray[np.float64]) -> MeasuredFigure:
    """Growth a week: a line through the logarithms of the counts of whole weeks."""
    from scipy.special import stdtrit

    weeks = np.floor((times_s - times_s[0]) / (7 * DAY_S)) if len(times_s) else times_s
    whole = int((times_s[-1] - times_s[0]) // (7 * DAY_S)) if len(times_s) else 0
    if whole < WEEKS_FOR_GROWTH:
        return fig.cannot_say(
            "rates", "growth a week", "1", f"it takes {WEEKS_FOR_GROWTH} whole weeks; the log has {whole}"
        )
    counts = np.array([(weeks == week).sum() for week in range(whole)], float)
    slope, level = np.polyfit(np.arange(whole), np.log(np.maximum(counts, 1)), 1)
    rest = np.log(np.maximum(counts, 1)) - (level + slope * np.arange(whole))
    spread = np.sqrt((rest**2).sum() / (whole - 2)) / (np.sqrt(whole) * np.arange(whole).std())
    half = float(stdtrit(whole - 2, 0.975)) * float(spread)  # Student's, two parameters fitted
    return MeasuredFigure(
        "rates",
        "growth a week",
        float(np.expm1(slope)),
        float(np.expm1(slope - half)),
        float(np.expm1(slope + half)),
        "1",
        int(counts.sum()),
    )


def curves(mail: pd.DataFrame, zone_s: float) -> tuple[list[float] | None, list[float] | None]:
    """Shares of the hours of a day, and factors of the days of a week; None where the log is too short."""
    begin_s, end_s = period_of(mail)
    times_s = mail["arrived_s"].to_numpy() + zone_s
    day = week = None
    if end_s - begin_s >= 0.8 * DAY_S:
        hours = np.bincount((times_s // HOUR_S % 24).astype(int), minlength=24)
        day = [round(100 * n / len(times_s), 3) for n in hours.tolist()]
    if end_s - begin_s >= 6.5 * DAY_S:
        days = np.bincount(((times_s // DAY_S + 3) % 7).astype(int), minlength=7).astype(
            float
        )  # 1 January 1970 was a Thursday
        seen = np.bincount(
            ((np.arange(begin_s + zone_s, end_s + zone_s, HOUR_S) // DAY_S + 3) % 7).astype(int), minlength=7
        )
        each = days / np.maximum(seen, 1)
        week = [round(float(n), 3) for n in each / max(float(np.sort(each)[-5:].mean()), 1e-9)]
    return day, week


def recipient_figures(
    found: Journeys, mail: pd.DataFrame, complete: Complete, assumed: LoadSpec | None
) -> list[MeasuredFigure]:
    """Recipients a message by side, and copies a hop."""
    rows: list[MeasuredFigure] = []
    for number, side in enumerate((*SENDER_SIDES, "all")):
        part = mail if side == "all" else mail[mail["side"] == number]
        table = (
            assumed.internet_recipients or assumed.recipients
            if assumed and side == "internet"
            else assumed.recipients
            if assumed
            else None
        )
        guess = mean_recipients(table) if table else nan
        if complete.counts_hold:
            counts = part["recipients"].to_numpy()
            rows.append(fig.mean("recipients", f"recipients a message, {side}", counts[counts > 0], "1", guess))
        else:
            row = part["row"].to_numpy()
            counts = found.joined.visits["recipients"].to_numpy()[row[(row >= 0) & part["is_sure"].to_numpy()]]
            rows.append(
                fig.mean(
                    "recipients",
                    f"recipients a message, {side}",
                    counts[counts > 0],
                    "1",
                    guess,
                    "as the first server counts them, groups opened",
                )
            )
    went = found.joined.deliveries
    if len(went) and complete.counts_hold:
        hops = went[went["next"] >= 0]
        rows.append(
            fig.mean(
                "recipients",
                "recipients a transfer between servers",
                hops.groupby(["row", "next"]).size().to_numpy(),
                "1",
            )
        )
        fan = went.drop_duplicates(["row", "relay", "is_local"]).groupby("row").size().to_numpy()
        rows.append(fig.mean("recipients", "destinations a message at a server", fan, "1"))
    return rows


def recipient_table(mail: pd.DataFrame, side: int | None = None) -> dict[int, float]:
    """Messages by their number of recipients, in percent."""
    part = mail if side is None else mail[mail["side"] == side]
    counts = part["recipients"].to_numpy()
    numbers, n = np.unique(counts[counts > 0], return_counts=True)
    return {
        int(k): round(100 * float(v) / float(n.sum()), 3) for k, v in zip(numbers.tolist(), n.tolist(), strict=True)
    }


def size_figures(fit: SizeFit | None, complete: Complete, assumed: LoadSpec | None) -> list[MeasuredFigure]:
    """Mean and quantiles of the sizes, and how well the law fits. Few huge messages make the mean: where lines are missing, so may they."""
    if fit is None:
        return [fig.cannot_say("sizes", "size of a message", "B", "no message's size is logged")]
    guess = assumed.sizes.mean_bytes if assumed else nan
    rows = [fig.mean("sizes", "size of a message, mean", fit.sizes, "B", guess)]
    if not complete.counts_hold:
        why = "a few huge messages make the mean, and lines are missing"
        rows = [fig.cannot_say("sizes", "size of a message, mean", "B", why)]
    for p in QUANTILES:
        if len(fit.sizes) * min(p, 1 - p) >= 3:
            rows.append(
                fig.quantile(
                    "sizes",
                    f"size of a message, {p:.4g} quantile",
                    fit.sizes,
                    p,
                    "B",
                    assumed=_assumed_quantile(assumed, p),
                )
            )
    if fit.law is not None:
        word = "the law fits" if fit.is_law_good else "the law does not fit: use the table"
        rows.append(
            MeasuredFigure(
                "sizes", "greatest distance of law and data", fit.distance, nan, nan, "1", len(fit.sizes), nan, word
            )
        )
    return rows


def _assumed_quantile(assumed: LoadSpec | None, p: float) -> float:
    from coexsim.draw.mail_table import size_quantiles

    return float(size_quantiles(assumed.sizes, np.array([p]))[0]) if assumed else nan


def inside_figures(
    found: Journeys, sides: Sides, mail: pd.DataFrame, complete: Complete, assumed: LoadSpec | None
) -> list[MeasuredFigure]:
    """The internal share of the copies that mailboxes receive, and the flows' shares."""
    if not complete.counts_hold:
        why = f"the log lacks about {complete.lost_share:.0%} of its lines: where mail began and ended is not known of all alike"
        return [
            fig.cannot_say("flows", name, "1", why)
            for name in ("internal share of received copies", "shares of the flows")
        ]
    copies = found.copies
    mine = copies["message"].isin(mail.index).to_numpy()
    side = sides.copy_side
    from_side = np.full(len(found.messages), -1)
    from_side[mail.index.to_numpy()] = mail["side"].to_numpy()
    origin = from_side[copies["message"].to_numpy()]
    into = mine & (copies["outcome"].to_numpy() <= 1) & (side <= 1)
    guess = assumed.internal_share if assumed and assumed.internal_share is not None else nan
    rows = [
        fig.share(
            "flows", "internal share of received copies", int((into & (origin <= 1)).sum()), int(into.sum()), guess
        )
    ]
    total = int((mine & (side <= 2)).sum())
    for a, sender in enumerate(SENDER_SIDES):
        for b, to in enumerate(SENDER_SIDES):
            n = int((mine & (origin == a) & (side == b)).sum())
            if n:
                rows.append(fig.share("flows", f"{sender}->{to}, of all copies", n, total))
    return rows


def flow_name(sender: int, to: int) -> str:
    """``hosted->onprem``, as in the tables of a run."""
    return f"{SIDE_OF_KIND[sender]}->{SIDE_OF_KIND[to] or 'onprem'}"
