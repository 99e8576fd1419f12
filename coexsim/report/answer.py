"""The straight answer in a few sentences: are the objectives met, how long does mail take, what is busiest, what was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from coexsim.analysis.doubts import say_deferred
from coexsim.analysis.growth import say_month
from coexsim.analysis.outage_answer import Outage
from coexsim.analysis.outlook import Outlook
from coexsim.analysis.round_trip import RoundTrip
from coexsim.analysis.slo import Verdict
from coexsim.analysis.slo_text import BUSIEST_HOUR
from coexsim.answers import CANNOT_SAY, MET, MISSED
from coexsim.report.saying import is_worth_saying, summary_runs, too_few
from coexsim.report.words import say_limit
from coexsim.text import joined, say_lost
from coexsim.units import Moment, say_bytes, say_duration, say_span

SIDES_IN_WORDS = {
    "hosted": "hosted users",
    "onprem": "on-premises users",
    "internet": "the Internet",
    "unknown": "unknown addresses",
}
TOLD = 2
"""Of so many objectives that are all met each figure is told in the sentence."""
BEYOND_P95 = 0.05
"""Of a flow of which more expired its p95 is never, whatever that of the rest."""
UNPRICED = "The round trip is not priced in a streamed run."
"""It compares messages one by one, of which a streamed run keeps no rows."""
NOBODY = "->unknown"
"""How a flow to addresses that nobody has ends."""


def whole_answer(
    summary: dict[str, Any], verdicts: Sequence[Verdict], trip: RoundTrip | None = None, outage: Outage | None = None,
    outlook: Outlook | None = None,
) -> list[str]:  # fmt: skip
    """The sentences of a run wherever they are told: when all is normal again, until when it holds, then the straight answer."""
    first = [f"{outage.headline}.", outage.limit] if outage is not None else []
    start = outage.scenario.run.start if outage is not None else None
    load = f"With the load of {say_month(outlook.start)} " if outlook is not None else ""
    said = straight_answer(summary, verdicts, trip, start, load)
    return [*filter(None, [*first, str(outlook) if outlook else ""]), *said]


def straight_answer(
    summary: dict[str, Any], verdicts: Sequence[Verdict], trip: RoundTrip | None = None, start: Moment | None = None,
    load: str = "",
) -> list[str]:  # fmt: skip
    """One sentence for each thing a planner asks first; what is not known is left out.

    `load` begins the sentence on objectives where another one is of other loads. With the run's `start` the hours are told in which the
    mail was handed in whose end is counted, where the run holds other mail too.
    """
    begin_s, end_s = summary["window_s"]
    is_part = start is not None and (begin_s > 0 or end_s < summary["length_s"])
    handed_in = f" of mail handed in from {say_span(begin_s, end_s, start)}" if start is not None and is_part else ""
    found = [
        _begun(load, _objectives(verdicts, summary)),
        _settled_by(verdicts),
        _delay(summary),
        _busiest(summary, with_minute=start is not None),
        _price(trip) or (UNPRICED if summary["streamed"] and summary["round_trip_flows"] else ""),
        _lost(summary, handed_in),
    ]
    if summary["stopped_early"]:
        found.insert(0, f"The run was stopped early: {summary['stopped_early']}.")
    return [sentence for sentence in found if sentence]


def doubts(summary: dict[str, Any], *, outage: bool = False) -> list[str]:
    """What the answer does not rest on, though it may look so: resources without work, and waits for another attempt.

    In an outage mail waits for another attempt by its nature; which limit makes it last is then told by `Outage.limit`.
    """
    said = [f"{text[0].upper()}{text[1:]}." for text in summary["without_work"]]
    if summary["unsent_messages"]:
        said.append(
            f"Of the scenario's messages {summary['unsent_messages']:,} were not sent: "
            "they are handed in one each second, and the run was over."
        )
    return said if outage else [*said, *filter(None, [say_deferred(summary["deferred_share"])])]


def _objectives(verdicts: Sequence[Verdict], summary: dict[str, Any]) -> str:
    """``Both objectives are met: p95(delay) < 60 s: 12 s (11 s to 13 s); ...``; of many that are met not each figure."""
    if not verdicts:
        return ""
    figures = [_figure(verdict, summary) for verdict in verdicts]
    count = Counter(verdict.answer for verdict in verdicts)
    if len(verdicts) == 1:
        [verdict] = verdicts
        what = {MET: "The objective is met", MISSED: "The objective is missed"}.get(
            verdict.answer, "Cannot say whether the objective is met"
        )
        return f"{what}: {figures[0]}."
    if count[MET] == len(verdicts):
        if len(verdicts) > TOLD:
            return f"All {len(verdicts)} objectives are met."
        return f"Both objectives are met: {'; '.join(figures)}."
    if count[CANNOT_SAY] == len(verdicts):
        which = "either objective" if len(verdicts) == 2 else f"any of the {len(verdicts)} objectives"
        return f"Cannot say whether {which} is met: {'; '.join(figures)}."
    parts = [f"{count['met']} of {len(verdicts)} objectives {'is' if count['met'] == 1 else 'are'} met"]
    for answer, words in ((MISSED, "missed"), (CANNOT_SAY, "cannot say of")):
        texts = [figure for figure, verdict in zip(figures, verdicts, strict=True) if verdict.answer == answer]
        if texts:
            parts.append(f"{words}: {'; '.join(texts)}")
    return "; ".join(parts) + "."


def _begun(load: str, sentence: str) -> str:
    """``With the load of June 2027 both objectives are met: ...``."""
    return f"{load}{sentence[0].lower()}{sentence[1:]}" if load and sentence else sentence


def _settled_by(verdicts: Sequence[Verdict]) -> str:
    """What to do for an answer to the objectives of which we cannot say."""
    ways = list(dict.fromkeys(way for verdict in verdicts for way in verdict.settled_by.split(" or ") if way))
    return f"To be able to say, {joined(ways, 'or')}." if ways else ""


def _figure(verdict: Verdict, summary: dict[str, Any]) -> str:
    """``p95(delay) < 60 s: 12 s (11 s to 13 s)``; of mail that nobody sent that there is no such mail.

    The mean of a window says so where another sentence tells the busiest hour of the same thing.
    """
    objective = verdict.objective
    none = objective.what == "delay" and not verdict.samples
    is_mean = objective.kind == "utilisation" and not objective.busiest_hour and summary["peak"] == BUSIEST_HOUR
    begin_s, end_s = summary["window_s"]
    over = f" over the measured {say_duration(end_s - begin_s)}" if is_mean else ""
    return f"{objective.text}: {'no such mail' if none else verdict.say()}{over}"


def _delay(summary: dict[str, Any]) -> str:
    """The flow that makes the round trip, or else the slowest one."""
    rows = summary["delay_by_flow"]
    if not rows:
        return "Nothing was delivered in the measured window."
    slowest = max(rows, key=lambda row: (row["expired"] > BEYOND_P95, row["p95_s"]))
    row = next((row for row in rows if row["flow"] in summary["round_trip_flows"]), slowest)
    who = _who(str(row["flow"]))
    if row["expired"]:
        who = f"{who} that was delivered ({say_lost(row['expired'])})"
    if too_few(row["recipients"]):
        number = "the one recipient" if row["recipients"] == 1 else f"each of {row['recipients']:,} recipients"
        return f"{who} takes {say_duration(row['p99_s'])} or less for {number}."
    half, most = (say_duration(row[name]) for name in ("p50_s", "p95_s"))
    return f"{who} takes {half} or less for half of its recipients, and {most} or less for 95 % of them."


def _who(flow: str) -> str:
    """``Mail from the Internet to hosted users``."""
    one, other = (SIDES_IN_WORDS.get(side, side) for side in flow.split("->"))
    return f"Mail between {one}" if one == other else f"Mail from {one} to {other}"


def _busiest(summary: dict[str, Any], *, with_minute: bool) -> str:
    """The limit that is nearest to being reached; `with_minute`: also its busiest minute, as what an outage held back comes in minutes."""
    rows = [row for row in summary["servers"] if is_worth_saying(row)]
    if not rows:
        return ""
    row = max(rows, key=lambda row: row["busy_share"])
    when = f"hour from {row['when']}" if summary["peak"] == BUSIEST_HOUR else summary["peak"]
    minute = f", {100 * row['busiest_minute_share']:.0f} % in its busiest minute" if with_minute else ""
    what = f"The link {row['server']}" if row["stage"] == "link" else f"{row['server']}, with {say_limit(row)},"
    return f"{what} comes nearest to its limit: {100 * row['busy_share']:.0f} % busy in the {when}{minute}."


def _price(trip: RoundTrip | None) -> str:
    if trip is None:
        return ""
    extra = say_duration(abs(trip.mean_extra_s))
    if trip.too_small:
        return f"The round trip takes {extra} {'more' if trip.mean_extra_s >= 0 else 'less'} than direct delivery: too small to matter."
    change = f"adds {extra} to" if trip.mean_extra_s >= 0 else f"takes {extra} off"
    if too_few(trip.messages):
        whose = "the one message" if trip.messages == 1 else f"each of {trip.messages} messages, on average,"
        return f"The round trip {change} {whose} between hosted users, and adds {say_bytes(trip.wan_bytes)} to the traffic between sites."
    return (
        f"The round trip {change} a message between hosted users on average, adds {say_bytes(trip.wan_bytes)} to the "
        f"traffic between sites, and takes {100 * trip.work_share:.0f} % of {trip.server}'s core time."
    )


def _lost(summary: dict[str, Any], handed_in: str) -> str:
    """What was not delivered; mail to addresses that nobody has is told apart from mail that somebody misses."""
    rows = summary["outcomes"]
    if not rows:
        return "No mail was handed in in the measured window."
    known = [row for row in rows if not str(row["flow"]).endswith(NOBODY)]
    twice = sum(row["delivered_twice"] for row in known)
    nobody = sum(row["sent"] for row in rows) - sum(row["sent"] for row in known)
    sent, delivered = (sum(row[name] for row in known) for name in ("sent", "delivered"))
    share = f" ({100 * delivered / sent:.4g} %)" if not too_few(sent) else ""
    runs = f" of {summary_runs(summary)} runs together" if summary_runs(summary) > 1 else ""
    runs += handed_in
    which = f"All {sent:,} recipients" if sent > 1 else "The one recipient"
    of_all = f"Of {sent:,} recipient{'s' if sent != 1 else ''}{runs} {delivered:,}{share} got their mail"
    parts = [f"{which}{runs} got their mail" if delivered == sent > 0 else of_all]
    for name in ("bounced", "expired", "discarded", "in transit"):
        number = sum(row[name] for row in known)
        if number:
            parts.append(f"{number:,} {'still in transit' if name == 'in transit' else name}")
    if twice:
        parts.append(f"{twice:,} of them twice, since the 250 for the first copy was lost")
    more = f"; besides, {nobody:,} recipient{'s' if nobody > 1 else ''} had no valid address" if nobody else ""
    return ", ".join(parts) + more + "."
