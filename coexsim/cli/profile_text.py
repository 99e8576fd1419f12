"""What `explain` tells of a load profile: what it is of, its figures, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def profiles(words: str) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """The shipped profile of that name, if there is one: lines for people, and the same for programs."""
    from coexsim.scenario.profiles import read_profile, shipped_profiles
    from coexsim.scenario.written import value_text

    if words not in shipped_profiles():
        return
    told = read_profile(words)
    sources = told.pop("sources", {})
    title = str(told.pop("title", ""))
    lines = [f"{words}, a load profile", f"  meaning  {title}", f"  written  load: {{profile: {words}}}"]
    for key, value in told.items():
        lines.append(f"  {key:<30} {value_text(value)}")
        lines += [f"      {place}: {text}" for place, text in sources.items() if place.partition(".")[0] == key]
    yield (
        lines,
        {"is": "load profile", "name": words, "meaning": title, "figures": told, "sources": list(sources.values())},
    )


def profile_titles() -> Iterator[str]:
    """Every shipped profile with what it is of, a line each."""
    from coexsim.scenario.profiles import read_profile, shipped_profiles

    for name in shipped_profiles():
        yield f"{name:30s} {read_profile(name).get('title', '')}"
