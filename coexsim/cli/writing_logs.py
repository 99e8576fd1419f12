"""The option --write-log of run: mail logs of the simulated mail, in the formats that `fit` reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from coexsim.cli.streams import say_aside
from coexsim.errors import UsageError

if TYPE_CHECKING:
    from coexsim.intake.writers.write import LogFormat
    from coexsim.scenario.model import Scenario
    from coexsim.sim.mail_log import MailLog


class LogWriting:
    """A log that a run fills, and the format that it is to be written in."""

    def __init__(self, form: LogFormat) -> None:
        self.form = form
        self.log = self.begun()

    def begun(self) -> MailLog:
        """An empty log for the next run, which takes the place of that of a run before: where several are made, the last is written."""
        from coexsim.sim.mail_log import MailLog

        self.log = MailLog()
        return self.log

    def names(self, scenario: Scenario) -> list[str]:
        """What the files are called, from the folder of the results."""
        from coexsim.intake.writers.write import log_names

        return [f"logs/{name}" for name in log_names(scenario, self.form)]

    def write(self, scenario: Scenario, folder: Path) -> None:
        """Write the files beside the results, and say that they hold no truth."""
        from coexsim.intake.writers.write import SAID, write_logs

        files = write_logs(self.log, scenario, self.form, folder / "logs")
        say_aside(f"{len(files)} {self.form} log{'s' if len(files) > 1 else ''} in {folder / 'logs'}: {SAID}")


def asked(form: LogFormat | None, *, stream: bool, replications: int | None, dask: str | None) -> LogWriting | None:
    """What the options ask for. Raises `UsageError` where a log could not be of one run, or not of single messages."""
    if form is None:
        return None
    if stream or dask or (replications or 1) > 1:
        raise UsageError(
            "--write-log: a log is of one run, message by message: leave out --stream, --replications and --dask"
        )
    return LogWriting(form)
