"""The what-if page in Debian's Chromium: sliders are moved, and what is shown is compared with the tables."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from coexsim.analysis.peak import peak_of
from coexsim.report.explore.exploring import Exploration, explore
from coexsim.units import say_between, say_duration
from tests.report.browser import CHROMIUM, CONTRAST, DRIVER, chromium, shown
from tests.report.test_explore import EVIL, GRID, hundred

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on this machine")
MOVE = """
const input = document.getElementById(arguments[0]);
input.value = arguments[1];
input.dispatchEvent(new Event("input", {bubbles: true}));
"""
CELLS = """
const found = {};
for (const row of document.querySelectorAll("#" + arguments[0] + " tr"))
  found[row.dataset.of] = [...row.cells].map(cell => cell.textContent);
return found;
"""
MACHINE = "=four <cores>"


@pytest.fixture(scope="module")
def found() -> Exploration:
    return explore(hundred(), GRID | {"machine": ["one core", MACHINE]}, replications=2, jobs=1)


@pytest.fixture(scope="module")
def page(found: Exploration, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return found.write(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile"), downloads) as driver:
        yield driver


def move(browser: Chrome, *places: float) -> None:
    """Each slider or choice to a place of its axis."""
    for number, place in enumerate(places):
        browser.execute_script(MOVE, f"axis-{number}", place)


def cells(browser: Chrome, table: str) -> dict[str, list[str]]:
    """The words of a table's cells; blanks at which no line ends are read as blanks."""
    rows: dict[str, list[str]] = browser.execute_script(CELLS, table)
    return {name: [cell.replace("\u00a0", " ") for cell in row] for name, row in rows.items()}


def rows_of(found: Exploration, hosted: str, growth: float, machine: str) -> Any:
    """The table's rows of one point, by what and of."""
    table = found.table
    here = table[(table["hosted_share"] == hosted) & (table["growth"] == growth) & (table["machine"] == machine)]
    assert len(here)
    return here.set_index(["what", "of"])


@pytest.mark.parametrize(("width", "theme"), list(product((1200, 400), ("light", "dark"))))
def test_page_fits_reads_and_is_silent(browser: Chrome, page: Path, width: int, theme: str) -> None:
    """No console message (so no breach of the policy), no horizontal scroll, contrast of 4.5 at least; markup in a name stays text."""
    driver = shown(browser, page, width, theme)

    assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    controls = "const box = document.getElementById('controls'); return box.scrollWidth - box.clientWidth"
    assert driver.execute_script(controls) == 0, "no scroll bar under the sliders"
    assert driver.execute_script(CONTRAST) == []
    assert driver.title == f"{EVIL}: what if"
    assert driver.execute_script("return document.querySelectorAll('b').length") == 0


def test_the_first_paint_waits_for_nothing(browser: Chrome, page: Path) -> None:
    """The scripts are the last of the page and are in it: nothing is loaded; without any script heading and sections are there."""
    driver = shown(browser, page, 1200, "light")
    kinds = "return [...document.body.children].slice(-2).map(e => e.tagName + (e.src || ''))"
    assert driver.execute_script(kinds) == ["SCRIPT", "SCRIPT"]
    assert driver.execute_script("return document.head.querySelectorAll('script, link').length") == 0
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
    names = "return performance.getEntriesByType('paint').map(e => e.name)"
    deadline = time.monotonic() + 30
    while "first-contentful-paint" not in driver.execute_script(names) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "first-contentful-paint" in driver.execute_script(names)
    assert driver.execute_script("return document.getElementById('headline').textContent")

    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        shown(driver, page, 1200, "light")
        text = driver.find_element("tag name", "body").text
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert "This page needs its script" in text
    assert "How long mail takes" in text


def test_a_figure_that_is_nowhere_measured_is_said_and_not_drawn(browser: Chrome, tmp_path: Path) -> None:
    """With nobody hosted there is no mail between hosted users, whatever the growth: no line of no points, which the console tells."""
    nobody = explore(hundred(), {"growth": [1, 3], "hosted_share": "0%, 60%"}, replications=1, jobs=1)
    driver = shown(browser, nobody.write(tmp_path / "page"), 1200, "light")
    text = "return document.getElementById('curve').textContent"

    move(driver, 0, 1)
    assert "nothing was measured" not in driver.execute_script(text)
    move(driver, 0, 0)
    assert "nothing was measured at these values" in driver.execute_script(text)
    assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_ticks_are_round(browser: Chrome, page: Path) -> None:
    """Of an axis to 8.6 %, to 47 s and to 3: steps of 2 %, 10 s and 1."""
    driver = shown(browser, page, 1200, "light")
    found = driver.execute_script("return [.086, 47, 3.2].map(top => roundSteps(top))")
    assert found == [pytest.approx([0, 0.02, 0.04, 0.06, 0.08]), [0, 10, 20, 30, 40], [0, 1, 2, 3]]


