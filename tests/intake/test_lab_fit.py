"""Fit recovers what was really sent through five Postfix servers."""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest

from coexsim.intake.logs.journeys import DELIVERED
from tests.intake.log_lab import LAB, lab_fit, truth


def test_messages_recipients_and_notices_are_counted_exactly() -> None:
    """As in truth.json. The log cannot name the recipients of two messages that were refused at MAIL: one each is the least."""
    assert lab_fit().figure("messages").value == truth()["messages"] == 2000
    recipients = lab_fit().figure("recipients")
    assert recipients.value == recipients.low == truth()["recipients"] == 2860
    assert recipients.remark.startswith("2 messages were refused before their recipients were named")


def test_flow_matrix_is_the_truth() -> None:
    """Every cell of truth.json's matrix, but for the two recipients that stand in no log (refused at MAIL)."""
    ours = {"onprem": "onprem", "hosted": "hosted", "external": "internet"}
    kinds = {
        "external": "internet",
        "external_third": "internet",
        "invalid_user": "unknown",
        "invalid_domain": "unknown domain",
        "hosted_unsynced": "unknown at hosted",
    }
    wanted: Counter[tuple[str, str]] = Counter()
    for cell, n in truth()["recipients_by_sender_kind>recipient_kind"].items():
        sender, _, to = cell.partition(">")
        wanted[ours[sender], kinds.get(to, to)] += n
    flows = lab_fit().flows
    found: Counter[tuple[str, str]] = Counter()
    for sender, to, n in zip(*(flows[c].tolist() for c in ("sender", "recipient", "recipients")), strict=True):
        found[sender, to] += n

    assert wanted - found == {("onprem", "hosted"): 2}
    assert not found - wanted


def test_every_mailbox_holds_what_its_copies_say() -> None:
    """mailboxes.csv, counted on the servers' disks at the end, notices included: 3,096 messages in 178 mailboxes."""
    found = lab_fit().journeys
    book = found.joined.book
    hosts = {"external": "mail.otherdomain.com", "third": "mail.thirddomain.com"}
    copies = found.copies[found.copies["outcome"] == DELIVERED]
    counted: Counter[tuple[int, str]] = Counter()
    for server, to in zip(copies["server"].tolist(), copies["to"].tolist(), strict=True):
        counted[server, book.addresses[to].partition("@")[0]] += 1
    named = {name: server for server, names in found.joined.hosts.items() for name in names}
    on_disk: Counter[tuple[int, str]] = Counter()
    with (LAB / "mailboxes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            host = {"onprem": "domino.corporate.com", "inbound": "inbound.inotes.test"} | hosts
            on_disk[named[host[row["host"]]], row["mailbox"]] = int(row["messages"])

    assert sum(on_disk.values()) == 3096
    assert counted == on_disk


def test_sizes_are_the_truth_within_one_percent() -> None:
    """Quantiles of truth.json; the line that the first server puts on top is taken off again."""
    sizes = lab_fit().sizes
    assert sizes is not None
    for p in (50, 95, 99):
        assert np.quantile(sizes.sizes, p / 100) == pytest.approx(truth()["size_bytes"][f"p{p}"], rel=0.01)


def test_rates_are_the_truth_within_three_percent() -> None:
    """Messages by side over the time from the first to the last, from truth.json."""
    length_s = truth()["last_submission_epoch"] - truth()["first_submission_epoch"]
    for theirs, ours in (("onprem", "onprem"), ("hosted", "hosted"), ("external", "internet")):
        rate = truth()["messages_by_sender_kind"][theirs] / length_s
        assert lab_fit().figure(f"messages handed in, {ours}").value == pytest.approx(rate, rel=0.03)


def test_two_servers_of_one_host_name_are_told_apart() -> None:
    """Servers external and third both call themselves ``mail`` in their logs."""
    joined = lab_fit().journeys.joined
    assert "mail.thirddomain.com" in joined.hosts[joined.server_at("10.55.0.50")]
    assert joined.server_at("x[10.55.0.40]") != joined.server_at("x[10.55.0.50]")
    assert joined.clocks == {}


def test_no_person_stands_in_what_is_written(tmp_path: object) -> None:
    """People are replaced by sides: no address of the log is in the scenario, the figures or the replay table."""
    found = lab_fit()
    people = {text for text in found.journeys.joined.book.addresses.texts if "@" in text}
    text = found.scenario_text + str(found.to_data()) + found.replay.table.to_csv()

    assert len(people) > 170
    assert [person for person in people if person in text] == []
