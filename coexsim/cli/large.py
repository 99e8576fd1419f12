"""A run that nobody begins by mistake is estimated first: it begins with ``--yes``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coexsim.cli.streams import say_aside
from coexsim.errors import UsageError

if TYPE_CHECKING:
    from coexsim.engine.choice import Engine
    from coexsim.scenario.model import Scenario


def ask_first(
    scenario: Scenario, runs: int, yes: bool, *, engine: Engine = "auto", at_least: bool = False, at_most: int | None = None,
    keeps_mail: bool = True, stream: bool = False, quiet: bool = False,
) -> None:  # fmt: skip
    """Say what `runs` runs would cost if that takes long. Raises `UsageError` unless `yes`, if it is much.

    `at_least`: how many runs it takes is not known beforehand; `at_most`: so many if all that is tried takes all its replications;
    `keeps_mail`: the tables of all runs are in memory at the end.
    """
    from coexsim.experiment.estimate import TOLD_S, estimate
    from coexsim.units import say_duration

    expected = estimate(scenario, runs, engine=engine, keeps_mail=keeps_mail, stream=stream)
    most_s = expected.cpu_s * max(at_most or runs, runs) / max(runs, 1)
    if not expected.is_large and most_s <= TOLD_S:
        return
    told = f"{scenario.source.file}: {expected}{' at the least' if at_least else ''}"
    if at_most is not None and at_most > runs:
        told += f" ({runs} runs); {say_duration(most_s)} ({at_most} runs) where all that is tried takes all its replications"
    whys = [each.say(scenario) for each in expected.waiting]
    if expected.is_large and not yes:
        raise UsageError("\n".join([*whys, f"{told}; --yes to go on"]))
    if expected.is_large or not quiet:
        for line in [*whys, told]:
            say_aside(line)
