"""The answer of a run for programs: verdicts and figures out of a summary, in base units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from coexsim.cli.envelope import figure

if TYPE_CHECKING:
    from coexsim.analysis.round_trip import RoundTrip
    from coexsim.analysis.slo import Verdict

UNITS = {"s": "s", "bytes": "B", "share": "1", "count": "1"}
LEFT_OUT = ("scenario", "alternatives")
"""Of a run's provenance: the whole scenario, for which its hash stands."""


def verdicts_data(verdicts: Iterable[Verdict], confidence: float = 0.95) -> list[dict[str, Any]]:
    """Objectives with answer, estimate and interval."""
    return [
        {
            "objective": verdict.objective.text,
            "answer": verdict.answer,
            "estimate": verdict.estimate,
            "low": verdict.interval.low,
            "high": verdict.interval.high,
            "confidence": confidence,
            "unit": UNITS[verdict.objective.unit],
            "runs": verdict.runs,
            "why": verdict.why,
        }
        for verdict in verdicts
    ]


def run_figures(summary: dict[str, Any], trip: RoundTrip | None) -> Iterator[dict[str, Any]]:
    """Delays by flow, busy shares and waits by limit, queues by machine, outcomes by flow, and the round trip's price."""
    for row in summary["delay_by_flow"]:
        for name in ("mean", "p50", "p95", "p99"):
            yield figure(
                f"{name} delay", row["flow"], row[f"{name}_s"], "s", row[f"{name}_low_s"], row[f"{name}_high_s"]
            )
        yield figure("share expired", row["flow"], row["expired"], "1")
    peak = summary["peak"]
    for row in summary["servers"]:
        of = f"{row['server']} {row['stage']}"
        yield figure(
            f"busy share in the {peak}", of, row["busy_share"], "1", row["busy_share_low"], row["busy_share_high"]
        )
        yield figure(f"busy in the {peak}", of, row["busy"], "1")
        yield figure("p95 wait", of, row["p95_wait_s"], "s")
    for row in summary["queues"]:
        yield figure("most messages in the queue", row["machine"], row["most_messages"], "1")
        yield figure("most bytes in the queue", row["machine"], row["most_bytes"], "B")
    for row in summary["outcomes"]:
        for name, value in row.items():
            if name not in ("flow", "alternative"):
                yield figure(f"recipients {name}", row["flow"], value, "1")
    if trip is not None:
        low, high = trip.interval.low, trip.interval.high
        yield figure("mean extra delay of the round trip", "hosted->hosted", trip.mean_extra_s, "s", low, high)
        yield figure("extra WAN traffic of the round trip", "all links", trip.wan_bytes, "B")
        yield figure("share of core time for the round trip", trip.server, trip.work_share, "1")


def run_provenance(provenance: dict[str, Any]) -> dict[str, Any]:
    """What a run came from: file, hash, seed, replications, versions."""
    return {name: value for name, value in provenance.items() if name not in LEFT_OUT}
