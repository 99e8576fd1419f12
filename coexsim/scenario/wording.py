"""What a shop calls a person's entry in the directory and the place her mail is kept in: by the product that it has."""

from __future__ import annotations

from typing import NamedTuple

from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import DominoServer


class Wording(NamedTuple):
    """Two words of a shop."""

    record: str
    """What a server looks for: ``no {record} for ada@corporate.com``."""
    box: str
    """Where mail is kept."""


DOMINO = Wording("Person record", "mail file")
"""The words of Domino, and of the article."""
USUAL = Wording("recipient record", "mailbox")
"""Exchange's and Postfix's: both check recipients, and both keep mailboxes."""


def wording_of(scenario: Scenario) -> Wording:
    """The words of a scenario: Domino's where it has a Domino server, else the usual ones."""
    return DOMINO if scenario.of_kind(DominoServer) else USUAL
