"""Every kind of log is recognised and read: formats as their documentation has them, each with what it can and cannot say."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from coexsim.errors import UsageError
from coexsim.intake.logs.book import DEFERRED, NOTICE, LogBook
from coexsim.intake.logs.join import join
from coexsim.intake.logs.journeys import BOUNCED_, DELIVERED, HANDED_ON, IN_TRANSIT, Journeys, journeys
from coexsim.intake.logs.read import read_logs
from coexsim.intake.logs.stamps import long_id_s, short_id_s

HUB = """\
Nov 24 17:32:42 hub postfix/smtpd[11]: connect from client.example.com[192.0.2.1]
Nov 24 17:32:42 hub postfix/smtpd[11]: 5A2F31C0A2B: client=client.example.com[192.0.2.1]
Nov 24 17:32:42 hub postfix/cleanup[12]: 5A2F31C0A2B: message-id=<one@example.com>
Nov 24 17:32:42 hub postfix/qmgr[13]: 5A2F31C0A2B: from=<anna@example.com>, size=5000, nrcpt=1 (queue active)
Nov 24 17:32:42 hub postfix/smtpd[11]: disconnect from client.example.com[192.0.2.1] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5
Nov 24 17:32:43 hub postfix/smtp[14]: 5A2F31C0A2B: to=<bob@example.com>, relay=127.0.0.1[127.0.0.1]:10024, delay=0.9, delays=0.1/0/0/0.8, \
dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 7B0001C0A2C)
Nov 24 17:32:43 hub postfix/smtpd[15]: 7B0001C0A2C: client=localhost[127.0.0.1], orig_queue_id=5A2F31C0A2B
Nov 24 17:32:43 hub postfix/cleanup[12]: 7B0001C0A2C: message-id=<one@example.com>
Nov 24 17:32:43 hub postfix/qmgr[13]: 7B0001C0A2C: from=<anna@example.com>, size=5400, nrcpt=1 (queue active)
Nov 24 17:32:43 hub postfix/qmgr[13]: 5A2F31C0A2B: removed
Nov 24 17:32:43 hub postfix/smtp[16]: 7B0001C0A2C: to=<bob@example.com>, relay=none, delay=0.2, delays=0.1/0/0.1/0, dsn=4.4.1, \
status=deferred (connect to box.example.net[192.0.2.9]:25: Connection refused)
Nov 24 17:37:43 hub postfix/smtp[16]: 7B0001C0A2C: to=<bob@example.com>, relay=box.example.net[192.0.2.9]:25, delay=300, \
delays=300/0/0.1/0.2, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 9C1112223F0)
Nov 24 17:37:43 hub postfix/qmgr[13]: 7B0001C0A2C: removed
"""
BOX = """\
2026-11-24T18:38:13.400000+01:00 box postfix/smtpd[21]: 9C1112223F0: client=hub.example.com[192.0.2.5]
2026-11-24T18:38:13.410000+01:00 box postfix/cleanup[22]: 9C1112223F0: message-id=<one@example.com>
2026-11-24T18:38:13.420000+01:00 box postfix/qmgr[23]: 9C1112223F0: from=<anna@example.com>, size=5600, nrcpt=1 (queue active)
2026-11-24T18:38:13.500000+01:00 box postfix/lmtp[24]: 9C1112223F0: to=<bob@example.com>, relay=box[private/lmtp], delay=0.1, \
delays=0.05/0/0/0.05, dsn=2.0.0, status=sent (250 2.0.0 Ok)
2026-11-24T18:38:13.500000+01:00 box postfix/qmgr[23]: 9C1112223F0: removed
"""


def read(folder: Path, **texts: str) -> LogBook:
    """The book of some logs."""
    for name, text in texts.items():
        (folder / f"{name}.log").write_text(text, encoding="utf-8")
    return read_logs([folder / f"{name}.log" for name in texts], year=2026)


def ends(found: Journeys) -> list[tuple[str, int]]:
    """The last address and the outcome of each copy."""
    texts = found.joined.book.addresses
    return [(texts[to], outcome) for to, outcome in zip(found.copies["to"], found.copies["outcome"], strict=True)]


def test_a_filter_is_no_second_message_and_clocks_are_set_right(tmp_path: Path) -> None:
    """Short queue ids, re-injection by a content filter, a retry, another server with RFC 3339 times whose clock is 30 s ahead."""
    found = journeys(join(read(tmp_path, hub=HUB, box=BOX)))

    assert len(found.messages) == 1
    assert ends(found) == [("bob@example.com", DELIVERED)]
    [copy] = found.copies.itertuples()
    assert copy.attempts == 3  # twice to the next server, into the mailbox; the filter hands back to the same one
    assert copy.hops == 1
    clocks = found.joined.clocks
    assert [abs(clock.ahead_s) for clock in clocks.values()] == [pytest.approx(30, abs=1.5)]  # syslog has whole seconds
    assert copy.delay_s == pytest.approx(301.2, abs=1.2)


SUSPENDED = """\
Nov 24 17:35:13 hub postfix/error[17]: 7B0001C0A2C: to=<bob@example.com>, relay=none, delay=150, delays=150/0/0/0, dsn=4.4.1, \
status=deferred (delivery temporarily suspended: connect to box.example.net[192.0.2.9]:25: Connection refused)
"""


def test_a_suspended_delivery_is_no_attempt(tmp_path: Path) -> None:
    """Postfix defers mail for a host that it knows to be dead without trying (qmgr_deliver.c): a deferral, not an attempt."""
    begin, mark, end = HUB.partition("Nov 24 17:37:43 hub postfix/smtp[16]")
    found = journeys(join(read(tmp_path, hub=begin + SUSPENDED + mark + end, box=BOX)))
    [copy] = found.copies.itertuples()

    assert copy.attempts == 3
    assert (found.joined.deliveries["status"] == DEFERRED).sum() == 2
    assert found.joined.deliveries["was_tried"].sum() == len(found.joined.deliveries) - 1


def test_without_the_next_servers_log_mail_is_handed_on(tmp_path: Path) -> None:
    """What happens beyond the last log is not guessed."""
    assert ends(journeys(join(read(tmp_path, hub=HUB)))) == [("bob@example.com", HANDED_ON)]


def test_without_its_last_attempt_mail_is_in_transit(tmp_path: Path) -> None:
    """A log that ends while mail waits."""
    cut = "\n".join(line for line in HUB.splitlines() if not line.startswith("Nov 24 17:37")) + "\n"
    found = journeys(join(read(tmp_path, hub=cut)))
    assert ends(found) == [("bob@example.com", IN_TRANSIT)]
    assert (found.joined.deliveries["status"] == DEFERRED).sum() == 1


def test_times_in_queue_ids() -> None:
    """Long ids hold seconds and microseconds, short ones microseconds: Postfix's src/global/mail_queue.h."""
    assert long_id_s("4jYqdQ5CthzLhVG") == pytest.approx(1795541562.735212, abs=1e-6)
    assert short_id_s("5A2F31C0A2B", 1000.0, 1.0) == pytest.approx(1000 + 0x5A2F3 / 1e6)
    assert short_id_s("F3FFF1C0A2B", 1000.001, 1e-6) == pytest.approx(
        999 + 0xF3FFF / 1e6
    )  # its line came in the next second
    assert long_id_s("5A2F31C0A2B") is None


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, bytes], ids=["gz", "bz2", "xz", "plain"])
def test_compressed_logs_are_read(tmp_path: Path, pack: object) -> None:
    """By what they are, not by their names; the same contents twice are read once."""
    assert callable(pack)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(pack(HUB.encode()))
    book = read_logs([tmp_path / "a", tmp_path / "b"], year=2026)

    assert [told.kind for told in book.told].count("repeat") == 1
    assert len(book.visits.frame()) == 2


