"""The models of a scenario: the words that planners write, and rules inside one part."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from coexsim.errors import ScenarioError
from coexsim.scenario.load import load_scenario, scenario_from_text
from coexsim.scenario.model import Event, Expect, Mail
from coexsim.scenario.part import PartError
from coexsim.scenario.servers import AcceptedDomain, DominoServer, ExchangeServer

ARTICLE = Path(__file__).parents[2] / "scenarios" / "article"
SMALL = "coexsim: 1\ndomain: corporate.com\nservers:\n  onprem: {kind: domino, host: mail.corporate.com}\n  cloud: {kind: hosted-inbound}\n"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"at": "10:00"}, "an event says one of: down, zone, move, hire"),
        ({"at": "10:00", "down": "a", "hire": 3, "to": "hosted"}, "an event says one of"),
        ({"down": "a"}, "an event needs 'at', or 'mtbf' and 'mttr'"),
        ({"down": "a", "mtbf": "1 d"}, "mtbf and mttr go together"),
        ({"move": "a", "at": "10:00"}, "'move' and 'hire' need 'to: onprem' or 'to: hosted'"),
        ({"zone": "a.example", "at": "10:00"}, "'zone' needs 'fault: servfail' or 'fault: timeout'"),
    ],
)
def test_an_event_says_one_thing(event: dict[str, object], expected: str) -> None:
    """What is left out or said twice is told in words."""
    with pytest.raises(PartError, match=expected):
        Event.from_data(event)


def test_words_of_the_products() -> None:
    """Enabled and disabled as the products' forms say; a single name for a list; an accepted domain by its type alone."""
    server = DominoServer.from_data(
        {"kind": "domino", "smtp_listener_task": "enabled", "global_domain": "corporate.com"}
    )

    assert (server.smtp_listener_task, server.global_domain) == (True, ("corporate.com",))
    assert AcceptedDomain.from_data("authoritative").looks_up_recipients
    assert not AcceptedDomain.from_data("internal-relay").looks_up_recipients
    assert AcceptedDomain.from_data({"type": "internal-relay", "recipient_lookup": "enabled"}).looks_up_recipients


@pytest.mark.parametrize(
    ("kind", "setting", "default"),
    [
        (DominoServer, "smtp_listener_task", False),  # Server document [D-HELP]
        (DominoServer, "smtp_outside_local_domain", False),
        (DominoServer, "mail_timeout", 86400.0),  # [D-TIMEOUT]
        (ExchangeServer, "max_hop_count", 30),  # [PS-RC]
        (ExchangeServer, "max_receive_size", 37_748_736),
        (ExchangeServer, "message_expiration", 172800.0),  # [MS-INT]
    ],
)
def test_defaults_are_the_products(kind: type, setting: str, default: object) -> None:
    """What is not written is what the product does out of the box."""
    assert kind.model_fields[setting].default == default  # type: ignore[attr-defined]


def test_the_null_sender_is_written_in_brackets() -> None:
    """``<>`` as in SMTP."""
    assert Mail.from_data({"from": "<>", "to": "x"}).envelope_sender == ""


@pytest.mark.parametrize("outcome", ["delivred", "lost", 3])
def test_an_expectation_is_one_of_the_outcomes(outcome: object) -> None:
    """A misspelt expectation would never be met."""
    with pytest.raises(PartError):
        Expect.from_data({"outcome": outcome})


def test_where_each_side_lives_and_hands_in() -> None:
    """The master's server and the replica's; submissions at the hosted outbound server where there is one."""
    article = load_scenario(ARTICLE / "environment.yaml")
    small = scenario_from_text(SMALL)

    assert article.home_server == {"onprem": "onprem", "hosted": "inotes-inbound"}
    assert article.submission_server == {"onprem": "onprem", "hosted": "inotes-outbound", "internet": "external"}
    assert small.home_server == {"onprem": "onprem", "hosted": "cloud"}
    assert small.submission_server == {"onprem": "onprem", "hosted": "cloud"}


def test_a_scenario_is_a_value() -> None:
    """Frozen, comparable, and the same after a trip to another process."""
    scenario = scenario_from_text(SMALL)

    assert pickle.loads(pickle.dumps(scenario)) == scenario == scenario_from_text(SMALL)
    with pytest.raises(ValidationError, match="frozen"):
        scenario.title = "other"


