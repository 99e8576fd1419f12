"""The command line: its commands, its exit codes, and what it says when something is wrong.

A command is a function in one of the modules here: its parameters say its arguments and options (typer), its docstring its help, and
what it returns is the exit code. It stands in `commands.COMMANDS` with its module and the group of the help that lists it. Only the
module of the command that is asked for is imported, and commands import what they need inside them, so that ``trace`` and ``check``
answer at once.

Exit codes: 0 held; 1 a route, a check or an objective failed, or something changed; 2 bad usage or scenario; 3 cannot say;
70 a bug of ours; 74 results cannot be written (the answer is told, and what was kept, and where); 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import NoReturn

from coexsim.cli.commands import COMMANDS
from coexsim.cli.folder import CANNOT_WRITE
from coexsim.cli.streams import safe_streams, say_aside
from coexsim.errors import CoexsimError, ConservationError, OutputError, Problem
from coexsim.garbage import collect_rarely

BAD_USAGE, OUR_BUG, STOPPED = 2, 70, 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line (`arguments`, or the process's) and exit; a request to end ends its worker processes too.

    That is SIGTERM, and SIGHUP of a terminal that was closed, unless it is ignored (nohup).
    """
    for request in (signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ())):
        if signal.getsignal(request) is signal.SIG_DFL:
            signal.signal(request, _end)
    with collect_rarely():
        code = run(arguments)
    sys.exit(code)


def _end(number: int, _frame: object) -> NoReturn:
    """As shells tell it: 128 and the signal's number; whoever holds processes or half a file puts them away on the way out."""
    sys.exit(128 + number)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code; whatever goes wrong is said in a line or two, never as a traceback.

    Where JSON was asked for, what went wrong is also told in its shape, on standard output.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    with safe_streams() as out:
        code, wrong, problems = _ended(words)
        if wrong:
            _complain(wrong)
        if wrong and code != STOPPED and _wants_json(words):
            from coexsim.cli.envelope import envelope, print_json

            print_json(envelope(words[0], wrong, code, error=wrong, problems=[each._asdict() for each in problems]))
    return CANNOT_WRITE if out.lost else code


def _ended(words: list[str]) -> tuple[int, str, Sequence[Problem]]:
    """Run a command; the exit code, what went wrong in words, and the problems of a file that cannot be read."""
    try:
        return _run(words)
    except OutputError as error:
        return CANNOT_WRITE, f"coexsim: {error}", ()
    except ConservationError as error:
        more = "Please report it with the scenario; where it is of the compiled engine, --engine reference gives the answer."
        return OUR_BUG, f"coexsim has a bug, its books do not balance: {error}\n{more}", ()
    except CoexsimError as error:  # a ScenarioError says every problem on a line of its own
        return BAD_USAGE, str(error), getattr(error, "problems", ())
    except KeyboardInterrupt:
        return STOPPED, "stopped", ()
    except Exception as error:
        if os.environ.get("COEXSIM_DEBUG") == "1":
            raise
        more = "Please report it with the scenario; COEXSIM_DEBUG=1 shows where it happened."
        return OUR_BUG, f"coexsim has a bug: {type(error).__name__}: {error}\n{more}", ()


def _run(words: list[str]) -> tuple[int, str, Sequence[Problem]]:
    import typer

    from coexsim.cli.app import build

    try:
        code: int = build()(words or ["--help"], prog_name="coexsim", standalone_mode=False)
    except typer.TyperException as error:
        from coexsim.cli.misuse import say_misuse

        name = " ".join(["coexsim", *(words[:1] if words[0] in COMMANDS else [])])
        return error.exit_code, f"{name}: {say_misuse(error, words)}\nTry '{name} --help'.", ()
    except typer.Abort:
        code = STOPPED
    return (code if words else BAD_USAGE), "stopped" if code == STOPPED else "", ()


def _wants_json(words: list[str]) -> bool:
    """Was an answer for programs asked for; of a command that there is."""
    if not words or words[0] not in COMMANDS:
        return False
    options = words[: words.index("--")] if "--" in words else words
    return "--json" in options or "--format=json" in options or ("--format", "json") in pairwise(options)


def _complain(text: str) -> None:
    """Say on standard error what is wrong, line by line."""
    for line in text.split("\n"):
        say_aside(line)


__all__ = ["COMMANDS", "main", "run"]
