"""Which domains a Postfix takes mail for, by class, and where the mail of each class goes: its tables and transports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from coexsim.intake.configs.found import Asked, Found, Where
from coexsim.intake.configs.postfix_files import Main, MasterService, TableEntry
from coexsim.intake.configs.postfix_tables import Tables

_OWN = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains")
"""The lists of domains that end here, in the order in which Postfix asks them (trivial-rewrite(8))."""
_SMTP = ("smtp", "relay")
_HERE = ("virtual", "local", "lmtp")
_TELLING = ("error", "retry", "discard")  # what follows is a text, no host
_NO_MAIL_DOMAIN = re.compile(r"localhost(\..*)?|(.*\.)?localdomain", re.IGNORECASE)
_SAME_LOCAL_PART = re.compile(r"\$\{?(?:local|user)\}?@")


class Domains:
    """Reads one server's domains and transports into its keys.

    `hosted` are the domains that end here, with the place and the parameter that name each; `relayed` those of relay_domains; `sent` the
    patterns of the transport table, and where their mail goes.
    """

    def __init__(
        self, main: Main, tables: Tables, services: Sequence[MasterService], found: Found, name: str, asked: Asked
    ) -> None:
        self._main, self._tables, self._found = main, tables, found
        self._commands = {one.name: one.command for one in services if one.type == "unix"}
        self._asked_domain = (asked.domain or "").casefold()
        self._server = ("servers", name)
        self.hosted: dict[str, tuple[Where, str]] = {}
        self.relayed: dict[str, Where] = {}
        self.sent: dict[str, str] = {}

    def domain(self) -> str | None:
        """The domain that this server is about: mydomain if it takes mail for it, else the first one with mailboxes or that it relays."""
        host = self._main.text("myhostname").casefold()
        first_virtual = sorted(self.hosted, key=lambda domain: -_OWN.index(self.hosted[domain][1]))
        named = [domain for domain in (*first_virtual, *self.relayed) if domain != host and "*" not in domain]
        parent, own = host.partition(".")[2], self._main.text("mydomain").casefold()
        if own in named:
            return own
        return next(iter(named), parent if "." in parent else None)

    def classes(self) -> None:
        """mydestination, virtual_alias_domains, virtual_mailbox_domains and relay_domains: a domain's class is that of the first list it
        is in, which is the order in which Postfix asks (trivial-rewrite(8)).
        """
        lists: dict[str, list[str]] = {parameter: [] for parameter in _OWN}
        for parameter in _OWN:
            for name, where in self._tables.list_of(parameter):
                domain = name.casefold()
                if not where.line or "@" in domain:
                    continue
                if "." not in domain or _NO_MAIL_DOMAIN.fullmatch(domain):
                    self._found.leave(
                        parameter, name, where, "no domain that mail comes to from elsewhere", matters=False
                    )
                elif domain not in self.hosted:
                    self.hosted[domain] = (where, parameter)
                    lists[parameter].append(domain)
                elif self.hosted[domain][1] != parameter:
                    self._tell_twice(parameter, name, where)
        for parameter, domains in lists.items():
            if domains and parameter != "virtual_mailbox_domains":
                self._found.put((*self._server, parameter), domains, self.hosted[domains[0]][0])
        self._mailbox_domains(lists["virtual_mailbox_domains"])
        self._relay_domains()

    def _relay_domains(self) -> None:
        """relay_domains that end nowhere here, and whether their recipients are listed."""
        for name, where in self._tables.list_of("relay_domains"):
            domain = name.casefold()
            if domain in self.hosted and self._main.where("relay_domains") is None:
                continue  # before compatibility level 2 mydestination is in relay_domains by default
            if domain in self.hosted:
                self._tell_twice("relay_domains", name, where)
            elif where.line and "." in domain and not _NO_MAIL_DOMAIN.fullmatch(domain):
                self.relayed.setdefault(domain, where)
        if self.relayed:
            self._found.put((*self._server, "relay_domains"), list(self.relayed), next(iter(self.relayed.values())))
        if self.relayed and self._tables.are_set("relay_recipient_maps"):
            self._relay_recipients()

    def _tell_twice(self, parameter: str, name: str, where: Where) -> None:
        first = self.hosted[name.casefold()][1]
        meaning = f"stands in {first} too, which goes first; take it out of one of the two"
        self._found.leave(parameter, name, where, meaning)

    def _relay_recipients(self) -> None:
        """relay_recipient_check, and the relay domains of which the table takes every address ("@domain")."""
        place = self._main.where("relay_recipient_maps")
        wholes = [e for e in self._tables.entries("relay_recipient_maps") if e.key.startswith("@")]
        whole = {entry.key[1:].casefold(): entry.where for entry in wholes}
        taken = [domain for domain in self.relayed if domain in whole]
        if len(taken) < len(self.relayed):
            self._found.put((*self._server, "relay_recipient_check"), "enabled", place, "relay_recipient_maps")
            if taken:
                self._found.put((*self._server, "relay_recipient_domains"), taken, whole[taken[0]])

    def _mailbox_domains(self, domains: list[str]) -> None:
        """virtual_mailbox_domains; where one of their tables was not read, the domain that was asked about is taken to be in it."""
        place = self.hosted[domains[0]][0] if domains else self._main.where("virtual_mailbox_domains")
        more, note = list[str](), ""
        if "virtual_mailbox_domains" in self._tables.unread and place is not None:
            if not self.hosted:
                return  # the key left out means the scenario's domain
            if self._asked_domain not in {"", *self.hosted, *self.relayed}:
                more, note = (
                    [self._asked_domain],
                    "with the domain that was asked about: not all of their tables were read",
                )
        self._found.put((*self._server, "virtual_mailbox_domains"), [*domains, *more], place, note)

    def transports(self) -> None:
        """transport_maps, and where the transports of whole classes of domains have a next hop."""
        unchanged: list[TableEntry] = []
        for entry in self._tables.entries("transport_maps"):
            to = self._transport(entry.value, entry.where, entry.key, "transport_maps")
            if to is None:
                if entry.value.strip() in ("", ":"):
                    unchanged.append(entry)
                continue
            if "@" not in entry.key and "." not in entry.key and entry.key != "*":
                self._found.leave("transport_maps", entry.key, entry.where, "this is no address and no domain")
                continue
            self.sent[entry.key.casefold()] = to
            self._found.put((*self._server, "transport", entry.key), to, entry.where)
        self._unchanged(unchanged)
        self._local_transport()
        for parameter, plain in (("virtual_transport", "virtual:"), ("relay_transport", "relay:")):
            where = self._main.where(parameter)
            to = self._transport(self._main.text(parameter), where, "", parameter) if where else None
            if to is not None and to not in (plain, plain.replace("relay", "smtp")):
                self._found.put((*self._server, parameter), to, where)
        self._default_transport()
        senders = {}
        for entry in self._tables.entries("sender_dependent_default_transport_maps"):
            to = self._transport(entry.value, entry.where, entry.key, "sender_dependent_default_transport_maps")
            if to is not None:
                senders[entry.key] = to
        if senders:
            place = self._main.where("sender_dependent_default_transport_maps")
            self._found.put((*self._server, "sender_dependent_default_transport_maps"), senders, place)
        for entry in self._tables.entries("relocated_maps"):
            for address in self.addresses_of(entry.key):
                self.sent[address] = "error:"
                to = f"error:5.1.6 User has moved to {' '.join(entry.value.split())}"
                self._found.put((*self._server, "transport", address), to, entry.where, "relocated_maps")

    def _default_transport(self) -> None:
        where = self._main.where("default_transport")
        to = self._transport(self._main.text("default_transport"), where, "", "default_transport") if where else None
        if to == "virtual:" and where is not None:
            meaning = "mail for other domains goes by MX, or to relayhost, here"
            self._found.leave("default_transport", self._main.text("default_transport"), where, meaning)
        elif to is not None and to not in ("smtp:", "relay:"):
            self._found.put((*self._server, "default_transport"), to, where)

    def _local_transport(self) -> None:
        """local_transport, as transport of the domains of mydestination."""
        where = self._main.where("local_transport")
        to = self._transport(self._main.text("local_transport"), where, "", "local_transport") if where else None
        for domain, (_, parameter) in self.hosted.items() if to not in (None, "smtp:", "relay:", "virtual:") else ():
            if parameter == "mydestination" and domain not in self.sent:
                self.sent[domain] = to or ""
                self._found.put((*self._server, "transport", domain), to, where, "local_transport")

    def unlisted(self) -> None:
        """Where mail to people of mydestination whom nobody lists goes, and who gets a copy of everything."""
        where = self._main.where("fallback_transport")
        to = self._transport(self._main.text("fallback_transport"), where, "", "fallback_transport") if where else None
        if to is not None:
            self._found.put((*self._server, "fallback_transport"), to, where)
        where = self._main.where("luser_relay")
        if where is not None and self._main.text("luser_relay"):
            to = self._main.settings["luser_relay"].value  # local(8) replaces $local, not main.cf
            catcher = _SAME_LOCAL_PART.sub("@", to) if _SAME_LOCAL_PART.match(to) else self.full(to)
            if "$" in catcher or catcher.count("@") != 1:
                self._found.leave(
                    "luser_relay",
                    to,
                    where,
                    "no address, nor the same local part elsewhere; here who is not listed bounces",
                )
            else:
                self._found.put((*self._server, "luser_relay"), catcher, where)
        where = self._main.where("always_bcc")
        if where is not None and self._main.text("always_bcc"):
            self._found.put((*self._server, "always_bcc"), self.full(self._main.text("always_bcc")), where)
        for parameter in ("sender_bcc_maps", "recipient_bcc_maps"):
            copies = {
                self.full(e.key): self.full(e.value) for e in self._tables.entries(parameter) if e.value.count("@") < 2
            }
            if copies:
                self._found.put((*self._server, parameter), copies, self._main.where(parameter))

    def _unchanged(self, entries: Sequence[TableEntry]) -> None:
        """Entries ``pattern :`` (transport(5): do not change), which exempt what they match from wider ones: say what holds there."""
        for entry in entries:
            key = entry.key.casefold()
            domain = key.rpartition("@")[2]
            parents = {f".{domain.lstrip('.').split('.', n)[-1]}" for n in range(1, domain.count(".") + 1)} | {
                "*",
                domain,
            } - {key}
            if parents & set(self.sent):
                to = "virtual:" if domain in self.hosted else f"smtp:{self._main.text('relayhost')}"
                self.sent[key] = to
                self._found.put(
                    (*self._server, "transport", entry.key), to, entry.where, "no change: exempt from wider patterns"
                )

    def _transport(self, text: str, where: Where, pattern: str, parameter: str) -> str | None:
        """``smtp:[host]``, ``smtp:`` or ``virtual:``; None where nothing is said, or nothing that can be said here."""
        word, _, hosts = text.partition(":")
        word, hosts = word.strip(), hosts.strip()
        hop = ", ".join(re.split(r"[,\s]+", hosts))
        command = self._commands.get(word, word)
        if not word and not hop:
            return None
        if not word or word in _SMTP or command == "smtp":
            return f"{word if word in _SMTP else 'smtp'}:{hop}"
        if word in _HERE or command in _HERE or command == "pipe":
            if host := _lmtp_host(command, hosts):
                meaning = f"{pattern or parameter}: mail is handed over to {host} by LMTP; here its mail files are on this server"
                self._found.leave(parameter, text, where, meaning)
            elif where.line and parameter.endswith("transport"):
                self._found.leave(
                    parameter, text, where, "delivers into mail files; here the server itself does", matters=False
                )
            return "virtual:"
        if word in _TELLING:
            return f"{word}:{text.partition(':')[2].strip()}"
        meaning = (
            f"master.cf has no service {word!r}, so this mail waits (mail transport unavailable); here the entry is left out"
            if self._commands
            else f"{word!r} is none of Postfix's own transports: give the master.cf too, which says what program it is"
        )
        self._found.leave(parameter, f"{pattern} {text}".strip(), where, meaning)
        return None

    def addresses_of(self, key: str) -> list[str]:
        """The addresses that a key of relocated_maps stands for: a bare name is one in myorigin and the domains of mydestination."""
        if key.startswith("@"):
            return [key[1:].casefold()]
        return [key.casefold()] if "@" in key else [f"{key}@{domain}".casefold() for domain in self.bare_domains()]

    def full(self, name: str) -> str:
        """An address with a domain: without one, Postfix appends myorigin."""
        name = name.removeprefix("\\")
        return name if "@" in name else f"{name}@{self._origin}"

    @cached_property
    def _origin(self) -> str:
        """The domain that is put behind a bare name: myorigin, which on Debian may be the name of a file with it."""
        origin = self._main.text("myorigin")
        if not origin.startswith("/"):
            return origin
        name = self._tables.first_line(origin, "myorigin") or self.domain() or self._main.text("mydomain")
        return name.casefold()

    def bare_domains(self) -> list[str]:
        """The domains for which a bare name in virtual_alias_maps holds: myorigin, and those in mydestination (virtual(5))."""
        host = self._main.text("myhostname").casefold()
        local = [
            domain for domain, (_, parameter) in self.hosted.items() if parameter == "mydestination" and domain != host
        ]
        return list(dict.fromkeys([self._origin.casefold(), *local]))


def _lmtp_host(command: str, hosts: str) -> str:
    """The other machine that an LMTP destination names; nothing for a socket, or for this machine."""
    if command != "lmtp" or hosts.startswith("unix:"):
        return ""
    host = hosts.removeprefix("inet:")
    host = host[1 : host.index("]")] if host.startswith("[") and "]" in host else host.partition(":")[0]
    return "" if host.casefold() in ("", "localhost", "127.0.0.1", "::1", "ipv6:::1") else host
