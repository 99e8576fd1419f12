"""``coexsim`` and ``python -m coexsim``."""

import importlib
import re
import sys
from contextlib import suppress
from types import ModuleType
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit."""
    _import_alone()
    _import_yaml()
    from coexsim.cli import main as run

    run()


def _import_alone() -> None:
    """Import dnspython without its looking for what else is installed.

    It asks for optional parts, which coexsim does not use; reading what it asks with (with it e-mail, archives and tables), and
    asking, takes longer than the rest of it. Where it asks in another way than expected, this only gains nothing.
    """
    name = "importlib.metadata"
    if name in sys.modules:
        return
    sys.modules[name] = nothing = ModuleType(name)
    nothing.entry_points = lambda **_: ()  # type: ignore[attr-defined]
    try:
        for asking in ("dns._features", "dns.name"):
            with suppress(ImportError):
                importlib.import_module(asking)
    finally:
        del sys.modules[name]


class _Later:
    """A pattern that is compiled when it is first used."""

    _compile = staticmethod(re.compile)

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._said = pattern, flags

    def __getattr__(self, name: str) -> object:
        return getattr(self._compile(*self._said), name)  # which `re` remembers


def _import_yaml() -> None:
    """Import PyYAML with its patterns to be compiled when they are used.

    They are of its reader in Python, which coexsim has no use for; the one for characters that cannot be printed alone takes a tenth
    of the time of a trace.
    """
    re.compile = _Later  # type: ignore[assignment]
    try:
        importlib.import_module("yaml")
    finally:
        re.compile = _Later._compile  # type: ignore[assignment]


if __name__ == "__main__":
    main()
