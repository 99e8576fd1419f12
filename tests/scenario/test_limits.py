"""What no machine can hold, and what means nothing, is refused where it stands, with the limit; and what a run would cost is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from coexsim.errors import CoexsimError, ScenarioError
from coexsim.experiment.estimate import estimate
from coexsim.experiment.run import simulate
from coexsim.mail.setup import Setup
from coexsim.scenario.load import changed, load_scenario, scenario_from_text

ROOT = Path(__file__).parents[2]
SMALL = """\
coexsim: 1
domain: corporate.com
sites: [office, internet]
links: [{between: [office, internet], bandwidth: 10 Mbit/s}]
servers:
  onprem: {kind: domino, site: office, host: mail.corporate.com, capacity: {cores: 2}}
  external: {kind: external, site: internet, domain: otherdomain.com, resolvers: 10}
directory: {population: {onprem: 100}}
load: {streams: [{from: internet, to: onprem, rate: 10/s, recipients: 2}]}
events: [{down: onprem, mtbf: 1 day, mttr: 5 min}]
run: {start: Mon 00:00, length: 1 day, drain: 1 day, seed: 3, replications: 2}
"""


def refused(old: str, new: str) -> str:
    """What is wrong once a text is replaced."""
    assert old in SMALL
    with pytest.raises(ScenarioError) as caught:
        scenario_from_text(SMALL.replace(old, new, 1), "a.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("10 Mbit/s", "0 Mbit/s", "a.yaml:4: links[0].bandwidth: expected more than 0; found '0 Mbit/s'"),
        ("mtbf: 1 day", "mtbf: 0 s", "a.yaml:10: events[0].mtbf: expected more than 0; found '0 s'"),
        ("mttr: 5 min", "mttr: 0 s", "a.yaml:10: events[0].mttr: expected more than 0; found '0 s'"),
        (
            "mtbf: 1 day, mttr: 5 min",
            "mtbf: 1 us, mttr: 1 us",
            "a.yaml:10: events[0].mtbf: this would be about 43,200,000,000 outages in the run; 100,000 at the most",
        ),
        ("seed: 3", "seed: -1", "a.yaml:11: run.seed: expected 0 or more; found -1"),
        ("length: 1 day", "length: 999999 days", "a.yaml:11: run.length: expected 366 days at the most; found 999,999 days"),
        ("drain: 1 day", "drain: 9999 weeks", "a.yaml:11: run.drain: expected 366 days at the most; found"),
        ("replications: 2", "replications: 9e18", "a.yaml:11: run.replications: expected 100,000 at the most; found 9e+18"),
        ("rate: 10/s", "rate: 1e9/s", "a.yaml:9: load.streams[0].rate: expected 100,000 at the most; found '1e9/s'"),
        ("rate: 10/s", "rate: 1e999/s", "a.yaml:9: load.streams[0].rate: expected 100,000 at the most; found '1e999/s'"),
        ("recipients: 2", "recipients: 100000000", "load.streams[0].recipients: 100000000 is not a number of recipients"),
        ("recipients: 2", "recipients: ²", "a.yaml:9: load.streams[0].recipients: no load profile is called '²'"),
        ("onprem: 100}", "onprem: 100000000}", "directory.population.onprem: expected 10,000,000 at the most; found 100000000"),
        ("cores: 2", "cores: 99999999", "servers.onprem.capacity.cores: expected 1,000,000 at the most; found 99999999"),
        ("resolvers: 10", "resolvers: 99999999", "servers.external.resolvers: expected 1,000,000 at the most"),
    ],
)  # fmt: skip
def test_what_no_machine_can_hold_is_refused(old: str, new: str, expected: str) -> None:
    """File, line, what was found, the limit."""
    assert expected in refused(old, new)


def test_superscripts_and_long_numbers_are_no_places_in_a_list() -> None:
    """``'²'.isdigit()`` holds, and ``int('²')`` fails."""
    scenario = scenario_from_text(SMALL)
    for key in ("²", "9" * 5000, "-1", "7"):
        with pytest.raises(ScenarioError, match="there is no such key in this scenario"):
            changed(scenario, {f"links.{key}.bandwidth": "1 Mbit/s"})


def test_a_place_that_a_list_does_not_have_is_told_with_those_it_has() -> None:
    """With the line where the list stands."""
    scenario = scenario_from_text(SMALL)
    line = next(number for number, text in enumerate(SMALL.splitlines(), start=1) if text.startswith("links:"))
    with pytest.raises(
        ScenarioError, match=rf":{line}: links\.7\.bandwidth: there is .*; links has the entries 0 to \d"
    ):
        changed(scenario, {"links.7.bandwidth": "1 Mbit/s"})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("title: no zone\nother: x\n", "c.zone:1: dns.a.example: not readable as zone lines: this is not a zone file ("),
        ("; fine\n@ IN A 192.0.2.1\n@ IN MX ten x\n@ IN A 192.0.2.2\nx IN A 1.2\n", "c.zone:3: dns.a.example: not readable"),
        ("@ IN A 192.0.2.1\n@ IN CNAME b\n", "c.zone:2: dns.a.example: not readable as zone lines: a.example. has a CNAME"),
        (b"@ IN A 192.0.2.1\n\xff\xfe", "c.zone:2: dns.a.example: zone file 'c.zone' cannot be read: it is not UTF-8 text"),
        ("@ IN TXT (\n\"a\"\n\"b\"\n", "c.zone:1: dns.a.example: not readable as zone lines"),
        ("$INCLUDE /etc/passwd\n", "this is not a zone file (zone file directive '$INCLUDE' is not allowed)"),
    ],
)  # fmt: skip
def test_zone_files_are_told_by_their_own_lines(content: str | bytes, expected: str, tmp_path: Path) -> None:
    """Every line that is wrong; a file that holds no record at all is no zone file."""
    (tmp_path / "c.zone").write_bytes(content if isinstance(content, bytes) else content.encode())
    text = SMALL.replace("servers:", "dns: {a.example: {file: c.zone}}\nservers:", 1)

    (tmp_path / "a.yaml").write_text(text)

    with pytest.raises(ScenarioError) as caught:
        Setup(load_scenario(tmp_path / "a.yaml"))
    assert expected in str(caught.value)
    if "x IN A" in str(content):
        assert ["c.zone:3" in str(caught.value), "c.zone:5" in str(caught.value)] == [True, True]


def test_messages_of_a_run_are_estimated() -> None:
    """10/s over a day are 864,000 messages, of two recipients; twice for two replications; a large run says so."""
    scenario = scenario_from_text(SMALL)
    one, two = estimate(scenario, 1), estimate(scenario)

    assert (one.messages, one.recipients) == (864_000, 2 * 864_000)
    assert two.messages == 2 * one.messages
    assert one.memory_bytes < two.memory_bytes < 1.5 * one.memory_bytes
    assert estimate(scenario, 2, keeps_mail=False).memory_bytes == one.memory_bytes
    assert estimate(scenario, 1, engine="reference").cpu_s > 5 * one.cpu_s
    assert not one.is_large
    large = estimate(changed(scenario, {"load.streams.0.rate": "50000/s"}))
    assert large.is_large
    assert str(large).startswith("this would be about 8,600,000,000 messages, ")


def test_why_a_run_will_be_slow_is_told_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a scenario that the compiled engine does not know, and not of one that is merely short."""
    scenario = scenario_from_text(SMALL)
    assert "engine" not in str(estimate(scenario, 1))
    assert "engine" not in str(estimate(scenario, 1, engine="reference"))
    monkeypatch.setattr("coexsim.engine.choice.not_covered", lambda _: "servers.onprem.ipv6")

    told = str(estimate(scenario, 1))
    assert told.endswith(", by the reference engine: the compiled engine does not know servers.onprem.ipv6")
    with pytest.raises(CoexsimError, match=r"servers\.onprem\.ipv6; use --engine reference"):
        estimate(scenario, 1, engine="compiled")


def test_an_estimated_day_is_the_day_that_is_drawn() -> None:
    """By the curves of the office profile: what an hour of the morning really sent, within 10 %."""
    scenario = changed(
        load_scenario(ROOT / "scenarios" / "load" / "corporate-20k.yaml"),
        {
            "run": {"start": "Mon 10:00", "length": "20 min", "measure": "1 min - 20 min"},
            "directory.population": {"onprem": 800, "hosted": 1200},
        },
    )
    sent = simulate(scenario).provenance["sent"]
    assert isinstance(sent, int)
    assert estimate(scenario).recipients == pytest.approx(sent, rel=0.1)


@pytest.mark.parametrize(
    ("weights", "text"), [("[1e308, 1e308]", "too large to be added up"), ("[0, 0]", "at least one of the weights")]
)
def test_weights_of_work_can_be_added_up(weights: str, text: str) -> None:
    """Their sum divides them: it is a number, and more than 0."""
    server = f"{{kind: postfix, host: a.example, service: {{scan: {{values: [1 s, 2 s], weights: {weights}}}}}}}"
    with pytest.raises(ScenarioError) as told:
        scenario_from_text(f"coexsim: 1\ndomain: a.example\nservers: {{a: {server}}}\n")

    assert text in str(told.value)
