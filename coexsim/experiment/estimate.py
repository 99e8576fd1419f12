"""What a run would cost, told before it begins: messages, time and memory from the load and the length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from coexsim.draw.replay_file import count_rows
from coexsim.engine.choice import Engine, foreseen
from coexsim.experiment.kept_back import Sample, sample_of
from coexsim.experiment.waiting import Waiting, waiting_mail
from coexsim.scenario.load_profile import LoadSpec, mean_recipients, week_factors
from coexsim.scenario.model import Scenario
from coexsim.scenario.problems import placed
from coexsim.units import say_bytes, say_duration

# Measured with scenarios/load/corporate-20k.yaml from Monday 10:00, with tables in memory (Python 3.11): compiled 3 h, 529,525 recipients,
# 0.8 s of CPU on a fast machine and 3.9 s on a slow, busy one; reference 30 min, 95,970 recipients, 5.3 s and 12.4 s. These are between
# them. Memory: 134 MB and 71 MB more than at rest. Another set-up may take half or three times as much.
CPU_S_PER_RECIPIENT = {"compiled": 4e-6, "reference": 90e-6}
TRANSACTIONS_PER_RECIPIENT = 1.34
"""Of that scenario; mail that loops, or is copied at every server, has more, and costs as much more."""
CPU_S_PER_RUN = 0.05
# An attempt that comes to nothing, measured with 46 and with 123 messages that were tried every second; the compiled engine asks the rules
# at each attempt that a greylist or a limit on rates answers.
CPU_S_PER_ATTEMPT = {"compiled": 2e-6, "reference": 70e-6}
CPU_S_PER_ASKED = {"compiled": 130e-6, "reference": 140e-6}
STREAM_BYTES = 200e6  # the most that a streamed run keeps
MEMORY_BYTES_PER_RECIPIENT = {"compiled": 300.0, "reference": 750.0}
TABLE_BYTES_PER_RECIPIENT = 60.0  # in memory, of a run that is over
DISK_BYTES_PER_RECIPIENT = 20.0
LONG_S = 3600.0
TOLD_S = 10.0
"""What takes longer is told beforehand, what takes an hour asked for."""
LARGE_BYTES = 16e9
_HOUR_S = 3600.0
_WEEK_HOURS = 168


class Estimate(NamedTuple):
    """What runs are expected to cost, all together; memory is that of one, as they run one after the other, and the tables of the rest."""

    messages: float
    recipients: float
    cpu_s: float
    memory_bytes: float
    disk_bytes: float
    attempts: float = 0.0
    """Attempts that come to nothing, at the most."""
    waiting: tuple[Waiting, ...] = ()
    """What makes mail wait, if its attempts take long."""
    slower: str = ""
    """Why it is the reference engine that runs, where that is not for the shortness of the run, nor asked for."""

    @property
    def is_large(self) -> bool:
        """Is it more than anybody starts by mistake: an hour, 16 GB of memory, or 16 GB of tables."""
        return self.cpu_s > LONG_S or max(self.memory_bytes, self.disk_bytes) > LARGE_BYTES

    @property
    def is_long(self) -> bool:
        """Does it take longer than somebody waits without a word."""
        return self.cpu_s > TOLD_S

    def __str__(self) -> str:
        size = say_bytes(max(self.memory_bytes, self.disk_bytes))
        tries = f", {_round(self.attempts)} attempts that come to nothing" if self.waiting else ""
        slower = f", by the reference engine: {self.slower}" if self.slower else ""
        cost = f"{say_duration(self.cpu_s)} of processor time and {size}{slower}"
        return f"this would be about {_round(self.messages)} messages{tries}, {cost}"


def estimate(
    scenario: Scenario,
    runs: int | None = None,
    *,
    engine: Engine = "auto",
    keeps_mail: bool = True,
    stream: bool = False,
) -> Estimate:
    """The cost of so many runs (default: the scenario's replications) by the engine that would run them.

    With `keeps_mail` the tables of all of them are in memory at the end; of a `stream` only its cells. Raises `CoexsimError` where
    "compiled" is asked for and cannot be.
    """
    count = scenario.run.replications if runs is None else runs
    messages, recipients = _expected(scenario)
    sample = sample_of(scenario)
    handled = max(recipients, messages * sample.transactions / TRANSACTIONS_PER_RECIPIENT)
    rows = max(recipients, messages * sample.copies)
    waiting = waiting_mail(scenario, messages, sample)
    chosen = foreseen(scenario, engine, count * _work(messages, sample, waiting))
    by = chosen.engine
    slower = by == "reference" and not chosen.why.startswith(("short", "asked"))
    kept = rows * TABLE_BYTES_PER_RECIPIENT * (count - 1 if keeps_mail else 0)
    memory_bytes = rows * MEMORY_BYTES_PER_RECIPIENT[by] + kept
    disk_bytes = rows * count * DISK_BYTES_PER_RECIPIENT
    if stream:
        memory_bytes, disk_bytes = (min(each, count * STREAM_BYTES) for each in (memory_bytes, disk_bytes))
    attempts_s = [
        count * each.attempts * (CPU_S_PER_ASKED if each.asks_rules else CPU_S_PER_ATTEMPT)[by] for each in waiting
    ]
    cpu_s = handled * count * CPU_S_PER_RECIPIENT[by] + count * CPU_S_PER_RUN + sum(attempts_s)
    return Estimate(
        messages * count, recipients * count, cpu_s, memory_bytes, disk_bytes, count * sum(each.attempts for each in waiting),
        tuple(each for each, long_s in zip(waiting, attempts_s, strict=True) if long_s > TOLD_S / 2), chosen.why if slower else "",
    )  # fmt: skip


def expected_work(scenario: Scenario, messages: float | None = None) -> float:
    """Messages of a run and attempts that come to nothing, which cost the reference engine about as much each.

    Mail that loops counts as often as ordinary mail of so many transactions.
    """
    messages = _expected(scenario)[0] if messages is None else messages
    sample = sample_of(scenario)
    return _work(messages, sample, waiting_mail(scenario, messages, sample))


def _work(messages: float, sample: Sample, waiting: Sequence[Waiting]) -> float:
    handled = messages * max(sample.transactions / TRANSACTIONS_PER_RECIPIENT, 1.0)
    return handled + sum(each.attempts for each in waiting)


def _expected(scenario: Scenario) -> tuple[float, float]:
    """Messages and their recipients of one replication."""
    messages = float(len(scenario.messages))
    recipients = float(sum(len(mail.to) for mail in scenario.messages))
    load = scenario.load
    if load is None:
        return messages, recipients
    boxes = len(scenario.directory.people) + sum(scenario.directory.population.values())
    seconds = scenario.run.length
    for rate_per_s, each in _rates(load, boxes, _mean_factor(scenario, load)):
        messages += rate_per_s * seconds
        recipients += rate_per_s * seconds * each
    for mailing in load.bulk:
        copies = boxes / mailing.recipients_per_copy if mailing.recipients_per_copy else 1.0
        messages += copies
        recipients += boxes
    if load.replay is not None:
        with placed(scenario.source):
            rows = count_rows(load.replay, Path(scenario.source.file).parent)
        messages += rows
        recipients += rows
    return messages, recipients


def _rates(load: LoadSpec, boxes: int, factor: float) -> list[tuple[float, float]]:
    """The rate of each stream of mail [1/s], and the recipients of one of its messages."""
    office = load.office_rates
    of_internet = mean_recipients(load.internet_recipients or load.recipients)
    of_spam = mean_recipients(load.spam.recipients) if load.spam else 1.0
    return [
        (boxes * factor * office.sent_per_s, mean_recipients(load.recipients)),
        (boxes * factor * office.internet_per_s, of_internet),
        (boxes * factor * office.spam_per_s, of_spam),
        *((stream.rate * load.growth, mean_recipients(stream.recipients)) for stream in load.streams),
    ]


def _mean_factor(scenario: Scenario, load: LoadSpec) -> float:
    """The mean over the run of the curves of day and week, 1 being a flat day as stated."""
    factors = week_factors(load.day_curve, load.week_curve)
    length_s = scenario.run.length
    if factors is None or length_s <= 0:
        return 1.0
    start = scenario.run.start
    begin_s = (start.day or 0) * 24 * _HOUR_S + start.second
    weeks, rest_s = divmod(length_s, _WEEK_HOURS * _HOUR_S)
    total = weeks * sum(factors) * _HOUR_S
    at_s, end_s = begin_s, begin_s + rest_s
    while at_s < end_s:
        until_s = min((at_s // _HOUR_S + 1) * _HOUR_S, end_s)
        total += factors[int(at_s // _HOUR_S) % _WEEK_HOURS] * (until_s - at_s)
        at_s = until_s
    return total / length_s


def _round(number: float) -> str:
    return f"{float(f'{number:.2g}'):,.0f}"
