"""`trace`: the way of one message, with the rule at each server, from hand-in to its end for every recipient.

It asks the same rules as the simulation (``trace_driver.py`` carries the message, ``traced.py`` is what it tells).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from coexsim.mail.gathered import Gathered, worst
from coexsim.mail.message import Client, Envelope, Rcpt, fold
from coexsim.mail.outages import Outages
from coexsim.mail.setup import Setup
from coexsim.mail.trace_driver import TraceDriver
from coexsim.mail.traced import Copy, Deferral, Hop, Notice, Outcome, RecipientRoute, Route, Transaction, deciding
from coexsim.scenario.given import require_scenario
from coexsim.scenario.model import Mail, Scenario


def trace(
    scenario: Scenario | Setup, sender: str, recipients: str | Sequence[str], *, size_bytes: int = 4096, at_s: float = 0.0,
    down: Iterable[str] = (), server: str | None = None, via_mx: bool = False, client: Client = "own-user", declare_size: bool = True,
) -> Route:  # fmt: skip
    """Where a message goes, by which rules, and how it ends for each recipient.

    `recipients` are addresses, or names of people and groups. `at_s` is seconds from the scenario's start; its events apply.
    `down` are servers, links or ``dns`` that are down with no known end. `server` is where it is handed in (default: the
    sender's own), by its own user or a `client` from outside. `via_mx`: the client finds that server by MX.
    """
    if not isinstance(scenario, Setup):
        require_scenario(scenario)
    setup = scenario if isinstance(scenario, Setup) else Setup(scenario)
    names = (recipients,) if isinstance(recipients, str) else tuple(recipients)
    addresses = tuple(setup.scenario.address_of(name) for name in names)
    sender_address = "" if sender in ("", "<>") else setup.scenario.address_of(sender)
    envelope = Envelope(
        sender_address, tuple(Rcpt(a) for a in dict.fromkeys(addresses)), size_bytes, declares_size=declare_size
    )
    driver = TraceDriver(setup, Outages(setup.scenario, down))
    driver.hand_in(envelope, at_s, server, via_mx, client)
    driver.run()
    return _told(driver, sender_address, addresses)


def trace_mail(scenario: Scenario | Setup, mail: Mail, *, at_s: float = 0.0, down: Iterable[str] = ()) -> Route:
    """`trace` for a message of the scenario file."""
    return trace(
        scenario, mail.envelope_sender, mail.to, size_bytes=mail.size, at_s=at_s, down=down, server=mail.at, via_mx=mail.via == "mx",
        client=mail.client, declare_size=mail.declare_size,
    )  # fmt: skip


def _told(driver: TraceDriver, sender: str, addresses: tuple[str, ...]) -> Route:
    """What became of every recipient as written."""
    notices = tuple(
        Notice(m.kind, m.notice_by, m.to, m.about, next((copy for _, copy in m.copies), None), m.at_s)
        for m in driver.messages[1:]
    )
    recipients = tuple(_recipient(driver.messages[0], address, notices) for address in dict.fromkeys(addresses))
    return Route(sender, recipients, tuple(driver.transactions), notices, driver.setup.scenario.run.start)


def _recipient(main: Gathered, address: str, notices: tuple[Notice, ...]) -> RecipientRoute:
    copies = [copy for written, copy in main.copies if written == address]
    doubled = main.all_led_to({other for written, other in main.duplicates if written == address})
    if doubled:
        copies += [copy for _, copy in main.copies if fold(copy.address) in doubled and copy not in copies]
    dsn = next((n for n in notices if n.kind == "dsn" and address in n.about), None)
    deferred = tuple(deferral for written, deferral in main.deferrals if written == address)
    outcome = worst([copy.outcome for copy in deciding(copies)])
    return RecipientRoute(
        address, outcome, tuple(copies), dsn, deferred, main.expires.get(address), main.warned.get(address)
    )


__all__ = [
    "Copy", "Deferral", "Hop", "Notice", "Outcome", "RecipientRoute", "Route", "Transaction", "trace", "trace_mail",
]  # fmt: skip
