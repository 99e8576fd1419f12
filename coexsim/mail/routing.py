"""What a server does with mail that it took: `decide`, a pure function of server, envelope and the state of the world.

`receive` (``dialogue.py``) says what it takes. What lies between two servers is decided in ``delivery.py``.
`trace` and the simulation ask all three; neither decides anything itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from coexsim.mail.access_actions import Acted, acted_on, dispositions_by_access
from coexsim.mail.case import Case, Disposition
from coexsim.mail.directory import Group
from coexsim.mail.disposition import dispositions_of
from coexsim.mail.message import Client, Envelope, NextHop, Rcpt, domain_of, fold, without_extension
from coexsim.mail.policy import Policy
from coexsim.mail.setup import Setup, State


class DeliveryRequest(NamedTuple):
    """Recipients of one envelope that go to the same next hop, or are handed over to the same role."""

    hop: NextHop | None
    role: str | None
    recipients: tuple[Rcpt, ...]


class Decision(NamedTuple):
    """What a server does with mail that it took."""

    dispositions: tuple[Disposition, ...]
    requests: tuple[DeliveryRequest, ...]

    def of(self, action: str) -> list[Disposition]:
        """The dispositions with this action."""
        return [disposition for disposition in self.dispositions if disposition.action == action]


def decide(
    setup: Setup, server: str, envelope: Envelope, came_from: Client = "own-user", state: State = State(),
    known: dict[Rcpt, tuple[Disposition, ...]] | None = None,
) -> Decision:  # fmt: skip
    """What `server` does with mail that it has taken: for every recipient (groups and forwarding followed) one disposition.

    `known` remembers what was said of each recipient: for envelopes that differ in nothing but their recipients.
    """
    known = {} if known is None else known
    policy = setup.policies[server]
    case = Case(setup, policy, envelope, came_from, state)
    dispositions: list[Disposition] = []
    taken: set[tuple[str, tuple[object, ...], str]] = set()
    acted = acted_on(case)
    if acted is not None:
        known = {}
        for disposition, rcpt in dispositions_by_access(case, acted):
            known[rcpt] = (*known.get(rcpt, ()), disposition)
    for rcpt, of in (*((rcpt, rcpt) for rcpt in envelope.recipients), *_archive(case, acted)):
        apart = _is_told_apart(case, rcpt)
        if rcpt not in known:
            known[rcpt] = tuple(dispositions_of(case, rcpt))
        for disposition in known[rcpt]:
            # Two ways of one recipient are not alike: a copy that stays here, and one that goes on.
            way = str(disposition.hop) if disposition.rule == "dual-delivery" else ""
            written = (fold(disposition.rcpt.written), rcpt.is_archive) if apart else ()
            key = (fold(disposition.rcpt.address), written, way)
            if key in taken and disposition.action != "fail":
                disposition = Disposition(
                    disposition.rcpt, "duplicate", disposition.rule, "another copy goes to this address already"
                )
            taken.add(key)
            dispositions.append(disposition._replace(envelope_recipient=of))
    return Decision(tuple(dispositions), tuple(_delivery_requests(policy, dispositions)))


def _archive(case: Case, acted: Acted | None) -> tuple[tuple[Rcpt, Rcpt], ...]:
    """The recipients that get copies, of all mail, a sender's, that for a recipient, or by access tables; and with whom each is told.

    Not of notices, and not of what this server has copied when it took it. Postfix copies at every visit (postconf(5), always_bcc,
    sender_bcc_maps, recipient_bcc_maps), a journal rule once in its organisation (PreventDuplicateJournalingEnabled is for two).
    """
    policy, envelope = case.policy, case.envelope
    if acted is not None and acted.action is not None and acted.action.verb != "filter":
        return ()  # what is discarded, redirected or on hold is so for all, these too
    if not (policy.copies or acted) or envelope.kind != "mail" or envelope.copied_at == envelope.received:
        return ()
    if policy.copies_once:
        organisation = {policy.server} | policy.own_clients | policy.colleagues
        if not {case.setup.machine_of(name) for name in organisation}.isdisjoint(envelope.passed[:-1]):
            return ()
    first = envelope.recipients[0]
    wanted = [(policy.copies_all_to, first), (_copy_of(policy.copies_of_senders, envelope.sender, policy), first)]
    wanted += [(_copy_of(policy.copies_of_recipients, rcpt.address, policy), rcpt) for rcpt in envelope.recipients]
    wanted += [(to, first) for to in (acted.copies if acted else ())]
    # Where originals are told apart, who is named gets mail for herself, and the copy too.
    named = set() if policy.tells_originals_apart == "always" else {fold(rcpt.address) for rcpt in envelope.recipients}
    copies: dict[str, tuple[Rcpt, Rcpt]] = {}
    for to, of in wanted:
        if to is not None and fold(to) not in named:
            copies.setdefault(fold(to), (Rcpt(to, 1, of.written, is_archive=True), of))
    return tuple(copies.values())


def _copy_of(table: Mapping[str, str], address: str, policy: Policy) -> str | None:
    """Who gets copies by a table of addresses and "@domain"s."""
    base = without_extension(address, policy.delimiters)
    return table.get(fold(address)) or table.get(fold(base)) or table.get("@" + domain_of(address))


def copied_at(policy: Policy, envelope: Envelope) -> int | None:
    """`Envelope.copied_at` of the parts that go on from a server that has decided."""
    return envelope.received if policy.copies or policy.access else envelope.copied_at


def _is_told_apart(case: Case, rcpt: Rcpt) -> bool:
    """Whether the product sends one copy for each original recipient, even where two of them lead to the same address."""
    policy = case.policy
    if policy.tells_originals_apart == "groups-from-elsewhere":
        return case.came_from != "own-user" and isinstance(case.setup.find(policy, rcpt.address, case.state), Group)
    return policy.tells_originals_apart == "always"


def _delivery_requests(policy: Policy, dispositions: list[Disposition]) -> Iterator[DeliveryRequest]:
    """One transaction a next hop, or several where the product offers only so many recipients in one."""
    grouped: dict[tuple[NextHop | None, str | None], list[Rcpt]] = {}
    for disposition in dispositions:
        if disposition.action in ("send", "hand-over"):
            grouped.setdefault((disposition.hop, disposition.role), []).append(disposition.rcpt)
    for (hop, role), rcpts in grouped.items():
        most = policy.destination_recipient_limit if hop else None
        for batch in _batches(rcpts, most) if most else [tuple(rcpts)]:
            yield DeliveryRequest(hop, role, batch)


def _batches(rcpts: list[Rcpt], most: int) -> Iterator[tuple[Rcpt, ...]]:
    """Recipients in their order, at most so many together; of alike ones some may go with one batch, some with the next."""
    batch: list[Rcpt] = []
    room = most
    for rcpt in rcpts:
        left = rcpt.count
        while left:
            taken = min(left, room)
            batch.append(rcpt._replace(count=taken))
            left, room = left - taken, room - taken
            if not room:
                yield tuple(batch)
                batch, room = [], most
    if batch:
        yield tuple(batch)
