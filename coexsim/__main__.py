"""``coexsim`` and ``python -m coexsim``."""

import gc
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit."""
    # Imports, models and tables make many objects that stay: looking for garbage among them takes a tenth of the time.
    gc.set_threshold(100_000)
    from coexsim.cli import main as run

    run()


if __name__ == "__main__":
    main()
