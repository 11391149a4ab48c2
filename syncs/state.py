"""What a sync remembers: held by one runner at a time, in a DuckDB file or in PostgreSQL.

Both places are a :class:`State`, and everything that is remembered is read and written through it,
with the same statements. docs/decisions/0002-sync-state.md says why it is as it is. Each change is
one transaction; when its method returns, the change survives the death of the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import duckdb
import pyarrow as pa

from headwater.database import NONE, Database, Parameters
from headwater.errors import GuardError, WarehouseBusyError
from headwater.settings import Settings
from syncs.embedded_state import open_embedded
from syncs.lease import Holder, Lease, file_holder, take_lease

if TYPE_CHECKING:
    from syncs.postgres_state import PostgresState


class RowState(StrEnum):
    """Where a row of the outbox stands."""

    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    SUPERSEDED = "superseded"


class RunStatus(StrEnum):
    """How a run ended; ``busy``: another run of the sync was on, so this one did nothing;
    ``paused``: a person stopped it."""

    RUNNING = "running"
    CLEAN = "clean"
    PARTIAL = "partial"
    FAILED = "failed"
    BLOCKED = "blocked"
    BUSY = "busy"
    PAUSED = "paused"


class State(Database, Protocol):
    """The rows of one sync, and a DuckDB for the set-based work on them.

    ``compute`` has what this process works out (``planned``, ...), and what was fetched. Hashes
    are of ``hash_type`` there.
    """

    @property
    def sync(self) -> str: ...

    @property
    def compute(self) -> duckdb.DuckDBPyConnection: ...

    @property
    def hash_type(self) -> str: ...

    def md5(self, text: str) -> str:
        """SQL, for ``compute``, of the md5 of a text in ``hash_type``."""
        ...

    def hex_of(self, column: str) -> str:
        """SQL, for ``compute``, of a hash as text."""
        ...

    def fetch(
        self, name: str, query: str, parameters: Parameters = NONE, keys: str | None = None
    ) -> None:
        """Show a query of the state to ``compute`` under a name. With ``keys``, a query of
        ``compute`` that has the column ``key``, only the rows whose key is among them. What is
        changed afterwards may or may not be seen."""
        ...

    def given(self, name: str, rows: pa.Table | str) -> AbstractContextManager[None]:
        """Show rows of this process, or a query of ``compute``, to the state as the table ``name``.
        Within a transaction."""
        ...


def state_path(settings: Settings, name: str) -> Path:
    """The file of a sync in the embedded place."""
    return settings.sync_state / f"{name}.duckdb"


def moved_path(settings: Settings, name: str) -> Path:
    """What the file of a sync is called once its state is in PostgreSQL."""
    return settings.sync_state / f"{name}.moved"


@contextmanager
def hold_state(settings: Settings, name: str, now: datetime) -> Iterator[tuple[State, Lease]]:
    """Hold the sync ``name`` for the block, as the only one who runs it.

    Waits up to ``HEADWATER_WAREHOUSE_WAIT_SECONDS`` for another runner to end, then raises
    :class:`WarehouseBusyError` that names it.
    """
    if settings.sync_state_url is None:
        with (
            take_lease(settings, name, now) as lease,
            open_embedded(settings, name, state_path(settings, name)) as state,
        ):
            yield state, lease
        return
    from syncs.postgres_state import open_postgres  # a start without it is faster

    # A runner that lost its session goes on with its batch: nobody else begins in its home then.
    with take_lease(settings, name, now), open_postgres(settings, name) as shared:
        here = Holder.here(name, now)
        shared.take_lease(settings, here)
        _require_not_left_behind(settings, shared)
        yield shared, _SessionLease(shared, here)


def _require_not_left_behind(settings: Settings, state: State) -> None:
    """What a home remembers in a file is not forgotten because the setting is new: all of it would
    be sent again. Raises :class:`GuardError`."""
    path = state_path(settings, state.sync)
    if path.exists() and not state.rows("select 1 from runs limit 1"):
        raise GuardError(
            f"{path} remembers what {state.sync} sent, and {state.label} knows nothing of it.",
            next_step="Nothing was sent, for all of it would be sent again. "
            f"`headwater sync move {state.sync}` moves what it remembers to PostgreSQL.",
        )


class _SessionLease:
    """Tells in PostgreSQL how far a run is."""

    def __init__(self, state: PostgresState, here: Holder) -> None:
        self._state = state
        self._here = here

    def tell(self, doing: str) -> None:
        self._state.tell(self._here, doing)


@contextmanager
def open_state(settings: Settings, name: str) -> Iterator[State]:
    """Open a sync's state for somebody who doesn't run it, or whose lease is held elsewhere."""
    if settings.sync_state_url is None:
        with open_embedded(settings, name, state_path(settings, name)) as state:
            yield state
        return
    from syncs.postgres_state import open_postgres  # a start without it is faster

    with open_postgres(settings, name) as shared:
        yield shared


def holder(settings: Settings, name: str) -> Holder | None:
    """Who runs the sync just now, None if nobody does. Never waits."""
    if settings.sync_state_url is None:
        return file_holder(settings, name)
    from syncs.postgres_state import holder_in_postgres

    return holder_in_postgres(settings, name)


def require_not_running(settings: Settings, name: str) -> None:
    """Raise :class:`WarehouseBusyError` at once while somebody runs the sync."""
    running = holder(settings, name)
    if running is not None:
        raise WarehouseBusyError(
            f"{name} is being run by {running}.",
            next_step="Its rows can be looked at when it has ended.",
        )


def is_known(settings: Settings, name: str) -> bool:
    """Whether there may be anything that the sync remembers."""
    return settings.sync_state_url is not None or state_path(settings, name).exists()


@contextmanager
def look_at_state(settings: Settings, name: str) -> Iterator[State | None]:
    """Open a sync's state for reading, None where it remembers nothing. Raises
    :class:`WarehouseBusyError` at once while it runs."""
    if not is_known(settings, name):
        yield None
        return
    require_not_running(settings, name)
    if settings.sync_state_url is None:
        with open_embedded(settings, name, state_path(settings, name), read_only=True) as state:
            yield state
        return
    from syncs.postgres_state import open_postgres  # a start without it is faster

    with open_postgres(settings, name) as shared:
        yield shared


def naive(at: datetime) -> datetime:
    """UTC without a zone, as DuckDB keeps it."""
    return at.astimezone(UTC).replace(tzinfo=None)
