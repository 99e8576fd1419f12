"""What an outage did is what the tables say, recomputed here by hand."""

from __future__ import annotations

import math
import re

import pandas as pd
import pytest

from coexsim.analysis.outage import LATE_S, OutageFacts, outage_facts, undisturbed, with_outage, without_outages
from coexsim.analysis.outage_answer import Outage, follow, last_outage, outage
from coexsim.analysis.outage_changes import is_own, possible_changes, senders_without_limit
from coexsim.analysis.outage_headline import headline
from coexsim.analysis.outage_limit_words import say_limit
from coexsim.analysis.outage_limits import LimitChange
from coexsim.analysis.slo import evaluate
from coexsim.errors import ScenarioError
from coexsim.experiment.run import simulate
from coexsim.mail.outages import Outages
from coexsim.mail.trace import trace
from coexsim.report import outage_words
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario
from coexsim.sim.build import build_downtimes
from coexsim.units import Moment

STEADY = """
extends: scenarios/article/environment.yaml
servers:
  onprem: {capacity: {transfer_threads: 18}}
directory: {population: {onprem: 400, hosted: 600}}
load:
  sizes: 4 KB
  streams: [{from: onprem, to: hosted, rate: 1/s, arrivals: constant}]
run: {start: Mon 09:00, length: 4 h}
"""


@pytest.fixture(scope="module")
def steady() -> Scenario:
    """One message a second from on-premises to hosted people, nothing else."""
    return scenario_from_text(STEADY, "steady.yaml")


def test_backlog_grows_by_what_comes_and_drains_at_the_next_retry(steady: Scenario) -> None:
    """An hour down at one message a second: 3600 wait, and Domino's schedule (15, 30, 60 min: from memory) tries again 45 min later.

    Tries are at 0, 15, 45 and 105 min after the first failure; the outage ends at 60 min, so the queue moves at 105 min.
    """
    spec = with_outage(steady, ["inotes-inbound"], "Mon 10:00", "1 h")
    facts = outage_facts(simulate(spec), spec, spec.events[-1])
    queue = facts.backlog.iloc[0]

    assert queue["server"] == "smart-host"
    assert queue["most"] == pytest.approx(105 * 60, abs=120)
    assert queue["drain_s"] == pytest.approx(45 * 60, abs=240)
    assert facts.longest_delay_s == pytest.approx(105 * 60, abs=300)
    assert (facts.expired, facts.bounced, facts.in_transit) == (0, 0, 0)
    assert facts.burst_per_min > 10 * facts.usual_per_min


def test_mail_that_is_too_old_expires(steady: Scenario) -> None:
    """With a timeout of 30 minutes an outage of an hour loses mail, and its senders are told."""
    short = with_outage(steady, ["inotes-inbound"], "Mon 10:00", "1 h")
    spec = scenario_from_text(STEADY.replace("{capacity", "{mail_timeout: 30 min, capacity"), "steady.yaml")
    spec = with_outage(spec, ["inotes-inbound"], "Mon 10:00", "1 h")

    assert outage_facts(simulate(short), short, short.events[-1]).expired == 0
    assert outage_facts(simulate(spec), spec, spec.events[-1]).expired > 1000


def test_what_does_not_exist_cannot_go_down(steady: Scenario) -> None:
    """A name with a slip of the pen is refused with the one that was meant."""
    with pytest.raises(ScenarioError, match="did you mean 'inotes-inbound'"):
        with_outage(steady, ["inotes-inbond"], "Mon 10:00", "1 h")


def test_what_bounces_anyway_is_not_the_outages_doing(steady: Scenario) -> None:
    """One message in ten goes to an address that nobody has: of an outage's hour 360 bounce, of which it is told nothing."""
    text = STEADY.replace("streams: [", "streams: [{from: internet, to: unknown, rate: 0.1/s, arrivals: constant}, ")
    spec = with_outage(scenario_from_text(text, "steady.yaml"), ["inotes-inbound"], "Mon 10:00", "1 h")
    results = simulate(spec)

    assert (results.mail["outcome"] == "bounced").sum() > 360
    assert outage_facts(results, spec, spec.events[-1]).bounced == 0


