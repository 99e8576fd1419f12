"""Damaged files through every importer: an error with its place, or a scenario that can be used; never a traceback, never a hang.

``python -m tests.intake.fuzz_imports 100000 --seed 7 --readers`` puts so many through the readers alone, without ``--readers`` through
the whole import; it prints what became of them, kind by kind.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from coexsim.errors import InputError
from coexsim.intake.configs.dxl import read_documents
from coexsim.intake.configs.found import Found
from coexsim.intake.configs.importing import KINDS, Kind, import_setup
from coexsim.intake.configs.postfix_files import Main, read_aliases, read_master, read_table
from coexsim.intake.configs.reading import File
from coexsim.intake.configs.records import csv_records, ldif_records
from coexsim.intake.configs.shell_values import things
from coexsim.intake.configs.zone_lines import zone_lines
from tests.intake import test_directory, test_dns_import, test_domino_import, test_exchange_import
from tests.intake.lab_files import files_of

SLOW_S = 5.0  # processor seconds for one small file: more is called a hang
NASTY = [
    *(bytes([code]) for code in b"\0\xff\r\t \"'{}[]\\:;,=#@()|*~%&?!<>"),
    *(
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xae",
        b"\xed\xa0\x80",
        b"\x1b[31m",
        "\U0001f600".encode(),
        b"\n\n",
        b"::",
        b"..",
    ),
    *(
        b"${",
        b"$(",
        b"<!ENTITY a 'b'>",
        b"&a;",
        b"</item>",
        b"<document>",
        b"]]>",
        b"$ORIGIN .",
        b"$TTL x",
        b"(" * 50,
        b"- ",
        b"? ",
    ),
    *(b"NaN", b"1e999", b"-1", b"9" * 20, b"9" * 5000, b"null", b"true", b"!!python/object:x", b"&x *x", b"a" * 3000),
]


class Outcome(NamedTuple):
    """What became of one damaged file: ``read``, ``told`` or what went wrong."""

    kind: str
    word: str
    detail: str = ""


def whole_files() -> dict[Kind, list[dict[str, bytes]]]:
    """Files that are read rightly, of each kind; what is damaged."""
    return {
        "postfix": [
            {name: text.encode() for name, text in files_of(server).items()} for server in ("onprem", "onprem2")
        ],
        "exchange": [{name: str(text).encode() for name, text in test_exchange_import.ALL.items()}],
        "domino": [{"names.dxl": test_domino_import.DXL.encode()}],
        "directory": [
            {"r.csv": test_directory.EXPORTED.encode()},
            {"r.csv": test_directory.EXPORTED.encode("utf-16")},
            {"a.ldif": test_directory.LDIF_AD.encode()},
            {"d.ldif": test_directory.LDIF_DOMINO.encode()},
        ],
        "dns": [{"corporate.com.zone": test_dns_import.ZONE.encode()}, {"answers.txt": test_dns_import.DIG.encode()}],
    }


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The content with one to four things done to it."""
    for _ in range(rng.randint(1, 4)):
        lines = content.split(b"\n")
        at = rng.randrange(len(content) + 1)
        way = rng.randrange(9)
        if way == 0:
            content = content[:at]
        elif way == 1:
            content = content[:at] + rng.choice(NASTY) + content[at:]
        elif way == 2:
            content = content[:at] + content[at + rng.randint(1, 40) :]
        elif way == 3 and content:
            at = min(at, len(content) - 1)
            content = content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
        elif way == 4:
            rng.shuffle(lines)
            content = b"\n".join(lines)
        elif way == 5:
            place = rng.randrange(len(lines))
            content = b"\n".join(lines[:place] + [lines[place]] * rng.randint(2, 30) + lines[place + 1 :])
        elif way == 6:
            place = rng.randrange(len(lines))
            content = b"\n".join(lines[:place] + lines[place + 1 :])
        elif way == 7:
            content = content[:at] + bytes(rng.randrange(256) for _ in range(rng.randint(1, 20))) + content[at:]
        else:
            content = content.decode("utf-8", "replace").encode(
                rng.choice(["utf-16", "cp1252", "utf-8-sig", "utf-16-be"]), "replace"
            )
    return content


