"""DNS by the letter: zones, negative answers, caching, and the MX rules asked question by question."""

from __future__ import annotations

import pytest

from coexsim.errors import ScenarioError
from coexsim.mail.dns import Answer, Cache, DnsFailure, MailHost, MailHosts, Question, in_order, mail_hosts
from coexsim.mail.message import NextHop, next_hop
from coexsim.mail.setup import Setup
from coexsim.mail.zone_text import read_zone
from coexsim.mail.zones import SERVFAIL_TTL_S
from coexsim.scenario.load import scenario_from_text

ZONE = """
coexsim: 1
domain: a.example
dns:
  a.example: |
    @ 2h IN SOA ns h 1 1h 15m 1w 30m
    @ 1h IN MX 10 one
    @ 1h IN MX 10 two
    @ 1h IN MX 20 three.b.example.
    one 5m IN A 192.0.2.1
    two IN AAAA 2001:db8::2
    *.wild 1h IN MX 5 one
    deep.er IN A 192.0.2.9
    loop IN CNAME pool
    pool IN CNAME loop
    alias IN CNAME one
  b.example: |
    three IN A 192.0.2.3
    three IN A 192.0.2.4
  broken.example: {fault: servfail}
  c.a.example: |
    @ 1d IN SOA ns h 1 1h 15m 1w 1d
servers:
  external: {kind: external, domain: otherdomain.com, host: mail.otherdomain.com}
"""
SETUP = Setup(scenario_from_text(ZONE))
NOTHING: frozenset[str] = frozenset()


def ask(name: str, kind: str) -> Answer:
    return SETUP.answer(Question(name, kind), SETUP.state_at(0.0))


def hosts(
    target: str, own_names: frozenset[str] = NOTHING, own_addresses: frozenset[str] = NOTHING
) -> MailHosts | DnsFailure:
    return answered(next_hop(target, by_mx=True), own_names, own_addresses)


def answered(
    hop: NextHop, own_names: frozenset[str] = NOTHING, own_addresses: frozenset[str] = NOTHING
) -> MailHosts | DnsFailure:
    asking = mail_hosts(hop, own_names, own_addresses)
    try:
        question = next(asking)
        while True:
            question = asking.send(SETUP.answer(question, SETUP.state_at(0.0)))
    except StopIteration as end:
        found: MailHosts | DnsFailure = end.value
        return found


@pytest.mark.parametrize(
    ("name", "kind", "status", "ttl_s"),
    [
        ("nobody.a.example", "A", "NXDOMAIN", 1800.0),  # min(SOA's TTL 2 h, MINIMUM 30 min): RFC 2308 section 3
        ("one.a.example", "MX", "NOERROR", 1800.0),  # the name exists, the record does not
        ("er.a.example", "A", "NOERROR", 1800.0),  # an empty non-terminal exists (RFC 8020)
        ("x.c.a.example", "A", "NXDOMAIN", 10800.0),  # capped at 3 h: RFC 2308 section 5
        ("x.broken.example", "A", "SERVFAIL", SERVFAIL_TTL_S),
        ("nowhere.test", "MX", "NXDOMAIN", 3600.0),  # lies in no declared zone
        ("otherdomain.com", "A", "NOERROR", 3600.0),
        ("loop.a.example", "A", "SERVFAIL", SERVFAIL_TTL_S),  # a circle of aliases
        ("..a.example", "A", "NXDOMAIN", 1800.0),
    ],
)
def test_what_is_not_there(name: str, kind: str, status: str, ttl_s: float) -> None:
    """The three ways of "no", and how long each may be remembered."""
    answer = ask(name, kind)

    assert (answer.status, answer.mx, answer.addresses, answer.ttl_s) == (status, (), (), ttl_s)


def test_wildcards_and_aliases() -> None:
    """RFC 4592: a wildcard answers for names below it that do not exist; an alias is followed."""
    assert ask("any.thing.wild.a.example", "MX").mx == ((5, "one.a.example"),)
    assert ask("wild.a.example", "MX").mx == ()
    assert ask("alias.a.example", "A") == Answer(
        "NOERROR", addresses=("192.0.2.1",), ttl_s=300.0, alias="one.a.example"
    )


def test_hosts_in_groups_of_equal_preference() -> None:
    """Lowest first, equals together, each with its addresses; AAAA where there is no A."""
    assert hosts("a.example") == MailHosts((
        (MailHost("one.a.example", 10, ("192.0.2.1",)), MailHost("two.a.example", 10, ("2001:db8::2",))),
        (MailHost("three.b.example", 20, ("192.0.2.3", "192.0.2.4")),),
    ))  # fmt: skip


def test_equals_are_ordered_by_the_numbers_drawn() -> None:
    """RFC 5321 5.1: equal preferences at random; which lot was drawn is the caller's."""
    found = hosts("a.example")
    assert isinstance(found, MailHosts)

    assert [h.name[:3] for h in in_order(found)] == ["one", "two", "thr"]
    assert [h.name[:3] for h in in_order(found, [0.9, 0.1, 0.5])] == ["two", "one", "thr"]


