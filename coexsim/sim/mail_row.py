"""A row of the table `mail`: what each column is, said once for the recorder, the compiled engine, streamed runs and who reads it.

A new column is filled in `sim/recorder.py` (`Recorder.end`) and, from what the kernel knows of a copy, in the compiled engine:
`ROW` of ``engine/layout.py``, ``end_row`` of ``engine/copies.py``, ``spread`` of ``engine/spreading.py``.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, get_type_hints

from coexsim.mail.directory import SIDES

TABLE_OUTCOMES = ("delivered", "bounced", "expired", "discarded", "in transit")
DELIVERED, BOUNCED, EXPIRED, DISCARDED, IN_TRANSIT = range(len(TABLE_OUTCOMES))


class MailColumn(NamedTuple):
    """A column of ``mail``: its type while the run goes on, where words are numbers, then dtype, unit and meaning in the table.

    `in_cell`: in a streamed run, whose rows stand for many, the sum or the mean of these; or that they have it in common, in so many
    bits; or a rule of its own, in ``sim/binned.py``.
    """

    made: str
    dtype: str
    unit: str
    meaning: str
    in_cell: int | Literal["sum", "mean", "own"]


STREAM = "what made it: the profile, a stream, a bulk mailing, a replay, a named message, a notice; second-copy: the 250 was lost"


class MailRow(NamedTuple):
    """A row as it is recorded: recipients of one flow whose copy of a message met its end."""

    mail: Annotated[int, MailColumn(
        "i8", "int64", "1",
        "number of the message, in order of birth; the same in every alternative; a named message: -1, -2, ...", "own",
    )]  # fmt: skip
    kind: Annotated[int, MailColumn("i1", "category", "", "mail, dsn or delay (warning)", 2)]
    stream: Annotated[int, MailColumn("i2", "category", "", STREAM, 14)]
    flow: Annotated[int, MailColumn(
        "i4", "category", "", "such as hosted->onprem, at the mail's birth; sides are " + ", ".join(SIDES), 14
    )]  # fmt: skip
    recipients: Annotated[int, MailColumn(
        "i4", "int32", "1", "recipients that this row stands for: a copy that travelled together", "own"
    )]  # fmt: skip
    size_bytes: Annotated[int, MailColumn("i8", "int64", "B", "size on the wire", "mean")]
    born_s: Annotated[float, MailColumn("f8", "float64", "s", "handed in, from the start of the run", "mean")]
    delay_s: Annotated[float, MailColumn(
        "f8", "float64", "s", "from birth to its end; not a number while in transit", "own"
    )]  # fmt: skip
    outcome: Annotated[int, MailColumn("i1", "category", "", ", ".join(TABLE_OUTCOMES), 3)]
    code: Annotated[int, MailColumn("i2", "category", "", "enhanced status code of the failure, or empty", 10)]
    by: Annotated[int, MailColumn(
        "i2", "category", "", "the server that gave it up, or where it is in transit; empty for delivered", 10
    )]  # fmt: skip
    hops: Annotated[int, MailColumn("i2", "int16", "1", "SMTP transactions that carried it", 8)]
    wan_bytes: Annotated[int, MailColumn(
        "i8", "int64", "B", "bytes put on links between sites; recipients that travelled together share them", "sum"
    )]  # fmt: skip
    attempts: Annotated[int, MailColumn("i4", "int32", "1", "transfer attempts, failed ones included", "mean")]
    measured: Annotated[bool, MailColumn("?", "bool", "", "born in the measured window", 1)]


MAIL_COLUMNS: dict[str, MailColumn] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(MailRow, include_extras=True).items()
}
DTYPES = {name: column.made for name, column in MAIL_COLUMNS.items()}
WORDS = tuple(name for name, column in MAIL_COLUMNS.items() if column.dtype == "category" and name != "outcome")
"""Columns that are words by number, in the order in which the words came; outcomes have the order of `TABLE_OUTCOMES`."""
