"""Damaged mail logs through every reader, to their journeys: each line is used, other or damaged; never a traceback, never a hang.

``python -m tests.intake.fuzz_logs 100000 --seed 7`` puts so many damaged lines of each kind, in files of a thousand of which every
tenth is packed and cut off, through the readers, and prints what became of them.
"""

from __future__ import annotations

import argparse
import gzip
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from coexsim.errors import UsageError
from coexsim.intake.logs.join import join
from coexsim.intake.logs.journeys import journeys
from coexsim.intake.logs.read import read_logs
from tests.intake.test_reading_logs import ACTIVITY, BOX, DOMINO, EXCHANGE, GOOGLE, HUB, SUMMARY, TRACE, exchange_row

SLOW_S = 30.0  # processor seconds for one small file: more is called a hang
ODD = [
    "\0", "\u2028", "\ufeff", '"', "[", "]: ", ",", ";", "\r", "9" * 400, "-1", "NaN", "<", "=", "\udcff", "é", "  ", "/", "99/99/9999",
    "##", "4jYqdQ5CthzLhVG", "1e999", "2026-02-30T25:61:61Z", "status=sent", "\x1b[31m",
]  # fmt: skip
TRACKING = EXCHANGE + exchange_row("00:00.000", "PC", "MBX1", "STOREDRIVER", "RECEIVE", "t@example.com") + "\n"
KINDS = {
    "postfix": HUB + BOX, "exchange": TRACKING, "trace": TRACE, "summary": SUMMARY, "google": GOOGLE, "domino": DOMINO,
    "activity": ACTIVITY,
}  # fmt: skip
WRONG = ("traceback", "hang", "miscounted")


def damaged(text: str, numbers: random.Random) -> str:
    """A line with something cut out, put in, doubled or swapped."""
    for _ in range(numbers.randint(1, 3)):
        at, to = sorted((numbers.randrange(len(text) + 1), numbers.randrange(len(text) + 1)))
        text = numbers.choice([
            text[:at] + text[to:], text[:at] + numbers.choice(ODD) + text[at:], text[:to] + text[at:], text[at:to] + text[:at] + text[to:],
        ])  # fmt: skip
        text = text[:2000]
    return text


def outcomes(lines: int, seed: int, per_file: int = 1000) -> Iterator[tuple[str, str, int, str]]:
    """Kind, what became of lines or of a file, how many, and particulars of what went wrong."""
    numbers = random.Random(seed)
    with TemporaryDirectory() as name:
        for kind, text in KINDS.items():
            good = text.splitlines()
            for place in range(max(1, lines // per_file)):
                bad = [damaged(numbers.choice(good), numbers) for _ in range(min(lines, per_file))]
                content = "\n".join([*good, *bad]).encode("utf-8", "surrogatepass")
                if place % 10 == 9:
                    packed = gzip.compress(content)
                    content = packed[: numbers.randrange(1, len(packed))]
                yield from _outcome(kind, Path(name) / "bad.log", content)


def _outcome(kind: str, file: Path, content: bytes) -> Iterator[tuple[str, str, int, str]]:
    file.write_bytes(content)
    begun_s = time.process_time()
    try:
        book = read_logs([file], year=2026)
        journeys(join(book))
    except UsageError:
        yield kind, "files refused with a word", 1, ""
    except Exception:
        yield kind, "traceback", 1, f"{content[:3000]!r}\n{traceback.format_exc()}"
    else:
        [told] = book.told
        for word in ("used", "other", "damaged"):
            yield kind, word, getattr(told, word), ""
        if told.damaged and not told.first_damaged:
            yield kind, "miscounted", 1, f"{told}"
        if told.used + told.other + told.damaged > told.lines + 1:
            yield kind, "miscounted", 1, f"{told}"
    if time.process_time() - begun_s > SLOW_S:
        yield kind, "hang", 1, repr(content[:3000])


def main() -> int:
    """Run them and print what became of them; 1 if any went wrong."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("lines", type=int, help="of each kind")
    reader.add_argument("--seed", type=int, default=1)
    asked = reader.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    wrong = 0
    for kind, word, number, detail in outcomes(asked.lines, asked.seed):
        counts[kind, word] += number
        if word in WRONG:
            wrong += 1
            print(kind, word, detail)
    for (kind, word), number in sorted(counts.items()):
        print(f"{kind:10} {word:28} {number:10,}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
