"""A scenario: one organisation's mail set-up and the question asked of it, as frozen models."""

from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from coexsim.cards import card
from coexsim.scenario.faults import shown
from coexsim.scenario.load_profile import LoadSpec
from coexsim.scenario.part import Spec
from coexsim.scenario.places import Source
from coexsim.scenario.quantities import (
    Address,
    At,
    BytesPerS,
    Domain,
    EnhancedCode,
    Names,
    Number,
    Reason,
    RunSeconds,
    Seconds,
    Share,
    SizeBytes,
    Switch,
    Whole,
    Window,
)
from coexsim.scenario.servers import (
    AnyServer,
    ExternalServer,
    HostedOutbound,
)
from coexsim.units import Moment

MOST_MAILBOXES = 10_000_000
UPLINK = "uplink"
"""How tables call the far end of a site's own line: ``office to uplink``."""
Outcome = Literal["bounced", "expired", "discarded", "refused_to_client", "deferred_in_queue", "delivered"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""How a recipient can end, the worst first: a group ends as its worst member does."""


def _or_by_direction(schema: dict[str, Any]) -> None:
    """What is read besides one bandwidth: an object with the keys up and down, each of the same form."""
    one = next(each for each in schema["anyOf"] if each.get("type") != "null")
    both: dict[str, Any] = {
        "type": "object",
        "properties": {"up": one, "down": one},
        "additionalProperties": False,
        "minProperties": 1,
    }
    schema["anyOf"].append(both)


class Link(Spec):
    """A network path between two sites. Within a site the network costs nothing unless a link says so."""

    between: tuple[str, str] = Field(description="the two sites that it joins")
    round_trip: Seconds = Field(default=0.0, description="network time there and back, without load [s]")
    bandwidth: BytesPerS | None = Field(
        default=None, gt=0, json_schema_extra=_or_by_direction,
        description="in each direction, shared fairly; left out: no limit; {up: .., down: ..} is taken as the keys up and down",
    )  # fmt: skip
    up: BytesPerS | None = Field(
        default=None, gt=0, description="from the first of `between` to the second, where `bandwidth` is not the same in both directions"
    )  # fmt: skip
    down: BytesPerS | None = Field(default=None, gt=0, description="from the second of `between` to the first")
    name: str | None = Field(
        default=None, description="its name in events and tables; default: its sites, as 'office-internet'"
    )

    @model_validator(mode="before")
    @classmethod
    def _both_directions(cls, value: Any) -> Any:
        """``bandwidth: {up: .., down: ..}`` as the keys `up` and `down`."""
        if not isinstance(value, dict) or not isinstance(width := value.get("bandwidth"), dict):
            return value
        if not width or set(width) - {"up", "down"} or {"up", "down"} & set(value):
            return value
        return {key: each for key, each in value.items() if key != "bandwidth"} | width

    def bytes_per_s(self, start: str) -> float | None:
        """The bandwidth from one of its sites to the other [bytes/s]; None: no limit."""
        own = self.up if start == self.between[0] else self.down
        return self.bandwidth if own is None else own

    @property
    def label(self) -> str:
        """Its name, by default ``office-internet``."""
        return self.name or "-".join(self.between)


class Uplink(Spec):
    """A site's own line, which all of its links share: what leaves or reaches the site passes it besides the link."""

    up: BytesPerS | None = Field(default=None, gt=0, description="out of the site; left out: no limit")
    down: BytesPerS | None = Field(default=None, gt=0, description="into the site; left out: no limit")


class ZoneSpec(Spec):
    """A DNS zone: its lines, or a file of them, or how it fails."""

    short_form: ClassVar[dict[str, Any]] = {"type": "string"}

    text: str | None = Field(default=None, description="the zone in the form of a zone file (RFC 1035)")
    file: str | None = Field(default=None, description="a file with the zone's lines, relative to the scenario")
    fault: Literal["servfail", "timeout"] | None = Field(
        default=None, description="how every question about the zone fails"
    )

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value


class NameServers(Spec):
    """Where the authoritative name servers stand and how quick they are."""

    site: str | None = Field(
        default=None,
        description="where the name servers of the Internet are; default: the first site with an external server",
    )
    answer: Seconds = Field(default=0.001, description="time to answer one question [s]")
    timeout: Seconds = Field(default=5.0, description="how long a resolver waits for a dead one [s]; from memory")


class Person(Spec):
    """A Person record of the directory."""

    mail_system: Literal["notes", "other-internet-mail", "none"] = Field(
        default="notes",
        description="where the mail file is: here, elsewhere (the article's 'Other Internet Mail'), or none",
    )
    mail_file: str | None = Field(default=None, description="the server that holds it; none for 'other-internet-mail'")
    forwarding_address: Address | None = Field(
        default=None,
        description="where mail for the person goes: the Person document's forwarding address, Exchange's target or forwarding address; "
        "of a mail file at a hosted service: its routing address there, or else the forwarding that the service does",
    )
    keep_copy: Switch = Field(
        default=False,
        description="deliver and forward: a copy stays in the mail file (Exchange's DeliverToMailboxAndForward)",
    )
    also_at: Names = Field(default=(), description="other servers with a mail file for the same address")
    internet_address: Address | None = Field(default=None, description="the mail address; default: name@domain")
    aliases: Names = Field(default=(), description="further names or addresses")
    over_quota: Switch = Field(
        default=False, description="the mail file is full: mail for it bounces, 5.2.2, where the server enforces quotas"
    )
    only_at_hosted: Switch = Field(
        default=False,
        description="the hosted service knows the address, but the master directory has no Person record: a step of the article left "
        "out; or as Domino's rule not-in-directory [D-SH] and Exchange's internal relay [MS-AD] allow",
    )


class Replica(Spec):
    """The hosted side's copy of the directory."""

    at: str = Field(description="the server that has the copy")
    every: Seconds = Field(default=0.0, description="replicated at each multiple of this; 0: at once [s]")
    missing: Names = Field(default=(), description="people whose record never arrived")


class Directory(Spec):
    """Who there is, and where their mail files are."""

    master: str | None = Field(
        default=None, description="the server whose directory is the master; default: the first mail server on-premises"
    )
    replica: Replica | None = Field(
        default=None, description="the hosted side's copy; left out: it sees the master itself"
    )
    people: dict[str, Person] = Field(default_factory=dict, description="Person records by name")
    groups: dict[str, Names] = Field(
        default_factory=dict, description="group name to its members: people, groups or addresses"
    )
    population: dict[Literal["onprem", "hosted"], Annotated[Whole, Field(ge=0, le=MOST_MAILBOXES)]] = Field(
        default_factory=dict, description="nameless mailboxes a side"
    )


class Expect(Spec):
    """What must happen to a recipient; only what is written is checked."""

    route: tuple[str, ...] | None = Field(default=None, description="servers passed by the copy that arrived or ended")
    outcome: Outcome | None = Field(default=None, description="how the mail ends for the recipient")
    code: EnhancedCode | None = Field(default=None, description="enhanced status code, such as 5.1.1, or none")
    by: str | None = Field(default=None, description="the server that gave it up")
    rules: tuple[str, ...] | None = Field(default=None, description="the rule at each server of the route")
    dsn_to: str | None = Field(default=None, description="the address that the delivery status notification goes to")
    dsn_route: tuple[str, ...] | None = Field(default=None, description="servers that the notification passes")
    transactions: Whole | None = Field(default=None, description="SMTP transactions between servers, bounces included")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if all(value is None for value in self.__dict__.values()):
            raise ValueError("it expects nothing, so it would always hold; write for example 'outcome: delivered'")
        return self


class Mail(Spec):
    """One message that is replayed, and checked."""

    name: str | None = Field(default=None, description="its name in the answer of `check`")
    quote: str | None = Field(default=None, description="the sentence of the article it stands for")
    sender: str = Field(alias="from", description="'<>' is the null sender")
    to: Names = Field(description="recipients: addresses, people or groups")
    size: SizeBytes = Field(default=4096, description="size on the wire; default 4096 bytes")
    declare_size: Switch = Field(default=True, description="the client says the size at MAIL (SIZE=)")
    at: str | None = Field(default=None, description="the server it is handed in at; default: the sender's own")
    via: Literal["mx"] | None = Field(
        default=None, description="mx: the client finds the server by the recipient's MX record"
    )
    client: Literal["own-user", "outside"] = Field(default="own-user", description="who hands it in at `at`")
    expect: Expect | None = Field(default=None, description="what must happen to each of its recipients")
    expect_each: dict[str, Expect] = Field(
        default_factory=dict, description="what must happen to each recipient, by address"
    )

    @property
    def envelope_sender(self) -> str:
        """The reverse path; empty for the null sender."""
        return "" if self.sender == "<>" else self.sender


class Event(Spec):
    """Something that changes the world during a run: an outage, or people who come and move."""

    at: At | None = Field(default=None, description="when it begins")
    for_: Seconds | None = Field(default=None, alias="for", description="left out: to the end")
    down: Names = Field(default=(), description="servers, links or 'dns'")
    mtbf: Seconds | None = Field(
        default=None, gt=0, description="with mttr: outages at random, exponential times between them"
    )
    mttr: Seconds | None = Field(default=None, gt=0, description="mean length of an outage at random, exponential [s]")
    zone: str | None = Field(default=None, description="the DNS zone that fails")
    fault: Literal["servfail", "timeout"] | None = Field(
        default=None, description="how the zone fails: a refusal (servfail) or no answer (timeout)"
    )
    move: Names | Whole = Field(default=(), description="people, or how many of the population")
    hire: Names | Whole = Field(default=(), description="people who come, or how many")
    to: Literal["onprem", "hosted"] | None = Field(default=None, description="the side that people move or come to")
    name: str | None = Field(default=None, description="its name in pictures and tables")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.down) + bool(self.zone) + bool(self.move) + bool(self.hire) != 1:
            raise ValueError("an event says one of: down, zone, move, hire")
        if (self.mtbf is None) != (self.mttr is None):
            raise ValueError("mtbf and mttr go together")
        if self.mtbf is None and self.at is None:
            raise ValueError("an event needs 'at', or 'mtbf' and 'mttr'")
        if self.mtbf is not None and not self.down:
            raise ValueError("'mtbf' and 'mttr' go with 'down'")
        if (self.move or self.hire) and self.to is None:
            raise ValueError("'move' and 'hire' need 'to: onprem' or 'to: hosted'")
        if self.zone and self.fault is None:
            raise ValueError("'zone' needs 'fault: servfail' or 'fault: timeout'")
        return self


