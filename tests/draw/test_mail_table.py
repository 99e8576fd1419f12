"""The mail of a run: how much of it when, to whom, how large; and what must not change it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2, kstest

from coexsim.draw import mail_table
from coexsim.draw.mail_table import MailBlock, MailboxClass, Pattern, draw, size_quantiles
from coexsim.errors import ScenarioError
from coexsim.scenario.load_profile import LoadSpec, SizeSpec, mean_recipients
from coexsim.units import moment

HOSTED, ONPREM = "hosted-mailbox@corporate.com", "onprem-mailbox@corporate.com"
SOMEBODY, NOBODY = "somebody@otherdomain.com", "no-such-person@corporate.com"
MONDAY = moment("Mon 00:00")
HOUR_S, DAY_S = 3600.0, 86400.0


def organisation(onprem: int = 800, hosted: int = 1200) -> list[MailboxClass]:
    return [
        MailboxClass(HOSTED, "hosted", hosted),
        MailboxClass(ONPREM, "onprem", onprem),
        MailboxClass(SOMEBODY, "internet", 1),
        MailboxClass(NOBODY, "unknown", 1),
    ]


class Table(NamedTuple):
    """All mail of a run as one table, with what the codes stand for."""

    born_s: NDArray[np.float64]
    sender: list[str]
    to: list[Pattern]
    size_bytes: NDArray[np.int64]
    stream: NDArray[np.str_]

    def of(self, name: str) -> Table:
        rows = np.flatnonzero(self.stream == name)
        return Table(
            self.born_s[rows], [self.sender[r] for r in rows], [self.to[r] for r in rows], self.size_bytes[rows], self.stream[rows]
        )  # fmt: skip

    def copies(self, *addresses: str) -> int:
        """Recipients at these addresses; all without any."""
        return sum(count for to in self.to for address, count in to if not addresses or address in addresses)


def table(blocks: Sequence[MailBlock]) -> Table:
    return Table(
        np.concatenate([b.born_s for b in blocks]),
        [b.addresses[code] for b in blocks for code in b.sender.tolist()],
        [b.patterns[code] for b in blocks for code in b.pattern.tolist()],
        np.concatenate([b.size_bytes for b in blocks]),
        np.concatenate([np.array(b.streams)[b.stream] for b in blocks]),
    )


def drawn(
    keys: dict[str, Any], classes: Sequence[MailboxClass] | None = None, *, start: str = "Mon 00:00", hours: float = 24.0, seed: int = 7,
    replication: int = 0, **options: Any,
) -> Table:  # fmt: skip
    load = LoadSpec.from_data(keys)
    classes = organisation() if classes is None else classes
    return table(list(draw(load, classes, moment(start), hours * HOUR_S, seed, replication, **options)))


def same(a: Table, b: Table) -> bool:
    columns = [(a.born_s, b.born_s), (a.size_bytes, b.size_bytes), (a.stream, b.stream)]
    return (a.sender, a.to) == (b.sender, b.to) and all(np.array_equal(x, y) for x, y in columns)


OFFICE = {"profile": "office-worker"}


@pytest.fixture(scope="module")
def office() -> Table:
    """A Monday of 2,000 mailboxes, 1,200 hosted."""
    return drawn(OFFICE)


# --- when -----------------------------------------------------------------------------------------------------------------


def assert_counts_are_poisson(counts: NDArray[Any], expected: NDArray[Any], *, false_alarm: float = 1e-4) -> None:
    """Independent Poisson counts with these means: neither too far from them nor, as a clock's would be, too near."""
    distance = float(np.sum((counts - expected) ** 2 / expected))
    low, high = (float(chi2.ppf(p, len(counts))) for p in (false_alarm / 2, 1 - false_alarm / 2))
    assert low < distance < high, f"chi-square {distance:.1f} of {len(counts)} hours, not in {low:.1f} to {high:.1f}"


@pytest.mark.theory
def test_counts_per_hour_are_poisson_by_the_day_curve(office: Table) -> None:
    """68,000 mails of an office's day: 24 independent Poisson counts; false alarm 1e-4; 10 % off, or a clock's counts, are refused."""
    curve = np.array(LoadSpec.from_data(OFFICE).day_curve)
    expected = 2000 * 34 * curve / curve.sum()
    counts = np.histogram(office.of("office").born_s, np.arange(25) * HOUR_S)[0]

    assert_counts_are_poisson(counts, expected)
    for wrong in (1.1 * expected, np.roll(expected, 1)):
        with pytest.raises(AssertionError, match="chi-square"):
            assert_counts_are_poisson(counts, wrong)
    with pytest.raises(AssertionError, match="chi-square"):
        assert_counts_are_poisson(np.rint(expected), expected)


