"""Exchange Online's connectors, as keys of the hosted service's two doors."""

from __future__ import annotations

from coexsim.intake.configs.found import Asked, Found
from coexsim.intake.configs.shell_values import Thing


def hosted_connectors(inbound: list[Thing], outbound: list[Thing], found: Found, asked: Asked) -> None:
    """What Get-InboundConnector and Get-OutboundConnector say."""
    doors = {kind: name for name, kind in asked.kinds.items() if kind in ("hosted-inbound", "hosted-outbound")}
    for thing in outbound:
        name = thing.text("Name")
        if thing.flag("Enabled") is False:
            found.leave("Outbound connector", name, thing.where("Enabled"), "it is switched off", matters=False)
        elif thing.flag("IsTransportRuleScoped"):
            found.leave(
                "Outbound connector",
                name,
                thing.where("IsTransportRuleScoped"),
                "a transport rule decides who takes it; rules are not modelled",
            )
        else:
            _outbound(thing, name, doors, found)
    for thing in inbound:
        kind = "from on-premises" if "premises" in thing.text("ConnectorType").casefold() else "from a partner"
        meaning = f"mail {kind} that it lets in is let in here by the recipient's domain; what it would refuse is taken"
        found.leave("Inbound connector", thing.text("Name"), thing.where("Name"), meaning)


def _outbound(thing: Thing, name: str, doors: dict[str, str], found: Found) -> None:
    hosts = [] if thing.flag("UseMXRecord") else thing.words("SmartHosts")
    domains = thing.words("RecipientDomains")
    inbound, leaving = doors.get("hosted-inbound"), doors.get("hosted-outbound")
    if inbound is None or leaving is None:
        meaning = "write it into a scenario that has a hosted-inbound and a hosted-outbound server, with --into"
        found.leave("Outbound connector", name, thing.where("Name"), meaning)
        return
    if thing.flag("RouteAllMessagesViaOnPremises") or "*" in domains:
        if hosts:
            found.put(("servers", leaving, "relay_host"), hosts[0], thing.where("SmartHosts"), name)
        if thing.flag("RouteAllMessagesViaOnPremises") and hosts:
            found.put(
                ("servers", inbound, "centralised_transport"),
                "enabled",
                thing.where("RouteAllMessagesViaOnPremises"),
                name,
            )
            found.put(("servers", inbound, "smart_host"), hosts[0], thing.where("SmartHosts"), name)
    elif hosts:
        found.put(("servers", inbound, "smart_host"), hosts[0], thing.where("SmartHosts"), name)
        found.put(("servers", inbound, "people_elsewhere"), "relay", thing.where("RecipientDomains"), name)
    if hosts[1:]:
        found.leave(
            "Outbound connector",
            f"{name}: {', '.join(hosts[1:])}",
            thing.where("SmartHosts"),
            "the first smart host is used here",
        )
