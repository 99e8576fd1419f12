"""The arrays that the kernel and Python share: one record type for each thing, and what stands where in `ints` and `times`.

Rows of rules (`PLACE`, `TAKE`, ...) are appended and never changed; a new state of the world (`EPOCH`) asks for new rows, so mail under
way keeps what it was told. Numbers of things are their places in their arrays; -1 is none, -2 not asked for yet.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

F8, I8 = "f8", "i8"
I1 = I2 = I4 = I8  # small numbers: a second type of integer would have every function compiled for it too
SMALL, SHORT, INT = "i1", "i2", "i4"  # in what there is much of


def _record(**fields: str) -> np.dtype[np.void]:
    return np.dtype(list(fields.items()), align=True)


COPY = _record(
    number=I8, size=I8, live=I8, waiter=I8, thread=I8, slot=I8, talked_to=I8, born=F8, wan=F8, queued_s=F8, began=F8, talks=F8, sent=F8,
    answered=F8, fresh=F8, next_s=F8, gives_s=F8, thread_asked=F8, thread_taken=F8, slot_asked=F8, slot_taken=F8, server=I4, place=I4,
    tx=I4, entry=I4, take=I4, path=I4, count=I4, next=I4, block=I4, way=I4, reply=I4, late=I4, hosts=I4, at=I4, hop=I4, node=I4,
    answer=I4, row=I4, failures=I4, talks_had=I4, pending=I4, attempts=I4, serial=I2, stream=I2, hops=I2, measured=I1, held=I1, warned=I1,
    arrived=I1, own_down=I1, denied=I1, marks=I1, took=I1, talking=I1, waits=I1, alive=I1, given=I1, fallback=I1,
)  # fmt: skip
"""A copy of a message on its way. `given`: Python has just put into `row` or `hosts` what the kernel asked for (`GIVEN`), or has looked
where a named message is handed in (`HANDED_IN`, `ASKS_DNS`, `NOWHERE`).

`talked_to`: servers that have answered in this attempt, as bits; `took`: the last one has taken somebody.
`arrived`: no link that its body crossed has broken; `own_down`: the connection is lost since this server itself went down;
`denied`: DNS has said for good that there is no host. `waits`: a part that only waits, with no destination in view; `alive`: its
destination is well, only the message must come later.
`sent`: when its body began to cross the links of its path, all at once.
`marks`: what the failed attempt says of the destination (`DEAD`, `TURNED_AWAY`, `FROZEN`), or 0. `fallback`: so many fallback relays
have been tried in it.
"""
DEAD, TURNED_AWAY, FROZEN = 1, 2, 3
GIVEN = HANDED_IN = 1
ASKS_DNS, NOWHERE = 2, 3
EVENT = _record(time=F8, order=I8, seq=I8, what=I8)
"""Of what follows at this very moment, at the end of the heap's array, `order` is the place of the next one (``event_heap.push_now``).

A transfer on a link is kept as one: `time` it ends, in bytes of each one's share; `seq`: as it was sent; `what`: its copy.
"""
PLACE_KEY = _record(server=I4, row=I4, epoch=I4, times_before=I4)
"""A class of mail at a server (``server, envelope, came_from, size_class, passed``); its row says what is done with it there.

