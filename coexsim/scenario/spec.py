"""The classes a scenario is made of: frozen parts, whose annotations say how what is written is read.

Our own, as the libraries that do this (pydantic first among them) take longer to import than a trace may take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self, dataclass_transform

from coexsim.errors import CoexsimError, did_you_mean
from coexsim.scenario.values import Fault, Limits, Path, Reader, reader_of, shown

MOST_KEYS_TOLD = 12
_REQUIRED: Any = ...


class PartError(CoexsimError, ValueError):
    """A part of a scenario that cannot be made of what was given; `faults` has everything that is wrong."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(f"{'.'.join(map(str, fault.path))}: {fault.text}" for fault in self.faults)


class Field:
    """A key of a part: its type, how it is written, and what it is when it is left out."""

    __slots__ = ("_read", "default", "default_factory", "description", "key", "limits", "name", "type")

    def __init__(
        self, default: Any, default_factory: Callable[[], Any] | None = None, key: str | None = None, description: str = "",
        limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self.default, self.default_factory = default, default_factory
        self.description, self.limits = description, limits
        self.name = self.key = key or ""
        self.type: Any = None
        self._read: Reader | None = None

    def called(self, name: str, annotation: Any) -> Field:
        """The same, as the key of this name and type."""
        if isinstance(annotation, str):
            raise TypeError(
                f"{name}: {annotation!r} is text; a module with parts has no 'from __future__ import annotations'"
            )
        self.name, self.key, self.type = name, self.key or name, annotation
        return self

    @property
    def required(self) -> bool:
        """Must it be written."""
        return self.default is _REQUIRED and self.default_factory is None

    def left_out(self) -> Any:
        """Its value when it is not written."""
        return self.default_factory() if self.default_factory else self.default

    def read(self, value: object, path: Path, faults: list[Fault]) -> Any:
        """The value of what is written. The reader is made when it is first needed: most keys of most products never are."""
        if self._read is None:
            read = reader_of(self.type)
            self._read = self.limits.around(read) if self.limits else read
        return self._read(value, path, faults)


def field(
    *, default: Any = _REQUIRED, default_factory: Callable[[], Any] | None = None, key: str | None = None, description: str = "",
    ge: float | None = None, gt: float | None = None, le: float | None = None, lt: float | None = None,
) -> Any:  # fmt: skip
    """Say more of an attribute than its type and default.

    `key`: its word in the file, where Python takes that word itself; `ge`, `gt`, `le`, `lt`: its limits, in the unit of the attribute;
    `description`: what it means, with unit and source. Without `default` and `default_factory` it must be written.
    """
    limits = Limits(ge, gt, le, lt)
    return Field(default, default_factory, key, description, None if limits == Limits() else limits)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
class Spec:
    """A part of a scenario: frozen, comparable, picklable, and with no key that it does not know.

    Keys are the annotated attributes, those of the base class first. They are written in the file as `field` says, or by their name.
    """

    fields: ClassVar[Mapping[str, Field]] = {}

    def __init_subclass__(cls) -> None:
        own = {}
        for name, annotation in cls.__annotations__.items():
            said = cls.__dict__.get(name, _REQUIRED)
            own[name] = (said if isinstance(said, Field) else Field(said)).called(name, annotation)
            if name in cls.__dict__:
                delattr(cls, name)
        cls.fields = {**cls.fields, **own}

    def __init__(self, **values: Any) -> None:
        """Of values as the attributes have them: seconds, bytes. Raises TypeError for names, ValueError for what does not go together."""
        unknown = values.keys() - self.fields.keys()
        missing = {name for name, each in self.fields.items() if each.required} - values.keys()
        if unknown or missing:
            raise TypeError(f"{type(self).__name__}: unknown {sorted(unknown)}, missing {sorted(missing)}")
        self.__dict__.update(
            {name: values[name] if name in values else each.left_out() for name, each in self.fields.items()}
        )
        self._check()

    @classmethod
    def from_data(cls, value: object) -> Self:
        """Of data as a file has it. Raises `PartError`, with everything that is wrong."""
        faults: list[Fault] = []
        made = cls.read(value, (), faults)
        if made is None:
            raise PartError(faults)
        return made

    @classmethod
    def read(cls, value: Any, path: Path, faults: list[Fault]) -> Self | None:
        """As `from_data`, for a part that stands at `path`; what is wrong is added to `faults`."""
        if isinstance(value, cls):
            return value
        before = len(faults)
        try:
            value = cls._long_form(value)
            said = cls._read_keys(value, path, faults)
            if len(faults) > before:
                return None
            made = cls.__new__(cls)
            made.__dict__.update(said)
            made._check()
        except ValueError as error:
            faults.append(Fault(path, str(error)))
            return None
        return made

    @classmethod
    def _read_keys(cls, value: object, path: Path, faults: list[Fault]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"expected keys with values, found {shown(value)}")
        said: dict[str, Any] = {}
        written = 0
        for name, each in cls.fields.items():
            key = each.key if each.key in value else name
            if key in value:
                said[name] = each.read(value[key], (*path, key), faults)
                written += 1
            elif each.required:
                faults.append(Fault((*path, each.key), f"{each.key!r} is missing", missing=True))
            else:
                said[name] = each.left_out()
        if written < len(value):
            faults += cls._unknown_keys(value, path)
        return said

    @classmethod
    def _unknown_keys(cls, value: dict[Any, object], path: Path) -> list[Fault]:
        known = sorted(each.key for each in cls.fields.values())
        taken = {each.key if each.key in value else each.name for each in cls.fields.values()}
        rest = f"; known here: {', '.join(known[:MOST_KEYS_TOLD])}"
        return [
            Fault((*path, key), "there is no such key" + (did_you_mean(str(key), known) or rest))
            for key in value
            if key not in taken
        ]

    @classmethod
    def _long_form(cls, value: object) -> object:
        """What a short way of writing a part stands for; anything else as it is. Raises ValueError."""
        return value

    def _check(self) -> None:
        """What must hold between the keys of a part. Raises ValueError."""

    def replaced(self, **changes: Any) -> Self:
        """The same with other values, which are taken as they are."""
        unknown = changes.keys() - self.fields.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__}: unknown {sorted(unknown)}")
        made = self.__new__(type(self))
        made.__dict__.update(self.__dict__ | changes)
        return made

    def to_data(self) -> dict[str, Any]:
        """Plain data: all values by the names of their keys, parts within it too."""
        return {name: _plain(getattr(self, name)) for name in self.fields}

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen; 'replaced' makes another with other values")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.fields)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.fields)})"


def _plain(value: object) -> Any:
    if isinstance(value, Spec):
        return value.to_data()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
