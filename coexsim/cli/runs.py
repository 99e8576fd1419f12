"""The runs that a command was asked for: how many, where and by which engine; done, with a line that moves meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from coexsim.cli.progress_line import Teller, progress_bar, run_bar
from coexsim.cli.streams import say_aside

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from coexsim.engine.choice import Engine
    from coexsim.experiment.results import Results
    from coexsim.scenario.model import Scenario
    from coexsim.sim.mail_log import MailLog


class Runs(NamedTuple):
    """How a scenario is run: how many times, where, and by which engine."""

    seed: int | None
    replications: int
    executor: Executor | None
    jobs: int | None
    dask: str | None
    engine: Engine
    keep_visits: bool
    stream: bool
    quiet: bool

    @property
    def is_single(self) -> bool:
        """One run, in this process."""
        return self.replications == 1 and self.dask is None

    def results(self, spec: Scenario, name: str, mail_log: MailLog | None = None) -> Results:
        """Run it, with a line that moves meanwhile, and say how long it took. Raises `KeyboardInterrupt`, also where some runs are done."""
        from time import perf_counter

        from coexsim.experiment.replicate import replicate, whole
        from coexsim.experiment.run import simulate

        began = perf_counter()
        if self.is_single:
            with run_bar(name, spec, quiet=self.quiet) as shown:
                results = simulate(
                    spec, seed=self.seed, keep_visits=self.keep_visits, progress=shown.run, engine=self.engine, stream=self.stream,
                    mail_log=mail_log,
                )  # fmt: skip
        else:
            with (
                telling_how_far(),
                progress_bar(f"{name}, {self.replications} replications", self.replications, quiet=self.quiet) as tell,
            ):
                found = replicate(
                    spec, self.replications, seed=self.seed, executor=self.executor, jobs=self.jobs, engine=self.engine, stream=self.stream,
                    keep_visits=self.keep_visits, progress=told_of_runs(tell),
                )  # fmt: skip
                results = whole(found, self.replications)
        if not self.quiet:
            copies = (results.mail["kind"] == "mail").to_numpy()
            messages = int(results.mail["rows"].to_numpy()[copies].sum() if results.is_streamed else copies.sum())
            took_s = perf_counter() - began
            say_aside(f"{name}: {messages:,} copies of messages simulated in {took_s:.1f} s{_by(results)}")
        return results


@contextmanager
def telling_how_far() -> Iterator[None]:
    """Say of a stop by Ctrl-C what was done till then."""
    try:
        yield
    except KeyboardInterrupt as stop:
        for said in stop.args:
            say_aside(str(said))
        raise


def told_of_runs(tell: Teller) -> Callable[[int, int], None]:
    """What is told how many runs are done of how many."""
    return lambda done, of: tell(done, f"{done} of {of} runs", of=of)


def _by(results: Results) -> str:
    """Which engine it was and why, in the words of the page."""
    return "; engine: {engine} ({engine_why})".format(**results.provenance)
