"""One run of a scenario: the world is built, the mail drawn, the processes run, and the tables made."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from coexsim.engine.choice import Engine
from coexsim.experiment.columns import SCHEMA
from coexsim.experiment.engines import ran
from coexsim.experiment.results import Results
from coexsim.experiment.schema import empty, frame
from coexsim.experiment.warm_up import settled
from coexsim.mail.message import Rcpt
from coexsim.progress import RunProgress, in_notebook
from coexsim.scenario.given import require_scenario
from coexsim.scenario.model import Scenario
from coexsim.sim.binned import Bins
from coexsim.sim.mail_log import MailLog
from coexsim.sim.mail_row import TABLE_OUTCOMES, WORDS
from coexsim.sim.stage_log import StageLog
from coexsim.sim.world import World


def run_one(
    scenario: Scenario, seed: int, replication: int, alternative: str = "", keep_visits: bool = False, engine: Engine = "auto",
    stream: bool = False,
) -> Results:  # fmt: skip
    """Replication number `replication` of a scenario. Picklable in and out, so any executor may run it."""
    return simulate(
        scenario, seed=seed, replication=replication, alternative=alternative, keep_visits=keep_visits, engine=engine, stream=stream
    )  # fmt: skip


def simulate(
    scenario: Scenario, *, seed: int | None = None, replication: int = 0, alternative: str = "", keep_visits: bool = False,
    progress: RunProgress | None = None, engine: Engine = "auto", stream: bool = False, mail_log: MailLog | None = None,
) -> Results:  # fmt: skip
    """Simulate a scenario once, however many replications its `run` has: `coexsim.replicate` runs as many as are asked for.

    `seed` is the scenario's own unless given; `replication` picks one of its independent repetitions. `progress` is told the
    simulated time in seconds, how many recipients were sent mail and how many attempts came to nothing so far; a notebook shows it
    by itself. Same scenario, seed, replication and version: the same tables, byte for byte.

    After its length the run goes on until all measured mail has met its end, or for ``run.drain``. Where all attempts of then are in
    vain, and nothing in the scenario changes any more, it is stopped: ``provenance["stopped_early"]`` says so.

    `engine` is ``auto``, ``compiled`` or ``reference``: both engines give the same tables. ``auto`` takes the reference where the
    compiled one would not pay, or does not know something in the scenario; `provenance` says which it was and why.

    With `stream` there is no row a message but cells that stand for many: memory does not grow with the mail, accounting and means are
    exact, quantiles of delay right to 1 %.

    `mail_log` is filled with what every server did with every message, by the reference engine.
    """
    require_scenario(scenario)
    seed = scenario.run.seed if seed is None else seed
    scenario = settled(scenario, seed, engine)
    with in_notebook(scenario.title or "simulating", scenario.run.length) as tell:
        world, chosen = ran(
            scenario,
            seed,
            replication,
            keep_visits=keep_visits,
            engine=engine,
            progress=progress or (None if tell is None else lambda time_s, *_: tell(time_s)),
            stream=stream,
            mail_log=mail_log,
        )
    results = results_of(world, alternative)
    results.provenance.update(
        engine=chosen.engine, engine_why=chosen.why, versions=_versions(compiled=chosen.engine == "compiled")
    )
    return results


def results_of(world: World, alternative: str = "") -> Results:
    """The tables of a world that has run."""

    def tag(rows: int) -> dict[str, object]:
        return {"alternative": _word(alternative, rows), "replication": np.full(rows, world.replication)}

    stages, timeline = _stages(world, tag), _timeline(world, tag)
    return Results(
        mail=_mail(world, tag), stages=stages, timeline=timeline, dns=_dns(world, tag), visits=_visits(world, tag),
        messages=_messages(world, tag), provenance=_provenance(world), window_s=world.measured_s, length_s=world.length_s,
    )  # fmt: skip


def _word(word: str, rows: int) -> Any:
    return pd.Categorical.from_codes(np.zeros(rows, np.int8), categories=pd.Index([word]))


def _words(codes: Any, words: list[str]) -> Any:
    """A categorical with its categories in alphabetical order, so that a table does not depend on who came first."""
    order = sorted(words)
    place = np.array([order.index(word) for word in words] or [0], codes.dtype)
    return pd.Categorical.from_codes(place[codes] if len(codes) else np.empty(0, np.int8), categories=pd.Index(order))


def _mail(world: World, tag: Callable[[int], dict[str, object]]) -> pd.DataFrame:
    columns = world.recorder.columns()
    outcome = pd.Categorical.from_codes(columns.pop("outcome")[0], categories=pd.Index(TABLE_OUTCOMES))
    words = {name: _words(*columns.pop(name)) for name in WORDS} | {"outcome": outcome}
    if world.bins is None:
        order = _mail_order(columns, words)
    else:
        order = _cell_order(columns, words)
        columns["mail"] = np.argsort(order)  # cells are numbered as they stand
    rows = {
        name: part.pop(name)[order] for part in (columns, words) for name in list(part)
    }  # one at a time: a day's rows are large
    return frame("mail", tag(len(order)) | rows)


def _mail_order(numbers: dict[str, Any], words: dict[str, Any]) -> Any:
    """By birth, then mail, kind, flow and delay. Births are many and rarely the same, so only where they are, the rest is looked at."""
    born_s = numbers["born_s"]
    order = np.argsort(born_s, kind="stable")
    in_order_s = born_s[order]
    same = np.flatnonzero(in_order_s[1:] == in_order_s[:-1])
    if len(same):
        tied = np.zeros(len(order), bool)
        tied[same] = tied[same + 1] = True
        places = np.flatnonzero(tied)
        rows = order[places]
        keys = (numbers["delay_s"], words["flow"].codes, words["kind"].codes, numbers["mail"], born_s)
        order[places] = rows[np.lexsort([key[rows] for key in keys])]
    return order


def _cell_order(numbers: dict[str, Any], words: dict[str, Any]) -> Any:
    """Of a streamed run's cells: by birth, then by all else but the number, which is of who came first."""
    keys = [values for name, values in numbers.items() if name not in ("mail", "born_s")]
    return np.lexsort((*keys, *(values.codes for values in words.values()), numbers["born_s"]))


