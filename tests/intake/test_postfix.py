"""Postfix's files: their grammar, and what of them becomes a key of the scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.errors import InputError
from coexsim.intake.configs.found import Found, Where
from coexsim.intake.configs.postfix_files import Main, read_master, read_table, split_words
from coexsim.intake.configs.reading import File
from coexsim.intake.configs.sayable import leave_unsayable
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.scenario.servers import PostfixServer
from tests.intake.given import imported, scenario_of, told

MAIN = "myhostname = mail.corporate.com\nvirtual_mailbox_domains = corporate.com\n"


def written(folder: Path, text: str) -> File:
    path = folder / "main.cf"
    path.write_text(text, encoding="utf-8")
    return File(path, "main.cf")


def main(folder: Path, text: str) -> Main:
    read = Main()
    read.read(written(folder, text))
    return read


def server(folder: Path, more: str = "", **files: str) -> PostfixServer:
    """The imported server with `more` in its main.cf, and these tables."""
    scenario = scenario_of(folder, {"main.cf": MAIN + more, **files}, "postfix")
    found = scenario.servers["onprem"]
    assert isinstance(found, PostfixServer)
    return found


def test_lines_are_continued_over_comments_and_empty_lines(tmp_path: Path) -> None:
    """postconf(5): white space at the begin of a line continues the one before, whatever stands between them."""
    read = main(tmp_path, "mynetworks = 10.0.0.0/8,\n# a comment\n\n    192.0.2.0/24\nrelayhost=[a.example]\n")

    assert read.words("mynetworks") == ["10.0.0.0/8", "192.0.2.0/24"]
    assert read.where("relayhost") == ("main.cf", 5)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("$mydomain", "corporate.com"),
        ("${myhostname}/$(x)", "mail.corporate.com/yes"),
        ("$$x", "$x"),
        ("${x?given}${nothing?given}", "given"),
        ("${nothing:default}", "default"),
        ("${x?{one}:{other}}", "one"),
        ("${nothing?{one}:{other}}", "other"),
        ("${{$x} == {yes} ? {same} : {unlike}}", "same"),
        ("${{$compatibility_level} <level {3.6} ? {old} : {new}}", "old"),
        ("${{10} > {9} ? {numbers} : {texts}}", "numbers"),
    ],
)
def test_names_of_parameters_are_replaced_by_their_values(tmp_path: Path, value: str, result: str) -> None:
    """All forms of postconf(5); mydomain is myhostname without its first part."""
    read = main(tmp_path, f"myhostname = mail.corporate.com\nx = yes\nasked = {value}\n")

    assert read.text("asked") == result


@pytest.mark.parametrize(
    "text",
    ["a = $b\nb = $a\n", "a = ${a}x\n", "".join(f"v{n} = $v{n + 1}$v{n + 1}\n" for n in range(60)) + "a = $v0\n"],
)
def test_a_parameter_made_of_itself_has_an_end(tmp_path: Path, text: str) -> None:
    """In a circle, or by doubling: told, with the line."""
    with pytest.raises(InputError, match=r"main\.cf:\d+: a (parameter|value) that"):
        main(tmp_path, text).text("a")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("mynetworks\n", 1),
        ("a = b\n= c\n", 2),
        ("  begins with a blank\n", 1),
        ("two words = x\n", 1),
        ("a = ${b\n", 1),
    ],
)
def test_what_is_no_setting_is_told_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    """Half a line, no name, a line that continues nothing, a brace that does not close."""
    with pytest.raises(InputError, match=rf"main\.cf:{line}: "):
        main(tmp_path, text).text("a")


def test_words_in_braces_stay_together() -> None:
    """As in inline:{...} and -o { name = value }."""
    assert split_words("a, b\tinline:{ {x=y z}, u=v } c") == ["a", "b", "inline:{ {x=y z}, u=v }", "c"]
    assert split_words("{a {b c") == ["{a", "{b", "c"]


def test_services_have_limits_and_options(tmp_path: Path) -> None:
    """master(5): maxproc is the seventh column; options follow on lines that begin with white space."""
    path = tmp_path / "master.cf"
    path.write_text(
        "smtp inet n - n - 40 smtpd\n  -o smtpd_recipient_limit=50\n  -o { x = y z }\nqmgr unix n - n 300 1 qmgr\n",
        encoding="utf-8",
    )
    first, second = read_master(File(path, "master.cf"))

    assert (first.maxproc, first.command, first.options) == (40, "smtpd", {"smtpd_recipient_limit": "50", "x": "y z"})
    assert (second.name, second.maxproc) == ("qmgr", 1)
    path.write_text("smtp inet n - n\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"master\.cf:1: expected 8 columns"):
        read_master(File(path, "master.cf"))


def test_keys_of_tables_may_be_quoted(tmp_path: Path) -> None:
    """postmap(1)."""
    path = tmp_path / "virtual"
    path.write_text('"john smith"@corporate.com  john\nann@corporate.com\tann, ben\n', encoding="utf-8")

    entries = list(read_table(File(path, "virtual")))
    assert [(one.key, one.value) for one in entries] == [
        ('"john smith"@corporate.com', "john"),
        ("ann@corporate.com", "ann, ben"),
    ]


def test_settings_become_keys(tmp_path: Path) -> None:
    """Sizes in bytes, times with their unit (delay_warning_time counts hours), numbers, switches."""
    found = server(
        tmp_path,
        "message_size_limit = 20480000\nminimal_backoff_time = 2m\ndelay_warning_time = 4\nmaximal_queue_lifetime = 2d\n"
        "hopcount_limit = 20\nsmtpd_reject_unlisted_recipient = no\nrelayhost = [out.example]:587\nsmtp_tls_security_level = may\n"
        "smtpd_recipient_restrictions = permit_mynetworks, reject_unknown_sender_domain, reject_unauth_destination\n",
    )

    assert (found.message_size_limit, found.minimal_backoff_time, found.delay_warning_time) == (
        20_480_000,
        120,
        4 * 3600,
    )
    assert (found.maximal_queue_lifetime, found.hopcount_limit, found.reject_unlisted_recipient) == (172_800, 20, False)
    assert (found.relayhost, found.smtp.tls, found.reject_unknown_sender_domain) == ("[out.example]:587", True, True)
    assert found.relay_for == ()


def test_rates_extensions_and_deferred_relaying_become_keys(tmp_path: Path) -> None:
    """As postconf(5) has them; reject_unauth_destination in the same list says no at once."""
    found = server(
        tmp_path,
        "recipient_delimiter = +-\nsmtpd_client_message_rate_limit = 30\nsmtpd_client_recipient_rate_limit = 90\n"
        "smtp_fallback_relay = [last.example], spare.example\nanvil_rate_time_unit = 2m\n"
        "address_verify_negative_refresh_time = 1\naddress_verify_negative_cache = no\n"
        "smtpd_client_connection_rate_limit = 20\ninitial_destination_concurrency = 2\n"
        "smtpd_relay_restrictions = permit_mynetworks, defer_unauth_destination\n",
    )
    rejects = server(tmp_path, "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n")

    assert (found.recipient_delimiter, found.defer_unauth_destination, found.initial_destination_concurrency) == (
        "+-",
        True,
        2,
    )
    assert (found.smtpd_client_message_rate_limit, found.smtpd_client_recipient_rate_limit) == (30, 90)
    assert (found.smtpd_client_connection_rate_limit, found.anvil_rate_time_unit) == (20, 120)
    assert (found.address_verify_negative_refresh_time, found.address_verify_negative_cache) == (3600, False)
    assert found.smtp_fallback_relay == ("[last.example]", "spare.example")
    assert not rejects.defer_unauth_destination


def test_limits_of_processes_come_from_master(tmp_path: Path) -> None:
    """Maxproc of smtpd, smtp and virtual; default_process_limit where it is '-'; concurrency for one destination."""
    master = "smtp inet n - n - 40 smtpd\nsmtp unix - - n - - smtp\nvirtual unix - n n - 8 virtual\nslow unix - - n - 2 smtp\n"
    found = server(
        tmp_path, "default_process_limit = 60\nsmtp_destination_concurrency_limit = 5\n", **{"master.cf": master}
    )

    capacity = found.capacity
    assert (capacity.smtp_connections, capacity.transfer_threads, capacity.delivery_threads) == (40, 60, 8)
    assert capacity.transfer_threads_per_destination == 5


def test_concurrency_is_read_without_a_master_cf(tmp_path: Path) -> None:
    """main.cf alone says it, as `postconf -n` does."""
    capacity = server(tmp_path, "default_destination_concurrency_limit = 10\n").capacity

    assert capacity.transfer_threads_per_destination == 10


def test_options_of_the_service_that_takes_mail_stand_above_main(tmp_path: Path) -> None:
    """Of the others they are told: here what main.cf says holds for all."""
    files = {
        "main.cf": MAIN + "smtpd_recipient_limit = 100\n",
        "master.cf": "smtp inet n - n - - smtpd\n -o smtpd_recipient_limit=7\nsubmission inet n - n - - smtpd -o smtpd_recipient_limit=9\n",
    }
    scenario = scenario_of(tmp_path, files, "postfix")  # type: ignore[arg-type]

    assert scenario.servers["onprem"].smtpd_recipient_limit == 7  # type: ignore[union-attr]
    assert told(imported(tmp_path, files, "postfix"), "submission: -o smtpd_recipient_limit")  # type: ignore[arg-type]


def test_people_and_aliases_come_from_the_tables(tmp_path: Path) -> None:
    """Mailboxes here, people who are listed and sent on, aliases; names without a domain get myorigin."""
    scenario = scenario_of(
        tmp_path,
        {
            "main.cf": MAIN + "myorigin = corporate.com\nvirtual_mailbox_maps = hash:/etc/postfix/box\n"
            "virtual_alias_maps = hash:/etc/postfix/virtual\ntransport_maps = hash:/etc/postfix/transport\n",
            "box": "ann@corporate.com x\nben@corporate.com y\n",
            "virtual": "ida@corporate.com ida@corporate.com\ninfo ann, ben@corporate.com\n",
            "transport": "ida@corporate.com smtp:[cloud.example]\nben@corporate.com smtp:[cloud.example]\n",
        },
        "postfix",
    )
    people = scenario.directory.people
    found = scenario.servers["onprem"]

    assert {name: person.mail_file for name, person in people.items()} == {"ann": "onprem", "ben": None, "ida": None}
    assert found.virtual_alias_maps == {"info@corporate.com": ("ann@corporate.com", "ben@corporate.com")}  # type: ignore[union-attr]


def test_a_relayed_domain_goes_where_its_transport_says(tmp_path: Path) -> None:
    """relay_transport with a next hop, and relay_recipient_maps, which lists who there is."""
    found = server(
        tmp_path,
        "relay_domains = branch.example\nrelay_transport = relay:[10.0.0.1]\nrelay_recipient_maps = inline:{ ann@branch.example=OK }\n",
    )

    assert found.relay_domains == ("branch.example",)
    assert found.relay_recipient_check
    assert found.relay_transport == "relay:[10.0.0.1]"


def test_a_relay_domain_taken_whole_is_not_checked(tmp_path: Path) -> None:
    """postconf(5), relay_recipient_maps: "@domain" matches every address there; of two domains one is listed, one taken whole."""
    base = "relay_domains = branch.example{}\nrelay_recipient_maps = inline:{{ @branch.example=OK{} }}\n"
    whole = imported(tmp_path, {"main.cf": MAIN + base.format("", "")}, "postfix")
    mixed = imported(tmp_path, {"main.cf": MAIN + base.format(", b.example", ", ann@b.example=OK")}, "postfix")

    assert "relay_recipient_check" not in whole.text
    assert told(whole, "relay_recipient_maps") == []
    assert "relay_recipient_check: enabled" in mixed.text
    assert "relay_recipient_domains: [branch.example]" in mixed.text
    assert told(mixed, "relay_recipient_maps") == []


def test_threads_are_those_of_the_agent_that_delivers(tmp_path: Path) -> None:
    """virtual_transport names the service of master.cf."""
    master = "smtp inet n - n - 40 smtpd\nvirtual unix - n n - 8 virtual\ndovecot unix - n n - 3 pipe\nlmtp unix - - n - 5 lmtp\n"
    for transport, threads in (("virtual", 8), ("dovecot", 3), ("lmtp:unix:private/lmtp", 5)):
        found = server(tmp_path, f"virtual_transport = {transport}\n", **{"master.cf": master})
        assert found.capacity.delivery_threads == threads


def test_nothing_is_dropped_in_silence(tmp_path: Path) -> None:
    """What is not modelled is in the list with its value; what changes answers also at the end of the scenario."""
    found = imported(
        tmp_path,
        {
            "main.cf": MAIN
            + "content_filter = smtp:[127.0.0.1]:10024\nmy_own = x\nqueue_directory = /q\nlater_version = 3\n"
            "virtual_alias_maps = ldap:/etc/x, hash:/etc/postfix/gone, regexp:/etc/y\nother = $my_own\n",
            "stray": "a b\n",
        },
        "postfix",
    )
    assert told(found, "content_filter") == ["all mail goes through this filter; its time belongs in service.scan"]
    assert told(found, "later_version") == ["not known to coexsim; the answers are those without it"]
    assert len(told(found, "virtual_alias_maps")) == 3
    assert told(found, "my_own") == ["not known to coexsim; the answers are those without it"]
    assert told(found, "queue_directory") == ["no part in where mail goes or what it costs"]
    assert "content_filter = smtp:[127.0.0.1]:10024" in found.text
    assert "queue_directory" not in found.text
    assert told(found, "file") == ["no parameter of main.cf names this table"]
    other = tmp_path / "other"
    other.mkdir()
    patterns: dict[str, str | bytes] = {
        "main.cf": MAIN + "virtual_alias_maps = regexp:/etc/postfix/patterns\n",
        "patterns": "/^x/ y@z.example\n",
    }
    assert told(imported(other, patterns, "postfix"), "file") == []


def test_files_without_a_main_are_refused(tmp_path: Path) -> None:
    """Tables alone say nothing; two main.cf are two servers."""
    with pytest.raises(InputError, match=r"none of these files is a main\.cf"):
        imported(tmp_path, {"virtual": "a b\n"}, "postfix")
    with pytest.raises(InputError, match=r"a second main\.cf"):
        imported(tmp_path, {"main.cf": MAIN, "other.cf": MAIN}, "postfix")


def test_the_imported_scenario_is_one_that_can_be_traced(tmp_path: Path) -> None:
    """From one main.cf and one table alone: who has a mailbox is reached, who has none is refused."""
    setup = Setup(
        scenario_of(
            tmp_path,
            {
                "main.cf": MAIN + "virtual_mailbox_maps = hash:/x/box\n",
                "box": "ann@corporate.com x\nben@corporate.com y\n",
            },
            "postfix",
        )
    )

    assert trace(setup, "ann", "ben").outcome == "delivered"
    assert trace(setup, "ann", "gone@corporate.com").outcome == "refused_to_client"


def test_what_scenarios_have_no_key_for_is_told(tmp_path: Path) -> None:
    """A key that this kind of server has not is not written, whatever a reader thinks of it."""
    found = Found()
    found.put(("servers", "a", "kind"), "postfix", Where("main.cf", 1))
    found.put(("servers", "a", "hopcount_limit"), 5, Where("main.cf", 2))
    found.put(("servers", "a", "no_such_key"), ["x"], Where("main.cf", 3))
    leave_unsayable(found, {})

    assert [key.path[2] for key in found.keys] == ["kind", "hopcount_limit"]
    assert [(one.what, one.value, one.where.line) for one in found.unused] == [("no_such_key", "[x]", 3)]


def test_a_whole_folder_of_etc_postfix_can_be_given(tmp_path: Path) -> None:
    """Debian's and Red Hat's /etc/postfix also hold copies of main.cf, databases of postmap, and settings of LDAP lookups."""
    files: dict[str, str | bytes] = {
        "main.cf": MAIN
        + "virtual_mailbox_maps = hash:/etc/postfix/vmailbox\nvirtual_alias_maps = ldap:/etc/postfix/ldap.cf\n",
        "main.cf.proto": "myhostname = other.example\n",
        "master.cf": "smtp inet n - y - 7 smtpd\n",
        "master.cf.proto": "smtp inet n - y - 900 smtpd\n",
        "main.cf~": "relayhost = [old.example]\n",
        "vmailbox": "ann@corporate.com ann/\n",
        "vmailbox.db": b"\0\x15\x61\0" * 900,
        "key.der": bytes(range(256)),
        "ldap.cf": "server_host = ldap.corporate.com\nsearch_base = dc=corporate\nversion = 3\n",
    }
    found = imported(tmp_path, files, "postfix")
    scenario = scenario_of(tmp_path, files, "postfix")

    assert scenario.servers["onprem"].host == "mail.corporate.com"
    assert scenario.servers["onprem"].capacity.smtp_connections == 7
    assert list(scenario.directory.people) == ["ann"]
    copies = sorted(one.value for one in found.unused if one.what == "file" and "without this ending" in one.meaning)
    assert copies == ["main.cf.proto", "main.cf~", "master.cf.proto"]
    assert told(found, "virtual_alias_maps") == ["looked up in another program; export it and import it as directory"]


def test_tables_in_folders_below_are_found(tmp_path: Path) -> None:
    """``hash:/etc/postfix/maps/virtual`` is maps/virtual beside the main.cf that was given; one that lies elsewhere is told."""
    (tmp_path / "given/maps").mkdir(parents=True)
    (tmp_path / "given/maps/virtual").write_text("info@corporate.com ann@corporate.com\n", encoding="utf-8")
    more = "virtual_alias_maps = hash:/etc/postfix/maps/virtual hash:/etc/postfix/../secret\n"
    found = imported(tmp_path, {"main.cf": MAIN + more}, "postfix")

    assert "info@corporate.com: [ann@corporate.com]  # maps/virtual:1" in found.text
    assert len(told(found, "virtual_alias_maps")) == 1


def test_an_address_that_a_program_serves_ends_here(tmp_path: Path) -> None:
    """A mailing list in transport_maps: transport(5) hands its mail to the program, whoever lists the address; it is no mailbox elsewhere.

    In a relay domain whose recipients are not listed every address is taken (postconf(5), relay_recipient_maps); in a domain with
    mailboxes only listed ones are (reject_unlisted_recipient).
    """
    more = (
        "virtual_mailbox_domains = corporate.com\nvirtual_mailbox_maps = hash:/etc/postfix/vmailbox\n"
        "virtual_alias_maps = hash:/etc/postfix/virtual\nrelay_domains = lists.corporate.com\n"
        "transport_maps = hash:/etc/postfix/transport\n"
    )
    files: dict[str, str | bytes] = {
        "main.cf": MAIN + more, "vmailbox": "ann@corporate.com ann/\n", "virtual": "sales@corporate.com sales@corporate.com\n",
        "transport": "sales@corporate.com mailman:\nold@corporate.com mailman:\nnews@lists.corporate.com lmtp:[127.0.0.1]:8024\n",
        "master.cf": "smtp inet n - y - - smtpd\nmailman unix - n n - - pipe\n  flags=FR user=list argv=/usr/lib/mailman/mail ${user}\n",
    }  # fmt: skip
    scenario = scenario_of(tmp_path, files, "postfix")
    ends = {
        to: trace(scenario, "ann", to).recipients[0].outcome
        for to in ("sales@corporate.com", "old@corporate.com", "news@lists.corporate.com", "other@lists.corporate.com")
    }

    assert ends["sales@corporate.com"] == ends["news@lists.corporate.com"] == "delivered"
    assert ends["old@corporate.com"] != "delivered"


def test_a_transport_without_anything_exempts_from_wider_ones(tmp_path: Path) -> None:
    """transport(5): ``my.domain :`` before ``* smtp:outbound-relay`` leaves my.domain as it is; without a wider one it says nothing."""
    table = "corporate.com :\n.corporate.com :\n* smtp:[outbound.example]\n"
    more = "transport_maps = hash:/etc/postfix/transport\nrelayhost = [isp.example]\n"

    assert server(tmp_path, more, transport=table).transport == {
        "*": "smtp:[outbound.example]", "corporate.com": "virtual:", ".corporate.com": "smtp:[isp.example]",
    }  # fmt: skip
    assert server(tmp_path, more, transport="corporate.com :\n").transport == {}


def test_the_origin_may_be_the_name_of_a_file(tmp_path: Path) -> None:
    """Debian: myorigin = /etc/mailname. Its first line where it is given, else the mail domain; and bare names hold in mydestination."""
    more = "myorigin = /etc/mailname\nmydestination = other.example\nvirtual_alias_maps = hash:/etc/postfix/virtual\n"
    table = "info ann, bob@corporate.com\n"
    wanted = dict.fromkeys(("info@corporate.com", "info@other.example"), ("ann@corporate.com", "bob@corporate.com"))
    missing = imported(tmp_path, {"main.cf": MAIN + more, "virtual": table}, "postfix")

    assert server(tmp_path, more, virtual=table).virtual_alias_maps == wanted
    assert told(missing, "myorigin") == [
        "this file was not given, so what stands in it is not known; give the file too"
    ]
    found = server(tmp_path, more, virtual=table, mailname="post.example\n").virtual_alias_maps
    assert found["info@post.example"] == ("ann@post.example", "bob@corporate.com")


def test_networks_may_stand_in_a_file(tmp_path: Path) -> None:
    """``mynetworks = /file`` and ``cidr:/file``: each line is a network, as if it stood in main.cf."""
    for word in ("/etc/postfix/nets", "cidr:/etc/postfix/nets"):
        assert server(tmp_path, f"mynetworks = 127.0.0.0/8 {word}\n", nets="0.0.0.0/0 OK\n").mynetworks == ("anyone",)


def test_the_own_domain_is_mydomain_where_mail_is_taken_for_it(tmp_path: Path) -> None:
    """Not the first of the alias domains; what stands in relay_domains by default only (compatibility level 0) is not told."""
    more = "mydomain = corporate.com\nmydestination = corporate.com\nvirtual_alias_domains = alias.example\n"
    found = imported(tmp_path, {"main.cf": "myhostname = mail.corporate.com\n" + more}, "postfix")

    assert "\ndomain: corporate.com\n" in found.text
    assert told(found, "relay_domains") == []


def test_domains_in_a_database_are_not_none(tmp_path: Path) -> None:
    """virtual_mailbox_domains in SQL: the server has the domain that was asked about, not none."""
    main = {
        "main.cf": "myhostname = mail.corporate.com\nvirtual_mailbox_domains = mysql:/etc/postfix/sql.cf\nmydestination = list.example\n"
    }
    found = scenario_of(tmp_path, main, "postfix", domain="corporate.com").servers["onprem"]  # type: ignore[arg-type]
    assert isinstance(found, PostfixServer)
    assert (found.mydestination, found.virtual_mailbox_domains) == (("list.example",), ("corporate.com",))

    alone = {
        "main.cf": "myhostname = mail.corporate.com\nvirtual_mailbox_domains = mysql:/etc/postfix/sql.cf\nmydestination =\n"
    }
    found = scenario_of(tmp_path, alone, "postfix", domain="corporate.com").servers["onprem"]  # type: ignore[arg-type]
    assert isinstance(found, PostfixServer)
    assert found.virtual_mailbox_domains is None


def test_restrictions_of_clients_are_told(tmp_path: Path) -> None:
    """Whom it refuses for its name or its address sends mail here all the same: told; what only asks for a form of names is not."""
    more = "smtpd_client_restrictions = permit_mynetworks, reject_unknown_client_hostname\n"
    more += "smtpd_helo_restrictions = reject_invalid_helo_hostname\n"
    found = imported(tmp_path, {"main.cf": MAIN + more}, "postfix")

    assert told(found, "smtpd_client_restrictions") == ["mail that it refuses is taken here"]
    assert told(found, "smtpd_helo_restrictions") == []


def test_each_list_of_domains_stays_a_list_of_its_own(tmp_path: Path) -> None:
    """trivial-rewrite(8): local before virtual alias before virtual mailbox before relay; a domain in two is of the first, and told."""
    files: dict[str, str | bytes] = {
        "main.cf": "compatibility_level = 3.6\nmyhostname = gw.corporate.com\nmydestination = $myhostname, localhost, both.example\n"
        "virtual_alias_domains = alias.example\nvirtual_mailbox_domains = corporate.com, both.example\n"
        "relay_domains = branch.example, alias.example\n"
    }
    found = scenario_of(tmp_path, files, "postfix").servers["onprem"]
    left = imported(tmp_path, files, "postfix")

    assert isinstance(found, PostfixServer)
    assert found.mydestination == ("gw.corporate.com", "both.example")
    assert found.virtual_alias_domains == ("alias.example",)
    assert found.virtual_mailbox_domains == ("corporate.com",)
    assert found.relay_domains == ("branch.example",)
    assert told(left, "virtual_mailbox_domains") == [
        "stands in mydestination too, which goes first; take it out of one of the two"
    ]
    assert told(left, "relay_domains") == [
        "stands in virtual_alias_domains too, which goes first; take it out of one of the two"
    ]
    assert told(left, "mydestination") == ["no domain that mail comes to from elsewhere"]


def test_transports_of_classes_and_of_senders_become_keys(tmp_path: Path) -> None:
    """postconf(5): default_transport's host goes before relayhost, which stays for what has no such host."""
    found = server(
        tmp_path,
        "virtual_transport = smtp:[store.example]\ndefault_transport = smtp:[out.example]\nrelayhost = [last.example]\n"
        "sender_dependent_default_transport_maps = inline:{ @a.example=smtp:[a-out.example] }\n"
        "mydestination = local.example\nlocal_transport = smtp:[unix.example]\n",
    )

    assert (found.virtual_transport, found.default_transport, found.relayhost) == (
        "smtp:[store.example]",
        "smtp:[out.example]",
        "[last.example]",
    )
    assert found.sender_dependent_default_transport_maps == {"@a.example": "smtp:[a-out.example]"}
    assert found.transport == {"local.example": "smtp:[unix.example]"}


