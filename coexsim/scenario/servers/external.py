"""Senders and receivers on the Internet."""

from typing import Literal

from pydantic import Field

from coexsim.scenario.machine import MOST_AT_ONCE
from coexsim.scenario.quantities import Names, SizeBytes, Whole
from coexsim.scenario.servers.base import ServerBase

INTERNET_SENDERS = 1000


class ExternalServer(ServerBase):
    """A sender and receiver on the Internet, with its own domain."""

    side = "internet"
    domain_keys = ("domain",)
    kind: Literal["external"] = Field(description="senders and receivers on the Internet")
    domain: Names = Field(description="mail domains of the Internet that it stands for")
    mailboxes: tuple[str, ...] | None = Field(default=None, description="local parts that exist; default: all")
    forwarding: dict[str, str] = Field(
        default_factory=dict, description="local part to the address its mail goes on to"
    )
    resolvers: Whole | None = Field(
        default=None,
        ge=1,
        le=MOST_AT_ONCE,
        description="how many senders it stands for, each with its own DNS cache, connections, queue runs and memory of what failed; "
        "default: 1 with a host or address of its own, else the Internet, 1000 (from memory)",
    )
    smart_host: str | None = Field(default=None, description="sends all mail to this host instead of by MX")
    max_message_size: SizeBytes | None = Field(
        default=None, description="larger mail is refused with 552; left out: no limit"
    )
    max_hop_count: Whole = Field(
        default=50, ge=1, description="Received lines after which mail bounces as a loop; 50 is Postfix's [PF]"
    )

    @property
    def senders(self) -> int:
        """How many senders it stands for."""
        alone = self.host is not None or self.address is not None
        return self.resolvers or (1 if alone else INTERNET_SENDERS)
