"""Rules that a set-up is read by: whose service a server is, who is at home where, which lines and links are meant, what is said late."""

from __future__ import annotations

import pytest

from coexsim.errors import ScenarioError
from coexsim.mail.dialogue import receive
from coexsim.mail.directory import Person
from coexsim.mail.dns import Answer
from coexsim.mail.dsn import dsn_message
from coexsim.mail.expansion import MOST_ADDRESSES, MOST_STEPS
from coexsim.mail.message import Command, Envelope, Rcpt, Reply
from coexsim.mail.outages import Outages
from coexsim.mail.products.registry import REPLIES, retry_of
from coexsim.mail.products.services import organisation_of
from coexsim.mail.reception import Reception, Refusal
from coexsim.mail.replies import COMMON, expired_reply, reply
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.mail.zone_text import read_zone
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.servers import HostedOutbound
from tests.routing.seed import DU1, DU2, IU1, IU2, NOBODY, OUTSIDE, article_with, go, told


@pytest.mark.parametrize(
    ("zone", "line"),
    [("'a IN A nonsense'", 4), ("|\n    a IN A nonsense", 5), ("|\n    b IN A 192.0.2.1\n    a IN A nonsense", 6)],
)
def test_a_zone_s_fault_is_told_at_its_own_line(zone: str, line: int) -> None:
    """A zone on the line of its key, or in a block of one line or more: the line of the record that cannot be read."""
    with pytest.raises(ScenarioError) as told_of:
        Setup(
            scenario_from_text(
                f"coexsim: 1\ndomain: corporate.com\ndns:\n  one.example: {zone}\nservers: {{a: {{kind: external, domain: a.example}}}}\n"
            )
        )

    assert [problem.line for problem in told_of.value.problems] == [line]


def test_forwarding_out_of_the_organisation_is_somebody_elsewhere() -> None:
    """Without a mail file, an address at another organisation is where the person is; one at the service's own domain is not."""
    keys = (
        "servers: {inotes-inbound: {domains: [corporate.com, tenant.inotes.example]}}\n"
        "directory: {people: {iUser1: {forwarding_address: %s}}}\n"
    )

    def home(address: str) -> str | None:
        person = article_with(keys % address).directory.find(IU1, 0)
        assert isinstance(person, Person)
        return person.home

    assert home("x@elsewhere.example") is None
    assert home("x@tenant.inotes.example") == "inotes-inbound"
    assert home("iUser2@corporate.com") == "inotes-inbound"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer("NOERROR", mx=((10, "a.example"), (20, "b.example"))), "10 a.example, 20 b.example"),
        (Answer("NOERROR", mx=((0, ""),)), "0 ."),
        (Answer("NOERROR", addresses=("192.0.2.1", "192.0.2.2")), "192.0.2.1, 192.0.2.2"),
        (Answer("NOERROR", addresses=("192.0.2.1",), alias="b.example"), "alias of b.example, 192.0.2.1"),
        (Answer("NOERROR"), "no such record"),
        (Answer("NXDOMAIN"), "no such name"),
    ],
)
def test_an_answer_in_words(answer: Answer, text: str) -> None:
    """What a trace says of an answer: the hosts by preference (a null MX as written, RFC 7505), the addresses, or what is missing."""
    assert str(answer) == text


TENANT = """
coexsim: 1
domain: corporate.com
servers:
  in1: {kind: hosted-inbound, host: %s, tenant: one%s}
  out1: {kind: hosted-outbound, tenant: one%s}
"""


@pytest.mark.parametrize(
    ("host", "inbound", "outbound", "service"),
    [
        ("in.cloud.example", ", provider: exchange-online", "", "exchange-online"),
        ("in.cloud.example", "", ", provider: exchange-online", "exchange-online"),
        ("in.cloud.example", ", provider: google-workspace", ", provider: exchange-online", "exchange-online"),
        ("corporate-com.mail.protection.outlook.com", "", "", "exchange-online"),
        ("corporate-com.mail.protection.outlook.com", ", provider: other", "", "other"),
        ("in.cloud.example", "", "", "other"),
    ],
)
def test_whose_service_a_server_is(host: str, inbound: str, outbound: str, service: str) -> None:
    """What the server itself says, else what another server of its tenant says, else what the host name tells."""
    scenario = scenario_from_text(TENANT % (host, inbound, outbound))
    server = scenario.servers["out1"]
    assert isinstance(server, HostedOutbound)

    assert organisation_of(scenario, server).service.key == service


