"""The README is a tutorial that works: every command and every block of code in it is run here, in its order, by a new user's rules.

Blocks of three kinds count. ``console``: lines that begin with ``$`` are run in a shell, what follows them must be what they print,
numbers to within 2 % (the last digit of a sum may differ from one processor to another). ``yaml``: saved under the name that the line
before it gives as code. ``python``: run, all in one namespace, as in a notebook.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
import yaml

from coexsim.cli import run
from coexsim.cli.app import command

ROOT = Path(__file__).parent.parent
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")
TIMING = re.compile(r"simulated in|messages/s|took|runs? in ")
MADE_BY_MAKE = {"make demo": "demo:", "make test": "test:"}  # what these run, CI runs
NOT_HERE = ("git clone", "cd ", "python3 -m venv", "pip install", ". ", ".venv")


class Block(NamedTuple):
    """A fenced block: its kind, its text, the line of prose before it, and where it stands."""

    kind: str
    text: str
    before: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a Markdown text."""
    before, start = "", 0
    kind: str | None = None
    inside: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```") and kind is None:
            kind, inside, start = line[3:].strip(), [], number
        elif line.startswith("```"):
            yield Block(kind or "", "\n".join(inside), before, start)
            kind = None
        elif kind is not None:
            inside.append(line)
        elif line.strip():
            before = line


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Commands of a console block with what they print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command.strip(), output


def differences(expected: str, printed: str) -> str:
    """Where two outputs differ in words, or in numbers by more than 2 %; lines that tell how long something took do not count."""
    lines = [
        [line.rstrip() for line in text.strip().splitlines() if not TIMING.search(line)] for text in (expected, printed)
    ]
    for one, other in zip(*lines, strict=False):
        words = [" ".join(NUMBER.sub("#", line).split()) for line in (one, other)]
        numbers = [[float(n.replace(",", "")) for n in NUMBER.findall(line)] for line in (one, other)]
        if words[0] != words[1] or any(abs(a - b) > 0.02 * max(abs(a), abs(b)) for a, b in zip(*numbers, strict=True)):
            return f"README says: {one}\nit prints:   {other}"
    return (
        ""
        if len(lines[0]) == len(lines[1])
        else f"README has {len(lines[0])} lines, it prints {len(lines[1])}:\n{printed}"
    )


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def in_a_shell(command: str, given: str = "") -> Done:
    """A line of the shell, with the programs of this Python first, and what it reads on standard input."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path}
    done = subprocess.run(
        command, shell=True, env=env, input=given, capture_output=True, text=True, timeout=600, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def run_command(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints on standard output; it must end with 0, or with the code that a comment behind it gives.

    coexsim runs in this process, since starting it costs more than most of its answers; a shell takes all else, and what is behind a pipe.
    """
    line, _, comment = line.partition("  # ")
    expected = re.search(r"exit code (\d+)", comment)
    first, _, behind = line.partition(" | ")
    words = shlex.split(first)
    if words[0] == "coexsim":
        capsys.readouterr()
        code = run(words[1:])
        done = Done(code, *capsys.readouterr())
        if behind:
            done = in_a_shell(behind, done.out)
    else:
        done = in_a_shell(line)
    assert done.code == (int(expected.group(1)) if expected else 0), f"{line}\n{done.out}\n{done.err}"
    return done.out


def test_every_block_of_the_readme_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From top to bottom in one folder: commands print what the README shows, files are accepted, Python runs."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    logs = Path("tests", "intake", "postfix-lab")
    shutil.copytree(ROOT / logs, tmp_path / logs)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    kinds = set()
    for block in blocks((ROOT / "README.md").read_text(encoding="utf-8")):
        kinds.add(block.kind)
        if block.kind == "console":
            for line, output in commands(block.text):
                if line in MADE_BY_MAKE:
                    assert f"\n{MADE_BY_MAKE[line]}" in (ROOT / "Makefile").read_text(encoding="utf-8")
                elif not line.startswith(NOT_HERE):
                    printed = run_command(line, capsys)
                    assert not output.strip() or not (found := differences(output, printed)), (
                        f"line {block.line}, {line}:\n{found}"
                    )
        elif block.kind == "yaml":
            name = re.search(r"`([\w./-]+\.yaml)`", block.before)
            assert name, f"line {block.line}: no file name before this YAML"
            (tmp_path / name.group(1)).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name.group(1)).write_text(block.text, encoding="utf-8")
        elif block.kind == "python":
            exec(compile(block.text, f"README.md:{block.line}", "exec"), namespace)
        else:
            assert block.kind in ("text", ""), f"line {block.line}: nobody runs a block of {block.kind!r}"
    assert {"console", "yaml", "python"} <= kinds


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("p95 1.20 s", "p95  1.21 s", True),
        ("p95 1.20 s", "p95 1.30 s", False),
        ("delivered", "bounced", False),
        ("one line", "one line\nand another", False),
        ("simulated in 3 s", "simulated in 9 s", True),
    ],
)
def test_the_comparison_of_outputs_can_say_no(expected: str, printed: str, same: bool) -> None:
    """Words, numbers beyond 2 % and lines that are missing are differences; durations of our own work are none."""
    assert (differences(expected, printed) == "") is same


def test_the_workflow_of_the_readme_asks_what_there_is() -> None:
    """It is YAML with the parts of a workflow, and each coexsim command in it is one that the command line takes."""
    [block] = [b for b in blocks((ROOT / "README.md").read_text(encoding="utf-8")) if "workflows" in b.before]
    workflow = yaml.load(block.text, Loader=yaml.BaseLoader)
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    asked = [
        shlex.split(step["run"].partition(" > ")[0])[1:] for step in steps if step.get("run", "").startswith("coexsim ")
    ]

    assert workflow["on"] == ["pull_request"]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    assert len(asked) == 2
    for verb, *words in asked:
        command(verb).make_context(verb, words)
    with pytest.raises(typer.TyperException):
        command("check").make_context("check", ["--format", "gitlab", "scenarios"])


def test_the_pre_commit_hook_runs_a_command() -> None:
    """Its entry is a command with options that there are; it is for the files that the pytest plugin takes."""
    [hook] = yaml.load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    program, verb, *options = hook["entry"].split()
    command(verb).make_context(verb, [*options, "a.coexsim.yaml"])

    assert {"id", "name", "entry", "language", "files"} <= set(hook)
    assert program == "coexsim"
    assert re.search(hook["files"], "routes/a.coexsim.yaml")
    assert not re.search(hook["files"], "routes/a.yaml")


def test_links_and_pictures_of_the_readme_exist() -> None:
    """Whatever the README links to in the project is there."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / target).exists(), target
