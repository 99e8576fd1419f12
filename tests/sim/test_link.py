"""The fair link against processor-sharing theory, and against a simulation that does it the slow way."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from simpy.events import ProcessGenerator

from coexsim.analysis.theory import mg1_ps_sojourn_s
from coexsim.sim.clock import Clock
from coexsim.sim.downtime import DowntimeSchedule
from coexsim.sim.link import FairLink
from coexsim.sim.stage_log import StageLog
from tests.theory_check import assert_mean_is_and_not_a_tenth_more

Sizes = Callable[[np.random.Generator, int], NDArray[np.float64]]
LINK = 1000.0  # bytes per second


def exponential(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    return rng.exponential(1000, count)


def constant(_: np.random.Generator, count: int) -> NDArray[np.float64]:
    return np.full(count, 1000.0)


def hyperexponential(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Four in five of 500 bytes on the mean, one in five of 3000: a squared variation of 3."""
    return rng.exponential(np.where(rng.random(count) < 0.8, 500, 3000))


class Transfers:
    """Transfers over one link; `ended` has for each number when it ended, and whether it was whole."""

    def __init__(
        self,
        bytes_per_s: float | None = LINK,
        closed: tuple[tuple[float, float], ...] = (),
        length_s: float = 200,
        begin_s: float = 0,
        measured_s: tuple[float, float] = (0, inf),
    ) -> None:
        self.env = Clock(begin_s)
        self.log = StageLog("office to hosted", "link", None, length_s, bin_s=10, measured_s=measured_s)
        self.link = FairLink(self.env, "office to hosted", bytes_per_s, DowntimeSchedule(closed), self.log)
        self.ended: dict[int, tuple[float, object]] = {}

    def send(self, number: int, at_s: float, size_bytes: float) -> None:
        self.env.process(self._send(number, at_s, size_bytes))

    def _send(self, number: int, at_s: float, size_bytes: float) -> ProcessGenerator:
        yield self.env.timeout(at_s - self.env.now)
        over = self.link.start(size_bytes)
        whole = over if isinstance(over, bool) else (yield over)
        self.ended[number] = (self.env.now, whole)


def mean_sojourn_s(sizes: Sizes, load: float, replication: int, count: int = 8000) -> float:
    """The mean time under way, without the first tenth; 1000 bytes need 1 s on the mean when alone."""
    rng = np.random.default_rng([29, replication])
    gaps_s = rng.exponential(1 / load, count)
    transfers = Transfers(length_s=gaps_s.sum(), measured_s=(gaps_s.sum() / 10, inf))

    def senders() -> ProcessGenerator:
        for gap_s, size_bytes in zip(gaps_s.tolist(), sizes(rng, count).tolist(), strict=True):
            yield transfers.env.timeout(gap_s)
            transfers.link.send(size_bytes)

    transfers.env.process(senders())
    transfers.env.run()
    return transfers.log.summary().mean_service_s


@pytest.mark.theory
@pytest.mark.parametrize("sizes", [exponential, constant, hyperexponential])
def test_time_under_way_does_not_depend_on_the_law_of_sizes(sizes: Sizes) -> None:
    """M/G/1-PS: the mean is size / bandwidth / (1 - load) for any law (Kleinrock 1976, II, sec. 4.4)."""
    sojourns_s = [mean_sojourn_s(sizes, 0.5, r) for r in range(30)]

    assert_mean_is_and_not_a_tenth_more(mg1_ps_sojourn_s(0.5, 1.0), sojourns_s, rel=0.06)


def ends_the_slow_way(sends: list[tuple[float, float]]) -> list[float]:
    """Give all their share until the next one comes or goes, again and again."""
    left: dict[int, float] = {}
    ends = [0.0] * len(sends)
    now_s, coming = 0.0, list(range(len(sends)))
    while left or coming:
        due_s = now_s + min(left.values()) * len(left) / LINK if left else inf
        until_s = min(due_s, sends[coming[0]][0] if coming else inf)
        for number in left:
            left[number] -= (until_s - now_s) * LINK / len(left)
        now_s = until_s
        for number in [n for n, left_bytes in left.items() if left_bytes <= 1e-6]:
            del left[number]
            ends[number] = now_s
        while coming and sends[coming[0]][0] <= now_s:
            left[coming[0]] = sends[coming[0]][1]
            coming.pop(0)
    return ends


sends = st.lists(st.tuples(st.floats(0, 3), st.integers(0, 8000)), max_size=25).map(
    lambda steps: [(sum(gap for gap, _ in steps[: at + 1]), size) for at, (_, size) in enumerate(steps)]
)


@given(sends)
def test_ends_are_those_of_the_slow_way(sends: list[tuple[float, float]]) -> None:
    """Every transfer ends when it would if the shares were worked out anew at each change."""
    transfers = Transfers()
    for number, (at_s, size_bytes) in enumerate(sends):
        transfers.send(number, at_s, size_bytes)
    transfers.env.run()

    ends = [transfers.ended[number][0] for number in range(len(sends))]
    assert ends == pytest.approx(ends_the_slow_way(sends), abs=1e-6)
    assert all(whole for _, whole in transfers.ended.values())
    assert transfers.link.under_way == 0
    assert transfers.link.timeline()["bytes"].sum() == pytest.approx(sum(size for _, size in sends), abs=1e-3)


