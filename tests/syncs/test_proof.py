"""The short form of `make proof`: a few kills, lost answers, refusals and plans."""

from __future__ import annotations

import json
import subprocess
import sys

SHORT = ["--kills", "4", "--rows", "10000", "--no-costs"]


def test_what_the_proof_measures_holds_in_its_short_form(tmp_path):
    """In a process of its own: it copies itself, which a test process with threads must not."""
    file = tmp_path / "proof.json"
    command = [sys.executable, "-m", "benchmarks.proof", *SHORT, "--output", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    found = json.loads(file.read_text(encoding="utf-8"))["promises"]
    assert [item for item in found if not item["holds"]] == [], done.stdout
    assert [item["number"] for item in found] == [1, 2, 3, 4, 11, 18, 22]
