"""Dagster's event log in SQLite, with connections and statements that are kept.

A cycle writes some 1,500 events. For each of them Dagster's own storage opens the file, asks which
columns it has, builds its statements anew and writes in up to four transactions: 12 milliseconds
an event, a tenth of a cycle. The tables hold the same rows either way
(tests/orchestration/test_event_log.py feeds both the same events). Where a PostgreSQL keeps the
history (``HEADWATER_DAGSTER_STORAGE_URL``) this is not used.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from dagster._core.events import (
    ASSET_CHECK_EVENTS,
    ASSET_EVENTS,
    EVENT_TYPE_TO_PIPELINE_RUN_STATUS,
    DagsterEventType,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, bindparam, create_engine, event
from sqlalchemy.dialects.sqlite import Insert, insert

KEPT = 8
"""How many files are kept open at once: the index and the runs that are written or looked at."""

_EVENT = SqlEventLogStorageTable.insert()
_CHECK = AssetCheckExecutionsTable.insert()
_EVALUATED = AssetCheckExecutionsTable.update().where(
    AssetCheckExecutionsTable.c.asset_key == bindparam("of_asset"),
    AssetCheckExecutionsTable.c.check_name == bindparam("of_check"),
    AssetCheckExecutionsTable.c.run_id == bindparam("of_run"),
    AssetCheckExecutionsTable.c.partition.is_(None),
)
_BY_DAGSTER = set(EVENT_TYPE_TO_PIPELINE_RUN_STATUS)
"""The few events of a whole run, which Dagster's own storage also keeps in the index."""


class EventLog(SqliteEventLogStorage):
    """As Dagster's, one engine per file instead of two per event, one transaction per file.

    Commits don't wait for the disk: with the write-ahead log a killed process loses nothing; a
    power cut may lose the newest lines of the history, which no part of Headwater relies on.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._seen: set[tuple[str, str]] = set()
        super().__init__(*args, **kwargs)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> EventLog:
        """The storage that ``dagster.yaml`` asks for (Dagster's own would make its own class)."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def store_event(self, event: EventLogEntry) -> None:
        """Keep an event with its run and, if it is about an asset or a check, in the index."""
        kind = event.dagster_event_type if event.is_dagster_event else None
        if kind in _BY_DAGSTER or (kind in ASSET_CHECK_EVENTS and not _of_a_whole_table(event)):
            super().store_event(event)
            return
        row = self._event_to_row(event)
        with self.run_connection(event.run_id) as connection:
            connection.execute(_EVENT, row)
        if kind in ASSET_EVENTS:
            with self.index_connection() as connection:
                event_id = _inserted(connection, row)
                self._store_asset_event_tags(connection, [event], [event_id])
                values = self._get_asset_entry_values(event, event_id, True)
                if values:
                    connection.execute(
                        _newest_of_asset(frozenset(values)),
                        {"asset_key": row["asset_key"], **values},
                    )
        elif kind in ASSET_CHECK_EVENTS:
            with self.index_connection() as connection:
                _store_check(connection, event, row, _inserted(connection, row))

    def has_table(self, table_name: str) -> bool:
        """Asked for every event; a table that was there once is there."""
        return self._there("table", table_name, super().has_table)

    def has_asset_key_col(self, column_name: str) -> bool:
        """Asked for every asset that is looked up; a column that was there once is there."""
        return self._there("column", column_name, super().has_asset_key_col)

    def has_secondary_index(self, name: str) -> bool:
        """Asked for every asset that is looked up; a migration that was made once is made."""
        return self._there("index", name, super().has_secondary_index)

    def _there(self, sort: str, name: str, ask: Callable[[str], bool]) -> bool:
        if (sort, name) not in self._seen and ask(name):
            self._seen.add((sort, name))
        return (sort, name) in self._seen

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )
            event.listen(engine, "connect", _do_not_wait_for_the_disk)
            self._engines[shard] = engine
            if len(self._engines) > KEPT:
                self._engines.popitem(last=False)[1].dispose()
        self._engines.move_to_end(shard)
        return self._engines[shard]

    def dispose(self) -> None:
        """Close the files."""
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


def _do_not_wait_for_the_disk(connection: Any, _: object) -> None:
    connection.execute("pragma synchronous = normal")


def _of_a_whole_table(event: EventLogEntry) -> bool:
    """Whether a check, planned or evaluated, belongs to a run and to no partition."""
    told: Any = event.get_dagster_event().event_specific_data
    planned = event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
    return bool(event.run_id) and (told.partitions_subset if planned else told.partition) is None


def _inserted(connection: Connection, row: Mapping[str, Any]) -> int:
    key = connection.execute(_EVENT, row).inserted_primary_key
    if key is None:
        raise RuntimeError("SQLite gave an event no number. Try again with Dagster's own storage.")
    return int(key[0])


@cache
def _newest_of_asset(columns: frozenset[str]) -> Insert:
    """What was last heard of an asset: one row per asset, made or written over."""
    statement = insert(AssetKeyTable).values(
        {name: bindparam(name) for name in sorted({"asset_key", *columns})}
    )
    return statement.on_conflict_do_update(
        index_elements=["asset_key"],
        set_={name: statement.excluded[name] for name in sorted(columns)},
    )


def _store_check(
    connection: Connection, event: EventLogEntry, row: Mapping[str, Any], event_id: int
) -> None:
    """The row of a check in a run: planned, then what came of it."""
    told: Any = event.get_dagster_event().event_specific_data
    written = {
        "evaluation_event": row["event"],
        "evaluation_event_timestamp": row["timestamp"],
        "evaluation_event_storage_id": event_id,
    }
    of = (told.asset_key.to_string(), told.check_name, event.run_id)
    inserted = dict(zip(("asset_key", "check_name", "run_id"), of, strict=True))
    if event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
        status = AssetCheckExecutionRecordStatus.PLANNED.value
        connection.execute(_CHECK, {**inserted, **written, "execution_status": status})
        return
    ended = (
        AssetCheckExecutionRecordStatus.SUCCEEDED
        if told.passed
        else AssetCheckExecutionRecordStatus.FAILED
    )
    target = told.target_materialization_data
    written |= {
        "execution_status": ended.value,
        "materialization_event_storage_id": target.storage_id if target else None,
    }
    where = dict(zip(("of_asset", "of_check", "of_run"), of, strict=True))
    if connection.execute(_EVALUATED, {**where, **written}).rowcount == 0:
        connection.execute(_CHECK, {**inserted, **written})
