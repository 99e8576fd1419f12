"""The lab's set-ups as scenarios: the default one (``lab.yaml``), and for each `config` of a case what differs from it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from coexsim.mail.setup import Setup
from coexsim.scenario.load import scenario_from_text

FOLDER = Path(__file__).parent

SOA = "@ 1h IN SOA ns.corporate.com. hostmaster.corporate.com. 1 1h 15m 1w 1h"
HOSTS = "domino 1h IN A 10.55.0.10\n    mx2 1h IN A 10.55.0.11"
TWO_MX = f"dns:\n  corporate.com: |\n    {SOA}\n    @ IN MX 10 domino\n    @ IN MX 20 mx2\n    {HOSTS}\n"
IMPATIENT = "retry: {first: 2 s, longest: 8 s}"
INTERNAL_RELAY = (
    "servers:\n  onprem: {virtual_mailbox_domains: [], relay_domains: [corporate.com], hopcount_limit: %d}\n"
)
BOTH_RELAY = INTERNAL_RELAY + '  inbound: {unknown_recipients: relay, smart_host: "[domino.corporate.com]"}\n'
TO_OUTBOUND = 'servers:\n  onprem: {smart_host: "smtp:[outbound.inotes.test]"}\n'

# What a case's `config` says -> the keys that differ. Outages begin with the case and last as long as the lab's did; where a
# Postfix was started again after 15 s it listened a little later.
CONFIGS = {
    "default": "",
    "on-prem: smtpd_reject_unlisted_recipient=no (accepts, then bounces: the article's wording)":
        "servers: {onprem: {reject_unlisted_recipient: disabled}}",
    "external: backoff 2..8 s, queue run 2 s; on-prem's Postfix stopped for 15 s":
        f"servers: {{external: {{{IMPATIENT}}}}}\nevents: [{{at: 0 s, for: 17 s, down: onprem}}]",
    "external: backoff 2..8 s, delay_warning_time=5s, maximal_queue_lifetime=20s":
        "servers: {external: {retry: {first: 2 s, longest: 8 s, warn_after: 5 s, expire_after: 20 s}}}\n"
        "events: [{at: 0 s, for: 1 h, down: onprem}]",
    "on-prem: backoff 2..8 s; inbound stopped for 12 s":
        f"servers: {{onprem: {{{IMPATIENT}}}}}\nevents: [{{at: 0 s, for: 12 s, down: inbound}}]",
    "DNS: MX 10 domino, MX 20 mx2": TWO_MX,
    "DNS: MX 10 domino, MX 20 mx2; onprem2: backoff 2..8 s": TWO_MX + "events: [{at: 0 s, for: 12 s, down: onprem}]",
    "DNS: MX 10 missing.corporate.com": f"dns:\n  corporate.com: |\n    {SOA}\n    @ IN MX 10 missing\n    {HOSTS}\n",
    "DNS: corporate.com has SOA and NS only": f"dns:\n  corporate.com: |\n    {SOA}\n    {HOSTS}\n",
    "DNS: nullmx.test MX 0 .": 'dns: {nullmx.test: "@ IN MX 0 ."}',
    "DNS: zone corporate.com fails to load": "dns: {corporate.com: {fault: servfail}}",
    "DNS: slow.test delegated to a dead name server": "dns: {slow.test: {fault: timeout}}",
    "on-prem: smtpd_recipient_restrictions=reject_unknown_recipient_domain":
        "servers: {onprem: {reject_unknown_recipient_domain: enabled}}",
    "on-prem: smtpd_sender_restrictions=reject_unknown_sender_domain": "servers: {onprem: {reject_unknown_sender_domain: enabled}}",
    "inbound: iUser2 unknown; on-prem still lists it": "directory: {replica: {missing: iUser2}}",
    "on-prem: no hosted users in the directory, no smart host":
        "servers: {onprem: {smart_host: null}}\ndirectory: {people: {iUser1: null, iUser2: null}}",
    "on-prem: hosted users listed (identity alias), no transport": "servers: {onprem: {smart_host: null}}",
    "on-prem: relay_domains=corporate.com without recipient check, local users by transport, rest to inbound": INTERNAL_RELAY % 50,
    "as R7": INTERNAL_RELAY % 50,
    "on-prem: transport smtp:inbound.inotes.test": "servers: {onprem: {smart_host: smtp:inbound.inotes.test}}",
    "on-prem: transport smtp:[outbound]; outbound: relays for on-prem's address": TO_OUTBOUND + "  outbound: {relay_for: onprem}\n",
    "on-prem: transport smtp:[outbound]": TO_OUTBOUND,
    "as R7, and inbound relays its unknown users to on-prem": BOTH_RELAY % 50,
    "as L6; on-prem: hopcount_limit=10": BOTH_RELAY % 10,
    "on-prem: check_policy_service greylist; external: backoff 2..8 s, queue run 2 s":
        f"servers: {{onprem: {{greylisting: {{delay: 8 s}}}}, external: {{{IMPATIENT}}}}}",
    "on-prem: all@ -> dUser1,dUser2,iUser1,iUser2,friend@thirddomain.com":
        "directory: {groups: {all: [dUser1, dUser2, iUser1, iUser2, friend@thirddomain.com]}}",
}  # fmt: skip


@cache
def lab(config: str = "default") -> Setup:
    """The lab with what `config` says."""
    return lab_with(CONFIGS[config])


@cache
def lab_with(changes: str) -> Setup:
    """The lab with other YAML keys laid over the default ones."""
    return Setup(scenario_from_text("extends: lab.yaml\n" + changes, base=FOLDER))
