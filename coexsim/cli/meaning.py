"""What is meant by a word: explain, of findings, keys of a scenario, words of objectives, tables and their columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from coexsim.cli import options
from coexsim.cli.article import which_article
from coexsim.cli.completion import explained
from coexsim.cli.envelope import envelope, print_json
from coexsim.cli.paint import say
from coexsim.cli.profile_text import profile_titles, profiles
from coexsim.errors import UsageError

if TYPE_CHECKING:
    from coexsim.analysis.tables import ColumnText, TableText
    from coexsim.analysis.terms import Term
    from coexsim.experiment.columns import Column
    from coexsim.scenario.describe import ScenarioKey
    from coexsim.scenario.model import Scenario

SHORTEST, MOST_MENTIONED = 6, 4
"""Words of so many letters are looked for in what keys mean, and so many of these are told."""


def explain(
    what: Annotated[
        str | None,
        Argument(
            metavar="WHAT",
            help="the code of a finding, a key of a scenario, a word of objectives, a table or its column, a load profile, or a scenario "
            "file; without it, all of them are listed",
            autocompletion=explained, show_default=False,
        ),
    ] = None,
    given: Annotated[
        Path | None, Option("--in", metavar="FILE", help="a scenario file: tell the values of the key that hold there", show_default=False)
    ] = None,
    out: options.Out = None,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
    markdown: Annotated[bool, Option("--markdown", help="all keys of a scenario, as a page in Markdown")] = False,
) -> int:  # fmt: skip
    """What a finding, a key of a scenario, a word of objectives or a column means; or what can be said of a scenario before any run."""
    from coexsim.audit.findings import EXPLANATIONS

    if markdown:
        from coexsim.scenario.describe import keys_page

        print(keys_page(), end="")
        return 0
    code = (what or "").upper()
    if what is not None and code not in EXPLANATIONS and Path(what).suffix in (".yaml", ".yml"):
        from coexsim.cli.explaining import explain_scenario

        return explain_scenario(Path(what), out=out, quiet=quiet, as_json=as_json)
    if out is not None:
        raise UsageError("--out: a page is made of a scenario's file; this tells of findings, keys, words and columns")
    if what is None:
        _explain_all(quiet=quiet, as_json=as_json)
    elif code in EXPLANATIONS:
        _explain_finding(code, quiet=quiet, as_json=as_json)
    else:
        _explain_words(what, given, quiet=quiet, as_json=as_json)
    return 0


def _explain_all(*, quiet: bool, as_json: bool) -> None:
    """List whatever can be asked for."""
    from coexsim.analysis.tables import TABLES
    from coexsim.analysis.terms import TERMS
    from coexsim.audit.findings import EXPLANATIONS
    from coexsim.scenario.describe import all_keys, key_data, tree_text

    findings = list(EXPLANATIONS.values())
    counts = f"{len(findings)} kinds of findings, {len(all_keys())} keys, {len(TERMS)} words and {len(TABLES)} tables"
    if quiet and not as_json:
        say(counts)
        return
    if as_json:
        meanings = [
            *map(key_data, all_keys()),
            *map(_term_data, TERMS.values()),
            *(_table_data(*each) for each in TABLES.items()),
        ]
        kinds = [each._asdict() for each in findings]
        print_json(envelope("explain", counts, 0, kinds_of_findings=kinds, meanings=meanings))
        return
    say(f"{each.code:30s} {each.severity:8s} {each.title}" for each in findings)
    say(["", "Keys of a scenario", "", *tree_text().splitlines()])
    say(["", "Words of objectives and answers", "", *(f"{each.word:30s} {each.meaning}" for each in TERMS.values())])
    tables = (f"{name:30s} {text.meaning} ({text.place})" for name, text in TABLES.items())
    say(["", "Tables; 'coexsim explain TABLE' tells the columns", "", *tables])
    say(["", "Profiles of the load; 'coexsim explain PROFILE' tells the figures", "", *profile_titles()])


def _explain_finding(code: str, *, quiet: bool, as_json: bool) -> None:
    from coexsim.audit.findings import EXPLANATIONS

    found = EXPLANATIONS[code]
    answer = f"{found.code}: {found.title}"
    if as_json:
        print_json(envelope("explain", answer, 0, kinds_of_findings=[found._asdict()]))
    elif quiet:
        say(answer)
    else:
        say(f"{found.code} ({found.severity}): {found.title}")
        for title, text in found.sections():
            say(["", title, *_wrapped(text)])
        say([*which_article(text for _, text in found.sections()), ""])


def _explain_words(words: str, given: Path | None, *, quiet: bool, as_json: bool) -> None:
    """Tell of keys, words of objectives, tables and columns of that name; of all, if one name has several. Raises `UsageError`."""
    from coexsim.scenario.load import load_scenario

    scenario = load_scenario(given) if given is not None else None
    told = [*_keys(words, scenario), *_terms(words), *_tables(words), *profiles(words)]
    if not told and " " in words:  # as answers print a key: SMTP connections
        told = [*_keys("_".join(words.lower().split()), scenario)]
    told = told or [*_resource(words, scenario)] or [*_mentioned(words, scenario)]
    if not told:
        raise UsageError(_unknown(words))
    data = [each for _, each in told]
    answer = "; ".join(f"{each['name']}: {each['meaning']}" for each in data)
    if as_json:
        text = "\n\n".join("\n".join(lines) for lines, _ in told)
        print_json(envelope("explain", answer, 0, key=text, meanings=data))
    elif quiet:
        say(f"{each['name']}: {each['meaning']}" for each in data)
    else:
        lines = [line for number, (part, _) in enumerate(told) for line in ([""] if number else []) + part]
        say([*lines, *which_article(lines)])


Told = tuple[list[str], dict[str, Any]]
"""What is told of one meaning of a word: lines for people, and the same for programs."""


def _keys(words: str, scenario: Scenario | None) -> Iterator[Told]:
    from coexsim.scenario.describe import describe, describe_data, find_keys, kind_of_server

    try:
        lines, data = describe(words).split("\n\n"), describe_data(words)
    except UsageError:
        return
    keys = [] if kind_of_server(words) else find_keys(words)
    for number, (text, each) in enumerate(zip(lines, data, strict=True)):
        told = (text.splitlines(), each)
        yield _with_values(told, keys[number], scenario, words) if keys else told


def _with_values(told: Told, key: ScenarioKey, scenario: Scenario | None, words: str) -> Told:
    """What is told of a key, and what it has in a scenario; of one server or link where that is named."""
    from coexsim.scenario.values import values_of

    if scenario is None:
        return told
    found = values_of(scenario, key)
    found = [each for each in found if f"{each.key}.".endswith(f".{words}.") or each.key == words] or found
    lines, data = told
    here = [f"  there    {each.key} = {each.text} ({each.where or 'by default'})" for each in found]
    return [*lines, *here], {**data, "values": [each._asdict() for each in found]}


def _resource(words: str, scenario: Scenario | None) -> Iterator[Told]:
    """``onprem.cores``: a stage of a server, as objectives and answers name it; the key that sets it, and how it is asked for."""
    from coexsim.analysis.slo_text import STAGE_OF_CAPACITY
    from coexsim.scenario.describe import describe, describe_data, find_keys

    server, _, stage = words.rpartition(".")
    capacity = {stage: key for key, stage in STAGE_OF_CAPACITY.items()} | {key: key for key in STAGE_OF_CAPACITY}
    name = capacity.get(stage, "cores" if stage == "cores" else "")
    if not server or "." in server or not name:
        return
    key = f"servers.NAME.capacity.{name}"
    lines = describe(key).splitlines()
    asked = f"  asked    objectives: ['utilisation({server}.{STAGE_OF_CAPACITY.get(name, name)}) < 70 %']; tables: stages, timeline"
    told = ([f"{words}: a limit of the server {server}, set by", *lines, asked], describe_data(key)[0])
    [found] = find_keys(key)
    yield _with_values(told, found, scenario, f"{server}.capacity.{name}")


def _mentioned(words: str, scenario: Scenario | None) -> Iterator[Told]:
    """Keys whose meaning has these words, such as a product's name of a setting."""
    from coexsim.scenario.describe import all_keys, describe, key_data

    asked = words.casefold().strip()
    if len(asked) < SHORTEST:
        return
    found = [key for key in all_keys() if asked in key.meaning.casefold()]
    for key in found[:MOST_MENTIONED]:
        yield _with_values((describe(key.name).splitlines(), key_data(key)), key, scenario, words)