class Run(Spec):
    """What is simulated: from when, for how long, and which part is measured."""

    start: At = Field(default=Moment(0, 0.0), description="weekday and time of day at which the run begins")
    length: RunSeconds = Field(default=86400.0, description="how long mail is born [s]; 366 days at the most")
    measure: Window | None = Field(default=None, description="mail born in it is followed; default: all")
    warm_up: Seconds | Literal["auto"] | None = Field(
        default=None, description="left out of the measurement; auto: MSER-5"
    )
    drain: RunSeconds | None = Field(
        default=None, description="how long measured mail is followed after the end; default 7 days [s]"
    )
    seed: Whole = Field(default=1, ge=0, description="same seed, same random numbers")
    replications: Whole = Field(
        default=1, ge=1, le=100_000, description="runs with other random numbers, for confidence intervals"
    )


class Candidate(Spec):
    """A machine that could be bought; what it does not say stays as the server's capacity says."""

    name: str = Field(description="its name in the answer")
    cost: Number = Field(default=1.0, ge=0, description="its price, in any currency")
    cores: Whole | None = Field(default=None, ge=1, description="processor cores")
    smtp_connections: Whole | None = Field(default=None, ge=1, description="inbound SMTP sessions at once")
    transfer_threads: Whole | None = Field(default=None, ge=1, description="outbound SMTP sessions at once")
    delivery_threads: Whole | None = Field(default=None, ge=1, description="deliveries into local mail files at once")
    queue_disk: SizeBytes | None = Field(default=None, description="room for mail that waits")
    speed: Number = Field(
        default=1.0, gt=0, description="how much quicker a core is than the one the service times hold for"
    )
    uplink: BytesPerS | None = Field(default=None, gt=0, description="bandwidth of the links of the server's site")


