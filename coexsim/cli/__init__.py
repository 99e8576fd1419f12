"""The command line: its commands, its exit codes, and what it says when something is wrong.

Each module of this package adds its commands with ``register(app)`` and imports what they need inside them, and only the module of
the command that is asked for is read, so that ``trace`` and ``check`` answer at once.

Exit codes: 0 held; 1 a route, a check or an objective failed, or something changed; 2 bad usage or scenario; 3 cannot say;
70 a bug of ours; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import typer

from coexsim import __version__
from coexsim.errors import CoexsimError

BAD_USAGE, OUR_BUG, STOPPED = 2, 70, 130
COMMANDS = {
    "routing": ("trace", "check", "diff", "explain"),
    "running": ("run", "outage"),
    "sizing": ("size",),
    "sweeping": ("sweep",),
    "comparing": ("compare",),
}


def make_app(command: str | None = None) -> typer.Typer:
    """The command line: with all its commands, or with those of the module that has `command`, if there is one."""
    app = typer.Typer(
        name="coexsim",
        help="Where mail goes, what it costs and how big the server must be, while a domain is shared.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    asked = [module for module, commands in COMMANDS.items() if command in commands]
    for module in asked or COMMANDS:
        import_module(f"coexsim.cli.{module}").register(app)
    return app


def _options(
    version: bool = typer.Option(
        False, "--version", callback=lambda given: _say_version(given), is_eager=True, help="Say the version."
    ),
) -> None:
    """Where mail goes, what it costs and how big the server must be, while a domain is shared."""


def _say_version(given: bool) -> None:
    if given:
        typer.echo(f"coexsim {__version__}")
        raise typer.Exit


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
    first = next(iter(sys.argv[1:] if arguments is None else arguments), None)
    try:
        try:
            make_app(first)(args=arguments, prog_name="coexsim")
        finally:
            sys.stdout.flush()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except CoexsimError as error:  # a ScenarioError says every problem on a line of its own
        typer.echo(str(error), err=True)
        return BAD_USAGE
    except BrokenPipeError:  # the reader has gone: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
        return STOPPED
    except Exception as error:
        if os.environ.get("COEXSIM_DEBUG") == "1":
            raise
        typer.echo(f"coexsim has a bug: {type(error).__name__}: {error}", err=True)
        typer.echo("Please report it with the scenario; COEXSIM_DEBUG=1 shows where it happened.", err=True)
        return OUR_BUG
    return 0
