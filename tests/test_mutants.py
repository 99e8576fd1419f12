"""The faults that `make mutants` puts in are single, valid, and noticed where a test says so."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.faults import TESTS, faults_in, faults_of

TEXT = """\
def ends_s(begin_s: float, length_s: "int | float" = 1.0) -> float:
    \"\"\"1 + 1\"\"\"
    if not begin_s or length_s <= 0 and "é" in str(begin_s):
        return max(begin_s, 2)
    return begin_s + length_s
"""


def test_each_fault_is_one_change_that_python_can_read() -> None:
    """Comparisons, sums, numbers, conditions; no annotation, no docstring; the rest of the text stays."""
    found = list(faults_in(TEXT, "mail", Path("a.py")))

    assert {(fault.was, fault.becomes) for fault in found} >= {
        ("0", "(1)"), ("1.0", "(2.0)"), ("2", "(3)"), ("begin_s + length_s", "(begin_s - length_s)"),
        ("length_s <= 0", "(length_s < 0)"), ("max(begin_s, 2)", "(min(begin_s, 2))"), ("not begin_s", "(begin_s)"),
        ('"é" in str(begin_s)', "('é' not in str(begin_s))"),
    }  # fmt: skip
    assert len(found) == 10  # those, and `and` and `or`
    for fault in found:
        text = TEXT.encode()
        changed = text[: fault.start] + fault.becomes.encode() + text[fault.end :]
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(text))


def test_every_part_has_faults_and_tests() -> None:
    """A part or a folder of tests that was renamed is noticed here."""
    root = Path(__file__).parents[1]
    for part, tests in TESTS.items():
        assert len(faults_of(part)) > 20
        assert all((root / test).exists() for test in tests)
