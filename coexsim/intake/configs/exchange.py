"""Microsoft Exchange: what its shell says of domains, connectors, limits and recipients, as the keys of a scenario.

Property names and defaults: Microsoft's reference of Get-AcceptedDomain, Get-SendConnector, Get-ReceiveConnector,
Get-TransportConfig, Get-TransportService, Get-JournalRule, Get-InboundConnector, Get-OutboundConnector, Get-Recipient,
Get-RemoteMailbox.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from coexsim.intake.configs.exchange_hosted import domain_type, hosted_connectors, hosted_domains
from coexsim.intake.configs.found import Asked, Found, Item
from coexsim.intake.configs.reading import File, fail
from coexsim.intake.configs.recipients import RecipientRecords
from coexsim.intake.configs.shell_values import Thing, part_of, text_of, things

_KINDS = (  # properties that only one kind of object has
    ("hosted-domain", {"domaintype", "atservice"}),
    ("accepted-domain", {"domaintype"}),
    ("journal-rule", {"journalemailaddress"}),
    ("outbound-connector", {"recipientdomains"}),
    ("outbound-connector", {"usemxrecord"}),
    ("inbound-connector", {"senderdomains"}),
    ("send-connector", {"addressspaces"}),
    ("receive-connector", {"bindings"}),
    ("recipient-filter", {"recipientvalidationenabled"}),
    ("transport-service", {"maxoutboundconnections"}),
    ("transport-config", {"maxrecipientenvelopelimit"}),
    ("recipient", {"primarysmtpaddress"}),
    ("recipient", {"emailaddresses"}),
    ("recipient", {"recipienttypedetails"}),
)
Things = dict[str, list[Thing]]
Server = tuple[str, str]


def read_exchange(files: Sequence[File], asked: Asked) -> Found:
    """The keys of an Exchange organisation's server, and its recipients. Raises `InputError`."""
    found = Found()
    name = asked.server or "onprem"
    people = RecipientRecords(found, name, asked)
    by_kind: Things = defaultdict(list)
    for file in files:
        count = 0
        for thing in things(file):
            kind = next((kind for kind, own in _KINDS if own <= thing.names), None)
            if kind is None:
                names = ", ".join(sorted(thing.names)[:8])
                fail(
                    file.name,
                    thing.where().line,
                    f"this is none of the objects that are read; it has {names}; see 'coexsim import exchange --how'",
                )
            count += 1
            if kind == "recipient":
                people.take(thing.record())
            else:
                by_kind[kind].append(thing)
        found.counts[f"objects of {file.name}"] = count
    if not any(found.counts.values()):
        fail(files[0].name, 0, "there is no object in it; see 'coexsim import exchange --how'")
    people.finish()
    server = ("servers", name)
    on_premises = {
        "accepted-domain",
        "send-connector",
        "receive-connector",
        "transport-config",
        "transport-service",
        "recipient-filter",
    }
    if not asked.addresses or on_premises & by_kind.keys():
        found.put((*server, "kind"), "exchange", files[0].at(0))
    _accepted_domains(by_kind["accepted-domain"], found, server)
    _send_connectors(by_kind["send-connector"], found, server)
    _receive_connector(by_kind["receive-connector"], found, server, asked)
    _organisation(by_kind, found, server)
    hosted_connectors(by_kind["inbound-connector"], by_kind["outbound-connector"], found, asked)
    hosted_domains(by_kind["hosted-domain"], found, asked)
    _journal(by_kind["journal-rule"], found, server, asked)
    default = [thing.text("DomainName") for thing in by_kind["accepted-domain"] if thing.flag("Default")]
    others = [thing.text("DomainName") for thing in by_kind["accepted-domain"]] or [people.usual_domain() or ""]
    found.domain = asked.domain or (default or others)[0].removeprefix("*.") or None
    found.master = name
    _tell_unread(by_kind, found)
    return found


def _tell_unread(by_kind: Things, found: Found) -> None:
    """Name the properties of each kind of object that say something and are not read."""
    for kind, objects in by_kind.items():
        unread = {name: thing.where() for thing in reversed(objects) for name in thing.unread()}
        if unread:
            meaning = "not read; they have no part in where mail goes here"
            found.leave(f"properties ({kind})", ", ".join(sorted(unread)), min(unread.values()), meaning, matters=False)


def _accepted_domains(domains: list[Thing], found: Found, server: Server) -> None:
    for thing in domains:
        name = thing.text("DomainName") or thing.text("Name")
        kind = domain_type(thing)
        if not name or "." not in name or kind is None:
            where = thing.where("DomainType")
            fail(where.file, where.line, f"accepted domain {name!r}: no such DomainType: {thing.text('DomainType')!r}")
        found.put((*server, "accepted_domains", name), kind, thing.where("DomainName"))
        if thing.flag("MatchSubDomains") and not name.startswith("*."):
            found.put(
                (*server, "accepted_domains", f"*.{name}"), kind, thing.where("MatchSubDomains"), "MatchSubDomains"
            )
        if thing.text("CatchAllRecipientID"):
            found.leave("CatchAllRecipientID", thing.text("CatchAllRecipientID"), thing.where("CatchAllRecipientID"),
                        "unknown recipients reach this mailbox; here they are unknown")  # fmt: skip


