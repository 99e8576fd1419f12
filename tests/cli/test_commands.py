"""Each command says its arguments; what it does not know is said with its limits, and options may stand anywhere; shells complete."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

from coexsim.cli import COMMANDS, run
from coexsim.cli.app import command
from coexsim.cli.completion import explained, scenario_files

ROOT = Path(__file__).parents[2]
FLOWS = str(ROOT / "scenarios" / "article" / "flows.yaml")

SHARED = ("--json", "--out", "--seed", "--jobs", "--dask", "--no-pictures")


def read(name: str, words: list[str]) -> dict[str, Any]:
    """The arguments that a command takes from these words."""
    context = command(name).make_context(name, list(words))
    return dict(context.params)


def plain(text: str) -> str:
    """Without colours, which FORCE_COLOR or a CI's log can bring."""
    return Text.from_ansi(text).plain


@pytest.mark.parametrize("name", COMMANDS)
def test_help_tells_what_it_does_and_every_option(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each argument has a help text, the exit code is 0; the overview lists the command."""
    assert run([name, "--help"]) == 0
    said = plain(capsys.readouterr().out)
    for parameter in command(name).params:
        assert parameter.help, parameter.name
        assert all(option in said for option in parameter.opts if option.startswith("-"))
    assert run(["--help"]) == 0
    assert f"│ {name} " in plain(capsys.readouterr().out)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_eighty_columns(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No line is longer, no word and no type is broken within, and no paragraph ends a line early."""
    monkeypatch.setenv("COLUMNS", "80")
    assert run([name, "--help"]) == 0
    said = plain(capsys.readouterr().out)
    words = {*said.split(), *(word for line in said.splitlines() for word in line.strip("│ ").split())}

    assert max(map(len, said.splitlines())) <= 80
    assert broken(said) == []
    for parameter in command(name).params:
        assert set(parameter.help.split()) <= words
        assert str(parameter.metavar or "").strip("[]") in said
    about, *_ = said.partition("╭")[0].strip().partition("\n\n")[2:]
    lines = [line.rstrip() for line in about.splitlines()]
    for line, after in pairwise(lines):
        assert not after or not line or len(f"{line} {after.split()[0]}") > 79, line


def broken(text: str) -> list[str]:
    """Types and ranges that begin in a line of a table and do not end there."""
    return [
        word
        for word in re.findall(r" ([<\[][^\s│]*)", text)
        if word.rstrip(".")[-1] not in "]>" and word not in ("[default:", "[env")
    ]


def test_a_broken_type_is_seen() -> None:
    """The check says no."""
    assert broken("│ --engine   <auto|compiled|re  what runs it │") == ["<auto|compiled|re"]
    assert broken("│ --seed  [0<=x<=9223372036  numbers │") == ["[0<=x<=9223372036"]
    assert broken("│ --jobs  NUMBER [1<=x<=4096]  processes [default: 1] │") == []


WRITES_A_FILE = {("import", "--out"), ("init", "--out")}


def test_the_same_option_means_the_same_everywhere() -> None:
    """One help text and one limit for each name that several commands share; `import` and `init` write a file."""
    said: dict[str, set[tuple[object, ...]]] = {}
    for name in COMMANDS:
        for parameter in command(name).params:
            for option in (*parameter.opts, *parameter.secondary_opts):
                if option in SHARED and (name, option) not in WRITES_A_FILE:
                    said.setdefault(option, set()).add((parameter.help, *parameter.opts))

    assert {option: len(texts) for option, texts in said.items()} == dict.fromkeys(SHARED, 1)


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
    found = read("trace", words)

    assert (found["scenario"], found["sender"], found["recipients"]) == (Path("a.yaml"), "from", ["to", "other"])
    assert (found["size"], found["down"]) == ("26 MB", ["x", "y"])


def test_what_one_command_was_told_is_forgotten_by_the_next() -> None:
    """Lists begin empty."""
    read("trace", ["a.yaml", "from", "to", "--down", "x"])

    assert not read("trace", ["a.yaml", "from", "to"])["down"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["trace", FLOWS, "iUser1", "iUser2", "--sise", "26 MB"], "there is no option --sise; did you mean '--size'?"),
        (["trace", FLOWS, "iUser1", "iUser2", "--undeclared"], "--undeclared; did you mean '--undeclared-size'?"),
        (["trace", FLOWS, "iUser1", "iUser2", "--size"], "--size needs a value: --size SIZE"),
        (["trace", FLOWS, "a", "b", "--expect", "deliverd"], "--expect: 'deliverd' is not one of delivered, bounced, "),
        (["trace", FLOWS, "a", "b", "--expect", "deliverd"], "; did you mean 'delivered'?"),
        (["run", FLOWS, "--engine", "fast"], "--engine: 'fast' is not one of auto, compiled, reference\n"),
        (["run", FLOWS, "--engine", "compild"], "auto, compiled, reference; did you mean 'compiled'?"),
        (["check", FLOWS, "--format", "junitt"], "sarif, markdown; did you mean 'junit'?"),
        (["run", FLOWS, "--repl", "4"], "there is no option --repl; did you mean '--replications'?"),
        (["run", FLOWS, "-qz"], "there is no option -z\n"),
        (["run", FLOWS, "-n"], "-n needs a value: -n NUMBER"),
        (["run", FLOWS, "--quiet=1"], "--quiet takes no value"),
        (["run", FLOWS, "--no-limits=1"], "--no-limits takes no value"),
        (["run", FLOWS, "-n", "0"], "--replications: expected a whole number from 1 to 100,000; found '0'"),
        (["run", FLOWS, "-n", "9000000000000000000"], "1 to 100,000; found '9000000000000000000'"),
        (["run", FLOWS, "-n", "9" * 5000], "--replications: expected a whole number from 1 to 100,000; found '999"),
        (["run", FLOWS, "-n", "1.5"], "--replications: expected a whole number from 1 to 100,000; found '1.5'"),
        (["size", FLOWS, "-n", "1"], "--replications: expected a whole number from 2 to 100,000; found '1'"),
        (["size", FLOWS, "--years", "nan"], "--years: expected a number from 0.1 to 50; found 'nan'"),
        (["run", FLOWS, "--jobs", "two"], "--jobs: expected a whole number from 1 to 4,096; found 'two'"),
        (["run", FLOWS, "--seed", "x"], "--seed: expected a whole number of 0 or more; found 'x'"),
        (["run", FLOWS, "--seed", "-1"], "--seed: expected a whole number of 0 or more; found '-1'"),
        (["sweep", FLOWS, "hosted_share=1", "--seed", str(2**63)], f"to {2**63 - 1:,}; found '{2**63}'"),
        (["outage", FLOWS, "--at", "10:00", "--for", "1 h"], "--server NAME is missing"),
        (["trace", FLOWS, "a"], "RECIPIENT is missing"),
        (["outage", FLOWS, "--server", "onpram", "--at", "10:00", "--for", "1 h"], "did you mean 'onprem'"),
        (["outage", FLOWS, "--server", "onprem", "--at", "25:00", "--for", "1 h"], "--at: "),
        (["outage", FLOWS, "--server", "onprem", "--at", "10:00", "--for", "1"], "--for: "),
        (["sweep", FLOWS, "hosted_share"], "says no values"),
        (
            ["sweep", FLOWS, "links[0].bandwidth=2,10", "Mbit/s"],
            "write 'links[0].bandwidth=2 Mbit/s,10 Mbit/s' in quotes",
        ),
        (["sweep", FLOWS, "load.growth=1..4", "step", "2"], "write 'load.growth=1..4 step 2' in quotes"),
        (["diff", FLOWS, FLOWS, "x", "y"], "expected OLD NEW and no more; found also x y"),
        (["schema", "x"], "expected no word; found also x"),
        (["import", "postfx"], "there is no import of 'postfx'; did you mean 'postfix'?"),
        (["check"], "PATH is missing\nTry 'coexsim check --help'."),
        (["--verson"], "there is no option --verson; did you mean '--version'?"),
        (["tarce"], "there is no command 'tarce'; did you mean 'trace'?"),
        (["simulate"], "there is no command 'simulate'; there are trace, check, diff, "),
    ],
)
def test_what_is_wrong_is_said(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2, in a line or two, and with the limit where there is one."""
    assert run(words) == 2
    said = capsys.readouterr()
    assert told in said.err
    assert not said.out


OF_LIBRARIES = (
    "Value error",
    "Input should",
    "Invalid value",
    "unable to parse",
    "argument(s)",
    "Missing",
    "No such",
    "requires",
)
OPTIONS = [
    (name, option)
    for name in COMMANDS
    for parameter in command(name).params
    for option in (*parameter.opts, *parameter.secondary_opts)
    if option.startswith("--") or (option.startswith("-") and not parameter.is_flag)
]


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_no_option_is_refused_in_a_librarys_words(name: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever it is given, or is not: it is named, and neither typer nor pydantic speaks."""
    [parameter] = [each for each in command(name).params if option in (*each.opts, *each.secondary_opts)]
    tried = [[f"{option}=x"]] if parameter.is_flag else [[option]]
    if parameter.type_descriptor.choices or parameter.type_descriptor.annotation in (int, float):
        tried += [[option, value] for value in ("fast", "", "1e400x", "1,5")]
    for words in tried:
        assert run([name, *words]) == 2
        said = capsys.readouterr().err
        assert any(said.startswith(f"coexsim {name}: {each}") for each in (option, *parameter.opts)), said
        assert not [word for word in OF_LIBRARIES if word in said]


def test_a_short_option_takes_its_value_in_one_word() -> None:
    """As shells' users write it."""
    assert read("run", ["a.yaml", "-n4", "-j2"]) == read("run", ["a.yaml", "-n", "4", "-j", "2"])


# --- shells -------------------------------------------------------------------------------------------------------------------


def completed(words: str, shell: str = "bash") -> list[str]:
    """What typer's completion answers to a shell for a line of words, the last of which is incomplete."""
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "_COEXSIM_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1), "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "coexsim"], env=environment, cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.strip().split("\n")


