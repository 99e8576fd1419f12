"""A faulty set-up for each code of a finding, as what it changes of the article's environment, and a sound one where it is not found."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario

ARTICLE = Path(__file__).parents[2] / "scenarios" / "article"


class Case(NamedTuple):
    """`also` are findings that come with it, and are not folded into it; `base` is the file of the article that is changed."""

    faulty: str
    sound: str = ""
    also: frozenset[str] = frozenset()
    base: str = "environment.yaml"


def article_with(changes: str, base: str = "environment.yaml") -> Scenario:
    """The article's environment, or another of its files, with changes in YAML."""
    return scenario_from_text(f"extends: {base}\n{changes}", "changed.yaml", ARTICLE)


def zone(*lines: str) -> str:
    """The shared domain's zone in other words."""
    return "dns:\n  corporate.com: |\n" + "".join(f"    {line}\n" for line in lines)


def exchange(*, domain: str = "internal-relay", smart_hosts: str = "smart_hosts: [smtp.inotes.example],", more: str = "",
             spaces: str = "[corporate.com]", external_dns: str = "true", internet: bool = True) -> str:  # fmt: skip
    """The article's Exchange set-up, step by step."""
    rest = '      - {name: Internet, address_spaces: ["*"]}\n' if internet else ""
    return (
        "servers:\n  smart-host: null\n  onprem:\n    kind: exchange\n    site: office\n    host: domino.corporate.com\n"
        f"    accepted_domains: {{corporate.com: {domain}}}\n    send_connectors:\n"
        f"      - {{name: CorporateCom, address_spaces: {spaces}, {smart_hosts} use_external_dns: {external_dns}}}\n{rest}{more}"
    )


A_RECORD = "domino 1h IN A 192.0.2.10"
MX = "@ 1h IN MX 10 domino.corporate.com."

POSTFIX = (
    "servers:\n  smart-host: null\n  onprem:\n    kind: postfix\n    site: office\n    host: domino.corporate.com\n"
    "    smart_host: '[smtp.inotes.example]'\n    virtual_alias_maps: {'@corporate.com': dUser2%s}\n"
)

CLOUD = (
    "servers: {onprem: {smart_host: corporate-com.mail.protection.outlook.com},"
    " inotes-inbound: {host: corporate-com.mail.protection.outlook.com%s}}\n"
)

LOADED = (
    "directory: {population: {onprem: 30, hosted: 20}}\nload: {profile: office-worker}\n"
    "run: {start: Mon 09:00, length: 2 h}\nevents: [%s]\n"
)

