"""How values stand in a scenario file: quantities in their units, and the words for types of keys."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from coexsim import units
from coexsim.scenario.quantities import Written

_DURATIONS = (("days", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3))
_SIZES = (("GB", 10**9), ("MB", 10**6), ("MiB", 2**20), ("KB", 10**3), ("bytes", 1))


def mark_of(annotation: Any, metadata: list[Any] | tuple[Any, ...] = ()) -> Written | None:
    """The mark of a type that is written in its own way, also inside ``X | None`` and lists."""
    own = next((mark for mark in metadata if isinstance(mark, Written)), None)
    if own is not None:
        return own
    if get_origin(annotation) is Annotated:
        return mark_of(get_args(annotation)[0], get_args(annotation)[1:])
    return next(filter(None, map(mark_of, _parts(annotation))), None) if _is_union(annotation) else None


def type_words(field: FieldInfo) -> str:
    """What may be written, in words."""
    words = _words(field.annotation, field.metadata)
    limits = [
        f"{text} {getattr(mark, key):,.10g}"
        for mark in field.metadata
        for key, text in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than"))
        if hasattr(mark, key)
    ]
    return words + (f" ({', '.join(limits)})" if limits and "number" in words else "")


def unit_of(field: FieldInfo) -> str:
    """The unit that the value has inside coexsim; empty for what has none."""
    mark = mark_of(field.annotation, field.metadata)
    return mark.unit if mark and mark.unit != "1" else ""


def value_text(value: Any, unit: str = "") -> str:
    """A value as a file would have it; `unit` is the one that it has inside coexsim."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, units.Moment):
        return units.say_time(0.0, value) if not value.after_start else units.say_duration(value.second)
    if isinstance(value, (int, float)) and unit == "s":
        return _scaled(value, _DURATIONS)
    if isinstance(value, (int, float)) and unit == "bytes":
        return _scaled(value, _SIZES)
    if isinstance(value, (int, float)) and unit == "bytes/s":
        return units.say_bandwidth(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(value_text(each, unit) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {value_text(each, unit)}" for key, each in value.items()) + "}"
    return str(value)


def default_text(field: FieldInfo) -> str:
    """What holds when the key is not written."""
    if field.is_required():
        return "must be written"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ((), {}, "") or isinstance(value, BaseModel):
        return "left out"
    return value_text(value, unit_of(field))


def example_text(field: FieldInfo) -> str:
    """Something that could be written."""
    return _example_text(field, 3)


def _example_text(field: FieldInfo, depth: int) -> str:
    mark = mark_of(field.annotation, field.metadata)
    if field.examples:
        return _quoted(str(field.examples[0]).replace("'", '"'))
    return _quoted(mark.example if mark is not None else _example(field.annotation, depth, field))


def _quoted(text: str) -> str:
    """A word with a colon and a blank is text only in quotes."""
    return f'"{text}"' if ": " in text and text[0] not in '"[{' else text


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The parts that a key holds, one or several of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in _parts(annotation) for model in models_in(part)]


def is_table(annotation: Any) -> bool:
    """Is it a mapping of names that the planner chooses."""
    return get_origin(_bare(annotation)) is dict


def is_list(annotation: Any) -> bool:
    """Is it a list."""
    return get_origin(_bare(annotation)) is tuple


def _example_of(model: type[BaseModel], depth: int) -> str:
    """The keys of a part that must be written, or the first one."""
    if depth == 0:
        return "{...}"
    fields = [(field.alias or name, field) for name, field in model.model_fields.items()]
    shown = [each for each in fields if each[1].is_required()] or fields[:1]
    return "{" + ", ".join(f"{key}: {_example_text(field, depth - 1)}" for key, field in shown) + "}"


def _example(annotation: Any, depth: int, field: FieldInfo | None = None) -> str:
    bare = _bare(annotation)
    if get_origin(bare) is Literal:
        return str(get_args(bare)[-1])
    if models := models_in(bare):
        inner = _example_of(models[0], depth)
        return f"{{name: {inner}}}" if is_table(bare) else f"[{inner}]" if is_list(bare) else inner
    if is_table(bare):
        name, value = _parts(bare)
        return f"{{{_part_example(name, depth)}: {'value' if value is str else _part_example(value, depth)}}}"
    if is_list(bare):
        return "[" + ", ".join(_part_example(part, depth) for part in _parts(bare)) + "]"
    if bare in (int, float):
        default = field.default if field and isinstance(field.default, (int, float)) else 4
        return value_text(default)
    return "name"


def _part_example(part: Any, depth: int) -> str:
    """Of what a list or a table holds; some parts are written in their own way."""
    mark = mark_of(part)
    return mark.example if mark is not None else _example(part, depth)


def _words(annotation: Any, metadata: Any = ()) -> str:
    mark = next((mark for mark in metadata if isinstance(mark, Written)), None)
    if mark is not None:
        return f"{mark.what}, such as '{mark.example}'" if mark.what != "true or false" else mark.what
    origin, parts = get_origin(annotation), _parts(annotation)
    if origin is Annotated:
        return _words(get_args(annotation)[0], get_args(annotation)[1:])
    if origin is Literal:
        options = [str(option) for option in get_args(annotation)]
        return options[0] if len(options) == 1 else f"one of: {', '.join(options)}"
    if _is_union(annotation):
        models = [part for part in parts if models_in(part)]
        if len(models) == len(parts) and len(parts) > 1:
            return "keys, by `kind`"
        return ", or ".join(_words(part) for part in parts)
    if origin is tuple:
        return f"a list: {_words(parts[0])}" if parts else "a list"
    if origin is dict:
        return f"names, each with {_words(parts[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "keys with values"
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(annotation, "a value")


def _scaled(value: float, scales: tuple[tuple[str, float], ...]) -> str:
    for unit, scale in scales:
        if value and value % scale == 0:
            number = f"{value / scale:g}"
            return f"{number} {'day' if unit == 'days' and number == '1' else unit}"
    return f"{value:g} {scales[-2][0] if scales is _DURATIONS else scales[-1][0]}"


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType)


def _parts(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (None, Literal):
        return []
    parts = get_args(annotation)[:1] if get_origin(annotation) is Annotated else get_args(annotation)
    return [part for part in parts if part not in (NoneType, ...)]


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated or (_is_union(annotation) and len(_parts(annotation)) == 1):
        annotation = _parts(annotation)[0]
    return annotation