def test_what_is_no_log_is_told(tmp_path: Path) -> None:
    """A file of no known kind is an error that shows its first line and the known kinds."""
    (tmp_path / "x.txt").write_text("to be or not to be\n")
    with pytest.raises(UsageError, match=r"no known kind of mail log; its first line is 'to be.*Postfix"):
        read_logs([tmp_path / "x.txt"])
    with pytest.raises(UsageError, match="no such file"):
        read_logs([tmp_path / "y.txt"])


EXCHANGE = """\
#Software: Microsoft Exchange Server
#Version: 15.02.1118.007
#Log-Type: Message Tracking Log
#Date: 2026-11-24T17:00:00.000Z
#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id,\
message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,\
message-subject,sender-address,return-path,message-info,directionality
"""


def exchange_row(at: str, client: str, server: str, source: str, event: str, to: str, **more: str) -> str:
    """A row of the tracking log."""
    cells = [
        f"2026-11-24T17:{at}Z",
        "",
        client,
        "",
        server,
        "",
        "",
        source,
        event,
        more.get("id", "77"),
        "<m1@example.com>",
        "n1",
        to,
    ]
    cells += [
        more.get("status", ""),
        "9000",
        "1",
        more.get("related", ""),
        more.get("reference", ""),
        '"Hello, world"',
        "anna@example.com",
    ]
    return ",".join([*cells, "anna@example.com", "", "Originating"])


