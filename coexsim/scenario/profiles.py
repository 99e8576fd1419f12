"""The load profiles that come with coexsim, and how what a scenario writes is laid over one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from coexsim.errors import did_you_mean

PROFILES = Path(__file__).parent.parent / "profiles"


def shipped_profiles() -> tuple[str, ...]:
    """The names of the profiles that come with coexsim."""
    return tuple(sorted(file.stem for file in PROFILES.glob("*.yaml")))


def profiles_that_say(key: str) -> tuple[str, ...]:
    """The names of the shipped profiles that have a figure for a key, of their own or from the one they build on."""
    return tuple(name for name in shipped_profiles() if re.search(rf"^({key}|profile):", _text(name), re.MULTILINE))


def _text(name: str) -> str:
    return (PROFILES / f"{name}.yaml").read_text(encoding="utf-8")


def read_profile(name: str) -> dict[str, Any]:
    """The keys of a shipped profile as written, with those of the profile it builds on. Raises `ValueError`."""
    if name not in shipped_profiles():
        known = shipped_profiles()
        raise ValueError(
            f"no load profile is called {name!r}" + (did_you_mean(name, known) or f"; known: {', '.join(known)}")
        )
    written = _copy(_parsed(name))
    return over_profile(written) if "profile" in written else dict(written)


@lru_cache(maxsize=64)
def _parsed(name: str) -> dict[str, Any]:
    from coexsim.scenario.read import read_file

    file = PROFILES / f"{name}.yaml"
    return read_file(file, str(file))[0]


def over_profile(written: dict[str, Any]) -> dict[str, Any]:
    """What is written, over what its profile says: mappings of fields merge, anything else replaces, null takes away.

    The profile's source of a figure goes with the figure. A law given as a table replaces the whole law.
    """
    base = read_profile(str(written["profile"]))
    for key in ("sizes", "recipients"):
        if isinstance(base.get(key), str) and isinstance(written.get(key), dict):
            base[key] = of_profile(key, base[key])
    if written.get("internet_received_per_mailbox") is not None:
        base.pop("received_to_sent", None)
    if written.get("received_to_sent") is not None:
        base.pop("internet_received_per_mailbox", None)
    own = set(_leaves(written))
    sources = {path: text for path, text in (base.pop("sources", None) or {}).items() if not _is_at_or_below(path, own)}
    merged = _merged(base, written)
    merged["sources"] = sources | (written.get("sources") or {})
    return merged


def _copy(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _copy(value) for key, value in node.items()}
    return [_copy(value) for value in node] if isinstance(node, list) else node


def is_fields(node: object) -> bool:
    """A mapping of field names, not a table such as ``{1 KB: 10.2}``."""
    return isinstance(node, dict) and all(isinstance(key, str) and key[:1].isalpha() for key in node)


def _merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in more.items():
        if value is None:
            result.pop(key, None)
        elif is_fields(value) and is_fields(result.get(key)):
            result[key] = _merged(result[key], value)
        else:
            result[key] = value
    return result


def _leaves(node: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in node.items():
        path = f"{above}{key}"
        if is_fields(value) and value:
            yield from _leaves(value, f"{path}.")
        else:
            yield path


def _is_at_or_below(path: str, written: set[str]) -> bool:
    parts = path.split(".")
    return any(".".join(parts[:end]) in written for end in range(1, len(parts) + 1))


def of_profile(key: str, name: str) -> Any:
    """What a shipped profile says for one key, itself perhaps as another profile has it."""
    value = read_profile(name).get(key)
    if value is None:
        raise ValueError(f"the profile {name!r} says nothing about {key}")
    return of_profile(key, value) if isinstance(value, str) and value in shipped_profiles() else value
