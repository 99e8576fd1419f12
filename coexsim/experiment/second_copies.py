"""Mail that arrived twice, since the 250 for its first copy was lost: one outcome a recipient, the second copy told apart."""

from __future__ import annotations

import numpy as np
import pandas as pd

from coexsim.sim.message import SECOND_COPY

_MAIL = ["alternative", "replication", "mail", "flow"]


def one_outcome_each(mail: pd.DataFrame) -> pd.DataFrame:
    """The rows of `mail` in which each recipient has one outcome, that of the copy which came first.

    A server that took a message whose 250 was lost has a copy, and the client another one. Of all copies of a message in
    one flow those count that were delivered soonest, as many as it has recipients: who got one is delivered, whatever
    became of the other.
    """
    double = mail["stream"] == SECOND_COPY
    if not double.any():
        return mail
    affected = pd.MultiIndex.from_frame(mail.loc[double, _MAIL].astype(str))
    concerned = pd.MultiIndex.from_frame(mail[_MAIL].astype(str)).isin(affected)
    part = mail[concerned].assign(
        _late=lambda rows: (rows["outcome"] != "delivered").astype(int), _double=double[concerned].astype(int)
    )
    kept = [_first(rows) for _, rows in part.groupby(_MAIL, observed=True, sort=False)]
    return pd.concat([mail[~concerned], *kept]).sort_index().astype(mail.dtypes.to_dict())


def _first(copies: pd.DataFrame) -> pd.DataFrame:
    """The copies that came first, for as many recipients as the mail has."""
    recipients = int(copies.loc[copies["_double"] == 0, "recipients"].sum())
    ordered = copies.sort_values(["_late", "delay_s", "_double"], kind="stable")
    before = ordered["recipients"].cumsum() - ordered["recipients"]
    counted = (recipients - before).clip(lower=0)
    ordered = ordered.assign(recipients=ordered["recipients"].where(ordered["recipients"] <= counted, counted))
    return ordered[ordered["recipients"] > 0].drop(columns=["_late", "_double"])


def delivered_twice(mail: pd.DataFrame, keys: list[str]) -> pd.Series[int]:
    """Recipients who got their mail twice, by `keys`: of a message's delivered copies those beyond its recipients."""
    double = mail[mail["stream"] == SECOND_COPY]
    if double.empty:
        nothing = pd.MultiIndex.from_arrays([[]] * len(keys), names=keys)
        return pd.Series(np.empty(0), index=nothing).astype(np.int64)
    by = list(dict.fromkeys([*_MAIL, *keys]))
    counts = mail.assign(
        own=mail["recipients"].where(mail["stream"] != SECOND_COPY, 0),
        second=mail["recipients"].where(mail["stream"] == SECOND_COPY, 0),
    )
    done = counts[counts["outcome"] == "delivered"].groupby(by, observed=True)[["own", "second"]].sum()
    twice = done["own"].where(done["own"] < done["second"], done["second"])
    summed = twice[twice > 0].groupby(level=keys, observed=True).sum()
    return summed.astype(np.int64)
