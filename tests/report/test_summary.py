"""The figures of a summary, worked out again by other means, and how they are said."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from coexsim.analysis.slo import evaluate
from coexsim.errors import ConservationError
from coexsim.experiment.results import Results, join, load_results
from coexsim.experiment.run import simulate
from coexsim.experiment.store import write_json
from coexsim.report.answer import doubts, straight_answer
from coexsim.report.headings import _queues, over_time
from coexsim.report.saying import say_mean
from coexsim.report.summary import say_summary, say_verdicts, summarise
from coexsim.scenario.load import changed
from coexsim.units import Moment
from tests.analysis.small import small
from tests.experiment.made_up import made_up

PROVENANCE = {
    "scenario": {"servers": {"onprem": {}, "smart-host": {"runs_on": "onprem"}}, "run": {"start": "Mon 09:00"}}
}
NIGHT_AND_DAY = np.concatenate([np.full(60, 1.0), np.linspace(1, 3, 60), np.full(60, 2.0)])


def a_run(replication: int = 0, times: float = 1.0, **columns: Any) -> Results:
    """Three hours of four cores, busiest in the second half; delays from 1 to 200 s."""
    return made_up(
        times * np.arange(1.0, 201.0),
        replication,
        minutes=180,
        stages=[{"server": "onprem", "stage": "cores", "workers": 4.0, "p95_wait_s": 2.5, "refused": 7}],
        timeline={
            ("onprem", "cores"): {
                "busy": times * NIGHT_AND_DAY,
                "arrivals": 2,
                "queue": 0.5,
                "backlog": np.arange(180),
            },
            ("office to hosted", "link"): {"busy": 0.25, "arrivals": 1},
            ("onprem", "queue"): {"backlog": np.arange(180), "queued_bytes": 1000},
            ("smart-host", "queue"): {"backlog": 5, "queued_bytes": 500},
        },
        provenance=PROVENANCE,
        **columns,
    )


def said(summary: dict[str, Any], width: int = 140) -> str:
    """What the terminal shows."""
    console = Console(file=StringIO(), width=width)
    for part in say_summary(summary):
        console.print(part)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_delay_by_flow_is_what_numpy_says() -> None:
    """Each recipient counts: a copy for three is three samples. The quantile is the least value that enough do not exceed."""
    recipients = np.where(np.arange(200) % 3 == 0, 3, 1)
    [row] = summarise(a_run(recipients=recipients))["delay_by_flow"]
    everybody = np.repeat(np.arange(1.0, 201.0), recipients)

    assert row["recipients"] == recipients.sum()
    assert row["mean_s"] == pytest.approx(everybody.mean())
    for name, share in (("p50_s", 0.5), ("p95_s", 0.95), ("p99_s", 0.99)):
        assert row[name] == np.quantile(everybody, share, method="inverted_cdf")


def test_replications_give_figures_with_intervals() -> None:
    """Delays of all mail; of a share in use the mean over runs, and half an interval of t(2, 97.5 %) s / sqrt(3), moved in the logit."""
    factors = np.array([1.0, 1.5, 1.1])
    summary = summarise(join([a_run(i, factor) for i, factor in enumerate(factors)]))
    t = stats.t.ppf(0.975, 2)
    [row] = summary["delay_by_flow"]
    server = next(r for r in summary["servers"] if r["stage"] == "cores")
    hour = max(NIGHT_AND_DAY[i : i + 60].mean() for i in range(121)) / 4

    assert summary["replications"] == 3
    everything = np.concatenate([factor * np.arange(1.0, 201.0) for factor in factors])
    assert row["mean_s"] == pytest.approx(100.5 * factors.mean())
    assert row["p50_s"] == pytest.approx(np.quantile(everything, 0.5, method="inverted_cdf"))
    half = t * (100.5 * factors).std(ddof=1) / np.sqrt(3)
    assert row["mean_low_s"] == pytest.approx(row["mean_s"] * np.exp(-half / row["mean_s"]))
    share = server["busy_share"]
    assert share == pytest.approx(hour * factors.mean())
    moved = t * (hour * factors).std(ddof=1) / np.sqrt(3) / (share * (1 - share))
    for end, by in (("low", -moved), ("high", moved)):
        ended = server[f"busy_share_{end}"]
        assert np.log(ended / (1 - ended)) == pytest.approx(np.log(share / (1 - share)) + by)
    assert server["refused"] == 21


def test_servers_are_told_at_their_busiest_hour_and_minute() -> None:
    """The hour with most work is found by looking at all of them; the minute is the highest."""
    summary = summarise(a_run())
    server = next(row for row in summary["servers"] if row["stage"] == "cores")
    means = [NIGHT_AND_DAY[i : i + 60].mean() for i in range(121)]
    at = int(np.argmax(means))

    assert server["busy"] == pytest.approx(max(means))
    assert server["from_s"] == 60 * at
    assert server["when"] == f"Mon {9 + at // 60:02d}:{at % 60:02d}"
    assert server["busiest_minute_share"] == pytest.approx(3 / 4)
    assert server["busiest_minute_s"] == 60 * 119
    assert (server["limit"], server["waiting"], server["most_waiting"], server["p95_wait_s"]) == (4, 0.5, 179, 2.5)


def test_only_the_measured_window_counts_for_servers() -> None:
    """Cut to the first hour, the busiest hour is that one."""
    results = a_run()
    cut = Results(**results.tables, provenance=results.provenance, window_s=(0.0, 3600.0), length_s=results.length_s)
    server = next(row for row in summarise(cut)["servers"] if row["stage"] == "cores")

    assert server["busy_share"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("window_s", "minutes"),
    [((3600.0, 7200.0), (60, 120)), ((90.0, 150.0), (1, 3)), ((90.0, 100.0), (1, 2)), ((120.0, 120.0), (2, 3))],
)
def test_minutes_of_a_window_are_those_that_it_touches(window_s: tuple[float, float], minutes: tuple[int, int]) -> None:
    """The minute in which it begins and that in which it ends; never none."""
    results = a_run()
    cut = Results(**results.tables, provenance=results.provenance, window_s=window_s, length_s=results.length_s)
    server = next(row for row in summarise(cut)["servers"] if row["stage"] == "cores")
    busy = NIGHT_AND_DAY[slice(*minutes)]

    assert server["busy"] == pytest.approx(busy[:60].mean())
    assert server["from_s"] == 60 * minutes[0]
    assert server["most_waiting"] == minutes[1] - 1
    assert server["busiest_minute_s"] == 60 * (minutes[0] + int(busy.argmax()))


def test_a_line_has_a_share_and_no_number_of_workers() -> None:
    """Of a station without a limit neither is told."""
    results = made_up(
        [1.0],
        stages=[{"server": "onprem", "stage": "cores", "workers": np.inf}],
        timeline={
            ("office to hosted", "link"): {"busy": 0.25, "arrivals": 1},
            ("onprem", "cores"): {"busy": 0.5, "arrivals": 1},
        },
    )
    line, station = (
        next(row for row in summarise(results)["servers"] if row["stage"] == stage) for stage in ("link", "cores")
    )

    assert (line["limit"], line["busy_share"]) == (None, 0.25)
    assert station["limit"] is None
    assert np.isnan(station["busy_share"])
    assert np.isnan(station["busiest_minute_share"])


def test_a_queue_is_told_at_the_end_of_its_worst_minute() -> None:
    """Five messages at the end of minute 2 and one at the end of the run."""
    results = made_up([1.0], minutes=5, timeline={("onprem", "queue"): {"backlog": np.array([0, 2, 5, 3, 1])}})
    [queue] = summarise(results)["queues"]

    assert (queue["most_messages"], queue["at_s"], queue["at_the_end"]) == (5, 180.0, 1)


def test_messages_and_bytes_of_a_queue_have_a_time_each() -> None:
    """Where most bytes wait at another time than most messages, the heading says both."""
    waits = {"backlog": np.array([0, 2, 5, 3, 1]), "queued_bytes": np.array([0.0, 9e6, 5e6, 1e6, 0.0])}
    at_one, at_two = (
        summarise(made_up([1.0], minutes=5, timeline={("onprem", "queue"): each}))
        for each in (waits | {"queued_bytes": waits["backlog"] * 1e6}, waits)
    )

    assert _queues(at_one["queues"]) == "In the whole run at most 5 messages (5 MB) wait at onprem, at Mon 00:03"
    assert (
        _queues(at_two["queues"])
        == "In the whole run at most 5 messages wait at onprem, at Mon 00:03, and 9 MB, at Mon 00:02"
    )


def test_queues_add_the_roles_of_one_machine() -> None:
    """Onprem's 179 at the last minute's end, and the 5 of the smart host on it."""
    [queue] = summarise(a_run())["queues"]

    assert (queue["machine"], queue["roles"]) == ("onprem", ["onprem", "smart-host"])
    assert (queue["most_messages"], queue["most_bytes"], queue["at_s"]) == (184, 1500.0, 180 * 60)
    assert queue["when"] == "Mon 12:00"


def test_outcomes_and_books_balance_or_raise() -> None:
    """Sent is the sum of the outcomes; a run that noted another number sent is our own bug."""
    delays = np.array([1.0, np.nan, 3.0])
    results = made_up(delays, provenance={"sent": 3})
    [row] = summarise(results)["outcomes"]

    assert (row["sent"], row["delivered"], row["in transit"]) == (3, 2, 1)
    assert summarise(results)["conservation"]["balanced"]
    with pytest.raises(ConservationError):
        summarise(made_up(delays, provenance={"sent": 4}))


def test_nothing_delivered_is_no_error() -> None:
    """A run of mail that never arrived, and one of no mail at all, have a summary that says so."""
    assert "Nothing was delivered" in said(summarise(made_up([np.nan])))
    assert "No mail was handed in" in said(summarise(made_up()))


def test_summary_file_is_one_that_results_are_read_from(tmp_path: Path) -> None:
    """`coexsim run` puts it in place of the one that `Results.save` writes; the tables are read back all the same."""
    results = a_run()
    folder = results.save(tmp_path / "run")
    write_json(summarise(results), folder / "summary.json")
    again = load_results(folder)

    assert again.window_s == results.window_s
    assert again.mail.equals(load_results(results.save(tmp_path / "other")).mail)
    assert said(json.loads((folder / "summary.json").read_text())) == said(summarise(results))


def test_terminal_tables_speak_the_planners_words() -> None:
    """Delay, servers at the peak, queues, outcomes; one run has no interval and says how to get one."""
    text = said(summarise(a_run()))

    for words in (
        "Delay by flow",
        "hosted → hosted",
        "Servers: each limit in the busiest hour",
        "4 processor cores",
        "Outcomes",
        "Accounting of the whole run, in recipients: 200 sent = 200 delivered.",
    ):
        assert words in text
    assert "one run: no intervals for these figures; add --replications" in text
    assert "3.3 min*" in text  # 99 % of 200 recipients: only two waited longer
    assert "3.17 min*" not in text  # 95 %: ten did


def test_terminal_tables_say_how_sure_replications_make_us() -> None:
    """With several runs each figure has its interval below it, and the note on one run is gone."""
    text = said(summarise(join([a_run(0), a_run(1, 1.5)])))

    assert "of 2 replications together, with 95 % intervals" in text
    assert " to " in text
    assert "one run" not in text


@pytest.mark.parametrize(
    ("number", "words"),
    [(0.0, "0"), (0.00093, "< 0.01"), (0.314, "0.31"), (6523.2, "6,523"), (12.4, "12"), (9.87, "9.9")],
)
def test_means_have_no_more_digits_than_they_mean(number: float, words: str) -> None:
    """Two digits, whole above ten; next to nothing is said to be so."""
    assert say_mean(number) == words


def test_a_service_without_times_is_said_under_the_delays() -> None:
    """Mail inside the service took 3 ms: of that the service's own time is no part, which the table says; not where it has work."""
    text = said(summarise(a_run(), small()))
    assert ": delays there are the network's, without the service's own time" in " ".join(text.split())

    servers: dict[str, dict[str, Any]] = small().source.raw["servers"]
    work = {"service": {"accept": "5 ms"}}
    hosted = {name: server | work for name, server in servers.items() if server["kind"].startswith("hosted")}
    timed = changed(small(), {"servers": servers | hosted})
    assert "without the service's own time" not in " ".join(said(summarise(a_run(), timed)).split())


