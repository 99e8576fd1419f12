"""A scenario from what was found: written anew, or into a file that is there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from coexsim.errors import InputError, Problem
from coexsim.intake.configs.edit import KeyChange, merge_into
from coexsim.intake.configs.found import Found, FoundKey, Unused
from coexsim.intake.configs.people import MOST_BY_NAME, distinct, people_keys, summary_keys
from coexsim.intake.configs.yaml_text import block, printable, tree_of

HEAD = ("coexsim", "title", "domain", "sites", "links", "dns", "internal_dns", "servers", "directory")
_BEGIN, _END = "# --- not modelled, from {}:", "# --- end of not modelled, from {}"


@dataclass(frozen=True)
class Imported:
    """What an import gave: the text of the scenario, its keys with their places, what is not modelled, and what was counted.

    `changes` are keys that had another value in the file that was written into. `people_text` holds everybody where they are
    too many to be named in the scenario, else None.
    """

    text: str
    keys: tuple[FoundKey, ...]
    unused: tuple[Unused, ...]
    changes: tuple[KeyChange, ...]
    counts: Mapping[str, int]
    people_text: str | None = None


PEOPLE_HEAD = "# Everybody, as the directory says. A scenario takes them with 'extends:'; leave 'population' out then."
"""The first line of the file with everybody by name, which an import may make again."""


class Label(NamedTuple):
    """What an import is called in the text that it writes: its kind, the server that it is about, the files."""

    kind: str
    server: str
    files: str

    def __str__(self) -> str:
        return printable(f"{self.kind} of {self.server}: {self.files}")


class Target(NamedTuple):
    """The scenario that is written into: its text, file and domain, and the people whom its master directory does not list yet."""

    text: str
    file: str
    domain: str
    unlisted: frozenset[str]


def written(found: Found, label: Label) -> Imported:
    """A new scenario. Raises `InputError` where no domain is known."""
    domain = _domain(found, None)
    keys, people = _all_keys(found, domain)
    head = [FoundKey(("coexsim",), 1, None), FoundKey(("title",), f"{domain}, imported from {label.files}", None)]
    tree = tree_of([*head, FoundKey(("domain",), domain, None), *keys])
    tree = {name: tree[name] for name in (*HEAD, *(name for name in tree if name not in HEAD)) if name in tree}
    lines = [
        f"# Made by 'coexsim import {label.kind}': a comment says the file and line that a key came from.",
        *block(tree),
    ]
    text = "\n".join([*lines, *_not_modelled(found.unused, label)]) + "\n"
    return Imported(text, tuple(keys), tuple(found.unused), (), dict(found.counts), people)


def written_into(found: Found, label: Label, target: Target) -> Imported:
    """The text of a scenario that is there, with what was found. Raises `InputError`."""
    keys, people = _all_keys(found, target.domain)
    keys = [_listed(key, target.unlisted) for key in keys]
    merged, changes = merge_into(_without_old_list(target.text, label), tree_of(keys), target.file)
    notes = "\n".join(_not_modelled(found.unused, label))
    merged = merged.rstrip("\n") + "\n" + (f"{notes}\n" if notes else "")
    return Imported(merged, tuple(keys), tuple(found.unused), tuple(changes), dict(found.counts), people)


def _listed(key: FoundKey, unlisted: frozenset[str]) -> FoundKey:
    """A person whom only the hosted service knew so far is in the master directory now."""
    if key.path[:2] != ("directory", "people") or key.path[2] not in unlisted:
        return key
    return key._replace(value={**key.value, "only_at_hosted": "disabled"})


def _all_keys(found: Found, domain: str) -> tuple[list[FoundKey], str | None]:
    """The keys of servers and zones, then of people; and the text of the people's own file, if they need one."""
    keys = list(found.keys)
    if found.master:
        keys.append(FoundKey(("directory", "master"), found.master, None))
    people = distinct(found)
    if len(people) <= MOST_BY_NAME:
        return [*keys, *people_keys(found, people, domain)], None
    summary = list(summary_keys(found, people, domain))
    everybody = tree_of(people_keys(found, people, domain))
    return [*keys, *summary], "\n".join([PEOPLE_HEAD, *block(everybody)]) + "\n"


def _domain(found: Found, asked: str | None) -> str:
    domain = asked or found.domain
    if domain is None:
        raise InputError(
            [
                Problem(
                    "import",
                    0,
                    "",
                    "these files do not say which mail domain this is about; add --domain corporate.com",
                )
            ]
        )
    return domain


def _not_modelled(unused: Sequence[Unused], label: Label) -> list[str]:
    """The end of the file: everything that stands in the files and changes an answer, but is not in the scenario."""
    told = [one for one in unused if one.matters]
    if not told:
        return []
    lines = [f"#   {printable(f'{one.where}: {one.what} = {one.value}')}: {one.meaning}" for one in told]
    return [_BEGIN.format(label), *lines, _END.format(label)]


def _without_old_list(text: str, label: Label) -> str:
    """The text without the list that an earlier import of the same files left at its end."""
    begin, end = re.escape(_BEGIN.format(label)), re.escape(_END.format(label))
    # only whole lists: of one that was cut off, nothing says where it ended and where the writer's own words go on
    return re.sub(rf"^{begin}\n(?:#   .*\n)*{end}(?:\n|\Z)", "", text, flags=re.MULTILINE)


__all__ = ["Imported", "written", "written_into"]
