"""What a user does wrong is said in a line or two with exit code 2; our own bugs exit with 70; and the quick commands import little."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coexsim import __version__
from coexsim.cli import run
from coexsim.errors import ConservationError

ROOT = Path(__file__).parents[2]
FLOWS = str(ROOT / "scenarios" / "article" / "flows.yaml")
HEAVY = ("pandas", "matplotlib", "scipy", "simpy", "numpy", "networkx", "pyarrow", "jinja2", "numba")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["trace", "no-such.yaml", "a", "b"], "no-such.yaml: cannot be read: No such file or directory"),
        (["check", "no-such.yaml"], "no-such.yaml: cannot be read: No such file or directory"),
        (["check", str(ROOT / "tests" / "cli")], "there is no .yaml file"),
        (["diff", FLOWS, "no-such.yaml"], "no-such.yaml: cannot be read"),
        (["explain", "no-such.yaml"], "no-such.yaml: cannot be read"),
        (["trace", FLOWS, "iUser1", "iUser2", "--size", "26"], "is not a size"),
        (["trace", FLOWS, "iUser1", "iUser2", "--at", "Someday 10:00"], "is not a day of the week"),
        (["trace", FLOWS, "iUser1", "iUser2", "--down", "onpram"], "did you mean 'onprem'"),
        (["trace", FLOWS, "iUser1", "iUser2", "--at-server", "nix"], "there is no 'nix'"),
        (["trace", FLOWS, "iUser1"], "RECIPIENT"),
        (["trace", FLOWS, "iUser1", ""], "'' is no address; write for example 'name@corporate.com'"),
        (["trace", FLOWS, "iUser1", "iUser2@"], "'iUser2@' is no address"),
        (["trace", FLOWS, "iUser1", "<>"], "'<>' is no address"),
        (["trace", FLOWS, "i User1", "iUser2"], "'i User1' is no address"),
        (["tarce"], "trace"),
        (["check"], "PATH"),
    ],
)
def test_bad_usage_is_said_without_a_traceback(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, on stderr, with what was wrong."""
    code = run(arguments)
    out, err = capsys.readouterr()

    assert code == 2
    assert told in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in out + err


BAD_FILES: dict[str, tuple[str | bytes, str]] = {
    "not YAML": ("servers: {onprem: [", "not readable as YAML"),
    "no mapping": ("- a\n- b\n", "a scenario is a mapping"),
    "unknown key": (f"extends: {FLOWS}\nsevers: {{}}\n", "did you mean 'servers'"),
    "given twice": ("coexsim: 1\ncoexsim: 1\n", "given twice"),
    "no unit": (f"extends: {FLOWS}\nservers: {{onprem: {{max_message_size: 25}}}}\n", "has no unit"),
    "dangling name": (f"extends: {FLOWS}\ndirectory: {{master: onpram}}\n", "did you mean 'onprem'"),
    "bad zone": (f"extends: {FLOWS}\ndns: {{corporate.com: '@ IN MX ten x.'}}\n", "not readable as zone lines"),
    "a circle": ("extends: bad.yaml\n", "a circle"),
    "not text": (b"\xff\xfe\x00", "not UTF-8 text"),
    "empty": ("", "a scenario is a mapping"),
}


@pytest.mark.parametrize("what", BAD_FILES)
@pytest.mark.parametrize("command", ["trace", "check", "diff", "explain"])
def test_a_bad_scenario_is_said_with_file_and_line(
    what: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every problem on a line of its own that begins with the file; never a traceback."""
    content, told = BAD_FILES[what]
    file = tmp_path / "bad.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    rest = {"trace": ["iUser1", "iUser2"], "diff": [FLOWS]}.get(command, [])

    code = run([command, str(file), *rest])
    out, err = capsys.readouterr()

    assert code == 2
    assert told in err
    assert "Traceback" not in out + err
    assert all(line.startswith(str(file)) for line in err.splitlines())


def test_all_problems_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also those of several files; what can be checked is checked."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(
            f"extends: {FLOWS}\nservers: {{onprem: {{sites: x, max_message_size: 25}}}}\n"
        )
    code = run(["check", str(tmp_path), FLOWS])
    out, err = capsys.readouterr()

    assert code == 2
    assert len(err.splitlines()) == 4
    assert "8 held" in out


def test_a_bug_of_ours_exits_70(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A short message; the traceback only if asked for."""
    monkeypatch.setattr("coexsim.audit.check.check", lambda _: 1 / 0)

    assert run(["check", FLOWS]) == 70
    said = capsys.readouterr().err
    assert "coexsim has a bug: ZeroDivisionError" in said
    assert "Traceback" not in said

    monkeypatch.setenv("COEXSIM_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run(["check", FLOWS])


def test_ctrl_c_exits_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As shells expect."""

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("coexsim.audit.check.check", stop)

    assert run(["check", FLOWS]) == 130
    assert "Traceback" not in capsys.readouterr().err


def in_a_shell(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, with the project on its path."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *arguments], env=environment, text=True, capture_output=True, check=False)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """As the package says."""
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"coexsim {__version__}\n"


def test_without_arguments_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    """The commands are listed."""
    run([])
    out, err = capsys.readouterr()

    for command in ("trace", "check", "diff", "explain"):
        assert command in out + err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["trace", FLOWS, "iUser1", "iUser2"],
        ["check", str(ROOT / "scenarios" / "article")],
        ["explain", "LOOP"],
        ["diff", FLOWS, FLOWS],
    ],
    ids=lambda arguments: arguments[0],
)
def test_quick_commands_import_nothing_heavy(arguments: list[str]) -> None:
    """What the clock needs (tables, plots, statistics, SimPy) is not loaded by what needs no clock."""
    program = (
        "import sys; from coexsim.cli import run\n"
        f"code = run({arguments!r})\n"
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = in_a_shell("-c", program)

    assert done.returncode == 0
    assert done.stderr.strip().endswith("loaded: []")


def test_importing_the_package_imports_nothing() -> None:
    """Public names are loaded on first use; only where pictures are drawn is noted at once, in a module that imports nothing."""
    done = in_a_shell(
        "-c",
        "import sys, coexsim; print(sorted(m for m in sys.modules if m.startswith(('coexsim', 'yaml', 'dns'))))",
    )

    assert done.stdout.strip() == "['coexsim', 'coexsim.pictures']"


def test_books_that_do_not_balance_are_a_bug_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not bad usage: mail was lost or made up; the way round it is told."""

    def unbalanced(_: object) -> None:
        raise ConservationError("sent 3 recipients, but delivered 4")

    monkeypatch.setattr("coexsim.audit.check.check", unbalanced)

    assert run(["check", FLOWS]) == 70
    said = capsys.readouterr().err
    assert "its books do not balance: sent 3 recipients, but delivered 4" in said
    assert "--engine reference" in said
