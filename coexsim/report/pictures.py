"""The pictures of an answer as its methods: ``results.plot.utilisation(ax=...)``, one method a picture.

The title says what is found. Each draws a figure of its own; given `ax`, one of a grid such as ``plt.subplots`` makes, it draws in its
place instead.
"""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from coexsim.analysis.compare import Comparison
from coexsim.analysis.outage_answer import Outage
from coexsim.analysis.round_trip import RoundTrip
from coexsim.analysis.sized import Sizing
from coexsim.experiment.results import Results
from coexsim.intake.fit import Fit
from coexsim.intake.validate import Validation
from coexsim.mail.traced import Route
from coexsim.report import plots
from coexsim.report.differences import largest_difference
from coexsim.report.headings import over_time, say_price, say_set_up
from coexsim.report.log_pictures import (
    plot_load,
    plot_qq,
    plot_rates,
    plot_sizes,
    say_delays,
    say_load,
    say_rates,
    say_sizes,
)
from coexsim.report.style import Picture, drawn
from coexsim.report.summary import summarise
from coexsim.scenario.model import Scenario

Drawn = Picture | SubFigure


def _found(results: Results, scenario: Scenario | None, name: str) -> str:
    """What a picture of a run shows."""
    return over_time(summarise(results, scenario))[name]


class ResultsPictures:
    """Of a run or several. With a `scenario` its objectives and outages are drawn, too."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def utilisation(self, scenario: Scenario | None = None, *, ax: Axes | None = None) -> Drawn:
        """How busy servers and links are over the run."""
        return drawn(
            ax, lambda: plots.plot_utilisation(self._results, scenario), _found(self._results, scenario, "utilisation")
        )

    def backlog(self, scenario: Scenario | None = None, *, ax: Axes | None = None) -> Drawn:
        """How much mail waits in their queues."""
        return drawn(
            ax, lambda: plots.plot_backlog(self._results, scenario), _found(self._results, scenario, "backlog")
        )

    def delay(self, scenario: Scenario | None = None, *, ax: Axes | None = None) -> Drawn:
        """How long mail takes, flow by flow."""
        return drawn(
            ax,
            lambda: plots.plot_delay_by_flow(self._results, scenario),
            _found(self._results, scenario, "delay-by-flow"),
        )


class OutagePictures:
    """Of an outage, followed until all is normal again."""

    def __init__(self, outage: Outage) -> None:
        self._outage = outage

    def backlog(self, *, ax: Axes | None = None) -> Drawn:
        """What waits where, from before the outage until all is normal."""
        found = self._outage
        return drawn(ax, lambda: plots.plot_backlog(found.results, found.scenario), found.headline)

    def utilisation(self, *, ax: Axes | None = None) -> Drawn:
        """How busy servers and links are meanwhile."""
        return ResultsPictures(self._outage.results).utilisation(self._outage.scenario, ax=ax)

    def delay(self, *, ax: Axes | None = None) -> Drawn:
        """How long mail takes, flow by flow."""
        return ResultsPictures(self._outage.results).delay(self._outage.scenario, ax=ax)


class ScenarioPictures:
    """Of a set-up."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def topology(self, *, ax: Axes | None = None) -> Drawn:
        """Sites, servers and links."""
        return drawn(ax, lambda: plots.plot_topology(self._scenario), say_set_up(self._scenario))


class RoutePictures:
    """Of a message's way."""

    def __init__(self, route: Route) -> None:
        self._route = route

    def way(self, scenario: Scenario, *, ax: Axes | None = None) -> Drawn:
        """Each hop with its rule, over the map of the `scenario` that it was traced in."""
        return drawn(ax, lambda: plots.plot_route(self._route, scenario))


class SizingPictures:
    """Of a sizing."""

    def __init__(self, sizing: Sizing) -> None:
        self._sizing = sizing

    def curve(self, *, ax: Axes | None = None) -> Drawn:
        """Each objective over the machines, with limit and interval."""
        return drawn(ax, lambda: plots.plot_sizing_curve(self._sizing.table()), self._sizing.finding)


class ComparisonPictures:
    """Of two set-ups under the same mail."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def differences(self, *, ax: Axes | None = None) -> Drawn:
        """By how much the delay differs, flow by flow."""
        return drawn(ax, lambda: plots.plot_differences(self._comparison), largest_difference(self._comparison))


class RoundTripPictures:
    """Of the round trip's price."""

    def __init__(self, price: RoundTrip) -> None:
        self._price = price

    def price(self, *, ax: Axes | None = None) -> Drawn:
        """Mail between hosted users, over the on-premises server and directly."""
        return drawn(ax, lambda: plots.plot_round_trip(self._price), say_price(self._price))


class FitPictures:
    """Of what logs say."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit

    def rates(self, *, ax: Axes | None = None) -> Drawn:
        """Messages over the time of the log, by the sender's side."""
        return drawn(ax, lambda: plot_rates(self._fit), say_rates(self._fit))

    def sizes(self, *, ax: Axes | None = None) -> Drawn:
        """How large messages are, and the law that fits."""
        return drawn(ax, lambda: plot_sizes(self._fit), say_sizes(self._fit))


class ValidationPictures:
    """Of predictions beside measurements."""

    def __init__(self, validation: Validation) -> None:
        self._validation = validation

    def delays(self, *, ax: Axes | None = None) -> Drawn:
        """Quantiles of delay, predicted over measured, flow by flow."""
        return drawn(ax, lambda: plot_qq(self._validation), say_delays(self._validation))

    def load(self, *, ax: Axes | None = None) -> Drawn:
        """Messages a minute, predicted and measured, by server."""
        return drawn(ax, lambda: plot_load(self._validation), say_load(self._validation))
