"""The work of servers without a log, measured at the servers that handed mail to them: what a message took from connection to reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from coexsim.intake.fit_scenario import round_trips
from coexsim.intake.fit_service import FEW, Law, MeasuredWork, fit_law
from coexsim.intake.logs.sides import Home
from coexsim.intake.set_up_seen import LoggedSetUp
from coexsim.scenario.model import Scenario

FEWEST = 5  # of fewer messages there is no mean
REMARK = "measured at its neighbours, since no log of it was given: from connection to reply"


def neighbour_works(
    known: LoggedSetUp, names: Mapping[int, str], tries: pd.DataFrame, servers: Mapping[str, Any], given: Scenario | None
) -> dict[str, MeasuredWork]:  # fmt: skip
    """What taking a message in takes at each server of a scenario that has no log, by its name.

    Postfix says it (c and d of its delays: connection and transmission); where a log has no such stages, the time from arrival to the reply
    stands for it, with the sender's own work in it. Hosts that are none of the scenario's are the Internet's.
    """
    remote = tries[
        (tries["next_server"] < 0).to_numpy() & ~tries["is_local"].to_numpy() & (tries["relay"] >= 0).to_numpy()
    ]
    by_word = _by_word(servers, set(names.values()))
    outside = next((name for name, one in servers.items() if _said(one, "kind") == "external"), "")
    of = {code: _name(known, code, by_word, outside) for code in remote["relay"].unique().tolist()}
    called = remote["relay"].map(of)
    found = {}
    for name, rows in remote.groupby(called):
        if name and name not in names.values() and (law := _law(known, names, rows, str(name), given)):
            found[str(name)] = MeasuredWork(accept=law, remarks=[REMARK])
    return found


def _law(
    known: LoggedSetUp, names: Mapping[int, str], rows: pd.DataFrame, name: str, given: Scenario | None
) -> Law | None:
    """The law of these times without what the lines take; their mean where they are few."""
    stages_s = rows["connect_s"].to_numpy(np.float64) + rows["transfer_s"].to_numpy(np.float64)
    times_s = np.where(np.isfinite(stages_s), stages_s, rows["delay_s"].to_numpy(np.float64))
    here = -1
    lines_s = round_trips(given, {**names, here: name})
    server = rows["server"].to_numpy(np.int64)
    line_s = np.array([lines_s.get((number, here), 0.0) for number in server.tolist()])
    times_s = np.maximum(times_s - line_s, 0.0)
    kept = np.isfinite(times_s)
    if kept.sum() >= FEW:
        step_s = max(known.book.resolution_s.get(number, 0.0) for number in np.unique(server).tolist())
        return fit_law(times_s[kept], rows["size_bytes"].to_numpy(np.int64)[kept], step_s)
    if kept.sum() < FEWEST:
        return None
    mean_s = float(times_s[kept].mean())
    return Law(int(kept.sum()), 0.0, [mean_s], [1.0], mean_s, 0.0)


def _by_word(servers: Mapping[str, Any], logged: set[str]) -> dict[str, str]:
    """The servers of a scenario by their hosts, addresses and names; of those at one host, the one that has no log."""
    found: dict[str, str] = {}
    for name in sorted(servers, key=lambda name: name not in logged):
        for word in (_said(servers[name], "host"), _said(servers[name], "address"), name):
            if word:
                found.setdefault(str(word).casefold(), name)
    return found


def _name(known: LoggedSetUp, code: int, by_word: Mapping[str, str], outside: str) -> str:
    """What the scenario calls a host of the logs; empty for one of the organisation's that it does not have."""
    home: Home = known.at(code)
    text = known.book.hosts[code].casefold()
    words = [home] if isinstance(home, str) else []
    words += [text.partition("[")[2].partition("]")[0]]
    named = next((by_word[word] for word in words if word in by_word), None)
    return named if named is not None else "" if known.is_own(home) else outside


def _said(server: Any, key: str) -> Any:
    return server.get(key) if isinstance(server, dict) else getattr(server, key, None)


__all__ = ["REMARK", "neighbour_works"]
