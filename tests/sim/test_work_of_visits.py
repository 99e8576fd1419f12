"""The work of a mail at a server is drawn anew for every visit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from coexsim.experiment.run import simulate
from coexsim.scenario.load import scenario_from_text

THERE_AND_BACK = """
coexsim: 1
domain: corporate.com
dns:
  corporate.com: |
    @ 30d IN MX 10 mail
    mail 30d IN A 192.0.2.10
servers:
  onprem: {kind: postfix, host: mail.corporate.com, smart_host: "[smtp.inotes.example]", relay_for: external,
           service: {scan: {fixed: 1 s, law: exponential}}}
  external: {kind: external, domain: otherdomain.com, forwarding: {loop: ivan@corporate.com}}
  inbound: {kind: hosted-inbound, host: smtp.inotes.example}
directory:
  master: onprem
  replica: {at: inbound}
  people:
    ivan: {mail_system: other-internet-mail}
    away: {mail_file: onprem, forwarding_address: loop@otherdomain.com}
load: {replay: mail.csv}
run: {start: Mon 00:00, length: 24 h}
"""


def services(folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How long the scan of each mail took on its first and on its second visit; mail so far apart that it comes in order."""
    rows = [f"{60 * i},someuser@otherdomain.com,away@corporate.com,1000" for i in range(1, 1401)]
    (folder / "mail.csv").write_text("\n".join(["born_s,sender,recipients,size_bytes", *rows]) + "\n")
    visits = simulate(scenario_from_text(THERE_AND_BACK, base=folder), keep_visits=True).visits
    scans = visits[(visits["server"] == "onprem") & (visits["stage"] == "cores")].sort_values("arrived_s")
    spent_s = (scans["finished_s"] - scans["started_s"]).to_numpy()
    return spent_s[0::2], spent_s[1::2]


def test_a_second_visit_is_drawn_by_itself(tmp_path: Path) -> None:
    """Both are exponential with mean 1 s, and not correlated: 0 within four standard deviations of 1,400 pairs."""
    first_s, second_s = services(tmp_path)

    assert len(first_s) == len(second_s) == 1400
    assert abs(np.corrcoef(first_s, second_s)[0, 1]) < 4 / np.sqrt(1400)
    assert first_s.mean() == pytest.approx(1.0, rel=4 / np.sqrt(1400))
    assert second_s.mean() == pytest.approx(1.0, rel=4 / np.sqrt(1400))
