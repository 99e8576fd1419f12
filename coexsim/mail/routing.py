"""What a server does with mail: `receive` is the SMTP dialogue, `decide` is what happens to what it took.

Both are pure functions of server, envelope and the state of the world. ``trace.py`` walks them with no clock to speak of, the
simulation walks them in time; neither decides anything itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from coexsim.mail.directory import Group, Person
from coexsim.mail.dns import Question
from coexsim.mail.message import Envelope, NextHop, Rcpt, Reply, domain_of, fold, local_part_of
from coexsim.mail.policy import DomainRule, Policy, Route
from coexsim.mail.replies import reply
from coexsim.mail.setup import Setup, State

Client = Literal["own-user", "outside"] | str  # or the name of a server
Stage = Literal["mail", "rcpt", "data"]
Greylisted = Callable[[str, str, str], bool]


class Refusal(NamedTuple):
    """A recipient that was not taken in the SMTP dialogue, the reply, and how far the dialogue had come."""

    rcpt: Rcpt
    reply: Reply
    stage: Stage
    rule: str


class Reception(NamedTuple):
    """The outcome of an SMTP dialogue, recipient by recipient."""

    accepted: tuple[Rcpt, ...]
    refused: tuple[Refusal, ...]

    @property
    def body_sent(self) -> bool:
        """The body was transferred: somebody was accepted, or the refusal came after it."""
        return bool(self.accepted) or any(refusal.stage == "data" for refusal in self.refused)


class Verdict(NamedTuple):
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


class Transfer(NamedTuple):
    """Recipients of one envelope that go to the same next hop, or are handed over to the same role."""

    hop: NextHop | None
    role: str | None
    recipients: tuple[Rcpt, ...]


class Decision(NamedTuple):
    """What a server does with mail that it took."""

    verdicts: tuple[Verdict, ...]
    transfers: tuple[Transfer, ...]

    def of(self, action: str) -> list[Verdict]:
        """The verdicts with this action."""
        return [verdict for verdict in self.verdicts if verdict.action == action]


# --- the SMTP dialogue --------------------------------------------------------------------------------------------------------


def receive(
    setup: Setup, server: str, client: Client, envelope: Envelope, state: State = State(), greylisted: Greylisted | None = None
) -> Reception:
    """Which recipients `server` takes from `client`, and the replies to the others, in the order of the dialogue."""
    policy = setup.policies[server]
    own_user = client == "own-user"
    limit = policy.max_submit_bytes if own_user else policy.max_size_bytes
    if limit is not None and envelope.size_bytes > limit and envelope.declares_size:
        return _refuse_all(envelope.recipients, reply(policy.product, "too-big"), "mail", "size-limit")
    accepted: list[Rcpt] = []
    refused: list[Refusal] = []
    for rcpt in envelope.recipients:
        refusal = _refuse_recipient(setup, policy, client, envelope, rcpt, state, greylisted)
        if refusal is None:
            accepted.append(rcpt)
        else:
            refused.append(refusal)
    if accepted:
        cause = _refuse_body(policy, envelope, limit)
        if cause is not None:
            refused.extend(_refuse_all(tuple(accepted), reply(policy.product, cause[0]), "data", cause[1]).refused)
            accepted = []
    return Reception(tuple(accepted), tuple(refused))


def _refuse_all(recipients: tuple[Rcpt, ...], said: Reply, stage: Stage, rule: str) -> Reception:
    return Reception((), tuple(Refusal(rcpt, said, stage, rule) for rcpt in recipients))


def _refuse_recipient(
    setup: Setup, policy: Policy, client: Client, envelope: Envelope, rcpt: Rcpt, state: State, greylisted: Greylisted | None
) -> Refusal | None:
    """The reply to one RCPT TO, or None if it is taken. Sender's domain first, then relaying, then the recipient."""
    own_user = client == "own-user"

    def no(cause: str, rule: str, address: str = rcpt.address) -> Refusal:
        return Refusal(rcpt, reply(policy.product, cause, address=address, domain=domain_of(address)), "rcpt", rule)

    if policy.reject_unknown_sender_domain and envelope.sender and not own_user and not _domain_exists(setup, envelope.sender, state):
        return no("unknown-sender-domain", "sender-domain-not-in-dns", envelope.sender)
    rule = policy.rule_for(rcpt.address)
    trusted = own_user or client in policy.relays_for or "anyone" in policy.relays_for
    if not trusted and (rule is None or not policy.takes_mail):
        return no("relay-denied", "relay-denied")
    if policy.reject_unknown_recipient_domain and rule is None and not _domain_exists(setup, rcpt.address, state):
        return no("unknown-recipient-domain", "recipient-domain-not-in-dns")
    if greylisted is not None and not own_user and greylisted(client, envelope.sender, rcpt.address):
        return no("greylisted", "greylisted")
    if own_user and not policy.checks_submissions:
        return None
    if rule is not None and rule.verify and not _is_known(setup, policy, rule, rcpt.address, state):
        return no("edge-blocked" if policy.edge_blocking else "unknown-user", "recipient-verification")
    return None


