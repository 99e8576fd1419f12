"""The servers of a scenario: each product's settings in the product's own words, with the product's own defaults.

Sources stand in the field descriptions by key: the article; [D-SH], [D-HELP], [D-TL], [D-GD], [D-SPAM] Domino Administrator
help; [MS-AD], [MS-SC], [MS-RF], [PS-RC], [MS-INT] Exchange documentation; [PF] Postfix source and the lab measurements. A figure
marked *from memory* is an editable default, not evidence.
"""

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from coexsim.scenario.machine import MOST_AT_ONCE, Capacity, Greylist, RetryPlan, Service, SmtpSession
from coexsim.scenario.part import Spec
from coexsim.scenario.product_work import PRODUCT_WORK
from coexsim.scenario.quantities import Names, Number, Seconds, SizeBytes, Switch, Whole


class ServerBase(Spec):
    """What every server has, whatever its product."""

    side: ClassVar[Literal["onprem", "hosted", "internet", "none"]] = "none"  # whose mail files it can have

    site: str | None = Field(default=None, description="the site it stands in, one of `sites`")
    host: str | None = Field(default=None, description="its host name in DNS, as MX records and smart hosts name it")
    address: str | None = Field(default=None, description="its IP address; default: what DNS says of its host")
    runs_on: str | None = Field(default=None, description="the server whose machine this role shares")
    capacity: Capacity = Field(default=Capacity(), description="what its machine has; left out: no limits")
    service: Service = Field(
        default=Service(),
        description="how long its work takes; left out: with cores, what its product was seen to take (`explain SCENARIO`), else no time",
    )
    smtp: SmtpSession = Field(default=SmtpSession(), description="what its SMTP sessions cost in round trips")
    retry: RetryPlan | None = Field(
        default=None, description="when mail that could not be handed on is tried again; left out: as the product does"
    )
    outgoing_addresses: Whole | None = Field(
        default=None,
        ge=1,
        le=MOST_AT_ONCE,
        description="IP addresses that its mail leaves from, one after another; each is a stranger to greylisting, and has a queue of its "
        "own at a hosted service; default: 1, of a hosted service by name 8 (from memory)",
    )
    ipv6: Literal["none", "works", "broken"] = Field(
        default="none",
        description="as a sender: hosts with an A and an AAAA record are tried over IPv6 first; broken: then in vain; none: not asked for",
    )
    announces_size: Switch = Field(
        default=True, description="SIZE in its EHLO reply: too large mail is refused at MAIL"
    )
    offers_tls: Switch = Field(default=True, description="it says STARTTLS in its EHLO reply")
    valid_certificate: Switch = Field(default=True, description="its certificate is one that others verify")
    requires_tls_to: Names = Field(
        default=(), description="servers (or 'anyone') to which it sends only over TLS with a verified certificate"
    )
    requires_tls_from: Names = Field(
        default=(), description="servers (or 'anyone') from which it takes mail only over TLS: 530 5.7.0 without"
    )
    relay_for: Names = Field(default=(), description="servers (or 'anyone') for which it relays to other domains")
    greylisting: Greylist | None = Field(default=None, description="first contacts are put off; left out: they are not")
    reject_unknown_sender_domain: Switch = Field(
        default=False, description="450 4.1.8 for a sender domain that is not in DNS"
    )
    reject_unknown_recipient_domain: Switch = Field(
        default=False, description="450 4.1.2 for a recipient domain that is not in DNS"
    )
    reject_own_domain_from_outside: Switch = Field(
        default=False,
        description="550 5.7.1 for a sender of one of its domains from a client that relay_for does not name (spoofing)",
    )

    @property
    def works_by_default(self) -> bool:
        """Has it cores, and does nobody say how long its work takes: then it takes what its product was seen to take."""
        return self.capacity.cores is not None and "service" not in self.model_fields_set

    @property
    def work(self) -> Service:
        """How long its work takes: as the scenario says, or by default."""
        return PRODUCT_WORK if self.works_by_default else self.service


