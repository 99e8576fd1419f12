"""A run that nobody begins by mistake is estimated first: it begins with ``--yes``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from coexsim.errors import UsageError
from coexsim.text import visible

if TYPE_CHECKING:
    from coexsim.engine.choice import Engine
    from coexsim.scenario.model import Scenario


def ask_first(
    scenario: Scenario, runs: int, yes: bool, *, engine: Engine = "auto", at_least: bool = False, keeps_mail: bool = True,
    stream: bool = False,
) -> None:  # fmt: skip
    """Say what `runs` runs would cost if that is much. Raises `UsageError` unless `yes`.

    `at_least`: how many runs it takes is not known beforehand; `keeps_mail`: the tables of all runs are in memory at the end.
    """
    from coexsim.experiment.estimate import estimate

    expected = estimate(scenario, runs, engine=engine, keeps_mail=keeps_mail, stream=stream)
    if not expected.is_large:
        return
    told = f"{scenario.source.file}: {expected}{' at the least' if at_least else ''}"
    if not yes:
        raise UsageError(f"{told}; --yes to go on")
    print(visible(told), file=sys.stderr)
