"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
GOOD = f"extends: {ROOT}/scenarios/article/flows.yaml\n"
BAD = (
    f"extends: {ROOT}/scenarios/article/environment.yaml\nservers: {{onprem: {{relay_for: [anyone]}}}}\n"
    "messages: [{name: straight, from: iUser1, to: iUser2, expect: {route: [inotes-outbound, inotes-inbound]}}]\n"
)


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Pytest with the plugin and nothing else, in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "coexsim.pytest_plugin",
        "-v",
        "--rootdir",
        str(folder),
        *arguments,
    ]
    return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)


def test_each_expectation_is_an_item(tmp_path: Path) -> None:
    """By the name of the file: eight flows, and the findings."""
    (tmp_path / "flows.coexsim.yaml").write_text(GOOD)
    (tmp_path / "other.yaml").write_text("not: a scenario\n")
    done = pytest_in(tmp_path)

    assert done.returncode == 0
    assert "9 passed" in done.stdout
    assert "flows.coexsim.yaml::flow 3, iNotes user to another iNotes user (round trip)" in done.stdout


def test_failures_are_told_in_words(tmp_path: Path) -> None:
    """By the ini option; both sides of the expectation, and the open error, without a traceback."""
    (tmp_path / "pytest.ini").write_text("[pytest]\ncoexsim_scenarios =\n    routes/*.yaml\n")
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "bad.yaml").write_text(BAD)
    done = pytest_in(tmp_path)

    assert done.returncode == 1
    assert "2 failed" in done.stdout
    assert (
        "expected route inotes-outbound -> inotes-inbound; instead route inotes-outbound -> onprem -> smart-host"
        in done.stdout
    )
    assert "route: expected inotes-outbound -> inotes-inbound" in done.stdout
    assert "happened inotes-outbound -> onprem -> smart-host -> inotes-inbound" in done.stdout
    assert "OPEN-RELAY" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_scenario_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """With file and line, as at the command line."""
    (tmp_path / "broken.coexsim.yaml").write_text(f"extends: {ROOT}/scenarios/article/flows.yaml\nsevers: {{}}\n")
    done = pytest_in(tmp_path)

    assert done.returncode == 2
    assert "did you mean 'servers'" in done.stdout


def test_the_plugin_imports_nothing_heavy(tmp_path: Path) -> None:
    """Loading it costs every test run; it loads the rules when there is a scenario to check."""
    program = "import sys, coexsim.pytest_plugin; print([m for m in ('pandas', 'scipy', 'simpy', 'yaml', 'dns') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        capture_output=True,
        check=False,
    )

    assert done.stdout.strip() == "[]"
