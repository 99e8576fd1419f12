"""What is remembered of probes: verify(8) and postconf(5), address_verify_*; Exim's specification, callout caching."""

from __future__ import annotations

import math

import pytest

from coexsim.mail.dialogue import receive
from coexsim.mail.message import Envelope, Rcpt, Reply
from coexsim.mail.products.exim import CALLOUT_CACHE
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace_mail
from coexsim.mail.verify_cache import VerifyCache, VerifyTimes
from coexsim.scenario.load import scenario_from_text
from tests.routing.test_public_cases import FOLDER

HOUR_S, DAY_S = 3600.0, 86400.0
POSTFIX = VerifyTimes(31 * DAY_S, 7 * DAY_S, 3 * DAY_S, 3 * HOUR_S)
NO, LATER = Reply(550, "5.1.1", "User unknown"), Reply(451, "4.4.1", "Connection refused")


class Server:
    """A next host that is probed, and says what it is told to."""

    def __init__(self, times: VerifyTimes) -> None:
        self.says: Reply | None = None
        self.probes = 0
        self._cache = VerifyCache(times)

    def _probe(self) -> Reply | None:
        self.probes += 1
        return self.says

    def at(self, now_s: float, says: Reply | None) -> tuple[Reply | None, int]:
        """What a client is told at a time, and how many probes that took so far."""
        self.says = says
        return self._cache.answer("anna@firma-x.net", now_s, self._probe), self.probes


def test_a_good_address_stays_good_until_it_expires() -> None:
    """From 7 days on it is probed again; a failed probe does not take its place; after 31 days it is asked anew."""
    server = Server(POSTFIX)

    assert server.at(0.0, None) == (None, 1)
    assert server.at(7 * DAY_S, LATER) == (None, 1)
    assert server.at(7 * DAY_S + 1, NO) == (None, 2)
    assert server.at(31 * DAY_S, NO) == (None, 3)
    assert server.at(31 * DAY_S + 1, NO) == (NO, 4)


def test_a_failed_probe_is_told_until_the_one_after_three_hours() -> None:
    """The first to ask after that is still told the old result, and causes the probe that the next one hears of."""
    server = Server(POSTFIX)

    assert server.at(0.9, LATER) == (LATER, 1)
    assert server.at(3 * HOUR_S, None) == (LATER, 1)
    assert server.at(3 * HOUR_S + 1, None) == (LATER, 2)
    assert server.at(3 * HOUR_S + 2, NO) == (None, 2)


def test_without_a_negative_cache_each_failure_is_asked_again() -> None:
    """address_verify_negative_cache = no; good ones are remembered all the same."""
    server = Server(POSTFIX._replace(keeps_failures=False))

    assert server.at(0.0, NO) == (NO, 1)
    assert server.at(1.0, None) == (None, 2)
    assert server.at(2.0, NO) == (None, 2)


def test_exim_keeps_what_it_heard_and_nothing_of_hosts_it_did_not_reach() -> None:
    """24 hours for a good address, 2 for a bad one; no answer is no result."""
    server = Server(CALLOUT_CACHE)

    assert server.at(0.0, LATER) == (LATER, 1)
    assert server.at(60.0, NO) == (NO, 2)
    assert server.at(60.0 + 2 * HOUR_S, None) == (NO, 2)
    assert server.at(61.0 + 2 * HOUR_S, None) == (None, 3)
    assert server.at(61.0 + 26 * HOUR_S, NO) == (None, 3)
    assert server.at(62.0 + 26 * HOUR_S, NO) == (NO, 4)
    assert CALLOUT_CACHE.positive_refresh_s == math.inf


@pytest.mark.parametrize(("cache", "tries_s"), [("", [3 * HOUR_S, 5 * HOUR_S]), ("disabled", [1800.0, 2401.0])])
def test_a_new_address_is_refused_as_long_as_a_failed_probe_is_remembered(cache: str, tries_s: list[float]) -> None:
    """Made at 9:30, probed at 9:00: refused beyond 12:00 with the cache; else taken at the sender's first try after 9:30."""
    key = f", address_verify_negative_cache: {cache}" if cache else ""
    changes = f"servers: {{cow: {{unverified_recipient_reject_code: 450{key}}}}}"
    scenario = scenario_from_text(f"extends: 147-verify-cache.yaml\n{changes}", base=FOLDER)
    (newbie,) = trace_mail(scenario, scenario.messages[0]).recipients
    taken_s = newbie.deferrals[-1].next_s

    assert newbie.outcome == "delivered"
    assert tries_s[0] < taken_s <= tries_s[1]


@pytest.mark.parametrize(("verify", "remembers"), [("off", False), ("route", False), ("callout", True)])
def test_exim_remembers_callouts_and_no_routes(verify: str, remembers: bool) -> None:
    """Whoever only works out the route finds a new address at once: there is nothing to remember."""
    text = (
        "coexsim: 1\ndomain: corporate.com\nservers:\n"
        f"  mx: {{kind: exim, host: mx.corporate.com, verify_recipient: {verify}}}\n"
    )

    assert (Setup(scenario_from_text(text)).policies["mx"].verify_times is not None) == remembers


def test_a_remembered_failure_is_told_without_another_probe() -> None:
    """A refusal from the cache costs nothing: no next host is asked."""
    setup = Setup(scenario_from_text("extends: 147-verify-cache.yaml", base=FOLDER))
    offered = Envelope("x@gmx.org", (Rcpt("newbie@firma-x.net"),))

    def asked(client: str, server: str) -> str | None:
        raise AssertionError(f"{client} asks {server}")

    told = receive(setup, "cow", "world", offered, setup.state_at(0.0), why_not=asked, verified=lambda *_: NO)

    assert [refusal.reply.code for refusal in told.refused] == [450]
    with pytest.raises(AssertionError, match="cow asks ex"):
        receive(setup, "cow", "world", offered, setup.state_at(0.0), why_not=asked)
