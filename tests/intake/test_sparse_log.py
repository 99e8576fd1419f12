"""A small server's log, a message about every 24 seconds, with what is known of it: lines that are missing, late, damaged or say nothing.

The log is made here, line by line as Postfix's source has them (smtpd.c, cleanup_message.c, qmgr_active.c, log_adhoc.c), so that the
number of messages and of its missing lines is known.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from math import inf, isnan
from pathlib import Path

import pytest

from coexsim.intake.fit import Fit, fit

MESSAGES, PERIOD_S = 600, 8 * 3600.0
BEGIN = datetime(2026, 11, 24, 8, tzinfo=UTC)


@cache
def lines(begin: datetime = BEGIN) -> tuple[str, ...]:
    """Mail of two people from elsewhere and between themselves; every second message has two recipients."""
    numbers, found = random.Random(3), []
    for number in range(MESSAGES):
        at = begin + timedelta(seconds=PERIOD_S * number / MESSAGES + 20 * numbers.random())
        name = f"{at.microsecond:05X}{0x10000 + number:05X}"
        sender = numbers.choice(["zoe@elsewhere.example", "anna@corp.example"])
        to = ["anna@corp.example", "bert@corp.example"][: 1 + number % 2]
        texts = [
            (0.0, "smtpd[9]: connect from mx.elsewhere.example[203.0.113.9]"),
            (0.0, f"smtpd[9]: {name}: client=mx.elsewhere.example[203.0.113.9]"),
            (0.0, f"cleanup[8]: {name}: message-id=<{number}@elsewhere.example>"),
            (0.1, f"qmgr[7]: {name}: from=<{sender}>, size={2000 + number}, nrcpt={len(to)} (queue active)"),
            (0.1, "smtpd[9]: disconnect from mx.elsewhere.example[203.0.113.9] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5"),
            *(
                (0.2, f"virtual[6]: {name}: to=<{each}>, relay=virtual, delay=0.2, delays=0.1/0/0/0.1, dsn=2.0.0, status=sent (to maildir)")
                for each in to
            ),
            (0.2, f"qmgr[7]: {name}: removed"),
        ]  # fmt: skip
        for after_s, text in texts:
            stamp = at + timedelta(seconds=after_s)
            found.append(f"{stamp:%b} {stamp.day:2d} {stamp:%H:%M:%S} hub postfix/{text}\n")
    return tuple(found)


def fitted(folder: Path, text: str) -> Fit:
    (folder / "mail.log").write_text(text, encoding="utf-8")
    return fit([folder / "mail.log"], year=2026, domain="corp.example")


def test_the_whole_log_is_counted(tmp_path: Path) -> None:
    found = fitted(tmp_path, "".join(lines()))

    assert found.complete.counts_hold
    assert found.figure("messages").value == MESSAGES
    assert found.figure("recipients").value == 1.5 * MESSAGES


def test_the_scenario_says_that_a_replay_adds_to_its_rates(tmp_path: Path) -> None:
    """Both are the log's mail: who replays it over the fitted rates has it twice."""
    assert "replay.parquet has the same mail, and would add to it" in fitted(tmp_path, "".join(lines())).scenario_text


def test_mail_without_a_message_id_lacks_no_line(tmp_path: Path) -> None:
    """Postfix writes ``message-id=<>`` for it: every third message is so, and nothing is missing."""
    kept = [
        line.partition("<")[0] + "<>\n" if "message-id=" in line and n % 3 == 0 else line
        for n, line in enumerate(lines())
    ]
    found = fitted(tmp_path, "".join(kept))

    assert sum("message-id=<>" in line for line in kept) > 100
    assert found.complete.lost_share == 0
    assert found.figure("messages").value == MESSAGES


def test_lines_of_a_second_may_come_in_any_order_of_programs(tmp_path: Path) -> None:
    """A collector sorts lines by their text: that mail was removed from the queue comes before its deliveries and its client."""
    found = fitted(tmp_path, "".join(sorted(lines(), key=lambda line: (line[:15], line))))
    whole = fitted(tmp_path, "".join(lines()))

    assert found.complete.lost_share == 0
    for name in ("messages", "recipients", "messages handed in", "onprem (hub), a: receipt and scan, mean"):
        assert found.figure(name) == whole.figure(name)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_the_share_of_missing_lines_is_told(tmp_path: Path, share: float) -> None:
    """Lines are missing at random. A quiet server is silent for most of the time: that is not what is missing."""
    numbers = random.Random(5)
    found = fitted(tmp_path, "".join(line for line in lines() if numbers.random() >= share))
    messages = found.figure("messages")

    assert found.complete.lost_share == pytest.approx(share, abs=0.04)
    assert isnan(messages.value)
    assert messages.low <= MESSAGES <= messages.high
    assert f"lacks about {100 * found.complete.lost_share:.0f} % of its lines or more" in messages.remark


def test_the_missing_lines_of_one_program_are_noticed(tmp_path: Path) -> None:
    """What removed mail from the queue without delivering it to all its recipients is no Postfix: those lines are missing."""
    found = fitted(tmp_path, "".join(line for line in lines() if "to=<bert" not in line))

    assert not found.complete.counts_hold
    assert isnan(found.figure("messages").value)


def test_damaged_lines_are_missing_lines(tmp_path: Path) -> None:
    """The second half cannot be read, as of a 29th of February in a year without one: nothing is said of how much mail it held."""
    half = len(lines()) // 2
    found = fitted(tmp_path, "".join(line if n < half else f"Feb 29{line[6:]}" for n, line in enumerate(lines())))
    messages = found.figure("messages")

    assert found.complete.lost_share == pytest.approx(0.5, abs=0.01)
    assert isnan(messages.value)
    assert messages.low <= MESSAGES < messages.high == inf


def test_a_line_that_is_late_at_new_year_is_of_the_old_year(tmp_path: Path) -> None:
    """Its month is December, after a line of January: no year lies in between."""
    year = list(lines(datetime(2026, 12, 31, 20, tzinfo=UTC)))
    first = next(n for n, line in enumerate(year) if line.startswith("Jan"))
    year[first - 2 : first + 1] = [year[first], *year[first - 2 : first]]
    found = fitted(tmp_path, "".join(year))
    rate = found.figure("messages handed in")

    assert rate.low <= MESSAGES / PERIOD_S <= rate.high
    assert found.figure("messages").value == MESSAGES


def test_one_message_with_a_damaged_line_has_no_rate(tmp_path: Path) -> None:
    """A message begins and ends in no time: its line that cannot be read makes counts bounds, and there is nothing to divide by."""
    found = fitted(tmp_path, "".join(lines()[:8]).replace("removed", "removed\n\0postfix/", 1))

    assert found.told[0].damaged == 1
    assert isnan(found.figure("messages handed in").value)


@pytest.mark.parametrize(("moved_s", "said"), [(-3600, True), (3600, False), (0, False)])
def test_a_clock_that_is_put_back_is_told(tmp_path: Path, moved_s: int, said: bool) -> None:
    """At the end of summer time syslog's hour comes twice; that it is put on cannot be told from a quiet hour."""
    half = len(lines()) // 2
    later = lines(BEGIN + timedelta(seconds=moved_s))
    found = fitted(tmp_path, "".join([*lines()[:half], *later[half:]]))

    assert any("its time goes back by 59" in remark for remark in found.told[0].remarks) == said
    assert found.figure("messages").value == MESSAGES
