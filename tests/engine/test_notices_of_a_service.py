"""Notices that a hosted service writes under centralised transport: through on-premises, in both engines."""

from __future__ import annotations

import pytest

from coexsim.scenario.load import load_scenario
from tests.engine.both import assert_same, compiled, reference

TOO_LARGE = {
    "load": {
        "streams": [{"from": "internet", "to": "hosted", "rate": "2/min", "sizes": {"table": {"38000 KB": 0.5, "9 KB": 0.5}}}]
    },
    "run": {"start": "Mon 09:00", "length": "30 min"},
    "directory.population": {"onprem": 5, "hosted": 5},
}  # fmt: skip


@pytest.mark.parametrize("centralised", [True, False])
def test_notices_of_the_service_pass_on_premises(centralised: bool) -> None:
    """Set-OutboundConnector, RouteAllMessagesViaOnPremises: all messages. The service keeps 36 MB of 2^20 bytes, not 38 MB."""
    scenario = load_scenario("tests/routing/public_cases/229-notices-under-centralised-transport.yaml").change(
        TOO_LARGE | {"servers.exo-inbound.centralised_transport": centralised}
    )
    slow, fast = reference(scenario), compiled(scenario)
    notices = slow.mail[slow.mail["kind"] == "dsn"]

    assert_same(slow, fast)
    assert len(notices) > 10
    assert set(notices["outcome"]) == {"delivered"}
    assert set(notices["hops"]) == {2 if centralised else 1}