CHAIN = """
coexsim: 1
domain: corporate.com
sites: [a, b, c]
links:
  - {between: [a, b], round_trip: 1 ms}
  - {between: [c, b], round_trip: 1 ms}
servers:
  one: {kind: external, domain: one.example, site: a}
  two: {kind: external, domain: two.example, site: c}
events: [{at: 1 min, for: 1 min, down: c-b}]
"""


def test_a_way_between_sites_goes_over_links_that_are_up() -> None:
    """From a to c over b, in either direction, but not while a link on the way is down."""
    outages = Outages(scenario_from_text(CHAIN))

    for pair in (("one", "two"), ("two", "one")):
        assert [outages.joined(*pair, now_s=at_s) for at_s in (0.0, 60.0, 119.9, 120.0)] == [True, False, False, True]
    assert outages.joined("one", "one", 60.0)


@pytest.mark.parametrize(
    ("site", "outcome"),
    [("", "deferred_in_queue"), ("site: a, ", "delivered")],
)
def test_nobody_waits_for_a_way_that_never_comes(site: str, outcome: str) -> None:
    """From a server at no site, no attempt tells more than the first; over a link that comes back, the next one arrives."""
    scenario = scenario_from_text(f"""
coexsim: 1
domain: one.example
sites: [a, b]
links: [{{between: [a, b], round_trip: 1 ms}}]
dns: {{two.example: '@ IN A 192.0.2.2'}}
servers:
  one: {{kind: postfix, {site}host: mail.one.example, virtual_mailbox_domains: [one.example]}}
  two: {{kind: external, site: b, host: two.example, domain: two.example}}
directory: {{master: one, people: {{ann: {{mail_file: one}}}}}}
events: [{{at: 0 s, for: 1 min, down: a-b}}]
""")
    found = trace(scenario, "ann", "who@two.example").recipients[0]

    assert (found.outcome, len(found.deferrals)) == (outcome, 1)


def test_what_expired_is_permanent() -> None:
    """Exchange Online's notice makes the last deferral's code permanent; Postfix keeps it as it was."""
    last = Reply(450, "4.4.316", "Connection refused")
    hosted = "servers: {inotes-inbound: {provider: exchange-online}, inotes-outbound: {provider: exchange-online}}"

    assert expired_reply(article_with(hosted).policies["inotes-outbound"], last).enhanced == "5.4.316"
    assert expired_reply(article_with("").policies["external"], last) == last


@pytest.mark.parametrize(
    ("people", "servers"), [("relay", ("inotes-outbound", "gateway")), ("refuse", ("inotes-outbound", "onprem"))]
)
def test_direct_delivery_uses_the_smart_host_of_a_service_that_relays(people: str, servers: tuple[str, ...]) -> None:
    """People elsewhere: by the inbound server's smart host where it relays to them, else by MX."""
    keys = (
        "servers:\n"
        "  inotes-outbound: {routes_internal_mail: direct}\n"
        f"  inotes-inbound: {{people_elsewhere: {people}, smart_host: '[gw.corporate.com]'}}\n"
        "  gateway: {kind: relay, site: office, host: gw.corporate.com, address: 192.0.2.9, smart_host: '[domino.corporate.com]'}\n"
        "dns: {gw.corporate.com: '@ IN A 192.0.2.9'}\n"
    )

    assert go(keys, IU1, DU1).servers[:2] == servers


@pytest.mark.parametrize(
    ("sender", "server"),
    [
        (OUTSIDE, "external"),
        ("somebody@nowhere.example", "external"),
        (DU1, "onprem"),
        ("unknown@corporate.com", "onprem"),
        (IU1, "inotes-outbound"),
        ("partner@elsewhere.example", "onprem"),
    ],
)
def test_where_mail_is_handed_in(sender: str, server: str) -> None:
    """At the server of the sender's mail file, whatever the domain; who is in no directory and in no domain of ours writes from outside."""
    setup = article_with("directory: {people: {partner: {internet_address: partner@elsewhere.example}}}")

    assert setup.submission_server(sender) == server


