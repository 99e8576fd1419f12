"""The what-if page: one file with all points, a script that shows one of them, and nothing from anywhere else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from coexsim import __version__
from coexsim.analysis.candidates import IN_CAPACITY
from coexsim.analysis.peak import peak_of
from coexsim.analysis.slo_text import read_objectives
from coexsim.answers import CANNOT_SAY, MET, MISSED
from coexsim.errors import OutputError
from coexsim.experiment.own import write_own
from coexsim.experiment.store import make_folder
from coexsim.experiment.sweep import GROWTH, HOSTED_SHARE, at_values
from coexsim.mail.products.registry import PRODUCTS
from coexsim.report.explore.axes import MACHINE, Axis, machines
from coexsim.report.explore.grid import Grid
from coexsim.report.explore.points import BUSY, OBJECTIVE, GridPoint
from coexsim.report.maps import BOX_H, BOX_W, lay_out
from coexsim.report.words import scope
from coexsim.scenario.load import keys_of
from coexsim.scenario.model import Scenario
from coexsim.text import page_bytes, seen

PAGE = "explore.html"
MOST_BYTES = 2_000_000
ANSWERS = (MET, MISSED, CANNOT_SAY)
SCRIPTS = ("explore.js", "explore_pictures.js", "explore_controls.js")
HERE = Path(__file__).parent


def write_page(found: Grid, folder: str | Path) -> Path:
    """Write ``explore.html``. Same points: same bytes. Returns its path. Raises `OutputError`, also where it would pass 2 MB."""
    text = page_bytes(page_text(found))
    if len(text) > MOST_BYTES:
        raise OutputError(f"the page would have {len(text) / 1e6:.1f} MB, 2 MB at most: vary fewer values")
    folder = Path(folder)
    make_folder(folder)
    write_own(folder / PAGE, text)
    return folder / PAGE


def page_text(found: Grid) -> str:
    """The page. Names reach it as JSON, and the script puts them into it as text: none is taken for markup."""
    css = (HERE.parent / "page.css").read_text(encoding="utf-8") + (HERE / "explore.css").read_text(encoding="utf-8")
    script = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    data = json.dumps(_seen(page_data(found)), separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    environment = Environment(
        loader=PackageLoader("coexsim.report", "explore"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("explore.html.j2").render(
        title=found.scenario.title or found.scenario.source.file, css=Markup(css), script=Markup(script),
        style_hash=_hash(css), script_hash=_hash(script), data=Markup(data.replace("<", "\\u003c")),
        scope=scope(found.scenario), peak=peak_of(found.scenario),
        found=found, version=__version__, copies=sum(point.copies for point in found.points),
    )  # fmt: skip


def _seen(value: Any) -> Any:
    """The data with all that names hide shown: the script puts them into the page."""
    if isinstance(value, dict):
        return {_seen(key): _seen(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_seen(each) for each in value]
    return seen(value) if isinstance(value, str) else value


def _hash(text: str) -> str:
    """As a Content-Security-Policy names what it lets pass."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def page_data(found: Grid) -> dict[str, Any]:
    """All that the script knows; texts that repeat stand once."""
    index = {key: i for i, key in enumerate(dict.fromkeys(f[:3] for point in found.points for f in point.figures))}
    texts: dict[str, int] = {}
    variants: dict[str, int] = {}
    routes = [variants.setdefault(json.dumps(_routes(point.routes, texts)), len(variants)) for point in found.points]
    shares = {each.text for each in read_objectives(found.scenario) if each.unit == "share"}
    objectives = [
        {"text": each.text, "limit": _number(each.limit), "upper": each.is_upper, "figure": at}
        for each in read_objectives(found.scenario)
        if (at := next((i for key, i in index.items() if key[:2] == (OBJECTIVE, each.text)), None)) is not None
    ]
    points = [_point(point, index, texts) for point in found.points]
    return {
        "peak": peak_of(found.scenario),
        "axes": [axis.plain() for axis in found.axes],
        "start": [start_of(found.scenario, axis) for axis in found.axes],
        "figures": [[what, of, _kind(what, of, unit, shares)] for what, of, unit in index],
        "objectives": objectives,
        "answers": list(ANSWERS),
        "points": points,
        "routes": [json.loads(text) for text in variants],
        "routeOf": routes,
        "map": _map(found.scenario),
        "replications": found.replications,
        "texts": list(texts),
    }


