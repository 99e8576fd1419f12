"""The compiled kernel is kept in the folder that its sources name, whoever imported Numba first."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from coexsim.engine.cache import folder, load_kernel


@pytest.mark.parametrize("first", ["numba", "coexsim.engine.births"])
def test_the_kernel_is_kept_in_its_folder_whatever_was_imported_before(first: str) -> None:
    """In another folder it would be compiled again, and a stale one found after a change of the sources."""
    kept = folder()
    assert kept is not None
    load_kernel()
    code = f"import {first}\nfrom coexsim.engine.cache import load_kernel\nprint(load_kernel().run.stats.cache_path)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert told.stdout.startswith(str(kept)), told.stdout
    assert told.stderr == "", "it was compiled again"