def test_an_outage_may_outlast_the_run(steady: Scenario) -> None:
    """From 12:00 for 4 h in a run that ends at 13:00: it ends at 16:00, after all that the tables hold."""
    spec = with_outage(steady, ["inotes-inbound"], "Mon 12:00", "4 h")
    facts = outage_facts(simulate(spec), spec, spec.events[-1])

    assert (facts.from_s, facts.to_s, facts.seen_to_s) == (3 * 3600, 7 * 3600, 4 * 3600)
    assert facts.backlog["drain_s"].tolist() == [float("inf")]


def test_a_run_is_laid_around_an_outage_that_it_does_not_hold(steady: Scenario) -> None:
    """Tuesday at 10 for an hour, in a run of Monday 9 to 13: an hour before to an hour after; seed and runs stay. A span is refused."""
    spec = with_outage(steady, ["inotes-inbound"], "Tue 10:00", "1 h")

    assert (spec.run.start, spec.run.length) == (Moment(1, 9 * 3600.0), 3 * 3600.0)
    assert spec.events[-1].at is not None
    assert spec.events[-1].at.after(spec.run.start) == 3600
    assert (spec.run.seed, spec.run.replications) == (steady.run.seed, steady.run.replications)
    with pytest.raises(ScenarioError, match="does not begin within the run, from Mon 09:00 to Mon 13:00"):
        with_outage(steady, ["inotes-inbound"], "5 h", "1 h")


def test_a_sites_line_is_all_of_its_links(steady: Scenario) -> None:
    """``SITE-uplink`` takes down every link of that site, and no other, in rules and simulation; the answer has its own name."""
    site = steady.links[0].between[0]
    spec = with_outage(steady, [f"{site}-uplink"], "Mon 10:00", "1 h")
    its = [link.label for link in steady.links if site in link.between]

    assert 0 < len(its) < len(steady.links)
    assert spec.events[-1].down == (f"{site}-uplink",)
    assert Outages(spec).intervals == {label: [(3600.0, 7200.0)] for label in its}
    downtimes = build_downtimes(spec, 1, 0, 4 * 3600.0)
    assert [name for name, times in downtimes.items() if not times.is_up(3600.0)] == its
    assert all(times.is_up(7200.0) for times in downtimes.values())
    with pytest.raises(ScenarioError, match="nowhere-uplink"):
        with_outage(steady, ["nowhere-uplink"], "Mon 10:00", "1 h")


def test_a_trace_can_be_asked_with_a_sites_line_down(steady: Scenario) -> None:
    """Mail from the Internet waits outside while the office has no line, as with each of its links named; without it, it is delivered."""
    sender, recipient = "someuser@otherdomain.com", "nobody-1@corporate.com"
    links = [link.label for link in steady.links if "office" in link.between]
    by_line, by_links = (trace(steady, sender, recipient, down=down) for down in (["office-uplink"], links))

    assert by_line.recipients[0].deferrals
    assert by_line.recipients == by_links.recipients
    assert not trace(steady, sender, recipient).recipients[0].deferrals


def test_a_sites_line_fails_at_random_as_one(steady: Scenario) -> None:
    """One draw: all links of the site are away at the same times."""
    site = steady.links[0].between[0]
    event = {"down": f"{site}-uplink", "mtbf": "30 min", "mttr": "10 min"}
    downtimes = build_downtimes(steady.change({"events": [event]}), 1, 0, 4 * 3600.0)
    its = [tuple(downtimes[link.label]) for link in steady.links if site in link.between]

    assert its[0]
    assert set(its) == {its[0]}


def test_an_outage_is_followed_until_all_is_normal_again(steady: Scenario) -> None:
    """It ends with the run, at 13:00; the queue moves at the try of 13:45, and the answer is not cut off by the run's end.

    With tries every 5 minutes it would be normal some minutes after the return: that is the limit that makes it last.
    """
    found = outage(steady, "inotes-inbound", "Mon 12:00", "1 h")

    assert found.headline.startswith("Normal again Mon 13:4")
    assert found.headline.endswith("nothing expired")
    assert "min after the return; the longest wait" in found.headline
    assert "MB of queue disk at smart-host" in found.headline
    assert "wait at inotes-outbound, not your own" in found.headline or "inotes-outbound" not in found.headline
    assert found.normal_s[0] == pytest.approx(45 * 60, abs=300)
    assert found.scenario.run.length > steady.run.length
    assert found.results.window_s == (0.0, steady.run.length), "what is measured stays what it was"
    assert found.changes[0].words == "a retry interval of 5 min at smart-host (Initial transfer retry interval)"
    assert found.changes[0].normal_s < 20 * 60
    assert "with a retry interval of 5 min at smart-host (Initial transfer retry interval) all is normal" in found.limit
    assert found.table["change"].iloc[0] == "as it is"


