"""Join the visits of one message at several servers: by queue ids in replies, else by message-id; clocks are set right on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake.logs.book import DEFERRED, LOCAL, NOTICE, SENT, LogBook
from coexsim.intake.logs.clocks import Clock, find_clocks

Ints = NDArray[np.int64]
_HOST = re.compile(r"(?P<name>[^\[\]:, ]*)(?:\[(?P<ip>[^\]]*)\])?")
LOOPBACK = ("127.", "::1")
WRONG_CLOCK_S = 4000.0  # a server's clock may be so wrong: an hour of summer time, and some
SLACK_S = 2.0  # a line may be written so much later than what it tells
MOST_HOPS = 50
OUTSIDE = "outside"  # the next host where a log does not name it


@dataclass
class Joined:
    """Visits with the visit each came from, and the servers' names and clocks."""

    book: LogBook
    visits: pd.DataFrame  # sorted by number, `parent`: number of the visit it came from, -1: none; times on one clock
    deliveries: pd.DataFrame  # `next`: visit that it led to, -1: none seen
    hosts: dict[int, set[str]] = field(default_factory=dict)  # server: host names and IP addresses, lower case
    clocks: dict[int, Clock] = field(default_factory=dict)  # server: what its clock was ahead, taken out
    by_reply: int = 0
    by_message_id: int = 0
    lost: int = 0  # replies that name a queue id which a server that is logged should have

    def right_s(self, times_s: NDArray[np.float64], servers: NDArray[np.int32]) -> NDArray[np.float64]:
        """Times of servers' clocks, on the clock that is taken for right."""
        found = times_s.copy()
        for server, clock in self.clocks.items():
            mine = servers == server
            found[mine] -= clock.ahead_at(found[mine])
        return found

    def server_at(self, host: str) -> int:
        """The logged server of a host as written in a log (``name[ip]:25``); -1: none."""
        by_host = {name: server for server, names in self.hosts.items() for name in names if name}
        return by_host.get(ip_of(host), by_host.get(name_of(host), -1))

    def host_servers(self) -> Ints:
        """The logged server of every host of the book, by its code; -1: none. One more -1 stands for an unknown host."""
        by_host = {name: server for server, names in self.hosts.items() for name in names if name}
        found = [by_host.get(ip_of(text), by_host.get(name_of(text), -1)) for text in self.book.hosts.texts]
        return np.array([*found, -1], np.int64)


def name_of(host: str) -> str:
    """The name in ``mail.example.com[192.0.2.1]:25``."""
    match = _HOST.match(host)
    name = match["name"].casefold().rstrip(".") if match else ""
    return "" if name == "unknown" else name


def ip_of(host: str) -> str:
    """The address in ``mail.example.com[192.0.2.1]:25``."""
    match = _HOST.match(host)
    return (match["ip"] or "") if match else ""


def join(book: LogBook) -> Joined:
    """Join what a book holds; its visits and deliveries are no longer there then, but here."""
    visits = book.visits.taken().sort_values("visit", ignore_index=True)
    deliveries = book.deliveries.taken()
    deliveries["row"] = np.searchsorted(visits["visit"].to_numpy(), deliveries["visit"].to_numpy())
    joined = Joined(book, visits, deliveries)
    joined.hosts = {
        server: {name} | book.names.get(server, set())
        for server, name in enumerate(map(str.casefold, book.servers.texts))
    }
    deliveries["next"] = _by_reply(joined)
    visits["parent"] = -1
    linked = deliveries["next"].to_numpy() >= 0
    _learn_hosts(joined, linked)
    parent = visits["parent"].to_numpy(copy=True)
    parent[deliveries["next"].to_numpy()[linked]] = deliveries["row"].to_numpy()[linked]
    visits["parent"] = parent
    _by_message_id(joined)
    _set_clocks(joined)
    return joined


def _by_reply(joined: Joined) -> Ints:
    """The visit that each delivery's reply names; among several with one queue id the nearest in time."""
    visits, deliveries = joined.visits, joined.deliveries
    ids = visits["queue_id"].to_numpy()
    order = np.argsort(ids, kind="stable")
    wanted = deliveries["next_id"].to_numpy()
    low, high = np.searchsorted(ids[order], wanted, "left"), np.searchsorted(ids[order], wanted, "right")
    found = np.where((high > low) & (wanted != 0), order[np.minimum(low, len(order) - 1)] if len(order) else -1, -1)
    arrived_s, at_s = visits["arrived_s"].to_numpy(), deliveries["at_s"].to_numpy()
    for row in np.flatnonzero((high - low > 1) & (wanted != 0)).tolist():
        candidates = order[low[row] : high[row]]
        found[row] = candidates[np.argmin(np.abs(arrived_s[candidates] - at_s[row]))]
    joined.by_reply = int((found >= 0).sum())
    return found.astype(np.int64)


