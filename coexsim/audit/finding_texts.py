"""What each finding means, what follows from it, and what to do: the text of ``coexsim explain CODE``, as data."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Explanation(NamedTuple):
    """A kind of finding. `severity` is the usual one; where the effect is milder or worse in a set-up, a finding says so."""

    title: str
    severity: Literal["error", "warning", "note"]
    means: str
    effect: str
    do: str
    source: str


EXPLANATIONS: dict[str, Explanation] = {
    # --- where mail goes ---
    "UNREACHABLE": Explanation(
        "nobody reaches this person or group",
        "error",
        "Mail from every class of sender to this recipient ends without reaching a mail file, though the directory has a record.",
        "The person gets no mail at all; senders get bounces, or their mail waits until it expires.",
        "Trace one message (`coexsim trace`) and look at the last hop: mail file, smart host, forwarding address or DNS is missing there.",
        "the article, Mail routing scenarios: every user of the domain is reached from inside and outside",
    ),
    "VALID-RECIPIENT-BOUNCES": Explanation(
        "a valid recipient is reached from some sides only",
        "error",
        "The recipient exists and gets mail from some senders, while mail from others fails.",
        "Colleagues report that mail 'sometimes' bounces; the two sides route by different rules.",
        "Trace both ways and compare the servers at which they part; they must come to the same mail file.",
        "the article, Approach: consistent address lookup on both sides",
    ),
    "OUTSIDE-UNREACHABLE": Explanation(
        "the organisation's people cannot write to the world outside",
        "error",
        "Mail from people of the domain to a domain outside fails at one of the organisation's servers.",
        "It bounces, or waits until it expires.",
        "Give the server a way out: SMTP for other domains, a relay host, or a Send connector for '*'.",
        "Domino help, Router/SMTP Basics; Exchange documentation, Send connectors",
    ),
    "LOOP": Explanation(
        "mail goes round between servers",
        "error",
        "Each server passes the mail on to the next, and the last passes it back to the first. Two smart hosts that point at each other do "
        "so with every address that neither knows.",
        "One message costs as many transactions as the lowest hop limit allows (Exchange also has one of its own hops alone), then bounces "
        "with 5.4.6 (Postfix: 5.4.0). Spam to dead addresses multiplies.",
        "Let exactly one side be the authority: it refuses addresses that it does not know. For forwarding, correct the address.",
        "RFC 5321, section 6.3; Exchange documentation, fix error code 5.4.6; IBM SmartCloud Notes, smart host for Exchange",
    ),
    "HOP-LIMIT-TOO-LOW": Explanation(
        "a way is longer than a hop limit on it",
        "error",
        "A server counts the Received lines of the message and takes it for a loop, though it only has far to go.",
        "Valid mail bounces with 5.4.6 (Postfix: 5.4.0).",
        "Raise the hop limit. RFC 5321 wants at least 100 where Received lines are counted.",
        "RFC 5321, section 6.3; Domino help, Setting transfer limits; Set-ReceiveConnector, MaxHopCount",
    ),
    "OPEN-RELAY": Explanation(
        "a server relays for anybody",
        "error",
        "A client from outside can hand in mail for a domain that is not the organisation's.",
        "Spammers find it within days; the server's address is then listed, and the organisation's own mail is refused elsewhere.",
        "List under relay_for only the servers that need it, never 'anyone'.",
        "Domino help, inbound anti-relay settings; RFC 5321, section 7.8",
    ),
    "RELAYS-FOR-OUTSIDER": Explanation(
        "a server relays for a server outside",
        "warning",
        "relay_for names a server that stands outside of the organisation.",
        "Whatever that server sends, it sends in the organisation's name.",
        "Take it out of relay_for, unless the server is yours; then model it as a relay.",
        "Domino help, inbound anti-relay settings",
    ),
    "OWN-MAIL-REFUSED": Explanation(
        "a server takes another one of the organisation for a stranger",
        "error",
        "It refuses what the other one sends: as relaying to a domain that is not its own, or (with reject_own_domain_from_outside) as a "
        "forged sender. Mail that hosted people send, and that comes by MX, is from the own domain, but from outside.",
        "Mail between one's own people, or to the Internet, bounces with 5.7.1.",
        "Name the sending server under relay_for of the refusing one.",
        "RFC 5321, section 7.8; Domino help, inbound anti-relay settings; Exchange documentation, fix error code 5.7.64",
    ),
    "BACKSCATTER": Explanation(
        "unknown recipients are taken, then sent back",
        "note",
        "The server answers 250 to addresses that nobody has, and must then write the bounce itself (RFC 5321, section 6.1). The article "
        "wants it so: 'the server discards the email and sends back an invalid-address message'.",
        "The notice goes to a sender that spam has forged. It costs a receive, a send and a place in the queue for each.",
        "Verify recipients at RCPT TO (Domino: verify local recipients; Exchange: recipient filtering; Postfix: relay_recipient_maps), "
        "where every hosted user has a Person record. Or acknowledge it.",
        "the article, Invalid mail address; RFC 5321, section 6.1; Exchange documentation, recipient filtering",
    ),
    "FORGED-SENDER": Explanation(
        "mail from outside may claim to be from inside",
        "note",
        "SMTP does not check the sender's address, and these rules model neither SPF nor DMARC.",
        "Phishing in a colleague's name is taken as any other mail.",
        "Check that the spam filter, in front of the server or on it, tests SPF and DMARC for your own domain.",
        "RFC 5321, section 7.1",
    ),
    "CATCH-ALL-TAKES-MAIL": Explanation(
        "a catch-all takes mail of people with a mail file",
        "warning",
        "Postfix follows virtual_alias_maps before it looks for mailboxes: '@domain' catches all whom that table does not list.",
        "Mail to people whom only the table of mailboxes knows arrives, but in somebody else's mail file.",
        "List each of them as an alias of itself, or take the catch-all out.",
        "virtual(5); seen with Postfix 3.7.11",
    ),
    "DSN-UNDELIVERABLE": Explanation(
        "a notice of failure does not arrive",
        "warning",
        "The bounce has no sender to return to (RFC 5321, section 4.5.5), so when it fails it is dropped.",
        "The sender never learns that the mail failed.",
        "Give the server that writes the notice a way to the sender: usually the same fault as that of the mail itself.",
        "RFC 5321, sections 4.5.5 and 6.1",
    ),
    "NOT-IN-REPLICA": Explanation(
        "a person's record is missing from the hosted replica",
        "error",
        "The master directory has the record, the hosted side's copy has not.",
        "The on-premises server sends the mail on; the hosted side does not know the address and refuses it.",
        "Replicate again; look for records that conflict or are filtered out.",
        "the article, Environment setup: the directory is replicated to iNotes",
    ),
    "REPLICA-LAG": Explanation(
        "people who come or move are unknown to the replica for a while",
        "warning",
        "The master knows of a change at once, the replica at its next replication.",
        "In between, mail goes by the new record on one side and by the old one on the other, and bounces.",
        "Replicate when people move, or let the old place keep mail until the replica has the change.",
        "derived: administrators complain of it, no figure was found",
    ),
    "SINGLE-POINT-OF-FAILURE": Explanation(
        "without this server, mail between others stops",
        "note",
        "Mail passes the server that neither comes from it nor ends at it. The article routes all mail through the on-premises server.",
        "While it is down, mail between two hosted users waits, or expires.",
        "A second MX record with a server that knows the way to the hosted service; or deliver hosted mail directly.",
        "IBM planning guide: size the hub for the load and use two for availability (SmartCloud Notes, planning of mail routing)",
    ),
    "SIZE-LIMITS-DIFFER": Explanation(
        "a server takes larger mail than the next one",
        "warning",
        "Two servers of the organisation on one way have different size limits, and the larger comes first.",
        "Mail between the two limits is taken with 250, then bounced by the first server: the sender hears of it later, and by notice.",
        "Set both to the same size; remember that base64 makes attachments a third larger.",
        "Exchange documentation, message size limits",
    ),
    # --- DNS ---
    "ZONE-MISSING": Explanation(
        "the shared domain has no zone",
        "error",
        "No zone of the scenario covers the shared domain, so DNS says that it does not exist.",
        "Mail from outside, and from hosted users, bounces where it is sent.",
        "Write the zone under 'dns', with an MX record that names the server and an A record for that name.",
        "the article, Setting up the network to receive mail",
    ),
    "ZONE-FAILS": Explanation(
        "a zone does not answer",
        "error",
        "The zone's name servers fail, or do not answer, all the time.",
        "Senders cannot tell whether the domain exists: mail waits, and expires in the end (4.4.3).",
        "Take the fault out, or make it an event with a beginning and an end.",
        "RFC 5321, section 5.1; RFC 2308, section 7",
    ),
    "MX-MISSING": Explanation(
        "the shared domain has no MX record",
        "error",
        "Without an MX record the domain's own address record counts (implicit MX); if there is none either, the domain takes no mail.",
        "Mail bounces where it is sent, or goes to whatever host the domain's name points to, often a web server.",
        "Write an MX record that names the on-premises server.",
        "RFC 5321, section 5.1; the article, Setting up the network to receive mail",
    ),
    "MX-NO-ADDRESS": Explanation(
        "an MX record names a host that has no address",
        "error",
        "The MX target has neither an A nor an AAAA record. The article, read to the letter, has this fault: its MX record points to "
        "myserver.corporate.com, its A record is for domino.corporate.com.",
        "Mail from outside and from hosted users bounces with 5.4.4, if no other MX takes it.",
        "Write an A record for the host, or let the MX record name the host that has one.",
        "RFC 5321, section 5.1; the article, Environment setup",
    ),
    "MX-IS-ALIAS": Explanation(
        "an MX record names an alias",
        "warning",
        "The MX target is a CNAME. That is not allowed, though many servers follow it.",
        "Some senders refuse such a domain; a server that does not know the alias as its own name may loop mail to itself.",
        "Name the host that the alias points to.",
        "RFC 2181, section 10.3",
    ),
    "MX-IS-ADDRESS": Explanation(
        "an MX record names an IP address",
        "error",
        "An MX record holds the name of a host. DNS takes the digits for a name, which does not exist.",
        "Many senders bounce the mail; these rules are lenient and send to the address.",
        "Give the address a name with an A record, and name it in the MX record.",
        "RFC 1035, section 3.3.9; RFC 5321, section 5.1",
    ),
    "NULL-MX": Explanation(
        "the shared domain says that it takes no mail",
        "error",
        "The only MX record is the null MX, a single dot.",
        "Mail bounces where it is sent, with 5.1.10 (Postfix: 5.1.0).",
        "Replace it by an MX record that names the server.",
        "RFC 7505",
    ),
    "NULL-MX-BESIDE-OTHERS": Explanation(
        "a null MX stands beside other MX records",
        "error",
        "The domain says at once that it takes no mail, and who takes it.",
        "Postfix gives up all mail for the domain; other senders may use the hosts named beside it.",
        "Take the null MX out.",
        "RFC 7505, section 3",
    ),
    "MX-NOT-OURS": Explanation(
        "the MX of the shared domain leads to no server of the scenario",
        "error",
        "The MX target has an address, but no server of the scenario is there.",
        "Mail from outside waits at its senders and expires: nobody answers.",
        "Let the MX point to the on-premises server, or add the server that is there, such as a filtering gateway.",
        "the article, Setting up the network to receive mail",
    ),
    "MX-EQUAL-PREFERENCE": Explanation(
        "MX records of equal preference",
        "note",
        "Several hosts have the same preference.",
        "Each sender chooses by lot, so that mail is shared among them.",
        "Right for two equal servers; otherwise give the backup a higher number.",
        "RFC 5321, section 5.1",
    ),
    "SMART-HOST-NO-ADDRESS": Explanation(
        "a smart host has no address",
        "error",
        "The name given as smart host or relay host is not in DNS.",
        "All mail that is sent there bounces with 5.4.4.",
        "Correct the name; or give the server that is meant this host.",
        "the article, Enable the smart host option, and enter the server address",
    ),
    "SMART-HOST-IS-ITSELF": Explanation(
        "a server's smart host is the server itself",
        "error",
        "The name given as smart host or relay host leads back to the server that names it.",
        "All mail that is sent there bounces with 5.4.6 (Exchange: 5.3.5), if the server sees that it is its own; or it goes round.",
        "Name the hosted service's SMTP server. Both sides have hosts in the same domain, so the two are easily mixed up.",
        "the article, Enable the smart host option, and enter the SmartCloud iNotes server address",
    ),
    "SMART-HOST-NOT-HERE": Explanation(
        "a smart host leads to no server of the scenario",
        "error",
        "The smart host has an address, but no server of the scenario is there.",
        "Mail that is sent there waits and expires.",
        "Correct the name or the address, or add the server.",
        "the article, Enable the smart host option, and enter the server address",
    ),
    "HOST-NOT-IN-DNS": Explanation(
        "a server's host is not in its own zone",
        "warning",
        "The zone is declared, but has no address record for the server's host.",
        "Whoever is given that name does not find the server.",
        "Write an A record.",
        "the article, Environment setup: the host name has an A record",
    ),
    # --- steps left out: Domino ---
    "DOMINO-LISTENER-OFF": Explanation(
        "the SMTP listener task is disabled",
        "error",
        "The step 'ensuring that the SMTP listener task is enabled' is left out: nothing listens on port 25.",
        "Senders are refused the connection (4.4.1); their mail waits and expires.",
        "Enable it in the Server document, Basics tab.",
        "the article, Configuring smart host on Lotus Domino, first part",
    ),
    "DOMINO-SMTP-OUTSIDE-OFF": Explanation(
        "SMTP is not used when sending outside",
        "error",
        "The step 'ensure that the SMTP used when sending... field is set to Enabled' is left out.",
        "The router may not use SMTP for leaving the server: neither the smart host nor the Internet is reached.",
        "Enable it in the Configuration document, Router/SMTP, Basics.",
        "the article, Configuring smart host on Lotus Domino, second part; Domino help",
    ),
    "DOMINO-NO-SMART-HOST": Explanation(
        "no smart host is set",
        "error",
        "The step 'Enable the smart host option, and enter the SmartCloud iNotes server address' is left out.",
        "Hosted people have a Person record but no mail file here, and the router has nowhere to send their mail.",
        "Enter the hosted service's SMTP server in the Configuration document, Router/SMTP, Basics.",
        "the article, Configuring smart host on Lotus Domino, second part; Domino help, Setting up a smart host",
    ),
    "DOMINO-NO-GLOBAL-DOMAIN": Explanation(
        "no Global Domain document covers the shared domain",
        "error",
        "The step 'create a Global Domain document' is left out, or the document lacks the domain.",
        "Only the Internet domain of the server's own host is local; mail for any other is refused as a relay attempt.",
        "Create the Global Domain document with the shared domain as primary, aliases as alternates.",
        "the article, Configure Lotus Domino to accept mail for the corporate.com domain; Domino help, Global domain documents",
    ),
    "DOMINO-VERIFY-WITH-SMART-HOST": Explanation(
        "recipient verification shuts the smart host out",
        "warning",
        "'Verify that local domain recipients exist in the Domino Directory' refuses unknown addresses at RCPT TO; a smart host for "
        "addresses not in the directory is asked only afterwards.",
        "The smart host is never used: hosted people without a Person record are refused.",
        "Disable verification; or use the article's rule, with a Person record for every hosted user.",
        "Domino help, Setting up a smart host: the two exclude each other",
    ),
    "PERSON-RECORD-MISSING": Explanation(
        "a hosted user has no Person record",
        "warning",
        "The step 'Creating Person records for iNotes users' is left out, for everybody or for those with 'only_at_hosted'.",
        "The on-premises server does not know the address and discards mail for it as invalid; so do bounces to that person end.",
        "Create a Person document with the mail system 'Other Internet mail' and the Internet address. Where the smart host takes what is "
        "in no directory, none is needed: write such people with 'only_at_hosted'.",
        "the article, Creating Person records for iNotes users",
    ),
    "PERSON-MAIL-SYSTEM": Explanation(
        "a hosted user's Person record says Notes mail",
        "warning",
        "The step 'Choose Other Internet mail from the selection in the Mail system field' is left out.",
        "Domino then looks for a mail file on a Notes server that has none.",
        "Choose 'Other Internet mail'.",
        "the article, Creating Person records for iNotes users",
    ),
    # --- steps left out: Exchange ---
    "EXCHANGE-NO-SEND-CONNECTOR": Explanation(
        "no Send connector serves the shared domain",
        "error",
        "The step with the Send Connectors tab is left out: no connector has the shared domain as its address space.",
        "Mail for hosted people bounces; or it leaves by the connector for '*', comes back by MX, and loops.",
        "Add a Send connector for the domain, with the hosted service as its smart host.",
        "the article, Configuring smart host on Microsoft Exchange 2007; practical365, internal relay without a connector",
    ),
    "EXCHANGE-NO-SMART-HOST": Explanation(
        "the Send connector has no smart host",
        "error",
        "The option 'Route mail to the following smart host' is not chosen.",
        "The connector sends by the domain's MX record, which points back to this server.",
        "Add the hosted service's SMTP server as its smart host.",
        "the article, Configuring smart host on Microsoft Exchange 2007, steps 4, 5 and 8",
    ),
    "EXCHANGE-NO-EXTERNAL-DNS": Explanation(
        "the Send connector asks internal DNS",
        "warning",
        "The option 'Use External DNS Lookup settings on the transport server' is not chosen.",
        "Internal DNS may know the smart host by another address, or not at all.",
        "Enable it, or see to it that internal DNS says the same.",
        "the article, Configuring smart host on Microsoft Exchange 2007, step 6; Set-SendConnector, UseExternalDNSServersEnabled",
    ),
    "EXCHANGE-DOMAIN-TYPE": Explanation(
        "the accepted domain has the wrong type",
        "error",
        "The step 'Select the Internal Relay Domain option' is left out. An authoritative domain has no recipients elsewhere; an external "
        "relay domain has none here.",
        "Authoritative: mail for hosted people bounces (5.1.1). External relay: mail for people here leaves again.",
        "Choose Internal Relay; or give every hosted user a mail user with a target address in another domain.",
        "the article, Configuring accepted domains; Exchange documentation, accepted domains",
    ),
    "EXCHANGE-DOMAIN-NOT-ACCEPTED": Explanation(
        "the shared domain is not an accepted domain",
        "error",
        "The step 'Configuring accepted domains' is left out.",
        "Mail for the domain is refused: 5.7.1 Unable to relay.",
        "Add it as an Internal Relay Domain.",
        "the article, Configuring accepted domains",
    ),
    # --- about the scenario itself ---
    "ACKNOWLEDGED-NOTHING": Explanation(
        "an acknowledgement matches no finding",
        "warning",
        "The scenario acknowledges a finding that is not there (any more).",
        "It would hide the fault silently if it came back.",
        "Take the entry out, or correct its code or its 'where'.",
        "coexsim",
    ),
}  # fmt: skip
