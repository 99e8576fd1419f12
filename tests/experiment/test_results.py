"""The tables of runs: joined, summed up, written and read again."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coexsim.analysis.slo import evaluate
from coexsim.errors import ConservationError, NoDataError
from coexsim.experiment.columns import SCHEMA
from coexsim.experiment.own import NOTES
from coexsim.experiment.results import Results, join, load_results, weighted_quantiles
from coexsim.experiment.store import content_hash, csv_bytes
from tests.analysis.small import small
from tests.experiment.made_up import made_up


def same(one: Results, other: Results) -> None:
    for name in SCHEMA:
        pd.testing.assert_frame_equal(one.tables[name], other.tables[name])
    assert (one.provenance, one.window_s, one.length_s) == (other.provenance, other.window_s, other.length_s)


def test_delays_are_of_all_replications_with_intervals() -> None:
    """Of 1, 2, 3, 3, 3, 6 s the median is 3, though one run's own is 2; the mean 3 s is a ratio: 9 of 3 and 9 of 3, known to nothing.

    Up to 3 s are 2 and 3 of 3: 5/6 +- 12.706 / 6 is more than all, so of the median nothing is known. None lies beyond the p95, 6 s, in
    either run, which tells nothing: of six independent values 95 % +- 1.96 sqrt(0.95 0.05 / 6) = 17.4 % are up to it, and 5 of 6 take 3 s.
    """
    runs = [made_up([1.0, 2.0, 6.0], 0), made_up([3.0, 3.0, 3.0], 1)]

    table = join(runs).delays()

    row = table.loc["hosted->hosted"]
    assert row["recipients"] == 6
    assert row["mean_s"] == 3.0
    assert (row["p50_s"], row["p95_s"]) == (3.0, 6.0)
    assert (row["mean_low_s"], row["mean_high_s"]) == (3.0, 3.0)
    assert (row["p50_low_s"], row["p50_high_s"]) == (0.0, inf)
    assert (row["p95_low_s"], row["p95_high_s"]) == (3.0, inf)


def test_a_delays_interval_is_that_of_the_objective_on_it() -> None:
    """Exponential delays of three runs: mean and p95 with their ends as `coexsim run` judges them; none is below 0."""
    rng = np.random.default_rng(3)
    born_s = np.linspace(0, 3599, 400)
    delays_s = [rng.exponential(10.0 + number, 400) for number in range(3)]
    results = join([made_up(list(delay_s), number, born_s=born_s) for number, delay_s in enumerate(delays_s)])
    row = results.delays().loc["hosted->hosted"]
    for name, text in (("mean", "mean(delay) < 1 h"), ("p95", "p95(delay) < 1 h")):
        [verdict] = evaluate([text], results, small())
        assert (row[f"{name}_s"], row[f"{name}_low_s"], row[f"{name}_high_s"]) == pytest.approx(
            (verdict.estimate, *verdict.interval[:2])
        )
    assert 0 < row["mean_low_s"] < row["mean_s"] < row["mean_high_s"] < inf


def test_two_runs_far_from_each_other_leave_delays_above_zero() -> None:
    """Means of 1 and 9 s: 5 s +- 12.706 times 4 s is e^10 times more or less, not -46 s; Student's reaches below nothing."""
    row = join([made_up([1.0] * 50, 0), made_up([9.0] * 50, 1)]).delays().loc["hosted->hosted"]

    assert row["mean_low_s"] == pytest.approx(5 * np.exp(-12.706 * 4 / 5), rel=1e-3)
    assert row["mean_high_s"] > 5 + 12.706 * 4


def test_a_copy_for_three_counts_three_times() -> None:
    """Delay is told as recipients feel it."""
    table = made_up([1.0, 5.0], recipients=[3, 1]).delays()

    assert table.loc["hosted->hosted", "mean_s"] == 2.0
    assert table.loc["hosted->hosted", "recipients"] == 4
    assert table["mean_low_s"].isna().all()


