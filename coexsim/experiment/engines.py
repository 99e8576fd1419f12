"""Runs a world by one of the two engines: the compiled one or the reference. Their tables are the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coexsim.draw.mail_table import expected_mails
from coexsim.draw.replay_file import count_rows
from coexsim.engine.cache import load_kernel
from coexsim.engine.choice import Chosen, Engine, choose, not_covered
from coexsim.engine.rule_tables import rule_table_cache
from coexsim.errors import UsageError
from coexsim.experiment.estimate import expected_work
from coexsim.progress import RunProgress
from coexsim.scenario.model import Scenario
from coexsim.scenario.problems import placed
from coexsim.sim.mail_log import MailLog
from coexsim.sim.senders import mailbox_classes, start_senders
from coexsim.sim.world import World


def ran(
    scenario: Scenario, seed: int, replication: int, *, keep_visits: bool = False, engine: Engine = "auto",
    progress: RunProgress | None = None, stream: bool = False, mail_log: MailLog | None = None,
) -> tuple[World, Chosen]:  # fmt: skip
    """The world of a scenario after its run, and the engine that ran it.

    Raises `CoexsimError` where the compiled engine is asked for and cannot be had, or does not cover the scenario.
    """
    world = World(scenario, seed, replication, keep_visits=keep_visits, stream=stream, mail_log=mail_log)
    chosen = _chosen(world, engine)
    if chosen.engine == "compiled":
        load_kernel()
        from coexsim.engine.drive import Compiled

        with rule_table_cache().lent(scenario, world.setup) as tables:
            Compiled(world, tables=tables).run(progress)
    else:
        start_senders(world)
        world.run(progress)
    return world, chosen


def _chosen(world: World, engine: Engine) -> Chosen:
    if world.mail_log is not None:
        if engine == "compiled":
            raise UsageError("mail logs are written by the reference engine only; leave out --engine compiled")
        return Chosen("reference", "mail logs are written")
    return choose(world.scenario, engine, expected_work(world.scenario, _mails(world)) if engine == "auto" else 0.0)


def engine_for(scenario: Scenario, runs: int, engine: Engine = "auto") -> Engine:
    """`engines_for` so many runs of one scenario."""
    return engines_for([(scenario, runs)], engine)[0]


def engines_for(runs_of: Sequence[tuple[Scenario, int]], engine: Engine = "auto") -> list[Engine]:
    """The engine of each run of several scenarios, each so many times: what is loaded once pays off sooner than for one of them.

    Where it does not, or for those that the compiled engine does not cover, each run chooses, and says why. In how many processes they
    run makes no difference.
    """
    if engine != "auto" or sum(runs for _, runs in runs_of) <= 1:
        return [engine] * len(runs_of)
    covered = [not_covered(scenario) is None for scenario, _ in runs_of]
    mails = 0.0
    for (scenario, runs), knows in zip(runs_of, covered, strict=True):
        if knows:
            mails += runs * expected_work(scenario)
            if choose(scenario, "auto", mails).engine == "compiled":
                return ["compiled" if each else "auto" for each in covered]
    return ["auto"] * len(runs_of)


def _mails(world: World) -> float:
    """How much mail is expected, about."""
    load, run = world.scenario.load, world.scenario.run
    if load is None:
        return float(len(world.scenario.messages))
    with placed(world.scenario.source):
        replayed = count_rows(load.replay, Path(world.scenario.source.file).parent) if load.replay else 0
        return replayed + expected_mails(load, mailbox_classes(world), run.start, run.length)
