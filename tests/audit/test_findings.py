"""Every code of a finding has a set-up in which it is found, alone but for notes, and one in which it is not."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given

from coexsim.audit import subjects
from coexsim.audit.check import check
from coexsim.audit.finding import Finding, FindingKind
from coexsim.audit.findings import EXPLANATIONS, SUBJECTS
from coexsim.audit.flows import all_flows, server_that_takes
from coexsim.audit.search import Search, Subject
from coexsim.mail.message import Envelope, NextHop, Rcpt
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.scenario.load import load_scenario, scenario_from_text
from coexsim.scenario.model import Scenario
from coexsim.scenario.names import Names
from tests.audit.cases import A_RECORD, ARTICLE, CASES, MX, article_with, exchange, zone
from tests.properties import examples
from tests.routing.any_setup import setups
from tests.routing.lab import FOLDER as LAB
from tests.routing.lab import TWO_MX

SCENARIOS = Path(__file__).parents[2] / "scenarios"


# Two servers send what they cannot deliver to each other, but the sender's own refuses the recipient: nothing goes round.
REFUSED_AT_ONCE: dict[str, Any] = {
    "coexsim": 1,
    "domain": "corporate.com",
    "dns": {"corporate.com": "@ IN MX 10 one\none IN A 192.0.2.10\ntwo IN A 192.0.2.11\n"},
    "servers": {
        "one": {
            "kind": "postfix",
            "host": "one.corporate.com",
            "virtual_mailbox_domains": [],
            "relay_domains": ["corporate.com"],
            "relay_recipient_check": True,
            "smart_host": "[two.corporate.com]",
        },
        "two": {
            "kind": "relay",
            "host": "two.corporate.com",
            "smart_host": "[one.corporate.com]",
            "relay_for": ["one"],
        },
    },
    "directory": {"people": {"ann": {"mail_file": "one"}}},
    "events": [],
}


def found(scenario: Scenario) -> list[Finding]:
    """What a check finds."""
    return list(check(scenario).findings)


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_a_fault_is_found_and_a_sound_set_up_is_not_blamed(code: str) -> None:
    """The finding names its code, says where it stands and what to do; what follows from it is no finding of its own."""
    case = CASES[code]
    findings = found(article_with(case.faulty, case.base))

    wanted = [finding for finding in findings if finding.code == code]
    assert wanted
    assert {finding.code for finding in findings if finding.severity != "note"} <= {code} | case.also
    for finding in wanted:
        assert finding.line > 0
        assert finding.file.endswith(("changed.yaml", "environment.yaml"))
        assert finding.where
        assert len(finding.text) > 40
    assert code not in {finding.code for finding in found(article_with(case.sound, case.base))}


def test_tests_of_an_extended_file_that_are_not_run_are_told(tmp_path: Path) -> None:
    """As many as there are; one of the same sender and recipient is written anew. A file between that repeats none is not blamed twice."""
    flows = f"extends: {ARTICLE / 'flows.yaml'}\n"
    (tmp_path / "some.yaml").write_text(
        flows + "messages:\n- {from: iUser1@corporate.com, to: iUser2@corporate.com, expect: {outcome: delivered}}\n"
    )
    (tmp_path / "none.yaml").write_text("extends: some.yaml\nmessages: []\n")
    tests = len(load_scenario(ARTICLE / "flows.yaml").messages)

    told = [f.text for f in found(load_scenario(tmp_path / "some.yaml")) if f.code == "TESTS-NOT-RUN"]
    assert [text.split(" of ")[0] for text in told] == [f"{tests - 1} tests"]
    told = [f.text for f in found(load_scenario(tmp_path / "none.yaml")) if f.code == "TESTS-NOT-RUN"]
    assert [text.split(" of ")[0] for text in told] == [f"{tests} tests"]


def test_every_case_is_of_a_code_that_exists() -> None:
    """No case is left over from a code that was renamed."""
    assert set(CASES) == set(EXPLANATIONS)


def test_a_full_mail_file_is_told_with_its_own_remedy() -> None:
    """Not with advice on routes."""
    (finding,) = [
        f for f in found(article_with("directory: {people: {iUser2: {over_quota: true}}}")) if f.severity == "error"
    ]

    assert (finding.code, finding.where) == ("UNREACHABLE", "directory.people.iUser2")
    assert finding.text.endswith(
        "5.2.2 <iUser2@corporate.com>: mailbox is full; make room in the mailbox, or raise its quota"
    )


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_every_code_is_explained(code: str) -> None:
    """Title, meaning, effect, remedy and source are there."""
    explanation = EXPLANATIONS[code]
    assert explanation.code == code
    assert explanation.severity in ("error", "warning", "note")
    assert len(explanation.title) >= 4
    assert all(len(text) >= 4 for _, text in explanation.sections())


@pytest.mark.parametrize(
    ("code", "step"),
    [
        ("DOMINO-LISTENER-OFF", "Server document, Basics"),
        ("DOMINO-SMTP-OUTSIDE-OFF", "Configuration, Router/SMTP, Basics"),
        ("DOMINO-NO-SMART-HOST", "Configuration, Router/SMTP, Basics"),
        ("DOMINO-NO-GLOBAL-DOMAIN", "Global Domain document"),
        ("MX-NO-ADDRESS", "Setting up the network to receive mail"),
        ("MX-MISSING", "Setting up the network to receive mail"),
        ("PERSON-RECORD-MISSING", "Creating Person records for iNotes users"),
        ("EXCHANGE-NO-SEND-CONNECTOR", "Send Connectors"),
        ("EXCHANGE-NO-SMART-HOST", "Route mail to the following smart host"),
        ("EXCHANGE-NO-EXTERNAL-DNS", "Use External DNS Lookup settings"),
        ("EXCHANGE-DOMAIN-TYPE", "Configuring accepted domains"),
    ],
)
def test_a_step_of_the_article_left_out_is_named(code: str, step: str) -> None:
    """The finding names the article's step, in the article's words."""
    finding = next(finding for finding in found(article_with(CASES[code].faulty)) if finding.code == code)

    assert step in finding.text


def faults(scenario: Scenario) -> list[Finding]:
    """What is more than a note."""
    return [finding for finding in found(scenario) if finding.severity != "note"]


def test_an_alias_domain_without_a_zone_is_told_as_that() -> None:
    """Not as people who are reached from some sides only: nobody outside can look up the MX of the alias (RFC 5321, 5.1)."""
    alias = "servers: {onprem: {global_domain: [corporate.com, corporate.de]}}\n"
    [finding] = faults(article_with(alias))

    assert (finding.code, finding.severity) == ("ZONE-MISSING", "error")
    assert "no zone for corporate.de, in which onprem knows people" in finding.text
    assert "someuser@otherdomain.com -> dUser1@corporate.de: bounced" in finding.consequences
    for record, code in (
        ("@ 1h IN A 192.0.2.10", "MX-MISSING"),
        ("@ 1h IN MX 0 .", "NULL-MX"),
        ("@ 1h IN MX 1 192-0-2-77.net.", "MX-NO-ADDRESS"),
    ):
        assert [f.code for f in faults(article_with(f"{alias}dns: {{corporate.de: '{record}'}}"))] == [code]
    assert not faults(article_with(alias + "dns: {corporate.de: '@ 1h IN MX 1 domino.corporate.com.'}"))


def test_a_backup_mx_that_is_not_in_the_scenario_loses_no_mail() -> None:
    """A provider's host, in a zone that is not the scenario's: mail goes to the other one (RFC 5321, 5.1), so it is no error."""
    spare = "{corporate.com: '@ 1h IN MX %s\n\n  @ 1h IN MX %s\n\n  domino 1h IN A 192.0.2.10'}"
    for first, second in (("10 domino", "20 mx.dnsprovider.net."), ("10 mx.dnsprovider.net.", "20 domino")):
        [finding] = [
            each for each in found(article_with("dns: " + spare % (first, second))) if each.code == "MX-NO-ADDRESS"
        ]
        assert finding.severity == "warning"
        assert "lies in no zone of this scenario: mail goes to domino.corporate.com" in finding.text
    [lost] = [
        each
        for each in found(article_with("dns: {corporate.com: '@ 1h IN MX 10 a.net.'}"))
        if each.code == "MX-NO-ADDRESS"
    ]
    assert lost.severity == "error"


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("doimno.corporate.com", "domino.corporate.com"),
        ("mail.corporate.com", ""),
        ("exch.corporate.com", ""),
        ("mx2.corporate.com", ""),
        ("smtp.inotse.example", "smtp.inotes.example"),
    ],
)
def test_a_host_is_misspelt_in_one_word(host: str, meant: str) -> None:
    """Hosts of one domain look alike, and so do mx1 and mx2: neither is taken for the other."""
    hosts = Names(("domino.corporate.com", "mx1.corporate.com", "smtp.inotes.example"))

    assert hosts.near_host(host) == (f"; did you mean {meant!r}?" if meant else "")
    assert hosts.near_host(host, but=meant) == ""


def test_a_domain_in_which_nobody_is_known_needs_no_zone() -> None:
    """An accepted domain for use inside only, which no person has an address in, is no fault."""
    internal = exchange(domain="internal-relay, corp.local: authoritative")

    assert not faults(article_with(internal))


def test_a_group_is_not_lost_for_one_lost_member() -> None:
    """Whoever is not reached is told once: not again for a group or another address; an outside member that fails is the group's."""
    lost = "people: {lost: {mail_system: other-internet-mail, forwarding_address: lost@nowhere.net}}"
    [finding] = faults(article_with(f"directory: {{{lost}, groups: {{all: [dUser1, lost]}}}}"))
    assert (finding.code, finding.where) == ("UNREACHABLE", "directory.people.lost")
    assert finding.text.endswith("correct its forwarding_address lost@nowhere.net")

    [finding] = faults(article_with("directory: {groups: {all: [dUser1, ex@nowhere.net]}}"))
    assert (finding.code, finding.where) == ("VALID-RECIPIENT-BOUNCES", "directory.groups.all")
    assert "mail to all members of group all does not arrive" in finding.text

    alias = "servers: {onprem: {global_domain: [corporate.com, corporate.de]}}\ndns: {corporate.de: '@ 1h IN MX 1 domino.corporate.com.'}\n"
    missing = "directory: {replica: {missing: [iUser1]}, groups: {all: [dUser1, iUser1]}}"
    assert [finding.code for finding in faults(article_with(alias + missing))] == ["NOT-IN-REPLICA"]


