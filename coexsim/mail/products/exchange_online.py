"""Exchange Online: looks its people up, knows on-premises mailboxes by synchronisation, gives up after a day.

Sources, all Microsoft's: "Mail flow intelligence" (retried for 24 hours, then returned); "Email non-delivery reports in Exchange Online"
(5.1.10, 5.4.14, 5.4.300, 5.4.316, 5.4.317, 5.7.64); "Use directory-based edge blocking" (5.4.1, for authoritative domains); "Exchange
Online limits" (30 messages a minute and 10,000 recipients a day from a mailbox, messages of 35 MB from and 36 MB into
one unless set otherwise and of 150 MB at all, 1,000 recipients a message, 3,600 messages an hour into a mailbox; a third of those from one
sender elsewhere). What is beyond the 30 messages waits in the Outbox and drains at that rate (universities' help pages: Virginia Tech,
Syracuse, Oregon State). A mailbox over its hour says "554 5.2.122" at RCPT (reports of 2026), one sender's share 5.2.121, a day's
recipients 5.1.90; the 451 4.7.500 of throttled connectors is published by senders who got it. Notices that users published have the
texts, such as "550 5.4.316 Message expired, connection refused" after "450 4.4.316 Connection refused"; of connectors that require TLS,
administrators report "450 4.4.317 Cannot connect to remote server [Message=451 5.7.3 STARTTLS is required to send mail]", and "454 4.7.5"
or "450 4.7.320" where the certificate is another. It counts how often mail was attributed to a tenant (X-EOPTenantAttributedMessage)
and ends loops itself, 5.4.14 ATTR34 ("Loop Prevention in Exchange Online Demystified", techcommunity 2312258): three times are let pass,
as is said of X-LD-Processed (blogs.it.ox.ac.uk/nexus/543). The gaps between tries (15 min, then an hour) are from two accounts that differ
(profiles/SOURCES.md). That the mail of one tenant leaves from 8 hosts is from memory: neither says how many, only that there are many.
"""

from __future__ import annotations

from coexsim.mail.products.product import Catalogue
from coexsim.mail.products.service import MACHINE_SETTINGS, Limits, ServiceProduct, SizeLimits
from coexsim.mail.retry import DAY_S, HOUR_S, MINUTE_S, RetrySchedule
from coexsim.scenario.servers.exchange import MB

SCHEDULE = RetrySchedule((15 * MINUTE_S, HOUR_S), 1.0, HOUR_S, None, DAY_S, "destination")
REPLIES: Catalogue = {
    "unknown-user": (550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    "edge-blocked": (550, "5.4.1", "Recipient address rejected: Access denied"),
    # "do not support address literals" (exchangepedia 2007/06, Exchange 2007 and 2010); the reply to recipients that are no addresses
    # (osTicket #506, skynet/monit #2)
    "address-literal": (501, "5.1.3", "Invalid address"),
    "internal-only": (550, "5.7.133", "RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required"),
    "internal-only-person": (
        550,
        "5.7.134",
        "RESOLVER.RST.SenderNotAuthenticatedForMailbox; authentication required",
    ),
    "forwards-outside": (550, "5.7.520", "Access denied, Your organization does not allow external forwarding"),
    # Published with the setting (techcommunity 4408790), and by administrators with RestrictDomainsToIPAddresses on a partner connector.
    "own-domain-from-outside": (
        550,
        "5.7.68",
        "TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources",
    ),
    "not-by-the-connector": (
        550,
        "5.7.51",
        "TenantInboundAttribution; a partner connector matched the recipient domain, and it is restricted to other senders",
    ),
    "relay-denied": (550, "5.7.64", "TenantAttribution; Relay Access Denied"),
    "relay-denied-to-sender": (550, "5.7.64", "Relay Access Denied ATTR36"),  # [MS-ATTR]
    # Its MX record leads in by another of its many hosts: the mail goes round until the hop count ends it.
    "loops-to-self": (554, "5.4.14", "Hop count exceeded - possible mail loop ATTR34"),
    "too-many-hops": (554, "5.4.14", "Hop count exceeded - possible mail loop ATTR34"),
    "forwarding-loop": (554, "5.4.6", "RESOLVER.FWD.Loop; there is a forwarding loop configured in the directory"),
    "no-such-domain": (550, "5.4.310", "DNS domain does not exist: {detail}"),
    "no-address": (550, "5.4.312", "DNS query failed: {detail}"),
    "dns-temporary": (450, "4.4.312", "DNS query failed: {detail}"),
    "connection-refused": (450, "4.4.316", "Connection refused: {detail}"),
    "connection-timed-out": (450, "4.4.317", "Cannot connect to remote server: {detail}"),
    "tls-not-offered": (
        450,
        "4.4.317",
        "Cannot connect to remote server [Message=451 5.7.3 STARTTLS is required to send mail]",
    ),
    "certificate-not-valid": (454, "4.7.5", "Certificate validation failure"),
    "connection-lost": (450, "4.4.318", "Connection was closed abruptly: {detail}"),
    "expired": (550, "5.4.300", "Message expired: {detail}"),
    "too-big": (552, "5.3.4", "Message size exceeds fixed maximum message size"),
    "too-big-to-keep": (550, "5.2.3", "RESOLVER.RST.RecipSizeLimit; message too large for this recipient"),
    "body-too-big": (552, "5.3.4", "Message size exceeds fixed maximum message size"),
    "mailbox-full": (550, "5.2.2", "RESOLVER.RST.QuotaExceeded; mailbox full"),
    "too-many-recipients": (452, "4.5.3", "Too many recipients"),
    "rate-limited": (451, "4.7.500", "Server busy. Please try again later"),
    "mailbox-receives-too-much": (
        554,
        "5.2.122",
        "The recipient has exceeded their limit for the number of messages they can receive per hour",
    ),
    "sender-sends-too-much": (
        550,
        "5.2.121",
        "Recipient's per hour message receive limit from specific sender exceeded",
    ),
    "mailbox-sends-too-much": (
        550,
        "5.1.90",
        "Your message can't be sent because you've reached your daily limit for message recipients",
    ),
    # What is counted: CSS-Exchange, Get-TerrlExternalRecipientEstimate; code and text from memory.
    "tenant-sends-too-much": (
        550,
        "5.7.233",
        "Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients",
    ),
}
LIMITS = Limits(
    mailbox_sends_per_minute=30,
    mailbox_recipients_per_day=10_000,
    mailbox_receives_per_hour=3_600,
    pair_share=1 / 3,
    recipients_per_message=1_000,
)
SIZES = SizeLimits(taken=150 * MB, kept=36 * MB, sent=35 * MB)

EXCHANGE_ONLINE = ServiceProduct(
    "exchange-online",
    "exchange-online",
    SCHEDULE,
    REPLIES,
    MACHINE_SETTINGS | dict(expired="last-made-permanent"),
    host_endings=("protection.outlook.com", "mail.onmicrosoft.com", "mx.microsoft"),
    edge_blocking=True,
    people_elsewhere="relay",
    routes_internal_mail="direct",
    limits=LIMITS,
    sizes=SIZES,
    addresses=8,
    most_visits=3,
    delimiters="+",
)
