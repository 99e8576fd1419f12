"""Join the visits of one message at several servers: by queue ids in replies, else by message-id; clocks are set right on the way.

What a part alone cannot know, which host is which server and what clocks differ by, is learnt from all parts before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake.logs.book import DEFERRED, LOCAL, NOTICE, SENT, LogBook
from coexsim.intake.logs.clocks import Clock, ClocksSeen
from coexsim.intake.logs.mail_votes import MailVotes
from coexsim.intake.logs.shelf import Shelf
from coexsim.intake.logs.tallies import Counts, most_of

Ints = NDArray[np.int64]
_HOST = re.compile(r"(?P<name>[^\[\]:, ]*)(?:\[(?P<ip>[^\]]*)\])?")
LOOPBACK = ("127.", "::1")
WRONG_CLOCK_S = 4000.0  # a server's clock may be so wrong: an hour of summer time, and some
SLACK_S = 2.0  # a line may be written so much later than what it tells
MOST_HOPS = 50
OUTSIDE = "outside"  # the next host where a log does not name it


@dataclass
class Joined:
    """Visits with the visit each came from, and the servers' names and clocks: of all logs, or of a part that holds whole messages."""

    book: LogBook
    visits: pd.DataFrame  # sorted by number, `parent`: row of the visit it came from, -1: none; times on one clock
    deliveries: pd.DataFrame  # `row` of its visit, `next`: row of the visit that it led to, -1: none seen
    refusals: pd.DataFrame
    hosts: dict[int, set[str]] = field(default_factory=dict)  # server: host names and IP addresses, lower case
    clocks: dict[int, Clock] = field(default_factory=dict)  # server: what its clock was ahead, taken out
    by_reply: int = 0
    by_message_id: int = 0

    def right_s(self, times_s: NDArray[np.float64], servers: NDArray[np.int32]) -> NDArray[np.float64]:
        """Times of servers' clocks, on the clock that is taken for right."""
        found = times_s.copy()
        for server, clock in self.clocks.items():
            mine = servers == server
            found[mine] -= clock.ahead_at(found[mine])
        return found

    def server_at(self, host: str) -> int:
        """The logged server of a host as written in a log (``name[ip]:25``); -1: none."""
        return server_at(host, self.hosts)

    def host_servers(self) -> Ints:
        """The logged server of every host of the book, by its code; -1: none. One more -1 stands for an unknown host."""
        return server_of_hosts(self.book, self.hosts)


def server_at(host: str, hosts: dict[int, set[str]]) -> int:
    """The server that is called as a log writes a host (``name[ip]:25``); -1: none."""
    by_host = {name: server for server, names in hosts.items() for name in names if name}
    return by_host.get(ip_of(host), by_host.get(name_of(host), -1))


def server_of_hosts(book: LogBook, hosts: dict[int, set[str]]) -> Ints:
    """The server of every host of the book, by its code; -1: none. One more -1 stands for an unknown host."""
    by_host = {name: server for server, names in hosts.items() for name in names if name}
    found = [by_host.get(ip_of(text), by_host.get(name_of(text), -1)) for text in book.hosts.texts]
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


def host_name(host: str) -> str:
    """The name of a host as written in a log, or its address where it has none."""
    return name_of(host) or ip_of(host)


class _KeptJoin(NamedTuple):
    """Of a part between two passes."""

    visits: pd.DataFrame
    deliveries: pd.DataFrame
    refusals: pd.DataFrame
    by_reply: int
    by_message_id: int


def join(book: LogBook) -> Joined:
    """Join what a book holds as one part; its tables are no longer there then, but here."""
    [joined] = join_parts(book)
    return joined


def join_parts(book: LogBook) -> Iterator[Joined]:
    """Join what a book holds, a part after the other. Names of servers and clocks are those that all parts together show."""
    kept: Shelf[_KeptJoin] = Shelf(book.parts)
    votes, span = HostVotes(), [inf, -inf]
    for part, (visits, deliveries, refusals) in enumerate(book.tables()):
        joined = _linked(book, visits, deliveries, refusals)
        votes.add(joined)
        times_s = joined.visits["arrived_s"].to_numpy()
        if len(times_s):
            span = [min(span[0], float(np.nanmin(times_s))), max(span[1], float(np.nanmax(times_s)))]
        kept.put(part, _kept(joined))
    hosts = votes.hosts(book)
    rounds = np.array([book.products.get(server) == "postfix" for server in range(len(book.servers))])
    clocks_seen = ClocksSeen(span[0], span[1], rounds, frozenset(book.zones_s))
    for part in range(kept.parts):
        joined = _again(book, kept.get(part), hosts)
        _set_parents(joined)
        _by_message_id(joined)
        clocks_seen.add(joined.visits, joined.deliveries)
        kept.put(part, _kept(joined))
    clocks = {server: clock for server, clock in sorted(clocks_seen.clocks().items()) if clock.ahead_s or clock.drift}
    for part in range(kept.parts):
        joined = _again(book, kept.get(part), hosts)
        joined.clocks = clocks
        _set_clocks(joined)
        yield joined