def test_what_keeps_mail_from_people_is_an_error() -> None:
    """A connector that finds its smart host elsewhere in internal DNS is a warning, unless nobody is there (mail-facts 1.3, Exchange 7)."""
    [finding] = faults(
        article_with(exchange(external_dns="false") + "internal_dns:\n  inotes.example: |\n    smtp 1h IN A 10.0.0.9\n")
    )

    assert (finding.code, finding.severity) == ("EXCHANGE-NO-EXTERNAL-DNS", "error")
    assert "someuser@otherdomain.com -> iUser1 (and 1 alike): deferred in queue" in finding.consequences


def test_an_exchange_server_that_is_its_own_smart_host_is_not_blamed_for_its_dns() -> None:
    """Inside and outside DNS say the same of it, so that what fails is not the fault of the one asked."""
    itself = exchange(external_dns="false", smart_hosts="smart_hosts: [domino.corporate.com],")
    errors = [finding for finding in found(article_with(itself)) if finding.severity == "error"]

    assert [(f.code, f.where) for f in errors] == [
        ("SMART-HOST-IS-ITSELF", "servers.onprem.send_connectors[0].smart_hosts[0]")
    ]


def test_what_to_do_is_what_would_mend_it() -> None:
    """MX in the cloud, which refuses people whose mail file is elsewhere; a group without members."""
    cloud = zone("@ 1h IN MX 10 smtp.inotes.example.", A_RECORD)
    told = {finding.code: finding.text for finding in faults(article_with(cloud))}
    assert told["VALID-RECIPIENT-BOUNCES"].endswith(
        "let inotes-inbound pass on mail for people whose mailbox is elsewhere (people_elsewhere: relay, and its smart_host)"
    )
    [empty] = faults(article_with("directory: {groups: {empty: []}}"))
    assert empty.text.endswith("correct its members")


