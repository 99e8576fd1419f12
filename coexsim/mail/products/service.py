"""What is asked of a hosted service: its replies, retries and defaults; and the service of which nothing is known."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from coexsim.mail.policy import Rate
from coexsim.mail.products.product import Catalogue, Settings
from coexsim.mail.retry import DAY_S, HOUR_S, MINUTE_S, RetrySchedule, constant


class Limits(NamedTuple):
    """What a service allows its mailboxes. None: not published.

    `pair_share` is the share of the messages into a mailbox that one sender from elsewhere may have.
    """

    mailbox_sends_per_minute: int | None = None
    mailbox_sends_per_day: int | None = None
    mailbox_recipients_per_day: int | None = None
    tenant_outside_recipients_per_day: int | None = None
    mailbox_receives_per_minute: int | None = None
    mailbox_receives_per_hour: int | None = None
    pair_share: float | None = None
    recipients_per_message: int | None = None

    def sending(self) -> tuple[Rate, ...]:
        """The rates of mail that mailboxes send."""
        beyond = "mailbox-sends-too-much"
        return _said(
            ("messages", "sender", self.mailbox_sends_per_minute, MINUTE_S, "rate-limited", True, True),
            ("messages", "sender", self.mailbox_sends_per_day, DAY_S, beyond, True),
            ("recipients", "sender", self.mailbox_recipients_per_day, DAY_S, beyond, True),
            (
                "recipients",
                "everyone",
                self.tenant_outside_recipients_per_day,
                DAY_S,
                "tenant-sends-too-much",
                True,
                False,
                True,
            ),
        )

    def receiving(self) -> tuple[Rate, ...]:
        """The rates of mail into mailboxes."""
        beyond, hourly = "mailbox-receives-too-much", self.mailbox_receives_per_hour
        pair = int(hourly * self.pair_share) if hourly and self.pair_share else None
        return _said(
            ("messages", "mailbox", self.mailbox_receives_per_minute, MINUTE_S, beyond),
            ("messages", "mailbox", hourly, HOUR_S, beyond),
            ("messages", "pair", pair, HOUR_S, "sender-sends-too-much"),
        )


def _said(*rates: tuple[Any, ...]) -> tuple[Rate, ...]:
    """Those of some rates that have a limit."""
    return tuple(Rate(*rate) for rate in rates if rate[2])


class SizeLimits(NamedTuple):
    """The largest messages that a service takes at all, keeps in a mailbox, and lets a mailbox send [bytes]. None: not published."""

    taken: int | None = None
    kept: int | None = None
    sent: int | None = None


class ServiceProduct(NamedTuple):
    """A hosted mail service. `name` is whose replies are given; `machine_settings` are fields of a `Policy` of both its servers.

    `host_endings` are domains that its own mail hosts lie in; `addresses` is how many hosts one tenant's mail leaves from;
    `most_visits`: mail that comes to a tenant once more is a loop;
    `delimiters` begin an address extension that its mailboxes have;
    `own_domains_by_mx`: mail of a tenant's domain that is not for its mailboxes goes by the MX record where no connector is set.
    """

    key: str
    name: str
    schedule: RetrySchedule
    replies: Catalogue
    machine_settings: Settings
    host_endings: tuple[str, ...] = ()
    addresses: int = 1
    edge_blocking: bool = False
    people_elsewhere: Literal["refuse", "relay"] = "refuse"
    routes_internal_mail: Literal["by-mx", "direct"] = "by-mx"
    own_domains_by_mx: bool = True
    most_visits: int | None = None
    limits: Limits = Limits()
    sizes: SizeLimits = SizeLimits()
    delimiters: str = ""


# Forefront Online of 2012 is the nearest published hosted service: every 20 min, a warning after 2 h, 5 days.
SCHEDULE = constant(20 * MINUTE_S, 2 * HOUR_S, 5 * DAY_S)
REPLIES: Catalogue = {"relay-denied": (554, "5.7.1", "<{address}>: Relay access denied")}  # from memory
MACHINE_SETTINGS: Settings = dict(tells_originals_apart="always")
OTHER = ServiceProduct("other", "hosted", SCHEDULE, REPLIES, MACHINE_SETTINGS)
