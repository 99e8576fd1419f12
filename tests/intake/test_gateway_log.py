"""A log of five real Postfix servers with a gateway and an outage (``postfix-gateway/README.txt``): from their files to a prediction."""

from __future__ import annotations

import csv
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from coexsim.intake.configs.importing import import_setup
from coexsim.intake.fit import FITTED, Fit, fit
from coexsim.intake.fit_ways import faults, wrong_ways
from coexsim.intake.validate import Validation, validate
from coexsim.scenario.load import load_scenario
from tests.intake.log_lab import LAB
from tests.intake.test_outage_log import mailboxes

FOLDER = LAB.parent / "postfix-gateway"
LOGS = sorted(FOLDER.glob("*.log.gz"))
# What stands around the two servers whose files are imported.
AROUND = """\
coexsim: 1
domain: firm.test
sites: [office, hosted, internet]
links:
  - {between: [hosted, internet], round_trip: 0.01 ms}
  - {between: [hosted, office], round_trip: 0.01 ms}
  - {between: [internet, office], round_trip: 0.01 ms}
dns:
  firm.test: |
    @     1h IN MX 10 edge
    edge  1h IN A 10.56.0.10
    store 1h IN A 10.56.0.11
servers:
  in1: {kind: hosted-inbound, site: hosted, host: in1.cloud.test}
  out: {kind: hosted-outbound, site: hosted, host: out.cloud.test, address: 10.56.0.22}
  partner: {kind: external, site: internet, domain: partner.test, host: mail.partner.test}
  store: {kind: postfix, site: office}
  edge: {kind: postfix, site: office}
directory: {master: store, replica: {at: in1}}
"""


@cache
def truth() -> dict[str, Any]:
    """What was sent."""
    found: dict[str, Any] = json.loads((FOLDER / "truth.json").read_text(encoding="utf-8"))
    return found


def site_in(folder: Path) -> Path:
    """The two servers, imported into what stands around them."""
    into = folder / "site.yaml"
    into.write_text(AROUND, encoding="utf-8")
    for server in ("store", "edge"):
        made = import_setup(FOLDER / "setup" / server, kind="postfix", into=into, server=server)
        into.write_text(made.text, encoding="utf-8")
    return into


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the scenarios are."""
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="module")
def found(folder: Path) -> Fit:
    """The fit of the five logs over the set-up, saved."""
    made = fit(LOGS, scenario=site_in(folder), folder=folder)
    made.save(folder)
    return made


@pytest.fixture(scope="module")
def validated(folder: Path, found: Fit) -> Validation:
    """The log's mail through the fitted scenario."""
    assert found.scenario_text
    return validate(folder / "fitted.yaml", LOGS, replications=1)


