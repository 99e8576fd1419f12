"""The faults that `make mutants` puts in are single, valid, and noticed where a test says so."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from coexsim.mail import replies
from tests.faults import ROOT, TESTS, faults_in, faults_of
from tests.mutant_loop import ChangedModule, Known, MutantLoop, changed_code, that_see, users_of

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


def test_a_fault_outside_of_functions_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module says the changed number; its file, and what Python keeps of it, stay as they were."""
    (tmp_path / "with_a_number.py").write_text("NUMBER = 1\n")
    fault = next(faults_in("NUMBER = 1\n", "mail", Path("with_a_number.py")))
    monkeypatch.setattr(sys, "meta_path", [ChangedModule(tmp_path, fault), *sys.meta_path])

    assert importlib.import_module("with_a_number").NUMBER == 2
    del sys.modules["with_a_number"]
    assert [file.name for file in tmp_path.rglob("*")] == ["with_a_number.py"]


def test_a_fault_is_tried_with_the_tests_of_who_uses_it() -> None:
    """A number in the catalogue of replies lies in no function, and reaches the one that looks replies up."""
    catalogue = next(f for f in faults_of("mail") if f.file.name == "replies.py" and f.was == "421")
    user = (str(ROOT / "coexsim" / "mail" / "replies.py"), replies.reply.__code__.co_firstlineno)

    assert changed_code(ROOT, catalogue) is None
    assert user in users_of(ROOT, catalogue)


def test_the_quickest_tests_of_a_function_come_first() -> None:
    """As many as the time allows: of those that call it, then of the others in the same file."""
    here = ("a.py", 1)
    known = {
        "t.py::slow": Known(9.0, frozenset({here})), "t.py::quick": Known(1.0, frozenset({here})),
        "t.py::other": Known(0.1, frozenset()), "u.py::no": Known(0.1, frozenset()),
    }  # fmt: skip

    assert MutantLoop.chosen(known, {here}, 20.0) == ["t.py::quick", "t.py::slow", "t.py::other"]
    assert MutantLoop.chosen(known, {here}, 5.0) == ["t.py::quick"]


@pytest.mark.parametrize("fails", [True, False])
def test_a_test_that_fails_without_a_fault_notices_none(fails: bool) -> None:
    """One that fails alone, in a child as the others run in: what it says of a fault does not count."""
    name = "t.py::alone"
    loop = MutantLoop(ROOT, [], {name: Known(0.1, frozenset())}, 1.0, 0.0, sys.stdout)

    def run(item: object, nextitem: object) -> None:
        loop.pytest_runtest_logreport(cast(Any, SimpleNamespace(failed=fails)))

    item: Any = SimpleNamespace(nodeid=name, config=SimpleNamespace(hook=SimpleNamespace(pytest_runtest_protocol=run)))
    assert loop.is_sound(item) is not fails


def test_tests_that_run_the_kernel_do_not_see_what_it_was_compiled_from() -> None:
    """A formula is in the kernel, as it was without the fault: that the engines differ then shows nothing. A session is not in it."""
    known = {
        "t.py::runs": Known(1.0, frozenset({("/coexsim/engine/drive.py", 1)})),
        "t.py::asks": Known(1.0, frozenset()),
    }
    formula, other = (
        next(f for f in faults_of("sim") if f.file.name == name) for name in ("formulas.py", "session.py")
    )

    assert list(that_see(known, formula)) == ["t.py::asks"]
    assert list(that_see(known, other)) == [*known]


def test_every_part_has_faults_and_tests() -> None:
    """A part or a folder of tests that was renamed is noticed here."""
    root = Path(__file__).parents[1]
    for part, tests in TESTS.items():
        assert len(faults_of(part)) > 20
        assert all((root / test).exists() for test in tests)
