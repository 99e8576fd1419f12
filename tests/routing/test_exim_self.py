"""Exim's `self`: what becomes of an address whose route leads to this host, beyond the public cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.errors import ScenarioError
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.scenario.load import scenario_from_text

FOLDER = Path("tests/routing/public_cases")


@pytest.mark.parametrize(
    ("setting", "to", "outcome", "servers"),
    [
        ("pass", "ANNA@club.org", "delivered", ["mx"]),
        ("'reroute: smallco.net'", "anna@club.org", "delivered", ["mx"]),
        ("'reroute: rewrite: smallco.net'", "anna@club.org", "delivered", ["mx"]),
        ("'reroute: smallco.net'", "nobody@club.org", "refused_to_client", []),
        ("'reroute: club.org'", "anna@club.org", "refused_to_client", []),
        ("'reroute: elsewhere.org'", "somebody@club.org", "delivered", ["mx", "world"]),
        ("fail", "anna@club.org", "refused_to_client", []),
        ("defer", "anna@club.org", "refused_to_client", []),
    ],
)
def test_each_setting_does_what_the_specification_says(setting: str, to: str, outcome: str, servers: list[str]) -> None:
    """Exim specification, the generic option `self`: reroute redirects; to the same domain it leads back. Asked at RCPT."""
    text = f"extends: 247-exim-mx-is-itself-pass.yaml\nservers: {{mx: {{self: {setting}}}}}\n"
    (route,) = trace(Setup(scenario_from_text(text, base=FOLDER)), "anna", to).recipients

    assert (route.outcome, list(route.copies[0].servers)) == (outcome, servers)


def test_without_local_domains_nobody_is_local() -> None:
    """There is no router left that takes the address."""
    text = "extends: 247-exim-mx-is-itself-pass.yaml\nservers: {mx: {local_domains: []}}\n"
    (route,) = trace(Setup(scenario_from_text(text, base=FOLDER)), "x@elsewhere.org", "anna@club.org").recipients

    assert (route.outcome, route.code) == ("bounced", "5.0.0")


@pytest.mark.parametrize("setting", ["reroute", "'reroute:'", "thaw", "'reroute: nowhere'"])
def test_a_setting_that_is_not_known_is_an_error(setting: str) -> None:
    """With what would do."""
    with pytest.raises(ScenarioError, match="expected freeze, defer, fail, pass, send or 'reroute:"):
        scenario_from_text(
            f"extends: 247-exim-mx-is-itself-pass.yaml\nservers: {{mx: {{self: {setting}}}}}\n", base=FOLDER
        )
