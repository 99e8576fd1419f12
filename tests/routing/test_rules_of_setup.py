"""Rules that a set-up is read by: whose service a server is, who is at home where, which lines and links are meant, what is said late."""

from __future__ import annotations

import pytest

from coexsim.errors import ScenarioError
from coexsim.mail.directory import Person
from coexsim.mail.dns import Answer
from coexsim.mail.message import Reply
from coexsim.mail.outages import Outages
from coexsim.mail.products.services import organisation_of
from coexsim.mail.replies import expired_reply
from coexsim.mail.setup import Setup
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.servers import HostedOutbound
from tests.routing.seed import DU1, IU1, IU2, OUTSIDE, article_with, go


@pytest.mark.parametrize(
    ("zone", "line"),
    [("'a IN A nonsense'", 4), ("|\n    a IN A nonsense", 5), ("|\n    b IN A 192.0.2.1\n    a IN A nonsense", 6)],
)
def test_a_zone_s_fault_is_told_at_its_own_line(zone: str, line: int) -> None:
    """A zone on the line of its key, or in a block of one line or more: the line of the record that cannot be read."""
    with pytest.raises(ScenarioError) as told_of:
        Setup(
            scenario_from_text(
                f"coexsim: 1\ndomain: corporate.com\ndns:\n  one.example: {zone}\nservers: {{a: {{kind: external, domain: a.example}}}}\n"
            )
        )

    assert [problem.line for problem in told_of.value.problems] == [line]


def test_forwarding_out_of_the_organisation_is_somebody_elsewhere() -> None:
    """Without a mail file, an address at another organisation is where the person is; one at the service's own domain is not."""
    keys = (
        "servers: {inotes-inbound: {domains: [corporate.com, tenant.inotes.example]}}\n"
        "directory: {people: {iUser1: {forwarding_address: %s}}}\n"
    )

    def home(address: str) -> str | None:
        person = article_with(keys % address).directory.find(IU1, 0)
        assert isinstance(person, Person)
        return person.home

    assert home("x@elsewhere.example") is None
    assert home("x@tenant.inotes.example") == "inotes-inbound"
    assert home("iUser2@corporate.com") == "inotes-inbound"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer("NOERROR", mx=((10, "a.example"), (20, "b.example"))), "10 a.example, 20 b.example"),
        (Answer("NOERROR", mx=((0, ""),)), "0 ."),
        (Answer("NOERROR", addresses=("192.0.2.1", "192.0.2.2")), "192.0.2.1, 192.0.2.2"),
        (Answer("NOERROR", addresses=("192.0.2.1",), alias="b.example"), "alias of b.example, 192.0.2.1"),
        (Answer("NOERROR"), "no such record"),
        (Answer("NXDOMAIN"), "no such name"),
    ],
)
def test_an_answer_in_words(answer: Answer, text: str) -> None:
    """What a trace says of an answer: the hosts by preference (a null MX as written, RFC 7505), the addresses, or what is missing."""
    assert str(answer) == text


TENANT = """
coexsim: 1
domain: corporate.com
servers:
  in1: {kind: hosted-inbound, host: %s, tenant: one%s}
  out1: {kind: hosted-outbound, tenant: one%s}
"""


@pytest.mark.parametrize(
    ("host", "inbound", "outbound", "service"),
    [
        ("in.cloud.example", ", provider: exchange-online", "", "exchange-online"),
        ("in.cloud.example", "", ", provider: exchange-online", "exchange-online"),
        ("in.cloud.example", ", provider: google-workspace", ", provider: exchange-online", "exchange-online"),
        ("corporate-com.mail.protection.outlook.com", "", "", "exchange-online"),
        ("corporate-com.mail.protection.outlook.com", ", provider: other", "", "other"),
        ("in.cloud.example", "", "", "other"),
    ],
)
def test_whose_service_a_server_is(host: str, inbound: str, outbound: str, service: str) -> None:
    """What the server itself says, else what another server of its tenant says, else what the host name tells."""
    scenario = scenario_from_text(TENANT % (host, inbound, outbound))
    server = scenario.servers["out1"]
    assert isinstance(server, HostedOutbound)

    assert organisation_of(scenario, server).service.key == service


CHAIN = """
coexsim: 1
domain: corporate.com
sites: [a, b, c]
links:
  - {between: [a, b], round_trip: 1 ms}
  - {between: [c, b], round_trip: 1 ms}
servers:
  one: {kind: external, domain: one.example, site: a}
  two: {kind: external, domain: two.example, site: c}
events: [{at: 1 min, for: 1 min, down: c-b}]
"""


def test_a_way_between_sites_goes_over_links_that_are_up() -> None:
    """From a to c over b, in either direction, but not while a link on the way is down."""
    outages = Outages(scenario_from_text(CHAIN))

    for pair in (("one", "two"), ("two", "one")):
        assert [outages.joined(*pair, now_s=at_s) for at_s in (0.0, 60.0, 119.9, 120.0)] == [True, False, False, True]
    assert outages.joined("one", "one", 60.0)


def test_what_expired_is_permanent() -> None:
    """Exchange Online's notice makes the last deferral's code permanent; Postfix keeps it as it was."""
    last = Reply(450, "4.4.316", "Connection refused")
    hosted = "servers: {inotes-inbound: {provider: exchange-online}, inotes-outbound: {provider: exchange-online}}"

    assert expired_reply(article_with(hosted).policies["inotes-outbound"], last).enhanced == "5.4.316"
    assert expired_reply(article_with("").policies["external"], last) == last


@pytest.mark.parametrize(
    ("people", "servers"), [("relay", ("inotes-outbound", "gateway")), ("refuse", ("inotes-outbound", "onprem"))]
)
def test_direct_delivery_uses_the_smart_host_of_a_service_that_relays(people: str, servers: tuple[str, ...]) -> None:
    """People elsewhere: by the inbound server's smart host where it relays to them, else by MX."""
    keys = (
        "servers:\n"
        "  inotes-outbound: {routes_internal_mail: direct}\n"
        f"  inotes-inbound: {{people_elsewhere: {people}, smart_host: '[gw.corporate.com]'}}\n"
        "  gateway: {kind: relay, site: office, host: gw.corporate.com, address: 192.0.2.9, smart_host: '[domino.corporate.com]'}\n"
        "dns: {gw.corporate.com: '@ IN A 192.0.2.9'}\n"
    )

    assert go(keys, IU1, DU1).servers[:2] == servers


@pytest.mark.parametrize(
    ("sender", "server"),
    [
        (OUTSIDE, "external"),
        ("somebody@nowhere.example", "external"),
        (DU1, "onprem"),
        ("unknown@corporate.com", "onprem"),
        (IU1, "inotes-outbound"),
        ("partner@elsewhere.example", "onprem"),
    ],
)
def test_where_mail_is_handed_in(sender: str, server: str) -> None:
    """At the server of the sender's mail file, whatever the domain; who is in no directory and in no domain of ours writes from outside."""
    setup = article_with("directory: {people: {partner: {internet_address: partner@elsewhere.example}}}")

    assert setup.submission_server(sender) == server


def test_a_trace_is_one_message_which_no_rate_holds_up() -> None:
    """Limits over time look at mail before; a trace has none."""
    limited = (
        "servers: {inotes-inbound: {limits: {client_messages_per_minute: 1, mailbox_sends_per_minute: 1, "
        "mailbox_recipients_per_day: 1, mailbox_receives_per_hour: 1}}}"
    )
    result = go(limited, IU1, [IU1, IU2, DU1])

    assert [recipient.outcome for recipient in result.recipients] == ["delivered"] * 3