def _send_connectors(connectors: list[Thing], found: Found, server: Server) -> None:
    items = []
    for thing in connectors:
        name = thing.text("Name") or thing.text("Identity")
        spaces, costs = _address_spaces(thing)
        if not spaces:
            found.leave(
                "Send connector",
                name,
                thing.where("AddressSpaces"),
                "it has no SMTP address space, so no mail takes it",
            )
            continue
        value: dict[str, object] = {"name": name, "address_spaces": spaces}
        if min(costs) != 1:
            value["cost"] = min(costs)
        if min(costs) != max(costs):
            found.leave(f"Send connector {name}", "AddressSpaces", thing.where("AddressSpaces"),
                        "its address spaces have several costs; here the lowest holds for all")  # fmt: skip
        hosts = [host for host in thing.words("SmartHosts") if host]
        if hosts and thing.flag("DNSRoutingEnabled") is not True:
            value["smart_hosts"] = [
                f"[{host}]" if re.fullmatch(r"[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:]+", host) else host for host in hosts
            ]
        if thing.flag("UseExternalDNSServersEnabled"):
            value["use_external_dns"] = True
        size = thing.size("MaxMessageSize")
        if size:
            value["max_message_size"] = f"{size} B"
        if thing.flag("Enabled") is False:
            value["enabled"] = False
        if thing.text("Port") not in ("", "25"):
            value["port"] = int(thing.text("Port"))
        items.append(Item(value, thing.where("Name")))
    if items:
        found.put((*server, "send_connectors"), items, None)
    _messages_per_connection(connectors, found, server)


def _messages_per_connection(connectors: list[Thing], found: Found, server: Server) -> None:
    """SmtpMaxMessagesPerConnection, where all Send connectors say the same."""
    numbers = {number: thing for thing in connectors if (number := thing.number("SmtpMaxMessagesPerConnection"))}
    for number, thing in numbers.items():
        place = thing.where("SmtpMaxMessagesPerConnection")
        if len(numbers) == 1:
            found.put((*server, "smtp_max_messages_per_connection"), number, place)
        else:
            meaning = "Send connectors say several; here one number holds for all, 20 unless it is written"
            found.leave("SmtpMaxMessagesPerConnection", f"{thing.text('Name')}: {number}", place, meaning)


def _journal(rules: list[Thing], found: Found, server: Server, asked: Asked) -> None:
    """A journal rule for all messages, of the service where ``AtService`` is true; others are told."""
    door = next((name for name, kind in asked.kinds.items() if kind == "hosted-inbound"), None)
    for thing in rules:
        name, to = thing.text("Name"), thing.text("JournalEmailAddress")
        place = thing.where("JournalEmailAddress")
        at = ("servers", door) if thing.flag("AtService") and door else None if thing.flag("AtService") else server
        if thing.flag("Enabled") is False:
            found.leave("Journal rule", name, place, "it is switched off", matters=False)
        elif (
            at is None
            or "@" not in to
            or thing.text("Recipient")
            or thing.text("Scope").casefold() not in ("", "global", "0")
        ):
            meaning = "journals mail of some people, or within or from outside only; here nothing is journaled by it"
            found.leave("Journal rule", f"{name}: {to}", place, meaning)
        else:
            found.put((*at, "journal_to"), to, place, name)


def _address_spaces(thing: Thing) -> tuple[list[str], list[int]]:
    """``SMTP:*.example.com;5`` as domain and cost; spaces of other types carry no SMTP mail."""
    spaces, costs = [], []
    for item in thing.items("AddressSpaces"):
        if isinstance(item, dict):  # type, address and cost are properties of an object
            parts = {name: part_of(item, name) for name in ("type", "cost")}
            word = f"{parts['type'] or 'smtp'}:{text_of(item)};{parts['cost'] or 1}"
        else:
            word = text_of(item)
        found = re.fullmatch(r"(?:([A-Za-z0-9]+):)?([^;:]+)(?:;([0-9]{1,3}))?", word.strip())
        if found is None:
            where = thing.where("AddressSpaces")
            fail(where.file, where.line, f"AddressSpaces: expected a space such as 'SMTP:*;1', found {word[:60]!r}")
        if (found[1] or "smtp").casefold() == "smtp":
            spaces.append(found[2].strip())
            costs.append(max(1, min(100, int(found[3] or 1))))
    return spaces, costs


