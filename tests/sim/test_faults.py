"""What fails, what waits and what is turned away, worked out by hand in the small world."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.sim.small import DOMINO, IN, SMALL, THROUGH, Small, ends, event, into

DAY_S = 86400.0


# --- outages --------------------------------------------------------------------------------------------------------------


def test_a_server_that_is_down_is_tried_again(small: Small) -> None:
    """Postfix, 7 minutes: refused after a round trip, tried again at the next queue run after 300 s; new mail overtakes the old."""
    mails = [IN, (100.0, "internet", "onprem", 1000), (480.0, "internet", "onprem", 1000)]
    results = small.run(mails, event(at="0 s", **{"for": "7 min"}, down="onprem"))

    # 1 + 300 s rounded up to a multiple of 300 is 600; the second never tried while the server was marked dead (100 + 300 -> 600).
    assert ends(results) == [("delivered", 605.0, 2), ("delivered", 605.0, 1), ("delivered", 485.0, 1)]


def test_a_cut_link_is_waited_for(small: Small) -> None:
    """Nobody answers: 30 s of waiting, then the next attempt."""
    results = small.run([IN], event(at="0 s", **{"for": "7 min"}, down="office-internet"))

    assert ends(results) == [("delivered", 605.0, 2)]
    assert results.mail["wan_bytes"].tolist() == [1000]


def test_mail_goes_round_a_cut_link(small: Small) -> None:
    """With a second way over a third site that carries it, a message takes it: two links of 2 s, 5 round trips of 4 s."""
    links = [{"between": pair, "round_trip": f"{s} s"} for pair, s in
             ((["office", "internet"], 1), (["office", "hosted"], 2), (["hosted", "internet"], 2))]  # fmt: skip
    cut = event(at="0 s", **{"for": "7 min"}, down="office-internet")
    results = small.run([IN], {"links": links, "transit": ["hosted"]}, cut)

    assert ends(results) == [("delivered", 20.0, 1)]
    assert results.mail["wan_bytes"].tolist() == [2000]


def test_outages_at_random(small: Small) -> None:
    """A server that fails every 20 minutes for 2 on the mean: everything arrives in the end, some of it late, and differently by seed."""
    mails = [(10.0 * i, "internet", "onprem", 1000) for i in range(350)]
    runs = [small.run(mails, event(down="onprem", mtbf="20 min", mttr="2 min"), replication=i) for i in range(3)]

    for results in runs:
        assert (results.mail["outcome"] == "delivered").all()
        assert (results.mail["attempts"] > 1).sum() >= 3
    assert len({tuple(results.mail["delay_s"]) for results in runs}) == 3


def test_work_in_hand_stands_still_while_the_server_is_down(small: Small) -> None:
    """A scan of 10 s begun at 5 s, and an outage from 8 s to 68 s: done at 75 s."""
    results = small.run(
        [IN], into("onprem", service={"scan": "10 s"}), event(at="8 s", **{"for": "1 min"}, down="onprem")
    )

    assert ends(results) == [("delivered", 75.0, 1)]


def test_users_keep_their_mail_while_their_server_is_down(small: Small) -> None:
    """It is handed in when the server is up again, and is in no server's queue before."""
    results = small.run([(10.0, "onprem", "onprem", 1000)], event(at="5 s", **{"for": "10 min"}, down="onprem"))

    assert ends(results) == [("delivered", 605.0, 0)]
    queue = results.timeline[(results.timeline["stage"] == "queue") & (results.timeline["server"] == "onprem")]
    assert queue["backlog"].max() == 0


