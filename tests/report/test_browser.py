"""The page in Debian's Chromium: nothing wrong on the console, nothing wider than the window, readable in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coexsim.report.html import write_report
from coexsim.scenario.load import changed
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
