"""What is wrong with MX records and zones, and with the names of smart hosts and servers."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.findings import Finder, Finding, Search
from coexsim.audit.flows import hosts_behind
from coexsim.errors import did_you_mean
from coexsim.mail.dns import Answer, DnsFailure, Question, is_address
from coexsim.mail.message import NextHop, domain_of, fold
from coexsim.mail.setup import Setup
from coexsim.scenario.values import Path

STEP = "the article's step 'Setting up the network to receive mail'"


def _at_record(search: Search, zone: str, finding: Finding, *words: str) -> Finding:
    """The finding at the line of the zone in which these words stand, where the zone is written out in the scenario."""
    lines = (search.scenario.dns[zone].text or "").splitlines()
    found = next((n for n, line in enumerate(lines) if all(word in line.split() for word in words)), None)
    return finding if found is None or len(lines) < 2 else finding._replace(line=finding.line + 1 + found)


def own_domains_have_zones(search: Search) -> Iterator[Finding]:
    """The zones of the shared domain, and of others whose people mail does not reach, are declared: the world can find their MX."""
    for domain in search.domains:
        shared = domain == fold(search.scenario.domain)
        if _zone_of(search, domain) is not None or not (shared or _is_missed(search, domain)):
            continue
        other = "" if shared else f", in which {_whose(search, domain)} knows people,"
        text = (
            f"no zone for {domain}{other} is declared: nobody outside finds a server for it; "
            f"write its MX and A records under 'dns' ({STEP})"
        )
        marks = (f"{domain}: no such domain", f"{domain} has no address record")
        yield search.finding("ZONE-MISSING", ("dns",), text, about=(domain,), marks=marks)


def _is_missed(search: Search, domain: str) -> bool:
    """Does mail to somebody in this domain, who is known there, not arrive."""
    return any(
        flow.recipient.exists and not flow.delivered and domain_of(flow.address) == domain for flow in search.flows
    )


def _whose(search: Search, domain: str) -> str:
    return next(name for name in search.own_servers if domain in search.setup.policies[name].domains)


def zones_answer(search: Search) -> Iterator[Finding]:
    """No zone fails all the time."""
    for zone, spec in search.scenario.dns.items():
        if spec.fault:
            how = {"servfail": "answers with a server failure", "timeout": "does not answer"}[spec.fault]
            text = f"the zone {zone} {how}: mail for it waits where it is until it expires; take 'fault' out, or make it an event"
            marks = (f"MX: {Answer(spec.fault.upper())}", f"A: {Answer(spec.fault.upper())}")
            yield search.finding("ZONE-FAILS", ("dns", zone), text, about=(zone,), marks=marks)


def zones_have_mail_hosts(search: Search) -> Iterator[Finding]:
    """Each declared zone has MX records, and each names a host that has an address, and by its own name."""
    for zone, spec in search.scenario.dns.items():
        if spec.fault or (spec.text is None and spec.file is None):
            continue
        answer = _answer(search, fold(zone), "MX")
        path: Path = ("dns", zone)
        if not answer.mx:
            yield from _no_mx(search, fold(zone), path)
            continue
        yield from _null_mx(search, fold(zone), answer, path)
        for _, host in answer.mx:
            short = host.removesuffix("." + fold(zone))
            for finding in _mx_target(search, fold(zone), host, path) if host else ():
                at_dot = _at_record(search, zone, finding, "MX", f"{host}.")
                yield at_dot if at_dot != finding else _at_record(search, zone, finding, "MX", short)
        yield from _equal_preferences(search, fold(zone), answer, path)


def _no_mx(search: Search, zone: str, path: Path) -> Iterator[Finding]:
    if zone not in search.domains:
        return
    if _addresses(search, zone).addresses:
        text = f"{zone} has no MX record: mail goes to the host {zone} itself; write an MX record that names the server ({STEP})"
        yield search.finding("MX-MISSING", path, text, about=(zone,), severity="warning")
    else:
        text = f"{zone} has neither an MX nor an address record: mail for it bounces where it is sent; write an MX and an A record ({STEP})"
        yield search.finding(
            "MX-MISSING", path, text, about=(zone,), marks=(f"{zone} has no address record", f"{zone}: no such")
        )


def _null_mx(search: Search, zone: str, answer: Answer, path: Path) -> Iterator[Finding]:
    if all(host for _, host in answer.mx):
        return
    marks = (f"{zone} has a null MX",)
    if len(answer.mx) > 1:
        text = f"{zone} has a null MX beside other MX records: who honours it sends no mail; take the null MX out (RFC 7505, section 3)"
        yield search.finding("NULL-MX-BESIDE-OTHERS", path, text, about=(zone,), marks=marks)
    elif zone in search.domains:
        text = f"{zone} has a null MX: it says that it takes no mail at all; name the server that does"
        yield search.finding("NULL-MX", path, text, about=(zone,), marks=marks)


def _mx_target(search: Search, zone: str, host: str, path: Path) -> Iterator[Finding]:
    path = (*path, host)
    if is_address(host):
        text = f"the MX of {zone} is the address {host}: an MX names a host; give the host an A record and name it (RFC 5321, section 5.1)"
        yield search.finding("MX-IS-ADDRESS", path[:2], text, about=(zone, host))
        return
    answer = _addresses(search, host)
    if answer.temporary:
        return
    if answer.alias:
        text = f"the MX of {zone} is {host}, an alias of {answer.alias}; name {answer.alias} in the MX record (RFC 2181, section 10.3)"
        yield search.finding("MX-IS-ALIAS", path[:2], text, about=(zone, host))
    if not answer.addresses:
        hosts = [fold(s.host) for s in search.scenario.servers.values() if s.host and fold(s.host) != host]
        near = did_you_mean(host, [h for h in hosts if _addresses(search, h).addresses])
        text = f"the MX of {zone} is {host}, which has no address record: mail for {zone} bounces; write an A record ({STEP}){near}"
        yield search.finding(
            "MX-NO-ADDRESS",
            path[:2],
            text,
            about=(zone, host),
            marks=(f"{host}: no such name", f"{host} has no address"),
        )
    elif zone in search.domains and not any(a in search.setup.server_at for a in answer.addresses):
        text = (
            f"the MX of {zone} is {host} [{', '.join(answer.addresses)}], where no server of this scenario is; "
            f"let it point to one, or add the server that is there ({STEP})"
        )
        yield search.finding("MX-NOT-OURS", path[:2], text, about=(zone, host), marks=(f"connect to {host}[",))


def _equal_preferences(search: Search, zone: str, answer: Answer, path: Path) -> Iterator[Finding]:
    preferences = [preference for preference, host in answer.mx if host]
    for preference in sorted({p for p in preferences if preferences.count(p) > 1}):
        hosts = [host for p, host in answer.mx if p == preference]
        text = f"the MX records of {zone} with preference {preference} are equal: senders choose among {' and '.join(hosts)} by lot"
        yield search.finding("MX-EQUAL-PREFERENCE", path, text, about=(zone, *hosts))


def smart_hosts_have_addresses(search: Search) -> Iterator[Finding]:
    """Each smart host and relay host that a server names has an address, at which a server of the scenario is."""
    told: set[NextHop] = set()
    for name in search.own_servers:
        policy = search.setup.policies[name]
        for hop in dict.fromkeys([*(route.hop for route in policy.routes), policy.passes_first]):
            if hop is None or hop in told:
                continue
            told.add(hop)
            path = _where_named(search, name, hop.name)
            found = hosts_behind(
                search.setup, hop._replace(external_dns=True), policy
            )  # its own DNS is a finding of its own
            if isinstance(found, DnsFailure):
                if found.cause == "loops-to-self":
                    text = (
                        f"{hop.name}, to which {name} sends, is {name} itself: mail for it bounces; name the server that is meant, such as "
                        "that of the hosted service"
                    )
                    yield search.finding(
                        "SMART-HOST-IS-ITSELF", path, text, about=(name, hop.name), marks=(found.reason,)
                    )
                if found.cause in ("no-address", "no-such-domain", "null-mx"):
                    near = did_you_mean(hop.name, [fold(s.host) for s in search.scenario.servers.values() if s.host])
                    text = (
                        f"{hop.name} has no address: what {name} sends there bounces; "
                        f"correct the name, or give the server there this host{near}"
                    )
                    yield search.finding(
                        "SMART-HOST-NO-ADDRESS", path, text, about=(name, hop.name), marks=(found.reason,)
                    )
                continue
            hosts = [host for group in found.groups for host in group]
            if not any(address in search.setup.server_at for host in hosts for address in host.addresses):
                where = ", ".join(f"{host.name}[{', '.join(host.addresses)}]" for host in hosts)
                text = (
                    f"{hop.name} is {where}, where no server of this scenario is; add that server, or correct the name"
                )
                marks = tuple(f"connect to {host.name}[" for host in hosts)
                yield search.finding("SMART-HOST-NOT-HERE", path, text, about=(name, hop.name), marks=marks)


def _where_named(search: Search, server: str, host: str) -> Path:
    """The setting in which a server (or the one it runs on) names a host."""
    for name in (server, search.scenario.servers[server].runs_on):
        for path in search.scenario.source.lines:
            if name and path[:2] == ("servers", name) and path[2:] != ("host",) and _written(search, path) == host:
                return path
    return ("servers", server)


def _written(search: Search, path: Path) -> str:
    here: object = search.scenario.source.raw
    for key in path:
        if isinstance(here, dict):
            here = here.get(key)
        elif isinstance(here, list) and isinstance(key, int):
            here = here[key]
    if not isinstance(here, str):
        return ""
    host = here.partition(":")[2] if here.partition(":")[0] in ("smtp", "relay", "lmtp") else here
    return fold(host.strip("[] "))


def hosts_are_in_dns(search: Search) -> Iterator[Finding]:
    """A server whose host lies in a declared zone is in that zone."""
    for name, server in search.scenario.servers.items():
        if server.host is None or _zone_of(search, fold(server.host)) is None:
            continue
        answer = _addresses(search, fold(server.host))
        if not answer.addresses and not answer.temporary:
            text = f"the host {server.host} of {name} has no address record, though its zone is declared; write one"
            yield search.finding("HOST-NOT-IN-DNS", ("servers", name, "host"), text, about=(name, fold(server.host)))


def _answer(search: Search, name: str, kind: str) -> Answer:
    return search.setup.answer(Question(name, kind), search.setup.state_at(0.0))


def _addresses(search: Search, host: str) -> Answer:
    found = _answer(search, host, "A")
    return found if found.addresses or found.temporary else _answer(search, host, "AAAA")._replace(alias=found.alias)


def _zone_of(search: Search, name: str) -> str | None:
    zones = {fold(zone) for zone in search.scenario.dns}
    labels = name.split(".")
    return next((".".join(labels[i:]) for i in range(len(labels)) if ".".join(labels[i:]) in zones), None)


def mx_servers(setup: Setup) -> list[str]:
    """The servers that the shared domain's MX points to, the best first."""
    hosts = hosts_behind(setup, NextHop(fold(setup.scenario.domain), by_mx=True))
    if isinstance(hosts, DnsFailure):
        return []
    at = [setup.server_at.get(address) for group in hosts.groups for host in group for address in host.addresses]
    return list(dict.fromkeys(name for name in at if name is not None))


DNS_FINDERS: tuple[Finder, ...] = (
    own_domains_have_zones,
    zones_answer,
    zones_have_mail_hosts,
    smart_hosts_have_addresses,
    hosts_are_in_dns,
)
