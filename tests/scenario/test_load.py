"""Bad scenarios: each problem says file, line and path, what was found and what would do; several at once; never a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coexsim.errors import Problem, ScenarioError
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace_mail
from coexsim.scenario.load import changed, load_scenario, scenario_from_text

ARTICLE = Path(__file__).parents[2] / "scenarios" / "article"
GOOD = """\
coexsim: 1
domain: corporate.com
sites: [office, internet]
links:
  - {between: [office, internet], round_trip: 40 ms}
dns:
  corporate.com: |
    @ 1h IN MX 10 mail
    mail 1h IN A 192.0.2.10
servers:
  onprem: {kind: domino, site: office, host: mail.corporate.com, smtp_listener_task: enabled}
  external: {kind: external, site: internet, domain: otherdomain.com}
directory:
  people:
    dUser1: {mail_file: onprem}
messages:
  - {from: someuser@otherdomain.com, to: dUser1, size: 4 KB}
"""


def said(text: str, base: str | Path = ".") -> list[str]:
    """What is wrong with a scenario, as the user reads it."""
    with pytest.raises(ScenarioError) as caught:
        scenario_from_text(text, "a.yaml", base)
    return str(caught.value).splitlines()


def test_the_good_one_is_good() -> None:
    """All cases below start from it."""
    assert trace_mail(scenario_from_text(GOOD), scenario_from_text(GOOD).messages[0]).outcome == "delivered"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # keys
        ("sites:", "sitez:", "a.yaml:3: sitez: there is no such key; did you mean 'sites'?"),
        (
            "smtp_listener_task:",
            "smtp_listner_task:",
            "a.yaml:11: servers.onprem.smtp_listner_task: there is no such key; did you mean 'smtp_listener_task'?",
        ),
        (
            "site: office,",
            "site: office, capacity: {coers: 4},",
            "a.yaml:11: servers.onprem.capacity.coers: there is no such key; did you mean 'cores'?",
        ),
        (
            "{mail_file: onprem}",
            "{mailfile: onprem}",
            "a.yaml:15: directory.people.dUser1.mailfile: there is no such key; did you mean 'mail_file'?",
        ),
        ("domain: corporate.com\n", "", "a.yaml:1: 'domain' is missing"),
        ("between: [office, internet]", "between: [office, internet, office]", "between: expected 2 items at the most"),
        (
            "site: office,",
            "site: office, max_hop_count: 1e30,",
            "max_hop_count: expected a smaller number; found 1e+30",
        ),
        (
            "site: office,",
            "site: office, max_hop_count: .inf,",
            "max_hop_count: expected a number with an end; found inf",
        ),
        ("between: [office, internet]", "between: [office]", "a.yaml:5: links[0].between: item 2 is missing"),
        ("coexsim: 1\n", "", "a.yaml:1: 'coexsim' is missing; begin with 'coexsim: 1'"),
        (
            "domain: corporate.com\n",
            "domain: corp\n",
            "domain: expected a domain such as 'corporate.com'; found 'corp'",
        ),
        (
            "dUser1:",
            "1001:",
            "a.yaml:15: directory.people[1001]: expected text; found 1001; write it in quotes: '1001'",
        ),
        (
            "  external: {kind: external,",
            "  external: {kind: external, kind: external,",
            "kind: this key is given twice; keep one",
        ),
        (
            "sites: [office, internet]\n",
            "sites: [office, internet]\nsites: []\n",
            "a.yaml:4: sites: this key is given twice; keep one",
        ),
        # quantities
        ("40 ms", "40", "a.yaml:5: links[0].round_trip: 40 has no unit; write a duration such as '15 min'"),
        ("40 ms", "40 mz", "a.yaml:5: links[0].round_trip: 'mz' is not a unit of a duration; did you mean 'm'?"),
        (
            "40 ms",
            "-40 ms",
            "a.yaml:5: links[0].round_trip: '-40 ms' is not a duration; write for example '15 min' or '1h30m'",
        ),
        ("40 ms", ".nan", "a.yaml:5: links[0].round_trip: nan has no unit"),
        ("40 ms", "1e999 s", "a.yaml:5: links[0].round_trip:"),
        ("4 KB", "0", "a.yaml:17: messages[0].size: 0 has no unit; write a size such as '25 MB'"),
        ("4 KB", "1e400 MB", "a.yaml"),
        (
            "site: office,",
            "site: office, capacity: {cores: -4},",
            "a.yaml:11: servers.onprem.capacity.cores: expected 1 or more; found -4",
        ),
        (
            "site: office,",
            "site: office, capacity: {cores: many},",
            "a.yaml:11: servers.onprem.capacity.cores: expected a whole number; found 'many'",
        ),
        # words
        (
            "kind: domino",
            "kind: dominoo",
            "a.yaml:11: servers.onprem.kind: 'dominoo' is no kind of server; did you mean 'domino'?; one of domino,",
        ),
        ("kind: domino, ", "", "a.yaml:11: servers.onprem: a server says its kind"),
        (
            "mail_file: onprem",
            "mail_system: note",
            "'note' is not one of 'notes', 'other-internet-mail' or 'none'; did you mean 'notes'?",
        ),
        ("enabled", "yes please", "a.yaml:11: servers.onprem.smtp_listener_task: expected true or false; found"),
        ("coexsim: 1", "coexsim: 2", "a.yaml:1: coexsim: 2 is not one of 1"),
        # names
        (
            "mail_file: onprem",
            "mail_file: onpremm",
            "a.yaml:15: directory.people.dUser1.mail_file: no server is called 'onpremm'; did you mean 'onprem'?",
        ),
        (
            "site: office",
            "site: ofice",
            "a.yaml:11: servers.onprem.site: no site is called 'ofice'; did you mean 'office'?",
        ),
        (
            "to: dUser1",
            "to: dUser2",
            "a.yaml:17: messages[0].to: no person is called 'dUser2'; did you mean 'dUser1'?; or write an address",
        ),
        ("to: dUser1", "to: dUser1@", "a.yaml:17: messages[0].to: 'dUser1@' is no address"),
        ("to: dUser1", "to: []", "a.yaml:17: messages[0].to: a message needs a recipient"),
        (
            "from: someuser@otherdomain.com",
            "from: some user@otherdomain.com",
            "a.yaml:17: messages[0].from: 'some user@otherdomain.com' is no address",
        ),
        (
            "{mail_file: onprem}",
            "{forwarding_address: nobody}",
            "expected an address such as 'name@corporate.com'; found 'nobody'",
        ),
        (
            "mail.corporate.com",
            "mail..corporate.com",
            "a.yaml:11: servers.onprem.host: 'mail..corporate.com' is no host name",
        ),
        (
            "site: office,",
            "site: office, address: 1.2.3,",
            "a.yaml:11: servers.onprem.address: '1.2.3' is no IP address",
        ),
        (
            "domain: otherdomain.com",
            "domain: []",
            "a.yaml:12: servers.external.domain: an external server needs a domain",
        ),
        (
            "    dUser1:",
            "    duser1: {}\n    dUser1:",
            "a.yaml:16: directory.people.dUser1: dUser1@corporate.com is already the address of directory.people.duser1",
        ),
        # shapes
        ("sites: [office, internet]", "sites: office", "a.yaml:3: sites: expected a list, found 'office'"),
        (
            "  people:\n    dUser1: {mail_file: onprem}",
            "  people: [dUser1]",
            "a.yaml:14: directory.people: expected keys with values, found ['dUser1']",
        ),
        (
            "{mail_file: onprem}",
            "onprem",
            "a.yaml:15: directory.people.dUser1: expected keys with values, found 'onprem'",
        ),
        ("servers:", "servers: []\nrest:", "a.yaml:10: servers: expected keys with values, found []"),
        # YAML
        (
            "  people:",
            "\tpeople:",
            "a.yaml:14: not readable as YAML: found character that cannot start any token; indent with spaces, not tabs",
        ),
        ("[office, internet]", "[office, internet", "a.yaml:4: not readable as YAML:"),
        (
            "domain: corporate.com\n",
            f"domain: {'[' * 60}{']' * 60}\n",
            "a.yaml:2: domain: not readable: nested too deeply, or aliases of aliases without end",
        ),
        ("coexsim: 1", "coexsim: !!python/object:os.system 1", "a.yaml:1: coexsim:"),
        ("coexsim: 1", "coexsim: 1\n\x07", "a.yaml:2: not readable as YAML:"),
    ],
)
def test_a_problem_says_where_what_and_what_would_do(old: str, new: str, expected: str) -> None:
    """One thing wrong gives one line about it."""
    assert old in GOOD
    lines = said(GOOD.replace(old, new, 1))

    assert any(expected in line for line in lines), lines


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "[]", "just words", "42", "--- \n...\n"])
def test_what_is_no_mapping_at_all(text: str) -> None:
    """An empty file, a list, a word."""
    assert said(text) == ["a.yaml:1: a scenario is a mapping that begins with 'coexsim: 1'"]


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    """Nine aliases of nine aliases of ...: a billion words from a few lines."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]

    assert "aliases of aliases" in said("\n".join(lines))[0]