def test_an_external_relay_domain_with_people_is_one_fault() -> None:
    """That their mail leaves and is refused there follows from the type [MS-AD]."""
    assert [finding.code for finding in faults(article_with(exchange(domain="external-relay")))] == [
        "EXCHANGE-DOMAIN-TYPE"
    ]


def test_a_connector_for_all_domains_serves_the_shared_one_too() -> None:
    """[MS-SC]: with the cloud as the smart host for everything, hosted people are reached; no step is left out."""
    everything = exchange(spaces='["*"]', internet=False, more="  inotes-inbound: {relay_for: [onprem]}\n")

    assert not faults(article_with(everything))


def test_a_connector_smaller_than_the_way_in_is_found() -> None:
    """Mail between the two limits is taken, then given up, whichever connector is left (mail-facts 1.6, [MS-SC])."""
    limits = exchange().replace("use_external_dns: true", "use_external_dns: true, max_message_size: 9 MB")
    [finding] = faults(article_with(limits))

    assert finding.code == "SIZE-LIMITS-DIFFER"
    assert "its way on to iUser1 (and 1 alike) only 9 MB" in finding.text
    assert not faults(
        article_with(limits.replace("9 MB", "36 MB") + "    max_send_size: 36 MB\n    max_receive_size: 36 MB\n")
    )


