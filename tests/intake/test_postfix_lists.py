"""Postfix's lists of restrictions, options of master.cf and lines of tables that do not do what they seem to: each is told.

Which lists of restrictions start an smtpd, and what it then answers, was observed on Postfix 3.7.11, one configuration each.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.errors import InputError
from coexsim.intake.configs.importing import import_setup
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.scenario.load import load_scenario
from coexsim.scenario.servers.postfix import PostfixServer
from tests.intake.given import imported, scenario_of, told

BASE = "myhostname = mx.corp.example\nvirtual_mailbox_domains = corp.example\ncompatibility_level = 3.6\n"
SAFE = "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination\n"


def postfix(folder: Path, main: str, **files: str) -> PostfixServer:
    """The server that a main.cf makes."""
    texts: dict[str, str | bytes] = {"main.cf": BASE + main, **files}
    found = scenario_of(folder, texts, "postfix").servers["onprem"]
    assert isinstance(found, PostfixServer)
    return found


@pytest.mark.parametrize(
    "lists",
    [
        "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions =\n",
        "smtpd_relay_restrictions = permit\n",
        "smtpd_relay_restrictions = permit_mynetworks, reject_unverified_recipient\n",
        "smtpd_relay_restrictions = permit, reject_unauth_destination\n",
        "smtpd_relay_restrictions = warn_if_reject reject_unauth_destination\n",
        "compatibility_level = 0\n",
    ],
)
def test_lists_with_which_smtpd_does_not_start_make_no_open_relay(tmp_path: Path, lists: str) -> None:
    """Observed: "fatal: in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify at least one working instance"."""
    meanings = told(imported(tmp_path, {"main.cf": BASE + lists}, "postfix"), "smtpd_relay_restrictions")

    assert sum(meaning.startswith("Postfix's smtpd does not start so") for meaning in meanings) == 1
    assert postfix(tmp_path, lists).relay_for == ()


@pytest.mark.parametrize(
    "lists",
    [
        "",
        "smtpd_relay_restrictions =\n" + SAFE,
        "smtpd_restriction_classes = ours\nours = reject_unauth_destination\nsmtpd_relay_restrictions = permit_mynetworks, ours\n",
        "smtpd_relay_restrictions = reject_unauth_destination, permit\n",
    ],
)
def test_lists_with_which_it_starts_are_not_told(tmp_path: Path, lists: str) -> None:
    """Observed: without any list it is 454 4.7.1 Relay access denied by default; a class is looked into."""
    assert not told(imported(tmp_path, {"main.cf": BASE + lists}, "postfix"), "smtpd_relay_restrictions")


def test_a_list_that_ends_with_reject_refuses_mail_for_its_own_domains_too(tmp_path: Path) -> None:
    """Observed: 554 5.7.1 Recipient address rejected: Access denied, for an own domain, with permit_mynetworks, reject."""
    closed = imported(
        tmp_path, {"main.cf": BASE + "smtpd_recipient_restrictions = permit_mynetworks, reject\n"}, "postfix"
    )
    open_ = imported(
        tmp_path, {"main.cf": BASE + "smtpd_recipient_restrictions = permit_auth_destination, reject\n"}, "postfix"
    )

    [meaning] = told(closed, "smtpd_recipient_restrictions")
    assert "its own domains too" in meaning.replace("the server's own", "its own")
    assert told(open_, "smtpd_recipient_restrictions") == []


def test_what_master_cf_overrides_is_told(tmp_path: Path) -> None:
    """``-o recipient_delimiter=`` for the smtpd that takes mail: that stands, and main.cf's value is named with its line."""
    master = "smtp inet n - y - - smtpd -o recipient_delimiter= -o smtpd_relay_restrictions=permit\n"
    text = BASE + SAFE + "recipient_delimiter = +\nsmtpd_relay_restrictions = reject_unauth_destination\n"
    found = imported(tmp_path, {"main.cf": text, "master.cf": master}, "postfix")

    assert told(found, "recipient_delimiter") == [
        "master.cf:1 sets it to '' for the service that takes mail; here that holds for all"
    ]
    assert told(found, "smtpd_relay_restrictions") == [
        "master.cf:1 sets it to 'permit' for the service that takes mail; here that holds for all"
    ]
    assert [str(one.where) for one in found.unused if one.what == "recipient_delimiter"] == ["main.cf:5"]


def test_fallback_relay_is_the_old_name_of_smtp_fallback_relay(tmp_path: Path) -> None:
    """Postfix's default of smtp_fallback_relay is ``$fallback_relay`` (postconf -d)."""
    assert postfix(tmp_path, "fallback_relay = [last.example]\n").smtp_fallback_relay == ("[last.example]",)
    both = postfix(tmp_path, "fallback_relay = [last.example]\nsmtp_fallback_relay = [new.example]\n")
    assert both.smtp_fallback_relay == ("[new.example]",)


def test_a_line_without_a_value_is_left_out_as_postmap_does(tmp_path: Path) -> None:
    """postmap: "expected format: key whitespace value", and the line is not in the table."""
    tables = "virtual_alias_maps = hash:/etc/postfix/virtual\nvirtual_mailbox_maps = hash:/etc/postfix/boxes\n"
    files: dict[str, str | bytes] = {
        "main.cf": BASE + tables, "virtual": "info@corp.example\nsales@corp.example anna@corp.example\n",
        "boxes": "anna@corp.example anna/\nbert@corp.example\n",
    }  # fmt: skip
    found = imported(tmp_path, files, "postfix")

    assert {one.value for one in found.unused if "without a value" in one.meaning} == {
        "bert@corp.example",
        "info@corp.example",
    }
    assert list(scenario_of(tmp_path, files, "postfix").directory.people) == ["anna"]


