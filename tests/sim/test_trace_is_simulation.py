"""What `trace` says is what the simulation does: the same route, rules, reasons, outcome, code and notices for every message."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coexsim.engine.choice import Engine
from coexsim.experiment.run import simulate
from coexsim.mail.setup import Setup
from coexsim.mail.trace import Copy, Route, trace_mail
from coexsim.scenario.load import load_scenario, scenario_from_text
from coexsim.scenario.model import Mail, Scenario
from coexsim.sim.senders import NAMED_GAP_S
from tests.routing.compare import Case
from tests.routing.lab import CONFIGS, lab, lab_with
from tests.routing.test_truth import MORE
from tests.sim.setups import ONPREM, as_text, laid_over, mails, named, named_setups, setup
from tests.sim.small import SMALL

WORDS = {"deferred_in_queue": "in transit", "refused_to_client": "bounced"}
End = tuple[Any, ...]
Rows = list[dict[str, str]]


def ends_in_trace(walk: Route) -> dict[str, list[End]]:
    """Per recipient as written: address, outcome, code, by, servers and rules of each copy."""
    return {r.recipient: sorted({_end(copy) for copy in r.copies}) for r in walk.recipients}


def _end(copy: Copy) -> End:
    outcome = WORDS.get(copy.outcome, copy.outcome)
    code = copy.reply.enhanced if copy.reply and outcome != "in transit" else ""
    return (copy.address.casefold(), outcome, code, copy.by or "", copy.servers, tuple(hop.rule for hop in copy.hops))


def ends_in_run(rows: Rows) -> dict[str, list[End]]:
    """The same of a run's `messages`."""
    found: dict[str, set[End]] = {}
    for row in (row for row in rows if row["kind"] == "mail"):
        end = (
            row["address"].casefold(),
            row["outcome"],
            row["code"],
            row["by"],
            _words(row["route"]),
            _words(row["rules"]),
        )
        found.setdefault(row["recipient"], set()).add(end)
    return {recipient: sorted(ends) for recipient, ends in found.items()}


def by_message(table: pd.DataFrame) -> dict[str, Rows]:
    """The rows of a run's `messages`, by message."""
    found: dict[str, Rows] = {}
    for row in table.to_dict("records"):
        found.setdefault(str(row["message"]), []).append(row)  # type: ignore[arg-type]
    return found


def _words(joined: str) -> tuple[str, ...]:
    return tuple(joined.split(" > ")) if joined else ()


def notices_in_trace(walk: Route) -> set[End]:
    """Kind, addressee, servers and outcome of every notice."""
    return {
        (n.kind, n.to, n.copy.servers if n.copy else (), WORDS.get(n.copy.outcome, n.copy.outcome) if n.copy else "")
        for n in walk.notices
    }


def notices_in_run(rows: Rows) -> set[End]:
    """The same of a run's `messages`."""
    notices = [row for row in rows if row["kind"] != "mail"]
    return {(row["kind"], row["recipient"], _words(row["route"]), row["outcome"]) for row in notices}


def differences(scenario: Scenario, messages: tuple[Mail, ...]) -> list[str]:
    """Everything in which a run differs from the traces of its messages."""
    replayed = scenario.replaced(messages=messages, load=None)
    done_with = by_message(simulate(replayed).messages)
    facts = Setup(replayed)
    found = []
    for number, mail in enumerate(messages):
        walk = trace_mail(facts, mail, at_s=number * NAMED_GAP_S)
        rows = done_with.get(str(mail.name), [])
        told, done = ends_in_trace(walk), ends_in_run(rows)
        if told != {r: done.get(r, []) for r in told}:
            found.append(f"{mail.sender} -> {mail.to}:\n  trace {told}\n  run   {done}")
        if notices_in_trace(walk) != notices_in_run(rows):
            found.append(
                f"{mail.sender} -> {mail.to}:\n  trace {notices_in_trace(walk)}\n  run   {notices_in_run(rows)}"
            )
        found += _reasons(walk, rows)
    return found


