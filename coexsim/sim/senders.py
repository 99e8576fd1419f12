"""Who sends: a SimPy process for the users of each server where mail is handed in, fed with the mail drawn for the run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from simpy.events import ProcessGenerator

from coexsim.draw.mail_table import BLOCK_MAILS, MailBlock, MailboxClass, draw
from coexsim.mail.dns import DnsFailure, hop_to_domain
from coexsim.mail.hand_in import SenderServers, server_by_mx
from coexsim.mail.message import Rcpt, Reply, domain_of
from coexsim.mail.replies import NO_SERVER
from coexsim.scenario.model import Mail
from coexsim.scenario.problems import placed
from coexsim.sim.build import client_resolver
from coexsim.sim.clock import BIRTH, At
from coexsim.sim.mail_row import BOUNCED
from coexsim.sim.message import Block, EnvelopeClass, Message
from coexsim.sim.world import World

NAMED_GAP_S = 1.0  # named messages are handed in one after another


def mailbox_classes(world: World) -> list[MailboxClass]:
    """The nameless mailboxes of the scenario, and one address each for the Internet and for nobody."""
    directory = world.setup.directory
    classes = [MailboxClass(c.address, c.side, c.mailboxes) for c in directory.classes]
    external = next((s for s in world.scenario.servers.values() if s.kind == "external"), None)
    if external is not None:
        classes.append(MailboxClass(f"somebody@{external.domain[0]}", "internet", 1))
    classes.append(MailboxClass(f"no-such-person@{directory.domain}", "unknown", 1))
    return classes


def mail_of(world: World, block_mails: int = BLOCK_MAILS) -> Iterator[MailBlock]:
    """The mail of a run, block by block. Raises `ScenarioError` at once, at the key of the load that cannot be drawn."""
    scenario = world.scenario
    if scenario.load is None:
        return iter(())
    run, folder = scenario.run, Path(scenario.source.file).parent
    with placed(scenario.source):
        return draw(
            scenario.load, mailbox_classes(world), run.start, run.length, world.seed, world.replication, folder=folder,
            block_mails=block_mails,
        )  # fmt: skip


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
    envelope = named_envelope(world, mail)
    own = mail.at or world.setup.submission_server(envelope.sender, world.state)
    found: str | Reply = own or NO_SERVER
    if mail.via == "mx" and mail.at is None:
        resolver = client_resolver(world, own or next(iter(world.servers)))
        cached = yield from resolver.hosts(hop_to_domain(domain_of(envelope.recipients[0].address)))
        hosts = cached if isinstance(cached, DnsFailure) else cached.hosts
        found = server_by_mx(world.setup, hosts, envelope.recipients)
    server = next(iter(world.servers)) if isinstance(found, Reply) else found
    message = Message(
        -number - 1, envelope, mail.size, world.size_class(mail.size), env.now, server,
        mail.name or f"message {number + 1}", _is_measured(world, env.now),
    )  # fmt: skip
    message.rules_met = []
    message.declares_size = mail.declare_size
    message.came_from = mail.client
    if isinstance(found, Reply):
        world.recorder.sent += envelope.count
        world.recorder.end(message, envelope, BOUNCED, env.now, found.enhanced, "client")
        return
    world.post(message)


def named_envelope(world: World, mail: Mail) -> EnvelopeClass:
    """The envelope of a message of the scenario file; who is named twice gets it once."""
    address_of = world.scenario.address_of
    sender = address_of(mail.envelope_sender) if mail.envelope_sender else ""
    return world.envelopes.get(sender, tuple(Rcpt(address) for address in dict.fromkeys(map(address_of, mail.to))))


def _is_measured(world: World, born_s: float) -> bool:
    return world.measured_s[0] <= born_s < world.measured_s[1]


class _Feed:
    """The mail of a run, drawn block by block when the first sender needs it, and split by the server where it is handed in."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._blocks = mail_of(world)
        self._split: dict[int, tuple[MailBlock, Block, dict[str, NDArray[np.int64]]]] = {}
        self._sender_servers = SenderServers(world.setup)
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
                entry = self._sender_servers.server(mail.addresses[index], version)
                if entry is not None:
                    by_entry.setdefault(entry, []).append(index)
            for entry, senders in by_entry.items():
                rows.setdefault(entry, []).append(begin + np.flatnonzero(np.isin(mail.sender[begin:end], senders)))
        return {entry: np.concatenate(parts) for entry, parts in rows.items()}


def _send_drawn(world: World, feed: _Feed, name: str) -> ProcessGenerator:
    """SimPy process: the users of one server hand in the mail that was drawn for them, each at its birth."""
    envelopes: dict[tuple[int, int], EnvelopeClass] = {}
    for number in count():
        found = feed.rows(number, name)
        if found is None:
            return
        mail, block, rows = found
        columns = (mail.born_s, mail.sender, mail.pattern, mail.size_bytes, mail.stream)
        for row, born_s, sender, pattern, size, stream in zip(
            rows.tolist(), *(column[rows].tolist() for column in columns), strict=True
        ):
            envelope = envelopes.get((sender, pattern))
            if envelope is None:
                recipients = tuple(Rcpt(address, count) for address, count in mail.patterns[pattern])
                envelope = envelopes[sender, pattern] = world.envelopes.get(mail.addresses[sender], recipients)
            yield At(world.env, born_s, BIRTH + mail.first + row)
            world.post(
                Message(
                    mail.first + row, envelope, size, world.size_class(size), born_s, name, mail.streams[stream],
                    _is_measured(world, born_s), block, row,
                )
            )  # fmt: skip
