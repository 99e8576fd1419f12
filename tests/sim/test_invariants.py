"""What holds in any world: random servers, limits, links, outages and retries, under load."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coexsim.experiment.results import Results
from coexsim.sim.world import World
from tests.sim.loaded import loaded, run_world
from tests.sim.worlds import WORLDS

QUICK = {"run": {"length": "3 min", "drain": "1 h"}}
maybe = st.none() | st.integers(1, 4)
WORK = st.sampled_from(
    ["0 ms", "30 ms", {"fixed": "80 ms", "law": "exponential"}, {"fixed": "100 ms", "cv": 2.0, "per_MB": "200 ms"}]
)
SERVER = st.fixed_dictionaries(
    {
        "service": st.fixed_dictionaries({"scan": WORK, "deliver": WORK, "accept": WORK}),
        "capacity": st.fixed_dictionaries(
            {
                "cores": maybe, "smtp_connections": maybe, "transfer_threads": maybe, "delivery_threads": maybe,
                "when_full": st.sampled_from(["refuse", "wait"]), "queue_length": st.none() | st.integers(3, 40),
                "queue_disk": st.sampled_from([None, "3 MB", "50 MB"]),
            }
        ),
        "smtp": st.fixed_dictionaries({"tls": st.booleans(), "reuse": st.sampled_from(["0 s", "3 s"]), "connect_timeout": st.just("5 s")}),
        "retry": st.sampled_from(
            [None, {"first": "20 s", "expire_after": "90 s", "warn_after": "50 s"}, {"like": "exim"}, {"like": "domino", "first": "15 s"}]
        ),
    }
)  # fmt: skip
THINGS = ["onprem", "inotes-inbound", "inotes-outbound", "external", "office-hosted", "office-internet", "dns"]
OUTAGE = st.fixed_dictionaries(
    {
        "at": st.integers(0, 170).map(lambda s: f"{s} s"),
        "for": st.integers(1, 200).map(lambda s: f"{s} s"),
        "down": st.lists(st.sampled_from(THINGS), min_size=1, max_size=2, unique=True),
    }
)
FAILING = st.sampled_from(THINGS).map(lambda thing: {"down": thing, "mtbf": "60 s", "mttr": "10 s"})
MOVE = st.sampled_from([{"at": "1 min", "move": 60, "to": "hosted"}, {"at": "90 s", "hire": 40, "to": "onprem"}])
LINKS = st.sampled_from(["800 kbit/s", "10 Mbit/s", None]).map(
    lambda bandwidth: [
        {"between": pair, "round_trip": "40 ms"} | ({"bandwidth": bandwidth} if bandwidth else {})
        for pair in (["office", "hosted"], ["office", "internet"])
    ]
)
WORLD = st.fixed_dictionaries(
    {
        "servers": st.fixed_dictionaries(dict.fromkeys(("onprem", "inotes-inbound"), SERVER), optional={"external": SERVER}),
        "links": LINKS,
        "events": st.lists(OUTAGE | FAILING | MOVE, max_size=3),
    }
)  # fmt: skip
ONPREM = st.sampled_from(["domino", "postfix", "exchange"])
often = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def without_none(keys: Any) -> Any:
    """Keys that are not said are left out."""
    if isinstance(keys, dict):
        return {key: without_none(value) for key, value in keys.items() if value is not None}
    return [without_none(value) for value in keys] if isinstance(keys, list) else keys


@often
@given(ONPREM, WORLD, st.integers(0, 1000))
def test_books_queues_and_workers(onprem: str, keys: dict[str, Any], seed: int) -> None:
    """Nothing is lost or made up, nobody waits a negative time or overtakes in a FIFO queue, and no worker does two things at once."""
    all_holds(*run_world(loaded(onprem, without_none(keys), QUICK), seed=seed, keep_visits=True))


@pytest.mark.parametrize("name", WORLDS)
def test_the_same_in_worlds_with_a_name(name: str) -> None:
    """In worlds where something is sure to happen: limits, outages, DNS that grows old, all at one moment."""
    all_holds(*run_world(loaded("domino", *WORLDS[name]), keep_visits=True))


def all_holds(world: World, results: Results) -> None:
    results.conservation()
    assert (results.mail["delay_s"].dropna() >= 0).all()
    assert results.mail["recipients"].sum() == world.recorder.sent == sum(world.recorder.ended)
    nothing_is_left(world, results)
    for (_, stage), visits in results.visits.groupby(["server", "stage"], observed=True):
        in_order(str(stage), visits)
    for row in results.stages.itertuples():
        no_busier_than(float(row.workers), results.visits, str(row.server), str(row.stage))  # type: ignore[arg-type]


def nothing_is_left(world: World, results: Results) -> None:
    """When everything has met its end, nothing is kept of it: no queue, no slot, no open copy."""
    if (results.mail["outcome"] == "in transit").any():
        return
    assert not world.under_way
    assert world.measured_under_way == 0
    for server in world.servers.values():
        assert (server.queued, server.queued_bytes) == (0, 0), server.name
        assert (server.threads.in_use, server.connections.in_use) == (0, 0), server.name
    assert all(link.under_way == 0 for link in world.network.links.values())


def in_order(stage: str, visits: pd.DataFrame) -> None:
    arrived_s, started_s, finished_s = (visits[c].to_numpy() for c in ("arrived_s", "started_s", "finished_s"))
    assert (started_s >= arrived_s).all()
    assert (finished_s >= started_s)[~np.isnan(finished_s)].all()
    if stage in ("cores", "delivery"):
        assert (np.diff(arrived_s) >= 0).all()
        assert (np.diff(started_s) >= 0).all()


def no_busier_than(workers: float, visits: pd.DataFrame, server: str, stage: str) -> None:
    """Count who is at work, ends before begins at the same moment."""
    rows = visits[(visits["server"] == server) & (visits["stage"] == stage)]
    times_s = np.concatenate([rows["finished_s"], rows["started_s"]])
    steps = np.repeat([-1, 1], len(rows))
    at_work = np.cumsum(steps[np.lexsort((steps, times_s))])
    assert len(rows) == 0 or at_work.max() <= workers


def test_the_count_of_workers_says_no() -> None:
    """Two visits at once are too many for one worker."""
    visits = pd.DataFrame({"server": "a", "stage": "b", "started_s": [0.0, 1.0], "finished_s": [2.0, 3.0]})

    no_busier_than(2, visits, "a", "b")
    with pytest.raises(AssertionError):
        no_busier_than(1, visits, "a", "b")
