"""Where mail is handed in: at the server that a client finds by MX, or at the sender's own."""

from __future__ import annotations

from coexsim.mail.delivery import dns_reply
from coexsim.mail.dns import DnsFailure, MailHosts
from coexsim.mail.effects import Recipients
from coexsim.mail.message import Reply
from coexsim.mail.reach import addresses
from coexsim.mail.replies import CLIENT_PRODUCT, reply
from coexsim.mail.setup import Setup, State


def server_by_mx(setup: Setup, found: MailHosts | DnsFailure, recipients: Recipients) -> str | Reply:
    """The server that a client hands mail in at, by what DNS says of the recipients' domain; or why there is none."""
    if isinstance(found, DnsFailure):
        return dns_reply(CLIENT_PRODUCT, found, recipients)
    first = next((host.server for host in addresses(setup.server_at, found) if host.server), None)
    return first or reply(CLIENT_PRODUCT, "connection-timed-out", detail=found.groups[0][0].name)


class SenderServers:
    """The server at which each sender hands mail in, by version of the directory; looked up once for each."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._nameless = {c.address for c in setup.directory.classes}
        self._known: dict[tuple[str, int], str | None] = {}

    def server(self, address: str, version: int) -> str | None:
        """None: nowhere, since no server is there for this side, or the sender is yet to be hired."""
        key = (address, version)
        if key not in self._known:
            is_hired_later = address in self._nameless and self._setup.directory.find(address, version) is None
            self._known[key] = None if is_hired_later else self._setup.submission_server(address, State(version))
        return self._known[key]
