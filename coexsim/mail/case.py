"""One recipient at one server: the facts that what becomes of it depends on, and what can become of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from coexsim.mail.dns import hop_to_domain
from coexsim.mail.message import Client, Envelope, NextHop, Rcpt, Reply, domain_of
from coexsim.mail.policy import Policy
from coexsim.mail.replies import reply, softened
from coexsim.mail.route_table import RouteEntry
from coexsim.mail.setup import Setup, State


def may_relay(setup: Setup, policy: Policy, client: Client) -> bool:
    """May a client send mail to other domains by a server: an own user, or a server (by the address of its machine) that is trusted."""
    return client == "own-user" or not policy.relays_for.isdisjoint({client, setup.machine_of(client), "anyone"})


class Disposition(NamedTuple):
    """What happens to one recipient at one server, and the rule that says so.

    ``deliver``: into the mail file here. ``send``: to `hop`. ``hand-over``: to the role on the same machine. ``fail``: with
    `reply`. ``duplicate``: another copy goes to the same address already.
    """

    rcpt: Rcpt
    action: Literal["deliver", "send", "hand-over", "fail", "duplicate"]
    rule: str
    reason: str
    hop: NextHop | None = None
    role: str | None = None
    reply: Reply | None = None
    envelope_recipient: Rcpt | None = None  # whom it is about, before groups, aliases and forwarding


class Case(NamedTuple):
    """The facts that a disposition depends on: server policy, envelope, client, state of the world."""

    setup: Setup
    policy: Policy
    envelope: Envelope
    came_from: Client
    state: State

    def fail(self, rcpt: Rcpt, cause: str, rule: str, reason: str, detail: str = "") -> Disposition:
        """It ends here, with the product's reply to this cause."""
        address = rcpt.address
        said = reply(self.policy.product, cause, address=address, domain=domain_of(address), detail=detail)
        return self.ends(rcpt, rule, reason, said)

    def ends(self, rcpt: Rcpt, rule: str, reason: str, said: Reply) -> Disposition:
        """It fails with this reply; where every failure is taken for one that passes, it stays in the queue."""
        if self.policy.soft_bounces and not said.temporary:
            said = softened(said)
            return Disposition(rcpt, "send", rule, reason, hop=NextHop(f"soft bounce {said}", by_mx=False, kept=said))
        return Disposition(rcpt, "fail", rule, reason, reply=said)

    @property
    def client_may_relay(self) -> bool:
        """Is the client an own user, or a server (by the address of its machine) that is trusted."""
        return may_relay(self.setup, self.policy, self.came_from)

    @property
    def from_inside(self) -> bool:
        """Is it mail of the organisation's own people: handed in here, or come from servers that are trusted to say so.

        By default those are all but the Internet's; a server that names them trusts the others no more than strangers.
        """
        if self.came_from == "own-user":
            return True
        if self.policy.rule_for(self.envelope.sender) is None:
            return False
        if self.policy.internal_clients is None:
            return self.came_from != "outside" and self.setup.external_servers.isdisjoint(self.envelope.passed)
        return self.is_internal_client

    @property
    def is_internal_client(self) -> bool:
        """Does it come from a server whose mail is the organisation's own, as this one is told."""
        named = self.policy.internal_clients or frozenset()
        known = named | self.policy.own_clients | self.policy.colleagues
        return not known.isdisjoint({self.came_from, self.setup.machine_of(self.came_from)})

    def to_hop(self, rcpt: Rcpt, route: RouteEntry, rule: str, reason: str) -> Disposition:
        """It goes on by this route: to its host or the MX, by the sender's relay host, or to the role on this machine that sends."""
        if route.pattern == "*":
            own = self.policy.sender_transport(self.envelope.sender)
            if own is not None:
                route, rule = own, "sender-dependent-transport"
                reason = f"{reason.rpartition('; ')[0]}; the transport of {self.envelope.sender} is {own.rule.removeprefix('transport ')}"
        if route.refuses is not None:
            return self.ends(rcpt, rule, reason, route.refuses)
        if self.policy.hands_over_to is not None and route.to_smart_host:
            return Disposition(rcpt, "hand-over", rule, reason, role=self.policy.hands_over_to)
        by_sender = self.policy.sender_route(self.envelope.sender) if route.by_sender else None
        if by_sender is not None:
            reason = f"{reason.rpartition('; ')[0]}; the relay host of {self.envelope.sender} is {by_sender}"
            return Disposition(rcpt, "send", "sender-dependent-relayhost", reason, hop=by_sender)
        hop = route.hop or hop_to_domain(domain_of(rcpt.address), external_dns=route.external_dns)
        return Disposition(rcpt, "send", rule, reason, hop=hop)
