"""The what-if page: its grid, that a point is what a run gives, and that the page needs nothing else and takes no name for markup."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from coexsim.errors import CoexsimError
from coexsim.experiment.replicate import replicate
from coexsim.report.explore.axes import axes_of, combinations, scenario_at
from coexsim.report.explore.exploring import Exploration, explore
from coexsim.report.explore.page import MOST_BYTES, page_data, page_text, start_of, write_page
from coexsim.report.summary import summarise
from coexsim.scenario.load import load_scenario, scenario_from_text
from coexsim.scenario.model import Scenario
from tests.analysis.small import SMALL

ROOT = Path(__file__).parents[2]
EVIL = "</script><script>alert('x')</script> & <b>sons</b>"
TEXT = (
    SMALL[: SMALL.index("events:")].replace("{onprem: 80, hosted: 120}", "{onprem: 40, hosted: 60}")
    .replace("length: 2 h", "length: 30 min").replace("scan: 60 ms", "scan: {fixed: 2 s, cv: 1}")
    + "load: {profile: office-worker}\nobjectives: [\"p95(delay, hosted->hosted) < 8 s\", utilisation(onprem.cores) < 8 %]\n"
    "size:\n  server: onprem\n  candidates: [{name: one core, cores: 1, cost: 1}, {name: '=four <cores>', cores: 4, cost: 2}]\n"
)  # fmt: skip
GRID = {"hosted_share": "20%, 60%, 100%", "growth": [1, 3]}


def hundred(title: str = EVIL) -> Scenario:
    """A hundred mailboxes for half an hour, two objectives, two machines; and a title that tries to be markup."""
    return scenario_from_text(TEXT.replace("title: small", f"title: {json.dumps(title)}"), "hundred.yaml")


@pytest.fixture(scope="module")
def found() -> Exploration:
    """Hosted share, growth and machine: twelve points, two runs of each."""
    return explore(hundred(), GRID | {"machine": ["one core", "=four <cores>"]}, replications=2, jobs=1)


def test_usual_axes_are_hosted_share_growth_and_the_machine() -> None:
    """Of eight machines four, the smallest and the largest among them; without ``size`` the cores, halved and doubled."""
    axes = axes_of(load_scenario(ROOT / "scenarios" / "sizing" / "corporate-20k.yaml"))
    assert [axis.key for axis in axes] == ["hosted_share", "growth", "machine"]
    assert [axes[2].values[i] for i in (0, -1)] == ["2-core VM", "32-core server"]
    assert len(axes[2].values) == 4

    [*_, cores] = axes_of(load_scenario(ROOT / "scenarios" / "load" / "corporate-20k.yaml"))
    assert (cores.key, cores.values) == ("servers.onprem.capacity.cores", (6, 12, 24))


def test_values_with_one_unit_make_a_slider_others_a_choice() -> None:
    """In order of their size, whatever order they were given in; words are chosen by name."""
    bandwidth, mode = axes_of(
        hundred(), {"links[0].bandwidth": "100 Mbit/s, 10 Mbit/s", "servers.inotes-outbound.routes_internal_mail": "by-mx,direct"}
    )  # fmt: skip
    assert (bandwidth.numbers, bandwidth.unit) == ((10, 100), "Mbit/s")
    assert (mode.numbers, mode.values) == (None, ("by-mx", "direct"))
    assert scenario_at(hundred(), {"links[0].bandwidth": "10 Mbit/s"}).links[0].bandwidth == 10e6 / 8


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ({"machine": "six cores"}, "no machine of the scenario is called 'six cores'"),
        ({"machin": "six cores"}, "machin: there is no such key; did you mean 'machine'?"),
        ({"grwth": "1,2"}, "grwth: there is no such key; did you mean 'growth'?"),
        ({"growth": "0,1"}, "growth: 0 is no number above 0"),
        ({"growth": "1..60", "hosted_share": "0..100% step 5%"}, "1,260 points are more than a page holds"),
    ],
)
def test_what_cannot_be_varied_is_said(vary: dict[str, object], said: str) -> None:
    """Before any run."""
    with pytest.raises(CoexsimError, match=re.escape(said)):
        explore(hundred(), vary)


def test_a_scenario_without_load_has_nothing_to_vary() -> None:
    """It says what to do."""
    with pytest.raises(CoexsimError, match="--vary"):
        explore(scenario_from_text(SMALL, "small.yaml"))


def test_a_point_is_what_a_run_with_its_values_gives(found: Exploration) -> None:
    """The same delays and busy shares, to the last digit: common figures of ``coexsim run`` and of the page."""
    values = next(
        each for each in combinations(found.axes) if str(each["growth"]) == "3" and each["machine"] == "one core"
    )
    at = list(combinations(found.axes)).index(values)
    summary = summarise(replicate(found.scenarios[at], 2, jobs=1), found.scenarios[at])
    known = {figure[:2]: figure for figure in found.points[at].figures}

    for row in summary["delay_by_flow"]:
        figure = known["p95 delay", row["flow"]]
        assert (figure.value, figure.high) == (row["p95_s"], row["p95_high_s"])
    cores = next(row for row in summary["servers"] if (row["server"], row["stage"]) == ("onprem", "cores"))
    assert known[f"busy in the {summary['peak']}", "onprem: processor cores"].value == cores["busy_share"]
    assert found.scenarios[at].servers["onprem"].capacity.cores == 1


def test_edges_carry_the_mail_of_their_flows(found: Exploration) -> None:
    """Mail between hosted users passes three edges; what enters the smart host is what enters the hosted side there."""
    for point in found.points:
        per_hour = {figure.of: figure.value for figure in point.figures if figure.what == "messages an hour"}
        assert per_hour["onprem -> smart-host"] == pytest.approx(per_hour["smart-host -> inotes-inbound"])
        assert per_hour["inotes-outbound -> onprem"] <= per_hour["onprem -> smart-host"]


def test_table_has_a_row_for_every_point_and_figure(found: Exploration) -> None:
    """Keys first; an objective has its answer, other figures none."""
    table = found.table
    assert list(table)[:3] == ["hosted_share", "growth", "machine"]
    assert len(table) == sum(len(point.figures) for point in found.points)
    assert set(table.loc[table["what"] == "objective", "answer"]) <= {"met", "missed", "cannot say"}
    assert set(table.loc[table["what"] != "objective", "answer"]) == {""}


def test_page_is_one_file_that_asks_for_nothing(found: Exploration, tmp_path: Path) -> None:
    """Below 2 MB, one script and one style that the policy names by hash, no address, and no name as markup; same bytes again."""
    page = write_page(found, tmp_path).read_text(encoding="utf-8")

    assert len(page.encode()) < MOST_BYTES
    assert page == page_text(found)
    assert not re.findall(r"""(?:src|href)=["'](?!#)|url\(|@import|https?://(?!www\.w3\.org/2000/svg)""", page)
    assert page.count("<script") == 2
    assert "unsafe" not in re.search(r"Content-Security-Policy[^>]*", page)[0]  # type: ignore[index]
    assert "alert('x')</" not in page
    assert "<b>" not in page


