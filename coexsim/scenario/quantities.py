"""The quantities and words of a scenario as annotated types: how each is written, what it is inside, and its JSON Schema.

Inside coexsim everything is in base units: seconds, bytes, per second, shares of 1.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import ip_network
from math import inf
from sys import float_info
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, GetJsonSchemaHandler, PlainValidator
from pydantic_core import CoreSchema

from coexsim import units
from coexsim.scenario.faults import expected, not_text

LARGEST_INT = 2**63  # the columns of the tables hold less
LONGEST_NUMBER = 400  # characters of a number in quotes
ADDRESS = r"[^@\s<>]+@[^@\s<>]+"
_DOMAIN = r"[A-Za-z0-9.-]+\.[A-Za-z0-9-]+"
_CODE = r"none|[0-9]\.[0-9]{1,3}\.[0-9]{1,3}"
_NUMBER = r"[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?"


def _one_of(words: dict[str, int] | dict[str, float]) -> str:
    return f"({'|'.join(map(re.escape, words))})"


_SHARE = r"\s*(0*(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)\s*%|0*1(\.0+)?|0+(\.[0-9]+)?|[0-9]+(\.[0-9]+)?[eE]-[0-9]+\s*%?)\s*"
_DURATION = rf"(\s*{_NUMBER}\s*{_one_of(units.SECONDS)})+\s*"
_CLOCK = r"([A-Za-z]{3,9}\s+)?[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?"
_MOMENT = rf"\s*({_CLOCK}|{_DURATION})\s*"


@dataclass(frozen=True, eq=False)
class Written:
    """Mark of a type that is written in its own way: what it is in words, its unit inside, an example, and its JSON Schema."""

    what: str
    unit: str
    example: str
    schema: dict[str, Any]

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The JSON Schema, for pydantic."""
        told = {
            "patternErrorMessage": f"expected {self.what} such as '{self.example}'"
        }  # a word of yaml-language-server
        return {**self.schema, **(told if "pattern" in self.schema else {}), "examples": [self.example]}


