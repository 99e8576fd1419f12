"""Exchange and Domino send by queue: what is turned away goes on over the connections that there are, else the queue waits as a whole."""

from __future__ import annotations

import pytest

from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario
from tests.engine.both import assert_engines_agree
from tests.sim.small import DOMINO, Small, ends, event, into

BACKLOG = """
coexsim: 1
domain: corporate.com
sites: [a, b]
links: [{between: [a, b], round_trip: 1 ms}]
dns: {corporate.com: "@ 1h IN MX 10 gw\\ngw 1h IN A 192.0.2.24"}
servers:
  gw: {SENDER, site: a, host: gw.corporate.com, capacity: {transfer_threads: 100, transfer_threads_per_destination: 20}}
  in: {kind: hosted-inbound, site: b, host: smtp.inotes.example, address: 192.0.2.25,
       capacity: {connections_per_client: 10}, service: {accept: 500 ms}}
directory: {master: gw, population: {onprem: 1, hosted: 600}}
load: {bulk: [{at: Mon 09:00, from: onprem, to: hosted, size: 4 KB, recipients_per_copy: 1}]}
run: {start: Mon 09:00, length: 30 min}
"""
SENDERS = {
    "exchange": "kind: exchange, accepted_domains: {corporate.com: internal-relay}, "
    'send_connectors: [{name: hosted, address_spaces: "*", smart_hosts: "[192.0.2.25]"}]',
    "domino": "kind: domino, smtp_outside_local_domain: enabled, global_domain: [corporate.com], "
    'smart_host: "[192.0.2.25]"',
}


def backlog(sender: str, more: str = "") -> Scenario:
    """600 messages wait for one host that takes 10 connections and half a second a message."""
    return scenario_from_text(BACKLOG.replace("SENDER", SENDERS[sender]) + more)


def turned_away(results: Results) -> int:
    """Connections that came to nothing."""
    return int(results.mail["attempts"].sum() - len(results.mail))