@pytest.mark.theory
def test_gaps_of_a_steady_stream_are_exponential() -> None:
    """Kolmogorov and Smirnov, false alarm 1e-4, 20,000 gaps; a mean 10 % off is refused."""
    steady = drawn({"streams": [{"from": "internet", "to": "onprem", "rate": "20/s"}]}, hours=1000 / HOUR_S)
    gaps = np.diff(steady.born_s, prepend=0.0)

    assert kstest(gaps, "expon", args=(0, 0.05)).pvalue > 1e-4
    assert kstest(gaps, "expon", args=(0, 0.055)).pvalue < 1e-4


def test_constant_arrivals_come_like_a_clock() -> None:
    """The first at the start, one every 50 ms, none at the end."""
    clock = drawn({"streams": [{"from": "internet", "to": "onprem", "rate": "20/s", "arrivals": "constant"}]}, hours=1)

    assert len(clock.born_s) == 72_000
    assert clock.born_s == pytest.approx(np.arange(72_000) / 20, abs=1e-9)


def test_hours_follow_the_start_and_the_week() -> None:
    """From Saturday 22:30 on, with mail at 22 h and 9 h only and none on Sundays: half an hour of it, and Monday's 9 h."""
    day = [0.0] * 24
    day[22], day[9] = 12.0, 12.0
    keys = {"sent_per_mailbox": "10/day", "internal_share": 1, "day_curve": day, "week_curve": [1, 1, 1, 1, 1, 1, 0]}

    born_h = drawn(keys, start="Sat 22:30", hours=40).born_s / HOUR_S

    early, late = born_h[born_h < 1], born_h[born_h > 1]
    assert early.max() < 0.5
    assert 34.5 < late.min() < late.max() < 35.5  # Monday 9:00 is 34.5 hours on
    assert len(early) == pytest.approx(5_000, abs=350)  # 5 standard deviations
    assert len(late) == pytest.approx(10_000, abs=500)


def test_births_are_in_order_inside_the_run_and_numbered(office: Table) -> None:
    """Blocks follow each other; mail numbers run from 0; every birth lies in [0, length)."""
    blocks = list(draw(LoadSpec.from_data(OFFICE), organisation(), MONDAY, DAY_S, 7, 0, block_mails=10_000))

    assert [b.first for b in blocks] == np.cumsum([0, *(len(b) for b in blocks[:-1])]).tolist()
    assert len(blocks) == pytest.approx(len(office.born_s) / 10_000, abs=1)
    assert max(map(len, blocks)) < 10_600  # 6 standard deviations above the aim
    assert np.all(np.diff(office.born_s) >= 0)
    assert office.born_s[0] >= 0
    assert office.born_s[-1] < DAY_S


def test_mail_born_together_is_in_the_order_of_the_streams() -> None:
    """A mailing at a clock's tick comes after the clock's mail, whatever the names."""
    keys = {
        "streams": [{"from": "internet", "to": "onprem", "rate": "1/s", "arrivals": "constant", "name": name} for name in "zab"],
        "bulk": [{"at": "2 s", "from": "onprem", "size": "1 MB"}],
    }  # fmt: skip

    ticks = drawn(keys, hours=4 / HOUR_S)

    assert ticks.stream.tolist() == [*"zab", *"zab", *"zab", "bulk 1", *"zab"]


# --- to whom --------------------------------------------------------------------------------------------------------------


def assert_share_is(expected: float, part: int, whole: int) -> None:
    """`part` of `whole` independent cases: within 4 standard deviations (false alarm 6e-5), known to 5 %."""
    error = 4 * np.sqrt(expected * (1 - expected) / whole)
    assert error <= 0.05 * expected, "too few cases to tell"
    assert abs(part / whole - expected) <= error, f"share {part / whole:.4f}, not {expected:.4f} +-{error:.4f}"


