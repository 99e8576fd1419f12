"""How long a server's work takes where a scenario gives it cores and says nothing of its work."""

from __future__ import annotations

from coexsim.scenario.machine import Service

PRODUCT_WORK = Service.model_validate({"queue_write": {"fixed": "2.8 ms", "per_MB": "17.4 ms"}})
"""The core time of a message at a relaying Postfix 3.7.11: two cores over 693, 495 and 99 messages a second of 4 KB, 75 KB and 1 MB."""
_MEASURED = "core time to take a message and pass it on, measured (Postfix 3.7.11, 2 cores: 693/s of 4 KB, 495/s of 75 KB, 99/s of 1 MB)"
_NOT_MEASURED = "; no figure of this product is published, Postfix's stands in for it (from memory: of this order)"
_NO_SCAN = "; a virus and spam filter is not in it: 0.2 to 0.5 s a message more [L-SA]"


def source_of_work(kind: str) -> str:
    """Where `PRODUCT_WORK` is from, and how far it holds for a kind of server."""
    return f"assumed, since cores are given and no service; {_MEASURED}{'' if kind == 'postfix' else _NOT_MEASURED}{_NO_SCAN}"
