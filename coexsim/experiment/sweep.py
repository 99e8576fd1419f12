"""A scenario over values of its keys: every combination, every replication, one tidy table, and nothing run twice.

Each run's figures are written as soon as they are there, as a file named by the hash of all that the run depends on. So
a sweep that was stopped goes on where it was, and one with more values runs only the new ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from itertools import product
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from coexsim import __version__, units
from coexsim.engine.choice import Engine
from coexsim.errors import OutputError, Problem, ScenarioError, UnitError
from coexsim.experiment.engines import engines_for
from coexsim.experiment.executors import cpu_count, open_executor, run_all
from coexsim.experiment.figures import Figure, figures
from coexsim.experiment.grid_keys import wrong_keys
from coexsim.experiment.ranges import read_values
from coexsim.experiment.results import Results
from coexsim.experiment.run import run_one
from coexsim.experiment.sides_left import follow_people
from coexsim.experiment.store import content_hash, json_bytes, make_folder, plain, remove_left_overs, write_table
from coexsim.experiment.whole import write_whole
from coexsim.scenario.given import require_keys, require_scenario
from coexsim.scenario.load import by_place, changed
from coexsim.scenario.model import Scenario

HOSTED_SHARE, GROWTH = "hosted_share", "growth"
"""Keys of a grid besides those of the scenario: people who move, and a factor on the load."""
SAYS_NOTHING = {"title", "description", "sources", "objectives", "size", "acknowledge"}
"""Parts of a scenario that change no run."""
ANSWERS_ONLY = ("analysis", "audit", "cli", "intake", "report")
"""Parts of the code that no run passes through."""
COUNTS_WITH = ("dnspython", "networkx", "numpy", "pandas", "scipy", "simpy")


class Kept(NamedTuple):
    """What is kept of a run: its figures, and text from which whoever measured it draws conclusions over several runs."""

    figures: list[Figure]
    text: str = ""
    engine: str = ""
    """Which engine simulated it; it is not kept in a folder, as both give the same."""


Measure = Callable[[Results, Scenario], Kept]
"""More of a run than `figures` has; a function that pickle knows by its name."""


NOT_SWEPT = {
    "run.seed": "all points meet the same mail, so the seed is not varied: several replications (-n 4) are other mail, each its own",
    "run.replications": "every point has as many replications: say how many of each (-n 4)",
    "machine": "machines by name are what 'coexsim explore' varies; here write what they have, such as servers.onprem.capacity.cores",
}
"""Keys that would make no difference between points, and one of another command."""


class SweepPoint(NamedTuple):
    """One combination of values."""

    values: dict[str, object]
    scenario: Scenario


class Sweep(NamedTuple):
    """All figures in one table, as `sweep` returns it; the points in its order, and of each the text kept of each replication."""

    table: pd.DataFrame
    points: list[SweepPoint]
    texts: list[list[str]]
    engine: str = ""
    """Which engine ran now, or both; empty where all was kept from before."""


def sweep(
    scenario: Scenario, grid: Mapping[str, object], *, replications: int | None = None, seed: int | None = None,
    folder: str | Path | None = None, executor: Executor | None = None, jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None, engine: Engine = "auto",
) -> pd.DataFrame:  # fmt: skip
    """Run a scenario at every combination of values.

    `grid` has for each dotted key its values: a list, or text such as ``8..64 step 8``, ``0..100% step 10%``, ``2, 4``.
    The key ``hosted_share`` moves mailboxes of the population to the hosted side, a share of them or a whole number above 1 of them;
    ``growth`` multiplies the load. All points meet the same mail as far as what is swept lets them. `progress` is told how many runs are
    done, of how many; `engine` is auto, compiled or reference, which give the same.

    Returns one row for each point, replication and figure: the keys as columns, then ``replication, what, where,
    value, unit``. With a `folder` it is also written there as ``sweep.parquet``.

    Raises `ScenarioError` before the first run if any point is no scenario, `RangeError` for values that cannot be read, `OutputError`
    where the folder cannot be written; what was stored before is kept.
    """
    return run_sweep(
        scenario, grid, replications=replications, seed=seed, folder=folder, executor=executor, jobs=jobs, progress=progress,
        engine=engine,
    ).table  # fmt: skip


def run_sweep(
    scenario: Scenario, grid: Mapping[str, object], *, replications: int | None = None, seed: int | None = None,
    folder: str | Path | None = None, executor: Executor | None = None, jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None, measure: Measure | None = None, engine: Engine = "auto",
) -> Sweep:  # fmt: skip
    """`sweep` with what `measure` keeps of each run besides; what it reads of the scenario must be among its objectives."""
    require_scenario(scenario)
    require_keys(grid, '{"servers.onprem.capacity.cores": [2, 4]}')
    points = grid_points(scenario, grid)
    seed = scenario.run.seed if seed is None else seed
    count = replications or scenario.run.replications
    store = _Store(Path(folder) if folder is not None else None)
    hashes = {
        (i, r): run_hash(point.scenario, seed, r, measured=measure is not None, engine=engine)
        for i, point in enumerate(points)
        for r in range(count)
    }
    missing = {digest: key for key, digest in hashes.items() if digest not in store}
    total, done = len(set(hashes.values())), len(set(hashes.values())) - len(missing)
    if progress:
        progress(done, total)
    more = () if measure is None else (measure,)
    engines = engines_for([(points[i].scenario, 1) for i, _ in missing.values()], engine)
    ran_by: set[str] = set()
    calls = [(points[i].scenario, seed, r, by, *more) for (i, r), by in zip(missing.values(), engines, strict=True)]
    with ExitStack() as stack:
        if executor is None and calls:
            executor = stack.enter_context(open_executor(min(len(calls), cpu_count() if jobs is None else jobs)))
        names = list(missing)
        for index, found in run_all(executor, figures_of, calls):
            store.put(names[index], found)
            ran_by.add(found.engine)
            done += 1
            if progress:
                progress(done, total)
    table = _table(points, hashes, store)
    if folder is not None:
        write_table(table, Path(folder) / "sweep.parquet")
    texts = [[store.of(hashes[i, r]).text for r in range(count)] for i in range(len(points))]
    return Sweep(table, points, texts, " and ".join(sorted(ran_by)))


def figures_of(
    scenario: Scenario, seed: int, replication: int, engine: Engine = "auto", measure: Measure | None = None
) -> Kept:
    """Simulate one replication and keep its figures. Picklable in and out."""
    results = run_one(scenario, seed, replication, engine=engine)
    more = measure(results, scenario) if measure is not None else Kept([])
    return Kept([*figures(results), *more.figures], more.text, str(results.provenance["engine"]))


def grid_points(scenario: Scenario, grid: Mapping[str, object]) -> list[SweepPoint]:
    """Every combination of the values, the last key changing fastest. Raises `ScenarioError` with all that is wrong."""
    refused = [
        Problem(*scenario.source.where(tuple(key.split("."))), key, why)
        for key, why in NOT_SWEPT.items()
        if key in grid
    ]
    if refused:
        raise ScenarioError(refused)
    lists = {key: read_values(values) for key, values in grid.items()}
    points, problems = [], []
    for combination in product(*lists.values()):
        values = dict(zip(lists, combination, strict=True))
        try:
            points.append(SweepPoint(values, at_values(scenario, values)))
        except ScenarioError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise ScenarioError(problems)
    return points


def at_values(scenario: Scenario, values: Mapping[str, object]) -> Scenario:
    """The scenario with these values at these keys, written as errors print them too. Raises `ScenarioError`.

    `hosted_share` moves people (once a side has nobody, the mail of its streams with them) and `growth` multiplies the load; the other
    keys are those of `Scenario.change`.
    """
    if wrong := list(wrong_keys(scenario, values, (HOSTED_SHARE, GROWTH))):
        raise ScenarioError(wrong)
    changes = {by_place(scenario, key): value for key, value in values.items()}
    if HOSTED_SHARE in changes:
        population = _population(scenario, changes.pop(HOSTED_SHARE))
        changes = {**follow_people(scenario, population), **changes, "directory.population": population}
    if GROWTH in changes:
        changes["load.growth"] = _growth(scenario, changes.pop(GROWTH), changes.get("load.growth"))
    return changed(scenario, changes) if changes else scenario


def _population(scenario: Scenario, share: object) -> dict[str, int]:
    people = sum(scenario.directory.population.values())
    where = scenario.source.where(("directory", "population"))
    if not people:
        raise ScenarioError([Problem(*where, HOSTED_SHARE, "nobody can move: give the directory a population")])
    try:
        hosted = round(people * share_of(share, people))
    except UnitError as error:
        raise ScenarioError([Problem(*where, HOSTED_SHARE, str(error))]) from None
    return {"onprem": people - hosted, "hosted": hosted}


def share_of(value: object, people: int) -> float:
    """The share of so many people that ``60%``, ``0.6`` or ``3000`` is: a whole number above 1 counts people. Raises `UnitError`."""
    text = str(value).strip().replace(",", "")
    if not isinstance(value, (int, str)) or not text.isdecimal() or int(text) <= 1:
        return units.share(value)
    if int(text) > people:
        raise UnitError(f"{value!r} are more than the {people:,} mailboxes that there are")
    return int(text) / people


def _growth(scenario: Scenario, factor: object, swept: object) -> float:
    where = scenario.source.where(("load",))
    if scenario.load is None:
        raise ScenarioError([Problem(*where, GROWTH, "there is no load that could grow: give the scenario one")])
    if swept is not None:
        raise ScenarioError([Problem(*where, GROWTH, "growth and load.growth are varied: one of them would do")])
    try:
        number = float(str(factor))
    except ValueError:
        number = 0.0
    if not 0 < number < inf:
        raise ScenarioError([Problem(*where, GROWTH, f"{factor!r} is no number above 0 to multiply the load by")])
    return scenario.load.growth * number


def run_hash(
    scenario: Scenario, seed: int, replication: int, *, measured: bool = False, engine: Engine = "auto"
) -> str:
    """Stands for all that one run depends on: the scenario without its words, the files it names, seed, replication, code.

    Where objectives were measured too, it depends on them and on the code of the answers. Who asks for an engine by name wants it to
    run: what `auto` has kept is not taken for it.
    """
    said = {name: value for name, value in scenario.to_data().items() if name not in SAYS_NOTHING}
    names = [zone.file for zones in (scenario.dns, scenario.internal_dns) for zone in zones.values() if zone.file]
    if scenario.load is not None and scenario.load.replay is not None:
        names.append(scenario.load.replay.file)
    folder = Path(scenario.source.file).parent
    files = {name: (folder / name).read_bytes().hex() if (folder / name).is_file() else None for name in names}
    objectives = list(scenario.objectives) if measured else None
    by_name = [] if engine == "auto" else [engine]
    return content_hash(
        [said, files, seed, replication, __version__, objectives, _code(with_answers=measured), *by_name]
    )


@cache
def _code(*, with_answers: bool = False) -> str:
    """The hash of our own code and data, and of the versions of what counts with it: what others gave is not taken for this one's."""
    digest = sha256()
    root = Path(__file__).parent.parent
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.yaml")]):
        if with_answers or path.relative_to(root).parts[0] not in ANSWERS_ONLY:
            digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    digest.update(repr([(name, version(name)) for name in COUNTS_WITH]).encode())
    return digest.hexdigest()


