"""A lab case beside our trace of it: what differs, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from coexsim.mail.message import fold, local_part_of
from coexsim.mail.setup import Setup
from coexsim.mail.trace import Copy, RecipientRoute, Route, Transaction, trace

Case = dict[str, Any]


def replay(case: Case, setup: Setup) -> list[Route]:
    """Our traces of a case's submissions."""
    return [
        trace(
            setup, s["from"], s["to"], size_bytes=s.get("size_bytes", 4096), client=s.get("client", "own-user"),
            server=None if "found by MX" in s["at"] else s["at"], via_mx="found by MX" in s["at"], at_s=s.get("at_s", 0.0),
            declare_size=not any(said.startswith("DATA") for said in s.get("refused", ())),
        )
        for s in case["submissions"]
    ]  # fmt: skip


def differences(case: Case, traces: list[Route]) -> list[str]:
    """Everything in which our traces are not what the case says; empty if they agree."""
    found = list(_of_recipients(case, traces))
    sessions = [spell(t) for trace in traces for t in trace.transactions]
    found += _of_sessions(case["sessions"], sessions)
    wanted = sorted(n for n in case.get("notices", ()) if "status=" not in n)
    notices = sorted(
        f"{n.written_by}: {'delay' if n.kind == 'delay' else 'non-delivery'}" for t in traces for n in t.notices
    )
    found += _unlike("notices", wanted, notices)
    wanted = sorted({said.partition(" -> ")[2] for s in case["submissions"] for said in s.get("refused", ())})
    copies = [copy for t in traces for r in t.recipients for copy in r.copies]
    refused = sorted({str(copy.reply) for copy in copies if copy.outcome == "refused_to_client"})
    return found + _unlike("refusals", wanted, refused)


def spell(transaction: Transaction) -> str:
    """A transaction as the lab writes it: ``external -> onprem: MAIL 1 RCPT 2/3 DATA 1``."""
    taken, offered = transaction.rcpts_taken, transaction.offered
    said = "MAIL - RCPT - DATA -"
    if transaction.last != "mail":
        rcpts = str(offered) if taken == offered else f"{taken}/{offered}"
        said = f"MAIL 1 RCPT {rcpts} DATA {'1' if transaction.accepted else '0/1'}"
    return f"{transaction.client} -> {transaction.server}: {said}"


def _unlike(what: str, wanted: object, got: object) -> list[str]:
    return [f"{what}: {got!r}, the lab says {wanted!r}"] if wanted != got else []


def _of_recipients(case: Case, traces: list[Route]) -> Iterator[str]:
    for wanted in case["outcome"]:
        name = wanted["recipient"]
        got = next(r for t in traces for r in t.recipients if r.recipient == name)
        yield from _unlike(f"{name}: outcome", wanted["result"], got.outcome)
        if wanted["result"] == "delivered" and "copies_delivered" not in case:
            yield from _unlike(f"{name}: mailbox", wanted["mailbox"], [_mailbox(c) for c in got.copies])
            yield from _unlike(f"{name}: servers", wanted["servers"], [list(c.servers) for c in got.copies])
        for key, mine in {"by": got.by, "code": got.code}.items():
            if key in wanted:
                yield from _unlike(f"{name}: {key}", wanted[key], mine)
        if wanted["result"] in ("bounced", "expired"):
            yield from _unlike(f"{name}: dsn to", wanted.get("dsn_to", [None]), [got.dsn_to])
            yield from _unlike(f"{name}: dsn servers", wanted.get("dsn_servers", [[]]), [list(got.dsn_servers)])
        yield from _of_deferrals(case, got)
    if "copies_delivered" in case:
        ends = {id(c): c for t in traces for r in t.recipients for c in r.copies}  # one copy can be two recipients' end
        copies = [c for c in ends.values() if c.outcome == "delivered"]
        lab = sorted((c["mailbox"], c["servers"]) for c in case["copies_delivered"])
        yield from _unlike("copies", lab, sorted((_mailbox(c), list(c.servers)) for c in copies))


def _of_deferrals(case: Case, got: RecipientRoute) -> Iterator[str]:
    wanted = {(d["at"], fold(d["to"]), d["code"]): d["times"] for d in case.get("deferred", ())}
    mine = Counter((d.server, fold(d.recipient), d.reply.enhanced) for d in got.deferrals)
    for key, times in wanted.items():
        if key[1] != fold(got.recipient):
            continue
        if mine[key] != times:
            yield f"{key}: deferred {mine[key]} times, the lab says {times}"
    yield from (f"{key}: deferred, not so in the lab" for key in mine if key not in wanted)


def _of_sessions(wanted: Iterable[str], got: list[str]) -> Iterator[str]:
    whole = [w for w in wanted if not w.startswith("...")]
    in_all = next((int(w.split()[1]) for w in wanted if "in all" in w), None)
    if in_all is None:
        yield from _unlike("sessions", sorted(whole), sorted(got))
        return
    yield from _unlike("transactions in all", in_all, len(got))
    yield from _unlike("sessions, missing", Counter(), Counter(whole) - Counter(got))


def _mailbox(copy: Copy) -> str:
    return f"{local_part_of(copy.address)} @ {copy.servers[-1]}"
