"""What every server of a scenario has, whatever its product."""

from typing import ClassVar, Literal

from pydantic import Field

from coexsim.scenario.machine import MOST_AT_ONCE, Capacity, GreylistSpec, RetryPlan, Service, SmtpSession
from coexsim.scenario.part import Spec
from coexsim.scenario.product_work import PRODUCT_WORK
from coexsim.scenario.quantities import Names, Switch, Whole


class ServerBase(Spec):
    """What every server has, whatever its product."""

    side: ClassVar[Literal["onprem", "hosted", "internet", "none"]] = "none"  # whose mail files it can have
    domain_keys: ClassVar[tuple[str, ...]] = ()  # its keys that list domains
    # The product's settings that have another name in a scenario, or are not modelled, and what to write instead.
    said_by: ClassVar[dict[str, str]] = {}
    domain_pattern_keys: ClassVar[tuple[str, ...]] = ()  # those where ``*.domain`` stands for the domains below it

    site: str | None = Field(default=None, description="the site it stands in, one of `sites`")
    host: str | None = Field(default=None, description="its host name in DNS, as MX records and smart hosts name it")
    address: str | None = Field(default=None, description="its IP address; default: what DNS says of its host")
    port: Whole = Field(
        default=25,
        ge=1,
        le=65535,
        description="the TCP port at which it takes mail: hosts that are named with it, such as '[mail.corporate.com]:10025', lead here; a "
        "second listener of a machine is a server of its own that runs on it; MX records lead to port 25",
    )
    runs_on: str | None = Field(default=None, description="the server whose machine this role shares")
    capacity: Capacity = Field(default=Capacity(), description="what its machine has; left out: no limits")
    service: Service = Field(
        default=Service(),
        description="how long its work takes; left out: with cores, what its product was seen to take (`explain SCENARIO`), else no time",
    )
    smtp: SmtpSession = Field(default=SmtpSession(), description="what its SMTP sessions cost in round trips")
    retry: RetryPlan | None = Field(
        default=None,
        description="when mail that could not be handed on is tried again; left out: as the product does. In products' words: Domino's "
        "Initial transfer retry interval, Exchange's OutboundConnectionFailureRetryInterval, Exim's retry rules, Postfix's "
        "minimal_backoff_time, maximal_backoff_time and queue_run_delay",
    )
    outgoing_addresses: Whole | None = Field(
        default=None,
        ge=1,
        le=MOST_AT_ONCE,
        description="IP addresses that its mail leaves from, one after another; each is a stranger to greylisting, and has a queue of its "
        "own at a hosted service; default: 1, of a hosted service by name 8 (from memory)",
    )
    ipv6: Literal["none", "works", "broken"] | None = Field(
        default=None,
        description="as a sender: hosts with an A and an AAAA record are tried over IPv6 first; broken: then in vain; none: AAAA is never "
        "asked for; left out: where there is no A record",
    )
    announces_size: Switch = Field(
        default=True, description="SIZE in its EHLO reply: too large mail is refused at MAIL"
    )
    offers_tls: Switch = Field(default=True, description="it says STARTTLS in its EHLO reply")
    offers_smtputf8: Switch = Field(
        default=True,
        description="it says SMTPUTF8 in its EHLO reply; else who would send it mail with other letters than ASCII's in an address returns "
        "that, 5.6.7 (RFC 6531)",
    )
    valid_certificate: Switch = Field(default=True, description="its certificate is one that others verify")
    requires_tls_to: Names = Field(
        default=(), description="servers (or 'anyone') to which it sends only over TLS with a verified certificate"
    )
    requires_tls_from: Names = Field(
        default=(), description="servers (or 'anyone') from which it takes mail only over TLS: 530 5.7.0 without"
    )
    relay_for: Names = Field(default=(), description="servers (or 'anyone') for which it relays to other domains")
    greylisting: GreylistSpec | None = Field(
        default=None, description="first contacts are put off; left out: they are not"
    )
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
    def pause_s(self) -> float:
        """Time from the end of a session until the next one to the same destination begins, where mail waits for it [s]."""
        return self.smtp.between

    @property
    def works_by_default(self) -> bool:
        """Has it cores, and does nobody say how long its work takes: then it takes what its product was seen to take."""
        return self.capacity.cores is not None and "service" not in self.model_fields_set

    @property
    def work(self) -> Service:
        """How long its work takes: as the scenario says, or by default."""
        return PRODUCT_WORK if self.works_by_default else self.service