`times_before` is how often this machine took it before.
"""
PLACE = _record(d0=I4, d1=I4, f0=I4, f1=I4, o0=I4, o1=I4, notice=I4, serial=I4, added=I4, deliveries=I4)
"""Deliveries and failures (ranges of `PART`), requests (range of `REQUEST`), the notice about failures; net growth by groups."""
PART = _record(count=I4, end=I4)
REQUEST = _record(count=I4, place=I4, tx=I4)
"""A part that goes on: to a role on the same machine (`place`) or to a next hop (`tx`)."""
TX_KEY = _record(server=I4, hop=I4, key=I4, again=I4, take=I4, late=I4, late_serial=I4, is_mail=I1)
"""A class of mail at a server on its way to a next hop. `again`: its place there; `take`: first answer; `late`: its delay notice."""
TAKE = _record(
    target=I4, epoch=I4, next=I4, before=I4, body=I4, new_trips=I4, reused_trips=I4, place=I4, count=I4, f0=I4, f1=I4, notice=I4,
    serial=I4, late_tx=I4, late_count=I4, late=I4, times_before=I4,
)  # fmt: skip
"""What a server takes of a class of mail, after what another one took `before` in the same attempt: who goes on there (`place`), who has
failed so far (`PART`), who is to come later.
"""
ENTRY_KEY = _record(server=I4, row=I4, epoch=I4, count=I4, outbox=I4, outbox_end=I4)
"""`outbox` and `outbox_end`: limits by which the sender's Outbox keeps mail, a range of `rates`."""
ENTRY = _record(place=I4, count=I4, f0=I4, f1=I4)
FAIL = _record(f0=I4, f1=I4, notice=I4, serial=I4)
SERVER = _record(
    cores_s=F8, accept_s=F8, delivery_s=F8, queued=I8, queued_bytes=I8, refused=I8, refused_in_session=I8, disk=F8, queue=F8,
    pressure=F8, reuse_s=F8, session_s=F8, between_s=F8, connect_timeout=F8, cores=I4, delivery=I4, threads=I4, connections=I4,
    cores_work=I4, accept_work=I4, delivery_work=I4, machine=I4, senders=I4, downtime=I4, retry=I4, mx_session_limit=I4, timed_out=I4,
    refuses=I4, lost=I4, full=I4,
    busy=I4, fallbacks=I4, fallbacks_end=I4, rates=I4, rates_end=I4, spares=I8, first_sender=I4, works=I1, waits=I1, listens=I1,
)  # fmt: skip
"""`fallbacks` and `fallbacks_end`: its fallback relays, a range of the array of that name; so `rates`. `spares`: servers whose connections
they do not count, as bits. `first_sender`: the number of its first one among the senders of all servers.
"""
RATE = _record(window_s=F8, most=I8, first=I4)
"""At most so many in a time. `first`: the one window, or, of each client's connections, that of the first sender of all."""
RATE_WINDOW = _record(began=F8, count=I8)
STATION = _record(workers=I4, first=I4, log=I4, downtime=I4, head=I8, tail=I8)
"""`head`, `tail`: of its row of `starts`, a ring whose length is a power of two."""
POOL = _record(
    most=I8, most_of_key=I8, used=I8, waiting=I8, asked=I8, log=I4, first=I4, last=I4, adapts=I1, initial=I8, more=F8, fewer=F8, cohorts=F8,
)  # fmt: skip
"""`first`, `last`: the keys for whose slots copies wait, by when the first of each asked. `adapts`: the bound of a key is its `window`,
which ``sim/concurrency.py`` describes; 1: each message for itself, 2: by queue."""
KEY = _record(
    taken=I8, head=I4, tail=I4, next=I4, before=I4, window=I8, success=F8, failure=F8, cohorts=F8,
)  # fmt: skip
LINK = _record(
    bytes_per_s=F8, share=F8, since=F8, busy=F8, next_end=F8, timer=I8, number=I8, count=I4, joined=I4, carries=I4, log=I4, busy_log=I4,
    downtime=I4, instant=I4,
)  # fmt: skip
BANDWIDTH = _record(link=I4, bytes_per_s=F8)
"""A change of other traffic on a link: what it leaves from then on."""
PATH = _record(round_trip=F8, l0=I4, l1=I4, wan=I4, downtime=I4)
OUT_OF_REACH = -2
"""Less the number of a server: what stands for an address of it, over a family that does not work at its client, in `host_server`."""
SPAN = _record(first=I4, last=I4)
DESTINATION = _record(dead_until=F8, first_s=F8, marked=F8, failures=I4, reply=I4)
HOP = _record(node=I4, first=I4, server=I4, external=I4, round_trip=F8)
"""A next hop as one server sees it; what its senders know of it begins at `first`."""
KNOWN = _record(until=F8, node=I4)
NODE = _record(question=I4, child=I4, hosts=I4, reply=I4, temporary=I4, uses=I8)
"""A step of the MX rules: a question, or (-1) what came of them: hosts, or the reply to a failure. `temporary`: 2 where mail is frozen."""
EDGE = _record(answer=I4, node=I4, next=I4)
QUESTION = _record(first=I4, answer=I4, epoch=I4, asked=I8, cached=I8, failed=I8)
CACHED = _record(until=F8, answer=I4, head=I4, tail=I4, asking=I4)
ANSWER = _record(ttl=F8, temporary=I4, timeout=I4)
RETRY = _record(
    factor=F8, longest=F8, queue_run=F8, phase=F8, warn=F8, expire=F8, first=I4, last=I4, by_age=I1, at_attempts=I1, per_destination=I1,
    whole_seconds=I1, keeps_code=I1, message_gap=F8, thaw=F8, cancel_frozen=F8,
)  # fmt: skip
KEPT = _record(until=F8, next=I4)
ROW = _record(
    number=I8,
    size=I8,
    born=F8,
    at=F8,
    wan=F8,
    end=INT,
    count=INT,
    way=INT,
    hops=SHORT,
    attempts=INT,
    stream=SHORT,
    measured=SMALL,
)
VISIT = _record(arrived=F8, start=F8, finish=F8, log=INT)
WAY = _record(parent=I4, server=I4, place=I4)

