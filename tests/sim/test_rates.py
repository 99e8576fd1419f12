"""Limits on how much mail is taken in a time: who is over them is told so, and comes again as its product does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coexsim.engine.choice import not_covered
from coexsim.engine.rule_tables import rules_of
from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario
from tests.engine.both import assert_engines_agree
from tests.sim.setups import as_text, laid_over
from tests.sim.small import COSTS_NOTHING, SMALL, Small, into

EXCHANGE_ONLINE = into("inbound", provider="exchange-online")
OUTBOUND = into("outbound", kind="hosted-outbound", site="hosted", routes_internal_mail="direct")
NAMED: dict[str, Any] = {
    "directory": {
        "people": {
            "invoices": {"mail_file": "inbound"},
            "ann": {"mail_file": "inbound"},
            "bob": {"mail_file": "onprem"},
        }
    }
}
TO_ANN, FROM_INVOICES = "ann@corporate.com", "invoices@corporate.com"


def minutes_of(results: Results) -> list[int]:
    """How many messages arrived in each minute from the first birth on."""
    mail = results.mail[results.mail["kind"] == "mail"]
    minute = ((mail["born_s"] + mail["delay_s"]) // 60).astype(int)
    return [int((minute == m).sum()) for m in range(int(minute.max()) + 1)]


def replayed(folder: Path, rows: list[tuple[float, str, str, int]], *more: dict[str, Any]) -> Scenario:
    """The small world with these mails, for both engines."""
    (folder / "mails.csv").write_text(
        "\n".join(["born_s,sender,recipients,size_bytes", *(",".join(map(str, row)) for row in rows)]) + "\n"
    )
    setup = SMALL | {"load": {"replay": "mails.csv"}}
    for keys in more:
        setup = laid_over(setup, keys)
    setup["servers"] = {name: laid_over(COSTS_NOTHING, server) for name, server in setup["servers"].items()}
    return scenario_from_text(as_text(setup), base=folder)


def test_a_mailbox_sends_thirty_messages_a_minute(small: Small) -> None:
    """3,000 invoices at once from one mailbox: 30 leave its Outbox at once, then 30 a minute, so 100 minutes; nobody is told anything.

    Exchange Online's limit; what a university says of it: of 80 messages 30 leave at once, 30 after a minute, 20 after another.
    """
    mails = [(0.0, FROM_INVOICES, "onprem", 1000)] * 3000
    results = small.run(mails, EXCHANGE_ONLINE, OUTBOUND, NAMED, into("outbound", relay_host="[192.0.2.10]"))

    assert minutes_of(results) == [30] * 100
    assert set(results.mail["outcome"]) == {"delivered"}
    assert results.mail["attempts"].max() == 1


def test_many_mailboxes_do_not_share_the_limit_of_one(small: Small) -> None:
    """The same mail from five nameless mailboxes, of which nobody knows which one sends: no limit is counted."""
    results = small.run([(0.0, "hosted", "onprem", 1000)] * 300, EXCHANGE_ONLINE, OUTBOUND, NAMED)

    assert minutes_of(results) == [300]


def test_the_recipients_of_a_day_bounce(small: Small) -> None:
    """Ten recipients a day: an eleventh bounces with 5.1.90, and on the next day there is room again."""
    keys = into("inbound", limits={"mailbox_recipients_per_day": 10})
    mails = [(0.0, FROM_INVOICES, "onprem:6", 1000), (100.0, FROM_INVOICES, "onprem:6", 1000)]
    later = [(86_500.0, FROM_INVOICES, "onprem:6", 1000)]
    results = small.run(
        [*mails, *later],
        EXCHANGE_ONLINE,
        OUTBOUND,
        NAMED,
        keys,
        {"run": {"length": "25 h"}, "directory": {"population": {"onprem": 20}}},
    )
    mail = results.mail[results.mail["kind"] == "mail"]

    told = mail.groupby("outcome", observed=True)["recipients"].sum().to_dict()
    assert told == {"delivered": 16, "bounced": 2}
    assert set(mail.loc[mail["outcome"] == "bounced", "code"]) == {"5.1.90"}


def test_a_tenant_s_recipients_elsewhere_bounce_beyond_its_day(small: Small) -> None:
    """Ten a day for all mailboxes together, in any 24 hours (TERRL); inside mail does not count, and goes on."""
    keys = into("inbound", limits={"tenant_outside_recipients_per_day": 10})
    mails = [(0.0, "hosted", "internet:6", 1000), (100.0, FROM_INVOICES, "internet:6", 1000)]
    others = [(200.0, "hosted", "onprem:9", 1000), (86_450.0, "hosted", "internet:2", 1000)]
    results = small.run([*mails, *others], EXCHANGE_ONLINE, OUTBOUND, NAMED, keys, {"run": {"length": "25 h"}})
    mail = results.mail[results.mail["kind"] == "mail"]

    told = mail.groupby(["outcome", "code"], observed=True)["recipients"].sum().to_dict()
    assert told == {("delivered", ""): 21, ("bounced", "5.7.233"): 2}


@pytest.mark.parametrize(
    ("provider", "outcome", "code"), [("exchange-online", "bounced", "5.2.122"), ("google-workspace", "delivered", "")]
)
def test_a_mailbox_gets_so_many_messages_an_hour(small: Small, provider: str, outcome: str, code: str) -> None:
    """Twenty of five an hour: Exchange Online refuses fifteen for good (5.2.122), Google's are told to come later (4.2.1), and do."""
    keys = into("inbound", provider=provider, limits={"mailbox_receives_per_hour": 5})
    results = small.run(
        [(0.0, "internet", TO_ANN, 1000)] * 20, keys, NAMED, into("external", smart_host="[192.0.2.20]", site="office")
    )
    mail = results.mail[results.mail["kind"] == "mail"]
    over = mail[mail["attempts"] > 1] if outcome == "delivered" else mail[mail["outcome"] == outcome]

    assert len(over) == 15
    assert set(over["outcome"]) == {outcome}
    assert set(over["code"]) == {code}