def _learn_hosts(joined: Joined, linked: NDArray[np.bool_]) -> None:
    """What other servers call a server: the host of a delivery that led to a visit there."""
    deliveries, visits = joined.deliveries, joined.visits
    servers = visits["server"].to_numpy()
    rows, after = deliveries["row"].to_numpy()[linked], deliveries["next"].to_numpy()[linked]
    votes: dict[str, dict[int, int]] = {}
    for hosts, of in (
        (deliveries["relay"].to_numpy()[linked], servers[after]),
        (visits["client"].to_numpy()[after], servers[rows]),
    ):
        kept = hosts >= 0
        keys, counts = np.unique(hosts[kept].astype(np.int64) << 32 | of[kept], return_counts=True)
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            host, server = key >> 32, key & 0xFFFFFFFF
            text = joined.book.hosts[host]
            if ip_of(text).startswith(LOOPBACK):
                continue
            for name in {name_of(text), ip_of(text)} - {""}:
                tally = votes.setdefault(name, {})
                tally[server] = tally.get(server, 0) + count
    for name, tally in votes.items():
        joined.hosts[max(tally, key=lambda server: (tally[server], -server))].add(name)
    shared = [name for name, tally in votes.items() if len(tally) > 1]
    for name in shared:  # two servers that call themselves alike keep only their own
        best = max(votes[name], key=lambda server: votes[name][server])
        for server in votes[name]:
            if server != best:
                joined.hosts[server].discard(name)


def _by_message_id(joined: Joined) -> None:
    """Visits that no reply leads to: from a visit with the same message-id that was open then; filters hand mail in again so."""
    visits = joined.visits
    ids = visits["message_id"].to_numpy()
    each, counts = np.unique(ids, return_counts=True)
    several = each[(counts > 1) & (each != 0)]
    orphan = (visits["parent"].to_numpy() < 0) & np.isin(ids, several) & (visits["origin"].to_numpy() != NOTICE)
    known = joined.host_servers()
    loops = np.array([*(ip_of(text).startswith(LOOPBACK) for text in joined.book.hosts.texts), True])
    from_us = loops | (known >= 0)
    back = _came_back(joined, np.flatnonzero(orphan))
    orphan &= from_us[visits["client"].to_numpy()] | (visits["origin"].to_numpy() == LOCAL) | back
    if not orphan.any():
        return
    parent = visits["parent"].to_numpy(copy=True)
    server, arrived_s, gone_s = (visits[name].to_numpy() for name in ("server", "arrived_s", "gone_s"))
    client, origin = visits["client"].to_numpy(), visits["origin"].to_numpy()
    ends_s = np.where(np.isnan(gone_s), np.inf, gone_s)
    sends_on = np.zeros(len(visits), bool)
    went = joined.deliveries
    passed = (went["status"] == SENT).to_numpy() & ((~went["is_local"]).to_numpy() | (went["next_id"] == 0).to_numpy())
    sends_on[went["row"].to_numpy()[passed]] = True
    rows_of: dict[int, list[int]] = {}
    for row in np.flatnonzero(np.isin(ids, several)).tolist():
        rows_of.setdefault(int(ids[row]), []).append(row)

    def best(row: int, wrong_clock_s: float) -> int:
        """The visit that this one most likely comes from; -1: none. Servers whose clocks may be wrong must name each other."""
        found = -1
        for other in rows_of[int(ids[row])]:
            is_same = bool(server[row] == server[other])
            before_s, after_s = (0.0, SLACK_S) if is_same else (SLACK_S + wrong_clock_s, SLACK_S + wrong_clock_s)
            if other == row or not sends_on[other] or (is_same and wrong_clock_s):
                continue
            if arrived_s[other] > arrived_s[row] + before_s or arrived_s[row] > ends_s[other] + after_s:
                continue
            if arrived_s[other] == arrived_s[row] and other > row:
                continue
            came_by_itself = bool(origin[row] == LOCAL or back[row])
            if not _may_come_from(
                is_same, int(client[row]), came_by_itself, loops, known, int(server[row]), int(server[other])
            ) or (wrong_clock_s and client[row] < 0):
                continue
            if _is_above(parent, other, row):
                continue
            if found < 0 or (
                abs(arrived_s[other] - arrived_s[row]) < abs(arrived_s[found] - arrived_s[row])
                if wrong_clock_s
                else arrived_s[other] > arrived_s[found]
            ):
                found = other
        return found

    for wrong_clock_s in (0.0, WRONG_CLOCK_S):
        for row in np.flatnonzero(orphan & (parent < 0)).tolist():
            parent[row] = best(row, wrong_clock_s)
            joined.by_message_id += int(parent[row] >= 0)
    visits["parent"] = parent
    _lead_on(joined, parent, orphan & (parent >= 0))