def _terms(words: str) -> Iterator[Told]:
    from coexsim.analysis.terms import term

    if (found := term(words)) is not None:
        yield found.lines, _term_data(found)


def _term_data(found: Term) -> dict[str, Any]:
    return {
        "is": "word of objectives",
        "name": found.word,
        "meaning": found.meaning,
        "unit": found.unit,
        "example": found.example,
    }


def _tables(words: str) -> Iterator[Told]:
    from coexsim.analysis.tables import TABLES, find_columns

    if words in TABLES:
        found = TABLES[words]
        rows = (f"  {name:<22} {_in_unit(column.unit)}{column.meaning}" for name, column in found.columns.items())
        lines = [f"{words}, a table", f"  meaning  {found.meaning}", f"  place    {found.place}", *rows]
        yield lines, _table_data(words, found)
    by_meaning: dict[Column, list[ColumnText]] = {}
    for each in find_columns(words):
        by_meaning.setdefault(each.column, []).append(each)
    for group in by_meaning.values():
        yield _column_lines(group), _column_data(group)


def _in_unit(unit: str) -> str:
    return "" if unit in ("", "1") else f"[{unit}] "


def _table_data(name: str, found: TableText) -> dict[str, Any]:
    columns = [{"name": each, **column._asdict()} for each, column in found.columns.items()]
    return {"is": "table", "name": name, "meaning": found.meaning, "place": found.place, "columns": columns}


