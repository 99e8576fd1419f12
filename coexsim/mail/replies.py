"""What is said where mail is not taken: SMTP reply, enhanced status code and text, by product and cause.

What a product says otherwise than the RFCs stands in its file.
"""

from __future__ import annotations

from coexsim.mail.message import Reply
from coexsim.mail.policy import Policy
from coexsim.mail.products.product import Catalogue
from coexsim.mail.products.registry import REPLIES

# What RFC 3463 and RFC 5321 say; a product's own catalogue overrides it.
CLIENT_PRODUCT = "postfix"
"""In whose words a client outside tells of its failures."""
NO_SERVER = Reply(451, "4.4.1", "no server of this scenario takes mail from this sender")
"""What a user's own program says where nobody takes its mail."""
HOST = "%host%"
"""Stands in a reply of a client's own for the host that it was connected to; else that host is told before the reply."""
COMMON: Catalogue = {
    "unknown-user": (550, "5.1.1", "<{address}>: Recipient address rejected: User unknown"),
    **dict.fromkeys(
        ("unknown-local-user", "unknown-alias", "unknown-relay-user"),  # told apart by Postfix only
        (550, "5.1.1", "<{address}>: Recipient address rejected: User unknown"),
    ),
    "relay-denied": (554, "5.7.1", "<{address}>: Relay access denied"),
    "relay-deferred": (454, "4.7.1", "<{address}>: Relay access denied"),  # seen by users of Postfix
    "internal-only": (550, "5.7.1", "<{address}>: only internal senders may write to this address"),
    "internal-only-person": (550, "5.7.1", "<{address}>: only internal senders may write to this address"),
    "forwards-outside": (550, "5.7.1", "<{address}>: forwarding to other domains is not allowed"),
    # RFC 3463, X.1.3. Of products whose own words are not in the list it is not known whether they take such addresses.
    "address-literal": (501, "5.1.3", "<{address}>: it is not known whether this product takes address literals"),
    "bare-address": (501, "5.1.3", "<{address}>: the domain is an IP address without brackets"),
    "too-big": (552, "5.3.4", "Message size exceeds fixed limit"),
    "more-than-announced": (552, "5.3.4", f"{{detail}} of server {HOST}"),  # smtp_proto.c [PF-SRC]: said by a client
    "body-too-big": (552, "5.3.4", "Error: message file too big"),
    "too-big-to-keep": (552, "5.3.4", "Message size exceeds fixed maximum message size"),
    "too-many-hops": (554, "5.4.6", "Too many hops"),
    "loops-to-self": (554, "5.4.6", "mail for {domain} loops back to myself"),
    "forwarding-loop": (554, "5.4.6", "<{address}>: forwarding leads back to this address"),
    "alias-expansion": (451, "4.6.0", "Alias expansion error"),  # seen with Postfix, which alone has the cause
    "no-such-domain": (550, "5.4.4", "Host or domain name not found: {detail}"),
    "no-address": (550, "5.4.4", "Host or domain name not found: {detail}"),
    "null-mx": (556, "5.1.10", "Domain {domain} does not accept mail (null MX)"),
    "primary-not-found": (451, "4.4.4", "{detail}"),
    "set-up-at-fault": (451, "4.3.5", "mail for {domain} is kept: {detail}"),
    "unverified-recipient": (450, "4.1.1", "<{address}>: Recipient address rejected: unverified address: {detail}"),
    "undeliverable-recipient": (
        550,
        "5.1.1",
        "<{address}>: Recipient address rejected: undeliverable address: {detail}",
    ),
    "unverified-sender": (450, "4.1.7", "<{address}>: Sender address rejected: unverified address: {detail}"),
    "undeliverable-sender": (550, "5.1.7", "<{address}>: Sender address rejected: undeliverable address: {detail}"),
    "smtputf8-not-offered": (550, "5.6.7", "SMTPUTF8 is required, but was not offered"),
    "tls-not-offered": (454, "4.7.4", "TLS is required, but was not offered"),
    "certificate-not-valid": (454, "4.7.5", "Server certificate not verified"),
    "tls-required": (530, "5.7.0", "Must issue a STARTTLS command first"),
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
    "unclear-sender-domain": (450, "4.1.8", "<{address}>: Sender address rejected: Domain not found"),
    "unclear-recipient-domain": (450, "4.1.2", "<{address}>: Recipient address rejected: Domain not found"),
    "unknown-sender": (550, "5.1.7", "<{address}>: Sender address rejected: User unknown"),
    "unlisted-sender": (550, "5.1.0", "<{address}>: Sender address rejected: User unknown"),
    "relay-denied-to-sender": (550, "5.7.1", "<{address}>: Relay access denied to this sender"),
    "not-by-the-connector": (550, "5.7.1", "mail is taken from other hosts only"),
    "own-domain-from-outside": (550, "5.7.1", "<{address}>: Sender address rejected: not from outside"),
    "unknown-recipient-domain": (450, "4.1.2", "<{address}>: Recipient address rejected: Domain not found"),
    "queue-full": (452, "4.3.1", "Insufficient system storage"),
    "too-many-connections": (421, "4.7.0", "Error: too many connections"),
    "rate-limited": (450, "4.7.1", "Error: too much mail from {detail}"),  # [PF-SRC]
    "recipient-rate-limited": (450, "4.7.1", "Error: too many recipients from {detail}"),  # [PF-SRC]
    "mailbox-receives-too-much": (450, "4.2.1", "<{address}> receives mail too quickly"),
    "mailbox-sends-too-much": (550, "5.4.5", "Daily sending limit exceeded"),
    "tenant-sends-too-much": (550, "5.4.5", "Daily sending limit exceeded"),
    "too-many-recipients": (452, "4.5.3", "<{address}>: Error: too many recipients"),  # [PF-SRC]
    "too-many-submitted": (550, "5.5.3", "Too many recipients"),
    "reserved-domain": (550, "5.1.4", "<{address}>: domain reserved by RFC 2606"),
    "reserved-second-level-domain": (550, "5.1.5", "<{address}>: domain reserved by RFC 2606"),
    "mailbox-full": (552, "5.2.2", "<{address}>: mailbox is full"),
    "edge-blocked": (550, "5.4.1", "Recipient address rejected: Access denied"),
}


def reply(product: str, cause: str, *, address: str = "", domain: str = "", detail: str = "") -> Reply:
    """The reply of a product for a cause of the catalogue."""
    code, enhanced, text = REPLIES.get(product, {}).get(cause) or COMMON[cause]
    return Reply(code, enhanced, text.format(address=address, domain=domain, detail=detail))


def at_host(said: Reply, host: str) -> Reply:
    """The reply that a client gives of a host, by its own rules."""
    text = said.text.replace(HOST, host) if HOST in said.text else f"{host}: {said.text}"
    return said._replace(text=text)


def softened(said: Reply) -> Reply:
    """A permanent reply as one to try again later: 550 5.1.1 as 450 4.1.1 (Postfix: soft_bounce)."""
    return said if said.temporary else said._replace(code=said.code - 100, enhanced="4" + said.enhanced[1:])


def expired_reply(policy: Policy, last: Reply) -> Reply:
    """What the notice about mail that is too old says, given the last failure."""
    if policy.expired == "keeps-code":
        return last
    said = reply(policy.product, "expired", detail=last.text)
    return said._replace(enhanced="5" + last.enhanced[1:]) if policy.expired == "last-made-permanent" else said
