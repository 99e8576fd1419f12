"""The network of a scenario: links between sites, a site's own line, DNS zones and name servers."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from coexsim.scenario.part import Spec
from coexsim.scenario.quantities import At, BytesPerS, Seconds

UPLINK = "uplink"
"""How a site's own line is called after its site: ``office-uplink``."""

OTHER_TRAFFIC: Any = [[{"from": "08:00", "to": "10:00", "up": "20 Mbit/s"}]]
"""How `background` may be written, for people and for editors."""


def uplink_ways(site: str) -> tuple[str, str]:
    """The directions of a site's own line as tables name them: ``office-uplink up``, ``office-uplink down``."""
    return f"{site}-{UPLINK} up", f"{site}-{UPLINK} down"


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


class Background(Spec):
    """Other traffic on a line at some hours of every day; mail has what it leaves."""

    from_: At = Field(alias="from", description="time of day at which it begins", examples=["08:00"])
    to: At = Field(description="time of day at which it ends; the next day where it is not later", examples=["10:00"])
    up: BytesPerS = Field(default=0.0, ge=0, description="in the direction of `up` of the line")
    down: BytesPerS = Field(default=0.0, ge=0, description="in the direction of `down`")

    def is_at(self, second: float) -> bool:
        """Whether it is there at a second of the day."""
        begin, end = self.from_.second, self.to.second
        return begin <= second < end if begin < end else second >= begin or second < end


def background_at(spans: Sequence[Background], way: Literal["up", "down"], second: float) -> float:
    """All traffic besides mail in one direction at a second of the day [bytes/s]."""
    return sum((span.up if way == "up" else span.down for span in spans if span.is_at(second)), 0.0)


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
    background: tuple[Background, ...] = Field(
        default=(),
        description="other traffic by time of day; up is from the first of `between` to the second",
        examples=OTHER_TRAFFIC,
    )
    name: str | None = Field(
        default=None, description="its name in events and objectives; default: its sites, as 'office-internet'"
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

    @property
    def ways(self) -> dict[str, tuple[str, str]]:
        """Its directions as tables name them, ``office to internet``, with their ends; of a link within a site there is one."""
        return {f"{one} to {other}": (one, other) for one, other in (self.between, self.between[::-1])}


class Uplink(Spec):
    """A site's own line, which all of its links share: what leaves or reaches the site passes it besides the link."""

    up: BytesPerS | None = Field(default=None, gt=0, description="out of the site; left out: no limit")
    down: BytesPerS | None = Field(default=None, gt=0, description="into the site; left out: no limit")
    background: tuple[Background, ...] = Field(
        default=(), description="other traffic on the line, by time of day", examples=OTHER_TRAFFIC
    )


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
