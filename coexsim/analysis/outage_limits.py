"""Which limit makes an outage last: limits on the way of the late mail changed one at a time, each in a run of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import NamedTuple

from coexsim.analysis.outage import OutageFacts, Undisturbed, outage_facts
from coexsim.analysis.outage_changes import Change, possible_changes
from coexsim.engine.choice import Engine
from coexsim.errors import ScenarioError
from coexsim.experiment.engines import engines_for
from coexsim.experiment.executors import run_all
from coexsim.experiment.run import run_one
from coexsim.scenario.load import changed
from coexsim.scenario.model import Event, Scenario

MOST_CHANGES = 12
"""So many other limits are tried at the most; those nearest to the way of the mail come first."""
MANY = 0.1
"""A change that brings the return to normal, or what is lost, down by no more than this share is not worth telling."""


class Outcome(NamedTuple):
    """What came of a run with its limits."""

    normal_s: float
    """Seconds from the return until all is normal; infinite if it was not seen."""
    most_bytes: float
    """Most bytes in any server's queue."""
    lost: int
    """Recipients whose mail expired or bounced by the outage."""


class LimitChange(NamedTuple):
    """One limit changed: in words, as keys, and what came of it."""

    words: str
    keys: Mapping[str, object]
    normal_s: float
    """Seconds from the return until all is normal; infinite if it was not seen."""
    most_bytes: float
    """Most bytes in any server's queue."""
    lost: int = 0
    """Recipients whose mail expired or bounced by the outage."""
    is_own: bool = True
    """Is it the organisation's to set."""


def outcome_of(facts: OutageFacts) -> Outcome:
    """What came of a run, of which these are the facts."""
    return Outcome(facts.normal_s, facts.most_bytes, facts.expired + facts.bounced)


def helps(change: LimitChange, now: Outcome) -> bool:
    """Is it normal sooner by more than a tenth, or is less lost by more than a tenth, and the other not worse."""
    sooner, later = change.normal_s < (1 - MANY) * now.normal_s, change.normal_s > now.normal_s
    fewer, more = change.lost < (1 - MANY) * now.lost, change.lost > now.lost
    return (sooner and not more) or (fewer and not later)


def hurts(change: LimitChange, now: Outcome) -> bool:
    """Is it normal later by more than a tenth, or more lost by more than a tenth."""
    return change.normal_s > (1 + MANY) * now.normal_s or change.lost > (1 + MANY) * now.lost


def saves(change: LimitChange, lost: int) -> bool:
    """Is less lost than so many recipients' mail by more than a tenth."""
    return change.lost < (1 - MANY) * lost


def tried_changes(
    spec: Scenario, event: Event, facts: OutageFacts, usual: Undisturbed | None, seed: int | None, executor: Executor | None,
    engine: Engine, runs_done: Callable[[int, int], None] | None,
) -> tuple[LimitChange, ...]:  # fmt: skip
    """The changes that can be made, and what came of each, the one that helps most first; one run each, with the same mail.

    Normal is what the queues are with the limits as they are: `usual`, the run without outages.
    """
    seed = spec.run.seed if seed is None else seed
    wanted: list[tuple[Change, Scenario]] = []
    now = spec.to_data()
    for change in possible_changes(spec, event, facts):
        try:
            other = changed(spec, change.keys)
        except ScenarioError:  # a key that this product does not have
            continue
        if other.to_data() != now:  # else it is so already
            wanted.append((change, other))
    wanted = wanted[:MOST_CHANGES]
    engines = engines_for([(scenario, 1) for _, scenario in wanted], engine)
    calls = [(scenario, seed, 0, event, usual, by) for (_, scenario), by in zip(wanted, engines, strict=True)]
    done: dict[int, Outcome] = {}
    if runs_done:
        runs_done(0, len(calls))
    for i, outcome in run_all(executor, _after_change, calls):
        done[i] = outcome
        if runs_done:
            runs_done(len(done), len(calls))
    changes = [LimitChange(change.words, change.keys, *done[i], change.is_own) for i, (change, _) in enumerate(wanted)]
    return tuple(sorted(changes, key=lambda change: (change.normal_s, change.lost, change.most_bytes)))


def _after_change(
    scenario: Scenario, seed: int, replication: int, event: Event, usual: Undisturbed | None, engine: Engine
) -> Outcome:
    return outcome_of(outage_facts(run_one(scenario, seed, replication, engine=engine), scenario, event, usual))
