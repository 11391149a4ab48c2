"""What all runners share at every moment: the counts of daily budgets, the pauses of syncs, and
whose accounts the state speaks of.

A small SQLite file in the home folder, or the PostgreSQL that ``HEADWATER_SYNC_STATE_URL`` names:
then runners on several machines share it.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.database import NONE, Database, Parameters, migrate
from headwater.errors import StateUnavailableError
from headwater.settings import Settings

if TYPE_CHECKING:
    from headwater.postgres import PostgresDatabase

FILE = "shared.sqlite"
URL_SETTING = "HEADWATER_SYNC_STATE_URL"
WAIT_SECONDS = 30.0
_STEPS = (
    (
        """
        create table calls (
            source varchar not null,        -- a source, or `to <destination>`
            day varchar not null,           -- UTC
            calls bigint not null,
            primary key (source, day)
        )
        """,
        """
        create table pauses (
            sync varchar primary key,
            since varchar not null,
            reason varchar not null
        )
        """,
        """
        create table accounts (             -- the account that was met first
            system varchar primary key,
            account varchar not null
        )
        """,
    ),
    (
        """
        create table files (                -- syncs/kept_files.py; of PostgreSQL only
            path varchar primary key,
            md5 varchar not null,
            content bytea not null
        )
        """,
    ),
)


class SqliteDatabase:
    """A session with a SQLite file of the home. Each commit is synced to the disk, a count of calls
    too: a loss of power would else spoil the file, and the pauses in it."""

    def __init__(self, file: Path) -> None:
        self.label = str(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(file, timeout=WAIT_SECONDS, isolation_level=None)

    def rows(self, statement: str, parameters: Parameters = NONE) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self._connection.execute(statement, parameters).fetchall()

    def change(self, statement: str, parameters: Parameters = NONE) -> int:
        """How many rows a statement changed."""
        return self._connection.execute(statement, parameters).rowcount

    @contextmanager
    def transaction(self, alone: str | None = None) -> Iterator[None]:  # noqa: ARG002 (always)
        """All of the block or nothing of it; one writer at a time."""
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def has_table(self, name: str) -> bool:
        """Whether the file has a table of this name."""
        found = self.rows("select 1 from sqlite_master where name = $name", {"name": name})
        return bool(found)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


@contextmanager
def shared_state(settings: Settings) -> Iterator[Database]:
    """The shared state, for the block.

    Raises :class:`StateUnavailableError` where it cannot be read: whoever must know whether he may
    go on doesn't go on then.
    """
    if settings.sync_state_url is not None:
        with _session(settings) as database:
            yield database
        return
    try:
        file = SqliteDatabase(settings.home / FILE)
        try:
            migrate(file, "shared", _STEPS)
            yield file
        finally:
            file.close()
    except sqlite3.Error as error:
        raise StateUnavailableError(
            f"{settings.home / FILE} cannot be read or written: {error}.",
            next_step="It holds daily counts and pauses. Restore it; without it nobody knows which "
            "syncs are paused.",
        ) from error


_sessions: dict[tuple[int, str, str], PostgresDatabase] = {}
_turn = threading.RLock()


@contextmanager
def _session(settings: Settings) -> Iterator[PostgresDatabase]:
    """This process's session with PostgreSQL, kept open: a call of a vendor is counted in one
    round trip. A session that broke is opened anew by the next who asks."""
    url = settings.sync_state_url
    if url is None:
        raise AssertionError("asked for without a URL")
    place = (os.getpid(), url.get_secret_value(), settings.sync_state_schema)
    from headwater.postgres import PostgresDatabase  # a start without it is faster

    with _turn:
        database = _sessions.get(place)
        if database is None or database.connection.closed:
            database = PostgresDatabase(url, settings.sync_state_schema, setting=URL_SETTING)
            try:
                migrate(database, "shared", _STEPS)
            except BaseException:
                database.close()
                raise
            _sessions[place] = database
        try:
            yield database
        except StateUnavailableError:
            database.close()
            raise


@atexit.register
def close_sessions() -> None:
    """Close what this process keeps open; the next who asks opens it again."""
    with _turn:
        for place in [place for place in _sessions if place[0] == os.getpid()]:
            _sessions.pop(place).close()
