"""Rules of the simulation that a tired hand breaks without a sound: what is forgotten after a success, at the next server, with time."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest

from coexsim.mail.message import Reply
from coexsim.mail.products.registry import SCHEDULES
from coexsim.sim.binned import Bins
from coexsim.sim.destination import Destination
from coexsim.sim.draining import FEW_DEFERRALS, MANY_DEFERRALS, Drain
from coexsim.sim.formulas import link_left_s, session_round_trips, window_after_failure, window_after_success
from coexsim.sim.stage_counts import LogHistogram
from coexsim.sim.stage_log import StageLog
from coexsim.units import Moment
from tests.sim.small import IN, THROUGH, Small, ends, event, into, linked

DOWN = Reply(421, "4.4.2", "down")
TWO_MX = "@ 30d IN MX 10 mail\n@ 30d IN MX 20 backup\nmail 30d IN A 192.0.2.10\nbackup 30d IN A 192.0.2.30"
BACKUP: dict[str, Any] = into(
    "backup", kind="relay", site="office", host="backup.corporate.com", smart_host="[192.0.2.10]"
)


def test_a_destination_that_answered_begins_anew() -> None:
    """Domino's gaps grow from 15 min with each failure in a row [D-TL]; after a success the first one is 15 min again."""
    destination, retry = Destination(), SCHEDULES["domino"]
    gaps = []
    for at_s in (0.0, 2000.0):
        destination.mark_dead(at_s, at_s + 1, DOWN, retry)
        gaps.append(destination.dead_until_s - (at_s + 1))
    destination.revive()
    assert destination.dead_until_s == 0
    destination.mark_dead(9000.0, 9001.0, DOWN, retry)

    assert gaps[0] == 900.0 < gaps[1]
    assert destination.dead_until_s == 9001.0 + 900.0


def test_what_began_before_the_last_failure_tells_nothing_new() -> None:
    """Attempts begun at 0 s and at 10 s fail at 11 s and at 12 s: the first counts, the second was under way; at 11 s sharp one counts."""
    destination, retry = Destination(), SCHEDULES["domino"]
    destination.mark_dead(0.0, 11.0, DOWN, retry)
    destination.mark_dead(10.0, 12.0, Reply(450, "4.2.0", "other"), retry)
    assert (destination.dead_until_s, destination.reply) == (911.0, DOWN)
    destination.mark_dead(11.0, 1000.0, DOWN, retry)
    assert destination.dead_until_s > 1000.0 + 900.0


def test_a_queue_holds_as_many_messages_as_it_is_long(small: Small) -> None:
    """Two places: the third message is told to come later at 23 s (connect, banner, EHLO: 3 s) and comes at the queue run at 600 s."""
    limited = into("onprem", service={"scan": "100 s"}, capacity={"queue_length": 2, "cores": 4})
    mails = [(10.0 * n, *IN[1:]) for n in range(3)]

    assert ends(small.run(mails, limited)) == [
        ("delivered", 105.0, 1),
        ("delivered", 115.0, 1),
        ("delivered", 705.0, 2),
    ]


def test_the_internet_s_senders_run_their_queues_one_after_another(small: Small) -> None:
    """Two senders with a run each 300 s: one at 0, 300, 600, the other half a period later. Both are due at 301 s: 600 s and 450 s."""
    results = small.run([IN, IN], into("external", resolvers=2), event(at="0 s", down="onprem", **{"for": "7 min"}))

    assert ends(results) == [("delivered", 605.0, 2), ("delivered", 455.0, 2)]


