"""trace, check, diff and explain from the shell: what they print, and their exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from syrupy.assertion import SnapshotAssertion

from coexsim.analysis.tables import TABLES
from coexsim.analysis.terms import TERMS
from coexsim.audit.findings import EXPLANATIONS
from coexsim.cli import run
from coexsim.scenario.init import scenario_text
from coexsim.scenario.profiles import shipped_profiles
from tests.analysis.small import HYBRID

ROOT = Path(__file__).parents[2]
ENVIRONMENT = "scenarios/article/environment.yaml"
FLOWS = "scenarios/article/flows.yaml"
DIRECT = "scenarios/modern/article-direct.yaml"


class Said(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Coexsim = Callable[..., Said]


@pytest.fixture
def coexsim(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Coexsim:
    """The command line, run in the project's folder."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*arguments: object) -> Said:
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call


@pytest.fixture
def hybrid(tmp_path: Path, coexsim: Coexsim) -> Path:
    """The scenario that `init` writes of a hybrid; ann and bob are on-premises, ida is hosted."""
    file = tmp_path / "hybrid.yaml"
    assert coexsim(*HYBRID, "--out", str(file)).code == 0
    return file


# --- trace --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        ("iUser1@corporate.com", "iUser2@corporate.com"),
        ("someuser@otherdomain.com", "nonexistent@corporate.com"),
    ],
    ids=["flow 3", "flow 8"],
)
def test_trace_tells_the_way(coexsim: Coexsim, asked: tuple[str, str], snapshot: SnapshotAssertion) -> None:
    """Each hop with the rule that sent it on, the DNS questions, the end, the bounce, and what the other smart host rule would do."""
    said = coexsim("trace", FLOWS, *asked)

    assert said.code == 0
    assert said.out == snapshot


def test_trace_as_json(coexsim: Coexsim) -> None:
    """The keys of a recipient, of a hop, and of the whole message."""
    data = json.loads(coexsim("trace", FLOWS, "someuser@otherdomain.com", "nonexistent", "dUser1", "--json").out)
    unknown, known = data["recipients"]

    assert set(data) == {
        "format", "verb", "answer", "exit_code", "verdicts", "figures", "provenance", "sender", "recipients", "transactions", "notices",
        "remarks",
    }  # fmt: skip
    assert set(unknown) == {
        "recipient", "servers", "outcome", "code", "by", "reply", "hops", "dsn_to", "dsn_servers",
        "copies", "deferrals", "expires_s", "warned_s",
    }  # fmt: skip
    assert (unknown["servers"], unknown["outcome"], unknown["by"]) == (["external", "onprem"], "bounced", "onprem")
    assert (unknown["dsn_to"], unknown["dsn_servers"]) == ("someuser@otherdomain.com", ["onprem", "external"])
    assert unknown["reply"].startswith("550 5.1.1 ")
    assert (known["outcome"], known["code"], known["reply"]) == ("delivered", None, None)
    assert {"server", "rule", "reason", "dns"} <= set(known["hops"][0])
    assert known["hops"][0]["dns"][0] == "corporate.com MX -> 10 domino.corporate.com"
    assert [(t["client"], t["server"]) for t in data["transactions"]] == [
        ("external", "onprem"),
        ("onprem", "external"),
    ]


def outcome(said: Said) -> Any:
    """Outcome and code of the only recipient of a JSON trace."""
    [recipient] = json.loads(said.out)["recipients"]
    return recipient["outcome"], recipient["code"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--size", "26 MB"], ("bounced", "5.3.4")),
        (["--size", "26 MB", "--undeclared-size"], ("bounced", "5.3.4")),
        (["--down", "inotes-inbound"], ("deferred_in_queue", "4.4.1")),
        (["--down", "office-internet", "--down", "office-hosted"], ("deferred_in_queue", "4.4.1")),
        (["--at-server", "inotes-inbound", "--from-outside"], ("delivered", None)),
        (["--from-outside"], ("delivered", None)),
        (["--at", "Tue 09:00"], ("delivered", None)),
    ],
)
def test_trace_options(coexsim: Coexsim, options: list[str], expected: tuple[str, str | None]) -> None:
    """Size, outages, and how the message is handed in change what happens; the exit code says only that it was traced."""
    said = coexsim("trace", FLOWS, "someuser@otherdomain.com", "iUser1", "--json", *options)

    assert said.code == 0
    assert outcome(said) == expected


