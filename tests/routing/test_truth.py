"""The rules of mail held to what real Postfix servers did: the cases of ``truth.yaml`` and ``observed_more.yaml``."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from coexsim.scenario.plain import parse
from tests.routing.compare import Case, differences, replay
from tests.routing.lab import lab, lab_with


def _cases(file: str) -> dict[str, Case]:
    text = Path(__file__).with_name(file).read_text(encoding="utf-8")
    return {case["id"]: case for case in parse(f"cases:\n{text}", file)[0]["cases"]}


CASES = _cases("truth.yaml")
MORE = _cases("observed_more.yaml")

# Where our model differs on purpose, with the reason.
DIFFERS: dict[str, str] = {}
# And in which word: the hosted servers were Postfix too, ours are a service with catalogue entries of its own (``replies.py``).
OWN_WORDS = {"L4": ": code: '5.4.6'", "L9": ": code: '5.4.6'", "P10": "refusals: ['550 5.1.1"}


def test_all_cases_are_here() -> None:
    """52 cases, of which at most three may differ, each with its reason."""
    assert len(CASES) == 52
    assert len(DIFFERS) <= 3
    assert set(DIFFERS) <= set(CASES)
    assert not set(CASES) & set(MORE)


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_trace_says_what_the_lab_saw(case: Case) -> None:
    """Outcome, servers, who gave it up with which code, the DSN's way, every transaction and its RCPTs, notices and refusals."""
    found = differences(case, replay(case, lab(case["config"])))

    if case["id"] in DIFFERS:
        assert found, "it agrees now: take it out of DIFFERS"
    else:
        assert found == []


@pytest.mark.parametrize("case", MORE.values(), ids=list(MORE))
def test_trace_says_what_was_seen_later(case: Case) -> None:
    """The same of the cases that were observed later, each with its set-up as keys of a scenario."""
    found = differences(case, replay(case, lab_with(case.get("changes", ""))))

    if case["id"] in OWN_WORDS:
        assert len(found) == 1, found
        assert OWN_WORDS[case["id"]] in found[0]
    else:
        assert found == []


@pytest.mark.parametrize(
    ("case_id", "key", "value"),
    [
        ("F3", "servers", [["outbound", "inbound"]]),
        ("F3", "mailbox", ["iuser2 @ onprem"]),
        ("F8a", "by", "onprem"),
        ("F8a", "code", "5.1.2"),
        ("F8a", "result", "expired"),
        ("F8c", "dsn_servers", [["outbound", "inbound"]]),
        ("F8c", "dsn_to", ["iUser2@corporate.com"]),
    ],
)
def test_the_comparison_says_no(case_id: str, key: str, value: object) -> None:
    """A changed expectation is noticed: the comparison is not one that always agrees."""
    case = copy.deepcopy(CASES[case_id])
    case["outcome"][0][key] = value

    assert differences(case, replay(case, lab(case["config"])))


@pytest.mark.parametrize(
    ("case_id", "key", "value"),
    [
        ("G1", "sessions", ["external -> onprem: MAIL 1 RCPT 3 DATA 1", "onprem -> inbound: MAIL 1 RCPT 1 DATA 1"]),
        ("L1", "sessions", ["... 49 transactions between servers in all"]),
        ("L1", "sessions", ["onprem -> external: MAIL 1 RCPT 1 DATA 1", "... 50 transactions between servers in all"]),
        ("G4", "copies_delivered", []),
        ("D4", "notices", ["external: non-delivery"]),
        ("D5", "deferred", []),
    ],
)
def test_the_comparison_says_no_to_the_whole(case_id: str, key: str, value: object) -> None:
    """So are changed sessions, copies, notices and deferrals."""
    case = {**CASES[case_id], key: value}

    assert differences(case, replay(case, lab(case["config"])))


def test_the_comparison_says_no_to_a_refusal_of_another_code() -> None:
    """And the reply with which a client was refused."""
    case = copy.deepcopy(CASES["P1"])
    case["submissions"][0]["refused"] = ["RCPT TO:<victim@thirddomain.com> -> 550 5.7.1 Relay access denied"]

    assert differences(case, replay(case, lab(case["config"])))
