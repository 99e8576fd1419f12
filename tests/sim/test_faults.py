"""What fails, what waits and what is turned away, each in a world so small that its times can be worked out by hand.

A round trip takes 1 s, and nothing else takes time unless a test says so: a session with one server is 5 s long. Hosts are given by
address, so DNS is asked nothing (but for notices).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.scenario.load import scenario_from_text
from tests.sim.setups import as_text

DAY_S = 86400.0
SMALL: dict[str, Any] = {
    "coexsim": 1,
    "domain": "corporate.com",
    "sites": ["office", "hosted", "internet"],
    "links": [
        {"between": ["office", "internet"], "round_trip": "1 s"},
        {"between": ["office", "hosted"], "round_trip": "1 s"},
    ],
    "dns": {"corporate.com": "@ 30d IN MX 10 mail\nmail 30d IN A 192.0.2.10"},
    "servers": {
        "onprem": {"kind": "postfix", "site": "office", "host": "mail.corporate.com", "smart_host": "[192.0.2.20]"},
        "inbound": {"kind": "hosted-inbound", "site": "hosted", "host": "smtp.inotes.example", "address": "192.0.2.20"},
        "external": {"kind": "external", "site": "internet", "domain": "otherdomain.com", "smart_host": "[192.0.2.10]"},
    },
    "directory": {"population": {"onprem": 5, "hosted": 5}},
    "run": {"length": "1 h", "drain": "10 d"},
}
DOMINO = {
    "kind": "domino", "smtp_listener_task": "enabled", "smtp_outside_local_domain": "enabled", "global_domain": ["corporate.com"],
}  # fmt: skip
Mail = tuple[float, str, str, int]


class Small:
    """The small world: `run` replays mails (born_s, from, to, bytes) in it, under further keys."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, mails: list[Mail], *more: dict[str, Any], **keys: Any) -> Results:
        rows = [f"{born_s},{sender},{to},{size}" for born_s, sender, to, size in mails]
        (self._folder / "mails.csv").write_text("\n".join(["born_s,sender,recipients,size_bytes", *rows]) + "\n")
        text = as_text(SMALL, {"load": {"replay": "mails.csv"}}, *more)
        return simulate(scenario_from_text(text, base=self._folder), **keys)


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(tmp_path)


def into(server: str, **keys: Any) -> dict[str, Any]:
    return {"servers": {server: keys}}


def linked(**keys: str) -> dict[str, Any]:
    """Other links between the sites."""
    return {"links": [{"between": pair, **keys} for pair in (["office", "internet"], ["office", "hosted"])]}


def event(**keys: Any) -> dict[str, Any]:
    return {"events": [keys]}


def ends(results: Results, kind: str = "mail") -> list[tuple[str, float, int]]:
    """Outcome, time of the end, and attempts of every copy, by number."""
    mail = results.mail[results.mail["kind"] == kind].sort_values(["mail", "delay_s"])
    return [
        (str(outcome), round(float(born_s + delay_s), 6), int(attempts))
        for outcome, born_s, delay_s, attempts in zip(mail["outcome"], mail["born_s"], mail["delay_s"], mail["attempts"], strict=True)
    ]  # fmt: skip


IN = (0.0, "internet", "onprem", 1000)  # one session
THROUGH = (0.0, "internet", "hosted", 1000)  # two sessions, one after the other


# --- sessions -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("round_trip_ms", [20, 50, 100])
@pytest.mark.parametrize(
    ("smtp", "recipients", "size", "trips"),
    [
        ({}, 1, 4_096, 5),
        ({}, 20, 4_096, 5),
        ({"tls": True}, 1, 4_096, 9),
        ({"pipelining": False}, 1, 4_096, 7),
        ({"pipelining": False}, 20, 4_096, 26),
        ({}, 1, 75_000, 5 + 2),  # measured: +2.4
        ({}, 1, 1_000_000, 5 + 6),  # measured: +6
    ],
)
def test_round_trips_of_a_session(
    small: Small, round_trip_ms: int, smtp: dict[str, Any], recipients: int, size: int, trips: int
) -> None:
    """As measured with Postfix 3.7.11 at 20, 50 and 100 ms: 5 clear, 9 with TLS, n + 6 without PIPELINING, and slow start."""
    links = linked(round_trip=f"{round_trip_ms} ms")
    everybody = {"directory": {"population": {"onprem": 40, "hosted": 5}}}
    people = " ".join(f"dUser{i}@corporate.com" for i in range(recipients))
    named: dict[str, Any] = {"directory": {"people": {f"dUser{i}": {} for i in range(recipients)}}}
    results = small.run([(0.0, "internet", people, size)], links, everybody, named, into("external", smtp=smtp))

    assert {round(delay_s, 9) for delay_s in results.mail["delay_s"]} == {round(trips * round_trip_ms / 1000, 9)}


