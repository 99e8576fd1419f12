"""Exchange's rules, each with its source ([MS-AD], [MS-SC] and so on are Exchange documentation pages)."""

from __future__ import annotations

from functools import cache

import pytest

from coexsim.audit.check import check
from coexsim.mail.setup import Setup
from coexsim.mail.trace import Route, trace
from coexsim.scenario.load import scenario_from_text
from tests.routing.seed import DU1, IU1, NOBODY, OUTSIDE, told

BASE = """
coexsim: 1
domain: corporate.com
dns:
  corporate.com: |
    @ 1h IN SOA ns h 1 1h 15m 1w 1h
    @ IN MX 10 mail
    mail IN A 192.0.2.10
servers:
  onprem:
    kind: exchange
    host: mail.corporate.com
    accepted_domains: {corporate.com: DOMAIN}
    send_connectors: [CONNECTORS]
    MORE
  inbound: {kind: hosted-inbound, host: in.cloud.example}
  outbound: {kind: hosted-outbound, host: out.cloud.example}
  external: {kind: external, domain: otherdomain.com}
  partner: {kind: external, domain: [partner.com, eu.partner.com]}
  gateway: {kind: relay, host: gw.corporate.net, relay_for: onprem}
directory:
  master: onprem
  replica: {at: inbound}
  people:
    dUser1: {mail_file: onprem}
    dUser2: {mail_file: onprem}
    iUser1: {mail_system: other-internet-mail}
"""
CLOUD = "{name: cloud, address_spaces: corporate.com, smart_hosts: in.cloud.example}"
INTERNET = "{name: internet, address_spaces: '*'}"


@cache
def exchange(
    domain: str = "internal-relay", connectors: str = f"{CLOUD}, {INTERNET}", more: str = "", after: str = ""
) -> Setup:
    text = BASE.replace("DOMAIN", domain).replace("CONNECTORS", connectors).replace("MORE", more or "max_hop_count: 30")
    return Setup(scenario_from_text(text + after))


def go(setup: Setup, sender: str, to: str, **options: object) -> Route:
    return trace(setup, sender, to, **options)  # type: ignore[arg-type]


FILTER = "recipient_filtering: enabled"
LOOKUP = "{type: internal-relay, recipient_lookup: enabled}"


@pytest.mark.parametrize(
    ("domain", "more", "expected"),
    [
        ("authoritative", "", ("bounced", ("external", "onprem"), "onprem", "5.1.1")),  # NDR after 250 [MS-NDR]
        ("authoritative", FILTER, ("bounced", ("external",), "external", "5.1.1")),  # 550 at RCPT [MS-RF]
        (
            "internal-relay",
            "",
            ("bounced", ("external", "onprem"), "onprem", "5.1.1"),
        ),  # relayed, refused by the next system
        ("internal-relay", FILTER, ("bounced", ("external", "onprem"), "onprem", "5.1.1")),  # lookup is off by default
        (
            LOOKUP,
            FILTER,
            ("bounced", ("external",), "external", "5.1.1"),
        ),  # on: when all are mail users, as in the article
        ("external-relay", FILTER, ("bounced", ("external", "onprem"), "onprem", "5.1.1")),
    ],
)
def test_unknown_recipient_by_accepted_domain_type(domain: str, more: str, expected: object) -> None:
    """[MS-AD]: the type decides who says no, and so who writes the bounce; the filter only looks where Recipient Lookup is on."""
    result = go(exchange(domain, more=more), OUTSIDE, NOBODY)

    assert told(result) == expected
    asked_the_cloud = any(t.server == "inbound" for t in result.transactions)
    assert asked_the_cloud == (domain in ("internal-relay", "external-relay"))


@pytest.mark.parametrize(
    ("domain", "outcome", "route"),
    [
        ("authoritative", "delivered", ("external", "onprem")),
        ("internal-relay", "delivered", ("external", "onprem")),
        (
            "external-relay",
            "bounced",
            ("external", "onprem"),
        ),  # nobody is looked up: all goes on, and the cloud says no
    ],
)
def test_known_recipient_with_a_mailbox(domain: str, outcome: str, route: tuple[str, ...]) -> None:
    """[MS-AD]: resolved locally, but in an external relay domain, where nobody is."""
    assert told(go(exchange(domain), OUTSIDE, DU1))[:2] == (outcome, route)


