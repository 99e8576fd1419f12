"""Makes the pictures of reports/example anew: ``make gallery``, or ``python -m tests.gallery``; words choose commands.

It takes some minutes. Each is what a command of the README, or one like it, leaves in its folder; only the number of colours is smaller,
which keeps the repository small.
"""

from __future__ import annotations

import io
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tests.test_readme import ROOT, blocks

EXAMPLE = ROOT / "reports" / "example"
COLOURS = 64
SIZE = """size:
  server: onprem
  replications: 4
  candidates: [{name: one core, cores: 1}, {name: two cores, cores: 2}, {name: four cores, cores: 4}]
"""
MORE = {
    "direct.yaml": "extends: mine.yaml\nservers: {cloud-out: {routes_internal_mail: direct}}\n",
    "busy.yaml": f"extends: mine.yaml\nload: {{growth: 6}}\nobjectives: [utilisation(onprem.cores) < 70 %, 'p95(delay) < 30 s']\n{SIZE}",
}
"""Beside the files that the README saves."""


class Shown(NamedTuple):
    """A command, and of its folder each picture that is shown, with the name it gets and what it is of."""

    command: str
    pictures: tuple[tuple[str, str, str], ...]
    exits: tuple[int, ...] = (0,)


SHOWN = (
    Shown(
        "coexsim run scenarios/load/corporate-20k.yaml",
        (
            ("delay-by-flow", "delay-by-flow", "How long mail takes, flow by flow"),
            ("utilisation", "utilisation", "How busy each limit is"),
            ("topology", "topology", "The set-up"),
            ("round-trip", "round-trip", "What the round trip costs"),
        ),
    ),
    Shown(
        "coexsim outage mine.yaml --server cloud-in --at 09:15 --for 20min",
        (("backlog", "outage-queues", "What waits where while the hosted service is down"),),
        (0, 1),
    ),
    Shown("coexsim size busy.yaml --no-headroom", (("sizing", "sizing", "Which machine holds"),)),
    Shown("coexsim sweep busy.yaml 'hosted_share=0..100% step 25%'", (("sweep", "sweep", "What changes as people move"),)),
    Shown("coexsim compare mine.yaml direct.yaml", (("differences", "differences", "What differs between two set-ups"),), (1,)),
    Shown(
        "coexsim trace scenarios/article/environment.yaml iUser1@corporate.com iUser2@corporate.com",
        (("route", "route", "The way of a message, and which rule sends it on"),),
    ),
    Shown(
        "coexsim trace scenarios/article/environment.yaml someuser@otherdomain.com nonexistent@corporate.com",
        (("route", "bounce", "An address that nobody has"),),
    ),
    Shown(
        "coexsim fit tests/intake/postfix-lab --scenario setup.yaml",
        (("rates", "log-rates", "What mail logs say: messages"), ("sizes", "log-sizes", "What mail logs say: sizes")),
    ),
    Shown(
        "coexsim validate fitted/fitted.yaml tests/intake/postfix-lab",
        (("qq", "log-delays", "Prediction beside measurement"),),
        (1,),
    ),
)  # fmt: skip
FIRST = {
    "coexsim fit": (
        "coexsim import postfix scenarios/import/lab/postfix --out site.yaml",
        "coexsim import dns scenarios/import/lab/corporate.com.zone --into site.yaml",
        "coexsim import directory scenarios/import/lab/users.csv --into site.yaml",
    )
}
"""What has to be run before a command that begins so."""


def make(folder: Path, wanted: list[str]) -> None:
    """Run every command that a wanted word is in, or all, in a folder with the README's files; keep the pictures."""
    shutil.copytree(ROOT / "scenarios", folder / "scenarios")
    shutil.copytree(ROOT / "tests" / "intake" / "postfix-lab", folder / "tests" / "intake" / "postfix-lab")
    for block in blocks((ROOT / "README.md").read_text(encoding="utf-8")):
        if block.kind == "yaml" and (saved := re.search(r"`([\w-]+\.yaml)`", block.before)):
            (folder / saved[1]).write_text(block.text, encoding="utf-8")
    for file, text in MORE.items():
        (folder / file).write_text(text, encoding="utf-8")
    for each in SHOWN:
        if wanted and not any(word in each.command for word in wanted):
            continue
        for begin, commands in FIRST.items():
            if each.command.startswith(begin):
                for command in commands:
                    run(command, folder, (0,))
        out = "fitted" if each.command.startswith("coexsim fit") else "out"
        shutil.rmtree(folder / out, ignore_errors=True)
        run(f"{each.command} --out {out}", folder, each.exits)
        for name, kept, _ in each.pictures:
            (EXAMPLE / f"{kept}.png").write_bytes(smaller((folder / out / f"{name}.png").read_bytes()))


def run(command: str, folder: Path, exits: tuple[int, ...]) -> None:
    """Run a command quietly. Raises `SystemExit` where it ends in another way than it should."""
    words = [sys.executable, "-m", *shlex.split(command), "--quiet"]
    print(command, file=sys.stderr, flush=True)
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in exits:
        raise SystemExit(f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


def smaller(png: bytes) -> bytes:
    """The same picture in fewer colours."""
    target = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(target, "PNG", optimize=True)
    return target.getvalue()


def page() -> str:
    """The gallery: each picture below the command that it is of."""
    parts = [
        "# What coexsim draws",
        "",
        "Made anew by `make gallery`. Each stands on the page of its command, as a vector, with its table beside it.",
    ]
    for each in SHOWN:
        parts += ["", "```text", each.command, "```"]
        for _, kept, words in each.pictures:
            parts += ["", f"{words}:", "", f"![{words}]({kept}.png)"]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    EXAMPLE.mkdir(exist_ok=True)
    names = {f"{kept}.png" for each in SHOWN for _, kept, _ in each.pictures}
    for old in EXAMPLE.glob("*.png"):
        if old.name not in names:
            old.unlink()
    with tempfile.TemporaryDirectory() as name:
        make(Path(name), sys.argv[1:])
    (EXAMPLE / "README.md").write_text(page(), encoding="utf-8")
