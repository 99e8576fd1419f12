"""Postfix's access tables (access(5)): what their entries say, as actions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from coexsim.mail.access import NULL_SENDER_KEY, AccessTables, Action
from coexsim.mail.message import Reply, fold
from coexsim.mail.route_table import RouteEntry
from coexsim.scenario.servers import PostfixServer

_CODE = re.compile(r"([45][0-9]{2})\s+(.*)")
_ENHANCED = re.compile(r"([45]\.\d{1,3}\.\d{1,3})(?:\s+(.*)|$)")
REJECTS = {"reject": (554, "5.7.1"), "defer": (450, "4.7.1"), "defer_if_permit": (450, "4.7.1")}  # access_map_*_code
# An address's status code, as it is told of a sender and of a recipient (smtpd_dsn_fix.c).
OF_SENDERS = {"1": "7", "2": "8", "3": "7", "4": "7", "5": "0", "6": "7", "7": "7", "8": "8"}
OF_RECIPIENTS = {"1": "1", "2": "2", "3": "3", "4": "4", "5": "5", "6": "6", "7": "3", "8": "2"}


def access_tables(server: PostfixServer, route_of: Callable[[str], RouteEntry]) -> AccessTables | None:
    """The tables of a server, or None; `route_of` reads a transport."""
    if not server.check_sender_access and not server.check_recipient_access:
        return None
    return AccessTables(
        _actions(server.check_sender_access, OF_SENDERS, route_of),
        _actions(server.check_recipient_access, OF_RECIPIENTS, route_of),
        server.check_sender_access_of == "everyone",
        server.check_recipient_access_of == "everyone",
        server.recipient_delimiter,
    )


def _actions(
    table: Mapping[str, str], codes: Mapping[str, str], route_of: Callable[[str], RouteEntry]
) -> dict[str, Action]:
    return {
        key if key == NULL_SENDER_KEY else fold(key): _action(value.strip(), codes, route_of)
        for key, value in table.items()
    }


def _action(text: str, codes: Mapping[str, str], route_of: Callable[[str], RouteEntry]) -> Action:
    word, _, rest = text.partition(" ")
    word, rest = word.casefold(), rest.strip()
    said = _CODE.fullmatch(text)
    if said or word in REJECTS:
        code, default = (int(said[1]), f"{said[1][0]}.7.1") if said else REJECTS[word]
        found = _ENHANCED.fullmatch(said[2] if said else rest)
        enhanced, told = (found[1], found[2] or "") if found else (default, said[2] if said else rest)
        if enhanced[1:4] == ".1.":
            enhanced = f"{enhanced[:4]}{codes.get(enhanced[4:], '0')}"
        return Action("refuse", Reply(code, f"{code // 100}{enhanced[1:]}", told or "Access denied"))
    if word in ("redirect", "bcc"):
        return Action("redirect" if word == "redirect" else "bcc", to=rest)
    if word in ("hold", "discard"):
        return Action("hold" if word == "hold" else "discard")
    if word == "filter":
        return Action("filter", route=route_of(rest))
    return Action("pass")  # OK, RELAY, DUNNO, and what only writes to the log
