"""Entries of directories, whatever program exported them, as people and groups: Exchange, Active Directory, Domino, spreadsheets.

Sources: Exchange's Get-Recipient, Get-Mailbox and Get-RemoteMailbox documentation (RecipientTypeDetails, EmailAddresses,
ExternalEmailAddress, RemoteRoutingAddress); Active Directory's proxyAddresses, targetAddress, homeMDB and
msExchRecipientTypeDetails; Domino's Person document (MailSystem, MailServer, MailAddress) as its LDAP server shows it. The numbers
of msExchRecipientTypeDetails and MailSystem are from memory. mailLocalAddress and mailRoutingAddress are those of
draft-lachman-laser-ldap-mail-routing-02; mailAlternateAddress and mailForwardingAddress those of qmail-ldap's schema.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from coexsim.intake.configs.found import Asked, Found, List, Mailbox
from coexsim.intake.configs.records import Record

PRIMARY = (
    "primarysmtpaddress",
    "mail",
    "internetaddress",
    "windowsemailaddress",
    "emailaddress",
    "email",
    "smtpaddress",
    "mailaddresse",  # and as spreadsheets name it in German, French, Spanish, Italian and Dutch; letters with accents are left out
    "emailadresse",
    "mailadresse",
    "adresseemail",
    "adressemail",
    "adressedemessagerie",
    "adresselectronique",
    "courriel",
    "correoelectrnico",
    "indirizzoemail",
    "emailadres",
)
PROXIES = (
    "emailaddresses",
    "proxyaddresses",
    "aliases",
    "otheraddresses",
    "maillocaladdress",
    "mailalternateaddress",
)
TARGETS = (
    "remoteroutingaddress",
    "externalemailaddress",
    "targetaddress",
    "forwardingaddress",
    "forwardingsmtpaddress",
    "mailaddress",
    "mailroutingaddress",
    "mailforwardingaddress",
)
MEMBERS = ("member", "members", "uniquemember", "dlmemsubmitperms")
HERE = ("homemdb", "database", "msexchhomeservername", "mailfile", "mailserver", "servername")
TYPES = ("recipienttypedetails", "msexchrecipienttypedetails", "recipienttype", "objectclass", "type")
NAMES = ("dn", "distinguishedname", "identity", "cn", "displayname", "name", "listname", "fullname")
PLACING = (*TARGETS, *HERE, *TYPES, "mailsystem")
"""Columns that say where somebody's mail file is."""
READ = frozenset((*PRIMARY, *PROXIES, *MEMBERS, *NAMES, *PLACING, "isdeleted", "delivertomailboxandforward"))
_GROUP = re.compile(r".*(group|roomlist)$|groupofnames|groupofuniquenames|dominogroup|25[67]|1024|1073741824|8388608")
_MAILBOX = re.compile(r"(user|shared|room|equipment|linked|legacy|team|scheduling|linkedroom)mailbox|1|2|4|8|16|32")
_REMOTE = re.compile(
    r"remote\w*mailbox|mailuser|mailforestcontact|mailcontact|guestmailuser|contact|64|128|2147483648|8589934592|17179869184|34359738368"
)
_CONTACT = re.compile(r"(mail|mailforest)?contact|guestmailuser|64")
_NO_PEOPLE = re.compile(
    r".*(system|arbitration|discovery|monitoring|auditlog|auxauditlog|supervisoryreviewpolicy)mailbox|computer|organizationalunit"
    r"|container|builtindomain|domain|domaindns|dominoserver|publicfoldermailbox|foreignsecurityprincipal|microsoftexchange"
)
_KINDS = (
    (_NO_PEOPLE, "none"),
    (_GROUP, "group"),
    (_CONTACT, "contact"),
    (_MAILBOX, "mailbox"),
    (_REMOTE, "elsewhere"),
)
MOST_TOLD = 5
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_BETWEEN = re.compile(r"[\s;,|]+|\+(?=[A-Za-z0-9]+:)")  # Microsoft 365's list of users joins them with a plus
_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9]*):(.*)", re.DOTALL)


