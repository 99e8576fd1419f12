"""YAML as plain data with the place of every key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from coexsim.errors import ScenarioError
from coexsim.scenario.load import load_scenario, scenario_from_text
from coexsim.scenario.plain import parse, places_of
from coexsim.scenario.read import read_file, read_text


def read(text: str) -> Any:
    """The data of a text."""
    return parse(text, "a.yaml")[0]


def refused(text: str) -> str:
    """What is wrong with a text, as the user reads it."""
    with pytest.raises(ScenarioError) as caught:
        parse(text, "a.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("<<: *base", {"x": 1, "y": 2}),
        ("<<: *base\n  x: 9", {"x": 9, "y": 2}),
        ("x: 9\n  <<: *base", {"x": 9, "y": 2}),
        ("<<: [{y: 5}, *base]", {"x": 1, "y": 5}),
        ("<<: {<<: *base, y: 6}", {"x": 1, "y": 6}),
    ],
)
def test_a_merged_mapping_gives_what_the_key_itself_does_not_say(lines: str, expected: object) -> None:
    """As the merge key's own page says (https://yaml.org/type/merge.html): own keys first, then the merged ones in order."""
    text = f"base: &base {{x: 1, y: 2}}\nmore:\n  {lines}\n"
    data, marks = parse(text, "a.yaml")
    line = 1 if "x: 9" not in lines else text[: text.index("x: 9")].count("\n") + 1

    assert data["more"] == expected
    assert places_of(marks)["more", "x"][:2] == ("a.yaml", line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "a.yaml:4: a.b: this key is given twice; keep one"),
        ("a:\n- {b: 1, b: 2}\n", "a.yaml:2: a[0].b: this key is given twice; keep one"),
        ("a:\n  <<: 5\n", "a.yaml:2: a: expected a mapping to merge with '<<'"),
        ("a:\n  [b, c]: 5\n", "a.yaml:2: a: a key is a word, found a list or a mapping"),
        ("a:\n  b: !python 1\n", "a.yaml:2: a.b: not readable as YAML: the tag '!python' is not one of a scenario"),
        ("a:\n  b: !!python/name:os.system\n", "a.yaml:2: a.b: not readable as YAML: the tag 'tag:yaml.org,2002:python"),
        ("a: !!set {b}\n", "a.yaml:1: a: not readable as YAML: the tag 'tag:yaml.org,2002:set' is not one of a scenario"),
        ("a: !x [b]\n", "a.yaml:1: a: not readable as YAML: the tag '!x' is not one of a scenario"),
        ("a: &a\n  <<: *a\n", "a.yaml:1: a: not readable: nested too deeply, or aliases of aliases without end"),
        ("a: &a [*a]\n", "a.yaml:1: a: not readable: nested too deeply, or aliases of aliases without end"),
        ("a: 1\n<<: &y {<<: *y}\n", "a.yaml:2: not readable: nested too deeply, or aliases of aliases without end"),
        ("a: &x 1\nb: &x 2\n", "a.yaml:2: not readable as YAML: this anchor is given twice"),
        ("a: 1\nb: x\u2028y\n", "a.yaml:2: not readable as YAML: the character U+2028 ends a line for some readers"),
        ('a: 1\nb: "\\ud800"\n', "a.yaml:2: not readable as YAML: found invalid Unicode character escape code"),
        ("a: 1\nb: \ud800\n", "a.yaml:2: not readable as YAML: half of a surrogate pair is no character"),
        ("a: ü\nb: \x07\n", "a.yaml:2: not readable as YAML: unacceptable character #x0007"),
        (f"a: 1\nb: {'9' * 5000}\n", "a.yaml:2: b: not readable as YAML: a number of 5000 characters"),
        (f"a: 1\nb: 1.{'9' * 5000}\n", "a.yaml:2: b: not readable as YAML: a number of 5002 characters"),
        ("a: 1\n---\nb: 1\n", "a.yaml:2: not readable as YAML: a second document begins here"),
    ],
)  # fmt: skip
def test_what_yaml_allows_and_a_scenario_does_not_is_said_where_it_stands(text: str, expected: str) -> None:
    """With its line, in words."""
    assert refused(text).startswith(expected)


@pytest.mark.parametrize(
    "text",
    ["a: " + "[" * 100_000, "- " * 100_000, "".join(" " * i + "a:\n" for i in range(1200)), "a: " + "{a: " * 2000],
)
def test_deep_nesting_is_refused(text: str) -> None:
    """Before it fills a stack."""
    assert "nest" in refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]),
        "a: &a {" + ", ".join(f"k{i}: 1" for i in range(2000)) + "}\nb: {<<: [" + ", ".join(["*a"] * 2000) + "]}",
        "a0: &a0 {x: 1}\n" + "\n".join(f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}, *a{i - 1}]}}" for i in range(1, 20)),
    ],
)  # fmt: skip
def test_a_few_lines_do_not_become_a_world(text: str) -> None:
    """Aliases of aliases, of lists and of merged mappings: billions of nodes from a page of text."""
    assert "aliases of aliases without end" in refused(text)


