"""What must not change a run: other servers, the order in which processes start, Python's hash seed."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.scenario.model import Mail, Scenario
from coexsim.scenario.servers import ExternalServer, RelayServer
from coexsim.sim.clock import Clock
from coexsim.sim.senders import start_senders
from coexsim.sim.world import World
from tests.sim.loaded import loaded, run_world
from tests.sim.setups import OUTSIDE, mails
from tests.sim.worlds import LIMITS, NARROW, ROLE, TICKS, WORK

TROUBLE: dict[str, Any] = {
    "events": [
        {"at": "2 min", "for": "2 min", "down": ["office-hosted", "office-internet"]},
        {"at": "5 min", "for": "1 min", "down": "onprem"},
        {"mtbf": "10 min", "mttr": "20 s", "down": "inotes-inbound"},
    ]
}
WORLDS = {
    "limits and trouble": (WORK, LIMITS, NARROW, ROLE, TROUBLE),
    "all at one moment": (TICKS, LIMITS, {"servers": {"onprem": {"capacity": {"smtp_connections": 3}}}}),
}


def fingerprint(tables: dict[str, pd.DataFrame]) -> str:
    """One number for all tables, every bit of them."""
    found = hashlib.sha256()
    for name, table in tables.items():
        for column in table:
            values = table[column]
            found.update(f"{name}.{column}".encode())
            words = values.dtype == "category"
            found.update("\0".join(map(str, values)).encode() if words else values.to_numpy().tobytes())
    return found.hexdigest()


@pytest.fixture(scope="module", params=WORLDS)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    world = loaded("domino", *WORLDS[request.param])
    return world.replaced(messages=mails(world)[:9])


@pytest.fixture(scope="module")
def expected(scenario: Scenario) -> Results:
    """What the other runs are held against."""
    return simulate(scenario)


def test_same_seed_same_bytes(scenario: Scenario, expected: Results, tmp_path: Path) -> None:
    """The files of two runs are the same byte for byte; another seed or replication gives others."""
    for name, results in (("one", expected), ("other", simulate(scenario))):
        results.save(tmp_path / name)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())

    assert [f for f in files if (tmp_path / "one" / f).read_bytes() != (tmp_path / "other" / f).read_bytes()] == []
    others = {fingerprint(simulate(scenario, **keys).tables) for keys in ({"seed": 2}, {"replication": 1})}  # type: ignore[arg-type]
    assert len(others | {fingerprint(expected.tables)}) == 3


def test_unrelated_servers_change_nothing(scenario: Scenario, expected: Results) -> None:
    """Servers before and after the others, that no mail meets: every mail has the same end at the same time."""
    first = {"unrelated": RelayServer(kind="relay", host="relay.far.example")}
    last = {"elsewhere": ExternalServer(kind="external", domain=("far.example",))}
    more = scenario.replaced(servers=first | scenario.servers | last)

    one, other = expected, simulate(more)

    assert_same(one, other)
    for table in ("stages", "timeline"):
        mine, its = getattr(one, table), getattr(other, table)
        its = its[~its["server"].isin(["unrelated", "elsewhere"])].reset_index(drop=True)
        for column in mine:
            assert mine[column].astype(str).tolist() == its[column].astype(str).tolist(), (table, column)


def assert_same(one: Any, other: Any) -> None:
    pd.testing.assert_frame_equal(one.mail, other.mail, check_exact=True)
    pd.testing.assert_frame_equal(one.messages, other.messages, check_exact=True)
    pd.testing.assert_frame_equal(one.dns, other.dns)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_order_of_processes_changes_nothing(
    scenario: Scenario, expected: Results, monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    """All processes of the start are begun in an order by lot."""

    class Shuffled(Clock):
        def __init__(self) -> None:
            super().__init__()
            self.waiting: list[Any] = []
            self.really = self.process
            self.process = self.waiting.append  # type: ignore[method-assign, assignment]

        def begin(self) -> int:
            random.Random(order).shuffle(self.waiting)
            self.process = self.really  # type: ignore[method-assign]
            return len([self.process(generator) for generator in self.waiting])

    monkeypatch.setattr("coexsim.sim.world.Clock", Shuffled)
    world = World(scenario, scenario.run.seed, 0)
    start_senders(world)
    assert isinstance(world.env, Shuffled)
    assert world.env.begin() > 10
    world.run()
    from coexsim.experiment.run import results_of

    assert fingerprint(results_of(world).tables) == fingerprint(expected.tables)


PROGRAM = """
from coexsim.experiment.run import simulate
from tests.sim.loaded import loaded
from tests.sim.test_same_run import WORLDS, fingerprint
print([fingerprint(simulate(loaded("domino", *keys)).tables) for keys in WORLDS.values()])
"""


def test_hash_seed_changes_nothing() -> None:
    """PYTHONHASHSEED decides the order of sets of words; nothing here goes by it."""
    said = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "1")
    }  # fmt: skip

    assert len(said) == 1


def test_the_comparison_says_no() -> None:
    """A message more is seen."""
    one = loaded()
    more = one.replaced(messages=(Mail.from_data({"from": OUTSIDE, "to": "dUser1@corporate.com"}),))

    assert fingerprint(run_world(one)[1].tables) != fingerprint(run_world(more)[1].tables)