@pytest.mark.parametrize(
    ("destination", "meanings"),
    [
        ("lmtp:unix:private/dovecot-lmtp", ["delivers into mail files; here the server itself does"]),
        ("lmtp:inet:127.0.0.1:24", ["delivers into mail files; here the server itself does"]),
        ("lmtp:inet:[10.0.0.9]:24", ["virtual_transport: mail is handed over to 10.0.0.9 by LMTP; here its mail files are on this server"]),
        ("lmtp:store.example", ["virtual_transport: mail is handed over to store.example by LMTP; here its mail files are on this server"]),
    ],
)  # fmt: skip
def test_what_delivers_is_told_and_whether_on_another_machine(
    tmp_path: Path, destination: str, meanings: list[str]
) -> None:
    """A socket or this machine's own address is delivery here; another host holds the mailboxes in truth."""
    found = imported(tmp_path, {"main.cf": MAIN + f"virtual_transport = {destination}\n"}, "postfix")

    assert told(found, "virtual_transport") == meanings


@pytest.mark.parametrize(
    ("luser_relay", "key"),
    [
        ("$local@other.example", "@other.example"),
        ("${user}@other.example", "@other.example"),
        ("postmaster@corporate.com", "postmaster@corporate.com"),
        ("postmaster", "postmaster@corporate.com"),
        ("$shell@other.example", None),
    ],
)
def test_whom_nobody_lists_goes_on_as_it_says(tmp_path: Path, luser_relay: str, key: str | None) -> None:
    """local(8) replaces $local and $user; anything else that changes with the recipient is told."""
    more = (
        f"myorigin = corporate.com\nluser_relay = {luser_relay}\nfallback_transport = smtp:[old.example]\n"
        "always_bcc = archive@corporate.com\n"
    )
    found = server(tmp_path, more)

    assert (found.luser_relay, found.fallback_transport) == (key, "smtp:[old.example]")
    assert found.always_bcc == "archive@corporate.com"
    assert bool(told(imported(tmp_path, {"main.cf": MAIN + more}, "postfix"), "luser_relay")) == (key is None)