class _Store:
    """Figures by the hash of their run: in a folder, or for the time of one sweep in memory.

    A file holds the hash of all that the run depends on, the figures, the text kept with them, and a checksum of all. One that is
    damaged, of another run or a symbolic link is none: its run is done again.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder / "runs" if folder is not None else None
        self._known: dict[str, Kept] = {}
        if self._folder is not None:
            if self._folder.is_symlink():
                raise OutputError(
                    f"{self._folder} is a symbolic link, which is not followed: remove it, or choose another folder"
                )
            make_folder(self._folder)
            remove_left_overs(self._folder)

    def __contains__(self, digest: str) -> bool:
        if digest not in self._known and self._folder is not None:
            found = _read_point(self._folder / f"{digest}.json", digest)
            if found is None:
                return False
            self._known[digest] = found
        return digest in self._known

    def put(self, digest: str, found: Kept) -> None:
        self._known[digest] = found
        if self._folder is not None:
            figures = plain([list(figure) for figure in found.figures])
            checksum = content_hash([digest, figures, found.text])
            point = {"run": digest, "figures": figures, "text": found.text, "checksum": checksum}
            write_whole(self._folder / f"{digest}.json", json_bytes(point))

    def of(self, digest: str) -> Kept:
        return self._known[digest]


def _read_point(path: Path, digest: str) -> Kept | None:
    """The figures of a stored run; None where there are none, or what is there is damaged or of another run."""
    try:
        if path.is_symlink():
            return None
        point = json.loads(path.read_text(encoding="utf-8"))
        if point["run"] != digest or point["checksum"] != content_hash([digest, point["figures"], point["text"]]):
            return None
        figures = [Figure(what, where, _number(value), unit) for what, where, value, unit in point["figures"]]
        return Kept(figures, point["text"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _table(points: list[SweepPoint], hashes: dict[tuple[int, int], str], store: _Store) -> pd.DataFrame:
    keys = list(points[0].values) if points else []
    rows = [
        (*points[i].values.values(), r, *figure)
        for (i, r), digest in sorted(hashes.items())
        for figure in store.of(digest).figures
    ]
    table = pd.DataFrame(rows, columns=[*keys, "replication", *Figure._fields])
    for key in keys:  # words and numbers do not mix in a column of a Parquet file
        if table[key].map(type).nunique() > 1:
            table[key] = table[key].astype(str)
    return table.astype({"replication": np.int32, "value": np.float64})
