"""Set-ups that people reported in public, made small: each does what its real servers did. Expectations stand in the files' messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.audit.check import check
from coexsim.errors import ScenarioError
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace, trace_mail
from coexsim.mail.traced import RecipientRoute
from coexsim.scenario.load import load_scenario, scenario_from_text

FOLDER = Path(__file__).parent / "public_cases"
HYBRID = {"VALID-RECIPIENT-BOUNCES"}

# Each file with the report or document that says what happened, and the errors and warnings that its check gives.
CASES: dict[str, tuple[str, set[str]]] = {
    "01-hub-edge-internal-relay": ("practical365, infinite loops with internal relay domains", {"LOOP"}),
    "03-filter-mx-hybrid-loop": (
        "a6n.co.uk 2025/07, hybrid mail loops; Microsoft, fix 5.4.14",
        {"LOOP", "EXCHANGE-DOMAIN-TYPE", "EXCHANGE-NO-SEND-CONNECTOR"},
    ),
    "04b-tenant-domain-internal-relay": ("365ology, hybrid mail flow; Microsoft's hybrid checklist", set()),
    "05-onprem-mailbox-not-synced": (
        "rmilne 2017/10, pilot group mail flow; Microsoft, fix 5.1.10",
        {"NOT-IN-REPLICA"},
    ),
    "06-dbeb-new-user": ("thomasjuhlolesen 2021/10, DBEB", {"REPLICA-LAG"}),
    "07-domino-verify-smarthost": (
        "Domino help, setting up a smart host",
        {"DOMINO-VERIFY-WITH-SMART-HOST", "PERSON-RECORD-MISSING"},
    ),
    "07b-domino-smarthost-noverify": ("Domino help, setting up a smart host", set()),
    "09-domino-exchange-onprem-no-route": ("Quest KB 4293319", {"VALID-RECIPIENT-BOUNCES"}),
    "10-postfix-backup-mx-self": ("mailcow-dockerized #500; seen with Postfix 3.7.11", {"UNREACHABLE"}),
    "10b-domain-in-both": ("trivial-rewrite(8)", {"POSTFIX-DOMAIN-IN-TWO-LISTS"}),
    "12-relaydomain-relayhost": ("mailcow-dockerized #1724; postconf(5), relayhost; seen with Postfix 3.7.11", set()),
    "13-catchall": ("docker-mailserver #1454, #3408", {"CATCH-ALL-TAKES-MAIL"}),
    "13b-catchall-identity": ("docker-mailserver #1454, #3408", set()),
    "14-mxloopback-exchange": ("se.au, hosted Exchange: SMTPSEND.DNS.MxLoopback", set()),
    "15-google-split-unknown-loops": ("Google Workspace help, split delivery", {"LOOP", "VALID-RECIPIENT-BOUNCES"}),
    "18-transport-not-own-hostname": ("docker-postfix #88", {"ZONE-MISSING"}),
    "19-domino-duplicate-group": ("IBM swg21390024", set()),
    "21-wildcard-accepted-domain": ("Microsoft, authoritative domains (Exchange 2013)", {"SIZE-LIMITS-DIFFER"}),
    "22-greylist-many-ips": ("stephenwagner 2018/08", set()),
    "23-ipv6-broken": ("postal #813, mailcow #3561", set()),
    "25-backup-mx-primary-name-fails": ("Postfix source, smtp_addr.c; seen with Postfix 3.7.11", set()),
    "26-backup-mx-primary-down": ("Zimbra and Postfix, backup MX", set()),
    "27-forwarder-half-migrated": ("cloudiway, forwarders", set()),
    "29-postfix-relay-to-exchange-unknown": ("mailcow-dockerized #2981", {"OWN-MAIL-REFUSED"}),
    "30-centralised-forwarded-copy": ("if-tech.de; Microsoft, transport routing", set()),
    "31-old-hoster-still-local": (
        "hostmycode, email routing in cPanel",
        {"PERSON-RECORD-MISSING", "VALID-RECIPIENT-BOUNCES"},
    ),
    "31b-old-hoster-not-local": ("hostmycode, email routing in cPanel", {"UNREACHABLE"}),
    "32-google-two-mx": ("buralog, hybrid MX", {"NOT-IN-REPLICA"}),
    "35-keep-and-forward": ("cloudiway, neroblanco: deliver and forward", set()),
    "36-other-tenant": ("messwerk.at 2016", set()),
    "36b-other-tenant-by-name": ("messwerk.at 2016", set()),
    "37-address-verification": ("mailcow-dockerized #2981; postconf(5), ADDRESS_VERIFICATION_README", set()),
    "37b-address-verification-default": ("postconf(5), unverified_recipient_reject_code", set()),
    "37c-address-verification-exchange-down": ("ADDRESS_VERIFICATION_README", set()),
    "39-sender-dependent-relay": ("postconf(5), sender_dependent_relayhost_maps", set()),
    "40-outbound-via-eop-no-connector": ("Microsoft, fix 5.7.64", {"OWN-MAIL-REFUSED"}),
    "40b-outbound-via-eop": ("Microsoft, fix 5.7.64", set()),
    "42-forwarding-primary-namespace": ("Quest KB 4264069", {"VALID-RECIPIENT-BOUNCES"}),
    "44-onprem-down-two-days": (
        "Microsoft, mail flow intelligence: 24 hours; cloudsteady",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "44b-onprem-down-like-exo": ("Microsoft, mail flow intelligence", {"VALID-RECIPIENT-BOUNCES"}),
    "47-group-mixed-dsn": ("RFC 5321, section 6.1", {"UNREACHABLE"}),
    "48-exchange-external-relay-and-star": ("Microsoft, accepted domains", {"SIZE-LIMITS-DIFFER"}),
    "50-exchange-wildcard-domains": ("Microsoft, Send connectors (address space), accepted domains (2013)", set()),
    "51-exchange-reserved-domains": ("Microsoft, NDRs in Exchange Server: 5.1.4, 5.1.5", {"ZONE-MISSING"}),
    "52-exo-connector-by-specific-domain": (
        "Microsoft, multiple connectors for the same scenario; mail flow for subdomains",
        {"LOOP", "SIZE-LIMITS-DIFFER"},
    ),
    "53-google-no-routing": ("Google Workspace help 77182: unknown recipients", {"VALID-RECIPIENT-BOUNCES"}),
    "53b-google-split-delivery": ("Google Workspace help, split delivery", {"SIZE-LIMITS-DIFFER"}),
    "53c-google-no-routing-mx-google": ("Google Workspace help 77182: unknown recipients", {"VALID-RECIPIENT-BOUNCES"}),
    "54-exo-connector-tls-not-offered": (
        "techcommunity 4445548, hybrid connector failing TLS",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "54b-exo-connector-certificate": ("thecloudtechnologist 2018/12, 454 4.7.5", {"VALID-RECIPIENT-BOUNCES"}),
    "54c-exchange-certificate": ("petersenit 2017/07, 454 4.7.5", {"VALID-RECIPIENT-BOUNCES"}),
    "54d-exchange-tls-not-offered": ("administrators' queue viewers: 451 5.7.3", {"VALID-RECIPIENT-BOUNCES"}),
    "55-domino-foreign-domains": ("Domino help, Foreign SMTP Domain documents", {"DOMINO-FOREIGN-DOMAIN-IS-LOCAL"}),
    "56-domino-global-domain-wildcard": ("Domino help, creating a Global Domain document", set()),
    "57-exim-sender-verification": ("Exim, configure.default: acl_check_rcpt", {"RELAYS-FOR-OUTSIDER"}),
    "58-exim-mx-is-itself": ("Exim FAQ Q0301; specification, self", {"UNREACHABLE"}),
    "59-postfix-equal-mx": ("RFC 5321 5.1; Postfix smtp_addr.c", set()),
    "59b-postfix-equal-mx-transport": ("Postfix, STANDARD_CONFIGURATION_README: backup MX", set()),
    "60-postfix-transport-order": ("transport(5); postconf(5), sender_dependent_relayhost_maps", set()),
    "61-tls-required-by-receiver": ("postconf(5), smtpd_tls_security_level", {"VALID-RECIPIENT-BOUNCES"}),
    "61b-tls-required-by-sender": ("postconf(5), smtp_tls_security_level", {"VALID-RECIPIENT-BOUNCES"}),
    "62-exo-message-sizes": ("Microsoft, Exchange Online limits: message size", set()),
    "63-exchange-mail-contact": ("Microsoft, recipient resolution", set()),
    "64-shared-domain-loop": ("IBM redbook, coexistence: unknown addresses", {"LOOP", "VALID-RECIPIENT-BOUNCES"}),
    "65-group-not-synchronised": (
        "Microsoft, directory-based edge blocking: dynamic groups, public folders",
        {"NOT-IN-REPLICA"},
    ),
    "66-two-exchange-organizations": (
        "Microsoft, accepted domains: shared between forests",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "67-own-domain-refused-from-cloud": ("Microsoft, anti-spoofing in hybrid: 5.7.1", {"OWN-MAIL-REFUSED"}),
    "67b-own-domain-let-through": ("Microsoft, anti-spoofing in hybrid: 5.7.1", set()),
    "68-mailbox-on-both-sides": ("administrators' reports: licence before migration", set()),
    "69-remote-mailbox-without-target": (
        "Microsoft, hybrid: remote mailbox and target address",
        {"EXCHANGE-DOMAIN-TYPE", "EXCHANGE-NO-SEND-CONNECTOR"},
    ),
    "70-target-domain-not-accepted": ("Microsoft, recipient resolution; connector selection", set()),
    "71-target-domain-authoritative": ("Microsoft, hybrid checklist: routing domain", {"VALID-RECIPIENT-BOUNCES"}),
    "72-size-not-announced": ("RFC 1870, SIZE declaration", set()),
    "73-mx-mistakes": (
        "RFC 5321 5.1, RFC 2181 10.3, RFC 7505",
        {"MX-IS-ADDRESS", "MX-IS-ALIAS", "MX-NO-ADDRESS", "NULL-MX"},
    ),
    "74-postfix-relay-unknown-only": ("mailcow: relay non-existing mailboxes only", {"VALID-RECIPIENT-BOUNCES"}),
    "75-edge-blocking-off": ("Microsoft, fix 5.1.10; directory-based edge blocking", set()),
    "76-google-dual-delivery": ("Google Workspace help, dual delivery", set()),
    "77-exchange-connector-choice": (
        "Microsoft, connector selection; Send connectors",
        {"OUTSIDE-UNREACHABLE", "SIZE-LIMITS-DIFFER", "VALID-RECIPIENT-BOUNCES"},
    ),
    "83-eop-standalone": ("Microsoft, set up connectors to route mail", set()),
    "83b-eop-without-connector": ("Microsoft, fix 5.4.14", {"VALID-RECIPIENT-BOUNCES"}),
    "84-backup-mx-backscatter": ("Postfix, BACKSCATTER_README; postfix.org, backup MX", set()),
    "87-domino-forwarding-address": ("IBM SmartCloud Notes, planning mail routing", {"DOMINO-NO-SMART-HOST"}),
    "89-domino-listener-off": (
        "the article; Domino help, SMTP listener task",
        {"DOMINO-LISTENER-OFF", "DOMINO-NO-SMART-HOST"},
    ),
    "92-ipv6-only-primary": ("RFC 5321 5.1; postconf(5), inet_protocols", set()),
    "93-exim-backup-mx": ("Exim, configure.default: relay_to_domains", set()),
    "94-both-sides-relay-unknown": ("IBM and Microsoft: smart hosts in both directions", {"LOOP"}),
    "100-centralised-onprem-does-not-relay": (
        "jesperstahle, centralised mail transport: 550 5.7.1 Unable to relay",
        {"OWN-MAIL-REFUSED"},
    ),
    "101-both-old-and-new-mx": (
        "RFC 5321 5.1; administrators' reports: the old MX record left in place",
        {"PERSON-RECORD-MISSING", "VALID-RECIPIENT-BOUNCES"},
    ),
    "102-backup-mx-no-longer-serves": ("postconf(5), relay_domains", {"VALID-RECIPIENT-BOUNCES"}),
    "103-postfix-relay-recipient-maps": (
        "Postfix, ADDRESS_CLASS_README and STANDARD_CONFIGURATION_README: relay_recipient_maps",
        {"OWN-MAIL-REFUSED"},
    ),
    "104-exim-callout": ("Exim specification, callout verification", {"SIZE-LIMITS-DIFFER"}),
    "104b-exim-no-callout": (
        "Exim specification, address verification",
        {"DSN-UNDELIVERABLE", "SIZE-LIMITS-DIFFER"},
    ),
    "104c-exim-callout-down": ("Exim specification, callout verification: defer", {"SIZE-LIMITS-DIFFER"}),
    "105-domino-all-local-to-smart-host-loop": ("Domino help, smart host for all local recipients", {"LOOP"}),
    "106-onprem-authoritative-cloud-only-user": (
        "Microsoft, hybrid: remote mailbox; administrators' reports of cloud-only mailboxes",
        {"EXCHANGE-DOMAIN-TYPE", "EXCHANGE-NO-SEND-CONNECTOR", "PERSON-RECORD-MISSING"},
    ),
    "106b-cloud-only-user-internal-relay": ("Microsoft, accepted domains: internal relay", set()),
    "107-postfix-transport-wildcard-own-domain": ("transport(5): the pattern *", {"LOOP"}),
    "110-google-by-alias-domain": ("Google Workspace help, test-google-a.com aliases", {"SIZE-LIMITS-DIFFER"}),
    "111-exchange-contacts-to-google": ("Microsoft and Google: mail contacts with a target domain", set()),
    "112-postfix-relayhost-is-itself": (
        "Postfix smtp_connect.c: relayhost configuration problem",
        {"SMART-HOST-IS-ITSELF"},
    ),
    "163-postfix-relayhost-not-found": (
        "Postfix smtp_connect.c: relayhost configuration problem",
        {"SMART-HOST-NO-ADDRESS"},
    ),
    "163b-postfix-fallback-not-found": (
        "Postfix smtp_connect.c: smtp_fallback_relay configuration problem",
        {"SMART-HOST-NO-ADDRESS"},
    ),
    "164-postfix-error-and-retry-transports": (
        "transport(5), error(8); smtpd_check.c; postconf(5), sender_dependent_default_transport_maps",
        set(),
    ),
    "165-postfix-soft-bounce": ("postconf(5), soft_bounce", set()),
    "166-postfix-fallback-transport": ("postconf(5), fallback_transport, local_recipient_maps", set()),
    "166b-postfix-fallback-transport-not-reached": (
        "postconf(5), fallback_transport: the note on local_recipient_maps",
        {"POSTFIX-UNLISTED-REFUSED"},
    ),
    "166c-postfix-luser-relay": ("postconf(5), luser_relay", set()),
    "166d-postfix-luser-relay-to-a-mailbox": ("postconf(5), luser_relay", set()),
    "167-postfix-gateway-by-classes": (
        "postconf(5), virtual_transport, relay_transport: precedence over relayhost; ADDRESS_CLASS_README",
        set(),
    ),
    "168-postfix-protected-list": ("RESTRICTION_CLASS_README, protecting internal distribution lists", set()),
    "169-zimbra-split-domain": (
        "wiki.zimbra.com, Split Domain: Zimbra as the primary system",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "170-exim-gateway-by-manualroute": (
        "Exim specification, the manualroute router; callout defer_ok; Debian's hubbed_hosts",
        {"SIZE-LIMITS-DIFFER"},
    ),
    "171-exim-mx-is-itself-fail": ("Exim specification, self = fail", set()),
    "171b-exim-mx-is-itself-freeze": ("Exim specification, self = freeze", set()),
    "172-exim-fallback-hosts": ("Exim specification, fallback_hosts; redirect router", set()),
    "173-exchange-online-catch-all": ("talkingbytes.co.uk, catch-all addresses in Exchange Online", set()),
    "173b-exchange-online-no-catch-all": ("Microsoft, fix 5.4.14: internal relay domains without a connector", set()),
    "174-google-catch-all": ("Google Workspace help 33962, 12109979: catch-all address", set()),
    "175-filter-bypassed": (
        "n-able Mail Assure, 550 5.7.51 TenantInboundAttribution; Microsoft, third-party filters",
        {"OWN-MAIL-REFUSED"},
    ),
    "175b-filter-and-hybrid": ("Microsoft, mail flow using a third-party cloud service", set()),
    "176-direct-send-rejected": ("techcommunity 4408790, Reject Direct Send", set()),
    "177-exchange-2016-replies": ("notices of Exchange 2016 and 2019 that users published", {"OWN-MAIL-REFUSED"}),
    "178-signature-service": ("CodeTwo and Exclaimer: signatures added in the cloud", set()),
    "179-journal-to-an-archive": ("Microsoft, journaling; archives outside, such as MailStore and Barracuda", set()),
    "180-postfix-always-bcc": ("postconf(5), always_bcc", set()),
    "181-domino-local-part-twice": ("HCL Domino help: ambiguous names; address lookup", {"UNREACHABLE"}),
    "181b-domino-full-name-first": ("HCL Domino help: address lookup, full name then local part", set()),
    "182-domino-relay-host-and-smart-host": (
        "Domino help, relay host for messages leaving the local Internet domain; inbound relay controls",
        {"OWN-MAIL-REFUSED", "VALID-RECIPIENT-BOUNCES"},
    ),
    "183-cloud-mailbox-of-a-dynamic-group": (
        "Microsoft, directory-based edge blocking: dynamic groups, public folders",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "184-postfix-canonical-by-alias": ("virtual(5): '@domain', recursion; seen with Postfix 3.7.11", {"UNREACHABLE"}),
    "185-postfix-two-relays-by-sender": (
        "postconf(5), sender_dependent_relayhost_maps; smtp_connect.c: no safety net for these",
        {"SMART-HOST-NO-ADDRESS"},
    ),
    "186-contact-of-a-moved-colleague": ("Microsoft, mail contacts; outbound spam policy on forwarding", set()),
    "187-exchange-scoped-connectors": ("Microsoft, connector selection: address space, then cost", set()),
    "188-google-inbound-and-outbound-gateway": (
        "Google Workspace help, inbound mail gateway and outbound mail gateway",
        set(),
    ),
    "189-split-brain-dns": (
        "administrators' reports: split-brain DNS; Set-SendConnector, UseExternalDNSServersEnabled",
        {"EXCHANGE-NO-SMART-HOST"},
    ),
    "189b-split-brain-external-dns": ("Set-SendConnector, UseExternalDNSServersEnabled", set()),
    "190-nested-groups-across-systems": (
        "Microsoft, recipient resolution: distribution groups, loops, duplicates",
        set(),
    ),
    "191-too-many-recipients": ("Microsoft, message size and recipient limits; postconf(5), recipient limits", set()),
    "192-exim-callout-and-greylisting": ("Exim specification, callout verification: temporary errors", set()),
    "193-postfix-moved-people-told": ("relocated(5); transport(5), error(8)", set()),
    "194-connector-with-two-smart-hosts": (
        "Microsoft, set up connectors: several smart hosts of one connector",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "195-centralised-and-the-office-is-away": (
        "Microsoft, transport options in hybrid deployments; mail flow intelligence: 24 hours",
        {"OUTSIDE-UNREACHABLE", "VALID-RECIPIENT-BOUNCES"},
    ),
    "196-google-receives-by-host-with-mx": (
        "Google Workspace help, add mail servers: perform MX lookup on host",
        {"DSN-UNDELIVERABLE", "SIZE-LIMITS-DIFFER", "VALID-RECIPIENT-BOUNCES"},
    ),
    "197-domino-hub-and-spokes": (
        "Domino help, routing within a Domino domain; inbound relay controls",
        {"OWN-MAIL-REFUSED", "VALID-RECIPIENT-BOUNCES"},
    ),
    "198-postfix-relaying-by-mynetworks": ("postconf(5), mynetworks, defer_unauth_destination", {"OWN-MAIL-REFUSED"}),
    "113-domino-forward-to-tenant": ("IBM and Microsoft: forwarding addresses in coexistence", set()),
    "114-greylisting-at-the-first-mx": ("RFC 5321 5.1; postconf(5), smtp_mx_session_limit", {"DSN-UNDELIVERABLE"}),
    "121-google-split-mailcow": (
        "mailcow-dockerized #380, #2390: Google split delivery",
        {"OWN-MAIL-REFUSED", "PERSON-RECORD-MISSING", "SIZE-LIMITS-DIFFER", "VALID-RECIPIENT-BOUNCES"},
    ),
    "121b-google-split-mailcow-cure": (
        "mailcow-dockerized #380: relay non-existing mailboxes; forwarding hosts",
        {"LOOP", "SIZE-LIMITS-DIFFER"},
    ),
    "122-hidden-server-behind-two-relays": ("mailcow-dockerized #1343", {"VALID-RECIPIENT-BOUNCES"}),
    "122b-hidden-server-by-transport": ("mailcow-dockerized #1343: transport to the hidden server", set()),
    "123-postfix-keep-and-forward": ("docker-mailserver #1881", set()),
    "124-postfix-catch-all-forward-and-keep": ("docker-mailserver #1355; virtual(5)", set()),
    "125-internal-relay-still-verified": (
        "exchangeserverpro: 550 5.1.1 for an internal relay domain, AddressBookEnabled",
        set(),
    ),
    "125b-internal-relay-not-verified": ("exchangeserverpro: AddressBookEnabled", set()),
    "126-gateway-routes-rewritten-recipient-inside": (
        "Broadcom 175921, Messaging Gateway: 5.7.1 Unable to relay",
        {"DSN-UNDELIVERABLE", "VALID-RECIPIENT-BOUNCES"},
    ),
    "126b-gateway-mx-for-the-other-domain": ("Broadcom 175921, Messaging Gateway", set()),
    "127-two-clouds-with-routing-subdomains": (
        "ammar.cloud: coexistence of Google Workspace and Microsoft 365",
        {"SIZE-LIMITS-DIFFER"},
    ),
    "128-filter-in-front-of-hybrid": (
        "clintboessen 2020/07: Forcepoint between Office 365 and on-premises",
        {"SIZE-LIMITS-DIFFER"},
    ),
    "129-smartcloud-foreign-mail-server": (
        "IBM SmartCloud Notes, routing between the service and foreign mail servers",
        set(),
    ),
    "129b-global-domain-in-the-hub-s-directory": (
        "IBM SmartCloud Notes, routing between the service and foreign mail servers",
        {"DOMINO-FOREIGN-DOMAIN-IS-LOCAL", "VALID-RECIPIENT-BOUNCES"},
    ),
    "130-mx-is-localhost": ("Exim FAQ Q0301, Q0319; configure.default: ignore_target_hosts", {"SIZE-LIMITS-DIFFER"}),
    "131-internal-relay-without-own-connector": (
        "Microsoft, accepted domains: internal relay; Send connectors",
        {"EXCHANGE-NO-SEND-CONNECTOR"},
    ),
    "132-three-systems-in-a-chain": (
        "IBM and Microsoft: shared namespaces in a chain",
        {"PERSON-MAIL-SYSTEM", "VALID-RECIPIENT-BOUNCES"},
    ),
    "133-null-client": ("Postfix, STANDARD_CONFIGURATION_README: null client", set()),
    "134-google-relay-not-registered": ("Google Workspace help, SMTP relay service: 550 5.7.1", set()),
    "135-google-user-routing-to-onmicrosoft": (
        "mymicrosoftexchange: forwarding address options from Google to Office 365",
        {"SIZE-LIMITS-DIFFER"},
    ),
    "136-postfix-address-extension": (
        "postconf(5), recipient_delimiter; virtual(5), address extension",
        {"UNREACHABLE"},
    ),
    "136b-postfix-no-address-extension": ("postconf(5), recipient_delimiter", {"UNREACHABLE"}),
    "137-plus-addressing-in-a-hybrid": ("Microsoft, plus addressing in Exchange Online", set()),
    "138-defer-unauth-destination": ("wader/postfix-relay #107, docker-simple-mail-forwarder #73; postconf(5)", set()),
    "139-group-for-internal-senders": ("Microsoft, NDRs in Exchange Online: 5.7.133", set()),
    "139b-group-for-internal-senders-on-premises": (
        "Microsoft, NDRs in Exchange Server: RESOLVER.RST.AuthRequired",
        set(),
    ),
    "140-hybrid-mail-not-recognised": (
        "Microsoft, NDRs in Exchange Online: 5.7.134; hybrid mail that comes as anonymous",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "141-centralised-loop": ("rudilia 2024/06: centralised transport and mail loop", {"LOOP"}),
    "142-external-forwarding-blocked": (
        "Microsoft, external email forwarding: 550 5.7.520; many reports",
        {"UNREACHABLE"},
    ),
    "142b-external-forwarding-allowed": ("Microsoft, external email forwarding", set()),
    "143-guest-object-diverts-mail": ("TechNet wiki 37875: guest mail users in a hybrid", set()),
    "144-group-made-in-the-cloud": (
        "timmcmic: Microsoft 365 groups and on-premises senders",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "145-greylisting-and-a-rigid-retry": ("mailinabox #403, #413", set()),
    "146-exim-local-part-suffix": ("Exim specification, local_part_suffix", set()),
    "147-verify-cache": (
        "E-F-A v4 #186; verify(8), postconf(5): address_verify_negative_refresh_time",
        set(),
    ),
    "150-both-sides-deliver-to-each-other": (
        "Google Workspace help, dual delivery; Microsoft, DeliverToMailboxAndForward",
        set(),
    ),
    "151-contact-with-its-own-address": ("Microsoft, fix 5.4.6: forwarding loops", {"UNREACHABLE"}),
    "152-relay-domain-with-subdomains": ("postconf(5), parent_domain_matches_subdomains; transport(5)", set()),
    "153-full-mailbox-in-the-cloud": ("Microsoft, NDRs in Exchange Online: 5.2.2", {"UNREACHABLE"}),
    "154-weekend-at-google": ("Google Workspace notices: three days", set()),
    "154b-weekend-at-exchange-online": (
        "Microsoft, mail flow intelligence; rmilne 2018/07: 4.4.316",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "154c-weekend-at-postfix": ("postconf(5), maximal_queue_lifetime", {"VALID-RECIPIENT-BOUNCES"}),
    "155-alias-only-domain": ("virtual(5); ADDRESS_CLASS_README", set()),
    "156-decommissioned-second-mx": ("RFC 5321 5.1", {"MX-NOT-OURS"}),
    "157-notes-and-exchange-by-subdomains": (
        "Quest, Coexistence Manager for Notes: subdomain routing; Quest KB 4293319",
        set(),
    ),
    "158-users-still-on-the-old-server": (
        "mailcow-dockerized #6526: transports for users still on the old server",
        set(),
    ),
    "158b-old-server-not-told": ("administrators' reports: mail between users of the old server after a move", set()),
    "159-postfix-fallback-relay": ("postconf(5), smtp_fallback_relay", set()),
    "160-domino-applications-beside-office-365": ("smwk 2024/05: Domino and Office 365 coexistence", set()),
    "161-on-premises-gone-connector-left": (
        "Microsoft, decommissioning on-premises servers; fix 5.4.316",
        {"OUTSIDE-UNREACHABLE", "UNREACHABLE", "VALID-RECIPIENT-BOUNCES"},
    ),
    "161b-authoritative-after-the-move": (
        "Microsoft, accepted domains in Exchange Online",
        {"OUTSIDE-UNREACHABLE", "UNREACHABLE", "VALID-RECIPIENT-BOUNCES"},
    ),
    "162-weekend-at-domino": ("IBM, MailTimeout: one day", {"UNREACHABLE"}),
    "199-edge-subdomain-loop": ("Microsoft, 5.4.14 for mail to an on-premises application", {"LOOP"}),
    "199b-edge-subdomain-accepted": (
        "Microsoft, 5.4.14 for mail to an on-premises application: the resolution",
        {"SIZE-LIMITS-DIFFER"},
    ),
    "200-relay-by-ip-address": (
        "Microsoft KB 3169958, 5.7.64 ATTR36; multiple locations, scenario 1",
        {"DSN-UNDELIVERABLE", "VALID-RECIPIENT-BOUNCES"},
    ),
    "200b-relay-by-certificate": ("Microsoft KB 3169958, certificate-based connector", set()),
    "201-hybrid-connector-by-dns": (
        "Microsoft, fix 5.4.6 through 5.4.20: DNS routing instead of smart host",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "202-group-of-the-cloud-under-centralised-transport": (
        "Microsoft KB 3194415: messages not routed through on-premises",
        set(),
    ),
    "203-exchange-recipient-loops": ("Microsoft, recipient resolution: recipient loops", {"UNREACHABLE"}),
    "204-two-tenants-both-hybrid": ("techcommunity 749143, message attribution", set()),
    "205-unlisted-senders-of-a-split-domain": (
        "iRedMail #295, mailcow-dockerized #380 and #2390; postconf(5), reject_unlisted_sender",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "205b-unlisted-senders-taken": (
        "postconf(5), smtpd_sender_restrictions: permit_mynetworks",
        {"SIZE-LIMITS-DIFFER"},
    ),
    "206-split-delivery-by-the-google-relay": ("Mailu #1332", {"LOOP", "SIZE-LIMITS-DIFFER"}),
    "206b-local-domain-first": (
        "Mailu #3954, stalwart #1929, Purelymail #353: the local domain is asked here only",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "207-base-domain-in-mydestination": (
        "infra-TAK #48: User unknown in local recipient table",
        {"SIZE-LIMITS-DIFFER", "VALID-RECIPIENT-BOUNCES"},
    ),
    "207b-base-domain-not-local": ("infra-TAK #48", {"SIZE-LIMITS-DIFFER"}),
    "208-sender-dependent-transport-and-relay-domains": (
        "mailcow-dockerized #3854; postconf(5), sender_dependent_default_transport_maps",
        set(),
    ),
    "209-catch-all-loop-by-mx": ("zonemta-wildduck #74", {"LOOP", "SIZE-LIMITS-DIFFER"}),
    "209b-catch-all-looked-up-first": ("zonemta-wildduck #74", {"POSTFIX-DOMAIN-IN-TWO-LISTS", "SIZE-LIMITS-DIFFER"}),
    "210-smarthost-whose-subnet-is-not-allowed": ("ix-ai/smtp #8", {"OWN-MAIL-REFUSED", "SIZE-LIMITS-DIFFER"}),
    "211-inside-mail-by-the-filter": ("clintboessen 2020/07: Forcepoint, Office 365 and on-premises", set()),
    "212-own-domain-is-hosted-elsewhere": ("docker-mailserver #1091", {"SIZE-LIMITS-DIFFER"}),
    "213-postfix-discard-transport": ("transport(5), discard(8)", set()),
    "214-receive-connector-without-anonymous": (
        "Microsoft, NDRs: 5.7.1 Client was not authenticated; Receive connectors, permission groups",
        {"OWN-MAIL-REFUSED"},
    ),
    "214b-receive-connector-2016": ("Microsoft, NDRs: 5.7.57", {"VALID-RECIPIENT-BOUNCES"}),
    "215-archive-copy-that-fails": ("postconf(5), always_bcc: NOTIFY=NONE", set()),
    "216-journal-report-that-fails": ("Microsoft, journaling: JournalingReportNdrTo", set()),
    "217-two-forests-one-tenant": ("Microsoft, hybrid deployments with multiple forests", set()),
    "218-cloud-archive-of-an-on-premises-mailbox": ("Microsoft, create a cloud-based archive in a hybrid", set()),
    "219-remote-mailbox-with-the-wrong-target": (
        "eventid.net, MSExchangeTransport 9026: target address in a local domain, 5.4.6; Microsoft KB 2685437",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "220-smartcloud-smart-hosts-on-both-sides": (
        "IBM SmartCloud Notes, configuring a smart host for an on-premises Exchange server",
        {"LOOP"},
    ),
    "221-redirection-to-a-helper-domain": ("mailcow-dockerized #206", {"OWN-MAIL-REFUSED"}),
    "221b-helper-domain-and-the-old-server-is-trusted": ("mailcow-dockerized #206; forwarding hosts", set()),
    "222-transport-of-an-unlisted-address": ("Mailu #3645", {"VALID-RECIPIENT-BOUNCES"}),
    "222b-transport-of-a-listed-address": ("Mailu #3645", set()),
    "223-exim-web-server-with-a-local-domain": ("hestiacp #2901: Unrouteable address", {"VALID-RECIPIENT-BOUNCES"}),
    "223c-exim-takes-all-of-own-users": (
        "Exim configure.default: acl_check_rcpt accepts +relay_from_hosts and authenticated clients first",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "223b-exim-remote-mail-exchanger": ("hestiacp #2901; hostmycode, remote mail exchanger", set()),
    "224-google-relay-for-own-domains-only": (
        "Google Workspace help 2956491 and 6140680: allowed senders of the SMTP relay service",
        {"SIZE-LIMITS-DIFFER", "VALID-RECIPIENT-BOUNCES"},
    ),
    "225-outbound-connector-for-all-domains": ("office-docs-powershell #8739", set()),
    "226-domino-alternate-domain-in-one-directory": ("IBM swg21148436: maximum forwarding loop count", {"LOOP"}),
    "226b-domino-alternate-domain-in-both": ("IBM swg21148436, the workaround", set()),
    "227-backup-mx-has-the-mailbox": ("mjd.id.au/node/559", set()),
    "227b-backup-mx-knows-the-mailbox": ("mjd.id.au/node/559", set()),
    "228-shared-with-a-free-mail-domain": ("messageconcept, ExSBR and shared address spaces", set()),
    "228b-authoritative-for-a-free-mail-domain": (
        "Microsoft, accepted domains: authoritative",
        {"OUTSIDE-UNREACHABLE"},
    ),
    "229-notices-under-centralised-transport": (
        "Microsoft, hybrid transport routing; Set-OutboundConnector: all messages",
        set(),
    ),
    "229b-notices-without-centralised-transport": ("Microsoft, hybrid transport routing", set()),
    "229c-on-premises-does-not-relay-notices": (
        "jesperstahle, centralised mail transport: 550 5.7.1 Unable to relay",
        {"OWN-MAIL-REFUSED"},
    ),
    "230-exchange-own-limit-in-a-hybrid": (
        "Microsoft, message size limits: organizational limits; exovoice 2016/12, size limits and remote mailboxes",
        {"SIZE-LIMITS-DIFFER"},
    ),
    "231-tagged-address-and-a-catch-all": (
        "mail-in-a-box #560, #815; virtual(5): lookup order",
        {"CATCH-ALL-TAKES-MAIL"},
    ),
    "232-alias-to-itself-without-a-mailbox": ("postfixadmin #358", {"UNREACHABLE"}),
    "233-aliases-in-a-circle": ("mail-in-a-box #186; virtualmin-gpl #785", {"UNREACHABLE"}),
    "234-tls-for-all-and-a-filter-without": ("openship #392, #423; iRedMail #265", {"VALID-RECIPIENT-BOUNCES"}),
    "234b-tls-for-the-relay-host-only": ("openship #423", set()),
    "235-one-mx-host-with-tls": ("csware/postfix-tls-policy #1", set()),
    "236-no-such-domain-or-no-answer": ("Mailu #1055, #1458: 4.4.3", {"ZONE-FAILS"}),
    "236b-no-such-domain-or-no-answer-exim": ("Exim specification, dnslookup", {"ZONE-FAILS"}),
    "237-mx-record-localhost": ("OpenSMTPD #1190; stalwart #1377; Haraka #2952; RFC 6761, 6.3", set()),
    "237b-mx-record-localhost-exim": ("Exim, configure.default: ignore_target_hosts", set()),
    "238-exim-ignores-private-addresses": ("sentry #30406; namshi/docker-smtp #65", set()),
    "238b-exim-takes-private-addresses": ("namshi/docker-smtp #65", set()),
    "238c-exim-smart-host-at-a-private-address": ("Debian's Exim: router/200_exim4-config_primary", set()),
    "239-smtputf8-not-offered-behind-the-gateway": ("grommunio/gromox #191, #275; NethServer #7265", set()),
    "239b-smtputf8-not-offered-at-the-door": ("docker-mailserver #1117; postal #724", set()),
    "240-relay-host-of-a-sender-and-local-mail": ("mailcow-dockerized #3032", set()),
    "241-domino-relay-hosts-one-after-another": (
        "ineco.nl, failover of the relay host; mysphere.com.br, tip 24",
        set(),
    ),
    "241b-domino-relay-host-by-mx-records": ("IBM swg21095740", set()),
    "241c-domino-relay-hosts-at-random": ("mysphere.com.br, tip 24", set()),
    "242-mx-host-of-a-service-that-is-gone": ("RubberduckWeb #89", {"MX-NO-ADDRESS"}),
    "243-relay-host-of-senders-is-the-mail-store": ("mailcow #917", set()),
    "244-greylisting-before-the-recipient-is-looked-up": ("mail-in-a-box #127", set()),
    "245-address-literals": (
        "OpenSMTPD #18; ViMbAdmin #33; RFC 5321, 4.1.3; Postfix source, trivial-rewrite/resolve.c",
        set(),
    ),
    "245b-address-literals-exim": ("Exim specification, allow_domain_literals; Exim source, parse.c", set()),
    "245c-address-literals-exim-allowed": ("Exim specification, the ipliteral router; configure.default", set()),
    "245d-address-literals-exchange": ("exchangepedia 2007/06; Microsoft bb409612: no IP address literals", set()),
    "246-access-table-hold": (
        "tleuxner/postfix, holdalias.sh; serverfault 92981; it-sys-ce.de 2023/07, DEFER of a domain; access(5)",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "246b-access-table-redirect": (
        "access(5): REDIRECT and DISCARD act on all recipients",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "246c-access-table-of-senders": (
        "opnsense/plugins #1581, REJECT by sender; access(5); Postfix source, smtpd_dsn_fix.c",
        {"VALID-RECIPIENT-BOUNCES"},
    ),
    "247-exim-mx-is-itself-pass": ("Exim specification, self = pass; hestiacp #4132; Exim FAQ, Q0301", set()),
    "247b-exim-mx-is-itself-as-ever": ("hestiacp #4132: temporarily rejected RCPT", set()),
    "247c-exim-mx-is-itself-reroute": ("Exim specification, self = reroute", {"MX-MISSING"}),
    "247d-exim-mx-is-itself-send": ("Exim specification, self = send: with extreme caution", {"LOOP"}),
    "248-smaller-size-announced-postfix": (
        "seen with Postfix 3.7.11; Postfix source, smtp_proto.c; MailCleaner #663",
        {"SIZE-LIMITS-DIFFER"},
    ),
    "248b-smaller-size-announced-exim": ("Exim specification, size_addition; MailCleaner #663", {"SIZE-LIMITS-DIFFER"}),
    "248c-smaller-size-announced-exchange": (
        "ex-shell.com 2015/01, SMTPSEND.OverAdvertisedSize",
        {"SIZE-LIMITS-DIFFER"},
    ),
    "249-sender-address-verification": (
        "ADDRESS_VERIFICATION_README, sender address verification; Postfix source, smtpd_check.c; Mailu #353",
        set(),
    ),
    "249b-sender-address-verification-for-good": ("postconf(5), unverified_sender_reject_code", set()),
    "exim-smart-host-unknown": ("Exim specification; seen with Exim 4.96", {"SMART-HOST-NO-ADDRESS"}),
    "exim-smart-host-itself": ("Exim specification, self; seen with Exim 4.96", {"SMART-HOST-IS-ITSELF"}),
    "hosted-forwarding-loop": ("seen with Postfix 3.7.11", {"LOOP", "VALID-RECIPIENT-BOUNCES"}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_reported_set_up_does_what_its_servers_did(name: str) -> None:
    """Every message goes the way and ends as it did; what the check finds beside notes is what is wrong, and nothing else."""
    _, findings = CASES[name]
    report = check(load_scenario(FOLDER / f"{name}.yaml"))

    assert report.expectations
    assert [(e.name, [c for c in e.comparisons if not c.held]) for e in report.failed] == []
    told = {finding.code for finding in report.findings if finding.severity != "note"}
    assert told - {"TESTS-NOT-RUN"} == findings  # a variant of a case has messages of its own


def test_every_case_has_its_source() -> None:
    """No file without a source, no source without a file."""
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(CASES)
    assert all(len(source) > 10 for source, _ in CASES.values())


def traced(name: str, number: int = 0, changes: str = "") -> tuple[RecipientRoute, ...]:
    """A message of a case, in a set-up that may be changed."""
    text = f"extends: {name}.yaml\n{changes}"
    scenario = scenario_from_text(text, base=FOLDER)
    return trace_mail(scenario, scenario.messages[number]).recipients


def test_a_domino_group_and_its_member_get_two_copies() -> None:
    """From the Internet, by IBM swg21390024; a server's own user writes once, and is read once."""
    john, helpdesk = traced("19-domino-duplicate-group")
    assert [copy.address for r in (john, helpdesk) for copy in r.copies].count("john@acme-co.net") == 2

    inside = trace(load_scenario(FOLDER / "19-domino-duplicate-group.yaml"), "mary", ["john", "helpdesk"])
    ends = {id(copy) for r in inside.recipients for copy in r.copies if copy.address == "john@acme-co.net"}
    assert len(ends) == 1


