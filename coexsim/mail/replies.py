"""What each product says when it will not take mail: SMTP reply, enhanced status code and text, as data.

Sources by their keys in profiles/SOURCES.md; Postfix's texts were seen in the lab. Texts of Domino and of the hosted service are
their customary wording, from memory; the codes count.
"""

from __future__ import annotations

from coexsim.mail.message import Reply

_Catalogue = dict[str, tuple[int, str, str]]

# What RFC 3463 and RFC 5321 say; a product's own catalogue overrides it.
_COMMON: _Catalogue = {
    "unknown-user": (550, "5.1.1", "<{address}>: Recipient address rejected: User unknown"),
    "relay-denied": (554, "5.7.1", "<{address}>: Relay access denied"),
    "too-big": (552, "5.3.4", "Message size exceeds fixed limit"),
    "body-too-big": (552, "5.3.4", "Error: message file too big"),
    "too-many-hops": (554, "5.4.6", "Too many hops"),
    "loops-to-self": (554, "5.4.6", "mail for {domain} loops back to myself"),
    "forwarding-loop": (554, "5.4.6", "<{address}>: forwarding leads back to this address"),
    "alias-expansion": (451, "4.6.0", "Alias expansion error"),  # seen with Postfix, which alone has the cause
    "no-such-domain": (550, "5.4.4", "Host or domain name not found: {detail}"),
    "no-address": (550, "5.4.4", "Host or domain name not found: {detail}"),
    "null-mx": (556, "5.1.10", "Domain {domain} does not accept mail (null MX)"),
    "dns-temporary": (451, "4.4.3", "Name service error: {detail}"),
    "connection-refused": (451, "4.4.1", "connect to {detail}: Connection refused"),
    "connection-timed-out": (451, "4.4.1", "connect to {detail}: Connection timed out"),
    "connection-lost": (451, "4.4.2", "lost connection with {detail}"),
    "no-smart-host": (550, "5.1.1", 'unknown user: "{address}"'),  # listed, but nobody delivers: seen with Postfix
    "no-route": (550, "5.4.4", "<{address}>: no route: {detail}"),
    "expired": (550, "5.4.7", "delivery time expired: {detail}"),
    "delayed": (450, "4.4.7", "delivery delayed: {detail}"),
    "greylisted": (450, "4.2.0", "<{address}>: Recipient address rejected: Greylisted"),
    "unknown-sender-domain": (450, "4.1.8", "<{address}>: Sender address rejected: Domain not found"),
    "null-mx-sender-domain": (
        550,
        "5.7.27",
        "<{address}>: Sender address rejected: Domain {domain} does not accept mail (nullMX)",
    ),
    "null-mx-recipient-domain": (
        556,
        "5.1.10",
        "<{address}>: Recipient address rejected: Domain {domain} does not accept mail (nullMX)",
    ),
    "own-domain-from-outside": (550, "5.7.1", "<{address}>: Sender address rejected: not from outside"),
    "unknown-recipient-domain": (450, "4.1.2", "<{address}>: Recipient address rejected: Domain not found"),
    "queue-full": (452, "4.3.1", "Insufficient system storage"),
    "too-many-connections": (421, "4.7.0", "Error: too many connections"),
    "too-many-recipients": (452, "4.5.3", "<{address}>: Error: too many recipients"),  # [PF-SRC]
    "too-many-submitted": (550, "5.5.3", "Too many recipients"),
    "reserved-domain": (550, "5.1.4", "<{address}>: domain reserved by RFC 2606"),
    "mailbox-full": (552, "5.2.2", "<{address}>: mail file is full"),
    "edge-blocked": (550, "5.4.1", "Recipient address rejected: Access denied"),
}

_PRODUCTS: dict[str, _Catalogue] = {
    "postfix": {
        "unknown-user": (
            550,
            "5.1.1",
            "<{address}>: Recipient address rejected: User unknown in virtual mailbox table",
        ),
        "too-many-hops": (554, "5.4.0", "Error: too many hops"),
        "null-mx": (556, "5.1.0", "Domain {domain} does not accept mail (nullMX)"),
    },
    "exchange": {
        "unknown-user": (550, "5.1.1", "User unknown (RESOLVER.ADR.ExRecipNotFound)"),  # [MS-RF], [MS-NDR]
        "relay-denied": (550, "5.7.1", "Unable to relay"),  # [MS-NDR]; leading 550 from memory
        "too-many-hops": (554, "5.4.6", "Hop count exceeded - possible mail loop"),  # [MS-546]
        "no-smart-host": (
            550,
            "5.4.4",
            "ROUTING.NoConnectorForAddressType; unable to route <{address}>",
        ),  # from memory
        "body-too-big": (552, "5.3.4", "Message size exceeds fixed maximum message size"),  # [MS-NDR]
        "too-many-recipients": (452, "4.5.3", "Too many recipients"),
        "too-many-submitted": (
            550,
            "5.5.3",
            "RESOLVER.ADR.RecipLimit; too many recipients",
        ),  # [MS-NDR]; text from memory
        "mailbox-full": (550, "5.2.2", "RESOLVER.RST.QuotaExceeded; mailbox full"),  # [MS-NDR]; text from memory
        "loops-to-self": (
            554,
            "5.3.5",
            "System incorrectly configured: mail for {domain} leads back to this server",
        ),  # [MS-NDR]
        "expired": (550, "4.4.7", "QUEUE.Expired; message expired"),  # [MS-NDR]
        "queue-full": (452, "4.3.1", "Insufficient system resources"),  # [MS-NDR]; leading 452 from memory
        "too-many-connections": (421, "4.3.2", "Service not available"),  # [MS-NDR]; leading 421 from memory
    },
    "domino": {
        "unknown-user": (550, "5.1.1", "{address}... No such user: not listed in the Domino Directory"),
        "relay-denied": (554, "5.7.1", "Relay rejected for policy reasons."),  # [D-SPAM]
        "too-big": (552, "5.3.4", "Message exceeds the maximum size allowed on this server"),
        "body-too-big": (552, "5.3.4", "Message exceeds the maximum size allowed on this server"),
        "no-smart-host": (
            550,
            "5.4.4",
            "No route found to {domain} for <{address}>",
        ),  # the "domain" class of failures [D-NDR]
        "too-many-hops": (554, "5.4.6", "Maximum hop count exceeded. Message probably in a routing loop."),  # [D-LOOP]
        "forwarding-loop": (554, "5.4.6", "Maximum forwarding loop count exceeded"),  # [D-LOOP]
    },
    "hosted": {"relay-denied": (554, "5.7.1", "<{address}>: Relay access denied")},
}


def reply(product: str, cause: str, *, address: str = "", domain: str = "", detail: str = "") -> Reply:
    """The reply of a product for a cause of the catalogue."""
    code, enhanced, text = _PRODUCTS.get(product, {}).get(cause) or _COMMON[cause]
    return Reply(code, enhanced, text.format(address=address, domain=domain, detail=detail))
