"""Postfix's lists of restrictions (smtpd_*_restrictions): which of them are keys of a scenario, and what the others mean."""

from __future__ import annotations

from coexsim.intake.configs.found import Found, Where
from coexsim.intake.configs.postfix_files import Main

LISTS = (
    "smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions", "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions", "smtpd_data_restrictions", "smtpd_end_of_data_restrictions",
)  # fmt: skip


def restrictions(main: Main, found: Found, server: tuple[str, str]) -> None:
    """The lists of smtpd restrictions: what of them is a key, and what is not."""
    seen: set[str] = set()
    for parameter in LISTS:
        where = main.where(parameter)
        words = main.words(parameter)
        for number_, word in enumerate(words):
            seen.add(word)
            if where is None or word in _PLAIN_RESTRICTIONS or (number_ and words[number_ - 1] in _WITH_ARGUMENT):
                continue
            _restriction(word, words[number_ + 1 : number_ + 2], where, found, server, parameter)
    if main.text("smtpd_reject_unlisted_recipient", "yes") == "no" and "reject_unlisted_recipient" not in seen:
        where = main.where("smtpd_reject_unlisted_recipient")
        found.put((*server, "reject_unlisted_recipient"), "disabled", where)
    relaying = main.words("smtpd_relay_restrictions")
    if "defer_unauth_destination" in relaying and "reject_unauth_destination" not in relaying:
        found.put((*server, "defer_unauth_destination"), "enabled", main.where("smtpd_relay_restrictions"))
    if seen.isdisjoint(_AGAINST_RELAYING):
        where = main.where("smtpd_relay_restrictions") or main.where("smtpd_recipient_restrictions")
        found.put((*server, "relay_for"), ["anyone"], where, "nothing in the restrictions forbids relaying")


_AGAINST_RELAYING = {
    "reject_unauth_destination",
    "defer_unauth_destination",
    "reject",
    "defer",
    "reject_unverified_recipient",
}
_PLAIN_RESTRICTIONS = _AGAINST_RELAYING - {"reject_unverified_recipient"} | {
    "permit_mynetworks", "permit_sasl_authenticated", "permit", "reject_unlisted_recipient", "permit_auth_destination",
    "reject_non_fqdn_recipient", "reject_non_fqdn_sender", "reject_unauth_pipelining", "permit_tls_clientcerts",
    "reject_non_fqdn_helo_hostname", "reject_invalid_helo_hostname", "reject_unlisted_sender", "reject_invalid_hostname",
    "reject_non_fqdn_hostname", "reject_multi_recipient_bounce", "reject_plaintext_session", "permit_tls_all_clientcerts",
}  # fmt: skip
_WITH_ARGUMENT = ("check_policy_service", "check_client_access", "check_sender_access", "check_recipient_access", "check_helo_access",
                  "reject_rbl_client", "reject_rhsbl_sender", "reject_rhsbl_client", "sleep", "check_sender_mx_access",
                  "check_recipient_mx_access", "reject_rhsbl_helo", "check_sender_ns_access", "warn_if_reject")  # fmt: skip
_AS_KEYS = ("reject_unknown_sender_domain", "reject_unknown_recipient_domain", "reject_unverified_recipient")


def _restriction(
    word: str, argument: list[str], where: Where, found: Found, server: tuple[str, str], parameter: str
) -> None:
    if word in _AS_KEYS:
        found.put((*server, word), "enabled", where, parameter)
        return
    said = " ".join([word, *argument]) if word in _WITH_ARGUMENT else word
    meaning = "mail that it refuses is taken here"
    if word == "check_policy_service":
        meaning = "a policy server is asked; if it greylists, write greylisting: {delay: 5 min}"
    elif word == "check_sender_access":
        meaning = "senders are refused by a table; if it refuses your own domain from outside, write reject_own_domain_from_outside"
    elif word == "check_recipient_access":
        meaning = "recipients are refused or redirected by a table; who is not known bounces here anyway"
    found.leave(parameter, said, where, meaning)