def test_the_questions_asked_are_told_where_mail_fails_too(coexsim: Coexsim, tmp_path: Path) -> None:
    """Refused, without an address, waiting: the admin sees which record sent the mail there."""
    typo = tmp_path / "typo.yaml"
    typo.write_text(f"extends: {ROOT / ENVIRONMENT}\nservers: {{onprem: {{smart_host: smtp.inots.example}}}}\n")
    ask = ("someuser@otherdomain.com", "iUser1@corporate.com")

    assert "DNS: smtp.inots.example MX -> no such name" in coexsim("trace", typo, *ask).out
    for options in (["--size", "26 MB"], ["--down", "onprem"]):
        assert "DNS: domino.corporate.com A -> 192.0.2.10" in coexsim("trace", ENVIRONMENT, *ask, *options).out


def test_a_loop_is_told_once_round(coexsim: Coexsim, tmp_path: Path) -> None:
    """Two smart hosts that point at each other: one round is written out, the 25 hops of Domino's limit are not (mail-facts 1.5)."""
    loop = tmp_path / "loop.yaml"
    loop.write_text(
        f"extends: {ROOT / ENVIRONMENT}\nservers:\n  onprem: {{smart_host_rule: not-in-directory}}\n  smart-host: null\n"
        "  inotes-inbound: {unknown_recipients: relay, smart_host: domino.corporate.com}\n"
    )
    said = coexsim("trace", loop, "someuser@otherdomain.com", "nobody@corporate.com").out

    assert "  4. to 25.: as 2 to 3, 11 times more\n  26. onprem: hop-limit" in said
    assert said.count("inotes-inbound: no-person-record") == 1


def test_mail_from_outside_is_handed_in_at_the_mx(coexsim: Coexsim) -> None:
    """A client from outside finds the server by MX, and may by-pass it by naming another one."""
    ways = [
        json.loads(coexsim("trace", FLOWS, "x@elsewhere.net", "iUser1", "--from-outside", "--json", *more).out)[
            "recipients"
        ][0]["servers"]
        for more in ((), ("--at-server", "inotes-inbound"))
    ]

    assert ways == [["onprem", "smart-host", "inotes-inbound"], ["inotes-inbound"]]


def test_trace_tells_of_waiting(coexsim: Coexsim) -> None:
    """Deferred where, tried again when, expires when."""
    said = coexsim("trace", FLOWS, "someuser@otherdomain.com", "iUser1", "--down", "inotes-inbound")

    assert "waits in the queue of smart-host: 451 4.4.1" in said.out
    assert "it expires" in said.out
    assert "deferred at smart-host Mon 00:00" in said.out


def test_trace_prints_the_bounce_as_sent(coexsim: Coexsim) -> None:
    """An RFC 3464 message: from the null sender's mailer to the sender, with the status of the recipient."""
    from email import message_from_string

    message = message_from_string(coexsim("trace", FLOWS, "someuser@otherdomain.com", "nonexistent", "--dsn").out)
    [report] = [part for part in message.walk() if part.get_content_type() == "message/delivery-status"]
    fields = dict(field for block in report.walk() for field in block.items())

    assert message.get_content_type() == "multipart/report"
    assert message["To"] == "someuser@otherdomain.com"
    assert fields["Status"] == "5.1.1"
    assert fields["Final-Recipient"].endswith("nonexistent@corporate.com")


