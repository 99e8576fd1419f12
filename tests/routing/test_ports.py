"""Several listeners of one machine: a host that is named with a port leads to the server that listens there."""

from __future__ import annotations

import pytest

from coexsim.audit.check import check
from coexsim.experiment.run import simulate
from coexsim.mail.trace import trace
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario
from tests.engine.both import assert_engines_agree

FILTER = """
coexsim: 1
domain: corp.net
dns: {corp.net: "@ 1h IN MX 10 mail\\nmail 1h IN A 192.0.2.10\\nbox 1h IN A 192.0.2.20"}
servers:
  gateway:
    kind: postfix
    host: mail.corp.net
    virtual_mailbox_domains: []
    relay_domains: [corp.net]
    transport: {corp.net: "smtp:[127.0.0.1]:10024"}
  filter: {kind: relay, runs_on: gateway, port: 10024, smart_host: "[127.0.0.1]:10025"}
  after:
    kind: postfix
    runs_on: gateway
    port: 10025
    virtual_mailbox_domains: []
    relay_domains: [corp.net]
    transport: {corp.net: "smtp:[box.corp.net]:2525"}
  box: {kind: postfix, host: box.corp.net, port: 2525}
  world: {kind: external, domain: elsewhere.org}
directory: {master: box, people: {anna: {mail_file: box}}, population: {onprem: 30}}
load: {streams: [{from: internet, to: onprem, rate: 20/min}]}
run: {start: Mon 09:00, length: 10 min}
"""
"""A content filter after the queue, as FILTER_README has it, with a mail server that listens at a port of its own."""
ORDER = ["world", "gateway", "filter", "after", "box"]


@pytest.fixture
def filtered() -> Scenario:
    return scenario_from_text(FILTER, "filter.yaml")


def test_a_content_filter_hands_mail_back_at_another_port(filtered: Scenario) -> None:
    """FILTER_README, "Advanced content filter": in at port 25, to the filter at 10024, back at 10025; sent to oneself, and no loop."""
    route = trace(filtered, "x@elsewhere.org", "anna@corp.net").recipients[0]

    assert (route.outcome, list(route.servers)) == ("delivered", ORDER)


def test_the_same_port_is_a_loop() -> None:
    """Sent back to port 25 of the machine it is on, mail loops (Postfix, smtp_connect.c: loops are looked for at that port only)."""
    scenario = scenario_from_text(FILTER.replace("[127.0.0.1]:10024", "[mail.corp.net]"), "filter.yaml")

    assert trace(scenario, "x@elsewhere.org", "anna@corp.net").recipients[0].outcome != "delivered"


def test_a_port_at_which_nobody_listens_is_told(filtered: Scenario) -> None:
    """Without the server at 2525 mail goes to the one at port 25 of that host, with a note; with it there is none."""
    codes = {finding.code for finding in check(filtered).findings}
    other = scenario_from_text(FILTER.replace("port: 2525}", "port: 25}"), "filter.yaml")

    assert "HOST-PORT-LEFT-OUT" not in codes
    assert trace(other, "x@elsewhere.org", "anna@corp.net").recipients[0].outcome == "delivered"
    assert "HOST-PORT-LEFT-OUT" in {finding.code for finding in check(other).findings}


def test_port_25_is_not_another_port(filtered: Scenario) -> None:
    """An MX record leads to port 25: where a host listens at 2525 only, nobody answers there."""
    scenario = scenario_from_text(FILTER.replace("MX 10 mail", "MX 10 box"), "filter.yaml")

    assert trace(scenario, "x@elsewhere.org", "anna@corp.net").recipients[0].outcome != "delivered"


def test_ports_in_time(filtered: Scenario) -> None:
    """All of the mail passes four servers, three of them on one machine, in both engines alike."""
    mail = simulate(filtered, engine="reference").mail

    assert set(mail["outcome"]) == {"delivered"}
    assert set(mail["hops"]) == {4}
    assert_engines_agree(filtered)


def test_a_connector_of_exchange_has_a_port() -> None:
    """Set-SendConnector -Port: the gateway listens at 2526 for the organisation's own mail and at 25 for that of others."""
    text = """
coexsim: 1
domain: corp.net
dns: {corp.net: "@ 1h IN MX 10 gw\\ngw 1h IN A 192.0.2.10\\nex 1h IN A 192.0.2.20"}
servers:
  gw:
    kind: postfix
    host: gw.corp.net
    virtual_mailbox_domains: []
    relay_domains: [corp.net]
    transport: {corp.net: "smtp:[ex.corp.net]"}
  gw-out: {kind: postfix, runs_on: gw, port: 2526, virtual_mailbox_domains: [], relay_for: [ex]}
  ex:
    kind: exchange
    host: ex.corp.net
    accepted_domains: {corp.net: authoritative}
    send_connectors: [{name: out, address_spaces: ["*"], smart_hosts: [gw.corp.net], port: 2526}]
  world: {kind: external, domain: elsewhere.org}
directory: {people: {anna: {mail_file: ex}}}
"""
    scenario = scenario_from_text(text, "connector.yaml")
    out = trace(scenario, "anna@corp.net", "x@elsewhere.org").recipients[0]
    other = scenario_from_text(text.replace(", port: 2526}]", "}]"), "connector.yaml")

    assert (out.outcome, list(out.servers)) == ("delivered", ["ex", "gw-out", "world"])
    assert trace(other, "anna@corp.net", "x@elsewhere.org").recipients[0].outcome == "bounced"
