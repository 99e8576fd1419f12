"""The limits on the way of an outage's late mail that may make it last, and what each would be instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from coexsim.analysis.candidates import WAYS, bits_per_s, link_as_wide, say_amount
from coexsim.analysis.outage import OutageFacts
from coexsim.mail.products.registry import PRODUCTS, retry_of
from coexsim.scenario.machine import Capacity
from coexsim.scenario.model import Event, Scenario
from coexsim.scenario.network import uplink_ways
from coexsim.scenario.servers import ExternalServer, HostedInbound, HostedOutbound
from coexsim.text import joined
from coexsim.units import say_bytes, say_duration

QUICK_RETRY = {"first": "5 min", "factor": 1, "longest": "5 min"}
KEPT_IN_RETRY = ("like", "warn_after", "expire_after")
"""What a server's retry keeps where it is tried with another interval: when its senders are warned, and when mail is given up."""
GIVES_UP = {
    "exchange": "MessageExpirationTimeout", "postfix": "maximal_queue_lifetime", "exim": "the cutoff of its retry rules",
    "domino": "MailTimeout",
}  # fmt: skip
"""Where an administrator says how long mail is kept."""
COMES_WITH = {
    "exchange": (5000, "refuse", "MaxInboundConnection"),
    "postfix": (100, "wait", "default_process_limit"),
    "exim": (20, "refuse", "smtp_accept_max"),
}
"""Inbound sessions at once as products come: Exchange [MS-RATE]; Postfix, whose clients wait for a process [PF]; Exim [EXIM]."""
ADMITS = {
    "smtp_connections": "SMTP connections", "connections_per_client": "connections_per_client", "queue_length": "queue_length",
    "queue_disk": "queue_disk",
}  # fmt: skip
"""What a server turns mail away by; tried without."""
WORKS = {
    "transfer_threads": "transfer threads", "transfer_threads_per_destination": "transfer threads per destination",
    "delivery_threads": "delivery threads", "cores": "cores",
}  # fmt: skip
"""How much a server does at once; tried with twice as much."""
NOT_OWN = ", not your own"


class Change(NamedTuple):
    """Another limit: in words, and as keys of the scenario."""

    words: str
    keys: Mapping[str, object]
    is_own: bool = True
    """Is it the organisation's to set."""


def is_own(spec: Scenario, name: str) -> bool:
    """Is it a server of the organisation: neither the hosted service's nor somebody else's."""
    return not isinstance(spec.servers[name], ExternalServer | HostedInbound | HostedOutbound)


def product_kind(spec: Scenario, name: str) -> str:
    """``exchange`` for a server, also for a role on its machine."""
    server = spec.servers[name]
    return spec.servers[server.runs_on].kind if server.runs_on else server.kind


def possible_changes(spec: Scenario, event: Event, facts: OutageFacts) -> list[Change]:
    """What may make it last, the nearest to the late mail first.

    Of own servers that take it: what they turn it away by, and how much they do at once. Of own servers that keep it: when they try
    again, over how many connections, and, where mail expired, how long it is kept. Of lines that were full after the return: their
    bandwidth. Of senders that are not one's own: when they try again, over how many connections, and no more at once than the
    server that turns them away takes.
    """
    keepers = list(map(str, facts.backlog["server"]))
    own, foreign = ([name for name in keepers if is_own(spec, name) is whose][:2] for whose in (True, False))
    takers = _takers(spec, event, facts)
    found = [change for name in takers for change in (*_admitting(spec, name), *_working(spec, name, ("cores",)))]
    found += [change for name in own for change in (*_retrying(spec, [name]), *_sending(spec, name))]
    found += [change for name in own if facts.expired for change in _keeping(spec, name)]
    found += _lines(spec, facts)
    found += _fewer_at_once(spec, foreign, takers)
    found += [*_retrying(spec, foreign), *(change for name in foreign for change in _sending(spec, name))]
    found += [change for name in takers for change in _working(spec, name, ("delivery_threads",))]
    return list({change.words: change for change in found}.values())


