"""How commands declare their options, and those that several share."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Sequence
from inspect import getdoc
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from coexsim.errors import UnitError, UsageError, did_you_mean

Read = TypeVar("Read")


class Parser(ArgumentParser):
    """Reads the words after a command. What is wrong is raised as a `UsageError`; options may stand between the other words."""

    def __init__(self, command: str, does: Callable[..., int]) -> None:
        super().__init__(
            prog=f"coexsim {command}", description=getdoc(does), allow_abbrev=False, formatter_class=_help
        )  # fmt: skip

    def read(self, words: Sequence[str]) -> dict[str, Any]:
        """The arguments of the command by name. Raises `UsageError`."""
        found, unknown = self.parse_known_intermixed_args(words)
        if unknown:
            known = [option for action in self._actions for option in action.option_strings]
            what = "there is no option" if unknown[0].startswith("-") else "did not expect"
            self.error(f"{what} {unknown[0]!r}{did_you_mean(unknown[0].partition('=')[0], known)}")
        return vars(found)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where help is."""
        raise UsageError(f"{self.prog}: {message}\nTry '{self.prog} --help'.")


def _help(prog: str) -> RawDescriptionHelpFormatter:
    return RawDescriptionHelpFormatter(prog, max_help_position=32, width=100)


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


def at_least(least: int) -> Callable[[str], int]:
    """A reader of whole numbers from `least` on."""

    def read(text: str) -> int:
        if not text.strip().isdigit() or int(text) < least:
            raise ArgumentTypeError(f"expected a whole number of {least} or more, found {text!r}")
        return int(text)

    return read


def scenario(parser: Parser, what: str = "the scenario file") -> None:
    """The scenario file."""
    parser.add_argument("scenario", metavar="SCENARIO", type=Path, help=what)


def json_output(parser: Parser) -> None:
    """The answer for programs."""
    parser.add_argument("--json", dest="as_json", action="store_true", help="JSON")


def folder(parser: Parser, what: str, default: str) -> None:
    """Where results go."""
    parser.add_argument("--out", type=Path, metavar="FOLDER", help=f"folder for {what} [default: reports/{default}]")


def seed(parser: Parser, default: str = "the scenario's") -> None:
    """Another seed."""
    parser.add_argument("--seed", type=int, metavar="NUMBER", help=f"seed of the random numbers [default: {default}]")


def replications(parser: Parser, what: str = "independent repetitions", default: int | None = None) -> None:
    """How often."""
    parser.add_argument(
        "--replications", "-n", type=at_least(1), metavar="NUMBER", default=default,
        help=f"{what} [default: {default or 'as the scenario says'}]",
    )  # fmt: skip


def processors(parser: Parser) -> None:
    """Where runs are computed."""
    parser.add_argument(
        "--jobs", "-j", type=at_least(1), metavar="NUMBER", help="processes at once [default: one a core]"
    )
    parser.add_argument("--dask", metavar="ADDRESS", help="address of a Dask scheduler, or 'local'")


def no_pictures(parser: Parser, what: str = "draw no PNG pictures and no HTML page") -> None:
    """Tables only."""
    parser.add_argument("--no-pictures", dest="pictures", action="store_false", help=what)
