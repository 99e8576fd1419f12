"""The facts that rules are asked about: each server's policy, the directory, the zones, and which server is at an address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Literal, NamedTuple

from coexsim.mail.directory import Directory, Entry, Person, View
from coexsim.mail.dns import Answer, Question, listener
from coexsim.mail.message import SMTP_PORT, domain_of, fold, local_part_of, without_extension
from coexsim.mail.placing import place_servers
from coexsim.mail.policy import Policy
from coexsim.mail.products.registry import policy_of, roles_of
from coexsim.mail.zones import read_zones
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import ExternalServer, HostedInbound, HostedOutbound

Ask = Callable[[Question], Answer]


class State(NamedTuple):
    """What of the world can change an answer: versions of directory and replica, and the zones that fail just now."""

    version: int = 0
    replica_version: int = 0
    failing: tuple[tuple[str, str], ...] = ()


class Setup:
    """Everything about a scenario that routing rules need, worked out once. Read-only. Raises `ScenarioError` for bad zones."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.directory = Directory(scenario)
        self._external_zones = read_zones(scenario)
        self._internal_zones = read_zones(scenario, "internal_dns") if scenario.internal_dns else None
        self._permanent: tuple[tuple[str, str], ...] = tuple(
            sorted((fold(z), spec.fault) for z, spec in scenario.dns.items() if spec.fault)
        )
        self.addresses = place_servers(scenario, self._external_zones, self._internal_zones)
        self.server_at = {
            listener(address, server.port): name
            for name, server in scenario.servers.items()
            if server.runs_on is None or server.port != SMTP_PORT
            for address in sorted(self.addresses[name])
        }
        by_port = sorted(scenario.servers.items(), key=lambda each: each[1].port == SMTP_PORT)
        self.server_of_host = {fold(s.host): name for name, s in by_port if s.host}
        roles = roles_of(scenario)
        self.policies: Mapping[str, Policy] = {
            name: policy_of(scenario, name, self.addresses[name], roles) for name in scenario.servers
        }
        self._homes, self._entry_points = scenario.home_server, scenario.submission_server
        outside = reversed(scenario.of_kind(ExternalServer).items())
        self._outside = {fold(domain): name for name, server in outside for domain in server.domain}
        self.external_servers = frozenset(scenario.of_kind(ExternalServer))
        self._faults = [
            (
                e.at.after(scenario.run.start),
                e.at.after(scenario.run.start) + (float("inf") if e.for_ is None else e.for_),
                fold(e.zone or ""),
                e.fault or "",
            )
            for e in scenario.events
            if e.zone and e.at
        ]

    @cached_property
    def crowds(self) -> frozenset[str]:
        """Addresses that stand for many mailboxes, whose own limits therefore cannot be counted."""
        outside = (f"somebody@{fold(s.domain[0])}" for s in self.scenario.of_kind(ExternalServer).values())
        return frozenset((*outside, *(fold(c.address) for c in self.directory.classes if c.mailboxes != 1)))

    def machine_of(self, name: str) -> str:
        """The server whose machine (and so whose IP address) a server or role has; any other client's name as it is."""
        server = self.scenario.servers.get(name)
        return server.runs_on or name if server else name

    def side_of_home(self, home: str | None) -> Literal["onprem", "hosted", "elsewhere"]:
        """On which side the mail files of a server are."""
        server = self.scenario.servers.get(home or "")
        if server is None:
            return "elsewhere"
        return "hosted" if server.side == "hosted" or home == self._homes.get("hosted") else "onprem"

    def is_outside(self, address: str) -> bool:
        """Is an address in a domain of an external server."""
        return domain_of(address) in self._outside

    def state_at(self, now_s: float) -> State:
        """The state of the world at a time."""
        return State(
            self.directory.version_at(now_s, replica=False),
            self.directory.version_at(now_s, replica=True),
            self._failing_at(now_s),
        )

    def _failing_at(self, now_s: float) -> tuple[tuple[str, str], ...]:
        if not self._faults:
            return self._permanent
        now = {zone: fault for begin, end, zone, fault in self._faults if begin <= now_s < end}
        return tuple(sorted((dict(self._permanent) | now).items()))

    def zones_will_change(self, now_s: float) -> bool:
        """Will zones fail, or answer, otherwise at a later time."""
        failing = self._failing_at(now_s)
        return any(self._failing_at(t) != failing for t in self._fault_times_s if now_s < t < float("inf"))

    def will_change(self, now_s: float) -> bool:
        """Will `state_at` be another one at a later time."""
        return bool(self._change_times_s) and self._change_times_s[-1] > now_s

    def change_times_s(self) -> list[float]:
        """The times at which `state_at` changes."""
        return list(self._change_times_s)

    @cached_property
    def _fault_times_s(self) -> list[float]:
        return sorted({t for begin, end, _, _ in self._faults for t in (begin, end)})

    @cached_property
    def _change_times_s(self) -> list[float]:
        times = set(self._fault_times_s)
        times.update(self.directory.change_times_s(replica=False), self.directory.change_times_s(replica=True))
        return sorted(t for t in times if t != float("inf"))

    def answer(self, question: Question, state: State, *, external: bool = True) -> Answer:
        """What DNS says in a state of the world, to the Internet or inside the organisation."""
        if not external and self._internal_zones is not None and self._internal_zones.zone_of(question.name):
            return self._internal_zones.answer(question)
        return self._external_zones.answer(question, dict(state.failing) if state.failing else None)

    def is_routing_address(self, person: Person) -> bool:
        """Does the forwarding address of somebody with a hosted mail file lead to that mail file: by an alias, or by a domain of the
        service alone.
        """
        target = person.forwarding or ""
        entry = self.directory.find(target, self.directory.latest)
        if isinstance(entry, Person) and entry.address == person.address:
            return True
        policy = self.policies.get(person.home or "")
        domain = domain_of(target)
        return policy is not None and domain != self.directory.domain and policy.rule_for(target) is not None

    def zone_of(self, name: str) -> str | None:
        """The declared zone that a name lies in."""
        return self._external_zones.zone_of(name)

    def find(self, policy: Policy, address: str, state: State) -> Entry | None:
        """The directory entry of a recipient as this server sees it, by its way of looking addresses up."""
        address = policy.at_own_domain(address)
        entry = self._find(policy, address, state)
        if entry is None and policy.delimiters:
            base = without_extension(address, policy.delimiters)
            entry = self._find(policy, base, state) if base != address else None
        if entry is not None and entry.known_at and policy.server not in entry.known_at:
            return None  # the record is in another directory
        return entry

    def _find(self, policy: Policy, address: str, state: State) -> Entry | None:
        version = state.replica_version if policy.replica else state.version
        view: View = "replica" if policy.replica else "master"
        entry = None
        if policy.lookup != "local part only":
            entry = self.directory.find(address, version, view)
            other = policy.looks_up_alternates and domain_of(address) != policy.primary_domain
            if entry is None and other and policy.rule_for(address) is not None:
                primary = f"{local_part_of(address)}@{policy.primary_domain}"  # the secondary lookup of [D-GD]
                entry = self.directory.find(primary, version, view)
        if entry is None and policy.lookup != "full name only":
            entry = self.directory.find_local_part(address, version, view)
        return entry

    def submission_server(self, sender: str, state: State | None = None) -> str | None:
        """Where mail from this sender is handed in: its mail file's server, the hosted outbound server, or its own domain's."""
        outside = self._outside.get(domain_of(sender))
        if outside is not None:
            return outside
        entry = self.directory.find(sender, (state or State()).version)
        if self.directory.is_ours(sender) or entry is not None:
            home = getattr(entry, "home", None)
            if home is not None and home == self._homes.get("hosted"):
                return self._entry_points.get("hosted")
            server = self.scenario.servers.get(home or "")
            if isinstance(server, HostedInbound):  # of another tenant: by the outbound server of that one
                doors = self.scenario.of_kind(HostedOutbound).items()
                return next((name for name, door in doors if door.tenant == server.tenant), home)
            return home or self._entry_points.get("onprem")
        return self._entry_points.get("internet")
