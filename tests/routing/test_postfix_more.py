"""Cases in the manner of ``truth.yaml`` that were not observed: what follows from Postfix's documentation and the RFCs.

Each says from where its expectation comes. ``lab.yaml`` is the set-up; a case's YAML is laid over it.
"""

from __future__ import annotations

from collections import Counter

import pytest

from coexsim.mail.trace import Trace, trace
from tests.routing.compare import spell
from tests.routing.lab import HOSTS, INTERNAL_RELAY, SOA, TO_OUTBOUND, lab_with

MIB = 2**20
OUTSIDE, DU1, DU2, IU1, IU2 = (f"{n}@corporate.com" if n[1] == "U" else n for n in (
    "someuser@otherdomain.com", "dUser1", "dUser2", "iUser1", "iUser2"))  # fmt: skip
NOBODY, FRIEND = "nonexistent@corporate.com", "friend@thirddomain.com"


PLACED = "servers: {onprem: {address: 10.55.0.10}}"  # where the machine is, whatever DNS says


def go(changes: str, sender: str, to: str | list[str], **options: object) -> Trace:
    return trace(lab_with(changes), sender, to, **options)  # type: ignore[arg-type]


def zone(*lines: str) -> str:
    body = "\n    ".join((SOA, *lines))
    return f"dns:\n  corporate.com: |\n    {body}\n"


def told(result: Trace) -> tuple[object, ...]:
    """Outcome, servers passed, who gave up, code, and the servers of the DSN, of the first recipient."""
    first = result.recipients[0]
    return first.outcome, first.servers, first.by, first.code, first.dsn_servers


# --- size -----------------------------------------------------------------------------------------------------------------


def test_a_limit_at_the_second_hop() -> None:
    """After 250 on-prem owns the message: inbound's limit makes on-prem bounce it, before DATA (EHLO SIZE, RFC 1870 6.1)."""
    result = go("servers: {inbound: {max_message_size: 10 MiB}}", OUTSIDE, IU1, size_bytes=12 * MIB)

    assert told(result) == ("bounced", ("external", "onprem"), "onprem", "5.3.4", ("onprem", "external"))
    assert [spell(t) for t in result.transactions][1] == "onprem -> inbound: MAIL - RCPT - DATA -"


def test_a_size_that_was_not_declared_is_refused_after_the_body() -> None:
    """Without SIZE= the server finds out at the end of DATA: 552, and the body has crossed the line for nothing (RFC 1870 6.3)."""
    result = go("", OUTSIDE, IU1, size_bytes=26 * MIB, server="onprem", client="outside", declare_size=False)

    assert told(result) == ("refused_to_client", (), "onprem", "5.3.4", ())


@pytest.mark.parametrize(("size_bytes", "outcome"), [(25 * MIB, "bounced"), (25 * MIB - 1001, "delivered")])
def test_the_limit_holds_for_the_queue_file(size_bytes: int, outcome: str) -> None:
    """The limit is that of the queue file, which is a little larger than the message (cleanup's file size limit)."""
    assert go("", OUTSIDE, IU1, size_bytes=size_bytes).outcome == outcome


def test_a_bounce_of_a_large_message_is_small() -> None:
    """Above bounce_size_limit (50,000 bytes) only the headers come back, so the DSN passes any size limit (postconf(5))."""
    result = go(
        "servers: {inbound: {max_message_size: 10 MiB}, outbound: {max_message_size: 30 MiB}}",
        IU1,
        IU2,
        size_bytes=20 * MIB,
    )

    assert told(result) == ("bounced", ("outbound", "onprem"), "onprem", "5.3.4", ("onprem", "inbound"))
    assert result.recipients[0].dsn is not None
    assert result.recipients[0].dsn.copy is not None
    assert result.recipients[0].dsn.copy.outcome == "delivered"


# --- DNS --------------------------------------------------------------------------------------------------------------------


def test_equal_preference_either_host() -> None:
    """Of two MX with the same preference one is taken; where it is down, the other (RFC 5321 5.1).

    The other may not use the MX itself: everything at its own preference is dropped. It needs a transport to the first.
    """
    both = zone("@ IN MX 10 domino", "@ IN MX 10 mx2", HOSTS) + "events: [{at: 0 s, for: 9 s, down: onprem}]\n"
    transport = "servers: {onprem2: {transport: {corporate.com: 'smtp:[domino.corporate.com]'}}}"

    assert go(both, OUTSIDE, DU1, at_s=10.0).servers == ("external", "onprem")
    assert told(go(both, OUTSIDE, DU1))[:4] == ("bounced", ("external", "onprem2"), "onprem2", "5.4.6")
    assert go(both + transport, OUTSIDE, DU1).servers == ("external", "onprem2", "onprem")


