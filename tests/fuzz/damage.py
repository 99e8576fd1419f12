"""Damage scenarios at random: in their text as editors and copies damage it, and in their data as people misunderstand it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coexsim.scenario.plain import parse
from coexsim.scenario.read import copy_of

ROOT = Path(__file__).parents[2]
FOLDERS = ("scenarios", "tests/routing/public_cases")  # the second has the keys that few scenarios need
SCENARIOS = tuple(tuple(sorted((ROOT / folder).rglob("*.yaml"))) for folder in FOLDERS)

# Values of every kind at every place: other types, units, signs, sizes, encodings, and names that try to forge a line.
HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3.5, 1e308, float("inf"), float("nan"), 2**63, 10**400, "", " ", "0", "-1 s", "0 s", "1e9/s",
    "10^8", "nan", "inf", "1e999 MB", "25", "25 MB", "25 XB", "-5 %", "140 %", "1 h 70 min", "999999 days", "1 us", "0 Mbit/s",
    "8:30", "NO", "on", "1e3", "0x1F", "010", "²", "١٢", "Mon 25:00", "Someday 10:00", "a@b@c", "@", "x" * 300, "*", "[]", "[192.0.2.10",
    "[300.1.1.1]", "192.0.2.10", "::1", "a..b", ".", "corporate.com", "-x.example", "xn--", "ä.example", "\ud800", "\x1b[31mred", "a\nb",
    "a\x00b", "\u202eevil", "[bold]b[/]", "{x}", "%s", "../../etc/passwd", "/dev/zero", "/dev/null", "onprem", "iUser1", "hosted",
    "internet", [], {}, [[]], {"": None}, {"a": {"b": {"c": 1}}}, [None], list(range(50)), {"kind": "domino"}, {"kind": "nix"},
)  # fmt: skip
WORDS = (
    "onprem", "inotes-inbound", "smart-host", "corporate.com", "kind", "domino", "exchange", "postfix", "hosted-inbound", "extends",
    "servers", "domain", "dns", "people", "groups", "events", "load", "streams", "rate", "capacity", "cores", "service", "scan",
    "smtp", "retry", "links", "between", "bandwidth", "round_trip", "run", "length", "measure", "seed", "objectives", "expect", "0 s",
    "1 h",
)  # fmt: skip


def damaged(seed: int) -> tuple[Path, str]:
    """The scenario number `seed` damages, and its damaged text; the same for the same seed. One to four faults each."""
    rnd = random.Random(f"damaged {seed}")
    path = rnd.choice(rnd.choice(SCENARIOS))
    text = path.read_text(encoding="utf-8")
    if rnd.random() < 0.5:
        for _ in range(rnd.choice((1, 1, 2, 4))):
            text = rnd.choice(TEXT_FAULTS)(text, rnd)
        return path, text
    data = copy_of(parse(text, path.name)[0])
    for _ in range(rnd.choice((1, 1, 2, 4))):
        damage_data(data, rnd)
    return path, json.dumps(data, ensure_ascii=rnd.random() < 0.5, indent=1, default=str)


# --- text ---


def _cut(text: str, rnd: random.Random) -> str:
    """Half a file: a copy that was broken off."""
    return text[: rnd.randrange(len(text) + 1)]


def _lose_a_line(text: str, rnd: random.Random) -> str:
    lines = text.split("\n")
    del lines[rnd.randrange(len(lines))]
    return "\n".join(lines)


def _repeat_a_line(text: str, rnd: random.Random) -> str:
    lines = text.split("\n")
    line = rnd.choice(lines)
    lines.insert(rnd.randrange(len(lines) + 1), line)
    return "\n".join(lines)


def _indent(text: str, rnd: random.Random) -> str:
    lines = text.split("\n")
    number = rnd.randrange(len(lines))
    lines[number] = rnd.choice((" ", "  ", "\t", "    ")) + lines[number] if rnd.random() < 0.6 else lines[number][1:]
    return "\n".join(lines)


def _exchange_words(text: str, rnd: random.Random) -> str:
    words = text.split(" ")
    words[rnd.randrange(len(words))] = rnd.choice(WORDS)
    return " ".join(words)


def _strange_characters(text: str, rnd: random.Random) -> str:
    place = rnd.randrange(len(text) + 1)
    strange = rnd.choice(("{", "}", "[", "]", ":", "- ", "#", "&a ", "*a", "<<: ", "!!python/object:x ", "|", ">", '"', "'", "%", "@", "`",
                          "\x07", "\x85", "\u2028", "\ufeff", "\u202e", "💌", "\t", "\r", "---\n", "...\n", "? "))  # fmt: skip
    return text[:place] + strange + text[place + rnd.choice((0, 1, 3)) :]


def _misspell(text: str, rnd: random.Random) -> str:
    place = rnd.randrange(max(len(text) - 1, 1))
    return text[:place] + text[place + 1 : place + 2] + text[place : place + 1] + text[place + 2 :]


def _windows(text: str, _: random.Random) -> str:
    return text.replace("\n", "\r\n")


TEXT_FAULTS: tuple[Callable[[str, random.Random], str], ...] = (
    _cut, _lose_a_line, _repeat_a_line, _indent, _indent, _exchange_words, _exchange_words, _strange_characters, _strange_characters,
    _misspell, _windows,
)  # fmt: skip


# --- data ---


def damage_data(data: Any, rnd: random.Random) -> None:
    """One fault somewhere in nested mappings and lists, in place."""
    holder, key = _somewhere(data, rnd)
    if holder is None:
        return
    what = rnd.random()
    if what < 0.45:
        holder[key] = copy_of(rnd.choice(HOSTILE))
    elif what < 0.6:
        del holder[key]
    elif what < 0.75 and isinstance(holder, dict):
        name = rnd.choice((*WORDS, str(key)[:-1], f"{key}s", str(key).upper(), str(key).replace("_", "-")))
        holder[name] = holder.pop(key)
    elif what < 0.85 and isinstance(holder, dict):
        holder[rnd.choice(WORDS)] = copy_of(rnd.choice(HOSTILE))
    elif isinstance(holder, list):
        holder.insert(rnd.randrange(len(holder) + 1), json.loads(json.dumps(holder[key])))
    else:
        _, other = _somewhere(data, rnd)
        holder[key] = copy_of(other) if rnd.random() < 0.5 else [holder[key]]  # a copy: it may lie around this place


def _somewhere(data: Any, rnd: random.Random) -> tuple[Any, Any]:
    """A random place: the mapping or list, and the key in it; deeper places as often as those further up."""
    places: list[tuple[Any, Any]] = []
    todo = [data]
    while todo:
        part = todo.pop()
        for key in list(part) if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ():
            places.append((part, key))
            todo.append(part[key])
    return rnd.choice(places) if places else (None, None)
