"""The load in a log: rates by side and hour, growth, shares of the flows, recipients, sizes."""

from __future__ import annotations

from collections.abc import Collection
from math import inf, isfinite, nan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake import figures as fig
from coexsim.intake.figures import MeasuredFigure
from coexsim.intake.fit_complete import Complete
from coexsim.intake.fit_counts import SENDER_SIDES
from coexsim.intake.fit_sizes import QUANTILES, SizeFit
from coexsim.intake.logs.book import NOBODY
from coexsim.intake.logs.journeys import Journeys
from coexsim.intake.logs.sides import NULL_SENDER, SIDE_OF_KIND, Sides
from coexsim.intake.logs.tallies import Counts, Ints, ValueMoments, most_of
from coexsim.scenario.load_profile import LoadSpec, mean_recipients

DAY_S, HOUR_S = 86400.0, 3600.0
WEEKS_FOR_GROWTH = 3
ENOUGH_MESSAGES = 200  # of which a mean of recipients can be had where lines are missing: few messages go to many
ROUNDED_B, MANY_ROUND = 1000, 0.1  # if so many sizes are whole thousands, the log rounds them
SECONDS_TO = 6 * HOUR_S  # a log up to so long is counted by seconds, a longer one by minutes


def mail_of(found: Journeys, sides: Sides) -> pd.DataFrame:
    """The messages that people and the Internet sent: no notices; with `side`."""
    messages = found.messages
    side = sides.senders[messages["sender"].to_numpy()]
    found_mail: pd.DataFrame = messages.assign(side=side)
    kept: pd.DataFrame = found_mail[~messages["is_notice"] & (side != NULL_SENDER) & (messages["sender"] >= 0)]
    return kept


class TimesSeen:
    """From when to when mail was handed in; of all parts, before any is counted."""

    def __init__(self) -> None:
        self.first_s, self.last_s, self.messages = inf, -inf, 0

    def look(self, found: Journeys) -> None:
        """Take the mail of a part."""
        texts, messages = found.joined.book.addresses, found.messages
        sender = messages["sender"].to_numpy()
        empty = next((code for code, text in enumerate(texts.texts) if not text), NOBODY)
        times_s = messages["arrived_s"].to_numpy()[
            ~messages["is_notice"].to_numpy() & (sender >= 0) & (sender != empty)
        ]
        if len(times_s):
            self.messages += len(times_s)
            self.first_s = min(self.first_s, float(times_s.min()))
            self.last_s = max(self.last_s, float(times_s.max()))

    @property
    def period_s(self) -> tuple[float, float]:
        """The first and the last message, and the mean gap after it."""
        if self.messages < 2:
            return self.first_s, self.last_s
        return self.first_s, self.last_s + (self.last_s - self.first_s) / (self.messages - 1)


