"""Scenarios to begin with: each kind reads, holds and runs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

import coexsim
from coexsim.audit.check import check
from coexsim.cli import run
from coexsim.errors import ScenarioError, UsageError
from coexsim.scenario.init import KINDS, scenario_text
from coexsim.scenario.load import changed, load_scenario, scenario_from_text
from coexsim.units import bandwidth_bytes_per_s
from tests.terminal import Terminal


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_passes_check_and_runs(kind: str) -> None:
    """All its messages end as they should, nothing is found that is an error or a warning, and a quarter of an hour delivers mail."""
    scenario = scenario_from_text(scenario_text(kind, "acme.com", 60, 40, "50 Mbit/s"))
    report = check(scenario)

    assert report.expectations
    assert [each for each in report.expectations if not each.held] == []
    assert [finding for finding in report.findings if finding.severity != "note"] == []
    short = changed(scenario, {"run": {"start": "Mon 10:00", "length": "15 min", "drain": "1 h"}})
    assert (coexsim.simulate(short).mail["outcome"] == "delivered").any()


def test_figures_are_put_in() -> None:
    """Domain, mailboxes and line."""
    scenario = scenario_from_text(scenario_text("article", "acme.com", 300, 200, "20 Mbit/s"))

    assert scenario.domain == "acme.com"
    assert scenario.directory.population == {"onprem": 300, "hosted": 200}
    assert (scenario.uplinks["office"].up, scenario.uplinks["office"].down) == (20e6 / 8, 20e6 / 8)
    assert "utilisation(office-uplink, busiest hour) < 70 %" in scenario.objectives


def test_cores_that_nobody_gave_are_said_to_be_assumed() -> None:
    """Beside the key and among the assumptions; not where they were given."""
    assumed = scenario_text("postfix-split", "acme.com", 3, 2, "20 Mbit/s")
    given = scenario_text("postfix-split", "acme.com", 3, 2, "20 Mbit/s", 6)

    assert "capacity: {cores: 4}                 # assumed" in assumed
    assert scenario_from_text(assumed).sources["servers.onprem.capacity.cores"].endswith("from memory")
    assert "assumed" not in given
    assert scenario_from_text(given).servers["onprem"].capacity.cores == 6
    assert "servers.onprem.capacity.cores" not in scenario_from_text(given).sources


@pytest.mark.parametrize(
    ("option", "wrong", "said"),
    [
        ("--domain", "acme", "'acme' is not a mail domain"),
        ("--domain", 'acme.com"\nx: 1', "is not a mail domain"),
        ("--domain", "{{ 7 }}.com", "is not a mail domain"),
        ("--domain", "bücher.example", "write 'xn--bcher-kva.example', as DNS has it"),
        ("--domain", "a..com", "is not a mail domain"),
        ("--domain", "-x.com", "is not a mail domain"),
        ("--domain", "192.0.2.1", "is not a mail domain"),
        ("--domain", f"{'a' * 64}.com", "is not a mail domain"),
        ("--domain", "a." * 120 + "com", "is not a mail domain"),
        ("--domain", "Elsewhere.org", "is taken: the scenario has elsewhere.org"),
        ("--domain", "outlook.com", "is taken: the scenario has mail.protection.outlook.com"),
        ("--onprem", "0", "'0' is not a number of mailboxes; write one from 1 to 10,000,000"),
        ("--hosted", "99999999999999999999", "is not a number of mailboxes"),
        ("--onprem", "²", "is not a number of mailboxes"),
        ("--uplink", "fast", "fast"),
        ("--uplink", "0 Mbit/s", "lets no mail through"),
        ("--uplink", "1 Mbit/s}\nx: {", "Mbit/s"),
        ("--cores", "many", "'many' is not a number of processor cores"),
    ],
)
def test_an_option_that_does_not_fit_is_named(
    option: str, wrong: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what would do, before a file is written; nothing of it gets into the text of a scenario."""
    given = {"--domain": "acme.com", "--onprem": "3", "--hosted": "2", "--uplink": "1 Mbit/s", "--cores": "2"}
    words = [word for pair in (given | {option: wrong}).items() for word in pair]

    assert run(["init", "article", *words, "--out", str(tmp_path / "mine.yaml")]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"{option}: ")
    assert said in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("init", "article"), ("check",), ("fit",), ("import", "dns")])