def test_first_mx_does_not_answer() -> None:
    """A best MX that nobody answers at costs a time-out, then the next one is tried (RFC 5321 5.1)."""
    result = go(zone("@ IN MX 5 dead", "@ IN MX 10 domino", "dead IN A 10.55.0.99", HOSTS), OUTSIDE, IU1)

    assert told(result)[:2] == ("delivered", ("external", "onprem", "inbound"))


def test_mx_target_is_an_alias() -> None:
    """RFC 2181 10.3 forbids it; Postfix, as most do, follows the alias."""
    assert go(zone("@ IN MX 10 mail", "mail IN CNAME domino", HOSTS), OUTSIDE, IU1).outcome == "delivered"


def test_one_of_several_addresses_is_dead() -> None:
    """A host's further addresses are tried (RFC 5321 5.1: at least two)."""
    assert go(zone("@ IN MX 10 domino", "domino IN A 10.55.0.99", HOSTS) + PLACED, OUTSIDE, IU1).outcome == "delivered"


def test_mx_target_is_an_ip_address() -> None:
    """Not allowed (RFC 1035 3.3.9), but Postfix passes numeric names on and connects (dns_lookup.c, valid_rr_name)."""
    assert go(zone("@ IN MX 10 10.55.0.10.", HOSTS), OUTSIDE, IU1).outcome == "delivered"


def test_a_host_that_refuses_the_recipient_is_the_last_word() -> None:
    """5xx at RCPT is final: the next MX is not asked (RFC 5321 4.2.1)."""
    result = go(zone("@ IN MX 10 outbound.inotes.test.", "@ IN MX 20 domino", HOSTS), OUTSIDE, DU1)

    assert told(result) == ("bounced", ("external",), "external", "5.7.1", ("external",))


def test_a_host_that_says_not_now_is_not_the_last_word() -> None:
    """4xx at RCPT: Postfix keeps the recipient for the next MX (smtp_trouble.c), so a second MX gets round greylisting."""
    result = go(
        zone("@ IN MX 10 domino", "@ IN MX 20 mx2", HOSTS) + "servers: {onprem: {greylisting: {delay: 1 min}}}",
        OUTSIDE,
        DU1,
    )

    assert result.servers == ("external", "onprem2", "onprem")
    assert [spell(t) for t in result.transactions][:2] == [
        "external -> onprem: MAIL 1 RCPT 0/1 DATA 0/1",
        "external -> onprem2: MAIL 1 RCPT 1 DATA 1",
    ]


def test_the_best_mx_is_oneself() -> None:
    """A server that relays by MX and is the best MX itself is left with nothing: 5.4.6 (RFC 5321 5.1; smtp_addr.c)."""
    result = go('servers: {onprem: {smart_host: "smtp:corporate.com"}}', OUTSIDE, IU1)

    assert told(result) == ("bounced", ("external", "onprem"), "onprem", "5.4.6", ("onprem", "external"))


def test_smart_host_is_oneself() -> None:
    """A smart host in brackets that has one of the server's own addresses: 5.4.6 without a session (smtp_addr.c, loop detection)."""
    result = go('servers: {onprem: {smart_host: "smtp:[domino.corporate.com]"}}', OUTSIDE, IU1)

    assert told(result)[:4] == ("bounced", ("external", "onprem"), "onprem", "5.4.6")
    assert [t.server for t in result.transactions] == ["onprem", "external"]


def test_a_secondary_mx_drops_itself_and_those_behind() -> None:
    """mx2 (20) sends to 10 only, never to itself or 30; with the primary down it waits (RFC 5321 5.1)."""
    mx = zone("@ IN MX 10 domino", "@ IN MX 20 mx2", "@ IN MX 30 third", "third IN A 10.55.0.99", HOSTS)
    result = go(mx + "events: [{at: 0 s, for: 20 s, down: onprem}]", OUTSIDE, DU1)

    assert result.servers == ("external", "onprem2", "onprem")
    assert {d.server for d in result.recipients[0].deferrals} == {"onprem2"}


def test_a_secondary_mx_that_knows_nobody_makes_backscatter() -> None:
    """It accepts everybody while the primary is down; the primary's 550 then makes *it* write the bounce."""
    mx = zone("@ IN MX 10 domino", "@ IN MX 20 mx2", HOSTS) + "events: [{at: 0 s, for: 12 s, down: onprem}]"
    result = go(mx, OUTSIDE, NOBODY)

    assert told(result) == ("bounced", ("external", "onprem2"), "onprem2", "5.1.1", ("onprem2", "external"))


