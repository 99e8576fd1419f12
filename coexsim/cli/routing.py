"""Where one message goes: trace."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from coexsim.cli import options
from coexsim.cli.completion import people_named, servers_named, what_can_go_down
from coexsim.cli.envelope import envelope, print_json
from coexsim.cli.folder import CANNOT_WRITE, Keeping, results_folder
from coexsim.cli.paint import say
from coexsim.errors import UsageError
from coexsim.text import joined, visible

if TYPE_CHECKING:
    from coexsim.mail.setup import Setup


class Expected(StrEnum):
    """What may be expected of a message."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    EXPIRED = "expired"
    DISCARDED = "discarded"
    DEFERRED = "deferred"
    REFUSED = "refused"

    @property
    def outcome(self) -> str:
        """As a trace calls it."""
        return {"deferred": "deferred_in_queue", "refused": "refused_to_client"}.get(self, str(self))


def trace(
    scenario: options.ScenarioFile,
    sender: Annotated[
        str,
        Argument(
            metavar="SENDER", help="address or name of the sender; '<>' is the null sender", autocompletion=people_named, show_default=False
        ),
    ],
    recipients: Annotated[
        list[str],
        Argument(
            metavar="RECIPIENT", help="addresses, or names of people and groups", autocompletion=people_named, show_default=False
        ),
    ],
    size: Annotated[str, Option(metavar="SIZE", help="size of the message, such as '26 MB'")] = "4096 B",
    undeclared_size: Annotated[bool, Option("--undeclared-size", help="the client does not say SIZE= at MAIL")] = False,
    at_server: Annotated[
        str | None,
        Option(
            metavar="NAME", help="the server it is handed in at; without it, the sender's own",
            autocompletion=servers_named, show_default=False,
        ),
    ] = None,
    via_mx: Annotated[bool, Option("--via-mx", help="the client finds the server by the recipient's MX record")] = False,
    from_outside: Annotated[
        bool, Option("--from-outside", help="handed in by a client from outside, not by the server's own user")
    ] = False,
    down: Annotated[
        list[str] | None,
        Option(
            metavar="NAME", help="a server, link, a site's line such as office-uplink, or 'dns' that is down; may be given several times",
            autocompletion=what_can_go_down, show_default=False,
        ),
    ] = None,
    at: Annotated[
        str, Option(metavar="TIME", help="when it is sent, such as 'Mon 10:00' or '90 min'; the scenario's events apply")
    ] = "0 s",
    expect: Annotated[
        Expected | None,
        Option(
            metavar="END", help=f"exit code 1 unless this becomes of every recipient: {joined(list(Expected), 'or')}", show_default=False
        ),
    ] = None,
    dsn: Annotated[
        bool,
        Option("--dsn", help="print the bounce as the message that is sent (RFC 3464), dated as in the week of 1 January 2024"),
    ] = False,
    out: options.Out = None,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:  # fmt: skip
    """Where a message goes, by which rule at each server, and how it ends.

    Exit code: 0 it was traced, and ends as expected (--expect); 1 it ends in another way.
    """
    from coexsim import units
    from coexsim.cli import trace_text
    from coexsim.mail.trace import trace as trace_message
    from coexsim.scenario.load import load_scenario

    size_bytes = options.value(units.size_bytes, size, "--size")
    moment = options.value(units.moment, at, "--at")
    setup = _setup(load_scenario(scenario))
    _addresses(setup, [sender], "SENDER")
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
    folder = results_folder(out, scenario, verb="trace") if out is not None else None
    route = trace_message(setup, sender, recipients, **asked)  # type: ignore[arg-type]
    missed = trace_text.missed_lines(setup, route, expect.outcome) if expect else []
    remarks = [] if from_outside or via_mx else trace_text.remarks(setup, route, at_server)
    code = int(bool(missed))
    answers = trace_text.trace_answers(route)
    keeping = Keeping()
    if folder is not None:
        from coexsim.report.route_pages import write_trace

        start = setup.scenario.run.start
        told = [("Size", units.say_bytes(size_bytes)), ("Sent", units.say_time(moment.after(start), start))]
        told += [("Down", ", ".join(down))] if down else []
        told += [("Sender", remark) for remark in remarks]
        keeping.write(partial(write_trace, route, setup.scenario, folder, told, answers))
    if as_json:
        ended = CANNOT_WRITE if keeping.failed else code
        print_json(envelope("trace", "; ".join(answers), ended, **trace_text.trace_data(route), remarks=remarks))
    elif dsn:
        _print_notices(trace_text.notices_as_sent(setup, route) or [f"{'; '.join(answers)}; no notice is sent"])
    elif quiet:
        say(answers)
    else:
        say(trace_text.trace_lines(setup, route, **asked))
        say([f"Note: {remark}" for remark in remarks])
    if not as_json:
        say(missed)
    return keeping.exit_code(code)


# --- reading and saying -------------------------------------------------------------------------------------------------------


def _setup(scenario: object) -> Setup:
    from coexsim.mail.setup import Setup
    from coexsim.scenario.model import Scenario

    assert isinstance(scenario, Scenario)
    return Setup(scenario)


def _print_notices(notices: Iterable[str]) -> None:
    """Messages as they are sent, a blank line between them."""
    for line in "\n\n".join(notices).split("\n"):
        print("\t".join(map(visible, line.split("\t"))))  # a header may be folded with a tab


def _addresses(setup: Setup, names: Iterable[str], argument: str) -> None:
    """Names and addresses that can be written to; what cannot be an address is bad usage."""
    from coexsim.scenario.people_checks import is_mail_address

    for name in names:
        if argument == "SENDER" and not name.strip():
            raise UsageError("SENDER is empty; write an address or a name, or '<>' for the null sender")
        if not (name == "<>" and argument == "SENDER") and not is_mail_address(setup.scenario.address_of(name)):
            example = f"name@{setup.scenario.domain}"
            raise UsageError(f"{argument}: {name!r} is no address; write for example {example!r}")
