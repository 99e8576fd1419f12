"""What an answer does not rest on, though it may look so."""

from __future__ import annotations

MOSTLY_DEFERRED = 0.5
"""Where more of the delay than this is waiting for another attempt, capacity does not make it."""


def say_deferred(share: float | None) -> str:
    """A warning where most of the delay is waiting for another attempt; empty where it is not, or where nothing is known."""
    if share is None or not share > MOSTLY_DEFERRED:
        return ""
    return (
        f"Refusals and retries make this answer, not capacity: {100 * share:.0f} % of the delay is waiting for another attempt, and no "
        "core, thread or line shortens it."
    )