def test_a_trace_is_one_message_which_no_rate_holds_up() -> None:
    """Limits over time look at mail before; a trace has none."""
    limited = (
        "servers: {inotes-inbound: {limits: {client_messages_per_minute: 1, mailbox_sends_per_minute: 1, "
        "mailbox_recipients_per_day: 1, mailbox_receives_per_hour: 1}}}"
    )
    result = go(limited, IU1, [IU1, IU2, DU1])

    assert [recipient.outcome for recipient in result.recipients] == ["delivered"] * 3


def test_the_world_changes_when_either_side_learns_of_a_move() -> None:
    """People move at 10:05; the replica hears of it at 10:15."""
    moves = (
        "run: {start: Mon 10:00}\ndirectory: {replica: {every: 15 min}}\n"
        "events: [{at: Mon 10:05, move: [dUser1], to: hosted}]\n"
    )

    assert article_with(moves).change_times_s() == [300.0, 900.0]


ONE_POSTFIX = """
coexsim: 1
domain: corporate.com
dns: {corporate.com: "@ IN MX 10 mail\\nmail IN A 192.0.2.10"}
servers:
  onprem: {kind: postfix, host: mail.corporate.com, smtpd_recipient_limit: 1}
  external: {kind: external, domain: otherdomain.com}
directory: {people: {one: {mail_file: onprem}, two: {mail_file: onprem}}}
"""


def test_who_was_refused_for_good_does_not_keep_others_from_being_tried_again() -> None:
    """One is taken, one unknown, one told to come later (RFC 5321 section 4.5.3.1.10): the last one is delivered with the next attempt."""
    result = trace(Setup(scenario_from_text(ONE_POSTFIX)), OUTSIDE, ["one", "nobody@corporate.com", "two"])

    assert [recipient.outcome for recipient in result.recipients] == ["delivered", "bounced", "delivered"]


def test_a_client_without_a_server_is_told_the_best_host() -> None:
    """Found by MX, no host has a server: the one that was to be tried first is named."""
    zone = "dns:\n  corporate.com: |\n    @ IN MX 10 one\n    @ IN MX 20 two\n    one IN A 192.0.2.201\n    two IN A 192.0.2.202\n"
    result = go(zone, OUTSIDE, DU1, via_mx=True)

    assert told(result)[0] == "refused_to_client"
    assert "one.corporate.com" in str(result.recipients[0].end.reply)


@pytest.mark.parametrize(
    ("accepted", "command", "sent"),
    [(True, "rcpt", True), (False, "rcpt", False), (False, "data", True), (False, "mail", False)],
)
def test_a_body_is_sent_where_somebody_was_taken_or_it_was_refused(
    accepted: bool, command: Command, sent: bool
) -> None:
    """After DATA (RFC 5321 section 3.3): not where all recipients were refused before."""
    refusal = Refusal(Rcpt(DU2), Reply(550, "5.1.1", "no"), command, "rule")

    assert Reception((Rcpt(DU1),) if accepted else (), (refusal,)).body_sent == sent


AS_PUBLISHED = {
    (name, cause) for name in ("exchange", "exchange-2016") for cause in ("tls-not-offered", "expired")
}  # 451 5.7.3 and 550 4.4.7: both were seen so


def test_a_reply_s_code_is_one_of_smtp_and_of_the_class_of_its_enhanced_code() -> None:
    """RFC 5321 section 4.2.3, RFC 7504 (556) and RFC 4954 (530); 551 is for servers that tell another address, which none here does.
    RFC 2034 section 4: both codes are of one class.
    """
    known = {421, 450, 451, 452, 454, 501, 530, 550, 552, 553, 554, 556}
    for cause in COMMON:
        for product in REPLIES:
            said = reply(product, cause)
            assert said.code in known, (product, cause)
            if (product, cause) not in AS_PUBLISHED:
                assert said.enhanced[0] == str(said.code)[0], (product, cause)


