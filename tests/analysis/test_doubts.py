"""What an answer does not rest on: a run says when retries, not capacity, make its delays."""

from __future__ import annotations

import pytest

from coexsim.analysis.doubts import say_deferred
from coexsim.experiment.figures import deferred_share
from coexsim.experiment.run import simulate
from coexsim.scenario.load import scenario_from_text

TEXT = """\
coexsim: 1
domain: corporate.com
dns: {corporate.com: "@ 30d IN MX 10 mail\\nmail 30d IN A 192.0.2.10"}
servers:
  onprem: {kind: postfix, host: mail.corporate.com, service: {scan: {fixed: 1 s, law: exponential}}, capacity: {cores: 2}}
  world: {kind: external, domain: otherdomain.com}
directory: {population: {onprem: 100}}
load: {streams: [{from: internet, to: onprem, rate: 1/s}], sizes: 1 KB}
run: {start: Mon 00:00, length: 1 h}
"""


def test_waits_for_a_core_are_not_waits_for_another_attempt() -> None:
    """M/M/2 at half load: all of the delay is waiting and work at the cores."""
    assert deferred_share(simulate(scenario_from_text(TEXT, "busy.yaml"))) == pytest.approx(0, abs=0.02)


def test_mail_that_waits_out_an_outage_is_told_from_mail_that_waits_for_a_core() -> None:
    """Ten minutes in sixty nobody is there; who comes then waits for minutes, the others for about 1.3 s: most of all delay."""
    results = simulate(scenario_from_text(TEXT + "events: [{at: 20 min, for: 10 min, down: onprem}]\n", "down.yaml"))
    waited = results.measured.loc[results.measured["attempts"] > 1, "delay_s"].sum() / results.measured["delay_s"].sum()

    assert waited > 0.8
    assert deferred_share(results) == pytest.approx(waited, abs=0.2)
    assert say_deferred(deferred_share(results)).startswith("Refusals and retries make this answer")


@pytest.mark.parametrize("share", [None, float("nan"), 0.0, 0.5])
def test_nothing_is_said_where_capacity_makes_the_answer(share: float | None) -> None:
    """Half or less, or nothing known."""
    assert not say_deferred(share)
