"""A streamed run keeps no row a message: its accounting is that of the whole table exactly, its percentiles to 1 %."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coexsim.analysis.slo import evaluate, judge
from coexsim.analysis.slo_mail import FROM_CELLS, Sample, Series
from coexsim.analysis.slo_text import parse_objective
from coexsim.engine import births
from coexsim.experiment.replicate import replicate
from coexsim.experiment.results import Results, join, load_results
from coexsim.experiment.run import simulate
from coexsim.report.answer import whole_answer
from coexsim.report.summary import summarise
from coexsim.scenario.load import changed, load_scenario
from coexsim.scenario.model import Scenario
from coexsim.sim import binned
from coexsim.sim.binned import IN_TRANSIT, Bins, buckets_of, parts_for
from tests.sim.loaded import loaded
from tests.sim.worlds import LIMITS, NARROW, WORK

LOST = {"events": [{"at": "40 s", "for": "20 s", "down": "inotes-inbound"}]}
BUSY = loaded("domino", WORK, LIMITS, NARROW, LOST, {"run": {"length": "3 min", "measure": "20 s - 150 s"}})


def both(scenario: Scenario, **options: Any) -> tuple[Results, Results]:
    whole, streamed = (simulate(scenario, engine="compiled", stream=stream, **options) for stream in (False, True))
    return whole, streamed


def assert_alike(whole: Results, streamed: Results) -> None:
    pd.testing.assert_frame_equal(whole.conservation(), streamed.conservation())
    pd.testing.assert_frame_equal(whole.outcomes(), streamed.outcomes())
    one, other = whole.delays(), streamed.delays()
    assert one["recipients"].equals(other["recipients"])
    np.testing.assert_allclose(other["mean_s"], one["mean_s"], rtol=1e-9)
    for name in ("p50_s", "p95_s", "p99_s"):
        np.testing.assert_allclose(other[name], one[name], rtol=0.01, atol=1e-6)
    assert streamed.measured_messages == whole.measured_messages
    assert streamed.wan_bytes == whole.wan_bytes
    for table in ("stages", "timeline", "dns"):
        pd.testing.assert_frame_equal(whole.tables[table], streamed.tables[table])


def test_accounting_is_exact_and_percentiles_are_right_to_one_percent() -> None:
    """Beside the whole table of the same run, with limits, a narrow link and an outage."""
    whole, streamed = both(BUSY)

    assert_alike(whole, streamed)
    assert int(streamed.mail["rows"].sum()) == len(whole.mail)
    assert len(streamed.mail) < len(whole.mail)


@pytest.mark.parametrize(
    "more", [{}, {"events": [{"at": "40 s", "for": "2 h", "down": "inotes-inbound"}]}], ids=["short", "long"]
)
def test_the_reference_streams_too(more: dict[str, Any]) -> None:
    """Both engines make the same table, whatever the order in which they come to its rows, and to their words."""
    scenario = changed(BUSY, more)
    one, other = (simulate(scenario, engine=engine, stream=True) for engine in ("compiled", "reference"))

    pd.testing.assert_frame_equal(one.mail, other.mail, check_exact=True)
    assert one.mail["mail"].tolist() == list(range(len(one.mail)))


def test_work_of_old_blocks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes are kept of few blocks; work on mail of an older one is drawn by itself, and is the same."""
    from tests.engine.both import assert_engines_agree

    monkeypatch.setattr(births, "BLOCKS_KEPT", 1)
    assert_engines_agree(BUSY, block_mails=5)


def test_replications_are_joined_and_kept(tmp_path: Path) -> None:
    """`join`, `save` and `load_results` keep the cells."""
    streamed = replicate(BUSY, 2, jobs=1, stream=True)
    whole = replicate(BUSY, 2, jobs=1)

    assert_alike(whole, streamed)
    again = load_results(streamed.save(tmp_path))
    assert again.is_streamed
    assert again.mail["rows"].equals(streamed.mail["rows"])
    pd.testing.assert_frame_equal(again.delays(), streamed.delays())


def test_verdicts_say_that_percentiles_are_from_bins() -> None:
    """And are those of the whole table: same evidence, an interval about as wide."""
    whole, streamed = both(BUSY)
    asked = ["p95(delay) < 60 s", "mean(delay) < 60 s", "share(bounced) < 50 %", "mean(wait) < 60 s"]

    for one, other in zip(evaluate(asked, whole, BUSY), evaluate(asked, streamed, BUSY), strict=True):
        assert other.answer == one.answer
        assert other.samples == one.samples
        assert other.estimate == pytest.approx(one.estimate, rel=0.01)
        if one.objective.kind == "quantile":
            assert "bins 1 % wide" in other.why
            assert other.interval.half_width == pytest.approx(one.interval.half_width, rel=0.2)


def test_a_streamed_run_says_that_the_round_trip_is_not_priced() -> None:
    """In the answer, at a terminal as on the page; not where there is none, nor where all mail is kept."""
    whole, streamed = (summarise(run, BUSY) for run in both(BUSY))

    said = "The round trip is not priced in a streamed run."
    assert whole["round_trip_flows"]
    assert said in whole_answer(streamed, [])
    assert said not in whole_answer(whole, [])
    assert said not in whole_answer(streamed | {"round_trip_flows": []}, [])


