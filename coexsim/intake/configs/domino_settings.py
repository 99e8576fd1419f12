"""The items of Domino's Configuration document (Router/SMTP), known by the words in their names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from coexsim.intake.configs.found import Found
from coexsim.intake.configs.records import Record

_ABOUT_MAIL = re.compile(r"smtp|router|mail|relay|transfer|smarthost|hop|retry|deliver|quota|lookup")
_HOST = re.compile(r"\[?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+\]?")


class DominoSetting(NamedTuple):
    """A key: the words that its item has in its name, those that it has not, and how its value is read."""

    path: tuple[str, ...]
    words: tuple[str, ...]
    without: tuple[str, ...]
    read: Callable[[str], Any]


def _switch(text: str) -> str | None:
    return {
        "1": "enabled",
        "enabled": "enabled",
        "yes": "enabled",
        "0": "disabled",
        "disabled": "disabled",
        "no": "disabled",
    }.get(text.casefold())


def _host(text: str) -> str | None:
    return text if _HOST.fullmatch(text) else None


def _hosts(text: str) -> str | None:
    """Relay hosts: one after another by ";", any of them by ","."""
    return text if all(_HOST.fullmatch(one.strip()) for one in re.split("[;,]", text)) else None


def _number(text: str) -> int | None:
    found = re.fullmatch(r"([0-9]{1,9})(?:\.0+)?", text)
    return int(found[1]) if found and int(found[1]) else None


def _kilobytes(text: str) -> str | None:
    number = _number(text)
    return f"{number} KB" if number else None


def _minutes(text: str) -> str | None:
    number = _number(text)
    return f"{number} min" if number else None


def _days(text: str) -> str | None:
    number = _number(text)
    return f"{24 * number} h" if number else None


def _lookup(text: str) -> str | None:
    """Address lookup by its name in the document: "Fullname then Local Part", "Fullname only", "Local Part only"."""
    words = re.sub(r"[^a-z]", "", text.casefold())
    known = ("full name then local part", "full name only", "local part only")
    return next((key for key in known if words == key.replace(" ", "")), None)


def _over_quota(text: str) -> str | None:
    """Over quota enforcement by its name in the document: "Deliver anyway", "Non Deliver to originator"."""
    words = re.sub(r"[^a-z]", "", text.casefold())
    known = {"deliveranyway": "deliver-anyway", "nondeliver": "non-deliver", "nondelivertooriginator": "non-deliver"}
    return known.get(words)


SETTINGS = (
    DominoSetting(("smart_host_for_all_local_recipients",), ("smarthost", "all"), (), _switch),
    DominoSetting(("smart_host",), ("smarthost",), ("all",), _host),
    DominoSetting(("relay_host",), ("relayhost",), ("allow", "deny", "inbound"), _hosts),
    DominoSetting(("smtp_outside_local_domain",), ("smtp", "outside"), ("size",), _switch),
    DominoSetting(("verify_local_recipients",), ("verify", "local"), ("sender", "connect"), _switch),
    DominoSetting(("verify_local_recipients",), ("verify", "recip"), ("sender", "connect"), _switch),
    DominoSetting(("max_hop_count",), ("hop",), (), _number),
    DominoSetting(("capacity", "transfer_threads_per_destination"), ("concurrent", "thread"), ("deliver",), _number),
    DominoSetting(("capacity", "transfer_threads"), ("transfer", "thread"), ("concurrent",), _number),
    DominoSetting(("capacity", "delivery_threads"), ("deliver", "thread"), (), _number),
    DominoSetting(("address_lookup",), ("address", "lookup"), (), _lookup),
    DominoSetting(("over_quota_enforcement",), ("quota", "enforce"), (), _over_quota),
    # Settings of notes.ini that the document sets have the names that notes.ini gives them [D-TIMEOUT].
    DominoSetting(("mail_timeout",), ("mailtimeoutminutes",), (), _minutes),
    DominoSetting(("mail_timeout",), ("mailtimeout",), ("minutes",), _days),
    DominoSetting(("initial_transfer_retry_interval",), ("initial", "retry"), (), _minutes),
    DominoSetting(("max_message_size",), ("max", "size"), ("outbound", "inbound", "log", "low"), _kilobytes),
)


def configuration(records: list[Record], here: str, found: Found, server: tuple[str, str]) -> None:
    """The Configuration document that holds for the server: its own one, else that of all servers (``*``)."""

    def rank(record: Record) -> int:
        names = [re.sub(r"^cn=", "", name.casefold()).partition("/")[0] for name in record.all("servername", "name")]
        return 0 if here and here in names else 1 if "*" in names else 2

    if not records:
        return
    best = min(records, key=rank)
    for record in records:
        if record is not best:
            found.leave(
                "Configuration document", record.first("servername", "name"), record.where, "holds for other servers"
            )
    used, said = set(), set[tuple[str, ...]]()
    for setting in SETTINGS:
        for name, values in best.values.items():
            if (
                name in used
                or not all(word in name for word in setting.words)
                or any(word in name for word in setting.without)
            ):
                continue
            value = setting.read(values[0])
            if value is not None:
                used.add(name)
                if setting.path in said:  # the first of two items that mean the same stands
                    break
                said.add(setting.path)
                found.put((*server, *setting.path), value, best.where, f"item {name}")
                break
    for name, values in best.values.items():
        if name not in used and _ABOUT_MAIL.search(name) and values[0] not in ("0", ""):
            meaning = "an item of mail routing that is no key; the answers are those without it"
            found.leave(f"Configuration: {name}", ", ".join(values[:3]), best.where, meaning)
