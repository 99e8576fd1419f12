"""Postfix adapts its sessions with a destination to how they end (SCHEDULER_README); seen with Postfix 3.7.11."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario
from tests.engine.both import assert_engines_agree
from tests.sim.test_observed_times import EVERY_RUN

BACKLOG = """
coexsim: 1
domain: corporate.com
sites: [a, internet]
links: [{between: [a, internet], round_trip: 1 ms}]
dns: {corporate.com: "@ 1h IN MX 10 gw\\ngw 1h IN A 192.0.2.24\\nex 1h IN A 192.0.2.25"}
servers:
  gw: {kind: postfix, site: a, host: gw.corporate.com, virtual_mailbox_domains: [], relay_domains: [corporate.com],
       transport: {corporate.com: "smtp:[192.0.2.25]"}, capacity: {CAPACITY}}
  ex: {kind: exchange, site: a, host: ex.corporate.com, accepted_domains: {corporate.com: authoritative},
       send_connectors: [{name: all, address_spaces: ["*"]}], capacity: {connections_per_client: 10}, service: {accept: 500 ms}}
  world: {kind: external, site: internet, domain: elsewhere.org}
directory: {master: ex, population: {onprem: 600}}
load: {bulk: [{at: Mon 09:00, from: internet, to: onprem, size: 4 KB, recipients_per_copy: 1}]}
run: {start: Mon 09:00, length: 30 min}
"""


def backlog(capacity: str = "transfer_threads: 100") -> Scenario:
    """600 messages wait at a Postfix for one host that takes 10 connections and half a second a message."""
    return scenario_from_text(BACKLOG.replace("CAPACITY", capacity))


def delivered_by(results: Results, time_s: float) -> int:
    """Messages that arrived within a time."""
    return int((results.mail["born_s"] + results.mail["delay_s"] <= time_s).sum())


def test_a_backlog_drains_against_a_limit_of_connections() -> None:
    """All arrive, at the host's rate of 20 a second: each success opens one session more, which is turned away (421) and closes two.

    A real Postfix (3.7.11) had delivered 1,911 of 3,000 when its first pass was over, after 155 s; 2,600 after 15 minutes; 2,704 after
    25, its third pass being under way; and none expired. So 64 % of what was tried arrived at each pass.
    """
    results = simulate(backlog().change({"directory.population.onprem": 3000}))

    assert (results.mail["outcome"] == "delivered").all()
    assert delivered_by(results, 155) == pytest.approx(1911, rel=0.05)
    assert delivered_by(results, 900) == pytest.approx(2600, rel=0.03)
    assert delivered_by(results, 1500) == pytest.approx(2704, rel=0.05)


def test_a_limit_within_the_servers_own_turns_nobody_away() -> None:
    """With at most 10 sessions for a destination all goes at once: 600 at 20 a second."""
    results = simulate(backlog("transfer_threads: 100, transfer_threads_per_destination: 10"))

    assert (results.mail["attempts"] == 2).all()
    assert delivered_by(results, 40) == 600


AWAY = EVERY_RUN + "load: {replay: mail.csv}\n"


def away(count: int, folder: Path) -> Scenario:
    """So many messages at once for a host that refuses connections for an hour; queue run, least and longest backoff are 5 minutes."""
    rows = ["born_s,sender,recipients,size_bytes", *["10,anna@corporate.com,bob@otherdomain.com,2000"] * count]
    (folder / "mail.csv").write_text("\n".join(rows) + "\n")
    return scenario_from_text(AWAY, base=folder)


def test_one_message_is_tried_at_every_queue_run(tmp_path: Path) -> None:
    """When it alone fails, its destination is forgotten, not suspended: 11 refused connections, then one that takes it, as by `trace`."""
    assert simulate(away(1, tmp_path)).mail["attempts"].tolist() == [12]


def test_many_messages_suspend_a_dead_destination(tmp_path: Path) -> None:
    """Of 20 due at once only the first round of sessions connects (5, whose failures kill it); the others are suspended without a try."""
    attempts = simulate(away(20, tmp_path)).mail["attempts"]

    assert attempts.sum() - 20 == 5 * 11
    assert (attempts >= 1).all()


def test_both_engines_adapt_alike(tmp_path: Path) -> None:
    """The tables of both are equal to the last bit, for a limit and for hosts that are away (given by address, so DNS is asked nothing)."""
    for scenario in (backlog(), away(1, tmp_path), away(20, tmp_path)):
        assert_engines_agree(scenario)


def test_a_rate_delay_sends_one_after_another_with_a_pause() -> None:
    """postconf(5), default_destination_rate_delay: half a second a message and two between, so 30 in 75 seconds, and 60 in 150."""
    results = simulate(
        backlog().change({"servers.gw.default_destination_rate_delay": "2 s", "directory.population.onprem": 60})
    )

    assert [delivered_by(results, time_s) for time_s in (75, 151)] == [pytest.approx(30, abs=1), 60]
    assert (results.mail["attempts"] == 2).all()
