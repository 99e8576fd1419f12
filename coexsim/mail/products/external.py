"""Other organisations on the Internet: they send, and have mailboxes of their own."""

from __future__ import annotations

from coexsim.mail.message import fold
from coexsim.mail.policy import DomainRule
from coexsim.mail.products import postfix
from coexsim.mail.products.product import Product, Settings, any_route
from coexsim.mail.retry import DAY_S, HOUR_S, MINUTE_S, RetrySchedule, constant
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer, ExternalServer

OTHERS = {
    "sendmail": constant(30 * MINUTE_S, 4 * HOUR_S, 5 * DAY_S),
    "rfc5321": RetrySchedule((30 * MINUTE_S, 2 * HOUR_S), 1.0, 2 * HOUR_S, None, 5 * DAY_S, "message"),
}


def _external(server: ExternalServer, _scenario: Scenario, _host: AnyServer) -> Settings:
    home = fold(server.domain[0])
    return dict(
        domains=dict.fromkeys(map(fold, server.domain), DomainRule(True, "fail", "fail", True)),
        primary_domain=home,
        own_address_rule=DomainRule(True, "fail", "fail", True),  # RFC 5321 4.1.3
        own_address_domain=home,
        mailboxes=frozenset(map(fold, server.mailboxes)) if server.mailboxes is not None else None,
        routes=(any_route(server.smart_host, "smart-host"),),
        max_size_bytes=server.max_message_size,
        max_submit_bytes=server.max_message_size,
        aliases={fold(name if "@" in name else f"{name}@{home}"): (to,) for name, to in server.forwarding.items()},
    )


def _schedule(_server: ExternalServer) -> RetrySchedule:
    return postfix.SCHEDULE


EXTERNAL = Product(
    "external",
    "postfix",
    "other organisations",
    _external,
    _schedule,
    machine_settings=postfix.MACHINE_SETTINGS,
    replies=postfix.REPLIES,
    schedules=OTHERS,
)
