"""What is said of a scenario before any run."""

from __future__ import annotations

from coexsim.analysis.explain import explain
from coexsim.scenario.load import changed, load_scenario


def test_routes_loads_and_sources_are_told() -> None:
    """The loaded Monday: the round trip among the routes, a load for the cores near the theory's traffic, every figure's source."""
    found = explain(load_scenario("scenarios/load/corporate-20k.yaml"))

    hosted = next(r for r in found.routes if (r.sender, r.recipient) == ("hosted", "hosted"))
    assert hosted.servers == ("inotes-outbound", "onprem", "smart-host", "inotes-inbound")
    assert found.loads is not None
    cores = found.loads.of("onprem", "cores")
    assert cores is not None
    assert 0.5 < cores.utilisation < 0.8
    assert any(each.is_from_memory for each in found.assumptions)
    assert any(not each.is_from_memory for each in found.assumptions)
    assert any("person-without-mail-file" in line for line in found.rules)
    assert not found.doubts


def test_what_is_surely_wrong_is_a_doubt() -> None:
    """Four cores for eight cores' work: said before any run."""
    found = explain(changed(load_scenario("scenarios/load/corporate-20k.yaml"), {"servers.onprem.capacity.cores": 4}))

    assert any("onprem cores" in doubt and "without end" in doubt for doubt in found.doubts)