def test_what_is_shown_at_every_point_is_in_the_tables(browser: Chrome, page: Path, found: Exploration) -> None:
    """Sliders and machine are moved to all twelve points: verdicts, delays, busy shares, edges and queues are those computed there."""
    driver = shown(browser, page, 1200, "light")
    for (i, hosted), (j, growth), (k, machine) in product(*(enumerate(axis.values) for axis in found.axes)):
        move(driver, i, j, k)
        known = rows_of(found, str(hosted), float(str(growth)), str(machine))
        assert driver.execute_script("return document.getElementById('basis').textContent").startswith(
            "Computed: 2 runs"
        )
        for text, (_, answer, figure, _) in cells(driver, "verdicts").items():
            row = known.loc[("objective", text)]
            assert answer == row["answer"]
            if row["unit"] == "s" and row["value"] == row["value"]:
                assert figure.startswith(say_duration(row["value"]))
        delays = cells(driver, "delays")
        assert set(delays) == set(known.loc["p95 delay"].index)
        for flow, said in delays.items():
            row = known.loc[("p95 delay", flow)]
            assert said[4] == f"{say_duration(row['value'])} ({say_between(row['low'], row['high'], say_duration)})"
        limits = cells(driver, "limits")
        assert {of: said[1] for of, said in limits.items()} == {
            of: f"{100 * value:.1f} %"
            for of, value in known.loc[f"busy in the {peak_of(found.scenario)}"]["value"].items()
        }
        edges = cells(driver, "edges")
        for of, value in known.loc["messages an hour"]["value"].items():
            assert not value or float(edges[of][2].replace(",", "")) == pytest.approx(value, abs=0.5)


def test_between_points_figures_are_interpolated_and_said_so(browser: Chrome, page: Path, found: Exploration) -> None:
    """Half way between 20 and 60 % hosted: a busy share is their mean, a delay their geometric mean; verdicts that differ: cannot say."""
    driver = shown(browser, page, 1200, "light")
    move(driver, 0.5, 0, 1)
    one, other = (rows_of(found, hosted, 1, MACHINE) for hosted in ("20%", "60%"))
    busy, delay = (f"busy in the {peak_of(found.scenario)}", "onprem: processor cores"), ("p95 delay", "hosted->hosted")

    assert driver.execute_script("return document.getElementById('basis').textContent").startswith(
        "Interpolated, not computed"
    )
    expected = (one.loc[busy]["value"] + other.loc[busy]["value"]) / 2
    assert cells(driver, "limits")[busy[1]][1] == f"{100 * expected:.1f} %"
    middle = (one.loc[delay]["value"] * other.loc[delay]["value"]) ** 0.5
    low, high = (
        min(one.loc[delay]["low"], other.loc[delay]["low"]),
        max(one.loc[delay]["high"], other.loc[delay]["high"]),
    )
    assert cells(driver, "delays")[delay[1]][4] == f"{say_duration(middle)} ({say_between(low, high, say_duration)})"
    for text, said in cells(driver, "verdicts").items():
        answers = {each.loc[("objective", text)]["answer"] for each in (one, other)}
        assert said[1] == (answers.pop() if len(answers) == 1 else "cannot say")


def test_an_interval_without_an_upper_end_is_told_by_its_lower(browser: Chrome, page: Path) -> None:
    """``at least 928 ms``; "to never" would be a duration that nobody has."""
    driver = shown(browser, page, 1200, "light")
    said = "return [sayInterval({low: 0.928, high: Infinity}, 's'), sayInterval({low: 1, high: 2}, 's')]"

    assert driver.execute_script(said) == ["at least 928 ms", "1 s to 2 s"]


