"""Where one message goes: trace; and what is meant by what is found: explain."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from coexsim.cli import options
from coexsim.cli.completion import explained, people_named, servers_named, what_can_go_down
from coexsim.cli.envelope import envelope, print_json
from coexsim.cli.folder import CANNOT_WRITE, Keeping, results_folder
from coexsim.cli.paint import say
from coexsim.errors import UsageError
from coexsim.text import visible

if TYPE_CHECKING:
    from coexsim.mail.setup import Setup


ARTICLE = '"Configuring on-premise messaging servers to coexist with IBM LotusLive iNotes", which this tool grew out of'


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
            metavar="NAME", help="a server, link or 'dns' that is down; may be given several times",
            autocompletion=what_can_go_down, show_default=False,
        ),
    ] = None,
    at: Annotated[
        str, Option(metavar="TIME", help="when it is sent, such as 'Mon 10:00' or '90 min'; the scenario's events apply")
    ] = "0 s",
    expect: Annotated[
        Expected | None, Option(help="exit code 1 unless this becomes of every recipient", show_default=False)
    ] = None,
    dsn: Annotated[bool, Option("--dsn", help="print the bounce as the message that is sent (RFC 3464)")] = False,
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
    folder = results_folder(out, scenario) if out is not None else None
    route = trace_message(setup, sender, recipients, **asked)  # type: ignore[arg-type]
    missed = trace_text.missed_lines(setup, route, expect.outcome) if expect else []
    code = int(bool(missed))
    keeping = Keeping()
    if folder is not None:
        from coexsim.report.route_pages import write_trace

        told = [
            ("Size", size),
            ("Sent", units.say_time(moment.after(setup.scenario.run.start), setup.scenario.run.start)),
        ]
        told += [("Down", ", ".join(down))] if down else []
        keeping.write(partial(write_trace, route, setup.scenario, folder, told, trace_text.trace_answer(route)))
    if as_json:
        ended = CANNOT_WRITE if keeping.failed else code
        print_json(envelope("trace", trace_text.trace_answer(route), ended, **trace_text.trace_data(route)))
    elif dsn:
        for line in ("\n\n".join(trace_text.notices_as_sent(setup, route)) or "no notice is sent").split("\n"):
            print("\t".join(map(visible, line.split("\t"))))  # a header may be folded with a tab
    elif quiet:
        say(trace_text.trace_answer(route).split("; "))
    else:
        say(trace_text.trace_lines(setup, route, **asked))
    if not as_json:
        say(missed)
    return keeping.exit_code(code)


def explain(
    what: Annotated[
        str | None,
        Argument(
            metavar="[CODE|KEY|WORD|SCENARIO]",
            help="the code of a finding, a key of a scenario, a word of objectives, or a scenario file; without it, all of them are listed",
            autocompletion=explained, show_default=False,
        ),
    ] = None,
    out: options.Out = None,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
    markdown: Annotated[bool, Option("--markdown", help="all keys of a scenario, as a page in Markdown")] = False,
) -> int:  # fmt: skip
    """What a finding, a key of a scenario or a word of objectives means; or what can be said of a scenario before any run."""
    from coexsim.analysis.terms import TERMS, term
    from coexsim.audit.findings import EXPLANATIONS
    from coexsim.errors import did_you_mean

    if markdown:
        from coexsim.scenario.describe import keys_page

        print(keys_page(), end="")
        return 0
    if what is not None and what.upper() not in EXPLANATIONS:
        if Path(what).suffix not in (".yaml", ".yml"):
            if "-" in what and "." not in what and term(what) is None:  # as codes are written
                raise UsageError(f"no finding has the code {what!r}{did_you_mean(what.upper(), list(EXPLANATIONS))}")
            return _explain_key(what, quiet=quiet, as_json=as_json)
        from coexsim.cli.explaining import explain_scenario

        return explain_scenario(Path(what), out=out, quiet=quiet, as_json=as_json)
    if out is not None:
        raise UsageError("--out: a page is made of a scenario's file; this tells of findings, keys and words")
    chosen = list(EXPLANATIONS.values()) if what is None else [EXPLANATIONS[what.upper()]]
    answer = f"{len(chosen)} kinds of findings" if what is None else f"{chosen[0].code}: {chosen[0].title}"
    if as_json:
        print_json(envelope("explain", answer, 0, kinds_of_findings=[each._asdict() for each in chosen]))
    elif quiet and what is not None:
        say(answer)
    elif what is None:
        say(f"{each.code:30s} {each.severity:8s} {each.title}" for each in chosen)
        from coexsim.scenario.describe import tree_text

        say(["", "Keys of a scenario", "", *tree_text().splitlines()])
        say(
            ["", "Words of objectives and answers", "", *(f"{each.word:30s} {each.meaning}" for each in TERMS.values())]
        )
    else:
        say(f"{chosen[0].code} ({chosen[0].severity}): {chosen[0].title}")
        for title, text in chosen[0].sections():
            say(["", title, *_wrapped(text)])
        say(_what_article(text for _, text in chosen[0].sections()))
        say("")
    return 0


def _explain_key(words: str, *, quiet: bool, as_json: bool) -> int:
    """Tell of a key, a word of objectives, or both."""
    told = _told_of_key(words)
    if as_json:
        print_json(envelope("explain", told[0], 0, key="\n".join(told)))
    else:
        say(told[0] if quiet else told)
    return 0


def _told_of_key(words: str) -> list[str]:
    from coexsim.analysis.terms import TERMS, term
    from coexsim.errors import did_you_mean
    from coexsim.scenario.describe import all_keys, describe

    found = term(words)
    said = found.lines if found is not None else []
    try:
        lines = describe(words).splitlines()
    except UsageError:
        if found is None:
            names = [*dict.fromkeys(key.path[-1] for key in all_keys()), *TERMS]
            near = did_you_mean(words.split(".")[-1], names)
            raise UsageError(
                f"a scenario has no key {words!r}, and objectives no such word{near}; 'coexsim explain' lists all of them"
            ) from None
        return said
    return [*lines, *([""] if said else []), *said, *_what_article(lines)]


def _what_article(lines: Iterable[str]) -> list[str]:
    """Whoever reads "the article" for the first time is told which."""
    return ["", f"The article: {ARTICLE}"] if any(re.search(r"\barticle\b", line) for line in lines) else []


# --- reading and saying -------------------------------------------------------------------------------------------------------


def _setup(scenario: object) -> Setup:
    from coexsim.mail.setup import Setup
    from coexsim.scenario.model import Scenario

    assert isinstance(scenario, Scenario)
    return Setup(scenario)


def _addresses(setup: Setup, names: Iterable[str], argument: str) -> None:
    """Names and addresses that can be written to; what cannot be an address is bad usage."""
    from coexsim.mail.trace import address_of
    from coexsim.scenario.people_checks import is_mail_address

    for name in names:
        if name != "<>" and not is_mail_address(address_of(setup, name)):
            example = f"name@{setup.scenario.domain}"
            raise UsageError(f"{argument}: {name!r} is no address; write for example {example!r}")


def _wrapped(text: str) -> list[str]:
    from textwrap import wrap

    return wrap(text, width=100, initial_indent="  ", subsequent_indent="  ")
