"""Messages and their copies: where each message began, and what became of each recipient, over all servers that are logged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake.logs.book import BOUNCED, DEFERRED, EXPIRED, NOBODY, NOTICE, SENT, LogBook
from coexsim.intake.logs.clocks import Clock
from coexsim.intake.logs.google import SERVICE as GOOGLE
from coexsim.intake.logs.join import MOST_HOPS, Joined, join_parts, server_of_hosts
from coexsim.intake.logs.shelf import Shelf
from coexsim.intake.logs.trace_export import SERVICE as MICROSOFT

# What is needed of a delivery to follow a recipient; the other columns would only be carried along.
FOLLOWED = [
    "visit",
    "row",
    "to",
    "written_to",
    "relay",
    "at_s",
    "delay_s",
    "status",
    "code",
    "next",
    "is_local",
    "was_tried",
]
SERVICES = (GOOGLE, MICROSOFT)
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
OUTCOMES = ("delivered", "handed on", "bounced", "expired", "discarded", "in transit", "refused", "not seen")
DELIVERED, HANDED_ON, BOUNCED_, EXPIRED_, DISCARDED_, IN_TRANSIT, REFUSED, NOT_SEEN = range(8)


@dataclass
class Journeys:
    """What logs say of mail from end to end.

    `messages` by number: ``row`` (its first visit; below 0: refused as a whole), server, sender, size_bytes, arrived_s, client, is_notice,
    is_sure (it begins here, and is no part of another one), is_repeat (an earlier one has its message-id and sender), recipients.
    `copies`, one row an address at the end of its way: message, written_to, to, row (its last visit), server, relay, outcome (place in
    `OUTCOMES`), code, delay_s, last_s (of it at the last server, rounded to step_s), hops (from one logged server to another),
    attempts (to hand it to another server, or into a mail file).
    """

    joined: Joined
    messages: pd.DataFrame
    copies: pd.DataFrame


class JourneyParts:
    """The journeys of all logs, a part after the other; it can be gone through several times."""

    def __init__(self, book: LogBook) -> None:
        self.book = book
        self.hosts: dict[int, set[str]] = {}
        self.clocks: dict[int, Clock] = {}
        self.by_reply = self.by_message_id = 0
        self._shelf: Shelf[_KeptJourneys] = Shelf(book.parts)
        for part, found in enumerate(map(journeys, join_parts(book))):
            joined = found.joined
            self.hosts, self.clocks = joined.hosts, joined.clocks
            self.by_reply += joined.by_reply
            self.by_message_id += joined.by_message_id
            self._shelf.put(
                part, _KeptJourneys(joined.visits, joined.deliveries, joined.refusals, found.messages, found.copies)
            )

    def __iter__(self) -> Iterator[Journeys]:
        for kept in self._shelf:
            joined = Joined(self.book, kept.visits, kept.deliveries, kept.refusals, self.hosts, self.clocks)
            yield Journeys(joined, kept.messages, kept.copies)

    def host_servers(self) -> NDArray[np.int64]:
        """The logged server of every host of the book, by its code; -1: none. One more -1 stands for an unknown host."""
        return server_of_hosts(self.book, self.hosts)

    @property
    def whole(self) -> Journeys:
        """The journeys of a log that was kept in one part. Raises `ValueError` for one that was not."""
        [found] = self
        return found


class _KeptJourneys(NamedTuple):
    visits: pd.DataFrame
    deliveries: pd.DataFrame
    refusals: pd.DataFrame
    messages: pd.DataFrame
    copies: pd.DataFrame


def journeys(joined: Joined) -> Journeys:
    """Follow every message that begins in the logs."""
    tries = _tries(joined)
    messages = _messages(joined)
    copies = _follow(joined, messages, tries)
    refused = _refused(joined, messages)
    copies = pd.concat([copies, refused], ignore_index=True) if len(refused) else copies
    pairs = copies[["message", "written_to"]].drop_duplicates()
    counts = pairs.groupby("message").size()
    messages["recipients"] = counts.reindex(messages.index, fill_value=0).to_numpy(np.int64)
    return Journeys(joined, messages, copies)


def _tries(joined: Joined) -> pd.DataFrame:
    """One row for each visit and recipient: its last attempt, and how many there were. A person may be named directly and by a group."""
    frame = joined.deliveries[FOLLOWED]
    row, to, written = (frame[name].to_numpy() for name in ("row", "to", "written_to"))
    order = np.lexsort((frame["at_s"].to_numpy(), written, to, row))
    row, to, written = row[order], to[order], written[order]
    new = np.ones(len(row), bool)
    new[1:] = (row[1:] != row[:-1]) | (to[1:] != to[:-1]) | (written[1:] != written[:-1])
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(row)) - 1 if len(row) else starts
    tried = frame["was_tried"].to_numpy()[order]
    deferred = np.cumsum((frame["status"].to_numpy()[order] == DEFERRED) & tried)
    last: pd.DataFrame = frame.drop(columns=["at_s", "was_tried"]).iloc[order[ends]].reset_index(drop=True)
    given_up = np.isin(last["visit"].to_numpy(), joined.book.expired) & (last["status"].to_numpy() == DEFERRED)
    last["status"] = np.where(given_up, EXPIRED, last["status"].to_numpy())
    before = np.where(starts > 0, deferred[starts - 1], 0) if len(starts) else starts
    again = (~given_up & (last["status"].to_numpy() != DEFERRED)).astype(np.int64)
    return last.assign(attempts=deferred[ends] - before + again if len(starts) else starts)


def _messages(joined: Joined) -> pd.DataFrame:
    """Where mail begins: visits that come from no other one, and mail that a server refused as a whole."""
    visits, book = joined.visits, joined.book
    begins = visits["parent"].to_numpy() < 0
    sender, client = visits["sender"].to_numpy(), visits["client"].to_numpy()
    logged = joined.host_servers()
    from_logged = logged[client] >= 0
    empty = np.array([not text for text in book.addresses.texts] + [False])
    is_notice = (visits["origin"].to_numpy() == NOTICE) | (empty[sender] & (client == NOBODY))
    rows = np.flatnonzero(begins)
    from_logged |= _may_be_logged(joined)[client]
    is_told = (client != NOBODY) | (visits["origin"].to_numpy() > 1)
    alone = np.array(
        [*(name in SERVICES for name in book.servers.texts), False]
    )  # what comes to a service begins there for its log
    messages = pd.DataFrame({
        "row": rows, "server": visits["server"].to_numpy()[rows], "sender": sender[rows],
        "size_bytes": visits["size_bytes"].to_numpy()[rows], "arrived_s": visits["arrived_s"].to_numpy()[rows],
        "client": client[rows], "is_notice": is_notice[rows],
        "code": NOBODY,
        # one whose beginning may lie in lines or logs that are missing: it may be a part of another message
        "is_sure": ~from_logged[rows] & (is_told | alone[visits["server"].to_numpy()])[rows] & (sender[rows] != NOBODY),
        "is_repeat": _is_repeat(joined, rows),
    })  # fmt: skip
    messages["is_sure"] &= ~messages["is_repeat"]
    refusals = joined.refusals
    whole = refusals[(refusals["visit"] < 0) & (logged[refusals["client"].to_numpy()] < 0)]
    if len(whole):
        each = whole.groupby("message", as_index=False).first()
        lost = pd.DataFrame({
            "row": -1 - each["message"], "server": each["server"], "sender": each["sender"], "size_bytes": -1,
            "arrived_s": joined.right_s(each["at_s"].to_numpy(), each["server"].to_numpy()), "client": each["client"], "code": each["code"],
            "is_notice": False, "is_sure": True, "is_repeat": False,
        })  # fmt: skip
        messages = pd.concat([messages, lost], ignore_index=True)
    return messages


def _may_be_logged(joined: Joined) -> Bools:
    """Hosts that may be a logged server, by code: any, if there are several logs of which one does not say its server's name."""
    hosts, book = joined.hosts, joined.book
    several = len(book.servers) > 1
    nameless = any(server in book.consoles and len(names) == 1 for server, names in hosts.items())
    return np.array([*([several and nameless] * len(book.hosts)), False])


