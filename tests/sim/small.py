"""A world so small that its times can be worked out by hand.

A round trip takes 1 s, and nothing else takes time unless a test says so: a session with one server is 5 s long. Hosts are given by
address, so DNS is asked nothing (but for notices). The Internet is one sender.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.scenario.load import scenario_from_text
from tests.sim.setups import as_text, laid_over

SMALL: dict[str, Any] = {
    "coexsim": 1,
    "domain": "corporate.com",
    "sites": ["office", "hosted", "internet"],
    "links": [
        {"between": ["office", "internet"], "round_trip": "1 s"},
        {"between": ["office", "hosted"], "round_trip": "1 s"},
    ],
    "dns": {"corporate.com": "@ 30d IN MX 10 mail\nmail 30d IN A 192.0.2.10"},
    "servers": {
        "onprem": {"kind": "postfix", "site": "office", "host": "mail.corporate.com", "smart_host": "[192.0.2.20]"},
        "inbound": {"kind": "hosted-inbound", "site": "hosted", "host": "smtp.inotes.example", "address": "192.0.2.20"},
        "external": {
            "kind": "external",
            "site": "internet",
            "domain": "otherdomain.com",
            "smart_host": "[192.0.2.10]",
            "resolvers": 1,
        },
    },
    "directory": {"population": {"onprem": 5, "hosted": 5}},
    "run": {"length": "1 h", "drain": "10 d"},
}
COSTS_NOTHING = {"smtp": {"session": "0 s", "between": "0 s"}}
DOMINO = {
    "kind": "domino", "smtp_listener_task": "enabled", "smtp_outside_local_domain": "enabled", "global_domain": ["corporate.com"],
}  # fmt: skip
Mail = tuple[float, str, str, int]


class Small:
    """The small world: `run` replays mails (born_s, from, to, bytes) in it, under further keys."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, mails: list[Mail], *more: dict[str, Any], **keys: Any) -> Results:
        rows = [f"{born_s},{sender},{to},{size}" for born_s, sender, to, size in mails]
        (self._folder / "mails.csv").write_text("\n".join(["born_s,sender,recipients,size_bytes", *rows]) + "\n")
        setup = SMALL | {"load": {"replay": "mails.csv"}}
        for keys_laid_over in more:
            setup = laid_over(setup, keys_laid_over)
        setup["servers"] = {name: laid_over(COSTS_NOTHING, server) for name, server in setup["servers"].items()}
        return simulate(scenario_from_text(as_text(setup), base=self._folder), **keys)


def into(server: str, **keys: Any) -> dict[str, Any]:
    return {"servers": {server: keys}}


def linked(**keys: str) -> dict[str, Any]:
    """Other links between the sites."""
    return {"links": [{"between": pair, **keys} for pair in (["office", "internet"], ["office", "hosted"])]}


def event(**keys: Any) -> dict[str, Any]:
    return {"events": [keys]}


def ends(results: Results, kind: str = "mail") -> list[tuple[str, float, int]]:
    """Outcome, time of the end, and attempts of every copy, by number."""
    mail = results.mail[results.mail["kind"] == kind].sort_values(["mail", "delay_s"])
    return [
        (str(outcome), round(float(born_s + delay_s), 6), int(attempts))
        for outcome, born_s, delay_s, attempts in zip(mail["outcome"], mail["born_s"], mail["delay_s"], mail["attempts"], strict=True)
    ]  # fmt: skip


IN = (0.0, "internet", "onprem", 1000)  # one session
THROUGH = (0.0, "internet", "hosted", 1000)  # two sessions, one after the other
