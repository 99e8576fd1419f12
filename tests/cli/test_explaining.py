"""explain of words: every column of every table, keys field by field, and that what is documented is what is written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import jsonschema
import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

import coexsim as cx
from coexsim.analysis.outage_changes import ADMITS, COMES_WITH, WORKS
from coexsim.analysis.tables import TABLES
from coexsim.analysis.terms import TERMS
from coexsim.cli import run
from coexsim.cli.paint import folded
from coexsim.experiment.columns import CELLS
from coexsim.experiment.sweep import HOSTED_SHARE
from coexsim.mail.products.registry import PRODUCTS
from coexsim.scenario.describe import ScenarioKey, all_keys, key_data
from coexsim.scenario.profiles import shipped_profiles
from coexsim.scenario.read import read_text
from tests.analysis.small import HYBRID
from tests.cli.test_json import few, validate

ARTICLE = Path(__file__).parents[2] / "scenarios" / "article" / "environment.yaml"
__all__ = ["few"]  # a fixture


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_told(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By TABLE.COLUMN: meaning, type and unit, in JSON valid by the schema; TABLE lists them; a column's name alone finds it too."""
    for name, column in TABLES[table].columns.items():
        for words in (f"{table}.{name}", name):
            assert run(["explain", words, "--json"]) == 0
            data = json.loads(capsys.readouterr().out)
            validate(data)
            [told] = [each for each in data["meanings"] if table in each.get("tables", ())]
            assert (told["meaning"], told["type"], told["unit"]) == (column.meaning, column.dtype, column.unit)
            assert column.meaning
    assert run(["explain", table]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in TABLES[table].columns)


def test_a_column_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    """The one that was probably meant is said."""
    assert run(["explain", "mail.delay"]) == 2
    assert "the table mail has no column 'delay'; did you mean 'delay_s'?" in capsys.readouterr().err


