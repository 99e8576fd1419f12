"""Silences of servers: told where a piece of a log was cut out, not where mail, several lines each, happened to come late."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from coexsim.intake.logs.silences import SilencesSeen

DAY_S = 86_400.0


def _found(seed: int, per_s: float, cut_s: tuple[float, float] = (0.0, 0.0)) -> tuple[Any, ...]:
    """What is told of two days of messages that come independently (Poisson), with lines when each comes, soon after and when it leaves."""
    numbers = np.random.default_rng(seed)
    born_s = np.sort(numbers.uniform(0, 2 * DAY_S, numbers.poisson(2 * DAY_S * per_s)))
    left_s = born_s + 0.7 + numbers.gamma(2.0, 0.5, len(born_s))
    kept = ~((left_s > cut_s[0]) & (born_s < cut_s[1]))
    born_s, left_s, zeros = born_s[kept], left_s[kept], np.zeros(int(kept.sum()), np.int64)
    joined = SimpleNamespace(
        visits=pd.DataFrame({"server": zeros, "arrived_s": born_s, "parent": zeros - 1}),
        deliveries=pd.DataFrame(
            {"row": np.tile(np.arange(len(zeros)), 2), "at_s": np.concatenate([born_s + 0.7, left_s])}
        ),
    )
    messages = pd.DataFrame({"server": zeros, "arrived_s": born_s, "is_notice": zeros > 0})
    seen = SilencesSeen(cast(Any, SimpleNamespace(starts=[], stops=[])), 0.0, 2 * DAY_S)
    seen.add(cast(Any, SimpleNamespace(joined=joined, messages=messages)))
    return seen.found()


@pytest.mark.parametrize("seed", range(5))
def test_mail_that_comes_late_by_chance_is_no_silence(seed: int) -> None:
    """A gap of half a minute where one message in nine seconds comes has the chance exp(-3.3), some hundred times a day."""
    assert _found(seed, 0.11) == ()


def test_a_piece_that_is_missing_is_told() -> None:
    """Ten minutes are gone, in which 360 messages would have come: one silence, of that length, and 360 lie below its bound."""
    [silence] = _found(1, 0.6, cut_s=(DAY_S, DAY_S + 600.0))

    assert silence.to_s - silence.from_s == pytest.approx(600, abs=20)
    assert 360 <= silence.missed <= 480