@pytest.mark.theory
def test_shares_are_those_of_the_load(office: Table) -> None:
    """Sent mail: 78.75 % inside, 60 % of it to hosted; spam: 30 % to dead addresses; Internet mail: 45 % spam. 10 % off is refused."""
    sent, spam, wanted = office.of("office"), office.of("spam"), office.of("internet")
    inside = sent.copies(HOSTED, ONPREM)
    checks = [
        (0.7875, inside, sent.copies()),
        (0.60, sent.copies(HOSTED), inside),
        (0.60, sent.sender.count(HOSTED), len(sent.sender)),
        (0.60, wanted.copies(HOSTED), wanted.copies()),
        (0.30, spam.copies(NOBODY), spam.copies()),
        (0.45, len(spam.sender), len(spam.sender) + len(wanted.sender)),
    ]

    assert set(wanted.sender) == set(spam.sender) == {SOMEBODY}
    assert wanted.copies(NOBODY, SOMEBODY) == sent.copies(NOBODY) == 0
    for expected, part, whole in checks:
        assert_share_is(expected, part, whole)
        with pytest.raises(AssertionError, match="share"):
            assert_share_is(1.1 * expected, part, whole)


@pytest.mark.theory
def test_the_inbox_is_as_internal_as_the_planner_said(office: Table) -> None:
    """63 % of the wanted copies that mailboxes receive come from inside, and they receive 2.5 for one message sent (to 2 %)."""
    from_inside = office.of("office").copies(HOSTED, ONPREM)
    received = from_inside + office.of("internet").copies(HOSTED, ONPREM)

    assert from_inside / received == pytest.approx(0.63, rel=0.02)
    assert received / len(office.of("office").sender) == pytest.approx(2.5, rel=0.02)


@pytest.mark.theory
def test_a_part_of_an_hour_at_the_end_has_its_own_rate() -> None:
    """From 8 to half past 9, with mail at 9 h only: half of the day's 20,000 messages, all in the last half hour."""
    day = [0.0] * 24
    day[9] = 24.0
    keys = {"sent_per_mailbox": "10/day", "internal_share": 1, "day_curve": day}
    born_h = drawn(keys, start="Mon 08:00", hours=1.5).born_s / HOUR_S

    assert 1 <= born_h.min() < born_h.max() < 1.5
    assert len(born_h) == pytest.approx(10_000, abs=500)  # 5 standard deviations


def test_mail_from_the_internet_has_its_own_numbers_of_recipients() -> None:
    """Three each where `internet_recipients` says so, one each in the office; else as in the office."""
    keys = {"sent_per_mailbox": "10/day", "internal_share": 0.5, "recipients": {1: 1}}
    outside = drawn(keys | {"internet_recipients": {3: 1}}, hours=2)

    assert {sum(count for _, count in to) for to in outside.of("internet").to} == {3}
    assert {sum(count for _, count in to) for to in outside.of("office").to} == {1}
    assert {sum(count for _, count in to) for to in drawn(keys, hours=2).of("internet").to} == {1}


def test_recipients_per_message_are_specmails(office: Table) -> None:
    """Mean 2.00 (SPECmail2001 white paper, section 4.2) within 4 standard errors, and 85.73 % have one; none has more than 20."""
    counts = np.array([sum(count for _, count in to) for to in office.of("office").to])
    error = 4 * counts.std() / np.sqrt(len(counts))

    assert error < 0.05
    assert abs(counts.mean() - 2.00) < error
    assert_share_is(0.8573, int((counts == 1).sum()), len(counts))
    assert counts.max() == 20


def test_a_pattern_is_sorted_counted_and_kept_once() -> None:
    """Patterns are what routing rules are asked for: the same counts are the same pattern, in every block and stream."""
    blocks = list(draw(LoadSpec.from_data(OFFICE), organisation(), MONDAY, 12 * HOUR_S, 7, 0, block_mails=5_000))

    patterns = blocks[-1].patterns
    assert patterns is blocks[0].patterns
    assert len(set(patterns)) == len(patterns)
    assert all(list(p) == sorted(p) and all(count > 0 for _, count in p) for p in patterns)


def test_inside_a_side_mailboxes_count() -> None:
    """Three of four on-premises mailboxes are in one class: it gets and sends three of four mails."""
    classes = [
        *organisation(onprem=0, hosted=0),
        MailboxClass("a@x.com", "onprem", 300),
        MailboxClass("b@x.com", "onprem", 100),
    ]
    mail = drawn({"sent_per_mailbox": "40/day", "internal_share": 1}, classes)

    assert_share_is(0.75, mail.copies("a@x.com"), mail.copies())
    assert_share_is(0.75, mail.sender.count("a@x.com"), len(mail.sender))


