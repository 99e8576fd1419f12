"""Rules of running and of figures that a tired hand breaks without a sound: which engine, what an estimate adds up, what settles."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from coexsim.errors import CoexsimError
from coexsim.experiment import warm_up
from coexsim.experiment.engines import engine_for, ran
from coexsim.experiment.estimate import STREAM_BYTES, Estimate, estimate
from coexsim.experiment.figures import busy_shares, deferred_share, measured_minutes
from coexsim.experiment.replicate import replicate
from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.scenario.load import changed, scenario_from_text
from tests.experiment.made_up import made_up
from tests.scenario.test_limits import SMALL
from tests.sim.loaded import loaded

SHORT = loaded("domino", {"run": {"length": "20 s"}})


def test_where_numba_cannot_be_imported_the_reference_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run that is long enough for the compiled engine, which is installed but broken: said with the cause; who asks for it is told."""
    (tmp_path / "numba.py").write_text("raise ImportError('no LLVM here')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == "numba"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("coexsim.engine.choice.REFERENCE_MAILS_PER_S", 1)  # a hundred mails are long

    assert ran(SHORT, 1, 0)[1] == ("reference", "Numba cannot be imported: no LLVM here")
    assert engine_for(SHORT, 4) == "auto"
    with pytest.raises(CoexsimError, match=r"no LLVM here; use --engine reference"):
        ran(SHORT, 1, 0, engine="compiled")


def test_a_run_keeps_its_visits_if_asked_to_and_its_mail_unless_streamed() -> None:
    """Of every visit a row, no earlier begun than come; of every mail a row, too, also in several replications."""
    run = simulate(SHORT, keep_visits=True, engine="reference")
    mail = replicate(SHORT, 2, jobs=1, engine="reference").mail

    assert len(run.visits) == run.stages["visits"].sum() > 0
    assert (run.visits["arrived_s"] <= run.visits["started_s"]).all()
    assert (run.visits["started_s"] <= run.visits["finished_s"]).all()
    assert (mail[mail["replication"] == 0]["mail"].tolist(), "rows" in mail) == (run.mail["mail"].tolist(), False)


# --- estimates ----------------------------------------------------------------------------------------------------


def test_of_a_stream_the_cells_are_estimated_where_they_are_less() -> None:
    """864,000 mails are less than the cells of a stream may be, a hundred times as many are more."""
    scenario = scenario_from_text(SMALL)
    large = changed(scenario, {"load.streams.0.rate": "1000/s"})

    assert estimate(scenario, 1, stream=True).disk_bytes == estimate(scenario, 1).disk_bytes < STREAM_BYTES
    assert estimate(large, 1, stream=True).memory_bytes == STREAM_BYTES < estimate(large, 1).memory_bytes


def test_attempts_that_come_to_nothing_make_a_run_longer() -> None:
    """A server that is down for most of a day, and one that is not."""
    scenario = changed(scenario_from_text(SMALL), {"servers.onprem.smtp_listener_task": "enabled"})
    down = changed(scenario, {"events": [{"at": "Mon 01:00", "for": "20 h", "down": "onprem"}]})
    up = changed(scenario, {"events": []})

    assert estimate(down, 1).attempts > estimate(up, 1).attempts == 0
    assert estimate(down, 1).cpu_s > estimate(up, 1).cpu_s


@pytest.mark.parametrize(
    ("cpu_s", "more_bytes", "told", "asked"),
    [
        (10.0, 0, False, False),
        (10.5, 0, True, False),
        (3600.0, 0, True, False),
        (3601.0, 0, True, True),
        (1.0, 1, False, True),
    ],
)
def test_ten_seconds_are_told_and_an_hour_or_16_gb_asked_for(
    cpu_s: float, more_bytes: float, told: bool, asked: bool
) -> None:
    """At these limits nothing is said yet."""
    found = Estimate(1.0, 1.0, cpu_s, 16e9 + more_bytes, 16e9)

    assert (found.is_long, found.is_large) == (told, asked)


def test_a_run_that_names_no_day_begins_on_monday() -> None:
    """Where people write on Mondays only, a day from 0:00 has a Monday's mail, and a Tuesday none."""
    load = {"profile": "office-worker", "week_curve": [1, 0, 0, 0, 0, 0, 0]}
    scenario = changed(scenario_from_text(SMALL), {"load": load})
    of_day = [
        estimate(changed(scenario, {"run.start": start}), 1).messages for start in ("00:00", "Mon 00:00", "Tue 00:00")
    ]

    assert of_day[0] == of_day[1] > of_day[2] == 0


# --- figures and warm-up ------------------------------------------------------------------------------------------


def test_a_link_is_busy_by_the_share_of_its_bandwidth_a_station_by_its_workers() -> None:
    """0.3 of the bandwidth; 1.2 of four cores; infinitely many workers have no share."""
    busy: Any = {
        ("office to hosted", "link"): {"busy": 0.3},
        ("onprem", "cores"): {"busy": 1.2},
        ("onprem", "delivery"): {"busy": 9},
    }
    stages: list[dict[str, Any]] = [{"workers": 4.0}, {"stage": "delivery", "workers": np.inf}]

    assert busy_shares(made_up([1.0], stages=stages, timeline=busy)) == pytest.approx(
        {("office to hosted", "link"): 0.3, ("onprem", "cores"): 0.3}
    )


def test_what_delays_have_beyond_waits_and_work_is_deferral() -> None:
    """Ten mails of 10 s; at cores each waited 1 s and was worked on for 2 s: 70 % of the delay was in no station."""
    stages = [{"visits": 10, "mean_wait_s": 1.0, "mean_service_s": 2.0}]

    assert deferred_share(made_up([10.0] * 10, stages=stages)) == pytest.approx(0.7)


def test_a_minute_that_begins_as_the_window_ends_is_outside_of_it() -> None:
    """From 60 s to 180 s: minutes 1 and 2."""
    run = made_up([1.0], minutes=10, timeline={("onprem", "cores"): {"busy": 1}})
    cut = Results(**run.tables, provenance=run.provenance, window_s=(60.0, 180.0), length_s=600.0)

    assert measured_minutes(cut)["minute"].tolist() == [1, 2]


def test_under_high_load_the_mean_delay_of_each_minute_settles_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One hour; delays of 100 s in the first ten minutes, then of 1 s and 1.1 s in turn, while more and more mail comes.

    MSER-5 leaves out the ten minutes: what is left there has the least error of its mean (White, Cobb and Spratt 2000).
    """
    minute = np.repeat(np.arange(60), np.arange(1, 61))
    delay_s = np.where(minute < 10, 100.0, 1.0 + 0.1 * (minute % 2))
    columns = {
        "mail": np.arange(len(minute)), "born_s": 60.0 * minute, "delay_s": delay_s, "kind": (np.zeros(len(minute), int), ["mail"]),
        "attempts": np.ones(len(minute)), "hops": np.ones(len(minute)),
    }  # fmt: skip
    log = SimpleNamespace(workers=1.0, stage="cores", summary=lambda: SimpleNamespace(mean_busy=0.9))
    world = SimpleNamespace(
        logs=SimpleNamespace(made=[log]), recorder=SimpleNamespace(columns=lambda: columns), length_s=3600.0
    )
    monkeypatch.setattr(warm_up, "ran", lambda *_, **__: (world, None))
    scenario = changed(scenario_from_text(SMALL), {"run.warm_up": "auto", "run.length": "1 h"})

    assert warm_up.settled(scenario, 1).run.warm_up == 600.0