def test_a_headline_says_what_was_lost_and_what_was_not_seen(steady: Scenario) -> None:
    """Expired mail, and a queue that is not back by the end of what was run."""
    spec = with_outage(steady, ["inotes-inbound"], "Mon 12:00", "4 h")
    facts = outage_facts(simulate(spec), spec, spec.events[-1])
    start = spec.run.start

    assert headline([facts], start).startswith("Not normal again by Mon 13:00")
    back = [_drained(facts, drain_s)._replace(to_s=3600.0) for drain_s in (600.0, 1200.0)]
    assert "12 expired" in headline([back[0]._replace(expired=12)], start)
    several = headline(back, start)
    assert several.startswith("In each of 2 runs normal again Mon 10:10 to 10:20, 10 min to 20 min after the return")
    assert headline([back[0], facts], start).startswith("Of 2 runs not normal again in 1 of them by Mon 13:00")


def _drained(facts: OutageFacts, drain_s: float) -> OutageFacts:
    """The same with each queue drained so long after the return."""
    return facts._replace(backlog=facts.backlog.assign(drain_s=drain_s))


def test_own_disks_come_first_and_what_others_keep_is_called_theirs(steady: Scenario) -> None:
    """The senders outside keep ten times as much; the planner owns onprem's disk alone."""
    spec = with_outage(steady, ["inotes-inbound"], "Mon 12:00", "4 h")
    facts = outage_facts(simulate(spec), spec, spec.events[-1])
    rows = [("external", 0.0, 90.0, 600.0, 1.2e9, 600.0, 60.0), ("smart-host", 0.0, 9.0, 600.0, 0.1e9, 600.0, 30.0)]
    facts = facts._replace(backlog=pd.DataFrame(rows, columns=facts.backlog.columns))
    said = headline([facts], spec.run.start, {"external"})

    assert "100 MB of queue disk at smart-host; 1.2 GB wait at external, not your own" in said


def test_two_outages_are_told_together(steady: Scenario) -> None:
    """Down 10:00 to 10:20 and 10:40 to 11:00, tries 0, 15, 45 and 105 minutes after the first failure, at one message a second, and mail
    given up after 30: the mail of both is told, whichever is asked for, with both outages; normal is after the last return.
    """
    events = [
        {"down": "inotes-inbound", "at": "Mon 10:00", "for": "20 min"},
        {"down": "inotes-inbound", "at": "Mon 10:40", "for": "20 min"},
    ]
    spec = steady.change({"events": events, "servers.onprem.mail_timeout": "30 min"})
    results, usual = simulate(spec), undisturbed(simulate(without_outages(spec)))
    first, last = (outage_facts(results, spec, event, usual) for event in spec.events)
    expired = results.mail[results.mail["outcome"] == "expired"]

    assert first.expired == last.expired == expired["recipients"].sum() > 0
    assert (expired["born_s"] < 6000).any()
    assert (expired["born_s"] >= 6000).any()
    assert last.longest_delay_s == first.longest_delay_s
    assert last.others == (("inotes-inbound", 3600.0, 4800.0),)
    assert "after the return from the last of 2 outages" in headline([last], spec.run.start)
    hours = outage_words.say_hours(Outage(spec, results, (last,)))
    assert hours.startswith(
        "inotes-inbound down from Mon 10:00 to 10:20; inotes-inbound down from Mon 10:40 to 11:00; "
    )


