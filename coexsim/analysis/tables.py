"""What tables there are and what their columns mean, for `coexsim explain TABLE.COLUMN`: those of a run, and those made from runs."""

from __future__ import annotations

from typing import NamedTuple

from coexsim.experiment.columns import CELLS, SCHEMA, Column
from coexsim.sim.mail_row import TABLE_OUTCOMES


class TableText(NamedTuple):
    """A table: what a row of it is, where it is found, its columns."""

    meaning: str
    place: str
    columns: dict[str, Column]


class ColumnText(NamedTuple):
    """A column of a table, as it is told."""

    table: str
    name: str
    column: Column


def _of(place: str) -> str:
    return f"{place} in the folder of `coexsim run` and `outage`"


_KEYS = "the keys that are varied stand before, a column each"
_INTERVAL = {
    "low": Column("float64", "", "lower end of the 95 % interval"),
    "high": Column("float64", "", "upper end of the 95 % interval; infinite: no upper end is known"),
}
_JUDGED = {
    "objective": Column("str", "", "the objective as it is written"),
    "limit": Column("float64", "", "its limit, in base units (s, B, 1/s, shares of 1)"),
    "estimate": Column("float64", "", "the figure, in the unit of the limit; not a number where nothing was measured"),
    **_INTERVAL,
    "answer": Column("str", "", "met, missed or cannot say"),
}


def _ends_of(name: str) -> dict[str, Column]:
    """The two columns beside a delay."""
    start = name.removesuffix("_s")
    return {
        f"{start}_low_s": Column("float64", "s", f"lower end of the 95 % interval of {name}; not a number with one replication"),
        f"{start}_high_s": Column("float64", "s", "upper end of it; infinite: no upper end is known"),
    }  # fmt: skip


