"""The JSON Schema and the page of keys: made from the models, current, and of the same opinion as the reader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from coexsim import units
from coexsim.errors import UnitError, UsageError
from coexsim.scenario.assumptions import assumptions
from coexsim.scenario.describe import all_keys, describe, keys_page, tree_text
from coexsim.scenario.load import load_scenario, scenario_from_text
from coexsim.scenario.plain import parse
from coexsim.scenario.schema import SHIPPED, scenario_schema, schema_text

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted((ROOT / "scenarios").rglob("*.yaml"))
SCHEMA = Draft202012Validator(json.loads(SHIPPED.read_text(encoding="utf-8")))
GOOD = """\
coexsim: 1
domain: corporate.com
sites: [office]
servers:
  onprem: {kind: domino, site: office, capacity: {cores: 4}, service: {scan: 200 ms, accept: {fixed: 1 ms, cv: 1.2}}}
  external: {kind: external, domain: otherdomain.com}
load: {streams: [{from: internet, to: {onprem: 1}, rate: 20/s, recipients: {1: 80, 5: 20}, sizes: 10 KB}]}
"""


def as_json(data: Any) -> Any:
    """Data of a file as JSON has it: keys are text."""
    if isinstance(data, dict):
        return {str(key): as_json(value) for key, value in data.items()}
    return [as_json(value) for value in data] if isinstance(data, list) else data


def valid(text: str) -> bool:
    """Does the schema take a file."""
    found: bool = SCHEMA.is_valid(as_json(parse(text, "a.yaml")[0]))
    return found


def test_what_is_shipped_is_current() -> None:
    """Otherwise: make schema."""
    assert SHIPPED.read_text(encoding="utf-8") == schema_text()
    assert (ROOT / "scenarios" / SHIPPED.name).read_text(encoding="utf-8") == schema_text()
    assert (ROOT / "coexsim" / "KEYS.md").read_text(encoding="utf-8") == keys_page()


def test_the_schema_is_one() -> None:
    """Draft 2020-12, by jsonschema's own check."""
    Draft202012Validator.check_schema(scenario_schema())


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_shipped_scenarios_are_valid_and_name_the_schema(file: Path) -> None:
    """By a path from the file, for yaml-language-server."""
    text = file.read_text(encoding="utf-8")
    modeline = next(line for line in text.splitlines() if line.startswith("# yaml-language-server: $schema="))

    assert valid(text)
    assert (file.parent / modeline.partition("=")[2]).resolve() == ROOT / "scenarios" / SHIPPED.name


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sites:", "sitez:"),
        ("domain: corporate.com\n", ""),
        ("coexsim: 1", "coexsim: 2"),
        ("kind: domino, ", ""),
        ("kind: domino", "kind: dominoo"),
        ("kind: domino", "kind: domino, hopcount_limit: 3"),
        ("cores: 4", "cores: 0"),
        ("cores: 4", "cores: many"),
        ("cores: 4", "coers: 4"),
        ("scan: 200 ms", "scan: 200"),
        ("scan: 200 ms", "scan: 200 mz"),
        ("cv: 1.2", "cv: -1"),
        ("fixed: 1 ms", "fixed: 1 MB"),
        ("rate: 20/s", "rate: 20"),
        ("{1: 80, 5: 20}", "{one: 80}"),
        ("sizes: 10 KB", "sizes: 10"),
        ("sizes: 10 KB", "sizes: no-profile"),
        ("to: {onprem: 1}", "to: {onprm: 1}"),
        ("sites: [office]", "sites: office"),
        ("domain: otherdomain.com", "domain: 5"),
    ],
)
def test_damaged_scenarios_are_not_valid(old: str, new: str) -> None:
    """What the reader refuses for its form, the schema refuses too."""
    assert old in GOOD
    damaged = GOOD.replace(old, new, 1)

    assert valid(GOOD)
    assert not valid(damaged)
    with pytest.raises(Exception, match=r"a\.yaml"):
        scenario_from_text(damaged, "a.yaml")


def test_a_file_over_another_needs_little_and_may_take_away() -> None:
    """Nothing is missing in a file that extends one, and null takes a key away; what is in lists is whole all the same."""
    assert valid("extends: a.yaml\nservers: {onprem: {capacity: {cores: 8}, host: null}}\n")
    assert not valid("servers: {onprem: {capacity: {cores: 8}}}\n")
    assert not valid("extends: a.yaml\nservers: {onprem: {capacity: {coers: 8}}}\n")
    assert not valid("extends: a.yaml\nmessages: [{from: a@b.example}]\n")


