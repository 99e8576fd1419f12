"""What the heads of pictures of logs say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from coexsim.report.log_pictures import say_load


@pytest.mark.parametrize(
    ("predicted", "said"),
    [(422.0, "322 % more"), (107.3, "7.3 % more"), (50.0, "50 % fewer"), (1331.0, "1,231 % more")],
)
def test_a_share_is_told_without_powers_of_ten(predicted: float, said: str) -> None:
    """A server that is predicted four times the log's messages is 322 % off, not 3.2e+02 %."""
    rows = [("hub", "arrivals", predicted, 100.0)]
    servers = pd.DataFrame(rows, columns=["server", "what", "predicted", "measured"])

    assert say_load(cast(Any, SimpleNamespace(servers=servers))).endswith(f"than hub: {said}")
