"""What is asked of a scenario: the run, what happens in it, the machines that could be bought, findings that are expected."""

from typing import Literal, Self

from pydantic import Field, model_validator

from coexsim.scenario.part import Spec
from coexsim.scenario.quantities import (
    At,
    BytesPerS,
    Names,
    Number,
    Reason,
    RunSeconds,
    Seconds,
    Share,
    SizeBytes,
    Whole,
    Window,
)
from coexsim.units import Moment


class Event(Spec):
    """Something that changes the world during a run: an outage, or people who come and move."""

    at: At | None = Field(default=None, description="when it begins")
    for_: Seconds | None = Field(default=None, alias="for", description="left out: to the end")
    down: Names = Field(
        default=(),
        description="servers, links, all links of a site as 'office-uplink', or 'dns'; mail goes round only by `transit` sites",
    )
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

    @property
    def failing(self) -> tuple[str, ...]:
        """What is away while it lasts, in words: servers, links, ``dns``, or a DNS zone; empty for people who move or come."""
        return (f"DNS zone {self.zone}",) if self.zone else self.down


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
    replications: Whole = Field(
        default=32, ge=2, description="replications at the most for one candidate or growth, where fewer cannot say"
    )
    confidence: Share = Field(default=0.95, description="of the answer's intervals")


class Acknowledge(Spec):
    """A finding that is expected, with the reason."""

    code: str = Field(description="code of the finding, such as SINGLE-POINT-OF-FAILURE")
    where: str | None = Field(default=None, description="only the finding at this path or about this name")
    reason: Reason = Field(description="why it is as it should be")