def test_alike_recipients_are_as_many_commands_as_others(small: Small) -> None:
    """Without PIPELINING n recipients cost n + 6 round trips, whether they have names or are so many mailboxes of a side."""
    results = small.run([(0.0, "internet", "onprem:20", 4_096)], into("external", smtp={"pipelining": False}))

    assert ends(results) == [("delivered", 26.0, 1)]


def test_a_mailing_goes_on_fifty_recipients_at_a_time(small: Small) -> None:
    """Postfix offers 50 recipients in a transaction (smtp_destination_recipient_limit): 120 alike ones and one more take three."""
    many = {"directory": {"people": {"iUser1": {"mail_system": "other-internet-mail"}}, "population": {"hosted": 200}}}
    to = "hosted:120 iUser1@corporate.com"
    results = small.run([(0.0, "internet", to, 4_096)], many, into("onprem", capacity={"transfer_threads": 1}))

    assert ends(results) == [("delivered", 10.0, 2), ("delivered", 15.0, 2), ("delivered", 20.0, 2)]
    assert sorted(results.mail["recipients"]) == [21, 50, 50]


def test_a_kept_connection_takes_three_round_trips(small: Small) -> None:
    """The second message within 4 s uses the first one's connection: 1 for its liveness check, 2 for envelope and body."""
    mails = [(at_s, "internet", "onprem", 4_096) for at_s in (0.0, 7.0, 20.0)]
    results = small.run(mails, into("external", smtp={"reuse": "4 s"}))

    assert ends(results) == [("delivered", 5.0, 1), ("delivered", 10.0, 1), ("delivered", 25.0, 1)]


@pytest.mark.parametrize(("down", "trips"), [("onprem", 5), ("external", 5), ("inbound", 3), ("office-internet", 3)])
def test_a_crash_closes_kept_connections(small: Small, down: str, trips: int) -> None:
    """Either end forgets its connections when it goes down; an idle one outlives a cut link, and what goes on elsewhere."""
    mails = [(at_s, "internet", "onprem", 4_096) for at_s in (0.0, 100.0)]
    outage = event(at="Mon 00:00:20", down=down, **{"for": "30 s"})
    results = small.run(mails, outage, into("external", smtp={"reuse": "5 min"}))

    assert ends(results) == [("delivered", 5.0, 1), ("delivered", 100.0 + trips, 1)]


def test_body_and_accept_work_lengthen_the_session(small: Small) -> None:
    """1 MB over 8 Mbit/s takes 1 s, twice as long where two share the link; the server takes another 2 s a message."""
    link = linked(round_trip="1 s", bandwidth="8 Mbit/s")
    mails = [(0.0, "internet", "onprem", 1_000_000)]
    accept = into("onprem", service={"accept": "2 s"})

    assert ends(small.run(mails, link, accept)) == [("delivered", 5 + 6 + 2 + 1.0, 1)]
    assert ends(small.run(mails * 2, link, accept)) == [("delivered", 5 + 6 + 2 + 2.0, 1)] * 2


