"""The servers of a scenario: each product's settings in the product's own words, with its own defaults, in a file of its own."""

from typing import get_args

from coexsim.scenario.servers.base import ServerBase
from coexsim.scenario.servers.domino import DominoServer
from coexsim.scenario.servers.exchange import AcceptedDomain, ExchangeServer, SendConnector
from coexsim.scenario.servers.exim import EximServer
from coexsim.scenario.servers.external import INTERNET_SENDERS, ExternalServer
from coexsim.scenario.servers.hosted import HostedInbound, HostedOutbound, HostedService, OutboundConnector
from coexsim.scenario.servers.postfix import PostfixServer
from coexsim.scenario.servers.relay import RelayServer

AnyServer = (
    DominoServer
    | ExchangeServer
    | PostfixServer
    | EximServer
    | RelayServer
    | HostedInbound
    | HostedOutbound
    | ExternalServer
)
KINDS: tuple[str, ...] = tuple(get_args(server.model_fields["kind"].annotation)[0] for server in get_args(AnyServer))

__all__ = [
    "INTERNET_SENDERS", "KINDS", "AcceptedDomain", "AnyServer", "DominoServer", "EximServer", "ExchangeServer", "ExternalServer",
    "HostedInbound", "HostedOutbound", "HostedService", "OutboundConnector", "PostfixServer", "RelayServer", "SendConnector", "ServerBase",
]  # fmt: skip
