"""From which side to which side mail goes, as the tables say it: ``hosted->onprem``."""

from __future__ import annotations

from coexsim.mail.message import fold
from coexsim.mail.setup import Setup
from coexsim.sim.message import EnvelopeClass


class Flows:
    """The sides of addresses, by version of the directory; each looked up once."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._sides: dict[tuple[str, int], str] = {}

    def side_of(self, address: str, version: int) -> str:
        """``onprem``, ``hosted``, ``internet`` or ``unknown``, as of a version of the directory."""
        key = (fold(address), version)
        side = self._sides.get(key)
        if side is None:
            side = self._sides[key] = self._find_side(address, version)
        return side

    def _find_side(self, address: str, version: int) -> str:
        setup = self._setup
        entry = setup.directory.find(address, version)
        if not setup.directory.is_ours(address):
            return "internet" if setup.is_outside(address) or entry is None else "hosted"
        if entry is None:
            return "unknown"
        return "hosted" if setup.side_of_home(getattr(entry, "home", None)) == "hosted" else "onprem"

    def of(self, envelope: EnvelopeClass, version: int) -> tuple[tuple[str, int], ...]:
        """The flows of an envelope class with the recipients in each, as of a version of the directory."""
        start = self.side_of(envelope.sender, version) if envelope.sender else envelope.kind
        counts: dict[str, int] = {}
        for rcpt in envelope.recipients:
            flow = f"{start}->{self.side_of(rcpt.written, version)}"
            counts[flow] = counts.get(flow, 0) + rcpt.count
        return tuple(counts.items())
