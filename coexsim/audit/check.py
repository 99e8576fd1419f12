"""`check`: do the messages of a scenario go where it says, and what else is to be found in its set-up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from coexsim.audit.finding import Finding
from coexsim.audit.findings import find_all
from coexsim.cards import card
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace_mail
from coexsim.mail.traced import RecipientRoute, Route
from coexsim.scenario.given import require_scenario
from coexsim.scenario.model import Expect, Mail, Scenario
from coexsim.scenario.places import Path


class ExpectationCheck(NamedTuple):
    """One thing that a message was expected to do, and what it did."""

    key: str
    expected: str
    happened: str

    @property
    def held(self) -> bool:
        """They agree."""
        return self.expected == self.happened


class Expectation(NamedTuple):
    """What was expected of one recipient of a message."""

    name: str
    recipient: str
    path: Path
    file: str
    line: int
    comparisons: tuple[ExpectationCheck, ...]
    route: tuple[str, ...]
    outcome: str
    end: str = ""
    """How it ended, in a few words: ``delivered``, ``bounced 5.4.4 by onprem: smtp.example does not exist``."""
    words: str = ""
    """All that was said on the way, for its cause to be recognised."""
    cause: str = ""
    """``file:line`` of the finding that explains why it failed; empty where none does."""
    taken: str = ""
    """What was taken for granted of who hands it in, where one may have meant somebody else."""

    @property
    def why(self) -> str:
        """One line that says why it failed: ``expected delivered; instead bounced 5.4.4 by onprem: ... (file:24)``; empty if it held."""
        broken = [c for c in self.comparisons if not c.held]
        if not broken:
            return ""
        wanted = ", ".join(c.expected if c.key == "outcome" else f"{c.key} {c.expected}" for c in broken)
        if any(c.key == "outcome" for c in broken) or self.outcome != "delivered":
            happened = self.end
        else:
            happened = ", ".join(f"{c.key} {c.happened}" for c in broken)
        return f"expected {wanted}; instead {happened}" + "".join(
            f" ({each})" for each in (self.taken, self.cause) if each
        )

    @property
    def held(self) -> bool:
        """All of it came true."""
        return all(comparison.held for comparison in self.comparisons)

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


class CheckReport(NamedTuple):
    """What a check found: expectations held or failed, and findings with the acknowledged ones among them."""

    file: str
    title: str
    expectations: tuple[Expectation, ...]
    findings: tuple[Finding, ...]

    def __repr__(self) -> str:
        return f"<CheckReport {self.file}: {self._counts()}>"

    def _repr_html_(self) -> str:
        """For notebooks: what failed and what was found, with its place."""
        rows = [("failed", each.place, each.name, each.why) for each in self.failed]
        rows += [(each.severity, each.place, each.code, each.text) for each in self.open("error", "warning", "note")]
        return card(self.title or self.file, [self._counts()], ["", "where", "what", "why"], rows)

    def _counts(self) -> str:
        found = [(len(self.open(kind)), kind) for kind in ("error", "warning", "note")]
        held = f"{len(self.expectations) - len(self.failed)} held, {len(self.failed)} failed"
        return ", ".join([held, *(f"{number} {kind}{'s' * (number > 1)}" for number, kind in found if number)])

    @property
    def failed(self) -> tuple[Expectation, ...]:
        """The expectations that did not come true."""
        return tuple(expectation for expectation in self.expectations if not expectation.held)

    def open(self, *severities: str) -> tuple[Finding, ...]:
        """The findings of these severities that nobody acknowledged."""
        return tuple(f for f in self.findings if f.acknowledged is None and f.severity in severities)

    def holds(self, *, strict: bool = False) -> bool:
        """No expectation failed and no error is open; with `strict`, no warning either."""
        return not self.failed and not self.open(*(("error", "warning") if strict else ("error",)))


def check(scenario: Scenario | Setup) -> CheckReport:
    """Route every message that says what it expects, and search the whole set-up for what is wrong or worth knowing.

    A failed expectation or an open `error` means that the check does not hold; see `CheckReport.holds`.
    """
    if not isinstance(scenario, Setup):
        require_scenario(scenario)
    setup = scenario if isinstance(scenario, Setup) else Setup(scenario)
    messages = enumerate(setup.scenario.messages)
    findings = tuple(find_all(setup))
    expectations = tuple(
        _with_cause(found, findings) for index, mail in messages for found in _expectations(setup, index, mail)
    )
    return CheckReport(setup.scenario.source.file, setup.scenario.title, expectations, findings)


def _with_cause(found: Expectation, findings: tuple[Finding, ...]) -> Expectation:
    """A failed expectation with the place of the finding that explains it, if there is one."""
    if found.held or found.outcome == "delivered":
        return found
    return found._replace(cause=_cause(found.words, findings))


def cause_of(recipient: RecipientRoute, findings: tuple[Finding, ...]) -> str:
    """``file:line`` of the finding that explains what became of a recipient; empty where none does."""
    return _cause("\n".join(_words(recipient)), findings)


def _cause(words: str, findings: tuple[Finding, ...]) -> str:
    causes = (finding.place for finding in findings if any(mark in words for mark in finding.marks))
    return next(causes, "")


def _expectations(setup: Setup, index: int, mail: Mail) -> Iterator[Expectation]:
    if mail.expect is None and not mail.expect_each:
        return
    route = trace_mail(setup, mail)
    for written in dict.fromkeys(mail.to):
        recipient = route[setup.scenario.address_of(written)]
        wanted = [
            (("messages", index, "expect"), mail.expect),
            (("messages", index, "expect_each", written), mail.expect_each.get(written)),
        ]
        for path, expect in wanted:
            if expect is not None:
                yield _compare(setup, index, mail, path, expect, recipient, route)


def _compare(
    setup: Setup, index: int, mail: Mail, path: Path, expect: Expect, recipient: RecipientRoute, route: Route
) -> Expectation:
    happened = {
        "route": _way(recipient.servers),
        "outcome": recipient.outcome,
        "code": recipient.code or "none",
        "by": recipient.by or "nobody",
        "rules": _way(tuple(hop.rule for hop in recipient.hops)),
        "dsn_to": recipient.dsn_to or "nobody",
        "dsn_route": _way(recipient.dsn_servers),
        "transactions": str(len(route.transactions)),
    }
    comparisons = []
    for key in happened:
        value = getattr(expect, key)
        if value is not None:
            comparisons.append(
                ExpectationCheck(key, _way(value) if isinstance(value, tuple) else str(value), happened[key])
            )
    file, line = setup.scenario.source.where(path)
    name = mail.name or f"message {index + 1}, {mail.sender} to {recipient.recipient}"
    return Expectation(
        name, recipient.recipient, path, file, line, tuple(comparisons), recipient.servers, recipient.outcome,
        _end(recipient), "\n".join(_words(recipient)), taken=_taken(setup, mail),
    )  # fmt: skip


def _taken(setup: Setup, mail: Mail) -> str:
    sender = mail.envelope_sender and setup.scenario.address_of(mail.envelope_sender)
    if mail.at is None or mail.client != "own-user" or not is_of_another_organisation(setup, sender, mail.at):
        return ""
    return f"handed in by a user of {mail.at}; 'client: outside' is a stranger"


def is_of_another_organisation(setup: Setup, sender: str, server: str) -> bool:
    """Is this the address of another organisation, which hands its mail in elsewhere than at this server."""
    return bool(sender) and not setup.directory.is_ours(sender) and setup.submission_server(sender) != server


def _end(recipient: RecipientRoute) -> str:
    outcome = recipient.outcome.replace("_", " ")
    if recipient.reply is None:
        return outcome
    by = f" by {recipient.by}" if recipient.by else ""
    return f"{outcome} {recipient.reply.enhanced}{by}: {recipient.reply.text}"


def _words(recipient: RecipientRoute) -> Iterator[str]:
    """What each server and the last reply said, each with the server's name, as findings know it."""
    for hop in recipient.hops:
        yield f"{hop.server}: {hop.reason}"
        yield from hop.dns
    if recipient.reply is not None:
        yield str(recipient.reply)


def _way(servers: tuple[str, ...]) -> str:
    return " -> ".join(servers) or "none"