CASES: dict[str, Case] = {
    "UNREACHABLE": Case("directory: {people: {lost: {mail_system: other-internet-mail, forwarding_address: lost@nowhere.net}}}"),
    "VALID-RECIPIENT-BOUNCES": Case(
        "servers: {onprem: {smart_host_rule: not-in-directory}, inotes-outbound: {routes_internal_mail: direct}}"
    ),
    "OUTSIDE-UNREACHABLE": Case(exchange(internet=False), exchange()),
    "LOOP": Case(
        exchange(more="  inotes-inbound: {unknown_recipients: relay, smart_host: domino.corporate.com}\n"),
        exchange(more="  inotes-inbound: {unknown_recipients: refuse, smart_host: domino.corporate.com}\n"),
    ),
    "HOP-LIMIT-TOO-LOW": Case("servers: {onprem: {max_hop_count: 1}}", "servers: {onprem: {max_hop_count: 2}}"),
    "OPEN-RELAY": Case("servers: {onprem: {relay_for: [anyone]}}", "servers: {onprem: {relay_for: [inotes-outbound]}}"),
    "RELAYS-FOR-OUTSIDER": Case("servers: {onprem: {relay_for: [external]}}"),
    "OWN-MAIL-REFUSED": Case(
        "servers: {onprem: {reject_own_domain_from_outside: enabled}}",
        "servers: {onprem: {reject_own_domain_from_outside: enabled, relay_for: [inotes-outbound]}}",
    ),
    "BACKSCATTER": Case("", "servers: {onprem: {verify_local_recipients: enabled}}"),
    "FORGED-SENDER": Case("", zone("@ 1h IN MX 10 gone.corporate.com.", A_RECORD)),
    "CATCH-ALL-TAKES-MAIL": Case(POSTFIX % "", POSTFIX % ", dUser1: dUser1"),
    "DSN-UNDELIVERABLE": Case("servers: {external: {max_message_size: 5 KB}}", "servers: {external: {max_message_size: 10 KB}}"),
    "NOT-IN-REPLICA": Case("directory: {replica: {missing: [iUser1]}}"),
    "REPLICA-LAG": Case(
        "directory: {replica: {every: 15 min}}\nevents: [{at: Mon 10:05, move: [dUser1], to: hosted}]",
        "directory: {replica: {every: 15 min}}\nevents: [{at: Mon 10:15, move: [dUser1], to: hosted}]",
    ),
    "SINGLE-POINT-OF-FAILURE": Case("", zone("@ 1h IN MX 10 gone.corporate.com.", A_RECORD)),
    "SIZE-LIMITS-DIFFER": Case(
        "servers: {inotes-outbound: {max_message_size: 50 MB}}", "servers: {inotes-outbound: {max_message_size: 25 MB}}"
    ),
    "ZONE-MISSING": Case("dns: {corporate.com: null}"),
    "ZONE-FAILS": Case("dns: {corporate.com: {fault: servfail}}"),
    "MX-MISSING": Case(zone(A_RECORD)),
    "MX-NO-ADDRESS": Case(zone("@ 1h IN MX 10 myserver.corporate.com.", A_RECORD)),
    "MX-IS-ALIAS": Case(zone("@ 1h IN MX 10 mail.corporate.com.", "mail 1h IN CNAME domino", A_RECORD)),
    "MX-IS-ADDRESS": Case(zone("@ 1h IN MX 10 192.0.2.10.", A_RECORD)),
    "NULL-MX": Case(zone("@ 1h IN MX 0 .", A_RECORD)),
    "NULL-MX-BESIDE-OTHERS": Case(zone("@ 1h IN MX 0 .", MX, A_RECORD)),
    "MX-NOT-OURS": Case(zone("@ 1h IN MX 10 filter.corporate.com.", "filter 1h IN A 192.0.2.99", A_RECORD)),
    "MX-EQUAL-PREFERENCE": Case(
        zone(MX, "@ 1h IN MX 10 second.corporate.com.", "second 1h IN A 192.0.2.10", A_RECORD),
        zone(MX, "@ 1h IN MX 20 second.corporate.com.", "second 1h IN A 192.0.2.10", A_RECORD),
    ),
    "SMART-HOST-NO-ADDRESS": Case("servers: {onprem: {smart_host: smtp.inots.example}}"),
    "SMART-HOST-IS-ITSELF": Case("servers: {onprem: {smart_host: domino.corporate.com}, smart-host: null}"),
    "SMART-HOST-NOT-HERE": Case(
        "servers: {onprem: {relay_host: gateway.corporate.com}}\n"
        + zone(MX, A_RECORD, "gateway 1h IN A 192.0.2.77"),
    ),
    "HOST-PORT-LEFT-OUT": Case(
        "servers: {onprem: {smart_host: 'smtp.inotes.example:587'}}",
        "servers: {onprem: {smart_host: 'smtp.inotes.example:25'}}",
    ),
    "HOST-NOT-IN-DNS": Case("servers: {onprem: {host: other.corporate.com, address: 192.0.2.10}}"),
    "DOMINO-LISTENER-OFF": Case("servers: {onprem: {smtp_listener_task: disabled}}"),
    "DOMINO-SMTP-OUTSIDE-OFF": Case("servers: {onprem: {smtp_outside_local_domain: disabled}}"),
    "DOMINO-NO-SMART-HOST": Case("servers: {onprem: {smart_host: null}, smart-host: null}"),
    "DOMINO-NO-GLOBAL-DOMAIN": Case(
        "servers: {onprem: {global_domain: null, host: domino.corporate.net}}\n" + zone("@ 1h IN MX 10 domino.corporate.net.")
    ),
    "DOMINO-VERIFY-WITH-SMART-HOST": Case(
        "servers: {onprem: {verify_local_recipients: enabled, smart_host_rule: not-in-directory}}\n"
        "directory: {people: {iUser1: null, iUser2: null, elsa: {mail_system: other-internet-mail, mail_file: inotes-inbound,"
        " forwarding_address: elsa@otherdomain.com}}}",
        "servers: {onprem: {verify_local_recipients: enabled}}",
    ),
    "FORWARDED-UNREWRITTEN": Case(
        "directory: {people: {elsa: {mail_system: other-internet-mail, forwarding_address: elsa@otherdomain.com}}}",
        "directory: {people: {elsa: {mail_system: other-internet-mail, forwarding_address: dUser1@corporate.com}}}",
    ),
    "DOMINO-FOREIGN-DOMAIN-IS-LOCAL": Case(
        "servers: {onprem: {foreign_smtp_domains: {corporate.com: smtp.inotes.example}}}",
        "servers: {onprem: {foreign_smtp_domains: {otherdomain.com: mail.otherdomain.com}}}",
    ),
    "POSTFIX-DOMAIN-IN-TWO-LISTS": Case(
        POSTFIX % ", dUser1: dUser1" + "    relay_domains: [corporate.com]\n", POSTFIX % ", dUser1: dUser1"
    ),
    "POSTFIX-UNLISTED-REFUSED": Case(
        POSTFIX % ", dUser1: dUser1" + "    mydestination: [corporate.com]\n    luser_relay: dUser2@corporate.com\n",
        POSTFIX % ", dUser1: dUser1"
        + "    mydestination: [corporate.com]\n    luser_relay: dUser2@corporate.com\n    reject_unlisted_recipient: false\n",
    ),
    "PROVIDER-BY-HOST-NAME": Case(
        CLOUD % "", CLOUD % ", provider: exchange-online", also=frozenset({"SIZE-LIMITS-DIFFER"})
    ),
    "PERSON-RECORD-MISSING": Case("directory: {people: {iUser1: null, iUser2: null}}"),
    "PERSON-MAIL-SYSTEM": Case("directory: {people: {iUser1: {mail_system: notes, mail_file: inotes-inbound}}}"),
    "EXCHANGE-NO-SEND-CONNECTOR": Case(exchange(spaces="[other.net]"), exchange()),
    "EXCHANGE-NO-SMART-HOST": Case(exchange(smart_hosts=""), exchange()),
    "EXCHANGE-NO-EXTERNAL-DNS": Case(
        exchange(external_dns="false") + "internal_dns:\n  inotes.example: |\n    other 1h IN A 10.0.0.9\n", exchange()
    ),
    "EXCHANGE-DOMAIN-TYPE": Case(exchange(domain="authoritative"), exchange()),
    "EXCHANGE-SIZE-DEFAULT": Case(
        exchange(), exchange(more="    organization_max_receive_size: 36 MB\n    max_send_size: 36 MB\n")
    ),
    "EXCHANGE-DOMAIN-NOT-ACCEPTED": Case(exchange().replace("corporate.com: internal", "corporate.net: internal"), exchange()),
    "EVENT-WITHOUT-EFFECT": Case(
        LOADED % "{at: Mon 09:00, move: 31, to: hosted}, {at: Mon 11:00, for: 1 h, down: onprem}",
        LOADED % "{at: Mon 09:00, move: 30, to: hosted}, {at: Mon 10:59, for: 1 h, down: onprem}",
        frozenset({"REPLICA-LAG", "NO-WORK-DEFINED"}),
    ),
    "NO-WORK-DEFINED": Case(
        "servers: {onprem: {capacity: {cores: 4}, service: {accept: 4 ms}}}\nload: {profile: office-worker}\n",
        "servers: {onprem: {capacity: {cores: 4}}}\nload: {profile: office-worker}\n",
    ),
    "TESTS-NOT-RUN": Case(
        "messages: [{from: dUser1, to: dUser2, expect: {outcome: delivered}}]", "title: the tests of the flows are run", base="flows.yaml"
    ),
    "ACKNOWLEDGED-NOTHING": Case(
        "acknowledge: [{code: LOOP, reason: it was there last year}]",
        "acknowledge: [{code: BACKSCATTER, reason: the article wants it so}]",
    ),
}  # fmt: skip
