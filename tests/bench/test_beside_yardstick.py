"""Whole commands and outage scenarios beside the loop of generators that came before the two engines. Run by `make bench`.

The earlier sources are taken from the repository's history; seconds are of one processor, children included.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from tests.bench.measure import LOADED_DAY, YARDSTICK, earlier

pytestmark = pytest.mark.bench
SIZING = "scenarios/sizing/corporate-20k.yaml"
OUTAGES = [f"scenarios/outage/{name}.yaml" for name in ("hosted-down", "onprem-down", "wan-cut")]
COMMANDS = {
    "run of the loaded day, pictures included": ("run", LOADED_DAY),
    "size": ("size", SIZING, "--jobs", "1"),
    "sweep over the hosted share": ("sweep", SIZING, "hosted_share=0..100%", "--jobs", "1"),
}
ASKED = {"run of the loaded day, pictures included": 6, "size": 8, "sweep over the hosted share": 8}
RUNS = int(os.environ.get("COEXSIM_BENCH_RUNS", "3"))
"""Pairs of whole commands; of so many the median counts."""
LOOP = """
import json, sys, time
from coexsim.scenario.load import load_scenario
from coexsim.sim.world import World
from coexsim.sim.senders import start_senders
scenario = load_scenario(sys.argv[1])
def run(replication):
    begin_s = time.process_time()
    world = World(scenario, scenario.run.seed, replication)
    if sys.argv[2] == "then":
        start_senders(world)
        world.run()
    else:
        Compiled(world, tables=tables).run()
    return time.process_time() - begin_s
if sys.argv[2] == "now":
    from coexsim.engine.cache import load_kernel
    from coexsim.engine.rule_tables import RuleTables
    load_kernel()
    from coexsim.engine.drive import Compiled
    tables = RuleTables()
print(json.dumps([run(number) for number in range(int(sys.argv[3]))]))
"""
"""The loop alone, drawing and recording included, of the first replications in one process."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The earlier sources."""
    found = earlier(tmp_path_factory.mktemp("yardstick"))
    if found is None:
        pytest.skip(f"the repository does not hold commit {YARDSTICK}")
    return found


def processor_s(arguments: list[str], tree: Path | None) -> float:
    """The processor time of a command with the sources of a tree, or ours."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = os.environ | {"PYTHONPATH": str(tree or Path.cwd())}
    done = subprocess.run([sys.executable, *arguments], cwd=tree, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1, 3), done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def loop_s(scenario: str, tree: Path | None, runs: int) -> list[float]:
    """The processor time of each run's loop."""
    env = os.environ | {"PYTHONPATH": str(tree or Path.cwd())}
    command = [sys.executable, "-c", LOOP, scenario, "then" if tree else "now", str(runs)]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=True)
    found: list[float] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("scenario", "asked"), [(LOADED_DAY, 20), *((one, 15) for one in OUTAGES)])
def test_loop(tree: Path, scenario: str, asked: float) -> None:
    """The loop of a run, with drawing and recording: the first, which asks the rules, and the median of three replications."""
    then, now = loop_s(scenario, tree, 1)[0], loop_s(scenario, None, 3)
    middle = median(now)
    said = f"{then:.1f} s -> {now[0]:.1f} s, ratio {then / now[0]:.1f}x; median of three {middle:.1f} s, ratio {then / middle:.1f}x"
    print(f"\n  loop of {scenario}: {said} ({asked}x asked)")

    assert then / now[0] > 5


@pytest.mark.parametrize("name", COMMANDS)
def test_command(tree: Path, tmp_path: Path, name: str) -> None:
    """A whole command, imports and pictures included, the engine compiled before: each run beside one of the yardstick.

    `size` of today goes on until nothing is open for want of replications, the yardstick's gives up earlier.
    """
    command = ["-m", "coexsim", *COMMANDS[name]]
    processor_s(["-m", "coexsim.engine"], None)
    pairs = []
    for number in range(RUNS):
        then = processor_s([*command, "--out", str(tmp_path / f"then-{number}")], tree)
        now = processor_s([*command, "--out", str(tmp_path / f"now-{number}")], None)
        pairs.append((then / now, then, now))
        print(f"\n  {name}: {then:.1f} s -> {now:.1f} s, ratio {then / now:.1f}x ({ASKED[name]}x asked)")
    print(f"  median ratio {median(ratio for ratio, _, _ in pairs):.1f}x")

    assert median(ratio for ratio, _, _ in pairs) > 2