def test_everything_is_counted_exactly(found: Fit) -> None:
    """Messages, recipients, the flow matrix and every mailbox; one message that was refused at MAIL names nobody."""
    kinds = {
        "external": "internet",
        "invalid_user": "unknown",
        "invalid_domain": "unknown domain",
        "hosted_unsynced": "unknown at hosted",
    }
    wanted: Counter[tuple[str, str]] = Counter()
    for cell, n in truth()["recipients_by_sender_kind>recipient_kind"].items():
        sender, _, to = cell.partition(">")
        wanted[kinds.get(sender, sender), kinds.get(to, to)] += n
    flows: Counter[tuple[str, str]] = Counter()
    for sender, to, n in zip(*(found.flows[c].tolist() for c in ("sender", "recipient", "recipients")), strict=True):
        flows[sender, to] += n
    with (FOLDER / "mailboxes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = {name: number for number, name in found.names.items()}
    on_disk = Counter({(numbers[row["host"]], row["mailbox"]): int(row["messages"]) for row in rows})

    assert found.figure("messages").value == truth()["messages"] == 1300
    assert found.figure("recipients").value == truth()["recipients"] == 2397
    assert (wanted - flows).total() == 1
    assert not flows - wanted
    assert mailboxes(found) == on_disk


def test_mailboxes_without_a_name_go_the_ways_of_those_with_one(found: Fit) -> None:
    """The transport tables name each hosted user: at the gateway against the domain's entry, at the store without one."""
    assert 'transport: {"hosted-mailbox@firm.test": "smtp:[in1.cloud.test]"}' in found.scenario_text
    assert 'smart_host: "[edge.firm.test]"' in found.scenario_text


def test_mailboxes_are_where_the_log_shows_mail_files(tmp_path: Path) -> None:
    """A set-up whose directory began at the gateway: mail is put into files at the store (`mailboxes.csv`), so they are there."""
    site = site_in(tmp_path)
    site.write_text(site.read_text(encoding="utf-8").replace("master: store", "master: edge"), encoding="utf-8")
    made = fit(LOGS, scenario=site, folder=tmp_path)
    made.save(tmp_path)
    fitted = load_scenario(tmp_path / FITTED)

    assert fitted.home_server["onprem"] == "store"
    assert "mail files are there by the log, not at edge" in made.scenario_text
    assert [way for way in wrong_ways(made, fitted) if way.is_most and way.measured == "delivered"] == []


def test_a_gateway_is_worked_out(tmp_path: Path) -> None:
    """Without a scenario: the MX leads to it, and by no flow does mail end otherwise in the scenario than in the logs."""
    made = fit(LOGS, folder=tmp_path)
    made.save(tmp_path)

    assert made.names[_number(made, "edge")] == "gateway"
    assert "MX 10 edge.firm.test." in made.scenario_text
    assert faults(load_scenario(tmp_path / FITTED)) == []
    assert wrong_ways(made, load_scenario(tmp_path / FITTED)) == []


def _number(made: Fit, server: str) -> int:
    return list(made.parts.book.servers.texts).index(server)


def test_the_outage_is_predicted(validated: Validation) -> None:
    """p95 of the flows into it, which waited 3 minutes, is not missed; the gateway's longest queue within 10 %; nothing is lost."""
    by_name = {row.name: row for row in validated.comparisons}

    for flow in ("hosted->hosted", "onprem->hosted", "internet->hosted"):
        assert by_name[f"p95 {flow}"].verdict != "missed"
    assert by_name["p95 onprem->hosted"].verdict == "met"
    queue = by_name["edge: most messages in the queue at the end of a minute"]
    assert queue.measured == 305
    assert queue.verdict == "met"
    for name in ("copies delivered", "copies bounced or refused", "attempts between servers for each delivered copy"):
        assert by_name[name].verdict == "met"


def test_transfers_are_known_as_far_as_their_rounding_lets(validated: Validation) -> None:
    """The parts c and d are rounded to 10 ms each: a prediction between what they may have been is not judged."""
    rows = [row for row in validated.comparisons if "transfers under way" in row.name]

    assert len(rows) == 4
    assert all(row.low < row.measured < row.high for row in rows)
    assert {row.verdict for row in rows if row.low <= row.predicted <= row.high} <= {"met", "cannot say"}
    assert all("whose times have steps of 10 ms" in row.remark for row in rows if row.verdict == "cannot say")


def test_messages_without_a_size_are_told(found: Fit) -> None:
    """Nine were refused at RCPT and one at MAIL: their sizes are in no log; the quantiles are of the others."""
    figure = found.figure("size of a message, mean")

    assert figure.messages == 1290
    assert figure.remark.startswith("10 of 1,300 messages have no size in the logs")


def test_what_went_another_way_is_said(validated: Validation) -> None:
    """Lists are expanded at the gateway: 126 copies from store to store went over it, the replay hands them over at the store."""
    rows = {row.name: row for row in validated.comparisons if row.topic == "delay"}
    others = [row for name, row in rows.items() if "onprem->onprem" not in name]

    assert "0.53 times each (mean), in the scenario 0.00 times" in rows["p95 onprem->onprem"].remark
    assert not any("went another way" in row.remark for row in others)
