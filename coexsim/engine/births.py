"""The mail of a run as the kernel reads it: births block by block, and the work of each stage in columns, drawn when it is first needed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coexsim.draw.mail_table import BLOCK_MAILS, MailBlock
from coexsim.engine.arrays import Arrays
from coexsim.engine.fabric import Fabric
from coexsim.engine.layout import ARRAYS, BLOCK, BORN, ENDED, FIRST, GIVEN_COPY, GIVEN_WORK
from coexsim.engine.numbering import Class
from coexsim.engine.rows import RuleRows
from coexsim.mail.dsn import HEADER_BYTES, NOTICE_BYTES, RETURNED_BYTES_AT_MOST
from coexsim.mail.hand_in import SenderServers
from coexsim.mail.message import Rcpt
from coexsim.sim.senders import mail_of
from coexsim.sim.work import draw_repeat
from coexsim.sim.world import World

WORK_BYTES, STREAM_WORK_BYTES = (
    128 << 20,
    32 << 20,
)  # columns of work that are kept; others are drawn again when asked for
LONGER = 32  # blocks of drawn mail differ in length by about one part in 250
DENSE = 1 << 22
BLOCKS_KEPT, STREAM_BLOCKS_KEPT = 64, 16  # whose mails' sizes are known; work on what is older is drawn mail by mail


class Births:
    """The blocks of mail of a run. Block 0 holds the named messages, which have no columns."""

    def __init__(
        self, world: World, arrays: Arrays, rows: RuleRows, fabric: Fabric, block_mails: int = BLOCK_MAILS
    ) -> None:
        self._world, self._arrays, self._rows, self._fabric = world, arrays, rows, fabric
        self.streams: tuple[str, ...] = ()
        self._next = mail_of(world, block_mails)
        self._ahead = next(self._next, None)
        if self._ahead is not None:
            self.streams = self._ahead.streams
        self._first = [0]
        self._sizes: list[NDArray[np.int64] | None] = [None]  # by block
        self._changes_s = np.array(world.setup.directory.change_times_s(replica=False))
        self._sender_servers = SenderServers(world.setup)
        self._slot_of: list[tuple[int, int, int, int]] = []  # by slot: stage, times_before, serial, block
        self._oldest = 0
        arrays["block_first"] = np.zeros(1, np.int64)
        arrays["work_at"] = np.full((len(fabric.stages), 1, 1, 1), -1)

    # --- births ---

    def next_block(self) -> None:
        """Put the next block where the kernel reads births."""
        arrays, block = self._arrays, self._ahead
        if block is None:
            arrays["ints"][ENDED] = 1
            return
        self._ahead = next(self._next, None)
        number = len(self._first)
        self._first.append(block.first)
        self._sizes.append(block.size_bytes)
        kept = BLOCKS_KEPT if self._world.bins is None else STREAM_BLOCKS_KEPT
        if number > kept:
            self._sizes[number - kept] = None
        for name, values in (("born", block.born_s), ("size", block.size_bytes), ("stream", block.stream)):
            arrays[name] = np.ascontiguousarray(values, ARRAYS[name].dtype)
        arrays["entry"] = self._entries(block)
        if number >= len(arrays["block_first"]):
            arrays.lengthen("block_first", number + 1)
        if number >= arrays["work_at"].shape[3]:
            arrays.lengthen("work_at", number + 1, axis=3)
        arrays["block_first"][number] = block.first
        ints = arrays["ints"]
        ints[BLOCK], ints[FIRST], ints[BORN] = number, block.first, block.first + len(block)

    def _entries(self, block: MailBlock) -> NDArray[np.int64]:
        """Where each mail is handed in, as what class: by sender, pattern, size class and version of the directory."""
        breaks = self._rows.breaks
        size_class = np.searchsorted(breaks, block.size_bytes) if breaks else np.zeros(len(block), np.int64)
        version = np.searchsorted(self._changes_s, block.born_s, side="right")
        patterns, classes, versions = len(block.patterns), len(breaks) + 1, len(self._changes_s) + 1
        code = ((block.sender.astype(np.int64) * patterns + block.pattern) * classes + size_class) * versions + version
        count = len(block.addresses) * patterns * classes * versions
        if count <= DENSE:
            place = np.full(count, -1)
            codes = np.flatnonzero(np.bincount(code, minlength=count))
            place[codes] = np.arange(len(codes))
            inverse = place[code]
        else:
            codes, inverse = np.unique(code, return_inverse=True)
        entries = []
        for one in codes.tolist():
            rest, of_version = divmod(one, versions)
            rest, of_class = divmod(rest, classes)
            sender, pattern = divmod(rest, patterns)
            entries.append(self._entry(block, sender, pattern, of_class, of_version))
        found: NDArray[np.int64] = np.array(entries, np.int64)[inverse]
        return found

    def _entry(self, block: MailBlock, sender: int, pattern: int, size_class: int, version: int) -> int:
        key = (block.addresses[sender], block.patterns[pattern], size_class, version)
        known = self._rows.handed_in
        if key not in known:
            server = self._sender_servers.server(block.addresses[sender], version)
            number = -1
            if server:
                recipients = tuple(Rcpt(address, count) for address, count in block.patterns[pattern])
                envelope = self._world.envelopes.get(block.addresses[sender], recipients)
                number = self._rows.entry(Class(server, envelope, "own-user", size_class, ()))
            known[key] = number
        return known[key]

    # --- work ---

    def draw_work(self, stage: int, copy: int, times_before: int) -> None:
        """A stage's work as a column for the block of a copy; for a named message or in an old block the work on it alone."""
        arrays = self._arrays
        one = arrays["copies"][copy]
        block, serial = int(one["block"]), int(one["serial"])
        repeat = draw_repeat(list(self._rows.serials)[serial], times_before)
        draws, constant_s = self._fabric.stages[stage], self._fabric.constants_s[stage]
        sizes = self._sizes[block]
        if sizes is None:
            number, size = max(int(one["number"]), 0), int(one["size"])
            arrays["times"][GIVEN_WORK] = constant_s + sum(d.one(number, repeat, size) for d in draws)
            arrays["ints"][GIVEN_COPY] = copy
            return
        if serial:
            sizes = NOTICE_BYTES + np.where(sizes <= RETURNED_BYTES_AT_MOST, sizes, HEADER_BYTES)
        total = np.zeros(len(sizes))
        for d in draws:
            total += d.block(self._first[block], len(sizes), sizes, repeat)
        slot = self._slot((stage, times_before, serial, block), len(sizes))
        np.add(total, constant_s, out=arrays["work"][slot, : len(sizes)])
        arrays["work_at"][stage, times_before, serial, block] = slot

    def _slot(self, of: tuple[int, int, int, int], length: int) -> int:
        """A place for a column: a new one while there is room, else that of the column that was drawn first."""
        arrays, most = self._arrays, WORK_BYTES if self._world.bins is None else STREAM_WORK_BYTES
        width = arrays["work"].shape[1]
        used = len(self._slot_of)
        if length > width:
            # room for all at once, and for blocks a little longer: memory is taken when it is written to
            longest = length + length // LONGER
            wider = np.zeros((max(used, most // (longest * 8)) + 1, longest))
            wider[:used, :width] = arrays["work"][:used]
            arrays["work"] = wider
            width = longest
        if used * width * 8 < most:
            self._slot_of.append(of)
            return used
        slot = self._oldest
        self._oldest = (slot + 1) % len(self._slot_of)
        arrays["work_at"][self._slot_of[slot]] = -1
        self._slot_of[slot] = of
        return slot