def test_each_server_on_the_way_warns_for_itself(small: Small) -> None:
    """The sender's own server warns half an hour after it took the mail (0 s), the next one an hour after it did (7207 s)."""
    plan = {"like": "sendmail", "first": "1 h", "expire_after": "2 d"}
    first = into("external", retry=plan | {"warn_after": "30 min"})
    second = into("onprem", retry=plan | {"warn_after": "1 h"})
    outages = {
        "events": [
            {"at": "Mon 00:00", "down": "onprem", "for": "90 min"},
            {"at": "Mon 00:00", "down": "inbound", "for": "6 h"},
        ]
    }
    results = small.run([THROUGH], first, second, outages)
    notices = results.mail[results.mail["kind"] == "delay"]

    # Refused after 1 s, an hour later again, and after another hour taken in a session of 5 s.
    taken_s = 1 + 3600 + 1 + 3600 + 5
    assert notices["born_s"].tolist() == [1800.0, taken_s + 3600.0]


def test_hosts_are_known_as_long_as_every_answer_is(small: Small) -> None:
    """MX good for 100 s, address for 60 s. At 70 s the address is asked for again and is good until 130 s, the MX until 100 s only: at
    110 s the MX is asked for again (RFC 1035 section 3.2.1: a TTL is of a record), the address comes from the cache.
    """
    zone = {"dns": {"corporate.com": "@ 100 IN MX 10 mail\nmail 60 IN A 192.0.2.10"}}
    mails = [(at_s, *IN[1:]) for at_s in (0.0, 70.0, 110.0)]
    results = small.run(mails, zone, into("external", smart_host=None))

    rows = results.dns[["type", "asked", "cached"]]
    assert list(rows.itertuples(index=False, name=None)) == [("MX", 2, 1), ("A", 2, 1)]


def test_who_is_turned_away_knows_after_two_round_trips(small: Small) -> None:
    """One connection at the first MX: the second client reads the 421 after 2 s, and is done with the backup MX after 5 s more."""
    results = small.run(
        [IN, IN], {"dns": {"corporate.com": TWO_MX}, "name_servers": {"answer": "0 s", "site": "internet"}}, BACKUP,
        into("external", smart_host=None), into("onprem", capacity={"smtp_connections": 1, "when_full": "refuse"}),
    )  # fmt: skip

    assert ends(results) == [("delivered", 5.0, 1), ("delivered", 7.0, 2)]


def test_a_rate_of_connections_turns_away_after_two_round_trips(small: Small) -> None:
    """One connection a minute for each client at the first MX: as with a full one."""
    results = small.run(
        [IN, IN], {"dns": {"corporate.com": TWO_MX}, "name_servers": {"answer": "0 s", "site": "internet"}}, BACKUP,
        into("external", smart_host=None), into("onprem", smtpd_client_connection_rate_limit=1),
    )  # fmt: skip

    assert ends(results) == [("delivered", 5.0, 1), ("delivered", 7.0, 2)]


@pytest.mark.parametrize(
    "limit", [{"smtpd_client_connection_rate_limit": 1}, {"capacity": {"smtp_connections": 1, "when_full": "refuse"}}]
)
def test_the_way_to_who_turns_away_counts(small: Small, limit: dict[str, Any]) -> None:
    """At 3 s a round trip the 421 is read after 6 s, and the session with the backup MX is 15 s long."""
    results = small.run(
        [IN, IN], {"dns": {"corporate.com": TWO_MX}, "name_servers": {"answer": "0 s", "site": "internet"}}, BACKUP,
        into("external", smart_host=None), into("onprem", **limit), linked(round_trip="3 s"),
    )  # fmt: skip

    assert ends(results) == [("delivered", 15.0, 1), ("delivered", 21.0, 2)]


def test_a_role_works_with_the_cores_of_its_machine(small: Small) -> None:
    """One core, 100 s of scan in either role. The first mail's second scan waits for the second mail's first one, from 105 s to 205 s."""
    role = into("gateway", kind="relay", runs_on="onprem", smart_host="[192.0.2.20]", service={"scan": "100 s"})
    machine = into("onprem", smart_host="gateway", service={"scan": "100 s"}, capacity={"cores": 1})
    ended = ends(small.run([THROUGH, THROUGH], machine, role))

    assert [time_s for _, time_s, _ in ended] == [205.0 + 100 + 5, 305.0 + 100 + 5]


