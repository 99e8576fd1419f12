"""The figures of a scenario that were taken from somewhere: what they are, and where from."""

from __future__ import annotations

from typing import Any, NamedTuple

from coexsim.scenario.load_profile import over_profile
from coexsim.scenario.model import Scenario

FROM_MEMORY = "from memory"
LONGEST = 90


class Assumption(NamedTuple):
    """One figure, or a group of them: its place in the scenario file, its value as written, and its source."""

    path: str
    value: str
    source: str

    @property
    def is_from_memory(self) -> bool:
        """Is it a default that nobody has measured: one to put an own number in place of."""
        return FROM_MEMORY in self.source.casefold()


def assumptions(scenario: Scenario) -> list[Assumption]:
    """Every figure of the scenario, and of the load profile it uses, for which a source is given."""
    raw = scenario.source.raw
    found = [Assumption(path, _say(_at(raw, path)), source) for path, source in scenario.sources.items()]
    if scenario.load is not None:
        written = raw.get("load") or {}
        load = over_profile(written) if "profile" in written else written
        found += [
            Assumption(f"load.{path}", _say(_at(load, path)), source) for path, source in scenario.load.sources.items()
        ]
    return found


def _at(node: Any, path: str) -> Any:
    """What is written at a dotted path; of a list without a number, what each of its entries says."""
    for key in path.split("."):
        if isinstance(node, list) and not key.isdigit():
            node = list(dict.fromkeys(str(entry[key]) for entry in node if isinstance(entry, dict) and key in entry))
        elif isinstance(node, list):
            node = node[int(key)] if int(key) < len(node) else None
        else:
            node = node.get(key) if isinstance(node, dict) else None
    return node


def _say(value: Any) -> str:
    """A value as a file would have it, in one line; long lists only by their length."""
    if value is None:
        return ""
    if isinstance(value, dict):
        words = ", ".join(
            f"{key} {f'({_say(item)})' if isinstance(item, dict) else _say(item)}" for key, item in value.items()
        )
        return words if len(words) <= LONGEST else f"{len(value)} entries"
    if isinstance(value, list):
        words = ", ".join(map(_say, value))
        return words if len(words) <= LONGEST else f"{len(value)} values"
    return str(value)
