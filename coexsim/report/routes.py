"""The way of a message over the map of sites and servers, its steps numbered and told."""

from __future__ import annotations

from textwrap import wrap
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from coexsim.mail.outages import site_of
from coexsim.mail.trace import Route
from coexsim.report.maps import BOX_H, BOX_W, Layout, Spot, draw_links, draw_places, lay_out, paper
from coexsim.report.style import BLUE, DARK_PURPLE, DARK_RED, INK, PAPER, Picture, new_picture, nothing_to_draw, styled
from coexsim.scenario.model import Scenario
from coexsim.text import shortened

WRAP_AT = 46
LONGEST = 50
LONG_NOTE, MOST_NOTE = 25, 27
"""Letters from which on a note stands over the middle of its box, and the most that fit into the site."""


@styled
def plot_route(route: Route, scenario: Scenario, title: str = "") -> Picture:
    """The way of a message, its steps numbered; a step that comes back to a site it had left is drawn in another colour.

    With several recipients each part of the way is drawn once. A notice that goes back is drawn with dashes.
    """
    first = route.recipients[0] if route.recipients else None
    if first is None or not any(r.servers for r in route.recipients):
        return nothing_to_draw(title or "The way of a message", "No server took this message.")
    layout = lay_out(scenario)
    steps = _steps(route)
    returns = _returning([s for s in steps if not s.notice], scenario)
    told = _told(route, steps, returns)
    tall_in = max(4.9, sum(paragraph.tall_in for paragraph in told) + 0.9)
    picture = new_picture(tall_in, title or _route_title(route, bool(returns)))
    left, right = picture.subplots(1, 2, width_ratios=[1.62, 1])
    axes = paper(left, layout)
    draw_links(axes, layout, faint=True)
    passed = {server for step in steps for server in (step.client, step.server)} | {
        r.servers[0] for r in route.recipients if r.servers
    }
    draw_places(axes, layout, scenario, passed)
    for number, step in enumerate(steps, 1):
        beside = sum({step.client, step.server} == {other.client, other.server} for other in steps[: number - 1])
        _arrow(axes, layout, step, number, DARK_RED if step in returns else BLUE, beside)
    _ends(axes, layout, route, scenario.domain)
    _tell(right, told, tall_in - 0.7)
    return picture


class RouteHop(NamedTuple):
    """One server handing the message to the next; `rule` is why."""

    client: str
    server: str
    rule: str
    reason: str = ""
    notice: bool = False


def _steps(route: Route) -> list[RouteHop]:
    """Every part of the way once, in order; then the ways of notices."""
    steps: dict[RouteHop, None] = {}
    for recipient in route.recipients:
        for copy in recipient.copies:
            for hop, after in zip(copy.hops, copy.hops[1:], strict=False):
                steps[RouteHop(hop.server, after.server, hop.rule, hop.reason)] = None
    for recipient in route.recipients:
        for one, other in zip(recipient.dsn_servers, recipient.dsn_servers[1:], strict=False):
            words = "invalid-address message" if recipient.code == "5.1.1" else "bounce"
            steps[RouteHop(one, other, words, f"to {recipient.dsn_to}", notice=True)] = None
    return list(steps)


def _returning(steps: list[RouteHop], scenario: Scenario) -> set[RouteHop]:
    """The steps that come back to a site which the message had left before."""
    left: set[str] = set()
    found = set()
    for step in steps:
        one, other = (site_of(scenario.servers, name) or "" for name in (step.client, step.server))
        if one != other:
            if other in left:
                found.add(step)
            left.add(one)
    return found


def _arrow(axes: Axes, layout: Layout, step: RouteHop, number: int, colour: str, beside: int) -> None:
    """An arrow with its number, dashed for a notice; `beside` so many others between the same two servers."""
    begin, end = _ports(layout, step, beside)
    colour = DARK_PURPLE if step.notice else colour
    upright = abs(begin[0] - end[0]) < 1e-9
    bend = 0.12 + 0.24 * beside
    axes.add_patch(
        FancyArrowPatch(
            begin, end, arrowstyle="-|>,head_length=7,head_width=4", connectionstyle=f"arc3,rad={0.0 if upright else bend}",
            color=colour, linewidth=2.6, linestyle=(0, (4, 2)) if step.notice else "-", shrinkA=1, shrinkB=1, zorder=6,
        )
    )  # fmt: skip
    (x0, y0), (x1, y1) = begin, end
    rad = 0.0 if upright else bend
    middle = ((x0 + x1) / 2 + rad * (y1 - y0) / 2, (y0 + y1) / 2 - rad * (x1 - x0) / 2)
    axes.text(
        *middle, str(number), ha="center", va="center", fontsize=10.5, fontweight="bold", color="white", zorder=8,
        bbox={"boxstyle": "circle,pad=0.22", "facecolor": colour, "edgecolor": "white", "linewidth": 1.2},
    )  # fmt: skip


