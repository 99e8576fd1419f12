"""What is asked of a hosted service: its replies, retries and defaults; and the service of which nothing is known."""

from __future__ import annotations

from typing import Literal, NamedTuple

from coexsim.mail.products.product import Catalogue, Settings
from coexsim.mail.retry import DAY_S, HOUR_S, MINUTE_S, RetrySchedule, constant


class Limits(NamedTuple):
    """Rates that a service allows, with what it says beyond them. None: not published."""

    messages_per_minute_of_mailbox: int | None = None
    recipients_per_day_of_mailbox: int | None = None
    messages_per_hour_into_mailbox: int | None = None
    recipients_per_message: int | None = None
    cause: str = "rate-limited"


class Service(NamedTuple):
    """A hosted mail service. `name` is whose replies are given; `machine_settings` are fields of a `Policy` of both its servers.

    `host_endings` are domains that its own mail hosts lie in; `addresses` is how many hosts one tenant's mail leaves from.
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
    limits: Limits = Limits()


# Forefront Online of 2012 is the nearest published hosted service: every 20 min, a warning after 2 h, 5 days.
SCHEDULE = constant(20 * MINUTE_S, 2 * HOUR_S, 5 * DAY_S)
REPLIES: Catalogue = {"relay-denied": (554, "5.7.1", "<{address}>: Relay access denied")}  # from memory
MACHINE_SETTINGS: Settings = dict(tells_originals_apart="always")
OTHER = Service("other", "hosted", SCHEDULE, REPLIES, MACHINE_SETTINGS)