def test_a_hop_limit_in_the_dialogue_is_found_too() -> None:
    """Exchange and Postfix count before they take mail; Domino, of another case, afterwards (mail-facts 1.7)."""
    [finding] = faults(article_with(exchange(more="    max_hop_count: 1\n")))

    assert (finding.code, finding.where) == ("HOP-LIMIT-TOO-LOW", "servers.onprem.max_hop_count")


def test_a_loop_is_told_with_the_limit_that_ends_it() -> None:
    """Exchange's 8 local hops come before its 30 in all, once round is two transactions [PS-RC]; without a local limit they do not."""
    loop = exchange(more="%s  inotes-inbound: {unknown_recipients: relay, smart_host: domino.corporate.com}\n")
    for setting, told in (("", "the local hop limit of onprem (8) ends it: about 16 transactions"),
                          ("  role: {kind: relay, runs_on: onprem}\n", "the local hop limit of onprem (8) ends it: about 16 transactions"),
                          ("    max_local_hop_count: 0\n", "the hop limit of onprem (30) ends it: about 30 transactions")):  # fmt: skip
        [finding] = faults(article_with(loop % setting))
        assert finding.code == "LOOP"
        assert told in finding.text


def test_a_backup_mx_that_does_not_verify_makes_backscatter() -> None:
    """Spam comes to the backup MX, though the first one is up and refuses unknown addresses (mail-facts 1.8, the rule on 250)."""
    two = zone(MX, "@ 1h IN MX 20 mx2.corporate.com.", A_RECORD, "mx2 1h IN A 192.0.2.20")
    servers = "servers: {onprem: {verify_local_recipients: enabled}, mx2: {kind: relay, site: internet, host: mx2.corporate.com%s}}\n"
    [finding] = [finding for finding in found(article_with(two + servers % "")) if finding.code == "BACKSCATTER"]

    assert finding.where == "servers.mx2"
    assert "handed in at the backup MX mx2" in finding.text
    verifies = article_with(two + servers % ", verify_recipients: enabled")
    assert "BACKSCATTER" not in {finding.code for finding in found(verifies)}


def test_a_relay_host_that_refuses_is_told_whom_to_relay_for() -> None:
    """5.7.1 by one's own gateway: the gateway must know its client (mail-facts 1.8, relay refused)."""
    gateway = zone(MX, A_RECORD, "gw 1h IN A 192.0.2.7") + (
        "servers: {onprem: {relay_host: gw.corporate.com}, gw: {kind: relay, site: office, host: gw.corporate.com%s}}"
    )
    [finding] = faults(article_with(gateway % ""))
    assert (finding.code, finding.where) == ("OWN-MAIL-REFUSED", "servers.gw")
    assert "Relay access denied; name onprem under relay_for of gw" in finding.text
    assert "dUser1 (and 1 alike) -> someuser@otherdomain.com: bounced" in finding.consequences

    alone = [f for f in found(article_with(gateway % ", relay_for: [onprem]")) if f.where == "servers.gw"]
    assert [f.code for f in alone] == ["SINGLE-POINT-OF-FAILURE"]
    assert "a second host beside it" in alone[0].text


