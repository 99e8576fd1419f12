"""Rules at their edges: limits met exactly, one's own address, several servers of one machine, what a notice names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from coexsim.audit.check import check
from coexsim.audit.subjects.notices import notices_arrive
from coexsim.mail.dialogue import receive
from coexsim.mail.dns import MailHost, MailHosts, in_order
from coexsim.mail.dsn import HEADER_BYTES, NOTICE_BYTES, RETURNED_BYTES_AT_MOST, notice_for
from coexsim.mail.gathered import worst
from coexsim.mail.message import Envelope, Rcpt
from coexsim.mail.setup import Setup
from coexsim.scenario.model import OUTCOMES, Outcome
from coexsim.scenario.servers import AnyServer
from tests.routing.seed import DU1, IU1, OUTSIDE, article_with, go, told
from tests.routing.test_exchange import CLOUD, INTERNET, exchange
from tests.routing.test_exchange import go as ask

MB = 1_000_000


@pytest.mark.parametrize("sender", [OUTSIDE, DU1])
def test_every_recipient_that_fails_is_told(sender: str) -> None:
    """Two ways to one dead address: both fail, and the notice is about both (RFC 3464: a block for each recipient). Domino tells two
    ways of outside mail apart; those of its own users' mail are one way, and fail for both all the same.
    """
    groups = "directory: {groups: {one: [gone@corporate.com], two: [gone@corporate.com]}}"
    result = go(groups, sender, ["one@corporate.com", "two@corporate.com"])

    assert [r.outcome for r in result.recipients] == ["bounced", "bounced"]
    assert sorted(result.notices[0].about) == ["one@corporate.com", "two@corporate.com"]


def test_forwarding_to_oneself_is_no_loop_where_the_mail_file_is() -> None:
    """One's own address as forwarding address: delivered at home, a loop elsewhere (mail-facts: same-domain forwarding)."""
    own = "directory: {people: {dUser1: {forwarding_address: dUser1@corporate.com}}}\n"
    documented = "servers: {onprem: {smart_host_rule: not-in-directory}}\n"
    assert told(go(documented + own, OUTSIDE, DU1))[:2] == ("delivered", ("external", "onprem"))
    alias = "directory: {people: {dUser1: {aliases: [chief], forwarding_address: chief@corporate.com}}}\n"
    assert told(go(documented + alias, OUTSIDE, DU1))[:2] == ("delivered", ("external", "onprem"))
    hosted = own.replace("dUser1", "iUser1")
    assert told(go(documented + hosted, OUTSIDE, IU1)) == ("bounced", ("external", "onprem"), "onprem", "5.4.6")


@pytest.mark.parametrize(("size", "code"), [(10 * MB, None), (10 * MB + 1, "5.3.4")])
def test_a_connector_takes_mail_of_exactly_its_size(size: int, code: str | None) -> None:
    """[MS-SC]: connectors whose limit is smaller are left out; with none left the mail is too large, not without a route."""
    limited = CLOUD.replace("in.cloud.example}", "in.cloud.example, max_message_size: 10 MB}")
    setup = exchange(connectors=limited)

    assert told(ask(setup, DU1, IU1, size_bytes=size))[3] == code
    only = exchange(connectors=INTERNET.replace("'*'}", "'*', max_message_size: 10 MB}"))
    assert told(ask(only, DU1, OUTSIDE, size_bytes=size))[3] == code


def test_of_equal_connectors_the_first_by_name_serves() -> None:
    """[MS-SC]: by name, whatever the capitals."""
    hosts = "{name: B, address_spaces: corporate.com, smart_hosts: in.cloud.example}"
    other = "{name: a, address_spaces: corporate.com, smart_hosts: gw.corporate.net}"
    for connectors in (f"{hosts}, {other}", f"{other}, {hosts}"):
        assert ask(exchange(connectors=connectors), DU1, IU1).servers[:2] == ("onprem", "gateway")
    last = other.replace("name: a", "name: C")
    assert ask(exchange(connectors=f"{last}, {hosts}"), DU1, IU1).servers == ("onprem", "inbound")


@pytest.mark.parametrize(
    ("record", "refused"), [("a IN AAAA 2001:db8::1", False), ("a IN A 192.0.2.1", False), ("a IN TXT x", True)]
)
def test_a_sender_domain_with_an_address_of_either_family_exists(record: str, refused: bool) -> None:
    """postconf(5), reject_unknown_sender_domain: no MX, and no A or AAAA record."""
    changes = f"servers: {{onprem: {{reject_unknown_sender_domain: enabled}}}}\ndns: {{six.example: '{record}'}}"
    said = receive(article_with(changes), "onprem", "outside", Envelope("x@a.six.example", (Rcpt(DU1),)))

    assert bool(said.refused) == refused


