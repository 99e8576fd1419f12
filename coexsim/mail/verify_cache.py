"""What a server that probes recipients remembers of them: Postfix's verify(8), Exim's callout cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from coexsim.mail.message import Reply, fold

Probe = Callable[[], Reply | None]
Verified = Callable[[str, Probe], Reply | None]
"""Given an address and how to probe it: the reply that a probe got, now or earlier; None: it is deliverable."""


class VerifyTimes(NamedTuple):
    """How long the result of a probe holds [s]; `inf`: for ever, or never.

    A result that is older than `..._expire_s` is forgotten. One that is older than `..._refresh_s` is still given, while a new probe
    goes out for the next one who asks. `keeps_failures`, `keeps_temporary`: what is remembered beside addresses that can be delivered to.
    """

    positive_expire_s: float
    positive_refresh_s: float
    negative_expire_s: float
    negative_refresh_s: float
    keeps_failures: bool = True
    keeps_temporary: bool = True


class VerifyCache:
    """The results of one server's probes by address. A probe takes no time here, so its result is there for whoever caused it."""

    def __init__(self, times: VerifyTimes) -> None:
        self._times = times
        self._known: dict[str, tuple[float, Reply | None]] = {}

    def answer(self, address: str, now_s: float, probe: Probe) -> Reply | None:
        """What is said of an address: what is remembered, else what a probe finds. Times are read in whole seconds."""
        key, now_s = fold(address), float(math.floor(now_s))
        times, kept = self._times, self._known.get(key)
        if kept is not None:
            updated_s, found = kept
            expire_s = times.positive_expire_s if found is None else times.negative_expire_s
            refresh_s = times.positive_refresh_s if found is None else times.negative_refresh_s
            if updated_s + expire_s >= now_s:
                if updated_s + refresh_s < now_s:
                    new = probe()
                    if new is None or found is not None:  # a failed probe does not take the place of a good result
                        self._keep(key, now_s, new)
                return found
            del self._known[key]
        found = probe()
        self._keep(key, now_s, found)
        return found

    def _keep(self, key: str, now_s: float, found: Reply | None) -> None:
        times = self._times
        if found is None or (times.keeps_failures and (times.keeps_temporary or not found.temporary)):
            self._known[key] = now_s, found
        else:
            self._known.pop(key, None)