def test_messages_and_bytes_have_a_time_each(steady: Scenario) -> None:
    """One message of 30 MB at 10:10 and thousands of 4 KB until the next try: most bytes and most messages stand at their own minutes."""
    text = STEADY.replace("rate: 1/s", "rate: 0.1/s").replace("load:\n", "load:\n  bulk: [BULK]\n")
    bulk = "{at: Mon 10:10, from: onprem, to: hosted, size: 5 MB, recipients_per_copy: 600}"
    spec = with_outage(
        scenario_from_text(text.replace("BULK", bulk), "steady.yaml"), ["inotes-inbound"], "Mon 10:00", "1 h"
    )
    results = simulate(spec)
    queue = outage_facts(results, spec, spec.events[-1]).backlog.iloc[0]
    rows = results.timeline[(results.timeline["stage"] == "queue") & (results.timeline["server"] == queue["server"])]
    ends_s = {name: 60.0 * (int(rows.loc[rows[name].idxmax(), "minute"]) + 1) for name in ("backlog", "queued_bytes")}

    assert (queue["at_s"], queue["bytes_at_s"]) == (ends_s["backlog"], ends_s["queued_bytes"])
    assert queue["most_bytes"] == rows["queued_bytes"].max()


def test_what_is_not_ones_own_is_called_so(steady: Scenario) -> None:
    """The senders outside and the hosted service keep most of the mail; what they could do is tried too, and said not to be one's own."""
    spec = with_outage(steady, ["office-hosted"], "Mon 12:00", "1 h")
    facts = outage_facts(simulate(spec), spec, spec.events[-1])
    queues = [(name, 0.0, 9.0, 600.0, 1e6, 600.0, 60.0) for name in ("external", "inotes-outbound", "smart-host")]
    tried = possible_changes(
        spec, spec.events[-1], facts._replace(backlog=pd.DataFrame(queues, columns=facts.backlog.columns))
    )
    others = [change for change in tried if not change.is_own]

    assert all(not is_own(spec, name) for name in ("external", "inotes-outbound"))
    assert [set(change.keys) for change in others] == [{"servers.external.retry", "servers.inotes-outbound.retry"}]
    assert all("not your own" in change.words for change in others)
    assert "servers.smart-host.retry" in {key for change in tried if change.is_own for key in change.keys}


TURNED_AWAY = """
coexsim: 1
domain: corp.net
sites: [office, cloud]
links: [{between: [office, cloud], round_trip: 40 ms}]
dns: {corp.net: "@ 1h IN MX 10 mail\\nmail 1h IN A 192.0.2.25"}
servers:
  onprem:
    kind: exchange
    site: office
    host: mail.corp.net
    accepted_domains: {corp.net: authoritative}
    capacity: {smtp_connections: 20}
    service: {accept: {fixed: 1 s}}
  cloud-in: {kind: hosted-inbound, site: cloud, host: in.cloud-mail.net}
  cloud-out:
    kind: hosted-outbound
    site: cloud
    routes_internal_mail: by-mx
    retry: {first: 1 min, factor: 1, longest: 1 min, queue_run: 10 min, phase: 5 min}
directory: {master: onprem, population: {onprem: 120, hosted: 100}}
load: {streams: [{from: hosted, to: onprem, rate: 2 / min, arrivals: constant, sizes: 4 KB}]}
run: {start: Mon 08:00, length: 3 h}
"""


def test_a_limit_that_turns_mail_away_is_named() -> None:
    """120 messages of an hour are tried in one queue run each 10 minutes; 20 connections take 20 of them and send the others away: six
    runs from 10:05 on, and a seventh for those whose places new mail took. Without that limit, or where they wait, or come no more than
    20 at once, the first of them takes all.
    """
    found = outage(scenario_from_text(TURNED_AWAY, "away.yaml"), "office-cloud", "Mon 09:00", "1 h")
    after = {change.words.split(" at ")[0]: change for change in found.changes}

    best = r"What makes it last is a limit: with (no limit on SMTP connections|when_full: wait) at onprem \(now .*\) all is normal "
    assert re.match(best, found.limit)
    assert "no limit of yours" not in found.limit
    now_s = found.normal_s[0]
    helpful = ("no limit on SMTP connections", "when_full: wait", "20 connections")
    assert 55 * 60 <= now_s <= 67 * 60
    assert all(after[words].normal_s == pytest.approx(5 * 60, abs=120) for words in helpful)
    assert [after[words].is_own for words in helpful] == [True, True, False]
    assert "a retry interval of 5 min" in after


