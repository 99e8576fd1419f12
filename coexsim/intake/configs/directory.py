"""Exported directories: CSV as Exchange's shell and spreadsheets write it, LDIF of Active Directory and Domino."""

from __future__ import annotations

from collections.abc import Sequence

from coexsim.intake.configs.found import Asked, Found, Where
from coexsim.intake.configs.reading import File, fail
from coexsim.intake.configs.recipients import PLACING, PRIMARY, PROXIES, READ, RecipientRecords
from coexsim.intake.configs.records import Record, csv_records, is_ldif, ldif_records

MOST_NAMED = 12  # columns of a table that has none of addresses
OF_EXCHANGE = frozenset(
    ("recipienttypedetails", "recipienttype", "proxyaddresses", "emailaddresses", "remoteroutingaddress", "homemdb")
)
"""Columns and attributes that only Exchange's shell and Active Directory write."""


def read_directory(files: Sequence[File], asked: Asked) -> Found:
    """The people and groups of all files. Raises `InputError`."""
    found = Found()
    server = asked.server or "onprem"
    people = RecipientRecords(found, server, asked)
    kind, entries = "", 0
    tables: list[tuple[Record, dict[str, tuple[Where, bool]]]] = []  # each with its first record
    for file in files:
        unread: dict[str, tuple[Where, bool]] = {}
        records = ldif_records(file) if is_ldif(file) else csv_records(file)
        number = 0
        for number, record in enumerate(records, start=1):
            if number == 1 and not record.dn:
                _has_addresses(file, record)
                tables.append((record, unread))
            _note_unread(record, unread)
            kind = kind or _product(record)
            people.take(record)
        found.counts[f"entries of {file.name}"] = number
        if not tables or tables[-1][1] is not unread:
            _tell_attributes(found, unread)
        entries += number
    if not entries:
        text = (
            "there is no entry in it: the first row of a table names its columns, and each below is a person or a group"
        )
        fail(files[0].name, 0, text)
    people.finish()
    lives_here = any(person.placed and person.home == server for person in found.people)
    who = "whom the scenario does not know is" if asked.people else "all are"
    for record, unread in tables:
        _tell_unread(found, record, unread, server if lives_here else "", who)
    _tell_unlisted(found, asked)
    found.domain = asked.domain or people.usual_domain()
    if server not in asked.addresses and (lives_here or not asked.addresses):
        note = "taken from the form of the directory" if kind else "the directory does not say what its server is"
        found.put(("servers", server, "kind"), kind or "postfix", files[0].at(0), f"{note}; import the server too")
        found.master = server
    return found


def _product(record: Record) -> str:
    """Whose directory an entry is of; nothing, where any server may have it."""
    names = record.values.keys() | record.columns.keys()
    if "dominoperson" in map(str.casefold, record.all("objectclass")):
        return "domino"
    return "exchange" if names & OF_EXCHANGE or any(name.startswith("msexch") for name in names) else ""


def _tell_unlisted(found: Found, asked: Asked) -> None:
    """Tell people whom no table of relay recipients has named: a server that asks it refuses them."""
    for server, domains in asked.listed_only.items():
        fresh = [
            one
            for one in found.people
            if one.address.casefold() not in asked.people and one.address.rpartition("@")[2].casefold() in domains
        ]
        if fresh:
            names = fresh[0].address + (f" and {len(fresh) - 1} more" if fresh[1:] else "")
            meaning = (
                f"{server} takes mail for its relay_recipient_maps only, and these were not in it: it refuses them at RCPT, here it takes "
                "them; write known_at with the servers that know them, or list them there"
            )
            found.leave("people", names, fresh[0].where, meaning)


def _has_addresses(file: File, record: Record) -> None:
    """Has a table a column of addresses; an empty cell in the first row says nothing about it."""
    if record.columns.keys().isdisjoint((*PRIMARY, *PROXIES)):
        names = ", ".join(repr(name.strip()[:40]) for name in list(record.columns.values())[:MOST_NAMED])
        text = "its first row names no column of addresses, such as PrimarySmtpAddress, mail or EmailAddresses; it has"
        fail(file.name, 1, f"{text} {names}")


def _note_unread(record: Record, unread: dict[str, tuple[Where, bool]]) -> None:
    """Note what is not read of an entry: where each attribute or column stands first, and whether it speaks of mail."""
    for name in record.values.keys() - READ:
        first, speaks = unread.get(name, (record.where, bool(record.dn) and name.startswith("mail")))
        unread[name] = first, speaks or any("@" in value for value in record.values[name])


def _tell_attributes(found: Found, unread: dict[str, tuple[Where, bool]]) -> None:
    """Name the attributes that are not read; those that speak of mail matter."""
    for speaks, meaning in (
        (True, "not read, though it holds mail addresses or servers: aliases, routing and members that it says are not in the scenario"),
        (False, "not read; they say nothing of mail addresses"),
    ):  # fmt: skip
        names = sorted(name for name, (_, one) in unread.items() if one is speaks)
        if names:
            where = min(unread[name][0] for name in names)
            found.leave("attributes", ", ".join(names), where, meaning, matters=speaks)


def _tell_unread(found: Found, first: Record, unread: dict[str, tuple[Where, bool]], server: str, who: str) -> None:
    """Name the columns of a table that are not read, as they are written. They matter where they hold addresses, and where no column says
    where a mail file is, so that people are taken to be at `server`; empty: the scenario knew it of everybody.
    """
    names: dict[bool, list[str]] = {True: [], False: []}
    for name in sorted(first.columns.keys() - READ - {""}):
        names[name in unread and unread[name][1]].append(first.columns[name].strip())
    is_placed = not first.columns.keys().isdisjoint(PLACING) or not server
    nowhere = "no column says where a mail file is (RecipientTypeDetails, RemoteRoutingAddress, MailServer)"
    more = "" if is_placed else f", and {nowhere}: {who} taken to be at {server}"
    of_mail = (
        "not read, though they hold mail addresses: aliases, routing and members that they say are not in the scenario"
    )
    for columns, meaning, matters in (
        (names[True], of_mail if names[False] else of_mail + more, True),
        (names[False], f"not read{more}", not is_placed),
    ):
        if columns:
            found.leave("columns", ", ".join(columns), first.where._replace(line=1), meaning, matters=matters)
