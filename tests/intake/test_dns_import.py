"""Zones as name servers hold them and as dig prints them."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.errors import InputError
from coexsim.intake.configs.dns import MOST_HOSTS
from coexsim.mail.dns import Question
from coexsim.mail.setup import Setup, State
from coexsim.scenario.load import load_scenario
from tests.intake.given import imported, scenario_of, told

ZONE = """\
$TTL 1h
@       IN SOA ns hostmaster (
                2026112601 ; serial
                1h 15m 1w 30m )
        IN NS  ns
        IN MX  10 mail
        IN MX  20 backup.other.example.
        IN TXT "v=spf1 mx -all; not ( a comment"
ns      IN A   192.0.2.53
mail 5m IN A   192.0.2.25
        IN AAAA 2001:db8::25
www     IN CNAME mail
$ORIGIN sub.corporate.com.
@       IN MX 5 mail.corporate.com.
_x._tcp IN SRV 0 0 25 mail
"""
DIG = """\
; <<>> DiG 9.18.49 <<>> MX corporate.com
;; global options: +cmd
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1
;; QUESTION SECTION:
;corporate.com.                 IN      MX

;; ANSWER SECTION:
corporate.com.          3600    IN      MX      10 mail.corporate.com.

;; ADDITIONAL SECTION:
mail.corporate.com.     3600    IN      A       192.0.2.25

;; Query time: 0 msec

smtp.cloud.example.     60      IN      A       198.51.100.7
"""


@pytest.mark.parametrize("name", ["corporate.com.zone", "db.corporate.com", "corporate.com.db"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_zone_file_answers_as_its_name_server_did(tmp_path: Path, name: str, encoding: str) -> None:
    """Names left out, parentheses, comments, TTLs, another origin: the file is called after its zone, or the domain is said."""
    asked = {} if name.endswith((".zone", ".db")) else {"domain": "corporate.com"}
    setup = Setup(scenario_of(tmp_path, {name: ZONE.encode(encoding)}, "dns", **asked))

    assert setup.answer(Question("corporate.com", "MX"), State()).mx == (
        (10, "mail.corporate.com"),
        (20, "backup.other.example"),
    )
    assert setup.answer(Question("sub.corporate.com", "MX"), State()).mx == ((5, "mail.corporate.com"),)
    found = setup.answer(Question("www.corporate.com", "A"), State())
    assert (found.addresses, found.ttl_s) == (("192.0.2.25",), 300)
    assert setup.answer(Question("gone.corporate.com", "A"), State()).status == "NXDOMAIN"


def test_every_record_says_its_line(tmp_path: Path) -> None:
    """As a comment of the zone; what has no part is told, SPF with what that means."""
    found = imported(tmp_path, {"corporate.com.zone": ZONE}, "dns")

    assert "; corporate.com.zone:6\n" in found.text
    assert told(found, "TXT records") == ["SPF, DKIM and DMARC are not checked here; what they would refuse is taken"]
    assert told(found, "SRV records") == ["no part in where mail goes"]


def test_what_dig_prints_is_read(tmp_path: Path) -> None:
    """Comments around answers; a host outside the domain has a zone of its own, so that nothing else of that domain is denied."""
    scenario = scenario_of(tmp_path, {"answers.txt": DIG}, "dns")

    assert set(scenario.dns) == {"corporate.com", "smtp.cloud.example"}
    assert scenario.servers["onprem"].host == "mail.corporate.com"


def test_a_transfer_is_read(tmp_path: Path) -> None:
    """Full names on every line, the SOA at its begin and end."""
    lines = ["corporate.com. 60 IN SOA ns.corporate.com. h.corporate.com. 1 2 3 4 5", "corporate.com. 60 IN MX 10 a.corporate.com.",
             "a.corporate.com. 60 IN A 192.0.2.1", "corporate.com. 60 IN SOA ns.corporate.com. h.corporate.com. 1 2 3 4 5"]  # fmt: skip
    found = imported(tmp_path, {"axfr.txt": "\n".join(lines)}, "dns")

    assert found.text.count("SOA") == 1
    assert found.counts["records of axfr.txt"] == 4


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("corporate.com. IN MX 10\n", 1, "no record such as .*: found"),
        ("myhostname = mx1.a.b\n", 1, "found 'myhostname = mx1.a.b' .there is no type of record called '='"),
        ("a.b. IN A 1.2.3.4\nb.b. IN A 1.2.3\n", 2, "no record such as .*: found"),
        ("a.b. IN SOA n. h. ( 1 2 3\n", 1, "a parenthesis that does not close"),
        ("a.b. IN A 1.2.3.4 )\n", 1, "a parenthesis that closes"),
        ("   IN A 1.2.3.4\n", 1, "a record without a name"),
        (";; ->>HEADER<<- opcode: QUERY, status: SERVFAIL, id: 1\n", 1, "the name server had no answer: SERVFAIL"),
        ("; Transfer failed.\n", 1, "dig got no answer"),
        ("10 mail.corporate.com.\n", 1, "no record such as .*: found"),
        ('a.b. IN TXT "x"\n', 0, "there is no record in it that says where mail goes"),
    ],
)
def test_what_is_no_record_is_told_with_its_line(tmp_path: Path, content: str, line: int, words: str) -> None:
    """Broken records, half a file, answers that are none, ``dig +short``."""
    with pytest.raises(InputError, match=words) as error:
        imported(tmp_path, {"x.txt": content}, "dns")

    assert error.value.problems[0].line == line


def test_records_that_are_counted_out_are_not_made(tmp_path: Path) -> None:
    """$GENERATE of 10^8 hosts and $INCLUDE are told, not followed."""
    found = imported(
        tmp_path, {"corporate.com.zone": ZONE + "$GENERATE 1-100000000 h$ A 10.0.0.1\n$INCLUDE /etc/passwd\n"}, "dns"
    )

    assert told(found, "$GENERATE")
    assert told(found, "$INCLUDE")


def test_of_a_large_zone_the_hosts_of_mail_stay(tmp_path: Path) -> None:
    """MX hosts through their aliases; the others are counted."""
    hosts = "".join(f"h{n} IN A 10.0.0.1\n" for n in range(MOST_HOSTS))
    found = imported(tmp_path, {"corporate.com.zone": ZONE + "$ORIGIN corporate.com.\n" + hosts}, "dns")

    assert "192.0.2.25" in found.text
    assert told(found, "hosts of corporate.com")


def test_zones_go_into_a_scenario_that_is_there(tmp_path: Path) -> None:
    """In place of the zone that it has, which stays as a comment."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "coexsim: 1\ndomain: corporate.com\ndns:\n  corporate.com: |\n    @ IN MX 10 old\n    old IN A 192.0.2.1\nservers:\n"
        "  onprem: {kind: exchange, host: mail.corporate.com, accepted_domains: {corporate.com: authoritative}}\n",
        encoding="utf-8",
    )
    found = imported(tmp_path, {"corporate.com.zone": ZONE}, "dns", into=str(mine))
    mine.write_text(found.text, encoding="utf-8")

    assert Setup(load_scenario(mine)).answer(Question("mail.corporate.com", "A"), State()).addresses == ("192.0.2.25",)
    assert "  # was:     @ IN MX 10 old\n" in found.text
    assert [change.path for change in found.changes] == ["dns.corporate.com"]