def test_a_domain_without_mx_is_its_own_mail_host() -> None:
    """Implicit MX (RFC 5321 5.1)."""
    plain = 'dns: {thirddomain.com: "@ IN A 10.55.0.50"}\nservers: {third: {host: thirddomain.com}}'

    assert go(plain, IU1, FRIEND).servers == ("outbound", "third")


def test_mx_exists_but_is_of_no_use_then_the_address_is_not_tried() -> None:
    """Only where there is no MX at all does the address record count (RFC 5321 5.1)."""
    result = go(zone("@ IN MX 10 missing", "@ IN A 10.55.0.10", HOSTS), OUTSIDE, DU1)

    assert told(result)[:4] == ("bounced", ("external",), "external", "5.4.4")


def test_null_mx_among_others_is_no_null_mx() -> None:
    """A null MX stands alone (RFC 7505 3); beside others it names no host."""
    assert go(zone("@ IN MX 0 .", "@ IN MX 10 domino", HOSTS), OUTSIDE, DU1).outcome == "delivered"


def test_an_alias_of_a_domain() -> None:
    """An MX question that meets a CNAME is asked again at its target (RFC 5321 5.1)."""
    alias = 'dns: {pseudonym.test: "@ IN CNAME otherdomain.com."}\nservers: {external: {domain: [otherdomain.com, pseudonym.test]}}'

    assert go(alias, DU1, "someuser@pseudonym.test").servers == ("onprem", "external")


# --- senders ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "code", "outcome"),
    [("x@nullmx.test", "5.7.27", "bounced"), ("x@nosuchdomain.test", "4.1.8", "deferred_in_queue")],
)
def test_sender_domain_is_checked(sender: str, code: str, outcome: str) -> None:
    """A sender domain with a null MX is refused for good (RFC 7505 4.2), one that does not exist for now (postconf(5): 450)."""
    checks = "servers: {onprem: {reject_unknown_sender_domain: enabled}}\ndns: {nullmx.test: '@ IN MX 0 .'}"
    result = go(checks, sender, IU1, server="external")

    assert (result.outcome, result.recipients[0].code) == (outcome, code)


def test_a_bounce_to_a_sender_domain_that_does_not_exist_is_dropped() -> None:
    """A double bounce: the DSN has the null sender, so nobody is told (RFC 5321 6.1)."""
    result = go(
        "servers: {onprem: {reject_unlisted_recipient: disabled}}", "x@nosuchdomain.test", NOBODY, server="external"
    )
    first = result.recipients[0]

    assert (first.outcome, first.by, first.dsn_to, first.dsn_servers) == (
        "bounced",
        "onprem",
        "x@nosuchdomain.test",
        ("onprem",),
    )
    assert first.dsn is not None
    assert first.dsn.copy is not None
    assert (first.dsn.copy.outcome, len(result.notices)) == ("discarded", 1)


def test_the_null_sender_is_delivered() -> None:
    """Notices from elsewhere are mail like any other (RFC 5321 4.5.5)."""
    assert go("", "<>", IU1, server="external").outcome == "delivered"


def test_backscatter_goes_to_whom_the_forger_named() -> None:
    """Accept, then bounce: the DSN goes to the forged sender at a third domain (RFC 5321 7.1 on forgery)."""
    accept = "servers: {onprem: {reject_unlisted_recipient: disabled}}"
    result = go(accept, FRIEND, NOBODY, server="onprem", client="outside")

    assert told(result) == ("bounced", ("onprem",), "onprem", "5.1.1", ("onprem", "third"))
    assert (
        told(go("", FRIEND, NOBODY, server="onprem", client="outside"))[0] == "refused_to_client"
    )  # the cure: refuse at RCPT


def test_mail_handed_straight_to_inbound_passes_by_the_mx() -> None:
    """Whoever knows the hosted side's address need not use the MX: on-prem's rules do not see that mail."""
    assert go("", OUTSIDE, IU1, server="inbound", client="outside").servers == ("inbound",)
    assert told(go("", OUTSIDE, DU1, server="inbound", client="outside"))[:4] == (
        "refused_to_client",
        (),
        "inbound",
        "5.1.1",
    )


def test_outbound_is_no_relay_for_strangers() -> None:
    """It takes mail of hosted users only, even for its own domain."""
    for to in (FRIEND, IU1):
        assert told(go("", OUTSIDE, to, server="outbound", client="outside"))[:4] == (
            "refused_to_client",
            (),
            "outbound",
            "5.7.1",
        )


