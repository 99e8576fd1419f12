"""For any set-up: a trace ends, every recipient has one outcome, and hop limits hold."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from coexsim.mail.dsn import dsn_message
from coexsim.mail.setup import Setup
from coexsim.mail.trace import Outcome, Route, trace
from coexsim.mail.trace_driver import MOST_STEPS
from coexsim.scenario.model import Scenario
from tests.properties import examples
from tests.routing.any_setup import ADDRESSES, SENDERS, setups

questions = st.fixed_dictionaries(
    {
        "sender": st.sampled_from(SENDERS),
        "recipients": st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=3),
        "size_bytes": st.sampled_from([1000, 5_000, 30_000_000]),
        "at_s": st.sampled_from([0.0, 650.0]),
    },
    optional={
        "server": st.sampled_from(["onprem", "second", "inbound", "outbound", "external"]),
        "client": st.just("outside"),
        "declare_size": st.booleans(),
        "down": st.lists(st.sampled_from(["onprem", "inbound", "dns"]), max_size=1),
        "via_mx": st.booleans(),
    },
)


@examples(150)
@given(setups(), questions)
def test_any_setup(raw: dict[str, Any], asked: dict[str, Any]) -> None:
    """The walk ends by itself; nothing is lost, nothing told twice, nobody passes more servers than limits allow."""
    setup = Setup(Scenario.from_data(raw))
    result = trace(setup, **asked)

    recipients_have_one_outcome(result, asked["recipients"])
    hop_limits_hold(setup, result)
    notices_are_about_mail(setup, result)
    assert len(result.transactions) < MOST_STEPS


def recipients_have_one_outcome(result: Route, asked: list[str]) -> None:
    """One row a recipient as written, whose outcome is that of its worst copy; who failed says by whom and with which code."""
    assert [r.recipient for r in result.recipients] == list(dict.fromkeys(asked))
    for recipient in result.recipients:
        assert recipient.outcome in get_args(Outcome)
        assert recipient.end in recipient.copies
        for copy in recipient.copies:
            assert (copy.outcome == "delivered") == (copy.by is None) == (copy.reply is None)
            assert copy.reply is None or not copy.reply.text.startswith("stopped")


def hop_limits_hold(setup: Setup, result: Route) -> None:
    """A copy passes at most one server more than the highest limit (the one that finds it has passed too many), and no server more
    often than its own local limit.
    """
    most = max(policy.hop_limit for policy in setup.policies.values())
    copies = [c for r in result.recipients for c in r.copies] + [n.copy for n in result.notices if n.copy]
    for copy in copies:
        assert sum(setup.scenario.servers[server].runs_on is None for server in copy.servers) <= most + 1
        for name, policy in setup.policies.items():
            assert policy.local_hop_limit is None or copy.servers.count(name) <= policy.local_hop_limit


def notices_are_about_mail(setup: Setup, result: Route) -> None:
    """Each notice goes to the sender, can be written down, and none is about a notice; the null sender gets none."""
    for notice in result.notices:
        assert notice.to == result.sender != ""
        assert notice.copy is not None
        assert notice.copy.outcome in ("delivered", "discarded", "deferred_in_queue")
        assert dsn_message(setup, result, notice).as_bytes()