def test_all_problems_at_once() -> None:
    """Nobody wants to mend a file line by line."""
    bad = (
        GOOD.replace("40 ms", "40")
        .replace("kind: domino", "kind: dominoo")
        .replace("{mail_file: onprem}", "{mail_file: 3, x: 1}")
    )

    assert [re.match(r"a\.yaml:(\d+)", line).group(1) for line in said(bad)] == ["5", "11", "15", "15"]  # type: ignore[union-attr]


def test_zone_lines_are_named_by_their_line_in_the_file() -> None:
    """Zones are read when the rules are set up; the line is that of the zone's own line, inline or on the key's line."""
    for old, new, line in (
        ("@ 1h IN MX 10 mail", "@ 1h IN MX ten mail", 8),
        ("192.0.2.10", "192.0.2.999", 9),
        ("dns:\n", 'dns:\n  other.example: "@ IN MX"\n', 7),
    ):
        with pytest.raises(ScenarioError) as caught:
            Setup(scenario_from_text(GOOD.replace(old, new, 1), "a.yaml"))
        assert str(caught.value).startswith(f"a.yaml:{line}: dns.")
        assert "not readable as zone lines" in str(caught.value)


def test_a_zone_file_has_lines_of_its_own(tmp_path: Path) -> None:
    """A fault in a zone file is reported there; a missing file at the key that names it."""
    zone = GOOD[: GOOD.index("dns:")] + "dns: {corporate.com: {file: c.zone}}\n" + GOOD[GOOD.index("servers:") :]
    (tmp_path / "a.yaml").write_text(zone)
    scenario = load_scenario(tmp_path / "a.yaml")

    with pytest.raises(
        ScenarioError, match=r"a\.yaml:6: dns\.corporate\.com: zone file 'c\.zone' cannot be read: No such file"
    ):
        Setup(scenario)
    (tmp_path / "c.zone").write_text("@ IN A 192.0.2.1\n@ IN MX x y\n")
    with pytest.raises(ScenarioError, match=r"c\.zone:2: dns\.corporate\.com: not readable as zone lines"):
        Setup(scenario)


