"""What is wrong with zones and MX records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from coexsim.audit.finding import Finding, FindingKind, listed
from coexsim.audit.search import Search, Subject
from coexsim.mail.dns import Answer, is_address
from coexsim.mail.message import domain_of, fold
from coexsim.scenario.names import Names
from coexsim.scenario.places import Path
from coexsim.scenario.servers import ExternalServer

MOST_GUESSED = 20  # hosts of a zone of which a misspelling is thought: who lists more did not mistype them
NO_NAMES = Names(())
STEP = "the article's step 'Setting up the network to receive mail'"
ZONE_MISSING = FindingKind(
    "ZONE-MISSING",
    "the shared domain has no zone",
    "error",
    "No zone of the scenario covers the shared domain, so DNS says that it does not exist.",
    "Mail from outside, and from hosted users, bounces where it is sent.",
    "Write the zone under 'dns', with an MX record that names the server and an A record for that name.",
    "the article, Setting up the network to receive mail",
)
ZONE_FAILS = FindingKind(
    "ZONE-FAILS",
    "a zone does not answer",
    "error",
    "The zone's name servers fail, or do not answer, all the time.",
    "Senders cannot tell whether the domain exists: mail waits, and expires in the end (4.4.3).",
    "Take the fault out, or make it an event with a beginning and an end.",
    "RFC 5321, section 5.1; RFC 2308, section 7",
)
MX_MISSING = FindingKind(
    "MX-MISSING",
    "the shared domain has no MX record",
    "error",
    "Without an MX record the domain's own address record counts (implicit MX); if there is none either, the domain takes no mail.",
    "Mail bounces where it is sent, or goes to whatever host the domain's name points to, often a web server.",
    "Write an MX record that names the on-premises server.",
    "RFC 5321, section 5.1; the article, Setting up the network to receive mail",
)
MX_NO_ADDRESS = FindingKind(
    "MX-NO-ADDRESS",
    "an MX record names a host that has no address",
    "error",
    "The MX target has neither an A nor an AAAA record. The article, read to the letter, has this fault: its MX record points to "
    "myserver.corporate.com, its A record is for domino.corporate.com.",
    "Mail from outside and from hosted users bounces with 5.4.4, if no other MX takes it.",
    "Write an A record for the host, or let the MX record name the host that has one.",
    "RFC 5321, section 5.1; the article, Environment setup",
)
MX_IS_ALIAS = FindingKind(
    "MX-IS-ALIAS",
    "an MX record names an alias",
    "warning",
    "The MX target is a CNAME. That is not allowed, though many servers follow it.",
    "Some senders refuse such a domain; a server that does not know the alias as its own name may loop mail to itself.",
    "Name the host that the alias points to.",
    "RFC 2181, section 10.3",
)
MX_IS_ADDRESS = FindingKind(
    "MX-IS-ADDRESS",
    "an MX record names an IP address",
    "error",
    "An MX record holds the name of a host. DNS takes the digits for a name, which does not exist.",
    "Many senders bounce the mail; these rules are lenient and send to the address.",
    "Give the address a name with an A record, and name it in the MX record.",
    "RFC 1035, section 3.3.9; RFC 5321, section 5.1",
)
NULL_MX = FindingKind(
    "NULL-MX",
    "the shared domain says that it takes no mail",
    "error",
    "The only MX record is the null MX, a single dot.",
    "Mail bounces where it is sent, with 5.1.10 (Postfix: 5.1.0).",
    "Replace it by an MX record that names the server.",
    "RFC 7505",
)
NULL_MX_BESIDE_OTHERS = FindingKind(
    "NULL-MX-BESIDE-OTHERS",
    "a null MX stands beside other MX records",
    "error",
    "The domain says at once that it takes no mail, and who takes it.",
    "Postfix gives up all mail for the domain; other senders may use the hosts named beside it.",
    "Take the null MX out.",
    "RFC 7505, section 3",
)
MX_NOT_OURS = FindingKind(
    "MX-NOT-OURS",
    "the MX of the shared domain leads to no server of the scenario",
    "error",
    "The MX target has an address, but no server of the scenario is there.",
    "Mail from outside waits at its senders and expires: nobody answers.",
    "Let the MX point to the on-premises server, or add the server that is there, such as a filtering gateway.",
    "the article, Setting up the network to receive mail",
)
MX_EQUAL_PREFERENCE = FindingKind(
    "MX-EQUAL-PREFERENCE",
    "MX records of equal preference",
    "note",
    "Several hosts have the same preference.",
    "Each sender chooses by lot, so that mail is shared among them.",
    "Right for two equal servers; otherwise give the backup a higher number.",
    "RFC 5321, section 5.1",
)


def _mx_lines(search: Search, zone: str) -> dict[str, int]:
    """The lines of a zone that is written out in the scenario, by the words of its MX records."""
    lines = (search.scenario.dns[zone].text or "").splitlines()
    found: dict[str, int] = {}
    for n, words in enumerate(line.split() for line in lines if len(lines) > 1):
        for word in words if "MX" in words else ():
            found.setdefault(word, n)
    return found


def own_domains_have_zones(search: Search) -> Iterator[Finding]:
    """The zones of the shared domain, and of others whose people mail does not reach, are declared: the world can find their MX."""
    others = (one for one in search.scenario.servers.values() if isinstance(one, ExternalServer))
    elsewhere = {fold(domain) for one in others for domain in one.domain}
    missed = _missed(search)
    for domain in search.domains:
        shared = domain == fold(search.scenario.domain)
        if domain in elsewhere and not shared:  # that server's host is its MX
            continue
        if search.setup.zone_of(domain) is not None or not (shared or domain in missed):
            continue
        other = "" if shared else f", in which {_whose(search, domain)} knows people,"
        text = (
            f"no zone for {domain}{other} is declared: nobody outside finds a server for it; "
            f"write its MX and A records under 'dns' ({STEP})"
        )
        marks = (f"{domain}: no such domain", f"{domain} has no address record")
        yield search.finding(ZONE_MISSING, ("dns",), text, about=(domain,), marks=marks)


def _missed(search: Search) -> frozenset[str]:
    """The domains in which mail to somebody who is known there does not arrive."""
    lost = (flow for flow in search.flows if flow.recipient.exists and not flow.delivered)
    return frozenset(domain_of(flow.address) for flow in lost)


def _whose(search: Search, domain: str) -> str:
    return next(name for name in search.own_servers if domain in search.setup.policies[name].domains)


def zones_answer(search: Search) -> Iterator[Finding]:
    """No zone fails all the time."""
    for zone, spec in search.scenario.dns.items():
        if spec.fault:
            how = {"servfail": "answers with a server failure", "timeout": "does not answer"}[spec.fault]
            text = f"the zone {zone} {how}: mail for it waits where it is until it expires; take 'fault' out, or make it an event"
            marks = (f"MX: {Answer(spec.fault.upper())}", f"A: {Answer(spec.fault.upper())}")
            yield search.finding(ZONE_FAILS, ("dns", zone), text, about=(zone,), marks=marks)


def zones_have_mail_hosts(search: Search) -> Iterator[Finding]:
    """Each declared zone has MX records, and each names a host that has an address, and by its own name."""
    for zone, spec in search.scenario.dns.items():
        if spec.fault or (spec.text is None and spec.file is None):
            continue
        answer = search.answer(fold(zone), "MX")
        path: Path = ("dns", zone)
        if not answer.mx:
            yield from _no_mx(search, fold(zone), path)
            continue
        yield from _null_mx(search, fold(zone), answer, path)
        lines = _mx_lines(search, zone)
        found = [host for _, host in answer.mx if host and (is_address(host) or search.addresses(host).addresses)]
        for n, (_, host) in enumerate(answer.mx):
            line = lines.get(f"{host}.", lines.get(host.removesuffix("." + fold(zone))))
            meant = search.hosts_with_address if n < MOST_GUESSED else NO_NAMES
            others = [one for one in found[:2] if one != host]
            for finding in _mx_target(search, fold(zone), host, path, meant, others) if host else ():
                yield finding if line is None else finding._replace(line=finding.line + 1 + line)
        yield from _equal_preferences(search, fold(zone), answer, path)


def _no_mx(search: Search, zone: str, path: Path) -> Iterator[Finding]:
    if zone not in search.domains:
        return
    if search.addresses(zone).addresses:
        text = f"{zone} has no MX record: mail goes to the host {zone} itself; write an MX record that names the server ({STEP})"
        yield search.finding(MX_MISSING, path, text, about=(zone,), severity="warning")
    else:
        text = f"{zone} has neither an MX nor an address record: mail for it bounces where it is sent; write an MX and an A record ({STEP})"
        yield search.finding(
            MX_MISSING, path, text, about=(zone,), marks=(f"{zone} has no address record", f"{zone}: no such")
        )


def _null_mx(search: Search, zone: str, answer: Answer, path: Path) -> Iterator[Finding]:
    if all(host for _, host in answer.mx):
        return
    marks = (f"{zone} has a null MX",)
    if len(answer.mx) > 1:
        text = f"{zone} has a null MX beside other MX records: who honours it sends no mail; take the null MX out (RFC 7505, section 3)"
        yield search.finding(NULL_MX_BESIDE_OTHERS, path, text, about=(zone,), marks=marks)
    elif zone in search.domains:
        text = f"{zone} has a null MX: it says that it takes no mail at all; name the server that does"
        yield search.finding(NULL_MX, path, text, about=(zone,), marks=marks)


def _mx_target(
    search: Search, zone: str, host: str, path: Path, meant: Names, others: Sequence[str]
) -> Iterator[Finding]:
    """What is wrong with a host that an MX names; it may be one of those `meant`, misspelt. `others` of the zone have an address."""
    path = (*path, host)
    if is_address(host):
        text = f"the MX of {zone} is the address {host}: an MX names a host; give the host an A record and name it (RFC 5321, section 5.1)"
        yield search.finding(MX_IS_ADDRESS, path[:2], text, about=(zone, host))
        return
    answer = search.addresses(host)
    if answer.temporary:
        return
    if answer.alias:
        text = f"the MX of {zone} is {host}, an alias of {answer.alias}; name {answer.alias} in the MX record (RFC 2181, section 10.3)"
        yield search.finding(MX_IS_ALIAS, path[:2], text, about=(zone, host))
    if not answer.addresses:
        text = (
            f"the MX of {zone} is {host}, which has no address record: mail for {zone} bounces; "
            f"write an A record ({STEP}){meant.near_host(host)}"
        )
        if others:
            where = "has no address record" if search.setup.zone_of(host) else "lies in no zone of this scenario"
            text = (
                f"an MX of {zone} is {host}, which {where}: mail goes to {others[0]}, and waits while that is away; "
                f"write a zone with its A record, and the server that is there{meant.near_host(host)}"
            )
        yield search.finding(
            MX_NO_ADDRESS,
            path[:2],
            text,
            about=(zone, host),
            marks=(f"{host}: no such name", f"{host} has no address"),
            severity="warning" if others else None,
        )
    elif zone in search.domains and not any(a in search.setup.server_at for a in answer.addresses):
        text = (
            f"the MX of {zone} is {host} [{', '.join(answer.addresses)}], where no server of this scenario is; "
            f"let it point to one, or add the server that is there ({STEP})"
        )
        yield search.finding(MX_NOT_OURS, path[:2], text, about=(zone, host), marks=(f"connect to {host}[",))


def _equal_preferences(search: Search, zone: str, answer: Answer, path: Path) -> Iterator[Finding]:
    by_preference: dict[int, list[str]] = {}
    for preference, host in answer.mx:
        by_preference.setdefault(preference, []).extend([host] if host else [])
    for preference, hosts in sorted(by_preference.items()):
        if len(hosts) > 1:
            whom = " and ".join(hosts) if len(hosts) < 5 else listed(hosts)
            text = (
                f"the MX records of {zone} with preference {preference} are equal: senders choose among {whom} by lot"
            )
            yield search.finding(MX_EQUAL_PREFERENCE, path, text, about=(zone, *hosts))


SUBJECT = Subject(
    explanations=(
        ZONE_MISSING,
        ZONE_FAILS,
        MX_MISSING,
        MX_NO_ADDRESS,
        MX_IS_ALIAS,
        MX_IS_ADDRESS,
        NULL_MX,
        NULL_MX_BESIDE_OTHERS,
        MX_NOT_OURS,
        MX_EQUAL_PREFERENCE,
    ),
    causes=(
        own_domains_have_zones,
        zones_answer,
        zones_have_mail_hosts,
    ),
)
