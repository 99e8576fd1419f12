"""Microsoft Exchange: accepted domains, Send connectors, limits.

Sources stand in the field descriptions by key: [MS-AD], [MS-SC], [MS-RF], [PS-RC], [MS-INT] Exchange documentation.
A figure marked *from memory* is an editable default, not evidence.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from coexsim.scenario.part import Spec
from coexsim.scenario.quantities import Address, Catcher, Names, Seconds, SizeBytes, Switch, Whole, Written
from coexsim.scenario.servers.base import ServerBase

MB = 2**20
"""As Exchange counts: its shell writes "36 MB (37,748,736 bytes)"."""
YEARS = (2007, 2010, 2013, 2016, 2019)
Version = Annotated[
    Literal["2007", "2010", "2013", "2016", "2019", "SE"],
    BeforeValidator(lambda year: str(year) if type(year) is int else year),  # YAML reads a bare year as a number
    Written("one of: 2007, 2010, 2013, 2016, 2019, SE", "", "2016", {"enum": [*YEARS, *map(str, YEARS), "SE"]}),
]


class AcceptedDomain(Spec):
    """An Exchange accepted domain."""

    short_form: ClassVar[dict[str, Any]] = {"enum": ["authoritative", "internal-relay", "external-relay"]}

    type: Literal["authoritative", "internal-relay", "external-relay"] = Field(
        description="whose mailboxes the domain has: all are here, some are elsewhere, or none is here [MS-AD]"
    )
    recipient_lookup: Switch | None = Field(
        default=None,
        description="mail to an address that is in no directory is refused; default: on for authoritative only [MS-AD]",
    )

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @property
    def looks_up_recipients(self) -> bool:
        """Does recipient filtering check this domain."""
        return self.type == "authoritative" if self.recipient_lookup is None else self.recipient_lookup


class SendConnector(Spec):
    """An Exchange Send connector."""

    name: str = Field(description="its name, in traces and findings")
    address_spaces: Names = Field(
        description="domains it serves; '*' for all, '*.example.com' for it and all below it, '--' for all accepted domains [MS-SC]"
    )
    cost: Whole = Field(
        default=1,
        ge=1,
        le=100,
        description="of two connectors for one address space the one of lower cost is used [MS-SC]",
    )
    smart_hosts: Names = Field(
        default=(), description="'Route mail to the following smart host'; none: by MX (article) [MS-SC]"
    )
    port: Whole = Field(
        default=25, ge=1, le=65535, description="the TCP port of its smart hosts, or of the MX hosts [PS-SC]"
    )
    use_external_dns: Switch = Field(
        default=False, description="'Use External DNS Lookup settings' (article); off by default [PS-SC]"
    )
    max_message_size: SizeBytes | None = Field(
        default=None, description="10 MB [MS-SIZE] or 25 MB [PS-SC]: Microsoft's pages disagree"
    )
    enabled: Switch = Field(default=True, description="a disabled connector is not used")


class ExchangeServer(ServerBase):
    """Microsoft Exchange 2007 and later: accepted domains, Send connectors, recipient filtering."""

    side = "onprem"
    domain_pattern_keys = ("accepted_domains",)
    kind: Literal["exchange"] = Field(description="Microsoft Exchange 2007 and later")
    accepted_domains: dict[str, AcceptedDomain] = Field(
        default_factory=dict,
        description="domain ('*.domain': and all below it) to its type; left out: it takes no mail from outside [MS-AD]",
    )
    version: Version | None = Field(
        default=None,
        description="whose replies it gives: from 2016 on 5.1.10 for unknown recipients and 5.7.54 to who may not relay; before, and left "
        "out, 5.1.1 and 5.7.1 (notices that users published)",
    )
    journal_to: Address | None = Field(
        default=None,
        description="gets a copy of every message (a journal rule for all messages), such as an archive outside [MS-JOURNAL]",
    )
    catch_all: Catcher | None = Field(
        default=None,
        description="takes mail for whoever is unknown: a transport rule that redirects, with recipient lookup off [MS-CATCH]",
    )
    organization: str | None = Field(
        default=None,
        description="the Exchange organization that it belongs to: its servers know each other's mailboxes; left out: all that say none",
    )
    internal_clients: Names | None = Field(
        default=None,
        description="other servers whose mail it takes for the organisation's own (Receive connector, hybrid headers); left out: all but "
        "external ones",
    )
    anonymous_users: Switch = Field(
        default=True,
        description="permission group AnonymousUsers of the Receive connector, as of Default Frontend; without it (Exchange 2010 as set "
        "up) other servers than its organization's, relay_for and internal_clients are told 530 5.7.1, Client was not authenticated",
    )
    send_connectors: tuple[SendConnector, ...] = Field(
        default=(), description="ways out, chosen by address space, then cost [MS-SC]"
    )
    recipient_filtering: Switch = Field(default=False, description="Recipient Filter agent: 550 5.1.1 at RCPT [MS-RF]")
    max_receive_size: SizeBytes | None = Field(
        default=36 * MB, description="Receive connector: larger mail is refused with 552, 36 MB of 2^20 bytes [PS-RC]"
    )
    max_send_size: SizeBytes | None = Field(
        default=10 * MB,
        description="organisation limit for its own users (MaxSendSize); 10 MB where nobody set it [MS-SIZE]; null: none",
    )
    organization_max_receive_size: SizeBytes | None = Field(
        default=10 * MB,
        description="organisation limit for mail from elsewhere (MaxReceiveSize): larger mail that the Receive connector took bounces; "
        "10 MB where nobody set it [MS-SIZE]; null: none",
    )
    reject_reserved_domains: Switch = Field(
        default=False,
        description="mail for RFC 2606's domains that it does not accept itself bounces: 5.1.4 for .test, .example and so on, 5.1.5 for "
        "example.com; Exchange does so by default [MS-NDR], here it must be asked for, as scenarios like such names",
    )
    max_recipients_per_message: Whole | None = Field(
        default=200,
        ge=1,
        description="Receive connector: recipients beyond it are told 4.5.3 and come with the next attempt; 200 Front End, 5000 others "
        "[MS-SIZE]",
    )
    max_recipient_envelope_limit: Whole | None = Field(
        default=500,
        ge=1,
        description="organisation limit for its own users: mail to more is refused, 5.5.3 [MS-SIZE], [MS-NDR]",
    )
    max_hop_count: Whole = Field(
        default=30,
        ge=1,
        le=500,
        description="Received lines after which mail bounces as a loop: 30 [PS-RC]; 60 on connectors that setup makes, from memory",
    )
    max_local_hop_count: Whole = Field(
        default=8,
        ge=0,
        le=50,
        description="MaxLocalHopCount: Received lines of this server's own; 0: no limit. 8 [PS-RC]; 12 on connectors that setup makes, "
        "from memory",
    )
    message_rate_limit: Whole | None = Field(
        default=None,
        ge=1,
        description="Receive connector: messages a minute of one source, more is told 421 4.4.2; left out: unlimited, as Default Frontend "
        "[MS-RATE]",
    )
    message_rate_source: Literal["ip-address", "user", "all"] = Field(
        default="ip-address",
        description="whose messages count: of a sending host, of a sender's address (MAIL FROM), or of each [MS-RATE]",
    )
    message_retry_interval: Seconds = Field(
        default=15 * 60.0,
        description="gap between the tries of a message that was told to come later, its queue being well, 15 min [MS-INT]",
    )
    smtp_max_messages_per_connection: Whole = Field(
        default=20,
        ge=1,
        description="Send connector: messages of a connection [MS-RATE]; after a refusal one more is tried for each so many sent",
    )
    delay_notification_after: Seconds = Field(
        default=4 * 3600.0, description="the sender is told once that mail is late at this age, 4 hours [MS-INT]"
    )
    message_expiration: Seconds = Field(
        default=2 * 86400.0, description="mail is given up at this age and bounces, 2 days [MS-INT]"
    )