def _column_lines(group: list[ColumnText]) -> list[str]:
    from coexsim.analysis.tables import TABLES

    column = group[0].column
    return [
        f"{_names(group)}, a column",
        f"  meaning  {column.meaning}",
        f"  type     {column.dtype}",
        *([f"  unit     {column.unit}"] if column.unit else []),
        *dict.fromkeys(f"  place    {TABLES[each.table].place}" for each in group),
    ]


def _names(group: list[ColumnText]) -> str:
    return ", ".join(f"{each.table}.{each.name}" for each in group)


def _column_data(group: list[ColumnText]) -> dict[str, Any]:
    column = group[0].column
    shown = {"meaning": column.meaning, "type": column.dtype, "unit": column.unit}
    return {"is": "column", "name": _names(group), "tables": [each.table for each in group], **shown}


def _unknown(words: str) -> str:
    from coexsim.analysis.tables import TABLES
    from coexsim.analysis.terms import TERMS
    from coexsim.audit.findings import EXPLANATIONS
    from coexsim.errors import did_you_mean
    from coexsim.scenario.describe import all_keys
    from coexsim.scenario.profiles import shipped_profiles

    if "-" in words and "." not in words:  # as codes are written
        near = did_you_mean(words, shipped_profiles()) or did_you_mean(words.upper(), list(EXPLANATIONS))
        return f"no finding has the code {words!r}, and no load profile is called so{near}"
    table, _, column = words.rpartition(".")
    if table in TABLES:
        return f"the table {table} has no column {column!r}{did_you_mean(column, list(TABLES[table].columns))}"
    names = [*dict.fromkeys(key.path[-1] for key in all_keys()), *TERMS, *TABLES]
    near = did_you_mean(column, names)
    return (
        f"a scenario has no key {words!r}, objectives no such word, and no table or column is called so{near}; "
        "'coexsim explain' lists all of them"
    )


def _wrapped(text: str) -> list[str]:
    from textwrap import wrap

    return wrap(text, width=100, initial_indent="  ", subsequent_indent="  ")
