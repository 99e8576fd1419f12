"""Expectations: what a message was to do, held against what it does, and said of both sides."""

from __future__ import annotations

import pytest

from coexsim.audit.check import CheckReport, check
from coexsim.scenario.load import changed, load_scenario, scenario_from_text
from tests.audit.cases import ARTICLE, article_with

FLOWS = load_scenario(ARTICLE / "flows.yaml")
BROKEN = {
    "route": ["onprem"],
    "outcome": "expired",
    "code": "9.9.9",
    "by": "inotes-inbound",
    "rules": ["some-other-rule"],
    "dsn_to": "nobody@corporate.com",
    "dsn_route": ["inotes-inbound"],
    "transactions": 17,
}


def test_the_eight_flows_of_the_article_hold() -> None:
    """Each flow goes the way, by the rules and to the end that the article says."""
    report = check(FLOWS)

    assert [expectation.name.split(",")[0] for expectation in report.expectations] == [f"flow {n}" for n in range(1, 9)]
    assert report.failed == ()
    assert report.holds(strict=True)


@pytest.mark.parametrize("flow", range(8))
@pytest.mark.parametrize("key", BROKEN)
def test_any_broken_expectation_fails_and_says_both_sides(flow: int, key: str) -> None:
    """Whatever is expected otherwise than the article says: the check fails, and names expected and happened."""
    wrong = ["onprem", "external"] if key == "route" and flow == 5 else BROKEN[key]
    report = check(changed(FLOWS, {f"messages.{flow}.expect.{key}": wrong}))

    [failed] = report.failed
    [comparison] = [c for c in failed.comparisons if not c.held]
    assert comparison.key == key
    assert comparison.expected in (str(wrong), " -> ".join(map(str, wrong)) if isinstance(wrong, list) else "")
    assert comparison.happened not in ("", comparison.expected)
    assert failed.name.startswith(f"flow {flow + 1}")
    assert failed.line > 0
    assert not report.holds()


def test_each_recipient_may_have_its_own_expectation() -> None:
    """`expect_each` is by recipient; `expect` holds for each of them."""
    report = check(
        article_with(
            "messages:\n  - from: dUser1\n    to: [dUser2, iUser1, nobody@corporate.com]\n"
            "    expect_each:\n      dUser2: {route: [onprem]}\n      iUser1: {outcome: bounced}\n"
            "      nobody@corporate.com: {outcome: bounced, code: 5.1.1}\n"
            "  - {from: dUser1, to: [dUser2, iUser1], expect: {outcome: delivered, transactions: 1}}"
        )
    )

    assert [(e.recipient, e.held) for e in report.expectations] == [
        ("dUser2@corporate.com", True),
        ("iUser1@corporate.com", False),
        ("nobody@corporate.com", True),
        ("dUser2@corporate.com", True),
        ("iUser1@corporate.com", True),
    ]


def test_mail_of_another_organisation_from_one_s_own_user_says_so_where_it_fails() -> None:
    """What looks like an open relay is a user of the server, who may send anywhere; a stranger is refused, the null sender is nobody's."""
    message = {
        "from": "a@elsewhere.test",
        "to": "b@otherdomain.com",
        "at": "onprem",
        "expect": {"outcome": "refused_to_client"},
    }

    def checked(**more: object) -> CheckReport:
        return check(changed(FLOWS, {"messages": [message | more]}))

    [failed] = checked().failed
    assert failed.why == (
        "expected refused_to_client; instead delivered (handed in by a user of onprem; 'client: outside' is a stranger)"
    )
    assert checked(client="outside").holds()
    for own in ("<>", "dUser1", "iUser1"):
        assert all("stranger" not in each.why for each in checked(**{"from": own}).failed)


def test_a_message_without_expectation_is_not_counted() -> None:
    """What expects nothing can neither hold nor fail."""
    assert check(article_with("messages: [{from: dUser1, to: dUser2}]")).expectations == ()


@pytest.mark.parametrize(
    ("changes", "holds", "strictly"),
    [
        ("", True, True),
        ("servers: {inotes-outbound: {max_message_size: 50 MB}}", True, False),
        ("servers: {onprem: {relay_for: [anyone]}}", False, False),
        ("servers: {onprem: {relay_for: [anyone]}}\nacknowledge: [{code: OPEN-RELAY, reason: a honeypot}]", True, True),
        ("acknowledge: [{code: OPEN-RELAY, reason: a honeypot}]", True, False),
    ],
    ids=["notes", "a warning", "an error", "an acknowledged error", "an acknowledgement of nothing"],
)
def test_errors_fail_and_warnings_do_if_asked(changes: str, holds: bool, strictly: bool) -> None:
    """An open error fails a check, an open warning a strict one, a note none."""
    report = check(article_with(changes))

    assert (report.holds(), report.holds(strict=True)) == (holds, strictly)


def test_an_acknowledgement_that_is_misspelt_is_told() -> None:
    """A code that no finding has is said to be none, with the one that was probably meant."""
    report: CheckReport = check(article_with("acknowledge: [{code: BACKSCATER, reason: so the article wants it}]"))
    [finding] = report.open("warning")

    assert "no finding has that code; did you mean 'BACKSCATTER'?" in finding.text


def test_a_scenario_from_text_needs_no_file() -> None:
    """A report names the text it is about."""
    report = check(
        scenario_from_text(
            "coexsim: 1\ndomain: a.net\nservers: {mx: {kind: postfix, host: mx.a.net}, out: {kind: external, domain: b.net}}\n"
            "dns: {a.net: '@ 1h IN MX 1 mx.a.net.'}\ndirectory: {people: {x: {}}}\n"
        )
    )

    assert report.file == "<text>"
    assert {finding.code for finding in report.open("error")} == {"MX-NO-ADDRESS"}
