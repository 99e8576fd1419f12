"""What SMTP sessions take and carry, worked out by hand in the small world."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sim.small import IN, THROUGH, Small, ends, event, into, linked


@pytest.mark.parametrize("round_trip_ms", [20, 50, 100])
@pytest.mark.parametrize(
    ("smtp", "recipients", "size", "trips"),
    [
        ({}, 1, 4_096, 5),
        ({}, 20, 4_096, 5),
        ({"tls": True}, 1, 4_096, 9),
        ({"pipelining": False}, 1, 4_096, 7),
        ({"pipelining": False}, 20, 4_096, 26),
        ({}, 1, 75_000, 5 + 2),  # measured: +2.4
        ({}, 1, 1_000_000, 5 + 6),  # measured: +6
    ],
)
def test_round_trips_of_a_session(
    small: Small, round_trip_ms: int, smtp: dict[str, Any], recipients: int, size: int, trips: int
) -> None:
    """As measured with Postfix 3.7.11 at 20, 50 and 100 ms: 5 clear, 9 with TLS, n + 6 without PIPELINING, and slow start."""
    links = linked(round_trip=f"{round_trip_ms} ms")
    everybody = {"directory": {"population": {"onprem": 40, "hosted": 5}}}
    people = " ".join(f"dUser{i}@corporate.com" for i in range(recipients))
    named: dict[str, Any] = {"directory": {"people": {f"dUser{i}": {} for i in range(recipients)}}}
    results = small.run([(0.0, "internet", people, size)], links, everybody, named, into("external", smtp=smtp))

    assert {round(delay_s, 9) for delay_s in results.mail["delay_s"]} == {round(trips * round_trip_ms / 1000, 9)}


def test_alike_recipients_are_as_many_commands_as_others(small: Small) -> None:
    """Without PIPELINING n recipients cost n + 6 round trips, whether they have names or are so many mailboxes of a side."""
    results = small.run([(0.0, "internet", "onprem:20", 4_096)], into("external", smtp={"pipelining": False}))

    assert ends(results) == [("delivered", 26.0, 1)]


def test_a_mailing_goes_on_fifty_recipients_at_a_time(small: Small) -> None:
    """Postfix offers 50 recipients in a transaction (smtp_destination_recipient_limit): 120 alike ones and one more take three."""
    many = {"directory": {"people": {"iUser1": {"mail_system": "other-internet-mail"}}, "population": {"hosted": 200}}}
    to = "hosted:120 iUser1@corporate.com"
    results = small.run([(0.0, "internet", to, 4_096)], many, into("onprem", capacity={"transfer_threads": 1}))

    assert ends(results) == [("delivered", 10.0, 2), ("delivered", 15.0, 2), ("delivered", 20.0, 2)]
    assert sorted(results.mail["recipients"]) == [21, 50, 50]


def test_a_kept_connection_takes_three_round_trips(small: Small) -> None:
    """The second message within 4 s uses the first one's connection: 1 for its liveness check, 2 for envelope and body."""
    mails = [(at_s, "internet", "onprem", 4_096) for at_s in (0.0, 7.0, 20.0)]
    results = small.run(mails, into("external", smtp={"reuse": "4 s"}))

    assert ends(results) == [("delivered", 5.0, 1), ("delivered", 10.0, 1), ("delivered", 25.0, 1)]


@pytest.mark.parametrize(("down", "trips"), [("onprem", 5), ("external", 5), ("inbound", 3), ("office-internet", 3)])
def test_a_crash_closes_kept_connections(small: Small, down: str, trips: int) -> None:
    """Either end forgets its connections when it goes down; an idle one outlives a cut link, and what goes on elsewhere."""
    mails = [(at_s, "internet", "onprem", 4_096) for at_s in (0.0, 100.0)]
    outage = event(at="Mon 00:00:20", down=down, **{"for": "30 s"})
    results = small.run(mails, outage, into("external", smtp={"reuse": "5 min"}))

    assert ends(results) == [("delivered", 5.0, 1), ("delivered", 100.0 + trips, 1)]


def test_body_and_accept_work_lengthen_the_session(small: Small) -> None:
    """1 MB over 8 Mbit/s takes 1 s, twice as long where two share the link; the server takes another 2 s a message."""
    link = linked(round_trip="1 s", bandwidth="8 Mbit/s")
    mails = [(0.0, "internet", "onprem", 1_000_000)]
    accept = into("onprem", service={"accept": "2 s"})

    assert ends(small.run(mails, link, accept)) == [("delivered", 5 + 6 + 2 + 1.0, 1)]
    assert ends(small.run(mails * 2, link, accept)) == [("delivered", 5 + 6 + 2 + 2.0, 1)] * 2


def test_bytes_between_sites_are_counted_once(small: Small) -> None:
    """What all mail together put on links is what crossed them: a transfer for several recipients, groups' members too, is one.

    Two transactions for onprem and hosted recipients of one message; a group of four, one of them outside; a message whose 250 is
    lost (from 1004.5 s to 1005 s), so that it crosses twice and is there twice.
    """
    people = {
        "dUser1": {"mail_file": "onprem"},
        "dUser2": {"mail_file": "onprem"},
        "iUser1": {"mail_system": "other-internet-mail"},
    }
    groups = {"directory": {"people": people, "groups": {"all": ["dUser1", "dUser2", "iUser1", "out@otherdomain.com"]}}}
    mails = [
        (0.0, "internet", "onprem:1 hosted:2", 6000),
        (100.0, "internet", "all@corporate.com", 8000),
        (1000.0, *THROUGH[1:]),
    ]
    cut = event(at="1004.7 s", down="external", **{"for": "2 min"})
    results = small.run(mails, groups, cut)
    mail = results.mail[results.mail["kind"] == "mail"]
    crossed = results.timeline[results.timeline["stage"] == "link"]["queued_bytes"].sum()
    by_mail = mail.groupby("mail")["wan_bytes"].sum().tolist()

    assert results.provenance["second_copies"] == 1
    assert by_mail == [6000 * 2, 8000 * 3, 1000 * 4]
    assert results.mail["wan_bytes"].sum() == crossed
    assert mail[mail["mail"] == 0].set_index("flow")["wan_bytes"].to_dict() == {
        "internet->onprem": 2000,
        "internet->hosted": 4000 + 6000,
    }


def test_tables_say_what_is_in_the_window(small: Small) -> None:
    """Two minutes and a half, the second message measured: its session from 60 s to 65 s (one transfer over the link), its scan from
    65 s to 75 s, and 5 of the 10 s from 55 s for which the first one was scanned.
    """
    window = {"run": {"length": "150 s", "measure": "60 s - 85 s"}}
    cores = into("onprem", service={"scan": "10 s"}, capacity={"cores": 1})
    results = small.run([(50.0, *IN[1:]), (60.0, *IN[1:])], window, cores)
    link = results.timeline[results.timeline["server"] == "internet to office"]

    def visits_and_busy(server: str, stage: str) -> list[float]:
        row = results.stages[(results.stages["server"] == server) & (results.stages["stage"] == stage)]
        return [*row["visits"], *row["mean_busy"]]

    assert visits_and_busy("onprem", "connections") == [1, 5 / 25]
    assert visits_and_busy("onprem", "cores") == [1, (5 + 10) / 25]
    assert visits_and_busy("internet to office", "link") == [1, 0]
    assert link["arrivals"].tolist() == [1, 1, 0]
    assert link["queued_bytes"].tolist() == [1000, 1000, 0]
