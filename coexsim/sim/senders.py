"""Who sends: a SimPy process for the users of each server where mail is handed in, fed with the mail drawn for the run."""

from __future__ import annotations

from itertools import count, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from simpy.events import ProcessGenerator

from coexsim.draw.mail_table import MailBlock, MailboxClass, draw
from coexsim.mail.dns import DnsFailure, MailHosts, in_order
from coexsim.mail.message import NextHop, Rcpt, domain_of
from coexsim.mail.setup import State
from coexsim.mail.trace import address_of
from coexsim.scenario.model import Mail
from coexsim.sim.build import client_resolver
from coexsim.sim.clock import BIRTH, At
from coexsim.sim.copies import Copy, Letter
from coexsim.sim.express import Leg, Ride, express_leg
from coexsim.sim.recorder import BOUNCED
from coexsim.sim.server import MailServer
from coexsim.sim.world import World

RIDES_AHEAD = 64  # rides are put on their way so many at a time, each still born at its own time
TRIES = 50  # a class that is no express mail after so many tries, one a message, never is
NAMED_GAP_S = 1.0  # named messages are handed in one after another


class Block:
    """A block of mail with the work it will cause, drawn for the whole block when a stage first needs it."""

    __slots__ = ("first", "size_bytes", "work")

    def __init__(self, mail: MailBlock) -> None:
        self.first = mail.first
        self.size_bytes = mail.size_bytes
        self.work: dict[str, list[float]] = {}


def mailbox_classes(world: World) -> list[MailboxClass]:
    """The nameless mailboxes of the scenario, and one address each for the Internet and for nobody."""
    directory = world.setup.directory
    classes = [MailboxClass(c.address, c.side, c.mailboxes) for c in directory.classes]
    external = next((s for s in world.scenario.servers.values() if s.kind == "external"), None)
    if external is not None:
        classes.append(MailboxClass(f"somebody@{external.domain[0]}", "internet", 1))
    classes.append(MailboxClass(f"no-such-person@{directory.domain}", "unknown", 1))
    return classes


def start_senders(world: World) -> None:
    """Start the senders of the scenario's load, and of its named messages."""
    for number, mail in enumerate(world.scenario.messages):
        world.env.process(_send_named(world, mail, number))
    if world.scenario.load is None:
        return
    feed = _Feed(world)
    for name in world.servers:
        world.env.process(_send_drawn(world, feed, name))


def _send_named(world: World, mail: Mail, number: int) -> ProcessGenerator:
    """One message of the scenario file; its numbers are -1, -2, ... and its way is kept."""
    env = world.env
    yield At(env, number * NAMED_GAP_S, BIRTH - number - 1)
    sender = address_of(world.setup, mail.envelope_sender) if mail.envelope_sender else ""
    recipients = tuple(Rcpt(address) for address in dict.fromkeys(address_of(world.setup, to) for to in mail.to))
    letter = world.letters.get(sender, recipients)
    name = mail.at or world.setup.submission_server(sender, world.state)
    if mail.via == "mx" and mail.at is None and name is not None:
        known = yield from client_resolver(world, name).ask(NextHop(domain_of(recipients[0].address), by_mx=True))
        name = None
        if not isinstance(known, DnsFailure):
            name = next((found for found in map(world.setup.server_at.get, _addresses_of(known.hosts)) if found), None)
    copy = Copy(-number - 1, letter, mail.size, world.size_class(mail.size), env.now, world.servers[name or next(iter(world.servers))],
                mail.name or f"message {number + 1}", _is_measured(world, env.now))  # fmt: skip
    copy.path = []
    copy.declares_size = mail.declare_size
    copy.came_from = mail.client
    if name is None:
        world.recorder.sent += letter.count
        world.recorder.end(copy, letter, BOUNCED, env.now, "4.4.1", "client")
        return
    world.post(copy)


def _addresses_of(hosts: MailHosts) -> list[str]:
    return [address for host in in_order(hosts) for address in host.addresses]


def _is_measured(world: World, born_s: float) -> bool:
    return world.measured_s[0] <= born_s < world.measured_s[1]


