"""Lines as the documentation of each log has them, people and hosts replaced: nothing of them is damaged, and each says what it should.

Sources: Exchange: learn.microsoft.com, "Message tracking" (events without a message id are listed there); Microsoft 365:
learn.microsoft.com, "Message trace in the modern Exchange admin center" (columns of the reports) and Get-MessageTraceV2; Google:
support.google.com/a/answer/13828463, "Email log search export fields"; Domino: lines at `Log_MailRouting=30` as a public parser of
console logs expects them (size, sender, ids of note and document).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.intake.logs.book import LogBook
from coexsim.intake.logs.join import join
from coexsim.intake.logs.journeys import DELIVERED, HANDED_ON, REFUSED, journeys
from tests.intake.test_reading_logs import ends, read

EXCHANGE_2019 = """\
#Software: Microsoft Exchange Server
#Version: 15.01.2375.007
#Log-type: Message Tracking Log
#Date: 2022-09-19T15:02:29.339Z
#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id,\
message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,\
message-subject,sender-address,return-path,message-info,directionality,tenant-id,original-client-ip,original-server-ip,custom-data,\
transport-traffic-type,log-id,schema-version
2022-09-19T15:02:29.339Z,fe80::1234:5678%3,MBX1,,,"MDB:1, Mailbox:3, Event:6, MessageClass:IPM.Note, ClientType:MOMT",,STOREDRIVER,\
NOTIFYMAPI,,,,,,,,,,,anna@example.com,,2022-09-19T15:02:29.211Z;LSRV=MBX1:TOTAL-SUB=0.128|SA=0.128,,,,,S:ItemEntryId=00,,1,15.01.2375.007
2022-09-19T15:02:29.450Z,fe80::1234:5678,MBX1.example.com,fe80::1%3,MBX1,"MDB:1, Mailbox:3, ClientType:MOMT",,STOREDRIVER,RECEIVE,438,\
<m@example.com>,6a638d20,bob@example.net,To,3750222,1,,,Subject,anna@example.com,anna@example.com,04I: ,Originating,,192.0.2.9,fe80::1%3,\
S:DeliveryPriority=Normal,Email,2,15.01.2375.007
2022-09-19T15:02:29.460Z,,,,MBX1,CatContentConversion,,AGENT,AGENTINFO,438,<m@example.com>,6a638d20,bob@example.net,,3750222,1,,,Subject,\
anna@example.com,anna@example.com,,Originating,,,,S:CompCost=|ETR=0;S:AMA=SUM|v=0,Email,3,15.01.2375.007
2022-09-19T15:02:30.450Z,192.0.2.5,MBX1,203.0.113.25,mx.example.net,08DA9806C5B670C1;250 2.0.0 OK;ClientSubmitTime:,Internet,SMTP,SEND,438,\
<m@example.com>,6a638d20,bob@example.net,250 2.1.5 Recipient OK,3750222,1,,,Subject,anna@example.com,anna@example.com,\
2022-09-19T15:02:29.211Z;SRV=MBX1:TOTAL-HUB=1.0|SMS=0.5,Originating,,,,S:E2ELatency=1,Email,4,15.01.2375.007
"""
EXTENDED_TRACE = """\
date_time_utc,client_ip,client_hostname,server_ip,server_hostname,source_context,connector_id,source,event_id,internal_message_id,\
message_id,network_message_id,recipient_address,recipient_status,total_bytes,recipient_count,related_recipient_address,reference,\
message_subject,sender_address,return_path,message_info,directionality,tenant_id,original_client_ip,original_server_ip,custom_data
2022-09-19T15:02:29.0000000Z,192.0.2.1,mx.example.net,,PROD1,,,SMTP,RECEIVE,77,<t@example.net>,n1,ann@example.com,,9000,1,,,s,bob@example.net,\
bob@example.net,,Incoming,t,192.0.2.1,,
2022-09-19T15:02:30.0000000Z,,,,PROD1,,,STOREDRIVER,DELIVER,77,<t@example.net>,n1,ann@example.com,,9000,1,,,s,bob@example.net,\
bob@example.net,,Incoming,t,192.0.2.1,,
"""
TRACE_V2 = """\
"MessageId","MessageTraceId","Received","RecipientAddress","SenderAddress","FromIP","ToIP","Size","Status","Subject","MessageTraceId2"
"<v@example.net>","ae5c1219-4c90-41bf-fef5-08d837917e7c","11/29/2022 5:35:08 AM","ann@example.com","bob@example.net","203.0.113.34","",\
"145153","Delivered","Weekly digest",""
"""
LOG_SEARCH = """\
Message ID,Start date,End date,Sender,Message size,Subject,Direction,Attachments,Recipient address,Event target,Event date,Event status,\
Event target IP address,Has encryption,Event SMTP reply code,Event description,Client Type,Device User Session ID
g1@example.net,2026/11/24 17:00:00 UTC,2026/11/24 17:00:02 UTC,bob@example.net,4096,Hi,Received,0,ann@example.com,SMTP_IN,\
2026/11/24 17:00:00 UTC,Accepted,192.0.2.1,true,250,,,
g1@example.net,2026/11/24 17:00:00 UTC,2026/11/24 17:00:02 UTC,bob@example.net,4096,Hi,Received,0,ann@example.com,GMAIL_INBOX,\
2026/11/24 17:00:02 UTC,Delivered,,,,,,
SMTPIN_ADDED_REJECT_SESSION,2026/11/24 17:01:00 UTC,2026/11/24 17:01:00 UTC,eve@example.net,N/A,N/A,Received,N/A,ann@example.com,SMTP_IN,\
2026/11/24 17:01:00 UTC,Rejected,192.0.2.66,false,550,5.7.1 rejected,,
SMTPIN_ADDED_REJECT_SESSION,2026/11/24 17:02:00 UTC,2026/11/24 17:02:00 UTC,eve@example.org,N/A,N/A,Received,N/A,ann@example.com,SMTP_IN,\
2026/11/24 17:02:00 UTC,Rejected,192.0.2.67,false,550,5.7.1 rejected,,
"""
CONSOLE = """\
[1A2B:0005-0C44] 24/11/2026 17:00:00   SMTP Server: mail.example.net (192.0.2.1) connected
[1A2B:0005-0C44] 24/11/2026 17:00:00   SMTP Server: Message 006CCCD5 (MessageID: <d1@example.net>) received from mail.example.net \
size 48211 bytes
[1A2B:0002-0C48] 24/11/2026 17:00:02   Router: Message 006CCCD5 delivered to Ann Doe/Example from bob@example.net \
OF4A3B2C1D:00112233 ON80257A12:0012F3B4 Size: 48K Time: 00:00:02
[1A2B:0002-0C48] 24/11/2026 17:00:03   Router: Message 006CCCD9 transferred to out.example.net for carl@example.org from Ann Doe/Example \
OF4A3B2C1D:00112233 ON80257A12:0012F3B4 Size: 12K via SMTP
[1A2B:0005-0C44] 24/11/2026 17:00:04   SMTP Server: mail.example.net (192.0.2.1) disconnected. 1 message[s] received
"""


def clean(book: LogBook) -> bool:
    """Nothing was damaged."""
    return all(told.damaged == 0 for told in book.told)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (EXCHANGE_2019, [("bob@example.net", HANDED_ON)]),
        (EXTENDED_TRACE, [("ann@example.com", DELIVERED)]),
        (TRACE_V2, [("ann@example.com", DELIVERED)]),
        (LOG_SEARCH, [("ann@example.com", DELIVERED), ("ann@example.com", REFUSED), ("ann@example.com", REFUSED)]),
        (CONSOLE, [("Ann Doe/Example", DELIVERED), ("carl@example.org", HANDED_ON)]),
    ],
    ids=["exchange 2019", "extended trace", "trace v2", "log search", "console"],
)
def test_documented_lines_are_read_whole(tmp_path: Path, text: str, wanted: list[tuple[str, int]]) -> None:
    """No line of a documented kind counts as damaged; every recipient has its end, two refused sessions are two messages."""
    book = read(tmp_path, log=text)
    found = journeys(join(book))

    assert clean(book), book.told
    assert sorted(ends(found)) == sorted(wanted)


def test_the_console_says_senders_and_sizes_at_the_informational_level(tmp_path: Path) -> None:
    """The size in bytes of the receipt stays; the router's is in thousands."""
    book = read(tmp_path, log=CONSOLE)
    visits = join(book).visits

    assert visits["size_bytes"].tolist() == [48211, 12_000]
    assert [book.addresses[code] for code in visits["sender"]] == ["bob@example.net", "Ann Doe/Example"]
    assert book.hosts[visits["client"][0]] == "mail.example.net"


def test_exchanges_events_give_their_times(tmp_path: Path) -> None:
    """A second from RECEIVE to SEND."""
    found = journeys(join(read(tmp_path, log=EXCHANGE_2019)))
    assert found.copies["delay_s"].tolist() == pytest.approx([1.0], abs=1e-3)
    assert found.messages["size_bytes"].tolist() == [3750222]
