"""Logs that hold the same mail: copies, files rotated while they were read, exports of times that overlap; a line counts once."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest

from coexsim.errors import UsageError
from coexsim.intake.fit import Fit, fit
from coexsim.intake.logs.read import read_logs
from coexsim.scenario.load import load_scenario
from tests.intake.test_sparse_log import MESSAGES, lines

TRACE = [
    "origin_timestamp_utc",
    "sender_address",
    "recipient_address",
    "recipient_status",
    "size",
    "message_id",
    "network_message_id",
]
TRACKING = [
    *("date-time", "client-hostname", "server-hostname", "source", "event-id", "internal-message-id", "message-id"),
    *("recipient-address", "recipient-count", "total-bytes", "sender-address"),
]


def of_files(folder: Path, *files: tuple[str, list[list[str]] | str]) -> Fit:
    paths = []
    for name, content in files:
        text = io.StringIO()
        if isinstance(content, str):
            text.write(content)
        else:
            csv.writer(text).writerows(content)
        paths.append(folder / name)
        data = text.getvalue().encode()
        paths[-1].write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return fit(paths, year=2026, domain="corp.example")


@pytest.mark.parametrize(
    ("to", "begin", "name"),
    [
        (1.0, 0.0, "mail.log.1.gz"),
        (1.0, 0.0, "copy.gz"),
        (0.7, 0.5, "mail.log.1"),
        (0.6, 0.599, "mail.log.1"),
        (1.0, 0.3, "other.log"),
    ],
    ids=["packed", "packed under another name", "rotated late", "a few lines", "under another name"],
)
def test_lines_of_two_postfix_files_are_read_once(tmp_path: Path, to: float, begin: float, name: str) -> None:
    """They were taken for two servers of one name, and each message for two."""
    text = lines()
    found = of_files(
        tmp_path,
        ("mail.log", "".join(text[: int(to * len(text))])),
        (name, "".join(text[int(begin * len(text)) :])),
    )

    assert found.figure("messages").value == MESSAGES
    assert found.complete.lost_share == 0
    assert any("stand in" in remark for told in found.told for remark in told.remarks)
    assert sum(told.used for told in found.told) == len(text)


def test_two_servers_of_one_name_stay_two(tmp_path: Path) -> None:
    """Their lines differ, though they were written at the same time."""
    other = "".join(lines()).replace("@elsewhere", "@nowhere").replace(": 0", ": F")
    found = of_files(tmp_path, ("mail.log", "".join(lines())), ("other.log", other))

    assert found.figure("messages").value == 2 * MESSAGES


def trace(number: int) -> list[str]:
    stamp = f"2026-11-{number // 24 + 1:02}T{number % 24:02}:00:00Z"
    sender, to = ("zoe@elsewhere.example", "anna@corp.example")[:: 1 if number % 2 else -1]
    return [stamp, sender, to, "Delivered", "5000", f"<{number}@x>", f"inside-{number}"]


def tracking(number: int) -> list[list[str]]:
    head = f"2026-11-23T{number // 60 + 8:02}:{number % 60:02}:"
    rest = [str(number), f"<{number}@x>", "anna@corp.example", "1", "5000", "zoe@elsewhere.example"]
    return [
        [f"{head}00.000Z", "mx.elsewhere.example", "EX1", "SMTP", "RECEIVE", *rest],
        [f"{head}01.000Z", "EX1", "EX1", "STOREDRIVER", "DELIVER", *rest],
    ]


@pytest.mark.parametrize("newest_first", [False, True])
def test_exports_that_overlap_count_each_row_once(tmp_path: Path, newest_first: bool) -> None:
    """Message traces of ten days each, made once a week; tracking logs of two searches. Whatever the order of their rows."""
    rows = [trace(number) for number in range(240)]
    tracked = [row for number in range(240) for row in tracking(number)]
    for head, all_rows, cuts in ((TRACE, rows, (150, 100)), (TRACKING, tracked, (301, 200))):
        first, second = all_rows[: cuts[0]], all_rows[cuts[1] :]
        if newest_first and head is TRACE:
            first, second = first[::-1], second[::-1]
        found = of_files(tmp_path, ("one.csv", [head, *first]), ("two.csv", [head, *second]))

        assert found.figure("messages").value == 240
        assert any("rows stand in another file too" in remark for told in found.told for remark in told.remarks)


def test_consoles_that_overlap_count_each_message_once(tmp_path: Path) -> None:
    """A Domino console log that was saved twice, the second time with more."""
    text = [
        f"[1A2B:0002-0C48] 24/11/2026 {17 + n // 60}:{n % 60:02}:00   Router: Message {0x100000 + 4 * n:08X} delivered to Ann Doe/Example "
        f"from bob@example.net OF4A3B2C1D:00112233 ON80257A12:{n:08X} Size: 48K Time: 00:00:02\n"
        for n in range(120)
    ]
    (tmp_path / "console1.log").write_text("".join(text[:80]), encoding="utf-8")
    (tmp_path / "console2.log").write_text("".join(text[:120]), encoding="utf-8")
    book = read_logs([tmp_path / "console1.log", tmp_path / "console2.log"])

    assert [told.used for told in book.told] == [80, 40]
    assert "80 of its rows stand in another file too: read once" in book.told[1].remarks
    assert len(book.servers) == 1


def test_a_message_whose_state_changed_between_two_exports_is_one(tmp_path: Path) -> None:
    """It was pending in the first and is delivered in the second."""
    rows = [trace(number) for number in range(60)]
    pending = [*rows[40][:3], "Pending", *rows[40][4:]]
    found = of_files(tmp_path, ("one.csv", [TRACE, *rows[:40], pending]), ("two.csv", [TRACE, *rows[40:]]))

    assert found.figure("messages").value == 60


@pytest.mark.parametrize("relay", ["-bad.corp.example", "<b>.corp.example"])
def test_a_server_whose_name_is_no_host_name_can_be_written(tmp_path: Path, relay: str) -> None:
    """What a reverse zone says, and what syslog calls its host: the scenario is loaded again, with another name."""
    text = (
        "".join(lines())
        .replace("relay=virtual", f"relay={relay}[192.0.2.7]:25")
        .replace(" hub ", " hub.corp.example. ")
    )
    found = of_files(tmp_path, ("mail.log", text))
    (tmp_path / "fitted.yaml").write_text(found.scenario_text, encoding="utf-8")
    hosts = {server.host for server in load_scenario(tmp_path / "fitted.yaml").servers.values()}

    assert "hub.corp.example" in hosts
    assert relay not in hosts


@pytest.mark.parametrize(
    ("text", "help_"),
    [
        ('{"SYSLOG_IDENTIFIER":"postfix/smtpd","MESSAGE":"connect from a[192.0.2.1]"}\n', "journalctl -o short-iso"),
        (
            "<22>1 2026-11-23T08:01:00+01:00 hub postfix/smtpd 29 - - connect from a[192.0.2.1]\n",
            "nothing before the time",
        ),
        ("#TYPE Event\n" + ";".join(TRACKING) + "\n", "export it with ','"),
    ],
)
def test_a_file_that_is_nearly_a_log_says_what_would_be(tmp_path: Path, text: str, help_: str) -> None:
    (tmp_path / "mail.log").write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match=help_):
        read_logs([tmp_path / "mail.log"])


def test_a_journal_is_read_as_the_error_says(tmp_path: Path) -> None:
    """``journalctl -o short-iso`` writes the zone without a colon."""
    (tmp_path / "mail.log").write_text(
        "2026-11-23T08:00:24+0100 hub postfix/smtpd[9]: connect from mx.elsewhere.example[203.0.113.9]\n",
        encoding="utf-8",
    )

    assert read_logs([tmp_path / "mail.log"]).told[0].used == 1