@pytest.mark.parametrize(
    "text", ["63 %", "63%", "0 %", "100 %", "100.0 %", "007 %", "0.63", "1.0", "1", "0", "5e-3", "5e-3 %", " 4 % "]
)
def test_a_share_that_the_reader_takes_is_valid(text: str) -> None:
    """Per cent or a part of one, quoted here."""
    assert 0 <= units.share(text) <= 1
    assert valid(f"extends: a.yaml\nload: {{internal_share: '{text}'}}\n")


@pytest.mark.parametrize("text", ["163 %", "100.5 %", "1.5", "2", "-3 %", "half", "%", "1000 %"])
def test_a_share_that_the_reader_refuses_is_not(text: str) -> None:
    """More than all, less than nothing, no number."""
    with pytest.raises(UnitError):
        units.share(text)
    assert not valid(f"extends: a.yaml\nload: {{internal_share: '{text}'}}\n")


def test_a_bandwidth_may_be_said_by_direction() -> None:
    """As one value or as up and down; what the reader refuses there, the schema refuses too."""
    links = GOOD.replace("[office]", "[office, internet]") + "links: [{between: [office, internet], bandwidth: %s}]\n"

    for good in ("10 Mbit/s", "{up: 10 Mbit/s, down: 50 Mbit/s}", "{up: 10 Mbit/s}"):
        assert valid(links % good)
        assert scenario_from_text(links % good).links[0].bytes_per_s("office") == 10e6 / 8
    for bad in ("{up: 10 MB}", "{upp: 10 Mbit/s}", "{}"):
        assert not valid(links % bad)
        with pytest.raises(Exception, match=r"links\[0\]"):
            scenario_from_text(links % bad)


# --- explain --------------------------------------------------------------------------------------------------------------------


def test_every_key_says_what_it_means() -> None:
    """A key whose description is only a source or a default says nothing to the editor and on the page of keys."""
    nothing = re.compile(r"\[[A-Z][A-Z0-9-]+\]|default: [^;]*")
    said = {key.name: len(re.findall(r"\w{2,}", nothing.sub("", key.meaning))) for key in all_keys()}

    assert [name for name, words in said.items() if words < 2] == []
    assert len(re.findall(r"\w{2,}", nothing.sub("", "[MS-INT]; default: 2 days"))) == 0


def test_a_key_is_told_with_type_unit_default_source_and_example() -> None:
    """From the models, and the list of sources."""
    said = describe("servers.exchange.message_expiration")

    for line in (
        "servers.exchange.message_expiration",
        "  type     a duration, such as '15 min'",
        "  unit     s inside, and in tables",
        "  default  2 days",
        "  source   [MS-INT] queues, message-intervals",
        "  example  message_expiration: 15 min",
    ):
        assert line in said.splitlines()
    assert "at least 1" in describe("capacity.cores")
    assert describe("servers.onprem.capacity.cores") == describe("capacity.cores")
    assert "send_connectors" in describe("servers.exchange")
    assert "share_of_internet_mail" in describe("load.spam")
    assert "from memory" in describe("name_servers.timeout")
    assert "      cores: processor cores" in tree_text()


def test_a_key_that_there_is_not() -> None:
    """The one that was probably meant is said."""
    with pytest.raises(UsageError, match="did you mean 'cores'"):
        describe("capacity.coers")


@pytest.mark.parametrize(
    "key", [key.name for key in all_keys() if len(key.parts) == 0 and ".NAME" not in key.name][::7]
)
def test_examples_can_be_read(key: str) -> None:
    """Each is YAML, a key with a value."""
    line = next(line for line in describe(key).splitlines() if line.startswith("  example"))

    assert len(parse(line.removeprefix("  example  ") + "\n", "example")[0]) == 1


def test_assumed_figures_have_value_unit_source_and_a_line() -> None:
    """Those from memory first; defaults in force among them; the line says another value where it is laid over the scenario."""
    scenario = load_scenario(ROOT / "scenarios" / "load" / "corporate-20k.yaml")
    found = assumptions(scenario)
    by_path = {each.path: each for each in found}

    assert [each.is_from_memory for each in found] == sorted((each.is_from_memory for each in found), reverse=True)
    archive = by_path["servers.onprem.service.archive"]
    assert (archive.value, archive.is_from_memory) == ("3 ms", True)
    assert archive.line == "servers: {onprem: {service: {archive: 3 ms}}}"
    hops = by_path["servers.onprem.max_hop_count"]
    assert (hops.value, hops.is_from_memory) == ("25", True)
    assert by_path["servers.onprem.mail_timeout"][1:3] == ("1 day", "s")
    text = f"extends: corporate-20k.yaml\n{hops.line.replace('25', '26')}\n"
    changed = scenario_from_text(text, "top.yaml", ROOT / "scenarios" / "load")
    assert getattr(changed.servers["onprem"], "max_hop_count") == 26  # noqa: B009 - of a union of kinds