def _kept(joined: Joined) -> _KeptJoin:
    return _KeptJoin(joined.visits, joined.deliveries, joined.refusals, joined.by_reply, joined.by_message_id)


def _again(book: LogBook, kept: _KeptJoin, hosts: dict[int, set[str]]) -> Joined:
    found = Joined(book, kept.visits, kept.deliveries, kept.refusals, hosts)
    found.by_reply, found.by_message_id = kept.by_reply, kept.by_message_id
    return found


def _linked(book: LogBook, visits: pd.DataFrame, deliveries: pd.DataFrame, refusals: pd.DataFrame) -> Joined:
    """Visits by number, and the visit to which the reply to each delivery leads."""
    visits = visits.sort_values("visit", ignore_index=True)
    deliveries["row"] = np.searchsorted(visits["visit"].to_numpy(), deliveries["visit"].to_numpy())
    joined = Joined(book, visits, deliveries, refusals)
    deliveries["next"] = _by_reply(joined)
    return joined


def _set_parents(joined: Joined) -> None:
    after = joined.deliveries["next"].to_numpy()
    parent = np.full(len(joined.visits), -1)
    parent[after[after >= 0]] = joined.deliveries["row"].to_numpy()[after >= 0]
    joined.visits["parent"] = parent


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


class HostVotes:
    """What other servers call a server: the host of a delivery that led to a visit there."""

    def __init__(self) -> None:
        self._seen = Counts()  # host << 32 | server
        self._alike = Counts()  # likewise, by name and message-id only
        self._called = np.empty(0, np.int64)  # what `_alike_of` found
        self._by_mail = MailVotes()

    def add(self, joined: Joined) -> None:
        """Count the deliveries of a part that a reply joins to a visit."""
        deliveries, visits = joined.deliveries, joined.visits
        linked = deliveries["next"].to_numpy() >= 0
        servers = visits["server"].to_numpy()
        rows, after = deliveries["row"].to_numpy()[linked], deliveries["next"].to_numpy()[linked]
        for hosts, of in (
            (deliveries["relay"].to_numpy()[linked], servers[after]),
            (visits["client"].to_numpy()[after], servers[rows]),
        ):
            kept = hosts >= 0
            self._seen.add(hosts[kept].astype(np.int64) << 32 | of[kept])
        self._add_by_message_id(joined)
        if len(joined.book.servers) > 1:
            keys = _host_keys(joined)
            is_open = (deliveries["status"] == SENT).to_numpy() & (deliveries["next"] < 0).to_numpy()
            is_open &= ~deliveries["is_local"].to_numpy() & (keys[deliveries["relay"].to_numpy()] >= 0)
            self._by_mail.add(visits, deliveries, is_open, keys)

    def _add_by_message_id(self, joined: Joined) -> None:
        """Count hosts that are called as a server calls itself in its log, where both have a message that no reply joins."""
        book, deliveries, visits = joined.book, joined.deliveries, joined.visits
        replied = {key & 0xFFFFFFFF for key, _ in self._seen.items()}
        if len(replied) == len(book.servers):  # what replies name needs no guess
            return
        alike = self._alike_of(book)
        ids, server = visits["message_id"].to_numpy(), visits["server"].to_numpy(np.int64)
        row, relay = deliveries["row"].to_numpy(), deliveries["relay"].to_numpy(np.int64)
        open_ = (deliveries["next"].to_numpy() < 0) & (deliveries["status"] == SENT).to_numpy() & (relay >= 0)
        open_ &= ~deliveries["is_local"].to_numpy()
        open_ &= (alike[relay] >= 0) & (alike[relay] != server[row])
        client = visits["client"].to_numpy(np.int64)
        begun = (client >= 0) & (alike[client] >= 0) & (alike[client] != server)
        if not open_.any() and not begun.any():
            return
        there = set(zip(ids.tolist(), server.tolist(), strict=True))
        hosts, of = np.concatenate([relay[open_], client[begun]]), np.concatenate([ids[row[open_]], ids[begun]])
        met = np.array([(key, alike[host]) in there for key, host in zip(of.tolist(), hosts.tolist(), strict=True)])
        met &= of != 0
        self._alike.add(hosts[met] << 32 | alike[hosts[met]])

    def _alike_of(self, book: LogBook) -> NDArray[np.int64]:
        """Of each host, and last of no host, the server that calls itself so, by the first part of the name; -1: none."""
        if len(self._called) != len(book.hosts) + 1:
            own = {name.casefold().partition(".")[0]: number for number, name in enumerate(book.servers.texts)}
            called = [own.get(name_of(text).partition(".")[0], -1) for text in book.hosts.texts]
            self._called = np.array([*called, -1], np.int64)
        return self._called

    def hosts(self, book: LogBook) -> dict[int, set[str]]:
        """The names and addresses of each server."""
        found = {
            server: {name} | book.names.get(server, set())
            for server, name in enumerate(map(str.casefold, book.servers.texts))
        }
        votes: dict[str, dict[int, int]] = {}
        known = {key & 0xFFFFFFFF for key, _ in self._seen.items()}  # what replies name needs no guess
        guessed = [(key, count) for key, count in self._alike.items() if key & 0xFFFFFFFF not in known]
        for key, count in [*self._seen.items(), *guessed]:
            text, server = book.hosts[key >> 32], key & 0xFFFFFFFF
            if ip_of(text).startswith(LOOPBACK):
                continue
            for name in {name_of(text), ip_of(text)} - {""}:
                tally = votes.setdefault(name, {})
                tally[server] = tally.get(server, 0) + count
        for name, tally in votes.items():
            best = most_of(tally)[0]
            found[best].add(name)
            for server in tally:  # two servers that call themselves alike keep only their own
                if server != best:
                    found[server].discard(name)
        taken = {name for names in found.values() for name in names}
        for host, server in self._by_mail.servers().items():
            names = {name_of(book.hosts[host]), ip_of(book.hosts[host])} - {""}
            if names.isdisjoint(taken) and not ip_of(book.hosts[host]).startswith(LOOPBACK):
                found[server] |= names
        return found


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
    orphan &= from_us[visits["client"].to_numpy()] | (visits["origin"].to_numpy() == LOCAL)
    orphan[list(back)] = True
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

    def nearness(row: int, other: int, wrong_clock_s: float) -> tuple[bool, float]:
        """Less for the visit that is nearer: one that was before it goes first, unless clocks may be wrong."""
        before_s = float(arrived_s[row] - arrived_s[other])
        return before_s < 0 and not wrong_clock_s, abs(before_s)

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
            came_back = other in back.get(row, ())
            came_by_itself = bool(origin[row] == LOCAL) or came_back
            named = _may_come_from(
                is_same, int(client[row]), came_by_itself, loops, known, int(server[row]), int(server[other])
            )
            if not (named or came_back) or (wrong_clock_s and client[row] < 0):
                continue
            if _is_above(parent, other, row):
                continue
            if found < 0 or nearness(row, other, wrong_clock_s) < nearness(row, found, wrong_clock_s):
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


