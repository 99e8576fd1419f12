"""What a shell offers when TAB is pressed: scenario files, codes of findings, keys, and the names in the scenario that the line gives."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from typer import Context

if TYPE_CHECKING:
    from coexsim.scenario.model import Scenario

MOST_OFFERED = 300
DEEPEST = 4
PASSED_OVER = {"node_modules", "__pycache__", "site-packages", "reports", "build", "dist"}


def scenario_files(incomplete: str) -> list[str]:
    """YAML files whose path begins so, also those in folders below: a folder alone would end the word with a blank."""
    return list(islice(_yaml_files(incomplete), MOST_OFFERED))


def _yaml_files(incomplete: str) -> Iterator[str]:
    folder, begin = os.path.split(incomplete)
    depth = len(Path(folder or ".").parts)
    for place, folders, files in os.walk(folder or "."):
        first = place == (folder or ".")
        deep = len(Path(place).parts) - depth >= DEEPEST
        folders[:] = sorted(name for name in folders if not deep and _offered(name, begin if first else ""))
        for name in sorted(files):
            if name.endswith((".yaml", ".yml")) and _offered(name, begin if first else ""):
                path = os.path.join(place, name)
                yield path if folder else os.path.relpath(path)


def _offered(name: str, begin: str) -> bool:
    hidden = name.startswith(".") and not begin.startswith(".")
    return name.startswith(begin) and not hidden and name not in PASSED_OVER


def explained(incomplete: str) -> list[str]:
    """What `explain` tells of: findings in any case, words of objectives, keys, kinds of servers, columns, profiles, scenario files."""
    from coexsim.analysis.tables import TABLES
    from coexsim.analysis.terms import TERMS
    from coexsim.audit.findings import EXPLANATIONS
    from coexsim.scenario.profiles import shipped_profiles

    terms = [word for word in TERMS if incomplete and word.startswith(incomplete)]
    codes = [code for code in EXPLANATIONS if code.startswith(incomplete.upper())]
    names = [*TABLES, *(f"{table}.{column}" for table, text in TABLES.items() for column in text.columns)]
    tables = [
        name for name in names if incomplete and name.startswith(incomplete) and ("." in incomplete or "." not in name)
    ]
    named = [incomplete + code[len(incomplete) :] for code in codes] + terms + keys(incomplete) + tables
    profiles = [name for name in shipped_profiles() if incomplete and name.startswith(incomplete)]
    return list(dict.fromkeys(named + profiles + scenario_files(incomplete)))


def keys(incomplete: str) -> list[str]:
    """Keys by as many of their last words as are written: ``capacity.co`` gives ``capacity.cores``; first those at the top."""
    from coexsim.scenario.describe import NAME, all_keys

    *head, begin = incomplete.split(".")
    exact: dict[str, None] = {}
    by_name: dict[str, None] = {}  # where a word stands for a name of the planner's own
    for key in all_keys():
        for place, word in enumerate(key.path[len(head) :]):
            above = key.path[place : place + len(head)]
            if not (begin or head) and place > 0:  # with nothing written yet only the top
                break
            if word == NAME or not word.startswith(begin) or not _are(head, above):
                continue
            found = exact if above == tuple(head) else by_name
            found[".".join([*head, word])] = None
    return list(exact or by_name)


def _are(words: list[str], steps: tuple[str, ...]) -> bool:
    from coexsim.scenario.describe import NAME

    first_is_key = not words or steps[0] == words[0]
    return first_is_key and all(word == step or step == NAME for word, step in zip(words, steps, strict=True))


# --- names in the scenario that the line gives --------------------------------------------------------------------------------


def servers_named(ctx: Context, incomplete: str) -> list[str]:
    """Servers of the scenario on the line."""
    scenario = _scenario(ctx)
    return _beginning(scenario.servers, incomplete) if scenario else []


def what_can_go_down(ctx: Context, incomplete: str) -> list[str]:
    """Servers and links of the scenario on the line, and its DNS."""
    scenario = _scenario(ctx)
    return _beginning(scenario.can_go_down, incomplete) if scenario else []


def people_named(ctx: Context, incomplete: str) -> list[str]:
    """People and groups of the scenario on the line."""
    scenario = _scenario(ctx)
    named = [*scenario.directory.people, *scenario.directory.groups] if scenario else []
    return _beginning(named, incomplete)


def swept_keys(ctx: Context, incomplete: str) -> list[str]:
    """Keys that a sweep may vary in the scenario on the line, with the sign that its values follow."""
    from coexsim.experiment.sweep import HOSTED_SHARE
    from coexsim.scenario.describe import NAME, all_keys

    scenario = _scenario(ctx)
    if scenario is None or "=" in incomplete:
        return []
    found = [HOSTED_SHARE]
    for key in all_keys():
        if key.parts or NAME in key.path[2:] or not key.field.metadata:
            continue
        if key.path[0] != "servers":
            found.append(key.name)
        elif len(key.path) > 2:
            kind = key.path[1]
            names = (name for name, server in scenario.servers.items() if kind in (NAME, server.kind))
            found += [".".join(["servers", name, *key.path[2:]]) for name in names]
    return [f"{name}=" for name in _beginning(found, incomplete)]


def _scenario(ctx: Context) -> Scenario | None:
    """The scenario on the line; None where there is none that can be read, for a shell has no place for errors."""
    from coexsim.errors import CoexsimError
    from coexsim.scenario.load import load_scenario

    written = (word for word in ctx.args if word.endswith((".yaml", ".yml")))  # while an option has no value yet
    file = ctx.params.get("scenario") or next(written, None)
    try:
        return load_scenario(Path(file)) if file else None
    except CoexsimError:
        return None


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return list(islice((name for name in names if name.startswith(incomplete)), MOST_OFFERED))
