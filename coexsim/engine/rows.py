"""What the rules of mail say, as rows of integers for the kernel: asked once for each class of mail and state of the world.

A class of mail at a server is (server, envelope class, where it came from, size class, machines passed). The kernel asks by the numbers
of classes; this is the only module that turns them back into envelopes, envelopes and next hops, and asks the reference's servers.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from coexsim.engine.arrays import Arrays
from coexsim.engine.dns_rows import DnsRows
from coexsim.engine.layout import EPOCH
from coexsim.engine.numbering import Class, End, Submission, TransferClass
from coexsim.engine.rate_rows import RateRows
from coexsim.engine.rule_tables import ARRAYS_OF_RULES, RuleTables
from coexsim.mail.delivery import as_taken
from coexsim.mail.dsn import is_told_of, notice_for
from coexsim.mail.effects import Refused
from coexsim.mail.message import Kind, NextHop, Rcpt, Reply
from coexsim.mail.replies import expired_reply, reply
from coexsim.sim.formulas import session_round_trips
from coexsim.sim.mail_row import BOUNCED, DELIVERED, DISCARDED, EXPIRED
from coexsim.sim.message import EnvelopeClass, Message
from coexsim.sim.world import World, notice_serial

UNBOUND = 1 << 60


class RuleRows:
    """The rules of one run as rows."""

    def __init__(self, world: World, arrays: Arrays, tables: RuleTables) -> None:
        self.world = world
        self.arrays = arrays
        self._tables = tables
        self.servers = list(world.servers)
        self.index = {name: i for i, name in enumerate(self.servers)}
        self.breaks: list[int] = arrays["breaks"].tolist()
        self.classes, self.transfers, self.entries = tables.classes, tables.transfers, tables.entries
        self.ends, self.replies, self.serials, self.lates = tables.ends, tables.replies, tables.serials, tables.lates
        self.plans, self.handed_in = tables.plans, tables.handed_in
        self._keys: dict[tuple[int, Hashable], int] = {}
        self._of_run: dict[tuple[str, Hashable], int] = {}  # rows about links and downtime
        self.rates = RateRows(world, arrays)
        self.dns = DnsRows(world, arrays, self.index, self.replies)
        for name, (rows, used) in tables.arrays.items():
            arrays.adopt(name, rows, used)

    @property
    def times_at_machine(self) -> int:
        """The most visits to one machine."""
        return self._tables.times_at_machine

    # --- what is known from runs before ---

    def begin(self) -> None:
        """Say in which hops and pools of this run the known transfers are, once its pools are there."""
        if self.transfers:
            keys = self.arrays["tx_keys"][: len(self.transfers)]
            hops = [(self.dns.hop(at.server, hop), self._key_of(at.server, hop)) for at, hop in self.transfers]
            keys["hop"], keys["key"] = np.array(hops).T
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """What was asked in this state of the world before need not be asked again."""
        for name, known in (("place_keys", self._tables.places_in), ("entry_keys", self._tables.entries_in)):
            keys, asked = self.arrays[name], known.setdefault(self._epoch, {})
            keys["epoch"] = -1
            numbers = list(asked)
            keys["row"][numbers] = list(asked.values())
            keys["epoch"][numbers] = self._epoch

    def end(self) -> None:
        """Leave the rows to the next run."""
        self._tables.arrays = {name: (self.arrays[name], self.arrays.used(name)) for name in ARRAYS_OF_RULES}

    # --- numbers of things ---

    @property
    def _epoch(self) -> int:
        return int(self.arrays["ints"][EPOCH])

    def _row(self, name: str, rows: tuple[Any, ...]) -> int:
        """The place of rows that may be there already."""
        known, key = self._tables.rows if name in ARRAYS_OF_RULES else self._of_run, (name, rows)
        if key not in known:
            known[key] = self.arrays.append(name, list(rows))
        return known[key]

    def _parts(self, ends: list[End]) -> tuple[int, int]:
        rows = tuple((end.envelope.count, self.ends.of(end)) for end in ends)
        first = self._row("parts", rows)
        return first, first + len(rows)

    def place(self, at: Class) -> int:
        """The number of a class of mail at a server."""
        if at not in self._tables.place:
            times_before = max(at.passed.count(self.world.servers[at.server].machine) - 1, 0)
            self._tables.times_at_machine = max(self.times_at_machine, times_before + 1)
            self._tables.place[at] = self.arrays.append("place_keys", [(self.index[at.server], -1, -1, times_before)])
            self.classes.append(at)
        return self._tables.place[at]

    def tx(self, at: Class, hop: NextHop) -> int:
        """The number of a class of mail on its way to a next hop."""
        transfer = TransferClass(at, hop)
        if transfer not in self._tables.tx:
            row = (
                self.index[at.server], self.dns.hop(at.server, hop), self._key_of(at.server, hop), self.place(at), -1, -2, 0,
                at.envelope.kind == "mail",
            )  # fmt: skip
            self._tables.tx[transfer] = self.arrays.append("tx_keys", [row])
            self.transfers.append(transfer)
        return self._tables.tx[transfer]

    def entry(self, at: Class, number: int = 0) -> int:
        """The number of a class of mail to be handed in."""
        entry = Submission(at, number)
        if entry not in self._tables.entry:
            row = (self.index[at.server], -1, -1, at.envelope.count, *self.rates.outbox(at))
            self._tables.entry[entry] = self.arrays.append("entry_keys", [row])
            self.entries.append(entry)
        return self._tables.entry[entry]

    def pool_of(self, pool: Any) -> int:
        """The number of a pool."""
        return self.pools.index(pool)

    pools: list[Any]

    def has_keys(self, pool: int) -> bool:
        """Whether a pool counts by key, since keys have a bound."""
        return int(self.arrays["pools"][pool]["most_of_key"]) < UNBOUND

    def key(self, pool: int, key: Hashable) -> int:
        """The number of a key of a pool; one for all where keys have no bound."""
        found = (pool, key if self.has_keys(pool) else None)
        if found not in self._keys:
            window = int(self.arrays["pools"][pool]["initial"])
            self._keys[found] = self.arrays.append("keys", [(0, -1, -1, -1, -1, window, 0.0, 0.0, 0.0)])
        return self._keys[found]

    def _key_of(self, server: str, hop: NextHop) -> int:
        return self.key(self.pool_of(self.world.servers[server].threads), hop.destination)

    def reply(self, said: Reply) -> int:
        """The number of a reply."""
        return self.replies.of(said)

    def said(self, server: str, cause: str) -> int:
        """The number of a product's reply, without the particulars of its text."""
        return self.reply(reply(self.world.setup.policies[server].product, cause))

    # --- asking the rules ---

    def _probe(self, at: Class, size_bytes: int, number: int = 0) -> Message:
        probe = Message(number, at.envelope, size_bytes, at.size_class, 0.0, at.server, "", measured=False)
        probe.came_from, probe.passed, probe.declares_size = at.came_from, at.passed, at.declares_size
        return probe

    def _part(self, whole: EnvelopeClass, recipients: tuple[Rcpt, ...]) -> EnvelopeClass:
        return self.world.envelopes.with_recipients(whole, recipients)

    def _refused(self, at: Class, refused: tuple[Refused, ...], outcome: int) -> tuple[End, ...]:
        """What becomes of refused recipients of a class; notices that are refused are discarded."""
        outcome = outcome if at.envelope.kind == "mail" else DISCARDED
        return tuple(
            End(self._part(at.envelope, recipients), DISCARDED if said.discards else outcome, said.enhanced, at.server)
            for recipients, said, *_ in refused
        )

    def _notice_of(self, failed: tuple[End, ...], at: Class, size_bytes: int) -> tuple[int, int]:
        """The notice about those who failed; -1 where their sender is told of none."""
        told = any(is_told_of(rcpt) for end in failed if end.outcome != DISCARDED for rcpt in end.envelope.recipients)
        return self._notice(at, size_bytes, "dsn") if told else (-1, 0)

    def _notice(self, at: Class, size_bytes: int, kind: Kind) -> tuple[int, int]:
        """The first place and the serial number of a notice about mail of a class; -1: there is none."""
        key = (at.envelope, at.server, kind)
        if key not in self._tables.notices:
            world, writer = self.world, self.world.servers[at.server].machine
            note = notice_for(self._probe(at, size_bytes).as_envelope(), kind)
            if note is None:
                self._tables.notices[key] = (-1, 0)
            else:
                envelope = world.envelopes.get("", (Rcpt(note.recipients[0].address),), kind)
                places = [
                    self.place(Class(writer, envelope, "own-user", size_class, (writer,)))
                    for size_class in range(len(self.breaks) + 1)
                ]
                serial = self.serials.of(notice_serial(at.server, kind))
                self._tables.notices[key] = (self.arrays.append("notices", places), serial)
        return self._tables.notices[key]

    def ask_entry(self, number: int, size_bytes: int, now_s: float) -> int | None:
        """What a server takes of its own users' mail (``World._hand_in``): noted, or the row of an answer that is for this mail alone."""
        at, mail = self.entries[number]
        server = self.world.servers[at.server]
        session, _ = server.rules.reception(self._probe(at, size_bytes, mail), at.envelope, at.came_from, 0, now_s)
        ends = [
            End(self._part(at.envelope, recipients), BOUNCED, said.enhanced, at.server)
            for recipients, said, *_ in (*session.failed, *session.deferred)
        ]
        f0, f1 = self._parts(ends)
        place, count = -1, 0
        if session.accepted:
            accepted = self._part(at.envelope, session.accepted)
            place, count = self.place(at._replace(envelope=accepted, passed=(server.machine,))), accepted.count
        row = self._row("entries", ((place, count, f0, f1),))
        if server.rules.asks_each(at.envelope, at.came_from):
            return row
        self._tables.entries_in[self._epoch][number] = row
        keys = self.arrays["entry_keys"][number]
        keys["row"], keys["epoch"] = row, self._epoch
        return None

    def ask_place(self, number: int, size_bytes: int) -> None:
        """What a server does with mail that it took (``RuleMemory.decision``)."""
        at = self.classes[number]
        decision = self.world.servers[at.server].rules.decision(self._probe(at, size_bytes))
        d0, d1 = self._parts([End(envelope, DELIVERED, "", at.server) for envelope in decision.delivered])
        failed = self._refused(at, decision.failed, BOUNCED)
        f0, f1 = self._parts(list(failed))
        notice, serial = self._notice_of(failed, at, size_bytes)
        requests = tuple(
            (part.envelope.count, -1, self.tx(at._replace(envelope=part.envelope), part.hop))
            if part.hop is not None
            else (part.envelope.count, self.place(at._replace(server=str(part.role), envelope=part.envelope)), -1)
            for part in decision.requests
        )
        o0 = self._row("requests", requests)
        deliveries = sum(envelope.count for envelope in decision.delivered)
        row = self.arrays.append(
            "places", [(d0, d1, f0, f1, o0, o0 + len(requests), notice, serial, decision.added, deliveries)]
        )
        self.plans.append(decision.rules)
        self._tables.places_in[self._epoch][number] = row
        keys = self.arrays["place_keys"][number]
        keys["row"], keys["epoch"] = row, self._epoch

    def ask_take(
        self, number: int, before: int, target: int, size_bytes: int, mail: int, failures: int, now_s: float
    ) -> tuple[int, bool]:
        """What the next server takes (``MailServer.reception``), after what another one took `before` in the same attempt.

        The row of the answer, and whether it is for this mail alone; else it is noted.
        """
        at, hop = self.transfers[number]
        to, server = self.world.servers[self.servers[target]], self.world.servers[at.server]
        probe = self._probe(at, size_bytes, mail)
        source = failures % server.policy.outgoing_addresses
        session, body = to.rules.reception(probe, at.envelope, at.server, server.sender(mail), now_s, source)
        session = as_taken(server.policy, session)
        smtp = server.spec.smtp
        new, reused = (
            session_round_trips(smtp.tls, smtp.pipelining, 0, at.envelope.count, reused, body)
            for reused in (False, True)
        )
        place, count = -1, 0
        if session.accepted:
            accepted = self._part(at.envelope, session.accepted)
            passed = (*at.passed, to.machine)
            place = self.place(Class(to.name, accepted, at.server, at.size_class, passed, at.declares_size))
            count = accepted.count
        failed = (*self._tables.take_failed.get(before, ()), *self._refused(at, session.failed, BOUNCED))
        times_before = at.passed.count(to.machine)
        self._tables.times_at_machine = max(self.times_at_machine, times_before + 1)
        outcome = self._outcome(at, hop, size_bytes, failed, session.deferred)
        row = (before, int(body), new, reused, place, count, *outcome, times_before)
        keys = self.arrays["tx_keys"][number]
        alone = to.rules.asks_each(at.envelope, at.server)
        if not alone:
            taken = self.arrays.append("takes", [(target, self._epoch, int(keys["take"]), *row)])
            keys["take"] = taken
        else:
            taken = self._row("takes", ((target, -1, -1, *row),))
        self._tables.take_failed[taken] = failed
        return taken, alone

    def _outcome(
        self, at: Class, hop: NextHop, size_bytes: int, failed: tuple[End, ...], late: tuple[Refused, ...]
    ) -> tuple[int, ...]:
        """Who failed so far in an attempt, with the notice about them; who is to come later, and the replies to them."""
        f0, f1 = self._parts(list(failed))
        notice, serial = self._notice_of(failed, at, size_bytes)
        if not late:
            return (f0, f1, notice, serial, -1, 0, -1)
        envelope = self._part(at.envelope, tuple(rcpt for refused in late for rcpt in refused.recipients))
        tx = self.tx(at._replace(envelope=envelope), hop)
        return (f0, f1, notice, serial, tx, envelope.count, self.lates.of(late))

    def ask_unreached(self, number: int, before: int, size_bytes: int, said: int, *, unfound: bool = False) -> int:
        """What an attempt has come to when a further host is not reached by those who are to come later.

        `unfound`: there is no such host as the fallback relay, and they fail.
        """
        at, hop = self.transfers[number]
        offered = tuple(
            rcpt for refused in list(self.lates)[self.arrays["takes"][before]["late"]] for rcpt in refused.recipients
        )
        late: tuple[Refused, ...] = (Refused(offered, list(self.replies)[said]),)
        failed = self._tables.take_failed[before]
        if unfound:
            failed, late = (*failed, *self._refused(at, late, BOUNCED)), ()
        row = (-1, -1, -1, before, 0, 0, 0, -1, 0, *self._outcome(at, hop, size_bytes, failed, late), 0)
        taken = self._row("takes", (row,))
        self._tables.take_failed[taken] = failed
        return taken

    def failed_by(self, take: int) -> tuple[End, ...]:
        """Who has failed in an attempt by the time of a row of `takes`."""
        return self._tables.take_failed.get(take, ())

    def ask_late(self, number: int, size_bytes: int) -> None:
        """The notice that mail of a class is late."""
        at = self.transfers[number].at
        is_told = any(map(is_told_of, at.envelope.recipients))
        notice, serial = self._notice(at, size_bytes, "delay") if is_told else (-1, 0)
        keys = self.arrays["tx_keys"][number]
        keys["late"], keys["late_serial"] = notice, serial

    def ask_fail(self, number: int, size_bytes: int, said: int, late: int, *, expired: bool) -> int:
        """What becomes of mail that is given up: by an attempt, or (`expired`) since it is too old."""
        at, _ = self.transfers[number]
        policy = self.world.servers[at.server].policy
        refused = list(self.lates)[late] if late >= 0 else (Refused(at.envelope.recipients, list(self.replies)[said]),)
        if expired:
            refused = tuple(one._replace(reply=expired_reply(policy, one.reply)) for one in refused)
        failed = self._refused(at, refused, EXPIRED if expired else BOUNCED)
        f0, f1 = self._parts(list(failed))
        return self._row("fails", ((f0, f1, *self._notice_of(failed, at, size_bytes)),))

    # --- the network ---

    def ask_path(self, server: int, target: int, now_s: float) -> int:
        """The path between two servers over the links that are up; -1 where there is none (``MailServer.path_to``)."""
        network = self.world.network
        names = self.servers[server], self.servers[target]
        path = network.between(*names)
        if path is not None and path.fails and not path.downtime.is_up(now_s):
            path = network.between(*names, now_s)
        if path is None:
            return -1
        links = list(network.links.values())
        places = tuple(links.index(link) for link in path.links)
        first = self._row("path_links", places)
        row = (path.round_trip_s, first, first + len(places), path.wan_links, self.downtime(path.downtime))
        return self._row("paths", (row,))

    def downtime(self, schedule: Any) -> int:
        """The number of a downtime schedule; -1 where there is no downtime."""
        spans = tuple(schedule)
        if not spans:
            return -1
        return self.add_downtime(spans)

    def add_downtime(self, spans: tuple[tuple[float, float], ...]) -> int:
        """Times out of service as a row."""
        key = ("spans", spans)
        if key not in self._of_run:
            first = self.arrays.append("down", [begin for begin, _ in spans])
            self.arrays.append("up", [end for _, end in spans])
            self._of_run[key] = self.arrays.append("spans", [(first, first + len(spans))])
        return self._of_run[key]