def test_the_link_brings_back_the_values(browser: Chrome, page: Path) -> None:
    """What the address says is taken where it can be; what it cannot be is left alone."""
    driver = shown(browser, page, 1200, "light")
    move(driver, 1.5, 1, 0)
    link = driver.execute_script("return document.getElementById('link').getAttribute('href')")
    before = cells(driver, "limits")
    shown(driver, page, 1200, "light")
    driver.get("about:blank")
    shown(driver, page, 1200, "light", link)
    assert "hosted_share=80" in link
    assert cells(driver, "limits") == before
    driver.get("about:blank")
    shown(driver, page, 1200, "light", "#hosted_share=-5&growth=<b>&machine=none&more=1")
    assert driver.execute_script("return state.join()") == "1,0,1"


def test_map_tells_rule_and_reason(browser: Chrome, page: Path) -> None:
    """An arrow is reached by the keyboard; its title and the text below give flows with the rule and why."""
    driver = shown(browser, page, 1200, "light")
    script = """
    const edge = [...document.querySelectorAll(".edge")].find(e => e.getAttribute("aria-label").startsWith("onprem to smart-host"));
    edge.focus();
    return [edge.tabIndex, edge.querySelector("title").textContent, document.getElementById("edge").textContent];
    """
    tab, title, told = driver.execute_script(script)
    assert tab == 0
    assert "person without mail file: Person record for" in title
    assert "hosted → hosted (round trip)" in told


COVERED = """
const boxes = [...document.querySelectorAll("#map rect.paper")].map(each => each.getBBox());
const sites = [...document.querySelectorAll("#map rect.panel")].map(each => each.getBBox());
const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const within = (a, b) => a.x >= b.x && a.y >= b.y && a.x + a.width <= b.x + b.width && a.y + a.height <= b.y + b.height;
const bad = [];
for (const label of document.querySelectorAll("#map rect.halo")) {
  const own = label.getBBox();
  const onEdge = sites.some(site => meet(own, site) && !within(own, site));
  if (onEdge || boxes.some(box => meet(own, box))) bad.push(label.nextSibling.textContent);
}
for (const edge of document.querySelectorAll("#map .edge")) {
  const path = edge.querySelector("path"), length = path.getTotalLength();
  for (let t = .05; t < .96; t += .05) {
    const {x, y} = path.getPointAtLength(t * length);
    if (boxes.some(box => within({x, y, width: 0, height: 0}, box))) { bad.push(edge.getAttribute("aria-label")); break; }
  }
}
return [bad, boxes.length, document.querySelectorAll("#map .edge").length];
"""


def test_arrows_and_numbers_of_the_map_cover_no_server(browser: Chrome, page: Path) -> None:
    """No arrow passes a third server's box, and no number stands on a box or on the edge of a site."""
    covered, servers, edges = shown(browser, page, 1200, "light").execute_script(COVERED)

    assert servers > 2
    assert edges > 2
    assert covered == []


def test_a_sender_and_a_recipient_give_the_trace(browser: Chrome, page: Path) -> None:
    """From hosted to hosted people: the four servers of the round trip in turn, each with its reason."""
    driver = shown(browser, page, 1200, "light")
    script = """
    for (const id of ["sender", "recipient"]) {
      const select = document.getElementById(id);
      select.value = [...select.options].find(o => o.textContent.startsWith("hosted people")).value;
      select.dispatchEvent(new Event("input"));
    }
    return [...document.querySelectorAll("#told p")].map(p => p.textContent);
    """
    told = driver.execute_script(script)
    assert [line.split(":")[0] for line in told[:4]] == [
        "1. inotes-outbound",
        "2. onprem",
        "3. smart-host",
        "4. inotes-inbound",
    ]
    assert told[4] == "delivered"


def test_csv_is_what_is_shown(browser: Chrome, page: Path, found: Exploration, downloads: Path) -> None:
    """Downloaded by a click: a row for every figure, values as in the tables; a name that begins with = is no formula."""
    driver = shown(browser, page, 1200, "light")
    move(driver, 2, 1, 1)
    driver.execute_script("document.getElementById('csv').click()")
    for _ in range(100):
        files = [file for file in downloads.glob("*.csv") if file.stat().st_size]  # it has its name before its bytes
        if files:
            break
        time.sleep(0.1)
    lines = list(csv.DictReader(files[0].read_text(encoding="utf-8").splitlines()))
    known = rows_of(found, "100%", 3, MACHINE)

    assert {line["machine"] for line in lines} == {"'" + MACHINE}
    assert {line["basis"] for line in lines} == {"computed"}
    values = {(line["what"], line["of"]): line["value"] for line in lines if line["value"]}
    for key, value in known["value"].dropna().items():
        assert float(values[key]) == pytest.approx(value, rel=1e-5)
