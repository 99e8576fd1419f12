"""Which way mail takes between two sites: their own link, or through sites that carry it."""

from __future__ import annotations

from heapq import heappop, heappush

from coexsim.scenario.model import Scenario


class Ways:
    """The ways between the sites of a scenario, by the smallest sum of round trips.

    Mail passes a third site only where the scenario lists it under `transit`, or where nothing else joins the two sites even with all
    links up. So with a line cut it waits, and does not go round through the network of a hosted service, which carries no such mail.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._transit = frozenset(scenario.transit)
        self._sites = frozenset(scenario.sites)
        self._from: dict[str, dict[str, tuple[float, str]]] = {}
        for link in scenario.links:
            for one, other in (link.between, link.between[::-1]):
                self._from.setdefault(one, {})[other] = (link.round_trip, link.label)
        self._found: dict[tuple[str, str, frozenset[str]], tuple[str, ...] | None] = {}

    def between(self, start: str, goal: str, down: frozenset[str] = frozenset()) -> tuple[str, ...] | None:
        """The sites of the way, both ends included, over links that are not `down` (labels); None where there is none.

        Within a site it is the site alone, or twice where the site has a link with itself.
        """
        if start == goal:
            own = self._from.get(start, {}).get(start)
            return (start,) if own is None else None if own[1] in down else (start, start)
        key = (start, goal, down)
        if key not in self._found:
            self._found[key] = self._shortest(start, goal, down, self._carriers(start, goal))
        return self._found[key]

    def _carriers(self, start: str, goal: str) -> frozenset[str]:
        """The sites that mail between the two may pass."""
        if self._shortest(start, goal, frozenset(), self._transit) is not None:
            return self._transit
        needed = self._shortest(start, goal, frozenset(), self._sites)
        return self._transit | frozenset(needed or ())

    def _shortest(
        self, start: str, goal: str, down: frozenset[str], carriers: frozenset[str]
    ) -> tuple[str, ...] | None:
        """The way of the smallest sum of round trips through `carriers` alone; of equal ones that of the fewest links."""
        open_ways: list[tuple[float, int, tuple[str, ...]]] = [(0.0, 0, (start,))]
        done: set[str] = set()
        while open_ways:
            round_trip_s, links, way = heappop(open_ways)
            here = way[-1]
            if here == goal:
                return way
            if here in done or (links and here not in carriers):
                continue
            done.add(here)
            for site, (more_s, label) in self._from.get(here, {}).items():
                if label not in down:
                    heappush(open_ways, (round_trip_s + more_s, links + 1, (*way, site)))
        return None