def test_a_machine_is_trusted_with_its_roles() -> None:
    """The address that connects is the machine's: relay_for of the machine holds for a role on it."""
    gateway = (
        "servers:\n  smart-host: {smart_host: gw.corporate.com, relay_for: [onprem]}\n"
        "  gw: {kind: relay, site: office, host: gw.corporate.com, address: 192.0.2.7, relay_domains: [x.example], relay_for: [onprem]}\n"
    )
    said = receive(article_with(gateway), "gw", "smart-host", Envelope(DU1, (Rcpt(OUTSIDE),)))

    assert said.accepted


def test_a_role_passes_on_what_its_machine_hands_it() -> None:
    """A second local domain's people go by the role too, which needs no relay_for of its own."""
    alias = (
        "servers: {onprem: {global_domain: [corporate.com, corporate.de]}, inotes-inbound: {domains: [corporate.com, corporate.de]}}\n"
        "dns: {corporate.de: '@ IN MX 10 domino.corporate.com.'}\n"
        "directory: {people: {iUser2: {internet_address: iUser2@corporate.de}}}\n"
    )

    assert told(go(alias, OUTSIDE, "iUser2@corporate.de"))[:2] == (
        "delivered",
        ("external", "onprem", "smart-host", "inotes-inbound"),
    )


def test_postfix_tries_five_addresses_and_no_more() -> None:
    """smtp_mx_address_limit [PF]: the fifth host is tried, the sixth is not."""

    def reached(count: int) -> str:
        lines = "".join(f"    @ IN MX {n} dead{n}\n    dead{n} IN A 192.0.2.{200 + n}\n" for n in range(1, count + 1))
        zone = f"dns:\n  corporate.com: |\n{lines}    @ IN MX 90 domino\n    domino IN A 192.0.2.10\n"
        return go(zone, OUTSIDE, DU1).outcome

    assert (reached(4), reached(5)) == ("delivered", "deferred_in_queue")


@pytest.mark.parametrize(
    ("size", "returned"),
    [(RETURNED_BYTES_AT_MOST, RETURNED_BYTES_AT_MOST), (RETURNED_BYTES_AT_MOST + 1, HEADER_BYTES)],
)
def test_a_message_of_exactly_the_limit_comes_back_whole(size: int, returned: int) -> None:
    """postconf(5), bounce_size_limit: up to it the whole message, above it the headers."""
    notice = notice_for(Envelope(OUTSIDE, (Rcpt(DU1),), size))

    assert notice is not None
    assert notice.size_bytes == NOTICE_BYTES + returned


def test_numbers_drawn_order_each_group_by_its_own() -> None:
    """Among equals the lot decides, and the second group goes on where the first ended."""
    groups = tuple(tuple(MailHost(f"{g}{n}", g, ()) for n in range(2)) for g in range(2))
    names = [host.name for host in in_order(MailHosts(groups), (0.1, 0.9, 0.8, 0.2))]

    assert names == ["00", "01", "11", "10"]


def test_the_worst_outcome_is_the_group_s() -> None:
    """Refused while somebody else still waits: the sender knows of the refusal already."""
    order: tuple[Outcome, ...] = (
        "bounced", "expired", "discarded", "refused_to_client", "deferred_in_queue", "delivered",
    )  # fmt: skip
    assert order == OUTCOMES
    for n, one in enumerate(order):
        assert all(worst([other, one]) == one for other in order[n:])
    assert worst([]) == "discarded"


def test_an_acknowledgement_may_name_a_part_of_the_path() -> None:
    """A path whole, a name that it is about, or a key on the path."""
    changes = (
        "servers: {onprem: {relay_for: [anyone]}}\nacknowledge: [{code: OPEN-RELAY, where: %s, reason: a honeypot}]\n"
    )
    for where in ("servers.onprem.relay_for", "onprem", "relay_for"):
        found = [f for f in check(article_with(changes % where)).findings if f.code == "OPEN-RELAY"]
        assert [f.acknowledged for f in found] == ["a honeypot"]


def test_the_smallest_limit_on_a_way_is_told_against_those_before_it() -> None:
    """Each server that takes more than one behind it is told of once, with both sizes; what its own users may send counts there."""
    sizes = "servers: {onprem: {max_message_size: %s}, inotes-inbound: {max_message_size: %s}, inotes-outbound: {max_message_size: %s}}"

    def pairs(*limits: str) -> list[tuple[str, ...]]:
        found = check(article_with(sizes % limits)).findings
        return [f.about for f in found if f.code == "SIZE-LIMITS-DIFFER"]

    assert pairs("20 MB", "30 MB", "20 MB") == []
    both = [("inotes-outbound", "inotes-inbound"), ("onprem", "inotes-inbound")]
    assert sorted(pairs("20 MB", "10 MB", "20 MB")) == both
    assert sorted(pairs("20 MB", "10 MB", "30 MB")) == [("inotes-outbound", "onprem"), ("onprem", "inotes-inbound")]


