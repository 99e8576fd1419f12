"""Whether a scenario takes the log's own mail where the log says that it went: each flow traced, its end set beside the log's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from coexsim.audit.classes import recipients, senders
from coexsim.audit.finding import Finding
from coexsim.audit.findings import find_all
from coexsim.audit.flows import Flow, flow
from coexsim.audit.mail_class import MailClass
from coexsim.mail.setup import Setup
from coexsim.scenario.idle import cores_work
from coexsim.scenario.model import Scenario

if TYPE_CHECKING:
    from coexsim.intake.fit import Fit

DELIVERED, FAILED = "delivered", "bounced"
_ENDS = {"delivered": DELIVERED, "handed on": DELIVERED, "bounced": FAILED, "refused": FAILED}
_SIDES = {"unknown at hosted": "unknown"}  # kinds of recipients of the log, by the side that a class of mail has


class WrongWay(NamedTuple):
    """Mail of a flow that ends otherwise in the scenario than the log says."""

    flow: str
    measured: str
    predicted: str
    copies: int
    of: int
    why: str

    @property
    def is_most(self) -> bool:
        """Is it most of the flow; a few copies may end otherwise for reasons of their own, such as a full mailbox."""
        return 2 * self.copies > self.of

    def __str__(self) -> str:
        if not self.is_most:
            end = "did not arrive" if self.measured == FAILED else "arrived"
            whole = "delivers" if self.predicted == DELIVERED else "bounces"
            return f"{self.flow}: in the log {self.copies:,} of {self.of:,} copies {end}; the scenario {whole} the whole flow"
        verb = "bounces" if self.predicted == FAILED else "delivers"
        said = "delivered" if self.measured == DELIVERED else "did not deliver"
        return f"{self.flow}: the scenario {verb} {self.copies:,} of {self.of:,} copies that the log {said}, because {self.why}"


def wrong_ways(found: Fit, scenario: Scenario) -> list[WrongWay]:
    """The flows of the log that end otherwise in a scenario, most copies first."""
    setup = Setup(scenario)
    findings: tuple[Finding, ...] | None = None
    froms, tos = _typical(senders(setup)), _typical(recipients(setup))
    copies: Counter[tuple[str, str, str]] = Counter()
    for sender, kind, outcome, n in zip(
        *(found.flows[name].tolist() for name in ("sender", "recipient", "outcome", "recipients")), strict=True
    ):
        if outcome in _ENDS:
            copies[sender, _SIDES.get(kind, kind), _ENDS[outcome]] += n
    wrong = []
    for (sender, kind, measured), n in sorted(copies.items()):
        if sender in froms and kind in tos and not sender == kind == "internet":
            traced = flow(setup, froms[sender], tos[kind])
            predicted = DELIVERED if traced.delivered else FAILED
            if predicted != measured:
                of = copies[sender, kind, DELIVERED] + copies[sender, kind, FAILED]
                if findings is None:
                    findings = tuple(find_all(setup))
                wrong.append(WrongWay(f"{sender} to {kind}", measured, predicted, n, of, _why(traced, findings)))
    return sorted(wrong, key=lambda each: -each.copies)


def before_the_logs(found: Fit, scenario: Scenario) -> dict[str, list[str]]:
    """By flow, such as ``internet->onprem``: the servers with work of their own that mail passes before it comes to one whose log was read.

    What they take is in no measured delay, since that begins where the first log names the message.
    """
    logged, passed = _logged(found, scenario), {}
    for name, way in _ways(scenario).items():
        first = next((place for place, server in enumerate(way) if server in logged), len(way))
        works = [server for server in way[1:first] if scenario.servers[server].service.accept.mean_s(0.0) > 0]
        if works and first < len(way):
            passed[name] = works
    return passed


def begun_in_no_log(found: Fit, scenario: Scenario) -> set[str]:
    """The flows whose mail is handed in at a server without a log."""
    logged = _logged(found, scenario)
    return {name for name, way in _ways(scenario).items() if way and way[0] not in logged}


def hops_in_no_log(found: Fit, scenario: Scenario) -> dict[str, int]:
    """By flow: how often its mail is handed from server to server where one of the two has no log."""
    logged = _logged(found, scenario)
    return {name: sum(not logged.issuperset(pair) for pair in pairwise(way)) for name, way in _ways(scenario).items()}


def roles_of(found: Fit, given: Scenario, name: str) -> tuple[str, ...]:
    """The servers of the scenario for which a log speaks: a hosted service's for the one that takes mail in and the one that sends it."""
    also = (given.submission_server.get(side) for side in ("onprem", "hosted") if given.home_server.get(side) == name)
    logged = set(found.names.values())
    return (name, *(other for other in also if other is not None and other not in logged))


def _logged(found: Fit, scenario: Scenario) -> set[str]:
    """The servers of the scenario for which a log speaks."""
    return {role for name in found.names.values() for role in roles_of(found, scenario, name)}


def _ways(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """The servers that mail of each flow passes, as a message between typical people of its sides does."""
    setup = Setup(scenario)
    froms, tos = _typical(senders(setup)), _typical(recipients(setup))
    return {
        f"{sender}->{to}": flow(setup, one, other).servers
        for sender, one in froms.items()
        for to, other in tos.items()
        if not sender == to == "internet"
    }


def without_work(scenario: Scenario) -> list[str]:
    """The organisation's machines at whose cores nothing takes time: `size` cannot say how many of them these need."""
    own = (name for name, server in scenario.servers.items() if server.kind != "external" and server.runs_on is None)
    return [name for name in own if not cores_work(scenario, name)]


def faults(scenario: Scenario) -> list[str]:
    """The errors that a check of a scenario finds, a sentence each."""
    return [f"{found.code}: {found.text}" for found in find_all(Setup(scenario)) if found.severity == "error"]


def _typical(classes: list[MailClass]) -> dict[str, MailClass]:
    """The class of each side with most mailboxes: those are told apart by their names, which the log's flows are not."""
    found: dict[str, MailClass] = {}
    for each in classes:
        if each.side not in found or each.mailboxes > found[each.side].mailboxes:
            found[each.side] = each
    return found


def _why(traced: Flow, findings: Iterable[Finding]) -> str:
    """What the last server said, with the finding that explains it, or that mail goes round."""
    if traced.delivered:
        return f"it goes by {', '.join(traced.servers)} and is not refused there"
    if traced.loop:
        return f"it goes round {', '.join(traced.loop)}"
    cause = next((each for each in findings if any(mark in traced.words for mark in each.marks)), None)
    return traced.words + (f" ({cause.code})" if cause else "")


__all__ = [
    "WrongWay",
    "before_the_logs",
    "begun_in_no_log",
    "faults",
    "hops_in_no_log",
    "roles_of",
    "without_work",
    "wrong_ways",
]