class Size(Spec):
    """The sizing question: which of these machines is the cheapest that holds."""

    server: str = Field(description="the server to be sized")
    candidates: tuple[Candidate, ...] = Field(default=(), description="machines that could be bought")
    ranges: dict[str, str] = Field(default_factory=dict, description="such as 'cores: 2..64'")
    replications: Whole = Field(default=10, ge=2, description="replications at the most for one candidate")
    confidence: Share = Field(default=0.95, description="of the answer's intervals")


class Acknowledge(Spec):
    """A finding that is expected, with the reason."""

    code: str = Field(description="code of the finding, such as SINGLE-POINT-OF-FAILURE")
    where: str | None = Field(default=None, description="only the finding at this path or about this name")
    reason: Reason = Field(description="why it is as it should be")


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
    directory: Directory = Field(default=Directory(), description="who there is, and where their mail files are")
    messages: tuple[Mail, ...] = Field(default=(), description="messages that are traced and checked one by one")
    load: LoadSpec | None = Field(default=None, description="what mail there is in a run")
    run: Run = Field(default=Run(), description="what is simulated")
    events: tuple[Event, ...] = Field(default=(), description="outages, and people who move")
    objectives: tuple[str, ...] = Field(
        default=(), description="what must hold, such as 'p95(delay, hosted->hosted) < 60 s'"
    )
    size: Size | None = Field(default=None, description="the sizing question")
    acknowledge: tuple[Acknowledge, ...] = Field(default=(), description="findings that are expected")
    sources: dict[str, str] = Field(default_factory=dict, description="where figures come from")

    _source: Source = PrivateAttr(default=Source("<scenario>", {}, {}))

    def __repr__(self) -> str:
        return f"<Scenario {self.title or self.source.file}: {len(self.servers)} servers, {len(self.objectives)} objectives>"

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

    def of_kind(self, *kinds: type) -> dict[str, Any]:
        """The servers of these classes, by name."""
        return {name: server for name, server in self.servers.items() if isinstance(server, kinds)}

    @property
    def can_go_down(self) -> list[str]:
        """What an event can take down: servers, links by their labels, and ``dns``."""
        return [*self.servers, *(link.label for link in self.links), "dns"]

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


__all__ = ["OUTCOMES", "Expect", "Mail", "Scenario", "Switch"]