def _refuse_body(policy: Policy, envelope: Envelope, limit: int | None) -> tuple[str, str] | None:
    """Cause and rule of a refusal at the end of DATA: the queue file is too large, or too many servers have been passed."""
    if limit is not None and envelope.size_bytes + policy.size_overhead_bytes > limit:
        return "too-big", "size-limit"
    if policy.hops_refused_in_dialogue and _too_many_hops(policy, envelope.received + 1):
        return "too-many-hops", "hop-limit"
    return None


def _too_many_hops(policy: Policy, received: int) -> bool:
    return received >= policy.hop_limit if policy.hops_counted_at_limit else received > policy.hop_limit


def _domain_exists(setup: Setup, address: str, state: State) -> bool:
    """Does the domain have an MX or an address record (Postfix: reject_unknown_*_domain)."""
    domain = domain_of(address)
    answers = [setup.answer(Question(domain, kind), state) for kind in ("MX", "A", "AAAA")]
    return any(answer.mx or answer.addresses for answer in answers)


def _is_known(setup: Setup, policy: Policy, rule: DomainRule, address: str, state: State) -> bool:
    if policy.mailboxes is not None:
        return local_part_of(address) in policy.mailboxes
    if policy.server in setup.external_servers:
        return True
    entry = setup.find(policy, address, state)
    if entry is None:
        return False
    elsewhere = isinstance(entry, Person) and entry.home != policy.server
    return not (elsewhere and rule.elsewhere == "fail" and rule.unknown == "fail")


# --- after 250 ----------------------------------------------------------------------------------------------------------------


def decide(setup: Setup, server: str, envelope: Envelope, came_from: Client = "own-user", state: State = State()) -> Decision:
    """What `server` does with mail that it has taken: for every recipient (groups and forwarding followed) one verdict."""
    policy = setup.policies[server]
    if not policy.hops_refused_in_dialogue and _too_many_hops(policy, envelope.received):
        said = reply(policy.product, "too-many-hops")
        reason = f"the message has passed {envelope.received} servers; at most {policy.hop_limit} are allowed here"
        return _decision([Verdict(rcpt, "fail", "hop-limit", reason, reply=said) for rcpt in envelope.recipients])
    verdicts: list[Verdict] = []
    taken: set[str] = set()
    for rcpt in envelope.recipients:
        for verdict in _resolve(setup, policy, envelope, rcpt, came_from, state, ()):
            address = fold(verdict.rcpt.address)
            if address in taken and verdict.action != "fail":
                verdict = Verdict(verdict.rcpt, "duplicate", verdict.rule, "another copy goes to this address already")
            taken.add(address)
            verdicts.append(verdict)
    return _decision(verdicts)