def test_no_bounce_no_message(coexsim: Coexsim) -> None:
    """What is delivered has no notice; what became of it is said."""
    said = coexsim("trace", FLOWS, "iUser1", "iUser2", "--dsn").out
    assert said == "iUser1@corporate.com -> iUser2@corporate.com: delivered; no notice is sent\n"


def test_a_sender_whom_nobody_knows_is_remarked(coexsim: Coexsim) -> None:
    """A misspelt sender would else be traced as a user of the on-premises server; people, strangers and named servers have none."""
    told = "nobody in the directory has the address iUsr1@corporate.com: taken for a user of onprem"
    assert f"Note: {told}" in coexsim("trace", FLOWS, "iUsr1", "iUser2").out
    assert json.loads(coexsim("trace", FLOWS, "iUsr1", "iUser2", "--json").out)["remarks"][0].startswith(told)
    stranger = ["trace", FLOWS, "a@elsewhere.test", "b@otherdomain.com", "--at-server", "onprem"]
    assert "Note: a@elsewhere.test is taken for a user of onprem, who may send anywhere" in coexsim(*stranger).out
    assert "Note:" not in coexsim(*stranger, "--from-outside").out
    for sender, more in (("iUser1", []), ("<>", []), ("a@otherdomain.com", []), ("iUsr1", ["--at-server", "onprem"])):
        assert "Note:" not in coexsim("trace", FLOWS, sender, "iUser2", *more).out


# --- check --------------------------------------------------------------------------------------------------------------------


def test_check_of_the_article_holds(coexsim: Coexsim) -> None:
    """Every check that held is named; the acknowledged finding is shown as such."""
    said = coexsim("check", "scenarios/article")

    assert said.code == 0
    for flow in range(1, 9):
        assert f"held    flow {flow}, " in said.out
    assert "known   MX-NO-ADDRESS" in said.out
    assert "acknowledged: the article's text names three hosts" in said.out
    assert said.out.splitlines()[-1].startswith("3 files: 10 held, 0 failed, 6 notes, 1 acknowledged")


def broken(tmp_path: Path) -> Path:
    """The eight flows, the third of which is expected to go straight."""
    text = (ROOT / FLOWS).read_text().replace("extends: environment.yaml", f"extends: {ROOT / ENVIRONMENT}")
    file = tmp_path / "broken.yaml"
    file.write_text(
        text.replace(
            "route: [inotes-outbound, onprem, smart-host, inotes-inbound]", "route: [inotes-outbound, inotes-inbound]"
        )
    )
    return file


def test_a_trace_that_ends_otherwise_says_where_the_cause_stands(coexsim: Coexsim) -> None:
    """The line of the MX record that has no address, as `check` says it; a trace that ends as expected says nothing more."""
    asked = ("trace", "scenarios/article/as-printed.yaml", "iUser1", "dUser1", "--expect")
    missed, held = coexsim(*asked, "delivered"), coexsim(*asked, "bounced")

    assert (missed.code, held.code) == (1, 0)
    assert missed.out.splitlines()[-1].startswith("FAILED  dUser1@corporate.com: expected delivered; instead bounced ")
    assert missed.out.splitlines()[-1].endswith(" (scenarios/article/as-printed.yaml:11)")
    assert "FAILED" not in held.out


def test_two_formats_at_once_are_refused(coexsim: Coexsim) -> None:
    """--json beside another --format; beside --format json it says the same twice."""
    said = coexsim("check", ENVIRONMENT, "--format", "github", "--json")

    assert (said.code, said.err) == (2, "--json and github are two formats; say one\n")
    assert coexsim("check", ENVIRONMENT, "--format", "json", "--json").code == 0


def test_a_broken_expectation_exits_1_and_says_both_sides(coexsim: Coexsim, tmp_path: Path) -> None:
    """What was expected, what happened, and where it stands."""
    file = broken(tmp_path)
    said = coexsim("check", file)

    assert said.code == 1
    assert "FAILED  flow 3, iNotes user to another iNotes user (round trip) (iUser2@corporate.com)" in said.out
    assert f"{file}:" in said.out
    assert "route: expected inotes-outbound -> inotes-inbound" in said.out
    assert "happened inotes-outbound -> onprem -> smart-host -> inotes-inbound" in said.out
    assert "7 held, 1 failed" in said.out