def _host_keys(joined: Joined) -> Ints:
    """A number for each host of the book, the same for hosts of one address; one more, of nobody, is -1."""
    keys: dict[str, int] = {}
    found = [keys.setdefault(ip_of(text) or name_of(text) or text, len(keys)) for text in joined.book.hosts.texts]
    outside = keys.get(OUTSIDE, -1)
    return np.array([*(-1 if key == outside else key for key in found), -1], np.int64)


def _came_back(joined: Joined, orphans: Ints) -> NDArray[np.bool_]:
    """Visits whose message was handed on before to the very host that hands it in now, or to one that the log does not name."""
    came_back = np.zeros(len(joined.visits), bool)
    deliveries, ids = joined.deliveries, joined.visits["message_id"].to_numpy()
    on = (deliveries["status"] == SENT).to_numpy() & (~deliveries["is_local"]).to_numpy()
    on &= (deliveries["next"] < 0).to_numpy()
    on &= np.isin(ids[deliveries["row"].to_numpy()], ids[orphans])
    keys, clients = _host_keys(joined), joined.visits["client"].to_numpy()[orphans]
    found: dict[int, set[int]] = {}
    for message, to in zip(
        ids[deliveries["row"].to_numpy()[on]].tolist(), keys[deliveries["relay"].to_numpy()[on]].tolist(), strict=True
    ):
        found.setdefault(message, set()).add(to)
    for row, message, client in zip(orphans.tolist(), ids[orphans].tolist(), keys[clients].tolist(), strict=True):
        hosts = found.get(message, ())
        came_back[row] = client in hosts or -1 in hosts
    return came_back


def _is_above(parent: Ints, row: int, wanted: int) -> bool:
    """Does the way back from `row` pass `wanted`."""
    for _ in range(MOST_HOPS):
        if row == wanted:
            return True
        row = int(parent[row])
        if row < 0:
            return False
    return True


def _may_come_from(
    same: bool, client: int, is_local: bool, loops: NDArray[np.bool_], known: Ints, server: int, other: int
) -> bool:
    """May a visit at `server` that this client handed in come from a visit at `other`: it names that server, or none."""
    if same:
        return bool(is_local or loops[client] or known[client] == server)
    return bool(client < 0 or known[client] == other)


def _lead_on(joined: Joined, parent: Ints, fresh: NDArray[np.bool_]) -> None:
    """Deliveries that led to visits found by message-id: those of the parent to the same recipient, not known to lead elsewhere."""
    deliveries, visits = joined.deliveries, joined.visits
    children: dict[int, list[int]] = {}
    for row in np.flatnonzero(fresh).tolist():
        children.setdefault(int(parent[row]), []).append(row)
    mine = np.isin(deliveries["row"].to_numpy(), list(children)) & (deliveries["next"].to_numpy() < 0)
    mine &= (deliveries["status"] == SENT).to_numpy()
    after = deliveries["next"].to_numpy(copy=True)
    seen: dict[int, set[int]] = {}
    wanted = np.isin(deliveries["row"].to_numpy(), [c for each in children.values() for c in each])
    for row, written in zip(
        deliveries["row"].to_numpy()[wanted].tolist(), deliveries["written_to"].to_numpy()[wanted].tolist(), strict=True
    ):
        seen.setdefault(row, set()).add(written)
    to, local = deliveries["to"].to_numpy(), deliveries["is_local"].to_numpy()
    servers, rows = visits["server"].to_numpy(), deliveries["row"].to_numpy()
    for at in np.flatnonzero(mine).tolist():
        for child in children[int(rows[at])]:
            same = servers[child] == servers[rows[at]]
            if to[at] in seen.get(child, ()) and (not local[at] or same):
                after[at] = child
                break
    deliveries["next"] = after


def _set_clocks(joined: Joined) -> None:
    """Find what each server's clock is ahead of the first one's, and take it out of all times."""
    visits, deliveries = joined.visits, joined.deliveries
    joined.clocks = {
        server: clock
        for server, clock in sorted(find_clocks(visits, deliveries).items())
        if clock.ahead_s or clock.drift
    }
    servers = visits["server"].to_numpy()
    of_delivery = servers[deliveries["row"].to_numpy()]
    for frame, of, names in ((visits, servers, ("arrived_s", "gone_s")), (deliveries, of_delivery, ("at_s",))):
        for name in names if joined.clocks else ():
            frame[name] = joined.right_s(frame[name].to_numpy(), of)


__all__ = ["DEFERRED", "Joined", "ip_of", "join", "name_of"]
