"""A simulated day as the writers of logs need it: hosts, dates, and a name for every nameless mailbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from coexsim.mail.directory import MailboxClass
from coexsim.mail.message import Rcpt, domain_of
from coexsim.mail.setup import Setup
from coexsim.scenario.model import Scenario
from coexsim.sim.mail_log import MailLog, Visit
from coexsim.units import DAY_S

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)  # a simulated week has no date: it is the first one of 2024
OUTSIDE = 1000  # people of another domain who write and are written to
CLIENT_ADDRESS = "203.0.113.1"  # TEST-NET-3 (RFC 5737): the machines of a server's own users
STEP = 7919  # a prime: people of consecutive messages are far apart


@dataclass(frozen=True)
class LoggedHost:
    """A machine as logs name it."""

    name: str
    address: str
    kind: str

    def __str__(self) -> str:
        return f"{self.name}[{self.address}]"


class MailboxAddresses:
    """One address for each of the alike mailboxes of a class."""

    def __init__(self, classes: Iterable[MailboxClass]) -> None:
        self._sizes = {c.address: max(c.mailboxes, OUTSIDE if c.side == "internet" else 1) for c in classes}

    def sender(self, address: str, mail: int) -> str:
        """Who wrote a mail."""
        return self._one(address, mail, self._sizes.get(address, 1) // 2)

    def recipients(self, recipients: Iterable[Rcpt], mail: int) -> Iterator[tuple[str, str]]:
        """Each recipient, and as the sender wrote it."""
        for rcpt in recipients:
            for place in range(rcpt.count):
                address = self._one(rcpt.address, mail, place)
                yield address, self._one(rcpt.written, mail, place) if rcpt.original else address

    def _one(self, address: str, mail: int, place: int) -> str:
        local, at, domain = address.rpartition("@")
        size = self._sizes.get(address)
        if size is None:
            return address if not place or not at else f"{local}-{place + 1}@{domain}"
        return f"{local}-{(mail * STEP + place) % size + 1}@{domain}"


@dataclass(frozen=True)
class Day:
    """What a run did, and how to write of it."""

    log: MailLog
    hosts: dict[str, LoggedHost]  # by machine
    people: MailboxAddresses
    begin: datetime
    domain: str

    @cached_property
    def by_mail(self) -> dict[tuple[str, int], list[Visit]]:
        """The visits of each message at a machine, in order; its notices are among them."""
        found: dict[tuple[str, int], list[Visit]] = {}
        for visit in self.log.visits:
            found.setdefault((visit.machine, visit.mail), []).append(visit)
        return found

    def at(self, at_s: float) -> datetime:
        """The date and time of a simulated second."""
        return self.begin + timedelta(seconds=at_s)

    def client(self, visit: Visit) -> LoggedHost:
        """Who handed a message in: another machine, or the mail programs of the server's own users."""
        if visit.parent >= 0:
            return self.hosts[self.log.visits[visit.parent].machine]
        return self.submitter(visit.client, visit.machine)

    def submitter(self, client: str, machine: str) -> LoggedHost:
        """The host that a client's mail comes from: where it is no server, mail programs in the domain of the one that takes it."""
        domain = self.hosts[machine].name.partition(".")[2]
        return self.hosts.get(client) or LoggedHost(f"clients.{domain}", CLIENT_ADDRESS, "clients")

    def host_of(self, name: str) -> LoggedHost | None:
        """The machine of a server or host name; None: of none that there is."""
        return self.hosts.get(name) or next((host for host in self.hosts.values() if host.name == name), None)

    def message_id(self, visit: Visit) -> str:
        """The Message-ID header, which a message keeps on its way."""
        root = visit
        while root.parent >= 0:
            root = self.log.visits[root.parent]
        return f"<{root.number}.{root.kind}@{self.hosts[root.machine].name}>"

    def visits_at(self, machine: str) -> Iterator[Visit]:
        """The visits of one machine, by arrival."""
        return (visit for visit in self.log.visits if visit.machine == machine)

    def named(self, recipients: Iterable[Rcpt], mail: int) -> list[tuple[str, str]]:
        """As `MailboxAddresses.recipients`."""
        return list(self.people.recipients(recipients, mail))

    def sender(self, visit: Visit) -> str:
        """The envelope sender; notices have none."""
        return self.people.sender(visit.sender, visit.mail) if visit.sender else ""

    def gone_s(self, visit: Visit) -> float | None:
        """When the last recipient left the queue; None: some are still there."""
        left = sum(rcpt.count for parting in visit.partings if parting.how != "deferred" for rcpt in parting.recipients)
        done = left >= sum(rcpt.count for rcpt in visit.recipients)
        return max(parting.at_s for parting in visit.partings if parting.how != "deferred") if done and left else None


def day_of(log: MailLog, scenario: Scenario) -> Day:
    """A run's mail log with what the scenario says of hosts, times and nameless mailboxes."""
    setup = Setup(scenario)
    outside = (d for s in scenario.servers.values() if s.kind == "external" for d in s.domain)
    classes = [*setup.directory.classes, *(MailboxClass(f"somebody@{domain}", "internet", 1) for domain in outside)]
    hosts = {}
    for number, (name, server) in enumerate(scenario.servers.items(), start=10):
        if server.runs_on is None:
            name_of_host = server.host or next((f"mail.{d}" for d in getattr(server, "domain", ())), f"{name}.example")
            address = min(setup.addresses[name], default=f"198.51.100.{number}")
            hosts[name] = LoggedHost(name_of_host.rstrip(".").lower(), address, server.kind)
    start = scenario.run.start
    begin = MONDAY + timedelta(seconds=(start.day or 0) * DAY_S + start.second)
    return Day(log, hosts, MailboxAddresses(classes), begin, domain_of(f"@{scenario.domain}"))
