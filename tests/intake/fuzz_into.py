"""Imports into scenarios that are there: both the files that are read and the scenario may be damaged, or written in an unusual way.

``python -m tests.intake.fuzz_into 100000 --seed 7`` runs so many imports and prints what became of them. Whatever happens, the scenario
is either as it was, to the byte, or it has what was imported, everything else that it had, and the writer's own comments.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from coexsim.cli import run
from coexsim.errors import ScenarioError
from coexsim.intake.configs.importing import KINDS, Kind, import_setup
from coexsim.scenario.load import load_scenario
from coexsim.scenario.plain import parse
from coexsim.scenario.read import copy_of
from tests.fuzz.damage import TEXT_FAULTS
from tests.intake.fuzz_imports import damaged, whole_files
from tests.intake.styled_yaml import OWN, styled
from tests.intake.test_into import THERE

ROOT = Path(__file__).parents[2]
SLOW_S = 5.0  # processor seconds for one small import: more is called a hang
TOLD_EVERY = 1_000
GOOD = ("written", "refused")
_OWN = re.compile(rf"{OWN}\d+\.")


class Outcome(NamedTuple):
    """What became of one import: ``written``, ``refused``, or what went wrong."""

    kind: str
    word: str
    detail: str = ""


def targets() -> list[dict[str, str]]:
    """Scenarios to import into, with the files that they extend; the first file of each is the target."""
    found = [{"there.yaml": THERE}]
    for folder, name in (
        ("article", "environment.yaml"),
        ("article", "flows.yaml"),
        ("modern", "exchange-hybrid-mx-onprem.yaml"),
        ("modern", "exchange-hybrid-mx-cloud.yaml"),
        ("modern", "google-split-delivery.yaml"),
    ):
        files = {name: (ROOT / "scenarios" / folder / name).read_text(encoding="utf-8")}
        while (base := parse(list(files.values())[-1], name)[0].get("extends")) is not None:
            assert isinstance(base, str)
            files[base] = (ROOT / "scenarios" / folder / base).read_text(encoding="utf-8")
        found.append(files)
    with TemporaryDirectory() as name:
        for kind, sets in whole_files().items():
            place = Path(name) / kind
            place.mkdir()
            for file, content in sets[0].items():
                place.joinpath(file).write_bytes(content)
            with contextlib.suppress(Exception):  # a directory alone may not say its domain
                found.append({f"{kind}.yaml": import_setup(place, kind=kind, domain="corporate.com").text})
    return found


def outcomes(number: int, seed: int) -> Iterator[Outcome]:
    """What becomes of so many imports, spread over the kinds."""
    rnd = random.Random(seed)
    whole, into = whole_files(), targets()
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "given").mkdir()
        for count in range(number):
            case = random.Random(rnd.random())
            kind = KINDS[count % len(KINDS)]
            files = dict(case.choice(whole[kind]))
            if case.random() < 0.6:
                victim = case.choice(sorted(files))
                for _ in range(case.choice((1, 1, 3, 10))):
                    files[victim] = damaged(files[victim], case)
            target = _written(case.choice(into), case)
            for file, content in files.items():
                folder.joinpath("given", file).write_bytes(content)
            for file, text in target.items():
                folder.joinpath(file).write_bytes(text.encode("utf-8", "surrogatepass"))
            yield from _outcomes(kind, folder, next(iter(target)), case)
            for path in (*folder.glob("given/*"), *(path for path in folder.iterdir() if path.is_file())):
                path.unlink()


def _written(files: dict[str, str], rnd: random.Random) -> dict[str, str]:
    """The same scenario in another style, damaged, or both."""
    files = dict(files)
    name = rnd.choice(list(files)) if rnd.random() < 0.2 else next(iter(files))
    if rnd.random() < 0.6:
        files[name] = styled(copy_of(parse(files[name], name)[0]), rnd)
    if rnd.random() < 0.3:
        for _ in range(rnd.choice((1, 1, 2))):
            files[name] = rnd.choice(TEXT_FAULTS)(files[name], rnd)
    return files


def _outcomes(kind: Kind, folder: Path, name: str, rnd: random.Random) -> Iterator[Outcome]:
    """The import, and a second one of the same files, which has nothing left to do."""
    target = folder / name
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    options = rnd.choice(([], ["--server", "new"], ["--server", "onprem"], ["--domain", "corporate.com"]))
    first, answer = _import(kind, target, options)
    said = _fault(first, answer, folder, name, before)
    yield Outcome(kind, said[0], said[1] and f"{options} {said[1]}\n{before[name].decode('utf-8', 'replace')}")
    if said[0] == "written" and rnd.random() < 0.3:
        after = target.read_bytes()
        second, answer = _import(kind, target, options)
        if second.code != 0:
            yield Outcome(kind, "refused the second time", f"{second.said}\n{after.decode()}")
        elif target.read_bytes() != after:
            yield Outcome(kind, "not the same twice", _both(after.decode(), target.read_text(encoding="utf-8")))


class Ended(NamedTuple):
    code: int
    said: str
    took_s: float


def _import(kind: Kind, target: Path, options: list[str]) -> tuple[Ended, dict[str, Any]]:
    out, err = io.StringIO(), io.StringIO()
    begun_s = time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["import", kind, str(target.parent / "given"), "--into", str(target), "--json", *options])
    took_s = time.process_time() - begun_s
    answer = json.loads(out.getvalue()) if out.getvalue().startswith("{") else {}
    return Ended(code, err.getvalue(), took_s), answer


def _fault(ended: Ended, answer: dict[str, Any], folder: Path, name: str, before: dict[str, bytes]) -> tuple[str, str]:
    """The word for an import and what is wrong with it."""
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    if ended.took_s > SLOW_S:
        return "hang", f"{ended.took_s:.1f} s"
    if ended.code not in (0, 2) or "Traceback" in ended.said:
        return "traceback", f"{ended.code}: {ended.said}"
    if ended.code == 2:
        if not ended.said.strip() or not answer.get("problems", answer.get("error")):
            return "refused without a word", ended.said
        return ("refused", "") if after == before else ("refused and changed", ended.said)
    if any(after.get(one) != content for one, content in before.items() if one != name):
        return "another file was changed", ""
    if extra := set(after) - set(before) - {f"{name.removesuffix('.yaml')}.people.yaml"}:
        return "files were left over", str(extra)
    try:
        load_scenario(folder / name)
    except ScenarioError as error:
        return "written and unusable", str(error)
    old, new = before[name].decode("utf-8-sig"), after[name].decode("utf-8-sig")
    lost = Counter(_OWN.findall(old)) - Counter(_OWN.findall(new))
    if lost:
        return "comments were lost", f"{sorted(lost)}\n{new}"
    ends, ends_now = (set(re.findall(rb"\r?\n|\r", text)) for text in (before[name], after[name]))
    if len(ends) == 1 and b"\r" not in ends and ends != ends_now:
        return "line ends were changed", ""
    wanted = {tuple(key["path"]) for key in answer["keys"]}
    changed = {path for path in _differences(parse(old, name)[0], parse(new, name)[0], ()) if not _under(path, wanted)}
    if changed:
        return "something else was changed", f"{sorted(changed)}\n{new}"
    return "written", ""


def _under(path: tuple[str, ...], wanted: set[tuple[str, ...]]) -> bool:
    return any(path[: len(one)] == one for one in wanted)


def _differences(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The paths at which two data differ, as deep as both are mappings."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            yield from _differences(old.get(key), new.get(key), (*path, str(key)))
    elif old is None and isinstance(new, dict):
        for key in new:
            yield from _differences(None, new[key], (*path, str(key)))
    elif old != new:
        yield path


def _both(one: str, other: str) -> str:
    return f"{one}\n=== second ===\n{other}"


def main() -> int:
    """Run them and print what became of them; 1 if any went wrong."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("number", type=int)
    reader.add_argument("--seed", type=int, default=1)
    asked = reader.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    wrong = 0
    for outcome in outcomes(asked.number, asked.seed):
        counts[outcome.kind, outcome.word] += 1
        if outcome.word not in GOOD:
            wrong += 1
            print(outcome.kind, outcome.word, outcome.detail, flush=True)
        if counts.total() % TOLD_EVERY == 0:
            print(f"{counts.total():,} imports, {wrong:,} went wrong", file=sys.stderr, flush=True)
    for (kind, word), count in sorted(counts.items()):
        print(f"{kind:10} {word:30} {count:8,}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
