"""Fit: what mail logs say of load, sizes, service times and retries, as figures with intervals and as a scenario."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from coexsim.errors import NoDataError
from coexsim.experiment.store import json_bytes, tables_bytes, write_set
from coexsim.garbage import collect_rarely
from coexsim.intake import fit_load, fit_service, fit_traffic
from coexsim.intake.figures import MeasuredFigure, table_of
from coexsim.intake.fit_complete import Complete, LinesSeen
from coexsim.intake.fit_counts import CountsSeen, home_figures
from coexsim.intake.fit_load import LoadSeen, TimesSeen
from coexsim.intake.fit_replay import Replay, ReplaySeen, sent_sizes
from coexsim.intake.fit_scenario import round_trips, scenario_names
from coexsim.intake.fit_service import MeasuredWork
from coexsim.intake.fit_sizes import SizeFit, SizesSeen, fit_sizes
from coexsim.intake.fit_text import scenario_text
from coexsim.intake.fit_traffic import HostOutage, OutagesSeen, TrafficSeen
from coexsim.intake.fit_tries import TriesSeen
from coexsim.intake.logs.book import LogBook, Told
from coexsim.intake.logs.clocks import Clock
from coexsim.intake.logs.journeys import JourneyParts, Journeys
from coexsim.intake.logs.read import read_logs
from coexsim.intake.logs.sides import Sides, SidesSeen
from coexsim.intake.logs.silences import SilencesSeen
from coexsim.intake.logs.unlogged import UnloggedSeen
from coexsim.intake.set_up_seen import LoggedSetUp, SetUpSeen
from coexsim.pictures import Pictures
from coexsim.progress import ShareProgress
from coexsim.scenario.load import load_scenario, scenario_from_text
from coexsim.scenario.load_profile import LoadSpec
from coexsim.scenario.model import Scenario
from coexsim.text import encodable
from coexsim.units import say_duration

PROFILE = "office-worker"
READING, FOLLOWING, COUNTING = 0.5, 0.75, 0.85
"""The shares of the work that are done when the logs are read, the messages followed, and hosts and outages known, about."""
FITTED, REPLAYED, FIT_JSON = "fitted.yaml", "replay.parquet", "fit.json"


@dataclass(frozen=True)
class Fit:
    """What logs say.

    `figures` are the answers, each with its interval and number of messages. `flows` counts recipients by sender's side, kind of
    recipient, outcome and code; `load` counts messages by time and side. `scenario_text` is a scenario that says the same, `replay` the
    mail itself. `names` are the scenario's for the logged servers, `shown_names` what figures call them. `told` is what was read of each
    file and what could not be. `parts` has what became of each message.
    """

    figures: tuple[MeasuredFigure, ...]
    flows: pd.DataFrame
    load: LoadSeen
    sizes: SizeFit | None
    works: dict[int, MeasuredWork]
    names: dict[int, str]
    shown_names: dict[int, str]
    outages: tuple[HostOutage, ...]
    complete: Complete
    replay: Replay
    scenario_text: str
    told: tuple[Told, ...]
    parts: JourneyParts
    all_sides: Sides
    plot: ClassVar[Any] = Pictures("fit")

    @property
    def period_s(self) -> tuple[float, float]:
        """From when to when mail was handed in."""
        return self.load.period_s

    @property
    def zone_s(self) -> float:
        """What the logs' local time is ahead of UTC."""
        return self.load.zone_s

    @cached_property
    def journeys(self) -> Journeys:
        """Message by message; of logs that were read in one part only. Raises `ValueError`."""
        return self.parts.whole

    @cached_property
    def sides(self) -> Sides:
        """Who is where, with the sides of `journeys`."""
        return self.all_sides.of(self.journeys)

    @cached_property
    def replayed(self) -> pd.DataFrame:
        """Those of the messages of `journeys` that are in `replay`, with `size` as handed in."""
        mail = fit_load.mail_of(self.journeys, self.sides)
        kept: pd.DataFrame = mail[mail["recipients"] > 0]
        return kept.assign(size=sent_sizes(self.journeys)[kept.index.to_numpy()])

    def figure(self, name: str) -> MeasuredFigure:
        """The figure of that name. Raises `KeyError`."""
        return next((figure for figure in self.figures if figure.name == name), None) or _no_figure(name)

    @property
    def clock_remarks(self) -> list[str]:
        """What was found of clocks that were wrong, a sentence each."""
        zones = self.parts.book.zones_s
        return [
            _say_clock(self.shown_names[server], clock, zones and server not in zones)
            for server, clock in self.parts.clocks.items()
        ]

    def save(self, folder: str | Path) -> Path:
        """Write the scenario (``fitted.yaml``), the mail (``replay.parquet``) and all figures (``fit.json``) to a folder, all or none.

        Raises `OutputError`.
        """
        folder = Path(folder)
        write_set(
            folder,
            {
                FITTED: lambda: encodable(self.scenario_text).encode(),
                REPLAYED: lambda: tables_bytes(self.replay.frames()),
                FIT_JSON: lambda: json_bytes(self.to_data()),
            },
        )
        return folder

    def to_data(self) -> dict[str, Any]:
        """All figures as plain data: no person stands in it."""
        clocks = [
            {"server": self.names[server], "ahead_s": round(clock.ahead_s, 3), "drift_s_per_day": round(clock.drift * 86400.0, 3),
             "off_s": round(clock.off_s, 3)}
            for server, clock in self.parts.clocks.items()
        ]  # fmt: skip
        return {
            "figures": table_of(self.figures),
            "flows": self.flows.to_dict("records"),
            "hours": self.load.hours().to_dict("records"),
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
                "servers_without_log": [server._asdict() for server in self.complete.unlogged],
                "silences": [
                    silence._asdict() | {"server": self.names[silence.server]} for silence in self.complete.silences
                ],
            },
            "clocks_taken_out": clocks,
            "joined": {"by queue id in the reply": self.parts.by_reply, "by message-id": self.parts.by_message_id},
            "files": [vars(told) for told in self.told],
        }


