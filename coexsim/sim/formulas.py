"""The arithmetic of everything that takes time, as plain functions of numbers.

The reference calls these functions as they are; a compiler such as Numba can compile them as they are. So they take and return numbers,
tuples of numbers, and sequences of numbers that are indexed only (lists in the reference, arrays when compiled). Times are seconds.
"""

from __future__ import annotations

from math import floor, inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# --- SMTP sessions: round trips counted on Postfix 3.7.11 over 20 to 100 ms -------------------------------------------------------

CONNECT, CONNECT_TLS, REUSE = 3, 7, 1  # connect, banner, EHLO; with STARTTLS; liveness check of a cached connection
REFUSED, TURNED_AWAY = 1, 2  # until a refused connection is known; until a 421 in place of the banner is read
LAST_REPLY = 0.5  # the way of the final reply, on which a connection may still be lost
ENVELOPE_AND_BODY = 2  # with PIPELINING, however many recipients
BODY_UNPIPELINED = 3  # and one for each recipient
INITIAL_WINDOW_BYTES = 14_600  # ten segments (RFC 6928)


def slow_start_round_trips(size_bytes: int) -> int:
    """Round trips that TCP's slow start adds to a body: 75 KB about +2, 1 MB about +6 (RFC 6928; measured +2.4 and +6).

    The window doubles with each round trip: the logarithm to base 2 of the body in initial windows, rounded down.
    """
    windows = (size_bytes + INITIAL_WINDOW_BYTES - 1) // INITIAL_WINDOW_BYTES
    trips = 0
    while windows > 1:
        windows //= 2
        trips += 1
    return trips


def session_round_trips(tls: bool, pipelining: bool, size_bytes: int, recipients: int, reused: bool, body: bool) -> int:
    """Round trips until the final reply: 5 clear, 9 with TLS, 3 on a cached connection, n + 6 without PIPELINING.

    Without `body` the dialogue ends at RCPT: nobody was accepted. Slow start is included, except on a cached connection.
    """
    opening = REUSE if reused else (CONNECT_TLS if tls else CONNECT)
    if not body:
        return opening + (1 if pipelining else 1 + recipients)
    envelope = ENVELOPE_AND_BODY if pipelining else recipients + BODY_UNPIPELINED
    return opening + envelope + (0 if reused else slow_start_round_trips(size_bytes))


def session_s(round_trips: int, round_trip_s: float, own_s: float, accept_s: float, back_pressure_s: float) -> float:
    """Length of a session before the body is on its way: round trips, what it costs by itself, the server's accept work, back pressure."""
    return round_trips * round_trip_s + own_s + accept_s + back_pressure_s


def contended_session_s(own_s: float, number: int, attempts: int) -> float:
    """What a session of Postfix costs beside its round trips that begins as another one ends, with more mail than sessions.

    Such sessions share the machine, and no two cost the same: between 0.77 and 1.69 times the mean `own_s`, as measured on Postfix 3.7.11
    (2.4 to 5.6 ms, mean 3.1 ms). Without it, sessions of equal length would always end at the same moment, and so would what they tell of
    the destination. The numbers of the message and of its attempt give a place u in an even spread over 0 to 1, without a random draw:
    fractional parts of multiples of the golden ratio's reciprocal (Knuth, "The Art of Computer Programming", 3, 2nd ed. 1998, sec. 6.4)
    and of the plastic number's. The mean of 0.77 + 0.92 u^3 over it is 1.
    """
    turn = number * 0.6180339887498949 + attempts * 0.7548776662466927
    u = turn - floor(turn)
    return own_s * (0.77 + 0.92 * u * u * u)


# --- stations ----------------------------------------------------------------------------------------------------------------------


def fifo_start_s(now_s: float, first_free_s: float) -> float:
    """When work that arrives at a FIFO station starts: now, or when its first worker becomes free (Kiefer and Wolfowitz 1955)."""
    return now_s if first_free_s < now_s else first_free_s


def back_pressure_s(queued: int, queue_limit: float) -> float:
    """How long Exchange delays its reply: from two thirds of the queue's limit, 10 s and 5 s more a step up to 55 s [MS-BP].

    `queue_limit` is infinite where there is none.
    """
    if queue_limit == inf or queued * 3 < queue_limit * 2:
        return 0.0
    steps = int(10 * (queued / queue_limit - 2 / 3) * 3)
    return float(min(10 + 5 * steps, 55))


def has_room(queued: int, queued_bytes: int, size_bytes: int, most_queued: float, most_bytes: float) -> bool:
    """Is there room for one more message in a queue, by the number of messages and by the disk; a limit is infinite where there is none."""
    return queued < most_queued and queued_bytes + size_bytes <= most_bytes


# --- links: n transfers under way have an n-th of the bandwidth each ---------------------------------------------------------------


def link_share_bytes(share_bytes: float, since_s: float, now_s: float, bytes_per_s: float, under_way: int) -> float:
    """What each transfer of a busy period was given until now, when it was `share_bytes` at `since_s`."""
    return share_bytes + (now_s - since_s) * bytes_per_s / under_way


def link_left_s(end_bytes: float, share_bytes: float, bytes_per_s: float, under_way: int) -> float:
    """Until the next transfer ends, if none joins: the one that ends when each was given `end_bytes`."""
    left_bytes = end_bytes - share_bytes
    return left_bytes * under_way / bytes_per_s if left_bytes > 0 else 0.0


def share_of_bytes(sum_bytes: float, part: int, count: int) -> float:
    """What `part` of `count` recipients account for of the bytes that were put on links for all of them."""
    return sum_bytes if part == count else sum_bytes * part / count


