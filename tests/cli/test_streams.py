"""Whoever reads the output, and in whatever encoding: same exit code, whole text, and no name that steers the terminal."""

from __future__ import annotations

import ast
import errno
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from coexsim.cli import run
from coexsim.cli.paint import paint, say
from coexsim.cli.streams import SafeStream, in_encoding, safe_streams
from coexsim.text import encodable, visible

ROOT = Path(__file__).parents[2]
ARTICLE = "scenarios/article"
HOSTILE = "\x1b[31mred\x1b]0;title\x07\n  held    a forged line\u202etxt\ud800[bold]"
SHOWN = r"\x1b[31mred\x1b]0;title\x07\n  held    a forged line\u202etxt\ud800[bold]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (HOSTILE, SHOWN),
        ("Łódź 北京 zażółć", "Łódź 北京 zażółć"),
        ("a\u00a0b", "a\u00a0b"),
        ("a\tb\rc\x85d\u2028e\u200bf\ufeff", r"a\tb\rc\x85d\u2028e\u200bf\ufeff"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_visible_escapes_what_is_not_seen(text: str, shown: str) -> None:
    """Control and format characters, separators and surrogates; letters of any script stay."""
    assert visible(text) == shown
    assert visible(text).isprintable() or "\u00a0" in text


def test_encodable_reads_back_as_what_it_was() -> None:
    """A lone surrogate in JSON is an escape, which a reader turns back."""
    import json

    assert json.loads(encodable(json.dumps({"name": "a\ud800"}, ensure_ascii=False))) == {"name": "a\ud800"}


class Terminal(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def test_colours_are_ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal our own colours arrive, those of a name are shown; one line stays one line."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "500")
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    say([f"{paint('held', 'green')} {HOSTILE}", "next"])

    assert terminal.getvalue() == f"\x1b[32mheld\x1b[0m {SHOWN}\nnext\n"


def test_long_lines_are_folded_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between words, under the beginning of the line; colours take no room. Elsewhere lines stay whole."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    say([f"  {paint('note', 'blue')} " + "words of a long line " * 5])
    rows = terminal.getvalue().splitlines()

    assert len(rows) > 2
    assert all(len(row.replace("\x1b[34m", "").replace("\x1b[0m", "")) <= 40 for row in rows)
    assert all(row.startswith("    ") for row in rows[1:])
    monkeypatch.setattr(sys, "stdout", pipe := io.StringIO())
    say(["words of a long line " * 5])
    assert len(pipe.getvalue().splitlines()) == 1


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "a -> b +- 1 \\xe9 \\u5317"), ("cp1252", "a -> b ± 1 é \\u5317"),
        ("latin-1", "a -> b ± 1 é \\u5317"), ("utf-8", "a → b ± 1 é 北"),
    ],
)  # fmt: skip
def test_what_an_encoding_lacks_has_a_stand_in(encoding: str, shown: str) -> None:
    """Arrows become ASCII, other signs escapes; what the encoding has stays."""
    assert in_encoding("a → b ± 1 é 北", encoding) == shown
    assert in_encoding("→", "no-such-encoding") == "->"


class Full(io.StringIO):
    """A file on a full disk."""

    def flush(self) -> None:
        """As the system says it."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_stream_that_fails_is_left_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Writes go on without an error; a full disk is said on standard error, a reader that has gone is not."""
    monkeypatch.setattr(sys, "stdout", Full())
    with safe_streams():
        print("a")
    assert "standard output cannot be written: No space left on device" in capsys.readouterr().err
    closed = io.StringIO()
    closed.close()
    for stream in (SafeStream(None), SafeStream(closed)):
        assert stream.write("text") == 4
        stream.flush()
        assert not stream.isatty()


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A line of bash in the project's folder, where `coexsim` is this one."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    env.pop("PYTHONUTF8", None)
    return subprocess.run(
        ["bash", "-c", f'coexsim() {{ "{sys.executable}" -m coexsim "$@"; }}; {line}'], cwd=ROOT, env=env, capture_output=True, check=False
    )  # fmt: skip


FAILING = "diff scenarios/article/environment.yaml scenarios/modern/article-direct.yaml"  # exit code 1


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"coexsim check {ARTICLE} | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}", 0),
        (f"coexsim {FAILING} | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}", 1),
        (f"coexsim {FAILING} >&-", 1),
        (f"coexsim check {ARTICLE} >&- 2>&-", 0),
        ("coexsim --help >&-", 0),
        ("coexsim tarce 2>&-", 2),
    ],
)
def test_a_reader_that_goes_away_changes_nothing(line: str, code: int) -> None:
    """Piped to `head`, or with standard output closed: the same exit code, and nothing on standard error."""
    done = shell(line)

    assert done.returncode == code
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_standard_output_is_said() -> None:
    """The exit code is 74, whatever the answer was: nobody has it, and a file for a CI server would be empty."""
    done = shell(f"coexsim {FAILING} > /dev/full")

    assert done.returncode == 74
    assert done.stderr == b"coexsim: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_any_encoding_will_do(encoding: str, tmp_path: Path) -> None:
    """A title that the encoding cannot say is told with escapes; same exit code."""
    file = tmp_path / "named.yaml"
    file.write_text(f"extends: {ROOT / ARTICLE / 'environment.yaml'}\ntitle: 北 → é\n", encoding="utf-8")
    done = shell(f"coexsim check {file}; echo $?", PYTHONIOENCODING=encoding)

    assert done.stdout.decode(encoding).splitlines()[0] == f"{file}: {in_encoding('北 → é', encoding)}"
    assert done.stdout.splitlines()[-1] == b"0"
    assert done.stderr == b""


