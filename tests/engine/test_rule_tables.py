"""What the rules said in one run serves the next one of the same rules, and no other; tables are the same with it and without."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from coexsim.engine.cache import load_kernel
from coexsim.engine.choice import not_covered
from coexsim.engine.rule_tables import RuleTableCache, RuleTables, rules_of
from coexsim.experiment.results import Results
from coexsim.experiment.run import results_of
from coexsim.mail.setup import Setup
from coexsim.scenario.init import scenario_text
from coexsim.scenario.load import changed, load_scenario, scenario_from_text
from coexsim.scenario.model import Scenario
from coexsim.sim.world import World
from tests.engine.both import assert_same, compiled
from tests.engine.random_worlds import random_world


def with_tables(scenario: Scenario, tables: RuleTables, *, seed: int, stream: bool = False) -> Results:
    """The tables of a run that goes on with what the rules said before."""
    load_kernel()
    from coexsim.engine.drive import Compiled

    world = World(scenario, seed, 0, keep_visits=not stream, stream=stream)
    Compiled(world, tables=tables).run()
    return results_of(world)


@pytest.mark.parametrize("number", range(12))
def test_a_run_with_rules_asked_before_is_the_same(number: int) -> None:
    """Another seed's run, the run itself and once more: the last two are what a run with rules of its own gives.

    The worlds have moves, outages, several MX and notices; those with a greylist are run too, though nothing is kept for them.
    """
    scenario = random_world(4_000 + number)
    if scenario is None or not_covered(scenario) is not None:
        pytest.skip("the engine does not know something in this world")
    if any(server.greylisting for server in scenario.servers.values()):
        pytest.skip("nothing is kept where a server looks at the time")
    tables = RuleTables()
    alone = compiled(scenario, seed=3)
    with_tables(scenario, tables, seed=4)
    assert_same(alone, with_tables(scenario, tables, seed=3))
    assert_same(alone, with_tables(scenario, tables, seed=3))


@pytest.mark.parametrize(
    "key",
    [
        "greylisting.delay",
        "smtpd_client_message_rate_limit",
        "reject_unverified_recipient",
        "reject_unverified_sender",
        None,
    ],
)
def test_answers_that_depend_on_what_came_before_are_not_kept(key: str | None) -> None:
    """Of a greylist, a rate and a probe no tables are kept for the next run; of the same server without them they are."""
    values = {"greylisting.delay": "5 min", "smtpd_client_message_rate_limit": 30}
    scenario = scenario_from_text(scenario_text("postfix-split", "acme.com", 3, 2, "20 Mbit/s"))
    if key is not None:
        scenario = changed(scenario, {f"servers.onprem.{key}": values.get(key, True)})
    cache, setup = RuleTableCache(), Setup(scenario)
    with cache.lent(scenario, setup) as first, cache.lent(scenario, setup) as beside:
        assert first is not beside  # a run has its tables alone
    with cache.lent(scenario, setup) as again:
        assert (again in (first, beside)) == (key is None)


def test_a_machine_and_a_load_change_no_rule() -> None:
    """Cores, threads, bandwidth, load, length and the number of mailboxes are not among the rules."""
    scenario = load_scenario("scenarios/load/corporate-20k.yaml")
    others: dict[str, Any] = {
        "servers.onprem.capacity.cores": 4, "servers.onprem.capacity.transfer_threads_per_destination": 2, "run.seed": 7,
        "directory.population.hosted": 5000, "servers.onprem.service.scan": "1 ms",
    }  # fmt: skip
    for key, value in others.items():
        assert rules_of(changed(scenario, {key: value})) == rules_of(scenario), key


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("servers.onprem.smart_host", "other.example"),
        ("servers.onprem.max_message_size", "1 MB"),
        ("servers.onprem.smtp.pipelining", False),
        ("directory.population.hosted", 0),
        ("sites", ["office", "hosted", "internet", "branch"]),
    ],
)
def test_what_a_rule_looks_at_asks_it_anew(key: str, value: object) -> None:
    """A smart host, a limit, how sessions talk, whether there are hosted mailboxes at all, places: other rules."""
    scenario = load_scenario("scenarios/load/corporate-20k.yaml")
    assert rules_of(changed(scenario, {key: value})) != rules_of(scenario)


def test_the_order_of_servers_counts() -> None:
    """Rows speak of servers by number."""
    scenario = load_scenario("scenarios/load/corporate-20k.yaml")
    turned = scenario.replaced(servers=dict(reversed(scenario.servers.items())))
    assert rules_of(turned) != rules_of(scenario)


def test_tables_are_lent_to_one_run_at_a_time() -> None:
    """A run has its tables alone; afterwards they are found again by the same rules. Those of a run that failed are not kept."""
    scenario = load_scenario("scenarios/load/corporate-20k.yaml")
    setup = World(scenario, 1, 0).setup
    cache = RuleTableCache()
    with cache.lent(scenario, setup) as first, cache.lent(scenario, setup) as second:
        assert first is not second
    with cache.lent(changed(scenario, {"servers.onprem.capacity.cores": 4}), setup) as again:
        assert again in (first, second)
    with pytest.raises(ZeroDivisionError), cache.lent(scenario, setup) as broken:
        raise ZeroDivisionError
    with cache.lent(scenario, setup) as after:
        assert after is not broken


def test_a_streamed_run_is_the_same_after_another() -> None:
    """Cells are numbered by what rows say, in the order in which it is first said: not by what other runs met before."""
    scenario = changed(
        load_scenario("scenarios/load/corporate-20k.yaml"),
        {"run": {"start": "Mon 09:00", "length": "2 min"}, "objectives": []},
    )
    tables = RuleTables()
    alone = with_tables(scenario, RuleTables(), seed=3, stream=True)
    with_tables(scenario, tables, seed=4, stream=True)
    after = with_tables(scenario, tables, seed=3, stream=True)
    for name in ("mail", "dns", "stages", "timeline"):
        pd.testing.assert_frame_equal(alone.tables[name], after.tables[name], check_exact=True, obj=name)
