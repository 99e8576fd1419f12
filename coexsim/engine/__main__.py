"""``python -m coexsim.engine``: compile the engine ahead, so that no run has to wait for it."""

from __future__ import annotations

import sys

from coexsim.engine.cache import load_kernel, unavailable


def main() -> int:
    """Compile what is not compiled yet. Without Numba there is nothing to do: runs then take the reference."""
    try:
        load_kernel()
    except ImportError as error:
        print(f"coexsim: no compiled engine on this machine: {unavailable() or error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
