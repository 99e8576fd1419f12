"""A host that a server's own set-up names and that is not found: mail waits in both engines, and is not returned at once."""

from __future__ import annotations

import pytest

from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace_mail
from coexsim.scenario.load import scenario_from_text
from tests.engine.both import assert_same, compiled, reference

SET_UP = """
coexsim: 1
domain: smallco.net
sites: [office, internet]
links: [{{between: [office, internet], round_trip: 20 ms}}]
dns:
  smallco.net: "@ 1h IN MX 10 mx\\nmx 1h IN A 192.0.2.10"
servers:
  mx: {{{server}, site: office, host: mx.smallco.net}}
  world: {{kind: external, site: internet, domain: elsewhere.org}}
directory: {{people: {{anna: {{mail_file: mx}}}}}}
messages: [{{from: anna, to: x@elsewhere.org}}]
run: {{start: Mon 08:00, length: 30 min, drain: {drain}}}
"""


@pytest.mark.parametrize(
    "server",
    ["kind: exim, smart_host_for_others: nosuch.smallco.net", 'kind: postfix, relayhost: "[nosuch.smallco.net]"'],
)
@pytest.mark.parametrize(("drain", "outcome"), [("1 h", "in transit"), ("8 days", "expired")])
def test_mail_for_a_host_that_the_set_up_names_waits(server: str, drain: str, outcome: str) -> None:
    """Exim freezes it, Postfix defers it with 4.3.5 (smtp_connect.c); it ends when it is too old."""
    scenario = scenario_from_text(SET_UP.format(server=server, drain=drain))
    slow, fast = reference(scenario), compiled(scenario)

    assert_same(slow, fast)
    assert set(slow.messages[slow.messages["kind"] == "mail"]["outcome"]) == {outcome}


@pytest.mark.parametrize(
    "server",
    [
        'kind: postfix, transport: {elsewhere.org: "retry:later"}',
        "kind: postfix, soft_bounce: true",
    ],
)
@pytest.mark.parametrize("to", ["x@elsewhere.org", "x@nowhere.org", "zz@elsewhere.org"])
def test_mail_that_is_kept_waits_in_both_engines(server: str, to: str) -> None:
    """retry: keeps it, soft_bounce makes of every failure one that passes (postconf(5)): the sender is told when it is too old."""
    text = SET_UP.format(server=server, drain="6 days").replace("to: x@elsewhere.org", f"to: {to}")
    scenario = scenario_from_text(text.replace("domain: elsewhere.org", "domain: elsewhere.org, mailboxes: [x]"))
    slow, fast = reference(scenario), compiled(scenario)

    assert_same(slow, fast)


def test_mail_that_is_thrown_away_ends_in_both_engines() -> None:
    """discard(8): as if delivered, so that nobody is told; beside it, a recipient who fails makes a notice, and one that is kept waits."""
    table = '{elsewhere.org: "discard:", "y@elsewhere.org": "error:no", "z@elsewhere.org": "retry:later"}'
    text = SET_UP.format(server=f"kind: postfix, transport: {table}", drain="1 h")
    to = [f"{name}@elsewhere.org" for name in ("x", "w", "y", "z")]
    scenario = scenario_from_text(text.replace("to: x@elsewhere.org", f"to: [{', '.join(to)}]"))
    slow, fast = reference(scenario), compiled(scenario)
    ends = slow.mail.groupby(["kind", "outcome"], observed=True)["recipients"].sum()

    assert_same(slow, fast)
    assert {("mail", "discarded"): 2, ("mail", "in transit"): 1}.items() <= ends.to_dict().items()
    assert ("dsn", "delivered") not in ends  # y is refused as it is handed in (smtpd_check.c)


@pytest.mark.parametrize(
    ("settings", "attempts", "end_s"),
    [
        ("", 1, 7 * 86400),
        (", timeout_frozen_after: 2 days", 1, 2 * 86400),
        (", auto_thaw: 1 day", 7, 7 * 86400),
        (", self: defer", 1, 7 * 86400),
    ],
)
def test_frozen_mail_is_left_alone_until_it_is_thawed_or_cancelled(settings: str, attempts: int, end_s: float) -> None:
    """Exim specification: no attempt while frozen; auto_thaw gives one each time, timeout_frozen_after is of the time in the queue.

    A host that is not found freezes mail whatever `self` says (host_find_failed).
    """
    server = f"kind: exim, smart_host_for_others: nosuch.smallco.net{settings}"
    scenario = scenario_from_text(SET_UP.format(server=server, drain="8 days"))
    slow, fast = reference(scenario), compiled(scenario)

    assert_same(slow, fast)
    message = slow.messages[slow.messages["kind"] == "mail"]
    assert (message["outcome"].tolist(), message["delay_s"].tolist()) == (["expired"], [end_s])
    assert slow.mail["attempts"].max() == attempts


@pytest.mark.parametrize(
    "counts", ["greylisting: {delay: 2 min}", "smtpd_client_message_rate_limit: 1", "outgoing_addresses: 3"]
)
def test_who_is_no_server_hands_mail_in_where_clients_are_told_apart(counts: str) -> None:
    """A client outside, of whom the scenario knows no addresses, is none of those who are put off: as in a trace, in both engines."""
    text = SET_UP.format(server=f"kind: postfix, {counts}", drain="1 h")
    text = text.replace("from: anna", "at: mx, client: outside, from: x@gmx.example").replace(
        "to: x@elsewhere.org", "to: anna"
    )
    spec = scenario_from_text(text)
    results = reference(spec)

    assert results.mail["outcome"].tolist() == [trace_mail(Setup(spec), spec.messages[0]).outcome] == ["delivered"]
    assert_same(results, compiled(spec))