def test_delays_do_not_hide_what_expired() -> None:
    """A flow of which a third expired is told before a slower one of which nothing did, and the share stands beside its times."""
    flow = ["hosted->hosted"] * 150 + ["onprem->onprem"] * 50
    outcome = ["expired"] * 50 + ["delivered"] * 150
    summary = summarise(a_run(flow=flow, outcome=outcome, code=["4.4.7"] * 50 + [""] * 150))
    text = " ".join(said(summary).split())

    assert "flow recipients expired mean" in text
    assert "hosted → hosted 100 33 %" in text
    assert "times are of the mail that was delivered; what expired never arrives" in text
    assert "Mail between hosted users that was delivered (33 % expired) takes" in " ".join(straight_answer(summary, []))
    assert "that was delivered" not in over_time(summary)["delay-by-flow"], "the slowest is the other"
    assert "expired" not in said(summarise(a_run()))


def test_names_are_not_taken_for_markup() -> None:
    """A server called [red] is printed as it is called."""
    results = made_up([1.0], timeline={("[red]", "queue"): {"backlog": 3}})

    assert "[red]" in said(summarise(results))


def test_verdicts_are_a_table() -> None:
    """Objective, answer, figure with its interval."""
    scenario = small("p95(delay, hosted->hosted) < 60 s")
    console = Console(file=StringIO(), width=140)
    verdicts = evaluate(None, a_run(), scenario)
    console.print(say_verdicts(verdicts))
    text = console.file.getvalue()  # type: ignore[attr-defined]

    assert "p95(delay, hosted->hosted) < 60 s" in text
    assert verdicts[0].answer in text
    assert verdicts[0].say() in text


