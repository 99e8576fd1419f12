"""Which commands there are."""

from __future__ import annotations

from typing import NamedTuple

ROUTES, LOAD, ANSWERS, YOURS = "Where mail goes", "What it costs", "How big, and what if", "Your own set-up and numbers"


class Place(NamedTuple):
    """Where a command is: the module in this package, the group of the help that lists it, and its function if that has another name."""

    module: str
    group: str
    function: str = ""


COMMANDS = {
    "trace": Place("routing", ROUTES),
    "check": Place("checking", ROUTES),
    "diff": Place("checking", ROUTES),
    "explain": Place("routing", ROUTES),
    "init": Place("writing", YOURS),
    "schema": Place("writing", YOURS),
    "run": Place("running", LOAD),
    "compare": Place("comparing", LOAD),
    "outage": Place("running", ANSWERS),
    "size": Place("sizing", ANSWERS),
    "sweep": Place("sweeping", ANSWERS),
    "explore": Place("exploring", ANSWERS),
    "import": Place("importing", YOURS, "import_"),
    "fit": Place("fitting", YOURS),
    "validate": Place("validating", YOURS),
}
