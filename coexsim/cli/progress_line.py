"""How far a long command is, on standard error: a bar at a terminal, elsewhere a line now and then, the first within five seconds.

Lines come from a thread that waits, so they come on time however long a step of the work takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from coexsim.cli.streams import say_aside
from coexsim.text import visible
from coexsim.units import say_duration, say_time

if TYPE_CHECKING:
    from coexsim.scenario.model import Scenario

FIRST_LINES_S = (5.0, *(10.0 * each for each in range(1, 13)))
EVERY_S = 60.0
"""A line after each of the first times, two minutes in all, then once in so long."""
SURE_AFTER_S = 2.0
"""What is left is not told from less than this."""


class Teller:
    """Told how far the work is; remembers it for whoever shows it."""

    def __init__(self, what: str, total: float) -> None:
        self.what, self.total = what, total
        self.done = 0.0
        self.words = ""
        """What is being done, or how far it is in the words of the work."""
        self._began_s = self._began_this_s = monotonic()

    def __call__(self, done: float, words: str = "", *, of: float | None = None) -> None:
        """So much is done, of the total."""
        self.total = self.total if of is None else of
        self.done, self.words = done, words

    def begin(self, what: str) -> None:
        """Something else is done from now on; how far it is nobody said yet."""
        self.what, self.done, self.total, self.words = what, 0.0, 0.0, ""
        self._began_this_s = monotonic()

    def count(self, what: str, at_most: int | None = None) -> None:
        """One more of something is done, of nobody knows how many; of so many at the most, where that is known."""
        self.done += 1
        self.words = f"{what}, {self.done:,.0f} runs so far" + (f" of {at_most:,} at the most" if at_most else "")

    def line(self) -> str:
        """``two sites: Mon 14:20 of ..., 60 % after 15 s, about 10 s left``."""
        return visible(f"{self.what}: {', '.join([*filter(None, [self.words]), *self._how_far()])}")

    def short_line(self) -> str:
        """The same, what is wanted first first: the end of a line is cut off where the terminal is narrow."""
        return visible(": ".join([", ".join(self._how_far()), *filter(None, [self.words]), self.what]))

    def _how_far(self) -> list[str]:
        now_s = monotonic()
        took_s, this_took_s = now_s - self._began_s, now_s - self._began_this_s
        share = self.done / self.total if self.total else 0.0
        far = f"{100 * min(share, 1):.0f} % " if self.total else ""
        parts = [f"{far}after {say_duration(round(took_s))}"]
        if this_took_s >= SURE_AFTER_S and 0 < share < 1:
            left_s = this_took_s * (1 - share) / share
            parts.append(f"about {say_duration(float(f'{left_s:.2g}'))} left")
        return parts


class RunTeller(Teller):
    """Of one run: told the simulated time and the recipients so far, as `simulate` tells them."""

    def __init__(self, what: str, scenario: Scenario, *, is_followed: bool) -> None:
        super().__init__(what, 0.0 if is_followed else scenario.run.length)
        self._scenario = scenario
        self._is_followed = is_followed

    def run(self, time_s: float, recipients: int, in_vain: int) -> None:
        """`coexsim.progress.RunProgress`."""
        run = self._scenario.run
        over_s = time_s - run.length
        of = f" ({say_duration(over_s)} after its end)" if over_s > 0 else f" of {say_duration(run.length)}"
        far = "" if self._is_followed else of
        tries = f", {in_vain:,} attempts came to nothing" if in_vain > recipients else ""
        self(time_s, f"{say_time(time_s, run.start)} simulated{far}, {recipients:,} recipients so far{tries}")


Told = TypeVar("Told", bound=Teller)


@contextmanager
def progress_bar(what: str, total: float = 0.0, *, quiet: bool = False) -> Iterator[Teller]:
    """Show how far the work of a `with` is; it is told by whoever does it. `quiet`: nothing is shown."""
    with _shown(Teller(what, total), quiet) as teller:
        yield teller


@contextmanager
def progress_lines(what: str, total: float = 0.0, *, quiet: bool = False) -> Iterator[Teller]:
    """The same in lines alone, at a terminal too: for what is nearly always over before the first of them."""
    teller = Teller(what, total)
    if quiet:
        yield teller
    else:
        with _lines(teller):
            yield teller


@contextmanager
def run_bar(what: str, scenario: Scenario, *, is_followed: bool = False, quiet: bool = False) -> Iterator[RunTeller]:
    """Show how far a run is. `is_followed`: nobody knows for how long it goes on."""
    with _shown(RunTeller(what, scenario, is_followed=is_followed), quiet) as teller:
        yield teller


@contextmanager
def _shown(teller: Told, quiet: bool) -> Iterator[Told]:
    from rich.console import Console

    console = Console(stderr=True)
    if quiet:
        yield teller
    elif console.is_terminal:
        with _bar(teller, console):
            yield teller
    else:
        with _lines(teller):
            yield teller


@contextmanager
def _lines(teller: Teller) -> Iterator[None]:
    over = Event()
    thread = Thread(target=_tell, args=(teller, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell(teller: Teller, over: Event) -> None:
    """Print a line whenever it is time for one."""
    before_s = 0.0
    for at_s in FIRST_LINES_S:
        if over.wait(at_s - before_s):
            return
        before_s = at_s
        _print(teller)
    while not over.wait(EVERY_S):
        _print(teller)


def _print(teller: Teller) -> None:
    try:
        say_aside(teller.line(), flush=True)
    except (OSError, ValueError):  # nobody reads it: the work goes on
        return


@contextmanager
def _bar(teller: Teller, console: Any) -> Iterator[None]:
    """One line of rich at a terminal, which draws itself anew; it is gone at the end."""
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.spinner import Spinner
    from rich.table import Table
    from rich.text import Text

    spinner = Spinner("dots")

    def row() -> Table:
        table = Table.grid(padding=(0, 1))
        known = ProgressBar(total=teller.total, completed=min(teller.done, teller.total), width=20)
        table.add_row(known if teller.total else spinner, Text(teller.short_line(), no_wrap=True, overflow="ellipsis"))
        return table

    with Live(get_renderable=row, console=console, transient=True, refresh_per_second=4):
        yield
