"""A table of mail is taken with the column names of other tools; what is missing is told, with what looks like it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from coexsim.errors import ScenarioError
from coexsim.experiment.run import simulate
from coexsim.scenario.load import load_scenario

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