# `ints`
(
    HEAP, SEQ, STACK, FREE, COPIES, BIRTH, BORN, BLOCK, FIRST, OUT, VISITS, EPOCH, OPEN, SENT, LIVE, STARTED, HELD, SECOND_COPIES, ENDED,
    ASKED, ASKED_2, NS_IDLE, NS_HEAD, NS_TAIL, KEPT_FREE, KEPTS, WAYS, SEGMENT, EVENTS, FORCE, FORCED, SECOND_COPY_STREAM, NOTICE_STREAM,
    DRAINING, GIVEN_COPY, ASKED_3, NOW_COUNT, FIRST_BEGINS, FIRST_AT_ONCE, LAST_BEGINS, LAST_AT_ONCE,
    DEFERRALS, DEFERRALS_WHEN_MOVED, NEED, WAITING, INTS,
) = range(46)  # fmt: skip
"""`FIRST_BEGINS` and `LAST_BEGINS` plus the order of what is to happen now, 0 or 1, give the place of either."""
# `times`
NOW, MEASURED_FROM, MEASURED_TO, LENGTH, LIMIT, BIN, WINDOW_FROM, WINDOW_TO, ANSWER_S, TIMEOUT_S, GIVEN_WORK, TIMES = (
    range(12)
)
# why the kernel returns (0: it goes on)
(
    DONE, REACHED, FORCED_RETURN, NEED_ENTRY, NEED_PLACE, NEED_TAKE, NEED_PATH, NEED_EDGE, NEED_ANSWER, NEED_LOT, NEED_UNREACHED,
    NEED_UNFOUND, NEED_FAIL, NEED_EXPIRY, NEED_LATE, NEED_WORK, NEED_BLOCK, NEED_NAMED, FLUSH, GROW_COPIES, GROW_HEAP, GROW_STACK,
    GROW_KEPT, GROW_WAYS, GROW_STARTS, GROW_TRANSFERS,
) = range(1, 27)  # fmt: skip
GROWS = {
    GROW_COPIES: "copies", GROW_HEAP: "heap", GROW_STACK: "stack", GROW_KEPT: "kept", GROW_WAYS: "ways", GROW_STARTS: "starts",
    GROW_TRANSFERS: "transfers",
}  # fmt: skip


class Shared(NamedTuple):
    """One array of the kernel: its element type and number of dimensions, and what a new place in it holds."""

    dtype: np.dtype[np.void] | str
    dimensions: int = 1
    fill: float = 0


ARRAYS: dict[str, Shared] = {
    "ints": Shared(I8),
    "times": Shared(F8),
    "heap": Shared(EVENT),
    "stack": Shared(I8),
    "copies": Shared(COPY),
    "place_keys": Shared(PLACE_KEY),
    "places": Shared(PLACE),
    "parts": Shared(PART),
    "requests": Shared(REQUEST),
    "tx_keys": Shared(TX_KEY),
    "takes": Shared(TAKE),
    "entry_keys": Shared(ENTRY_KEY),
    "entries": Shared(ENTRY),
    "fails": Shared(FAIL),
    "notices": Shared(I4),
    "breaks": Shared(I8),
    "servers": Shared(SERVER),
    "stations": Shared(STATION),
    "free": Shared(F8, fill=-np.inf),
    "starts": Shared(F8, 2),
    "pools": Shared(POOL),
    "keys": Shared(KEY),
    "client_keys": Shared(I4, 2),
    "links": Shared(LINK),
    "bandwidths": Shared(BANDWIDTH),
    "transfers": Shared(EVENT, 2),
    "path_links": Shared(I4),
    "paths": Shared(PATH),
    "path_of": Shared(I4, 2),
    "segments": Shared(F8),
    "segment_path": Shared(I4),
    "spans": Shared(SPAN),
    "down": Shared(F8),
    "up": Shared(F8),
    "destinations": Shared(DESTINATION),
    "hops": Shared(HOP),
    "fallbacks": Shared(I4),
    "rates": Shared(RATE),
    "rate_windows": Shared(RATE_WINDOW),
    "known": Shared(KNOWN),
    "nodes": Shared(NODE),
    "edges": Shared(EDGE),
    "questions": Shared(QUESTION),
    "cached": Shared(CACHED),
    "answers": Shared(ANSWER),
    "hosts": Shared(SPAN),
    "host_server": Shared(I4),
    "retries": Shared(RETRY),
    "gaps": Shared(F8),
    "kept_first": Shared(I4, 2),
    "kept_head": Shared(I4, fill=-1),
    "kept": Shared(KEPT),
    "work": Shared(F8, 2),
    "work_at": Shared(I4, 4, -1),
    "block_first": Shared(I8),
    "born": Shared(F8),
    "size": Shared(I8),
    "entry": Shared(I4),
    "stream": Shared(I2),
    "out": Shared(ROW),
    "visits": Shared(VISIT),
    "ways": Shared(WAY),
    "most": Shared(I8, 2),
    "at_once": Shared(F8, 2),
}
"""The arrays of the kernel by name."""
