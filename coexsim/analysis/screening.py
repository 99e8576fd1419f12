"""What theory says of objectives before any run, and which machines are surely too small."""

from __future__ import annotations

from collections.abc import Sequence

from coexsim.analysis.loads import Loads
from coexsim.analysis.slo_text import Objective

SURELY = 1.05
"""How far beyond what it can do a station's load must be before theory alone says no."""
SURELY_BUSY = 1.1
"""The same for a limit on utilisation."""


def predict(objective: Objective, loads: Loads) -> float | None:
    """What theory expects of an objective; None where it has nothing to say."""
    if objective.kind == "utilisation":
        names = {objective.server, *_ways(objective.server or "")}
        found = [s.utilisation for s in loads.stations if s.server in names and s.stage == objective.stage]
        return max(found, default=None)
    if objective.what != "wait":
        return None
    if objective.stage is None:
        stations = [s for s in loads.stations if objective.server in (None, s.server) and s.stage != "link"]
        waited = sum(s.rate_per_s * s.wait_s for s in stations if s.rate_per_s)
        return waited / loads.messages_per_s if loads.messages_per_s else None
    station = loads.of(objective.server or "", objective.stage)
    if station is None:
        return None
    return station.wait_s if objective.kind == "mean" else station.wait_quantile_s(objective.probability or 0.5)


def _ways(label: str) -> tuple[str, str]:
    a, _, b = label.partition("-")
    return f"{a} to {b}", f"{b} to {a}"


def too_small(objectives: Sequence[Objective], loads: Loads) -> str:
    """Why this scenario surely does not hold, by theory; empty where the simulation must decide."""
    for station in loads.stations:
        if station.stage != "link" and station.offered > SURELY * station.workers:
            return (
                f"{station.server}.{station.stage}: {station.offered:.3g} busy on the mean over the window, "
                f"but there are {station.workers:g}: it never catches up"
            )
        if station.stage == "link" and station.offered > SURELY:
            return f"{station.server}: the mail needs {100 * station.offered:.0f} % of its bandwidth over the window"
    for objective in objectives:
        expected = predict(objective, loads)
        limited = objective.kind == "utilisation" and objective.is_upper and expected is not None
        if limited and expected is not None and expected > SURELY_BUSY * objective.limit:
            return f"{objective.text}: theory expects {100 * expected:.0f} %"
    return ""
