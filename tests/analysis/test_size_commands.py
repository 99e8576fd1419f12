"""The commands size, sweep and compare: what they print first, what they leave behind, how they exit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from coexsim.cli import run
from tests.analysis.station import STATION
from tests.report.test_html import Page

VALUES = {"cores": 5, "service_s": 6, "law": "law: exponential", "per_hour": 2376, "hours": 10, "warm_up": 1}


def written(
    folder: Path, name: str = "farm.yaml", objectives: str = "  - mean(wait) < 10 s\n", more: str = "", **values: object
) -> Path:
    path = folder / name
    path.write_text(STATION % (VALUES | {"objectives": objectives, "more": more} | values))
    return path


def test_size_says_the_answer_first_and_leaves_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The spam farm: five servers."""
    path = written(tmp_path, more="size: {server: onprem, ranges: {cores: 3..6}}")

    code = run(["size", str(path), "--out", str(tmp_path / "out"), "--jobs", "1", "--no-headroom"])

    said = capsys.readouterr().out
    assert code == 0
    assert " ".join(said.split()).startswith(
        "To meet the objective from Mon 01:00 to 10:00 onprem needs 5 cores, and with less does not"
    )
    assert "too small by theory" in said
    assert "runs in" in said
    summary = json.loads((tmp_path / "out" / "sizing.json").read_text())
    assert summary["answer"]["cores"] == 5
    assert len(pd.read_parquet(tmp_path / "out" / "sizing.parquet")) == 4
    assert (tmp_path / "out" / "sizing.png").stat().st_size > 5000
    page = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert page.open == []
    assert said.split("\n")[0] in page.text
    assert page.tags.count("svg") == 1


def test_none_holds_is_exit_1_and_no_question_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each said in a line."""
    none = written(tmp_path, more="size: {server: onprem, ranges: {cores: 2..3}}")
    assert run(["size", str(none), "--out", str(tmp_path / "out"), "--jobs", "1"]) == 1
    assert "None of the machines is enough for onprem to meet the objective" in capsys.readouterr().out

    nothing = written(tmp_path, "nothing.yaml")
    assert run(["size", str(nothing), "--jobs", "1"]) == 2
    assert "size: which server is to be sized" in capsys.readouterr().err

    unreadable = written(
        tmp_path, "unreadable.yaml", "  - mean(weight) < 10 s\n", "size: {server: onprem, ranges: {cores: 2..3}}"
    )
    assert run(["size", str(unreadable), "--jobs", "1"]) == 2
    assert "did you mean 'wait'?" in capsys.readouterr().err


def test_sweep_prints_a_row_a_point(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And writes one tidy table."""
    path = written(tmp_path, hours=2)

    code = run(["sweep", str(path), "servers.onprem.capacity.cores=5,8", "--out", str(tmp_path / "out"), "--jobs", "1"])

    assert code == 0
    assert "2 runs." in capsys.readouterr().out
    table = pd.read_parquet(tmp_path / "out" / "sweep.parquet")
    assert sorted(set(table["servers.onprem.capacity.cores"])) == [5, 8]
    assert run(["sweep", str(path), "cores", "--out", str(tmp_path / "out")]) == 2
    assert run(["sweep", str(path), "servers.onprem.capacity.coers=1..2", "--out", str(tmp_path / "out")]) == 2
    assert "did you mean 'cores'?" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sweep_stopped_by_ctrl_c_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A real process, a real SIGINT; what was done is not done again, and nothing is missing in the end."""
    path = written(tmp_path, hours=6)
    command = ["sweep", str(path), "servers.onprem.capacity.cores=5..24", "--out", str(tmp_path / "out"), "--jobs", "2"]
    code = "import sys; from coexsim.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command],
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    runs = tmp_path / "out" / "runs"
    for _ in range(600):
        if runs.is_dir() and len(list(runs.glob("*.json"))) >= 2:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1].decode()
    kept = {file.name: file.stat().st_mtime_ns for file in runs.glob("*.json")}

    assert process.returncode == 130
    assert "the same command goes on from there" in said
    assert "Traceback" not in said
    assert 2 <= len(kept) < 20
    assert run(command) == 0
    assert {file.name: file.stat().st_mtime_ns for file in runs.glob("*.json")}.items() >= kept.items()
    assert len(list(runs.glob("*.json"))) == 20
    assert "20 runs." in capsys.readouterr().out


def test_objectives_that_cannot_be_read_are_told_before_any_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A day's simulation is not thrown away for a slip of the pen in its last line."""
    path = written(tmp_path).read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(path.replace("objectives:", "objectives:\n  - p95(dela) < 1 s"), encoding="utf-8")

    for command in (
        ["run"],
        ["sweep", "load.growth=1,2"],
        ["outage", "--server", "onprem", "--at", "1 h", "--for", "1 min"],
    ):
        verb, *rest = command
        assert run([verb, str(wrong), *rest, "--jobs", "1"]) == 2
        said = capsys.readouterr()
        assert "did you mean 'delay'" in said.err
        assert "simulated in" not in said.err


def test_tables_have_no_blanks_at_the_ends_of_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where they go to a file or a pipe: a diff of two outputs then shows what differs."""
    path = written(tmp_path, hours=3)

    assert run(["sweep", str(path), "servers.onprem.capacity.cores=5,8", "load.growth=1,1.2", "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert not [line for line in said.splitlines() if line != line.rstrip()]
    assert "cores  growth" in said, "keys by their last words"
    assert "one run of each: no intervals" in said


def test_compare_says_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 where something does, 0 where nothing does."""
    five, eight = written(tmp_path, hours=3), written(tmp_path, "eight.yaml", cores=8, hours=3)

    assert run(["compare", str(five), str(eight), "-n", "2", "--jobs", "1"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("B differs from A: ")
    assert "classes of mail" not in said.splitlines()[0], "routes are the same"
    assert "less" in said
    assert run(["compare", str(five), str(five), "-n", "2", "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("No difference is shown")
    assert "the same in every figure" in said


@pytest.mark.parametrize(
    "command",
    [["size", "--no-headroom", "-n", "2"], ["sweep", "servers.onprem.capacity.cores=5,6"], ["compare", "-n", "2"]],
    ids=["size", "sweep", "compare"],
)
def test_which_engine_runs_may_be_said_and_is_told(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures are the same by both; a sweep's runs that another engine has kept are not taken for those of the one that is named."""
    verb, *more = command
    path = written(tmp_path, more="size: {server: onprem, ranges: {cores: 5..6}}", hours=3)
    if verb == "compare":
        more = [str(written(tmp_path, "six.yaml", cores=6, hours=3)), *more]
    words = [verb, str(path), *more, "--json", "--jobs", "1", "--out", str(tmp_path / "out")]
    figures = []
    for engine, pictures in (("reference", ["--no-pictures"]), ("compiled", [])):
        assert run([*words, "--engine", engine, *pictures]) in (0, 1, 3)
        said = json.loads(capsys.readouterr().out)
        assert said["provenance"]["engine"] == engine
        figures.append(said[{"size": "machines", "sweep": "points", "compare": "differences"}[verb]])
    assert figures[0] == figures[1]
    assert "Engine compiled" in page_of(tmp_path / "out")
    if verb == "sweep":
        assert run([*words, "--engine", "compiled"]) in (0, 3)
        assert "Engine none: all runs were kept from before" in page_of(tmp_path / "out")


def page_of(folder: Path) -> str:
    """The words of its page."""
    return " ".join(Page((folder / "report.html").read_text(encoding="utf-8")).text.split())
