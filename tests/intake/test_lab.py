"""Set-ups imported from the lab's own Postfix files route as the real servers did: every observed case, replayed."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from coexsim.intake.configs.importing import import_setup
from coexsim.mail.setup import Setup
from coexsim.scenario.load import load_scenario
from coexsim.scenario.plain import parse
from tests.intake.lab_files import FOLDER, edited
from tests.routing.compare import Case, differences, replay
from tests.routing.lab import CONFIGS
from tests.routing.test_truth import CASES, MORE, OWN_WORDS

KEPT = (
    "greylisting",
    "reject_own_domain_from_outside",
)  # of what a case changes at a Postfix: asked of another program there
ALL = CASES | MORE


@cache
def setup_of(config: str, changes: str) -> Setup:
    """The surroundings with the Postfix servers of a case imported, and what else the case says: zones, outages, other servers."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        into = folder / "imported.yaml"
        into.write_text(FOLDER.joinpath("surroundings.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        for server, files in edited(config).items():
            place = folder / server
            place.mkdir()
            for file, content in files.items():
                place.joinpath(file).write_text(content, encoding="utf-8")
            into.write_text(import_setup(place, kind="postfix", into=into, server=server).text, encoding="utf-8")
        case = folder / "case.yaml"
        said = parse(changes, "changes")[0] if changes else {}
        case.write_text(json.dumps({"extends": into.name, **without_postfix(said)}), encoding="utf-8")
        return Setup(load_scenario(case))


def set_up(case: Case) -> Setup:
    """The set-up of a case."""
    return setup_of(case["config"], case.get("changes") or CONFIGS.get(case["config"], ""))


def without_postfix(said: dict[str, Any]) -> dict[str, Any]:
    """What a case changes, but for what stands in the files of its Postfix servers."""
    said = copy.deepcopy(said)
    for name in ("onprem", "onprem2"):
        server = said.get("servers", {}).pop(name, {})
        kept = {key: value for key, value in server.items() if key in KEPT}
        if kept or "address" in server:
            said["servers"][name] = kept | ({"address": server["address"]} if "address" in server else {})
    for key in ("people", "groups"):
        if said.get("directory", {}).get(key):
            del said["directory"][key]
    return {key: value for key, value in said.items() if value}


@pytest.mark.parametrize("case", ALL.values(), ids=list(ALL))
def test_an_imported_set_up_routes_as_the_real_servers_did(case: Case) -> None:
    """Outcome, servers, codes, bounces, every transaction and RCPT: as seen, from the servers' files alone."""
    found = differences(case, replay(case, set_up(case)))

    if case["id"] in OWN_WORDS:
        assert all(OWN_WORDS[case["id"]] in one for one in found)
    else:
        assert found == []


ALL_POSTFIX = """\
coexsim: 1
domain: corporate.com
dns:
  corporate.com: |
    @       1h IN MX  10 domino.corporate.com.
    domino  1h IN A   10.55.0.10
    mx2     1h IN A   10.55.0.11
  otherdomain.com: |
    @ IN MX 10 mail
    mail IN A 10.55.0.14
  thirddomain.com: |
    @ IN MX 10 mail
    mail IN A 10.55.0.15
  inotes.test: |
    inbound IN A 10.55.0.12
    outbound IN A 10.55.0.13
servers:
  onprem: {kind: postfix}
directory: {master: onprem}
"""


@pytest.fixture(scope="module")
def all_postfix(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    """All six servers of the lab imported, none of them written by hand."""
    into = tmp_path_factory.mktemp("lab") / "all.yaml"
    into.write_text(ALL_POSTFIX, encoding="utf-8")
    for server in ("onprem", "onprem2", "inbound", "outbound", "external", "third"):
        into.write_text(import_setup(FOLDER / server, kind="postfix", into=into, server=server).text, encoding="utf-8")
    return Setup(load_scenario(into))


DEFAULT = [case for case in ALL.values() if case["config"] == "default" and not case.get("changes")]


@pytest.mark.parametrize("case", DEFAULT, ids=[case["id"] for case in DEFAULT])
def test_the_whole_lab_imported_routes_as_it_did(case: Case, all_postfix: Setup) -> None:
    """Hosted service and other domains are Postfix servers there: nothing but their files says so here."""
    assert differences(case, replay(case, all_postfix)) == []


def test_the_replay_of_imported_files_says_no() -> None:
    """Another set-up than that of the case does not agree with it."""
    case = CASES["R5"]

    assert differences(case, replay(case, set_up(CASES["F1"])))
