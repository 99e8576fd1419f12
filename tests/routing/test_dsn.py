"""Notices as messages: RFC 3464 and 6522, read back with the standard library."""

from __future__ import annotations

import email
import email.policy
import subprocess
import sys
from dataclasses import replace
from email.message import Message
from email.utils import parsedate_to_datetime

import pytest

from coexsim.mail.dsn import HEADER_BYTES, NOTICE_BYTES, dsn_message, notice_for
from coexsim.mail.message import Envelope, Rcpt, Reply
from coexsim.mail.setup import Setup
from coexsim.mail.trace import Route, trace
from coexsim.scenario.load import load_scenario, scenario_from_text
from tests.routing.lab import lab, lab_with
from tests.routing.seed import IU1, NOBODY, OUTSIDE, article_with

GROUP = "directory: {groups: {all: [dUser1, gone@corporate.com, nobody@thirddomain.com]}}"


def read_back(setup: Setup, result: Route, number: int = 0) -> tuple[Message, list[Message]]:
    """The notice after a trip over the wire, and the blocks of its delivery-status part."""
    message = email.message_from_bytes(dsn_message(setup, result, result.notices[number]).as_bytes())
    status = message.get_payload(1)
    assert isinstance(status, Message)
    return message, list(status.walk())[1:]


def unfold(value: str) -> str:
    return " ".join(value.split())


def parts(message: Message) -> list[str]:
    payload = message.get_payload()
    assert isinstance(payload, list)
    return [part.get_content_type() for part in payload if isinstance(part, Message)]


def test_it_is_a_report_with_three_parts() -> None:
    """RFC 6522 section 3: words for people, status for machines, headers of the mail; from the null sender to the sender."""
    setup = lab("inbound: iUser2 unknown; on-prem still lists it")
    message, _ = read_back(setup, trace(setup, OUTSIDE, "iUser2@corporate.com"))

    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert parts(message) == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    assert (message["Return-Path"], message["To"], message["Auto-Submitted"]) == ("<>", OUTSIDE, "auto-replied")
    assert "MAILER-DAEMON@domino.corporate.com" in message["From"]


def test_a_recipient_that_another_server_refused() -> None:
    """RFC 3464 2.3: Remote-MTA and the remote server's own words in Diagnostic-Code."""
    setup = lab("inbound: iUser2 unknown; on-prem still lists it")
    _, (of_message, of_rcpt) = read_back(setup, trace(setup, OUTSIDE, "iUser2@corporate.com"))

    assert of_message["Reporting-MTA"] == "dns; domino.corporate.com"
    assert of_rcpt["Final-Recipient"] == "rfc822; iUser2@corporate.com"
    assert (of_rcpt["Action"], of_rcpt["Status"]) == ("failed", "5.1.1")
    assert of_rcpt["Remote-MTA"] == "dns; inbound.inotes.test"
    assert unfold(of_rcpt["Diagnostic-Code"]).startswith("smtp; 550 5.1.1 <iUser2@corporate.com>")


def test_a_recipient_that_failed_here() -> None:
    """No other server took part: no Remote-MTA, and the diagnostic is the product's own."""
    setup = article_with("")
    _, (_, of_rcpt) = read_back(setup, trace(setup, OUTSIDE, NOBODY))

    assert of_rcpt["Remote-MTA"] is None
    assert unfold(of_rcpt["Diagnostic-Code"]).startswith("X-Domino; ")
    assert of_rcpt["Original-Recipient"] == f"rfc822; {NOBODY}"


def test_members_of_a_group_that_failed_are_named_with_the_group() -> None:
    """One DSN for all that failed at a server: Original-Recipient is the group, Final-Recipient the member (RFC 3464 2.3.1)."""
    setup = lab_with(GROUP)
    message, (_, *blocks) = read_back(setup, trace(setup, OUTSIDE, "all@corporate.com"))

    assert [b["Final-Recipient"] for b in blocks] == ["rfc822; gone@corporate.com", "rfc822; nobody@thirddomain.com"]
    assert {b["Original-Recipient"] for b in blocks} == {"rfc822; all@corporate.com"}
    assert "dUser1" not in message.as_string()  # whoever got it is not mentioned