def test_copies_by_sender_and_recipient_are_read(tmp_path: Path) -> None:
    """postconf(5): tables of addresses and "@domain"s; a bare name is one in myorigin."""
    more = "myorigin = corporate.com\nsender_bcc_maps = hash:sender_bcc\nrecipient_bcc_maps = hash:rcpt_bcc\n"
    senders = "anna@corporate.com copies@corporate.com\n@corporate.com archive@old.example\n"
    found = server(tmp_path, more, sender_bcc=senders, rcpt_bcc="dora store\n")

    assert found.sender_bcc_maps == {
        "anna@corporate.com": "copies@corporate.com",
        "@corporate.com": "archive@old.example",
    }
    assert found.recipient_bcc_maps == {"dora@corporate.com": "store@corporate.com"}


def test_people_who_moved_are_refused_with_their_new_address(tmp_path: Path) -> None:
    """relocated(5): "5.1.6 User has moved to ..."; a bare name is one in myorigin."""
    scenario = scenario_of(
        tmp_path,
        {
            "main.cf": MAIN + "myorigin = corporate.com\nrelocated_maps = hash:/etc/postfix/relocated\n",
            "relocated": "gone@corporate.com  gone@new.example\nleft  +49 30 123\n",
        },
        "postfix",
    )
    ann = "ann@corporate.com ann\n"
    with_ann = scenario_of(
        tmp_path,
        {
            "main.cf": MAIN + "relocated_maps = hash:/etc/postfix/relocated\nvirtual_mailbox_maps = hash:/x/box\n",
            "relocated": "gone@corporate.com  gone@new.example\n",
            "box": ann,
        },
        "postfix",
    )
    route = trace(Setup(with_ann), "ann", "gone@corporate.com")

    assert scenario.servers["onprem"].transport == {  # type: ignore[union-attr]
        "gone@corporate.com": "error:5.1.6 User has moved to gone@new.example",
        "left@corporate.com": "error:5.1.6 User has moved to +49 30 123",
    }
    assert "5.1.6" in str(route.recipients[0].reply)


