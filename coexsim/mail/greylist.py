"""Greylisting: the first contact of a client, sender and recipient is told to come later."""

from __future__ import annotations

from coexsim.mail.message import fold
from coexsim.mail.setup import Setup


class Greylist:
    """The contacts that a greylisting server has seen; the first one of a client, sender and recipient is told to come later."""

    def __init__(self) -> None:
        self._first_s: dict[tuple[str, str, str, str], float] = {}

    def turns_away(self, group: str, client: str, sender: str, rcpt: str, now_s: float, delay_s: float) -> bool:
        """Is the recipient told to come later, `delay_s` not having passed since the first contact.

        `group` keeps contacts apart that have the same client: of different servers, or of different hosts behind one name.
        """
        first_s = self._first_s.setdefault((group, client, fold(sender), fold(rcpt)), now_s)
        return now_s - first_s < delay_s


def greylist_key(setup: Setup, server: str, client: str, source: int) -> str:
    """The key by which a greylisting server counts its client: a single address, or the client's whole network."""
    if source == 0 or setup.policies[server].greylists_networks:
        return client
    return f"{client}#{source}"