# --- files ------------------------------------------------------------------------------------------------------------------


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def failing(file: Path) -> str:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(file)
    return str(caught.value).replace(str(file.parent) + "/", "")


def test_lines_are_those_of_the_file_in_which_the_key_stands(tmp_path: Path) -> None:
    """A mistake in the base is told there, one in the file on top there; a list that is replaced takes its lines along."""
    write(tmp_path, base=GOOD.replace("40 ms", "40"), top="extends: base.yaml\nservers:\n  onprem: {host: 'no host'}\n")
    assert failing(tmp_path / "top.yaml").startswith("base.yaml:5: links[0].round_trip")
    write(tmp_path, base=GOOD)
    assert failing(tmp_path / "top.yaml").startswith("top.yaml:3: servers.onprem.host: 'no host' is no host name")
    write(tmp_path, top="extends: base.yaml\nmessages:\n  - {from: dUser1, to: dUser3}\n")
    assert failing(tmp_path / "top.yaml").startswith("top.yaml:3: messages[0].to")
    write(tmp_path, top="extends: base.yaml\nmessages:\n  - {from: dUser1}\n")
    assert failing(tmp_path / "top.yaml") == "top.yaml:3: messages[0]: 'to' is missing"


@pytest.mark.parametrize(
    ("extends", "expected"),
    [
        ("bas.yaml", "top.yaml:1: extends: there is no file 'bas.yaml' beside this one; did you mean 'base.yaml'?"),
        ("top.yaml", "top.yaml:1: extends: top.yaml extends this file in turn: a circle"),
        ("[base.yaml, 3]", "top.yaml:1: extends: expected the name of a file, or a list of them"),
        ("{a: b}", "top.yaml:1: extends: expected the name of a file, or a list of them"),
        ('"a\\0b"', "top.yaml:1: extends:"),
        (".", "top.yaml:1: extends: there is no file '.'"),
        ("other.yaml", "top.yaml:1: extends: there is no file 'other.yaml' beside this one"),
    ],
)
def test_what_cannot_be_extended(tmp_path: Path, extends: str, expected: str) -> None:
    """Missing, itself, no name at all."""
    write(tmp_path, base=GOOD, top=f"extends: {extends}\n")

    assert failing(tmp_path / "top.yaml").startswith(expected)


