"""Sweeps: every combination once, and a sweep that was stopped goes on where it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import coexsim
from coexsim.errors import OutputError, ScenarioError, UnitError
from coexsim.experiment import sweep as sweep_module
from coexsim.experiment.figures import Figure, figures
from coexsim.experiment.ranges import RangeError, read_values
from coexsim.experiment.run import simulate
from coexsim.experiment.sweep import Kept, at_values, grid_points, run_hash, share_of, sweep
from coexsim.rng import stream
from coexsim.scenario.load import changed, load_scenario
from coexsim.scenario.model import Scenario
from tests.analysis.small import SMALL, small
from tests.analysis.station import station

CORES = "servers.onprem.capacity.cores"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("8..64 step 8", [8, 16, 24, 32, 40, 48, 56, 64]),
        ("2..5", [2, 3, 4, 5]),
        ("1..10 step 4", [1, 5, 9, 10]),
        ("0..100%", [f"{n} %" for n in range(0, 101, 10)]),
        ("0 %..50 % step 25%", ["0 %", "25 %", "50 %"]),
        ("10..40 ms step 10 ms", ["10 ms", "20 ms", "30 ms", "40 ms"]),
        ("0.1..0.3 step 0.1", [0.1, 0.2, 0.3]),
        ("2, 4, 8", [2, 4, 8]),
        ("10 ms, 1 s", ["10 ms", "1 s"]),
        ("direct", ["direct"]),
        ([1, 2], [1, 2]),
        (7, [7]),
        ("[a], [b]", ["[a]", "[b]"]),
        (
            "9" * 5000,
            [float("inf")],
        ),  # Python reads no whole number of so many digits; the key that it is for refuses it
    ],
)
def test_values_are_read_as_people_list_them(text: object, values: list[object]) -> None:
    """Both ends belong to a range."""
    assert read_values(text) == values


@pytest.mark.parametrize(
    ("text", "said"),
    [("8..2", "leads nowhere"), ("1..2 step 0", "leads nowhere"), ("1 ms..2 s step 1 s", "mixes units"), ("10..40 ms", "needs a step"),
     ("a..b", "is no range"), ("1,,2", "empty value"), ("1..1000000", "more than 10000"), ("1," * 10_000 + "1", "more than 10000"),
     ("[a,b],[c]", "'.a' has a bracket without the other"), ("{a: 1, b: 2}", "bracket without")],
)  # fmt: skip
def test_values_that_cannot_be_read(text: str, said: str) -> None:
    """Said with what would do."""
    with pytest.raises(RangeError, match=said):
        read_values(text)


def test_a_key_that_is_no_text_is_told_in_words() -> None:
    """A byte of the command line that is no UTF-8 comes as half of a surrogate pair."""
    with pytest.raises(ScenarioError, match=r"half of a surrogate pair is no character; found '.*udcff'"):
        grid_points(small(), {"load.\udcff": "1, 2"})
    with pytest.raises(ScenarioError, match=r"udcff: there is no such key"):
        grid_points(small(), {"\udcff": "1, 2"})


def test_all_combinations_in_order() -> None:
    """The last key changes fastest."""
    points = grid_points(small(), {CORES: "2, 4", "hosted_share": "0..100% step 50%"})

    assert [tuple(point.values.values()) for point in points] == [
        (c, s) for c in (2, 4) for s in ("0 %", "50 %", "100 %")
    ]
    assert points[1].scenario.servers["onprem"].capacity.cores == 2
    assert points[1].scenario.directory.population == {"onprem": 100, "hosted": 100}


def test_mail_of_a_side_that_all_have_left_goes_with_them() -> None:
    """At 0 and 100 % hosted each stream has as much mail as between, born at the same moments, from and to whoever is there."""
    streams = [
        {"from": "internet", "to": "hosted", "rate": "1/s"},
        {"from": "onprem", "to": {"onprem": 1, "internet": 1}, "rate": "1/s"},
        {"from": "hosted", "to": "everybody", "rate": "1/s"},
    ]
    spec = changed(small(), {"load": {"streams": streams}})
    mail = {share: simulate(at_values(spec, {"hosted_share": share})).mail for share in ("0 %", "50 %", "100 %")}
    own = {share: table[table["kind"] == "mail"] for share, table in mail.items()}

    births = {
        share: {str(name): sorted(set(rows["born_s"])) for name, rows in table.groupby("stream", observed=True)}
        for share, table in own.items()
    }
    assert set(births["50 %"]) == {"hosted->everybody", "internet->hosted", "onprem->onprem+internet"}
    assert births["0 %"] == births["50 %"] == births["100 %"]
    flows = {share: set(table["flow"].astype(str)) for share, table in own.items()}
    assert flows["0 %"] == {"internet->onprem", "onprem->onprem", "onprem->internet"}
    assert flows["100 %"] == {"internet->hosted", "hosted->hosted", "hosted->internet"}


def test_what_is_no_scenario_is_said_before_the_first_run() -> None:
    """Each problem once."""
    with pytest.raises(ScenarioError, match="there is no such key"):
        grid_points(small(), {"servers.onprem.capacity.coers": "1..3"})
    with pytest.raises(ScenarioError, match="nobody can move"):
        at_values(small().replaced(directory=type(small().directory)()), {"hosted_share": "10 %"})
    with pytest.raises(ScenarioError, match="between 0 and 1"):
        at_values(small(), {"hosted_share": "110 %"})


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("hosted_shar", "hosted_shar: there is no such key; did you mean 'hosted_share'?"),
        ("grwth", "grwth: there is no such key; did you mean 'growth'?"),
        ("sitess", "sitess: there is no such key; did you mean 'sites'?"),
        ("load.grwth", "load.grwth: there is no such key; did you mean 'growth'?"),
        ("cores", "cores: there is no such key; did you mean 'servers.onprem.capacity.cores'?"),
        ("bandwidth", "bandwidth: there is no such key; did you mean 'links[0].bandwidth'?"),
        ("sent_per_mailbox", "sent_per_mailbox: there is no such key; did you mean 'load.sent_per_mailbox'?"),
        (
            "xyz",
            "write hosted_share, growth or a key of the scenario from its top, such as servers.onprem.capacity.cores; ",
        ),
        ("servers.onpram.capacity.cores", "no server is called 'onpram'; did you mean 'onprem'?"),
        ("servers.x.capacity.cores", "no server is called 'x'; there are onprem, smart-host, inotes-inbound, "),
        ("machine", "machines by name are what 'coexsim explore' varies"),
    ],
)
def test_what_a_key_was_meant_to_be_is_said(key: str, told: str) -> None:
    """Once, with what would do, and before the first run."""
    with pytest.raises(ScenarioError) as error:
        grid_points(small(), {key: [1, 2]})
    assert len(error.value.problems) == 1
    assert told in str(error.value)


def test_a_server_may_be_made_by_the_keys_of_a_grid() -> None:
    """Where its kind is among them."""
    [point] = grid_points(small(), {"servers.edge.kind": ["relay"], "servers.edge.runs_on": ["onprem"]})

    assert point.scenario.servers["edge"].kind == "relay"


@pytest.mark.parametrize("key", ["run.seed", "run.replications"])
def test_a_key_that_makes_no_difference_between_points_is_refused(key: str) -> None:
    """Seed and number of replications are the sweep's own: three times the same figures would be taken for an answer."""
    with pytest.raises(ScenarioError, match=r"-n 4"):
        grid_points(small(), {key: [1, 2, 3]})