def test_an_alias_that_is_cut_off_alone_is_named() -> None:
    """The shared domain has a second MX, its alias has not: without the first one only mail to the alias stops."""
    two = zone(MX, "@ 1h IN MX 20 mx2.corporate.com.", A_RECORD, "mx2 1h IN A 192.0.2.20")
    alias = (
        "  corporate.de: '@ 1h IN MX 1 domino.corporate.com.'\n"
        "servers: {onprem: {global_domain: [corporate.com, corporate.de]},"
        " mx2: {kind: relay, site: office, host: mx2.corporate.com, smart_host: smtp.inotes.example}}\n"
    )
    [finding] = [f for f in found(article_with(two + alias)) if f.code == "SINGLE-POINT-OF-FAILURE"]

    assert "hosted people to iUser1@corporate.de, the Internet to iUser1@corporate.de, though" in finding.text


def test_whoever_lacks_a_person_record_is_named_once() -> None:
    """All of them in one finding at the first one's line, an error: their mail bounces (the article: 'Creating Person records')."""
    people = "directory: {people: {ada: {only_at_hosted: true}, bob: {only_at_hosted: true}}}"
    [finding] = [finding for finding in found(article_with(people)) if finding.severity != "note"]

    assert (finding.code, finding.severity) == ("PERSON-RECORD-MISSING", "error")
    assert "knows ada, bob, but there is no Person record" in finding.text
    assert "someuser@otherdomain.com -> ada (and 1 alike): bounced" in finding.consequences
    documented = "servers: {onprem: {smart_host_rule: not-in-directory}}\n"
    assert "PERSON-RECORD-MISSING" not in {finding.code for finding in found(article_with(documented + people))}


def test_the_article_as_printed_has_exactly_one_finding() -> None:
    """Its MX record names a host without an address; that nobody outside is reached follows, and is listed there (DESIGN, section 9)."""
    [finding] = found(load_scenario(ARTICLE / "as-printed.yaml"))

    assert finding.code == "MX-NO-ADDRESS"
    assert finding.acknowledged
    assert "MX  10 myserver" in Path(finding.file).read_text().splitlines()[finding.line - 1]
    assert any("mycompany.corporate.com" in text for text in finding.consequences)
    assert any("someuser@otherdomain.com -> dUser1" in text for text in finding.consequences)


@pytest.mark.parametrize("name", ["environment", "flows"])
def test_the_article_has_nothing_but_notes(name: str) -> None:
    """What its approach entails is noted, and does not fail a check."""
    report = check(load_scenario(ARTICLE / f"{name}.yaml"))

    assert {f.code for f in report.findings} == {"SINGLE-POINT-OF-FAILURE", "BACKSCATTER", "FORGED-SENDER"}
    assert {f.severity for f in report.findings} == {"note"}
    assert report.holds(strict=True)


@pytest.mark.parametrize("file", sorted((SCENARIOS / "modern").glob("*.yaml")), ids=lambda file: file.stem)
def test_todays_set_ups_hold(file: Path) -> None:
    """Each shipped set-up does what its vendor says, and has nothing but notes; each says where its expectations come from."""
    scenario = load_scenario(file)
    report = check(scenario)

    assert report.expectations
    assert report.holds(strict=True)
    assert "messages" in scenario.sources or "servers.inotes-outbound.routes_internal_mail" in scenario.sources


def test_a_single_point_of_failure_obeys_a_second_mx() -> None:
    """With a second MX that knows the way to the hosted service, the loss of the first cuts nobody else off."""
    second = (
        zone(
            "@ 1h IN MX 10 domino.corporate.com.",
            "@ 1h IN MX 20 mx2.corporate.com.",
            "domino 1h IN A 192.0.2.10",
            "mx2 1h IN A 192.0.2.20",
        )
        + "servers: {mx2: {kind: relay, site: office, host: mx2.corporate.com, smart_host: smtp.inotes.example}}"
    )

    assert "SINGLE-POINT-OF-FAILURE" not in {finding.code for finding in found(article_with(second))}


