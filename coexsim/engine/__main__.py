"""``python -m coexsim.engine``: compile the engine ahead, so that no run has to wait for it."""

from __future__ import annotations

import sys

from coexsim.engine.cache import folder, load_kernel, unavailable


def main() -> int:
    """Compile what is not compiled yet. Without Numba there is nothing to do: runs then take the reference.

    Exit code 1 where no folder can be written: what is compiled would be of no use to any run.
    """
    if unavailable() is None and folder() is None:
        print("coexsim: no folder for the compiled engine can be written; each longer run compiles it", file=sys.stderr)
        return 1
    try:
        load_kernel()
    except ImportError as error:
        print(f"coexsim: no compiled engine on this machine: {unavailable() or error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