def test_people_may_be_counted_and_the_load_may_grow() -> None:
    """hosted_share is a share, or above 1 a number of mailboxes; growth multiplies what the scenario has, as in explore."""
    people = sum(small().directory.population.values())
    counted = at_values(small(), {"hosted_share": 40}).directory.population
    assert (counted, share_of("40", people)) == ({"onprem": people - 40, "hosted": 40}, 40 / people)
    assert [share_of(value, people) for value in (0, 1, "1", 0.25, "100 %")] == [0, 1, 1, 0.25, 1]
    for wrong in (people + 1, "1.5", -2):
        with pytest.raises(UnitError):
            share_of(wrong, people)

    loaded = changed(small(), {"load": {"profile": "office-worker", "growth": 2}})
    assert at_values(loaded, {"growth": 1.5}).load == at_values(loaded, {"load.growth": 3}).load
    with pytest.raises(ScenarioError, match="0 is no number above 0"):
        at_values(loaded, {"growth": 0})
    with pytest.raises(ScenarioError, match="one of them would do"):
        at_values(loaded, {"growth": 2, "load.growth": 2})
    with pytest.raises(ScenarioError, match="no load that could grow"):
        at_values(changed(loaded, {"load": None}), {"growth": 2})


def test_words_change_no_run_but_all_else_does(tmp_path: Path) -> None:
    """Objectives and titles are not part of a run's hash; numbers, seed and replication are."""
    base = run_hash(small(), 1, 0)

    assert run_hash(small("mean(delay) < 1 s"), 1, 0) == base
    others = [run_hash(small(), 2, 0), run_hash(small(), 1, 1), run_hash(at_values(small(), {CORES: 5}), 1, 0)]
    assert len({base, *others}) == 4


