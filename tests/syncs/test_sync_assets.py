"""What Dagster is told of a run: partial is never green, and a pause is no failure."""

from __future__ import annotations

import dagster as dg
import pytest

from orchestration.sync_assets import _events, _not_clean
from syncs.registry import definitions
from syncs.run import RunResult
from syncs.state import RunStatus


@pytest.mark.parametrize(
    ("status", "materialized", "passed", "severity"),
    [
        (RunStatus.CLEAN, True, True, dg.AssetCheckSeverity.ERROR),
        (RunStatus.PARTIAL, True, False, dg.AssetCheckSeverity.ERROR),
        (RunStatus.FAILED, False, False, dg.AssetCheckSeverity.ERROR),
        (RunStatus.BLOCKED, False, False, dg.AssetCheckSeverity.ERROR),
        (RunStatus.BUSY, False, False, dg.AssetCheckSeverity.ERROR),
        (RunStatus.PAUSED, False, False, dg.AssetCheckSeverity.WARN),
    ],
)
def test_each_end_of_a_run_has_its_colour(status, materialized, passed, severity):
    item = definitions()[0]
    result = RunResult(item.name, "run", status, quarantined=3)
    *made, check = _events(item, result)
    assert bool(made) is materialized
    assert isinstance(check, dg.AssetCheckResult)
    assert (check.passed, check.severity) == (passed, severity)
    assert check.metadata["quarantined"].value == 3
    if status not in (RunStatus.CLEAN, RunStatus.PAUSED):
        assert "3 refused too often" in str(_not_clean(item.name, result).description)