# --- crashes in the middle of a session -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "at_s", "delivered", "attempts"),
    [
        ("onprem", 3.0, [300.0], [2]),  # in the middle: the server has nothing, the client tries again
        ("onprem", 4.7, [64.7], [1]),  # the 250 is on its way already: the server goes on when it is up again
        ("external", 3.0, [65.0 + 3.0], [2]),  # the client goes on when it is up again, at 63 s
        ("external", 4.7, [5.0, 69.7], [1, 2]),  # the 250 comes to a client that is down: it sends again
        ("office-internet", 3.0, [300.0], [2]),
        ("office-internet", 4.7, [5.0, 300.0], [1, 2]),  # the 250 is lost with the link
    ],
)
def test_a_crash_during_a_session(
    small: Small, what: str, at_s: float, delivered: list[float], attempts: list[int]
) -> None:
    """Nothing is lost; the message is there twice just where the 250 (on its way from 4.5 s to 5 s) was lost, and that is counted."""
    results = small.run([IN], event(at=f"{at_s} s", **{"for": "1 min"}, down=what))

    expected = [("delivered", t + 305.0 if t == 300.0 else t, n) for t, n in zip(delivered, attempts, strict=True)]
    assert [(o, t, max(n, 1)) for o, t, n in ends(results)] == expected
    assert results.provenance["second_copies"] == len(delivered) - 1


# --- retry, warning, expiry -----------------------------------------------------------------------------------------------


def test_a_destination_waits_as_a_whole(small: Small) -> None:
    """Domino, two hours: tried at 0, 15 min, then after 30 min, then after an hour; who comes meanwhile does not try before that."""
    onprem = into("onprem", **DOMINO)
    mails = [(0.0, "onprem", "hosted", 1000), (60.0, "onprem", "hosted", 1000)]
    results = small.run(mails, onprem, event(at="0 s", **{"for": "100 min"}, down="inbound"))

    # Refused at 1 s; 901 + 1 s; 2702 + 1 s: the gap has doubled; 6303: the gap is an hour.
    assert ends(results) == [("delivered", 6308.0, 4), ("delivered", 6308.0, 3)]


def test_attempts_under_way_together_make_a_destination_no_deader(small: Small) -> None:
    """Nine threads find out at once that the destination is down; that is one failure of it, not nine."""
    mails = [(0.0, "onprem", "hosted", 1000)] * 9
    results = small.run(mails, into("onprem", **DOMINO), event(at="0 s", **{"for": "10 min"}, down="inbound"))

    assert ends(results) == [("delivered", 906.0, 2)] * 9


def test_warning_and_expiry(small: Small) -> None:
    """Exchange warns after 4 hours and gives up after 2 days; both notices go to the sender."""
    exchange = into(
        "onprem", kind="exchange", smart_host=None, accepted_domains={"corporate.com": "internal-relay"},
        send_connectors=[{"name": "to hosted", "address_spaces": "*", "smart_hosts": "[192.0.2.20]"}],
    )  # fmt: skip
    results = small.run([(0.0, "onprem", "hosted", 1000)], exchange, event(at="0 s", down="inbound"))

    assert ends(results)[0][:2] == ("expired", 2 * DAY_S)
    assert [outcome for outcome, _, _ in ends(results, "dsn") + ends(results, "delay")] == ["delivered", "delivered"]
    assert results.mail.set_index("kind").loc[["delay", "dsn"], "born_s"].tolist() == [4 * 3600.0, 2 * DAY_S]


@pytest.mark.parametrize(
    ("down", "warned_s", "expired_s"),
    [
        (("00:30", "1 h"), 5400.0, 18005.0),  # down when the warning is due
        (("04:00", "2 h"), 3605.0, 21600.0),  # down when the mail is to be given up
        (("00:30", "6 h"), None, 23400.0),  # down all the time: too late for a warning
    ],
)
def test_a_server_that_is_down_writes_no_notices(
    small: Small, down: tuple[str, str], warned_s: float | None, expired_s: float
) -> None:
    """Queued at 5 s, warned of after an hour and given up after five: by a server that is up, so when it is back at the latest."""
    retry = {"like": "sendmail", "first": "6 h", "warn_after": "1 h", "expire_after": "5 h"}
    outages = {
        "events": [
            {"at": "Mon 00:00", "down": "inbound"},
            {"at": f"Mon {down[0]}", "down": "onprem", "for": down[1]},
        ]
    }
    results = small.run([THROUGH], into("onprem", retry=retry), outages)
    notices = results.mail[results.mail["kind"] != "mail"]
    warned = [] if warned_s is None else [("delay", warned_s)]

    assert ends(results) == [("expired", expired_s, 2)]
    assert sorted(zip(notices["kind"], notices["born_s"], strict=True)) == [*warned, ("dsn", expired_s)]