def _reasons(walk: Route, rows: Rows) -> list[str]:
    """The trace's reasons say what the run's say, and more: what a client did before, what a server replied."""
    said = {tuple(hop.reason for hop in copy.hops) for r in walk.recipients for copy in r.copies}
    found = []
    for row in (row for row in rows if row["kind"] == "mail"):
        mine = _words(row["reasons"])
        if mine and not any(len(s) == len(mine) and all(m in t for m, t in zip(mine, s, strict=True)) for s in said):
            found.append(f"{row['message']} to {row['recipient']}: the run's reasons are {mine}, the trace's {said}")
    return found


def both_agree(scenario: Scenario, messages: tuple[Mail, ...] | None = None) -> None:
    found = differences(scenario, mails(scenario) if messages is None else messages)
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:6])


@pytest.mark.parametrize("file", ["environment", "flows", "as-printed"])
def test_the_article(file: str) -> None:
    """Its flows, and every pair of its people."""
    scenario = load_scenario(f"scenarios/article/{file}.yaml")

    both_agree(scenario)
    if scenario.messages:
        both_agree(scenario, tuple(m.replaced(name=m.name or "?") for m in scenario.messages))


@pytest.mark.parametrize("name", named_setups())
def test_setup(name: str) -> None:
    """Every pair of people in this set-up."""
    both_agree(named(name))


@pytest.mark.parametrize("declare_size", [True, False])
@pytest.mark.parametrize("onprem", ONPREM)
def test_size_limits(onprem: str, declare_size: bool) -> None:
    """Messages above, just below and at a limit, with and without SIZE=."""
    limit = {
        "domino": {"max_message_size": "1 MB"},
        "exchange": {"max_receive_size": "1 MB", "max_send_size": "900 KB"},
        "postfix": {"message_size_limit": "1 MB"},
        "exim": {"message_size_limit": "1 MB"},
    }[onprem]
    scenario = setup(onprem, {"servers": {"onprem": limit, "inotes-inbound": {"max_message_size": "1200 KB"}}})
    for size in (899_000, 999_500, 1_000_000, 1_100_000, 1_300_000):
        both_agree(scenario, mails(scenario, size=size, declare_size=declare_size))


@pytest.mark.parametrize("config", CONFIGS)
def test_lab(config: str) -> None:
    """The set-ups that were run with real servers."""
    scenario = lab(config).scenario
    endless = any(zone.fault for zone in scenario.dns.values())
    run = scenario.run.replaced(length=600.0, drain=3600.0 if endless else 20 * 86400.0)

    both_agree(scenario.replaced(run=run))


TWICE = {"G10", "G11"}  # one recipient in two spellings: a run has one row for the two


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in MORE.items() if name not in TWICE])
def test_observed(case: Case) -> None:
    """The messages that were sent over real servers in other set-ups."""
    scenario = lab_with(case.get("changes", "")).scenario
    sent = [
        Mail.from_data({"name": str(number), "from": said["from"] or "<>", "to": said["to"], "at": said["at"],
                             "size": f"{said.get('size_bytes', 4096)} B", "client": said.get("client", "own-user")})
        for number, said in enumerate(case["submissions"])
    ]  # fmt: skip
    endless = any(event.down and event.for_ is None for event in scenario.events)
    endless = endless or any(end["result"] == "deferred_in_queue" for end in case["outcome"])
    run = scenario.run.replaced(length=600.0, drain=3600.0 if endless else 20 * 86400.0)

    both_agree(scenario.replaced(run=run), tuple(sent))


def test_the_comparison_says_no() -> None:
    """Traces of one set-up are not the run of another."""
    one, other = setup(), named("domino, its help's rule")
    rows = by_message(simulate(one.replaced(messages=mails(one))).messages)
    facts = Setup(other)
    differ = [
        mail for mail in mails(one)
        if ends_in_trace(trace_mail(facts, mail)) != ends_in_run(rows[str(mail.name)])
    ]  # fmt: skip

    assert {address for mail in differ for address in mail.to} >= {"iUser1@corporate.com", "nonexistent@corporate.com"}


