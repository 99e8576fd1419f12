"""Postfix: main.cf or ``postconf -n``, its tables and master.cf, as the keys of a scenario.

What Postfix does with a setting is what `PostfixServer` says of the key of that name (coexsim/scenario/servers/postfix.py); sources there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from ipaddress import ip_network

from coexsim.errors import InputError
from coexsim.intake.configs.found import Asked, Found, Where
from coexsim.intake.configs.postfix_domains import Domains
from coexsim.intake.configs.postfix_expand import DEFAULTS, Parameter
from coexsim.intake.configs.postfix_files import Main, MasterService, read_master
from coexsim.intake.configs.postfix_known import FEEDBACKS, MATTERS, NUMBERS, TIMES, has_no_part
from coexsim.intake.configs.postfix_limits import limits, processes, takes_mail
from coexsim.intake.configs.postfix_people import People
from coexsim.intake.configs.postfix_restrictions import restrictions
from coexsim.intake.configs.postfix_tables import Tables
from coexsim.intake.configs.reading import File, fail, lines_of

_SERVICE_LINE = re.compile(r"\S+\s+(?:inet|unix|fifo|pass|unix-dgram)\s")
_SETTING_LINE = re.compile(r"[A-Za-z_]\S*\s*=")
_COPY = re.compile(r"(main|master)\.cf[.~_-]")
_COMPILED = re.compile(r"\.(?:db|lmdb|cdb|dir|pag)$")
_MAIN_SETTINGS = {
    "myhostname",
    "mydomain",
    "mydestination",
    "virtual_mailbox_domains",
    "relay_domains",
    "relayhost",
    "queue_directory",
}
_LOOKUP_SETTINGS = {
    "query",
    "dbname",
    "hosts",
    "search_base",
    "server_host",
    "query_filter",
    "result_attribute",
    "dbpath",
}
READ_ELSEWHERE = {
    "myhostname", "mydomain", "myorigin", "mydestination", "virtual_mailbox_domains", "virtual_alias_domains", "relay_domains",
    "relay_recipient_maps", "smtpd_reject_unlisted_recipient", "transport_maps", "virtual_alias_maps", "virtual_mailbox_maps",
    "local_recipient_maps", "alias_maps", "relayhost", "mynetworks", "message_size_limit", "smtpd_recipient_restrictions",
    "smtpd_relay_restrictions", "smtpd_sender_restrictions", "virtual_transport", "relay_transport", "local_transport",
    "smtpd_reject_unlisted_sender", "default_transport", "sender_dependent_relayhost_maps", "default_destination_concurrency_limit",
    "smtp_destination_concurrency_limit", "default_process_limit", "smtp_tls_security_level", "smtp_connect_timeout",
    "unverified_recipient_reject_code", "unverified_sender_reject_code",
    "virtual_maps", "recipient_delimiter", "address_verify_negative_cache",
    "smtp_fallback_relay", "fallback_relay", "soft_bounce", "smtpd_restriction_classes", "resolve_numeric_domain",
    "smtpd_client_restrictions", "smtpd_helo_restrictions",
    "smtpd_data_restrictions", "smtpd_end_of_data_restrictions", "sender_dependent_default_transport_maps", "relocated_maps",
    "fallback_transport", "luser_relay", "always_bcc", "sender_bcc_maps", "recipient_bcc_maps",
    *FEEDBACKS,
}  # fmt: skip


def read_postfix(files: Sequence[File], asked: Asked) -> Found:
    """The keys of one Postfix server and the people in its tables. Raises `InputError`."""
    found = Found()
    main, services = _read(files, found)
    tables = Tables(main, files, found)
    name = asked.server or "onprem"
    server = ("servers", name)
    found.put((*server, "kind"), "postfix", _first_place(main), "")
    host = main.text("myhostname")
    if host:
        found.put((*server, "host"), host, main.where("myhostname"))
    domains = Domains(main, tables, services, found, name, asked)
    domains.classes()
    domains.transports()
    domains.unlisted()
    People(main, tables, domains, found, name, asked).read(asked)
    found.counts["people"] = len(found.people)
    found.domain = asked.domain or domains.domain()
    found.master = name
    _relaying(main, tables, found, server, asked)
    restrictions(main, tables, found, server)
    limits(main, found, server)
    processes(main, services, found, server)
    _rest(main, files, tables, found)
    return found


def _read(files: Sequence[File], found: Found) -> tuple[Main, list[MasterService]]:
    """Which of the files is main.cf, which master.cf: by name, else by what stands in them."""
    main, services, mains = Main(), list[MasterService](), 0
    kinds = _kinds(files)
    for file in files:
        kind = kinds[file.name]
        if kind == "main":
            mains += 1
            if mains > 1:
                fail(file.name, 0, "a second main.cf; import one server after the other, with --server and --into")
            main.read(file)
        elif kind == "master":
            services += read_master(file)
    if not mains:
        names = ", ".join(file.name for file in files)
        fail(files[0].name, 0, f"none of these files is a main.cf or the output of 'postconf -n': {names}")
    for name, setting in main.overridden:
        found.leave(name, setting.value, setting.where, "set once more later, which stands", matters=False)
    main.overridden.clear()
    for service in services:
        for option, value in service.options.items():
            _override(main, service, option, value, found)
    for name, setting in main.overridden:
        place = main.settings[name].where
        meaning = (
            f"{place} sets it to {main.settings[name].value!r} for the service that takes mail; here that holds for all"
        )
        found.leave(name, setting.value, setting.where, meaning, matters=not has_no_part(name))
    return main, services


def _kinds(files: Sequence[File]) -> dict[str, str]:
    """What each file is: ``main``, ``master``, ``table``, or a ``copy`` of one of the first two; by name, else by what stands in it.

    A folder such as /etc/postfix also has copies of main.cf, databases that postmap made, and settings of lookups (LDAP, SQL).
    """
    exact = {file.path.name for file in files} & {"main.cf", "master.cf"}
    found = {}
    for file in files:
        name = file.path.name
        if name in exact:
            found[file.name] = name[:-3]
        elif copied := _COPY.match(name):
            found[file.name] = "copy" if f"{copied[1]}.cf" in exact else _by_content(file)
        elif _COMPILED.search(name):
            found[file.name] = "table"
        else:
            try:
                found[file.name] = _by_content(file)
            except InputError:  # a picture, a key: nothing that is read, unless a parameter names it
                if not os.path.isfile(file.path):
                    raise
                found[file.name] = "table"
    return found


def _by_content(file: File) -> str:
    lines = [line for _, line in zip(range(200), (text for _, text in lines_of(file)), strict=False)]
    first = [
        line
        for line in lines
        if line.strip() and not line.lstrip().startswith(("#", "postconf:")) and line[0] not in " \t"
    ]
    if first and all(_SETTING_LINE.match(line) for line in first):
        names = {line.partition("=")[0].strip() for line in first}
        return "main" if names & _MAIN_SETTINGS and not names & _LOOKUP_SETTINGS else "table"
    return "master" if first and all(_SERVICE_LINE.match(line) for line in first) else "table"


def _override(main: Main, service: MasterService, option: str, value: str, found: Found) -> None:
    """``-o name=value`` of a service: for the one that takes mail from outside it is as if it stood in main.cf."""
    if takes_mail(service):
        main.set(option, Parameter(value, service.where))
    else:
        meaning = f"set for the service {service.name!r} only; here what main.cf says holds for all"
        # People hand in, and filters hand back, without limits here.
        matters = service.command != "smtpd" and not has_no_part(option)
        found.leave(f"{service.name}: -o {option}", value, service.where, meaning, matters=matters)


def _first_place(main: Main) -> Where | None:
    return next((Where(setting.where.file, 1) for setting in main.settings.values()), None)


def _relaying(main: Main, tables: Tables, found: Found, server: tuple[str, str], asked: Asked) -> None:
    """Who may relay, and where mail for other domains goes."""
    relayhost = main.text("relayhost")
    if relayhost:
        found.put((*server, "relayhost"), relayhost, main.where("relayhost"))
    senders = {entry.key: entry.value for entry in tables.entries("sender_dependent_relayhost_maps")}
    if senders:
        place = main.where("sender_dependent_relayhost_maps")
        found.put((*server, "sender_dependent_relayhost_maps"), senders, place)
    _networks(main, tables, found, server, asked)


def _networks(main: Main, tables: Tables, found: Found, server: tuple[str, str], asked: Asked) -> None:
    """Whom mynetworks trusts, by the names of servers of the scenario that have an address in them."""
    where = main.where("mynetworks")
    if where is None:
        return
    clients: list[str] = []
    left: list[str] = []
    hosts: list[str] = []
    for word in tables.networks("mynetworks"):
        try:
            network = ip_network(word.strip("[]").replace("]", "") if "[" in word else word, strict=False)
        except ValueError:
            left.append(word)
            continue
        if network.is_loopback:
            continue
        if network.prefixlen == 0:
            clients.append("anyone")
            continue
        inside = asked.servers_in(network)
        clients += [name for name in inside if name != server[1]]
        left += [] if inside else [word]
        hosts += [word] if not inside and network.num_addresses == 1 else []
    if clients:
        found.put((*server, "mynetworks"), list(dict.fromkeys(clients)), where, f"{main.text('mynetworks')}")
    if left:
        meaning = "no server of the scenario has an address in these networks; its own people may hand mail in anyway"
        if hosts:  # one address each is a server, which may be imported later
            meaning += (
                f". Is {', '.join(hosts)} a server that is still to come? Then import this one once more after it"
            )
        found.leave("mynetworks", " ".join(left), where, meaning, matters=bool(hosts))


def _rest(main: Main, files: Sequence[File], tables: Tables, found: Found) -> None:
    """Every parameter and file that nothing above has read."""
    classes = main.words("smtpd_restriction_classes")
    for name, setting in main.settings.items():
        if name in READ_ELSEWHERE or name in TIMES or name in NUMBERS or name in classes:
            continue
        if name in MATTERS:
            if main.text(name) not in ("", "0", "0s", "no", "all"):
                found.leave(name, main.text(name), setting.where, MATTERS[name])
        elif name in main.asked and name not in DEFAULTS:
            found.leave(name, setting.value, setting.where, "used in other values", matters=False)
        elif has_no_part(name):
            found.leave(
                name, setting.value, setting.where, "no part in where mail goes or what it costs", matters=False
            )
        else:
            found.leave(name, setting.value, setting.where, "not known to coexsim; the answers are those without it")
    for name, kind in _kinds(files).items():
        if kind == "copy":
            found.leave(
                "file", name, Where(name, 0), "the file without this ending is read, not this one", matters=False
            )
        elif kind == "table" and name not in tables.used:
            found.leave("file", name, Where(name, 0), "no parameter of main.cf names this table", matters=False)
