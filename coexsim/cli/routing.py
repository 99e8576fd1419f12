"""The commands that need no clock: trace, check, diff, explain."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from coexsim.cli import options
from coexsim.errors import UsageError

if TYPE_CHECKING:
    from coexsim.cli.options import Parser
    from coexsim.mail.setup import Setup
    from coexsim.scenario.model import Scenario


def trace_arguments(parser: Parser) -> None:
    """What trace can be asked."""
    options.scenario(parser)
    parser.add_argument("sender", metavar="SENDER", help="address or name of the sender; '<>' is the null sender")
    parser.add_argument("recipients", metavar="RECIPIENT", nargs="+", help="addresses, or names of people and groups")
    say = parser.add_argument
    say("--size", default="4096 B", help="size of the message, such as '26 MB' [default: 4096 B]")
    say("--undeclared-size", action="store_true", help="the client does not say SIZE= at MAIL")
    say("--at-server", metavar="SERVER", help="the server it is handed in at [default: the sender's own]")
    say("--via-mx", action="store_true", help="the client finds the server by the recipient's MX record")
    say("--from-outside", action="store_true", help="handed in by a client from outside, not by the server's own user")
    say(
        "--down", action="append", default=[], metavar="NAME",
        help="a server, link or 'dns' that is down; may be given several times",
    )  # fmt: skip
    say(
        "--at", default="0 s", metavar="TIME",
        help="when it is sent, such as 'Mon 10:00' or '90 min'; the scenario's events apply [default: 0 s]",
    )  # fmt: skip
    say("--dsn", action="store_true", help="print the bounce as the message that is sent (RFC 3464)")
    options.json_output(parser)


def trace(
    scenario: Path, sender: str, recipients: list[str], size: str, undeclared_size: bool, at_server: str | None,
    via_mx: bool, from_outside: bool, down: list[str], at: str, dsn: bool, as_json: bool,
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
        print("\n".join(trace_text.trace_lines(setup, walk, **asked)))
    return 0


def check_arguments(parser: Parser) -> None:
    """What check can be asked."""
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="scenario files, or folders of them")
    parser.add_argument("--strict", action="store_true", help="warnings fail the check too")
    parser.add_argument("--quiet", "-q", action="store_true", help="only what failed, and the sum")
    options.json_output(parser)
    parser.add_argument("--junit", type=Path, metavar="FILE", help="also write a JUnit report for CI")


def check(paths: list[Path], strict: bool, quiet: bool, as_json: bool, junit: Path | None) -> int:
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
        print("\n".join(check_text.check_lines(reports, quiet=quiet)))
    if junit is not None:
        _write(junit, check_text.check_junit(reports, strict=strict))
    if problems:
        raise CoexsimError("\n".join(dict.fromkeys(problems)))
    return int(not all(report.holds(strict=strict) for report in reports))


def diff_arguments(parser: Parser) -> None:
    """What diff can be asked."""
    parser.add_argument("old", metavar="OLD", type=Path, help="the scenario as it is")
    parser.add_argument("new", metavar="NEW", type=Path, help="the scenario as it would be")
    options.json_output(parser)
    parser.add_argument("--markdown", action="store_true", help="Markdown, for a pull request")


def diff(old: Path, new: Path, as_json: bool, markdown: bool) -> int:
    """Which classes of mail go another way after a change, and whose load that becomes. Exit 0 if nothing changed, else 1."""
    from coexsim.audit.diff import diff_routes
    from coexsim.cli import diff_text
    from coexsim.scenario.load import load_scenario

    found = diff_routes(load_scenario(old), load_scenario(new))
    if as_json:
        _print_json(diff_text.diff_data(found))
    else:
        print("\n".join(diff_text.diff_markdown(found) if markdown else diff_text.diff_lines(found)))
    return int(found.changed)


def explain_arguments(parser: Parser) -> None:
    """What explain can be asked."""
    parser.add_argument(
        "what", metavar="CODE|SCENARIO", nargs="?",
        help="the code of a finding, or a scenario file; without it, all codes are listed",
    )  # fmt: skip


def explain(what: str | None) -> int:
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

    print(json.dumps(data, indent=2, ensure_ascii=False))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--junit: {file} cannot be written: {error.strerror}") from None


def _wrapped(text: str) -> str:
    from textwrap import fill

    return fill(text, width=100, initial_indent="  ", subsequent_indent="  ")
