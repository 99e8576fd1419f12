"""Postfix's access tables, beyond the public cases: which entry is found, what its action says, and on whose mail it acts (access(5))."""

from __future__ import annotations

import pytest

from coexsim.audit.check import check
from coexsim.errors import ScenarioError
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.mail.traced import RecipientRoute
from coexsim.scenario.load import scenario_from_text

SET_UP = """
coexsim: 1
domain: smallco.net
dns: {smallco.net: "@ 1h IN MX 10 mx\\nmx 1h IN A 192.0.2.10\\n"}
servers:
  mx: {kind: postfix, host: mx.smallco.net, recipient_delimiter: "+", virtual_alias_maps: {team@smallco.net: [anna@smallco.net]}, MORE}
  world: {kind: external, domain: elsewhere.org}
directory: {people: {anna: {mail_file: mx}, bob: {mail_file: mx}, keep: {mail_file: mx}}}
"""


def routes(more: str, sender: str, *to: str) -> tuple[RecipientRoute, ...]:
    """Mail to recipients of a server with more keys."""
    return trace(Setup(scenario_from_text(SET_UP.replace("MORE", more))), sender, list(to)).recipients


@pytest.mark.parametrize(
    ("entry", "code", "text"),
    [
        ("anna@smallco.net: REJECT", "554 5.7.1", "Access denied"),
        ("anna@smallco.net: reject no such luck", "554 5.7.1", "no such luck"),
        ("anna@smallco.net: REJECT 5.2.1 closed", "554 5.2.1", "closed"),
        ("anna@smallco.net: 550 5.1.1 gone", "550 5.1.1", "gone"),
        ("anna@smallco.net: 550 5.1.8 gone", "550 5.1.2", "gone"),
        ("smallco.net: 521 none of us", "521 5.7.1", "none of us"),
        (".net: 550 by the parent", "550 5.7.1", "by the parent"),
        ("anna@: 550 whatever the domain", "550 5.7.1", "whatever the domain"),
        ("anna@smallco.net: OK, smallco.net: REJECT", "", ""),
        ("anna@smallco.net: DUNNO, smallco.net: REJECT", "", ""),
        ('anna@smallco.net: "550"', "", ""),
        ("bob@smallco.net: REJECT", "", ""),
        ("team@smallco.net: REJECT", "", ""),
    ],
)
def test_the_most_specific_entry_says_what_is_refused(entry: str, code: str, text: str) -> None:
    """Address, domain, parents, user@; a number alone is OK; the codes of senders and recipients are told apart (smtpd_dsn_fix.c)."""
    (anna,) = routes(f"check_recipient_access: {{{entry}}}", "x@elsewhere.org", "anna+tag")

    assert (anna.outcome == "delivered") == (not code)
    assert code in str(anna.reply)
    assert text in str(anna.reply)


@pytest.mark.parametrize(("of", "outcome"), [("outside", "delivered"), ("everyone", "refused_to_client")])
@pytest.mark.parametrize("table", ["check_recipient_access", "check_sender_access"])
def test_own_clients_are_asked_where_the_table_stands_before_what_permits_them(
    table: str, of: str, outcome: str
) -> None:
    """check_..._access behind permit_mynetworks is not come to (SMTPD_ACCESS_README)."""
    (anna,) = routes(f"{table}: {{smallco.net: REJECT}}, {table}_of: {of}", "bob", "anna")

    assert anna.outcome == outcome


def test_an_empty_sender_has_a_key_of_its_own() -> None:
    """smtpd_null_access_lookup_key, <> (postconf(5)); nobody is told then."""
    (notice,) = routes('check_sender_access: {"<>": DISCARD}', "", "anna")
    assert notice.outcome == "discarded"
    assert routes('check_sender_access: {"<>": DISCARD}', "x@elsewhere.org", "anna")[0].outcome == "delivered"


