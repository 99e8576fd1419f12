"""People are alike where nothing that is written about them differs: entries of a table that say the same tell nobody apart."""

from __future__ import annotations

import pytest

from coexsim.audit.people_classes import people_classes
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.mail.traced import Route
from coexsim.scenario.load import scenario_from_text

MOVED = """\
coexsim: 1
domain: corporate.com
dns:
  corporate.com: "@ 1h IN MX 10 mx\\nmx 1h IN A 192.0.2.10"
servers:
  onprem:
    kind: postfix
    host: mx.corporate.com
    virtual_mailbox_domains: [corporate.com]
    mynetworks: [outbound]
    %s
  inbound:  {kind: hosted-inbound, host: inbound.inotes.example}
  outbound: {kind: hosted-outbound, host: outbound.inotes.example}
  other:    {kind: relay, host: other.corporate.com, relay_for: []}
  external: {kind: external, domain: otherdomain.com}
directory:
  master: onprem
  people: {ann: {mail_file: inbound}, bob: {mail_file: inbound}, cid: {mail_file: inbound}}
"""
LIKE = "transport: {ann@corporate.com: '[inbound.inotes.example]', bob@corporate.com: '[inbound.inotes.example]', cid@corporate.com: %s}"


def classes(written: str) -> list[tuple[str, ...]]:
    """The names of those who are alike."""
    return [alike.names for alike in people_classes([Setup(scenario_from_text(MOVED % written))])]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (LIKE % "'[inbound.inotes.example]'", [("ann", "bob", "cid")]),
        (LIKE % "'[other.corporate.com]'", [("ann", "bob"), ("cid",)]),
        ("sender_dependent_relayhost_maps: {bob@corporate.com: '[other.corporate.com]'}", [("ann", "cid"), ("bob",)]),
        ("virtual_alias_maps: {team@corporate.com: [ann@corporate.com]}", [("ann", "bob", "cid")]),
        ("virtual_alias_maps: {ann@corporate.com: [cid@corporate.com]}", [("ann",), ("bob", "cid")]),
    ],
    ids=[
        "the same entry each",
        "another next hop",
        "a relay host of its own",
        "member of a list",
        "an alias of its own",
    ],
)
def test_entries_of_their_own_tell_people_apart_by_what_they_say(written: str, expected: list[tuple[str, ...]]) -> None:
    """Transport, relay host by sender and aliases, each at single addresses."""
    assert classes(written) == expected


def way(route: Route) -> list[tuple[str, str | None, tuple[tuple[str, str], ...]]]:
    """How each recipient's mail ended, by which servers and rules."""
    return [(one.outcome, one.code, tuple((hop.server, hop.rule) for hop in one.hops)) for one in route.recipients]


def test_everybody_goes_the_way_of_the_class() -> None:
    """Mail to and from every one of three people who are listed in a transport table, by which two are alike."""
    setup = Setup(scenario_from_text(MOVED % (LIKE % "'[other.corporate.com]'")))
    ways = {
        name: [
            way(trace(setup, "someuser@otherdomain.com", name)),
            way(trace(setup, name, "someuser@otherdomain.com")),
        ]
        for name in ("ann", "bob", "cid")
    }

    assert ways["ann"] == ways["bob"] != ways["cid"]


def test_a_table_of_all_who_have_moved_is_searched_with_few_traces() -> None:
    """200 people with an entry each: one class, so that a check takes no longer for more of them."""
    names = [f"u{number}" for number in range(200)]
    table = ", ".join(f"{name}@corporate.com: '[inbound.inotes.example]'" for name in names)
    text = (MOVED % f"transport: {{{table}}}").replace(
        "ann: {mail_file: inbound}, bob: {mail_file: inbound}, cid: {mail_file: inbound}",
        ", ".join(f"{name}: {{mail_file: inbound}}" for name in names),
    )

    assert len(people_classes([Setup(scenario_from_text(text))])) == 1