def test_every_key_has_its_place() -> None:
    """File and line of what was written; of what was not, those of the nearest key above."""
    source = load_scenario(ARTICLE / "flows.yaml").source

    assert source.where(("messages", 0, "from"))[0].endswith("flows.yaml")
    assert source.where(("servers", "onprem", "smart_host"))[0].endswith("environment.yaml")
    assert source.where(("servers", "onprem", "nonsense", 3)) == source.where(("servers", "onprem"))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("  role: {kind: relay, runs_on: role}\n", "servers.role.runs_on: 'role' is itself a role without a machine"),
        ("  role: {kind: relay, runs_on: onprem}\n", "servers.role: it has no smart_host, and neither has 'onprem'"),
        (
            "  role: {kind: relay, runs_on: onprem, host: other.corporate.com}\n",
            "servers.role.host: mail reaches it through 'onprem'; leave 'host' out",
        ),
        (
            "  twin: {kind: postfix, host: MAIL.corporate.com}\n",
            "servers.twin.host: MAIL.corporate.com is already the host of 'onprem'",
        ),
        ("directory: {groups: {all: [nobody]}}\n", "directory.groups.all[0]: no person or group is called 'nobody'"),
        (
            "directory: {population: {onprem: -1}}\n",
            "directory.population.onprem: expected 0 or more; found -1",
        ),
        (
            "messages: [{from: a@b.example, to: a@b.example, expect: {}}]\n",
            "messages[0].expect: it expects nothing, so it would always hold; write for example 'outcome: delivered'",
        ),
        (
            "messages: [{from: a@b.example, to: a@b.example, expect: {code: '550'}}]\n",
            "messages[0].expect.code: expected an enhanced status code such as '5.1.1'; found '550'",
        ),
        (
            "directory: {people: {ann: {only_at_hosted: true, mail_file: onprem}}}\n",
            "directory.people.ann.only_at_hosted: 'onprem' is no hosted-inbound server",
        ),
        (
            "events: [{at: '10:00', down: onprm}]\n",
            "events[0].down: no server or link is called 'onprm'; did you mean 'onprem'?",
        ),
        ("run: {length: 0 s}\n", "run.length: a run of no length measures nothing"),
        (
            "run: {start: 'Mon 09:00', length: 1 h}\nevents: [{at: 'Mon 08:50', for: 20 min, down: onprem}]\n",
            "events[0].at: it begins Mon 08:50, before the run, Mon 09:00, and lasts into it; let the run begin with it or earlier",
        ),
        ("run: {length: 1 h, warm_up: 1 h}\n", "run.warm_up: the warm-up ends when nothing is left to measure"),
        (
            "run: {length: 2 h, measure: 10 min - 30 min, warm_up: 40 min}\n",
            "run.warm_up: the warm-up ends when nothing is left to measure",
        ),
        (
            "run: {length: 1 h, measure: 30 min - 2 h}\n",
            "run.measure: the measured window, Mon 00:30 to 02:00, must lie inside the run, Mon 00:00 to 01:00",
        ),
        (
            "messages: [{from: a@b.example, to: a@b.example, expect: {by: onprm}}]\n",
            "messages[0].expect: no server is called 'onprm'",
        ),
    ],
)
def test_rules_between_fields(more: str, expected: str) -> None:
    """Each rule that is broken is told with the path of what breaks it."""
    with pytest.raises(ScenarioError) as caught:
        scenario_from_text(SMALL + more)
    assert expected in str(caught.value)


@pytest.mark.parametrize("of_tenant", [False, True])
@pytest.mark.parametrize(
    ("people", "where"),
    [
        ("directory: {population: {hosted: 5}}\nload: {profile: office-worker}\n", "directory.population.hosted"),
        ("events: [{at: '10:00', hire: 5, to: hosted}]\n", "events[0].to"),
    ],
)
def test_nameless_people_need_a_server(people: str, where: str, of_tenant: bool) -> None:
    """A population that no server holds is refused, not left out without a word; so are people who come there."""
    tenant = "  cloud: {kind: hosted-inbound, tenant: other}\n" if of_tenant else ""
    why = " ('tenant' stands at cloud); name the one" if of_tenant else "; add one of kind hosted-inbound"
    with pytest.raises(ScenarioError) as caught:
        scenario_from_text(SMALL.replace("  cloud: {kind: hosted-inbound}\n", tenant) + people)
    assert where in str(caught.value)
    assert f"holds the mail files of this side{why}" in str(caught.value)
    assert scenario_from_text(SMALL + people).home_server["hosted"] == "cloud"


def test_machines_are_listed_or_ranged() -> None:
    """Of candidates and ranges together the ranges, right or wrong, would be passed over in silence."""
    candidates, ranges = "candidates: [{name: a, cores: 1}]", "ranges: {cores: 2..4}"
    with pytest.raises(ScenarioError, match=r"size\.ranges: 'candidates' are there too"):
        scenario_from_text(SMALL + f"size: {{server: onprem, {candidates}, {ranges}}}\n")
    for one in (candidates, ranges):
        assert scenario_from_text(SMALL + f"size: {{server: onprem, {one}}}\n").size