@pytest.mark.parametrize(
    ("more", "ends"),
    [
        ("check_recipient_access: {bob@smallco.net: HOLD}", ["deferred_in_queue", "deferred_in_queue"]),
        ("check_recipient_access: {bob@smallco.net: DISCARD}", ["discarded", "discarded"]),
        ("check_recipient_access: {bob@smallco.net: HOLD}, check_sender_access: {elsewhere.org: DISCARD}", ["discarded"] * 2),
        ("check_recipient_access: {bob@smallco.net: REJECT}", ["delivered", "bounced"]),
        ("check_recipient_access: {bob@smallco.net: REJECT}, check_sender_access: {elsewhere.org: DISCARD}", ["discarded"] * 2),
    ],
)  # fmt: skip
def test_actions_are_on_the_message_and_refusals_on_the_recipient(more: str, ends: list[str]) -> None:
    """Access(5): HOLD and DISCARD affect all recipients of the message; what is discarded is taken whatever else is said."""
    assert [route.outcome for route in routes(more, "x@elsewhere.org", "anna", "bob")] == ends


def test_of_several_redirections_the_last_one_stands_and_makes_one_message() -> None:
    """Access(5): "When multiple REDIRECT actions fire, only the last one takes effect"; one copy for all (qmgr_message.c)."""
    tables = (
        "check_sender_access: {elsewhere.org: REDIRECT anna@smallco.net}, "
        "check_recipient_access: {bob@smallco.net: REDIRECT keep@smallco.net}"
    )
    anna, bob = routes(tables, "x@elsewhere.org", "anna", "bob")
    assert {copy.address for route in (anna, bob) for copy in route.copies} == {"keep@smallco.net"}
    assert len({id(copy) for route in (anna, bob) for copy in route.copies}) == 1

    (anna,) = routes(tables, "x@elsewhere.org", "anna")
    assert [copy.address for copy in anna.copies] == ["anna@smallco.net"]


def test_a_redirection_follows_no_alias() -> None:
    """Access(5), note 2: "NOT subject to ... virtual alias mapping": where only the alias is known, the mail bounces."""
    (bob,) = routes("check_recipient_access: {bob@smallco.net: REDIRECT team@smallco.net}", "x@elsewhere.org", "bob")
    assert (bob.outcome, bob.code) == ("bounced", "5.1.1")


def test_a_copy_by_an_entry_goes_beside_the_message() -> None:
    """BCC, since Postfix 3.0."""
    (bob,) = routes("check_recipient_access: {bob@smallco.net: BCC keep@smallco.net}", "x@elsewhere.org", "bob")
    assert sorted(copy.address for copy in bob.copies) == ["bob@smallco.net", "keep@smallco.net"]


def test_what_waits_is_not_acted_on_again() -> None:
    """A group leads to anna, whose entry is asked of the envelope as it came: not when the mail, on its way to the relay, is tried anew."""
    text = SET_UP.replace(
        "MORE", "smart_host: '[late.smallco.net]', check_recipient_access: {anna@smallco.net: DISCARD}"
    )
    text = text.replace("mx 1h IN A 192.0.2.10", "mx 1h IN A 192.0.2.10\\nlate 1h IN A 192.0.2.11")
    text = text.replace("servers:", "servers:\n  late: {kind: postfix, host: late.smallco.net}").replace(
        "anna: {mail_file: mx}", "anna: {mail_file: late}"
    )
    scenario = scenario_from_text(text + "events: [{at: 0 s, for: 10 min, down: late}]\n")
    (team,) = trace(Setup(scenario), "x@elsewhere.org", "team@smallco.net").recipients

    assert team.deferrals
    assert team.outcome == "delivered"


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("REDIRECT", "needs an address"),
        ("BCC nobody", "needs an address"),
        ("FILTER scan", "needs a transport and a host"),
        ("insiders_only", "is no action of an access table that is known here"),
    ],
)
def test_an_action_that_is_not_known_is_an_error(action: str, said: str) -> None:
    """What the entry would need, or which actions there are."""
    with pytest.raises(ScenarioError, match=said):
        routes(f"check_recipient_access: {{anna@smallco.net: {action}}}", "x@elsewhere.org", "anna")


def test_a_redirection_outside_is_told_as_mail_that_keeps_its_sender() -> None:
    """Who takes it there checks the sender's SPF against this server (RFC 7208, 10.3); inside it is nobody's business."""
    inside, outside = (
        scenario_from_text(SET_UP.replace("MORE", f"check_recipient_access: {{bob@smallco.net: REDIRECT {to}}}"))
        for to in ("keep@smallco.net", "keep@elsewhere.org")
    )
    assert ["FORWARDED-UNREWRITTEN" in {f.code for f in check(each).findings} for each in (inside, outside)] == [
        False,
        True,
    ]
