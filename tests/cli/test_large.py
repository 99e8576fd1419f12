"""A run that nobody begins by mistake is estimated, and begins with --yes."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.cli import run
from coexsim.experiment import estimate

SMALL = """\
coexsim: 1
domain: corporate.com
sites: [office, hosted, internet]
links: [{between: [office, hosted]}, {between: [office, internet]}, {between: [hosted, internet]}]
dns: {corporate.com: "@ IN MX 10 mail\\nmail IN A 192.0.2.10\\n"}
servers:
  onprem: {kind: domino, site: office, host: mail.corporate.com, smart_host: in.cloud.example, capacity: {cores: 1}, service: {scan: 20 ms}}
  inbound: {kind: hosted-inbound, site: hosted, host: in.cloud.example}
  outbound: {kind: hosted-outbound, site: hosted}
  external: {kind: external, site: internet, domain: otherdomain.com}
directory: {population: {onprem: 3, hosted: 3}}
load: {streams: [{from: onprem, to: onprem, rate: RATE}]}
run: {length: LENGTH, drain: 1 h}
objectives: [utilisation(onprem.cores) < 70 %]
size: {server: onprem, ranges: {cores: 1..2}}
"""
COMMANDS = {
    "run": ["run", "s.yaml", "--no-pictures"],
    "size": ["size", "s.yaml", "--no-pictures", "--no-headroom"],
    "sweep": ["sweep", "s.yaml", "servers.onprem.capacity.cores=1,2"],
    "outage": ["outage", "s.yaml", "--server", "inbound", "--at", "10 s", "--for", "10 s", "--no-pictures"],
    "compare": ["compare", "s.yaml", "s.yaml", "-n", "1"],
}


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A minute of little mail."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "s.yaml"
    file.write_text(SMALL.replace("RATE", "1/s").replace("LENGTH", "1 min"))
    return file


@pytest.mark.parametrize("command", COMMANDS)
def test_what_takes_days_is_told_before_it_begins(
    command: str, scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A day of 36,000 messages a second: 3,110,400,000 messages; exit code 2, and no folder of results."""
    scenario.write_text(SMALL.replace("RATE", "36000/s").replace("LENGTH", "1 day"))

    assert run(COMMANDS[command]) == 2
    told = capsys.readouterr().err
    assert "this would be about " in told
    assert " messages, " in told
    assert told.rstrip().endswith("; --yes to go on")
    assert not Path("reports").exists() or not [*Path("reports").rglob("*.*")]


@pytest.mark.parametrize("command", COMMANDS)
def test_yes_begins_it(
    command: str, scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts as long is made short here: without --yes it is refused, with it the estimate is told and it runs."""
    assert scenario.exists()
    monkeypatch.setattr(estimate, "LONG_S", 0.0)
    assert run(COMMANDS[command]) == 2
    capsys.readouterr()

    assert run([*COMMANDS[command], "--yes", "--jobs", "1"]) in (0, 1, 3)
    assert "this would be about" in capsys.readouterr().err


DENSE = """\
servers:
  outbound: {retry: {first: 1 ms, expire_after: 5 d}}
  onprem: {retry: {first: 1 ms, expire_after: 5 d}}
events: [{at: 1 min, for: 4 d, down: inbound}]
"""


def test_an_outage_is_told_until_its_return(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A minute of 2,000 messages a second, and an outage of ten days, for which the run goes on: 1,728,000,000 messages, twice."""
    scenario.write_text(SMALL.replace("RATE", "2000/s").replace("LENGTH", "1 min"))

    words = COMMANDS["outage"]
    assert run([*words[: words.index("--for")], "--for", "10 d", "--no-pictures"]) == 2
    told = capsys.readouterr().err
    assert "this would be about 3,500,000,000 messages" in told
    assert told.rstrip().endswith(" at the least; --yes to go on")


def test_attempts_in_vain_are_told_before_they_begin(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two messages a second until the return after four days, each tried every second, for two days in the middle: 120 thousand million
    attempts. File and line of the outage and of the schedule are told.
    """
    text = SMALL.replace("RATE", "2/s").replace("LENGTH", "1000 s").replace("drain: 1 h", "drain: 7 d")
    text = text.replace("events: ", "")
    Path("base.yaml").write_text(text)
    scenario.write_text("coexsim: 1\nextends: base.yaml\n" + DENSE)

    assert run(["run", "s.yaml", "--no-pictures", "--no-round-trip", "--engine", "reference"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("s.yaml:6: up to 690,000 messages wait, each is tried up to 170,000 times (s.yaml:5)\n")
    assert " attempts that come to nothing, " in told
    assert told.rstrip().endswith("; --yes to go on")


def test_what_takes_more_than_ten_seconds_is_told_unless_quiet(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins without being asked for; the same mail with direct delivery counts."""
    assert scenario.exists()
    monkeypatch.setattr(estimate, "TOLD_S", 0.0)
    assert run([*COMMANDS["run"], "--jobs", "1"]) in (0, 3)
    assert "s.yaml: this would be about 120 messages, " in capsys.readouterr().err
    assert run([*COMMANDS["run"], "--jobs", "1", "-q"]) in (0, 3)
    assert "this would be" not in capsys.readouterr().err
    # two machines at the most, each judged after 4 runs at the least and 5 at the most; and 8 for each of 5 amounts of its resources
    run([*COMMANDS["size"], "--jobs", "1", "-n", "5"])
    told = capsys.readouterr().err
    assert " at the least (4 runs); " in told
    assert " (50 runs) where all that is tried takes all its replications" in told


def test_explain_draws_no_more_than_it_says(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It answers without the load by theory, and says so."""
    assert run(["explain", "s.yaml"]) == 0
    assert "Expected load by theory" in capsys.readouterr().out

    scenario.write_text(SMALL.replace("RATE", "36000/s").replace("LENGTH", "1 day"))
    assert run(["explain", "s.yaml"]) == 0
    assert "the load by theory is left out: about 3,110,400,000 recipients" in " ".join(capsys.readouterr().out.split())
