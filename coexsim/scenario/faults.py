"""What pydantic found wrong, in the words of the scenario: at which key, what was found, and what would do."""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from coexsim.errors import did_you_mean
from coexsim.scenario.places import Path

LONGEST_SHOWN = 60  # characters of a value that is told
LARGEST_SHOWN = 10**4000


class Fault(NamedTuple):
    """One thing wrong: at which key, and what; `missing`: the key itself is not there."""

    path: Path
    text: str
    missing: bool = False


def shown(value: object) -> str:
    """A value as it was written, shortened."""
    if isinstance(value, int) and abs(value) >= LARGEST_SHOWN:
        return "a number of more than 4000 digits"  # Python makes no text of very long ones
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."


def expected(what: str, value: object) -> str:
    """What would do, and what was found; nothing of a list or a mapping, whose parts are told by themselves."""
    return f"expected {what}" + ("" if isinstance(value, (dict, list)) else f"; found {shown(value)}")


def not_text(value: object) -> str:
    """What is said of a value that should be text."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    found = shown(value)
    return f"{expected('text', value)}" + (
        f"; write it in quotes: '{found}'" if number and found[-1].isdecimal() else ""
    )


def faults_of(model: type[BaseModel], data: object, error: ValidationError) -> list[Fault]:
    """Everything that is wrong with `data`, in the order of the keys."""
    return [_fault(model, data, each) for each in error.errors(include_url=False)]


def _fault(model: type[BaseModel], data: object, error: ErrorDetails) -> Fault:
    path, at = _walk(model, error["loc"])
    if error["type"] in LIMITS:  # which are asked after the value was read
        error = {**error, "input": _at(data, path, error["input"])}
    if error["type"] == "missing":
        last = path[-1]
        return Fault(path, f"item {last + 1} is missing" if isinstance(last, int) else f"{last!r} is missing", True)
    if error["type"] == "union_tag_invalid":
        path = (*path, "kind")
    return Fault(path, _TEXTS.get(error["type"], _as_pydantic_says)(error, at))


def _at(data: Any, path: Path, otherwise: object) -> object:
    for key in path:
        try:
            data = data[key]
        except (LookupError, TypeError):
            return otherwise
    return data


def _walk(model: type[BaseModel], loc: tuple[str | int, ...]) -> tuple[Path, Any]:
    """The keys that a location of pydantic names, without its own names for the branches of unions; and the type it ends at.

    For a key that a model does not know, that is the model.
    """
    path: list[str | int] = []
    here: Any = model
    table: Any = None
    for step in loc:
        here = _plain_type(here)
        if get_origin(here) in (Union, UnionType):
            here = _branch(here, step)
            continue
        if step == "[key]":
            here = get_args(table)[0]
            continue
        table = here
        path.append(step)
        inside = _inside(here, step)
        if inside is None:
            return tuple(path), here
        here = inside
    return tuple(path), _plain_type(here)


def _plain_type(kind: Any) -> Any:
    """A type without its marks; ``X | None`` as X."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, UnionType) and len(rest := _not_none(kind)) == 1:
            kind = rest[0]
        else:
            return kind


def _not_none(union: Any) -> list[Any]:
    return [part for part in get_args(union) if part is not NoneType]


def _branch(union: Any, tag: str | int) -> Any:
    """The type in a union that pydantic calls by this name: the kind of a server, else any."""
    for part in _not_none(union):
        kind = getattr(part, "model_fields", {}).get("kind")
        if kind is not None and tag in get_args(kind.annotation):
            return part
    return next((part for part in map(_plain_type, _not_none(union)) if get_origin(part) is Literal), Any)


def _inside(here: Any, step: str | int) -> Any:
    """The type of what stands at a key or a place in a list; None for a key that a model does not know."""
    if isinstance(here, type) and issubclass(here, BaseModel):
        return next(
            (field.annotation for name, field in here.model_fields.items() if step == (field.alias or name)), None
        )
    parts = get_args(here)
    if get_origin(here) is tuple:
        return parts[0] if parts[1:] == (...,) or not isinstance(step, int) else parts[min(step, len(parts) - 1)]
    return parts[1] if get_origin(here) is dict else Any


def keys_of(model: type[BaseModel]) -> list[str]:
    """The words of a model's keys in the file, sorted."""
    return sorted(field.alias or name for name, field in model.model_fields.items())


