"""What Postfix does with many recipients (seen with the servers of ``observed_more.yaml``), and how its settings are read."""

from __future__ import annotations

import pytest

from coexsim.errors import ScenarioError
from coexsim.mail.trace import trace
from tests.routing.lab import lab_with

DU1, OUTSIDE = "dUser1@corporate.com", "someuser@otherdomain.com"


def listed(people: int) -> str:
    """So many more hosted users, and a group of them all."""
    names = [f"p{i}" for i in range(people)]
    records = ", ".join(f"{name}: {{mail_system: other-internet-mail}}" for name in names)
    return f"directory: {{people: {{{records}}}, groups: {{all: [{', '.join(names)}]}}}}"


def test_many_recipients_are_offered_fifty_at_a_time() -> None:
    """smtp_destination_recipient_limit = 50: 120 recipients at one host are three transactions."""
    result = trace(lab_with(listed(120)), DU1, [f"p{i}@corporate.com" for i in range(120)])

    assert [t.accepted for t in result.transactions] == [50, 50, 20]


@pytest.mark.parametrize(
    ("members", "outcome", "code"), [(1000, "delivered", None), (1001, "deferred_in_queue", "4.6.0")]
)
def test_a_group_has_a_thousand_members_at_the_most(members: int, outcome: str, code: str | None) -> None:
    """virtual_alias_expansion_limit = 1000: with one more the message is not accepted, for the time being (451 4.6.0)."""
    first = trace(lab_with(listed(members)), OUTSIDE, "all@corporate.com").recipients[0]

    assert (first.outcome, first.code) == (outcome, code)


def test_a_group_without_members_is_nobody() -> None:
    """Nothing to deliver to: told, not dropped in silence (RFC 5321 6.1)."""
    result = trace(lab_with("directory: {groups: {all: []}}"), OUTSIDE, "all@corporate.com")

    assert (result.outcome, result.recipients[0].by) == ("bounced", "onprem")


@pytest.mark.parametrize(
    "smart_host", ["smtp:[inbound.inotes.test]:587", "[inbound.inotes.test]:25", "inbound.inotes.test:smtp"]
)
def test_a_next_hop_may_have_a_port(smart_host: str) -> None:
    """transport(5), postconf(5): ``[host]:port`` and ``host:port``; the server at that host is meant."""
    result = trace(lab_with(f"servers: {{onprem: {{smart_host: '{smart_host}'}}}}"), DU1, "iUser1@corporate.com")

    assert (result.outcome, result.servers) == ("delivered", ("onprem", "inbound"))


def test_a_size_limit_of_nothing_is_no_limit() -> None:
    """message_size_limit = 0 (postconf(5)): the servers around on-prem had it, and took what on-prem's 25 MiB did not."""
    setup = lab_with("servers: {onprem: {message_size_limit: 0 B}}")

    assert trace(setup, OUTSIDE, DU1, size_bytes=26 * 2**20).outcome == "delivered"


@pytest.mark.parametrize("to", ["hold:", "smtp-slow:[one.test]"])
def test_a_transport_that_is_not_modelled_is_an_error(to: str) -> None:
    """Rather than a host of that name, which does not exist, so that mail bounces."""
    with pytest.raises(ScenarioError, match=r"servers\.onprem\.transport: .* is not among the transports here"):
        lab_with(f"servers: {{onprem: {{transport: {{dUser1@corporate.com: '{to}'}}}}}}")


@pytest.mark.parametrize(
    ("to", "outcome"), [('"dUser1"@corporate.com', "delivered"), ('"d User1"@corporate.com', "bounced")]
)
def test_quotes_that_a_local_part_does_not_need_are_no_part_of_it(to: str, outcome: str) -> None:
    """RFC 5321 4.1.2; seen with Postfix: the quoted name is the same mailbox. With a blank in it, it is another one."""
    assert trace(lab_with(""), OUTSIDE, to).outcome == outcome


def test_a_session_has_a_thousand_recipients_at_the_most() -> None:
    """smtpd_recipient_limit = 1000: the next one is told 452 4.5.3 [PF-SRC]."""
    result = trace(lab_with(listed(1001)), DU1, [f"p{i}@corporate.com" for i in range(1001)])

    assert [(r.outcome, r.code) for r in result.recipients[-2:]] == [
        ("delivered", None),
        ("refused_to_client", "4.5.3"),
    ]
