"""Mail that Postfix does not take after its first recipients: a Milter's or a check's verdict on the whole, or a client that gives up.

The lines are those that cleanup(8) and smtpd(8) write. None of that mail was ever in the queue, so nothing is missing of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.intake.fit import fit
from coexsim.intake.logs.postfix_refusals import Refused, refused

TAIL = "from=<zoe@elsewhere.example> to=<anna@corp.example> proto=ESMTP helo=<mx.elsewhere.example>"
CLIENT = "mx.elsewhere.example[203.0.113.9]"
MILTER = f"milter-reject: END-OF-MESSAGE from {CLIENT}: 5.7.1 Spam message rejected; {TAIL}"
CONTENT = f"reject: header Subject: cheap from {CLIENT}; {TAIL}: 5.7.1 Message content rejected"
DELIVERED, REJECTED_EACH = 40, 10


def _session(number: int, lines: tuple[str, ...], data: str) -> str:
    name = f"{0:05X}{0x10000 + number:05X}"
    head = f"2026-11-24T09:{number // 60:02}:{number % 60:02}.000000+00:00 hub postfix/"
    texts = (
        f"smtpd[9]: connect from {CLIENT}",
        f"smtpd[9]: {name}: client={CLIENT}",
        *(line.format(name=name) for line in lines),
        f"smtpd[9]: disconnect from {CLIENT} ehlo=1 mail=1 rcpt=1 data={data} quit=1 commands=5",
    )
    return "".join(f"{head}{text}\n" for text in texts)


ID = "cleanup[8]: {name}: message-id=<{name}@elsewhere.example>"
TAKEN = (
    ID,
    "qmgr[7]: {name}: from=<zoe@elsewhere.example>, size=4000, nrcpt=1 (queue active)",
    "virtual[6]: {name}: to=<anna@corp.example>, relay=virtual, delay=0.1, delays=0.05/0/0/0.05, dsn=2.0.0, status=sent (to maildir)",
    "qmgr[7]: {name}: removed",
)  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "data", "told"),
    [
        ((ID, f"cleanup[8]: {{name}}: {MILTER}"), "0/1", REJECTED_EACH),
        ((ID, f"cleanup[8]: {{name}}: {CONTENT}"), "0/1", REJECTED_EACH),
        ((ID,), "0/1", 0),
        ((), "0", 0),
    ],
    ids=["milter", "header check", "given up in DATA", "given up before"],
)
def test_what_was_never_in_the_queue_is_no_missing_line(
    tmp_path: Path, lines: tuple[str, ...], data: str, told: int
) -> None:
    """A fifth of the sessions end without mail: no line is missing, and what a filter refused is told."""
    text = "".join(
        _session(number, *((lines, data) if number % 5 == 4 else (TAKEN, "1")))
        for number in range(DELIVERED + REJECTED_EACH)
    )
    (tmp_path / "hub.log").write_text(text, encoding="utf-8")
    found = fit([tmp_path / "hub.log"], year=2026, domain="corp.example", parts=1)

    assert found.complete.lost_share == 0.0
    assert found.figure("messages").value == DELIVERED
    assert found.journeys.copies["outcome"].value_counts().to_dict() == {0: DELIVERED}
    assert found.told[0].filtered == told
    assert any(f"{told} messages were refused by a Milter" in each for each in found.told[0].what_is_left) is bool(told)


def test_mail_that_is_put_off_counts_once(tmp_path: Path) -> None:
    """Greylisting: the first attempt of each message is put off, the second is taken. That is one message, and nobody is unknown."""
    grey = f"smtpd[9]: NOQUEUE: reject: RCPT from {CLIENT}: 450 4.2.0 <anna@corp.example>: Recipient address rejected: Greylisted; {TAIL}"
    text = ""
    for number in range(DELIVERED):
        begun = _session(number, TAKEN, "1")
        first = begun.splitlines(keepends=True)[0]
        head = first[: first.index("smtpd[9]")]
        text += f"{first}{head}{grey}\n{head}smtpd[9]: disconnect from {CLIENT} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4\n{begun}"
    (tmp_path / "hub.log").write_text(text, encoding="utf-8")
    found = fit([tmp_path / "hub.log"], year=2026, domain="corp.example", parts=1)

    assert found.figure("messages").value == found.figure("recipients").value == DELIVERED
    assert found.figure("recipients that do not exist").value == 0
    assert found.told[0].put_off == DELIVERED
    assert any(each.startswith(f"{DELIVERED} recipients were put off") for each in found.told[0].what_is_left)


def test_a_damaged_line_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    """A queue id that Postfix does not make, far behind the head of the line: it is shown, and named."""
    bad = f"2026-11-24T09:00:00.000000+00:00 a-host-with-a-long-name.corp.example postfix/smtpd[9]: 4abcz9z: client={CLIENT}\n"
    (tmp_path / "hub.log").write_text(bad + _session(1, TAKEN, "1"), encoding="utf-8")
    found = fit([tmp_path / "hub.log"], year=2026, domain="corp.example", parts=1)

    assert found.told[0].damaged == 1
    assert found.told[0].first_damaged.endswith("('4abcz9z' is no queue id)")


def test_lines_that_are_missing_are_still_missed(tmp_path: Path) -> None:
    """The same sessions, whose last line says that their mail was taken: then its other lines are not there."""
    text = "".join(
        _session(number, *(((ID,), "1") if number % 5 == 4 else (TAKEN, "1")))
        for number in range(DELIVERED + REJECTED_EACH)
    )
    (tmp_path / "hub.log").write_text(text, encoding="utf-8")

    assert fit([tmp_path / "hub.log"], year=2026, domain="corp.example", parts=1).complete.lost_share > 0.05


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"4F2A1: {MILTER}", Refused("4F2A1", True, True, CLIENT, "5.7.1", "zoe@elsewhere.example", "anna@corp.example")),
        (f"4F2A1: {CONTENT}", Refused("4F2A1", True, True, CLIENT, "5.7.1", "zoe@elsewhere.example", "anna@corp.example")),
        (
            f"NOQUEUE: milter-reject: RCPT from {CLIENT}: 451 4.7.1 Greylisting in action; {TAIL}",
            Refused("NOQUEUE", False, True, CLIENT, "4.7.1", "zoe@elsewhere.example", "anna@corp.example"),
        ),
        (
            f"NOQUEUE: reject: RCPT from {CLIENT}: 550 5.1.1 <x@y>: Recipient address rejected: no; from=<> to=<x@y> proto=SMTP helo=<h>",
            Refused("NOQUEUE", False, False, CLIENT, "5.1.1", "", "x@y"),
        ),
        (f"NOQUEUE: reject: CONNECT from {CLIENT}: 554 5.7.1 no; proto=SMTP", None),
        (f"lost connection after DATA from {CLIENT}", None),
    ],
    ids=["milter on the whole", "header", "milter on a recipient", "restriction", "connection", "other"],
)  # fmt: skip
def test_words_of_refusals(text: str, found: Refused | None) -> None:
    """Stage, client, code and addresses, wherever they stand."""
    assert refused(text) == found


@pytest.mark.parametrize(
    ("reply", "unknown"),
    [
        ("550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table", REJECTED_EACH),
        ("554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.example", 0),
    ],
    ids=["no such user", "block list"],
)
def test_whom_a_policy_refuses_may_exist(tmp_path: Path, reply: str, unknown: int) -> None:
    """Nobody's mail was refused but that of people who are in no other line: only what the reply says of them is told (RFC 3463)."""
    text = "".join(_session(number, TAKEN, "1") for number in range(DELIVERED))
    for number in range(DELIVERED, DELIVERED + REJECTED_EACH):
        to = f"person{number}@corp.example"
        line = f"smtpd[9]: NOQUEUE: reject: RCPT from {CLIENT}: {reply.format(to=to)}; {TAIL.replace('anna@corp.example', to)}"
        text += _session(number, (), "0").replace(f"smtpd[9]: {0:05X}{0x10000 + number:05X}: client={CLIENT}", line)
    (tmp_path / "hub.log").write_text(text, encoding="utf-8")
    found = fit([tmp_path / "hub.log"], year=2026, domain="corp.example", parts=1)
    figure = found.figure("recipients that do not exist")

    assert found.figure("copies refused").value == REJECTED_EACH / (DELIVERED + REJECTED_EACH)
    assert figure.value == unknown / (DELIVERED + REJECTED_EACH)
    assert ("refused for another reason" in figure.remark) == (not unknown)
