"""Arguments and options that several commands share: the same thing has the same name, help and limits everywhere.

A command is a function whose parameters are annotated with these, or with ``Annotated[..., typer.Option(...)]`` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from coexsim.cli.completion import scenario_files
from coexsim.errors import UnitError, UsageError, did_you_mean

Read = TypeVar("Read")

MOST_REPLICATIONS = 100_000
MOST_SEED = 2**63 - 1
MOST_JOBS = 4096


def _seed(number: int | None) -> int | None:
    """A seed is no larger than 64 bits hold: a limit of typer's own would stand in the help, digit by digit."""
    if number is not None and number > MOST_SEED:
        raise typer.BadParameter(f"expected a whole number from 0 to {MOST_SEED:,}; found '{number}'")
    return number


def scenario_argument(metavar: str = "SCENARIO", what: str = "the scenario file") -> typer.models.ArgumentInfo:
    """An argument that is a scenario file, which shells complete."""
    info: typer.models.ArgumentInfo = typer.Argument(
        metavar=metavar, help=what, autocompletion=scenario_files, show_default=False
    )
    return info


ScenarioFile = Annotated[Path, scenario_argument()]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="only the answer, in a line or two; of check only what failed")
]
AsJson = Annotated[bool, typer.Option("--json", help="the answer for programs, as JSON")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FOLDER", show_default=False,
        help="folder for tables, pictures and page; without it one under reports/, or none for what has no tables",
    ),
]  # fmt: skip
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", metavar="NUMBER", min=0, callback=_seed, help="seed of the random numbers, in place of the scenario's", show_default=False
    ),
]  # fmt: skip
Replications = Annotated[
    int | None,
    typer.Option(
        "--replications", "-n", metavar="NUMBER", min=1, max=MOST_REPLICATIONS,
        help="independent repetitions, in place of the scenario's number", show_default=False,
    ),
]  # fmt: skip
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", "-j", metavar="NUMBER", min=1, max=MOST_JOBS, help="processes at once; without it, one a processor", show_default=False
    ),
]  # fmt: skip
Dask = Annotated[
    str | None,
    typer.Option("--dask", metavar="ADDRESS", help="address of a Dask scheduler, or 'local'", show_default=False),
]
Yes = Annotated[bool, typer.Option("--yes", help="begin however much it is: runs that take long are estimated first")]
EngineName = Annotated[
    Literal["auto", "compiled", "reference"],
    typer.Option(
        "--engine",
        metavar="ENGINE",
        help="compiled or reference, which give the same tables; auto takes the compiled one where it pays",
    ),
]
Limits = Annotated[
    bool,
    typer.Option(" /--no-limits", show_default=False, help="of an outage, do not try what other limits would change"),
]
Pictures = Annotated[bool, typer.Option(" /--no-pictures", help="draw no pictures and no page", show_default=False)]


def value(reader: Callable[[object], Read], text: str, option: str) -> Read:
    """An option's value in units. Raises `UsageError`."""
    try:
        return reader(text)
    except UnitError as error:
        raise UsageError(f"{option}: {error}") from None


def known(names: Iterable[str], there: Iterable[str], option: str) -> None:
    """Are these names those of something that there is. Raises `UsageError`."""
    there = list(there)
    for name in names:
        if name not in there:
            near = did_you_mean(name, there) or f"; known: {', '.join(there)}"
            raise UsageError(f"{option}: there is no {name!r} in this scenario{near}")
