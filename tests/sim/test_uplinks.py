"""Bandwidth that differs by direction, and a site's own line that all of its links share: times worked out by hand."""

from __future__ import annotations

import pytest

from coexsim.analysis.candidates import amounts, apply
from coexsim.analysis.loads import station_loads
from coexsim.analysis.screening import predict
from coexsim.analysis.slo import evaluate
from coexsim.analysis.slo_text import parse_objective
from coexsim.engine.choice import choose
from coexsim.errors import ScenarioError
from coexsim.experiment.run import simulate
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Candidate, Scenario
from tests.engine.both import assert_engines_agree

TEXT = """\
coexsim: 1
domain: corporate.com
sites: [office, cloud, internet]
links:
  - {{between: [office, internet], {internet}}}
  - {{between: [office, cloud], {cloud}}}
dns:
  corporate.com: |
    @   1h IN MX 10 mx.corporate.com.
    mx  1h IN A  192.0.2.10
    in  1h IN A  192.0.2.11
servers:
  onprem:
    kind: postfix
    site: office
    host: mx.corporate.com
    relay_domains: [corporate.com]
    transport: {{corporate.com: "[in.corporate.com]"}}
  inbound: {{kind: hosted-inbound, site: cloud, host: in.corporate.com}}
  external: {{kind: external, site: internet, domain: otherdomain.com}}
directory:
  master: onprem
  population: {{hosted: 10}}
load:
  streams: [{{from: internet, to: hosted, rate: 6/min, arrivals: constant, sizes: 1 MB}}]
run: {{start: Mon 09:00, length: 10 min, seed: 3}}
{more}
"""
FIBRE = Candidate.from_data({"name": "fibre", "uplink": "80 Mbit/s"})
WIDE = "bandwidth: 800 Mbit/s"


def scenario(internet: str = WIDE, cloud: str = WIDE, more: str = "") -> Scenario:
    """A message of 1 MB every ten seconds from the Internet over the office to the cloud, nothing else."""
    return scenario_from_text(TEXT.format(internet=internet, cloud=cloud, more=more), "lines.yaml")


def bytes_of(found: Scenario) -> dict[str, float]:
    """Bytes that crossed each link, by its name."""
    timeline = simulate(found, engine="reference").timeline
    links = timeline[timeline["stage"] == "link"].groupby("server", observed=True)["queued_bytes"].sum()
    return {str(name): float(number) for name, number in links.items()}


def busy(found: Scenario, link: str) -> float:
    """The share of the time in which a link is in use, over the run."""
    rows = simulate(found, engine="reference").timeline
    return float(rows.loc[(rows["server"] == link) & (rows["stage"] == "link"), "busy"].mean())


def test_each_direction_has_its_own_bandwidth() -> None:
    """1 MB at 8 Mbit/s takes a second: a tenth of the time in the direction that mail goes, whichever key says it."""
    for written in ("up: 8 Mbit/s, down: 80 Mbit/s", "bandwidth: {up: 8 Mbit/s, down: 80 Mbit/s}"):
        assert busy(scenario(cloud=written), "office to cloud") == pytest.approx(0.1, rel=0.02)
    assert busy(scenario(cloud="up: 80 Mbit/s, down: 8 Mbit/s"), "office to cloud") == pytest.approx(0.01, rel=0.05)


def test_a_sites_line_carries_what_all_its_links_carry() -> None:
    """In over the one link, out over the other: each message passes the office's line once in each direction, at its own rate."""
    found = scenario(more="uplinks: {office: {up: 8 Mbit/s, down: 16 Mbit/s}}")
    passed = bytes_of(found)

    assert busy(found, "office-uplink up") == pytest.approx(0.1, rel=0.02)
    assert busy(found, "office-uplink down") == pytest.approx(0.05, rel=0.02)
    assert passed["office-uplink down"] == pytest.approx(passed["internet to office"], rel=0.02)
    assert passed["office-uplink up"] == pytest.approx(passed["office to cloud"], rel=0.02)


