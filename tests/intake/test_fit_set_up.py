"""A scenario worked out from logs alone reads, checks, and takes the log's own mail where the log says that it went.

The logs are written here line by line in their documented formats, so that what they say of each message is known.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from coexsim.cli import run
from coexsim.experiment.run import simulate
from coexsim.intake.fit import FITTED, Fit, fit
from coexsim.intake.fit_ways import faults, without_work, wrong_ways
from coexsim.intake.validate import validate
from coexsim.intake.writers.write import write_logs
from coexsim.scenario.load import load_scenario
from coexsim.scenario.servers.hosted import HostedOutbound
from coexsim.sim.mail_log import MailLog

FIELDS = (
    "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id,"
    "message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,"
    "message-subject,sender-address,return-path"
)
OUTSIDE, STORE, CLOUD = (
    "mail.elsewhere.example[198.51.100.9]",
    "exch.acme.example[192.0.2.6]",
    "mx2.hosted.example[203.0.113.7]",
)
SERVICE_OUT = "out.hosted.example[203.0.113.8]"


def tracking_log(folder: Path) -> Path:
    """An hour at one Exchange server behind a gateway: 12 messages from the Internet, 12 inside, 12 to the Internet."""
    lines = ["#Software: Microsoft Exchange Server", "#Log-type: Message Tracking Log", f"#Fields: {FIELDS}"]

    def event(at: str, number: int, name: str, to: str, sender: str, client: str = ",", server: str = ",EXCH") -> None:
        source = "STOREDRIVER" if name == "DELIVER" or (name == "RECEIVE" and client == ",") else "SMTP"
        lines.append(
            f"2026-11-23T08:{number:02d}:{at}Z,{client},{server},,,{source},{name},{number},<e{number}@acme.example>,n{number},{to},"
            f"{'250 2.0.0 Ok' if name == 'SEND' else ''},10000,1,,,S,{sender},{sender}"
        )

    for number in range(36):
        if number % 3 == 0:
            event(
                "00.100", number, "RECEIVE", "alice@acme.example", "joe@elsewhere.example", "192.0.2.5,mx1.acme.example"
            )
            event("00.600", number, "DELIVER", "alice@acme.example", "joe@elsewhere.example")
        elif number % 3 == 1:
            event("00.100", number, "RECEIVE", "bob@acme.example", "alice@acme.example")
            event("00.600", number, "DELIVER", "bob@acme.example", "alice@acme.example")
        else:
            event("00.100", number, "RECEIVE", "joe@elsewhere.example", "bob@acme.example")
            event(
                "00.800",
                number,
                "SEND",
                "joe@elsewhere.example",
                "bob@acme.example",
                ",EXCH",
                "192.0.2.5,mx1.acme.example",
            )
    file = folder / "MSGTRK2026112308-1.LOG"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def gateway_log(folder: Path) -> Path:
    """An hour at a gateway before a store and a service, neither of which has a log: ten messages of each flow."""
    flows = (
        (OUTSIDE, "joe@elsewhere.example", "alice@acme.example", STORE),
        (OUTSIDE, "joe@elsewhere.example", "carol@acme.example", CLOUD),
        (STORE, "alice@acme.example", "joe@elsewhere.example", OUTSIDE),
        (STORE, "alice@acme.example", "carol@acme.example", CLOUD),
        (SERVICE_OUT, "carol@acme.example", "alice@acme.example", STORE),
    )
    lines = []
    for number in range(50):
        client, sender, to, relay = flows[number % 5]
        head, queue_id = f"2026-11-23T08:{number:02d}:00.000000+00:00 mx1 postfix/", f"{number + 0xA1B2C3:X}"
        lines += [
            f"{head}smtpd[1]: {queue_id}: client={client}",
            f"{head}cleanup[2]: {queue_id}: message-id=<m{number}@x.example>",
            f"{head}qmgr[3]: {queue_id}: from=<{sender}>, size=3000, nrcpt=1 (queue active)",
            f"{head}smtp[4]: {queue_id}: to=<{to}>, relay={relay}:25, delay=1.2, delays=0.2/0.01/0.3/0.69, dsn=2.0.0, status=sent (250 Ok)",
            f"{head}qmgr[3]: {queue_id}: removed",
        ]
    file = folder / "maillog"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def fitted(log: Path, folder: Path) -> Fit:
    """The fit of a log, saved."""
    made = fit([log], domain="acme.example", folder=folder)
    made.save(folder)
    return made


def test_an_exchange_log_alone(tmp_path: Path) -> None:
    """Nobody is hosted, so nothing is; the gateway that only the log's SEND and RECEIVE name stands in it, with the MX at it."""
    made = fitted(tracking_log(tmp_path), tmp_path / "fit")
    scenario = load_scenario(tmp_path / "fit" / FITTED)

    assert {name: server.kind for name, server in scenario.servers.items()} == {
        "onprem": "exchange", "gateway": "postfix", "external": "external",
    }  # fmt: skip
    assert "MX 10 mx1.acme.example." in made.scenario_text
    assert scenario.directory.population == {"onprem": 2}
    assert faults(load_scenario(tmp_path / "fit" / FITTED)) == []
    assert wrong_ways(made, load_scenario(tmp_path / "fit" / FITTED)) == []


