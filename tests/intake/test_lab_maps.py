"""A second lab: eight real Postfix servers with transports of several hosts, tables by sender and recipient, copies, relocated people.

Every server has tables of its own, which list other people. The files under ``lab-maps/`` are theirs (the folders' names were made
general), ``observed.yaml`` says what they did with 42 messages; nothing of a scenario is written by hand but the zones.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from coexsim.intake.configs.importing import import_setup
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.scenario.load import load_scenario
from coexsim.scenario.plain import parse

FOLDER = Path(__file__).parent / "lab-maps"
SERVERS = ("store", "store2", "in1", "in2", "out", "partner", "fallback", "edge")
# in0, mx1 and mx are names of a machine on which nobody listens.
ZONES = """\
coexsim: 1
domain: firm.test
dns:
  firm.test: |
    @      1h IN MX 10 edge
    sub    1h IN MX 10 edge
    old    1h IN MX 10 edge
    edge   1h IN A 10.56.0.10
    store  1h IN A 10.56.0.11
    store2 1h IN A 10.56.0.12
  cloud.test: |
    in0      1h IN A 10.56.0.100
    in1      1h IN A 10.56.0.20
    in2      1h IN A 10.56.0.21
    out      1h IN A 10.56.0.22
    fallback 1h IN A 10.56.0.31
  partner.test: |
    @    1h IN MX 10 mx1
    @    1h IN MX 20 mail
    mx1  1h IN A 10.56.0.100
    mail 1h IN A 10.56.0.30
  far.test: |
    @  1h IN MX 10 mx
    mx 1h IN A 10.56.0.100
servers:
  store: {kind: postfix}
directory: {master: store}
"""
MESSAGES = parse((FOLDER / "observed.yaml").read_text(encoding="utf-8"), "observed.yaml")[0]["messages"]
ROUNDS = 2  # a server's tables say of people, and its networks of servers, that are imported after it


@pytest.fixture(scope="module")
def imported() -> Setup:
    """All eight servers, one import after the other."""
    return imported_in(SERVERS)


@cache
def imported_in(order: tuple[str, ...]) -> Setup:
    """All eight servers, imported in this order."""
    with TemporaryDirectory() as folder:
        into = Path(folder) / "all.yaml"
        into.write_text(ZONES, encoding="utf-8")
        for server in order * ROUNDS:
            into.write_text(import_setup(FOLDER / server, kind="postfix", into=into, server=server).text, "utf-8")
        return Setup(load_scenario(into))


def predicted(message: dict[str, Any], setup: Setup) -> dict[str, Any]:
    """What our trace says of a message, in the words of ``observed.yaml``."""
    route = trace(setup, message["sender"], message["to"], server=message["at"], client="own-user", via_mx=False)
    copies = list({id(copy): copy for one in route.recipients for copy in one.copies}.values())
    notices = [n.copy for n in route.notices if n.kind != "delay" and n.copy and n.copy.outcome == "delivered"]
    delivered = [copy for copy in copies if copy.outcome == "delivered"]
    bounced = [copy for copy in copies if copy.outcome in ("bounced", "expired")]
    found = {
        "delivered": [f"{copy.servers[-1]} {copy.address}" for copy in (*delivered, *notices)],
        "sent": [f"{one.client} {one.server}" for one in route.transactions if one.accepted],
        "bounced": [f"{copy.by} {copy.address} {copy.reply.enhanced if copy.reply else ''}" for copy in bounced],
        "refused": {copy.address: str(copy.reply) for copy in copies if copy.outcome == "refused_to_client"},
        "deferred": sorted({f"{d.server} {d.recipient}" for one in route.recipients for d in one.deferrals}),
    }
    return {key: sorted(said) if isinstance(said, list) else said for key, said in found.items() if said}


def observed(message: dict[str, Any]) -> dict[str, Any]:
    """What the real servers did."""
    return {key: said for key, said in message.items() if key not in ("at", "sender", "to")}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: f"{m['sender']} to {' '.join(m['to'])}")
def test_imported_tables_route_as_the_real_servers_did(message: dict[str, Any], imported: Setup) -> None:
    """Mailboxes, transactions, bounces and refusals of each message, from the eight servers' files alone."""
    assert predicted(message, imported) == observed(message)


def test_the_order_of_imports_does_not_matter() -> None:
    """Imported twice in the opposite order, all 42 messages go the same ways."""
    setup = imported_in(tuple(reversed(SERVERS)))

    assert [predicted(message, setup) for message in MESSAGES] == [observed(message) for message in MESSAGES]


def test_the_comparison_says_no(imported: Setup) -> None:
    """The messages of one row do not do what those of another did."""
    kinds = Counter(str(predicted(message, imported)) for message in MESSAGES)

    assert len(kinds) > 25
    assert predicted(MESSAGES[0], imported) != observed(MESSAGES[1])
