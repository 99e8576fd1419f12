"""Keys and kinds that people know by other names are answered with what to write in their place."""

from __future__ import annotations

import pytest

from coexsim.errors import ScenarioError
from coexsim.scenario.faults import KINDS_BY_NAME
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.servers import PostfixServer
from coexsim.scenario.servers.postfix_words import SAID_BY

ONE = "coexsim: 1\ndomain: smallco.net\nservers: {{mx: {{{server}}}}}\n"


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("kind: postfix, relocated_maps: x", "servers.mx.relocated_maps: there is no such key: transport says it"),
        ("kind: postfix, smtp_tls_security_level: encrypt", "requires_tls_to"),
        ("kind: postfix, relay_hosts: x", "did you mean 'relayhost'"),
        ("kind: Sendmail", "'Sendmail' is no kind of server; write kind: postfix"),
        ("kind: m365", "with provider: exchange-online"),
    ],
)
def test_what_to_write_instead_is_told(server: str, told: str) -> None:
    """At the key, with the line."""
    with pytest.raises(ScenarioError, match=told):
        scenario_from_text(ONE.format(server=server))


def test_no_hint_is_about_a_key_or_a_kind_that_there_is() -> None:
    """Else it would never be told."""
    assert set(SAID_BY).isdisjoint(PostfixServer.model_fields)
    assert set(KINDS_BY_NAME).isdisjoint({"domino", "exchange", "postfix", "exim", "relay", "external"})
