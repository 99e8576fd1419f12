"""Fit: what mail logs say of load, sizes, service times and retries, as figures with intervals and as a scenario."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.errors import NoDataError
from coexsim.experiment.store import json_bytes, table_bytes, write_set
from coexsim.intake import fit_counts, fit_load, fit_service, fit_traffic
from coexsim.intake.figures import MeasuredFigure, table_of
from coexsim.intake.fit_counts import Complete
from coexsim.intake.fit_replay import Replay, replay_table, sent_sizes
from coexsim.intake.fit_scenario import round_trips, scenario_names
from coexsim.intake.fit_service import MeasuredWork
from coexsim.intake.fit_sizes import SizeFit, fit_sizes
from coexsim.intake.fit_text import scenario_text
from coexsim.intake.fit_traffic import HostOutage
from coexsim.intake.logs.book import Told
from coexsim.intake.logs.clocks import Clock
from coexsim.intake.logs.join import join
from coexsim.intake.logs.journeys import Journeys, journeys
from coexsim.intake.logs.read import read_logs
from coexsim.intake.logs.sides import Sides, find_sides
from coexsim.scenario.load import load_scenario, scenario_from_text
from coexsim.scenario.load_profile import LoadSpec
from coexsim.scenario.model import Scenario
from coexsim.text import encodable

PROFILE = "office-worker"
FITTED, REPLAYED, FIT_JSON = "fitted.yaml", "replay.parquet", "fit.json"


@dataclass(frozen=True)
class Fit:
    """What logs say.

    `figures` are the answers, each with its interval and number of messages. `flows` counts recipients by sender's side, kind of
    recipient, outcome and code; `hours` counts messages by hour and side. `scenario_text` is a scenario that says the same, `replay` the
    mail itself. `told` is what was read of each file and what could not be.
    """

    figures: tuple[MeasuredFigure, ...]
    flows: pd.DataFrame
    hours: pd.DataFrame
    sizes: SizeFit | None
    works: dict[int, MeasuredWork]
    names: dict[int, str]
    outages: tuple[HostOutage, ...]
    complete: Complete
    period_s: tuple[float, float]
    zone_s: float
    replay: Replay
    scenario_text: str
    told: tuple[Told, ...]
    journeys: Journeys
    sides: Sides

    def figure(self, name: str) -> MeasuredFigure:
        """The figure of that name. Raises `KeyError`."""
        return next((figure for figure in self.figures if figure.name == name), None) or _no_figure(name)

    @property
    def clock_remarks(self) -> list[str]:
        """What was found of clocks that were wrong, a sentence each."""
        return [_say_clock(self.names[server], clock) for server, clock in self.journeys.joined.clocks.items()]

    def save(self, folder: str | Path) -> Path:
        """Write the scenario (``fitted.yaml``), the mail (``replay.parquet``) and all figures (``fit.json``) to a folder, all or none.

        Raises `OutputError`.
        """
        folder = Path(folder)
        write_set(
            folder,
            {
                FITTED: lambda: encodable(self.scenario_text).encode(),
                REPLAYED: lambda: table_bytes(self.replay.table),
                FIT_JSON: lambda: json_bytes(self.to_data()),
            },
        )
        return folder

    def to_data(self) -> dict[str, Any]:
        """All figures as plain data: no person stands in it."""
        joined = self.journeys.joined
        clocks = [
            {"server": self.names[server], "ahead_s": round(clock.ahead_s, 3), "drift_s_per_day": round(clock.drift * 86400.0, 3),
             "off_s": round(clock.off_s, 3)}
            for server, clock in joined.clocks.items()
        ]  # fmt: skip
        return {
            "figures": table_of(self.figures),
            "flows": self.flows.to_dict("records"),
            "hours": self.hours.to_dict("records"),
            "sizes": {"law": self.sizes.law, "table": self.sizes.table, "distance": _plain(self.sizes.distance)}
            if self.sizes
            else None,
            "servers": {self.names[server]: _work_data(work) for server, work in self.works.items()},
            "outages": [outage._asdict() for outage in self.outages],
            "period_s": list(self.period_s),
            "complete": {
                "visits": self.complete.visits,
                "lost_share": self.complete.lost_share,
                "counts_hold": self.complete.counts_hold,
            },
            "clocks_taken_out": clocks,
            "joined": {"by queue id in the reply": joined.by_reply, "by message-id": joined.by_message_id},
            "files": [vars(told) for told in self.told],
        }


def _say_clock(name: str, clock: Clock) -> str:
    text = f"{name}'s clock was {abs(clock.ahead_s):.3g} s {'ahead' if clock.ahead_s >= 0 else 'behind'} in the middle of the log"
    if clock.drift:
        text += f" and {'gained' if clock.drift > 0 else 'lost'} {abs(clock.drift) * 86400:.3g} s a day"
    text += ": taken out"
    if clock.off_s:
        text += f"; at some time it was {clock.off_s:.3g} s away from that (it was set?): delays over it are not to be trusted so far"
    return text


def _no_figure(name: str) -> MeasuredFigure:
    raise KeyError(name)


def _plain(value: float) -> float | None:
    return None if value != value else value


def _work_data(work: MeasuredWork) -> dict[str, Any]:
    laws = {key: getattr(work, key) for key in ("accept", "scan", "deliver")}
    plain = {key: {k: v for k, v in vars(law).items() if k != "halves"} for key, law in laws.items() if law is not None}
    return plain | {"remarks": work.remarks}


def fit(
    logs: Iterable[str | Path], *, scenario: Scenario | str | Path | None = None, folder: str | Path | None = None,
    domain: str = "", addresses: str = "sides", profile: str = PROFILE, year: int | None = None,
) -> Fit:  # fmt: skip
    """Read mail logs of any known kind, plain or compressed, and say what is in them.

    `scenario` is the set-up that the figures are for (names of servers, the domain, what the lines take); without it the set-up is
    worked out from the logs too. `addresses`: people are replaced by their ``sides``, kept apart as salted hashes (``hashed``), or
    ``kept``. `folder` is where the scenario will be written, so that it can extend the one that was given. `profile` is what the figures
    are set beside. Raises `UsageError` for files that are no mail logs, `NoDataError` where they hold no message.
    """
    given = load_scenario(scenario) if isinstance(scenario, (str, Path)) else scenario
    book = read_logs(logs, year=year)
    found = journeys(join(book))
    if not len(found.messages):
        raise NoDataError("the logs hold no message")
    sides = find_sides(found, given, domain)
    mail = fit_load.mail_of(found, sides)
    if not len(mail):
        raise NoDataError("the logs hold no message with a sender")
    names = scenario_names(found, sides, given)
    complete = fit_counts.completeness(found)
    replay = replay_table(found, sides, addresses)
    sizes = fit_sizes(_sizes(mail, found, complete))
    tries = fit_service.first_tries(found.joined)
    works = fit_service.server_work(found.joined, tries, round_trips(given, names))
    gaps = fit_traffic.retry_gaps(found.joined)
    outages = fit_traffic.outages(found.joined)
    zone_s = next(iter(book.zones_s.values()), 0.0)
    assumed = _assumed(given, profile)
    figures = [
        *fit_counts.count_figures(found, sides, mail, complete),
        *fit_load.rate_figures(mail, complete, zone_s),
        *fit_load.inside_figures(found, sides, mail, complete, assumed),
        *fit_load.recipient_figures(found, mail, complete, assumed),
        *fit_load.size_figures(sizes, complete, assumed),
        *fit_service.service_figures(found.joined, tries, works, names),
        *fit_traffic.session_figures(found.joined, names, is_whole=complete.counts_hold),
        *fit_traffic.retry_figures(found.joined, gaps, names),
    ]
    period = fit_load.period_of(mail)
    retries = {names[server]: settings for server in names if (settings := fit_traffic.retry_settings(gaps, server))}
    text = scenario_text(
        found, sides, names, mail, sizes, works, retries, outages, period, zone_s, complete, given, folder
    )
    return Fit(
        tuple(figures), fit_counts.flow_table(found, sides, mail), _hours(mail, zone_s), sizes, works, names, tuple(outages), complete,
        period, zone_s, replay, text, tuple(book.told), found, sides,
    )  # fmt: skip


def _sizes(mail: pd.DataFrame, found: Journeys, complete: Complete) -> NDArray[np.int64]:
    """Sizes as handed in; where lines are missing, only of messages that certainly begin here."""
    kept = mail if complete.counts_hold else mail[mail["is_sure"]]
    sizes: NDArray[np.int64] = sent_sizes(found)[kept.index.to_numpy()]
    return sizes


def _hours(mail: pd.DataFrame, zone_s: float) -> pd.DataFrame:
    """Messages by hour and side."""
    hour = ((mail["arrived_s"] + zone_s) // 3600).astype("int64") * 3600
    side = pd.Series(["onprem", "hosted", "internet", "unknown"])[mail["side"].clip(0, 3)].to_numpy()
    return (
        pd.DataFrame({"hour_s": hour.to_numpy(), "side": side})
        .groupby(["hour_s", "side"])
        .size()
        .rename("messages")
        .reset_index()
    )


def _assumed(scenario: Scenario | None, profile: str) -> LoadSpec | None:
    """The load of the scenario, else of the shipped profile, to set measured figures beside."""
    if scenario is not None and scenario.load is not None and scenario.load.sent_per_mailbox is not None:
        return scenario.load
    text = f"""
coexsim: 1
domain: example.com
servers: {{onprem: {{kind: postfix}}, world: {{kind: external, domain: example.net}}}}
directory: {{population: {{onprem: 1}}}}
load: {{profile: {profile}}}
"""
    return scenario_from_text(text).load
