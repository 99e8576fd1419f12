"""The commands that let time pass: run and outage."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Option

from coexsim.cli import ahead, options, writing_logs
from coexsim.cli.completion import what_can_go_down
from coexsim.cli.console import make_console
from coexsim.cli.folder import results_folder
from coexsim.cli.large import ask_first
from coexsim.cli.progress_line import Teller, progress_bar, run_bar
from coexsim.cli.report_of_run import Report
from coexsim.cli.streams import say_aside

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from coexsim.analysis.outage_answer import Outage
    from coexsim.analysis.round_trip import WayFigures
    from coexsim.engine.choice import Engine
    from coexsim.experiment.results import Results
    from coexsim.scenario.model import Scenario
    from coexsim.sim.mail_log import MailLog


def run(
    scenario: options.ScenarioFile,
    out: options.Out = None,
    seed: options.Seed = None,
    replications: options.Replications = None,
    jobs: options.Jobs = None,
    dask: options.Dask = None,
    round_trip: Annotated[
        bool,
        Option(
            " /--no-round-trip", show_default=False,
            help="do not price the round trip, for which the same mail is run with direct delivery too",
        ),
    ] = True,
    limits: Annotated[
        bool,
        Option(" /--no-limits", show_default=False, help="of a scenario with an outage, do not try what other limits would change"),
    ] = True,
    pictures: options.Pictures = True,
    engine: options.EngineName = "auto",
    growth: ahead.Growth = None,
    plan: ahead.Plan = None,
    since: ahead.Since = None,
    years: ahead.Years = 5.0,
    write_log: Annotated[
        Literal["postfix", "exchange", "domino", "message-trace", "google"] | None,
        Option(
            "--write-log", metavar="FORMAT", show_default=False,
            help="write mail logs of the simulated mail under logs/ of the results, for tests of log readers: postfix, exchange, domino, "
            "message-trace or google",
        ),
    ] = None,
    visits: Annotated[bool, Option("--visits", help="keep every visit of every stage (large)")] = False,
    stream: Annotated[
        bool,
        Option(
            "--stream", help="keep no row a message, for very long runs: percentiles of delay are right to 1 %, memory does not grow"
        ),
    ] = False,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:  # fmt: skip
    """Simulate a scenario: delay, queues, utilisation, the round trip's price; tables and pictures under reports/.

    One with an outage is followed until all is normal again and all measured mail has met its end, and says so first, with the
    limit that makes it last.
    With --growth or --plan, today and each later day are judged by as many replications, four unless you say otherwise.

    Exit code: 0 all objectives are met (or there are none), 1 one is missed, 3 for one we cannot say.
    """
    from coexsim.experiment.executors import open_executor
    from coexsim.scenario.load import load_scenario

    logging = writing_logs.asked(write_log, stream=stream, replications=replications, dask=dask)
    spec = load_scenario(scenario)
    asked = ahead.read_ahead(spec, growth, plan, since, years)
    folder = results_folder(out, scenario, verb="run", more=logging.names(spec) if logging else ())
    count = 1 if logging else _count(spec, replications, asked)
    tried = limits and not stream and any(event.down for event in spec.events)
    several = count > 1 or asked is not None or tried or dask is not None
    with open_executor(jobs if several else 1, dask) as executor:  # whose processes begin to load before this one does
        return _run(
            spec, folder, seed, count, executor, jobs, dask, asked, logging, round_trip=round_trip and not stream, limits=limits,
            pictures=pictures, engine=engine, visits=visits, stream=stream, yes=yes, quiet=quiet, as_json=as_json,
        )  # fmt: skip


def _count(spec: Scenario, replications: int | None, asked: ahead.Ahead | None) -> int:
    """How many replications; each later day is judged by as many, four at the least unless it was said otherwise."""
    if asked is None:
        return replications or spec.run.replications
    from coexsim.analysis.assess import FIRST_LOOK

    return replications or max(spec.run.replications, FIRST_LOOK)


def _run(
    spec: Scenario, folder: Path, seed: int | None, count: int, executor: Executor | None, jobs: int | None, dask: str | None,
    asked: ahead.Ahead | None, logging: writing_logs.LogWriting | None, *, round_trip: bool, limits: bool, pictures: bool, engine: Engine,
    visits: bool, stream: bool, yes: bool, quiet: bool, as_json: bool,
) -> int:  # fmt: skip
    from coexsim.analysis.outage_answer import follow, last_outage, reaching, with_limits
    from coexsim.analysis.slo_text import read_objectives

    read_objectives(spec)  # what is wrong with them is said before the run, not after it
    event = None if stream else last_outage(spec)  # which is told from single messages
    runs = count * (2 if round_trip else 1)
    whole = spec if event is None else reaching(spec, event)
    expected = runs if event is None else runs + count
    ask_first(whole, expected, yes, engine=engine, stream=stream, quiet=quiet, at_least=event is not None)
    ahead_of_time = round_trip and count == 1 and dask is None and event is None
    with _direct_meanwhile(spec, seed, jobs if ahead_of_time else 1) as direct:
        what = spec.title or spec.source.file

        def simulated(of: Scenario, doing: str = "") -> Results:
            log = logging.begun() if logging else None
            name = f"{what}: {doing}" if doing else what
            return _simulated(of, name, seed, count, executor, jobs, dask, visits, engine, stream, log, quiet=quiet)

        if event is None:
            report = Report(spec, simulated(spec), folder)
        else:
            found = follow(spec, event, try_limits=False, simulated=simulated)
            if limits:
                with progress_bar("other limits", quiet=quiet) as tell:
                    found = with_limits(
                        found, event, seed=seed, executor=executor, runs_done=_runs(tell), engine=engine
                    )
            report = Report(found.scenario, found.results, folder, outage=found)
        report.find()
        if round_trip:
            report.price(executor if count > 1 else None, direct, quiet=quiet)
    if asked is not None:
        most = asked.most_looks * count
        with progress_bar("until when it holds", quiet=quiet) as tell:
            report.outlook = asked.look(
                spec, seed, executor, count, progress=lambda _: tell.count("day by day", at_most=most)
            )
    report.write(pictures=pictures, quiet=quiet)
    if logging is not None:
        logging.write(report.spec, folder)
    return report.tell("run", as_json=as_json, quiet=quiet)


def outage(
    scenario: options.ScenarioFile,
    server: Annotated[
        list[str],
        Option(
            metavar="NAME", help="server or link that goes down, or a site's line such as office-uplink; may be given several times",
            autocompletion=what_can_go_down, show_default=False,
        ),
    ],
    at: Annotated[str, Option(metavar="TIME", help="when, such as 10:00 or 'Mon 10:00'", show_default=False)],
    length: Annotated[str, Option("--for", metavar="DURATION", help="for how long, such as 4h", show_default=False)],
    out: options.Out = None,
    seed: options.Seed = None,
    replications: options.Replications = 1,
    jobs: options.Jobs = None,
    dask: options.Dask = None,
    pictures: options.Pictures = True,
    engine: options.EngineName = "auto",
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:  # fmt: skip
    """What an outage does: backlog, oldest mail, warnings, expiries, the burst on return and how long it takes to drain.

    Exit code: as for run.
    """
    from coexsim import units
    from coexsim.analysis.outage import with_outage
    from coexsim.analysis.outage_answer import follow, reaching
    from coexsim.analysis.slo_text import read_objectives
    from coexsim.experiment.executors import open_executor
    from coexsim.scenario.load import load_scenario

    options.value(units.moment, at, "--at")
    options.value(units.duration_s, length, "--for")
    usual = load_scenario(scenario)
    options.known(server, usual.can_go_down, "--server")
    spec = with_outage(usual, server, at, length)
    read_objectives(spec)
    folder = results_folder(out, scenario, "-outage", verb="run")
    fewest = 2 * (replications or 1)  # each run is held against one without the outage
    ask_first(reaching(spec, spec.events[-1]), fewest, yes, at_least=True, quiet=quiet)
    with (
        run_bar("outage", spec, is_followed=True, quiet=quiet) as shown,
        open_executor(jobs, dask) as executor,
    ):
        found = follow(
            spec, spec.events[-1], replications=replications or 1, seed=seed, executor=executor, engine=engine,
            progress=shown.run, runs_done=_runs(shown), doing=lambda what: shown.begin(f"outage: {what}"),
        )  # fmt: skip
    again = shlex.join(
        [
            "coexsim",
            "outage",
            str(scenario),
            *(word for name in server for word in ("--server", name)),
            "--at",
            at,
            "--for",
            length,
        ]
    )
    report = Report(found.scenario, found.results, folder, outage=found, again=again)
    report.find()
    report.write(pictures=pictures, quiet=quiet)
    return report.tell("outage", as_json=as_json, quiet=quiet, first=lambda: _say_outage(found))


def _say_outage(found: Outage) -> None:
    """The answer in a line, which limit made it so long, then what the outage did, as a table of queues and a few lines."""
    from coexsim.report import outage_words
    from coexsim.report.tables import plain_table, titled

    console = make_console()
    console.print(f"{found.headline}.", style="bold")
    if found.limit:
        console.print(found.limit)
    console.print(outage_words.say_hours(found), style="bold")
    queues = plain_table([outage_words.QUEUE_HEADS[0]], list(outage_words.QUEUE_HEADS[1:]))
    for row in outage_words.queue_rows(found):
        queues.add_row(*row)
    console.print(queues if queues.row_count else "no server's queue grew")
    for line in outage_words.more_facts(found):
        console.print(line)
    if found.changes:
        tried = plain_table([outage_words.CHANGE_HEADS[0]], list(outage_words.CHANGE_HEADS[1:]))
        for row in outage_words.change_rows(found):
            tried.add_row(*row)
        console.print(titled(outage_words.changes_title(found), tried))


def _simulated(
    spec: Scenario,
    name: str,
    seed: int | None,
    count: int,
    executor: Executor | None,
    jobs: int | None,
    dask: str | None,
    visits: bool,
    engine: Engine,
    stream: bool,
    mail_log: MailLog | None = None,
    *,
    quiet: bool = False,
) -> Results:
    from time import perf_counter

    from coexsim.experiment.replicate import replicate
    from coexsim.experiment.run import simulate

    began = perf_counter()
    if count == 1 and dask is None:
        with run_bar(name, spec, quiet=quiet) as shown:
            results = simulate(
                spec, seed=seed, keep_visits=visits, progress=shown.run, engine=engine, stream=stream, mail_log=mail_log
            )
    else:
        with progress_bar(f"{name}, {count} replications", count, quiet=quiet) as tell:
            results = replicate(
                spec, count, seed=seed, executor=executor, jobs=jobs, engine=engine, stream=stream,
                progress=_runs(tell),
            )  # fmt: skip
    took_s = perf_counter() - began
    if quiet:
        return results
    copies = (results.mail["kind"] == "mail").to_numpy()
    messages = int(results.mail["rows"].to_numpy()[copies].sum() if results.is_streamed else copies.sum())
    say_aside(f"{name}: {messages:,} copies of messages simulated in {took_s:.1f} s{_by(results)}")
    return results


def _runs(tell: Teller) -> Callable[[int, int], None]:
    """What is told how many runs are done of how many."""
    return lambda done, of: tell(done, f"{done} of {of} runs", of=of)


def _by(results: Results) -> str:
    """Which engine it was, where that is not what was to be expected."""
    engine, why = (results.provenance.get(key, "") for key in ("engine", "engine_why"))
    return (
        f" by the reference engine: {why}" if engine == "reference" and not why.startswith(("short", "asked")) else ""
    )


@contextmanager
def _direct_meanwhile(spec: Scenario, seed: int | None, jobs: int | None) -> Iterator[Future[WayFigures] | None]:
    """The same mail with direct delivery, in a process of its own while this one simulates; None: not ahead of time."""
    from coexsim.analysis.round_trip import direct, run_way
    from coexsim.errors import NoDataError
    from coexsim.experiment.executors import cpu_count, processes

    try:
        straight = direct(spec) if (cpu_count() if jobs is None else jobs) > 1 else None
    except NoDataError:
        straight = None
    if straight is None:
        yield None
        return
    with processes(1) as executor:
        yield executor.submit(run_way, straight, spec.run.seed if seed is None else seed, 0)
