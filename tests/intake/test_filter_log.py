"""A log of one Postfix with a content filter behind its queue, made from times that are known: the filter's time is found and predicted.

Its neighbours have no log: what comes from them and goes to them is told as far as this log shows it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from coexsim.intake.fit import Fit, fit
from coexsim.intake.fit_ways import hops_in_no_log, roles_of
from coexsim.intake.logs.book import SENT
from coexsim.intake.validate import Validation, validate
from coexsim.intake.validate_measure import to_other_servers
from coexsim.scenario.load import load_scenario

Floats = NDArray[np.float64]
BEGIN_S = datetime(2026, 11, 24, 9, tzinfo=UTC).timestamp()
PAIRS, GAP_S = 150, 4.0  # a message in and one out each time
RECEIPT_S, BEHIND_S, HAND_OVER_S, INTO_FILE_S = 0.05, 0.03, 0.2, 0.02
SET_UP = """\
coexsim: 1
domain: corp.example
servers:
  hub: {kind: postfix, host: hub.corp.example}
  world: {kind: external, host: mx.elsewhere.example, domain: elsewhere.example}
dns:
  corp.example: |
    @    1h IN MX 10 hub
    hub  1h IN A 192.0.2.10
directory: {master: hub, people: {anna: {mail_file: hub}}}
"""


def _id(at_s: float, number: int) -> str:
    """A short queue id: the microsecond of arrival, then the inode."""
    return f"{round(at_s % 1 * 1e6) % 1_000_000:05X}{0x10000 + number:05X}"


def _line(at_s: float, text: str) -> tuple[float, str]:
    return at_s, f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%S.%f}+00:00 hub postfix/{text}\n"


def _visit(at_s: float, number: int, client: str, sender: str, receipt_s: float) -> list[tuple[float, str]]:
    name = _id(at_s, number)
    return [
        _line(at_s, f"smtpd[9]: {name}: client={client}"),
        _line(at_s + receipt_s / 2, f"cleanup[9]: {name}: message-id=<{number // 2}@corp.example>"),
        _line(at_s + receipt_s, f"qmgr[9]: {name}: from=<{sender}>, size=5000, nrcpt=1 (queue active)"),
    ]


def _delivery(
    at_s: float, number: int, agent: str, relay: str, stages: tuple[float, ...], reply: str
) -> list[tuple[float, str]]:
    name, (_, to) = _id(at_s, number), _people(number)
    end_s = at_s + sum(stages)
    words = "/".join(f"{stage:.2g}" for stage in stages)
    return [
        _line(
            end_s,
            f"{agent}[9]: {name}: to=<{to}>, relay={relay}, delay={sum(stages):.2g}, delays={words}, dsn=2.0.0, status=sent ({reply})",
        ),
        _line(end_s + 1e-4, f"qmgr[9]: {name}: removed"),
    ]


def _people(number: int) -> tuple[str, str]:
    ours, theirs = "anna@corp.example", "zoe@elsewhere.example"
    return (theirs, ours) if number // 2 % 2 == 0 else (ours, theirs)


def _log(filter_s: Floats, from_outside_s: float = RECEIPT_S) -> str:
    """The mail, in the order of its lines. Each message is two visits: before the filter, and behind it."""
    found: list[tuple[float, str]] = []
    for message, takes_s in enumerate(filter_s.tolist()):
        at_s, number = BEGIN_S + message * GAP_S / 2 + 0.123, 2 * message
        inward = message % 2 == 0
        receipt_s = from_outside_s if inward else RECEIPT_S
        takes_s += receipt_s - RECEIPT_S
        sender, back_s = _people(number)[0], at_s + takes_s
        client = "mx.elsewhere.example[203.0.113.9]" if inward else "pc.corp.example[192.0.2.77], sasl_username=anna"
        found += _visit(at_s, number, client, sender, receipt_s)
        found += _visit(back_s, number + 1, "localhost[127.0.0.1]", sender, BEHIND_S)
        reply = f"250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as {_id(back_s, number + 1)}"
        in_filter = (receipt_s, 0.0, 0.01, takes_s - receipt_s - 0.01 + BEHIND_S)
        found += _delivery(at_s, number, "smtp", "127.0.0.1[127.0.0.1]:10024", in_filter, reply)
        if inward:
            found += _delivery(
                back_s, number + 1, "virtual", "virtual", (BEHIND_S, 0.0, 0.0, INTO_FILE_S), "delivered to maildir"
            )
        else:
            on = (BEHIND_S, 0.0, 0.05, HAND_OVER_S - 0.05)
            found += _delivery(back_s, number + 1, "smtp", "mx.elsewhere.example[203.0.113.9]:25", on, "250 2.0.0 Ok")
    return "".join(text for _, text in sorted(found, key=lambda line: line[0]))


@pytest.fixture(scope="module")
def filter_s() -> Floats:
    """What the filter takes of each message, from the queue before it to the one behind it."""
    return np.random.default_rng(1).gamma(4.0, 0.2, 2 * PAIRS) + RECEIPT_S + 0.02


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, filter_s: Floats) -> Path:
    """Log and set-up."""
    found = tmp_path_factory.mktemp("filter")
    (found / "hub.log").write_text(_log(filter_s), encoding="utf-8")
    (found / "setup.yaml").write_text(SET_UP, encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def fitted(folder: Path) -> Fit:
    """The fit over the set-up, written beside it."""
    found = fit([folder / "hub.log"], scenario=folder / "setup.yaml", folder=folder, parts=1)
    found.save(folder)
    return found


@pytest.fixture(scope="module")
def validation(folder: Path, fitted: Fit) -> Validation:
    """The fitted scenario under the log's own mail."""
    return validate(folder / "fitted.yaml", [folder / "hub.log"], replications=2)


