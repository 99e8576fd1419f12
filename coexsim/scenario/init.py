"""Write a commented scenario to begin with, from a template and a few figures."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from coexsim.errors import UsageError, did_you_mean

TEMPLATES = Path(__file__).with_name("templates")
ABOUT = {
    "article": "Domino and a hosted service, MX on-premises, smart host to the service",
    "exchange-hybrid": "Exchange and Microsoft 365, MX on-premises",
    "exchange-hybrid-centralised": "Exchange and Microsoft 365, MX in the cloud, all mail over the office",
    "google-split": "Google Workspace with split delivery to a server of one's own, MX at Google",
    "postfix-split": "Postfix and a hosted service, MX on-premises, transport table",
}
KINDS = tuple(ABOUT)


TAKEN = ("elsewhere.org", "hosted-mail.net", "mail.protection.outlook.com", "smtp.google.com")
"""Names that the templates have for the world outside and for services."""
CORES = 4
"""Taken for the server on-premises where nobody says how many cores it has; the file says so."""


class Line(NamedTuple):
    """The bandwidth of the office's line in each direction, as it stands in a scenario."""

    up: str
    down: str


def scenario_text(
    kind: str, domain: str, onprem: int, hosted: int, uplink: str | Line, cores: int | None = None
) -> str:
    """A scenario of this kind: a domain with so many mailboxes a side, and an uplink of the office such as ``100 Mbit/s``.

    Raises `UsageError` for a kind that there is not, `ScenarioError` for figures that do not fit.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from coexsim.scenario.load import scenario_from_text

    known_kind(kind)
    line = Line(uplink, uplink) if isinstance(uplink, str) else uplink
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True, autoescape=False
    )  # fmt: skip
    text = made.get_template(f"{kind}.yaml.j2").render(
        kind=kind, domain=domain, onprem=onprem, hosted=hosted, uplink=line, cores=cores, assumed_cores=CORES,
    )  # fmt: skip
    scenario_from_text(text, "scenario.yaml")
    return text


def known_kind(kind: str) -> None:
    """Raises `UsageError` for a kind that there is not."""
    if kind not in KINDS:
        raise UsageError(f"there is no kind {kind!r}{did_you_mean(kind, KINDS)}; there are {', '.join(KINDS)}")