def test_a_mail_user_of_an_internal_relay_domain_goes_by_the_connector() -> None:
    """[MS-AD]: listed, but no mailbox here."""
    assert go(exchange(), OUTSIDE, IU1).servers == ("external", "onprem", "inbound")


@pytest.mark.parametrize(
    ("domain", "more", "end"),
    [
        ("internal-relay", "", ("delivered", ("external", "onprem", "inbound"), None, None)),
        ("authoritative", "", ("bounced", ("external", "onprem"), "onprem", "5.1.1")),
        ("authoritative", FILTER, ("bounced", ("external",), "external", "5.1.1")),
        (LOOKUP, FILTER, ("bounced", ("external",), "external", "5.1.1")),
    ],
)
def test_whom_only_the_cloud_knows(domain: str, more: str, end: tuple[object, ...]) -> None:
    """[MS-AD]: an unknown recipient of an internal relay domain is relayed, unless recipients are looked up; else rejected."""
    setup = exchange(domain, more=more, after="    cloudy: {only_at_hosted: true}\n")

    assert told(go(setup, OUTSIDE, "cloudy@corporate.com")) == end


def test_a_mail_user_goes_to_its_target_address() -> None:
    """[MS-AD]: mail user or contact -> target address, also in an authoritative domain; without one it is 5.1.1."""
    cloud = "iUser1@corp.cloud.example"
    target = f"    iUser1: {{mail_system: other-internet-mail, mail_file: inbound, forwarding_address: {cloud}, aliases: {cloud}}}\n"
    text = BASE.replace("    iUser1: {mail_system: other-internet-mail}\n", target)
    text = text.replace("in.cloud.example}", "in.cloud.example, domains: [corporate.com, corp.cloud.example]}", 1)
    text = text.replace("servers:", "  corp.cloud.example: '@ IN MX 10 in.cloud.example.'\nservers:", 1)
    text = text.replace("DOMAIN", "authoritative").replace("CONNECTORS", INTERNET).replace("MORE", "max_hop_count: 30")
    setup = Setup(scenario_from_text(text))

    assert go(setup, OUTSIDE, IU1).servers == ("external", "onprem", "inbound")
    assert told(go(exchange("authoritative"), OUTSIDE, IU1))[2:] == ("onprem", "5.1.1")


# --- connectors ---------------------------------------------------------------------------------------------------------------


def route_to(connectors: str, to: str, size_bytes: int = 4096) -> tuple[str, ...]:
    return go(exchange(connectors=connectors), DU1, to, size_bytes=size_bytes).servers


GATEWAY = "{name: %s, address_spaces: '%s', smart_hosts: gw.corporate.net%s}"


def test_the_closest_address_space_wins_over_cost() -> None:
    """[MS-SC]: best-matching address space first, then cost."""
    connectors = GATEWAY % ("to-partner", "partner.com", ", cost: 50") + ", " + INTERNET

    assert route_to(connectors, "x@partner.com") == ("onprem", "gateway", "partner")
    assert route_to(connectors, "x@otherdomain.com") == ("onprem", "external")


def test_a_wildcard_is_for_the_domain_and_its_subdomains() -> None:
    """[MS-SC]: ``*.partner.com`` matches partner.com and eu.partner.com; partner.com is for itself only."""
    connectors = GATEWAY % ("to-partner", "*.partner.com", "") + ", " + INTERNET
    assert route_to(connectors, "x@eu.partner.com") == ("onprem", "gateway", "partner")
    assert route_to(connectors, "x@partner.com") == ("onprem", "gateway", "partner")

    connectors = GATEWAY % ("to-partner", "partner.com", "") + ", " + INTERNET
    assert route_to(connectors, "x@eu.partner.com") == ("onprem", "partner")