def test_a_zone_as_windows_exports_it(tmp_path: Path) -> None:
    """Dnscmd /ZoneExport writes [AGE:...] before the TTL, and WINS records, which no other server knows."""
    zone = (
        "@ IN SOA dc1.corporate.com. hostmaster.corporate.com. (\n  2041 900 600 86400 3600 )\n@ NS dc1.corporate.com.\n"
        "@ 0 WINS L1 C900 ( 10.0.0.1 )\n@ MX 10 mail.corporate.com.\nmail [AGE:3638] 1200 A 10.0.0.5\n"
    )
    found = imported(tmp_path, {"corporate.com.dns": zone}, "dns")

    assert "mail 1200 IN A 10.0.0.5" in " ".join(found.text.split())
    assert len(told(found, "WINS")) == 1


def test_included_files_are_read_in_their_place(tmp_path: Path) -> None:
    """RFC 1035, 5.1: with the origin that is named, else the one there, which holds again afterwards; a missing one is told."""
    zone = (
        "$ORIGIN corporate.com.\n$TTL 1h\n@ IN SOA ns h 1 2 3 4 5\n@ IN MX 10 mx\n$INCLUDE hosts.inc\n"
        "$INCLUDE hosts.inc sub\nlast IN A 192.0.2.9\n$INCLUDE /etc/bind/other.inc\n"
    )
    found = imported(tmp_path, {"corporate.com.zone": zone, "hosts.inc": "mx IN A 192.0.2.1\n"}, "dns")
    text = " ".join(found.text.split())

    for line in (
        "mx 3600 IN A 192.0.2.1 ; hosts.inc:1",
        "mx.sub 3600 IN A 192.0.2.1 ; hosts.inc:1",
        "last 3600 IN A 192.0.2.9",
    ):
        assert line in text
    assert [one.value for one in found.unused if one.what == "$INCLUDE"] == ["/etc/bind/other.inc"]
    assert text.count("192.0.2.1 ") == 2


def test_files_that_include_each_other_have_an_end(tmp_path: Path) -> None:
    """An error with its line, not a hang."""
    with pytest.raises(InputError, match="more than 10 files that include each other"):
        imported(tmp_path, {"corporate.com.zone": "@ IN MX 10 mx\n$INCLUDE corporate.com.zone\n"}, "dns")


def test_a_parenthesis_may_stand_alone_on_its_line(tmp_path: Path) -> None:
    """It opens all the same; one that does not close is told."""
    found = imported(tmp_path, {"corporate.com.zone": "@ IN MX (\n10\nmx )\nmx IN A 192.0.2.1\n"}, "dns")
    assert "MX 10 mx.corporate.com." in found.text
    with pytest.raises(InputError, match="a parenthesis that does not close"):
        imported(tmp_path, {"corporate.com.zone": "(\n@ IN MX 10 mx\n"}, "dns")
