"""How many attempts of a run will come to nothing, as far as its scenario tells: outages, greylists, limits on rates, mail nobody takes.

Of outages and greylists an estimate from above: all mail that is born meanwhile is taken to wait, at the server that tries most often. Of
the others a sample of the mail says who waits where. Attempts turned away for want of room (connections, queues) and by limits on mailboxes
are not foreseen: a line of progress says how many came to nothing so far.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from coexsim.experiment.kept_back import Sample, kept_back, limited, parts_by_hour
from coexsim.experiment.tried_again import tried_again
from coexsim.mail.products.registry import retry_of
from coexsim.mail.retry import RetrySchedule
from coexsim.scenario.model import Scenario
from coexsim.scenario.places import Path
from coexsim.sim.draining import IN_VAIN_EACH, LEAST_IN_VAIN, drain_limit_s

MOST_COUNTED = 1_000
"""So many attempts of a schedule are counted; then the gap stays as it is."""


class Waiting(NamedTuple):
    """Mail that something makes wait: so many messages, each of which is tried so often in vain."""

    path: Path
    """The key that makes it so."""
    messages: float
    schedule_path: Path
    """The server by whose schedule they are tried, or its key."""
    tries_each: float
    asks_rules: bool = False
    """The compiled engine asks the rules at each attempt."""

    @property
    def attempts(self) -> float:
        """Of all of them together."""
        return self.messages * self.tries_each

    def say(self, scenario: Scenario) -> str:
        """``day.yaml:31: up to 300 messages wait, each is tried up to 7,200 times (day.yaml:12)``."""
        here, there = (
            ":".join(str(part) for part in scenario.source.where(path) if part)
            for path in (self.path, self.schedule_path)
        )
        messages, tries = (f"{float(f'{number:.2g}'):,.0f}" for number in (self.messages, self.tries_each))
        return f"{here}: up to {messages} messages wait, each is tried up to {tries} times ({there})"


class _Cause(NamedTuple):
    """Something that makes the mail wait that is born in a part of the run."""

    path: Path
    share: float
    """Of the run's mail."""
    middle_s: float
    """When it is born, in the middle."""
    wait_s: float
    absent: tuple[str, ...] = ()
    """Servers that try nothing meanwhile."""
    is_frozen: bool = False


def waiting_mail(scenario: Scenario, messages: float, sample: Sample) -> list[Waiting]:
    """What makes mail wait in a run of so many messages, and how often it is tried in vain; the most attempts first."""
    schedules = {name: retry_of(scenario, name) for name in scenario.servers}
    found = [*_turned_away(scenario, sample, messages)]
    for cause in (*_causes(scenario), *_kept_back(scenario, sample)):
        waiting = messages * cause.share
        tries = {
            name: _tries(scenario, cause, _thawing(schedule) if cause.is_frozen else schedule, waiting)
            for name, schedule in schedules.items()
            if name not in cause.absent
        }
        if waiting > 0 and tries:
            name = max(tries, key=lambda each: tries[each])
            path = _path_of_schedule(scenario, name)
            found.append(Waiting(cause.path, waiting, path, tries[name], cause.path[-1] == "greylisting"))
    return sorted(found, key=lambda each: -each.attempts)


def _causes(scenario: Scenario) -> Iterator[_Cause]:
    run = scenario.run
    length_s = run.length
    for number, event in enumerate(scenario.events):
        path: Path = ("events", number)
        if event.mtbf is not None and event.mttr is not None:
            yield _Cause(path, event.mttr / (event.mtbf + event.mttr), length_s / 2, event.mttr)
        elif event.at is not None and (event.down or event.zone):
            from_s = event.at.after(run.start)
            until_s = inf if event.for_ is None else from_s + event.for_
            to_s = min(until_s, length_s)
            if length_s and from_s < to_s:
                middle_s = (from_s + to_s) / 2
                yield _Cause(path, (to_s - from_s) / length_s, middle_s, until_s - middle_s, event.down)
    for name, server in scenario.servers.items():
        if server.greylisting is not None:
            yield _Cause(("servers", name, "greylisting"), 1.0, length_s / 2, server.greylisting.delay, (name,))


def _kept_back(scenario: Scenario, sample: Sample) -> Iterator[_Cause]:
    """Mail that no server will ever take, at the server that keeps it."""
    for kept in kept_back(sample):
        others = tuple(name for name in scenario.servers if name != kept.server)
        yield _Cause(("servers", kept.server), kept.share, scenario.run.length / 2, inf, others, kept.is_frozen)


def _turned_away(scenario: Scenario, sample: Sample, messages: float) -> Iterator[Waiting]:
    """Mail that a limit on a client's rate turns away, at the client."""
    until_s = drain_limit_s(scenario)
    for server, client, senders, rate, share, counted in limited(sample):
        of_each = messages * share / senders
        found = tried_again(
            [of_each * part for part in parts_by_hour(scenario)], rate.most / counted, rate.window_s,
            retry_of(scenario, client), scenario.run.length, until_s,
        )  # fmt: skip
        if found.messages:
            each = found.attempts / found.messages
            yield Waiting(
                ("servers", server), senders * found.messages, _path_of_schedule(scenario, client), each, True
            )


def _path_of_schedule(scenario: Scenario, server: str) -> Path:
    return ("servers", server) if scenario.servers[server].retry is None else ("servers", server, "retry")


def _thawing(schedule: RetrySchedule) -> RetrySchedule:
    """The schedule of frozen mail."""
    expire_s = schedule.cancel_frozen_after_s
    assert expire_s is not None, "asked of a server that freezes mail"
    return schedule._replace(gaps_s=(schedule.thaw_after_s,), factor=1.0, longest_s=inf, expire_after_s=expire_s)


def _tries(scenario: Scenario, cause: _Cause, schedule: RetrySchedule, messages: float) -> float:
    """How often each message is tried in vain: until it gets on, expires, the run is over, or attempts in vain are stopped."""
    wait_s = min(cause.wait_s, schedule.expire_after_s)
    in_run = _tries_within(schedule, min(wait_s, scenario.run.length - cause.middle_s))
    in_all = _tries_within(schedule, min(wait_s, drain_limit_s(scenario) - cause.middle_s))
    is_in_vain = cause.middle_s + cause.wait_s > drain_limit_s(scenario)
    most_after = max(LEAST_IN_VAIN / messages, IN_VAIN_EACH) if is_in_vain and messages else inf
    return in_run + min(in_all - in_run, most_after)


def _tries_within(schedule: RetrySchedule, wait_s: float) -> float:
    """Attempts of a message that comes to nothing for so long."""
    at_s = gap_s = 0.0
    for count in range(MOST_COUNTED):
        next_s = schedule.next_attempt_s(at_s, count + 1, 0.0)
        if next_s > wait_s:
            return count + 1.0
        at_s, gap_s = next_s, next_s - at_s
    return MOST_COUNTED + 1.0 + max(wait_s - at_s, 0.0) / gap_s