def _stage_rows(world: World) -> list[tuple[str, StageLog]]:
    return [(log.stage, log) for log in world.logs.made]


def _stages(world: World, tag: Callable[[int], dict[str, object]]) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for stage, log in _stage_rows(world):
        summary = log.summary()._asdict()
        summary.pop("gave_up"), summary.pop("unfinished")
        server = world.servers.get(log.server)
        rows.append(
            summary
            | {
                "stage": stage,
                "workers": float("inf") if log.workers is None else float(log.workers),
                "refused": server.refused if server and stage == "connections" else 0,
                "refused_in_session": server.refused_in_session if server and stage == "connections" else 0,
            }
        )
    if not rows:
        return empty("stages")
    return frame("stages", tag(len(rows)) | {name: [row[name] for row in rows] for name in rows[0]})


def _timeline(world: World, tag: Callable[[int], dict[str, object]]) -> pd.DataFrame:
    parts: dict[str, list[Any]] = {
        name: [] for name in ("server", "stage", "minute", "arrivals", "busy", "queue", "backlog", "queued_bytes")
    }

    def add(server: str, stage: str, arrivals: Any, busy: Any, queue: Any, backlog: Any, queued_bytes: Any) -> None:
        rows = len(arrivals)
        parts["server"] += [server] * rows
        parts["stage"] += [stage] * rows
        for name, values in zip(("minute", "arrivals", "busy", "queue", "backlog", "queued_bytes"),
                                (np.arange(rows), arrivals, busy, queue, backlog, queued_bytes), strict=True):  # fmt: skip
            parts[name].append(np.asarray(values, dtype=np.float64))

    for stage, log in _stage_rows(world):
        if stage == "link":
            continue
        lines = log.timeline()
        add(
            log.server,
            stage,
            lines["arrivals"],
            lines["busy_s"] / log.bin_s,
            lines["queue_s"] / log.bin_s,
            lines["backlog"],
            0 * lines["arrivals"],
        )
    for link in world.network.links.values():
        lines = link.timeline()
        add(
            link.name,
            "link",
            lines["transfers"],
            lines["utilisation"],
            lines["under_way"],
            lines["under_way"],
            lines["bytes"],
        )
    for name, backlog in world.backlog.items():
        nothing = np.zeros(len(backlog))
        add(name, "queue", nothing, nothing, nothing, backlog, world.queued_bytes[name])
    columns: dict[str, object] = {"server": parts["server"], "stage": parts["stage"]}
    columns |= {
        name: np.concatenate(parts[name]) if parts[name] else []
        for name in ("minute", "arrivals", "busy", "queue", "backlog", "queued_bytes")
    }
    return frame("timeline", tag(len(parts["server"])) | columns)


