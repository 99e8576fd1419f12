"""Documents of the Domino Directory as DXL."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.errors import InputError
from coexsim.scenario.servers import DominoServer
from tests.intake.given import imported, scenario_of, told

HEAD = "<?xml version='1.0' encoding='utf-8'?>\n<!DOCTYPE database SYSTEM 'xmlschemas/domino_9_0_1.dtd'>\n<database xmlns='http://www.lotus.com/dxl'>\n"


def document(form: str, **items: str | list[str]) -> str:
    """A document as DXL writes it."""
    lines = [f"<document form='{form}'>", " <noteinfo noteid='9ea'/>"]
    for name, value in items.items():
        texts = "".join(f"<text>{one}</text>" for one in value) if isinstance(value, list) else f"<text>{value}</text>"
        lines.append(
            f" <item name='{name}'>{f'<textlist>{texts}</textlist>' if isinstance(value, list) else texts}</item>"
        )
    return "\n".join([*lines, "</document>\n"])


DOCUMENTS = [
    document(
        "Server", ServerName="CN=Mail1/O=Corporate", SMTPFullHostDomain="domino.corporate.com", SMTPListenerEnabled="1"
    ),
    document("Server", ServerName="CN=App1/O=Corporate", SMTPListenerEnabled="0"),
    document("ServerConfig", ServerName="*", SMTPRelayHost="wrong.example"),
    document(
        "ServerConfig",
        ServerName="CN=Mail1/O=Corporate",
        LocalDomainSmartHost="smtp.cloud.example",
        RelayHost="out.example",
        SMTPOutsideDomain="1",
        MaxTransferThreads="18",
        RouterMaxHopCount="25",
        MaxMsgSize="25000",
        RouterLogLevel="20",
    ),
    document(
        "Domain", DomainType="4", GlobalDomain="Corporate", SMTPDomainSuffixes=["corporate.com", "corporate.example"]
    ),
    document("Domain", InternetDomain="partner.example", DomainName="ToPartner"),
    document("Connection", Source="CN=Mail1", DestinationDomain="ToPartner", RelayHost="mx.partner.example"),
    document(
        "Person",
        FullName=["CN=Ann Smith/O=Corporate", "Ann Smith"],
        ShortName="asmith",
        InternetAddress="Ann.Smith@corporate.com",
        MailSystem="1",
        MailServer="CN=Mail1/O=Corporate",
        MailFile="mail/asmith",
    ),
    document(
        "Person",
        FullName=["CN=Ida Miller/O=Corporate"],
        InternetAddress="ida@corporate.com",
        MailSystem="5",
        MailAddress="ida@cloud.example",
    ),
    document("Person", InternetAddress="far@corporate.com", MailSystem="1", MailServer="CN=App1/O=Corporate"),
    document(
        "Group",
        ListName="All Staff",
        GroupType="0",
        Members=["CN=Ann Smith/O=Corporate", "CN=Ida Miller/O=Corporate", "CN=Gone/O=Corporate"],
    ),
    document("Group", ListName="LocalDomainServers", GroupType="4", Members=["CN=Mail1/O=Corporate"]),
    "<document form='Memo'><item name='Body'><richtext><par>x</par></richtext></item></document>\n",
]
DXL = HEAD + "".join(DOCUMENTS) + "</database>\n"


def test_documents_become_the_keys_of_the_server(tmp_path: Path) -> None:
    """The Server document that listens, the Configuration document that names it, Global Domain, Foreign SMTP Domain."""
    found = scenario_of(tmp_path, {"names.dxl": DXL}, "domino").servers["onprem"]
    assert isinstance(found, DominoServer)

    assert (found.host, found.smtp_listener_task, found.global_domain) == (
        "domino.corporate.com",
        True,
        ("corporate.com", "corporate.example"),
    )
    assert (found.smart_host, found.relay_host, found.smtp_outside_local_domain) == (
        "smtp.cloud.example",
        "out.example",
        True,
    )
    assert (found.max_hop_count, found.max_message_size, found.capacity.transfer_threads) == (25, 25_000_000, 18)
    assert found.foreign_smtp_domains == {"partner.example": "mx.partner.example"}


def test_people_and_groups_come_from_their_documents(tmp_path: Path) -> None:
    """Mail file here, Other Internet Mail with its forwarding address; a group under its name, members by theirs."""
    directory = scenario_of(tmp_path, {"names.dxl": DXL}, "domino").directory

    assert (directory.people["Ann.Smith"].mail_file, directory.people["Ann.Smith"].aliases) == ("onprem", ("asmith",))
    assert directory.people["ida"].forwarding_address == "ida@cloud.example"
    assert directory.groups == {"All_Staff": ("Ann.Smith", "ida")}


def test_what_is_not_modelled_is_told(tmp_path: Path) -> None:
    """Other servers, other configurations, mail files elsewhere, items that are no keys, members who are nobody."""
    found = imported(tmp_path, {"names.dxl": DXL}, "domino")

    for what in (
        "Server document",
        "Configuration document",
        "people of app1",
        "Configuration: routerloglevel",
        "members",
    ):
        assert told(found, what), what
    assert found.counts["Memo documents"] == 1
    assert found.counts["groups that take no mail"] == 1


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE x [\n<!ENTITY a "aaaaaaaaaa">\n<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">\n]>\n'
    "<database>&b;</database>"
)
OUTSIDE = '<?xml version="1.0"?>\n<!DOCTYPE x [\n<!ENTITY a SYSTEM "file:///etc/passwd">\n]>\n<database>&a;</database>'


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (BOMB, 3, "entities are not read"),
        (OUTSIDE, 3, "entities are not read"),
        (DXL[:700], None, "not readable as XML"),
        (DXL.replace("</item>", "", 1), None, "not readable as XML"),
        ("<database></database>", 1, "there is no document in it"),
        ("no XML at all", 1, "not readable as XML"),
        (HEAD + "<document form='Memo'/></database>", 0, "there is no Server, Configuration"),
    ],
)
def test_bombs_and_broken_files_are_refused_with_their_line(
    tmp_path: Path, content: str, line: int | None, words: str
) -> None:
    """Entities, inside and outside, are never followed; half a file says where it ends."""
    with pytest.raises(InputError, match=words) as error:
        imported(tmp_path, {"names.dxl": content}, "domino")

    assert line is None or error.value.problems[0].line == line


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "iso-8859-1"])
def test_the_encoding_is_the_one_that_xml_says(tmp_path: Path, encoding: str) -> None:
    """Umlauts in names, as exports from other systems have them."""
    name = "utf-16" if encoding == "utf-16" else "utf-8" if "utf" in encoding else encoding
    text = DXL.replace("encoding='utf-8'", f"encoding='{name}'").replace("Ida Miller", "Ida Müller")

    assert scenario_of(tmp_path, {"names.dxl": text.encode(encoding)}, "domino").directory.groups["All_Staff"] == (
        "Ann.Smith",
        "ida",
    )


def test_router_settings_by_their_names_in_the_document(tmp_path: Path) -> None:
    """The values as the Configuration document shows them (Router/SMTP, Basics; Controls); MailTimeoutMinutes goes before MailTimeout."""
    config = document(
        "ServerConfig",
        ServerName="*",
        SMTPAddressLookup="Fullname only",
        RouterOverQuotaEnforcement="Non Deliver to originator",
        MailTimeout="2",
        MailTimeoutMinutes="90",
    )
    server = document(
        "Server", ServerName="CN=Mail1/O=Corporate", SMTPListenerEnabled="1", SMTPFullHostDomain="a.b.example"
    )
    server = server.replace("</document>", " <item name='MailDomain'><text>Corporate</text></item>\n</document>")
    other = document("Server", ServerName="CN=Mail2/O=Branch", MailDomain="Branch")
    found = scenario_of(
        tmp_path, {"n.dxl": HEAD + server + other + config + DOCUMENTS[4] + "</database>"}, "domino"
    ).servers["onprem"]
    assert isinstance(found, DominoServer)

    assert (found.address_lookup, found.over_quota_enforcement) == ("full name only", "non-deliver")
    assert found.mail_timeout == 90 * 60
    assert found.domino_domain == "Corporate"


def test_a_value_that_is_no_name_of_the_document_is_told(tmp_path: Path) -> None:
    """What a number stands for stands in no document that was found: the item is listed, the default holds."""
    config = document("ServerConfig", ServerName="*", SMTPAddressLookup="7", RouterOverQuotaEnforcement="2")
    made = imported(tmp_path, {"n.dxl": HEAD + DOCUMENTS[0] + DOCUMENTS[4] + config + "</database>"}, "domino")

    assert "address_lookup" not in made.text
    assert len(told(made, "Configuration: smtpaddresslookup")) == 1
    assert len(told(made, "Configuration: routeroverquotaenforcement")) == 1
