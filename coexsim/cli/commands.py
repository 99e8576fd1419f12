"""Which commands there are."""

from __future__ import annotations

from typing import NamedTuple

ROUTES, LOAD, ANSWERS, YOURS = "Where mail goes", "What it costs", "How big, and what if", "Your own set-up and numbers"


class CommandPlace(NamedTuple):
    """Where a command is: the module in this package, the group of the help that lists it, and its function if that has another name."""

    module: str
    group: str
    function: str = ""


COMMANDS = {
    "trace": CommandPlace("routing", ROUTES),
    "check": CommandPlace("checking", ROUTES),
    "diff": CommandPlace("checking", ROUTES),
    "explain": CommandPlace("meaning", ROUTES),
    "init": CommandPlace("writing", YOURS),
    "schema": CommandPlace("writing", YOURS),
    "run": CommandPlace("running", LOAD),
    "compare": CommandPlace("comparing", LOAD),
    "outage": CommandPlace("running", ANSWERS),
    "size": CommandPlace("sizing", ANSWERS),
    "sweep": CommandPlace("sweeping", ANSWERS),
    "explore": CommandPlace("exploring", ANSWERS),
    "import": CommandPlace("importing", YOURS, "import_"),
    "fit": CommandPlace("fitting", YOURS),
    "validate": CommandPlace("validating", YOURS),
}
