"""The answer to an outage: when all is normal again, the longest wait, the disk it takes, and which limit made it so long.

The run goes on, with its load, until every queue is back at its usual level, so that the answer is not cut off by its end. The usual level
is that of the same mail without the outage, which is run beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any, ClassVar

import pandas as pd

from coexsim.analysis.outage import OutageFacts, Undisturbed, outage_facts, undisturbed, with_outage, without_outages
from coexsim.analysis.outage_changes import is_own
from coexsim.analysis.outage_headline import headline, whole_minutes
from coexsim.analysis.outage_limit_words import say_limit
from coexsim.analysis.outage_limits import LimitChange, outcome_of, tried_changes
from coexsim.analysis.slo import one_by_one
from coexsim.analysis.slo_text import outages_of
from coexsim.cards import card
from coexsim.engine.choice import Engine
from coexsim.experiment.replicate import replicate, whole
from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.pictures import Pictures
from coexsim.progress import RunProgress
from coexsim.scenario.given import require_scenario
from coexsim.scenario.load import changed
from coexsim.scenario.model import Event, Scenario
from coexsim.units import say_bytes, say_duration

LONGEST_S = 14 * 86400.0
"""So long after the return a run is followed at the most."""
FIRST_LOOK_S = 2 * 3600.0


@dataclass(frozen=True, repr=False)
class Outage:
    """What an outage does, followed until all is normal again."""

    scenario: Scenario
    results: Results
    runs: tuple[OutageFacts, ...]
    """What it did in each replication."""
    usual: tuple[Undisturbed, ...] = ()
    """Each replication without its outages."""
    changes: tuple[LimitChange, ...] = ()
    """What other limits would change in the first replication, the one that helps most first."""

    plot: ClassVar[Any] = Pictures("outage")
    """Pictures as methods: ``backlog``, ``utilisation``, ``delay``."""

    def __str__(self) -> str:
        return self.headline

    def __repr__(self) -> str:
        return f"<Outage: {self.headline}>"

    def _repr_html_(self) -> str:
        """For notebooks: the answer, the limit that makes it last, and what others would change."""
        rows = [
            (
                change,
                "not seen" if normal_s == inf else say_duration(whole_minutes(normal_s)),
                say_bytes(size),
                f"{lost:,}",
            )
            for change, normal_s, size, lost in self.table.itertuples(index=False)
        ]
        head = ["with", "normal after the return", "most in one queue", "lost"]
        return card(f"{self.headline}.", filter(None, [self.limit]), head, rows if self.changes else [])

    @property
    def headline(self) -> str:
        """The answer in one line."""
        return headline(self.runs, self.scenario.run.start, self.foreign)

    @property
    def normal_s(self) -> tuple[float, ...]:
        """Of each replication: seconds from the return until every queue is back at its usual level."""
        return tuple(each.normal_s for each in self.runs)

    @property
    def undisturbed(self) -> tuple[pd.DataFrame, ...]:
        """The timelines of the replications without the outage, for `evaluate`."""
        return tuple(each.timeline for each in self.usual)

    @property
    def limit(self) -> str:
        """What makes it last, in a few sentences: a limit, or the queue that is normal last; empty where nothing lasts."""
        said = say_limit(self.runs[0], self.changes, self.foreign)
        if said and self.changes and len(self.runs) > 1:
            return f"{said} Other limits were tried under the mail of the first run."
        return said

    @property
    def foreign(self) -> frozenset[str]:
        """The servers that are not the organisation's own."""
        return frozenset(name for name in self.scenario.servers if not is_own(self.scenario, name))

    def plain(self) -> dict[str, object]:
        """The answer as plain data."""
        runs = [each._asdict() | {"backlog": each.backlog.to_dict("records")} for each in self.runs]
        changes = [each._asdict() | {"change": each.words, "keys": dict(each.keys)} for each in self.changes]
        said: dict[str, object] = {"headline": self.headline, "limit": self.limit}
        return said | {"normal_s": list(self.normal_s), "changes": changes, "runs": runs}

    @property
    def table(self) -> pd.DataFrame:
        """What other limits would change in the first replication: columns ``change, normal_s, most_bytes, lost``; as it is comes first."""
        rows = [
            ("as it is", *outcome_of(self.runs[0])),
            *((change.words, change.normal_s, change.most_bytes, change.lost) for change in self.changes),
        ]
        return pd.DataFrame(rows, columns=["change", "normal_s", "most_bytes", "lost"])


