"""Validate: replay a log's own mail through a scenario and set what it predicts beside what the log measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from coexsim.answers import CANNOT_SAY, MET, MISSED, Answer
from coexsim.errors import NoDataError
from coexsim.experiment.results import Results, join
from coexsim.experiment.run import simulate
from coexsim.experiment.store import write_table
from coexsim.intake.fit import Fit, fit
from coexsim.intake.fit_text import outage_events, start_text
from coexsim.intake.validate_measure import FlowDelays, measured_delays
from coexsim.intake.validate_rows import TOLERANCE, ValidatedFigure, delay_rows, outcome_rows
from coexsim.intake.validate_servers import retry_rows, server_rows
from coexsim.pictures import Pictures
from coexsim.progress import ShareProgress
from coexsim.scenario.load import changed, load_scenario
from coexsim.scenario.model import Scenario

MANY = 20_000  # messages from which one run of the replay is enough
RUNS = 5
FITTING = 0.5  # the share of the work that is done when the logs are read, about


@dataclass(frozen=True)
class Validation:
    """What a scenario predicts for the mail of a log, beside what the log measured."""

    comparisons: tuple[ValidatedFigure, ...]
    tolerance: float
    measured: dict[str, FlowDelays]
    predicted: dict[str, np.ndarray[Any, np.dtype[np.float64]]]  # delays of copies by flow [s]
    servers: pd.DataFrame  # server, minute, what (arrivals, queue), predicted, measured
    fit: Fit
    results: Results
    remarks: tuple[str, ...]
    plot: ClassVar[Any] = Pictures("validation")

    @property
    def verdict(self) -> Answer:
        """``missed`` if anything is, else ``cannot say`` if nothing could be judged, else ``met``."""
        verdicts = {c.verdict for c in self.comparisons}
        return MISSED if MISSED in verdicts else MET if MET in verdicts else CANNOT_SAY

    def sentences(self) -> list[str]:
        """One sentence a comparison."""
        return [comparison.say(self.tolerance) for comparison in self.comparisons]

    def to_data(self) -> dict[str, Any]:
        """The comparisons as plain data."""
        rows = [
            {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in c._asdict().items()}
            | {"sentence": c.say(self.tolerance)}
            for c in self.comparisons
        ]
        return {
            "verdict": self.verdict,
            "tolerance": self.tolerance,
            "comparisons": rows,
            "remarks": list(self.remarks),
        }


def validate(
    scenario: Scenario | str | Path, logs: Iterable[str | Path], *, tolerance: float = TOLERANCE, replications: int | None = None,
    seed: int | None = None, year: int | None = None, progress: ShareProgress | None = None,
) -> Validation:  # fmt: skip
    """Replay the mail of `logs` through `scenario` and compare delays by flow, outcomes, load and queues of servers, and retries.

    Outages that the logs show are replayed too, unless the scenario says its own. A comparison is *met* within `tolerance`, *missed*
    outside it, and *cannot say* where the log itself does not know the figure so well: fewer than 30 copies, a delay below the log's
    resolution, or a prediction inside the 95 % interval of the measurement (bootstrap over blocks of time).
    `progress` is told how far it is. Raises as `fit` does, and `NoDataError` where no message of the log can be replayed.
    """
    given = load_scenario(scenario) if isinstance(scenario, (str, Path)) else scenario
    reading = None if progress is None else lambda share, what: progress(FITTING * share, what)
    found = fit(logs, scenario=given, year=year, parts=1, progress=reading)
    if not found.replay.messages:
        raise NoDataError("no message of the logs can be replayed")
    results, remarks = _replayed(given, found, replications, seed, progress)
    measured = measured_delays(found)
    predicted = _predicted(results)
    rows = [
        *delay_rows(measured, predicted, results, given, found, tolerance),
        *outcome_rows(results, given, found, tolerance),
    ]
    servers, more = server_rows(results, given, found, tolerance)
    rows += more
    rows += retry_rows(results, given, found, tolerance)
    if not found.complete.counts_hold:
        rows = [row._replace(verdict=CANNOT_SAY, remark=found.complete.why) for row in rows]
    return Validation(tuple(rows), tolerance, measured, predicted, servers, found, results, tuple(remarks))


def _replayed(
    given: Scenario, found: Fit, replications: int | None, seed: int | None, progress: ShareProgress | None
) -> tuple[Results, list[str]]:
    """Runs of the scenario with the log's mail in place of its load."""
    count, table = replications or (1 if found.replay.messages > MANY else RUNS), found.replay.table
    remarks = [
        f"{len(table):,} messages of the log replayed, {count} run{'s' if count > 1 else ''} with other service times"
    ]
    length = ceil(float(table["born_s"].max())) + 1
    changes: dict[str, object] = {
        "messages": [], "objectives": [], "load": {"replay": "replay.parquet"},
        "run": {"start": start_text(found.replay.begin_s + found.zone_s), "length": f"{length} s", "seed": given.run.seed},
    }  # fmt: skip
    events = outage_events(found.outages, found.names, given.servers, found.zone_s)
    if not given.events and events:
        changes["events"] = events
        remarks.append(
            "outages taken from the log: " + "; ".join(f"{e['down']} from {e['at']} for {e['for']}" for e in events)
        )
    elif given.events:
        remarks.append("outages as the scenario says them")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "replay.parquet"
        write_table(table, file)
        changes["load"] = {"replay": str(file)}
        replayed = changed(given, changes)
        each = (1 - FITTING) / count

        def simulated(number: int) -> Results:
            def tell(time_s: float, recipients: int, _in_vain: int) -> None:
                assert progress is not None
                share = FITTING + each * (number + min(time_s / length, 1.0))
                progress(share, f"run {number + 1} of {count}, {recipients:,} recipients so far")

            return simulate(replayed, seed=seed, replication=number, progress=tell if progress else None)

        runs = [simulated(number) for number in range(count)]
    return join(runs), remarks


def _predicted(results: Results) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Delays of delivered copies by flow; a row that stands for several recipients counts as often."""
    done = results.measured[results.measured["outcome"] == "delivered"]
    return {
        str(flow): np.repeat(part["delay_s"].to_numpy(), part["recipients"].to_numpy())
        for flow, part in done.groupby("flow", observed=True)
    }
