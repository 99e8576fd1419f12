"""The answer of a sizing as a page: the machine that holds, each objective over the machines, and why the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coexsim.analysis.candidates import IN_CAPACITY, say_amount
from coexsim.analysis.peak import peak_of
from coexsim.analysis.size_words import say_enough, say_objectives
from coexsim.analysis.sized import Sizing
from coexsim.answers import MET
from coexsim.report.headings import page_head
from coexsim.report.plain_page import Section, write_plain_page
from coexsim.report.sizing import is_shaded, plot_sizing_curve
from coexsim.report.words import OF_CHANCE, say_stage, scope
from coexsim.scenario.assumptions import assumptions
from coexsim.scenario.model import Scenario

INTERVALS = f"Bars and bands are 95 % intervals. {OF_CHANCE}"
SHADED = " Where the answer changes from one machine to the next is shaded."


def write_size(found: Sizing, scenario: Scenario, folder: str | Path, answer: Sequence[str]) -> Path:
    """Write ``report.html`` and ``sizing.png``. `answer` are the sentences that the page begins with. Returns the page's path."""
    table = found.table()
    picture = plot_sizing_curve(table) if table["estimate"].notna().any() else None
    shown = "" if picture is None else INTERVALS + SHADED * is_shaded(table)
    sections = [_machines(found)._replace(name="sizing", picture=picture, note=shown)]
    if found.best is not None:
        sections += [_verdicts(found), _resources(found, scenario)]
    asked = [("Domain", scenario.domain), ("Server to be sized", found.server), ("Runs", f"{found.runs:,}")]
    asked += [("Engine", found.engine)] if found.engine else []
    of = f"{scenario.title or scenario.source.file}: how big"
    title = page_head([found.finding], found.finding)
    return write_plain_page(
        folder, title, asked, answer, sections, scope(scenario), of=of, tables=["sizing"], given=assumptions(scenario)
    )


def _machines(found: Sizing) -> Section:
    heads = ["machine", *(["cost"] if found.priced else []), "answer", "why", "runs"]
    rows = []
    for tried in found.tried:
        why = tried.why or ("meets every objective" if tried.status == "holds" else "")
        cost = [f"{tried.candidate.cost:g}"] if found.priced else []
        runs = str(len(tried.assessment.runs)) if tried.assessment else "-"
        rows.append([tried.candidate.name, *cost, tried.status, why, runs])
    hold = sum(tried.status == "holds" for tried in found.tried)
    which = f"{hold} of {len(rows)} machines {'is' if hold == 1 else 'are'} shown to hold"
    return Section(which, heads=heads, rows=rows)


def _verdicts(found: Sizing) -> Section:
    best = found.best
    assert best is not None
    rows = [[each.objective.text, each.answer, each.say(), each.why] for each in best.verdicts]
    heads = ["objective", "answer", "figure and interval", "remark"]
    met = sum(each.answer == MET for each in best.verdicts)
    which = say_objectives(found.objectives) if met == len(rows) else f"{met} of {len(rows)} objectives"
    return Section(f"With {best.candidate.name} {which} {'is' if met == 1 else 'are'} met", heads=heads, rows=rows)


def _resources(found: Sizing, scenario: Scenario) -> Section:
    rows = []
    for resource, has, busy, needed, why in found.resources(scenario).itertuples(index=False, name=None):
        kind = str(resource) if resource in IN_CAPACITY else "uplink"
        said = [say_amount(kind, value) if value == value else "-" for value in (has, needed)]
        rows.append([str(resource), said[0], f"{100 * busy:.1f} %" if busy == busy else "-", said[1], str(why)])
    heads = ["resource", "has", f"in use in the {peak_of(scenario)}", "needed", "needed for"]
    return Section(_busiest(found, scenario), heads=heads, rows=rows, note=f"{say_enough(found.times).capitalize()}.")


def _busiest(found: Sizing, scenario: Scenario) -> str:
    """Which of the machine's resources is nearest to its limit."""
    rows = found.resources(scenario).to_dict("records")
    busy = [(float(row["busy"]), str(row["resource"])) for row in rows if row["busy"] == row["busy"]]
    if not busy:
        return f"Nothing that {found.server} has is in use for long enough to be measured"
    share, resource = max(busy)
    is_own = resource in IN_CAPACITY
    what = say_stage(resource) if is_own else f"the line {resource}"
    are = "is nearest to its" if resource == "queue_disk" or not is_own else "are nearest to their"
    return f"Of what {found.server} has, {what} {are} limit: {100 * share:.0f} % in use in the {peak_of(scenario)}"
