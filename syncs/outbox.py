"""The outbox: what is to be delivered, what is in flight, and what became of each row.

Delivery works from here alone; the warehouse is closed by then. ``sent`` moves only by rows that
the destination acknowledged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from headwater.errors import HeadwaterError
from syncs import quarantine
from syncs.destination import Batch, Change, Operation, Outcome, RowResult
from syncs.look_before import Edit, Narrowed
from syncs.state import RowState, naive, one, transaction

STATE_OF = {
    Outcome.DELIVERED: RowState.DELIVERED,
    Outcome.REJECTED: RowState.REJECTED,
    Outcome.RETRY: RowState.PENDING,
    Outcome.UNSENT: RowState.PENDING,
    Outcome.UNTRIED: RowState.PENDING,
    Outcome.UNKNOWN: RowState.UNKNOWN,
}

KEEP_DAYS = 90
"""How long a row that is done with can be looked up (``headwater sync log``): a quarter, as long as
people ask why a record says what it says. Nothing is computed from these rows, and without a limit
the file would grow with every change."""


class Outbox:
    """The outbox of one sync, in its open state file. ``run_id`` is the run that is delivering,
    ``fence`` the number that says whether it still may."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, run_id: str, fence: int) -> None:
        self._connection = connection
        self.fence = fence
        self.run_id = run_id
        self._batches = 0

    def fill(self, name: str, now: datetime) -> None:
        """Take over the planned rows of the difference, and adopt what was right already.

        Pending and rejected rows of earlier runs are superseded: the difference has planned anew
        what is still to be sent. ``runs`` keeps their figures.
        """
        with self.transaction():
            self._connection.execute(
                "update outbox set state = 'superseded', changed_at = ? "
                "where state in ('pending', 'rejected') and run_id <> ?",
                [naive(now), self.run_id],
            )
            self._connection.execute(
                """
                insert into outbox by name
                select
                    $run_id as run_id, seq, key, operation, fields, before, after, model_hash,
                    md5($name || ':' || key) as token, destination_id, 'pending' as state,
                    0 as attempts, false as settled, $now as changed_at, content, suspect,
                    false as spoils
                from planned
                """,
                {"run_id": self.run_id, "name": name, "now": naive(now)},
            )
            if one(self._connection, "select exists (from adopted)"):
                self._adopt(now)

    def _adopt(self, now: datetime) -> None:
        self._connection.execute("delete from sent where key in (select key from adopted)")
        self._connection.execute(
            "insert into sent select key, model_hash, after, destination_id, ?, ? from adopted",
            [naive(now), self.run_id],
        )

    def pending(self, limit: int) -> list[Change]:
        """The next rows to send: those that were tried least come first, so that a row that gets
        no answer does not stand in the way of the others, and suspects come last."""
        return _changes(
            self._connection.execute(
                "select seq, key, operation, fields, token, destination_id, "
                "case when operation = 'update' then after else '{}' end, before, suspect "
                "from outbox "
                "where run_id = ? and state = 'pending' order by suspect, attempts, seq limit ?",
                [self.run_id, limit],
            ).fetchall()
        )

    def mark_in_flight(self, changes: Sequence[Change], now: datetime) -> Batch:
        """Make durable that these rows are about to leave, before they do."""
        self._batches += 1
        batch = Batch(f"{self.run_id}/{self._batches:06d}", tuple(changes))
        leaving = {"seq": pa.array([change.seq for change in changes], pa.int64())}
        with self._given("leaving", leaving), self.transaction():
            self._connection.execute(
                "insert into attempts values (?, ?, null, ?, ?, null)",
                [batch.batch_id, self.run_id, len(changes), naive(now)],
            )
            self._connection.execute(
                """
                update outbox
                set
                    state = 'in_flight', batch_id = $batch_id, attempts = attempts + 1,
                    changed_at = $now
                from leaving
                where outbox.run_id = $run_id and outbox.seq = leaving.seq
                """,
                {"batch_id": batch.batch_id, "now": naive(now), "run_id": self.run_id},
            )
        return batch

    def remember_handle(self, batch_id: str, handle: str) -> None:
        """Make the vendor's name of a batch durable."""
        with self.transaction():
            self._connection.execute(
                "update attempts set handle = ? where batch_id = ?", [handle, batch_id]
            )

    def leave_out(self, narrowed: Sequence[Narrowed]) -> None:
        """Send less of some rows; ``after`` says what ``sent`` is to know of the rest."""
        if not narrowed:
            return
        looked = {
            "seq": pa.array([item.change.seq for item in narrowed], pa.int64()),
            "kept": _texts(json.dumps(dict(item.change.fields)) for item in narrowed),
            "held": _texts(json.dumps(dict(item.held)) for item in narrowed),
            "whole": _texts(
                json.dumps({**item.change.whole, **item.held}) if item.change.whole else None
                for item in narrowed
            ),
        }
        with self._given("looked", looked), self.transaction():
            self._connection.execute(
                """
                update outbox
                set
                    fields = looked.kept::json,
                    after = coalesce(
                        looked.whole::json, json_merge_patch(outbox.after, looked.held::json)
                    )
                from looked
                where outbox.run_id = ? and outbox.seq = looked.seq
                """,
                [self.run_id],
            )

    def note_edits(self, edits: Sequence[Edit], now: datetime) -> None:
        """Keep what other people were seen to have written over us."""
        if not edits:
            return
        seen = {
            "key": _texts(edit.key for edit in edits),
            "field": _texts(edit.field for edit in edits),
            "written": _texts(json.dumps(edit.written) for edit in edits),
            "found": _texts(json.dumps(edit.found) for edit in edits),
            "wanted": _texts(json.dumps(edit.wanted) for edit in edits),
            "kept": pa.array([edit.kept for edit in edits]),
        }
        with self._given("seen", seen), self.transaction():
            self._connection.execute(
                "insert into edits by name select *, ? as run_id, ? as seen_at from seen",
                [self.run_id, naive(now)],
            )

    def record(self, batch: Batch, results: Sequence[RowResult], now: datetime) -> None:
        """Make the answers of a batch durable. Every row of it must have exactly one.

        Raises :class:`HeadwaterError` when a destination answered for other rows than it was given.
        """
        by_key = {result.key: result for result in results}
        asked = {change.key for change in batch.changes}
        if len(by_key) != len(results) or set(by_key) != asked:
            raise HeadwaterError(
                f"Batch {batch.batch_id}: {len(asked)} rows were sent and {len(results)} answered.",
                next_step="This is a mistake in the destination's code; the rows stay in flight "
                "and are resolved by the next run.",
            )
        ordered = [by_key[change.key] for change in batch.changes]
        answers = {
            "seq": pa.array([change.seq for change in batch.changes], pa.int64()),
            "state": _texts(STATE_OF[result.outcome].value for result in ordered),
            "untried": pa.array([result.outcome is Outcome.UNTRIED for result in ordered]),
            "destination_id": _texts(result.destination_id for result in ordered),
            "code": _texts(result.code for result in ordered),
            "message": _texts(
                result.message[:2000] if result.message else None for result in ordered
            ),
            "spoils": pa.array([result.spoils for result in ordered]),
        }
        with self._given("answer", answers), self.transaction():
            self._connection.execute(
                """
                update outbox
                set
                    state = answer.state,
                    attempts = outbox.attempts - answer.untried::integer,
                    destination_id = coalesce(answer.destination_id, outbox.destination_id),
                    code = answer.code,
                    message = answer.message,
                    spoils = answer.spoils,
                    changed_at = $now
                from answer
                where outbox.batch_id = $batch_id and outbox.seq = answer.seq
                """,
                {"now": naive(now), "batch_id": batch.batch_id},
            )
            self._connection.execute(
                "update attempts set finished_at = ? where batch_id = ?",
                [naive(now), batch.batch_id],
            )

    def excuse(self, changes: Sequence[Change], code: str) -> None:
        """Give rejected rows ``code`` instead: it was not them that the batch was refused for."""
        given = {"seq": pa.array([change.seq for change in changes], pa.int64())}
        with self._given("excused", given), self.transaction():
            self._connection.execute(
                "update outbox set code = ?, spoils = false from excused "
                "where outbox.run_id = ? and outbox.seq = excused.seq and state = 'rejected'",
                [code, self.run_id],
            )

    def leftovers(self) -> list[Batch]:
        """Batches of this or earlier runs whose fate is open, oldest first."""
        rows = self._connection.execute(
            """
            select
                outbox.seq, outbox.key, outbox.operation, outbox.fields, outbox.token,
                outbox.destination_id,
                case when outbox.operation = 'update' then outbox.after else '{}' end,
                outbox.before, outbox.suspect, outbox.batch_id, attempts.handle
            from outbox
            inner join attempts on attempts.batch_id = outbox.batch_id
            where outbox.state in ('in_flight', 'unknown')
            order by outbox.batch_id, outbox.seq
            """
        ).fetchall()
        batches: dict[str, list[Change]] = {}
        handles: dict[str, str | None] = {}
        for row, change in zip(rows, _changes(rows), strict=True):
            batches.setdefault(row[9], []).append(change)
            handles[row[9]] = row[10]
        return [Batch(name, tuple(changes), handles[name]) for name, changes in batches.items()]

    def settle(self, now: datetime, destination_fields: str | None = None) -> None:
        """Move ``sent`` by every acknowledged row that it does not know of yet, and ``refused`` by
        every refused one. ``destination_fields``: md5 of the destination's fields, if known."""
        if not one(
            self._connection,
            "select exists (from outbox where state in ('delivered', 'rejected') and not settled)",
        ):
            return  # `sent` may be large: it is not looked through for nothing
        with self.transaction():
            quarantine.learn(self._connection, now, destination_fields)
            self._connection.execute(
                "delete from sent where key in "
                "(select key from outbox where state = 'delivered' and not settled)"
            )
            self._connection.execute(
                """
                insert into sent
                select key, model_hash, after, destination_id, ?, run_id
                from outbox
                where state = 'delivered' and not settled
                qualify row_number() over (partition by key order by run_id desc, seq desc) = 1
                    and operation <> 'remove'
                """,
                [naive(now)],
            )
            self._connection.execute(
                "update outbox set settled = true "
                "where state in ('delivered', 'rejected') and not settled"
            )

    def prune(self, now: datetime) -> None:
        """Forget the rows that earlier runs have done with and that are older than ``KEEP_DAYS``,
        and the attempts they were sent in. ``sent`` and ``runs`` stay whole."""
        before = naive(now - timedelta(days=KEEP_DAYS))
        with self.transaction():
            self._connection.execute(
                "delete from outbox where run_id <> ? and changed_at < ? "
                "and (state = 'superseded' or (state = 'delivered' and settled))",
                [self.run_id, before],
            )
            self._connection.execute(
                "delete from attempts where run_id <> ? and started_at < ? and batch_id not in "
                "(select batch_id from outbox where batch_id is not null)",
                [self.run_id, before],
            )

    def count(self, *states: RowState) -> int:
        """Rows of this run in any of these states."""
        return int(
            one(
                self._connection,
                "select count(*) from outbox where run_id = ? and list_contains(?, state)",
                [self.run_id, [state.value for state in states]],
            )
        )

    def attempts(self, seqs: Sequence[int]) -> dict[int, int]:
        """How often rows of this run have been sent so far."""
        with self._given("asked", {"seq": pa.array(seqs, pa.int64())}):
            return dict(
                self._connection.execute(
                    "select outbox.seq, outbox.attempts from outbox "
                    "semi join asked on asked.seq = outbox.seq where outbox.run_id = ?",
                    [self.run_id],
                ).fetchall()
            )

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction of this run; refused when a newer run has begun."""
        return transaction(self._connection, self.fence)

    @contextmanager
    def _given(self, name: str, columns: Mapping[str, pa.Array]) -> Iterator[None]:
        """Show rows of this process to the connection as a table, for the block.

        Not as parameters: DuckDB converts a list element by element, and looks for pandas and
        others at each.
        """
        self._connection.register(name, pa.table(dict(columns)))
        try:
            yield
        finally:
            self._connection.unregister(name)


def _texts(values: Iterable[str | None]) -> pa.Array:
    return pa.array(list(values), pa.string())


def _changes(rows: Sequence[tuple[Any, ...]]) -> list[Change]:
    """Rows of seq, key, operation, fields, token, destination id, all fields of an update,
    what was acknowledged before, whether it is a suspect; the JSON of all rows in one parse."""
    fields = json.loads(f"[{','.join(row[3] for row in rows)}]")
    wholes = json.loads(f"[{','.join(row[6] for row in rows)}]")
    befores = json.loads(f"[{','.join(row[7] for row in rows)}]")
    return [
        Change(
            row[0], row[1], Operation(row[2]), content, row[4], row[5], whole, bool(row[8]), before
        )
        for row, content, whole, before in zip(rows, fields, wholes, befores, strict=True)
    ]
