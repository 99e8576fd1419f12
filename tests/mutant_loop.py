"""Try faults in one pytest process: the tests are collected once, each fault is put into the running code of a forked child.

No file changes: in the child, the functions of the fault get the code that the changed text compiles to, wherever they were imported.
Before, another child runs every test once and notes which functions of coexsim it calls and how long it takes; a fault is then tried
with the tests that call its function, the quickest first, and after them with the others of the same files (they may live on what was
remembered from those). Tests that start Python anew see no fault.
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple, TextIO

import pytest

from tests.faults import Fault

ITEM_S = 15.0  # processor time of a test that takes part
WALL_S = 900  # of all tests of a fault, on a machine that is busy with other things
Place = tuple[str, int]  # file and first line of a function


class Known(NamedTuple):
    """What is known of a test from its run without a fault."""

    length_s: float
    called: frozenset[Place]


class Outcome(NamedTuple):
    """`noticed_by`: the test that failed; "ran on" where the tests did not end; empty where nothing noticed the fault."""

    fault: Fault
    noticed_by: str
    tests: int


class MutantLoop:
    """A pytest plugin that tries faults instead of running the tests; `budget_s` is the processor time of the tests of one fault."""

    def __init__(self, root: Path, faults: list[Fault], budget_s: float, until_s: float, say: TextIO) -> None:
        self._root = root
        self._faults = faults
        self._budget_s = budget_s
        self._until_s = until_s
        self._say = say
        self._failed = ""
        self.outcomes: list[Outcome] = []
        self.left_out: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember that a test failed."""
        if report.failed:
            self._failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of running the tests."""
        items = {item.nodeid: item for item in session.items}
        known: dict[str, Known] = forked(lambda: self._know(list(items.values())), 100_000) or {}
        self.left_out = [name for name in items if name not in known]
        functions = _functions(self._root)
        for fault in self._faults:
            if time.monotonic() > self._until_s:
                break
            changed = changed_code(self._root, fault)
            if changed is None:
                continue  # no function has it: who called us tries it otherwise
            outermost, code = changed
            chosen = self._chosen(known, (str(self._root / fault.file), outermost.co_firstlineno))
            targets = functions.get((str(self._root / fault.file), outermost.co_firstlineno), [])
            spent_s = sum(known[name].length_s for name in chosen)

            def attempt(
                targets: list[FunctionType] = targets, code: CodeType = code, chosen: list[str] = chosen
            ) -> str:
                for target in targets:
                    target.__code__ = code
                return self._first_failure([items[name] for name in chosen])

            found = forked(attempt, 10 + 4 * spent_s) if chosen and targets else ""
            outcome = Outcome(fault, "ran on" if found is None else found, len(chosen))
            self.outcomes.append(outcome)
            print(
                f"{f'noticed by {outcome.noticed_by}' if outcome.noticed_by else f'NOT NOTICED by {outcome.tests}'}: {fault}",
                file=self._say, flush=True,
            )  # fmt: skip
        return True

    def _chosen(self, known: dict[str, Known], place: Place) -> list[str]:
        """The tests of a function, as many as the budget has room for."""
        by_length = sorted(known, key=lambda name: known[name].length_s)
        first = [name for name in by_length if place in known[name].called]
        files = {name.split("::")[0] for name in first}
        chosen: list[str] = []
        left_s = self._budget_s
        for name in [*first, *(n for n in by_length if n.split("::")[0] in files and place not in known[n].called)]:
            left_s -= known[name].length_s
            if left_s < 0 and chosen:
                break
            chosen.append(name)
        return chosen

    def _know(self, items: list[pytest.Item]) -> dict[str, Known]:
        """Run every test once; those that fail or take long take no part."""
        found = {}
        codes: dict[int, CodeType] = {}
        prefix = str(self._root / "coexsim")

        def note(frame: FrameType, event: str, _: object) -> None:
            codes[id(frame.f_code)] = frame.f_code

        signal.signal(signal.SIGVTALRM, _takes_too_long)
        for at, item in enumerate(items):
            codes.clear()
            self._failed = ""
            began_s = time.process_time()
            signal.setitimer(signal.ITIMER_VIRTUAL, ITEM_S)
            sys.settrace(note)
            try:
                item.config.hook.pytest_runtest_protocol(
                    item=item, nextitem=items[at + 1] if at + 1 < len(items) else None
                )
            except TimeoutError:
                self._failed = item.nodeid
            finally:
                sys.settrace(None)
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            length_s = time.process_time() - began_s
            if not self._failed and length_s < ITEM_S:
                called = {(code.co_filename, code.co_firstlineno) for code in codes.values()}
                found[item.nodeid] = Known(length_s, frozenset(each for each in called if each[0].startswith(prefix)))
        return found

    def _first_failure(self, items: list[pytest.Item]) -> str:
        for at, item in enumerate(items):
            self._failed = ""
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=items[at + 1] if at + 1 < len(items) else None)
            if self._failed:
                return self._failed
        return ""


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
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(told) if told else None  # what our own child wrote


def changed_code(root: Path, fault: Fault) -> tuple[CodeType, CodeType] | None:
    """The outermost function that a fault lies in, and with the fault in it; None for what stands outside of functions."""
    file = root / fault.file
    text = file.read_bytes()
    codes = [
        {each.co_firstlineno: each for each in _outermost(compile(t, str(file), "exec", dont_inherit=True))}
        for t in (text, text[: fault.start] + fault.becomes.encode() + text[fault.end :])
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
    """Every function of coexsim that there is now."""
    found: dict[Place, list[FunctionType]] = {}
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename.startswith(str(root / "coexsim")):
            found.setdefault((each.__code__.co_filename, each.__code__.co_firstlineno), []).append(each)
    return found
