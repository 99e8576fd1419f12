"""What each parameter of Postfix that is not a key of a scenario means for the answers (postconf(5))."""

from __future__ import annotations

import re

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
TIMES = {  # parameter: key of a scenario, unit of a bare number
    "minimal_backoff_time": ("minimal_backoff_time", "s"),
    "maximal_backoff_time": ("maximal_backoff_time", "s"),
    "queue_run_delay": ("queue_run_delay", "s"),
    "maximal_queue_lifetime": ("maximal_queue_lifetime", "d"),
    "delay_warning_time": ("delay_warning_time", "h"),
    "address_verify_positive_expire_time": ("address_verify_positive_expire_time", "d"),
    "address_verify_positive_refresh_time": ("address_verify_positive_refresh_time", "d"),
    "address_verify_negative_expire_time": ("address_verify_negative_expire_time", "d"),
    "address_verify_negative_refresh_time": ("address_verify_negative_refresh_time", "h"),
    "default_destination_rate_delay": ("default_destination_rate_delay", "s"),
    "anvil_rate_time_unit": ("anvil_rate_time_unit", "s"),
}
NUMBERS = {
    "smtpd_recipient_limit": ("smtpd_recipient_limit",),
    "default_destination_recipient_limit": ("default_destination_recipient_limit",),
    "hopcount_limit": ("hopcount_limit",),
    "initial_destination_concurrency": ("initial_destination_concurrency",),
    "smtpd_client_connection_rate_limit": ("smtpd_client_connection_rate_limit",),
    "smtpd_client_message_rate_limit": ("smtpd_client_message_rate_limit",),
    "smtpd_client_recipient_rate_limit": ("smtpd_client_recipient_rate_limit",),
    "smtpd_client_connection_count_limit": ("capacity", "connections_per_client"),
}
FEEDBACKS = {  # parameter: the most that it can be
    "default_destination_concurrency_positive_feedback": 1.0,
    "default_destination_concurrency_negative_feedback": 1.0,
    "default_destination_concurrency_failed_cohort_limit": 1e6,
}
MATTERS = {
    "bounce_queue_lifetime": "notices are kept as long as mail here (maximal_queue_lifetime)",
    "canonical_maps": "addresses are rewritten by it; nothing is rewritten here: write the addresses as they are afterwards",
    "content_filter": "all mail goes through this filter; its time belongs in service.scan",
    "default_filter_nexthop": "the filter's place; its time belongs in service.scan",
    "default_transport_rate_delay": "a pause between deliveries; not modelled, so queues empty sooner here",
    "fallback_transport_maps": "whom the local tables do not know goes there, by address; fallback_transport is for all of them",
    "header_checks": "may reject, discard or redirect by headers; messages here have none",
    "body_checks": "may reject, discard or redirect by content; messages here have none",
    "in_flow_delay": "slows a client down when the queue grows; not modelled",
    "inet_interfaces": "on which of its addresses it listens; here it does on all of them",
    "masquerade_domains": "senders are rewritten by it; write the addresses as they are afterwards",
    "mailbox_size_limit": "a full mailbox bounces; name such people with over_quota",
    "mailbox_transport": "local mail is delivered by it; its time belongs in service.deliver",
    "message_strip_characters": "changes content only",
    "recipient_canonical_maps": "recipients are rewritten by it; write the addresses as they are afterwards",
    "sender_canonical_maps": "senders are rewritten by it; write the addresses as they are afterwards",
    "smtp_destination_rate_delay": "a pause between deliveries of this transport; say it with default_destination_rate_delay",
    "smtp_generic_maps": "addresses are rewritten on the way out; not modelled",
    "smtpd_milters": "filters asked in the dialogue; their time belongs in service.scan, their refusals are not known",
    "smtpd_proxy_filter": "a filter before the queue; its time belongs in service.scan",
    "virtual_mailbox_limit": "a full mailbox bounces; name such people with over_quota",
}
_NO_PART = re.compile(
    r"alias_database|append_dot_mydomain|biff|command_directory|compatibility_level|config_directory|daemon_directory"
    r"|data_directory|debug\w*|default_(?:database_type|privs)|disable_vrfy_command|enable_long_queue_ids|html_directory|inet_protocols"
    r"|maillog_\w+|mail_(?:name|owner|spool_directory|version)|mailq_path|manpage_directory|meta_directory|milter_\w+|multi_instance\w*"
    r"|my(?:destination|domain|hostname|networks|networks_style|origin)|newaliases_path|non_smtpd_milters|notify_classes|parent_domain\w+"
    r"|postscreen_\w+|process_id|queue_directory|readme_directory|sample_directory|sendmail_path|setgid_group|shlib_directory"
    r"|shell|smtpd?_(?:tls|sasl)_\w+|smtpd_banner|smtpd_etrn_restrictions|smtpd_helo_required|smtpd?_(?:use|enforce)_tls"
    r"|broken_sasl_auth_clients|owner_request_special|header_size_limit|backwards_bounce_\w+|respectful_logging|show_user_\w+"
    r"|smtp_(?:pix_\w+|always_send_ehlo|skip_\w+)|proxy_(?:read|write)_maps|authorized_\w+_users|enable_threaded_bounces"
    r"|allow_(?:percent_hack|min_user)|swap_bangpath|plaintext_reject_code|internal_mail_filter_classes|smtpd_sender_login_maps"
    r"|smtpd_client_ipv6_prefix_length|smtpd_client_\w+_exceptions|anvil_\w+|always_add_missing_headers|message_drop_headers"
    r"|smtp_(?:helo_name|bind_address6?|dns_support_level|host_lookup|address_preference)|smtputf8_\w+|strict_\w+"
    r"|syslog_\w+|tls_\w+|unknown_\w+_code|virtual_(?:gid|uid)_maps|virtual_(?:mailbox_base|minimum_uid)|export_environment"
    r"|import_environment|proxy_interfaces|mailbox_command|home_mailbox|local_header_rewrite_clients|openssl_path"
    r"|smtpd_(?:forbid|discard|delay)_\w+|long_queue_ids|maximal_queue_nothing|alternate_config_directories"
)


def has_no_part(name: str) -> bool:
    """Changes this parameter neither where mail goes nor what it costs here: paths, texts, logging, certificates."""
    return bool(_NO_PART.fullmatch(name))


def seconds(text: str, unit: str) -> float | None:
    """Seconds of a time as Postfix writes it: ``300s``, ``5d``, or a number in the parameter's own unit; None if it is none."""
    found = re.fullmatch(r"\s*([0-9]{1,12})\s*([smhdw]?)\s*", text)
    return float(found[1]) * SECONDS[found[2] or unit] if found else None


def number(text: str) -> int | None:
    """A whole number; None if it is none."""
    found = re.fullmatch(r"\s*([0-9]{1,15})\s*", text)
    return int(found[1]) if found else None