def test_a_tagged_address_goes_where_the_aliases_say() -> None:
    """Virtual(5): user+tag, then user, then @domain; the catch-all has the mail of whoever is no alias of her own."""
    (anna,), (bob,) = (traced("231-tagged-address-and-a-catch-all", number) for number in (0, 1))

    assert [copy.address for r in (anna, bob) for copy in r.copies] == ["boss@smallco.net", "bob@smallco.net"]


def test_greylisting_comes_before_the_recipient_is_looked_up() -> None:
    """One deferral with 4.2.0 or the like, then the refusal (mail-in-a-box #127)."""
    (nobody,) = traced("244-greylisting-before-the-recipient-is-looked-up")

    assert [d.server for d in nobody.deferrals] == ["world"]
    assert (nobody.outcome, nobody.code) == ("bounced", "5.1.1")


@pytest.mark.parametrize(
    ("changes", "tries"),
    [
        ("", 20),
        ("servers: {o365: {outgoing_addresses: 1}}", 1),
        ("servers: {box: {greylisting: {delay: 5 min, by: network}}}", 1),
    ],
)
def test_each_address_of_a_sender_is_a_first_contact(changes: str, tries: int) -> None:
    """Twenty addresses in turn are told to come later twenty times, but for a greylist that goes by networks (Postgrey)."""
    (anna,) = traced("22-greylist-many-ips", changes=changes)

    assert (anna.outcome, len(anna.deferrals)) == ("delivered", tries)


