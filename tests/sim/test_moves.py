"""People who are hired and move during a run, and the replica that learns of it later, by hand in the small world."""

from __future__ import annotations

from typing import Any

import pytest

from coexsim.experiment.run import simulate
from coexsim.scenario.load import scenario_from_text
from tests.sim.setups import as_text, laid_over
from tests.sim.small import IN, SMALL, Small, ends, event, into


def test_new_hires_bounce_until_the_replica_knows_them(small: Small) -> None:
    """Hired at 1 min, replicated at 15 min: the on-premises server knows them at once and relays, the hosted one refuses until then."""
    lag = {"directory": {"replica": {"at": "inbound", "every": "15 min"}}}
    hired = event(at="1 min", hire=["newcomer"], to="hosted")
    mails = [(at_s, "internet", "newcomer@corporate.com", 1000) for at_s in (30.0, 120.0, 960.0)]
    results = small.run(mails, lag, hired)

    at_once = {"before": ("bounced", 34.0, 1), "between": ("bounced", 129.0, 2), "after": ("delivered", 970.0, 2)}
    assert ends(results) == list(at_once.values())
    assert results.mail.loc[results.mail["kind"] == "mail", "by"].tolist() == ["external", "onprem", ""]


def test_movers_go_the_old_way_until_the_replica_knows_them(small: Small) -> None:
    """Moved home at 1 min: until 15 min the hosted outbound server still hands their mail to the hosted inbound one, which takes it."""
    lag = {
        "directory": {
            "replica": {"at": "inbound", "every": "15 min"},
            "people": {"iUser": {"mail_system": "other-internet-mail"}},
        }
    }
    outbound = into(
        "outbound", kind="hosted-outbound", site="hosted", host="out.inotes.example", routes_internal_mail="direct"
    )
    moved = event(at="1 min", move=["iUser"], to="onprem")
    mails = [(at_s, "hosted", "iUser@corporate.com", 1000) for at_s in (30.0, 120.0, 960.0)]
    results = small.run(mails, lag, outbound, moved, {"name_servers": {"answer": "0 s", "site": "hosted"}})

    assert ends(results) == [("delivered", 30.0, 1), ("delivered", 120.0, 1), ("delivered", 965.0, 1)]


OUTBOUND: dict[str, Any] = {
    "servers": {"outbound": {"kind": "hosted-outbound", "site": "hosted", "routes_internal_mail": "by-mx"}}
}
SENT_BY_ALL: dict[str, Any] = {
    "load": {
        "replay": None,
        "streams": [{"from": "everybody", "to": "internet", "rate": "360/h", "arrivals": "constant"}],
    },
    "directory": {"population": {"onprem": 5, "hosted": 0}},
    "run": {"length": "1 h"},
}


def test_who_has_moved_hands_mail_in_at_the_new_side(small: Small) -> None:
    """All five mailboxes move at half past; a message every 10 s: 180 handed in on premises, 180 at the hosted service; each counts for
    the side where its sender was when it was born.
    """
    results = small.run([IN], SENT_BY_ALL, OUTBOUND, event(at="30 min", move=5, to="hosted"))
    mail = results.mail[results.mail["kind"] == "mail"]
    sessions = results.stages.set_index(["server", "stage"])["visits"]

    assert mail["flow"].value_counts().to_dict() == {"onprem->internet": 180, "hosted->internet": 180}
    assert (mail["born_s"][mail["flow"] == "hosted->internet"] >= 1800).all()
    assert (sessions["onprem", "transfer"], sessions["outbound", "transfer"]) == (180, 180)


def test_nobody_sends_before_they_are_hired(small: Small) -> None:
    """Five mailboxes all the time and five more from half past on, of 360 messages each half: what those send before is not there."""
    hired = event(at="30 min", hire=5, to="hosted")
    results = small.run([IN], SENT_BY_ALL, OUTBOUND, hired)
    mail = results.mail[results.mail["kind"] == "mail"]
    hosted = mail["born_s"][mail["flow"] == "hosted->internet"]

    assert set(mail["flow"]) == {"onprem->internet", "hosted->internet"}
    assert hosted.min() >= 1800
    assert len(mail) + len(hosted) == pytest.approx(360, abs=40)


def test_the_flow_is_that_of_the_birth(small: Small) -> None:
    """One is hired at 1 min: mail before is mail to nobody. One moves on premises at 10 min: mail of that moment goes there."""
    changes: dict[str, Any] = {
        "directory": {"people": {"mover": {"mail_system": "other-internet-mail"}}},
        "events": [
            {"at": "1 min", "hire": ["newcomer"], "to": "hosted"},
            {"at": "10 min", "move": ["mover"], "to": "onprem"},
        ],
    }
    to = {30.0: "newcomer", 60.0: "newcomer", 599.0: "mover", 600.0: "mover"}
    results = small.run([(at_s, "internet", f"{who}@corporate.com", 1000) for at_s, who in to.items()], changes)
    mail = results.mail[results.mail["kind"] == "mail"]

    assert mail["flow"].tolist() == ["internet->unknown", *["internet->hosted"] * 2, "internet->onprem"]


def test_mail_files_on_a_second_hosted_server_are_hosted_too() -> None:
    """The side of a mailbox is that of the server with its mail file, as `check` says it: not only that of the first hosted server."""
    more = {
        "directory": {"population": {"onprem": 1, "hosted": 1}, "people": {"ann": {"mail_file": "second"}}},
        "servers": {"second": {"kind": "hosted-inbound", "site": "hosted", "host": "second.inotes.example"}},
        "messages": [{"from": "bob@otherdomain.com", "to": "ann"}],
    }
    mail = simulate(scenario_from_text(as_text(laid_over(SMALL, more)))).mail

    assert set(mail["flow"][mail["kind"] == "mail"]) == {"internet->hosted"}