def _say_clock(name: str, clock: Clock, is_without_zone: object = False) -> str:
    zone_s = round(clock.ahead_s / 900.0) * 900.0 if is_without_zone and abs(clock.ahead_s) < 54_000.0 else 0.0
    own_s = clock.ahead_s - zone_s
    text = f"{name}'s clock was {_seconds(abs(own_s))} {'ahead' if own_s >= 0 else 'behind'} in the middle of the log"
    if zone_s:
        text += f", beside {zone_s / 3600:+g} h of its time zone, which its log does not say"
    if clock.drift:
        text += f" and {'gained' if clock.drift > 0 else 'lost'} {abs(clock.drift) * 86400:.3g} s a day"
    text += ": taken out"
    if clock.off_s:
        text += f"; at some time it was {clock.off_s:.3g} s away from that (it was set?): delays over it are not to be trusted so far"
    return text


def _seconds(time_s: float) -> str:
    return f"{time_s:.3g} s" if time_s < 1000 else say_duration(time_s)


def _no_figure(name: str) -> MeasuredFigure:
    raise KeyError(name)


def _plain(value: float) -> float | None:
    return None if value != value else value


def _work_data(work: MeasuredWork) -> dict[str, Any]:
    laws = {key: getattr(work, key) for key in ("accept", "scan", "deliver")}
    plain = {key: {k: v for k, v in vars(law).items() if k != "halves"} for key, law in laws.items() if law is not None}
    return plain | {"remarks": work.remarks}


