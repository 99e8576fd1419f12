"""Random small worlds: limits, links, other traffic, crowds, outages, retries, moves, greylists, several MX, lag, reuse, named mail."""

from __future__ import annotations

import random
from typing import Any

from coexsim.errors import CoexsimError
from coexsim.scenario.model import Scenario
from tests.engine.random_ways import Ways, fallbacks, families, outboxes, probes, rates, strangers
from tests.sim.loaded import loaded
from tests.sim.setups import mails

ONPREM = ("domino", "exchange", "postfix")
RARE: tuple[tuple[float, str, Ways], ...] = (
    (0.2, "fallback relays", fallbacks), (0.1, "probes", probes), (0.15, "families", families), (0.15, "rates", rates),
    (0.1, "outboxes", outboxes), (0.1, "strangers", strangers),
)  # fmt: skip
THINGS = ("onprem", "inotes-inbound", "inotes-outbound", "office-hosted", "office-internet", "dns")


def _ms(rnd: random.Random, low: int, high: int) -> str:
    return f"{rnd.randint(low, high)} ms"


def _law(rnd: random.Random) -> Any:
    """Constant, exponential, lognormal work, work by size, or rarely much longer work."""
    return rnd.choice([
        _ms(rnd, 1, 150),
        "100 ms",  # the same for all: moments coincide
        {"fixed": _ms(rnd, 1, 120), "law": "exponential"},
        {"fixed": _ms(rnd, 1, 120), "cv": round(rnd.uniform(0.3, 2), 1)},
        {"fixed": _ms(rnd, 1, 9), "per_MB": _ms(rnd, 1, 200)},
        {"fixed": _ms(rnd, 1, 80), "slow": {"share": "2 %", "shortest": "1 s", "longest": "5 s"}},
    ])  # fmt: skip


def _work(rnd: random.Random) -> dict[str, Any]:
    onprem = {"scan": _law(rnd), "accept": _law(rnd), "deliver": _law(rnd), "directory_lookup": _ms(rnd, 1, 5)}
    return {"servers": {
        "onprem": {"service": onprem, "capacity": {"cores": rnd.randint(1, 4)}},
        "inotes-inbound": {"service": {"accept": _law(rnd), "deliver": _law(rnd)}},
    }}  # fmt: skip


def _limits(rnd: random.Random) -> dict[str, Any]:
    capacity: dict[str, Any] = {
        "cores": rnd.randint(1, 3), "transfer_threads": rnd.randint(1, 6), "delivery_threads": rnd.randint(1, 3),
        "smtp_connections": rnd.randint(1, 6), "when_full": rnd.choice(["wait", "wait", "refuse"]),
    }  # fmt: skip
    if rnd.random() < 0.3:
        capacity["connections_per_client"] = rnd.randint(1, 2)
    if rnd.random() < 0.3:
        capacity["queue_disk"] = f"{rnd.randint(5, 30)} MB"
    if rnd.random() < 0.3:
        capacity["queue_length"] = rnd.randint(5, 60)
    return {"servers": {"onprem": {"capacity": capacity}}}


def _links(rnd: random.Random) -> dict[str, Any]:
    links = [
        {
            "between": ["office", "hosted"],
            "round_trip": _ms(rnd, 0, 60),
            "bandwidth": f"{rnd.choice([3, 5, 20])} Mbit/s",
        },
        {
            "between": ["office", "internet"],
            "round_trip": _ms(rnd, 5, 60),
            "bandwidth": f"{rnd.choice([4, 10])} Mbit/s",
        },
    ]
    if rnd.random() < 0.5:
        links.append({"between": ["hosted", "internet"], "round_trip": "20 ms", "bandwidth": "2 Mbit/s"})
    return {"links": links}


def _outages(rnd: random.Random) -> dict[str, Any]:
    events: list[dict[str, Any]] = []
    for _ in range(rnd.randint(1, 3)):
        event: dict[str, Any] = {"at": f"{rnd.randint(5, 400)} s", "for": f"{rnd.choice([7, 60, 200, 4000])} s"}
        if rnd.random() < 0.2:
            events.append({**event, "zone": "corporate.com", "fault": rnd.choice(["servfail", "timeout"])})
        else:
            events.append({**event, "down": rnd.sample(THINGS[:3] + THINGS[5:], rnd.randint(1, 2))})
    if rnd.random() < 0.3:
        events.append({"mtbf": "3 min", "mttr": "20 s", "down": rnd.choice(THINGS[:3])})
    return {"events": events}


