"""The words in which each product writes its notices: what people see first of a bounce. Machines read the other parts (RFC 3464)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class NoticeStyle(NamedTuple):
    """Sender, subject and text of a product's notices, by kind (`dsn`, `delay`).

    In all of them `{host}` is the server that writes, `{domain}` its first domain; `{told}` are the recipients, in the words of `each`;
    `{first}` is the first reply's text, `{until}` the end of a message's time in the queue. `each` has `{address}`, the `{reply}`, and
    what was `{said}`: by the other server, in its own words, where one refused.
    """

    sender: str
    subjects: Mapping[str, str]
    texts: Mapping[str, str]
    each: str


POSTFIX = NoticeStyle(
    "MAILER-DAEMON@{host} (Mail Delivery System)",
    {"dsn": "Undelivered Mail Returned to Sender", "delay": "Delayed Mail (still being retried)"},
    {
        "dsn": "This is the mail system at host {host}.\n\n"
        "Your message could not be delivered to the recipients below.\nNothing more will be tried for them.\n\n{told}\n",
        "delay": "This is the mail system at host {host}.\n\n"
        "Your message has not been delivered yet. You need not send it again:\nit will be tried until {until}.\n\n{told}\n",
    },
    "<{address}>: {reply}",
)
# Notices that users published; "non-delivery reports" and "DSN messages" of Microsoft's documentation [MS-NDR]; Set-TransportConfig,
# ExternalPostmasterAddress. Recipients inside read "Microsoft Outlook" as the sender.
EXCHANGE = NoticeStyle(
    "Microsoft Outlook <postmaster@{domain}>",
    {"dsn": "Undeliverable: your message", "delay": "Delivery delayed: your message"},
    {
        "dsn": "Delivery has failed to these recipients or groups:\n\n{told}\n\n"
        "Diagnostic information for administrators:\n\nGenerating server: {host}\n",
        "delay": "Delivery is delayed to these recipients or groups:\n\n{told}\n\n"
        "It will be tried until {until}.\n\nGenerating server: {host}\n",
    },
    "{address}\nRemote Server returned '{said}'",
)
# Exim's specification, "Customizing messages"; bounces that users published.
EXIM = NoticeStyle(
    "Mail Delivery System <Mailer-Daemon@{host}>",
    {"dsn": "Mail delivery failed: returning message to sender", "delay": "Warning: message delayed"},
    {
        "dsn": "This message was created automatically by mail delivery software.\n\n"
        "Your message could not be delivered to one or more of its recipients. This is\na permanent error. "
        "The following address(es) failed:\n\n{told}\n",
        "delay": "This message was created automatically by mail delivery software.\n\n"
        "Your message has not been delivered to all of its recipients yet. No action is\n"
        "required: it will be tried until {until}.\n\n{told}\n",
    },
    "  {address}\n    {reply}",
)
# As readers of bounces know them: sisimai, Lhost::Domino.
DOMINO = NoticeStyle(
    "Postmaster@{domain}",
    {"dsn": "DELIVERY FAILURE: {first}", "delay": "DELAYED DELIVERY: your message"},
    {
        "dsn": "Your message\n\nwas not delivered to:\n\n{told}\n",
        "delay": "Your message\n\nhas not been delivered yet, and will be tried until {until}, to:\n\n{told}\n",
    },
    "  {address}\n\nbecause:\n\n  {said}",
)
# sisimai/set-of-emails #4, and bounces that users published.
GOOGLE = NoticeStyle(
    "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
    {"dsn": "Delivery Status Notification (Failure)", "delay": "Delivery Status Notification (Delay)"},
    {
        "dsn": "** Message not delivered **\n\n{told}\n",
        "delay": "** Delivery incomplete **\n\nIt will be tried until {until}.\n\n{told}\n",
    },
    "Your message couldn't be delivered to {address}.\n\nThe response was:\n\n{said}",
)
_STYLES = {
    "exchange": EXCHANGE,
    "exchange-2016": EXCHANGE,
    "exchange-online": EXCHANGE,
    "exim": EXIM,
    "domino": DOMINO,
    "google-workspace": GOOGLE,
}


def style_of(product: str) -> NoticeStyle:
    """The style of a product; that of Postfix where a product's own is not known."""
    return _STYLES.get(product, POSTFIX)
