"""Objectives are read as planners write them, and what cannot be read is pointed at."""

from __future__ import annotations

from typing import Any

import pytest

from coexsim.analysis.slo_text import Objective, Unit, parse_objective, read_objectives
from coexsim.errors import ObjectiveError
from coexsim.scenario.load import changed
from tests.analysis.small import small


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "p95(delay, hosted->hosted) < 60 s",
            {
                "kind": "quantile",
                "probability": 0.95,
                "what": "delay",
                "flow": ("hosted", "hosted"),
                "limit": 60.0,
                "op": "<",
            },
        ),
        ("p99.9(delay) <= 1h30m", {"probability": 0.999, "limit": 5400.0, "op": "<=", "flow": None}),
        ("mean(delay, *->hosted) < 1 min", {"kind": "mean", "flow": ("*", "hosted"), "limit": 60.0}),
        ("mean(wait) < 10 s", {"kind": "mean", "what": "wait", "server": None, "stage": None, "unit": "s"}),
        ("mean(wait, onprem) < 10 s", {"server": "onprem", "stage": None}),
        ("p95( wait ,onprem.transfer_threads ) < 10 s", {"server": "onprem", "stage": "transfer"}),
        (
            "utilisation(onprem.cores) < 70 %",
            {"kind": "utilisation", "server": "onprem", "stage": "cores", "limit": 0.7},
        ),
        (
            "utilisation(onprem.cores, busiest hour) < 70 %",
            {"kind": "utilisation", "server": "onprem", "stage": "cores", "busiest_hour": True},
        ),
        ("utilisation(smart-host.cores) < 0.7", {"server": "onprem", "stage": "cores", "limit": 0.7}),
        ("utilisation(office-hosted) < 50%", {"server": "office-hosted", "stage": "link"}),
        ("utilisation(office to hosted) < 50%", {"server": "office to hosted", "stage": "link"}),
        ("share(rejected) < 0.1 %", {"kind": "share", "what": "rejected", "limit": 0.001}),
        (
            "share(in transit, internet->hosted) = 0 %",
            {"what": "in transit", "flow": ("internet", "hosted"), "op": "="},
        ),
        ("share(delivered, valid recipients) > 99.9 %", {"valid_only": True, "op": ">", "limit": pytest.approx(0.999)}),
        ("backlog(onprem) < 5,000", {"kind": "backlog", "server": "onprem", "limit": 5000.0, "unit": "count"}),
        ("queue_disk(onprem) < 50 GB", {"kind": "queue_disk", "limit": 5e10, "unit": "bytes"}),
        ("drain(outage 2) < 2 h", {"kind": "drain", "outage": 1, "limit": 7200.0}),
        ("drain(outage) < 2 h", {"kind": "drain", "outage": None}),
        (
            "bounced(valid recipients) = 0",
            {"kind": "count", "what": "bounced", "valid_only": True, "op": "=", "limit": 0.0},
        ),
        ("expired() == 0", {"kind": "count", "what": "expired", "op": "="}),
    ],
)
def test_what_is_written_is_what_is_meant(text: str, parts: dict[str, Any]) -> None:
    """Every form in the table of the module."""
    objective = parse_objective(text, small())

    assert {name: getattr(objective, name) for name in parts} == parts


