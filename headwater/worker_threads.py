"""Small work on one thread of DuckDB.

DuckDB shares a statement out among all cores and puts the pieces together again. A row group or
less is not worth it: landing 5,000 rows took half as much CPU time again with two threads, and no
less time on the clock. The number of threads is the database's, whichever connection works in it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

_changing = threading.Lock()


@dataclass
class _Work:
    """What is under way in one file, and the threads to go back to."""

    threads: int
    small: int = 0
    large: int = 0


_under_way: dict[str, _Work] = {}


@contextmanager
def worker_threads(connection: duckdb.DuckDBPyConnection, *, is_small: bool) -> Iterator[None]:
    """Do a piece of work with one thread if it ``is_small`` and so is all other work that is in
    such a block just now, else with as many as the database has."""
    [(file, threads)] = connection.execute(
        "select path, current_setting('threads') from duckdb_databases() "
        "where database_name = current_database()"
    ).fetchall()
    with _changing:
        work = _under_way.setdefault(str(file), _Work(int(threads)))
        _count(work, is_small, 1)
        _adapt(connection, work)
    try:
        yield
    finally:
        with _changing:
            _count(work, is_small, -1)
            _adapt(connection, work)
            if not work.small and not work.large:
                del _under_way[str(file)]


def _count(work: _Work, is_small: bool, change: int) -> None:
    if is_small:
        work.small += change
    else:
        work.large += change


def _adapt(connection: duckdb.DuckDBPyConnection, work: _Work) -> None:
    threads = 1 if work.small and not work.large else work.threads
    connection.execute(f"set threads = {threads:d}")
