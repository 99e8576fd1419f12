"""The lookup tables that a main.cf names: found among the files that were given, read, and told where one is missing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from coexsim.intake.configs.found import Found, Where
from coexsim.intake.configs.postfix_expand import UNSET
from coexsim.intake.configs.postfix_files import Main, TableEntry, read_aliases, read_table, split_words
from coexsim.intake.configs.reading import File, lines_of

_READ = ("hash", "btree", "lmdb", "cdb", "dbm", "sdbm", "texthash")
_PATTERNS = ("regexp", "pcre", "cidr")


class Tables:
    """Tables by the parameter that names them."""

    def __init__(self, main: Main, files: Sequence[File], found: Found) -> None:
        self._main, self._files, self._found = main, files, found
        self._folder = next((file.path.parent for file in files if file.path.name == "main.cf"), None)
        self._told: set[str] = set()
        self.used: set[str] = set()
        self.unread: set[str] = set()  # parameters whose tables were not all read

    def entries(self, parameter: str) -> Iterator[TableEntry]:
        """All entries of the tables that a parameter names, in their order; of a key that comes twice the first one stands."""
        seen: set[str] = set()
        for word in self._main.words(parameter):
            for entry in self._of(word, parameter):
                key = entry.key.casefold()
                if key not in seen:
                    seen.add(key)
                    yield entry
                elif parameter not in self._told:
                    self._found.leave(entry.key, entry.value, entry.where, f"stands in {parameter} already; the first one is used",
                                      matters=False)  # fmt: skip

    def list_of(self, parameter: str) -> list[tuple[str, Where]]:
        """The names in a parameter such as relay_domains: words, keys of tables, lines of files; each with its place."""
        where = self._main.where(parameter) or UNSET
        names: list[tuple[str, Where]] = []
        for word in self._main.words(parameter):
            if word.startswith("!"):
                self._found.leave(
                    parameter, word, where, "an exception from a list; here everything that is listed counts"
                )
            elif word.startswith("/"):
                file = self._file(word, parameter, where)
                names += [(entry.key, entry.where) for entry in read_table(file)] if file else []
            elif ":" in word and not word.startswith("["):
                names += [(entry.key, entry.where) for entry in self._of(word, parameter)]
            else:
                names.append((word, where))
        return names

    def networks(self, parameter: str) -> list[str]:
        """The networks in a parameter such as mynetworks: words, lines of files, keys of tables."""
        where = self._main.where(parameter) or UNSET
        found: list[str] = []
        for word in self._main.words(parameter):
            kind, colon, name = word.partition(":")
            name = word if word.startswith("/") else name if colon and kind in (*_READ, "cidr") else ""
            file = self._file(name, parameter, where) if name else None
            found += [entry.key for entry in read_table(file)] if file else [] if name else [word]
        return found

    def first_line(self, name: str, parameter: str) -> str:
        """The first line of a file that a parameter names; empty: it was not given."""
        file = self._file(name, parameter, self._main.where(parameter) or UNSET)
        return next((line.strip() for _, line in lines_of(file) if line.strip()), "") if file else ""

    def of_word(self, word: str, parameter: str) -> Iterator[TableEntry]:
        """The entries of one table that a parameter names in the midst of other words."""
        yield from self._of(word, parameter)

    def are_set(self, parameter: str) -> bool:
        """Does a parameter name any table."""
        return bool(self._main.words(parameter))

    def know(self, parameter: str) -> None:
        """Note that a parameter names its files, though they are not read."""
        names = {PurePosixPath(word.rpartition(":")[2]).name for word in self._main.words(parameter)}
        self.used |= {file.name for file in self._files if file.path.name in names}

    def _of(self, word: str, parameter: str) -> Iterator[TableEntry]:
        where = self._main.where(parameter) or UNSET
        kind, _, name = word.removeprefix("proxy:").partition(":")
        if kind in _READ:
            file = self._file(name, parameter, where)
            if file is not None and parameter in ("alias_maps", "local_recipient_maps"):
                yield from read_aliases(file)
            elif file is not None:
                yield from self._with_values(file, parameter)
        elif kind == "inline" and name.startswith("{"):
            for pair in split_words(name[1:-1]):
                key, _, value = pair.strip("{}").partition("=")
                yield TableEntry(key.strip(), value.strip(), where)
        elif kind == "unix" and name.startswith("passwd"):
            file = self._file("passwd", parameter, where)
            yield from _users(file) if file else ()
        elif kind in _PATTERNS:
            self.used |= {file.name for file in self._files if file.path.name == PurePosixPath(name).name}
            self._tell(
                parameter, word, where, "patterns are not looked up here; write what they match as table or directory"
            )
        else:
            self._tell(parameter, word, where, "looked up in another program; export it and import it as directory")

    def _with_values(self, file: File, parameter: str) -> Iterator[TableEntry]:
        """The entries of a table; postmap leaves out a line without a value ("expected format: key whitespace value")."""
        for entry in read_table(file):
            if entry.value:
                yield entry
            elif f"{entry.where}" not in self._told:
                self._told.add(f"{entry.where}")
                meaning = "a line without a value, which postmap leaves out: nothing is looked up by it, here neither"
                self._found.leave(parameter, entry.key, entry.where, meaning)

    def _file(self, name: str, parameter: str, where: Where) -> File | None:
        """The file of that name among those that were given."""
        wanted = PurePosixPath(re.sub(r"\.(db|lmdb|cdb|dir|pag)$", "", name))
        for file in self._files:
            if file.path.as_posix() == str(wanted) or file.path.name == wanted.name:
                self.used.add(file.name)
                return file
        inside = self._in_a_folder_below(wanted)
        if inside is not None:
            return inside
        meaning = "this file was not given, so what stands in it is not known; give the file too"
        self._tell(parameter, name, where, meaning)
        return None

    def _in_a_folder_below(self, wanted: PurePosixPath) -> File | None:
        """The file in a folder below that of main.cf: maps/virtual for hash:/etc/postfix/maps/virtual."""
        parts = wanted.parts
        for begin in range(1, len(parts) - 1):
            name = "/".join(parts[begin:])
            if self._folder is not None and ".." not in parts and os.path.isfile(self._folder / name):
                return File(self._folder / name, name)
        return None

    def _tell(self, parameter: str, value: str, where: Where, meaning: str) -> None:
        self.unread.add(parameter)
        if parameter == "virtual_alias_domains" and self._main.where(parameter) is None:
            return  # by default it names the tables of virtual_alias_maps, which is told of them
        key = f"{parameter} {value}"
        if key not in self._told:
            self._told.add(key)
            self._found.leave(parameter, value, where, meaning)


def _users(file: File) -> Iterator[TableEntry]:
    """The people in a passwd file: those with a number from 1000 on, but nobody."""
    for entry in read_aliases(file):
        fields = entry.value.split(":")
        number = fields[1] if len(fields) > 1 else ""
        if number.isascii() and number.isdigit() and 1000 <= int(number[:9]) < 65534:
            yield TableEntry(entry.key, "", entry.where)