def test_feedback_of_the_concurrency_is_a_number_or_told(tmp_path: Path) -> None:
    """postconf(5) also allows ``1 / concurrency``, which scenarios have no key for."""
    name = "default_destination_concurrency_negative_feedback"
    more = f"{name} = 1 / concurrency\n{name.replace('negative', 'positive')} = 0.5\ndefault_destination_recipient_limit = 10\n"
    found = server(tmp_path, more)

    assert found.default_destination_concurrency_positive_feedback == 0.5
    assert (found.default_destination_concurrency_negative_feedback, found.default_destination_recipient_limit) == (
        1,
        10,
    )
    assert told(imported(tmp_path, {"main.cf": MAIN + more}, "postfix"), name)


def test_services_behind_postscreen_and_beside_smtp(tmp_path: Path) -> None:
    """postscreen(8) passes connections on to smtpd; a comma belongs to an option's value (master(5)); other senders' limits are told."""
    files: dict[str, str | bytes] = {
        "main.cf": MAIN
        + "content_filter = smtp-amavis:[127.0.0.1]:10024\ntransport_maps = inline:{ {b.example=relay:[r.b.example]:2525} }\n",
        "master.cf": (
            "smtp inet n - y - 1 postscreen\nsmtpd pass - - y - 90 smtpd\n"
            "  -o smtpd_recipient_restrictions=permit_mynetworks,reject_unauth_destination\n"
            "smtp unix - - y - 40 smtp\nrelay unix - - y - 10 smtp\nsmtp-amavis unix - - n - 4 smtp\n"
        ),
    }
    found = imported(tmp_path, files, "postfix")
    keys = {".".join(key.path): key.value for key in found.keys}

    assert (keys["servers.onprem.capacity.smtp_connections"], keys["servers.onprem.capacity.transfer_threads"]) == (
        90,
        40,
    )
    assert keys["servers.onprem.transport.b.example"] == "relay:[r.b.example]:2525"
    assert told(found, "master.cf relay") == [
        "at most so many processes for this transport; here all transports share transfer_threads"
    ]
    assert told(found, "master.cf smtp-amavis")[0].startswith("at most so many messages are in the filter at once")
    services = read_master(File(tmp_path / "given" / "master.cf", "master.cf"))
    assert services[1].options == {"smtpd_recipient_restrictions": "permit_mynetworks,reject_unauth_destination"}


@pytest.mark.parametrize(
    ("master", "words"),
    [
        ({}, "is none of Postfix's own transports: give the master.cf"),
        ({"master.cf": "smtp unix - - y - - smtp\n"}, "master.cf has no service"),
    ],
)
def test_a_transport_that_nobody_knows(tmp_path: Path, master: dict[str, str | bytes], words: str) -> None:
    """What to do is said by whether master.cf was given."""
    files = {"main.cf": MAIN + "transport_maps = inline:{ {b.example=slow:[r.b.example]} }\n", **master}

    assert words in told(imported(tmp_path, files, "postfix"), "transport_maps")[0]


def test_a_file_that_is_named_but_not_read_is_told_once(tmp_path: Path) -> None:
    """Aliases of a host that has no mail domain of its own."""
    files: dict[str, str | bytes] = {"main.cf": MAIN + "alias_maps = hash:/etc/aliases\n", "aliases": "root: ann\n"}
    found = imported(tmp_path, files, "postfix")

    assert [one.what for one in found.unused if "aliases" in one.value] == ["alias_maps"]
