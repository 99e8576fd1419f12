"""Google Workspace: Gmail with split or dual delivery to an on-premises host.

Sources: Google Workspace Admin help, "Gmail SMTP errors and codes" (codes and texts), "Set up split delivery" and "Set up dual delivery"
(mail for whom Gmail does not know goes on by a host route, and bounces without one: "Gmail routing and delivery options"), "Gmail sending
limits" (2,000 messages a day, 10,000 recipients a day from a mailbox; 3,600 messages an hour into one; messages of 25 MB from a mailbox,
of 50 MB into one). Retries go on for three days and senders are told after one: from notices that users published. The gaps between tries
are from memory. That the mail of one tenant leaves from 8 hosts is from memory: neither says how many, only that there are many.
"""

from __future__ import annotations

from coexsim.mail.products.product import Catalogue
from coexsim.mail.products.service import MACHINE_SETTINGS, Limits, ServiceProduct, SizeLimits
from coexsim.mail.retry import DAY_S, HOUR_S, MINUTE_S, RetrySchedule

SCHEDULE = RetrySchedule((15 * MINUTE_S,), 2.0, 4 * HOUR_S, DAY_S, 3 * DAY_S, "destination")
REPLIES: Catalogue = {
    "unknown-user": (550, "5.1.1", "The email account that you tried to reach does not exist"),
    "edge-blocked": (550, "5.1.1", "The email account that you tried to reach does not exist"),
    "relay-denied": (550, "5.7.1", "Relaying denied"),
    "too-many-hops": (554, "5.4.6", "Message exceeded 50 hops, this may indicate a mail loop"),
    "mailbox-full": (552, "5.2.2", "The recipient's inbox is out of storage space"),
    "body-too-big": (552, "5.3.4", "Your message exceeded Google's message size limits"),
    "too-big": (552, "5.3.4", "Your message exceeded Google's message size limits"),
    "too-many-recipients": (452, "4.5.3", "Your message has too many recipients"),
    "rate-limited": (421, "4.7.28", "An unusual rate of mail comes from this address; try again later"),
    "mailbox-receives-too-much": (450, "4.2.1", "The user you are trying to contact is receiving email too quickly"),
    "mailbox-sends-too-much": (550, "5.4.5", "Daily user sending limit exceeded"),
}
LIMITS = Limits(
    mailbox_sends_per_day=2_000,
    mailbox_recipients_per_day=10_000,
    mailbox_receives_per_minute=60,
    mailbox_receives_per_hour=3_600,
    recipients_per_message=2_000,
)
MB = 10**6
SIZES = SizeLimits(taken=50 * MB, sent=25 * MB)

GOOGLE_WORKSPACE = ServiceProduct(
    "google-workspace",
    "google-workspace",
    SCHEDULE,
    REPLIES,
    MACHINE_SETTINGS,
    host_endings=("google.com", "googlemail.com"),
    people_elsewhere="relay",
    routes_internal_mail="direct",
    own_domains_by_mx=False,
    limits=LIMITS,
    sizes=SIZES,
    addresses=8,
    delimiters="+",
)
