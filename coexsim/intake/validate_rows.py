"""Set what a run predicts beside what a log measured: one comparison a figure, with its verdict and the reason for it."""

from __future__ import annotations

from math import isfinite, nan
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from coexsim.answers import CANNOT_SAY, MET, MISSED, Answer
from coexsim.experiment.results import Results, weighted_quantiles
from coexsim.intake.figures import say_value
from coexsim.intake.fit import Fit
from coexsim.intake.fit_service import STAGES
from coexsim.intake.fit_ways import before_the_logs, begun_in_no_log, hops_in_no_log, wrong_ways
from coexsim.intake.validate_measure import FlowDelays, why_elsewhere, why_slow, why_varying
from coexsim.scenario.model import Scenario
from coexsim.units import say_duration

TOLERANCE = 0.10
QUANTILES = (0.5, 0.95)
MOST_WAYS = 3  # flows that end otherwise are named
FEWEST = 30  # a flow with fewer copies is not judged


class ValidatedFigure(NamedTuple):
    """One figure: predicted, measured, and whether they agree within the tolerance."""

    topic: str
    name: str
    predicted: float
    measured: float
    low: float  # the log knows the measured figure to be between these
    high: float
    unit: str
    messages: int
    verdict: Answer
    remark: str = ""

    @property
    def off(self) -> float:
        """How far the prediction is from the measurement, relative to it."""
        return abs(self.predicted - self.measured) / self.measured if self.measured else nan

    def say(self, tolerance: float = TOLERANCE) -> str:
        """The comparison as a sentence."""
        text = f"{self.name}: predicted {say_value(self.predicted, self.unit)}, measured {say_value(self.measured, self.unit)}"
        if self.verdict == MET:
            return f"{text}, within {100 * tolerance:.0f} %" + (f" ({self.remark})" if self.remark else "")
        if self.verdict == MISSED:
            return f"{text}, off by {100 * self.off:.0f} %: missed" + (f"; {self.remark}" if self.remark else "")
        return f"{text}: cannot say" + (f"; {self.remark}" if self.remark else "")


def delay_rows(
    measured: dict[str, FlowDelays], predicted: dict[str, Any], results: Results, given: Scenario, found: Fit, tolerance: float
) -> list[ValidatedFigure]:  # fmt: skip
    """p50 and p95 of the delay of each flow."""
    rows, works, hops = [], [*_works(results, found), *_works_as_set(given, found)], _predicted_hops(results)
    unlogged, unseen = before_the_logs(found, given), hops_in_no_log(found, given)
    from_afar, receipts = begun_in_no_log(found, given), _receipts(found)
    for flow, delays in sorted(measured.items()):
        for p in QUANTILES:
            value, low, high = delays.quantile(p)
            guess = (
                weighted_quantiles(predicted[flow], np.ones(len(predicted[flow])), [p])[0] if flow in predicted else nan
            )
            row = ValidatedFigure("delay", f"p{100 * p:.0f} {flow}", guess, value, low, high, "s", delays.copies, MET)
            way = why_elsewhere(delays, hops[flow] - unseen.get(flow, 0)) if flow in hops else ""
            known = works + receipts if flow in from_afar else works
            passed = [work for work in known if work.number in delays.servers]
            row = _judged(row, delays, passed, way, found, tolerance, p)
            if row.verdict == MISSED and flow in unlogged:
                names = ", ".join(unlogged[flow])
                why = f"the scenario's mail passes {names} first, the log's delays begin after that: give the log of it"
                row = row._replace(verdict=CANNOT_SAY, remark=why)
            rows.append(row)
    return rows


def _judged(
    row: ValidatedFigure,
    delays: FlowDelays,
    works: list[_PredictedWork],
    way: str,
    found: Fit,
    tolerance: float,
    p: float,
) -> ValidatedFigure:
    """The verdict on a delay, with the reason where it is not met. `works` are of the servers that it passes; `way`: why it goes others."""
    if row.messages < FEWEST:
        return row._replace(verdict=CANNOT_SAY, remark=f"only {row.messages} copies")
    if not isfinite(row.predicted):
        return row._replace(verdict=MISSED, remark="the scenario delivers nothing on this flow")
    if row.off <= tolerance:
        return row
    if abs(row.predicted - row.measured) <= delays.step_s / 2:
        return row._replace(
            verdict=CANNOT_SAY, remark=f"the log gives delays in steps of {say_duration(delays.step_s)}"
        )
    why = why_slow(found, delays, p, row.predicted, tolerance)
    if row.low <= row.predicted <= row.high:
        known = f"the log itself knows it only to {say_duration(row.low)} to {say_duration(row.high)} (95 %)"
        return row._replace(verdict=CANNOT_SAY, remark="; ".join(filter(None, (known, way, why))))
    causes = (way or _likely_cause(row, works), why_varying(found, delays), why)
    cause = why if why.endswith("as predicted") else "; ".join(filter(None, causes))
    return row._replace(verdict=MISSED, remark=cause)


