"""A copy of every message for an archive, in time: the same in both engines, and one more recipient a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.mail.trace import trace
from coexsim.scenario.load import scenario_from_text
from tests.engine.both import assert_same, compiled, reference

COPIED = """
coexsim: 1
domain: smallco.net
sites: [office, internet]
links: [{between: [office, internet], round_trip: 20 ms}]
dns: {smallco.net: "@ 1h IN MX 10 mx\\nmx 1h IN A 192.0.2.10\\nstore 1h IN A 192.0.2.11"}
servers:
  mx: {kind: postfix, site: office, host: mx.smallco.net, always_bcc: all@store.smallco.net}
  store: {kind: postfix, site: office, host: store.smallco.net, virtual_mailbox_domains: [store.smallco.net]}
  world: {kind: external, site: internet, domain: elsewhere.org, mailboxes: [somebody]}
directory:
  master: mx
  population: {onprem: 20}
  people: {all: {mail_file: store, internet_address: all@store.smallco.net}}
load:
  streams:
    - {from: internet, to: onprem, rate: 2/min}
    - {from: onprem, to: internet, rate: 1/min}
    - {from: onprem, to: onprem, rate: 1/min}
run: {start: Mon 09:00, length: 1 h}
"""


def test_what_waits_is_copied_once() -> None:
    """postconf(5): the copy is made as a message comes into the queue, not at each attempt; the same by `trace`, behind a greylist."""
    scenario = scenario_from_text(COPIED).change({"servers.world.greylisting": {"delay": "20 min"}})
    slow, fast = reference(scenario), compiled(scenario)
    without = reference(scenario.change({"servers.mx.always_bcc": None}))
    walk = trace(scenario, "all@store.smallco.net", "somebody@elsewhere.org", server="mx")

    assert_same(slow, fast)
    assert (slow.mail["attempts"] > 1).any()
    assert int((slow.visits["server"] == "store").sum()) == without.mail["born_s"].nunique()
    assert len(walk.recipients[0].deferrals) > 1
    assert [copy.servers for copy in walk.recipients[0].copies].count(("mx", "store")) == 1


@pytest.mark.parametrize(
    ("box", "down"),
    [
        ({"over_quota": True}, []),
        ({"mail_file": "mx"}, []),
        ({"forwarding_address": "a@nowhere.elsewhere.org"}, []),
        ({}, ["store"]),
    ],
)
def test_nobody_is_told_of_a_copy_that_fails_or_waits(box: dict[str, object], down: list[str]) -> None:
    """Postconf(5), always_bcc: as if added with NOTIFY=NONE. Who wrote the mail is told of its recipients alone."""
    person = {"mail_file": "store", "internet_address": "all@store.smallco.net"} | box
    scenario = scenario_from_text(COPIED).change(
        {
            "directory.people": {"all": person, "anna": {"mail_file": "mx"}},
            "servers.mx.delay_warning_time": "1 h",
            "servers.mx.maximal_queue_lifetime": "4 h",
            "events": [{"at": "Mon 09:00", "for": "12 h", "down": down}] if down else [],
        }
    )
    slow, fast = reference(scenario), compiled(scenario)
    walk = trace(scenario, "anna@smallco.net", "somebody@elsewhere.org")

    assert_same(slow, fast)
    assert set(slow.mail["outcome"]) == {"delivered", "expired" if down else "bounced"}
    assert set(slow.mail["kind"]) == {"mail"}
    assert (walk.outcome, walk.notices) == ("delivered", ())


JOURNALED = """
extends: ../../scenarios/modern/exchange-hybrid-centralised.yaml
servers:
  exo-inbound: {journal_to: vault@fabrikam.com}
  onprem: {journal_to: JOURNAL}
