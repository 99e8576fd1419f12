"""What makes mail wait is foreseen: how many messages, how often each is tried in vain, and where that is written."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coexsim.experiment import kept_back
from coexsim.experiment.engines import engine_for, engines_for
from coexsim.experiment.estimate import DISK_BYTES_PER_RECIPIENT, estimate, expected_work
from coexsim.experiment.kept_back import sample_of
from coexsim.experiment.waiting import Waiting, waiting_mail
from coexsim.scenario.load import changed
from coexsim.scenario.model import Scenario
from coexsim.scenario.places import Path
from coexsim.sim.draining import IN_VAIN_EACH
from tests.sim.loaded import loaded, run_world
from tests.sim.setups import OUTSIDE, PEOPLE, setup

EVERY_SECOND = {"like": "exim", "first": "1 s", "factor": 1, "longest": "1 s", "expire_after": "5 d"}
SENDERS = ("onprem", "inotes-outbound", "external")


def waiting(*more: dict[str, Any], messages: float = 1000.0) -> list[Waiting]:
    """What 1000 messages of ten minutes wait for, at senders that try every second."""
    return waiting_mail(spec := dense(*more), messages, sample_of(spec))


def dense(*more: dict[str, Any]) -> Scenario:
    """Senders that try every second, for ten minutes and an hour."""
    retries = {
        "servers": {name: {"retry": EVERY_SECOND} for name in SENDERS},
        "run": {"length": "10 min", "drain": "1 h"},
    }
    return loaded("domino", retries, *more)


def test_an_outage_makes_the_mail_wait_that_is_born_in_it() -> None:
    """4 of 10 minutes are 400 of 1000 messages, which wait for 2 minutes in the mean: the first attempt and 120 more."""
    [found] = waiting({"events": [{"at": "2 min", "for": "4 min", "down": "inotes-inbound"}]})

    assert found.messages == pytest.approx(400)
    assert found.tries_each == 121
    assert found.path == ("events", 0)
    assert found.schedule_path == ("servers", found.schedule_path[1], "retry")


def test_who_is_down_tries_nothing() -> None:
    """Only the others' schedules count."""
    [found] = waiting({"events": [{"at": "2 min", "for": "4 min", "down": list(SENDERS)}]})

    assert found.schedule_path[1] not in SENDERS
    assert found.tries_each < 10


@pytest.mark.parametrize(
    ("more", "messages", "tries", "path"),
    [
        ({"servers": {"inotes-inbound": {"greylisting": {"delay": "3 min"}}}}, 1000, 181, ("servers", "inotes-inbound", "greylisting")),
        ({"events": [{"mtbf": "9 min", "mttr": "1 min", "down": "onprem"}]}, 100, 61, ("events", 0)),
        ({"events": [{"at": "0 s", "for": "10 min", "zone": "corporate.com", "fault": "servfail"}]}, 1000, 301, ("events", 0)),
    ],
)  # fmt: skip
def test_what_makes_mail_wait(more: dict[str, Any], messages: float, tries: float, path: Path) -> None:
    """Greylists, outages at random, DNS."""
    [found] = waiting(more)

    assert found.messages == pytest.approx(messages)
    assert (found.tries_each, found.path) == (tries, path)


def test_attempts_in_vain_are_counted_as_far_as_they_are_made() -> None:
    """A greylist for ever and seven days of drain: as many for each as are made before the run is stopped."""
    [found] = waiting({"servers": {"inotes-inbound": {"greylisting": {"delay": "99 d"}}}, "run": {"drain": "7 d"}})

    assert found.tries_each == 301 + IN_VAIN_EACH


def test_nothing_waits_where_nothing_fails() -> None:
    """Nor for an outage after the run."""
    assert waiting() == []
    assert waiting({"events": [{"at": "11 min", "for": "4 min", "down": "onprem"}]}) == []