def _came_back(joined: Joined, orphans: Ints) -> dict[int, set[int]]:
    """Of visits whose mail was handed on before to the very host that hands it in now, or to one that the log does not name: by whom.

    That host is a filter, or a server whose own log is missing. A mailing list sends mail on under another sender: that is new mail.
    """
    deliveries, ids = joined.deliveries, joined.visits["message_id"].to_numpy()
    sender = joined.visits["sender"].to_numpy()
    on = (deliveries["status"] == SENT).to_numpy() & (~deliveries["is_local"]).to_numpy()
    on &= (deliveries["next"] < 0).to_numpy()
    on &= np.isin(ids[deliveries["row"].to_numpy()], ids[orphans])
    keys, clients = _host_keys(joined), joined.visits["client"].to_numpy()[orphans]
    given: dict[int, dict[int, set[int]]] = {}
    rows = deliveries["row"].to_numpy()[on]
    for message, row, to in zip(
        ids[rows].tolist(), rows.tolist(), keys[deliveries["relay"].to_numpy()[on]].tolist(), strict=True
    ):
        given.setdefault(message, {}).setdefault(row, set()).add(to)
    found: dict[int, set[int]] = {}
    for row, message, client in zip(orphans.tolist(), ids[orphans].tolist(), keys[clients].tolist(), strict=True):
        for other, hosts in given.get(message, {}).items():
            is_same_sender = sender[row] == sender[other] or min(sender[row], sender[other]) < 0
            if other != row and is_same_sender and (client in hosts or -1 in hosts):
                found.setdefault(row, set()).add(other)
    return found


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
    leads_to = np.where(local, -1, joined.host_servers()[deliveries["relay"].to_numpy()])
    for at in np.flatnonzero(mine).tolist():
        for child in children[int(rows[at])]:
            same = servers[child] == servers[rows[at]]
            fits = leads_to[at] < 0 or leads_to[at] in (servers[child], servers[rows[at]])
            if to[at] in seen.get(child, ()) and (not local[at] or same) and fits:
                after[at] = child
                break
    deliveries["next"] = after


def _set_clocks(joined: Joined) -> None:
    """Take what each server's clock is ahead of the first one's out of all times."""
    visits, deliveries = joined.visits, joined.deliveries
    servers = visits["server"].to_numpy()
    of_delivery = servers[deliveries["row"].to_numpy()]
    for frame, of, names in ((visits, servers, ("arrived_s", "gone_s")), (deliveries, of_delivery, ("at_s",))):
        for name in names if joined.clocks else ():
            frame[name] = joined.right_s(frame[name].to_numpy(), of)


__all__ = ["DEFERRED", "Joined", "ip_of", "join", "join_parts", "name_of"]
