"""What every key of a scenario means, told from the models: its type, unit, default, where the default comes from, an example."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from inspect import cleandoc
from typing import NamedTuple, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from coexsim.errors import UsageError, did_you_mean
from coexsim.scenario.model import Scenario
from coexsim.scenario.profiles import PROFILES
from coexsim.scenario.servers import AnyServer, ServerBase
from coexsim.scenario.written import default_text, example_text, is_table, models_in, type_words, unit_of

NAME = "NAME"  # stands for a name that the planner chooses
FROM_MEMORY = "from memory"
_SOURCE = re.compile(r"\[([A-Z][A-Z0-9-]+(?:, [A-Z][A-Z0-9-]+)*)\]")


class ScenarioKey(NamedTuple):
    """A key of a scenario, and the parts that it holds."""

    path: tuple[str, ...]
    field: FieldInfo
    parts: tuple[type[BaseModel], ...]

    @property
    def name(self) -> str:
        """``servers.NAME.capacity.cores``."""
        return ".".join(self.path)

    @property
    def meaning(self) -> str:
        """What it means, without the keys of sources."""
        return (self.field.description or "").strip()

    @property
    def sources(self) -> list[str]:
        """Where the default comes from."""
        return sources_in(self.meaning)


@lru_cache(maxsize=1)
def all_keys() -> tuple[ScenarioKey, ...]:
    """Every key, parts before what is in them; those that all servers have stand under ``servers.NAME``, others under their kind."""
    return tuple(_keys_of(Scenario, ()))


def _keys_of(
    model: type[BaseModel], path: tuple[str, ...], beside: frozenset[str] = frozenset()
) -> Iterator[ScenarioKey]:
    for name, field in model.model_fields.items():
        if name in beside:
            continue
        here = (*path, field.alias or name)
        models = tuple(models_in(field.annotation))
        yield ScenarioKey(here, field, models)
        if here == ("servers",):
            yield from _keys_of(ServerBase, (*here, NAME))
            for kind in get_args(AnyServer):
                word = get_args(kind.model_fields["kind"].annotation)[0]
                yield from _keys_of(kind, (*here, word), frozenset(ServerBase.model_fields))
            continue
        inside = (*here, NAME) if is_table(field.annotation) else here
        for part in models:
            yield from _keys_of(part, inside)


def find_keys(words: str) -> list[ScenarioKey]:
    """The keys that end in these words: ``cores``, ``capacity.cores``, ``links[0].bandwidth``. Raises `UsageError` for none."""
    wanted = [word for word in re.sub(r"\[\d*\]", "", words).split(".") if word]
    found = [key for key in all_keys() if _ends(key.path, wanted)]
    found = found or [key for key in all_keys() if _ends(_without_kind(key.path), wanted)]
    if not found:
        known = list(dict.fromkeys(key.path[-1] for key in all_keys()))
        near = did_you_mean(wanted[-1] if wanted else "", known)
        raise UsageError(f"a scenario has no key {words!r}{near}; 'coexsim explain' lists all of them")
    whole = [key for key in found if len(key.path) == len(wanted)]
    return whole or found


def kind_of_server(words: str) -> type[BaseModel] | None:
    """The part that ``servers.exchange`` names, if it does."""
    last = words.split(".")[-1]
    return next((kind for kind in get_args(AnyServer) if last in get_args(kind.model_fields["kind"].annotation)), None)


def _ends(path: tuple[str, ...], wanted: list[str]) -> bool:
    """Do the words name the end of a path. Any word will do for a name that the planner chooses."""
    if not wanted or len(wanted) > len(path):
        return False
    end = path[len(path) - len(wanted) :]
    return wanted[-1] == end[-1] and all(word == step or step == NAME for word, step in zip(wanted, end, strict=True))


def _without_kind(path: tuple[str, ...]) -> tuple[str, ...]:
    return ("servers", NAME, *path[2:]) if path[:1] == ("servers",) and len(path) > 2 else path


def sources_in(text: str) -> list[str]:
    """The sources that a text names, in full."""
    titles = _titles()
    keys = [key for group in _SOURCE.findall(text) for key in group.split(", ")]
    found = [f"[{key}] {titles[key]}" if key in titles else f"[{key}]" for key in keys]
    if "(article" in text or "article, step" in text:
        found.insert(0, "the article")
    if FROM_MEMORY in text:
        found.append(f"{FROM_MEMORY}: no source was found; put your own number in place of it")
    return found


@lru_cache(maxsize=1)
def _titles() -> dict[str, str]:
    """The sources by key, as profiles/SOURCES.md has them."""
    text = (PROFILES / "SOURCES.md").read_text(encoding="utf-8")
    titles: dict[str, str] = {}
    for line in text.splitlines():
        pending: list[str] = []
        for part in re.split(r"(\[[A-Z][A-Z0-9-]+\])", line.removeprefix("- ")):
            if re.fullmatch(r"\[[A-Z][A-Z0-9-]+\]", part):
                pending.append(part[1:-1])
            elif part.strip(" ,·"):
                titles.update(dict.fromkeys(pending, part.strip(" ,·")))
                pending = []
    return titles


def describe(words: str) -> str:
    """What is told of a key, of all keys that end so, or of a kind of server. Raises `UsageError`."""
    kind = kind_of_server(words)
    if kind is not None:
        return "\n".join([f"servers: a server of kind {words.split('.')[-1]}", *_inside(kind, [ServerBase])])
    return "\n\n".join(_one(key) for key in find_keys(words))


def _one(key: ScenarioKey) -> str:
    unit = unit_of(key.field)
    lines = [
        key.name,
        f"  meaning  {key.meaning}",
        f"  type     {type_words(key.field)}",
        *([f"  unit     {unit} inside, and in tables"] if unit else []),
        f"  default  {default_text(key.field)}",
        *[f"  source   {source}" for source in key.sources],
        f"  example  {key.path[-1]}: {example_text(key.field)}",
    ]
    return "\n".join(lines + [line for part in key.parts if len(key.parts) == 1 for line in _inside(part)])


def _inside(part: type[BaseModel], above: Sequence[type[BaseModel]] = ()) -> list[str]:
    shared = _shared(above)
    lines = [f"  {_about(part)}", *(f"  {name:<38} {text}" for name, text in _own(part, shared).items())]
    return lines + ([f"  and, as every server: {', '.join(sorted(shared))}"] if shared else [])


def _about(part: type[BaseModel]) -> str:
    return cleandoc(part.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def _shared(above: Sequence[type[BaseModel]]) -> set[str]:
    return {name for model in above for name in model.model_fields}


def _own(part: type[BaseModel], shared: set[str]) -> dict[str, str]:
    return {
        field.alias or name: field.description or ""
        for name, field in part.model_fields.items()
        if name not in shared
    }  # fmt: skip


def describe_data(words: str) -> list[dict[str, object]]:
    """The same as `describe` for programs, field by field. Raises `UsageError`."""
    kind = kind_of_server(words)
    if kind is not None:
        name = f"servers.{words.split('.')[-1]}"
        return [{"is": "kind of server", "name": name, "meaning": _about(kind), "keys": _own(kind, set())}]
    return [key_data(key) for key in find_keys(words)]


def key_data(key: ScenarioKey) -> dict[str, object]:
    """A key for programs: name, meaning, type, unit, default, where the default comes from, an example, the keys that it holds."""
    return {
        "is": "key",
        "name": key.name,
        "meaning": key.meaning,
        "type": type_words(key.field),
        "unit": unit_of(key.field),
        "default": default_text(key.field),
        "sources": key.sources,
        "example": f"{key.path[-1]}: {example_text(key.field)}",
        "keys": _own(key.parts[0], set()) if len(key.parts) == 1 else {},
    }


def tree_text() -> str:
    """All keys, a line each, indented as in a file."""
    lines = []
    last: tuple[str, ...] = ()
    for key in all_keys():
        above = key.path[:-1]
        for depth in range(len(above)):
            if above[: depth + 1] != last[: depth + 1] and above[depth] not in (None,) and _is_choice(above, depth):
                lines.append("  " * depth + above[depth] + ":")
        lines.append(f"{'  ' * len(above)}{key.path[-1]}: {key.meaning}")
        last = key.path
    return "\n".join(lines)


def _is_choice(path: tuple[str, ...], depth: int) -> bool:
    """Is this step a name or a kind, which has no key of its own in the tree."""
    return path[depth] == NAME or (depth == 1 and path[0] == "servers")


def keys_page() -> str:
    """KEYS.md: all keys, in Markdown."""
    lines = [
        "# Keys of a scenario",
        "",
        "Made by `coexsim explain --markdown` from the models; `coexsim explain KEY` tells more of one key. `NAME` stands for a name of",
        "your own. Keys in square brackets are sources: [profiles/SOURCES.md](profiles/SOURCES.md).",
    ]
    groups: dict[tuple[str, ...], list[ScenarioKey]] = {}
    for key in all_keys():
        groups.setdefault(key.path[:-1], []).append(key)
    for group, keys in groups.items():
        title = f"`{'.'.join(group)}`" if group else "At the top"
        lines += ["", f"## {title}", "", "| key | type | default | meaning |", "|---|---|---|---|"]
        for key in keys:
            cells = (f"`{key.path[-1]}`", type_words(key.field), default_text(key.field), key.meaning)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
