"""A pytest plugin: every expectation of a scenario becomes a test item, beside the tests of whoever guards the routing.

Files named ``*.coexsim.yaml`` are collected, and those that ``coexsim_scenarios`` (a list of glob patterns in pytest's ini file,
relative to its folder) matches. One item a recipient that something is expected of, and one, ``findings``, that fails on open errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from coexsim.text import visible

if TYPE_CHECKING:
    from coexsim.audit.check import Expectation
    from coexsim.audit.finding import Finding


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini option."""
    parser.addini("coexsim_scenarios", "glob patterns of scenario files to check", type="linelist", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Scenario files by their name, or by the patterns."""
    patterns = parent.config.getini("coexsim_scenarios")
    root = parent.config.rootpath
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    inside = file_path.is_relative_to(root) and any(file_path.relative_to(root).match(pattern) for pattern in patterns)
    if file_path.name.endswith(".coexsim.yaml") or inside:
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class Failed(Exception):  # noqa: N818 - pytest shows the name
    """What an item found wrong, in words for a report."""


class ScenarioFile(pytest.File):
    """A scenario file and the items of its check."""

    def collect(self) -> Iterator[pytest.Item]:
        """Check once; an item for each expectation, and one for the findings."""
        from coexsim.audit.check import check
        from coexsim.errors import ScenarioError
        from coexsim.scenario.load import load_scenario

        try:
            report = check(load_scenario(self.path))
        except ScenarioError as error:
            raise self.CollectError(str(error)) from None
        seen: dict[str, int] = {}
        for expectation in report.expectations:
            name = f"{expectation.name} [{expectation.recipient}]"
            seen[name] = seen.get(name, 0) + 1
            name += f" {seen[name]}" if seen[name] > 1 else ""
            yield ExpectationItem.from_parent(self, name=name, expectation=expectation)
        yield FindingsItem.from_parent(self, name="findings", errors=report.open("error"))


class _Item(pytest.Item):
    """An item whose failure is told in the words of the check."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **kwargs: Any) -> Any:
        """Without a traceback."""
        return (
            str(excinfo.value) if isinstance(excinfo.value, Failed) else super().repr_failure(excinfo, *args, **kwargs)
        )


class ExpectationItem(_Item):
    """One expectation of one recipient."""

    def __init__(self, *, expectation: Expectation, **rest: Any) -> None:
        super().__init__(**rest)
        self.expectation = expectation

    def runtest(self) -> None:
        """Fail with both sides of whatever did not hold."""
        broken = [c for c in self.expectation.comparisons if not c.held]
        if broken:
            said = "\n".join(
                f"{c.key}: expected {c.expected}\n{' ' * len(c.key)}  happened {c.happened}" for c in broken
            )
            where = f"{self.expectation.place}: {self.expectation.name} ({self.expectation.recipient})"
            raise Failed(f"{visible(where)}\n{visible(self.expectation.why)}\n{said}")

    def reportinfo(self) -> tuple[Path, int, str]:
        """The expectation's own line."""
        return self.path, max(self.expectation.line - 1, 0), self.name


class FindingsItem(_Item):
    """The open errors of a scenario."""

    def __init__(self, *, errors: tuple[Finding, ...], **rest: Any) -> None:
        super().__init__(**rest)
        self.errors = errors

    def runtest(self) -> None:
        """Fail with each of them."""
        if self.errors:
            raise Failed("\n".join(visible(f"{f.place}: {f.code}: {f.text}") for f in self.errors))

    def reportinfo(self) -> tuple[Path, int, str]:
        """The file."""
        return self.path, 0, self.name
