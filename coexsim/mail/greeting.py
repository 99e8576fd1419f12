"""The beginning of an SMTP dialogue: what the server offers at EHLO, and what the client or the server cannot do without."""

from __future__ import annotations

from coexsim.mail.message import Envelope
from coexsim.mail.policy import Policy
from coexsim.mail.reception import Dialogue, Refusal
from coexsim.mail.replies import reply


def ended_at_greeting(dialogue: Dialogue) -> Refusal | None:
    """The refusal, of the first recipient, where one side needs what the other does not offer at EHLO: by the client, or by this server."""
    policy, client = dialogue.policy, dialogue.setup.policies.get(dialogue.client)
    if client is None:
        return None
    first = dialogue.envelope.recipients[0]
    missing = _missing(policy, client, dialogue.envelope)
    if missing is not None:
        cause, rule = missing
        sizes = f"message size {dialogue.envelope.size_bytes} exceeds size limit {policy.announced_size_bytes}"
        return Refusal(first, reply(client.product, cause, detail=sizes), "mail", rule, by_client=True)
    if not policy.requires_tls_from.isdisjoint({client.server, "anyone"}) and not client.offers_tls:
        return dialogue.refused(first, reply(policy.product, "tls-required"), "mail", "tls-required")
    return None


def _missing(policy: Policy, client: Policy, envelope: Envelope) -> tuple[str, str] | None:
    """What a client needs and this server does not offer: the cause of its reply, and the rule."""
    if not client.requires_tls_to.isdisjoint({policy.server, "anyone"}):
        if not policy.offers_tls:
            return "tls-not-offered", "tls-required"
        if not policy.valid_certificate:
            return "certificate-not-valid", "tls-required"
    if not policy.offers_smtputf8 and not _is_ascii(envelope):
        return "smtputf8-not-offered", "smtputf8-required"
    announced = policy.announced_size_bytes if client.heeds_announced_size and envelope.declares_size else None
    if announced is not None and envelope.size_bytes > announced:
        return "more-than-announced", "size-limit"
    return None


def _is_ascii(envelope: Envelope) -> bool:
    """Are all addresses of ASCII letters: else the message needs SMTPUTF8 at every server on its way (RFC 6531, 3.6)."""
    return envelope.sender.isascii() and all(rcpt.address.isascii() for rcpt in envelope.recipients)
