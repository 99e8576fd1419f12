"""The answer to an outage in one line: when all is normal again, the longest wait, whose disk it takes, and what was lost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import isfinite, isnan

from coexsim.analysis.outage import OutageFacts
from coexsim.text import joined
from coexsim.units import Moment, say_bytes, say_duration, say_span, say_time


def headline(runs: Sequence[OutageFacts], start: Moment, foreign: Collection[str] = ()) -> str:
    """``Normal again Wed 09:26, 19 h after the return; the longest wait 25 h; 0.65 GB of queue disk at onprem; nothing expired``.

    Of several runs each figure is the least and the most that a run had. `foreign` servers are not the organisation's: what waits there
    is told after its own disks.
    """
    parts = [_normal_again(runs, start)]
    waits_s = [each.longest_delay_s for each in runs if not isnan(each.longest_delay_s)]
    if waits_s:
        parts.append(f"the longest wait {say_range(waits_s, say_duration)}")
    parts += _disks(runs, foreign)
    parts.append(_lost(runs))
    left = [each.in_transit for each in runs]
    if any(left):
        parts.append(f"{say_range(left, '{:,}'.format)} still in transit")
    all_seen = all(isfinite(each.normal_s) or not isfinite(each.to_s) for each in runs)
    several = f"{'In each of' if all_seen else 'Of'} {len(runs)} runs " if len(runs) > 1 else ""
    text = "; ".join(parts)
    return several + (text[0].lower() if several else text[0]) + text[1:]


def say_range(values: Sequence[float], say: Callable[[float], str]) -> str:
    """``35 min to 41 min``; once where both ends read the same."""
    low, high = say(min(values)), say(max(values))
    return low if low == high else f"{low} to {high}"


def _lost(runs: Sequence[OutageFacts]) -> str:
    lost = [
        f"{say_range(numbers, '{:,}'.format)} {word}"
        for word, numbers in (
            ("expired", [each.expired for each in runs]),
            ("bounced", [each.bounced for each in runs]),
        )
        if any(numbers)
    ]
    return " and ".join(lost) if lost else "nothing expired"


def _disks(runs: Sequence[OutageFacts], foreign: Collection[str]) -> list[str]:
    """The disk that queues of the organisation's own servers take, then what waits at servers that are not its own."""
    sizes: dict[str, list[float]] = {}
    for each in runs:
        for server, size in zip(each.backlog["server"], each.backlog["most_bytes"], strict=True):
            sizes.setdefault(str(server), []).append(float(size))
    if not sizes:
        return ["no server's queue grew"]
    sizes = {server: [*found, *[0.0] * (len(runs) - len(found))] for server, found in sizes.items()}
    own = _by_size({server: found for server, found in sizes.items() if server not in foreign})
    others = _by_size({server: found for server, found in sizes.items() if server in foreign})
    said = []
    if own:
        said.append(", ".join(f"{s}{' of queue disk' * (n == 0)} at {name}" for n, (name, s) in enumerate(own)))
    if others:
        said.append(f"{', '.join(f'{size} wait at {name}' for name, size in others)}, not your own")
    return said


def _by_size(sizes: dict[str, list[float]]) -> list[tuple[str, str]]:
    """The servers that keep most, with how much, those with less than a tenth of that left out."""
    order = sorted(sizes.items(), key=lambda pair: -max(pair[1]))[:3]
    return [(name, say_range(found, say_bytes)) for name, found in order if max(found) >= 0.1 * max(order[0][1]) > 0]


def _normal_again(runs: Sequence[OutageFacts], start: Moment) -> str:
    facts, normal_s = runs[0], [each.normal_s for each in runs]
    if not isfinite(facts.to_s):
        return "The outage has no end within the run"
    unseen = [each for each in runs if not isfinite(each.normal_s)]
    if unseen:
        seen_s = min(each.seen_to_s for each in unseen)
        which = f" in {len(unseen)} of them" if len(runs) > 1 else ""
        return f"Not normal again{which} by {say_time(seen_s, start)}, {say_ago(seen_s - facts.to_s)} after the {_return(facts)}"
    late = _late(runs, start)
    if max(normal_s) == 0:
        return f"Normal again at once, {say_time(facts.to_s, start)}{late}"
    when = _say_minutes([facts.to_s + each for each in normal_s], start)
    return f"Normal again {when}, {say_range(normal_s, say_ago)} after the {_return(facts)}{late}"


def _return(facts: OutageFacts) -> str:
    endless = [what for what, _, to_s in facts.others if not isfinite(to_s)]
    if endless:
        return f"return, while {joined(endless)} stay{'s' * (len(endless) == 1)} down"
    return f"return from the last of {len(facts.others) + 1} outages" if facts.others else "return"


def _late(runs: Sequence[OutageFacts], start: Moment) -> str:
    """``; the last late mail arrives Mon 10:07``: what is late and arrives when the queues are normal; empty where nothing is."""
    ends_s = [
        each.late_to_s for each in runs if whole_minutes(each.late_to_s) > whole_minutes(each.to_s + each.normal_s)
    ]
    if not ends_s:
        return ""
    some = f" in {len(ends_s)} of them" if len(ends_s) < len(runs) else ""
    return f"; the last late mail arrives {_say_minutes(ends_s, start)}{some}"


def _say_minutes(moments_s: Sequence[float], start: Moment) -> str:
    """``Mon 10:07``, or the span of several moments."""
    first_s, last_s = (whole_minutes(each(moments_s)) for each in (min, max))
    return say_time(last_s, start) if first_s == last_s else say_span(first_s, last_s, start)


def say_ago(seconds: float) -> str:
    """``19 h``: to the minute, so that one figure reads the same wherever it stands."""
    return say_duration(whole_minutes(seconds))


def whole_minutes(seconds: float) -> float:
    """To the minute; infinite stays so."""
    return 60.0 * round(seconds / 60) if isfinite(seconds) else seconds