@pytest.mark.parametrize("command", [["check"], ["diff", str(ROOT / ARTICLE / "environment.yaml")], ["explain"]])
def test_a_hostile_name_is_shown(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Title, names of messages, paths: on standard output and in errors, at the door of lines and that of tables."""
    file = tmp_path / "\x1b[31m[bold]x.yaml"
    name = '"\\e[31mred\\n  held    forged\\u202e[bold]"'
    file.write_text(
        f"extends: {ROOT / ARTICLE / 'environment.yaml'}\ntitle: {name}\nmessages:\n"
        f"  - {{name: {name}, from: iUser1, to: iUser2, expect: {{outcome: bounced}}}}\n"
    )
    run([*command, str(file)])
    said = capsys.readouterr()

    assert "\x1b" not in said.out + said.err
    assert "\u202e" not in said.out + said.err
    if command != ["diff", str(ROOT / ARTICLE / "environment.yaml")]:
        assert r"\x1b[31mred\n  held    forged\u202e[bold]" in said.out
    file.write_text("no: scenario\n")
    assert run([*command, str(file)]) == 2
    said = capsys.readouterr()
    assert "\x1b" not in said.err
    assert r"\x1b[31m[bold]x.yaml:1: " in said.err


def test_a_hostile_name_is_shown_beside_a_run_and_in_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Title, server, stream of mail and folder, also in what is said on standard error about how long it took and what was written."""
    monkeypatch.chdir(tmp_path)
    name = '"\\e[31mred\\n  held    forged\\u202e[bold]"'
    Path("\x1b[31mx.yaml").write_text(
        f"extends: {ROOT / ARTICLE / 'environment.yaml'}\ntitle: {name}\n"
        f"servers: {{{name}: {{kind: external, site: internet, domain: third.example}}}}\ndirectory: {{population: {{onprem: 3}}}}\n"
        f"load: {{streams: [{{name: {name}, from: internet, to: onprem, rate: 1/s}}]}}\nrun: {{length: 1 min}}\n"
    )
    assert run(["run", "\x1b[31mx.yaml", "--no-round-trip", "--no-pictures", "--write-log", "postfix"]) == 0
    said = capsys.readouterr()

    assert r"\x1b[31mred\n  held    forged\u202e[bold]: " in said.err
    assert r"\x1b[31mx" in said.err + said.out
    assert not any(sign in said.out + said.err for sign in ("\x1b", "\u202e", "\n  held    forged"))


def test_lines_on_standard_error_go_through_one_door() -> None:
    """`say_aside` escapes; a line printed past it would steer the terminal with a name in it."""
    past = [
        f"{file.name}:{node.lineno}"
        for file in sorted((ROOT / "coexsim" / "cli").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and any(key.arg == "file" and "stderr" in ast.unparse(key.value) for key in node.keywords)
    ]

    assert len(past) == 1
    assert past[0].startswith("streams.py:")


def test_lone_surrogates_are_escaped_in_words_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    """An argument that is no text."""
    assert run(["trace", str(ROOT / ARTICLE / "environment.yaml"), "iUser1", "a\ud800@corporate.com"]) in (0, 2)
    assert "\ud800" not in "".join(capsys.readouterr())


def test_nothing_leaves_python_early() -> None:
    """`os._exit` skips what has to be written and closed."""
    assert [f for f in (ROOT / "coexsim").rglob("*.py") if "os._exit" in f.read_text(encoding="utf-8")] == []


EVERY_ANSWER = [
    "trace FILE a@x.org b@x.org --json", "check FILE --json", "check FILE --format sarif", "diff FILE FILE --json", "explain FILE",
    "explain", "schema", "init article --domain x.org --onprem 5 --hosted 5 --uplink '1 Mbit/s' --out -", "size --help", "--version",
    "import postfix scenarios/import/postfix", "run nothing-there.yaml --json",
]  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@pytest.mark.parametrize("words", EVERY_ANSWER)
def test_an_answer_that_a_full_disk_does_not_take_is_told(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of every verb, as it is one place: exit code 74, since nobody has the answer, though that may be 0."""
    monkeypatch.chdir(ROOT)
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert run(shlex.split(words.replace("FILE", f"{ARTICLE}/environment.yaml"))) == 74
    assert "standard output cannot be written: No space left on device" in capsys.readouterr().err
