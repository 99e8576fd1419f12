"""A server's whole log, or a piece of one, is not there: what cannot be counted is not told as sure, and what is missing is named."""

from __future__ import annotations

import gzip
from functools import cache
from math import inf, isnan
from pathlib import Path

import pytest

from coexsim.experiment.run import simulate
from coexsim.intake.fit import Fit, fit
from coexsim.intake.logs.join import join
from coexsim.intake.logs.journeys import journeys
from coexsim.intake.logs.read import read_logs
from coexsim.intake.writers.write import LogFormat, write_logs
from coexsim.scenario.load import changed
from coexsim.scenario.model import Scenario
from coexsim.sim.mail_log import MailLog
from tests.intake.log_lab import LAB, SERVERS, lab_fit
from tests.intake.test_damaged_logs import wrong
from tests.intake.test_writing_logs import minute

LABS = {LAB: 2000, LAB.parent / "postfix-outage": 1216}
HOSTS = {"onprem": "domino.corporate.com", "outbound": "outbound.inotes.test"}


def without(lab: Path, missing: str) -> Fit:
    """The fit of the other four servers' logs."""
    return fit([lab / f"{name}.log.gz" for name in SERVERS if name != missing])


@pytest.mark.parametrize("missing", HOSTS)
@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_a_server_in_between_without_a_log_makes_bounds(lab: Path, missing: str) -> None:
    """Mail that passes it, or is divided there, is seen twice: counts are bounds that hold what was sent, its host is named."""
    found = without(lab, missing)
    messages = found.figure("messages")

    assert not found.complete.counts_hold
    assert [server.host for server in found.complete.unlogged] == [HOSTS[missing]]
    assert isnan(messages.value)
    assert messages.low <= LABS[lab] < messages.high == inf
    assert f"mail passes {HOSTS[missing]}, and no log is known to be of it" in messages.remark
    assert "give its log" in messages.remark
    assert isnan(found.figure("messages handed in").value)
    assert "Not to be trusted as it stands" in found.scenario_text


@pytest.mark.parametrize("is_first", [True, False], ids=["first half", "second half"])
@pytest.mark.parametrize("halved", HOSTS)
def test_a_log_of_another_time_than_the_others_makes_bounds(tmp_path: Path, halved: str, is_first: bool) -> None:
    """Mail that comes from a logged server is in that server's log: here a half of it is not, and the server is named with its time."""
    lines = gzip.decompress((LAB / f"{halved}.log.gz").read_bytes()).decode().splitlines(keepends=True)
    half = len(lines) // 2
    (tmp_path / "part.log").write_text("".join(lines[:half] if is_first else lines[half:]), encoding="utf-8")
    found = fit([*(LAB / f"{name}.log.gz" for name in SERVERS if name != halved), tmp_path / "part.log"])
    messages = found.figure("messages")

    assert not found.complete.counts_hold
    assert isnan(messages.value)
    assert messages.low <= LABS[LAB] < messages.high == inf
    assert f"most of it not in that of {HOSTS[halved].partition('.')[0]} (" in messages.remark
    assert "of the same time" in messages.remark


@pytest.mark.parametrize("lab", ["postfix-lab", "postfix-outage", "postfix-gateway"])
def test_mail_between_whole_logs_is_in_both(lab: str) -> None:
    assert fit(sorted((LAB.parent / lab).glob("*.log.gz"))).complete.strange_share == 0


@pytest.mark.parametrize("missing", ["external", "inbound", "third"])
@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_a_server_at_the_end_of_the_way_is_not_missed(lab: Path, missing: str) -> None:
    """The others say of every message but those that the Internet's own server lost: counts hold to one in a thousand.

    Mail that begins and ends at the service would be in its log only: that is said.
    """
    found = without(lab, missing)
    said = [figure.name for figure in found.figures if figure.name.startswith("mail that begins and ends at")]

    assert found.complete.counts_hold
    assert found.figure("messages").value == pytest.approx(LABS[lab], rel=1e-3)
    assert said == (["mail that begins and ends at inbound.inotes.test"] if missing == "inbound" else [])


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
@pytest.mark.parametrize("given", [("inbound", "onprem", "third"), ("onprem",)], ids=" ".join)
def test_a_service_whose_outgoing_log_is_missing_may_have_sent_more(lab: Path, given: tuple[str, ...]) -> None:
    """It brings mail of people who live elsewhere; what it sends straight to others is in none of these logs: the count is a least."""
    messages = fit([lab / f"{name}.log.gz" for name in given]).figure("messages")

    assert messages.low <= messages.value < LABS[lab] < messages.high == inf
    assert "At least: outbound.inotes.test, which brought " in messages.remark


