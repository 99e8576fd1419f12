"""How much of each kind of mail there is: shares of the load's mix, from class to class, per thousand messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from coexsim.audit.mail_class import MailClass
from coexsim.scenario.load_profile import LoadSpec, mean_recipients
from coexsim.scenario.model import Scenario

DEFAULT_PROFILE = "office-worker"


class _Part(NamedTuple):
    """Mail that mixes evenly: copies per second, and the shares of the classes that send and get it."""

    rate_per_s: float
    senders: dict[str, float]
    recipients: dict[str, float]
    typical: dict[str, float]
    """The shares of the typical classes, with those that are alike but for when their people move."""


class Mix:
    """How much mail goes from class to class, per thousand messages of all."""

    def __init__(self, parts: Iterable[_Part]) -> None:
        self._parts = tuple(part for part in parts if part.senders and part.recipients)
        self._total = sum(part.rate_per_s for part in self._parts)

    def weight(self, sender: MailClass, recipient: MailClass) -> float:
        """Of the mail between two classes; of a pair that stands for others (see `pairs`), with theirs."""
        if not self._total:
            return 0.0
        rate_per_s = 0.0
        for part in self._parts:
            shares = part.recipients if sender.is_typical else part.typical
            rate_per_s += part.rate_per_s * part.senders.get(sender.name, 0.0) * shares.get(recipient.name, 0.0)
        return 1000 * rate_per_s / self._total


def per_thousand(scenario: Scenario, senders: Iterable[MailClass], recipients: Iterable[MailClass]) -> Mix:
    """The mix of a load, a message to n recipients counted as n.

    An office's mail mixes evenly: a message goes to each mailbox with the same probability, so that the share of mail between
    two hosted people is the square of their share of the mailboxes. Without a load the mix is that of the shipped office worker.
    """
    senders, recipients = list(senders), list(recipients)
    load = scenario.load
    if load is None or not (load.office_rates.sent_per_s or load.streams):
        load = LoadSpec.from_data({"profile": DEFAULT_PROFILE})
    standing = {each.name: each.typical or each.name for each in recipients}
    parts = []
    for origin, goal, rate_per_s in [*_office(load, senders), *_streams(load)]:
        froms, tos = _members(senders, origin), _members(recipients, goal)
        typical: dict[str, float] = {}
        for name, share in tos.items():
            typical[standing[name]] = typical.get(standing[name], 0.0) + share
        parts.append(_Part(rate_per_s, froms, tos, typical))
    return Mix(parts)


def _office(load: LoadSpec, senders: list[MailClass]) -> list[tuple[str, str, float]]:
    """Recipient copies per second of the office's mail: from inside, from the Internet, and spam."""
    rates = load.office_rates
    mailboxes = sum(person.mailboxes for person in senders if person.side in ("onprem", "hosted"))
    inside = rates.inside_share
    sent = mailboxes * rates.sent_per_s * mean_recipients(load.recipients)
    wanted = mailboxes * rates.internet_per_s * mean_recipients(load.internet_recipients or load.recipients)
    spam, unknown = 0.0, 0.0
    if load.spam:
        spam = mailboxes * rates.spam_per_s * mean_recipients(load.spam.recipients)
        unknown = load.spam.to_unknown_addresses
    return [
        ("everybody", "everybody", sent * inside),
        ("everybody", "internet", sent * (1 - inside)),
        ("internet", "everybody", wanted + spam * (1 - unknown)),
        ("internet", "unknown", spam * unknown),
    ]


def _streams(load: LoadSpec) -> list[tuple[str, str, float]]:
    found = []
    for stream in load.streams:
        total = sum(stream.to.values())
        copies = stream.rate * mean_recipients(stream.recipients)
        found += [(str(stream.sender), str(place), copies * weight / total) for place, weight in stream.to.items()]
    return found


def _members(classes: list[MailClass], place: str) -> dict[str, float]:
    """The classes of a place, with the share of each by its mailboxes."""
    sides = ("onprem", "hosted") if place == "everybody" else (place,)
    there = [person for person in classes if person.side in sides and (person.exists or place == "unknown")]
    found = [person for person in there if person.mailboxes] or there
    total = sum(person.mailboxes or 1 for person in found)
    return {person.name: (person.mailboxes or 1) / total for person in found} if total else {}
