"""How soon the what-if page is seen: first paint within a second, as the browser itself notes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.report.explore.exploring import explore
from tests.report.browser import CHROMIUM, DRIVER, chromium, shown
from tests.report.test_explore import hundred

MOST_MS = 1000


@pytest.mark.bench
@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on this machine")
def test_first_paint_is_within_a_second(tmp_path: Path) -> None:
    """The page, read from the disk; the best of three, since the machine may be busy."""
    page = explore(hundred(), {"hosted_share": "0..100% step 50%", "growth": [1, 2]}, replications=1).write(tmp_path)
    script = """
    const done = arguments[0];
    new PerformanceObserver(list => { for (const each of list.getEntriesByName("first-contentful-paint")) done(each.startTime); })
      .observe({type: "paint", buffered: true});
    """
    with chromium(tmp_path / "profile") as driver:
        painted = [float(shown(driver, page, 1200, "light").execute_async_script(script)) for _ in range(3)]
    print(f"\nfirst paint after {min(painted):.0f} ms, page of {page.stat().st_size / 1e6:.2f} MB")
    assert min(painted) < MOST_MS