@pytest.mark.parametrize(
    ("members", "outcome"), [(MOST_ADDRESSES, "delivered"), (MOST_ADDRESSES + 1, "deferred_in_queue")]
)
def test_a_group_is_expanded_to_a_thousand_addresses(members: int, outcome: str) -> None:
    """virtual_alias_expansion_limit (postconf(5)): as many; with more the message is deferred."""
    people = ", ".join(f"p{n}: {{mail_file: onprem}}" for n in range(members))
    named = ", ".join(f"p{n}" for n in range(members))
    text = ONE_POSTFIX.replace(", smtpd_recipient_limit: 1", "").replace("two: {mail_file: onprem}", people)
    result = trace(
        Setup(scenario_from_text(text[:-2] + f", groups: {{all: [{named}]}}}}\n")), OUTSIDE, "all@corporate.com"
    )

    assert result.outcome == outcome


@pytest.mark.parametrize(("aliases", "outcome"), [(MOST_STEPS, "delivered"), (MOST_STEPS + 1, "deferred_in_queue")])
def test_aliases_lead_over_a_thousand_others(aliases: int, outcome: str) -> None:
    """virtual_alias_recursion_limit (postconf(5)): one leads to the next as often; where it goes on, the message is deferred."""
    maps = ", ".join(f"a{n}@corporate.com: a{n + 1}@corporate.com" for n in range(aliases - 1))
    text = ONE_POSTFIX.replace(
        "smtpd_recipient_limit: 1",
        f"virtual_alias_maps: {{{maps}, a{aliases - 1}@corporate.com: two@corporate.com}}",
    )

    assert trace(Setup(scenario_from_text(text)), OUTSIDE, "a0@corporate.com").outcome == outcome


@pytest.mark.parametrize("kind", ["postfix", "exim"])
def test_a_list_of_internal_senders_is_refused_at_rcpt(kind: str) -> None:
    """A condition of the recipient's check, so the client is told, for its one recipient, and no message is taken that bounces later."""
    text = ONE_POSTFIX.replace("kind: postfix", f"kind: {kind}").replace(", smtpd_recipient_limit: 1", "")
    setup = Setup(scenario_from_text(text[:-2] + ", groups: {all: [two]}, internal_only: [all]}\n"))
    said = receive(setup, "onprem", "outside", Envelope(OUTSIDE, (Rcpt("all@corporate.com"),)))

    assert [each.reply.enhanced for each in said.refused] == ["5.7.1"]


def test_who_retries_like_exchange_gives_messages_fifteen_minutes() -> None:
    """A message that was told to come later, its queue being well [MS-INT]."""
    text = ONE_POSTFIX.replace("smtpd_recipient_limit: 1", "retry: {like: exchange}")

    assert retry_of(scenario_from_text(text), "onprem").message_gap_s == 900


@pytest.mark.parametrize(
    ("set_here", "server"), [("", "inotes-inbound"), ("forwarding: {iUser2: dUser1@corporate.com}", "onprem")]
)
def test_a_mailbox_forwards_as_it_is_set_there(set_here: str, server: str) -> None:
    """Each mailbox of the service by its own setting: iUser1's says nothing of iUser2's mail."""
    keys = "servers: {inotes-inbound: {forwarding: {iUser1: dUser2@corporate.com}}}"
    result = go(
        keys.replace("forwarding: {", "forwarding: {iUser2: dUser1@corporate.com, ") if set_here else keys, OUTSIDE, IU2
    )

    assert result.recipients[0].servers[-1] == server


def test_domino_follows_what_the_person_document_of_a_hosted_user_says() -> None:
    """A forwarding address to a colleague here: Domino obeys it, though the mail file is at the service."""
    changes = "directory: {people: {iUser1: {mail_file: inotes-inbound, forwarding_address: dUser1@corporate.com}}}\n"

    assert go(changes, OUTSIDE, IU1).recipients[0].servers == ("external", "onprem")


def test_entries_of_a_zone_may_go_over_lines() -> None:
    """RFC 1035 section 5.1: parentheses group lines, but not within quotes or comments; a fault is told at the entry's first line."""
    text = (
        "@ IN SOA ns h ( 1 ; first )\n  1h 15m\n  1w 30m ) ; done (\n"
        'a IN TXT "( \\" ("\n'
        'b IN TXT ( "one"\n  "two" )\nc IN A 192.0.2.1\nd IN A ( nonsense\n )\ne IN A 192.0.2.5'
    )
    zone, faults = read_zone(text, "a.example")

    assert sorted(str(name.labels[0], "ascii") for name in zone.names) == ["a", "a", "b", "c", "e"]
    assert [fault.line for fault in faults] == [8]
    assert [fault.line for fault in read_zone("a IN A 192.0.2.1\nb IN A ( 192.0.2.2\n", "a.example")[1]] == [2]


