"""Reading grows in proportion to what is written: double the input, at most two and a half times the work, counted in calls."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from coexsim.errors import ScenarioError
from coexsim.mail.setup import Setup
from coexsim.mail.zone_text import MOST_GENERATED, read_zone
from coexsim.scenario.load import load_scenario
from coexsim.scenario.plain import parse

HEAD = "coexsim: 1\ndomain: corporate.com\nservers:\n  onprem: {kind: domino, host: mail.corporate.com}\n"


def calls(work: Callable[[], object]) -> int:
    """Calls of functions in Python and in C while `work` is done: a measure of time that no other program disturbs."""
    number = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    parse.cache_clear()
    read_zone.cache_clear()
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return number


def checked(file: Path) -> None:
    """Read a scenario and set it up, as `check` does first."""
    with suppress(ScenarioError):
        Setup(load_scenario(file))


def write(folder: Path, text: str) -> Path:
    """A scenario file."""
    file = folder / "top.yaml"
    file.write_text(text)
    return file


def people(n: int) -> str:
    return HEAD + "directory:\n  people:\n" + "".join(f"    user{i:06}: {{mail_file: onprem}}\n" for i in range(n))


def misspelt(folder: Path, n: int) -> Path:
    groups = "".join(f"    g{i}: [usr{i:06}]\n" for i in range(n // 10))
    return write(folder, people(n) + "  groups:\n" + groups)


def many_mx(folder: Path, n: int) -> Path:
    zone = "".join(f"    @ IN MX 10 mail{i}\n" for i in range(n))
    return write(folder, HEAD + f"dns:\n  corporate.com: |\n{zone}")


def bad_zone(folder: Path, n: int) -> Path:
    zone = "".join(f"    @ IN MX ten mail{i}\n" for i in range(n))
    return write(folder, HEAD + f"dns:\n  corporate.com: |\n{zone}")


def generated(folder: Path, n: int) -> Path:
    return write(folder, HEAD + f"dns:\n  corporate.com: |\n    $GENERATE 1-{n} h$ A 192.0.2.1\n")


def chain(folder: Path, n: int) -> Path:
    (folder / "f0.yaml").write_text(HEAD)
    for i in range(1, n):
        (folder / f"f{i}.yaml").write_text(f"extends: f{i - 1}.yaml\nsources: {{s{i}: t}}\nsites: [s{i}]\n")
    return folder / f"f{n - 1}.yaml"


def diamonds(folder: Path, n: int) -> Path:
    (folder / "d0.yaml").write_text(HEAD)
    for i in range(1, n):
        for side in "lr":
            (folder / f"{side}{i}.yaml").write_text(f"extends: d{i - 1}.yaml\n")
        (folder / f"d{i}.yaml").write_text(f"extends: [l{i}.yaml, r{i}.yaml]\n")
    return folder / f"d{n - 1}.yaml"


def unknown_keys(folder: Path, n: int) -> Path:
    return write(folder, HEAD + "".join(f"tilte{i}: x\n" for i in range(n)))


@pytest.mark.parametrize(
    ("kind", "n"),
    [
        (lambda folder, n: write(folder, people(n)), 400), (misspelt, 1000), (many_mx, 200), (bad_zone, 200), (generated, 200),
        (chain, 100), (diamonds, 40), (unknown_keys, 50),
    ],
    ids=["people", "misspelt names", "many MX", "bad zone lines", "$GENERATE", "chain of bases", "diamonds of bases", "unknown keys"],
)  # fmt: skip
def test_double_the_input_is_not_much_more_than_double_the_work(
    kind: Callable[[Path, int], Path], n: int, tmp_path: Path
) -> None:
    """Of each shape that once grew with the square, or without end."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = kind(tmp_path / "one", n), kind(tmp_path / "two", 2 * n)
    checked(one)  # what is made once is made before

    assert calls(lambda: checked(two)) <= 2.5 * calls(lambda: checked(one))


def test_growth_with_the_square_is_noticed() -> None:
    """The measure says no."""
    assert calls(lambda: [abs(0) for _ in range(60 * 60)]) > 2.5 * calls(lambda: [abs(0) for _ in range(30 * 30)])


def test_generate_has_an_end() -> None:
    """A hundred million records from one line: refused before the first is made, with the limit."""
    zone, faults = read_zone("@ IN A 192.0.2.1\n$GENERATE 1-100000000 h$ A 192.0.2.1\n", "a.example")

    assert len(zone.names) == 1
    assert [fault.line for fault in faults] == [2]
    assert f"100,000,000 records; {MOST_GENERATED:,} at the most" in faults[0].text
