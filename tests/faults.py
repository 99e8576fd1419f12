"""Single faults that may be put into a text of Python: comparisons, sums, numbers and conditions, as a tired person changes them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TESTS = {
    "mail": ("tests/routing", "tests/audit", "tests/sim"),
    "sim": ("tests/sim", "tests/engine", "tests/experiment"),
    "analysis": (
        "tests/analysis",
        "tests/report/test_summary.py",
        "tests/report/test_tables.py",
        "tests/cli/test_planner.py",
    ),
    "experiment": (
        "tests/experiment",
        "tests/sim",
        "tests/analysis/test_compare.py",
        "tests/cli/test_output.py",
        "tests/scenario/test_limits.py",
    ),
    "report/summary.py": ("tests/report/test_summary.py",),
}  # a part of coexsim, and what may notice a fault in it
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
}  # fmt: skip
CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor"}


class Fault(NamedTuple):
    """One change of one file; `start` and `end` are places in its UTF-8 text."""

    part: str
    file: Path
    line: int
    start: int
    end: int
    was: str
    becomes: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.was}  ->  {self.becomes}"


def faults_of(part: str) -> list[Fault]:
    """Every fault that can be put into a part of coexsim."""
    path = ROOT / "coexsim" / part
    files = [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    return [
        fault for file in files for fault in faults_in(file.read_text(encoding="utf-8"), part, file.relative_to(ROOT))
    ]


def faults_in(text: str, part: str, file: Path) -> Iterator[Fault]:
    """The faults of one text."""
    lines = [0]
    for line in text.encode().splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    tree = ast.parse(text)
    skipped = {id(inner) for node in ast.walk(tree) for each in _not_run(node) for inner in ast.walk(each)}
    for node in ast.walk(tree):
        if (
            id(node) in skipped
            or not isinstance(node, ast.expr)
            or node.end_lineno is None
            or node.end_col_offset is None
        ):
            continue
        start, end = lines[node.lineno - 1] + node.col_offset, lines[node.end_lineno - 1] + node.end_col_offset
        was = text.encode()[start:end].decode()
        for changed in _changed(node):
            yield Fault(part, file, node.lineno, start, end, " ".join(was.split()), f"({ast.unparse(changed)})")


def _not_run(node: ast.AST) -> Iterator[ast.AST]:
    """Annotations, and text with values in it: nothing that decides."""
    for name in ("annotation", "returns"):
        if getattr(node, name, None) is not None:
            yield getattr(node, name)
    if isinstance(node, ast.JoinedStr):
        yield node


def _changed(node: ast.expr) -> Iterator[ast.expr]:
    """`node` with one fault in it."""
    other = copy.deepcopy(node)
    match other:
        case ast.Compare(ops=[op, *_]) if type(op) in COMPARED:
            other.ops[0] = COMPARED[type(op)]()
        case ast.BoolOp():
            other.op = ast.Or() if isinstance(other.op, ast.And) else ast.And()
        case ast.BinOp() if type(other.op) in COMPUTED:
            other.op = COMPUTED[type(other.op)]()
        case ast.UnaryOp(op=ast.Not()):
            other = other.operand
        case ast.Call(func=ast.Name() as function) if function.id in CALLED:
            function.id = CALLED[function.id]
        case ast.IfExp():
            other.body, other.orelse = other.orelse, other.body
        case ast.Constant(value=bool() as value):
            other.value = not value
        case ast.Constant(value=int() | float() as value):
            other.value = value + 1
        case _:
            return
    yield other
