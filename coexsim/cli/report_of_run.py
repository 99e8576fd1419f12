"""What is done with the tables of a run: keep them, judge them, price the round trip, write pictures; and only then print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coexsim.cli.console import make_console
from coexsim.cli.envelope import envelope, print_json
from coexsim.cli.folder import CANNOT_WRITE, Keeping, drop_pages
from coexsim.cli.paint import say
from coexsim.cli.progress_line import progress_bar, run_bar
from coexsim.cli.run_data import run_figures, run_provenance, verdicts_data

if TYPE_CHECKING:
    from rich.console import RenderableType

    from coexsim.analysis.outage_answer import Outage
    from coexsim.analysis.outlook import Outlook
    from coexsim.analysis.round_trip import RoundTrip, WayFigures
    from coexsim.analysis.slo import Verdict
    from coexsim.experiment.results import Results
    from coexsim.scenario.model import Scenario


class Report:
    """The answer of a run and its folder. The tables are written while they are judged, whatever comes of that."""

    def __init__(
        self, spec: Scenario, results: Results, folder: Path, *, outage: Outage | None = None, again: str = ""
    ) -> None:
        self.spec, self.results, self.folder = spec, results, folder
        self.keeping = Keeping()
        self.keeping.begin(partial(results.save, folder), partial(drop_pages, folder, "run"))
        self.verdicts: Sequence[Verdict] = []
        self.summary: dict[str, Any] = {}
        self.outage = outage
        self.again = again
        """The command that asked."""
        self.trip: RoundTrip | None = None
        self.outlook: Outlook | None = None
        self.pictures = False

    def find(self) -> None:
        """Judge the objectives, check the accounting, sum up."""
        from coexsim.analysis.slo import evaluate
        from coexsim.report.summary import summarise

        usual = self.outage.undisturbed if self.outage is not None else ()
        self.verdicts = evaluate(None, self.results, self.spec, undisturbed=usual)
        self.results.conservation()
        self.summary = summarise(self.results, self.spec)

    def price(self, executor: Executor | None, meanwhile: Future[WayFigures] | None, *, quiet: bool = False) -> None:
        """Run the same mail with direct delivery, unless that is under way already, and find what the difference is."""
        from coexsim.analysis.round_trip import direct, paired, round_trip
        from coexsim.errors import NoDataError
        from coexsim.experiment.executors import result_of

        try:
            direct(self.spec)
            with run_bar("the same mail with direct delivery", self.spec, quiet=quiet) as shown:
                if meanwhile is not None:
                    self.trip = paired(self.spec, self.results, result_of(meanwhile))
                else:
                    self.trip = round_trip(self.spec, self.results, executor=executor, jobs=1, progress=shown.run)
        except NoDataError:  # no mail makes a round trip, or none arrived both ways: nothing to say of it
            self.trip = None

    def write(self, *, pictures: bool, quiet: bool = False) -> None:
        """The summary with what was found, then the pictures and the page, which may take longer than the run."""
        from coexsim.experiment.store import write_json

        facts = {
            "objectives": [_plain(v) for v in self.verdicts],
            "round_trip": self.trip.plain() if self.trip else None,
            "outage": self.outage.plain() if self.outage else None,
            "outlook": self.outlook.plain() if self.outlook else None,
        }
        self.keeping.write(partial(write_json, self.summary | facts, self.folder / "summary.json"))
        if pictures and not self.keeping.failed:
            what = f"{self.spec.title or self.spec.source.file}: pictures and page"
            with progress_bar(what, 1.0, quiet=quiet) as tell:
                from coexsim.report.html import write_report

                page = partial(
                    write_report, self.results, self.spec, self.folder, verdicts=self.verdicts, trip=self.trip,
                    outage=self.outage, outlook=self.outlook, summary=self.summary, again=self.again, progress=tell,
                )  # fmt: skip
                self.keeping.write(page)
        self.pictures = pictures

    def tell(self, verb: str, *, as_json: bool, quiet: bool, first: Callable[[], None] | None = None) -> int:
        """Print the answer first, then what it rests on (or a sentence, or JSON); return the exit code."""
        from coexsim.analysis.slo import exit_code
        from coexsim.report.words import not_counted

        code = CANNOT_WRITE if self.keeping.failed else exit_code(self.verdicts)
        if as_json:
            print_json(self._data(verb, code))
        elif quiet:
            say([*self._sentences(), not_counted(self.spec)])
        else:
            self._say_all(first)
        return self.keeping.exit_code(code)

    def _sentences(self) -> list[str]:
        from coexsim.report.answer import whole_answer

        return whole_answer(self.summary, self.verdicts, self.trip, self.outage, self.outlook)

    def _data(self, verb: str, code: int) -> dict[str, Any]:
        from coexsim.report.answer import doubts
        from coexsim.report.words import scope

        figures = run_figures(self.summary, self.trip)
        provenance = run_provenance(self.results.provenance)
        verdicts = verdicts_data(self.verdicts)
        answer = " ".join([*self._sentences(), *doubts(self.summary, outage=self.outage is not None)])
        folder = None if self.keeping.failed else str(self.folder)
        told = {"outage": self.outage, "outlook": self.outlook}
        more = {"scope": scope(self.spec)} | {name: found.plain() for name, found in told.items() if found}
        return envelope(
            verb, answer, code, verdicts=verdicts, figures=figures, provenance=provenance, folder=folder, **more
        )

    def _say_all(self, first: Callable[[], None] | None) -> None:
        from coexsim.report.answer import doubts
        from coexsim.report.saying import say_summary, say_verdicts
        from coexsim.report.tables import words
        from coexsim.report.words import scope

        console = make_console()
        if first:
            first()
            console.print()
        else:
            for sentence in self._sentences():
                console.print(sentence, style="bold")
            console.print()
        if self.outlook is not None:
            console.print(_days(self.outlook))
        if self.verdicts:
            console.print(say_verdicts(self.verdicts))
        for part in say_summary(self.summary):
            console.print(part)
        if self.trip is not None:
            say_price(self.trip)
        for doubt in doubts(self.summary, outage=self.outage is not None):
            console.print(words(("Doubt:", "bold"), f" {doubt}"))
        console.print(scope(self.spec))
        if not self.keeping.failed:
            say(f"Tables{' and pictures' if self.pictures else ''}: {self.folder}/")


def _days(outlook: Outlook) -> RenderableType:
    """Every day that was tried."""
    from coexsim.analysis.outlook import DAY_HEADS
    from coexsim.report.tables import plain_table, titled

    table = plain_table(DAY_HEADS, [])
    for row in outlook.day_rows():
        table.add_row(*row)
    return titled("Day by day", table)


def say_price(trip: RoundTrip) -> None:
    """What the round trip costs, in a few lines."""
    from coexsim.report.saying import too_few
    from coexsim.report.tables import words
    from coexsim.units import say_bytes, say_duration

    console = make_console()
    quantiles = ", ".join(
        f"{name[:-2]} {say_duration(value)}{'*' * (name in trip.uncertain)}" for name, value in trip.quantiles_s.items()
    )
    few = ["* fewer than 10 messages were later still"] if trip.uncertain else []
    interval = "too few messages for an interval"
    if trip.interval.known:
        interval = f"95 % interval {say_duration(trip.interval.low)} to {say_duration(trip.interval.high)}"
    what = ": hosted to hosted over the on-premises server, against direct delivery"
    console.print(words("\n", ("The round trip's price", "bold"), what))
    theory = (
        f" (theory, hosted share squared: {100 * trip.closed_form:.1f} %)"
        if trip.closed_form == trip.closed_form
        else ""
    )
    share = f"{100 * trip.share_of_internal:.1f} %{theory}"
    compared = f"{trip.messages:,} message{'s' * (trip.messages != 1)} compared"
    if too_few(trip.messages):
        lines = (
            f"extra delay          mean {say_duration(trip.mean_extra_s)} ({interval})",
            f"extra hops           {trip.extra_hops:+.2f} SMTP transactions a message; {compared}",
            f"extra WAN traffic    {say_bytes(trip.wan_bytes)}",
        )
        for line in lines:
            console.print(f"  {line}")
        return
    for line in (
        f"extra delay          mean {say_duration(trip.mean_extra_s)} ({interval}); {quantiles}",
        f"extra hops           {trip.extra_hops:+.2f} SMTP transactions a message; {compared}",
        f"extra WAN traffic    {say_bytes(trip.wan_bytes)}, {100 * trip.wan_share:.0f} % of all bytes between sites",
        f"work at {trip.server:<13}{100 * trip.work_share:.0f} % of its core time goes into it",
        f"share of internal mail that makes it: {share}",
        *few,
    ):
        console.print(f"  {line}")


def _plain(verdict: Verdict) -> dict[str, object]:
    low, high = verdict.interval.low, verdict.interval.high
    return {
        "objective": verdict.objective.text,
        "answer": verdict.answer,
        "estimate": verdict.estimate,
        "low": low,
        "high": high,
        "why": verdict.why,
    }
