"""The stretch of time in which shares in use are told: the busiest hour, or all of a measured window that is shorter."""

from __future__ import annotations

from coexsim.analysis.slo_text import BUSIEST_HOUR
from coexsim.scenario.model import Scenario
from coexsim.sim.world import measured_window_s
from coexsim.units import say_duration


def say_peak(begin_s: float, end_s: float) -> str:
    """``busiest hour``; of a window that is shorter than an hour all of it: ``measured 30 min``."""
    measured_s = end_s - begin_s
    return BUSIEST_HOUR if measured_s >= 3600 else f"measured {say_duration(measured_s)}"


def peak_of(scenario: Scenario) -> str:
    """The same for the window that a scenario measures."""
    return say_peak(*measured_window_s(scenario))
