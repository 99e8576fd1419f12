"""Tests of a set-up that are written and not run."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.finding import Finding, FindingKind
from coexsim.audit.search import Search, Subject

TESTS_NOT_RUN = FindingKind(
    "TESTS-NOT-RUN",
    "tests of an extended file are not run",
    "warning",
    "The scenario extends a file with tests ('messages' with 'expect') and has 'messages' of its own, which replace that list.",
    "The tests of the extended file are not run for this scenario: what they guard may break unseen.",
    "Check the extended file too (give 'check' both files, or their folder), or repeat the tests that hold here. Where they are not meant "
    "to hold here, acknowledge it.",
    "coexsim",
)


def tests_are_run(search: Search) -> Iterator[Finding]:
    """The tests of the files that a scenario extends are run for it too."""
    for file, number in search.scenario.source.replaced_tests:
        tests = f"{number} test{'s' * (number != 1)} of {file} {'is' if number == 1 else 'are'} not run"
        yield search.finding(
            TESTS_NOT_RUN, ("messages",), f"{tests}: this list of messages replaces that one", about=(file,)
        )


SUBJECT = Subject(explanations=(TESTS_NOT_RUN,), finders=(tests_are_run,))
