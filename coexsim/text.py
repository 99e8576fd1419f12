"""Text for people: text of others (names, titles, paths, replies) made visible, and names joined in a sentence.

What would steer a terminal or forge a line becomes an escape.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import category

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""`text` in one line of characters that are seen: ``\n``, ``\x1b``, ``\u202e`` stand for what is not.

    Escaped are control and format characters (bidirectional marks among them), line separators, lone surrogates and code points
    that mean nothing; letters and signs of all scripts stay.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or category(sign) == "Zs" else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    code = ord(sign)
    width, letter = (2, "x") if code < 0x100 else (4, "u") if code < 0x10000 else (8, "U")
    return _SHORT.get(sign) or f"\\{letter}{code:0{width}x}"


_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Control and format characters, without the end of a line and the tab."""


def seen(text: str) -> str:
    r"""`text` of several lines as `visible` has each: what pages and pictures show of names that others gave."""
    return _HIDDEN.sub(lambda sign: _escape(sign[0]), text)


def encodable(text: str) -> str:
    r"""`text` as UTF-8 can say it: a lone surrogate becomes ``\ud800``, which JSON reads back as what it was."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def page_bytes(text: str) -> bytes:
    """A page as it is written: what names of others hide, which could turn a line round, is shown."""
    return encodable(seen(text)).encode()


def joined(names: Sequence[str], by: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return f"{', '.join(names[:-1])} {by} {names[-1]}" if len(names) > 1 else "".join(names)


def shortened(text: str, most: int) -> str:
    """`text` with no more than `most` letters; what is cut is an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def say_lost(share: float) -> str:
    """``33 % expired``, of a share of recipients; empty of none."""
    return f"{100 * share:.2g} % expired" if share else ""


def say_flow(flow: str) -> str:
    """``hosted → hosted`` for ``hosted->hosted``."""
    return flow.replace("->", " → ")
