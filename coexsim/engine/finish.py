"""The end of a run by the compiled engine: its books go into the world's, from which the tables are made."""

from __future__ import annotations

from collections import defaultdict
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coexsim.engine.arrays import Arrays
from coexsim.engine.fabric import Fabric
from coexsim.engine.folding import Folds
from coexsim.engine.layout import COPIES, FREE, SECOND_COPIES
from coexsim.engine.mail_rows import MailRows
from coexsim.engine.numbering import End
from coexsim.engine.rows import RuleRows
from coexsim.engine.steps import AWAITS_SLOT, AWAITS_THREAD, HAS_SLOT, HAS_THREAD
from coexsim.sim.mail_row import IN_TRANSIT
from coexsim.sim.message import EnvelopeClass
from coexsim.sim.world import World


class Finish:
    """What is left to do when the kernel has done its work."""

    def __init__(
        self, world: World, arrays: Arrays, rows: RuleRows, fabric: Fabric, mail: MailRows, folds: Folds
    ) -> None:
        self._world, self._arrays, self._rows, self._fabric, self._mail = world, arrays, rows, fabric, mail
        self._folds = folds

    def hand_over(self, ends_s: float) -> None:
        """Fill the world's logs, its recorder, its counts of DNS questions and refusals. Raises `ConservationError`."""
        world = self._world
        for name, row in zip(world.servers, self._arrays["servers"], strict=False):
            world.servers[name].refused = int(row["refused"])
            world.servers[name].refused_in_session = int(row["refused_in_session"])
        world.second_copies = int(self._arrays["ints"][SECOND_COPIES])
        self._logs()
        under_way = self._under_way()
        self._close(under_way)
        self._dns()
        for number in under_way:
            self._mail.take(self._in_transit(number, ends_s))
        self._mail.close_block()
        world.recorder = self._mail  # type: ignore[assignment]  # what tables are made of
        self._mail.check_conservation()

    def _under_way(self) -> list[int]:
        """The copies that have not met their end, in the order in which they went their own way."""
        copies, ints = self._arrays["copies"], self._arrays["ints"]
        there = np.ones(int(ints[COPIES]), bool)
        at = int(ints[FREE])
        while at >= 0:
            there[at] = False
            at = int(copies[at]["next"])
        numbers = np.flatnonzero(there & (copies["live"][: len(there)] >= 0))
        order = np.argsort(copies["live"][numbers], kind="stable")
        found: list[int] = numbers[order].tolist()
        return found

    def _in_transit(self, number: int, ends_s: float) -> NDArray[Any]:
        copy = self._arrays["copies"][number]
        envelope, server = self._where(copy)
        return self._mail.end(copy, End(envelope, IN_TRANSIT, "", server), ends_s)

    def _where(self, copy: Any) -> tuple[EnvelopeClass, str]:
        """What is left of a copy's recipients, and the server that has it; its client keeps what was not handed in."""
        if copy["tx"] >= 0:
            at = self._rows.transfers[copy["tx"]].at
            return self._left(copy, at.envelope), at.server
        if copy["place"] >= 0:
            at = self._rows.classes[copy["place"]]
        else:
            return self._rows.entries[copy["entry"]].at.envelope, "client"
        return at.envelope, at.server

    def _left(self, copy: Any, whole: EnvelopeClass) -> EnvelopeClass:
        """Whom a copy still has while an attempt goes on (``Transfer._note_left``): who is to come later, and who will be given up."""
        take = int(copy["take"])
        is_of_attempt = copy["held"] & HAS_THREAD and copy["talks"] >= copy["thread_taken"]  # not of an earlier one
        if take < 0 or not is_of_attempt:
            return whole
        rest = whole.recipients
        if copy["talking"]:
            take = int(self._arrays["takes"][take]["before"])
        else:
            late = int(self._arrays["takes"][take]["late_tx"])
            rest = self._rows.transfers[late].at.envelope.recipients if late >= 0 else ()
        failed = (rcpt for end in self._rows.failed_by(take) for rcpt in end.envelope.recipients)
        return self._world.envelopes.with_recipients(whole, (*rest, *failed))

    # --- logs ---

    def _logs(self) -> None:
        arrays = self._arrays
        self._folds.hand_over(arrays["most"])
        for number, link in enumerate(self._fabric.links):
            if link.bytes_per_s is None:
                at_once = link.at_once_bytes
                for minute in np.flatnonzero(arrays["at_once"][number]).tolist():
                    at_once[minute] = float(arrays["at_once"][number, minute])

    def _close(self, under_way: list[int]) -> None:
        """Record who holds a slot or waits for one, and what is on links."""
        copies, servers = self._arrays["copies"], self._arrays["servers"]
        open_ones: dict[int, list[tuple[int, int, float, float]]] = defaultdict(list)
        for number in under_way:
            copy = copies[number]
            held = int(copy["held"])
            if held & (HAS_THREAD | AWAITS_THREAD):
                pool = int(servers[copy["server"]]["threads"])
                has = bool(held & HAS_THREAD)
                order = (0, int(copy["thread"])) if has else (1, int(copy["waiter"]))
                open_ones[pool].append((*order, copy["thread_asked"], copy["thread_taken"] if has else inf))
            if held & (HAS_SLOT | AWAITS_SLOT):
                span = self._arrays["hosts"][copy["hosts"]]
                target = int(self._arrays["host_server"][span["first"] + copy["at"]])
                pool = int(servers[target]["connections"])
                has = bool(held & HAS_SLOT)
                order = (0, int(copy["slot"])) if has else (1, int(copy["waiter"]))
                open_ones[pool].append((*order, copy["slot_asked"], copy["slot_taken"] if has else inf))
        for pool, visits in open_ones.items():
            log = self._fabric.pools[pool].log
            for *_, asked_s, taken_s in sorted(visits):
                log.record(float(asked_s), float(taken_s), inf)
        for number, link in enumerate(self._fabric.links):
            row = self._arrays["links"][number]
            under = self._arrays["transfers"][number, : row["count"]]
            for transfer in np.sort(under, order="seq"):
                sent_s = float(copies[transfer["what"]]["sent"])
                link.log.record(sent_s, sent_s, inf)
            if len(under):
                link.busy_log.record(float(row["busy"]), float(row["busy"]), inf)

    # --- DNS ---

    def _dns(self) -> None:
        """Questions asked of name servers, and answered from caches, by server."""
        rows, asked = self._rows, self._world.dns_asked
        uses = self._arrays["nodes"]["uses"]
        cached = self._arrays["questions"]["cached"]
        for node in np.flatnonzero(uses[: self._arrays.used("nodes")]).tolist():
            for number in rows.dns.used(node):
                cached[number] += uses[node]
        for number, (server, question, _) in enumerate(rows.dns.questions):
            row = self._arrays["questions"][number]
            if server in asked and row["asked"] + row["cached"] > 0:
                counts = asked[server].setdefault(question, [0, 0, 0])
                for i, name in enumerate(("asked", "cached", "failed")):
                    counts[i] += int(row[name])
