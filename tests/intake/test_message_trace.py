"""Message traces as Get-MessageTraceV2 writes them: FromIP and ToIP say where mail came from and went to, alone and beside a gateway's log.

A gateway on-premises has half of the people and hands the mail of others to the service; all mail of the service goes out through it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from coexsim.intake.fit import Fit, fit

EACH = 40  # messages of each flow
BEGIN = datetime(2026, 11, 23, 8, tzinfo=UTC)
GATEWAY = "192.0.2.10"
IN, OUT = (
    "corp-example.mail.protection.outlook.com[203.0.113.7]",
    "mail-ve1.outbound.protection.outlook.com[203.0.113.9]",
)
PEOPLE = {"onprem": "anna@corp.example", "hosted": "ida@corp.example", "internet": "zoe@elsewhere.example"}
CLIENTS = {"onprem": "pc.corp.example[192.0.2.50]", "hosted": OUT, "internet": "mx.elsewhere.example[198.51.100.9]"}
WAYS = {"onprem": "virtual", "hosted": f"{IN}:25", "internet": "mx.elsewhere.example[198.51.100.9]:25"}
FLOWS = [(sender, to) for sender in PEOPLE for to in PEOPLE if (sender, to) != ("internet", "internet")]
HEAD = "Received,SenderAddress,RecipientAddress,Status,FromIP,ToIP,Size,MessageId,MessageTraceId\n"


def _messages() -> list[tuple[int, str, str]]:
    return [(number, *FLOWS[number % len(FLOWS)]) for number in range(EACH * len(FLOWS))]


def _log() -> str:
    """The gateway's: it has every message once."""
    found = []
    for number, sender, to in _messages():
        at, name = BEGIN + timedelta(seconds=60 * number), f"{0:05X}{0x10000 + number:05X}"
        program = "virtual" if to == "onprem" else "smtp"
        texts = (
            f"smtpd[9]: {name}: client={CLIENTS[sender]}",
            f"cleanup[8]: {name}: message-id=<{number}@x>",
            f"qmgr[7]: {name}: from=<{PEOPLE[sender]}>, size=4000, nrcpt=1 (queue active)",
            f"{program}[6]: {name}: to=<{PEOPLE[to]}>, relay={WAYS[to]}, delay=0.3, delays=0.1/0/0.1/0.1, dsn=2.0.0, status=sent (250 ok)",
            f"qmgr[7]: {name}: removed",
        )
        found += [f"{at:%Y-%m-%dT%H:%M:%S.000000+00:00} gw postfix/{text}\n" for text in texts]
    return "".join(found)


def _trace() -> str:
    """The service's: what its people send goes out to the gateway, what is for them came from it; between them both, twice."""
    rows = []
    for number, sender, to in _messages():
        at = BEGIN + timedelta(seconds=60 * number)
        for is_here, after_s, ways in ((sender == "hosted", -2, f",{GATEWAY}"), (to == "hosted", 1, f"{GATEWAY},")):
            if is_here:
                stamp = at + timedelta(seconds=after_s)
                rows.append(
                    f"{stamp:%Y-%m-%dT%H:%M:%SZ},{PEOPLE[sender]},{PEOPLE[to]},Delivered,{ways},4000,<{number}@x>,{number} {ways}\n"
                )
    return HEAD + "".join(rows)


def _flows(found: Fit) -> dict[tuple[str, str], int]:
    columns = (found.flows[name].tolist() for name in ("sender", "recipient", "recipients"))
    return {(sender, to): n for sender, to, n in zip(*columns, strict=True)}


def test_a_trace_alone_tells_who_is_not_at_the_service(tmp_path: Path) -> None:
    """Whose mail went out by ToIP has no mailbox there, though it was delivered; it was taken for a hosted person."""
    (tmp_path / "trace.csv").write_text(_trace(), encoding="utf-8")
    found = fit([tmp_path / "trace.csv"], domain="corp.example")

    assert _flows(found) == {flow: EACH for flow in FLOWS if "hosted" in flow}


def test_a_trace_beside_the_gateways_log_counts_all_mail_once(tmp_path: Path) -> None:
    """The gateway is the address in the trace, and the service both hosts in the log: no other server is in between."""
    (tmp_path / "trace.csv").write_text(_trace(), encoding="utf-8")
    (tmp_path / "gw.log").write_text(_log(), encoding="utf-8")
    found = fit([tmp_path / "trace.csv", tmp_path / "gw.log"], domain="corp.example")

    assert found.complete.counts_hold
    assert found.figure("messages").value == EACH * len(FLOWS)
    assert found.figure("messages").high == EACH * len(FLOWS)
    assert _flows(found) == dict.fromkeys(FLOWS, EACH)