def test_names_are_not_near_for_ending_alike(tmp_path: Path) -> None:
    """Every scenario ends in .yaml; a file that is there, but cannot be read, is not offered in its own place."""
    write(tmp_path, base=GOOD, top="extends: nix.yaml\n")
    (tmp_path / "latin.yaml").write_bytes("coexsim: 1\ntitle: Müller\n".encode("latin-1"))

    assert failing(tmp_path / "top.yaml") == "top.yaml:1: extends: there is no file 'nix.yaml' beside this one"
    assert failing(tmp_path / "latin.yaml") == "latin.yaml:2: cannot be read: it is not UTF-8 text; save it as UTF-8"


def test_what_yaml_and_extends_get_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Every key given twice, every file that is not there, every key that is missing: a line each, none an alternative of another."""
    write(tmp_path, twice="domain: a.com\nservers: {x: {host: a, host: b}}\ndomain: b.com\n")
    write(tmp_path, top="extends: [twice.yaml, gone.yaml, away.yaml]\n", nothing="title: nothing\n")

    assert failing(tmp_path / "top.yaml").splitlines() == [
        "twice.yaml:2: servers.x.host: this key is given twice; keep one",
        "twice.yaml:3: domain: this key is given twice; keep one",
        "top.yaml:1: extends: there is no file 'gone.yaml' beside this one",
        "top.yaml:1: extends: there is no file 'away.yaml' beside this one",
    ]
    assert failing(tmp_path / "nothing.yaml").splitlines() == [
        "nothing.yaml:1: 'coexsim' is missing; begin with 'coexsim: 1'",
        "nothing.yaml:1: 'domain' is missing",
        "nothing.yaml:1: 'servers' is missing",
    ]


def test_a_circle_over_two_files(tmp_path: Path) -> None:
    """Told where the circle closes."""
    write(tmp_path, a="extends: b.yaml\n", b="extends: a.yaml\n")

    assert failing(tmp_path / "a.yaml") == "b.yaml:1: extends: a.yaml extends this file in turn: a circle"


def test_a_base_that_two_files_share_is_no_circle(tmp_path: Path) -> None:
    """A diamond."""
    write(
        tmp_path,
        base=GOOD,
        left="extends: base.yaml\ntitle: left\n",
        right="extends: base.yaml\n",
        top="extends: [left.yaml, right.yaml]\n",
    )

    assert load_scenario(tmp_path / "top.yaml").title == "left"


def test_null_takes_a_key_away_and_another_kind_starts_anew(tmp_path: Path) -> None:
    """Also inside what is new; a server of another kind keeps nothing of the old one."""
    write(
        tmp_path,
        base=GOOD,
        top="extends: base.yaml\nmessages: null\nservers: {onprem: {kind: postfix, host: mail.corporate.com, site: office}}\n",
    )
    scenario = load_scenario(tmp_path / "top.yaml")

    assert scenario.messages == ()
    assert scenario.servers["onprem"].kind == "postfix"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xff\xfe\x00\x01binary", "it is not UTF-8 text"),
        (b"", "a scenario is a mapping"),
        (b"coexsim: \x00", "not readable as YAML"),
    ],
)
def test_odd_files(tmp_path: Path, content: bytes, expected: str) -> None:
    """Binary, empty, with control characters."""
    (tmp_path / "odd.yaml").write_bytes(content)

    assert expected in failing(tmp_path / "odd.yaml")


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    """Told with the closest name there is."""
    write(tmp_path, flows=GOOD)

    assert (
        failing(tmp_path / "flow.yaml")
        == "flow.yaml: cannot be read: No such file or directory; did you mean 'flows.yaml'?"
    )
    assert "cannot be read" in failing(tmp_path)
    assert "cannot be read" in failing(tmp_path / "a\0b")


# --- changes --------------------------------------------------------------------------------------------------------------------


def test_a_place_in_a_list_is_written_as_errors_print_it_or_by_its_name() -> None:
    """Of links with both ends; the same keys as a sweep takes."""
    scenario = scenario_from_text(GOOD)
    name = scenario.links[0].label
    for key in ("links[0].round_trip", "links.0.round_trip", f"links.{name}.round_trip", f"links.[{name}].round_trip"):
        assert scenario.change({key: "1 s"}).links[0].round_trip == 1.0
    with pytest.raises(ScenarioError, match=r"links\[7\]"):
        scenario.change({"links[7].round_trip": "1 s"})


def test_changed_values() -> None:
    """By dotted path, into lists too; a key with dots in it in brackets; what does not fit is told."""
    scenario = scenario_from_text(GOOD)
    values = {
        "servers.onprem.capacity.cores": 8,
        "links.0.round_trip": "1 s",
        "dns.[corporate.com]": {"fault": "servfail"},
    }
    other = changed(scenario, values)

    assert (other.servers["onprem"].capacity.cores, other.links[0].round_trip) == (8, 1.0)
    assert other.dns["corporate.com"].fault == "servfail"
    assert scenario.servers["onprem"].capacity.cores is None
    for path, value in {"links.7.round_trip": "1 s", "title.x": 1, "servers.onprem.cores": 8}.items():
        with pytest.raises(ScenarioError):
            changed(scenario, {path: value})


def test_a_name_with_dots_that_is_there_needs_no_brackets() -> None:
    """As errors print keys: of ``mail`` and ``mail.corp.example`` the longer name goes first; one that is not there is told."""
    text = GOOD.replace("onprem:", "mail.corp.example:").replace("onprem", "mail.corp.example")
    scenario = scenario_from_text(text)
    keys = ("servers.mail.corp.example.capacity.cores", "servers.[mail.corp.example].capacity.cores")

    for key in keys:
        assert changed(scenario, {key: 8}).servers["mail.corp.example"].capacity.cores == 8
    assert changed(scenario, {"dns.corporate.com": {"fault": "servfail"}}).dns["corporate.com"].fault == "servfail"
    with pytest.raises(ScenarioError):
        changed(scenario, {"servers.mail.corp.capacity.cores": 8})


# --- anything at all --------------------------------------------------------------------------------------------------------------

TEXTS = [GOOD, (ARTICLE / "environment.yaml").read_text(), (ARTICLE / "flows.yaml").read_text()]
VALUES = [
    *(
        "",
        "null",
        "[]",
        "{}",
        "-1",
        "0",
        "1e999",
        ".nan",
        ".inf",
        "2001-99-99",
        "0x",
        "'",
        '"',
        "*a",
        "&a x",
        "<<: {a: 1}",
    ),
    *(
        "!!set {a}",
        "? a",
        "- -",
        "\t",
        "\0",
        "\ud7ff",
        "@",
        "%",
        "`",
        "1_000",
        "0o9",
        "=",
        "~",
        "true",
        "9" * 23,
        "1e999 s",
    ),
    *(
        "9e307 days",
        "x" * 300,
        "[[[[[[]]]]]]",
        "{a: {b: {c: 1}}}",
        "onprem",
        "corporate.com",
        "a@b@c",
        "..",
        "|",
        ">",
        "# x",
    ),
    *("---", "...", "\r", "\u2028"),
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A good scenario in which something was cut out, put in, doubled or swapped."""
    lines = draw(st.sampled_from(TEXTS)).splitlines(keepends=True)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        what = draw(st.sampled_from(["value", "cut", "drop", "double", "move", "insert"]))
        line = lines[at]
        if what == "value":
            key, colon, _ = line.partition(":")
            lines[at] = f"{key}{colon} {draw(st.sampled_from(VALUES))}\n"
        elif what == "cut":
            begin = draw(st.integers(0, len(line)))
            lines[at] = line[:begin] + line[begin + draw(st.integers(1, 5)) :]
        elif what == "insert":
            begin = draw(st.integers(0, len(line)))
            lines[at] = line[:begin] + draw(st.sampled_from(VALUES) | st.text(max_size=3)) + line[begin:]
        elif what == "drop":
            lines[at] = ""
        elif what == "double":
            lines[at] = line * 2
        else:
            lines[at] = draw(st.sampled_from(["  ", " ", ""])) + line.lstrip()
    return "".join(lines)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_nothing_but_scenario_errors_comes_out(text: str) -> None:
    """Whatever is done to a good file: it loads and can be traced, or every problem has its place and its text."""
    for problem in problems_with(text):
        assert problem.text.strip()
        assert problem.line >= 1 or problem.path == ""


def problems_with(text: str) -> tuple[Problem, ...]:
    """What is wrong with a scenario; none if all its messages can be traced."""
    try:
        scenario = scenario_from_text(text, "a.yaml", ARTICLE)
        setup = Setup(scenario)
        for mail in scenario.messages:
            trace_mail(setup, mail)
    except ScenarioError as error:
        return error.problems or (Problem("", 0, "", ""),)
    return ()
