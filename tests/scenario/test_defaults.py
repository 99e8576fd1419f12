"""Defaults that invent neither a free machine nor a catastrophe."""

from __future__ import annotations

import pytest

from coexsim.mail.products.registry import policy_of
from coexsim.scenario.assumptions import assumptions
from coexsim.scenario.idle import without_work
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario
from coexsim.sim.build import senders

TEXT = """\
coexsim: 1
domain: corporate.com
servers:
  onprem: {{kind: {kind}, host: mail.corporate.com, {more}}}
  cloud: {{kind: hosted-outbound, {cloud}}}
  world: {{kind: external, domain: otherdomain.com}}
"""


def setup(more: str = "", kind: str = "postfix", cloud: str = "") -> Scenario:
    """A server with something written of it."""
    return scenario_from_text(TEXT.format(kind=kind, more=more, cloud=cloud), "defaults.yaml")


@pytest.mark.parametrize(("rate_per_s", "size_bytes"), [(693, 4_000), (495, 75_000), (99, 1_000_000)])
def test_cores_of_which_nothing_is_said_work_as_measured(rate_per_s: float, size_bytes: int) -> None:
    """Two cores relayed so many messages a second (lab, Postfix 3.7.11); the line through the three is within 3 % of each."""
    work = setup("capacity: {cores: 2}").servers["onprem"].work.queue_write

    assert 2 / work.mean_s(size_bytes) == pytest.approx(rate_per_s, rel=0.03)


def test_no_work_is_made_up_for_what_is_written_or_has_no_cores() -> None:
    """What a scenario says of its work stands alone, also where it says that there is none."""
    assert not setup().servers["onprem"].works_by_default
    assert not setup("capacity: {cores: 2}, service: {}").servers["onprem"].works_by_default
    assert setup("capacity: {cores: 2}, service: {scan: 1 s}").servers["onprem"].work.queue_write.fixed == 0


@pytest.mark.parametrize(("kind", "from_memory"), [("postfix", False), ("domino", True), ("exchange", True)])
def test_assumed_work_is_told_with_its_source(kind: str, from_memory: bool) -> None:
    """It is Postfix's, as measured; for products that publish none it is marked as to be replaced."""
    told = [each for each in assumptions(setup("capacity: {cores: 2}", kind)) if "queue_write" in each.path]

    assert len(told) == 1
    assert "Postfix 3.7.11" in told[0].source
    assert told[0].is_from_memory == from_memory
    assert not [
        each for each in assumptions(setup("capacity: {cores: 2}, service: {}", kind)) if "queue_write" in each.path
    ]


@pytest.mark.parametrize(
    ("more", "idle"),
    [
        ("capacity: {cores: 2}", []),
        ("capacity: {cores: 2}, service: {}", ["cores"]),
        ("capacity: {delivery_threads: 2}", ["delivery_threads"]),
        ("capacity: {cores: 2, delivery_threads: 2}, service: {scan: 1 s, deliver: 8 ms}", []),
    ],
)
def test_resources_without_work_are_named(more: str, idle: list[str]) -> None:
    """A resource with a limit and nothing to do."""
    assert [path[-1] for path, _ in without_work(setup(more))] == idle


def test_the_internet_is_many_senders_and_a_named_service_sends_from_several_hosts() -> None:
    """Unless the scenario says how many; a service of which nothing is known is one."""

    def hosts(scenario: Scenario, name: str) -> int:
        return senders(scenario.servers[name], policy_of(scenario, name, frozenset()))

    assert hosts(setup(), "world") == 1000
    assert [
        hosts(setup(cloud=cloud), "cloud") for cloud in ("", "provider: exchange-online", "outgoing_addresses: 3")
    ] == [1, 8, 3]
    assert hosts(setup(), "onprem") == 1