def test_everything_is_told_field_by_field(capsys: pytest.CaptureFixture[str]) -> None:
    """Of every key, word and table; with a key that lost its unit the schema says no."""
    assert run(["explain", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    validate(data)
    names = [each["name"] for each in data["meanings"]]
    assert names == [*(key.name for key in all_keys()), *TERMS, *TABLES]
    [expire] = [each for each in data["meanings"] if each["name"] == "servers.NAME.retry.expire_after"]
    assert (expire["is"], expire["unit"]) == ("key", "s")
    with pytest.raises(jsonschema.ValidationError):
        validate({**data, "meanings": [{name: value for name, value in expire.items() if name != "unit"}]})


def test_a_key_in_json_has_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """Type, unit, default, sources and what it holds; --quiet says the meaning, not only the name."""
    assert run(["explain", "smtp.session", "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)["meanings"]
    assert (told["unit"], told["default"]) == ("s", "0.0031 s")
    assert run(["explain", "capacity.transfer_threads_per_destination", "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)["meanings"]
    assert any(source.startswith("[PF] ") for source in told["sources"])
    assert run(["explain", "capacity", "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)["meanings"]
    assert told["keys"]["cores"].startswith("processor cores")
    assert run(["explain", "capacity.cores", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("servers.NAME.capacity.cores: processor cores for")


def test_the_tables_in_python_are_as_told(few: Path) -> None:
    """Index and columns of what `Results` gives; of one run, and streamed."""
    results = cx.simulate(cx.load_scenario("few.yaml"))
    for name in ("delays", "outcomes", "conservation"):
        table = getattr(results, name)().reset_index()
        assert set(table.columns) == set(TABLES[name].columns), name
    for name, frame in results.tables.items():
        assert list(frame.columns) == [each for each in TABLES[name].columns if each not in CELLS]
    assert set(cx.simulate(cx.load_scenario("few.yaml"), stream=True).mail) == set(TABLES["mail"].columns)


def test_the_files_of_the_verbs_are_as_told(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every column of every file is told, and none that there is not; keys that are varied stand before, one column each."""
    jobs = ["--jobs", "1", "--quiet"]
    for words in (
        ["sweep", "few.yaml", f"{HOSTED_SHARE}=0%,50%", "--out", "swept"],
        ["size", "few.yaml", "--no-headroom", "--replications", "2", "--out", "sized"],
        ["explore", "few.yaml", "--vary", "growth=1,2", "--replications", "1", "--out", "explored"],
        ["compare", "few.yaml", "few.yaml", "--replications", "2", "--out", "compared"],
    ):
        assert run([*words, *jobs]) in (0, 1, 3), capsys.readouterr().err
    found = {
        "sweep": pd.read_parquet("swept/sweep.parquet"),
        "objectives": pd.read_csv("swept/objectives.csv"),
        "migration": pd.read_csv("swept/migration.csv").rename(columns=lambda name: name.partition(" ")[0]),
        "sizing": pd.read_parquet("sized/sizing.parquet"),
        "explore": pd.read_parquet("explored/explore.parquet"),
        "comparison": pd.concat(pd.read_csv(file) for file in Path("compared").glob("*.csv")),
    }
    keys = {"sweep": {HOSTED_SHARE}, "objectives": {f"{HOSTED_SHARE} [%]"}, "explore": {"growth"}}
    for name, table in found.items():
        assert set(table.columns) - keys.get(name, set()) == set(TABLES[name].columns), name


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_what_stands_in_a_column_isfolded_below_itself(columns: int) -> None:
    """No word is broken, no blank between columns lost, and later rows begin under the text where there is room."""
    line = "  transfer_threads               threads to one next hop at once; default: half its transfer threads"
    rows = folded(line, columns)

    assert [word for row in rows for word in row.split()] == line.split()
    assert rows[0].startswith("  transfer_threads               threads")
    assert all(len(row) <= columns for row in rows)
    begin = {len(row) - len(row.lstrip()) for row in rows[1:]}
    assert begin == ({33} if columns >= 60 else {4})


def test_the_shortest_answer_of_explain_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON has it; the whole text of a scenario begins with it."""
    assert run(["explain", "--quiet"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert run(["explain", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"] == line

    file = tmp_path / "scenario.yaml"
    assert run([*HYBRID, "--out", str(file)]) == 0
    capsys.readouterr()
    said = []
    for words in ([], ["--quiet"], ["--json"]):
        assert run(["explain", str(file), *words]) == 0
        said.append(capsys.readouterr().out)
    whole, short, data = " ".join(said[0].split()), said[1].strip(), json.loads(said[2])["answer"]
    assert short == data
    assert whole.startswith(short)


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        ("onprem.cores", "servers.onprem.capacity.cores", "4"),
        ("onprem.connections", "servers.onprem.capacity.smtp_connections", "30"),
        ("servers.onprem.capacity.cores", "servers.onprem.capacity.cores", "4"),
        ("cores", "servers.onprem.capacity.cores", "4"),
        ("master", "directory.master", "onprem"),
    ],
)
def test_the_value_in_a_scenario_is_told(
    words: str, key: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a limit as objectives and answers name it, and of a key; with the line where it is written, or that it is the default."""
    path = tmp_path / "here.yaml"
    text = f"extends: {ARTICLE}\n"
    text += "servers:\n  onprem: {capacity: {cores: 4, smtp_connections: 30}}\n"
    path.write_text(text + "directory: {master: onprem}\n")
    assert run(["explain", words, "--in", str(path)]) == 0
    said = capsys.readouterr().out

    assert re.search(rf"there    {re.escape(key)} = {value} \({re.escape(str(path))}:\d\)", said), said
    assert run(["explain", words, "--in", str(path), "--json"]) == 0
    values = [each for meaning in json.loads(capsys.readouterr().out)["meanings"] for each in meaning.get("values", [])]
    assert (key, value) in [(each["key"], each["text"]) for each in values]
    assert run(["explain", "max_hop_count", "--in", str(path)]) == 0
    assert "by default" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["domino", "exchange", "exim", "postfix"])
def test_every_setting_that_an_outage_names_is_known(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In the product's own words, and the limits in the answer's."""
    for words in [*re.split(", | and ", PRODUCTS[name].retry_setting), *WORKS.values(), *ADMITS.values()]:
        assert run(["explain", words]) == 0, words
        assert "meaning" in capsys.readouterr().out
    for _, _, setting in COMES_WITH.values():
        assert run(["explain", setting]) == 0, setting
        assert "smtp_connections" in capsys.readouterr().out


def test_a_column_is_known_by_the_end_of_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    """As heads of tables have it: stages.busy is mean_busy there; what ends no name is refused."""
    assert run(["explain", "stages.busy"]) == 0
    assert "stages.mean_busy, a column" in capsys.readouterr().out
    assert run(["explain", "stages.usy"]) == 2
    assert run(["explain", "onprem.nothing"]) == 2


def test_every_example_can_be_written() -> None:
    """The type of the key takes what stands behind the colon, read as a file is read; other traffic comes by time of day."""
    for key in all_keys():
        require_written(key, str(key_data(key)["example"]))
    with pytest.raises(ValidationError):
        require_written(next(key for key in all_keys() if key.name == "events"), "events: [{at: Mon 08:00}]")


def require_written(key: ScenarioKey, text: str) -> None:
    """Raises where the key's type does not take the example."""
    value = read_text(text, "example.yaml", Path())[0][key.path[-1]]
    written: Any = key.field.annotation
    for mark in key.field.metadata:
        written = Annotated[written, mark]

    TypeAdapter(written).validate_python(value)
    if key.path[-1] == "background":
        assert [span["from"] for span in value] == ["08:00"]


@pytest.mark.parametrize("name", shipped_profiles())
def test_a_load_profile_is_told(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its figures with their sources; `explain load.profile` names it."""
    assert run(["explain", name, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    validate(data)
    [told] = data["meanings"]
    assert (told["is"], told["name"]) == ("load profile", name)
    assert told["figures"]
    assert run(["explain", name]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {key} " in said for key in told["figures"])
    assert run(["explain", "load.profile"]) == 0
    assert name in capsys.readouterr().out


def test_a_profile_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    """The one that was probably meant is said; so is what each value of a rule does."""
    assert run(["explain", "office-workr"]) == 2
    assert "did you mean 'office-worker'?" in capsys.readouterr().err
    assert run(["explain", "smart_host_rule"]) == 0
    assert "not-in-directory: those that the directory does not have" in capsys.readouterr().out
