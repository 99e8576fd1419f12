"""What a trace says where mail is sent on: forwarding as a step of its own words, a product's table by the product's name for it."""

from __future__ import annotations

import pytest

from coexsim.audit.check import check
from coexsim.cli import run
from coexsim.mail.dsn import dsn_message
from coexsim.mail.setup import Setup
from coexsim.mail.trace import Route, trace
from coexsim.scenario.init import scenario_text
from coexsim.scenario.load import changed, scenario_from_text
from coexsim.scenario.model import Scenario

PEOPLE = {
    "ann": {"mail_file": "onprem"},
    "ida": {"mail_system": "other-internet-mail"},
    "jim": {"mail_system": "other-internet-mail"},
    "bob": {"mail_file": "onprem"},
    "fred": {"mail_file": "onprem", "forwarding_address": "fred@elsewhere.org"},
    "both": {"mail_file": "onprem", "forwarding_address": "fred@elsewhere.org", "keep_copy": True},
    "gone": {"mail_system": "none", "forwarding_address": "fred@elsewhere.org"},
    "one": {"mail_file": "onprem", "forwarding_address": "two@acme.com"},
    "two": {"mail_file": "onprem", "forwarding_address": "one@acme.com"},
}
SOMEBODY = "someone@elsewhere.org"


def scenario_of(kind: str) -> Scenario:
    """One to begin with, and these people."""
    text = scenario_text(kind, "acme.com", 3, 2, "20 Mbit/s")
    return changed(scenario_from_text(text), {"directory.people": PEOPLE})


def reasons(route: Route) -> str:
    """All reasons of all hops."""
    return "\n".join(hop.reason for recipient in route.recipients for copy in recipient.copies for hop in copy.hops)


@pytest.mark.parametrize("kind", ["article", "exchange-hybrid", "postfix-split"])
def test_forwarding_is_told(kind: str) -> None:
    """From whom to whom, at the server that does it, also beside a copy that stays; of others there is no such word."""
    setup = Setup(scenario_of(kind))
    for name in ("fred", "both"):
        route = trace(setup, SOMEBODY, name)
        assert f"forwarding: mail for {name}@acme.com goes on to fred@elsewhere.org; " in reasons(route)
        assert route.recipients[0].outcome == "delivered"
    assert "forwarding" not in reasons(trace(setup, SOMEBODY, "ann"))


def test_a_record_without_mail_is_told_as_there() -> None:
    """It was told as if there were none."""
    setup = Setup(scenario_of("article"))
    assert "Person record for gone@acme.com found, whose mail_system is none" in reasons(trace(setup, SOMEBODY, "gone"))
    assert "no Person record for nobody@acme.com" in reasons(trace(setup, "ann", "nobody"))


@pytest.mark.parametrize("kind", ["article", "exchange-hybrid", "postfix-split"])
def test_a_circle_of_forwarding_has_its_own_advice(kind: str) -> None:
    """Not to give the mailbox a server: it has one."""
    told = [each.text for each in check(scenario_of(kind)).findings if each.where == "directory.people.one"]
    assert any("lead round in a circle: change one of them" in text for text in told)
    assert not any("give the mailbox a server" in text for text in told)


GATEWAY = """
coexsim: 1
domain: acme.com
dns: {acme.com: "@ 1h IN MX 10 gw"}
servers:
  gw: {kind: KIND, host: gw.acme.com, address: 192.0.2.9, TABLE}
  onprem: {kind: relay, host: mail.acme.com, address: 192.0.2.10, relay_domains: [acme.com]}
  outside: {kind: external, domain: elsewhere.org}
"""


@pytest.mark.parametrize(
    ("kind", "table", "told"),
    [
        ("exim", 'relay_to_domains: [acme.com], route_list: {acme.com: "192.0.2.10"}', "route_list says so"),
        (
            "postfix",
            'relay_domains: [acme.com], reject_unlisted_recipient: false, transport: {acme.com: "smtp:[192.0.2.10]"}',
            "the transport table says so",
        ),
        (
            "postfix",
            'virtual_mailbox_domains: [acme.com], reject_unlisted_recipient: false, virtual_transport: "smtp:[192.0.2.10]"',
            "virtual_transport says so",
        ),
    ],
)
def test_a_table_is_called_as_the_product_calls_it(kind: str, table: str, told: str) -> None:
    """Exim has no transport table."""
    setup = Setup(scenario_from_text(GATEWAY.replace("KIND", kind).replace("TABLE", table)))
    assert told in reasons(trace(setup, SOMEBODY, "ann@acme.com", server="gw", client="outside"))


def test_a_notice_of_the_world_outside_has_a_host_name() -> None:
    """Not the server's name in the scenario, which no mail program would write."""
    setup = Setup(scenario_of("article"))
    route = trace(setup, "ann", "nobody@nowhere.example")
    [notice] = route.notices or trace(setup, SOMEBODY, "nobody@nowhere.example").notices
    assert "@external" not in dsn_message(setup, route, notice).as_string()
    outside = trace(setup, SOMEBODY, "nobody")
    assert "mail.elsewhere.org" in dsn_message(setup, outside, outside.notices[0]).as_string()


def test_an_empty_sender_is_no_null_sender(capsys: pytest.CaptureFixture[str]) -> None:
    """A shell's variable that is not set: exit code 2, and how the null sender is written."""
    assert run(["trace", "scenarios/article/environment.yaml", "", "iUser1"]) == 2
    assert "SENDER is empty; write an address or a name, or '<>' for the null sender" in capsys.readouterr().err
