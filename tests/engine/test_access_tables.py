"""Access tables in time: the same in both engines, with several recipients a message, and each recipient counted once."""

from __future__ import annotations

import pytest

from coexsim.scenario.load import scenario_from_text
from tests.engine.both import assert_same, compiled, reference

SET_UP = """
coexsim: 1
domain: smallco.net
sites: [office, internet]
links: [{between: [office, internet], round_trip: 20 ms}]
dns: {smallco.net: "@ 1h IN MX 10 mx\\nmx 1h IN A 192.0.2.10\\nscan 1h IN A 192.0.2.11\\nstore 1h IN A 192.0.2.12"}
servers:
  mx:
    kind: postfix
    site: office
    host: mx.smallco.net
    virtual_mailbox_domains: [smallco.net]
    check_sender_access: {elsewhere.org: "ACTION"}
  scan: {kind: relay, site: office, host: scan.smallco.net, relay_for: [mx], smart_host: "[store.smallco.net]"}
  store: {kind: postfix, site: office, host: store.smallco.net, virtual_mailbox_domains: [smallco.net]}
  world: {kind: external, site: internet, domain: elsewhere.org, mailboxes: [somebody]}
directory:
  master: mx
  population: {onprem: 20}
  people: {audit: {mail_file: mx}}
load:
  streams:
    - {from: internet, to: onprem, rate: 6/min, recipients: {1: 1, 3: 1}}
    - {from: onprem, to: onprem, rate: 1/min}
run: {start: Mon 09:00, length: 20 min}
"""


@pytest.mark.parametrize(
    ("action", "outcomes", "a_message"),
    [
        ("REDIRECT audit@smallco.net", {"delivered"}, 1),
        ("DISCARD", {"discarded"}, None),
        ("HOLD", {"in transit"}, None),
        ("BCC audit@smallco.net", {"delivered"}, None),
        ("REJECT", {"bounced"}, None),
        ("FILTER smtp:[scan.smallco.net]", {"bounced"}, None),
    ],
)
def test_both_engines_do_what_the_table_says(action: str, outcomes: set[str], a_message: int | None) -> None:
    """Of mail from the Internet; the store behind the filter has no such mailboxes. REDIRECT makes one recipient of all (access(5))."""
    scenario = scenario_from_text(SET_UP.replace("ACTION", action))
    slow, fast = reference(scenario), compiled(scenario)
    mail = slow.mail[(slow.mail["kind"] == "mail") & (slow.mail["stream"] == "internet->onprem")]

    assert_same(slow, fast)
    assert set(mail["outcome"]) == outcomes
    assert len(mail["born_s"].unique()) > 80
    recipients = mail.groupby("born_s")["recipients"].sum()
    if a_message is None:
        extra = 1 if action.startswith("BCC") else 0
        assert set(recipients) == {1 + extra, 3 + extra}
    else:
        assert set(recipients) == {a_message}


def test_mail_on_hold_never_expires() -> None:
    """Access(5): it sits there until someone deletes or releases it; here nobody does, though maximal_queue_lifetime is over."""
    scenario = scenario_from_text(SET_UP.replace("ACTION", "HOLD")).change(
        {"servers.mx.maximal_queue_lifetime": "10 min", "run.length": "30 min"}
    )
    slow, fast = reference(scenario), compiled(scenario)
    mail = slow.mail[slow.mail["stream"] == "internet->onprem"]

    assert_same(slow, fast)
    assert set(mail["outcome"]) == {"in transit"}
    assert set(mail["attempts"]) <= {1, 2}
    assert not (slow.mail["kind"] == "dsn").any()


@pytest.mark.parametrize(
    "keys",
    [
        {"servers.mx.default_destination_rate_delay": "1 s"},
        {"servers.mx.initial_destination_concurrency": 1},
        {"servers.mx.capacity.transfer_threads_per_destination": 1},
    ],
    ids=["a second between sessions", "one session at first", "one session"],
)
def test_mail_on_hold_is_no_failed_session(keys: dict[str, object]) -> None:
    """Few sessions at once to where held mail "goes": none of it counts against the destination, which would be tried anew later."""
    scenario = scenario_from_text(SET_UP.replace("ACTION", "HOLD")).change(
        {"run.length": "1 min", "run.drain": "10 d", "load.streams[0].rate": "5/s", **keys}
    )
    slow, fast = reference(scenario), compiled(scenario)
    held = slow.mail[slow.mail["stream"] == "internet->onprem"]

    assert_same(slow, fast)
    assert len(held) > 100
    assert set(held["outcome"]) == {"in transit"}