CUT_OR_SILENT = """
coexsim: 1
domain: corp.test
sites: [office, hosted, internet]
links:
  - {between: [office, hosted], round_trip: 40 ms, name: wan}
  - {between: [office, internet], round_trip: 40 ms}
dns:
  corp.test: |
    @    1h IN MX 10 mail
    mail 1h IN A 192.0.2.10
servers:
  onprem:
    kind: postfix
    site: office
    host: mail.corp.test
    relay_domains: [corp.test]
    virtual_mailbox_domains: []
    reject_unverified_recipient: enabled
    transport: {"iris@corp.test": "smtp:[in.hosted.test]"}
  inbound: {kind: hosted-inbound, site: hosted, host: in.hosted.test}
  outbound: {kind: hosted-outbound, site: hosted}
  external: {kind: external, site: internet, domain: other.test}
directory:
  master: onprem
  people:
    otto: {mail_file: onprem}
    iris: {mail_system: other-internet-mail, internet_address: iris@corp.test}
run: {length: 2 h}
"""


def test_a_probe_needs_the_link_too() -> None:
    """A server that asks the next host about a recipient cannot ask it over a link that is cut: 450 until it is back, in both."""
    text = CUT_OR_SILENT + "events: [{name: cut, at: 0 s, for: 30 min, down: wan}]\n"
    scenario = scenario_from_text(text + "messages: [{name: m1, from: bob@other.test, to: iris@corp.test}]\n")
    route, run = trace_mail(scenario, scenario.messages[0]), simulate(scenario, engine="reference").messages

    arrived_s = [copy.at_s for copy in route.recipients[0].copies]
    assert arrived_s[0] > 30 * 60
    assert run["delay_s"].tolist() == pytest.approx(arrived_s, abs=1)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize(
    ("to", "fault", "code"),
    [
        ("otto@corp.test", "servfail", "4.4.3"),
        ("zoe@nowhere.test", "servfail", "5.4.4"),
        ("otto@corp.test", "timeout", "4.4.3"),
    ],
)
def test_a_client_is_told_what_dns_says(to: str, fault: str, code: str, engine: Engine) -> None:
    """A user's program that looks for the MX itself: what it is told where DNS gives no host is the same in both."""
    text = CUT_OR_SILENT.replace("    reject_unverified_recipient: enabled\n", "")
    text += f"events: [{{name: z, at: 0 s, for: 30 min, zone: corp.test, fault: {fault}}}]\n"
    scenario = scenario_from_text(text + f"messages: [{{name: m1, from: bob@other.test, to: {to}, via: mx}}]\n")
    route, run = trace_mail(scenario, scenario.messages[0]), simulate(scenario, engine=engine).messages

    assert [copy.reply.enhanced for copy in route.recipients[0].copies if copy.reply] == [code]
    assert (run["outcome"].tolist(), run["code"].tolist(), run["by"].tolist()) == (["bounced"], [code], ["client"])


