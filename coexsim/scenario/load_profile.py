"""The `load:` part of a scenario: what mail there is, and the shipped profiles that it may start from."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, field_validator, model_validator

from coexsim.errors import did_you_mean
from coexsim.scenario.base import At, PerS, Share, SizeBytes, Spec
from coexsim.units import size_bytes

PROFILES = Path(__file__).parent.parent / "profiles"
HOURS, DAYS = 24, 7
OFFICE, INTERNET, SPAM, REPLAY = (
    "office",
    "internet",
    "spam",
    "replay",
)  # the names of the streams that are not given one

Side = Literal["onprem", "hosted", "internet", "unknown"]
Place = Literal["onprem", "hosted", "internet", "unknown", "everybody"]


# --- shipped profiles -----------------------------------------------------------------------------------------------------


def shipped_profiles() -> tuple[str, ...]:
    """The names of the profiles that come with coexsim."""
    return tuple(sorted(file.stem for file in PROFILES.glob("*.yaml")))


def read_profile(name: str) -> dict[str, Any]:
    """The keys of a shipped profile as written, with those of the profile it builds on. Raises `ValueError`."""
    if name not in shipped_profiles():
        known = shipped_profiles()
        raise ValueError(
            f"no load profile is called {name!r}" + (did_you_mean(name, known) or f"; known: {', '.join(known)}")
        )
    written = _copy(_parsed(name))
    return over_profile(written) if "profile" in written else dict(written)


@lru_cache(maxsize=64)
def _parsed(name: str) -> dict[str, Any]:
    from ruamel.yaml import YAML

    data = YAML(typ="safe", pure=True).load((PROFILES / f"{name}.yaml").read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


def over_profile(written: dict[str, Any]) -> dict[str, Any]:
    """What is written, over what its profile says: mappings of fields merge, anything else replaces, null takes away.

    The profile's source of a figure goes with the figure. A law given as a table replaces the whole law.
    """
    base = read_profile(str(written["profile"]))
    for key in ("sizes", "recipients"):
        if isinstance(base.get(key), str) and isinstance(written.get(key), dict):
            base[key] = _of_profile(key, base[key])
    if written.get("internet_received_per_mailbox") is not None:
        base.pop("received_to_sent", None)
    if written.get("received_to_sent") is not None:
        base.pop("internet_received_per_mailbox", None)
    own = set(_leaves(written))
    sources = {path: text for path, text in (base.pop("sources", None) or {}).items() if not _is_at_or_below(path, own)}
    merged = _merged(base, written)
    merged["sources"] = sources | (written.get("sources") or {})
    return merged


def _copy(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _copy(value) for key, value in node.items()}
    return [_copy(value) for value in node] if isinstance(node, list) else node


def _is_fields(node: object) -> bool:
    """A mapping of field names, not a table such as ``{1 KB: 10.2}``."""
    return isinstance(node, dict) and all(isinstance(key, str) and key[:1].isalpha() for key in node)


def _merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in more.items():
        if value is None:
            result.pop(key, None)
        elif _is_fields(value) and _is_fields(result.get(key)):
            result[key] = _merged(result[key], value)
        else:
            result[key] = value
    return result


def _leaves(node: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in node.items():
        path = f"{above}{key}"
        if _is_fields(value) and value:
            yield from _leaves(value, f"{path}.")
        else:
            yield path


def _is_at_or_below(path: str, written: set[str]) -> bool:
    parts = path.split(".")
    return any(".".join(parts[:end]) in written for end in range(1, len(parts) + 1))


def _of_profile(key: str, name: str) -> Any:
    """What a shipped profile says for one key, itself perhaps as another profile has it."""
    value = read_profile(name).get(key)
    if value is None:
        raise ValueError(f"the profile {name!r} says nothing about {key}")
    return _of_profile(key, value) if isinstance(value, str) and value in shipped_profiles() else value


# --- kinds of field -------------------------------------------------------------------------------------------------------


def _curve(length: int, key: str) -> Callable[[object], object]:
    def check(value: object) -> object:
        if isinstance(value, str):
            value = _of_profile(key, value)
        if not isinstance(value, (list, tuple)) or len(value) != length:
            found = f"{len(value)} numbers" if isinstance(value, (list, tuple)) else repr(value)
            each = "hour of the day" if length == HOURS else "day from Monday on"
            raise ValueError(f"expected {length} numbers, one for each {each}, found {found}")
        numbers = [_weight(number) for number in value]
        if sum(numbers) <= 0:
            raise ValueError("at least one of the numbers must be more than 0")
        return tuple(numbers)

    return check


def _weight(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"{value!r} is not a number of 0 or more")
    return float(value)


def _weights(table: dict[Any, Any]) -> list[float]:
    weights = [_weight(value) for value in table.values()]
    if sum(weights) <= 0:
        raise ValueError("at least one of the weights must be more than 0")
    return weights


def _recipients(value: object) -> object:
    """``specmail2001``, ``3``, ``constant 3`` or ``{1: 85.73, 2: 1.66}`` as a table of weights."""
    if isinstance(value, str) and (match := re.fullmatch(r"(?:constant\s+)?(\d+)", value.strip())):
        value = int(match.group(1))
    if isinstance(value, str):
        value = _of_profile("recipients", value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = {value: 1.0}
    if not isinstance(value, dict):
        raise ValueError(
            f"{value!r} is not a number of recipients; write 'specmail2001', 'constant 2' or a table such as {{1: 80, 5: 20}}"
        )
    counts = [int(key) if isinstance(key, (int, str)) and re.fullmatch(r"\d+", str(key)) else 0 for key in value]
    for key, count in zip(value, counts, strict=True):
        if count < 1:
            raise ValueError(f"{key!r} is not a number of recipients: 1, 2, 3, ...")
    return dict(sorted(zip(counts, _weights(value), strict=True)))


DayCurve = Annotated[tuple[float, ...], BeforeValidator(_curve(HOURS, "day_curve"))]
WeekCurve = Annotated[tuple[float, ...], BeforeValidator(_curve(DAYS, "week_curve"))]
Recipients = Annotated[dict[int, float], BeforeValidator(_recipients)]


def mean_recipients(table: dict[int, float]) -> float:
    """Mean of a table of recipients per message."""
    return sum(n * weight for n, weight in table.items()) / sum(table.values())


# --- sizes ----------------------------------------------------------------------------------------------------------------


class Lognormal(Spec):
    """A lognormal law."""

    median: SizeBytes = Field(gt=0)
    sigma: float = Field(gt=0, description="standard deviation of the logarithm")


class Body(Spec):
    """The bulk of the messages."""

    lognormal: Lognormal


class Pareto(Spec):
    """A Pareto law: P(size > x) falls as ``x ** -alpha``."""

    alpha: float = Field(gt=0)
    start: SizeBytes = Field(gt=0, alias="from")


class Tail(Spec):
    """The large messages."""

    pareto: Pareto


class SizeSpec(Spec):
    """How large messages are on the wire: attachments in base64 are 1.37 times the file (4/3 for the code, 78/76 for line ends).

    One of: a constant (``75 KB``), a table of sizes with weights, or a `body`, perhaps with a `tail`. The tail holds all messages larger
    than its ``from``: `tail_share` of all, by default as many as the body would put there. Nothing is larger than `limit`.
    """

    constant: SizeBytes | None = Field(None, ge=1)
    table: dict[SizeBytes, float] = Field(default_factory=dict)
    body: Body | None = None
    tail: Tail | None = None
    tail_share: Share | None = None
    limit: SizeBytes | None = Field(None, description="laws are cut off here; not for a constant or a table")

    @model_validator(mode="before")
    @classmethod
    def _from_short_forms(cls, value: object) -> object:
        if isinstance(value, str) and re.match(r"[a-z]", value.strip()):
            value = _of_profile("sizes", value.strip())
        if isinstance(value, (str, int, float)):
            return {"constant": value}
        if isinstance(value, dict) and value and not _is_fields(value):
            keys = [size_bytes(key) for key in value]
            if len(set(keys)) < len(keys):
                raise ValueError("a size stands twice in the table")
            if min(keys) < 1:
                raise ValueError("a message has at least one byte")
            weights = _weights(value)
            return {"table": dict(zip(value, weights, strict=True))}
        return value

    @model_validator(mode="after")
    def _is_one_law(self) -> SizeSpec:
        forms = [name for name in ("constant", "table", "body") if getattr(self, name)]
        if len(forms) != 1:
            raise ValueError(
                "sizes are one of: a constant ('75 KB'), a table ({1 KB: 60, 1 MB: 40}), or a 'body' with perhaps a 'tail'"
            )
        if not self.body and (self.tail or self.tail_share is not None or self.limit is not None):
            raise ValueError("'tail', 'tail_share' and 'limit' go with 'body'")
        if self.tail_share is not None and not self.tail:
            raise ValueError("'tail_share' needs a 'tail'")
        if self.tail and self.limit is not None and self.limit <= self.tail.pareto.start:
            raise ValueError("the limit lies below the beginning of the tail")
        if self.tail and self.limit is None and self.tail.pareto.alpha <= 1:
            raise ValueError("a tail with alpha of 1 or less has no finite mean; give a 'limit'")
        if self.body and self.body_below(self.body_end) < 1e-9:
            raise ValueError("the body lies wholly above the beginning of the tail, or the limit")
        return self

    @property
    def share_in_body(self) -> float:
        """Share of the messages in the body."""
        if not self.tail:
            return 1.0
        return self.body_below(self.tail.pareto.start) if self.tail_share is None else 1.0 - self.tail_share

    @property
    def body_end(self) -> float:
        """The body is cut off here [bytes]."""
        return float(self.tail.pareto.start) if self.tail else math.inf if self.limit is None else float(self.limit)

    def body_below(self, size: float) -> float:
        """Share of the uncut body law below `size`."""
        assert self.body is not None
        law = self.body.lognormal
        return 1.0 if size == math.inf else _normal_below(math.log(size / law.median) / law.sigma)

    @property
    def mean_bytes(self) -> float:
        """Mean size."""
        if self.constant is not None:
            return float(self.constant)
        if self.table:
            return sum(size * weight for size, weight in self.table.items()) / sum(self.table.values())
        assert self.body is not None
        law, end = self.body.lognormal, self.body_end
        below = 1.0 if end == math.inf else _normal_below(math.log(end / law.median) / law.sigma - law.sigma)
        body = law.median * math.exp(law.sigma**2 / 2) * below / self.body_below(end)
        if not self.tail:
            return body
        return self.share_in_body * body + (1 - self.share_in_body) * _pareto_mean(self.tail.pareto, self.limit)


def _normal_below(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _pareto_mean(law: Pareto, limit: int | None) -> float:
    if limit is None:
        return law.alpha * law.start / (law.alpha - 1)
    reach = limit / law.start
    grown = math.log(reach) if law.alpha == 1 else (math.pow(reach, 1 - law.alpha) - 1) / (1 - law.alpha)
    return law.start * law.alpha * grown / (1 - math.pow(reach, -law.alpha))


# --- the load -------------------------------------------------------------------------------------------------------------


class SpamSpec(Spec):
    """Unwanted mail from the Internet that reaches the server, on top of the wanted mail."""

    share_of_internet_mail: Share = Field(lt=1, description="of all messages from the Internet")
    to_unknown_addresses: Share = Field(0.0, description="share of its recipients that do not exist")
    recipients: Recipients = Field(default_factory=lambda: {1: 1.0})
    sizes: SizeSpec | None = Field(None, description="default: as other mail")
    day_curve: DayCurve | None = Field(None, description="default: as other mail")


def _to(value: object) -> object:
    if isinstance(value, str):
        return {value: 1.0}
    if isinstance(value, dict):
        _weights(value)
    return value


class StreamSpec(Spec):
    """Mail at a steady rate, day and night."""

    sender: Literal["onprem", "hosted", "internet", "everybody"] = Field(alias="from")
    to: Annotated[dict[Place, float], BeforeValidator(_to)] = Field(
        description="one place, or weights; each recipient is drawn by them"
    )
    rate: PerS = Field(description="messages per second, before `growth`")
    arrivals: Literal["poisson", "constant"] = "poisson"
    recipients: Recipients = Field(default_factory=lambda: {1: 1.0})
    sizes: SizeSpec | None = Field(None, description="default: the load's")
    name: str | None = None

    @property
    def label(self) -> str:
        """Its name, by default ``internet->onprem`` or ``internet->onprem+hosted``."""
        return self.name or f"{self.sender}->{'+'.join(self.to)}"


def _places(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class BulkSpec(Spec):
    """One mailing to every mailbox of a side, or of both."""

    at: At = Field(description="the first such time in the run")
    sender: Literal["onprem", "hosted", "internet"] = Field(alias="from")
    to: Annotated[tuple[Literal["onprem", "hosted", "everybody"], ...], BeforeValidator(_places)] = ("everybody",)
    size: SizeBytes = Field(ge=1)
    recipients_per_copy: int | None = Field(
        None, ge=1, description="left out: one message to all; else so many a message"
    )
    name: str | None = None


class ReplaySpec(Spec):
    """A table of mail that was: columns ``born_s`` (from the start of the run), ``sender``, ``recipients``, ``size_bytes``.

    A sender is an address or a side; recipients are addresses or sides with a number: ``onprem:2 hosted:1``.
    """

    file: str = Field(description="CSV or Parquet; relative to the scenario")

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        return {"file": value} if isinstance(value, str) else value

    @field_validator("file")
    @classmethod
    def _can_be_read(cls, value: str) -> str:
        if Path(value).suffix.casefold() not in (".csv", ".parquet"):
            raise ValueError(f"{value!r} is neither .csv nor .parquet")
        return value


class OfficeRates(NamedTuple):
    """What one mailbox causes on a day of factor 1, averaged over the day, `growth` included."""

    sent_per_s: float
    inside_share: float  # share of the recipients of sent mail that are inside
    internet_per_s: float  # wanted messages from the Internet
    spam_per_s: float


class LoadSpec(Spec):
    """What mail there is: an office's day, steady streams, mailings, a replayed table; several of them add up.

    **The office.** With s messages sent by a mailbox a day, R recipients a message (mean), k copies received for one message sent
    (`received_to_sent`) and the internal share i of a mailbox's received mail, a mailbox receives k*s copies a day. i*k*s of them come
    from inside, so a recipient of sent mail is inside with chance q = i*k/R. The others come from the Internet as (1-i)*k*s/R' messages,
    R' being the mean of `internet_recipients`. With `internet_received_per_mailbox` x (copies a day) in place of k, k*s is x/(1-i).
    With neither, as many copies come from the Internet as go there: k = R, and q = i.

    Recipients of one message are drawn independently of each other: by q inside or outside, inside by the number of mailboxes.
    `spam` comes on top: with share f of all Internet messages, f/(1-f) for each wanted one.

    `growth` multiplies the rates of office, Internet, spam and streams, not mailings and replay.
    """

    profile: str | None = Field(None, description="a shipped profile; what is written beside it goes before")
    title: str = ""
    sources: dict[str, str] = Field(default_factory=dict, description="where figures come from, by key")
    day_curve: DayCurve | None = Field(None, description="24 shares from midnight on, of any scale; left out: flat")
    week_curve: WeekCurve | None = Field(None, description="7 factors from Monday on; 1: a day as stated")
    sent_per_mailbox: PerS | None = Field(None, description="messages a mailbox's user sends")
    internal_share: Share | None = Field(None, description="share of a mailbox's received copies that come from inside")
    received_to_sent: float | None = Field(
        None, gt=0, description="copies received for one message sent, spam not counted"
    )
    internet_received_per_mailbox: PerS | None = Field(None, description="copies from the Internet, spam not counted")
    recipients: Recipients = Field(default_factory=lambda: {1: 1.0}, description="recipients per message: weights")
    internet_recipients: Recipients | None = Field(
        None, description="of messages from the Internet; default: `recipients`"
    )
    sizes: SizeSpec = Field(
        default_factory=lambda: SizeSpec(constant="75 KB"), description="default: 75 KB, a planning figure"
    )
    spam: SpamSpec | None = None
    growth: float = Field(1.0, gt=0, allow_inf_nan=False)
    streams: tuple[StreamSpec, ...] = ()
    bulk: tuple[BulkSpec, ...] = ()
    replay: ReplaySpec | None = None

    @model_validator(mode="before")
    @classmethod
    def _over_its_profile(cls, value: object) -> object:
        if isinstance(value, dict) and value.get("profile") in shipped_profiles():
            return over_profile(value)
        return value

    @field_validator("profile")
    @classmethod
    def _profile_exists(cls, value: str | None) -> str | None:
        if value is not None:
            read_profile(value)
        return value

    @model_validator(mode="after")
    def _says_what_mail(self) -> LoadSpec:
        if self.sent_per_mailbox is None and not (self.streams or self.bulk or self.replay):
            raise ValueError("a load says at least one of: profile, sent_per_mailbox, streams, bulk, replay")
        if self.sent_per_mailbox is None:
            for name in ("internal_share", "received_to_sent", "internet_received_per_mailbox", "spam"):
                if getattr(self, name) is not None and not self.profile:
                    raise ValueError(f"{name!r} needs 'sent_per_mailbox'")
        return self

    @model_validator(mode="after")
    def _office_adds_up(self) -> LoadSpec:
        if self.sent_per_mailbox is None:
            return self
        if self.internal_share is None:
            raise ValueError("'sent_per_mailbox' needs 'internal_share', for example '63 %'")
        if self.received_to_sent is not None and self.internet_received_per_mailbox is not None:
            raise ValueError("'received_to_sent' and 'internet_received_per_mailbox' say the same; keep one")
        if self.internet_received_per_mailbox and self.internal_share == 1:
            raise ValueError("with 'internal_share: 100 %' nothing is received from the Internet")
        inside = self.office_rates.inside_share
        if inside > 1 + 1e-12:
            raise ValueError(
                f"more internal mail is received than sent: it would take {inside:.0%} of all recipients of sent mail; lower "
                f"'internal_share' or what is received, or raise 'recipients' (now {mean_recipients(self.recipients):.3g} a message)"
            )
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> LoadSpec:
        seen = {OFFICE, INTERNET, SPAM, REPLAY}
        for name in (
            *(stream.label for stream in self.streams),
            *(self.bulk_name(index) for index in range(len(self.bulk))),
        ):
            if name in seen:
                raise ValueError(f"two streams of mail are called {name!r}; give one of them another 'name'")
            seen.add(name)
        return self

    def bulk_name(self, index: int) -> str:
        """The name of a mailing, by default ``bulk 1``."""
        return self.bulk[index].name or f"bulk {index + 1}"

    @property
    def office_rates(self) -> OfficeRates:
        """The office's rates for one mailbox, by the formulas above; all zero without an office."""
        sent = self.sent_per_mailbox
        if not sent:
            return OfficeRates(0.0, 0.0, 0.0, 0.0)
        internal = self.internal_share or 0.0
        each = mean_recipients(self.recipients)
        received = sent * (each if self.received_to_sent is None else self.received_to_sent)
        if self.internet_received_per_mailbox is not None:
            received = self.internet_received_per_mailbox / (1 - internal) if internal < 1 else 0.0
        internet = (1 - internal) * received / mean_recipients(self.internet_recipients or self.recipients)
        share = self.spam.share_of_internet_mail if self.spam else 0.0
        inside = internal * received / (sent * each)
        return OfficeRates(
            self.growth * sent, inside, self.growth * internet, self.growth * internet * share / (1 - share)
        )

    @property
    def places(self) -> frozenset[Place]:
        """Where the load's mail comes from and goes to: what the scenario must have (a replayed table is not looked into)."""
        found: set[Place] = set()
        rates = self.office_rates
        if rates.sent_per_s:
            found |= {"everybody"}
            if rates.inside_share < 1 or rates.internet_per_s:
                found |= {"internet"}
            if rates.spam_per_s and self.spam and self.spam.to_unknown_addresses:
                found |= {"unknown"}
        for stream in self.streams:
            found |= {stream.sender, *stream.to}
        for mailing in self.bulk:
            found |= {mailing.sender, *mailing.to}
        return frozenset(found)


def week_factors(day_curve: tuple[float, ...] | None, week_curve: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """The rate of each of the 168 hours from Monday on, relative to a flat day of factor 1; None: all are 1."""
    if day_curve is None and week_curve is None:
        return None
    day = day_curve or (1.0,) * HOURS
    scale = HOURS / sum(day)
    return tuple(factor * scale * share for factor in (week_curve or (1.0,) * DAYS) for share in day)


__all__ = [
    "INTERNET", "OFFICE", "REPLAY", "SPAM", "BulkSpec", "LoadSpec", "OfficeRates", "Place", "ReplaySpec", "Side", "SizeSpec",
    "SpamSpec", "StreamSpec", "mean_recipients", "over_profile", "read_profile", "shipped_profiles", "week_factors",
]  # fmt: skip
