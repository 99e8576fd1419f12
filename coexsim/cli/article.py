"""Which article is meant, for whoever reads of "the article" in a finding and never saw it."""

from __future__ import annotations

import re
from collections.abc import Iterable

ARTICLE = '"Configuring on-premise messaging servers to coexist with IBM LotusLive iNotes", which this tool grew out of'


def which_article(lines: Iterable[str]) -> list[str]:
    """A line that tells it, below an empty one, if any of these lines speaks of it."""
    return ["", f"The article: {ARTICLE}"] if any(re.search(r"\barticle\b", line) for line in lines) else []
