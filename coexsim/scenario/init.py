"""Write a commented scenario to begin with, from a template and a few figures."""

from __future__ import annotations

from pathlib import Path

from coexsim.errors import UsageError, did_you_mean
from coexsim.scenario.load import scenario_from_text

TEMPLATES = Path(__file__).with_name("templates")
KINDS = ("article", "exchange-hybrid", "exchange-hybrid-centralised", "google-split", "postfix-split")


def scenario_text(kind: str, domain: str, onprem: int, hosted: int, uplink: str) -> str:
    """A scenario of this kind: a domain with so many mailboxes a side, and an uplink of the office such as ``100 Mbit/s``.

    Raises `UsageError` for a kind that there is not, `ScenarioError` for figures that do not fit.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    if kind not in KINDS:
        raise UsageError(f"there is no kind {kind!r}{did_you_mean(kind, KINDS)}; there are {', '.join(KINDS)}")
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True, autoescape=False
    )  # fmt: skip
    text = made.get_template(f"{kind}.yaml.j2").render(
        kind=kind, domain=domain, onprem=onprem, hosted=hosted, uplink=uplink
    )
    scenario_from_text(text, "scenario.yaml")
    return text