def outcomes(number: int, seed: int) -> Iterator[Outcome]:
    """What becomes of so many damaged files, spread over the kinds."""
    rng = random.Random(seed)
    whole = whole_files()
    with TemporaryDirectory() as name:
        for count in range(number):
            kind = KINDS[count % len(KINDS)]
            files = dict(rng.choice(whole[kind]))
            victim = rng.choice(sorted(files))
            files[victim] = damaged(files[victim], rng)
            place = Path(name) / "given"
            place.mkdir(exist_ok=True)
            for file, content in files.items():
                place.joinpath(file).write_bytes(content)
            yield _outcome(kind, place, files[victim])
            for file in files:
                place.joinpath(file).unlink()


def _outcome(kind: Kind, place: Path, content: bytes) -> Outcome:
    begun_s = time.process_time()
    try:
        found = import_setup(place, kind=kind)
        outcome = Outcome(kind, "read", f"{sum(1 for one in found.unused if one.matters)} left out and told")
    except InputError as error:
        nameless = not error.problems or any(not problem.text for problem in error.problems)
        outcome = Outcome(kind, "an error without a word" if nameless else "told")
    except Exception:
        outcome = Outcome(kind, "traceback", f"{content[:3000]!r}\n{traceback.format_exc()}")
    if time.process_time() - begun_s > SLOW_S:
        return Outcome(kind, "hang", f"{time.process_time() - begun_s:.1f} s: {content[:3000]!r}")
    return outcome


def reader_outcomes(number: int, seed: int) -> Iterator[Outcome]:
    """What becomes of so many damaged files in the readers alone, which is much quicker."""
    rng = random.Random(seed)
    postfix = files_of("onprem")
    texts = [one for kind in whole_files().values() for files in kind for one in files.values()]
    readers: list[tuple[str, Callable[[File], object], list[bytes]]] = [
        ("main.cf", _main, [postfix["main.cf"].encode()]),
        (
            "master.cf",
            read_master,
            [b"smtp inet n - n - 40 smtpd\n  -o x=y\nqmgr unix n - n 300 1 qmgr -o { a = b c }\n"],
        ),
        ("table", lambda file: list(read_table(file)), [postfix["virtual"].encode()]),
        ("aliases", lambda file: list(read_aliases(file)), [b'root: ann, "|/bin/x y"\n"a b": c\n']),
        ("csv", lambda file: list(csv_records(file)), [test_directory.EXPORTED.encode()]),
        ("ldif", lambda file: list(ldif_records(file)), [test_directory.LDIF_AD.encode()]),
        (
            "shell",
            lambda file: [one.record() for one in things(file)],
            [str(one).encode() for one in test_exchange_import.ALL.values()],
        ),
        ("dxl", lambda file: read_documents(file, lambda _form, _record: None), [test_domino_import.DXL.encode()]),
        ("zone", lambda file: list(zone_lines(file, Found(), "corporate.com")), [test_dns_import.ZONE.encode()]),
    ]
    with TemporaryDirectory() as name:
        path = Path(name) / "given.txt"
        for count in range(number):
            kind, read, whole = readers[count % len(readers)]
            content = damaged(rng.choice(whole if rng.random() < 0.9 else texts), rng)
            path.write_bytes(content)
            yield _read(kind, read, File(path, "given.txt"), content)


def _main(file: File) -> list[str]:
    main = Main()
    main.read(file)
    return [main.text(name) for name in main.settings]


def _read(kind: str, read: Callable[[File], object], file: File, content: bytes) -> Outcome:
    begun_s = time.process_time()
    try:
        read(file)
        outcome = Outcome(kind, "read")
    except InputError:
        outcome = Outcome(kind, "told")
    except Exception:
        outcome = Outcome(kind, "traceback", f"{content[:3000]!r}\n{traceback.format_exc()}")
    slow = time.process_time() - begun_s > SLOW_S
    return Outcome(kind, "hang", repr(content[:3000])) if slow else outcome


def main() -> int:
    """Run them and print what became of them; 1 if any went wrong."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("number", type=int)
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--readers", action="store_true")
    asked = reader.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    wrong = 0
    for outcome in (reader_outcomes if asked.readers else outcomes)(asked.number, asked.seed):
        counts[outcome.kind, outcome.word] += 1
        if outcome.word not in ("read", "told"):
            wrong += 1
            print(outcome.kind, outcome.word, outcome.detail)
    for (kind, word), count in sorted(counts.items()):
        print(f"{kind:10} {word:10} {count:8,}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