def _no_such_key(error: ErrorDetails, at: Any) -> str:
    known, key = keys_of(at), str(error["loc"][-1])
    field = at.model_fields.get(key)  # its name in Python, such as 'sender' for 'from'
    told = getattr(at, "said_by", {}).get(key)
    if told is not None:
        return f"there is no such key: {told}"
    near = f"; did you mean {field.alias!r}?" if field else did_you_mean(key, known)
    return "there is no such key" + (near or f"; known here: {', '.join(known)}")


def _not_one_of(error: ErrorDetails, at: Any) -> str:
    options = [option for option in get_args(at) if isinstance(option, str)]
    near = did_you_mean(str(error["input"]), options)
    return f"{shown(error['input'])} is not one of {error['ctx']['expected']}{near}"


def _no_kind(_error: ErrorDetails, at: Any) -> str:
    kinds = _kinds(at)
    return f"a server says its kind, for example 'kind: {kinds[0]}'; one of {', '.join(kinds)}"


def _unknown_kind(error: ErrorDetails, at: Any) -> str:
    kinds, kind = _kinds(at), error["input"].get("kind")
    if kind is None:
        return _no_kind(error, at)
    told = KINDS_BY_NAME.get(str(kind).casefold())
    near = f"; write kind: {told}" if told else did_you_mean(str(kind), kinds)
    return f"{shown(kind)} is no kind of server{near}; one of {', '.join(kinds)}"


def _kinds(union: Any) -> list[str]:
    return [get_args(part.model_fields["kind"].annotation)[0] for part in _not_none(union)]


def _no_mapping(error: ErrorDetails, _at: Any) -> str:
    return f"expected keys with values, found {shown(error['input'])}"


def _limit(words: str, key: str) -> Callable[[ErrorDetails, Any], str]:
    return lambda error, _: expected(words.format(_said(error["ctx"][key])), error["input"])


def _said(limit: float) -> str:
    return f"{limit:,.0f}" if limit == int(limit) else f"{limit:g}"


def _as_pydantic_says(error: ErrorDetails, _at: Any) -> str:
    return expected(error["msg"], error["input"])


KINDS_BY_NAME = {
    **dict.fromkeys(("zimbra", "mailcow", "mail-in-a-box", "iredmail", "docker-mailserver", "sendmail"), "postfix"),
    **dict.fromkeys(("cpanel", "directadmin", "plesk"), "exim, or postfix, whichever it runs"),
    **dict.fromkeys(("notes", "lotus", "lotus-domino"), "domino"),
    **dict.fromkeys(("filter", "gateway", "smarthost", "smart-host", "edge"), "relay"),
    **dict.fromkeys(
        ("office365", "o365", "microsoft365", "m365", "exchange-online", "exo"),
        "hosted-inbound (and hosted-outbound) with provider: exchange-online",
    ),
    **dict.fromkeys(
        ("google", "gmail", "gsuite", "google-workspace", "workspace"),
        "hosted-inbound (and hosted-outbound) with provider: google-workspace",
    ),
}
"""What servers that people name otherwise are here. sendmail retries otherwise: `retry: {like: sendmail}`."""
LIMITS = ("greater_than_equal", "greater_than", "less_than_equal", "less_than")
_TEXTS: dict[str, Callable[[ErrorDetails, Any], str]] = {
    "value_error": lambda error, _: str(error["ctx"]["error"]),
    "extra_forbidden": _no_such_key,
    "invalid_key": _no_such_key,
    "literal_error": _not_one_of,
    "union_tag_not_found": _no_kind,
    "union_tag_invalid": _unknown_kind,
    "model_attributes_type": _no_mapping,
    "model_type": _no_mapping,
    "dict_type": _no_mapping,
    "tuple_type": lambda error, _: f"expected a list, found {shown(error['input'])}",
    "too_long": lambda error, _: f"expected {error['ctx']['max_length']} items at the most",
    "string_unicode": lambda error, _: f"half of a surrogate pair is no character; found {shown(error['input'])}",
    "string_type": lambda error, _: not_text(error["input"]),
    "bool_type": lambda error, _: expected("true or false", error["input"]),
    "bool_parsing": lambda error, _: expected("true or false", error["input"]),
    "greater_than_equal": _limit("{} or more", "ge"),
    "greater_than": _limit("more than {}", "gt"),
    "less_than_equal": _limit("{} at the most", "le"),
    "less_than": _limit("less than {}", "lt"),
}