def test_a_single_address_in_mynetworks_may_be_a_server_to_come(tmp_path: Path) -> None:
    """A host that no server of the scenario has: import this server once more after it. A network of PCs has no such remark."""
    host = imported(tmp_path, {"main.cf": BASE + "mynetworks = 192.0.2.7, 198.51.100.0/24\n"}, "postfix")
    [left] = [one for one in host.unused if one.what == "mynetworks"]
    net = imported(tmp_path, {"main.cf": BASE + "mynetworks = 198.51.100.0/24\n"}, "postfix")
    [of_net] = [one for one in net.unused if one.what == "mynetworks"]

    assert "Is 192.0.2.7 a server that is still to come" in left.meaning
    assert left.matters
    assert not of_net.matters


RELAY = (
    "myhostname = mx.corp.example\nrelay_domains = corp.example\nrelay_recipient_maps = hash:/etc/postfix/relay\n"
    "transport_maps = hash:/etc/postfix/transport\ncompatibility_level = 3.6\n"
)
LIST = "mail,RecipientTypeDetails\nanna@corp.example,UserMailbox\nzoe@corp.example,UserMailbox\n"


def test_people_whom_relay_recipient_maps_does_not_name_are_refused_there(tmp_path: Path) -> None:
    """The server refuses them at RCPT (postconf(5), relay_recipient_maps): set where its table is read last, told where the list is."""
    files: dict[str, str | bytes] = {
        "main.cf": RELAY, "relay": "anna@corp.example x\n", "transport": "corp.example smtp:[in.cloud.example]\n",
    }  # fmt: skip
    first = tmp_path / "first.yaml"
    first.write_text(imported(tmp_path, files, "postfix").text, encoding="utf-8")
    users = tmp_path / "users.csv"
    users.write_text(LIST, encoding="utf-8")
    after = import_setup(users, kind="directory", into=first, server="box")
    second = tmp_path / "second.yaml"
    second.write_text(import_setup(users, kind="directory", server="box").text, encoding="utf-8")
    load_scenario(second)
    before = import_setup([tmp_path / "given" / name for name in files], kind="postfix", into=second)

    [one] = [each for each in after.unused if "relay_recipient_maps" in each.meaning]
    assert one.value == "zoe@corp.example"
    assert [(key.path[2], key.value) for key in before.keys if key.path[-1] == "known_at"] == [("zoe", ["box"])]
    second.write_text(before.text, encoding="utf-8")
    route = trace(
        Setup(load_scenario(second)), "ann@elsewhere.example", "zoe@corp.example", server="onprem", client="outside"
    )
    assert route.recipients[0].outcome == "refused_to_client"


@pytest.mark.parametrize("line", ["$INCLUDE other.zone", "$GENERATE 1-9 host$ A 192.0.2.$"])
def test_a_zone_of_directives_only_names_them(tmp_path: Path, line: str) -> None:
    """Not "no record says where mail goes" alone: the directive is named with its line."""
    with pytest.raises(InputError, match=rf":1.*there are no records but those of \{line.split()[0]}"):
        imported(tmp_path, {"corp.example.zone": line + "\n"}, "dns")


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        ("", "off"),
        ("smtpd_sender_restrictions = permit_mynetworks, reject_unlisted_sender\n", "outside"),
        ("smtpd_reject_unlisted_sender = yes\n", "everyone"),
    ],
)
def test_senders_that_are_not_listed_are_refused_where_it_says_so(tmp_path: Path, lines: str, refused: str) -> None:
    """postconf(5): the restriction in a list, or smtpd_reject_unlisted_sender for all."""
    assert postfix(tmp_path, SAFE + lines).reject_unlisted_sender == refused


def test_probes_of_senders_and_recipients_are_keys(tmp_path: Path) -> None:
    """Postconf(5): reject_unverified_sender, reject_unverified_recipient and the codes of addresses that bounce."""
    main = (
        "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination,\n"
        "  reject_unverified_sender, reject_unverified_recipient\n"
        "unverified_sender_reject_code = 550\nunverified_recipient_reject_code = 554\n"
    )
    server = postfix(tmp_path, main)

    assert (server.reject_unverified_sender, server.unverified_sender_reject_code) == (True, 550)
    assert (server.reject_unverified_recipient, server.unverified_recipient_reject_code) == (True, 550)
    assert not told(imported(tmp_path, {"main.cf": BASE + main}, "postfix"), "smtpd_recipient_restrictions")


def test_access_tables_are_read_with_whose_mail_they_are_asked_about(tmp_path: Path) -> None:
    """Access(5): actions are keys, before permit_mynetworks of everyone's mail; a restriction class in a table is told."""
    main = (
        "smtpd_sender_restrictions = check_sender_access hash:/etc/postfix/senders\n"
        "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, check_recipient_access hash:/etc/postfix/recipients\n"
    )
    files = {
        "senders": "shop.org REJECT\n<> DUNNO\nodd.org insiders_only\n",
        "recipients": "boss@corp.example  REDIRECT  audit@corp.example\nmoved@corp.example HOLD\nno@corp.example DISCARD\n",
    }
    server = postfix(tmp_path, main, **files)

    assert server.check_sender_access == {"shop.org": "REJECT", "<>": "DUNNO"}
    assert server.check_recipient_access == {
        "boss@corp.example": "REDIRECT audit@corp.example", "moved@corp.example": "HOLD", "no@corp.example": "DISCARD",
    }  # fmt: skip
    assert (server.check_sender_access_of, server.check_recipient_access_of) == ("everyone", "outside")
    found = imported(tmp_path, {"main.cf": BASE + main, **files}, "postfix")
    assert told(found, "odd.org") == ["no action that is known here: nothing is done with this mail"]
    assert not told(found, "smtpd_sender_restrictions")
