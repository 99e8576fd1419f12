"""What a server is told to do, in one form for all products: each product's settings become a `Policy` (``products/``).

A product is data: the rules in ``dialogue.py`` and ``routing.py`` read policies only, and know no product.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from coexsim.mail.access import AccessTables
from coexsim.mail.dns import DnsFailure, Families, is_address, literal_address
from coexsim.mail.message import NextHop, domain_of, fold, local_part_of
from coexsim.mail.retry import RetrySchedule
from coexsim.mail.route_table import RouteEntry, RouteTable
from coexsim.mail.verify_cache import VerifyTimes
from coexsim.scenario.wording import Wording

LOCAL_TRANSPORT = "local transport"
Elsewhere = Literal["relay", "forward", "home", "fail"]
AddressForm = Literal["address-literal", "bare-address"]
"""A recipient's domain that is an IP address: ``[192.0.2.1]``, and ``192.0.2.1``, which RFC 5321 does not know."""


class DomainRule(NamedTuple):
    """What a server does with recipients of one of its domains."""

    looked_up: bool  # people are looked up in the directory (or in the server's own list)
    unknown: Literal["fail", "relay"]  # no Person record
    elsewhere: Elsewhere  # Person record, but no mail file here
    verify: bool  # unknown ones are refused at RCPT
    unknown_rule: str = "no-person-record"
    elsewhere_rule: str = "person-without-mail-file"
    any_route: bool = False  # the route for all domains ("*") serves too
    delivers: bool = True  # into mail files here; else all mail of the domain goes on
    unknown_cause: str = "unknown-user"  # of the reply at RCPT
    takes_targets: bool = False  # a target address in it leads out, by its route, though a person here has that address


class Rate(NamedTuple):
    """At most `most` of what it `counts` in each `window_s`; to the others the reply to `cause` is given.

    `of`: whose they are counted by, a client, a sender's address, a mailbox that they are for, sender and mailbox, or all together.
    `own_users`: it is about mail that the server's own users hand in; else about all other mail. With `waits` a user's program keeps what
    is too much; with `outside_only` recipients in the server's own domains do not count.
    """

    counts: Literal["messages", "recipients", "connections"]
    of: Literal["client", "sender", "mailbox", "pair", "everyone"]
    most: int
    window_s: float
    cause: str
    own_users: bool = False
    waits: bool = False
    outside_only: bool = False


