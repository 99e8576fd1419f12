"""Every finding about a set-up, from the causes to what does not arrive; the subjects are listed here.

Findings come in two rounds. Causes (a zone that lacks a record, a step left out) are read off the settings; each knows by which words it
is recognised in a trace. Then the flows are looked at: what a cause explains is listed under that cause, not beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from coexsim.audit.finding import Finding, FindingKind, Severity
from coexsim.audit.flows import Flow, all_flows
from coexsim.audit.search import Search, Subject
from coexsim.audit.subjects import (
    domino,
    events,
    exchange,
    hosted,
    hosts,
    limits,
    loops,
    notices,
    outages,
    people,
    postfix,
    reach,
    resources,
    strangers,
    tests,
    zones,
)
from coexsim.errors import did_you_mean
from coexsim.mail.message import fold
from coexsim.mail.setup import Setup

SUBJECTS: tuple[Subject, ...] = (
    zones.SUBJECT,
    hosts.SUBJECT,
    domino.SUBJECT,
    people.SUBJECT,
    exchange.SUBJECT,
    loops.SUBJECT,
    reach.SUBJECT,
    outages.SUBJECT,
    events.SUBJECT,
    limits.SUBJECT,
    notices.SUBJECT,
    strangers.SUBJECT,
    postfix.SUBJECT,
    hosted.SUBJECT,
    resources.SUBJECT,
    tests.SUBJECT,
)
ACKNOWLEDGED_NOTHING = FindingKind(
    "ACKNOWLEDGED-NOTHING",
    "an acknowledgement matches no finding",
    "warning",
    "The scenario acknowledges a finding that is not there (any more).",
    "It would hide the fault silently if it came back.",
    "Take the entry out, or correct its code or its 'where'.",
    "coexsim",
)
EXPLANATIONS: Mapping[str, FindingKind] = {
    kind.code: kind for kind in (*(kind for subject in SUBJECTS for kind in subject.explanations), ACKNOWLEDGED_NOTHING)
}


def find_all(setup: Setup) -> list[Finding]:
    """Every finding about a set-up, causes first; those that the scenario acknowledges are marked with its reason."""
    flows = all_flows(setup)
    search = Search(setup, flows, frozenset(fold(flow.recipient.address) for flow in flows if not flow.delivered))
    causes = [finding for subject in SUBJECTS for finder in subject.causes for finding in finder(search)]
    causes = _fold_hosts(causes)
    explained: dict[int, list[str]] = {}
    search = replace(search, flows=[flow for flow in flows if not _explained(flow, causes, explained)])
    causes = [_with_consequences(cause, explained.get(n, [])) for n, cause in enumerate(causes)]
    found = [
        *causes,
        *(finding for subject in SUBJECTS for finder in subject.finders for finding in finder(search)),
    ]
    return acknowledge(search, found)


def _with_consequences(cause: Finding, follows: list[str]) -> Finding:
    """What keeps mail from people who exist is an error, however mild its kind usually is."""
    severity: Severity = "error" if follows else cause.severity
    return cause._replace(consequences=(*cause.consequences, *follows), severity=severity)


def _explained(flow: Flow, causes: list[Finding], explained: dict[int, list[str]]) -> bool:
    """Is the flow's failure (or that of a notice about it) the consequence of a cause; if so it is listed there."""
    words = flow.words or flow.notice_words
    cause = next((n for n, cause in enumerate(causes) if any(mark in words for mark in cause.marks)), None)
    if cause is None:
        return False
    if not flow.delivered and flow.recipient.exists:
        explained.setdefault(cause, []).append(f"{flow}: {flow.outcome.replace('_', ' ')}")
    return True


def _fold_hosts(causes: list[Finding]) -> list[Finding]:
    """A server's host that is not in DNS beside an MX target that is not: one fault, told once."""
    faulty = next((n for n, cause in enumerate(causes) if cause.code == "MX-NO-ADDRESS"), None)
    hosts = [cause for cause in causes if cause.code == "HOST-NOT-IN-DNS"]
    if faulty is None or not hosts:
        return causes
    causes[faulty] = causes[faulty]._replace(consequences=tuple(host.text for host in hosts))
    return [cause for cause in causes if cause not in hosts]


def acknowledge(search: Search, found: list[Finding]) -> list[Finding]:
    """Mark what the scenario acknowledges; an acknowledgement that matches nothing is a finding too."""
    result = list(found)
    of_code: dict[str, list[int]] = {}
    for n, finding in enumerate(result):
        of_code.setdefault(finding.code, []).append(n)
    for index, expected in enumerate(search.scenario.acknowledge):
        matching = [
            n
            for n in of_code.get(expected.code, [])
            if expected.where is None or expected.where in (result[n].where, *result[n].about, *result[n].path)
        ]
        for n in matching:
            result[n] = result[n]._replace(acknowledged=expected.reason)
        if not matching:
            at = f" at {expected.where}" if expected.where else ""
            known = "" if expected.code in EXPLANATIONS else f"; no finding has that code{_near(expected.code)}"
            of_code.setdefault(ACKNOWLEDGED_NOTHING.code, []).append(len(result))
            result.append(
                search.finding(
                    ACKNOWLEDGED_NOTHING,
                    ("acknowledge", index),
                    f"{expected.code}{at} is acknowledged but not found{known}; take the entry out",
                    about=(expected.code,),
                )
            )
    return result


def _near(code: str) -> str:
    return did_you_mean(code, list(EXPLANATIONS))