@pytest.mark.parametrize(
    ("text", "marked", "said"),
    [
        ("p95(dely, hosted->hosted) < 60 s", "dely", "did you mean 'delay'?"),
        ("p95(delay, hosted->hostd) < 60 s", "hostd", "did you mean 'hosted'?"),
        ("p95(delay, hosted) < 60 s", "hosted", "is no flow"),
        ("p95(delay, a->b->c) < 60 s", "a->b->c", "is no flow"),
        ("p95(delay) < 60", "60", "has no unit|is not a duration"),
        ("p95(delay) < 60 kg", "60 kg", "not a unit of a duration"),
        ("p95(delay) = 60 s", "=", "write < or <="),
        ("p95(delay) 60 s", " 60 s", "a comparison should follow"),
        ("p95(delay) <", None, "a limit is missing"),
        ("p100(delay) < 60 s", "p100", "cannot be measured"),
        ("utilization(onprem.cores) < 70 %", "utilization", "did you mean 'utilisation'?"),
        ("utilisation(onprm.cores) < 70 %", "onprm", "did you mean 'onprem'?"),
        ("utilisation(onprem.cors) < 70 %", "cors", "did you mean 'cores'?"),
        ("utilisation(onprem) < 70 %", "onprem", "onprem.cores"),
        ("utilisation(onprem.cores) < 170 %", "170 %", "between 0 and 1"),
        ("utilisation(onprem.cores, 3) < 70 %", "3", "write 'busiest hour'"),
        ("utilisation() < 70 %", "()", "says nothing of what"),
        ("share(lost) < 1 %", "lost", "known: delivered"),
        ("backlog(onprem) < many", "many", "no number of messages"),
        ("drain(outage 3) < 2 h", "outage 3", "this scenario has 2"),
        ("drain(everything) < 2 h", "everything", "is no outage"),
        ("bounced(valid recipient) = 0", "valid recipient", "did you mean 'valid recipients'?"),
        ("p95(wait, onprem) < 1 s", "onprem", "known for one stage"),
        ("p90(wait, onprem.cores) < 1 s", "p90", "p50, p95 and p99"),
        ("p95 delay < 60 s", " ", r"'\(' should follow"),
        ("p95(delay < 60 s", None, r"'\)' is missing"),
        ("< 60 s", "<", "begins with what is measured"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text: str, marked: str | None, said: str) -> None:
    """The line, marks under the piece that is wrong, and what would do."""
    with pytest.raises(ObjectiveError, match=said) as error:
        parse_objective(text, small(), ("small.yaml", 7))

    _, line, marks = str(error.value).splitlines()
    assert str(error.value).startswith("small.yaml:7: ")
    assert line.removeprefix("    ") == text
    if marked is not None:
        begin = marks.index("^") - 4
        assert text[begin : begin + marks.count("^")] == marked


def test_all_that_cannot_be_read_is_told_at_once_with_its_lines() -> None:
    """Not only the first."""
    with pytest.raises(ObjectiveError, match="'p95x' cannot") as error:
        read_objectives(small("p95x(delay) < 1 s", "mean(delay) < 1 s", "mean(delay, nowhere->hosted) < 1 s"))

    first = str(error.value).splitlines()[0]
    assert "small.yaml:" in first
    assert "'nowhere' is no side" in str(error.value)


def test_an_objective_knows_its_line() -> None:
    """In the file it was read from."""
    scenario = small("mean(delay) < 1 s", "share(bounced) < 1 %")
    lines = [objective.line for objective in read_objectives(scenario)]

    assert lines[1] == lines[0] + 1
    assert read_objectives(scenario)[0].where == f"small.yaml:{lines[0]}"


def test_no_outage_no_drain() -> None:
    """Said with what would do."""
    scenario = small().replaced(events=())

    with pytest.raises(ObjectiveError, match="has no outage at a known time"):
        parse_objective("drain(outage) < 1 h", scenario)


@pytest.mark.parametrize(
    ("op", "below", "at", "above"),
    [
        ("<", True, False, False),
        ("<=", True, True, False),
        (">", False, False, True),
        (">=", False, True, True),
        ("=", False, True, False),
    ],
)
def test_comparisons(op: Any, below: bool, at: bool, above: bool) -> None:
    """Each of the five, below, at and above the limit."""
    objective = Objective("", "mean", op, 2.0, "s")

    assert [objective.holds(value) for value in (1.0, 2.0, 3.0)] == [below, at, above]


def test_values_are_told_in_their_unit() -> None:
    """As planners say them."""
    units: tuple[tuple[Unit, float], ...] = (("s", 0.25), ("share", 0.123), ("bytes", 5e10))
    told = [Objective("", "mean", "<", 1.0, unit).say(value) for unit, value in units]
    told += [Objective("", "count", "<", 1.0, "count").say(value) for value in (4999.0, float("nan"), float("inf"))]

    assert told == ["250 ms", "12.3 %", "50 GB", "4,999", "-", "no end"]


def test_an_outage_has_a_number_and_perhaps_a_name() -> None:
    """Of two outages, the second one called ``cut``: by either; a slip of the pen is told which was meant."""
    scenario = changed(small(), {"events.1.name": "wan cut"})

    assert parse_objective("drain(wan cut) < 1 h", scenario).outage == 1
    assert parse_objective("drain(outage 2) < 1 h", scenario).outage == 1
    with pytest.raises(ObjectiveError, match="did you mean 'wan cut'"):
        parse_objective("drain(wan cuts) < 1 h", scenario)


def test_a_line_may_be_written_over_several() -> None:
    """YAML keeps line ends in some forms of text; what does not follow is pointed at in one line."""
    assert parse_objective("p95(delay)\n  <\n 60 s\n", small()).limit == 60.0
    with pytest.raises(ObjectiveError, match="- p99") as error:
        parse_objective("drain(outage 1) < 3 h\n - p99(delay) < 6 h", small())
    assert len(str(error.value).splitlines()) == 3


def test_an_objective_that_a_list_split_at_its_comma_is_told_as_one() -> None:
    """YAML ends an item of a list in brackets at a comma: said once, with what to write; other mistakes are told beside it."""
    split = "objectives: [p95(delay, internet->onprem) < 60 s, utilisation(onprem.cores) < 70 %, p95 delay < 60 s]\n"
    with pytest.raises(ObjectiveError) as error:
        read_objectives(small(more=split))

    first, line, second, *_ = str(error.value).splitlines()
    assert first.endswith("a comma ends an objective: put one that has a comma in quotes, or on a line of its own")
    assert line == "    - p95(delay, internet->onprem) < 60 s"
    assert "'(' should follow" in second
    for told in (f"objectives: ['{line[6:]}']\n", f"objectives:\n{line}\n"):
        assert len(read_objectives(small(more=told))) == 1
