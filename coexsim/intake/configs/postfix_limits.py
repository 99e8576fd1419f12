"""Limits of a Postfix: sizes, numbers and times of main.cf, and how many processes of a kind master.cf lets run."""

from __future__ import annotations

import re
from collections.abc import Sequence

from coexsim.intake.configs.found import Found
from coexsim.intake.configs.postfix_files import Main, MasterService
from coexsim.intake.configs.postfix_known import FEEDBACKS, NUMBERS, TIMES, number, seconds
from coexsim.intake.configs.reading import fail

SENDERS = ("smtp", "lmtp", "pipe")  # programs that hand mail on, whose processes limit how many messages are under way
DEFAULT_PROCESSES = 100  # default_process_limit [PF]


def limits(main: Main, found: Found, server: tuple[str, str]) -> None:
    """Sizes, numbers and times."""
    where = main.where("message_size_limit")
    if where is not None:
        limit = number(main.text("message_size_limit"))
        if limit is None:
            fail(
                where.file,
                where.line,
                f"message_size_limit: expected a number of bytes, found {main.text('message_size_limit')!r}",
            )
        found.put((*server, "message_size_limit"), f"{limit} B", where)
    for name, path in NUMBERS.items():
        where = main.where(name)
        if where is None:
            continue
        value = number(main.text(name))
        if value is None:
            fail(where.file, where.line, f"{name}: expected a whole number, found {main.text(name)!r}")
        if value:
            found.put((*server, *path), value, where)
    _feedback(main, found, server)
    for name, (key, unit) in TIMES.items():
        where = main.where(name)
        if where is None:
            continue
        time_s = seconds(main.text(name), unit)
        if time_s is None:
            fail(where.file, where.line, f"{name}: expected a time such as 300s or 5d, found {main.text(name)!r}")
        if time_s:
            found.put((*server, key), f"{time_s:g} s", where)
    _clients(main, found, server)


def _clients(main: Main, found: Found, server: tuple[str, str]) -> None:
    """Switches, and what its smtp client keeps to."""
    if main.text("smtp_tls_security_level") in (
        "may",
        "encrypt",
        "dane",
        "dane-only",
        "verify",
        "secure",
        "fingerprint",
    ):
        found.put((*server, "smtp", "tls"), True, main.where("smtp_tls_security_level"))
    where = main.where("smtp_fallback_relay") or main.where("fallback_relay")  # so called before Postfix 2.3
    if where is not None and main.words("smtp_fallback_relay"):
        found.put((*server, "smtp_fallback_relay"), list(main.words("smtp_fallback_relay")), where)
    where = main.where("address_verify_negative_cache")
    if where is not None and main.text("address_verify_negative_cache") == "no":
        found.put((*server, "address_verify_negative_cache"), "disabled", where)
    for name in ("unverified_recipient_reject_code", "unverified_sender_reject_code"):
        where = main.where(name)
        code = number(main.text(name)) if where is not None else None
        if where is not None and code is not None and code != 450:
            found.put((*server, name), 550 if code >= 500 else 450, where)
    for name in ("soft_bounce", "resolve_numeric_domain"):
        where = main.where(name)
        if where is not None and main.text(name) == "yes":
            found.put((*server, name), "enabled", where)
    where = main.where("recipient_delimiter")
    if where is not None and main.text("recipient_delimiter"):
        found.put((*server, "recipient_delimiter"), main.text("recipient_delimiter"), where)
    where = main.where("smtp_connect_timeout")
    timeout_s = seconds(main.text("smtp_connect_timeout"), "s") if where else None
    if timeout_s:
        found.put((*server, "smtp", "connect_timeout"), f"{timeout_s:g} s", where)


def _feedback(main: Main, found: Found, server: tuple[str, str]) -> None:
    """How the concurrency towards a destination follows success and failure: numbers; ``N / concurrency`` is told."""
    for name in FEEDBACKS:
        where = main.where(name)
        if where is None:
            continue
        text = main.text(name)
        if (
            re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,9})?", text)
            and (float(text) or name.endswith("limit"))
            and float(text) <= FEEDBACKS[name]
        ):
            found.put((*server, name), float(text), where)
        else:
            found.leave(name, text, where, "no number that scenarios have for it; here the default, 1, holds")


def processes(main: Main, services: Sequence[MasterService], found: Found, server: tuple[str, str]) -> None:
    """How many processes of a kind there may be: smtpd takes, smtp sends, virtual delivers."""
    default = number(main.text("default_process_limit")) or DEFAULT_PROCESSES
    place = main.where("default_process_limit")
    agent = main.text("virtual_transport").partition(":")[0]
    agent = agent if any(one.name == agent and one.command in ("lmtp", "pipe") for one in services) else "virtual"
    delivers = next((one.command for one in services if one.name == agent), "virtual")
    for command, key in (("smtpd", "smtp_connections"), ("smtp", "transfer_threads"), (delivers, "delivery_threads")):
        own = [one for one in services if _is_for(one, command, agent)]
        most = own[0].maxproc if own and own[0].maxproc is not None else default
        if most and (own or place):
            note = f"{command}, maxproc" if own and own[0].maxproc is not None else f"{command}, default_process_limit"
            found.put((*server, "capacity", key), most, own[0].where if own else place, note)
    for parameter in ("smtp_destination_concurrency_limit", "default_destination_concurrency_limit"):
        where = main.where(parameter)
        limit = number(main.text(parameter)) if where else None
        if limit:
            found.put((*server, "capacity", "transfer_threads_per_destination"), limit, where, parameter)
            break
    content_filter = main.text("content_filter").partition(":")[0]
    for one in services:
        if one.command in SENDERS and one.maxproc and not _is_for(one, one.command, agent):
            meaning = "at most so many processes for this transport; here all transports share transfer_threads"
            if one.name == content_filter:
                meaning = "at most so many messages are in the filter at once; here service.scan waits for a processor core only"
            found.leave(f"master.cf {one.name}", f"maxproc {one.maxproc}", one.where, meaning)


def _is_for(service: MasterService, command: str, agent: str) -> bool:
    """Is it the service whose processes a limit of the scenario counts: of smtpd, of smtp, or of the delivery agent."""
    if command == "smtpd":
        return takes_mail(service)
    return service.command == command and service.name == ("smtp" if command == "smtp" else agent)


def takes_mail(service: MasterService) -> bool:
    """Is it the smtpd that takes mail from outside: at port 25, or behind postscreen, which passes connections on to it."""
    at_port = service.type == "inet" and service.name in ("smtp", "25")
    return service.command == "smtpd" and (at_port or (service.type == "pass" and service.name == "smtpd"))
