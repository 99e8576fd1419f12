"""Postfix: main.cf in its own words; [PF] is Postfix source and the lab measurements."""

from typing import Literal

from pydantic import Field

from coexsim.scenario.quantities import (
    Address,
    Catcher,
    Names,
    Number,
    Seconds,
    SizeBytes,
    Switch,
    Whole,
)
from coexsim.scenario.servers.base import ServerBase
from coexsim.scenario.servers.postfix_tables import Access, Clients, Transport, Transports
from coexsim.scenario.servers.postfix_words import SAID_BY


class PostfixServer(ServerBase):
    """Postfix: main.cf in its own words. `smart_host` is a transport for listed people with no mail file here."""

    side = "onprem"
    said_by = SAID_BY
    domain_keys = (
        "mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains", "relay_recipient_domains",
    )  # fmt: skip
    kind: Literal["postfix"] = Field(description="a Postfix server, set up in the words of main.cf")
    mydestination: Names = Field(
        default=(),
        description="local domains; their unlisted recipients may go on by fallback_transport or luser_relay",
    )
    virtual_alias_domains: Names = Field(
        default=(), description="domains without mailboxes: what virtual_alias_maps does not list is refused"
    )
    virtual_mailbox_domains: Names | None = Field(
        default=None,
        description="default: the scenario's domain, unless it stands in another list and (a relay domain) no mail file is here; a domain "
        "that is also a relay domain is virtual (trivial-rewrite(8) warns of it)",
    )
    relay_domains: Names = Field(
        default=(), description="with their subdomains; accepted without being listed, unless relay_recipient_check"
    )
    relay_recipient_check: Switch = Field(
        default=False, description="relay_recipient_maps is set: unlisted are refused at RCPT"
    )
    relay_recipient_domains: Names = Field(
        default=(),
        description="relay domains of which relay_recipient_maps has '@domain': there, unlisted are taken [PF]",
    )
    reject_unlisted_recipient: Switch = Field(
        default=True, description="an address of its own domains that is not listed is refused at RCPT"
    )
    reject_unlisted_sender: Literal["off", "outside", "everyone"] = Field(
        default="off",
        description="a sender in one of its domains who is not listed is refused at RCPT, 550 5.1.0, such as the other system's people in "
        "a shared domain: outside, from clients that may not relay (the restriction behind permit_mynetworks); everyone, "
        "smtpd_reject_unlisted_sender [PF]",
    )
    transport: Transports = Field(
        default_factory=dict,
        description="address, domain, '.domain' (its subdomains) or '*' to 'smtp:[host]' (no MX lookup), 'smtp:host', 'smtp:' (by MX), "
        "'virtual:', 'error:text' (bounces), 'retry:text' (waits) or 'discard:text' (thrown away, nobody is told); of several hosts, "
        "'smtp:[a], [b]', each is tried where those before it fail; as in Postfix the table is asked before the directory: a domain's "
        "entry also takes the mail of its people with a mail file here",
    )
    virtual_transport: Transport | None = Field(
        default=None,
        description="how mail of virtual_mailbox_domains is delivered: 'smtp:[host]' passes it on, after the recipient was checked; left "
        "out: into mail files here",
    )
    relay_transport: Transport | None = Field(
        default=None, description="how mail of relay_domains goes on; its host is used in place of any relay host [PF]"
    )
    default_transport: Transport | None = Field(
        default=None,
        description="how mail for other domains leaves; its host is used in place of any relay host [PF]",
    )
    sender_dependent_default_transport_maps: Transports = Field(
        default_factory=dict,
        examples=[{"@corporate.com": "smtp:[mail.corporate.com]"}],
        description="sender address or '@domain' to the transport that is used instead of default_transport; its host is used in place of "
        "any relay host [PF]",
    )
    fallback_transport: Transport | None = Field(
        default=None,
        description="of recipients of mydestination that are not listed: on to 'smtp:[host]', where the other mailboxes are [PF]",
    )
    always_bcc: Address | None = Field(
        default=None, description="gets a copy of every message that is taken, but not of notices [PF]"
    )
    sender_bcc_maps: dict[str, Address] = Field(
        default_factory=dict,
        examples=[{"anna@corporate.com": "copies@corporate.com"}],
        description="who gets a copy of what a sender (an address or '@domain') sends; not of notices [PF]",
    )
    recipient_bcc_maps: dict[str, Address] = Field(
        default_factory=dict,
        examples=[{"anna@corporate.com": "copies@corporate.com"}],
        description="who gets a copy of mail for a recipient (an address or '@domain'), as the envelope has it, before aliases [PF]",
    )
    luser_relay: Catcher | None = Field(
        default=None,
        description="takes mail of recipients of mydestination that are not listed; '@domain': the same local part there [PF]",
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
        description="takes mail for other domains that no transport names, for relay domains too: '[host]' (no MX lookup) or 'host'; of "
        "several, '[a], [b]', each is tried where those before it fail",
    )
    smtp_fallback_relay: Names = Field(
        default=(),
        description="hosts that are tried, in the same attempt, with what a destination does not take for now or that is not found: "
        "'[host]' (no MX lookup) or 'host'; not for a backup MX, which would hand mail in a circle (postconf(5))",
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
    reject_unverified_sender: Switch = Field(
        default=False,
        description="a probe along the route of mail to the sender, of clients that may not relay; not deliverable or not known yet is "
        "refused at RCPT, 4.1.7 [PF]",
    )
    unverified_sender_reject_code: Literal[450, 550] = Field(
        default=450, description="for a sender whose address the probe shows to bounce [PF]"
    )
    address_verify_positive_expire_time: Seconds = Field(
        default=31 * 86400.0,
        gt=0,
        description="a probe that found the address deliverable is forgotten at this age [s] [PF]",
    )
    address_verify_positive_refresh_time: Seconds = Field(
        default=7 * 86400.0,
        gt=0,
        description="from this age on it is probed again, while the old result serves [s] [PF]",
    )
    address_verify_negative_expire_time: Seconds = Field(
        default=3 * 86400.0, gt=0, description="the same for a probe that failed, for good or for now [s] [PF]"
    )
    address_verify_negative_refresh_time: Seconds = Field(
        default=3 * 3600.0,
        gt=0,
        description="from this age on who failed is probed again; until then it is refused [s] [PF]",
    )
    address_verify_negative_cache: Switch = Field(
        default=True, description="failed probes are remembered; without, each mail to such an address is probed [PF]"
    )
    check_sender_access: Access = Field(
        default_factory=dict,
        description="sender address, domain (with its subdomains), 'user@' or '<>' to an action of access(5): 'REJECT text', "
        "'550 5.7.1 text', 'DEFER text', 'DISCARD', 'HOLD', 'REDIRECT address', 'FILTER transport', 'BCC address' (from DISCARD on they "
        "act on all recipients of the message), 'OK' or 'DUNNO' (nothing) [PF]",
    )
    check_sender_access_of: Clients = Field(
        default="outside",
        description="whose mail check_sender_access is asked about: of clients that may not relay (it stands behind permit_mynetworks), or "
        "of everyone [PF]",
    )
    check_recipient_access: Access = Field(
        default_factory=dict, description="the same by recipient, as the envelope has it, before aliases [PF]"
    )
    check_recipient_access_of: Clients = Field(default="outside", description="the same of check_recipient_access [PF]")
    recipient_delimiter: str = Field(
        default="",
        max_length=8,
        description="characters that begin an address extension: with '+', mail to user+anything goes to user; '' by default [PF]",
    )
    resolve_numeric_domain: Switch = Field(
        default=False,
        description="mail to user@192.0.2.1, without brackets, is sent to that address; else refused with 501 5.1.3; user@[192.0.2.1] "
        "needs no key [PF]",
    )
    defer_unauth_destination: Switch = Field(
        default=False,
        description="smtpd_relay_restrictions ends with it, as by default since Postfix 2.10: who may not relay is told 454 4.7.1 and "
        "comes again until the mail expires; left out: reject_unauth_destination, 554 5.7.1",
    )
    mynetworks: Names = Field(default=(), description="clients that may relay; also relay_for")
    message_size_limit: SizeBytes | None = Field(
        default=10_240_000, description="larger mail is refused with 552; 0: no limit [PF]"
    )
    soft_bounce: Switch = Field(
        default=False,
        description="permanent failures become temporary: 4xx at RCPT, and mail stays in the queue instead of bouncing [PF]",
    )
    smtpd_recipient_limit: Whole = Field(
        default=1000, ge=1, description="recipients beyond it are told 452 4.5.3 and come with the next attempt [PF]"
    )
    smtpd_client_message_rate_limit: Whole = Field(
        default=0,
        ge=0,
        description="messages of one client in each anvil_rate_time_unit, but of mynetworks: more is told 450 4.7.1; 0: no limit [PF]",
    )
    smtpd_client_recipient_rate_limit: Whole = Field(
        default=0, ge=0, description="recipients of one client in each anvil_rate_time_unit; 0: no limit [PF]"
    )
    smtpd_client_connection_rate_limit: Whole = Field(
        default=0,
        ge=0,
        description="connections of one client in each anvil_rate_time_unit: more are turned away (421); 0: no limit [PF]",
    )
    anvil_rate_time_unit: Seconds = Field(
        default=60.0, gt=0, description="the time in which a client's messages are counted [s] [PF]"
    )
    hopcount_limit: Whole = Field(
        default=50, ge=1, description="Received lines after which mail bounces as a loop [PF]"
    )
    minimal_backoff_time: Seconds = Field(default=300.0, description="least time between two attempts [s] [PF]")
    maximal_backoff_time: Seconds = Field(default=4000.0, description="longest time between two attempts [s] [PF]")
    queue_run_delay: Seconds = Field(
        default=300.0, description="how often the deferred queue is looked through [s] [PF]"
    )
    default_destination_rate_delay: Seconds = Field(
        default=0.0,
        ge=0,
        description="pause between two deliveries to one destination, which then go one after another, where mail waits [s]; 0: none [PF]",
    )
    default_destination_recipient_limit: Whole = Field(
        default=50, ge=1, description="recipients that are offered in one transaction at the most [PF]"
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

    @property
    def pause_s(self) -> float:
        """As for any server, or the destination's rate delay."""
        return max(self.smtp.between, self.default_destination_rate_delay)
