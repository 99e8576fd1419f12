"""Exchange Online: connectors, accepted domains and journal rules of a tenant, as keys of the hosted service's two doors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_network

from coexsim.intake.configs.found import Asked, Found, Item
from coexsim.intake.configs.shell_values import Thing

_DOMAIN_TYPES = {
    "authoritative": "authoritative", "0": "authoritative", "externalrelay": "external-relay", "1": "external-relay",
    "internalrelay": "internal-relay", "2": "internal-relay",
}  # fmt: skip
_NO_DOOR = "write it into a scenario that has a hosted-inbound and a hosted-outbound server, with --into"


def hosted_connectors(inbound: Sequence[Thing], outbound: Sequence[Thing], found: Found, asked: Asked) -> None:
    """What Get-InboundConnector and Get-OutboundConnector say."""
    doors = {kind: name for name, kind in asked.kinds.items() if kind in ("hosted-inbound", "hosted-outbound")}
    connectors: list[Item] = []
    for thing in outbound:
        name = thing.text("Name")
        if thing.flag("Enabled") is False:
            found.leave("Outbound connector", name, thing.where("Enabled"), "it is switched off", matters=False)
        elif thing.flag("IsTransportRuleScoped"):
            meaning = "a transport rule decides who takes it; rules are not modelled"
            found.leave("Outbound connector", name, thing.where("IsTransportRuleScoped"), meaning)
        elif len(doors) < 2:
            found.leave("Outbound connector", name, thing.where("Name"), _NO_DOOR)
        elif thing.flag("RouteAllMessagesViaOnPremises"):
            _centralised(thing, doors, found)
        else:
            hosts = [] if thing.flag("UseMXRecord") else thing.words("SmartHosts")
            value: dict[str, object] = {"name": name, "address_spaces": thing.words("RecipientDomains") or ["*"]}
            connectors.append(Item(value | ({"smart_hosts": hosts} if hosts else {}), thing.where("Name")))
    if connectors:
        found.put(("servers", doors["hosted-inbound"], "connectors"), connectors, None)
    for thing in inbound:
        _inbound(thing, doors.get("hosted-inbound"), found, asked)


def _centralised(thing: Thing, doors: dict[str, str], found: Found) -> None:
    """A connector with RouteAllMessagesViaOnPremises: all mail goes to its smart host first."""
    name, hosts, place = thing.text("Name"), thing.words("SmartHosts"), thing.where("SmartHosts")
    if not hosts:
        found.leave("Outbound connector", name, place, "it names no smart host, so no mail takes it")
        return
    inbound = doors["hosted-inbound"]
    found.put(("servers", doors["hosted-outbound"], "relay_host"), hosts[0], place, name)
    found.put(
        ("servers", inbound, "centralised_transport"), "enabled", thing.where("RouteAllMessagesViaOnPremises"), name
    )
    found.put(("servers", inbound, "smart_host"), hosts[0], place, name)
    if hosts[1:]:
        meaning = "with centralised transport the first smart host is used here"
        found.leave("Outbound connector", f"{name}: {', '.join(hosts[1:])}", place, meaning)


def _inbound(thing: Thing, door: str | None, found: Found, asked: Asked) -> None:
    """One from on-premises says whose mail is the organisation's own; one of a partner for all senders, who alone may bring mail."""
    name, words = thing.text("Name"), thing.words("SenderIPAddresses")
    if thing.flag("Enabled") is False:
        found.leave("Inbound connector", name, thing.where("Enabled"), "it is switched off", matters=False)
        return
    own = "premises" in thing.text("ConnectorType").casefold()
    closes = not own and bool(thing.flag("RestrictDomainsToIPAddresses")) and _is_for_all(thing)
    clients = _servers_at(words, asked)
    if door is not None and clients and (own or closes):
        key = "internal_clients" if own else "accepts_only_from"
        found.put(("servers", door, key), clients, thing.where("SenderIPAddresses"), name)
        if own and not thing.text("TlsSenderCertificateName"):
            found.put(("servers", door, "relay_by"), "ip-address", thing.where("SenderIPAddresses"), name)
        return
    place = thing.where("SenderIPAddresses" if words else "Name")
    if closes:
        meaning = (
            "mail is taken from these addresses only, where no server of the scenario is: here it is taken from anyone"
        )
    elif own:
        meaning = "whose mail is the organisation's own: no server has these addresses; here all but external ones are taken for it"
    else:
        meaning = "mail from a partner that it lets in is let in here by the recipient's domain; what it would refuse is taken"
    found.leave("Inbound connector", f"{name}: {', '.join(words)}" if words else name, place, meaning)


def _is_for_all(thing: Thing) -> bool:
    return any(word.rpartition(":")[2].partition(";")[0] == "*" for word in thing.words("SenderDomains"))


def _servers_at(networks: Sequence[str], asked: Asked) -> list[str]:
    """The servers of the scenario with an address in these networks."""
    found = []
    for word in networks:
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            continue  # a range of addresses, which is told with the connector
        found += asked.servers_in(network)
    return list(dict.fromkeys(found))


def domain_type(thing: Thing) -> str | None:
    """The type of an accepted domain, as a scenario writes it; None for what is no type.

    As a number it is 0 authoritative, 1 external relay, 2 internal relay (the order of AcceptedDomainType).
    """
    return _DOMAIN_TYPES.get(re.sub(r"[\s-]", "", thing.text("DomainType")).casefold())


def hosted_domains(domains: Sequence[Thing], found: Found, asked: Asked) -> None:
    """What Get-AcceptedDomain says in the shell of Exchange Online."""
    door = next((name for name, kind in asked.kinds.items() if kind == "hosted-inbound"), None)
    for thing in domains:
        name, kind = thing.text("DomainName"), domain_type(thing)
        said = f"{name} {thing.text('DomainType')}"
        if door is None:
            found.leave("Accepted domain of the service", said, thing.where("DomainName"), _NO_DOOR)
        elif not name or kind not in ("authoritative", "internal-relay"):
            meaning = "Exchange Online has authoritative and internal relay domains; this one is left out"
            found.leave("Accepted domain of the service", said, thing.where("DomainType"), meaning)
        else:
            found.put(("servers", door, "accepted_domains", name), kind, thing.where("DomainName"))
            if thing.flag("MatchSubDomains"):
                place = thing.where("MatchSubDomains")
                found.put(("servers", door, "accepted_domains", f"*.{name}"), kind, place, "MatchSubDomains")