def test_a_zone_that_fails_is_an_outage() -> None:
    """Nobody is told where to send for an hour (the answer of before is known for a minute more): what waits goes when it is tried next.

    At two messages a minute 118 wait at 10:00; queue runs are each 10 minutes from 08:05 on, each takes 20 of them: TURNED_AWAY.
    """
    text = (
        TURNED_AWAY.replace("1h IN", "1m IN") + "events: [{zone: corp.net, fault: timeout, at: Mon 09:00, for: 1 h}]\n"
    )
    spec = scenario_from_text(text, "zone.yaml")
    event = last_outage(spec)
    assert event is not None
    found = follow(spec, event)
    facts = found.runs[0]

    assert facts.down == "DNS zone corp.net"
    assert facts.backlog["server"].tolist() == ["cloud-out"]
    assert facts.backlog["most"].iloc[0] == pytest.approx(120, abs=12)
    assert found.headline.startswith("Normal again Mon 1")
    assert without_outages(spec).events == ()


def test_an_outage_beside_one_without_an_end_is_not_followed_for_weeks() -> None:
    """What waits for a server that stays down is never gone: it is looked at once, some hours after the return, and said so."""
    text = STEADY + "events: [{down: inotes-inbound, at: Mon 09:30}]\n"
    found = outage(scenario_from_text(text, "both.yaml"), "inotes-outbound", "Mon 10:00", "10 min", try_limits=False)

    assert found.results.length_s <= 8 * 3600
    assert found.headline.startswith(
        "Not normal again by Mon 13:00, 2.83 h after the return, while inotes-inbound stays down; "
    )


def test_limits_of_a_server_whose_name_has_dots_are_tried() -> None:
    """A server called ``mail.corp`` is answered for as one called ``onprem``, in the same words."""
    text = TURNED_AWAY.replace("onprem:\n", "mail.corp:\n", 1).replace("master: onprem", "master: mail.corp")
    plain, dotted = (
        outage(scenario_from_text(each, "away.yaml"), "office-cloud", "Mon 09:00", "1 h")
        for each in (TURNED_AWAY, text)
    )

    assert plain.limit.replace(" onprem", " mail.corp") == dotted.limit
    assert len(dotted.changes) == len(plain.changes) > 3


def test_another_interval_gives_mail_up_no_later() -> None:
    """Mail is given up after 30 minutes at the sender: an outage of an hour loses that of its first half, however often it is tried."""
    given_up = "retry: {first: 1 min, factor: 1, longest: 1 min, expire_after: 30 min}"
    text = TURNED_AWAY.replace("{smtp_connections: 20}", "{smtp_connections: 200}").replace(
        "retry: {first: 1 min, factor: 1, longest: 1 min, queue_run: 10 min, phase: 5 min}", given_up
    )
    found = outage(scenario_from_text(text, "away.yaml"), "office-cloud", "Mon 09:00", "1 h")
    [quick] = [change for change in found.changes if change.words.startswith("a retry interval of 5 min")]

    assert found.runs[0].expired == pytest.approx(60, abs=4)
    assert quick.lost >= found.runs[0].expired


KEPT = """
extends: scenarios/article/environment.yaml
servers: {onprem: {mail_timeout: 30 min, capacity: {transfer_threads: 18}}}
directory: {population: {onprem: 400, hosted: 600}}
load: {sizes: 4 KB, streams: [{from: onprem, to: hosted, rate: 0.1/s, arrivals: constant}]}
run: {start: Mon 09:00, length: 4 h}
"""


def test_where_mail_expires_it_is_kept_longer() -> None:
    """Down 10:00 to 10:40, tried 15 and 45 minutes after the first failure: who is given up after 30 minutes is lost if handed in before
    10:15, six a minute; kept for an hour nothing is.
    """
    found = outage(scenario_from_text(KEPT, "kept.yaml"), "inotes-inbound", "Mon 10:00", "40 min")
    lasting = outage(
        scenario_from_text(KEPT.replace("30 min", "1 day"), "kept.yaml"), "inotes-inbound", "Mon 10:00", "40 min"
    )
    [kept] = [change for change in found.changes if change.words.startswith("mail kept for")]

    assert found.runs[0].expired == pytest.approx(90, abs=6)
    assert kept.words == "mail kept for 60 min at onprem (MailTimeout; now 30 min)"
    assert kept.lost == 0
    assert f"Less is lost with {kept.words}: all is normal" in found.limit
    assert found.limit.endswith(f", and nothing expires or bounces, not {found.runs[0].expired}.")
    assert not any(change.words.startswith("mail kept for") for change in lasting.changes)