_DELAYS = (
    {
        "flow": Column("str", "", "the index: such as hosted->onprem; with `by`, another column of mail"),
        "recipients": Column("int64", "1", "recipients that mail was delivered to, all replications together"),
        "mean_s": Column("float64", "s", "mean delay of all replications' mail together"),
        **_ends_of("mean_s"),
    }
    | {
        name: column
        for p in (50, 95, 99)
        for name, column in (
            (
                f"p{p}_s",
                Column("float64", "s", f"delay that {p} % of the recipients of all replications do not exceed"),
            ),
            *_ends_of(f"p{p}_s").items(),
        )
    }
    | {
        "expired": Column(
            "float64", "1", "share of the recipients who were sent such mail, whose mail expired: it is in no delay"
        )
    }
)
_COUNTS = {"sent": Column("int64", "1", "recipients; the sum of the five outcomes")} | {
    outcome: Column("int64", "1", f"recipients whose mail is {outcome}" if outcome == "in transit" else f"of these, {outcome}")
    for outcome in TABLE_OUTCOMES
}  # fmt: skip
TABLES: dict[str, TableText] = {
    "mail": TableText(
        "one row for each copy that travelled together", _of("mail.parquet"),
        SCHEMA["mail"] | {name: each._replace(meaning=f"streamed runs only: {each.meaning}") for name, each in CELLS.items()},
    ),
    "stages": TableText("one row for each station, pool of slots or link", _of("stages.parquet"), SCHEMA["stages"]),
    "timeline": TableText("one row for each minute of each of them", _of("timeline.parquet"), SCHEMA["timeline"]),
    "messages": TableText("one row for each recipient of a named message", _of("messages.parquet"), SCHEMA["messages"]),
    "dns": TableText("one row for each server and question", _of("dns.parquet"), SCHEMA["dns"]),
    "visits": TableText(
        "one row for each visit, kept only by coexsim run --visits, or keep_visits=True in Python",
        _of("visits.parquet"), SCHEMA["visits"],
    ),
    "delays": TableText(
        "one row for each flow: how long delivered mail took, as its recipients felt it", "results.delays() in Python", _DELAYS
    ),
    "outcomes": TableText(
        "one row for each flow: recipients by what became of their mail", "results.outcomes() in Python",
        {
            "flow": _DELAYS["flow"], **_COUNTS,
            "delivered_twice": Column("int64", "1", "of the delivered, those that got it a second time, its 250 being lost"),
        },
    ),
    "conservation": TableText(
        "one row for each run and kind of mail: the accounting of the whole run", "results.conservation() in Python",
        {
            "alternative": SCHEMA["mail"]["alternative"], "replication": SCHEMA["mail"]["replication"],
            "kind": SCHEMA["mail"]["kind"], **_COUNTS,
            "second_copies": Column("int64", "1", "of `sent`, copies that were sent again, since the 250 for the first was lost"),
        },
    ),
    "sweep": TableText(
        f"one row for each point, replication and figure; {_KEYS}", "sweep.parquet in the folder of `coexsim sweep`",
        {
            "replication": SCHEMA["mail"]["replication"],
            "what": Column("str", "", "which figure, such as p95 delay or utilisation"),
            "where": Column("str", "", "the flow, server or limit that it is of"),
            "value": Column("float64", "", "the figure, in `unit`"),
            "unit": Column("str", "", "its unit: s, B, 1/s, 1"),
        },
    ),
    "objectives": TableText(
        f"one row for each point and objective; {_KEYS}, with their unit in the name",
        "objectives.csv in the folder of `coexsim sweep`",
        {
            **_JUDGED, "unit": Column("str", "", "unit of limit, estimate and interval"),
            "expired": Column("float64", "1", "of an objective on delay the share of its recipients whose mail expired: it never arrives"),
        },
    ),
    "migration": TableText(
        "one row for each hosted share", "migration.csv in the folder of `coexsim sweep SCENARIO hosted_share=...`",
        {
            "hosted_share": Column("float64", "1", "share of the mailboxes that are hosted"),
            "work_per_s": Column("float64", "1/s", "messages that the on-premises cores take on, mean over the window"),
            "busy_cores": Column("float64", "1", "busy on-premises cores in the busiest hour"),
            "keeps_up": Column("bool", "", "whether they are not all busy nearly all of that hour"),
            "cores_needed": Column(
                "float64", "1", "so many that they are no busier than the objective on them allows, else 70 %; "
                "not a number where no work is defined for them"
            ),
            "round_trip_share": Column("float64", "1", "share of internal mail that makes the round trip"),
            "round_trip_by_theory": Column("float64", "1", "the square of the hosted share"),
            "wan_bytes": Column("float64", "B", "bytes that the window's mail put on links between sites"),
            "expired": Column("float64", "1", "share of all recipients whose mail expired: it is in no delay"),
            "p95_s": Column("float64", "s", "95 % of the recipients of a flow wait so long or less; a column each: p95_s FLOW"),
        },
    ),
    "sizing": TableText(
        "one row for each machine and objective", "sizing.parquet in the folder of `coexsim size`",
        {
            "candidate": Column("str", "", "name of the machine"),
            "cost": Column("float64", "", "its price, in the scenario's own unit"),
            "status": Column("str", "", "holds, fails, cannot say, too small by theory, or not tried"),
            "why": Column("str", "", "what decided it"),
            **_JUDGED,
            "theory": Column("float64", "", "what theory expects, in the unit of the limit"),
            "runs": Column("int64", "1", "replications simulated; 0: none was needed"),
        },
    ),
    "explore": TableText(
        f"one row for each point and figure; {_KEYS}", "explore.parquet in the folder of `coexsim explore`",
        {
            "what": Column("str", "", "which figure, such as p95 delay; objective: what an objective is on"),
            "of": Column("str", "", "the flow, server or limit that it is of; the objective as it is written"),
            "unit": Column("str", "", "its unit: s, B, 1/s, 1"),
            "value": Column("float64", "", "the figure, in `unit`"),
            **_INTERVAL,
            "answer": Column("str", "", "of an objective: met, missed or cannot say; else empty"),
        },
    ),
    "comparison": TableText(
        "one row for each figure of two set-ups under the same mail",
        "delays.csv, outcomes.csv, servers.csv and totals.csv in the folder of `coexsim compare --out`",
        {
            "flow": Column("str", "", "delays and outcomes: mail from one side to another"),
            "outcome": Column("str", "", "outcomes: what became of the mail"),
            "server": Column("str", "", "servers: the server or link"),
            "stage": Column("str", "", "servers: as in `stages`"),
            "figure": Column("str", "", "mean, p50, p95, p99 [s], share in use, busy at once [1], mean wait [s], WAN bytes [B] ..."),
            "a": Column("float64", "", "the figure of the first scenario, mean over replications"),
            "b": Column("float64", "", "the figure of the second"),
            "difference": Column("float64", "", "b minus a, mean over replications"),
            "low": Column("float64", "", "lower end of the 95 % interval of the difference"),
            "high": Column("float64", "", "upper end of it"),
            "shown": Column("str", "", "more, less, too small to matter, no difference shown, the same, or cannot say"),
        },
    ),
}  # fmt: skip


def find_columns(words: str) -> list[ColumnText]:
    """Columns by ``TABLE.COLUMN``, or by their own name in whatever tables have it; none where there is no such column.

    Of a table that has none of this name those that end so: ``stages.busy`` is ``mean_busy``.
    """
    table, _, name = words.rpartition(".")
    exact = [
        ColumnText(each, name, text.columns[name])
        for each, text in TABLES.items()
        if table in (each, "", "results") and name in text.columns
    ]
    if exact or table not in TABLES:
        return exact
    return [
        ColumnText(table, each, column)
        for each, column in TABLES[table].columns.items()
        if name and each.endswith(f"_{name}")
    ]
