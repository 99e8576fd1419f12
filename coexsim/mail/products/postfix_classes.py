"""Postfix's address classes: which domains are local, virtual or relayed, and what becomes of their recipients."""

from __future__ import annotations

from coexsim.mail.message import fold
from coexsim.mail.policy import DomainRule
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import PostfixServer


def domain_rules(server: PostfixServer, scenario: Scenario) -> tuple[dict[str, DomainRule], tuple[str, ...]]:
    """The rule of each domain, those with mailboxes first, and the relay domains; one in several lists is of the first class of local,
    virtual alias, virtual mailbox, relay (trivial-rewrite(8)).
    """
    virtual = DomainRule(True, "fail", "relay", server.reject_unlisted_recipient)
    relay = tuple(dict.fromkeys(map(fold, server.relay_domains)))
    classes = (
        (map(fold, server.mydestination), local_rule(server)),
        (map(fold, server.virtual_alias_domains), virtual._replace(verify=True, unknown_cause="unknown-alias")),
        (virtual_domains(server, scenario), virtual),
    )
    rules: dict[str, DomainRule] = {}
    for names, rule in classes:
        rules = rules | {domain: rule for domain in names if domain not in rules}
    rules |= {domain: relayed_rule(server, scenario, domain) for domain in relay if domain not in rules}
    return rules, relay


def local_rule(server: PostfixServer) -> DomainRule:
    """Of recipients of mydestination, and of the server's own IP addresses."""
    listed = server.reject_unlisted_recipient
    if server.fallback_transport:
        return DomainRule(True, "relay", "relay", listed, "fallback-transport", "fallback-transport")
    return DomainRule(True, "fail", "relay", listed, unknown_cause="unknown-local-user")


def relayed_rule(server: PostfixServer, scenario: Scenario, domain: str) -> DomainRule:
    """Mail of a relay domain goes on, whatever mail files are here, unless smart_host tells people apart one by one: then those with a
    mail file here have a transport of their own too.
    """
    verify = server.relay_recipient_check and domain not in map(fold, server.relay_recipient_domains)
    return DomainRule(
        _has_people(server, scenario), "relay", "relay", verify, "relay-domain", "relay-domain",
        delivers=bool(server.smart_host), unknown_cause="unknown-relay-user",
    )  # fmt: skip


def virtual_domains(server: PostfixServer, scenario: Scenario) -> tuple[str, ...]:
    """The virtual mailbox domains: as written, or the scenario's domain, unless another list has it, and (relayed) no mail file is here."""
    if server.virtual_mailbox_domains is not None:
        return tuple(dict.fromkeys(map(fold, server.virtual_mailbox_domains)))
    domain = fold(scenario.domain)
    name = next(name for name, other in scenario.servers.items() if other is server)
    homes = (scenario.home_server.get("onprem"), *(person.mail_file for person in scenario.directory.people.values()))
    if domain in map(fold, (*server.mydestination, *server.virtual_alias_domains)):
        return ()
    return () if domain in map(fold, server.relay_domains) and name not in homes else (domain,)


def _has_people(server: PostfixServer, scenario: Scenario) -> bool:
    """Has a server the directory or mail files; if not, it relays groups and aliases as they are."""
    homes = {scenario.home_server.get("onprem"), *(person.mail_file for person in scenario.directory.people.values())}
    return any(scenario.servers.get(home or "") is server for home in homes)