def test_one_sender_has_a_third_of_a_mailbox_s_hour(small: Small) -> None:
    """Of twelve an hour four may come from one sender elsewhere: the fifth is told 5.2.121, another sender is still taken."""
    keys = into("inbound", limits={"mailbox_receives_per_hour": 12})
    mails = [(0.0, "eve@otherdomain.com", TO_ANN, 1000)] * 6 + [(60.0, "max@otherdomain.com", TO_ANN, 1000)]
    results = small.run(mails, EXCHANGE_ONLINE, keys, NAMED, into("external", smart_host="[192.0.2.20]", site="office"))
    mail = results.mail[results.mail["kind"] == "mail"].sort_values("mail")

    assert mail["outcome"].tolist().count("delivered") == 5
    assert mail["code"].tolist().count("5.2.121") == 2
    assert mail["outcome"].tolist()[-1] == "delivered"


def test_a_client_that_is_over_its_rate_comes_again_as_its_product_does(small: Small) -> None:
    """100 messages a minute's limit of 30 (case 38): Exchange tries each refused message again after 15 minutes, 30 of them get in.

    MessageRetryInterval is 15 minutes (Microsoft, message intervals); the queue itself is well, and its other mail goes on.
    """
    exchange = into(
        "onprem", kind="exchange", smart_host=None, accepted_domains={"corporate.com": "internal-relay"},
        send_connectors=[{"name": "to hosted", "address_spaces": "*", "smart_hosts": "[192.0.2.20]"}],
    )  # fmt: skip
    limits = into("inbound", provider="exchange-online", limits={"client_messages_per_minute": 30})
    results = small.run([(0.0, "onprem", "hosted", 1000)] * 100, exchange, limits)
    arrived = [minute for minute, count in enumerate(minutes_of(results)) for _ in range(count)]

    assert sorted(results.mail["attempts"]) == [1] * 30 + [2] * 30 + [3] * 30 + [4] * 10
    assert [arrived.count(m) for m in (0, 15, 30, 45)] == [30, 30, 30, 10]


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"smtpd_client_message_rate_limit": 30}, "4.7.1"),
        ({"smtpd_client_recipient_rate_limit": 30}, "4.7.1"),
        ({"smtpd_client_connection_rate_limit": 30}, "4.7.0"),
    ],
)
def test_postfix_counts_by_client(small: Small, keys: dict[str, int], code: str) -> None:
    """Anvil counts messages, recipients and connections of each client in a minute; mynetworks is spared (postconf(5))."""
    mails = [(0.0, "internet", "onprem", 1000)] * 40
    gives_up = into("external", retry={"like": "exchange", "first": "1 d", "expire_after": "1 h"})
    results = small.run(mails, into("onprem", **keys), gives_up)
    late = results.mail[results.mail["outcome"] == "expired"]

    assert len(late) == 10
    assert {c[1:] for c in late["code"]} == {code[1:]}
    spared = small.run(mails, into("onprem", **keys, mynetworks=["external"]), gives_up)
    assert set(spared.mail["outcome"]) == {"delivered"}


