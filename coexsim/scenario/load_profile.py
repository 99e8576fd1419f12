"""The `load:` part of a scenario: what mail there is."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from coexsim.scenario.load_fields import (
    DAYS,
    HOURS,
    DayCurve,
    Recipients,
    SizeSpec,
    WeekCurve,
    mean_recipients,
    read_weights,
)
from coexsim.scenario.part import Spec
from coexsim.scenario.profiles import over_profile, read_profile, shipped_profiles
from coexsim.scenario.quantities import At, Number, PerS, Share, SizeBytes, Whole, Written

OFFICE, INTERNET, SPAM, REPLAY = (
    "office",
    "internet",
    "spam",
    "replay",
)  # the names of the streams that are not given one

MOST_PER_S = 100_000  # messages; a busy server takes some hundreds
Side = Literal["onprem", "hosted", "internet", "unknown"]
Place = Literal["onprem", "hosted", "internet", "unknown", "everybody"]


class SpamSpec(Spec):
    """Unwanted mail from the Internet that reaches the server, on top of the wanted mail."""

    share_of_internet_mail: Share = Field(lt=1, description="of all messages from the Internet")
    to_unknown_addresses: Share = Field(default=0.0, description="share of its recipients that do not exist")
    recipients: Recipients = Field(
        default_factory=lambda: {1: 1.0}, description="recipients per message: weights; default 1"
    )
    sizes: SizeSpec | None = Field(default=None, description="its sizes on the wire; default: as other mail")
    day_curve: DayCurve | None = Field(
        default=None, description="how it is spread over the day; default: as other mail"
    )


_PLACE = {"enum": list(get_args(Place))}
_SIDE = {"enum": ["onprem", "hosted", "everybody"]}
_WEIGHTS = {"type": "object", "propertyNames": _PLACE, "additionalProperties": {"type": "number", "minimum": 0}}
TO = Written("a place, or places with weights", "1", "{onprem: 1, hosted: 2}", {"anyOf": [_PLACE, _WEIGHTS]})
TO_SIDES = Written("a side, or a list of them", "", "hosted", {"anyOf": [_SIDE, {"type": "array", "items": _SIDE}]})


def _to(value: object) -> object:
    if isinstance(value, str):
        return {value: 1.0}
    if isinstance(value, dict):
        read_weights(value)
    return value


class StreamSpec(Spec):
    """Mail at a steady rate, day and night."""

    sender: Literal["onprem", "hosted", "internet", "everybody"] = Field(
        alias="from", description="the side that sends it"
    )
    to: Annotated[dict[Place, Number], BeforeValidator(_to), TO] = Field(
        description="one place, or weights; each recipient is drawn by them"
    )
    rate: PerS = Field(le=MOST_PER_S, description="messages per second, before `growth`")
    arrivals: Literal["poisson", "constant"] = Field(
        default="poisson", description="gaps between messages: exponential or all alike"
    )
    recipients: Recipients = Field(
        default_factory=lambda: {1: 1.0}, description="recipients per message: weights; default 1"
    )
    sizes: SizeSpec | None = Field(default=None, description="its sizes on the wire; default: those of the load")
    name: str | None = Field(default=None, description="its name in tables; default 'internet->onprem'")

    @property
    def label(self) -> str:
        """Its name, by default ``internet->onprem`` or ``internet->onprem+hosted``."""
        return self.name or f"{self.sender}->{'+'.join(self.to)}"


def _places(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class BulkSpec(Spec):
    """One mailing to every mailbox of a side, or of both."""

    at: At = Field(description="the first such time in the run")
    sender: Literal["onprem", "hosted", "internet"] = Field(alias="from", description="the side that sends it")
    to: Annotated[tuple[Literal["onprem", "hosted", "everybody"], ...], BeforeValidator(_places), TO_SIDES] = Field(
        default=("everybody",), description="the sides that get it"
    )
    size: SizeBytes = Field(ge=1, description="size on the wire")
    recipients_per_copy: Whole | None = Field(
        default=None, ge=1, description="left out: one message to all; else so many a message"
    )
    name: str | None = Field(default=None, description="its name in tables; default 'bulk 1'")


def _is_a_table(file: str) -> str:
    if Path(file).suffix.casefold() not in (".csv", ".parquet"):
        raise ValueError(f"{file!r} is neither .csv nor .parquet")
    return file


class ReplaySpec(Spec):
    """A table of mail that was: columns ``born_s`` (from the start of the run), ``sender``, ``recipients``, ``size_bytes``.

    A sender is an address or a side; recipients are addresses or sides with a number: ``onprem:2 hosted:1``. `coexsim fit` writes such a
    table from mail logs. Names of other tools are known too: ``time_s`` ``at_s`` ``epoch_s`` ``arrived_s``; ``from`` ``mail_from``
    ``sender_address`` ``return_path``; ``to`` ``recipient`` ``rcpt_to`` ``recipient_address``; ``size`` ``bytes`` ``total_bytes``
    ``message_size``.
    """

    short_form: ClassVar[dict[str, Any]] = {"type": "string"}

    file: Annotated[str, AfterValidator(_is_a_table)] = Field(
        description="CSV or Parquet; relative to the scenario", examples=["mail.csv"]
    )

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value


class OfficeRates(NamedTuple):
    """What one mailbox causes on a day of factor 1, averaged over the day, `growth` included."""

    sent_per_s: float
    inside_share: float  # share of the recipients of sent mail that are inside
    internet_per_s: float  # wanted messages from the Internet
    spam_per_s: float


PROFILE = Written("the name of a shipped profile", "", "office-worker", {"x-profiles": "title"})


def _is_shipped(profile: str) -> str:
    read_profile(profile)
    return profile


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

    profile: Annotated[str, AfterValidator(_is_shipped), PROFILE] | None = Field(
        default=None,
        description=f"a shipped profile; what is written beside it goes before; there are: {', '.join(shipped_profiles())}",
    )
    title: str = Field(default="", description="one line about the load")
    sources: dict[str, str] = Field(default_factory=dict, description="where figures come from, by key")
    day_curve: DayCurve | None = Field(
        default=None,
        description="24 shares from midnight on, each of a clock hour, of any scale; left out: flat. A busy hour from 08:45 on is written "
        "as that from 09:00: spread over two it would lose its rate",
    )
    week_curve: WeekCurve | None = Field(default=None, description="7 factors from Monday on; 1: a day as stated")
    sent_per_mailbox: PerS | None = Field(default=None, le=MOST_PER_S, description="messages a mailbox's user sends")
    internal_share: Share | None = Field(
        default=None, description="share of a mailbox's received copies that come from inside"
    )
    received_to_sent: Number | None = Field(
        default=None, gt=0, description="copies received for one message sent, spam not counted"
    )
    internet_received_per_mailbox: PerS | None = Field(
        default=None, le=MOST_PER_S, description="copies from the Internet, spam not counted"
    )
    recipients: Recipients = Field(default_factory=lambda: {1: 1.0}, description="recipients per message: weights")
    internet_recipients: Recipients | None = Field(
        default=None, description="of messages from the Internet; default: `recipients`"
    )
    sizes: SizeSpec = Field(
        default_factory=lambda: SizeSpec.from_data("75 KB"),
        description="sizes of messages on the wire; default: 75 KB, a planning figure",
    )
    spam: SpamSpec | None = Field(default=None, description="unwanted mail from the Internet; left out: none")
    growth: Number = Field(default=1.0, gt=0, le=1_000_000, description="factor on all rates")
    streams: tuple[StreamSpec, ...] = Field(default=(), description="mail at a steady rate")
    bulk: tuple[BulkSpec, ...] = Field(default=(), description="mailings to everybody")
    replay: ReplaySpec | None = Field(default=None, description="a table of mail that was")

    @model_validator(mode="before")
    @classmethod
    def _long_form(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("profile") in shipped_profiles():
            return over_profile(value)
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._says_what_mail()
        self._office_adds_up()
        self._names_differ()
        return self

    def _says_what_mail(self) -> None:
        if self.sent_per_mailbox is None and not (self.streams or self.bulk or self.replay):
            raise ValueError("a load says at least one of: profile, sent_per_mailbox, streams, bulk, replay")
        if self.sent_per_mailbox is None:
            for name in ("internal_share", "received_to_sent", "internet_received_per_mailbox", "spam"):
                if getattr(self, name) is not None and not self.profile:
                    raise ValueError(f"{name!r} needs 'sent_per_mailbox'")

    def _office_adds_up(self) -> None:
        if self.sent_per_mailbox is None:
            return
        if self.internal_share is None:
            raise ValueError("'sent_per_mailbox' needs 'internal_share', for example '63 %'")
        if self.received_to_sent is not None and self.internet_received_per_mailbox is not None:
            raise ValueError("'received_to_sent' and 'internet_received_per_mailbox' say the same; keep one")
        if self.internet_received_per_mailbox and self.internal_share == 1:
            raise ValueError("with 'internal_share: 100 %' nothing is received from the Internet")
        inside = self.office_rates.inside_share
        if inside > 1 + 1e-12:
            raise ValueError(
                f"more internal mail is received than sent: it would take {100 * inside:.0f} % of all recipients of sent mail; lower "
                f"'internal_share' or what is received, or raise 'recipients' (now {mean_recipients(self.recipients):.3g} a message)"
            )

    def _names_differ(self) -> None:
        seen = {OFFICE, INTERNET, SPAM, REPLAY}
        for name in (
            *(stream.label for stream in self.streams),
            *(self.bulk_name(index) for index in range(len(self.bulk))),
        ):
            if name in seen:
                raise ValueError(f"two streams of mail are called {name!r}; give one of them another 'name'")
            seen.add(name)

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


__all__ = [
    "BulkSpec",
    "LoadSpec",
    "ReplaySpec",
    "SizeSpec",
    "SpamSpec",
    "StreamSpec",
    "mean_recipients",
    "read_profile",
]