def _decision(verdicts: list[Verdict]) -> Decision:
    grouped: dict[tuple[NextHop | None, str | None], list[Rcpt]] = {}
    for verdict in verdicts:
        if verdict.action in ("send", "hand-over"):
            grouped.setdefault((verdict.hop, verdict.role), []).append(verdict.rcpt)
    return Decision(tuple(verdicts), tuple(Transfer(hop, role, tuple(rcpts)) for (hop, role), rcpts in grouped.items()))


def _resolve(
    setup: Setup, policy: Policy, envelope: Envelope, rcpt: Rcpt, came_from: Client, state: State, above: tuple[str, ...]
) -> Iterator[Verdict]:
    """The verdicts on a recipient: one, or one a member where it is a group. `above` are the addresses that led here."""
    address = rcpt.address
    rule = policy.rule_for(address)
    if rule is None:
        yield _send_outside(policy, envelope, rcpt)
        return
    if policy.passes_first is not None and setup.server_of_host.get(policy.passes_first.name) != came_from and came_from != "own-user":
        yield _to_hop(policy, rcpt, Route(domain_of(address), policy.passes_first, "centralised-transport"), "centralised-transport",
                      f"mail that {policy.passes_first.name} has not seen yet goes there first")  # fmt: skip
        return
    if policy.server in setup.external_servers:
        yield _external_mailbox(policy, rcpt)
        return
    if fold(address) in above:
        said = reply(policy.product, "forwarding-loop", address=address)
        yield Verdict(rcpt, "fail", "forwarding-loop", f"forwarding from {address} leads back to it", reply=said)
        return
    entry = setup.find(policy, address, state) if rule.looked_up else None
    if isinstance(entry, Group):
        for member in entry.members:
            inner = Rcpt(member, rcpt.count, rcpt.written)
            if fold(member) not in (*above, fold(address)):  # a group inside itself adds nobody
                yield from _resolve(setup, policy, envelope, inner, came_from, state, (*above, fold(address)))
        return
    if policy.all_local_to_smart_host:
        yield _relay(setup, policy, envelope, rcpt, rule, "smart-host-for-all-local", "all local recipients go to the smart host")
    elif isinstance(entry, Person) and not entry.unreachable and entry.home == policy.server:
        yield Verdict(rcpt, "deliver", "mail-file-here", f"Person record for {address} found, and the mail file is here")
    elif isinstance(entry, Person) and not entry.unreachable:
        yield from _elsewhere(setup, policy, envelope, rcpt, entry, rule, came_from, state, above)
    elif rule.unknown == "relay":
        reason = f"no Person record for {address} here; the domain is shared" if rule.looked_up else "it passes all mail for the domain on"
        yield _relay(setup, policy, envelope, rcpt, rule, rule.unknown_rule, reason)
    else:
        said = reply(policy.product, "unknown-user", address=address)
        yield Verdict(rcpt, "fail", "no-person-record", f"no Person record for {address}", reply=said)


def _elsewhere(
    setup: Setup, policy: Policy, envelope: Envelope, rcpt: Rcpt, person: Person, rule: DomainRule, came_from: Client, state: State,
    above: tuple[str, ...],
) -> Iterator[Verdict]:  # fmt: skip
    """A Person record whose mail file is not here: forwarding address, own service, smart host, or nowhere to go."""
    found = f"Person record for {rcpt.address} found, but no mail file here"
    forwards = person.forwarding and fold(person.forwarding) != fold(rcpt.address)
    if person.forwarding and (forwards or rule.elsewhere == "forward") and rule.elsewhere != "fail":
        inner = Rcpt(person.forwarding, rcpt.count, rcpt.written)
        yield from _resolve(setup, policy, envelope, inner, came_from, state, (*above, fold(rcpt.address)))
        return
    home = setup.scenario.servers.get(person.home or "")
    if home is not None and home.host and (rule.elsewhere == "home" or _same_organisation(setup, policy.server, person.home or "")):
        if rule.elsewhere != "home" or home.kind == "hosted-inbound":
            hop = NextHop(fold(home.host), by_mx=False)
            yield _to_hop(policy, rcpt, Route(hop.name, hop, "mail-file-on-other-server"), "mail-file-on-other-server",
                          f"the mail file of {rcpt.address} is on {person.home}")  # fmt: skip
            return
    if rule.elsewhere in ("relay", "home"):
        yield _relay(setup, policy, envelope, rcpt, rule, rule.elsewhere_rule if rule.elsewhere == "relay" else rule.unknown_rule, found)
        return
    cause = "no-route" if rule.elsewhere == "forward" and policy.product == "domino" else "unknown-user"
    said = reply(policy.product, cause, address=rcpt.address, detail="no mail file here and no forwarding address")
    yield Verdict(rcpt, "fail", "no-forwarding-address" if cause == "no-route" else rule.elsewhere_rule,
                  found + ", nor a forwarding address" * (cause == "no-route"), reply=said)  # fmt: skip


