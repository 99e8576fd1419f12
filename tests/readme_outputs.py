"""Puts into the README what its commands print now: ``python -m tests.readme_outputs``. Read the difference before you keep it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.test_readme import MADE_BY_MAKE, NOT_HERE, ROOT, blocks, commands


def printed(command: str, folder: Path) -> str:
    """What a command prints on standard output, whatever its exit code."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "120"}
    plain = command.partition("  # ")[0]
    return subprocess.run(plain, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False).stdout


def refreshed(text: str, folder: Path) -> str:
    """The README with every output that it shows as it is now; commands shown without output are run, and stay so."""
    for block in blocks(text):
        if block.kind == "yaml" and (name := re.search(r"`([\w./-]+\.yaml)`", block.before)):
            (folder / name[1]).parent.mkdir(parents=True, exist_ok=True)
            (folder / name[1]).write_text(block.text, encoding="utf-8")
        for line, output in commands(block.text) if block.kind == "console" else ():
            if line in MADE_BY_MAKE or line.startswith(NOT_HERE):
                continue
            print(line, file=sys.stderr, flush=True)
            now = printed(line, folder).strip("\n")
            if output.strip():
                text = text.replace(f"$ {line}\n{output.rstrip()}", f"$ {line}\n{now}", 1)
    return text


if __name__ == "__main__":
    readme = ROOT / "README.md"
    with tempfile.TemporaryDirectory() as name:
        for part in ("scenarios", "tests/intake/postfix-lab"):
            shutil.copytree(ROOT / part, Path(name) / part)
        readme.write_text(refreshed(readme.read_text(encoding="utf-8"), Path(name)), encoding="utf-8")
