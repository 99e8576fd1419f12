"""First attempts in a log: what each took by stage, from which source its mail came, and when it was in the next queue."""

from __future__ import annotations

from math import nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake.logs.book import LOCAL, SENT
from coexsim.intake.logs.join import Joined
from coexsim.intake.logs.tallies import RowSample

MOST_TRIES = 100_000  # of a server: laws and quantiles rest on a sample of so many, and of more on every second, fourth and so on
TRY_COLUMNS = {
    "visit": "int64", "server": "int32", "before_s": "float32", "queue_s": "float32", "connect_s": "float32", "transfer_s": "float32",
    "delay_s": "float32", "size_bytes": "int64", "source": "int64", "relay": "int64",
    "next_server": "int64", "hop_s": "float64", "is_local": "bool",
}  # fmt: skip
OWN, UNSAID, OUTSIDE = -1, -2, 1 << 32  # sources of a visit that are no logged servers


class TriesSeen:
    """Deliveries that went through at the first attempt, a part after the other: a sample of at most `MOST_TRIES` of each server."""

    def __init__(self) -> None:
        self._samples: dict[int, RowSample] = {}

    def add(self, joined: Joined) -> None:
        """Take those of a part."""
        tries = first_tries(joined)
        for server, rows in tries.groupby("server"):
            self._samples.setdefault(int(str(server)), RowSample(MOST_TRIES)).add(rows)

    def frame(self) -> pd.DataFrame:
        """The rows, a server after the other."""
        frames = [sample.frame() for _, sample in sorted(self._samples.items())]
        columns = {name: pd.Series([], dtype=dtype) for name, dtype in TRY_COLUMNS.items()}
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns)


def first_tries(joined: Joined) -> pd.DataFrame:
    """Deliveries that went through at the first attempt, one row a transaction, with size and time from queue to queue.

    A hop of a server to itself, through a filter, ends where the queue manager takes what came back.
    """
    frame = joined.deliveries
    row = frame["row"].to_numpy()
    visits = joined.visits
    keys = row * (1 << 31) + frame["to"].to_numpy()
    _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    done: pd.DataFrame = frame[
        (counts[which] == 1) & (frame["status"].to_numpy() == SENT) & np.isfinite(frame["delay_s"].to_numpy())
    ]
    done = done.drop_duplicates(["row", "next", "relay", "delay_s"])
    row, after = done["row"].to_numpy(), done["next"].to_numpy()
    arrived_s, known = visits["arrived_s"].to_numpy(), visits["is_arrival_known"].to_numpy()
    servers = visits["server"].to_numpy()
    before_s = np.zeros(len(visits))
    before_s[frame["row"].to_numpy()] = np.nan_to_num(frame["before_s"].to_numpy(np.float64))
    ends_s = arrived_s[after] + np.where(servers[after] == servers[row], before_s[after], 0.0)
    found: pd.DataFrame = done.assign(
        server=servers[row],
        size_bytes=visits["size_bytes"].to_numpy()[row],
        source=sources(joined)[row],
        next_server=np.where(after >= 0, servers[after], -1),
        hop_s=np.where((after >= 0) & known[row] & known[after], ends_s - arrived_s[row], nan),
    )
    return found[list(TRY_COLUMNS)]


def sources(joined: Joined) -> NDArray[np.int64]:
    """Where each visit came from: the number of a logged server, else `OUTSIDE` and on by host, `OWN` for a local submission, or `UNSAID`.

    What a filter hands back comes from the server itself. Before the queue manager lies receipt too, over a line of its own for each
    source: times of several sources are not one law.
    """
    visits = joined.visits
    client, server, parent = (visits[name].to_numpy().astype(np.int64) for name in ("client", "server", "parent"))
    known = joined.host_servers()[client]
    own = np.where(visits["origin"].to_numpy() == LOCAL, OWN, UNSAID)
    found: NDArray[np.int64] = np.where(known >= 0, known, np.where(client >= 0, OUTSIDE + client, own))
    came_back = (parent >= 0) & (server[parent] == server)
    found[came_back] = server[came_back]
    return found


def source_name(source: int, name_of: dict[int, str]) -> str:
    """A source in words; a host that is not logged by its name only where it is a server's, not a person's machine."""
    if source == OWN:
        return "its own users"
    return name_of.get(source, "a host that is not logged")
