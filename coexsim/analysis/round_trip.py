"""The price of the round trip: mail between hosted users goes over the on-premises server and back.

It is held against direct delivery of the same mail. Both runs have the same mail, so each message is compared with itself.
"""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from coexsim.analysis.hairpins import round_trip_flows
from coexsim.analysis.theory import hairpin_share
from coexsim.errors import NoDataError
from coexsim.experiment.replicate import replicate, whole
from coexsim.experiment.results import Results, weighted_quantiles
from coexsim.experiment.run import run_one, simulate
from coexsim.pictures import Pictures
from coexsim.progress import RunProgress
from coexsim.scenario.given import require_scenario
from coexsim.scenario.load import changed
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import HostedOutbound
from coexsim.stats import Interval, mean_interval

FLOW = "hosted->hosted"
BLOCKS = 10
"""With one replication the interval comes from so many stretches of time of equal length, taken as independent (batch means)."""

SMALL_S = 0.01
"""A delay that differs by less is too small to matter."""
BEYOND = 10
"""A percentile is taken for good only if so many messages lie beyond it."""


class RoundTrip(NamedTuple):
    """What the round trip costs, for mail between hosted users born in the measured window."""

    messages: int
    """Pairs: copies delivered both ways, over all replications."""
    extra_s: pd.Series
    """Extra delay of each pair [s]; index ``replication, mail``."""
    mean_extra_s: float
    interval: Interval
    quantiles_s: dict[str, float]
    extra_hops: float
    wan_bytes: float
    """Extra bytes on links between sites, by all mail of the window together [B]."""
    wan_share: float
    """The same as a share of all bytes between sites."""
    server: str
    work_share: float
    """Share of the on-premises server's core time in the window that direct delivery would save."""
    via_s: pd.Series
    direct_s: pd.Series
    """Delays of the pairs either way [s]."""
    share_of_internal: float
    """Measured share of mail between hosted users in all internal mail, by recipients."""
    closed_form: float
    """The same by theory: the hosted share squared (uniform mixing)."""

    @property
    def plot(self) -> Any:
        """Pictures as methods: ``price``."""
        return Pictures("round trip").__get__(self)

    @property
    def uncertain(self) -> tuple[str, ...]:
        """The quantiles that too few messages lie beyond: another run could say something else."""
        return tuple(name for name in self.quantiles_s if self.messages * (1 - float(name[1:-2]) / 100) < BEYOND)

    @property
    def too_small(self) -> bool:
        """Is it surely below what anybody notices."""
        within = self.interval if self.interval.known else Interval(self.mean_extra_s, self.mean_extra_s)
        return max(abs(within.low), abs(within.high)) < SMALL_S

    def plain(self) -> dict[str, object]:
        """The figures as plain data, without the distribution."""
        left_out = ("extra_s", "via_s", "direct_s", "interval")
        figures = {name: value for name, value in self._asdict().items() if name not in left_out}
        return figures | {"low_s": self.interval.low, "high_s": self.interval.high}


class WayFigures(NamedTuple):
    """What is asked of the runs of one of the two ways: small beside their tables."""

    delivered: pd.DataFrame
    """Copies between hosted users that arrived: ``delay_s, hops, born_s``; index ``replication, mail``."""
    wan_bytes: float
    work: float
    """Cores at work at the on-premises server, mean over the window."""


def way_of(scenario: Scenario, results: Results) -> WayFigures:
    """One way, from its results."""
    return WayFigures(_delivered(results), results.wan_bytes, _work(results, scenario.home_server["onprem"]))


def run_way(scenario: Scenario, seed: int, replication: int) -> WayFigures:
    """Simulate one way. Picklable in and out."""
    return way_of(scenario, run_one(scenario, seed, replication))


def direct(scenario: Scenario) -> Scenario:
    """The scenario with mail between hosted users delivered inside the hosted service."""
    names = scenario.of_kind(HostedOutbound)
    if not names:
        raise NoDataError("the scenario has no hosted-outbound server: there is no round trip to price")
    if FLOW not in round_trip_flows(scenario):
        raise NoDataError("mail between hosted users makes no round trip: it does not leave the hosted service")
    return changed(scenario, {f"servers.{name}.routes_internal_mail": "direct" for name in names})


