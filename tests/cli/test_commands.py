"""Each command declares the arguments that it takes; what it does not know is said, and options may stand anywhere."""

from __future__ import annotations

from inspect import signature
from pathlib import Path

import pytest

from coexsim.cli import COMMANDS, command, overview, run
from coexsim.cli.options import Parser
from coexsim.errors import UsageError

ROOT = Path(__file__).parents[2]
FLOWS = str(ROOT / "scenarios" / "article" / "flows.yaml")


def parser_of(name: str) -> Parser:
    """The parser of a command."""
    return command(name)[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_takes_what_its_parser_reads(name: str) -> None:
    """No argument is declared that the function does not take, and none is left out."""
    declared = {action.dest for action in parser_of(name)._actions if action.dest != "help"}
    taken = signature(command(name)[0]).parameters

    assert declared == set(taken)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_tells_what_it_does_and_every_option(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each argument has a help text, the exit code is 0."""
    assert run([name, "--help"]) == 0
    said = capsys.readouterr().out
    for action in parser_of(name)._actions:
        assert action.help
        assert all(option in said for option in action.option_strings)
    assert name in overview()


@pytest.mark.parametrize(
    "words",
    [
        ["a.yaml", "from", "to", "other", "--size", "26 MB", "--down", "x", "--down", "y"],
        ["--size", "26 MB", "a.yaml", "from", "--down", "x", "to", "--down=y", "other"],
        ["a.yaml", "--down", "x", "from", "to", "--size=26 MB", "other", "--down", "y"],
    ],
)
def test_options_may_stand_anywhere(words: list[str]) -> None:
    """Before, between and behind the other words."""
    read = parser_of("trace").read(words)

    assert (read["scenario"], read["sender"], read["recipients"]) == (Path("a.yaml"), "from", ["to", "other"])
    assert (read["size"], read["down"]) == ("26 MB", ["x", "y"])


def test_what_one_command_was_told_is_forgotten_by_the_next() -> None:
    """Lists begin empty."""
    parser_of("trace").read(["a.yaml", "from", "to", "--down", "x"])

    assert parser_of("trace").read(["a.yaml", "from", "to"])["down"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["trace", FLOWS, "iUser1", "iUser2", "--sise", "26 MB"], "no option '--sise'; did you mean '--size'?"),
        (["trace", FLOWS, "iUser1", "iUser2", "--undeclared"], "no option '--undeclared'"),
        (["trace", FLOWS, "iUser1", "iUser2", "--size"], "--size: expected one argument"),
        (["run", FLOWS, "-n", "0"], "expected a whole number of 1 or more, found '0'"),
        (["size", FLOWS, "-n", "1"], "expected a whole number of 2 or more, found '1'"),
        (["run", FLOWS, "--jobs", "two"], "expected a whole number of 1 or more, found 'two'"),
        (["run", FLOWS, "--seed", "x"], "--seed"),
        (["outage", FLOWS, "--at", "10:00", "--for", "1 h"], "required: --server"),
        (["outage", FLOWS, "--server", "onpram", "--at", "10:00", "--for", "1 h"], "did you mean 'onprem'"),
        (["outage", FLOWS, "--server", "onprem", "--at", "25:00", "--for", "1 h"], "--at: "),
        (["outage", FLOWS, "--server", "onprem", "--at", "10:00", "--for", "1"], "--for: "),
        (["sweep", FLOWS, "hosted_share"], "says no values"),
        (["diff", FLOWS, FLOWS, FLOWS], "did not expect"),
        (["--verson"], "no option '--verson'"),
        (["tarce"], "did you mean 'trace'"),
        (["simulate"], "there are trace, check, diff"),
    ],
)
def test_what_is_wrong_is_said(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2, in a line, and where help is."""
    assert run(words) == 2
    assert told in capsys.readouterr().err


def test_a_short_option_takes_its_value_in_one_word() -> None:
    """As shells' users write it."""
    assert parser_of("run").read(["a.yaml", "-n4", "-j2"]) | {"replications": 4, "jobs": 2} == parser_of("run").read(
        ["a.yaml", "-n", "4", "-j", "2"]
    )


def test_an_unknown_word_is_an_error_of_usage() -> None:
    """Programs that call it can tell it from other errors."""
    with pytest.raises(UsageError, match="Try 'coexsim check --help'"):
        parser_of("check").read([])