def test_shells_complete_commands_files_and_options() -> None:
    """Bash gets the words; zsh and fish get them with their help."""
    assert completed("coexsim tr") == ["trace"]
    assert "scenarios/article/flows.yaml" in completed("coexsim check scenarios/art")
    assert "--down" in completed("coexsim trace --do")
    assert "LOOP" in completed("coexsim explain LO")
    assert '"trace"' in "".join(completed("coexsim tr", "zsh"))
    assert "trace" in "".join(completed("coexsim tr", "fish"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_completion_in_a_real_bash(tmp_path: Path) -> None:
    """The script that `--show-completion` prints, read by bash, fills COMPREPLY."""
    script = subprocess.run(
        [sys.executable, "-m", "coexsim"], env={**os.environ, "PYTHONPATH": str(ROOT), "_COEXSIM_COMPLETE": "source_bash"},
        text=True, capture_output=True, check=True,
    ).stdout  # fmt: skip
    program = tmp_path / "coexsim"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m coexsim "$@"\n')
    program.chmod(0o755)
    shell = f"""
        {script}
        COMP_WORDS=(coexsim check scenarios/article/f) COMP_CWORD=2
        _coexsim_completion coexsim
        echo "${{COMPREPLY[@]}}"
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    said = subprocess.run(["bash", "-c", shell], cwd=ROOT, env=environment, text=True, capture_output=True, check=True)

    assert said.stdout.strip() == "scenarios/article/flows.yaml"


def test_files_are_offered_without_end_of_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML files at any of four depths, none that is hidden, 300 at the most."""
    deep = tmp_path / "a" / "b" / "c" / "d" / "e"
    deep.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "a" / "b", deep):
        (folder / "one.yaml").touch()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "two.yaml").touch()
    (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)

    assert scenario_files("") == ["one.yaml", "a/b/one.yaml"]
    assert scenario_files("a/b/o") == ["a/b/one.yaml"]
    assert scenario_files(f"{tmp_path}/o") == [f"{tmp_path}/one.yaml"]
    assert explained("loo")[0] == "looP"
    for number in range(400):
        (tmp_path / f"many-{number}.yaml").touch()
    assert len(scenario_files("many")) == 300
