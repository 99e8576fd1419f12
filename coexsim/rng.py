"""Random numbers that do not depend on the order in which things happen.

Two kinds, both keyed by (seed, replication, purpose), so that a new purpose never re-rolls the others:

- `stream`: a numpy generator, for what is drawn at birth in blocks (gaps, sizes, recipients);
- `keyed_uniform`: one number for (mail, repeat), for what is drawn later. The same mail gets the same
  number in every alternative, whatever happened before it.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_GOLDEN = 0x9E37_79B9_7F4A_7C15
_MIX_1 = 0xBF58_476D_1CE4_E5B9
_MIX_2 = 0x94D0_49BB_1331_11EB


def stream(seed: int, replication: int, purpose: str) -> np.random.Generator:
    """The generator for one `purpose`, such as ``load/external/gap``, of one replication.

    PCG64 fed by `numpy.random.SeedSequence`, whose spawn key is the replication and 128 bits of the purpose's
    SHA-256: Python's own `hash` differs from run to run.
    """
    digest = sha256(purpose.encode()).digest()
    words = (int.from_bytes(digest[at : at + 4], "little") for at in range(0, 16, 4))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(replication, *words))))


@lru_cache(maxsize=4096)
def draw_key(seed: int, replication: int, purpose: str) -> int:
    """64 bits that stand for (seed, replication, purpose) in `uniform_at`."""
    return int.from_bytes(sha256(f"{seed}/{replication}/{purpose}".encode()).digest()[:8], "little")


def uniform_at(key: int, index: int, repeat: int = 0) -> float:
    """The number in (0, 1) that `key` gives to mail `index`; `repeat` counts further draws for the same mail.

    Twice SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", in the form
    of S. Vigna's splitmix64.c): the generator seeded by `key` gives at place `index` the seed of a second,
    which gives the number at place `repeat`. Its upper 52 bits and a half make a float that is never 0 or 1.
    """
    z = (key + (index + 1) * _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * _MIX_1) & _MASK
    z = ((z ^ (z >> 27)) * _MIX_2) & _MASK
    z = ((z ^ (z >> 31)) + (repeat + 1) * _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * _MIX_1) & _MASK
    z = ((z ^ (z >> 27)) * _MIX_2) & _MASK
    return (((z ^ (z >> 31)) >> 12) + 0.5) * 2.0**-52


def uniforms_at(
    key: int, index: NDArray[np.integer[Any]], repeat: NDArray[np.integer[Any]] | int = 0
) -> NDArray[np.float64]:
    """`uniform_at` for arrays, bit for bit the same; `index` and `repeat` are broadcast together."""
    shift = np.right_shift

    def finalise(z: NDArray[np.uint64]) -> NDArray[np.uint64]:  # in place
        z ^= shift(z, np.uint64(30))
        z *= np.uint64(_MIX_1)
        z ^= shift(z, np.uint64(27))
        z *= np.uint64(_MIX_2)
        z ^= shift(z, np.uint64(31))
        return z

    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is what is meant
        one, golden = np.uint64(1), np.uint64(_GOLDEN)
        z = finalise(np.uint64(key) + (np.asarray(index).astype(np.uint64) + one) * golden)
        z = finalise(z + (np.asarray(repeat).astype(np.uint64) + one) * golden)
        return np.asarray((shift(z, np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52)


@overload
def keyed_uniform(seed: int, replication: int, purpose: str, index: int, repeat: int = 0) -> float: ...
@overload
def keyed_uniform(
    seed: int,
    replication: int,
    purpose: str,
    index: NDArray[np.integer[Any]],
    repeat: NDArray[np.integer[Any]] | int = 0,
) -> NDArray[np.float64]: ...
def keyed_uniform(
    seed: int,
    replication: int,
    purpose: str,
    index: int | NDArray[np.integer[Any]],
    repeat: int | NDArray[np.integer[Any]] = 0,
) -> float | NDArray[np.float64]:
    """A number in (0, 1) for (mail `index`, stage `purpose`, `repeat`), whenever it is asked for.

    An int gives a float, an array gives an array; both ways give the same bits. Where it is asked for often,
    take `draw_key` once and then `uniform_at`.
    """
    key = draw_key(seed, replication, purpose)
    if isinstance(index, np.ndarray) or isinstance(repeat, np.ndarray):
        return uniforms_at(key, np.asarray(index), repeat)
    return uniform_at(key, int(index), int(repeat))
