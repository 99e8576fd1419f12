"""What typer and pydantic refuse on the command line, in our own words: the option, what was found, and what would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from coexsim.cli.commands import COMMANDS
from coexsim.errors import did_you_mean

if TYPE_CHECKING:
    from pydantic import ValidationError
    from typer import TyperException

AN_OPTION = "-"


def say_misuse(error: TyperException, words: Sequence[str]) -> str:
    """What is wrong with these words of a command line; what no sentence here is for is told as typer does."""
    name = words[0] if words and words[0] in COMMANDS else ""
    parameter = getattr(error, "param", None)
    if parameter is not None:
        return _wrong_value(parameter, error)
    option = getattr(error, "option_name", None)
    if option is not None:
        return _wrong_option(str(option), _parameters(name))
    if not name and words and not words[0].startswith(AN_OPTION):
        near = did_you_mean(words[0], list(COMMANDS)) or f"; there are {', '.join(COMMANDS)}"
        return f"there is no command {words[0]!r}{near}"
    return _too_many(error.format_message(), _parameters(name))


def _parameters(name: str) -> list[Any]:
    from coexsim.cli.app import build, command

    return list((command(name) if name else build()).params)


def _too_many(told: str, parameters: Sequence[Any]) -> str:
    """More words than a command takes, which typer tells in its text alone."""
    _, sign, more = told.partition("unexpected extra argument(s) (")
    if not sign:
        return told
    takes = " ".join(str(parameter.metavar) for parameter in parameters if not _options(parameter))
    return f"{f'expected {takes} and no more' if takes else 'expected no word'}; found also {more.removesuffix(')')}"


def _wrong_option(option: str, parameters: Sequence[Any]) -> str:
    """An option that there is not, or one with a value too many or too few."""
    named = {each: parameter for parameter in parameters for each in _options(parameter)}
    if option not in named:
        known = [each for each in (*named, "--help") if each.startswith("--")]
        longer = next((each for each in known if each.startswith(option)), "")
        return f"there is no option {option}" + (
            f"; did you mean {longer!r}?" if longer else did_you_mean(option, known)
        )
    if getattr(named[option], "is_flag", False):
        return f"{option} takes no value"
    return f"{option} needs a value: {option} {named[option].metavar}"


def _wrong_value(parameter: Any, error: TyperException) -> str:
    """A value that does not do, or that is not there."""
    from pydantic import ValidationError

    options = _options(parameter)
    name = options[0] if options else parameter.metavar
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        return f"{name}: {_refused(parameter, cause)}"
    if error.message:
        return f"{name}: {error.message}"
    return f"{name} {parameter.metavar} is missing" if options else f"{name} is missing"


def _options(parameter: Any) -> list[str]:
    """As they are written, long ones first; none of an argument, which has a place in their stead."""
    found = [each for each in (*parameter.opts, *parameter.secondary_opts) if each.startswith(AN_OPTION)]
    return sorted(found, key=lambda each: not each.startswith("--"))


def _refused(parameter: Any, cause: ValidationError) -> str:
    """What would do, and what was found."""
    from coexsim.scenario.faults import expected, shown

    fault = cause.errors(include_url=False)[0]
    value = fault["input"]
    choices = [str(getattr(each, "value", each)) for each in parameter.type_descriptor.choices or ()]
    if choices:
        return f"{shown(value)} is not one of {', '.join(choices)}{did_you_mean(str(value), choices)}"
    kind = parameter.type_descriptor.annotation
    if kind in (int, float):
        return expected(("a whole number" if kind is int else "a number") + _limits(parameter), value)
    return f"{shown(value)} does not do: {fault['msg'].removeprefix('Value error, ')}"


def _limits(parameter: Any) -> str:
    """``from 1 to 4,096``, ``of 0 or more``, ``of 5 at the most``."""
    low, high = (None if limit is None else f"{limit:,g}" for limit in (parameter.min, parameter.max))
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" of {low} or more" if low is not None else f" of {high} at the most" if high is not None else ""
