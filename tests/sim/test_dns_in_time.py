"""DNS in the small world: what is asked, remembered and waited for, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from coexsim.experiment.results import Results
from coexsim.mail.trace import trace
from coexsim.scenario.load import scenario_from_text
from coexsim.sim.world import World
from tests.sim.setups import as_text
from tests.sim.small import IN, SMALL, Small, ends, event, into

BY_MX: dict[str, Any] = {"servers": {"external": {"smart_host": None}}}


def asked(results: Results) -> list[tuple[str, int, int]]:
    return list(results.dns[["type", "asked", "cached"]].itertuples(index=False, name=None))


def test_dns_that_is_down_defers(small: Small) -> None:
    """The sender's resolver waits 5 s for an answer: then 4.4.3 for the time being."""
    by_mx = into("external", smart_host=None)
    names = {"name_servers": {"answer": "0 s", "site": "internet"}}
    results = small.run([IN], by_mx, names, event(at="0 s", **{"for": "7 min"}, down="dns"))

    assert ends(results) == [("delivered", 605.0, 2)]
    questions = results.dns[results.dns["type"] == "MX"]
    assert (questions["asked"].tolist(), questions["failed"].tolist()) == ([2], [1])


def test_dns_is_asked_once_and_remembered(small: Small) -> None:
    """A hundred messages, MX and address good for 30 days: two questions, and 99 times an answer from the cache for each."""
    mails = [(10.0 * i, *IN[1:]) for i in range(100)]
    for more in ({}, into("external", capacity={"transfer_threads": 50})):
        assert asked(small.run(mails, BY_MX, more)) == [("MX", 1, 99), ("A", 1, 99)]


def test_who_has_the_same_question_waits_for_the_same_answer(small: Small) -> None:
    """A hundred messages at once: two questions of 1 ms (the name server stands beside the sender), then sessions of 5 s for all.

    A resolver sends a question once, however many want to know (RFC 5452, section 5).
    """
    results = small.run([IN] * 100, BY_MX)

    assert asked(results) == [("MX", 1, 99), ("A", 1, 99)]
    assert ends(results) == [("delivered", 5.002, 1)] * 100


def test_caches_outlive_a_name_server(small: Small) -> None:
    """Name servers down from 100 s to 1000 s: what was asked before still goes through. With a cold cache mail waits: tried at 200 s,
    at 600 s (the queue run after 205 + 300), and at 1200 s (after 605 + its age of 405).
    """
    outage = event(at="100 s", down="dns", **{"for": "15 min"})
    late = (200.0, *IN[1:])

    assert [end_s for _, end_s, _ in ends(small.run([IN, late], BY_MX, outage))] == [5.002, 205.0]
    assert ends(small.run([late], BY_MX, outage)) == [("delivered", 1205.002, 3)]


CONNECTORS = [
    {"name": "in", "address_spaces": "corporate.com", "smart_hosts": "relay.example"},
    {"name": "out", "address_spaces": "*", "smart_hosts": "relay.example", "use_external_dns": True},
]
TWO_VIEWS: dict[str, Any] = {
    "servers": {
        "onprem": {
            "kind": "exchange",
            "smart_host": None,
            "accepted_domains": {"corporate.com": "internal-relay"},
            "send_connectors": CONNECTORS,
        },
        "external": {"address": "192.0.2.30"},
    },
    "dns": {"relay.example": "@ 30d IN A 192.0.2.30"},
    "internal_dns": {"relay.example": "@ 30d IN A 192.0.2.20"},
}


@pytest.mark.parametrize(("first", "second"), [("internet", "hosted"), ("hosted", "internet")])
def test_the_views_of_dns_are_kept_apart(small: Small, first: str, second: str) -> None:
    """One smart host by name on two Send connectors: outside DNS says where the Internet's relay is, inside DNS the hosted one."""
    results = small.run([(0.0, "onprem", first, 1000), (100.0, "onprem", second, 1000)], TWO_VIEWS)
    people = {"internet": "someone@otherdomain.com", "hosted": "hosted-mailbox@corporate.com"}
    setup = scenario_from_text(as_text(SMALL, TWO_VIEWS))
    route = trace(setup, "onprem-mailbox@corporate.com", [people[first], people[second]])

    assert [outcome for outcome, _, _ in ends(results)] == ["delivered", "delivered"]
    assert [found.outcome for found in route.recipients] == ["delivered", "delivered"]


def test_one_name_in_two_views_is_two_destinations(small: Small) -> None:
    """The Internet's relay is down for an hour and its destination marked dead; the hosted one has the same name and takes its mail."""
    down = event(at="0 s", down="external", **{"for": "1 h"})
    mails = [(0.0, "onprem", "internet", 1000), (30.0, "onprem", "hosted", 1000)]
    late, at_once = ends(small.run(mails, TWO_VIEWS, down))

    assert late[1] >= 3600
    assert at_once == ("delivered", 37.002, 1)


def test_name_servers_that_no_link_leads_to_are_near() -> None:
    """Where the scenario has no link to them, a question costs no round trip, rather than being impossible."""
    text = as_text(SMALL, {"name_servers": {"site": "elsewhere"}, "sites": [*SMALL["sites"], "elsewhere"]})
    world = World(scenario_from_text(text), 1, 0)

    assert {server.resolvers.round_trip_s for server in world.servers.values()} == {0.0}
