"""Every picture there is, and how to save one. Each function returns a figure that belongs to no window.

::

    plot_utilisation     how busy the servers are over the run
    plot_backlog         how much mail waits in their queues
    plot_delay_by_flow   how long mail takes
    plot_round_trip      what the round trip costs
    plot_differences     what differs between two set-ups
    plot_sizing_curve    how big is big enough
    plot_topology        sites, servers and links
    plot_route           the way of one message
"""

from __future__ import annotations

from coexsim.report.delays import plot_delay_by_flow
from coexsim.report.differences import plot_differences
from coexsim.report.maps import plot_topology
from coexsim.report.over_time import plot_backlog, plot_utilisation
from coexsim.report.price import plot_round_trip
from coexsim.report.routes import plot_route
from coexsim.report.sizing import plot_sizing_curve
from coexsim.report.style import Picture, png, save

__all__ = [
    "plot_utilisation",
    "plot_backlog",
    "plot_delay_by_flow",
    "plot_round_trip",
    "plot_differences",
    "plot_sizing_curve",
    "plot_topology",
    "plot_route",
    "Picture",
    "png",
    "save",
]
