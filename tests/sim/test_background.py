"""Other traffic on a line by time of day: mail has what it leaves. Times and shares worked out by hand."""

from __future__ import annotations

import pytest

from coexsim.analysis.loads import station_loads
from coexsim.analysis.screening import growth_to_limit
from coexsim.analysis.slo_text import parse_objective
from coexsim.engine.choice import choose
from coexsim.errors import ScenarioError
from coexsim.experiment.run import simulate
from coexsim.report.words import scope
from coexsim.scenario.load import changed
from coexsim.scenario.model import Run, Scenario
from coexsim.scenario.network import Background
from coexsim.sim.clock import Clock
from coexsim.sim.downtime import DowntimeSchedule
from coexsim.sim.link import FairLink
from coexsim.sim.network import background
from coexsim.sim.stage_log import StageLogMaker
from tests.engine.both import assert_engines_agree
from tests.sim.test_uplinks import bytes_of, scenario

LINE = "bandwidth: 8 Mbit/s"


def busy_each(found: Scenario, link: str) -> list[float]:
    """The share of its bandwidth that a link has in use, minute by minute."""
    rows = simulate(found, engine="reference").timeline
    part = rows.loc[(rows["server"] == link) & (rows["stage"] == "link")].sort_values("minute")
    return [float(value) for value in part["busy"]]


def with_backup(more: str = "from: '09:05', to: '09:08', up: 6 Mbit/s") -> Scenario:
    """The message of 1 MB every ten seconds, over a line of 8 Mbit/s that a backup has most of for three minutes."""
    return scenario(cloud=f"{LINE}, background: [{{{more}}}]")


def test_mail_has_what_the_other_traffic_leaves() -> None:
    """1 MB takes 1 s at 8 Mbit/s, and 4 s at the 2 Mbit/s that are left: a tenth of the bandwidth, then 6/8 and 4/10 of the last 2/8."""
    shares = busy_each(with_backup(), "office to cloud")

    assert shares[1] == pytest.approx(0.1, rel=0.02)
    assert shares[6] == pytest.approx(0.75 + 0.4 * 0.25, rel=0.02)
    assert shares[9] == pytest.approx(0.1, rel=0.02)


def test_no_byte_of_mail_is_lost_or_made_up() -> None:
    """As many cross the line with a backup as without, to within the messages that are on it when it begins or ends."""
    one, other = (bytes_of(each)["office to cloud"] for each in (with_backup(), scenario(cloud=LINE)))
    assert one == pytest.approx(other, rel=1e-6)


def test_each_direction_has_its_own() -> None:
    """What comes down does not delay what goes up."""
    down = with_backup("from: '09:00', to: '10:00', down: 6 Mbit/s")
    assert busy_each(down, "office to cloud")[5] == pytest.approx(0.1, rel=0.02)
    assert busy_each(down, "cloud to office")[5] == pytest.approx(0.75, rel=0.02)


def test_it_comes_every_day_and_over_midnight() -> None:
    """From 22:00 to 02:00, in a run of 26 hours from Monday 01:00 on: there at once, and twice more."""
    spans = (Background.from_data({"from": "22:00", "to": "02:00", "up": "8 Mbit/s"}),)
    run = Run.from_data({"start": "Mon 01:00", "length": "26 h", "drain": "0 s"})

    hours = [(at_s / 3600, per_s) for at_s, per_s in background(spans, "up", run)]
    assert hours == [(0, 1e6), (1, 0), (21, 1e6), (25, 0)]
    assert background(spans, "down", run) == []


def test_a_sites_line_has_it_too_and_theory_tells_the_same() -> None:
    """Half an hour of 4 Mbit/s in ten minutes of run is half of the line. Mail takes the rest of it no more than without."""
    line = "uplinks: {office: {up: 8 Mbit/s, background: [{from: '08:50', to: '09:20', up: 4 Mbit/s}]}}"
    found = scenario(more=line)
    assert busy_each(found, "office-uplink up")[5] == pytest.approx(0.5 + 0.2 * 0.5, rel=0.02)
    [theory] = [s for s in station_loads(found).stations if s.server == "office-uplink up"]
    [plain] = [
        s
        for s in station_loads(scenario(more="uplinks: {office: {up: 8 Mbit/s}}")).stations
        if s.server == "office-uplink up"
    ]
    assert theory.utilisation == pytest.approx(0.5 + plain.utilisation)
    assert theory.window_utilisation == pytest.approx(0.5 + plain.window_utilisation)
    assert theory.offered == pytest.approx(2 * plain.offered)  # of what is left, by which it waits
    objective = parse_objective("utilisation(office-uplink) < 75 %", found)
    assert growth_to_limit(objective, station_loads(found)) == pytest.approx(0.25 / plain.window_utilisation, rel=0.02)


def test_theory_counts_other_traffic_of_the_measured_window_alone() -> None:
    """A backup before the window is not in its figures; one in a third of it is there a third, as a run tells it."""

    def busy(span: str) -> float:
        line = f"uplinks: {{office: {{up: 8 Mbit/s, background: [{{{span}, up: 4 Mbit/s}}]}}}}"
        found = changed(scenario(more=line), {"run.measure": "4 min - 10 min"})
        return next(s for s in station_loads(found).stations if s.server == "office-uplink up").window_utilisation

    alone = busy("from: '09:00', to: '09:04'")
    assert alone < 0.3
    assert busy("from: '09:00', to: '09:06'") == pytest.approx(alone + 0.5 / 3)


def test_the_compiled_engine_knows_it() -> None:
    """It covers the scenario, and gives the same tables."""
    assert choose(with_backup(), "compiled", 1e9).engine == "compiled"
    assert_engines_agree(with_backup())


def test_at_one_moment_links_change_by_number_and_a_link_goes_down_first() -> None:
    """Whatever changed before: the order of what coincides is the same in both engines."""
    downtime = DowntimeSchedule([(60.0, 61.0), (120.0, 130.0)])
    link = FairLink(
        Clock(),
        "line",
        10.0,
        downtime,
        StageLogMaker(300.0, (0.0, 300.0), keep_visits=False)("line", "link", None),
        [(0, 1), (120, 4)],
    )

    assert list(link.changes()) == [(60.0, None), (120.0, None), (120, 6.0)]


def test_the_scope_says_that_it_is_counted() -> None:
    """And no longer that it is not."""
    assert "other traffic on its lines that it gives by hours" in scope(with_backup())
    assert scope(scenario(cloud=LINE)).endswith("backups or other traffic on the links.")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "from: '09:00', to: '10:00', up: 8 Mbit/s",
            "nothing is left for mail: other traffic takes 8 Mbit/s of 8 Mbit/s up",
        ),
        ("from: Mon 09:00, to: '10:00', up: 1 Mbit/s", "write a time of day"),
        ("from: '09:00', to: '10:00', up: 1", "up"),
    ],
)
def test_what_cannot_be_is_said(more: str, said: str) -> None:
    """With its place."""
    with pytest.raises(ScenarioError, match=said):
        with_backup(more)


def test_a_line_without_a_limit_has_room() -> None:
    """Other traffic there says nothing, so it is refused."""
    with pytest.raises(ScenarioError, match="give it a bandwidth"):
        scenario(cloud="round_trip: 1 ms, background: [{from: '09:00', to: '10:00', up: 1 Mbit/s}]")
