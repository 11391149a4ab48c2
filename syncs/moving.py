"""What a sync remembers is moved from its file into PostgreSQL, so that nothing is sent again.

Its pause and its audit go first, then all of the file in one transaction; the file is renamed once
that is durable. A move that died before is begun anew; one that died after is refused the second
time, because PostgreSQL knows the sync by then.
"""

from __future__ import annotations

from datetime import datetime

from headwater.errors import GuardError, SettingsError
from headwater.settings import Settings
from syncs.embedded_state import EmbeddedState, open_embedded
from syncs.kept_files import keep
from syncs.lease import Holder, take_lease
from syncs.pause import pause, paused, resume
from syncs.state import moved_path, state_path
from syncs.state_tables import TABLES

_HASHES = {"model_hash", "content"}
_TYPES = {"INTEGER": "bigint", "JSON": "varchar"}


def move_to_postgres(settings: Settings, name: str, now: datetime) -> int:
    """Move one sync; returns how many keys it knows of at the destination (0 if there is no file).

    Raises :class:`SettingsError` without ``HEADWATER_SYNC_STATE_URL``, :class:`GuardError` when
    PostgreSQL knows of runs of the sync, and :class:`WarehouseBusyError` while it runs.
    """
    if settings.sync_state_url is None:
        raise SettingsError(
            "HEADWATER_SYNC_STATE_URL is missing.", next_step="It says where to move to."
        )
    from syncs.postgres_state import open_postgres

    _move_pause(settings, name)
    path = state_path(settings, name)
    if not path.exists():
        return 0
    with (
        take_lease(settings, name, now),
        open_embedded(settings, name, path) as here,
        open_postgres(settings, name) as there,
    ):
        there.take_lease(settings, Holder.here(name, now))
        if there.rows("select 1 from runs limit 1"):
            raise GuardError(
                f"{there.label} knows of runs of {name} already.",
                next_step=f"Nothing was moved. If {path} was moved before, take it away.",
            )
        for file in sorted((settings.sync_audit / name).glob("*.parquet")):
            keep(file, settings)
        with there.transaction():
            for table in TABLES:
                columns = _columns(here, table)
                query = f"select {', '.join(columns.values())} from {table}"  # noqa: S608 (ours)
                rows = here.compute.execute(query).to_arrow_reader()
                with there.given(f"moved_{table}", rows):
                    names = ", ".join(columns)
                    there.change(
                        f"insert into {table} ({names}) select {names} from moved_{table}"  # noqa: S608
                    )
        ((keys,),) = there.rows("select count(*) from sent")
    path.rename(moved_path(settings, name))
    return int(keys)


def _move_pause(settings: Settings, name: str) -> None:
    """What a person stopped here stays stopped, whether it ever ran or not."""
    here = settings.model_copy(update={"sync_state_url": None})
    found = paused(here, name)
    if found is not None and paused(settings, name) is None:
        pause(settings, name, found.reason, datetime.fromisoformat(found.since))
    resume(here, name)


def _columns(here: EmbeddedState, table: str) -> dict[str, str]:
    """By column, its SQL as PostgreSQL keeps it."""
    found = here.rows(
        "select column_name, data_type from duckdb_columns() where table_name = $table "
        "and database_name = current_database() order by column_index",
        {"table": table},
    )
    return {
        column: f"{_hash_as_text(column)} as {column}"
        if column in _HASHES
        else f"{column}::{_TYPES.get(data_type, data_type)} as {column}"
        for column, data_type in found
    }


def _hash_as_text(column: str) -> str:
    """The md5 as text, of the number that DuckDB's md5_number makes of it: its first byte is the
    lowest."""
    text = f"lpad(lower(to_hex({column})), 32, '0')"
    return f"array_to_string(list_reverse(regexp_extract_all({text}, '..')), '')"
