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
import sys
from collections.abc import Sequence
from typing import NoReturn

from coexsim.cli.commands import COMMANDS
from coexsim.cli.folder import CANNOT_WRITE
from coexsim.cli.streams import safe_streams
from coexsim.errors import CoexsimError, OutputError, did_you_mean
from coexsim.text import visible

BAD_USAGE, OUR_BUG, STOPPED = 2, 70, 130


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line (`arguments`, or the process's) and exit."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code; whatever goes wrong is said in a line or two, never as a traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    with safe_streams():
        try:
            code = _run(words)
        except OutputError as error:
            _complain(f"coexsim: {error}")
            code = CANNOT_WRITE
        except CoexsimError as error:  # a ScenarioError says every problem on a line of its own
            _complain(str(error))
            code = BAD_USAGE
        except KeyboardInterrupt:
            code = STOPPED
        except Exception as error:
            if os.environ.get("COEXSIM_DEBUG") == "1":
                raise
            _complain(f"coexsim has a bug: {type(error).__name__}: {error}")
            _complain("Please report it with the scenario; COEXSIM_DEBUG=1 shows where it happened.")
            code = OUR_BUG
        if code == STOPPED:
            _complain("stopped")
    return code


def _run(words: list[str]) -> int:
    import typer

    from coexsim.cli.app import build

    try:
        code: int = build()(words or ["--help"], prog_name="coexsim", standalone_mode=False)
        return code if words else BAD_USAGE
    except typer.TyperException as error:
        name = " ".join(["coexsim", *(words[:1] if words[0] in COMMANDS else [])])
        near = did_you_mean(words[0], list(COMMANDS)) if name == "coexsim" else ""
        _complain(f"{name}: {error.format_message()}{near}\nTry '{name} --help'.")
        return error.exit_code
    except typer.Abort:
        return STOPPED


def _complain(text: str) -> None:
    """Say on standard error what is wrong, line by line."""
    for line in text.split("\n"):
        print(visible(line), file=sys.stderr)


__all__ = ["COMMANDS", "main", "run"]