@pytest.mark.parametrize(("ipv6", "asked"), [("none", False), ("works", True), ("broken", True)])
def test_both_address_families_are_asked_for_where_the_sender_has_both(ipv6: str, asked: bool) -> None:
    """AAAA beside A, and IPv6 first (RFC 6724); mail arrives in each case, as the other family serves (RFC 5321 5.1)."""
    (anna,) = traced("23-ipv6-broken", changes=f"servers: {{world: {{ipv6: {ipv6}}}}}")
    questions = [line for hop in anna.hops for line in hop.dns if " AAAA " in line]

    assert anna.outcome == "delivered"
    assert bool(questions) == asked


def test_a_family_that_does_not_work_is_tried_in_vain() -> None:
    """Without an A record nothing is left."""
    zone = "dns:\n  smallco.net: |\n    @ IN MX 10 mx\n    mx IN AAAA 2001:db8::10\n"
    assert traced("23-ipv6-broken", changes=zone)[0].code == "4.4.1"
    assert traced("23-ipv6-broken", changes=zone + "servers: {world: {ipv6: works}}")[0].outcome == "delivered"


def test_deliver_and_forward_makes_two_copies() -> None:
    """One in the mail file, one where the forwarding address leads; a full mail file fails alone."""
    (bob,) = traced("35-keep-and-forward")
    assert [(copy.address, copy.outcome, copy.servers[-1]) for copy in bob.copies] == [
        ("bob@moveco.net", "delivered", "onprem"),
        ("bob@moveco.onmicrosoft.com", "delivered", "exo-in"),
    ]
    (bob,) = traced("35-keep-and-forward", changes="directory: {people: {bob: {over_quota: true}}}")
    assert sorted(copy.outcome for copy in bob.copies) == ["bounced", "delivered"]


