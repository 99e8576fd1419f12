"""What is said of a scenario before any run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coexsim.analysis.explain import explain
from coexsim.scenario.assumptions import assumptions
from coexsim.scenario.load import changed, load_scenario
from coexsim.scenario.model import Scenario

ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize(
    "name", ["load/corporate-20k.yaml", "article/environment.yaml", "modern/exchange-hybrid-centralised.yaml"]
)
def test_the_line_that_changes_a_figure_can_be_written(name: str, tmp_path: Path) -> None:
    """Each line can stand alone below `extends`, and says what holds now, so that the scenario is the same.

    What the scenario leaves out, and the product or the Internet does by default, may be another key's absence: it is only read.
    """
    base = ROOT / "scenarios" / name
    scenario = load_scenario(base)
    told = [each for each in assumptions(scenario) if "..." not in each.line]

    assert len(told) > 3
    for each in told:
        file = tmp_path / "changed.yaml"
        file.write_text(f"extends: {base}\n{each.line}\n", encoding="utf-8")
        assert _figures(load_scenario(file)) == _figures(scenario) or each.source.startswith("default"), each


def _figures(scenario: Scenario) -> dict[str, Any]:
    """All that it says but its sources: a figure that is written anew has the profile's source no more."""
    said = scenario.model_dump(exclude={"sources"})
    (said["load"] or {}).pop("sources", None)
    return said