class LoadSeen:
    """When mail was handed in, by which side, to how many and to which side, a part after the other."""

    def __init__(self, times: TimesSeen, zone_s: float) -> None:
        self.period_s, self.zone_s = times.period_s, zone_s
        self.length_s = self.period_s[1] - self.period_s[0]
        self.slot_s = 1.0 if self.length_s <= SECONDS_TO else 60.0
        self.slots = Counts()  # time // slot_s << 2 | side, in UTC
        self._weeks = Counts()
        self._by_side = Counts()
        self._recipients = Counts()  # side << 32 | recipients
        self._sure_recipients = (
            Counts()
        )  # the same, as the first server counts them, of mail that certainly begins here
        self._flows = Counts()  # (side of the sender << 8 | that of the copy) << 1 | whether it arrived
        self._transfers, self._fan = ValueMoments(), ValueMoments()

    def add(self, found: Journeys, sides: Sides, mail: pd.DataFrame) -> None:
        """Count the mail of a part."""
        times_s, side = mail["arrived_s"].to_numpy(), np.minimum(mail["side"].to_numpy(np.int64), 3)
        self.slots.add((times_s // self.slot_s).astype(np.int64) << 2 | side)
        self._weeks.add(np.floor((times_s - self.period_s[0]) / (7 * DAY_S)).astype(np.int64))
        self._by_side.add(side)
        self._recipients.add(side << 32 | mail["recipients"].to_numpy(np.int64))
        row = mail["row"].to_numpy()
        sure = (row >= 0) & mail["is_sure"].to_numpy()
        counted = found.joined.visits["recipients"].to_numpy(np.int64)[row[sure]]
        self._sure_recipients.add(side[sure] << 32 | np.maximum(counted, 0))
        of_message = np.full(len(found.messages), -1)
        of_message[mail.index.to_numpy()] = side
        origin = of_message[found.copies["message"].to_numpy()]
        arrived = found.copies["outcome"].to_numpy() <= 1
        mine = origin >= 0
        self._flows.add((origin[mine] << 8 | sides.copy_side[mine]) << 1 | arrived[mine])
        went = found.joined.deliveries
        if len(went):
            hops = went[went["next"] >= 0]
            self._transfers.add(hops.groupby(["row", "next"]).size().to_numpy())
            self._fan.add(went.drop_duplicates(["row", "relay", "is_local"]).groupby("row").size().to_numpy())

    @property
    def messages(self) -> int:
        """All of them."""
        return self._by_side.total

    def of_side(self, side: int) -> int:
        """Messages that a side sent."""
        return self._by_side[side]

    def copies(self, senders: Collection[int], to: Collection[int], *, arrived: bool = False) -> int:
        """Copies from these sides to those: all, or only those that arrived."""
        found = 0
        for key, n in self._flows.items():
            if key >> 9 in senders and (key >> 1 & 0xFF) in to and (key & 1 or not arrived):
                found += n
        return found

    def recipients(self, side: int | None = None, *, sure: bool = False) -> tuple[Ints, Ints]:
        """Numbers of recipients that messages had, and how many messages had each."""
        found: dict[int, int] = {}
        for key, n in (self._sure_recipients if sure else self._recipients).items():
            count = key & 0xFFFFFFFF
            if count and side in (None, key >> 32):
                found[count] = found.get(count, 0) + n
        pairs = np.array(sorted(found.items()), np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def hours(self) -> pd.DataFrame:
        """Messages by hour of local time and side."""
        table: dict[tuple[int, str], int] = {}
        for key, n in self.slots.items():
            hour = int((key >> 2) * self.slot_s + self.zone_s) // 3600 * 3600
            pair = hour, (*SENDER_SIDES, "unknown")[key & 3]
            table[pair] = table.get(pair, 0) + n
        rows = [(hour, side, n) for (hour, side), n in sorted(table.items())]
        return pd.DataFrame(rows, columns=["hour_s", "side", "messages"])

    def rate_figures(self, complete: Complete) -> list[MeasuredFigure]:
        """Messages a second by side, the peak hour and minute, growth."""
        found: list[MeasuredFigure] = []
        if not complete.counts_hold:
            why = f"{complete.why}: messages cannot be counted, only bounded"
            if self.length_s <= 0:  # of one message
                return [fig.cannot_say("rates", "messages handed in", "1/s", why)]
            low = fig.count_interval(complete.sure)[0] / self.length_s
            most = inf if complete.unlogged else complete.most + complete.missed
            high = fig.count_interval(int(most))[1] / self.length_s if isfinite(most) else inf
            return [fig.cannot_say("rates", "messages handed in", "1/s", why, low, high)]
        found.append(fig.rate("rates", "messages handed in", self.messages, self.length_s))
        for number, side in enumerate(SENDER_SIDES):
            found.append(fig.rate("rates", f"messages handed in, {side}", self.of_side(number), self.length_s))
        for name, unit_s in (("busiest minute", 60.0), ("peak hour", HOUR_S)):
            if self.length_s >= unit_s:
                found.append(self._peak(name, unit_s))
            else:
                found.append(fig.cannot_say("rates", name, "1/h", f"the log covers {self.length_s:.3g} s"))
        if complete.missed:  # so many more, if the silences are missing lines
            more = 1.0 + complete.missed / max(self.messages, 1)
            found = [
                each._replace(high=max(each.high * more, each.high + complete.missed * _is_peak(each)))
                for each in found
            ]
        # from the first to the last message
        found.append(_growth(self._weeks, self.length_s * (self.messages - 1) / max(self.messages, 1)))
        return found

    def _peak(self, name: str, unit_s: float) -> MeasuredFigure:
        counts = Counts()
        for key, n in self.slots.items():
            slot = int(((key >> 2) * self.slot_s + self.zone_s) // unit_s)
            counts.by_key[slot] = counts[slot] + n
        best = most_of(counts.by_key)[0]
        n = counts[best]
        low, high = fig.count_interval(n)
        when = pd.Timestamp(best * unit_s, unit="s").strftime("%a %d %b %H:%M")
        return MeasuredFigure("rates", name, float(n), low, high, "1/h" if unit_s == HOUR_S else "1/min", n, nan, when)

    def curves(self) -> tuple[list[float] | None, list[float] | None]:
        """Shares of the hours of a day, and factors of the days of a week; None where the log is too short."""
        keys, counts = self.slots.values()
        times_s = (keys >> 2) * self.slot_s + self.zone_s
        begin_s, end_s = self.period_s
        day = week = None
        if self.length_s >= 0.8 * DAY_S:
            hours = np.bincount((times_s // HOUR_S % 24).astype(int), counts, minlength=24)
            day = [round(100 * n / self.messages, 3) for n in hours.tolist()]
        if self.length_s >= 6.5 * DAY_S:
            days = np.bincount(_weekday(times_s), counts, minlength=7).astype(float)
            seen = np.bincount(_weekday(np.arange(begin_s + self.zone_s, end_s + self.zone_s, HOUR_S)), minlength=7)
            each = days / np.maximum(seen, 1)
            week = [round(float(n), 3) for n in each / max(float(np.sort(each)[-5:].mean()), 1e-9)]
        return day, week

    def recipient_figures(self, complete: Complete, assumed: LoadSpec | None) -> list[MeasuredFigure]:
        """Recipients a message by side, and copies a hop."""
        rows: list[MeasuredFigure] = []
        for number, side in enumerate((*SENDER_SIDES, "all")):
            table = None
            if assumed is not None:
                table = (assumed.internet_recipients if side == "internet" else None) or assumed.recipients
            guess = mean_recipients(table) if table else nan
            values, counts = self.recipients(None if side == "all" else number, sure=not complete.counts_hold)
            found = ValueMoments()
            found.add_counted(values, counts)
            if not complete.counts_hold and found.n < ENOUGH_MESSAGES:
                why = f"lines are missing, and of {found.n} messages only it is sure that they begin here: long lists may be among others"
                rows.append(fig.cannot_say("recipients", f"recipients a message, {side}", "1", why))
                continue
            figure = fig.mean_of("recipients", f"recipients a message, {side}", found, "1", guess, least=1)
            if complete.unlogged:
                figure = fig.cannot_say("recipients", figure.name, "1", complete.why, 1.0, inf)
            elif not complete.counts_hold:  # the first server opens groups before it counts, so no less than was named
                why = "lines are missing: of what is left the first server's count is known, groups opened, so at most so many"
                # few messages go to many: Student's interval is too narrow for so few
                figure = fig.cannot_say("recipients", figure.name, "1", why, 1.0, 2 * figure.high - figure.value)
            rows.append(figure)
        if self._fan.n and complete.counts_hold:
            rows.append(
                fig.mean_of("recipients", "recipients a transfer between servers", self._transfers, "1", least=1)
            )
            rows.append(fig.mean_of("recipients", "destinations a message at a server", self._fan, "1"))
        return rows

    def recipient_table(self, *sides: int) -> dict[int, float]:
        """Messages of these sides by their number of recipients, in percent."""
        found = Counts()
        for side in sides:
            for number, n in zip(*(each.tolist() for each in self.recipients(side)), strict=True):
                found.by_key[number] = found[number] + n
        return {number: round(100 * n / found.total, 3) for number, n in found.items()}

    def flow_figures(self, complete: Complete, assumed: LoadSpec | None) -> list[MeasuredFigure]:
        """The internal share of the copies that mailboxes receive, and the flows' shares."""
        if not complete.counts_hold:
            why = f"{complete.why}: where mail began and ended is not known of all alike"
            return [
                fig.cannot_say("flows", name, "1", why)
                for name in ("internal share of received copies", "shares of the flows")
            ]
        guess = assumed.internal_share if assumed and assumed.internal_share is not None else nan
        own, everyone = (0, 1), (0, 1, 2, 3)
        part, whole = self.copies(own, own, arrived=True), self.copies(everyone, own, arrived=True)
        rows = [fig.share("flows", "internal share of received copies", part, whole, guess)]
        total = self.copies(everyone, (0, 1, 2))
        for a, sender in enumerate(SENDER_SIDES):
            for b, to in enumerate(SENDER_SIDES):
                if n := self.copies((a,), (b,)):
                    rows.append(fig.share("flows", f"{sender}->{to}, of all copies", n, total))
        return rows


def _is_peak(figure: MeasuredFigure) -> bool:
    """Is it a count of the busiest time, in which a silence may lie as a whole."""
    return figure.unit in ("1/min", "1/h")


def _weekday(times_s: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = ((times_s // DAY_S + 3) % 7).astype(np.int64)  # 1 January 1970 was a Thursday
    return found


def _growth(weeks: Counts, length_s: float) -> MeasuredFigure:
    """Growth a week: a line through the logarithms of the counts of whole weeks."""
    from scipy.special import stdtrit

    whole = int(length_s // (7 * DAY_S))
    if whole < WEEKS_FOR_GROWTH:
        return fig.cannot_say(
            "rates", "growth a week", "1", f"it takes {WEEKS_FOR_GROWTH} whole weeks; the log has {whole}"
        )
    counts = np.array([weeks[week] for week in range(whole)], float)
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


def size_figures(
    fit: SizeFit | None, complete: Complete, assumed: LoadSpec | None, messages: int = 0
) -> list[MeasuredFigure]:
    """Mean and quantiles of the sizes, and how well the law fits. Few huge messages make the mean: where lines are missing, so may they.

    `messages`: how many there were, also those that were refused before they came, whose sizes are in no log.
    """
    if fit is None:
        return [fig.cannot_say("sizes", "size of a message", "B", "no message's size is logged")]
    guess = assumed.sizes.mean_bytes if assumed else nan
    rows = [fig.mean_of("sizes", "size of a message, mean", fit.moments, "B", guess)]
    if not complete.counts_hold:
        why = "a few huge messages make the mean, and lines or logs are missing"
        rows = [fig.cannot_say("sizes", "size of a message, mean", "B", why)]
    elif (lost := messages - fit.moments.n) > 0:
        why = f"{lost:,} of {messages:,} messages have no size in the logs, as those that are refused before they come"
        rows = [rows[0]._replace(remark=why)]
    step = ROUNDED_B if (fit.sizes % ROUNDED_B == 0).mean() > MANY_ROUND else 0.0
    for p in QUANTILES:
        if len(fit.sizes) * min(p, 1 - p) >= 3:
            rows.append(
                fig.quantile(
                    "sizes",
                    f"size of a message, {p:.4g} quantile",
                    fit.sizes,
                    p,
                    "B",
                    step=step,
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


def flow_name(sender: int, to: int) -> str:
    """``hosted->onprem``, as in the tables of a run."""
    return f"{SIDE_OF_KIND[sender]}->{SIDE_OF_KIND[to] or 'onprem'}"
