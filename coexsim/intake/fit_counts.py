"""What was counted in a log: messages, recipients, flows, the shares of unknown and refused."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake import figures as fig
from coexsim.intake.figures import MeasuredFigure
from coexsim.intake.fit_complete import Complete, people_of
from coexsim.intake.logs.book import NOTICE
from coexsim.intake.logs.journeys import OUTCOMES, Journeys
from coexsim.intake.logs.sides import KINDS, UNKNOWN, UNKNOWN_AT_HOSTED, UNKNOWN_DOMAIN, Sides
from coexsim.intake.logs.tallies import Counts

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
SENDER_SIDES = ("onprem", "hosted", "internet")
FLOW_KEYS = ["sender", "recipient", "outcome", "code"]
OTHER_REASONS = ("5.2.", "5.3.", "5.5.", "5.6.", "5.7.", "4.")
"""Beginnings of codes by which a recipient may exist: mailbox, system, protocol, content, policy, and all that is temporary [RFC 3463]."""
MANY_TABLES = 50  # of flows, one a part: added up then
_NO_FLOWS = pd.DataFrame({name: pd.Series([], dtype=object) for name in FLOW_KEYS} | {"recipients": [], "messages": []})


class CountsSeen:
    """Messages, recipients, flows and outcomes, a part after the other."""

    def __init__(self) -> None:
        self._messages = self._unnamed = self._merged = self._named = self._notices = self._refused = 0
        self._kinds, self._outcomes = Counts(), Counts()
        self._flows: list[pd.DataFrame] = []

    def add(self, found: Journeys, sides: Sides, mail: pd.DataFrame) -> None:
        """Count the mail of a part."""
        self._messages += len(mail)
        self._refused += int((mail["row"] < 0).sum())
        self._unnamed += int((mail["recipients"] == 0).sum())
        self._named += int(mail["recipients"].sum())
        self._merged += _merged(found, mail)
        self._notices += int((found.joined.visits["origin"] == NOTICE).sum())
        self._kinds.add(sides.kind[sides.kind.index.get_level_values("message").isin(mail.index)].to_numpy())
        self._outcomes.add(found.copies["outcome"].to_numpy()[found.copies["message"].isin(mail.index).to_numpy()])
        self._flows.append(_flows(found, sides, mail))
        if len(self._flows) > MANY_TABLES:
            self._flows = [self.flows()]

    def _unknown(self) -> int:
        """Recipients of whom the reply says that they do not exist, or gives no other reason."""
        flows = self.flows()
        unseen = flows["recipient"].isin([KINDS[UNKNOWN], KINDS[UNKNOWN_AT_HOSTED]])
        return int(flows["recipients"][unseen & ~flows["code"].str.startswith(OTHER_REASONS)].sum())

    def flows(self) -> pd.DataFrame:
        """Recipients as written, by sender's side, kind of recipient and outcome; one row each, `messages` beside."""
        table = pd.concat(self._flows, ignore_index=True) if self._flows else _NO_FLOWS
        found: pd.DataFrame = table.groupby(FLOW_KEYS)[["recipients", "messages"]].sum().reset_index()
        return found

    def figures(self, complete: Complete, scope: str, sources: Sequence[tuple[str, int]] = ()) -> list[MeasuredFigure]:
        """How many messages, recipients and notices, and the shares of unknown and refused.

        `scope`: which mail is counted; `sources`: hosts without a log that may send mail past the logged servers, and how many messages
        they brought: there may be more mail then.
        """
        if not complete.counts_hold:
            most = inf if complete.unlogged else complete.most + complete.missed
            return [fig.cannot_say("counts", "messages", "1", complete.why, float(complete.sure), most)]
        remark, n = "", self._messages

        if self._unnamed:
            remark = f"{self._unnamed} messages were refused before their recipients were named: counted as one each. "
        if self._merged:
            remark += f"{self._merged} more were counted than named: the same person twice"
        total = self._named + self._unnamed
        # of the lines: as many messages may be missing; more, if a silence is none
        kept = (1.0 - max(complete.lost_share, 0.0)) / (1.0 + complete.missed / max(n, 1))
        past = "".join(
            f" At least: {host}, which brought {brought:,} of them, may send mail past these, and no log of it was given."
            for host, brought in sources
        )
        most = inf if self._unnamed or sources else (self._named + self._merged) / kept
        notices = self._notices
        if self._refused:
            past += f" {self._refused:,} of them are attempts that were refused before a message came"
        rows = [
            MeasuredFigure(
                "counts",
                "messages",
                float(n),
                float(min(complete.sure, n)),
                inf if sources else n / kept,
                "1",
                n,
                nan,
                (f"{scope}. {complete.doubt}" if complete.doubt else scope) + ("." + past if past else ""),
            ),
            MeasuredFigure("counts", "recipients", float(total), float(total), most, "1", n, nan, remark.strip()),
            MeasuredFigure(
                "counts",
                "notices that servers made",
                float(notices),
                float(notices),
                notices / kept,
                "1",
                notices,
                nan,
                "by the servers whose logs were given",
            ),
        ]
        kinds, unseen = self._kinds.total, self._kinds[UNKNOWN] + self._kinds[UNKNOWN_AT_HOSTED]
        unknown = self._unknown()
        others = (
            f"{unseen - unknown:,} more were refused for another reason, and are named nowhere else in the logs"
            if unseen > unknown
            else ""
        )
        rows.append(fig.share("counts", "recipients that do not exist", unknown, kinds, remark=others))
        nowhere = self._kinds[UNKNOWN_DOMAIN]
        rows.append(fig.share("counts", "recipients whose domain does not exist", nowhere, kinds))
        for number in (2, 3, 4, 5, 6, 7):
            rows.append(fig.share("counts", f"copies {OUTCOMES[number]}", self._outcomes[number], self._outcomes.total))
        return rows


