"""A smart host or secondary MX; [PF] is Postfix source."""

from typing import Literal

from pydantic import Field

from coexsim.scenario.machine import RateLimits
from coexsim.scenario.quantities import Names, SizeBytes, Switch, Whole
from coexsim.scenario.servers.base import ServerBase


class RelayServer(ServerBase):
    """A smart host or secondary MX: no mail files; passes everything for its domains on."""

    domain_keys = ("relay_domains",)
    kind: Literal["relay"] = Field(description="a smart host or secondary MX")
    relay_domains: Names | None = Field(
        default=None, description="accepts mail for these from anyone; default: the scenario's domain"
    )
    smart_host: str | None = Field(
        default=None, description="where it sends; default: that of the server it runs on, else by MX"
    )
    verify_recipients: Switch = Field(default=False, description="550 5.1.1 at RCPT for people in no directory")
    limits: RateLimits = Field(
        default=RateLimits(),
        description="how much mail it takes in a time; it has no mailboxes",
    )
    max_message_size: SizeBytes | None = Field(
        default=None, description="larger mail is refused with 552; left out: no limit"
    )
    max_hop_count: Whole = Field(
        default=50, ge=1, description="Received lines after which mail bounces as a loop; 50 is Postfix's [PF]"
    )