def test_what_a_probe_finds_is_told_in_the_dialogue() -> None:
    """The refusal names the reply of the server behind, and 450 while it does not answer."""
    (typo,) = traced("37-address-verification")
    assert "undeliverable address: 550 5.1.1 User unknown" in str(typo.reply)
    (anna,) = traced("37c-address-verification-exchange-down")
    assert {d.server for d in anna.deferrals} == {"world"}
    assert "450 4.1.1" in str(anna.deferrals[0].reply)


def test_a_backup_mx_says_what_it_waits_for() -> None:
    """4.4.4 unable to find primary relay; and where it is itself the best, 5.4.6."""
    (anna,) = traced("25-backup-mx-primary-name-fails")

    assert (anna.deferrals[0].server, anna.deferrals[0].reply.enhanced) == ("back", "4.4.4")
    assert "unable to find primary relay for smallco.net" in anna.deferrals[0].reply.text


def test_tenants_know_each_other_by_their_domains_only() -> None:
    """The route to another tenant is by its domain, whoever the recipient is: unknown people are refused there [MS-DBEB]."""
    setup = Setup(load_scenario(FOLDER / "36b-other-tenant-by-name.yaml"))
    (nobody,) = trace(setup, "x@fabrikam.org", "nobody@contoso.com", server="other-outbound").recipients

    assert (nobody.servers, nobody.code) == (("other-outbound",), "5.4.1")
    assert nobody.hops[0].rule == "other-tenant-of-the-service"