@pytest.mark.parametrize(
    ("aliases", "whom"),
    [
        ("dUser2: nobody@thirddomain.com", "dUser2 is"),
        ("info: help, help: info", "alias info@corporate.com is"),
        ("sales: gone@corporate.com", "alias sales@corporate.com is"),
        ("info: [dUser1, iUser1, friend@thirddomain.com], dUser1: [dUser1, dUser2]", ""),
    ],
)
def test_a_server_s_own_aliases_are_tried(aliases: str, whom: str) -> None:
    """A person with an alias is not like the others, and a name that only the table knows is written to as well."""
    changes = f"extends: lab.yaml\nservers: {{onprem: {{virtual_alias_maps: {{{aliases}}}}}}}"
    errors = [finding for finding in found(scenario_from_text(changes, base=LAB)) if finding.severity == "error"]

    assert {finding.code for finding in errors} == ({"UNREACHABLE"} if whom else set())
    assert not whom or errors[0].text.startswith(whom)


@pytest.mark.parametrize(("second", "reached"), [("", "onprem2"), ("greylisting: {delay: 5 min}", "onprem")])
def test_what_is_found_without_walking_knows_greylisting(second: str, reached: str) -> None:
    """A host that greylists sends mail on to the second MX, unless that does so too: where the walk goes, the search for loops goes."""
    changes = f"{TWO_MX}servers: {{onprem: {{greylisting: {{delay: 5 min}}}}, onprem2: {{{second}}}}}"
    setup = Setup(scenario_from_text(f"extends: lab.yaml\n{changes}", base=LAB))
    walked = trace(setup, "someuser@otherdomain.com", "dUser1@corporate.com").servers

    assert walked[1] == reached
    envelope = Envelope("someuser@otherdomain.com", (Rcpt("dUser1@corporate.com"),))
    assert server_that_takes(setup, "external", NextHop("corporate.com", by_mx=True), envelope) == reached


def test_an_acknowledgement_of_one_place_leaves_the_others_open() -> None:
    """`where` is a path, or a name that the finding is about."""
    both = "servers: {onprem: {relay_for: [anyone]}, inotes-inbound: {relay_for: [anyone]}}\n"
    report = check(article_with(both + "acknowledge: [{code: OPEN-RELAY, where: onprem, reason: a honeypot}]"))
    relays = {finding.about[0]: finding.acknowledged for finding in report.findings if finding.code == "OPEN-RELAY"}

    assert relays == {"onprem": "a honeypot", "inotes-inbound": None}
    assert not report.holds()


def test_a_thousand_people_are_no_more_work_than_a_few() -> None:
    """People whom no rule tells apart are one class."""
    people = ", ".join(f"p{n}: {{mail_system: other-internet-mail}}" for n in range(1000))
    few, many = (
        len(all_flows(Setup(article_with(changes)))) for changes in ("", f"directory: {{people: {{{people}}}}}")
    )

    assert few == many


@examples(60)
@example(REFUSED_AT_ONCE)
@given(setups())
def test_a_loop_found_without_walking_is_one_when_walked(raw: dict[str, Any]) -> None:
    """Whatever the set-up, the check ends and writes sentences; mail told to go round does not arrive, and passes the same server again."""
    raw.pop("events")
    setup = Setup(Scenario.from_data(raw))
    assert all(finding.text and finding.where for finding in check(setup).findings)
    for flow in all_flows(setup):
        if flow.recipient.side == "group" or not flow.loop:
            continue
        route = trace(setup, flow.sender.address, flow.address).recipients[0]
        assert route.outcome != "delivered"
        if min(policy.hop_limit for policy in setup.policies.values()) > 2 * len(setup.policies):
            assert len(set(route.servers)) < len(route.servers)


