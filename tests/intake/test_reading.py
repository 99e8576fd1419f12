"""Text in the encodings that other programs write, and what is no text."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.errors import InputError
from coexsim.intake.configs.reading import File, files_of, lines_of, read_text

TEXT = "name,mail\nJürgen,jürgen@corporate.com\n"


def read(folder: Path, content: bytes) -> str:
    path = folder / "given.txt"
    path.write_bytes(content)
    return read_text(File(path, "given.txt"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_text_is_read_in_every_encoding_that_programs_write(tmp_path: Path, encoding: str, line_end: str) -> None:
    """PowerShell 5 writes UTF-16 with a mark, spreadsheets UTF-8 with a mark or Windows-1252; ends of lines do not count."""
    assert read(tmp_path, TEXT.replace("\n", line_end).encode(encoding)) == TEXT


def test_utf_16_of_the_other_byte_order_has_its_mark_too(tmp_path: Path) -> None:
    """A file that begins with FE FF."""
    assert read(tmp_path, b"\xfe\xff" + TEXT.encode("utf-16-be")) == TEXT


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"one\ntwo\x81three\n", 2, "not readable as UTF-8 or Windows-1252"),
        (b"one\ntwo\n" + b"a line " * 9 + b"\0\0\0\0", 3, "zero byte"),
        ("one\ntwo\n".encode("utf-16")[:-1], 2, "not readable as utf-16 text"),
        (b"\xef\xbb\xbfone\ntwo\xff\n", 2, "not readable as utf-8-sig"),
    ],
)
def test_what_is_no_text_is_told_with_its_line(tmp_path: Path, content: bytes, line: int, words: str) -> None:
    """A byte that no encoding has, zero bytes, half a character at the end of half a file."""
    with pytest.raises(InputError, match=words) as told:
        read(tmp_path, content)

    assert told.value.problems[0][:2] == ("given.txt", line)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """One that is not there, an empty folder."""
    with pytest.raises(InputError, match=r"gone\.txt: there is no such file"):
        list(lines_of(files_of([tmp_path / "gone.txt"])[0]))
    with pytest.raises(InputError, match="there is no file in this folder"):
        files_of([tmp_path])


def test_two_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Otherwise by the last part of their names, so that the folder in which an import is made does not matter."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "main.cf").write_text("x = y\n", encoding="utf-8")

    assert [file.name for file in files_of([tmp_path / "a"])] == ["main.cf"]
    assert [Path(file.name).parent.name for file in files_of([tmp_path / "a", tmp_path / "b"])] == ["a", "b"]
