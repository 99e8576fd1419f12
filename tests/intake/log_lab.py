"""The log of five real Postfix servers under a load whose truth is known: ``postfix-lab/README.txt`` says how it was made."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from coexsim.intake.fit import Fit, fit

LAB = Path(__file__).parent / "postfix-lab"
SERVERS = ("external", "inbound", "onprem", "outbound", "third")
LOGS = [LAB / f"{name}.log.gz" for name in SERVERS]


def truth() -> dict[str, Any]:
    """What was sent."""
    found: dict[str, Any] = json.loads((LAB / "truth.json").read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=1)
def lab_fit() -> Fit:
    """The fit of all five logs."""
    return fit(LOGS)