class Policy(NamedTuple):
    """One server's rules, product-neutral. Sizes in bytes."""

    server: str
    product: str  # whose replies it gives
    wording: Wording  # what its reasons call a record and a mailbox
    own_names: frozenset[str]
    own_addresses: frozenset[str]
    domains: Mapping[str, DomainRule]
    primary_domain: str
    routes: RouteTable
    relays_for: frozenset[str]
    retry: RetrySchedule
    listens: bool = True
    subdomains_of: Mapping[str, DomainRule] = {}  # domains that stand for their subdomains too
    replica: bool = False  # looks people up in the hosted replica
    mailboxes: frozenset[str] | None = None  # an external server's local parts; None: all exist
    lookup: Literal["full name then local part", "full name only", "local part only"] = "full name only"
    delimiters: str = ""  # characters that begin an address extension
    looks_up_alternates: bool = False  # its other local domains' addresses also in the primary one [D-GD]
    sends_outside: bool = True
    checks_submissions: bool = True  # its own users hand in by SMTP and meet its RCPT checks
    all_local_to_smart_host: bool = False
    hands_over_to: str | None = None  # the role on the same machine that sends to the smart host
    passes_first: NextHop | None = None  # centralised transport: mail goes through this host before it is delivered
    max_size_bytes: int | None = None
    max_submit_bytes: int | None = None
    rates: tuple[Rate, ...] = ()
    rates_spare_trusted: bool = False  # clients that may relay are not counted
    max_routed_bytes: int | None = None  # mail from elsewhere that is larger is taken, then bounced
    max_recipients: int | None = None  # taken in one transaction; the others are told to come later
    max_submit_recipients: int | None = None  # of its own users' mail; with more it is refused for all
    rejects_reserved_domains: bool = False  # of RFC 2606
    refuses_over_quota: bool = True  # mail for a mail file that is full bounces
    size_overhead_bytes: int = 0  # the queue file is this much larger than the message
    hop_limit: int = 50
    local_hop_limit: int | None = None  # of Received lines of this server's own
    hops_refused_in_dialogue: bool = True
    hops_counted_at_limit: bool = True  # refused when the count reaches the limit, not when it passes it
    greylist_s: float | None = None
    reject_unknown_sender_domain: bool = False
    reject_unknown_recipient_domain: bool = False
    edge_blocking: bool = False
    rejects_own_domain_from_outside: bool = False  # senders of its own domains from clients it does not trust
    aliases: Mapping[str, tuple[str, ...]] = {}  # an address, or "@domain" for the rest of it, to others
    expands_first: bool = False  # follows aliases, groups and forwarding before it takes mail (``expansion.py``)
    # Two ways to one mailbox (a group, and by name) make two copies.
    tells_originals_apart: Literal["never", "groups-from-elsewhere", "always"] = "never"
    sender_routes: Mapping[str, NextHop] = {}  # relay hosts by sender address or "@domain"
    sender_transports: Mapping[str, RouteEntry] = {}  # likewise, of mail for other domains, before any relay host
    protects_at_rcpt: bool = False  # who takes mail of internal senders only is so at RCPT, not where groups are opened
    refuses_where_routes_do: bool = False  # at RCPT, whom a route refuses
    accepts_only_from: frozenset[str] | None = None  # clients beside its own service's; others are turned away at RCPT
    takes_unverified: bool = False  # recipients whose verification fails temporarily are accepted
    unlisted_go_to: str | None = None  # the address, or "@domain", for unlisted recipients of `unlisted_domains`
    unlisted_domains: frozenset[str] = frozenset()
    soft_bounces: bool = False  # permanent failures are made temporary ones: 4xx in the dialogue, deferred in the queue
    destination_recipient_limit: int | None = None  # offered in one transaction at the most
    fallback_relays: tuple[NextHop, ...] = ()  # tried when the next hop defers mail or cannot be found
    mx_address_limit: int | None = None  # of mail hosts that are tried in one attempt
    mx_session_limit: int | None = None  # with mail hosts that say "later", in one attempt
    address_forms: frozenset[AddressForm] = frozenset()  # domains that are IP addresses, which it takes
    own_address_rule: DomainRule | None = (
        None  # of recipients at its own IP addresses; None: they are of no domain of its
    )
    own_address_domain: str = ""  # the domain in which they are looked up
    takes_mail: bool = True  # from anyone, for its domains; a server for submissions only does not
    needs_forwarding: bool = False  # nobody without a mail file here is reached but by a forwarding address
    follows_forwarding_of_hosted: bool = (
        False  # the record's forwarding address counts, also of mail files at a hosted service
    )
    verifies: Literal["off", "route", "probe"] = (
        "off"  # a recipient at RCPT: can it be routed; does the next host take it
    )
    unverified_code: Literal[450, 550] = 450
    unverified_sender_code: Literal[450, 550] | None = None  # of a sender whom a probe does not reach; None: not probed
    verify_times: VerifyTimes | None = None  # how long it remembers what a probe found; None: it does not probe
    colleagues: frozenset[str] = frozenset()  # servers whose mail files it knows of: mail for them goes there directly
    own_clients: frozenset[str] = frozenset()  # outbound servers of the same service and tenant
    own_mail_by_mx: bool = False  # what its mailboxes forward goes by MX, whoever it is for
    other_tenants: Mapping[str, str] = {}  # domains of others at the same service, and the host of their inbound server
    mailbox_forwarding: Mapping[str, str] = {}  # of mail files and mail users here, apart from the directory
    also_deliver_to: NextHop | None = None  # dual delivery
    access: AccessTables | None = None  # asked of senders and recipients when mail is taken
    copies_all_to: str | None = None  # an address that gets a copy of every message: an archive
    copies_once: bool = False  # in its organisation, and not at each visit
    copies_of_senders: Mapping[str, str] = {}  # by sender's address or "@domain": who gets a copy of their mail
    copies_of_recipients: Mapping[str, str] = {}  # likewise, of mail for a recipient, as the envelope has it
    internal_clients: frozenset[str] | None = (
        None  # whose mail is the organisation's own; None: of all but external servers
    )
    forwards_outside: bool = True  # what mailboxes here forward may leave its domains
    defers_relaying: bool = False  # who may not relay is told to come later
    ignores_hosts: tuple[str, ...] = ()  # networks: mail hosts in them count for nothing
    announces_size: bool = True
    heeds_announced_size: bool = False  # does not offer a host more than it announces
    offers_tls: bool = True
    offers_smtputf8: bool = True
    valid_certificate: bool = True
    requires_tls_to: frozenset[str] = frozenset()
    requires_tls_from: frozenset[str] = frozenset()
    hosts_of_setup: frozenset[NextHop] = (
        frozenset()
    )  # named by its set-up: mail for them waits while they cannot be found
    bounces_setup_loops: bool = False  # not where such a host is the server itself
    waits_at_loops: bool = False  # mail waits whose next hop is the server itself
    defers_loops: bool = False  # such mail is deferred as other mail is, not frozen
    sends_to_itself: bool = False  # what leads to it is sent as any other mail
    leads_itself_to: str | None = (
        None  # the domain in which mail that leads to it is for the same name; empty: for nobody
    )
    relays_own_senders_only: bool = False  # mail to other domains, of clients that may relay
    refuses_unlisted_senders: Literal["off", "outside", "everyone"] = (
        "off"  # of its own domains; outside: may not relay
    )
    verifies_senders: bool = False  # refuses unknown addresses of its own domains, and domains not in DNS
    takes_all_of_trusted: bool = False  # recipients of mail from hosts that may relay are not verified
    takes_all_of_own_users: bool = False  # nor those of its own users
    outgoing_addresses: int = 1
    greylists_networks: bool = False
    families: Families = "A or AAAA"
    ipv6_works: bool = True
    expired: Literal["keeps-code", "own-code", "last-made-permanent"] = "keeps-code"
    back_pressure_delays: bool = False  # replies later and later as its queue fills

    def rule_for(self, address: str) -> DomainRule | None:
        """The rule of the recipient's domain, or of one above it with `subdomains_of`; None: not a domain of this server."""
        domain = domain_of(address)
        rule = self.domains.get(domain)
        if rule is None and self.own_address_rule is not None and self._is_own_address(domain):
            return self.own_address_rule
        if rule is None and self.subdomains_of:
            parents = domain.split(".")
            above = (".".join(parents[i:]) for i in range(1, len(parents)))
            rule = next((self.subdomains_of[one] for one in above if one in self.subdomains_of), None)
        return rule

    def _is_own_address(self, domain: str) -> bool:
        return domain[:1] == "[" and literal_address(domain) in self.own_addresses

    def at_own_domain(self, address: str) -> str:
        """An address at one of this server's own IP addresses, as it is looked up; any other as it is."""
        if self.own_address_rule is None or not self._is_own_address(domain_of(address)):
            return address
        return f"{local_part_of(address)}@{self.own_address_domain}"

    def form_not_taken(self, address: str) -> AddressForm | None:
        """The form of a recipient's domain, where it is an IP address and this server does not take it so."""
        domain = domain_of(address)
        form: AddressForm
        if domain[:1] == "[":
            form = "address-literal"
        elif domain[-1:].isdigit() and is_address(domain):
            form = "bare-address"
        else:
            return None
        return None if form in self.address_forms else form

    def is_at_fault(self, failure: DnsFailure, hop: NextHop) -> bool:
        """Is this server's own set-up the cause: it names a host that cannot be found, or leads to itself (Exim: ``self = freeze``)."""
        if failure.temporary:
            return False
        if failure.cause == "loops-to-self":
            return self.waits_at_loops or (hop in self.hosts_of_setup and not self.bounces_setup_loops)
        return hop in self.hosts_of_setup

    def dns_failure(self, failure: DnsFailure, hop: NextHop) -> DnsFailure:
        """The failure as this server treats it: as a temporary one where its own set-up is the cause."""
        if self.is_at_fault(failure, hop):
            if failure.cause == "loops-to-self" and self.defers_loops:
                return DnsFailure("dns-temporary", True, failure.reason)
            frozen = self.retry.cancel_frozen_after_s is not None
            return DnsFailure("set-up-at-fault", True, failure.reason, frozen=frozen)
        return failure._replace(temporary=True) if self.soft_bounces else failure

    @property
    def announced_size_bytes(self) -> int | None:
        """The size that it announces at EHLO (SIZE, RFC 1870), if any."""
        return self.max_size_bytes if self.announces_size else None

    @property
    def size_limits(self) -> Iterator[int]:
        """Every size from which on it does something else [bytes]."""
        limits = (
            self.max_size_bytes,
            self.max_submit_bytes,
            self.max_routed_bytes,
            *(r.max_size_bytes for r in self.routes),
        )
        return (limit for limit in limits if limit is not None)

    def route_for(self, address: str, size_bytes: int, *, named: bool = False) -> RouteEntry | None:
        """The best route for mail of a size; `named` leaves out ``*``."""
        return self.routes.best(address, size_bytes, named=named)

    @property
    def copies(self) -> bool:
        """Does anybody get copies of what it takes."""
        return self.copies_all_to is not None or bool(self.copies_of_senders) or bool(self.copies_of_recipients)

    def sender_route(self, sender: str) -> NextHop | None:
        """The relay host of a sender: by the address, then by its domain (postconf(5): sender_dependent_relayhost_maps)."""
        return self.sender_routes.get(fold(sender)) or self.sender_routes.get("@" + domain_of(sender))

    def sender_transport(self, sender: str) -> RouteEntry | None:
        """The route of a sender's mail for other domains (postconf(5): sender_dependent_default_transport_maps)."""
        return self.sender_transports.get(fold(sender)) or self.sender_transports.get("@" + domain_of(sender))

    def forced_route(self, address: str) -> RouteEntry | None:
        """The route that is taken before the directory is asked: an entry of Postfix's transport table."""
        found = self.routes.forced.best(address)
        return found if found and found.rule != LOCAL_TRANSPORT else None

    def delivers_here(self, rule: DomainRule, address: str) -> bool:
        """Is a mail file that is here used: by the rule of its domain, or by an entry of the transport table such as ``virtual:``."""
        found = self.routes.forced.best(address)
        return rule.delivers or (found is not None and found.rule == LOCAL_TRANSPORT)

    def too_many_hops(self, passed: tuple[str, ...]) -> bool:
        """Has mail with the Received lines of these machines, the last one this server's own, passed too many, or this one too often."""
        received = len(passed)
        if received >= self.hop_limit if self.hops_counted_at_limit else received > self.hop_limit:
            return True
        return self.local_hop_limit is not None and passed.count(passed[-1]) > self.local_hop_limit
