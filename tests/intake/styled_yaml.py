"""The same data as YAML in the many ways in which people and programs write it, with comments that can be found again."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from coexsim.intake.configs.yaml_text import scalar
from coexsim.scenario.plain import parse

OWN = "own-words-"
"""How a comment of the writer begins; a number follows."""


def styled(data: dict[str, Any], rnd: random.Random) -> str:
    """A text that is read as `data`: block and flow style, quotes, anchors, comments, line ends and document marks at random."""
    text = _Writer(rnd).text(data)
    assert parse(text, "styled")[0] == data, text
    return text


class _Writer:
    def __init__(self, rnd: random.Random) -> None:
        self._rnd = rnd
        self._count = 0
        self._anchors: dict[str, str] = {}
        self._aliases = rnd.random() < 0.3

    def text(self, data: dict[str, Any]) -> str:
        rnd = self._rnd
        lines = list(self._block(data, rnd.choice((0, 0, 0, 2))))
        head = rnd.choice(([], [], ["---"], ["# first", "--- # begins"], ["%YAML 1.2", "---"], [""]))
        tail = rnd.choice(([], [], [], ["..."], ["", ""], ["# last"], ["... # ends"], ["  # last"]))
        end = rnd.choice(("\n", "\n", "\n", "\r\n"))
        text = end.join([*head, *lines, *tail]) + rnd.choice((end, end, ""))
        return ("\ufeff" if rnd.random() < 0.05 else "") + text

    def _comment(self) -> str:
        self._count += 1
        return f"{self._rnd.choice(('  ', ' ', '      '))}# {OWN}{self._count}."

    def _maybe(self, share: float = 0.15) -> str:
        return self._comment() if self._rnd.random() < share else ""

    def _between(self, indent: int) -> Iterator[str]:
        if self._rnd.random() < 0.08:
            yield " " * self._rnd.choice((indent, 0)) + self._comment().lstrip()
        if self._rnd.random() < 0.05:
            yield ""

    def _block(self, data: dict[str, Any], indent: int) -> Iterator[str]:
        for key, value in data.items():
            yield from self._between(indent)
            if self._rnd.random() < 0.02:
                yield f"{' ' * indent}? {self._word(key)}"
                yield from self._value(f"{' ' * indent}:", value, indent)
            else:
                yield from self._value(
                    f"{' ' * indent}{self._word(key)}{self._rnd.choice(('', '', '', ' '))}:", value, indent
                )

    def _value(self, head: str, value: Any, indent: int) -> Iterator[str]:
        rnd = self._rnd
        if isinstance(value, str) and "\n" in value and rnd.random() < 0.7 and _block_fits(value):
            chomp = "" if value.endswith("\n") else "-"
            step = rnd.choice((1, 2, 4))
            yield f"{head} |{chomp}{self._maybe()}"
            yield from (" " * (indent + step) + line if line else "" for line in value.removesuffix("\n").split("\n"))
        elif isinstance(value, dict) and value and rnd.random() < 0.65:
            yield f"{head}{self._maybe()}"
            yield from self._block(value, indent + rnd.choice((1, 2, 2, 2, 4)))
        elif isinstance(value, list) and value and rnd.random() < 0.5:
            yield f"{head}{self._maybe()}"
            deeper = " " * (indent + rnd.choice((0, 2)))
            for item in value:
                yield f"{deeper}- {self._flow(item, indent)}{self._maybe()}"
        else:
            alias = self._alias(value)
            yield f"{head} {alias or self._flow(value, indent)}{self._maybe()}{rnd.choice(('', '', '', ' '))}"

    def _alias(self, value: Any) -> str:
        if not self._aliases or not isinstance(value, (dict, list)) or not value:
            return ""
        said = json.dumps(value)
        if said in self._anchors:
            return f"*{self._anchors[said]}"
        self._anchors[said] = f"a{len(self._anchors)}"
        return f"&{self._anchors[said]} {self._flow(value, 0)}"

    def _flow(self, value: Any, indent: int) -> str:
        if not isinstance(value, (dict, list)):
            return self._word(value)
        rnd = self._rnd
        inner = [self._flow(one, indent) for one in (value.values() if isinstance(value, dict) else value)]
        if isinstance(value, dict):
            inner = [f"{self._word(key)}: {said}" for key, said in zip(value, inner, strict=True)]
        if rnd.random() < 0.1 and inner:  # a mapping or list over several lines
            between = f",{self._maybe(0.3)}\n{' ' * (indent + 4)}"
            body = f"\n{' ' * (indent + 4)}{between.join(inner)}{rnd.choice(('', ','))}\n{' ' * (indent + 2)}"
        else:
            body = ", ".join(inner) + ("," if inner and rnd.random() < 0.05 else "")
            body = f" {body} " if rnd.random() < 0.1 else body
        return "{" + body + "}" if isinstance(value, dict) else f"[{body}]"

    def _word(self, value: Any) -> str:
        if not isinstance(value, str):
            return scalar(value)
        way = self._rnd.random()
        if way < 0.1:
            return json.dumps(value)
        if way < 0.2 and value.isprintable():
            return "'" + value.replace("'", "''") + "'"
        return scalar(value)


def _block_fits(text: str) -> bool:
    """Can it stand below ``|``: its first line is not indented, and it has no characters that only quotes can hold."""
    lines = text.split("\n")
    return (
        not text.endswith("\n\n")
        and bool(lines[0])
        and not lines[0].startswith(" ")
        and all(line.isprintable() and line == line.rstrip() for line in lines)
    )