@pytest.mark.parametrize(
    ("to", "said"),
    [
        (("anna@acme.example",), (None, None, ())),
        (("anna@acme.example", "ida@acme.example"), ("by-mx", None, ())),
        (("anna@acme.example", "zoe@elsewhere.example"), (None, "[hub.acme.example]", ("hosted-outbound",))),
    ],
    ids=["its own", "also mail for hosted people", "also mail for the Internet"],
)
def test_a_service_without_a_log_sends_on_premises_what_comes_from_there(
    tmp_path: Path, to: tuple[str, ...], said: tuple[str | None, str | None, tuple[str, ...]]
) -> None:
    """Exchange Online hands mail between its people and for the Internet to them itself, unless the log on-premises has it."""
    relays = {
        "anna": "virtual",
        "ida": "acme-example.mail.protection.outlook.com[203.0.113.7]:25",
        "zoe": "mx.elsewhere.example[198.51.100.9]:25",
    }
    service = "mail-ve1.outbound.protection.outlook.com[203.0.113.9]"
    mails: list[tuple[str, str, tuple[str, ...]]] = [
        ("zoe@elsewhere.example", "mx.elsewhere.example[198.51.100.9]", ("anna@acme.example", "ida@acme.example"))
    ] * 20
    mails += [("ida@acme.example", service, to)] * 20 + [
        ("anna@acme.example", "pc.acme.example[192.0.2.50]", ("zoe@elsewhere.example",))
    ] * 20
    lines = []
    for number, (sender, client, whom) in enumerate(mails):
        name, head = (
            f"{0:05X}{0x10000 + number:05X}",
            f"2026-11-24T08:{number:02}:00.000000+00:00 hub.acme.example postfix",
        )
        lines += [
            f"{head}/smtpd[9]: {name}: client={client}",
            f"{head}/cleanup[8]: {name}: message-id=<{number}@x>",
            f"{head}/qmgr[7]: {name}: from=<{sender}>, size=4000, nrcpt={len(whom)} (queue active)",
            *(
                f"{head}/smtp[6]: {name}: to=<{one}>, relay={relays[one.partition('@')[0]]}, delay=0.3, delays=0.1/0/0.1/0.1, dsn=2.0.0, "
                "status=sent (250 ok)"
                for one in whom
            ),
            f"{head}/qmgr[7]: {name}: removed",
        ]
    (tmp_path / "hub.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = fitted(tmp_path / "hub.log", tmp_path / "fit")
    scenario = load_scenario(tmp_path / "fit" / FITTED)
    outbound = cast(HostedOutbound, scenario.servers["hosted-outbound"])

    assert (outbound.routes_internal_mail, outbound.relay_host, scenario.servers["onprem"].relay_for) == said
    assert wrong_ways(made, scenario) == []


def test_a_message_trace_alone(tmp_path: Path) -> None:
    """Everybody is at the service: there is no server on-premises, and the MX leads to the service."""
    rows = ["Received,SenderAddress,RecipientAddress,Subject,Status,ToIP,FromIP,Size,MessageId,MessageTraceId"]
    for number in range(20):
        pair = ("carol@acme.example", "joe@elsewhere.example")
        sender, to = pair if number % 2 else pair[::-1]
        rows.append(
            f"2026-11-23T08:{number:02d}:00.000Z,{sender},{to},S,Delivered,,,20000,<t{number}@x.example>,t{number}"
        )
    log = tmp_path / "MessageTrace.csv"
    log.write_text("\n".join(rows) + "\n", encoding="utf-8")
    made = fitted(log, tmp_path / "fit")
    scenario = load_scenario(tmp_path / "fit" / FITTED)

    assert {server.kind for server in scenario.servers.values()} == {"hosted-inbound", "external"}
    assert scenario.directory.population == {"hosted": 1}
    assert faults(load_scenario(tmp_path / "fit" / FITTED)) == []
    assert wrong_ways(made, load_scenario(tmp_path / "fit" / FITTED)) == []


def test_a_gateway_before_servers_without_logs(tmp_path: Path) -> None:
    """The home that is called in the organisation's domain is on-premises and one server, though it both brings and takes mail."""
    made = fitted(gateway_log(tmp_path), tmp_path / "fit")
    scenario = load_scenario(tmp_path / "fit" / FITTED)

    assert {name: server.host for name, server in scenario.servers.items() if name != "external"} == {
        "gateway": "mx1.acme.example", "onprem": "exch.acme.example", "hosted-inbound": "mx2.hosted.example",
        "hosted-outbound": "out.hosted.example",
    }  # fmt: skip
    assert faults(load_scenario(tmp_path / "fit" / FITTED)) == []
    assert wrong_ways(made, load_scenario(tmp_path / "fit" / FITTED)) == []
    assert any(figure.name.startswith("gateway (mx1), ") for figure in made.figures)


def test_what_goes_otherwise_is_told(tmp_path: Path) -> None:
    """The check says no: without the way to the Internet's domain, its mail bounces, and where is said."""
    made = fitted(tracking_log(tmp_path), tmp_path / "fit")
    broken = tmp_path / "fit" / "broken.yaml"
    zone = "dns:\n  elsewhere.example: |\n    www 1h IN A 192.0.2.99\n"
    broken.write_text(made.scenario_text.replace("dns:\n", zone), encoding="utf-8")
    [wrong] = wrong_ways(made, load_scenario(broken))

    assert (wrong.flow, wrong.measured, wrong.predicted, wrong.copies, wrong.of) == (
        "onprem to internet", "delivered", "bounced", 12, 12,
    )  # fmt: skip
    assert wrong.is_most
    assert str(wrong).startswith(
        "onprem to internet: the scenario bounces 12 of 12 copies that the log delivered, because gateway: "
    )
    assert any(fault.startswith("OUTSIDE-UNREACHABLE") for fault in faults(load_scenario(broken)))


@pytest.mark.parametrize("host", ["acme-example.mail.protection.outlook.com", "exch.corp.internal"])
def test_a_service_is_known_by_its_host(tmp_path: Path, host: str) -> None:
    """Where neither home is called in the organisation's domain, a service's host name makes it the hosted one."""
    text = gateway_log(tmp_path).read_text(encoding="utf-8").replace("exch.acme.example", "store.example")
    log = tmp_path / "maillog"
    log.write_text(text.replace("mx2.hosted.example", host), encoding="utf-8")
    fitted(log, tmp_path / "fit")
    servers = load_scenario(tmp_path / "fit" / FITTED).servers

    assert {servers["onprem"].host, servers["hosted-inbound"].host} == {"store.example", host}
    assert servers["onprem"].host == "store.example" or not host.endswith("outlook.com")


def test_work_of_a_server_without_a_log_is_measured_at_its_neighbour(tmp_path: Path) -> None:
    """Stages c and d of each delivery to the store are 0.3 s and 0.69 s (`gateway_log`)."""
    made = fitted(gateway_log(tmp_path), tmp_path / "fit")
    servers = load_scenario(tmp_path / "fit" / FITTED).servers

    for name in ("onprem", "hosted-inbound", "external"):
        assert servers[name].service.accept.mean_s(3000.0) == pytest.approx(0.99, rel=0.001)
    assert made.scenario_text.count("measured at its neighbours, since no log of it was given") == 3


def test_like_is_compared_with_like(tmp_path: Path) -> None:
    """Attempts of the gateway only, whose log it is; the delays that the log has are predicted."""
    log = gateway_log(tmp_path)
    fitted(log, tmp_path / "fit")
    found = validate(tmp_path / "fit" / FITTED, [log], replications=1)
    rows = {row.name: row for row in found.comparisons}
    attempts = rows["gateway: attempts to hand mail on"]

    assert (attempts.predicted, attempts.measured, attempts.verdict) == (50, 50, "met")
    assert not any(row.name.startswith("attempts between servers") for row in found.comparisons)
    assert rows["p50 internet->onprem"].predicted == pytest.approx(1.2, rel=0.05)
    assert rows["p50 internet->onprem"].measured == pytest.approx(1.2, rel=0.01)


def test_a_wrong_count_is_no_chance(tmp_path: Path) -> None:
    """Twelve copies that bounce for want of a domain are missed, with who refuses them, not taken for chance."""
    made = fitted(tracking_log(tmp_path), tmp_path / "fit")
    broken = tmp_path / "fit" / "broken.yaml"
    zone = "dns:\n  elsewhere.example: |\n    www 1h IN A 192.0.2.99\n"
    broken.write_text(made.scenario_text.replace("dns:\n", zone), encoding="utf-8")
    rows = {
        row.name: row for row in validate(broken, [tmp_path / "MSGTRK2026112308-1.LOG"], replications=1).comparisons
    }
    delivered = rows["copies delivered"]

    assert (delivered.predicted, delivered.measured, delivered.verdict) == (24, 36, "missed")
    assert (
        "onprem to internet: the scenario bounces 12 of 12 copies that the log delivered, because gateway: "
        in delivered.remark
    )


def test_a_log_without_times_of_delivery_has_no_queue(tmp_path: Path) -> None:
    """A message trace says when mail came: what waited is not in it, rather than all of it at the end."""
    rows = ["Received,SenderAddress,RecipientAddress,Subject,Status,ToIP,FromIP,Size,MessageId,MessageTraceId"]
    for number in range(20):
        rows.append(
            f"2026-11-23T08:{number:02d}:00.000Z,joe@else.example,carol@acme.example,S,Delivered,,,20000,<t{number}@x>,t{number}"
        )
    log = tmp_path / "MessageTrace.csv"
    log.write_text("\n".join(rows) + "\n", encoding="utf-8")
    fitted(log, tmp_path / "fit")
    queues = [
        row
        for row in validate(tmp_path / "fit" / FITTED, [log], replications=1).comparisons
        if "in the queue" in row.name
    ]

    assert [(row.verdict, row.remark) for row in queues] == [
        ("cannot say", "not in this log: it has no times of delivery")
    ]


SLOW = """\
coexsim: 1
domain: acme.example
servers:
  onprem: {kind: postfix, host: on.acme.example, smart_host: "smtp:[in.hosted.example]"}
  inbound: {kind: hosted-inbound, host: in.hosted.example, service: {accept: {fixed: 200 ms}}}
  outside: {kind: external, domain: else.example}
directory: {master: onprem, replica: {at: inbound}, population: {onprem: 20, hosted: 20}}
load: {streams: [{name: in, from: onprem, to: {hosted: 1}, rate: 12/min, recipients: {1: 1}}], sizes: {10 KB: 1}}
run: {length: 10 min, seed: 5}
"""


def test_the_cause_of_a_slow_reception_is_its_server(tmp_path: Path) -> None:
    """The log is of a server that takes 0.2 s to take mail in, the scenario says three times that: it is named."""
    scenario = tmp_path / "slow.yaml"
    scenario.write_text(SLOW, encoding="utf-8")
    mail_log = MailLog()
    simulate(load_scenario(scenario), mail_log=mail_log)
    files = write_logs(mail_log, load_scenario(scenario), "postfix", tmp_path)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SLOW.replace("200 ms", "600 ms"), encoding="utf-8")
    rows = {row.name: row for row in validate(wrong, files, replications=1).comparisons}
    row = rows["p50 onprem->hosted"]

    assert row.verdict == "missed"
    assert "most of it at inbound: taking a message in there predicted 600 ms, in the log 20" in row.remark


