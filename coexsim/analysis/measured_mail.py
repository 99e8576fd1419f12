"""The mail of the measured window, by classes that are alike: what theory sends through the stations."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from coexsim.analysis.sized_work import Moments
from coexsim.draw.mail_table import MailBlock
from coexsim.experiment.figures import HOUR, busiest
from coexsim.sim.formulas import slow_start_round_trips
from coexsim.sim.senders import mail_of
from coexsim.sim.world import World


class MeasuredClass(NamedTuple):
    """Alike mail: who sends it to whom, how much of it, its sizes, and what TCP's slow start adds in round trips."""

    sender: str
    pattern: tuple[tuple[str, int], ...]
    size_class: int
    messages: int
    busiest: int
    size: Moments
    slow_start: float


class MeasuredMail(NamedTuple):
    """The mail of the measured window by class; when its busiest hour begins and how long it is [s]."""

    classes: tuple[MeasuredClass, ...]
    busiest_s: float
    busiest_from_s: float


def measured_mail(world: World) -> MeasuredMail:
    """The measured mail of replication 0."""
    scenario = world.scenario
    if scenario.load is None:
        return MeasuredMail((), 1.0, 0.0)
    begin_s, end_s = world.measured_s
    blocks = list(mail_of(world))
    if not blocks:
        return MeasuredMail((), 1.0, 0.0)
    born_s = np.concatenate([block.born_s for block in blocks])
    per_minute = np.bincount(((born_s[(born_s >= begin_s) & (born_s < end_s)] - begin_s) // 60).astype(np.int64))
    from_s = begin_s + 60 * busiest(per_minute.astype(np.float64))[1]
    to_s = min(from_s + 60 * HOUR, end_s)
    found: dict[tuple[int, int, int], list[float]] = defaultdict(lambda: [0.0] * 5)
    for block in blocks:
        _count(world, block, (begin_s, end_s), (from_s, to_s), found)
    names, patterns = blocks[-1].addresses, blocks[-1].patterns
    classes = tuple(
        MeasuredClass(
            names[sender], patterns[pattern], size_class, int(n), int(peak), Moments(size / n, square / n), slow / n
        )
        for (sender, pattern, size_class), (n, peak, size, square, slow) in sorted(found.items())
    )
    return MeasuredMail(classes, to_s - from_s, from_s)


def _count(
    world: World,
    block: MailBlock,
    window_s: tuple[float, float],
    hour_s: tuple[float, float],
    found: dict[tuple[int, int, int], list[float]],
) -> None:
    rows = (block.born_s >= window_s[0]) & (block.born_s < window_s[1])
    if not rows.any():
        return
    born_s, size = block.born_s[rows], block.size_bytes[rows]
    sizes, place = np.unique(size, return_inverse=True)
    of_size = np.array([(world.size_class(each), slow_start_round_trips(each)) for each in sizes.tolist()])[place]
    keys = (block.sender[rows], block.pattern[rows], of_size[:, 0])
    shape = [int(column.max()) + 1 for column in keys]
    codes, inverse = np.unique(np.ravel_multi_index(keys, shape), return_inverse=True)
    unique = np.stack(np.unravel_index(codes, shape), axis=1)
    peak = (born_s >= hour_s[0]) & (born_s < hour_s[1])
    squares = size.astype(np.float64) ** 2
    weights = (np.ones(len(size)), peak, size, squares, of_size[:, 1])
    columns = [np.bincount(inverse, weight, len(unique)) for weight in weights]
    for key, *values in zip(unique.tolist(), *columns, strict=True):
        total = found[key[0], key[1], key[2]]
        for i, value in enumerate(values):
            total[i] += float(value)
