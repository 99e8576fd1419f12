"""Which mail makes a round trip is what the routes say, not what a flow is called."""

from __future__ import annotations

import pytest

from coexsim.analysis.hairpins import round_trip_flows
from coexsim.analysis.round_trip import direct
from coexsim.errors import NoDataError
from coexsim.scenario.load import load_scenario
from tests.analysis.small import small


def test_hosted_mail_goes_over_the_on_premises_server_and_back() -> None:
    """The article's environment; with direct delivery it stays in the service."""
    assert round_trip_flows(small()) == ("hosted->hosted",)
    assert round_trip_flows(direct(small())) == ()


@pytest.mark.parametrize("file", ["exchange-hybrid-mx-cloud", "exchange-hybrid-centralised", "article-direct"])
def test_shipped_scenarios(file: str) -> None:
    """Today's services deliver mail between their own users themselves."""
    assert round_trip_flows(load_scenario(f"scenarios/modern/{file}.yaml")) == ()


def test_there_is_no_price_where_there_is_no_round_trip() -> None:
    """Direct delivery against itself would be priced at nothing."""
    with pytest.raises(NoDataError, match="makes no round trip"):
        direct(direct(small()))