@pytest.mark.parametrize(("sender", "most"), [("exchange", 600 // 20), ("domino", 0)])
def test_a_backlog_goes_on_over_the_connections_that_there_are(sender: str, most: int) -> None:
    """600 messages over 10 connections at half a second each take 30 s and the sessions' own time; none waits for a retry.

    Of the 20 connections that are opened at first 10 are turned away. After each 20 messages Exchange tries one more, and no other.
    """
    results = simulate(backlog(sender))
    ends_s = (results.mail["born_s"] + results.mail["delay_s"]).max()

    assert (results.mail["outcome"] == "delivered").all()
    assert 30.0 < ends_s < 33.0
    assert 10 <= turned_away(results) <= 10 + most


def test_a_retry_of_each_message_would_take_minutes() -> None:
    """The check above says no to a sender whose messages wait each for itself: Postfix, whose next attempt comes with a queue run."""
    postfix = "kind: postfix, virtual_mailbox_domains: [corporate.com], smart_host: '[192.0.2.25]'"
    results = simulate(scenario_from_text(BACKLOG.replace("SENDER", postfix)))

    assert (results.mail["born_s"] + results.mail["delay_s"]).max() > 60.0


def test_a_queue_without_any_connection_waits_as_a_whole(small: Small) -> None:
    """The only connection is taken until 105 s: Exchange is turned away, and its queue tries again after a minute, and after another.

    Two threads try at 10 s, and both are refused (421 after two round trips): with the second one the queue has no connection left. At the
    third try one gets in, the other one goes on over its connection after it, and so does the third message, which never tried.
    """
    exchange = into(
        "onprem", kind="exchange", smart_host=None, accepted_domains={"corporate.com": "internal-relay"},
        send_connectors=[{"name": "to hosted", "address_spaces": "*", "smart_hosts": "[192.0.2.20]"}],
        capacity={"transfer_threads": 2},
    )  # fmt: skip
    inbound = into("inbound", capacity={"smtp_connections": 1}, service={"accept": "1 s"})
    others = into("external", smart_host="[192.0.2.20]", site="office")
    busy = into("inbound", service={"accept": {"fixed": "0 s", "per_MB": "100 s"}})
    mails = [(0.0, "internet", "hosted", 1_000_000), *[(10.0, "onprem", "hosted", 1)] * 3]
    results = small.run(mails, exchange, inbound, others, busy)
    (_, *queue) = ends(results)

    assert [(outcome, round(at_s), attempts) for outcome, at_s, attempts in queue] == [
        ("delivered", 139, 3), ("delivered", 149, 4), ("delivered", 144, 1)
    ]  # fmt: skip


L1 = """
coexsim: 1
domain: corp-l1.net
sites: [office, cloud, internet]
links: [{between: [office, cloud], round_trip: 40 ms}, {between: [office, internet], round_trip: 30 ms}]
dns: {corp-l1.net: "@ 1h IN MX 10 mail\\nmail 1h IN A 192.0.2.25"}
servers:
  onprem: {kind: exchange, site: office, host: mail.corp-l1.net, accepted_domains: {corp-l1.net: internal-relay},
           send_connectors: [{name: cloud, address_spaces: [corp-l1.net], smart_hosts: ["[192.0.2.26]"]}]}
  cloud-in: {kind: hosted-inbound, site: cloud, address: 192.0.2.26, service: {accept: 500 ms}, capacity: LIMIT}
  world: {kind: external, site: internet, domain: elsewhere.org}
directory: {master: onprem, population: {onprem: 1, hosted: 26000}}
load:
  streams: [{from: internet, to: hosted, rate: 25000 / hour, sizes: 20 KB}]
  bulk: [{at: Mon 08:00, from: onprem, to: hosted, size: 20 KB, recipients_per_copy: 1}]
run: {start: Mon 08:00, length: 40 min}
"""


@pytest.mark.parametrize(("limit", "minutes"), [("{}", 21), ("{connections_per_client: 10}", None)])
def test_a_queue_of_26000_drains_at_twenty_connections(limit: str, minutes: int | None) -> None:
    """Microsoft's page on messages stuck in queues: 26,000 wait, 20 connections; about 22 minutes.

    By hand: 20 connections at 0.5 s and five round trips of 40 ms (and two for 20 KB: no slow start below 29 KB) are 28.4 messages a
    second, of which 6.9 are taken by new mail: 26,000 / 21.5 = 1,210 s. With half of the connections, at 14.2 a second, there is no end
    within 40 minutes: 26,000 / 7.3 = 59 minutes.
    """
    results = simulate(scenario_from_text(L1.replace("LIMIT", limit)), engine="compiled")
    queue = results.timeline[(results.timeline["server"] == "onprem") & (results.timeline["stage"] == "queue")]
    empty = queue.loc[queue["backlog"] < 100, "minute"]

    assert (None if empty.empty else int(empty.min())) == minutes


def test_both_engines_send_by_queue() -> None:
    """The tables of both are equal to the last bit: a limit, and a host that goes away and comes back."""
    away = "events: [{at: Mon 09:00:10, for: 4 min, down: in}]\n"
    for sender in SENDERS:
        assert_engines_agree(backlog(sender))
        assert_engines_agree(backlog(sender, away))


def test_an_outage_ends_the_queue_and_its_retry_begins_it_again(small: Small) -> None:
    """Domino, twenty messages: all lose their connection or find none, and all go at the next attempt of the destination."""
    mails = [(0.0, "onprem", "hosted", 1000)] * 20
    results = small.run(
        mails, into("onprem", **DOMINO, capacity={"transfer_threads": 8}),
        event(at="3 s", **{"for": "5 min"}, down="inbound"),
    )  # fmt: skip

    assert {outcome for outcome, _, _ in ends(results)} == {"delivered"}
    assert all(900.0 < at_s < 1000.0 for _, at_s, _ in ends(results))
