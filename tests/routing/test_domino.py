"""Domino's rules, each with its source (keys as in the field descriptions: [D-SH] and so on are Domino Administrator help pages)."""

from __future__ import annotations

import pytest

from tests.routing.seed import DU1, DU2, IU1, IU2, NOBODY, OUTSIDE, go, told

NOT_IN_DIRECTORY = "servers: {onprem: {smart_host_rule: not-in-directory%s}}\n"
TO_HOSTED = ("external", "onprem", "smart-host", "inotes-inbound")


def onprem(settings: str, more: str = "") -> str:
    return f"servers: {{onprem: {{{settings}}}{more}}}\n"


# --- the smart host's two rules --------------------------------------------------------------------------------------------


def test_the_articles_rule_is_person_without_mail_file() -> None:
    """The article: a Person record without mail file goes to the smart host, nobody's mail is discarded."""
    assert told(go("", OUTSIDE, IU1))[:2] == ("delivered", TO_HOSTED)
    assert told(go("", OUTSIDE, NOBODY)) == ("bounced", ("external", "onprem"), "onprem", "5.1.1")


def test_the_documented_rule_is_not_in_directory() -> None:
    """[D-SH]: not found in any directory -> smart host. So the *unknown* address goes to the hosted side, which refuses it."""
    assert told(go(NOT_IN_DIRECTORY % "", OUTSIDE, NOBODY)) == ("bounced", TO_HOSTED[:3], "smart-host", "5.1.1")


def test_under_the_documented_rule_hosted_people_need_a_forwarding_address_or_no_record() -> None:
    """[SCN-PLAN]: the router follows the forwarding address; without one there is nowhere to go. No record at all: smart host."""
    rule = NOT_IN_DIRECTORY % ""
    cloud = "iUser1@cloud.corporate.com"
    away = f"directory: {{people: {{iUser1: {{forwarding_address: {cloud}, aliases: {cloud}, mail_file: inotes-inbound}}}}}}\n"
    hosted = "servers: {onprem: {smart_host_rule: not-in-directory}, inotes-inbound: {domains: [corporate.com, cloud.corporate.com]}}\n"
    mx = "dns: {cloud.corporate.com: '@ IN MX 10 smtp.inotes.example.'}\n"

    assert told(go(rule, OUTSIDE, IU1)) == ("bounced", ("external", "onprem"), "onprem", "5.4.4")
    assert told(go(hosted + mx + away, OUTSIDE, IU1))[:2] == ("delivered", ("external", "onprem", "inotes-inbound"))
    assert told(go(rule, OUTSIDE, "not.in.directory@corporate.com"))[1] == TO_HOSTED[:3]


@pytest.mark.parametrize(
    ("settings", "end"),
    [
        ("smart_host_rule: not-in-directory", ("delivered", TO_HOSTED, None, None)),
        ("smart_host_rule: person-without-mail-file", ("bounced", ("external", "onprem"), "onprem", "5.1.1")),
        (
            "smart_host_rule: not-in-directory, verify_local_recipients: enabled",
            ("bounced", ("external",), "external", "5.1.1"),
        ),
    ],
)
def test_whom_only_the_hosted_service_knows(settings: str, end: tuple[object, ...]) -> None:
    """[D-SH]: the documented rule is made for people without a Person record; verification shuts them out; the article wants one."""
    known_there = "directory: {people: {iUser1: {only_at_hosted: true, internet_address: null}}}\n"

    assert told(go(onprem(settings) + known_there, OUTSIDE, IU1)) == end


def test_who_moves_to_the_master_gets_a_record_there() -> None:
    """Known to the hosted service only, until the move on-premises, which makes the Person record and the mail file."""
    move = (
        "directory: {people: {iUser1: {only_at_hosted: true, internet_address: null}}}\n"
        "events: [{at: 10:00, move: [iUser1], to: onprem}]\n"
    )

    assert told(go(move, OUTSIDE, IU1)) == ("bounced", ("external", "onprem"), "onprem", "5.1.1")
    assert told(go(move, OUTSIDE, IU1, at_s=11 * 3600.0))[:2] == ("delivered", ("external", "onprem"))


