"""What is wrong with events: they come when the run is over, or move people who are not there."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.finding import Finding, FindingKind
from coexsim.audit.search import Search, Subject
from coexsim.scenario.model import Event
from coexsim.units import say_time

EVENT_WITHOUT_EFFECT = FindingKind(
    "EVENT-WITHOUT-EFFECT",
    "an event changes nothing, or less than it says",
    "warning",
    "It begins when no more mail is sent, or it moves more people than the side has that they come from.",
    "The answers are those of a run without it, or with fewer people moved, as if nothing had been asked.",
    "Let the run last longer, or begin earlier ('run: start, length'); move no more people than directory.population has.",
    "coexsim",
)


def events_come_in_time(search: Search) -> Iterator[Finding]:
    """An event of a scenario with load begins while mail is sent."""
    run = search.scenario.run
    if search.scenario.load is None:
        return
    for index, event in enumerate(search.scenario.events):
        if event.at is not None and event.at.after(run.start) >= run.length:
            begins, ends = (say_time(at_s, run.start) for at_s in (event.at.after(run.start), run.length))
            text = f"the event begins {begins}, but the run's mail is sent until {ends}; make the run longer, or let it begin earlier"
            yield search.finding(EVENT_WITHOUT_EFFECT, ("events", index), text)


def moves_find_their_people(search: Search) -> Iterator[Finding]:
    """A number of people that moves is there to be moved: those of the population whom no earlier event has moved."""
    scenario = search.scenario
    left = {side: scenario.directory.population.get(side, 0) for side in ("onprem", "hosted")}
    for index, event in sorted(enumerate(scenario.events), key=lambda pair: _at_s(search, pair[1])):
        if not isinstance(event.move, int) or not event.move or event.to is None:
            continue
        origin = "onprem" if event.to == "hosted" else "hosted"
        if event.move > left[origin]:
            text = f"{event.move:,} people move to {event.to}, but only {left[origin]:,} of the population are {origin} then; they move"
            yield search.finding(EVENT_WITHOUT_EFFECT, ("events", index, "move"), text)
        left[origin] -= min(event.move, left[origin])


def _at_s(search: Search, event: Event) -> float:
    return 0.0 if event.at is None else event.at.after(search.scenario.run.start)


SUBJECT = Subject(explanations=(EVENT_WITHOUT_EFFECT,), finders=(events_come_in_time, moves_find_their_people))