def _moves(rnd: random.Random) -> dict[str, Any]:
    return {
        "directory": {"replica": {"at": "inotes-inbound", "every": f"{rnd.randint(30, 200)} s"}},
        "events": [
            {"at": f"{rnd.randint(20, 200)} s", "move": rnd.randint(5, 90), "to": "hosted"},
            {"at": f"{rnd.randint(210, 300)} s", "hire": 50, "to": "hosted"},
            {"at": f"{rnd.randint(310, 400)} s", "move": 9, "to": "onprem"},
        ],
    }


def _retries(rnd: random.Random) -> dict[str, Any]:
    names = ("onprem", "inotes-outbound", "external")
    plans = {
        name: {"retry": {
            "like": rnd.choice(["exim", "sendmail", "postfix", "rfc5321", "domino", "exchange-online"]),
            "first": f"{rnd.randint(3, 90)} s", "warn_after": f"{rnd.randint(20, 200)} s",
            "expire_after": f"{rnd.randint(100, 3000)} s", "factor": round(rnd.uniform(1, 2), 2),
        }}
        for name in rnd.sample(names, rnd.randint(1, 3))
    }  # fmt: skip
    return {"servers": plans}


def _dns(rnd: random.Random) -> dict[str, Any]:
    zone = f"@ {rnd.randint(20, 200)} IN MX 10 mail\nmail {rnd.randint(20, 200)} IN A 192.0.2.10"
    more: dict[str, Any] = {"name_servers": {"answer": _ms(rnd, 0, 300)}}
    if rnd.random() < 0.5:
        preference = rnd.choice([10, 20])
        zone += f"\n@ 100 IN MX {preference} backup\nbackup 100 IN A 192.0.2.11"
        backup: dict[str, Any] = {"kind": "relay", "site": "hosted", "host": "backup.corporate.com"}
        if rnd.random() < 0.5:
            backup["smart_host"] = "mail.corporate.com"
        if rnd.random() < 0.3:
            backup["greylisting"] = {"delay": f"{rnd.randint(10, 100)} s"}
        more["servers"] = {"backup": backup}
    return {"dns": {"corporate.com": zone}, **more}


def _reuse(rnd: random.Random) -> dict[str, Any]:
    smtp = {"reuse": f"{rnd.randint(1, 20)} s", "tls": rnd.random() < 0.5, "pipelining": rnd.random() < 0.5}
    return {"servers": {name: {"smtp": smtp} for name in rnd.sample(["onprem", "external", "inotes-outbound"], 2)}}


def _uplinks(rnd: random.Random) -> dict[str, Any]:
    line = {way: f"{rnd.choice([3, 6, 30])} Mbit/s" for way in rnd.sample(["up", "down"], rnd.randint(1, 2))}
    return {"uplinks": {rnd.choice(["office", "hosted"]): line}}


def _other_traffic(rnd: random.Random, line: dict[str, Any]) -> list[dict[str, Any]]:
    """Other traffic that comes and goes within a run from 09:00 on: some of a line, nearly all of it, at one moment with an outage."""
    width = {
        way: float(str(line.get(way, line.get("bandwidth"))).split()[0])
        for way in ("up", "down")
        if way in line or "bandwidth" in line
    }
    spans = []
    for _ in range(rnd.randint(1, 3)):
        begin, end = sorted(rnd.sample(range(-60, 480, rnd.choice([1, 60])), 2))
        span: dict[str, Any] = {"from": _clock(begin), "to": _clock(end)}
        for way in rnd.sample(sorted(width), rnd.randint(1, len(width))):
            span[way] = f"{rnd.choice([0.1, 0.2, 0.33]) * width[way]:.6f} Mbit/s"
        spans.append(span)
    if rnd.random() < 0.3:
        way = rnd.choice(sorted(width))
        spans = [{"from": "09:01", "to": rnd.choice(["09:02", "10:00"]), way: f"{0.999 * width[way]:.6f} Mbit/s"}]
    return spans


