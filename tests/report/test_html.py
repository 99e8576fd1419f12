"""The page of a run: it has all its parts, needs nothing else, and takes no name for markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from coexsim.analysis.outage import outage_facts
from coexsim.analysis.outage_answer import Outage
from coexsim.analysis.outage_limits import LimitChange
from coexsim.experiment.own import NOTES
from coexsim.experiment.results import Results
from coexsim.report import outage_words
from coexsim.report.headings import page_head
from coexsim.report.html import write_report
from coexsim.report.words import say_limit
from coexsim.scenario.assumptions import assumptions
from coexsim.scenario.load import changed, load_scenario
from tests.analysis.small import small
from tests.experiment.made_up import made_up
from tests.report.made_up_price import made_up_price

ROOT = Path(__file__).parents[2]
SECTIONS = [
    "asked",
    "answer",
    "objectives",
    "delay",
    "servers",
    "round-trip",
    "outcomes",
    "set-up",
    "assumptions",
    "columns",
    "provenance",
]
EVIL = "<script>alert('x')</script> & sons"


class Page(HTMLParser):
    """What a page has: sections in order, addresses that it asks for, tags left open, and its words."""

    VOID = ("meta", "img", "br", "link", "input", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.head = ""
        whole = text.replace('<span class="w">-&gt;</span>', "-&gt;")
        self.feed(whole.replace("<wbr>", ""))  # where a word may be broken, and where not

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if tag == "section" and name == "id":
                self.sections.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "srcset", "action", "data"):
                self.addresses.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["h1"]:
            self.head += data
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def a_run() -> Results:
    """An hour of a hundred delays, with a queue and a busy server."""
    return made_up(
        np.arange(1.0, 101.0),
        stages=[{"server": "onprem", "stage": "cores", "workers": 4.0, "p95_wait_s": 2.5}],
        timeline={("onprem", "cores"): {"busy": 3.0, "arrivals": 1}, ("onprem", "queue"): {"backlog": 3}},
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    scenario = small("p95(delay, hosted->hosted) < 60 s", "utilisation(onprem.cores) < 90 %")
    folder = tmp_path_factory.mktemp("page")
    return Page(write_report(a_run(), scenario, folder, trip=made_up_price()).read_text(encoding="utf-8"))


def test_page_has_its_parts_with_the_answer_before_the_evidence(page: Page) -> None:
    """What was asked, the answer, then the rest; every tag is closed."""
    assert page.sections == SECTIONS
    assert page.open == []
    assert "1 of 2 objectives is met; missed: p95(delay, hosted->hosted) < 60 s: " in page.text
    assert page.head.startswith("1 of 2 objectives is met"), "the finding, not the scenario's title"
    assert (
        "onprem, with 4 processor cores, comes nearest to its limit: 75 % busy in the hour from Mon 09:00." in page.text
    )


def test_page_needs_nothing_else(page: Page) -> None:
    """All it shows is in it: pictures as vectors, no script, nothing from the network, and the browser is told so."""
    assert page.tags.count("svg") == 5
    assert all(address.startswith("#") for address in page.addresses)
    assert not {"script", "link", "iframe", "img"} & set(page.tags)


def test_pictures_do_not_share_their_marks(page: Page) -> None:
    """Five pictures on one page: what one defines no other refers to."""
    assert len(page.ids) == len(set(page.ids))
    assert {address.removeprefix("#") for address in page.addresses} <= set(page.ids)


def test_pictures_follow_the_theme(tmp_path: Path) -> None:
    """Ink and paper are the page's own; text stays text, so that it can be searched and read aloud."""
    text = write_report(a_run(), small(), tmp_path).read_text(encoding="utf-8")

    assert "var(--ink)" in text
    assert "#222222" not in text.split("</style>", 1)[1]
    assert re.search(r"<text[^>]*>processor cores", text)


def test_headings_say_the_finding(page: Page) -> None:
    """With its figure, and where it is."""
    assert "onprem's processor cores are 75 % in use in the busiest hour, from Mon 09:00" in page.text
    assert "95 % of hosted → hosted (round trip) mail arrives within 95 s" in page.text
    assert "In the whole run at most 3 messages (0 B) wait at onprem, at Mon 09:01" in page.text
    assert "Not counted: reading mail" in page.text


def test_the_page_of_an_outage_has_what_the_terminal_says(tmp_path: Path) -> None:
    """Its span, each queue that grew, warnings and burst, other limits, and the command that asked, which is not run."""
    scenario = small()
    results = made_up([1.0] * 9, minutes=120, timeline={("onprem", "queue"): {"backlog": 3}})
    facts = outage_facts(results, scenario, scenario.events[0])
    tried = LimitChange("a retry interval of 5 min at onprem", {}, 120.0, 2e6)
    outage = Outage(scenario, results, (facts,), changes=(tried,))
    again = "coexsim outage small.yaml --server inotes-inbound --at 10:00 --for 30min"
    text = " ".join(
        Page(write_report(results, scenario, tmp_path, outage=outage, again=again).read_text("utf-8")).text.split()
    )

    assert outage_words.say_hours(outage) in text
    for line in outage_words.more_facts(outage):
        assert line in text
    for row in (*outage_words.queue_rows(outage), *outage_words.change_rows(outage)):
        assert " ".join(row) in text
    assert (
        "a retry interval of 5 min at onprem 2 min 2 MB" in text
        or "a retry interval of 5 min at onprem 120 s 2 MB" in text
    )
    assert f"The same again {again} --seed" in text