def two_logs(folder: Path) -> list[Path]:
    """The gateway in syslog's local time, the service's inbound server at +01:00; no reply names a queue id of the other."""
    first, second = [], []
    for number in range(40):
        head, ours, theirs = f"Nov 23 08:{number + 10:02d}:", f"{number + 0xA1B2C3:X}", f"{number + 0xF1B2C3:X}"
        sender, message = "<joe@elsewhere.example>", f"message-id=<m{number}@elsewhere.example>"
        first += [
            f"{head}00 mx1 postfix/smtpd[1]: {ours}: client={OUTSIDE}",
            f"{head}00 mx1 postfix/cleanup[2]: {ours}: {message}",
            f"{head}00 mx1 postfix/qmgr[3]: {ours}: from={sender}, size=3000, nrcpt=1 (queue active)",
            (
                f"{head}01 mx1 postfix/smtp[4]: {ours}: to=<carol@acme.example>, relay={CLOUD}:25, delay=1.2, delays=0.2/0.01/0.3/0.69, "
                "dsn=2.0.0, status=sent (250 2.0.0 Ok)"
            ),
            f"{head}01 mx1 postfix/qmgr[3]: {ours}: removed",
            (
                f"{head}02 mx1 postfix/postscreen[9]: NOQUEUE: reject: RCPT from [45.9.0.7]:40000: 550 5.7.1 Service unavailable; "
                "client [45.9.0.7] blocked using list.example; from=<spam@bad.example>, to=<carol@acme.example>, proto=ESMTP, helo=<x>"
            ),
            f"{head}03 mx1 postfix/anvil[8]: statistics: max connection count 1",
        ]
        head = f"2026-11-23T08:{number + 10:02d}:00.6"
        second += [
            f"{head}00000+01:00 mx2 postfix/smtpd[1]: {theirs}: client=mx1.acme.example[192.0.2.5]",
            f"{head}00001+01:00 mx2 postfix/cleanup[2]: {theirs}: {message}",
            f"{head}00002+01:00 mx2 postfix/qmgr[3]: {theirs}: from={sender}, size=3200, nrcpt=1 (queue active)",
            (
                f"{head}00003+01:00 mx2 postfix/virtual[4]: {theirs}: to=<carol@acme.example>, relay=virtual, delay=0.2, "
                "delays=0.1/0/0/0.1, dsn=2.0.0, status=sent (delivered to maildir)"
            ),
            f"{head}00004+01:00 mx2 postfix/qmgr[3]: {theirs}: removed",
        ]
    files = [folder / "mx1.log", folder / "mx2.log"]
    for file, lines in zip(files, (first, second), strict=True):
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return files


