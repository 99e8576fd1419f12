"""YAML 1.2 by PyYAML: its parser, in C where it is there, with the words of YAML 1.2 (``yes`` and ``12:30`` are text, ``010`` is ten).

PyYAML itself is of YAML 1.1. What differs beyond the words is refused: line ends that YAML 1.2 does not have.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

import yaml

TAG = "tag:yaml.org,2002:"
LONGEST_NUMBER = 400  # characters; what is longer is no number that a scenario can mean
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
_LINE_ENDS_OF_1_1 = re.compile("[\x85\u2028\u2029]")
_BASES = {"0b": 2, "0o": 8, "0x": 16}


class NotYamlError(Exception):
    """A text that cannot be read: at which line, and why."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(line, why)
        self.line, self.why = line, why


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # a wheel of PyYAML has the parser in C
    """PyYAML's safe loader with these words."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _word, (_pattern, _begins) in _WORDS.items():
    _Loader.add_implicit_resolver(TAG + _word, re.compile(f"(?:{_pattern})$"), _begins)


def compose(text: str) -> Any:
    """The tree of nodes of the one document in `text`; None if it is empty. Raises `NotYamlError`.

    A node has ``id`` (scalar, sequence, mapping), ``tag``, ``value`` and ``start_mark`` (line and column from 0).
    """
    other = _LINE_ENDS_OF_1_1.search(text)
    if other:
        character = f"U+{ord(other.group()):04X}"
        raise NotYamlError(
            text[: other.start()].count("\n") + 1,
            f"the character {character} ends a line for some readers and not for others; take it out",
        )
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        raise NotYamlError(line + 1, _why(error) + _about_tabs(text, line)) from None
    except yaml.reader.ReaderError as error:
        before = text.encode("utf-8", "surrogatepass")[: error.position]
        raise NotYamlError(before.count(b"\n") + 1, str(error).splitlines()[0]) from None
    except UnicodeEncodeError as error:
        raise NotYamlError(text[: error.start].count("\n") + 1, "half of a surrogate pair is no character") from None
    except yaml.YAMLError as error:
        raise NotYamlError(1, str(error).splitlines()[0]) from None
    except RecursionError:
        raise NotYamlError(1, "it is nested too deeply") from None


def value_of(node: Any) -> Any:
    """The value of a scalar node. Raises ValueError for one that cannot be read, and for a tag that a scenario has no use for."""
    tag = node.tag.removeprefix(TAG)
    if tag not in _VALUES:
        raise ValueError(f"the tag {node.tag!r} is not one of a scenario")
    return _VALUES[tag](str(node.value))


def _why(error: yaml.MarkedYAMLError) -> str:
    context = error.context or ""
    if context.startswith("found duplicate anchor"):
        return "this anchor is given twice; give one of them another name"
    if context.startswith("expected a single document"):
        return "a second document begins here; a scenario is one"
    return error.problem or context


def _about_tabs(text: str, line: int) -> str:
    lines = text.split("\n")
    indented = re.match(r" *\t", lines[line]) if line < len(lines) else None
    return "; indent with spaces, not tabs" if indented else ""


def _int(text: str) -> int:
    """A number in any base; one that begins with 0 is decimal all the same."""
    digits = _short(text).replace("_", "").lower()
    return int(digits, _BASES.get(digits.lstrip("+-")[:2], 10))


def _float(text: str) -> float:
    digits = _short(text).replace("_", "").lower()
    return float(digits.replace(".inf", "inf").replace(".nan", "nan"))


def _short(text: str) -> str:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} characters")
    return text


def _bool(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


_VALUES: dict[str, Callable[[str], Any]] = {
    "str": str,
    "merge": str,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "null": lambda _: None,
}
