"""Write the logs of a simulated day to a folder, in one of the formats that `fit` reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from coexsim.experiment.own import write_own_lines
from coexsim.experiment.store import make_folder
from coexsim.intake.writers.day import Day, day_of
from coexsim.intake.writers.domino import console_lines
from coexsim.intake.writers.exchange import exchange_lines
from coexsim.intake.writers.postfix import postfix_lines
from coexsim.intake.writers.services import log_search_lines, trace_lines
from coexsim.scenario.model import Scenario
from coexsim.sim.mail_log import MailLog

LogFormat = Literal["postfix", "exchange", "domino", "message-trace", "google"]
BY_MACHINE: dict[str, tuple[str, Callable[[Day, str], Iterator[str]]]] = {
    "postfix": ("{}.log", postfix_lines),
    "exchange": ("MSGTRK-{}.LOG", exchange_lines),
    "domino": ("{}-console.log", console_lines),
}
OF_SERVICE: dict[str, tuple[str, Callable[[Day], Iterator[str]]]] = {
    "message-trace": ("message-trace.csv", trace_lines),
    "google": ("email-log-search.csv", log_search_lines),
}
SAID = "they test what reads logs; what real servers would have done they do not tell"


def write_logs(log: MailLog, scenario: Scenario, form: LogFormat, folder: Path) -> list[Path]:
    """Write every machine's log, or the service's one, in a format; the files.

    A simulated week has no date: its Monday is 1 January 2024. Nameless mailboxes get an address each. Raises `OutputError`.
    """
    day = day_of(log, scenario)
    if form in OF_SERVICE:
        name, lines = OF_SERVICE[form]
        return [_write(folder / name, lines(day))]
    name, of_machine = BY_MACHINE[form]
    return [_write(folder / name.format(machine), of_machine(day, machine)) for machine in day.hosts]


def log_names(scenario: Scenario, form: LogFormat) -> list[str]:
    """What the files are called that `write_logs` writes."""
    if form in OF_SERVICE:
        return [OF_SERVICE[form][0]]
    own = [name for name, server in scenario.servers.items() if server.runs_on is None]
    return [BY_MACHINE[form][0].format(name) for name in own]


def _write(path: Path, lines: Iterator[str]) -> Path:
    make_folder(path.parent)
    write_own_lines(path, lines)
    return path
