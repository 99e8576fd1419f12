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
        self._hosted_people, self._known_people = asked.hosted, asked.people
        self._people: dict[str, Mailbox] = {}

    def read(self) -> None:
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
        self._tell_unlisted(taken_whole)
        self._local_people()
        self._found.people += self._people.values()

    def _tell_unlisted(self, taken_whole: set[str]) -> None:
        """Tell people of the scenario in a relayed domain whom relay_recipient_maps does not name, unless it takes the whole domain."""
        place = self._main.where("relay_recipient_maps")
        if place is None or "relay_recipient_maps" in self._tables.unread:
            return
        domains = set(self._domains.relayed) - taken_whole
        missing = sorted(
            one for one in self._known_people if one.rpartition("@")[2] in domains and one not in self._people
        )
        if missing:
            names = missing[0] + (f" and {len(missing) - 1} more" if missing[1:] else "")
            meaning = "people of the scenario whom it does not list: they are refused at RCPT, here they are taken; write known_at for them"
            self._found.leave("relay_recipient_maps", names, place, meaning)

    def _mailbox(self, entry: TableEntry) -> None:
        """Somebody in the table of mailboxes, whose mail the transport table may send on: to the hosted service, it is assumed, unless
        the scenario names that one's people and he is none of them.
        """
        if entry.key.startswith("@"):
            meaning = f"every address of {entry.key[1:]} has a mailbox here; in the scenario those that are listed have"
            self._found.leave("virtual_mailbox_maps", entry.key, entry.where, meaning)
        elif "@" in entry.key:
            address = entry.key.casefold()
            away = self._domains.sent.get(address, "virtual:") not in ("virtual:", "smtp:")
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
