"""The words in which Postfix's smtpd and cleanup log that mail was not taken: by restrictions, by Milters, by header and body checks.

Sources: smtpd(8) and cleanup(8), MILTER_README, header_checks(5); a Milter's verdict on a whole message has no SMTP code, only the enhanced
one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

STAGES = ("MAIL", "RCPT", "DATA", "END-OF-MESSAGE")
_TAIL = r"(?:; from=<(?P<sender>[^>]*)>)?(?: to=<(?P<to>[^>]*)>)?(?: proto=\S+)?(?: helo=<[^>]*>)?"
_REFUSED = re.compile(
    r"(?P<id>[A-Za-z0-9]+): (?:milter-)?reject: (?P<stage>[A-Z-]+) from (?P<client>[^:\[ ]+(?:\[[^\]]*\])?): "
    r"(?=[45])(?P<reply>[45]\d\d(?!\.))? ?(?P<code>\d\.\d{1,3}\.\d{1,3})?"
    rf".*?{_TAIL}$"
)
_CONTENT = re.compile(
    r"(?P<id>[A-Za-z0-9]+): reject: (?P<stage>header|body|mime-header|nested-header) .* from (?P<client>[^:;\[ ]+(?:\[[^\]]*\])?)"
    rf"{_TAIL}: (?P<reply>)(?P<code>\d\.\d{{1,3}}\.\d{{1,3}})? ?.*$"
)


class Refused(NamedTuple):
    """What a line says of mail that was not taken. `queue_id` is NOQUEUE before the first recipient; None: not said."""

    queue_id: str
    is_whole: bool  # the message, with all its recipients
    is_filter: bool  # by a Milter, or a check of headers and body
    client: str
    code: str
    sender: str | None
    to: str | None

    @property
    def is_temporary(self) -> bool:
        """Is the client asked to come again later."""
        return self.code.startswith("4")


def refused(text: str) -> Refused | None:
    """Read the text of a line after the process id; None: it is about something else, such as a connection."""
    match = _REFUSED.match(text)
    if match is not None and match["stage"] not in STAGES:
        return None
    if match is None and (match := _CONTENT.match(text)) is None:
        return None
    code = match["code"] or match["reply"] or ""
    is_check = match["stage"].islower()
    is_whole = is_check or match["stage"] == "END-OF-MESSAGE"
    is_filter = is_check or ": milter-reject: " in text[: len(match["id"]) + 17]
    return Refused(match["id"], is_whole, is_filter, match["client"], code, match["sender"], match["to"])
