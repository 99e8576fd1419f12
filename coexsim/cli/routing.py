"""The commands that need no clock: trace, check, diff, explain."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(trace)


def trace(
    scenario: Path = typer.Argument(help="the scenario file"),
    sender: str = typer.Argument(help="address or name of the sender; '<>' is the null sender"),
    recipients: list[str] = typer.Argument(metavar="RECIPIENT...", help="addresses, or names of people and groups"),
) -> None:
    """Where a message goes, by which rule at each server, and how it ends."""
    from coexsim.mail.trace import trace as trace_message
    from coexsim.scenario.load import load_scenario

    walk = trace_message(load_scenario(scenario), sender, recipients)
    for recipient in walk.recipients:
        typer.echo(f"{recipient.recipient}: {' -> '.join(recipient.servers)}: {recipient.outcome}")
