"""How long the work on a message takes at a server: drawn by mail, server and stage, never by the order of events."""

from __future__ import annotations

import numpy as np

from coexsim.draw.work_draws import WorkDraws
from coexsim.scenario.base import Work
from coexsim.scenario.machine import CORE_STAGES, Service
from coexsim.sim.message import Block, Message


def draw_repeat(serial: int, times_before: int) -> int:
    """The `repeat` of the draws for a mail, or (with an odd `serial`) for a notice about it, that this machine took so often before."""
    return serial + 2 * times_before


class StageWork:
    """The draws of one or more kinds of work of a server, added up for each mail of a block at once."""

    __slots__ = ("constant_s", "draws", "name")

    def __init__(self, name: str, works: dict[str, Work], seed: int, replication: int) -> None:
        self.name = name
        self.constant_s = 0.0
        self.draws: list[WorkDraws] = []
        for stage, work in works.items():
            if work.law == "constant" and not work.per_MB and not work.slow:
                self.constant_s += work.fixed
            else:
                self.draws.append(WorkDraws(work, seed, replication, f"{name}/{stage}"))

    @property
    def is_nothing(self) -> bool:
        """No work at all."""
        return not self.draws and self.constant_s == 0.0

    def of(self, message: Message, times_before: int) -> float:
        """The work on a message [s], drawn anew each time that it comes here; `times_before`: how often this machine took it before."""
        if not self.draws:
            return self.constant_s
        block = message.block
        repeat = draw_repeat(message.serial, times_before)
        if block is not None and not repeat:
            column = block.work.get(self.name)
            if column is None:
                column = block.work[self.name] = self._column(block)
            return column[message.row]
        return self.constant_s + sum(
            draw.one(max(message.number, 0), repeat, message.size_bytes) for draw in self.draws
        )

    def _column(self, block: Block) -> list[float]:
        total = np.zeros(len(block.size_bytes))
        for draw in self.draws:
            total += draw.block(block.first, len(total), block.size_bytes)
        column: list[float] = (total + self.constant_s).tolist()
        return column


class ServerWork:
    """All work of one server: taking a message in the session; lookup, scan, archive and queue write; a delivery."""

    __slots__ = ("accept", "cores", "delivery")

    def __init__(self, name: str, service: Service, seed: int, replication: int) -> None:
        self.accept = StageWork(f"{name}/accept", {"accept": service.accept}, seed, replication)
        self.cores = StageWork(
            f"{name}/cores", {stage: getattr(service, stage) for stage in CORE_STAGES}, seed, replication
        )
        self.delivery = StageWork(f"{name}/deliver", {"deliver": service.deliver}, seed, replication)
