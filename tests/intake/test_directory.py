"""Directories as other programs export them: CSV and LDIF, in every encoding, whole and broken."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from coexsim.errors import InputError
from coexsim.intake.configs.importing import import_setup
from coexsim.intake.configs.people import MOST_BY_NAME
from coexsim.scenario.load import load_scenario
from coexsim.scenario.model import PersonSpec
from tests.intake.given import imported, scenario_of, told

EXPORTED = """\
#TYPE Selected.Microsoft.Exchange.Data.Directory.Management.ReducedRecipient
"Name","RecipientTypeDetails","PrimarySmtpAddress","EmailAddresses","ExternalEmailAddress"
"Ann","UserMailbox","ann@corporate.com","SMTP:ann@corporate.com smtp:a.smith@corporate.com X500:/o=Corp/cn=ann sip:ann@corporate.com",""
"Ida, ""the"" boss","RemoteUserMailbox","ida@corporate.com","SMTP:ida@corporate.com","SMTP:ida@corp.mail.example"
"Someone","MailContact","x@gmail.example","SMTP:x@gmail.example","SMTP:x@gmail.example"
"All","MailUniversalDistributionGroup","all@corporate.com","SMTP:all@corporate.com",""
"Health","ArbitrationMailbox","health@corporate.com","",""
"""
LDIF_AD = """\
# extended LDIF
version: 1

dn: CN=Ann Smith,OU=People,DC=corporate,DC=com
objectClass: top
objectClass: user
mail: ann@corporate.com
proxyAddresses: SMTP:ann@corporate.com
proxyAddresses: smtp:a.very.long.name.indeed@corpo
 rate.com
homeMDB: CN=DB1,CN=Databases
msExchRecipientTypeDetails: 1

dn:: {dn}
objectClass: user
mail: ida@corporate.com
targetAddress: SMTP:ida@corp.mail.example
msExchRecipientTypeDetails: 2147483648

dn: CN=All,OU=Groups,DC=corporate,DC=com
objectClass: group
mail: all@corporate.com
member: CN=Ann Smith, OU=People, DC=corporate, DC=com
member:: {dn}
member: CN=Gone,OU=People,DC=corporate,DC=com

# search result
search: 2
result: 0 Success
""".format(dn=base64.b64encode("CN=Ida Müller,OU=People,DC=corporate,DC=com".encode()).decode())
LDIF_DOMINO = """\
dn: CN=Ann Smith,O=Corporate
objectclass: dominoPerson
mail: Ann.Smith@corporate.com
mailsystem: 1
mailserver: CN=Mail1,O=Corporate
mailfile: mail/asmith

dn: CN=Ida Miller,O=Corporate
objectclass: dominoPerson
mail: Ida.Miller@corporate.com
mailsystem: 5
mailaddress: ida@corp.cloud.example

