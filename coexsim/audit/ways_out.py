"""What would let mail to the world outside go on."""

from __future__ import annotations

from coexsim.audit.flows import Flow, hosts_behind
from coexsim.audit.search import Search
from coexsim.audit.subjects.strangers import where_strangers_are_named
from coexsim.mail.dns import DnsFailure, hop_to_domain
from coexsim.mail.message import domain_of, fold
from coexsim.scenario.servers import ExternalServer

WAYS_OUT = {
    "exchange": "a Send connector for '*' (send_connectors)",
    "relay": "relay_for, for which servers it passes mail on to other domains, and its smart_host",
}
NAMES_MISSING = ("no-such-domain", "no-address")
"""Causes of failures of DNS that a record would mend."""


def way_out(search: Search, flow: Flow) -> str:
    """What would let mail to the world outside go on: at a server that refuses to relay, at one that does not answer, or at its own."""
    for copy in flow.route.copies if flow.route else ():
        refusing = search.setup.server_of_host.get(copy.remote) or _outside_of(search, copy.remote)
        if copy.reply and copy.by and refusing:
            client = search.setup.machine_of(copy.by)
            key = where_strangers_are_named(search, copy, copy.reply.text, refusing)
            if key is not None and client not in search.scenario.servers[refusing].relay_for:
                return f"name {client} under {key} of {refusing}, if it is to pass this mail on"
    if missing := _missing_record(search, flow):
        return missing
    if flow.outcome in ("deferred in queue", "deferred_in_queue", "expired"):
        return "let the server that does not answer answer, or send this mail another way"
    by = flow.route.by if flow.route else None
    kind = search.scenario.servers[by].kind if by in search.scenario.servers else ""
    return f"give that server a way out: {WAYS_OUT.get(kind, 'the MX of other domains, or a relay host that takes its mail (relay_for)')}"


def _missing_record(search: Search, flow: Flow) -> str:
    """What DNS lacks where the server has a way to others, and only the name is not found; empty where that is not the cause."""
    policy = search.setup.policies.get(flow.route.by or "") if flow.route else None
    route = policy.route_for(flow.address, flow.size_bytes) if policy else None
    if policy is None or route is None or route.refuses is not None:
        return ""
    hop = route.hop or hop_to_domain(domain_of(flow.address))
    failure = hosts_behind(search.setup, hop, policy)
    if not isinstance(failure, DnsFailure) or failure.cause not in NAMES_MISSING:
        return ""
    if route.hop is None:
        return f"it goes by the MX of {hop.name}, which DNS does not have: write a zone for it (dns), or correct the address"
    return f"DNS does not have {hop.name}, where {policy.server} sends it: write an address record for it (dns), or correct the name"


def _outside_of(search: Search, host: str) -> str | None:
    """The server outside that stands for a host of its domain."""
    outside = search.scenario.of_kind(ExternalServer).items()
    return next(
        (name for name, server in outside for domain in server.domain if fold(host).endswith(f".{fold(domain)}")), None
    )
