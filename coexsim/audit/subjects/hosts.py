"""What is wrong with the names of smart hosts and servers."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.finding import Finding, FindingKind, Severity
from coexsim.audit.flows import hosts_behind
from coexsim.audit.search import Search, Subject
from coexsim.mail.dns import DnsFailure, MailHosts, Question, is_address, listener, server_behind
from coexsim.mail.message import SMTP_PORT, NextHop, fold
from coexsim.mail.policy import Policy
from coexsim.mail.replies import reply
from coexsim.mail.setup import State
from coexsim.scenario.places import Path

SMART_HOST_NO_ADDRESS = FindingKind(
    "SMART-HOST-NO-ADDRESS",
    "a smart host has no address",
    "error",
    "The name given as smart host or relay host is not in DNS.",
    "All mail that is sent there bounces with 5.4.4; Postfix (relayhost) and Exim keep it until it is too old.",
    "Correct the name; or give the server that is meant this host.",
    "the article, Enable the smart host option, and enter the server address",
)
SMART_HOST_IS_ITSELF = FindingKind(
    "SMART-HOST-IS-ITSELF",
    "a server's smart host is the server itself",
    "error",
    "The name given as smart host or relay host leads back to the server that names it.",
    "All mail that is sent there bounces with 5.4.6 (Exchange: 5.3.5), if the server sees that it is its own; or it goes round.",
    "Name the hosted service's SMTP server. Both sides have hosts in the same domain, so the two are easily mixed up.",
    "the article, Enable the smart host option, and enter the SmartCloud iNotes server address",
)
SMART_HOST_NOT_HERE = FindingKind(
    "SMART-HOST-NOT-HERE",
    "a smart host leads to no server of the scenario",
    "error",
    "The smart host has an address, but no server of the scenario is there.",
    "Mail that is sent there waits and expires.",
    "Correct the name or the address, or add the server.",
    "the article, Enable the smart host option, and enter the server address",
)
HOST_NOT_IN_DNS = FindingKind(
    "HOST-NOT-IN-DNS",
    "a server's host is not in its own zone",
    "warning",
    "The zone is declared, but has no address record for the server's host.",
    "Whoever is given that name does not find the server.",
    "Write an A record.",
    "the article, Environment setup: the host name has an A record",
)


def smart_hosts_have_addresses(search: Search) -> Iterator[Finding]:
    """Each smart host and relay host that a server names has an address, at which a server of the scenario is."""
    told: set[NextHop] = set()
    for name in search.own_servers:
        policy = search.setup.policies[name]
        for hop in dict.fromkeys(_named_hops(policy)):
            if hop in told or hop.kept is not None:
                continue
            told.add(hop)
            path = _where_named(search, name, hop.name)
            found = hosts_behind(
                search.setup, hop._replace(external_dns=True), policy
            )  # its own DNS is a finding of its own
            if isinstance(found, DnsFailure):
                marks: tuple[str, ...] = (found.reason,)
                ends = "waits" if policy.is_at_fault(found, hop) or policy.soft_bounces else "bounces"
                if policy.verifies == "route":  # then it is said at RCPT, and not why
                    marks += (str(reply(policy.product, "unverified-recipient")),)
                if found.cause == "loops-to-self":
                    text = (
                        f"{hop.name}, to which {name} sends, is {name} itself: mail for it {ends}; name the server that is meant, such as "
                        "that of the hosted service"
                    )
                    yield search.finding(SMART_HOST_IS_ITSELF, path, text, about=(name, hop.name), marks=marks)
                if found.cause in ("no-address", "no-such-domain", "null-mx"):
                    text, severity = _without_address(search, name, hop, ends)
                    yield search.finding(
                        SMART_HOST_NO_ADDRESS, path, text, about=(name, hop.name), marks=marks, severity=severity
                    )
                continue
            hosts = [host for group in found.groups for host in group]
            at = search.setup.server_at
            if not any(server_behind(at, address, host.port) for host in hosts for address in host.addresses):
                where = ", ".join(f"{host.name}[{', '.join(host.addresses)}]" for host in hosts)
                text = (
                    f"{hop.name} is {where}, where no server of this scenario is; add that server, or correct the name"
                )
                if is_address(hop.name):
                    text = f"no server of this scenario is at {hop.name}; add it, with 'address: {hop.name}', or correct the address"
                marks = tuple(f"connect to {host.name}[" for host in hosts)
                yield search.finding(SMART_HOST_NOT_HERE, path, text, about=(name, hop.name), marks=marks)


def _without_address(search: Search, name: str, hop: NextHop, ends: str) -> tuple[str, Severity]:
    """What follows where a host has no address, and what to do; less where another host takes the mail."""
    helper = search.fallback_relay[name]
    if helper is not None:
        ends = f"goes to the fallback relay {helper}"
    own = fold(search.scenario.servers[name].host or "")
    if fold(hop.name) in search.hosts:
        do = "write an A record for it in its zone, or give that server an address"
    else:
        do = f"correct the name, or give the server there this host{search.hosts.near_host(hop.name, own)}"
    return (
        f"{hop.name} has no address: what {name} sends there {ends}; {do}",
        "warning" if helper is not None else "error",
    )


def _named_hops(policy: Policy) -> Iterator[NextHop]:
    """The hosts that a server's set-up names."""
    routes = (*policy.routes, *policy.sender_transports.values())
    for hop in (*(r.hop for r in routes), policy.passes_first, *policy.sender_routes.values(), *policy.fallback_relays):
        if hop is not None:
            yield from (hop._replace(others=()), *hop.others)