def test_refusing_ones_own_domain_from_outside_needs_an_exception_for_the_hosted_side() -> None:
    """An anti-spoofing rule on the MX also meets hosted users' mail, which comes from outside: the round trip breaks (P2's cure)."""
    strict = "servers: {onprem: {reject_own_domain_from_outside: enabled%s}}"

    assert told(go(strict % "", DU1, DU2, server="onprem", client="outside"))[:4] == (
        "refused_to_client",
        (),
        "onprem",
        "5.7.1",
    )
    assert told(go(strict % "", IU1, IU2))[:4] == ("bounced", ("outbound",), "outbound", "5.7.1")
    assert go(strict % ", relay_for: [outbound]", IU1, IU2).outcome == "delivered"


# --- recipients ---------------------------------------------------------------------------------------------------------------


def test_directory_out_of_step_for_a_hosted_sender() -> None:
    """As R1, with a hosted sender: on-prem writes the bounce, which goes back to the hosted side."""
    result = go("directory: {replica: {missing: iUser2}}", IU1, IU2)

    assert told(result) == ("bounced", ("outbound", "onprem"), "onprem", "5.1.1", ("onprem", "inbound"))


def test_internal_relay_and_an_unknown_recipient_of_an_own_user() -> None:
    """As R7 with an on-prem sender: nothing checks at submission, so the sender gets a bounce instead of a refusal."""
    result = go(INTERNAL_RELAY % 50, DU1, NOBODY)

    assert told(result) == ("bounced", ("onprem",), "onprem", "5.1.1", ("onprem",))


def test_a_catch_all_takes_whom_nobody_lists() -> None:
    """virtual(5): ``@domain`` is looked up last; listed people are not touched."""
    catch = "servers: {onprem: {virtual_alias_maps: {'@corporate.com': dUser2@corporate.com}}}"

    assert go(catch, OUTSIDE, NOBODY).recipients[0].end.address == "duser2@corporate.com"
    assert go(catch, OUTSIDE, IU1).servers == ("external", "onprem", "inbound")


def test_an_alias_leads_to_another_domain() -> None:
    """virtual(5): the recipient is rewritten, the sender stays; a failure there comes back to the sender from on-prem."""
    alias = "servers: {onprem: {virtual_alias_maps: {info: [dUser1@corporate.com, nobody@thirddomain.com]}}}"
    result = go(alias, OUTSIDE, "info@corporate.com")

    assert [(c.address, c.outcome) for c in result.recipients[0].copies] == [
        ("duser1@corporate.com", "delivered"),
        ("nobody@thirddomain.com", "bounced"),
    ]
    assert told(result)[2:] == ("onprem", "5.1.1", ("onprem", "external"))


def test_the_transport_table_comes_before_the_mailbox() -> None:
    """transport(5): an entry for the domain takes everybody's mail, also of those with a mailbox here; one's own entry is closer."""
    table = "servers: {onprem: {transport: {corporate.com: 'smtp:[inbound.inotes.test]'%s}}}"

    assert told(go(table % "", OUTSIDE, DU1))[:4] == ("bounced", ("external", "onprem"), "onprem", "5.1.1")
    assert go(table % ", dUser1@corporate.com: 'virtual:'", OUTSIDE, DU1).servers == ("external", "onprem")


def test_upper_case_is_the_same_person() -> None:
    """Local parts are compared without case (by all three products), domains always (RFC 5321 2.4)."""
    assert go("", OUTSIDE, "IUSER1@CORPORATE.COM").servers == ("external", "onprem", "inbound")
    twice = go("", OUTSIDE, ["dUser1@corporate.com", "DUSER1@Corporate.com"])
    assert [t.rcpts_taken for t in twice.transactions] == [1]
    assert twice.recipients[0].end is twice.recipients[1].end  # one copy


# --- loops ------------------------------------------------------------------------------------------------------------------


def test_ping_pong_of_a_hosted_users_mail() -> None:
    """L1 from the other end: outbound is server 1, on-prem 2, ...: the 50th, on-prem, refuses; 49 transactions, then the DSN's.

    The DSN to the hosted user is itself sent into the loop, and as a notice it is dropped there.
    """
    result = go(TO_OUTBOUND + "  outbound: {relay_for: onprem}\n", IU1, IU2)
    first = result.recipients[0]

    assert (first.outcome, first.code, len(first.servers)) == ("bounced", "5.4.0", 49)
    assert first.dsn is not None
    assert first.dsn.copy is not None
    assert first.dsn.copy.outcome == "discarded"
    assert Counter(t.server for t in result.transactions) == {"onprem": 50, "outbound": 48}


