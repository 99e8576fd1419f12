"""Which keys a scenario has for a server of a kind: what it has none for is told as not modelled, not written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

from coexsim.intake.configs.found import Found, Where
from coexsim.intake.configs.yaml_text import flow, plain_of
from coexsim.scenario.servers import ServerBase


def leave_unsayable(found: Found, kinds: Mapping[str, str]) -> None:
    """Move keys of servers that their kind has not from the keys to what is not modelled. `kinds` are those of the scenario."""
    known = dict(kinds) | {key.path[1]: str(key.value) for key in found.keys if _is_kind(key.path)}
    fields = dict(_fields())
    kept = []
    for key in found.keys:
        own = fields.get(known.get(key.path[1], "")) if key.path[0] == "servers" and len(key.path) > 2 else None
        if own is None or key.path[2] in own:
            kept.append(key)
        else:
            meaning = "scenarios have no key for it yet; the answers are those without it"
            found.leave(key.path[2], flow(plain_of(key.value)), key.where or Where("import", 0), meaning)
    found.keys[:] = kept


def _is_kind(path: tuple[str, ...]) -> bool:
    return len(path) == 3 and path[0] == "servers" and path[2] == "kind"


def _fields() -> Iterator[tuple[str, frozenset[str]]]:
    """The keys of each kind of server."""
    for model in ServerBase.__subclasses__():
        kind = model.model_fields.get("kind")
        names = frozenset(field.alias or name for name, field in model.model_fields.items())
        for word in get_args(kind.annotation) if kind is not None else ():
            yield str(word), names