class _Legs:
    """The express legs of letters by size class, found when they first come, and again when DNS or the world was not ready then."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[tuple[Letter, int], Leg] = {}
        self._tries: dict[tuple[Letter, int], int] = {}
        self._until_s = world.next_change_s

    def of(self, letter: Letter, size_bytes: int, server: MailServer) -> Leg | None:
        """The first leg of a letter that is handed in at `server`, or None: no express."""
        world = self._world
        if not world.express:
            return None
        if self._until_s != world.next_change_s:
            self._until_s = world.next_change_s
            self._known.clear()
            self._tries.clear()
        key = (letter, world.size_class(size_bytes))
        leg = self._known.get(key)
        if leg is None and self._tries.get(key, 0) < TRIES:
            self._tries[key] = self._tries.get(key, 0) + 1
            probe = Copy(0, letter, size_bytes, key[1], world.env.now, server, "", False)
            probe.passed = ()
            taken = server.take(probe, "own-user")
            if taken.accepted is letter:
                probe.passed = (server.machine,)
                leg = express_leg(world, probe)
                if leg is not None:
                    self._known[key] = leg
        return leg


class _Feed:
    """The mail of a run, drawn block by block when the first sender needs it, and split by the server where it is handed in."""

    def __init__(self, world: World) -> None:
        assert world.scenario.load is not None
        self._world = world
        run = world.scenario.run
        self._blocks = draw(
            world.scenario.load,
            mailbox_classes(world),
            run.start,
            run.length,
            world.seed,
            world.replication,
            folder=Path(world.scenario.source.file).parent,
        )
        self._split: dict[int, tuple[MailBlock, Block, dict[str, NDArray[np.int64]]]] = {}
        self._entry: dict[tuple[str, int], str] = {}
        self._nameless = {c.address for c in world.setup.directory.classes}
        self._drawn = 0
        self._left: dict[int, int] = {}

    def rows(self, number: int, server: str) -> tuple[MailBlock, Block, NDArray[np.int64]] | None:
        """The rows of block `number` that are handed in at `server`; None past the last block."""
        while self._drawn <= number:
            mail = next(self._blocks, None)
            if mail is None:
                return None
            self._split[self._drawn] = (mail, Block(mail), self._by_entry(mail))
            self._left[self._drawn] = len(self._world.servers)
            self._drawn += 1
        mail, block, rows = self._split[number]
        self._left[number] -= 1
        if not self._left[number]:
            del self._split[number]
        return mail, block, rows.get(server, np.empty(0, np.int64))

    def _by_entry(self, mail: MailBlock) -> dict[str, NDArray[np.int64]]:
        """The rows by the server where their senders hand mail in: who has moved, at the new side's."""
        changes_s = self._world.setup.directory.change_times_s(replica=False)
        ends = [0, *np.searchsorted(mail.born_s, changes_s).tolist(), len(mail)]
        rows: dict[str, list[NDArray[np.int64]]] = {}
        for version, (begin, end) in enumerate(pairwise(ends)):
            by_entry: dict[str, list[int]] = {}
            for index in np.unique(mail.sender[begin:end]).tolist():
                by_entry.setdefault(self._entry_of(mail.addresses[index], version), []).append(index)
            for entry, senders in by_entry.items():
                rows.setdefault(entry, []).append(begin + np.flatnonzero(np.isin(mail.sender[begin:end], senders)))
        return {entry: np.concatenate(parts) for entry, parts in rows.items()}

    def _entry_of(self, address: str, version: int) -> str:
        """Where a sender hands mail in, as of a version of the directory; nowhere (empty) who is yet to be hired."""
        key = (address, version)
        if key not in self._entry:
            directory = self._world.setup.directory
            is_hired_later = address in self._nameless and directory.find(address, version) is None
            entry = None if is_hired_later else self._world.setup.submission_server(address, State(version))
            self._entry[key] = entry or ""
        return self._entry[key]


def _send_drawn(world: World, feed: _Feed, name: str) -> ProcessGenerator:
    """The users of one server hand in the mail that was drawn for them, each at its birth."""
    env, server = world.env, world.servers[name]
    begin_s, end_s = world.measured_s
    riding = 0
    stream_code = world.recorder.words["stream"].code
    letters: dict[tuple[int, int], Letter] = {}
    legs = _Legs(world)
    for number in count():
        found = feed.rows(number, name)
        if found is None:
            return
        mail, block, rows = found
        senders, patterns, sizes = (
            mail.sender[rows].tolist(),
            mail.pattern[rows].tolist(),
            mail.size_bytes[rows].tolist(),
        )
        streams = mail.stream[rows].tolist()
        for row, born_s, sender, pattern, size, stream in zip(
            rows.tolist(), mail.born_s[rows].tolist(), senders, patterns, sizes, streams, strict=True
        ):
            letter = letters.get((sender, pattern))
            if letter is None:
                recipients = tuple(Rcpt(address, count) for address, count in mail.patterns[pattern])
                letter = letters[sender, pattern] = world.letters.get(mail.addresses[sender], recipients)
            measured = begin_s <= born_s < end_s
            leg = legs.of(letter, size, server)
            if leg is not None and born_s < world.next_change_s:
                world.recorder.sent += letter.count
                world.open_copies += measured
                Ride(mail.first + row, leg, size, born_s, stream_code(mail.streams[stream]), measured, block, row)
                riding += 1
                if riding % RIDES_AHEAD == 0 and born_s > env.now:
                    yield At(env, born_s, BIRTH + mail.first + row)
                continue
            if born_s > env.now:
                yield At(env, born_s, BIRTH + mail.first + row)
            world.post(
                Copy(
                    mail.first + row,
                    letter,
                    size,
                    world.size_class(size),
                    born_s,
                    server,
                    mail.streams[stream],
                    measured,
                    block,
                    row,
                )
            )
