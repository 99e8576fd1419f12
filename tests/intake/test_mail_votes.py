"""A gateway's outer address and a hosted service's many hosts are told from the mail that goes from the one to the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coexsim.intake.fit import Fit, fit
from coexsim.intake.logs.join import Joined, join
from coexsim.intake.logs.read import read_logs

MESSAGES = 30
BEGIN = datetime(2026, 11, 24, 9, tzinfo=UTC)
SERVICE = "corp-example.mail.protection.outlook.com[203.0.113.7]"
TRACE_HEAD = (
    "origin_timestamp_utc,sender_address,recipient_status,message_subject,total_bytes,message_id,network_message_id,"
    "original_client_ip,directionality\n"
)


def _stamp(number: int, after_s: float) -> str:
    return f"{BEGIN + timedelta(seconds=10 * number + after_s):%Y-%m-%dT%H:%M:%S.%f}"


def _postfix(server: str, number: int, begin_s: float, client: str, relay: str, reply: str) -> str:
    """A message's visit of half a second."""
    name = _name(server, number)
    times = "delay=0.5, delays=0.2/0/0.1/0.2"
    head = f"{{}}+00:00 {server} postfix"
    lines = [
        (0.0, f"smtpd[1]: {name}: client={client}"),
        (0.1, f"cleanup[2]: {name}: message-id=<{number}@elsewhere.example>"),
        (0.2, f"qmgr[3]: {name}: from=<zoe@elsewhere.example>, size=4000, nrcpt=1 (queue active)"),
        (0.5, f"smtp[4]: {name}: to=<ida@corp.example>, relay={relay}:25, {times}, dsn=2.0.0, status=sent ({reply})"),
        (0.6, f"qmgr[3]: {name}: removed"),
    ]  # fmt: skip
    return "".join(f"{head.format(_stamp(number, begin_s + at_s))}/{text}\n" for at_s, text in lines)


def _name(server: str, number: int) -> str:
    """A short queue id: the microsecond of arrival (0 or half a second here), then an inode."""
    return f"{500_000 if server == 'gw' else 0:05X}{0x10000 + number + 1000 * (server == 'gw'):05X}"


def _trace(address: str) -> str:
    """What the service says of the same mail, handed in from an address: two seconds after the gateway had it."""
    to = "ida@corp.example##Receive, Deliver"
    rows = [
        f'{_stamp(n, 2.0)}Z,zoe@elsewhere.example,"{to}",s,4000,<{n}@elsewhere.example>,{n},{address},Inbound\n'
        for n in range(MESSAGES)
    ]
    return TRACE_HEAD + "".join(rows)


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    """The log of a gateway that hands mail from outside to the service."""
    text = "".join(
        _postfix("gw", n, 0.5, "mx.elsewhere.example[198.51.100.9]", SERVICE, "250 2.6.0 Queued mail for delivery")
        for n in range(MESSAGES)
    )
    (tmp_path / "gw.log").write_text(text, encoding="utf-8")
    return tmp_path


def _joined(folder: Path) -> Joined:
    return join(read_logs(sorted(folder.iterdir()), year=2026))


def test_a_trace_counts_no_message_twice(gateway: Path) -> None:
    """The trace names the gateway by an address that is in no other log, the gateway the service by a host that is not in the trace."""
    (gateway / "trace.csv").write_text(_trace("192.0.2.10"), encoding="utf-16")
    found: Fit = fit(sorted(gateway.iterdir()), year=2026, parts=1)
    joined = found.journeys.joined
    servers = joined.book.servers.texts

    assert joined.server_at("unknown[192.0.2.10]") == servers.index("gw")
    assert joined.server_at(SERVICE) == servers.index("Microsoft 365")
    assert joined.server_at("mx.elsewhere.example[198.51.100.9]") == -1
    assert (found.figure("messages").value, found.figure("recipients").value) == (MESSAGES, MESSAGES)
    assert found.complete.unlogged == ()


def test_a_host_in_between_is_neither_of_the_two(gateway: Path) -> None:
    """The gateway hands mail to a filter, and the same host brings it to the service: it is no other name of the gateway."""
    (gateway / "gw.log").write_text(
        (gateway / "gw.log").read_text(encoding="utf-8").replace(SERVICE, "filter.example[192.0.2.66]"),
        encoding="utf-8",
    )
    (gateway / "trace.csv").write_text(_trace("192.0.2.66"), encoding="utf-16")
    joined = _joined(gateway)

    assert joined.server_at("filter.example[192.0.2.66]") == -1


def test_who_hands_in_mail_for_outside_is_no_gateway(tmp_path: Path) -> None:
    """A machine whose mail goes from an inner server by a gateway to one host outside: the mail was inside before it went out."""
    out = "mx.partner.example[198.51.100.77]"
    inner = "".join(
        _postfix(
            "inner", n, 0.0, "app.corp.example[192.0.2.200]", "gw.corp.example[192.0.2.10]", f"250 2.0.0 Ok: queued as {_name('gw', n)}"
        )
        for n in range(MESSAGES)
    )  # fmt: skip
    outer = "".join(
        _postfix("gw", n, 0.5, "inner.corp.example[192.0.2.20]", out, "250 2.0.0 Ok") for n in range(MESSAGES)
    )
    (tmp_path / "inner.log").write_text(inner, encoding="utf-8")
    (tmp_path / "gw.log").write_text(outer, encoding="utf-8")
    joined = _joined(tmp_path)

    assert joined.server_at("gw.corp.example[192.0.2.10]") == joined.book.servers.texts.index("gw")
    assert joined.server_at("app.corp.example[192.0.2.200]") == -1
    assert joined.server_at(out) == -1
