"""M/PH/c by its Markov chain: the mean wait where work has phases, computed apart from the simulator and its screening."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

State = tuple[int, ...]  # how many are there, and how many workers are in each phase


class Phases(NamedTuple):
    """Work that begins in phase i with `begins[i]`, leaves it at `rates_per_s[i]`, and goes on to phase j with `goes_on[i][j]`."""

    begins: Sequence[float]
    rates_per_s: Sequence[float]
    goes_on: Sequence[Sequence[float]]


def erlang(stages: int, mean_s: float) -> Phases:
    """So many exponential stages, one after another; coefficient of variation 1 / sqrt(stages)."""
    onward = [[float(j == i + 1) for j in range(stages)] for i in range(stages)]
    return Phases([float(i == 0) for i in range(stages)], [stages / mean_s] * stages, onward)


def hyperexponential(cv: float, mean_s: float) -> Phases:
    """One of two exponential laws, each of which makes half of the work (balanced means)."""
    share = (1 + np.sqrt((cv**2 - 1) / (cv**2 + 1))) / 2
    return Phases([share, 1 - share], [2 * share / mean_s, 2 * (1 - share) / mean_s], [[0.0, 0.0], [0.0, 0.0]])


def mean_wait_s(workers: int, rate_per_s: float, work: Phases, most: int = 400) -> float:
    """The mean wait of Poisson mail at `workers` (Little: mean queue by rate); with more than `most` there mail is lost, which is rare."""
    states = list(_states(workers, len(work.begins), most))
    number = {state: i for i, state in enumerate(states)}
    flows = [(number[a], number[b], flow) for a in states for b, flow in _moves(a, workers, rate_per_s, work, most)]
    begin, end, flow = (np.array(column) for column in zip(*flows, strict=True))
    n = len(states)
    out = np.bincount(begin, flow, n)
    balance = coo_matrix((flow, (end, begin)), (n, n)).tolil()
    balance.setdiag(-out)
    balance[0, :] = 1.0  # one equation of balance says nothing new; that the shares add up to 1 stands in its place
    shares = spsolve(balance.tocsc(), np.eye(1, n)[0])
    waiting = np.array([max(state[0] - workers, 0) for state in states])
    return float(shares @ waiting) / rate_per_s


def _states(workers: int, phases: int, most: int) -> Iterator[State]:
    for there in range(most + 1):
        busy = min(there, workers)
        yield from ((there, *at) for at in product(range(busy + 1), repeat=phases) if sum(at) == busy)


def _moves(state: State, workers: int, rate_per_s: float, work: Phases, most: int) -> Iterator[tuple[State, float]]:
    there, *at = state
    if there < most:
        if there >= workers:
            yield (there + 1, *at), rate_per_s
        else:
            yield from (((there + 1, *_moved(at, None, i)), rate_per_s * p) for i, p in enumerate(work.begins) if p)
    for i, count in enumerate(at):
        leaves = count * work.rates_per_s[i]
        if not leaves:
            continue
        yield from (((there, *_moved(at, i, j)), leaves * p) for j, p in enumerate(work.goes_on[i]) if p)
        done = leaves * (1 - sum(work.goes_on[i]))
        if done and there > workers:
            yield from (((there - 1, *_moved(at, i, j)), done * p) for j, p in enumerate(work.begins) if p)
        elif done:
            yield (there - 1, *_moved(at, i, None)), done


def _moved(at: Sequence[int], leaves: int | None, begins: int | None) -> list[int]:
    return [count - (i == leaves) + (i == begins) for i, count in enumerate(at)]
