"""The commands that guard a set-up: check and diff, for people and in every format that CI reads."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from coexsim.cli import formats, options
from coexsim.cli.completion import scenario_files
from coexsim.cli.envelope import envelope, print_json
from coexsim.cli.folder import Keeping, results_folder
from coexsim.cli.formats import Format, FormatOption
from coexsim.cli.paint import count, say
from coexsim.cli.progress_line import progress_lines
from coexsim.cli.streams import say_aside
from coexsim.errors import ObjectiveError, Problem, ScenarioError, UsageError
from coexsim.text import encodable

if TYPE_CHECKING:
    from coexsim.audit.check import CheckReport
    from coexsim.scenario.model import Scenario

BAD = 2


def check(
    paths: Annotated[
        list[Path],
        Argument(metavar="PATH", help="scenario files, or folders of them", autocompletion=scenario_files, show_default=False),
    ],
    strict: Annotated[bool, Option("--strict", help="warnings fail the check too")] = False,
    quiet: options.Quiet = False,
    output: FormatOption = Format.TEXT,
    as_json: options.AsJson = False,
    junit_file: formats.JunitFile = None,
    out: options.Out = None,
) -> int:  # fmt: skip
    """Does every message go as its scenario expects, and what else is wrong with the set-up. Exit 0 if all holds, else 1.

    Exit code 2 where a scenario cannot be read; what can be checked is checked.
    """
    from coexsim.audit.check import check as check_setup
    from coexsim.scenario.load import load_scenario

    chosen = _chosen(output, as_json=as_json)
    keeping = Keeping()
    folder = results_folder(out, paths[0], verb="check") if out is not None else None
    reports: list[CheckReport] = []
    problems: list[Problem] = []
    files = _files(paths)
    with progress_lines("check", len(files) if len(files) > 1 else 0.0, quiet=quiet) as tell:
        for number, file in enumerate(files):
            tell(number, str(file))
            try:
                scenario = load_scenario(file)
                _read_what_a_run_reads(scenario)
                reports.append(check_setup(scenario))
            except ScenarioError as error:
                problems += error.problems
            except ObjectiveError as error:
                problems.append(_as_problem(str(error)))
    problems = list(dict.fromkeys(problems))
    code = BAD if problems else int(not all(report.holds(strict=strict) for report in reports))
    if folder is not None:
        from coexsim.cli.check_text import check_sum
        from coexsim.report.route_pages import write_check

        answer = check_sum(reports, len(files) - len(reports))
        keeping.write(partial(write_check, reports, folder, answer, problems))
    unread = len(files) - len(reports)
    _print_check(chosen, reports, problems, code, unread=unread, strict=strict, quiet=quiet)
    if junit_file is not None:
        from coexsim.cli.junit import check_junit

        _write(junit_file, check_junit(reports, problems, strict=strict))
    _complain(problems)
    return keeping.exit_code(code)


def _print_check(
    output: Format, reports: Sequence[CheckReport], problems: Sequence[Problem], code: int,
    *, unread: int, strict: bool, quiet: bool,
) -> None:  # fmt: skip
    from coexsim.cli import check_text
    from coexsim.cli.junit import check_junit

    marks = check_text.check_marks(reports, problems)
    if output == Format.JSON:
        data = check_text.check_data(reports, problems, strict=strict)
        print_json(envelope("check", check_text.check_sum(reports, unread), code, **data))
    elif output == Format.JUNIT:
        print(encodable(check_junit(reports, problems, strict=strict)), end="")
    elif output == Format.SARIF:
        print_json(formats.sarif(marks, "check"))
    elif output == Format.MARKDOWN:
        say(check_text.check_markdown(reports, problems, unread))
    elif output == Format.GITHUB:
        _annotate(marks, check_text.check_sum(reports, unread))
        formats.add_step_summary("\n".join(check_text.check_markdown(reports, problems, unread)))
    elif reports:
        say(check_text.check_lines(reports, unread, quiet=quiet))


def diff(
    old: Annotated[Path, options.scenario_argument("OLD", "the scenario as it is")],
    new: Annotated[Path, options.scenario_argument("NEW", "the scenario as it would be")],
    quiet: options.Quiet = False,
    output: FormatOption = Format.TEXT,
    as_json: options.AsJson = False,
    markdown: Annotated[bool, Option("--markdown", help="the same as --format markdown")] = False,
    junit_file: formats.JunitFile = None,
    out: options.Out = None,
) -> int:
    """Which classes of mail go another way after a change, and whose load that becomes. Exit 0 if nothing changed, else 1."""
    from coexsim.audit.diff import diff_routes
    from coexsim.cli import diff_text
    from coexsim.cli.junit import junit
    from coexsim.scenario.load import load_scenario

    keeping = Keeping()
    folder = results_folder(out, new, verb="diff") if out is not None else None
    chosen = _chosen(Format.MARKDOWN if markdown else output, as_json=as_json)
    scenarios: list[Scenario] = []
    problems: list[Problem] = []
    for file in (old, new):
        try:
            scenarios.append(load_scenario(file))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        _print_unread(chosen, list(dict.fromkeys(problems)), junit_file)
        return BAD
    before, after = scenarios
    found = diff_routes(before, after)
    if folder is not None:
        from coexsim.report.route_pages import write_diff

        keeping.write(partial(write_diff, found, folder, diff_text.diff_sum(found)))
    code = int(found.changed)
    marks = diff_text.diff_marks(found, *diff_text.place_of_change(before, after))
    document = junit([(f"{found.old} -> {found.new}", diff_text.diff_cases(found, marks))], "coexsim diff")
    if chosen == Format.JSON:
        print_json(envelope("diff", diff_text.diff_sum(found), code, **diff_text.diff_data(found)))
    elif chosen == Format.JUNIT:
        print(encodable(document), end="")
    elif chosen == Format.SARIF:
        print_json(formats.sarif(marks, "diff"))
    elif chosen == Format.MARKDOWN:
        say(diff_text.diff_markdown(found))
    elif chosen == Format.GITHUB:
        _annotate(marks, diff_text.diff_sum(found))
        formats.add_step_summary("\n".join(diff_text.diff_markdown(found)))
    else:
        say(diff_text.diff_sum(found) if quiet else diff_text.diff_lines(found))
    if junit_file is not None:
        _write(junit_file, document)
    return keeping.exit_code(code)


def _chosen(output: Format, *, as_json: bool) -> Format:
    """The format that was asked for. Raises `UsageError` for two at once."""
    if as_json and output not in (Format.TEXT, Format.JSON):
        raise UsageError(f"--json and {output.value} are two formats; say one")
    return Format.JSON if as_json else output


def _print_unread(output: Format, problems: list[Problem], junit_file: Path | None) -> None:
    """A comparison that cannot be made, since a scenario cannot be read: in the format that was asked for, and on standard error."""
    from coexsim.cli.junit import junit, problem_suites

    marks = [formats.mark_of(problem) for problem in problems]
    answer = f"nothing was compared: {count(len(problems), 'mistake')} in the scenarios"
    document = junit(problem_suites(problems), "coexsim diff")
    page = ["### Mail routes: coexsim diff", "", formats.cell(answer), "", *formats.marks_table(marks)]
    if output == Format.JSON:
        print_json(envelope("diff", answer, BAD, problems=[problem._asdict() for problem in problems]))
    elif output == Format.JUNIT:
        print(encodable(document), end="")
    elif output == Format.SARIF:
        print_json(formats.sarif(marks, "diff"))
    elif output == Format.MARKDOWN:
        say(page)
    elif output == Format.GITHUB:
        _annotate(marks, answer)
        formats.add_step_summary("\n".join(page))
    if junit_file is not None:
        _write(junit_file, document)
    _complain(problems)


def _annotate(marks: list[formats.Annotation], total: str) -> None:
    """Annotations, and where GitHub will not show all of them, how many it leaves out."""
    for line in formats.github_lines(marks):
        print(line)
    open_ones = [mark for mark in marks if mark.acknowledged is None]
    counts = {severity: sum(mark.severity == severity for mark in open_ones) for severity in formats.OF_SEVERITY}
    hidden = sum(max(number - formats.MOST_SHOWN, 0) for number in counts.values())
    say(total + (f"; {hidden} more than GitHub shows: see the step's summary" if hidden else ""))


# --- reading and writing ------------------------------------------------------------------------------------------------------


def _files(paths: list[Path]) -> list[Path]:
    """The files named, and those in the folders named."""
    found: list[Path] = []
    for path in paths:
        if os.path.isdir(path):
            inside = sorted((*path.rglob("*.yaml"), *path.rglob("*.yml")))
            if not inside:
                raise UsageError(f"there is no .yaml file in {path}")
            found += inside
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _read_what_a_run_reads(scenario: Scenario) -> None:
    """Objectives and the file that is replayed: a run would stop there. Raises `ObjectiveError`, `ScenarioError`."""
    if scenario.objectives:
        from coexsim.analysis.slo_text import read_objectives

        read_objectives(scenario)
    if scenario.load is not None and scenario.load.replay is not None:
        from coexsim.draw.replay_file import check_columns
        from coexsim.scenario.problems import placed

        with placed(scenario.source):
            check_columns(scenario.load.replay, Path(scenario.source.file).parent)


def _as_problem(text: str) -> Problem:
    """An objective's error, which says its place first; in one line, without the marks under the objective."""
    said, *below = text.split("\n")
    text = f"{said} (in '{below[0].strip()}')" if below else said
    place = re.match(r"(?P<file>.*?):(?P<line>\d+): (?P<text>.*)", text, re.DOTALL)
    return (
        Problem(place["file"], int(place["line"]), "", place["text"]) if place else Problem("objectives", 0, "", text)
    )


def _complain(problems: Sequence[Problem]) -> None:
    for problem in problems:
        say_aside(str(problem))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(encodable(text), encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "the file system cannot have a file of that name"
        raise UsageError(f"--junit: {file} cannot be written: {why}") from None
