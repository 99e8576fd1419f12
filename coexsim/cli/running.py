"""The commands that let time pass: run and outage."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Option

from coexsim.cli import ahead, options, writing_logs
from coexsim.cli.completion import what_can_go_down
from coexsim.cli.console import make_console
from coexsim.cli.folder import results_folder
from coexsim.cli.large import ask_first
from coexsim.cli.progress_line import progress_bar, run_bar
from coexsim.cli.report_of_run import Report
from coexsim.cli.runs import Runs, telling_how_far, told_of_runs
from coexsim.errors import UsageError

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from coexsim.analysis.outage_answer import Outage
    from coexsim.analysis.round_trip import WayFigures
    from coexsim.analysis.slo_text import Objective
    from coexsim.engine.choice import Engine
    from coexsim.experiment.results import Results
    from coexsim.scenario.model import Scenario


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
    limits: options.Limits = True,
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

    if stream and visits:
        raise UsageError("--stream keeps no row a message, --visits one for every visit: leave out one of them")
    logging = writing_logs.asked(write_log, stream=stream, replications=replications, dask=dask)
    spec = load_scenario(scenario)
    count = 1 if logging else replications or spec.run.replications
    tried = limits and not stream and any(event.failing for event in spec.events)
    several = count > 1 or growth is not None or plan or tried or dask is not None
    with open_executor(jobs if several else 1, dask) as executor:  # whose processes load while this one does
        from coexsim.analysis.slo_text import read_objectives

        asked = ahead.read_ahead(spec, growth, plan, since, years)
        objectives = read_objectives(spec)  # what is wrong with them is said before the run, not after it
        if asked is not None:
            count = _count_ahead(spec, 1 if logging else replications, objectives)
        folder = results_folder(out, scenario, verb="run", more=logging.names(spec) if logging else ())
        how = Runs(seed, count, executor, jobs, dask, engine, keep_visits=visits, stream=stream, quiet=quiet)
        report = _simulated(spec, folder, how, logging, round_trip=round_trip and not stream, limits=limits, yes=yes)
        flags = {"--stream": stream, "--visits": visits, "--no-round-trip": not round_trip, "--no-limits": not limits}
        log = ["--write-log", write_log] if write_log else []
        days = asked.words(growth, plan) if asked is not None else []
        report.again = _again("run", scenario, [*(name for name, given in flags.items() if given), *log, *days], engine)
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


def _count_ahead(spec: Scenario, replications: int | None, objectives: Sequence[Objective]) -> int:
    """How many replications judge today and each later day: four at the least unless it was said otherwise.

    Raises `NoDataError` where days cannot be judged.
    """
    from coexsim.analysis.assess import FIRST_LOOK
    from coexsim.analysis.outlook import require_outlook

    require_outlook(spec, objectives)
    return replications or max(spec.run.replications, FIRST_LOOK)


def _simulated(
    spec: Scenario, folder: Path, how: Runs, logging: writing_logs.LogWriting | None, *, round_trip: bool, limits: bool, yes: bool
) -> Report:  # fmt: skip
    """Run it, follow an outage to its end and try other limits, price the round trip, and find what is to be said."""
    from coexsim.analysis.outage_answer import follow, last_outage, reaching, with_limits

    event = None if how.stream else last_outage(spec)  # which is told from single messages
    runs = how.replications * ((2 if round_trip else 1) + (event is not None))
    whole = spec if event is None else reaching(spec, event)
    ask_first(whole, runs, yes, engine=how.engine, stream=how.stream, quiet=how.quiet, at_least=event is not None)
    what = spec.title or spec.source.file

    def simulated(of: Scenario, doing: str = "") -> Results:
        return how.results(of, f"{what}: {doing}" if doing else what, logging.begun() if logging else None)

    ahead_of_time = round_trip and how.is_single and event is None
    with _direct_meanwhile(spec, how.seed, how.jobs if ahead_of_time else 1) as direct:
        if event is None:
            report = Report(spec, simulated(spec), folder)
        else:
            found = follow(spec, event, try_limits=False, simulated=simulated)
            if limits:
                with progress_bar("other limits", quiet=how.quiet) as tell:
                    found = with_limits(
                        found,
                        event,
                        seed=how.seed,
                        executor=how.executor,
                        runs_done=told_of_runs(tell),
                        engine=how.engine,
                    )
            report = Report(found.scenario, found.results, folder, outage=found)
        report.find()
        if round_trip:
            report.price(how.executor if how.replications > 1 else None, direct, quiet=how.quiet)
    return report


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
    limits: options.Limits = True,
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
        telling_how_far(),
        run_bar("outage", spec, is_followed=True, quiet=quiet) as shown,
        open_executor(jobs, dask) as executor,
    ):
        found = follow(
            spec, spec.events[-1], replications=replications or 1, try_limits=limits, seed=seed, executor=executor, jobs=1, engine=engine,
            progress=shown.run, runs_done=told_of_runs(shown), doing=lambda what: shown.begin(f"outage: {what}"),
        )  # fmt: skip
    given = [*(word for name in server for word in ("--server", name)), "--at", at, "--for", length]
    again = _again("outage", scenario, [*given, *([] if limits else ["--no-limits"])], engine)
    report = Report(found.scenario, found.results, folder, outage=found, again=again)
    report.find()
    report.write(pictures=pictures, quiet=quiet)
    return report.tell("outage", as_json=as_json, quiet=quiet, first=lambda: _say_outage(found))


def _again(verb: str, scenario: Path, given: Sequence[str], engine: Engine) -> str:
    """The command that asks the same again, but for seed and replications, which the page knows of its results."""
    by = [] if engine == "auto" else ["--engine", engine]
    return shlex.join(["coexsim", verb, str(scenario), *given, *by])


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
