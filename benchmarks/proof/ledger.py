"""A destination that outlives the process that writes to it, and forgives nothing.

Records stand in an SQLite file, so a kill of the engine leaves what was committed. Each create
makes a new record, as a careless vendor's would, so that duplicates show; each write is counted.
"""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

from headwater.errors import OutcomeUnknownError
from headwater.settings import Settings
from headwater.warehouse import connect
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    Batch,
    Capabilities,
    Change,
    Counts,
    FieldInfo,
    Operation,
    Outcome,
    RowResult,
)

NAME = "proof"
DEFINITION = Definition.model_validate(
    {
        "name": NAME,
        "description": "Rows of the proof.",
        "owner": "nobody",
        "model": NAME,
        "destination": "ledger",
        "object": "record",
        "key": {"column": "k", "field": "key"},
        "mode": "mirror",
        "fields": [{"column": "a", "field": "A"}, {"column": "b", "field": "B"}],
        "removal": {"action": "delete"},
        "guards": {
            "max_removed_share": 1,
            "max_changed_share": 1,
            "max_growth": 1e9,
            "allow_empty": True,
        },
    }
)
_TABLES = """
create table if not exists record (id integer primary key, key text, fields text, token text);
create index if not exists record_key on record (key);
create table if not exists write (key text, payload text, batch text);
create table if not exists called (what text);
"""


class Ledger:
    """Records of one file. ``lost``: the share of answers that get lost after the commit;
    ``refused``: keys that are refused; ``pause``: seconds that a call takes; ``together``: batches
    that it takes at once."""

    name = "ledger"
    capabilities: ClassVar[Capabilities] = Capabilities(frozenset(Mode), frozenset(Removal))

    def __init__(
        self,
        file: Path,
        *,
        rows: int = 10,
        lost: float = 0.0,
        refused: frozenset[str] = frozenset(),
        pause: float = 0.0,
        together: int = 1,
        seed: int = 0,
    ) -> None:
        self._file, self._rows, self._lost, self._refused = file, rows, lost, refused
        self._pause, self._together = pause, together
        self._chance = random.Random(seed)
        self.calls = 0
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("pragma journal_mode = wal")
            connection.executescript(_TABLES)

    def check(self) -> Mapping[str, FieldInfo] | None:
        """Always there."""
        return None

    def batch_rows(self, rows: int) -> int:  # noqa: ARG002 (as long as it is told)
        """As it was told."""
        return self._rows

    def at_once(self, batch_rows: int) -> int:  # noqa: ARG002 (as many as it is told)
        """As it was told."""
        return self._together

    def least_calls(self, counts: Counts) -> int:
        """Full batches of each operation."""
        parts = (counts.created, counts.updated, counts.removed)
        return sum(-(-rows // self._rows) for rows in parts)

    def deliver(
        self,
        batch: Batch,
        remember: Callable[[str], None],  # noqa: ARG002 (no job to remember)
    ) -> Sequence[RowResult]:
        """Write the rows that are not refused, in one transaction."""
        with self._called("deliver") as connection:
            results = [self._write(connection, change, batch.batch_id) for change in batch.changes]
        if self._chance.random() < self._lost:
            raise OutcomeUnknownError("ledger: committed, but no answer came.")
        return results

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Read back."""
        with self._called("resolve") as connection:
            return [self._found(connection, change) for change in batch.changes]

    def state(self) -> list[tuple[str, dict[str, Any]]]:
        """Key and fields of every record, duplicates included."""
        with closing(sqlite3.connect(self._file)) as connection:
            found = connection.execute("select key, fields from record order by key").fetchall()
        return [(key, json.loads(fields)) for key, fields in found]

    def count(self, query: str) -> int:
        """The one number of a query to the file."""
        with closing(sqlite3.connect(self._file)) as connection:
            return int(connection.execute(query).fetchone()[0])

    @contextmanager
    def _called(self, what: str) -> Iterator[sqlite3.Connection]:
        self.calls += 1
        time.sleep(self._pause)
        with closing(sqlite3.connect(self._file, timeout=30)) as connection, connection:
            connection.execute("insert into called values (?)", [what])
            yield connection

    def _write(self, connection: sqlite3.Connection, change: Change, batch: str) -> RowResult:
        if change.key in self._refused:
            return RowResult(change.key, Outcome.REJECTED, code="REFUSED", message="not this one")
        fields = json.dumps(dict(change.fields), sort_keys=True)
        connection.execute(
            "insert into write values (?, ?, ?)", [change.key, change.operation + fields, batch]
        )
        if change.operation is Operation.REMOVE:
            connection.execute("delete from record where key = ?", [change.key])
        elif change.operation is Operation.CREATE:
            connection.execute(
                "insert into record (key, fields, token) values (?, ?, ?)",
                [change.key, fields, change.token],
            )
        else:
            connection.execute(
                "update record set fields = json_patch(fields, ?) where key = ?",
                [fields, change.key],
            )
        return RowResult(change.key, Outcome.DELIVERED)

    @staticmethod
    def _found(connection: sqlite3.Connection, change: Change) -> RowResult:
        row = connection.execute("select fields from record where key = ?", [change.key]).fetchone()
        held = None if row is None else json.loads(row[0])
        if change.operation is Operation.REMOVE:
            done = held is None
        else:
            done = held is not None and all(
                held.get(name) == value for name, value in change.fields.items()
            )
        return RowResult(change.key, Outcome.DELIVERED if done else Outcome.UNSENT)


def write_model(settings: Settings, rows: Mapping[str, tuple[str, float]]) -> None:
    """Replace the model by these rows."""
    with connect(settings) as connection:
        connection.execute("create schema if not exists activation")
        connection.execute(
            f"create or replace table activation.{NAME} (k varchar, a varchar, b double)"
        )
        if rows:
            connection.executemany(
                f"insert into activation.{NAME} values (?, ?, ?)",
                [(key, *values) for key, values in rows.items()],
            )


def as_said(rows: Mapping[str, tuple[str, float]]) -> list[tuple[str, dict[str, Any]]]:
    """What the ledger holds when it is right."""
    return [(key, {"A": a, "B": b}) for key, (a, b) in sorted(rows.items())]
