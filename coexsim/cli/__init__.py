"""The command line: its commands, its exit codes, and what it says when something is wrong.

A command is a function of one of the modules here, with another beside it that declares its arguments (``trace``,
``trace_arguments``). Only the module of the command that is asked for is read, and commands import what they need inside them, so
that ``trace`` and ``check`` answer at once.

Exit codes: 0 held; 1 a route, a check or an objective failed, or something changed; 2 bad usage or scenario; 3 cannot say;
70 a bug of ours; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from coexsim import __version__
from coexsim.errors import CoexsimError, UsageError, did_you_mean

if TYPE_CHECKING:
    from coexsim.cli.options import Parser

BAD_USAGE, OUR_BUG, STOPPED = 2, 70, 130
COMMANDS = {
    "trace": "routing",
    "check": "routing",
    "diff": "routing",
    "explain": "routing",
    "run": "running",
    "outage": "running",
    "size": "sizing",
    "sweep": "sweeping",
    "compare": "comparing",
}


def command(name: str) -> tuple[Callable[..., int], Parser]:
    """The command of that name, which gives the exit code, and what reads its arguments."""
    from coexsim.cli.options import Parser

    module = import_module(f"coexsim.cli.{COMMANDS[name]}")
    does: Callable[..., int] = getattr(module, name)
    parser = Parser(name, does)
    getattr(module, f"{name}_arguments")(parser)
    return does, parser


def overview() -> str:
    """What ``coexsim --help`` says: each command in a sentence."""
    from textwrap import fill

    lines = []
    for name, module in COMMANDS.items():
        doc = getattr(import_module(f"coexsim.cli.{module}"), name).__doc__
        lines.append(fill(doc.partition("\n")[0], 100, initial_indent=f"  {name:9s}", subsequent_indent=" " * 11))
    return "\n".join((
        "usage: coexsim COMMAND ...\n",
        "Where mail goes, what it costs and how big the server must be, while a domain is shared.\n",
        *lines,
        "\n'coexsim COMMAND --help' tells its options; 'coexsim --version' the version.",
    ))  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line (`arguments`, or the process's) and exit.

    The quick verbs leave without taking Python apart, which would be a sixth of their time: they have nothing to close.
    """
    code = run(arguments)
    if "pandas" not in sys.modules:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # the reader has gone
                stream.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code; whatever goes wrong is said in a line or two, never as a traceback."""
    try:
        try:
            return _run(list(sys.argv[1:] if arguments is None else arguments))
        finally:
            sys.stdout.flush()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except CoexsimError as error:  # a ScenarioError says every problem on a line of its own
        print(error, file=sys.stderr)
        return BAD_USAGE
    except BrokenPipeError:  # the reader has gone: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED
    except Exception as error:
        if os.environ.get("COEXSIM_DEBUG") == "1":
            raise
        print(f"coexsim has a bug: {type(error).__name__}: {error}", file=sys.stderr)
        print("Please report it with the scenario; COEXSIM_DEBUG=1 shows where it happened.", file=sys.stderr)
        return OUR_BUG


def _run(words: list[str]) -> int:
    if not words:
        print(overview(), file=sys.stderr)
        return BAD_USAGE
    first, *rest = words
    if first in COMMANDS:
        does, parser = command(first)
        return does(**parser.read(rest))
    if first == "--version":
        print(f"coexsim {__version__}")
    elif first in ("-h", "--help"):
        print(overview())
    else:
        what = "option" if first.startswith("-") else "command"
        near = did_you_mean(first, list(COMMANDS)) or f"; there are {', '.join(COMMANDS)}"
        raise UsageError(f"coexsim: there is no {what} {first!r}{near}\nTry 'coexsim --help'.")
    return 0
