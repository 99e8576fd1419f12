"""run from the shell: what it prices beside itself is what it would price afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coexsim.cli import run
from tests.analysis.small import SMALL


def test_the_price_is_the_same_whether_direct_delivery_runs_beside_or_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One process or two: same words, same figures; the price is there."""
    path = tmp_path / "small.yaml"
    path.write_text(SMALL + "load: {profile: office-worker}\n")
    said, found = [], []
    for jobs in ("1", "2"):
        code = run(["run", str(path), "--out", str(tmp_path / "out"), "--jobs", jobs, "--no-pictures"])
        said.append((code, capsys.readouterr().out))
        found.append(json.loads((tmp_path / "out" / "summary.json").read_text()))

    assert said[0] == said[1]
    assert found[0] == found[1]
    assert found[0]["round_trip"]["extra_hops"] == 1