def test_the_same_name_in_another_domain_is_somebody_else() -> None:
    """Local parts alone find people of the own domains: a forwarding address fred@otherdomain.com leads away from fred's mail file here."""
    fred = "directory: {people: {fred: {mail_file: onprem, forwarding_address: fred@otherdomain.com}}}"
    assert told(go(fred, DU1, "fred@corporate.com"))[:2] == ("delivered", ("onprem", "external"))


def test_a_forwarding_address_in_the_same_domain_leads_back() -> None:
    """[SCN-PLAN], [D-LOOP]: a forwarding address that is the person's own: "Maximum forwarding loop count exceeded"."""
    own = "directory: {people: {iUser1: {forwarding_address: iUser1@corporate.com}}}"

    assert told(go(NOT_IN_DIRECTORY % "" + own, OUTSIDE, IU1)) == ("bounced", ("external", "onprem"), "onprem", "5.4.6")
    assert told(go(own, OUTSIDE, IU1))[:2] == ("delivered", TO_HOSTED), (
        "by the article's rule it goes to the smart host"
    )


def test_verification_and_the_smart_host_exclude_each_other() -> None:
    """[D-SH]: with verification on, unverifiable recipients are refused before the smart host can be used."""
    assert told(go(NOT_IN_DIRECTORY % ", verify_local_recipients: enabled", OUTSIDE, NOBODY)) == (
        "bounced", ("external",), "external", "5.1.1",
    )  # fmt: skip


def test_verification_suits_the_article_since_everybody_has_a_record() -> None:
    """With all hosted people in the directory, verification only turns away the unknown, and the client writes the bounce."""
    verify = onprem("verify_local_recipients: enabled")

    assert told(go(verify, OUTSIDE, IU1))[:2] == ("delivered", TO_HOSTED)
    assert told(go(verify, OUTSIDE, NOBODY)) == ("bounced", ("external",), "external", "5.1.1")


def test_smart_host_for_all_local_recipients() -> None:
    """[D-BASICS]: even people found here go to the smart host; the hosted side does not know them."""
    everybody = onprem("smart_host_for_all_local_recipients: enabled")

    assert told(go(everybody, OUTSIDE, DU1)) == ("bounced", TO_HOSTED[:3], "smart-host", "5.1.1")
    assert told(go(everybody, OUTSIDE, IU1))[:2] == ("delivered", TO_HOSTED)


# --- domains ----------------------------------------------------------------------------------------------------------------

ALIASES = (
    "servers: {onprem: {global_domain: [corporate.com, corporate.example]}}\n"
    "dns: {corporate.example: '@ IN MX 10 domino.corporate.com.'}\n"
)


@pytest.mark.parametrize(("local", "route"), [("dUser1", ("external", "onprem")), ("iUser1", TO_HOSTED)])
def test_an_alternate_domain_falls_back_to_the_primary(local: str, route: tuple[str, ...]) -> None:
    """[D-GD]: an alias hit falls back to localpart@primary; the next server is given the primary address."""
    assert told(go(ALIASES, OUTSIDE, f"{local}@corporate.example"))[:2] == ("delivered", route)


def test_a_domain_that_no_global_domain_document_names_is_a_relay_attempt() -> None:
    """[D-GD], [D-RELAY]: refused at RCPT, for the client to bounce."""
    mx = "dns: {corporate.example: '@ IN MX 10 domino.corporate.com.'}"

    assert told(go(mx, OUTSIDE, "dUser1@corporate.example")) == ("bounced", ("external",), "external", "5.7.1")


def test_full_name_only_does_not_match_by_local_part() -> None:
    """Address lookup [D-BASICS]; but an alternate domain is looked up in the primary one, whatever the lookup [D-GD]."""
    strict = ALIASES.replace("global_domain", "address_lookup: full name only, global_domain")

    assert told(go(strict, OUTSIDE, "dUser1@corporate.example"))[0] == "delivered"
    elsewhere = strict + "directory: {people: {pat: {mail_file: onprem, internet_address: pat@other.example}}}\n"
    assert told(go(elsewhere, OUTSIDE, "pat@corporate.com"))[0] == "bounced"
    assert (
        told(go(elsewhere.replace("full name only", "full name then local part"), OUTSIDE, "pat@corporate.com"))[0]
        == "delivered"
    )