def test_bytes_between_sites_are_counted_once(small: Small) -> None:
    """What all mail together put on links is what crossed them: a transfer for several recipients, groups' members too, is one.

    Two transactions for onprem and hosted recipients of one message; a group of four, one of them outside; a message whose 250 is
    lost (from 1004.5 s to 1005 s), so that it crosses twice and is there twice.
    """
    people = {
        "dUser1": {"mail_file": "onprem"},
        "dUser2": {"mail_file": "onprem"},
        "iUser1": {"mail_system": "other-internet-mail"},
    }
    groups = {"directory": {"people": people, "groups": {"all": ["dUser1", "dUser2", "iUser1", "out@otherdomain.com"]}}}
    mails = [
        (0.0, "internet", "onprem:1 hosted:2", 6000),
        (100.0, "internet", "all@corporate.com", 8000),
        (1000.0, *THROUGH[1:]),
    ]
    cut = event(at="1004.7 s", down="external", **{"for": "2 min"})
    results = small.run(mails, groups, cut)
    mail = results.mail[results.mail["kind"] == "mail"]
    crossed = results.timeline[results.timeline["stage"] == "link"]["queued_bytes"].sum()
    by_mail = mail.groupby("mail")["wan_bytes"].sum().tolist()

    assert results.provenance["duplicates"] == 1
    assert by_mail == [6000 * 2, 8000 * 3, 1000 * 4]
    assert results.mail["wan_bytes"].sum() == crossed
    assert mail[mail["mail"] == 0].set_index("flow")["wan_bytes"].to_dict() == {
        "internet->onprem": 2000,
        "internet->hosted": 4000 + 6000,
    }


def test_tables_say_what_is_in_the_window(small: Small) -> None:
    """Two minutes and a half, the second message measured: its session from 60 s to 65 s (one transfer over the link), its scan from
    65 s to 75 s, and 5 of the 10 s from 55 s for which the first one was scanned.
    """
    window = {"run": {"length": "150 s", "measure": "60 s - 85 s"}}
    cores = into("onprem", service={"scan": "10 s"}, capacity={"cores": 1})
    results = small.run([(50.0, *IN[1:]), (60.0, *IN[1:])], window, cores)
    stages = results.stages.set_index(["server", "stage"])
    link = results.timeline[results.timeline["server"] == "internet to office"]

    assert stages.loc[("onprem", "connections"), ["visits", "mean_busy"]].tolist() == [1, 5 / 25]
    assert stages.loc[("onprem", "cores"), ["visits", "mean_busy"]].tolist() == [1, (5 + 10) / 25]
    assert stages.loc[("internet to office", "link"), ["visits", "mean_busy"]].tolist() == [1, 0]
    assert link["arrivals"].tolist() == [1, 1, 0]
    assert link["queued_bytes"].tolist() == [1000, 1000, 0]


# --- outages --------------------------------------------------------------------------------------------------------------


def test_a_server_that_is_down_is_tried_again(small: Small) -> None:
    """Postfix, 7 minutes: refused after a round trip, tried again at the next queue run after 300 s; new mail overtakes the old."""
    mails = [IN, (100.0, "internet", "onprem", 1000), (480.0, "internet", "onprem", 1000)]
    results = small.run(mails, event(at="0 s", **{"for": "7 min"}, down="onprem"))

    # 1 + 300 s rounded up to a multiple of 300 is 600; the second never tried while the server was marked dead (100 + 300 -> 600).
    assert ends(results) == [("delivered", 605.0, 2), ("delivered", 605.0, 1), ("delivered", 485.0, 1)]


def test_a_cut_link_is_waited_for(small: Small) -> None:
    """Nobody answers: 30 s of waiting, then the next attempt."""
    results = small.run([IN], event(at="0 s", **{"for": "7 min"}, down="office-internet"))

    assert ends(results) == [("delivered", 605.0, 2)]
    assert results.mail["wan_bytes"].tolist() == [1000]


def test_mail_goes_round_a_cut_link(small: Small) -> None:
    """With a second way over a third site, a message takes it: two links of 2 s, 5 round trips of 4 s."""
    links = [{"between": pair, "round_trip": f"{s} s"} for pair, s in
             ((["office", "internet"], 1), (["office", "hosted"], 2), (["hosted", "internet"], 2))]  # fmt: skip
    results = small.run([IN], {"links": links}, event(at="0 s", **{"for": "7 min"}, down="office-internet"))

    assert ends(results) == [("delivered", 20.0, 1)]
    assert results.mail["wan_bytes"].tolist() == [2000]


def test_dns_that_is_down_defers(small: Small) -> None:
    """The sender's resolver waits 5 s for an answer: then 4.4.3 for the time being."""
    by_mx = into("external", smart_host=None)
    names = {"name_servers": {"answer": "0 s", "site": "internet"}}
    results = small.run([IN], by_mx, names, event(at="0 s", **{"for": "7 min"}, down="dns"))

    assert ends(results) == [("delivered", 605.0, 2)]
    questions = results.dns[results.dns["type"] == "MX"]
    assert (questions["asked"].tolist(), questions["failed"].tolist()) == ([2], [1])


