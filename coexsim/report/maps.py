"""Maps: sites with their servers, and the lines between them."""

from __future__ import annotations

from typing import Any, NamedTuple

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from coexsim.mail.outages import site_of
from coexsim.mail.products.registry import PRODUCTS
from coexsim.report.style import (
    GREY,
    INK,
    PALE,
    PAPER,
    Picture,
    new_picture,
    nothing_to_draw,
    styled,
)
from coexsim.scenario.model import Scenario
from coexsim.sim.network import topology
from coexsim.units import say_bandwidth, say_duration

OUTER = ("external", "hosted-outbound", "hosted-inbound")
ORDER = {kind: i for i, kind in enumerate((*OUTER[:2], *(kind for kind in PRODUCTS if kind not in OUTER), OUTER[2]))}
"""From left to right: who sends from outside, the organisation's own servers, and where hosted mailboxes are."""
BOX_W, BOX_H, GAP = 2.5, 0.78, 0.62
COLUMN = 5.4
WRAP_AT = 46
Spot = tuple[float, float]


class Layout(NamedTuple):
    """Where everything is: centres of servers, and of sites with their width and height."""

    graph: nx.DiGraph[Any]
    servers: dict[str, Spot]
    sites: dict[str, tuple[float, float, float, float]]


@styled
def plot_topology(scenario: Scenario) -> Picture:
    """The sites with their servers, and the links between sites with their round trip and bandwidth."""
    title = scenario.title or "Sites, servers and links"
    if not scenario.servers:
        return nothing_to_draw(title, "The scenario has no servers.")
    layout = lay_out(scenario)
    shared = "; a site's own line, which all its links share, stands in its box" if own_lines(scenario) else ""
    below = f"Boxes are sites; a round trip and a bandwidth stand at each link between them{shared}."
    picture = new_picture(5.4, title, below)
    axes = paper(picture.add_subplot(), layout)
    draw_links(axes, layout, shared=frozenset(own_lines(scenario)))
    draw_places(axes, layout, scenario, set(scenario.servers))
    for site, words in own_lines(scenario).items():
        x, y, _, h = layout.sites[site]
        axes.text(x, y - h / 2 + 0.1, words, ha="center", va="bottom", fontsize=8, color=INK, zorder=3)
    return picture


def own_lines(scenario: Scenario) -> dict[str, str]:
    """By site, what its own line carries: ``line 100 Mbit/s``, ``line 20 Mbit/s down, 10 Mbit/s up``; none without a limit."""
    found = {}
    for site, line in scenario.uplinks.items():
        widths = {way: say_bandwidth(each) for way, each in (("down", line.down), ("up", line.up)) if each is not None}
        if len(widths) == 2 and len(set(widths.values())) == 1:
            found[site] = f"line {widths['up']}"
        elif widths:
            found[site] = f"line {', '.join(f'{width} {way}' for way, width in widths.items())}"
    return found


# --- layout -------------------------------------------------------------------------------------------------------


def lay_out(scenario: Scenario) -> Layout:
    """Sites of the outside world above, the organisation's and the hosted service's below; servers in the order mail passes them."""
    graph = topology(scenario)
    at: dict[str, list[str]] = {site: [] for site in scenario.sites or ("site",)}
    for name in scenario.servers:
        at.setdefault(site_of(scenario.servers, name) or next(iter(at)), []).append(name)
    kinds = {name: server.kind for name, server in scenario.servers.items()}
    for names in at.values():
        names.sort(key=lambda name: ORDER[kinds[name]])
    above = [site for site, names in at.items() if names and all(kinds[name] == "external" for name in names)]
    below = [site for site in at if site not in above]
    below.sort(key=lambda site: any(kinds[name].startswith("hosted") for name in at[site]))
    servers: dict[str, Spot] = {}
    sites: dict[str, tuple[float, float, float, float]] = {}
    tallest = max((len(at[site]) for site in below), default=0)
    for row, y in ((below, 0.0), (above, 2.15 + tallest * (BOX_H + GAP) / 2)):
        for column, site in enumerate(row):
            x = (column - (len(row) - 1) / 2) * COLUMN
            height = max(len(at[site]), 1) * (BOX_H + GAP) + 0.42
            sites[site] = (x, y, BOX_W + 0.7, height)
            for place, name in enumerate(at[site]):
                servers[name] = (x, y - 0.1 + ((len(at[site]) - 1) / 2 - place) * (BOX_H + GAP))
    return Layout(graph, servers, sites)