def test_a_target_address_in_the_service_s_domain_is_the_person_s_there() -> None:
    """A remote mailbox: its routing address needs neither mail_file nor alias to be said (Microsoft's hybrid checklist).

    A target address in another domain stays somebody elsewhere.
    """
    text = (FOLDER / "04b-tenant-domain-internal-relay.yaml").read_text(encoding="utf-8")
    target = "forwarding_address: ines@contosoa.mail.onmicrosoft.com"
    short = text.replace("mail_file: exo-in, ", "").replace(", aliases: [ines@contosoa.mail.onmicrosoft.com]", "")
    assert short.count("ines@contosoa") == 1

    for written in (text, short):
        route = trace(Setup(scenario_from_text(written)), "anna", "ines")
        assert (route.outcome, route.servers) == ("delivered", ("onprem", "exo-in"))
    elsewhere = Setup(scenario_from_text(short.replace(target, "forwarding_address: ines@elsewhere.org")))
    assert trace(elsewhere, "anna", "ines").servers == ("onprem", "world")


def test_greylisting_and_the_sender_s_gaps_decide_how_late_mail_is() -> None:
    """Tries after 0, 285 s and 3 h more: with 300 s the third one passes, with 180 s the second (mailinabox #403)."""
    assert [deferral.at_s for deferral in traced("145-greylisting-and-a-rigid-retry")[0].deferrals] == [0.0, 285.0]
    shorter = "servers: {mx: {greylisting: {delay: 180 s}}}"
    assert len(traced("145-greylisting-and-a-rigid-retry", changes=shorter)[0].deferrals) == 1