def test_the_estimate_is_of_the_right_size() -> None:
    """The deferrals of the run itself: not more than foreseen, and more than a twentieth of it."""
    spec = dense({"events": [{"at": "20 s", "for": "60 s", "down": "inotes-inbound"}], "run": {"length": "30 s"}})
    world, _ = run_world(spec)

    assert estimate(spec).attempts / 20 < world.deferrals <= estimate(spec).attempts


def test_mail_that_nobody_takes_waits_where_it_is() -> None:
    """A server that does not listen: mail of the Internet (400 of 1000) at the Internet, and what the service sends by MX in the service.

    From the middle of the run: 5 minutes, then the hour of the drain.
    """
    found = waiting({"servers": {"onprem": {"smtp_listener_task": "disabled"}}})
    kept = {each.path[1]: each for each in found}

    assert set(kept) == {"external", "inotes-outbound"}
    assert kept["external"].messages == pytest.approx(400, rel=0.3)  # a sample of 200
    assert [each.tries_each for each in found] == [3901, 3901]


ONE_CLIENT = {"resolvers": 1}
KEPT: dict[str, tuple[str, dict[str, Any]]] = {
    "a domain is kept for now": ("postfix", {"onprem": {"transport": {"otherdomain.com": "retry:4.2.1 later"}}}),
    "what bounces waits": ("postfix", {"onprem": {"soft_bounce": True}}),
    "nobody listens": ("domino", {"onprem": {"smtp_listener_task": "disabled"}}),
    "half of a client's messages": (
        "postfix",
        {"onprem": {"smtpd_client_message_rate_limit": 60}, "external": ONE_CLIENT},
    ),
    "nine of ten of them": ("postfix", {"onprem": {"smtpd_client_message_rate_limit": 12}, "external": ONE_CLIENT}),
    "its recipients": ("postfix", {"onprem": {"smtpd_client_recipient_rate_limit": 60}, "external": ONE_CLIENT}),
    "its connections": ("postfix", {"onprem": {"smtpd_client_connection_rate_limit": 30}, "external": ONE_CLIENT}),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_the_set_up_keeps_back_is_foreseen_within_a_factor_of_two(case: str) -> None:
    """The deferrals of the run itself."""
    kind, servers = KEPT[case]
    spec = loaded(kind, {"servers": servers}, {"run": {"length": "5 min", "drain": "12 h"}})
    world, _ = run_world(spec)

    assert world.deferrals > 500
    assert 0.5 < estimate(spec).attempts / world.deferrals < 2


def test_bursts_below_a_limit_are_foreseen_in_part() -> None:
    """120 messages a minute where 125 are let in: of the run's own deferrals a twentieth at the least, five times as many at the most."""
    servers = {"onprem": {"smtpd_client_message_rate_limit": 125}, "external": {**ONE_CLIENT, "retry": EVERY_SECOND}}
    spec = loaded("postfix", {"servers": servers}, {"run": {"length": "5 min", "drain": "1 h"}})
    world, _ = run_world(spec)

    assert world.deferrals / 20 < estimate(spec).attempts < 5 * world.deferrals


LOOP = {
    "onprem": {
        "relay_domains": ["corporate.com"],
        "virtual_mailbox_domains": [],
        "recipient_bcc_maps": {"@corporate.com": "zz@corporate.com"},
    },
    "inotes-inbound": {"unknown_recipients": "relay", "smart_host": "[mail.corporate.com]"},
}


def test_a_loop_costs_what_its_transactions_cost() -> None:
    """Mail that nobody has goes to and fro until the hop limit, with a copy at each visit: the rows of the run within a factor of three."""
    spec = loaded("postfix", {"servers": LOOP}, {"run": {"length": "1 min"}})
    plain, looping = (
        estimate(loaded("postfix", {"run": {"length": "1 min"}}), engine="reference"),
        estimate(spec, engine="reference"),
    )
    _, results = run_world(spec)

    assert looping.messages == plain.messages
    assert looping.cpu_s > 5 * plain.cpu_s
    assert len(results.mail) / 3 < looping.disk_bytes / DISK_BYTES_PER_RECIPIENT < 3 * len(results.mail)
    assert expected_work(spec) > 5 * looping.messages


def test_a_sample_of_loops_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ways of thousands of transactions each are not all followed."""
    spec = loaded("postfix", {"servers": LOOP}, {"run": {"length": "1 min"}})
    whole = len(sample_of(spec).routes)
    monkeypatch.setattr(kept_back, "MOST_TRANSACTIONS", 100)

    assert len(sample_of(spec).routes) < whole


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_replayed_mail_is_counted(tmp_path: pathlib.Path, kind: str) -> None:
    """A table of 300 messages: 300, for the estimate and for the choice of the engine."""
    table = pd.DataFrame({"born_s": np.arange(300.0), "sender": OUTSIDE, "recipients": PEOPLE[0], "size_bytes": 5000})
    file = tmp_path / f"sent.{kind}"
    table.to_csv(file, index=False) if kind == "csv" else table.to_parquet(file)
    spec = setup("domino", {"load": {"replay": {"file": str(file)}}})

    assert estimate(spec).messages == 300
    assert expected_work(spec) == pytest.approx(300, rel=0.5)


def test_five_days_of_attempts_are_counted() -> None:
    """100,000 messages that nobody takes, tried every 5 minutes for 5 days: 1,441 attempts each, about 3 h of the reference engine."""
    steady = {"from": "onprem", "to": "internet", "rate": "100/s"}
    every = {"minimal_backoff_time": "5 min", "maximal_backoff_time": "5 min", "transport": {"*": "retry:later"}}
    more = {"load": {"streams": [steady]}, "servers": {"onprem": every}, "run": {"length": "1000 s", "drain": "7 d"}}
    found = estimate(loaded("postfix", more), engine="reference")

    assert found.attempts == pytest.approx(1.44e8, rel=0.02)
    assert found.is_large


def test_it_says_where() -> None:
    """File and line of what makes it so and of the schedule, so that either can be changed."""
    spec = dense({"events": [{"at": "2 min", "for": "4 min", "down": "inotes-inbound"}]})
    [found] = waiting_mail(spec, 1000.0, sample_of(spec))
    file, line = spec.source.where(("events", 0))

    assert found.say(spec).startswith(f"{file}:{line}: up to 400 messages wait, each is tried up to 120 times ({file}:")


def test_attempts_count_for_the_choice_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little mail that is tried very often is long work: as much mail would be."""
    monkeypatch.setattr("coexsim.engine.cache.unavailable", lambda: None)
    few = changed(loaded("domino"), {"run.length": "60 s"})
    many = changed(
        dense({"events": [{"at": "1 s", "for": "9 d", "down": "inotes-inbound"}]}),
        {"run.length": "60 s", "run.drain": "7 d"},
    )

    assert expected_work(few) < 1_000
    assert expected_work(many) > 500_000
    assert (engine_for(few, 2), engine_for(many, 2)) == ("auto", "compiled")


def test_runs_of_all_points_count_for_the_choice_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is loaded once serves each of them; one that is not covered chooses for itself."""
    monkeypatch.setattr("coexsim.engine.cache.unavailable", lambda: None)
    monkeypatch.setattr("coexsim.engine.choice.LOADING_S", 1.0)
    monkeypatch.setattr("coexsim.engine.choice.COMPILING_S", 1.0)
    few = changed(loaded("domino"), {"run.length": "60 s"})
    monkeypatch.setattr("coexsim.engine.choice.REFERENCE_MAILS_PER_S", 4 * expected_work(few))
    other = changed(few, {"run.length": "61 s"})
    monkeypatch.setattr("coexsim.experiment.engines.not_covered", lambda one: "a thing" if one is other else None)

    assert engines_for([(few, 1), (few, 2)]) == ["auto", "auto"]
    assert engines_for([(few, 1), (other, 1), (few, 4)]) == ["compiled", "auto", "compiled"]
    assert engines_for([(few, 1), (few, 2)], "reference") == ["reference", "reference"]
