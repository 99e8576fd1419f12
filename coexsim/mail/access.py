"""Access tables: what a server does with mail by its sender and its recipients, when it takes it (Postfix: access(5)).

An entry refuses the recipient, or acts on the message as a whole: all its recipients, whoever the entry is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from coexsim.mail.message import Reply, domain_of, fold, local_part_of, without_extension
from coexsim.mail.route_table import RouteEntry

NULL_SENDER_KEY = "<>"  # smtpd_null_access_lookup_key (postconf(5))


class Action(NamedTuple):
    """What an entry says. ``pass``: nothing, and no less specific entry is asked. ``refuse``: with `said`, whose text is that of the entry.

    On the whole message: ``discard`` takes it and throws it away, ``hold`` keeps it until somebody lets it go, ``redirect`` sends it to
    `to` in place of all recipients, ``filter`` sends it by `route`, ``bcc`` adds a copy for `to`.
    """

    verb: Literal["pass", "refuse", "discard", "hold", "redirect", "filter", "bcc"]
    said: Reply | None = None
    to: str = ""
    route: RouteEntry | None = None


class AccessTables(NamedTuple):
    """Actions by address, domain (and those below it), ``.domain`` or ``user@``; `..._of_everyone`: mail of clients that may relay too."""

    senders: Mapping[str, Action]
    recipients: Mapping[str, Action]
    senders_of_everyone: bool
    recipients_of_everyone: bool
    delimiters: str

    def of_sender(self, address: str, *, may_relay: bool) -> Action | None:
        """The entry for the sender of mail of a client; an empty one has a key of its own."""
        if may_relay and not self.senders_of_everyone:
            return None
        return self._found(self.senders, address) if address else self.senders.get(NULL_SENDER_KEY)

    def of_recipient(self, address: str, *, may_relay: bool) -> Action | None:
        """The entry for a recipient of mail of a client, as the envelope has it."""
        if may_relay and not self.recipients_of_everyone:
            return None
        return self._found(self.recipients, address)

    def _found(self, table: Mapping[str, Action], address: str) -> Action | None:
        return next((table[key] for key in self._keys(address) if key in table), None) if table else None

    def _keys(self, address: str) -> Iterator[str]:
        """In the order of access(5)."""
        plain = without_extension(address, self.delimiters)
        yield from (fold(address), fold(plain))
        domain = domain_of(address)
        yield domain
        labels = domain.split(".")
        for above in (".".join(labels[i:]) for i in range(1, len(labels))):
            yield from (above, f".{above}")
        yield from (f"{local_part_of(address)}@", f"{local_part_of(plain)}@")
