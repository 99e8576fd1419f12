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


LED_ON = """\
coexsim: 1
domain: corporate.com
dns:
  corporate.com: "@ 1h IN MX 10 mx\\nmx 1h IN A 192.0.2.10"
servers:
  onprem: {kind: domino, host: mx.corporate.com, global_domain: [corporate.com], smart_host: inbound.inotes.example}
  inbound:  {kind: hosted-inbound, host: inbound.inotes.example}
  outbound: {kind: hosted-outbound}
  external: {kind: external, domain: otherdomain.com, mailboxes: [known, too]}
directory:
  master: onprem
  people:
    own1: {mail_file: onprem}
    own2: {mail_file: onprem}
    cloud: {mail_file: inbound}
    full: {mail_file: onprem, over_quota: true}
    a: {mail_file: onprem, forwarding_address: own1@corporate.com}
    b: {mail_file: onprem, forwarding_address: own2@corporate.com}
    c: {mail_file: onprem, forwarding_address: cloud@corporate.com}
    d: {mail_file: onprem, forwarding_address: full@corporate.com}
    e: {mail_file: onprem, forwarding_address: known@otherdomain.com}
    f: {mail_file: onprem, forwarding_address: too@otherdomain.com}
    g: {mail_file: onprem, forwarding_address: nobody@otherdomain.com}
    h: {mail_file: onprem, forwarding_address: a@corporate.com}
    i: {mail_file: onprem, forwarding_address: b@corporate.com}
    j: {mail_file: onprem, forwarding_address: k@corporate.com}
    k: {mail_file: onprem, forwarding_address: j@corporate.com}
    l: {mail_file: onprem, forwarding_address: gone1@corporate.com}
    m: {mail_file: onprem, forwarding_address: gone2@corporate.com}
"""


def test_forwarding_tells_people_apart_by_where_it_leads_not_by_whose_name_it_has() -> None:
    """To a colleague here, over another one, to the cloud, to a full mail file, to a mailbox outside that is listed or not, round."""
    found = [alike.names for alike in people_classes([Setup(scenario_from_text(LED_ON))])]

    assert found == [
        ("own1", "own2"), ("cloud",), ("full",), ("a", "b"), ("c",), ("d",), ("e", "f"), ("g",), ("h", "i"), ("j", "k"), ("l",), ("m",),
    ]  # fmt: skip


def test_a_long_chain_of_forwarding_is_few_classes() -> None:
    """Three hundred people who lead mail on to each other: the last thirty are told apart, as no server passes mail on so often."""
    people = "".join(
        f"    u{n}: {{mail_file: onprem, forwarding_address: u{n + 1}@corporate.com}}\n" for n in range(300)
    )
    chain = LED_ON.split("    own1:", maxsplit=1)[0] + people + "    u300: {mail_file: onprem}\n"

    assert len(people_classes([Setup(scenario_from_text(chain))])) <= 32
