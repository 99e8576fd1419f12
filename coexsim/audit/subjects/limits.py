"""What is wrong with limits on the ways that mail takes: of hops, and of sizes at servers and connectors."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.classes import SMALL_BYTES
from coexsim.audit.finding import Finding, FindingKind
from coexsim.audit.flows import Flow
from coexsim.audit.search import Search, Subject
from coexsim.mail.replies import reply
from coexsim.mail.trace import trace
from coexsim.scenario.servers import ExchangeServer, HostedInbound
from coexsim.units import say_bytes

HOP_LIMIT_TOO_LOW = FindingKind(
    "HOP-LIMIT-TOO-LOW",
    "a way is longer than a hop limit on it",
    "error",
    "A server counts the Received lines of the message and takes it for a loop, though it only has far to go.",
    "Valid mail bounces with 5.4.6 (Postfix: 5.4.0).",
    "Raise the hop limit. RFC 5321 wants at least 100 where Received lines are counted.",
    "RFC 5321, section 6.3; Domino help, Setting transfer limits; Set-ReceiveConnector, MaxHopCount",
)
SIZE_LIMITS_DIFFER = FindingKind(
    "SIZE-LIMITS-DIFFER",
    "a server takes larger mail than the next one",
    "warning",
    "Two servers of the organisation on one way have different size limits, and the larger comes first.",
    "Mail between the two limits is taken with 250, then bounced by the first server: the sender hears of it later, and by notice.",
    "Set both to the same size; remember that base64 makes attachments a third larger.",
    "Exchange documentation, message size limits",
)
SAME_MB = 2**20 / 10**6
"""Limits within this ratio are the same for those who wrote them: one counts a MB as 10^6 bytes, the other as 2^20."""
ORGANIZATION_SIZES = ("organization_max_receive_size", "max_send_size")
EXCHANGE_SIZE_DEFAULT = FindingKind(
    "EXCHANGE-SIZE-DEFAULT",
    "Exchange's own limit of size, which nobody set",
    "note",
    "The file says nothing of MaxReceiveSize or MaxSendSize, so Exchange's own hold: 10 MB, below what its Receive connectors take.",
    "Mail between the two is taken with 250, then bounced with 5.3.4; what its own users hand in above it is refused.",
    "Write organization_max_receive_size and max_send_size as Get-TransportConfig tells them; an upgrade keeps what was set before.",
    "Exchange documentation, message size limits",
)


def hop_limits_suffice(search: Search) -> Iterator[Finding]:
    """No way is longer than a hop limit on it."""
    told: dict[str, Flow] = {}
    for flow in search.flows:
        name = whose_hop_limit(search, flow)
        if name:
            told.setdefault(name, flow)
    for name, flow in told.items():
        policy = search.setup.policies[name]
        local = len(flow.servers) < policy.hop_limit and policy.local_hop_limit is not None
        limit = (
            f"local hop limit of {name} ({policy.local_hop_limit})"
            if local
            else f"hop limit of {name} ({policy.hop_limit})"
        )
        path = (
            search.setting(name, "max_local_hop_count")
            if local
            else search.setting(name, "max_hop_count", "hopcount_limit")
        )
        text = f"{flow} passes {' -> '.join(flow.servers)}: longer than the {limit}; raise it"
        yield search.finding(HOP_LIMIT_TOO_LOW, path, text, about=(name,))


def whose_hop_limit(search: Search, flow: Flow) -> str | None:
    """The server that ended mail for having passed too many: by its own decision, or in the dialogue with the server before it."""
    if flow.route is None or flow.delivered:
        return None
    if flow.route.hops and flow.route.hops[-1].rule == "hop-limit":
        return flow.route.by
    refusals = [(search.setup.server_of_host.get(copy.remote), copy.reply) for copy in flow.route.copies if copy.reply]
    for name, said in refusals:
        if name and said.text.endswith(reply(search.setup.policies[name].product, "too-many-hops").text):
            return name
    return None


def limits_agree(search: Search) -> Iterator[Finding]:
    """No server of the organisation takes mail that the next one on its way refuses for its size."""
    told: set[tuple[str, str]] = set()
    for flow in search.flows:
        if not flow.delivered or flow.size_bytes != SMALL_BYTES:
            continue
        taken: tuple[str, int] | None = None
        for position, name in enumerate(flow.servers):
            policy = search.setup.policies[name]
            limit = policy.max_submit_bytes if position == 0 else policy.max_size_bytes
            limit = None if limit is None else limit - policy.size_overhead_bytes
            if limit is not None and policy.max_routed_bytes is not None and not _by_default(search, name):
                # what is larger ends here in any case
                limit = min(limit, policy.max_routed_bytes)
            if name not in search.own_servers:
                continue
            if taken and limit is not None and limit * SAME_MB < taken[1] and (taken[0], name) not in told:
                told.add((taken[0], name))
                text = (
                    f"{taken[0]} takes messages of up to {say_bytes(taken[1])}, and {name} behind it only {say_bytes(limit)}: what lies "
                    "between is taken, then bounced; set both to the same size"
                )
                path = search.setting(name, "max_message_size", "message_size_limit", "max_receive_size")
                yield search.finding(SIZE_LIMITS_DIFFER, path, text, about=(taken[0], name))
            if limit is not None and (taken is None or limit < taken[1]):
                taken = (name, limit)


def connectors_agree(search: Search) -> Iterator[Finding]:
    """No server takes mail that is too large for its organisation, or for its own ways on: Send connectors have limits too [MS-SC]."""
    told: set[str] = set()
    for flow in search.flows:
        for name in flow.servers if flow.delivered else ():
            policy = search.setup.policies[name]
            of_service = isinstance(search.scenario.servers[name], HostedInbound)  # whose limits nobody sets here
            nobody_set = of_service or _by_default(search, name)
            own = [] if policy.max_routed_bytes is None or nobody_set else [policy.max_routed_bytes]
            limits = own + [route.max_size_bytes for route in policy.routes if route.max_size_bytes is not None]
            if name in told or not limits:
                continue
            way_in = policy.max_submit_bytes if name == flow.servers[0] else policy.max_size_bytes
            narrower = sorted(size for size in set(limits) if way_in is None or size * SAME_MB < way_in)
            narrow = next((size for size in narrower if _is_given_up(search, flow, name, size + 1)), None)
            if narrow is not None:
                told.add(name)
                most = f"of up to {say_bytes(way_in)}" if way_in is not None else "of any size"
                whose = "its organisation" if narrow in own else f"its way on to {flow.recipient.name}"
                text = (
                    f"{name} takes messages {most}, and {whose} only {say_bytes(narrow)}: what lies between is taken, then bounced; "
                    "set both to the same size"
                )
                path = search.setting(name, "organization_max_receive_size" if narrow in own else "send_connectors")
                yield search.finding(SIZE_LIMITS_DIFFER, path, text, about=(name,))


def defaults_are_told(search: Search) -> Iterator[Finding]:
    """Each Exchange server whose limits nobody set, where its Receive connector takes more."""
    for name, server in search.scenario.of_kind(ExchangeServer).items():
        keys = [key for key in ORGANIZATION_SIZES if key not in server.model_fields_set]
        most = server.max_receive_size
        limit = server.organization_max_receive_size
        if keys and limit is not None and (most is None or most > limit):
            usual = "10 MB of 2^20 bytes, as Exchange comes"
            text = f"nobody set {' and '.join(keys)}: {usual}; write what Get-TransportConfig tells"
            yield search.finding(EXCHANGE_SIZE_DEFAULT, search.setting(name), text, about=(name,))


def _by_default(search: Search, name: str) -> bool:
    """Is the limit of its organisation the one that Exchange comes with."""
    server = search.scenario.servers[name]
    return isinstance(server, ExchangeServer) and ORGANIZATION_SIZES[0] not in server.model_fields_set


def _is_given_up(search: Search, flow: Flow, name: str, size_bytes: int) -> bool:
    """Does `name` take mail of this size, and end it by its own decision."""
    route = trace(search.setup, flow.sender.address, flow.address, size_bytes=size_bytes).recipients[0]
    ends = [copy for copy in route.copies if copy.outcome != "delivered" and copy.hops and not copy.remote]
    return any(copy.by == name for copy in ends)


SUBJECT = Subject(
    explanations=(
        HOP_LIMIT_TOO_LOW,
        SIZE_LIMITS_DIFFER,
        EXCHANGE_SIZE_DEFAULT,
    ),
    finders=(
        hop_limits_suffice,
        limits_agree,
        connectors_agree,
        defaults_are_told,
    ),
)
