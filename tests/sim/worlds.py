"""Small worlds for tests: work, limits, links, outages, DNS, people that move, and all at one moment; and how tables are compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

WORK = {
    "servers": {
        "onprem": {
            "service": {"scan": {"fixed": "120 ms", "law": "exponential"}, "deliver": "8 ms", "accept": "4 ms", "directory_lookup": "2 ms"},
            "capacity": {"cores": 2},
        },
        "inotes-inbound": {"service": {"deliver": {"fixed": "9 ms", "cv": 1.2}, "accept": {"fixed": "1 ms", "per_MB": "10 ms"}}},
    }
}  # fmt: skip
LIMITS = {
    "servers": {
        "onprem": {
            "capacity": {
                "cores": 2,
                "transfer_threads": 4,
                "delivery_threads": 2,
                "smtp_connections": 3,
                "when_full": "wait",
            }
        }
    }
}
REFUSE = {"servers": {"onprem": {"capacity": {"smtp_connections": 2, "when_full": "refuse"}}}}
NARROW = {
    "links": [
        {"between": ["office", "hosted"], "round_trip": "40 ms", "bandwidth": "4 Mbit/s"},
        {"between": ["office", "internet"], "round_trip": "30 ms", "bandwidth": "10 Mbit/s"},
    ]
}
OTHER_TRAFFIC = {
    "links": [
        {
            "between": ["office", "hosted"],
            "round_trip": "40 ms",
            "up": "4 Mbit/s",
            "down": "9 Mbit/s",
            "background": [
                {"from": "08:00", "to": "09:02", "up": "3.99 Mbit/s"},
                {"from": "09:01", "to": "10:00", "down": "5 Mbit/s"},
            ],
        },
        {"between": ["office", "internet"], "round_trip": "30 ms"},
    ],
    "uplinks": {
        "office": {
            "up": "6 Mbit/s",
            "down": "10 Mbit/s",
            "background": [{"from": "09:00:30", "to": "09:04", "up": "2 Mbit/s", "down": "6 Mbit/s"}],
        },
    },
    "events": [{"at": "60 s", "for": "45 s", "down": "office-hosted"}],
    "run": {"start": "Mon 09:00"},
}
"""Traffic that leaves mail hardly anything, both ways of a line, a site's own line, and a line that goes down as its traffic changes."""
ROLE = {"servers": {"smart-host": {"kind": "relay", "runs_on": "onprem"}}}
SHORT_TTL = {
    "dns": {"corporate.com": "@ 70 IN MX 10 mail\nmail 40 IN A 192.0.2.10"},
    "name_servers": {"answer": "20 ms"},
}
TICKS = {
    "load": {
        "streams": [
            {"from": "internet", "to": "onprem", "rate": "4/s", "arrivals": "constant"},
            {"from": "hosted", "to": "onprem", "rate": "4/s", "arrivals": "constant"},
            {"from": "onprem", "to": "hosted", "rate": "2/s", "arrivals": "constant"},
        ]
    },
    "links": [],
    "sites": [],
    "servers": {name: {"site": None} for name in ("onprem", "inotes-inbound", "inotes-outbound", "external")}
    | {"onprem": {"site": None, "service": {"scan": "500 ms"}, "capacity": {"cores": 5}}},
}
KEPT = {"servers": {"onprem": {"smtp": {"reuse": "5 s"}}, "external": {"smtp": {"reuse": "2 s", "tls": True}}}}
MOVES = {
    "directory": {"replica": {"at": "inotes-inbound", "every": "2 min"}},
    "events": [
        {"at": "3 min", "move": 80, "to": "hosted"},
        {"at": "5 min", "hire": 50, "to": "hosted"},
        {"at": "7 min", "move": 9, "to": "onprem"},
    ],
}
ONE_AT_A_TIME = {
    "servers": {"onprem": {"capacity": {"smtp_connections": 3, "transfer_threads": 1, "when_full": "wait"}}}
}


def trouble(**event: Any) -> dict[str, Any]:
    """An event from the second to the sixth minute."""
    return {"events": [{"at": "2 min", "for": "4 min", **event}]}


WORLDS: dict[str, tuple[dict[str, Any], ...]] = {
    "nothing takes time at servers": (),
    "work": (WORK,),
    "work, a role on the machine": (WORK, ROLE),
    "limits": (WORK, LIMITS),
    "connections refused": (WORK, LIMITS, REFUSE),
    "narrow links": (WORK, NARROW),
    "limits and narrow links, a role": (WORK, LIMITS, NARROW, ROLE),
    "other traffic": (WORK, LIMITS, OTHER_TRAFFIC),
    "connections kept": (WORK, LIMITS, KEPT),
    "disk": (WORK, LIMITS, {"servers": {"onprem": {"capacity": {"queue_disk": "9 MB"}}}}),
    "people move": (WORK, MOVES),
    "answers of DNS grow old": (WORK, LIMITS, SHORT_TTL),
    "answers of DNS grow old, no limits": (WORK, SHORT_TTL),
    "a zone fails": (WORK, SHORT_TTL, trouble(zone="corporate.com", fault="servfail")),
    "DNS is down": (WORK, SHORT_TTL, trouble(down="dns")),
    "the hosted side is down": (WORK, LIMITS, trouble(down="inotes-inbound")),
    "the Internet is down": (WORK, NARROW, trouble(down="office-internet")),
    "all at one moment": (TICKS,),
    "all at one moment, limited": (TICKS, ONE_AT_A_TIME),
}


def assert_close(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """The same but for the last bits of sums that were made in another order."""
    for column in one:
        if one[column].dtype == "float64":
            np.testing.assert_allclose(one[column], other[column], rtol=1e-6, atol=1e-6, err_msg=str(column))
        else:
            assert (one[column] == other[column]).all(), column