def _dns(world: World, tag: Callable[[int], dict[str, object]]) -> pd.DataFrame:
    rows = [
        (server, q.name, q.type, *counts)
        for server, asked in world.dns_asked.items()
        for q, counts in sorted(asked.items())
    ]
    names = ("server", "name", "type", "asked", "cached", "failed")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return frame("dns", tag(len(rows)) | columns)


def _visits(world: World, tag: Callable[[int], dict[str, object]]) -> pd.DataFrame:
    if not world.logs.keep_visits:
        return empty("visits")
    kept = [(log, log.visits()) for log in world.logs.made]
    rows = sum(len(visits) for _, visits in kept)
    columns: dict[str, object] = {
        "server": [log.server for log, visits in kept for _ in range(len(visits))],
        "stage": [log.stage for log, visits in kept for _ in range(len(visits))],
    }
    for i, name in enumerate(("arrived_s", "started_s", "finished_s")):
        columns[name] = np.concatenate([visits[:, i] for _, visits in kept]) if kept else []
    return frame("visits", tag(rows) | columns)


def _messages(world: World, tag: Callable[[int], dict[str, object]]) -> pd.DataFrame:
    """The named messages and notices about them, one row for each recipient's copy, with the way it went."""
    rows = []
    names = {-i: mail.name or f"message {i}" for i, mail in enumerate(world.scenario.messages, start=1)}
    for note in sorted(world.recorder.notes, key=lambda note: (-note.number, note.at_s)):
        route = " > ".join(server for server, _ in note.rules_met)
        outcome = TABLE_OUTCOMES[note.outcome]
        delay_s = np.nan if outcome == "in transit" else note.delay_s
        for rcpt in note.envelope.recipients:
            said = [_said_of(plan, rcpt) for _, plan in note.rules_met]
            rules, reasons = (" > ".join(words) for words in (zip(*said, strict=True) if said else ((), ())))
            what = (names[note.number], rcpt.written, rcpt.address, note.envelope.kind, outcome, note.code, note.by)
            rows.append((*what, route, rules, reasons, delay_s, note.hops))
    columns = [name for name in SCHEMA["messages"] if name not in ("alternative", "replication")]
    return frame("messages", tag(len(rows)) | {name: [row[i] for row in rows] for i, name in enumerate(columns)})


def _said_of(plan: dict[Rcpt, tuple[str, str]], rcpt: Rcpt) -> tuple[str, str]:
    """Rule and reason of a server for a recipient: as it is there, or as written, before a group or forwarding was followed."""
    return plan.get(rcpt) or plan.get(Rcpt(rcpt.written, rcpt.count)) or next(iter(plan.values()), ("", ""))


def _provenance(world: World) -> dict[str, object]:
    scenario = world.scenario
    raw = json.loads(json.dumps(scenario.source.raw, default=str))
    return {
        "title": scenario.title,
        "file": scenario.source.file,
        "scenario": raw,
        "sha256": hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest(),
        "seed": world.seed,
        "replications": [world.replication],
        "sent": world.recorder.sent,
        "warm_up_s": world.scenario.run.warm_up,
        "stopped_early": world.stopped_early,
        "second_copies": world.second_copies,
        **(_of_cells(world.bins, str(world.replication)) if world.bins is not None else {}),
        "versions": _versions(),
    }


def _of_cells(bins: Bins, replication: str) -> dict[str, object]:
    """What the cells of a streamed run do not say."""
    return {"measured_mails": {replication: bins.measured_mails}, "parts_of_window": bins.parts}


def _versions(*, compiled: bool = False) -> dict[str, str]:
    """Of what the tables depend on."""
    names = ("coexsim", "simpy", "numpy", "pandas", "networkx", *(("numba", "llvmlite") if compiled else ()))
    return {name: _version(name) for name in names} | {"python": platform.python_version()}


@cache
def _version(name: str) -> str:
    """Read once a process: each is a file that is parsed."""
    return version(name)
