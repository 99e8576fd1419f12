"""What stands still during a run, as arrays: servers, stations, pools, links, downtime, retry schedules.

It is read off the reference's world, which is built but not run.
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from coexsim.draw.work_draws import WorkDraws
from coexsim.engine.arrays import Arrays
from coexsim.engine.layout import (
    ANSWER_S,
    BIN,
    LENGTH,
    LIMIT,
    MEASURED_FROM,
    MEASURED_TO,
    TIMEOUT_S,
    TIMES,
    WINDOW_FROM,
    WINDOW_TO,
)
from coexsim.engine.rows import RuleRows
from coexsim.sim.server import MailServer
from coexsim.sim.stage_log import StageLog
from coexsim.sim.work import StageWork
from coexsim.sim.world import World

UNBOUND = 1 << 60


class Fabric:
    """The parts of a world by number."""

    def __init__(self, world: World, arrays: Arrays, rows: RuleRows) -> None:
        self.world = world
        self.arrays = arrays
        self.rows = rows
        self.logs: list[StageLog] = []
        self.stations: list[Any] = []
        self.pools: list[Any] = []
        self.links = list(world.network.links.values())
        self.stages: list[list[WorkDraws]] = []  # work that is drawn, by number
        self.constants_s: list[float] = []
        rows.pools = self.pools
        downtime = tuple(world.downtimes["dns"])
        if rows.add_downtime(downtime) != 0:
            raise AssertionError("the name servers' downtime is the first")
        self._times()
        self._servers()
        self._links()
        self._paths()
        self._logs()

    def _log(self, log: StageLog) -> int:
        for number, known in enumerate(self.logs):
            if known is log:
                return number
        self.logs.append(log)
        return len(self.logs) - 1

    def _times(self) -> None:
        world, times = self.world, np.zeros(TIMES)
        times[MEASURED_FROM], times[MEASURED_TO] = world.measured_s
        times[WINDOW_FROM], times[WINDOW_TO] = (min(t, world.length_s) for t in world.measured_s)
        times[LENGTH], times[LIMIT], times[BIN] = world.length_s, world.limit_s, 60.0
        times[ANSWER_S] = world.scenario.name_servers.answer
        times[TIMEOUT_S] = world.scenario.name_servers.timeout
        self.arrays["times"] = times

    # --- servers ---

    def _servers(self) -> None:
        for name, server in self.world.servers.items():
            self.arrays.append("servers", [self._server(name, server)])
        self.arrays["servers"] = self.arrays["servers"][: len(self.world.servers)].copy()
        servers = list(self.world.servers.values())
        n = len(servers)
        self.arrays["client_keys"] = np.full((n, n), -1)
        self.arrays["kept_first"] = np.zeros((n, n), np.int64)
        for t, target in enumerate(servers):
            pool = self._pool(target.connections)
            for s, sender in enumerate(servers):
                senders = len(sender.resolvers) if self.rows.has_keys(pool) else 1
                keys = [self.rows.key(pool, (sender.name, which)) for which in range(senders)]
                self.arrays["client_keys"][t, s] = keys[0]
                self.arrays["kept_first"][s, t] = self.arrays.reserve("kept_head", len(sender.resolvers))
        self.arrays.lengthen("kept_head", self.arrays.used("kept_head"))

    def _server(self, name: str, server: Any) -> tuple[Any, ...]:
        rows, spec, capacity = self.rows, server.spec, server.spec.capacity
        policy, work = server.policy, server.work
        works = server.cores is not None and not work.cores.is_nothing
        cores, accept, delivery = (self._work(w) for w in (work.cores, work.accept, work.delivery))
        mx_session_limit = -1 if policy.mx_session_limit is None else policy.mx_session_limit
        pressure = float(capacity.queue_length or inf) if policy.back_pressure_delays else inf
        fallbacks = [rows.dns.hop(name, hop) for hop in policy.fallback_relays]
        fallback = self.arrays.append("fallbacks", fallbacks)
        rates = rows.rates.of_clients(policy)
        first_sender = sum(int(row["senders"]) for row in self.arrays["servers"][: self.arrays.used("servers")])
        says = ("connection-timed-out", "connection-refused", "connection-lost", "queue-full", "too-many-connections")
        return (
            work.cores.constant_s, work.accept.constant_s, work.delivery.constant_s, 0, 0, 0, 0,
            inf if capacity.queue_disk is None else capacity.queue_disk, inf if capacity.queue_length is None else capacity.queue_length,
            pressure, spec.smtp.reuse, spec.smtp.session, spec.pause_s, spec.smtp.connect_timeout,
            self._station(server.cores), self._station(server.delivery),
            self._pool(server.threads), self._pool(server.connections), cores, accept, delivery, rows.index[server.machine],
            len(server.resolvers), rows.downtime(server.downtime), self._retry(policy), mx_session_limit,
            *(rows.said(name, cause) for cause in says), fallback, fallback + len(fallbacks), *rates,
            self._spared(server), first_sender, works, capacity.when_full == "wait", policy.listens,
        )  # fmt: skip

    def _spared(self, server: MailServer) -> int:
        """The servers whose connections the limits of a server do not count, as bits."""
        return sum(server.rules.spares(name) << number for number, name in enumerate(self.world.servers))

    def _work(self, work: StageWork) -> int:
        """The number of work that is drawn for each mail; -1 where it is the same for all."""
        if not work.draws:
            return -1
        self.stages.append(work.draws)
        self.constants_s.append(work.constant_s)
        return len(self.stages) - 1

    def _station(self, station: Any) -> int:
        if station is None:
            return -1
        if station not in self.stations:
            self.stations.append(station)
            first = self.arrays.reserve("free", station.workers or 0)
            row = (
                station.workers or 0,
                first,
                self._log(station.log),
                self.rows.downtime(station.downtime),
                0,
                0,
            )
            self.arrays.append("stations", [row])
        return self.stations.index(station)

    def _pool(self, pool: Any) -> int:
        if pool not in self.pools:
            self.pools.append(pool)
            most = UNBOUND if pool.capacity == inf else int(pool.capacity)
            of_key = pool.per_key
            if of_key == inf:
                of_key = UNBOUND
            adapts = pool.feedback
            window = (0, 0, 0.0, 0.0, 0.0) if adapts is None else (
                1 + adapts.by_queue, adapts.first, adapts.positive, adapts.negative, adapts.failed_cohorts
            )  # fmt: skip
            self.arrays.append("pools", [(most, int(of_key), 0, 0, 0, self._log(pool.log), -1, -1, *window)])
        return self.pools.index(pool)

    def _retry(self, policy: Any) -> int:
        schedule = policy.retry
        first = self.arrays.append("gaps", list(schedule.gaps_s))
        warn_s = inf if schedule.warn_after_s is None else schedule.warn_after_s
        row = (
            schedule.factor, schedule.longest_s, schedule.queue_run_s, schedule.phase_s, warn_s, schedule.expire_after_s, first,
            first + len(schedule.gaps_s), schedule.by_age, schedule.at_attempts, schedule.per == "destination", schedule.whole_seconds,
            policy.expired == "keeps-code", inf if schedule.message_gap_s is None else schedule.message_gap_s, schedule.thaw_after_s,
            inf if schedule.cancel_frozen_after_s is None else schedule.cancel_frozen_after_s,
        )  # fmt: skip
        return self.arrays.append("retries", [row])

    # --- network ---

    def _links(self) -> None:
        for link in self.links:
            bytes_per_s = inf if link.bytes_per_s is None else link.bytes_per_s
            logs = self._log(link.log), self._log(link.busy_log)
            downtime = self.rows.downtime(link.downtime)
            row = (bytes_per_s, 0.0, 0.0, 0.0, 0.0, -1, 0, 0, 0, 0, *logs, downtime, link.bytes_per_s is None)
            self.arrays.append("links", [row])

    def _paths(self) -> None:
        """Times between which the same links are up; paths are asked for once for each set of them."""
        world = self.world
        changes: dict[float, list[tuple[int, int]]] = {-inf: []}  # at a time: a link, and one outage of it more or less
        for number, link in enumerate(world.scenario.links):
            for begin_s, end_s in world.downtimes[link.label]:
                changes.setdefault(begin_s, []).append((number, 1))
                changes.setdefault(end_s, []).append((number, -1))
        segments = sorted(changes.keys() - {inf})
        sets: dict[tuple[int, ...], int] = {}
        states = []
        outages = [0] * len(world.scenario.links)
        for time_s in segments:
            for number, more in changes[time_s]:
                outages[number] += more
            states.append(sets.setdefault(tuple(outages), len(sets)))
        self.arrays["segments"] = np.array(segments)
        self.arrays["segment_path"] = np.array(states)
        servers = len(world.servers)
        self.arrays["path_of"] = np.full((len(sets), servers * servers), -2)

    # --- logs ---

    def _logs(self) -> None:
        world = self.world
        for log in world.logs.made:
            self._log(log)
        n = len(self.logs)
        bins = self.logs[0].shape[0] if self.logs else 1
        self.arrays["most"] = np.zeros((n, bins), np.int64)
        self.arrays["at_once"] = np.zeros((len(self.links), bins))
        room = self.arrays.room
        self.arrays["starts"] = np.zeros((len(self.stations), 1 << (room - 1).bit_length()))
        self.arrays["transfers"] = np.zeros((len(self.links), room), self.arrays["transfers"].dtype)
