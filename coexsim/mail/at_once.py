"""One attempt of the delivery agent where nothing takes time: for probes of recipients, and where a check looks for loops."""

from __future__ import annotations

from collections.abc import Callable

from coexsim.mail.delivery import attempt
from coexsim.mail.dns import DnsFailure
from coexsim.mail.effects import Attempt, Connect, Host, Offer, Recipients, Resolve, TransactionResult, Unreachable
from coexsim.mail.message import NextHop
from coexsim.mail.reach import WhyNotReached, addresses, hosts_at_once, why_unreached
from coexsim.mail.replies import reply
from coexsim.mail.setup import Setup, State


def attempt_at_once(
    setup: Setup, client: str, recipients: Recipients, hop: NextHop, state: State,
    offer: Callable[[str, Recipients], TransactionResult], why_not: WhyNotReached | None = None,
) -> Attempt:  # fmt: skip
    """Drive one attempt of a server: `offer` says what a server takes; `why_not` is it not reached (None: whoever listens is)."""
    policy = setup.policies[client]

    def connect(host: Host) -> Unreachable | None:
        if why_not is not None and host.server is not None:
            cause = why_not(client, host.server)
        else:
            listens = host.server is not None and setup.policies[host.server].listens
            cause = why_unreached(joined=host.server is not None, answers=listens)
        where = f"{host.name}[{host.address}]:{host.port}"
        return None if cause is None else Unreachable(reply(policy.product, cause, detail=where))

    agent = attempt(policy, recipients, hop)
    sent_back: object = None
    try:
        while True:
            effect = agent.send(sent_back)
            sent_back = None
            match effect:
                case Resolve(next_hop):
                    found = hosts_at_once(setup, next_hop, policy, state)
                    sent_back = found if isinstance(found, DnsFailure) else addresses(setup.server_at, found)
                case Connect(host):
                    sent_back = connect(host)
                case Offer(host, offered):
                    assert host.server is not None
                    sent_back = offer(host.server, offered)
    except StopIteration as end:
        result: Attempt = end.value
        return result
