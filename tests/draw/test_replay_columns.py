"""A table of mail is taken with the column names of other tools; what is missing is told, with what looks like it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from coexsim.analysis.loads import station_loads
from coexsim.cli.checking import _read_what_a_run_reads
from coexsim.draw.replay_file import _rows_of, count_rows
from coexsim.engine.choice import Engine
from coexsim.errors import ScenarioError
from coexsim.experiment.run import simulate
from coexsim.scenario.load import load_scenario
from coexsim.scenario.load_profile import ReplaySpec

SCENARIO = """
coexsim: 1
domain: corporate.com
dns: {corporate.com: "@ 1h IN MX 10 mail\\nmail 1h IN A 192.0.2.10"}
servers: {onprem: {kind: postfix, host: mail.corporate.com}, world: {kind: external, domain: otherdomain.com}}
directory: {population: {onprem: 10}}
load: {replay: FILE}
run: {start: Mon 00:00, length: 1 min}
"""


def replayed(folder: Path, file: str) -> int:
    """How many recipients a run of a replayed table has."""
    (folder / "s.yaml").write_text(SCENARIO.replace("FILE", file))
    return int(simulate(load_scenario(folder / "s.yaml")).outcomes()["sent"].sum())


@pytest.mark.parametrize(
    "head", ["born_s,sender,recipients,size_bytes", "time_s,from,to,size", "At-S,Sender Address,Rcpt To,Total Bytes"]
)
def test_names_of_other_tools_are_known(tmp_path: Path, head: str) -> None:
    """Two messages to three people, under any of the names."""
    (tmp_path / "mail.csv").write_text(f"{head}\n1,internet,onprem:2,1000\n2,onprem,internet,2000\n")
    assert replayed(tmp_path, "mail.csv") == 3


def test_parquet_is_read_too(tmp_path: Path) -> None:
    """As `coexsim fit` writes it."""
    pd.DataFrame({"born_s": [1.0], "sender": ["internet"], "recipients": ["onprem"], "size": [900]}).to_parquet(
        tmp_path / "m.parquet"
    )
    assert replayed(tmp_path, "m.parquet") == 1


def test_missing_columns_are_told_with_what_looks_like_them(tmp_path: Path) -> None:
    """All that are missing at once."""
    (tmp_path / "mail.csv").write_text("borns,sender,receivers,size\n1,internet,onprem,1000\n")
    with pytest.raises(
        ScenarioError,
        match=r"no column 'born_s'.*did you mean 'borns'.*no column 'recipients'.*it has: borns, sender, receivers, size",
    ):
        replayed(tmp_path, "mail.csv")


@pytest.mark.parametrize("name", ["mail.csv", "mail.parquet"])
def test_check_reads_the_names_of_the_columns(name: str, tmp_path: Path) -> None:
    """A run would stop there: exit code 2 with file and line; with the column it has nothing to say of the table."""
    (tmp_path / "s.yaml").write_text(SCENARIO.replace("FILE", name))
    table = pd.DataFrame({"born_s": [1.0], "sender": ["internet"], "size": [900]})

    def write(table: pd.DataFrame) -> None:
        table.to_csv(tmp_path / name, index=False) if name.endswith("csv") else table.to_parquet(tmp_path / name)

    write(table)
    with pytest.raises(ScenarioError, match=r"s\.yaml:7: load\.replay: mail\.\w+ has no column 'recipients'"):
        _read_what_a_run_reads(load_scenario(tmp_path / "s.yaml"))
    write(table.assign(to="onprem"))
    _read_what_a_run_reads(load_scenario(tmp_path / "s.yaml"))


@pytest.mark.parametrize(
    ("load", "path"),
    [
        ("streams: [{from: onprem, to: onprem, rate: 1/s}, {from: hosted, to: onprem, rate: 1/s}]", "streams[1].from"),
        ("streams: [{from: onprem, to: hosted, rate: 1/s}]", "streams[0].to"),
        ("bulk: [{at: 1 s, from: hosted, size: 1 MB}]", "bulk[0].from"),
        ("sent_per_mailbox: 1e5/day\n  internal_share: 0.5", ""),
        ("replay: gone.csv", "replay"),
    ],
    ids=["sender", "recipient", "mailing", "office", "replay"],
)
@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_a_load_that_cannot_be_drawn_is_told_with_its_line(
    load: str, path: str, engine: Engine, tmp_path: Path
) -> None:
    """File, line and key, whoever draws it: a run by either engine, and the loads that theory counts."""
    text = SCENARIO.replace("load: {replay: FILE}", f"load:\n  {load}")
    file = tmp_path / "s.yaml"
    file.write_text(
        text.replace("world: {kind: external, domain: otherdomain.com}", "") if "internal" in load else text
    )
    line = 7 if path == "" else 8
    told = f"{file}:{line}: load{'.' + path if path else ''}: "

    for find in (lambda: simulate(load_scenario(file), engine=engine), lambda: station_loads(load_scenario(file))):
        with pytest.raises(ScenarioError) as caught:
            find()
        assert str(caught.value).startswith(told)


def test_a_table_is_counted_once_while_it_stays_as_it_is(tmp_path: Path) -> None:
    """Of four questions about a table, the first reads it, and the one after it has changed."""
    table = tmp_path / "mail.csv"
    spec = ReplaySpec.from_data({"file": "mail.csv"})
    before = _rows_of.cache_info().misses
    for text, rows in (("born_s\n1\n", 1), ("born_s\n1\n2\n3\n", 3)):
        table.write_text(text)
        assert count_rows(spec, tmp_path) == count_rows(spec, tmp_path) == rows
    assert _rows_of.cache_info().misses == before + 2
