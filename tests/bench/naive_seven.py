"""The seven-class network as a plain SimPy program: a process per message, a `Resource` per station. The yardstick for coexsim.

It does the same work as ``seven-classes.yaml``: the same stations, exponential work, constant session times between servers,
1 % invalid addresses whose bounce enters the on-premises queue again, and one row a message recorded.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, None]
# class: (share in percent, stations in order, link delay before each station [s])
STATIONS = {"outbound": (4, 0.020), "onprem": (8, 0.060), "smart-host": (4, 0.020), "inbound": (4, 0.020)}
CLASSES = (
    (20, "internet->onprem", ("onprem",), (0.15,)),
    (20, "internet->hosted", ("onprem", "smart-host", "inbound"), (0.15, 0.0, 0.2)),
    (15, "onprem->onprem", ("onprem",), (0.0,)),
    (15, "onprem->hosted", ("onprem", "smart-host", "inbound"), (0.0, 0.0, 0.2)),
    (15, "hosted->onprem", ("outbound", "onprem"), (0.0, 0.2)),
    (14, "hosted->hosted", ("outbound", "onprem", "smart-host", "inbound"), (0.0, 0.2, 0.0, 0.2)),
    (1, "internet->unknown", ("onprem", "onprem"), (0.15, 0.0)),
)


def run(messages: int, rate_per_s: float, seed: int = 1) -> list[tuple[Any, ...]]:
    """The rows (number, flow, born_s, delay_s) of that many messages."""
    env = simpy.Environment()
    draw = random.Random(seed)
    stations = {name: simpy.Resource(env, workers) for name, (workers, _) in STATIONS.items()}
    rows: list[tuple[Any, ...]] = []

    def message(number: int, flow: str, route: tuple[str, ...], delays: tuple[float, ...]) -> Steps:
        born_s = env.now
        for station, delay_s in zip(route, delays, strict=True):
            if delay_s:
                yield env.timeout(delay_s)
            with stations[station].request() as worker:
                yield worker
                yield env.timeout(draw.expovariate(1 / STATIONS[station][1]))
        rows.append((number, flow, born_s, env.now - born_s))

    def sender() -> Steps:
        weights = [share for share, *_ in CLASSES]
        for number in range(messages):
            yield env.timeout(draw.expovariate(rate_per_s))
            _, flow, route, delays = draw.choices(CLASSES, weights)[0]
            env.process(message(number, flow, route, delays))

    env.process(sender())
    env.run()
    return rows
