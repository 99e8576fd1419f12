"""Messages that a scenario lists one by one, and what must happen to them."""

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from coexsim.scenario.part import Spec
from coexsim.scenario.quantities import EnhancedCode, Names, SizeBytes, Switch, Whole

Outcome = Literal["bounced", "expired", "discarded", "refused_to_client", "deferred_in_queue", "delivered"]

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""How a recipient can end, the worst first: a group ends as its worst member does."""


class Expect(Spec):
    """What must happen to a recipient; only what is written is checked."""

    route: tuple[str, ...] | None = Field(default=None, description="servers passed by the copy that arrived or ended")
    outcome: Outcome | None = Field(default=None, description="how the mail ends for the recipient")
    code: EnhancedCode | None = Field(default=None, description="enhanced status code, such as 5.1.1, or none")
    by: str | None = Field(default=None, description="the server that gave it up")
    rules: tuple[str, ...] | None = Field(default=None, description="the rule at each server of the route")
    dsn_to: str | None = Field(default=None, description="the address that the delivery status notification goes to")
    dsn_route: tuple[str, ...] | None = Field(default=None, description="servers that the notification passes")
    transactions: Whole | None = Field(default=None, description="SMTP transactions between servers, bounces included")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if all(value is None for value in self.__dict__.values()):
            raise ValueError("it expects nothing, so it would always hold; write for example 'outcome: delivered'")
        return self


class Mail(Spec):
    """One message that is replayed, and checked."""

    name: str | None = Field(default=None, description="its name in the answer of `check`")
    quote: str | None = Field(default=None, description="the sentence of the article it stands for")
    sender: str = Field(alias="from", description="'<>' is the null sender")
    to: Names = Field(description="recipients: addresses, people or groups")
    size: SizeBytes = Field(default=4096, description="size on the wire; default 4096 bytes")
    declare_size: Switch = Field(default=True, description="the client says the size at MAIL (SIZE=)")
    at: str | None = Field(default=None, description="the server it is handed in at; default: the sender's own")
    via: Literal["mx"] | None = Field(
        default=None, description="mx: the client finds the server by the recipient's MX record"
    )
    client: Literal["own-user", "outside"] = Field(
        default="own-user",
        description="who hands it in at `at`: a user of that server, who may send anywhere, or a stranger, as in a test for an open relay",
    )
    expect: Expect | None = Field(default=None, description="what must happen to each of its recipients")
    expect_each: dict[str, Expect] = Field(
        default_factory=dict, description="what must happen to each recipient, by address"
    )

    @property
    def envelope_sender(self) -> str:
        """The reverse path; empty for the null sender."""
        return "" if self.sender == "<>" else self.sender