def test_the_page_of_an_outage_without_an_end(tmp_path: Path) -> None:
    """What is down to the end of the run returns at no time: it is said so."""
    scenario = changed(small(), {"events": [{"at": "Mon 10:00", "down": "inotes-inbound"}]})
    results = made_up([1.0] * 9, minutes=120, timeline={("onprem", "queue"): {"backlog": 3}})
    outage = Outage(scenario, results, (outage_facts(results, scenario, scenario.events[0]),))
    text = Page(write_report(results, scenario, tmp_path, outage=outage).read_text("utf-8")).text

    assert "inotes-inbound down from Mon 10:00 to the end" in text


def test_columns_of_the_tables_are_told_with_their_unit(page: Page) -> None:
    """Of each table that lies beside the page: what a row is, and every column that it has, with unit and meaning."""
    assert "mail : one row for each" in page.text
    assert "delay_s s from birth to its end" in page.text
    assert page.tags.count("details") == len(a_run().tables)


def test_pictures_lie_beside_the_page(tmp_path: Path) -> None:
    """The same pictures as files for a slide."""
    write_report(a_run(), small(), tmp_path, trip=made_up_price())

    names = [
        NOTES,
        "backlog.png",
        "delay-by-flow.png",
        "report.html",
        "round-trip.png",
        "topology.png",
        "utilisation.png",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_names_are_escaped(tmp_path: Path) -> None:
    """A title with markup in it is shown as it is written."""
    scenario = changed(small(), {"title": EVIL})
    text = write_report(a_run(), scenario, tmp_path).read_text(encoding="utf-8")

    assert "<script" not in text
    assert EVIL in Page(text).text


def test_same_results_same_bytes(tmp_path: Path) -> None:
    """The page has no time stamp."""
    one, other = (write_report(a_run(), small(), tmp_path / name).read_bytes() for name in ("one", "other"))

    assert one == other


def test_page_of_no_mail_at_all(tmp_path: Path) -> None:
    """A run in which nothing happened has a page that says so."""
    text = Page(write_report(made_up(), small("p95(delay) < 60 s"), tmp_path).read_text(encoding="utf-8")).text

    assert "Nothing was delivered in the measured window." in text
    assert "cannot say" in text


def test_mail_to_nobody_is_told_apart_from_mail_that_is_missed(tmp_path: Path) -> None:
    """Of four recipients two exist, and one of them got it; the other two had no valid address."""
    results = made_up(
        [1.0, 1.0, 1.0, 1.0],
        flow=["hosted->hosted", "hosted->hosted", "internet->unknown", "internet->unknown"],
        outcome=["delivered", "bounced", "bounced", "bounced"],
    )
    text = Page(write_report(results, small(), tmp_path).read_text(encoding="utf-8")).text

    assert "Of 2 recipients 1 got their mail, 1 bounced; besides, 2 recipients had no valid address." in text


def test_assumptions_have_their_value_and_source(tmp_path: Path) -> None:
    """Figures of the scenario and of its load profile, as written; those from memory are counted and marked."""
    scenario = load_scenario(ROOT / "scenarios" / "load" / "corporate-20k.yaml")
    given = {each.path: each for each in assumptions(scenario)}
    text = write_report(a_run(), scenario, tmp_path).read_text(encoding="utf-8")

    assert given["servers.onprem.max_message_size"].value == "25 MB"
    assert given["load.sent_per_mailbox"].value == "34/day"
    assert given["load.day_curve"].value == "24 values"
    assert all(each.value for each in given.values())
    assert given["links.round_trip"].is_from_memory
    assert text.count('<tr class="memory">') == sum(each.is_from_memory for each in given.values()) > 0
    assert re.search(r"coexsim run \S*corporate-20k\.yaml --seed 1", text)


def test_limits_are_said_as_people_do() -> None:
    """One core is no cores."""
    assert say_limit({"limit": 1, "stage": "cores"}) == "1 processor core"
    assert say_limit({"limit": 1200, "stage": "connections"}) == "1,200 SMTP connections"
    assert say_limit({"limit": None, "stage": "link"}) == "bandwidth"


def test_the_head_of_a_page_is_its_finding() -> None:
    """The first sentence whole, or of a long one what stands before its details; where there is no answer something else."""
    long = "Normal again Tue 14:48, 48 min after the return; the longest wait 4.77 h; 1.66 GB of queue disk at onprem; nothing expired."

    assert (
        page_head(["Both objectives are met: a < 1: 0.5; b < 2: 1.", "More."], "")
        == "Both objectives are met: a < 1: 0.5; b < 2: 1"
    )
    assert page_head([long], "") == "Normal again Tue 14:48, 48 min after the return"
    assert page_head(["Met: " + "x" * 120], "") == "Met"
    unsure = f"It is shown to hold until May{' and so on' * 8}, and to break by July (between we cannot say)"
    assert page_head([f"{unsure}: 5 of 7."], "") == unsure.removesuffix(" (between we cannot say)")
    assert page_head(["Cannot say whether: a: " + "1" * 50 + "; b: " + "2" * 60], "") == "Cannot say whether", (
        "no half of a list"
    )
    assert page_head([], "mine.yaml") == "mine.yaml"
