"""Completion in real shells: what a person sees who presses TAB in bash, zsh and fish at a terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal import Terminal

ROOT = Path(__file__).parents[2]
LINES = {
    "coexsim init exchange-hybrid-": "exchange-hybrid-centralised",
    "coexsim import dom": "domino",
    "coexsim explain servers.exchange.message_e": "servers.exchange.message_expiration",
    "coexsim check scenarios/article/fl": "scenarios/article/flows.yaml",
    "coexsim trace scenarios/article/flows.yaml --down smart": "smart-host",
}
"""A line, and the word that its last one can only become."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A new user's: no start-up files, and `coexsim` on the path."""
    program = tmp_path / "bin" / "coexsim"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m coexsim "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    return {
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "TERM": "dumb",
        "PS1": "> ",
        "LC_ALL": "C.UTF-8",
    }


def script(shell: str, environment: dict[str, str], tmp_path: Path) -> Path:
    """The script of `--show-completion`, as a file."""
    asked = {**environment, "_COEXSIM_COMPLETE": f"source_{shell}"}
    text = subprocess.run(["coexsim"], env=asked, text=True, capture_output=True, check=True).stdout
    file = tmp_path / f"complete.{shell}"
    file.write_text(text)
    return file


def in_a_terminal(words: list[str], ready: str, environment: dict[str, str]) -> Iterator[Terminal]:
    """A shell that has read its completion script."""
    terminal = Terminal(words, environment, ROOT)
    try:
        terminal.type(f"{ready}; echo rea''dy\n")
        assert "ready" in terminal.shows("ready")
        yield terminal
    finally:
        terminal.close()


def assert_all_are_completed(terminal: Terminal) -> None:
    """Each line becomes the one that it can only become, on the screen, where the person sees it."""
    for line, word in LINES.items():
        start, _, begun = line.rpartition(" ")
        terminal.type(f"{line}\t")
        wanted = f"{start} {word}"
        said = terminal.shows(word.removeprefix(begun))
        terminal.type("\x15")  # take the line away
        assert word.removeprefix(begun) in said.partition(begun)[2], f"{wanted!r} is not on the screen:\n{said}"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes(environment: dict[str, str], tmp_path: Path) -> None:
    """Files of scenarios, codes, keys, kinds of set-ups and imports, names in the scenario on the line."""
    file = script("bash", environment, tmp_path)
    for terminal in in_a_terminal(["bash", "--norc", "-i"], f". {file}", environment):
        assert_all_are_completed(terminal)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
def test_zsh_completes(environment: dict[str, str], tmp_path: Path) -> None:
    """The same in zsh."""
    file = script("zsh", environment, tmp_path)
    ready = f"autoload -Uz compinit; compinit -u -d {tmp_path / 'dump'}; . {file}"
    for terminal in in_a_terminal(["zsh", "-f", "-i"], ready, environment):
        assert_all_are_completed(terminal)


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
def test_fish_completes(environment: dict[str, str], tmp_path: Path) -> None:
    """The same in fish, which can be asked what it would offer."""
    file = script("fish", environment, tmp_path)
    for line, word in LINES.items():
        asked = f"source {file}; complete -C '{line}'"
        said = subprocess.run(
            ["fish", "--no-config", "-c", asked], cwd=ROOT, env=environment, text=True, capture_output=True, check=True
        ).stdout
        assert [offered.partition("\t")[0] for offered in said.splitlines()] == [word]
    nothing = subprocess.run(
        ["fish", "--no-config", "-c", f"source {file}; complete -C 'coexsim init no-such-'"],
        cwd=ROOT, env=environment, text=True, capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert nothing == ""
