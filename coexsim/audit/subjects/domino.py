"""The configuration steps of Domino in the article and in its help: which one is left out, and what follows."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.finding import Finding, FindingKind, Severity
from coexsim.audit.search import Search, Subject, not_local
from coexsim.mail.message import fold
from coexsim.scenario.places import Path
from coexsim.scenario.servers import DominoServer

STEP = "the article's Domino step"
DOMINO_LISTENER_OFF = FindingKind(
    "DOMINO-LISTENER-OFF",
    "the SMTP listener task is disabled",
    "error",
    "The step 'ensuring that the SMTP listener task is enabled' is left out: nothing listens on port 25.",
    "Senders are refused the connection (4.4.1); their mail waits and expires.",
    "Enable it in the Server document, Basics tab.",
    "the article, Configuring smart host on Lotus Domino, first part",
)
DOMINO_SMTP_OUTSIDE_OFF = FindingKind(
    "DOMINO-SMTP-OUTSIDE-OFF",
    "SMTP is not used when sending outside",
    "error",
    "The step 'ensure that the SMTP used when sending... field is set to Enabled' is left out.",
    "The router may not use SMTP for leaving the server: neither the smart host nor the Internet is reached.",
    "Enable it in the Configuration document, Router/SMTP, Basics.",
    "the article, Configuring smart host on Lotus Domino, second part; Domino help",
)
DOMINO_NO_SMART_HOST = FindingKind(
    "DOMINO-NO-SMART-HOST",
    "no smart host is set",
    "error",
    "The step 'Enable the smart host option, and enter the SmartCloud iNotes server address' is left out.",
    "Hosted people have a Person record but no mail file here, and the router has nowhere to send their mail.",
    "Enter the hosted service's SMTP server in the Configuration document, Router/SMTP, Basics.",
    "the article, Configuring smart host on Lotus Domino, second part; Domino help, Setting up a smart host",
)
DOMINO_NO_GLOBAL_DOMAIN = FindingKind(
    "DOMINO-NO-GLOBAL-DOMAIN",
    "no Global Domain document covers the shared domain",
    "error",
    "The step 'create a Global Domain document' is left out, or the document lacks the domain.",
    "Only the Internet domain of the server's own host is local; mail for any other is refused as a relay attempt.",
    "Create the Global Domain document with the shared domain as primary, aliases as alternates.",
    "the article, Configure Lotus Domino to accept mail for the corporate.com domain; Domino help, Global domain documents",
)
DOMINO_VERIFY_WITH_SMART_HOST = FindingKind(
    "DOMINO-VERIFY-WITH-SMART-HOST",
    "recipient verification shuts the smart host out",
    "warning",
    "'Verify that local domain recipients exist in the Domino Directory' refuses unknown addresses at RCPT TO; a smart host for "
    "addresses not in the directory is asked only afterwards.",
    "The smart host is never used: hosted people without a Person record are refused.",
    "Disable verification; or use the article's rule, with a Person record for every hosted user.",
    "Domino help, Setting up a smart host: the two exclude each other",
)


def domino_steps(search: Search) -> Iterator[Finding]:
    """Server document, Configuration document and Global Domain document are as the article says."""
    for name, server in search.scenario.of_kind(DominoServer).items():
        here: Path = ("servers", name)
        if not server.smtp_listener_task:
            text = (
                f"the SMTP listener task of {name} is disabled: port 25 is closed, and mail for it waits at its senders until it expires; "
                f"enable it ({STEP}: Server document, Basics)"
            )
            marks = tuple(f"connect to {host}[" for host in ([fold(server.host)] if server.host else []))
            yield search.finding(DOMINO_LISTENER_OFF, (*here, "smtp_listener_task"), text, about=(name,), marks=marks)
        if not server.smtp_outside_local_domain:
            text = (
                f"{name} does not use SMTP when sending outside of the local Internet domain: mail for hosted people and for the Internet "
                f"bounces; enable it ({STEP}: Configuration, Router/SMTP, Basics)"
            )
            marks = ("SMTP for leaving the server is disabled",)
            yield search.finding(
                DOMINO_SMTP_OUTSIDE_OFF, (*here, "smtp_outside_local_domain"), text, about=(name,), marks=marks
            )
        shares = _shares_the_domain(search, name, server)
        if server.smart_host is None and search.relies_on_smart_host and shares:
            text = (
                f"{name} has no local Internet domain smart host: mail for people whose mail file is at the hosted service bounces; "
                f"name the service's SMTP server ({STEP}: Configuration, Router/SMTP, Basics)"
            )
            yield search.finding(
                DOMINO_NO_SMART_HOST, (*here, "smart_host"), text, about=(name,), marks=("no smart host is set",)
            )
        if shares:
            yield from _global_domain(search, name, server)
        if server.verify_local_recipients and server.smart_host and server.smart_host_rule == "not-in-directory":
            text = (
                f"{name} verifies local recipients, and its smart host is for addresses not in the directory: these are refused before "
                "the smart host is asked, so it is never used; disable one of the two"
            )
            yield search.finding(
                DOMINO_VERIFY_WITH_SMART_HOST,
                (*here, "verify_local_recipients"),
                text,
                about=(name,),
            )


def _shares_the_domain(search: Search, name: str, server: DominoServer) -> bool:
    """Has a server to do with the shared domain. One that has written other domains, with no mail file of the shared domain and
    no MX record, keeps something beside it, such as applications at a subdomain.
    """
    if server.global_domain is None or fold(search.scenario.domain) in search.setup.policies[name].domains:
        return True
    directory = search.setup.directory
    has_people = any(name in person.homes and directory.is_ours(person.address) for person in directory.everyone())
    return has_people or name in search.mx_servers


def _global_domain(search: Search, name: str, server: DominoServer) -> Iterator[Finding]:
    domain = fold(search.scenario.domain)
    local = search.setup.policies[name].domains
    if server.global_domain is not None and domain in local:
        return
    effect = f"mail for {domain} from other servers is refused as relaying, and its own people's mail for the domain leaves by MX"
    if domain in local:
        effect = f"only the Internet domain of its own host is local, which happens to be {domain}; an alias domain would be refused"
    text = f"{name} has no Global Domain document with {domain}: {effect}; create it ({STEP}: Global Domain document)"
    marks = () if domain in local else not_local(name, domain)
    severity: Severity | None = "warning" if domain in local else None
    path: Path = ("servers", name, "global_domain")
    yield search.finding(DOMINO_NO_GLOBAL_DOMAIN, path, text, about=(name, domain), marks=marks, severity=severity)


DOMINO_FOREIGN_DOMAIN_IS_LOCAL = FindingKind(
    "DOMINO-FOREIGN-DOMAIN-IS-LOCAL",
    "a Foreign SMTP Domain document names a local domain",
    "warning",
    "The domain is in the Global Domain document too. A local Internet domain is looked up in the directory; the Foreign SMTP Domain "
    "document is never asked.",
    "Mail for people who are not found here does not go where that document says.",
    "Name the other server as local Internet domain smart host, or take the domain out of the Global Domain document.",
    "Domino help, Foreign SMTP Domain documents; How Domino uses Global domain documents",
)


def foreign_domains_are_foreign(search: Search) -> Iterator[Finding]:
    """No Foreign SMTP Domain document is for a domain that is local: it would never be used."""
    for name, server in search.scenario.of_kind(DominoServer).items():
        for domain in server.foreign_smtp_domains:
            if fold(domain) in search.setup.policies[name].domains:
                text = (
                    f"the Foreign SMTP Domain document of {name} for {domain} is never used, as {domain} is a local Internet domain there; "
                    "name the server as smart host, or take the domain out of global_domain"
                )
                path: Path = ("servers", name, "foreign_smtp_domains", domain)
                yield search.finding(DOMINO_FOREIGN_DOMAIN_IS_LOCAL, path, text, about=(name, domain))


SUBJECT = Subject(
    explanations=(
        DOMINO_LISTENER_OFF,
        DOMINO_SMTP_OUTSIDE_OFF,
        DOMINO_NO_SMART_HOST,
        DOMINO_NO_GLOBAL_DOMAIN,
        DOMINO_VERIFY_WITH_SMART_HOST,
        DOMINO_FOREIGN_DOMAIN_IS_LOCAL,
    ),
    causes=(domino_steps, foreign_domains_are_foreign),
)
