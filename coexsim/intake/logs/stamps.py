"""Time stamps of logs, and the times that Postfix writes into its queue ids."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

MONTHS = {name: i for i, name in enumerate(
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1)}  # fmt: skip
DAY_S = 86400.0
# Postfix 2.9 and later, src/global/mail_queue.h: seconds and microseconds in base 52, 'z', then the inode in base 51.
BASE_52 = {sign: i for i, sign in enumerate("0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz")}
_PAIRS = {a + b: BASE_52[a] * 52 + BASE_52[b] for a in BASE_52 for b in BASE_52}
HEX = frozenset("0123456789ABCDEF")


@lru_cache(maxsize=4096)
def _day(year: int, month: int, day: int) -> float:
    return datetime(year, month, day, tzinfo=UTC).timestamp()


def syslog_s(stamp: str, year: int) -> float:
    """Seconds of ``Nov 24 17:32:42`` in `year`, taken as UTC. Raises `ValueError`."""
    month = MONTHS.get(stamp[:3])
    if month is None or stamp[9] != ":" or stamp[12] != ":":
        raise ValueError(f"{stamp!r} is not a time")
    clock = int(stamp[7:9]) * 3600 + int(stamp[10:12]) * 60 + int(stamp[13:15])
    return _day(year, month, int(stamp[4:6])) + clock


def iso_s(stamp: str) -> tuple[float, float | None]:
    """Seconds of an ISO 8601 or RFC 3339 time, and how far its zone is ahead of UTC; None: no zone said. Raises `ValueError`."""
    at = datetime.fromisoformat(stamp)
    offset = at.utcoffset()
    if offset is None:
        return at.replace(tzinfo=UTC).timestamp(), None
    return at.timestamp(), offset.total_seconds()


@lru_cache(maxsize=4096)
def _seconds(signs: str) -> int:
    return (_PAIRS[signs[:2]] * 2704 + _PAIRS[signs[2:4]]) * 2704 + _PAIRS[signs[4:]]


def long_id_s(queue_id: str) -> float | None:
    """When Postfix made the file of a long queue id [s since 1970, UTC]; None: it is no such id."""
    if len(queue_id) < 12 or queue_id[10] != "z":
        return None
    try:
        micro = _PAIRS[queue_id[6:8]] * 2704 + _PAIRS[queue_id[8:10]]
        return _seconds(queue_id[:6]) + micro / 1e6 if micro < 1_000_000 else None
    except KeyError:
        return None


def short_id_s(queue_id: str, line_s: float, step_s: float) -> float | None:
    """When Postfix made the file of a short queue id, which says the microsecond, from the time of its first line.

    A line is written just after the file was made; `step_s` is the resolution of the lines' times.
    """
    if not 6 <= len(queue_id) <= 17 or not HEX.issuperset(queue_id):
        return None
    micro = int(queue_id[:5], 16)
    if micro >= 1_000_000:
        return None
    at_s = int(line_s) + micro / 1e6
    return at_s - 1 if at_s >= line_s + step_s else at_s


def is_queue_id(text: str) -> bool:
    """Does a word look like a queue id of Postfix, short or long."""
    if not 6 <= len(text) <= 24 or not text.isascii() or not text.isalnum():
        return False
    return text[10:11] == "z" or HEX.issuperset(text)
