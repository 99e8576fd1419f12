"""Lotus Domino: Server document, Configuration document (Router/SMTP), Global Domain document.

Sources stand in the field descriptions by key: the article; [D-SH], [D-HELP], [D-TL], [D-GD], [D-SPAM] Domino Administrator
help. A figure marked *from memory* is an editable default, not evidence.
"""

from typing import Literal

from pydantic import Field

from coexsim.scenario.quantities import Names, Seconds, SizeBytes, Switch, Whole
from coexsim.scenario.servers.base import ServerBase


class DominoServer(ServerBase):
    """Lotus Domino: Server document, Configuration document (Router/SMTP), Global Domain document."""

    side = "onprem"
    domain_pattern_keys = ("global_domain",)
    kind: Literal["domino"] = Field(description="a Lotus (HCL) Domino server")
    domino_domain: str | None = Field(
        default=None,
        description="the Domino domain that it belongs to: its servers share a directory and send to each other's mail files; left out: "
        "all that say none",
    )
    smtp_listener_task: Switch = Field(
        default=False, description="Server document, Basics: is port 25 open (article, step 1)"
    )
    smtp_outside_local_domain: Switch = Field(
        default=False,
        description="'SMTP used when sending messages outside of the local internet domain' (article, step 2) [D-HELP]",
    )
    smart_host: str | None = Field(
        default=None, description="local Internet domain smart host (article, step 2) [D-SH]"
    )
    smart_host_rule: Literal["person-without-mail-file", "not-in-directory"] = Field(
        default="person-without-mail-file",
        description="which addresses of its own domain go to the smart host; person-without-mail-file: of people with a Person record and "
        "no mail file (the article's rule); not-in-directory: those that the directory does not have, and none of its people (the product "
        "documentation's) [D-SH]",
    )
    smart_host_for_all_local_recipients: Switch = Field(
        default=False, description="even people found here go to the smart host [D-BASICS]"
    )
    global_domain: Names | None = Field(
        default=None,
        description="Global Domain document: primary and alternate domains, '*.domain' for all below it (article, step 3) [D-GD]",
    )
    verify_local_recipients: Switch = Field(
        default=False,
        description="'Verify that local domain recipients exist in the Domino Directory': 550 at RCPT [D-SPAM]",
    )
    address_lookup: Literal["full name then local part", "full name only", "local part only"] = Field(
        default=("full name then local part"),
        description="how a recipient is looked up in the Domino Directory; the default is the product's [D-BASICS]",
    )
    relay_host: str | None = Field(
        default=None,
        description="relay host for messages leaving the local Internet domain; 'one;other': tried one after another, 'one,other': any of "
        "them [D-BASICS] [D-FAIL]",
    )
    foreign_smtp_domains: dict[str, str] = Field(
        default_factory=dict,
        description="Foreign SMTP Domain and SMTP Connection documents: other domain ('*.domain' for those below it, '*.*' for all) to "
        "host [D-HELP]",
    )
    max_message_size: SizeBytes | None = Field(
        default=None, description="larger mail is refused with 552; left out: no limit [D-BASICS]"
    )
    over_quota_enforcement: Literal["deliver-anyway", "non-deliver"] = Field(
        default="deliver-anyway",
        description="mail for a Person whose mail file is full (`over_quota`); that there is the option [D-CUST], its default from memory",
    )
    max_hop_count: Whole = Field(
        default=25,
        ge=1,
        description="25 in Domino 5-8 (one site's value [D-CUST], as default from memory); 40 in 12/14 [D-TL]",
    )
    initial_transfer_retry_interval: Seconds = Field(
        default=900.0, description="15 min, from memory; the gap grows after each failure [D-TL]"
    )
    mail_timeout: Seconds = Field(
        default=86400.0, description="MailTimeout: mail is given up at this age and bounces, 1 day [D-TIMEOUT]"
    )
    delay_notification_after: Seconds | None = Field(
        default=None, description="off by default; 4 to 48 h at one site [D-CUST]"
    )
