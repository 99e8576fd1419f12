"""Headings that say the finding: what a picture shows, in a sentence with its figure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from coexsim.analysis.round_trip import RoundTrip
from coexsim.report.saying import is_worth_saying, too_few
from coexsim.report.words import say_flow, say_stage
from coexsim.scenario.model import Scenario
from coexsim.text import say_lost
from coexsim.units import say_bandwidth, say_bytes, say_duration

LONGEST_HEAD = 110


def page_head(answer: Sequence[str], otherwise: str) -> str:
    """The finding for the head of a page: the first sentence of its answer, of a long one what stands before its details.

    `otherwise` is what the head says where there is no answer.
    """
    said = answer[0].removesuffix(".") if answer else otherwise
    for ends in ("; |: ", ": "):  # what stands after a colon is a list: whole or not at all
        if len(said) > LONGEST_HEAD:
            said = re.split(ends, said, maxsplit=1)[0]
    if len(said) > LONGEST_HEAD:
        said = re.sub(r" \([^()]*\)", "", said)
    return said


def headings(summary: dict[str, Any], scenario: Scenario, trip: RoundTrip | None = None) -> dict[str, str]:
    """By the name of a picture, what it shows."""
    found = over_time(summary) | {"topology": say_set_up(scenario)}
    if trip is not None:
        found["round-trip"] = say_price(trip)
    return found


def over_time(summary: dict[str, Any]) -> dict[str, str]:
    """By the name of a picture of a run, what it shows."""
    return {
        "delay-by-flow": _delays(summary["delay_by_flow"], summary["round_trip_flows"]),
        "utilisation": _busy(summary["servers"], summary["peak"]),
        "backlog": _queues(summary["queues"]),
    }


def say_price(trip: RoundTrip) -> str:
    """``The round trip adds 678 ms to a message on average``."""
    if trip.too_small:
        return "What the round trip costs is too small to matter"
    extra = say_duration(abs(trip.mean_extra_s))
    change = f"adds {extra} to" if trip.mean_extra_s >= 0 else f"takes {extra} off"
    return f"The round trip {change} a message between hosted users on average"


def say_set_up(scenario: Scenario) -> str:
    """``4 servers at 3 sites; the narrowest line is office - cloud, 4 Mbit/s``."""
    sites = len(scenario.sites)
    said = f"{len(scenario.servers)} servers at {sites} site{'s' * (sites != 1)}"
    lines = [
        (speed, f"{link.between[0]} to {link.between[1]}")
        for link in scenario.links
        for speed in (link.bandwidth, link.up, link.down)
        if speed
    ]
    lines += [
        (speed, f"{site}'s own") for site, line in scenario.uplinks.items() for speed in (line.up, line.down) if speed
    ]
    if not lines:
        return said
    speed, whose = min(lines, key=lambda line: line[0])
    return f"{said}; the narrowest line is {whose}, {say_bandwidth(speed)}"


def _delays(rows: Sequence[dict[str, Any]], round_trips: Sequence[str]) -> str:
    if not rows:
        return "Nothing was delivered in the measured window"
    slow, quick = max(rows, key=lambda row: row["p95_s"]), min(rows, key=lambda row: row["p95_s"])
    if too_few(sum(row["recipients"] for row in rows)):
        return f"The slowest mail, {say_flow(slow['flow'], round_trips)}, arrives within {say_duration(slow['p99_s'])}"
    of = f"{say_flow(slow['flow'], round_trips)} mail{' that was delivered' if slow['expired'] else ''}"
    lost = f" ({say_lost(slow['expired'])})" if slow["expired"] else ""
    said = f"95 % of {of}{lost} arrives within {say_duration(slow['p95_s'])}"
    return (
        said
        if slow is quick
        else f"{said}, of {say_flow(quick['flow'], round_trips)} within {say_duration(quick['p95_s'])}"
    )


def _busy(rows: Sequence[dict[str, Any]], peak: str) -> str:
    worth = sorted((row for row in rows if is_worth_saying(row)), key=lambda row: -row["busy_share"])
    if not worth:
        return "No limit was in use"
    are = "is" if worth[0]["stage"] == "link" else "are"
    first = f"{_whose(worth[0])} {are} {_percent(worth[0])} in use in the {peak}, from {worth[0]['when']}"
    return f"{first}; nothing else passes {_percent(worth[1])}" if len(worth) > 1 else first


def _whose(row: dict[str, Any]) -> str:
    if row["stage"] == "link":
        return f"The link {row['server']}"
    return f"{row['server']}'s {say_stage(row['stage'])}"


def _percent(row: dict[str, Any]) -> str:
    return f"{100 * row['busy_share']:.0f} %"


def _queues(rows: Sequence[dict[str, Any]]) -> str:
    longest = max(rows, key=lambda row: row["most_messages"], default=None)
    if longest is None or not longest["most_messages"]:
        return "No mail waits in any queue at the end of any minute"
    number, size = longest["most_messages"], say_bytes(longest["most_bytes"])
    messages, wait = ("message", "waits") if number == 1 else ("messages", "wait")
    at_once = longest["bytes_when"] == longest["when"]
    beside, later = (f" ({size})", "") if at_once else ("", f", and {size}, at {longest['bytes_when']}")
    return f"In the whole run at most {number:,} {messages}{beside} {wait} at {longest['machine']}, at {longest['when']}{later}"
