"""What a notebook shows of an answer: small, in the reader's theme, with names as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from coexsim.analysis.outage_answer import Outage
from coexsim.analysis.sized import Sizing, Tried
from coexsim.audit.check import check
from coexsim.cards import MOST_ROWS, card
from coexsim.mail.trace import trace
from coexsim.scenario.load import changed, load_scenario
from coexsim.scenario.model import Candidate
from tests.analysis.small import small
from tests.experiment.made_up import made_up
from tests.report.test_html import EVIL, a_run


class Words(HTMLParser):
    """The words of a piece of HTML, and its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def words(shown: object) -> str:
    """What a notebook shows of it; without script, picture or colour of paper."""
    text: str = shown._repr_html_()  # type: ignore[attr-defined]
    page = Words(text)

    assert set(page.tags) <= {"div", "b", "table", "tr", "th", "td"}
    assert "background:#" not in text
    assert len(text) < 20_000
    return " ".join(" ".join(page.words).split())


def test_a_scenario_is_a_card() -> None:
    """Who is where, the servers, the objectives; a title with markup stays text."""
    scenario = changed(small("p95(delay) < 60 s"), {"title": EVIL})

    assert EVIL in words(scenario)
    assert "80 onprem, 120 hosted mailboxes" in words(scenario)
    assert "inotes-outbound hosted-outbound hosted" in words(scenario)
    assert repr(small("p95(delay) < 60 s")) == "<Scenario small: 5 servers, 1 objective>"


def test_a_route_is_a_card() -> None:
    """Each server with its rule and reason."""
    route = trace(load_scenario("scenarios/article/flows.yaml"), "iUser1", "iUser2")

    assert "onprem person-without-mail-file" in words(route)
    assert repr(route).endswith("inotes-outbound > onprem > smart-host > inotes-inbound: delivered>")


def test_a_message_that_nobody_takes_leaves_no_hole() -> None:
    """A sender that no server lets in: the route has no server."""
    route = trace(load_scenario("scenarios/article/flows.yaml"), "iUser1", "iUser2", server="inotes-inbound")

    assert ": :" not in repr(route)


def test_a_check_is_a_card() -> None:
    """How many held, and what was found where."""
    report = check(load_scenario("scenarios/article/as-printed.yaml"))

    assert repr(report) == "<CheckReport scenarios/article/as-printed.yaml: 2 held, 0 failed>"
    broken = check(load_scenario("scenarios/article/flows.yaml"))
    assert "held, 0 failed" in words(broken)
    assert len(broken.open("note")) == words(broken).count("note scenarios")


def test_results_are_a_card() -> None:
    """Flows with what became of them; of no mail at all as well."""
    assert "hosted → hosted 100 100 50 s 95 s" in words(a_run())
    assert repr(a_run()) == "<Results: 1 replication; 100 recipients, 100 delivered>"
    assert "0 recipients" in words(made_up())


def test_a_comparison_is_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same against itself."""
    from tests.analysis.test_compare import compared

    said = words(compared(monkeypatch, 5.0, 0.1))
    assert re.search(
        r"B differs from A: 95 % of hosted → hosted mail arrives within \S+ s in B, \S+ s in A: (4\.9|5)\S* s \([^;]+\) later; "
        r"4 of 11 figures differ \(of delays 4 of 4\)\.",
        said,
    ), said
    assert (
        repr(compared(monkeypatch, 0.0, 0.0))
        == "<Comparison: No difference is shown between A and B: every figure is the same.>"
    )


def test_a_sizing_is_a_card() -> None:
    """The answer in words, with what the next smaller machine would miss."""
    machines = [Candidate.from_data({"name": f"{cores} cores", "cost": cores, "cores": cores}) for cores in (8, 12)]
    tried = (
        Tried(machines[0], "fails", "utilisation(onprem.cores) < 70 %: 98 %", {}),
        Tried(machines[1], "holds", "", {}),
    )
    found = Sizing("onprem", (), tried, machines[1], None)

    assert found.finding == (
        "The cheapest machine with which onprem meets what is asked is 12 cores; 8 cores would miss "
        "utilisation(onprem.cores) < 70 %: 98 %"
    )
    assert found.headline == (
        "The cheapest machine with which onprem meets what is asked is 12 cores (cost 12); 8 cores would miss "
        "utilisation(onprem.cores) < 70 %: 98 %"
    )
    assert "8 cores fails" in words(found)
    assert Sizing("onprem", (), tried[:1], None, None).finding == "None of the machines is enough for onprem"


def test_an_outage_is_a_card() -> None:
    """Its headline."""
    from coexsim.analysis.outage import outage_facts

    scenario = small()
    results = made_up([1.0] * 9, minutes=120, timeline={("onprem", "queue"): {"backlog": 0}})
    found = Outage(scenario, results, (outage_facts(results, scenario, scenario.events[0]),))

    assert words(found).startswith("Normal again at once, Mon 10:30;")
    assert repr(found).startswith("<Outage: Normal again at once")


def test_long_tables_are_cut_and_say_so() -> None:
    """Twenty rows."""
    assert f"and {20 - MOST_ROWS} more rows" in card("title", [], ["n"], [[str(n)] for n in range(20)])
