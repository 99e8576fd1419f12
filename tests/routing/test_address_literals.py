"""Recipients at an IP address, user@[192.0.2.1] (RFC 5321 4.1.3): what each product makes of them, in the public cases and beyond."""

from __future__ import annotations

import pytest

from coexsim.mail.dns import hop_to_domain, literal_address
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.scenario.load import scenario_from_text

SET_UP = """
coexsim: 1
domain: smallco.net
dns:
  smallco.net: "@ 1h IN MX 10 mx\\nmx 1h IN A 192.0.2.10\\n"
  elsewhere.org: "mail 1h IN A 203.0.113.5\\nmail 1h IN AAAA 2001:db8::5\\n"
servers:
  mx: {KIND, host: mx.smallco.net}
  world: {kind: external, domain: elsewhere.org, host: mail.elsewhere.org, mailboxes: [bob]}
directory: {people: {anna: {mail_file: mx}}}
"""


@pytest.mark.parametrize(
    ("domain", "address"),
    [
        ("[192.0.2.1]", "192.0.2.1"),
        ("[ipv6:2001:db8::1]", "2001:db8::1"),
        ("[IPv6:2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]", None),
        ("[ipv6:192.0.2.1]", None),
        ("192.0.2.1", None),
        ("[mx.smallco.net]", None),
        ("smallco.net", None),
    ],
)
def test_what_is_an_address_literal(domain: str, address: str | None) -> None:
    """An IPv6 address has its tag, an IPv4 address none (RFC 5321 4.1.3); a host name in brackets is none."""
    assert literal_address(domain) == address
    assert hop_to_domain(domain).by_mx == (address is None)


@pytest.mark.parametrize(
    ("kind", "to", "outcome", "code"),
    [
        ("kind: postfix", "bob@[203.0.113.5]", "delivered", None),
        ("kind: postfix", "bob@[IPv6:2001:db8::5]", "delivered", None),
        ("kind: postfix", "nobody@[203.0.113.5]", "bounced", "5.1.1"),
        ("kind: postfix", "bob@203.0.113.5", "refused_to_client", "5.1.3"),
        ("kind: postfix, resolve_numeric_domain: true", "bob@203.0.113.5", "delivered", None),
        ("kind: postfix, mydestination: smallco.net", "anna@[192.0.2.10]", "delivered", None),
        ("kind: postfix", "anna@[192.0.2.10]", "refused_to_client", "5.1.1"),
        ("kind: exim", "bob@[203.0.113.5]", "refused_to_client", "5.0.0"),
        ("kind: exim, allow_domain_literals: true", "bob@[203.0.113.5]", "delivered", None),
        ("kind: exim, allow_domain_literals: true", "anna@[192.0.2.10]", "deferred_in_queue", "4.0.0"),
        ("kind: domino", "bob@[203.0.113.5]", "bounced", "5.1.3"),
    ],
)
def test_each_product_has_its_way(kind: str, to: str, outcome: str, code: str | None) -> None:
    """Postfix: trivial-rewrite/resolve.c; Exim: allow_domain_literals, self = freeze at its own address."""
    (route,) = trace(Setup(scenario_from_text(SET_UP.replace("KIND", kind))), "anna", to).recipients

    assert (route.outcome, route.code) == (outcome, code)


def test_where_it_is_not_known_it_is_said() -> None:
    """Of Domino no document was found: mail to an address literal fails, and the reply says why."""
    (route,) = trace(
        Setup(scenario_from_text(SET_UP.replace("KIND", "kind: domino"))), "anna", "bob@[203.0.113.5]"
    ).recipients

    assert "it is not known whether this product takes address literals" in str(route.reply)