def test_mail_in_transit_is_in_outcomes_not_in_delays() -> None:
    """It has no delay, and is not dropped in silence."""
    results = made_up([1.0, float("nan")], recipients=[1, 4])

    assert results.delays().loc["hosted->hosted", "recipients"] == 1
    assert results.outcomes().loc["hosted->hosted"].to_dict() == {
        "sent": 5, "delivered": 1, "bounced": 0, "expired": 0, "discarded": 0, "in transit": 4,
        "delivered_twice": 0,
    }  # fmt: skip


def test_mail_that_expired_is_a_share_beside_the_delays() -> None:
    """Of four recipients of one flow one never gets the mail; the figures are of the other three."""
    flows = ["hosted->hosted"] * 3 + ["internet->hosted"]
    outcome = ["delivered", "delivered", "expired", "delivered"]
    table = made_up([1.0, 3.0, 7200.0, 5.0], outcome=outcome, flow=flows, recipients=[2, 1, 1, 1]).delays()

    assert table["expired"].to_dict() == {"hosted->hosted": 0.25, "internet->hosted": 0.0}
    assert table.loc["hosted->hosted", "p99_s"] == 3.0


def test_notices_and_mail_outside_the_window_do_not_count() -> None:
    """Only mail born in the measured window does."""
    results = made_up([1.0, 7.0, 9.0], kind=["mail", "dsn", "mail"], measured=[True, True, False])

    assert results.delays().loc["hosted->hosted", "mean_s"] == 1.0
    assert results.outcomes()["sent"].sum() == 1


def test_nothing_delivered_is_said() -> None:
    """No table of nothing."""
    with pytest.raises(NoDataError, match="nothing was delivered"):
        made_up([float("nan")]).delays()
    with pytest.raises(NoDataError):
        join([])


def test_alternatives_are_not_mixed() -> None:
    """Two alternatives in one table are two rows, without being asked for."""
    two = join([made_up([1.0], alternative=["a"]), made_up([3.0], alternative=["b"])])

    assert two.delays()["mean_s"].to_dict() == {("a", "hosted->hosted"): 1.0, ("b", "hosted->hosted"): 3.0}


def test_the_books_balance() -> None:
    """Per run and kind; `sent` is the sum."""
    books = join([made_up([1.0, float("nan")], 0), made_up([1.0], 1)]).conservation()

    assert books["sent"].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"outcome": ["delivered", "in transit"]}, "in transit with a delay, or ended without one"),
        ({"outcome": ["delivered", None]}, "no outcome"),
        ({"recipients": [0, 1]}, "stands for nobody"),
    ],
)
def test_mail_lost_or_made_up_is_found(spoil: dict[str, Any], said: str) -> None:
    """Each way in which the books can be wrong."""
    with pytest.raises(ConservationError, match=said):
        made_up([1.0, 2.0], **spoil).conservation()


def test_what_was_sent_must_be_what_has_an_outcome() -> None:
    """The run's own count against the table's."""
    with pytest.raises(ConservationError, match="3 recipients were sent mail, 2 have an outcome"):
        made_up([1.0, 2.0], provenance={"sent": 3}).conservation()
    made_up([1.0, 2.0], provenance={"sent": 2}).conservation()


def test_saved_results_are_read_back_and_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    """Empty tables too."""
    runs = [
        made_up([1.0, float("nan")], i, stages=[{"visits": 3}], timeline={("onprem", "cores"): {"busy": 0.5}})
        for i in range(2)
    ]
    results = join(runs)

    results.save(tmp_path / "one")
    join([replace(run) for run in runs]).save(tmp_path / "two")

    same(load_results(tmp_path / "one"), results)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == sorted(
        [f"{name}.parquet" for name in SCHEMA] + ["summary.json", NOTES]
    )


def test_a_folder_without_results_is_said(tmp_path: Path) -> None:
    """No traceback of pyarrow's."""
    with pytest.raises(NoDataError, match="holds no results"):
        load_results(tmp_path / "nothing")


def test_tables_do_not_depend_on_which_words_came_first() -> None:
    """Categories are in alphabetical order, outcomes in their own."""
    one = join([made_up([1.0], flow="b"), made_up([1.0], flow="a")])

    assert list(one.mail["flow"].cat.categories) == ["a", "b"]
    assert next(iter(one.mail["outcome"].cat.categories)) == "delivered"


