"""YAML as plain data with the line of every key."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from coexsim.errors import ScenarioError
from coexsim.scenario.read import _parse

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def test_shipped_files_are_read_as_ruamel_itself_reads_them() -> None:
    """An independent reading: its own safe loader, which knows no lines."""
    files = sorted(SCENARIOS.rglob("*.yaml"))
    assert len(files) > 10
    for file in files:
        assert _parse(file.read_text(encoding="utf-8"), file.name)[0] == YAML(typ="safe", pure=True).load(file), file


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("<<: *base", "{x: 1, y: 2}"),
        ("<<: *base\n  x: 9", "{x: 9, y: 2}"),
        ("x: 9\n  <<: *base", "{x: 9, y: 2}"),
        ("<<: [{y: 5}, *base]", "{x: 1, y: 5}"),
        ("<<: {<<: *base, y: 6}", "{x: 1, y: 6}"),
    ],
)
def test_a_merged_mapping_gives_what_the_key_itself_does_not_say(lines: str, expected: str) -> None:
    text = f"base: &base {{x: 1, y: 2}}\nmore:\n  {lines}\n"
    data, places = _parse(text, "a.yaml")
    assert data["more"] == YAML(typ="safe", pure=True).load(expected)
    assert places["more", "x"] == ("a.yaml", 1 if "x: 9" not in lines else text[: text.index("x: 9")].count("\n") + 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "a.yaml:4: a.b: this key is given twice; keep one"),
        ("a:\n- {b: 1, b: 2}\n", "a.yaml:2: a[0].b: this key is given twice; keep one"),
        ("a:\n  <<: 5\n", "a.yaml:2: a: expected a mapping to merge with '<<'"),
        ("a:\n  [b, c]: 5\n", "a.yaml:2: a: a key is a word, found a list or a mapping"),
        ("a:\n  b: !python 1\n", "a.yaml:2: a.b: not readable as YAML: could not determine a constructor for the tag"),
        ("a: &a\n  <<: *a\n", "a.yaml:1: a: not readable: nested too deeply, or aliases of aliases without end"),
        ("a: &a [*a]\n", "a.yaml:1: a: not readable: nested too deeply, or aliases of aliases without end"),
    ],
)
def test_what_yaml_allows_and_a_scenario_does_not_is_said_where_it_stands(text: str, expected: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        _parse(text, "a.yaml")
    assert str(caught.value).startswith(expected)


def test_words_are_those_of_yaml_1_2() -> None:
    data, _ = _parse("a: [yes, off, 010, 0o10, 12:30, 1.5, true, ~, 2026-11-24]", "a.yaml")
    assert data["a"] == ["yes", "off", 10, 8, "12:30", 1.5, True, None, "2026-11-24"]
