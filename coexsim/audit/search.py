"""A set-up that is searched for findings: its flows, its servers and domains, and how a finding is made at its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from coexsim.audit.classes import own_domains
from coexsim.audit.finding import Finding, FindingKind, Severity
from coexsim.audit.flows import Flow, hosts_behind
from coexsim.mail.dns import Answer, DnsFailure, Question
from coexsim.mail.message import NextHop, fold, next_hop
from coexsim.mail.policy import Policy
from coexsim.mail.products.services import organisation_of
from coexsim.mail.setup import Setup
from coexsim.scenario.model import Scenario
from coexsim.scenario.names import Names
from coexsim.scenario.places import Path
from coexsim.scenario.servers import ExternalServer, HostedInbound, HostedOutbound
from coexsim.scenario.wording import Wording, wording_of

ARTICLE_STEP = re.compile(r" \(the article's [^()]*\)")
"""Where the text of a finding cites a step of the article."""


@dataclass(frozen=True)
class Search:
    """A set-up that is searched: every class of sender to every class of recipient, worked out once.

    `unreached` are the addresses of classes that some mail does not reach, whatever the cause.
    """

    setup: Setup
    flows: list[Flow]
    unreached: frozenset[str]

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.setup.scenario

    @cached_property
    def wording(self) -> Wording:
        """What the shop calls a record and a mailbox."""
        return wording_of(self.scenario)

    @cached_property
    def own_servers(self) -> list[str]:
        """The servers of the organisation and of its hosted service."""
        return [name for name, server in self.scenario.servers.items() if not isinstance(server, ExternalServer)]

    @cached_property
    def domains(self) -> list[str]:
        """The shared domain, and the others in which a server of the organisation looks people up."""
        policies = [self.setup.policies[name] for name in self.own_servers]
        looked_up = {domain for policy in policies for domain, rule in policy.domains.items() if rule.looked_up}
        return [domain for n, domain in enumerate(own_domains(self.setup)) if n == 0 or domain in looked_up]

    @cached_property
    def relies_on_smart_host(self) -> bool:
        """Is there a hosted person of the shared domain without a forwarding address: nothing but the smart host leads there."""
        hosted, directory = set(self.scenario.of_kind(HostedInbound)), self.setup.directory
        return any(
            person.home in hosted and person.forwarding is None and directory.is_ours(person.address)
            for person in directory.everyone()
        )

    @cached_property
    def hosts_with_address(self) -> Names:
        """The host names of servers that DNS knows."""
        hosts = (fold(server.host) for server in self.scenario.servers.values() if server.host)
        return Names(host for host in hosts if self.addresses(host).addresses)

    @cached_property
    def hosts(self) -> Names:
        """The host names of all servers."""
        return Names(fold(server.host) for server in self.scenario.servers.values() if server.host)

    @cached_property
    def host_keys(self) -> dict[tuple[str, str], Path]:
        """The first setting of a server that names a host, but its own, by server and host."""
        found: dict[tuple[str, str], Path] = {}
        for path in self.scenario.source.lines:
            if path[:1] == ("servers",) and len(path) > 2 and path[2:] != ("host",):
                for host in _hosts_in(self._text_at(path)):
                    found.setdefault((str(path[1]), host), path)
        return found

    def _text_at(self, path: Path) -> str:
        """The text that stands at a key; empty where there is no text."""
        here: object = self.scenario.source.raw
        for key in path:
            if isinstance(here, dict):
                here = here.get(key)
            elif isinstance(here, list) and isinstance(key, int):
                here = here[key]
        return here if isinstance(here, str) else ""

    @cached_property
    def fallback_relay(self) -> dict[str, str | None]:
        """The first fallback relay of each server that has an address; None where there is none."""
        return {
            name: next((hop.name for hop in policy.fallback_relays if self._is_found(hop, policy)), None)
            for name, policy in self.setup.policies.items()
        }

    def _is_found(self, hop: NextHop, policy: Policy) -> bool:
        return not isinstance(hosts_behind(self.setup, hop, policy), DnsFailure)

    @cached_property
    def mx_servers(self) -> list[str]:
        """The servers that the shared domain's MX points to, the best first."""
        hosts = hosts_behind(self.setup, NextHop(fold(self.scenario.domain), by_mx=True))
        if isinstance(hosts, DnsFailure):
            return []
        at = [self.setup.server_at.get(a) for group in hosts.groups for host in group for a in host.addresses]
        return list(dict.fromkeys(name for name in at if name is not None))

    def answer(self, name: str, kind: str) -> Answer:
        """What DNS says at the beginning."""
        return self.setup.answer(Question(name, kind), self.setup.state_at(0.0))

    def addresses(self, host: str) -> Answer:
        """The addresses of a host, of whatever family."""
        found = self.answer(host, "A")
        return found if found.addresses or found.temporary else self.answer(host, "AAAA")._replace(alias=found.alias)

    @cached_property
    def is_of_the_article(self) -> bool:
        """Is it a set-up as the article's: Domino or Exchange beside its service, or one that is not named."""
        of_others = any(
            organisation_of(self.scenario, server).service.key not in ("smartcloud-inotes", "other")
            for kind in (HostedInbound, HostedOutbound)
            for server in self.scenario.of_kind(kind).values()
        )
        return not of_others and any(server.kind in ("domino", "exchange") for server in self.scenario.servers.values())

    def finding(
        self,
        kind: FindingKind,
        path: Path,
        text: str,
        *,
        about: tuple[str, ...] = (),
        marks: tuple[str, ...] = (),
        severity: Severity | None = None,
    ) -> Finding:
        """A finding at its place in the file, as severe as its kind usually is. The article is cited to whom it is about."""
        if not self.is_of_the_article:
            text = ARTICLE_STEP.sub("", text)
        file, line = self.scenario.source.where(path)
        return Finding(kind.code, path, text, severity or kind.severity, file, line, about, marks=marks)

    def setting(self, server: str, *names: str) -> Path:
        """The first of these settings that the file gives a server; else the first that it can have; else the server."""
        spec = self.scenario.servers.get(server)
        known = () if spec is None else [name for name in names if name in type(spec).model_fields]
        written = () if spec is None else [name for name in known if name in spec.model_fields_set]
        return next((("servers", server, name) for name in (*written, *known)), ("servers", server))


def _hosts_in(text: str) -> list[str]:
    """The hosts that a setting names: ``smtp:[host], [other host]``, ``[host]:port``, ``host``."""
    hosts = text.partition(":")[2] if text.partition(":")[0] in ("smtp", "relay", "lmtp") else text
    return [next_hop(host).name for host in re.split(r"[,;\s]+", hosts)]


def not_local(name: str, domain: str) -> tuple[str, ...]:
    """By what it shows that a server does not take a domain for its own: it refuses the mail, or sends it away."""
    return f"{name} refused it: 55", f"{name}: {domain} is not a domain of this server"


Finder = Callable[[Search], Iterator[Finding]]


class Subject(NamedTuple):
    """What one file brings: its kinds of findings, and who finds them.

    `causes` find what is wrong by the settings alone; they come first, and flows that they explain are listed with them. `finders` look
    at the flows that are left.
    """

    explanations: tuple[FindingKind, ...]
    causes: tuple[Finder, ...] = ()
    finders: tuple[Finder, ...] = ()
