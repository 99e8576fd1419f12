"""What a product is to the rules: its settings as a `Policy`, its replies, its retry schedules, its limits.

Each product or service has a file in this room; ``registry.py`` lists them. A kind of server that a scenario can write and that is
missing there is found by a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from coexsim.mail.message import NextHop, next_hop
from coexsim.mail.policy import Rate
from coexsim.mail.retry import MINUTE_S, RetrySchedule
from coexsim.mail.route_table import RouteEntry
from coexsim.scenario.machine import RateLimits
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer

Settings = dict[str, Any]
Catalogue = Mapping[str, tuple[int, str, str]]


def no_limit(transfer_threads: int | None) -> int | None:  # noqa: ARG001
    """As many sessions to one destination as there are transfer threads."""
    return None


def each_for_itself(server: Any) -> float | None:  # noqa: ARG001
    """A message whose connection is turned away waits by itself."""
    return None


class Product(NamedTuple):
    """A product or a service that runs mail servers.

    `name` is what it calls itself, and whose replies it gives; `words` are what pictures call it. `settings` makes fields of a `Policy`
    of a server's own settings (with the scenario, and the server whose machine it shares). `machine_settings` are fields that a relay
    on its machine has too. `replies` are SMTP reply, enhanced status code and text by cause, where they differ from what the RFCs say
    (``replies.py``); `more_replies` are those of versions, which go by names of their own. `schedule` is how a server retries,
    `schedules` are those that others can take by name (``retry: {like: ...}``). `sessions_per_destination` says how many sessions go to
    one destination at once, given the number of transfer threads. `connections_per_message` is for products whose mail for a
    destination waits in one queue: what is turned away goes on over the other connections, and after each message sent so many more
    (mostly less than one) are opened again. `retry_setting` is where an administrator says when mail is tried again; empty where it is
    not for the organisation to say.
    """

    kind: str
    name: str
    words: str
    settings: Callable[[Any, Scenario, AnyServer], Settings]
    schedule: Callable[[Any], RetrySchedule]
    machine_settings: Mapping[str, Any] = {}
    replies: Mapping[str, tuple[int, str, str]] = {}
    more_replies: Mapping[str, Mapping[str, tuple[int, str, str]]] = {}
    schedules: Mapping[str, RetrySchedule] = {}
    sessions_per_destination: Callable[[int | None], int | None] = no_limit
    connections_per_message: Callable[[Any], float | None] = each_for_itself
    retry_setting: str = ""


def client_rates(limits: RateLimits) -> tuple[Rate, ...]:
    """The limit of each client's messages, if a server has one."""
    most = limits.client_messages_per_minute
    return (Rate("messages", "client", most, MINUTE_S, "rate-limited"),) if most else ()


def hop_to(host: str | None) -> NextHop | None:
    """A host as products read it: by MX first, or ``[host]`` by address only."""
    return next_hop(host, by_mx=True) if host else None


def any_route(host: str | None, rule: str, cost: int = 1) -> RouteEntry:
    """The route for all other domains: `host`, or the recipient's MX."""
    return RouteEntry("*", hop_to(host), rule if host else "mx", cost)