def test_nobody_is_lost_between_the_limit_of_a_message_and_that_of_a_minute(small: Small) -> None:
    """Two messages to eight each, three a message and five a minute: five get in, of the second message two, all others later."""
    limits = into("onprem", smtpd_recipient_limit=3, smtpd_client_recipient_rate_limit=5)
    results = small.run([(0.0, "internet", "onprem:8", 1000), (1.0, "internet", "onprem:8", 1000)], limits)
    mail = results.mail.sort_values("delay_s")

    assert set(mail["outcome"]) == {"delivered"}
    assert mail["recipients"].sum() == 16
    at_once = mail[mail["delay_s"] < 60]
    assert dict(zip(at_once["mail"], at_once["recipients"], strict=True)) == {0: 3, 1: 2}


@pytest.mark.parametrize(("source", "taken"), [("ip-address", 5), ("user", 10), ("all", 5)])
def test_exchange_counts_by_host_or_by_sender(small: Small, source: str, taken: int) -> None:
    """MessageRateLimit 5: of ten messages of two senders at one host five are taken, or five of each sender: 421 4.4.2 to the others."""
    exchange = into(
        "onprem", kind="exchange", smart_host=None, accepted_domains={"corporate.com": "authoritative"},
        message_rate_limit=5, message_rate_source=source,
    )  # fmt: skip
    mails = [(0.0, f"{name}@otherdomain.com", "onprem", 1000) for name in ("eve", "max") for _ in range(8)]
    results = small.run(
        mails, exchange, into("external", retry={"like": "exchange", "first": "1 d", "expire_after": "1 h"})
    )
    late = results.mail[(results.mail["outcome"] == "expired") & (results.mail["kind"] == "mail")]

    assert 16 - len(late) == taken
    assert set(late["code"]) == {"4.4.2"}


def test_both_engines_count_alike(tmp_path: Path) -> None:
    """Rates of clients, senders and mailboxes, in the session and where mail is handed in: the tables are equal to the last bit."""
    to_hosted = into("external", smart_host="[192.0.2.20]", site="office")
    few = into("inbound", limits={"client_messages_per_minute": 30, "mailbox_receives_per_hour": 9})
    rows = [
        (i / 7, f"{'eve' if i % 3 else 'max'}@otherdomain.com", TO_ANN if i % 2 else "hosted:3", 1000)
        for i in range(90)
    ]
    for scenario in (
        replayed(tmp_path, rows, EXCHANGE_ONLINE, few, NAMED, to_hosted),
        replayed(tmp_path, rows, into("onprem", smtpd_client_message_rate_limit=20), NAMED),
        replayed(tmp_path, rows, into("onprem", smtpd_client_recipient_rate_limit=20), NAMED),
        replayed(tmp_path, rows, into("onprem", smtpd_client_connection_rate_limit=3), NAMED),
        replayed(tmp_path, rows, into("onprem", smtpd_recipient_limit=2, smtpd_client_recipient_rate_limit=20), NAMED),
    ):
        assert not_covered(scenario) is None
        assert_engines_agree(scenario)


@pytest.mark.parametrize(
    "events", [[], [{"at": "3 min", "for": "150 s", "down": "outbound"}]], ids=["up", "down for a while"]
)
def test_both_engines_keep_what_is_too_much_in_the_outbox(tmp_path: Path, events: list[dict[str, str]]) -> None:
    """Two mailboxes of 5 messages a minute, one of which goes on for three minutes, and one that has no limit of its own."""
    few = into("inbound", limits={"mailbox_sends_per_minute": 5})
    people = NAMED | {"events": events}
    rows = [
        (i * 2.5, FROM_INVOICES if i % 3 else TO_ANN, "bob@corporate.com" if i % 2 else "onprem", 1000)
        for i in range(90)
    ]
    rows += [(90.0 + i, "hosted", "onprem", 1000) for i in range(20)]
    scenario = replayed(tmp_path, rows, EXCHANGE_ONLINE, few, OUTBOUND, people)

    assert not_covered(scenario) is None
    assert_engines_agree(scenario)
    assert_engines_agree(scenario, room=1, block_mails=1, forced=True)
    waited = simulate(scenario, engine="reference").mail["delay_s"]
    assert (waited > 60).sum() > 30


def test_what_rules_said_is_not_kept_for_a_mailbox_that_is_alone(tmp_path: Path) -> None:
    """One mailbox has limits that a class of many has not: their runs share no answers; classes of two and of nine do."""
    row = [(0.0, "hosted", "onprem", 1000)]
    one, two, nine = (
        rules_of(replayed(tmp_path, row, EXCHANGE_ONLINE, {"directory": {"population": {"hosted": n}}}))
        for n in (1, 2, 9)
    )

    assert one != two
    assert two == nine
