"""What makes an outage last, in a few sentences: only of limits that were tried it is said that they do or do not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isfinite

from coexsim.analysis.outage import OutageFacts
from coexsim.analysis.outage_headline import say_ago
from coexsim.analysis.outage_limits import MANY, LimitChange, Outcome, helps, hurts, outcome_of, saves


def say_limit(facts: OutageFacts, changes: Sequence[LimitChange], foreign: Collection[str]) -> str:
    """The limit that makes it last, or the queue that is normal last; empty where nothing lasts.

    `changes` are those that were tried, the best first; `foreign` servers are not the organisation's own.
    """
    now = outcome_of(facts)
    better = [change for change in changes if helps(change, now)]
    own = next((change for change in better if change.is_own), None)
    said: list[str] = []
    named = better[:1]
    if own is not None and own.normal_s <= (1 + MANY) * better[0].normal_s and own.lost <= better[0].lost:
        said, named = [f"What makes it last is a limit: with {own.words} {_came_of(own, now)}."], [own]
    elif better:
        said.append(f"What makes it last is not yours to set: with {better[0].words} {_came_of(better[0], now)}.")
        if own is not None:
            said.append(f"Of your own limits one helps most: with {own.words} {_came_of(own, now)}.")
            named = [better[0], own]
    else:
        said += [_last_queue(facts, foreign)]
        tried = ", ".join(each.words for each in changes if not hurts(each, now) and not saves(each, now.lost))
        if tried:
            said.append(f"None of the limits that were tried changes it by more than a tenth ({tried}).")
    told = min([now.lost, *(each.lost for each in named)])
    saving = [change for change in changes if saves(change, told)]
    if saving:
        best = min(saving, key=lambda each: (each.lost, not each.is_own, each.normal_s))
        said.append(f"Less is lost with {best.words}: {_came_of(best, now)}.")
    worse = [change for change in changes if hurts(change, now) and not saves(change, now.lost)]
    if worse:
        said.append(f"It would last longer with {worse[-1].words}: {_came_of(worse[-1], now)}.")
    return " ".join(filter(None, said))


def _came_of(change: LimitChange, now: Outcome) -> str:
    """``all is normal 88 min after the return, not 24 h, and nothing expires or bounces, not 67,474``."""
    then, before = (say_ago(each.normal_s) if isfinite(each.normal_s) else "" for each in (change, now))
    if not then:
        said = "all is not normal in the time that was followed"
    elif not before:
        said = f"all is normal {then} after the return; as it is, that was not seen"
    else:
        said = f"all is normal {then} after the return" + (f", not {before}" if then != before else "")
    if change.lost == now.lost:
        return said
    lost, lost_now = (f"{each:,}" if each else "nothing" for each in (change.lost, now.lost))
    return f"{said}, and {lost} {'expires' if lost == 'nothing' else 'expire'} or bounce{'s' * (lost == 'nothing')}, not {lost_now}"


def _last_queue(facts: OutageFacts, foreign: Collection[str]) -> str:
    """Which queue is the last to be normal again, or is not; empty where none lasts, and of an outage without an end."""
    queues = facts.backlog
    if not isfinite(facts.to_s) or not queues["drain_s"].gt(0).any():
        return ""
    last = queues.iloc[int(queues["drain_s"].argmax())]
    ends = "The last queue to be normal again" if isfinite(last["drain_s"]) else "A queue that is not normal again"
    return f"{ends} is that of {last['server']}{', not your own' if last['server'] in foreign else ''}."
