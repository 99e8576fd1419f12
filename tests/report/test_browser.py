"""The page in Debian's Chromium: nothing wrong on the console, nothing wider than the window, readable in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coexsim.analysis.explain import explain
from coexsim.audit.check import check as check_scenario
from coexsim.audit.diff import diff_routes
from coexsim.mail.trace import trace
from coexsim.report.explain_page import write_explanation
from coexsim.report.html import write_report
from coexsim.report.route_pages import write_check, write_diff, write_trace
from coexsim.scenario.load import changed, load_scenario
from tests.analysis.small import small
from tests.report.browser import CHROMIUM, CONTRAST, DRIVER, chromium, shown
from tests.report.made_up_price import made_up_price
from tests.report.test_html import EVIL, a_run

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on this machine")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scenario = small("p95(delay, hosted->hosted) < 60 s", "utilisation(onprem.cores) < 90 %")
    return write_report(
        a_run(), changed(scenario, {"title": EVIL}), tmp_path_factory.mktemp("page"), trip=made_up_price()
    )


@pytest.mark.parametrize(("width", "theme"), list(product((1200, 400), ("light", "dark"))))
def test_page_fits_reads_and_is_silent(browser: Chrome, page: Path, width: int, theme: str) -> None:
    """No console message, no horizontal scroll, contrast of 4.5 at least, in pictures too; a name with markup stays text."""
    driver = shown(browser, page, width, theme)

    assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert driver.execute_script(CONTRAST) == []
    assert driver.title == EVIL
    hint = driver.execute_script("return getComputedStyle(document.querySelector('.picture'), '::after').content")
    assert ("move it sideways" in hint) == (width == 400)


@pytest.fixture(scope="module")
def plain_pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each verb that needs no run: the round trip and a bounce of the article, a check, a difference, an explanation."""
    article, direct = (
        load_scenario(f"scenarios/{name}.yaml") for name in ("article/environment", "modern/article-direct")
    )
    folder = tmp_path_factory.mktemp("pages")
    size = [("Size", "4.1 KB")]
    round_trip, bounce = (
        trace(article, "iUser1", "iUser2"),
        trace(article, "someuser@otherdomain.com", "nobody@corporate.com"),
    )
    loaded = small("p95(delay) < 60 s", more="load: {streams: [{from: onprem, to: hosted, rate: 6/min}]}\n")
    return {
        "trace": write_trace(round_trip, article, folder / "trace", size, ["delivered"]),
        "bounce": write_trace(bounce, article, folder / "bounce", size, ["bounced"]),
        "check": write_check([check_scenario(article)], folder / "check", "1 file"),
        "diff": write_diff(diff_routes(article, direct), folder / "diff", "4 classes"),
        "explain": write_explanation(explain(loaded), loaded, folder / "explain", "so it is"),
    }


@pytest.mark.parametrize("verb", ["trace", "bounce", "check", "diff", "explain"])
def test_pages_of_rules_fit_and_read(browser: Chrome, plain_pages: dict[str, Path], verb: str) -> None:
    """At both widths, in both themes: no console message, no horizontal scroll, contrast also of the numbers on a way's steps."""
    for width, theme in product((1200, 400), ("light", "dark")):
        driver = shown(browser, plain_pages[verb], width, theme)
        assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        assert driver.execute_script(CONTRAST) == [], (width, theme)


def test_the_keyboard_reaches_everything_that_scrolls(browser: Chrome, page: Path) -> None:
    """At 400 px pictures and tables scroll by themselves: each can be focused, and has a name to be read aloud."""
    driver = shown(browser, page, 400, "light")
    script = (
        "return [...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth + 1 &&"
        " getComputedStyle(e).overflowX === 'auto' && !(e.tabIndex === 0 && e.getAttribute('aria-label'))).length"
    )

    assert driver.execute_script("return document.querySelectorAll('.picture').length") == 5
    assert driver.execute_script(script) == 0


def test_print_has_whole_pictures(browser: Chrome, page: Path) -> None:
    """On paper nothing scrolls: pictures are as wide as the sheet."""
    driver = shown(browser, page, 700, "dark")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    wide = "return [...document.querySelectorAll('.picture svg')].filter(e => e.getBoundingClientRect().width > 701).length"

    assert driver.execute_script(wide) == 0
    assert len(driver.print_page()) > 10_000


def test_the_check_of_contrast_can_say_no(browser: Chrome, tmp_path: Path) -> None:
    """Grey on grey."""
    page = tmp_path / "grey.html"
    page.write_text("<body style='background: #888'><p style='color: #999'>hardly seen</p>", encoding="utf-8")

    assert shown(browser, page, 400, "light").execute_script(CONTRAST) == ["hardly seen 1.24"]
