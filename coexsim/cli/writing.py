"""init and schema: help in writing a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from coexsim.cli import options
from coexsim.cli.envelope import envelope, print_json
from coexsim.cli.paint import say
from coexsim.errors import UsageError

KINDS_SAID = "article, exchange-hybrid, exchange-hybrid-centralised, google-split or postfix-split"
SCHEMA_FILE = "coexsim.schema.json"


def _kinds(incomplete: str) -> list[str]:
    from coexsim.scenario.init import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete)]


def init(
    kind: Annotated[str | None, Argument(metavar="[KIND]", help=KINDS_SAID, autocompletion=_kinds, show_default=False)] = None,
    domain: Annotated[str | None, Option("--domain", metavar="DOMAIN", help="the mail domain that is shared")] = None,
    onprem: Annotated[int | None, Option("--onprem", metavar="NUMBER", min=1, help="mailboxes on-premises")] = None,
    hosted: Annotated[int | None, Option("--hosted", metavar="NUMBER", min=1, help="mailboxes at the service")] = None,
    uplink: Annotated[str | None, Option("--uplink", metavar="BANDWIDTH", help="the office's line, such as '100 Mbit/s'")] = None,
    out: Annotated[Path, Option("--out", metavar="FILE", help="the file to write; - for the terminal")] = Path("scenario.yaml"),
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:  # fmt: skip
    """Write a commented scenario to begin with. On a terminal it asks for what is not given."""
    from coexsim.cli import asking
    from coexsim.scenario.init import KINDS, known_kind, scenario_text

    to_terminal = str(out) == "-"
    if to_terminal and (quiet or as_json):
        raise UsageError("--out - prints the scenario itself; leave out --json and --quiet, or name a file")
    if kind is not None:
        known_kind(kind)  # what cannot be done is said before anything is asked
    if not to_terminal and out.exists():
        raise UsageError(f"{out} is there already; choose another name with --out")
    text = scenario_text(
        kind or asking.asked("KIND", _kinds_listed(), KINDS[0], asking.one_of(KINDS)),
        domain or asking.asked("--domain", "Mail domain", "corporate.com", asking.domain),
        onprem or asking.asked("--onprem", "Mailboxes on-premises", "500", asking.mailboxes),
        hosted or asking.asked("--hosted", "Mailboxes at the hosted service", "500", asking.mailboxes),
        uplink or asking.asked("--uplink", "The office's line", "100 Mbit/s", asking.bandwidth),
    )
    if to_terminal:
        print(text, end="")
        return 0
    schema_file = out.with_name(SCHEMA_FILE)
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
        if not schema_file.exists():
            schema_file.write_text(_schema(), encoding="utf-8")
    except FileExistsError:
        raise UsageError(f"{out} is there already; choose another name with --out") from None
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}") from None
    answer = (
        f"{out}: next, 'coexsim check {out}'; editors that read YAML with a schema know its keys by {schema_file.name}"
    )
    if as_json:
        print_json(envelope("init", answer, 0, file=str(out), schema_file=str(schema_file)))
    else:
        say([str(out) if quiet else answer])
    return 0


def schema() -> int:
    """The JSON Schema of a scenario file (draft 2020-12), for editors and other programs."""
    print(_schema(), end="")
    return 0


def _schema() -> str:
    from coexsim.scenario.schema import schema_text

    return schema_text()


def _kinds_listed() -> str:
    """The kinds with what each is, a line each, and the question."""
    from coexsim.scenario.init import ABOUT

    lines = [f"  {number}  {kind:28} {about}" for number, (kind, about) in enumerate(ABOUT.items(), start=1)]
    return "\n".join([*lines, "Set-up"])
