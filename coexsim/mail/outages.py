"""What is out of service when: servers, links and name servers, from the scenario's events; and who can reach whom."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from coexsim.mail.ways import Ways
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer

FOREVER = float("inf")


class Outages:
    """Half-open intervals [from_s, to_s) a thing is down; `always_down` are down from the start with no known end."""

    def __init__(self, scenario: Scenario, always_down: Iterable[str] = ()) -> None:
        self._servers = scenario.servers
        self._links = scenario.links
        self._lines = scenario.lines_of_sites
        self._ways = Ways(scenario)
        self.intervals: dict[str, list[tuple[float, float]]] = {}
        for event in scenario.events:
            if event.down and event.at is not None and event.mtbf is None:
                begin = event.at.after(scenario.run.start)
                for name in event.down:
                    self.add(name, begin, begin + (event.for_ if event.for_ is not None else FOREVER))
        for name in always_down:
            self.add(name, 0.0, FOREVER)

    def add(self, name: str, from_s: float, to_s: float) -> None:
        """One more outage; of a site's line, of all its links."""
        for part in self._lines.get(name, (name,)):
            insort(self.intervals.setdefault(part, []), (from_s, to_s))

    def up_again_s(self, name: str, now_s: float) -> float | None:
        """When what is down now comes back (`FOREVER` if no end is known); None if it is up."""
        end = now_s
        for begin, until in self.intervals.get(name, ()):
            if begin <= end < until:
                end = until
        return end if end > now_s else None

    def server_up_again_s(self, name: str, now_s: float) -> float | None:
        """As `up_again_s`, for a server: a role is down with the machine it runs on."""
        ends = [self.up_again_s(n, now_s) for n in (name, self._servers[name].runs_on or name)]
        found = [end for end in ends if end is not None]
        return max(found) if found else None

    def is_endless(self, name: str, now_s: float) -> bool:
        """Is it down with no known end."""
        return (
            self.server_up_again_s(name, now_s) == FOREVER
            if name in self._servers
            else self.up_again_s(name, now_s) == FOREVER
        )

    def joined(self, one: str, other: str, now_s: float) -> bool:
        """Is there a way between two servers, over links that are up."""
        start, goal = (site_of(self._servers, name) or "" for name in (one, other))
        down = frozenset(link.label for link in self._links if self.up_again_s(link.label, now_s) is not None)
        return self._ways.between(start, goal, down) is not None


def site_of(servers: dict[str, AnyServer], name: str) -> str | None:
    """The site a server stands at; a role stands where its machine does."""
    server = servers[name]
    return servers[server.runs_on].site if server.runs_on else server.site
