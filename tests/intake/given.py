"""Files for imports, written where a test wants them."""

from __future__ import annotations

from pathlib import Path

from coexsim.intake.configs.importing import Kind, import_setup
from coexsim.intake.configs.write import Imported
from coexsim.scenario.load import load_scenario
from coexsim.scenario.model import Scenario


def imported(folder: Path, files: dict[str, str | bytes], kind: Kind, **asked: str) -> Imported:
    """The import of these files."""
    place = folder / "given"
    place.mkdir(exist_ok=True)
    for name, content in files.items():
        place.joinpath(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_setup(place, kind=kind, **asked)


def scenario_of(folder: Path, files: dict[str, str | bytes], kind: Kind, **asked: str) -> Scenario:
    """The scenario that they make, written and read again."""
    file = folder / "imported.yaml"
    file.write_text(imported(folder, files, kind, **asked).text, encoding="utf-8")
    return load_scenario(file)


def told(found: Imported, what: str) -> list[str]:
    """What was left out under this name: its meanings."""
    return [one.meaning for one in found.unused if one.what == what]
