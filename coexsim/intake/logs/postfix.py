"""Read Postfix's mail log: short and long queue ids, syslog and RFC 3339 time stamps.

Lines as in Postfix's source (smtpd.c, cleanup_message.c, qmgr_active.c, log_adhoc.c): accept, message-id, active queue, delivery,
removal, refusal, session. Only mail that is in a queue is held in memory; when it leaves, all that is known of it goes into the `LogBook`.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable
from math import inf, nan

from coexsim.intake.logs.book import (
    BOUNCED,
    DEFERRED,
    EXPIRED,
    LOCAL,
    NOBODY,
    NOTICE,
    SENT,
    SMTP,
    DeliveryRow,
    LogBook,
    RefusalRow,
    Told,
    VisitRow,
)
from coexsim.intake.logs.postfix_refusals import refused
from coexsim.intake.logs.stamps import MONTHS, is_queue_id, iso_s, long_id_s, short_id_s, syslog_s
from coexsim.units import say_duration

STATUS = {"sent": SENT, "bounced": BOUNCED, "deferred": DEFERRED, "expired": EXPIRED}
TRANSPORTS = frozenset(("smtp", "lmtp", "virtual", "local", "pipe", "error", "retry", "discard", "relay"))
SUSPENDED = "(delivery temporarily suspended: "  # qmgr_deliver.c: no attempt was made
FORGOTTEN_S = 6 * 86400.0  # Postfix gives mail up after five days: what is older has lost its last line
SWEEP_LINES = 20_000
LINE_AFTER_S = 1.0
BACK_S = 1800.0  # a clock that goes back by more was put back, or files are in another order than they were written
LATE_S = 1.0  # lines of one second may come in another order than they were written: from a collector, or from several programs
SILENT_S = 5.0  # without a line: was there mail under way that is never told of again, lines are missing

_S = r"\d{1,9}\.?\d{0,9}"  # seconds
_DELIVERY = re.compile(
    r"to=<(?P<to>[^>]*)>,(?: orig_to=<(?P<written>[^>]*)>,)? relay=(?P<relay>[^,]+),(?: conn_use=(?P<reuse>\d+),)?"
    rf" delay=(?P<delay>{_S}), delays=({_S})/({_S})/({_S})/({_S}),(?: tls=[^,]*,)?"
    r" dsn=(?P<code>\d\.\d{1,3}\.\d{1,3}), status=(?P<status>[a-z]+)(?P<said>.*)"
)
_ACTIVE = re.compile(r"from=<(?P<sender>[^>]*)>, size=(?P<size>\d+), nrcpt=(?P<recipients>\d+) ")
_EXPIRED = re.compile(r"from=<[^>]*>, status=(?:force-)?expired, returned to sender")
_QUEUED_AS = re.compile(r"queued as ([A-Za-z0-9]{6,24})\b")
_CONNECT = re.compile(r"\b(?:connect to|conversation with|lost connection with) ([^:\s]+\[[^\]]*\])")
_LIMIT = re.compile(r"exceeds size limit (\d{1,15}) of server")
_SESSION_MAILS = re.compile(r" mail=(\d+)(?:/(\d+))?")
_SESSION_DATA = re.compile(r" data=(\d+)(?:/\d+)? ")
_BOUNCE_HOST = re.compile(r"message-id=<[A-Za-z0-9]+@([^>\s]+)>")

_Daemon = tuple[Callable[[str], bool], str, str]  # what reads its lines, its name and its process id


class _QueuedMail:
    """Mail that is in a queue."""

    __slots__ = (
        "arrived_s", "client", "deliveries", "gone_s", "is_arrival_known", "is_id_told", "message_id", "number", "origin", "recipients",
        "refusals", "sender", "size_bytes",
    )  # fmt: skip

    def __init__(self, number: int, arrived_s: float, is_arrival_known: bool) -> None:
        self.number = number
        self.arrived_s = arrived_s
        self.gone_s = nan
        self.is_arrival_known = is_arrival_known
        self.client = self.sender = self.size_bytes = self.recipients = NOBODY
        self.message_id = ""
        self.is_id_told = False
        self.origin = 0
        self.deliveries: list[DeliveryRow] = []
        self.refusals: list[RefusalRow] = []


class _Session:
    """An SMTP session of one smtpd process."""

    __slots__ = ("begun", "client", "from_s", "has_ended", "refused")

    def __init__(self, client: int, from_s: float) -> None:
        self.client = client
        self.from_s = from_s
        self.has_ended = False  # its last line is there
        self.begun: list[str] = []  # queue ids
        self.refused: list[tuple[float, int, int, int]] = []  # not yet followed by a queue id: when, sender, to, code


class _Silence:
    """A time without a line of a server, and what was under way when it began."""

    __slots__ = ("from_s", "is_hole", "mail", "server", "sessions", "to_s")

    def __init__(
        self,
        server: int,
        from_s: float,
        to_s: float,
        mail: dict[str, _QueuedMail],
        sessions: dict[tuple[int, str], _Session],
    ) -> None:
        self.server, self.from_s, self.to_s = server, from_s, to_s
        self.mail, self.sessions = mail, sessions
        self.is_hole = False  # something ended just after it whose beginning is not told


class PostfixReader:
    """Reads the lines of one or several files of the same server or servers, in the order of time."""

    def __init__(self, book: LogBook, year: int, label: str = "") -> None:
        self._book, self._year, self.label = book, year, label
        self._head = self._host = self._pid = ""
        self._now_s = 0.0
        self._step_s = 1.0
        self._back_s = 0.0  # by how much the time of the lines of a file goes back
        self._month: int | None = None
        self._server = NOBODY
        self._filtered = self._put_off = 0
        self._queues: dict[int, dict[str, _QueuedMail]] = {}
        self._queue: dict[str, _QueuedMail] = {}
        self._sessions: dict[tuple[int, str], _Session] = {}
        self._silences: list[_Silence] = []
        self._leaving: deque[tuple[int, str, _QueuedMail]] = deque()  # what was removed from a queue a moment ago
        self._addresses, self._hosts = book.addresses.code, book.hosts.code
        self._codes = book.codes.code
        self._handlers = {
            "smtpd": self._smtpd, "cleanup": self._cleanup, "qmgr": self._qmgr, "pickup": self._pickup, "bounce": self._bounce,
            "master": self._master,
        } | dict.fromkeys(TRANSPORTS, self._delivery)  # fmt: skip

    @property
    def now_s(self) -> float:
        """The time of the last line."""
        return self._now_s

    def read(self, lines: Iterable[str], told: Told) -> None:
        """Read lines; what cannot be read is counted in `told`. One long loop: a call for each line is a tenth of the time."""
        number, used, unused = told.lines, 0, Counter[str]()
        known: dict[str, _Daemon] = {}  # of the time of the last line: most lines begin as one of that time did
        try:
            for line in lines:
                number += 1
                head, found, text = line.partition("]: ")
                try:
                    daemon = known.get(head) if found else None
                    if daemon is None:
                        path, slash, process = head.rpartition("/")
                        name, bracket, pid = process.partition("[")
                        if not (found and slash and bracket):
                            if "postfix" in line or not line.rstrip().isprintable():
                                told.damage(number, line)
                            else:
                                unused["other programs"] += 1
                            continue
                        reader = self._handlers.get(name)
                        if reader is None:
                            unused[name] += 1
                            if name == "postscreen" and text.startswith("NOQUEUE: reject: "):
                                told.screened += 1
                            continue
                        if path != self._head:
                            self._new_head(path)
                            known.clear()
                        daemon = known[head] = reader, name, pid
                    handler, name, self._pid = daemon
                    if handler(text):
                        used += 1
                    else:
                        unused[name] += 1
                except (ValueError, IndexError, KeyError, OverflowError) as error:
                    told.damage(number, line, str(error) if type(error) is ValueError else "")
                if number % SWEEP_LINES == 0:
                    self._sweep()
                    known.clear()
        finally:
            told.lines, told.used = number, told.used + used
            told.unused.update(unused)
            told.filtered, self._filtered = told.filtered + self._filtered, 0
            told.put_off, self._put_off = told.put_off + self._put_off, 0
            told.other = told.lines - told.used - told.damaged
            if self._back_s:
                told.remarks.append(
                    f"its time goes back by {say_duration(self._back_s)}: at the end of summer time an hour comes twice, and is counted as "
                    "one; else its lines are not in the order of time"
                )
                self._back_s = 0.0

    def close(self) -> None:
        """Write what is still in the queues: it is there when the log ends. Tell silences that lost mail."""
        self._let_go(inf)
        for each in self._silences:
            queue = self._queues[each.server]
            if (
                each.is_hole
                or any(queue.get(key) is visit for key, visit in each.mail.items())
                or any(not old.has_ended and self._sessions.get(key) is not old for key, old in each.sessions.items())
            ):
                self._book.holes.append((each.server, each.from_s, each.to_s))
        for server, queue in self._queues.items():
            for key, visit in queue.items():
                self._write(server, key, visit)
            queue.clear()
        for (server, _), session in self._sessions.items():
            self._end_session(server, session)
        self._sessions.clear()

    # --- the head of a line ---

    def _new_head(self, path: str) -> None:
        """Time and host, from ``Nov 24 17:32:42 domino postfix`` or ``2026-11-24T17:32:42.123+01:00 domino postfix``."""
        if path[:1].isdigit():
            stamp, host, _program, *_ = path.split()
            at_s, zone_s = iso_s(stamp)
            self._step_s = 1e-6 if "." in stamp else 1.0
        else:
            at_s, zone_s = self._without_year_s(path), None
            host = path[16:].split(" ", 1)[0]
            self._step_s = 1.0
        if self._leaving and at_s != self._now_s:
            self._let_go(at_s - LATE_S if at_s > self._now_s - LATE_S else inf)  # or the clock was put back
        if host == self._host and at_s < self._now_s - BACK_S:
            self._back_s = max(self._back_s, self._now_s - at_s)
        if host != self._host:
            self._host = host
            self._server = self._book.servers.code(host + self.label)
            self._queue = self._queues.setdefault(self._server, {})
            self._book.products[self._server] = "postfix"
            self._book.resolution_s[self._server] = 0.01
        elif at_s > self._now_s + SILENT_S:
            self._silent(at_s)
        if zone_s is not None:
            self._book.zones_s[self._server] = zone_s
        self._now_s = at_s
        self._head = path

    def _without_year_s(self, stamp: str) -> float:
        """The time of a stamp that does not say its year: of the year in which it is nearest to the line before."""
        month = MONTHS.get(stamp[:3], 0)
        before = self._month or month
        if month < before - 6:  # December, then January
            self._year += 1
        elif month > before + 6:  # January, then a line that came late
            return syslog_s(stamp, self._year - 1)
        self._month = month
        return syslog_s(stamp, self._year)

    def _silent(self, to_s: float) -> None:
        """No line until this time: remember what was being delivered, and had not been put off, to see whether it is told of again."""
        under_way = {
            key: visit
            for key, visit in self._queue.items()
            if visit.recipients > 0
            and visit.arrived_s > self._now_s - SILENT_S
            and all(row.status != DEFERRED for row in visit.deliveries)
        }
        open_now = {key: session for key, session in self._sessions.items() if key[0] == self._server}
        self._silences.append(_Silence(self._server, self._now_s, to_s, under_way, open_now))

    def _end_without_begin(self, server: int, at_s: float) -> bool:
        """Something ends whose beginning is not told: just after a silence, it lies there."""
        last = self._silences[-1] if self._silences else None
        if last is not None and last.server == server and at_s <= last.to_s + LINE_AFTER_S:
            last.is_hole = True
        return False

    def _let_go(self, until_s: float) -> None:
        """Write what was removed from the queues until then; no line of it will come any more."""
        leaving = self._leaving
        while leaving and leaving[0][2].gone_s < until_s:
            server, queue_id, visit = leaving.popleft()
            queue = self._queues[server]
            if queue.get(queue_id) is visit:
                del queue[queue_id]
                if visit.is_id_told or visit.sender != NOBODY or visit.client != NOBODY or visit.deliveries:
                    self._write(server, queue_id, visit)
                else:
                    self._end_without_begin(server, visit.gone_s)

    def _sweep(self) -> None:
        for server, queue in self._queues.items():
            old = [key for key, visit in queue.items() if visit.arrived_s < self._now_s - FORGOTTEN_S]
            for key in old:
                self._write(server, key, queue.pop(key))
        self._book.pack()

    def _visit(self, queue_id: str, *, is_begin: bool = False) -> _QueuedMail:
        """The mail of a queue id; `is_begin`: this line is one of the first about it. A short id does not say its second."""
        visit = self._queue.get(queue_id)
        if visit is None:
            if not is_queue_id(queue_id):
                raise ValueError(f"{queue_id!r} is no queue id")
            at_s = self._zoned(long_id_s(queue_id))
            is_known = is_begin or at_s is not None
            if at_s is None:
                at_s = short_id_s(queue_id, self._now_s, self._step_s)
            visit = _QueuedMail(self._book.new_visit(), self._now_s if at_s is None else at_s, is_known)
            self._queue[queue_id] = visit
            self._book.id_length.setdefault(self._server, len(queue_id))
        elif is_begin:
            visit.is_arrival_known = True  # another line of that second came before it
        return visit

    def _zoned(self, id_s: float | None) -> float | None:
        """The time in a long id, on the clock of the lines: syslog's is local time, in steps of a quarter of an hour."""
        if id_s is None:
            return None
        ahead_s = round((self._now_s - id_s) / 900.0) * 900.0
        return id_s + ahead_s if abs(ahead_s) <= 50_400.0 else None

    # --- the daemons; each says whether the line was of use ---

    def _smtpd(self, text: str) -> bool:
        if text.startswith("connect from "):
            key = (self._server, self._pid)
            if (left := self._sessions.pop(key, None)) is not None:
                self._end_session(self._server, left)
            self._sessions[key] = _Session(self._hosts(text[13:].strip()), self._now_s)
            return True
        if text.startswith("disconnect from "):
            session = self._sessions.pop((self._server, self._pid), None)
            if session is None:
                return self._end_without_begin(self._server, self._now_s)
            session.has_ended = True
            if any(self._is_begun_only(queue_id) for queue_id in session.begun):
                self._drop_given_up(session, text)
            mails = _SESSION_MAILS.search(text)
            self._end_session(self._server, session, int((mails.group(2) or mails.group(1)) if mails else 0))
            return True
        queue_id, colon, rest = text.partition(": ")
        if colon and rest.startswith("client="):
            return self._accepted(queue_id, rest)
        if "reject: " in text:
            return self._refused(text.rstrip())
        return False

    def _is_begun_only(self, queue_id: str) -> bool:
        """Is mail whose queue id is given one that the queue manager never had."""
        visit = self._queue.get(queue_id)
        return visit is not None and visit.sender == NOBODY and not visit.deliveries

    def _drop_given_up(self, session: _Session, text: str) -> None:
        """Forget mail that its client gave up before the end of DATA: the last line counts what was taken (since Postfix 3.0)."""
        taken = _SESSION_DATA.search(text)
        left = [queue_id for queue_id in session.begun if self._is_begun_only(queue_id)]
        if taken is not None and " bdat=" not in text:
            for queue_id in left[: max(len(session.begun) - int(taken[1]), 0)]:
                del self._queue[queue_id]

    def _accepted(self, queue_id: str, rest: str) -> bool:
        visit = self._visit(queue_id, is_begin=True)
        visit.client = self._hosts(rest[7:].partition(",")[0].strip())
        visit.origin = SMTP
        session = self._sessions.get((self._server, self._pid))
        if session is not None:
            session.begun.append(queue_id)
            if session.refused:
                self._write_refusals(session, visit)
        return True

    def _refused(self, text: str) -> bool:
        said = refused(text)
        if said is None:
            return False
        if said.is_temporary and not said.is_whole:  # who means it comes again: that is the same message
            self._put_off += 1
            return True
        code = self._codes(said.code)
        who = NOBODY if said.sender is None else self._addresses(said.sender)
        whom = NOBODY if said.to is None else self._addresses(said.to)
        if said.queue_id == "NOQUEUE":
            session = self._sessions.get((self._server, self._pid))
            if session is None:
                session = self._sessions[self._server, self._pid] = _Session(self._hosts(said.client), self._now_s)
            if session.refused and session.refused[-1][1] != who:
                self._write_refusals(session, None)
            session.refused.append((self._now_s, who, whom, code))
            return True
        visit = self._visit(said.queue_id, is_begin=True)
        if said.is_whole and visit.sender == NOBODY and not visit.deliveries:
            del self._queue[said.queue_id]  # the queue manager never has it
            visit.client = self._hosts(said.client) if visit.client == NOBODY else visit.client
            if said.is_filter:
                self._filtered += 1
                return True
            add, number, group = self._book.refusals.add, NOBODY, self._book.new_message()
            earlier = [row._replace(visit=NOBODY, message=group, sender=who) for row in visit.refusals]
            self._book.refusals.add_all(earlier)
        else:
            add, number, group = visit.refusals.append, visit.number, self._book.new_message()
        add(RefusalRow(
            message=group, visit=number, server=self._server, at_s=self._now_s, client=visit.client, sender=who, to=whom, code=code,
        ))  # fmt: skip
        return True

    def _write_refusals(self, session: _Session, visit: _QueuedMail | None) -> None:
        """Refusals in a session, about the message of a visit or one that was refused as a whole."""
        message, number = self._book.new_message(), NOBODY if visit is None else visit.number
        add = self._book.refusals.add if visit is None else visit.refusals.append
        for at_s, sender, to, code in session.refused:
            add(RefusalRow(
                message=message, visit=number, server=self._server, at_s=at_s, client=session.client, sender=sender, to=to, code=code,
            ))  # fmt: skip
        session.refused.clear()

    def _end_session(self, server: int, session: _Session, mails: int = NOBODY) -> None:
        """Count a session. One whose last line is missing does not tell its mails, nor how long it was."""
        if session.refused:
            self._write_refusals(session, None)
        self._book.sessions.add((server, session.client, session.from_s, self._now_s, mails))

    def _cleanup(self, text: str) -> bool:
        queue_id, colon, rest = text.partition(": ")
        if not colon or not rest.startswith("message-id="):
            return "reject: " in rest[:15] and self._refused(text.rstrip())
        visit = self._queue.get(queue_id) or self._visit(queue_id, is_begin=True)
        visit.is_arrival_known = True
        said = rest[11:].strip()
        visit.message_id = "" if said == "<>" else said  # mail without one: it joins nothing
        visit.is_id_told = True
        if rest.startswith(f"message-id=<{queue_id}@") and (host := _BOUNCE_HOST.match(rest)):
            self._book.names.setdefault(self._server, set()).add(host[1].casefold())
        return True

    def _pickup(self, text: str) -> bool:
        queue_id, colon, rest = text.partition(": ")
        if not colon or not rest.startswith("uid="):
            return False
        self._visit(queue_id, is_begin=True).origin = LOCAL
        return True

    def _bounce(self, text: str) -> bool:
        _, notified, notice = text.rpartition(" notification: ")
        if not notified or not is_queue_id(notice.strip()):
            return False
        self._visit(notice.strip(), is_begin=True).origin = NOTICE
        return True

    def _master(self, text: str) -> bool:
        if text.startswith("daemon started"):
            self._book.starts.append((self._server, self._now_s))
        elif text.startswith("terminating on signal"):
            self._book.stops.append((self._server, self._now_s))
        else:
            return False
        return True

    def _qmgr(self, text: str) -> bool:
        queue_id, _, rest = text.partition(": ")
        if rest.startswith("removed"):
            visit = self._queue.get(queue_id) or self._visit(queue_id)
            visit.gone_s = max(self._now_s, visit.arrived_s)
            self._leaving.append((self._server, queue_id, visit))
            return True
        match = _ACTIVE.match(rest)
        if match is not None:
            visit = self._queue.get(queue_id) or self._visit(queue_id)
            visit.sender = self._addresses(match["sender"])
            visit.size_bytes = min(int(match["size"]), 2**62)
            visit.recipients = min(int(match["recipients"]), 2**30)
            return True
        if _EXPIRED.match(rest):
            self._book.expired.append(self._visit(queue_id).number)
            return True
        return False

    def _delivery(self, text: str) -> bool:
        queue_id, _, rest = text.partition(": ")
        if not rest.startswith("to=<"):
            return False
        match = _DELIVERY.match(rest)
        if match is None:
            raise ValueError("a delivery that cannot be read")
        to, written, relay, reuse, delay, a, b, c, d, code, status, said = match.groups()
        visit = self._queue.get(queue_id) or self._visit(queue_id)
        next_id = 0
        if relay == "none" and (tried := _CONNECT.search(said)):
            relay = tried[1]
        is_local = relay != "none" and (
            "[" not in relay or "[private/" in relay or "[/" in relay
        )  # LMTP over a socket is local
        if status == "sent" and not is_local and (queued := _QUEUED_AS.findall(said)):
            next_id = hash(queued[-1])
        elif status == "bounced" and (limit := _LIMIT.search(said)):
            self._book.size_limits[relay] = int(limit[1])
        whom = self._addresses(to)
        visit.deliveries.append(DeliveryRow(  # by position: names cost a Postfix log a tenth of the time to read it
            visit.number, whom, whom if written is None else self._addresses(written), self._hosts(relay), self._now_s, float(delay),
            STATUS[status], self._codes(code), is_local, float(a), float(b), float(c), float(d), next_id, min(int(reuse or 0), 32_767),
            SUSPENDED not in said,
        ))  # fmt: skip
        return True

    def _write(self, server: int, queue_id: str, visit: _QueuedMail) -> None:
        self._book.visits.add(VisitRow(
            visit.number, server, hash(queue_id), visit.message_id, visit.sender, visit.size_bytes, visit.recipients, visit.arrived_s,
            visit.gone_s, visit.client, visit.origin, visit.is_arrival_known, visit.is_id_told,
        ))  # fmt: skip
        self._book.deliveries.add_all(visit.deliveries)
        self._book.refusals.add_all(visit.refusals)