def test_many_classes_and_many_recipients() -> None:
    """Where counts are too many to tabulate, the mail is still drawn: each class its share."""
    classes = [*organisation(0, 0), *(MailboxClass(f"c{k}@x.com", "hosted", 1) for k in range(12))]
    mail = drawn({"streams": [{"from": "hosted", "to": "everybody", "rate": "3/s", "recipients": 9}]}, classes, hours=1)

    assert {sum(count for _, count in to) for to in mail.to} == {9}
    assert_share_is(1 / 12, mail.copies("c3@x.com"), mail.copies())


# --- how large ------------------------------------------------------------------------------------------------------------

EVENLY: NDArray[np.float64] = (np.arange(1_000_000, dtype=np.float64) + 0.5) / 1e6
LAWS: dict[str, Any] = {
    "constant": "75 KB",
    "table": "specmail2001",
    "server-load": "domino-n8mail",
    "office": "office-worker",
    "lognormal": {"body": {"lognormal": {"median": "10 KB", "sigma": 1.6}}},
    "cut": {"body": {"lognormal": {"median": "10 KB", "sigma": 1.6}}, "limit": "30 KB"},
    "smooth": {
        "body": {"lognormal": {"median": "10 KB", "sigma": 1.6}},
        "tail": {"pareto": {"alpha": 2.5, "from": "100 KB"}},
    },
    "alpha 1": {
        "body": {"lognormal": {"median": "10 KB", "sigma": 1.6}},
        "tail": {"pareto": {"alpha": 1, "from": "100 KB"}},
        "limit": "40 MB",
    },
}


@pytest.mark.parametrize("law", LAWS)
def test_mean_size_is_the_laws_mean(law: str) -> None:
    """The mean in closed form is that of a million evenly spaced quantiles, to 0.3 %."""
    spec = LoadSpec.from_data({"sent_per_mailbox": "1/day", "internal_share": 1, "sizes": LAWS[law]}).sizes
    sizes = size_quantiles(spec, EVENLY)

    assert sizes.mean() == pytest.approx(spec.mean_bytes, rel=0.003)
    assert np.all(np.diff(sizes) >= 0)
    if spec.limit:
        assert sizes.max() <= spec.limit


def test_specmail_sizes_have_the_published_mean() -> None:
    """24.5 KB from the table of the white paper, section 4.2; 10.7 % are of 100 KB and more."""
    mail = drawn({"streams": [{"from": "internet", "to": "onprem", "rate": "100/s", "sizes": "specmail2001"}]}, hours=1)
    error = 4 * mail.size_bytes.std() / np.sqrt(len(mail.size_bytes))

    assert error < 0.05 * 24_500
    assert abs(mail.size_bytes.mean() - 24_500) < error
    assert_share_is(0.1066, int((mail.size_bytes >= 100_000).sum()), len(mail.size_bytes))


def test_the_tail_holds_its_share_and_falls_as_said() -> None:
    """4.425 % above 128 KB; from there P(size > x) falls as x ** -0.72, cut off at 40 MB."""
    spec = LoadSpec.from_data(OFFICE).sizes
    sizes = size_quantiles(spec, EVENLY)
    cut = (128 / 40_000) ** 0.72

    for size in (128_000, 256_000, 1_000_000, 10_000_000):
        expected = 0.04425 * ((128_000 / size) ** 0.72 - cut) / (1 - cut)
        assert (sizes > size).mean() == pytest.approx(expected, rel=0.01)


@settings(max_examples=60, deadline=None)
@given(
    median=st.integers(200, 10**6),
    sigma=st.floats(0.2, 3),
    alpha=st.floats(0.3, 4),
    start=st.floats(0.5, 100),
    reach=st.floats(1.5, 1000),
    share=st.floats(0, 1),
)
def test_any_law_of_size_gives_sizes(
    median: int, sigma: float, alpha: float, start: float, reach: float, share: float
) -> None:
    """Whatever the numbers: sizes from 1 byte to the limit, never falling with u, the tail's share above its beginning."""
    begin = round(median * start)
    limit = int(begin * reach) + 1
    spec = SizeSpec.from_data(
        {
            "body": {"lognormal": {"median": f"{median} B", "sigma": sigma}},
            "tail": {"pareto": {"alpha": alpha, "from": f"{begin} B"}},
            "tail_share": share,
            "limit": f"{limit} B",
        }
    )
    sizes = size_quantiles(spec, np.arange(1000, dtype=np.float64) / 1000)

    assert 1 <= sizes.min() <= sizes.max() <= limit
    assert np.all(np.diff(sizes) >= 0)
    assert (sizes > begin).mean() <= share + 0.002
    assert 0 < spec.mean_bytes <= limit