def test_quiet_says_only_what_failed(coexsim: Coexsim, tmp_path: Path) -> None:
    """No word of what held, nor of notes."""
    said = coexsim("check", "--quiet", broken(tmp_path), ENVIRONMENT)

    assert "FAILED  flow 3" in said.out
    assert "held    " not in said.out
    assert "BACKSCATTER" not in said.out
    assert len(coexsim("check", "-q", ENVIRONMENT).out.splitlines()) == 1


def test_check_as_json(coexsim: Coexsim, tmp_path: Path) -> None:
    """A report for each file, with its expectations and findings."""
    said = coexsim("check", broken(tmp_path), "--json")
    [report] = json.loads(said.out)["files"]
    third = report["expectations"][2]

    assert said.code == 1
    assert report["holds"] is False
    assert third["held"] is False
    assert third["comparisons"][0] == {
        "key": "route",
        "expected": "inotes-outbound -> inotes-inbound",
        "happened": "inotes-outbound -> onprem -> smart-host -> inotes-inbound",
        "held": False,
    }
    assert {"code", "severity", "file", "line", "path", "text", "about", "consequences", "acknowledged"} == set(
        report["findings"][0]
    )


def test_strict_fails_on_warnings(coexsim: Coexsim, tmp_path: Path) -> None:
    """A warning alone fails a strict check only."""
    file = tmp_path / "warned.yaml"
    file.write_text(f"extends: {ROOT / ENVIRONMENT}\nservers: {{inotes-outbound: {{max_message_size: 50 MB}}}}\n")

    assert coexsim("check", file).code == 0
    assert coexsim("check", "--strict", file).code == 1


def test_check_writes_junit(coexsim: Coexsim, tmp_path: Path) -> None:
    """A test case for each expectation and each finding that counts; the acknowledged one is skipped."""
    report = tmp_path / "check.xml"
    said = coexsim("check", broken(tmp_path), "scenarios/article/as-printed.yaml", "--junit", report)
    one, other = ElementTree.parse(report).getroot()

    assert said.code == 1
    assert (one.get("tests"), one.get("failures")) == ("8", "1")
    assert "expected inotes-outbound -> inotes-inbound" in (one.findtext("testcase/failure") or "")
    assert (other.get("tests"), other.get("failures"), other.get("skipped")) == ("3", "0", "1")


def test_a_report_that_cannot_be_written_is_said(coexsim: Coexsim, tmp_path: Path) -> None:
    """Bad usage, no traceback."""
    said = coexsim("check", ENVIRONMENT, "--junit", tmp_path / "no" / "such" / "folder.xml")

    assert said.code == 2
    assert "cannot be written" in " ".join(said.err.replace("│", " ").split())


def test_an_objective_that_cannot_be_read_is_told_by_check(coexsim: Coexsim, tmp_path: Path) -> None:
    """A CI job guards the whole file: what a run would stop at is bad usage of the scenario here too, with file and line."""
    path = tmp_path / "slip.yaml"
    path.write_text(f"extends: {ROOT / ENVIRONMENT}\nobjectives:\n  - p95(dealy) < 60 s\n")
    said = coexsim("check", path, FLOWS)

    assert said.code == 2
    assert "slip.yaml:3: " in said.err
    assert "did you mean 'delay'" in said.err
    assert "\\n" not in said.err  # one line, without marks
    assert "flow 3" in said.out  # the other file's answers are not lost


# --- diff ---------------------------------------------------------------------------------------------------------------------