def test_what_a_server_s_own_users_may_send_is_a_limit_of_its_own() -> None:
    """Exchange's organisation limit to send beside its connector's to receive [MS-SIZE]: either may be the one that differs."""

    def told_of(send: str) -> list[str]:
        sizes = f"max_send_size: {send}\n    max_receive_size: 20 MB"
        setup = exchange(more=sizes, after="\nevents: []\n")
        found = check(setup.scenario.replaced(servers=_with_inbound_limit(setup, 20 * MB))).findings
        return [f.text for f in found if f.code == "SIZE-LIMITS-DIFFER" and f.about == ("onprem", "inbound")]

    assert told_of("20 MB") == []
    assert len(told_of("30 MB")) == 1


def _with_inbound_limit(setup: Setup, size_bytes: int) -> dict[str, AnyServer]:
    servers = setup.scenario.servers
    return servers | {"inbound": servers["inbound"].replaced(max_message_size=size_bytes)}


def test_the_replica_s_lag_ends_at_the_next_replication() -> None:
    """Of two changes, each is told with the replication that follows it, not with the last one."""
    changes = (
        "directory: {replica: {every: 15 min}}\n"
        "events:\n  - {at: Mon 10:05, move: [dUser1], to: hosted}\n  - {at: Mon 11:05, move: [dUser2], to: hosted}\n"
    )
    lags = [f.text for f in check(article_with(changes)).findings if f.code == "REPLICA-LAG"]

    assert len(lags) == 2
    assert "from Mon 10:05 to Mon 10:15" in lags[0]
    assert "from Mon 11:05 to Mon 11:15" in lags[1]


def test_the_cheapest_connector_is_the_one_that_is_judged() -> None:
    """A dearer connector without a smart host is no fault: it does not serve [MS-SC]."""
    dear = "{name: dear, address_spaces: corporate.com, cost: 50}"
    codes = {f.code for f in check(exchange(connectors=f"{dear}, {CLOUD}, {INTERNET}").scenario).findings}

    assert "EXCHANGE-NO-SMART-HOST" not in codes


@pytest.mark.parametrize(("kind", "told_of"), [("dsn", 1), ("delay", 0)])
def test_only_a_failure_that_is_not_told_is_a_finding(kind: str, told_of: int) -> None:
    """A warning of a delay that gets lost harms nobody: the mail may still arrive, or its failure be told."""
    notice = SimpleNamespace(kind=kind, copy=None, written_by="onprem")
    flow = SimpleNamespace(
        sender=SimpleNamespace(address=OUTSIDE, name="outside"),
        recipient=SimpleNamespace(name="iUser1"),
        trace=SimpleNamespace(notices=[notice]),
    )
    search: Any = SimpleNamespace(
        unreached=frozenset(), flows=[flow], setting=lambda *_: (), finding=lambda code, *_, **__: code
    )

    assert len(list(notices_arrive(search))) == told_of


def test_at_its_last_change_nothing_will_change_any_more() -> None:
    """At the moment of a change the new state holds already: what waits for another one waits for ever."""
    setup = article_with("events: [{at: Mon 10:05, move: [dUser1], to: hosted}]")
    *_, last_s = setup.change_times_s()

    assert not setup.will_change(last_s)
    assert setup.will_change(last_s - 0.001)


def test_a_backup_mx_sends_its_notices_by_the_mx_of_the_sender() -> None:
    """Backscatter: what a second MX took and the first refuses goes back to the sender outside, by DNS, as Postfix's default transport
    does (postconf(5): relayhost is empty). It still relays nobody's mail (RFC 5321 section 7.9).
    """
    backup = (
        "servers: {onprem: {verify_local_recipients: enabled}, backup: {kind: relay, site: internet, host: backup.isp.example}}\n"
        "dns: {isp.example: 'backup IN A 198.51.100.90'}\n"
    )
    bounced = go(backup, OUTSIDE, "nobody@corporate.com", server="backup", client="outside")
    relayed = go(backup, OUTSIDE, "else@otherdomain.com", server="backup", client="outside")

    assert [(n.kind, n.copy and n.copy.servers, n.copy and n.copy.outcome) for n in bounced.notices] == [
        ("dsn", ("backup", "external"), "delivered")
    ]
    assert (relayed.outcome, relayed.recipients[0].code) == ("refused_to_client", "5.7.1")
