"""The gallery is whole and small: every picture that it lists is there, none besides, and the page is the one that is made."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from tests.gallery import COLOURS, EXAMPLE, SHOWN, page, smaller

MOST_BYTES = 800_000


def test_every_picture_is_there_and_no_other() -> None:
    """In all less than 800 KB, since each change of a picture stays in the repository for good."""
    listed = {f"{kept}.png" for each in SHOWN for _, kept, _ in each.pictures}
    there = {path.name: path.stat().st_size for path in EXAMPLE.glob("*.png")}

    assert set(there) == listed
    assert sum(there.values()) < MOST_BYTES


def test_the_page_is_the_one_that_is_made() -> None:
    """It shows each picture below its command; the README links it."""
    assert (EXAMPLE / "README.md").read_text(encoding="utf-8") == page()
    assert "(reports/example/README.md)" in (EXAMPLE.parents[1] / "README.md").read_text(encoding="utf-8")


def test_fewer_colours_are_the_same_picture() -> None:
    """As large, and no pixel far from what it was."""
    png = (EXAMPLE / "route.png").read_bytes()
    one, other = (Image.open(io.BytesIO(each)).convert("RGB") for each in (png, smaller(png)))

    assert one.size == other.size
    assert len(other.getcolors(1 << 24) or []) <= COLOURS
    apart = np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int))
    assert apart.max() < 100