@pytest.mark.parametrize(
    ("own_names", "own_addresses", "left"),
    [
        ({"three.b.example"}, set(), ["one.a.example", "two.a.example"]),
        (set(), {"192.0.2.4"}, ["one.a.example", "two.a.example"]),
        ({"two.a.example"}, set(), None),  # everything at its own preference goes as well
        ({"one.a.example"}, set(), None),
    ],
)
def test_a_server_drops_itself_and_what_is_behind(
    own_names: set[str], own_addresses: set[str], left: list[str] | None
) -> None:
    """RFC 5321 5.1: every MX with a preference not better than one's own is dropped; none left: it loops."""
    found = hosts("a.example", frozenset(own_names), frozenset(own_addresses))

    if left is None:
        assert isinstance(found, DnsFailure)
        assert (found.cause, found.temporary) == ("loops-to-self", False)
    else:
        assert isinstance(found, MailHosts)
        assert [host.name for group in found.groups for host in group] == left


@pytest.mark.parametrize(
    ("target", "cause", "temporary"),
    [
        ("nowhere.test", "no-such-domain", False),
        ("x.broken.example", "dns-temporary", True),
        ("c.a.example", "no-address", False),
        ("[nowhere.test]", "no-address", False),
    ],
)
def test_why_there_is_no_host(target: str, cause: str, temporary: bool) -> None:
    """RFC 5321 5.1: NXDOMAIN and no address are permanent, what name servers cannot answer is not."""
    found = hosts(target)

    assert isinstance(found, DnsFailure)
    assert (found.cause, found.temporary) == (cause, temporary)


def test_brackets_ask_for_no_mx() -> None:
    """``[host]`` by address only, ``host`` by MX first (Postfix's notation); an address needs no question."""
    assert next(mail_hosts(next_hop("[a.example]", by_mx=True), NOTHING, NOTHING)) == Question("a.example", "A")
    assert next(mail_hosts(next_hop("a.example", by_mx=True), NOTHING, NOTHING)) == Question("a.example", "MX")
    assert hosts("[192.0.2.7]") == MailHosts(((MailHost("192.0.2.7", 0, ("192.0.2.7",)),),))


def test_several_next_hops_that_are_as_good() -> None:
    """Smart hosts of one connector: all their hosts are equals; one that does not exist is left out."""
    hop = NextHop("one.a.example", by_mx=False, others=(NextHop("nowhere.test", True), NextHop("b.example", True)))
    found = answered(hop)

    assert isinstance(found, MailHosts)
    assert [host.name for group in found.groups for host in group] == ["one.a.example"]


def test_the_cache_keeps_answers_for_their_ttl() -> None:
    """Positive and negative answers to the second; silence is never kept."""
    cache, question = Cache(), Question("one.a.example", "A")
    cache.put(question, ask(*question), 100.0)

    assert cache.get(question, 399.9) is not None
    assert cache.get(question, 400.0) is None
    cache.put(question, Answer("TIMEOUT", ttl_s=60.0), 500.0)
    assert cache.get(question, 501.0) is None


@pytest.mark.parametrize(("aliases", "status"), [(8, "NOERROR"), (9, "SERVFAIL")])
def test_a_chain_of_aliases_has_an_end(aliases: int, status: str) -> None:
    """Eight aliases lead to the address; of a longer chain a resolver says that it failed (RFC 1034 section 5.2.2 asks for a limit)."""
    lines = [f"    a{n} IN CNAME a{n + 1}" for n in range(aliases)]
    zone = "\n".join(["  chain.example: |", *lines, f"    a{aliases} IN A 192.0.2.1"])
    setup = Setup(scenario_from_text(ZONE.replace("  b.example: |", zone + "\n  b.example: |")))
    answer = setup.answer(Question("a0.chain.example", "A"), setup.state_at(0.0))

    assert (answer.status, bool(answer.addresses)) == (status, status == "NOERROR")


@pytest.mark.parametrize(
    ("beside", "taken"),
    [
        ("RRSIG A 8 2 300 20300101000000 20200101000000 1 a.example. AA==", True),
        ("NSEC b A", True),
        ("A 192.0.2.1", False),
    ],
)
def test_what_may_stand_beside_an_alias(beside: str, taken: bool) -> None:
    """A signature, and what denies other types (RFC 4034 sections 2.5 and 4); nothing else (RFC 1034 section 3.6.2)."""
    for lines in (
        f"x IN CNAME one\nx IN {beside}\none IN A 192.0.2.1",
        f"x IN {beside}\nx IN CNAME one\none IN A 192.0.2.1",
    ):
        zone, faults = read_zone(lines, "a.example")

        assert (not faults) == taken, faults
        assert zone.names


def test_a_list_of_networks_that_cannot_be_read_is_named() -> None:
    """Exim's ignore_target_hosts."""
    text = "coexsim: 1\ndomain: a.net\nservers:\n  mx: {kind: exim, host: mx.a.net, ignore_target_hosts: [10.0.0.0/8, 10.x]}\n"
    with pytest.raises(ScenarioError, match=r"ignore_target_hosts: '10\.x' is no network; write it such as"):
        scenario_from_text(text)
