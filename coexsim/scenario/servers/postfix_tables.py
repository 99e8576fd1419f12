"""How transports and access tables of Postfix are written: transport(5), access(5)."""

import re
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from coexsim.scenario.quantities import ADDRESS, Written

TRANSPORTS = ("smtp", "relay", "virtual", "local", "lmtp", "error", "retry", "discard")


def _known_transport(to: str) -> str:
    word, colon, rest = to.partition(":")
    if word in ("error", "retry", "discard"):  # the rest is what is told of the mail
        return to
    has_port = rest.isdecimal() or word.startswith("[")
    if colon and word not in TRANSPORTS and not has_port:
        raise ValueError(
            f"{to!r} is not among the transports here; write one of smtp:[host], smtp:host, smtp:, "
            "virtual:, error:text, retry:text, discard:text, or 'smtp:[host], [next host]'"
        )
    return to


def _each(known: Callable[[str], str]) -> Callable[[dict[str, str]], dict[str, str]]:
    """Checks all that a table leads to; what is wrong is said with its key."""

    def check(table: dict[str, str]) -> dict[str, str]:
        for key, value in table.items():
            try:
                known(value)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
        return table

    return check


Transport = Annotated[
    str,
    AfterValidator(_known_transport),
    Written("a transport", "", "smtp:[mail.corporate.com]", {"type": "string"}),
]
_VERBS = ("OK", "RELAY", "DUNNO", "INFO", "WARN", "REJECT", "DEFER", "DEFER_IF_PERMIT", "DISCARD", "HOLD")
_WITH_ADDRESS = ("REDIRECT", "BCC")


def known_action(text: str) -> str:
    """An action of an access table, as it is; raises `ValueError` for one that is not known here."""
    word, _, rest = text.strip().partition(" ")
    verb = word.upper()
    if verb in _WITH_ADDRESS and not re.fullmatch(ADDRESS, rest.strip()):
        raise ValueError(f"{text!r} needs an address; write '{verb} somebody@corporate.com'")
    if verb == "FILTER":
        if ":" not in rest:
            raise ValueError(f"{text!r} needs a transport and a host; write 'FILTER smtp:[filter.corporate.com]'")
        _known_transport(rest.strip())
    if verb in (*_VERBS, *_WITH_ADDRESS, "FILTER") or re.fullmatch(r"[45][0-9]{2}\s+.*|[0-9]+", text.strip()):
        return text
    raise ValueError(
        f"{text!r} is no action of an access table that is known here; write one of REJECT text, 550 5.7.1 text, DEFER text, DISCARD, "
        "HOLD, REDIRECT address, FILTER transport:host, BCC address, OK, DUNNO"
    )


Access = Annotated[
    dict[str, str],
    AfterValidator(_each(known_action)),
    Field(examples=[{"corporate.com": "REDIRECT copies@corporate.com"}]),
]
Clients = Literal["outside", "everyone"]
"""Whose mail an access table is asked about."""
Transports = Annotated[
    dict[str, str],
    AfterValidator(_each(_known_transport)),
    Field(examples=[{"corporate.com": "smtp:[mail.corporate.com]"}]),
]
