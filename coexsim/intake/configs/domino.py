"""Domino: the documents of its directory, exported as DXL, as the keys of a server and the people.

Items of the Server, Domain, Connection, Person and Group documents have the names of Domino's programming interface
(``SMTPListenerEnabled``, ``SMTPFullHostDomain``, ``SMTPDomainSuffixes``, ``InternetAddress``, ``MailServer``, ``MailAddress`` ...).
Of the Configuration document no list of item names was found: its items are known by the words in their names, which is said
beside each key, and every other item of mail routing is listed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from coexsim.intake.configs.domino_settings import configuration
from coexsim.intake.configs.dxl import read_documents
from coexsim.intake.configs.found import Asked, Found
from coexsim.intake.configs.reading import File, fail
from coexsim.intake.configs.recipients import RecipientRecords
from coexsim.intake.configs.records import Record

_NO_MAIL = ("2", "3", "4")  # groups for access, denied access, servers
ENABLED = ("1", "enabled", "yes", "true")
_PERSON_ITEMS = ("internetaddress", "mailsystem", "mailfile", "mailaddress", "fullname")
_HOST = re.compile(r"\[?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+\]?")


def read_domino(files: Sequence[File], asked: Asked) -> Found:
    """The keys of one Domino server and the people of its directory. Raises `InputError`."""
    documents: dict[str, list[Record]] = {}
    found = Found()
    kept = ("server", "serverconfig", "domain", "connection", "person", "group")

    def take(form: str, record: Record) -> None:
        kind = _kind(form, record)
        found.counts[f"{form or 'nameless'} documents"] += 1
        if kind in kept:
            documents.setdefault(kind, []).append(record)

    for file in files:
        read_documents(file, take)
    if not documents:
        fail(files[0].name, 0, "there is no Server, Configuration, Domain, Connection, Person or Group document in it")
    name = asked.server or "onprem"
    server = ("servers", name)
    found.put((*server, "kind"), "domino", files[0].at(0))
    here = _server(documents.get("server", []), asked, found, server)
    configuration(documents.get("serverconfig", []), here, found, server)
    domains = _domains(documents.get("domain", []), documents.get("connection", []), found, server)
    found.domain = asked.domain or (domains[0] if domains else None)
    usual = _people(documents, found, name, here, asked)
    found.domain = found.domain or usual
    found.master = name
    return found


def _kind(form: str, record: Record) -> str:
    """The kind of a document, by its form or its item Type."""
    said = (form or record.first("type")).casefold().strip("()")
    word = re.sub(r"[^a-z]", "", said.rpartition("\\")[2])
    return {"serverconfiguration": "serverconfig", "configuration": "serverconfig", "globaldomain": "domain", "foreigndomain": "domain",
            "foreignsmtpdomain": "domain", "smtpconnection": "connection", "remote": "connection"}.get(word, word)  # fmt: skip


def _server(records: list[Record], asked: Asked, found: Found, server: tuple[str, str]) -> str:
    """The Server document that this is about: the one called so, else the first that listens for SMTP. Gives its name."""
    if not records:
        return ""

    def listens(record: Record) -> bool:
        return record.first("smtplistenerenabled").casefold() in ENABLED

    def rank(record: Record) -> tuple[bool, bool]:
        return _common(record.first("servername")) != (asked.server or "").casefold(), not listens(record)

    best = min(records, key=rank)
    host = best.first("smtpfullhostdomain")
    if host:
        found.put((*server, "host"), host, best.where, "SMTPFullHostDomain")
    domains = {record.first("maildomain", "domain").casefold() for record in records} - {""}
    own = best.first("maildomain", "domain")
    if own and len(domains) > 1:  # where all are of one domain, all share a directory
        found.put((*server, "domino_domain"), own, best.where, "the Domino domain of the Server document")
    listener = "enabled" if listens(best) else "disabled"
    found.put((*server, "smtp_listener_task"), listener, best.where, "SMTPListenerEnabled")
    for record in records:
        if record is not best:
            found.leave(
                "Server document",
                record.first("servername"),
                record.where,
                "another server; import it too, with --server and --into",
            )
    return _common(best.first("servername"))


def _common(name: str) -> str:
    """``CN=Mail1/O=Corporate`` as mail1."""
    return re.sub(r"^cn=", "", name.casefold()).partition("/")[0].strip()


def _domains(domains: list[Record], connections: list[Record], found: Found, server: tuple[str, str]) -> list[str]:
    """Global Domain documents as global_domain; Foreign SMTP Domain documents with their Connection as foreign_smtp_domains."""
    own: list[str] = []
    where = None
    routes: dict[str, tuple[str, Record]] = {}
    for record in domains:
        suffixes = [
            part.casefold()
            for value in record.all("smtpdomainsuffixes", "smtpprimarydomain")
            for part in re.split(r"[,;\s]+", value)
            if part
        ]
        if suffixes or record.first("globaldomain"):
            where = where or record.where
            own += [suffix for suffix in suffixes if suffix not in own]
            if not suffixes:
                found.leave(
                    "Global Domain",
                    record.first("globaldomain"),
                    record.where,
                    "it names no Internet domain; only the host's own is local",
                )
            continue
        foreign = _by_words(record, "internetdomain", "smtpdomain", "destdomain")
        to = _by_words(record, "domainname", "nextdomain") or foreign
        if (foreign and "." in foreign) or foreign == "*":
            host = _by_words(record, "relayhost", "internethost", "smtphost")
            if host:
                found.put((*server, "foreign_smtp_domains", foreign), host, record.where)
            else:
                routes[to.casefold()] = (foreign, record)
        else:
            found.leave(
                "Domain document",
                record.first("domainname", "globaldomain"),
                record.where,
                "Notes routing between domains is not modelled",
            )
    if own:
        found.put((*server, "global_domain"), own, where, "SMTPDomainSuffixes")
    _connections(connections, routes, found, server)
    return own


def _connections(
    connections: list[Record], routes: dict[str, tuple[str, Record]], found: Found, server: tuple[str, str]
) -> None:
    for record in connections:
        foreign, _ = routes.pop(record.first("destinationdomain").casefold(), ("", record))
        host = _by_words(record, "relayhost", "smtphost", "internethost") or record.first("destination")
        if foreign and _HOST.fullmatch(host):
            found.put((*server, "foreign_smtp_domains", foreign), host, record.where)
        else:
            said = f"{record.first('source')} to {record.first('destination', 'destinationdomain')}"
            found.leave(
                "Connection document",
                said,
                record.where,
                "Notes routing, schedules and costs between servers are not modelled",
            )
    for foreign, record in routes.values():
        found.leave(
            "Foreign SMTP Domain",
            foreign,
            record.where,
            "no SMTP Connection document leads there; its mail goes by relay host or MX",
        )


def _by_words(record: Record, *words: str) -> str:
    """The first value of an item whose name has one of these in it."""
    return next((values[0] for word in words for name, values in record.values.items() if word in name and values), "")


def _people(documents: dict[str, list[Record]], found: Found, name: str, here: str, asked: Asked) -> str | None:
    people = RecipientRecords(found, name, asked)
    domain = found.domain
    elsewhere: Counter[str] = Counter()
    place: dict[str, Record] = {}
    for record in documents.get("person", []):
        home = _common(record.first("mailserver"))
        if here and home and home != here and record.first("mailsystem") in ("", "1"):
            elsewhere[home] += 1
            place.setdefault(home, record)
        people.take(_person(record, domain))
    for record in documents.get("group", []):
        if record.first("grouptype") in _NO_MAIL:
            found.counts["groups that take no mail"] += 1
            continue
        people.take(_group(record, domain))
    people.finish()
    for home, number in sorted(elsewhere.items()):
        meaning = "their mail files are on another server of the organisation; here they are on this one: correct it"
        found.leave(f"people of {home}", str(number), place[home].where, meaning)
    return people.usual_domain()


def _person(record: Record, domain: str | None) -> Record:
    """The Person document as an entry: her short names are addresses in the domain too."""
    values = {key: texts for key, texts in record.values.items() if key in _PERSON_ITEMS}
    values["mailsystem"] = values.get("mailsystem", ["1"])
    if domain:
        own = [record.first("internetaddress")] if record.first("internetaddress") else []
        shorts = [
            f"{short}@{domain}" for short in record.all("shortname") if re.fullmatch(r"[^\s@<>\"(),:;\[\]\\]+", short)
        ]
        values["aliases"] = [address for address in shorts if address.casefold() not in map(str.casefold, own)]
    return Record(values, record.where)


def _group(record: Record, domain: str | None) -> Record:
    """The Group document as an entry; without an address of its own it is reached under its name."""
    address = record.first("internetaddress") or (
        f"{record.first('listname').replace(' ', '_')}@{domain}" if domain else ""
    )
    members = {"members": record.values.get("members", []), "fullname": record.values.get("listname", [])}
    return Record({"objectclass": ["dominogroup"], "mail": [address] if address else [], **members}, record.where)
