"""Times that a real server took: Postfix 3.7.11 with its own timers, one network namespace a host (``observed/``)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.mail.trace import trace
from coexsim.scenario.load import changed, load_scenario, scenario_from_text

OBSERVED = Path(__file__).parent / "observed"
BEGAN_S = 3.5  # the observer's clock began when the scenario's showed this


def queue_rmse(results: Results) -> float:
    """Root mean square distance of the messages under way from those that were counted each second in the real queue."""
    seen = pd.read_csv(OBSERVED / "refused-outage-queue.csv")
    born_s, ended_s = (
        np.sort(column) for column in (results.mail["born_s"], results.mail["born_s"] + results.mail["delay_s"])
    )
    times_s = seen["time_s"] + BEGAN_S
    ours = np.searchsorted(born_s, times_s, side="right") - np.searchsorted(ended_s, times_s, side="right")
    real = seen["incoming"] + seen["active"] + seen["deferred"]
    return float(np.sqrt(((ours - real) ** 2).mean()))


def test_queue_through_an_outage_that_refuses() -> None:
    """Five messages a second, 60 s refused, backoff 10 to 40 s, a queue run each 5 s: the backlog falls in the real one's steps.

    A queue run that takes what is due exactly, or runs a second later, is far off.
    """
    scenario = load_scenario(OBSERVED / "refused-outage.yaml")

    assert queue_rmse(simulate(scenario)) < 1.0
    assert queue_rmse(simulate(changed(scenario, {"servers.onprem.retry.phase": "1 s"}))) > 5.0


def waits_rmse_s(results: Results) -> float:
    """Root mean square distance of the waits for the one transfer thread from those of the real relay, mail by mail."""
    seen = pd.read_csv(OBSERVED / "busy-relay-waits.csv")
    visits = results.visits[(results.visits["server"] == "onprem") & (results.visits["stage"] == "transfer")]
    visits = visits.sort_values("arrived_s")
    ours = (visits["started_s"] - visits["arrived_s"]).to_numpy()
    assert len(ours) == len(seen)
    return float(np.sqrt(((ours - seen["wait_s"]) ** 2).mean()))


def test_waits_at_a_relay_that_is_nearly_always_busy() -> None:
    """1,508 mails to one next hop 20 ms away, one session at a time, 95 % busy: each wait within 60 ms rmse of Postfix's (mean 1,194 ms).

    From defaults: five round trips, what a session costs beside them, and the pause between two. Without either it is far off.
    """
    scenario = load_scenario(OBSERVED / "busy-relay.yaml")

    assert waits_rmse_s(simulate(scenario, keep_visits=True)) < 0.060
    for key in ("session", "between"):
        less = changed(scenario, {f"servers.onprem.smtp.{key}": "0 s"})
        assert waits_rmse_s(simulate(less, keep_visits=True)) > 0.060


EVERY_RUN = """
coexsim: 1
domain: corporate.com
sites: [here, there]
links: [{between: [here, there], round_trip: 20 ms}]
servers:
  onprem: {kind: postfix, site: here, host: mail.corporate.com, transport: {otherdomain.com: "smtp:[192.0.2.9]"},
           minimal_backoff_time: 300 s, maximal_backoff_time: 300 s, queue_run_delay: 300 s}
  world: {kind: external, site: there, domain: otherdomain.com, address: 192.0.2.9, mailboxes: [bob]}
directory: {people: {anna: {mail_file: onprem}}}
events: [{at: 0 s, for: 3590 s, down: world}]
run: {start: Mon 00:00, length: 3 h}
"""


@pytest.mark.parametrize("at_s", [0.0, 10.0])
def test_a_message_is_tried_at_every_queue_run_where_all_settings_are_equal(at_s: float) -> None:
    """[PF] qmgr_active.c: due at most a second ahead is due."""
    scenario = scenario_from_text(EVERY_RUN)
    deferrals = trace(scenario, "anna@corporate.com", "bob@otherdomain.com", at_s=at_s).recipients[0].deferrals

    assert {round(b.at_s - a.at_s) for a, b in pairwise(deferrals[1:])} == {300}
    assert len(deferrals) == (12 if at_s == 0.0 else 11)