def test_a_name_that_no_file_can_have_is_bad_usage(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """300 characters are more than file systems take: told with exit code 2, and not as our bug."""
    given = (
        ["--domain", "acme.com", "--onprem", "3", "--hosted", "2", "--uplink", "1 Mbit/s"] if words[0] == "init" else []
    )
    name = "x" * 300 + ".yaml"

    assert run([*words, *given, *(["--out", name] if words[0] == "init" else [name])]) == 2
    assert name in capsys.readouterr().err


def test_what_does_not_fit_is_said() -> None:
    """A kind that there is not, a domain that is none."""
    with pytest.raises(UsageError, match="did you mean 'article'"):
        scenario_text("artcle", "acme.com", 1, 1, "1 Mbit/s")
    with pytest.raises(ScenarioError, match="domain"):
        scenario_text("article", "acme", 1, 1, "1 Mbit/s")
    with pytest.raises(ScenarioError, match="bandwidth"):
        scenario_text("article", "acme.com", 1, 1, "fast")


def test_init_writes_a_file_and_its_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written over; what is not given is asked for on a terminal only."""
    file = tmp_path / "mine.yaml"
    words = [
        "init",
        "article",
        "--domain",
        "acme.com",
        "--onprem",
        "3",
        "--hosted",
        "2",
        "--uplink",
        "1 Mbit/s",
        "--out",
        str(file),
    ]

    assert run(words) == 0
    assert file.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=coexsim.schema.json\n")
    assert (tmp_path / "coexsim.schema.json").exists()
    assert run(["check", str(file)]) == 0
    assert run(words) == 2
    assert "is there already" in capsys.readouterr().err
    assert run(["init", "article", "--out", str(tmp_path / "other.yaml")]) == 2
    assert "needs --domain" in capsys.readouterr().err


ASKED = {
    "Set-up [article]:": "google-spilt\n4\n",
    "Mail domain [corporate.com]:": "acme\nacme.com\n",
    "Mailboxes on-premises [500]:": "many\n30\n",
    "Mailboxes at the hosted service [500]:": "\n",
    "The office's line [100 Mbit/s]:": "20\n20 Mbit/s\n",
    "Processor cores of the server on-premises [4]:": "0\n8\n",
}


def terminal(folder: Path, *words: str) -> Terminal:
    """`coexsim init` as a person starts it."""
    environment = {**os.environ, "PYTHONPATH": str(Path(coexsim.__file__).parents[1]), "TERM": "dumb", "COLUMNS": "200"}
    return Terminal([sys.executable, "-m", "coexsim", "init", *words], environment, folder)


def test_on_a_terminal_it_asks_until_the_answer_is_one(tmp_path: Path) -> None:
    """For what is not given, in turn; what is no answer is said with what would be one, and asked again; then the scenario is there."""
    person = terminal(tmp_path)
    said = ""
    for question, answers in ASKED.items():
        said += person.shows(question)
        person.type(answers)
    said += person.shows("")
    assert person.close() == 0, said

    assert "3  exchange-hybrid-centralised" in said
    assert "'google-spilt' is none of them; did you mean 'google-split'?" in said
    assert "'acme' is not a mail domain" in said
    assert "'many' is not a number of mailboxes" in said
    assert "20 Mbit/s" in (tmp_path / "scenario.yaml").read_text(encoding="utf-8")
    scenario = load_scenario(tmp_path / "scenario.yaml")
    assert (scenario.domain, scenario.directory.population) == ("acme.com", {"onprem": 30, "hosted": 500})


def test_ctrl_c_at_a_question_writes_nothing(tmp_path: Path) -> None:
    """Exit code 130, as everywhere; and what cannot be done is said before anything is asked."""
    person = terminal(tmp_path, "article")
    person.shows("[corporate.com]: ")  # the space comes where Python begins to read: a signal before it is seen later
    time.sleep(0.2)
    person.type("\x03")
    assert "stopped" in person.shows("")
    assert person.close() == 130
    assert list(tmp_path.iterdir()) == []
    person = terminal(tmp_path, "artcle")
    assert "did you mean 'article'" in person.shows("")
    assert person.close() == 2


@pytest.mark.parametrize(
    ("written", "up", "down"),
    [
        ("100 Mbit/s", "100 Mbit/s", "100 Mbit/s"), ("20/10 Mbit/s", "10 Mbit/s", "20 Mbit/s"),
        ("1 Gbit/s / 100 Mbit/s", "100 Mbit/s", "1 Gbit/s"), ("{up: 10 Mbit/s, down: 20 Mbit/s}", "10 Mbit/s", "20 Mbit/s"),
        ("20 Mbit/s down, 10 Mbit/s up", "10 Mbit/s", "20 Mbit/s"), ("10 Mbit/s up and 20 Mbit/s down", "10 Mbit/s", "20 Mbit/s"),
        ("Upload 2.5 Mbit/s, download 50 Mbit/s", "2.5 Mbit/s", "50 Mbit/s"),
    ],
)  # fmt: skip
def test_a_line_may_have_two_bandwidths(
    written: str, up: str, down: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As providers write it, down first, or with the words; in the scenario each direction has its own."""
    file = tmp_path / "mine.yaml"
    given = ["--domain", "acme.com", "--onprem", "3", "--hosted", "2", "--out", str(file)]
    assert run(["init", "article", *given, "--uplink", written]) == 0
    line = load_scenario(file).uplinks["office"]
    assert (line.up, line.down) == (bandwidth_bytes_per_s(up), bandwidth_bytes_per_s(down))


@pytest.mark.parametrize(
    "written", ["20 Mbit/s up, 10 Mbit/s up", "20 Mbit/s up / 10 Mbit/s", "20/10", "20/10/5 Mbit/s", "0/5 Mbit/s"]
)
def test_a_line_of_which_not_all_is_said(written: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and how to write it."""
    given = ["--domain", "acme.com", "--onprem", "3", "--hosted", "2", "--out", str(tmp_path / "mine.yaml")]
    assert run(["init", "article", *given, "--uplink", written]) == 2
    assert "Mbit/s" in capsys.readouterr().err
