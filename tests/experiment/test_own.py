"""What the notes of a folder say is ours, whatever became of the notes."""

from __future__ import annotations

from pathlib import Path

from coexsim.experiment.own import NOTES, why_not_own, write_own


def test_damaged_notes_make_nothing_ours(tmp_path: Path) -> None:
    """Notes that are not UTF-8: a foreign file stays foreign, and what is written after them is known."""
    (tmp_path / NOTES).write_bytes(b"\xff torn")
    (tmp_path / "report.html").write_text("mine")
    write_own(tmp_path / "mail.csv", b"ours")

    assert "not written by coexsim" in why_not_own(tmp_path / "report.html")
    assert why_not_own(tmp_path / "mail.csv") == ""
