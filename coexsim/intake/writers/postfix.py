"""Write the mail log of Postfix: smtpd, cleanup, qmgr and delivery agents, long queue ids, syslog time stamps.

Lines as Postfix's source has them (smtpd.c, cleanup_message.c, qmgr_active.c, log_adhoc.c, bounce_notify_service.c); ids as in
mail_queue.h. Delays are rounded to two digits, as there.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from coexsim.intake.logs.received import received_bytes
from coexsim.intake.logs.stamps import BASE_52
from coexsim.intake.writers.day import Day, LoggedHost
from coexsim.sim.mail_log import Parting, RefusedMail, Visit

SIGNS = "".join(sorted(BASE_52, key=BASE_52.__getitem__))
Line = tuple[float, int, str, str]  # when, place among lines of that time, daemon with its process, text


def postfix_lines(day: Day, machine: str) -> Iterator[str]:
    """The log of one machine, in the order of time."""
    host = day.hosts[machine].name.partition(".")[0]
    lines: list[Line] = []
    for visit in day.visits_at(machine):
        lines += _visit(day, visit)
    for one in day.log.refused_mail:
        if one.machine == machine:
            lines += _refused_mail(day, one)
    for at_s, _, daemon, text in sorted(lines):
        at = day.at(at_s)
        yield f"{at:%b} {at.day:2d} {at:%H:%M:%S} {host} postfix/{daemon}: {text}"


def queue_id(day: Day, visit: Visit) -> str:
    """A long queue id: seconds and microseconds of its arrival in base 52, ``z``, and a number in base 51 in place of an inode."""
    at = day.at(visit.arrived_s)
    inode = _in_base(visit.number, 51, 3)
    return f"{_in_base(int(at.timestamp()), 52, 6)}{_in_base(at.microsecond, 52, 4)}z{inode}"


def _in_base(number: int, base: int, least: int) -> str:
    signs = ""
    while number or len(signs) < least:
        number, digit = divmod(number, base)
        signs = SIGNS[digit] + signs
    return signs


def delay_text(value_s: float) -> str:
    """A delay as log_adhoc.c has it: two significant digits at most, down to hundredths."""
    if value_s >= 10:
        return f"{value_s:.0f}"
    return f"{value_s:.1f}".removesuffix(".0") if value_s >= 1 else f"{value_s:.2f}".rstrip("0").rstrip(".") or "0"


def _visit(day: Day, visit: Visit) -> Iterator[Line]:
    own, name, at_s = day.hosts[visit.machine], queue_id(day, visit), visit.arrived_s
    client, sender = day.client(visit), day.sender(visit)
    named = day.named(visit.recipients, visit.mail)
    smtpd, order = f"smtpd[{1000 + visit.number}]", 10 * visit.number
    if visit.kind != "mail" and visit.parent < 0:
        about = _about(day, visit)
        word = "non-delivery" if visit.kind == "dsn" else "delay"
        yield at_s, order, f"bounce[{1000 + visit.number}]", f"{about}: sender {word} notification: {name}"
    else:
        began_s = _connected_s(day, visit)
        yield began_s, order, smtpd, f"connect from {client}"
        yield at_s, order + 1, smtpd, f"{name}: client={client}"
        rcpt = f"rcpt={len(named)}"
        end = f"disconnect from {client} ehlo=1 mail=1 {rcpt} data=1 quit=1 commands={4 + len(named)}"
        yield at_s, order + 9, smtpd, end
    yield at_s, order + 2, "cleanup[2]", f"{name}: message-id={day.message_id(visit)}"
    size = visit.size_bytes + received_bytes(
        client.name, str(client), own.name, len(name), len(named), len(named[0][1]) if named else 0
    )
    ready_s = visit.worked_s if isfinite(visit.worked_s) else at_s
    yield ready_s, order + 3, "qmgr[3]", f"{name}: from=<{sender}>, size={size}, nrcpt={len(named)} (queue active)"
    for parting in visit.partings:
        yield from _parting(day, visit, parting, name, ready_s, order + 4)
    gone_s = day.gone_s(visit)
    if gone_s is not None:
        yield gone_s, order + 8, "qmgr[3]", f"{name}: removed"


def _connected_s(day: Day, visit: Visit) -> float:
    if visit.parent < 0:
        return visit.arrived_s
    partings = day.log.visits[visit.parent].partings
    times = next((p.times for p in partings if p.visit == visit.number and p.times), None)
    return times.connected_s if times else visit.arrived_s


def _about(day: Day, notice: Visit) -> str:
    """The queue id of the mail that a notice is about: the last one of its number at this machine."""
    same = [v for v in day.by_mail[notice.machine, notice.mail] if v.number < notice.number]
    return queue_id(day, same[-1] if same else notice)


def _parting(day: Day, visit: Visit, parting: Parting, name: str, ready_s: float, order: int) -> Iterator[Line]:
    """A line a recipient, as each delivery agent writes it."""
    if parting.how == "expired":
        text = f"{name}: from=<{day.sender(visit)}>, status=expired, returned to sender"
        yield parting.at_s, order + 2, "qmgr[3]", text
        return
    target, dsn = day.host_of(parting.to), parting.reply.enhanced if parting.reply else "2.0.0"
    agent = "virtual[4]" if parting.how == "delivered" else f"smtp[{5 + visit.number % 90}]"
    relay, said = _words(day, parting, target)
    times = parting.times
    delay_s = max(parting.at_s - visit.arrived_s, 0.0)
    before_s = min(max(ready_s - visit.arrived_s, 0.0), delay_s)
    began_s, connected_s = (times.began_s, times.connected_s) if times else (ready_s, ready_s)
    parts = (before_s, began_s - visit.arrived_s - before_s, connected_s - began_s, parting.at_s - connected_s)
    delays = "/".join(delay_text(max(part, 0.0)) for part in parts)
    how = f"delays={delays}, dsn={dsn}, "
    status = {"sent": "sent", "delivered": "sent", "deferred": "deferred", "bounced": "bounced"}[parting.how]
    for to, written in day.named(parting.recipients, visit.mail):
        original = f" orig_to=<{written}>," if written != to else ""
        yield (
            parting.at_s, order, agent,
            f"{name}: to=<{to}>,{original} relay={relay}, delay={delay_text(delay_s)}, {how}status={status} ({said})",
        )  # fmt: skip


def _words(day: Day, parting: Parting, target: LoggedHost | None) -> tuple[str, str]:
    """The relay, and what is said in brackets."""
    if parting.how == "delivered":
        return "virtual", "delivered to maildir"
    if parting.how == "sent":
        assert target is not None
        return f"{target}:25", f"250 2.0.0 Ok: queued as {queue_id(day, day.log.visits[parting.visit])}"
    assert parting.reply is not None
    if target is not None and parting.reply.enhanced in ("4.4.1", "4.4.2"):
        return "none", f"connect to {target}:25: {parting.reply.text.rpartition(': ')[2]}"
    return (f"{target}:25", f"host {target} said: {parting.reply}") if target else ("none", str(parting.reply))


def _refused_mail(day: Day, refusal: RefusedMail) -> Iterator[Line]:
    """Recipients refused at RCPT; where somebody is taken, in the session of the message that is."""
    client, sender = (
        day.submitter(refusal.client, refusal.machine),
        day.people.sender(refusal.sender, refusal.mail),
    )
    same = day.by_mail.get((refusal.machine, refusal.mail), [])
    taken = next((v for v in same if v.kind == "mail" and v.parent < 0), None)
    number = taken.number if taken else 10_000_000 + abs(refusal.mail)
    smtpd, order = f"smtpd[{1000 + number}]", 10 * number
    if taken is None:
        yield refusal.at_s, order, smtpd, f"connect from {client}"
    for refused in refusal.refused:
        for to, _ in day.named(refused.recipients, refusal.mail):
            said = f"{refused.reply.code} {refused.reply.enhanced} <{to}>: {refused.reply.text}"
            about = f"from=<{sender}> to=<{to}> proto=ESMTP helo=<{client.name}>"
            yield refusal.at_s, order, smtpd, f"NOQUEUE: reject: RCPT from {client}: {said}; {about}"
    if taken is None:
        yield refusal.at_s, order + 9, smtpd, f"disconnect from {client} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4"
