"""Machines that could be bought: what one changes in a scenario, ranges of them, and which is surely no smaller than which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from coexsim.experiment.ranges import read_values
from coexsim.scenario.base import Work
from coexsim.scenario.load import changed
from coexsim.scenario.machine import Service
from coexsim.scenario.model import Candidate, Scenario
from coexsim.units import bandwidth_bytes_per_s, say_bandwidth, say_bytes, size_bytes

RESOURCES = ("cores", "smtp_connections", "transfer_threads", "delivery_threads", "queue_disk", "speed", "uplink")
IN_CAPACITY = RESOURCES[:5]
WAYS = ("up", "down")


def read_candidates(scenario: Scenario, given: Sequence[Candidate | Mapping[str, object]]) -> list[Candidate]:
    """Machines as they are, or as they stand in a file: ``{"name": "four cores", "cores": 4, "cost": 2}``. Raises `ScenarioError`."""
    written = [dict(each) for each in given if isinstance(each, Mapping)]
    if not written:
        return [each for each in given if isinstance(each, Candidate)]
    size = changed(scenario, {"size": {"server": next(iter(scenario.servers)), "candidates": written}}).size
    read = iter(size.candidates if size else ())
    return [next(read) if isinstance(each, Mapping) else each for each in given]


def apply(scenario: Scenario, candidate: Candidate, server: str | None = None) -> Scenario:
    """The scenario with this machine as its `server` (default: the one that `size:` names). Raises `ScenarioError`.

    `speed` divides the service times of all roles on the machine; `uplink` is the bandwidth of all links of its site.
    """
    name = _server(scenario, server)
    changes: dict[str, object] = {}
    for resource in IN_CAPACITY:
        value = getattr(candidate, resource)
        if value is not None:
            changes[f"servers.{name}.capacity.{resource}"] = f"{value} B" if resource == "queue_disk" else value
    if candidate.speed != 1:
        for role, spec in scenario.servers.items():
            if name in (role, spec.runs_on):
                for stage in Service.model_fields:
                    work = getattr(spec.work, stage)
                    if work != Work():
                        changes[f"servers.{role}.service.{stage}"] = _quicker(work, candidate.speed)
    if candidate.uplink is not None:
        site = scenario.servers[name].site
        written = bits_per_s(candidate.uplink)
        for index, link in enumerate(scenario.links if site not in scenario.uplinks else ()):
            if site in link.between:
                changes |= link_as_wide(scenario, index, candidate.uplink, candidate.uplink)
        if site in scenario.uplinks:
            changes |= {f"uplinks.[{site}].{way}": written for way in WAYS}
    return changed(scenario, changes) if changes else scenario


def link_as_wide(scenario: Scenario, place: int, up: float | None, down: float | None) -> dict[str, object]:
    """The change that gives a link other bandwidths [bytes/s], however it is written in the file; None: as it is."""
    link = scenario.links[place]
    written = {
        key: value for key, value in scenario.source.raw["links"][place].items() if key not in ("bandwidth", *WAYS)
    }
    for way, wide, start in zip(WAYS, (up, down), link.between, strict=True):
        wide = link.bytes_per_s(start) if wide is None else wide
        if wide is not None:
            written[way] = bits_per_s(wide)
    if written.get("up") == written.get("down") is not None:
        written["bandwidth"] = written.pop("up")
        del written["down"]
    return {f"links.{place}": written}


def bits_per_s(value: float) -> str:
    """A bandwidth in bytes/s as a scenario file has it, to the last bit."""
    return f"{8 * value!r} bit/s"


def _server(scenario: Scenario, server: str | None) -> str:
    if server is None:
        if scenario.size is None:
            raise ValueError("the scenario has no 'size:'; say which server")
        server = scenario.size.server
    return server


def _seconds(value: float, speed: float) -> str:
    return f"{value / speed!r} s"


def _quicker(work: Work, speed: float) -> dict[str, object]:
    """The work as a scenario file has it, done `speed` times as quickly; a wait for the network is work like any other."""
    raw: dict[str, object] = {"law": work.law}
    if work.law == "empirical":
        raw["values"] = [_seconds(value, speed) for value in work.values]
        if work.weights:
            raw["weights"] = list(work.weights)
    else:
        raw["fixed"] = _seconds(work.fixed, speed)
    if work.per_MB:
        raw["per_MB"] = _seconds(work.per_MB, speed)
    if work.cv:
        raw["cv"] = work.cv
    if work.slow:
        slow = work.slow
        raw["slow"] = {
            "share": slow.share, "shortest": _seconds(slow.shortest, speed), "longest": _seconds(slow.longest, speed)
        }  # fmt: skip
    return raw


def ladder(resource: str, text: str) -> list[Candidate]:
    """The candidates of a range such as ``cores: 2..64``, smallest first, each as dear as it is large.

    Raises ValueError for a resource or a range that there is not.
    """
    if resource not in RESOURCES:
        raise ValueError(f"no resource is called {resource!r}; known: {', '.join(RESOURCES)}")
    steps = []
    for value in read_values(text):
        if resource == "uplink":
            number = bandwidth_bytes_per_s(value)
        elif resource == "queue_disk":
            number = float(size_bytes(value))
        else:
            number = float(value) if isinstance(value, (int, float)) else float(str(value))
        raw = {"name": say_resource(resource, number), "cost": number, resource: value}
        steps.append(Candidate.from_data(raw))
    return sorted(steps, key=lambda candidate: candidate.cost)


def say_amount(resource: str, value: float) -> str:
    """An amount of a resource for people."""
    if value == inf:
        return "no limit"
    if resource == "uplink":
        return say_bandwidth(float(f"{8 * value:.3g}") / 8)
    return say_bytes(value) if resource == "queue_disk" else f"{value:g}"


def say_resource(resource: str, value: float) -> str:
    """So much of a resource, in words: ``1 transfer thread``, ``50 MB queue disk``, ``2 Mbit/s uplink``."""
    words = "SMTP connections" if resource == "smtp_connections" else resource.replace("_", " ")
    return f"{say_amount(resource, value)} {words.removesuffix('s') if value == 1 else words}"


def together(candidates: Sequence[Candidate], name: str, cost: float | None = None) -> Candidate:
    """One machine with what each of the candidates says."""
    said: dict[str, object] = {}
    for candidate in candidates:
        for resource in RESOURCES:
            value = getattr(candidate, resource)
            if value is not None and (resource != "speed" or value != 1):
                said[resource] = value
    total = sum(candidate.cost for candidate in candidates) if cost is None else cost
    return candidates[0].replaced(name=name, cost=total, **said)


def amounts(scenario: Scenario, candidate: Candidate, server: str | None = None) -> dict[str, float]:
    """How much of each resource the server has with this machine; infinite where there is no limit."""
    name = _server(scenario, server)
    spec = scenario.servers[name]
    found: dict[str, float] = {"speed": candidate.speed}
    for resource in IN_CAPACITY:
        value = getattr(candidate, resource)
        value = getattr(spec.capacity, resource) if value is None else value
        found[resource] = inf if value is None else float(value)
    links = [link.bytes_per_s(site) for link in scenario.links if spec.site in link.between for site in link.between]
    if spec.site in scenario.uplinks:
        links = [scenario.uplinks[spec.site].up, scenario.uplinks[spec.site].down]
    found["uplink"] = candidate.uplink or min((inf if width is None else width for width in links), default=inf)
    return found


def has_less(one: Candidate, other: Candidate) -> bool:
    """Has `one` less than `other` of anything that both of them say."""
    pairs = [(getattr(one, resource), getattr(other, resource)) for resource in RESOURCES]
    return any(a is not None and b is not None and a < b for a, b in pairs)


def is_no_smaller(one: dict[str, float], other: dict[str, float]) -> bool:
    """Has `one` at least as much of everything as `other`."""
    return all(one[resource] >= other[resource] for resource in RESOURCES)
