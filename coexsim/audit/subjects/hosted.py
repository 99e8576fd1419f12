"""What is assumed of a hosted service, and where it sends mail round."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.finding import Finding, FindingKind
from coexsim.audit.search import Search, Subject
from coexsim.mail.products.services import is_guessed, organisation_of
from coexsim.scenario.servers import HostedInbound, HostedOutbound

PROVIDER_BY_HOST_NAME = FindingKind(
    "PROVIDER-BY-HOST-NAME",
    "the hosted service is known by its host name only",
    "note",
    "The scenario does not say which service it is; the name of its mail host belongs to a service that is known.",
    "That service's defaults hold: how long it retries, whom it refuses at its edge, what it says.",
    "Write 'provider' at its inbound server; 'provider: other' if the name misleads.",
    "coexsim",
)


def providers_are_said(search: Search) -> Iterator[Finding]:
    """The hosted service is named, not guessed."""
    told: set[tuple[str, ...]] = set()
    for name, server in search.scenario.of_kind(HostedInbound, HostedOutbound).items():
        organisation = organisation_of(search.scenario, server)
        if is_guessed(search.scenario, server) and organisation.doors_in not in told:
            told.add(organisation.doors_in)
            key = organisation.service.key
            text = f"{name} is taken for {key} because of its host name; write 'provider: {key}' there if that is so"
            yield search.finding(PROVIDER_BY_HOST_NAME, ("servers", name), text, about=(name, key))


SUBJECT = Subject(explanations=(PROVIDER_BY_HOST_NAME,), finders=(providers_are_said,))
