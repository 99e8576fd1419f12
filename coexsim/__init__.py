"""coexsim: where mail goes, what it costs and how big the server must be, while a domain is shared.

The public names are loaded on first use, so that ``import coexsim`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coexsim import pictures as _pictures

if TYPE_CHECKING:
    from coexsim.analysis.compare import compare
    from coexsim.analysis.explain import explain
    from coexsim.analysis.outage_answer import outage
    from coexsim.analysis.outlook import outlook
    from coexsim.analysis.round_trip import round_trip
    from coexsim.analysis.sizing import size
    from coexsim.analysis.swept import sweep, sweep_verdicts, verdicts
    from coexsim.audit.check import check
    from coexsim.audit.diff import diff_routes
    from coexsim.errors import CoexsimError
    from coexsim.experiment.replicate import replicate
    from coexsim.experiment.results import Results
    from coexsim.experiment.run import simulate
    from coexsim.intake.configs.importing import import_setup
    from coexsim.intake.fit import fit
    from coexsim.intake.validate import validate
    from coexsim.mail.trace import trace
    from coexsim.mail.traced import Route
    from coexsim.report.explore.exploring import explore
    from coexsim.report.html import write_report
    from coexsim.scenario.load import load_scenario
    from coexsim.scenario.model import Scenario

__version__ = "0.1.0"

_pictures.homes.update(
    {
        kind: f"coexsim.report.pictures:{name}Pictures"
        for kind, name in (
            ("results", "Results"),
            ("outage", "Outage"),
            ("scenario", "Scenario"),
            ("route", "Route"),
            ("sizing", "Sizing"),
            ("comparison", "Comparison"),
            ("round trip", "RoundTrip"),
            ("fit", "Fit"),
            ("validation", "Validation"),
        )
    }
)

_HOME = {
    "load_scenario": "coexsim.scenario.load",
    "check": "coexsim.audit.check",
    "explain": "coexsim.analysis.explain",
    "trace": "coexsim.mail.trace",
    "diff_routes": "coexsim.audit.diff",
    "simulate": "coexsim.experiment.run",
    "replicate": "coexsim.experiment.replicate",
    "verdicts": "coexsim.analysis.swept",
    "sweep": "coexsim.analysis.swept",
    "sweep_verdicts": "coexsim.analysis.swept",
    "compare": "coexsim.analysis.compare",
    "size": "coexsim.analysis.sizing",
    "outage": "coexsim.analysis.outage_answer",
    "outlook": "coexsim.analysis.outlook",
    "round_trip": "coexsim.analysis.round_trip",
    "explore": "coexsim.report.explore.exploring",
    "import_setup": "coexsim.intake.configs.importing",
    "fit": "coexsim.intake.fit",
    "validate": "coexsim.intake.validate",
    "write_report": "coexsim.report.html",
    "Scenario": "coexsim.scenario.model",
    "Route": "coexsim.mail.traced:Route",
    "Results": "coexsim.experiment.results",
    "CoexsimError": "coexsim.errors",
}

__all__ = [
    "load_scenario",
    "check",
    "explain",
    "trace",
    "diff_routes",
    "simulate",
    "replicate",
    "verdicts",
    "sweep",
    "sweep_verdicts",
    "compare",
    "size",
    "outage",
    "outlook",
    "round_trip",
    "explore",
    "import_setup",
    "fit",
    "validate",
    "write_report",
    "Scenario",
    "Route",
    "Results",
    "CoexsimError",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'coexsim' has no attribute {name!r}")
    from importlib import import_module

    module, _, attribute = _HOME[name].partition(":")
    value: object = getattr(import_module(module), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
