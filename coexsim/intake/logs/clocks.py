"""Clocks of servers: what each is ahead of the others, and how fast it drifts, from messages that go from one to the other.

A message reaches the next server between the begin of its transfer (arrival + a + b + c) and its end (arrival + delay). The medians of
both bounds, over all messages of a while, hold the difference of the two clocks in that while.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake.logs.tallies import RowSample

Floats = NDArray[np.float64]
NOISE_S = 0.05  # two clocks that differ by less are taken for one
MOST_DRIFT = 0.05  # seconds a second: no clock runs so fast, it was set
WHILES = 12  # a log is looked at in so many parts of equal length
FEW = 5  # messages in a while
SURE = 4.6  # standard errors: of the line through twelve whiles one in a thousand is so far off by chance (Student's t)
MOST = 50_000  # transfers of a pair of servers that are looked at: of more, every second, fourth and so on


class Clock(NamedTuple):
    """What a server's clock is ahead of the first one's at `at_s`, how much more each second, and whether it keeps to that."""

    ahead_s: float
    drift: float = 0.0
    at_s: float = 0.0
    off_s: float = 0.0  # how far it is from that line in some while: it was set, or its speed changed

    def ahead_at(self, times_s: Floats) -> Floats:
        """What it is ahead at each of these times."""
        found: Floats = self.ahead_s + self.drift * (times_s - self.at_s)
        return found


class _Pair(NamedTuple):
    """The bounds of the difference of two clocks in each while; not a number where too few messages tell."""

    low_s: Floats
    high_s: Floats
    messages: int

    def turned(self) -> _Pair:
        """The same, seen from the other clock."""
        return _Pair(-self.high_s, -self.low_s, self.messages)


class ClocksSeen:
    """Transfers between servers, by pair of servers and while: what they tell of the difference of two clocks."""

    def __init__(
        self, begin_s: float, end_s: float, rounds: NDArray[np.bool_] | None = None, zoned: frozenset[int] = frozenset()
    ) -> None:  # fmt: skip
        self._zoned = zoned  # servers whose logs say their time zone: others' times are local, of an unknown zone
        self._rounds = rounds  # by server: are its delays rounded as Postfix's are
        self._begin_s, self._length_s = begin_s, max(end_s - begin_s, 1e-9)
        self._pairs: dict[tuple[int, int], RowSample] = {}

    def add(self, visits: pd.DataFrame, deliveries: pd.DataFrame) -> None:
        """Take the transfers of a part: least and most that the clock of the server they lead to may be ahead."""
        rows = np.flatnonzero((deliveries["next"].to_numpy() >= 0) & np.isfinite(deliveries["delay_s"].to_numpy()))
        at, after = deliveries["row"].to_numpy()[rows], deliveries["next"].to_numpy()[rows]
        known = visits["is_arrival_known"].to_numpy()
        rows = rows[known[at] & known[after]]
        at, after = deliveries["row"].to_numpy()[rows], deliveries["next"].to_numpy()[rows]
        arrived_s, servers = visits["arrived_s"].to_numpy(), visits["server"].to_numpy().astype(np.int64)
        low_s = arrived_s[after] - arrived_s[at] - deliveries["delay_s"].to_numpy(np.float64)[rows]
        high_s = low_s + np.nan_to_num(deliveries["transfer_s"].to_numpy(np.float64)[rows])
        if self._rounds is not None:
            # Postfix writes two digits of a delay below ten seconds, and whole seconds above (log_adhoc.c)
            half_s = np.where(
                self._rounds[servers[at]], _half_step_s(deliveries["delay_s"].to_numpy(np.float64)[rows]), 0.0
            )
            low_s, high_s = low_s - half_s, high_s + half_s
        when = np.clip((arrived_s[at] - self._begin_s) / self._length_s * WHILES, 0, WHILES - 1).astype(np.int64)
        frame = pd.DataFrame({"low_s": low_s, "high_s": high_s, "when": when})
        keys = servers[at] << 32 | servers[after]
        for key in np.unique(keys).tolist():
            a, b = key >> 32, key & 0xFFFFFFFF
            if a != b:
                self._pairs.setdefault((a, b), RowSample(MOST)).add(frame[keys == key])

    def clocks(self) -> dict[int, Clock]:
        """The clock of each server that mail joins to others; the one with most mail, of those that say their zone, is right."""
        if not self._pairs:
            return {}
        pairs = {key: _pair(sample.frame(), sample.seen) for key, sample in sorted(self._pairs.items())}
        middles_s = self._begin_s + (np.arange(WHILES) + 0.5) / WHILES * self._length_s
        seen: dict[int, int] = {}
        for (a, b), pair in pairs.items():
            seen[a] = seen.get(a, 0) + pair.messages
            seen.setdefault(b, 0)
        clocks = {
            max(seen, key=lambda server: (server in self._zoned, seen[server], -server)): Clock(
                0.0, at_s=float(middles_s.mean())
            )
        }
        while reach := [(pair.messages, -a, -b) for (a, b), pair in pairs.items() if (a in clocks) != (b in clocks)]:
            _, a, b = (abs(number) for number in max(reach))
            pair, back = pairs[a, b], pairs.get((b, a))
            if back is not None and min(back.messages, pair.messages) >= FEW:
                pair = _both(pair, back.turned())
            if a not in clocks:
                a, b, pair = b, a, pair.turned()
            found, known = _difference(pair, middles_s), clocks[a]
            clocks[b] = found._replace(ahead_s=known.ahead_s + found.ahead_s, drift=known.drift + found.drift)
        return clocks


def _half_step_s(delay_s: Floats) -> Floats:
    """Half the step to which Postfix rounds a delay."""
    found: Floats = np.select([delay_s < 1.0, delay_s < 10.0], [0.005, 0.05], 0.5)
    return found


def _pair(seen: pd.DataFrame, messages: int) -> _Pair:
    when = seen["when"].to_numpy()
    return _Pair(_medians(seen["low_s"].to_numpy(), when), _medians(seen["high_s"].to_numpy(), when), messages)


def _medians(values: Floats, when: NDArray[np.int64]) -> Floats:
    """The median in each while with enough values; where no while has them, that of all stands for all."""
    found = np.full(WHILES, np.nan)
    for number in np.unique(when).tolist():
        part = values[when == number]
        if len(part) >= FEW:
            found[number] = np.median(part)
    return found if np.isfinite(found).any() else np.full(WHILES, np.median(values))


def _both(one: _Pair, other: _Pair) -> _Pair:
    """Bounds from both directions together, where both tell."""
    low, high = np.fmax(one.low_s, other.low_s), np.fmin(one.high_s, other.high_s)
    return _Pair(np.fmin(low, high), np.fmax(low, high), one.messages + other.messages)


def _difference(pair: _Pair, middles_s: Floats) -> Clock:
    """No difference where the bounds allow none; else a constant one; else a line through the middles of the bounds, if it surely rises."""
    known = np.isfinite(pair.low_s) & np.isfinite(pair.high_s)
    low_s, high_s, at_s = pair.low_s[known], pair.high_s[known], middles_s[known]
    middle_s = float(middles_s.mean())
    if np.all((low_s - NOISE_S <= 0) & (high_s + NOISE_S >= 0)):
        return Clock(0.0, at_s=middle_s)
    halves_s = (low_s + high_s) / 2
    constant = float(np.median(halves_s))
    if len(halves_s) < 3 or np.all((low_s - NOISE_S <= constant) & (high_s + NOISE_S >= constant)):
        return Clock(constant, at_s=middle_s)
    drift, ahead_s = (float(part) for part in np.polyfit(at_s - middle_s, halves_s, 1))
    noise_s = SURE * _noise_s(halves_s)
    if abs(drift) * float(np.sqrt(np.square(at_s - at_s.mean()).sum())) <= noise_s:
        ahead_s, drift = constant, 0.0
    if abs(drift) > MOST_DRIFT:
        return Clock(constant, 0.0, middle_s, float(np.abs(halves_s - constant).max()))
    line_s = ahead_s + drift * (at_s - middle_s)
    off_s = float(np.maximum(np.maximum(low_s - line_s, line_s - high_s), 0.0).max())
    moves_s = abs(drift) * (abs(ahead_s) + float(middles_s[1] - middles_s[0]))  # within a while
    return Clock(ahead_s, drift, middle_s, off_s if off_s > NOISE_S + noise_s + moves_s else 0.0)


def _noise_s(values_s: Floats) -> float:
    """The standard deviation of one value beside a steady change, from the steps between neighbours: one jump does not raise it.

    Of stamps in whole seconds the median of few messages is blurred by some tenths of one. A normal deviate's median is 0.6745 of its
    deviation, and a step has that of two values.
    """
    steps_s = np.diff(values_s)
    return float(np.median(np.abs(steps_s - np.median(steps_s)))) / (0.6745 * 2**0.5)