BY_MX: dict[str, Any] = {"servers": {"external": {"smart_host": None}}}


def asked(results: Results) -> list[tuple[str, int, int]]:
    return list(results.dns[["type", "asked", "cached"]].itertuples(index=False, name=None))


def test_dns_is_asked_once_and_remembered(small: Small) -> None:
    """A hundred messages, MX and address good for 30 days: two questions, and 99 times an answer from the cache for each."""
    mails = [(10.0 * i, *IN[1:]) for i in range(100)]
    for more in ({}, into("external", capacity={"transfer_threads": 50})):
        assert asked(small.run(mails, BY_MX, more)) == [("MX", 1, 99), ("A", 1, 99)]


def test_who_has_the_same_question_waits_for_the_same_answer(small: Small) -> None:
    """A hundred messages at once: two questions of 1 ms (the name server stands beside the sender), then sessions of 5 s for all.

    A resolver sends a question once, however many want to know (RFC 5452, section 5).
    """
    results = small.run([IN] * 100, BY_MX)

    assert asked(results) == [("MX", 1, 99), ("A", 1, 99)]
    assert ends(results) == [("delivered", 5.002, 1)] * 100


def test_caches_outlive_a_name_server(small: Small) -> None:
    """Name servers down from 100 s to 1000 s: what was asked before still goes through. With a cold cache mail waits: tried at 200 s,
    at 600 s (the queue run after 205 + 300), and at 1200 s (after 605 + its age of 405).
    """
    outage = event(at="100 s", down="dns", **{"for": "15 min"})
    late = (200.0, *IN[1:])

    assert [end_s for _, end_s, _ in ends(small.run([IN, late], BY_MX, outage))] == [5.002, 205.0]
    assert ends(small.run([late], BY_MX, outage)) == [("delivered", 1205.002, 3)]


@pytest.mark.parametrize(("first", "second"), [("internet", "hosted"), ("hosted", "internet")])
def test_the_views_of_dns_are_kept_apart(small: Small, first: str, second: str) -> None:
    """One smart host by name on two Send connectors: outside DNS says where the Internet's relay is, inside DNS the hosted one."""
    connectors = [
        {"name": "in", "address_spaces": "corporate.com", "smart_hosts": "relay.example"},
        {"name": "out", "address_spaces": "*", "smart_hosts": "relay.example", "use_external_dns": True},
    ]
    domains = {"corporate.com": "internal-relay"}
    keys = {
        "servers": {
            "onprem": {
                "kind": "exchange",
                "smart_host": None,
                "accepted_domains": domains,
                "send_connectors": connectors,
            },
            "external": {"address": "192.0.2.30"},
        },
        "dns": {"relay.example": "@ 30d IN A 192.0.2.30"},
        "internal_dns": {"relay.example": "@ 30d IN A 192.0.2.20"},
    }
    results = small.run([(0.0, "onprem", first, 1000), (100.0, "onprem", second, 1000)], keys)

    assert [outcome for outcome, _, _ in ends(results)] == ["delivered", "delivered"]


def test_outages_at_random(small: Small) -> None:
    """A server that fails every 20 minutes for 2 on the mean: everything arrives in the end, some of it late, and differently by seed."""
    mails = [(10.0 * i, "internet", "onprem", 1000) for i in range(350)]
    runs = [small.run(mails, event(down="onprem", mtbf="20 min", mttr="2 min"), replication=i) for i in range(3)]

    for results in runs:
        assert (results.mail["outcome"] == "delivered").all()
        assert (results.mail["attempts"] > 1).sum() >= 3
    assert len({tuple(results.mail["delay_s"]) for results in runs}) == 3


def test_work_in_hand_stands_still_while_the_server_is_down(small: Small) -> None:
    """A scan of 10 s begun at 5 s, and an outage from 8 s to 68 s: done at 75 s."""
    results = small.run(
        [IN], into("onprem", service={"scan": "10 s"}), event(at="8 s", **{"for": "1 min"}, down="onprem")
    )

    assert ends(results) == [("delivered", 75.0, 1)]


