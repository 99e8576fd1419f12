"""Delivery status notifications (RFC 3464): who gets one, how large it is, and the message itself."""

from __future__ import annotations

from coexsim.mail.message import NULL_SENDER, Envelope, Kind, Rcpt

# The notice itself plus the returned part. Postfix returns up to bounce_size_limit = 50,000 bytes, from memory: editable here.
NOTICE_BYTES = 3_000
RETURNED_BYTES_AT_MOST = 50_000


def notice_for(envelope: Envelope, kind: Kind = "dsn") -> Envelope | None:
    """The notice about mail that failed (or is late), to its sender; None for mail from the null sender (RFC 5321 4.5.5, 6.1).

    A bounce of a bounce is never sent: such mail is dropped.
    """
    if envelope.sender == NULL_SENDER:
        return None
    size = NOTICE_BYTES + min(envelope.size_bytes, RETURNED_BYTES_AT_MOST)
    return Envelope(NULL_SENDER, (Rcpt(envelope.sender),), size, received=1, kind=kind)
