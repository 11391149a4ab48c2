"""The one place that opens DuckDB.

One process at a time can hold a DuckDB file for writing, and a writer shuts out the readers of
other processes too. So every writer keeps its connection short, and everybody who finds the file
held waits for a bounded time and then says who holds it.

Threads of one process share the file: DuckDB gives them the database that is open already, if it is
asked for in the same way. So all writers open it with :data:`CONFIG`, dbt's profile among them.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from headwater.errors import SettingsError, WarehouseBusyError
from headwater.settings import Settings

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    # In the format that every DuckDB reads, an open reads and a close writes 64 KiB for each empty
    # table: 53 ms instead of 28 for the sixty raw tables, at each of a cycle's many opens.
    "storage_compatibility_version": "v1.2.0",
    # What is committed is in the write-ahead log at once. DuckDB moves it into the tables' blocks
    # after 16 MB, and every other thread waits; with much more, the last to close waits longer.
    "checkpoint_threshold": "64MB",
}
"""How the file is opened for writing; the same as ``config_options`` in dbt's profile."""

ROW_GROUP = 122_880
"""Rows that DuckDB keeps, and works through, as one: with one thread, however many there are."""

_one_at_a_time = threading.Lock()
"""Held to open and to close. Two threads that open a file which a third is closing can each make a
database of it; one of them is refused, and leaves DuckDB without a way to the other, so that not
even its owner can open the file again (DuckDB 1.5.6)."""
_limiting = threading.Lock()
_limited: dict[str, tuple[int, str]] = {}
"""By file: how many blocks of :func:`limited_memory` there are, and the limit to go back to."""
_HOLDER = re.compile(r"held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")
# Another process holds it; another thread opens or closes it just now; a thread opened it in
# another way (read-only).
_HELD = (duckdb.IOException, duckdb.BinderException, duckdb.ConnectionException)