dn: CN=Staff,O=Corporate
objectclass: dominoGroup
objectclass: groupOfNames
mail: staff@corporate.com
member: CN=Ann Smith,O=Corporate
member: cn=ida miller,o=Corporate
"""


def people(folder: Path, name: str, content: str | bytes, **asked: str) -> dict[str, PersonSpec]:
    return dict(scenario_of(folder, {name: content}, "directory", **asked).directory.people)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
def test_what_the_shell_exports_is_read(tmp_path: Path, encoding: str, line_end: str, last: str) -> None:
    """Export-Csv of Windows PowerShell and of PowerShell 7: quotes in quotes, #TYPE, several addresses in one column, no last line end."""
    text = (EXPORTED.rstrip("\n") + last).replace("\n", line_end)
    found = people(tmp_path, "recipients.csv", text.encode(encoding))

    assert (found["ann"].mail_file, found["ann"].aliases) == ("onprem", ("a.smith",))
    assert (found["ida"].mail_system, found["ida"].forwarding_address) == (
        "other-internet-mail",
        "ida@corp.mail.example",
    )
    assert set(found) == {"ann", "ida"}


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    """A contact in another domain, a mailbox of the system, a group whose members nobody exported."""
    found = imported(tmp_path, {"recipients.csv": EXPORTED}, "directory")

    assert found.counts["contacts in other domains"] == 1
    assert found.counts["entries that are no people or groups"] == 1
    assert found.counts["entries of recipients.csv"] == 5
    assert told(found, "group") == ["its members were not exported; mail to it bounces here: export them too"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheets_have_columns_of_their_own(tmp_path: Path, delimiter: str) -> None:
    """``E-Mail`` and ``Forwarding address``, separated as the country likes it."""
    rows = [
        ["Name", "E-Mail", "Forwarding address"],
        ["Ann", "ann@corporate.com", ""],
        ["Ida", "ida@corporate.com", "ida@cloud.example"],
    ]
    found = people(tmp_path, "staff.csv", "\n".join(delimiter.join(row) for row in rows))

    assert (found["ann"].mail_file, found["ida"].forwarding_address) == ("onprem", "ida@cloud.example")


def test_active_directory_as_ldif(tmp_path: Path) -> None:
    """Folded lines, base64, comments, what ldapsearch prints of its search; members by DN, the one who is gone is told."""
    scenario = scenario_of(tmp_path, {"ad.ldif": LDIF_AD}, "directory")

    assert scenario.directory.people["ann"].aliases == ("a.very.long.name.indeed",)
    assert scenario.directory.people["ida"].forwarding_address == "ida@corp.mail.example"
    assert scenario.directory.groups["all"] == ("ann", "ida")
    assert told(imported(tmp_path, {"ad.ldif": LDIF_AD}, "directory"), "members")


def test_domino_as_ldif(tmp_path: Path) -> None:
    """Mail system 1 has the mail file here, 5 is Other Internet Mail with a forwarding address."""
    scenario = scenario_of(tmp_path, {"names.ldif": LDIF_DOMINO}, "directory")

    assert scenario.servers["onprem"].kind == "domino"
    assert scenario.directory.people["Ida.Miller"].forwarding_address == "ida@corp.cloud.example"
    assert scenario.directory.groups["staff"] == ("Ann.Smith", "Ida.Miller")


@pytest.mark.parametrize(
    ("name", "content", "line", "words"),
    [
        ("x.csv", 'Name,mail\nAnn,"ann@corporate.com\n', 2, "unexpected end of data"),
        ("x.csv", "Name,mail,x\nAnn,ann@corporate.com,1\nIda,ida@\n", 3, "2 columns, but the first row names 3"),
        ("x.csv", "Name,Phone\nAnn,123\n", 1, "no column of addresses"),
        ("x.csv", "", 0, "no row"),
        (
            "x.csv",
            "Name,mail,EmailAddresses\nAnn,a@b.c,System.Collections.ArrayList\n",
            2,
            "the export wrote the name of a list",
        ),
        ("x.ldif", "dn: CN=A\nmail: a@b.c\n\nmail: b@b.c\n", 4, "an entry begins with 'dn:'"),
        ("x.ldif", "dn: CN=A\nmail a@b.c\n", 2, "expected 'attribute: value'"),
        ("x.ldif", "dn: CN=A\nmail:: %%%\n", 2, "not readable as base64"),
        ("x.ldif", "dn: CN=A\ndn: CN=B\n", 2, "a second 'dn:'"),
        ("x.ldif", "dn: CN=A\nchangetype: modify\n", 2, "a file of changes"),
    ],
)
def test_half_a_file_and_broken_ones_are_told_with_their_line(
    tmp_path: Path, name: str, content: str, line: int, words: str
) -> None:
    """Rather than read as if nothing were missing."""
    with pytest.raises(InputError, match=words) as error:
        imported(tmp_path, {name: content}, "directory")

    assert (error.value.problems[0].file, error.value.problems[0].line) == (name, line)


def test_an_address_belongs_to_one(tmp_path: Path) -> None:
    """The first one keeps it; the other one is told, also where an alias is somebody's address."""
    found = imported(
        tmp_path,
        {"x.csv": "mail,aliases\nann@corporate.com,ben@corporate.com\nANN@corporate.com,\nben@corporate.com,\n"},
        "directory",
    )

    assert told(found, "person") == ["this address is taken already, by x.csv:2; that one stands"]
    assert told(found, "alias") == ["taken already, by x.csv:4"]


def test_very_many_people_become_numbers(tmp_path: Path) -> None:
    """Alike ones are nameless mailboxes, two of each side named; who is not alike is named; everybody is in a file of their own."""
    rows = ["mail,RecipientTypeDetails,ExternalEmailAddress"]
    rows += [f"p{n}@corporate.com,UserMailbox," for n in range(MOST_BY_NAME)]
    rows += [f"h{n}@corporate.com,RemoteUserMailbox,h{n}@corp.mail.example" for n in range(1000)]
    rows += ["boss@corporate.com,MailUser,boss@gmail.example"]
    found = imported(tmp_path, {"x.csv": "\n".join(rows)}, "directory")
    (tmp_path / "mine.yaml").write_text(found.text, encoding="utf-8")
    directory = load_scenario(tmp_path / "mine.yaml").directory

    assert directory.population == {"onprem": MOST_BY_NAME - 2, "hosted": 998}
    assert set(directory.people) == {"p0", "p1", "h0", "h1", "boss"}
    assert found.people_text is not None
    (tmp_path / "people.yaml").write_text(found.people_text, encoding="utf-8")
    (tmp_path / "all.yaml").write_text(
        "extends: [mine.yaml, people.yaml]\ndirectory: {population: {onprem: 0, hosted: 0}}\n", encoding="utf-8"
    )
    assert len(load_scenario(tmp_path / "all.yaml").directory.people) == MOST_BY_NAME + 1001


def test_a_spreadsheet_does_not_move_people_whose_place_is_known(tmp_path: Path) -> None:
    """It has names and addresses only: the mail file stays where the scenario has it; who is new is taken to be here."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "coexsim: 1\ndomain: corporate.com\nservers:\n  onprem: {kind: exchange, host: mail.corporate.com}\n"
        "directory:\n  people:\n    ida: {mail_system: other-internet-mail}  # in the cloud\n",
        encoding="utf-8",
    )
    table = "mail,aliases\nida@corporate.com,i@corporate.com\nann@corporate.com,\n"
    found = imported(tmp_path, {"x.csv": table}, "directory", into=str(mine))

    assert "    ida: {mail_system: other-internet-mail, aliases: [i]}  # in the cloud; x.csv:2\n" in found.text
    assert "    ann: {mail_file: onprem}  # x.csv:3\n" in found.text


def test_addresses_joined_in_other_ways(tmp_path: Path) -> None:
    """Microsoft 365's list of users joins proxy addresses with a plus, other scripts with a bar; what is no address is told."""
    table = (
        "Display name,Proxy addresses,User principal name\n"
        "Ann,smtp:ann@corporate.onmicrosoft.com+SMTP:ann@corporate.com,ann@corporate.com\n"
        "Bob,SMTP:bob@corporate.com|smtp:b@corporate.com|X500:/o=Org/ou=A (B)/cn=bob,bob@corporate.com\n"
        "Eve,SMTP:eve@corporate.com smtp:e@v@corporate.com,x\n"
    )
    found = imported(tmp_path, {"users.csv": table}, "directory", domain="corporate.com")

    assert "ann: {mail_file: onprem, aliases: [ann@corporate.onmicrosoft.com]}" in found.text
    assert "bob: {mail_file: onprem, aliases: [b]}" in found.text
    assert [(one.value, str(one.where)) for one in found.unused if one.what == "addresses"] == [
        ("smtp:e@v@corporate.com", "users.csv:4")
    ]


@pytest.mark.parametrize(
    "column", ["E-Mail-Adresse", "Adresse e-mail", "Adresse de messagerie", "E-mail", "Correo electrónico"]
)
def test_columns_of_spreadsheets_in_other_languages(tmp_path: Path, column: str) -> None:
    """The column of addresses as German, French and Spanish programs call it."""
    assert (
        "ann: {mail_file: onprem}"
        in imported(tmp_path, {"l.csv": f"Name;{column}\nAnn;ann@corporate.com\n"}, "directory").text
    )


def test_members_by_dn_are_found_in_csvde(tmp_path: Path) -> None:
    """Csvde names the entry in column DN; members of a group are such names, separated by semicolons."""
    dn = '"CN={},OU=U,DC=corp,DC=example"'
    table = "DN,objectClass,mail,member\n" + "".join(
        f"{dn.format(name)},user,{name}@corporate.com,\n" for name in ("ann", "bob")
    ) + f'{dn.format("team")},group,team@corporate.com,{dn.format("ann")[:-1]};{dn.format("bob")[1:]}\n'  # fmt: skip
    found = imported(tmp_path, {"e.csv": table}, "directory")

    assert "team: [ann, bob]" in found.text
    assert told(found, "members") == []


def test_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    """A list of one's own says in a word of its own where mailboxes are: that is told, and at whose server all are taken to be."""
    table = b"mail,mailbox\nanna@corporate.com,onprem\nclara@corporate.com,hosted\n"
    typed = b"mail,type,city\nanna@corporate.com,onprem,Bonn\nclara@corporate.com,UserMailbox,Bonn\n"
    [unread] = imported(tmp_path, {"users.csv": table}, "directory", domain="corporate.com").unused
    (tmp_path / "typed").mkdir()
    told = imported(tmp_path / "typed", {"typed.csv": typed}, "directory", domain="corporate.com").unused

    assert (unread.what, unread.value, unread.matters) == ("columns", "mailbox", True)
    assert "all are taken to be at onprem" in unread.meaning
    assert [(each.what, each.value, each.matters) for each in told] == [
        ("type", "onprem", True),
        ("columns", "city", False),
    ]


def test_people_whom_the_scenario_places_need_no_server(tmp_path: Path) -> None:
    """A list without a column of places, into a scenario that knows everybody: no server is added, nobody is moved; columns as written."""
    into = tmp_path / "site.yaml"
    into.write_text(
        "coexsim: 1\ndomain: corporate.com\nservers:\n  store: {kind: postfix, host: store.corporate.com}\n"
        "directory: {master: store, people: {anna: {mail_file: store}, ida: {mail_system: other-internet-mail}}}\n",
        encoding="utf-8",
    )
    table = "E-Mail-Adresse;Weitere Adressen;Gr\u00f6\u00dfe (MB)\nanna@corporate.com;a@corporate.com;3\nida@corporate.com;;4\n"
    (tmp_path / "users.csv").write_text(table, encoding="cp1252")
    found = import_setup(tmp_path / "users.csv", kind="directory", into=into)
    into.write_text(found.text, encoding="utf-8")
    scenario = load_scenario(into)

    assert list(scenario.servers) == ["store"]
    assert scenario.directory.people["anna"].mail_file == "store"
    assert [(each.value, each.matters) for each in found.unused] == [
        ("Weitere Adressen", True),
        ("Gr\u00f6\u00dfe (MB)", False),
    ]
    assert "mail addresses" in found.unused[0].meaning
    assert found.unused[1].meaning == "not read"


ROUTED = """dn: uid=alice,dc=acme,dc=example
objectClass: inetOrgPerson
mail: alice@acme.example
mailAlternateAddress: a.mueller@acme.exa
 mple
mailLocalAddress: al@acme.example
mailHost: exch.acme.example
uid: alice

dn: uid=carol,dc=acme,dc=example
objectClass: inetLocalMailRecipient
mail: carol@acme.example
mailRoutingAddress: carol@acme.service.example
secretary: ida@acme.example
"""


def test_addresses_and_routing_of_other_directories(tmp_path: Path) -> None:
    """draft-lachman-laser-ldap-mail-routing-02 and qmail-ldap; what speaks of mail and is not read is told, the rest with --all."""
    found = imported(tmp_path, {"people.ldif": ROUTED}, "directory", domain="acme.example")
    people = {key.path[-1]: key.value for key in found.keys if key.path[:2] == ("directory", "people")}

    assert people == {
        "alice": {"mail_file": "onprem", "aliases": ["al", "a.mueller"]},
        "carol": {"mail_system": "other-internet-mail", "forwarding_address": "carol@acme.service.example"},
    }
    assert [(one.value, one.where.line, one.matters) for one in found.unused if one.what == "attributes"] == [
        ("mailhost, secretary", 1, True),
        ("uid", 1, False),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "myhostname = mx1.acme.example\nx\n",
            r"r\.csv:1: .* names no column of addresses, .*; it has 'myhostname = mx1.acme.example'",
        ),
        ("Name;Dept\nAnna;Sales\n", r"it has 'Name', 'Dept'"),
        ("<html>404</html>\n", r"r\.csv: there is no entry in it"),
        ("mail,name\n", r"r\.csv: there is no entry in it"),
    ],
)
def test_what_is_no_table_of_people_is_told_in_its_own_words(tmp_path: Path, text: str, words: str) -> None:
    """As it is written in the file; a page of an error, or a table without rows, makes no scenario."""
    with pytest.raises(InputError, match=words):
        imported(tmp_path, {"r.csv": text}, "directory", domain="acme.example")
