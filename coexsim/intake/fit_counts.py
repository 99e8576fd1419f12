"""How complete a log is, and what was counted in it: messages, recipients, flows, the shares of unknown and refused."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd

from coexsim.intake import figures as fig
from coexsim.intake.figures import MeasuredFigure
from coexsim.intake.logs.book import NOTICE
from coexsim.intake.logs.journeys import OUTCOMES, Journeys
from coexsim.intake.logs.sides import KINDS, UNKNOWN, UNKNOWN_AT_HOSTED, UNKNOWN_DOMAIN, Sides

SENDER_SIDES = ("onprem", "hosted", "internet")
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


def completeness(found: Journeys) -> Complete:
    """Every message in a queue should have a line for its client, message-id, sender and end; what is missing tells what was lost."""
    visits, messages = found.joined.visits, found.messages
    of_postfix = np.array(
        [found.joined.book.products.get(s) == "postfix" for s in range(len(found.joined.book.servers))] or [False]
    )
    looked = visits[of_postfix[visits["server"].to_numpy()]]
    lost = 0.0
    if len(looked):
        last_s = float(np.nanmax(looked["arrived_s"].to_numpy()))
        first_s = float(np.nanmin(looked["arrived_s"].to_numpy()))
        # mail at the edges of the log may have its other lines in the next file
        inner = looked[
            (looked["arrived_s"] > first_s + 1.0)
            & (looked["arrived_s"] < max(last_s - 60.0, first_s + 0.9 * (last_s - first_s)))
        ]
        if len(inner):
            heads = ((inner["client"] >= 0) | (inner["origin"] > 1)).to_numpy()
            told = np.stack(
                [
                    heads,
                    (inner["message_id"] != 0).to_numpy(),
                    (inner["sender"] >= 0).to_numpy(),
                    np.isfinite(inner["gone_s"].to_numpy()),
                ]
            )
            lost = 1.0 - float(told.mean())
    counted = messages[~messages["is_notice"]]
    return Complete(len(visits), lost, int(counted["is_sure"].sum()), len(counted))


def flow_table(found: Journeys, sides: Sides, mail: pd.DataFrame) -> pd.DataFrame:
    """Recipients as written, by sender's side, kind of recipient and outcome; one row each, `messages` beside."""
    kind = sides.kind.rename("kind").reset_index()
    kind = kind[kind["message"].isin(mail.index)]
    copies = found.copies.assign(rank=np.array([0, 1, 3, 3, 3, 2, 4, 5])[found.copies["outcome"].to_numpy()])
    worst = (
        copies.sort_values("rank")
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
    table = frame.groupby(["sender", "recipient", "outcome", "code"]).agg(
        recipients=("message", "size"), messages=("message", "nunique")
    )
    return table.reset_index()


def count_figures(found: Journeys, sides: Sides, mail: pd.DataFrame, complete: Complete) -> list[MeasuredFigure]:
    """How many messages, recipients and notices, and the shares of unknown and refused."""
    if not complete.counts_hold:
        why = f"the log lacks about {complete.lost_share:.0%} of its lines"
        return [fig.cannot_say("counts", "messages", "1", why, float(complete.sure), float(complete.most))]
    unnamed = int((mail["recipients"] == 0).sum())
    merged = _merged(found, mail)
    named = int(mail["recipients"].sum())
    remark = ""
    if unnamed:
        remark = f"{unnamed} messages were refused before their recipients were named: counted as one each. "
    if merged:
        remark += f"{merged} more were counted than named: the same person twice"
    total, most = named + unnamed, float("inf") if unnamed else float(named + merged)
    notices = int((found.joined.visits["origin"] == NOTICE).sum())
    rows = [
        MeasuredFigure("counts", "messages", float(len(mail)), float(complete.sure), float(len(mail)), "1", len(mail)),
        MeasuredFigure("counts", "recipients", float(total), float(total), most, "1", len(mail), nan, remark.strip()),
        MeasuredFigure(
            "counts", "notices that servers made", float(notices), float(notices), float(notices), "1", notices
        ),
    ]
    kind = sides.kind[sides.kind.index.get_level_values("message").isin(mail.index)].to_numpy()
    outcome = found.copies[found.copies["message"].isin(mail.index)]["outcome"].to_numpy()
    unknown = int(np.isin(kind, (UNKNOWN, UNKNOWN_AT_HOSTED)).sum())
    rows.append(fig.share("counts", "recipients that do not exist", unknown, len(kind)))
    rows.append(
        fig.share("counts", "recipients whose domain does not exist", int((kind == UNKNOWN_DOMAIN).sum()), len(kind))
    )
    for number in (2, 3, 4, 5, 6, 7):
        rows.append(fig.share("counts", f"copies {OUTCOMES[number]}", int((outcome == number).sum()), len(outcome)))
    return rows


def _merged(found: Journeys, mail: pd.DataFrame) -> int:
    """Recipients that servers counted but delivered once: named directly and through a group, or twice."""
    visits = found.joined.visits
    rows = mail["row"].to_numpy()
    rows = rows[rows >= 0]
    pairs = found.joined.deliveries[["row", "to", "written_to"]].drop_duplicates()
    delivered = np.bincount(pairs["row"].to_numpy(), minlength=len(visits))[rows]
    counted = visits["recipients"].to_numpy()[rows]
    return int(np.maximum(np.where(delivered > 0, counted - delivered, 0), 0).sum())