def _text(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^({pattern})$"}


def whole_number(value: object) -> int:
    """A whole number, also one in quotes or written as 3.0. Raises ValueError."""
    number = _finite(value, "a whole number")
    if number != int(number):
        raise ValueError(expected("a whole number", value))
    if abs(number) >= LARGEST_INT:
        raise ValueError(expected("a smaller number", value))
    return int(number)


def number(value: object) -> float:
    """A number, also one in quotes. Raises ValueError."""
    found = _finite(value, "a number")
    if abs(found) > float_info.max:
        raise ValueError(expected("a smaller number", value))
    return float(found)


def _finite(value: object, what: str) -> int | float:
    found = _unquoted(value) if isinstance(value, str) else value
    if not isinstance(found, (int, float)) or isinstance(found, bool):
        raise ValueError(expected(what, value))
    if not abs(found) < inf:
        raise ValueError(expected("a number with an end", value))
    return found


def check_weights(weights: Collection[float]) -> None:
    """Raise `ValueError` where weights of 0 or more give no shares: all of them are zero, or their sum is too large."""
    if sum(weights) <= 0:
        raise ValueError("at least one of the weights must be more than 0")
    if sum(weights) == inf:
        raise ValueError("the weights are too large to be added up")


def _unquoted(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(text) if len(text) <= LONGEST_NUMBER else None
        except ValueError:
            continue
    return None


def _at_most(limit: str) -> AfterValidator:
    longest_s = units.duration_s(limit)

    def check(seconds: float) -> float:
        if seconds > longest_s:
            raise ValueError(f"expected {limit} at the most; found {units.say_duration(seconds)}")
        return seconds

    return AfterValidator(check)


def _switch(value: object) -> object:
    if isinstance(value, str):
        return {"enabled": True, "disabled": False}.get(value, value)
    if isinstance(value, float):
        raise ValueError(expected("true or false", value))
    return value


def _names(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _like(pattern: str, what: str) -> Callable[[object], str]:
    matches = re.compile(pattern).fullmatch

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(not_text(value))
        if not matches(value):
            raise ValueError(expected(what, value))
        return value

    return check


def _moment(value: object) -> units.Moment:
    return value if isinstance(value, units.Moment) else units.moment(value)


def _window(value: object) -> tuple[units.Moment, units.Moment]:
    return value if isinstance(value, tuple) else units.window(value)


DURATION = _text(_DURATION)
SIZE = _text(rf"\s*{_NUMBER}\s*{_one_of(units.BYTES)}\s*")
Whole = Annotated[int, BeforeValidator(whole_number)]
Number = Annotated[float, BeforeValidator(number)]
Seconds = Annotated[float, BeforeValidator(units.duration_s), Written("a duration", "s", "15 min", DURATION)]
RunSeconds = Annotated[Seconds, _at_most("366 days")]
SizeBytes = Annotated[
    int,
    BeforeValidator(units.size_bytes),
    Written("a size", "bytes", "25 MB", SIZE),
]
BytesPerS = Annotated[
    float,
    BeforeValidator(units.bandwidth_bytes_per_s),
    Written("a bandwidth", "bytes/s", "100 Mbit/s", _text(rf"\s*{_NUMBER}\s*{_one_of(units.BITS_PER_S)}\s*")),
]
PerS = Annotated[
    float,
    BeforeValidator(units.rate_per_s),
    Written("a rate", "1/s", "400/h", _text(rf"\s*{_NUMBER}\s*(/|per)\s*{_one_of(units.SECONDS)}\s*")),
]
Share = Annotated[
    float,
    BeforeValidator(units.share),
    Written("a share", "1", "63 %", {"anyOf": [_text(_SHARE), {"type": "number", "minimum": 0, "maximum": 1}]}),
]  # fmt: skip
At = Annotated[units.Moment, PlainValidator(_moment), Written("a time", "", "Mon 08:00", _text(_MOMENT))]
Window = Annotated[
    tuple[units.Moment, units.Moment],
    PlainValidator(_window),
    Written("a time window", "", "Mon 08:00-18:00", _text(f"{_MOMENT}-{_MOMENT}")),
]
Switch = Annotated[
    bool,
    BeforeValidator(_switch),
    Written("true or false", "", "true", {"enum": [True, False, "enabled", "disabled", "yes", "no", "on", "off"]}),
]  # fmt: skip
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_names),
    Written("a name, or a list of them", "", "[a, b]", {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]  # fmt: skip


def _networks(value: object) -> tuple[str, ...]:
    names = _names(value)
    if not isinstance(names, list | tuple):
        raise ValueError(f"{value!r} is no list of networks; write '[10.0.0.0/8, 192.168.0.0/16]'")
    for name in names:
        try:
            ip_network(str(name), strict=False)
        except ValueError:
            raise ValueError(f"{name!r} is no network; write it such as '10.0.0.0/8'") from None
    return tuple(map(str, names))


Networks = Annotated[
    tuple[str, ...],
    PlainValidator(_networks),
    Written(
        "a network, or a list of them", "", "[10.0.0.0/8, '::1']",
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    ),
]  # fmt: skip
Address = Annotated[
    str,
    PlainValidator(_like(ADDRESS, "an address such as 'name@corporate.com'")),
    Written("an address", "", "name@corporate.com", _text(ADDRESS)),
]
_CATCHER = rf"@{_DOMAIN}|{ADDRESS}"
Catcher = Annotated[
    str,
    PlainValidator(
        _like(_CATCHER, "an address such as 'name@corporate.com', or '@corporate.com' for the same local part there")
    ),
    Written("an address, or '@' and a domain", "", "postmaster@corporate.com", _text(_CATCHER)),
]
Domain = Annotated[
    str,
    PlainValidator(_like(_DOMAIN, "a domain such as 'corporate.com'")),
    Written("a domain", "", "corporate.com", _text(_DOMAIN)),
]
_AT_ITSELF = rf"freeze|defer|fail|pass|send|reroute: ?(rewrite: ?)?{_DOMAIN}"
AtItself = Annotated[
    str,
    PlainValidator(_like(_AT_ITSELF, "freeze, defer, fail, pass, send or 'reroute: corporate.com'")),
    Written(
        "freeze, defer, fail, pass, send, or 'reroute:' and a domain", "", "reroute: corporate.com", _text(_AT_ITSELF)
    ),
]
EnhancedCode = Annotated[
    str,
    PlainValidator(_like(_CODE, "an enhanced status code such as '5.1.1'")),
    Written("an enhanced status code, or none", "", "5.1.1", _text(_CODE)),
]
Reason = Annotated[
    str,
    PlainValidator(_like(r"(?s:.+)", "some text")),
    Written("some text", "", "as agreed", {"type": "string", "minLength": 1}),
]
