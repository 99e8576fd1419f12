"""A message that was told to come later while its destination is well waits for a gap of its own, in both engines alike."""

from __future__ import annotations

import pytest

from coexsim.experiment.results import Results
from coexsim.scenario.load import scenario_from_text
from tests.engine.both import assert_same, compiled, reference

TEXT = """
coexsim: 1
domain: corporate.com
sites: [a, b]
links: [{between: [a, b], round_trip: 2 ms}]
dns: {corporate.com: "@ 1h IN MX 10 gw\\ngw 1h IN A 192.0.2.24"}
servers:
  gw: {SENDER, site: a, host: gw.corporate.com}
  in: {kind: hosted-inbound, site: b, host: smtp.inotes.example, address: 192.0.2.25, RECEIVER}
directory: {master: gw, population: {onprem: 1, hosted: 600}}
load: {bulk: [{at: Mon 09:00, from: onprem, to: hosted, size: 4 KB, recipients_per_copy: 1}]}
run: {start: Mon 09:00, length: 30 min, drain: 2 h}
"""
EXCHANGE = (
    "kind: exchange, accepted_domains: {corporate.com: internal-relay}, "
    'send_connectors: [{name: hosted, address_spaces: "*", smart_hosts: "[192.0.2.25]"}]'
)
POSTFIX = "kind: postfix, virtual_mailbox_domains: [corporate.com], smart_host: '[192.0.2.25]', retry: {like: exchange}"
FULL = "capacity: {queue_length: 3}, service: {directory_lookup: 700 ms}"
GREYLIST = "greylisting: {delay: 5 s}"


def tables(sender: str, receiver: str) -> Results:
    """Those of the reference, which the compiled engine has too."""
    scenario = scenario_from_text(TEXT.replace("SENDER", sender).replace("RECEIVER", receiver))
    slow, fast = reference(scenario), compiled(scenario)
    assert_same(slow, fast)
    assert int(slow.mail["attempts"].sum()) > len(slow.mail)  # some were told to come later
    return slow


@pytest.mark.parametrize("sender", [EXCHANGE, POSTFIX], ids=["exchange", "postfix"])
def test_a_full_queue_lets_each_message_come_later(sender: str) -> None:
    """452: Exchange's gap of a quarter of an hour, also for a product that has been given its schedule."""
    mail = tables(sender, FULL).mail
    again = mail[mail["attempts"] == 2]

    assert len(again)
    assert (again["delay_s"] >= 15 * 60).all()


def test_a_gap_of_nothing_is_a_second() -> None:
    """A queue manager looks at its clock once a second: a message that was told to come later is not tried at the same moment again."""
    mail = tables(f"{EXCHANGE}, message_retry_interval: 0 s", GREYLIST).mail

    assert mail["attempts"].max() in (6, 7)  # the first one, and one a second until the five are over
