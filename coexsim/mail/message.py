"""What travels: an envelope with its recipients, and the replies that servers give."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

NULL_SENDER = ""
MANY_NAMES = 2**16
"""So many names and addresses are remembered by what is asked of every one of them again and again."""
_NEEDLESSLY_QUOTED = re.compile(r'^"([^"\\@\s]+)"(?=@|$)')
SMTP_PORT = 25
PORTS = {"smtp": SMTP_PORT, "lmtp": 24, "submissions": 465, "smtps": 465, "submission": 587}
Kind = Literal["mail", "dsn", "delay"]
Client = Literal["own-user", "outside"] | str
"""Who hands mail in: a server's own user, somebody outside, or the server of that name."""
Command = Literal["mail", "rcpt", "data"]  # of SMTP, after which a reply came
"""How far an SMTP dialogue came."""


class Rcpt(NamedTuple):
    """A recipient of an envelope, or `count` alike ones of a class of nameless mailboxes."""

    address: str
    count: int = 1  # type: ignore[assignment]  # hides tuple.count, which nobody needs
    original: str = ""
    is_archive: bool = False
    """A copy for an archive, which a server added (always_bcc, journal): told with a recipient, but not what became of it."""

    @property
    def written(self) -> str:
        """The address as the sender wrote it, before groups and forwarding."""
        return self.original or self.address

    def at(self, address: str) -> Rcpt:
        """The same recipient under another address: where an alias, a group or a forwarding leads."""
        return self._replace(address=address, original=self.written)


class Reply(NamedTuple):
    """An SMTP reply: basic code, enhanced status code (RFC 3463), text."""

    code: int
    enhanced: str
    text: str

    @property
    def temporary(self) -> bool:
        """4xx: try again later."""
        return self.code < 500

    @property
    def discards(self) -> bool:
        """2xx: the mail is taken and thrown away; nobody is told."""
        return self.code < 300

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"


class Envelope(NamedTuple):
    """One copy of a message: one reverse path, several recipients. `passed`: the machines whose Received lines it has, in order.

    `copied_at`: how many of them it had where its copy for an archive was made, and access tables were asked; what waits there and is
    routed anew is not copied again, nor acted on.
    """

    sender: str
    recipients: tuple[Rcpt, ...]
    size_bytes: int = 4096
    passed: tuple[str, ...] = ()
    declares_size: bool = True
    kind: Kind = "mail"
    copied_at: int | None = None

    @property
    def received(self) -> int:
        """How many Received lines it has."""
        return len(self.passed)

    def with_received(self, machine: str) -> Envelope:
        """The same envelope with one more Received line."""
        return self._replace(passed=(*self.passed, machine))

    def to(self, recipients: tuple[Rcpt, ...]) -> Envelope:
        """The same envelope for other recipients."""
        return self._replace(recipients=recipients)


class NextHop(NamedTuple):
    """Where a server sends mail: a domain or host by MX, or a host by address only (written ``[host]``).

    With `kept` it is no host at all: the mail stays in the queue, attempt after attempt, with this reply; `held`: it is not tried again.
    """

    name: str
    by_mx: bool
    external_dns: bool = True
    others: tuple[NextHop, ...] = ()  # as good as this one: any of them serves
    in_order: bool = False  # the others are no equals, but tried one after another
    kept: Reply | None = None
    held: bool = False
    port: int = SMTP_PORT

    def __str__(self) -> str:
        return (self.name if self.by_mx else f"[{self.name}]") + (f":{self.port}" if self.port != SMTP_PORT else "")

    @property
    def destination(self) -> str:
        """What a server's sessions are counted by."""
        return self.name if self.port == SMTP_PORT else f"{self.name}:{self.port}"


def next_hop(text: str, *, by_mx: bool = False) -> NextHop:
    """``[host]`` is looked up by address only; ``host`` by MX first if `by_mx`. A port may stand behind both, by number or name."""
    text = text.strip()
    host, _, port = text.rpartition(":")
    number = SMTP_PORT
    if port.isalnum() and (host.endswith("]") or (host and ":" not in host)):
        text, number = host, port_of(port)
    if text.startswith("[") and text.endswith("]"):
        return NextHop(fold(text[1:-1]), by_mx=False, port=number)
    return NextHop(fold(text), by_mx=by_mx, port=number)


def port_of(text: str) -> int:
    """The number of a TCP port, also by its name in /etc/services; port 25 for a name that is not known."""
    return int(text) if text.isdecimal() else PORTS.get(text.casefold(), SMTP_PORT)


@lru_cache(maxsize=MANY_NAMES)
def fold(name: str) -> str:
    """A domain or address in one spelling: lower case, no dot at the end (RFC 5321 2.4: local parts are case-sensitive in
    theory; Domino, Exchange and Postfix all compare them without case). Quotes that a local part does not need are no part of
    it: ``"ann"@example.com`` is ann (RFC 5321 4.1.2).
    """
    if name[:1] == '"':
        name = _NEEDLESSLY_QUOTED.sub(r"\1", name)
    return name.casefold().rstrip(".")


@lru_cache(maxsize=MANY_NAMES)
def domain_of(address: str) -> str:
    """The part after the last ``@``."""
    return fold(address.rpartition("@")[2])


def local_part_of(address: str) -> str:
    """The part before the last ``@``."""
    return fold(address.rpartition("@")[0])


def without_extension(address: str, delimiters: str) -> str:
    """``user@domain`` of ``user+anything@domain``, where ``+`` is among the delimiters; without an extension the address as it is."""
    local, _, domain = address.rpartition("@")
    ends = [at for at in (local.find(one) for one in delimiters) if at > 0]
    return f"{local[: min(ends)]}@{domain}" if ends else address
