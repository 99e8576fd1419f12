"""What every server has, whatever its product: a machine, work, SMTP sessions, a schedule of retries.

Sources stand in the field descriptions by key, as in `servers`.
"""

from typing import Literal

from pydantic import Field

from coexsim.scenario.base import Work
from coexsim.scenario.part import Spec
from coexsim.scenario.quantities import Number, Seconds, SizeBytes, Switch, Whole

MOST_AT_ONCE = 1_000_000  # cores, connections or threads of a server

CORE_STAGES = ("directory_lookup", "scan", "archive", "queue_write")


class Capacity(Spec):
    """What a machine has. A number left out is not a limit."""

    cores: Whole | None = Field(
        default=None,
        ge=1,
        le=MOST_AT_ONCE,
        description="processor cores for lookup, scan, archive and queue write; left out: no limit",
    )
    smtp_connections: Whole | None = Field(
        default=None,
        ge=1,
        le=MOST_AT_ONCE,
        description="inbound SMTP sessions at once; left out: no limit; products come with 5000 (Exchange: MaxInboundConnection "
        "[MS-RATE]), 100 (Postfix: default_process_limit [PF]), 20 (Exim: smtp_accept_max [EXIM])",
    )
    connections_per_client: Whole | None = Field(
        default=None,
        ge=1,
        le=MOST_AT_ONCE,
        description="inbound sessions of one client at once; left out: no limit, as on Exchange's own Receive connectors (one that is "
        "made later has 20: MaxInboundConnectionPerSource)",
    )
    transfer_threads: Whole | None = Field(
        default=None, ge=1, le=MOST_AT_ONCE, description="outbound SMTP sessions at once; left out: no limit"
    )
    transfer_threads_per_destination: Whole | None = Field(
        default=None,
        ge=1,
        le=MOST_AT_ONCE,
        description="threads to one next hop at once; default: Domino half its transfer threads [D-TL], Exchange and Postfix 20 "
        "[MS-RATE], [PF]",
    )
    delivery_threads: Whole | None = Field(
        default=None, ge=1, le=MOST_AT_ONCE, description="deliveries into local mail files at once; left out: no limit"
    )
    queue_disk: SizeBytes | None = Field(
        default=None, description="room for mail that waits [bytes]; full: 452 4.3.1; left out: no limit"
    )
    queue_length: Whole | None = Field(
        default=None, ge=1, description="messages that wait before new mail meets back pressure; left out: no limit"
    )
    when_full: Literal["refuse", "wait"] = Field(
        default="refuse", description="no free connection: 421, or the client waits"
    )


class Service(Spec):
    """How long work takes at a server. Defaults: none; scenarios say them with their source."""

    accept: Work = Field(default=Work(), description="time to take a message in over SMTP")
    directory_lookup: Work = Field(default=Work(), description="time to look up its recipients")
    scan: Work = Field(default=Work(), description="time of the virus and spam filter")
    archive: Work = Field(default=Work(), description="time to write the copy for the archive")
    queue_write: Work = Field(default=Work(), description="time to write it to the queue")
    deliver: Work = Field(default=Work(), description="time to put it into a mail file")


class SmtpSession(Spec):
    """What an SMTP session costs in round trips and beside them, measured on Postfix 3.7.11 (see ``sim/formulas.py``)."""

    tls: Switch = Field(default=False, description="STARTTLS: 9 round trips instead of 5 on a new connection")
    pipelining: Switch = Field(default=True, description="without it n recipients cost n + 6 round trips instead of 5")
    reuse: Seconds = Field(default=0.0, description="an idle connection is kept for this long; then 3 round trips [s]")
    session: Seconds = Field(
        default=0.0031,
        description="time that a session takes beside round trips, bytes and the other side's work: processes, queue files [s]; "
        "measured (Postfix 3.7.11): 2.4 to 5.6 ms, mean 3.1 ms; Postfix's vary so, while mail waits for the next session",
    )
    between: Seconds = Field(
        default=0.0008,
        description="time from the end of a session until the next one begins in a transfer thread for which mail waits [s]; measured "
        "(Postfix 3.7.11): 0.5 to 0.9 ms",
    )
    connect_timeout: Seconds = Field(
        default=30.0, description="how long a dead host is waited for [s]; Postfix 30 s [PF]"
    )


class RetryPlan(Spec):
    """When mail that could not be handed on is tried again, warned of and given up; left out: as the product does."""

    like: (
        Literal[
            "domino",
            "exchange",
            "exchange-2007",
            "postfix",
            "exim",
            "exchange-online",
            "google-workspace",
            "sendmail",
            "rfc5321",
        ]
        | None
    ) = Field(
        default=None,
        description="the product or standard whose schedule it follows; what is written beside it goes before",
    )
    first: Seconds | None = Field(default=None, description="gap to the second attempt [s]")
    factor: Number | None = Field(default=None, ge=1, description="each gap is the last one times this")
    longest: Seconds | None = Field(default=None, description="no gap is longer than this [s]")
    queue_run: Seconds | None = Field(
        default=None, description="the queue is looked through this often; attempts start then [s]; 0: at any time"
    )
    phase: Seconds | None = Field(default=None, description="when the first queue run begins, from the run's start [s]")
    warn_after: Seconds | None = Field(default=None, description="a delay DSN (4.4.7) after this age [s]")
    expire_after: Seconds | None = Field(default=None, description="mail is given up at this age and bounces [s]")


class RateLimits(Spec):
    """How much mail a server takes in a time. Left out: what its service publishes, or no limit; 0: no limit."""

    client_messages_per_minute: Whole | None = Field(
        default=None, ge=0, description="from one client (one of its addresses): more is told to come later, 4.7.x"
    )
    mailbox_sends_per_minute: Whole | None = Field(
        default=None,
        ge=0,
        description="messages from one mailbox: more waits in the user's Outbox; Exchange Online 30 [MS-EXO-LIMITS]",
    )
    mailbox_recipients_per_day: Whole | None = Field(
        default=None,
        ge=0,
        description="recipients of one mailbox's mail: more bounces (5.1.90); Exchange Online, Google 10,000 [MS-EXO-LIMITS]",
    )
    tenant_outside_recipients_per_day: Whole | None = Field(
        default=None,
        ge=0,
        description="recipients in other domains of all its mailboxes' mail together, in 24 h: more bounces (Exchange Online 5.7.233, "
        "the tenant external recipient rate limit, TERRL); left out: no limit, as it depends on licences",
    )
    mailbox_receives_per_hour: Whole | None = Field(
        default=None,
        ge=0,
        description="messages into one mailbox: more is refused (Exchange Online 5.2.122) or told to come later (Google 4.2.1); 3,600 "
        "[MS-EXO-LIMITS]",
    )


class GreylistSpec(Spec):
    """First contact of a client, sender and recipient is told 450 4.2.0 until `delay` has passed."""

    delay: Seconds = Field(
        default=300.0, description="how long a first contact is put off; 300 s is Postgrey's default, from memory [s]"
    )
    by: Literal["address", "network"] = Field(
        default="address",
        description="network: all addresses of a sender are one contact, as with Postgrey's lookup by subnet",
    )
