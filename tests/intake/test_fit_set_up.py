"""A scenario worked out from logs alone reads, checks, and takes the log's own mail where the log says that it went.

The logs are written here line by line in their documented formats, so that what they say of each message is known.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.intake.fit import FITTED, Fit, fit
from coexsim.intake.fit_ways import faults, wrong_ways
from coexsim.scenario.load import load_scenario

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
    assert faults(tmp_path / "fit" / FITTED) == []
    assert wrong_ways(made, tmp_path / "fit" / FITTED) == []


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
    assert faults(tmp_path / "fit" / FITTED) == []
    assert wrong_ways(made, tmp_path / "fit" / FITTED) == []


def test_a_gateway_before_servers_without_logs(tmp_path: Path) -> None:
    """The home that is called in the organisation's domain is on-premises and one server, though it both brings and takes mail."""
    made = fitted(gateway_log(tmp_path), tmp_path / "fit")
    scenario = load_scenario(tmp_path / "fit" / FITTED)

    assert {name: server.host for name, server in scenario.servers.items() if name != "external"} == {
        "gateway": "mx1.acme.example", "onprem": "exch.acme.example", "hosted-inbound": "mx2.hosted.example",
        "hosted-outbound": "out.hosted.example",
    }  # fmt: skip
    assert faults(tmp_path / "fit" / FITTED) == []
    assert wrong_ways(made, tmp_path / "fit" / FITTED) == []
    assert any(figure.name.startswith("gateway (mx1), ") for figure in made.figures)


def test_what_goes_otherwise_is_told(tmp_path: Path) -> None:
    """The check says no: without the way to the Internet's domain, its mail bounces, and where is said."""
    made = fitted(tracking_log(tmp_path), tmp_path / "fit")
    broken = tmp_path / "fit" / "broken.yaml"
    zone = "dns:\n  elsewhere.example: |\n    www 1h IN A 192.0.2.99\n"
    broken.write_text(made.scenario_text.replace("dns:\n", zone), encoding="utf-8")
    [wrong] = wrong_ways(made, broken)

    assert (wrong.flow, wrong.measured, wrong.predicted, wrong.copies, wrong.of) == (
        "onprem to internet", "delivered", "bounced", 12, 12,
    )  # fmt: skip
    assert wrong.is_most
    assert str(wrong).startswith(
        "onprem to internet: the fitted scenario bounces 12 of 12 copies that the log delivered, because gateway: "
    )
    assert any(fault.startswith("OUTSIDE-UNREACHABLE") for fault in faults(broken))


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
