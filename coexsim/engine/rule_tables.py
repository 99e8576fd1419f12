"""What the rules of mail have said, kept from one run to the next: replications, candidates of a size and points of a sweep share it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from numpy.typing import NDArray

from coexsim.engine.numbering import Class, End, Numbers, Submission, TransferClass
from coexsim.mail.message import Kind
from coexsim.mail.setup import Setup
from coexsim.mail.zones import texts_of_zones
from coexsim.scenario.machine import Capacity
from coexsim.scenario.model import Run, Scenario
from coexsim.sim.message import EnvelopeClass, EnvelopeClasses

ARRAYS_OF_RULES = (
    "place_keys", "places", "parts", "requests", "tx_keys", "takes", "entry_keys", "entries", "fails", "notices",
)  # fmt: skip
MOST_KEPT = 3  # sets of rules; a sweep over the routing has a set for each of its points
MOST_CLASSES = 200_000  # about 200 MB; what is larger is not kept


HandedIn = tuple[str, tuple[tuple[str, int], ...], int, int]
"""Mail as it is drawn: sender, addresses with how many mailboxes of each, class of size, version of the directory."""


class RuleTables:
    """Classes of mail and the rows of rules about them. They hold in every run of the same rules, whatever its load and machines are.

    `places_in` and `entries_in` say, by epoch, which row holds for which class: epochs follow from the scenario's changes alone.
    """

    def __init__(self) -> None:
        self.envelopes = EnvelopeClasses()
        self.classes: list[Class] = []
        self.transfers: list[TransferClass] = []
        self.entries: list[Submission] = []
        self.ends = Numbers()
        self.replies = Numbers()
        self.serials = Numbers({0: 0})
        self.lates = Numbers()  # refusals for the time being
        self.times_at_machine = 1  # the most times that mail comes to one machine
        self.plans: list[Any] = []  # by place row: what the server said of each recipient
        self.place: dict[Class, int] = {}
        self.tx: dict[TransferClass, int] = {}
        self.entry: dict[Submission, int] = {}
        self.handed_in: dict[HandedIn, int] = {}  # the same by what is drawn; -1: it is handed in nowhere
        self.rows: dict[tuple[str, Hashable], int] = {}
        self.take_failed: dict[int, tuple[End, ...]] = {}  # by row of `takes`
        self.notices: dict[tuple[EnvelopeClass, str, Kind], tuple[int, int]] = {}
        self.places_in: dict[int, dict[int, int]] = {}
        self.entries_in: dict[int, dict[int, int]] = {}
        self.arrays: dict[str, tuple[NDArray[Any], int]] = {}  # while no run uses them: rows, and how many


class RuleTableCache:
    """The tables of the rules that ran last. A run has its tables alone until it ends."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, RuleTables]] = []  # the last one used is last

    @contextmanager
    def lent(self, scenario: Scenario, setup: Setup) -> Iterator[RuleTables]:
        """The tables of a scenario's rules, or new ones; kept for the next run if this one comes to its end.

        They are not kept where a server's answers depend on what came before: greylisting, probes, limits of rates.
        """
        rules = rules_of(scenario)
        tables = next((kept for others, kept in self._kept if others == rules), None) or RuleTables()
        self._kept = [each for each in self._kept if each[1] is not tables]
        yield tables
        by_history = any(
            policy.greylist_s is not None or policy.verify_times is not None or policy.rates
            for policy in setup.policies.values()
        )
        if not by_history and len(tables.classes) <= MOST_CLASSES:
            self._kept = [*self._kept, (rules, tables)][-MOST_KEPT:]


@cache
def rule_table_cache() -> RuleTableCache:
    """The one cache of this process. It saves time and changes nothing: a run gives the same tables with it and without."""
    return RuleTableCache()


def rules_of(scenario: Scenario) -> str:
    """What of a scenario the rules of mail look at, as text, since the order of servers and people counts.

    Load, machines, links and how many people there are change no rule.
    """
    servers = {name: server.replaced(capacity=Capacity(), service=None) for name, server in scenario.servers.items()}
    # One mailbox alone has limits of its own (``Setup.crowds``), many have not.
    population = {side: min(people, 2) for side, people in scenario.directory.population.items() if people}
    run = Run().replaced(start=scenario.run.start) if scenario.events else Run()
    rules = scenario.replaced(
        title="", description="", links=(), uplinks={}, servers=servers, load=None, run=run, objectives=(),
        directory=scenario.directory.replaced(population=population), size=None, acknowledge=(), sources={},
    )  # fmt: skip
    return str((rules.to_data(), texts_of_zones(scenario)))
