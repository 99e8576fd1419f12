"""Postfix's lists of restrictions (smtpd_*_restrictions): which of them are keys of a scenario, and what the others mean."""

from __future__ import annotations

from coexsim.intake.configs.found import Found, Where
from coexsim.intake.configs.postfix_access import TABLES as ACCESS
from coexsim.intake.configs.postfix_access import AccessTables
from coexsim.intake.configs.postfix_expand import UNSET
from coexsim.intake.configs.postfix_files import Main
from coexsim.intake.configs.postfix_tables import Tables

MOST_CLASSES = 10  # that name each other
LISTS = (
    "smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions", "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions", "smtpd_data_restrictions", "smtpd_end_of_data_restrictions",
)  # fmt: skip


def restrictions(main: Main, tables: Tables, found: Found, server: tuple[str, str]) -> None:
    """The lists of smtpd restrictions: what of them is a key, and what is not."""
    seen: set[str] = set()
    access = AccessTables(tables, found, server)
    for parameter in LISTS:
        where = main.where(parameter)
        words = _spelled_out(main, main.words(parameter))
        for number_, word in enumerate(words):
            seen.add(word)
            if where is None or word in _PLAIN_RESTRICTIONS or (number_ and words[number_ - 1] in _WITH_ARGUMENT):
                continue
            if word in ACCESS:
                access.read(parameter, words, number_, where)
                continue
            _restriction(word, words[number_ + 1 : number_ + 2], where, found, server, parameter)
        _for_all(parameter, words, where, found)
    if main.text("smtpd_reject_unlisted_recipient", "yes") == "no" and "reject_unlisted_recipient" not in seen:
        where = main.where("smtpd_reject_unlisted_recipient")
        found.put((*server, "reject_unlisted_recipient"), "disabled", where)
    everyone = main.text("smtpd_reject_unlisted_sender", "no") == "yes"
    if everyone or "reject_unlisted_sender" in seen:
        where = main.where("smtpd_reject_unlisted_sender") if everyone else main.where("smtpd_sender_restrictions")
        found.put((*server, "reject_unlisted_sender"), "everyone" if everyone else "outside", where or UNSET)
    relaying = main.words("smtpd_relay_restrictions")
    if "defer_unauth_destination" in relaying and "reject_unauth_destination" not in relaying:
        found.put((*server, "defer_unauth_destination"), "enabled", main.where("smtpd_relay_restrictions") or UNSET)
    if not any(_forbids_relaying(_spelled_out(main, main.words(parameter))) for parameter in RELAY_LISTS):
        where = main.where("smtpd_relay_restrictions") or main.where("smtpd_recipient_restrictions")
        meaning = (
            "Postfix's smtpd does not start so: smtpd_relay_restrictions or smtpd_recipient_restrictions must have a working "
            "reject_unauth_destination, "
            "defer_unauth_destination, reject, defer or defer_if_permit; here it takes mail for its own domains only"
        )
        if where is None:
            meaning += "; before 2.10 Postfix did so by default: there write compatibility_level = 2, or the lists of postconf -d"
        found.leave("smtpd_relay_restrictions", main.text("smtpd_relay_restrictions"), where or UNSET, meaning)


RELAY_LISTS = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
_AGAINST_RELAYING = {
    "reject_unauth_destination", "defer_unauth_destination", "reject", "defer", "defer_if_permit", "check_relay_domains",
}  # fmt: skip
"""Without one of these Postfix 3.7.11 says "specify at least one working instance of" them, and does not start (smtpd, observed)."""
_PLAIN_RESTRICTIONS = _AGAINST_RELAYING | {
    "permit_mynetworks", "permit_sasl_authenticated", "permit", "reject_unlisted_recipient", "permit_auth_destination",
    "reject_non_fqdn_recipient", "reject_non_fqdn_sender", "reject_unauth_pipelining", "permit_tls_clientcerts",
    "reject_non_fqdn_helo_hostname", "reject_invalid_helo_hostname", "reject_unlisted_sender", "reject_invalid_hostname",
    "reject_non_fqdn_hostname", "reject_multi_recipient_bounce", "reject_plaintext_session", "permit_tls_all_clientcerts",
}  # fmt: skip
_WITH_ARGUMENT = ("check_policy_service", "check_client_access", "check_sender_access", "check_recipient_access", "check_helo_access",
                  "reject_rbl_client", "reject_rhsbl_sender", "reject_rhsbl_client", "sleep", "check_sender_mx_access",
                  "check_recipient_mx_access", "reject_rhsbl_helo", "check_sender_ns_access", "warn_if_reject")  # fmt: skip
_AS_KEYS = ("reject_unknown_sender_domain", "reject_unknown_recipient_domain", "reject_unverified_recipient",
            "reject_unverified_sender")  # fmt: skip


def _spelled_out(main: Main, words: list[str], depth: int = 0) -> list[str]:
    """The list with what the names in smtpd_restriction_classes stand for in their place."""
    classes = main.words("smtpd_restriction_classes")
    found: list[str] = []
    for word in words:
        is_class = word in classes and depth < MOST_CLASSES
        found += _spelled_out(main, main.words(word), depth + 1) if is_class else [word]
    return found


def _forbids_relaying(words: list[str]) -> bool:
    """Has a list one that works: not behind warn_if_reject, nor after a permit that something follows."""
    for number_, word in enumerate(words):
        if number_ and words[number_ - 1] == "warn_if_reject":
            continue
        if word == "permit" and words[number_ + 1 :]:
            return False
        if word in _AGAINST_RELAYING:
            return True
    return False


def _for_all(parameter: str, words: list[str], where: Where | None, found: Found) -> None:
    """Tell a list that refuses everybody whom nothing before it permits, also with mail for the server's own domains."""
    last = words[-1] if words else ""
    is_own_permitted = {"permit", "permit_auth_destination", "warn_if_reject"} & set(words[:-1])
    if where is not None and last in ("reject", "defer", "defer_if_permit") and not is_own_permitted:
        meaning = "who is not permitted before is refused, with mail for the server's own domains too; here that mail is taken"
        found.leave(parameter, last, where, meaning)


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
    found.leave(parameter, said, where, meaning)
