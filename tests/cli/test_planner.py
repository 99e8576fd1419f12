"""A planner's four questions, each by one command on a scenario that init wrote: terminal, page and JSON say the same.

3,000 mailboxes, 500 of them hosted, all Internet mail over the on-premises Exchange server, one office line of 10 Mbit/s, mail up to
35 MB. Half an hour of the hour asked for is run, Monday from 9 on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from xml.etree import ElementTree

import pytest

from coexsim.cli import run

ASKED = """\
coexsim: 1
extends: scenario.yaml
load: {profile: office-worker, sizes: {limit: 35 MB}}
run: {start: Mon 08:50, length: 40 min, measure: 10 min - 40 min}
objectives: [utilisation(office-uplink) < 70 %, utilisation(onprem.cores) < 70 %]
size:
  server: onprem
  candidates: [{name: two cores, cores: 2, cost: 1}, {name: four cores, cores: 4, cost: 2}]
"""


COSTLY = (
    "coexsim.cli.runs.Runs.results", "coexsim.analysis.outage_answer.follow", "coexsim.analysis.outlook.outlook",
    "coexsim.analysis.sizing.size",
)  # fmt: skip


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long is done for the first form of an answer, and kept for the second."""
    for name in COSTLY:
        monkeypatch.setattr(name, _kept(resolve_name(name)))


def _kept(function: Callable[..., Any]) -> Callable[..., Any]:
    kept: list[Any] = []

    def called(*args: Any, **kwargs: Any) -> Any:
        if not kept:
            kept.append(function(*args, **kwargs))
        return kept[0]

    return called


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scenario that init wrote, and one that adds the office's line, the largest mail and the question."""
    folder = tmp_path_factory.mktemp("planner")
    people = ["--domain", "corp.example", "--onprem", "2500", "--hosted", "500", "--uplink", "10 Mbit/s"]
    assert run(["init", "exchange-hybrid-centralised", *people, "--out", str(folder / "scenario.yaml"), "--quiet"]) == 0
    (folder / "asked.yaml").write_text(ASKED, encoding="utf-8")
    return folder


def as_read(text: str) -> str:
    """What one reads in a part of a page: figures stand beside their units with a blank at which no line ends."""
    return unescape(text).replace("\u00a0", " ")


class Told:
    """What one question was answered with: the lines of the terminal, the page's sentences, the JSON, the exit codes."""

    def __init__(self, folder: Path, words: list[str], capsys: pytest.CaptureFixture[str], name: str) -> None:
        capsys.readouterr()
        out = folder / name
        asked = [words[0], str(folder / "asked.yaml"), *words[1:], "--jobs", "1", "--out", str(out)]
        codes = [run([*asked, "--no-pictures", "--quiet"])]
        self.terminal = capsys.readouterr().out.splitlines()
        codes.append(run([*asked, "--json"]))
        self.json: dict[str, Any] = json.loads(capsys.readouterr().out)
        section = re.search(
            r'<section id="answer".*?</section>', (out / "report.html").read_text(encoding="utf-8"), re.DOTALL
        )
        assert section is not None
        self.page = [as_read(text) for text in re.findall(r"<p>(.*?)</p>", section[0])]
        assert unescape(section[0]).count("Not counted: reading mail (Outlook, browsers, phones)") == 1
        assert "Not counted: reading mail (Outlook, browsers, phones)" in self.json["scope"]
        assert codes[0] == codes[1] == self.json["exit_code"]

    def assert_same(self) -> None:
        """The same sentences, in the same order; the shortest answer, too, ends with what is not counted."""
        scope = self.terminal.pop()
        assert scope.startswith("Not counted: reading mail")
        assert self.json["scope"].endswith(scope)
        assert " ".join(self.terminal) == " ".join(self.page) == self.json["answer"]