def test_users_keep_their_mail_while_their_server_is_down(small: Small) -> None:
    """It is handed in when the server is up again, and is in no server's queue before."""
    results = small.run([(10.0, "onprem", "onprem", 1000)], event(at="5 s", **{"for": "10 min"}, down="onprem"))

    assert ends(results) == [("delivered", 605.0, 0)]
    queue = results.timeline[(results.timeline["stage"] == "queue") & (results.timeline["server"] == "onprem")]
    assert queue["backlog"].max() == 0


# --- crashes in the middle of a session -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "at_s", "delivered", "attempts"),
    [
        ("onprem", 3.0, [300.0], [2]),  # in the middle: the server has nothing, the client tries again
        ("onprem", 4.7, [64.7], [1]),  # the 250 is on its way already: the server goes on when it is up again
        ("external", 3.0, [65.0 + 3.0], [2]),  # the client goes on when it is up again, at 63 s
        ("external", 4.7, [5.0, 69.7], [1, 2]),  # the 250 comes to a client that is down: it sends again
        ("office-internet", 3.0, [300.0], [2]),
        ("office-internet", 4.7, [5.0, 300.0], [1, 2]),  # the 250 is lost with the link
    ],
)
def test_a_crash_during_a_session(
    small: Small, what: str, at_s: float, delivered: list[float], attempts: list[int]
) -> None:
    """Nothing is lost; the message is there twice just where the 250 (on its way from 4.5 s to 5 s) was lost, and that is counted."""
    results = small.run([IN], event(at=f"{at_s} s", **{"for": "1 min"}, down=what))

    expected = [("delivered", t + 305.0 if t == 300.0 else t, n) for t, n in zip(delivered, attempts, strict=True)]
    assert [(o, t, max(n, 1)) for o, t, n in ends(results)] == expected
    assert results.provenance["duplicates"] == len(delivered) - 1


# --- retry, warning, expiry -----------------------------------------------------------------------------------------------


def test_a_destination_waits_as_a_whole(small: Small) -> None:
    """Domino, two hours: tried at 0, 15 min, then after 30 min, then after an hour; who comes meanwhile does not try before that."""
    onprem = into("onprem", **DOMINO)
    mails = [(0.0, "onprem", "hosted", 1000), (60.0, "onprem", "hosted", 1000)]
    results = small.run(mails, onprem, event(at="0 s", **{"for": "100 min"}, down="inbound"))

    # Refused at 1 s; 901 + 1 s; 2702 + 1 s: the gap has doubled; 6303: the gap is an hour.
    assert ends(results) == [("delivered", 6308.0, 4), ("delivered", 6308.0, 3)]


def test_attempts_under_way_together_make_a_destination_no_deader(small: Small) -> None:
    """Nine threads find out at once that the destination is down; that is one failure of it, not nine."""
    mails = [(0.0, "onprem", "hosted", 1000)] * 9
    results = small.run(mails, into("onprem", **DOMINO), event(at="0 s", **{"for": "10 min"}, down="inbound"))

    assert ends(results) == [("delivered", 906.0, 2)] * 9


def test_warning_and_expiry(small: Small) -> None:
    """Exchange warns after 4 hours and gives up after 2 days; both notices go to the sender."""
    exchange = into(
        "onprem", kind="exchange", smart_host=None, accepted_domains={"corporate.com": "internal-relay"},
        send_connectors=[{"name": "to hosted", "address_spaces": "*", "smart_hosts": "[192.0.2.20]"}],
    )  # fmt: skip
    results = small.run([(0.0, "onprem", "hosted", 1000)], exchange, event(at="0 s", down="inbound"))

    assert ends(results)[0][:2] == ("expired", 2 * DAY_S)
    assert [outcome for outcome, _, _ in ends(results, "dsn") + ends(results, "delay")] == ["delivered", "delivered"]
    assert results.mail.set_index("kind").loc[["delay", "dsn"], "born_s"].tolist() == [4 * 3600.0, 2 * DAY_S]