def _same_organisation(setup: Setup, one: str, other: str) -> bool:
    """Two on-premises servers of one directory pass mail to each other by the mail file, not by smart host."""
    kinds = ("domino", "exchange")
    servers = setup.scenario.servers
    return servers[one].kind in kinds and servers[other].kind in kinds


def _relay(setup: Setup, policy: Policy, envelope: Envelope, rcpt: Rcpt, rule: DomainRule, name: str, reason: str) -> Verdict:
    """A recipient of this server's own domain that goes on: by the route for the domain, usually the smart host."""
    route = policy.route_for(rcpt.address, envelope.size_bytes, named=not rule.any_route)
    if route is None:
        unsized = policy.route_for(rcpt.address, 0, named=not rule.any_route)
        if unsized is not None:
            said = reply(policy.product, "too-big")
            return Verdict(rcpt, "fail", "size-limit", f"no connector takes {envelope.size_bytes} bytes", reply=said)
        detail = "SMTP for leaving the server is disabled" if not policy.sends_outside else "no smart host is set"
        said = reply(policy.product, "unknown-user", address=rcpt.address)
        return Verdict(rcpt, "fail", "no-smart-host", f"{reason}; {detail}", reply=said)
    return _to_hop(policy, rcpt, route, name, f"{reason}; {_where(route, rcpt)}")


def _send_outside(policy: Policy, envelope: Envelope, rcpt: Rcpt) -> Verdict:
    """A recipient of another domain."""
    route = policy.route_for(rcpt.address, envelope.size_bytes)
    if route is None:
        too_big = policy.route_for(rcpt.address, 0) is not None
        detail = "SMTP for leaving the server is disabled" if not policy.sends_outside else "no connector for this domain"
        said = reply(policy.product, "too-big" if too_big else "no-route", address=rcpt.address, detail=detail)
        return Verdict(rcpt, "fail", "size-limit" if too_big else "no-route", detail, reply=said)
    return _to_hop(policy, rcpt, route, route.rule, f"{domain_of(rcpt.address)} is not a domain of this server; {_where(route, rcpt)}")


def _where(route: Route, rcpt: Rcpt) -> str:
    if route.hop is None:
        return f"sent by the MX of {domain_of(rcpt.address)}"
    return f"sent to {'smart host ' if route.to_smart_host else ''}{route.hop.name}"


def _to_hop(policy: Policy, rcpt: Rcpt, route: Route, rule: str, reason: str) -> Verdict:
    hop = route.hop or NextHop(domain_of(rcpt.address), by_mx=True, external_dns=route.external_dns)
    if policy.hands_over_to is not None and route.to_smart_host:
        return Verdict(rcpt, "hand-over", rule, reason, role=policy.hands_over_to)
    return Verdict(rcpt, "send", rule, reason, hop=hop)


def _external_mailbox(policy: Policy, rcpt: Rcpt) -> Verdict:
    if policy.mailboxes is None or local_part_of(rcpt.address) in policy.mailboxes:
        return Verdict(rcpt, "deliver", "mail-file-here", f"{rcpt.address} has its mailbox here")
    said = reply(policy.product, "unknown-user", address=rcpt.address)
    return Verdict(rcpt, "fail", "no-person-record", f"no mailbox {rcpt.address}", reply=said)
