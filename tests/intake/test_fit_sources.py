"""What a log's stage a and its hand-overs tell: receipt by source, and the way of mailboxes without a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.intake.fit import fit
from coexsim.intake.fit_service import server_work, service_figures
from coexsim.intake.fit_tries import first_tries
from coexsim.intake.logs.join import join
from coexsim.intake.logs.read import read_logs
from coexsim.scenario.load import load_scenario
from tests.intake.log_lab import LOGS

MAIL = """\
Nov 24 17:{minute:02}:{second:02} hub postfix/smtpd[11]: {id}: client={client}
Nov 24 17:{minute:02}:{second:02} hub postfix/cleanup[12]: {id}: message-id=<{id}@example.com>
Nov 24 17:{minute:02}:{second:02} hub postfix/qmgr[13]: {id}: from=<anna@example.com>, size=5000, nrcpt=1 (queue active)
Nov 24 17:{minute:02}:{second:02} hub postfix/virtual[14]: {id}: to=<bob@example.com>, relay=virtual, delay={delay}, delays={a}/0/0/0.01, \
dsn=2.0.0, status=sent (delivered to maildir)
Nov 24 17:{minute:02}:{second:02} hub postfix/qmgr[13]: {id}: removed
"""
NEAR, FAR = "near.example.com[192.0.2.1]", "far.example.net[203.0.113.9]"


def test_receipt_over_a_slow_line_is_not_scanning(tmp_path: Path) -> None:
    """60 messages from near take 50 ms before the queue manager, 60 from far 550 ms: the scan is that of near, both are told."""
    text = "".join(
        MAIL.format(
            minute=number // 60, second=number % 60, id=f"{0x1000 + number:05X}1C0A2{number:02X}", client=(NEAR, FAR)[number % 2],
            a=(0.05, 0.55)[number % 2], delay=(0.06, 0.56)[number % 2],
        )
        for number in range(120)
    )  # fmt: skip
    (tmp_path / "hub.log").write_text(text, encoding="utf-8")
    joined = join(read_logs([tmp_path / "hub.log"], year=2026))
    joined.hosts[0].add("near.example.com")  # as if another log had told whose it is
    tries = first_tries(joined)
    [work] = server_work(joined.book, tries, {}).values()
    figures = {f.name: f.value for f in service_figures(joined.book, tries, {0: work}, {0: "hub"})}

    assert work.scan is not None
    assert work.scan.mean_s == pytest.approx(0.05, abs=0.003)
    assert work.scan.messages == 60
    assert any("nearest source" in remark for remark in work.remarks)
    assert figures["hub, a: receipt and scan, from a host that is not logged, mean"] == pytest.approx(0.55)
    assert figures["hub, a: receipt and scan, mean"] == pytest.approx(0.30)


def test_one_message_gives_a_scenario_without_a_load(tmp_path: Path) -> None:
    """One message has no rate (an interval needs two): the scenario can be read, and its load is left to the reader."""
    text = MAIL.format(minute=0, second=0, id="010001C0A200", client=FAR, a=0.05, delay=0.06)
    (tmp_path / "hub.log").write_text(text, encoding="utf-8")
    fit([tmp_path / "hub.log"], year=2026, domain="example.com", folder=tmp_path).save(tmp_path)

    assert "load" not in load_scenario(tmp_path / "fitted.yaml").source.raw


SET_UP = """\
coexsim: 1
domain: corporate.com
servers:
  onprem: {kind: postfix, host: domino.corporate.com, address: 10.55.0.10}
  inbound: {kind: hosted-inbound, host: inbound.inotes.test, address: 10.55.0.20}
  outbound: {kind: hosted-outbound, host: outbound.inotes.test}
  external: {kind: external, host: mail.otherdomain.com, domain: otherdomain.com}
directory: {master: onprem, replica: {at: inbound}, people: {d000: {mail_file: onprem}, i000: {mail_file: inbound}}}
"""


@pytest.mark.parametrize("said", ["", "[elsewhere.example]"], ids=["not said", "said"])
def test_mailboxes_without_a_name_go_where_the_log_shows(tmp_path: Path, said: str) -> None:
    """A set-up of named people says no smart host; the log does. What the set-up says stays."""
    text = SET_UP.replace("address: 10.55.0.10}", f'address: 10.55.0.10, smart_host: "{said}"}}') if said else SET_UP
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    fit(LOGS, scenario=tmp_path / "s.yaml", folder=tmp_path).save(tmp_path)
    server = load_scenario(tmp_path / "fitted.yaml").servers["onprem"]

    assert getattr(server, "smart_host", None) == (said or "[inbound.inotes.test]")
