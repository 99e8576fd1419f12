"""The JSON Schema of a scenario file, made from the models: for editors, and for whoever checks a file without coexsim."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from coexsim.scenario.model import Scenario
from coexsim.scenario.profiles import profiles_that_say

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SHIPPED = Path(__file__).with_name("coexsim.schema.json")
LIMITS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
OVER = "Over"  # ends the names of what is laid over another file: nothing is required, and null takes a key away
EXTENDS = {
    "description": "files whose keys this one is laid over; null takes a key away",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
}


def scenario_schema() -> dict[str, Any]:
    """The schema (draft 2020-12): of a whole scenario, or of one that `extends` another."""
    made = Scenario.model_json_schema(schema_generator=_WithoutDefaults)
    parts = made.pop("$defs")
    parts["Scenario"] = made
    parts = {name: _tidied(part) for name, part in parts.items()}
    merged = _reached_by_keys(parts, "Scenario")
    over = {name + OVER: _loosened(parts[name], merged) for name in merged}
    over["Scenario" + OVER]["properties"] = {"extends": EXTENDS} | over["Scenario" + OVER]["properties"]
    return {
        "$schema": DIALECT,
        "title": "coexsim scenario",
        "description": Scenario.__doc__,
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"$ref": f"#/$defs/Scenario{OVER}"},
        "else": {"$ref": "#/$defs/Scenario"},
        "$defs": dict(sorted((parts | over).items())),
    }


def schema_text() -> str:
    """The schema as the shipped file has it."""
    return json.dumps(scenario_schema(), indent=1, ensure_ascii=False) + "\n"


class _WithoutDefaults(GenerateJsonSchema):
    """Leaves defaults out: they are in base units (seconds, bytes), and no text that a file could have."""

    def default_schema(self, schema: Any) -> Any:
        """The schema of what has a default."""
        return self.generate_inner(schema["schema"])


def _tidied(node: Any, is_names: bool = False) -> Any:
    """Without pydantic's titles and OpenAPI's discriminator; limits and names of profiles in the words of JSON Schema."""
    if isinstance(node, list):
        return [_tidied(each) for each in node]
    if not isinstance(node, dict):
        return node
    if is_names:  # a mapping of names of keys to schemas, not a schema
        return {name: _tidied(each) for name, each in node.items()}
    if "x-profiles" in node:
        return {
            "enum": list(profiles_that_say(node["x-profiles"])),
            **{k: v for k, v in node.items() if k != "x-profiles"},
        }
    tidy: dict[str, Any] = {}
    for key, value in node.items():
        if key in ("title", "discriminator"):
            continue
        if key in LIMITS:
            if node.get("type") in ("integer", "number"):
                tidy[LIMITS[key]] = value
        elif key in ("pattern", "patternErrorMessage", "enum", "const", "examples", "required"):
            tidy[key] = value
        else:
            tidy[key] = _tidied(value, key in ("properties", "patternProperties"))
    return tidy


def _reached_by_keys(parts: dict[str, Any], top: str) -> set[str]:
    """The parts that keys alone lead to. A list is replaced as a whole, so what is in it is never laid over anything."""
    found: set[str] = set()
    todo = [top]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += _references(parts[name])
    return found


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for each in node for name in _references(each)]
    if not isinstance(node, dict):
        return []
    own = [_name(node["$ref"])] if "$ref" in node else []
    return own + [n for key, value in node.items() if key not in ("items", "prefixItems") for n in _references(value)]


def _name(reference: str) -> str:
    return reference.rsplit("/", 1)[-1]


def _loosened(node: Any, merged: set[str]) -> Any:
    """A part as it is written over another one."""
    if isinstance(node, list):
        return [_loosened(each, merged) for each in node]
    if not isinstance(node, dict):
        return node
    loose: dict[str, Any] = {}
    for key, value in node.items():
        if key == "required":
            continue
        if key == "$ref":
            name = _name(value)
            loose[key] = value + OVER if name in merged else value
        elif key == "properties":
            loose[key] = {name: _or_null(_loosened(each, merged)) for name, each in value.items()}
        elif key == "additionalProperties" and isinstance(value, dict):
            loose[key] = _or_null(_loosened(value, merged))
        elif key in ("items", "prefixItems"):
            loose[key] = copy.deepcopy(value)
        elif key == "oneOf":
            loose["anyOf"] = _loosened(value, merged)  # a server without its kind may be of several
        else:
            loose[key] = _loosened(value, merged)
    return loose


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {key: schema[key] for key in ("description", "examples") if key in schema}
    rest = {key: value for key, value in schema.items() if key not in about}
    return {**about, "anyOf": [rest, {"type": "null"}]}
