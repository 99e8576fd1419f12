"""The `load:` of a scenario: what can be said, what it comes to, and what the shipped profiles say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from coexsim.errors import ScenarioError
from coexsim.scenario.load import scenario_from_text
from coexsim.scenario.load_profile import (
    LoadSpec,
    SizeSpec,
    mean_recipients,
    read_profile,
    shipped_profiles,
    week_factors,
)
from coexsim.scenario.part import PartError

DAY_S = 86400
BODY = {"lognormal": {"median": "1 KB", "sigma": 1}}
OFFICE = {"sent_per_mailbox": "40/day", "internal_share": "50 %"}


def load(**keys: Any) -> LoadSpec:
    return LoadSpec.from_data(keys)


def said(error: pytest.ExceptionInfo[PartError]) -> str:
    return str(error.value)


# --- the shipped profiles -------------------------------------------------------------------------------------------------


def figures(node: dict[str, Any], above: str = "") -> Iterator[str]:
    """The paths of all figures of a profile; a table is one figure."""
    for key, value in node.items():
        is_fields = isinstance(value, dict) and all(isinstance(k, str) and k[0].isalpha() for k in value)
        if is_fields:
            yield from figures(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def without_source(profile: dict[str, Any]) -> list[str]:
    """The figures of a profile for which neither they nor what they are part of has a source."""
    words = {key: value for key, value in profile.items() if key not in ("title", "profile", "sources")}

    def has_source(path: str) -> bool:
        parts = path.split(".")
        return any(profile["sources"].get(".".join(parts[: end + 1])) for end in range(len(parts)))

    return [path for path in figures(words) if not has_source(path)]


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_figure_of_a_shipped_profile_has_a_source_and_it_loads(name: str) -> None:
    """A profile is a load (with a rate of the scenario's where it has none); each figure has a source, which the load keeps."""
    profile = read_profile(name)
    own = {} if "sent_per_mailbox" in profile else OFFICE

    spec = load(profile=name, **own)

    assert without_source(profile) == []
    assert spec.title
    assert set(spec.sources) == {path for path in profile["sources"] if path not in own}


def test_a_figure_without_a_source_is_found() -> None:
    """The check above can say no: for a figure of its own, and for one inside a law."""
    profile = read_profile("office-worker")
    del profile["sources"]["spam.sizes"], profile["sources"]["week_curve"]

    assert without_source(profile) == [
        "week_curve",
        "spam.sizes.body.lognormal.median",
        "spam.sizes.body.lognormal.sigma",
        "spam.sizes.limit",
    ]


@pytest.mark.parametrize(
    ("name", "recipients", "size_bytes"),
    [
        ("specmail2001", 2.00, 24_500),  # SPECmail2001 white paper, section 4.2: mean 2.00; 24.5 KB from its table
        ("domino-n8mail", 1.50, 97_300),  # Server.Load: 12 deliveries for 8 messages; mean 97.3 KB
        ("office-worker", 2.00, 75_000),  # the Exchange planning figure of 75 KB
        ("internal-relay-hospital", 4.40, 185_000),  # 63,364 deliveries for 14,448 messages, about 185 KB each
    ],
)
def test_profiles_have_the_means_of_their_sources(name: str, recipients: float, size_bytes: float) -> None:
    """Mean recipients and mean size are those that the sources print, to the digits they print."""
    spec = load(
        **{**OFFICE, "profile": name, "received_to_sent": 1.5} if name.startswith("internal") else {"profile": name}
    )

    assert mean_recipients(spec.recipients) == pytest.approx(recipients, abs=0.015 if recipients > 4 else 0.005)
    assert spec.sizes.mean_bytes == pytest.approx(size_bytes, rel=0.002)


@pytest.mark.parametrize(("name", "messages"), [(f"exchange-{n}", n) for n in (50, 100, 150, 200, 300, 500)])
def test_exchange_bands_are_messages_sent_and_received(name: str, messages: int) -> None:
    """A band counts what a mailbox sends and receives on a day, together."""
    spec = load(profile=name)

    assert spec.sent_per_mailbox is not None
    assert spec.received_to_sent is not None
    assert spec.sent_per_mailbox * DAY_S * (1 + spec.received_to_sent) == pytest.approx(messages, rel=1e-4)
    assert spec.spam is None


# --- what a load comes to -------------------------------------------------------------------------------------------------


def test_rates_of_an_office_are_those_of_the_planning_example() -> None:
    """20,000 users, 100 messages a day, 63 % internal, 1 : 2.5: 0.90 M internal copies a day and 0.53 M from the Internet."""
    spec = load(sent_per_mailbox="28.5714/day", received_to_sent=2.5, internal_share="63 %", recipients="specmail2001")
    rates = spec.office_rates
    users = 20_000 * DAY_S

    assert users * rates.sent_per_s * rates.inside_share * 2.00 == pytest.approx(0.90e6, rel=0.005)
    assert users * rates.internet_per_s * 2.00 == pytest.approx(0.53e6, rel=0.005)


def test_an_office_that_says_no_more_gets_from_the_internet_as_much_as_it_sends() -> None:
    """With neither way to say what is received, copies in and out balance, and inside share of sent and received are one."""
    rates = load(sent_per_mailbox="2/day", internal_share="10 %", recipients="specmail2001").office_rates

    assert rates.inside_share == pytest.approx(0.1)
    assert rates.internet_per_s * DAY_S == pytest.approx(2 * 0.9)  # SPECmail2001: the sent rate times (1 - local share)


def test_what_comes_from_the_internet_can_be_said_outright() -> None:
    """30 copies a day from the Internet at 40 % internal are 50 received, 20 of them from inside: half of the 40 sent."""
    rates = load(sent_per_mailbox="40/day", internal_share="40 %", internet_received_per_mailbox="30/day").office_rates

    assert rates.internet_per_s * DAY_S == pytest.approx(30)
    assert rates.inside_share == pytest.approx(0.5)


def test_spam_and_growth() -> None:
    """Spam is its share of all Internet messages; growth multiplies every rate and no share."""
    one = load(profile="office-worker").office_rates
    grown = load(profile="office-worker", growth=1.3).office_rates

    assert one.spam_per_s / (one.spam_per_s + one.internet_per_s) == pytest.approx(0.45)
    assert grown.inside_share == one.inside_share
    for name in ("sent_per_s", "internet_per_s", "spam_per_s"):
        assert getattr(grown, name) == pytest.approx(1.3 * getattr(one, name))


def test_curves_have_the_stated_day_as_their_mean() -> None:
    """Day shares may have any scale; a day of factor 1 carries the stated mail, a weekend its part."""
    factors = week_factors(tuple([1.0] * 12 + [3.0] * 12), (1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.0))

    assert factors is not None
    assert sum(factors[:24]) == pytest.approx(24)
    assert (factors[0], factors[23]) == pytest.approx((0.5, 1.5))
    assert sum(factors[120:144]) == pytest.approx(12)
    assert sum(factors[144:]) == 0
    assert week_factors(None, None) is None


def test_places_that_a_load_needs() -> None:
    """What a scenario must have: mailboxes, an Internet, an address that does not exist."""
    assert load(profile="office-worker").places == {"everybody", "internet", "unknown"}
    assert load(profile="domino-n8mail").places == {"everybody"}
    assert load(streams=[{"from": "hosted", "to": "unknown", "rate": "1/s"}]).places == {"hosted", "unknown"}


# --- writing over a profile -----------------------------------------------------------------------------------------------


def test_what_is_written_goes_before_the_profile() -> None:
    """Numbers and lists replace, mappings of fields merge, a table replaces a whole law, null takes away."""
    base = load(profile="office-worker")
    spec = load(
        profile="office-worker",
        sent_per_mailbox="40/day",
        day_curve="small-firm",
        recipients={1: 60, 4: 40},
        sizes={"tail": {"pareto": {"alpha": 0.8}}},
        spam={"share_of_internet_mail": "90 %"},
        week_curve=None,
    )

    assert spec.sent_per_mailbox == 40 / DAY_S
    assert spec.day_curve == load(**OFFICE, day_curve=list(read_profile("small-firm")["day_curve"])).day_curve
    assert spec.recipients == {1: 60.0, 4: 40.0}
    assert spec.sizes.tail is not None
    assert spec.sizes.tail.pareto.alpha == 0.8
    assert spec.sizes.body == base.sizes.body
    assert spec.spam is not None
    assert (spec.spam.share_of_internet_mail, spec.spam.to_unknown_addresses) == (0.9, 0.3)
    assert spec.week_curve is None
    assert load(profile="office-worker", sizes={"1 KB": 1, "2 KB": 3}).sizes.mean_bytes == 1750
    assert load(profile="office-worker", sizes="75 KB").sizes.constant == 75_000
    assert load(profile="office-worker", sizes="domino-n8mail").sizes.mean_bytes == pytest.approx(97_305)
    assert load(profile="office-worker", spam=None).spam is None


def test_a_source_goes_when_its_figure_is_replaced() -> None:
    """A source speaks only for the profile's own figure; the scenario may name its own."""
    spec = load(
        profile="office-worker",
        sent_per_mailbox="40/day",
        spam={"to_unknown_addresses": 0.5},
        sources={"sent_per_mailbox": "our logs of May"},
    )

    assert spec.sources["sent_per_mailbox"] == "our logs of May"
    assert "spam.to_unknown_addresses" not in spec.sources
    assert "spam.share_of_internet_mail" in spec.sources


def test_saying_what_is_received_in_another_way_replaces_the_profiles_way() -> None:
    """`received_to_sent` and `internet_received_per_mailbox` are one statement: the scenario's is the one that counts."""
    spec = load(profile="office-worker", internet_received_per_mailbox="20/day", internal_share="50 %")

    assert spec.received_to_sent is None
    assert spec.office_rates.internet_per_s * DAY_S == pytest.approx(10)


# --- what is wrong --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({}, "at least one of: profile, sent_per_mailbox, streams, bulk, replay"),
        ({"profile": "ofice-worker"}, "no load profile is called 'ofice-worker'; did you mean 'office-worker'?"),
        ({"profile": "../secret"}, "no load profile is called"),
        ({"sent_per_mailbox": "40/day"}, "'sent_per_mailbox' needs 'internal_share'"),
        ({"sent_per_mailbox": 40, "internal_share": 1}, "has no unit"),
        ({**OFFICE, "received_to_sent": 3}, "more internal mail is received than sent: it would take 150 % of all recipients"),
        ({**OFFICE, "received_to_sent": 1, "internet_received_per_mailbox": "1/day"}, "say the same; keep one"),
        ({"sent_per_mailbox": "1/day", "internal_share": 1, "internet_received_per_mailbox": "1/day"}, "nothing is received"),
        ({**OFFICE, "day_curve": [1, 2, 3]}, "expected 24 numbers, one for each hour of the day, found 3 numbers"),
        ({**OFFICE, "day_curve": [0] * 24}, "more than 0"),
        ({**OFFICE, "week_curve": [1, 1, 1, 1, 1, -1, 0]}, "-1 is not a number of 0 or more"),
        ({**OFFICE, "day_curve": "domino-n8mail"}, "the profile 'domino-n8mail' says nothing about day_curve"),
        ({**OFFICE, "recipients": "specmail2000"}, "did you mean 'specmail2001'?"),
        ({**OFFICE, "recipients": {0: 1}}, "0 is not a number of recipients"),
        ({**OFFICE, "recipients": {1: 0}}, "at least one of the weights"),
        ({**OFFICE, "recipients": {1: 1e308, 2: 1e308}}, "too large to be added up"),
        ({**OFFICE, "recipients": 0}, "0 is not a number of recipients"),
        ({**OFFICE, "recipients": 1.5}, "1.5 is not a number of recipients"),
        ({**OFFICE, "sizes": 75}, "75 has no unit"),
        ({**OFFICE, "sizes": {"1 KB": 1, "1000 B": 2}}, "stands twice"),
        ({**OFFICE, "sizes": {"1 KQ": 1}}, "'KQ' is not a unit"),
        ({**OFFICE, "sizes": {"limit": "1 MB"}}, "sizes are one of"),
        ({**OFFICE, "sizes": {"tail": {"pareto": {"alpha": 2, "from": "1 KB"}}}}, "sizes are one of"),
        ({**OFFICE, "growth": 0}, "more than 0"),
        ({"streams": [{"from": "internet", "to": "onpram", "rate": "1/s"}]}, "'onprem'"),
        ({"streams": [{"from": "internet", "to": "onprem", "rate": "1/s"}] * 2}, "two streams of mail are called 'internet->onprem'"),
        ({"streams": [{"from": "internet", "to": "onprem", "rate": "1/s", "name": "spam"}]}, "called 'spam'"),
        ({"spam": {"share_of_internet_mail": 0.4}, "replay": "mail.csv"}, "'spam' needs 'sent_per_mailbox'"),
        ({"replay": "mail.xlsx"}, "neither .csv nor .parquet"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(keys: dict[str, Any], text: str) -> None:
    """Each mistake is refused, with what was found and what would do."""
    with pytest.raises(PartError) as error:
        LoadSpec.from_data(keys)

    assert text in said(error)


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"tail_share": 0.1, "body": BODY}, "'tail_share' needs a 'tail'"),
        ({"body": BODY, "tail": {"pareto": {"alpha": 0.7, "from": "9 KB"}}}, "no finite mean"),
        ({"body": BODY, "tail": {"pareto": {"alpha": 0.7, "from": "9 KB"}}, "limit": "9 KB"}, "below the beginning of the tail"),
        ({"body": BODY, "tail": {"pareto": {"alpha": 2, "from": "1 B"}}}, "wholly above"),
        ({"body": {"lognormal": {"median": "1 KB", "sigma": 0}}}, "more than 0"),
    ],
)  # fmt: skip
def test_laws_of_size_that_are_none(keys: dict[str, Any], text: str) -> None:
    """A law needs its numbers, and a finite mean."""
    with pytest.raises(PartError) as error:
        SizeSpec.from_data(keys)

    assert text in said(error)


def test_a_mistake_in_a_load_is_told_with_its_line() -> None:
    """The loader finds the line of the key, also beside a profile."""
    text = """\
coexsim: 1
domain: corporate.com
servers: {}
load:
  profile: office-worker
  spam:
    share_of_internet_mail: 145 %
"""
    with pytest.raises(ScenarioError) as error:
        scenario_from_text(text, "load.yaml")

    [problem] = error.value.problems
    assert str(problem).startswith("load.yaml:7: load.spam.share_of_internet_mail: '145 %' is not a share")
