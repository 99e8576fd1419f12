"""Postfix's smtp_fallback_relay in time: what a destination does not take goes on in the same attempt (postconf(5))."""

from __future__ import annotations

from coexsim.engine.choice import not_covered
from coexsim.experiment.run import simulate
from coexsim.scenario.load import scenario_from_text

AWAY = """
coexsim: 1
domain: smallco.net
sites: [office, internet]
links: [{between: [office, internet], round_trip: 1 ms}]
dns: {smallco.net: "@ 1h IN MX 10 mx\\nmx 1h IN A 192.0.2.10\\nfb 1h IN A 192.0.2.11"}
servers:
  mx: {kind: postfix, site: office, host: mx.smallco.net, smtp_fallback_relay: ["[fb.smallco.net]"]}
  fb: {kind: postfix, site: office, host: fb.smallco.net, virtual_mailbox_domains: [], relay_for: [mx]}
  world: {kind: external, site: internet, domain: elsewhere.org}
directory: {master: mx, population: {onprem: 20}}
load: {streams: [{from: onprem, to: internet, rate: 6/min}]}
run: {start: Mon 09:00, length: 2 h}
events: [{at: Mon 09:00, for: 10 min, down: [world]}]
"""


def test_what_a_destination_does_not_take_waits_at_the_fallback_relay() -> None:
    """One attempt at the server that sends, the others at the relay; without it all of them at the server."""
    scenario = scenario_from_text(AWAY)
    with_relay = simulate(scenario)
    without = simulate(scenario.change({"servers.mx.smtp_fallback_relay": []}))

    assert (with_relay.mail["outcome"] == "delivered").all()
    assert (without.mail["outcome"] == "delivered").all()
    during = with_relay.mail["born_s"] < 599
    assert set((with_relay.mail["hops"] - without.mail["hops"])[during]) == {1}
    assert with_relay.mail["hops"][with_relay.mail["born_s"] > 600].equals(
        without.mail["hops"][without.mail["born_s"] > 600]
    )
    assert not_covered(scenario) is None