def test_then_the_lowest_cost_and_then_the_name() -> None:
    """[MS-SC]: of one address space the lowest cost; of one cost the first name, whatever the order in the file."""
    assert route_to(GATEWAY % ("a", "*", ", cost: 5") + ", " + INTERNET, OUTSIDE) == ("onprem", "external")
    assert route_to(INTERNET + ", " + GATEWAY % ("alpha", "*", ""), OUTSIDE) == ("onprem", "gateway", "external")
    assert route_to(INTERNET + ", " + GATEWAY % ("alpha", "*", ", enabled: disabled"), OUTSIDE) == (
        "onprem",
        "external",
    )


def test_a_connector_that_is_too_small_is_not_in_the_choice() -> None:
    """[MS-SC]: connectors whose limit is too small are dropped; when none is left the message fails with 5.3.4."""
    small = "{name: internet, address_spaces: '*', max_message_size: 8 MB}"

    assert route_to(small + ", " + GATEWAY % ("large", "*", ", cost: 50"), OUTSIDE, 9_000_000) == (
        "onprem",
        "gateway",
        "external",
    )
    assert told(go(exchange(connectors=small), DU1, OUTSIDE, size_bytes=9_000_000)) == (
        "bounced",
        ("onprem",),
        "onprem",
        "5.3.4",
    )


def test_no_connector_for_a_domain() -> None:
    """Nothing serves the address space: 5.4.4."""
    assert told(go(exchange(connectors=CLOUD), DU1, OUTSIDE)) == ("bounced", ("onprem",), "onprem", "5.4.4")


def test_internal_relay_without_a_connector_of_its_own() -> None:
    """[P365-LOOP]: the message goes to the default connector, whose MX is this very server: 5.4.4 (SMTPSEND.DNS.MxLoopback)."""
    assert told(go(exchange(connectors=INTERNET), OUTSIDE, NOBODY)) == (
        "bounced",
        ("external", "onprem"),
        "onprem",
        "5.4.4",
    )
    assert told(go(exchange(connectors=INTERNET.replace("'*'", "other.example")), OUTSIDE, NOBODY))[3] == "5.4.4"


def test_internal_relay_over_a_gateway_that_sends_it_back() -> None:
    """[P365-LOOP]: default connector to an edge server that has only the MX to go by: a loop until the hop limit, 5.4.6 [MS-546]."""
    edge = "{name: edge, address_spaces: '*', smart_hosts: gw.corporate.net}"
    for limits, visits in (("max_local_hop_count: 0", 15), ("", 8)):  # MaxHopCount 30, MaxLocalHopCount 8 [PS-RC]
        result = go(exchange(connectors=edge, more=limits), OUTSIDE, NOBODY)

        assert told(result)[2:] == ("gateway", "5.4.6")  # refused in the dialogue, so the gateway writes the bounce
        assert result.recipients[0].servers.count("onprem") == visits


def test_smart_hosts_of_one_connector_stand_in_for_each_other() -> None:
    """[MS-SC]: several smart hosts of a connector are equals; with one down the other is used in the same attempt."""
    both = "{name: cloud, address_spaces: corporate.com, smart_hosts: [in2.cloud.example, in.cloud.example]}"

    assert go(exchange(connectors=both), OUTSIDE, IU1).servers == ("external", "onprem", "inbound")


@pytest.mark.parametrize(("external_dns", "outcome"), [("disabled", "deferred_in_queue"), ("enabled", "delivered")])
def test_external_dns_and_what_the_inside_says(external_dns: str, outcome: str) -> None:
    """[PS-SC]: off by default, so the inside's own idea of the public name counts (the pitfall)."""
    cloud = CLOUD[:-1] + f", use_external_dns: {external_dns}}}"
    inside = "internal_dns: {cloud.example: 'in IN A 10.9.9.9'}"

    assert go(exchange(connectors=cloud, after=inside), OUTSIDE, IU1).outcome == outcome


# --- limits -----------------------------------------------------------------------------------------------------------------


