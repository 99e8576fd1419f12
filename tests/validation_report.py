"""Write reports/validation.md and its pictures: what real servers did beside what coexsim says, from data in the project.

python -m tests.validation_report
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.intake.fit import fit
from coexsim.intake.validate import Validation, validate
from coexsim.report.log_pictures import plot_qq, plot_sizes
from coexsim.report.style import BLUE, RED, Picture, new_picture, save, styled
from coexsim.scenario.load import load_scenario
from coexsim.units import say_duration
from tests.intake import test_gateway_log as gateway
from tests.intake.log_lab import LOGS, lab_fit, truth
from tests.intake.test_lab_maps import MESSAGES, imported_in, observed, predicted
from tests.intake.test_lab_maps import SERVERS as MAPS_SERVERS
from tests.routing.compare import differences, replay
from tests.routing.lab import lab, lab_with
from tests.routing.test_truth import CASES, MORE

ROOT = Path(__file__).parent.parent
REPORT = ROOT / "reports" / "validation.md"
PICTURES = ROOT / "reports" / "validation"
OBSERVED = Path(__file__).parent / "intake" / "observed"
SHIFT_S = 3.5  # the mail of the outage is born so much later in the scenario than in the observed table
Floats = NDArray[np.float64]


def main() -> None:
    """Write the report."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    parts = [_head(), _routing(), _waits(), _outage(), _log(), _gateway()]
    REPORT.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _head() -> str:
    return (
        "# What real servers did, beside what coexsim says\n\n"
        "Made by `make validation` from data in the project. All that was observed are Postfix 3.7.11 servers and BIND, one network\n"
        "namespace a host, on a machine with two cores. Logs of Exchange, Domino and the hosted services could not be had: their\n"
        "readers are held to the documented formats, which tests reading, not truth."
    )


def _routing() -> str:
    truth_bad = [name for name, case in CASES.items() if differences(case, replay(case, lab(case["config"])))]
    more = {name: differences(case, replay(case, lab_with(case.get("changes", "")))) for name, case in MORE.items()}
    more_bad = [name for name, found in more.items() if found]
    lines = [
        "## Routing: where mail goes",
        "",
        "| cases | observed | the same in every figure | differ |",
        "|---|---|---|---|",
    ]
    for file, all_of, bad in (("truth.yaml", CASES, truth_bad), ("observed_more.yaml", MORE, more_bad)):
        lines.append(f"| `tests/routing/{file}` | {len(all_of)} | {len(all_of) - len(bad)} | {', '.join(bad) or '-'} |")
    lines += [
        "",
        "Compared are outcome, servers passed, who gave the mail up with which code, the notice's way, and every SMTP transaction;",
        "of the imported files mailboxes, bounces, refusals, what waits, and every transaction that was taken.",
    ]
    setup = imported_in(MAPS_SERVERS)
    apart = [str(n) for n, message in enumerate(MESSAGES) if predicted(message, setup) != observed(message)]
    lines.insert(
        6,
        f"| `tests/intake/lab-maps`, its files imported | {len(MESSAGES)} | {len(MESSAGES) - len(apart)} | {', '.join(apart) or '-'} |",
    )
    for name in more_bad:
        lines.append(
            f"\n{name}: {'; '.join(more[name])}. The real hosted servers were Postfix; coexsim's is a service with its own codes."
        )
    return "\n".join(lines)


def _waits() -> str:
    """The wait for the one transfer slot of a relay at 95 % load."""
    observed = pd.read_csv(OBSERVED / "07-observed-waits.csv")
    results = simulate(load_scenario(OBSERVED / "07-relay.yaml"), keep_visits=True)
    visits = results.visits
    mine = visits[(visits["server"] == "onprem") & (visits["stage"] == "transfer")]
    waits = (mine["started_s"] - mine["arrived_s"]).to_numpy()
    real_s, guess_s = float(observed["transfer_s"].mean()), float((mine["finished_s"] - mine["started_s"]).mean())
    save(
        _compared(np.sort(observed["wait_s"].to_numpy()), np.sort(waits), "Wait for a transfer slot, c = 1, 95 % load"),
        PICTURES / "waits.png",
    )
    rows, furthest = ["| | observed | coexsim | off |", "|---|---|---|---|"], 0.0
    for name, of in (
        ("mean", np.mean),
        ("p50", lambda x: np.quantile(x, 0.5)),
        ("p95", lambda x: np.quantile(x, 0.95)),
    ):
        real, guess = float(of(observed["wait_s"].to_numpy())), float(of(waits))
        rows.append(f"| {name} | {say_duration(real)} | {say_duration(guess)} | {100 * (guess - real) / real:+.0f} % |")
        furthest = max(furthest, abs(guess - real) / real)
    verdict = "within 10 %" if furthest <= 0.1 else "missed"
    return (
        "## Waiting: one relay at 95 % load\n\n"
        f"{len(observed):,} messages over a line of 20 ms, one transfer at once; the scenario is as a planner writes it, with nothing\n"
        f"fitted. A transfer takes {1000 * real_s:.1f} ms observed and {1000 * guess_s:.1f} ms simulated (round trips, and what a\n"
        f"session costs by default); at such a load a small difference weighs heavily. The waits are {verdict}.\n\n"
        + "\n".join(rows)
        + "\n\n![waits](validation/waits.png)"
    )


