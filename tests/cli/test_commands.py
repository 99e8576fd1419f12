"""Only the module of the command that is asked for is read: its list must be the truth."""

from __future__ import annotations

from importlib import import_module

import pytest
import typer

from coexsim.cli import COMMANDS, make_app


@pytest.mark.parametrize("module", COMMANDS)
def test_each_module_has_the_commands_that_it_is_listed_with(module: str) -> None:
    app = typer.Typer()
    import_module(f"coexsim.cli.{module}").register(app)
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert tuple(names) == COMMANDS[module]


@pytest.mark.parametrize(("asked", "number"), [("check", 4), ("compare", 1), (None, 9), ("chekc", 9), ("--help", 9)])
def test_without_a_command_that_there_is_all_are_there(asked: str | None, number: int) -> None:
    """For the list of them, and for what was probably meant."""
    assert len(make_app(asked).registered_commands) == number