class Counting:
    """Figures that are made up, and a note of what was run; stops after `most` runs."""

    def __init__(self, most: int = 10**9) -> None:
        self.most = most
        self.ran: list[tuple[object, int]] = []

    def __call__(self, scenario: Scenario, seed: int, replication: int, _: str = "auto") -> Kept:
        if len(self.ran) >= self.most:
            raise KeyboardInterrupt
        cores = scenario.servers["onprem"].capacity.cores
        self.ran.append((cores, replication))
        value = float(stream(seed, replication, f"x/{cores}").random())
        wait = Figure("p95 wait", "onprem.cores", float("nan"), "s")
        return Kept([Figure("mean delay", "all", value, "s"), wait])


def counted(monkeypatch: pytest.MonkeyPatch, most: int = 10**9) -> Counting:
    run = Counting(most)
    monkeypatch.setattr(sweep_module, "figures_of", run)
    return run


GRID: dict[str, Any] = {CORES: "2..6"}


def test_a_sweep_that_was_stopped_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing lost, nothing double, the same table as from one that was never stopped, byte for byte."""
    counted(monkeypatch)
    whole = sweep(small(), GRID, replications=2, jobs=1, folder=tmp_path / "whole")

    first = counted(monkeypatch, most=3)
    with pytest.raises(KeyboardInterrupt):
        sweep(small(), GRID, replications=2, jobs=1, folder=tmp_path / "stopped")
    half = tmp_path / "stopped" / "runs" / ".coexsim-half.json.1.tmp"
    half.write_text("[[")  # as a power cut would leave it, the day before
    os.utime(half, (0, 0))
    seen: list[tuple[int, int]] = []
    rest = counted(monkeypatch)
    table = sweep(
        small(), GRID, replications=2, jobs=1, folder=tmp_path / "stopped", progress=lambda *step: seen.append(step)
    )

    assert len(first.ran) == 3
    assert sorted(first.ran + rest.ran) == [(cores, r) for cores in range(2, 7) for r in range(2)]
    assert seen[0] == (3, 10)
    assert seen[-1] == (10, 10)
    pd.testing.assert_frame_equal(table, whole)
    files = [tmp_path / name / "sweep.parquet" for name in ("whole", "stopped")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert not list((tmp_path / "stopped").rglob("*.tmp"))


@pytest.mark.parametrize("fault", ["a digit", "half of it", "another run's", "a link", "not JSON", "another shape"])
def test_a_damaged_point_is_computed_again(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever became of a stored run, its figures are those of the run, or it is done again."""
    counted(monkeypatch)
    whole = sweep(small(), GRID, jobs=1, folder=tmp_path)
    files = sorted((tmp_path / "runs").glob("*.json"))
    text = files[0].read_text()
    if fault == "a digit":
        at = text.index("0.") + 2
        files[0].write_text(text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :])
    elif fault == "half of it":
        files[0].write_text(text[: len(text) // 2])
    elif fault == "another run's":
        files[0].write_text(files[1].read_text())
    elif fault == "a link":
        files[0].unlink()
        files[0].symlink_to(files[1])
    else:
        files[0].write_text("\0" if fault == "not JSON" else "[]")
    again = counted(monkeypatch)

    pd.testing.assert_frame_equal(sweep(small(), GRID, jobs=1, folder=tmp_path), whole)
    assert len(again.ran) == 1
    assert files[0].read_text() == text
    assert not counted(monkeypatch).ran


def test_what_a_run_reads_is_part_of_its_hash(tmp_path: Path) -> None:
    """The content of a replay file and of a zone file, and of the base."""
    zone, mails = tmp_path / "corporate.zone", tmp_path / "mails.csv"
    zone.write_text("@ 1h IN MX 10 domino.corporate.com.\ndomino 1h IN A 192.0.2.10\n")
    mails.write_text("born_s,sender,recipients,size_bytes\n1,internet,onprem,1000\n")
    base = tmp_path / "base.yaml"
    base.write_text(SMALL)
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: base.yaml\ndns: {corporate.com: {file: corporate.zone}}\nload: {replay: mails.csv}\n")
    hashes = [run_hash(load_scenario(mine), 1, 0)]
    for file, old, new in ((zone, "192.0.2.10", "192.0.2.11"), (mails, "1000", "1001"), (base, "60 ms", "61 ms")):
        file.write_text(file.read_text().replace(old, new))
        hashes.append(run_hash(load_scenario(mine), 1, 0))

    assert len(set(hashes)) == 4
    assert run_hash(load_scenario(mine), 1, 0) == hashes[-1]


def test_stored_runs_are_of_all_code_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules of mail, engine, drawing, and the libraries: a change of any makes other hashes; a change of words does not."""
    root = Path(coexsim.__file__).parent
    read: list[str] = []
    real = Path.read_bytes

    def noted(self: Path) -> bytes:
        read.append(self.relative_to(root).parts[0] if self.is_relative_to(root) else str(self))
        return real(self)

    sweep_module._code.cache_clear()
    monkeypatch.setattr(Path, "read_bytes", noted)
    found = sweep_module._code()
    rooms = {path.name for path in root.iterdir() if path.is_dir() and any(path.glob("*.py"))}

    assert {"mail", "scenario", "sim", "draw", "experiment"} <= set(read)
    assert rooms - set(read) == set(sweep_module.ANSWERS_ONLY) & rooms
    sweep_module._code.cache_clear()
    monkeypatch.setattr(sweep_module, "version", lambda _: "0")
    assert sweep_module._code() != found
    sweep_module._code.cache_clear()


def test_two_sweeps_in_one_folder_leave_each_other_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one that begins while the first one writes: neither removes what the other is writing."""
    counted(monkeypatch)
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", real)
        sweep(small(), {CORES: "2..3"}, jobs=1, folder=tmp_path)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    table = sweep(small(), {CORES: "2..4"}, jobs=1, folder=tmp_path)

    assert sorted(set(table[CORES])) == [2, 3, 4]
    assert len(list((tmp_path / "runs").glob("*.json"))) == 3


def test_a_linked_folder_of_runs_is_not_followed(tmp_path: Path) -> None:
    """Nothing is written elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "runs").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OutputError, match="is a symbolic link"):
        sweep(small(), GRID, jobs=1, folder=tmp_path / "out")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_more_values_run_only_the_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is asked twice in one sweep is run once."""
    counted(monkeypatch)
    sweep(small(), GRID, jobs=1, folder=tmp_path)
    more = counted(monkeypatch)

    table = sweep(small(), {CORES: [2, 2, 7]}, jobs=1, folder=tmp_path)

    assert more.ran == [(7, 0)]
    assert table[CORES].tolist() == [2, 2, 2, 2, 7, 7]


def test_a_file_that_is_spoiled_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than believed or stumbled over."""
    counted(monkeypatch)
    whole = sweep(small(), GRID, jobs=1, folder=tmp_path)
    next(iter((tmp_path / "runs").glob("*.json"))).write_text("[[1")
    again = counted(monkeypatch)

    pd.testing.assert_frame_equal(sweep(small(), GRID, jobs=1, folder=tmp_path), whole)
    assert len(again.ran) == 1


def test_no_folder_is_fine_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that is none stays none."""
    counted(monkeypatch)
    table = sweep(small(), GRID, jobs=1)

    assert table.columns.tolist() == [CORES, "replication", "what", "where", "value", "unit"]
    assert table.loc[table["what"] == "p95 wait", "value"].isna().all()


def test_figures_of_a_real_run() -> None:
    """What a planner asks of each point is there, with its unit."""
    found = {(f.what, f.where): f for f in figures(simulate(station(hours=2)))}

    assert found["mean delay", "internet->onprem"].unit == "s"
    assert found["utilisation", "onprem.cores"].value == pytest.approx(found["busy workers", "onprem.cores"].value / 5)
    assert found["visits per second", "onprem.cores"].value == pytest.approx(2376 / 3600, rel=0.1)
    assert found["share delivered", "all"].value == 1.0
    assert found["recipients", "internet->onprem"].value > 1000
    assert all(np.isfinite(f.value) for f in found.values())


def test_a_real_sweep_in_processes_is_the_same_as_in_one() -> None:
    """Two points of a station, two replications."""
    grid = {CORES: [4, 6]}
    scenario = station(hours=2)

    pd.testing.assert_frame_equal(
        sweep(scenario, grid, replications=2, jobs=2), sweep(scenario, grid, replications=2, jobs=1)
    )


@pytest.mark.parametrize(
    "key", ["links.0.bandwidth", "links[0].bandwidth", "links.office-hosted.bandwidth", "links.[office-hosted].bandwidth"]
)  # fmt: skip
def test_keys_are_written_as_errors_print_them_or_by_name(key: str) -> None:
    """The first link, whichever way it is asked for; a name that is none is refused."""
    from tests.analysis.small import small

    [point] = grid_points(small(), {key: "2 Mbit/s"})

    assert [link.bandwidth for link in point.scenario.links] == [250_000, 12_500_000]
    with pytest.raises(ScenarioError):
        grid_points(small(), {"links.office-hostd.bandwidth": "2 Mbit/s"})