def test_all_logs_leave_nothing_open() -> None:
    """Of the whole lab no server is missing."""
    assert lab_fit().complete.unlogged == ()
    assert lab_fit().complete.silences == ()
    assert not any("begins and ends at" in figure.name for figure in lab_fit().figures)


def test_counts_say_of_which_mail_they_are() -> None:
    """Without the logs of both doors, mail between the two is in no log, and nothing shows it: whose mail is counted is said."""
    found = fit([LAB / f"{name}.log.gz" for name in ("external", "outbound", "third")], domain="corporate.com")
    remark = found.figure("messages").remark

    assert "of mail that passed one of these, whose logs were given: mail, mail (third), outbound." in remark
    assert "The organisation is taken to be corporate.com" in remark


def syslog(host: str, queue_id: str, client: str, message_id: str, sender: str, to: str, relay: str, at: str) -> str:
    """Lines of one message that a server takes and hands on."""
    head = f"Nov 24 17:32:{at} {host} postfix/"
    sent = f"to=<{to}>, relay={relay}, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 Ok)"
    return (
        f"{head}smtpd[1]: {queue_id}: client={client}\n{head}cleanup[2]: {queue_id}: message-id=<{message_id}>\n"
        f"{head}qmgr[3]: {queue_id}: from=<{sender}>, size=1000, nrcpt=1 (queue active)\n"
        f"{head}smtp[4]: {queue_id}: {sent}\n{head}qmgr[3]: {queue_id}: removed\n"
    )


@pytest.mark.parametrize(
    ("sender", "messages"), [("anna@corp.example", 1), ("list-bounces@filter.example", 2)], ids=["filter", "list"]
)
def test_mail_that_comes_back_is_the_same_only_from_the_same_sender(tmp_path: Path, sender: str, messages: int) -> None:
    """Out by one server, in by another, through a host without a log: a filter's is one message, a mailing list's is new mail."""
    host = "filter.example[192.0.2.9]"
    out = syslog(
        "out",
        "5A2F31C0A2B",
        "pc.corp.example[192.0.2.1]",
        "m@x",
        "anna@corp.example",
        "bob@corp.example",
        f"{host}:25",
        "42",
    )
    back = syslog("in", "7B0001C0A2C", host, "m@x", sender, "bob@corp.example", "box.corp.example[192.0.2.8]:25", "43")
    (tmp_path / "out.log").write_text(out)
    (tmp_path / "in.log").write_text(back)

    assert len(journeys(join(read_logs([tmp_path / "out.log", tmp_path / "in.log"], year=2026))).messages) == messages


@cache
def long_log() -> tuple[Scenario, MailLog]:
    """A minute and a half of the loaded day."""
    spec = changed(minute()[0], {"run": {"start": "Mon 10:00", "length": "90 s"}})
    log = MailLog()
    simulate(spec, mail_log=log)
    return spec, log


@pytest.mark.slow
@pytest.mark.parametrize("form", ["exchange", "domino", "google"])
def test_a_missing_block_widens_what_is_said(tmp_path: Path, form: LogFormat) -> None:
    """Three tenths of each file in one piece are gone: what the whole log says lies within every interval, and the silence is told."""
    spec, log = long_log()
    files = [file for file in write_logs(log, spec, form, tmp_path) if form != "domino" or "onprem" in file.name]
    whole = fit(files, scenario=spec)
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        begin = int(0.3 * len(lines))
        file.write_text("".join(lines[:begin] + lines[begin + int(0.3 * len(lines)) :]), encoding="utf-8")
    found = fit(files, scenario=spec)
    messages = found.figure("messages")

    assert whole.complete.silences == ()
    assert whole.complete.doubt == ""
    assert found.complete.silences
    assert messages.value < 0.8 * whole.figure("messages").value
    assert messages.low <= whole.figure("messages").value <= messages.high
    assert "if it was not down, a piece of its log is missing" in (messages.remark or found.complete.doubt)
    assert [name for name in wrong(found, whole) if name not in ("recipients", "notices that servers made")] == []


def test_a_stopped_server_is_no_missing_piece() -> None:
    """The outage's server says when it was stopped and started: its silence of 77 s leaves nothing open."""
    assert fit([(LAB.parent / "postfix-outage") / f"{name}.log.gz" for name in SERVERS]).complete.silences == ()
