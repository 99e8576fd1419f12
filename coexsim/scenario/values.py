"""How a value of a scenario is read by the type of its key, with everything that is wrong told at once.

A reader takes a value, where it stands, and the list of faults; it adds to that list what is wrong, or gives what it read. Readers
are made from annotations: ``int``, ``tuple[str, ...]``, ``Annotated[float, Before(units.duration_s)]``, ``Work | None``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import inf
from sys import float_info
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from coexsim.errors import did_you_mean

Path = tuple[str | int, ...]
"""The keys and places in lists, from the top of the file, that lead to a value."""
LONGEST_SHOWN = 60  # characters of a value that is told
LARGEST_INT = 2**63  # the columns of the tables hold less
WORDS = {"true": True, "yes": True, "on": True, "y": True, "t": True, "1": True,
         "false": False, "no": False, "off": False, "n": False, "f": False, "0": False}  # fmt: skip


class Fault(NamedTuple):
    """One thing wrong: at which key, and what; `missing`: the key itself is not there."""

    path: Path
    text: str
    missing: bool = False


Reader = Callable[[Any, Path, list[Fault]], Any]


class Before(NamedTuple):
    """Mark of a type: the value is first put through `convert`, whose ValueError says what is wrong."""

    convert: Callable[[Any], object]

    def around(self, read: Reader) -> Reader:
        """`read`, with the conversion before it."""

        def converted(value: Any, path: Path, faults: list[Fault]) -> Any:
            try:
                value = self.convert(value)
            except ValueError as error:
                faults.append(Fault(path, str(error)))
                return None
            return read(value, path, faults)

        return converted


class After(NamedTuple):
    """Mark of a type: what was read is looked at by `check`, whose ValueError says what is wrong."""

    check: Callable[[Any], None]

    def around(self, read: Reader) -> Reader:
        """`read`, with the check after it."""

        def checked(value: Any, path: Path, faults: list[Fault]) -> Any:
            before = len(faults)
            found = read(value, path, faults)
            if len(faults) == before:
                try:
                    self.check(found)
                except ValueError as error:
                    faults.append(Fault(path, str(error)))
            return found

        return checked


class Like(NamedTuple):
    """Mark of a text: all of it matches `pattern`; `what` says so in words."""

    pattern: str
    what: str

    def around(self, read: Reader) -> Reader:
        """`read`, with the pattern after it."""
        matches = re.compile(self.pattern).fullmatch

        def checked(value: Any, path: Path, faults: list[Fault]) -> Any:
            before = len(faults)
            found = read(value, path, faults)
            if len(faults) == before and not matches(found):
                faults.append(Fault(path, _expected(self.what, value)))
            return found

        return checked


class Limits(NamedTuple):
    """Mark of a number: what it may be. None, where the type allows it, is not looked at."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    def around(self, read: Reader) -> Reader:
        """`read`, with the limits after it."""
        ge, gt, le, lt = self

        def limited(value: Any, path: Path, faults: list[Fault]) -> Any:
            before = len(faults)
            found = read(value, path, faults)
            if found is None or len(faults) > before:
                return found
            if ge is not None and not found >= ge:
                faults.append(Fault(path, _expected(f"{ge:g} or more", value)))
            elif gt is not None and not found > gt:
                faults.append(Fault(path, _expected(f"more than {gt:g}", value)))
            elif le is not None and not found <= le:
                faults.append(Fault(path, _expected(f"{le:g} at the most", value)))
            elif lt is not None and not found < lt:
                faults.append(Fault(path, _expected(f"less than {lt:g}", value)))
            return found

        return limited


def reader_of(annotation: Any) -> Reader:
    """The reader of a type: a plain one, a literal, a union, a tuple, a dict, another part of a scenario, or any of them marked."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        read = reader_of(parts[0])
        for mark in parts[1:]:
            read = mark.around(read)
        return read
    if origin is Literal:
        return _one_of(parts)
    if origin in (Union, UnionType):
        return _union(parts)
    if origin is tuple:
        return _sequence(reader_of(parts[0])) if parts[1:] == (...,) else _items([reader_of(part) for part in parts])
    if origin is dict:
        return _table(*map(reader_of, parts))
    if hasattr(annotation, "read"):
        part: Reader = annotation.read
        return part
    return _PLAIN.get(annotation) or _made_before(annotation)


def shown(value: object) -> str:
    """A value as it was written, shortened."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."


def _expected(what: str, value: object) -> str:
    return f"expected {what}" + ("" if isinstance(value, (dict, list)) else f"; found {shown(value)}")


def _float(value: Any, path: Path, faults: list[Fault]) -> float:
    number = _number(value, "a number", path, faults)
    if abs(number) > float_info.max:
        faults.append(Fault(path, _expected("a smaller number", value)))
        return 0.0
    return float(number)


def _int(value: Any, path: Path, faults: list[Fault]) -> int:
    number = _number(value, "a whole number", path, faults)
    if number != int(number):
        faults.append(Fault(path, _expected("a whole number", value)))
    elif abs(number) >= LARGEST_INT:
        faults.append(Fault(path, _expected("a smaller number", value)))
    return int(number)


