"""The answers that need no clock as pages: a message's way, a check of set-ups, and what a change does to the routes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from coexsim.audit.check import CheckReport
from coexsim.audit.classes import SMALL_BYTES
from coexsim.audit.diff import ClassOutcome, RouteDiff
from coexsim.errors import Problem
from coexsim.mail.traced import Copy, RecipientRoute, Route
from coexsim.report.plain_page import Section, write_plain_page
from coexsim.report.routes import plot_route
from coexsim.scenario.model import Scenario
from coexsim.text import joined
from coexsim.units import say_bytes, say_time

MOST_NAMED = 4
"""So many servers are named in the head of a page; of more their number."""
RULES_ONLY = "Decided by the rules alone, with DNS answered at once: nothing is said of delay or load."


def write_trace(
    route: Route, scenario: Scenario, folder: str | Path, asked: Sequence[tuple[str, str]], answer: Sequence[str]
) -> Path:
    """Write ``report.html`` and ``route.png``: the way over the map, and each hop with its rule; `answer` is a line a recipient.

    Returns the page's path.
    """
    over = max((copy.servers for recipient in route.recipients for copy in recipient.copies), key=len, default=())
    picture = Section(
        f"The message goes {' → '.join(over)}" if len(over) > 1 else "The way of the message",
        "route",
        plot_route(route, scenario),
    )
    sections = [
        picture,
        *(part for recipient in route.recipients for part in _of_recipient(route, recipient)),
        *_notices(route),
    ]
    names = ", ".join(recipient.recipient for recipient in route.recipients)
    of = f"{route.sender or '<>'} to {names}"
    given = [("Scenario", scenario.title or scenario.source.file), *asked]
    return write_plain_page(folder, _finding(route), given, answer, sections, RULES_ONLY, of=of)


def _finding(route: Route) -> str:
    """``Delivered at inotes-inbound, by way of onprem and smart-host``; of several recipients how many get the message."""
    if len(route.recipients) != 1:
        got = sum(recipient.outcome == "delivered" for recipient in route.recipients)
        some = sum(len(each.ends) > 1 and "delivered" in each.ends for each in route.recipients)
        in_part = f", and {some} in part: some copies fail" if some else ""
        return f"{got} of {len(route.recipients)} recipients get the message{in_part}"
    [recipient] = route.recipients
    if len(recipient.ends) > 1:
        return f"Of {sum(recipient.ends.values())} copies {recipient.say_outcome()}"
    copy = max(recipient.copies, key=lambda copy: len(copy.servers), default=None)
    if copy is None or copy.outcome != recipient.outcome:
        return _sentence(recipient.outcome)
    ended = copy.servers[-1] if copy.outcome == "delivered" and copy.servers else copy.by
    before = copy.servers[:-1] if copy.servers[-1:] == (ended,) else copy.servers
    over = "" if not before else joined(before) if len(before) <= MOST_NAMED else f"{len(before)} servers"
    return _sentence(f"{copy.outcome}{_where(copy)}{f', by way of {over}' if over else ''}")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}".replace("_", " ")


def _of_recipient(route: Route, recipient: RecipientRoute) -> Iterator[Section]:
    for copy in recipient.copies:
        whose = f"copy to {copy.address}: " if len(recipient.copies) > 1 else ""
        rows = [
            [str(number), hop.server, hop.rule, hop.reason, "; ".join(map(str, hop.dns))]
            for number, hop in enumerate(copy.hops, 1)
        ]
        note = "; ".join(
            f"deferred at {late.server} {say_time(late.at_s, route.start)}: {late.reply}"
            for late in recipient.deferrals[:4]
        )
        heads = ["", "server", "rule", "reason", "asked of DNS"]
        yield Section(f"{recipient.recipient}: {whose}{_end(copy)}", heads=heads, rows=rows, note=note)


def _end(copy: Copy) -> str:
    reply = f": {copy.reply}" if copy.reply else ""
    return f"{copy.outcome.replace('_', ' ')}{_where(copy)}{reply}"


def _where(copy: Copy) -> str:
    if copy.outcome == "delivered" and copy.hops:
        return f" at {copy.hops[-1].server}"
    return f" by {copy.by}" if copy.by else ""


def _notices(route: Route) -> Iterator[Section]:
    rows = [
        ["bounce" if notice.kind == "dsn" else "delay warning", notice.written_by, notice.to,
         " > ".join(notice.copy.servers) if notice.copy else "", _end(notice.copy) if notice.copy else "lost"]
        for notice in route.notices
    ]  # fmt: skip
    if rows:
        [first, *more] = route.notices
        what = "A bounce" if first.kind == "dsn" else "A delay warning"
        head = f"{len(rows)} notices are sent" if more else f"{what} goes to {first.to}"
        yield Section(head, heads=["notice", "written by", "to", "way", "end"], rows=rows)


def write_check(
    reports: Sequence[CheckReport], folder: str | Path, answer: str, problems: Sequence[Problem] = ()
) -> Path:
    """Write ``report.html``: what was expected and happened, file by file, and what was found; first the `problems` of files that
    cannot be read. Returns the page's path.
    """
    sections = [section for report in reports for section in _of_report(report)]
    unread = dict.fromkeys(problem.file for problem in problems)
    said = [_what_fails(reports)] if reports else []
    if unread:
        cannot = f"{len(unread)} file{'s' * (len(unread) != 1)} cannot be read"
        rows = [[f"{each.file}:{each.line}" if each.line else each.file, each.path, each.text] for each in problems]
        sections.insert(0, Section(cannot, heads=["place", "key", "what was found"], rows=rows))
        said.insert(0, cannot)
    title = "; ".join(each if i == 0 else f"{each[0].lower()}{each[1:]}" for i, each in enumerate(said))
    files = ", ".join([*unread, *(report.file for report in reports)])
    return write_plain_page(folder, title, [("Files", files)], [f"{answer}."], sections, RULES_ONLY)


def _what_fails(reports: Sequence[CheckReport]) -> str:
    """The finding of what could be checked: messages that go wrong, and errors in the routing."""
    failed = sum(len(report.failed) for report in reports)
    expected = sum(len(report.expectations) for report in reports)
    title = f"{failed} of {expected} messages do not go as they must" if failed else "Every message goes as it must"
    errors = sum(len(report.open("error")) for report in reports)
    wrong = f"{errors} error{'s' * (errors != 1)} in the routing" if errors else "No error is found in the routing"
    return f"{title}; {wrong[0].lower()}{wrong[1:]}" if expected and errors else title if expected else wrong


def _of_report(report: CheckReport) -> Iterator[Section]:
    failed = len(report.failed)
    held = (
        f"{failed} of {len(report.expectations)} expectations failed"
        if failed
        else f"{_all(len(report.expectations))} held"
    )
    rows = [
        ["held" if each.held else "failed", each.name, each.recipient, " > ".join(each.route) or "no server",
         each.end or each.outcome, each.why]
        for each in sorted(report.expectations, key=lambda each: each.held)
    ]  # fmt: skip
    name = report.title or report.file
    if rows:
        yield Section(
            f"{name}: {held}",
            heads=["", "message", "recipient", "way", "end", "why it failed"],
            rows=rows,
        )
    found = [
        ["known" if each.acknowledged is not None else each.severity, each.code, f"{each.place}: {each.where}", each.text,
         "; ".join(each.consequences[:6]) if each.acknowledged is None else f"acknowledged: {each.acknowledged}"]
        for each in report.findings
    ]  # fmt: skip
    if found:
        heading = f"{name}: {len(found)} finding{'' if len(found) == 1 else 's'}"
        yield Section(heading, heads=["", "code", "place", "what was found", "what follows"], rows=found)


def _all(number: int) -> str:
    return {1: "its expectation", 2: "both expectations"}.get(number, f"all {number} expectations")


def write_diff(found: RouteDiff, folder: str | Path, answer: str) -> Path:
    """Write ``report.html``: each class of mail that goes another way, and whose load it becomes. Returns the page's path."""
    rows = [
        [f"{each.sender} to {each.recipient}" + (f", above {say_bytes(each.size_bytes)}" if each.size_bytes != SMALL_BYTES else ""),
         f"{each.per_1000:.1f}" if each.size_bytes == SMALL_BYTES else "", _way(each.old), _way(each.new), ", ".join(each.what)]
        for each in found.changes
    ]  # fmt: skip
    loads = [
        [load.server, f"{load.old:.1f}", f"{load.new:.1f}", f"{load.moved:+.1f}" if load.moved else "0"]
        for load in found.loads
    ]
    sections = [
        Section("What goes another way", heads=["mail", "of 1000", "was", "now", "changed"], rows=rows),
        Section(
            _loaded(found),
            heads=["server", "before", "after", "moved"],
            rows=loads,
        ),
    ]
    asked = [("Before", found.old), ("After", found.new)]
    return write_plain_page(folder, _moved(found), asked, [f"{answer}."], [s for s in sections if s.rows], RULES_ONLY)


def _moved(found: RouteDiff) -> str:
    """How many classes change, and what share of the mail they are: the finding, for the page's head."""
    if not found.changes:
        return "All mail goes as before"
    many = sum(each.per_1000 for each in found.changes if each.size_bytes == SMALL_BYTES)
    one = len(found.changes) == 1
    return f"{len(found.changes)} class{'' if one else 'es'} of mail change{'s' if one else ''}: {many / 10:.3g} % of the mail"


def _loaded(found: RouteDiff) -> str:
    """Which server's share of the mail changes most."""
    most = max(found.loads, key=lambda load: abs(load.moved), default=None)
    if most is None or abs(most.moved) < 0.5:
        return "No server takes in more or fewer messages"
    word = "more" if most.moved > 0 else "fewer"
    return f"{most.server} takes in {abs(most.moved):.1f} {word} messages for every 1000 that are sent"


def _way(end: ClassOutcome) -> str:
    back = f"; bounce to {end.dsn_to} by {' > '.join(end.dsn_servers)}" if end.dsn_to else ""
    return f"{end.route.replace(' -> ', ' > ')}: {end.outcome}{f' {end.code}' if end.code else ''}{back}"
