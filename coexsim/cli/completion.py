"""What a shell offers when TAB is pressed: scenario files, codes of findings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

MOST_OFFERED = 300
DEEPEST = 4
PASSED_OVER = {"node_modules", "__pycache__", "site-packages", "reports", "build", "dist"}


def scenario_files(incomplete: str) -> list[str]:
    """YAML files whose path begins so, also those in folders below: a folder alone would end the word with a blank."""
    return list(islice(_yaml_files(incomplete), MOST_OFFERED))


def _yaml_files(incomplete: str) -> Iterator[str]:
    folder, begin = os.path.split(incomplete)
    depth = len(Path(folder or ".").parts)
    for place, folders, files in os.walk(folder or "."):
        first = place == (folder or ".")
        deep = len(Path(place).parts) - depth >= DEEPEST
        folders[:] = sorted(name for name in folders if not deep and _offered(name, begin if first else ""))
        for name in sorted(files):
            if name.endswith((".yaml", ".yml")) and _offered(name, begin if first else ""):
                path = os.path.join(place, name)
                yield path if folder else os.path.relpath(path)


def _offered(name: str, begin: str) -> bool:
    hidden = name.startswith(".") and not begin.startswith(".")
    return name.startswith(begin) and not hidden and name not in PASSED_OVER


def finding_codes(incomplete: str) -> list[str]:
    """Codes of findings that begin so, in any case; scenario files too."""
    from coexsim.audit.findings import EXPLANATIONS

    codes = [code for code in EXPLANATIONS if code.startswith(incomplete.upper())]
    return [incomplete + code[len(incomplete) :] for code in codes] + scenario_files(incomplete)