def _is_repeat(joined: Joined, rows: Ints) -> Bools:
    """Visits with which mail begins whose message-id and sender an earlier one of them has: parts of one message, its beginning unseen."""
    visits = joined.visits.iloc[rows]
    order = np.argsort(visits["arrived_s"].to_numpy(), kind="stable")
    ids, sender = visits["message_id"].to_numpy()[order], visits["sender"].to_numpy()[order]
    again = pd.DataFrame({"id": ids, "sender": sender}).duplicated().to_numpy()
    found = np.zeros(len(rows), bool)
    found[order] = again & (ids != 0) & (sender != NOBODY)
    return found


def _follow(joined: Joined, messages: pd.DataFrame, tries: pd.DataFrame) -> pd.DataFrame:
    """The last visit of every recipient of every message."""
    arrived_s, at = joined.visits["arrived_s"].to_numpy(), joined.visits["server"].to_numpy()
    rows = messages["row"].to_numpy()
    begun = pd.DataFrame({"message": messages.index.to_numpy()[rows >= 0], "row": rows[rows >= 0]})
    front = begun.merge(tries, on="row", how="inner")
    front["origin_to"] = front["written_to"]
    front["hops"], front["all_attempts"] = 0, front["attempts"]
    done: list[pd.DataFrame] = []
    for _ in range(MOST_HOPS):
        if front.empty:
            break
        goes_on = (front["next"].to_numpy() >= 0) & (front["status"].to_numpy() == SENT)
        to_other = at[front["row"].to_numpy(np.int64)] != at[front["next"].to_numpy(np.int64)]  # no filter of its own
        front["hops"] += to_other & goes_on
        front["all_attempts"] -= ~to_other & goes_on
        done.append(front[~goes_on])
        onward = front.loc[goes_on, ["message", "origin_to", "to", "next", "hops", "all_attempts"]]
        onward = onward.rename(columns={"next": "row", "to": "written_to", "all_attempts": "so_far"})
        met = onward.merge(tries, on=["row", "written_to"], how="left", indicator=True)
        met, unseen = _merged_there(met, tries)
        if len(unseen):
            done.append(
                unseen.assign(
                    to=unseen["written_to"],
                    all_attempts=unseen["so_far"],
                    status=-1,
                    relay=NOBODY,
                    code=NOBODY,
                    is_local=False,
                    delay_s=np.nan,
                )
            )
        front = met[met["_merge"] == "both"].drop(columns="_merge")
        front["all_attempts"] = front["so_far"] + front["attempts"]
    ends = pd.concat(done, ignore_index=True) if done else front
    row = ends["row"].to_numpy(np.int64)
    status, local = ends["status"].to_numpy(np.int64), ends["is_local"].to_numpy(bool)
    of_status = np.array([DELIVERED, BOUNCED_, IN_TRANSIT, EXPIRED_, DISCARDED_, NOT_SEEN])
    outcome = of_status[status]
    outcome[(status == SENT) & ~local] = HANDED_ON
    message = ends["message"].to_numpy(np.int64)
    servers = joined.visits["server"].to_numpy()[row]
    steps = np.array(
        [joined.book.resolution_s.get(server, 0.01) for server in range(len(joined.book.servers))] or [0.01]
    )
    known, begun = joined.visits["is_arrival_known"].to_numpy(), messages["row"].to_numpy()[message]
    delay_s = arrived_s[row] + ends["delay_s"].to_numpy(np.float64) - messages["arrived_s"].to_numpy()[message]
    delay_s[(row != begun) & ~(known[row] & known[begun])] = np.nan
    frame = pd.DataFrame({
        "message": message, "written_to": ends["origin_to"].to_numpy(np.int64), "to": ends["to"].to_numpy(np.int64), "row": row,
        "server": servers, "relay": ends["relay"].to_numpy(np.int64), "outcome": outcome, "code": ends["code"].to_numpy(np.int64),
        "delay_s": np.where(outcome == NOT_SEEN, np.nan, delay_s),
            "last_s": ends["delay_s"].to_numpy(np.float64), "step_s": steps[servers], "hops": ends["hops"].to_numpy(np.int64),
        "attempts": ends["all_attempts"].to_numpy(np.int64),
    })  # fmt: skip
    return frame.sort_values(["message", "written_to", "to"], kind="stable", ignore_index=True)


