"""Try faults with the tests that can see them: each fault is put into the running code of a forked child.

No file changes. One child runs every test once and notes which functions of coexsim it calls and how long it takes. A second one, a
pytest process that has collected the tests once, forks for each fault in a function: there, the function gets the code that the changed
text compiles to, wherever it was imported. A fault outside of functions, in what a module says when it is imported, is tried in a child
that imports the changed text, with the tests that call who uses what was said. Tests that start Python anew see no fault.
"""

from __future__ import annotations

import ast
import gc
import os
import pickle
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Set
from contextlib import suppress
from functools import cache, partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple, TextIO

import pytest

from tests.faults import Fault

ITEM_S = 10.0  # processor time of a test that takes part
WALL_S = 900  # of all tests of a fault, on a machine that is busy with other things
KEPT_S = 20.0
Place = tuple[str, int]  # file and first line of a function


class Known(NamedTuple):
    """What is known of a test from its run without a fault."""

    length_s: float
    called: frozenset[Place]


NO_PART = Known(float("inf"), frozenset())


class Outcome(NamedTuple):
    """`noticed_by`: the test that failed; "ran on" where a test did not end; empty where nothing noticed the fault."""

    fault: Fault
    noticed_by: str
    tests: int

    def __str__(self) -> str:
        return f"{f'noticed by {self.noticed_by}' if self.noticed_by else f'NOT NOTICED by {self.tests}'}: {self.fault}"


class Knowing:
    """A pytest plugin that runs every test once and notes what it calls; those that fail or take long take no part.

    What is known is written to a file every `KEPT_S`; of tests that the file knows already none is run again.
    """

    def __init__(self, root: Path, say: TextIO, kept: Path | None) -> None:
        self._prefix = str(root / "coexsim")
        self._say = say
        self._kept = kept
        self._failed = False
        self.known: dict[str, Known] = {}
        if kept is not None and kept.exists():
            self.known = pickle.loads(kept.read_bytes())  # what we wrote ourselves

    def keep(self) -> None:
        """Write down what is known."""
        if self._kept is not None:
            self._kept.write_bytes(pickle.dumps(self.known))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember that a test failed."""
        self._failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of running the tests."""
        _load_engine()
        codes: dict[int, CodeType] = {}

        def note(frame: FrameType, event: str, _: object) -> None:
            codes[id(frame.f_code)] = frame.f_code

        kept_s = time.monotonic()
        unknown = [item for item in session.items if item.nodeid not in self.known]
        for at, item in enumerate(unknown):
            codes.clear()
            self._failed = False
            began_s = time.process_time()
            sys.settrace(note)
            try:
                _limited(item, unknown[at + 1 : at + 2], ITEM_S)
            finally:
                sys.settrace(None)
            length_s = time.process_time() - began_s
            if self._failed or length_s > ITEM_S:
                print(f"takes no part, fails or takes long without a fault: {item.nodeid}", file=self._say, flush=True)
                self.known[item.nodeid] = NO_PART
            else:
                called = {(code.co_filename, code.co_firstlineno) for code in codes.values()}
                within = frozenset(each for each in called if each[0].startswith(self._prefix))
                self.known[item.nodeid] = Known(length_s, within)
            if time.monotonic() > kept_s + KEPT_S:
                kept_s = time.monotonic()
                self.keep()
        self.keep()
        return True


