"""run from the shell: what it prices beside itself is what it would price afterwards."""

from __future__ import annotations

import csv
import html
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from coexsim.cli import run
from coexsim.experiment import run as experiment_run
from coexsim.experiment.results import Results, load_results
from coexsim.scenario.model import Scenario
from tests.analysis.small import SMALL


def test_the_price_is_the_same_whether_direct_delivery_runs_beside_or_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One process or two: same words, same figures; the price is there."""
    path = tmp_path / "small.yaml"
    text = SMALL[: SMALL.index("events:")].replace("length: 2 h", "length: 20 min")
    path.write_text(text + "load: {profile: office-worker}\n")
    said, found = [], []
    for jobs in ("1", "2"):
        code = run(["run", str(path), "--out", str(tmp_path / "out"), "--jobs", jobs, "--no-pictures"])
        said.append((code, capsys.readouterr().out))
        found.append(json.loads((tmp_path / "out" / "summary.json").read_text()))

    assert said[0] == said[1]
    assert found[0] == found[1]
    assert found[0]["round_trip"]["extra_hops"] == 1


def test_a_run_with_an_outage_is_followed_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The hosted side returns three minutes before the run ends, so mail waits then: the run goes on, says first when all is
    normal, and leaves nothing of the measured mail in transit; what is measured stays the twenty minutes that were asked for.
    Then it says which limit made it last, unless it was asked not to try any.
    """
    text = SMALL[: SMALL.index("events:")].replace("length: 2 h", "length: 20 min")
    path = tmp_path / "cut.yaml"
    path.write_text(
        text + "load: {profile: office-worker}\nevents: [{at: '09:05', for: 12 min, down: inotes-inbound}]\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    assert run(["run", str(path), "--no-pictures", "--no-round-trip", "--jobs", "1", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    kept = json.loads((out / "summary.json").read_text())["outage"]
    assert kept["limit"] in " ".join(said.split())
    assert "limit" in kept["limit"]
    assert any(key.endswith(".retry") for change in kept["changes"] for key in change["keys"])
    asked = ["run", str(path), "--no-pictures", "--no-round-trip", "--no-limits", "--jobs", "1", "--out", str(out)]
    assert run(asked) == 0
    said = capsys.readouterr().out
    assert "limits" not in said
    found = load_results(out)

    assert said.startswith("Normal again Mon 09:")
    assert found.length_s > 20 * 60
    assert found.window_s == (0, 20 * 60)
    assert not (found.measured["outcome"] == "in transit").any()
    assert json.loads((out / "summary.json").read_text())["outage"]["headline"] in " ".join(said.split())


def test_the_log_of_a_followed_outage_is_of_its_last_run_alone(tmp_path: Path) -> None:
    """It is run four times, twice without the outage: the log has each message that the tables have, once, and nothing else."""
    path = tmp_path / "cut.yaml"
    text = SMALL[: SMALL.index("events:")].replace("length: 2 h", "length: 20 min")
    load = "load: {streams: [{from: internet, to: hosted, rate: 0.2/s}]}\n"
    path.write_text(text + load + "events: [{at: '09:05', for: 12 min, down: inotes-inbound}]\n", encoding="utf-8")
    out = tmp_path / "out"
    asked = ["run", str(path), "--no-pictures", "--no-round-trip", "--no-limits", "-q", "--out", str(out)]
    assert run([*asked, "--write-log", "message-trace"]) == 0
    mail = load_results(out).mail
    with (out / "logs" / "message-trace.csv").open(encoding="utf-8", newline="") as file:
        numbers = [int(row["message_subject"].removeprefix("Message ")) for row in csv.DictReader(file)]

    assert mail["born_s"].max() > 3600, "it is followed for longer than the 20 minutes that were asked for"
    assert sorted(numbers) == sorted(mail.loc[mail["outcome"] == "delivered", "mail"])


def test_growth_without_objectives_is_refused_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing could break, so nothing is run for it: no folder is made, whatever else the run would have told."""
    path, out = tmp_path / "none.yaml", tmp_path / "out"
    load = "load: {streams: [{from: internet, to: hosted, rate: 0.2/s}]}\n"
    path.write_text(SMALL[: SMALL.index("events:")] + load, encoding="utf-8")

    assert run(["run", str(path), "--growth", "8%/year", "--no-pictures", "--out", str(out)]) == 2
    assert "an outlook needs a load that grows, and objectives that may break" in capsys.readouterr().err
    assert not out.exists()


def test_a_streamed_run_keeps_no_visits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They would fill the memory that it is not to need."""
    path = tmp_path / "a.yaml"
    path.write_text(SMALL, encoding="utf-8")
    assert run(["run", str(path), "--stream", "--visits"]) == 2
    assert "--visits one for every visit: leave out one of them" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        ["--stream", "--engine", "compiled"],
        ["--visits", "--replications", "2", "--no-round-trip", "--growth", "8%/year", "--years", "1"],
    ],
)
def test_the_command_on_the_page_gives_the_same_again(tmp_path: Path, given: list[str]) -> None:
    """With all that was asked for and changes what is found: the same page and tables, the kept visits of each replication too."""
    path, first, again = tmp_path / "small.yaml", tmp_path / "first", tmp_path / "again"
    text = SMALL[: SMALL.index("events:")].replace("length: 2 h", "length: 20 min")
    load = "load: {streams: [{from: internet, to: hosted, rate: 0.2/s}]}\n"
    path.write_text(text + load + "objectives: ['p95(delay, internet->hosted) < 60 s']\n", encoding="utf-8")
    run(["run", str(path), *given, "-q", "--jobs", "1", "--out", str(first)])
    page = (first / "report.html").read_text(encoding="utf-8")
    told = re.search("The same again</dt><dd><code>(.*?)</code>", page)
    assert told is not None
    command = shlex.split(html.unescape(told[1]))
    visits = load_results(first).visits

    assert command[0] == "coexsim"
    run([*command[1:], "-q", "--jobs", "1", "--out", str(again)])
    assert (again / "report.html").read_text(encoding="utf-8") == page
    for name in ("mail", "stages", "visits"):
        assert (again / f"{name}.parquet").read_bytes() == (first / f"{name}.parquet").read_bytes()
    assert set(visits["replication"]) == ({0, 1} if "--visits" in given else set())


@pytest.mark.parametrize("asked", [["run"], ["outage", "--server", "inotes-inbound", "--at", "09:05", "--for", "5min"]])
def test_ctrl_c_among_replications_gives_no_answer_of_some(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first of three is done when it is stopped: it is said, nothing is written, and the exit code is that of a stop."""

    def one(scenario: Scenario, seed: int, replication: int, *more: Any) -> Results:
        if replication == 1:
            raise KeyboardInterrupt
        return really(scenario, seed, replication, *more)

    really = experiment_run.run_one
    monkeypatch.setattr(experiment_run, "run_one", one)
    path, out = tmp_path / "small.yaml", tmp_path / "out"
    text = SMALL[: SMALL.index("events:")].replace("length: 2 h", "length: 20 min")
    path.write_text(text + "load: {streams: [{from: internet, to: hosted, rate: 0.2/s}]}\n", encoding="utf-8")

    assert run([asked[0], str(path), *asked[1:], "-n", "3", "--jobs", "1", "-q", "--out", str(out)]) == 130
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "1 of 3 runs are done; nothing of them is kept\nstopped\n"
    assert not list(out.glob("*.parquet"))
