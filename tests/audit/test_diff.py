"""What a change of the set-up does to the ways of mail, and to whose load."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.audit.classes import recipients, senders
from coexsim.audit.diff import diff_routes
from coexsim.audit.mix import per_thousand
from coexsim.mail.setup import Setup
from coexsim.scenario.load import changed, load_scenario
from tests.audit.cases import ARTICLE, CASES, article_with

SCENARIOS = ARTICLE.parent
ENVIRONMENT = load_scenario(ARTICLE / "environment.yaml")
DIRECT = load_scenario(SCENARIOS / "modern" / "article-direct.yaml")


@pytest.mark.parametrize(
    "file", sorted((*ARTICLE.glob("*.yaml"), *(SCENARIOS / "modern").glob("*.yaml"))), ids=lambda f: f.stem
)
def test_a_set_up_does_not_differ_from_itself(file: Path) -> None:
    """Nothing changed, and every load stays."""
    diff = diff_routes(load_scenario(file), load_scenario(file))

    assert not diff.changed
    assert diff.compared > 0
    assert all(load.moved == 0 for load in diff.loads)


def test_direct_delivery_takes_the_round_trip_away_and_nothing_else_of_small_mail() -> None:
    """Hosted to hosted is the only class that goes another way; two WAN crossings and the on-premises share of its load go."""
    diff = diff_routes(ENVIRONMENT, DIRECT)
    [change] = [c for c in diff.changes if c.size_bytes == 4096]

    assert diff.gone_round_trips == (change,)
    assert (diff.new_round_trips, diff.new_loops, diff.new_failures) == ((), (), ())
    assert change.old.servers == ("inotes-outbound", "onprem", "smart-host", "inotes-inbound")
    assert change.new.servers == ("inotes-outbound", "inotes-inbound")
    assert (change.old.wan_crossings, change.new.wan_crossings) == (2, 0)
    assert change.what == ("route", "hops", "WAN crossings")
    moved = {load.server: load.moved for load in diff.loads}
    assert moved["onprem"] == pytest.approx(-change.per_1000, abs=0.05)  # told to a decimal
    assert moved["inotes-inbound"] == pytest.approx(0)


def test_direct_delivery_lets_large_mail_pass_the_on_premises_limit_by() -> None:
    """What on-premises refused for its size arrives now: the article's advantage that is lost with the round trip."""
    [arrives] = diff_routes(ENVIRONMENT, DIRECT).new_arrivals

    assert arrives.size_bytes == 25_000_001
    assert (arrives.old.code, arrives.new.outcome) == ("5.3.4", "delivered")


def test_the_way_back_is_a_new_round_trip() -> None:
    """The comparison has a direction."""
    back = diff_routes(DIRECT, ENVIRONMENT)

    assert [c.recipient for c in back.new_round_trips] == [
        c.recipient for c in diff_routes(ENVIRONMENT, DIRECT).gone_round_trips
    ]
    assert back.new_failures


def test_mail_that_arrives_no_more_is_told() -> None:
    """Every class from outside, and from hosted people, bounces once the MX target has no address."""
    diff = diff_routes(ENVIRONMENT, load_scenario(ARTICLE / "as-printed.yaml"))

    small = {(c.sender.split(" ")[0], c.recipient.split(" ")[0]) for c in diff.new_failures if c.size_bytes == 4096}
    assert small == {
        ("iUser1", "dUser1"),
        ("iUser1", "iUser1"),
        ("someuser@otherdomain.com", "dUser1"),
        ("someuser@otherdomain.com", "iUser1"),
    }


def test_a_new_loop_is_told() -> None:
    """Two smart hosts that point at each other pass unknown addresses round."""
    diff = diff_routes(article_with(CASES["LOOP"].sound), article_with(CASES["LOOP"].faulty))

    assert {c.recipient for c in diff.new_loops} == {"nonexistent@corporate.com"}
    assert all(c.new.transactions == 16 for c in diff.new_loops)  # eight times two: Exchange's local hop limit [PS-RC]


def test_who_moves_is_a_class_of_its_own() -> None:
    """The classes are alike before and after: of two people on-premises, the one who moves is told apart."""
    moved = article_with("directory: {people: {dUser2: {mail_system: other-internet-mail, mail_file: null}}}")
    changes = [
        c for c in diff_routes(ENVIRONMENT, moved).changes if c.size_bytes == 4096 and c.sender.startswith("someuser")
    ]

    assert [(c.recipient, c.new.servers[-1]) for c in changes] == [("dUser2", "inotes-inbound")]


def test_hosted_mail_is_the_square_of_the_hosted_share() -> None:
    """With h of the mailboxes hosted, h * h of the mail between mailboxes is between hosted ones (mail-facts section 7)."""
    scenario = changed(ENVIRONMENT, {"directory.population": {"onprem": 7998, "hosted": 11998}})
    setup = Setup(scenario)
    mix = per_thousand(scenario, senders(setup), recipients(setup))
    every = {(one.name, two.name): mix.weight(one, two) for one in senders(setup) for two in recipients(setup)}
    inside = {pair: weight for pair, weight in every.items() if not any("@" in name for name in pair)}
    both = next(weight for pair, weight in inside.items() if all(name.startswith("iUser1") for name in pair))

    assert sum(every.values()) == pytest.approx(1000)
    assert both / sum(inside.values()) == pytest.approx(0.6**2)
