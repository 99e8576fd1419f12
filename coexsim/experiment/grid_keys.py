"""Which keys a grid of scenarios may have; what one that there is not was probably meant to be."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from coexsim.errors import Problem, did_you_mean
from coexsim.scenario.describe import NAME, all_keys
from coexsim.scenario.faults import keys_of as keys_of_model
from coexsim.scenario.load import keys_of
from coexsim.scenario.model import Scenario


def wrong_keys(scenario: Scenario, keys: Collection[str], words: Sequence[str]) -> Iterator[Problem]:
    """Keys that are neither one of these words nor begin in the scenario, and those of servers that there are not, if none is made."""
    for key in keys:
        first, *rest = keys_of(scenario, key)
        if key in words:
            continue
        if first not in keys_of_model(Scenario):
            yield Problem(*scenario.source.where(()), key, f"there is no such key{_meant(scenario, key, words)}")
        elif first == "servers" and len(rest) > 1 and rest[0] not in scenario.servers:
            if f"servers.{rest[0]}.kind" in keys:
                continue
            near = did_you_mean(rest[0], list(scenario.servers)) or f"; there are {', '.join(scenario.servers)}"
            yield Problem(*scenario.source.where(("servers",)), key, f"no server is called {rest[0]!r}{near}")


def _meant(scenario: Scenario, key: str, words: Sequence[str]) -> str:
    """``; did you mean 'growth'?``, or what would do."""
    whole = next(_from_the_top(scenario, key), None)
    if whole is not None:
        return f"; did you mean {whole!r}?"
    example = next(_from_the_top(scenario, "cores"), "load.growth")
    return did_you_mean(key, [*words, *keys_of_model(Scenario)]) or (
        f"; write {', '.join(words)} or a key of the scenario from its top, such as {example}; 'coexsim explain' lists all of them"
    )


def _from_the_top(scenario: Scenario, end: str) -> Iterator[str]:
    """The keys of the scenario that end so, written from its top: servers of the own side first, of links the first."""
    last = end.split(".")
    own = scenario.home_server.get("onprem")
    for path in (key.path for key in all_keys()):
        if list(path[-len(last) :]) != last or NAME in path[2:]:
            continue
        if path[0] == "servers":
            for name in sorted(scenario.servers, key=lambda name: name != own):
                if path[1] in (NAME, scenario.servers[name].kind):
                    yield ".".join(["servers", name, *path[2:]])
        elif path[0] == "links" and scenario.links:
            yield ".".join(["links[0]", *path[1:]])
        elif path[0] in ("load", "run") and NAME not in path:
            yield ".".join(path)
