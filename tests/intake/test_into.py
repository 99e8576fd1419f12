"""What was imported, written anew or into a scenario that is there: its text and comments stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.errors import InputError
from coexsim.intake.configs.edit import merge_into
from coexsim.intake.configs.found import FoundKey, Where
from coexsim.intake.configs.importing import import_setup
from coexsim.intake.configs.yaml_text import block, scalar, tree_of
from coexsim.scenario.load import load_scenario
from coexsim.scenario.read import read_text

AT = Where("main.cf", 7)
THERE = """\
# my own words
coexsim: 1
domain: corporate.com
servers:
  onprem:                 # the old machine
    kind: postfix
    message_size_limit: 10 MB   # we agreed on this

  cloud: {kind: hosted-inbound, host: in.cloud.example}
directory:
  people:
    ann: {mail_file: onprem, over_quota: enabled}
# the end
"""


def merged(text: str, *keys: tuple[str, object]) -> str:
    tree = tree_of(FoundKey(tuple(path.split("/")), value, AT) for path, value in keys)
    return merge_into(text, tree, "mine.yaml")[0]


def data(text: str) -> object:
    return read_text(text, "x", Path())[0]


def test_new_keys_stand_below_those_that_are_there_with_their_places() -> None:
    """Every line that was there is there still, in its order; the new ones say where they come from."""
    text = merged(THERE, ("servers/onprem/hopcount_limit", 20), ("servers/new/kind", "postfix"))

    left = [line for line in text.splitlines() if "main.cf:7" not in line and line.strip() != "new:"]
    assert left == THERE.splitlines()
    assert "    hopcount_limit: 20  # main.cf:7\n" in text
    assert data(text)["servers"]["new"] == {"kind": "postfix"}  # type: ignore[index]


def test_a_key_with_another_value_tells_the_old_one() -> None:
    """The comment behind it stays."""
    text = merged(THERE, ("servers/onprem/message_size_limit", "20 MB"))

    assert "message_size_limit: 20 MB   # we agreed on this  # main.cf:7; was 10 MB\n" in text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("servers/onprem/message_size_limit", "10000000 B"),
        ("directory/people/ann/over_quota", True),
        ("domain", ["corporate.com"]),
    ],
)
def test_what_says_the_same_in_other_words_is_left_as_it_is(path: str, value: object) -> None:
    """Other units, switches, a list of one."""
    assert merged(THERE, (path, value)) == THERE


def test_keys_go_into_braces_too() -> None:
    """A mapping on one line is opened; what it had stays, a person keeps what the import does not know."""
    text = merged(THERE, ("servers/cloud/max_message_size", "25 MB"), ("directory/people/ann", {"mail_file": "cloud"}))

    cloud = data(text)["servers"]["cloud"]  # type: ignore[index]
    assert cloud == {"kind": "hosted-inbound", "host": "in.cloud.example", "max_message_size": "25 MB"}
    assert data(text)["directory"]["people"]["ann"] == {"mail_file": "cloud", "over_quota": "enabled"}  # type: ignore[index]
    assert "was onprem" in text


def test_lists_that_change_are_kept_as_comments() -> None:
    """Over several lines."""
    text = merged("a:\n  - one  # mine\n  - two\nb: 1\n", ("a", ["three"]))

    assert text == "# was: a:\n# was:   - one  # mine\n# was:   - two\na: [three]  # main.cf:7\nb: 1\n"


@pytest.mark.parametrize(
    "text", ["coexsim: 1\nservers:\n  a:\n    kind: x", "coexsim: 1\nservers: {a: {kind: x}}", "coexsim: 1\nservers:\n"]
)
def test_texts_without_a_last_line_end_and_without_values_are_written_into(text: str) -> None:
    """Also where a key stands without a value."""
    assert data(merged(text, ("servers/a/host", "h"), ("servers/b/kind", "y")))["servers"]["b"] == {"kind": "y"}  # type: ignore[index]


def test_a_file_that_is_no_scenario_is_not_touched() -> None:
    """A list at the top; something that is not YAML."""
    for text in ("- a\n- b\n", "a: [\n"):
        with pytest.raises(InputError, match=r"mine\.yaml:"):
            merged(text, ("b", 1))


@pytest.mark.parametrize(
    "word",
    [
        "yes",
        "12",
        "1:30",
        "0x1f",
        "a: b",
        "#x",
        "",
        "-",
        "smtp:[x]",
        "*",
        "ü",
        "\u202e",
        "a\nb",
        "null",
        "~",
        "1e3",
        "'",
        '"',
        "x\\y",
    ],
)
def test_words_are_read_as_they_were_meant(word: str) -> None:
    """Whatever YAML would take for a number, a switch, a comment or nothing stands in quotes."""
    assert data("\n".join(block({word: {"k": tree_of([FoundKey(("v",), [word], None)])["v"]}})) + "\n") == {
        word: {"k": [word]}
    }
    assert scalar(word).isprintable()


def test_two_imports_are_the_same_bytes_and_a_second_one_changes_nothing(tmp_path: Path) -> None:
    """Written anew, and into a file: the list of what is not modelled is not written twice either."""
    (tmp_path / "main.cf").write_text(
        "myhostname = mail.corporate.com\nvirtual_mailbox_domains = corporate.com\nx_y = 1\n", encoding="utf-8"
    )
    mine = tmp_path / "mine.yaml"
    mine.write_text(THERE, encoding="utf-8")

    assert len({import_setup(tmp_path / "main.cf", kind="postfix").text for _ in range(2)}) == 1
    first = import_setup(tmp_path / "main.cf", kind="postfix", into=mine)
    mine.write_text(first.text, encoding="utf-8")
    second = import_setup(tmp_path / "main.cf", kind="postfix", into=mine)
    assert (second.text, second.changes) == (first.text, ())
    assert first.text.count("x_y = 1") == 1
    assert load_scenario(mine).servers["onprem"].host == "mail.corporate.com"


def test_what_is_not_modelled_of_one_server_stays_when_another_is_imported(tmp_path: Path) -> None:
    """Though their files have the same names."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(THERE, encoding="utf-8")
    for server, setting in (("onprem", "x_y = 1"), ("second", "x_y = 2"), ("second", "x_y = 3")):
        text = f"myhostname = {server}.corporate.com\nvirtual_mailbox_domains = corporate.com\n{setting}\n"
        (tmp_path / "main.cf").write_text(text, encoding="utf-8")
        mine.write_text(
            import_setup(tmp_path / "main.cf", kind="postfix", into=mine, server=server).text, encoding="utf-8"
        )

    assert [line.split(":")[2] for line in mine.read_text(encoding="utf-8").splitlines() if "x_y" in line] == [
        " x_y = 1",
        " x_y = 3",
    ]
