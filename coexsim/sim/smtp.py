"""What an SMTP session costs in round trips, as measured on Postfix 3.7.11 over 20 to 100 ms (the counts are facts)."""

from __future__ import annotations

from coexsim.scenario.servers import SmtpSession

CONNECT, CONNECT_TLS, REUSE = 3, 7, 1  # connect, banner, EHLO; with STARTTLS; liveness check of a kept connection
ENVELOPE_AND_BODY = 2  # with PIPELINING, however many recipients
BODY_UNPIPELINED = 3  # and one for each recipient
INITIAL_WINDOW_BYTES = 14_600  # ten segments (RFC 6928)


def slow_start_round_trips(size_bytes: int) -> int:
    """Round trips that TCP's slow start adds to a body: 75 KB about +2, 1 MB about +6 (RFC 6928; measured +2.4 and +6).

    ceil(log2(size / window + 1)) - 1, in whole numbers: the window doubles with each round trip.
    """
    return max((-(-size_bytes // INITIAL_WINDOW_BYTES)).bit_length() - 1, 0)


def session_round_trips(spec: SmtpSession, size_bytes: int, recipients: int, *, reused: bool, body: bool = True) -> int:
    """Round trips until the final reply: 5 clear, 9 with TLS, 3 on a kept connection, n + 6 without PIPELINING.

    Without `body` the dialogue ends at RCPT: nobody was accepted.
    """
    opening = REUSE if reused else CONNECT_TLS if spec.tls else CONNECT
    if not body:
        return opening + (1 if spec.pipelining else 1 + recipients)
    envelope = ENVELOPE_AND_BODY if spec.pipelining else recipients + BODY_UNPIPELINED
    return opening + envelope + (0 if reused else slow_start_round_trips(size_bytes))