TABLE = [
    *[(word, word) for word in ("yes", "No", "on", "off", "y", "n", "12:30", "1:20.5", "2026-11-24", "1.2.3", "192.0.2.10", "4.4.7")],
    *[(word, word) for word in ("1e", "0x", "0o8", "+", ".", "a:b", "http://x:25/", "_1", "tRue", "1,000", "<<", "=")],
    ("true", True), ("False", False), ("TRUE", True), ("null", None), ("~", None), ("Null", None), ("", None),
    ("010", 10), ("0o17", 15), ("0x1F", 31), ("0b101", 5), ("+7", 7), ("-0", 0), ("1_000", 1000), ("08", 8), ("-12", -12),
    ("1e3", 1000.0), ("1E-3", 0.001), ("1.", 1.0), (".5", 0.5), ("-.5", -0.5), (".5e3", 500.0), ("1.5e+3", 1500.0),
    (".inf", float("inf")), ("-.INF", float("-inf")), ("!!str 5", "5"), ("!!int '12'", 12), ("!!float 5", 5.0), ("'5'", "5"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "expected"), TABLE)
def test_words_are_those_of_yaml_1_2(word: str, expected: object) -> None:
    """The core schema (YAML 1.2.2 section 10.3.2); beyond it 0b, and _ between digits."""
    found = read(f"a: {word}\n")["a"]

    assert type(found) is type(expected)
    assert found == expected


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufffe\uffff"), max_size=8
)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(PLAIN, st.booleans())
def test_data_that_another_program_wrote_is_read_as_it_was(data: object, ascii_only: bool) -> None:
    """JSON is YAML 1.2: what Python's json writes, escapes and all."""
    assume(not ascii_only or _is_basic(data))
    assert read(json.dumps({"a": data}, ensure_ascii=ascii_only)) == {"a": data}


def _is_basic(data: object) -> bool:
    """Has its text only characters of the first plane? JSON escapes others as two halves, which YAML 1.2 does not put together."""
    return all(ord(character) < 0x10000 for character in json.dumps(data, ensure_ascii=False))


def test_the_parser_is_the_one_in_c() -> None:
    """Which takes a quarter of the time of the one in Python (directory of 10,000 people)."""
    assert yaml.__with_libyaml__


def test_every_key_has_its_line_and_column() -> None:
    """Counted from 1, as editors do; items of lists too."""
    places = places_of(parse("a: 1\nbb:\n  c: [x, {d: 5}]\n", "a.yaml")[1])

    assert {path: place[1:] for path, place in places.items()} == {
        ("a",): (1, 1), ("bb",): (2, 1), ("bb", "c"): (3, 3), ("bb", "c", 0): (3, 7), ("bb", "c", 1): (3, 10),
        ("bb", "c", 1, "d"): (3, 11),
    }  # fmt: skip


# --- extends --------------------------------------------------------------------------------------------------------------------


def test_a_base_of_two_bases_is_laid_once(tmp_path: Path) -> None:
    """A diamond: what one side changes stays, although the other side has the base's own value."""
    (tmp_path / "base.yaml").write_text("title: base\ndomain: a.example\nsites: [x]\n")
    (tmp_path / "left.yaml").write_text("extends: base.yaml\ntitle: left\n")
    (tmp_path / "right.yaml").write_text("extends: base.yaml\nsites: [y]\n")

    data, places, _ = read_text("extends: [left.yaml, right.yaml]\ndomain: top.example\n", "top.yaml", tmp_path)

    assert data == {"title": "left", "domain": "top.example", "sites": ["y"]}
    assert [Path(places[path].file).name for path in (("title",), ("sites", 0), ("domain",))] == [
        "left.yaml", "right.yaml", "top.yaml",
    ]  # fmt: skip


def chain(folder: Path, length: int) -> Path:
    """A file that extends one that extends one that ..."""
    (folder / "f0.yaml").write_text("coexsim: 1\ndomain: a.example\nservers: {x: {kind: relay, host: x.a.example}}\n")
    for i in range(1, length):
        (folder / f"f{i}.yaml").write_text(f"extends: f{i - 1}.yaml\nsources: {{s{i}: t}}\nsites: [s{i}]\n")
    return folder / f"f{length - 1}.yaml"


def test_a_long_chain_of_bases_is_read(tmp_path: Path) -> None:
    """Longer than Python's stack of 1,000 calls."""
    data, places, _ = read_file(chain(tmp_path, 1500), "top.yaml")

    assert (len(data["sources"]), data["sites"]) == (1499, ["s1499"])
    assert places["sources", "s7"].line == 2


def diamonds(folder: Path, levels: int) -> Path:
    """Each level extends two files that extend the level below."""
    (folder / "d0.yaml").write_text("title: bottom\n")
    for i in range(1, levels):
        for side in "lr":
            (folder / f"{side}{i}.yaml").write_text(f"extends: d{i - 1}.yaml\n")
        (folder / f"d{i}.yaml").write_text(f"extends: [l{i}.yaml, r{i}.yaml]\n")
    return folder / f"d{levels - 1}.yaml"


def test_diamonds_of_bases_are_read_once_each(tmp_path: Path) -> None:
    """Sixty levels: read anew on every way down, this would be 2^60 files."""
    assert read_file(diamonds(tmp_path, 60), "top.yaml")[0] == {"title": "bottom"}


# --- what is no file ----------------------------------------------------------------------------------------------------------------


def test_pipes_devices_and_folders_are_not_read(tmp_path: Path) -> None:
    """A pipe that nobody writes to never ends."""
    import os

    os.mkfifo(tmp_path / "pipe.yaml")
    for name, kind in (("pipe.yaml", "a pipe"), ("folder", "a folder"), ("/dev/zero", "a device")):
        (tmp_path / "folder").mkdir(exist_ok=True)
        with pytest.raises(ScenarioError, match=f"cannot be read: it is {kind}, not a file"):
            load_scenario(tmp_path / name)
        with pytest.raises(ScenarioError, match=f"a.yaml:1: extends: there is no file '{name}' beside this one$"):
            scenario_from_text(f"extends: {name}\n", "a.yaml", tmp_path)
