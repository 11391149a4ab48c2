"""The file in which a vendor's server keeps its state, so that a restart opens the same state."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class SqliteStore:
    """One SQLite file and one connection, shared by the threads of a server under a lock.

    Rows come back as dicts. ``execute`` and ``executemany`` commit by themselves unless they
    run inside ``with store.transaction():``, which commits or rolls back as a whole.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        # Another process of the sandbox may be loading: wait for it.
        self.connection = sqlite3.connect(
            path, timeout=60, check_same_thread=False, isolation_level=None
        )
        self.connection.execute("pragma journal_mode = wal")
        self.connection.execute("pragma synchronous = normal")
        self.connection.execute("pragma cache_size = -65536")  # KiB

    def execute(self, sql: str, parameters: Sequence[Any] | Row = ()) -> list[Row]:
        """Run one statement and return its rows (none for a write)."""
        with self._lock:
            cursor = self.connection.execute(sql, parameters)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def executemany(self, sql: str, rows: Iterable[Sequence[Any] | Row]) -> None:
        """Run one write for many rows, as one transaction."""
        with self.transaction():
            self.connection.executemany(sql, rows)

    def tuples(self, sql: str, parameters: Sequence[Any] | Row = ()) -> list[tuple[Any, ...]]:
        """Run one query and return its rows as tuples: for big results."""
        with self._lock:
            return self.connection.execute(sql, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Several statements that happen together or not at all; may be nested."""
        with self._lock:
            self._depth += 1
            try:
                if self._depth == 1:
                    self.connection.execute("begin immediate")
                yield
                if self._depth == 1:
                    self.connection.execute("commit")
            except BaseException:
                if self._depth == 1:
                    self.connection.execute("rollback")
                raise
            finally:
                self._depth -= 1

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self.connection.close()
