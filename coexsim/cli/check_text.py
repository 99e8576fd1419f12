"""A check in words, as JSON, and as JUnit for CI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from coexsim.audit.check import CheckReport, Expectation
from coexsim.audit.finding import Finding
from coexsim.cli.article import which_article
from coexsim.cli.formats import Annotation, cell, mark_of, marks_table
from coexsim.cli.paint import OF_SEVERITY, count, paint
from coexsim.errors import Problem

MOST_CONSEQUENCES = 6


def check_lines(reports: Sequence[CheckReport], unread: int = 0, *, quiet: bool = False) -> Iterator[str]:
    """Each file with what held, what failed and what was found; what several files find alike is told once."""
    told: dict[tuple[str, str, str], str] = {}
    for report in reports:
        lines = [
            line for found in report.expectations if not (quiet and found.held) for line in _expectation_lines(found)
        ]
        again: dict[str, int] = {}
        for finding in report.findings:
            if quiet and (finding.acknowledged is not None or finding.severity == "note"):
                continue
            key = (finding.code, finding.place, finding.text)
            first = told.setdefault(key, report.file)
            if first != report.file and finding.acknowledged is None:
                again[first] = again.get(first, 0) + 1
            else:
                lines.extend(_finding_lines(finding))
        lines += [f"  {count(number, 'finding')} as in {file}" for file, number in again.items()]
        if lines or not quiet:
            yield paint(report.file, "bold") + (f": {report.title}" if report.title else "")
            yield from lines
    yield from which_article(text for _, _, text in told)[1:]
    yield check_sum(reports, unread)


def _expectation_lines(found: Expectation) -> Iterator[str]:
    way = f"{' -> '.join(found.route) or 'no server'}: {found.outcome.replace('_', ' ')}"
    if found.held:
        yield f"  {paint('held', 'green')}    {found.name}: {way}"
        return
    yield f"  {paint('FAILED', 'red')}  {found.name} ({found.recipient}), {found.place}"
    yield f"            {found.why}"
    for comparison in found.comparisons:
        if not comparison.held:
            yield f"            {comparison.key}: expected {comparison.expected}"
            yield f"            {' ' * len(comparison.key)}  happened {comparison.happened}"


def _finding_lines(finding: Finding) -> Iterator[str]:
    known = finding.acknowledged is not None
    word = "known" if known else finding.severity
    yield f"  {paint(f'{word:7s}', 'dim' if known else OF_SEVERITY[finding.severity])} {finding.code}, {finding.place}: {finding.where}"
    yield f"            {finding.text}"
    for consequence in finding.consequences[:MOST_CONSEQUENCES]:
        yield f"            so: {consequence}"
    if len(finding.consequences) > MOST_CONSEQUENCES:
        yield f"            and {len(finding.consequences) - MOST_CONSEQUENCES} more like that"
    if known:
        yield f"            acknowledged: {finding.acknowledged}"


def check_sum(reports: Sequence[CheckReport], unread: int = 0) -> str:
    """How many files there are, those that cannot be read included, how many expectations held and failed, and the findings, in a line."""
    expectations = [found for report in reports for found in report.expectations]
    failed = sum(not found.held for found in expectations)
    findings = [finding for report in reports for finding in report.findings]
    numbers = {
        severity: sum(f.severity == severity and f.acknowledged is None for f in findings) for severity in OF_SEVERITY
    }
    known = sum(f.acknowledged is not None for f in findings)
    said = [
        *([f"{unread} cannot be read"] if unread else []),
        f"{len(expectations) - failed} held",
        f"{failed} failed",
        *(count(n, severity) for severity, n in numbers.items() if n),
    ]
    if known:
        said.append(f"{known} acknowledged")
    more = "; 'coexsim explain CODE' tells more" if any(numbers.values()) else ""
    return f"{count(len(reports) + unread, 'file')}: {', '.join(said)}{more}"


def check_data(reports: Sequence[CheckReport], problems: Sequence[Problem], *, strict: bool) -> dict[str, Any]:
    """The reports as plain data."""
    return {
        "files": [_report_data(report, strict=strict) for report in reports],
        "problems": [problem._asdict() for problem in problems],
    }


def _report_data(report: CheckReport, *, strict: bool) -> dict[str, Any]:
    return {
        "file": report.file,
        "title": report.title,
        "holds": report.holds(strict=strict),
        "expectations": [
            {
                "name": found.name,
                "recipient": found.recipient,
                "file": found.file,
                "line": found.line,
                "held": found.held,
                "why": found.why,
                "servers": found.route,
                "outcome": found.outcome,
                "comparisons": [{**comparison._asdict(), "held": comparison.held} for comparison in found.comparisons],
            }
            for found in report.expectations
        ],
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity,
                "file": finding.file,
                "line": finding.line,
                "path": finding.where,
                "text": finding.text,
                "about": finding.about,
                "consequences": finding.consequences,
                "acknowledged": finding.acknowledged,
            }
            for finding in report.findings
        ],
    }


def check_marks(reports: Sequence[CheckReport], problems: Sequence[Problem]) -> list[Annotation]:
    """What is wrong, at its lines: mistakes in scenarios, expectations that failed, findings; what several files have alike once."""
    marks = [mark_of(problem) for problem in problems]
    for report in reports:
        marks += [
            Annotation("error", "EXPECTATION", found.file, found.line, found.why, found.name)
            for found in report.expectations
            if not found.held
        ]
        marks += [
            Annotation(f.severity, f.code, f.file, f.line, f"{f.where}: {f.text}", acknowledged=f.acknowledged)
            for f in report.findings
        ]
    return list(dict.fromkeys(marks))


def check_markdown(reports: Sequence[CheckReport], problems: Sequence[Problem], unread: int = 0) -> Iterator[str]:
    """The reports as Markdown, for a pull request or a step's summary."""
    yield "### Mail routes: coexsim check"
    yield ""
    yield cell(check_sum(reports, unread))
    yield ""
    yield from marks_table(check_marks(reports, problems))
