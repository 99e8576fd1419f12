"""coexsim: where mail goes, what it costs and how big the server must be, while a domain is shared.

The public names are loaded on first use, so that ``import coexsim`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coexsim.errors import CoexsimError
    from coexsim.experiment.replicate import replicate
    from coexsim.experiment.results import Results
    from coexsim.experiment.run import simulate
    from coexsim.mail.trace import Trace as Route
    from coexsim.mail.trace import trace
    from coexsim.scenario.load import load_scenario
    from coexsim.scenario.model import Scenario

__version__ = "0.1.0"

_HOME = {
    "load_scenario": "coexsim.scenario.load",
    "trace": "coexsim.mail.trace",
    "simulate": "coexsim.experiment.run",
    "replicate": "coexsim.experiment.replicate",
    "Scenario": "coexsim.scenario.model",
    "Route": "coexsim.mail.trace:Trace",
    "Results": "coexsim.experiment.results",
    "CoexsimError": "coexsim.errors",
}

__all__ = [
    "load_scenario",
    "trace",
    "simulate",
    "replicate",
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