def senders_without_limit(spec: Scenario, facts: OutageFacts) -> list[str]:
    """Servers that are not one's own, kept mail, and send over as many connections at once as they have mail."""
    kept = [name for name in map(str, facts.backlog["server"]) if not is_own(spec, name)]
    return [name for name in kept if _sessions_at_once(spec, name) is None]


def _takers(spec: Scenario, event: Event, facts: OutageFacts) -> list[str]:
    """Own servers that take the late mail in: those that were down, the one with the burst, and where the mail files are."""
    own = [name for name in spec.servers if is_own(spec, name)]
    down = [name for name in event.down if name in own]
    others = [facts.burst_at]
    if not down:  # a link was cut, or the service was down
        others.append(spec.home_server.get("onprem", ""))
    return list(dict.fromkeys([*down, *(name for name in others if name in own)]))[:2]


def _limit(spec: Scenario, name: str, resource: str) -> tuple[str, int | None]:
    """The server that has the limit, which may be the machine of a role, and how much it is."""
    holder = name if getattr(spec.servers[name].capacity, resource) is not None else spec.servers[name].runs_on or name
    return holder, getattr(spec.servers[holder].capacity, resource)


def _sessions_at_once(spec: Scenario, name: str) -> int | None:
    """To one destination; None: no limit."""
    capacity: Capacity = spec.servers[name].capacity
    own = PRODUCTS[product_kind(spec, name)].sessions_per_destination(capacity.transfer_threads)
    given = (capacity.transfer_threads, capacity.transfer_threads_per_destination or own)
    return min((each for each in given if each is not None), default=None)


def _admitting(spec: Scenario, name: str) -> Iterator[Change]:
    """Each limit by which a server turns mail away left out; its clients wait instead; and the limit that the product comes with."""
    for resource, words in ADMITS.items():
        holder, now = _limit(spec, name, resource)
        if now is not None:
            said = say_bytes(now) if resource == "queue_disk" else f"{now:,}"
            yield Change(
                f"no limit on {words} at {holder} (now {said})", {f"servers.{holder}.capacity.{resource}": None}
            )
    full = [_limit(spec, name, resource) for resource in ("smtp_connections", "connections_per_client")]
    turns_away = [who for who, most in full if most is not None and spec.servers[who].capacity.when_full == "refuse"]
    if turns_away:
        key = f"servers.{turns_away[0]}.capacity.when_full"
        yield Change(f"when_full: wait at {turns_away[0]} (now clients are refused)", {key: "wait"})
    holder, now = full[0]
    kind = product_kind(spec, name)
    if now is None and kind in COMES_WITH:
        most, when_full, setting = COMES_WITH[kind]
        keys = {"smtp_connections": most, "when_full": when_full}
        yield Change(
            f"{most:,} SMTP connections at {holder}, as {PRODUCTS[kind].words} comes ({setting}; now no limit)",
            {f"servers.{holder}.capacity.{key}": value for key, value in keys.items()},
        )


def _working(spec: Scenario, name: str, resources: tuple[str, ...], *, own: bool = True) -> Iterator[Change]:
    for resource in resources:
        holder, now = _limit(spec, name, resource)
        if now is not None:
            whose = "" if own else NOT_OWN
            words = f"{2 * now:,} {WORKS[resource]} at {holder} (now {now:,}{whose})"
            yield Change(words, {f"servers.{holder}.capacity.{resource}": 2 * now}, own)


def _retrying(spec: Scenario, names: list[str]) -> Iterator[Change]:
    """Of servers that are all one's own, or none of them."""
    if names:
        own = is_own(spec, names[0])
        setting = PRODUCTS[product_kind(spec, names[0])].retry_setting if own else NOT_OWN[2:]
        words = f"a retry interval of 5 min at {joined(names)}{f' ({setting})' if setting else ''}"
        yield Change(words, {f"servers.{name}.retry": _kept(spec, name) | QUICK_RETRY for name in names}, own)


