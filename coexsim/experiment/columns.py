"""What the columns of a run's tables mean: dtype, unit, meaning. Made without pandas, for who only asks."""

from __future__ import annotations

from typing import NamedTuple

from coexsim.sim.mail_row import MAIL_COLUMNS, TABLE_OUTCOMES


class Column(NamedTuple):
    """One column: its dtype (``category`` for few different words), unit and meaning."""

    dtype: str
    unit: str
    meaning: str


_RUN = {
    "alternative": Column("category", "", "which of the compared scenarios; the scenario's title or name"),
    "replication": Column("int32", "1", "which repetition, from 0"),
}
SCHEMA: dict[str, dict[str, Column]] = {
    "mail": _RUN | {name: Column(each.dtype, each.unit, each.meaning) for name, each in MAIL_COLUMNS.items()},
    "stages": _RUN
    | {
        "server": Column("category", "", "server or link"),
        "stage": Column("category", "", "connections, cores, delivery, transfer, link ..."),
        "workers": Column("float64", "1", "places; infinite where there is no limit"),
        "visits": Column("int64", "1", "visits that arrived in the measured window"),
        "mean_wait_s": Column("float64", "s", "mean time a visit waited before it was served"),
        "p50_wait_s": Column("float64", "s", "50 % of the visits waited so long or less"),
        "p95_wait_s": Column("float64", "s", "95 % of the visits waited so long or less"),
        "p99_wait_s": Column("float64", "s", "99 % of the visits waited so long or less"),
        "mean_service_s": Column("float64", "s", "mean time a visit was served; a link: time to cross"),
        "p50_service_s": Column("float64", "s", "50 % of the visits were served so long or less"),
        "p95_service_s": Column("float64", "s", "95 % of the visits were served so long or less"),
        "p99_service_s": Column("float64", "s", "99 % of the visits were served so long or less"),
        "mean_busy": Column("float64", "1", "busy workers, mean over the measured window"),
        "mean_queue": Column("float64", "1", "waiting, mean over the measured window"),
        "refused": Column("int64", "1", "turned away at a limit in the measured window: 421, or 452 in a session"),
        "refused_in_session": Column(
            "int64", "1", "of these, the ones told 452: they had a connection, and are visits too"
        ),
    },
    "timeline": _RUN
    | {
        "server": Column("category", "", "server or link"),
        "stage": Column("category", "", "as in `stages`; queue: the server's queue of mail that waits to be sent on"),
        "minute": Column("int32", "min", "from the start of the run"),
        "arrivals": Column("float64", "1", "visits that arrived in the minute"),
        "busy": Column("float64", "1", "busy workers, mean over the minute (links: share of the bandwidth in use)"),
        "queue": Column("float64", "1", "waiting, mean over the minute (links: transfers under way)"),
        "backlog": Column(
            "float64",
            "1",
            "most that waited (links: as queue); stage `queue`: messages in the server's queue at the minute's end",
        ),
        "queued_bytes": Column("float64", "B", "stage `queue`: bytes in the server's queue; links: bytes that crossed"),
    },
    "messages": _RUN
    | {
        "message": Column("category", "", "name of the message in the scenario file"),
        "recipient": Column("category", "", "as written"),
        "address": Column("category", "", "after groups and forwarding"),
        "kind": Column("category", "", "mail, dsn or delay"),
        "outcome": Column("category", "", ", ".join(TABLE_OUTCOMES)),
        "code": Column("category", "", "enhanced status code of the failure, or empty"),
        "by": Column("category", "", "the server that gave it up, or where it is in transit; empty for delivered"),
        "route": Column("category", "", "servers passed, joined by ' > '"),
        "rules": Column("category", "", "the rule at each of them"),
        "reasons": Column("category", "", "the reason at each of them"),
        "delay_s": Column("float64", "s", "from birth to its end; not a number while in transit"),
        "hops": Column("int16", "1", "SMTP transactions that carried it"),
    },
    "dns": _RUN
    | {
        "server": Column("category", "", "who asked"),
        "name": Column("category", "", "the name asked for"),
        "type": Column("category", "", "the record type: MX, A, AAAA ..."),
        "asked": Column("int64", "1", "questions that went to the name server"),
        "cached": Column(
            "int64", "1", "questions answered from the cache, or with the answer to the same one asked just before"
        ),
        "failed": Column("int64", "1", "questions with no answer, or SERVFAIL"),
    },
    "visits": _RUN
    | {
        "server": Column("category", "", "server or link"),
        "stage": Column("category", "", "as in `stages`"),
        "arrived_s": Column("float64", "s", "it came, from the start of the run"),
        "started_s": Column("float64", "s", "it began to be served"),
        "finished_s": Column("float64", "s", "it was done"),
    },
}


CELLS: dict[str, Column] = {
    "rows": Column("int64", "1", "rows of the table of a run that is not streamed, for which this one stands"),
    "squares": Column("float64", "1", "the sum of their squared `recipients`"),
}
"""Further columns of ``mail`` in a streamed run, whose rows stand for many (`coexsim.sim.binned.Bins`); `mail` then only counts them."""
