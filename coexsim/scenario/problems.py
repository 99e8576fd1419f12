"""What pydantic found wrong with a scenario, in the planner's words: where, what was found, what would do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from coexsim.errors import Problem, did_you_mean
from coexsim.scenario.model import ADDRESS, DOMAIN, ENHANCED_CODE, Scenario, Source
from coexsim.scenario.model import Path as KeyPath
from coexsim.scenario.servers import KINDS

LONGEST_SHOWN = 60
_LIKE = {
    ADDRESS: "an address such as 'name@corporate.com'",
    DOMAIN: "a domain such as 'corporate.com'",
    ENHANCED_CODE: "an enhanced status code such as '5.1.1'",
}
_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "finite_number": "a number with an end",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_type": "a whole number",
    "less_than_equal": "{le:g} at the most",
    "string_too_short": "some text",
    "string_type": "text",
    "too_long": "{max_length} items at the most",
    "too_short": "{min_length} items at least",
}


def problems_of(error: ValidationError, source: Source) -> list[Problem]:
    """Every problem, once for each place: where several kinds of value would do, their texts are joined."""
    found: dict[tuple[KeyPath, str], list[str]] = {}
    for item in error.errors(include_url=False):
        path, text = _in_words(item, source)
        alternative = item["type"] != "missing" or item["loc"][:-1] != path  # else: missing whatever else is there
        texts = found.setdefault((path, "" if alternative else text), [])
        if text not in texts:
            texts.append(text)
    return [Problem(*source.where(path), say_path(path), "; or: ".join(texts)) for (path, _), texts in found.items()]


def say_path(path: KeyPath) -> str:
    """``servers.onprem.transport[2]``."""
    return ".".join(str(key) if not isinstance(key, int) else f"[{key}]" for key in path).replace(".[", "[")


def shown(value: object) -> str:
    """A value as it was written, shortened."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."


def _in_words(item: ErrorDetails, source: Source) -> tuple[KeyPath, str]:
    loc, kind, given, context = item["loc"], item["type"], item.get("input"), item.get("ctx", {})
    path = _written(loc, source.raw)
    if kind == "extra_forbidden":
        known = _keys_at(Scenario, loc[:-1])
        return path, "there is no such key" + (
            did_you_mean(str(loc[-1]), known) or f"; known here: {', '.join(known[:12])}"
        )
    if kind == "missing":
        hint = "; begin with 'coexsim: 1'" if loc == ("coexsim",) else ""
        what = f"item {loc[-1] + 1}" if isinstance(loc[-1], int) else repr(loc[-1])
        return path[:-1] if path and path[-1] == loc[-1] else path, f"{what} is missing{hint}"
    if kind == "union_tag_invalid":
        tag = str(context.get("tag", given))
        return (*path, "kind"), f"{tag!r} is no kind of server{did_you_mean(tag, KINDS)}; one of {', '.join(KINDS)}"
    if kind == "union_tag_not_found":
        return path, f"a server says its kind, for example 'kind: {KINDS[0]}'; one of {', '.join(KINDS)}"
    if kind == "literal_error":
        expected = str(context.get("expected", ""))
        close = did_you_mean(str(given), re.findall(r"'([^']*)'", expected))
        return path, f"{shown(given)} is not one of {expected}{close}"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return path, f"expected keys with values, found {shown(given)}"
    if kind == "tuple_type":
        return path, f"expected a list, found {shown(given)}"
    text = item["msg"].removeprefix("Value error, ")
    if kind == "string_pattern_mismatch":
        text = f"expected {_LIKE[str(context.get('pattern'))]}"
    elif kind in _EXPECTED:
        text = f"expected {_EXPECTED[kind].format_map(context)}"
    if kind == "value_error" or isinstance(given, (dict, list)):
        return path, text
    quotes = f"; write it in quotes: '{given}'" if kind == "string_type" and type(given) in (int, float) else ""
    return path, f"{text}; found {shown(given)}{quotes}"


def _written(loc: KeyPath, raw: Any) -> KeyPath:
    """`loc` without the union tags that pydantic puts in: only the keys that stand in the file (and one that is missing)."""
    path: list[str | int] = []
    here = raw
    for position, key in enumerate(loc):
        if (
            key in here
            if isinstance(here, dict)
            else isinstance(here, list) and isinstance(key, int) and key < len(here)
        ):
            here = here[key]
        elif position < len(loc) - 1:
            continue
        elif isinstance(key, str) and isinstance(here, dict) and re.fullmatch(r"\w+", key):
            pass
        else:
            continue
        path.append(key)
    return tuple(path)


def _keys_at(model: Any, loc: KeyPath) -> list[str]:
    """The keys that the model at `loc` knows, following pydantic's own path with its union tags."""
    here: list[Any] = [model]
    for key in loc:
        here = [inner for kind in here for inner in _inside(kind, key)] or here
    return sorted(
        {field.alias or name for kind in here if _is_model(kind) for name, field in kind.model_fields.items()}
    )


def _inside(kind: Any, key: str | int) -> Iterator[Any]:
    if _is_model(kind):
        field = next((f for n, f in kind.model_fields.items() if key in (n, f.alias)), None)
        if field is not None:
            yield from _models(field.annotation)
        elif "kind" in kind.model_fields and key in get_args(kind.model_fields["kind"].annotation):
            yield kind
    elif isinstance(kind, tuple):
        yield from kind


def _models(annotation: Any) -> Iterator[Any]:
    """The model classes inside an annotation; a container is a tuple of what it holds, entered by the next key."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType) or str(origin) == "typing.Annotated" or hasattr(annotation, "__metadata__"):
        for part in get_args(annotation):
            yield from _models(part)
    elif origin in (tuple, dict, list):
        yield tuple(model for part in get_args(annotation) for model in _models(part))
    elif _is_model(annotation):
        yield annotation


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
