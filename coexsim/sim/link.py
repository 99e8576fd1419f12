"""One direction of a link: all transfers under way share its bandwidth equally."""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from operator import itemgetter
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from coexsim.sim.calendar import Calendar
from coexsim.sim.clock import WORLD, At, fire
from coexsim.sim.formulas import link_left_s, link_share_bytes
from coexsim.sim.stage_log import StageLog


class FairLink:
    """A link that gives each of n transfers under way one n-th of `bytes_per_s` (None: no limit).

    What a transfer is given while under way is the same for all of them, so one sum of it, `_share_bytes`,
    serves all: a transfer of s bytes ends when the sum has grown by s, and a heap of these ends is all there
    is to keep. One timer runs at a time. When a transfer joins, the timer stays if it rings early enough, and
    is set again when it rings.

    Transfers break when a closed time of `calendar` begins. `log` has a visit for each transfer, with no
    wait.
    """

    __slots__ = (
        "_at_once_bytes", "_busy_log", "_busy_since_s", "_calendar", "_env", "_joined", "_log", "_number",
        "_share_bytes", "_shared_at_s", "_timer", "_timer_s", "_under_way", "broken", "bytes_per_s", "name",
    )  # fmt: skip

    def __init__(
        self, env: simpy.Environment, name: str, bytes_per_s: float | None, calendar: Calendar, log: StageLog
    ) -> None:
        if bytes_per_s is not None and not bytes_per_s > 0:
            raise ValueError(f"{name} needs a bandwidth above zero, found {bytes_per_s} bytes/s")
        self.name = name
        self.bytes_per_s = bytes_per_s
        self.broken = 0  # transfers cut off
        self._env = env
        self._calendar = calendar if calendar else None
        self._log = log
        log.in_order = False  # transfers are recorded when they end
        self._at_once_bytes: dict[int, float] = {}  # per bin
        self._busy_log = log.sibling("busy", workers=1)
        self._busy_since_s = 0.0
        # heap: end in share bytes, number, sent, event
        self._under_way: list[tuple[float, int, float, simpy.Event]] = []
        self._number = 0
        self._share_bytes = 0.0
        self._shared_at_s = 0.0
        self._timer: simpy.Event | None = None
        self._timer_s = 0.0
        self._joined = False  # since the timer was set
        for from_s, _ in calendar:
            At(env, from_s, WORLD).callbacks.append(lambda _: self.break_all())

    @property
    def instant(self) -> bool:
        """Whether transfers take no time: `pass_at_once` then does without an event."""
        return self.bytes_per_s is None

    @property
    def under_way(self) -> int:
        """Transfers under way."""
        return len(self._under_way)

    def is_up(self) -> bool:
        """Whether the link carries anything now."""
        return self._calendar is None or self._calendar.is_open(self._env.now)

    def pass_at_once(self, size_bytes: float) -> bool:
        """A transfer over an `instant` link: True, or False when the link is down."""
        if not self.is_up():
            return False
        now_s = self._env.now
        self._log.record(now_s, now_s, now_s)
        at = int(now_s // self._log.bin_s)
        self._at_once_bytes[at] = self._at_once_bytes.get(at, 0) + size_bytes
        return True

    def note(self, times_s: NDArray[Any], size_bytes: NDArray[Any]) -> None:
        """Record transfers that cross an `instant` link at times that may lie ahead."""
        self._log.record_at_once(times_s)
        bins = (times_s // self._log.bin_s).astype(np.int64)
        first = int(bins.min())
        for at, crossed in enumerate(np.bincount(bins - first, size_bytes).tolist(), start=first):
            if crossed:
                self._at_once_bytes[at] = self._at_once_bytes.get(at, 0) + crossed

    def start(self, size_bytes: float) -> simpy.Event | bool:
        """`send`, or its outcome where it takes no time."""
        return self.pass_at_once(size_bytes) if self.bytes_per_s is None else self.send(size_bytes)

    def send(self, size_bytes: float) -> simpy.Event:
        """An event with value True when all bytes are over, or False when the link breaks or is down."""
        done = simpy.Event(self._env)
        if self.bytes_per_s is None:
            return done.succeed(self.pass_at_once(size_bytes))
        if not self.is_up():
            return done.succeed(False)
        now_s = self._env.now
        under_way = self._under_way
        if under_way:
            self._share(now_s)
        else:
            self._busy_since_s = self._shared_at_s = now_s
            self._share_bytes = 0.0
        heappush(under_way, (self._share_bytes + size_bytes, self._number, now_s, done))
        self._number += 1
        self._joined = True
        self._set_timer(now_s)
        return done

    def break_all(self) -> None:
        """Cut off all transfers under way, except those that end at this very moment."""
        if not self._under_way:
            return
        now_s = self._env.now
        self._share(now_s)
        for done in self._complete(now_s):
            fire(done, True)
        self.broken += len(self._under_way)
        broken = sorted(self._under_way, key=itemgetter(1))
        self._under_way.clear()
        self._timer = None
        self._busy_log.record(self._busy_since_s, self._busy_since_s, now_s)
        for _, _, sent_s, done in broken:
            self._log.record(sent_s, sent_s, now_s)
            fire(done, False)

    def close(self) -> None:
        """At the end of a run: record the transfers still under way."""
        for _, _, sent_s, _ in sorted(self._under_way, key=itemgetter(1)):
            self._log.record(sent_s, sent_s, inf)
        if self._under_way:
            self._busy_log.record(self._busy_since_s, self._busy_since_s, inf)

    def timeline(self) -> dict[str, NDArray[Any]]:
        """One entry a bin of the log.

        ===========  ===  ================================================================
        time_s       s    when the bin begins
        transfers    1    transfers that began
        bytes        1    bytes that crossed, those of transfers that broke later included
        utilisation  1    share of the time in which anything was under way; 0 if `instant`
        under_way    1    transfers under way, averaged over the bin
        ===========  ===  ================================================================
        """
        transfers = self._log.timeline()
        busy_s = self._busy_log.timeline()["busy_s"]
        crossed = busy_s * (self.bytes_per_s or 0.0)
        for at, size_bytes in self._at_once_bytes.items():
            if at < len(crossed):
                crossed[at] += size_bytes
        return {
            "time_s": transfers["time_s"],
            "transfers": transfers["arrivals"],
            "bytes": crossed,
            "utilisation": busy_s / self._log.bin_s,
            "under_way": transfers["busy_s"] / self._log.bin_s,
        }

    def _share(self, now_s: float) -> None:
        """Add what each transfer was given since the last time."""
        assert self.bytes_per_s is not None
        self._share_bytes = link_share_bytes(
            self._share_bytes, self._shared_at_s, now_s, self.bytes_per_s, len(self._under_way)
        )
        self._shared_at_s = now_s

    def _left_s(self) -> float:
        """Until the next transfer ends, if none joins."""
        assert self.bytes_per_s is not None
        return link_left_s(self._under_way[0][0], self._share_bytes, self.bytes_per_s, len(self._under_way))

    def _set_timer(self, now_s: float) -> None:
        left_s = self._left_s()
        if self._timer is None or now_s + left_s < self._timer_s:
            self._timer = self._env.timeout(left_s)
            self._timer.callbacks.append(self._ring)
            self._timer_s = now_s + left_s
            self._joined = False

    def _ring(self, timer: simpy.Event) -> None:
        if timer is not self._timer:
            return  # another one took its place
        self._timer = None
        now_s = self._env.now
        if self._joined:
            self._share(now_s)
        else:  # set for the first one's end: rounding must not leave a rest that takes no time to send
            self._share_bytes = self._under_way[0][0]
            self._shared_at_s = now_s
        ended = self._complete(now_s)
        if self._under_way:
            self._set_timer(now_s)
        else:
            self._busy_log.record(self._busy_since_s, self._busy_since_s, now_s)
        for done in ended:
            fire(done, True)

    def _complete(self, now_s: float) -> list[simpy.Event]:
        """Take out the transfers that have nothing left to send, or so little that the clock would not show it."""
        ended = []
        while self._under_way and now_s + self._left_s() <= now_s:
            _, _, sent_s, done = heappop(self._under_way)
            self._log.record(sent_s, sent_s, now_s)
            ended.append(done)
        return ended