def test_a_will_the_uplink_hold_and_until_when(planner: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With 2,000 hosted from June on. Nothing in the answer contradicts: today is met by as many runs as the outlook rests on.

    By hand: the office sends and takes 4.2 messages/s of 75 KB at most over the line in that hour, a tenth to a fifth of 10 Mbit/s a
    way; people who move bring more of it, and not seven times as much.
    """
    words = ["run", "--growth", "8%/year", "--plan", "2027-06-01=66.7%", "--from", "2027-01-04", "--years", "0.5"]
    told = Told(planner, [*words, "--replications", "2", "--no-round-trip"], capsys, "uplink")

    told.assert_same()
    assert told.terminal[0].startswith(
        "From January 2027 on, at 8 % a year, with 66.7 % from June 2027 hosted, it is shown to hold until"
    )
    assert "utilisation(office-uplink) < 70 %: " in told.terminal[0]
    assert re.match(
        r"With the load of January 2027 both objectives are met: utilisation\(office-uplink\) < 70 %: \S+ % \(",
        told.terminal[1],
    )
    looks = told.json["outlook"]["looks"]
    assert looks[0]["answer"] == "met"
    days = re.search(
        r'<section id="outlook">.*?</section>',
        (planner / "uplink" / "report.html").read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert days is not None
    cells = [as_read(text) for text in re.findall(r"<td[^>]*>(.*?)</td>", days[0])]
    assert [(cells[i], cells[i + 3], cells[i + 4]) for i in range(0, len(cells), 5)] == [
        (look["day"], look["answer"], look["figures"]) for look in looks
    ]
    [line] = [each for each in told.json["verdicts"] if "uplink" in each["objective"]]
    assert 0.03 < line["estimate"] < 0.25


def test_b_four_hours_without_wan(planner: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All four, on Tuesday at 10, though the scenario's run is of Monday: how long until all is normal, how much disk, which limit.

    By hand: 3,000 people's mail of four hours, some 7,500 messages an hour over the line, waits at both its ends; what was handed in
    first waits longest, four hours and what the queues take to empty.
    """
    told = Told(planner, ["outage", "--server", "office-uplink", "--at", "Tue 10:00", "--for", "4h"], capsys, "wan")

    told.assert_same()
    found = re.match(
        r"Normal again Tue 1[4-6]:\d\d, (\d+) min after the return(?:; the last late mail arrives Tue 1[4-6]:\d\d)?; "
        r"the longest wait (\S+) h; (\S+) GB of queue disk at onprem",
        told.terminal[0],
    )
    assert found is not None, told.terminal[0]
    assert 10 < float(found[1]) < 90
    assert 4.0 < float(found[2]) < 4.0 + 90 / 60
    assert 0.5 < float(found[3]) < 5
    assert "nothing expired" in told.terminal[0]
    assert "limit" in told.terminal[1]
    assert told.json["outage"]["changes"], "what other limits would change"


def test_c_which_server_and_at_what_growth(planner: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two cores or four: the cheapest that holds, its headroom, and until when."""
    told = Told(planner, ["size", "--growth", "8%/year", "--from", "2027-01-04", "--replications", "2"], capsys, "size")

    told.assert_same()
    assert re.match(
        r"The cheapest machine with which onprem meets both objectives from Mon 09:00 to 09:30 and with up to \S+ times that load "
        r"is (two|four) cores \(cost [12]\): utilisation\(office-uplink\) < 70 %; utilisation\(onprem.cores\) < 70 %",
        told.terminal[0],
    )
    assert any("From January 2027 on, at 8 % a year, it" in line for line in told.terminal)
    has = {each["of"]: (each["value"], each["unit"]) for each in told.json["figures"] if each["name"] == "has"}
    assert has["office-uplink up"] == (10e6, "bit/s"), "as the scenario says it"


def test_d_the_guard_of_ci(planner: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Check holds as init wrote it; after the relay of hosted mail is taken away it fails, says so in every form, and exits with 1."""
    assert run(["check", str(planner / "asked.yaml"), "--quiet"]) == 0
    capsys.readouterr()
    text = (planner / "scenario.yaml").read_text(encoding="utf-8")
    (planner / "broken.yaml").write_text(
        text.replace("relay_for: [hosted-out, hosted-in]", "relay_for: [hosted-in]"), encoding="utf-8"
    )
    assert run(["check", str(planner / "broken.yaml")]) == 1
    said = capsys.readouterr().out.splitlines()
    assert run(["check", str(planner / "broken.yaml"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert said[-1].startswith(found["answer"])
    assert any("failed" in line for line in said)
    report = planner / "routes.xml"
    assert run(["check", str(planner / "broken.yaml"), "--junit", str(report), "--out", str(planner / "guard")]) == 1
    failed = sum(int(number) for number in re.findall(r"(\d+) (?:failed|error)", found["answer"]))
    assert len(ElementTree.parse(report).findall(".//failure")) == failed > 0
    page = unescape((planner / "guard" / "report.html").read_text(encoding="utf-8"))
    assert found["answer"] in page