def test_a_weighted_quantile_is_one_of_the_values() -> None:
    """The least value that the share does not exceed: as if each value were written as often as it weighs."""
    rng = np.random.default_rng(5)
    values, weights = rng.exponential(size=50), rng.integers(1, 6, size=50)
    written = np.repeat(values, weights)

    assert weighted_quantiles(values, weights, [0.1, 0.5, 0.95, 1.0]) == [
        np.quantile(written, p, method="inverted_cdf") for p in (0.1, 0.5, 0.95, 1.0)
    ]


def test_mail_that_came_twice_is_one_recipient_delivered_twice() -> None:
    """Message 7 goes to five people; the 250 for two of them is lost: a second copy is there at 5 s, the first one's retry at 70 s.

    The two are delivered at 5 s, and twice; accounting has two copies more than recipients.
    """
    results = made_up(
        [5.0, 70.0, 2.0, 1.0], mail=[7, 7, 7, 8], stream=["second-copy", "office", "office", "office"], recipients=[2, 2, 3, 1]
    )  # fmt: skip
    row = results.outcomes().loc["hosted->hosted"]
    books = results.conservation().iloc[0]

    assert (row["sent"], row["delivered"], row["delivered_twice"]) == (6, 6, 2)
    assert (books["sent"], books["delivered"], books["second_copies"]) == (8, 8, 2)
    assert results.delays().loc["hosted->hosted", "mean_s"] == pytest.approx((2 * 5 + 3 * 2 + 1) / 6)
    assert sorted(results.measured["delay_s"]) == [1.0, 2.0, 5.0]
    assert results.wan_bytes == 4000, "all copies cost"


def test_who_has_a_second_copy_has_the_mail_whatever_became_of_the_first() -> None:
    """The client gives up, and tells its sender so, though the server has the mail: delivered, and once."""
    results = made_up([5.0, 70.0], mail=[7, 7], stream=["second-copy", "office"], outcome=["delivered", "expired"])
    row = results.outcomes().loc["hosted->hosted"]

    assert (row["sent"], row["delivered"], row["expired"], row["delivered_twice"]) == (1, 1, 0, 0)


def test_second_copies_are_told_by_replication_and_flow() -> None:
    """One in replication 1 alone; a run without any has a column of zeros."""
    twice = made_up([5.0, 70.0], 1, mail=[7, 7], stream=["second-copy", "office"])
    table = join([made_up([1.0], 0), twice]).outcomes(by="replication")

    assert table["delivered_twice"].tolist() == [0, 1]
    assert made_up([1.0]).outcomes()["delivered_twice"].tolist() == [0]
    assert made_up([]).outcomes()["delivered_twice"].tolist() == []


def test_what_is_equal_has_one_hash_whatever_the_order_of_its_keys() -> None:
    """A mapping says the same in any order; a list does not."""
    assert content_hash({"a": 1, "b": [1, 2]}) == content_hash({"b": [1, 2], "a": 1})
    assert content_hash([1, 2]) != content_hash([2, 1])


def test_a_csv_holds_no_formula(tmp_path: Path) -> None:
    """A spreadsheet takes a cell that begins with = + - or @ for one: words get an apostrophe before them, numbers do not."""
    table = pd.DataFrame(
        {"=1+1": ["=cmd|'/c calc'!A1", "@x", "plain\x1b"], "number": [-1.5, 2.0, 3.0]},
        index=pd.Index(["-a", "+b", "c"], name="of"),
    )
    file = tmp_path / "a.csv"
    file.write_bytes(csv_bytes(table))

    read = pd.read_csv(file)
    assert list(read.columns) == ["of", "'=1+1", "number"]
    assert read.values.tolist() == [["'-a", "'=cmd|'/c calc'!A1", -1.5], ["'+b", "'@x", 2.0], ["c", "plain\\x1b", 3.0]]
    categories = pd.DataFrame({"of": pd.Categorical(["=a", "b"])})
    assert csv_bytes(categories, index=False) == b"of\n'=a\nb\n"
