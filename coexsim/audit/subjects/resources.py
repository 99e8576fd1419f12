"""Resources that a set-up gives and has no work for."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.finding import Finding, FindingKind
from coexsim.audit.search import Search, Subject
from coexsim.scenario.idle import without_work

NO_WORK_DEFINED = FindingKind(
    "NO-WORK-DEFINED",
    "a resource has a limit and nothing to do",
    "warning",
    "The scenario gives a server cores or delivery threads, and no time that mail takes there.",
    "The resource is never busy: no wait, no utilisation, and no answer about how much of it is needed.",
    "Write the times under 'service', measured by 'coexsim fit'; or leave 'service' out where there are cores, for those of the product.",
    "coexsim",
)


def resources_have_work(search: Search) -> Iterator[Finding]:
    """Every resource with a limit has something to do. A scenario without load is about routes only."""
    if search.scenario.load is None:
        return
    for path, text in without_work(search.scenario):
        yield search.finding(NO_WORK_DEFINED, path, text, about=(str(path[1]),))


SUBJECT = Subject(explanations=(NO_WORK_DEFINED,), finders=(resources_have_work,))