def _kept(spec: Scenario, name: str) -> dict[str, object]:
    """What a server's `retry` says of warnings and of giving up."""
    written = spec.source.raw["servers"][name].get("retry") or {}
    return {key: value for key, value in written.items() if key in KEPT_IN_RETRY}


def _keeping(spec: Scenario, name: str) -> Iterator[Change]:
    """Mail is kept twice as long before it is given up."""
    holder = spec.servers[name].runs_on or name
    now_s = retry_of(spec, name).expire_after_s
    setting = GIVES_UP.get(product_kind(spec, name), "")
    said = f"{setting}; now {say_duration(now_s)}" if setting else f"now {say_duration(now_s)}"
    words = f"mail kept for {say_duration(2 * now_s)} at {holder} ({said})"
    at = name if "expire_after" in _kept(spec, name) else holder
    yield Change(words, {f"servers.{at}.retry.expire_after": f"{2 * now_s!r} s"})


def _sending(spec: Scenario, name: str) -> Iterator[Change]:
    """Twice the connections over which a server sends: in all, and to one destination, also where that is the product's own."""
    own = is_own(spec, name)
    yield from _working(spec, name, ("transfer_threads_per_destination", "transfer_threads"), own=own)
    holder, given = _limit(spec, name, "transfer_threads_per_destination")
    threads = _limit(spec, name, "transfer_threads")[1]
    by_itself = PRODUCTS[product_kind(spec, name)].sessions_per_destination(threads)
    if given is None and by_itself is not None:
        words = f"{2 * by_itself:,} transfer threads per destination at {holder} (by itself {by_itself:,}{'' if own else NOT_OWN})"
        yield Change(words, {f"servers.{holder}.capacity.transfer_threads_per_destination": 2 * by_itself}, own)


def _fewer_at_once(spec: Scenario, senders: list[str], takers: list[str]) -> Iterator[Change]:
    """Senders that come no more at once than the server takes that turns them away: its connections in equal parts."""
    limited = [(now, name) for name in takers if (now := _limit(spec, name, "smtp_connections")[1]) is not None]
    crowd = [name for name in senders if _sessions_at_once(spec, name) is None]
    if limited and crowd:
        most, taker = min(limited)
        each = max(most // len(crowd), 1)
        whose = f"{joined(crowd)}{' each' * (len(crowd) > 1)}"
        words = f"{each:,} connections at once from {whose} (now no limit{NOT_OWN}; {taker} takes {most:,})"
        yield Change(words, {f"servers.{name}.capacity.transfer_threads": each for name in crowd}, False)


def _lines(spec: Scenario, facts: OutageFacts) -> Iterator[Change]:
    """Twice the bandwidth of the lines that were full."""
    for site, line in spec.uplinks.items():
        if set(uplink_ways(site)) & set(facts.full_lines):
            doubled = {way: 2 * width for way in WAYS if (width := getattr(line, way)) is not None}
            keys = {f"uplinks.[{site}].{way}": bits_per_s(width) for way, width in doubled.items()}
            yield Change(_wider(f"{site}-uplink", doubled), keys)
    for place, link in enumerate(spec.links):
        if set(link.ways) & set(facts.full_lines):
            now = dict(zip(WAYS, map(link.bytes_per_s, link.between), strict=True))
            doubled = {way: 2 * width for way, width in now.items() if width is not None}
            keys_of_link = link_as_wide(spec, place, doubled.get("up"), doubled.get("down"))
            yield Change(_wider(link.label, doubled), keys_of_link)


def _wider(label: str, doubled: Mapping[str, float]) -> str:
    """In words; `doubled`: bytes/s by direction."""
    now = ", ".join(f"{say_amount('uplink', width / 2)} {way}" for way, width in doubled.items())
    return f"twice the bandwidth of {label} (now {now})"
