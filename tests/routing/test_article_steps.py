"""Each step of the article's configuration chapter, left out: what happens then."""

from __future__ import annotations

from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.scenario.load import load_scenario
from tests.routing.seed import ARTICLE, DU1, DU2, IU1, IU2, NOBODY, OUTSIDE, go, told


def test_domino_step_1_listener_task() -> None:
    """'Ensuring that the SMTP listener task is enabled': else all mail from outside and from hosted users waits (4.4.1)."""
    off = "servers: {onprem: {smtp_listener_task: disabled}}"

    for sender, by in ((OUTSIDE, "external"), (IU1, "inotes-outbound")):
        assert told(go(off, sender, DU1))[::3] == ("deferred_in_queue", "4.4.1")
        assert told(go(off, sender, DU1))[2] == by
    assert told(go(off, DU1, IU1))[0] == "delivered"  # outwards nothing is wrong


def test_domino_step_1_domain_names() -> None:
    """'Edit the Server document to point to the proper domain names': with another host name, the MX leads nowhere."""
    assert told(go("servers: {onprem: {host: mail.corporate.com, address: 192.0.2.99}}", OUTSIDE, DU1))[::3] == (
        "deferred_in_queue",
        "4.4.1",
    )


def test_domino_step_2_smtp_used_when_sending() -> None:
    """'Ensure that the "SMTP used when sending..." field is set to Enabled': else hosted users are not reached."""
    off = "servers: {onprem: {smtp_outside_local_domain: disabled}}"

    assert told(go(off, OUTSIDE, IU1)) == ("bounced", ("external", "onprem"), "onprem", "5.4.4")


def test_domino_step_2_smart_host() -> None:
    """'Enable the smart host option, and enter the server address': else a Person record without mail file leads nowhere."""
    none = "servers: {onprem: {smart_host: null}, smart-host: null}"

    assert told(go(none, OUTSIDE, IU1)) == ("bounced", ("external", "onprem"), "onprem", "5.4.4")
    assert told(go(none, OUTSIDE, DU1))[0] == "delivered"


def test_domino_step_3_global_domain() -> None:
    """'Create a Global Domain document': without it only the host's own domain is local, and another shared one is refused."""
    moved = "servers: {onprem: {host: domino.hq.example, address: 192.0.2.10, global_domain: %s}}"

    assert told(go(moved % "[corporate.com]", OUTSIDE, DU1))[0] == "delivered"
    assert told(go(moved % "null", OUTSIDE, DU1)) == ("bounced", ("external",), "external", "5.7.1")


def test_domino_step_4_mx_and_a_records() -> None:
    """'The MX record and A record for corporate.com is pointing to the Domino instance': else nothing from outside arrives."""
    zone = "dns:\n  corporate.com: |\n    @ IN SOA ns1 h 1 1h 15m 1w 1h\n"

    assert told(go(zone + "    domino IN A 192.0.2.10\n", OUTSIDE, DU1))[::3] == ("bounced", "5.4.4")
    assert told(go(zone + "    @ IN MX 10 domino\n", OUTSIDE, DU1))[::3] == ("bounced", "5.4.4")
    stray = zone + "    @ IN MX 10 domino\n    domino IN A 192.0.2.77\nservers: {onprem: {address: 192.0.2.10}}"
    assert told(go(stray, OUTSIDE, DU1))[::3] == ("deferred_in_queue", "4.4.1")


def test_domino_step_4_reachable_from_the_internet() -> None:
    """'The machine is ping-able from the Internet': with the line down senders wait."""
    assert told(go("", OUTSIDE, DU1, down=["office-internet", "office-hosted"]))[::3] == ("deferred_in_queue", "4.4.1")
    assert told(go("", OUTSIDE, DU1, down=["office-internet"]))[::3] == ("deferred_in_queue", "4.4.1")
    carried = go("transit: [hosted]", OUTSIDE, DU1, down=["office-internet"])
    assert told(carried)[0] == "delivered"  # only where the service were asked to carry it


def test_domino_step_5_person_records() -> None:
    """'Repeat these steps for all SmartCloud iNotes users': who is forgotten does not exist on-premises."""
    forgotten = "directory: {people: {iUser2: null}}"

    assert told(go(forgotten, OUTSIDE, IU2)) == ("bounced", ("external", "onprem"), "onprem", "5.1.1")
    assert told(go(forgotten, IU1, IU2))[2:] == ("onprem", "5.1.1")