def test_people_and_groups_may_be_in_one_directory_only() -> None:
    """A group made in the cloud gets its object on-premises, or a contact: then it is reached from there too."""
    group = traced("144-group-made-in-the-cloud", 2)[0]
    assert (group.outcome, group.by) == ("bounced", "onprem")
    everywhere = "directory: {group_known_at: {officers: [exo-inbound, exo-outbound, onprem]}}"
    assert traced("144-group-made-in-the-cloud", 2, everywhere)[0].outcome == "delivered"


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [("", "bounced"), ("servers: {exo-inbound: {internal_clients: [onprem]}}", "delivered")],
)
def test_internal_senders_are_those_of_clients_that_are_trusted(changes: str, outcome: str) -> None:
    """Mail from on-premises that the service does not recognise is a stranger's; named, it is the organisation's own."""
    assert traced("140-hybrid-mail-not-recognised", 1, changes)[0].outcome == outcome


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("directory: {internal_only: [nobody]}", "no person or group is called 'nobody'"),
        ("directory: {group_known_at: {nobody: [onprem]}}", "no group is called 'nobody'"),
        ("directory: {group_known_at: {officers: [nowhere]}}", "no server is called 'nowhere'"),
        ("directory: {people: {anna: {known_at: [nowhere]}}}", "no server is called 'nowhere'"),
        ("servers: {exo-inbound: {internal_clients: [nowhere]}}", "no server is called 'nowhere'"),
    ],
)
def test_directories_name_what_exists(text: str, complaint: str) -> None:
    """Servers, people and groups."""
    with pytest.raises(ScenarioError, match=complaint):
        scenario_from_text(f"extends: 144-group-made-in-the-cloud.yaml\n{text}", base=FOLDER)


