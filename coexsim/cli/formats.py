"""The formats that `check` and `diff` answer in, for people and for CI."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import quote

import typer

from coexsim.errors import Problem, UsageError
from coexsim.text import visible


class Format(StrEnum):
    """What `--format` may be."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    GITHUB = "github"
    SARIF = "sarif"
    MARKDOWN = "markdown"


FormatOption = Annotated[
    Format,
    typer.Option(
        "--format", metavar="FORMAT",
        help="text for people, json for programs, junit for CI servers, github for annotations, sarif for code scanning, markdown for pull "
        "requests",
    ),
]  # fmt: skip
JunitFile = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="also write a JUnit report for CI", show_default=False)
]
OF_SEVERITY = {"error": "error", "warning": "warning", "note": "notice"}
BAD_SCENARIO = "BAD-SCENARIO"


class Annotation(NamedTuple):
    """Something to be shown at a line of a file: an expectation that failed, a finding, a scenario that cannot be read, a change."""

    severity: str
    """``error``, ``warning`` or ``note``."""
    code: str
    file: str
    line: int
    text: str
    title: str = ""
    acknowledged: str | None = None


def mark_of(problem: Problem) -> Annotation:
    """A mistake in a scenario, at its own file and line, be it an `extends`-ed file."""
    text = f"{problem.path}: {problem.text}" if problem.path else problem.text
    return Annotation("error", BAD_SCENARIO, problem.file, problem.line, text, "the scenario cannot be read")


def worst_first(marks: list[Annotation]) -> list[Annotation]:
    """Errors, warnings, notes; each in the order in which they were found."""
    return sorted(marks, key=lambda mark: list(OF_SEVERITY).index(mark.severity))


# --- GitHub -------------------------------------------------------------------------------------------------------------------

MOST_SHOWN = 10
"""GitHub shows so many annotations of each kind a step (docs.github.com, "Workflow commands", "Annotation limits")."""


def github_lines(marks: list[Annotation]) -> list[str]:
    """Workflow commands that annotate the lines, worst first; acknowledged findings are left out."""
    shown = [mark for mark in worst_first(marks) if mark.acknowledged is None]
    return [_annotation(mark) for mark in shown]


def _annotation(mark: Annotation) -> str:
    place = f"file={_property(_relative(mark.file))},line={max(mark.line, 1)}"
    title = _property(f"{mark.code}: {mark.title}" if mark.title else mark.code)
    return f"::{OF_SEVERITY[mark.severity]} {place},title={title}::{_message(mark.text)}"


def _message(text: str) -> str:
    """As GitHub's toolkit escapes the text of a command; only line breaks of ours are left to escape."""
    shown = "\n".join(visible(line) for line in text.split("\n"))
    return shown.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(visible(text)).replace(":", "%3A").replace(",", "%2C")


def add_step_summary(markdown: str) -> None:
    """Append to the page of the step, where GitHub says one. Raises `UsageError`."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if file:
        try:
            with open(file, "a", encoding="utf-8", errors="backslashreplace") as page:
                page.write(markdown + "\n")
        except OSError as error:
            raise UsageError(f"GITHUB_STEP_SUMMARY: {file} cannot be written: {error.strerror}") from None


# --- Markdown -----------------------------------------------------------------------------------------------------------------


def cell(text: str) -> str:
    """Text of others in a cell of a table: nothing of it is Markdown or HTML."""
    shown = visible(text).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{sign}" if sign in "\\`*_[]|~" else sign for sign in shown)


def code(text: str) -> str:
    """Text of others as code."""
    return f"`{visible(text).replace('`', chr(39))}`"


def marks_table(marks: list[Annotation]) -> list[str]:
    """The marks as a table, worst first."""
    rows = [
        f"| {'known' if mark.acknowledged is not None else mark.severity} | {cell(mark.code)} | {cell(_place(mark))} | {cell(mark.text)} |"
        for mark in worst_first(marks)
    ]
    return ["| | what | where | why |", "|---|---|---|---|", *rows] if rows else []


def _place(mark: Annotation) -> str:
    return f"{_relative(mark.file)}:{mark.line}" if mark.line else _relative(mark.file)


# --- SARIF --------------------------------------------------------------------------------------------------------------------

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
RULES_OF_OURS = {
    "EXPECTATION": "A message does not go as the scenario expects.",
    BAD_SCENARIO: "The scenario cannot be read.",
    "ROUTE-CHANGED": "A class of mail goes another way after the change.",
}


def sarif(marks: list[Annotation], verb: str) -> dict[str, object]:
    """The marks as a SARIF 2.1.0 log (OASIS, errata 01): a rule a code, a result a mark, acknowledged ones suppressed."""
    from coexsim import __version__

    codes = list(dict.fromkeys(mark.code for mark in marks))
    driver = {"name": "coexsim", "version": __version__, "rules": [_rule(code) for code in codes]}
    results = [_result(mark, codes.index(mark.code)) for mark in worst_first(marks)]
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"coexsim/{verb}/"},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, object]:
    from coexsim.audit.findings import EXPLANATIONS

    explanation = EXPLANATIONS.get(code)
    if explanation is None:
        return {"id": code, "shortDescription": {"text": RULES_OF_OURS.get(code, code)}}
    return {
        "id": code,
        "shortDescription": {"text": explanation.title},
        "fullDescription": {"text": explanation.means},
        "help": {"text": explanation.do},
        "defaultConfiguration": {"level": explanation.severity},
    }


def _result(mark: Annotation, rule: int) -> dict[str, object]:
    place: dict[str, object] = {"artifactLocation": {"uri": _uri(mark.file)}}
    if mark.line:
        place["region"] = {"startLine": mark.line}
    text = f"{mark.title}: {mark.text}" if mark.title else mark.text
    result: dict[str, object] = {
        "ruleId": mark.code,
        "ruleIndex": rule,
        "level": mark.severity,
        "message": {"text": "\n".join(visible(line) for line in text.split("\n"))},
        "locations": [{"physicalLocation": place}],
    }
    if mark.acknowledged is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": visible(mark.acknowledged)}]
    return result


def _uri(file: str) -> str:
    """Relative to the working directory where the file is below it, as code scanning needs it."""
    path = _relative(file)
    quoted = quote(
        Path(path).as_posix().encode("utf-8", "surrogateescape" if _is_encodable(path) else "backslashreplace")
    )
    return f"file://{quoted}" if Path(path).is_absolute() else quoted


def _is_encodable(path: str) -> bool:
    try:
        path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _relative(file: str) -> str:
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd()).as_posix()
    return os.path.normpath(file) if file else "."