class MutantLoop:
    """A pytest plugin that tries faults instead of running the tests; `budget_s` is the processor time of the tests of one fault."""

    def __init__(
        self, root: Path, faults: list[Fault], known: dict[str, Known], budget_s: float, until_s: float, say: TextIO
    ) -> None:
        self._root = root
        self._faults = faults
        self._known = known
        self._budget_s = budget_s
        self._until_s = until_s
        self._say = say
        self._failed = False
        self._sound: dict[str, bool] = {}
        self.outcomes: list[Outcome] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember that a test failed."""
        self._failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of running the tests."""
        items = {item.nodeid: item for item in session.items}
        _load_engine()
        functions = _functions(self._root)
        for fault in self._faults:
            if time.monotonic() > self._until_s:
                break
            changed = changed_code(self._root, fault)
            assert changed is not None, f"no function has it: {fault}"
            outermost, code = changed
            place = (str(self._root / fault.file), outermost.co_firstlineno)
            chosen = self.chosen(that_see(self._known, fault), {place}, self._budget_s)
            targets = functions.get(place, [])

            def attempt(
                targets: list[FunctionType] = targets, code: CodeType = code, chosen: list[str] = chosen
            ) -> str:
                for target in targets:
                    target.__code__ = code
                return self._first_failure([items[name] for name in chosen])

            limit_s = 30 + 4 * sum(self._known[name].length_s for name in chosen)
            found = forked(attempt, limit_s) if chosen and targets else ""
            while found and not self.is_sound(items[found]):  # what it says shows nothing of the fault
                rest = chosen[chosen.index(found) + 1 :]
                found = forked(partial(attempt, chosen=rest), limit_s)
            self.outcomes.append(Outcome(fault, "ran on" if found is None else found, len(chosen)))
            print(self.outcomes[-1], file=self._say, flush=True)
        return True

    @staticmethod
    def chosen(known: dict[str, Known], places: Set[Place], budget_s: float) -> list[str]:
        """The tests of some functions, as many as the budget has room for, the quickest first; then others of the same files, which may
        live on what was remembered from those.
        """
        by_length = sorted(known, key=lambda name: known[name].length_s)
        first = [name for name in by_length if not places.isdisjoint(known[name].called)]
        files = {name.split("::")[0] for name in first}
        others = set(by_length).difference(first)
        chosen: list[str] = []
        for name in [*first, *(n for n in by_length if n in others and n.split("::")[0] in files)]:
            budget_s -= known[name].length_s
            if budget_s < 0 and chosen:
                break
            chosen.append(name)
        return chosen

    def is_sound(self, item: pytest.Item) -> bool:
        """Does a test that failed pass where there is no fault, in a child as the one it failed in."""
        if item.nodeid not in self._sound:
            alone = forked(lambda: self._first_failure([item]), 60 + 4 * self._known[item.nodeid].length_s)
            self._sound[item.nodeid] = alone == ""
        return self._sound[item.nodeid]

    def _first_failure(self, items: list[pytest.Item]) -> str:
        for at, item in enumerate(items):
            self._failed = False
            _limited(item, items[at + 1 : at + 2], 5 + 5 * self._known[item.nodeid].length_s)
            if self._failed:
                return item.nodeid
        return ""


class ChangedModule(MetaPathFinder):
    """Have a module imported with a fault in its text."""

    def __init__(self, root: Path, fault: Fault) -> None:
        self._file = root / fault.file
        self._fault = fault
        self._module = ".".join(fault.file.with_suffix("").parts).removesuffix(".__init__")

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """A loader of our own for the one module, for all others nothing."""
        if name != self._module:
            return None
        return spec_from_file_location(name, self._file, loader=_Changed(name, str(self._file), self._fault))


class _Changed(SourceFileLoader):
    def __init__(self, name: str, path: str, fault: Fault) -> None:
        super().__init__(name, path)
        self._fault = fault

    def path_stats(self, path: str) -> dict[str, Any]:
        """What was compiled before is not taken, and what is compiled here not kept."""
        raise OSError(path)

    def get_data(self, path: str) -> bytes:
        """Its text with the fault."""
        return with_fault(super().get_data(path), self._fault)


def that_see(known: dict[str, Known], fault: Fault) -> dict[str, Known]:
    """The tests that see a fault: what the kernel is made of was compiled without it, so tests that run the kernel take no part there."""
    from coexsim.engine.cache import SOURCES

    if fault.file.relative_to("coexsim").as_posix() not in SOURCES:
        return known
    kernel = str(Path("coexsim", "engine", "drive.py"))
    return {name: each for name, each in known.items() if not any(file.endswith(kernel) for file, _ in each.called)}


def _load_engine() -> None:
    """Compile or load the kernel before any test or child is measured: else the first test that needs it seems to take long."""
    from coexsim.engine.cache import load_kernel  # where tests are collected only

    with suppress(ImportError):
        load_kernel()


def _limited(item: pytest.Item, following: list[pytest.Item], limit_s: float) -> None:
    """Run one test, which fails where it takes more than so much processor time."""
    signal.signal(signal.SIGVTALRM, _takes_too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit_s)
    try:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following[0] if following else None)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _takes_too_long(*_: object) -> None:
    raise TimeoutError("this test takes too long to take part")