def test_nothing_changed(coexsim: Coexsim) -> None:
    """Exit 0, and it says so."""
    said = coexsim("diff", ENVIRONMENT, FLOWS)

    assert said.code == 0
    assert said.out.startswith("Nothing changed: ")
    assert json.loads(coexsim("diff", ENVIRONMENT, FLOWS, "--json").out)["changes"] == []
    assert "Nothing changed" in coexsim("diff", ENVIRONMENT, FLOWS, "--markdown").out


def test_what_direct_delivery_changes(coexsim: Coexsim, snapshot: SnapshotAssertion) -> None:
    """Exit 1; the classes, before and after, the round trip that is gone, and whose load it was."""
    said = coexsim("diff", ENVIRONMENT, DIRECT)

    assert said.code == 1
    assert said.out == snapshot
    assert coexsim("diff", ENVIRONMENT, DIRECT, "--markdown").out == snapshot(name="markdown")


def test_classes_of_mail_are_told_apart(coexsim: Coexsim, tmp_path: Path) -> None:
    """A class's name may hold a comma (", above 25 MB"), so that between two of them is a semicolon."""
    larger = tmp_path / "larger.yaml"
    larger.write_text(f"extends: {ROOT / ENVIRONMENT}\nservers: {{onprem: {{max_message_size: 30 MB}}}}\n")

    said = coexsim("diff", ENVIRONMENT, larger).out
    assert "dUser1 (and 1 alike), above 25 MB; dUser1" in said


def test_diff_as_json(coexsim: Coexsim) -> None:
    """Changes with both ways, what is new and gone, and the loads."""
    said = coexsim("diff", ENVIRONMENT, DIRECT, "--json")
    data = json.loads(said.out)

    assert said.code == 1
    assert data["changed"] is True
    assert data["round_trips_gone"]
    assert data["new_loops"] == []
    assert {"servers", "outcome", "code", "hops", "wan_crossings", "transactions"} <= set(data["changes"][0]["old"])
    assert {load["server"] for load in data["loads"]} == {"external", "onprem", "inotes-inbound", "inotes-outbound"}


# --- explain ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_every_code_is_explained(coexsim: Coexsim, code: str) -> None:
    """Title, meaning, effect, remedy, source; however it is spelt."""
    said = coexsim("explain", code.lower())

    assert said.code == 0
    assert said.out.startswith(f"{code} ({EXPLANATIONS[code].severity}): {EXPLANATIONS[code].title}")
    assert "what to do" in said.out


def test_explain_lists_all_codes(coexsim: Coexsim) -> None:
    """Without a code; then all keys of a scenario."""
    codes, _, keys = coexsim("explain").out.partition("\n\nKeys of a scenario\n\n")

    keys, _, terms = keys.partition("\n\nWords of objectives and answers\n\n")
    terms, _, tables = terms.partition("\n\nTables; 'coexsim explain TABLE' tells the columns\n\n")

    assert [line.split()[0] for line in codes.splitlines()] == list(EXPLANATIONS)
    assert "      cores: processor cores" in keys
    assert [line[:30].strip() for line in terms.splitlines()] == list(TERMS)
    tables, _, profiles = tables.partition("\n\nProfiles of the load; 'coexsim explain PROFILE' tells the figures\n\n")
    assert [line.split()[0] for line in tables.splitlines()] == list(TABLES)
    assert [line.split()[0] for line in profiles.splitlines()] == list(shipped_profiles())


@pytest.mark.parametrize("words", ["utilisation", "Utilisation", "busiest hour", "queue-disk", "p95", "missed"])
def test_words_of_objectives_are_explained(coexsim: Coexsim, words: str) -> None:
    """However they are spelt; a word that is a key too is told as both, and the one that was meant is offered."""
    said = coexsim("explain", words)

    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(words.casefold().replace("queue-disk", "queue_disk") + ", a word of objectives")
    assert said.out.count("meaning") == 1