class DominoServer(ServerBase):
    """Lotus Domino: Server document, Configuration document (Router/SMTP), Global Domain document."""

    side = "onprem"
    kind: Literal["domino"] = Field(description="a Lotus (HCL) Domino server")
    smtp_listener_task: Switch = Field(
        default=False, description="Server document, Basics: is port 25 open (article, step 1)"
    )
    smtp_outside_local_domain: Switch = Field(
        default=False,
        description="'SMTP used when sending messages outside of the local internet domain' (article, step 2) [D-HELP]",
    )
    smart_host: str | None = Field(
        default=None, description="local Internet domain smart host (article, step 2) [D-SH]"
    )
    smart_host_rule: Literal["person-without-mail-file", "not-in-directory"] = Field(
        default="person-without-mail-file", description="the article's rule, or the product documentation's [D-SH]"
    )
    smart_host_for_all_local_recipients: Switch = Field(
        default=False, description="even people found here go to the smart host [D-BASICS]"
    )
    global_domain: Names | None = Field(
        default=None, description="Global Domain document: primary and alternate domains (article, step 3) [D-GD]"
    )
    verify_local_recipients: Switch = Field(
        default=False,
        description="'Verify that local domain recipients exist in the Domino Directory': 550 at RCPT [D-SPAM]",
    )
    address_lookup: Literal["full name then local part", "full name only", "local part only"] = Field(
        default=("full name then local part"),
        description="how a recipient is looked up in the Domino Directory; the default is the product's [D-BASICS]",
    )
    relay_host: str | None = Field(
        default=None, description="relay host for messages leaving the local Internet domain [D-BASICS]"
    )
    foreign_smtp_domains: dict[str, str] = Field(
        default_factory=dict,
        description="Foreign SMTP Domain and SMTP Connection documents: other domain ('*.domain' for those below it) to host [D-HELP]",
    )
    max_message_size: SizeBytes | None = Field(
        default=None, description="larger mail is refused with 552; left out: no limit [D-BASICS]"
    )
    over_quota_enforcement: Literal["deliver-anyway", "non-deliver"] = Field(
        default="deliver-anyway",
        description="mail for a Person whose mail file is full (`over_quota`); that there is the option [D-CUST], its default from memory",
    )
    max_hop_count: Whole = Field(
        default=25,
        ge=1,
        description="25 in Domino 5-8 (one site's value [D-CUST], as default from memory); 40 in 12/14 [D-TL]",
    )
    initial_transfer_retry_interval: Seconds = Field(
        default=900.0, description="15 min, from memory; the gap grows after each failure [D-TL]"
    )
    mail_timeout: Seconds = Field(
        default=86400.0, description="MailTimeout: mail is given up at this age and bounces, 1 day [D-TIMEOUT]"
    )
    delay_notification_after: Seconds | None = Field(
        default=None, description="off by default; 4 to 48 h at one site [D-CUST]"
    )


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
    address_spaces: Names = Field(description="domains it serves; '*' for all, '*.example.com' for subdomains")
    cost: Whole = Field(
        default=1,
        ge=1,
        le=100,
        description="of two connectors for one address space the one of lower cost is used [MS-SC]",
    )
    smart_hosts: Names = Field(
        default=(), description="'Route mail to the following smart host'; none: by MX (article) [MS-SC]"
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
    kind: Literal["exchange"] = Field(description="Microsoft Exchange 2007 and later")
    accepted_domains: dict[str, AcceptedDomain] = Field(
        default_factory=dict, description="domain to its type; left out: it takes no mail from outside [MS-AD]"
    )
    send_connectors: tuple[SendConnector, ...] = Field(
        default=(), description="ways out, chosen by address space, then cost [MS-SC]"
    )
    recipient_filtering: Switch = Field(default=False, description="Recipient Filter agent: 550 5.1.1 at RCPT [MS-RF]")
    max_receive_size: SizeBytes | None = Field(
        default=36_000_000, description="Receive connector: larger mail is refused with 552, 36 MB [PS-RC]"
    )
    max_send_size: SizeBytes | None = Field(
        default=None, description="organisation limit for its own users; 10 MB by default [MS-SIZE]"
    )
    organization_max_receive_size: SizeBytes | None = Field(
        default=None,
        description="organisation limit for mail from elsewhere: larger mail that the Receive connector took bounces; 10 MB by default "
        "[MS-SIZE], left out here: none",
    )
    reject_reserved_domains: Switch = Field(
        default=False,
        description="mail for RFC 2606's domains (.test, .example, example.com and so on) that it does not accept itself bounces, 5.1.4; "
        "Exchange does so by default [MS-NDR], here it must be asked for, as scenarios like such names",
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
    delay_notification_after: Seconds = Field(
        default=4 * 3600.0, description="the sender is told once that mail is late at this age, 4 hours [MS-INT]"
    )
    message_expiration: Seconds = Field(
        default=2 * 86400.0, description="mail is given up at this age and bounces, 2 days [MS-INT]"
    )


def _known_transports(table: dict[str, str]) -> dict[str, str]:
    for pattern, to in table.items():
        word, colon, _ = to.partition(":")
        if "," in to or (colon and word.isalnum() and word not in ("smtp", "relay", "virtual", "local", "lmtp")):
            raise ValueError(
                f"{pattern}: {to!r} is not among the transports here; write one of smtp:[host], smtp:host, smtp:, virtual:"
            )
    return table


class PostfixServer(ServerBase):
    """Postfix: main.cf in its own words. `smart_host` is a transport for listed people with no mail file here."""

    side = "onprem"
    kind: Literal["postfix"] = Field(description="a Postfix server, set up in the words of main.cf")
    virtual_mailbox_domains: Names | None = Field(
        default=None,
        description="default: the scenario's domain, unless it is a relay domain and no mail file is here; a domain that is also a relay "
        "domain is virtual (trivial-rewrite(8) warns of it)",
    )
    relay_domains: Names = Field(
        default=(), description="with their subdomains; accepted without being listed, unless relay_recipient_check"
    )
    relay_recipient_check: Switch = Field(
        default=False, description="relay_recipient_maps is set: unlisted are refused at RCPT"
    )
    reject_unlisted_recipient: Switch = Field(
        default=True, description="an address of its own domains that is not listed is refused at RCPT"
    )
    transport: Annotated[dict[str, str], AfterValidator(_known_transports)] = Field(
        default_factory=dict,
        description="address, domain, '.domain' (its subdomains) or '*' to 'smtp:[host]' (no MX lookup), 'smtp:host', 'smtp:' (by MX) "
        "or 'virtual:'; as in Postfix it is asked before the directory: a domain's entry also takes the mail of its people with a "
        "mail file here",
    )
    virtual_alias_maps: dict[str, Names] = Field(
        default_factory=dict,
        description="address to addresses; '@domain' catches those whom this table does not "
        "list, also people with a mail file here; to '@other' keeps the local part",
    )
    smart_host: str | None = Field(
        default=None,
        description="takes mail of listed people with no mail file here: '[host]' (no MX lookup) or 'host'",
    )
    relayhost: str | None = Field(
        default=None,
        description="takes mail for other domains that no transport names, for relay domains too: '[host]' (no MX lookup) or 'host'",
    )
    sender_dependent_relayhost_maps: dict[str, str] = Field(
        default_factory=dict, description="sender address or '@domain' to the host that is used instead of relayhost"
    )
    reject_unverified_recipient: Switch = Field(
        default=False,
        description="a probe along the recipient's route; not deliverable or not known yet is refused at RCPT",
    )
    unverified_recipient_reject_code: Literal[450, 550] = Field(
        default=450, description="for an address that the probe shows to bounce; 450 by default (postconf(5))"
    )
    mynetworks: Names = Field(default=(), description="clients that may relay; also relay_for")
    message_size_limit: SizeBytes | None = Field(
        default=10_240_000, description="larger mail is refused with 552; 0: no limit [PF]"
    )
    smtpd_recipient_limit: Whole = Field(
        default=1000, ge=1, description="recipients beyond it are told 452 4.5.3 and come with the next attempt [PF]"
    )
    hopcount_limit: Whole = Field(
        default=50, ge=1, description="Received lines after which mail bounces as a loop [PF]"
    )
    minimal_backoff_time: Seconds = Field(default=300.0, description="least time between two attempts [s] [PF]")
    maximal_backoff_time: Seconds = Field(default=4000.0, description="longest time between two attempts [s] [PF]")
    queue_run_delay: Seconds = Field(
        default=300.0, description="how often the deferred queue is looked through [s] [PF]"
    )
    initial_destination_concurrency: Whole = Field(
        default=5, ge=1, description="sessions with one destination at first [PF]"
    )
    default_destination_concurrency_positive_feedback: Number = Field(
        default=1.0, gt=0, le=1, description="sessions more with a destination after each delivery there [PF]"
    )
    default_destination_concurrency_negative_feedback: Number = Field(
        default=1.0,
        gt=0,
        le=1,
        description="sessions fewer after each connection that failed or was turned away (421) [PF]",
    )
    default_destination_concurrency_failed_cohort_limit: Number = Field(
        default=1.0,
        ge=0,
        description="a destination is dead when so many rounds of its sessions have failed with no delivery between; 0: never [PF]",
    )
    maximal_queue_lifetime: Seconds = Field(default=5 * 86400.0, description="mail is given up at this age [s] [PF]")
    delay_warning_time: Seconds | None = Field(
        default=None, description="a delay DSN after this age; left out: none, as Postfix does by default [PF]"
    )


class RelayServer(ServerBase):
    """A smart host or secondary MX: no mail files; passes everything for its domains on."""

    kind: Literal["relay"] = Field(description="a smart host or secondary MX")
    relay_domains: Names | None = Field(
        default=None, description="accepts mail for these from anyone; default: the scenario's domain"
    )
    smart_host: str | None = Field(
        default=None, description="where it sends; default: that of the server it runs on, else by MX"
    )
    verify_recipients: Switch = Field(default=False, description="550 5.1.1 at RCPT for people in no directory")
    max_message_size: SizeBytes | None = Field(
        default=None, description="larger mail is refused with 552; left out: no limit"
    )
    max_hop_count: Whole = Field(
        default=50, ge=1, description="Received lines after which mail bounces as a loop; 50 is Postfix's [PF]"
    )


class EximServer(ServerBase):
    """Exim as its default configuration sets it up: local domains, relayed domains, a smart host by manualroute."""

    side = "onprem"
    kind: Literal["exim"] = Field(description="an Exim server, as its default configuration sets it up")
    local_domains: Names | None = Field(
        default=None, description="domains whose mail ends here; default: the scenario's domain"
    )
    relay_to_domains: Names = Field(default=(), description="taken from anyone and passed on")
    smart_host: str | None = Field(
        default=None,
        description="takes mail of listed people with no mail file here: a manualroute router for local domains",
    )
    smart_host_for_others: str | None = Field(
        default=None, description="takes all mail for other domains (Debian: dc_smarthost); default: by MX"
    )
    verify_recipient: Literal["off", "route", "callout"] = Field(
        default="route",
        description="'verify = recipient' at RCPT follows the routers: 451 where a route cannot be worked out; callout: asks the next "
        "host too [EXIM]",
    )
    message_size_limit: SizeBytes | None = Field(
        default=52_428_800, description="larger mail is refused with 552, 50 MiB [EXIM]"
    )
    received_headers_max: Whole = Field(
        default=30, ge=1, description="Received lines after which mail bounces as a loop [EXIM]"
    )
    recipients_max: Whole = Field(
        default=50_000, ge=0, description="recipients beyond it are told 452; 0: no limit [EXIM]"
    )


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
    forwarding: dict[str, str] = Field(
        default_factory=dict,
        description="person to the address that the mailbox here forwards to, whatever the directory says",
    )
    also_deliver_to: str | None = Field(
        default=None, description="dual delivery: a copy of all mail for its people goes to this host too [GW-DUAL]"
    )
    max_message_size: SizeBytes | None = Field(
        default=None, description="larger mail is refused with 552; left out: no limit"
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
        default=None, description="larger mail is refused with 552; default: that of the tenant's inbound server"
    )
    max_hop_count: Whole = Field(
        default=50, ge=1, description="Received lines after which mail bounces as a loop; from memory"
    )


INTERNET_SENDERS = 1000


class ExternalServer(ServerBase):
    """A sender and receiver on the Internet, with its own domain."""

    side = "internet"
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


AnyServer = (
    DominoServer
    | ExchangeServer
    | PostfixServer
    | EximServer
    | RelayServer
    | HostedInbound
    | HostedOutbound
    | ExternalServer
)
KINDS: tuple[str, ...] = tuple(get_args(server.model_fields["kind"].annotation)[0] for server in get_args(AnyServer))

__all__ = ["KINDS", "AnyServer", "Capacity", "Greylist", "RetryPlan", "ServerBase", "Service", "SmtpSession"]
