"""A simulated minute written as mail logs and read again: messages, recipients, flows, sizes and delays are those of the run.

This tests reading, not truth: writer and reader could share a mistake about a format. What formats are like is tested by lines from
their documentation (test_reading_logs.py) and, for Postfix, by a real log (test_lab_fit.py).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from coexsim.cli import run
from coexsim.experiment.own import NOTES
from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.intake.fit import Fit, fit
from coexsim.intake.logs.stamps import is_queue_id, long_id_s
from coexsim.intake.validate_measure import measured_delays
from coexsim.intake.writers.day import day_of
from coexsim.intake.writers.postfix import delay_text, queue_id
from coexsim.intake.writers.write import LogFormat, write_logs
from coexsim.scenario.load import changed, load_scenario
from coexsim.scenario.model import Scenario
from coexsim.sim.mail_log import MailLog

LOADED = Path("scenarios/load/corporate-20k.yaml")


@cache
def minute() -> tuple[Scenario, Results, MailLog]:
    """Twenty seconds of the loaded day, and what every server did in them."""
    spec = changed(load_scenario(LOADED), {"run": {"start": "Mon 10:00", "length": "20 s"}, "objectives": []})
    log = MailLog()
    return spec, simulate(spec, mail_log=log), log


def written(form: LogFormat, folder: Path, *names: str) -> Fit:
    """The fit of the minute's logs in a format."""
    spec, _, log = minute()
    files = write_logs(log, spec, form, folder)
    return fit([file for file in files if not names or file.name in names], scenario=spec)


def flows(frame: pd.DataFrame) -> dict[str, int]:
    """Recipients by flow, as the tables of a run name them."""
    flow = frame["sender"] + "->" + frame["recipient"]
    return dict(frame.groupby(flow)["recipients"].sum())


def sent() -> dict[str, int]:
    """Recipients by flow in the run."""
    outcomes = minute()[1].outcomes()
    return {str(flow): int(row) for flow, row in outcomes["sent"].items()}


@pytest.mark.parametrize("form", ["postfix", "exchange"])
def test_all_servers_logs_hold_the_whole_run(form: LogFormat, tmp_path: Path) -> None:
    """Messages, flows, outcomes and sizes exactly; p50 and p95 of each flow within 1 % and the log's steps (10 ms, 1 ms)."""
    _, results, _ = minute()
    found = written(form, tmp_path)
    mail = results.measured

    assert found.figure("messages").value == mail["mail"].nunique()
    assert flows(found.flows) == sent()
    assert found.sizes is not None
    assert sorted(found.sizes.sizes) == sorted(mail.drop_duplicates("mail")["size_bytes"])
    real, read = results.delays(), measured_delays(found)
    assert set(read) == set(real.index.astype(str))
    for flow, row in real.iterrows():
        for p, column in ((0.5, "p50_s"), (0.95, "p95_s")):
            assert read[str(flow)].quantile(p)[0] == pytest.approx(row[column], rel=0.01, abs=0.01)


@pytest.mark.parametrize("form", ["message-trace", "google"])
def test_a_service_tells_of_its_own_mail(form: LogFormat, tmp_path: Path) -> None:
    """What comes to the service or is handed in there, once, also where it comes back; whom it is handed on for elsewhere is not there."""
    found = written(form, tmp_path)
    there = {flow: n for flow, n in sent().items() if "hosted" in flow}
    # Senders on-premises look like others of the domain to the service; their mail files are where it hands mail on to.
    wanted = {
        "hosted->hosted": there["hosted->hosted"] + there["onprem->hosted"], "hosted->onprem": there["hosted->onprem"],
        "hosted->internet": there["hosted->internet"], "internet->hosted": there["internet->hosted"],
    }  # fmt: skip
    assert flows(found.flows) == wanted


def test_a_console_log_tells_of_one_server(tmp_path: Path) -> None:
    """Every message at the on-premises server, with size in thousands at least; recipients delivered there exactly."""
    _, _, log = minute()
    found = written("domino", tmp_path, "onprem-console.log")
    here = [visit for visit in log.visits if visit.machine == "onprem" and visit.partings]
    delivered = sum(r.count for v in here for p in v.partings if p.how == "delivered" for r in p.recipients)

    assert len(found.journeys.joined.visits) == len(here)
    assert (found.journeys.copies["outcome"] == 0).sum() == delivered
    sizes = found.journeys.joined.visits["size_bytes"].to_numpy()
    assert abs(sizes.sum() / sum(visit.size_bytes for visit in here) - 1) < 0.01


