"""Every code of a finding has a set-up in which it is found, alone but for notes, and one in which it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from coexsim.mail.check import check
from coexsim.mail.finding_texts import EXPLANATIONS
from coexsim.mail.findings import Finding
from coexsim.mail.flows import all_flows
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.scenario.load import load_scenario
from coexsim.scenario.model import Scenario
from tests.check.cases import ARTICLE, CASES, article_with, zone
from tests.routing.any_setup import setups

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def found(scenario: Scenario) -> list[Finding]:
    """What a check finds."""
    return list(check(scenario).findings)


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_a_fault_is_found_and_a_sound_set_up_is_not_blamed(code: str) -> None:
    """The finding names its code, says where it stands and what to do; what follows from it is no finding of its own."""
    case = CASES[code]
    findings = found(article_with(case.faulty))

    wanted = [finding for finding in findings if finding.code == code]
    assert wanted
    assert {finding.code for finding in findings if finding.severity != "note"} <= {code} | case.also
    for finding in wanted:
        assert finding.line > 0
        assert finding.file.endswith(("changed.yaml", "environment.yaml"))
        assert finding.where
        assert len(finding.text) > 40
    assert code not in {finding.code for finding in found(article_with(case.sound))}


def test_every_case_is_of_a_code_that_exists() -> None:
    """No case is left over from a code that was renamed."""
    assert set(CASES) == set(EXPLANATIONS)


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_every_code_is_explained(code: str) -> None:
    """Title, meaning, effect, remedy and source are there."""
    assert all(len(text) >= 4 for text in EXPLANATIONS[code])


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


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(setups())
def test_a_loop_found_without_walking_is_one_when_walked(raw: dict[str, Any]) -> None:
    """Whatever the set-up, the check ends and writes sentences; mail told to go round does not arrive, and passes the same server again."""
    raw.pop("events")
    setup = Setup(Scenario.model_validate(raw))
    assert all(finding.text and finding.where for finding in check(setup).findings)
    for flow in all_flows(setup):
        if flow.recipient.side == "group" or not flow.loop:
            continue
        route = trace(setup, flow.sender.address, flow.address).recipients[0]
        assert route.outcome != "delivered"
        if min(policy.hop_limit for policy in setup.policies.values()) > 2 * len(setup.policies):
            assert len(set(route.servers)) < len(route.servers)