@pytest.mark.parametrize("first", [0, 8 * 1024, 8 * 5000])
def test_streamed_mail_is_counted_once_whatever_its_number(first: int) -> None:
    """Twenty numbers eight apart, each told twice: of twenty mails."""
    bins = Bins((0.0, 60.0), 60.0)
    for number in range(first, first + 160, 8):
        for _ in range(2):
            bins.take(rows_of(mail=[number], born_s=[1.0]))

    assert bins.measured_mails == 20


def test_streamed_mail_is_kept_apart_by_the_sixtieth_in_which_it_was_born() -> None:
    """Of an hour's window: minutes 0, 0, 30 and 59, and what was born after it with the last."""
    bins = Bins((600.0, 4200.0), 9000.0)
    bins.take(rows_of(mail=[0, 1, 2, 3, 4], born_s=[600.0, 659.0, 2400.0, 4199.0, 5000.0]))

    assert sorted(bins.columns()["rows"]) == [1, 2, 2]


def rows_of(**columns: list[Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Rows of the table of mail as a run tells them, alike in all but these columns."""
    names = (
        "kind",
        "stream",
        "flow",
        "outcome",
        "code",
        "by",
        "hops",
        "attempts",
        "recipients",
        "size_bytes",
        "wan_bytes",
        "measured",
    )
    alike = dict.fromkeys((*names, "delay_s"), [1] * len(columns["mail"]))
    return {name: np.array(values, dtype=np.float64) for name, values in (alike | columns).items()}


@pytest.mark.parametrize(("limit", "windows"), [(100, [20, 21, 22]), (21, [20, 21, 21])])
def test_concurrency_grows_up_to_its_limit(limit: int, windows: list[int]) -> None:
    """At the limit feedback is not summed up for later."""
    found = [(20, 0.0, 0.0)]
    for _ in range(2):
        window, success, failure = found[-1]
        found.append(window_after_success(window, success, failure, window, 5, limit, 1.0))

    assert [window for window, _, _ in found] == windows
    assert window_after_success(21, 0.0, 0.0, 21, 5, 21, 0.4)[1] == 0.0


def test_a_failure_counts_from_the_half_of_it_on() -> None:
    """With a feedback of 0.29 a session is closed when what is left of the last one is less than 0.145 (qmgr_queue.c).

    From 0: -0.29 (closed: 0.71), 0.42, 0.13 (closed: 1.13), 0.84, 0.55, 0.26, -0.03 (closed).
    """
    state, windows = (20, 0.0, 0.0, 0.0), []
    for _ in range(7):
        state = window_after_failure(*state, 0.29, 0.0)
        windows.append(state[0])

    assert windows == [19, 19, 18, 18, 18, 18, 17]


@pytest.mark.parametrize(
    ("deferrals", "step_s"),
    [(FEW_DEFERRALS - 1, 120.0), (FEW_DEFERRALS, 60.0), (MANY_DEFERRALS, 60.0), (MANY_DEFERRALS + 1, 30.0)],
)
def test_a_run_that_goes_on_is_looked_at_by_what_fails_meanwhile(deferrals: int, step_s: float) -> None:
    """Fewer than 25,000 attempts in vain in a minute: a step twice as long comes next; more than 100,000: half as long."""
    drain = Drain(0.0, inf, Moment(0, 0.0))
    drain.look(deferrals, 0, 10)

    assert drain.next_s == 60.0 + step_s


def test_a_quantile_of_durations_lies_within_what_was_seen() -> None:
    """Of 1, 2 and 4 s, added in two parts, the largest is 4 s, half of them do not exceed 2 s, to 1 %; nothing below 1 s."""
    counts = LogHistogram()
    counts.add(np.array([4.0, 1.0]))
    counts.add(np.array([2.0]))

    assert counts.quantile(1.0) == pytest.approx(4.0, rel=0.01)
    assert counts.quantile(0.5) == pytest.approx(2.0, rel=0.01)
    assert 1.0 <= counts.quantile(0.0) <= 1.01
    assert counts.mean() == pytest.approx(7 / 3)


@pytest.mark.parametrize(("site", "asked_s"), [(None, 2.0), ("internet", 2.0), ("office", 0.0)])
def test_name_servers_are_where_the_internet_is_unless_said(small: Small, site: str | None, asked_s: float) -> None:
    """MX and address are asked one after the other, 1 s from the office to the Internet and 1 ms in the server; then 5 s of session."""
    zone = {"dns": {"otherdomain.com": "@ 30d IN MX 10 mx\nmx 30d IN A 192.0.2.99"}}
    names = {"name_servers": {"site": site}} if site else {}
    internet = into("external", address="192.0.2.99", host="mx.otherdomain.com")
    results = small.run([(0.0, "onprem", "internet", 1000)], zone, names, into("onprem", smart_host=None), internet)

    assert ends(results) == [("delivered", asked_s + 2 * 0.001 + 5.0, 1)]


@pytest.mark.parametrize(
    ("length", "outcomes"), [("107 s", ["in transit", "in transit"]), ("1 h", ["bounced", "in transit"])]
)
def test_who_was_refused_is_under_way_until_the_attempt_ends(small: Small, length: str, outcomes: list[str]) -> None:
    """The first MX has no room for Ann for an hour and refuses nobody@, both known at 104 s; then the second MX is tried until 109 s."""
    zone = "@ 30d IN MX 10 mail\n@ 30d IN MX 20 backup\nmail 30d IN A 192.0.2.20\nbackup 30d IN A 192.0.2.30"
    keys: dict[str, Any] = {
        "dns": {"corporate.com": zone}, "name_servers": {"answer": "0 s", "site": "internet"},
        "run": {"length": length, "drain": "0 s"}, "directory": {"people": {"ann": {"mail_file": "inbound"}}},
        "links": [{"between": [site, "internet"], "round_trip": "1 s"} for site in ("office", "hosted")],
    }  # fmt: skip
    mails = [
        (born_s, "s@otherdomain.com", to, 1000)
        for born_s, to in ((0.0, "ann@corporate.com"), (100.0, "ann@corporate.com;nobody@corporate.com"))
    ]
    results = small.run(
        mails, keys, into("backup", kind="relay", site="hosted", host="backup.corporate.com", smart_host="[192.0.2.20]"),
        into("external", smart_host=None), into("inbound", provider="google-workspace", limits={"mailbox_receives_per_hour": 1}),
    )  # fmt: skip
    mail = results.mail[(results.mail["kind"] == "mail") & (results.mail["born_s"] == 100.0)]

    assert sorted(mail["outcome"]) == outcomes


@pytest.mark.parametrize(("rest_bytes", "left_s"), [(0.5, 0.75), (2.0, 3.0), (0.0, 0.0), (-1e-9, 0.0)])
def test_a_rest_takes_its_time_however_small(rest_bytes: float, left_s: float) -> None:
    """Three transfers share 2 bytes/s; what rounding leaves below nothing takes none."""
    assert link_left_s(8.0 + rest_bytes, 8.0, 2.0, 3) == left_s


def test_of_mail_handed_in_together_a_named_message_is_first(small: Small) -> None:
    """One core, 100 s of scan: the message of the scenario's own, then the replayed one of the same moment."""
    named = {"directory": {"people": {"one": {"mail_file": "onprem"}}}, "messages": [{"from": "one", "to": "one"}]}
    mail = small.run(
        [(0.0, "onprem", "onprem", 1000)], named, into("onprem", capacity={"cores": 1}, service={"scan": "100 s"})
    ).mail

    assert dict(zip(mail["mail"], mail["delay_s"], strict=True)) == {-1: 100.0, 0: 200.0}


def test_a_service_tries_from_one_address_after_another(small: Small) -> None:
    """Three addresses, the first message from the first one on, the second (1 s later) from the second one on; five minutes of greylist.

    The first message's second attempt is from the address that the second message came from: known. That one's is from the third, which
    is new; its third from the first.
    """
    service = into(
        "outbound", kind="hosted-outbound", site="hosted", routes_internal_mail="direct", outgoing_addresses=3
    )
    people = {"directory": {"people": {"ann": {"mail_file": "inbound"}}}}
    mails = [(born_s, "ann@corporate.com", "x@otherdomain.com", 1000) for born_s in (0.0, 1.0)]
    results = small.run(
        mails, service, people, into("outbound", relay_host="[192.0.2.99]", retry={"like": "postfix", "first": "10 min"}),
        into("external", address="192.0.2.99", host="mx.otherdomain.com", greylisting={"delay": "5 min"}),
        {"links": [{"between": ["hosted", "internet"], "round_trip": "1 s"}, {"between": ["office", "internet"], "round_trip": "1 s"}]},
    )  # fmt: skip

    assert results.mail.sort_values("mail")["attempts"].tolist() == [2, 3]


def test_percentiles_of_a_stage_are_of_its_visits() -> None:
    """A hundred visits that wait 1 to 100 s and are then served for 101 to 200 s."""
    log = StageLog("onprem", "cores", None, 1000.0)
    for number in range(1, 101):
        log.record(float(number), 2.0 * number, 3.0 * number + 100)
    found = log.summary()

    assert (found.p50_wait_s, found.p95_wait_s, found.p99_wait_s) == pytest.approx((50, 95, 99), rel=0.01)
    assert (found.p50_service_s, found.p95_service_s, found.p99_service_s) == pytest.approx((150, 195, 199), rel=0.01)


@pytest.mark.parametrize(("down", "end_s"), [("onprem", 605.0), ("external", 69.3), ("office-internet", 605.0)])
def test_what_fails_before_the_answer_is_written_fails_the_session(small: Small, down: str, end_s: float) -> None:
    """The 250 is on its way from 4.5 s to 5 s: at 4.3 s the server has not answered, nothing is there twice."""
    results = small.run([IN], event(at="4.3 s", down=down, **{"for": "1 min"}))

    assert ends(results) == [("delivered", end_s, 2)]
    assert results.provenance["second_copies"] == 0


@pytest.mark.parametrize(("pipelining", "trips"), [(True, 3 + 1), (False, 3 + 1 + 4)])
def test_a_session_that_ends_at_rcpt(pipelining: bool, trips: int) -> None:
    """Four recipients, all refused: connect, banner, EHLO; then MAIL and all RCPT in one round trip (RFC 2920), or each in its own."""
    assert session_round_trips(False, pipelining, 1000, 4, False, False) == trips


def test_no_room_for_one_message_is_no_trouble_of_the_destination(small: Small) -> None:
    """10 KB of disk with 6 KB in a long scan: another 6 KB are told 452 at 13 s, 1 KB that fits is taken at once."""
    limited = into("onprem", service={"scan": "100 s"}, capacity={"queue_disk": "10 KB", "cores": 4})
    mails = [(0.0, "internet", "onprem", 6000), (10.0, "internet", "onprem", 6000), (20.0, *IN[1:])]

    assert ends(small.run(mails, limited)) == [
        ("delivered", 105.0, 1),
        ("delivered", 705.0, 2),
        ("delivered", 125.0, 1),
    ]


@pytest.mark.parametrize(
    "limit",
    [
        {"capacity": {"smtp_connections": 1, "when_full": "refuse"}},
        {"smtpd_client_connection_rate_limit": 1},
    ],
)
def test_one_connection_turned_away_does_not_stop_other_mail(small: Small, limit: dict[str, Any]) -> None:
    """421 is about that connection (RFC 5321 section 3.8): while a session of 55 s goes on, a third mail is tried as well as the second.
    Of the two that come again at 600 s one is turned away again: 1, 2 and 3 attempts.
    """
    long = {"smtp": {"session": "50 s", "between": "0 s"}}
    results = small.run([IN, (10.0, *IN[1:]), (20.0, *IN[1:])], into("external", **long), into("onprem", **limit))

    assert ends(results) == [("delivered", 55.0, 1), ("delivered", 655.0, 2), ("delivered", 1255.0, 3)]