def bytes_with_more(sum_bytes: float, count: int, added: int) -> float:
    """The bytes that `count` recipients account for, when `added` more of a group have been carried with them so far."""
    return sum_bytes * (count / (count + added))


# --- downtime: disjoint intervals [down_s[i], up_s[i]) in order of time ------------------------------------------------------------


def interval_at(down_s: Sequence[float], time_s: float) -> int:
    """The number of the last interval that begins at or before a time; -1 before the first."""
    low, high = 0, len(down_s)
    while low < high:
        middle = (low + high) // 2
        if time_s < down_s[middle]:
            high = middle
        else:
            low = middle + 1
    return low - 1


def next_up_s(down_s: Sequence[float], up_s: Sequence[float], time_s: float) -> float:
    """The first moment at or after `time_s` at which it is up; infinite when there is none."""
    last = interval_at(down_s, time_s)
    return time_s if last < 0 or up_s[last] <= time_s else up_s[last]


def next_down_s(down_s: Sequence[float], up_s: Sequence[float], time_s: float) -> float:
    """The first moment at or after `time_s` at which it is down; infinite when there is none."""
    last = interval_at(down_s, time_s)
    if last >= 0 and time_s < up_s[last]:
        return time_s
    return down_s[last + 1] if last + 1 < len(down_s) else inf


def finish_s(down_s: Sequence[float], up_s: Sequence[float], start_s: float, work_s: float) -> float:
    """When work of length `work_s` begun at `start_s` ends, if it stands still during downtime.

    Work that is done just when downtime begins is done.
    """
    start_s = next_up_s(down_s, up_s, start_s)
    end_s = start_s + work_s
    following = interval_at(down_s, start_s) + 1
    while following < len(down_s) and end_s > down_s[following]:
        end_s += up_s[following] - down_s[following]
        following += 1
    return end_s


def down_between(down_s: Sequence[float], up_s: Sequence[float], from_s: float, to_s: float) -> bool:
    """Whether what goes on from `from_s` until `to_s`, if only for a moment, meets downtime."""
    falls_s = next_down_s(down_s, up_s, from_s)
    return falls_s < to_s or falls_s == from_s


# --- rate limits -------------------------------------------------------------------------------------------------------------------


def rate_window(
    began_s: float, count: int, now_s: float, length_s: float, most: int, wanted: int
) -> tuple[float, int, int]:
    """Count up to `wanted` more against a limit of `most` in each window of `length_s`; a window begins with the first after the last one.

    Returns when the window began, what it holds, and how many are within the limit. What is refused is not counted.
    """
    if now_s >= began_s + length_s:
        began_s, count = now_s, 0
    within = min(wanted, most - count)
    return began_s, count + within, within


def rate_turn_s(began_s: float, count: int, now_s: float, length_s: float, most: int) -> tuple[float, int, float]:
    """When the next one may go, if those that are too many wait, first come first served; it counts from then on.

    Returns when the last window began, what it holds, and that time.
    """
    at_s = max(now_s, began_s)
    began_s, count, within = rate_window(began_s, count, at_s, length_s, most, 1)
    if within == 0:
        at_s = began_s + length_s
        began_s, count, within = rate_window(began_s, count, at_s, length_s, most, 1)
    return began_s, count, at_s


# --- limits that adapt: Postfix's concurrency feedback (SCHEDULER_README, "Concurrency scheduling") --------------------------------


def window_after_success(
    window: int, success: float, failure: float, busy: int, initial: int, limit: int, feedback: float
) -> tuple[int, float, float]:
    """The concurrency of a destination after a delivery, and the sums of positive and negative feedback.

    `busy` are the deliveries under way, the one that just ended included. The concurrency grows by one each time positive feedback
    has summed up to one, up to `limit`, and not while `initial` or more of it lie idle.
    """
    if window < limit and window < busy + initial:
        success += feedback
        while success + feedback / 2 >= 1.0:  # at one, but for rounding
            window += 1
            success -= 1.0
            failure = 0.0
        window = min(window, limit)
    return window, success, failure


def window_after_failure(
    window: int, success: float, failure: float, cohorts: float, feedback: float, cohort_limit: float
) -> tuple[int, float, float, float]:
    """The concurrency of a destination after a failed connection or handshake, the feedback sums, and the failed cohorts.

    A pseudo-cohort is as many failures as the concurrency: after `cohort_limit` of them with no delivery between, the destination
    is dead (concurrency 0); 0 means never.
    """
    cohorts += 1.0 / window
    if cohort_limit > 0 and cohorts >= cohort_limit:
        return 0, success, failure, cohorts
    failure -= feedback
    # qmgr_queue.c [PF]: with a feedback of 1 the first failure after a rise closes two sessions
    while failure - feedback / 2 < 0:
        window -= 1
        success = 0.0
        failure += 1.0
    return max(window, 1), success, failure, cohorts


def window_by_queue(busy: int) -> int:
    """The concurrency of a destination whose mail waits in one queue, after a connection came to nothing: the other sessions go on."""
    return busy - 1


def window_reopened(
    window: int, success: float, failure: float, cohorts: float, busy: int, first: int
) -> tuple[int, float, float, float]:
    """A dead destination has another chance: with as many sessions as are under way, or with the `first`; the sums begin anew."""
    if window > 0:
        return window, success, failure, cohorts
    return (busy if busy > 0 else first), 0.0, 0.0, 0.0


def window_forgotten(
    window: int, success: float, failure: float, cohorts: float, first: int
) -> tuple[int, float, float, float]:
    """No mail for the destination is under way or waits: all is as at `first`, unless it is dead (qmgr_queue_done [PF])."""
    if window > 0:
        return first, 0.0, 0.0, 0.0
    return window, success, failure, cohorts