def test_what_is_so_already_is_not_tried() -> None:
    """A retry interval of 5 minutes at a sender that tries again each 5 minutes is no other limit."""
    so = "retry: {first: 5 min, factor: 1, longest: 5 min, queue_run: 10 min, phase: 5 min}"
    text = TURNED_AWAY.replace("retry: {first: 1 min, factor: 1, longest: 1 min, queue_run: 10 min, phase: 5 min}", so)
    exact = text.replace(", queue_run: 10 min, phase: 5 min", "")
    words = [
        {change.words.split(" at ")[0] for change in outage(scenario_from_text(each, "away.yaml"), "office-cloud", "09:00", "1 h").changes}
        for each in (text, exact)
    ]  # fmt: skip

    assert [("a retry interval of 5 min" in said) for said in words] == [True, False]


def test_a_queue_that_is_never_normal_again_is_not_the_last_that_is(steady: Scenario) -> None:
    """Of one that was not seen to drain it is said that it is not normal; of an outage without an end nothing, as all wait for it."""
    spec = with_outage(steady, ["inotes-inbound"], "Mon 12:00", "4 h")
    facts = outage_facts(simulate(spec), spec, spec.events[-1])

    assert say_limit(_drained(facts, math.inf), [], ()) == "A queue that is not normal again is that of smart-host."
    assert say_limit(_drained(facts, math.inf)._replace(to_s=math.inf), [], ()) == ""


def test_only_of_what_was_tried_it_is_said_that_it_changes_nothing(steady: Scenario) -> None:
    """Of changes of 0.1 %, 50 % sooner, and 50 % later: each in its own sentence, and no claim beyond those that were tried."""
    spec = with_outage(steady, ["inotes-inbound"], "Mon 12:00", "4 h")
    facts = _drained(outage_facts(simulate(spec), spec, spec.events[-1]), 6000.0)._replace(expired=100, bounced=0)
    same, sooner, later = (
        LimitChange(words, {}, normal_s, 1e6, lost, own)
        for words, normal_s, lost, own in (("A", 5994.0, 100, True), ("B", 3000.0, 0, True), ("C", 9000.0, 100, True))
    )
    others = sooner._replace(is_own=False)

    none = say_limit(facts, [same, later], ())
    assert "None of the limits that were tried changes it by more than a tenth (A)." in none
    assert none.endswith("It would last longer with C: all is normal 2.5 h after the return, not 100 min.")
    assert say_limit(facts, [sooner, same], ()) == (
        "What makes it last is a limit: with B all is normal 50 min after the return, not 100 min, and nothing expires or bounces, not 100."
    )
    assert say_limit(facts, [others, same], ()).startswith("What makes it last is not yours to set: with B ")
    assert say_limit(facts, [others, sooner._replace(words="D", normal_s=3100.0)], ()).startswith(
        "What makes it last is a limit: with D "
    )
    never = say_limit(facts, [same, later._replace(normal_s=math.inf)], ())
    assert never.endswith("It would last longer with C: all is not normal in the time that was followed.")
    worse = same._replace(normal_s=3000.0, lost=200)  # sooner, as more is given up
    assert "What makes it last is a limit" not in say_limit(facts, [worse], ())
    assert say_limit(facts, [], {str(facts.backlog["server"].iloc[0])}).endswith(", not your own.")


def test_the_burst_is_told_with_its_server(steady: Scenario) -> None:
    """Most sessions that a server took in a minute after the return, read from its timeline, and senders that have no limit are named."""
    spec = with_outage(steady, ["inotes-inbound"], "Mon 10:00", "1 h")
    results = simulate(spec)
    facts = outage_facts(results, spec, spec.events[-1])
    rows = results.timeline[(results.timeline["stage"] == "connections") & results.timeline["minute"].between(120, 179)]
    top = rows.sort_values("arrivals").iloc[-1]

    assert (facts.burst_at, facts.burst_per_min) == (top["server"], top["arrivals"])
    kept = facts._replace(backlog=pd.DataFrame({"server": ["external", "smart-host"]}))
    assert senders_without_limit(spec, kept) == ["external"]


