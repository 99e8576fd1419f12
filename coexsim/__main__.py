"""``coexsim`` and ``python -m coexsim``."""

import gc
import os
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit."""
    # Imports, models and tables make many objects that stay: looking for garbage among them takes a tenth of the time.
    gc.set_threshold(100_000)
    # Looking for plug-ins of pydantic opens a file of every package that is installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from coexsim.cli import main as run

    run()


if __name__ == "__main__":
    main()