def test_a_word_that_is_also_a_key_is_told_as_both(coexsim: Coexsim) -> None:
    """`cores` is a key of a server's capacity, and a stage in objectives."""
    out = coexsim("explain", "cores").out

    assert "servers.NAME.capacity.cores" in out
    assert "cores, a word of objectives and answers" in out
    said = coexsim("explain", "utilization")
    assert said.code == 2
    assert "did you mean 'utilisation'?" in said.err
    assert coexsim("explain", "links[0].bandwidth").out == coexsim("explain", "links.bandwidth").out
    assert "97.5 % of the recipients" in coexsim("explain", "p97.5").out
    assert coexsim("explain", "p0").code == 2


def test_the_article_is_told_by_its_title(coexsim: Coexsim) -> None:
    """Whoever uses Exchange and never read it learns what is meant; where it is not named, nothing is added."""
    assert "LotusLive" in coexsim("explain", "EXCHANGE-NO-EXTERNAL-DNS").out
    assert "LotusLive" in coexsim("explain", "smart_host_rule").out
    assert "LotusLive" not in coexsim("explain", "FORGED-SENDER").out + coexsim("explain", "load.spam").out


def test_no_word_is_broken_at_80_columns(coexsim: Coexsim, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The stations of the theory's table stand in whole words."""
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "mine.yaml").write_text(scenario_text("article", "acme.com", 30, 20, "20 Mbit/s"))
    out = coexsim("explain", tmp_path / "mine.yaml").out
    table = out.partition("Expected load by theory")[2].partition("What is assumed")[0]

    assert {"connections", "onprem", "delivery"} <= set(table.split())
    assert max(map(len, table.splitlines())) <= 80


def test_explain_of_a_code_that_is_none(coexsim: Coexsim) -> None:
    """The one that was probably meant is said."""
    said = coexsim("explain", "MX-NO-ADRESS")

    assert said.code == 2
    assert "MX-NO-ADDRESS" in said.err


def test_a_trace_says_where_a_fallback_relay_was_taken(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody answers it is; where the host of the MX takes the mail it is not."""
    case = str(Path(__file__).parents[1] / "routing" / "public_cases" / "159-postfix-fallback-relay.yaml")
    run(["trace", case, "anna", "x@dead-co.org"])
    assert "the fallback fb.smallco.net takes it" in capsys.readouterr().out
    run(["trace", case, "anna", "x@elsewhere.org"])
    assert "fallback" not in capsys.readouterr().out


def test_a_group_of_which_some_get_the_message_says_how_many(coexsim: Coexsim, hybrid: Path) -> None:
    """Three members have a mailbox, the fourth is no one: neither *bounced* nor *delivered* is true of the group."""
    file = hybrid.with_name("group.yaml")
    members = "directory: {groups: {all: [ann, bob, ida, ghost@corp.example]}}"
    file.write_text(f"extends: {hybrid.name}\n{members}\n", encoding="utf-8")
    asked = ("trace", str(file), "someone@elsewhere.org", "all")

    told = "someone@elsewhere.org -> all@corp.example: 3 delivered, 1 bounced"
    assert coexsim(*asked).out.splitlines()[0] == told
    assert coexsim(*asked, "--quiet").out.startswith(f"{told} 5.4.1 ")
    assert json.loads(coexsim(*asked, "--json").out)["answer"].startswith(told)
    for more, head in (
        ([], "Of 4 copies 3 delivered, 1 bounced"),
        (["bob"], "1 of 2 recipients get the message, and 1 in part: some copies fail"),
    ):
        coexsim(*asked, *more, "--out", str(hybrid.parent / "page"))
        assert head in (hybrid.parent / "page" / "report.html").read_text(encoding="utf-8")


def test_quiet_is_a_line_a_recipient_whatever_the_replies_say(coexsim: Coexsim, hybrid: Path) -> None:
    """The hosted service's reply about size has a semicolon in it: no end of the line."""
    said = coexsim("trace", str(hybrid), "x@elsewhere.org", "ann", "bob", "--size", "40 MB", "--quiet").out

    assert "; message too large" in said
    assert len(said.splitlines()) == 2
