"""A sender that goes down in the middle: who has been taken is not offered again, and who waits with a client keeps the run going."""

from __future__ import annotations

from pathlib import Path

from coexsim.experiment.run import simulate
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.model import Scenario
from tests.engine.both import assert_engines_agree
from tests.sim.small import Small, ends, event

TWO_HOSTS = """
coexsim: 1
domain: corporate.com
sites: [office, internet]
links: [{between: [office, internet], round_trip: 1 s}]
dns: {corporate.com: "@ 30d IN MX 10 mx1\\n@ 30d IN MX 20 mx2\\nmx1 30d IN A 192.0.2.10\\nmx2 30d IN A 192.0.2.20"}
servers:
  mx1: {kind: postfix, site: office, host: mx1.corporate.com, smtpd_recipient_limit: 1}
  mx2: {kind: postfix, site: office, host: mx2.corporate.com, virtual_mailbox_domains: [], relay_domains: [corporate.com],
        smtpd_recipient_limit: 1, capacity: {smtp_connections: 1, when_full: wait}}
  external: {kind: external, site: internet, domain: otherdomain.com, resolvers: 1}
directory: {master: mx1, people: {ann: {}, bob: {}}}
load: {replay: mails.csv}
events: [{at: DOWN, for: 60 s, down: external}]
run: {length: 1 h, drain: 1 d}
"""


def two_hosts(folder: Path, down: str, recipients: str) -> Scenario:
    """Each host takes one recipient of a mail and tells the others to come later; the sender is down for a minute."""
    rows = [f"0.0,internet,{recipients},1000", "0.0,internet,bob@corporate.com,1000"]
    (folder / "mails.csv").write_text("\n".join(["born_s,sender,recipients,size_bytes", *rows]) + "\n")
    return scenario_from_text(TWO_HOSTS.replace("DOWN", down), base=folder)


def test_who_was_taken_before_an_interruption_is_not_offered_again(tmp_path: Path) -> None:
    """Ann is taken by the first host at 5 s; Bob's session with the second is cut at 7 s: he is tried again at 67 s, she is not."""
    results = simulate(two_hosts(tmp_path, "7 s", "ann@corporate.com bob@corporate.com"))
    mail = results.mail[results.mail["mail"] == 0]

    assert sorted(zip(mail["outcome"], mail["recipients"], strict=True)) == [("delivered", 1)] * 2
    assert results.provenance["second_copies"] == 0
    assert sorted(mail["delay_s"] > 60.0) == [False, True]


def test_who_was_refused_before_an_interruption_is_told_once(tmp_path: Path) -> None:
    """An unknown recipient beside them bounces by the first host's 550, in the minute of the outage's end."""
    results = simulate(two_hosts(tmp_path, "7 s", "ann@corporate.com bob@corporate.com nobody@corporate.com"))
    mail = results.mail[results.mail["mail"] == 0]
    notices = mail[mail["kind"] == "dsn"]

    assert sorted(mail.loc[mail["kind"] == "mail", "outcome"]) == ["bounced", "delivered", "delivered"]
    assert len(notices) == 1


def test_both_engines_are_interrupted_alike(tmp_path: Path) -> None:
    """In the session with the first host, in that with the second, and between; the tables are equal to the last bit."""
    for down in ("3 s", "5 s", "7 s", "9 s", "11 s", "14 s"):
        for recipients in (
            "ann@corporate.com bob@corporate.com",
            "ann@corporate.com bob@corporate.com nobody@corporate.com",
        ):
            assert_engines_agree(two_hosts(tmp_path, down, recipients))


def test_what_a_client_keeps_is_followed_to_its_end(small: Small) -> None:
    """The server comes back an hour after the end of the run: the mail that waited with its user is still followed."""
    mails = [(10.0, "onprem", "hosted", 1000)]
    down = event(at="5 s", **{"for": "2 h"}, down="onprem")

    assert ends(small.run(mails, down)) == [("delivered", 7210.0, 1)]
    assert ends(small.run(mails, down, engine="compiled")) == [("delivered", 7210.0, 1)]
