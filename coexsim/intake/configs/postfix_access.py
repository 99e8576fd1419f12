"""Postfix's access tables of senders and recipients: their entries, and whose mail they are asked about."""

from __future__ import annotations

from coexsim.intake.configs.found import Found, Where
from coexsim.intake.configs.postfix_tables import Tables
from coexsim.scenario.servers.postfix_tables import known_action

TABLES = ("check_sender_access", "check_recipient_access")
_PERMITS = ("permit_mynetworks", "permit_sasl_authenticated")


class AccessTables:
    """The access tables that the lists of restrictions name, one after another."""

    def __init__(self, tables: Tables, found: Found, server: tuple[str, str]) -> None:
        self._tables, self._found, self._server = tables, found, server
        self._of_everyone: dict[str, bool] = {}  # by restriction
        self._keys: set[tuple[str, str]] = set()

    def read(self, parameter: str, words: list[str], at: int, where: Where) -> None:
        """The table behind the restriction `words[at]` of a list."""
        word, named = words[at], words[at + 1] if at + 1 < len(words) else ""
        for entry in self._tables.of_word(named, parameter):
            key = entry.key.casefold()
            if (word, key) in self._keys:  # an earlier table has said what is done
                continue
            self._keys.add((word, key))
            try:
                action = known_action(" ".join(entry.value.split()))
            except ValueError:
                meaning = "no action that is known here: nothing is done with this mail"
                self._found.leave(entry.key, entry.value, entry.where, meaning)
                continue
            self._found.put((*self._server, word, entry.key), action, entry.where, f"{word} in {parameter}")
        self._whose(parameter, words, at, where)

    def _whose(self, parameter: str, words: list[str], at: int, where: Where) -> None:
        """Does the table stand before what permits own clients: then they are asked too."""
        word = words[at]
        of_everyone = not any(permit in words[:at] for permit in _PERMITS)
        before = self._of_everyone.setdefault(word, of_everyone)
        if of_everyone == before and of_everyone and (word, "") not in self._keys:
            self._keys.add((word, ""))
            self._found.put((*self._server, f"{word}_of"), "everyone", where, parameter)
        elif of_everyone != before:
            whose = ("clients that may not relay", "everyone")
            meaning = f"asked of {whose[of_everyone]}; here, as the table before it, of {whose[before]}"
            self._found.leave(parameter, " ".join(words[at : at + 2]), where, meaning)
