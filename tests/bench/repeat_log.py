"""Make a long log of the lab's: its five servers' logs again and again, times, queue ids and message-ids shifted.

python -m tests.bench.repeat_log FOLDER TIMES
"""

from __future__ import annotations

import gzip
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coexsim.intake.logs.stamps import BASE_52

LAB = Path(__file__).parent.parent / "intake" / "postfix-lab"
STEP_S = 100
YEAR = 2026
_ID = re.compile(
    r"\b([0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{6})([0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{4}z[0-9A-Za-z]{3,5})\b|(L\d{5}\.mixed)"
)
_SIGNS = {value: sign for sign, value in BASE_52.items()}


def later(seconds: str, by_s: int) -> str:
    """The first six signs of a long queue id, `by_s` seconds later."""
    number = 0
    for sign in seconds:
        number = number * 52 + BASE_52[sign]
    number += by_s
    signs = []
    for _ in range(6):
        number, digit = divmod(number, 52)
        signs.append(_SIGNS[digit])
    return "".join(reversed(signs))


def repeat(folder: Path, times: int) -> int:
    """Write the repeated logs to a folder, one file a server; how many bytes they have."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for file in sorted(LAB.glob("*.log.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as packed:
            lines = packed.readlines()
        with (folder / file.name.removesuffix(".gz")).open("w", encoding="utf-8") as out:
            for number in range(times):
                written += out.write("".join(_shifted(lines, number)))
    return written


def _shifted(lines: list[str], number: int) -> list[str]:
    by_s = STEP_S * number
    heads: dict[str, str] = {}
    ids: dict[str, str] = {}

    def change(match: re.Match[str]) -> str:
        if match[3]:
            return f"{match[3]}{number}"
        if match[1] not in ids:
            ids[match[1]] = later(match[1], by_s)
        return ids[match[1]] + match[2]

    found = []
    for line in lines:
        stamp = line[:15]
        if stamp not in heads:
            at = datetime.strptime(f"{YEAR} {stamp}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC) + timedelta(seconds=by_s)
            heads[stamp] = f"{at:%b} {at.day:2d} {at:%H:%M:%S}"
        found.append(heads[stamp] + _ID.sub(change, line[15:]))
    return found


if __name__ == "__main__":
    print(repeat(Path(sys.argv[1]), int(sys.argv[2])), "bytes")
