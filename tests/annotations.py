"""What words a field of a scenario takes, read off its annotation."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints


def literals(spec: type, field: str) -> list[Any]:
    """The words of the `Literal` in the annotation of a field, in their order."""
    return list(_words(get_type_hints(spec)[field]))


def _words(hint: object) -> list[Any]:
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [word for part in get_args(hint) for word in _words(part)]