# --- what must not change it ----------------------------------------------------------------------------------------------


def test_same_seed_same_bytes(office: Table) -> None:
    """Drawn again it is the same to the last byte; another seed or replication is another day."""
    again = drawn(OFFICE)

    assert same(office, again)
    assert office.born_s.tobytes() == again.born_s.tobytes()
    assert not np.array_equal(office.born_s[:1000], drawn(OFFICE, hours=3, seed=8).born_s[:1000])
    assert not np.array_equal(office.born_s[:1000], drawn(OFFICE, hours=3, replication=1).born_s[:1000])


@settings(max_examples=8, deadline=None)
@given(block_mails=st.integers(50, 20_000), chunk=st.integers(1, 9_000))
def test_block_size_does_not_matter(block_mails: int, chunk: int) -> None:
    """Neither how many mails a block holds nor how many births are drawn at a time changes any mail."""
    keys = {**OFFICE, "bulk": [{"at": "Mon 00:30", "from": "onprem", "size": "1 MB", "recipients_per_copy": 150}]}
    usual = drawn(keys, organisation(80, 120), hours=7)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mail_table, "CHUNK_MAILS", chunk)
        other = drawn(keys, organisation(80, 120), hours=7, block_mails=block_mails)

    assert same(usual, other)


def test_moving_mailboxes_changes_only_senders_and_recipients_that_move(office: Table) -> None:
    """300 more of 2,000 hosted: same births, sizes, numbers of recipients; some mail goes to hosted instead, none the other way."""
    moved = drawn(OFFICE, organisation(500, 1500))

    assert np.array_equal(office.born_s, moved.born_s)
    assert np.array_equal(office.size_bytes, moved.size_bytes)
    pairs = set(zip(office.sender, moved.sender, strict=True))
    assert (ONPREM, HOSTED) in pairs
    assert (HOSTED, ONPREM) not in pairs
    for before, after in zip(map(dict, office.to), map(dict, moved.to), strict=True):
        assert before.get(ONPREM, 0) + before.get(HOSTED, 0) == after.get(ONPREM, 0) + after.get(HOSTED, 0)
        assert before.get(HOSTED, 0) <= after.get(HOSTED, 0)


def test_growth_brings_the_same_mail_earlier(office: Table) -> None:
    """Where all follows one day curve, mail n is the same mail at any growth: sender, recipients, size, stream; it is born earlier."""
    grown = drawn({**OFFICE, "growth": 1.25})
    n = len(office.born_s)

    assert len(grown.born_s) / n == pytest.approx(1.25, rel=0.02)
    assert (grown.sender[:n], grown.to[:n]) == (office.sender, office.to)
    assert np.array_equal(grown.size_bytes[:n], office.size_bytes)
    assert np.array_equal(grown.stream[:n], office.stream)
    assert np.all(grown.born_s[:n] < office.born_s)


def test_another_law_changes_only_what_it_is_about() -> None:
    """Other sizes leave recipients and births alone; other numbers of recipients leave sizes, births and senders alone."""
    base = drawn(OFFICE, hours=8)
    sizes = drawn({**OFFICE, "sizes": "10 KB"}, hours=8)
    recipients = drawn({**OFFICE, "recipients": 2}, hours=8)

    assert (sizes.to, sizes.sender) == (base.to, base.sender)
    assert np.array_equal(sizes.born_s, base.born_s)
    for name in ("office", "spam"):
        a, b = base.of(name), recipients.of(name)
        assert a.born_s == pytest.approx(b.born_s, rel=1e-12)
        assert np.array_equal(a.size_bytes, b.size_bytes)
        assert a.sender == b.sender