def test_several_runs_are_told_run_by_run_and_never_added_up(steady: Scenario) -> None:
    """3 and 12 expired: "3 to 12", in words, in the table and in the lines below it; of one run its own figures alone."""
    spec = with_outage(steady, ["inotes-inbound"], "Mon 12:00", "4 h")
    results = simulate(spec)
    facts = outage_facts(results, spec, spec.events[-1])
    more = facts._replace(expired=12, backlog=facts.backlog.assign(most=2 * facts.backlog["most"]))
    found = Outage(spec, results, (facts._replace(expired=3), more))

    assert "3 to 12 expired" in headline(found.runs, spec.run.start)
    assert "12 expired" in headline([more], spec.run.start)
    assert "to 12 expired" not in headline([more], spec.run.start)
    server, most = facts.backlog["server"].iloc[0], facts.backlog["most"].iloc[0]
    rows = [row[:3] for row in outage_words.queue_rows(found)[:3]]
    assert [(name, size.rpartition(", ")[0]) for name, _, size in rows] == [
        (f"{server}: least", f"{most:,.0f}"),
        (f"{server}: mean", f"{1.5 * most:,.0f}"),
        (f"{server}: most", f"{2 * most:,.0f}"),
    ]
    assert "expired 3 to 12" in outage_words.more_facts(found)[1]


def test_a_queue_of_its_own_chance_is_not_the_outages(steady: Scenario) -> None:
    """A message that waits for its retry with or without the outage: its queue is not among those that the outage made longer."""
    text = STEADY.replace("streams: [", "streams: [{from: internet, to: onprem, rate: 0.02/s}, ")
    spec = with_outage(scenario_from_text(text, "steady.yaml"), ["inotes-inbound"], "Mon 09:05", "15 min")
    results, usual = simulate(spec), undisturbed(simulate(without_outages(spec)))
    lifted = outage_facts(results, spec, spec.events[-1], usual).backlog

    assert set(lifted["server"]) == {"smart-host"}


def test_the_objective_and_the_headline_are_of_one_rule(steady: Scenario) -> None:
    """With the run without the outage beside it the objective's figure is the headline's; without it, both go by the time before."""
    spec = steady.change({"objectives": ["drain(outage) < 20 min"]})
    found = outage(spec, "inotes-inbound", "Mon 10:00", "1 h", try_limits=False)
    [beside] = evaluate(None, found.results, found.scenario, undisturbed=found.undisturbed)
    [alone] = evaluate(None, found.results, found.scenario)

    assert beside.estimate == found.normal_s[0] > 0
    assert alone.estimate == outage_facts(found.results, found.scenario, found.scenario.events[-1]).normal_s


def test_late_is_what_arrives_later_than_without_the_outage(steady: Scenario) -> None:
    """The last of the messages that arrive a minute later than in the run beside it; one that is in one of the runs alone has no say."""
    spec = with_outage(steady, ["inotes-inbound"], "Mon 10:00", "1 h")
    results, usual = simulate(spec), undisturbed(simulate(without_outages(spec)))
    facts = outage_facts(results, spec, spec.events[-1], usual)
    mail = results.mail.assign(arrived_s=results.mail["born_s"] + results.mail["delay_s"]).set_index("mail")[
        "arrived_s"
    ]
    usually_s = usual.arrived_s.to_dict()
    late = [at_s for number, at_s in mail.to_dict().items() if at_s > usually_s[number] + LATE_S]

    assert facts.late_to_s == max(late)
    first = usual._replace(arrived_s=usual.arrived_s.iloc[:10])
    assert math.isnan(outage_facts(results, spec, spec.events[-1], first).late_to_s)
    assert math.isnan(outage_facts(results, spec, spec.events[-1]).late_to_s)