def lines(*rows: str) -> str:
    """A tracking log of these rows."""
    return EXCHANGE + "\n".join(rows) + "\n"


def test_exchange_tracking_log(tmp_path: Path) -> None:
    """A group is opened, a shadow copy left out, one member delivered, one sent on, one unknown; the DSN is a notice."""
    text = lines(
        exchange_row("00:00.000", "PC", "MBX1", "STOREDRIVER", "RECEIVE", "team@example.com"),
        exchange_row("00:00.010", "MBX1", "MBX2", "SMTP", "HARECEIVE", "team@example.com", id="900"),
        exchange_row(
            "00:00.100",
            "",
            "MBX1",
            "ROUTING",
            "EXPAND",
            "a@example.com;b@example.net;c@example.com",
            related="team@example.com",
        ),
        exchange_row("00:00.500", "MBX1", "MBX1", "STOREDRIVER", "DELIVER", "a@example.com"),
        exchange_row(
            "00:01.000", "MBX1", "out.example.net", "SMTP", "SEND", "b@example.net", status="250 2.1.5 Recipient OK"
        ),
        exchange_row(
            "00:01.100",
            "",
            "MBX1",
            "ROUTING",
            "FAIL",
            "c@example.com",
            status="550 5.1.1 RESOLVER.ADR.RecipNotFound; not found",
        ),
        exchange_row("00:01.200", "", "MBX1", "DSN", "DSN", "anna@example.com", id="78"),
    )
    found = journeys(join(read(tmp_path, exchange=text)))
    by_end = dict(ends(found))

    assert by_end["a@example.com"] == DELIVERED
    assert by_end["b@example.net"] == HANDED_ON
    assert by_end["c@example.com"] == BOUNCED_
    assert (found.joined.visits["origin"] == NOTICE).sum() == 1
    assert (~found.messages["is_notice"]).sum() == 1
    mine = found.copies[found.copies["message"] == 0]
    assert mine["written_to"].nunique() == 1  # all were written to through the group
    assert np.sort(mine["delay_s"].to_numpy()) == pytest.approx([0.5, 1.0, 1.1], abs=1e-3)


def test_events_of_exchange_that_are_not_known_are_named(tmp_path: Path) -> None:
    """Mail that went to the Internet is sent; what no page knows is counted, by name."""
    text = lines(
        exchange_row("00:00.000", "PC", "MBX1", "STOREDRIVER", "RECEIVE", "b@example.net"),
        exchange_row("00:00.500", "MBX1", "out.example.net", "SMTP", "SENDEXTERNAL", "b@example.net"),
        exchange_row("00:00.600", "MBX1", "", "AGENT", "AGENTINFO", "b@example.net"),
        exchange_row("00:00.700", "MBX1", "", "AGENT", "WHATEVER", "b@example.net"),
        exchange_row("00:00.800", "MBX1", "", "AGENT", "WHATEVER", "b@example.net"),
    )
    book = read(tmp_path, exchange=text)

    assert ends(journeys(join(book))) == [("b@example.net", HANDED_ON)]
    assert book.told[0].remarks == ["rows of events that are not known, and were left out: WHATEVER (2)"]


def test_exchange_over_two_servers(tmp_path: Path) -> None:
    """Hops are joined by message-id; a message that is split stays one."""
    text = lines(
        exchange_row("00:00.000", "PC", "HUB1", "STOREDRIVER", "RECEIVE", "a@example.com"),
        exchange_row("00:01.000", "HUB1", "HUB2", "SMTP", "SEND", "a@example.com"),
        exchange_row("00:01.000", "HUB1", "HUB2", "SMTP", "RECEIVE", "a@example.com", id="501"),
        exchange_row("00:01.100", "", "HUB2", "ROUTING", "TRANSFER", "a@example.com", id="502", reference="501"),
        exchange_row("00:02.000", "HUB2", "MBX", "STOREDRIVER", "DELIVER", "a@example.com", id="502"),
    )
    found = journeys(join(read(tmp_path, exchange=text)))

    assert len(found.messages) == 1
    assert ends(found) == [("a@example.com", DELIVERED)]
    assert found.copies["delay_s"].tolist() == pytest.approx([2.0], abs=1e-3)