def test_a_delay_warning_and_the_end() -> None:
    """Action delayed with Will-Retry-Until (RFC 3464 2.3.9), then failed with the last failure's code."""
    setup = lab("external: backoff 2..8 s, delay_warning_time=5s, maximal_queue_lifetime=20s")
    result = trace(setup, OUTSIDE, IU1)
    warning, (_, late) = read_back(setup, result, 0)
    _, (_, end) = read_back(setup, result, 1)

    assert (late["Action"], late["Status"]) == ("delayed", "4.4.1")
    assert (end["Action"], end["Status"]) == ("failed", "4.4.1")
    waited_s = parsedate_to_datetime(late["Will-Retry-Until"]) - parsedate_to_datetime(warning["Date"])
    assert waited_s.total_seconds() == 20 - 8  # warned at the attempt after 8 s, kept for 20 s


def test_a_warning_tells_the_last_failure_before_it() -> None:
    """Of three: not the first one, which is out of date, and not the one that came after the warning (RFC 3464, section 2.3.6)."""
    setup = lab("external: backoff 2..8 s, delay_warning_time=5s, maximal_queue_lifetime=20s")
    result = trace(setup, OUTSIDE, IU1)
    [recipient], warning = result.recipients, result.notices[0]
    seen = recipient.deferrals[0]
    told = [
        seen._replace(reply=Reply(451, code, code), at_s=warning.at_s + after_s)
        for code, after_s in (("4.4.3", -2.0), ("4.7.1", 0.0), ("4.3.2", 2.0))
    ]
    changed = replace(result, recipients=(recipient._replace(deferrals=tuple(told)),))
    _, (_, late) = read_back(setup, changed, 0)

    assert (late["Action"], late["Status"]) == ("delayed", "4.7.1")


def test_dates_are_the_scenarios() -> None:
    """The same trace gives the same message, dated with the scenario's weekday and time: no clock is read."""
    setup = article_with("run: {start: Wed 10:00}")
    result = trace(setup, OUTSIDE, NOBODY, at_s=90.0)
    texts = {dsn_message(setup, result, result.notices[0]).as_string() for _ in range(2)}

    assert len(texts) == 1
    assert "Date: Wed, 03 Jan 2024 10:01:30 +0000" in texts.pop()


def test_headers_show_the_way() -> None:
    """The returned header has a Received line of each server passed, the last one on top (RFC 5321 4.4)."""
    setup = lab("inbound: iUser2 unknown; on-prem still lists it")
    message, _ = read_back(setup, trace(setup, OUTSIDE, "iUser2@corporate.com"))
    returned = message.get_payload(2)
    assert isinstance(returned, Message)
    header = email.message_from_string(str(returned.get_payload()))

    received = header.get_all("Received") or []
    assert [line.partition("by ")[2].split()[0] for line in received] == [
        "domino.corporate.com",
        "mail.otherdomain.com",
    ]
    assert header["From"] == OUTSIDE


@pytest.mark.parametrize("address", ["jörg@corporate.com", "a b\r\nBcc: x@y.example@corporate.com"])
def test_odd_addresses_do_no_harm(address: str) -> None:
    """Nothing in an address can make a header of its own, and letters beyond ASCII survive."""
    setup = article_with("")
    message, _ = read_back(setup, trace(setup, OUTSIDE, [address]))

    assert message["Bcc"] is None
    assert len(parts(message)) == 3


def test_who_gets_a_notice() -> None:
    """Never for the null sender (RFC 5321 6.1); large mail comes back as its headers only (postconf(5), bounce_size_limit)."""
    small, large = (Envelope("a@b.example", (Rcpt("c@d.example"),), size) for size in (40_000, 60_000))

    assert notice_for(Envelope("", (Rcpt("c@d.example"),))) is None
    assert [n.size_bytes for n in map(notice_for, (small, large)) if n] == [
        NOTICE_BYTES + 40_000,
        NOTICE_BYTES + HEADER_BYTES,
    ]