def test_adding_a_stream_changes_no_other_mail() -> None:
    """A steady stream, a mailing and no more spam: the office's mail stays as it was."""
    extra = {
        "streams": [{"from": "hosted", "to": "internet", "rate": "1/s"}],
        "bulk": [{"at": "Mon 05:00", "from": "hosted", "size": "1 MB"}],
        "spam": None,
    }
    base, more = drawn(OFFICE, hours=8), drawn({**OFFICE, **extra}, hours=8)

    for name in ("office", "internet"):
        assert same(base.of(name), more.of(name))
    assert not len(more.of("spam").born_s)
    assert len(more.of("hosted->internet").born_s) > 28_000


def test_a_longer_run_begins_as_the_shorter_one() -> None:
    """The first six hours of eight are the six hours."""
    short, long = drawn(OFFICE, hours=6), drawn(OFFICE, hours=8)
    n = len(short.born_s)

    assert long.born_s[:n] == pytest.approx(short.born_s, rel=1e-12)
    assert long.to[:n] == short.to
    assert long.born_s[n] >= 6 * HOUR_S


# --- mailings and replay --------------------------------------------------------------------------------------------------


def test_a_mailing_is_one_message_to_everybody() -> None:
    """At 10:00 one message of 2 MB to all 2,000 mailboxes; growth does not send it twice."""
    mailing = drawn({"bulk": [{"at": "Mon 10:00", "from": "onprem", "size": "2 MB"}], "growth": 2})

    assert mailing.born_s.tolist() == [10 * HOUR_S]
    assert mailing.to == [((HOSTED, 1200), (ONPREM, 800))]
    assert (mailing.sender, mailing.size_bytes.tolist()) == ([ONPREM], [2_000_000])


def test_a_mailing_may_come_in_parts() -> None:
    """500 recipients a message: every mailbox is reached once. A mailing after the end is not sent."""
    keys = {
        "bulk": [
            {
                "at": "Mon 01:00",
                "from": "internet",
                "to": ["hosted", "onprem"],
                "size": "1 MB",
                "recipients_per_copy": 500,
            },
            {"at": "Tue 01:00", "from": "onprem", "to": "hosted", "size": "1 MB", "name": "late"},
        ]
    }
    mailing = drawn(keys)

    assert [sum(count for _, count in to) for to in mailing.to] == [500] * 4
    assert (mailing.copies(HOSTED), mailing.copies(ONPREM)) == (1200, 800)
    assert set(mailing.stream.tolist()) == {"bulk 1"}


REPLAYED = pd.DataFrame(
    {
        "born_s": [30.0, 10.0, 20.0, -1.0, 90_000.0],
        "sender": ["internet", "boss@corporate.com", "hosted", "onprem", "onprem"],
        "recipients": [
            "onprem:2 hosted:1",
            "iUser1@corporate.com, iUser1@corporate.com; unknown",
            "internet:3",
            "hosted",
            "hosted",
        ],
        "size_bytes": [1000, 2000, 3000, 1, 1],
    }
)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_of_mail_is_replayed(kind: str, tmp_path: Path) -> None:
    """In order of birth, sides as their mailboxes, addresses as they stand; what is born outside the run is left out."""
    if kind == "csv":
        REPLAYED.to_csv(tmp_path / "mail.csv", index=False)
    else:
        REPLAYED.to_parquet(tmp_path / "mail.parquet")

    mail = drawn({"replay": f"mail.{kind}"}, folder=tmp_path)

    assert mail.born_s.tolist() == [10, 20, 30]
    assert mail.sender == ["boss@corporate.com", HOSTED, SOMEBODY]
    assert mail.to == [(("iUser1@corporate.com", 2), (NOBODY, 1)), ((SOMEBODY, 3),), ((HOSTED, 1), (ONPREM, 2))]
    assert mail.size_bytes.tolist() == [2000, 3000, 1000]