TRACE = (
    "origin_timestamp_utc,sender_address,Recipient_status,message_subject,total_bytes,message_id,network_message_id,directionality\n"
    '2026-11-24T17:00:00.0000000Z,anna@example.com,"b@example.net##Receive, Send;c@example.com##Receive, Fail",x,"12,345",<a@b>,n1,'
    "Originating\n"
)
SUMMARY = (
    "Received,SenderAddress,RecipientAddress,Subject,Status,Size,MessageId\n"
    "11/24/2026 5:00:00 PM,x@example.net,a@example.com,Hi,Delivered,2048,<s1>\n"
    "11/24/2026 5:00:00 PM,x@example.net,b@example.com,Hi,Quarantined,2048,<s1>\n"
)
GOOGLE = (
    "Message ID,Start date,End date,Sender,Message size,Subject,Direction,Attachments,Recipient address,Event target,Event date,"
    "Event status,Event target IP address,Has encryption,Event SMTP reply code,Event description\n"
    "<g1>,2026/11/24 17:00:00 UTC,2026/11/24 17:00:03 UTC,a@example.com,900,s,Sent,0,b@example.net,SMTP_OUT,"
    "2026/11/24 17:00:03 UTC,Delivered,192.0.2.7,true,250,\n"
    "<g1>,2026/11/24 17:00:00 UTC,2026/11/24 17:00:03 UTC,a@example.com,900,s,Sent,0,c@example.com,GMAIL_INBOX,"
    "2026/11/24 17:00:01 UTC,Delivered,,,,\n"
)
DOMINO = """\
11/24/2026 05:00:00 PM  SMTP Server: mail.example.net (192.0.2.1) connected
11/24/2026 05:00:00 PM  SMTP Server: Message 006CCCD5 (MessageID : <d1@example.net>) received
11/24/2026 05:00:02 PM  Router: Message 006CCCD5 delivered to Anna Doe/Example
11/24/2026 05:00:03 PM  Router: Message 003903B3 NOT transferred via SMTP to out.example.net for b@example.net from anna@example.com \
Size: 124K Error transferring to out.example.net; remote server is busy
11/24/2026 05:15:03 PM  Router: Message 003903B3 transferred to out.example.net for b@example.net via SMTP
"""
ACTIVITY = (
    "RecordType,Time,Server,Originator,Recipients,MessageID,PrecedingHop,NextHop,Size\n"
    "Deposit,2026-11-24 17:00:00,Mail1,x@example.net,,<m>,mail.example.net,,3000\n"
    "Delivery,2026-11-24 17:00:02,Mail1,x@example.net,a@example.com;b@example.com,<m>,,,3000\n"
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (TRACE, [("b@example.net", HANDED_ON), ("c@example.com", BOUNCED_)]),
        (SUMMARY, [("a@example.com", DELIVERED), ("b@example.com", 4)]),
        (GOOGLE, [("b@example.net", HANDED_ON), ("c@example.com", DELIVERED)]),
        (DOMINO, [("Anna Doe/Example", DELIVERED), ("b@example.net", HANDED_ON)]),
        (ACTIVITY, [("a@example.com", DELIVERED), ("b@example.com", DELIVERED)]),
    ],
    ids=["trace", "summary", "google", "domino console", "domino activity"],
)
def test_exports_of_services_and_domino(tmp_path: Path, text: str, wanted: Sequence[tuple[str, int]]) -> None:
    """One message or two, each recipient with its end."""
    assert sorted(ends(journeys(join(read(tmp_path, log=text))))) == sorted(wanted)


def test_powershell_writes_utf_16(tmp_path: Path) -> None:
    """An export with a byte order mark is read as what it is."""
    (tmp_path / "trace.csv").write_bytes(SUMMARY.replace("\n", "\r\n").encode("utf-16"))
    assert len(journeys(join(read_logs([tmp_path / "trace.csv"]))).copies) == 2


def test_consoles_of_several_servers_say_that_they_are_not_joined(tmp_path: Path) -> None:
    """Each names messages by note ids of its own; a lone one has nothing to say of that, nor one that goes on where it was rotated."""
    texts = {"a": DOMINO, "b": DOMINO.replace("00", "01"), "later": DOMINO.replace("05:", "07:")}
    for files, said in ((("a", "b"), 1), (("a",), 0), (("a", "later"), 0)):
        for name in files:
            (tmp_path / f"{name}.log").write_text(texts[name], encoding="utf-8")
        book = read_logs([tmp_path / f"{name}.log" for name in files])
        remarks = [remark for told in book.told for remark in told.remarks if "is counted at both" in remark]
        assert (len(remarks), len(book.servers)) == (said, 1 + said)
