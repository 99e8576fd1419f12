"""How fast it is: the seven-class network beside plain SimPy and Cimba, the loaded day, and growth. Run by `make bench`.

Seconds are of one processor; each measurement has a process of its own, and of several the median counts.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from statistics import median

import pandas as pd
import pytest

from coexsim.analysis.theory import mmc_wait_s
from tests.bench.cimba import HOME, build
from tests.bench.cimba import run as run_cimba
from tests.bench.measure import SEVEN, YARDSTICK, Measurement, earlier, in_own_process, mail_of

pytestmark = pytest.mark.bench
MESSAGES = 1_000_000
WAYS = ("workers", "processes")  # a Cimba process for each worker of a station, or for each message
SIZES = (100_000, 1_000_000, 10_000_000)
NAMES = {
    "naive": "a plain SimPy program",
    "seven": "coexsim, compiled",
    "seven, reference": "coexsim, reference",
}


@cache
def middle(what: str, messages: int, runs: int = 3) -> Measurement:
    """The run whose time is the median."""
    found = [in_own_process(what, messages) for _ in range(runs)]
    return next(m for m in found if m.seconds == median(f.seconds for f in found))


def show(name: str, m: Measurement, more: str = "") -> None:
    bytes_each = m.peak_bytes / m.messages
    print(
        f"  {name:<28} {m.messages:>10,} messages {m.seconds:>8.2f} s {m.per_s:>9,.0f}/s {bytes_each:>6,.0f} B each  {more}"
    )


@pytest.fixture(scope="module")
def cimba(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network as a program of Cimba."""
    program = build(tmp_path_factory.mktemp("cimba"))
    if program is None:
        pytest.skip(f"{HOME} does not name the folder that Cimba is installed in")
    return program


def test_the_three_networks_are_one(cimba: Path) -> None:
    """Plain SimPy, Cimba and coexsim find the same mean delay of each flow; Cimba's waits are those of M/M/c in a Jackson network."""
    from tests.bench.naive_seven import CLASSES, RATE_PER_S, STATIONS, run

    messages = 300_000
    rows = pd.DataFrame(run(messages), columns=["number", "kind", "flow", "born_s", "delay_s", "outcome"])
    plain = rows.groupby("flow")["delay_s"].mean()
    ours = mail_of(SEVEN, messages).groupby("flow", observed=True)["delay_s"].mean()
    for way in WAYS:
        found = run_cimba(cimba, way, messages)
        for flow, delay_s in found.delay_s.items():
            assert plain[flow] == pytest.approx(delay_s, rel=0.03), flow
            assert ours[flow] == pytest.approx(delay_s, rel=0.03), flow
        for station, (workers, work_s) in STATIONS.items():
            visits = sum(share * route.count(station) for share, _, route, _ in CLASSES)
            if station == "onprem":
                visits += 1  # notices
            expected_s = mmc_wait_s(workers, RATE_PER_S * visits / 100, work_s)
            assert found.wait_s[station] == pytest.approx(expected_s, rel=0.05, abs=1e-5), station


def test_seven_classes_beside_cimba(cimba: Path) -> None:
    """Beside the same network in C: a process for each worker, the faster way, and one for each message."""
    ours: list[Measurement] = []
    theirs: dict[str, list[Measurement]] = {way: [] for way in WAYS}
    for number in range(3):
        ours.append(in_own_process("seven", MESSAGES))
        for way in WAYS:
            theirs[way].append(run_cimba(cimba, way, MESSAGES, seed=number).took)
    print("\nseven classes of mail, beside Cimba")
    for way, found in theirs.items():
        ratio = median(mine.per_s / other.per_s for mine, other in zip(ours, found, strict=True))
        show(f"Cimba, {way}", sorted(found, key=lambda m: m.seconds)[1])
        print(f"  coexsim, compiled: {ratio:.2f} times as many messages a second, median of three pairs (2 asked)")
        assert ratio > 0.3


def test_seven_classes() -> None:
    """At least ten times the messages per second of a plain SimPy program of the same work, with the `mail` table made."""
    plain = middle("naive", MESSAGES)
    print("\nseven classes of mail, exponential work, no limits")
    show(NAMES["naive"], plain)
    ratios = {}
    for what in ("seven", "seven, reference"):
        ours = middle(what, MESSAGES)
        ratios[what] = ours.per_s / plain.per_s
        show(NAMES[what], ours, f"ratio {ratios[what]:.1f}x")
        assert ours.rows == pytest.approx(plain.rows, rel=0.01)  # messages, and bounces about one in a hundred

    assert ratios["seven"] >= 10


def test_loaded_day() -> None:
    """The Monday of 20,000 mailboxes in full detail: limits, sessions, bandwidth, scans, DNS of a thousand senders."""
    day = in_own_process("loaded day", 0)
    print("\nthe loaded day of 20,000 mailboxes (scenarios/load/corporate-20k.yaml), in full detail")
    show("coexsim, compiled", day, f"{day.rows:,} rows in the mail table")
    plain = in_own_process("loaded day, reference", 0)
    show("coexsim, reference", plain, f"ratio {day.per_s / plain.per_s:.1f}x")
    assert day.rows == plain.rows

    assert day.messages > 500_000
    assert day.peak_bytes / day.messages < 200


def test_loaded_day_beside_the_yardstick(tmp_path: Path) -> None:
    """The same day by the loop of generators that came before the two engines, from the repository's history."""
    tree = earlier(tmp_path)
    if tree is None:
        pytest.skip(f"the repository does not hold commit {YARDSTICK}")
    then, now = in_own_process("loaded day", 0, tree), in_own_process("loaded day", 0)
    print("\nthe loaded day, beside the loop of generators that came before, with the mail table made")
    show(f"coexsim at {YARDSTICK}", then)
    show("coexsim, compiled", now, f"ratio {now.per_s / then.per_s:.1f}x")

    assert now.per_s > 5 * then.per_s


def test_a_streamed_run_has_bounded_memory() -> None:
    """Three million messages more need no more memory than 64 MB: columns of work and cells fill up to their bounds."""
    runs = [in_own_process("seven, streamed", n) for n in (1_000_000, 4_000_000)]
    print("\nstreamed, seven classes")
    for m in runs:
        show("coexsim --stream", m, f"{m.peak_bytes / 1e6:,.0f} MB above the start")

    assert runs[1].peak_bytes < runs[0].peak_bytes + (64 << 20)
    assert runs[1].peak_bytes < 300e6


def test_growth_is_linear() -> None:
    """A message more costs the same at ten million as at a hundred thousand: 1.1 times is asked. Streamed: the table would not fit.

    A hundred million in 300 MB: ``python -m tests.bench.measure "seven, streamed" 100000000``.
    """
    runs = [middle("seven, streamed", n, runs=5 if n < 1_000_000 else 3 if n < 10_000_000 else 1) for n in SIZES]
    print("\ngrowth, seven classes, streamed")
    for m in runs:
        show(
            "coexsim --stream",
            m,
            f"{m.seconds / m.messages * 1e6:.2f} µs each, {m.peak_bytes / 1e6:,.0f} MB above the start",
        )
    small, middling, large = runs
    first = (middling.seconds - small.seconds) / (middling.messages - small.messages)
    then = (large.seconds - middling.seconds) / (large.messages - middling.messages)
    until = [f"{cost * 1e6:.2f} µs up to {m.messages:,}" for cost, m in ((first, middling), (then, large))]
    print(f"  another message costs {', '.join(until)}: ratio {then / first:.2f}x")

    assert then < 1.2 * first