def test_mutual_forwarding_between_two_organisations() -> None:
    """Each forwards to the other: nobody sees a circle, the count of Received lines ends it (RFC 5321 6.3)."""
    circle = (
        "servers: {third: {forwarding: {friend: dUser1@corporate.com}}}\n"
        "directory: {people: {dUser1: {forwarding_address: friend@thirddomain.com}}}"
    )
    result = go(circle, OUTSIDE, DU1)

    assert (result.outcome, result.recipients[0].code, len(result.transactions)) == ("bounced", "5.4.0", 50)


def test_forwarding_in_a_circle_within_one_directory_is_seen_at_once() -> None:
    """Two people who forward to each other: no transaction is spent."""
    circle = (
        "directory: {people: {dUser1: {forwarding_address: dUser2@corporate.com}, "
        "dUser2: {forwarding_address: dUser1@corporate.com}}}"
    )
    assert told(go(circle, OUTSIDE, DU1))[:4] == ("bounced", ("external", "onprem"), "onprem", "5.4.6")


# --- groups -------------------------------------------------------------------------------------------------------------------


def test_nested_groups_reach_everybody_once() -> None:
    """Members met on two ways inside one group get one copy: the original recipient is the same (cleanup's duplicate filter)."""
    groups = "directory: {groups: {all: [office, iUser1, dUser1], office: [dUser1, dUser2, all]}}"
    result = go(groups, DU1, "all")

    assert sorted(c.address for c in result.recipients[0].copies) == [DU1, DU2, IU1]
    assert result.outcome == "delivered"


def test_a_group_and_one_of_its_members_by_name_make_two_copies() -> None:
    """enable_original_recipient=yes: duplicates are told by original *and* final recipient (postconf(5)); Domino sends one."""
    groups = "directory: {groups: {all: [dUser1, iUser1]}}"
    result = go(groups, OUTSIDE, ["all@corporate.com", DU1, IU1])

    assert [len(r.copies) for r in result.recipients] == [2, 1, 1]
    assert "onprem -> inbound: MAIL 1 RCPT 2 DATA 1" in [spell(t) for t in result.transactions]


def test_a_group_with_an_unknown_member() -> None:
    """The group is accepted at RCPT; the member fails after 250, so on-prem tells the envelope's sender; the others get theirs."""
    result = go(
        "directory: {groups: {all: [dUser1, gone@corporate.com, nobody@thirddomain.com]}}", OUTSIDE, "all@corporate.com"
    )
    first = result.recipients[0]

    assert [c.outcome for c in first.copies] == ["delivered", "bounced", "bounced"]
    assert (first.by, first.code, first.dsn_to, first.dsn_servers) == (
        "onprem",
        "5.1.1",
        OUTSIDE,
        ("onprem", "external"),
    )
    assert len(result.notices) == 1  # one DSN names both


def test_a_group_without_members_is_nobody() -> None:
    """Nothing to deliver to: told, not dropped in silence."""
    assert told(go("directory: {groups: {all: [all]}}", OUTSIDE, "all@corporate.com"))[0] == "bounced"


def test_many_recipients_are_offered_fifty_at_a_time() -> None:
    """smtp_destination_recipient_limit = 50: 120 recipients at one host are three transactions."""
    people = ", ".join(f"p{i}: {{mail_system: other-internet-mail}}" for i in range(120))
    result = go(f"directory: {{people: {{{people}}}}}", DU1, [f"p{i}@corporate.com" for i in range(120)])

    assert [t.accepted for t in result.transactions] == [50, 50, 20]


# --- other domains --------------------------------------------------------------------------------------------------------------


def test_a_hosted_user_writes_to_an_unknown_address_elsewhere() -> None:
    """O4 with a hosted sender: outbound writes the bounce, which goes the round trip."""
    result = go("", IU1, "nobody@thirddomain.com")

    assert told(result) == ("bounced", ("outbound",), "outbound", "5.1.1", ("outbound", "onprem", "inbound"))


def test_one_message_to_three_destinations_is_three_transactions() -> None:
    """One transaction a destination and leg (RFC 5321 4.5.4.1)."""
    result = go("", IU1, [DU1, IU2, FRIEND])

    assert Counter(f"{t.client} {t.server} {t.accepted}" for t in result.transactions) == {
        "outbound onprem 2": 1, "onprem inbound 1": 1, "outbound third 1": 1,
    }  # fmt: skip