def _receive_connector(connectors: list[Thing], found: Found, server: Server, asked: Asked) -> None:
    """The connector that takes mail from the Internet: enabled, port 25, anonymous, at the front end."""
    usable = [thing for thing in connectors if thing.flag("Enabled") is not False]
    if not usable:
        return

    def rank(thing: Thing) -> tuple[bool, bool, bool]:
        groups = f"{thing.text('PermissionGroups')} {' '.join(thing.words('PermissionGroups'))}"
        ports = " ".join(thing.words("Bindings"))
        return (
            "anonymous" not in groups.casefold(),
            ":25" not in ports,
            "front" not in thing.text("TransportRole").casefold(),
        )

    best = min(usable, key=rank)
    host = best.text("Fqdn").rstrip(".")
    if (
        "." in host and server[1] not in asked.kinds
    ):  # a host that the scenario has may be the one that is known outside
        found.put((*server, "host"), host, best.where("Fqdn"), best.text("Name"))
    if rank(best)[0] and best.where("PermissionGroups"):
        found.put((*server, "anonymous_users"), "disabled", best.where("PermissionGroups"), best.text("Name"))
    for name, path in (("MaxRecipientsPerMessage", ("max_recipients_per_message",)), ("MaxHopCount", ("max_hop_count",)),
                       ("MaxLocalHopCount", ("max_local_hop_count",)), ("MaxInboundConnection", ("capacity", "smtp_connections")),
                       ("MaxInboundConnectionPerSource", ("capacity", "connections_per_client"))):  # fmt: skip
        number = best.number(name)
        if number is not None and (number or name == "MaxLocalHopCount"):
            found.put((*server, *path), number, best.where(name), best.text("Name"))
    rate = best.number("MessageRateLimit")
    source = {"ipaddress": "ip-address", "user": "user", "all": "all"}.get(best.text("MessageRateSource").casefold())
    if rate and source:
        found.put((*server, "message_rate_limit"), rate, best.where("MessageRateLimit"), best.text("Name"))
        found.put((*server, "message_rate_source"), source, best.where("MessageRateSource"), best.text("Name"))
    size = best.size("MaxMessageSize")
    if size:
        found.put((*server, "max_receive_size"), f"{size} B", best.where("MaxMessageSize"), best.text("Name"))
    for thing in connectors:
        if (
            "externalauthoritative"
            in f"{thing.text('AuthMechanism')} {' '.join(thing.words('AuthMechanism'))}".casefold()
        ):
            found.leave("Receive connector", thing.text("Name"), thing.where("AuthMechanism"),
                        "whoever reaches it may relay (ExternalAuthoritative); name such servers in relay_for")  # fmt: skip
        if thing is not best:
            found.leave("Receive connector", thing.text("Name"), thing.where("Name"),
                        f"limits of other connectors than {best.text('Name')!r} are not keys", matters=False)  # fmt: skip


def _organisation(by_kind: Things, found: Found, server: Server) -> None:
    """Limits of the organisation and of the transport service."""
    for thing in by_kind["transport-config"]:
        for name, key in (("MaxSendSize", "max_send_size"), ("MaxReceiveSize", "organization_max_receive_size")):
            size = thing.size(name)
            if size or thing.text(name):  # Unlimited is none
                found.put((*server, key), f"{size} B" if size else None, thing.where(name))
        limit = thing.number("MaxRecipientEnvelopeLimit")
        if limit:
            found.put((*server, "max_recipient_envelope_limit"), limit, thing.where("MaxRecipientEnvelopeLimit"))
    services = by_kind["transport-service"]
    for thing in services[:1]:
        for name, path in (("MaxOutboundConnections", ("capacity", "transfer_threads")),
                           ("MaxPerDomainOutboundConnections", ("capacity", "transfer_threads_per_destination")),
                           ("MaxConcurrentMailboxDeliveries", ("capacity", "delivery_threads"))):  # fmt: skip
            number = thing.number(name)
            if number:
                found.put((*server, *path), number, thing.where(name), thing.text("Name"))
        for name, key in (
            ("MessageExpirationTimeout", "message_expiration"),
            ("DelayNotificationTimeout", "delay_notification_after"),
            ("MessageRetryInterval", "message_retry_interval"),
        ):
            time_s = thing.seconds(name)
            if time_s:
                found.put((*server, key), f"{time_s:g} s", thing.where(name), thing.text("Name"))
    for thing in services[1:]:
        found.leave("Transport service", thing.text("Name"), thing.where("Name"),
                    f"one server stands for all here; {len(services)} of them share the load: say so in capacity")  # fmt: skip
    for thing in by_kind["recipient-filter"]:
        if thing.flag("RecipientValidationEnabled") and thing.flag("Enabled") is not False:
            found.put((*server, "recipient_filtering"), "enabled", thing.where("RecipientValidationEnabled"))
