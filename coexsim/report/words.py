"""The planner's words for what the tables call by short names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from coexsim import text
from coexsim.analysis.slo_text import Objective, read_objectives
from coexsim.experiment.results import Results
from coexsim.scenario.model import Scenario
from coexsim.sim.mail_row import TABLE_OUTCOMES
from coexsim.units import Moment, moment, say_span

MONDAY = Moment(0, 0.0)
ROUND_TRIP = "hosted->hosted"
STAGE_WORDS = {
    "cores": "processor cores",
    "delivery": "delivery threads",
    "transfer": "transfer threads",
    "connections": "SMTP connections",
    "link": "bandwidth",
    "smtp_connections": "SMTP connections",
    "transfer_threads": "transfer threads",
    "delivery_threads": "delivery threads",
    "queue_disk": "queue disk",
}


def say_flow(flow: str, round_trips: Sequence[str] = ()) -> str:
    """``hosted → hosted`` for ``hosted->hosted``, with ``(round trip)`` where its mail makes one."""
    return f"{text.say_flow(flow)} (round trip)" if flow in round_trips else text.say_flow(flow)


def say_accounting(books: Iterable[dict[str, Any]]) -> str:
    """``accounting of the whole run, in recipients: 10 sent = 9 delivered + 1 bounced``, with what else there is to say."""
    rows = list(books)
    mail = [row for row in rows if row["kind"] == "mail"]
    ends = [f"{number:,} {name}" for name in TABLE_OUTCOMES if (number := sum(row[name] for row in mail))]
    second = sum(row["second_copies"] for row in mail)
    notices = sum(row["sent"] for row in rows if row["kind"] != "mail")
    more = f"; {second:,} of them are second copies of mail whose 250 was lost, counted once more" if second else ""
    said = f"; bounces and warnings besides: {notices:,}" if notices else ""
    sent = sum(row["sent"] for row in mail)
    return f"Accounting of the whole run, in recipients: {sent:,} sent = {' + '.join(ends) or '0'}{more}{said}."


def say_stage(stage: str) -> str:
    """``transfer threads`` for ``transfer``, and for what a scenario calls ``transfer_threads``."""
    return STAGE_WORDS.get(stage, stage)


def say_limit(row: dict[str, Any]) -> str:
    """``12 processor cores`` for a row of a summary's servers; ``bandwidth`` for a link's."""
    words = say_stage(row["stage"])
    if row["limit"] is None:
        return words
    return f"{row['limit']:,} {words.removesuffix('s') if row['limit'] == 1 else words}"


OF_CHANCE = (
    "They tell what chance does to mail of the rates, sizes and times of work that were assumed, not whether these are right, nor what a "
    "model leaves out."
)
"""What an interval of simulated runs says, and what it leaves out."""


def scope(scenario: Scenario) -> str:
    """What an answer counts, and what it does not."""
    besides = ", and the other traffic on its lines that it gives by hours" if _has_background(scenario) else ""
    return f"Counted: SMTP mail between the servers of the scenario{besides}. {not_counted(scenario)}"


def not_counted(scenario: Scenario) -> str:
    """What no answer counts, in a sentence: also the shortest answer has it."""
    limited = scenario.uplinks or any(link.bandwidth or link.up or link.down for link in scenario.links)
    links = " or other traffic on the links" if limited and not _has_background(scenario) else ""
    return f"Not counted: reading mail (Outlook, browsers, phones), moving mailboxes, directory synchronisation, backups{links}."


def _has_background(scenario: Scenario) -> bool:
    return any(link.background for link in scenario.links) or any(up.background for up in scenario.uplinks.values())


def start_of(results: Results, scenario: Scenario | None = None) -> Moment:
    """The weekday and time of day at which the run starts; Monday, midnight, if nobody says."""
    if scenario is not None:
        return scenario.run.start
    run = (results.provenance.get("scenario") or {}).get("run") or {}
    return moment(run["start"]) if "start" in run else MONDAY


def machines(servers: Iterable[str], results: Results, scenario: Scenario | None = None) -> dict[str, list[str]]:
    """The roles that share each machine, the one it is named for first."""
    if scenario is not None:
        hosts = {name: server.runs_on for name, server in scenario.servers.items()}
    else:
        written = (results.provenance.get("scenario") or {}).get("servers") or {}
        hosts = {name: (server or {}).get("runs_on") for name, server in written.items()}
    found: dict[str, list[str]] = {}
    for name in sorted(servers, key=lambda name: (hosts.get(name) is not None, name)):
        found.setdefault(hosts.get(name) or name, []).append(name)
    return dict(sorted(found.items()))


def say_machine(machine: str, roles: Sequence[str]) -> str:
    """``onprem (with smart-host)``."""
    others = [role for role in roles if role != machine]
    return f"{machine} (with {', '.join(others)})" if others else machine


def say_window(results: Results, start: Moment) -> str:
    """``Mon 08:00 to 18:00``."""
    begin_s, end_s = results.window_s
    return say_span(begin_s, min(end_s, results.length_s), start)


def say_runs(results: Results) -> str:
    """``one run`` or ``10 replications``."""
    n = len(results.replications)
    return "one run" if n <= 1 else f"{n} replications"


def objectives_of(scenario: Scenario | None) -> list[Objective]:
    """The scenario's objectives; none where there is no scenario."""
    return [] if scenario is None else read_objectives(scenario)