def test_relay_host_takes_all_mail_for_other_domains() -> None:
    """[D-BASICS]: all outbound Internet mail goes there instead of the MX."""
    gateway = onprem(
        "relay_host: gw.corporate.com",
        ", gateway: {kind: relay, site: office, host: gw.corporate.com, address: 192.0.2.20, relay_for: onprem}",
    )
    dns = "dns:\n  corporate.com: |\n    @ IN MX 10 domino\n    domino IN A 192.0.2.10\n    gw IN A 192.0.2.20\n"

    assert told(go(gateway + dns, DU1, OUTSIDE))[:2] == ("delivered", ("onprem", "gateway", "external"))


@pytest.mark.parametrize(
    ("documents", "route"),
    [
        ("otherdomain.com: gw.corporate.com", ("onprem", "gateway", "external")),
        ("'*.otherdomain.com': gw.corporate.com", ("onprem", "external")),
        ("corporate.com: gw.corporate.com", ("onprem", "external")),
    ],
)
def test_a_foreign_smtp_domain_has_a_way_of_its_own(documents: str, route: tuple[str, ...]) -> None:
    """[D-HELP]: a Foreign SMTP Domain with its connection document comes before relay host and MX, for non-local domains only."""
    gateway = onprem(
        f"foreign_smtp_domains: {{{documents}}}",
        ", gateway: {kind: relay, site: office, host: gw.corporate.com, address: 192.0.2.20, relay_for: onprem}",
    )
    dns = "dns:\n  corporate.com: |\n    @ IN MX 10 domino\n    domino IN A 192.0.2.10\n    gw IN A 192.0.2.20\n"

    assert told(go(gateway + dns, DU1, OUTSIDE))[:2] == ("delivered", route)
    assert told(go(gateway + dns, DU1, IU1))[1][-1] == "inotes-inbound"


def test_smtp_disabled_for_other_domains() -> None:
    """[D-HELP]: off by default; neither the Internet nor the smart host is reached then."""
    off = onprem("smtp_outside_local_domain: disabled")

    assert told(go(off, DU1, OUTSIDE)) == ("bounced", ("onprem",), "onprem", "5.4.4")
    assert told(go(off, DU1, IU1)) == ("bounced", ("onprem",), "onprem", "5.4.4")
    assert told(go(off, DU1, DU2))[0] == "delivered"


def test_listener_off() -> None:
    """Server document: nothing listens on port 25, so senders get connection refused (4.4.1) and wait."""
    assert told(go(onprem("smtp_listener_task: disabled"), OUTSIDE, DU1)) == (
        "deferred_in_queue", ("external",), "external", "4.4.1",
    )  # fmt: skip


# --- limits -----------------------------------------------------------------------------------------------------------------


def test_size_limit_is_for_all_mail() -> None:
    """[D-HELP]: applies to all router traffic, not only SMTP; an own user is told at once."""
    assert told(go("", OUTSIDE, IU1, size_bytes=25_000_001)) == ("bounced", ("external",), "external", "5.3.4")
    assert told(go("", DU1, DU2, size_bytes=25_000_001))[0] == "refused_to_client"
    assert told(go("", OUTSIDE, IU1, size_bytes=25_000_000))[0] == "delivered"


@pytest.mark.parametrize(("limit", "onprem_visits"), [(25, 13), (40, 20)])
def test_two_way_smart_hosts_end_at_the_hop_limit(limit: int, onprem_visits: int) -> None:
    """[SCN-EX]: each side sends unknown addresses to the other. Domino counts after it has taken the mail, and bounces it when it
    has passed *more* than the limit; so the last visit is the one with limit + 1 (or + 2) Received lines: about limit / 2 visits.
    """
    loop = (
        f"servers: {{onprem: {{smart_host_rule: not-in-directory, max_hop_count: {limit}}}, "
        "inotes-inbound: {unknown_recipients: relay, smart_host: '[domino.corporate.com]', max_hop_count: 100}}"
    )
    result = go(loop, OUTSIDE, NOBODY)
    visits = sum(t.server == "onprem" for t in result.transactions)

    assert told(result)[0] == "bounced"
    assert told(result)[2:] == ("onprem", "5.4.6")
    assert visits == limit // 2 + 1
    assert abs(visits - onprem_visits) <= 1