@pytest.mark.parametrize(
    ("refused", "outcome"), [("off", "delivered"), ("outside", "delivered"), ("everyone", "bounced")]
)
def test_unlisted_senders_of_trusted_clients(refused: str, outcome: str) -> None:
    """smtpd_reject_unlisted_sender asks of everybody, reject_unlisted_sender behind permit_mynetworks of strangers only (postconf(5))."""
    unlisted = f"servers: {{box: {{reject_unlisted_sender: {refused}}}}}\ndirectory: {{people: {{greta: {{known_at: [g-in, g-out]}}}}}}"
    assert traced("205b-unlisted-senders-taken", changes=unlisted)[0].outcome == outcome


def test_a_loop_without_a_copy_is_broken_though_a_copy_was_kept_before_it() -> None:
    """Ada keeps a copy and forwards to cleo, who with dina only forwards: the copy arrives, and the loop is told."""
    (ada,) = traced(
        "203-exchange-recipient-loops", changes="directory: {people: {ada: {forwarding_address: cleo@tailspin.net}}}"
    )
    assert sorted(copy.outcome for copy in ada.copies) == ["bounced", "delivered"]


def test_each_mailbox_of_a_harmless_loop_gets_one_copy() -> None:
    """Microsoft, recipient resolution: delivered to the original recipient and forwarded, and then no more."""
    (ada,) = traced("203-exchange-recipient-loops")
    assert [(copy.address, copy.outcome) for copy in ada.copies] == [
        ("ada@tailspin.net", "delivered"),
        ("bea@tailspin.net", "delivered"),
    ]
