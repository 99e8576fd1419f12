"""The grammar of Postfix's files: main.cf and ``postconf -n``, ``$name``, master.cf, tables and aliases.

Sources: postconf(5), master(5), postconf(1), aliases(5), transport(5), virtual(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from coexsim.intake.configs.found import Where
from coexsim.intake.configs.postfix_expand import DEFAULTS, UNSET, Expander, Parameter, closing
from coexsim.intake.configs.reading import File, fail, lines_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class TableEntry(NamedTuple):
    """A line of a table."""

    key: str
    value: str
    where: Where


class MasterService(NamedTuple):
    """A line of master.cf; `maxproc` is None for the default and 0 for no limit."""

    name: str
    type: str
    maxproc: int | None
    command: str
    options: Mapping[str, str]
    where: Where


def logical_lines(file: File) -> Iterator[tuple[int, str]]:
    """Lines with what continues them; comments and empty lines are left out also in between (postconf(5))."""
    begun, parts = 0, list[str]()
    for number, line in lines_of(file):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if line[0] in " \t":
            if not parts:
                fail(file.name, number, "a line that continues another one, but there is none before it")
            parts.append(stripped)
            continue
        if parts:
            yield begun, " ".join(parts)
        begun, parts = number, [stripped]
    if parts:
        yield begun, " ".join(parts)


@dataclass
class Main:
    """The parameters of one Postfix: those that are set, those that were set twice, and what is said to others."""

    settings: dict[str, Parameter] = field(default_factory=dict)
    overridden: list[tuple[str, Parameter]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._expander = Expander(self.settings)

    @property
    def asked(self) -> set[str]:
        """The parameters whose names stood in values that were read."""
        return self._expander.asked

    def read(self, file: File) -> None:
        """Take what a main.cf or the output of ``postconf -n`` sets. Raises `InputError`."""
        for number, line in logical_lines(file):
            if line.startswith(("postconf: ", "/usr/sbin/postconf: ")):
                continue  # a warning that went into the same file
            name, equals, value = (part.strip() for part in line.partition("="))
            if not equals or not _NAME.match(name) or " " in name:
                fail(file.name, number, f"expected 'name = value', found {line[:60]!r}")
            self.set(name, Parameter(value, file.at(number)))

    def set(self, name: str, setting: Parameter) -> None:
        """Set a parameter; as in Postfix the last one stands."""
        if name in self.settings and self.settings[name].value != setting.value:
            self.overridden.append((name, self.settings[name]))
        self.settings[name] = setting

    def text(self, name: str, default: str = "") -> str:
        """The value of a parameter with all ``$name`` in it replaced. Raises `InputError`."""
        setting = self.settings.get(name)
        if setting is None:
            return self._expander.expanded(DEFAULTS.get(name, default), UNSET)
        return self._expander.expanded(setting.value, setting.where)

    def words(self, name: str) -> list[str]:
        """The value as a list: words between commas and spaces; what stands in braces is one word."""
        return split_words(self.text(name))

    def where(self, name: str) -> Where | None:
        """Where a parameter is set; None if it is not."""
        setting = self.settings.get(name)
        return setting.where if setting else None


def split_words(text: str, between: str = ", \t\r\n") -> list[str]:
    """Words between commas and white space; braces hold a word together."""
    words: list[str] = []
    at = 0
    closed = True  # as soon as a brace is left open, braces hold nothing together any more
    while at < len(text):
        if text[at] in between:
            at += 1
            continue
        start = at
        while at < len(text) and text[at] not in between:
            end = closing(text, at) if closed and text[at] == "{" else at
            closed = closed and end >= 0
            at = max(at, end) + 1
        words.append(text[start:at])
    return words


def read_master(file: File) -> list[MasterService]:
    """The services of a master.cf. Raises `InputError`."""
    services = []
    for number, line in logical_lines(file):
        words = line.split(None, 7)
        if len(words) < 8:
            fail(file.name, number, f"expected 8 columns and a command, found {len(words)} columns")
        name, type_, *_, maxproc, command = words
        if type_ not in ("inet", "unix", "fifo", "pass", "unix-dgram"):
            fail(file.name, number, f"{type_!r} is no type of service: inet, unix, fifo, pass, unix-dgram")
        if maxproc != "-" and not (maxproc.isascii() and maxproc.isdigit() and len(maxproc) < 10):
            fail(file.name, number, f"expected a number of processes or '-', found {maxproc!r}")
        program, *arguments = split_words(command, " \t\r\n") or [""]  # a comma belongs to the value of an option
        options = dict(_options(arguments))
        most = None if maxproc == "-" else int(maxproc)
        services.append(MasterService(name, type_, most, program, options, file.at(number)))
    return services


def _options(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The ``-o name=value`` of a command."""
    given = iter(arguments)
    for argument in given:
        if not argument.startswith("-o"):
            continue
        text = argument[2:] or next(given, "")
        if text.startswith("{") and text.endswith("}"):
            text = text[1:-1]
        name, equals, value = text.partition("=")
        if equals:
            yield name.strip(), value.strip()


def read_table(file: File) -> Iterator[TableEntry]:
    """The entries of a table as postmap(1) reads it: key, white space, value."""
    for number, line in logical_lines(file):
        key, value = _key_and_value(line)
        yield TableEntry(key, value, file.at(number))


def _key_and_value(line: str) -> tuple[str, str]:
    """A key may stand in double quotes: ``"john smith"@example.com``."""
    quoted = re.match(r'("(?:[^"\\]|\\.)*"\S*)\s*(.*)', line)
    if quoted:
        return quoted[1], quoted[2]
    key, _, value = line.partition(" ")
    if "\t" in key:
        key, _, more = key.partition("\t")
        value = f"{more} {value}"
    return key, value.strip()


def read_aliases(file: File) -> Iterator[TableEntry]:
    """The entries of an alias database, ``name: value, value`` (aliases(5)). Raises `InputError`."""
    for number, line in logical_lines(file):
        quoted = re.match(r'"((?:[^"\\]|\\.)*)"\s*:', line)
        name, colon, value = (quoted[1], ":", line[quoted.end() :]) if quoted else line.partition(":")
        if not colon or not name.strip():
            fail(file.name, number, f"expected 'name: address, address', found {line[:60]!r}")
        yield TableEntry(name.strip(), value.strip(), file.at(number))