def _clock(second: int) -> str:
    """A second of a run that begins at 09:00, as a time of day."""
    minutes, seconds = divmod(9 * 3600 + second, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _with_other_traffic(rnd: random.Random, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts of a world, with other traffic on its lines; links without a limit are given one, some another in each direction."""
    keys: dict[str, Any] = {}
    for part in parts:
        keys |= {key: part[key] for key in ("links", "uplinks") if key in part}
    links = [dict(link) for link in keys.get("links", _links(rnd)["links"])]
    for link in links:
        if rnd.random() < 0.4:
            del link["bandwidth"]
            link |= {"up": f"{rnd.choice([2, 6])} Mbit/s", "down": f"{rnd.choice([3, 12])} Mbit/s"}
        if rnd.random() < 0.7:
            link["background"] = _other_traffic(rnd, link)
    more: dict[str, Any] = {"links": links, "run": {"start": "Mon 09:00"}}
    for site, line in keys.get("uplinks", {}).items():
        more["uplinks"] = {site: {**line, "background": _other_traffic(rnd, line)}}
    if rnd.random() < 0.4:
        events: list[Any] = next((part["events"] for part in reversed(parts) if "events" in part), [])
        cut = {
            "at": rnd.choice(["60 s", "120 s"]),
            "for": rnd.choice(["30 s", "60 s"]),
            "down": rnd.choice(THINGS[3:5]),
        }
        more["events"] = [*events, cut]
    return [*parts, more]


def _crowd(rnd: random.Random) -> dict[str, Any]:
    """Hundreds of messages wait for few sessions while a link or the other side is down, and go on at one moment or in a row."""
    way = rnd.choice([("onprem", "hosted"), ("hosted", "onprem"), ("internet", "onprem"), ("onprem", "internet")])
    cut = rnd.choice([["office-hosted", "office-internet"], ["office-hosted"], ["inotes-inbound"], ["onprem"]])
    capacity = {
        "transfer_threads_per_destination": rnd.randint(1, 3),
        "transfer_threads": rnd.choice([2, 20, 1000]),
    }
    return {
        "load": {"streams": [
            {"from": way[0], "to": way[1], "rate": f"{rnd.randint(2, 6)}/s"},
            {"from": "internet", "to": "onprem", "rate": f"{rnd.randint(1, 3)}/s", "name": "beside it"},
        ]},
        "events": [{"at": f"{rnd.randint(2, 20)} s", "for": f"{rnd.randint(30, 200)} s", "down": cut}],
        "servers": {rnd.choice(["onprem", "inotes-outbound"]): {"capacity": capacity}},
    }  # fmt: skip


def random_world(seed: int) -> Scenario | None:
    """A world by its number; None where the keys drawn do not go together."""
    rnd = random.Random(seed)
    kind = rnd.choice(ONPREM)
    more = [_work(rnd)]
    for share, part in (
        (0.7, _limits), (0.5, _links), (0.4, _outages), (0.25, _moves), (0.4, _retries), (0.4, _dns), (0.3, _reuse),
    ):  # fmt: skip
        if rnd.random() < share:
            more.append(part(rnd))
    if rnd.random() < 0.3 and kind == "domino":
        more.append({"servers": {"smart-host": {"kind": "relay", "runs_on": "onprem"}}})
    if rnd.random() < 0.3:
        more.append({"servers": {"external": {"resolvers": rnd.randint(2, 40)}}})
    lines = random.Random(f"uplinks {seed}")  # apart: what else a number draws stays as it is
    if lines.random() < 0.25:
        more.append(_uplinks(lines))
    if lines.random() < 0.3:
        more = _with_other_traffic(lines, more)
    crowd = random.Random(f"crowd {seed}")
    if crowd.random() < 0.25:
        more.append(_crowd(crowd))
    if rnd.random() < 0.15:
        more.append({"servers": {"onprem": {"greylisting": {"delay": f"{rnd.randint(5, 100)} s"}}}})
    for share, name, ways in RARE:
        rare = random.Random(f"{name} {seed}")
        if rare.random() < share:
            kind, parts = ways(rare)
            more += parts
    more.append({"run": {"length": f"{rnd.choice([90, 200, 420])} s", "drain": rnd.choice(["0 s", "10 min", "2 d"])}})
    try:
        scenario = loaded(kind, *more)
        return scenario.replaced(messages=mails(scenario)[: rnd.choice([0, 0, 12])])
    except CoexsimError:
        return None
