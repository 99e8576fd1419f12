"""Keys of where mail goes, in time: both engines hold to the rules that `trace` asks."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from coexsim.scenario.load import load_scenario
from tests.engine.both import assert_same, compiled, reference

LOAD = {
    "load": {"streams": [{"from": "onprem", "to": "internet", "rate": "2/min", "sizes": "9 KB"}]},
    "run": {"start": "Mon 00:00", "length": "30 min"},
    "directory.population": {"onprem": 20},
}
FROM_OUTSIDE = {"load": {"streams": [{"from": "internet", "to": "onprem", "rate": "2/min", "sizes": "9 KB"}]}}

LARGE = {"load": {"streams": [{"from": "internet", "to": "onprem", "rate": "2/min", "sizes": "30 MB"}]}}


@pytest.mark.parametrize(
    ("name", "more", "outcomes"),
    [
        ("241-domino-relay-hosts-one-after-another", {}, {"delivered"}),
        ("241c-domino-relay-hosts-at-random", {}, {"delivered"}),
        ("245-address-literals", {}, {"delivered"}),
        ("246b-access-table-redirect", FROM_OUTSIDE, {"delivered"}),
        ("247c-exim-mx-is-itself-reroute", {}, {"delivered"}),
        ("247d-exim-mx-is-itself-send", {}, {"delivered"}),
        ("248-smaller-size-announced-postfix", LARGE, {"bounced"}),
        ("239-smtputf8-not-offered-behind-the-gateway", FROM_OUTSIDE, {"delivered"}),
        ("234-tls-for-all-and-a-filter-without", FROM_OUTSIDE, {"expired"}),
        ("234b-tls-for-the-relay-host-only", FROM_OUTSIDE, {"delivered"}),
    ],
)
def test_both_engines_go_the_same_way(name: str, more: Mapping[str, object], outcomes: set[str]) -> None:
    """What the case says of its messages holds for the load beside them, which is in ASCII."""
    scenario = load_scenario(f"tests/routing/public_cases/{name}.yaml").change(LOAD | dict(more))
    slow, fast = reference(scenario), compiled(scenario)

    assert_same(slow, fast)
    load = slow.mail[(slow.mail["kind"] == "mail") & slow.mail["stream"].str.contains("->")]
    assert len(load) > 40
    assert set(load["outcome"]) == outcomes
