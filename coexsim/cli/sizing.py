"""The command that finds the machine: size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from coexsim.answers import CANNOT_SAY
from coexsim.cli import ahead, options
from coexsim.cli.console import make_console
from coexsim.cli.envelope import envelope, figure, print_json
from coexsim.cli.folder import CANNOT_WRITE, Keeping, drop_pages, results_folder
from coexsim.cli.large import ask_first
from coexsim.cli.paint import say
from coexsim.cli.progress_line import progress_bar
from coexsim.cli.run_data import verdicts_data

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from coexsim.analysis.outlook import Outlook
    from coexsim.analysis.sized import Sizing
    from coexsim.scenario.model import Scenario

STATUS_STYLES = {"holds": "green", "fails": "red", "too small by theory": "red", CANNOT_SAY: "yellow"}


def size(
    scenario: options.ScenarioFile,
    out: options.Out = None,
    seed: options.Seed = None,
    most: Annotated[
        int | None,
        Option(
            "--replications", "-n", metavar="NUMBER", min=2, max=options.MOST_REPLICATIONS, show_default=False,
            help="replications of one machine or growth at the most, in place of the scenario's number",
        ),
    ] = None,
    curve: Annotated[bool, Option("--curve", help="try also machines that the answer does not need")] = False,
    headroom: Annotated[
        bool,
        Option(
            " /--no-headroom", show_default=False,
            help="do not look for the growth of the load at which the answer breaks",
        ),
    ] = True,
    growth: ahead.Growth = None,
    plan: ahead.Plan = None,
    since: ahead.Since = None,
    years: ahead.Years = 5.0,
    jobs: options.Jobs = None,
    dask: options.Dask = None,
    engine: options.EngineName = "auto",
    pictures: options.Pictures = True,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:  # fmt: skip
    """How big must the server be: the cheapest machine that meets every objective, its headroom and what breaks first.

    Exit code: 0 the cheapest that holds was found, 1 none holds, 3 we cannot say (a cheaper one may hold).
    """
    from coexsim.analysis.assess import FIRST_LOOK
    from coexsim.analysis.enough import MOST_ENOUGH
    from coexsim.analysis.size_words import require_question
    from coexsim.analysis.sizing import MOST, most_looks
    from coexsim.analysis.sizing import size as find_size
    from coexsim.experiment.executors import open_executor
    from coexsim.report.words import not_counted, scope
    from coexsim.scenario.load import load_scenario

    spec = load_scenario(scenario)
    asked = ahead.read_ahead(spec, growth, plan, since, years)
    require_question(spec)
    folder = results_folder(out, scenario, "-size", verb="size")
    fewest = 3 * FIRST_LOOK if headroom else FIRST_LOOK  # a machine, a growth that it holds, and one that it does not
    machines = len(spec.size.candidates) if spec.size else 0
    looks = most_looks(spec, headroom=headroom) + (asked.most_looks * max(machines, 1) if asked is not None else 0)
    each = most or (spec.size.replications if spec.size else MOST)
    ask_first(
        spec,
        fewest,
        yes,
        at_least=True,
        at_most=looks * each + MOST_ENOUGH,
        keeps_mail=False,
        engine=engine,
        quiet=quiet,
    )
    with progress_bar("size", quiet=quiet) as shown, open_executor(jobs, dask) as executor:
        tell = shown.count
        found = find_size(
            spec,
            most=most,
            curve=curve,
            headroom=headroom,
            seed=seed,
            executor=executor,
            jobs=1,
            progress=tell,
            engine=engine,
        )
        shown.begin("until when it holds")
        outgrown = _outgrown(asked, found, spec, seed, executor, tell) if asked is not None else []
    keeping = Keeping()
    room = _headroom(found, moving=asked is not None and bool(asked.plan))
    sentences = [*_answer(found, spec), *room]
    sentences += outgrown + found.doubts(spec)
    _write_size(found, spec, sentences, folder, keeping, pictures=pictures)
    if as_json:
        code = CANNOT_WRITE if keeping.failed else found.exit_code
        print_json(_data(found, spec, " ".join(sentences), code, None if keeping.failed else folder))
    elif quiet:
        say([*sentences, not_counted(spec)])
    else:
        _say_size(found, spec, room)
        if outgrown:
            say(outgrown)
        make_console().print(scope(spec))
        if not keeping.failed:
            say(f"Table{' and picture' if pictures else ''}: {folder}/")
    return keeping.exit_code(found.exit_code)


def _data(found: Sizing, spec: Scenario, answer: str, code: int, folder: Path | None) -> dict[str, Any]:
    """The answer for programs: verdicts on the machine that holds, its resources as figures, every machine that was tried."""
    from coexsim.analysis.candidates import IN_CAPACITY
    from coexsim.analysis.peak import peak_of
    from coexsim.report.words import scope

    peak = peak_of(spec)
    confidence = spec.size.confidence if spec.size else 0.95
    figures: list[dict[str, Any]] = []
    if found.best is not None:
        for resource, has, busy, needed, _ in found.resources(spec).itertuples(index=False, name=None):
            unit = {"queue_disk": "B"}.get(str(resource), "1" if resource in IN_CAPACITY else "bit/s")
            scale = 8 if unit == "bit/s" else 1
            figures += [
                figure("has", str(resource), scale * has, unit),
                figure("needed", str(resource), scale * needed, unit),
            ]
            figures.append(figure(f"busy share in the {peak}", str(resource), busy, "1"))
    return envelope(
        "size", answer, code, verdicts=verdicts_data(found.best.verdicts if found.best else (), confidence), figures=figures,
        provenance={"file": spec.source.file, "runs": found.runs, "engine": found.engine}, scope=scope(spec),
        machines=found.table().to_dict("records"),
        undecided=[candidate.name for candidate in found.undecided], folder=None if folder is None else str(folder),
    )  # fmt: skip


def _outgrown(
    asked: ahead.Ahead, found: Sizing, spec: Scenario, seed: int | None, executor: Executor | None, tell: Callable[[str], None]
) -> list[str]:  # fmt: skip
    """Until when the answer holds, and what machines cost over the years; nothing where no machine holds. Each run is told."""
    from coexsim.analysis.candidates import apply
    from coexsim.analysis.costs import costs
    from coexsim.analysis.growth import say_outgrown

    def look(then: Scenario) -> Outlook:
        return asked.look(then, seed, executor, progress=lambda _: tell("day by day"))

    if found.answer is None:
        today = "we cannot say of today's load" if found.undecided else "with today's load it does not hold"
        return [f"Until when it holds was not looked for: {today}, with any of the machines."]
    if found.headroom is not None and not asked.plan:
        said = [say_outgrown(found.headroom, asked.growth, asked.start)]
    else:
        said = [str(look(apply(spec, found.answer, found.server)))]
    if not found.priced or spec.size is None or len(spec.size.candidates) < 2:
        return said
    dear = [each for each in spec.size.candidates if each.cost >= found.answer.cost]
    total = costs(spec, found.server, dear, look, asked.years)
    return said if total is None else [*said, str(total)]


def _headroom(found: Sizing, *, moving: bool) -> list[str]:
    """The sentence on growth; beside a plan that moves people, whose load it is."""
    if found.headroom is None:
        return []
    return [f"Headroom{' of the set-up as it is, before the plan moves anybody' * moving}: {found.headroom}."]


def _say_size(found: Sizing, spec: Scenario, room: list[str]) -> None:
    """The answer first, then what it rests on."""
    from coexsim.report.saying import say_verdicts
    from coexsim.report.tables import words

    console = make_console()
    for number, line in enumerate(_answer(found, spec)):
        console.print(line, style=None if number else "bold")
    for line in room:
        console.print(line)
    best = found.best
    if best is not None:
        console.print()
        console.print(say_verdicts(best.verdicts, spec.size.confidence if spec.size else 0.95))
    console.print(_candidates(found))
    for resource, part in found.each.items():
        alone = part.answer.name if part.answer else "none of the range holds"
        console.print(f"{resource} alone, with the others at their largest: {alone}")
    if best is not None:
        console.print(_resources(found, spec))
    for doubt in found.doubts(spec):
        console.print(words(("Doubt:", "bold"), f" {doubt}"))
    per_run = f"{found.messages / max(found.runs, 1):,.0f} copies of messages each" if found.runs else "none was needed"
    by = f"; engine: {found.engine}" if found.engine else ""
    console.print(f"{found.runs} runs in {found.seconds:.0f} s; {per_run}{by}.")


def _answer(found: Sizing, spec: Scenario) -> Iterator[str]:
    """The answer in a line or two."""
    from coexsim.analysis.candidates import apply
    from coexsim.analysis.resources import shortfalls

    yield f"{found.headline}."
    if found.answer is None and not found.undecided:
        largest = apply(spec, found.tried[-1].candidate, found.server)
        for line in shortfalls(largest, found.server, found.objectives):
            yield f"By theory it takes {line}; no run has shown that this is enough."
        return
    for tried in found.tried:
        if tried.candidate in found.undecided:
            yield f"  Cannot say of {tried.candidate.name}: {tried.why}"


def _candidates(found: Sizing) -> Any:
    from rich.text import Text

    from coexsim.analysis.size_words import say_objectives
    from coexsim.report.tables import plain_table, titled

    table = plain_table(["machine", "answer", "why"], ["cost", "runs"] if found.priced else ["runs"])
    for tried in found.tried:
        status = Text(tried.status, style=STATUS_STYLES.get(tried.status, "dim"))
        why = tried.why
        if tried.status == "holds":
            why = f"meets {say_objectives(found.objectives)}"
        runs = str(len(tried.assessment.runs)) if tried.assessment else "-"
        cost = [f"{tried.candidate.cost:g}"] if found.priced else []
        table.add_row(tried.candidate.name, status, why, *cost, runs)
    return titled("\nMachines, by cost" if found.priced else "\nMachines, as they were tried", table)


def _resources(found: Sizing, spec: Scenario) -> Any:
    from coexsim.analysis.candidates import IN_CAPACITY, say_amount
    from coexsim.analysis.peak import peak_of
    from coexsim.analysis.size_words import say_enough
    from coexsim.report.tables import plain_table, titled

    table = plain_table(["resource", "needed for"], ["has", "in use", "needed"])
    for resource, has, busy, needed, why in found.resources(spec).itertuples(index=False, name=None):
        kind = str(resource) if resource in IN_CAPACITY else "uplink"
        say = [say_amount(kind, value) if value == value else "-" for value in (has, needed)]
        table.add_row(str(resource), str(why), say[0], f"{100 * busy:.1f} %" if busy == busy else "-", say[1])
    title = f"\nResources of {found.server}, in the {peak_of(spec)}"
    return titled(title, table, say_enough(found.times))


def _write_size(
    found: Sizing, spec: Scenario, answer: list[str], folder: Path, keeping: Keeping, *, pictures: bool
) -> None:  # fmt: skip
    from coexsim.experiment.store import json_bytes, table_bytes, write_set

    table = found.table()
    machine = found.answer.to_data() if found.answer else None
    summary = {
        "server": found.server,
        "answer": {name: value for name, value in machine.items() if value is not None} if machine else None,
        "exit_code": found.exit_code,
        "undecided": [candidate.name for candidate in found.undecided],
        "headroom": str(found.headroom) if found.headroom else None,
        "machines": table.to_dict("records"),
        "runs": found.runs,
    }
    files = {"sizing.parquet": lambda: table_bytes(table), "sizing.json": lambda: json_bytes(summary)}
    keeping.write(lambda: write_set(folder, files), lambda: drop_pages(folder, "size"))
    if pictures:
        from coexsim.report.size_page import write_size

        keeping.write(lambda: write_size(found, spec, folder, answer))
