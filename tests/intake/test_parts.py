"""A long log is worked on in parts: what is said of it is the same in however many, and its memory does not grow."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from coexsim.intake.fit import Fit, fit
from coexsim.intake.fit_sizes import EXACT, SizesSeen
from coexsim.intake.logs.join import join_parts
from coexsim.intake.logs.read import read_logs
from coexsim.intake.logs.tallies import Overlap, RowSample, ValueMoments
from tests.intake.log_lab import LAB

LOGS = sorted(LAB.glob("*.log.gz"))
TOLD_BY_ALL = ("counts", "rates", "recipients", "sizes", "flows", "retries", "sessions")


def damaged(folder: Path, share: float) -> list[Path]:
    """The lab's logs without a share of their lines."""
    numbers = np.random.default_rng(7)
    files = []
    for log in LOGS:
        with gzip.open(log, "rt", encoding="utf-8") as packed:
            lines = [line for line in packed if numbers.random() >= share]
        files.append(folder / log.name.removesuffix(".gz"))
        files[-1].write_text("".join(lines), encoding="utf-8")
    return files


def said(found: Fit) -> dict[str, tuple[float, ...]]:
    """Figures that rest on all messages, by name."""
    return {f.name: (f.value, f.low, f.high) for f in found.figures if f.topic in TOLD_BY_ALL}


@pytest.mark.parametrize("parts", [2, 9])
def test_figures_are_those_of_one_part(parts: int) -> None:
    """Every count, rate, share and size, the flows, the joins and the replay table of the lab's logs."""
    whole, found = fit(LOGS, parts=1), fit(LOGS, parts=parts)

    assert found.parts.book.parts == parts + 1
    assert said(found).keys() == said(whole).keys()
    for name, values in said(whole).items():
        assert said(found)[name] == pytest.approx(values, rel=1e-9, nan_ok=True), name
    assert found.flows.equals(whole.flows)
    assert found.load.hours().equals(whole.load.hours())
    assert found.replay.table.equals(whole.replay.table)
    assert found.names == whole.names
    assert (found.parts.by_reply, found.parts.by_message_id) == (whole.parts.by_reply, whole.parts.by_message_id)
    for server, work in whole.works.items():
        for law, other in ((work.deliver, found.works[server].deliver), (work.accept, found.works[server].accept)):
            assert (law is None) == (other is None)
            if law is not None and other is not None:
                assert other.messages == law.messages
                assert other.mean_s == pytest.approx(law.mean_s)


def test_the_same_logs_in_parts_give_the_same_bytes_twice(tmp_path: Path) -> None:
    """Which part a message is in does not depend on the process's own hashes."""
    one, two = (fit(LOGS, parts=5).save(tmp_path / name) for name in ("one", "two"))

    for file in ("fitted.yaml", "replay.parquet", "fit.json"):
        assert (one / file).read_bytes() == (two / file).read_bytes()


def test_visits_without_a_message_id_join_over_parts(tmp_path: Path) -> None:
    """A third of the lines missing: a reply leads to as many visits in parts as in one, nearly all of those of the whole."""
    files = damaged(tmp_path, 1 / 3)
    [whole] = join_parts(read_logs(files, parts=1))
    parts = list(join_parts(read_logs(files, parts=6)))

    assert (whole.visits["message_id"] == 0).mean() > 0.2
    assert sum(len(part.visits) for part in parts) == len(whole.visits)
    assert sum(len(part.deliveries) for part in parts) == len(whole.deliveries)
    assert sum(len(part.refusals) for part in parts) == len(whole.refusals)
    assert sum(part.by_reply for part in parts) == whole.by_reply


def test_mail_without_a_message_id_is_not_one_message(tmp_path: Path) -> None:
    """Postfix logs ``message-id=<>`` for mail without one: what two servers log so is joined by queue ids only."""
    lines = [
        f"Nov 24 17:32:{second} {host} postfix/{text}"
        for second, host, queue_id, to, relay, said in (
            ("40", "one", "0000111111", "ann@example.com", "virtual", "delivered"),
            ("41", "two", "0000122222", "bob@example.com", "virtual", "delivered"),
        )
        for text in (
            f"smtpd[1]: {queue_id}: client=one[192.0.2.{1 if host == 'two' else 9}]",
            f"cleanup[2]: {queue_id}: message-id=<>",
            f"qmgr[3]: {queue_id}: from=<cid@example.net>, size=500, nrcpt=1 (queue active)",
            f"virtual[4]: {queue_id}: to=<{to}>, relay={relay}, delay=0.1, delays=0.1/0/0/0, dsn=2.0.0, status=sent ({said})",
            f"qmgr[3]: {queue_id}: removed",
        )
    ]
    files = []
    for host in ("one", "two"):
        files.append(tmp_path / f"{host}.log")
        files[-1].write_text("".join(f"{line}\n" for line in lines if f" {host} " in line), encoding="utf-8")
    [joined] = join_parts(read_logs(files, year=2026))

    assert len(joined.visits) == 2
    assert joined.by_message_id == 0


def test_moments_are_numpys() -> None:
    """Mean and deviation of values far from zero, in pieces, against numpy's of all at once."""
    values = np.random.default_rng(1).normal(1e6, 2.0, 10_000)
    found = ValueMoments()
    for piece in np.array_split(values, 7):
        found.add(piece)

    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.deviation == pytest.approx(values.std(ddof=1), rel=1e-6)


def test_a_sample_is_even() -> None:
    """Of 100,000 rows in uneven pieces at most 1,000 stay, as many of each tenth, and all of a short table."""
    import pandas as pd

    rows, found = pd.DataFrame({"n": np.arange(100_000)}), RowSample(1_000)
    for begin in range(0, 100_000, 7_777):
        found.add(rows.iloc[begin : begin + 7_777])
    kept = found.frame()["n"].to_numpy()
    counts = np.bincount(kept // 10_000)

    assert 500 <= len(kept) <= 1_000
    assert counts.max() - counts.min() <= 1
    assert found.seen == 100_000


def test_overlap_is_counted_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against counting at every begin; where times are rounded to save memory, the figure is no smaller, and says so."""
    numbers = np.random.default_rng(3)
    from_s = np.sort(numbers.uniform(0, 1000, 2000))
    to_s = from_s + numbers.exponential(2.0, 2000)
    most = max(int(((from_s <= at) & (to_s >= at)).sum()) for at in from_s)
    exact = Overlap()
    exact.add(from_s[::2], to_s[::2])
    exact.add(from_s[1::2], to_s[1::2])
    monkeypatch.setattr("coexsim.intake.logs.tallies.MOST_TIMES", 500)
    rounded = Overlap()
    rounded.add(from_s, to_s)

    assert exact.most == most
    assert not exact.step_s
    assert rounded.step_s > 0
    assert most <= rounded.most <= 3 * most


def test_very_many_sizes_are_known_within_a_thousandth() -> None:
    """Half a million different sizes: quantiles within 0.05 % (and what a share of the sorted sizes adds), the mean exactly."""
    sizes = np.exp(np.random.default_rng(2).normal(10, 2.5, 3 * EXACT)).astype(np.int64) + 1
    seen = SizesSeen()
    for piece in np.array_split(sizes, 5):
        seen.add(piece)

    assert len(seen.values()[0]) < EXACT
    assert seen.moments.mean == pytest.approx(sizes.mean(), rel=1e-9)
    for p in (0.05, 0.5, 0.95, 0.999):
        assert np.quantile(seen.sorted(), p) == pytest.approx(np.quantile(sizes, p), rel=0.002)
