"""JUnit XML, as CI servers read it: `check` a case for each expectation and finding, `diff` one for each class of mail that changed.

The elements and attributes are those that Jenkins' schemas have in common, the first (junit-4.xsd of DTKit) and the latest (junit-10.xsd of
the xUnit plugin). They know no file and line of a case, so these begin its text; the first knows no message of a skipped case, so the
reason stands in its text, where Jenkins reads it too. No time stamp stands in it: the same files give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree as Xml

from coexsim.audit.check import CheckReport, Expectation
from coexsim.audit.finding import Finding
from coexsim.errors import Problem
from coexsim.text import visible


class JUnitCase(NamedTuple):
    """One test case: passed unless it has a failure, skipped where somebody acknowledged it."""

    name: str
    file: str
    line: int
    failure: str = ""
    details: str = ""
    skipped: str | None = None
    note: str = ""

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"


def junit(suites: Sequence[tuple[str, Sequence[JUnitCase]]], name: str) -> str:
    """Suites by name as a document. Characters that XML does not have are shown as escapes."""
    root = Xml.Element("testsuites", name=name)
    for suite_name, cases in suites:
        failures, skipped = sum(bool(c.failure) for c in cases), sum(c.skipped is not None for c in cases)
        counts = {"tests": str(len(cases)), "failures": str(failures), "errors": "0", "skipped": str(skipped)}
        suite = Xml.SubElement(root, "testsuite", {"name": visible(suite_name), **counts})
        for case in cases:
            _add(suite, case, visible(suite_name))
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add(suite: Xml.Element, case: JUnitCase, group: str) -> None:
    element = Xml.SubElement(suite, "testcase", {"name": visible(case.name), "classname": group, "time": "0"})
    if case.skipped is not None:
        Xml.SubElement(element, "skipped").text = visible(f"{case.place}: {case.skipped}")
    elif case.failure:
        failure = Xml.SubElement(element, "failure", message=visible(case.failure))
        failure.text = "\n".join(visible(line) for line in (case.place, *case.details.split("\n")) if line)
    elif case.note:
        Xml.SubElement(element, "system-out").text = visible(f"{case.place}: {case.note}")


def check_junit(reports: Sequence[CheckReport], problems: Sequence[Problem], *, strict: bool) -> str:
    """A case for each expectation, one for each finding that is not a note, one for each mistake in a scenario."""
    suites = [
        (
            report.file,
            [
                *map(_of_expectation, report.expectations),
                *(_of_finding(f, strict=strict) for f in report.findings if f.severity != "note"),
            ],
        )
        for report in reports
    ]
    return junit([*suites, *problem_suites(problems)], "coexsim check")


def problem_suites(problems: Sequence[Problem]) -> list[tuple[str, list[JUnitCase]]]:
    """Mistakes in scenarios, a suite a file."""
    files = dict.fromkeys(problem.file for problem in problems)
    return [(file, [_of_problem(problem) for problem in problems if problem.file == file]) for file in files]


def _of_expectation(found: Expectation) -> JUnitCase:
    broken = [c for c in found.comparisons if not c.held]
    said = "\n".join(f"{c.key}: expected {c.expected}, happened {c.happened}" for c in broken)
    details = f"{found.recipient}\n{said}" if broken else ""
    return JUnitCase(found.name, found.file, found.line, found.why, details)


def _of_finding(finding: Finding, *, strict: bool) -> JUnitCase:
    case = JUnitCase(f"{finding.code} {finding.where}", finding.file, finding.line)
    if finding.acknowledged is not None:
        return case._replace(skipped=f"acknowledged: {finding.acknowledged}")
    if finding.severity == "error" or strict:
        return case._replace(failure=finding.text, details="\n".join(finding.consequences))
    return case._replace(note=f"{finding.severity}: {finding.text}")


def _of_problem(problem: Problem) -> JUnitCase:
    return JUnitCase(f"scenario {problem.path}".strip(), problem.file, problem.line, problem.text)
