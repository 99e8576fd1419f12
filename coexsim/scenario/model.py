"""A scenario: one organisation's mail set-up and the question asked of it, as frozen models."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr

from coexsim.cards import card
from coexsim.errors import Problem, ScenarioError
from coexsim.pictures import Pictures
from coexsim.scenario.faults import shown
from coexsim.scenario.listed import OUTCOMES, Expect, Mail, Outcome
from coexsim.scenario.load_profile import LoadSpec
from coexsim.scenario.network import UPLINK, Link, NameServers, Uplink, ZoneSpec, uplink_ways
from coexsim.scenario.part import Spec
from coexsim.scenario.people import MOST_MAILBOXES, DirectorySpec, PersonSpec, Replica
from coexsim.scenario.places import Source
from coexsim.scenario.quantities import Domain
from coexsim.scenario.question import Acknowledge, Candidate, Event, Run, Size
from coexsim.scenario.servers import AnyServer, ExternalServer, HostedOutbound


def _not_true(value: object) -> object:
    if isinstance(value, (bool, float)):
        raise ValueError(f"{shown(value)} is not one of 1")
    return value


class Scenario(Spec):
    """One organisation's mail set-up, the load it carries and the question asked of it. Immutable, comparable, picklable."""

    coexsim: Annotated[Literal[1], BeforeValidator(_not_true)] = Field(description="version of the format; always 1")
    title: str = Field(default="", description="one line for headings")
    description: str = Field(default="", description="what it is about")
    domain: Domain = Field(description="the mail domain that is shared")
    sites: tuple[str, ...] = Field(default=(), description="names of places that have a network of their own")
    links: tuple[Link, ...] = Field(default=(), description="network paths between sites")
    transit: tuple[str, ...] = Field(
        default=(),
        description="sites through which mail between two others passes, where that is quicker or their own link is down; left out: "
        "none, but where nothing else joins two sites even with all links up",
        examples=[["office"]],
    )
    uplinks: dict[str, Uplink] = Field(
        default_factory=dict,
        description="by site, its own line to all others; in objectives and tables 'office-uplink'",
    )
    dns: dict[str, ZoneSpec] = Field(
        default_factory=dict, description="zones that the Internet sees: zone-file lines, a file of them, or a fault"
    )
    internal_dns: dict[str, ZoneSpec] = Field(
        default_factory=dict, description="what the organisation's own resolvers say instead"
    )
    name_servers: NameServers = Field(
        default=NameServers(), description="where the name servers stand and how quick they are"
    )
    servers: dict[str, Annotated[AnyServer, Field(discriminator="kind")]] = Field(
        description="mail servers by name; `kind` says the product"
    )
    directory: DirectorySpec = Field(
        default=DirectorySpec(), description="who there is, and where their mail files are"
    )
    messages: tuple[Mail, ...] = Field(default=(), description="messages that are traced and checked one by one")
    load: LoadSpec | None = Field(default=None, description="what mail there is in a run")
    run: Run = Field(default=Run(), description="what is simulated")
    events: tuple[Event, ...] = Field(
        default=(),
        description="outages, and people who move",
        examples=[[{"down": "onprem", "at": "Mon 10:00", "for": "4 h"}]],
    )
    objectives: tuple[str, ...] = Field(
        default=(),
        description="what must hold, such as 'p95(delay, hosted->hosted) < 60 s'",
        examples=[["p95(delay, internet->onprem) < 60 s", "utilisation(office-uplink) < 70 %"]],
    )
    size: Size | None = Field(default=None, description="the sizing question")
    acknowledge: tuple[Acknowledge, ...] = Field(default=(), description="findings that are expected")
    sources: dict[str, str] = Field(default_factory=dict, description="where figures come from")

    _source: Source = PrivateAttr(default=Source("<scenario>", {}, {}))

    plot: ClassVar[Any] = Pictures("scenario")
    """Pictures as methods: ``scenario.plot.topology()``."""

    def __repr__(self) -> str:
        parts = {"server": len(self.servers), "objective": len(self.objectives)}
        said = ", ".join(f"{number} {what}{'s' * (number != 1)}" for what, number in parts.items())
        return f"<Scenario {self.title or self.source.file}: {said}>"

    def change(self, changes: Mapping[str, object]) -> Self:
        """The same scenario with other values, by dotted keys: ``scenario.change({"servers.onprem.capacity.cores": 8})``.

        Places in a list stand as errors print them, links also by name: ``links[0].bandwidth``, ``links.office-cloud.bandwidth``. A name
        with dots in it may stand in brackets: ``dns.[corporate.com]``. Raises `ScenarioError` with all that is wrong.
        """
        rebuild = self.source.rebuild
        if rebuild is None:
            raise ScenarioError(
                [Problem(self.source.file, 0, "", "was read from no file or text: it has no keys to change")]
            )
        found = rebuild(self, changes)
        assert isinstance(found, type(self))
        return found

    def _repr_html_(self) -> str:
        """For notebooks: who is where, which servers there are, and what is asked."""
        people = ", ".join(f"{number:,} {side}" for side, number in self.directory.population.items())
        lines = [f"{self.domain}{f': {people} mailboxes' if people else ''}", *self.objectives]
        rows = [
            (name, server.kind, server.site or server.runs_on or "", server.host or "")
            for name, server in self.servers.items()
        ]
        return card(self.title or self.source.file, lines, ["server", "kind", "at", "host"], rows)

    @property
    def source(self) -> Source:
        """The file it was read from, the resolved data as written, and where each key stands."""
        return self._source

    def read_from(self, source: Source) -> Self:
        """The same, knowing where it came from."""
        made = self.model_copy()
        made._source = source
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scenario) and self.__dict__ == other.__dict__

    def address_of(self, name: str) -> str:
        """An address as it is; the address of a person or group by name; else the name in the shared domain."""
        if "@" in name:
            return name
        person = self.directory.people.get(name)
        return (person.internet_address if person else None) or f"{name}@{self.domain}"

    def of_kind(self, *kinds: type) -> dict[str, Any]:
        """The servers of these classes, by name."""
        return {name: server for name, server in self.servers.items() if isinstance(server, kinds)}

    @property
    def can_go_down(self) -> list[str]:
        """What an event can take down: servers, links by their labels, ``dns``, and sites' lines such as ``office-uplink``."""
        return [*self.parts, *self.lines_of_sites]

    @property
    def parts(self) -> list[str]:
        """What is up or down by itself: servers, links by their labels, and ``dns``."""
        return [*self.servers, *(link.label for link in self.links), "dns"]

    @property
    def lines_of_sites(self) -> dict[str, tuple[str, ...]]:
        """The links of each site, by the name of its line: ``office-uplink`` is down when all of them are."""
        labels: dict[str, list[str]] = {site: [] for site in self.sites}
        for link in self.links:
            ends = set(link.between)
            for site in ends if len(ends) > 1 else ():
                if site in labels:
                    labels[site].append(link.label)
        parts = set(self.parts)
        lines = ((f"{site}-{UPLINK}", tuple(found)) for site, found in labels.items() if found)
        return {name: found for name, found in lines if name not in parts}

    @property
    def ways_of_links(self) -> dict[str, tuple[str, ...]]:
        """The directions of each link and of each site's own line, as tables name them, by what objectives call the line."""
        links = {link.label: tuple(link.ways) for link in self.links}
        return links | {f"{site}-{UPLINK}": uplink_ways(site) for site in self.uplinks}

    @property
    def home_server(self) -> dict[str, str]:
        """The server that holds the mail files of each side: ``onprem``, ``hosted``."""
        homes = {}
        master = self.directory.master or self._first("onprem")
        if master:
            homes["onprem"] = master
        inbound = self.directory.replica.at if self.directory.replica else self._first("hosted")
        if inbound:
            homes["hosted"] = inbound
        return homes

    def _first(self, side: str) -> str | None:
        """The first server with mail files of a side; another organisation at the same service is not meant."""
        return next((n for n, s in self.servers.items() if s.side == side and getattr(s, "tenant", None) is None), None)

    @property
    def submission_server(self) -> dict[str, str]:
        """The server where each side's people hand their mail in: ``onprem``, ``hosted``, ``internet``."""
        entry = dict(self.home_server)
        ours = getattr(self.servers.get(entry.get("hosted", "")), "tenant", None)
        outbound = (name for name, server in self.of_kind(HostedOutbound).items() if server.tenant == ours)
        for side, name in (
            ("hosted", next(outbound, None)),
            ("internet", next(iter(self.of_kind(ExternalServer)), None)),
        ):
            if name:
                entry[side] = name
        return entry


__all__ = [
    "MOST_MAILBOXES",
    "OUTCOMES",
    "UPLINK",
    "Acknowledge",
    "Candidate",
    "DirectorySpec",
    "Event",
    "Expect",
    "Link",
    "Mail",
    "NameServers",
    "Outcome",
    "PersonSpec",
    "Replica",
    "Run",
    "Scenario",
    "Size",
    "Uplink",
    "ZoneSpec",
]
