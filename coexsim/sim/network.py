"""The network as a graph of sites: round trips and bandwidth between them, and the links that are down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import networkx as nx

from coexsim.mail.outages import site_of
from coexsim.mail.ways import Ways
from coexsim.scenario.model import Scenario
from coexsim.scenario.network import UPLINK, Background, background_at, uplink_ways
from coexsim.scenario.question import Run
from coexsim.sim.clock import Clock
from coexsim.sim.downtime import DowntimeSchedule
from coexsim.sim.link import FairLink
from coexsim.sim.stage_log import StageLogMaker
from coexsim.units import DAY_S, WEEK_S

Node = str | tuple[str, str]  # a site, or ("server", its name)


class Path(NamedTuple):
    """The way from one site to another: round trip [s], links in that direction, and when any of them is down."""

    round_trip_s: float
    links: tuple[FairLink, ...]
    downtime: DowntimeSchedule
    fails: bool
    wan_links: int


def topology(scenario: Scenario) -> nx.DiGraph[Node]:
    """The topology as a graph: sites, servers at their sites, links in both directions; every edge has every attribute.

    Node attribute ``kind``: ``site`` or the server's kind. Edge attributes: ``label``, ``round_trip_s``, ``bytes_per_s`` (infinite:
    no limit).
    """
    graph: nx.DiGraph[Node] = nx.DiGraph()
    for site in scenario.sites:
        graph.add_node(site, kind="site")
    for link in scenario.links:
        for one, other in (link.between, link.between[::-1]):
            graph.add_edge(
                one,
                other,
                label=link.label,
                round_trip_s=link.round_trip,
                bytes_per_s=link.bytes_per_s(one) or float("inf"),
            )
    for name, server in scenario.servers.items():
        node = ("server", name)
        graph.add_node(node, kind=server.kind)
        site = site_of(scenario.servers, name) or (scenario.sites[0] if scenario.sites else "site")
        for edge in ((node, site), (site, node)):
            graph.add_edge(*edge, label=f"{name} at {site}", round_trip_s=0.0, bytes_per_s=float("inf"))
    return graph


def background(spans: Sequence[Background], way: Literal["up", "down"], run: Run) -> list[tuple[float, float]]:
    """Other traffic in one direction of a line: at 0 and at each change until a drain ends, bytes/s from then on; none without it."""
    if not any(getattr(span, way) for span in spans):
        return []
    ends_s = run.length + (WEEK_S if run.drain is None else run.drain)
    changes_s = {0.0}
    for span in spans:
        for second in (span.from_.second, span.to.second):
            first_s = (second - run.start.second) % DAY_S
            changes_s |= {first_s + DAY_S * day for day in range(int(max(ends_s - first_s, 0.0) // DAY_S) + 1)}
    return [(at_s, background_at(spans, way, (run.start.second + at_s) % DAY_S)) for at_s in sorted(changes_s)]


class Network:
    """All links of a scenario, and the paths over them."""

    def __init__(
        self, env: Clock, scenario: Scenario, downtimes: Mapping[str, DowntimeSchedule], logs: StageLogMaker
    ) -> None:
        self._scenario = scenario
        self.graph = topology(scenario)
        self.links: dict[tuple[str, str], FairLink] = {}
        self._downtimes = downtimes
        for link in scenario.links:
            for name, (one, other) in link.ways.items():
                log = logs(name, "link", None)
                others = background(link.background, "up" if one == link.between[0] else "down", scenario.run)
                self.links[one, other] = FairLink(
                    env, name, link.bytes_per_s(one), downtimes[link.label], log, others, len(self.links)
                )
        for site, uplink in scenario.uplinks.items():
            up, down = uplink_ways(site)
            for name, ends, bytes_per_s in ((up, (site, UPLINK), uplink.up), (down, (UPLINK, site), uplink.down)):
                others = background(uplink.background, "up" if name == up else "down", scenario.run)
                self.links[ends] = FairLink(
                    env, name, bytes_per_s, DowntimeSchedule([]), logs(name, "link", None), others, len(self.links)
                )
        self._sites = Ways(scenario)
        self._paths: dict[tuple[str, str, frozenset[str]], Path | None] = {}

    def between(self, client: str, server: str, at_s: float | None = None) -> Path | None:
        """The path from one server to another (`Ways`); None where there is none. Given a time, only over links that are up then."""
        start, goal = (site_of(self._scenario.servers, name) or "" for name in (client, server))
        down = frozenset[str]()
        if at_s is not None:
            down = frozenset(link.label for link in self._scenario.links if not self._downtimes[link.label].is_up(at_s))
        return self.path(start, goal, down)

    def path(self, start: str, goal: str, down: frozenset[str] = frozenset()) -> Path | None:
        """The path between two sites over the links that are not `down`."""
        key = (start, goal, down)
        if key not in self._paths:
            self._paths[key] = self._find(*key)
        return self._paths[key]

    def _find(self, start: str, goal: str, down: frozenset[str]) -> Path | None:
        passed = self._sites.between(start, goal, down)
        if passed is None:
            return None
        hops = list(pairwise(passed))
        edges = [self.graph.edges[hop] for hop in hops]
        downtime = DowntimeSchedule([span for edge in edges for span in self._downtimes[edge["label"]]])
        links = tuple(self.links[way] for hop in hops for way in self._ways(*hop))
        return Path(
            sum(edge["round_trip_s"] for edge in edges), links, downtime, bool(downtime), sum(a != b for a, b in hops)
        )

    def _ways(self, one: str, other: str) -> list[tuple[str, str]]:
        """What is passed from one site to the next: the first one's uplink, the link, the other one's uplink."""
        if one == other:
            return [(one, other)]
        return [way for way in ((one, UPLINK), (one, other), (UPLINK, other)) if way in self.links]
