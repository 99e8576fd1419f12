"""YAML as plain data with the line of every key."""

from __future__ import annotations

import re
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from coexsim.errors import ScenarioError
from coexsim.scenario import yaml12
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
    assert places["more", "x"][:2] == (
        "a.yaml",
        1 if "x: 9" not in lines else text[: text.index("x: 9")].count("\n") + 1,
    )


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


def read(text: str) -> Any:
    """The data of a text."""
    return _parse(text, "a.yaml")[0]


SOME_WORDS = """
yes no on off y n true True TRUE tRue false null Null ~ 010 0o17 0x1F 0b101 12:30 1:20.5 1_000 1. .5 -.5 +7 -0
1e3 1E-3 1.5e+3 .inf -.INF .nan 08 0o8 1e 0x = << 2026-11-24 1.2.3 192.0.2.10 4.4.7 5.1.1 - + . a:b
http://x:25/ _1 1_
"""
WORDS = st.one_of(
    st.sampled_from(SOME_WORDS.split()),
    st.from_regex(r"[-+]?[0-9.oxebEa][0-9_.oxebEa]{0,5}", fullmatch=True),
    st.integers().map(str),
    st.floats(allow_nan=False).map(str),
)


@given(WORDS)
def test_a_plain_word_is_what_another_reader_of_yaml_1_2_makes_of_it(word: str) -> None:
    """ruamel.yaml in Python, from another hand. What we take from the specification instead: ``.5e3`` is a number."""
    assume(not re.search(r"(^|[^0-9a-fA-F])_", word))  # which it takes for part of a number
    found = read(f"a: [{word}]\n")["a"][0]
    try:
        expected = YAML(typ="safe", pure=True).load(f"a: [{word}]\n")["a"][0]
    except (ValueError, YAMLError):  # it takes "+_" for a number, "=" for a tag, and then cannot read them
        assert found == word
        return
    if isinstance(expected, date):
        expected = str(expected)
    if isinstance(found, float) and isinstance(expected, str):
        assert word.lstrip("+-").startswith(".")
        expected = float(word.replace("_", ""))
    assert type(found) is type(expected)
    assert found == expected or (found != found and expected != expected)


TEXT = st.text(max_size=8)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(PLAIN, st.booleans())
def test_data_that_another_program_wrote_is_read_as_it_was(data: object, flow: bool) -> None:
    """Written by ruamel.yaml."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = flow
    written = StringIO()
    writer.dump({"a": data}, written)

    try:
        assume(writer.load(written.getvalue()) == {"a": data})
    except YAMLError:  # "{:0: x}", which it writes
        reject()
    assert read(written.getvalue()) == {"a": data}


@pytest.mark.parametrize("file", sorted(SCENARIOS.rglob("*.yaml")), ids=lambda file: file.name)
def test_shipped_files_are_read_in_c(file: Path) -> None:
    """Which takes a sixth of the time (2000 people, 500 messages)."""
    assert yaml12._in_c(file.read_text(encoding="utf-8")) is not None


def test_what_the_parser_in_c_does_not_take_is_read_all_the_same() -> None:
    """An anchor may be used twice, the later one counts from there on (YAML 1.2.2 section 7.1)."""
    text = "a: &x 1\nb: *x\nc: &x 2\nd: *x\n"
    assert yaml12._in_c(text) is None
    assert read(text) == {"a": 1, "b": 1, "c": 2, "d": 2}
