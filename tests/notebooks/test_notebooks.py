"""The notebooks run from top to bottom, say what they say without an error, and show their pictures."""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TIMEOUT_S = 300


class OwnKernel(AsyncKernelManager):
    """The kernel of the interpreter that runs the tests, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """How it is started."""
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="this Python", language="python")


@pytest.fixture(scope="module")
def kernel() -> Iterator[OwnKernel]:
    """One kernel for all notebooks: to start it and load the libraries takes longer than most of them.

    Kernels need an event loop that can watch sockets; what their libraries warn of is not ours.
    """
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("PYTHONPATH", str(ROOT))
        warnings.simplefilter("ignore")
        if sys.platform == "win32":
            asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
        manager = OwnKernel()
        yield manager
        if manager.has_kernel:
            run_sync(manager.shutdown_kernel)(now=True)


def run_in(kernel: OwnKernel, document: Any) -> Any:
    """A notebook with its outputs; its folder is the working directory. Raises at the first cell that fails; the kernel lives on."""
    client = NotebookClient(
        document, timeout=TIMEOUT_S, km=kernel, resources={"metadata": {"path": str(ROOT / "notebooks")}}
    )
    try:
        client.execute(cleanup_kc=False)
    finally:
        if client.kc is not None:
            client.kc.stop_channels()
    return document


def executed(notebook: Path, kernel: OwnKernel) -> Any:
    """The notebook with its outputs, in a kernel in which no name is left of what ran before."""
    read: Any = nbformat.read
    new: Any = nbformat.v4
    run_in(kernel, new.new_notebook(cells=[new.new_code_cell("%reset_selective -f .")]))
    return run_in(kernel, read(notebook, as_version=4))


def test_there_are_notebooks() -> None:
    """A glob that finds nothing would test nothing."""
    assert NOTEBOOKS


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_runs_from_top_to_bottom(notebook: Path, kernel: OwnKernel) -> None:
    """No cell raises or warns, and every cell that ends in a picture shows one."""
    cells = [cell for cell in executed(notebook, kernel).cells if cell.cell_type == "code"]

    said = [out for cell in cells for out in cell.outputs if out.output_type == "stream" and out.name == "stderr"]
    assert not said, said
    drawn = [cell for cell in cells if ".plot." in cell.source.strip().splitlines()[-1]]
    assert drawn
    for cell in drawn:
        assert any("image/png" in out.get("data", {}) for out in cell.outputs), cell.source


def test_no_name_is_left_for_the_next_notebook(kernel: OwnKernel, tmp_path: Path) -> None:
    """One that forgot an import fails, also behind one that has it."""
    new: Any = nbformat.v4
    for name, cell in (("first.ipynb", "import coexsim as cx"), ("second.ipynb", "cx.trace")):
        nbformat.write(new.new_notebook(cells=[new.new_code_cell(cell)]), tmp_path / name)  # type: ignore[no-untyped-call]
    executed(tmp_path / "first.ipynb", kernel)

    with pytest.raises(CellExecutionError, match="NameError"):
        executed(tmp_path / "second.ipynb", kernel)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_uses_public_names_only(notebook: Path) -> None:
    """What a reader would copy: of coexsim nothing but the package itself is imported."""
    cells = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    text = "\n".join("".join(cell["source"]) for cell in cells)

    assert "import coexsim as cx" in text
    assert "from coexsim" not in text
    assert "import coexsim." not in text


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_asks_and_answers(notebook: Path) -> None:
    """A short paper: the title ends with its question, the last cell is the answer."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]

    assert "".join(cells[0]["source"]).splitlines()[0].endswith("?")
    assert "".join(cells[-1]["source"]).startswith("**Answer.**")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_is_kept_with_its_outputs(notebook: Path) -> None:
    """So that it can be read on the web: every code cell has run, in order, and nothing in it is of the machine it ran on."""
    text = notebook.read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]

    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell["outputs"] for cell in cells[1:])
    assert str(Path.home()) not in text
    assert str(ROOT) not in text
