"""What Exchange's shell says, in each of the ways in which it writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coexsim.errors import InputError
from coexsim.intake.configs.importing import how_to_export
from coexsim.scenario.load import load_scenario
from coexsim.scenario.servers import ExchangeServer, HostedInbound
from tests.intake.given import imported, scenario_of, told

DOMAINS = [
    {
        "Name": "corporate.com",
        "DomainName": "corporate.com",
        "DomainType": "InternalRelay",
        "Default": True,
        "MatchSubDomains": False,
    },
    {
        "Name": "old",
        "DomainName": {"Domain": "old.example", "Address": "old.example"},
        "DomainType": 0,
        "Default": False,
    },
    {"Name": "branch", "DomainName": "*.branch.example", "DomainType": "ExternalRelay"},
]
SENDING: list[dict[str, Any]] = [
    {"Name": "to cloud", "AddressSpaces": ["SMTP:corporate.com;5"], "SmartHosts": ["in.cloud.example", "198.51.100.7"],
     "DNSRoutingEnabled": False, "UseExternalDNSServersEnabled": True, "MaxMessageSize": "25 MB (26,214,400 bytes)", "Enabled": True},
    {"Name": "Internet", "AddressSpaces": {"value": [{"Address": "*", "Type": "SMTP", "Cost": 1}], "Count": 1}, "SmartHosts": [],
     "DNSRoutingEnabled": True, "MaxMessageSize": {"IsUnlimited": True}, "Enabled": True},
]  # fmt: skip
RECEIVING: list[dict[str, Any]] = [
    {"Name": "Default MAIL", "Bindings": ["0.0.0.0:2525"], "PermissionGroups": "ExchangeServers", "MaxMessageSize": "1 GB"},
    {"Name": "Default Frontend MAIL", "Bindings": ["[::]:25", "0.0.0.0:25"], "PermissionGroups": "AnonymousUsers, ExchangeServers",
     "TransportRole": "FrontendTransport", "MaxMessageSize": "36 MB (37,748,736 bytes)", "MaxRecipientsPerMessage": 200, "MaxHopCount": 60,
     "MaxLocalHopCount": 12, "MaxInboundConnection": "5000", "MaxInboundConnectionPerSource": "Unlimited", "Enabled": True},
]  # fmt: skip
CONFIG = {"MaxSendSize": "20 MB (20,971,520 bytes)", "MaxReceiveSize": "Unlimited", "MaxRecipientEnvelopeLimit": 300}
SERVICE: dict[str, Any] = {"Name": "MAIL", "MaxOutboundConnections": 800, "MaxPerDomainOutboundConnections": "40",
           "MessageExpirationTimeout": "1.12:00:00", "DelayNotificationTimeout": {"Days": 0, "TotalSeconds": 7200.0}}  # fmt: skip


def files(**objects: Any) -> dict[str, str | bytes]:
    return {f"{name}.json": json.dumps(value, indent=2) for name, value in objects.items()}


ALL = files(domains=DOMAINS, sending=SENDING, receiving=RECEIVING, config=CONFIG, service=SERVICE)


def server(folder: Path, given: dict[str, str | bytes]) -> ExchangeServer:
    found = scenario_of(folder, given, "exchange").servers["onprem"]
    assert isinstance(found, ExchangeServer)
    return found


def test_domains_and_connectors_become_keys(tmp_path: Path) -> None:
    """Types as words and as numbers, names as texts and as objects, lists in every form, sizes, costs."""
    found = server(tmp_path, ALL)
    cloud, internet = found.send_connectors

    assert {name: domain.type for name, domain in found.accepted_domains.items()} == {
        "corporate.com": "internal-relay", "old.example": "authoritative", "*.branch.example": "external-relay",
    }  # fmt: skip
    assert (cloud.address_spaces, cloud.cost, cloud.smart_hosts) == (
        ("corporate.com",),
        5,
        ("in.cloud.example", "[198.51.100.7]"),
    )
    assert (cloud.use_external_dns, cloud.max_message_size) == (True, 26_214_400)
    assert (internet.address_spaces, internet.smart_hosts, internet.max_message_size) == (("*",), (), None)


def test_limits_come_from_the_connector_that_takes_mail_from_outside(tmp_path: Path) -> None:
    """Port 25 and anonymous; the organisation's limits and the service's beside it; Unlimited is no limit."""
    found = server(tmp_path, ALL)

    assert (found.max_receive_size, found.max_recipients_per_message, found.max_hop_count) == (37_748_736, 200, 60)
    assert (found.max_send_size, found.organization_max_receive_size, found.max_recipient_envelope_limit) == (
        20_971_520,
        None,
        300,
    )
    assert (found.capacity.transfer_threads, found.capacity.transfer_threads_per_destination) == (800, 40)
    assert (found.capacity.smtp_connections, found.capacity.connections_per_client) == (5000, None)
    assert (found.message_expiration, found.delay_notification_after) == (36 * 3600, 7200)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
def test_keys_say_the_line_of_their_property(tmp_path: Path, encoding: str) -> None:
    """Out-File of Windows PowerShell writes UTF-16."""
    found = imported(tmp_path, {name: str(text).encode(encoding) for name, text in ALL.items()}, "exchange")
    text = str(ALL["receiving.json"])
    line = next(number for number, one in enumerate(text.splitlines(), start=1) if '"MaxHopCount"' in one)

    assert f"max_hop_count: 60  # receiving.json:{line}; Default Frontend MAIL\n" in found.text


def test_rows_of_csv_say_the_same(tmp_path: Path) -> None:
    """As Export-Csv writes them, if the lists were joined."""
    found = server(
        tmp_path,
        {
            "domains.csv": "Name,DomainName,DomainType,Default\ncorporate.com,corporate.com,Authoritative,True\n",
            "sending.csv": 'Name,AddressSpaces,SmartHosts,DNSRoutingEnabled,Enabled\nout,"SMTP:*;1",relay.example,False,True\n',
        },
    )

    assert found.accepted_domains["corporate.com"].type == "authoritative"
    assert found.send_connectors[0].smart_hosts == ("relay.example",)


def test_recipients_come_with_their_places(tmp_path: Path) -> None:
    """Get-Recipient as JSON, Get-RemoteMailbox as CSV; the mailbox in the cloud is reached by its routing address."""
    recipients = [{"RecipientTypeDetails": "UserMailbox", "PrimarySmtpAddress": {"Address": "ann@corporate.com"},
                   "EmailAddresses": ["SMTP:ann@corporate.com", "smtp:a@corporate.com"]}]  # fmt: skip
    remote = "RecipientTypeDetails,PrimarySmtpAddress,RemoteRoutingAddress\n"
    remote += "RemoteUserMailbox,ida@corporate.com,SMTP:ida@corp.mail.example\n"
    scenario = scenario_of(tmp_path, {**ALL, **files(recipients=recipients), "remote.csv": remote}, "exchange")

    assert scenario.domain == "corporate.com"
    assert (scenario.directory.people["ann"].mail_file, scenario.directory.people["ann"].aliases) == ("onprem", ("a",))
    assert scenario.directory.people["ida"].forwarding_address == "ida@corp.mail.example"


def test_connectors_of_the_service_are_keys_of_its_doors(tmp_path: Path) -> None:
    """Centralised transport; without a scenario that has the doors they are told."""
    connector = {"Name": "to us", "ConnectorType": "OnPremises", "RecipientDomains": ["*"], "UseMXRecord": False}
    connector |= {"SmartHosts": ["mail.corporate.com"], "RouteAllMessagesViaOnPremises": True, "Enabled": True}
    outbound = files(outbound=[connector])
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "coexsim: 1\ndomain: corporate.com\nservers:\n  onprem: {kind: exchange, host: mail.corporate.com}\n"
        "  cloud-in: {kind: hosted-inbound, host: in.cloud.example}\n  cloud-out: {kind: hosted-outbound}\n",
        encoding="utf-8",
    )
    found = imported(tmp_path, outbound, "exchange", into=str(mine))
    mine.write_text(found.text, encoding="utf-8")
    servers = load_scenario(mine).servers

    assert servers["cloud-out"].relay_host == "mail.corporate.com"  # type: ignore[union-attr]
    assert servers["cloud-in"].centralised_transport  # type: ignore[union-attr]
    assert told(imported(tmp_path, {**ALL, **outbound}, "exchange"), "Outbound connector")


TENANT = (
    "coexsim: 1\ndomain: corporate.com\nservers:\n  onprem: {kind: exchange, host: mail.corporate.com, address: 192.0.2.10}\n"
    "  filter: {kind: relay, host: filter.corporate.com, address: 192.0.2.20}\n"
    "  cloud-in: {kind: hosted-inbound, host: in.cloud.example}\n  cloud-out: {kind: hosted-outbound}\n"
)


def test_a_tenant_s_own_settings_are_keys_of_its_inbound_door(tmp_path: Path) -> None:
    """Connectors by address space with all their hosts, who is inside, who alone may bring mail, domains, the journal."""
    outbound = [
        {"Name": "to us", "RecipientDomains": ["corporate.com", "*.corporate.com"],
         "SmartHosts": ["mail.corporate.com", "b.corporate.com"]},
        {"Name": "to partner", "ConnectorType": "Partner", "RecipientDomains": ["partner.example"], "UseMXRecord": True},
    ]  # fmt: skip
    inbound = [
        {"Name": "from us", "ConnectorType": "OnPremises", "SenderDomains": ["smtp:*;1"], "SenderIPAddresses": ["192.0.2.10/31"]},
        {"Name": "filter only", "ConnectorType": "Partner", "SenderDomains": ["smtp:*;1"], "SenderIPAddresses": ["192.0.2.20"],
         "RestrictDomainsToIPAddresses": True},
        {"Name": "nobody", "ConnectorType": "OnPremises", "SenderDomains": ["*"], "SenderIPAddresses": ["203.0.113.0/24"]},
    ]  # fmt: skip
    domains = [{"DomainName": "corporate.com", "DomainType": "InternalRelay", "MatchSubDomains": True, "AtService": True},
               {"DomainName": "corp.mail.example", "DomainType": "Authoritative", "AtService": True}]  # fmt: skip
    journal = [{"Name": "all", "JournalEmailAddress": "archive@vault.example", "Scope": "Global", "Recipient": None, "AtService": True},
               {"Name": "board", "JournalEmailAddress": "b@vault.example", "Scope": "Internal", "AtService": True}]  # fmt: skip
    mine = tmp_path / "mine.yaml"
    mine.write_text(TENANT, encoding="utf-8")
    given = files(outbound=outbound, inbound=inbound, tenant=domains, journal=journal)
    found = imported(tmp_path, given, "exchange", into=str(mine))
    mine.write_text(found.text, encoding="utf-8")
    door = load_scenario(mine).servers["cloud-in"]

    assert isinstance(door, HostedInbound)
    assert [(one.name, one.address_spaces, one.smart_hosts) for one in door.connectors] == [
        ("to us", ("corporate.com", "*.corporate.com"), ("mail.corporate.com", "b.corporate.com")),
        ("to partner", ("partner.example",), ()),
    ]
    assert (door.internal_clients, door.accepts_only_from, door.relay_by) == (("onprem",), ("filter",), "ip-address")
    assert door.accepted_domains == {
        "corporate.com": "internal-relay", "*.corporate.com": "internal-relay", "corp.mail.example": "authoritative",
    }  # fmt: skip
    assert door.journal_to == "archive@vault.example"
    assert [one.value for one in found.unused if one.matters] == ["nobody: 203.0.113.0/24", "board: b@vault.example"]


def test_rates_retries_and_the_journal_of_the_server_are_keys(tmp_path: Path) -> None:
    """MessageRateSource None counts nothing; two connectors that disagree are told."""
    receiving = [RECEIVING[1] | {"MessageRateLimit": "600", "MessageRateSource": "IPAddress"}]
    sending = [one | {"SmtpMaxMessagesPerConnection": 50} for one in SENDING]
    given = ALL | files(receiving=receiving, sending=sending, service=SERVICE | {"MessageRetryInterval": "00:05:00"},
                        journal=[{"Name": "all", "JournalEmailAddress": "archive@vault.example", "Scope": 0}])  # fmt: skip
    found = server(tmp_path, given)
    silent = files(receiving=[RECEIVING[1] | {"MessageRateLimit": "600", "MessageRateSource": "None"}])
    apart = files(sending=[SENDING[0] | {"SmtpMaxMessagesPerConnection": 5}, sending[1]])

    assert (found.message_rate_limit, found.message_rate_source) == (600, "ip-address")
    assert (found.message_retry_interval, found.smtp_max_messages_per_connection) == (300, 50)
    assert found.journal_to == "archive@vault.example"
    assert server(tmp_path, ALL | silent).message_rate_limit is None
    assert len(told(imported(tmp_path, ALL | apart, "exchange"), "SmtpMaxMessagesPerConnection")) == 2


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ('[\n {"DomainName": "a.b", "DomainType": 0},\n {"Dom', 3, "not readable as JSON"),
        ('[\n {"DomainName": "a.b", "DomainType": 0}\n', 3, "the list does not end"),
        ("[\n 1 ]\n", 2, "expected an object in braces"),
        ('[\n {"DomainName": "a.b",\n "DomainType": 7} ]', 3, "no such DomainType: '7'"),
        ('[\n\n {"Colour": 1} ]', 3, "none of the objects that are read"),
        ('{"Bindings": [":25"],\n "MaxMessageSize": "big"}', 2, "MaxMessageSize: expected a size"),
        ('{"Bindings": [":25"],\n "MaxHopCount": "-4"}', 2, "MaxHopCount: expected a whole number"),
        ("[" * 100_000, 1, "not readable as JSON"),
        ('{"Bindings": ' + "[" * 100_000, 1, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(tmp_path: Path, content: str, line: int, words: str) -> None:
    """Half a file, other objects, values that mean nothing, nesting without end."""
    with pytest.raises(InputError, match=words) as error:
        imported(tmp_path, {"x.json": content}, "exchange")

    assert error.value.problems[0].line == line


def test_the_commands_for_the_administrator_only_read() -> None:
    """Every cmdlet begins with Get-, selects, converts or exports."""
    words = [word for word in how_to_export().replace("(", " ").split() if "-" in word and word[0].isupper()]

    assert words
    assert all(
        word.startswith(("Get-", "Select-Object", "ConvertTo-Json", "Export-Csv", "Out-File", "Connect-ExchangeOnline"))
        for word in words
    )


def test_objects_of_lists_keep_their_cost_and_address(tmp_path: Path) -> None:
    """ConvertTo-Json writes an AddressSpace as an object with its cost, and an IPAddress as a number whose first byte is the lowest."""
    connector = {
        "Name": "out", "AddressSpaces": [{"Type": "SMTP", "Address": "*", "Domain": "*", "Cost": 5}], "DNSRoutingEnabled": False,
        "SmartHosts": [{"Address": {"Address": 0x0100000A, "AddressFamily": 2}, "Domain": None, "IsIPAddress": True}],
    }  # fmt: skip
    [found] = server(tmp_path, files(domains=DOMAINS, sending=[connector])).send_connectors

    assert (found.cost, found.smart_hosts) == (5, ("[10.0.0.1]",))


def test_items_that_say_nothing_are_an_error_with_a_line(tmp_path: Path) -> None:
    """A smart host of which ConvertTo-Json -Depth 1 left nothing must not become a connector by MX."""
    connector = {
        "Name": "out",
        "AddressSpaces": ["SMTP:*;1"],
        "SmartHosts": [{"IsIPAddress": True}],
        "DNSRoutingEnabled": False,
    }
    with pytest.raises(InputError, match="SmartHosts: an item of the list says nothing"):
        imported(tmp_path, files(domains=DOMAINS, sending=[connector]), "exchange")


def test_switches_may_be_in_the_language_of_the_spreadsheet(tmp_path: Path) -> None:
    """German Excel writes WAHR and FALSCH, French VRAI and FAUX; a word that is neither is an error, not False."""
    row = (
        "#TYPE Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain\n"
        "DomainName;DomainType;Default;MatchSubDomains\n"
    )
    german = row + "corporate.com;Authoritative;WAHR;FALSCH\nb.example;InternalRelay;FAUX;VRAI\n"
    found = imported(tmp_path, {"domains.csv": german}, "exchange")

    assert "\ndomain: corporate.com\n" in found.text
    assert '"*.b.example": internal-relay' in found.text
    assert "*.corporate.com" not in found.text
    with pytest.raises(InputError, match="MatchSubDomains: expected True or False, found 'vieleicht'"):
        imported(tmp_path, {"domains.csv": german.replace("FALSCH", "vieleicht")}, "exchange")


def test_properties_that_are_not_read_are_named(tmp_path: Path) -> None:
    """Those that say something, with --all."""
    sending = json.dumps(
        [{**SENDING[0], "RequireTLS": True, "TlsDomain": "cloud.example", "Comment": "", "ForceHELO": False}]
    )
    found = imported(tmp_path, {"domains.json": json.dumps(DOMAINS), "sending.json": sending}, "exchange")
    [unread] = [one for one in found.unused if one.what == "properties (send-connector)"]

    assert (unread.value, unread.matters) == ("requiretls, tlsdomain", False)


def test_the_host_is_what_the_connector_answers_as(tmp_path: Path) -> None:
    """Set-ReceiveConnector, Fqdn: by default that of the server. A host that the scenario has already stays."""
    receiving = json.dumps([{**RECEIVING[0], "Fqdn": "ex1.corporate.com"}])
    files: dict[str, str | bytes] = {"domains.json": json.dumps(DOMAINS), "receiving.json": receiving}
    mine = tmp_path / "mine.yaml"
    mine.write_text(imported(tmp_path, files, "exchange").text, encoding="utf-8")

    assert load_scenario(mine).servers["onprem"].host == "ex1.corporate.com"
    mine.write_text(mine.read_text(encoding="utf-8").replace("ex1.corp", "mail.corp"), encoding="utf-8")
    again = imported(tmp_path, files, "exchange", into=str(mine))
    assert ("servers", "onprem", "host") not in [key.path for key in again.keys]
