"""The commands that need no clock: trace, check, diff, explain."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from coexsim.cli import options
from coexsim.cli.completion import finding_codes, scenario_files
from coexsim.cli.paint import say
from coexsim.errors import UsageError

if TYPE_CHECKING:
    from coexsim.mail.setup import Setup
    from coexsim.scenario.model import Scenario


def trace(
    scenario: options.ScenarioFile,
    sender: Annotated[str, Argument(metavar="SENDER", help="address or name of the sender; '<>' is the null sender", show_default=False)],
    recipients: Annotated[
        list[str], Argument(metavar="RECIPIENT", help="addresses, or names of people and groups", show_default=False)
    ],
    size: Annotated[str, Option(metavar="SIZE", help="size of the message, such as '26 MB'")] = "4096 B",
    undeclared_size: Annotated[bool, Option("--undeclared-size", help="the client does not say SIZE= at MAIL")] = False,
    at_server: Annotated[
        str | None, Option(metavar="NAME", help="the server it is handed in at; without it, the sender's own", show_default=False)
    ] = None,
    via_mx: Annotated[bool, Option("--via-mx", help="the client finds the server by the recipient's MX record")] = False,
    from_outside: Annotated[
        bool, Option("--from-outside", help="handed in by a client from outside, not by the server's own user")
    ] = False,
    down: Annotated[
        list[str] | None,
        Option(metavar="NAME", help="a server, link or 'dns' that is down; may be given several times", show_default=False),
    ] = None,
    at: Annotated[
        str, Option(metavar="TIME", help="when it is sent, such as 'Mon 10:00' or '90 min'; the scenario's events apply")
    ] = "0 s",
    dsn: Annotated[bool, Option("--dsn", help="print the bounce as the message that is sent (RFC 3464)")] = False,
    as_json: options.AsJson = False,
) -> int:  # fmt: skip
    """Where a message goes, by which rule at each server, and how it ends."""
    from coexsim import units
    from coexsim.cli import trace_text
    from coexsim.mail.trace import trace as trace_message
    from coexsim.scenario.load import load_scenario

    size_bytes = options.value(units.size_bytes, size, "--size")
    moment = options.value(units.moment, at, "--at")
    setup = _setup(load_scenario(scenario))
    _addresses(setup, [sender] if sender else [], "SENDER")
    _addresses(setup, recipients, "RECIPIENT")
    if at_server is not None:
        options.known([at_server], setup.scenario.servers, "--at-server")
    down = down or []
    options.known(down, setup.scenario.can_go_down, "--down")
    asked = dict(
        size_bytes=size_bytes, at_s=moment.after(setup.scenario.run.start), down=tuple(down), server=at_server,
        via_mx=via_mx or (from_outside and at_server is None), client="outside" if from_outside else "own-user",
        declare_size=not undeclared_size,
    )  # fmt: skip
    walk = trace_message(setup, sender, recipients, **asked)  # type: ignore[arg-type]
    if as_json:
        _print_json(trace_text.trace_data(walk))
    elif dsn:
        print("\n\n".join(trace_text.notices_as_sent(setup, walk)) or "no notice is sent")
    else:
        say(trace_text.trace_lines(setup, walk, **asked))
    return 0


def check(
    paths: Annotated[
        list[Path],
        Argument(metavar="PATH", help="scenario files, or folders of them", autocompletion=scenario_files, show_default=False),
    ],
    strict: Annotated[bool, Option("--strict", help="warnings fail the check too")] = False,
    quiet: Annotated[bool, Option("--quiet", "-q", help="only what failed, and the sum")] = False,
    as_json: options.AsJson = False,
    junit: Annotated[
        Path | None, Option(metavar="FILE", help="also write a JUnit report for CI", show_default=False)
    ] = None,
) -> int:  # fmt: skip
    """Does every message go as its scenario expects, and what else is wrong with the set-up. Exit 0 if all holds, else 1."""
    from coexsim.audit.check import check as check_setup
    from coexsim.cli import check_text
    from coexsim.errors import CoexsimError, ObjectiveError, ScenarioError
    from coexsim.scenario.load import load_scenario

    reports = []
    problems: list[str] = []
    for file in _files(paths):
        try:
            scenario = load_scenario(file)
            _read_objectives(scenario)
            reports.append(check_setup(scenario))
        except ScenarioError as error:
            problems += map(str, error.problems)
        except ObjectiveError as error:
            problems.append(str(error))
    if as_json:
        _print_json(check_text.check_data(reports, strict=strict))
    elif reports:
        say(check_text.check_lines(reports, quiet=quiet))
    if junit is not None:
        _write(junit, check_text.check_junit(reports, strict=strict))
    if problems:
        raise CoexsimError("\n".join(dict.fromkeys(problems)))
    return int(not all(report.holds(strict=strict) for report in reports))


def diff(
    old: Annotated[Path, options.scenario_argument("OLD", "the scenario as it is")],
    new: Annotated[Path, options.scenario_argument("NEW", "the scenario as it would be")],
    as_json: options.AsJson = False,
    markdown: Annotated[bool, Option("--markdown", help="Markdown, for a pull request")] = False,
) -> int:
    """Which classes of mail go another way after a change, and whose load that becomes. Exit 0 if nothing changed, else 1."""
    from coexsim.audit.diff import diff_routes
    from coexsim.cli import diff_text
    from coexsim.scenario.load import load_scenario

    found = diff_routes(load_scenario(old), load_scenario(new))
    if as_json:
        _print_json(diff_text.diff_data(found))
    else:
        say(diff_text.diff_markdown(found) if markdown else diff_text.diff_lines(found))
    return int(found.changed)


def explain(
    what: Annotated[
        str | None,
        Argument(
            metavar="[CODE|SCENARIO]", help="the code of a finding, or a scenario file; without it, all codes are listed",
            autocompletion=finding_codes, show_default=False,
        ),
    ] = None,
) -> int:  # fmt: skip
    """What a finding means and what to do; or what can be said of a scenario before any run."""
    from coexsim.audit.findings import EXPLANATIONS
    from coexsim.errors import did_you_mean

    if what is None:
        print("\n".join(f"{code:30s} {e.severity:8s} {e.title}" for code, e in EXPLANATIONS.items()))
        return 0
    explanation = EXPLANATIONS.get(what.upper())
    if explanation is None:
        if Path(what).suffix in (".yaml", ".yml"):
            from coexsim.cli.explaining import explain_scenario

            explain_scenario(Path(what))
            return 0
        raise UsageError(f"no finding has the code {what!r}{did_you_mean(what, list(EXPLANATIONS))}")
    print(f"{what.upper()} ({explanation.severity}): {explanation.title}\n")
    for title, text in explanation.sections():
        print(f"{title}\n{_wrapped(text)}\n")
    return 0


# --- reading and saying -------------------------------------------------------------------------------------------------------


def _setup(scenario: object) -> Setup:
    from coexsim.mail.setup import Setup
    from coexsim.scenario.model import Scenario

    assert isinstance(scenario, Scenario)
    return Setup(scenario)


def _read_objectives(scenario: Scenario) -> None:
    """A run would stop at an objective that cannot be read, so it is told before. Raises `ObjectiveError`."""
    if scenario.objectives:
        from coexsim.analysis.slo_text import read_objectives

        read_objectives(scenario)


def _addresses(setup: Setup, names: Iterable[str], argument: str) -> None:
    """Names and addresses that can be written to; what cannot be an address is bad usage."""
    from coexsim.mail.trace import address_of
    from coexsim.scenario.checks import is_mail_address

    for name in names:
        if name != "<>" and not is_mail_address(address_of(setup, name)):
            example = f"name@{setup.scenario.domain}"
            raise UsageError(f"{argument}: {name!r} is no address; write for example {example!r}")


def _files(paths: list[Path]) -> list[Path]:
    """The files named, and those in the folders named."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted((*path.rglob("*.yaml"), *path.rglob("*.yml")))
            if not inside:
                raise UsageError(f"there is no .yaml file in {path}")
            found += inside
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _print_json(data: object) -> None:
    import json

    print(json.dumps(data, indent=2))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--junit: {file} cannot be written: {error.strerror}") from None


def _wrapped(text: str) -> str:
    from textwrap import fill

    return fill(text, width=100, initial_indent="  ", subsequent_indent="  ")
