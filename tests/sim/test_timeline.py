"""Every stage of every server has a row for each minute of each run, the queue at the end of the run included."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from coexsim.experiment.replicate import replicate
from coexsim.report.summary import summarise
from coexsim.sim import world as world_module
from coexsim.sim.world import World
from tests.sim.loaded import loaded, run_world
from tests.sim.small import IN, Small

QUIET = {"load": {"streams": [{"from": "internet", "to": {"onprem": 1}, "rate": "2/min"}], "sizes": {"2 KB": 1}}}
LENGTHS = {"1 min": 60, "90 s": 90, "3 min": 180, "100.5 s": 100.5, "20 s": 20}


def minutes_missing(timeline: pd.DataFrame, length_s: float, replications: int = 1) -> list[tuple[object, ...]]:
    """Stages that lack a minute of the run, or have one too many, in some replication."""
    minutes = list(range(ceil(length_s / 60)))
    stations = timeline[["server", "stage"]].astype(str).drop_duplicates().itertuples(index=False)
    return [
        (replication, server, stage)
        for server, stage in stations
        for replication in range(replications)
        if timeline.loc[
            (timeline["server"] == server) & (timeline["stage"] == stage) & (timeline["replication"] == replication), "minute"
        ].tolist() != minutes
    ]  # fmt: skip


@pytest.mark.parametrize("drain", ["0 s", "1 h"])
@pytest.mark.parametrize("length", LENGTHS)
def test_every_replication_has_every_minute(length: str, drain: str) -> None:
    """Some replications end with mail under way and some without: all have the same minutes, so that they can be averaged."""
    results = replicate(loaded("domino", QUIET, {"run": {"length": length, "drain": drain}}), 4, seed=3, jobs=1)

    assert minutes_missing(results.timeline, LENGTHS[length], 4) == []
    assert all(row["at_the_end"] >= 0 for row in summarise(results)["queues"])
    last = results.timeline["minute"].max()
    shorter = results.timeline[~((results.timeline["minute"] == last) & (results.timeline["replication"] == 1))]
    assert minutes_missing(shorter, LENGTHS[length], 4)


@pytest.mark.parametrize(("length", "at_end"), [("302.5 s", 1), ("306.5 s", 1), ("307 s", 0), ("360 s", 0)])
def test_queue_at_the_end_of_a_run_within_a_minute(length: str, at_end: int, tmp_path: Path) -> None:
    """A mail born at 302 s takes a session of 5 s: it is in the sender's queue at the end of runs that end before 307 s."""
    results = Small(tmp_path).run([(302.0, *IN[1:])], {"run": {"length": length, "drain": "0 s"}})
    queue = results.timeline[(results.timeline["stage"] == "queue") & (results.timeline["server"] == "external")]

    assert queue["minute"].tolist() == list(range(6))
    assert queue["backlog"].tolist() == [0, 0, 0, 0, 0, at_end]


def test_run_stopped_early_has_every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an unstable run is stopped, its queues are not told as empty from then on."""
    monkeypatch.setattr(world_module, "MOST_MESSAGES_AT_ONCE", 20)
    slow: dict[str, Any] = {"servers": {"onprem": {"capacity": {"cores": 1}, "service": {"scan": "5 s"}}}}
    world, results = run_world(loaded("domino", slow))
    queue = results.timeline[(results.timeline["stage"] == "queue") & (results.timeline["server"] == "onprem")]

    assert world.stopped_early is not None
    assert minutes_missing(results.timeline, World(loaded(), 1, 0).length_s) == []
    assert queue["backlog"].iloc[-1] > 0


def test_a_replication_without_mail_joins_with_others() -> None:
    """One mail a minute: some of eight replications of 20 s have no mail at all, and their empty tables join with the others'."""
    results = replicate(loaded("domino", QUIET, {"run": {"length": "20 s", "drain": "0 s"}}), 8, seed=1, jobs=1)

    assert 0 < results.mail["replication"].nunique() < 8