def test_a_role_on_the_machine_is_no_server_of_its_own_on_the_way() -> None:
    """The smart host runs on on-prem's machine: handing over costs no transaction and no Received line."""
    result = go("", OUTSIDE, IU1)

    assert result.recipients[0].hops[2].rule == "relays-everything"
    assert [(t.client, t.server) for t in result.transactions] == [
        ("external", "onprem"),
        ("smart-host", "inotes-inbound"),
    ]


def test_a_group_and_one_of_its_members_by_name_make_one_copy() -> None:
    """Domino's router tells duplicates by the final address (Postfix does not: see test_postfix_more)."""
    result = go("directory: {groups: {all: [dUser1, iUser1]}}", OUTSIDE, ["all@corporate.com", DU1, IU1])

    assert sorted({c.address for r in result.recipients for c in r.copies}) == [DU1, IU1]
    assert sum(t.accepted for t in result.transactions if t.client == "smart-host") == 1


def test_a_duplicate_is_followed_where_another_server_leads_the_copy() -> None:
    """One copy for the group and the member; the member's own server sends it on: both recipients end where it ends."""
    more = "servers: {external: {forwarding: {someuser: dUser1@corporate.com}}}\ndirectory: {groups: {some: [someuser@otherdomain.com]}}"
    result = go(more, IU1, ["some@corporate.com", OUTSIDE])

    assert [one.outcome for one in result.recipients] == ["delivered", "delivered"]
    assert [one.end.address for one in result.recipients] == [DU1, DU1]


def test_an_alias_is_the_same_mail_file() -> None:
    """Alias and primary address: one mail file, one copy."""
    result = go("directory: {people: {dUser1: {aliases: [chief]}}}", OUTSIDE, ["chief@corporate.com", DU1])

    assert result.recipients[0].end.address == DU1
    assert result.recipients[1].end is result.recipients[0].end


def test_two_domino_servers_pass_mail_by_the_mail_file() -> None:
    """Person with another home server: to that server, not to the smart host (mail-facts 1.3, step 6)."""
    second = (
        "servers: {branch: {kind: domino, site: office, host: branch.corporate.com, address: 192.0.2.11, smtp_listener_task: enabled}}\n"
        "directory: {people: {bUser: {mail_file: branch}}}\n"
        "dns:\n  corporate.com: |\n    @ IN MX 10 domino\n    domino IN A 192.0.2.10\n    branch IN A 192.0.2.11\n"
    )
    assert told(go(second, OUTSIDE, "bUser@corporate.com"))[:2] == ("delivered", ("external", "onprem", "branch"))
    assert told(go(second, "bUser@corporate.com", DU1))[0] == "delivered"


def test_round_trip() -> None:
    """Flow 3: between two hosted users mail makes the round trip, over the same rules as everybody's."""
    assert told(go("", IU1, IU2))[1] == ("inotes-outbound", "onprem", "smart-host", "inotes-inbound")


@pytest.mark.parametrize(
    ("settings", "end"),
    [
        ("", ("delivered", ("external", "onprem"), None, None)),
        ("over_quota_enforcement: deliver-anyway", ("delivered", ("external", "onprem"), None, None)),
        ("over_quota_enforcement: non-deliver", ("bounced", ("external", "onprem"), "onprem", "5.2.2")),
    ],
)
def test_a_full_mail_file_takes_mail_unless_quotas_are_enforced(settings: str, end: tuple[object, ...]) -> None:
    """[D-CUST] the server's option; RFC 3463 X.2.2."""
    full = "directory: {people: {dUser1: {over_quota: true}}}\n"

    assert told(go(onprem(settings) + full, OUTSIDE, DU1)) == end