@pytest.mark.parametrize(
    ("down", "warned_s", "expired_s"),
    [
        (("00:30", "1 h"), 5400.0, 18005.0),  # down when the warning is due
        (("04:00", "2 h"), 3605.0, 21600.0),  # down when the mail is to be given up
        (("00:30", "6 h"), None, 23400.0),  # down all the time: too late for a warning
    ],
)
def test_a_server_that_is_down_writes_no_notices(
    small: Small, down: tuple[str, str], warned_s: float | None, expired_s: float
) -> None:
    """Queued at 5 s, warned of after an hour and given up after five: by a server that is up, so when it is back at the latest."""
    retry = {"like": "sendmail", "first": "6 h", "warn_after": "1 h", "expire_after": "5 h"}
    outages = {
        "events": [
            {"at": "Mon 00:00", "down": "inbound"},
            {"at": f"Mon {down[0]}", "down": "onprem", "for": down[1]},
        ]
    }
    results = small.run([THROUGH], into("onprem", retry=retry), outages)
    notices = results.mail[results.mail["kind"] != "mail"]
    warned = [] if warned_s is None else [("delay", warned_s)]

    assert ends(results) == [("expired", expired_s, 2)]
    assert sorted(zip(notices["kind"], notices["born_s"], strict=True)) == [*warned, ("dsn", expired_s)]


def test_no_warning_of_mail_that_is_given_up(small: Small) -> None:
    """Tried a last time when its hour is over, at 9000 s, because its server was down: one notice, of the failure."""
    retry = {"like": "exchange-2007", "warn_after": "40 min", "expire_after": "1 h"}
    outages = {"events": [{"at": "Mon 00:00", "down": "inbound"}, {"at": "Mon 00:30", "down": "onprem", "for": "2 h"}]}
    results = small.run([THROUGH], into("onprem", retry=retry), outages)

    assert ends(results) == [("expired", 9001.0, 5)]
    assert set(results.mail["kind"]) == {"mail", "dsn"}


def test_a_warning_is_due_though_the_destination_waits_longer(small: Small) -> None:
    """Domino: the first message's failures put the destination off until 2707 s. The second, whose own gap would end at 2405 s, warns
    of itself at 2465 s all the same.
    """
    keys = into("onprem", **DOMINO, smart_host="[192.0.2.20]", delay_notification_after="16 min")
    mails = [THROUGH, (1500.0, "internet", "hosted", 1000)]
    results = small.run(mails, keys, event(at="Mon 00:00", down="inbound", **{"for": "2 h"}))
    notices = results.mail[results.mail["kind"] == "delay"]

    assert notices["born_s"].tolist() == [965.0, 2465.0]


def test_a_secondary_mx_takes_what_the_first_cannot(small: Small) -> None:
    """The client goes on to the second MX at once; that one keeps the mail and tries again by its own schedule."""
    zone = "@ 30d IN MX 10 mail\n@ 30d IN MX 20 backup\nmail 30d IN A 192.0.2.10\nbackup 30d IN A 192.0.2.30"
    backup = {"kind": "relay", "site": "hosted", "host": "backup.corporate.com", "smart_host": "[192.0.2.10]"}
    links = {"links": [*SMALL["links"], {"between": ["hosted", "internet"], "round_trip": "2 s"}]}
    names = {"name_servers": {"answer": "0 s", "site": "internet"}}
    results = small.run(
        [IN], {"dns": {"corporate.com": zone}}, links, names, into("backup", **backup), into("external", smart_host=None),
        event(at="0 s", **{"for": "7 min"}, down="onprem"),
    )  # fmt: skip

    # Refused after 1 s; 10 s with the backup; refused there at 12 s, and 312 s rounds up to the queue run at 600 s.
    assert ends(results) == [("delivered", 605.0, 3)]
    assert results.mail["hops"].tolist() == [2]


def test_greylisting_takes_the_second_attempt(small: Small) -> None:
    """450 at RCPT after 4 round trips, and taken at the next attempt, if that comes after the delay; then at once."""
    mails = [IN, (700.0, "internet", "onprem", 1000)]
    results = small.run(mails, into("onprem", greylisting={"delay": "5 min"}))

    assert ends(results) == [("delivered", 605.0, 2), ("delivered", 705.0, 1)]


