"""``$name`` in the values of main.cf, and what Postfix takes for parameters that are not set (postconf(5))."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from coexsim.intake.configs.found import Where
from coexsim.intake.configs.reading import fail

DEEPEST = 30  # $name inside $name
LONGEST_VALUE = 1 << 20  # characters that a value may grow to
UNSET = Where("postconf -d", 0)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Parameter(NamedTuple):
    """A parameter as it is written, and where."""

    value: str
    where: Where


class Expander:
    """Replaces names of parameters by their values; `asked` are the names that it met."""

    def __init__(self, settings: Mapping[str, Parameter]) -> None:
        self._settings = settings
        self.asked: set[str] = set()

    def expanded(self, text: str, where: Where) -> str:
        """A value with all ``$name`` in it replaced. Raises `InputError` where one is made of itself, or has no end."""
        return self._expanded(text, where, 0)

    def _expanded(self, text: str, where: Where, depth: int) -> str:
        if "$" not in text:
            return text
        if depth > DEEPEST:
            fail(where.file, where.line, "a parameter that is made of itself")
        done: list[str] = []
        at = size = 0
        while at < len(text):
            dollar = text.find("$", at)
            if dollar < 0:
                done.append(text[at:])
                break
            done.append(text[at:dollar])
            value, at = self._one(text, dollar + 1, where, depth)
            done.append(value)
            size += len(value)
            if size > LONGEST_VALUE:
                fail(where.file, where.line, "a value that grows without end")
        return "".join(done)

    def _one(self, text: str, at: int, where: Where, depth: int) -> tuple[str, int]:
        """What stands for ``$name``, ``${name}``, ``$(name)``, ``${name?a}``, ``${name:a}`` or ``${name?{a}:{b}}``, and where it ends."""
        if text[at : at + 1] == "$":
            return "$", at + 1
        if text[at : at + 1] in ("{", "("):
            end = closing(text, at)
            if end < 0:
                fail(where.file, where.line, f"no end to {text[at - 1 : at + 40]!r}")
            return self._condition(text[at + 1 : end].strip(), where, depth), end + 1
        name = _NAME.match(text, at)
        return (self._named(name[0], depth), name.end()) if name else ("$", at)

    def _named(self, name: str, depth: int) -> str:
        self.asked.add(name)
        setting = self._settings.get(name)
        if setting is not None:
            return self._expanded(setting.value, setting.where, depth + 1)
        if name == "mydomain" and "myhostname" in self._settings:
            return self._named("myhostname", depth + 1).partition(".")[2] or "localdomain"
        return self._expanded(DEFAULTS.get(name, ""), UNSET, depth + 1)

    def _condition(self, inside: str, where: Where, depth: int) -> str:
        name = _NAME.match(inside)
        if inside.startswith("{"):
            return self._comparison(inside, where, depth)
        if name is None:
            return ""
        rest = inside[name.end() :].lstrip()
        value = self._named(name[0], depth)
        if not rest:
            return value
        yes, no = _branches(rest[1:])
        if rest[0] == "?":
            return self._expanded(yes if value else no, where, depth + 1)
        return value or (self._expanded(yes, where, depth + 1) if rest[0] == ":" else "")

    def _comparison(self, inside: str, where: Where, depth: int) -> str:
        """``{a} == {b} ? {yes} : {no}``; texts are compared, numbers where both are, levels such as 3.6 with ``<level``."""
        end = closing(inside, 0)
        found = re.match(r"\s*(==|!=|<=|>=|<|>)(?:level)?\s*", inside[end + 1 :])
        second = end + 1 + found.end() if found else 0
        close = closing(inside, second) if found and inside[second : second + 1] == "{" else -1
        if end < 0 or found is None or close < 0:
            return ""
        one, other = (
            self._expanded(part.strip(), where, depth + 1) for part in (inside[1:end], inside[second + 1 : close])
        )
        left, right = (_level(one), _level(other)) if _level(one) and _level(other) else (one, other)
        held = {
            "==": left == right, "!=": left != right, "<=": left <= right,  # type: ignore[operator]
            ">=": left >= right, "<": left < right, ">": left > right,  # type: ignore[operator]
        }[found[1]]  # fmt: skip
        rest = inside[close + 1 :].lstrip()
        yes, no = _branches(rest[1:]) if rest.startswith("?") else ("true", "")
        return self._expanded(yes if held else no, where, depth + 1)


def _level(text: str) -> tuple[int, ...]:
    """A number, or numbers between dots; nothing where it is neither."""
    found = re.fullmatch(r"[0-9]{1,18}(?:\.[0-9]{1,9}){0,3}", text.strip())
    return tuple(map(int, text.split("."))) if found else ()


def closing(text: str, at: int) -> int:
    """Where the brace that opens at `at` closes; -1: nowhere."""
    pair = {"{": "}", "(": ")"}.get(text[at : at + 1])
    depth = 0
    for place in range(at, len(text)):
        if text[place] == text[at]:
            depth += 1
        elif text[place] == pair:
            depth -= 1
            if not depth:
                return place
    return -1


def _branches(text: str) -> tuple[str, str]:
    """``{yes}:{no}``, or plain text without an else."""
    text = text.strip()
    if not text.startswith("{"):
        return text, ""
    end = closing(text, 0)
    if end < 0:
        return text, ""
    rest = text[end + 1 :].lstrip()
    no = rest[1:].strip() if rest.startswith(":") else ""
    return text[1:end].strip(), no[1:-1].strip() if no.startswith("{") and no.endswith("}") else no


DEFAULTS = {
    "compatibility_level": "0",
    "default_destination_concurrency_limit": "20",
    "default_process_limit": "100",
    "default_transport": "smtp",
    "local_recipient_maps": "proxy:unix:passwd.byname $alias_maps",
    "local_transport": "local:$myhostname",
    "mydestination": "$myhostname, localhost.$mydomain, localhost",
    "myorigin": "$myhostname",
    "mydomain": "localdomain",
    "relay_domains": "${{$compatibility_level} <level {2} ? {$mydestination} : {}}",
    "relay_transport": "relay",
    "smtp_fallback_relay": "$fallback_relay",
    "smtpd_relay_restrictions": "${{$compatibility_level} <level {1} ? {} : "
    "{permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination}}",
    "virtual_alias_domains": "$virtual_alias_maps",
    "virtual_alias_maps": "$virtual_maps",
    "virtual_mailbox_domains": "$virtual_mailbox_maps",
    "virtual_transport": "virtual",
}
"""What Postfix takes where a parameter is not set, of those that are asked for here (postconf(5), Postfix 3.7)."""