def home_figures(homes: list[tuple[str, int]]) -> list[MeasuredFigure]:
    """What hosts without a log keep to themselves. `homes`: hosts that took mail for the organisation's people, and how many copies."""
    return [
        fig.cannot_say(
            "counts",
            f"mail that begins and ends at {host}",
            "1",
            f"no log of it was given, though it took {copies:,} copies for people of the organisation: give its log too",
        )
        for host, copies in homes
    ]


def _flows(found: Journeys, sides: Sides, mail: pd.DataFrame) -> pd.DataFrame:
    """The table of flows of a part."""
    kind = sides.kind.rename("kind").reset_index()
    kind = kind[kind["message"].isin(mail.index)]
    copies = found.copies.assign(rank=np.array([0, 1, 3, 3, 3, 2, 4, 5])[found.copies["outcome"].to_numpy()])
    worst = (
        copies.sort_values("rank", kind="stable")
        .groupby(["message", "written_to"], sort=False)
        .agg(outcome=("outcome", "last"), code=("code", "last"))
    )
    rows = kind.merge(worst, left_on=["message", "written_to"], right_index=True, how="left")
    codes = np.array([*found.joined.book.codes.texts, ""])
    frame = pd.DataFrame({
        "sender": np.array([*SENDER_SIDES, "unknown"])[np.minimum(mail["side"].reindex(rows["message"]).to_numpy(), 3)],
        "recipient": np.array(KINDS)[rows["kind"].to_numpy()],
        "outcome": np.array(OUTCOMES)[rows["outcome"].to_numpy()],
        "code": np.where(rows["outcome"].to_numpy() <= 1, "", codes[rows["code"].to_numpy()]),
        "message": rows["message"].to_numpy(),
    })  # fmt: skip
    table = frame.groupby(FLOW_KEYS).agg(recipients=("message", "size"), messages=("message", "nunique"))
    return table.reset_index()


def _merged(found: Journeys, mail: pd.DataFrame) -> int:
    """Recipients that servers counted but delivered once: named directly and through a group, or twice."""
    visits = found.joined.visits
    rows = mail["row"].to_numpy()
    rows = rows[rows >= 0]
    delivered = np.bincount(people_of(found)["row"].to_numpy(), minlength=len(visits))[rows]
    counted = visits["recipients"].to_numpy()[rows]
    return int(np.maximum(np.where(delivered > 0, counted - delivered, 0), 0).sum())