def test_scan_is_what_the_filter_takes_and_receipt_behind_it(fitted: Fit, filter_s: Floats) -> None:
    """From the queue before the filter until the queue manager has what came back: known to the microsecond, so equal."""
    [work] = fitted.works.values()

    assert len(fitted.journeys.messages) == 2 * PAIRS
    assert work.is_filtered
    assert work.scan is not None
    assert work.scan.messages == 2 * PAIRS
    assert work.scan.mean_s == pytest.approx(filter_s.mean() + BEHIND_S, abs=1e-3)
    assert work.scan.mean_s * work.scan.cv == pytest.approx(filter_s.std(), rel=0.02)
    assert work.deliver is not None
    assert work.deliver.mean_s == pytest.approx(INTO_FILE_S, abs=5e-3)


def test_delays_load_and_attempts_are_predicted(validation: Validation) -> None:
    """Mail in and out is as slow as in the log; the filter is no other server; what unlogged servers brought is counted."""
    by_name = {each.name: each for each in validation.comparisons}

    for flow in ("internet->onprem", "onprem->internet"):
        for name in (f"p50 {flow}", f"p95 {flow}"):
            assert by_name[name].verdict == "met", by_name[name].say()
    minutes = 2 * PAIRS * GAP_S / 2 / 60
    come = by_name["hub: messages from other servers"]
    assert come.verdict == "met"
    assert come.measured == pytest.approx(PAIRS / minutes, rel=0.1)
    attempts = by_name["hub: attempts to hand mail on"]
    assert (attempts.predicted, attempts.measured) == (PAIRS, PAIRS)


def test_receipt_over_a_slow_line_is_the_reason_that_is_said(tmp_path: Path, filter_s: Floats) -> None:
    """From outside mail takes 0.5 s longer to come than from near, on a line that the scenario has not: so it is told, of that flow."""
    (tmp_path / "hub.log").write_text(_log(filter_s, RECEIPT_S + 0.5), encoding="utf-8")
    (tmp_path / "setup.yaml").write_text(SET_UP, encoding="utf-8")
    fit([tmp_path / "hub.log"], scenario=tmp_path / "setup.yaml", folder=tmp_path).save(tmp_path)
    found = validate(tmp_path / "fitted.yaml", [tmp_path / "hub.log"], replications=2)
    by_name = {each.name: each for each in found.comparisons}

    slow = by_name["p50 internet->onprem"]
    assert slow.verdict == "missed"
    assert "receipt over the lines of hosts without a log there predicted 50 ms, in the log 550 ms" in slow.remark
    assert by_name["p50 onprem->internet"].verdict == "met"


def test_a_filter_is_no_other_server(fitted: Fit, folder: Path) -> None:
    """Deliveries to it are none to another server; nor is a hop without a log counted against the scenario's."""
    joined = fitted.journeys.joined

    assert int((joined.deliveries["status"] == SENT).sum()) == 4 * PAIRS
    assert int(to_other_servers(joined).sum()) == PAIRS
    assert set(fitted.journeys.copies["hops"]) == {0}
    assert hops_in_no_log(fitted, load_scenario(folder / "setup.yaml"))["internet->onprem"] == 1


@pytest.mark.parametrize(
    ("logged", "roles", "unseen"),
    [(("in", "hub"), ("in", "out"), 0), (("in", "out"), ("in",), 1), (("hub",), ("hub",), 1)],
    ids=["one for both", "one each", "own"],
)
def test_the_log_of_a_service_speaks_for_both_of_its_servers(
    tmp_path: Path, logged: tuple[str, ...], roles: tuple[str, ...], unseen: int
) -> None:
    """A message trace has what the service takes and what its people send; logs of both servers speak for one each."""
    more = "  in: {kind: hosted-inbound, host: in.cloud.example}\n  out: {kind: hosted-outbound}\ndns:"
    text = SET_UP.replace("dns:", more).replace("{master: hub,", "{master: hub, replica: {at: in},")
    text = text.replace("people: {", "people: {ida: {mail_file: in}, ")
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    found = cast(Any, SimpleNamespace(names=dict(enumerate(logged))))

    scenario = load_scenario(tmp_path / "s.yaml")
    assert roles_of(found, scenario, logged[0]) == roles
    assert hops_in_no_log(found, scenario)["hosted->onprem"] == unseen
