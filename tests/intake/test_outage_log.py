"""The log of five real Postfix servers with an outage of one of them: ``postfix-outage/README.txt`` says how it was made."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coexsim.intake.fit import Fit, fit
from coexsim.intake.logs.journeys import DELIVERED
from coexsim.intake.validate import validate
from tests.intake.log_lab import LAB

FOLDER = LAB.parent / "postfix-outage"
LOGS = sorted(FOLDER.glob("*.log.gz"))
HOSTS = {
    "onprem": "domino.corporate.com", "inbound": "inbound.inotes.test", "external": "mail.otherdomain.com",
    "third": "mail.thirddomain.com",
}  # fmt: skip


@cache
def truth() -> dict[str, Any]:
    """What was sent."""
    found: dict[str, Any] = json.loads((FOLDER / "truth.json").read_text(encoding="utf-8"))
    return found


@cache
def outage_fit() -> Fit:
    """The fit of all five logs."""
    return fit(LOGS)


def holds_the_truth(found: Fit) -> None:
    """Messages, recipients, the flow matrix and every mailbox exactly; one message that was refused at MAIL names nobody."""
    assert found.figure("messages").value == truth()["messages"] == 1216
    assert found.figure("recipients").value == truth()["recipients"] - 1 == 1737
    ours = {"external": "internet"}
    kinds = ours | {"external_third": "internet", "invalid_user": "unknown", "invalid_domain": "unknown domain",
                    "hosted_unsynced": "unknown at hosted"}  # fmt: skip
    wanted: Counter[tuple[str, str]] = Counter()
    for cell, n in truth()["recipients_by_sender_kind>recipient_kind"].items():
        sender, _, to = cell.partition(">")
        wanted[ours.get(sender, sender), kinds.get(to, to)] += n
    flows: Counter[tuple[str, str]] = Counter()
    for sender, to, n in zip(
        *(found.flows[name].tolist() for name in ("sender", "recipient", "recipients")), strict=True
    ):
        flows[sender, to] += n
    assert wanted - flows == {("onprem", "internet"): 1, ("onprem", "hosted"): 1}
    assert not flows - wanted
    assert mailboxes(found) == on_disk(found)


def mailboxes(found: Fit) -> Counter[tuple[int, str]]:
    """Copies put into mailboxes, by server and name."""
    copies, book = found.journeys.copies, found.journeys.joined.book
    done = copies[copies["outcome"] == DELIVERED]
    return Counter(
        (server, book.addresses[to].partition("@")[0])
        for server, to in zip(done["server"].tolist(), done["to"].tolist(), strict=True)
    )


def on_disk(found: Fit) -> Counter[tuple[int, str]]:
    """What mailboxes.csv counted at the end."""
    named = {name: server for server, names in found.journeys.joined.hosts.items() for name in names}
    with (FOLDER / "mailboxes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return Counter({(named[HOSTS[row["host"]]], row["mailbox"]): int(row["messages"]) for row in rows})


def test_a_day_with_an_outage_is_counted_exactly() -> None:
    """Deferred mail is counted once, whenever it came; sizes within 2 % at p50 and p95 of 1,216, rates within 3 %."""
    found = outage_fit()
    holds_the_truth(found)

    assert found.sizes is not None
    for p in (50, 95, 99):
        assert np.quantile(found.sizes.sizes, p / 100) == pytest.approx(truth()["size_bytes"][f"p{p}"], rel=0.02)
    length_s = truth()["last_submission_epoch"] - truth()["first_submission_epoch"]
    for theirs, ours in (("onprem", "onprem"), ("hosted", "hosted"), ("external", "internet")):
        rate = truth()["messages_by_sender_kind"][theirs] / length_s
        assert found.figure(f"messages handed in, {ours}").value == pytest.approx(rate, rel=0.03)


def test_the_outage_and_the_retries_are_found() -> None:
    """When it was down, to the second of the log's stamps; Postfix's queue run and shortest gap; no clock is called wrong for it."""
    found = outage_fit()
    [outage] = found.outages
    [down] = truth()["events"]

    assert outage.host == "hosted-inbound"
    assert outage.from_s == pytest.approx(down["from_epoch"], abs=1.0)
    assert outage.to_s == pytest.approx(down["to_epoch"], abs=1.0)
    assert found.clock_remarks == []
    assert "queue_run_delay: 10 s\n" in found.scenario_text
    [shortest] = re.findall(r"minimal_backoff_time: (\d+) s\n", found.scenario_text)
    assert int(shortest) == pytest.approx(10, abs=1)


def test_what_waited_is_predicted(tmp_path: Path) -> None:
    """p95 of the three flows into the outage within 10 % (80 s), attempts and what became of the copies too."""
    folder = outage_fit().save(tmp_path)
    found = validate(folder / "fitted.yaml", LOGS, replications=1)
    by_name = {c.name: c for c in found.comparisons}

    for flow in ("hosted->hosted", "internet->hosted", "onprem->hosted"):
        assert by_name[f"p95 {flow}"].verdict == "met"
        assert by_name[f"p95 {flow}"].measured == pytest.approx(80, rel=0.02)
    for name in ("copies delivered", "copies bounced or refused", "attempts between servers for each delivered copy"):
        assert by_name[name].verdict == "met"
    assert all(c.remark for c in found.comparisons if c.topic == "delay" and c.verdict == "missed")


def stamp_of(line: str) -> datetime:
    """The time of a line of the logs."""
    return datetime.strptime(f"2026 {line[:15]} +0000", "%Y %b %d %H:%M:%S %z")


def changed_logs(folder: Path) -> list[Path]:
    """The logs with New Year in their middle, two clocks that are wrong, one with RFC 3339 stamps, each in three files, one packed."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    with gzip.open(FOLDER / "onprem.log.gz", "rt") as file:
        lines = file.read().splitlines()
    at = [stamp_of(line) for line in lines]
    new_year = begin.replace(year=2027) - at[len(at) // 2]
    files = []
    for log in LOGS:
        name = log.name.partition(".")[0]
        wrong = timedelta(seconds={"inbound": 37, "external": -4}.get(name, 0))
        changed = []
        with gzip.open(log, "rt") as file:
            for line in file:
                when = stamp_of(line) + new_year + wrong
                stamp = when.isoformat() if name == "third" else f"{when:%b} {when.day:2} {when:%H:%M:%S}"
                changed.append(f"{stamp} {line[16:]}")
        third = len(changed) // 3
        for number, part in enumerate((changed[2 * third :], changed[third : 2 * third], changed[:third])):
            path = folder / f"{name}.log.{number}{'.gz' if number == 2 else ''}"
            text = "".join(part).encode()
            path.write_bytes(gzip.compress(text) if number == 2 else text)
            files.append(path)
    return files


def test_rotated_files_over_new_year_with_wrong_clocks(tmp_path: Path) -> None:
    """The same truth; one log says the year, so the others do; both wrong clocks are found and the outage is on the right one."""
    found = fit(changed_logs(tmp_path))
    holds_the_truth(found)

    clocks = {found.names[server]: clock.ahead_s for server, clock in found.parts.clocks.items()}
    assert clocks == {"hosted-inbound": pytest.approx(37, abs=0.3), "external": pytest.approx(-4, abs=0.3)}
    assert all(clock.drift == 0 for clock in found.parts.clocks.values())
    [outage] = found.outages
    assert outage.to_s - outage.from_s == pytest.approx(77, abs=2)
    assert datetime.fromtimestamp(found.period_s[0], UTC).year in (2026, 2027)
    assert found.period_s[1] - found.period_s[0] == pytest.approx(200, abs=2)