@pytest.mark.parametrize(
    ("start", "day"), [("Mon 08:00", "Mon, 01 Jan"), ("Tue 08:00", "Tue, 02 Jan"), ("08:00", "Mon, 01 Jan")]
)
def test_a_run_without_a_day_begins_on_monday(start: str, day: str) -> None:
    """Dates in notices are of a made-up week."""
    result = go(f"run: {{start: {start}}}", OUTSIDE, NOBODY)

    assert (
        f"Date: {day}" in dsn_message(article_with(f"run: {{start: {start}}}"), result, result.notices[0]).as_string()
    )


def test_one_refusal_after_the_body_is_enough_for_it_to_have_been_sent() -> None:
    """One is refused at RCPT, the other after DATA."""
    refused = [Refusal(Rcpt(DU2), Reply(550, "5.1.1", "no"), command, "rule") for command in ("rcpt", "data")]

    assert Reception((), tuple(refused)).body_sent


def test_exim_says_later_where_its_own_set_up_leads_nowhere() -> None:
    """A route to a smart host that does not exist is a fault here, not the recipient's: 451, not the 550 of the lookup."""
    exim = ONE_POSTFIX.replace(
        "kind: postfix, host: mail.corporate.com, smtpd_recipient_limit: 1",
        "kind: exim, host: mail.corporate.com, relay_to_domains: [far.example], smart_host_for_others: '[typo.far.example]', "
        "verify_recipient: route",
    )
    said = receive(
        Setup(scenario_from_text(exim)), "onprem", "outside", Envelope(OUTSIDE, (Rcpt("x@far.example"),))
    ).refused[0]

    assert said.reply.code == 451
    assert said.reply.enhanced.startswith("4")


def test_postfix_says_what_its_probe_met_as_a_temporary_failure() -> None:
    """A relayhost that does not exist is a fault here: 451 and a code of class 4 in what the client is told, not the 550 of the lookup."""
    text = ONE_POSTFIX.replace(
        "smtpd_recipient_limit: 1",
        "relay_domains: [far.example], relayhost: '[typo.far.example]', reject_unverified_recipient: true",
    )
    said = receive(
        Setup(scenario_from_text(text)), "onprem", "outside", Envelope(OUTSIDE, (Rcpt("x@far.example"),))
    ).refused[0]

    assert said.reply.code == 450
    assert "451 4." in said.reply.text


@pytest.mark.parametrize("person", ["{mail_file: onprem}", "{mail_file: other}"])
def test_exim_relays_all_of_a_domain_that_it_relays_to(person: str) -> None:
    """A domain of relay_to_domains is not local: nobody in it is delivered or looked up here, not even who has a mail file here, and any
    route leads on, that to a smart host for all domains too.
    """
    exim = (
        ONE_POSTFIX.replace(
            "kind: postfix, host: mail.corporate.com, smtpd_recipient_limit: 1",
            "kind: exim, host: mail.corporate.com, local_domains: [own.example], relay_to_domains: [corporate.com], "
            "smart_host_for_others: '[hub.far.example]', verify_recipient: route}\n"
            "  other: {kind: postfix, host: hub.far.example, mydestination: [corporate.com]",
        )
        .replace("dns: {", 'dns: {far.example: "hub IN A 192.0.2.20", ')
        .replace("two: {mail_file: onprem}", f"x: {person}")
    )
    route = trace(Setup(scenario_from_text(exim)), OUTSIDE, "x@corporate.com")

    assert route.recipients[0].servers == ("external", "onprem", "other")


def test_exim_looks_up_mx_only_of_hosts_that_say_so() -> None:
    """``hub/MX : backup`` (Exim specification, manualroute): MX records of the first, addresses of the second, which comes after it."""
    exim = ONE_POSTFIX.replace(
        "kind: postfix, host: mail.corporate.com, smtpd_recipient_limit: 1",
        "kind: exim, host: mail.corporate.com, smart_host_for_others: 'hub.far.example/MX : backup.far.example'",
    )
    route = Setup(scenario_from_text(exim)).policies["onprem"].route_for("x@elsewhere.example", 0)
    hop = route.hop if route else None

    assert hop is not None
    assert [(each.name, each.by_mx) for each in (hop, *hop.others)] == [
        ("hub.far.example", True),
        ("backup.far.example", False),
    ]


