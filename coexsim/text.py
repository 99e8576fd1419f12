"""Text for people: text of others (names, titles, paths, replies) made visible, and names joined in a sentence.

What would steer a terminal or forge a line becomes an escape.
"""

from __future__ import annotations

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


def encodable(text: str) -> str:
    r"""`text` as UTF-8 can say it: a lone surrogate becomes ``\ud800``, which JSON reads back as what it was."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


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