def _kind(what: str, of: str, unit: str, shares: set[str]) -> str:
    """How a figure is said: as a duration, a size, a share or a number of things."""
    return "n" if unit == "1" and not (what.startswith(BUSY) or (what == OBJECTIVE and of in shares)) else unit


def _point(point: GridPoint, index: dict[tuple[str, str, str], int], texts: dict[str, int]) -> dict[str, Any]:
    """Values, lows and highs in the order of `index`; of each objective the answer and why."""
    places: list[list[object]] = [[None] * len(index) for _ in range(3)]
    for figure in point.figures:
        at = index[figure[:3]]
        for row, value in zip(places, figure[3:], strict=True):
            row[at] = _number(value)
    return {
        "v": places[0], "l": places[1], "h": places[2],
        "a": [ANSWERS.index(answer) for answer, _ in point.verdicts],
        "w": [texts.setdefault(why, len(texts)) for _, why in point.verdicts],
    }  # fmt: skip


def _number(value: float) -> object:
    """Six digits are what a page can use; JSON has neither NaN nor infinity."""
    if value != value:
        return None
    if abs(value) == float("inf"):
        return "inf" if value > 0 else "-inf"
    return int(value) if value == int(value) and abs(value) < 1e6 else float(f"{value:.6g}")


def _routes(routes: dict[str, Any], texts: dict[str, int]) -> dict[str, Any]:
    """The same with a number for each text."""

    def numbered(value: Any) -> Any:
        if isinstance(value, str):
            return texts.setdefault(value, len(texts))
        return [numbered(each) for each in value] if isinstance(value, list) else value

    traces = [
        [[numbered(each[name]) for name in ("outcome", "hops", "said", "notice")] for each in row]
        for row in routes["traces"]
    ]
    named = {name: numbered(routes[name]) for name in ("senders", "recipients", "round_trips")}
    return named | {"uses": [[*numbered(use[:5]), use[5]] for use in routes["uses"]], "traces": traces,
                    "left_out": routes["left_out"]}  # fmt: skip


def _map(scenario: Scenario) -> dict[str, Any]:
    """Where sites and servers are drawn: middle, width and height, y downwards."""
    layout = lay_out(scenario)

    def words(name: str) -> str:
        server = scenario.servers[name]
        return f"on the {server.runs_on} machine" if server.runs_on else PRODUCTS[server.kind].words

    return {
        "box": [BOX_W, BOX_H],
        "sites": [[name, x, -y, width, height] for name, (x, y, width, height) in layout.sites.items()],
        "servers": [[name, x, -y, words(name)] for name, (x, y) in layout.servers.items()],
    }


def start_of(scenario: Scenario, axis: Axis) -> float:
    """Where a slider stands at first: where the scenario is, or at the first value."""
    if axis.key == MACHINE:
        return float(_own_machine(scenario, axis))
    there = [_value_of(at_values(scenario, {axis.key: value}), axis.key) for value in axis.values]
    return _place(_value_of(scenario, axis.key), there)


def _value_of(scenario: Scenario, key: str) -> object:
    """What a scenario has at a key, in one unit, whatever that of the values asked for."""
    if key == HOSTED_SHARE:
        people = scenario.directory.population
        return people.get("hosted", 0) / max(sum(people.values()), 1)
    if key == GROWTH:
        return scenario.load.growth if scenario.load else 1.0
    return reduce(_inside, keys_of(scenario, key), scenario.to_data())


def _inside(data: Any, part: str) -> Any:
    if isinstance(data, dict):
        return data.get(part)
    return data[int(part)] if isinstance(data, list) and part.isdecimal() and int(part) < len(data) else None


def _place(now: object, there: Sequence[object]) -> float:
    """Where among these values one stands: at the one that is the same, between two numbers in proportion, else at the first."""
    if now in there:
        return float(there.index(now))
    numbers = [value for value in there if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) < len(there) or not isinstance(now, (int, float)) or isinstance(now, bool):
        return 0.0
    for i, (low, high) in enumerate(pairwise(numbers)):
        if low <= now <= high:
            return round(10 * (i + (now - low) / (high - low))) / 10
    return 0.0


def _own_machine(scenario: Scenario, axis: Axis) -> int:
    """The machine that the scenario has already, or the first."""
    if scenario.size is None:
        return 0
    capacity = scenario.servers[scenario.size.server].capacity
    for machine in machines(scenario):
        said = {name: getattr(machine, name) for name in IN_CAPACITY if getattr(machine, name) is not None}
        if machine.name in axis.values and all(getattr(capacity, name) == value for name, value in said.items()):
            return axis.values.index(machine.name)
    return 0
