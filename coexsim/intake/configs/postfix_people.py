"""Who is reached where, by Postfix's tables: domains by class, transports, mailboxes, aliases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from coexsim.intake.configs.found import Asked, Found, Mailbox, Where
from coexsim.intake.configs.postfix_files import Main, MasterService, TableEntry, split_words
from coexsim.intake.configs.postfix_tables import Tables

_SMTP = ("smtp", "relay")
_HERE = ("virtual", "local", "lmtp")
_TELLING = ("error", "retry")  # what follows is a text, no host
_NO_MAIL_DOMAIN = re.compile(r"localhost(\..*)?|(.*\.)?localdomain", re.IGNORECASE)


class Addresses:
    """Reads one server's tables into its keys, and the people that they name."""

    def __init__(
        self,
        main: Main,
        tables: Tables,
        services: Sequence[MasterService],
        found: Found,
        name: str,
        asked: Asked,
    ) -> None:
        self._main, self._tables, self._found = main, tables, found
        self._commands = {one.name: one.command for one in services if one.type == "unix"}
        self._name = name
        self._hosted_people, self._known_people = asked.hosted, asked.people
        self._asked_domain = (asked.domain or "").casefold()
        self._server = ("servers", name)
        self._hosted: dict[str, tuple[Where, str]] = {}  # domains with mailboxes or aliases here; by which parameter
        self._relayed: dict[str, Where] = {}
        self._sent: dict[str, str] = {}  # patterns of the transport table, and where their mail goes
        self._people: dict[str, Mailbox] = {}

    def domain(self) -> str | None:
        """The domain that this server is about: mydomain if it takes mail for it, else the first one with mailboxes or that it relays."""
        host = self._main.text("myhostname").casefold()
        named = [domain for domain in (*self._hosted, *self._relayed) if domain != host and "*" not in domain]
        parent, own = host.partition(".")[2], self._main.text("mydomain").casefold()
        if own in named:
            return own
        return next(iter(named), parent if "." in parent else None)

    def domains(self) -> None:
        """virtual_mailbox_domains (with mydestination and alias domains, which are handled alike here) and relay_domains."""
        for parameter in ("virtual_mailbox_domains", "virtual_alias_domains", "mydestination"):
            for name, where in self._tables.list_of(parameter):
                domain = name.casefold()
                if where.line and "." in domain and "@" not in domain and not _NO_MAIL_DOMAIN.fullmatch(domain):
                    self._hosted.setdefault(domain, (where, parameter))
        for name, where in self._tables.list_of("relay_domains"):
            domain = name.casefold()
            if domain in self._hosted and self._main.where("relay_domains") is None:
                continue  # before compatibility level 2 mydestination is in relay_domains by default
            if domain in self._hosted:
                meaning = "stands among the domains with mailboxes here too, which go first; take it out of one list"
                self._found.leave("relay_domains", name, where, meaning)
            elif where.line and "." in domain and not _NO_MAIL_DOMAIN.fullmatch(domain):
                self._relayed.setdefault(domain, where)
        places = [where for where, _ in self._hosted.values()]
        first = places[0] if places else self._main.where("virtual_mailbox_domains")
        others = dict.fromkeys(parameter for _, parameter in self._hosted.values())
        note = ", ".join(others) if set(others) - {"virtual_mailbox_domains"} else ""
        if first is None or "virtual_mailbox_domains" not in self._tables.unread:
            self._found.put((*self._server, "virtual_mailbox_domains"), list(self._hosted), first, note)
        elif self._hosted:
            more = [self._asked_domain] if self._asked_domain not in {"", *self._hosted, *self._relayed} else []
            note += ", and the domain that was asked about: not all of their tables were read" if more else ""
            self._found.put((*self._server, "virtual_mailbox_domains"), [*self._hosted, *more], first, note)
        if self._relayed:
            self._found.put((*self._server, "relay_domains"), list(self._relayed), next(iter(self._relayed.values())))
        if self._relayed and self._tables.are_set("relay_recipient_maps"):
            place = self._main.where("relay_recipient_maps")
            self._found.put((*self._server, "relay_recipient_check"), "enabled", place, "relay_recipient_maps")

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
            self._sent[entry.key.casefold()] = to
            self._found.put((*self._server, "transport", entry.key), to, entry.where)
        self._unchanged(unchanged)
        virtual = [domain for domain, (_, parameter) in self._hosted.items() if parameter != "mydestination"]
        local = [domain for domain, (_, parameter) in self._hosted.items() if parameter == "mydestination"]
        relayed = [pattern for domain in self._relayed for pattern in (domain, f".{domain}")]
        for parameter, domains in (
            ("virtual_transport", virtual),
            ("local_transport", local),
            ("relay_transport", relayed),
        ):
            where = self._main.where(parameter)
            to = self._transport(self._main.text(parameter), where, "", parameter) if where else None
            for domain in domains if to is not None and to not in ("smtp:", "virtual:") else ():
                if domain not in self._sent:
                    self._sent[domain] = to or ""
                    self._found.put((*self._server, "transport", domain), to, where, parameter)

    def _unchanged(self, entries: Sequence[TableEntry]) -> None:
        """Entries ``pattern :`` (transport(5): do not change), which exempt what they match from wider ones: say what holds there."""
        for entry in entries:
            key = entry.key.casefold()
            domain = key.rpartition("@")[2]
            parents = {f".{domain.lstrip('.').split('.', n)[-1]}" for n in range(1, domain.count(".") + 1)} | {
                "*",
                domain,
            } - {key}
            if parents & set(self._sent):
                to = "virtual:" if domain in self._hosted else f"smtp:{self._main.text('relayhost')}"
                self._sent[key] = to
                self._found.put(
                    (*self._server, "transport", entry.key), to, entry.where, "no change: exempt from wider patterns"
                )

    def people_and_aliases(self) -> None:
        """Mailboxes, aliases, relay recipients and local users."""
        caught = {
            entry.key[1:].casefold()
            for entry in self._tables.entries("virtual_alias_maps")
            if entry.key.startswith("@")
        }
        for entry in self._tables.entries("virtual_mailbox_maps"):
            self._mailbox(entry)
        for entry in self._tables.entries("virtual_alias_maps"):
            self._alias(entry, caught)
        taken_whole = set()
        for entry in self._tables.entries("relay_recipient_maps"):
            if entry.key.startswith("@"):
                meaning = f"every address of {entry.key[1:]} is accepted; here those that are listed"
                self._found.leave("relay_recipient_maps", entry.key, entry.where, meaning)
                taken_whole.add(entry.key[1:].casefold())
            elif "@" in entry.key:
                self._add(Mailbox(entry.key, None, entry.where))
        self._tell_unlisted(taken_whole)
        self._local_people()
        self._found.people += self._people.values()

    def _tell_unlisted(self, taken_whole: set[str]) -> None:
        """Tell people of the scenario in a relayed domain whom relay_recipient_maps does not name, unless it takes the whole domain."""
        place = self._main.where("relay_recipient_maps")
        if place is None or "relay_recipient_maps" in self._tables.unread:
            return
        domains = set(self._relayed) - taken_whole
        missing = sorted(
            one for one in self._known_people if one.rpartition("@")[2] in domains and one not in self._people
        )
        if missing:
            names = missing[0] + (f" and {len(missing) - 1} more" if missing[1:] else "")
            meaning = "people of the scenario whom it does not list: they are refused at RCPT, here they are taken; write known_at for them"
            self._found.leave("relay_recipient_maps", names, place, meaning)

    def _transport(self, text: str, where: Where, pattern: str, parameter: str) -> str | None:
        """``smtp:[host]``, ``smtp:`` or ``virtual:``; None where nothing is said, or nothing that can be said here."""
        word, _, hosts = text.partition(":")
        word, hosts = word.strip(), hosts.strip()
        hop, *others = [part.strip() for part in hosts.split(",")] if hosts else [""]
        command = self._commands.get(word, word)
        if not word and not hop:
            return None
        if others:
            meaning = f"{pattern or parameter}: the hosts after the first are tried when that one fails; here only the first is"
            self._found.leave(parameter, text, where, meaning)
        if not word or word in _SMTP or command == "smtp":
            return f"smtp:{hop}"
        if word in _HERE or command in _HERE or command == "pipe":
            return "virtual:"
        if word in _TELLING:
            return f"{word}:{text.partition(':')[2].strip()}"
        meaning = {
            "discard": "this mail is thrown away; here it is routed as if the line were not there",
        }.get(word, "no such transport is known: give the master.cf too")
        self._found.leave(parameter, f"{pattern} {text}".strip(), where, meaning)
        return None

    def _mailbox(self, entry: TableEntry) -> None:
        """Somebody in the table of mailboxes, whose mail the transport table may send on: to the hosted service, it is assumed, unless
        the scenario names that one's people and he is none of them.
        """
        if entry.key.startswith("@"):
            meaning = f"every address of {entry.key[1:]} has a mailbox here; in the scenario those that are listed have"
            self._found.leave("virtual_mailbox_maps", entry.key, entry.where, meaning)
        elif "@" in entry.key:
            address = entry.key.casefold()
            away = self._sent.get(address, "virtual:") not in ("virtual:", "smtp:")
            away = away and (not self._hosted_people or address in self._hosted_people)
            self._add(Mailbox(entry.key, None if away else self._name, entry.where))

    def _alias(self, entry: TableEntry, caught: set[str]) -> None:
        key = entry.key
        if "@" not in key:
            if "." in key and key.casefold() in self._hosted:
                return  # a line that only says that there is this domain
            for domain in self._bare_domains():
                self._alias(entry._replace(key=f"{key}@{domain}"), caught)
            return
        to = [self._full(word) for word in split_words(entry.value)]
        domain = key.rpartition("@")[2].casefold()
        if [one.casefold() for one in to] == [key.casefold()]:  # the address is listed, no more
            if domain in self._hosted or domain in self._relayed:
                self._add(Mailbox(key, None, entry.where))
            if domain not in caught:
                return
        if to:
            self._found.put((*self._server, "virtual_alias_maps", key), to, entry.where)

    def _local_people(self) -> None:
        """Users and aliases of the system, where a mail domain is in mydestination."""
        local = [domain for domain, (_, parameter) in self._hosted.items() if parameter == "mydestination"]
        host = self._main.text("myhostname").casefold()
        home = next((domain for domain in local if domain != host), None)
        if home is None:
            place = self._main.where("alias_maps")
            if place and self._tables.are_set("alias_maps"):
                meaning = "hold for mail to the host itself, which has no mail domain in mydestination"
                self._found.leave("alias_maps", self._main.text("alias_maps"), place, meaning, matters=False)
            return
        aliases = set()
        for entry in self._tables.entries("alias_maps"):
            aliases.add(entry.key.casefold())
            to = list(self._deliverable(entry, home))
            for domain in (domain for domain in local if to and domain != host):
                self._found.put(
                    (*self._server, "virtual_alias_maps", f"{entry.key}@{domain}"), to, entry.where, "alias_maps"
                )
        everybody = self._main.where("local_recipient_maps")
        if everybody and not self._tables.are_set("local_recipient_maps"):
            meaning = f"empty: every address of {home} is accepted; here those that are listed"
            self._found.leave("local_recipient_maps", "", everybody, meaning)
        for entry in self._tables.entries("local_recipient_maps"):
            if entry.key.casefold() not in aliases and "@" not in entry.key:
                others = tuple(f"{entry.key}@{domain}" for domain in local if domain not in (home, host))
                self._add(Mailbox(f"{entry.key}@{home}", self._name, entry.where, others))

    def _deliverable(self, entry: TableEntry, home: str) -> Iterator[str]:
        """The addresses that an alias names; commands, files and included lists are told."""
        for word in split_words(entry.value):
            word = word.strip('"')
            if word.startswith(("|", "/", ":include:")):
                self._found.leave(
                    "alias_maps", f"{entry.key}: {word}", entry.where, "no address; mail to it goes nowhere here"
                )
            else:
                yield word if "@" in word else f"{word}@{home}"

    def _full(self, name: str) -> str:
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

    def _bare_domains(self) -> list[str]:
        """The domains for which a bare name in virtual_alias_maps holds: myorigin, and those in mydestination (virtual(5))."""
        host = self._main.text("myhostname").casefold()
        local = [
            domain for domain, (_, parameter) in self._hosted.items() if parameter == "mydestination" and domain != host
        ]
        return list(dict.fromkeys([self._origin.casefold(), *local]))

    def _add(self, person: Mailbox) -> None:
        self._people.setdefault(person.address.casefold(), person)
