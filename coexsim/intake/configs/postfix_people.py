"""The people of a Postfix, by its tables: mailboxes, aliases, relay recipients, users of the system."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.intake.configs.found import Asked, Found, Mailbox
from coexsim.intake.configs.postfix_domains import Domains
from coexsim.intake.configs.postfix_files import Main, TableEntry, split_words
from coexsim.intake.configs.postfix_tables import Tables


class People:
    """Reads the people that one server's tables name, and its aliases."""

    def __init__(self, main: Main, tables: Tables, domains: Domains, found: Found, name: str, asked: Asked) -> None:
        self._main, self._tables, self._found, self._domains = main, tables, found, domains
        self._name = name
        self._server = ("servers", name)
        self._hosted_people, self._records, self._servers = asked.hosted, asked.records, tuple(asked.kinds)
        self._whole_mailbox_domains: set[str] = set()
        self._people: dict[str, Mailbox] = {}

    def read(self, asked: Asked) -> None:
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
                taken_whole.add(entry.key[1:].casefold())
            elif "@" in entry.key:
                self._add(Mailbox(entry.key, None, entry.where))
        self._served_by_programs(taken_whole)
        self._unlisted(taken_whole | caught)
        self._local_people()
        self._listed_again()
        self._tell_others(asked)
        self._found.people += self._people.values()

    def _served_by_programs(self, taken_whole: set[str]) -> None:
        """Addresses that the transport table hands to a program, such as those of mailing lists: their mail ends here, if it is taken.

        Recipients of domains with mailboxes, and of relay domains that are listed, are taken only where a table lists them (postconf(5)).
        """
        lists_relayed = self._tables.are_set("relay_recipient_maps")
        for entry in self._tables.entries("transport_maps"):
            address, domain = entry.key.casefold(), entry.key.casefold().rpartition("@")[2]
            if "@" not in entry.key or self._domains.sent.get(address) != "virtual:":
                continue
            person = self._people.get(address)
            is_open = domain in self._domains.relayed and (not lists_relayed or domain in taken_whole)
            if person is not None:
                self._people[address] = person._replace(home=self._name)
            elif is_open:
                self._add(Mailbox(entry.key, self._name, entry.where))

    def _unlisted(self, taken_whole: set[str]) -> None:
        """People of the scenario whom this server's tables do not list: it refuses them at RCPT; known_at says who has their records."""
        mailboxes = {domain for domain, (_, by) in self._domains.hosted.items() if by == "virtual_mailbox_domains"}
        others = [name for name in self._servers if name != self._name]
        listed = {entry.key.casefold() for entry in self._tables.entries("virtual_alias_maps")} | set(self._people)
        for parameter, domains in (
            ("relay_recipient_maps", set(self._domains.relayed)),
            ("virtual_mailbox_maps", mailboxes - self._whole_mailbox_domains),
        ):
            place = self._main.where(parameter)
            is_unread = self._tables.unread & {parameter, "virtual_alias_maps"}
            if place is None or not self._tables.are_set(parameter) or is_unread or not others:
                continue
            for address, record in sorted(self._records.items()):
                is_asked = address.rpartition("@")[2] in domains - taken_whole
                if is_asked and address not in listed and record.home != self._name:
                    known = [name for name in record.known_at or others if name != self._name]
                    path = ("directory", "people", record.name, "known_at")
                    self._found.put(path, known, place, f"not in {parameter} of {self._name}")

    def _listed_again(self) -> None:
        """People of the scenario who are said to be known at some servers only, and are listed by this one too."""
        for address, person in self._people.items():
            record = self._records.get(address)
            if record is not None and record.known_at and self._name not in record.known_at:
                self._people[address] = person._replace(known_at=(*record.known_at, self._name))

    def _tell_others(self, asked: Asked) -> None:
        """New people in a domain of another Postfix whose tables were imported before: whether it lists them is not known yet."""
        for server, domains in asked.own_tables.items():
            fresh = [
                person
                for address, person in self._people.items()
                if server != self._name and address.rpartition("@")[2] in domains and address not in asked.people
            ]
            if fresh:
                names = fresh[0].address + (f" and {len(fresh) - 1} more" if fresh[1:] else "")
                meaning = f"new since {server} was imported; import {server} once more: whether its tables list them is then known_at"
                self._found.leave("people", names, fresh[0].where, meaning)

    def _mailbox(self, entry: TableEntry) -> None:
        """Somebody in the table of mailboxes, whose mail the transport table may send on: to the hosted service, it is assumed, unless
        the scenario names that one's people and he is none of them.
        """
        if entry.key.startswith("@"):
            meaning = f"every address of {entry.key[1:]} has a mailbox here; in the scenario those that are listed have"
            self._found.leave("virtual_mailbox_maps", entry.key, entry.where, meaning)
            self._whole_mailbox_domains.add(entry.key[1:].casefold())
        elif "@" in entry.key:
            address = entry.key.casefold()
            away = self._domains.sent.get(address, "virtual:") not in ("virtual:", "smtp:", "relay:")
            away = away and (not self._hosted_people or address in self._hosted_people)
            self._add(Mailbox(entry.key, None if away else self._name, entry.where))

    def _alias(self, entry: TableEntry, caught: set[str]) -> None:
        key = entry.key
        if "@" not in key:
            if "." in key and key.casefold() in self._domains.hosted:
                return  # a line that only says that there is this domain
            for domain in self._domains.bare_domains():
                self._alias(entry._replace(key=f"{key}@{domain}"), caught)
            return
        to = [self._domains.full(word) for word in split_words(entry.value)]
        domain = key.rpartition("@")[2].casefold()
        if [one.casefold() for one in to] == [key.casefold()]:  # the address is listed, no more
            if domain in self._domains.hosted or domain in self._domains.relayed:
                self._add(Mailbox(key, None, entry.where))
            if domain not in caught:
                return
        if to:
            self._found.put((*self._server, "virtual_alias_maps", key), to, entry.where)

    def _local_people(self) -> None:
        """Users and aliases of the system, where a mail domain is in mydestination."""
        local = [domain for domain, (_, parameter) in self._domains.hosted.items() if parameter == "mydestination"]
        host = self._main.text("myhostname").casefold()
        home = next((domain for domain in local if domain != host), None)
        if home is None:
            place = self._main.where("alias_maps")
            if place and self._tables.are_set("alias_maps"):
                meaning = "hold for mail to the host itself, which has no mail domain in mydestination"
                self._found.leave("alias_maps", self._main.text("alias_maps"), place, meaning, matters=False)
                self._tables.know("alias_maps")
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

    def _add(self, person: Mailbox) -> None:
        self._people.setdefault(person.address.casefold(), person)
