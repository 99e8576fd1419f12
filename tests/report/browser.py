"""Debian's Chromium for tests of pages: a driver that keeps what the console says, at a width and in a theme."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
CONTRAST = """
const rgb = s => s.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => { const f = [r, g, b].map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
  return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
const ground = e => {
  const box = e.tagName === "text" && e.previousElementSibling ? e.previousElementSibling.querySelector("path") : null;
  if (box && getComputedStyle(box).fill !== "none") return rgb(getComputedStyle(box).fill);
  for (; e; e = e.parentElement) {
  const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; }
  return [255, 255, 255]; };
const bad = [];
for (const e of document.querySelectorAll("p, td, th, dt, dd, h1, h2, h3, a, label, output, select, figcaption, code, svg text")) {
  if (!e.textContent.trim()) continue;
  const style = getComputedStyle(e), a = light(rgb(e.tagName === "text" ? style.fill : style.color)), b = light(ground(e));
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (ratio < 4.5) bad.push(e.textContent.trim().slice(0, 30) + " " + ratio.toFixed(2));
}
return bad;
"""
"""WCAG 2.1, 1.4.3: 4.5 to 1 for text, by the formula of its definition of relative luminance."""


@contextmanager
def chromium(profile: Path, downloads: Path | None = None) -> Iterator[Chrome]:
    """A headless browser of its own, closed at the end."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for each in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", f"--user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if downloads is not None:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def shown(browser: Chrome, page: Path, width: int, theme: str, fragment: str = "") -> Chrome:
    """The browser with the page, in a window so wide."""
    metrics: dict[str, Any] = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.execute_cdp_cmd(
        "Emulation.setFocusEmulationEnabled", {"enabled": True}
    )  # a window that nobody looks at has none
    browser.get(page.as_uri() + fragment)
    return browser
