"""Ask for what an option did not say: on a terminal only, and again until the answer is one."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import typer

from coexsim.errors import CoexsimError, UnitError, UsageError, did_you_mean

if TYPE_CHECKING:
    from coexsim.scenario.init import Line

Answer = TypeVar("Answer")
LONGEST_DOMAIN = 240
"""A name in DNS has 253 characters at the most; the hosts of a scenario stand before its domain."""


def given_or_asked(
    given: str | None, option: str, question: str, default: str, read: Callable[[str], Answer]
) -> Answer:
    """What the option says, or else the person. Raises `UsageError` for what is no answer, and where there is nobody to ask."""
    if given is None:
        return asked(option, question, default, read)
    try:
        return read(given)
    except CoexsimError as error:
        raise UsageError(f"{option}: {error}") from None


def asked(option: str, question: str, default: str, read: Callable[[str], Answer]) -> Answer:
    """What the person answers. Raises `UsageError` where there is nobody to ask."""
    if not sys.stdin.isatty():
        raise UsageError(f"coexsim init needs {option}; on a terminal it asks for what is not given")

    def reader(text: str) -> Answer:
        try:
            return read(text.strip())
        except CoexsimError as error:
            raise typer.BadParameter(str(error)) from None

    answer: Answer = typer.prompt(question, default=default, value_proc=reader)
    return answer


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """Reads one of the names, also by its number."""

    def read(text: str) -> str:
        if text.isascii() and text.isdecimal() and len(text) < 4 and 0 < int(text) <= len(names):
            return names[int(text) - 1]
        if text not in names:
            raise UsageError(f"{text!r} is none of them{did_you_mean(text, names)}; write a name or its number")
        return text

    return read


def domain(text: str) -> str:
    """Reads a mail domain."""
    from coexsim.scenario.init import TAKEN

    labels = text.split(".")
    if not text.isascii():
        try:
            written = text.encode("idna").decode("ascii")
        except UnicodeError:
            written = ""
        hint = (
            f"write {written!r}, as DNS has it"
            if written and _is_domain(written.split("."))
            else "write one such as corporate.com"
        )
        raise UsageError(f"{text!r} is not a mail domain in ASCII; {hint}")
    if not _is_domain(labels):
        raise UsageError(f"{text!r} is not a mail domain; write one such as corporate.com")
    for taken in TAKEN:
        if f".{text}".casefold().endswith(f".{taken}") or f".{taken}".endswith(f".{text}".casefold()):
            raise UsageError(
                f"{text!r} is taken: the scenario has {taken} for the service or for the world outside; write another domain"
            )
    return text


def _is_domain(labels: list[str]) -> bool:
    """Labels as RFC 1035, section 2.3.1, has them, the last one no number, with room for the name of a host before them."""
    fits = all(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", label) for label in labels)
    return fits and len(labels) > 1 and not labels[-1].isdecimal() and len(".".join(labels)) <= LONGEST_DOMAIN


def mailboxes(text: str) -> int:
    """Reads a number of mailboxes."""
    from coexsim.scenario.model import MOST_MAILBOXES

    return _number(text, "mailboxes", MOST_MAILBOXES)


def cores(text: str) -> int:
    """Reads a number of processor cores."""
    from coexsim.scenario.machine import MOST_AT_ONCE

    return _number(text, "processor cores", MOST_AT_ONCE)


def _number(text: str, what: str, most: int) -> int:
    digits = text.replace(",", "")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(most)) and 0 < int(digits) <= most):
        raise UsageError(f"{text!r} is not a number of {what}; write one from 1 to {most:,}")
    return int(digits)


def uplink(text: str) -> Line:
    """Reads the bandwidth of a line, which stays as it was written: one for both directions, or two.

    ``20/10 Mbit/s`` is down and up, as providers write it; ``10 Mbit/s up, 20 Mbit/s down`` says which. Raises `UsageError`.
    """
    from coexsim.scenario.init import Line

    rates = _RATE.findall(text)
    if len(rates) != 2 or _WAY.sub("", _RATE.sub("", text)).replace(" and ", "").strip(" ,:/{}()"):
        one = _bandwidth(text)
        return Line(one, one)
    last = rates[1][1]
    first, second = (_bandwidth(f"{number} {unit or last}".strip()) for number, unit in rates)
    ways = _WAY.findall(text.lower())
    if ways not in ([], ["up", "down"], ["down", "up"]):
        raise UsageError(f"{text!r} does not say both directions; write for example '20 Mbit/s down, 10 Mbit/s up'")
    return Line(first, second) if ways[:1] == ["up"] else Line(second, first)


_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+/s)?")
_WAY = re.compile(r"(up|down)(?:load|stream)?", re.IGNORECASE)


def _bandwidth(text: str) -> str:
    """A bandwidth, as it was written. Raises `UsageError`, `UnitError`."""
    from coexsim.units import bandwidth_bytes_per_s

    try:
        if not bandwidth_bytes_per_s(text) > 0:
            raise UsageError(f"{text!r} lets no mail through; write for example '100 Mbit/s'")
    except UnitError as error:
        raise UsageError(f"{error}, or '20 Mbit/s down, 10 Mbit/s up'") from None
    return text