def _ports(layout: Layout, step: RouteHop, beside: int) -> tuple[Spot, Spot]:
    """Where an arrow leaves one box and enters the other: on the sides that face each other."""
    (x0, y0), (x1, y1) = layout.servers[step.client], layout.servers[step.server]
    if abs(x0 - x1) < 1e-9:
        sign, aside = np.sign(y1 - y0), 0.33 * BOX_W - 0.42 * beside
        return (x0 + aside, y0 + sign * BOX_H / 2), (x1 + aside, y1 - sign * BOX_H / 2)
    side = np.sign(x1 - x0)
    if abs(y1 - y0) > 1.6:  # from the row above to the row below, or back: through top and bottom
        sign = np.sign(y1 - y0)
        return (x0 + side * BOX_W / 4, y0 + sign * BOX_H / 2), (x1 - side * BOX_W / 4, y1 - sign * BOX_H / 2)
    return (x0 + side * BOX_W / 2, y0), (x1 - side * BOX_W / 2, y1)


def _ends(axes: Axes, layout: Layout, route: Route, domain: str) -> None:
    """Who hands it in where, and how it ends where."""

    def short(address: str) -> str:
        return address.removesuffix(f"@{domain}")

    first = route.recipients[0].servers[0]
    _note(axes, layout, first, f"from {short(route.sender) or '<>'}", BLUE, 0.06)
    for server in dict.fromkeys(r.servers[-1] for r in route.recipients if r.servers):
        here = [r for r in route.recipients if r.servers[-1:] == (server,)]
        outcomes = dict.fromkeys(f"{r.outcome} {r.code}" if r.code else r.outcome for r in here)
        ends = [
            f"{words}: {', '.join(short(r.recipient) for r in here if words.startswith(r.outcome))}"
            for words in outcomes
        ]
        good = all(r.outcome == "delivered" for r in here)
        _note(axes, layout, server, "\n".join(ends), BLUE if good else DARK_RED, -0.06)


def _note(axes: Axes, layout: Layout, server: str, words: str, colour: str, rise: float) -> None:
    """Small print just above or below a server's box, from its left edge on, or over its middle if it is long."""
    x, y = layout.servers[server]
    words = "\n".join(shortened(line, MOST_NOTE) for line in words.splitlines())
    is_long = max(map(len, words.splitlines())) > LONG_NOTE
    axes.text(
        x if is_long else x - BOX_W / 2, y + np.sign(rise) * BOX_H / 2 + rise, words, ha="center" if is_long else "left",
        va="bottom" if rise > 0 else "top", fontsize=8.5 if is_long else 9, color=colour, zorder=5, linespacing=1.1,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5},
    )  # fmt: skip


def _route_title(route: Route, returns: bool) -> str:
    names = ", ".join(recipient.recipient for recipient in route.recipients)
    if len(names) > LONGEST:
        names = f"{len(route.recipients)} recipients"
    return f"{route.sender or '<>'} to {names}" + (": the round trip" if returns else "")


class Paragraph(NamedTuple):
    """A step in words: who hands it to whom, and why."""

    head: str
    colour: str
    lines: list[str]

    @property
    def tall_in(self) -> float:
        """How much room it takes."""
        return 0.24 + 0.185 * len(self.lines) + 0.16


def _told(route: Route, steps: list[RouteHop], returns: set[RouteHop]) -> list[Paragraph]:
    """Each step with the rule and the reason, and the ends."""

    def why(rule: str, reason: str) -> list[str]:
        words = "by MX" if rule == "mx" else rule.replace("-", " ")
        return wrap(f"{words}: {reason}" if reason else words, WRAP_AT)

    found = []
    for number, step in enumerate(steps, 1):
        colour = DARK_PURPLE if step.notice else DARK_RED if step in returns else BLUE
        found.append(Paragraph(f"{number}  {step.client} → {step.server}", colour, why(step.rule, step.reason)))
    ends = dict.fromkeys(recipient.hops[-1] for recipient in route.recipients if recipient.hops)
    return found + [Paragraph(f"At {end.server}", INK, why(end.rule, end.reason)) for end in ends]


def _tell(axes: Axes, told: list[Paragraph], tall_in: float) -> None:
    """The paragraphs below each other, beside the map."""
    axes.axis("off")
    y = 0.99
    for paragraph in told:
        put: Any = {"va": "top", "transform": axes.transAxes}
        axes.text(0, y, paragraph.head, fontsize=10.5, fontweight="bold", color=paragraph.colour, **put)
        axes.text(0, y - 0.24 / tall_in, "\n".join(paragraph.lines), fontsize=9, color=INK, linespacing=1.25, **put)
        y -= paragraph.tall_in / tall_in