def _number(value: object, what: str, path: Path, faults: list[Fault]) -> int | float:
    """A number with an end, also one in quotes; 0 with a fault if it is none."""
    number = _unquoted(value) if isinstance(value, str) else value
    if not isinstance(number, (int, float)) or isinstance(number, bool):
        faults.append(Fault(path, _expected(what, value)))
    elif not abs(number) < inf:
        faults.append(Fault(path, _expected("a number with an end", value)))
    else:
        return number
    return 0


def _unquoted(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def _bool(value: Any, path: Path, faults: list[Fault]) -> bool:
    if isinstance(value, bool):
        return value
    known = WORDS.get(str(value).casefold()) if isinstance(value, (str, int)) else None
    if known is None:
        faults.append(Fault(path, _expected("true or false", value)))
    return bool(known)


def _str(value: Any, path: Path, faults: list[Fault]) -> str:
    if isinstance(value, str):
        return str(value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    quotes = f"; write it in quotes: '{value}'" if number else ""
    faults.append(Fault(path, _expected("text", value) + quotes))
    return ""


_PLAIN: dict[Any, Reader] = {float: _float, int: _int, bool: _bool, str: _str}


def _made_before(kind: type) -> Reader:
    """Of a type that only a conversion before it makes, such as `Moment`."""

    def read(value: Any, _path: Path, _faults: list[Fault]) -> Any:
        assert isinstance(value, kind), f"{kind.__name__} has no reader"
        return value

    return read


def _one_of(options: Sequence[Any]) -> Reader:
    def read(value: Any, path: Path, faults: list[Fault]) -> Any:
        for option in options:
            if value == option and isinstance(value, type(option)) and not isinstance(value, bool):
                return option
        words = [repr(option) for option in options]
        listed = " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
        close = did_you_mean(str(value), [option for option in options if isinstance(option, str)])
        faults.append(Fault(path, f"{shown(value)} is not one of {listed}{close}"))
        return None

    return read


def _union(parts: Sequence[Any]) -> Reader:
    """The first type that takes the value; what is wrong by each, if none does. Parts of several kinds are told apart by their kind."""
    kinds = {get_args(part.fields["kind"].type)[0]: part for part in parts if "kind" in getattr(part, "fields", ())}
    others = [reader_of(part) for part in parts if part is not NoneType and part not in kinds.values()]
    readers = [_by_kind(kinds), *others] if kinds else others

    def read(value: Any, path: Path, faults: list[Fault]) -> Any:
        if value is None and NoneType in parts:
            return None
        wrong: list[Fault] = []
        for each in readers:
            own: list[Fault] = []
            found = each(value, path, own)
            if not own:
                return found
            wrong += own
        faults.extend(wrong)
        return None

    return read


def _by_kind(kinds: dict[str, Any]) -> Reader:
    names = ", ".join(kinds)

    def read(value: Any, path: Path, faults: list[Fault]) -> Any:
        if not isinstance(value, dict):
            kind = getattr(value, "kind", None)
        elif (kind := value.get("kind")) is None:
            text = f"a server says its kind, for example 'kind: {next(iter(kinds))}'; one of {names}"
            faults.append(Fault(path, text))
            return None
        if kind is None:
            faults.append(Fault(path, f"expected keys with values, found {shown(value)}"))
            return None
        if not isinstance(kind, str) or kind not in kinds:
            text = f"{str(kind)!r} is no kind of server{did_you_mean(str(kind), list(kinds))}; one of {names}"
            faults.append(Fault((*path, "kind"), text))
            return None
        return kinds[kind].read(value, path, faults)

    return read


def _sequence(each: Reader) -> Reader:
    def read(value: Any, path: Path, faults: list[Fault]) -> Any:
        if not isinstance(value, (list, tuple)):
            faults.append(Fault(path, f"expected a list, found {shown(value)}"))
            return None
        return tuple(each(item, (*path, index), faults) for index, item in enumerate(value))

    return read


def _items(readers: Sequence[Reader]) -> Reader:
    """Of a tuple of a known length."""

    def read(value: Any, path: Path, faults: list[Fault]) -> Any:
        if not isinstance(value, (list, tuple)):
            faults.append(Fault(path, f"expected a list, found {shown(value)}"))
            return None
        if len(value) > len(readers):
            faults.append(Fault(path, f"expected {len(readers)} items at the most"))
            return None
        found = tuple(
            each(item, (*path, index), faults) for index, (each, item) in enumerate(zip(readers, value, strict=False))
        )
        faults += [
            Fault((*path, index), f"item {index + 1} is missing", True) for index in range(len(value), len(readers))
        ]
        return found

    return read


def _table(key_of: Reader, value_of: Reader) -> Reader:
    def read(value: Any, path: Path, faults: list[Fault]) -> Any:
        if not isinstance(value, dict):
            faults.append(Fault(path, f"expected keys with values, found {shown(value)}"))
            return None
        return {key_of(key, (*path, key), faults): value_of(item, (*path, key), faults) for key, item in value.items()}

    return read