def _outage() -> str:
    """The queue through an outage of a minute."""
    observed = pd.read_csv(OBSERVED / "06-refused-observed-queue.csv")
    real = observed[["incoming", "active", "deferred"]].sum(axis=1).to_numpy(np.float64)
    at_s = observed["time_s"].to_numpy(np.float64) + SHIFT_S
    queue = _under_way(simulate(load_scenario(OBSERVED / "06-outage-refused.yaml")), at_s)
    save(_over_time(observed["time_s"].to_numpy(np.float64), real, queue), PICTURES / "outage.png")
    rmse = float(np.sqrt(np.mean((real - queue) ** 2)))
    worst = float(np.abs(real - queue).max())
    return (
        "## An outage: the queue falls in steps\n\n"
        "900 messages, 5 a second; the next server refuses connections for a minute. Queue length every second, observed and simulated: "
        f"root mean square difference {rmse:.2g} messages, greatest {worst:.0f}; the longest queue was {real.max():.0f}, "
        f"simulated {queue.max():.0f}.\n\n"
        "![outage](validation/outage.png)"
    )


def _under_way(results: Results, at_s: Floats) -> Floats:
    mail = results.mail[results.mail["kind"] == "mail"]
    born, gone = (
        np.sort(mail["born_s"].to_numpy()),
        np.sort((mail["born_s"] + mail["delay_s"].fillna(np.inf)).to_numpy()),
    )
    found: Floats = (np.searchsorted(born, at_s, "right") - np.searchsorted(gone, at_s, "right")).astype(np.float64)
    return found


def _log() -> str:
    of_lab = lab_fit()
    with TemporaryDirectory() as folder:
        of_lab.save(folder)
        found: Validation = validate(Path(folder) / "fitted.yaml", LOGS)
    save(plot_qq(found), PICTURES / "delays.png")
    save(plot_sizes(of_lab), PICTURES / "sizes.png")
    known, counted = truth(), of_lab.figure("messages")
    assert of_lab.sizes is not None
    sizes = ", ".join(
        f"p{p} {100 * np.quantile(of_lab.sizes.sizes, p / 100) / known['size_bytes'][f'p{p}'] - 100:+.2f} %"
        for p in (50, 95, 99)
    )
    recovered = (
        f"`coexsim fit` on the five logs finds {counted.value:.0f} of {known['messages']} messages and "
        f"{of_lab.figure('recipients').value:.0f} of {known['recipients']} recipients, the flow matrix but for two recipients that no log\n"
        f"names, and the 3,096 messages of every one of 178 mailboxes. Sizes against the truth: {sizes}."
    )
    limits = (
        "The fitted scenario, under the log's own mail (`coexsim validate`); service times come from the same log, so this says that the\n"
        "model can reproduce the day, not that it foresees another one:"
    )
    lines = ["## A load of 2,000 messages over five servers: fit and validate", "", recovered, "", limits, ""]
    lines += [f"- {comparison.verdict}: {comparison.say(found.tolerance)}" for comparison in found.comparisons]
    lines += ["", "![delays](validation/delays.png)", "", "![sizes](validation/sizes.png)"]
    return "\n".join(lines)


def _gateway() -> str:
    """The second load, through a gateway and with an outage, from the servers' own files."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        fit(gateway.LOGS, scenario=gateway.site_in(folder), folder=folder).save(folder)
        found = validate(folder / "fitted.yaml", gateway.LOGS)
    lines = [
        "## A gateway and an outage: import, fit and validate",
        "",
        "1,300 messages over five servers, all through a gateway; the hosted inbound server was down for three minutes. The files of",
        "gateway and store are imported, the logs fitted over them. Other programs had the machine's two cores at times.",
        "",
    ]
    lines += [f"- {comparison.verdict}: {comparison.say(found.tolerance)}" for comparison in found.comparisons]
    return "\n".join(lines)


@styled
def _compared(real: Floats, guess: Floats, title: str) -> Picture:
    picture = new_picture(4.0, title)
    axes = picture.add_subplot()
    for values, colour, name in ((real, BLUE, "observed"), (guess, RED, "coexsim")):
        axes.step(values, np.arange(1, len(values) + 1) / len(values), color=colour, label=name)
    axes.set_xlabel("wait [s]")
    axes.set_ylabel("share that waited at most so long")
    axes.legend()
    return picture


@styled
def _over_time(at_s: Floats, real: Floats, guess: Floats) -> Picture:
    picture = new_picture(4.0, "Messages in the queue through an outage of 60 s")
    axes = picture.add_subplot()
    axes.plot(at_s, real, color=BLUE, label="observed")
    axes.plot(at_s, guess, color=RED, ls="--", label="coexsim")
    axes.set_xlabel("time [s]")
    axes.set_ylabel("messages")
    axes.legend()
    return picture


if __name__ == "__main__":
    main()
