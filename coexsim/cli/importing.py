"""The command that makes a scenario of other programs' configurations: import."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coexsim.cli import options
from coexsim.cli.completion import scenario_files
from coexsim.cli.envelope import envelope, print_json
from coexsim.cli.folder import CANNOT_WRITE, Keeping, results_folder
from coexsim.cli.paint import say
from coexsim.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coexsim.audit.finding import Finding
    from coexsim.intake.configs.write import Imported

KINDS = "postfix, exchange, domino, directory or dns"
OWN_HEAD = "# Made by 'coexsim import "
OPEN_AT_MOST = 8
"""Errors of the new scenario that are told; the others are counted."""


def _kinds() -> list[str]:
    return KINDS.replace(" or ", ", ").split(", ")


Kind = Annotated[str, typer.Argument(metavar="KIND", help=KINDS, autocompletion=_kinds)]
Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE", help="files of that kind, or folders of them", show_default=False),
]
Into = Annotated[
    Path | None,
    typer.Option(
        "--into",
        metavar="FILE",
        help="put it into this scenario; its text and comments stay",
        autocompletion=scenario_files,
        show_default=False,
    ),
]
NewFile = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="write a new scenario; without it, it is printed", show_default=False),
]
ReportFolder = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="FOLDER", help="folder for a page of what was read, from which line", show_default=False
    ),
]
Domain = Annotated[
    str | None,
    typer.Option(
        "--domain", metavar="DOMAIN", help="the mail domain, where the files do not say it", show_default=False
    ),
]


def import_(
    kind: Kind,
    files: Files = None,
    out: NewFile = None,
    into: Into = None,
    server: Annotated[
        str, typer.Option("--server", metavar="NAME", help="the server's name in the scenario")
    ] = "onprem",
    domain: Domain = None,
    report: ReportFolder = None,
    how: Annotated[bool, typer.Option("--how", help="only say how to export what is read (exchange)")] = False,
    everything: Annotated[bool, typer.Option("--all", help="also list what has no part in any answer")] = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:
    """Make a scenario of your own configurations, directory and zones; each key says the file and line it came from.

    What is not modelled is listed with what that means for the answers; nothing is dropped in silence.
    """
    from coexsim.intake.configs.importing import how_to_export, import_setup, require_kind
    from coexsim.intake.configs.write import PEOPLE_HEAD

    if how:
        if kind != "exchange":
            raise UsageError(f"--how is there for exchange; {kind} needs no commands: give its own files")
        print(how_to_export(), end="")
        return 0
    if out is not None and into is not None:
        raise UsageError("--out makes a new scenario, --into adds to one that is there: give one of them")
    require_kind(kind)
    if not files:
        raise UsageError(f"import {kind}: no file was given" + ("; see --how" if kind == "exchange" else ""))
    if out is not None:
        _may_be_replaced(out)
    folder = results_folder(report, Path(kind), verb="import") if report is not None else None
    keeping = Keeping()
    if into is not None:
        _require_writable(into)
    before = _bytes_of(into) if into is not None else None
    found = import_setup(files, kind=kind, into=into, server=server, domain=domain)  # type: ignore[arg-type]
    target = out or into
    people = target.with_name(f"{target.stem}.people.yaml") if target and found.people_text else None
    if people is not None:
        _may_be_replaced(
            people, PEOPLE_HEAD, "everybody by name is written there: move it, or give the scenario another name"
        )
    if into is not None and _bytes_of(into) != before:
        raise UsageError(
            f"--into: {into} was changed by somebody else meanwhile, and is left as it is; import once more"
        )
    is_new = before != found.text.encode()
    if target is not None and (is_new or people is not None):
        _write({target: found.text} if people is None else {people: found.people_text or "", target: found.text})
    open_ = _open(target) if target is not None and (as_json or not quiet) else []
    answer = f"{len(found.keys):,} key{'s' * (len(found.keys) != 1)} from {kind}"
    if folder is not None:
        from coexsim.report.explain_page import write_import

        keeping.write(partial(write_import, found, folder, [f"{answer}."], kind))
    if as_json:
        code = CANNOT_WRITE if keeping.failed else 0
        print_json(envelope("import", answer, code, **_data(found, target, people, open_)))
    elif target is None:
        print(found.text, end="")
    else:
        lines = [*_lines(found, kind, target, people, everything, is_new), *_open_lines(open_, target)]
        say(lines[:1] if quiet else (row for line in lines for row in line.split("\n")))
    return keeping.exit_code(0)


def _may_be_replaced(
    out: Path, head: str = OWN_HEAD, cure: str = "add to it with --into, or give another name"
) -> None:
    """A file that an import made may be made again; another one stays."""
    try:
        _require_writable(out)
        if out.exists() and (not out.is_file() or not out.read_text(encoding="utf-8").startswith(head)):
            raise UsageError(f"--out: {out} is there, and no import made it; {cure}")
    except (OSError, ValueError) as error:
        raise UsageError(f"--out: {out} cannot be read: {error}") from None


def _require_writable(file: Path) -> None:
    """Refuse a file that its owner made read-only, though a rename would replace it."""
    if file.is_file() and not (file.stat().st_mode & 0o222 and os.access(file, os.W_OK)):
        raise UsageError(
            f"{file} is read-only, and stays as it is; make it writable first, or write another one with --out"
        )


def _bytes_of(file: Path) -> bytes:
    """What a file holds; nothing where it cannot be read, which is said when its text is asked for."""
    try:
        return file.read_bytes() if file.is_file() else b""
    except (OSError, ValueError):
        return b""


def _write(texts: dict[Path, str]) -> None:
    """Write files, all of them whole or none: where one is a link, the file that it leads to."""
    from coexsim.experiment.whole import write_all_whole

    try:
        write_all_whole({Path(os.path.realpath(file)): text.encode() for file, text in texts.items()})
    except OutputError as error:
        raise UsageError(str(error)) from None


def _lines(found: Imported, kind: str, target: Path, people: Path | None, everything: bool, is_new: bool) -> list[str]:
    """What was done, in words."""
    from coexsim.intake.configs.yaml_text import printable

    told = [one for one in found.unused if one.matters or everything]
    rest = len(found.unused) - len(told)
    counted = ", ".join(f"{printable(what)}: {number:,}" for what, number in sorted(found.counts.items()))
    lines = [
        f"{target}: {len(found.keys):,} key{'s' * (len(found.keys) != 1)} from {kind}"
        + (f" ({counted})" if counted else "")
        + ("" if is_new else "; nothing is new")
    ]
    if people is not None:
        lines.append(f"{people}: everybody by name; the scenario has them as numbers")
    lines += [f"changed  {change.path}: {change.old} is now {change.new}" for change in found.changes]
    if told:
        lines.append("Not modelled:")
        lines += [f"  {printable(f'{one.where}: {one.what} = {one.value}')}\n      {one.meaning}" for one in told]
    if rest:
        lines.append(f"{rest} more have no part in where mail goes or what it costs; --all lists them")
    return lines


def _open(target: Path) -> list[Finding]:
    """What keeps the scenario that was written from working: next hops that no server has yet, zones that are to come."""
    from coexsim.audit.check import check
    from coexsim.scenario.load import load_scenario

    return list(check(load_scenario(target)).open("error"))


def _open_lines(found: Sequence[Finding], target: Path) -> list[str]:
    """The same in words, a line each."""
    if not found:
        return []
    lines = [f"Still open in {target}, to be written or imported; 'coexsim check {target}' tells more:"]
    lines += [f"  {one.where}: {one.text}" for one in found[:OPEN_AT_MOST]]
    more = len(found) - OPEN_AT_MOST
    return [*lines, f"  and {more} more"] if more > 0 else lines


def _data(found: Imported, target: Path | None, people: Path | None, open_: Sequence[Finding]) -> dict[str, Any]:
    """The same for programs."""
    from coexsim.intake.configs.yaml_text import plain_of

    return {
        "written": str(target) if target else None,
        "people": str(people) if people else None,
        "counts": dict(sorted(found.counts.items())),
        "keys": [
            {
                "path": list(key.path),
                "value": plain_of(key.value),
                "file": key.where.file if key.where else None,
                "line": key.where.line if key.where else None,
                "note": key.note,
            }
            for key in found.keys
        ],
        "not_modelled": [
            {
                "file": one.where.file,
                "line": one.where.line,
                "what": one.what,
                "value": one.value,
                "meaning": one.meaning,
                "matters": one.matters,
            }
            for one in found.unused
        ],
        "changes": [change._asdict() for change in found.changes],
        "open": [{"code": one.code, "path": one.where, "text": one.text, "line": one.line} for one in open_],
        "scenario": None if target else found.text,
    }
