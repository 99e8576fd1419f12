"""Retry schedules against their sources, and what a trace makes of them: deferrals, warnings, expiry, events.

Timelines are worked out in the Postfix, Exchange and Exim sources and documentation ([PF], [MS-INT], [EXIM]).
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from coexsim.mail.products.registry import SCHEDULES, schedule_of
from coexsim.mail.retry import RetrySchedule
from coexsim.mail.trace import Route, trace
from coexsim.scenario.machine import RetryPlan
from coexsim.scenario.servers import HostedOutbound, PostfixServer
from tests.routing.lab import HOSTS, SOA, lab_with
from tests.routing.seed import DU1, IU1, NOBODY, OUTSIDE, article_with, go

MIN, HOUR, DAY = 60.0, 3600.0, 86400.0


def minutes(schedule: RetrySchedule, until_s: float) -> list[float]:
    return [round(t / MIN, 1) for t in schedule.attempts_s(until_s)]


def test_exchange_glitch_then_transient_then_every_ten_minutes() -> None:
    """[MS-INT]: 4 x 1 min, 6 x 5 min, then 10 min; 13 attempts in the first hour, about 295 in two days."""
    schedule = SCHEDULES["exchange"]

    assert minutes(schedule, 64 * MIN) == [0, 1, 2, 3, 4, 9, 14, 19, 24, 29, 34, 44, 54, 64]
    assert len(schedule.attempts_s(HOUR)) == 13
    assert len(schedule.attempts_s(2 * DAY)) == pytest.approx(295, abs=2)


def test_postfix_waits_as_long_as_the_message_is_old() -> None:
    """[PF] qmgr_active.c: clamp(age, 300 s, 4000 s); 5 attempts in the first hour, about 113 in five days (no queue rounding)."""
    schedule = schedule_of(PostfixServer.from_data({"kind": "postfix", "queue_run_delay": "0 s"}))

    assert minutes(schedule, 3 * HOUR) == [0, 5, 10, 20, 40, 80, 146.7]
    assert len(schedule.attempts_s(HOUR)) == 5
    assert len(schedule.attempts_s(5 * DAY)) == pytest.approx(113, abs=1)


def test_postfix_starts_attempts_at_queue_runs() -> None:
    """[PF]: the deferred queue is looked through every 300 s."""
    assert minutes(SCHEDULES["postfix"], 3 * HOUR) == [0, 5, 10, 20, 40, 80, 150]


def test_a_queue_run_takes_what_is_due_at_most_a_second_later() -> None:
    """[PF] qmgr_active.c skips a file whose time is more than a second ahead: with all settings at 5 min, every run tries again.

    Clocks are read in whole seconds: a failure at 600.02 s is due at 900, an age of 299.98 s is one of 299.
    """
    schedule = schedule_of(PostfixServer.from_data({"kind": "postfix", "maximal_backoff_time": "5 min"}))

    assert schedule.next_attempt_s(600.02, 2, 10.5) == 900.0
    assert schedule.next_attempt_s(601.99, 2, 10.5) == 900.0  # due at 901
    assert schedule.next_attempt_s(602.0, 2, 10.5) == 1200.0  # due at 902
    exactly = schedule._replace(whole_seconds=False)
    assert exactly.next_attempt_s(600.02, 2, 10.5) == 1200.0


@pytest.mark.parametrize("phase_s", [0.0, 7.0, 7.6, 299.5])
def test_queue_runs_have_a_phase(phase_s: float) -> None:
    """The first one begins then, from there on one each 300 s."""
    schedule = schedule_of(PostfixServer(kind="postfix"))._replace(phase_s=phase_s)
    at_s = schedule.next_attempt_s(1000.0, 1, 990.0)

    assert (at_s - phase_s) % 300 == pytest.approx(0)
    assert 1299 <= at_s < 1600


def test_any_server_says_queue_run_and_phase() -> None:
    """A hosted service that is Postfix-like: 2 s, 4 s, 8 s, at even seconds; `first` alone means at any time."""
    plan = RetryPlan.from_data(
        {"like": "postfix", "first": "2 s", "longest": "8 s", "queue_run": "2 s", "phase": "1 s"}
    )
    schedule = schedule_of(HostedOutbound(kind="hosted-outbound", retry=plan))

    assert (schedule.queue_run_s, schedule.phase_s) == (2.0, 1.0)
    assert [schedule.next_attempt_s(t, 1, 0.0) for t in (0.0, 3.2, 9.9)] == [1.0, 5.0, 17.0]
    without = schedule_of(HostedOutbound(kind="hosted-outbound", retry=plan.replaced(queue_run=None)))
    assert without.queue_run_s == 0.0


def test_exim() -> None:
    """[EXIM] ``F,2h,15m; G,16h,1h,1.5; F,4d,6h``: 27 attempts in four days. A gap begun within 16 h may end beyond."""
    schedule = SCHEDULES["exim"]
    hours = [round(t / HOUR, 2) for t in schedule.attempts_s(36 * HOUR)]

    assert hours[:9] == [i / 4 for i in range(9)]
    assert hours[9:14] == [3, 4.5, 6.75, 10.12, 15.19]
    assert [round(b - a) for a, b in pairwise(hours[14:])] == [6, 6]
    assert len(schedule.attempts_s(4 * DAY)) == pytest.approx(27, abs=1)


def test_domino_first_after_fifteen_minutes_then_longer() -> None:
    """[D-TL]: an initial interval, longer after further failures; given up after a day [D-TIMEOUT]."""
    times = SCHEDULES["domino"].attempts_s(DAY)
    gaps = [b - a for a, b in pairwise(times)]

    assert gaps[0] == 15 * MIN
    assert gaps == sorted(gaps)
    assert times[-1] <= DAY


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_moves_on_and_ends(name: str) -> None:
    """Each attempt is later than the one before, and none is after the expiry."""
    schedule = SCHEDULES[name]
    times = schedule.attempts_s(30 * DAY)

    assert all(a < b for a, b in pairwise(times))
    assert times[-1] <= schedule.expire_after_s


def test_a_gap_of_nothing_is_a_second() -> None:
    """A schedule may not stand still."""
    assert RetrySchedule((0.0,), 1.0, 0.0, None, 3.0, "message").attempts_s(10.0) == [0.0, 1.0, 2.0, 3.0]


def test_what_follows_a_failure() -> None:
    """Postfix looks at the age when an attempt has failed; Exchange warns and gives up at the time itself."""
    postfix = RetrySchedule((2.0,), 1.0, 8.0, 5.0, 20.0, "message", by_age=True, at_attempts=True)
    exchange = RetrySchedule((8.0,), 1.0, 8.0, 5.0, 20.0, "destination")

    assert postfix.after_failure(4.0, 3, 0.0) == (8.0, 20.0, None)
    assert postfix.after_failure(8.0, 4, 0.0) == (16.0, 20.0, 8.0)
    assert postfix.after_failure(16.0, 5, 0.0, warned=True) == (24.0, 20.0, None)
    assert postfix.after_failure(24.0, 6, 0.0, warned=True) == (None, 24.0, None)
    assert exchange.after_failure(0.0, 1, 0.0) == (8.0, 20.0, 5.0)
    assert exchange.after_failure(16.0, 3, 0.0, warned=True) == (None, 20.0, None)


def test_ends_and_warnings_at_their_very_moment() -> None:
    """An attempt at the age of giving up is the last one, an attempt due just then is none, and with the end nobody is warned as well."""
    postfix = RetrySchedule((2.0,), 1.0, 8.0, 5.0, 20.0, "message", by_age=True, at_attempts=True)
    exchange = RetrySchedule((8.0,), 1.0, 8.0, 5.0, 20.0, "destination")

    assert postfix.after_failure(20.0, 6, 0.0, warned=True) == (None, 20.0, None)
    assert postfix.after_failure(24.0, 6, 0.0) == (None, 24.0, None)
    assert exchange.after_failure(12.0, 2, 0.0, warned=True) == (None, 20.0, None)


# --- in a trace -----------------------------------------------------------------------------------------------------------------


def deferred(result: Route) -> list[tuple[str, str, float]]:
    return [(d.server, d.reply.enhanced, d.at_s) for d in result.recipients[0].deferrals]


DOWN = "events: [{at: %s, for: %s, down: %s}]\n"


def test_hosted_inbound_down_domino_waits() -> None:
    """On-prem has said 250: the mail waits in its queue (15, 30 min, ... [D-TL]); the sender sees success meanwhile."""
    result = go(DOWN % ("0 s", "40 min", "inotes-inbound"), OUTSIDE, IU1)

    assert deferred(result) == [("smart-host", "4.4.1", 0.0), ("smart-host", "4.4.1", 900.0)]
    assert result.recipients[0].end.at_s == 2700.0
    assert result.outcome == "delivered"


def test_nobody_knows_when_it_is_mended() -> None:
    """`down=` has no end: the mail is left in the queue, with the time at which it would expire (5 days, the sender's Postfix)."""
    result = go("", OUTSIDE, IU1, down=["onprem"])
    first = result.recipients[0]

    assert (first.outcome, first.by, first.code, first.expires_s) == ("deferred_in_queue", "external", "4.4.1", 5 * DAY)
    assert [d.next_s for d in first.deferrals] == [300.0]
    assert result.notices == ()


def test_a_machine_takes_its_roles_with_it() -> None:
    """The smart host runs on on-prem's machine."""
    assert go("", OUTSIDE, DU1, down=["smart-host"]).outcome == "delivered"
    assert go("", OUTSIDE, IU1, down=["smart-host"]).outcome == "deferred_in_queue"
    assert go("", DU1, DU1, down=["onprem"]).recipients[0].by == "client"


def test_past_the_queue_lifetime_the_sender_is_told() -> None:
    """Domino's MailTimeout of a day [D-TIMEOUT]: expired at 24 h sharp, with Domino's own code."""
    result = go(DOWN % ("0 s", "3 days", "inotes-inbound"), OUTSIDE, IU1)
    first = result.recipients[0]

    assert (first.outcome, first.by, first.code, first.end.at_s) == ("expired", "smart-host", "5.4.7", DAY)
    assert first.dsn_servers == ("onprem", "external")


def test_postfix_gives_up_at_the_first_attempt_after_its_lifetime() -> None:
    """[PF] qmgr_active.c: the age is looked at after a failed attempt; the code stays that of the last failure."""
    result = go(DOWN % ("0 s", "9 days", "onprem"), OUTSIDE, IU1)
    first = result.recipients[0]

    assert (first.outcome, first.by, first.code) == ("expired", "external", "4.4.1")
    assert 5 * DAY <= first.end.at_s <= 5 * DAY + 4000 + 300


def test_exchange_warns_after_four_hours() -> None:
    """[MS-INT]: delay DSN at 4 h, expiry at 2 days; the warning is mail like any other."""
    exchange = (
        "servers:\n  smart-host: null\n  onprem: {kind: exchange, site: office, host: domino.corporate.com, "
        "accepted_domains: {corporate.com: internal-relay}, send_connectors: "
        "[{name: a, address_spaces: corporate.com, smart_hosts: smtp.inotes.example}, {name: b, address_spaces: '*'}]}\n"
    )
    result = go(exchange + DOWN % ("0 s", "5 h", "inotes-inbound"), OUTSIDE, IU1)

    assert [(n.kind, n.at_s, n.copy and n.copy.servers) for n in result.notices] == [
        ("delay", 4 * HOUR, ("onprem", "external"))
    ]
    assert result.outcome == "delivered"
    assert result.recipients[0].warned_s == 4 * HOUR
    expired = go(exchange + DOWN % ("0 s", "3 days", "inotes-inbound"), OUTSIDE, IU1).recipients[0]
    assert (expired.outcome, expired.code, expired.end.at_s) == ("expired", "4.4.7", 2 * DAY)


def test_a_link_that_is_down_is_a_time_out() -> None:
    """Nobody answers: 4.4.1, and mail goes when the line is back."""
    result = go(DOWN % ("0 s", "4 min", "[office-internet, office-hosted]"), OUTSIDE, DU1)

    assert deferred(result) == [("external", "4.4.1", 0.0)]
    assert "timed out" in result.recipients[0].deferrals[0].reply.text
    assert result.outcome == "delivered"


def test_name_servers_that_are_down() -> None:
    """No answer is temporary (RFC 5321 5.1): 4.4.3, then delivered."""
    result = go(DOWN % ("0 s", "4 min", "dns"), OUTSIDE, DU1)

    assert deferred(result) == [("external", "4.4.3", 0.0)]
    assert result.outcome == "delivered"


def test_servfail_is_kept_for_five_minutes_at_most() -> None:
    """RFC 2308 section 7: the failure may be remembered for five minutes, so an attempt sooner than that fails once more."""
    zone = "events: [{at: 0 s, for: 2 s, zone: corporate.com, fault: servfail}]\n"
    quick = "servers: {external: {retry: {first: 2 s, longest: 8 s}}}\n"

    assert len(deferred(go(zone, OUTSIDE, DU1))) == 1
    assert deferred(go(zone + quick, OUTSIDE, DU1))[-1][2] >= 290.0


def test_a_zone_that_fails_for_no_time_does_not_fail() -> None:
    """``for: 0 s`` is an event without a length, not one without an end."""
    zone = "events: [{at: 0 s, for: 0 s, zone: corporate.com, fault: servfail}]\n"

    assert go(zone, OUTSIDE, DU1).outcome == "delivered"
    assert deferred(go(zone, OUTSIDE, DU1)) == []


def test_a_cached_mx_outlives_a_change_of_the_zone() -> None:
    """Answers hold for their TTL: a second mail in the same trace (the DSN) does not ask again."""
    result = go("", OUTSIDE, NOBODY)
    dsn = result.recipients[0].dsn

    assert dsn is not None
    assert dsn.copy is not None
    assert dsn.copy.outcome == "delivered"


def test_greylisting_is_by_client_sender_and_recipient() -> None:
    """First contact of a triple waits; each recipient of its own."""
    grey = "servers: {onprem: {greylisting: {delay: 8 s}}, external: {retry: {first: 5 s, longest: 60 s}}}\n"
    result = trace(lab_with(grey), OUTSIDE, [DU1, IU1, NOBODY])

    assert [r.outcome for r in result.recipients] == ["delivered", "delivered", "bounced"]
    assert [len(r.deferrals) for r in result.recipients] == [2, 2, 2]  # at 0 and 5 s; 10 s is late enough
    assert [(t.accepted, t.offered) for t in result.transactions if t.server == "onprem"] == [(0, 3), (0, 3), (2, 3)]


def test_a_sender_who_gives_up_soon_loses_to_greylisting() -> None:
    """A retry past the queue lifetime never comes: the greylist turns a temporary refusal into a loss."""
    grey = "servers: {onprem: {greylisting: {delay: 1 h}}, external: {retry: {first: 1 min, longest: 1 min, expire_after: 30 min}}}\n"
    first = trace(lab_with(grey), OUTSIDE, DU1).recipients[0]

    assert (first.outcome, first.by, first.code) == ("expired", "external", "4.2.0")


def test_secondary_mx_takes_over_and_hands_back() -> None:
    """While the primary is down the secondary queues; senders see no delay of their own."""
    mx = f"dns:\n  corporate.com: |\n    {SOA}\n    @ IN MX 10 domino\n    @ IN MX 20 mx2\n    {HOSTS}\n"
    result = trace(lab_with(mx + "events: [{at: 1 h, for: 30 min, down: onprem}]"), OUTSIDE, DU1, at_s=HOUR + 600)

    assert result.servers == ("external", "onprem2", "onprem")
    assert {d.server for d in result.recipients[0].deferrals} == {"onprem2"}
    assert result.recipients[0].end.at_s >= HOUR + 1800


def test_mail_handed_in_while_its_server_is_down_waits_in_the_client() -> None:
    """The user's own server: the mail program keeps it until the server is back."""
    result = go(DOWN % ("0 s", "10 min", "onprem"), DU1, IU1)

    assert result.outcome == "delivered"
    assert result.recipients[0].end.at_s == 600.0


def test_a_bounce_waits_like_any_mail() -> None:
    """The DSN's own way meets the outage; on-prem queues it."""
    result = trace(article_with(DOWN % ("0 s", "20 min", "external")), IU1, NOBODY, at_s=0.0)
    to_outside = trace(article_with(DOWN % ("1 s", "20 min", "external")), OUTSIDE, NOBODY, at_s=0.0)

    assert result.recipients[0].dsn is not None
    assert to_outside.recipients[0].dsn_servers == ("onprem", "external")


def test_a_role_says_its_own_retries_over_its_machines() -> None:
    """The smart host on the Domino server retries as Domino does, but for what it says itself."""
    own = article_with("servers: {smart-host: {retry: {first: 1 min, longest: 2 min}}}")
    role, machine = own.policies["smart-host"].retry, own.policies["onprem"].retry

    assert (role.gaps_s, role.longest_s) == ((60.0,), 120.0)
    assert machine.gaps_s == (900.0,)
    assert role.expire_after_s == machine.expire_after_s == DAY