@given(sends, st.floats(0, 20), st.floats(0.1, 5))
def test_what_a_closed_time_begins_in_is_broken(sends: list[tuple[float, float]], from_s: float, for_s: float) -> None:
    """Whole if over by the beginning, False at the beginning if not, False at once if sent while closed."""
    transfers = Transfers(closed=((from_s, from_s + for_s),))
    for number, (at_s, size_bytes) in enumerate(sends):
        transfers.send(number, at_s, size_bytes)
    transfers.env.run()

    before = [send for send in sends if send[0] < from_s]
    for number, end_s in enumerate(ends_the_slow_way(before)):
        ended_s, whole = transfers.ended[number]
        assert ended_s == pytest.approx(min(end_s, from_s), abs=1e-6)
        assert whole is (end_s < from_s) or abs(end_s - from_s) < 1e-6
    for number, (at_s, _) in enumerate(sends):
        if from_s <= at_s < from_s + for_s:
            assert transfers.ended[number] == (at_s, False)
        elif at_s >= from_s + for_s:
            assert transfers.ended[number][1]


def test_a_transfer_that_ends_as_the_link_breaks_is_whole() -> None:
    """The moment at which a closed time begins is the last at which all may be over."""
    transfers = Transfers(closed=((10, 20), (30, 31)))
    transfers.send(0, 5, 2500)  # with 1, half the bandwidth: both need until 10
    transfers.send(1, 5, 2500)
    transfers.send(2, 9, 1000)
    transfers.send(3, 20, 1000)
    transfers.env.run()

    assert transfers.ended == {0: (10, False), 1: (10, False), 2: (10, False), 3: (21, True)}
    assert Transfers(closed=((10, 20),)).link.is_up()

    alone = Transfers(closed=((10, 20),))
    alone.send(0, 5, 5000)
    alone.env.run()
    assert alone.ended == {0: (10, True)}

    def cut_first() -> ProcessGenerator:
        yield first.env.timeout(10)
        first.link.break_all()

    first = Transfers()  # whichever of the two comes first at that moment
    first.env.process(cut_first())
    first.send(0, 5, 5000)
    first.env.run()
    assert first.ended == {0: (10, True)}


def test_timeline_of_a_link() -> None:
    """Bytes as they cross, not when a transfer ends; those of a broken one count up to the break."""
    transfers = Transfers(closed=((36, 40),), length_s=50)
    transfers.send(0, 5, 10_000)
    transfers.send(1, 32, 10_000)
    transfers.send(2, 34, 10_000)
    transfers.env.run()
    timeline = transfers.link.timeline()

    assert timeline["time_s"].tolist() == [0, 10, 20, 30, 40]
    assert timeline["bytes"] == pytest.approx([5000, 5000, 0, 4000, 0])
    assert timeline["utilisation"] == pytest.approx([0.5, 0.5, 0, 0.4, 0])
    assert timeline["under_way"] == pytest.approx([0.5, 0.5, 0, 0.6, 0])


def test_a_link_closes_its_books() -> None:
    """What is under way at the end of a run is in the log."""
    transfers = Transfers(length_s=40)
    transfers.send(0, 5, 100_000)
    transfers.env.run(until=20)
    transfers.link.close()

    assert transfers.log.summary().unfinished == 1
    assert transfers.link.timeline()["utilisation"] == pytest.approx([0.5, 1, 1, 1])


def test_an_instant_link_takes_no_time_and_counts_bytes() -> None:
    """No bandwidth given: no event is needed, and outages still hold."""
    transfers = Transfers(None, closed=((10, 20),))
    transfers.send(0, 1, 700)
    transfers.send(1, 11, 700)
    transfers.env.run(until=15)

    assert transfers.ended == {0: (1, True), 1: (11, False)}
    assert not transfers.link.pass_at_once(50)
    transfers.env.run(until=25)
    assert transfers.link.pass_at_once(50)
    assert transfers.link.timeline()["bytes"].tolist()[:3] == [700, 0, 50]


def test_a_link_without_bandwidth_is_an_error() -> None:
    """Zero would mean transfers that never end; None is the word for no limit."""
    with pytest.raises(ValueError, match="above zero"):
        Transfers(0.0)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e3, 1.25e7, 1.25e9]))
def test_late_in_a_run_the_clock_still_gets_on(seed: int, bytes_per_s: float) -> None:
    """After a million seconds a clock step is 1e-10 s: smaller rests must not be waited for over and over."""
    rng = np.random.default_rng(seed)
    transfers = Transfers(bytes_per_s, length_s=2e6, begin_s=1e6)
    for number in range(60):
        at_s = 1e6 + rng.exponential(30.0)
        transfers.send(number, at_s, bytes_per_s * rng.choice([1e-9, 1 / 3, 1.0, 7.77]))

    steps = 0
    while transfers.env.peek() < inf:
        transfers.env.step()
        steps += 1

    assert len(transfers.ended) == 60
    assert steps < 60 * 8


@pytest.mark.parametrize("bytes_per_s", [1.25e6, 1.25e9])
def test_small_transfers_beside_an_endless_one_end(bytes_per_s: float) -> None:
    """When much has crossed, the sum of shares has few digits left for one byte: that must not halt it."""
    transfers = Transfers(bytes_per_s, length_s=2e6, begin_s=1e6)
    rng = np.random.default_rng(31)
    transfers.send(0, 1e6, 1e16)
    for number in range(1, 301):
        transfers.send(number, 1.4e6 + rng.exponential(1e-6), float(rng.integers(1, 4)) / 3)

    steps = 0
    while len(transfers.ended) < 300 and steps < 300 * 8:
        transfers.env.step()
        steps += 1

    assert len(transfers.ended) == 300
    assert transfers.link.under_way == 1
