"""The typer application: commands are imported when they are asked for, or when all are listed."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from inspect import getdoc
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from coexsim import __version__
from coexsim.cli.commands import COMMANDS

OVERVIEW = "Where mail goes, what it costs and how big the server must be, while a domain is shared."


class LazyGroup(TyperGroup):
    """A group of commands whose modules are imported on first use."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """All names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """The command of that name, or None."""
        return command(cmd_name) if cmd_name in COMMANDS else None


@cache
def command(name: str) -> Any:
    """One command, made from its function; once a process, as that takes longer than most answers."""
    place = COMMANDS[name]
    function = getattr(import_module(f"coexsim.cli.{place.module}"), place.function or name)
    alone = typer.Typer(add_completion=False)
    alone.command(name, help=_flowing(getdoc(function) or ""), rich_help_panel=place.group)(function)
    return typer.main.get_command(alone)


def _flowing(text: str) -> str:
    """Paragraphs without the ends of lines that they have in the code: the terminal finds its own."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


@cache
def build() -> Any:
    """The whole command line."""
    app = typer.Typer(cls=LazyGroup, help=OVERVIEW, context_settings={"help_option_names": ["-h", "--help"]})
    app.callback()(_coexsim)
    return typer.main.get_command(app)


def _say_version(asked: bool) -> None:
    if asked:
        print(f"coexsim {__version__}")
        raise typer.Exit


def _coexsim(
    version: Annotated[bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version.")] = False,
) -> None:  # fmt: skip
    """What stands before a command."""
