"""Mail passes a third site only where that is asked to carry it, or nothing else joins two sites: in rules and in both engines."""

from __future__ import annotations

import pytest

from coexsim.errors import ScenarioError
from coexsim.mail.trace import trace
from coexsim.mail.ways import Ways
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario
from tests.engine.both import assert_same, compiled, reference

TEXT = """
coexsim: 1
domain: corp.net
sites: [office, cloud, internet]
links:
  - {between: [office, cloud], round_trip: 10 ms}
  - {between: [office, internet], round_trip: 60 ms}
  - {between: [cloud, internet], round_trip: 10 ms}
dns: {corp.net: "@ 1h IN MX 10 mail\\nmail 1h IN A 192.0.2.25"}
servers:
  onprem:
    kind: postfix
    site: office
    host: mail.corp.net
    mydestination: [corp.net]
  cloud-in: {kind: hosted-inbound, site: cloud, host: in.cloud-mail.net}
  world: {kind: external, site: internet, domain: elsewhere.org}
directory: {master: onprem, people: {ann: {mail_file: onprem}}, population: {onprem: 10}}
load: {streams: [{from: internet, to: onprem, rate: 6/min, arrivals: constant, sizes: 20 KB}]}
run: {start: Mon 09:00, length: 30 min}
events: [{down: office-internet, at: Mon 09:10, for: 10 min}]
"""


@pytest.fixture(scope="module")
def three() -> Scenario:
    """An office with a line to the Internet and one to a hosted service, which has its own line to the Internet."""
    return scenario_from_text(TEXT, "three.yaml")


def test_mail_does_not_go_round_through_the_hosted_service(three: Scenario) -> None:
    """No hosted service carries other people's traffic: with the office's Internet line cut mail from there waits. It may be asked to."""
    sender, recipient = "someone@elsewhere.org", "ann@corp.net"
    carried = three.change({"transit": ["cloud"]})

    assert trace(three, sender, recipient).outcome == "delivered"
    assert trace(three, sender, recipient, down=["office-internet"]).outcome == "deferred_in_queue"
    assert trace(carried, sender, recipient, down=["office-internet"]).outcome == "delivered"


@pytest.mark.parametrize(("transit", "waits"), [([], True), (["cloud"], False)])
def test_both_engines_wait_for_the_line(three: Scenario, transit: list[str], waits: bool) -> None:
    """Ten minutes of the line: what is sent meanwhile arrives after them, unless the service carries it."""
    spec = three.change({"transit": transit})
    slow, fast = reference(spec), compiled(spec)

    assert_same(slow, fast)
    meanwhile = slow.mail[(slow.mail["born_s"] >= 600) & (slow.mail["born_s"] < 1200)]
    assert len(meanwhile) > 50
    assert ((meanwhile["born_s"] + meanwhile["delay_s"] > 1200) == waits).all()


def test_two_sites_use_their_own_link_though_another_way_is_quicker(three: Scenario) -> None:
    """60 ms by their own link, 20 ms through the cloud's network, which does not carry it unless asked."""
    assert Ways(three).between("office", "internet") == ("office", "internet")
    assert Ways(three.change({"transit": ["cloud"]})).between("office", "internet") == ("office", "cloud", "internet")


def test_where_nothing_else_joins_two_sites_the_site_between_carries(three: Scenario) -> None:
    """Without a line of its own to the Internet the office has it through the cloud, as drawn; another site does not stand in for that."""
    chain = three.change(
        {"links": [link for link in _links(three) if link["between"] != ["office", "internet"]], "events": []}
    )
    branch = three.change(
        {
            "sites": ["office", "cloud", "internet", "branch"],
            "links": [
                *_links(chain),
                {"between": ["branch", "office"], "round_trip": "50 ms"},
                {"between": ["branch", "internet"], "round_trip": "50 ms"},
            ],
            "events": [],
        }
    )

    assert Ways(chain).between("office", "internet") == ("office", "cloud", "internet")
    assert Ways(branch).between("office", "internet", frozenset({"cloud-internet"})) is None
    ways = Ways(branch.change({"transit": ["branch"]}))
    assert ways.between("office", "internet", frozenset({"cloud-internet"})) == ("office", "branch", "internet")


def test_a_site_that_carries_exists(three: Scenario) -> None:
    """A slip of the pen is refused with what was meant."""
    with pytest.raises(ScenarioError, match=r"transit\[0\]: no site is called 'clowd'; did you mean 'cloud'"):
        three.change({"transit": ["clowd"]})


def _links(scenario: Scenario) -> list[dict[str, object]]:
    return [dict(link) for link in scenario.source.raw["links"]]
