"""The named messages of a scenario: each is handed in as the reference does it, by MX, at a server, or at its sender's own."""

from __future__ import annotations

import numpy as np

from coexsim.engine.arrays import Arrays
from coexsim.engine.layout import ASKS_DNS, COPIES, HANDED_IN, LIVE, NOW, NOWHERE
from coexsim.engine.mail_rows import MailRows
from coexsim.engine.numbering import Class, End
from coexsim.engine.rows import RuleRows
from coexsim.engine.steps import NAMED_BORN, SHIFT
from coexsim.mail.dns import hop_to_domain
from coexsim.mail.hand_in import server_by_mx
from coexsim.mail.message import Reply, domain_of
from coexsim.mail.replies import NO_SERVER
from coexsim.sim.clock import BIRTH
from coexsim.sim.mail_row import BOUNCED
from coexsim.sim.message import EnvelopeClass
from coexsim.sim.senders import NAMED_GAP_S, named_envelope
from coexsim.sim.world import World


class NamedMessages:
    """The named messages of one run; the first copies are theirs."""

    def __init__(self, world: World, arrays: Arrays, rows: RuleRows, mail: MailRows) -> None:
        self._world, self._arrays, self._rows, self._mail = world, arrays, rows, mail
        count = len(world.scenario.messages)
        if count > len(arrays["copies"]):
            arrays.lengthen("copies", count)
        arrays["ints"][COPIES] = arrays["ints"][LIVE] = count
        for number in range(count):
            copy = arrays["copies"][number]
            for name in ("live", "server", "place", "tx", "entry", "take", "next", "late"):
                copy[name] = -1
            copy["number"] = -number - 1
            arrays.schedule(number * NAMED_GAP_S, BIRTH - number - 1, (NAMED_BORN << SHIFT) | number)

    def hand_in(self, number: int, *, found: bool) -> None:
        """Say where a message is handed in just now; or (unless `found`) that DNS is asked first, by its MX."""
        world, mail = self._world, self._world.scenario.messages[number]
        envelope = named_envelope(world, mail)
        copy = self._arrays["copies"][number]
        if found:
            hosts = self._rows.dns.found.get(int(copy["node"]))
            failed = list(self._rows.replies)[copy["reply"]]
            at = server_by_mx(world.setup, hosts, envelope.recipients) if hosts else failed
        else:
            own = mail.at or world.setup.submission_server(envelope.sender, world.state)
            at = own or NO_SERVER
            if mail.via == "mx" and mail.at is None:
                domain = domain_of(envelope.recipients[0].address)
                near = own or next(iter(world.servers))
                copy["hop"] = self._rows.dns.hop(near, hop_to_domain(domain), of_client=True)
                copy["given"] = ASKS_DNS
                return
        self._born(number, envelope, at)

    def _born(self, number: int, envelope: EnvelopeClass, found: str | Reply) -> None:
        """Hand it in at a server, or nowhere: then its client says why."""
        world, mail = self._world, self._world.scenario.messages[number]
        server = next(iter(world.servers)) if isinstance(found, Reply) else found
        size_class = int(np.searchsorted(self._rows.breaks, mail.size)) if self._rows.breaks else 0
        at = Class(server, envelope, mail.client, size_class, (), mail.declare_size)
        entry = self._rows.entry(at, -number - 1)
        end = self._rows.ends.of(End(envelope, BOUNCED, found.enhanced, "client")) if isinstance(found, Reply) else -1
        stream = self._mail.words["stream"].code(mail.name or f"message {number + 1}")
        now_s = float(self._arrays["times"][NOW])
        copy = self._arrays["copies"][number]
        copy["size"], copy["born"], copy["count"], copy["entry"] = mail.size, now_s, envelope.count, entry
        copy["server"], copy["stream"], copy["row"] = self._rows.index[server], stream, end
        copy["measured"] = world.measured_s[0] <= now_s < world.measured_s[1]
        copy["given"] = HANDED_IN if end < 0 else NOWHERE