def outage(
    scenario: Scenario, down: str | Sequence[str], at: str, length: str, *, replications: int = 1, seed: int | None = None,
    try_limits: bool = True, executor: Executor | None = None, jobs: int | None = None,
    progress: RunProgress | None = None,
) -> Outage:  # fmt: skip
    """What an outage of servers or links does: `down` from `at` for `length`, such as ``"Tue 10:00"`` and ``"4 h"``.

    With `try_limits` it is run again with other limits (connections, threads, retry interval), one at a time, which tells
    the one that made it so long. Raises `ScenarioError` for what does not exist or is not within the run.
    """
    require_scenario(scenario)
    spec = with_outage(scenario, [down] if isinstance(down, str) else list(down), at, length)
    return follow(
        spec, spec.events[-1], replications=replications, seed=seed, try_limits=try_limits, executor=executor, jobs=jobs,
        progress=progress,
    )  # fmt: skip


def follow(
    spec: Scenario, event: Event, *, replications: int = 1, seed: int | None = None, try_limits: bool = True,
    executor: Executor | None = None, jobs: int | None = None, progress: RunProgress | None = None,
    simulated: Callable[[Scenario, str], Results] | None = None, runs_done: Callable[[int, int], None] | None = None,
    engine: Engine = "auto", doing: Callable[[str], None] = lambda _: None,
) -> Outage:  # fmt: skip
    """An outage that the scenario has among its events, followed until all is normal again and all measured mail has met its end.

    `simulated` runs a scenario in another way than this would, and is told what it stands for. `doing` is told what is begun, then
    `progress` how far a single run is, and `runs_done` how many were done of how many: replications, or those with other limits.
    """

    def runs(of: Scenario, what: str) -> Results:
        if simulated is not None:
            return simulated(of, what)
        doing(what)
        if replications == 1:
            return simulate(of, seed=seed, progress=progress, engine=engine)
        found = replicate(of, replications, seed=seed, executor=executor, jobs=jobs, engine=engine, progress=runs_done)
        return whole(found, replications)

    def looked(of: Scenario) -> Outage:
        usual = tuple(map(undisturbed, one_by_one(runs(without_outages(of), "the same mail without the outage"))))
        results = runs(of, "the outage")
        each = tuple(
            outage_facts(run, of, event, beside) for run, beside in zip(one_by_one(results), usual, strict=True)
        )
        return Outage(of, results, each, usual)

    found = looked(reaching(spec, event))
    back_s = _back_s(spec, event)
    while (
        not _is_over(found)
        and not found.results.provenance.get(
            "stopped_early"
        )  # with attempts in vain, which a longer run only makes more of
        and all(
            isfinite(_back_s(spec, each)) for each in _within(spec)
        )  # else what waits for one without an end is never gone
        and found.scenario.run.length - back_s < LONGEST_S
    ):
        after_s = max(found.scenario.run.length - back_s, FIRST_LOOK_S)
        found = looked(_until(spec, back_s + 2 * after_s))
    if not try_limits:
        return found
    doing("other limits")
    return with_limits(found, event, seed=seed, executor=executor, runs_done=runs_done, engine=engine)


def with_limits(
    found: Outage, event: Event, *, seed: int | None = None, executor: Executor | None = None,
    runs_done: Callable[[int, int], None] | None = None, engine: Engine = "auto",
) -> Outage:  # fmt: skip
    """The answer with what other limits would change, each tried in a run of its own; as it is where nothing lasts after the return."""
    first = found.runs[0]
    if not isfinite(first.to_s) or first.normal_s == 0:
        return found
    usual = found.usual[0] if found.usual else None
    changes = tried_changes(found.scenario, event, first, usual, seed, executor, engine, runs_done)
    return replace(found, changes=changes)


def reaching(spec: Scenario, event: Event) -> Scenario:
    """The scenario with a run that goes on for some hours after the return, where its own ends before; what is measured stays."""
    back_s = _back_s(spec, event)
    if not isfinite(back_s) or back_s < spec.run.length:
        return spec
    return _until(spec, back_s + 2 * FIRST_LOOK_S)


def _until(spec: Scenario, end_s: float) -> Scenario:
    return changed(spec, {"run.length": f"{end_s:.0f} s", "run.measure": measured_window(spec)})


def last_outage(spec: Scenario) -> Event | None:
    """Of the outages that begin within the run the one that ends last; None where there is none."""
    return max(_within(spec), key=lambda each: _back_s(spec, each), default=None)


def _within(spec: Scenario) -> list[Event]:
    """The outages that begin within the run."""
    return [
        each for each in outages_of(spec) if each.at is not None and each.at.after(spec.run.start) < spec.run.length
    ]


def measured_window(spec: Scenario) -> str:
    """The measured window as it is written; of a run that has none, all of it."""
    written = (spec.source.raw.get("run") or {}).get("measure")
    if written:
        return str(written)
    return f"0 s - {spec.run.length:.0f} s"


def _back_s(spec: Scenario, event: Event) -> float:
    assert event.at is not None
    return event.at.after(spec.run.start) + (inf if event.for_ is None else event.for_)


def _is_over(found: Outage) -> bool:
    """Is every queue back to normal, and has all measured mail met its end."""
    under_way = found.results.measured["outcome"] == "in transit"
    return not under_way.any() and all(isfinite(each) for each in found.normal_s)
