"""A run that nobody begins by mistake is estimated first: it begins with ``--yes``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coexsim.cli.streams import say_aside
from coexsim.errors import UsageError

if TYPE_CHECKING:
    from coexsim.engine.choice import Engine
    from coexsim.scenario.model import Scenario


def ask_first(
    scenario: Scenario, runs: int, yes: bool, *, engine: Engine = "auto", at_least: bool = False, keeps_mail: bool = True,
    stream: bool = False, quiet: bool = False,
) -> None:  # fmt: skip
    """Say what `runs` runs would cost if that takes long. Raises `UsageError` unless `yes`, if it is much.

    `at_least`: how many runs it takes is not known beforehand; `keeps_mail`: the tables of all runs are in memory at the end.
    """
    from coexsim.experiment.estimate import estimate

    expected = estimate(scenario, runs, engine=engine, keeps_mail=keeps_mail, stream=stream)
    if not expected.is_long and not expected.is_large:
        return
    told = f"{scenario.source.file}: {expected}{' at the least' if at_least else ''}"
    whys = [each.say(scenario) for each in expected.waiting]
    if expected.is_large and not yes:
        raise UsageError("\n".join([*whys, f"{told}; --yes to go on"]))
    if expected.is_large or not quiet:
        for line in [*whys, told]:
            say_aside(line)