def test_hops_are_joined_by_message_id_where_clocks_are_an_hour_apart(tmp_path: Path) -> None:
    """Each log's own host name is the beginning of what the other calls it, and both have the same messages: 40, not 80."""
    found = fit(two_logs(tmp_path), domain="acme.example", year=2026)
    [remark] = found.clock_remarks

    assert found.figure("messages").value == 40
    assert found.parts.by_message_id == 40
    assert found.complete.unlogged == ()
    assert remark.startswith("gateway (mx1)'s clock was ")
    assert "beside +1 h of its time zone, which its log does not say" in remark
    assert found.figure("busiest minute").remark.startswith("Mon 23 Nov 08:")  # as both logs write it


def test_what_was_not_used_is_told_by_kind(tmp_path: Path) -> None:
    """Refusals of postscreen are in no figure: their number is told, and that of lines of others."""
    told = {Path(each.file).name: each for each in fit(two_logs(tmp_path), domain="acme.example", year=2026).told}

    assert told["mx1.log"].what_is_left == [
        "lines not used: 40 of anvil, 40 of postscreen",
        "40 recipients were refused by postscreen, before a server took their mail: in no figure, nor in the replay",
    ]
    assert told["mx2.log"].what_is_left == []


def test_a_server_without_measured_work_is_named(tmp_path: Path) -> None:
    """The Exchange log measures delivery, and of the gateway reception only: `size` is said beforehand to have nothing to go by."""
    fitted(tracking_log(tmp_path), tmp_path / "fit")

    assert without_work(load_scenario(tmp_path / "fit" / FITTED)) == ["onprem", "gateway"]


def test_the_command_ends_with_1_where_mail_goes_otherwise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten messages to the Internet bounced for a reason that no set-up has: the scenario would deliver them, and the command says so."""
    log, out = gateway_log(tmp_path), tmp_path / "fit"
    sent = "to=<joe@elsewhere.example>, relay=mail.elsewhere.example[198.51.100.9]:25, delay=1.2, delays=0.2/0.01/0.3/0.69, dsn=2.0.0, "
    lost = sent.replace("dsn=2.0.0", "dsn=5.7.1")
    text = log.read_text(encoding="utf-8").replace(
        f"{sent}status=sent (250 Ok)", f"{lost}status=bounced (550 5.7.1 no)"
    )
    command = ["fit", str(log), "--domain", "acme.example", "--out", str(out), "--no-pictures", "--quiet"]

    assert run(command) == 0
    log.write_text(text, encoding="utf-8")
    assert run(command) == 1
    said = capsys.readouterr().out
    assert (
        "onprem to internet: the scenario delivers 10 of 10 copies that the log did not deliver, because it goes by"
        in said
    )
