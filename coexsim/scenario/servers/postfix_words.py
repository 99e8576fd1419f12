"""Settings of Postfix that a scenario says otherwise, or has no part for: what to write in their place."""

_CONCURRENCY = "capacity.transfer_threads_per_destination says it"
_PEOPLE = "its entries are people of the directory, or names under virtual_alias_maps"
_REWRITES = "addresses are not rewritten here: virtual_alias_maps leads recipients elsewhere, senders are written as they are afterwards"
_SCANS = "the time that it takes belongs in service.scan; what it refuses is not modelled"
_NO_CONTENT = "messages have no headers and no text here"
_RATE_DELAY = "default_destination_rate_delay says it"

SAID_BY = {
    "myhostname": "host says it",
    "mydomain": "the scenario's domain, and mydestination, say it",
    "inet_protocols": "ipv6 says it",
    "inet_interfaces": "it listens on all its addresses here",
    "transport_maps": "transport says it",
    "virtual_maps": "virtual_alias_maps says it",
    "virtual_mailbox_maps": _PEOPLE,
    "local_recipient_maps": _PEOPLE + "; where the map is empty, write reject_unlisted_recipient: false",
    "alias_maps": _PEOPLE,
    "relay_recipient_maps": "relay_recipient_check: true says that there is one; its entries are people of the directory",
    "relocated_maps": "transport says it for each address: 'error:5.1.6 has moved to ...'",
    "canonical_maps": _REWRITES,
    "recipient_canonical_maps": _REWRITES,
    "sender_canonical_maps": _REWRITES,
    "smtp_generic_maps": _REWRITES,
    "masquerade_domains": _REWRITES,
    "mailbox_transport": "mail files are on a server here, whatever delivers into them; its time belongs in service.deliver",
    "local_transport": "transport says it for the domains of mydestination",
    "default_destination_concurrency_limit": _CONCURRENCY,
    "smtp_destination_concurrency_limit": _CONCURRENCY,
    "smtp_destination_rate_delay": _RATE_DELAY,
    "default_transport_rate_delay": _RATE_DELAY + ", by destination",
    "smtp_destination_recipient_limit": "default_destination_recipient_limit says it",
    "smtpd_client_connection_count_limit": "capacity.connections_per_client says it",
    "default_process_limit": "capacity.smtp_connections and transfer_threads say it",
    "smtp_tls_security_level": "requires_tls_to says to whom it sends over TLS only",
    "smtpd_tls_security_level": "offers_tls and requires_tls_from say it",
    "smtp_connect_timeout": "smtp.connect_timeout says it",
    "mailbox_size_limit": "people with a full mail file have over_quota: true",
    "virtual_mailbox_limit": "people with a full mail file have over_quota: true",
    "bounce_queue_lifetime": "notices are kept as long as mail: maximal_queue_lifetime",
    "parent_domain_matches_subdomains": "relay_domains take their subdomains along, as by default",
    "content_filter": _SCANS,
    "smtpd_milters": _SCANS,
    "smtpd_proxy_filter": _SCANS,
    "header_checks": _NO_CONTENT,
    "body_checks": _NO_CONTENT,
    "disable_dns_lookups": "write the hosts in brackets: '[host]'",
    "defer_transports": "transport says it: 'retry:text'",
    "smtpd_relay_restrictions": "mynetworks, defer_unauth_destination and reject_... keys say what they do",
    "smtpd_recipient_restrictions": "mynetworks, reject_unverified_recipient and reject_... keys say what they do",
}