def test_mail_that_is_handed_in_after_the_return_is_the_outages_too(steady: Scenario) -> None:
    """Tries at 0, 15, 45 and 105 min, an hour down, half an hour's patience: what comes in the first 75 min is given up after it, the
    last 15 min of that after the return. Without a run beside it only mail of the hour itself is told.
    """
    spec = with_outage(steady.change({"servers.onprem.mail_timeout": "30 min"}), ["inotes-inbound"], "Mon 10:00", "1 h")
    results, usual = simulate(spec), undisturbed(simulate(without_outages(spec)))
    beside = outage_facts(results, spec, spec.events[-1], usual)
    alone = outage_facts(results, spec, spec.events[-1])

    assert beside.expired == pytest.approx(75 * 60, abs=120)
    assert beside.longest_delay_s == pytest.approx(30 * 60, abs=1)
    assert alone.expired == pytest.approx(60 * 60, abs=120)
    nothing = usual._replace(failed=pd.Index(results.mail["mail"].unique()))  # all of it fails without the outage too
    assert outage_facts(results, spec, spec.events[-1], nothing).expired == 0


def test_late_mail_is_told_beside_queues_that_are_as_usual(steady: Scenario) -> None:
    """Normal 10 minutes after the return at 10:00, the last late mail at 10:17; where it came before the queues were normal, nothing."""
    spec = with_outage(steady, ["inotes-inbound"], "Mon 12:00", "4 h")
    facts = _drained(outage_facts(simulate(spec), spec, spec.events[-1]), 600.0)._replace(to_s=3600.0)
    late = facts._replace(late_to_s=4620.0)
    start = spec.run.start

    assert "Normal again Mon 10:10, 10 min after the return; the last late mail arrives Mon 10:17; the" in headline(
        [late], start
    )
    assert "late" not in headline([facts._replace(late_to_s=4100.0)], start)
    assert "late" not in headline([facts], start)
    assert "the last late mail arrives Mon 10:17 in 1 of them;" in headline([facts, late], start)
    assert "arrives Mon 10:17 to 10:20;" in headline([late, late._replace(late_to_s=4800.0)], start)
    assert "at once, Mon 10:00; the last late mail arrives Mon 10:17;" in headline([_drained(late, 0.0)], start)


def test_undisturbed_is_all_else_as_it_is(steady: Scenario) -> None:
    """Outages at known times go; what fails at random, and all else that happens, stays."""
    events = [
        {"down": "inotes-inbound", "mtbf": "30 min", "mttr": "10 min"},
        {"down": "onprem", "at": "Mon 10:00", "for": "10 min"},
    ]
    spec = steady.change({"events": events})

    assert without_outages(spec).events == spec.events[:1]


FROM_THE_START = """
coexsim: 1
domain: corp.net
sites: [office, cloud, internet]
links:
  - {between: [office, cloud], round_trip: 40 ms}
  - {between: [office, internet], round_trip: 30 ms}
  - {between: [cloud, internet], round_trip: 10 ms}
dns: {corp.net: "@ 1h IN MX 10 mail\\nmail 1h IN A 192.0.2.25"}
servers:
  onprem:
    kind: exchange
    site: office
    host: mail.corp.net
    accepted_domains: {corp.net: internal-relay}
    send_connectors: [{name: cloud, address_spaces: [corp.net], smart_hosts: [in.cloud-mail.net], use_external_dns: true}]
    capacity: {transfer_threads: 10, transfer_threads_per_destination: 2}
  cloud-in: {kind: hosted-inbound, site: cloud, host: in.cloud-mail.net, service: {accept: {fixed: 500 ms}}}
  world: {kind: external, site: internet, domain: elsewhere.org}
directory: {master: onprem, replica: {at: cloud-in}, population: {onprem: 10, hosted: 100}}
load: {streams: [{from: internet, to: hosted, rate: 2500 / hour, sizes: 20 KB}]}
run: {start: Mon 08:00, length: 2 h}
"""


def test_an_outage_that_begins_with_the_run_ends_when_what_it_lifted_is_gone() -> None:
    """2,500 wait after an hour; 2 connections of 0.5 s and 5 round trips of 40 ms take 2.86/s while 0.69/s come: 19 min, up to 5 later.

    Those 5 are the retry interval. The few messages under way at a sender, which no outage lifted, have no say.
    """
    spec = scenario_from_text(FROM_THE_START, "start.yaml")
    found = outage(spec, "cloud-in", "Mon 08:00", "1 h", try_limits=False)

    assert 19 * 60 <= max(found.normal_s) <= 26 * 60