def test_every_file_of_findings_is_listed() -> None:
    """A subject that nobody lists finds nothing: each file of the room is among the subjects, and each code is one subject's."""
    files = {file.stem for file in Path(subjects.__path__[0]).glob("*.py")} - {"__init__"}
    listed = {
        finder.__module__.rpartition(".")[2] for subject in SUBJECTS for finder in subject.causes + subject.finders
    }
    codes = [kind.code for subject in SUBJECTS for kind in subject.explanations]

    assert files == listed
    assert len(codes) == len(set(codes))


def unlisted(module: object) -> set[str]:
    """The explanations of a file of findings that its subject does not list."""
    explained = {one.code for one in vars(module).values() if isinstance(one, FindingKind)}
    return explained - {kind.code for kind in vars(module)["SUBJECT"].explanations}


def test_every_explanation_is_listed_by_its_subject() -> None:
    """A finding whose explanation is not listed could be told, but not explained; the check says no to a file without a list."""
    files = [import_module(f"{subjects.__name__}.{file.stem}") for file in Path(subjects.__path__[0]).glob("[a-z]*.py")]

    assert len(files) == len(SUBJECTS)
    assert not set().union(*map(unlisted, files))
    one = next(iter(EXPLANATIONS.values()))
    assert unlisted(SimpleNamespace(ONE=one, SUBJECT=Subject(explanations=()))) == {one.code}


def test_a_finding_stands_at_the_key_that_was_written() -> None:
    """Of several keys that could say a limit, the one in the file is named; where none is written, the first that the server can have."""
    text = "coexsim: 1\ndomain: corporate.com\nservers:\n  one: {kind: postfix, host: mail.corporate.com%s}\n"
    found = [
        Search(Setup(scenario_from_text(text % more)), [], frozenset()).setting("one", "smart_host", "hopcount_limit")
        for more in ("", ", hopcount_limit: 30")
    ]

    assert found == [("servers", "one", "smart_host"), ("servers", "one", "hopcount_limit")]
    assert Search(Setup(scenario_from_text(text % "")), [], frozenset()).setting("gone", "smart_host") == (
        "servers",
        "gone",
    )


GATEWAY = """
coexsim: 1
domain: corporate.com
dns: {corporate.com: "@ IN MX 10 mx\\nmx IN A 192.0.2.10"}
servers:
  mx: {kind: postfix, host: mx.corporate.com, relayhost: "[smart.corporate.com]", relay_domains: [partner.example],
       relay_recipient_check: true}
  smart: {kind: relay, host: smart.corporate.com, relay_for: [mx]}
  backup: {kind: relay, host: backup.provider.example, relay_for: [mx]}
  partner: {kind: external, domain: partner.example, mailboxes: [p]}
directory: {people: {ann: {mail_file: mx}, pat: {mail_file: mx, internet_address: pat@partner.example}}}
"""


def test_a_host_without_an_address_is_worse_where_no_fallback_takes_the_mail() -> None:
    """The host is a server's own, in a zone without its record: no other name is meant. With a fallback relay mail passes."""
    alone = scenario_from_text(GATEWAY)
    helped = alone.change({"servers.mx.smtp_fallback_relay": ["[backup.provider.example]"]})
    [error] = [one for one in found(alone) if one.code == "SMART-HOST-NO-ADDRESS"]
    [warning] = [one for one in found(helped) if one.code == "SMART-HOST-NO-ADDRESS"]
    [addressed] = [
        one for one in found(alone.change({"servers.mx.relayhost": "[192.0.2.99]"})) if "192.0.2.99" in one.text
    ]

    assert (error.severity, warning.severity) == ("error", "warning")
    assert error.text.endswith(
        "what mx sends there waits; write an A record for it in its zone, or give that server an address"
    )
    assert "goes to the fallback relay backup.provider.example" in warning.text
    assert addressed.text.startswith("no server of this scenario is at 192.0.2.99; add it, with 'address: 192.0.2.99'")
    assert trace(Setup(helped), "ann", "someone@elsewhere.example").recipients[0].servers[:2] == ("mx", "backup")


def test_the_domain_of_an_outside_server_needs_no_zone() -> None:
    """Its MX is that server's host, though a server here relays for the domain and knows people in it."""
    assert [one for one in found(scenario_from_text(GATEWAY)) if one.code == "ZONE-MISSING"] == []