def round_trip(
    scenario: Scenario, via: Results | None = None, *, seed: int | None = None, replications: int | None = None,
    executor: Executor | None = None, jobs: int | None = None, progress: RunProgress | None = None,
) -> RoundTrip:  # fmt: skip
    """Price the round trip by running the same mail with direct delivery as well.

    `via` are the results of the scenario itself, if they are there already; their seed and replications then hold. Raises
    `NoDataError` where no mail between hosted users was delivered both ways.
    """
    require_scenario(scenario)
    if via is None:
        via = _runs(scenario, seed, replications or scenario.run.replications, executor, jobs, None)
    straight = _runs(direct(scenario), via.provenance.get("seed"), len(via.replications), executor, jobs, progress)
    return paired(scenario, via, straight)


def _runs(
    scenario: Scenario, seed: int | None, count: int, executor: Executor | None, jobs: int | None,
    progress: RunProgress | None,
) -> Results:  # fmt: skip
    if count == 1 and executor is None:
        return simulate(scenario, seed=seed, progress=progress)
    return whole(replicate(scenario, count, seed=seed, executor=executor, jobs=jobs), count)


def paired(scenario: Scenario, via: Results, straight: Results | WayFigures) -> RoundTrip:
    """The price from the results of the round trip and the direct way, message by message."""
    over, server = way_of(scenario, via), scenario.home_server["onprem"]
    straight = straight if isinstance(straight, WayFigures) else way_of(scenario, straight)
    one, other = over.delivered, straight.delivered
    pairs = one.add_suffix("_via").join(other.add_suffix("_direct"), how="inner")
    if pairs.empty:
        raise NoDataError(f"no mail {FLOW} was delivered both ways in the measured window")
    extra_s = pairs["delay_s_via"] - pairs["delay_s_direct"]
    figures = weighted_quantiles(extra_s.to_numpy(), np.ones(len(extra_s)), [0.5, 0.95, 0.99])
    wan, work = (over.wan_bytes, straight.wan_bytes), (over.work, straight.work)
    people = scenario.directory.population
    everybody = sum(people.values())
    return RoundTrip(
        messages=len(pairs),
        extra_s=extra_s,
        mean_extra_s=float(extra_s.mean()),
        interval=_interval(extra_s, pairs["born_s_via"], via.window_s),
        quantiles_s=dict(zip(("p50_s", "p95_s", "p99_s"), map(float, figures), strict=True)),
        extra_hops=float((pairs["hops_via"] - pairs["hops_direct"]).mean()),
        wan_bytes=wan[0] - wan[1],
        wan_share=(wan[0] - wan[1]) / wan[0] if wan[0] else 0.0,
        server=server,
        work_share=1 - work[1] / work[0] if work[0] else 0.0,
        via_s=pairs["delay_s_via"],
        direct_s=pairs["delay_s_direct"],
        share_of_internal=_share_of_internal(via),
        closed_form=hairpin_share(people.get("hosted", 0) / everybody) if everybody else float("nan"),
    )


def _delivered(results: Results) -> pd.DataFrame:
    """Delivered copies between hosted users, one row a message (the last of its copies)."""
    mail = results.felt(["replication", "mail", "flow", "outcome", "delay_s", "hops", "born_s"])
    mail = mail[((mail["flow"] == FLOW) & (mail["outcome"] == "delivered")).to_numpy()]
    return mail.groupby(["replication", "mail"], sort=True)[["delay_s", "hops", "born_s"]].max()


def _interval(extra_s: pd.Series, born_s: pd.Series, window_s: tuple[float, float]) -> Interval:
    """Student's interval over replications; with one, over stretches of time."""
    replication = extra_s.index.get_level_values("replication")
    if replication.nunique() > 1:
        return mean_interval(extra_s.groupby(replication).mean().to_numpy(), 0.95)
    block = ((born_s - window_s[0]) / (window_s[1] - window_s[0]) * BLOCKS).astype(int)
    return mean_interval(extra_s.groupby(block).mean().to_numpy(), 0.95)


def _work(results: Results, server: str) -> float:
    rows = results.stages[(results.stages["server"] == server) & (results.stages["stage"] == "cores")]
    return float(rows["mean_busy"].sum())


def _share_of_internal(results: Results) -> float:
    inside = results.felt(["flow", "recipients"]).groupby("flow", observed=True)["recipients"].sum()
    flows = [f"{one}->{other}" for one in ("onprem", "hosted") for other in ("onprem", "hosted")]
    total = sum(int(inside.get(flow, 0)) for flow in flows)
    return int(inside.get(FLOW, 0)) / total if total else float("nan")
