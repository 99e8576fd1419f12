"""The length of the Received line that Postfix puts on top of a message and counts in its size (smtpd.c)."""

from __future__ import annotations

from typing import Any

DATE_BYTES = 37  # "Tue, 24 Nov 2026 17:32:42 +0000 (UTC)"


def received_bytes(helo: str, client: str, own_name: str, id_bytes: int, recipients: int, to_bytes: int) -> int:
    """Bytes of the line for one message; `client` as ``name[address]``, `to_bytes` the length of its only recipient."""
    return int(line_bytes(len(helo), len(client), len(own_name), id_bytes, recipients == 1, to_bytes))


def line_bytes(helo: Any, client: Any, own_name: Any, id_bytes: Any, is_single: Any, to_bytes: Any) -> Any:
    """The same from lengths, which may be arrays."""
    for_line = is_single * (10 + to_bytes + DATE_BYTES + 2) + (1 - is_single) * (DATE_BYTES + 3)
    return 15 + helo + 2 + client + 1 + 3 + 4 + own_name + 25 + id_bytes + 2 + for_line
