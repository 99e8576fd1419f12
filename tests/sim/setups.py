"""Set-ups whose routes are easy to tell, and the messages that try every pair of their people."""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Mail, Scenario
from coexsim.scenario.plain import parse

PEOPLE = ("dUser1@corporate.com", "dUser2@corporate.com", "iUser1@corporate.com", "iUser2@corporate.com")
OUTSIDE = "someuser@otherdomain.com"
NOBODY = "nonexistent@corporate.com"

NETWORK = """
coexsim: 1
domain: corporate.com
sites: [office, hosted, internet]
links:
  - {between: [office, hosted],   round_trip: 40 ms, bandwidth: 100 Mbit/s}
  - {between: [office, internet], round_trip: 30 ms}
  - {between: [hosted, internet], round_trip: 20 ms}
dns:
  corporate.com: |
    @       1h IN SOA ns1.corporate.com. hostmaster.corporate.com. 1 1h 15m 1w 1h
    @       1h IN MX  10 mail.corporate.com.
    mail    1h IN A   192.0.2.10
run: {length: 10 min, drain: 20 d}
directory:
  people:
    dUser1: {mail_system: notes}
    dUser2: {mail_system: notes}
    iUser1: {mail_system: other-internet-mail}
    iUser2: {mail_system: other-internet-mail}
servers:
  inotes-inbound: {kind: hosted-inbound, site: hosted, host: smtp.inotes.example}
  inotes-outbound: {kind: hosted-outbound, site: hosted, host: out.inotes.example}
  external: {kind: external, site: internet, domain: otherdomain.com, mailboxes: [someuser]}
"""
ONPREM = {
    "domino": """
  onprem:
    kind: domino
    site: office
    host: mail.corporate.com
    smtp_listener_task: enabled
    smtp_outside_local_domain: enabled
    smart_host: smtp.inotes.example
    global_domain: [corporate.com]
""",
    "exchange": """
  onprem:
    kind: exchange
    site: office
    host: mail.corporate.com
    accepted_domains: {corporate.com: internal-relay}
    send_connectors:
      - {name: to hosted, address_spaces: corporate.com, smart_hosts: smtp.inotes.example}
      - {name: outside, address_spaces: "*"}
""",
    "postfix": """
  onprem: {kind: postfix, site: office, host: mail.corporate.com, smart_host: "[smtp.inotes.example]"}
""",
    "exim": """
  onprem: {kind: exim, site: office, host: mail.corporate.com, route_list: {corporate.com: smtp.inotes.example}}
""",
}


@cache
def named_setups() -> dict[str, dict[str, Any]]:
    """The set-ups of ``setups.yaml``."""
    return parse(Path(__file__).with_name("setups.yaml").read_text(encoding="utf-8"), "setups.yaml")[0]


def named(name: str) -> Scenario:
    """A set-up of ``setups.yaml``."""
    keys = named_setups()[name]
    return setup(keys["onprem"], {key: value for key, value in keys.items() if key != "onprem"})


def setup(onprem: str = "domino", more: str | dict[str, Any] = "") -> Scenario:
    """The network with an on-premises server of a kind; `more` are further keys, as YAML or data, laid over it."""
    keys = more if isinstance(more, dict) else parse(more, "more")[0] if more else {}
    return scenario_from_text(as_text(parse(NETWORK + ONPREM[onprem], "network")[0], keys))


def as_text(keys: dict[str, Any], *more: dict[str, Any]) -> str:
    """Keys of a scenario, with others laid over them, as a file has them."""
    for extra in more:
        keys = laid_over(keys, extra)
    return json.dumps(keys)  # which is YAML


def laid_over(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Keys with others laid over them, as `extends` does."""
    result = dict(base)
    for key, value in more.items():
        if value is None:
            result.pop(key, None)
            continue
        below = base.get(key)
        result[key] = laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def mails(scenario: Scenario, *, size: int = 4096, declare_size: bool = True) -> tuple[Mail, ...]:
    """A message from one of each side (and from nobody) to everybody, to nobody and to all at once."""
    people = [*PEOPLE, OUTSIDE]
    senders = [PEOPLE[0], PEOPLE[2], OUTSIDE, "<>"]
    groups = [f"{name}@corporate.com" for name in scenario.directory.groups]
    written = {p.internet_address or f"{name}@{scenario.domain}" for name, p in scenario.directory.people.items()}
    to = [(a,) for a in [*people, *sorted(written - set(people)), NOBODY, *groups, "nobody@nowhere.example"]]
    keys = {"size": f"{size} B", "declare_size": declare_size}
    return tuple(
        Mail.from_data({"from": sender, "to": recipients, "name": f"m{i}", **keys})
        for i, (sender, recipients) in enumerate(product(senders, [*to, (*people, NOBODY)]))
    )
