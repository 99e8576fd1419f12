"""Exim as its default configuration sets it up; [EXIM] is its documentation."""

from typing import Literal

from pydantic import Field

from coexsim.scenario.quantities import AtItself, Catcher, Names, Networks, Seconds, SizeBytes, Switch, Whole
from coexsim.scenario.servers.base import ServerBase


class EximServer(ServerBase):
    """Exim as its default configuration sets it up: local domains, relayed domains, a smart host by manualroute."""

    side = "onprem"
    domain_keys = ("local_domains", "relay_to_domains")
    kind: Literal["exim"] = Field(description="an Exim server, as its default configuration sets it up")
    local_domains: Names | None = Field(
        default=None, description="domains whose mail ends here; default: the scenario's domain"
    )
    relay_to_domains: Names = Field(default=(), description="taken from anyone and passed on")
    smart_host: str | None = Field(
        default=None,
        description="takes mail of listed people with no mail file here: a manualroute router for local domains; hosts as in route_list",
    )
    smart_host_for_others: str | None = Field(
        default=None,
        description="takes all mail for other domains (Debian: dc_smarthost); hosts as in route_list; default: by MX",
    )
    route_list: dict[str, str] = Field(
        default_factory=dict,
        examples=[{"corporate.com": "one.example : two.example"}],
        description="manualroute, before people are looked up (Debian: hubbed_hosts): domain or '*.domain' to hosts that are tried one "
        "after another, 'one.example : two.example'; '/mx' behind a host: by its MX records [EXIM]",
    )
    hosts_randomize: Switch = Field(default=False, description="of several hosts any may be the first [EXIM]")
    fallback_hosts: Names = Field(
        default=(), description="hosts that are tried, in the same attempt, where those of the route defer mail [EXIM]"
    )
    ignore_target_hosts: Networks = Field(
        default=("0.0.0.0", "127.0.0.0/8", "::1"),
        description="mail hosts that MX records lead to at these addresses count for nothing; Debian's configuration for Internet sites "
        "adds the private ones [EXIM]",
    )
    allow_domain_literals: Switch = Field(
        default=False,
        description="takes user@[192.0.2.1], which is sent to that address by the ipliteral router; else refused with 501 [EXIM]",
    )
    self_: AtItself = Field(
        default="freeze",
        alias="self",
        description="what becomes of mail whose route leads to this host itself: kept (frozen or deferred), returned (fail), passed to the "
        "local users, by local part in the first of local_domains (pass), routed anew in another domain ('reroute: corporate.com'), or "
        "sent there all the same, for another program that listens at that address (send) [EXIM]",
    )
    auto_thaw: Seconds | None = Field(
        default=None, gt=0, description="frozen mail is tried again so long after it was frozen; left out: never [EXIM]"
    )
    timeout_frozen_after: Seconds = Field(
        default=7 * 86400.0,
        gt=0,
        description="frozen mail is returned when it has been in the queue so long; 7 days in the default configuration [EXIM]",
    )
    catch_all: Catcher | None = Field(
        default=None,
        description="takes mail for unlisted recipients of local_domains: a redirect router after the others",
    )
    local_part_suffix: Literal["", "+*", "-*", "+* : -*"] = Field(
        default="", description="of its routers for local users: with '+*', mail to user+anything goes to user [EXIM]"
    )
    verify_recipient: Literal["off", "route", "callout", "callout-defer-ok"] = Field(
        default="route",
        description="'verify = recipient' at RCPT follows the routers: 451 where a route cannot be worked out; callout: asks the next "
        "host too; defer-ok: accepts recipients whose callout fails temporarily [EXIM]",
    )
    verify_submissions: Switch = Field(
        default=True,
        description="recipients of own users are verified at RCPT too, while their programs look on; off: as in configure.default, whose "
        "ACL accepts relay_from_hosts and authenticated clients first, so that such mail is taken and then returned or frozen [EXIM]",
    )
    verify_sender: Switch = Field(
        default=True,
        description="'verify = sender' at RCPT: 550 for a sender whose domain is not in DNS, or who is unknown in a local domain [EXIM]",
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