def forked(work: Callable[[], Any], limit_s: float) -> Any:
    """What a piece of work in a child returns; None where it takes more than `limit_s` of processor time, or dies."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            seconds = int(limit_s) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
            signal.alarm(WALL_S if limit_s < WALL_S else 0)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(work(), pipe)
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(told) if told else None  # what our own child wrote


def with_fault(text: bytes, fault: Fault) -> bytes:
    """A file's text with a fault in it."""
    return text[: fault.start] + fault.becomes.encode() + text[fault.end :]


def users_of(root: Path, fault: Fault) -> set[Place]:
    """The functions that a fault outside of functions may reach: those that name what its statement says, or what is made of that."""
    statements, functions = _read(root)
    file = root / fault.file
    names = {
        name for each in statements if each.file == file and each.first <= fault.line <= each.last for name in each.said
    }
    before = 0
    while before < len(names):  # tables are made of other tables
        before = len(names)
        names |= {name for each in statements if not names.isdisjoint(each.used) for name in each.said}
    return {place for place, named in functions.items() if not names.isdisjoint(named)}


class _Statement(NamedTuple):
    file: Path
    first: int
    last: int
    said: frozenset[str]
    used: frozenset[str]  # by an assignment


@cache
def _read(root: Path) -> tuple[list[_Statement], dict[Place, frozenset[str]]]:
    """The statements of all modules, and of every function the names in it."""
    statements, functions = [], {}
    for file in (root / "coexsim").rglob("*.py"):
        text = file.read_bytes()
        for each in ast.parse(text).body:
            walked = ast.walk(each) if isinstance(each, ast.Assign | ast.AnnAssign) else ()
            used = frozenset(
                n.id if isinstance(n, ast.Name) else n.attr for n in walked if isinstance(n, ast.Name | ast.Attribute)
            )
            statements.append(
                _Statement(file, each.lineno, each.end_lineno or each.lineno, frozenset(_said(each)), used)
            )
        for code in _codes(compile(text, str(file), "exec", dont_inherit=True)):
            functions[str(file), code.co_firstlineno] = frozenset((*code.co_names, code.co_name))
    return statements, functions


def _said(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module gives to a class, a function or constants; loops have small names of their own."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        return {statement.name}
    named = (n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return {name for name in named if not name.islower()}


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A code's parts that are functions, at any depth."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_flags & 1:  # CO_OPTIMIZED: a function; else the body of a class
                yield each
            yield from _codes(each)


def changed_code(root: Path, fault: Fault) -> tuple[CodeType, CodeType] | None:
    """The outermost function that a fault lies in, and with the fault in it; None for what stands outside of functions."""
    file = root / fault.file
    text = file.read_bytes()
    codes = [
        {each.co_firstlineno: each for each in _outermost(compile(t, str(file), "exec", dont_inherit=True))}
        for t in (text, with_fault(text, fault))
    ]
    before = [line for line in codes[0] if line <= fault.line]
    if not before or max(before) not in codes[1]:
        return None
    one, other = (each[max(before)] for each in codes)
    return None if _parts(one) == _parts(other) else (one, other)


def _outermost(code: CodeType) -> list[CodeType]:
    """Functions of a module and of its classes."""
    found = []
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found += (
                _outermost(each) if not each.co_flags & 1 else [each]
            )  # CO_OPTIMIZED: a function; else the body of a class
    return found


def _parts(code: CodeType) -> tuple[object, ...]:
    """All that tells two codes apart; 1, 1.0 and True are not alike."""
    return (
        code.co_code,
        code.co_names,
        *(_parts(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts),
    )


def _functions(root: Path) -> dict[Place, list[FunctionType]]:
    """Every function of coexsim that there is now, also of those that conftest.py has frozen."""
    found: dict[Place, list[FunctionType]] = {}
    is_frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    objects = gc.get_objects()
    if is_frozen:
        gc.freeze()
    for each in objects:
        if type(each) is FunctionType and each.__code__.co_filename.startswith(str(root / "coexsim")):
            found.setdefault((each.__code__.co_filename, each.__code__.co_firstlineno), []).append(each)
    return found
