"""What the kernel does one after another, by number, and the order of what happens at one moment."""

from __future__ import annotations

from coexsim.sim import clock

BEGINS, AT_ONCE = 0, 1  # SimPy's own priorities: a process begins or is interrupted; what follows at once
BIRTHS, WORK_DONE, SESSIONS, RETRIES = clock.BIRTH, clock.WORK_DONE, clock.SESSION, clock.RETRY
SHIFT = 40  # an event or a step of the stack is (what << SHIFT) | which copy or link
WHICH = (1 << SHIFT) - 1
UNBOUND = 1 << 60  # slots of a pool without a bound
ROOM = 12  # so much of everything one step may need, where it does not ask for more
BY_MESSAGE = 1  # a pool that adapts: mail turned away waits for its own next attempt
BY_QUEUE = 2  # a pool that adapts: mail turned away waits for the other sessions with its destination
HAS_THREAD, HAS_SLOT, AWAITS_THREAD, AWAITS_SLOT = 1, 2, 4, 8

(
    POSTED, HAND_IN, NAMED_BORN, NAMED_FOUND, KEEP, KEEP_WAITING, ENTER, DECIDE, HAND_OVER, END,
    BEGIN_ATTEMPT, HAS_WAITED, TURNED, HOSTS, CONTACT, SLOT_WAITED, ATTEMPTED, FALL_BACK, GO_ON, MOVE,
    SESSION, BODY, CROSSED, BROKEN, LAST_REPLY,
    ASK, ASK_NAME_SERVER, NS_PUT, NS_GET, NS_ANSWER, REPLY, GOT, SHARE, REPLIED,
    TROUBLED, LOST, FAILED, DEFER, WARN, WAIT, AGAIN, GIVE_UP,
    CARRY, RING, BREAK, NEW_BANDWIDTH, ALL_ENDED, STOP,
) = range(48)  # fmt: skip
"""Steps; an event names the step that it begins with."""
LAST_AT_SERVER, LAST_IN_TRANSFER, LAST_IN_SESSION, LAST_OF_DNS, LAST_OF_FAILURES = (
    END,
    MOVE,
    LAST_REPLY,
    REPLIED,
    GIVE_UP,
)
NOTHING = -1  # no step follows at once
OF_BIRTHS, OF_HEAP, OF_NOW = 0, 1, 2  # where the next event waits
