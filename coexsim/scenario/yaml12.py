"""YAML 1.2 by PyYAML: read in C, ten times as fast as in Python, with the words of YAML 1.2 (yes, off and 12:30 are text, 010 is ten).

Where PyYAML was built without its part in C, its part in Python reads the same. What stays of YAML 1.1: the characters U+0085, U+2028
and U+2029 end a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml
from yaml.composer import Composer, ComposerError
from yaml.constructor import SafeConstructor
from yaml.nodes import Node, ScalarNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

TAG = "tag:yaml.org,2002:"
_FLOAT = (
    r"[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?"
    r"|\.(inf|Inf|INF))|\.(nan|NaN|NAN)"
)
_WORDS = {  # YAML 1.2.2 section 10.3.2, and _ between digits; then the characters that such a word may begin with
    "bool": (r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    "null": (r"~|null|Null|NULL|", [*"~nN", ""]),
    "int": (r"[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)", [*"-+0123456789"]),
    "float": (_FLOAT, [*"-+0123456789."]),
    "merge": (r"<<", ["<"]),
}
_BASES = {"0b": 2, "0o": 8, "0x": 16}


class _Words(BaseResolver):
    """Which plain words are more than text."""


class _Values(SafeConstructor):
    """What they stand for."""

    def whole_number(self, node: ScalarNode) -> int:
        """A number in any base; one that begins with 0 is decimal all the same."""
        text = str(self.construct_scalar(node)).replace("_", "").lower()
        return int(text, _BASES.get(text.lstrip("+-")[:2], 10))


for _word, (_pattern, _begins) in _WORDS.items():
    _Words.add_implicit_resolver(TAG + _word, re.compile(f"(?:{_pattern})$"), _begins)
_Values.add_constructor(TAG + "int", _Values.whole_number)  # type: ignore[type-var]


class _InPython(Reader, Scanner, Parser, Composer, _Values, _Words):
    """Takes an anchor that is used twice, too, as YAML 1.2 does."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        for part in (Scanner, Parser, Composer, _Values, _Words):
            part.__init__(self)

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """A node; an earlier one of its anchor's name is forgotten."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if not isinstance(event, yaml.AliasEvent):
            self.anchors.pop(getattr(event, "anchor", None), None)
        return super().compose_node(parent, index)


_quickest: Callable[[str], Any] = _InPython
if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    class _InC(CParser, _Values, _Words):
        """As `_InPython`, but for anchors that are used twice."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            _Values.__init__(self)
            _Words.__init__(self)

    _quickest = _InC


def compose(text: str) -> tuple[Node | None, Callable[..., Any]]:
    """The tree of nodes of the one document in `text` (None if it is empty), and what makes a scalar node's value.

    Raises `yaml.YAMLError`, as making a value does.
    """
    loader = _quickest(text)
    try:
        tree = loader.get_single_node()
    except ComposerError as error:
        if "duplicate anchor" not in str(error):
            raise
        loader = _InPython(text)
        tree = loader.get_single_node()
    return tree, loader.construct_object


def load(text: str) -> Any:
    """The document in `text` as plain data. Raises `yaml.YAMLError`."""
    tree, value_of = compose(text)
    return None if tree is None else value_of(tree, deep=True)