def test_who_may_write_outside_is_told_where_to_be_named() -> None:
    """An outside relay host that takes the server for a stranger: its relay_for; Exchange without a connector for all else: that one."""
    third = "  third: {kind: external, site: internet, domain: third.example}\n"
    relays = f"servers:\n  onprem: {{relay_host: '[mail.otherdomain.com]'}}\n{third}"
    outside = [each for each in faults(article_with(relays)) if each.code == "OUTSIDE-UNREACHABLE"]

    assert outside
    assert all("name onprem under relay_for of external" in each.text for each in outside)
    assert not faults(article_with(relays + "  external: {relay_for: onprem}\n"))
    [finding] = faults(article_with(exchange(internet=False)))
    assert "a Send connector for '*' (send_connectors)" in finding.text


def test_a_forwarding_address_is_blamed_for_itself_alone() -> None:
    """Certificates that do not match are not its fault; an address where nobody is, is."""
    public = Path(__file__).parents[1] / "routing" / "public_cases"
    [finding] = [
        each
        for each in faults(load_scenario(public / "54c-exchange-certificate.yaml"))
        if each.code == "VALID-RECIPIENT-BOUNCES"
    ]

    assert "forwarding" not in finding.text
    [finding] = [
        each
        for each in faults(load_scenario(public / "42-forwarding-primary-namespace.yaml"))
        if "nora does not" in each.text
    ]
    assert finding.text.endswith("correct its forwarding_address nora@company-q.net")
    [finding] = [
        each
        for each in faults(load_scenario(public / "74-postfix-relay-unknown-only.yaml"))
        if each.code == "VALID-RECIPIENT-BOUNCES"
    ]
    assert "ex does not send its mail on: write a forwarding_address by which it does" in finding.text


def test_the_article_is_cited_to_whom_it_is_about() -> None:
    """It sets up Domino and Exchange beside iNotes: a site of Postfix, or beside another service, is told what to do without its steps."""
    postfix = "servers:\n  smart-host: null\n  onprem: {kind: postfix, site: office, host: domino.corporate.com}\n"
    lost = "dns: {corporate.com: '@ 1h IN MX 10 nowhere.corporate.com.'}\n"
    told = [each.text for each in found(article_with(postfix + lost)) if each.code == "MX-NO-ADDRESS"]
    domino = [each.text for each in found(article_with(lost)) if each.code == "MX-NO-ADDRESS"]
    beside = exchange(more="  inotes-inbound: {provider: exchange-online}\n")
    told += [each.text for each in found(article_with(beside + lost)) if each.code == "MX-NO-ADDRESS"]

    assert len(told) == 2
    assert all("write an A record" in each and "article" not in each for each in told)
    assert "the article's step" in domino[0]


def test_a_way_out_whose_name_is_not_found_is_no_missing_way() -> None:
    """A connector for all domains is there, so another one helps nobody; the record is what is missing."""
    zone_of_other = "dns: {otherdomain.com: '@ IN MX 10 mx.otherdomain.com.'}\n"
    outside = "  external: {domain: [otherdomain.com, sub.otherdomain.com], mailboxes: [pat]}\n"
    [finding] = [
        each
        for each in faults(article_with(exchange(more=outside) + zone_of_other))
        if each.code == "OUTSIDE-UNREACHABLE"
    ]

    assert "by the MX of sub.otherdomain.com, which DNS does not have" in finding.text
    assert "a Send connector for '*'" not in finding.text


def test_sizes_that_people_write_alike_do_not_differ() -> None:
    """36 MB of 10^6 bytes behind 36 MB of 2^20, as Exchange counts, are one limit to those who wrote them; 34 MB are another."""
    sizes = "    max_send_size: 36 MiB\n    max_receive_size: 36 MiB\n    organization_max_receive_size: {} MB\n"
    alike, other = ([each.code for each in faults(article_with(exchange(more=sizes.format(n))))] for n in (36, 34))

    assert "SIZE-LIMITS-DIFFER" not in alike
    assert "SIZE-LIMITS-DIFFER" in other