EXCHANGE = st.fixed_dictionaries(
    {
        "recipient_filtering": st.booleans(),
        "accepted_domains": st.sampled_from([{"corporate.com": t} for t in ("authoritative", "internal-relay")]),
    },
    optional={
        "max_recipients_per_message": st.integers(1, 4),
        "max_recipient_envelope_limit": st.integers(1, 7),
        "organization_max_receive_size": st.just("4 KB"),
    },
)
POSTFIX = st.fixed_dictionaries({}, optional={"smtpd_recipient_limit": st.integers(1, 4)})
ANY_ONPREM: st.SearchStrategy[tuple[str, Any]] = st.one_of(
    st.just(("domino", {})), POSTFIX.map(lambda e: ("postfix", e)), EXCHANGE.map(lambda e: ("exchange", e))
)
INBOUND = st.fixed_dictionaries(
    {},
    optional={
        "unknown_recipients": st.sampled_from(["refuse", "bounce", "relay"]),
        "people_elsewhere": st.sampled_from(["refuse", "relay"]),
        "smart_host": st.just("mail.corporate.com"),
        "edge_blocking": st.booleans(),
        "max_hop_count": st.integers(3, 12),
        "greylisting": st.just({"delay": "5 min"}),
    },
)
OUTBOUND = st.fixed_dictionaries({}, optional={"routes_internal_mail": st.sampled_from(["by-mx", "direct"])})
PERSON = st.one_of(
    st.just({"mail_system": "notes"}),
    st.just({"mail_system": "other-internet-mail"}),
    st.just({"mail_system": "none"}),
    st.just({"over_quota": True}),
    st.builds(
        lambda to: {"mail_system": "other-internet-mail", "forwarding_address": f"{to}@corporate.com"},
        st.sampled_from(["dUser1", "iUser1", "p0", "p1", "nobody"]),
    ),
)
GROUP = st.lists(st.sampled_from(["dUser1", "iUser1", "p0", "p1", "g0", "x@otherdomain.com"]), min_size=1, max_size=3)
OUTAGE = st.fixed_dictionaries(
    {
        "at": st.just("0 s"),
        "for": st.sampled_from(["37 min", "5 h 7 min", "33 h"]),
        "down": st.sampled_from(["inotes-inbound", "onprem", "external", "office-hosted", "office-internet", "dns"]),
    }
)


TWO_MX = "@ 1h IN MX 10 mail\n@ 1h IN MX 20 backup\nmail 1h IN A 192.0.2.10\nbackup 1h IN A 192.0.2.11"


@settings(max_examples=10, deadline=None)
@given(
    ANY_ONPREM,
    INBOUND,
    OUTBOUND,
    st.lists(PERSON, min_size=2, max_size=2),
    st.lists(GROUP, min_size=1, max_size=1),
    st.lists(OUTAGE, max_size=2),
    st.booleans(),
)
def test_any_setup(
    onprem: str,
    inbound: dict[str, Any],
    outbound: dict[str, Any],
    people: list[Any],
    groups: list[Any],
    events: list[Any],
    second_mx: bool,
) -> None:
    """Whatever the products are told, whoever there is, and whatever is down for a while."""
    more: dict[str, Any] = {
        "servers": {"onprem": onprem[1], "inotes-inbound": inbound, "inotes-outbound": outbound},
        "directory": {
            "people": {f"p{i}": person for i, person in enumerate(people)},
            "groups": {f"g{i}": members for i, members in enumerate(groups)},
        },
        "events": events,
    }  # fmt: skip
    if second_mx:
        more["dns"] = {"corporate.com": TWO_MX}
        more["servers"]["backup"] = {"kind": "relay", "site": "hosted", "host": "backup.corporate.com"}

    both_agree(setup(onprem[0], more))


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_a_size_that_was_not_declared_costs_the_body(order: tuple[bool, bool], engine: Engine) -> None:
    """Mail alike but for SIZE= at MAIL: the declared one is refused before its body, the other after it, whichever comes first.

    RFC 1870 6.1: a server may refuse at MAIL what is declared too large. Postfix's limit is 10,240,000 bytes (postconf(5)).
    """
    one = {"from": "x@otherdomain.com", "to": "ann", "size": "20 MB"}
    messages = [{**one, "name": f"declared {said}", "declare_size": said} for said in order]
    world = laid_over(SMALL, {"directory": {"people": {"ann": {}}}, "messages": messages})
    mail = simulate(scenario_from_text(as_text(world)), engine=engine).mail

    sent = mail[mail["kind"] == "mail"].set_index("stream")["wan_bytes"].to_dict()
    assert sent == {"declared True": 0, "declared False": 20_000_000}
