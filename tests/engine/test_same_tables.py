"""The compiled engine gives the reference's tables: mail, named messages, visits and DNS to the last bit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from coexsim.engine.choice import Engine
from coexsim.experiment.run import simulate
from coexsim.scenario.load import changed, load_scenario
from coexsim.scenario.model import Scenario
from coexsim.sim.stage_log import FOLD_AT
from tests.engine.both import (
    CLOSE,
    assert_close,
    assert_compiled_agrees,
    assert_engines_agree,
    assert_same,
    compiled,
    reference,
)
from tests.engine.random_worlds import random_world
from tests.sim.loaded import loaded
from tests.sim.setups import mails, named, named_setups
from tests.sim.worlds import WORK, WORLDS

ENGINES: tuple[Engine, ...] = ("reference", "compiled")
SCENARIOS = Path(__file__).parents[2] / "scenarios"
RANDOM_WORLDS = int(os.environ.get("COEXSIM_RANDOM_WORLDS", "100"))
FIRST_WORLD = int(os.environ.get("COEXSIM_FIRST_RANDOM_WORLD", "0"))
PER_TEST = 10
LONGEST_S = (
    600.0 if "COEXSIM_RANDOM_WORLDS" in os.environ else 140.0
)  # of a random world: the long form runs each to its end


def part(file: str, begin: str, minutes: int) -> Scenario:
    """Some minutes of a shipped scenario."""
    changes = {"run.start": begin, "run.length": f"{minutes} min", "run.measure": None}
    return changed(load_scenario(SCENARIOS / file), changes)


@pytest.mark.parametrize("name", WORLDS)
def test_loaded_worlds(name: str) -> None:
    """Small loaded worlds with limits, narrow links, roles, moves, DNS faults, outages and coinciding moments."""
    assert_engines_agree(loaded("domino", *WORLDS[name]))


@pytest.mark.parametrize("name", named_setups())
def test_named_messages(name: str) -> None:
    """The set-ups in which trace and simulation are compared, with a message for every pair of people."""
    scenario = named(name)
    assert_engines_agree(scenario.replaced(messages=mails(scenario)))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("file", sorted(str(f.relative_to(SCENARIOS)) for f in SCENARIOS.glob("[am]*/*.yaml")))
def test_shipped_messages(file: str, seed: int) -> None:
    """The article's scenarios and those of today's services."""
    assert_engines_agree(load_scenario(SCENARIOS / file), seed=seed)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("file", "begin"), [("load/corporate-20k.yaml", "Mon 08:50"), ("sizing/corporate-20k.yaml", "Mon 10:00")]
)
def test_shipped_load(file: str, begin: str, seed: int) -> None:
    """A part of the loaded Monday of 20,000 mailboxes, and of the sizing scenario."""
    assert_engines_agree(part(file, begin, 3), seed=seed)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("file", ["hosted-down.yaml", "onprem-down.yaml", "wan-cut.yaml"])
def test_shipped_outages(file: str, seed: int) -> None:
    """Ten minutes of each outage scenario around the beginning of the outage."""
    assert_engines_agree(part(f"outage/{file}", "Mon 11:56", 10), seed=seed)


def test_replications_with_other_traffic() -> None:
    """Each replication has its own mail, over lines whose bandwidth changes."""
    scenario = loaded("domino", *WORLDS["other traffic"])
    for replication in (1, 2):
        one, other = (simulate(scenario, replication=replication, engine=engine) for engine in ENGINES)
        assert_same(one, other)


def test_means_of_stages_are_the_same_to_the_last_bit() -> None:
    """Sums are made in the order of the visits by both engines, also where there are more of them than are folded at a time."""
    scenario = loaded("domino", *WORLDS["other traffic"], {"run": {"length": "2 h"}})
    one, other = (simulate(scenario, engine=engine) for engine in ENGINES)
    assert one.stages["visits"].max() > FOLD_AT / 3
    exact = ["mean_wait_s", "mean_service_s", "mean_busy", "mean_queue"]
    pd.testing.assert_frame_equal(one.stages[exact], other.stages[exact], check_exact=True)
    pd.testing.assert_frame_equal(one.timeline, other.timeline, check_exact=True)


def test_streams_with_other_traffic() -> None:
    """A streamed run has the same cells, whatever the order in which they were first seen."""
    scenario = loaded("domino", *WORLDS["other traffic"])
    one, other = (simulate(scenario, stream=True, engine=engine) for engine in ENGINES)

    for name in ("visits", "dns"):
        pd.testing.assert_frame_equal(one.tables[name], other.tables[name], check_exact=True)
    for name in CLOSE:
        assert_close(one.tables[name], other.tables[name])
    cells = [each.mail.drop(columns="mail") for each in (one, other)]
    assert_close(*(each.sort_values(each.columns.to_list(), ignore_index=True) for each in cells))


@pytest.mark.parametrize("first", range(FIRST_WORLD, FIRST_WORLD + RANDOM_WORLDS, PER_TEST))
def test_random_worlds(first: int) -> None:
    """Random worlds, of every third no visits are kept; ``COEXSIM_RANDOM_WORLDS=3000 pytest -k random_worlds`` tries more of them."""
    tried = 0
    for number in range(first, min(first + PER_TEST, FIRST_WORLD + RANDOM_WORLDS)):
        scenario = random_world(number)
        if scenario is None:
            continue
        tried += 1
        run = scenario.run.replaced(length=min(scenario.run.length, LONGEST_S))
        try:
            assert_engines_agree(scenario.replaced(run=run), seed=number, keep_visits=bool(number % 3))
        except AssertionError as error:
            raise AssertionError(f"random world {number}: {error}") from error
    assert tried


RARELY: list[dict[str, Any]] = [{"room": 1}, {"block_mails": 1}, {"forced": True}]
"""Arrays begin with one place; a mail a block; the kernel returns to Python before every step."""


@pytest.mark.parametrize(
    "name", ["limits and narrow links, a role", "other traffic", "the hosted side is down", "answers of DNS grow old"]
)
def test_returns_and_growth_change_nothing(name: str) -> None:
    """Every array grows, every block ends, and the kernel returns to Python before each of its steps: the tables stay the same."""
    scenario = loaded("domino", *WORLDS[name], {"run": {"length": "100 s"}})
    assert_compiled_agrees(scenario, [*RARELY, {"room": 1, "block_mails": 1, "forced": True}])


@pytest.mark.parametrize("room", [1, 64, 100, 250, 400])
def test_all_who_wait_for_a_session_may_get_one_at_once(room: int) -> None:
    """Exchange gives a destination up after its one session came to nothing: all that wait for it go on at that moment, more events than
    any other step makes. With little room the heap must have grown before.
    """
    crowd = {
        "streams": [
            {"from": "onprem", "to": "hosted", "rate": "4/s"},
            {"from": "internet", "to": "onprem", "rate": "2/s"},
        ]
    }
    down = [{"at": "5 s", "for": "150 s", "down": ["office-hosted", "office-internet"]}]
    slow = {"onprem": {"capacity": {"transfer_threads_per_destination": 1}}}
    scenario = loaded("exchange", {"load": crowd, "events": down, "servers": slow, "run": {"length": "200 s"}})
    assert_engines_agree(scenario, room=room)


def test_the_comparison_says_no() -> None:
    """A difference of a thousandth of a millisecond in the work on a mail is seen."""
    other = loaded("domino", WORK, {"servers": {"onprem": {"service": {"directory_lookup": "2.001 ms"}}}})

    with pytest.raises(AssertionError):
        assert_same(reference(loaded("domino", WORK)), compiled(other))


DOWN = [{"at": "60 s", "for": "30 s", "down": ["onprem"]}, {"at": "120 s", "for": "9 s", "down": ["external"]}]


@pytest.mark.parametrize("events", [None, DOWN], ids=["all up", "client and server down meanwhile"])
@pytest.mark.parametrize("verify", [False, True], ids=["all are taken", "some are refused for good"])
def test_a_run_may_end_within_an_attempt(verify: bool, events: list[dict[str, Any]] | None) -> None:
    """One MX has taken some recipients and told others to come later, who wait for the other MX: each is counted once."""
    world = random_world(601301000)  # it ended so, with 24 recipients too many
    assert world is not None
    for length in ("100 s", "120 s", "160 s"):
        changes = {"run.length": length, "servers.backup.verify_recipients": verify}
        scenario = changed(world, changes | ({"events": events} if events else {}))
        results = reference(scenario, seed=7)
        assert int(results.mail["recipients"].sum()) == results.provenance["sent"]
        assert_same(results, compiled(scenario, seed=7))
