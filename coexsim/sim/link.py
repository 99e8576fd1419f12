"""One direction of a link: all transfers under way share its bandwidth equally."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from math import inf
from operator import itemgetter
from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray
from simpy.events import ProcessGenerator

from coexsim.sim.clock import WORLD, At, Clock
from coexsim.sim.downtime import DowntimeSchedule
from coexsim.sim.formulas import link_left_s, link_share_bytes
from coexsim.sim.stage_log import StageLog


class FairLink:
    """A link that gives each of n transfers under way one n-th of `bytes_per_s` (None: no limit).

    What a transfer is given while under way is the same for all of them, so one sum of it, `_share_bytes`,
    serves all: a transfer of s bytes ends when the sum has grown by s, and a heap of these ends is all there
    is to keep. While anything is under way, a SimPy process waits for the next end; a transfer that joins and
    ends sooner interrupts it.

    `background` is other traffic, as times and bytes/s from then on, the first at 0: transfers have what it leaves of
    the `bandwidth` of the line [bytes/s; None: no limit]; that is `bytes_per_s`.

    Transfers break when `downtime` begins. `log` has a visit for each transfer, with no
    wait. `number` tells the links of a network apart: the order of their changes at one moment.
    """

    __slots__ = (
        "_busy_since_s",
        "_carrier",
        "_env",
        "_joined",
        "_next_end_s",
        "_number",
        "_order",
        "_share_bytes",
        "_shared_at_s",
        "_under_way",
        "at_once_bytes",
        "background",
        "bandwidth",
        "busy_log",
        "bytes_per_s",
        "downtime",
        "log",
        "name",
    )  # fmt: skip

    def __init__(
        self, env: Clock, name: str, bytes_per_s: float | None, downtime: DowntimeSchedule, log: StageLog,
        background: Sequence[tuple[float, float]] = (), number: int = 0,
    ) -> None:  # fmt: skip
        if bytes_per_s is not None and not bytes_per_s > 0:
            raise ValueError(f"{name} needs a bandwidth above zero, found {bytes_per_s} bytes/s")
        self.name = name
        self.bytes_per_s = bytes_per_s
        self._env = env
        self.downtime = downtime
        self.log = log
        log.in_order = False  # transfers are recorded when they end
        self.at_once_bytes: dict[int, float] = {}  # per bin
        self.busy_log = log.sibling("busy", workers=1)
        self._busy_since_s = 0.0
        # heap: end in share bytes, number, sent, event
        self._under_way: list[tuple[float, int, float, simpy.Event]] = []
        self._number = 0
        self._share_bytes = 0.0
        self._shared_at_s = 0.0
        self._carrier: simpy.Process | None = None
        self._next_end_s = 0.0
        self._joined = False  # since the carrier began to wait
        self.bandwidth = bytes_per_s
        self.background = tuple(background)
        self._order = WORLD + number
        if self.background and bytes_per_s is not None:
            self.bytes_per_s = bytes_per_s - self.background[0][1]
        if downtime or self.background:
            env.process(self._change())

    def changes(self) -> Iterator[tuple[float, float | None]]:
        """What becomes of the link, in the order of time: when, and its bandwidth for mail from then on [bytes/s]; None: it goes down."""
        breaks = [(down_s, 0, None) for down_s, _ in self.downtime]
        whole = self.bandwidth
        rests = [] if whole is None else [(at_s, 1, whole - other) for at_s, other in self.background[1:]]
        for at_s, _, left in sorted([*breaks, *rests], key=itemgetter(0, 1)):
            yield at_s, left

    def _change(self) -> ProcessGenerator:
        """SimPy process: whenever the link goes down, what is under way is cut off; whenever other traffic changes, it has another
        bandwidth.
        """
        for at_s, left in self.changes():
            yield At(self._env, at_s, self._order)
            if left is None:
                self.break_all()
            else:
                self._set_bandwidth(left)

    def _set_bandwidth(self, bytes_per_s: float) -> None:
        """Transfers have another bandwidth from now on."""
        if self._under_way:
            self._share(self._env.now)
        self.bytes_per_s = bytes_per_s
        if self._carrier is not None:
            self._carrier.interrupt()

    def other_share(self, begin_s: float, end_s: float) -> float:
        """The share of the bandwidth that other traffic takes on average over a span of time; 0: there is none."""
        if self.bandwidth is None or not self.background:
            return 0.0
        times_s, others = (np.array(column) for column in zip(*self.background, strict=True))
        lasts_s = np.diff(np.clip(np.append(times_s, end_s), begin_s, end_s))
        return float((others * lasts_s).sum() / (end_s - begin_s) / self.bandwidth)

    def most_background(self, begin_s: float, end_s: float) -> float:
        """The most other traffic at any moment of a span of time [bytes/s]; 0: there is none."""
        ends_s = [at_s for at_s, _ in self.background[1:]] + [inf]
        spans = zip(self.background, ends_s, strict=True) if self.background else ()
        return max((other for (at_s, other), to_s in spans if at_s < end_s and to_s > begin_s), default=0.0)

    @property
    def under_way(self) -> int:
        """Transfers under way: none when a run is over, which its checks look at."""
        return len(self._under_way)

    def is_up(self) -> bool:
        """Whether the link carries anything now."""
        return self.downtime.is_up(self._env.now)

    def pass_at_once(self, size_bytes: float) -> bool:
        """A transfer over a link without a limit: True, or False when the link is down."""
        if not self.is_up():
            return False
        now_s = self._env.now
        self.log.record(now_s, now_s, now_s)
        at = int(now_s // self.log.bin_s)
        self.at_once_bytes[at] = self.at_once_bytes.get(at, 0) + size_bytes
        return True

    def start(self, size_bytes: float) -> simpy.Event | bool:
        """`send`, or its outcome where it takes no time."""
        return self.pass_at_once(size_bytes) if self.bytes_per_s is None else self.send(size_bytes)

    def send(self, size_bytes: float) -> simpy.Event:
        """An event with value True when all bytes are over, or False when the link breaks or is down."""
        done = simpy.Event(self._env)
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
        if self._carrier is None:
            self._next_end_s = -inf  # known when it has begun
            self._carrier = self._env.process(self._carry())
        elif now_s + self._left_s() < self._next_end_s:
            self._carrier.interrupt()
        return done

    def _carry(self) -> ProcessGenerator:
        """SimPy process: as long as anything is under way, wait for the next transfer to end."""
        while self._under_way:
            left_s = self._left_s()
            self._next_end_s = self._env.now + left_s
            self._joined = False
            try:
                yield self._env.timeout(left_s)
            except simpy.Interrupt:
                continue  # another one ends sooner, or all were cut off
            now_s = self._env.now
            if self._joined:
                self._share(now_s)
            else:  # waited for the first one's end: rounding must not leave a rest that takes no time to send
                self._share_bytes = self._under_way[0][0]
                self._shared_at_s = now_s
            for done in self._complete(now_s):
                done.succeed(True)
            if not self._under_way:
                self.busy_log.record(self._busy_since_s, self._busy_since_s, now_s)
        self._carrier = None

    def break_all(self) -> None:
        """Cut off all transfers under way, except those that end at this very moment."""
        if not self._under_way:
            return
        now_s = self._env.now
        self._share(now_s)
        for done in self._complete(now_s):
            done.succeed(True)
        broken = sorted(self._under_way, key=itemgetter(1))
        self._under_way.clear()
        if self._carrier is not None:
            self._carrier.interrupt()
        self.busy_log.record(self._busy_since_s, self._busy_since_s, now_s)
        for _, _, sent_s, done in broken:
            self.log.record(sent_s, sent_s, now_s)
            done.succeed(False)

    def close(self) -> None:
        """At the end of a run: record the transfers still under way."""
        for _, _, sent_s, _ in sorted(self._under_way, key=itemgetter(1)):
            self.log.record(sent_s, sent_s, inf)
        if self._under_way:
            self.busy_log.record(self._busy_since_s, self._busy_since_s, inf)

    def timeline(self) -> dict[str, NDArray[Any]]:
        """One entry a bin of the log.

        ===========  ===  ================================================================
        time_s       s    when the bin begins
        transfers    1    transfers that began
        bytes        1    bytes that crossed, those of transfers that broke later included
        utilisation  1    share of the time in which anything was under way; 0 without a limit; with other traffic the share of the
                          bandwidth in use: the other's, and what it leaves for so much of the time as mail was under way
        under_way    1    transfers under way, averaged over the bin
        ===========  ===  ================================================================
        """
        transfers = self.log.timeline()
        busy_s = self.busy_log.timeline()["busy_s"]
        share = busy_s / self.log.bin_s
        if self.bandwidth is not None and self.background:
            left = self.bandwidth - self._other(len(busy_s))
            crossed = busy_s * left
            share = 1 - (1 - share) * left / self.bandwidth
        else:
            crossed = busy_s * (self.bytes_per_s or 0.0)
        for at, size_bytes in self.at_once_bytes.items():
            if at < len(crossed):
                crossed[at] += size_bytes
        return {
            "time_s": transfers["time_s"],
            "transfers": transfers["arrivals"],
            "bytes": crossed,
            "utilisation": share,
            "under_way": transfers["busy_s"] / self.log.bin_s,
        }

    def _other(self, bins: int) -> NDArray[Any]:
        """Other traffic in the middle of each bin [bytes/s]."""
        times_s, others = (np.array(column) for column in zip(*self.background, strict=True))
        middles_s = (np.arange(bins) + 0.5) * self.log.bin_s
        found: NDArray[Any] = others[np.searchsorted(times_s, middles_s, side="right") - 1]
        return found

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

    def _complete(self, now_s: float) -> list[simpy.Event]:
        """Take out the transfers that have nothing left to send, or so little that the clock would not show it."""
        ended = []
        while self._under_way and now_s + self._left_s() <= now_s:
            _, _, sent_s, done = heappop(self._under_way)
            self.log.record(sent_s, sent_s, now_s)
            ended.append(done)
        return ended