def test_tracing_imports_nothing_heavy() -> None:
    """`trace` is for CI: it may not load the libraries of the simulation and its reports, nor `email`, before it needs them."""
    heavy = ("pandas", "numpy", "matplotlib", "scipy", "simpy", "networkx", "email.mime.multipart")
    code = f"import sys, coexsim.mail.trace; print([m for m in {heavy!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("kind", "sender", "subject", "words"),
    [
        (
            "postfix",
            "MAILER-DAEMON@mx.smallco.net",
            "Undelivered Mail Returned to Sender",
            "This is the mail system at host",
        ),
        (
            "exim",
            "Mailer-Daemon@mx.smallco.net",
            "Mail delivery failed: returning message to sender",
            "a permanent error",
        ),
        ("exchange", "postmaster@smallco.net", "Undeliverable:", "Delivery has failed to these recipients or groups:"),
        ("domino", "Postmaster@smallco.net", "DELIVERY FAILURE:", "was not delivered to:"),
    ],
)
def test_each_product_writes_notices_in_its_own_words(kind: str, sender: str, subject: str, words: str) -> None:
    """What people search for: the words that products write, around the reply of the server that refused, in its own words."""
    keys = {
        "postfix": "virtual_mailbox_domains: [smallco.net]",
        "exim": "local_domains: [smallco.net]",
        "exchange": 'accepted_domains: {smallco.net: authoritative}, send_connectors: [{name: all, address_spaces: ["*"]}]',
        "domino": "global_domain: [smallco.net], smtp_outside_local_domain: true",
    }
    setup = Setup(
        scenario_from_text(
            'coexsim: 1\ndomain: smallco.net\ndns: {smallco.net: "@ 1h IN MX 10 mx\\nmx 1h IN A 192.0.2.10"}\n'
            f"servers:\n  mx: {{kind: {kind}, host: mx.smallco.net, {keys[kind]}}}\n"
            "  world: {kind: external, domain: elsewhere.org, mailboxes: [x]}\ndirectory: {people: {anna: {mail_file: mx}}}\n"
        )
    )
    message, _ = read_back(setup, trace(setup, "anna", "nobody@elsewhere.org"))
    text = message.get_payload(0)
    assert isinstance(text, Message)

    assert sender in message["From"]
    assert message["Subject"].startswith(subject)
    assert words in text.get_payload()
    assert "550 5.1.1" in text.get_payload()
    assert (" said: " in text.get_payload()) == (kind in ("postfix", "exim"))


def test_what_the_sending_server_needs_is_not_said_by_the_other() -> None:
    """RFC 3464 2.3.6: smtp diagnostics are replies of the other server; here it is Postfix that gives up, at EHLO (RFC 6531)."""
    setup = Setup(load_scenario("tests/routing/public_cases/239-smtputf8-not-offered-behind-the-gateway.yaml"))
    _, (_, of_rcpt) = read_back(setup, trace(setup, "jürgen@elsewhere.org", "anna@smallco.net"))

    assert of_rcpt["Remote-MTA"] == "dns; box.smallco.net"
    assert unfold(of_rcpt["Diagnostic-Code"]) == (
        "X-Postfix; box.smallco.net[192.0.2.20]: SMTPUTF8 is required, but was not offered"
    )


@pytest.mark.parametrize(
    ("name", "by", "said"),
    [
        (
            "postfix",
            "X-Postfix",
            "message size 30000000 exceeds size limit 20000000 of server box.smallco.net[192.0.2.20]",
        ),
        ("exim", "smtp", "552 5.0.0 Message size exceeds maximum permitted"),
    ],
)
def test_a_message_larger_than_announced_is_given_up_by_the_client_or_refused_by_the_host(
    name: str, by: str, said: str
) -> None:
    """Postfix compares before MAIL (smtp_proto.c; the lab's S2 has these words); Exim declares the size and is refused."""
    case = {"postfix": "248-smaller-size-announced-postfix", "exim": "248b-smaller-size-announced-exim"}[name]
    setup = Setup(load_scenario(f"tests/routing/public_cases/{case}.yaml"))
    _, (_, of_rcpt) = read_back(setup, trace(setup, "x@elsewhere.org", "anna@smallco.net", size_bytes=30_000_000))

    assert unfold(of_rcpt["Diagnostic-Code"]) == f"{by}; {said}"