def _merged_there(met: pd.DataFrame, tries: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows whose recipient the next server delivered to under another name (its duplicate, through a group), and those it never names."""
    unseen = met[met["_merge"] == "left_only"]
    if unseen.empty:
        return met, unseen
    kept = unseen[["message", "origin_to", "written_to", "row", "hops", "so_far"]]
    again = kept.rename(columns={"written_to": "to"}).merge(tries, on=["row", "to"], how="left", indicator=True)
    found = again[again["_merge"] == "both"]
    lost = again[again["_merge"] == "left_only"].drop(columns="written_to").rename(columns={"to": "written_to"})
    return pd.concat([met[met["_merge"] == "both"], found], ignore_index=True), lost


def _refused(joined: Joined, messages: pd.DataFrame) -> pd.DataFrame:
    """Recipients that were refused to the client that handed a message in."""
    refusals = joined.refusals
    refusals = refusals[refusals["to"] >= 0]
    of_visit = dict(zip(messages["row"].tolist(), messages.index.tolist(), strict=True))
    numbers = (
        dict(zip(joined.visits["visit"].tolist(), range(len(joined.visits)), strict=True)) if len(refusals) else {}
    )
    message = [
        of_visit.get(numbers.get(visit, NOBODY) if visit >= 0 else -1 - group, NOBODY)
        for group, visit in zip(refusals["message"].tolist(), refusals["visit"].tolist(), strict=True)
    ]
    refusals = refusals.assign(about=message)
    refusals = refusals[refusals["about"] >= 0]
    n = len(refusals)
    return pd.DataFrame({
        "message": refusals["about"].to_numpy(np.int64), "written_to": refusals["to"].to_numpy(np.int64),
        "to": refusals["to"].to_numpy(np.int64), "row": np.full(n, -1), "server": refusals["server"].to_numpy(np.int64),
        "relay": np.full(n, NOBODY), "outcome": np.full(n, REFUSED), "code": refusals["code"].to_numpy(np.int64),
        "delay_s": np.full(n, np.nan),
            "last_s": np.full(n, np.nan),
        "step_s": np.zeros(n), "hops": np.zeros(n, np.int64), "attempts": np.zeros(n, np.int64),
    })  # fmt: skip


__all__ = ["BOUNCED", "DEFERRED", "OUTCOMES", "JourneyParts", "Journeys", "journeys"]