@collect_rarely()
def fit(
    logs: Iterable[str | Path], *, scenario: Scenario | str | Path | None = None, folder: str | Path | None = None,
    domain: str = "", addresses: str = "sides", profile: str = PROFILE, year: int | None = None, parts: int | None = None,
    progress: ShareProgress | None = None,
) -> Fit:  # fmt: skip
    """Read mail logs of any known kind, plain or compressed, and say what is in them.

    `scenario` is the set-up that the figures are for (names of servers, the domain, what the lines take); without it the set-up is
    worked out from the logs too. `addresses`: people are replaced by their ``sides``, kept apart as salted hashes (``hashed``), or
    ``kept``. `folder` is where the scenario will be written, so that it can extend the one that was given. `profile` is what the figures
    are set beside. Long logs of Postfix are worked on in `parts` that hold whole messages, so that memory does not grow with them;
    1 keeps them together. `progress` is told how far it is.

    Raises `UsageError` for files that are no mail logs, `NoDataError` where they hold no message.
    """
    given = load_scenario(scenario) if isinstance(scenario, (str, Path)) else scenario
    tell = progress or (lambda _share, _what: None)
    book = read_logs(logs, year=year, parts=parts, progress=lambda share: tell(READING * share, "reading the logs"))
    tell(READING, "following the messages")
    found = JourneyParts(book)
    tell(FOLLOWING, "looking for hosts and outages")
    seen = _first_look(found)
    if not seen.is_any:
        raise NoDataError("the logs hold no message")
    sides = seen.sides.sides(book, found.hosts, given, domain)
    if not seen.times.messages:
        raise NoDataError("the logs hold no message with a sender")
    load = LoadSeen(seen.times, next(iter(book.zones_s.values()), 0.0))
    silences = SilencesSeen(book, *seen.times.period_s)
    counts, unlogged, sizes_seen, sure_sizes = CountsSeen(), UnloggedSeen(book), SizesSeen(), SizesSeen()
    tries_seen, traffic, set_up = TriesSeen(), TrafficSeen(), SetUpSeen()
    replay = ReplaySeen(seen.times, addresses)
    for number, part in enumerate(found):
        tell(COUNTING + (1 - COUNTING) * number / book.parts, "counting")
        of_part = sides.of(part)
        mail, sent = fit_load.mail_of(part, of_part), sent_sizes(part)
        seen.lines.add(part)
        counts.add(part, of_part, mail)
        unlogged.add(part, of_part)
        silences.add(part)
        load.add(part, of_part, mail)
        sizes_seen.add(sent[mail.index.to_numpy()])
        sure_sizes.add(sent[mail.index[mail["is_sure"].to_numpy()].to_numpy()])
        tries_seen.add(part.joined)
        traffic.add(part.joined)
        seen.outages.add(part.joined)
        set_up.add(part, of_part)
        replay.add(part, of_part, mail, sent)
    complete = replace(seen.lines.complete, unlogged=unlogged.between, silences=silences.found())
    known = LoggedSetUp(book, found.hosts, sides, set_up)
    names, tries, assumed = scenario_names(known, given), tries_seen.frame(), _assumed(given, profile)
    # where lines are missing, only messages that certainly begin here tell their size as handed in
    sizes = fit_sizes(sizes_seen if complete.counts_hold else sure_sizes)
    shown = _shown(known, names, given, is_whole=not complete.unlogged)
    works = fit_service.server_work(book, tries, round_trips(given, names))
    figures = [
        *counts.figures(complete, _scope(book, sides), unlogged.sources),
        *home_figures(unlogged.homes),
        *load.rate_figures(complete),
        *load.flow_figures(complete, assumed),
        *load.recipient_figures(complete, assumed),
        *fit_load.size_figures(sizes, complete, assumed, seen.times.messages),
        *fit_service.service_figures(book, tries, works, shown, is_whole=complete.lines_hold),
        *traffic.session_figures(book, shown, is_whole=complete.lines_hold),
        *traffic.retry_figures(shown),
    ]
    gaps, outages = traffic.gaps, seen.outages.outages()
    outages = [each._replace(host=names.get(each.server, each.host)) for each in outages]
    retries = {
        names[server]: settings
        for server in names
        if book.products.get(server) == "postfix" and (settings := fit_traffic.retry_settings(gaps, server))
    }
    text = scenario_text(known, names, tries, load, sizes, works, retries, outages, complete, given, folder)
    return Fit(
        tuple(figures), counts.flows(), load, sizes, works, names, shown, tuple(outages), complete, replay.replay(sizes_seen), text,
        tuple(book.told), found, sides,
    )  # fmt: skip


def _shown(known: LoggedSetUp, names: dict[int, str], given: Scenario | None, *, is_whole: bool) -> dict[int, str]:
    """What figures call each server: the given scenario's name, or the name by what it does, with its host.

    Which server is the one on-premises cannot be told where a log in between is missing: each keeps the name that it has in its log.
    """
    if given is not None:
        return names
    own = known.book.servers
    return {n: f"{name} ({own[n]})" if is_whole and name != own[n] else own[n] for n, name in names.items()}


def _scope(book: LogBook, sides: Sides) -> str:
    """Which mail the counts are of, and whose organisation it is taken to be about."""
    servers = ", ".join(sorted(set(book.servers.texts)))
    return f"of mail that passed one of these, whose logs were given: {servers}. The organisation is taken to be {sides.domain}"


@dataclass
class _FirstLook:
    """What must be known of all parts before figures can be counted."""

    sides: SidesSeen
    times: TimesSeen
    lines: LinesSeen
    outages: OutagesSeen
    is_any: bool = False


def _first_look(found: JourneyParts) -> _FirstLook:
    seen = _FirstLook(SidesSeen(), TimesSeen(), LinesSeen(found.book), OutagesSeen(found.book, found.host_servers()))
    for part in found:
        seen.is_any = seen.is_any or bool(len(part.messages))
        seen.sides.add(part)
        seen.times.look(part)
        seen.lines.look(part)
        seen.outages.look(part.joined)
    return seen


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