@contextmanager
def connect(
    settings: Settings, *, read_only: bool = False, path: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse (or the DuckDB file at ``path``) and close it at the end of the block.

    The session speaks UTC and loads no extension by itself. Waits up to
    ``HEADWATER_WAREHOUSE_WAIT_SECONDS`` for another process to let go of the file, then raises
    :class:`WarehouseBusyError` naming it. ``read_only`` needs a file that exists
    (:class:`SettingsError` otherwise).
    """
    file = path or settings.warehouse
    if read_only and not file.exists():
        raise _no_warehouse(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = _open(file, settings, read_only=read_only)
    try:
        yield connection
    finally:
        with _one_at_a_time:
            connection.close()


@contextmanager
def attached(
    connection: duckdb.DuckDBPyConnection, settings: Settings, *, alias: str = "warehouse"
) -> Iterator[None]:
    """Attach the warehouse read-only to another DuckDB ``connection`` for the block.

    For set-based work over two files (the difference of a sync). Waits like :func:`connect` and
    raises the same errors; the warehouse file is free again at the end of the block.
    """
    file = settings.warehouse
    if not file.exists():
        raise _no_warehouse(file)
    statement = f"attach {literal(file)} as {quote(alias)} (read_only)"
    for attempt in _patiently(settings):
        with attempt:
            try:
                connection.execute(statement)
            except _HELD as error:
                raise _busy_or_unreadable(file, error, settings) from error
    try:
        yield
    finally:
        connection.execute(f"detach {quote(alias)}")


def write_anew(settings: Settings, *, path: Path | None = None) -> None:
    """Write a DuckDB file anew (the warehouse, or the file at ``path``) and rename it into place.

    A row that is deleted is gone from its table, but its bytes stay in the file until they are
    written over; a new file has none of them. So do rows that a query put aside, where it was
    killed: these files go, too. Needs as much free disk again. A kill leaves the old file, and a
    draft beside it that the next one replaces. Raises what :func:`connect` does.
    """
    file = path or settings.warehouse
    draft = file.with_name(f"{file.name}.anew")
    draft.unlink(missing_ok=True)
    with connect(settings, path=path) as connection:
        [(name, aside)] = connection.execute(
            "select current_database(), current_setting('temp_directory')"
        ).fetchall()
        shutil.rmtree(aside, ignore_errors=True)  # nobody else holds the file, nothing is in use
        connection.execute(f"attach {literal(draft)} as anew")
        connection.execute(f"copy from database {quote(name)} to anew")
        connection.execute("detach anew")
        connection.execute("checkpoint")
        draft.replace(file)  # while it is held, so that nobody writes to the old one


@contextmanager
def limited_memory(connection: duckdb.DuckDBPyConnection, limit: str) -> Iterator[None]:
    """Let this process use at most ``limit`` (such as 1GB) for the database in the block; what
    doesn't fit goes to temporary files beside it.

    The limit is the database's, whichever connection works in it: it holds until the last of
    several such blocks ends. Raises :class:`SettingsError` when it is no size.
    """
    file = _file_of(connection)
    with _limiting:
        blocks, before = _limited.get(file) or (0, _memory_limit(connection))
        _limit_memory(connection, limit)
        _limited[file] = (blocks + 1, before)
    try:
        yield
    finally:
        with _limiting:
            blocks, before = _limited.pop(file)
            if blocks > 1:
                _limited[file] = (blocks - 1, before)
            else:
                _limit_memory(connection, before)


def _open(file: Path, settings: Settings, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    for attempt in _patiently(settings):
        with attempt:
            try:
                with _one_at_a_time:
                    connection = duckdb.connect(str(file), read_only=read_only, config=CONFIG)
            except _HELD as error:
                raise _busy_or_unreadable(file, error, settings) from error
    connection.execute("set TimeZone = 'UTC'")
    if settings.duckdb_memory_limit:
        with _limiting:
            if _file_of(connection) not in _limited:
                _limit_memory(connection, settings.duckdb_memory_limit)
    if settings.duckdb_threads:
        connection.execute(f"set threads = {settings.duckdb_threads:d}")
    return connection


def _file_of(connection: duckdb.DuckDBPyConnection) -> str:
    [(file,)] = connection.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchall()
    return str(file)


def _memory_limit(connection: duckdb.DuckDBPyConnection) -> str:
    return str(connection.execute("select current_setting('memory_limit')").fetchall()[0][0])


def _limit_memory(connection: duckdb.DuckDBPyConnection, limit: str) -> None:
    try:
        connection.execute(f"set memory_limit = '{limit.replace(chr(39), '')}'")
    except duckdb.Error as error:
        raise SettingsError(
            f"{limit!r} is no memory limit: {error}", next_step="Write a size, such as 1GB."
        ) from error


def _patiently(settings: Settings) -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(WarehouseBusyError),
        stop=stop_after_delay(settings.warehouse_wait_seconds),
        wait=wait_random_exponential(multiplier=0.05, max=1.0),
        reraise=True,
    )


def _no_warehouse(file: Path) -> SettingsError:
    return SettingsError(
        f"There is no warehouse at {file}.",
        next_step="Run a cycle first (make demo, or headwater cycle), "
        "or set HEADWATER_HOME or HEADWATER_WAREHOUSE_PATH.",
    )


def _busy_or_unreadable(file: Path, error: duckdb.Error, settings: Settings) -> Exception:
    text = str(error)
    if "Unique file handle conflict" in text or "different configuration" in text:
        who = "another part of this process"
    elif "lock" in text.lower():
        holder = _HOLDER.search(text)
        who = f"{holder['program']} (process {holder['pid']})" if holder else "another process"
    else:
        return error
    return WarehouseBusyError(
        f"The DuckDB file {file} is held by {who}; "
        f"waited {settings.warehouse_wait_seconds:g} s for it.",
        next_step="Close that program (a notebook or shell opened for writing?) or wait for its "
        "cycle to end; HEADWATER_WAREHOUSE_WAIT_SECONDS sets how long to wait.",
    )


def quote(identifier: str) -> str:
    """An identifier, quoted for SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """A text or a path as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"
