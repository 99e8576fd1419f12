"""Several hosts behind one transport or relay host of a Postfix, in time: the same in both engines."""

from __future__ import annotations

import pytest

from coexsim.scenario.load import scenario_from_text
from tests.engine.both import assert_same, compiled, reference

HOSTS = """
coexsim: 1
domain: smallco.net
sites: [office, internet]
links: [{between: [office, internet], round_trip: 20 ms}]
dns: {smallco.net: "@ 1h IN MX 10 mx\\nmx 1h IN A 192.0.2.10\\none 1h IN A 192.0.2.11\\ntwo 1h IN A 192.0.2.12"}
servers:
  mx: {kind: postfix, site: office, host: mx.smallco.net, relayhost: "[one.smallco.net], [two.smallco.net]"}
  one: {kind: relay, site: office, host: one.smallco.net, relay_for: [mx]}
  two: {kind: relay, site: office, host: two.smallco.net, relay_for: [mx]}
  world: {kind: external, site: internet, domain: elsewhere.org, mailboxes: [somebody]}
directory: {master: mx, population: {onprem: 20}}
load: {streams: [{from: onprem, to: internet, rate: 1/min}]}
run: {start: Mon 09:00, length: 1 h}
events: [{at: Mon 09:20, for: 20 min, down: one}]
"""
TRANSPORT = {"servers.mx.relayhost": None, "servers.mx.transport": {"*": "smtp:[one.smallco.net], [two.smallco.net]"}}
OF_SENDERS = {
    "servers.mx.relayhost": None,
    "servers.mx.sender_dependent_relayhost_maps": {"@smallco.net": "[one.smallco.net] [two.smallco.net]"},
}


@pytest.mark.parametrize("changes", [{}, TRANSPORT, OF_SENDERS], ids=["relayhost", "transport", "by sender"])
def test_the_second_host_takes_mail_while_the_first_is_down(changes: dict[str, object]) -> None:
    """transport(5), postconf(5), relayhost (Postfix 3.5): hosts are tried in their order, and nothing waits."""
    scenario = scenario_from_text(HOSTS).change(changes)
    slow, fast = reference(scenario), compiled(scenario)
    by_two = slow.visits[slow.visits["server"] == "two"]["arrived_s"]

    assert_same(slow, fast)
    assert (slow.mail["outcome"] == "delivered").all()
    assert len(by_two) > 5
    assert by_two.between(1200, 2401).all()
    assert (slow.visits[slow.visits["server"] == "one"]["arrived_s"].between(1201, 2399)).sum() == 0
