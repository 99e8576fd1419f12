"""Where long words of a page may be broken: keys, addresses and paths after their signs, not within a name."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

LONGEST_WORD = 16
_LONG = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")
_SIGNS = re.compile(r"(?<=[^\W_][./_=:,(-])(?=[^\W_])")
_SIGNS_OF_ADDRESS = re.compile(r"(?<=[@=:,])(?=[^\W_])")
"""An address is broken into person and domain alone."""


def unbroken(text: str) -> str:
    """`text` for a head, with figures and their units kept together: no line begins with ``%``."""
    return re.sub(r"(?<=\d) (?=(?:%|µs|ms|s|min|h|B|[KMGT]B|[KMG]?bit/s)(?!\w))", "\u00a0", text)


def breakable(text: object) -> Markup:
    """`text` for a page, with a place to break (``<wbr>``) after each sign in words too long for a narrow column, not in arrows."""
    said, at, parts = str(text), 0, []
    for word in _LONG.finditer(said):
        signs = _SIGNS_OF_ADDRESS if "@" in word[0] else _SIGNS
        pieces = map(escape, signs.split(word[0]))
        parts += [escape(said[at : word.start()]), Markup("<wbr>").join(pieces)]
        at = word.end()
    return whole_arrows(Markup("").join([*parts, escape(said[at:])]))


def whole_arrows(text: str) -> Markup:
    """`text` for a page, in which no line ends within the arrow of a flow."""
    return escape(text).replace(Markup("-&gt;"), Markup('<span class="w">-&gt;</span>'))
