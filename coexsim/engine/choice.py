"""Which engine runs a scenario, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from coexsim.engine import cache
from coexsim.errors import CoexsimError
from coexsim.mail.products.registry import schedule_of
from coexsim.scenario.machine import Capacity, Service, SmtpSession
from coexsim.scenario.model import Event, Link, NameServers, Scenario
from coexsim.scenario.network import Uplink
from coexsim.scenario.part import Spec

Engine = Literal["auto", "compiled", "reference"]
ENGINES: tuple[Engine, ...] = ("auto", "compiled", "reference")

# Processor time on one core of a small virtual machine; what matters is the order of magnitude.
REFERENCE_MAILS_PER_S = 10_000
LOADING_S = 1.0
COMPILING_S = 15.0

COVERED: dict[type[Spec], tuple[str, ...]] = {
    Capacity: (
        "cores", "smtp_connections", "connections_per_client", "transfer_threads", "transfer_threads_per_destination",
        "delivery_threads", "queue_disk", "queue_length", "when_full",
    ),
    Service: ("accept", "directory_lookup", "scan", "archive", "queue_write", "deliver"),
    SmtpSession: ("tls", "pipelining", "reuse", "session", "between", "connect_timeout"),
    Link: ("between", "round_trip", "bandwidth", "up", "down", "background", "name"),
    Uplink: ("up", "down", "background"),
    NameServers: ("site", "answer", "timeout"),
    Event: ("at", "for_", "down", "mtbf", "mttr", "zone", "fault", "move", "hire", "to", "name"),
}  # fmt: skip
"""The keys that the kernel knows of the parts of a scenario that have to do with time."""
RETRY_FIELDS = (
    "gaps_s", "factor", "longest_s", "warn_after_s", "expire_after_s", "per", "by_age", "queue_run_s", "at_attempts", "phase_s",
    "whole_seconds", "message_gap_s", "thaw_after_s", "cancel_frozen_after_s",
)  # fmt: skip
MOST_SERVERS = 62  # one bit each for those that have answered in an attempt


class Chosen(NamedTuple):
    """An engine, and why it is that one."""

    engine: Literal["compiled", "reference"]
    why: str


def not_covered(scenario: Scenario) -> str | None:
    """What of a scenario the compiled engine does not know; None: nothing."""
    return next(_unknown(scenario), None)


def _unknown(scenario: Scenario) -> Iterator[str]:
    if len(scenario.servers) > MOST_SERVERS:
        yield f"more than {MOST_SERVERS} servers"
    for name, server in scenario.servers.items():
        for key, part in (("capacity", server.capacity), ("service", server.work), ("smtp", server.smtp)):
            yield from (f"servers.{name}.{key}.{unknown}" for unknown in _more_than_covered(part))
        schedule = schedule_of(server)
        yield from (f"servers.{name}.retry.{more}" for more in schedule._fields if more not in RETRY_FIELDS)
    for number, link in enumerate(scenario.links):
        yield from (f"links[{number}].{unknown}" for unknown in _more_than_covered(link))
    for site, uplink in scenario.uplinks.items():
        yield from (f"uplinks.{site}.{unknown}" for unknown in _more_than_covered(uplink))
    yield from (f"name_servers.{unknown}" for unknown in _more_than_covered(scenario.name_servers))
    for number, event in enumerate(scenario.events):
        yield from (f"events[{number}].{unknown}" for unknown in _more_than_covered(event))


def _more_than_covered(part: Spec) -> Iterator[str]:
    """The keys of a part that say something and that the kernel does not know."""
    covered = COVERED[type(part)]
    for name, field in type(part).model_fields.items():
        if name not in covered and getattr(part, name) != field.get_default(call_default_factory=True):
            yield name


def choose(scenario: Scenario, engine: Engine, mails: float) -> Chosen:
    """The engine for a run of about so many mails, attempts in vain counted as mails.

    Raises `CoexsimError` where "compiled" is asked for and cannot be.
    """
    chosen = foreseen(scenario, engine, mails)
    if chosen.engine == "compiled" and (why := cache.not_importable()):
        if engine == "compiled":
            raise _cannot_be(why)
        return Chosen("reference", why)
    return chosen


def foreseen(scenario: Scenario, engine: Engine, mails: float) -> Chosen:
    """As `choose`, without the quarter of a second that it takes to import Numba, which may fail."""
    if engine == "reference":
        return Chosen("reference", "asked for")
    unknown = not_covered(scenario)
    why = cache.unavailable() or (f"the compiled engine does not know {unknown}" if unknown else None)
    if engine == "compiled":
        if why:
            raise _cannot_be(why)
        return Chosen("compiled", "asked for")
    if why:
        return Chosen("reference", why)
    if mails / REFERENCE_MAILS_PER_S < (LOADING_S if cache.is_compiled() else COMPILING_S):
        return Chosen("reference", f"short run, about {mails:,.0f} messages")
    return Chosen("compiled", "longer run")


def _cannot_be(why: str) -> CoexsimError:
    return CoexsimError(f"no compiled engine for this run: {why}; use --engine reference")