def test_size_limits_for_receiving_and_sending() -> None:
    """[PS-RC] Receive connector 36 MB; [MS-SIZE] organisation limits of 10 MB where nobody set them, those set or unlimited (null) else.

    Exchange's own MB are of 2^20 bytes: its shell writes "36 MB (37,748,736 bytes)".
    """
    raised = exchange(more="organization_max_receive_size: null\n    max_send_size: 20 MB")
    assert told(go(raised, OUTSIDE, DU1, size_bytes=37_748_737)) == ("bounced", ("external",), "external", "5.3.4")
    assert told(go(raised, OUTSIDE, DU1, size_bytes=37_748_736))[0] == "delivered"
    for limits, most in ((exchange(), 10_485_760), (raised, 20_000_000)):
        assert told(go(limits, DU1, "dUser2@corporate.com", size_bytes=most))[0] == "delivered"
        assert told(go(limits, DU1, "dUser2@corporate.com", size_bytes=most + 1))[0] == "refused_to_client"
    assert told(go(exchange(), OUTSIDE, DU1, size_bytes=10_485_761))[1:] == (("external", "onprem"), "onprem", "5.3.4")


def test_an_organisation_limit_ends_what_the_connector_took() -> None:
    """[MS-SIZE] the organisation's limit for receiving is another than the Receive connector's; [MS-NDR] 5.3.4."""
    limited = exchange(more="organization_max_receive_size: 10 MB\n    max_send_size: null")

    assert told(go(limited, OUTSIDE, DU1, size_bytes=10_000_000))[0] == "delivered"
    assert told(go(limited, OUTSIDE, DU1, size_bytes=10_000_001)) == (
        "bounced",
        ("external", "onprem"),
        "onprem",
        "5.3.4",
    )
    assert told(go(limited, DU1, "dUser2@corporate.com", size_bytes=10_000_001))[0] == "delivered"
    found = [f for f in check(limited.scenario).findings if f.code == "SIZE-LIMITS-DIFFER"]
    assert any("its organisation only 10 MB" in f.text and f.where.endswith("receive_size") for f in found)


def crowd(people: int) -> str:
    """So many more people with mail files here."""
    return "".join(f"    p{i}: {{mail_file: onprem}}\n" for i in range(people))


def to_all(people: int) -> list[str]:
    return [f"p{i}@corporate.com" for i in range(people)]


def test_a_connector_takes_so_many_recipients_and_the_others_come_later() -> None:
    """[MS-SIZE] recipients per message; RFC 5321 4.5.3.1.10: 452, those that were taken are done with, the others are tried again."""
    result = trace(exchange(more="max_recipients_per_message: 20", after=crowd(45)), OUTSIDE, to_all(45))

    assert [(t.offered, t.accepted) for t in result.transactions] == [(45, 20), (25, 20), (5, 5)]
    assert {r.outcome for r in result.recipients} == {"delivered"}
    assert {d.reply.enhanced for r in result.recipients for d in r.deferrals} == {"4.5.3"}


@pytest.mark.parametrize(("people", "outcome", "code"), [(500, "delivered", None), (501, "refused_to_client", "5.5.3")])
def test_own_users_write_to_so_many_at_once(people: int, outcome: str, code: str | None) -> None:
    """[MS-SIZE] 500 in the organisation, [MS-NDR] 5.5.3: nobody gets a message to more."""
    result = trace(exchange(after=crowd(people)), DU1, to_all(people))

    assert {(r.outcome, r.code) for r in result.recipients} == {(outcome, code)}


@pytest.mark.parametrize(
    ("home", "by"), [("mail_file: onprem", "onprem"), ("mail_system: other-internet-mail", "inbound")]
)
def test_a_full_mail_file(home: str, by: str) -> None:
    """[MS-NDR], RFC 3463 X.2.2; the hosted service's from memory."""
    outcome, _, who, code = told(
        go(exchange(after=f"    full: {{{home}, over_quota: true}}\n"), OUTSIDE, "full@corporate.com")
    )

    assert (outcome, who, code) == ("bounced", by, "5.2.2")