def test_a_verdict_that_cannot_say_tells_of_bins_too() -> None:
    """Its figure is from them though the window is too short to judge, or the system was not stable."""
    objective = parse_objective("p95(delay) < 60 s", BUSY)
    drift = tuple(np.repeat(np.linspace(1.0, 9.0, 6), 10).tolist())
    sample = Sample(5.0, 1000, 4.0, 6.0, hits=990, note=FROM_CELLS, series=Series(drift, (1.0,) * 60))

    short = judge(objective, [sample])
    assert short.answer == "cannot say"
    assert "window is too short" in short.why
    assert short.why.endswith("from bins 1 % wide")
    growing = judge(objective, [sample._replace(growing="mail waits longer and longer")])
    assert growing.why.endswith("mail waits longer and longer; from bins 1 % wide")


SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.mark.parametrize(
    ("file", "seed"),
    [
        *(("load/corporate-20k.yaml", seed) for seed in (1, 2, 3)),
        ("sizing/corporate-20k.yaml", 1),
        ("outage/hosted-down.yaml", 1),
    ],
)
def test_a_streamed_run_has_the_verdicts_of_the_whole_table(file: str, seed: int) -> None:
    """How long a queue remembers shows in minutes; sixtieths of a day hide it, and left a loaded day too short to judge."""
    scenario = load_scenario(SCENARIOS / file)
    whole, streamed = both(scenario, seed=seed)

    answers = [[each.answer for each in evaluate(None, run, scenario)] for run in (whole, streamed)]
    assert answers[0] == answers[1]
    assert "met" in answers[0]


@pytest.mark.parametrize(
    ("minutes", "parts"), [(1, 60), (60, 60), (89, 60), (91, 120), (240, 240), (300, 300), (600, 360), (6000, 360)]
)
def test_parts_of_the_window_are_about_a_minute(minutes: int, parts: int) -> None:
    """A multiple of sixty, which blocks of intervals fit into."""
    assert parts_for(60.0 * minutes) == parts


@pytest.mark.parametrize(("most", "parts"), [(10**6, 360), (2000, 180), (1300, 60), (1, 60)])
def test_too_many_cells_join_parts_of_the_window(most: int, parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same cells, whatever the order of rows, and however many were taken when their parts were joined."""
    monkeypatch.setattr(binned, "MOST_CELLS", most)
    rng = np.random.default_rng(2)
    n = 4000
    names = ("kind", "stream", "flow", "outcome", "code", "by", "hops", "recipients", "size_bytes", "wan_bytes")
    rows: dict[str, Any] = dict.fromkeys((*names, "attempts", "measured"), np.ones(n, np.int64))
    rows |= {"mail": np.arange(n), "born_s": rng.integers(0, 3600, n) * 10.0, "delay_s": 2.0 ** rng.integers(0, 10, n)}
    found = []
    for pending, blocks, order in ((1 << 17, 1, np.arange(n)), (0, 40, rng.permutation(n))):
        monkeypatch.setattr(binned, "_PENDING", pending)
        bins = Bins((0.0, 36000.0), 36000.0)
        for some in np.array_split(order, blocks):
            bins.take({name: column[some] for name, column in rows.items()})
        found.append(pd.DataFrame(bins.columns()))
        assert bins.parts == parts

    pd.testing.assert_frame_equal(found[0], found[1], check_exact=True)
    assert found[0]["rows"].sum() == n


@pytest.mark.parametrize(("most", "parts"), [(10**6, 360), (1000, 60)])
def test_engines_join_parts_alike(most: int, parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And say in how many of them births are told apart, which replications have in common."""
    monkeypatch.setattr(binned, "PART_S", 0.3)
    monkeypatch.setattr(binned, "MOST_CELLS", most)
    one, other = (simulate(BUSY, engine=engine, stream=True) for engine in ("compiled", "reference"))

    pd.testing.assert_frame_equal(one.mail, other.mail, check_exact=True)
    assert one.parts_of_window == other.parts_of_window == parts
    monkeypatch.setattr(binned, "MOST_CELLS", 1)
    assert join([one, simulate(BUSY, stream=True, replication=1)]).parts_of_window == 60


def test_buckets_are_one_percent_wide() -> None:
    """Nothing, a microsecond, and what is not known have a bucket of their own; two delays in one bucket differ by 1 % at most."""
    delay_s = np.array([0.0, 1e-6, 1.0, 1.0099, 1.0201, np.nan])
    at = buckets_of(delay_s)

    assert at[0] == at[1] == 0
    assert at[3] - at[2] <= 1 < at[4] - at[2] + 1
    assert at[5] == IN_TRANSIT


def test_memory_does_not_grow_with_the_mail() -> None:
    """Ten times the rows, the same cells."""
    rng = np.random.default_rng(1)
    cells = []
    for blocks in (3, 30):
        bins = Bins((0.0, 100.0), 100.0)
        for _ in range(blocks):
            n = 20_000
            words = {name: np.zeros(n, np.int64) for name in ("kind", "stream", "flow", "outcome", "code", "by")}
            numbers = {
                "mail": np.arange(n),
                "recipients": np.ones(n),
                "size_bytes": np.ones(n),
                "wan_bytes": np.ones(n),
            }
            times = {
                "born_s": np.floor(rng.random(n) * 60) * 100 / 60,
                "delay_s": 1.01 ** np.floor(rng.random(n) * 100),
            }
            bins.take(words | numbers | times | {"hops": np.ones(n), "attempts": np.ones(n), "measured": np.ones(n)})
        columns = bins.columns()
        assert columns["rows"].sum() == blocks * 20_000
        assert bins.measured_mails == 20_000
        cells.append(len(columns["rows"]))

    assert cells[1] < 1.3 * cells[0]