def paper(axes: Axes, layout: Layout) -> Axes:
    """A sheet with room for all sites, in the same scale both ways."""
    axes.axis("off")
    axes.set_aspect("equal", anchor="N")
    xs = [x + side * w / 2 for x, _, w, _ in layout.sites.values() for side in (-1, 1)]
    ys = [y + side * h / 2 for _, y, _, h in layout.sites.values() for side in (-1, 1)]
    axes.set_xlim(min(xs) - 0.1, max(xs) + 0.1)
    axes.set_ylim(min(ys) - 0.1, max(ys) + 0.1)
    return axes


def draw_links(axes: Axes, layout: Layout, *, faint: bool = False, shared: frozenset[str] = frozenset()) -> None:
    """A line from edge to edge of two sites, with its round trip and bandwidth.

    A link without a limit of its own says none where one of its sites has a line that is limited, those in `shared`.
    """
    done = set()
    for one, other, data in layout.graph.edges(data=True):
        if one not in layout.sites or other not in layout.sites or one == other or (other, one) in done:
            continue
        done.add((one, other))
        begin, end = _edge(layout.sites[one], layout.sites[other]), _edge(layout.sites[other], layout.sites[one])
        axes.plot(
            *zip(begin, end, strict=True),
            color=PALE if faint else GREY,
            linewidth=6 if faint else 2.5,
            solid_capstyle="round",
            zorder=1,
        )
        if not faint:
            middle = (np.array(begin) + np.array(end)) / 2
            axes.text(
                middle[0],
                middle[1],
                _say_link(data, layout.graph.edges[other, one], says_no_limit=shared.isdisjoint((one, other))),
                ha="center",
                va="center",
                fontsize=9.5,
                zorder=2,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
            )


def _edge(site: tuple[float, float, float, float], towards: tuple[float, float, float, float]) -> Spot:
    """Where the line between two sites' centres leaves the first one's box."""
    x, y, w, h = site
    dx, dy = towards[0] - x, towards[1] - y
    scale = min(w / 2 / abs(dx) if dx else np.inf, h / 2 / abs(dy) if dy else np.inf)
    return x + dx * scale, y + dy * scale


def _say_link(there: dict[str, Any], back: dict[str, Any], *, says_no_limit: bool = True) -> str:
    """The round trip, and the bandwidth below it; where the directions differ, that to the site at the far end first."""
    both = [data["bytes_per_s"] for data in (there, back)]
    widths = dict.fromkeys(map(say_bandwidth, both)) if says_no_limit or np.isfinite(both).any() else {}
    return "\n".join(filter(None, [say_duration(there["round_trip_s"]), " / ".join(widths)]))


def draw_places(axes: Axes, layout: Layout, scenario: Scenario, in_use: set[str]) -> None:
    """Sites as sheets, servers as boxes; what the message does not pass is grey."""
    for site, (x, y, w, h) in layout.sites.items():
        axes.add_patch(
            FancyBboxPatch(
                (x - w / 2, y - h / 2),
                w,
                h,
                boxstyle="round,pad=0,rounding_size=0.16",
                facecolor=PAPER,
                edgecolor=PALE,
                zorder=0,
            )
        )
        axes.text(
            x - w / 2 + 0.12,
            y + h / 2 - 0.08,
            site,
            ha="left",
            va="top",
            fontsize=10.5,
            fontweight="bold",
            color=GREY,
            zorder=3,
        )
    for name, (x, y) in layout.servers.items():
        here = name in in_use
        axes.add_patch(
            FancyBboxPatch(
                (x - BOX_W / 2, y - BOX_H / 2), BOX_W, BOX_H, boxstyle="round,pad=0,rounding_size=0.1",
                facecolor="white", edgecolor=INK if here else PALE, linewidth=1.4 if here else 1.0, zorder=3,
            )
        )  # fmt: skip
        server = scenario.servers[name]
        cores = f", {server.capacity.cores} cores" if server.capacity.cores else ""
        words = f"on the {server.runs_on} machine" if server.runs_on else PRODUCTS[server.kind].words + cores
        axes.text(
            x,
            y + 0.11,
            name,
            ha="center",
            va="center",
            fontsize=11,
            fontweight="bold",
            color=INK if here else GREY,
            zorder=5,
        )
        axes.text(x, y - 0.19, words, ha="center", va="center", fontsize=8.5, color=GREY, zorder=5)