def test_a_second_mx_gets_round_greylisting(small: Small) -> None:
    """Told 450 after 4 s, the client offers the recipients to the next MX in the same attempt; the second one takes them."""
    zone = "@ 30d IN MX 10 mail\n@ 30d IN MX 20 backup\nmail 30d IN A 192.0.2.10\nbackup 30d IN A 192.0.2.30"
    backup = {"kind": "relay", "site": "office", "host": "backup.corporate.com", "smart_host": "[192.0.2.10]"}
    results = small.run(
        [IN], {"dns": {"corporate.com": zone}, "name_servers": {"answer": "0 s", "site": "internet"}},
        into("backup", **backup), into("external", smart_host=None), into("onprem", greylisting={"delay": "5 min"}),
    )  # fmt: skip

    # 4 s with the first and 5 s with the second; that one is told "later" at 9 s, and comes again at the queue run at 600 s.
    assert ends(results) == [("delivered", 600.0, 3)]
    assert results.mail["hops"].tolist() == [2]


def test_only_those_told_to_come_later_go_to_the_second_mx(small: Small) -> None:
    """The greylist knows one of two recipients: that one goes on at once, the other by the second MX; both arrive, each once."""
    zone = "@ 30d IN MX 10 mail\n@ 30d IN MX 20 backup\nmail 30d IN A 192.0.2.10\nbackup 30d IN A 192.0.2.30"
    backup = {"kind": "relay", "site": "office", "host": "backup.corporate.com", "smart_host": "[192.0.2.10]"}
    people = {"directory": {"people": {name: {"mail_system": "notes"} for name in ("a", "b")}}}
    mails = [
        (0.0, "s@otherdomain.com", "a@corporate.com", 1000),
        (900.0, "s@otherdomain.com", "a@corporate.com;b@corporate.com", 1000),
    ]
    results = small.run(
        mails, people, {"dns": {"corporate.com": zone}, "name_servers": {"answer": "0 s", "site": "internet"}},
        into("backup", **backup), into("external", smart_host=None),
        into("onprem", greylisting={"delay": "5 min"}, kind="postfix"),
    )  # fmt: skip

    second = results.mail[results.mail["born_s"] == 900.0].sort_values("hops")
    assert second["outcome"].tolist() == ["delivered", "delivered"]
    assert second["hops"].tolist() == [1, 2]
    assert second["delay_s"].tolist()[0] == 5.0


# --- a directory that lags ------------------------------------------------------------------------------------------------


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


# --- limits ---------------------------------------------------------------------------------------------------------------


def test_a_full_queue_disk_says_452(small: Small) -> None:
    """10 KB of disk, 6 KB of it taken by a message in a long scan: the second is told 452 and comes again."""
    limited = into("onprem", service={"scan": "100 s"}, capacity={"queue_disk": "10 KB"})
    results = small.run([(0.0, "internet", "onprem", 6000), (10.0, "internet", "onprem", 6000)], limited)

    assert ends(results) == [("delivered", 105.0, 1), ("delivered", 705.0, 2)]  # 13 + 300 s rounds up to 600
    assert results.stages.query("server == 'onprem' and stage == 'connections'")["refused"].tolist() == [1]


def test_a_role_shares_the_disk_of_its_machine(small: Small) -> None:
    """Mail that the smart host on the same machine cannot send on fills the machine's disk."""
    shared = [
        into("onprem", capacity={"queue_disk": "10 KB"}), into("smart-host", kind="relay", runs_on="onprem"),
        event(at="0 s", **{"for": "7 min"}, down="inbound"),
    ]  # fmt: skip
    results = small.run([(0.0, "internet", "hosted", 6000), (20.0, "internet", "onprem", 6000)], *shared)

    # Both come again at 600 s: the first is gone at 605 s, which is too late for the second. It is 583 s old: 603 + 583 s -> 1200 s.
    assert ends(results) == [("delivered", 605.0, 3), ("delivered", 1205.0, 3)]


@pytest.mark.parametrize(
    ("when_full", "second"), [("refuse", ("delivered", 605.0, 2)), ("wait", ("delivered", 10.0, 1))]
)
def test_a_full_server_refuses_or_lets_wait(small: Small, when_full: str, second: tuple[str, float, int]) -> None:
    """One connection, two clients at once: 421 after two round trips and another try at 600 s, or its turn after 5 s."""
    results = small.run([IN, IN], into("onprem", capacity={"smtp_connections": 1, "when_full": when_full}))

    assert ends(results) == [("delivered", 5.0, 1), second]


