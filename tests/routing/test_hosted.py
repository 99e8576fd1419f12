"""The hosted service: its replica of the directory, edge blocking, people elsewhere, direct delivery, centralised transport."""

from __future__ import annotations

from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.scenario.load import scenario_from_text
from tests.routing.seed import DU1, IU1, IU2, NOBODY, OUTSIDE, article_with, go, told

DIRECT = "servers: {inotes-outbound: {routes_internal_mail: direct}}\n"


def test_direct_delivery_saves_the_round_trip() -> None:
    """As today's services do [MS-HYB]: the service looks its own users up; people elsewhere go by MX as before.

    Whom it does not know goes by MX too, unless its domain is said to be authoritative: then it bounces such mail itself [MS-EXO-AD].
    """
    assert told(go(DIRECT, IU1, IU2))[:2] == ("delivered", ("inotes-outbound", "inotes-inbound"))
    assert told(go(DIRECT, IU1, DU1))[:2] == ("delivered", ("inotes-outbound", "onprem"))
    assert told(go(DIRECT, IU1, OUTSIDE))[1] == ("inotes-outbound", "external")
    assert told(go(DIRECT, IU1, NOBODY))[2] == "onprem"
    for type_, by in (("authoritative", "inotes-outbound"), ("internal-relay", "onprem")):
        said = DIRECT.replace("}}", f"}}, inotes-inbound: {{accepted_domains: {{corporate.com: {type_}}}}}}}")
        assert told(go(said, IU1, NOBODY))[2:] == (by, "5.1.1")


def test_a_person_whom_the_replica_lacks() -> None:
    """Accepted on-prem, refused by the hosted side; direct delivery does not see the person either and takes the long way."""
    missing = "directory: {replica: {missing: iUser2}}\n"

    assert told(go(missing, OUTSIDE, IU2)) == ("bounced", ("external", "onprem", "smart-host"), "smart-host", "5.1.1")
    assert told(go(missing + DIRECT, IU1, IU2))[1] == ("inotes-outbound", "onprem", "smart-host")


def test_edge_blocking_has_a_code_of_its_own() -> None:
    """[MS-DBEB]: 550 5.4.1 Recipient address rejected: Access denied."""
    blocking = "servers: {inotes-inbound: {edge_blocking: enabled}}"

    assert told(go(blocking, OUTSIDE, NOBODY, server="inotes-inbound", client="outside"))[::3] == (
        "refused_to_client",
        "5.4.1",
    )
    assert told(go(blocking, OUTSIDE, DU1, server="inotes-inbound", client="outside"))[3] == "5.4.1"


def test_accept_then_bounce_at_the_hosted_side() -> None:
    """After 250 the hosted side writes the bounce, and sends it by MX."""
    lenient = "servers: {inotes-inbound: {unknown_recipients: bounce}, onprem: {smart_host_rule: not-in-directory}}"
    result = go(lenient, OUTSIDE, NOBODY)

    assert told(result)[2:] == ("inotes-inbound", "5.1.1")
    assert result.recipients[0].dsn_servers == ("inotes-inbound", "external")


# --- MX in the cloud ---------------------------------------------------------------------------------------------------------

CLOUD_MX = """
coexsim: 1
domain: corporate.com
dns:
  corporate.com: |
    @ 1h IN SOA ns h 1 1h 15m 1w 1h
    @ IN MX 10 in.cloud.example.
    mail IN A 192.0.2.10
servers:
  onprem:
    kind: domino
    host: mail.corporate.com
    smtp_listener_task: enabled
    smtp_outside_local_domain: enabled
    smart_host: in.cloud.example
    global_domain: [corporate.com]
  inbound: {kind: hosted-inbound, host: in.cloud.example, smart_host: "[mail.corporate.com]"INBOUND}
  outbound: {kind: hosted-outbound, host: out.cloud.exampleOUTBOUND}
  external: {kind: external, domain: otherdomain.com}
directory:
  people:
    dUser1: {mail_file: onprem}
    iUser1: {mail_system: other-internet-mail}
    iUser2: {mail_system: other-internet-mail}
"""


def cloud(inbound: str = "", outbound: str = "", more: str = "") -> Setup:
    text = CLOUD_MX.replace("INBOUND", inbound and ", " + inbound).replace("OUTBOUND", outbound and ", " + outbound)
    return Setup(scenario_from_text(text + more))


ELSEWHERE = "people_elsewhere: relay"


