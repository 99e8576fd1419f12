"""Set-ups drawn at random, sensible and not: every product, every way of pointing servers at each other, any directory."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Raw = dict[str, Any]
HOSTS = ("domino.corporate.com", "mx2.corporate.com", "in.cloud.example", "out.cloud.example", "mail.otherdomain.com")
HOPS = (*HOSTS, *(f"[{host}]" for host in HOSTS), "corporate.com", "otherdomain.com", "[192.0.2.10]", "nowhere.example")
PEOPLE = ("dUser1", "dUser2", "iUser1", "iUser2")
GROUPS = ("all", "some")
ADDRESSES = (
    *(f"{name}@corporate.com" for name in (*PEOPLE, *GROUPS, "nonexistent")),
    "DUSER1@Corporate.COM",
    "iUser1@cloud.corporate.com",
    "someuser@otherdomain.com",
    "friend@third.example",
    "x@nowhere.example",
)
SENDERS = (
    "dUser1@corporate.com",
    "iUser1@corporate.com",
    "someuser@otherdomain.com",
    "friend@third.example",
    "x@nowhere.example",
    "",
)

switch = st.booleans()
likely = st.sampled_from([True, True, True, False])  # much is said sensibly, so that mail gets somewhere
hop = st.sampled_from([f"[{HOSTS[0]}]", f"[{HOSTS[2]}]", f"[{HOSTS[1]}]"]) | st.sampled_from(HOPS)
maybe_hop = st.none() | hop
limit = st.sampled_from([2, 3, 10, 25, 50])
action = st.sampled_from(
    [
        "REJECT",
        "450 later",
        "HOLD",
        "DISCARD",
        "OK",
        "REDIRECT iUser1@corporate.com",
        "BCC all@corporate.com",
        "FILTER smtp:[localhost]",
    ]
)
few = st.sampled_from([1, 2, 3])
size = st.sampled_from([None, "4 KB", "10 MB"])
own = st.just(["corporate.com", "cloud.corporate.com"])
domains = own | st.lists(
    st.sampled_from(["corporate.com", "cloud.corporate.com", "otherdomain.com"]), max_size=2, unique=True
)


def keys(required: Raw, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Raw]:
    """A mapping with what is required and what is likely, and some of the rest."""
    always = {k: v for k, v in optional.items() if v is likely}
    some = {k: v for k, v in optional.items() if v is not likely}
    return st.fixed_dictionaries({k: st.just(v) for k, v in required.items()} | always, optional=some)


PROVIDERS = st.sampled_from(["smartcloud-inotes", "exchange-online", "google-workspace", "other"])
RETRY = st.sampled_from(
    [{"first": "1 min", "longest": "10 min", "expire_after": "1 h"}, {"like": "exchange", "expire_after": "2 h"}]
)
COMMON: Raw = {
    "reject_unknown_sender_domain": switch,
    "reject_unknown_recipient_domain": switch,
    "reject_own_domain_from_outside": switch,
    "relay_for": st.lists(
        st.sampled_from(["onprem", "second", "inbound", "outbound", "external", "anyone"]), max_size=2
    ),
    "greylisting": st.just({"delay": "5 min"}),
    "retry": RETRY,
    "outgoing_addresses": few,
    "ipv6": st.sampled_from(["works", "broken"]),
    "announces_size": switch,
    "offers_tls": switch,
    "valid_certificate": switch,
    "requires_tls_to": st.just(["inbound"]),
    "requires_tls_from": st.just(["external"]),
}

domino = keys(
    {"kind": "domino"},
    smtp_listener_task=likely,
    smtp_outside_local_domain=likely,
    smart_host=maybe_hop,
    smart_host_rule=st.sampled_from(["person-without-mail-file", "not-in-directory"]),
    smart_host_for_all_local_recipients=switch,
    global_domain=st.none() | domains,
    verify_local_recipients=switch,
    address_lookup=st.sampled_from(["full name then local part", "full name only", "local part only"]),
    relay_host=maybe_hop,
    max_message_size=size,
    over_quota_enforcement=st.sampled_from(["deliver-anyway", "non-deliver"]),
    max_hop_count=limit,
    **COMMON,
)
connector = keys(
    {"name": "c"},
    address_spaces=st.sampled_from(["corporate.com", "*", "*.corporate.com", "otherdomain.com"]),
    smart_hosts=st.lists(hop, max_size=2),
    cost=st.integers(1, 3),
    max_message_size=size,
    use_external_dns=switch,
).map(lambda c: {"address_spaces": "*", **c})
exchange = keys(
    {"kind": "exchange"},
    accepted_domains=st.dictionaries(
        st.sampled_from(["corporate.com", "cloud.corporate.com", "otherdomain.com"]),
        st.sampled_from(["authoritative", "internal-relay", "internal-relay", "external-relay"]),
        min_size=1,
    ),
    send_connectors=st.lists(connector, max_size=3),
    recipient_filtering=switch,
    anonymous_users=switch,
    max_receive_size=size,
    organization_max_receive_size=size,
    reject_reserved_domains=switch,
    max_recipients_per_message=few,
    max_recipient_envelope_limit=few,
    max_hop_count=limit,
    max_local_hop_count=st.sampled_from([0, 1, 2]),
    **COMMON,
)
postfix = keys(
    {"kind": "postfix"},
    virtual_mailbox_domains=domains,
    relay_domains=domains,
    relay_recipient_check=switch,
    reject_unlisted_recipient=switch,
    reject_unlisted_sender=st.sampled_from(["off", "outside", "everyone"]),
    transport=st.dictionaries(
        st.sampled_from(["corporate.com", "*", "dUser1@corporate.com"]),
        hop | st.sampled_from(["smtp:", "virtual:", "discard:"]),
    ),
    virtual_alias_maps=st.dictionaries(
        st.sampled_from(["@corporate.com", "dUser1@corporate.com", "all"]),
        st.lists(st.sampled_from(ADDRESSES), max_size=2),
    ),
    smart_host=maybe_hop,
    relayhost=maybe_hop,
    sender_dependent_relayhost_maps=st.dictionaries(st.sampled_from(["@corporate.com", "dUser1@corporate.com"]), hop),
    reject_unverified_recipient=switch,
    unverified_recipient_reject_code=st.sampled_from([450, 550]),
    reject_unverified_sender=switch,
    check_sender_access=st.dictionaries(st.sampled_from(["corporate.com", "otherdomain.com", "<>"]), action),
    check_recipient_access=st.dictionaries(
        st.sampled_from(["corporate.com", "dUser1@corporate.com", "iUser1@"]), action
    ),
    check_recipient_access_of=st.sampled_from(["outside", "everyone"]),
    smtpd_recipient_limit=few,
    hopcount_limit=limit,
    **COMMON,
)
exim = keys(
    {"kind": "exim"},
    self=st.sampled_from(["freeze", "fail", "pass", "send", "reroute: corporate.com", "reroute: otherdomain.com"]),
    allow_domain_literals=switch,
    local_domains=domains,
    relay_to_domains=domains,
    smart_host=maybe_hop,
    smart_host_for_others=maybe_hop,
    verify_recipient=st.sampled_from(["off", "route", "callout"]),
    received_headers_max=limit,
    recipients_max=few,
    **COMMON,
)
relay = keys(
    {"kind": "relay"},
    relay_domains=domains,
    smart_host=maybe_hop,
    verify_recipients=switch,
    max_hop_count=limit,
    **COMMON,
)
inbound = keys(
    {"kind": "hosted-inbound"},
    unknown_recipients=st.sampled_from(["refuse", "bounce", "relay", "relay"]),
    edge_blocking=switch,
    relay_by=st.sampled_from(["certificate", "ip-address"]),
    smart_host=maybe_hop,
    people_elsewhere=st.sampled_from(["refuse", "relay"]),
    centralised_transport=switch,
    provider=PROVIDERS,
    accepted_domains=st.dictionaries(
        st.sampled_from(["corporate.com", "cloud.corporate.com", "*.corporate.com"]),
        st.sampled_from(["authoritative", "internal-relay"]),
        min_size=1,
    ),
    connectors=st.lists(
        st.fixed_dictionaries(
            {"address_spaces": st.sampled_from(["*", "corporate.com"]), "smart_hosts": st.lists(hop, max_size=2)}
        ),
        max_size=2,
    ),
    forwarding=st.dictionaries(st.sampled_from(["iUser1", "iUser2"]), st.sampled_from(ADDRESSES)),
    also_deliver_to=hop,
    domains=domains,
    max_hop_count=limit,
    **COMMON,
)
outbound = keys(
    {"kind": "hosted-outbound"},
    routes_internal_mail=st.sampled_from(["by-mx", "direct"]),
    relay_host=maybe_hop,
    max_hop_count=limit,
    **COMMON,
)
external = keys(
    {"kind": "external", "domain": ["otherdomain.com"]},
    mailboxes=st.just(["someuser"]),
    forwarding=st.dictionaries(st.just("someuser"), st.sampled_from(ADDRESSES)),
    smart_host=maybe_hop,
    **COMMON,
)


def _copies_go_on(person: Raw) -> Raw:
    """Only who forwards keeps a copy."""
    return {key: value for key, value in person.items() if key != "keep_copy" or "forwarding_address" in person}


person = keys(
    {},
    mail_system=st.sampled_from(["notes", "other-internet-mail", "none"]),
    mail_file=st.sampled_from(["onprem", "second", "inbound"]),
    also_at=st.sampled_from([["onprem"], ["inbound"]]),
    forwarding_address=st.sampled_from(ADDRESSES),
    keep_copy=switch,
    over_quota=switch,
    aliases=st.lists(st.sampled_from(["boss", "iUser1@cloud.corporate.com"]), max_size=1),
).map(_copies_go_on) | st.just({"only_at_hosted": "enabled"})
mx = st.lists(
    st.tuples(st.sampled_from([0, 10, 10, 20]), st.sampled_from([f"{host}." for host in HOSTS] + [".", "missing"])),
    max_size=3,
)
outage = st.fixed_dictionaries(
    {
        "at": st.sampled_from(["0 s", "10 min"]),
        "down": st.sampled_from(["onprem", "second", "inbound", "external", "dns"]),
    },
    optional={"for": st.sampled_from(["5 min", "1 h", "3 days"])},
)
change = st.sampled_from([
    {"at": "10 min", "move": "dUser1", "to": "hosted"},
    {"at": "10 min", "move": "iUser1", "to": "onprem"},
    {"at": "10 min", "hire": "nonexistent", "to": "hosted"},
    {"at": "0 s", "for": "20 min", "zone": "corporate.com", "fault": "servfail"},
])  # fmt: skip


@st.composite
def setups(draw: st.DrawFn) -> Raw:
    """The data of a whole scenario."""
    sane = st.just([(10, HOSTS[0] + ".")]) | st.just([(10, HOSTS[2] + "."), (20, HOSTS[1] + ".")])
    records = "\n".join(f"@ IN MX {preference} {host}" for preference, host in draw(sane | mx))
    soa = "@ 1h IN SOA ns h 1 1h 15m 1w 1h"
    servers = {
        "onprem": draw(domino | exchange | postfix | exim) | {"host": HOSTS[0]},
        "second": draw(relay | postfix | domino) | {"host": HOSTS[1]},
        "inbound": draw(inbound) | {"host": HOSTS[2]},
        "outbound": draw(outbound) | {"host": HOSTS[3]},
        "external": draw(external) | {"host": HOSTS[4]},
        "third": {"kind": "external", "domain": ["third.example"]},
    }
    if draw(switch):
        servers["role"] = {"kind": "relay", "runs_on": "onprem", "smart_host": draw(hop)}
    return {
        "coexsim": 1,
        "domain": "corporate.com",
        "dns": {"corporate.com": f"{soa}\n{records}\ndomino IN A 192.0.2.10\nmx2 IN A 192.0.2.11\n"},
        "servers": servers,
        "directory": {
            "master": "onprem",
            "replica": {"at": "inbound", **draw(keys({}, every=st.just("15 min"), missing=st.just(["iUser2"])))},
            "people": {name: draw(person) for name in PEOPLE},
            "groups": {name: draw(st.lists(st.sampled_from(ADDRESSES), max_size=3)) for name in GROUPS},
        },
        "events": draw(st.lists(outage | change, max_size=2)),
    }
