"""The rules about a run and what happens in it, one function a rule."""

from __future__ import annotations

from coexsim.scenario.model import MOST_MAILBOXES, Scenario
from coexsim.scenario.names import Names
from coexsim.scenario.places import Found
from coexsim.units import DAY_S, WEEK_S, say_span, say_time

MOST_OUTAGES = 100_000  # of one event in one run


def outages_name_what_exists(scenario: Scenario) -> Found:
    """What goes down is a server, a link, a site's line, or ``dns``; a zone that fails is one that is declared."""
    known, zones = Names(scenario.can_go_down), Names(scenario.dns)
    for index, event in enumerate(scenario.events):
        for name in event.down:
            if name not in known:
                yield ("events", index, "down"), known.none_called("server or link", name)
        if event.zone is not None and event.zone not in zones:
            yield ("events", index, "zone"), zones.none_called("zone", event.zone)


def outages_begin_in_the_run(scenario: Scenario) -> Found:
    """No outage began before the run and lasts into it: it would be as if it were not there."""
    run = scenario.run
    for index, event in enumerate(scenario.events):
        if event.at is None or event.at.after_start or not (event.down or event.zone):
            continue
        after_s = event.at.after(run.start)
        before_s = (DAY_S if event.at.day is None else WEEK_S) - after_s
        if after_s >= run.length > 0 and (event.for_ or 0.0) > before_s:
            began, start = say_time(-before_s, run.start), say_time(0.0, run.start)
            text = f"it begins {began}, before the run, {start}, and lasts into it; let the run begin with it or earlier ('run: start')"
            yield ("events", index, "at"), text


def windows_are_in_order(scenario: Scenario) -> Found:
    """The run has a length, the measured window lies inside it, and the warm-up leaves some of it."""
    run = scenario.run
    if run.length <= 0:
        yield ("run", "length"), "a run of no length measures nothing"
    end_s = run.length
    if run.measure:
        begin, end = (moment.after(run.start) for moment in run.measure)
        end_s = end = end or run.length
        if not 0 <= begin < end <= run.length:
            measured, whole = say_span(begin, end, run.start), say_span(0.0, run.length, run.start)
            yield (
                ("run", "measure"),
                f"the measured window, {measured}, must lie inside the run, {whole}, and end after it begins",
            )
    if isinstance(run.warm_up, float) and run.length > 0 and run.warm_up >= end_s:
        yield ("run", "warm_up"), "the warm-up ends when nothing is left to measure; make it shorter, or the run longer"


def outages_can_be_counted(scenario: Scenario) -> Found:
    """Outages at random are so many in a run that each of them can be simulated."""
    for index, event in enumerate(scenario.events):
        if event.mtbf is None or event.mttr is None:
            continue
        expected = scenario.run.length / (event.mtbf + event.mttr)
        if expected > MOST_OUTAGES:
            yield (
                ("events", index, "mtbf"),
                f"this would be about {expected:,.0f} outages in the run; {MOST_OUTAGES:,} at the most",
            )


def moves_can_be_counted(scenario: Scenario) -> Found:
    """Nobody hires more people than a directory holds."""
    for index, event in enumerate(scenario.events):
        for key in ("move", "hire"):
            number = getattr(event, key)
            if isinstance(number, int) and not 0 <= number <= MOST_MAILBOXES:
                yield ("events", index, key), f"expected a number from 0 to {MOST_MAILBOXES:,}; found {number:,}"


def mailings_know_their_senders(scenario: Scenario) -> Found:
    """A mailing comes from a side that has mailboxes, or is said to have none (``hosted: 0``), or gets some in the run.

    From a side that was emptied, as by a hosted share of 0 %, it is no mail; one that was never spoken of is a mistake.
    """
    population = scenario.directory.population
    mailings = scenario.load.bulk if scenario.load is not None and population else ()
    spoken_of = {*population, "internet", *(event.to for event in scenario.events if event.move or event.hire)}
    for index, mailing in enumerate(mailings):
        if mailing.sender not in spoken_of:
            text = f"{mailing.sender!r} has no mailboxes; write how many under 'directory: population', be it 0"
            yield ("load", "bulk", index, "from"), text