def test_people_elsewhere_are_relayed() -> None:
    """MX in the cloud: mail for on-prem people goes on to the smart host [MS-OPT]; without that they are unknown there."""
    assert told(trace(cloud(ELSEWHERE), OUTSIDE, DU1))[:2] == ("delivered", ("external", "inbound", "onprem"))
    assert told(trace(cloud(), OUTSIDE, DU1)) == ("bounced", ("external",), "external", "5.1.1")
    assert trace(cloud(ELSEWHERE), OUTSIDE, IU1).servers == ("external", "inbound")


def test_centralised_transport() -> None:
    """[MS-HYB]: all mail passes on-prem first, in both directions; what on-prem hands back is delivered, not sent round again."""
    text = CLOUD_MX.replace("INBOUND", f", {ELSEWHERE}, centralised_transport: enabled")
    text = text.replace("OUTBOUND", ", relay_host: mail.corporate.com").replace(
        "    global_domain", "    relay_for: outbound\n    global_domain"
    )
    trusted = Setup(scenario_from_text(text))

    assert trace(trusted, OUTSIDE, IU1).servers == ("external", "inbound", "onprem", "inbound")
    assert trace(trusted, IU1, IU2).servers == ("outbound", "onprem", "inbound")
    assert trace(trusted, IU1, OUTSIDE).servers == ("outbound", "onprem", "external")
    untrusted = cloud(f"{ELSEWHERE}, centralised_transport: enabled", "relay_host: mail.corporate.com")
    assert told(trace(untrusted, IU1, OUTSIDE)) == (
        "bounced",
        ("outbound",),
        "outbound",
        "5.7.1",
    )  # on-prem must trust it


def test_centralised_transport_over_a_role_on_the_same_machine() -> None:
    """The mail comes back from the smart host's role: it is the same machine, so it has been seen."""
    text = CLOUD_MX.replace("INBOUND", f", {ELSEWHERE}, centralised_transport: enabled").replace("OUTBOUND", "")
    text = text.replace("  outbound:", "  smart: {kind: relay, runs_on: onprem}\n  outbound:")

    assert trace(Setup(scenario_from_text(text)), OUTSIDE, IU1).servers == (
        "external",
        "inbound",
        "onprem",
        "smart",
        "inbound",
    )


# --- replication ------------------------------------------------------------------------------------------------------------

LAG = "run: {start: Mon 08:00}\ndirectory: {replica: {every: 15 min}}\n"
HIRE = LAG + "events: [{at: Mon 08:10, hire: newcomer, to: hosted}]"
MOVE = LAG + "events: [{at: Mon 08:10, move: dUser1, to: hosted}]"


def test_a_new_hire_bounces_until_the_next_replication() -> None:
    """On-prem knows at once, the replica at 08:15: in between on-prem accepts and the hosted side refuses."""

    def at(seconds: float) -> object:
        return told(go(HIRE, OUTSIDE, "newcomer@corporate.com", at_s=seconds))

    assert at(599) == ("bounced", ("external", "onprem"), "onprem", "5.1.1")
    assert at(601) == ("bounced", ("external", "onprem", "smart-host"), "smart-host", "5.1.1")
    assert at(900) == ("delivered", ("external", "onprem", "smart-host", "inotes-inbound"), None, None)


def test_a_mover_goes_the_old_way_until_the_replica_knows() -> None:
    """Moved at 08:10: on-prem sends to the hosted side, which does not have the mail file by its own directory until 08:15."""
    assert told(go(MOVE, OUTSIDE, DU1, at_s=0))[1] == ("external", "onprem")
    assert told(go(MOVE, OUTSIDE, DU1, at_s=700))[2:] == ("smart-host", "5.1.1")
    assert told(go(MOVE, OUTSIDE, DU1, at_s=901))[0] == "delivered"
    assert told(go(MOVE + "\n" + DIRECT, IU1, DU1, at_s=700))[1][:2] == (
        "inotes-outbound",
        "onprem",
    )  # the service thinks so still
    assert told(go(MOVE + "\n" + DIRECT, IU1, DU1, at_s=901))[1] == ("inotes-outbound", "inotes-inbound")


def test_replica_at_once_by_default() -> None:
    """`every` left out: no lag."""
    moved = "run: {start: Mon 08:00}\nevents: [{at: Mon 08:10, move: dUser1, to: hosted}]"

    assert trace(article_with(moved), OUTSIDE, DU1, at_s=600).outcome == "delivered"