def test_mail_that_came_twice_is_told() -> None:
    """In the outcomes and in the accounting."""
    text = said(summarise(made_up([5.0, 70.0], mail=[7, 7], stream=["second-copy", "office"])))

    assert "delivered twice: 1 of the delivered got their mail a second time" in text
    assert "2 sent = 2 delivered; 1 of them are second copies of mail whose 250 was lost" in text


def test_less_than_an_hour_is_told_for_what_was_measured() -> None:
    """Of 15 minutes there is no busiest hour: table and sentences name what was measured; of three hours, the hour."""
    short = made_up(
        np.arange(1.0, 201.0), minutes=15, stages=[{"server": "onprem", "stage": "cores", "workers": 4.0}],
        timeline={("onprem", "cores"): {"busy": 1.0, "arrivals": 2}}, provenance=PROVENANCE,
    )  # fmt: skip
    summary = summarise(short)

    assert summary["peak"] == "measured 15 min"
    assert "Servers: each limit in the measured 15 min" in said(summary)
    assert "25 % busy in the measured 15 min." in " ".join(straight_answer(summary, []))
    row = max(summary["servers"], key=lambda row: row["busy_share"])
    told = straight_answer(summary | {"servers": [row | {"busiest_minute_share": 0.984}]}, [], start=Moment(0, 0.0))
    assert "25 % busy in the measured 15 min, 98 % in its busiest minute." in " ".join(told)
    assert "hour" not in said(summary)
    assert summarise(a_run())["peak"] == "busiest hour"