directory: {population: {hosted: 20}}
messages: [{from: anna@contoso.com, to: arno@contoso.com}]
load: {streams: [{from: internet, to: hosted, rate: 4/min}, {from: hosted, to: internet, rate: 2/min}]}
run: {start: Mon 09:00, length: 30 min}
"""


@pytest.mark.parametrize(("onprem", "copies"), [("null", 1), ("store@fabrikam.com", 2)])
def test_a_journal_rule_copies_once_in_its_organisation(onprem: str, copies: int) -> None:
    """Mail from outside to a cloud mailbox passes the cloud twice under centralised transport, and is journaled there once.

    Where on-premises has a rule too, that makes another (Set-TransportConfig, PreventDuplicateJournalingEnabled: both agents report).
    """
    scenario = scenario_from_text(JOURNALED.replace("JOURNAL", onprem), base=Path(__file__).parent)
    slow, fast = reference(scenario), compiled(scenario)
    walk = trace(scenario, "someone@fabrikam.com", "ines@contoso.com")

    assert_same(slow, fast)
    assert walk.servers == ("external", "exo-inbound", "onprem", "exo-inbound")
    assert sum(copy.address.endswith("@fabrikam.com") for copy in walk.recipients[0].copies) == copies


def test_copies_by_sender_and_by_recipient() -> None:
    """postconf(5): one for each sender or recipient of the table, whose address in the envelope counts; one copy where two would be alike.

    Mail of others, mail for others and notices are not copied.
    """
    tables = {
        "servers.mx.always_bcc": None,
        "servers.mx.sender_bcc_maps": {"anna@smallco.net": "all@store.smallco.net"},
        "servers.mx.recipient_bcc_maps": {"anna": "all@store.smallco.net", "@elsewhere.org": "all@store.smallco.net"},
        "directory.people.anna": {"mail_file": "mx"},
        "directory.people.bert": {"mail_file": "mx", "aliases": ["bb"], "forwarding_address": "anna@smallco.net"},
    }
    scenario = scenario_from_text(COPIED).change(tables)

    def copied(sender: str, to: str) -> bool:
        routes = trace(scenario, sender, to).recipients
        return ["mx", "store"] in [list(copy.servers)[-2:] for route in routes for copy in route.copies]

    assert copied("anna@smallco.net", "bert@smallco.net")
    assert copied("x@elsewhere.org", "anna@smallco.net")
    assert copied("bert@smallco.net", "somebody@elsewhere.org")
    assert not copied("x@elsewhere.org", "bert@smallco.net"), "before aliases and forwarding"
    assert_same(reference(scenario), compiled(scenario))
    outwards = {"servers.mx.recipient_bcc_maps": {"@elsewhere.org": "all@store.smallco.net"}}
    out = reference(scenario.change(outwards | {"servers.mx.sender_bcc_maps": {}}))
    sent = out.mail[out.mail["flow"] == "onprem->internet"]["born_s"].nunique()
    assert int((out.visits["server"] == "store").sum()) == sent > 0


def test_every_message_has_one_more_recipient() -> None:
    """postconf(5), always_bcc; the store gets as many messages as there are."""
    scenario = scenario_from_text(COPIED)
    slow, fast = reference(scenario), compiled(scenario)
    without = reference(scenario.change({"servers.mx.always_bcc": None}))

    assert_same(slow, fast)
    assert (slow.mail["outcome"] == "delivered").all()
    sessions = {
        name: int((results.visits["server"] == "store").sum())
        for name, results in (("with", slow), ("without", without))
    }
    assert sessions == {"with": without.mail["born_s"].nunique(), "without": 0}


def test_the_archive_s_copy_decides_nothing_about_a_recipient() -> None:
    """Its way is not the recipient's, and where it fails the recipient still got the mail."""
    scenario = scenario_from_text(COPIED)
    fine = trace(scenario, "onprem1@smallco.net", "somebody@elsewhere.org").recipients[0]
    lost = trace(
        scenario.change({"servers.mx.always_bcc": "gone@store.smallco.net"}),
        "onprem1@smallco.net",
        "somebody@elsewhere.org",
    ).recipients[0]

    assert (fine.outcome, fine.servers, fine.end.address) == ("delivered", ("mx", "world"), "somebody@elsewhere.org")
    assert [copy.is_archive for copy in fine.copies].count(True) == 1
    assert (lost.outcome, lost.servers) == ("delivered", ("mx", "world"))
    assert [copy.outcome for copy in lost.copies if copy.is_archive] == ["bounced"]


def test_who_is_named_gets_the_archive_s_copy_besides() -> None:
    """Seen with Postfix 3.7.11 (``tests/intake/lab-maps``): a message for the archive itself is delivered to it twice."""
    scenario = scenario_from_text(COPIED)
    walk = trace(scenario, "somebody@elsewhere.org", "all@store.smallco.net", server="mx", client="own-user")

    assert [copy.outcome for copy in walk.recipients[0].copies] == ["delivered", "delivered"]
    named = scenario.change(
        {"messages": [{"from": "somebody@elsewhere.org", "to": "all@store.smallco.net"}], "load": None}
    )
    assert_same(reference(named), compiled(named))