def test_no_warning_of_mail_that_is_given_up(small: Small) -> None:
    """Tried a last time when its hour is over, at 9000 s, because its server was down: one notice, of the failure."""
    retry = {"like": "exchange-2007", "warn_after": "40 min", "expire_after": "1 h"}
    outages = {"events": [{"at": "Mon 00:00", "down": "inbound"}, {"at": "Mon 00:30", "down": "onprem", "for": "2 h"}]}
    results = small.run([THROUGH], into("onprem", retry=retry), outages)

    assert ends(results) == [("expired", 9001.0, 5)]
    assert set(results.mail["kind"]) == {"mail", "dsn"}


def test_a_warning_is_due_though_the_destination_waits_longer(small: Small) -> None:
    """Domino: the first message's failures put the destination off until 2707 s. The second, whose own gap would end at 2405 s, warns
    of itself at 2465 s all the same.
    """
    keys = into("onprem", **DOMINO, smart_host="[192.0.2.20]", delay_notification_after="16 min")
    mails = [THROUGH, (1500.0, "internet", "hosted", 1000)]
    results = small.run(mails, keys, event(at="Mon 00:00", down="inbound", **{"for": "2 h"}))
    notices = results.mail[results.mail["kind"] == "delay"]

    assert notices["born_s"].tolist() == [965.0, 2465.0]


def test_a_secondary_mx_takes_what_the_first_cannot(small: Small) -> None:
    """The client goes on to the second MX at once; that one keeps the mail and tries again by its own schedule."""
    zone = "@ 30d IN MX 10 mail\n@ 30d IN MX 20 backup\nmail 30d IN A 192.0.2.10\nbackup 30d IN A 192.0.2.30"
    backup = {"kind": "relay", "site": "hosted", "host": "backup.corporate.com", "smart_host": "[192.0.2.10]"}
    links = {"links": [*SMALL["links"], {"between": ["hosted", "internet"], "round_trip": "2 s"}]}
    names = {"name_servers": {"answer": "0 s", "site": "internet"}}
    results = small.run(
        [IN], {"dns": {"corporate.com": zone}}, links, names, into("backup", **backup), into("external", smart_host=None),
        event(at="0 s", **{"for": "7 min"}, down="onprem"),
    )  # fmt: skip

    # Refused after 1 s; 10 s with the backup; refused there at 12 s, and 312 s rounds up to the queue run at 600 s.
    assert ends(results) == [("delivered", 605.0, 3)]
    assert results.mail["hops"].tolist() == [2]


def test_greylisting_takes_the_second_attempt(small: Small) -> None:
    """450 at RCPT after 4 round trips, and taken at the next attempt, if that comes after the delay; then at once."""
    mails = [IN, (700.0, "internet", "onprem", 1000)]
    results = small.run(mails, into("onprem", greylisting={"delay": "5 min"}))

    assert ends(results) == [("delivered", 605.0, 2), ("delivered", 705.0, 1)]


def test_a_second_mx_gets_round_greylisting(small: Small) -> None:
    """Told 450 after 4 s, the client offers the recipients to the next MX in the same attempt; the second one takes them."""
    zone = "@ 30d IN MX 10 mail\n@ 30d IN MX 20 backup\nmail 30d IN A 192.0.2.10\nbackup 30d IN A 192.0.2.30"
    backup = {"kind": "relay", "site": "office", "host": "backup.corporate.com", "smart_host": "[192.0.2.10]"}
    results = small.run(
        [IN], {"dns": {"corporate.com": zone}, "name_servers": {"answer": "0 s", "site": "internet"}},
        into("backup", **backup), into("external", smart_host=None), into("onprem", greylisting={"delay": "5 min"}),
    )  # fmt: skip

    # 4 s with the first and 5 s with the second; that one is told "later" at 9 s, and comes again at the queue run at 600 s.
    assert ends(results) == [("delivered", 600.0, 3)]
    assert results.mail["hops"].tolist() == [2]


