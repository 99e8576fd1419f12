"""Who there is: Person records, groups, nameless mailboxes, and the hosted side's copy of the directory."""

from typing import Annotated, Literal

from pydantic import Field

from coexsim.scenario.part import Spec
from coexsim.scenario.quantities import Address, Names, Seconds, Switch, Whole

MOST_MAILBOXES = 10_000_000


class PersonSpec(Spec):
    """A Person record of the directory."""

    mail_system: Literal["notes", "other-internet-mail", "none"] = Field(
        default="notes",
        description="where the mail file is: here, elsewhere (the article's 'Other Internet Mail'), or none",
    )
    mail_file: str | None = Field(default=None, description="the server that holds it; none for 'other-internet-mail'")
    forwarding_address: Address | None = Field(
        default=None,
        description="where mail for the person goes: the Person document's forwarding address, Exchange's target or forwarding address; "
        "of a mail file at a hosted service: its routing address there, or else the forwarding that the service does",
    )
    keep_copy: Switch = Field(
        default=False,
        description="deliver and forward: a copy stays in the mail file (Exchange's DeliverToMailboxAndForward)",
    )
    also_at: Names = Field(default=(), description="other servers with a mail file for the same address")
    internet_address: Address | None = Field(default=None, description="the mail address; default: name@domain")
    aliases: Names = Field(default=(), description="further names or addresses")
    over_quota: Switch = Field(
        default=False, description="the mail file is full: mail for it bounces, 5.2.2, where the server enforces quotas"
    )
    known_at: Names = Field(
        default=(),
        description="the servers whose directory has this record, where they do not share one; left out: all servers",
    )
    only_at_hosted: Switch = Field(
        default=False,
        description="the hosted service knows the address, but the master directory has no Person record: a step of the article left "
        "out; or as Domino's rule not-in-directory [D-SH] and Exchange's internal relay [MS-AD] allow",
    )


class Replica(Spec):
    """The hosted side's copy of the directory."""

    at: str = Field(description="the server that has the copy")
    every: Seconds = Field(default=0.0, description="replicated at each multiple of this; 0: at once [s]")
    missing: Names = Field(default=(), description="people and groups whose record never arrived")


class DirectorySpec(Spec):
    """Who there is, and where their mail files are."""

    master: str | None = Field(
        default=None, description="the server whose directory is the master; default: the first mail server on-premises"
    )
    replica: Replica | None = Field(
        default=None, description="the hosted side's copy; left out: it sees the master itself"
    )
    people: dict[str, PersonSpec] = Field(default_factory=dict, description="Person records by name")
    groups: dict[str, Names] = Field(
        default_factory=dict, description="group name to its members: people, groups or addresses"
    )
    group_known_at: dict[str, Names] = Field(
        default_factory=dict,
        description="group name to the servers whose directory has it, such as a group made in the cloud; left out: all servers",
    )
    internal_only: Names = Field(
        default=(),
        description="people and groups that take mail of internal senders only, as new groups do in Exchange: others are told 5.7.1, by "
        "Exchange Online 5.7.133 [MS-NDR]",
    )
    population: dict[Literal["onprem", "hosted"], Annotated[Whole, Field(ge=0, le=MOST_MAILBOXES)]] = Field(
        default_factory=dict, description="nameless mailboxes a side"
    )
