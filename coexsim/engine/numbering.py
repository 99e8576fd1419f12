"""Classes of mail and what becomes of them, which rows of the kernel speak of by number."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

from coexsim.mail.message import NextHop
from coexsim.sim.message import EnvelopeClass


class Class(NamedTuple):
    """A class of mail at a server."""

    server: str
    envelope: EnvelopeClass
    came_from: str
    size_class: int
    passed: tuple[str, ...]
    declares_size: bool = True


class TransferClass(NamedTuple):
    """A class of mail at a server on its way to a next hop."""

    at: Class
    hop: NextHop


class Submission(NamedTuple):
    """A class of mail when it is handed in; `number` tells named messages from one another."""

    at: Class
    number: int


class End(NamedTuple):
    """What becomes of some recipients: a row of the `mail` table without its numbers."""

    envelope: EnvelopeClass
    outcome: int
    code: str
    by: str


class Numbers(dict[Any, int]):
    """Things by number, in the order in which they came."""

    def of(self, thing: Hashable) -> int:
        """The number of a thing, a new one if need be."""
        return self.setdefault(thing, len(self))
