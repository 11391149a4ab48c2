"""The history that Dagster keeps, through our storage and through Dagster's own."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from headwater.settings import Settings
from orchestration.event_log import KEPT, EventLog
from orchestration.instance import instance


@dg.asset(check_specs=[dg.AssetCheckSpec("whole", asset="rows")])
def rows() -> dg.MaterializeResult:
    """An asset with a check."""
    return dg.MaterializeResult(
        metadata={"dagster/row_count": 3}, check_results=[dg.AssetCheckResult(passed=True)]
    )


def test_what_is_written_is_what_dagsters_own_storage_reads(tmp_path: Path) -> None:
    with instance(Settings(home=tmp_path)) as history:
        assert isinstance(history.event_log_storage, EventLog)
        runs = [dg.materialize([rows], instance=history) for _ in range(KEPT + 3)]
        read_here = [len(history.all_logs(run.run_id)) for run in runs]
        newest = history.get_latest_materialization_event(dg.AssetKey("rows"))
    assert newest is not None
    assert newest.run_id == runs[-1].run_id

    theirs = SqliteEventLogStorage(str(tmp_path / "dagster" / "history" / "runs"))
    assert [len(theirs.get_logs_for_run(run.run_id)) for run in runs] == read_here
    assert min(read_here) > 5