def _predicted_hops(results: Results) -> dict[str, float]:
    """How often a delivered copy of each flow was handed from server to server, mean."""
    done = results.measured[results.measured["outcome"] == "delivered"]
    counts = done["recipients"].to_numpy()
    sums = pd.DataFrame({"flow": done["flow"].astype(str), "n": counts, "hops": done["hops"].to_numpy() * counts})
    each = sums.groupby("flow").sum()
    return {str(flow): float(hops) for flow, hops in (each["hops"] / each["n"]).items()}


class _PredictedWork(NamedTuple):
    """What a message takes at a server, predicted and in the log [s]."""

    number: int
    server: str
    predicted_s: float
    measured_s: float
    what: str = "work and waiting"


def _works(results: Results, found: Fit) -> list[_PredictedWork]:
    """Work and waiting at the cores, beside the log's stages a and b, of each server whose log has them."""
    stages = results.stages[results.stages["stage"] == "cores"].groupby("server", observed=True)
    predicted = (stages["mean_wait_s"].mean() + stages["mean_service_s"].mean()).to_dict()
    rows = []
    for number, name in found.names.items():
        if (work := found.works.get(number)) is not None and work.is_filtered:
            continue  # most of its work is in no stage of its own
        values = [
            figure.value
            for figure in found.figures
            if figure.name in (f"{name}, {STAGES[stage]}, mean" for stage in ("before_s", "queue_s"))
        ]
        if values and all(map(isfinite, values)):
            guess = float(predicted.get(name, 0.0))
            rows.append(_PredictedWork(number, name, guess if isfinite(guess) else 0.0, sum(values)))
    return rows


def _works_as_set(given: Scenario, found: Fit) -> list[_PredictedWork]:
    """What taking in a mail of mean size, a filter, and putting it into a mail file take by the scenario's laws and by those of the log."""
    sizes = found.replayed["size"].to_numpy(np.float64)
    size_bytes = float(sizes[sizes > 0].mean()) if (sizes > 0).any() else 0.0
    rows = []
    for number, name in found.names.items():
        server, measured = given.servers.get(name), found.works.get(number)
        for key, what in (("accept", "taking a message in"), ("scan", "scan"), ("deliver", "delivery")):
            law = getattr(measured, key) if key != "scan" or (measured and measured.is_filtered) else None
            if server is not None and law is not None:
                real_s = law.mean_s + law.per_mb_s * size_bytes / 1e6
                guess_s = getattr(server.service, key).mean_s(size_bytes)
                rows.append(_PredictedWork(number, name, guess_s, real_s, what))
    return rows


def _receipts(found: Fit) -> list[_PredictedWork]:
    """What mail takes to come over farther lines than the nearest source's, which the scenario has not."""
    return [
        _PredictedWork(number, name, *work.receipt_s, "receipt over the lines of hosts without a log")
        for number, name in found.names.items()
        if (work := found.works.get(number)) is not None and work.receipt_s is not None
    ]


def _likely_cause(row: ValidatedFigure, works: list[_PredictedWork]) -> str:
    """Which way it is off, and the server where most of it is, if there is one."""
    off_s = row.predicted - row.measured
    way = "less" if off_s > 0 else "longer"
    text = f"it takes {way} than the scenario says"
    most = max(works, key=lambda work: (work.predicted_s - work.measured_s) * (1 if off_s > 0 else -1), default=None)
    if most is not None and abs(most.predicted_s - most.measured_s) >= abs(off_s) / 2:
        ours, theirs = say_duration(most.predicted_s), say_duration(most.measured_s)
        return f"{text}, most of it at {most.server}: {most.what} there predicted {ours}, in the log {theirs}"
    if off_s > 0:
        return f"{text}: a line, a session or work at delivery is too slow there, or mail meets less of it"
    return f"{text}: work, waiting or a line that it does not have, or has too fast"


def outcome_rows(results: Results, given: Scenario, found: Fit, tolerance: float) -> list[ValidatedFigure]:
    """Copies delivered and failed, all flows together; measured recipients that were refused at submission count as failed.

    The log's own mail was replayed, so that no difference is chance: where one is, the flows that end otherwise are named.
    """
    outcomes = results.outcomes().sum() / max(len(results.replications), 1)
    copies = found.journeys.copies
    mine = copies["message"].isin(found.replayed.index).to_numpy()
    ended = copies["outcome"].to_numpy()[mine]
    pairs = (
        ("copies delivered", float(outcomes["delivered"]), int(np.isin(ended, (0, 1)).sum())),
        ("copies bounced or refused", float(outcomes["bounced"]), int(np.isin(ended, (2, 6)).sum())),
        ("copies expired", float(outcomes["expired"]), int((ended == 3).sum())),
    )
    rows, why = [], ""
    for name, guess, real in pairs:
        is_near = abs(guess - real) <= tolerance * real or guess == real
        if not is_near and not why and name != "copies expired":
            why = "; ".join(str(each) for each in wrong_ways(found, given)[:MOST_WAYS])
        remark = "" if is_near or name == "copies expired" else why
        verdict: Answer = MET if is_near else MISSED
        rows.append(ValidatedFigure("outcomes", name, guess, float(real), real, real, "1", real, verdict, remark))
    return rows