@pytest.mark.parametrize("domain", ["lab.test", "x.example", "example.com", "mail.example.org", "a.invalid"])
def test_reserved_domains_are_refused_where_that_is_asked_for(domain: str) -> None:
    """[MS-NDR]: 5.1.4 for top level domains, 5.1.5 for second level ones, RFC 2606; names that only look alike are not meant."""
    code_there = "5.1.5" if "example." in domain else "5.1.4"
    strict = exchange(more="reject_reserved_domains: enabled")
    outcome, _, by, code = told(go(strict, DU1, f"x@{domain}"))

    assert (outcome, by, code) == ("bounced", "onprem", code_there)
    assert told(go(exchange(), DU1, f"x@{domain}"))[3] not in ("5.1.4", "5.1.5")
    assert told(go(strict, DU1, "x@myexample.com"))[3] not in ("5.1.4", "5.1.5")
    assert told(go(strict, DU1, "x@partner.com"))[0] == "delivered"


def test_relaying_is_refused() -> None:
    """[MS-NDR]: 5.7.1 Unable to relay, 550 where Postfix says 554."""
    reply = go(exchange(), OUTSIDE, "x@partner.com", server="onprem", client="outside").recipients[0].reply

    assert reply is not None
    assert (reply.code, reply.enhanced) == (550, "5.7.1")


@pytest.mark.parametrize(
    ("limits", "taken", "offered"),
    [
        ("max_hop_count: 30, max_local_hop_count: 0", 15, 16),
        ("max_hop_count: 30", 8, 9),
        ("max_hop_count: 30, max_local_hop_count: 12", 12, 13),
        ("max_hop_count: 12", 6, 7),
    ],
)
def test_loop_with_the_cloud_ends_at_a_hop_count(limits: str, taken: int, offered: int) -> None:
    """Both sides internal relay: the lowest limit counts, MaxHopCount over all Received lines (30: about half of the hops are
    on-prem's, mail-facts 1.5) or MaxLocalHopCount over on-prem's own (8 by default, 0: none [PS-RC]).
    """
    text = BASE.replace(
        "in.cloud.example}", "in.cloud.example, unknown_recipients: relay, smart_host: '[mail.corporate.com]'}", 1
    )
    text = (
        text.replace("DOMAIN", "internal-relay")
        .replace("CONNECTORS", CLOUD)
        .replace("MORE", limits.replace(", ", "\n    "))
    )
    result = go(Setup(scenario_from_text(text)), OUTSIDE, NOBODY)
    at_onprem = [transaction for transaction in result.transactions if transaction.server == "onprem"]

    assert result.recipients[0].code == "5.4.6"
    assert (sum(t.accepted for t in at_onprem), len(at_onprem)) == (taken, offered)


def test_a_round_trip_is_no_loop() -> None:
    """Local hops are this server's own: mail that passes it once has one, however many others it passes [PS-RC]."""
    assert told(go(exchange(more="max_local_hop_count: 1"), OUTSIDE, IU1))[:2] == (
        "delivered", ("external", "onprem", "inbound"),
    )  # fmt: skip


def test_mail_for_a_smart_host_that_is_not_in_dns_waits_and_expires() -> None:
    """Queues and notices that administrators published (markgossa.com, 2015/09, "451 4.4.0 DNS query failed"; exchangemaster.wordpress.com,
    2014/04/15): the message stays in the queue until it expires, after 2 days [MS-INT]. A recipient's domain that does not exist, by
    MX, and a smart host that is the server itself (MxLoopback) bounce at once.
    """
    typo = exchange(connectors="{name: internet, address_spaces: '*', smart_hosts: [typo.corporate.net]}")
    waiting = go(typo, DU1, OUTSIDE).recipients[0]
    itself = exchange(connectors="{name: internet, address_spaces: '*', smart_hosts: [mail.corporate.com]}")

    assert (waiting.outcome, waiting.expires_s) == ("deferred_in_queue", 2 * 86400)
    assert str(waiting.deferrals[0].reply).startswith(
        "451 4.4.0 DNS query failed. The error was: SMTPSEND.DNS.NonExistentDomain"
    )
    by_mx = go(exchange(), DU1, "someone@nowhere.example").recipients[0]
    assert [(one.outcome, one.code) for one in (by_mx, go(itself, DU1, OUTSIDE).recipients[0])] == [
        ("bounced", "5.4.4")
    ] * 2
