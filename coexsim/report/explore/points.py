"""One point of the grid: its runs, and all that a what-if page shows of them."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isfinite, nan
from typing import Any, NamedTuple

from coexsim.analysis.slo import Verdict, evaluate
from coexsim.engine.choice import Engine
from coexsim.experiment.results import Results, join
from coexsim.experiment.run import run_one
from coexsim.report.explore.routes import routes_of
from coexsim.report.saying import is_worth_saying
from coexsim.report.summary import summarise
from coexsim.report.words import say_limit
from coexsim.scenario.model import Scenario

DELAYS = ("mean", "p50", "p95", "p99")
OBJECTIVE, BUSY = "objective", "busy in the "
"""How figures are called: of an objective, and a share in use, after which stands the hour, or what was measured."""


class ShownFigure(NamedTuple):
    """A figure of a point: what it is, of which flow, limit, queue or edge, its unit, value and 95 % interval; NaN: not known."""

    what: str
    of: str
    unit: str
    value: float
    low: float = nan
    high: float = nan


class GridPoint(NamedTuple):
    """What a point's runs gave. `engine` and `copies` say how they were made."""

    figures: tuple[ShownFigure, ...]
    verdicts: tuple[tuple[str, str], ...]
    """Of each objective the answer and why."""
    routes: dict[str, Any]
    engine: str
    copies: int


def run_point(scenario: Scenario, seed: int, replications: int, engine: Engine) -> GridPoint:
    """Simulate a point and keep its figures: small enough to send from any machine. The figures are those of ``coexsim run``."""
    results = join([run_one(scenario, seed, number, "", False, engine) for number in range(replications)])
    verdicts = evaluate(None, results, scenario)
    routes = routes_of(scenario)
    figures = (*_of_verdicts(verdicts), *_of_summary(results, scenario), *_of_edges(results, routes))
    answers = tuple((verdict.answer, verdict.why) for verdict in verdicts)
    return GridPoint(figures, answers, routes, str(results.provenance.get("engine", "")), len(results.mail))


def _of_verdicts(verdicts: list[Verdict]) -> Iterator[ShownFigure]:
    units = {"s": "s", "bytes": "B", "share": "1", "count": "1"}
    for each in verdicts:
        yield ShownFigure(
            OBJECTIVE,
            each.objective.text,
            units[each.objective.unit],
            each.estimate,
            each.interval.low,
            each.interval.high,
        )


def _of_summary(results: Results, scenario: Scenario) -> Iterator[ShownFigure]:
    summary = summarise(results, scenario)
    for row in summary["delay_by_flow"]:
        for name in DELAYS:
            yield ShownFigure(
                f"{name} delay", row["flow"], "s", row[f"{name}_s"], row[f"{name}_low_s"], row[f"{name}_high_s"]
            )
    for row in summary["servers"]:
        if is_worth_saying(row):
            of = row["server"] if row["stage"] == "link" else f"{row['server']}: {say_limit(row | {'limit': None})}"
            yield ShownFigure(
                f"{BUSY}{summary['peak']}", of, "1", row["busy_share"], row["busy_share_low"], row["busy_share_high"]
            )
            if row["stage"] != "link" and isfinite(row["p95_wait_s"]):
                yield ShownFigure("95 % wait no longer than", of, "s", row["p95_wait_s"])
    for row in summary["queues"]:
        yield ShownFigure("most messages in the queue", row["machine"], "1", row["most_messages"])
        yield ShownFigure("most bytes in the queue", row["machine"], "B", row["most_bytes"])
    runs = max(summary["replications"], 1)
    for row in summary["outcomes"]:
        for name, value in row.items():
            if name not in ("flow", "alternative", "delivered_twice"):
                yield ShownFigure(f"recipients {name}", row["flow"], "1", value / runs)
    yield ShownFigure("bytes between sites", "all links", "B", results.wan_bytes / runs)


def _of_edges(results: Results, routes: dict[str, Any]) -> Iterator[ShownFigure]:
    """Messages an hour from server to server: the copies that each flow handed in, along its route."""
    measured = results.measured
    begin_s, end_s = results.window_s
    hours = (min(end_s, results.length_s) - begin_s) / 3600 * max(len(results.replications), 1)
    handed_in = measured.groupby("flow", observed=True).size()
    copies = {str(flow): n / hours for flow, n in handed_in.items()} if 0 < hours < inf else {}
    found: dict[str, float] = {}
    for flow, client, server, _, _, times in routes["uses"]:
        edge = f"{client} -> {server}"
        found[edge] = found.get(edge, 0.0) + times * copies.get(flow, 0.0)
    for edge, per_hour in found.items():
        yield ShownFigure("messages an hour", edge, "1", per_hour)
