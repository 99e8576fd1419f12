"""A class of mail: senders or recipients that are alike, represented by one address."""

from __future__ import annotations

from typing import Literal, NamedTuple

from coexsim.mail.message import fold

Side = Literal["onprem", "hosted", "elsewhere", "group", "unknown", "internet"]
SIDES_IN_WORDS = {
    "onprem": "on-premises people",
    "hosted": "hosted people",
    "elsewhere": "people with no mailbox",
    "group": "groups",
    "unknown": "unknown addresses",
    "internet": "the Internet",
}


class MailClass(NamedTuple):
    """Senders or recipients that are alike, represented by one address. `exists`: mail to it should arrive."""

    name: str
    address: str
    side: Side
    exists: bool = True
    home: str | None = None
    mailboxes: int = 1
    names: tuple[str, ...] = ()
    second: str = ""
    typical: str = ""
    """The name of the class before it that is alike but for the moment at which its people move; empty: none is."""

    @property
    def is_typical(self) -> bool:
        """Does it stand for those that are alike but for when their people move."""
        return not self.typical

    def other_than(self, address: str) -> str:
        """An address of the class; if there are two, not this one."""
        return self.second if self.second and fold(address) == fold(self.address) else self.address
