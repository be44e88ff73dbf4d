"""The benches whose figures do not depend on the machine are tests too."""

import subprocess
import sys
from pathlib import Path

from tests.bench.report import Row

ROOT = Path(__file__).parent.parent.parent


def test_a_figure_over_its_bound_is_missed() -> None:
    assert Row(what="calls", figure=4, bound=3).verdict == "MISSED"
    assert Row(what="calls", figure=3, bound=3).verdict == "ok"
    assert Row(what="shown only", figure=3).verdict == ""


def test_a_push_costs_no_more_calls_than_its_records_need() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "calls"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.count(" ok ") == 9
