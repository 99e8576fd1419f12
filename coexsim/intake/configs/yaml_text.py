"""Keys of a scenario as YAML text: each with a comment that says the file and line it came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from coexsim.intake.configs.found import FoundKey, Item, Where

STEP = "  "
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@+=-]*(?: [A-Za-z0-9_./@+=-]+)*")
_NOT_TEXT = re.compile(  # what YAML 1.1 or 1.2 would read as something else than text
    r"[-+.]?[0-9][-+0-9._:eExXoObBa-fA-F]*|[-+.][0-9.]*|(?:true|false|null|yes|no|on|off|y|n|~)|\.(?:inf|nan)",
    re.IGNORECASE,
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_LONGEST_SHOWN = 200


class Leaf(NamedTuple):
    """The value of a key, where it came from, and a remark."""

    value: Any
    where: Where | None = None
    note: str = ""


Tree = dict[str, Any]
"""Keys to leaves, or to trees of more keys."""


def tree_of(keys: Iterable[FoundKey]) -> Tree:
    """The keys as a tree; of two with one path the later one stands."""
    root: Tree = {}
    for key in keys:
        here = root
        for name in key.path[:-1]:
            below = here.get(name)
            if not isinstance(below, dict):
                below = here[name] = {}
            here = below
        here[key.path[-1]] = Leaf(key.value, key.where, key.note)
    return root


def plain_of(part: Any) -> Any:
    """A tree, or part of one, as plain data."""
    if isinstance(part, dict):
        return {name: plain_of(below) for name, below in part.items()}
    if isinstance(part, (Leaf, Item)):
        return plain_of(part.value)
    return [plain_of(one) for one in part] if isinstance(part, (list, tuple)) else part


def block(tree: Tree, indent: str = "") -> Iterator[str]:
    """The lines of a tree as a block mapping."""
    for name, part in tree.items():
        if isinstance(part, dict):
            yield f"{indent}{scalar(name)}:" + ("" if part else " {}")
            yield from block(part, indent + STEP)
        else:
            yield from entry(name, part, indent)


def entry(name: str, leaf: Leaf, indent: str) -> Iterator[str]:
    """The lines of one key with its value."""
    head, value, said = f"{indent}{scalar(name)}:", leaf.value, comment(leaf.where, leaf.note)
    if isinstance(value, str) and "\n" in value:
        yield f"{head} |{said}"
        yield from (f"{indent}{STEP}{line}".rstrip() for line in value.splitlines())
    elif isinstance(value, (list, tuple)) and any(isinstance(one, Item) for one in value):
        yield f"{head}{said}"
        yield from (f"{indent}{STEP}- {flow(one.value)}{comment(one.where)}" for one in value)
    else:
        yield f"{head} {flow(value)}{said}"


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Item):
        return flow(value.value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(name)}: {flow(one)}" for name, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A word, number, or text; in quotes where it would be read as something else."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and not _NOT_TEXT.fullmatch(text):
        return text
    return '"' + _UNPRINTABLE.sub(_escape, text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def comment(where: Where | None, note: str = "") -> str:
    """``  # main.cf:12; remark``, or nothing."""
    said = "; ".join(filter(None, (str(where) if where else "", note)))
    return f"  # {printable(said)}" if said else ""


def printable(text: str) -> str:
    """Text on one line: no control characters, no marks that turn the direction of writing, not too long."""
    text = _UNPRINTABLE.sub(_escape, text)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    if 0xD800 <= code <= 0xDFFF:  # half a character, which no encoding can write
        return "\\uFFFD"
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(
        found.group(), f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    )