class RecipientRecords:
    """Gathers people and groups from records; members that are named by their DN are found when all records were seen."""

    def __init__(self, found: Found, server: str, asked: Asked) -> None:
        self._found, self._server, self._known = found, server, asked.people
        self._groups: list[tuple[str, list[str], Record]] = []
        self._by_name: dict[str, str] = {}
        self._strange_types: dict[str, Record] = {}

    def take(self, record: Record) -> None:
        """A record of whatever kind."""
        kind = self._kind(record)
        addresses = _addresses(record)
        if lost := _no_addresses(record):
            self._found.leave(
                "addresses",
                ", ".join(lost[:3]),
                record.where,
                "not readable as mail addresses; mail to them is unknown here",
            )
        if kind == "none":
            self._found.counts["entries that are no people or groups"] += 1
            return
        if not addresses:
            self._found.counts["entries without a mail address"] += 1
            return
        for name in (record.dn, *record.all(*NAMES)):
            if name:
                self._by_name.setdefault(_folded(name), addresses[0])
        if kind == "group":
            self._groups.append(
                (addresses[0], [value for value in record.all(*MEMBERS) for value in _members(value)], record)
            )
            self._found.counts["groups"] += 1
            return
        self._person(record, kind, addresses)

    def _person(self, record: Record, kind: str, addresses: list[str]) -> None:
        target = _target(record)
        if kind == "contact" and target and _domain(addresses[0]) == _domain(target):
            self._found.counts["contacts in other domains"] += 1
            return
        here = kind == "mailbox" or (kind == "unknown" and not target)
        if kind == "unknown" and target and record.first(*HERE):
            here = record.first("delivertomailboxandforward").casefold() == "true"
        placed = not (here and kind == "unknown" and addresses[0].casefold() in self._known)
        words = "here" if here else "elsewhere"
        self._found.counts[f"people with a mailbox {words}" if placed else "people whose place the scenario knows"] += 1
        own = {address.casefold() for address in addresses}
        forwarding = target if target and target.casefold() not in own else None
        home = self._server if here else None
        self._found.people.append(
            Mailbox(addresses[0], home, record.where, tuple(addresses[1:]), forwarding, placed=placed)
        )

    def finish(self) -> None:
        """Turn the members of groups into addresses; tell the types of entries that say nothing."""
        for said, record in list(self._strange_types.items())[:MOST_TOLD]:
            meaning = "not a type of entry that is known, such as UserMailbox or MailUser: taken by the other columns"
            self._found.leave("type", said, record.where, meaning)
        for address, members, record in self._groups:
            known = [self._by_name.get(_folded(member), member) for member in members]
            lost = [member for member in known if not _ADDRESS.fullmatch(member)]
            if lost:
                meaning = f"{len(lost)} members of {address} are in no file that was given; mail to it reaches fewer people here"
                self._found.leave("members", ", ".join(lost[:3]), record.where, meaning)
            kept = tuple(member for member in known if _ADDRESS.fullmatch(member))
            if not members:
                meaning = "its members were not exported; mail to it bounces here: export them too"
                self._found.leave("group", address, record.where, meaning)
            self._found.groups.append(List(address, kept, record.where))

    def usual_domain(self) -> str | None:
        """The domain that most people have."""
        domains = Counter(_domain(person.address) for person in self._found.people)
        return min(domains, key=lambda one: (-domains[one], one)) if domains else None

    def _kind(self, record: Record) -> str:
        said = record.all(*TYPES)
        kind = _kind_of(tuple(said))
        if kind:
            return kind
        if said and not record.dn:
            self._strange_types.setdefault(said[0], record)
        if record.first("isdeleted").casefold() == "true":
            return "none"
        system = record.first("mailsystem")  # Domino: 1 Notes, 5 Other Internet Mail, 6 POP or IMAP, 100 none
        if system:
            return {"5": "elsewhere", "3": "elsewhere", "100": "none"}.get(system, "mailbox")
        return "unknown"


@lru_cache(maxsize=4096)  # a directory has few kinds of entry
def _kind_of(said: tuple[str, ...]) -> str:
    """The kind that the words for a type say; empty: they say none."""
    words = [word for value in said for word in re.split(r"[;,\s]+", _folded(value))]
    for pattern, kind in _KINDS:
        if any(pattern.fullmatch(word) for word in words):
            return kind
    return ""


def _addresses(record: Record) -> list[str]:
    """All SMTP addresses, the primary one first."""
    found: list[str] = []
    primary = _bare(record.first(*PRIMARY))
    for value in record.all(*PROXIES):
        for part in _BETWEEN.split(value):
            prefix = _PREFIX.fullmatch(part)
            if prefix and prefix[1].casefold() != "smtp":
                continue
            address = prefix[2] if prefix else part
            if _ADDRESS.fullmatch(address):
                found.append(address)
                primary = primary or (address if prefix and prefix[1] == "SMTP" else "")
    others = [address for address in found if address.casefold() != primary.casefold()]
    return list(dict.fromkeys([primary, *others])) if primary else list(dict.fromkeys(others))


def _no_addresses(record: Record) -> list[str]:
    """What stands among the SMTP addresses and is none."""
    parts = [part for value in record.all(*PROXIES) for part in _BETWEEN.split(value) if "@" in part]
    plain = [(part, _PREFIX.fullmatch(part)) for part in parts]
    return [
        part
        for part, prefix in plain
        if (prefix is None or prefix[1].casefold() == "smtp") and not _ADDRESS.fullmatch(prefix[2] if prefix else part)
    ]


def _target(record: Record) -> str:
    return _bare(record.first(*TARGETS))


def _bare(value: str) -> str:
    """``SMTP:a@b`` as a@b; nothing where it is no address."""
    prefix = _PREFIX.fullmatch(value.strip())
    address = prefix[2] if prefix and prefix[1].casefold() == "smtp" else value.strip()
    return address if _ADDRESS.fullmatch(address) else ""


def _members(value: str) -> Iterator[str]:
    """Members of one value: a DN has commas of its own, other lists are separated by them."""
    if "=" in value:
        yield from filter(None, (part.strip() for part in value.split(";")))
    else:
        yield from filter(None, (part.strip() for part in re.split(r"[;,\n]|\s(?=\S+@)", value)))


def _folded(name: str) -> str:
    return re.sub(r"\s*([,=/])\s*", r"\1", name.casefold().strip())


def _domain(address: str) -> str:
    return address.rpartition("@")[2].casefold()
