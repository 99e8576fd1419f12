"""A product is a file: every kind of server that a scenario can write is known wherever the code asks what kind it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import pytest

from coexsim.mail.products.product import Product
from coexsim.mail.products.registry import PRODUCTS, SCHEDULES, schedule_of
from coexsim.mail.replies import COMMON, reply
from coexsim.mail.retry import RetrySchedule
from coexsim.mail.setup import Setup
from coexsim.report.maps import ORDER
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.machine import RetryPlan
from coexsim.scenario.servers import KINDS, AnyServer
from coexsim.scenario.servers.base import ServerBase
from tests.annotations import literals

REQUIRED = {"external": "domain: third.example"}


def missing_kinds(**known: Iterable[str]) -> dict[str, list[str]]:
    """The kinds that each collection lacks, and those that it has too many."""
    return {name: found for name, kinds in known.items() if (found := sorted(set(KINDS).symmetric_difference(kinds)))}


def test_every_kind_of_server_is_known_everywhere() -> None:
    """A kind that a scenario can write has a product and a place in the picture of the set-up."""
    classes = [literals(one, "kind")[0] for one in get_args(AnyServer)]

    assert missing_kinds(classes=classes, products=PRODUCTS, order=ORDER) == {}


def test_a_missing_kind_is_found() -> None:
    """The check says no: to a kind left out, and to one that nobody can write."""
    assert missing_kinds(products=set(PRODUCTS) - {"postfix"}) == {"products": ["postfix"]}
    assert missing_kinds(products=[*PRODUCTS, "courier"]) == {"products": ["courier"]}


def test_every_schedule_that_a_scenario_can_name_exists() -> None:
    """`retry: {like: ...}` names schedules of products, and every such schedule can be named."""
    assert set(literals(RetryPlan, "like")) == set(SCHEDULES)


NOT_OURS = {"relay", "hosted-inbound", "hosted-outbound", "external"}
"""Kinds whose retries are not a product's setting that is known here, or not the organisation's to change."""


def test_every_product_says_where_its_retries_are_set() -> None:
    """An outage's answer names that setting."""
    assert {kind for kind, product in PRODUCTS.items() if not product.retry_setting} == NOT_OURS


def told_twice(products: Iterable[Product]) -> list[str]:
    """The schedules that products give the same name, though they are not the same."""
    known: dict[str, RetrySchedule] = {}
    named = ((name, schedule) for product in products for name, schedule in product.schedules.items())
    return [name for name, schedule in named if known.setdefault(name, schedule) != schedule]


def test_no_two_products_give_one_name_to_different_schedules() -> None:
    """`retry: {like: NAME}` is one schedule; the check says no to a product that takes another's name for its own."""
    usurper = PRODUCTS["exim"]._replace(schedules={"postfix": PRODUCTS["exim"].schedules["exim"]})

    assert told_twice(PRODUCTS.values()) == []
    assert told_twice([PRODUCTS["postfix"], usurper]) == ["postfix"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_makes_a_policy(kind: str) -> None:
    """A server with nothing but its kind said has a policy under its own name, a retry schedule, and all replies."""
    text = (
        f"coexsim: 1\ndomain: corporate.com\nservers:\n  one: {{kind: {kind}, host: one.corporate.com, "
        f"{REQUIRED.get(kind, 'relay_for: []')}}}\n"
    )
    setup = Setup(scenario_from_text(text))
    server, policy = setup.scenario.servers["one"], setup.policies["one"]

    assert policy.server == "one"
    assert policy.product == PRODUCTS[kind].name
    assert isinstance(schedule_of(server), RetrySchedule)
    for cause in COMMON:
        said = reply(policy.product, cause, address="a@b.example", domain="b.example", detail="x")
        assert 400 <= said.code < 600
        seen_so = (kind, cause) == ("exchange", "tls-not-offered")  # 451 5.7.3, as Exchange writes it
        assert said.enhanced[0] == str(said.code)[0] or cause == "expired" or seen_so


def test_products_of_one_name_give_the_same_replies() -> None:
    """Replies are looked up by a product's name: two kinds of one name cannot differ in them."""
    for one in PRODUCTS.values():
        assert all(one.replies == other.replies for other in PRODUCTS.values() if other.name == one.name), one.kind
        assert set(one.replies) <= set(COMMON), one.kind


def keys_of_domains(kind: type[ServerBase]) -> set[str]:
    """The keys of a kind of server that list domains, by their names: a domain each, or the domains of a table."""
    return {name for name in kind.model_fields if name.split("_")[-1] in ("domain", "domains")} - NOT_LISTS.keys()


NOT_LISTS = {
    "primary_domain": "one domain",
    "domino_domain": "a name of Domino's own",
    "smtp_outside_local_domain": "a switch",
    "foreign_smtp_domains": "patterns of Foreign SMTP Domain documents",
    "reject_unknown_sender_domain": "a switch",
    "reject_unknown_recipient_domain": "a switch",
    "reject_reserved_domains": "a switch",
    "resolve_numeric_domain": "a switch",
}


@pytest.mark.parametrize("kind", get_args(AnyServer), ids=lambda kind: kind.__name__)
def test_every_list_of_domains_is_known_as_one(kind: type[ServerBase]) -> None:
    """What is no domain in them would match nothing, so a product says which of its keys list domains."""
    assert keys_of_domains(kind) <= {*kind.domain_keys, *kind.domain_pattern_keys}


def test_a_list_of_domains_that_a_product_forgot_is_found() -> None:
    """The check says no to a kind whose new key of domains is not named."""

    class Forgetful(ServerBase):
        handled_domains: tuple[str, ...] = ()

    assert keys_of_domains(Forgetful) == {"handled_domains"}
