"""Where long words of a page may be broken."""

from __future__ import annotations

import pytest

from coexsim.report.breaks import breakable, unbroken, whole_arrows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("servers.onprem.max_hop_count", "servers.<wbr>onprem.<wbr>max_<wbr>hop_<wbr>count"),
        ("to nonexistent@corporate.com, 5 s", "to nonexistent@<wbr>corporate.com, 5 s"),
        ("utilisation(office-uplink) < 70 %", "utilisation(<wbr>office-<wbr>uplink) &lt; 70 %"),
        ("iUser1@corporate", "iUser1@corporate"),
        ("a MX -> b", 'a MX <span class="w">-&gt;</span> b'),
        ("1,234,567.8 ms", "1,234,567.8 ms"),
        ("<script>alert.well.long</script>", "&lt;script&gt;alert.<wbr>well.<wbr>long&lt;/script&gt;"),
        ("/var/spool/postfix/main.cf:12", "/var/<wbr>spool/<wbr>postfix/<wbr>main.<wbr>cf:<wbr>12"),
    ],
)
def test_long_words_break_after_their_signs(text: str, said: str) -> None:
    """Short ones and numbers stay whole; what is no text of ours stays text."""
    assert str(breakable(text)) == said


def test_a_figure_stays_with_its_unit() -> None:
    """In a head; what only begins like a unit is a word."""
    assert unbroken("95 % of 1,024 mails within 1.2 s, 3 servers, 10 Mbit/s") == (
        "95\u00a0% of 1,024 mails within 1.2\u00a0s, 3 servers, 10\u00a0Mbit/s"
    )


def test_a_flow_in_a_sentence_stays_whole() -> None:
    """No line ends within its arrow; what is no text of ours stays text."""
    assert whole_arrows("p95(delay, hosted->hosted) < 30 s") == (
        'p95(delay, hosted<span class="w">-&gt;</span>hosted) &lt; 30 s'
    )
