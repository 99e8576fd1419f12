"""A hosted service: its inbound and its outbound server, and the connectors of a tenant."""

from typing import Literal

from pydantic import Field

from coexsim.scenario.machine import RateLimits
from coexsim.scenario.part import Spec
from coexsim.scenario.quantities import Address, Catcher, Names, SizeBytes, Switch, Whole
from coexsim.scenario.servers.base import ServerBase

HostedService = Literal["smartcloud-inotes", "exchange-online", "google-workspace", "other"]

_SERVICE = "the hosted service; left out: by the host name (*.protection.outlook.com, *.google.com, *.collabserv.com), else other"


class OutboundConnector(Spec):
    """A hosted service's connector to the organisation's own servers."""

    name: str = Field(default="connector", description="told as the rule of mail that takes it")
    address_spaces: Names = Field(
        default=("*",), description="domains it serves; '*' for all, '*.example.com' for subdomains"
    )
    smart_hosts: Names = Field(default=(), description="hosts that it sends to; none: by the MX record")
    enabled: Switch = Field(default=True, description="a disabled connector is not used")


class HostedInbound(ServerBase):
    """The hosted service's inbound server: has the hosted users' mail files and a replica of the directory.

    What the organisation has set at its service stands here, and holds for the outbound server of the same tenant too.
    """

    side = "hosted"
    domain_pattern_keys = ("domains", "accepted_domains")
    kind: Literal["hosted-inbound"] = Field(description="the hosted service's inbound server")
    provider: HostedService | None = Field(default=None, description=_SERVICE)
    tenant: str | None = Field(default=None, description="whose organisation this is; default: the scenario's own")
    domains: Names | None = Field(
        default=None, description="default: the scenario's domain; '*.domain' for those below it"
    )
    accepted_domains: dict[str, Literal["authoritative", "internal-relay"]] = Field(
        default_factory=dict,
        description="in place of domains and unknown_recipients: the service bounces unknown people of an authoritative domain and "
        "passes on those of an internal relay domain, those of its own users too",
    )
    unknown_recipients: Literal["refuse", "bounce", "relay"] = Field(
        default="refuse",
        description="550 5.1.1 at RCPT; accept, then bounce; or on by connector or MX (an internal relay domain)",
    )
    journal_to: Address | None = Field(
        default=None,
        description="gets a copy of every message (a journal rule for all messages), such as an archive outside [MS-JOURNAL]",
    )
    catch_all: Catcher | None = Field(
        default=None,
        description="takes mail for whoever is unknown, of its own users too (Google's default routing; at Exchange Online an internal "
        "relay domain with a mail flow rule that redirects)",
    )
    accepts_only_from: Names | None = Field(
        default=None,
        description="servers whose mail it takes, such as the filter that the MX leads to; others are refused, at Exchange Online 5.7.51 "
        "(RestrictDomainsToIPAddresses of a partner connector, Google's inbound gateway)",
    )
    edge_blocking: Switch | None = Field(
        default=None,
        description="directory-based edge blocking: refuse with 550 5.4.1 [MS-DBEB]; default: Exchange Online, authoritative domains",
    )
    smart_host: str | None = Field(
        default=None,
        description="a connector for all its domains: where mail for people elsewhere (and unknown, if relayed) goes",
    )
    connectors: tuple[OutboundConnector, ...] = Field(
        default=(),
        description="ways to the organisation's own servers, by address space; they hold for the outbound server too",
    )
    people_elsewhere: Literal["refuse", "relay"] | None = Field(
        default=None,
        description="people whose mail file is not here: relay is by connector, else by MX; default: relay at Exchange Online and Google "
        "Workspace, which know them by synchronisation, else refuse",
    )
    centralised_transport: Switch = Field(
        default=False, description="mail not yet seen by the connector's host goes there first [MS-HYB]"
    )
    internal_clients: Names | None = Field(
        default=None,
        description="servers whose mail the service takes for the organisation's own (its connector from on-premises matches); left out: "
        "all but external ones. With centralised_transport, all other mail goes on-premises first",
    )
    relay_by: Literal["certificate", "ip-address"] = Field(
        default="certificate",
        description="how it knows the servers of relay_for: by their IP address only mail with a sender in its own domains may go on to "
        "others, so that what they forward, and their notices, are refused, at Exchange Online 5.7.64 (ATTR36) [MS-ATTR]; the same where "
        "Google's SMTP relay service is for addresses in its own domains only; holds for the outbound server too",
    )
    forwarding: dict[str, str] = Field(
        default_factory=dict,
        description="person to the address that the mailbox, or the mail user, here leads to, whatever the directory says",
    )
    external_forwarding: Switch = Field(
        default=True,
        description="mailboxes may forward to other domains; disabled, as Exchange Online's outbound spam policy is by default today: "
        "550 5.7.520 [MS-FWD]",
    )
    plus_addressing: Switch | None = Field(
        default=None,
        description="mail to user+anything goes to user; default: at Exchange Online and Google Workspace [MS-PLUS]",
    )
    also_deliver_to: str | None = Field(
        default=None, description="dual delivery: a copy of all mail for its people goes to this host too [GW-DUAL]"
    )
    limits: RateLimits = Field(
        default=RateLimits(),
        description="how much mail it takes in a time; those of its mailboxes hold at the outbound server too",
    )
    max_message_size: SizeBytes | None = Field(
        default=None,
        description="larger mail is refused with 552; left out: as the service does (Exchange Online: 36 MB into a mailbox, 35 MB from "
        "one; Google Workspace: 50 MB and 25 MB), else no limit",
    )
    max_hop_count: Whole = Field(
        default=50, ge=1, description="Received lines after which mail bounces as a loop; from memory"
    )


class HostedOutbound(ServerBase):
    """The hosted service's outbound server: hosted users hand their mail in here. Domains and connectors stand at its inbound server."""

    kind: Literal["hosted-outbound"] = Field(description="the hosted service's outbound server")
    provider: HostedService | None = Field(
        default=None,
        description="the service whose replies and limits it has; default: that of the tenant's inbound server",
    )
    tenant: str | None = Field(default=None, description="whose organisation this is; default: the scenario's own")
    routes_internal_mail: Literal["by-mx", "direct"] | None = Field(
        default=None,
        description="by-mx: as the article; direct: the service looks its own people up, as today's do [MS-HYB]; default: direct at "
        "Exchange Online and Google Workspace, else by-mx",
    )
    relay_host: str | None = Field(
        default=None,
        description="all mail leaves through this host [MS-HYB]; default: the connector's, with centralised transport",
    )
    max_message_size: SizeBytes | None = Field(
        default=None,
        description="larger mail is refused with 552; default: that of the tenant's inbound server, else the service's",
    )
    max_hop_count: Whole = Field(
        default=50, ge=1, description="Received lines after which mail bounces as a loop; from memory"
    )
