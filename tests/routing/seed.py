"""The article's set-up as tests change it: YAML laid over ``scenarios/article/environment.yaml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from coexsim.mail.setup import Setup
from coexsim.mail.trace import Route, trace
from coexsim.scenario.load import scenario_from_text

ARTICLE = Path(__file__).parents[2] / "scenarios" / "article"
OUTSIDE, NOBODY = "someuser@otherdomain.com", "nonexistent@corporate.com"
DU1, DU2, IU1, IU2 = (f"{name}@corporate.com" for name in ("dUser1", "dUser2", "iUser1", "iUser2"))

Told = tuple[str, tuple[str, ...], str | None, str | None]


@cache
def article_with(changes: str) -> Setup:
    """The article's environment with other keys."""
    return Setup(scenario_from_text("extends: environment.yaml\n" + changes, base=ARTICLE))


def go(changes: str, sender: str, to: str | list[str], **options: object) -> Route:
    """A trace in the changed environment."""
    return trace(article_with(changes), sender, to, **options)  # type: ignore[arg-type]


def told(result: Route) -> Told:
    """Outcome, servers passed, who gave up and with which code, of the first recipient."""
    first = result.recipients[0]
    return first.outcome, first.servers, first.by, first.code
