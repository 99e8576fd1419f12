"""--json: every verb answers in one shape, which the shipped schema describes; --quiet: in a line or two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import coexsim.cli
from coexsim.cli import COMMANDS, run
from coexsim.cli.app import command
from coexsim.cli.envelope import envelope, ready
from coexsim.errors import CoexsimError
from tests.analysis.small import SMALL

ROOT = Path(__file__).parents[2]
FLOWS = str(ROOT / "scenarios" / "article" / "flows.yaml")
DIRECT = str(ROOT / "scenarios" / "modern" / "article-direct.yaml")
SCHEMA = json.loads((Path(coexsim.cli.__file__).parent / "answer.schema.json").read_text(encoding="utf-8"))
FEW = SMALL.replace("{onprem: 80, hosted: 120}", "{onprem: 8, hosted: 12}").replace("length: 2 h", "length: 20 min")
VERBS: dict[str, list[str]] = {
    "trace": [FLOWS, "iUser1", "iUser2"],
    "check": [FLOWS],
    "diff": [FLOWS, DIRECT],
    "explain": [FLOWS],
    "init": [
        "article",
        "--domain",
        "corporate.com",
        "--onprem",
        "5",
        "--hosted",
        "5",
        "--uplink",
        "10 Mbit/s",
        "--out",
        "made.yaml",
    ],
    "import": ["dns", "a.zone", "--domain", "corporate.com", "--out", "made.yaml"],
    "run": ["few.yaml", "--no-pictures", "--replications", "2", "--jobs", "1", "--out", "out"],
    "outage": ["few.yaml", "--server", "onprem", "--at", "5 min", "--for", "2 min", "--no-pictures", "--out", "out"],
    "size": ["few.yaml", "--no-pictures", "--no-headroom", "--jobs", "1", "--out", "out"],
    "sweep": ["few.yaml", "load.growth=1,2", "--jobs", "1", "--out", "out"],
    "explore": ["few.yaml", "--vary", "growth=1,2", "--replications", "1", "--jobs", "1", "--out", "out"],
    "schema": [],
    "compare": ["few.yaml", "few.yaml", "--replications", "2", "--jobs", "1", "--out", "out"],
}


def validate(data: Any) -> None:
    """Raises `jsonschema.ValidationError`."""
    jsonschema.Draft202012Validator(SCHEMA).validate(data)


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty mailboxes for twenty minutes, an objective, two machines; in the working directory."""
    text = FEW[: FEW.index("events:")] + (
        "load: {profile: office-worker}\nobjectives: [p95(delay) < 60 s]\n"
        "size: {server: onprem, candidates: [{name: one, cores: 1, cost: 1}, {name: two, cores: 2, cost: 2}]}\n"
    )
    (tmp_path / "few.yaml").write_text(text)
    (tmp_path / "a.zone").write_text("$ORIGIN corporate.com.\n@ 3600 IN MX 10 mail\nmail 3600 IN A 192.0.2.10\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_verb_takes_both() -> None:
    """There is none without --json and --quiet, and none that this test does not try."""
    for name in COMMANDS:
        options = [option for parameter in command(name).params for option in parameter.opts]
        assert {"--json", "--quiet"} <= set(options), name
    assert {*VERBS, "fit", "validate"} == set(COMMANDS)


def test_the_schema_is_one() -> None:
    """Of the draft that it says."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_answers_in_the_shape(verb: str, few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Valid by the schema, in ASCII, with the exit code that the command has; what is taken away or made up is refused."""
    code = run([verb, *VERBS[verb], "--json"])
    text = capsys.readouterr().out
    data = json.loads(text)

    validate(data)
    assert text.isascii()
    assert (data["verb"], data["exit_code"], data["format"]) == (verb, code, "coexsim/1")
    assert data["answer"]
    assert "busiest hour" not in text, "twenty minutes have none"
    own = [
        key
        for each in SCHEMA["allOf"]
        if each["if"]["properties"]["verb"]["const"] == verb
        for key in each["then"].get("anyOf", [each["then"]])[0]["required"]
    ]
    for key in ("format", "answer", "provenance", *own):
        with pytest.raises(jsonschema.ValidationError):
            validate({name: value for name, value in data.items() if name != key})
    with pytest.raises(jsonschema.ValidationError):
        validate({**data, "figures": [{"name": "delay", "value": 1}]})


def test_a_run_with_an_outage_has_its_answer_as_data(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same keys as `outage --json`, and the headline that the answer begins with; a run without one has no such key."""
    (few / "down.yaml").write_text("extends: few.yaml\nevents: [{down: onprem, at: 5 min, for: 2 min}]\n")
    said = {}
    for name, words in {
        "outage": VERBS["outage"], "run": ["down.yaml", "--no-pictures", "--no-round-trip", "--jobs", "1", "--out", "down"],
    }.items():  # fmt: skip
        run([name, *words, "--json"])
        said[name] = json.loads(capsys.readouterr().out)
        validate(said[name])

    assert set(said["run"]["outage"]) == set(said["outage"]["outage"])
    assert said["run"]["answer"].startswith(said["run"]["outage"]["headline"])
    run(["run", *VERBS["run"], "--json"])
    assert "outage" not in json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("limits", [True, False])
def test_an_outage_tries_no_other_limits_where_it_is_told_so(
    few: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, limits: bool
) -> None:
    """As `run --no-limits` of a scenario with an outage; what trying them gives is tested with the analysis."""
    tried = []

    def asked(*_: object, try_limits: bool, **__: object) -> None:
        tried.append(try_limits)
        raise CoexsimError("that is all that is to be known")

    monkeypatch.setattr("coexsim.analysis.outage_answer.follow", asked)
    run(["outage", *VERBS["outage"], *([] if limits else ["--no-limits"])])
    assert "that is all" in capsys.readouterr().err
    assert tried == [limits]


def test_a_sweep_of_people_says_what_the_mail_of_a_side_does(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where streams name a side, and people move: at a growth, or with mail of everybody, there is nothing to know."""
    streams = {name: f"{{from: internet, to: {name}, rate: 0.1/s}}" for name in ("hosted", "everybody")}
    for name, stream in streams.items():
        text = (few / "few.yaml").read_text().replace("{profile: office-worker}", f"{{streams: [{stream}]}}")
        (few / f"{name}.yaml").write_text(text)
    tried = {
        ("hosted", "hosted_share=0%,100%"): True,
        ("hosted", "growth=1"): False,
        ("everybody", "hosted_share=0%"): False,
    }
    for (name, key), is_said in tried.items():
        assert run(
            ["sweep", f"{name}.yaml", key, "--jobs", "1", "--quiet", "--no-pictures", "--out", f"{name}-{key[:6]}"]
        ) in (0, 3)
        assert ("Streams from or to a side keep their rate" in capsys.readouterr().out) is is_said


def test_scenarios_that_cannot_be_read_are_answered_in_the_shape(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both check and diff say the mistakes where their answer would be."""
    (few / "typo.yaml").write_text("extends: few.yaml\ntitel: x\n")
    for words in (["diff", "few.yaml", "typo.yaml"], ["check", "typo.yaml"]):
        assert run([*words, "--json"]) == 2
        data = json.loads(capsys.readouterr().out)
        validate(data)
        assert data["problems"][0]["line"] == 2


@pytest.mark.parametrize("verb", [*VERBS, "fit", "validate"])
def test_what_goes_wrong_is_answered_in_the_shape(verb: str, few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An option that there is not, in every verb: exit code 2, the same words on standard error, valid by the schema."""
    assert run([verb, "--no-such-option", "--json"]) == 2
    said = capsys.readouterr()
    data = json.loads(said.out)
    validate(data)
    assert (data["verb"], data["exit_code"]) == (verb, 2)
    assert data["answer"] == data["error"] == said.err.rstrip("\n")
    with pytest.raises(jsonschema.ValidationError):
        validate({name: value for name, value in data.items() if name != "error"} | {"figures": [1]})


def test_a_run_of_a_scenario_that_cannot_be_read(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its mistakes with file and line; without --json, and after ``--``, nothing on standard output."""
    (few / "typo.yaml").write_text("extends: few.yaml\ntitel: x\n")
    assert run(["run", "typo.yaml", "--json"]) == 2
    data = json.loads(capsys.readouterr().out)
    validate(data)
    assert (data["problems"][0]["file"], data["problems"][0]["line"]) == ("typo.yaml", 2)
    for words in (["run", "typo.yaml"], ["run", "--", "--json"], ["no-verb", "--json"]):
        assert run(words) == 2
        assert capsys.readouterr().out == ""
    assert run(["check", "none.yaml", "--format", "json"]) == 2
    validate(json.loads(capsys.readouterr().out))


@pytest.mark.slow
def test_logs_are_answered_in_the_shape(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """fit, then validate of what it fitted: valid, and with the exit code of the command; quiet says a line."""
    logs = str(ROOT / "tests" / "intake" / "postfix-lab")
    for words in (
        ["fit", logs, "--out", "out"],
        ["validate", "out/fitted.yaml", logs, "--replications", "1", "--out", "checked"],
    ):
        code = run([*words, "--no-pictures", "--json"])
        data = json.loads(capsys.readouterr().out)
        validate(data)
        assert (data["verb"], data["exit_code"]) == (words[0], code)
    assert run([*words, "--no-pictures", "--quiet"]) == code
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("verb", VERBS)
def test_quiet_says_the_answer_alone(verb: str, few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A few lines at the most, what is not counted among them, and the exit code of the whole answer."""
    code = run([verb, *VERBS[verb], "--quiet"])
    said = capsys.readouterr().out.splitlines()

    assert code == {"diff": 1}.get(verb, code)
    assert code in (0, 1, 3)
    assert 1 <= len(said) <= 7, said


def test_a_run_says_its_answer_first(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What --quiet says, then the tables that it rests on, then what is not counted."""
    run(["run", *VERBS["run"], "--quiet"])
    answer, scope = capsys.readouterr().out.split("Not counted:")
    run(["run", *VERBS["run"]])
    whole = capsys.readouterr().out

    assert " ".join(whole.split()).startswith(" ".join([*answer.split(), "Objectives"]))
    assert " ".join(scope.split()) in " ".join(whole.split())


def test_verdicts_and_figures_are_those_of_the_run(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The mean delay of a flow is that of the tables; two replications have an interval."""
    from coexsim.experiment.results import load_results

    run(["run", *VERBS["run"], "--json"])
    data = json.loads(capsys.readouterr().out)
    delays = load_results(few / "out").delays()
    found = {(each["name"], each["of"]): each for each in data["figures"]}

    for flow, row in delays.iterrows():
        assert found["mean delay", str(flow)]["value"] == pytest.approx(row["mean_s"])
        assert found["mean delay", str(flow)]["high"] == pytest.approx(row["mean_high_s"])
    [verdict] = data["verdicts"]
    assert (verdict["objective"], verdict["answer"], verdict["unit"]) == ("p95(delay) < 60 s", "met", "s")
    assert data["provenance"]["replications"] == [0, 1]


def test_a_run_says_until_when_it_holds(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Growth and a plan: the sentence comes first, the days that were tried are data; a step that cannot be read is bad usage."""
    words = [
        "run",
        "few.yaml",
        "--no-pictures",
        "--jobs",
        "1",
        "--out",
        "out",
        "--no-round-trip",
        "--growth",
        "10%/year",
        "--from",
        "2027-01-01",
    ]
    code = run([*words, "--plan", "2027-02-01=80%", "--years", "0.2", "--json"])
    data = json.loads(capsys.readouterr().out)

    validate(data)
    assert code in (0, 3)
    assert data["answer"].startswith("From January 2027 on, at 10 % a year, with 80 % from February 2027 hosted, it ")
    assert data["outlook"]["looks"][0]["day"] == "2027-01-01"
    assert run([*words, "--plan", "soon=80%"]) == 2
    assert "--plan: 'soon=80%' is no step of a plan" in capsys.readouterr().err


def test_numbers_that_json_lacks() -> None:
    """None is null, no end a word; surrogates are escaped; numbers of numpy are numbers."""
    import numpy as np

    found = ready(
        {
            "a": float("nan"),
            "b": float("inf"),
            "c": np.int64(3),
            "d": np.float64(0.5),
            "e": np.bool_(True),
            "f": "\ud800",
            "g": (1,),
        }
    )

    assert found == {"a": None, "b": "inf", "c": 3, "d": 0.5, "e": True, "f": "\\ud800", "g": [1]}
    validate(ready(envelope("any", "x", 0)))
