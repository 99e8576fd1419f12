"""How complete a log is, and what was counted in it: messages, recipients, flows, the shares of unknown and refused."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan

import numpy as np
import pandas as pd

from coexsim.intake import figures as fig
from coexsim.intake.figures import MeasuredFigure
from coexsim.intake.logs.book import NOTICE, LogBook
from coexsim.intake.logs.journeys import OUTCOMES, Journeys
from coexsim.intake.logs.sides import KINDS, UNKNOWN, UNKNOWN_AT_HOSTED, UNKNOWN_DOMAIN, Sides
from coexsim.intake.logs.tallies import Counts

SENDER_SIDES = ("onprem", "hosted", "internet")
FLOW_KEYS = ["sender", "recipient", "outcome", "code"]
MANY_TABLES = 50  # of flows, one a part: added up then
_NO_FLOWS = pd.DataFrame({name: pd.Series([], dtype=object) for name in FLOW_KEYS} | {"recipients": [], "messages": []})
LOSS_TOO_MUCH = 0.02  # share of missing lines from which on counts cannot be had


@dataclass(frozen=True)
class Complete:
    """How much of what a log should say it does say."""

    visits: int
    lost_share: float  # of the lines that every message must have
    sure: int  # messages that certainly begin here
    most: int  # visits that may be where a message begins

    @property
    def counts_hold(self) -> bool:
        """Can messages be counted."""
        return self.lost_share <= LOSS_TOO_MUCH


class LinesSeen:
    """What is missing: every message in a queue should have a line for its client, message-id, sender and end."""

    def __init__(self, book: LogBook) -> None:
        count = len(book.servers)
        self._of_postfix = np.array([book.products.get(s) == "postfix" for s in range(count)] or [False])
        self._first_s, self._last_s = inf, -inf
        self._visits = self._lines = self._told = self._sure = self._most = 0

    def look(self, found: Journeys) -> None:
        """From when to when there is mail; of all parts, before any is added."""
        times_s = self._looked(found)["arrived_s"].to_numpy()
        if len(times_s):
            self._first_s = min(self._first_s, float(np.nanmin(times_s)))
            self._last_s = max(self._last_s, float(np.nanmax(times_s)))

    def _looked(self, found: Journeys) -> pd.DataFrame:
        visits: pd.DataFrame = found.joined.visits
        looked: pd.DataFrame = visits[self._of_postfix[visits["server"].to_numpy()]]
        return looked

    def add(self, found: Journeys) -> None:
        """Count the lines of a part."""
        looked, first_s, last_s = self._looked(found), self._first_s, self._last_s
        if len(looked):
            # mail at the edges of the log may have its other lines in the next file
            inner = looked[
                (looked["arrived_s"] > first_s + 1.0)
                & (looked["arrived_s"] < max(last_s - 60.0, first_s + 0.9 * (last_s - first_s)))
            ]
            heads = ((inner["client"] >= 0) | (inner["origin"] > 1)).to_numpy()
            ids, senders = (inner["message_id"] != 0).to_numpy(), (inner["sender"] >= 0).to_numpy()
            gone = np.isfinite(inner["gone_s"].to_numpy())
            self._lines += 4 * len(inner)
            self._told += sum(int(said.sum()) for said in (heads, ids, senders, gone))
        counted = found.messages[~found.messages["is_notice"]]
        self._visits += len(found.joined.visits)
        self._sure += int(counted["is_sure"].sum())
        self._most += len(counted)

    @property
    def complete(self) -> Complete:
        """How much of what the log should say it does say."""
        lost = 1.0 - self._told / self._lines if self._lines else 0.0
        return Complete(self._visits, lost, self._sure, self._most)


class CountsSeen:
    """Messages, recipients, flows and outcomes, a part after the other."""

    def __init__(self) -> None:
        self._messages = self._unnamed = self._merged = self._named = self._notices = 0
        self._kinds, self._outcomes = Counts(), Counts()
        self._flows: list[pd.DataFrame] = []

    def add(self, found: Journeys, sides: Sides, mail: pd.DataFrame) -> None:
        """Count the mail of a part."""
        self._messages += len(mail)
        self._unnamed += int((mail["recipients"] == 0).sum())
        self._named += int(mail["recipients"].sum())
        self._merged += _merged(found, mail)
        self._notices += int((found.joined.visits["origin"] == NOTICE).sum())
        self._kinds.add(sides.kind[sides.kind.index.get_level_values("message").isin(mail.index)].to_numpy())
        self._outcomes.add(found.copies["outcome"].to_numpy()[found.copies["message"].isin(mail.index).to_numpy()])
        self._flows.append(_flows(found, sides, mail))
        if len(self._flows) > MANY_TABLES:
            self._flows = [self.flows()]

    def flows(self) -> pd.DataFrame:
        """Recipients as written, by sender's side, kind of recipient and outcome; one row each, `messages` beside."""
        table = pd.concat(self._flows, ignore_index=True) if self._flows else _NO_FLOWS
        found: pd.DataFrame = table.groupby(FLOW_KEYS)[["recipients", "messages"]].sum().reset_index()
        return found

    def figures(self, complete: Complete) -> list[MeasuredFigure]:
        """How many messages, recipients and notices, and the shares of unknown and refused."""
        if not complete.counts_hold:
            why = f"the log lacks about {complete.lost_share:.0%} of its lines"
            return [fig.cannot_say("counts", "messages", "1", why, float(complete.sure), float(complete.most))]
        remark, n = "", self._messages
        if self._unnamed:
            remark = f"{self._unnamed} messages were refused before their recipients were named: counted as one each. "
        if self._merged:
            remark += f"{self._merged} more were counted than named: the same person twice"
        total = self._named + self._unnamed
        most = inf if self._unnamed else float(self._named + self._merged)
        notices = self._notices
        rows = [
            MeasuredFigure("counts", "messages", float(n), float(complete.sure), float(n), "1", n),
            MeasuredFigure("counts", "recipients", float(total), float(total), most, "1", n, nan, remark.strip()),
            MeasuredFigure(
                "counts", "notices that servers made", float(notices), float(notices), float(notices), "1", notices
            ),
        ]
        unknown, kinds = self._kinds[UNKNOWN] + self._kinds[UNKNOWN_AT_HOSTED], self._kinds.total
        rows.append(fig.share("counts", "recipients that do not exist", unknown, kinds))
        nowhere = self._kinds[UNKNOWN_DOMAIN]
        rows.append(fig.share("counts", "recipients whose domain does not exist", nowhere, kinds))
        for number in (2, 3, 4, 5, 6, 7):
            rows.append(fig.share("counts", f"copies {OUTCOMES[number]}", self._outcomes[number], self._outcomes.total))
        return rows


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
    pairs = found.joined.deliveries[["row", "to", "written_to"]].drop_duplicates()
    delivered = np.bincount(pairs["row"].to_numpy(), minlength=len(visits))[rows]
    counted = visits["recipients"].to_numpy()[rows]
    return int(np.maximum(np.where(delivered > 0, counted - delivered, 0), 0).sum())
