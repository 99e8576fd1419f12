"""The seven-class network as a plain SimPy program: a process per message, a `Resource` per station. The yardstick for coexsim.

It does the same work as ``seven-classes.yaml``: the same stations, exponential work, constant session times between servers,
1 % invalid addresses whose bounce enters the on-premises queue again and goes back to the sender, and one row recorded for each
message and each bounce.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, None]
STATIONS = {"outbound": (4, 0.020), "onprem": (8, 0.060), "smart-host": (4, 0.020), "inbound": (4, 0.020)}
# share in percent, flow, stations in order, time before each of them [s]
CLASSES = (
    (20, "internet->onprem", ("onprem",), (0.15,)),
    (20, "internet->hosted", ("onprem", "smart-host", "inbound"), (0.15, 0.0, 0.2)),
    (15, "onprem->onprem", ("onprem",), (0.0,)),
    (15, "onprem->hosted", ("onprem", "smart-host", "inbound"), (0.0, 0.0, 0.2)),
    (15, "hosted->onprem", ("outbound", "onprem"), (0.0, 0.2)),
    (14, "hosted->hosted", ("outbound", "onprem", "smart-host", "inbound"), (0.0, 0.2, 0.0, 0.2)),
    (1, "internet->unknown", ("onprem",), (0.15,)),
)
RATE_PER_S = 105.6
Row = tuple[int, str, str, float, float, str]


def run(messages: int, seed: int = 1) -> list[Row]:
    """The rows (number, kind, flow, born_s, delay_s, outcome) of that many messages and of the bounces about them."""
    env = simpy.Environment()
    draw = random.Random(seed)
    stations = {name: simpy.Resource(env, workers) for name, (workers, _) in STATIONS.items()}
    rows: list[Row] = []

    def visit(station: str) -> Steps:
        with stations[station].request() as worker:
            yield worker
            yield env.timeout(draw.expovariate(1 / STATIONS[station][1]))

    def message(number: int, flow: str, route: tuple[str, ...], delays: tuple[float, ...]) -> Steps:
        born_s = env.now
        for station, delay_s in zip(route, delays, strict=True):
            if delay_s:
                yield env.timeout(delay_s)
            yield from visit(station)
        if flow != "internet->unknown":
            rows.append((number, "mail", flow, born_s, env.now - born_s, "delivered"))
            return
        rows.append((number, "mail", flow, born_s, env.now - born_s, "bounced"))
        born_s = env.now
        yield from visit("onprem")
        yield env.timeout(0.15)
        rows.append((number, "dsn", "dsn->internet", born_s, env.now - born_s, "delivered"))

    def sender() -> Steps:
        weights = [share for share, *_ in CLASSES]
        for number in range(messages):
            yield env.timeout(draw.expovariate(RATE_PER_S))
            _, flow, route, delays = draw.choices(CLASSES, weights)[0]
            env.process(message(number, flow, route, delays))

    env.process(sender())
    env.run()
    return rows
