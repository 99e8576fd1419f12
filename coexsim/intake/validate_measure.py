"""What a log measured, in the form in which a run predicts it: delays by flow, load and queue by server and minute."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim import rng
from coexsim.experiment.results import Results
from coexsim.intake.figures import spread
from coexsim.intake.fit import Fit
from coexsim.intake.fit_load import flow_name
from coexsim.intake.fit_ways import roles_of
from coexsim.intake.logs.join import MOST_HOPS, Joined
from coexsim.intake.logs.sides import HOSTED, ONPREM
from coexsim.scenario.model import Scenario
from coexsim.units import say_bytes, say_duration

Floats = NDArray[np.float64]
BLOCKS, ROUNDS, PARTS = 40, 400, 5
HUGE_BYTES = 10_000_000
PERIODS, FEWEST_IN_PERIOD = 6, 20
VARYING = 1.5  # medians of two parts of a log that differ by this factor
OTHER_WAY = 0.05  # more or fewer hops a copy than the scenario gives
SHADOW_S = 1.0  # a message under way so shortly after a huge one may have been slowed by it


@dataclass(frozen=True)
class FlowDelays:
    """Delays of the copies of one flow, in the order of birth. The part at the last server is rounded to `step_s`."""

    born_s: Floats
    before_s: Floats  # up to the last server: from queue to queue
    last_s: Floats
    step_s: float
    hops: Floats = field(default_factory=lambda: np.empty(0))  # handed from one logged server to another, each
    servers: frozenset[int] = frozenset()  # logged servers that any of them passed

    @property
    def copies(self) -> int:
        """How many there are."""
        return len(self.born_s)

    @property
    def filled(self) -> Floats:
        """Each copy as several, spread over what its rounded part may have been; one row a copy."""
        last = spread(self.last_s, self.step_s, PARTS).reshape(self.copies, PARTS)
        found: Floats = self.before_s[:, None] + last
        return found

    def quantile(self, p: float) -> tuple[float, float, float]:
        """A quantile with its 95 % interval: a bootstrap over blocks of time, since slow mail comes in clusters (Künsch 1989)."""
        filled = self.filled
        value = float(np.quantile(filled, p))
        if self.copies < 2:
            return value, 0.0, float("inf")
        blocks = np.array_split(np.arange(self.copies), min(BLOCKS, self.copies))
        numbers = rng.stream(1, 0, "validate/bootstrap")
        found = [
            float(
                np.quantile(
                    filled[np.concatenate([blocks[i] for i in numbers.integers(0, len(blocks), len(blocks))])], p
                )
            )
            for _ in range(ROUNDS)
        ]
        low, high = np.quantile(found, [0.025, 0.975])
        return value, float(low), float(high)


def measured_delays(found: Fit) -> dict[str, FlowDelays]:
    """Delays of delivered copies by flow, of the messages that were replayed."""
    copies, messages = found.journeys.copies, found.journeys.messages
    replayed = np.zeros(len(messages), bool)
    replayed[found.replayed.index.to_numpy()] = True
    kept = (
        (copies["outcome"].to_numpy() <= 1)
        & np.isfinite(copies["delay_s"].to_numpy())
        & replayed[copies["message"].to_numpy()]
    )
    message = copies["message"].to_numpy()[kept]
    sender, to = found.sides.senders[messages["sender"].to_numpy()[message]], found.sides.copy_side[kept]
    born_s = messages["arrived_s"].to_numpy()[message]
    delay_s, last_s = copies["delay_s"].to_numpy()[kept], copies["last_s"].to_numpy(np.float64)[kept]
    step_s = copies["step_s"].to_numpy()[kept]
    hops, visit = copies["hops"].to_numpy(np.float64)[kept], copies["row"].to_numpy()[kept]
    order = np.argsort(born_s, kind="stable")
    flows: dict[str, FlowDelays] = {}
    for a in np.unique(sender).tolist():
        for b in np.unique(to).tolist():
            rows = order[(sender[order] == a) & (to[order] == b)]
            if len(rows) and a <= 2 and b <= 2:
                before_s = np.maximum(delay_s[rows] - last_s[rows], 0.0)
                flows[flow_name(a, b)] = FlowDelays(
                    born_s[rows],
                    before_s,
                    last_s[rows],
                    float(step_s[rows].max()),
                    hops[rows],
                    _passed(found, visit[rows]),
                )
    return flows


def _passed(found: Fit, visits: NDArray[np.int64]) -> frozenset[int]:
    """The servers of visits and of those before them."""
    table = found.journeys.joined.visits
    server, parent = table["server"].to_numpy(), table["parent"].to_numpy()
    seen: set[int] = set()
    at = np.unique(visits[visits >= 0])
    for _ in range(MOST_HOPS):
        if not len(at):
            break
        seen |= set(np.unique(server[at]).tolist())
        at = np.unique(parent[at])
        at = at[at >= 0]
    return frozenset(seen)


def why_elsewhere(delays: FlowDelays, predicted_hops: float) -> str:
    """Whether copies of a flow went other ways between the logged servers than the scenario lets them."""
    more = float(delays.hops.mean()) - predicted_hops if delays.copies else 0.0
    if not abs(more) >= OTHER_WAY:
        return ""
    return (
        f"its copies were handed from server to server {delays.hops.mean():.2f} times each (mean), in the scenario {predicted_hops:.2f} "
        "times: some went another way, such as to a list that another server expands, which the replay has as plain recipients"
    )


def why_slow(found: Fit, delays: FlowDelays, p: float, predicted_s: float, tolerance: float) -> str:
    """What the log shows of the slow copies of a flow: huge messages just before them; and whether the rest is as predicted."""
    messages = found.replayed
    huge_s = np.sort(messages["arrived_s"].to_numpy()[messages["size"].to_numpy() >= HUGE_BYTES])
    total = delays.before_s + delays.last_s
    slow = total >= np.quantile(total, max(p, 0.9))
    if not len(huge_s) or not slow.any():
        return ""
    at = np.searchsorted(huge_s, delays.born_s + total, side="right") - 1
    shadowed = (at >= 0) & (delays.born_s <= huge_s[np.maximum(at, 0)] + SHADOW_S)
    rest_s = float(np.quantile(delays.filled[~shadowed], p)) if (~shadowed).any() else 0.0
    is_as_predicted = abs(predicted_s - rest_s) <= tolerance * rest_s
    part, usual = float(shadowed[slow].mean()), float(shadowed.mean())
    if part < max(0.2, 3 * usual):
        return ""
    largest = say_bytes(float(messages["size"].max()))
    return (
        f"{shadowed[slow].sum()} of the {slow.sum()} slowest copies were under way within {say_duration(SHADOW_S)} of one of "
        f"{len(huge_s)} messages of up to {largest} ({100 * usual:.0f} % of all copies were): they slow all mail on their machines, "
        "which the scenario lets work independently; without these copies the log has "
        f"{say_duration(rest_s)}, {'as predicted' if is_as_predicted else 'which is not as predicted either'}"
    )


def why_varying(found: Fit, delays: FlowDelays) -> str:
    """Whether delays of a flow changed in the course of the log, outages and what waited in them left out: one law cannot follow that."""
    apart = np.ones(delays.copies, bool)
    for outage in found.outages:
        apart &= (delays.born_s < outage.from_s) | (delays.born_s > outage.to_s)
    total, born_s = (delays.before_s + delays.last_s)[apart], delays.born_s[apart]
    if len(total) < PERIODS * FEWEST_IN_PERIOD:
        return ""
    medians = [(float(np.median(part)), float(when[0])) for part, when in zip(
        np.array_split(total, PERIODS), np.array_split(born_s, PERIODS), strict=True
    )]  # fmt: skip
    (least_s, _), (most_s, _) = min(medians), max(medians)
    if most_s < VARYING * max(least_s, delays.step_s):
        return ""
    return (
        f"the log's own delays changed in its course: half of the copies took up to {say_duration(least_s)} in one part of it and "
        f"{say_duration(most_s)} in another, outages left out, so the machines had other work at times; the scenario has one law for all"
    )


def measured_servers(found: Fit, given: Scenario) -> pd.DataFrame:
    """Messages that came from other servers in each minute, and in the queue at its end: not a number, if no log says when they left.

    Mail that begins in the logs at a server where the scenario does not hand in mail of the sender's side came from one without a log.
    """
    joined, begin_s = found.journeys.joined, found.replay.begin_s
    visits = joined.visits
    minutes = int((float(found.replay.table["born_s"].max())) // 60) + 1
    server, arrived_s, parent = (
        visits["server"].to_numpy(),
        visits["arrived_s"].to_numpy() - begin_s,
        visits["parent"].to_numpy(),
    )
    gone_s = visits["gone_s"].to_numpy() - begin_s
    from_other = (parent >= 0) & (server != server[np.maximum(parent, 0)])
    from_outside = _came_from_outside(found, given)
    went = joined.deliveries
    told = set(server[went["row"].to_numpy()[np.isfinite(went["delay_s"].to_numpy())]].tolist())
    rows = []
    for number, name in found.names.items():
        mine = server == number
        begun = from_outside["arrived_s"].to_numpy()[from_outside["server"].to_numpy() == number] - begin_s
        come = np.concatenate([arrived_s[mine & from_other], begun])
        counts = np.histogram(come, bins=np.arange(minutes + 1) * 60.0)[0]
        ends = np.arange(1, minutes + 1) * 60.0
        left_s = np.sort(np.nan_to_num(gone_s[mine], nan=np.inf))
        queue = np.searchsorted(np.sort(arrived_s[mine]), ends, "right") - np.searchsorted(left_s, ends, "right")
        if number not in told and not np.isfinite(gone_s[mine]).any():
            queue = np.full(minutes, np.nan)
        for minute in range(minutes):
            rows.append((name, minute, "arrivals", float(counts[minute])))
            rows.append((name, minute, "queue", float(queue[minute])))
    return pd.DataFrame(rows, columns=["server", "minute", "what", "measured"])


def _came_from_outside(found: Fit, given: Scenario) -> pd.DataFrame:
    """Messages of the replay that a server without a log handed to the first one that has one."""
    messages = found.replayed
    side = found.sides.senders[messages["sender"].to_numpy()]
    begins = np.zeros(len(messages), bool)
    for number, name in found.names.items():
        mine = messages["server"].to_numpy() == number
        roles = roles_of(found, given, name)
        for sender, word in ((ONPREM, "onprem"), (HOSTED, "hosted")):
            begins |= mine & (side == sender) & (given.submission_server.get(word) in roles)
        if (server := given.servers.get(name)) is not None and server.kind == "external":
            begins |= mine
    outside: pd.DataFrame = messages[~begins & ~messages["is_notice"].to_numpy()]
    return outside


def to_other_servers(joined: Joined) -> NDArray[np.bool_]:
    """Deliveries to another server: not into mail files, nor to a filter that hands mail back."""
    server, row, after = (
        joined.visits["server"].to_numpy(),
        *(joined.deliveries[n].to_numpy() for n in ("row", "next")),
    )
    found: NDArray[np.bool_] = ~joined.deliveries["is_local"].to_numpy()
    found &= ~((after >= 0) & (server[row] == server[after]))
    return found


def predicted_servers(results: Results) -> pd.DataFrame:
    """The same of a run: sessions that were opened at a server, and its queue at the end of a minute; means over replications."""
    lines = results.timeline
    wanted = lines[lines["stage"].isin(["connections", "queue"])]
    frame = pd.DataFrame({
        "server": wanted["server"].astype(str), "minute": wanted["minute"].astype("int64"),
        "what": np.where(wanted["stage"] == "queue", "queue", "arrivals"),
        "predicted": np.where(wanted["stage"] == "queue", wanted["backlog"], wanted["arrivals"]),
    })  # fmt: skip
    return frame.groupby(["server", "minute", "what"])[["predicted"]].mean().reset_index()
