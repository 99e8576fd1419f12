"""`import_setup`: configurations, directories and zones become a scenario, or part of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import dns.exception
import dns.name
from pydantic import TypeAdapter

from coexsim.errors import InputError, Problem, UsageError, did_you_mean
from coexsim.intake.configs.found import Asked, Found, PersonRecord
from coexsim.intake.configs.reading import File, files_of
from coexsim.intake.configs.sayable import leave_unsayable
from coexsim.intake.configs.write import Imported, Label, Target, written, written_into
from coexsim.mail.message import fold
from coexsim.scenario.quantities import Domain

if TYPE_CHECKING:
    from coexsim.scenario.model import Scenario

Kind = Literal["postfix", "exchange", "domino", "directory", "dns"]
KINDS: tuple[Kind, ...] = ("postfix", "exchange", "domino", "directory", "dns")


def require_kind(kind: str) -> None:
    """Is this a kind of configuration that can be read. Raises `UsageError`."""
    if kind not in KINDS:
        near = did_you_mean(kind, KINDS) or f"; there are {', '.join(KINDS)}"
        raise UsageError(f"there is no import of {kind!r}{near}")


def import_setup(
    files: str | Path | Sequence[str | Path],
    *,
    kind: Kind,
    into: str | Path | None = None,
    server: str | None = None,
    domain: str | None = None,
) -> Imported:
    """Read configurations of one kind; nothing is written to disk.

    `files` are files or folders of them. `into` is a scenario whose text gets what was found; without it a new one is made.
    `server` names the server that they are about (default: ``onprem``), `domain` the mail domain, where the files do not say it.
    The same files give the same text.

    Raises `InputError` with file and line of what cannot be read, `ScenarioError` where `into` is not a usable scenario, and
    `UsageError` for a kind that there is not and a domain that is none.
    """
    require_kind(kind)
    given = files_of([files] if isinstance(files, (str, Path)) else files)
    if not given:
        raise UsageError("no file was given")
    if domain is not None:
        _require_domain(domain)
    names = ", ".join(file.name for file in given[:4]) + (f" and {len(given) - 4} more" if len(given) > 4 else "")
    label = Label(kind, server or "onprem", names)
    if into is None:
        new = _reader(kind)(given, Asked(server, domain))
        leave_unsayable(new, {})
        return _usable(written(new, label), Path())
    text, line_end, scenario = _scenario(Path(into))
    asked = _asked(scenario, server, domain)
    found = _reader(kind)(given, asked)
    leave_unsayable(found, asked.kinds)
    if scenario.directory.master:
        found.master = None
    made = written_into(found, label, Target(text, str(into), scenario.domain, asked.unlisted))
    other = _other_product(found, asked, scenario)
    made = _usable(made, Path(into).parent, str(into), other)
    return replace(made, text=made.text.replace("\n", line_end)) if line_end != "\n" else made


def _require_domain(domain: str) -> None:
    """Refuse what was given as domain and is none: it would be refused far from where it was said, as a key or in a zone."""
    try:
        TypeAdapter(Domain).validate_python(domain)
        dns.name.from_text(domain)
    except (ValueError, dns.exception.DNSException):
        raise UsageError(f"--domain: expected a domain such as 'corporate.com'; found {domain!r}") from None


def _other_product(found: Found, asked: Asked, scenario: Scenario) -> Problem | None:
    """The server of these files, where the scenario has another product under its name."""
    for key in found.keys:
        if (
            key.path[0] == "servers"
            and key.path[2:] == ("kind",)
            and asked.kinds.get(key.path[1], key.value) != key.value
        ):
            name, there = key.path[1], asked.kinds[key.path[1]]
            text = f"{name} is a server of kind {there} there, and these files are of {key.value}: name the other one with --server"
            return Problem(*scenario.source.where(key.path), ".".join(key.path), text)
    return None


def _usable(made: Imported, folder: Path, into: str = "", instead: Problem | None = None) -> Imported:
    """The same, if it can be read as a scenario. Raises `InputError` with the places that what is wrong came from.

    `instead` is told in their place where it says why.
    """
    from coexsim.errors import ScenarioError
    from coexsim.mail.setup import Setup
    from coexsim.scenario.load import scenario_from_text

    try:
        Setup(scenario_from_text(made.text, "imported", folder))
    except ScenarioError as error:
        problems = [_at_its_source(problem, made, into) for problem in error.problems]
        raise InputError([instead] if instead else problems) from None
    return made


def _at_its_source(problem: Problem, made: Imported, into: str) -> Problem:
    """A problem of the scenario at the file and line that its key came from; else in the file that was written into."""
    close = [key for key in made.keys if key.where and problem.path.startswith(".".join(key.path))]
    if not close:
        return problem._replace(file=into or "imported", line=0)  # a line of a text that was not written says nothing
    where = max(close, key=lambda key: len(key.path)).where
    assert where is not None
    return Problem(where.file, where.line, problem.path, f"this makes no usable scenario: {problem.text}")


def how_to_export() -> str:
    """The commands with which an administrator of Exchange exports what `import_setup` reads; they change nothing."""
    return Path(__file__).with_name("exchange-how.txt").read_text(encoding="utf-8")


def _reader(kind: str) -> Callable[[Sequence[File], Asked], Found]:
    read: Callable[[Sequence[File], Asked], Found] = getattr(
        import_module(f"coexsim.intake.configs.{kind}"), f"read_{kind}"
    )
    return read


def _scenario(file: Path) -> tuple[str, str, Scenario]:
    """The text of a scenario, with lines that end in a line feed; how its first line ends; and what it says."""
    from coexsim.scenario.load import load_scenario

    scenario = load_scenario(file)
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            text = opened.read()
    except (OSError, ValueError) as error:
        raise InputError([Problem(str(file), 0, "", f"cannot be read: {error}")]) from None
    line_end = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"
    return text.replace("\r\n", "\n").replace("\r", "\n"), line_end, scenario


def _asked(scenario: Scenario, server: str | None, domain: str | None) -> Asked:
    from coexsim.mail.setup import Setup
    from coexsim.scenario.servers.postfix import PostfixServer

    setup = Setup(scenario)
    home = scenario.home_server.get("hosted")
    hosted = frozenset(fold(one.address) for one in setup.directory.everyone() if one.home and one.home == home)
    people = frozenset(fold(one.address) for one in setup.directory.everyone())
    records = {
        fold(one.address): PersonRecord(one.name, one.home, one.known_at)
        for one in setup.directory.everyone()
        if one.name in scenario.directory.people and not scenario.directory.people[one.name].only_at_hosted
    }
    unlisted = frozenset(name for name, person in scenario.directory.people.items() if person.only_at_hosted)
    kinds = {name: one.kind for name, one in scenario.servers.items()}
    hosts = frozenset(fold(one.host) for one in scenario.servers.values() if one.host)
    listed_only, own_tables = {}, {}
    for name, one in scenario.servers.items():
        if isinstance(one, PostfixServer):
            checked = frozenset(map(fold, one.relay_domains if one.relay_recipient_check else ()))
            checked -= frozenset(map(fold, one.relay_recipient_domains))
            own_tables[name] = checked | frozenset(map(fold, one.virtual_mailbox_domains or ()))
            if one.relay_recipient_check:
                listed_only[name] = checked
    return Asked(
        server,
        domain or scenario.domain,
        setup.addresses,
        kinds,
        hosts,
        hosted,
        people,
        records=records,
        unlisted=unlisted,
        own_tables=own_tables,
        listed_only=listed_only,
    )