def test_exim_asks_nothing_of_who_is_in_a_domain_that_it_relays_to() -> None:
    """Somebody who forwards, and nobody at all, both go on to the hub: it is the hub that forwards, and that knows no such user."""
    exim = (
        ONE_POSTFIX.replace(
            "kind: postfix, host: mail.corporate.com, smtpd_recipient_limit: 1",
            "kind: exim, host: mail.corporate.com, local_domains: [own.example], relay_to_domains: [corporate.com], "
            "smart_host_for_others: '[hub.far.example]', verify_recipient: off}\n"
            "  other: {kind: postfix, host: hub.far.example, mydestination: [corporate.com]",
        )
        .replace("dns: {", 'dns: {far.example: "hub IN A 192.0.2.20", ')
        .replace("two: {mail_file: onprem}", "x: {mail_file: other, forwarding_address: y@otherdomain.com}")
    )
    setup = Setup(scenario_from_text(exim))

    for name in ("x", "nobody"):
        assert not receive(setup, "onprem", "outside", Envelope(OUTSIDE, (Rcpt(f"{name}@corporate.com"),))).refused
    assert trace(setup, OUTSIDE, "x@corporate.com").recipients[0].servers[:3] == ("external", "onprem", "other")


@pytest.mark.parametrize(
    ("zone", "sender_told", "recipient_told"),
    [
        ("", (450, "4.1.8"), (450, "4.1.2")),
        ("far.example: {fault: servfail}, ", (450, "4.1.8"), (450, "4.1.2")),
        ('far.example: "@ IN MX 0 .", ', (550, "5.7.27"), (556, "5.1.10")),
    ],
)
def test_a_domain_that_is_not_in_dns_may_be_there_later(
    zone: str, sender_told: tuple[int, str], recipient_told: tuple[int, str]
) -> None:
    """postconf(5), unknown_address_reject_code: 450 unless changed, and always after an error of DNS; a null MX is for good (RFC 7505)."""
    for whose, sender, recipient, expected in (
        ("sender", "x@far.example", "one@corporate.com", sender_told),
        ("recipient", "one@corporate.com", "x@far.example", recipient_told),
    ):
        postfix = ONE_POSTFIX.replace("smtpd_recipient_limit: 1", f"reject_unknown_{whose}_domain: enabled")
        setup = Setup(scenario_from_text(postfix.replace("dns: {", "dns: {" + zone)))
        said = trace(setup, sender, recipient).recipients[0].end.reply

        assert said is not None
        assert (said.code, said.enhanced) == expected


def test_exchange_online_blocks_at_its_edge() -> None:
    """[MS-DBEB]: on by default for accepted domains that are authoritative; of a service that nothing is known of, 5.1.1."""
    codes = [
        told(
            go(
                f"servers: {{inotes-inbound: {{provider: {provider}}}}}",
                OUTSIDE,
                NOBODY,
                server="inotes-inbound",
                client="outside",
            )
        )[3]
        for provider in ("exchange-online", "other")
    ]

    assert codes == ["5.4.1", "5.1.1"]


@pytest.mark.parametrize(("provider", "limit"), [("exchange-online", 9_000_000), ("other", None)])
def test_a_known_service_s_limit_is_of_both_its_servers(provider: str, limit: int | None) -> None:
    """Said once, at the inbound server; of a service that nothing is known of, each server says its own."""
    keys = f"servers: {{inotes-inbound: {{provider: {provider}, max_message_size: 9 MB}}, inotes-outbound: {{provider: {provider}}}}}"

    assert article_with(keys).policies["inotes-outbound"].max_size_bytes == limit


def test_a_connector_leads_to_a_smart_host_or_by_mx() -> None:
    """Its route is a smart host's where it names one."""
    keys = (
        "servers: {inotes-inbound: {connectors: [{name: a, address_spaces: [one.example], smart_hosts: ['[192.0.2.10]']}, "
        "{name: b, address_spaces: [two.example]}]}}"
    )
    routes = {route.pattern: route.to_smart_host for route in article_with(keys).policies["inotes-inbound"].routes}

    assert (routes["one.example"], routes["two.example"]) == (True, False)
