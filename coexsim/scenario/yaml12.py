"""YAML 1.2, six times as fast where it can be: by PyYAML's parser in C, with the words of YAML 1.2 (yes and 12:30 are text, 010 is ten).

What that parser, of YAML 1.1, does not take or would take otherwise is for ruamel.yaml to decide, which is of YAML 1.2 and in Python: it
reads it, or says what is wrong.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import ScalarNode
from yaml.resolver import BaseResolver

TAG = "tag:yaml.org,2002:"
_FLOAT = (
    r"[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?"
    r"|\.(inf|Inf|INF))|\.(nan|NaN|NAN)"
)
_WORDS = {  # YAML 1.2.2 section 10.3.2, and _ between digits; then the characters that such a word may begin with
    "bool": (r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    "null": (r"~|null|Null|NULL|", [*"~nN", ""]),
    "int": (r"[-+]?(0b[01][01_]*|0o[0-7][0-7_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|[0-9][0-9_]*)", [*"-+0123456789"]),
    "float": (_FLOAT, [*"-+0123456789."]),
    "merge": (r"<<", ["<"]),
}
_OTHERWISE = re.compile(r"[\[{,]\s*\?\S|[\x85\u2028\u2029]")  # a word that begins with ?, what ended a line in YAML 1.1
_BASES = {"0b": 2, "0o": 8, "0x": 16}
_WRONG = (ValueError, TypeError, AttributeError, LookupError, AssertionError, NotImplementedError)  # of its own parser


class NotYamlError(Exception):
    """A text that cannot be read: at which line, and why."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(line, why)
        self.line, self.why = line, why


class _Words(BaseResolver):
    """Which plain words are more than text."""


class _Values(SafeConstructor):
    """What they stand for."""

    def text(self, node: ScalarNode) -> str:
        """``<<``, where it is not a key."""
        return str(self.construct_scalar(node))

    def whole_number(self, node: ScalarNode) -> int:
        """A number in any base; one that begins with 0 is decimal all the same."""
        text = str(self.construct_scalar(node)).replace("_", "").lower()
        return int(text, _BASES.get(text.lstrip("+-")[:2], 10))


for _word, (_pattern, _begins) in _WORDS.items():
    _Words.add_implicit_resolver(TAG + _word, re.compile(f"(?:{_pattern})$"), _begins)
_Values.add_constructor(TAG + "merge", _Values.text)  # type: ignore[type-var]
_Values.add_constructor(TAG + "int", _Values.whole_number)  # type: ignore[type-var]


if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    class _Loader(CParser, _Values, _Words):
        """As PyYAML's CSafeLoader, with these words."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            _Values.__init__(self)
            _Words.__init__(self)


def compose(text: str) -> tuple[Any, Callable[[Any], Any]]:
    """The tree of nodes of the one document in `text` (None if it is empty), and what makes the value of a scalar node.

    Nodes have ``id``, ``tag``, ``value`` and ``start_mark``. Raises `NotYamlError`; making a value raises `ValueError`.
    """
    return _in_c(text) or _in_python(text)


def _in_c(text: str) -> tuple[Any, Callable[[Any], Any]] | None:
    """As `compose`; None if it cannot be read so."""
    if not yaml.__with_libyaml__ or _OTHERWISE.search(text):
        return None
    try:
        loader = _Loader(text)
        return loader.get_single_node(), _value_of(loader.construct_object, yaml.MarkedYAMLError)
    except (yaml.YAMLError, RecursionError):
        return None


def _in_python(text: str) -> tuple[Any, Callable[[Any], Any]]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    reader = YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():  # an anchor used twice is allowed
            warnings.simplefilter("ignore")
            tree = reader.compose(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        hint = "; indent with spaces, not tabs" if "'\\t'" in str(error.problem) else ""
        raise NotYamlError(line, f"{error.problem or error.context}{hint}") from None
    except ReaderError as error:
        raise NotYamlError(text[: error.position].count("\n") + 1, str(error).splitlines()[0]) from None
    except YAMLError as error:
        raise NotYamlError(1, str(error).splitlines()[0]) from None
    except RecursionError:
        raise NotYamlError(1, "it is nested too deeply") from None
    except _WRONG as error:
        raise NotYamlError(1, str(error)) from None
    return tree, _value_of(reader.constructor.construct_object, MarkedYAMLError)


def _value_of(construct: Callable[[Any], Any], marked: type[Exception]) -> Callable[[Any], Any]:
    def value_of(node: Any) -> Any:
        try:
            return construct(node)
        except marked as error:
            raise ValueError(str(getattr(error, "problem", error))) from None
        except _WRONG as error:
            raise ValueError(str(error)) from None

    return value_of
