"""What is wrong or worth knowing in a set-up, each with a stable code, its place in the file, and a sentence that says what to do.

Findings come in two rounds. Causes (a zone that lacks a record, a step left out) are read off the settings; each knows by which words it
is recognised in a trace. Then the flows are looked at: what a cause explains is listed under that cause, not beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from coexsim.audit.classes import own_domains
from coexsim.audit.finding_texts import EXPLANATIONS
from coexsim.audit.flows import Flow, all_flows
from coexsim.mail.message import fold
from coexsim.mail.setup import Setup
from coexsim.scenario.servers import ExternalServer, HostedInbound
from coexsim.scenario.values import Path

if TYPE_CHECKING:
    from coexsim.scenario.model import Scenario

Severity = Literal["error", "warning", "note"]


class Finding(NamedTuple):
    """One finding. `about` are the names it is about; `marks` are words by which a trace shows that this is the cause."""

    code: str
    path: Path
    text: str
    severity: Severity
    file: str = ""
    line: int = 0
    about: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    acknowledged: str | None = None
    marks: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The path in the scenario, as it is written: ``servers.onprem.smart_host``."""
        return ".".join(f"[{key}]" if isinstance(key, int) else key for key in self.path).replace(".[", "[")

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Search:
    """A set-up that is searched: every class of sender to every class of recipient, worked out once.

    `unreached` are the addresses of classes that some mail does not reach, whatever the cause.
    """

    setup: Setup
    flows: list[Flow]
    unreached: frozenset[str]

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.setup.scenario

    @cached_property
    def own_servers(self) -> list[str]:
        """The servers of the organisation and of its hosted service."""
        return [name for name, server in self.scenario.servers.items() if not isinstance(server, ExternalServer)]

    @cached_property
    def domains(self) -> list[str]:
        """The shared domain, and the others in which a server of the organisation looks people up."""
        policies = [self.setup.policies[name] for name in self.own_servers]
        looked_up = {domain for policy in policies for domain, rule in policy.domains.items() if rule.looked_up}
        return [domain for n, domain in enumerate(own_domains(self.setup)) if n == 0 or domain in looked_up]

    @cached_property
    def relies_on_smart_host(self) -> bool:
        """Is there a hosted person without a forwarding address: nothing but the smart host leads to the mail file."""
        hosted = set(self.scenario.of_kind(HostedInbound))
        return any(person.home in hosted and person.forwarding is None for person in self.setup.directory.everyone())

    def finding(
        self,
        code: str,
        path: Path,
        text: str,
        *,
        about: tuple[str, ...] = (),
        marks: tuple[str, ...] = (),
        severity: Severity | None = None,
    ) -> Finding:
        """A finding at its place in the file, as severe as its kind usually is."""
        file, line = self.scenario.source.where(path)
        return Finding(code, path, text, severity or EXPLANATIONS[code].severity, file, line, about, marks=marks)

    def setting(self, server: str, *names: str) -> Path:
        """The first of these settings that a server has, or the server."""
        known = type(self.scenario.servers[server]).fields if server in self.scenario.servers else {}
        return next((("servers", server, name) for name in names if name in known), ("servers", server))


Finder = Callable[[Search], Iterator[Finding]]


def find_all(setup: Setup) -> list[Finding]:
    """Every finding about a set-up, causes first; those that the scenario acknowledges are marked with its reason."""
    from coexsim.audit.findings_dns import DNS_FINDERS
    from coexsim.audit.findings_exposure import EXPOSURE_FINDERS, STRANGER_FINDERS
    from coexsim.audit.findings_flows import FLOW_FINDERS
    from coexsim.audit.findings_limits import LIMIT_FINDERS
    from coexsim.audit.findings_steps import STEP_FINDERS

    flows = all_flows(setup)
    search = Search(setup, flows, frozenset(fold(flow.recipient.address) for flow in flows if not flow.delivered))
    causes = [finding for finder in (*DNS_FINDERS, *STEP_FINDERS, *STRANGER_FINDERS) for finding in finder(search)]
    causes = _fold_hosts(causes)
    explained: dict[int, list[str]] = {}
    search = replace(search, flows=[flow for flow in flows if not _explained(flow, causes, explained)])
    causes = [_with_consequences(cause, explained.get(n, [])) for n, cause in enumerate(causes)]
    found = [
        *causes,
        *(finding for finder in (*FLOW_FINDERS, *LIMIT_FINDERS, *EXPOSURE_FINDERS) for finding in finder(search)),
    ]
    return acknowledge(search, found)


def _with_consequences(cause: Finding, follows: list[str]) -> Finding:
    """What keeps mail from people who exist is an error, however mild its kind usually is."""
    severity: Severity = "error" if follows else cause.severity
    return cause._replace(consequences=(*cause.consequences, *follows), severity=severity)


def _explained(flow: Flow, causes: list[Finding], explained: dict[int, list[str]]) -> bool:
    """Is the flow's failure (or that of a notice about it) the consequence of a cause; if so it is listed there."""
    words = flow.words or flow.notice_words
    cause = next((n for n, cause in enumerate(causes) if any(mark in words for mark in cause.marks)), None)
    if cause is None:
        return False
    if not flow.delivered and flow.recipient.exists:
        explained.setdefault(cause, []).append(f"{flow}: {flow.outcome.replace('_', ' ')}")
    return True


def _fold_hosts(causes: list[Finding]) -> list[Finding]:
    """A server's host that is not in DNS beside an MX target that is not: one fault, told once."""
    faulty = next((n for n, cause in enumerate(causes) if cause.code == "MX-NO-ADDRESS"), None)
    hosts = [cause for cause in causes if cause.code == "HOST-NOT-IN-DNS"]
    if faulty is None or not hosts:
        return causes
    causes[faulty] = causes[faulty]._replace(consequences=tuple(host.text for host in hosts))
    return [cause for cause in causes if cause not in hosts]


def acknowledge(search: Search, found: list[Finding]) -> list[Finding]:
    """Mark what the scenario acknowledges; an acknowledgement that matches nothing is a finding too."""
    result = list(found)
    for index, expected in enumerate(search.scenario.acknowledge):
        matching = [
            n
            for n, finding in enumerate(result)
            if finding.code == expected.code
            and (expected.where is None or expected.where in (finding.where, *finding.about, *finding.path))
        ]
        for n in matching:
            result[n] = result[n]._replace(acknowledged=expected.reason)
        if not matching:
            at = f" at {expected.where}" if expected.where else ""
            known = "" if expected.code in EXPLANATIONS else f"; no finding has that code{_near(expected.code)}"
            result.append(
                search.finding(
                    "ACKNOWLEDGED-NOTHING",
                    ("acknowledge", index),
                    f"{expected.code}{at} is acknowledged but not found{known}; take the entry out",
                    about=(expected.code,),
                )
            )
    return result


def listed(names: Iterable[str], most: int = 4) -> str:
    """``a, b and 3 more``."""
    found = list(names)
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")


def _near(code: str) -> str:
    from coexsim.errors import did_you_mean

    return did_you_mean(code, list(EXPLANATIONS))
