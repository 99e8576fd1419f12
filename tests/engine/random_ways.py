"""Rarer things about the way of mail, for random worlds.

Fallback relays that take what others do not, addresses that are probed, hosts with IPv6 addresses, limits of rates, an Outbox that keeps
mail, strangers to greylisting at each of their addresses.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Ways = Callable[[random.Random], tuple[str, list[dict[str, Any]]]]
"""Draws the kind of the server on premises, and the parts of its world."""
RELAYS = (
    "[fb.fallback.example]",
    "[fb2.fallback.example]",
    "gone.fallback.example",
    "lost.example",
    "[mail.corporate.com]",
)


def fallbacks(rnd: random.Random) -> tuple[str, list[dict[str, Any]]]:
    """Postfix or Exim with one or more fallback relays, and what sends mail there: the kind of server, and the parts of its world.

    Of the relays some refuse people or mail, some are down, one has no address, one has name servers that do not answer.
    """
    kind = rnd.choice(["postfix", "exim"])
    hosts = rnd.sample(RELAYS, rnd.randint(1, 3)) if rnd.random() < 0.6 else rnd.sample(RELAYS[:2], rnd.randint(1, 2))
    key = "smtp_fallback_relay" if kind == "postfix" else "fallback_hosts"
    servers: dict[str, Any] = {"onprem": {key: hosts}}
    for name in ("fb", "fb2"):
        servers[name] = _relay(rnd, name)
    servers["inotes-inbound"] = _host_that_defers(rnd)
    servers["external"] = _host_that_defers(rnd)
    zone = "@ 1h IN NS ns\nfb 50 IN A 192.0.2.30\nfb2 50 IN A 192.0.2.31\nbad 50 IN A 192.0.2.99"
    if rnd.random() < 0.4:
        zone += "\ngone 50 IN MX 10 bad\ngone 50 IN MX 20 fb"
    events = [
        {"at": f"{rnd.randint(1, 90)} s", "for": f"{rnd.choice([20, 90, 600])} s", "down": rnd.sample(
            ["inotes-inbound", "external", "fb", "fb2", "office-internet", "onprem"], rnd.randint(1, 3))}
        for _ in range(rnd.randint(1, 3))
    ]  # fmt: skip
    if rnd.random() < 0.4:
        events.append({"at": f"{rnd.randint(1, 90)} s", "for": "60 s", "zone": "fallback.example",
                       "fault": rnd.choice(["servfail", "timeout", "nxdomain"])})  # fmt: skip
    streams = [
        {"from": "onprem", "to": {"onprem": 1, "hosted": 3, "internet": 3, "unknown": 1}, "rate": f"{rnd.choice([1, 3])}/s",
         "recipients": {1: 3, 2: 3, 4: 2}},
        {"from": "internet", "to": {"onprem": 2, "hosted": 3, "unknown": 1}, "rate": "1/s", "recipients": {1: 3, 3: 2}},
    ]  # fmt: skip
    return kind, [
        {"servers": servers, "dns": {"fallback.example": zone}, "events": events, "load": {"streams": streams}},
    ]


def probes(rnd: random.Random) -> tuple[str, list[dict[str, Any]]]:
    """Postfix or Exim that probes addresses at the next host, which is down at times, and remembers the answers for a while."""
    kind = rnd.choice(["postfix", "exim"])
    if kind == "exim":
        onprem: dict[str, Any] = {"verify_recipient": rnd.choice(["callout", "callout-defer-ok"])}
    else:
        of = rnd.choice([["recipient"], ["sender"], ["recipient", "sender"]])
        onprem = {f"reject_unverified_{which}": True for which in of}
        if rnd.random() < 0.5:
            onprem["reject_unlisted_recipient"] = "disabled"
        if rnd.random() < 0.3:
            onprem["unverified_recipient_reject_code"] = 550
        if rnd.random() < 0.3:
            onprem["address_verify_negative_cache"] = False
        for which in ("positive", "negative"):
            if rnd.random() < 0.7:
                refresh, expire = sorted(rnd.sample(range(1, 60), 2))
                onprem[f"address_verify_{which}_refresh_time"] = f"{refresh} s"
                onprem[f"address_verify_{which}_expire_time"] = f"{expire} s"
    events = [
        {"at": f"{rnd.randint(1, 80)} s", "for": f"{rnd.choice([5, 30, 200])} s", "down": rnd.sample(
            ["inotes-inbound", "external", "office-hosted", "office-internet"], rnd.randint(1, 2))}
        for _ in range(rnd.randint(1, 3))
    ]  # fmt: skip
    stream = {
        "from": "internet",
        "to": {"onprem": 1, "hosted": 3, "unknown": 2},
        "rate": "3/s",
        "recipients": {1: 3, 3: 2},
    }
    servers = {"onprem": onprem, "inotes-inbound": _host_that_defers(rnd), "external": _host_that_defers(rnd)}
    return kind, [{"servers": servers, "events": events, "load": {"streams": [stream]}}]


def families(rnd: random.Random) -> tuple[str, list[dict[str, Any]]]:
    """Hosts with addresses of both families, in several orders, under several names and at two servers; for some senders IPv6 works, for
    others it is broken or left out. Hosts that turn mail away for a while send it on to the addresses after theirs.
    """
    kind = rnd.choice(["domino", "exchange", "postfix", "exim"])
    zone = "@ 60 IN MX 10 mail\nmail 40 IN A 192.0.2.10"
    if rnd.random() < 0.8:
        zone += "\nmail 40 IN AAAA 2001:db8::10"
    for record in (
        "@ 60 IN MX 5 old\nold 60 IN A 192.0.2.10", "@ 60 IN MX 20 six\nsix 60 IN AAAA 2001:db8::10",
        "mail 40 IN A 192.0.2.99", "mail 40 IN AAAA 2001:db8::99", "@ 60 IN MX 7 none\nnone 60 IN AAAA 2001:db8::98",
    ):  # fmt: skip
        if rnd.random() < 0.4:
            zone += "\n" + record
    hosted = rnd.choice(["A 192.0.2.20", "AAAA 2001:db8::20", "AAAA 2001:db8::20\nsmtp 50 IN A 192.0.2.20"])
    servers: dict[str, Any] = {name: _host_that_defers(rnd) for name in ("onprem", "inotes-inbound")}
    if rnd.random() < 0.5:
        at = "backup 60 IN"
        zone += f"\n@ 60 IN MX {rnd.choice([5, 10, 20])} backup\n{at} AAAA 2001:db8::11\n{at} A 192.0.2.11"
        machine = {"kind": "relay", "site": "hosted", "host": "backup.corporate.com"}
        servers["backup"] = {**machine, **_host_that_defers(rnd)}
    for name in (*servers, "inotes-outbound", "external"):
        family = rnd.choice(["works", "broken", "broken", "none", None])
        if family is not None:
            servers[name] = {**servers.get(name, {}), "ipv6": family}
    events = [
        {"at": f"{rnd.randint(1, 90)} s", "for": f"{rnd.choice([20, 90, 600])} s", "down": rnd.sample(
            ["inotes-inbound", "external", "office-internet", "onprem"], rnd.randint(1, 2))}
        for _ in range(rnd.randint(0, 2))
    ]  # fmt: skip
    keys: dict[str, Any] = {
        "servers": servers,
        "dns": {"corporate.com": zone, "inotes.example": f"smtp 50 IN {hosted}"},
    }
    return kind, [keys | ({"events": events} if events else {})]


def rates(rnd: random.Random) -> tuple[str, list[dict[str, Any]]]:
    """Postfix that takes few connections of each client in a time, and does not count some servers; before it another one, often."""
    servers: dict[str, Any] = {
        "onprem": {**_limits_of_clients(rnd), **_host_that_defers(rnd)},
        "external": {"resolvers": rnd.choice([1, 3, 20])},
        "inotes-inbound": _host_that_defers(rnd),
    }
    if rnd.random() < 0.4:
        servers["onprem"]["relay_for"] = [rnd.choice(["external", "inotes-inbound", "inotes-outbound"])]
    zone = "@ 60 IN MX 10 mail\nmail 60 IN A 192.0.2.10"
    if rnd.random() < 0.6:
        zone += f"\n@ 60 IN MX {rnd.choice([5, 10, 20])} front\nfront 60 IN A 192.0.2.11"
        servers["front"] = {
            "kind": "postfix", "site": rnd.choice(["office", "hosted"]), "host": "front.corporate.com", "relayhost": "[mail.corporate.com]",
            **_limits_of_clients(rnd), **_host_that_defers(rnd),
        }  # fmt: skip
    events = [
        {"at": f"{rnd.randint(1, 90)} s", "for": f"{rnd.choice([20, 90, 600])} s", "down": rnd.sample(
            ["inotes-inbound", "external", "office-internet", "onprem"], rnd.randint(1, 2))}
        for _ in range(rnd.randint(0, 2))
    ]  # fmt: skip
    keys = {"servers": servers, "dns": {"corporate.com": zone}}
    return "postfix", [keys | ({"events": events} if events else {})]


def outboxes(rnd: random.Random) -> tuple[str, list[dict[str, Any]]]:
    """One hosted mailbox alone may send so many messages in a minute; its server is down for a while, often."""
    events = [
        {"at": f"{rnd.randint(1, 90)} s", "for": f"{rnd.choice([20, 90, 600])} s", "down": rnd.sample(
            ["inotes-outbound", "inotes-inbound", "external", "onprem"], rnd.randint(1, 2))}
        for _ in range(rnd.randint(0, 2))
    ]  # fmt: skip
    to = {"onprem": 4, "internet": 2, "unknown": 1}
    inbound: dict[str, Any] = {
        "limits": {"mailbox_sends_per_minute": rnd.choice([1, 5, 20, 100])},
        **_host_that_defers(rnd),
    }
    if rnd.random() < 0.3:
        inbound["limits"]["mailbox_recipients_per_day"] = rnd.randint(1, 200)
    keys: dict[str, Any] = {
        "servers": {"inotes-inbound": inbound, "onprem": _host_that_defers(rnd)},
        "directory": {"population": {"onprem": rnd.choice([1, 300]), "hosted": 1}},
        "load": {"streams": [
            {"from": "hosted", "to": to, "rate": f"{rnd.choice([0.2, 1, 3])}/s", "recipients": {1: 8, 3: 2}},
            {"from": "internet", "to": {"onprem": 4, "hosted": 4}, "rate": "1/s"},
            {"from": "onprem", "to": {"onprem": 4, "hosted": 4, "internet": 2}, "rate": "1/s"},
        ]},
    }  # fmt: skip
    return rnd.choice(["domino", "exchange", "postfix"]), [keys | ({"events": events} if events else {})]


def strangers(rnd: random.Random) -> tuple[str, list[dict[str, Any]]]:
    """Senders with several addresses, and hosts that turn each of them away at first, or a network as one."""
    servers: dict[str, Any] = {}
    for name in ("onprem", "inotes-inbound", "external"):
        servers[name] = _host_that_defers(rnd)
        if rnd.random() < 0.6:
            servers[name]["greylisting"] = {
                "delay": f"{rnd.choice([5, 40, 300])} s",
                "by": rnd.choice(["address", "address", "network"]),
            }
    for name in ("onprem", "inotes-outbound", "external"):
        own: dict[str, Any] = servers.setdefault(name, {})
        if rnd.random() < 0.7:
            own["outgoing_addresses"] = rnd.randint(2, 5)
        if rnd.random() < 0.4:
            own["retry"] = {"like": rnd.choice(["exim", "postfix", "rfc5321"]), "first": f"{rnd.randint(3, 60)} s"}
    if rnd.random() < 0.5:
        servers["external"]["resolvers"] = rnd.choice([1, 3, 20])
    if rnd.random() < 0.3:
        servers["inotes-inbound"]["provider"] = rnd.choice(["exchange-online", "google-workspace"])
    events = [
        {"at": f"{rnd.randint(1, 90)} s", "for": f"{rnd.choice([20, 90, 600])} s", "down": rnd.sample(
            ["inotes-outbound", "inotes-inbound", "external", "onprem"], rnd.randint(1, 2))}
        for _ in range(rnd.randint(0, 2))
    ]  # fmt: skip
    streams = [
        {"from": "onprem", "to": {"onprem": 1, "hosted": 3, "internet": 3, "unknown": 1}, "rate": "2/s", "recipients": {1: 3, 3: 1}},
        {"from": "hosted", "to": {"onprem": 3, "internet": 3}, "rate": "1/s"},
        {"from": "internet", "to": {"onprem": 2, "hosted": 3}, "rate": "1/s", "recipients": {1: 3, 3: 1}},
    ]  # fmt: skip
    kind = rnd.choice(["domino", "exchange", "postfix", "exim"])
    keys = {"servers": servers, "load": {"streams": streams}}
    return kind, [keys | ({"events": events} if events else {})]


def _limits_of_clients(rnd: random.Random) -> dict[str, Any]:
    """What anvil(8) counts of a client, in a short time."""
    limits: dict[str, Any] = {
        "smtpd_client_connection_rate_limit": rnd.choice([1, 2, 5, 20]),
        "anvil_rate_time_unit": f"{rnd.choice([1, 7, 20, 60])} s",
    }
    if rnd.random() < 0.3:
        limits["smtpd_client_message_rate_limit"] = rnd.randint(1, 20)
    return limits


def _host_that_defers(rnd: random.Random) -> dict[str, Any]:
    """Keys by which the first host turns some mail away for the time being."""
    keys: dict[str, Any] = {}
    if rnd.random() < 0.4:
        keys["greylisting"] = {"delay": f"{rnd.choice([5, 40, 300])} s"}
    if rnd.random() < 0.4:
        keys["capacity"] = {
            "smtp_connections": rnd.randint(1, 2), "when_full": rnd.choice(["refuse", "wait"]),
            "queue_length": rnd.randint(1, 8),
        }  # fmt: skip
        keys["service"] = {"accept": f"{rnd.randint(50, 900)} ms", "scan": f"{rnd.randint(5, 300)} ms"}
    return keys


def _relay(rnd: random.Random, name: str) -> dict[str, Any]:
    """A fallback relay: it keeps mail until it gets on, or refuses some."""
    relay: dict[str, Any] = {
        "kind": "relay", "site": rnd.choice(["office", "internet", "hosted"]), "host": f"{name}.fallback.example", "relay_for": ["onprem"],
        **_host_that_defers(rnd),
    }  # fmt: skip
    if rnd.random() < 0.4:
        relay["smart_host"] = "smtp.inotes.example"
    if rnd.random() < 0.4:
        relay["verify_recipients"] = True
    return relay
