"""The history that Dagster keeps, through our storage and through Dagster's own."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster._core.events.log import EventLogEntry
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


DAYS = dg.DailyPartitionsDefinition("2025-08-01", end_date="2025-08-05")


@dg.asset(
    check_specs=[
        dg.AssetCheckSpec("few", asset="doubted"),
        dg.AssetCheckSpec("left", asset="doubted"),
    ]
)
def doubted(context: dg.AssetExecutionContext, rows: None) -> Iterator[object]:
    """An asset with tags, whose one check fails and whose other never comes to its turn."""
    context.log.warning("a line of the log")
    yield dg.MaterializeResult(tags={"rule": "few"}, data_version=dg.DataVersion("7"))
    yield dg.AssetCheckResult(check_name="few", passed=False, metadata={"rows_found": 4})
    raise RuntimeError("the step fails")


@dg.asset(
    partitions_def=DAYS, check_specs=[dg.AssetCheckSpec("whole", asset="days", partitions_def=DAYS)]
)
def days() -> dg.MaterializeResult:
    """An asset by day, its check too."""
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


@dg.observable_source_asset
def seen() -> dg.ObserveResult:
    """An asset that is only looked at."""
    return dg.ObserveResult(data_version=dg.DataVersion("3"))


def test_every_kind_of_event_is_kept_as_dagsters_own_storage_keeps_it(tmp_path: Path) -> None:
    """The same events into both: the same rows in every table of every file."""
    events = list(_events_of_every_kind())
    kinds = {entry.dagster_event_type.value for entry in events if entry.dagster_event_type}
    assert kinds >= {
        "ASSET_MATERIALIZATION_PLANNED",
        "ASSET_MATERIALIZATION",
        "ASSET_OBSERVATION",
        "ASSET_CHECK_EVALUATION_PLANNED",
        "ASSET_CHECK_EVALUATION",
        "STEP_OUTPUT",
        "STEP_FAILURE",
        "PIPELINE_SUCCESS",
        "PIPELINE_FAILURE",
    }
    ours, theirs = _kept_by_both(tmp_path / "whole", events)
    assert ours == theirs
    assert len(ours["index.db", "asset_check_executions"]) >= 7


def test_a_check_that_nobody_planned_is_kept_as_dagsters_own_storage_keeps_it(
    tmp_path: Path,
) -> None:
    planned = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
    events = [entry for entry in _events_of_every_kind() if entry.dagster_event_type != planned]
    ours, theirs = _kept_by_both(tmp_path, events)
    assert ours == theirs
    assert len(ours["index.db", "asset_check_executions"]) == 5


Tables = dict[tuple[str, str], list[tuple[object, ...]]]


def _kept_by_both(folder: Path, events: list[EventLogEntry]) -> tuple[Tables, Tables]:
    for name, storage in (("ours", EventLog), ("theirs", SqliteEventLogStorage)):
        history = storage(str(folder / name))
        for entry in events:
            history.store_event(entry)
        history.dispose()
    return _tables(folder / "ours"), _tables(folder / "theirs")


def _events_of_every_kind() -> Iterator[EventLogEntry]:
    with dg.DagsterInstance.ephemeral() as history:
        runs = [dg.materialize([rows], instance=history) for _ in range(2)]
        runs.append(dg.materialize([rows, doubted], instance=history, raise_on_error=False))
        runs += [dg.materialize([days], instance=history, partition_key="2025-08-02")] * 2
        observed = dg.Definitions(assets=[seen]).resolve_implicit_global_asset_job_def()
        runs.append(observed.execute_in_process(instance=history))
        for run in {run.run_id: run for run in runs}.values():
            yield from history.all_logs(run.run_id)
        # a check evaluated outside of any run, as an external judge reports it
        history.report_runless_asset_event(
            dg.AssetCheckEvaluation(dg.AssetKey("rows"), "whole", passed=False, metadata={})
        )
        yield from history.all_logs("")


def _tables(folder: Path) -> Tables:
    """Every row of every table, by file and table, without the moments at which it was written."""
    held: Tables = {}
    for file in sorted(folder.glob("*.db")):
        with sqlite3.connect(file) as connection:
            names = connection.execute("select name from sqlite_master where type = 'table'")
            for (name,) in names.fetchall():
                found = connection.execute(f'select * from "{name}"')
                columns = [column for column, *_ in found.description]
                held[file.name, name] = sorted(
                    (
                        tuple(
                            value
                            for column, value in zip(columns, row, strict=True)
                            if column not in {"create_timestamp", "migration_completed"}
                        )
                        for row in found
                    ),
                    key=repr,
                )
    return held