@pytest.mark.parametrize(
    ("down", "for_s", "ends_s"),
    [
        ("onprem", 60, [605.0, 610.0, 615.0]),
        ("onprem", 1, [605.0, 610.0, 615.0]),
        ("office-internet", 60, [605.0, 610.0, 615.0]),
        ("external", 60, [68.0, 73.0, 78.0]),
        ("inbound", 60, [5.0, 10.0, 15.0]),
    ],
)
def test_who_waits_for_a_connection_is_cut_off_too(small: Small, down: str, for_s: int, ends_s: list[float]) -> None:
    """Down from 3 s on, while one client talks and two wait: all three lose their connection and come again, at 600 s, or when
    the client itself is back.
    """
    full = into("onprem", capacity={"smtp_connections": 1, "when_full": "wait"})
    results = small.run([IN] * 3, full, event(at="Mon 00:00:03", down=down, **{"for": f"{for_s} s"}))

    assert [end_s for _, end_s, _ in ends(results)] == ends_s


def test_the_internet_is_many_clients(small: Small) -> None:
    """Two senders take turns (`resolvers: 2`). A limit of one connection a client turns away the third message, which is the first
    sender's second; a kept connection, and a place on the greylist, are of one sender as well.
    """
    two = into("external", resolvers=2)
    limited = small.run([IN] * 3, two, into("onprem", capacity={"connections_per_client": 1}))
    mails = [(10.0 * i, *IN[1:]) for i in range(3)]
    kept = small.run(mails, two, into("external", smtp={"reuse": "5 min"}))
    grey = small.run([(1000.0 * i, *IN[1:]) for i in range(3)], two, into("onprem", greylisting={"delay": "5 min"}))

    assert sorted(attempts for _, _, attempts in ends(limited)) == [1, 1, 2]
    assert [end_s for _, end_s, _ in ends(kept)] == [5.0, 15.0, 23.0]
    assert [attempts for _, _, attempts in ends(grey)] == [2, 2, 1]


def test_exchange_slows_its_clients_down_when_its_queue_grows(small: Small) -> None:
    """At 20 of 30 messages (two thirds) the reply is delayed by 10 s; at 25, five of ten steps on, by 35 s [MS-BP]."""
    exchange = into(
        "onprem", kind="exchange", smart_host=None, accepted_domains={"corporate.com": "authoritative"},
        service={"scan": "1 h"}, capacity={"cores": 1, "queue_length": 30},
    )  # fmt: skip
    mails = [(10.0 * i, "onprem", "onprem", 1000) for i in range(20)] + [(300.0, "internet", "onprem", 1000)]
    mails += [(310.0 + i, "onprem", "onprem", 1000) for i in range(4)] + [(400.0, "internet", "onprem", 1000)]
    results = small.run(mails, exchange, {"run": {"drain": "3 d"}}, keep_visits=True)
    sessions = results.visits.query("server == 'onprem' and stage == 'connections'")

    assert (sessions["finished_s"] - sessions["started_s"]).tolist() == [15.0, 5.0 + 35.0]


@pytest.mark.parametrize(
    ("keys", "cap"),
    [
        (DOMINO | {"capacity": {"transfer_threads": 4}}, 2),
        ({"capacity": {"transfer_threads": 100}}, 20),
        ({"capacity": {"transfer_threads": 100, "transfer_threads_per_destination": 3}}, 3),
        ({"capacity": {"transfer_threads": 3}}, 3),
    ],
)
def test_cap_of_sessions_to_one_destination(small: Small, keys: dict[str, Any], cap: int) -> None:
    """Domino half of its threads [D-TL], Postfix and Exchange 20, never more than there are: rounds of 5 s."""
    results = small.run([(0.0, "onprem", "hosted", 1000)] * 45, into("onprem", **keys))

    counts = pd.Series([t for _, t, _ in ends(results)]).value_counts().sort_index()
    assert counts.index.tolist() == [5.0 * (i + 1) for i in range(-(-45 // cap))]
    assert counts.iloc[:-1].tolist() == [cap] * (len(counts) - 1)
