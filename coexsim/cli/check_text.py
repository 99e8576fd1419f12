"""A check in words, as JSON, and as JUnit for CI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from coexsim.audit.check import CheckReport, Expectation
from coexsim.audit.finding import Finding
from coexsim.cli.paint import OF_SEVERITY, count, paint

MOST_CONSEQUENCES = 6


def check_lines(reports: Sequence[CheckReport], *, quiet: bool = False) -> Iterator[str]:
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
    yield _sum(reports)


def _expectation_lines(found: Expectation) -> Iterator[str]:
    way = f"{' -> '.join(found.route) or 'no server'}: {found.outcome.replace('_', ' ')}"
    if found.held:
        yield f"  {paint('held', 'green')}    {found.name}: {way}"
        return
    yield f"  {paint('FAILED', 'red')}  {found.name} ({found.recipient}), {found.place}"
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


def _sum(reports: Sequence[CheckReport]) -> str:
    expectations = [found for report in reports for found in report.expectations]
    failed = sum(not found.held for found in expectations)
    findings = [finding for report in reports for finding in report.findings]
    numbers = {
        severity: sum(f.severity == severity and f.acknowledged is None for f in findings) for severity in OF_SEVERITY
    }
    known = sum(f.acknowledged is not None for f in findings)
    said = [
        f"{len(expectations) - failed} held",
        f"{failed} failed",
        *(count(n, severity) for severity, n in numbers.items() if n),
    ]
    if known:
        said.append(f"{known} acknowledged")
    more = "; 'coexsim explain CODE' tells more" if any(numbers.values()) else ""
    return f"{count(len(reports), 'file')}: {', '.join(said)}{more}"


def check_data(reports: Sequence[CheckReport], *, strict: bool) -> list[dict[str, Any]]:
    """The reports as plain data."""
    return [
        {
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
                    "servers": found.route,
                    "outcome": found.outcome,
                    "comparisons": [
                        {**comparison._asdict(), "held": comparison.held} for comparison in found.comparisons
                    ],
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
        for report in reports
    ]


def check_junit(reports: Sequence[CheckReport], *, strict: bool) -> str:
    """The reports as JUnit XML: a test case for each expectation, and one for each finding that is not a note."""
    from xml.etree import ElementTree as Xml

    root = Xml.Element("testsuites", name="coexsim check")
    for report in reports:
        suite = Xml.SubElement(root, "testsuite", name=report.file)
        for found in report.expectations:
            case = Xml.SubElement(
                suite, "testcase", name=found.name, classname=report.file, file=found.file, line=str(found.line)
            )
            if not found.held:
                broken = [c for c in found.comparisons if not c.held]
                said = "\n".join(f"{c.key}: expected {c.expected}, happened {c.happened}" for c in broken)
                Xml.SubElement(case, "failure", message=f"{found.recipient} does not go as expected").text = said
        for finding in report.findings:
            if finding.severity == "note":
                continue
            name = f"{finding.code} {finding.where}"
            case = Xml.SubElement(
                suite, "testcase", name=name, classname=report.file, file=finding.file, line=str(finding.line)
            )
            if finding.acknowledged is not None:
                Xml.SubElement(case, "skipped", message=f"acknowledged: {finding.acknowledged}")
            elif finding.severity == "error" or strict:
                Xml.SubElement(case, "failure", message=finding.text).text = "\n".join(
                    (finding.place, *finding.consequences)
                )
            else:
                Xml.SubElement(case, "system-out").text = f"{finding.severity}: {finding.text}"
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
        suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