def test_only_those_told_to_come_later_go_to_the_second_mx(small: Small) -> None:
    """The greylist knows one of two recipients: that one goes on at once, the other by the second MX; both arrive, each once."""
    zone = "@ 30d IN MX 10 mail\n@ 30d IN MX 20 backup\nmail 30d IN A 192.0.2.10\nbackup 30d IN A 192.0.2.30"
    backup = {"kind": "relay", "site": "office", "host": "backup.corporate.com", "smart_host": "[192.0.2.10]"}
    people = {"directory": {"people": {name: {"mail_system": "notes"} for name in ("a", "b")}}}
    mails = [
        (0.0, "s@otherdomain.com", "a@corporate.com", 1000),
        (900.0, "s@otherdomain.com", "a@corporate.com;b@corporate.com", 1000),
    ]
    results = small.run(
        mails, people, {"dns": {"corporate.com": zone}, "name_servers": {"answer": "0 s", "site": "internet"}},
        into("backup", **backup), into("external", smart_host=None),
        into("onprem", greylisting={"delay": "5 min"}, kind="postfix"),
    )  # fmt: skip

    second = results.mail[results.mail["born_s"] == 900.0].sort_values("hops")
    assert second["outcome"].tolist() == ["delivered", "delivered"]
    assert second["hops"].tolist() == [1, 2]
    assert second["delay_s"].tolist()[0] == 5.0


# --- a directory that lags ------------------------------------------------------------------------------------------------


# --- limits ---------------------------------------------------------------------------------------------------------------


def test_a_full_queue_disk_says_452(small: Small) -> None:
    """10 KB of disk, 6 KB of it taken by a message in a long scan: the second is told 452 and comes again."""
    limited = into("onprem", service={"scan": "100 s"}, capacity={"queue_disk": "10 KB"})
    results = small.run([(0.0, "internet", "onprem", 6000), (10.0, "internet", "onprem", 6000)], limited)

    assert ends(results) == [("delivered", 105.0, 1), ("delivered", 705.0, 2)]  # 13 + 300 s rounds up to 600
    assert results.stages.query("server == 'onprem' and stage == 'connections'")["refused"].tolist() == [1]


def test_a_role_shares_the_disk_of_its_machine(small: Small) -> None:
    """Mail that the smart host on the same machine cannot send on fills the machine's disk."""
    shared = [
        into("onprem", capacity={"queue_disk": "10 KB"}), into("smart-host", kind="relay", runs_on="onprem"),
        event(at="0 s", **{"for": "7 min"}, down="inbound"),
    ]  # fmt: skip
    results = small.run([(0.0, "internet", "hosted", 6000), (20.0, "internet", "onprem", 6000)], *shared)

    # Both come again at 600 s: the first is gone at 605 s, which is too late for the second. It is 583 s old: 603 + 583 s -> 1200 s.
    assert ends(results) == [("delivered", 605.0, 3), ("delivered", 1205.0, 3)]


@pytest.mark.parametrize(
    ("when_full", "second"), [("refuse", ("delivered", 605.0, 2)), ("wait", ("delivered", 10.0, 1))]
)
def test_a_full_server_refuses_or_lets_wait(small: Small, when_full: str, second: tuple[str, float, int]) -> None:
    """One connection, two clients at once: 421 after two round trips and another try at 600 s, or its turn after 5 s."""
    results = small.run([IN, IN], into("onprem", capacity={"smtp_connections": 1, "when_full": when_full}))

    assert ends(results) == [("delivered", 5.0, 1), second]


@pytest.mark.parametrize(
    ("down", "for_s", "ends_s"),
    [
        ("onprem", 60, [605.0, 610.0, 615.0]),
        ("onprem", 1, [605.0, 610.0, 615.0]),
        ("office-internet", 60, [605.0, 610.0, 615.0]),
        ("external", 60, [68.0, 73.0, 78.0]),
        ("inbound", 60, [5.0, 10.0, 15.0]),
    ],
)
def test_who_waits_for_a_connection_is_cut_off_too(small: Small, down: str, for_s: int, ends_s: list[float]) -> None:
    """Down from 3 s on, while one client talks and two wait: all three lose their connection and come again, at 600 s, or when
    the client itself is back.
    """
    full = into("onprem", capacity={"smtp_connections": 1, "when_full": "wait"})
    results = small.run([IN] * 3, full, event(at="Mon 00:00:03", down=down, **{"for": f"{for_s} s"}))

    assert [end_s for _, end_s, _ in ends(results)] == ends_s


