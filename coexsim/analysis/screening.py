"""What theory says of objectives before any run, and which machines are surely too small."""

from __future__ import annotations

from collections.abc import Sequence

from coexsim.analysis.loads import Loads, StationLoad
from coexsim.analysis.slo_text import Objective

SURELY = 1.05
"""How far beyond what it can do a station's load must be before theory alone says no."""
SURELY_BUSY = 1.1
"""The same for a limit on utilisation."""
ERRORS = 3
"""And by so many standard errors at least: an hour of few messages says little of another."""


def predict(objective: Objective, loads: Loads) -> float | None:
    """What theory expects of an objective; None where it has nothing to say."""
    if objective.kind == "utilisation":
        return max((busy_share(objective, station) for station in _stations(objective, loads)), default=None)
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


def growth_to_limit(objective: Objective, loads: Loads) -> float | None:
    """The growth of the mail at which theory expects a limit on utilisation to be reached; None where it has nothing to say.

    Other traffic on a line does not grow with the mail.
    """
    growths = []
    for station in _stations(objective, loads):
        other = station.other_busiest if objective.busiest_hour else station.other_share
        if mail := busy_share(objective, station) - other:
            growths.append((objective.limit - other) / mail)
    return min(growths, default=None)


def busy_share(objective: Objective, station: StationLoad) -> float:
    """The share that a limit on utilisation is about: of the busiest hour, or of the window, there no more than all."""
    return station.utilisation if objective.busiest_hour else station.window_utilisation


def _stations(objective: Objective, loads: Loads) -> list[StationLoad]:
    """The station that a limit on utilisation is about; of a link both directions."""
    return [s for s in loads.stations if s.server in objective.places and s.stage == objective.stage]


def _left(link: StationLoad) -> str:
    return "what the other traffic leaves of its bandwidth" if link.other_share else "its bandwidth"


def too_small(objectives: Sequence[Objective], loads: Loads) -> str:
    """Why this scenario surely does not hold, by theory; empty where the simulation must decide."""
    for station in loads.stations:
        surely = max(SURELY, 1 + ERRORS * station.doubt)
        if station.stage != "link" and station.offered > surely * station.workers:
            return (
                f"{station.server}.{station.stage}: {station.offered:.3g} busy on the mean over the window, "
                f"but there are {station.workers:g}: it never catches up"
            )
        if station.stage == "link" and station.offered > surely:
            return f"{station.server}: the mail needs {100 * station.offered:.0f} % of {_left(station)} over the window"
    for objective in objectives:
        expected = predict(objective, loads)
        if objective.kind != "utilisation" or not objective.is_upper or expected is None:
            continue
        doubt = max(station.doubt for station in _stations(objective, loads))
        if expected > max(SURELY_BUSY, 1 + ERRORS * doubt) * objective.limit:
            return f"{objective.text}: theory expects {100 * expected:.0f} %"
    return ""
