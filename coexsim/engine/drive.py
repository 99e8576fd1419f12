"""Runs the kernel: from one change of the world to the next, and whenever it needs something, fetches that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any, NamedTuple

import numpy as np

from coexsim.draw.mail_table import BLOCK_MAILS
from coexsim.engine import kernel
from coexsim.engine import layout as of
from coexsim.engine.arrays import Arrays
from coexsim.engine.births import Births
from coexsim.engine.fabric import Fabric
from coexsim.engine.finish import Finish
from coexsim.engine.folding import Folds
from coexsim.engine.mail_rows import MailRows
from coexsim.engine.named import NamedMessages
from coexsim.engine.rows import RuleRows
from coexsim.engine.rule_tables import RuleTables
from coexsim.engine.steps import BREAK, NEW_BANDWIDTH, SHIFT
from coexsim.garbage import collect_rarely
from coexsim.progress import RunProgress
from coexsim.sim.clock import BEFORE_ALL, MONITOR, STATE, WORLD
from coexsim.sim.world import MINUTE_S, MOST_MESSAGES_AT_ONCE, World

ROOM = 1 << 14  # things that arrays begin with
CHECKS = 200  # so often in a run its progress is told, and whether it is stable is looked at


class KernelStop(NamedTuple):
    """The kernel runs until the key (`time_s`, `order`); then this is done."""

    time_s: float
    order: int
    do: Callable[[float], bool]


class Compiled:
    """One run of a world by the compiled engine.

    `room` is what arrays begin with, `block_mails` how much mail is drawn at a time, and with `forced` the kernel returns before each of
    its steps: they change nothing in the tables. `tables` are what the rules said in earlier runs, if there were any.
    """

    def __init__(
        self, world: World, *, room: int = ROOM, block_mails: int = BLOCK_MAILS, forced: bool = False,
        tables: RuleTables | None = None,
    ) -> None:  # fmt: skip
        self.world = world
        self.calls = 0
        self._run: Any = kernel.run
        arrays = self.arrays = Arrays(room)
        self._addresses = arrays.addresses.ctypes.data
        arrays["ints"] = np.zeros(of.INTS, np.int64)
        arrays["breaks"] = np.array(world.breaks, np.int64)
        for name in ("heap", "stack", "copies", "out", "visits", "kept"):
            arrays.lengthen(name, room)
        arrays.lengthen("ways", min(room, 64))
        ints = arrays["ints"]
        ints[[of.FREE, of.NS_HEAD, of.KEPT_FREE, of.GIVEN_COPY, of.FIRST_BEGINS, of.FIRST_AT_ONCE]] = -1
        ints[[of.NS_IDLE, of.WAYS]] = 1
        ints[of.FORCE] = forced
        tables = tables or RuleTables()
        world.envelopes = tables.envelopes
        self.rows = RuleRows(world, arrays, tables)
        self.fabric = Fabric(world, arrays, self.rows)
        self.births = Births(world, arrays, self.rows, self.fabric, block_mails)
        self.mail = MailRows(world, self.rows, arrays, self.births.streams)
        self.named = NamedMessages(world, arrays, self.rows, self.mail)
        self.folds = Folds(self.fabric.logs, arrays["times"], keep=world.logs.keep_visits)
        self._progress: RunProgress | None = None
        self._drains = world.new_drain()
        self._schedule_changes_of_links()
        arrays.sort_events()
        self.rows.begin()
        self._widen_work()

    def _schedule_changes_of_links(self) -> None:
        """What is under way on a link breaks when it goes down, and has another bandwidth when other traffic changes."""
        for number, link in enumerate(self.fabric.links):
            for at_s, left in link.changes():
                step, which = BREAK, number
                if left is not None:
                    step, which = NEW_BANDWIDTH, self.arrays.append("bandwidths", [(number, left)])
                self.arrays.schedule(at_s, WORLD + number, (step << SHIFT) | which)

    # --- what the world does by itself ---

    def _moments(self) -> Iterator[KernelStop]:
        """The changes of the world, the end of each minute, when progress is told, and looks at the drain, in the order of their keys."""
        world = self.world
        changes = [
            KernelStop(at_s, STATE, self._change) for at_s in world.setup.change_times_s() if 0 < at_s <= world.limit_s
        ]
        later = [moment for moment in changes if moment.time_s > world.length_s]
        moments = changes[: len(changes) - len(later)]
        ends_s = [min(minute * MINUTE_S, world.length_s) for minute in range(1, world.minutes + 1)]
        moments += [KernelStop(end_s, MONITOR, self._monitor) for end_s in ends_s]
        moments += [KernelStop(world.length_s * n / CHECKS, BEFORE_ALL, self._check) for n in range(1, CHECKS)]
        moments += [KernelStop(world.length_s, MONITOR, do) for do in (self._check, self._drain)]
        yield from sorted(moments, key=lambda moment: moment[:2])
        while later or self._drains.next_s <= world.limit_s:
            is_change = bool(later) and later[0].time_s < self._drains.next_s
            yield later.pop(0) if is_change else KernelStop(self._drains.next_s, BEFORE_ALL, self._look)

    def _change(self, at_s: float) -> bool:
        """Another state of the world: rules are asked anew."""
        self.world.state = self.world.setup.state_at(at_s)
        for server in self.world.servers.values():
            server.rules.forget()
        self.arrays["ints"][of.EPOCH] += 1
        self.rows.begin_epoch()
        return True

    def _monitor(self, _: float) -> bool:
        """Note every server's queue."""
        self.world.minutes_noted += 1
        for name, row in zip(self.world.servers, self.arrays["servers"], strict=False):
            self.world.backlog[name].append(int(row["queued"]))
            self.world.queued_bytes[name].append(int(row["queued_bytes"]))
        return True

    def _check(self, at_s: float) -> bool:
        """Tell the progress; an unstable system is stopped, and says so."""
        self._tell_progress(at_s)
        if self.arrays["ints"][of.LIVE] > MOST_MESSAGES_AT_ONCE:
            self.world.stopped_early = (
                f"more than {MOST_MESSAGES_AT_ONCE:,} messages under way: the system is not stable"
            )
        return not self.world.stopped_early

    def _drain(self, _: float) -> bool:
        """At the end of the run: whether to go on until all measured mail has met its end."""
        ints = self.arrays["ints"]
        ints[of.DRAINING] = ints[of.OPEN] > 0
        return bool(ints[of.DRAINING])

    def _look(self, at_s: float) -> bool:
        """Tell the progress of the drain; attempts in vain are stopped, and that is said."""
        ints = self.arrays["ints"]
        self._tell_progress(at_s)
        counts = (int(ints[of.DEFERRALS]), int(ints[of.DEFERRALS_WHEN_MOVED]), int(ints[of.LIVE]))
        self.world.stopped_early = self._drains.look(*counts)
        self.arrays["times"][of.NOW] = at_s
        return not self.world.stopped_early

    def _tell_progress(self, at_s: float) -> None:
        if self._progress:
            ints = self.arrays["ints"]
            self._progress(at_s, int(ints[of.SENT]), int(ints[of.DEFERRALS]))

    # --- running ---

    def run(self, progress: RunProgress | None = None) -> None:
        """To the end of the run and of all measured mail, or to the drain limit; then hand everything over to the world."""
        self._progress = progress
        with collect_rarely():
            self._run_to_end()
        while self.world.minutes_noted < self.world.minutes:  # stopped early: not told as empty from here on
            self._monitor(0.0)
        self._flush()
        ends_s = max(float(self.arrays["times"][of.NOW]), 0.0 if self.world.stopped_early else self.world.length_s)
        Finish(self.world, self.arrays, self.rows, self.fabric, self.mail, self.folds).hand_over(ends_s)
        self.rows.end()
        self.arrays["work"] = np.zeros((0, 0))  # the largest: tables are made next

    def _run_to_end(self) -> None:
        for moment in self._moments():
            if not self._until(moment.time_s, moment.order) or not moment.do(moment.time_s):
                return
        self._until(inf, 0)

    def _until(self, time_s: float, order: int) -> bool:
        """Run the kernel until a key; False when the run is over."""
        while True:
            why: int = self._run(self._addresses, time_s, order)
            self.calls += 1
            if why == of.REACHED:
                return True
            if why == of.DONE:
                return False
            self._fetch(why)

    def _fetch(self, why: int) -> None:
        """Fetch what the kernel needs."""
        ints = self.arrays["ints"]
        one, two = int(ints[of.ASKED]), int(ints[of.ASKED_2])
        if why in of.GROWS:
            name = of.GROWS[why]
            self._grow(name)
        elif why == of.FLUSH:
            self._flush()
        elif why == of.NEED_BLOCK:
            self.births.next_block()
        elif why == of.NEED_WORK:
            self.births.draw_work(one, two, int(ints[of.ASKED_3]))
        elif why == of.NEED_NAMED:
            self.named.hand_in(one, found=bool(two))
        elif why != of.FORCED_RETURN:
            self._ask(why, one, two)
            self._widen_work()

    def _widen_work(self) -> None:
        """Room for the work each time that mail, or a notice about it, comes to a machine."""
        for axis, count in ((1, self.rows.times_at_machine), (2, len(self.rows.serials))):
            if count > self.arrays["work_at"].shape[axis]:
                self.arrays.lengthen("work_at", count, axis)

    def _ask(self, why: int, one: int, two: int) -> None:
        """Ask the rules. `one` and `two` are what the kernel asked with: numbers of classes and copies."""
        rows, copies = self.rows, self.arrays["copies"]
        if why == of.NEED_PLACE:
            rows.ask_place(one, int(copies[two]["size"]))
        elif why == of.NEED_ENTRY:
            row = rows.ask_entry(one, int(copies[two]["size"]), float(self.arrays["times"][of.NOW]))
            if row is not None:
                copies = self.arrays["copies"]
                copies[two]["row"], copies[two]["given"] = row, of.GIVEN
        elif why == of.NEED_ANSWER:
            rows.dns.ask_answer(one)
        elif why == of.NEED_EDGE:
            rows.dns.ask_edge(one, two)
        elif why == of.NEED_PATH:
            state = int(self.arrays["segment_path"][self.arrays["ints"][of.SEGMENT]])
            path = rows.ask_path(one, two, float(self.arrays["times"][of.NOW]))
            self.arrays["path_of"][state, one * len(self.world.servers) + two] = path
        else:
            self._ask_for_copy(why, one, two)

    def _ask_for_copy(self, why: int, number: int, target: int) -> None:
        """Ask the rules about one copy, which is given the answer."""
        rows, copy = self.rows, self.arrays["copies"][number]
        tx, size, mail = int(copy["tx"]), int(copy["size"]), int(copy["number"])
        if why == of.NEED_TAKE:
            before = int(copy["take"])
            if before >= 0:
                tx = int(self.arrays["takes"][before]["late_tx"])
            now_s, failures = float(self.arrays["times"][of.NOW]), int(copy["failures"])
            take, alone = rows.ask_take(tx, before, target, size, mail, failures, now_s)
            if alone:
                copy["row"], copy["given"] = take, of.GIVEN
            return
        if why == of.NEED_LATE:
            rows.ask_late(tx, size)
            return
        if why == of.NEED_LOT:
            copy["hosts"] = rows.dns.ask_lot(int(copy["node"]), mail, int(copy["attempts"]))
        elif why in (of.NEED_UNREACHED, of.NEED_UNFOUND):
            unfound = why == of.NEED_UNFOUND
            copy["row"] = rows.ask_unreached(tx, target, size, int(copy["reply"]), unfound=unfound)
        elif why in (of.NEED_FAIL, of.NEED_EXPIRY):
            expired = why == of.NEED_EXPIRY
            late = int(copy["late"]) if expired else -1
            copy["row"] = rows.ask_fail(tx, size, int(copy["reply"]), late, expired=expired)
        else:
            raise AssertionError(f"the kernel returned {why}")
        copy["given"] = of.GIVEN

    def _grow(self, name: str) -> None:
        """Twice the room for things of the kernel's own."""
        arrays = self.arrays
        axis = 1 if name in ("starts", "transfers") else 0
        old = arrays[name].shape[axis]
        if name != "starts":
            now = int(arrays["ints"][of.NOW_COUNT]) if name == "heap" else 0
            follow = arrays[name][old - now :].copy() if now else None
            arrays.lengthen(name, 1, axis)
            if follow is not None:  # what follows at this moment stays at the end
                arrays[name][-now:] = follow
            return
        wider = np.zeros((len(arrays[name]), max(2 * old, 1)))
        for station in range(len(wider)):  # a ring: places change with its length
            row = arrays["stations"][station]
            ahead = np.arange(row["head"], row["tail"])
            wider[station, ahead % wider.shape[1]] = arrays[name][station, ahead % max(old, 1)]
        arrays[name] = wider

    def _flush(self) -> None:
        """Take rows and visits from the kernel; where there is no room for those of one step, make some."""
        arrays, ints = self.arrays, self.arrays["ints"]
        rows, visits = int(ints[of.OUT]), int(ints[of.VISITS])
        self.mail.take(arrays["out"][:rows])
        self.folds.take(arrays["visits"][:visits])
        ints[of.OUT] = ints[of.VISITS] = 0
        if not rows and not visits:
            arrays.lengthen("out", 1)
            arrays.lengthen("visits", 1)
