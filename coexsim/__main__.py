"""``coexsim`` and ``python -m coexsim``."""

import gc
import importlib
import os
import sys
from contextlib import suppress
from types import ModuleType
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit."""
    # Imports, models and tables make many objects that stay: looking for garbage among them takes a tenth of the time.
    gc.set_threshold(100_000)
    _import_alone()
    from coexsim.cli import main as run

    run()


def _import_alone() -> None:
    """Import pydantic and dnspython without their looking for what else is installed.

    They ask for plug-ins and optional parts, which coexsim does not use; reading what they ask with (with it e-mail, archives and
    tables), and asking, is a tenth of the time of a trace. Where they ask in another way than expected, this only gains nothing.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    name = "importlib.metadata"
    if name in sys.modules:
        return
    sys.modules[name] = nothing = ModuleType(name)
    nothing.entry_points = lambda **_: ()  # type: ignore[attr-defined]
    try:
        for asking in ("pydantic.plugin._loader", "dns._features", "dns.name"):
            with suppress(ImportError):
                importlib.import_module(asking)
    finally:
        del sys.modules[name]


if __name__ == "__main__":
    main()