def test_the_internet_is_many_clients(small: Small) -> None:
    """Two senders take turns (`resolvers: 2`). A limit of one connection a client turns away the third message, which is the first
    sender's second; a kept connection, and a place on the greylist, are of one sender as well.
    """
    two = into("external", resolvers=2)
    limited = small.run([IN] * 3, two, into("onprem", capacity={"connections_per_client": 1}))
    mails = [(10.0 * i, *IN[1:]) for i in range(3)]
    kept = small.run(mails, two, into("external", smtp={"reuse": "5 min"}))
    grey = small.run([(1000.0 * i, *IN[1:]) for i in range(3)], two, into("onprem", greylisting={"delay": "5 min"}))

    assert sorted(attempts for _, _, attempts in ends(limited)) == [1, 1, 2]
    assert [end_s for _, end_s, _ in ends(kept)] == [5.0, 15.0, 23.0]
    assert [attempts for _, _, attempts in ends(grey)] == [2, 2, 1]


def test_exchange_slows_its_clients_down_when_its_queue_grows(small: Small) -> None:
    """At 20 of 30 messages (two thirds) the reply is delayed by 10 s; at 25, five of ten steps on, by 35 s [MS-BP]."""
    exchange = into(
        "onprem", kind="exchange", smart_host=None, accepted_domains={"corporate.com": "authoritative"},
        service={"scan": "1 h"}, capacity={"cores": 1, "queue_length": 30},
    )  # fmt: skip
    mails = [(10.0 * i, "onprem", "onprem", 1000) for i in range(20)] + [(300.0, "internet", "onprem", 1000)]
    mails += [(310.0 + i, "onprem", "onprem", 1000) for i in range(4)] + [(400.0, "internet", "onprem", 1000)]
    results = small.run(mails, exchange, {"run": {"drain": "3 d"}}, keep_visits=True)
    sessions = results.visits.query("server == 'onprem' and stage == 'connections'")

    assert (sessions["finished_s"] - sessions["started_s"]).tolist() == [15.0, 5.0 + 35.0]


@pytest.mark.parametrize(
    ("keys", "cap"),
    [
        (DOMINO | {"capacity": {"transfer_threads": 4}}, 2),
        ({"capacity": {"transfer_threads": 100}, "initial_destination_concurrency": 20}, 20),
        ({"capacity": {"transfer_threads": 100, "transfer_threads_per_destination": 3}}, 3),
        ({"capacity": {"transfer_threads": 3}}, 3),
    ],
)
def test_cap_of_sessions_to_one_destination(small: Small, keys: dict[str, Any], cap: int) -> None:
    """Domino half of its threads [D-TL], Postfix and Exchange 20, never more than there are: rounds of 5 s."""
    results = small.run([(0.0, "onprem", "hosted", 1000)] * 45, into("onprem", **keys))

    counts = pd.Series([t for _, t, _ in ends(results)]).value_counts().sort_index()
    assert counts.index.tolist() == [5.0 * (i + 1) for i in range(-(-45 // cap))]
    assert counts.iloc[:-1].tolist() == [cap] * (len(counts) - 1)


def test_postfix_opens_one_session_more_after_each_success(small: Small) -> None:
    """From 5 at first to 20 at most (SCHEDULER_README): rounds of 5, 10 and 20, then what is left."""
    results = small.run([(0.0, "onprem", "hosted", 1000)] * 45)

    assert pd.Series([t for _, t, _ in ends(results)]).value_counts().sort_index().to_dict() == {
        5.0: 5,
        10.0: 10,
        15.0: 20,
        20.0: 10,
    }