OUTAGE = """\
coexsim: 1
domain: example.com
servers:
  onprem: {kind: postfix, host: mx.example.com, smart_host: "[in.hosted.example]", minimal_backoff_time: 60 s, maximal_backoff_time: 60 s,
    queue_run_delay: 60 s, maximal_queue_lifetime: 10 min, delay_warning_time: 4 min}
  hosted-inbound: {kind: hosted-inbound, host: in.hosted.example}
  outside: {kind: external, domain: example.net}
directory:
  master: onprem
  people: {ann: {mail_system: other-internet-mail}, bob: {mail_file: onprem}}
  groups: {team: [ann, bob]}
  population: {onprem: 5, hosted: 5}
events: [{at: 1 s, for: 5 min, down: hosted-inbound}, {at: 60 min, for: 60 min, down: hosted-inbound}]
messages:
  - {name: early, from: bob, to: [team, nobody@example.com]}
  - {name: later, from: someone@example.net, to: [ann]}
load: {streams: [{name: late, from: onprem, to: hosted, rate: 6/h}]}
run: {start: Mon 00:00, length: 2 h}
"""


@pytest.mark.parametrize("form", ["postfix", "exchange"])
def test_deferrals_expiries_groups_and_notices_stand_in_it(form: LogFormat, tmp_path: Path) -> None:
    """An outage longer than mail is kept: deferred attempts, expired mail, notices, a group, an unknown recipient."""
    (tmp_path / "s.yaml").write_text(OUTAGE, encoding="utf-8")
    spec, log = load_scenario(tmp_path / "s.yaml"), MailLog()
    results = simulate(spec, mail_log=log)
    found = fit(write_logs(log, spec, form, tmp_path / "logs"), scenario=spec)
    real = results.outcomes().sum()
    copies = found.journeys.copies[found.journeys.copies["message"].isin(found.replayed.index)]
    ended = [int((copies["outcome"] == number).sum()) for number in range(8)]

    assert real["expired"] > 0
    assert ended[0] + ended[1] == real["delivered"]
    refused = sum(r.count for each in log.refused_mail for one in each.refused for r in one.recipients)
    in_log = refused if form == "postfix" else 0  # Exchange writes refusals to its protocol log
    assert refused == 1
    assert ended[3] + ended[2] + ended[6] == real["expired"] + real["bounced"] - refused + in_log
    if form == "postfix":
        assert ended[3] == real["expired"]
        assert found.outages
    notices = (results.mail["kind"] != "mail").sum()
    assert found.figure("notices that servers made").value == notices > 0


def test_queue_ids_and_delays_are_postfixs() -> None:
    """Ids hold the time to the microsecond (mail_queue.h); delays have two digits (log_adhoc.c)."""
    spec, _, log = minute()
    day = day_of(log, spec)
    visit = log.visits[-1]

    assert is_queue_id(queue_id(day, visit))
    assert long_id_s(queue_id(day, visit)) == pytest.approx(day.at(visit.arrived_s).timestamp(), abs=1e-6)
    assert len({queue_id(day, each) for each in log.visits}) == len(log.visits)
    assert [delay_text(s) for s in (0.0, 0.004, 0.057, 0.1, 1.23, 9.96, 61.4)] == [
        "0",
        "0",
        "0.06",
        "0.1",
        "1.2",
        "10",
        "61",
    ]


def test_the_tables_of_a_run_are_the_same_with_a_log() -> None:
    """Keeping a log changes nothing."""
    spec, results, _ = minute()
    plain = simulate(spec, engine="reference")
    pd.testing.assert_frame_equal(results.mail, plain.mail)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It writes one file a server beside the results, and says that they are no truth; many runs are no log."""
    (tmp_path / "s.yaml").write_text(OUTAGE, encoding="utf-8")
    asked = ["run", str(tmp_path / "s.yaml"), "--no-pictures", "--no-round-trip", "-q", "--out", str(tmp_path / "out")]
    assert run([*asked, "--write-log", "exchange"]) == 0
    assert "what real servers would have done they do not tell" in capsys.readouterr().err
    assert {file.name for file in (tmp_path / "out/logs").iterdir()} == {
        "MSGTRK-onprem.LOG", "MSGTRK-hosted-inbound.LOG", "MSGTRK-outside.LOG", NOTES,
    }  # fmt: skip
    assert run([*asked, "--write-log", "exchange", "-n", "2"]) == 2
    assert "a log is of one run" in capsys.readouterr().err