def test_domino_step_5_mail_system() -> None:
    """'Choose "Other Internet mail" from the selection in the Mail system field': as a Notes user the mail stays on-premises."""
    notes = "directory: {people: {iUser1: {mail_system: notes}}}"

    assert told(go(notes, OUTSIDE, IU1))[:2] == ("delivered", ("external", "onprem"))


def test_domino_step_5_internet_address() -> None:
    """'Enter the user's Internet address, to facilitate user account lookup': else mail to that address finds nobody."""
    other = "directory: {people: {iUser1: {internet_address: someone.else@corporate.com}}}"

    assert told(go(other, OUTSIDE, IU1)) == ("bounced", ("external", "onprem"), "onprem", "5.1.1")


def test_environment_as_printed() -> None:
    """Read to the letter, the article's MX target has no address record: its own three host names are one machine."""
    printed = Setup(load_scenario(ARTICLE / "as-printed.yaml"))

    assert trace(printed, OUTSIDE, DU1).recipients[0].code == "5.4.4"
    assert trace(printed, DU1, DU2).outcome == "delivered"


EXCHANGE = """
servers:
  smart-host: null
  onprem:
    kind: exchange
    site: office
    host: domino.corporate.com
    accepted_domains: {corporate.com: %s}
    send_connectors:
      - {name: CorporateCom, address_spaces: corporate.com%s}
      - {name: Internet, address_spaces: "*", use_external_dns: enabled}
directory: {people: {iUser1: null, iUser2: null}}
%s
"""
SMART_HOST = ", smart_hosts: smtp.inotes.example"
INSIDE = "internal_dns: {inotes.example: 'smtp IN A 10.0.0.9'}"  # the inside's own idea of the public name


def exchange(
    domain: str = "internal-relay", connector: str = SMART_HOST + ", use_external_dns: enabled", more: str = ""
) -> str:
    return EXCHANGE % (domain, connector, more)


def arrived(changes: str) -> tuple[object, ...]:
    """What happens on-premises to mail for a hosted user whom Active Directory does not list."""
    first = go(changes, OUTSIDE, IU1).recipients[0]
    return first.outcome, first.by, first.code


def test_exchange_as_the_article_has_it() -> None:
    """All steps done: unknown here, so on to the hosted side - which in this set-up does not list the recipient either."""
    result = go(exchange(), OUTSIDE, IU1)

    assert [t.server for t in result.transactions][:2] == ["onprem", "inotes-inbound"]
    assert told(go(exchange(), OUTSIDE, DU1))[:2] == ("delivered", ("external", "onprem"))


def test_exchange_steps_4_to_5_smart_host() -> None:
    """'Route mail to the following smart host': else the connector goes by MX, which is this server: 5.4.4 (MxLoopback)."""
    assert arrived(exchange(connector="")) == ("bounced", "onprem", "5.4.4")


def test_exchange_step_6_external_dns() -> None:
    """'Use External DNS Lookup settings': else an inside name server may say something else about the public name."""
    assert arrived(exchange(connector=SMART_HOST, more=INSIDE)) == ("deferred_in_queue", "onprem", "4.4.1")
    assert arrived(exchange(more=INSIDE))[1:] == ("onprem", "5.1.1")  # reached; refused by the hosted side


def test_exchange_accepted_domain_type() -> None:
    """'Select the Internal Relay Domain option': an authoritative domain fails everybody whom Exchange does not list [MS-AD]."""
    assert arrived(exchange(domain="authoritative")) == ("bounced", "onprem", "5.1.1")
    assert [t.server for t in go(exchange(domain="authoritative"), OUTSIDE, IU1).transactions] == ["onprem", "external"]


def test_exchange_no_accepted_domain_at_all() -> None:
    """A domain that is not accepted is a relay attempt: 5.7.1 [MS-NDR]."""
    none = exchange().replace("accepted_domains: {corporate.com: internal-relay}", "accepted_domains: {}")

    assert told(go(none, OUTSIDE, NOBODY)) == ("bounced", ("external",), "external", "5.7.1")
