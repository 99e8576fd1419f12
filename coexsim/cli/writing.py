"""init and schema: help in writing a scenario."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from shlex import quote
from typing import Annotated

from typer import Argument, Option

from coexsim.cli import options
from coexsim.cli.envelope import envelope, print_json
from coexsim.cli.paint import say
from coexsim.errors import UsageError
from coexsim.scenario.init import ABOUT, CORES, KINDS, known_kind, scenario_text

KINDS_SAID = "; ".join(f"{kind}: {about}" for kind, about in ABOUT.items())
SCHEMA_FILE = "coexsim.schema.json"


def _kinds(incomplete: str) -> list[str]:
    return [kind for kind in KINDS if kind.startswith(incomplete)]


def init(
    kind: Annotated[str | None, Argument(metavar="KIND", help=KINDS_SAID, autocompletion=_kinds, show_default=False)] = None,
    domain: Annotated[str | None, Option("--domain", metavar="DOMAIN", help="the mail domain that is shared")] = None,
    onprem: Annotated[str | None, Option("--onprem", metavar="NUMBER", help="mailboxes on-premises")] = None,
    hosted: Annotated[str | None, Option("--hosted", metavar="NUMBER", help="mailboxes at the service")] = None,
    uplink: Annotated[
        str | None,
        Option("--uplink", metavar="BANDWIDTH", help="the office's line, such as '100 Mbit/s' or '20 Mbit/s down, 10 Mbit/s up'"),
    ] = None,
    cores: Annotated[
        str | None,
        Option("--cores", metavar="NUMBER", help=f"cores of the server on-premises; without it {CORES} are assumed, as the file says"),
    ] = None,
    out: Annotated[Path, Option("--out", metavar="FILE", help="the file to write; - for the terminal")] = Path("scenario.yaml"),
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:  # fmt: skip
    """Write a commented scenario to begin with. On a terminal it asks for what is not given."""
    from coexsim.cli import asking

    to_terminal = str(out) == "-"
    if to_terminal and (quiet or as_json):
        raise UsageError("--out - prints the scenario itself; leave out --json and --quiet, or name a file")
    if kind is not None:
        known_kind(kind)  # what cannot be done is said before anything is asked
    if not to_terminal and os.path.exists(out):  # of a name that no file can have, this says no; opening it says why
        raise UsageError(f"{out} is there already; choose another name with --out")
    text = scenario_text(
        kind or asking.asked("KIND", _kinds_listed(), KINDS[0], asking.one_of(KINDS)),
        asking.given_or_asked(domain, "--domain", "Mail domain", "corporate.com", asking.domain),
        asking.given_or_asked(onprem, "--onprem", "Mailboxes on-premises", "500", asking.mailboxes),
        asking.given_or_asked(hosted, "--hosted", "Mailboxes at the hosted service", "500", asking.mailboxes),
        asking.given_or_asked(uplink, "--uplink", "The office's line", "100 Mbit/s", asking.uplink),
        None
        if cores is None and not sys.stdin.isatty()
        else asking.given_or_asked(
            cores, "--cores", "Processor cores of the server on-premises", str(CORES), asking.cores
        ),
    )
    if to_terminal:
        print(text, end="")
        return 0
    schema_file = out.with_name(SCHEMA_FILE)
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
        if not os.path.exists(schema_file):
            schema_file.write_text(_schema(), encoding="utf-8")
    except FileExistsError:
        raise UsageError(f"{out} is there already; choose another name with --out") from None
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}") from None
    answer = f"{out}: next, 'coexsim check {quote(str(out))}'; editors that read YAML with a schema know its keys by {schema_file.name}"
    if as_json:
        print_json(envelope("init", answer, 0, file=str(out), schema_file=str(schema_file)))
    else:
        say([str(out) if quiet else answer])
    return 0


def schema(quiet: options.Quiet = False, as_json: options.AsJson = False) -> int:
    """The JSON Schema of a scenario file (draft 2020-12), for editors and other programs.

    With --quiet it is one line; with --json it stands under `schema` in the shape that every answer has.
    """
    if as_json:
        answer = "The JSON Schema (draft 2020-12) of a scenario file."
        print_json(envelope("schema", answer, 0, schema=json.loads(_schema())))
    elif quiet:
        print(json.dumps(json.loads(_schema())))
    else:
        print(_schema(), end="")
    return 0


def _schema() -> str:
    from coexsim.scenario.schema import schema_text

    return schema_text()


def _kinds_listed() -> str:
    """The kinds with what each is, a line each, and the question."""
    lines = [f"  {number}  {kind:28} {about}" for number, (kind, about) in enumerate(ABOUT.items(), start=1)]
    return "\n".join([*lines, "Set-up"])