def test_of_a_few_messages_no_share_is_told() -> None:
    """Two recipients have no 95 %: how many there are is said, and how long the slowest took; of 20 on there are shares."""
    few, enough = summarise(made_up([1.0, 3.0])), summarise(made_up(np.arange(1.0, 21.0)))

    assert straight_answer(few, [])[0] == "Mail between hosted users takes 3 s or less for each of 2 recipients."
    assert over_time(few)["delay-by-flow"] == "The slowest mail, hosted → hosted, arrives within 3 s"
    assert "95 %" in straight_answer(enough, [])[0]
    assert "95 %" in over_time(enough)["delay-by-flow"]
    assert "%" not in " ".join(straight_answer(summarise(made_up([1.0, 3.0], outcome=["delivered", "bounced"])), []))


def test_one_recipient_and_mail_that_nobody_sent_are_told_as_that() -> None:
    """Not "1 of 1 recipients", nor a dash; and what to do for an answer is said once, though two objectives ask for it."""
    scenario = small("p95(delay, onprem->internet) < 60 s", "p95(delay, hosted->hosted) < 60 s")
    results = made_up([1.0])
    said = " ".join(straight_answer(summarise(results, scenario), evaluate(None, results, scenario)))

    assert "The one recipient got their mail." in said
    assert "p95(delay, onprem->internet) < 60 s: no such mail" in said
    ways = "give the scenario such mail, measure longer (run: length, measure) or run 4 replications (-n 4)"
    assert f"To be able to say, {ways}." in said


def test_named_messages_that_were_never_sent_are_told() -> None:
    """One is handed in each second; of four in a run of two and a half, one is too late."""
    messages = [
        {"name": name, "from": "iUser1@corporate.com", "to": ["dUser1@corporate.com", "iUser2@corporate.com"]}
        for name in "abcd"
    ]
    late = changed(small(), {"messages": messages, "events": [], "run.length": "2500 ms", "run.drain": "1 min"})
    in_time = late.change({"run.length": "1 min"})

    found = summarise(simulate(late, engine="reference"), late)
    assert found["unsent_messages"] == 1
    assert any("messages 1 were not sent" in doubt for doubt in doubts(found))
    assert summarise(simulate(in_time, engine="reference"), in_time)["unsent_messages"] == 0