def test_lines_shared_take_longer_than_lines_of_their_own() -> None:
    """Mean delay: two seconds more where the office's line has 8 Mbit/s in and out, a second for each way of the 1 MB."""
    slow = scenario(more="uplinks: {office: {up: 8 Mbit/s, down: 8 Mbit/s}}")
    one, other = (float(simulate(each, engine="reference").delays()["mean_s"].iloc[0]) for each in (slow, scenario()))
    assert one - other == pytest.approx(2.0, rel=0.03)


def test_objectives_know_the_line_and_sizing_widens_it() -> None:
    """As ``office-uplink`` or in one direction; an uplink that is bought is that line, or else the links' bandwidth."""
    found = scenario(more="uplinks: {office: {up: 8 Mbit/s, down: 8 Mbit/s}}")
    for word in ("office-uplink", "office-uplink up"):
        assert parse_objective(f"utilisation({word}) < 50 %", found).stage == "link"
    wider = apply(found, FIBRE, "onprem")
    assert (wider.uplinks["office"].up, wider.uplinks["office"].down) == (10e6, 10e6)
    assert amounts(wider, Candidate(name="as it is"), "onprem")["uplink"] == 10e6
    links = apply(scenario(cloud="up: 8 Mbit/s, down: 80 Mbit/s"), FIBRE, "onprem").links
    assert [link.bytes_per_s(end) for link in links[:2] for end in link.between] == [10e6] * 4


@pytest.mark.parametrize(("site", "name"), [("office", "wan"), ("head-office", ""), ("head-office", "wan-1")])
def test_an_objective_on_a_link_is_on_its_busier_direction(site: str, name: str) -> None:
    """By its label, whatever that is and whatever dashes the sites' names have: 1 MB every 10 s at 8 Mbit/s, a tenth of the time."""
    link = "bandwidth: 8 Mbit/s" + (f", name: {name}" if name else "")
    text = TEXT.format(internet=WIDE, cloud=link, more="").replace("office", site)
    found = scenario_from_text(text, "lines.yaml")
    results = simulate(found, engine="reference")
    ways = [name or f"{site}-cloud", f"{site} to cloud", f"cloud to {site}"]
    label, out, back = (v.estimate for v in evaluate([f"utilisation({way}) < 50 %" for way in ways], results, found))
    theory = [predict(parse_objective(f"utilisation({way}) < 50 %", found), station_loads(found)) for way in ways[:2]]

    assert label == out == pytest.approx(0.1, rel=0.02)
    assert not back > 0.01
    assert theory == [pytest.approx(0.1, rel=0.02)] * 2


def test_both_engines_know_the_line() -> None:
    """The compiled engine gives the reference's tables where a site has a line of its own, and its cuts break what is on it."""
    line = "uplinks: {office: {up: 8 Mbit/s, down: 16 Mbit/s}}"
    cut = f"{line}\nevents: [{{at: 09:03, for: 2 min, down: office-cloud}}]"
    for more in (line, cut):
        found = scenario(more=more)
        assert choose(found, "compiled", 1e9).engine == "compiled"
        assert_engines_agree(found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cloud": "bandwidth: 8 Mbit/s, up: 8 Mbit/s"}, "give one bandwidth for both directions, or up and down"),
        ({"cloud": "bandwidth: {up: 8 Mbit/s, across: 8 Mbit/s}"}, "bandwidth"),
        ({"more": "uplinks: {ofice: {up: 8 Mbit/s}}"}, "did you mean 'office'"),
        ({"more": "uplinks: {office: {up: 8}}"}, "uplinks.office.up"),
    ],
)
def test_what_cannot_be_is_said(change: dict[str, str], said: str) -> None:
    """With place and what would do."""
    with pytest.raises(ScenarioError, match=said):
        scenario(**change)