def test_a_replayed_side_is_spread_over_its_mailboxes(tmp_path: Path) -> None:
    """A side of two classes, three to one: by mailboxes, for senders and recipients, and the same again."""
    classes = [*organisation(0, 0), MailboxClass("a@x.com", "onprem", 300), MailboxClass("b@x.com", "onprem", 100)]
    rows = pd.DataFrame({"born_s": range(3000), "sender": "onprem", "recipients": "onprem:3", "size_bytes": 1})
    rows.to_csv(tmp_path / "mail.csv", index=False)

    mail = drawn({"replay": "mail.csv"}, classes, folder=tmp_path)

    assert mail.copies() == 9000
    assert_share_is(0.75, mail.copies("a@x.com"), 9000)
    assert_share_is(0.75, mail.sender.count("a@x.com"), 3000)
    assert same(mail, drawn({"replay": "mail.csv"}, classes, folder=tmp_path))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"size_bytes": "weight"}, "no column 'size_bytes'"),
        ({"size_bytes": [1, 2, "much", 3, 4]}, "a size of 1 byte or more, found born_s 20.0, size_bytes 'much'"),
        ({"born_s": [1.0, 2.0, "soon", 3.0, 4.0]}, "row 3: expected seconds and a size of 1 byte or more, found born_s 'soon'"),
        ({"size_bytes": [1, 2, 3, 0, 5]}, "row 4"),
        ({"recipients": ["onprem", "hosted", "hosted", "nobody", "nobody"]}, "row 4: 'nobody' is neither an address"),
        ({"sender": "hostd"}, "row 1: 'hostd' is neither an address nor one of onprem, hosted, internet, unknown; did you mean 'hosted'?"),
        ({"sender": ["hosted", "", "hosted", "", "hosted"]}, "row 2: a row needs one sender"),
        ({"recipients": ""}, "a row needs at least one recipient"),
        ({"recipients": ["hosted"] * 4 + ["hosted:0"]}, "row 5: a row needs at least one recipient"),
        ({"born_s": 1e6}, "is born in the run, which lasts 86400 s from its start; found from 1e+06 s to 1e+06 s"),
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_refused(change: dict[str, Any], text: str, tmp_path: Path) -> None:
    """What is wrong is said with file, row and what would do; not as a traceback of a library."""
    rows = REPLAYED.rename(columns=change) if change.get("size_bytes") == "weight" else REPLAYED.assign(**change)
    rows.to_csv(tmp_path / "mail.csv", index=False)

    with pytest.raises(ScenarioError) as error:
        drawn({"replay": "mail.csv"}, folder=tmp_path)

    assert text in str(error.value)
    assert "mail.csv" in str(error.value)


@pytest.mark.parametrize(
    ("keys", "classes", "text"),
    [
        ({"replay": "mail.parquet"}, organisation(), "mail.parquet cannot be read: No such file or directory"),
        (OFFICE, organisation(0, 0), "there are no mailboxes; give the directory a population"),
        (OFFICE, organisation()[:2], "'internet' has no mailboxes; add a server of kind external"),
        ({"streams": [{"from": "internet", "to": "hosted", "rate": "1/s"}]}, organisation(5, 0), "or write 'everybody'"),
        ({"bulk": [{"at": "1 h", "from": "hosted", "size": "1 MB"}]}, organisation(0, 0), "load.bulk[0]: 'hosted' has no mailboxes"),
    ],
)  # fmt: skip
def test_a_load_that_cannot_be_drawn_is_refused_at_once(
    keys: dict[str, Any], classes: list[MailboxClass], text: str
) -> None:
    """When it is asked for, not when the first block is."""
    with pytest.raises(ScenarioError) as error:
        draw(LoadSpec.from_data(keys), classes, MONDAY, DAY_S, 1, 0)

    assert text in str(error.value)


@pytest.mark.parametrize("mailing", [{"from": "hosted"}, {"from": "onprem", "to": "hosted"}])
def test_a_mailing_from_or_to_a_side_on_which_nobody_is_is_no_mail(mailing: dict[str, Any]) -> None:
    """Before the first and after the last has moved: 0 and 100 % hosted are asked first."""
    load = LoadSpec.from_data({"bulk": [{"at": "1 h", "size": "1 MB", **mailing}]})

    assert list(draw(load, organisation(5, 0), MONDAY, DAY_S, 1, 0)) == []
    assert sum(len(block.born_s) for block in draw(load, organisation(5, 5), MONDAY, DAY_S, 1, 0)) == 1


def test_a_load_without_mail_is_no_block() -> None:
    """A rate of nothing, or a mailing after the end: an empty run, not an error."""
    nothing = LoadSpec.from_data({"streams": [{"from": "internet", "to": "onprem", "rate": "0/s"}]})

    assert list(draw(nothing, organisation(), MONDAY, DAY_S, 1, 0)) == []
    assert mean_recipients(nothing.recipients) == 1