def _where_named(search: Search, server: str, host: str) -> Path:
    """The setting in which a server (or the one it runs on) names a host."""
    names = (server, search.scenario.servers[server].runs_on)
    return next((path for name in names if (path := search.host_keys.get((name or "", host)))), ("servers", server))


HOST_PORT_LEFT_OUT = FindingKind(
    "HOST-PORT-LEFT-OUT",
    "nobody listens at the port beside a host",
    "note",
    "A host is written with a port, such as [relay]:587, and no server of the scenario listens there: mail goes to the one at port 25.",
    "Nothing differs, unless that machine takes other mail at this port, or the port is closed on the way.",
    "Where two services stand at two ports of one machine, write the second one as a server with 'runs_on' and 'port'.",
    "how coexsim models a server",
)


def ports_are_told(search: Search) -> Iterator[Finding]:
    """A port beside a host at which no server of the scenario listens is said to make no difference."""
    for name in search.own_servers:
        policy = search.setup.policies[name]
        for hop in dict.fromkeys(_named_hops(policy)):
            found = (
                None if hop.port == SMTP_PORT else hosts_behind(search.setup, hop._replace(external_dns=True), policy)
            )
            if not isinstance(found, MailHosts):
                continue
            at = [(a, host.port) for group in found.groups for host in group for a in host.addresses]
            if not any(listener(*each) in search.setup.server_at for each in at):
                text = (
                    f"{name} sends to port {hop.port} of {hop.name}, where no server of this scenario listens: "
                    "mail goes to the one at port 25 of that host"
                )
                yield search.finding(
                    HOST_PORT_LEFT_OUT, _where_named(search, name, hop.name), text, about=(name, str(hop))
                )


def hosts_are_in_dns(search: Search) -> Iterator[Finding]:
    """A server whose host lies in a declared zone is in that zone."""
    for name, server in search.scenario.servers.items():
        if server.host is None or search.setup.zone_of(fold(server.host)) is None:
            continue
        answer = search.addresses(fold(server.host))
        inside = search.setup.answer(Question(fold(server.host), "A"), State(), external=False)
        if not answer.addresses and not answer.temporary and not inside.addresses:
            text = f"the host {server.host} of {name} has no address record, though its zone is declared; write one"
            yield search.finding(HOST_NOT_IN_DNS, ("servers", name, "host"), text, about=(name, fold(server.host)))


SUBJECT = Subject(
    explanations=(
        SMART_HOST_NO_ADDRESS,
        SMART_HOST_IS_ITSELF,
        SMART_HOST_NOT_HERE,
        HOST_NOT_IN_DNS,
        HOST_PORT_LEFT_OUT,
    ),
    causes=(
        smart_hosts_have_addresses,
        hosts_are_in_dns,
        ports_are_told,
    ),
)
