"""Random numbers: the same whatever the order, and as random as they claim to be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from coexsim.rng import draw_key, keyed_uniform, stream, uniform_at, uniforms_at

Floats = NDArray[np.float64]
INT64 = st.integers(0, 2**63 - 1)
MASK = 2**64 - 1
STREAM_LITERALS = [15663276383681624555, 2916232280993838427, 14656694557744756879]
KEYED_LITERALS = [0.9200815716313312, 0.2032715633275678, 0.41419288011241895]


def test_a_stream_is_the_same_for_ever() -> None:
    """Numpy promises that PCG64's raw bits stay: literals written down in November 2026."""
    raw = stream(11, 3, "load/external/gap").bit_generator.random_raw(3)

    assert raw.tolist() == STREAM_LITERALS


def test_a_keyed_number_is_the_same_for_ever() -> None:
    """SHA-256's first 8 bytes and integer arithmetic: literals written down in November 2026."""
    assert [keyed_uniform(11, 3, "onprem/scan", 17, repeat) for repeat in range(3)] == KEYED_LITERALS


def test_the_streams_do_not_depend_on_pythons_hash() -> None:
    """Another PYTHONHASHSEED gives the same numbers: `hash("x")` differs between processes."""
    code = "from coexsim.rng import *; print(stream(1, 0, 'x').random(), keyed_uniform(1, 0, 'x', 5))"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert said == {f"{stream(1, 0, 'x').random()} {keyed_uniform(1, 0, 'x', 5)}\n"}


@pytest.mark.parametrize("other", [(12, 3, "a"), (11, 4, "a"), (11, 3, "b"), (3, 11, "a")])
def test_seed_replication_and_purpose_each_make_another_stream(other: tuple[int, int, str]) -> None:
    """Change any part of the name and the numbers are others; the same name gives the same ones."""
    assert stream(11, 3, "a").random(4).tolist() == stream(11, 3, "a").random(4).tolist()
    assert not set(stream(11, 3, "a").random(100)) & set(stream(*other).random(100))
    assert keyed_uniform(11, 3, "a", 0) != keyed_uniform(*other, 0)


def test_a_new_purpose_does_not_reroll_the_others() -> None:
    """Streams share no state: whatever one has drawn, the other's next number is the same."""
    alone = stream(1, 0, "sizes").random(3)
    other = stream(1, 0, "gaps")
    beside = stream(1, 0, "sizes")
    mixed = []
    for _ in range(3):
        other.random(7)
        mixed.append(beside.random())

    assert mixed == alone.tolist()


def splitmix64(state: int) -> int:
    """The number at the place `state` of S. Vigna's splitmix64.c, written down here once more."""
    z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def test_the_mixer_is_splitmix64() -> None:
    """Seed 1234567 gives the numbers that Rosetta Code's task "Pseudo-random numbers/Splitmix64" lists."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    states = [(1234567 + n * 0x9E3779B97F4A7C15) & MASK for n in (1, 2, 3)]

    assert [splitmix64(state) for state in states] == published
    # the outer generator's first number, undone to 52 bits, is splitmix64 seeded by the inner one's
    for n, seed in enumerate(published):
        expected = splitmix64((seed + 0x9E3779B97F4A7C15) & MASK) >> 12
        assert int(uniform_at(1234567, n) * 2**52) == expected


@given(key=st.integers(0, MASK), index=INT64, repeat=INT64)
def test_scalar_and_array_give_the_same_bits(key: int, index: int, repeat: int) -> None:
    """The fast scalar way and numpy's give identical floats, all inside (0, 1), without a warning."""
    one = uniform_at(key, index, repeat)

    assert uniforms_at(key, np.array([index]), np.array([repeat])).tolist() == [one]
    assert float(uniforms_at(key, np.array(index), repeat)) == one
    assert 0 < one < 1


def test_order_does_not_matter() -> None:
    """Asked for in any order, one by one or together, each mail keeps its number."""
    together = keyed_uniform(5, 2, "inbound/greylist", np.arange(50), 1)
    backwards = [keyed_uniform(5, 2, "inbound/greylist", n, 1) for n in reversed(range(50))]

    assert together.tolist() == backwards[::-1]
    assert keyed_uniform(5, 2, "x", np.arange(4)[:, None], np.arange(3)).shape == (4, 3)


@pytest.mark.parametrize("axis", ["mail", "repeat", "purpose", "seed"])
def test_numbers_are_uniform_along_every_axis(axis: str) -> None:
    """Kolmogorov-Smirnov over 100 000 or 2 000 neighbours; fixed seeds, so there are no false alarms."""
    many = np.arange(100_000)
    axes: dict[str, Callable[[], Floats]] = {
        "mail": lambda: keyed_uniform(1, 0, "x", many),
        "repeat": lambda: keyed_uniform(1, 0, "x", np.zeros_like(many), many),
        "purpose": lambda: np.array([keyed_uniform(1, 0, f"x{n}", 0) for n in range(2000)]),
        "seed": lambda: np.array([keyed_uniform(n, 0, "x", 0) for n in range(2000)]),
    }
    numbers = axes[axis]()

    assert stats.kstest(numbers, "uniform").pvalue > 0.001
    assert stats.kstest(numbers**1.2, "uniform").pvalue < 0.01, "the test can say no"


def test_neighbours_are_not_correlated() -> None:
    """Lag correlations between mails and between attempts stay under 4.5 / sqrt(n): p = 7e-6 each."""
    table = keyed_uniform(7, 1, "x", np.arange(20_000)[:, None], np.arange(4))
    limit = 4.5 / np.sqrt(len(table))

    def correlation(a: Floats, b: Floats) -> float:
        return float(abs(np.corrcoef(a, b)[0, 1]))

    for lag in (1, 2, 3, 64):
        assert correlation(table[:-lag, 0], table[lag:, 0]) < limit
    for repeat in (1, 2, 3):
        assert correlation(table[:, 0], table[:, repeat]) < limit
        assert correlation(table[:-1, 0], table[1:, repeat]) < limit
    assert correlation(table[:, 0], table[:, 0] + table[:, 1]) > limit, "the test can say no"


def test_a_million_mails_have_a_million_numbers() -> None:
    """52 bits: of a million numbers about 1e-4 pairs collide, and none does here."""
    assert len(np.unique(uniforms_at(draw_key(1, 0, "x"), np.arange(1_000_000)))) == 1_000_000
