"""Other names of logged servers, told by the mail that one hands on and another takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake.logs.tallies import Counts

FEWEST, MOSTLY = 20, 0.9  # messages, and the share of a host's mail, that say which server it is
MOST_DOUBLINGS = 6  # of hops to the first visit that replies lead back to
Ints = NDArray[np.int64]


class MailVotes:
    """Which hosts are other names of two logged servers, since what one handed to the first host came to the other from the second.

    A gateway is known to the servers inside by its inner address; a hosted service names its outer one only, and calls itself otherwise
    than those who send to it. A host that takes mail and hands the same mail on is a server in between: that is none of them.
    """

    def __init__(self) -> None:
        self._pairs = Counts()  # client << 32 | relay
        self._went = Counts()  # relay << 32 | server
        self._taken, self._handed = Counts(), Counts()  # host: all that it took, all that came from it
        self._servers = Counts()  # client << 32 | server

    def add(self, visits: pd.DataFrame, deliveries: pd.DataFrame, is_open: NDArray[np.bool_], keys: Ints) -> None:
        """Count the mail of a part. `is_open`: deliveries to a host that no reply leads on; `keys`: by host, one number an address."""
        ids, server, client = (visits[name].to_numpy(np.int64) for name in ("message_id", "server", "client"))
        arrived_s, first = visits["arrived_s"].to_numpy(), _first_visits(visits, deliveries)
        row, relay = deliveries["row"].to_numpy()[is_open], deliveries["relay"].to_numpy(np.int64)[is_open]
        given = pd.DataFrame({
            "id": ids[row], "from": server[row], "relay": relay, "first": first[row], "from_s": np.floor(arrived_s[row]),
        }).drop_duplicates(["id", "from", "relay"])  # fmt: skip
        given = given[given["id"] != 0]
        number = np.arange(len(visits))
        came = pd.DataFrame({"id": ids, "to": server, "client": client, "visit": number, "at_s": arrived_s})
        came = came[(client >= 0) & (first == number)]
        self._taken.add(given["relay"].to_numpy())
        self._handed.add(came["client"].to_numpy())
        both = came[np.isin(came["id"].to_numpy(), given["id"].to_numpy())].merge(given, on="id")
        is_onward = (both["from"] != both["to"]) & (both["first"] != both["visit"]) & (both["at_s"] >= both["from_s"])
        both = both[is_onward.to_numpy() & (keys[both["client"].to_numpy()] != keys[both["relay"].to_numpy()])]
        for counts, host, of, each in (
            (self._pairs, "client", "relay", "visit"), (self._servers, "client", "from", "visit"), (self._went, "relay", "to", "id"),
        ):  # fmt: skip
            rows = both[[host, of, each]].drop_duplicates()
            counts.add(rows[host].to_numpy() << 32 | rows[of].to_numpy())

    def servers(self) -> dict[int, int]:
        """The server of each host of which that is sure."""
        taken, handed = dict(self._taken.items()), dict(self._handed.items())
        found = {
            key >> 32: key & 0xFFFFFFFF
            for key, n in sorted(self._went.items())
            if n >= max(FEWEST, MOSTLY * taken[key >> 32])
        }
        led: dict[int, int] = {}
        for key, n in self._pairs.items():
            if key & 0xFFFFFFFF in found:
                led[key >> 32] = led.get(key >> 32, 0) + n
        for key, n in sorted(self._servers.items()):
            least = max(FEWEST, MOSTLY * handed[key >> 32])
            if n >= least and led.get(key >> 32, 0) >= least:
                found.setdefault(key >> 32, key & 0xFFFFFFFF)
        return found


def _first_visits(visits: pd.DataFrame, deliveries: pd.DataFrame) -> Ints:
    """The first of the visits from which replies lead to each: its own row, where none does."""
    found = np.arange(len(visits))
    after, row = deliveries["next"].to_numpy(), deliveries["row"].to_numpy()
    found[after[after >= 0]] = row[after >= 0]
    for _ in range(MOST_DOUBLINGS):
        found = found[found]
    return found