def test_a_page_too_large_is_refused(found: Exploration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how large, and what to do; nothing is written."""
    monkeypatch.setattr("coexsim.report.explore.page.MOST_BYTES", 1000)
    with pytest.raises(CoexsimError, match="vary fewer values"):
        write_page(found, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("key", "values", "starts"),
    [
        ("links[0].bandwidth", "50 Mbit/s, 100 Mbit/s, 1 Gbit/s", 1.0),
        ("links[0].bandwidth", "50 Mbit/s, 150 Mbit/s", 0.5),
        ("links[0].round_trip", "10 ms, 0.04 s", 1.0),
        ("hosted_share", "0, 30, 60", 2.0),
        ("growth", "0.5, 1, 2", 1.0),
        ("servers.onprem.capacity.cores", "8, 16", 0.0),
    ],
)
def test_a_slider_starts_at_the_value_that_the_scenario_has_in_whatever_unit(
    key: str, values: str, starts: float
) -> None:
    """100 Mbit/s and 40 ms each way of writing them, 60 of 100 people, four cores, which are on neither side of two values."""
    scenario = scenario_from_text(TEXT, "hundred.yaml").change(
        {"links[0].bandwidth": "100 Mbit/s", "links[0].round_trip": "40 ms"}
    )
    assert start_of(scenario, axes_of(scenario, {key: values})[0]) == starts


def test_sliders_start_where_the_scenario_is(found: Exploration) -> None:
    """60 % hosted is the second of three values, growth 1 the first; the machine is the one with the scenario's four cores."""
    assert page_data(found)["start"] == [1.0, 0.0, 1.0]
