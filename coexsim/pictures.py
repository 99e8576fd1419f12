"""``results.plot.utilisation()``: pictures as methods of what they show, though they are drawn in a layer above it.

An object says under which name its pictures are known; the root package says where they are drawn, and nothing is imported before
somebody asks for one.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

homes: dict[str, str] = {}
"""Module and class of the pictures of each kind of object, as ``module:Class``."""


class Pictures:
    """The attribute ``plot`` of a class: the pictures of its objects."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __get__(self, shown: object, owner: type | None = None) -> Any:
        """The pictures of an object."""
        if shown is None:
            return self
        module, _, name = homes[self._kind].partition(":")
        return getattr(import_module(module), name)(shown)
