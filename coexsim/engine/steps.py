"""What the kernel does one after another, by number, and the order of what happens at one moment."""

from __future__ import annotations

from coexsim.sim import clock

BEGINS, AT_ONCE = 0, 1  # SimPy's own priorities: a process begins or is interrupted; what follows at once
WORLD_S, BIRTHS, WORK_DONE, SESSIONS, RETRIES = clock.WORLD, clock.BIRTH, clock.WORK_DONE, clock.SESSION, clock.RETRY
SHIFT = 40  # an event or a step of the stack is (what << SHIFT) | which copy or link
WHICH = (1 << SHIFT) - 1
UNBOUND = 1 << 60  # slots of a pool without a bound
ROOM = 12  # so much of everything one step may need, where it does not ask for more
BY_MESSAGE = 1  # a pool that adapts: mail turned away waits for its own next attempt
BY_QUEUE = 2  # a pool that adapts: mail turned away waits for the other sessions with its destination
HAS_THREAD, HAS_SLOT, AWAITS_THREAD, AWAITS_SLOT = 1, 2, 4, 8

(
    POSTED, HAND_IN, ENTER, PLAN, HAND_OVER, KEEP, KEEP_WAITING, SEND, HAS_WAITED, ATTEMPT, LOOK_UP, ASK, ASK_NAME_SERVER, REPLY,
    REPLIED, GOT, HOSTS, CONTACT, SLOT_WAITED, DOOR, SESSION, BODY, CROSSED, BROKEN, BODY_OVER, LAST_REPLY, LOST, TAKEN, ATTEMPTED, GO_ON,
    MOVE, TROUBLED, FAILED, DEFER, WARN, WAIT, AGAIN, GIVE_UP, END, CARRY, RING, BREAK, NS_PUT, NS_GET, NS_ANSWER, SHARE, NAMED_BORN,
    NAMED_FOUND, ALL_ENDED, STOP, TURNED,
) = range(51)  # fmt: skip
"""Steps; an event names the step that it begins with."""
