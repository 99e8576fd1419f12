"""`size` picks what theory says, and says when it cannot."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coexsim.analysis import assess as assess_module
from coexsim.analysis import sizing as sizing_module
from coexsim.analysis.assess import FIRST_LOOK, Measured, assess, look_levels, looks
from coexsim.analysis.candidates import amounts, apply, is_no_smaller, ladder, together
from coexsim.analysis.enough import TIMES, find_enough
from coexsim.analysis.headroom import bracket, find_headroom, grown, most_growths
from coexsim.analysis.loads import StationLoad, station_loads
from coexsim.analysis.resources import COLUMNS, LESS_FAILS, line_shortfalls, shortfalls
from coexsim.analysis.screening import predict, too_small
from coexsim.analysis.sized import Sizing, Tried
from coexsim.analysis.sizing import most_looks, size
from coexsim.analysis.slo_measure import Sample
from coexsim.analysis.slo_text import parse_objective, read_objectives
from coexsim.analysis.theory import allen_cunneen_wait_s, mmc_wait_s, workers_needed
from coexsim.errors import NoDataError, ScenarioError
from coexsim.rng import stream
from coexsim.scenario.load import changed
from coexsim.scenario.model import Candidate, Scenario
from coexsim.stats import mean_interval
from tests.analysis.small import small
from tests.analysis.station import station

CORES = "ranges: {cores: 1..24}, replications: 10"


def sized(scenario: Scenario, **wishes: Any) -> Sizing:
    return size(scenario, **({"jobs": 1, "headroom": False} | wishes))


# --- against theory -----------------------------------------------------------------------------------------------


@pytest.mark.theory
def test_the_published_spam_farm_needs_five_servers() -> None:
    """2376 messages/h of 6 s each (PDQ's spam farm, N. Gunther): 4, 5, 6 servers wait 147, 3.1, 0.81 s on the mean.

    For a mean wait below 10 s the answer is 5; three never catch up, which theory sees without a run.
    """
    found = sized(station("mean(wait) < 10 s", hours=20, size="ranges: {cores: 3..6}, replications: 10"), curve=True)
    by_name = {tried.candidate.name: tried for tried in found.tried}

    assert found.answer is not None
    assert (found.answer.cores, found.exit_code) == (5, 0)
    assert by_name["3 cores"].status == "too small by theory"
    assert by_name["4 cores"].status == "fails"
    for cores, wait_s in ((5, 3.1), (6, 0.81)):
        tried = by_name[f"{cores} cores"]
        assert tried.expected["mean(wait) < 10 s"] == pytest.approx(
            wait_s, rel=0.15
        )  # of the mail as drawn, not of its law
        assert tried.verdicts[0].interval.low <= 1.1 * wait_s
        assert tried.verdicts[0].interval.high >= 0.9 * wait_s
    assert mmc_wait_s(4, 2376 / 3600, 6) == pytest.approx(147, rel=0.01)


@pytest.mark.theory
@pytest.mark.parametrize("law", ["law: exponential", "cv: 2.0"])
@pytest.mark.parametrize("offered", [0.4, 0.9, 1.7, 3.3, 6.2, 9.6])
def test_the_answer_is_theory_s_at_a_dozen_loads(offered: float, law: str) -> None:
    """M/M/c, and M/G/c with a squared variation of 4: the fewest cores whose mean wait is below a limit.

    The limit lies in the geometric middle between the waits of the right number and of one core less, so that
    Allen and Cunneen's approximation (M/G/c) cannot decide it.
    """
    cv2 = 1.0 if "exp" in law else 4.0
    cores = int(offered) + 2
    waits = [allen_cunneen_wait_s(c, offered, 1.0, 1.0, cv2) for c in (cores - 1, cores)]
    limit_s = float(np.sqrt(waits[0] * waits[1]))
    hours = 1 + (2 if cv2 > 1 else 1) * 6 / max(offered, 1)  # waits of varied work take longer to be told apart
    scenario = station(
        f"mean(wait) < {limit_s:.4f} s", per_hour=3600 * offered, service_s=1, law=law, hours=hours, size=CORES
    )  # fmt: skip

    found = sized(scenario)

    assert workers_needed(offered, 1.0, mean_wait_s=limit_s, service_cv2=cv2) == cores
    assert found.answer is not None
    assert found.answer.cores == cores


@pytest.mark.theory
def test_on_the_edge_the_honest_answer_is_cannot_say() -> None:
    """The limit is the very wait of four cores at 3 erlangs: no budget tells, five cores hold, a cheaper one may."""
    limit_s = mmc_wait_s(4, 3.0, 1.0)
    scenario = station(f"mean(wait) < {limit_s:.6f} s", per_hour=3 * 3600, service_s=1, hours=4, size=CORES)

    found = sized(scenario, most=6)

    assert found.answer is not None
    assert found.answer.cores == 5
    assert [candidate.cores for candidate in found.undecided] == [4]
    assert found.exit_code == 3
    [four] = [tried for tried in found.tried if tried.candidate.cores == 4]
    assert "replications would tell" in four.why or "lies within" in four.why


@pytest.mark.theory
def test_the_counted_load_is_the_load_that_is_simulated() -> None:
    """Rate, work and variation of the station, and its wait by Pollaczek and Khinchine's terms."""
    loads = station_loads(station(per_hour=3600, service_s=2, law="cv: 1.5", cores=3))
    cores = loads.of("onprem", "cores")

    assert cores is not None
    assert cores.rate_per_s == pytest.approx(1.0, rel=0.03)
    assert cores.service_s == pytest.approx(2.0)
    assert cores.service_cv2 == pytest.approx(2.25)
    assert cores.offered == pytest.approx(2.0, rel=0.03)
    assert cores.wait_s == pytest.approx(allen_cunneen_wait_s(3, cores.rate_per_s, 2.0, 1.0, 2.25))


# --- screening ----------------------------------------------------------------------------------------------------


def test_theory_screens_only_what_is_surely_too_small() -> None:
    """3.96 erlangs: 3 cores never catch up; 4 are left to the simulation; a utilisation far over its limit is seen."""
    scenario = station()
    wait = parse_objective("mean(wait) < 10 s", scenario)
    busy = parse_objective("utilisation(onprem.cores) < 70 %", scenario)

    def why(cores: int, objective: Any) -> str:
        return too_small([objective], station_loads(station(cores=cores)))

    assert "never catches up" in why(3, wait)
    assert why(4, wait) == ""
    assert "theory expects" in why(5, busy)
    assert why(6, busy) == ""
    assert predict(busy, station_loads(station(cores=6))) == pytest.approx(3.96 / 6, rel=0.06)


# --- candidates ---------------------------------------------------------------------------------------------------


def test_a_machine_changes_what_it_says_and_nothing_else() -> None:
    """Quicker cores divide all work of the machine's roles; the uplink is all links of its site."""
    changed = apply(
        small(),
        Candidate.from_data({"name": "x", "cores": 8, "speed": 2, "uplink": "50 Mbit/s", "queue_disk": "1 TB"}),
        "onprem",
    )

    onprem = changed.servers["onprem"]
    assert (onprem.capacity.cores, onprem.capacity.smtp_connections, onprem.capacity.queue_disk) == (8, 100, 10**12)
    assert onprem.service.scan.fixed == pytest.approx(0.030)
    assert [link.bandwidth for link in changed.links] == [6.25e6, 6.25e6]
    assert apply(small(), Candidate(name="as it is"), "onprem").servers == small().servers


@pytest.mark.parametrize(
    "work",
    [
        "{fixed: 60 ms, per_MB: 20 ms, cv: 1.2, slow: {share: 1 %, shortest: 5 s, longest: 15 s}}",
        "{values: [20 ms, 80 ms], weights: [3, 1]}",
        "{fixed: 60 ms, law: exponential}",
    ],
)
def test_twice_the_speed_is_half_the_work_of_any_law(work: str) -> None:
    """Mean and variation stay in proportion."""
    from coexsim.scenario.load import scenario_from_text
    from tests.analysis.small import SMALL

    slow = scenario_from_text(SMALL.replace("scan: 60 ms", f"scan: {work}"))
    quick = apply(slow, Candidate(name="quick", speed=2), "onprem")

    for size_bytes in (0, 1_000_000):
        mean_s = slow.servers["onprem"].service.scan.mean_s(size_bytes)
        assert quick.servers["onprem"].service.scan.mean_s(size_bytes) == pytest.approx(mean_s / 2)


def test_ranges_are_ladders() -> None:
    """Smallest first, as dear as large, with units where there are units."""
    assert [step.cores for step in ladder("cores", "2..8 step 3")] == [2, 5, 8]
    assert [step.uplink for step in ladder("uplink", "10..20 Mbit/s step 10 Mbit/s")] == [1.25e6, 2.5e6]
    assert [step.cost for step in ladder("transfer_threads", "20, 10")] == [10, 20]
    with pytest.raises(ValueError, match="no resource is called 'coers'"):
        ladder("coers", "1..2")


def test_what_has_as_much_of_everything_is_no_smaller() -> None:
    """A machine with more cores and fewer connections is neither."""
    a, b, c = (
        amounts(small(), Candidate(name="", **words), "onprem")
        for words in ({"cores": 8}, {"cores": 4}, {"cores": 2, "smtp_connections": 500})
    )

    assert is_no_smaller(a, b)
    assert not is_no_smaller(b, a)
    assert not is_no_smaller(a, c)
    assert not is_no_smaller(c, a)
    both = together([Candidate(name="x", cores=8), Candidate(name="y", smtp_connections=7)], "both", 3)
    assert (both.cores, both.smtp_connections, both.cost, both.speed) == (8, 7, 3, 1)


# --- how the search goes, on made-up replications -----------------------------------------------------------------


def fake_measure(scenario: Scenario, seed: int, replication: int, objectives: tuple[Any, ...], _: str) -> Measured:
    """A wait of 100 s over the cores squared, with noise of a tenth."""
    cores = scenario.servers["onprem"].capacity.cores or 1
    noise = stream(seed, replication, "noise").normal(1, 0.1)
    growth = scenario.load.growth if scenario.load else 1.0
    return Measured(
        tuple(Sample(100 * growth / cores**2 * noise, 1000) for _ in objectives),
        {("onprem", "cores"): 0.5},
        {},
        0.0,
        10,
    )


@pytest.fixture
def made_up_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """No simulation."""
    monkeypatch.setattr(assess_module, "measure_one", fake_measure)


def light(*objectives: str, size: str) -> Scenario:
    return station(*objectives, per_hour=36, service_s=1, hours=3, size=size)


EIGHT = "candidates: [" + ", ".join(f"{{name: m{c}, cores: {c}, cost: {c}}}" for c in (2, 3, 4, 5, 6, 8, 12, 16)) + "]"


@pytest.mark.usefixtures("made_up_runs")
@pytest.mark.parametrize(("limit_s", "cores"), [(1.0, 12), (2.1, 8), (5, 5), (10, 4), (60, 2)])
def test_the_cheapest_that_holds_is_found_and_what_is_smaller_was_shown_to_fail(limit_s: float, cores: int) -> None:
    """Every machine that is cheaper than the answer failed, or has no more of anything than one that failed."""
    found = sized(light(f"mean(delay) < {limit_s} s", size=EIGHT))

    assert found.answer is not None
    assert (found.answer.cores, found.exit_code) == (cores, 0)
    assert {t.status for t in found.tried if t.candidate.cost < found.answer.cost} <= {"fails"}
    simulated = [t for t in found.tried if t.assessment]
    assert len(simulated) <= 4
    enough = FIRST_LOOK  # how much of each resource is: the first that is tried holds
    assert found.runs == sum(len(t.assessment.runs) for t in simulated if t.assessment) + enough
    [row] = [each for each in found.resources(light(size=EIGHT)).to_dict("records") if each["resource"] == "cores"]
    assert (row["why"] == LESS_FAILS) == (found.answer.cost > 2)
    assert row["needed"] == found.answer.cores


def test_machines_and_objectives_are_taken_as_they_stand_in_a_file() -> None:
    """Tables and texts, beside machines read before; four cores of 2 erlang are half busy, two always. A wrong key is refused."""
    scenario = station("p95(delay) < 1 h", per_hour=1200, hours=1, warm_up=0.1, law="cv: 0")
    machines: list[Any] = [{"name": "two", "cores": 2, "cost": 1}, Candidate(name="four", cores=4, cost=2)]
    asked = ["utilisation(onprem.cores) < 90 %"]
    found = size(scenario, server="onprem", candidates=machines, objectives=asked, headroom=False, jobs=1)

    assert (found.answer.name if found.answer else None, [each.text for each in found.objectives]) == (
        "four",
        asked,
    )
    with pytest.raises(ScenarioError, match="core: there is no such key"):
        size(scenario, server="onprem", candidates=[{"name": "two", "core": 2}], headroom=False)


@pytest.mark.usefixtures("made_up_runs")
def test_none_holds_is_said() -> None:
    """Exit code 1; the largest was tried."""
    found = sized(light("mean(delay) < 0.1 s", size=EIGHT))

    assert (found.answer, found.exit_code) == (None, 1)
    assert found.tried[-1].assessment is not None
    assert found.headline.endswith(f"; m16 would miss {found.tried[-1].why}")
    assert "mean(delay) < 0.1 s: " in found.tried[-1].why


def test_a_machine_on_a_narrower_line_says_nothing_of_cores() -> None:
    """Eight cores on a line that is too narrow fail: of the four quicker ones that hold on a wider line none is shown to be needed."""
    told = (
        {"name": "a", "cores": 8, "uplink": "1 Mbit/s"},
        {"name": "c", "cores": 4, "uplink": "4 Mbit/s", "speed": 2, "smtp_connections": 20},
        {"name": "d", "cores": 4, "uplink": "4 Mbit/s", "smtp_connections": 10},
    )
    machines = [Candidate.from_data(each) for each in told]
    narrow, answer, few = (Tried(each, "holds" if each.name == "c" else "fails", "", {}) for each in machines)

    assert Sizing("onprem", (), (narrow, answer), machines[1], None).least == []
    assert Sizing("onprem", (), (narrow, few, answer), machines[1], None).least == ["smtp_connections"]


@pytest.mark.usefixtures("made_up_runs")
def test_a_cheaper_machine_with_less_of_something_else_is_not_ruled_out() -> None:
    """Only what has no more of anything than one that failed fails with it."""
    size = "candidates: [{name: a, cores: 2, smtp_connections: 50, cost: 1}, {name: b, cores: 3, smtp_connections: 20, cost: 2}]"
    found = sized(light("mean(delay) < 1 s", size=size))

    assert all(tried.assessment is not None for tried in found.tried)


@pytest.mark.usefixtures("made_up_runs")
def test_the_curve_has_all_machines_that_theory_lets_through() -> None:
    """With the interval of each."""
    found = sized(light("mean(delay) < 5 s", size=EIGHT), curve=True)
    table = found.table()

    assert (table["runs"] > 0).sum() >= 5
    assert table.loc[table["runs"] > 0, ["low", "high"]].notna().all(axis=None)


def test_of_the_answer_together_nothing_can_be_less() -> None:
    """Alone 2 cores and 10 connections do; together it takes 20 connections, and still no more than 2 cores."""
    cores = Candidate.from_data
    ladders = {
        "cores": [cores({"name": f"{n} cores", "cores": n}) for n in (2, 3, 4)],
        "smtp_connections": [cores({"name": f"{n} SMTP connections", "smtp_connections": n}) for n in (10, 20, 30)],
    }
    tried: list[Candidate] = []

    class Search:
        server, asked = "onprem", ()

        def screen(self, candidate: Candidate) -> Tried:
            return Tried(candidate, "not tried", "", {})

        def simulate(self, row: Tried) -> Tried:
            tried.append(row.candidate)
            enough = (row.candidate.smtp_connections or 0) >= 20
            return Tried(row.candidate, "holds" if enough else "fails", "", {})

    alone = {key: Sizing("onprem", (), (), steps[0], None) for key, steps in ladders.items()}
    found = sizing_module._jointly(Search(), ladders, alone)  # type: ignore[arg-type]

    assert found.answer is not None
    assert (found.answer.cores, found.answer.smtp_connections) == (2, 20)
    assert [(each.cores, each.smtp_connections) for each in tried] == [(2, 10), (3, 20), (2, 20)]


def test_without_prices_less_of_anything_is_undecided() -> None:
    """10 MB and 2 cores are no "cheaper" than 3 cores and 5 MB: each has less of something, and may be enough."""
    answer = Candidate.from_data({"name": "a", "cores": 3, "queue_disk": "5 MB"})
    other = Candidate.from_data({"name": "b", "cores": 2, "queue_disk": "10 MB"})
    more = Candidate.from_data({"name": "c", "cores": 3, "queue_disk": "10 MB"})
    rows = tuple(Tried(each, "cannot say", "", {}) for each in (other, more))

    found = Sizing("onprem", (), rows, answer, None, priced=False)

    assert found.undecided == (other,)
    assert found.exit_code == 3


def test_where_none_holds_theory_says_what_it_would_take() -> None:
    """3.96 erlangs at 70 % are 6 cores."""
    scenario = station("utilisation(onprem.cores) < 70 %", cores=4)
    objectives = read_objectives(scenario)

    assert shortfalls(scenario, "onprem", objectives) == ["6 cores for utilisation(onprem.cores) < 70 %, not 4"]
    assert shortfalls(station(cores=6), "onprem", objectives) == []


def test_an_hour_of_few_messages_rules_nothing_out() -> None:
    """27 messages of an hour are known to a fifth or so (1 / sqrt(27)): two such errors over the limit theory is silent."""
    scenario = station(per_hour=27, service_s=30, law="law: constant", cores=1, hours=2)
    loads = station_loads(scenario)
    busy = loads.of("onprem", "cores")
    assert busy is not None
    assert busy.doubt == pytest.approx(1 / np.sqrt(busy.busiest_visits))

    def why(errors: float) -> str:
        limit = busy.utilisation / (1 + errors * busy.doubt)
        return too_small([parse_objective(f"utilisation(onprem.cores) < {100 * limit:.2f} %", scenario)], loads)

    assert why(2.0) == ""
    assert "theory expects" in why(3.5)


def test_a_link_is_shared_not_queued_for() -> None:
    """1 MB on 10 Mbit/s takes 0.8 s; at half load sharing adds as much again, whatever the sizes (Kleinrock II, sec. 4.4)."""
    link = StationLoad("office to hosted", "link", 1, 1.0, 0.625, 0.625, 0.8, 30.0)

    assert link.wait_s == pytest.approx(0.8)


@pytest.mark.usefixtures("made_up_runs")
def test_ranges_of_several_resources_are_answered_each_and_together() -> None:
    """Cores decide here; connections do nothing, so the least of them is enough."""
    found = sized(light("mean(delay) < 5 s", size="ranges: {cores: 2..8, smtp_connections: 10..30 step 10}"))

    assert found.answer is not None
    assert (found.answer.cores, found.answer.smtp_connections) == (5, 10)
    assert {resource: part.answer.name for resource, part in found.each.items() if part.answer} == {
        "cores": "5 cores", "smtp_connections": "10 SMTP connections",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("size", "objectives", "said"),
    [("", ["mean(delay) < 1 s"], "which server"), ("candidates: []", ["mean(delay) < 1 s"], "no machines to choose"),
     (EIGHT, [], "no objectives"), ("ranges: {coers: 1..4}", ["mean(delay) < 1 s"], "no resource is called 'coers'")],
)  # fmt: skip
def test_a_question_that_is_none_is_said(size: str, objectives: list[str], said: str) -> None:
    """With what is missing."""
    with pytest.raises((NoDataError, ScenarioError), match=said):
        sized(light(*objectives, size=size))


# --- replications until it is clear -------------------------------------------------------------------------------


def test_looks_double_up_to_the_budget() -> None:
    """So that they stay few."""
    assert looks(10) == [4, 8, 10]
    assert looks(3) == [3]
    assert looks(32, 4) == [4, 8, 16, 32]


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_all_looks_together_err_as_seldom_as_one(count: int) -> None:
    """Bonferroni's inequality: their errors add up to what was allowed; the first look has half of it."""
    errors = [1 - level for level in look_levels(0.95, count)]

    assert sum(errors) == pytest.approx(0.05)
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == pytest.approx(0.05 if count == 1 else 0.025)


@pytest.mark.theory
def test_looking_again_and_again_says_no_more_that_is_wrong() -> None:
    """Where the true mean is the limit a verdict is never right. Intervals of 95 % at each of four looks give one in a tenth of the cases.

    Those of `look_levels` do so in 5 % at most: of 2,000 cases 6.9 % (a binomial with p = 5 % is above that once in 10,000).
    """

    def wrong(levels: list[float]) -> float:
        draws = stream(5, 0, "looks").normal(0, 1, (2000, 32))
        plan = looks(32)
        said = [
            [mean_interval(row[:n], level).holds(0.0) for n, level in zip(plan, levels, strict=True)] for row in draws
        ]
        return float(np.mean([not all(each) for each in said]))

    assert wrong(look_levels(0.95, 4)) < 0.069
    assert wrong([0.95] * 4) > 0.09


@pytest.mark.usefixtures("made_up_runs")
def test_it_stops_when_all_is_clear_and_goes_on_when_not() -> None:
    """100 / 25 = 4 s with a tenth of noise: 6 s is clear at the first look, 4.2 s is not."""
    clear = assess(light("mean(delay) < 6 s", size=EIGHT), most=16)
    unclear = assess(light("mean(delay) < 4.1 s", size=EIGHT), most=16)

    assert (clear.answer, len(clear.runs)) == ("met", 4)
    assert len(unclear.runs) > 4
    assert clear.level == 1 - 0.05 / 2


@pytest.mark.usefixtures("made_up_runs")
def test_a_missed_objective_ends_it_only_where_that_is_enough() -> None:
    """Beside a clear miss, one that is not clear: it goes on for that one, unless a miss decides."""
    scenario = light("mean(delay) < 1 s", "mean(delay) < 4.1 s", size=EIGHT)

    assert len(assess(scenario, most=16).runs) > 4
    assert len(assess(scenario, most=16, stop_when_missed=True).runs) == 4
    assert len(assess(light("mean(delay) < 4.1 s", size=EIGHT), most=16, stop_when_missed=True).runs) > 4


@pytest.mark.usefixtures("made_up_runs")
def test_a_width_can_be_asked_for() -> None:
    """5 % of the value takes more than the four runs that make the verdict clear; what it would take is said."""
    wide = assess(light("mean(delay) < 6 s", size=EIGHT), most=64)
    narrow = assess(light("mean(delay) < 6 s", size=EIGHT), most=64, relative=0.05)
    short = assess(light("mean(delay) < 6 s", size=EIGHT), most=8, relative=0.001)

    assert len(wide.runs) < len(narrow.runs)
    assert narrow.verdicts[0].interval.half_width <= 0.05 * narrow.verdicts[0].estimate
    assert re.search(r"about [\d,]+ replications would tell, about .* of processor time", short.advice), short.advice
    again = assess(light("mean(delay) < 6 s", size=EIGHT), most=8, relative=0.001)
    assert again.advice == short.advice, "the time is no measured one, which would differ"


@pytest.mark.usefixtures("made_up_runs")
def test_the_verdicts_do_not_depend_on_where_the_runs_were_made() -> None:
    """Nor on the order in which they were ready."""
    scenario = light("mean(delay) < 6 s", size=EIGHT)
    with ThreadPoolExecutor(4) as threads:
        assert assess(scenario, executor=threads).verdicts == assess(scenario).verdicts


# --- headroom -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last_met", range(-1, 12))
@pytest.mark.parametrize("guess", [0, 3, 11])
def test_the_break_is_found_from_any_guess(last_met: int, guess: int) -> None:
    """Twelve growths, of which the first so many hold."""
    asked: list[int] = []

    def answer(at: int) -> str:
        asked.append(at)
        return "met" if at <= last_met else "missed"

    assert bracket(answer, 12, guess) == (last_met, last_met + 1, set())
    assert len(asked) == len(set(asked)) <= 6


def test_what_cannot_be_decided_is_left_between() -> None:
    """And the search ends."""
    assert bracket(lambda at: "met" if at < 3 else "missed" if at > 5 else "cannot say", 12, 4) == (2, 6, {3, 4, 5})


@pytest.mark.theory
def test_headroom_of_a_station_is_where_theory_says() -> None:
    """M/M/8 at 4 erlangs, wait below 0.5 s: by Erlang C it breaks at 1.53 times the load; found to within its steps of 5 %."""
    limit = parse_objective("mean(wait) < 0.5 s", station())
    scenario = station(per_hour=3600 * 4, service_s=1, cores=8, hours=3)
    found = find_headroom(scenario, [limit], most=4)

    growths = [1.05**n for n in range(1, 20)]
    first = next(g for g in growths if mmc_wait_s(8, 4 * g, 1.0) > 0.5)
    assert found is not None
    assert found.holds_to <= first * 1.001
    assert first / 1.11 <= found.breaks_at <= first * 1.11
    assert "mean(wait)" in found.first
    assert found.resource.startswith("onprem.cores")
    assert grown(scenario, 1.5).load.growth == 1.5  # type: ignore[union-attr]


def test_a_growth_gets_a_first_look_and_more_only_where_it_is_asked_for() -> None:
    """At half a percent below the limit a look at 4 runs cannot tell; with 8 at the most it looks again."""
    scenario = station(per_hour=3600 * 4, service_s=1, cores=8, hours=2)
    limit = parse_objective(f"utilisation(onprem.cores) < {100 * 1.05 * 4 / 8 + 0.3:.2f} %", scenario)
    runs: list[list[int]] = []
    for asked in ({}, {"most": 8}):
        spent: list[int] = []
        find_headroom(scenario, [limit], spent=lambda found, spent=spent: spent.append(len(found.runs)), **asked)  # type: ignore[arg-type,misc]
        runs.append(spent)

    assert set(runs[0]) == {FIRST_LOOK}
    assert max(runs[1]) > FIRST_LOOK


@pytest.mark.parametrize(("names", "most"), [("a", 1), ("ab", 2), ("abc", 3), ("abcd", 3), ("abcdefgh", 4)])
def test_no_more_machines_are_tried_than_were_foreseen(names: str, most: int) -> None:
    """Whichever of them is the least that holds, and whichever is tried first: the first, and by halving the rest."""
    spec = changed(small(), {"size": {"server": "onprem", "candidates": [{"name": n, "cores": 1} for n in names]}})
    assert most_looks(spec, headroom=False) == most
    for least, first in product(range(len(names) + 1), range(len(names))):
        best, low, at, tried = len(names), 0, first, 0
        while True:
            tried += 1
            best, low = (at, low) if at >= least else (best, at + 1)
            if low >= best:
                break
            at = range(low, best)[(best - low) // 2]
        assert tried <= most


def test_no_more_growths_are_tried_than_were_foreseen() -> None:
    """Of 57 steps of 5 % up to 16 times the load, wherever it breaks and whatever is guessed."""

    def tries(breaks: int, guess: int) -> int:
        tried: list[int] = []

        def answer(at: int) -> str:
            tried.append(at)
            return "met" if at < breaks else "missed"

        bracket(answer, 57, guess)
        return len(tried)

    assert max(tries(*each) for each in product(range(58), range(57))) <= most_growths() == 8


# --- what is needed of each resource --------------------------------------------------------------------------------


def test_what_is_needed_of_all_resources_holds_when_it_is_set() -> None:
    """Set by hand as the table says, in a scenario of its own; what is in use on average would not do, nor one of each.

    A connection that is not free is asked for again after minutes, so that one alone for 0.3 of them busy breaks the p95.
    """
    more = "size: {server: onprem, candidates: [{name: four, cores: 4, cost: 1}], replications: 8}\n"
    scenario = changed(small("p95(delay) < 10 s", more=more), {"events": [], "load": {"profile": "office-worker"}})
    found = sized(scenario, engine="compiled")
    assert found.answer is not None

    rows = found.resources(scenario).set_index("resource")
    said = rows["needed"].dropna()
    own = [name for name in said.index if name in ("smtp_connections", "transfer_threads", "delivery_threads", "cores")]
    just: dict[str, Any] = {f"servers.onprem.capacity.{name}": int(said[name]) for name in own}
    for place, (there, back) in enumerate(
        (("office to hosted", "hosted to office"), ("office to internet", "internet to office"))
    ):
        wide = {"up": f"{8 * said[there]} bit/s", "down": f"{8 * said[back]} bit/s"}
        just[f"links.{place}.bandwidth"] = wide

    assert "smtp_connections" in own
    assert (rows["needed"].dropna() <= rows["has"][said.index]).all()
    assert assess(changed(scenario, just), most=8, seed=scenario.run.seed, engine="compiled").answer == "met"
    one = dict.fromkeys(just, 1) | {k: v for k, v in just.items() if "link" in k}
    assert assess(changed(scenario, one), most=4, engine="compiled").answer == "missed"
    assert np.isnan(rows["needed"]["queue_disk"])
    assert "coexsim outage" in rows["why"]["queue_disk"]


def test_what_was_not_shown_to_be_enough_is_not_said() -> None:
    """Nothing that is tried holds: no figure; all there is already: no run."""
    scenario = station("mean(wait) < 10 s", cores=5)
    table = pd.DataFrame([("cores", 5.0, 0.5, 2.0, "")], columns=COLUMNS)
    tried = []

    def holds(_: Scenario) -> bool:
        tried.append(1)
        return False

    def times(factor: float) -> pd.DataFrame:
        return table.assign(needed=(factor * table["needed"]).clip(upper=table["has"]))

    assert find_enough(scenario, "onprem", lambda factor: times(0.5 + 0.1 * factor), holds) is None
    assert len(tried) == len(TIMES)
    tried.clear()
    assert find_enough(scenario, "onprem", lambda _: times(9.0), holds) == TIMES[0]
    assert tried == []


def test_a_line_that_fails_is_named_and_not_the_machine() -> None:
    """2,376 messages of 1 MB an hour need 5.28 Mbit/s of a line; at 70 % 7.54, whatever the machine."""
    lines = {
        "sites": ["office", "internet"],
        "links": [{"between": ["office", "internet"], "bandwidth": "6 Mbit/s", "name": "wire"}],
        "servers.external.site": "internet",
        "load.streams.0.sizes": "1 MB",
    }
    limit = "utilisation(wire) < 70 %"
    machines = "candidates: [{name: five, cores: 5, cost: 1}, {name: ten, cores: 10, cost: 2}], replications: 4"
    scenario = changed(station(limit, hours=2, size=machines), lines)
    [line] = line_shortfalls(scenario, read_objectives(scenario))
    found = sized(scenario)

    assert found.exit_code == 1
    assert found.headline.startswith(
        "No machine helps onprem, as it is a line that fails: internet to office has 6 Mbit/s, and needs 7."
    )
    assert found.at_fault == line
    assert float(line.split("needs ")[1].split(" Mbit/s")[0]) == pytest.approx(5.28 / 0.7, rel=0.1)
    assert sized(station("mean(wait) < 10 s", hours=2, size=CORES.replace("1..24", "2..3"))).at_fault == ""
