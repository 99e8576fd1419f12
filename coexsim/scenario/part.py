"""The base class of the parts a scenario is made of: frozen pydantic models that know no other keys than their own."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema

from coexsim.errors import CoexsimError
from coexsim.scenario.faults import Fault, faults_of


class PartError(CoexsimError, ValueError):
    """A part of a scenario that cannot be made of what was given; `faults` has everything that is wrong."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(f"{'.'.join(map(str, fault.path))}: {fault.text}" for fault in self.faults)


class Spec(BaseModel):
    """A part of a scenario: frozen, comparable, picklable, and with no key that it does not know.

    A field is written in the file by its alias, where it has one. What must hold between fields is an ``after`` validator of the model,
    a short way of writing it a ``before`` validator; both raise ValueError with the words that the user reads.
    """

    short_form: ClassVar[dict[str, Any] | None] = None
    """The JSON Schema of a short way of writing it, if there is one."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The JSON Schema, for pydantic: with the short way of writing it beside the long one."""
        schema = handler(core)
        if cls.short_form is not None:
            own = handler.resolve_ref_schema(schema)
            long_form = dict(own)
            own.clear()
            own["anyOf"] = [cls.short_form, long_form]
        return schema

    @classmethod
    def from_data(cls, value: object) -> Self:
        """Of data as a file has it: ``{"round_trip": "40 ms"}``. Raises `PartError`, with everything that is wrong."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise PartError(faults_of(cls, value, error)) from None

    def replaced(self, **changes: Any) -> Self:
        """The same with other values, which are taken as they are: seconds, bytes. Raises TypeError for unknown names."""
        unknown = changes.keys() - type(self).model_fields.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__}: unknown {sorted(unknown)}")
        return self.model_copy(update=changes)

    def to_data(self) -> dict[str, Any]:
        """Plain data: all values by the names of their fields, parts within it too."""
        data: dict[str, Any] = _plain(self.model_dump())
        return data


def _plain(value: object) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value
