"""The words of objectives and answers, for `coexsim explain`: what is measured, where, and what an answer says of it."""

from __future__ import annotations

import re
from typing import NamedTuple

from coexsim.answers import CANNOT_SAY, MET, MISSED


class Term(NamedTuple):
    """A word of an objective or an answer."""

    word: str
    meaning: str
    unit: str = ""
    example: str = ""
    """An objective that has the word; a server ``onprem``, a service and an outage are taken to be there."""

    @property
    def lines(self) -> list[str]:
        """What is told of it."""
        return [
            f"{self.word}, a word of objectives and answers",
            f"  meaning  {self.meaning}",
            *([f"  unit     {self.unit}"] if self.unit else []),
            *([f"  example  objectives: ['{self.example}']"] if self.example else []),
        ]


_TERMS = (
    Term(
        "retry interval",
        "how long a server lets mail wait that could not be sent, until it tries again; the key is `retry` of a server, by default its "
        "product's own schedule. After an outage mail waits for the next try, however idle the servers are",
        unit="a duration",
    ),
    Term(
        "delay",
        "time from the moment a message is handed in until it is in the recipient's mailbox; with a flow, "
        "of that flow's mail only. Mail that bounced has none, mail under way at the end of the run is later "
        "than all that arrived, and mail that expired never arrives: it is beyond every limit",
        unit="a duration, such as 60 s or 5 min",
        example="p95(delay, internet->onprem) < 60 s",
    ),
    Term(
        "wait",
        "time a message waits before it is served: at one stage of a server (`onprem.cores`), at a server, "
        "or, without a place, at all of them together",
        unit="a duration",
        example="p95(wait, onprem.cores) < 1 s",
    ),
    Term(
        "mean",
        "the mean over recipients (of a delay) or visits (of a wait); of a delay it has no end where any mail expired",
        unit="a duration",
        example="mean(delay) < 30 s",
    ),
    Term(
        "p50",
        "half of the recipients or visits have this much or less; the median",
        unit="a duration",
        example="p50(delay) < 10 s",
    ),
    Term(
        "p95",
        "95 % of the recipients or visits have this much or less; any other percentile is written so",
        unit="a duration",
        example="p95(delay, internet->onprem) < 60 s",
    ),
    Term(
        "p99",
        "99 % of the recipients or visits have this much or less",
        unit="a duration",
        example="p99(delay) < 5 min",
    ),
    Term(
        "utilisation",
        "busy share of the cores, threads or connections of a server, or of a link or a site's line, over the measured window;"
        " with `busiest hour`, in that hour. Of a link that of its busier direction, run by run: so it may be above the mean of either",
        unit="a share, such as 80 %",
        example="utilisation(onprem.cores) < 80 %",
    ),
    Term(
        "busiest hour",
        "of a utilisation: the 60 minutes in a row with the most work, not the whole measured window",
        example="utilisation(onprem.cores, busiest hour) < 80 %",
    ),
    Term(
        "share",
        "share of the recipients whose mail ended so: delivered, bounced, expired, discarded, in transit; a "
        "flow may follow. `rejected`, with a server: share of the connections and messages that it turned "
        "away",
        unit="a share, such as 0.1 %",
        example="share(bounced) < 0.1 %",
    ),
    Term(
        "backlog",
        "the most messages in a server's queue at the end of any minute, deferred mail included",
        unit="messages",
        example="backlog(onprem) < 5000",
    ),
    Term(
        "queue_disk",
        "the most bytes in a server's queue at the end of any minute",
        unit="a size, such as 50 GB",
        example="queue_disk(onprem) < 50 GB",
    ),
    Term(
        "drain",
        "time from the end of an outage until the last of the queues that it made longer is back at its usual level for that hour: the"
        " `normal again` of an outage's answer. `run` and `outage` know what is usual from the same mail without the outage, run beside it;"
        " where there is no such run (`size`, `sweep`, `compare`, `explore`), from the time before it. The outage by its number or name,"
        " without one the slowest",
        unit="a duration",
        example="drain(outage 1) < 2 h",
    ),
    Term(
        "delivered",
        "the mail is in the recipient's mail file",
        example="share(delivered) > 99 %",
    ),
    Term(
        "bounced",
        "refused for good: the sender gets a notice. As an objective of its own, a number of recipients",
        unit="recipients",
        example="bounced(valid recipients) = 0",
    ),
    Term(
        "expired",
        "given up by a server that could not hand it on for as long as it tries; the sender gets a notice",
        unit="recipients",
        example="expired(valid recipients) = 0",
    ),
    Term(
        "discarded",
        "dropped without a notice: a notice that cannot be delivered, for no notice is sent about a notice",
        unit="recipients",
        example="discarded(valid recipients) = 0",
    ),
    Term(
        "in transit",
        "neither arrived nor given up at the end of the run",
        example="share(in transit) < 1 %",
    ),
    Term(
        "rejected",
        "turned away at a limit of connections or of the queue (421, 452): the client tries again later",
        example="share(rejected, onprem) < 0.1 %",
    ),
    Term(
        "valid recipients",
        "recipients that exist; mail to unknown addresses should bounce, and is left out",
        example="bounced(valid recipients) = 0",
    ),
    Term(
        "flow",
        "mail from one side to another: onprem, hosted, internet, unknown; `*` is any side",
        example="p95(delay, internet->onprem) < 60 s",
    ),
    Term(
        "cores",
        "the stage of a server at which lookup, scan, archive and queue write are done: its processors",
        example="utilisation(onprem.cores) < 80 %",
    ),
    Term(
        "connections",
        "the stage of a server that holds SMTP sessions of clients; the key is smtp_connections",
        example="utilisation(onprem.connections) < 80 %",
    ),
    Term(
        "delivery",
        "the stage of a server that writes to mail files; the key is delivery_threads",
        example="utilisation(onprem.delivery) < 80 %",
    ),
    Term(
        "transfer",
        "the stage of a server that sends to other servers; the key is transfer_threads",
        example="utilisation(onprem.transfer) < 80 %",
    ),
    Term(
        MET,
        "the whole interval of the figure is on the good side of the limit",
    ),
    Term(
        MISSED,
        "the whole interval of the figure is on the wrong side of the limit, or nothing arrived of the mail "
        "that was asked about",
    ),
    Term(
        CANNOT_SAY,
        "the interval holds the limit, or there is too little to judge by; more replications or a longer "
        "window tell (exit code 3)",
    ),
    Term(
        "interval",
        "where the true figure is with 95 % confidence: from the spread between replications, or, of one run,"
        " between parts of its window",
    ),
    Term(
        "round trip",
        "mail between two hosted people that passes the on-premises server, and so the WAN twice",
    ),
    Term(
        "finding",
        "something that is wrong or worth knowing in a set-up; 'coexsim explain CODE' tells what to do",
    ),
)
TERMS = {term.word: term for term in _TERMS}


def term(words: str) -> Term | None:
    """The term of this name, in any case and with underscores, hyphens or blanks; None if there is none."""
    asked = words.casefold().replace("_", " ").replace("-", " ").strip()
    if re.fullmatch(r"p\d{1,2}(\.\d+)?", asked) and asked not in TERMS and float(asked[1:]) > 0:
        example = f"{asked}(delay) < 60 s"
        return Term(asked, f"{asked[1:]} % of the recipients or visits have this much or less", "a duration", example)
    return next((each for word, each in TERMS.items() if word.replace("_", " ") == asked), None)
