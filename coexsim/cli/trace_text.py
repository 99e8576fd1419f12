"""A trace in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from coexsim.cli.paint import count, paint, paint_outcome
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.mail.traced import Copy, Hop, RecipientRoute, Route
from coexsim.scenario.servers import DominoServer
from coexsim.units import say_time

OTHER_RULE = {"person-without-mail-file": "not-in-directory", "not-in-directory": "person-without-mail-file"}
WHOSE_RULE = {"person-without-mail-file": "the article's", "not-in-directory": "the product documentation's"}
MOST_DEFERRALS = 4
MOST_ROUNDS = 2  # what goes round more often is told once, and how often


def trace_lines(setup: Setup, route: Route, **asked: Any) -> Iterator[str]:
    """What became of each recipient, hop by hop. `asked` are the options of the trace, for the comparison of rules."""
    for recipient in route.recipients:
        sender = route.sender or "<>"
        yield paint(f"{sender} -> {recipient.recipient}: ", "bold") + _painted_end(recipient)
        copies = recipient.copies
        for copy in copies:
            if len(copies) > 1:
                yield f"  copy to {copy.address}: {paint_outcome(copy.outcome)}"
            yield from _hop_lines(setup, copy)
            yield from _end_lines(route, recipient, copy)
        yield from _waiting_lines(route, recipient)
        yield from _notice_lines(route, recipient)
        yield from _other_rule_lines(setup, route, recipient, asked)
        yield ""
    ways = ", ".join(f"{t.client} -> {t.server}" for t in route.transactions)
    yield f"{count(len(route.transactions), 'SMTP transaction')} between servers" + (
        f": {ways}" if ways and len(route.transactions) <= 12 else ""
    )


def _painted_end(recipient: RecipientRoute) -> str:
    """Yellow where only some copies arrived."""
    if len(recipient.ends) > 1 and "delivered" in recipient.ends:
        return paint(recipient.say_outcome(), "yellow")
    return paint_outcome(recipient.outcome) if len(recipient.ends) < 2 else paint(recipient.say_outcome(), "red")


def _hop_lines(setup: Setup, copy: Copy) -> Iterator[str]:
    start, length, times = _rounds([(hop.server, hop.rule, hop.reason) for hop in copy.hops])
    again = range(start + length, start + length * times)
    for number, hop in enumerate(copy.hops, start=1):
        if number - 1 in again:
            if number - 1 == again[0]:
                round_ = f"{start + 1} to {start + length}" if length > 1 else str(number - 1)
                yield f"  {number}. to {again[-1] + 1}.: as {round_}, {count(times - 1, 'time')} more"
            continue
        machine = setup.scenario.servers[hop.server].runs_on
        yield f"  {number}. {paint(hop.server, 'bold')}" + (f" (on {machine})" if machine else "") + f": {hop.rule}"
        yield f"     {hop.reason}"
        for question in hop.dns:
            yield paint(f"     DNS: {question}", "dim")
        if number < len(copy.hops) and (host := _fallback(setup, hop, copy.hops[number].server)):
            yield f"     the fallback {host} takes it: there it did not get on"


def _fallback(setup: Setup, hop: Hop, taker: str) -> str:
    """The fallback relay or host of a server that took the message instead of where the rule sends it; empty where none did."""
    for fallback in setup.policies[hop.server].fallback_relays:
        if setup.server_of_host.get(fallback.name) == taker and fallback.name not in hop.reason:
            return fallback.name
    return ""


def _rounds(hops: list[tuple[str, str, str]]) -> tuple[int, int, int]:
    """Where mail first goes round: the place of the first hop, hops of a round, rounds; one round of no hops where it never does."""
    for start in range(len(hops)):
        for length in range(1, (len(hops) - start) // MOST_ROUNDS + 1):
            same = 0
            while start + same + length < len(hops) and hops[start + same] == hops[start + same + length]:
                same += 1
            if same // length + 1 > MOST_ROUNDS:
                return start, length, same // length + 1
    return 0, 0, 1


def _end_lines(route: Route, recipient: RecipientRoute, copy: Copy) -> Iterator[str]:
    if copy.outcome == "delivered":
        yield f"  {paint('delivered', 'green')} to {copy.address} at {copy.hops[-1].server}" + _when(route, copy)
    elif copy.outcome == "deferred_in_queue":
        expires = (
            ""
            if recipient.expires_s is None
            else f"; unless that is mended it expires {say_time(recipient.expires_s, route.start)}"
        )
        yield f"  {paint('waits', 'yellow')} in the queue of {copy.by}: {copy.reply}{expires}"
    elif copy.outcome == "refused_to_client":
        yield f"  {paint('refused', 'red')} to the client by {copy.by}: {copy.reply}"
    else:
        yield f"  {paint(copy.outcome, 'red')} by {copy.by}: {copy.reply}" + _when(route, copy)


def _when(route: Route, copy: Copy) -> str:
    return f", {say_time(copy.at_s, route.start)}" if copy.hops and copy.at_s != copy.hops[0].at_s else ""


def _waiting_lines(route: Route, recipient: RecipientRoute) -> Iterator[str]:
    late = recipient.deferrals
    for deferral in late[:MOST_DEFERRALS]:
        yield (
            f"  deferred at {deferral.server} {say_time(deferral.at_s, route.start)}: {deferral.reply}; "
            f"next attempt {say_time(deferral.next_s, route.start)}"
        )
    if len(late) > MOST_DEFERRALS:
        yield f"  and {count(len(late) - MOST_DEFERRALS, 'more attempt')}, the last one {say_time(late[-1].at_s, route.start)}"
    if recipient.warned_s is not None:
        yield f"  the sender is warned of the delay {say_time(recipient.warned_s, route.start)}"


def _notice_lines(route: Route, recipient: RecipientRoute) -> Iterator[str]:
    for notice in route.notices:
        if recipient.recipient not in notice.about:
            continue
        what = "bounce" if notice.kind == "dsn" else "delay warning"
        way = " -> ".join(notice.copy.servers) if notice.copy else notice.written_by
        end = paint_outcome(notice.copy.outcome) if notice.copy else "lost"
        why = f": {notice.copy.reply}" if notice.copy and notice.copy.reply else ""
        yield f"  {what} from {notice.written_by} to {notice.to}: {way}: {end}{why}"
    if recipient.outcome in ("bounced", "expired") and recipient.dsn is None:
        yield "  no bounce is sent: the mail has the null sender"


def _other_rule_lines(setup: Setup, route: Route, recipient: RecipientRoute, asked: dict[str, Any]) -> Iterator[str]:
    """Which smart host rule is in force at a Domino server on the way, and what the other one would do."""
    for name in dict.fromkeys(server for copy in recipient.copies for server in copy.servers):
        server = setup.scenario.servers[name]
        if not isinstance(server, DominoServer) or not server.smart_host:
            continue
        rule, other = server.smart_host_rule, OTHER_RULE[server.smart_host_rule]
        changed = {**setup.scenario.servers, name: server.replaced(smart_host_rule=other)}
        instead = Setup(setup.scenario.replaced(servers=changed))
        end = trace(instead, route.sender, recipient.recipient, **asked).recipients[0]
        yield f"  smart host rule at {name}: {rule} ({WHOSE_RULE[rule]})"
        same = (end.servers, end.outcome, end.code, end.by) == (
            recipient.servers,
            recipient.outcome,
            recipient.code,
            recipient.by,
        )
        code = f" {end.code} by {end.by}" if end.code else ""
        way = (
            "the same" if same else f"{' -> '.join(end.servers) or 'no server'}: {end.outcome.replace('_', ' ')}{code}"
        )
        yield f"  under the other rule ({other}, {WHOSE_RULE[other]}): {way}"


def notices_as_sent(setup: Setup, route: Route) -> list[str]:
    """Every notice about the mail, as the message that is sent."""
    from coexsim.mail.dsn import dsn_message

    return [dsn_message(setup, route, notice).as_string() for notice in route.notices]


def remarks(setup: Setup, route: Route, server: str | None = None) -> list[str]:
    """What was taken for granted: that a sender whom the directory does not know is a user of the server that takes the mail in."""
    from coexsim.audit.check import is_of_another_organisation

    sender = route.sender
    if server is not None and is_of_another_organisation(setup, sender, server):
        return [
            f"{sender} is taken for a user of {server}, who may send anywhere; --from-outside takes it from a stranger"
        ]
    if server is not None or not setup.directory.is_ours(sender) or setup.directory.find(sender, 0) is not None:
        return []
    first = next((copy.servers[0] for each in route.recipients for copy in each.copies if copy.servers), "no server")
    return [f"nobody in the directory has the address {sender}: taken for a user of {first}; --at-server names another"]


def trace_answers(route: Route) -> list[str]:
    """What became of each recipient, in a sentence each."""
    sender = route.sender or "<>"
    return [f"{sender} -> {recipient.recipient}: {_end_of(recipient)}" for recipient in route.recipients]


def missed_lines(setup: Setup, route: Route, expected: str) -> list[str]:
    """A line for each recipient whose end is another than was expected, with the place of the cause in the scenario."""
    from coexsim.audit.check import cause_of
    from coexsim.audit.findings import find_all

    lines = []
    missed = [recipient for recipient in route.recipients if recipient.outcome != expected]
    findings = tuple(find_all(setup)) if missed else ()
    for recipient in missed:
        cause = cause_of(recipient, findings) if recipient.outcome != "delivered" else ""
        end = _end_of(recipient) + (f" ({cause})" if cause else "")
        lines.append(
            f"{paint('FAILED', 'red')}  {recipient.recipient}: expected {expected.replace('_', ' ')}; instead {end}"
        )
    return lines


def _end_of(recipient: RecipientRoute) -> str:
    end = recipient.say_outcome()
    if recipient.reply is None:
        return end
    return f"{end} {recipient.reply.enhanced}{f' by {recipient.by}' if recipient.by else ''}: {recipient.reply.text}"


def trace_data(route: Route) -> dict[str, Any]:
    """The trace as plain data.

    Of each recipient: `recipient`, `servers`, `outcome`, `code`, `by`, `reply`, `hops` (`server`, `rule`, `reason`, `dns`), `dsn_to`,
    `dsn_servers`; also every copy, where a group or forwarding made several, and every deferral. `transactions` and `notices` are
    those of the whole message. Times are seconds from the scenario's start.
    """
    return {
        "sender": route.sender,
        "recipients": [_recipient_data(recipient) for recipient in route.recipients],
        "transactions": [transaction._asdict() for transaction in route.transactions],
        "notices": [
            {
                "kind": n.kind,
                "written_by": n.written_by,
                "to": n.to,
                "about": n.about,
                "copy": n.copy and _copy_data(n.copy),
            }
            for n in route.notices
        ],
    }


def _recipient_data(recipient: RecipientRoute) -> dict[str, Any]:
    return {
        "recipient": recipient.recipient,
        "servers": recipient.servers,
        "outcome": recipient.outcome,
        "code": recipient.code,
        "by": recipient.by,
        "reply": str(recipient.reply) if recipient.reply else None,
        "hops": [_hop_data(hop) for hop in recipient.hops],
        "dsn_to": recipient.dsn_to,
        "dsn_servers": recipient.dsn_servers,
        "copies": [_copy_data(copy) for copy in recipient.copies],
        "deferrals": [{**d._asdict(), "reply": str(d.reply)} for d in recipient.deferrals],
        "expires_s": recipient.expires_s,
        "warned_s": recipient.warned_s,
    }


def _copy_data(copy: Copy) -> dict[str, Any]:
    return {
        "address": copy.address,
        "outcome": copy.outcome,
        "servers": copy.servers,
        "by": copy.by,
        "reply": str(copy.reply) if copy.reply else None,
        "at_s": copy.at_s,
        "hops": [_hop_data(hop) for hop in copy.hops],
    }


def _hop_data(hop: Any) -> dict[str, Any]:
    return {"server": hop.server, "rule": hop.rule, "reason": hop.reason, "dns": hop.dns, "at_s": hop.at_s}
